"""`ledgerctl cluster status` shows every node, also those that do not answer."""

import json
import time
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.cli.ctl.digest import compare
from ledgerd.cli.ctl.root import cli
from ledgerd.client import Client
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster, FakeNode, fail_like_grpc


def test_every_node_has_a_row(run: Run) -> None:
    """Role and readiness of each."""
    result = run("cluster", "status")

    assert result.exit_code == 0
    assert result.stdout.count("follower") == 2
    assert result.stdout.count("leader") == 1


def test_dead_node_is_shown_as_such(cluster: FakeCluster, run: Run) -> None:
    """A node that cannot be reached does not hide the others."""
    cluster.nodes[3].stop()

    table = run("cluster", "status")
    document = json.loads(run("cluster", "status", "--output", "json").stdout)

    assert table.exit_code == 0
    assert "unreachable" in table.stdout
    assert "node 3 at" in document["nodes"][2]["unreachable"]
    assert document["nodes"][0]["digest"] == "ab" * 32


def test_no_node_at_all_is_a_failure(cluster: FakeCluster, run: Run) -> None:
    """Scripts may wait for the cluster with it."""
    for node in cluster.nodes.values():
        node.stop()

    assert run("cluster", "status", "--deadline", "0.2").exit_code == 3


def test_a_transfer_says_who_leads_and_how_long_it_took(
    cluster: FakeCluster, run: Run
) -> None:
    """For people on one line, with the progress apart from the result."""
    result = run("cluster", "transfer", "--to", "3")

    assert result.exit_code == 0
    assert "node 1 hands over to node 3" in result.stderr
    assert result.stdout.startswith("node 3 leads in term 2, after ")
    assert cluster.leader_id == 3


def test_a_transfer_is_a_document_for_programs(run: Run) -> None:
    """Without a target the cluster picks one."""
    document = json.loads(run("cluster", "transfer", "--output", "json").stdout)

    assert document["from_node_id"] == 1
    assert document["leader_id"] == 2
    assert document["took_ms"] >= 0


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_transfer_names_the_node_that_handed_over(
    cluster: FakeCluster, run: Run, output: str
) -> None:
    """Here another one was elected after the command had asked who leads."""
    node = cluster.nodes[1]
    node.before.append(lambda *_: None)  # `ledgerctl` asks
    node.before.append(lambda *_: setattr(cluster, "leader_id", 2))  # and the library

    result = run("cluster", "transfer", "--to", "3", "--output", output)

    assert result.exit_code == 0
    assert "node 1 hands over" in result.stderr or output == "json"
    if output == "json":
        document = json.loads(result.stdout)
        assert (document["from_node_id"], document["leader_id"]) == (2, 3)
    else:
        assert result.stdout.endswith("(before: node 2)\n")


def test_a_node_that_is_cut_off_does_not_say_who_leads(
    cluster: FakeCluster, run: Run
) -> None:
    """It is in the profile, and asked first; it may have been removed and run on."""
    cluster.leader_id, cluster.term = 2, 7
    cluster.cut_off[1] = None, 6
    copy = run("cluster", "snapshot")
    handed_over = run("cluster", "transfer", "--to", "3")

    assert copy.exit_code == 0, copy.output
    assert copy.stdout.startswith("node 2: ")
    assert handed_over.exit_code == 0, handed_over.output
    assert "node 2 hands over to node 3" in handed_over.stderr
    assert handed_over.stdout.endswith("(before: node 2)\n")


LEADER_MISSING = (
    "node 1 leads, and the profile does not have it (it has 2, 3); add its address to the "
    "profile, or name one of these nodes (--node)\n"
)


def elected(node: FakeNode, _: grpc.ServicerContext) -> None:
    """Let this node lead from now on."""
    node.cluster.leader_id = node.node_id


@pytest.fixture
def run_without_leader(cluster: FakeCluster, tmp_path: Path) -> Run:
    """Run `ledgerctl` with a profile of nodes 2 and 3, while node 1 leads."""
    whole = cluster.profile()
    path = tmp_path / "others.toml"
    path.write_text(replace(whole, endpoints=whole.endpoints[1:]).to_toml())
    runner = CliRunner(env={"LEDGERCTL_CONFIG": str(path), "COLUMNS": "200"})
    return lambda *arguments: runner.invoke(cli, arguments)


def test_a_leader_that_the_profile_lacks_is_asked(
    cluster: FakeCluster, run_without_leader: Run
) -> None:
    """Others say where it is, and its copy is watched there."""
    made = run_without_leader("cluster", "snapshot", "--make")

    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("node 1: state at index 80")
    assert cluster.calls("Snapshot")[1:] == [0, 0]


def test_a_leader_that_cannot_be_reached_is_named(
    cluster: FakeCluster, run_without_leader: Run
) -> None:
    """A member that the profile lacks leads, behind an address that is not ours."""
    cluster.nodes[1].stop()
    result = run_without_leader("cluster", "snapshot", "--deadline", "0.5")

    assert result.exit_code == 3, result.output
    assert result.stderr.endswith(LEADER_MISSING)


