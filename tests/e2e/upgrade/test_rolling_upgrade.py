"""The previous release to this one, node by node, under load (faults.md P9)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.api.v1 import cluster_pb2
from ledgerd.client import NotLogged, Outcome, WriteConcern, us_account
from ledgerd.errors import ExitCode, Reason
from ledgerd.formats.versions import STATE_VERSION
from tests.e2e.test_cluster import check_directory, funded_account
from tests.e2e.upgrade.releases import (
    NEW,
    OLD,
    Load,
    MixedCluster,
    read_on_each,
    unpack,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def old_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the previous release."""
    return unpack(tmp_path_factory.mktemp("previous"))


@pytest.fixture
def mixed(tmp_path: Path, old_release: Path) -> Iterator[MixedCluster]:
    """Three running nodes of the previous release."""
    cluster = MixedCluster(tmp_path / "cluster", old_release)
    cluster.prepare()
    try:
        cluster.start()
        cluster.wait_ready()
        yield cluster
    finally:
        cluster.stop()


def order_of(cluster: MixedCluster, leader_goes: str) -> list[int]:
    leader = cluster.leader()
    assert leader is not None
    others = [node_id for node_id in cluster.node_ids if node_id != leader]
    return [leader, *others] if leader_goes == "first" else [*others, leader]


def refuses_older_release(mixed: MixedCluster, node_id: int) -> None:
    """The older release ends at once, says which one is needed, and has changed nothing."""
    before = mixed.until_at_rest(state_version=STATE_VERSION)
    mixed.stop(node_id)
    mixed.release_of[node_id] = OLD
    mixed.start(node_id)
    code = mixed.exit_code(node_id, 20.0)
    words = mixed.log_path(node_id).with_name("stderr.log").read_text()
    mixed.release_of[node_id] = NEW
    mixed.start(node_id)
    mixed.wait_ready()

    assert code == ExitCode.CORRUPTION
    assert "start the release that wrote it, or a newer one" in words
    assert len(before) == len(mixed.until_at_rest(state_version=STATE_VERSION)) == 1


@pytest.mark.parametrize("leader_goes", ["first", "last"])
def test_an_upgrade_node_by_node_loses_nothing(
    mixed: MixedCluster, leader_goes: str
) -> None:
    """No call fails, both releases serve while mixed, and the digests agree. F26, T67, P9.

    Afterwards the older release refuses the directory.
    """
    assert {s.version for s in mixed.statuses().values()} == {OLD}
    with Load(mixed) as load:
        load.grow(50)
        for node_id in order_of(mixed, leader_goes):
            mixed.change(node_id, NEW)
            load.grow(50)
            versions = {n: s.version for n, s in mixed.statuses().items()}
            assert versions == mixed.release_of
            assert read_on_each(mixed, load.acked[-1]) == [1, 2, 3]
    at_rest = mixed.until_at_rest(state_version=STATE_VERSION)

    assert load.failed == []
    assert load.lost() == []
    assert len(at_rest) == 1
    refuses_older_release(mixed, 3)
    mixed.stop()
    assert [check_directory(mixed, n)["findings"] for n in (1, 2, 3)] == [[], [], []]


def test_an_upgrade_can_be_taken_back_until_the_last_node_has_it(
    mixed: MixedCluster,
) -> None:
    """While one node is of the older release nothing is written that it cannot read. T67."""
    with Load(mixed, callers=2) as load:
        for node_id, release in ((1, NEW), (2, NEW), (1, OLD), (2, OLD)):
            mixed.change(node_id, release)
            load.grow(20)
    at_rest = mixed.until_at_rest(state_version=1)

    assert load.failed == []
    assert load.lost() == []
    assert len(at_rest) == 1


def test_what_an_older_member_does_not_know_waits_for_it(mixed: MixedCluster) -> None:
    """Its copies count, its release is told, and members cannot change before it can apply that."""
    mixed.change(1, NEW)
    mixed.change(2, NEW)
    mixed.stop(3)  # so that one of the new ones leads
    mixed.start(3)
    mixed.wait_ready()
    with mixed.client() as client:
        account = funded_account(client)
        everywhere = client.submit(
            account=account,
            amount=100,
            currency="USD",
            rail="us_ach",
            destination=us_account("021000021", "1234567890", "Some Payee"),
            concern=WriteConcern.ALL_VOTERS,
            deadline=20.0,
        )
        view = client.cluster_status()
        with pytest.raises(NotLogged) as refused:
            client.add_node(
                cluster_pb2.AddNodeRequest(
                    peer_address="127.0.0.1:1", api_address="127.0.0.1:2"
                ),
                deadline=5.0,
            )
    said = {node.node_id: node.as_heard for node in view.nodes}

    assert everywhere.outcome is Outcome.CREATED
    assert view.state_version == 1
    assert (said[3].protocol, said[3].state_version_max) == (1, 1)
    assert said[view.leader_id].state_version_max == STATE_VERSION
    assert refused.value.reason in (Reason.STATE_VERSION, Reason.CHANGE_REFUSED)
    mixed.change(3, NEW)
    assert len(mixed.until_at_rest(state_version=STATE_VERSION)) == 1
