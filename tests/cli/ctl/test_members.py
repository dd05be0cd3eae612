"""`ledgerctl cluster members|add|remove|replace`."""

import time
from collections import deque
from collections.abc import Callable

import pytest

from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.client import Client
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

WHERE = ("--peer-address", "node4:7201", "--api-address", "node4:7101")


def learner(round_: int, lag: int, *, catching_up: bool = True) -> pb.Member:
    """Return node 4 on its way."""
    progress = pb.MemberProgress(
        catch_up_round=round_, lag_entries=lag, mode="replicate", heard=True
    )
    return pb.Member(
        node_id=4, role=pb.LEARNER, catching_up=catching_up, progress=progress
    )


VOTER = pb.Member(node_id=4, role=pb.VOTER)


def test_members_are_a_table_and_a_document(
    run: Run, run_json: Callable[..., dict[str, object]]
) -> None:
    """Who, what, how far; and the number of the next node."""
    table = run("cluster", "members").stdout
    document = run_json("cluster", "members")

    assert "1 leads" in table
    assert "the next node gets number 4" in table
    assert document["membership_index"] == "5"
    assert document["next_node_id"] == 4


def test_a_new_node_is_watched_until_it_votes(cluster: FakeCluster, run: Run) -> None:
    """What it does meanwhile is said apart from the result."""
    cluster.learners[4] = deque([learner(0, 0), learner(1, 1_200), VOTER])
    result = run("cluster", "add", *WHERE)

    assert result.exit_code == 0, result.output
    assert "node 4 learns since index 6" in result.stderr
    assert "has not answered yet" in result.stderr
    assert "round 1, 1,200 entries behind" in result.stderr
    assert "voter" in result.stdout


def test_a_node_that_is_too_slow_ends_the_command(
    cluster: FakeCluster, run: Run
) -> None:
    """F23: it stays a learner, and what to do is said."""
    cluster.learners[4] = deque([learner(3, 900), learner(3, 900, catching_up=False)])
    result = run("cluster", "add", *WHERE)

    assert result.exit_code == 1
    assert "CATCH_UP_TOO_SLOW" in result.stderr
    assert "--node 4" in result.stderr


def test_nobody_waits_with_no_wait(run: Run) -> None:
    """The cluster goes on by itself."""
    result = run("cluster", "replace", "3", *WHERE, "--no-wait")

    assert result.exit_code == 0, result.output
    assert "a vote" in result.stdout


def test_a_wait_has_an_end(cluster: FakeCluster, run: Run) -> None:
    """Whether it will vote is then not known, and the exit code says so."""
    result = run("cluster", "add", *WHERE, "--timeout", "0.1")

    assert result.exit_code == 4
    assert "the cluster goes on by itself" in result.stderr


def test_a_node_is_removed(cluster: FakeCluster, run: Run) -> None:
    """And the rest is shown."""
    result = run("cluster", "remove", "3")

    assert result.exit_code == 0, result.output
    assert "node 3 takes no part any more since index 6" in result.stderr
    assert [member.node_id for member in cluster.members.members] == [1, 2]


def test_what_is_known_of_a_node_is_changed(cluster: FakeCluster, run: Run) -> None:
    """L1: its priority, for one."""
    result = run("cluster", "update", "2", "--priority", "10")

    assert result.exit_code == 0, result.output
    assert "node 2 is known anew since index 6" in result.stderr
    assert cluster.members.members[1].priority == 10
    assert run("cluster", "update", "2").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("update", "2", "--priority", str(2**31)),
        ("add", *WHERE, "--priority", str(-(2**31) - 1)),
        ("snapshot", "--node", "9"),
    ],
)
def test_numbers_that_cannot_be_are_one_line(
    run: Run, arguments: tuple[str, ...]
) -> None:
    """A slip of the hand is answered with what was expected, and not with a traceback."""
    result = run("cluster", *arguments)

    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "rror: " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (("add", *WHERE), "add_node"),
        (("replace", "3", *WHERE), "replace_node"),
        (("remove", "3"), "remove_node"),
        (("update", "3", "--priority", "1"), "update_node"),
        (("transfer", "--to", "2"), "transfer_leadership"),
    ],
)
def test_an_interrupted_change_is_not_called_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], call: str
) -> None:
    """It may be in the log; the line says where to look."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, call, interrupt)
    result = run("cluster", *arguments)

    assert result.exit_code == 4, result.output
    assert "interrupted before the answer came" in result.stderr
    assert ": ledgerctl cluster " in result.stderr


@pytest.mark.parametrize("verb", [("add",), ("replace", "3")])
def test_an_interrupted_wait_says_that_the_cluster_goes_on(
    cluster: FakeCluster,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    verb: tuple[str, ...],
) -> None:
    """The node learns already, and votes by itself when it has caught up."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    cluster.learners[4] = deque([learner(0, 0), learner(1, 5)])
    monkeypatch.setattr(time, "sleep", interrupt)
    result = run("cluster", *verb, *WHERE)

    assert result.exit_code == 4, result.output
    assert "node 4 votes; the cluster goes on by itself" in result.stderr
