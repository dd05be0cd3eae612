"""`ledgerctl events watch` and `ledgerctl events get`."""

import json

import pytest

from ledgerd.api.v1.events_pb2 import Event
from ledgerd.client import BlockingWatch
from ledgerd.errors import Reason
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster, refuse
from tests.client.test_watch import COUNT, ONE, happen


def test_events_are_shown_to_the_last_one_there_is(
    run: Run, cluster: FakeCluster
) -> None:
    """One a line for people, one document a line for programs."""
    happen(cluster)
    table = run("events", "watch", "--from-seq", "19", "--no-follow")
    lines = run(
        "events", "watch", "--from-seq", "3", "--no-follow", "--output", "json"
    ).stdout.splitlines()

    assert table.exit_code == 0, table.output
    assert [line.split()[0] for line in table.stdout.splitlines()] == ["19", "20"]
    assert "payout_created" in table.stdout
    assert "1.00 USD" in table.stdout
    documents = [json.loads(line) for line in lines]
    assert [document["seq"] for document in documents] == [
        str(seq) for seq in range(3, COUNT + 1)
    ]
    assert documents[2]["accounts"][0]["balances"]["available_units"] == "5"


def test_filters_are_passed_on(run: Run, cluster: FakeCluster) -> None:
    """Only what was asked for is shown."""
    happen(cluster)
    result = run("events", "watch", "--from-seq", "1", "--account", ONE, "--no-follow")

    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        "5",
        "10",
        "15",
        "20",
    ]


def test_a_number_that_is_not_kept_is_an_error(run: Run, cluster: FakeCluster) -> None:
    """Its code and exit status are those of a call that was not logged."""
    for node in cluster.nodes.values():
        node.before.append(refuse(Reason.EVENT_NOT_KEPT))
    result = run("events", "watch", "--from-seq", "999")

    assert result.exit_code == 3
    assert "EVENT_NOT_KEPT" in result.output


def test_one_event_is_shown(run: Run, cluster: FakeCluster) -> None:
    """With the balances it left behind."""
    happen(cluster)
    table = run("events", "get", "5")
    document = json.loads(run("events", "get", "5", "--output", "json").stdout)
    unknown = run("events", "get", "21")

    assert table.exit_code == 0, table.output
    assert f"{ONE}  available 5" in table.stdout
    assert document["event"]["amount"] == {
        "units": "100",
        "currency": "USD",
        "exponent": 2,
    }
    assert unknown.exit_code == 3


def test_an_interrupt_says_where_to_go_on(
    run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was shown is not shown again."""
    happen(cluster)
    shown = BlockingWatch.__next__

    def two_then_interrupt(watch: BlockingWatch) -> Event:
        if watch.next_seq == 7:
            raise KeyboardInterrupt
        return shown(watch)

    monkeypatch.setattr(BlockingWatch, "__next__", two_then_interrupt)
    result = run("events", "watch", "--from-seq", "5")

    assert result.exit_code == 130
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["5", "6"]
    assert "go on with --from-seq 7" in result.stderr
