"""What a caller may ask of one call, and what becomes of it."""

from collections.abc import Iterator

import pytest

from ledgerd.api.v1 import common_pb2
from ledgerd.client import Client, Outcome, OutcomeUnknown, WriteConcern
from ledgerd.client.concerns import read_concern
from ledgerd.errors import Reason
from tests.client.fake_cluster import FakeCluster, refuse
from tests.client.test_calls import ORDER

EVERYWHERE = WriteConcern.ALL_VOTERS
NOT_YET = refuse(Reason.NOT_ON_ALL_VOTERS, committed_index="7", voters_missing="3")


@pytest.fixture
def client(cluster: FakeCluster) -> Iterator[Client]:
    """A client that retries."""
    with Client(cluster.profile()) as client:
        yield client


def test_a_write_for_all_voters_travels_alone(
    cluster: FakeCluster, client: Client
) -> None:
    """On a stream it would hold back the answers to its neighbours."""
    result = client.submit_order(ORDER, concern=EVERYWHERE)
    calls = [node.calls for node in cluster.nodes.values()]

    assert result.outcome is Outcome.CREATED
    assert sum(each["SubmitBatch"] for each in calls) == 1
    assert sum(each["SubmitStream"] for each in calls) == 0


def test_waiting_goes_on_with_the_same_id(cluster: FakeCluster, client: Client) -> None:
    """An attempt that ends before the last voter is repeated, and the replay waits on."""
    cluster.nodes[1].after.append(NOT_YET)
    result = client.submit_order(ORDER, concern=EVERYWHERE, deadline=5.0)

    assert result.outcome is Outcome.REPLAYED
    assert result.original_index == 1


def test_at_the_deadline_it_says_that_it_is_committed(
    cluster: FakeCluster, client: Client
) -> None:
    """Unknown is only the number of copies, and the error says where it stands. T93."""
    cluster.nodes[1].after.extend([NOT_YET] * 10_000)
    with pytest.raises(OutcomeUnknown) as caught:
        client.submit_order(ORDER, concern=EVERYWHERE, deadline=0.5)

    assert caught.value.reason is Reason.NOT_ON_ALL_VOTERS
    assert caught.value.metadata["committed_index"] == "7"
    assert caught.value.metadata["voters_missing"] == "3"


def test_an_older_node_does_not_pass_for_all_voters(
    cluster: FakeCluster, client: Client
) -> None:
    """It ignores a field that it does not know, so its answer keeps the smaller promise."""
    cluster.knows_concerns = False
    with pytest.raises(OutcomeUnknown, match="of a release that cannot say") as caught:
        client.submit_order(ORDER, concern=EVERYWHERE)
    client.submit_order(ORDER)

    assert caught.value.reason is Reason.NOT_ON_ALL_VOTERS


def test_what_a_read_may_ask_for() -> None:
    """Nothing, an index or an age; never both, and no age without bounds."""
    assert read_concern(None, None) is None
    assert read_concern(0, None) == common_pb2.ReadConcern(at_least_index=0)
    assert read_concern(None, 0.5) == common_pb2.ReadConcern(
        stale=common_pb2.Stale(max_age_ms=500)
    )
    with pytest.raises(ValueError, match="found both"):
        read_concern(1, 0.5)
    for age_s in (0.0, -1.0, 86_401.0, float("nan")):
        with pytest.raises(ValueError, match="seconds"):
            read_concern(None, age_s)
