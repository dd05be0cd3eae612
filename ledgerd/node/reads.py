"""Reads: a read point confirmed by a quorum, the visible state that reached it, one transaction.

Stale reads exist only where the caller asks for them (F12): by the index it wants at least, or by
the age that it accepts, which `freshness` measures.
"""

import asyncio
import contextlib
import heapq
import itertools
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ledgerd.errors import CorruptionError, NotLogged, Reason, StorageError
from ledgerd.limits import READS_WAITING_MAX
from ledgerd.node.courier import Courier, message_of
from ledgerd.node.failstop import fail_stop
from ledgerd.node.freshness import Freshness
from ledgerd.node.inbox import Inbox
from ledgerd.raft.entries import Index
from ledgerd.storage.reader import StateReader

T = TypeVar("T")
READER_THREADS = 2
REFRESH_S = 1.0  # between two read points that nobody asked for
_RETRY_S = 0.02
_MS = 1000
_UNKNOWN_AGE_MS = 1 << 62  # more than any read accepts
_ENDED_KEPT_MAX = 64  # reads that ended while they waited


class Snapshots(Protocol):
    """Opens short read transactions; called on reader threads."""

    def read(self, query: Callable[[StateReader], T]) -> T:
        """Run `query` in one read transaction."""
        ...


@dataclass(frozen=True, slots=True)
class ReadAt:
    """Where a read stands: the point asked for, and the state it was answered from.

    age_ms: of a read that accepted an age, how old the state was at most; else 0.
    """

    read_index: int
    applied_index: int
    log_time_us: int
    age_ms: int = 0


