"""Concurrent single submits become batches by themselves, each with its own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from ledgerd.api.v1.payouts_pb2 import PayoutOrder
from ledgerd.client import (
    AsyncClient,
    NotLogged,
    OutcomeUnknown,
    SubmitResult,
    iban,
    payout_order,
)
from ledgerd.client import coalesce as coalesce_module
from ledgerd.errors import Reason
from tests.client.fake_cluster import FakeCluster, keep_silent, refuse

PAYEE = iban("DE89370400440532013000", "Payee")


def orders(count: int) -> Sequence[PayoutOrder]:
    return [
        payout_order(
            account="acct_" + "0" * 26,
            amount=1 + at,
            currency="EUR",
            rail="eu_sct",
            destination=PAYEE,
        )
        for at in range(count)
    ]


async def submit_all(
    client: AsyncClient, wanted: Sequence[PayoutOrder], deadline: float = 5.0
) -> Sequence[SubmitResult | BaseException]:
    return await asyncio.gather(
        *(client.submit_order(order, deadline=deadline) for order in wanted),
        return_exceptions=True,
    )


def run(
    cluster: FakeCluster, wanted: Sequence[PayoutOrder], deadline: float = 5.0
) -> Sequence[SubmitResult | BaseException]:
    async def scenario() -> Sequence[SubmitResult | BaseException]:
        async with AsyncClient(cluster.profile()) as client:
            return await submit_all(client, wanted, deadline)

    return asyncio.run(scenario())


def test_neighbours_share_a_batch_and_keep_their_answers(cluster: FakeCluster) -> None:
    """Submits of one moment travel in one batch; each gets the answer to its own order."""
    wanted = orders(500)

    results = run(cluster, wanted)

    assert set(cluster.batches) == {500}  # again, if the node was slow
    for at, (order, result) in enumerate(zip(wanted, results, strict=True)):
        assert isinstance(result, SubmitResult)
        assert (result.payout_id, result.ordinal) == (order.payout_id, at)


def test_an_order_that_links_to_the_next_travels_alone(cluster: FakeCluster) -> None:
    """Else it would make a stranger's order part of its chain."""
    wanted = orders(3)
    wanted[1].is_linked = True

    results = run(cluster, wanted)

    assert sorted(cluster.batches) == [1, 2]
    assert all(isinstance(result, SubmitResult) for result in results)


def test_next_batch_gathers_while_one_is_under_way(cluster: FakeCluster) -> None:
    """What arrives while a batch is in flight leaves together, when it is back."""

    async def scenario() -> None:
        # A node that was silent for a second would be asked again, and it is held up here.
        async with AsyncClient(cluster.profile(), retry=False) as client:
            await client.submit_order(orders(1)[0])
            cluster.lock.acquire()
            first = asyncio.create_task(client.submit_order(orders(1)[0]))
            while sum(cluster.calls("SubmitBatch")) < 2:  # noqa: ASYNC110  # a thread
                await asyncio.sleep(0)
            rest = []
            for order in orders(20):
                rest.append(asyncio.create_task(client.submit_order(order)))
                await asyncio.sleep(0)
            cluster.lock.release()
            await asyncio.gather(first, *rest)

    asyncio.run(scenario())

    assert cluster.batches == [1, 1, 20]


def test_batch_is_bounded_in_rows(cluster: FakeCluster) -> None:
    """No batch is larger than a log entry; a node that is slow may get the same one again."""
    results = run(cluster, orders(9_000), deadline=60.0)

    assert set(cluster.batches) == {808, 8_192}
    assert all(isinstance(result, SubmitResult) for result in results)


def test_batch_is_bounded_in_bytes(cluster: FakeCluster) -> None:
    """Large orders make small batches, so that no message is refused for its size."""
    wanted = orders(400)
    for order in wanted:
        for key in range(50):
            order.metadata[f"key{key}"] = "v" * 500

    run(cluster, wanted, deadline=60.0)

    assert len(cluster.orders) == 400
    assert max(cluster.batches) < 200


