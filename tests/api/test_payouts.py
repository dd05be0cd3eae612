"""The service Payouts over TLS: answers of the log, reads, lists, streams."""

import asyncio

import grpc
import pytest

from ledgerd.api import ids
from ledgerd.api.v1 import admin_pb2
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.errors import NotLogged, OutcomeUnknown, Reason
from tests.api.world import START_US, World, refusal_of, us_account


def test_a_submit_is_answered_with_its_position_and_payout(world: World) -> None:
    """The first submit of an id says where it stands and shows the payout."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            order = world.order(account)
            reply = await stub.payouts.Submit(pb.SubmitRequest(order=order))

            assert (reply.header.term, reply.header.index) == (3, 3)
            assert reply.header.accepted_at_us == START_US + 3_000_000
            assert 1 == reply.header.node_id == reply.header.state_version
            assert reply.result.result.outcome == common.OUTCOME_CREATED
            assert not reply.result.result.replayed
            assert pb.READY == reply.result.state == reply.payout.state
            order.amount.exponent = 2
            assert order == reply.payout.order
            assert reply.payout.submitted_by == "submitter"
            got = await stub.payouts.Get(pb.GetPayoutRequest(payout_id=order.payout_id))
            assert reply.payout == got.payout
            assert got.header.applied_index == 3

    asyncio.run(run())


def test_a_retry_is_replayed_with_the_payout_as_it_is_now(world: World) -> None:
    """The same id and fields again: the original position, and the state after a cancel."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            order = world.order(account)
            first = await stub.payouts.Submit(pb.SubmitRequest(order=order))
            cancelled = await stub.payouts.Cancel(
                pb.CancelPayoutRequest(
                    request_id=world.new_id(ids.REQUEST),
                    payout_id=order.payout_id,
                    reason="typed twice",
                )
            )
            again = await stub.payouts.Submit(pb.SubmitRequest(order=order))

            assert cancelled.state == pb.CANCELLED
            result = again.result.result
            assert result.outcome == common.OUTCOME_REPLAYED
            assert result.replayed
            assert result.same_request
            assert first.header.index == result.original_index
            assert first.header.accepted_at_us == result.original_at_us
            assert pb.CANCELLED == again.payout.state == again.result.state
            assert cancelled.header.index == again.payout.updated_index

    asyncio.run(run())


def test_other_fields_under_one_id_are_a_conflict(world: World) -> None:
    """The differing fields are named, their values are not, and the first call stands."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            order = world.order(account)
            await stub.payouts.Submit(pb.SubmitRequest(order=order))
            other = pb.PayoutOrder()
            other.CopyFrom(order)
            other.amount.units = 251
            other.destination.name = "Charles Babbage"
            reply = await stub.payouts.Submit(pb.SubmitRequest(order=other))

            result = reply.result.result
            assert result.outcome == common.OUTCOME_CONFLICT
            assert list(result.differing_fields) == ["amount.units", "destination.name"]
            assert "Babbage" not in str(reply)
            assert not reply.HasField("payout")
            assert not result.same_request

    asyncio.run(run())


def test_a_refusal_is_an_answer_and_spends_the_id(world: World) -> None:
    """Insufficient funds is answered OK with a code; the id then shows as refused."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=100)
            order = world.order(account)
            reply = await stub.payouts.Submit(pb.SubmitRequest(order=order))
            again = await stub.payouts.Submit(pb.SubmitRequest(order=order))
            got = await stub.payouts.Get(pb.GetPayoutRequest(payout_id=order.payout_id))

            assert reply.result.result.outcome == common.OUTCOME_REFUSED
            assert reply.result.result.refusal == common.INSUFFICIENT_FUNDS
            assert reply.result.result.id_spent
            assert not reply.result.result.replayed
            assert again.result.result.refusal == common.INSUFFICIENT_FUNDS
            assert again.result.result.replayed
            assert reply.header.index == again.result.result.original_index
            assert got.refused.refusal == common.INSUFFICIENT_FUNDS
            assert not got.HasField("payout")
            refused = world.counted("ledgerd_refusals_total", code="INSUFFICIENT_FUNDS")
            assert refused == 2

    asyncio.run(run())


