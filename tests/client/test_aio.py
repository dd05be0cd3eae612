"""Every call of the async face reaches the node it should, and comes back."""

import asyncio
import math
from pathlib import Path

import pytest

from ledgerd.client import AsyncClient, NotLogged, Outcome, Refused, iban
from tests.client.fake_cluster import FakeCluster
from tests.client.tasks import left_behind

ACCOUNT = "acct_" + "0" * 26


def test_calls_of_a_day(cluster: FakeCluster) -> None:
    """Open, fund, submit, get, cancel, books: all in one client."""

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            account = await client.open_account(currency="EUR", livemode=True)
            funded = await client.fund(
                account, 10, "EUR", bank="main", external_ref="wire-1"
            )
            paid = await client.submit(
                account=account,
                amount=1,
                currency="EUR",
                rail="eu_sct",
                destination=iban("DE89370400440532013000", "Payee"),
            )
            found = await client.get(paid.payout_id, at_least=paid.index)
            cancelled = await client.cancel(paid.payout_id)
            books = await client.trial_balance()

            assert funded.outcome is Outcome.CREATED
            assert found.payout.order.account_id == account
            assert cancelled.payout_state == "CANCELLED"
            assert books.books[0].balanced
            assert client.leader_id == 1

    asyncio.run(scenario())


def test_refused_account_is_an_exception_or_a_value(cluster: FakeCluster) -> None:
    """An id that does not exist is not returned; the whole answer can be asked for."""

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            with pytest.raises(Refused, match="CURRENCY_RETIRED") as caught:
                await client.open_account(currency="XXX", livemode=True)
            result = await client.open_account_result(currency="XXX", livemode=True)

            assert caught.value.result.refusal == result.refusal == "CURRENCY_RETIRED"

    asyncio.run(scenario())


def test_status_of_a_stranger_is_a_mistake_of_the_caller(cluster: FakeCluster) -> None:
    """A node that the profile does not have cannot be asked."""

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            assert (await client.status(2)).node_id == 2
            with pytest.raises(ValueError, match="found 9"):
                await client.status(9)

    asyncio.run(scenario())


@pytest.mark.parametrize("deadline", [math.inf, 1e18, 1e300])
def test_a_deadline_may_be_without_end(cluster: FakeCluster, deadline: float) -> None:
    """Also of a single attempt, which is given all of it: gRPC takes it for past."""

    async def scenario() -> None:
        async with AsyncClient(cluster.profile(), retry=False, node_id=1) as client:
            await client.open_account(currency="EUR", livemode=True, deadline=deadline)
            await client.status(1, deadline=deadline)
            paid = client.submit(
                account=ACCOUNT,
                amount=1,
                currency="EUR",
                rail="eu_sct",
                destination=iban("DE89370400440532013000", "Payee"),
                deadline=deadline,
            )
            assert (await asyncio.wait_for(paid, 10)).outcome is Outcome.CREATED

    asyncio.run(scenario())


def test_another_event_loop_is_refused(cluster: FakeCluster) -> None:
    """Nothing of the call is sent, which an error from deep within would not say."""
    client = AsyncClient(cluster.profile())

    async def submit() -> object:
        return await client.submit(
            account=ACCOUNT,
            amount=1,
            currency="EUR",
            rail="eu_sct",
            destination=iban("DE89370400440532013000", "Payee"),
        )

    async def scenario() -> None:
        await client.status()
        with pytest.raises(RuntimeError, match="expected the event loop of"):
            await asyncio.to_thread(asyncio.run, submit())
        await client.close()

    asyncio.run(scenario())
    assert cluster.batches == []


def test_profile_file_is_enough(cluster: FakeCluster, tmp_path: Path) -> None:
    """A client is made from the file that `ledgerd dev` writes."""
    path = tmp_path / "client.toml"
    path.write_text(cluster.profile().to_toml())

    async def scenario() -> None:
        async with AsyncClient.from_profile(path) as client:
            assert (await client.status()).cluster_id == "fake"

    asyncio.run(scenario())


def test_closed_client_leaves_no_task(cluster: FakeCluster) -> None:
    """After close nothing of the client runs, and it does not open again."""

    async def scenario() -> None:
        client = AsyncClient(cluster.profile())
        await client.status()
        await client.close()

        assert left_behind() == []
        with pytest.raises(NotLogged):
            await client.status()

    asyncio.run(scenario())
