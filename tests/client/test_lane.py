"""Batches over a stream end as calls would, whatever becomes of the stream. faults.md 4.2."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from ledgerd.api.v1 import payouts_pb2_grpc
from ledgerd.api.v1.common_pb2 import MutationHeader
from ledgerd.api.v1.payouts_pb2 import (
    PayoutOrder,
    StreamError,
    SubmitBatchReply,
    SubmitBatchRequest,
    SubmitStreamReply,
)
from ledgerd.client import (
    AsyncClient,
    Client,
    NotLogged,
    Outcome,
    OutcomeUnknown,
    iban,
    lane,
    new_payout_id,
    payout_order,
)
from ledgerd.client.lane import BYTES_MAX, IN_FLIGHT_MAX, ROWS_MAX, BatchRefused, Lane
from ledgerd.errors import Reason
from tests.client.fake_cluster import FakeCluster, fail_like_grpc, keep_silent, refuse

Stream = AsyncIterator[SubmitBatchRequest]
Context = aio.ServicerContext[SubmitBatchRequest, SubmitStreamReply]
Script = Callable[["ScriptedNode", Stream, Context], Awaitable[None]]

LONG_S = 30.0
ALONE_INDEX = 999  # where the log of a scripted node puts a batch that is a call
ORDER = payout_order(
    account="acct_" + "0" * 26,
    amount=100,
    currency="EUR",
    rail="eu_sct",
    destination=iban("DE89 3704 0044 0532 0130 00", "Payee"),
    payout_id=new_payout_id(),
)
BATCH = SubmitBatchRequest(orders=[ORDER])


@dataclass
class ScriptedNode(payouts_pb2_grpc.PayoutsServicer):
    """A node in this loop: a script for each stream, the last one for all further ones."""

    scripts: list[Script]
    streams: int = 0
    calls: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    was_read: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def SubmitBatch(
        self, request: SubmitBatchRequest, context: object
    ) -> SubmitBatchReply:
        self.calls += 1
        return SubmitBatchReply(header=MutationHeader(index=ALONE_INDEX))

    async def SubmitStream(self, requests: Stream, context: Context) -> None:
        script = self.scripts[min(self.streams, len(self.scripts) - 1)]
        self.streams += 1
        try:
            await script(self, self._seen(requests), context)
        finally:
            self.ended.set()

    async def _seen(self, requests: Stream) -> Stream:
        async for request in requests:
            self.was_read.release()
            yield request

    async def read(self, count: int) -> None:
        """Return once that many batches were read since the last time."""
        for _ in range(count):
            await asyncio.wait_for(self.was_read.acquire(), 10)


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[tuple[ScriptedNode, Lane]]:
    """Serve the scripts while the block runs; afterwards nothing of it is left."""
    node = ScriptedNode([*scripts])
    server = aio.server()
    payouts_pb2_grpc.add_PayoutsServicer_to_server(node, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = aio.insecure_channel(f"127.0.0.1:{port}")
    lane = Lane(channel)
    try:
        yield node, lane
    finally:
        await lane.close()
        await channel.close()
        await server.stop(None)


def submit(lane: Lane, timeout: float = LONG_S) -> asyncio.Task[SubmitBatchReply]:
    return asyncio.create_task(lane.submit_batch(BATCH, timeout=timeout))


def accepted(sequence: int) -> SubmitStreamReply:
    header = MutationHeader(index=sequence)
    return SubmitStreamReply(
        sequence=sequence, accepted=SubmitBatchReply(header=header)
    )


async def answer(node: ScriptedNode, requests: Stream, context: Context) -> None:
    async for request in requests:
        await context.write(accepted(request.sequence))


async def answer_when_told(
    node: ScriptedNode, requests: Stream, context: Context
) -> None:
    """Answer what was read, when the test says so."""

    async def reply() -> None:
        await node.may_answer.wait()
        while True:
            await context.write(accepted(await read.get()))

    read: asyncio.Queue[int] = asyncio.Queue()
    replies = asyncio.create_task(reply())
    try:
        async for request in requests:
            read.put_nowait(request.sequence)
    finally:
        replies.cancel()


def end_after(count: int, end: Callable[[Context], Awaitable[None]]) -> Script:
    """Return a script that reads that many batches, answers none, and ends the stream."""

    async def script(node: ScriptedNode, requests: Stream, context: Context) -> None:
        for _ in range(count):
            await anext(requests)
        await end(context)

    return script


async def break_off(context: Context) -> None:
    await context.abort(grpc.StatusCode.UNAVAILABLE, "made by the library")


async def end_well(context: Context) -> None:
    pass


def stopping(**metadata: str) -> bytes:
    """Return the details of the status that a stopping node ends a stream with."""
    detail = AnyMessage()
    detail.Pack(
        ErrorInfo(
            reason=Reason.STOPPING.value,
            domain="ledgerd",
            metadata={"outcome": "NOT_LOGGED", **metadata},
        )
    )
    code = grpc.StatusCode.UNAVAILABLE.value[0]
    status = Status(code=code, message="stopping", details=[detail])
    return bytes(status.SerializeToString())


def refuse_stream(**metadata: str) -> Callable[[Context], Awaitable[None]]:
    """Return an end as a stopping node gives it."""

    async def end(context: Context) -> None:
        trailing = (("grpc-status-details-bin", stopping(**metadata)),)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "stopping", trailing)

    return end


async def code_of(task: asyncio.Task[SubmitBatchReply]) -> grpc.StatusCode:
    with pytest.raises(aio.AioRpcError) as caught:
        await task
    assert not caught.value.trailing_metadata(), "it looks like a word of the node"
    return caught.value.code()


def test_batches_share_one_stream_in_order() -> None:
    """Several are in flight together; each gets the answer to its own request."""

    async def run() -> None:
        async with scripted(answer_when_told) as (node, lane):
            tasks = [submit(lane) for _ in range(5)]
            await node.read(5)
            node.may_answer.set()
            replies = await asyncio.gather(*tasks)
            await submit(lane)

            assert [reply.header.index for reply in replies] == [1, 2, 3, 4, 5]
            assert (node.streams, node.calls) == (1, 0)

    asyncio.run(run())


def test_a_batch_tells_its_time_and_leaves_the_request_as_it_was() -> None:
    """The node learns how long this attempt waits; the caller's message is untouched."""
    seen: list[SubmitBatchRequest] = []

    async def script(node: ScriptedNode, requests: Stream, context: Context) -> None:
        async for request in requests:
            seen.append(request)
            await context.write(accepted(request.sequence))

    async def run() -> None:
        before = BATCH.SerializeToString()
        async with scripted(script) as (_, lane):
            await submit(lane, 20.0)
            await submit(lane, 1e9)

        assert before == BATCH.SerializeToString()
        assert [request.sequence for request in seen] == [1, 2]
        assert 10_000 < seen[0].deadline_ms <= 20_000
        assert seen[1].deadline_ms == 2**32 - 1
        assert [*seen[0].orders] == [ORDER]

    asyncio.run(run())


