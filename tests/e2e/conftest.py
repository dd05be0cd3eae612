"""Real clusters for tests: three daemons over mutual TLS in a folder of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.cli import dev_cluster as clusters
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client, Profile


@pytest.fixture(scope="session", autouse=True)
def ports_of_this_worker() -> Iterator[None]:
    """Test processes that run side by side choose different ports.

    Nobody holds a port between the choice and the start of its node.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clusters, "_PORTS", clusters._PORTS[number::count])
        yield


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DevCluster]:
    """Three running nodes that know their leader; stopped afterwards, whatever happens."""
    cluster = DevCluster(tmp_path / "cluster", 3)
    cluster.prepare()
    try:
        cluster.start()
        cluster.wait_ready()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def client(cluster: DevCluster) -> Iterator[Client]:
    """A client with every role."""
    with Client(Profile.load(cluster.profile_path)) as client:
        yield client


@pytest.fixture(scope="module")
def dev_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """One running cluster for all tests of a file that leave it as it is."""
    cluster = DevCluster(tmp_path_factory.mktemp("e2e") / "cluster", 3)
    cluster.prepare()
    try:
        cluster.start()
        cluster.wait_ready()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def shared(dev_cluster: DevCluster) -> DevCluster:
    """The cluster of the file's tests: three running nodes that know their leader.

    What one test killed or paused is brought back before the next; the books stay as they are.
    """
    for node_id, pid in dev_cluster.pids().items():
        if pid is None:
            dev_cluster.start(node_id)
        else:
            dev_cluster.resume(node_id)
    dev_cluster.wait_ready()
    return dev_cluster


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[DevCluster]:
    """A second cluster, prepared and not started; stopped afterwards all the same."""
    own = DevCluster(tmp_path / "own", 3)
    own.prepare()
    try:
        yield own
    finally:
        own.stop()
