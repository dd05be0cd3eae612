"""Batches to one node over one open stream, which costs less than a call for each.

A lane looks like the call `SubmitBatch` and ends like it: with the reply, with what the
node said of this one batch (`BatchRefused`), or with the error of the gRPC library. What
a stream that ends proves of a batch on it:

- never written, or the node's last word says that it was never read: it was not sent, and
  leaves by a call of its own, as part of the same attempt;
- anything else: no answer, which is for the caller to tell as unknown.

Replies come in the order of the requests, so a batch waits for those before it. Large
batches, which would hold up the small ones, and those that find the stream full, are
calls of their own too. A stream on which a batch waited in vain gets no further ones.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

import grpc
from grpc import aio

from ledgerd.api.v1.payouts_pb2 import (
    StreamError,
    SubmitBatchReply,
    SubmitBatchRequest,
    SubmitStreamReply,
)
from ledgerd.api.v1.payouts_pb2_grpc import PayoutsStub
from ledgerd.client.details import details_of
from ledgerd.errors import Outcome, Reason

IN_FLIGHT_MAX: Final = 16  # a node reads no further than this by default
ROWS_MAX: Final = 256
BYTES_MAX: Final = 64 * 1024
_METHOD: Final = "/ledgerd.api.v1.Payouts/SubmitStream"
_TIMEOUT_S_MIN: Final = 0.001
_DEADLINE_MS_MAX: Final = 2**32 - 1

_Call = aio.StreamStreamCall[bytes, SubmitStreamReply]
_Known = TypeVar("_Known")


class BatchRefused(Exception):
    """The node's word on one batch of a stream, when it is not the log's answer."""

    def __init__(self, error: StreamError) -> None:
        super().__init__(error.message)
        self.error = error


class Lane:
    """The way of batches to one node; for each channel one."""

    def __init__(self, channel: aio.Channel) -> None:
        """Open nothing yet: the stream begins with the first batch."""
        # Bytes go in, so that the sequence is added without touching the request.
        self._start: Callable[[], _Call] = channel.stream_stream(
            _METHOD, None, SubmitStreamReply.FromString
        )
        self._alone = PayoutsStub(channel).SubmitBatch
        self._newest: _Stream | None = None
        self._streams: set[_Stream] = set()  # with those that only end

    async def submit_batch(
        self, request: SubmitBatchRequest, *, timeout: float
    ) -> SubmitBatchReply:
        """Return the log's answer; `timeout` in seconds.

        Raises BatchRefused or AioRpcError.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        if len(request.orders) <= ROWS_MAX:
            data = request.SerializeToString()
            stream = self._with_room() if len(data) <= BYTES_MAX else None
            if stream is not None:
                try:
                    return await stream.submit(data, until)
                except _NotTaken:
                    timeout = max(until - loop.time(), _TIMEOUT_S_MIN)
        return await self._alone(request, timeout=timeout)

    def drain(self) -> None:
        """Let the stream end as soon as everything on it is answered."""
        for stream in self._streams:
            stream.retire()

    async def close(self) -> None:
        """End the streams; batches under way end as cancelled."""
        for stream in [*self._streams]:
            await stream.close()

    def _with_room(self) -> "_Stream | None":
        """Return a stream that takes a batch, None if it is full."""
        stream = self._newest
        if stream is None or stream.is_retired:
            stream = self._newest = _Stream(self._start(), self._streams.discard)
            self._streams.add(stream)
        return stream if stream.has_room else None


class _NotTaken(Exception):
    """The batch was certainly not read by the node, because its stream ended."""


class _OutOfOrder(Exception):
    """The node answered a batch that was not the next one."""