def test_a_full_stream_leaves_no_batch_waiting() -> None:
    """The node reads no further than its bound, so the next batch is a call of its own."""

    async def run() -> None:
        async with scripted(answer_when_told) as (node, lane):
            tasks = [submit(lane) for _ in range(IN_FLIGHT_MAX)]
            await node.read(IN_FLIGHT_MAX)
            reply = await submit(lane)
            assert reply.header.index == ALONE_INDEX
            node.may_answer.set()
            await asyncio.gather(*tasks)
            assert (await submit(lane)).header.index == IN_FLIGHT_MAX + 1

    asyncio.run(run())


@pytest.mark.parametrize(
    "large",
    [
        [ORDER] * (ROWS_MAX + 1),
        [PayoutOrder(payout_id="x" * BYTES_MAX)],
    ],
)
def test_large_batches_hold_up_nobody(large: list[PayoutOrder]) -> None:
    """They are calls of their own."""

    async def run() -> None:
        async with scripted(answer) as (node, lane):
            request = SubmitBatchRequest(orders=large)
            await lane.submit_batch(request, timeout=LONG_S)

            assert (node.streams, node.calls) == (0, 1)

    asyncio.run(run())


def test_an_error_of_one_batch_is_its_own() -> None:
    """The node's word reaches the batch it is about, and the stream goes on."""

    async def script(node: ScriptedNode, requests: Stream, context: Context) -> None:
        request = await anext(requests)
        error = StreamError(reason="NOT_LEADER", outcome="NOT_LOGGED")
        await context.write(SubmitStreamReply(sequence=request.sequence, error=error))
        await answer(node, requests, context)

    async def run() -> None:
        async with scripted(script) as (node, lane):
            with pytest.raises(BatchRefused) as caught:
                await submit(lane)
            assert caught.value.error.reason == "NOT_LEADER"
            assert (await submit(lane)).header.index == 2
            assert node.streams == 1

    asyncio.run(run())