def test_malformed_order_fails_alone(cluster: FakeCluster) -> None:
    """A node refuses a whole batch for one bad row; its neighbours do not suffer."""
    wanted = orders(64)
    cluster.poison.add(wanted[17].payout_id)

    results = run(cluster, wanted)

    failed = [at for at, result in enumerate(results) if isinstance(result, NotLogged)]
    assert failed == [17]
    assert len(cluster.orders) == 63


def test_each_caller_keeps_his_deadline(cluster: FakeCluster) -> None:
    """A short deadline ends early as unknown, and the batch goes on for the others."""

    async def scenario() -> tuple[BaseException, SubmitResult | BaseException, bool]:
        async with AsyncClient(cluster.profile()) as client:
            await client.status()
            for node in cluster.nodes.values():
                node.before.append(keep_silent)
            hasty, patient = orders(2)
            tasks = [
                asyncio.create_task(client.submit_order(hasty, deadline=0.2)),
                asyncio.create_task(client.submit_order(patient, deadline=10.0)),
            ]
            with pytest.raises(OutcomeUnknown) as caught:
                await tasks[0]
            is_early = not tasks[1].done()
            return caught.value, await tasks[1], is_early

    error, result, is_early = asyncio.run(scenario())

    assert isinstance(error, OutcomeUnknown)
    assert is_early  # the batch waits a second for the silent node
    assert isinstance(result, SubmitResult)


def test_submit_that_gave_up_unsent_is_never_sent(cluster: FakeCluster) -> None:
    """Told NotLogged, a submit does not travel with a later attempt of its batch."""

    async def scenario() -> Sequence[SubmitResult | BaseException]:
        async with AsyncClient(cluster.profile()) as client:
            await client.status()
            cluster.leader_id = None
            hasty = asyncio.create_task(submit_all(client, wanted[:1], 0.3))
            patient = asyncio.create_task(submit_all(client, wanted[1:], 5.0))
            ends = await hasty
            cluster.leader_id = 2
            return [*ends, *await patient]

    wanted = orders(3)

    hasty, *patient = asyncio.run(scenario())

    assert isinstance(hasty, NotLogged | OutcomeUnknown)
    if isinstance(hasty, NotLogged):
        assert wanted[0].payout_id not in cluster.orders
    assert all(isinstance(result, SubmitResult) for result in patient)
    assert {order.payout_id for order in wanted[1:]} <= set(cluster.orders)


def test_too_many_waiting_are_refused_at_once(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is bounded, and what does not fit is definite."""
    monkeypatch.setattr(coalesce_module, "WAITING_ROWS_MAX", 10)

    results = run(cluster, orders(12))

    refused = [result for result in results if isinstance(result, NotLogged)]
    assert [error.reason for error in refused] == [Reason.OVERLOADED] * 2
    assert cluster.batches == [10]


def test_cancelled_submit_leaves_the_others_alone(cluster: FakeCluster) -> None:
    """A caller that goes away before its batch leaves takes his order with him."""

    async def scenario() -> Sequence[SubmitResult | BaseException]:
        async with AsyncClient(cluster.profile()) as client:
            tasks = [asyncio.create_task(client.submit_order(o)) for o in orders(3)]
            tasks[1].cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(scenario())

    assert isinstance(first, SubmitResult)
    assert isinstance(second, asyncio.CancelledError)
    assert isinstance(third, SubmitResult)


def test_error_of_a_batch_reaches_every_caller_as_his_own(
    cluster: FakeCluster,
) -> None:
    """Each caller may raise, catch and annotate his error without the others."""
    cluster.nodes[1].before.append(refuse(Reason.ROLE_MISSING))

    first, second = run(cluster, orders(2))

    assert isinstance(first, NotLogged)
    assert isinstance(second, NotLogged)
    assert first is not second
    assert first.metadata is not second.metadata
