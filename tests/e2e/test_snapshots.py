"""A node that lacks what the others no longer have: caught up by a state, then by the log."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import CallError, Client, Profile
from tests import waiting
from tests.e2e.load import Load, load_on
from tests.e2e.rest import rest_of
from tests.e2e.watchers import Watcher

pytestmark = pytest.mark.e2e
WAIT_S_MAX = 60.0
STALL_S_MAX = 1.0
SMALL = {
    "storage": {
        "log_keep_entries": 64,
        "snapshot_chunk_bytes": 4096,
        "snapshot_rate_bytes": 4 << 20,
    }
}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[DevCluster]:
    """Three running nodes that keep few log entries."""
    cluster = DevCluster(tmp_path / "cluster", 3, settings=SMALL)
    cluster.prepare()
    try:
        cluster.start()
        cluster.wait_ready()
        yield cluster
    finally:
        cluster.stop()


def status(client: Client, node_id: int) -> admin_pb2.StatusReply:
    return client.status(node_id, deadline=2.0)


def until(what: str, is_so: Callable[[], bool], timeout_s: float = WAIT_S_MAX) -> None:
    waiting.until(what, is_so, within_s=timeout_s, passing=CallError)


def events(cluster: DevCluster, node_id: int) -> list[dict[str, object]]:
    # Without a line that is being written.
    lines = cluster.log_path(node_id).read_text().rpartition("\n")[0].splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def happened(cluster: DevCluster, node_id: int, event: str) -> int:
    return sum(1 for one in events(cluster, node_id) if one["event"] == event)


def away_until_cut(cluster: DevCluster, client: Client, load: Load) -> int:
    """Pause a follower until the leader has cut what it lacks; return which."""
    leader = cluster.wait_ready()
    away = next(node for node in (1, 2, 3) if node != leader)
    at = status(client, away).last_index
    cluster.pause(away)
    until(
        "the leader cuts its log",
        lambda: status(client, cluster.leader() or leader).first_index > at + 64,
    )
    assert load.failures == []
    return away


def same_digests(client: Client) -> bool:
    statuses = [status(client, node) for node in (1, 2, 3)]
    return len(rest_of(statuses)) == 1


@pytest.mark.alone
def test_a_paused_follower_catches_up_by_a_snapshot_while_load_goes_on(
    small: DevCluster,
) -> None:
    """Acceptance 7 in short: the log is cut while it is away; nobody else notices."""
    with Client(Profile.load(small.profile_path)) as client:
        with load_on(client, callers=8, deadline_s=10.0) as load:
            away = away_until_cut(small, client, load)
            back_at = time.monotonic()
            small.resume(away)
            until(
                "the state is installed",
                lambda: happened(small, away, "snapshot_installed") > 0,
            )
            load.wait_for(100)
            goal = status(client, small.leader() or 1).commit_index
            until(
                "the follower follows",
                lambda: status(client, away).applied_index >= goal,
            )
            longest_gap_s = load.longest_gap_s(back_at)
        assert load.failures == []
        print(f"longest gap while it caught up: {longest_gap_s:.3f} s")
        assert longest_gap_s <= STALL_S_MAX
        until("digests are equal", lambda: same_digests(client))
        assert status(client, away).first_index > 64
    small.stop(away)
    report = json.loads(
        subprocess.run(
            [
                sys.executable,
                "-m",
                "ledgerd",
                "check",
                "--data-dir",
                str(small.data_directory(away)),
                "--output",
                "json",
            ],
            capture_output=True,
            check=False,
        ).stdout
    )
    assert report["clean"], report
    assert not report["replayed"]


def test_a_receiver_killed_in_the_middle_goes_on_where_it_was(
    small: DevCluster,
) -> None:
    """F29, F30: killed again and again while the state comes; it starts each time."""
    with Client(Profile.load(small.profile_path)) as client:
        with load_on(client, callers=4, deadline_s=10.0, pause_s=0.01) as load:
            away = away_until_cut(small, client, load)
            small.resume(away)
            for _ in range(4):
                before = happened(small, away, "snapshot_fetch_begun")
                until(
                    "the fetch begins",
                    lambda before=before: (
                        happened(small, away, "snapshot_fetch_begun") > before
                        or happened(small, away, "snapshot_installed") > 0
                    ),
                )
                small.kill(away)
                small.start(away)
            until(
                "the state is installed",
                lambda: (
                    happened(small, away, "snapshot_installed") > 0
                    or status(client, away).first_index > 64
                ),
            )
        until("digests are equal", lambda: same_digests(client))


def test_a_spoiled_copy_is_refused_and_made_again(small: DevCluster) -> None:
    """T90, acceptance 8: one flipped bit in the sender's copy, under good chunk checksums.

    Nothing is submitted once the follower lacks entries: its log would go past the copy. Both
    others have a copy, for on a busy machine either may lead by the time it is sent.
    """
    cluster = small
    with Client(Profile.load(cluster.profile_path)) as client:
        with load_on(client, callers=8, deadline_s=10.0) as load:
            away = away_until_cut(cluster, client, load)
        makers = [node for node in (1, 2, 3) if node != away]
        made = set()
        for maker in makers:
            made.add(client.snapshot(maker, make=True).newest.index)
            (copy,) = (cluster.data_directory(maker) / "snapshots").glob("*.mdb")
            flip(copy)
        cluster.resume(away)
        until(
            "the state is installed",
            lambda: happened(cluster, away, "snapshot_installed") > 0,
        )
        until("digests are equal", lambda: same_digests(client))
    fetched = {
        one["index"]
        for one in events(cluster, away)
        if one["event"] == "snapshot_fetch_begun"
    }
    spoiled = sum(happened(cluster, maker, "snapshot_spoiled") for maker in makers)

    assert fetched & made
    # One, unless the leader changed in between.
    assert 1 <= happened(cluster, away, "snapshot_refused") == spoiled <= len(makers)
    # Its maker makes another one, or who leads after it.
    assert sum(happened(cluster, n, "snapshot_made") for n in (1, 2, 3)) > len(makers)


def flip(path: Path) -> None:
    """Flip one bit near the end, which is sent last."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size - 100)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def test_a_watch_goes_on_across_an_installed_state(small: DevCluster) -> None:
    """A node whose state was replaced under its watcher tells the next event, not a later one."""
    watchers = [Watcher(small.profile_path, node_id=node) for node in (1, 2, 3)]
    with Client(Profile.load(small.profile_path)) as client:
        for watcher in watchers:
            watcher.start()
        with load_on(client, callers=8, deadline_s=10.0, pause_s=0.01) as load:
            away = away_until_cut(small, client, load)
            small.resume(away)
            until(
                "the state is installed",
                lambda: happened(small, away, "snapshot_installed") > 0,
            )
            load.wait_for(100)
        last = client.last_event_seq(deadline=10.0)

    for watcher in watchers:
        assert watcher.finish(last, WAIT_S_MAX) == list(range(1, last + 1))
