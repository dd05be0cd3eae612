"""A stream of batches: its end, its time and its certificate."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import grpc
import pytest

from ledgerd.api import interceptors
from ledgerd.api.stream import Answer, Stream
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from tests.api.world import Refusal, World

CENTURY_S = 100 * 365 * 86_400
GRACE_S = 10.0


async def end_of(stream: object) -> Refusal:
    """Return how a stream ends whose replies were all read."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream.read()
    return Refusal(caught.value)


def test_a_stopping_node_ends_an_idle_stream_at_once(world: World) -> None:
    """It does not wait for its callers to go; what was sent meanwhile is not logged."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            stream = stub.payouts.SubmitStream()
            await stream.write(pb.SubmitBatchRequest(orders=[world.order(account)]))
            assert (await stream.read()).HasField("accepted")
            assert world.server.calls_in_flight == 0  # it is idle
            began_at = time.monotonic()
            await world.server.stop(GRACE_S)
            took_s = time.monotonic() - began_at
            refusal = await end_of(stream)

            assert took_s < GRACE_S / 2
            assert refusal.reason == "STOPPING"
            assert refusal.metadata["outcome"] == "NOT_LOGGED"
            assert refusal.metadata["batches_read"] == "1"
            assert world.stops == []

    asyncio.run(run())


def test_a_stopping_node_answers_what_it_read(world: World) -> None:
    """Batches in flight get their answers, then the stream ends with their number."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            world.node.hold = asyncio.Event()
            before = world.node.proposals
            assert world.server.calls_in_flight == 0
            stream = stub.payouts.SubmitStream()
            for sequence in range(2):
                await stream.write(
                    pb.SubmitBatchRequest(
                        orders=[world.order(account)], sequence=sequence
                    )
                )
            await world.node.proposed(before + 2)
            assert world.server.calls_in_flight == 2
            stopping = asyncio.create_task(world.server.stop(GRACE_S))
            await asyncio.sleep(0)
            assert not stopping.done()
            world.node.hold.set()
            replies = [await stream.read() for _ in range(2)]
            refusal = await end_of(stream)
            await stopping

            assert [reply.sequence for reply in replies] == [0, 1]
            assert all(reply.HasField("accepted") for reply in replies)
            assert (refusal.reason, refusal.metadata["batches_read"]) == (
                "STOPPING",
                "2",
            )

    asyncio.run(run())


def test_each_batch_has_the_time_that_it_says(world: World) -> None:
    """The node answers a little earlier; a batch that says nothing gets the default."""

    async def run() -> None:
        async with world.running(deadline_s_default=5.0, deadline_s_max=60.0):
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            stream = stub.payouts.SubmitStream()
            left_s = []
            for deadline_ms in (0, 100, 20_000, 2**32 - 1):
                began_at = asyncio.get_running_loop().time()
                await stream.write(
                    pb.SubmitBatchRequest(
                        orders=[world.order(account)], deadline_ms=deadline_ms
                    )
                )
                assert await stream.read() is not grpc.aio.EOF
                took_s = asyncio.get_running_loop().time() - began_at
                left_s.append((world.node.deadlines[-1] - began_at, took_s))
            stream.cancel()

            for (found_s, took_s), expected_s in zip(
                left_s, (5.0, 0.09, 19.95, 60.0), strict=True
            ):
                assert expected_s <= found_s <= expected_s + took_s

    asyncio.run(run())


def test_a_stream_ends_with_its_certificate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity is checked for every batch, not only when the stream began."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            stream = stub.payouts.SubmitStream()
            request = pb.SubmitBatchRequest(orders=[world.order(account)])
            await stream.write(request)
            assert (await stream.read()).HasField("accepted")
            later = SimpleNamespace(time=lambda: time.time() + CENTURY_S)
            monkeypatch.setattr(interceptors, "time", later)
            before = world.node.proposals
            await stream.write(request)
            refusal = await end_of(stream)

            assert refusal.reason == "CERTIFICATE_EXPIRED"
            assert refusal.metadata["outcome"] == "NOT_LOGGED"
            assert refusal.metadata["batches_read"] == "1"
            assert world.node.proposals == before

    asyncio.run(run())


def test_a_stream_counts_its_batches_and_not_its_age(world: World) -> None:
    """How long a stream stands open is nobody's waiting time."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            stream = stub.payouts.SubmitStream()
            for _ in range(3):
                await stream.write(pb.SubmitBatchRequest(orders=[world.order(account)]))
            await stream.done_writing()
            assert len([reply async for reply in stream]) == 3

        name = "ledgerd_request_seconds_count"
        assert world.counted(name, call="Payouts/SubmitStream") == 3

    asyncio.run(run())


def test_requests_are_taken_as_answers_make_room() -> None:
    """No more than the bound are in flight, and answers keep the order of requests."""

    async def run() -> None:
        most = in_flight = 0
        hold = [asyncio.Event() for _ in range(6)]

        async def answer(number: int) -> Answer[int]:
            nonlocal most, in_flight
            in_flight += 1
            most = max(most, in_flight)
            if number == 2:
                for event in hold:
                    event.set()  # the third one in frees those before it
            await hold[number].wait()
            in_flight -= 1
            return Answer(number, lambda: None)

        async def requests() -> AsyncIterator[int]:
            for number in range(6):
                yield number

        stream = Stream(answer, in_flight_max=3)

        assert [number async for number in stream.replies(requests())] == [*range(6)]
        assert most <= 3

    asyncio.run(run())


def test_a_stream_whose_caller_left_leaves_no_task() -> None:
    """Reader and answers under way end with it."""
    told: list[int] = []

    async def run() -> None:
        async def answer(number: int) -> Answer[int]:
            if number:
                await asyncio.Event().wait()
            return Answer(number, lambda: told.append(number))

        async def requests() -> AsyncIterator[int]:
            yield 0
            yield 1
            await asyncio.Event().wait()

        replies = Stream(answer, in_flight_max=3).replies(requests())
        assert await anext(replies) == 0
        await replies.aclose()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert told == [0]

    asyncio.run(run())


def test_a_stopped_stream_says_how_many_it_read() -> None:
    """Also one that stopped before it was read at all."""

    async def run() -> None:
        async def answer(number: int) -> Answer[int]:
            return Answer(number, lambda: None)

        async def requests() -> AsyncIterator[int]:
            yield 0
            await asyncio.Event().wait()

        stream = Stream(answer, in_flight_max=3)
        replies = stream.replies(requests())
        assert await anext(replies) == 0
        stream.stop()
        with pytest.raises(NotLogged) as caught:
            await anext(replies)
        assert caught.value.reason is Reason.STOPPING
        assert caught.value.metadata == {"batches_read": "1"}

    asyncio.run(run())


def test_every_answer_is_followed_once_by_what_comes_afterwards() -> None:
    """After its reply was handed on; also when the caller leaves before it was."""

    async def run() -> None:
        told: list[int] = []

        async def answer(number: int) -> Answer[int]:
            return Answer(number, lambda: told.append(number))

        async def requests() -> AsyncIterator[int]:
            for number in range(3):
                yield number
            await asyncio.Event().wait()

        replies = Stream(answer, in_flight_max=3).replies(requests())
        assert await anext(replies) == 0
        assert told == []
        assert await anext(replies) == 1
        assert told == [0]
        await replies.aclose()
        assert told == [0, 1, 2]

    asyncio.run(run())
