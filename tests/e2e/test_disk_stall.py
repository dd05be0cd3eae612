"""A disk that stands still under the leader: others lead, callers go on, and it says why."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client
from ledgerd.raft.entries import NodeId
from ledgerd.storage.environment import StorageOptions, open_directory
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


READS = """
import sys
from pathlib import Path

from ledgerd.storage.environment import open_existing

with open_existing(Path(sys.argv[1])) as environment:
    for line in sys.stdin:
        for _ in range(100):
            for part in (environment.log, environment.state):
                with part.begin():
                    pass
        print("read", line.strip(), flush=True)
"""


def test_reads_go_on_while_a_disk_stands_still(tmp_path: Path) -> None:
    """F9: to begin and to end one writes nothing to the disk, so no process hangs in it."""
    disk, said = tmp_path / "disk", tmp_path / "said"
    with freezable(disk, tmp_path / "image", 64 * 1024**2):
        small = StorageOptions(
            log_map_bytes=1 << 24, state_map_bytes=1 << 24, free_bytes_min=1
        )
        open_directory(
            disk / "data", cluster_id="c", node_id=NodeId(1), options=small
        ).close()
        with (
            said.open("wb") as out,
            subprocess.Popen(
                [sys.executable, "-c", READS, str(disk / "data")],
                stdin=subprocess.PIPE,
                stdout=out,
            ) as reader,
        ):
            assert reader.stdin is not None
            try:
                reader.stdin.write(b"before\n")
                reader.stdin.flush()
                until("it reads", lambda: "read before" in said.read_text())
                os.sync()  # whatever the reads had written is clean now, and guarded
                freeze(disk)
                reader.stdin.write(b"meanwhile\n")
                reader.stdin.flush()
                until("it reads on", lambda: "read meanwhile" in said.read_text())
            finally:
                thaw(disk)
                reader.stdin.close()
                reader.wait()


REFUSES = """
import errno
import os

def refuse(*_):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))

os.memfd_create = refuse
"""


def test_a_node_that_a_hung_disk_could_stop_says_so_at_its_start(
    tmp_path: Path,
) -> None:
    """F9: one line where the table of readers is on the disk, as under a filter of calls."""
    (tmp_path / "sitecustomize.py").write_text(REFUSES)
    cluster = DevCluster(
        tmp_path / "cluster", 1, environment={"PYTHONPATH": str(tmp_path)}
    )
    cluster.prepare()
    try:
        cluster.start()
        cluster.wait_ready()
    finally:
        cluster.stop()

    told = [said for said in events(cluster) if said["event"] == "readers_on_disk"]
    assert [(said["level"], said["found"]) for said in told] == [
        ("warning", "memfd_create: [Errno 1] Operation not permitted")
    ]
    assert "in memory" in str(told[0]["expected"])
    assert "watchdog" in str(told[0]["means"])


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
    assert isinstance(said, admin_pb2.StatusReply), (
        said
    )  # it is not the process that hangs
    assert not said.ready
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
