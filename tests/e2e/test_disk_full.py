"""Disks that run full under real nodes: refused in time, and accepted again without a restart."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import CallError, Client, NotLogged, Outcome, us_account
from ledgerd.errors import Reason
from tests.e2e.disks import small
from tests.e2e.load import funded_account
from tests.waiting import until

pytestmark = pytest.mark.e2e
DISK_BYTES = 96 * 1024**2
RESERVE_BYTES = 32 * 1024**2
NOTICED_S_MAX = 10.0


@pytest.fixture
def small_disks(tmp_path: Path) -> Iterator[DevCluster]:
    """Three nodes, each with a small file system of its own under its data directory."""
    cluster = DevCluster(
        tmp_path / "cluster", 3, settings={"storage": {"free_bytes_min": RESERVE_BYTES}}
    )
    cluster.prepare()
    with ExitStack() as mounts:
        for node_id in cluster.node_ids:
            disk = cluster.data_directory(node_id).parent
            mounts.enter_context(small(disk, DISK_BYTES))
        try:
            cluster.start()
            cluster.wait_ready()
            yield cluster
        finally:
            cluster.stop()


def ballast(cluster: DevCluster, node_id: int) -> Path:
    return cluster.data_directory(node_id).parent / "ballast"


def fill(cluster: DevCluster, node_id: int) -> None:
    """Something else takes the disk of a node, all but half of the reserve."""
    disk = cluster.data_directory(node_id).parent
    status = os.statvfs(disk)
    size = status.f_bavail * status.f_frsize - RESERVE_BYTES // 2
    with ballast(cluster, node_id).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def seconds_until(what: str, is_so: Callable[[], bool]) -> float:
    """Wait for it; return how long it took."""
    began = time.monotonic()
    until(what, is_so, within_s=NOTICED_S_MAX)
    return time.monotonic() - began


def test_commands_are_refused_before_a_write_fails_and_accepted_once_there_is_room(
    small_disks: DevCluster,
) -> None:
    """F36, T91: a majority is low; reads go on; nobody restarts and nobody dies."""
    cluster = small_disks
    with Client.from_profile(cluster.profile_path) as client:
        account = funded_account(client)

        def submit(by: Client) -> Outcome:
            return by.submit(
                account=account,
                amount=1,
                currency="USD",
                rail="us_ach",
                destination=us_account("021000021", "1234567890", "Some Payee"),
                deadline=5.0,
            ).outcome

        def reason() -> Reason | None:
            leader = cluster.leader()
            assert leader is not None
            try:
                with Client.from_profile(
                    cluster.profile_path, retry=False, node_id=leader
                ) as impatient:
                    submit(impatient)
            except CallError as error:  # unknown, if that node stood back meanwhile
                return error.reason
            return None

        assert submit(client) is Outcome.CREATED
        pids = cluster.pids()
        leader = cluster.leader()
        assert leader is not None
        low = [leader, leader % 3 + 1]

        fill(cluster, low[0])
        until(
            "a low leader hands over",
            lambda: cluster.leader() not in (None, leader),
        )
        assert submit(client) is Outcome.CREATED
        fill(cluster, low[1])
        # A new leader takes commands until the others have told it of their disks, which the
        # reserve is for; so it is the last one to lead that must refuse.
        refused_s = seconds_until(
            "refused",
            lambda: (
                cluster.leader() not in (None, *low) and reason() is Reason.NO_SPACE
            ),
        )
        with pytest.raises(NotLogged):
            submit(client)
        assert client.balance(account, deadline=5.0).balances.reserved_units > 0

        ballast(cluster, low[1]).unlink()
        freed_s = seconds_until("accepted", lambda: reason() is None)
        print(f"refused after {refused_s:.2f} s, accepted after {freed_s:.2f} s")
        assert submit(client) is Outcome.CREATED
        assert cluster.pids() == pids