def test_a_chain_is_accepted_or_refused_as_a_whole(world: World) -> None:
    """The culprit's id is spent and no other; what stands beside the chain is by itself."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_100)
            orders = [world.order(account) for _ in range(5)]
            for row in (1, 2):
                orders[row].is_linked = True
            orders[3].amount.units = 10_000
            request = pb.SubmitBatchRequest(orders=orders)
            for _ in range(2):
                reply = await stub.payouts.SubmitBatch(request)
                found = [
                    (item.result.refusal, item.result.id_spent)
                    for item in reply.results
                ]
                assert found == [
                    (0, False),
                    (common.CHAIN_MEMBER_FAILED, False),
                    (common.CHAIN_MEMBER_FAILED, False),
                    (common.INSUFFICIENT_FUNDS, True),
                    (0, False),
                ]
            alone = await stub.payouts.Submit(pb.SubmitRequest(order=orders[1]))
            assert alone.result.result.refusal == common.CHAIN_OPEN

    asyncio.run(run())


def test_a_batch_has_one_result_a_row_in_order(world: World) -> None:
    """Rows are independent: created, a repetition in the batch, a refusal, created."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=600)
            orders = [world.order(account) for _ in range(3)]
            orders.insert(1, orders[0])
            orders[2].amount.units = 10_000
            reply = await stub.payouts.SubmitBatch(pb.SubmitBatchRequest(orders=orders))

            outcomes = [item.result.outcome for item in reply.results]
            assert outcomes == [
                common.OUTCOME_CREATED,
                common.OUTCOME_REPLAYED,
                common.OUTCOME_REFUSED,
                common.OUTCOME_CREATED,
            ]
            assert [item.result.ordinal for item in reply.results] == [0, 1, 2, 3]
            assert reply.header.index == reply.results[1].result.original_index
            assert [item.state for item in reply.results] == [
                pb.READY,
                pb.READY,
                0,
                pb.READY,
            ]

    asyncio.run(run())


def test_one_malformed_row_refuses_the_whole_batch(world: World) -> None:
    """Nothing of a batch with a malformed row is logged, and its ids are not spent."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=600)
            before = world.node.index
            orders = [world.order(account) for _ in range(20)]
            orders[17].amount.units = 0
            refusal = await refusal_of(
                stub.payouts.SubmitBatch(pb.SubmitBatchRequest(orders=orders))
            )

            assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
            assert refusal.message == (
                "orders[17].amount.units: expected 1 .. 9223372036854775807 minor units, "
                "found 0"
            )
            assert refusal.fields == ["orders[17].amount.units"]
            assert before == world.node.index
            orders[17].amount.units = 1
            reply = await stub.payouts.SubmitBatch(pb.SubmitBatchRequest(orders=orders))
            assert reply.results[0].result.outcome == common.OUTCOME_CREATED

    asyncio.run(run())


def test_a_stream_answers_in_order_while_many_batches_wait(world: World) -> None:
    """Batches of a stream are in flight together; a bad one is answered in its place."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            world.node.hold = asyncio.Event()
            stream = stub.payouts.SubmitStream()
            requests = [
                pb.SubmitBatchRequest(orders=[world.order(account)], sequence=100 + n)
                for n in range(10)
            ]
            requests[4].orders[0].rail = "pigeon"
            before = world.node.proposals
            for request in requests:
                await stream.write(request)
            await stream.done_writing()
            await world.node.proposed(before + 9)
            world.node.hold.set()
            replies = [reply async for reply in stream]

            assert list(range(100, 110)) == [reply.sequence for reply in replies]
            kinds = [reply.WhichOneof("kind") for reply in replies]
            assert kinds == ["accepted"] * 4 + ["error"] + ["accepted"] * 5
            error = replies[4].error
            assert (error.reason, error.outcome) == ("MALFORMED", "NOT_LOGGED")
            assert error.metadata["field"] == "orders[0].rail"
            indexes = [
                reply.accepted.header.index
                for reply in replies
                if not reply.HasField("error")
            ]
            assert sorted(indexes) == indexes

    asyncio.run(run())


