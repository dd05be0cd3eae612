"""Real clusters for tests: three daemons over mutual TLS in a folder of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.cli.dev import DevCluster
from ledgerd.client import Client, Profile


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
def own_cluster(tmp_path: Path) -> Iterator[DevCluster]:
    """A second cluster, prepared and not started; stopped afterwards all the same."""
    own = DevCluster(tmp_path / "own", 3)
    own.prepare()
    try:
        yield own
    finally:
        own.stop()
