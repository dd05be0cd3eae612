"""Write and read concern against real processes: what is promised is kept, also when nodes die."""

import pytest

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import (
    Client,
    NotLogged,
    Outcome,
    OutcomeUnknown,
    WriteConcern,
    new_payout_id,
    us_account,
)
from ledgerd.errors import Reason
from tests.e2e.test_cluster import funded_account, submit
from tests.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture
def cluster(shared: DevCluster) -> DevCluster:
    """One for all tests of this file, which leave it as they like."""
    return shared


def submit_everywhere(client: Client, account: str, payout_id: str, seconds: float):
    return client.submit(
        account=account,
        amount=100,
        currency="USD",
        rail="us_ach",
        destination=us_account("021000021", "1234567890", "Some Payee"),
        payout_id=payout_id,
        concern=WriteConcern.ALL_VOTERS,
        deadline=seconds,
    )


def test_all_voters_means_all_or_says_who_is_missing(
    cluster: DevCluster, client: Client
) -> None:
    """With one node dead it is committed and not on all; once that node is back, it is. T93."""
    account = funded_account(client)
    whole = submit_everywhere(client, account, new_payout_id(), 20.0)
    leader = cluster.leader()
    dead = next(n for n in (1, 2, 3) if n != leader)
    cluster.kill(dead)
    payout_id = new_payout_id()
    with pytest.raises(OutcomeUnknown) as caught:
        submit_everywhere(client, account, payout_id, 2.0)
    error = caught.value
    quorum = submit(client, account)
    there = client.get(payout_id, deadline=10.0)
    cluster.start(dead)
    cluster.wait_ready()
    again = submit_everywhere(client, account, payout_id, 20.0)

    assert whole.outcome is Outcome.CREATED
    assert error.reason is Reason.NOT_ON_ALL_VOTERS
    assert error.metadata["voters_missing"] == str(dead)
    assert quorum.outcome is Outcome.CREATED
    assert there.HasField("payout")
    assert again.outcome is Outcome.REPLAYED
    assert again.original_index == there.payout.index


def test_reads_by_index_and_by_age_need_no_quorum(
    cluster: DevCluster, client: Client
) -> None:
    """The last node standing answers as of an index or an age, and nothing fresher. F12, P6."""
    account = funded_account(client)
    result = submit(client, account)
    for node_id in (1, 2, 3):
        with Client.from_profile(cluster.profile_path, node_id=node_id) as pinned:
            read = pinned.get(result.payout_id, at_least=result.index)
            aged = pinned.get(result.payout_id, max_age=5.0)
        assert read.header.node_id == aged.header.node_id == node_id
        assert 0 < aged.header.age_ms <= 5_000
        assert read.header.applied_index >= result.index

    survivor = cluster.leader()
    assert survivor is not None
    with Client.from_profile(cluster.profile_path, node_id=survivor) as pinned:
        pinned.get(result.payout_id, max_age=60.0)
        cluster.kill(*[n for n in (1, 2, 3) if n != survivor])
        stale = pinned.get(result.payout_id, max_age=60.0)
        old = pinned.get(result.payout_id, at_least=result.index)
        with pytest.raises(NotLogged):
            pinned.get(result.payout_id, deadline=1.5)

        def is_told_why() -> bool:
            """The last attempt of a call may be cut off by its end, on a busy machine."""
            with pytest.raises(NotLogged) as refused:
                pinned.get(result.payout_id, max_age=0.5, deadline=1.5)
            return "at most 500 ms old" in refused.value.message

        until("the refusal says how old a read may be", is_told_why)

    assert stale.HasField("payout")
    assert 0 < stale.header.age_ms <= 60_000
    assert old.header.age_ms == 0
