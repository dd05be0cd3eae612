"""A disk that stands still under the leader: others lead, callers go on, and it says why."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.dev import DevCluster
from ledgerd.client import Client
from tests.e2e.disks import freezable, freeze, thaw
from tests.e2e.load import load_on
from tests.waiting import lasting, until

pytestmark = pytest.mark.e2e
STALL_S = 3.0
GAP_S_MAX = 2.0
STALLING = 1


@pytest.fixture
def cluster_on_ice(tmp_path: Path) -> Iterator[DevCluster]:
    """Three nodes; the disk of node 1 can be stopped."""
    settings = {"storage": {"free_bytes_min": 1024**2}}
    cluster = DevCluster(tmp_path / "cluster", 3, settings=settings)
    cluster.prepare()
    disk = home(cluster)
    with freezable(disk, tmp_path / "image", 256 * 1024**2):
        try:
            cluster.start()
            cluster.wait_ready()
            yield cluster
        finally:
            thaw(disk)
            cluster.stop()


def home(cluster: DevCluster) -> Path:
    """Return what stalls: the data, and not the file that the log lines go to."""
    return cluster.data_directory(STALLING)


def lead_with(client: Client, node_id: int) -> None:
    """Make the node the leader."""
    if client.status().leader_id != node_id:
        assert client.transfer_leadership(node_id).leader_id == node_id


def events(cluster: DevCluster) -> list[dict[str, object]]:
    lines = cluster.log_path(STALLING).read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.alone
def test_a_leader_whose_disk_stalls_is_replaced_and_names_it(
    cluster_on_ice: DevCluster,
) -> None:
    """F8, F9, T49: it falls silent, is not ready, and does not lead again when it is back."""
    cluster = cluster_on_ice
    disk = home(cluster)
    with Client.from_profile(cluster.profile_path) as client:
        lead_with(client, STALLING)
        with load_on(client, callers=4, deadline_s=10.0) as load:
            began = time.monotonic()
            freeze(disk)
            load.wait_for(100)
            gap_s = load.longest_gap_s(began)
            stalled = client.statuses(deadline=1.0)
            lasting(began + STALL_S - time.monotonic())
            thaw(disk)
            load.wait_for(50)
        cluster.wait_ready()
        leader = cluster.leader()
    print(f"gap {gap_s * 1000:.0f} ms")
    said = stalled[STALLING]
    names = [event["event"] for event in events(cluster)]

    assert load.failures == []
    assert gap_s <= GAP_S_MAX
    assert leader != STALLING
    # Its status is read from the disk too, so it may not answer at all meanwhile.
    assert not isinstance(said, admin_pb2.StatusReply) or not said.ready
    assert "write_stalls" in names
    assert names.index("write_stalls") < names.index("write_came_back")


@pytest.mark.slow
def test_a_disk_that_never_comes_back_ends_the_process(
    cluster_on_ice: DevCluster,
) -> None:
    """F9: after half a minute, with the exit code for storage, said on standard error."""
    cluster = cluster_on_ice
    disk = home(cluster)
    stderr = disk.parent / "stderr.log"
    with Client.from_profile(cluster.profile_path) as client:
        with load_on(client, callers=2, deadline_s=10.0, pause_s=0.01) as load:
            freeze(disk)
            until(
                "the process gives up",
                lambda: "the disk hangs" in stderr.read_text(),
                within_s=60,
            )
        assert load.failures == []
    thaw(disk)  # the kernel lets nobody go who waits for a disk
    until("the process ends", lambda: cluster.pids()[STALLING] is None, within_s=10)

    assert "(exit 70)" in stderr.read_text()