@pytest.mark.parametrize("end", [break_off, end_well])
def test_a_stream_that_ends_says_nothing_of_what_was_read(
    end: Callable[[Context], Awaitable[None]],
) -> None:
    """Every batch without a reply is told as a failed call, and none is sent again."""

    async def run() -> None:
        async with scripted(end_after(3, end), answer) as (node, lane):
            tasks = [submit(lane) for _ in range(3)]
            codes = [await code_of(task) for task in tasks]
            reply = await submit(lane)

            assert codes == [grpc.StatusCode.UNAVAILABLE] * 3
            assert reply.header.index == 1
            assert (node.streams, node.calls) == (2, 0)

    asyncio.run(run())


def test_what_the_node_never_read_is_sent_as_a_call() -> None:
    """Its last word counts what it read: those are unknown, the others were not sent."""

    async def run() -> None:
        script = end_after(4, refuse_stream(batches_read="2"))
        async with scripted(script) as (_, lane):
            tasks = [submit(lane) for _ in range(4)]
            codes = [await code_of(task) for task in tasks[:2]]
            replies = await asyncio.gather(*tasks[2:])

            assert codes == [grpc.StatusCode.UNAVAILABLE] * 2
            assert [reply.header.index for reply in replies] == [ALONE_INDEX] * 2

    asyncio.run(run())


def test_a_refused_stream_is_no_failed_attempt() -> None:
    """Nothing was read of it, so the batch is sent as a call, which says what is wrong."""

    async def run() -> None:
        async with scripted(end_after(0, refuse_stream())) as (node, lane):
            reply = await submit(lane)

            assert reply.header.index == ALONE_INDEX
            assert (node.streams, node.calls) == (1, 1)

    asyncio.run(run())


def test_replies_out_of_order_are_believed_by_nobody() -> None:
    """A reply with another sequence ends the stream: no batch gets another's answer."""

    async def script(node: ScriptedNode, requests: Stream, context: Context) -> None:
        first, second = await anext(requests), await anext(requests)
        await context.write(accepted(second.sequence))
        await context.write(accepted(first.sequence))

    async def run() -> None:
        async with scripted(script) as (_, lane):
            tasks = [submit(lane) for _ in range(2)]
            codes = [await code_of(task) for task in tasks]

            assert codes == [grpc.StatusCode.INTERNAL] * 2

    asyncio.run(run())


def test_a_batch_that_waited_in_vain_leaves_the_stream_behind() -> None:
    """The next one takes a new stream, and the old one is ended at the node too."""

    async def run() -> None:
        async with scripted(answer_when_told, answer) as (node, lane):
            code = await code_of(submit(lane, 0.2))
            reply = await submit(lane)
            await asyncio.wait_for(node.ended.wait(), 10)

            assert code is grpc.StatusCode.DEADLINE_EXCEEDED
            assert reply.header.index == 1
            assert node.streams == 2

    asyncio.run(run())


def test_a_stream_with_a_late_batch_still_answers_the_others() -> None:
    """One that gave up takes no answer from a patient one."""

    async def run() -> None:
        async with scripted(answer_when_told) as (node, lane):
            hasty, patient = submit(lane, 0.2), submit(lane)
            await node.read(2)
            assert await code_of(hasty) is grpc.StatusCode.DEADLINE_EXCEEDED
            node.may_answer.set()

            assert (await patient).header.index == 2
            await asyncio.wait_for(node.ended.wait(), 10)

    asyncio.run(run())


def test_a_cancelled_caller_disturbs_nobody() -> None:
    """His reply is read and dropped; the stream goes on."""

    async def run() -> None:
        async with scripted(answer_when_told) as (node, lane):
            first, second = submit(lane), submit(lane)
            await node.read(2)
            first.cancel()
            node.may_answer.set()

            assert (await second).header.index == 2
            assert (await submit(lane)).header.index == 3
            assert node.streams == 1

    asyncio.run(run())