def test_a_leader_whose_address_nobody_tells_is_named(
    cluster: FakeCluster, run_without_leader: Run
) -> None:
    """As after an election in between, which lets another node answer."""
    cluster.nodes[2].before.append(lambda *_: None)  # it says who leads; then it does
    cluster.nodes[2].before.append(elected)
    cluster.nodes[3].before.extend([lambda *_: None, elected])
    result = run_without_leader("cluster", "snapshot")

    assert result.exit_code == 73, result.output
    assert result.stderr == f"error: {LEADER_MISSING}"


@pytest.mark.parametrize("verb", ["snapshot", "transfer"])
def test_without_a_leader_nothing_is_begun(
    cluster: FakeCluster, run: Run, verb: str
) -> None:
    """The code and what to look at, as of any call that was certainly not logged."""
    cluster.leader_id = None
    result = run("cluster", verb, "--deadline", "0.5")

    assert result.exit_code == 3
    assert result.stderr.startswith("error: NO_LEADER: ")
    assert "ledgerctl cluster status" in result.stderr
    assert "node 0" not in result.output


def test_a_transfer_whose_answer_was_lost_is_made_once(
    cluster: FakeCluster, run: Run
) -> None:
    """The request names the leader that it was meant for, so a repeat finds it done."""
    cluster.nodes[1].after.append(fail_like_grpc(grpc.StatusCode.UNAVAILABLE))
    result = run("cluster", "transfer")

    assert result.exit_code == 0
    assert cluster.leader_id == 2


def test_the_cluster_fits_a_narrow_terminal(cluster: FakeCluster, run: Run) -> None:
    """Eighty columns are enough, also after a billion entries."""
    cluster.index = 1_234_567_890
    cluster.nodes[3].stop()
    shown = run("cluster", "status").stdout.splitlines()
    table = shown[: shown.index(next(line for line in shown if "does not" in line))]

    assert shown[0] == "node 1 leads, term 1, committed 1234567890, state version 2"
    assert max(len(line.rstrip()) for line in table) <= 80
    assert any(line.split() == ["3", "unreachable", "?", "7"] for line in table)


def test_a_check_says_how_the_cluster_is(cluster: FakeCluster, run: Run) -> None:
    """0 all well, 1 somebody is missing, not ready or differs, 3 nobody leads."""
    well = run("cluster", "status", "--check")
    cluster.not_ready[2] = "stopped applying before index 7"
    not_ready = run("cluster", "status", "--check")
    cluster.not_ready.clear()
    cluster.digests[2] = "cd" * 32
    differs = run("cluster", "status", "--check")
    cluster.digests.clear()
    cluster.newcomers.append(9)
    newcomer = run("cluster", "status", "--check")
    cluster.leader_id = None
    headless = run("cluster", "status", "--check")

    assert well.exit_code == 0
    assert (not_ready.exit_code, differs.exit_code, newcomer.exit_code) == (1, 1, 1)
    assert "node 2 is not ready: stopped applying before index 7" in not_ready.stdout
    assert "digests differ at index 0: nodes 1, 3 against 2" in differs.stdout
    assert "node 9 is a member, not in the profile" in newcomer.stdout
    assert headless.exit_code == 3
    assert "nobody leads" in headless.stdout


def test_a_node_without_room_is_named(cluster: FakeCluster, run: Run) -> None:
    """It may serve as ever; of a majority of such nodes all commands are refused (F36)."""
    cluster.free_bytes = {1: 5, 2: 0}
    low = run("cluster", "status", "--check")
    cluster.free_bytes[2] = 1
    freed = run("cluster", "status", "--check")

    assert low.exit_code == 1
    assert "node 2 has no room left, on disk or in a map" in low.stdout
    assert freed.exit_code == 0


def test_a_leader_outside_the_profile_leads_all_the_same(
    cluster: FakeCluster, run: Run, tmp_path: Path
) -> None:
    """A node was added and leads before the profiles name it: the others say who it is."""
    profile = cluster.profile()
    few = replace(profile, endpoints=profile.endpoints[1:])
    (tmp_path / "client.toml").write_text(few.to_toml())
    shown = run("cluster", "status", "--check")
    cluster.leader_id = None
    headless = run("cluster", "status", "--check")

    assert shown.stdout.startswith("node 1 leads, term 1")
    assert "nobody leads" not in shown.stdout
    assert "node 1 is a member, not in the profile" in shown.stdout
    assert shown.exit_code == 1  # it should be
    assert headless.exit_code == 3


def test_a_removed_node_of_the_profile_is_told_apart_from_a_dead_one(
    cluster: FakeCluster, run: Run, tmp_path: Path
) -> None:
    """Its trouble ends when the profile is mended, not when the node is."""
    profile = cluster.profile()
    cluster.nodes.pop(3).stop()
    (tmp_path / "client.toml").write_text(profile.to_toml())
    shown = run("cluster", "status", "--check")

    assert "node 3 is no member, and does not answer" in shown.stdout
    assert shown.exit_code == 1


