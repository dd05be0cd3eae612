"""The service `Feed`: what an event says, filters, and how a watch begins and ends."""

import asyncio
import time
from types import SimpleNamespace

import grpc
import pytest

from ledgerd.api import ids, interceptors
from ledgerd.api.v1 import common_pb2, payouts_pb2
from ledgerd.api.v1 import events_pb2 as pb
from tests.api.world import CLUSTER, START_US, Refusal, Stub, World, refusal_of
from tests.waiting import until

CENTURY_S = 100 * 365 * 86_400
GRACE_S = 10.0


def watch(stub: Stub, **fields: object) -> grpc.aio.UnaryStreamCall:
    """Begin to watch."""
    return stub.feed.Watch(pb.WatchRequest(**fields))


async def told(call: grpc.aio.UnaryStreamCall, until: int) -> list[pb.Event]:
    """Return the events of a watch until it has looked at number `until`."""
    found: list[pb.Event] = []
    async with asyncio.timeout(10):
        while True:
            reply = await call.read()
            assert reply is not grpc.aio.EOF
            found += reply.events
            if reply.scanned_seq >= until:
                return found


async def end_of(call: grpc.aio.UnaryStreamCall) -> Refusal:
    """Return how a watch ends."""
    try:
        async with asyncio.timeout(10):
            while await call.read() is not grpc.aio.EOF:
                pass
    except grpc.aio.AioRpcError as error:
        return Refusal(error)
    raise AssertionError("it ended well")


async def few_events(world: World, stub: Stub) -> tuple[str, payouts_pb2.PayoutOrder]:
    """Open and fund an account, submit and cancel a payout: events 1 .. 4, of entries 1 .. 4."""
    account = await world.account(stub, units=1_000)
    order = world.order(account)
    await stub.payouts.Submit(payouts_pb2.SubmitRequest(order=order))
    await stub.payouts.Cancel(
        payouts_pb2.CancelPayoutRequest(
            request_id=world.new_id(ids.REQUEST), payout_id=order.payout_id
        )
    )
    return account, order


def test_events_tell_what_changed_and_the_balances_after_it(world: World) -> None:
    """In order, dense from 1, with position and log time; then what comes next."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account, order = await few_events(world, stub)
            call = watch(stub, from_seq=1, cluster_id=CLUSTER)
            opened, funded, created, cancelled = await told(call, 4)
            await stub.payouts.Submit(
                payouts_pb2.SubmitRequest(order=world.order(account))
            )
            (later,) = await told(call, 5)
            call.cancel()

            kinds = [pb.Event.Kind.Name(each.kind) for each in (opened, funded)]
            assert kinds == ["ACCOUNT_OPENED", "ACCOUNT_FUNDED"]
            assert opened.subject == account
            assert funded.subject.startswith("req_")
            assert created == pb.Event(
                seq=3,
                kind=pb.Event.PAYOUT_CREATED,
                index=3,
                at_us=START_US + 3_000_000,
                subject=order.payout_id,
                state_after=payouts_pb2.READY,
                amount=common_pb2.Money(units=250, currency="USD", exponent=2),
                accounts=created.accounts,
            )
            (after,) = created.accounts
            assert after.account_id == account
            assert after.balances.available_units == 750
            assert after.balances.reserved_units == 250
            assert (cancelled.state_before, cancelled.state_after) == (
                payouts_pb2.READY,
                payouts_pb2.CANCELLED,
            )
            assert cancelled.accounts[0].balances.available_units == 1_000
            assert (later.seq, later.index) == (5, 5)

    asyncio.run(run())


def test_one_event_is_read_by_its_number(world: World) -> None:
    """The same as the watch tells; one that there is not has an error with the range."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("auditor", "submitter")
            await few_events(world, stub)
            call = watch(stub, from_seq=1)
            expected = await told(call, 4)
            call.cancel()
            found = [
                (await stub.feed.GetEvent(pb.GetEventRequest(seq=seq))).event
                for seq in (1, 2, 3, 4)
            ]
            unknown = await refusal_of(stub.feed.GetEvent(pb.GetEventRequest(seq=5)))
            none = await refusal_of(stub.feed.GetEvent(pb.GetEventRequest(seq=0)))

            assert found == expected
            assert unknown.code == grpc.StatusCode.OUT_OF_RANGE
            assert unknown.reason == "EVENT_NOT_KEPT"
            assert unknown.metadata["seq_oldest"] == "1"
            assert unknown.metadata["seq_newest"] == "4"
            assert none.reason == "MALFORMED"

    asyncio.run(run())


