"""Requests from bytes: pages make the same message, and no bytes hold the loop for long."""

import asyncio
import time

import grpc
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.api import parsing
from ledgerd.api.v1 import admin_pb2, common_pb2
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from ledgerd.limits import CALL_BYTES_MAX, ORDER_BYTES_MAX, REQUEST_BYTES_MAX
from tests.api.world import Refusal, World, refusal_of

SUBMIT = "/ledgerd.api.v1.Payouts/Submit"
STREAM = "/ledgerd.api.v1.Payouts/SubmitStream"
ORDER = b"\x0a"  # tag of field 1, of a length


def parsed(data: bytes) -> pb.SubmitBatchRequest:
    return asyncio.run(parsing.batch(data))


def refusal(data: bytes) -> NotLogged:
    with pytest.raises(NotLogged) as caught:
        parsed(data)
    return caught.value


@given(
    st.lists(st.integers(0, 20_000), max_size=40),
    st.integers(0, 2**64 - 1),
    st.booleans(),
)
def test_pages_are_the_whole_message(
    sizes: list[int], sequence: int, has_unknown: bool
) -> None:
    """Orders of every length of length, a number beside them, and fields of a newer client."""
    request = pb.SubmitBatchRequest(
        orders=[pb.PayoutOrder(reference="r" * size) for size in sizes],
        sequence=sequence,
    )
    data = request.SerializeToString()
    if has_unknown:
        data = b"\xfa\x7f\x02hi" + data + b"\xf9\x7f12345678" + b"\xfd\x7f1234"

    assert parsed(data) == pb.SubmitBatchRequest.FromString(data)


@given(st.binary(max_size=200))
def test_what_protobuf_refuses_is_refused(data: bytes) -> None:
    """Whatever the bytes are, nothing but an answer or MALFORMED comes out."""
    try:
        expected = pb.SubmitBatchRequest.FromString(data)
    except DecodeError:
        assert refusal(data).reason is Reason.MALFORMED
        return
    try:
        found = parsed(data)
    except NotLogged as error:
        refused = error
    else:
        assert found == expected
        return
    # Groups, which no message of ours has, and numbers beyond ten bytes.
    assert refused.reason is Reason.MALFORMED
    assert "wire type" in refused.message or "number" in refused.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ORDER + b"\x05abc", "expected a message of this call: it is cut off"),
        (ORDER + b"\x85", "expected a message of this call: it is cut off"),
        (b"\xff" * 20, "expected a message of this call: a number is too long"),
        (b"\x0b" * 9, "expected a message of this call: wire type 3"),
        (
            b"\x10\x01" * 65,
            "expected a message of this call: more than 64 fields beside orders",
        ),
        (
            ORDER + b"\x02\x0a\xff",
            "expected a message of this call: Error parsing message with type "
            "'ledgerd.api.v1.SubmitBatchRequest': Wire format was corrupt",
        ),
        (
            ORDER + b"\x03\x0a\x01\xff",
            "expected a message of this call: Error parsing message with type "
            "'ledgerd.api.v1.SubmitBatchRequest': String field had bad UTF-8",
        ),
        (
            ORDER + b"\0" + b"\x0a\0" * 8_192,
            "orders: expected 1 .. 8192 orders, found more",
        ),
    ],
)
def test_bytes_that_are_no_batch_say_why(data: bytes, message: str) -> None:
    """The text of each; all of them are MALFORMED."""
    refused = refusal(data)

    assert (refused.reason, refused.message) == (Reason.MALFORMED, message)


def test_a_dry_run_is_parsed_as_a_batch_with_fewer_orders() -> None:
    """A thousand of them, and how it is to be read; one more is refused unparsed."""
    request = pb.ValidateRequest(
        orders=[pb.PayoutOrder(reference="x" * 100)] * 1_000,
        concern=common_pb2.ReadConcern(at_least_index=7),
    )
    assert asyncio.run(parsing.dry_batch(request.SerializeToString())) == request

    request.orders.add()
    with pytest.raises(NotLogged) as caught:
        asyncio.run(parsing.dry_batch(request.SerializeToString()))
    assert caught.value.reason is Reason.MALFORMED
    assert caught.value.message == "orders: expected 1 .. 1000 orders, found more"