def test_a_stream_is_not_read_further_than_its_bound(world: World) -> None:
    """With two batches unanswered the third waits in the connection, not in memory."""

    async def run() -> None:
        async with world.running(stream_batches_max=2):
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            world.node.hold = asyncio.Event()
            before = world.node.proposals
            stream = stub.payouts.SubmitStream()
            for number in range(5):
                await stream.write(
                    pb.SubmitBatchRequest(
                        orders=[world.order(account)], sequence=number
                    )
                )
            await stream.done_writing()
            other = await stub.admin.Status(admin_pb2.StatusRequest())
            assert other.ready
            assert world.node.proposals <= before + 2
            world.node.hold.set()
            replies = [reply async for reply in stream]

            assert [reply.sequence for reply in replies] == [0, 1, 2, 3, 4]

    asyncio.run(run())


def test_an_unknown_payout_is_not_found(world: World) -> None:
    """A read of an id that was never used names it and the index it looked at."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("auditor")
            payout_id = world.new_id(ids.PAYOUT)
            refusal = await refusal_of(
                stub.payouts.Get(pb.GetPayoutRequest(payout_id=payout_id))
            )

            assert refusal.code == grpc.StatusCode.NOT_FOUND
            assert (
                refusal.reason,
                refusal.metadata["outcome"],
            ) == ("NOT_FOUND", "NOT_LOGGED")
            assert payout_id in refusal.message

    asyncio.run(run())


def test_pages_of_a_list_are_the_payouts_at_the_index_of_the_first(
    world: World,
) -> None:
    """The union of the pages is what was there at the first page, though writers run."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=100_000)
            orders = [world.order(account) for _ in range(25)]
            for order in orders:
                await stub.payouts.Submit(pb.SubmitRequest(order=order))
            seen, cursor, pages = [], "", 0
            while True:
                page = await stub.payouts.List(
                    pb.ListPayoutsRequest(
                        account_id=account, page_size=10, cursor=cursor
                    )
                )
                seen += [payout.order.payout_id for payout in page.payouts]
                pages += 1
                await stub.payouts.Submit(pb.SubmitRequest(order=world.order(account)))
                cursor = page.next_cursor
                if not cursor:
                    break

            assert [order.payout_id for order in orders] == seen
            assert pages == 3

    asyncio.run(run())


def test_a_list_keeps_what_all_filters_match(world: World) -> None:
    """Account, state, rail, currency and time are filters that are combined."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            other = await world.account(stub, units=10_000)
            mine = world.order(account)
            theirs = world.order(other)
            first = await stub.payouts.Submit(pb.SubmitRequest(order=mine))
            await stub.payouts.Submit(pb.SubmitRequest(order=theirs))
            await stub.payouts.Cancel(
                pb.CancelPayoutRequest(
                    request_id=world.new_id(ids.REQUEST), payout_id=theirs.payout_id
                )
            )

            async def listed(**filters: object) -> list[str]:
                page = await stub.payouts.List(pb.ListPayoutsRequest(**filters))
                return [payout.order.payout_id for payout in page.payouts]

            assert [mine.payout_id] == await listed(account_id=account)
            assert [theirs.payout_id] == await listed(state=pb.CANCELLED)
            assert await listed(state=pb.CANCELLED, account_id=account) == []
            assert [mine.payout_id, theirs.payout_id] == await listed(rail="sandbox")
            assert await listed(rail="us_ach") == []
            assert await listed(currency="EUR") == []
            at_us = first.header.accepted_at_us
            assert [mine.payout_id] == await listed(
                created_from_us=at_us, created_to_us=at_us + 1
            )

    asyncio.run(run())


@pytest.mark.parametrize(
    ("request_fields", "text"),
    [
        ({"page_size": 1_001}, "page_size: expected 0 .. 1000, found 1001"),
        ({"state": 99}, "state: expected a known state, found 99"),
        ({"account_id": "acct_x"}, "account_id: expected acct_ and 26"),
        ({"rail": "pigeon"}, "rail: expected one of eu_sct"),
        ({"currency": "usd"}, "currency: expected an ISO 4217 code"),
        ({"cursor": "AAAA"}, "cursor: expected the cursor of an answer"),
    ],
)
def test_a_malformed_list_says_what_is_wrong(
    world: World, request_fields: dict[str, object], text: str
) -> None:
    """Each bad filter, size or cursor is named."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("auditor")
            refusal = await refusal_of(
                stub.payouts.List(pb.ListPayoutsRequest(**request_fields))
            )

            assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
            assert text in refusal.message

    asyncio.run(run())