class Reads:
    """Answers reads from the visible state. Lives on the loop; queries run on reader threads."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        courier: Courier,
        snapshots: Snapshots,
        waiting_max: int = READS_WAITING_MAX,
    ) -> None:
        """Make it.

        waiting_max: reads that may wait for the state to reach an index; more are refused at once.
        """
        self._inbox = inbox
        self._courier = courier
        self._snapshots = snapshots
        self._waiting_max = waiting_max
        self._was_rebuilt = False
        self._visible = Index(0)
        self._freshness = Freshness()
        self._numbers = itertools.count()
        # A heap by index. Some may be of reads that ended meanwhile; `_waiters` is without them.
        self._waiting: list[tuple[Index, int, asyncio.Future[None]]] = []
        self._waiters = 0
        self._in_wait = 0  # as `_waiters`, of reads alone, and from their read point on
        self._threads = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="reader")

    @property
    def visible(self) -> Index:
        """The index that readers see."""
        return self._visible

    @property
    def waiting(self) -> int:
        """How many reads wait for a read point or for an index; who watches is no read."""
        return self._in_wait

    @property
    def has_waiters(self) -> bool:
        """Whether somebody waits for the state to reach an index. May be read from any thread."""
        return self._waiters > 0

    def restart(self) -> None:
        """Begin anew: the state is folded again from the log, and readers wait for it (F37)."""
        self._was_rebuilt = True
        self._visible = Index(0)

    def advance(self, visible: Index) -> None:
        """Let everybody go on who waited for `visible` or less."""
        self._visible = max(self._visible, visible)
        self._freshness.advance(visible)
        while self._waiting and self._waiting[0][0] <= self._visible:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)

    def close(self) -> None:
        """End the reader threads; queries under way finish."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def read(
        self,
        query: Callable[[StateReader], T],
        *,
        at_least: int | None,
        max_age_s: float | None = None,
        deadline: float,
    ) -> tuple[ReadAt, T]:
        """Return where the read stands and what `query` returned.

        at_least: None for a linearizable read, else the index the answer must have reached.
        max_age_s: not None for a read of a state that may be that old, and no older.
        deadline: loop time, seconds. Raises NotLogged when it passes or nothing confirms.
        """
        if max_age_s is not None:
            return await self._read_aged(query, max_age_s, deadline)
        try:
            async with asyncio.timeout_at(deadline):
                index = await self._wait(at_least)
                return await self._run(query, index)
        except TimeoutError:
            raise NotLogged(
                Reason.DEADLINE_BEFORE_PROPOSAL,
                "the deadline passed before the read could be answered; reads change nothing",
            ) from None

    async def visible_after(self, index: Index) -> None:
        """Return once readers see more than `index`. Raises NotLogged when too many wait."""
        await self._reached(Index(index + 1))

    def age_s(self) -> float | None:
        """Return how old the visible state is at most, seconds; None if nobody knows."""
        return self._freshness.age_s()

    async def keep_fresh(self) -> None:
        """Take a read point now and then, so that the age is known when it is asked for."""
        while True:
            with contextlib.suppress(TimeoutError, NotLogged):
                async with asyncio.timeout(REFRESH_S):
                    await self._read_point()
            await asyncio.sleep(REFRESH_S)

    async def _read_aged(
        self, query: Callable[[StateReader], T], max_age_s: float, deadline: float
    ) -> tuple[ReadAt, T]:
        """Answer from the state as it is if it is young enough, else once it is again."""
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    age_s, since = self.age_s(), self._freshness.since()
                    if since is not None and age_s is not None and age_s <= max_age_s:
                        at, found = await self._run(query, Index(0), fresh=since)
                        if at.age_ms <= max_age_s * _MS:
                            return at, found
                        await asyncio.sleep(_RETRY_S)
                    await self._wait(None)
        except TimeoutError:
            age_s = self.age_s()
            found_ms = "unknown" if age_s is None else str(int(age_s * _MS))
            raise NotLogged(
                Reason.STATE_TOO_OLD,
                f"expected state that is at most {int(max_age_s * _MS)} ms old, found "
                f"{found_ms} ms, and no newer one within the deadline; accept an older state, "
                "ask another node, or set no age: a linearizable read waits for the newest",
                {"age_ms": found_ms},
            ) from None

    async def _wait(self, at_least: int | None) -> Index:
        """Return the index that a read may answer from, a read point for None, once it is there."""
        self._in_wait += 1
        try:
            if at_least is None:
                index = await self._read_point()
            else:
                index = Index(at_least)
            await self._reached(index)
            return index
        finally:
            self._in_wait -= 1

    async def _read_point(self) -> Index:
        """Return a confirmed read point, asking again as long as nobody confirms."""
        while True:
            asked_at = time.monotonic()
            waiter, future = self._courier.expect_read_point()
            try:
                if not self._inbox.put_read(waiter):
                    raise NotLogged(Reason.OVERLOADED, message_of(Reason.OVERLOADED))
                index = await future
                self._freshness.confirmed(index, asked_at=asked_at)
                return index
            except NotLogged as error:
                if error.reason not in (
                    Reason.READ_NOT_CONFIRMED,
                    Reason.NO_LEADER,
                    Reason.NOT_LEADER,
                ):
                    raise
                await asyncio.sleep(_RETRY_S)
            finally:
                self._courier.forget(waiter)

    async def _reached(self, index: Index) -> None:
        if self._visible >= index:
            return
        if self._waiters >= self._waiting_max:
            raise NotLogged(Reason.OVERLOADED, message_of(Reason.OVERLOADED))
        # An index that is never reached would else keep its reads for ever.
        if len(self._waiting) > 2 * self._waiters + _ENDED_KEPT_MAX:
            self._waiting = [item for item in self._waiting if not item[2].done()]
            heapq.heapify(self._waiting)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (index, next(self._numbers), future))
        self._waiters += 1
        self._inbox.poke()  # it is to be visible sooner now
        try:
            await future
        finally:
            self._waiters -= 1

    async def _run(
        self,
        query: Callable[[StateReader], T],
        index: Index,
        *,
        fresh: tuple[float, Index] | None = None,
    ) -> tuple[ReadAt, T]:
        def work(reader: StateReader) -> tuple[ReadAt, T]:
            age_ms = 0
            if fresh is not None:
                fresh_at, reached = fresh
                age_ms = math.ceil((time.monotonic() - fresh_at) * _MS)
                if reader.applied() < reached:  # this state was built anew
                    age_ms = _UNKNOWN_AGE_MS
            at = ReadAt(index, reader.applied(), reader.log_time_us(), age_ms)
            if at.applied_index < index and self._was_rebuilt:
                reason = Reason.NOT_READY  # the state was emptied under this read
                raise NotLogged(reason, message_of(reason))
            assert at.applied_index >= index, (at, index)  # R12
            return at, query(reader)

        running = self._threads.submit(self._snapshots.read, work)
        try:
            return await asyncio.wrap_future(running)
        except CorruptionError as error:
            self._inbox.put_damage(str(error))  # T85: the node fences itself
            raise NotLogged(
                Reason.APPLY_STOPPED, f"{message_of(Reason.APPLY_STOPPED)}: {error}"
            ) from error
        except asyncio.CancelledError:
            # The query runs on, and what it finds is nobody's answer any more.
            running.add_done_callback(self._look_at)
            raise

    def _look_at(self, abandoned: Future[tuple[ReadAt, T]]) -> None:
        """Fence or stop the node if a query found damage after its caller had given up."""
        error = None if abandoned.cancelled() else abandoned.exception()
        if isinstance(error, CorruptionError):
            self._inbox.put_damage(str(error))
        elif isinstance(error, AssertionError | StorageError):
            fail_stop(error, where="reader thread")
