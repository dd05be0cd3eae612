"""The feed: events to whoever watches, in total order, each watcher at its own pace.

Events are rows of the state, so the feed cannot disagree with the balances, and what it tells is
applied and visible and never taken back. A watcher is read for only when it has taken what it was
given: it has one page in memory and no read transaction open while it is slow, so it delays
nobody, and what it has not seen yet waits in the store for it. It resumes on any node by the number
of the last event that was looked at for it (ledger.md 9.3).

What ends a watch is said with a reason: the node stops, cannot read, or has lost touch with the
cluster, and then another node serves the watcher better.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from ledgerd.errors import NotLogged, Reason
from ledgerd.ledger.events import Event
from ledgerd.node.courier import message_of
from ledgerd.node.reads import ReadAt
from ledgerd.storage.event_pages import EventPage, EventPoint
from ledgerd.storage.reader import StateReader

T = TypeVar("T")
Keep = Callable[[Event], bool]

WATCHERS_MAX: Final = 256  # at a time on one node; one more is refused at once
PAGE_EVENTS_MAX: Final = (
    64  # told at once; making the reply holds the loop about a millisecond
)
SCAN_EVENTS_MAX: Final = 1_024  # looked at in one transaction, a few milliseconds
MARK_EVERY_S: Final = 1.0  # a watcher hears from us at least this often
OUT_OF_TOUCH_S: Final = 10.0  # since a quorum confirmed where the cluster is
READ_S_MAX: Final = 5.0  # one page; for the start also the wait for a quorum


class Source(Protocol):
    """What the feed needs of its node; deadlines are loop times in seconds."""

    async def read(
        self,
        query: Callable[[StateReader], T],
        *,
        at_least: int | None,
        max_age_s: float | None = None,
        deadline: float,
    ) -> tuple[ReadAt, T]:
        """Return where the read stands and what `query` found. Raises NotLogged."""
        ...

    async def visible_after(self, index: int) -> None:
        """Return once readers see more than `index`. Raises NotLogged."""
        ...

    def state_age_s(self) -> float | None:
        """Return how old the visible state is at most; None while nobody knows."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What a watcher is told at once.

    events: in order, those of one command together; empty for a mark alone.
    scanned_seq: every event up to it was looked at, so that the next one is where to resume.
    at: where the node stood when it looked.
    """

    events: list[Event]
    scanned_seq: int
    at: ReadAt


class Feed:
    """Serves the watchers of one node. Belongs to the loop."""

    def __init__(self, source: Source, *, watchers_max: int = WATCHERS_MAX) -> None:
        self._source = source
        self._watchers_max = watchers_max
        self._watchers = 0
        self._reading = asyncio.Semaphore(1)
        self._stopping: asyncio.Future[None] | None = None
        self._is_stopping = False

    @property
    def watchers(self) -> int:
        """How many watch."""
        return self._watchers

    def begin_stop(self) -> None:
        """End every watch that waits for events, and refuse new ones."""
        self._is_stopping = True
        if self._stopping is not None and not self._stopping.done():
            self._stopping.set_result(None)

    async def watch(
        self, from_seq: int | None, keep: Keep | None = None
    ) -> AsyncGenerator[Told]:
        """Yield events from number `from_seq` on, as they come, with marks between them.

        from_seq: 1 or more; None: what happens from now on. keep: None for every event. Begins with
        a mark at once. Raises NotLogged: EVENT_NOT_KEPT for a number that is not kept or was never
        given, else why another node should be asked.
        """
        assert from_seq is None or from_seq >= 1, from_seq
        if self._watchers >= self._watchers_max:
            raise NotLogged(
                Reason.OVERLOADED,
                f"expected at most {self._watchers_max} watchers on this node, found more; ask "
                "another node",
            )
        self._watchers += 1
        try:
            async with aclosing(self._watch(from_seq, keep)) as watch:
                async for told in watch:
                    yield told
        finally:
            self._watchers -= 1

    async def _watch(
        self, from_seq: int | None, keep: Keep | None
    ) -> AsyncGenerator[Told]:
        at, point = await self._start(from_seq)
        yield Told([], point.seq, at)
        told_at = in_touch_at = self._now()
        told_seq = point.seq
        is_caught_up = False
        while True:
            seen = at.applied_index
            at, page = await self._page(point, keep)
            if at.applied_index < seen:  # the state is folded anew: others have it
                raise NotLogged(Reason.NOT_READY, message_of(Reason.NOT_READY))
            point = page.end
            is_due = self._now() >= told_at + MARK_EVERY_S
            # A watcher that never waits for a whole second gets on too, though nothing passes its
            # filter: where the first look ends is told at once.
            is_first_end = page.is_last and not is_caught_up and point.seq > told_seq
            is_caught_up = is_caught_up or page.is_last
            is_far = point.seq - told_seq >= SCAN_EVENTS_MAX
            if page.events or is_due or is_first_end or is_far:
                yield Told(page.events, point.seq, at)
                told_at, told_seq = self._now(), point.seq
            if page.is_last:
                in_touch_at = self._check_touch(in_touch_at)
                await self._moved(at.applied_index, until=told_at + MARK_EVERY_S)

    async def _start(self, from_seq: int | None) -> tuple[ReadAt, EventPoint]:
        """Return behind which event to begin. Raises NotLogged.

        A number that this node has not come to yet may be one that others have told, so that is
        judged at an index which a quorum has confirmed.
        """
        at, kept = await self._read(
            lambda reader: reader.events_kept(), at_least=None if not from_seq else 0
        )
        if from_seq is not None and from_seq > kept.newest + 1:
            at, kept = await self._read(
                lambda reader: reader.events_kept(), at_least=None
            )
        if from_seq is None:
            return at, EventPoint(kept.newest)
        if not kept.oldest <= from_seq <= kept.newest + 1:
            raise not_kept(from_seq, kept.oldest, kept.newest)
        return at, EventPoint(from_seq - 1)

    async def _page(
        self, point: EventPoint, keep: Keep | None
    ) -> tuple[ReadAt, EventPage]:
        async with self._reading:  # in turn: other reads have the other reader threads
            return await self._read(
                lambda reader: reader.events_page(
                    point,
                    rows_max=PAGE_EVENTS_MAX,
                    scan_max=SCAN_EVENTS_MAX,
                    keep=keep,
                ),
                at_least=0,
            )

    async def _read(
        self, query: Callable[[StateReader], T], *, at_least: int | None
    ) -> tuple[ReadAt, T]:
        if self._is_stopping:
            raise NotLogged(Reason.STOPPING, message_of(Reason.STOPPING))
        return await self._source.read(
            query, at_least=at_least, deadline=self._now() + READ_S_MAX
        )

    async def _moved(self, index: int, *, until: float) -> None:
        """Return once readers see more than `index`, or at `until`, or when the node stops."""
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_future()
        moved = asyncio.ensure_future(self._source.visible_after(index))
        try:
            await asyncio.wait(
                (moved, self._stopping),
                timeout=max(0.0, until - self._now()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if moved.done():
                moved.result()
        finally:
            moved.cancel()

    def _check_touch(self, in_touch_at: float) -> float:
        """Return when this node was last known to be up to date. Raises NotLogged.

        A node that is cut off has nothing to tell, and its watchers could not see why.
        """
        age_s = self._source.state_age_s()
        if age_s is not None and age_s < OUT_OF_TOUCH_S:
            return self._now()
        if self._now() - in_touch_at >= OUT_OF_TOUCH_S:
            raise NotLogged(
                Reason.STATE_TOO_OLD,
                f"no quorum has told this node for {OUT_OF_TOUCH_S:g} s where the log stands, so "
                "it may miss events; ask another node",
            )
        return in_touch_at

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def not_kept(seq: int, oldest: int, newest: int) -> NotLogged:
    """Return the error of a number outside oldest .. newest, with both."""
    kept = f"{oldest} .. {newest}" if newest >= oldest else "none yet"
    what = (
        f"it is no longer kept; begin at {oldest}"
        if seq < oldest
        else "this cluster has not come to it; was it restored from an older backup?"
    )
    return NotLogged(
        Reason.EVENT_NOT_KEPT,
        f"expected an event of this cluster ({kept}), found {seq}: {what}",
        {"field": "seq", "seq_oldest": str(oldest), "seq_newest": str(newest)},
    )
