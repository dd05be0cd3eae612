"""Members change under load, with real processes: nobody's call fails, and nothing is lost."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client, Profile
from ledgerd.errors import ExitCode, NotLogged
from tests.e2e.load import load_on
from tests.e2e.rest import rest_of
from tests.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
CORRUPTION = int(ExitCode.CORRUPTION)
SMALL = {"storage": {"log_keep_entries": 10, "log_keep_bytes": 65_536}}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[DevCluster]:
    """Three running nodes that keep few log entries."""
    cluster = DevCluster(tmp_path / "small", 3, settings=SMALL)
    cluster.prepare()
    try:
        cluster.start()
        cluster.wait_ready()
        yield cluster
    finally:
        cluster.stop()


def ctl(
    cluster: DevCluster, *words: str, succeeds: bool = True
) -> subprocess.CompletedProcess[str]:
    """Return what `ledgerctl cluster` did."""
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "ledgerd.cli.ledgerctl"),
            *("--config", str(cluster.profile_path), "--output", "json"),
            *("cluster", *words),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert not succeeds or ended.returncode == 0, ended.stderr
    return ended


def addresses(cluster: DevCluster, node_id: int) -> list[str]:
    ports = cluster.ports()[node_id]
    return [
        *("--peer-address", f"127.0.0.1:{ports.peer}"),
        *("--api-address", f"127.0.0.1:{ports.api}"),
    ]


def roles(cluster: DevCluster) -> dict[int, str]:
    """Return what each member is, as `ledgerctl cluster members` says."""
    document = json.loads(ctl(cluster, "members").stdout)
    return {member["node_id"]: member["role"] for member in document["members"]}


def founded(cluster: DevCluster) -> None:
    """Return once the founders are recorded, which takes a few heartbeats."""
    until(
        "the founders are recorded",
        lambda: json.loads(ctl(cluster, "members").stdout)["membership_index"] != "0",
    )


def add(cluster: DevCluster, node_id: int, *words: str) -> None:
    """Prepare and start a node, then add it and wait until it votes."""
    cluster.add(node_id)
    cluster.start(node_id)
    verb = words or ("add",)
    ctl(cluster, *verb, "--node", str(node_id), *addresses(cluster, node_id))


def missing(client: Client, payout_ids: list[str]) -> list[str]:
    """Return those of the acknowledged payouts that the ledger does not have."""
    return [each for each in payout_ids if not client.get(each).HasField("payout")]


def digests(cluster: DevCluster) -> dict[int, tuple[int, str]]:
    """Return index and digest of each node that runs, once they stand at one index."""
    with Client(Profile.load(cluster.profile_path)) as client:

        def at_one_index() -> dict[int, tuple[int, str]]:
            running = [n for n, pid in cluster.pids().items() if pid is not None]
            found = {n: client.status(n, deadline=5.0) for n in running}
            if not rest_of(found.values()):
                return {}
            return {n: (each.visible_index, each.digest) for n, each in found.items()}

        return until("all nodes stand at one index", at_one_index)


def test_two_nodes_are_added_and_two_removed_under_load(
    cluster: DevCluster, client: Client
) -> None:
    """F21, F23, issue acceptance 6: 3 -> 5 -> 3, the leader among those removed."""
    founded(cluster)
    with load_on(client, callers=4, deadline_s=10.0, pause_s=0.01) as load:
        add(cluster, 4)
        add(cluster, 5)
        assert roles(cluster) == dict.fromkeys(range(1, 6), "VOTER")
        load.wait_for(50)

        leader = cluster.leader()
        assert leader is not None
        removed = [leader, next(n for n in (1, 2, 3) if n != leader)]
        for node_id in removed:
            ctl(cluster, "remove", str(node_id))
            load.wait_for(50)
            cluster.stop(node_id)
        load.wait_for(50)

    kept = sorted(set(range(1, 6)) - set(removed))
    print(f"longest gap {load.longest_gap_s():.3f} s, {len(load.acks)} payouts")
    assert load.failures == []
    assert roles(cluster) == dict.fromkeys(kept, "VOTER")
    assert missing(client, load.payout_ids[::25]) == []
    for node_id in removed:
        cluster.drop(node_id)
    at = digests(cluster)
    assert sorted(at) == kept
    assert len(set(at.values())) == 1


def test_a_node_whose_disk_was_wiped_is_replaced_under_load(
    cluster: DevCluster, client: Client
) -> None:
    """F24, F25, T13: it refuses to take part under its old number, and says what to do."""
    founded(cluster)
    leader = cluster.leader()
    wiped = next(n for n in (1, 2, 3) if n != leader)
    with load_on(client, callers=4, deadline_s=10.0, pause_s=0.01) as load:
        cluster.kill(wiped)
        cluster.wipe(wiped)
        cluster.start(wiped)
        code = cluster.exit_code(wiped, PATIENCE_S)
        said = (cluster.log_path(wiped).parent / "stderr.log").read_text()
        cluster.drop(wiped)
        load.wait_for(50)
        add(cluster, 4, "replace", str(wiped))
        load.wait_for(50)

    assert code == CORRUPTION
    assert f"ledgerctl cluster replace {wiped}" in said
    assert load.failures == []
    kept = sorted({1, 2, 3, 4} - {wiped})
    assert roles(cluster) == dict.fromkeys(kept, "VOTER")
    assert missing(client, load.payout_ids[::25]) == []
    at = digests(cluster)
    assert sorted(at) == kept
    assert len(set(at.values())) == 1


def test_a_founder_wiped_before_the_founders_are_recorded_is_refused(
    tmp_path: Path,
) -> None:
    """F25, T13: whom it met is kept over a restart, and it is replaced once all others met."""
    cluster = DevCluster(tmp_path / "few", 3)
    cluster.prepare()
    try:
        cluster.start(1)
        cluster.start(2)
        until("two of three have a leader", cluster.leader)
        cluster.kill(1)
        cluster.kill(2)
        cluster.wipe(2)
        cluster.start(1)
        cluster.start(2)
        code = cluster.exit_code(2, PATIENCE_S)
        said = (cluster.log_path(2).parent / "stderr.log").read_text()
        cluster.drop(2)
        cluster.start(3)
        until("the two that are left have a leader", cluster.leader, within_s=60.0)
        founded(cluster)
        add(cluster, 4, "replace", "2")
        found = roles(cluster)
    finally:
        cluster.stop()

    assert code == CORRUPTION
    assert "ledgerctl cluster replace 2" in said
    assert found == dict.fromkeys((1, 3, 4), "VOTER")


def ready_nodes(client: Client) -> list[int]:
    """Return who says that it is ready."""
    found = client.statuses(deadline=1.0)
    return [n for n, status in found.items() if getattr(status, "ready", False)]


def test_members_survive_restarts_and_a_removed_node_stays_out(
    cluster: DevCluster,
) -> None:
    """T13: what was decided about members is in the log, whatever configurations say."""
    founded(cluster)
    add(cluster, 4)
    ctl(cluster, "remove", "1")
    cluster.stop()
    for node_id in (1, 2, 3, 4):
        cluster.start(node_id)
    with Client(Profile.load(cluster.profile_path)) as everybody:
        until("members are ready", lambda: ready_nodes(everybody) == [2, 3, 4])
        # It is up before it has heard from the others, and has other reasons until then.
        until(
            "the removed node says that it was removed",
            lambda: "removed" in everybody.status(1, deadline=5.0).not_ready_reason,
            passing=NotLogged,  # it is not up yet
        )
    again = ctl(cluster, "add", "--node", "1", *addresses(cluster, 1), succeeds=False)

    assert roles(cluster) == dict.fromkeys((2, 3, 4), "VOTER")
    assert again.returncode != 0
    assert "node ids are never used again" in again.stderr


def test_a_change_names_the_members_it_was_decided_upon(
    cluster: DevCluster, client: Client
) -> None:
    """F21: of two operators that act at once one is refused, whatever they ask for."""
    founded(cluster)
    before = client.members()
    stale = pb.RemoveNodeRequest(
        node_id=9, expected_index=before.membership_index - 1 or 10**6
    )
    ended = ctl(cluster, "remove", "9", succeeds=False)

    assert ended.returncode != 0
    assert "CHANGE_REFUSED" in ended.stderr
    assert "the node is no member" in ended.stderr
    with pytest.raises(Exception, match="membership changed since it was read"):
        client.remove_node(stale)


def test_a_new_node_catches_up_by_a_snapshot(small: DevCluster) -> None:
    """T56, F23: what the log does not have any more comes with its membership and its records."""
    founded(small)
    with Client(Profile.load(small.profile_path)) as client:
        with load_on(client, callers=4, deadline_s=10.0, pause_s=0.01) as load:
            until(
                "the log is compacted",
                lambda: client.status(1, deadline=5.0).first_index > 10,
                within_s=60,
            )
            add(small, 4)
            load.wait_for(50)
        assert load.failures == []
        assert missing(client, load.payout_ids[::25]) == []
    with Client(Profile.load(small.profile_path)) as client:
        assert client.status(4, deadline=5.0).first_index > 1

    small.restart(4)
    small.wait_ready()
    assert roles(small) == dict.fromkeys((1, 2, 3, 4), "VOTER")
    assert len(set(digests(small).values())) == 1
    # It knows the members by their stores as well as those who were there.
    small.kill(3)
    small.wipe(3)
    small.start(3)
    assert small.exit_code(3, PATIENCE_S) == CORRUPTION