def test_an_order_has_a_bound_of_its_own() -> None:
    """It is named, and the orders before it are not looked at further."""
    huge = pb.PayoutOrder(reference="x" * ORDER_BYTES_MAX)
    refused = refusal(
        pb.SubmitBatchRequest(orders=[pb.PayoutOrder(), huge]).SerializeToString()
    )

    assert refused.reason is Reason.TOO_LARGE
    assert refused.message == (
        f"expected orders[1] of at most {ORDER_BYTES_MAX} bytes, found "
        f"{ORDER_BYTES_MAX + 8}: split it into smaller ones"
    )


def test_a_message_of_millions_of_parts_costs_nothing() -> None:
    """Six million empty orders, or entries of a map: seconds of parsing, refused unparsed."""
    orders = b"\x0a\x00" * 6_000_000
    entries = b"\x3a\x00" * 6_000_000
    began_at = time.thread_time()

    assert "found more" in refusal(orders).message
    assert (
        "expected orders[0] of at most"
        in refusal(ORDER + b"\x80\xb6\xdc\x05" + entries).message
    )

    assert time.thread_time() - began_at < 0.5


def test_a_batch_lets_the_loop_go_between_its_pages() -> None:
    """What else is ready runs while a large batch is parsed (T71)."""
    request = pb.SubmitBatchRequest(
        orders=[pb.PayoutOrder(reference="x" * 100)] * 8_192
    )

    async def run() -> int:
        turns = 0
        parsing_ = asyncio.create_task(parsing.batch(request.SerializeToString()))
        while not parsing_.done():
            turns += 1
            await asyncio.sleep(0)
        assert parsing_.result() == request
        return turns

    assert asyncio.run(run()) >= 16


@pytest.mark.parametrize("size", [CALL_BYTES_MAX + 1, REQUEST_BYTES_MAX])
def test_a_call_that_is_no_batch_is_small(world: World, size: int) -> None:
    """Its bound is its own, and it is refused before it is parsed."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            refused = await refusal_of(stub.channel.unary_unary(SUBMIT)(bytes(size)))

            assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
            assert (refused.reason, refused.metadata["outcome"]) == (
                "TOO_LARGE",
                "NOT_LOGGED",
            )
            assert refused.message == (
                f"expected a request of at most {CALL_BYTES_MAX} bytes, found {size}: "
                "split it into smaller ones"
            )
            assert world.node.proposals == 0

    asyncio.run(run())


def test_the_largest_call_that_is_no_batch_fits(world: World) -> None:
    """A thousand fee rules with the largest numbers there are."""
    largest = admin_pb2.FeeRule(
        rail="us_ach_same_day",
        currency="USD",
        fixed_units=2**63 - 1,
        bps=10_000,
        min_units=2**63 - 2,
        max_units=2**63 - 1,
    )
    request = admin_pb2.SetFeesRequest(rules=[largest] * 1_000, source="x" * 140)

    assert request.ByteSize() < CALL_BYTES_MAX


def test_a_stream_answers_what_came_before_a_request_it_cannot_read(
    world: World,
) -> None:
    """Its end says "not logged" of that request alone, for the others have their answers."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            world.node.hold = asyncio.Event()
            before = world.node.proposals
            call = stub.channel.stream_stream(
                STREAM, response_deserializer=pb.SubmitStreamReply.FromString
            )()
            orders = [world.order(account), world.order(account)]
            for sequence, order in enumerate(orders):
                request = pb.SubmitBatchRequest(orders=[order], sequence=sequence)
                await call.write(request.SerializeToString())
            await call.write(b"\xff\xff")
            await call.done_writing()
            await world.node.proposed(before + 2)
            world.node.hold.set()
            replies = [await call.read() for _ in orders]
            with pytest.raises(grpc.aio.AioRpcError) as end:
                await call.read()
            refused = Refusal(end.value)

            assert [reply.sequence for reply in replies] == [0, 1]
            assert all(reply.HasField("accepted") for reply in replies)
            assert (refused.reason, refused.metadata["outcome"]) == (
                "MALFORMED",
                "NOT_LOGGED",
            )
            assert refused.message == "expected a message of this call: it is cut off"

    asyncio.run(run())
