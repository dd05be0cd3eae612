"""Requests of one stream, answered in the order they came, several of them in flight."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ledgerd.errors import CallError, NotLogged, Reason

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")

READ: Final = "batches_read"  # in the metadata of the error that ends a stream


@dataclass(frozen=True, slots=True)
class Answer(Generic[_Reply]):
    """What a request is answered with.

    afterwards: called once when the caller need not wait for it any more: the reply was handed to
        gRPC, or will never be.
    """

    reply: _Reply
    afterwards: Callable[[], None]


class Stream(Generic[_Request, _Reply]):
    """One open stream of requests. Belongs to the loop.

    When `in_flight_max` requests are not answered yet the stream is not read any further, and flow
    control slows the caller down. An error that ends it, because a request cannot be read or the
    node stops, comes after the answers to all that was read, and says how many those are: what is
    behind them had no effect.
    """

    def __init__(
        self,
        answer: Callable[[_Request], Awaitable[Answer[_Reply]]],
        *,
        in_flight_max: int,
    ) -> None:
        self._answer = answer
        self._in_flight_max = in_flight_max
        self._pending: deque[asyncio.Task[Answer[_Reply]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._moved: asyncio.Future[None] | None = None  # the replies wait
        self._has_room: asyncio.Future[None] | None = None  # the reader waits
        self._reader: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._read_count = 0

    def stop(self) -> None:
        """Read no further; the stream ends once what was read is answered."""
        self._is_stopping = True
        if self._reader is not None:
            self._reader.cancel()

    async def replies(self, requests: AsyncIterator[_Request]) -> AsyncIterator[_Reply]:
        """Yield the answers. Raises NotLogged, or whatever a request ended in."""
        reader = self._reader = self._loop.create_task(self._read(requests))
        reader.add_done_callback(self._wake)
        pending = self._pending
        try:
            while pending or not reader.done():
                while pending and pending[0].done():
                    answer = pending.popleft().result()
                    if self._has_room is not None and not self._has_room.done():
                        self._has_room.set_result(None)
                    try:
                        yield answer.reply
                    finally:
                        answer.afterwards()
                if pending or not reader.done():
                    self._moved = self._loop.create_future()
                    await self._moved
            self._check_end(reader)
        finally:
            reader.cancel()
            for task in pending:
                if not task.cancel() and task.exception() is None:
                    task.result().afterwards()

    def _check_end(self, reader: asyncio.Task[None]) -> None:
        """Return if the caller ended the stream. Raises NotLogged."""
        read = {READ: str(self._read_count)}
        if reader.cancelled() and self._is_stopping:
            raise NotLogged(
                Reason.STOPPING, "this node is stopping; ask another one", read
            )
        try:
            reader.result()
        except CallError as error:
            error.metadata.update(read)
            raise

    async def _read(self, requests: AsyncIterator[_Request]) -> None:
        """Begin to answer each request as soon as there is room for it."""
        async for request in requests:
            self._read_count += 1
            self._pending.append(self._loop.create_task(self._run(request)))
            while len(self._pending) >= self._in_flight_max:
                self._has_room = self._loop.create_future()
                await self._has_room

    async def _run(self, request: _Request) -> Answer[_Reply]:
        try:
            return await self._answer(request)
        finally:  # whoever waits runs after this task is done
            self._wake()

    def _wake(self, *_: object) -> None:
        if self._moved is not None and not self._moved.done():
            self._moved.set_result(None)