def test_programs_get_the_leaders_view_too(cluster: FakeCluster, run: Run) -> None:
    """JSON has what each node says, its lag, what is wrong, and what the leader knows."""
    cluster.index = 50
    document = json.loads(run("cluster", "status", "--output", "json").stdout)

    assert document["leader_id"] == 1
    assert document["commit_index"] == "50"
    assert document["troubles"] == []
    assert [node["lag_entries"] for node in document["nodes"]] == ["0", "0", "0"]
    assert document["as_the_leader_sees_it"]["nodes"][1]["as_heard"]["heard"] is True


def test_an_older_leader_has_no_view_of_the_cluster(
    cluster: FakeCluster, run: Run
) -> None:
    """Nodes of release 0.1.0 answer for themselves, and that is shown."""
    unknown = fail_like_grpc(grpc.StatusCode.UNIMPLEMENTED)
    for node in cluster.nodes.values():
        node.before.extend([lambda *_: None, unknown])
    result = run("cluster", "status")

    assert result.exit_code == 0
    assert "node 1 leads" in result.stdout


def test_a_node_without_a_copy_of_its_state_says_so(run: Run) -> None:
    result = run("cluster", "snapshot", "--node", "2")

    assert result.exit_code == 0
    assert result.stdout.startswith("node 2: no copy of the state; log 5 .. 90")


def test_equal_digests_are_told_at_the_newest_common_index(run: Run) -> None:
    """The nodes stand at 2,049 to 2,051; all know their digest at 2,048."""
    result = run("cluster", "digest")

    assert result.exit_code == 0
    assert "digest at 2048" in result.stdout
    document = json.loads(run("cluster", "digest", "--output", "json").stdout)
    assert document["index"] == 2_048
    assert document["equal"] is True


def test_digests_that_nobody_tells_are_not_equal(
    cluster: FakeCluster, run: Run
) -> None:
    """A script must not take silence for health."""
    for node in cluster.nodes.values():
        node.stop()
    result = run("cluster", "digest", "--output", "json")

    assert result.exit_code == 3
    assert json.loads(result.stdout)["equal"] is False
    assert "expected an answer of at least one node" in result.stderr


def test_digests_that_differ_end_with_1(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For scripts that look after a cluster (F37)."""
    theirs = pb.DigestAt(index=8, digest="ff" * 32)
    ours = pb.DigestAt(index=8, digest="00" * 32)
    replies = {
        1: pb.DigestReply(node_id=1, now=ours),
        2: pb.DigestReply(node_id=2, now=theirs, fenced="its digest at index 8 ..."),
    }
    monkeypatch.setattr(Client, "digests", lambda _: replies)

    result = run("cluster", "digest")

    assert result.exit_code == 1
    assert "its digest at index 8" in result.stdout
    assert "expected one digest at index 8, found 2" in result.stderr


def test_nodes_without_a_common_index_are_not_compared() -> None:
    """Nothing is wrong with a node that just started."""
    at = pb.DigestAt(index=5, digest="aa")
    compared = compare({1: pb.DigestReply(now=at), 2: pb.DigestReply()})

    assert compared.index == 5
    assert compared.is_equal


def test_a_copy_is_made_and_waited_for(cluster: FakeCluster, run: Run) -> None:
    """A copy of a large state takes longer than a call: it is asked for again."""
    result = run("cluster", "snapshot", "--make")

    assert result.exit_code == 0
    assert "node 1 copies" in result.stderr
    assert "state at index 80 of term 2, 5.0 MB, digest abababababab" in result.stdout
    document = json.loads(run("cluster", "snapshot", "--output", "json").stdout)
    assert document["newest"]["index"] == "80"


def test_an_interrupted_wait_for_a_copy_says_where_to_look(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node goes on with the copy, and shows it once it is there."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    result = run("cluster", "snapshot", "--make")
    monkeypatch.undo()

    assert result.exit_code == 130, result.output
    assert "goes on: ledgerctl cluster snapshot --node 1" in result.stderr
    assert "state at index 80" in run("cluster", "snapshot", "--node", "1").stdout


def test_a_member_that_was_not_compared_is_named(
    cluster: FakeCluster, run: Run
) -> None:
    """Equal digests of those in the profile say nothing of a node that was added since."""
    cluster.newcomers.append(9)
    shown = run("cluster", "digest")
    document = json.loads(run("cluster", "digest", "--output", "json").stdout)
    cluster.leader_id = None
    headless = run("cluster", "digest")

    assert (
        "node 9 is a member, not in the profile, and was not compared" in shown.stdout
    )
    assert document["not_in_profile"] == [9]
    assert (shown.exit_code, headless.exit_code) == (0, 0)