def test_a_drained_lane_answers_what_is_under_way() -> None:
    """Its channel was replaced: nothing is cut off, and then the stream ends."""

    async def run() -> None:
        async with scripted(answer_when_told) as (node, lane):
            task = submit(lane)
            await node.read(1)
            lane.drain()
            assert not node.ended.is_set()
            node.may_answer.set()

            assert (await task).header.index == 1
            await asyncio.wait_for(node.ended.wait(), 10)

    asyncio.run(run())


def test_closing_leaves_no_task() -> None:
    """Batches under way end as cancelled, and nothing runs afterwards."""

    async def run() -> None:
        async with scripted(answer_when_told) as (node, lane):
            tasks = [submit(lane) for _ in range(3)]
            await node.read(3)
            await lane.close()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ends)
            names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
            assert not [name for name in names if name.startswith("_Stream")]

    asyncio.run(run())


def test_a_client_keeps_one_stream_to_the_leader(cluster: FakeCluster) -> None:
    """A follower's hint is followed from its stream to that of the leader. F19."""
    cluster.leader_id = 3
    with Client(cluster.profile()) as client:
        for _ in range(3):
            client.submit_batch([ORDER])
            client.submit_order(ORDER)

    assert cluster.calls("SubmitStream") == [1, 0, 1]
    assert cluster.calls("SubmitBatch") == [1, 0, 6]


def test_a_lost_answer_is_unknown_and_a_retry_a_replay(cluster: FakeCluster) -> None:
    """The stream broke after the log decided."""
    lose = fail_like_grpc(grpc.StatusCode.UNAVAILABLE)
    cluster.nodes[1].after.extend([lose, lose])
    with (
        Client(cluster.profile(), retry=False, node_id=1) as single,
        pytest.raises(OutcomeUnknown) as caught,
    ):
        single.submit_order(ORDER)
    with Client(cluster.profile()) as client:
        result = client.submit_order(ORDER)

    assert caught.value.metadata["made_by"] == "grpc"
    assert result.outcome is Outcome.REPLAYED
    assert len(cluster.orders) == 1


def test_words_of_a_node_are_the_same_on_a_stream(cluster: FakeCluster) -> None:
    """Reason, outcome, message and facts of a refused batch reach the caller."""
    step = refuse(Reason.NOT_LEADER, leader="2", leader_address="a:1")
    cluster.nodes[1].before.append(step)
    with (
        Client(cluster.profile(), retry=False, node_id=1) as single,
        pytest.raises(NotLogged) as caught,
    ):
        single.submit_order(ORDER)

    error = caught.value
    assert error.reason is Reason.NOT_LEADER
    assert "node 1 at" in error.message
    assert "NOT_LEADER by script" in error.message
    assert (error.metadata["leader"], error.metadata["leader_address"]) == ("2", "a:1")
    assert cluster.calls("SubmitStream") == [1, 0, 0]


def test_a_refusal_that_meets_the_first_write_is_heard(cluster: FakeCluster) -> None:
    """A write that fails because the node has ended the stream does not hide why.

    Many streams at once, for it is a matter of microseconds which of the two is first. One attempt
    each: on a busy machine a first one could be given up before its answer, and then nobody knows.
    """
    streams = 200
    step = refuse(Reason.ROLE_MISSING)
    cluster.nodes[1].at_stream = step
    cluster.nodes[1].before.extend([step] * streams)

    async def refusal(client: AsyncClient) -> Reason:
        with pytest.raises(NotLogged) as caught:
            await client.submit_batch([ORDER], deadline=60.0)
        return caught.value.reason

    async def run() -> list[Reason]:
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(
                    AsyncClient(cluster.profile(), retry=False, node_id=1)
                )
                for _ in range(streams)
            ]
            return await asyncio.gather(*[refusal(client) for client in clients])

    assert asyncio.run(run()) == [Reason.ROLE_MISSING] * streams
    assert cluster.calls("SubmitStream") == [streams, 0, 0]


def test_a_killed_node_leaves_its_batches_unknown(cluster: FakeCluster) -> None:
    """Both batches of the stream were sent, and neither was answered."""
    cluster.nodes[1].before.append(keep_silent)

    async def run() -> list[BaseException | object]:
        async with AsyncClient(cluster.profile(), retry=False, node_id=1) as client:
            tasks = [
                asyncio.create_task(client.submit_batch([ORDER])) for _ in range(2)
            ]
            while not cluster.nodes[1].silenced:  # noqa: ASYNC110  # a thread
                await asyncio.sleep(0)
            await asyncio.to_thread(cluster.nodes[1].stop)
            return await asyncio.gather(*tasks, return_exceptions=True)

    ends = asyncio.run(run())

    assert [type(end) for end in ends] == [OutcomeUnknown] * 2