def test_filters_are_exact_and_marks_tell_how_far_they_looked(world: World) -> None:
    """All that are set must match; what was left out is looked at and said to be."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account, order = await few_events(world, stub)
            other = await world.account(stub, currency="EUR")
            cases = [
                (pb.EventFilter(account_id=account), [1, 2, 3, 4]),
                (pb.EventFilter(account_id=other), [5]),
                (pb.EventFilter(payout_id=order.payout_id), [3, 4]),
                (pb.EventFilter(currency="EUR"), [5]),
                (
                    pb.EventFilter(
                        kinds=[pb.Event.PAYOUT_CANCELLED, pb.Event.ACCOUNT_OPENED]
                    ),
                    [1, 4, 5],
                ),
                (
                    pb.EventFilter(
                        account_id=account, kinds=[pb.Event.PAYOUT_CANCELLED]
                    ),
                    [4],
                ),
                (pb.EventFilter(account_id=account, currency="EUR"), []),
            ]
            for asked, expected in cases:
                call = watch(stub, from_seq=1, filter=asked)
                found = await told(call, 5)
                call.cancel()
                assert [each.seq for each in found] == expected, asked

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "start"),
        ({"from_now": False}, "start"),
        ({"from_seq": 0}, "from_seq"),
        (
            {"from_seq": 1, "filter": pb.EventFilter(account_id="acct_1")},
            "filter.account_id",
        ),
        (
            {"from_seq": 1, "filter": pb.EventFilter(payout_id="nobody")},
            "filter.payout_id",
        ),
        (
            {"from_seq": 1, "filter": pb.EventFilter(currency="dollars")},
            "filter.currency",
        ),
        ({"from_seq": 1, "filter": pb.EventFilter(kinds=[999])}, "filter.kinds"),
    ],
)
def test_a_malformed_watch_is_refused_by_field(
    world: World, fields: dict[str, object], field: str
) -> None:
    """0 is no number of an event, and there is no default to begin at."""

    async def run() -> None:
        async with world.running():
            refusal = await end_of(watch(world.stub("submitter"), **fields))

            assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
            assert refusal.fields == [field]

    asyncio.run(run())


def test_a_number_of_another_cluster_is_refused(world: World) -> None:
    """Numbers of a cluster that was restored are not those of the old one."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            foreign = await end_of(watch(stub, from_seq=1, cluster_id="elsewhere"))
            beyond = await end_of(watch(stub, from_seq=2, cluster_id=CLUSTER))

            assert foreign.code == grpc.StatusCode.FAILED_PRECONDITION
            assert foreign.reason == "WRONG_CLUSTER"
            assert beyond.code == grpc.StatusCode.OUT_OF_RANGE
            assert (beyond.metadata["seq_newest"], beyond.reason) == (
                "0",
                "EVENT_NOT_KEPT",
            )

    asyncio.run(run())


def test_a_watch_has_no_deadline_and_is_no_call_in_flight(world: World) -> None:
    """It stands as long as its caller wants, and holds up no stop."""

    async def run() -> None:
        async with world.running(deadline_s_default=0.01):
            stub = world.stub("submitter")
            call = watch(stub, from_seq=1)
            for _ in range(3):  # the first mark, and two of a second each
                assert await call.read() is not grpc.aio.EOF
            assert world.server.calls_in_flight == 0
            began_at = time.monotonic()
            world.node.feed.begin_stop()
            await world.server.stop(GRACE_S)
            refusal = await end_of(call)

            assert refusal.reason == "STOPPING"
            assert time.monotonic() - began_at < GRACE_S / 2

    asyncio.run(run())


def test_a_watcher_that_takes_nothing_does_not_hold_up_a_stop(world: World) -> None:
    """Its stream is full; it is cut off soon after, and the others had their answer."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000_000)
            orders = [world.order(account) for _ in range(4_000)]
            await stub.payouts.SubmitBatch(
                payouts_pb2.SubmitBatchRequest(orders=orders)
            )
            call = watch(stub, from_seq=1)
            assert await call.read() is not grpc.aio.EOF
            began_at = time.monotonic()
            world.node.feed.begin_stop()
            await world.server.stop(GRACE_S)

            assert time.monotonic() - began_at < GRACE_S / 2

    asyncio.run(run())


def test_who_goes_leaves_his_place(world: World) -> None:
    """While it waits and while it is slow, without waiting for anything to be collected."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000_000)
            orders = [world.order(account) for _ in range(4_000)]
            await stub.payouts.SubmitBatch(
                payouts_pb2.SubmitBatchRequest(orders=orders)
            )
            waits, slow = watch(stub, from_now=True), watch(stub, from_seq=1)
            for call in (waits, slow):
                assert await call.read() is not grpc.aio.EOF
            before = world.node.feed.watchers
            waits.cancel()
            slow.cancel()
            await asyncio.to_thread(
                until, "both places are free", lambda: not world.node.feed.watchers
            )

            assert before == 2

    asyncio.run(run())


def test_a_watch_ends_with_its_certificate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity is checked for every reply, not only when the watch began."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            call = watch(stub, from_seq=1)
            assert await call.read() is not grpc.aio.EOF
            later = SimpleNamespace(time=lambda: time.time() + CENTURY_S)
            monkeypatch.setattr(interceptors, "time", later)
            refusal = await end_of(call)

            assert refusal.reason == "CERTIFICATE_EXPIRED"

    asyncio.run(run())