class _Batch:
    """One batch on a stream, until it is answered.

    sequence: its number among the batches written, from 1; 0 until it is written.
    until: when its caller gives up, seconds of the loop.
    """

    __slots__ = ("answer", "data", "sequence", "until")

    def __init__(
        self, data: bytes, until: float, answer: asyncio.Future[SubmitBatchReply]
    ) -> None:
        self.sequence = 0
        self.data = data
        self.until = until
        self.answer = answer

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class _Stream:
    """One open stream. Batches whose caller gave up stay in line for their reply."""

    def __init__(self, call: _Call, ended: Callable[["_Stream"], None]) -> None:
        self.is_retired = False  # gets no further batches
        self._call = call
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._sequence = 0
        self._unwritten: deque[_Batch] = deque()
        self._unanswered: deque[_Batch] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._last_word: asyncio.Future[aio.AioRpcError] = self._loop.create_future()
        call.add_done_callback(self._has_status)
        self._reader = self._loop.create_task(self._read())

    @property
    def has_room(self) -> bool:
        """Whether the node would read another batch."""
        return len(self._unwritten) + len(self._unanswered) < IN_FLIGHT_MAX

    async def submit(self, data: bytes, until: float) -> SubmitBatchReply:
        """Return the answer to the bytes of a request; `until` in seconds of the loop.

        Raises BatchRefused, AioRpcError, or _NotTaken if it never left.
        """
        batch = _Batch(data, until, self._loop.create_future())
        self._unwritten.append(batch)
        if self._writer is None:
            # A task of its own: gRPC ends a stream whose write is cancelled.
            self._writer = self._loop.create_task(self._write())
        timer = self._loop.call_at(until, self._expire, batch)
        try:
            return await batch.answer
        finally:
            timer.cancel()
            if self.is_retired:
                self.retire()

    def retire(self) -> None:
        """Take no further batches, and end when nobody waits for an answer any more."""
        self.is_retired = True
        if all(batch.answer.done() for batch in (*self._unwritten, *self._unanswered)):
            self._cancel()

    async def close(self) -> None:
        """End at once; return when nothing of it runs any more."""
        self.is_retired = True
        self._cancel()
        tasks = [self._reader] if self._writer is None else [self._reader, self._writer]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _cancel(self) -> None:
        self._last_word.cancel()
        self._call.cancel()

    def _has_status(self, call: _Call) -> None:
        """Keep the status that the call ended with, unless a write of ours made it.

        A write that fails because the stream has ended puts an error of its own in the place
        of the status, be it there already or on its way. gRPC calls this for each of them.
        """
        is_of_a_write = self._writer and asyncio.current_task() is self._writer
        if is_of_a_write or self._last_word.done():
            return
        self._last_word.set_result(
            aio.AioRpcError(
                _at_once(call.code()),
                aio.Metadata(),
                _at_once(call.trailing_metadata()),
                _at_once(call.details()),
            )
        )

    def _expire(self, batch: _Batch) -> None:
        """End the wait for a batch, with what is known of it now."""
        if batch in self._unwritten:
            batch.fail(_unwritten())
        else:
            batch.fail(_broken(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time"))
        self.is_retired = True

    async def _write(self) -> None:
        """Write what waits, in order; gRPC takes one message at a time."""
        try:
            while self._unwritten:
                batch = self._unwritten.popleft()
                if batch.answer.done():
                    continue  # given up before it was sent, and told so
                self._unanswered.append(batch)
                try:
                    await self._call.write(self._numbered(batch))
                except asyncio.InvalidStateError:  # the call had ended before
                    self._unwritten.appendleft(self._unanswered.pop())
                    raise
        except (asyncio.InvalidStateError, aio.AioRpcError):
            self.is_retired = True  # why, the reader learns
        finally:
            self._writer = None

    def _numbered(self, batch: _Batch) -> bytes:
        """Return what is written for a batch, which is numbered only now.

        The node counts what it read; a number given to a batch that is never written would
        make a later one look unread.
        """
        self._sequence += 1
        batch.sequence = self._sequence
        left_ms = int((batch.until - self._loop.time()) * 1_000)
        left_ms = min(max(left_ms, 1), _DEADLINE_MS_MAX)
        also = SubmitBatchRequest(sequence=batch.sequence, deadline_ms=left_ms)
        # One message behind another is their sum.
        return batch.data + also.SerializeToString()

    async def _read(self) -> None:
        """Hand out the replies until the stream ends, then that end."""
        end: aio.AioRpcError | None = None
        try:
            try:
                # Not `read`, which leaves the replies behind that came before the end.
                async for reply in self._call:
                    self._answer(reply)
            except aio.AioRpcError:
                pass  # perhaps that of a write
            end = await self._last_word
            if end.code() is grpc.StatusCode.OK:
                end = _broken(grpc.StatusCode.UNAVAILABLE, "the node ended the stream")
        except _OutOfOrder as error:
            end = _broken(grpc.StatusCode.INTERNAL, str(error))
        finally:  # also if it was cancelled, by `retire` or `close`
            self._end(end)

    def _answer(self, reply: SubmitStreamReply) -> None:
        """Give a batch its answer. Raises _OutOfOrder if it is not that batch's turn."""
        if not self._unanswered or self._unanswered[0].sequence != reply.sequence:
            raise _OutOfOrder(
                f"expected replies in order, found one to batch {reply.sequence}"
            )
        batch = self._unanswered.popleft()
        if batch.answer.done():
            return  # its caller gave up
        if reply.HasField("error"):
            batch.answer.set_exception(BatchRefused(reply.error))
        else:
            batch.answer.set_result(reply.accepted)

    def _end(self, error: aio.AioRpcError | None) -> None:
        """Give every batch that is left its end; None if it was ended here."""
        self.is_retired = True
        self._cancel()
        if self._writer is not None:
            self._writer.cancel()
        self._ended(self)
        if error is None:
            for batch in (*self._unanswered, *self._unwritten):
                batch.answer.cancel()
            return
        read = _read_of(error)
        for batch in self._unanswered:
            if read is None:
                batch.fail(_own(error))
            elif batch.sequence > read:
                batch.fail(_NotTaken())
            else:  # its reply was lost, and the error is not about it
                batch.fail(_broken(error.code(), "its answer did not arrive"))
        for batch in self._unwritten:
            batch.fail(_NotTaken())


def _at_once(known: Coroutine[object, None, _Known]) -> _Known:
    """Return what a coroutine returns that has nothing to wait for."""
    try:
        known.send(None)
    except StopIteration as end:
        value: _Known = end.value
        return value
    raise AssertionError("expected a call that has ended")


def _read_of(error: aio.AioRpcError) -> int | None:
    """Return how many batches the node read before it refused to; None if unknown."""
    info, _ = details_of(error)
    if info is None or info.metadata.get("outcome") != Outcome.NOT_LOGGED.value:
        return None
    return int(info.metadata.get("batches_read", "0"))


def _unwritten() -> BatchRefused:
    return BatchRefused(
        StreamError(
            reason=Reason.DEADLINE_BEFORE_PROPOSAL.value,
            message="it could not be sent in time",
            outcome=Outcome.NOT_LOGGED.value,
        )
    )


def _broken(code: grpc.StatusCode, details: str) -> aio.AioRpcError:
    return aio.AioRpcError(code, aio.Metadata(), aio.Metadata(), details)


def _own(error: aio.AioRpcError) -> aio.AioRpcError:
    """Return the same error for one caller alone: raising one adds to its traceback."""
    return aio.AioRpcError(
        error.code(),
        error.initial_metadata(),
        error.trailing_metadata(),
        error.details(),
        error.debug_error_string(),
    )