def test_a_cursor_fits_its_own_list_only(world: World) -> None:
    """A cursor with other filters is refused, so no page silently skips rows."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            for _ in range(3):
                await stub.payouts.Submit(pb.SubmitRequest(order=world.order(account)))
            page = await stub.payouts.List(pb.ListPayoutsRequest(page_size=1))
            refusal = await refusal_of(
                stub.payouts.List(
                    pb.ListPayoutsRequest(
                        page_size=1, cursor=page.next_cursor, account_id=account
                    )
                )
            )

            assert refusal.reason == "CURSOR_INVALID"
            assert "the filters of the page before" in refusal.message

    asyncio.run(run())


def test_errors_of_the_node_reach_the_caller_with_their_outcome(world: World) -> None:
    """NOT_LOGGED and UNKNOWN, the leader and its address, in the ErrorInfo."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            leader = {"leader": "2", "leader_address": "127.0.0.1:7002"}
            world.node.fault = NotLogged(Reason.NOT_LEADER, "not the leader", leader)
            request = pb.SubmitRequest(order=world.order(account))
            refused = await refusal_of(stub.payouts.Submit(request))
            world.node.fault = OutcomeUnknown(Reason.LEADERSHIP_LOST, "lost", leader)
            lost = await refusal_of(stub.payouts.Submit(request))
            world.node.fault = NotLogged(Reason.OVERLOADED, "too many")
            full = await refusal_of(stub.payouts.Submit(request))

            assert grpc.StatusCode.UNAVAILABLE == refused.code == lost.code
            assert refused.metadata["outcome"] == "NOT_LOGGED"
            assert lost.metadata["outcome"] == "UNKNOWN"
            assert lost.metadata["retry_same_id"] == "safe"
            assert refused.metadata["leader_address"] == "127.0.0.1:7002"
            assert refused.metadata["cluster_id"] == "test-cluster"
            assert full.code == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert full.retry_after_s > 0

    asyncio.run(run())


def test_a_replay_whose_payout_cannot_be_read_is_still_an_answer(world: World) -> None:
    """The log has answered; a read that fails afterwards must not hide it."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            request = pb.SubmitRequest(order=world.order(account))
            await stub.payouts.Submit(request)
            world.node.read_fault = NotLogged(Reason.STOPPING, "stopping")
            reply = await stub.payouts.Submit(request)

            assert reply.result.result.outcome == common.OUTCOME_REPLAYED
            assert not reply.HasField("payout")

    asyncio.run(run())


def test_a_payout_to_the_sandbox_needs_no_destination(world: World) -> None:
    """The sandbox pays nobody; what was left out stays left out."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            order = world.order(account)
            order.ClearField("destination")
            order.ClearField("metadata")
            await stub.payouts.Submit(pb.SubmitRequest(order=order))
            got = await stub.payouts.Get(pb.GetPayoutRequest(payout_id=order.payout_id))

            assert not got.payout.order.HasField("destination")
            assert dict(got.payout.order.metadata) == {}

    asyncio.run(run())


def test_every_field_of_an_order_comes_back(world: World) -> None:
    """What the client said is what a read shows, names in other scripts included."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            order = world.order(
                account,
                destination=us_account(name="Ægir Þórðarson 株式会社"),
                reference="Überweisung №5",
                metadata={"ключ": "значение"},
            )
            await stub.payouts.Submit(pb.SubmitRequest(order=order))
            got = await stub.payouts.Get(pb.GetPayoutRequest(payout_id=order.payout_id))
            order.amount.exponent = 2

            assert order == got.payout.order

    asyncio.run(run())