def test_a_closed_client_ends_a_batch_as_unknown(cluster: FakeCluster) -> None:
    """It was sent and nobody waits for the answer any more."""
    cluster.nodes[1].before.append(keep_silent)

    async def run() -> BaseException | object:
        client = AsyncClient(cluster.profile(), retry=False, node_id=1)
        task = asyncio.create_task(client.submit_batch([ORDER]))
        while not cluster.nodes[1].silenced:  # noqa: ASYNC110  # a thread
            await asyncio.sleep(0)
        await client.close()
        return (await asyncio.gather(task, return_exceptions=True))[0]

    end = asyncio.run(run())

    assert isinstance(end, OutcomeUnknown)
    assert end.reason is Reason.STOPPED_AFTER_PROPOSAL


class HeldCall:
    """A stream whose writes wait until they are let go, and whose node says nothing."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.may_write = asyncio.Event()
        self.two_are_written = asyncio.Event()
        self._ended = asyncio.Event()

    async def write(self, data: bytes) -> None:
        await self.may_write.wait()
        self.written.append(data)
        if len(self.written) == 2:
            self.two_are_written.set()

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        pass

    def __aiter__(self) -> AsyncIterator[SubmitStreamReply]:
        return self

    async def __anext__(self) -> SubmitStreamReply:
        await self._ended.wait()
        raise StopAsyncIteration

    def cancel(self) -> bool:
        self._ended.set()
        return True


class FailingCall(HeldCall):
    """A stream whose node refused it while a write was under way, as grpc.aio shows that."""

    def __init__(self, *, word_first: bool) -> None:
        super().__init__()
        self._word_first = word_first
        self._status = grpc.StatusCode.OK, aio.Metadata()
        self._callbacks: list[Callable[[object], None]] = []

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        self._callbacks.append(callback)

    async def code(self) -> grpc.StatusCode:
        return self._status[0]

    async def trailing_metadata(self) -> aio.Metadata:
        return self._status[1]

    async def details(self) -> str:
        return ""

    async def write(self, data: bytes) -> None:
        if self._word_first:
            await asyncio.create_task(self._hear())
        self._set(grpc.StatusCode.INTERNAL, aio.Metadata())
        if not self._word_first:
            asyncio.get_running_loop().call_soon(asyncio.create_task, self._hear())
        self._ended.set()
        raise aio.AioRpcError(*self._status, aio.Metadata())

    async def _hear(self) -> None:
        trailing = (("grpc-status-details-bin", stopping()),)
        self._set(grpc.StatusCode.UNAVAILABLE, aio.Metadata(*trailing))

    def _set(self, code: grpc.StatusCode, trailing: aio.Metadata) -> None:
        self._status = code, trailing
        for callback in self._callbacks:
            callback(self)


@pytest.mark.parametrize("word_first", [True, False])
def test_a_failed_write_does_not_hide_the_last_word(word_first: bool) -> None:
    """Its error takes the place of a status that is there, or stands there before it."""

    async def run() -> None:
        call = FailingCall(word_first=word_first)
        stream = lane._Stream(call, lambda _: None)  # type: ignore[arg-type] # stands in
        until = asyncio.get_running_loop().time() + LONG_S
        with pytest.raises(lane._NotTaken):
            await stream.submit(b"", until)
        await stream.close()

    asyncio.run(run())


def test_a_batch_that_is_never_written_takes_no_number() -> None:
    """The node counts what it read: a number never sent would make a later batch look unread."""

    async def run() -> None:
        call = HeldCall()
        stream = lane._Stream(call, lambda _: None)  # type: ignore[arg-type] # stands in
        until = asyncio.get_running_loop().time() + 60
        tasks = [asyncio.create_task(stream.submit(b"", until)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait(tasks[1:2])
        call.may_write.set()
        await call.two_are_written.wait()

        sent = [SubmitBatchRequest.FromString(data).sequence for data in call.written]
        assert sent == [1, 2]
        await stream.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
