"""Watching: order, marks, slow watchers, and why a watch ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ledgerd.errors import Kind, NotLogged, Reason
from ledgerd.formats.records import Table
from ledgerd.ledger.events import EventKind
from ledgerd.node import feed as feed_module
from ledgerd.node.feed import Feed, Told
from ledgerd.node.reads import ReadAt
from ledgerd.raft.entries import Entry
from ledgerd.storage.environment import Environment
from ledgerd.storage.reader import StateReader, read
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.world import (
    FUND_RICH,
    OPEN_RICH,
    History,
    apply_to,
    open_node,
    payouts,
)

T = TypeVar("T")


class Node:
    """A node whose state grows when the test says so."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._state = LmdbStateStore(environment)
        self._moved = asyncio.Condition()
        self.history = History()
        self.age_s: float | None = 0.0
        self.behind = 0  # entries that only a confirmed read waits for
        self.reads = 0
        self.open_reads = 0

    async def grow(self, *entries: Entry) -> None:
        """Apply entries and make them visible."""
        async with self._moved:
            apply_to(self._state, list(entries))
            self._state.commit()
            self._moved.notify_all()

    async def read(
        self,
        query: Callable[[StateReader], T],
        *,
        at_least: int | None,
        max_age_s: float | None = None,
        deadline: float,
    ) -> tuple[ReadAt, T]:
        """Read what is visible; a confirmed read catches up before."""
        if at_least is None and self.behind:
            late = self.history.entries[-self.behind :]
            self.behind = 0
            await self.grow(*late)
        self.reads += 1

        def work(reader: StateReader) -> tuple[ReadAt, T]:
            at = ReadAt(0, reader.applied(), reader.log_time_us())
            return at, query(reader)

        return read(self._environment, work)

    async def visible_after(self, index: int) -> None:
        """Wait for more."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._state.applied() > index)

    def state_age_s(self) -> float | None:
        """What the test says."""
        return self.age_s


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """An empty node directory."""
    with open_node(tmp_path / "node") as opened:
        yield opened


@asynccontextmanager
async def watching(
    feed: Feed, from_seq: int | None, **how: object
) -> AsyncIterator[AsyncIterator[Told]]:
    """A watch that is ended with the block."""
    # Any filter the test passes.
    async with aclosing(feed.watch(from_seq, **how)) as told:  # type: ignore[type-var, arg-type]
        yield told


async def seqs(told: AsyncIterator[Told], until: int) -> list[int]:
    """Return the numbers told up to `until`."""
    found: list[int] = []
    async for each in told:
        found += [event.seq for event in each.events]
        assert each.scanned_seq >= max(found, default=0)
        if each.scanned_seq >= until:
            return found
    raise AssertionError("the watch ended by itself")


def run(
    environment: Environment, story: Callable[[Node, Feed], Awaitable[None]]
) -> None:
    """Tell the story of a node with an account, money and 600 payouts: 602 events."""

    async def all_of_it() -> None:
        node = Node(environment)
        await node.grow(
            node.history.commands(OPEN_RICH, FUND_RICH),
            node.history.payouts(payouts(100, 600)),
        )
        async with asyncio.timeout(30):
            await story(node, Feed(node))

    asyncio.run(all_of_it())


@pytest.mark.parametrize("from_seq", [1, 2, 602, 603])
def test_a_watch_begins_where_it_is_told_and_goes_on(
    environment: Environment, from_seq: int
) -> None:
    """The first, the last and the next number are numbers like any other (B25)."""

    async def story(node: Node, feed: Feed) -> None:
        async with watching(feed, from_seq) as told:
            begin = await anext(told)
            await node.grow(node.history.payouts(payouts(800, 3)))
            found = await seqs(told, 605)

        assert (begin.events, begin.scanned_seq) == ([], from_seq - 1)
        assert found == list(range(from_seq, 606))

    run(environment, story)


def test_from_now_tells_only_what_happens_later(environment: Environment) -> None:
    """And the first mark says where that is, judged at a confirmed index."""

    async def story(node: Node, feed: Feed) -> None:
        node.history.payouts(payouts(700, 10))
        node.behind = 1
        async with watching(feed, None) as told:
            begin = await anext(told)
            await node.grow(node.history.payouts(payouts(800, 3)))
            found = await seqs(told, 615)

        assert begin.scanned_seq == 612
        assert found == [613, 614, 615]

    run(environment, story)


def test_a_number_that_others_have_told_already_is_waited_for(
    environment: Environment,
) -> None:
    """A node that lags catches up first; only then would the number be unknown."""

    async def story(node: Node, feed: Feed) -> None:
        node.history.payouts(payouts(700, 10))
        node.behind = 1
        async with watching(feed, 610) as told:
            assert await seqs(told, 612) == [610, 611, 612]

    run(environment, story)


def test_a_number_that_was_never_given_is_refused_with_the_range(
    environment: Environment,
) -> None:
    """A token of a cluster that went further before it was restored is not waited for."""

    async def story(node: Node, feed: Feed) -> None:
        with pytest.raises(NotLogged, match=r"602.*604.*restored") as caught:
            await anext(feed.watch(604))

        assert caught.value.reason is Reason.EVENT_NOT_KEPT
        assert caught.value.metadata["seq_oldest"] == "1"
        assert caught.value.metadata["seq_newest"] == "602"
        assert feed.watchers == 0

    run(environment, story)


def test_with_a_filter_marks_say_how_far_was_looked(environment: Environment) -> None:
    """Resuming behind a mark misses nothing that matches and repeats nothing."""

    async def story(node: Node, feed: Feed) -> None:
        def is_funding(found: object) -> bool:
            return found.kind is EventKind.ACCOUNT_FUNDED  # type: ignore[attr-defined] # an Event

        async with watching(feed, 1, keep=is_funding) as told:
            assert (await anext(told)).scanned_seq == 0
            first = await anext(told)
            assert [event.seq for event in first.events] == [2]
            mark = await anext(told)
        assert (mark.events, mark.scanned_seq) == ([], 602)

    run(environment, story)


def test_who_gives_up_early_gets_on_though_nothing_passes_the_filter(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the first look is told at once, not with the next mark."""
    monkeypatch.setattr(feed_module, "MARK_EVERY_S", 3_600.0)

    async def story(node: Node, feed: Feed) -> None:
        async with watching(feed, 1, keep=lambda _: False) as told:
            assert (await anext(told)).scanned_seq == 0
            mark = await anext(told)
        assert (mark.events, mark.scanned_seq) == ([], 602)

    run(environment, story)


def test_a_slow_watcher_is_not_read_for(environment: Environment) -> None:
    """It holds one page; nothing is read, and it misses nothing of what came meanwhile."""

    async def story(node: Node, feed: Feed) -> None:
        async with watching(feed, 1) as slow, watching(feed, 1) as quick:
            await anext(slow)
            page = await anext(slow)
            for first in range(1_000, 3_000, 500):
                await node.grow(node.history.payouts(payouts(first, 500)))
            everything = await seqs(quick, 2_602)
            before = node.reads
            for _ in range(100):
                await asyncio.sleep(0)
            assert node.reads == before
            rest = await seqs(slow, 2_602)

        assert everything == list(range(1, 2_603))
        assert [event.seq for event in page.events] + rest == everything

    run(environment, story)


def test_a_node_that_is_cut_off_ends_its_watches(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its watchers could not know that there is more: they are sent elsewhere."""
    monkeypatch.setattr(feed_module, "OUT_OF_TOUCH_S", 0.05)
    monkeypatch.setattr(feed_module, "MARK_EVERY_S", 0.01)

    async def story(node: Node, feed: Feed) -> None:
        node.age_s = None
        with pytest.raises(NotLogged) as caught:
            async for _ in feed.watch(1):
                pass

        assert caught.value.reason is Reason.STATE_TOO_OLD

    run(environment, story)


def test_a_node_that_stops_ends_its_watches_at_once(environment: Environment) -> None:
    """Those that wait, and those that would begin."""

    async def story(node: Node, feed: Feed) -> None:
        ends: list[Reason] = []

        async def watch() -> None:
            try:
                async for _ in feed.watch(603):
                    started.set()
            except NotLogged as error:
                ends.append(error.reason)

        started = asyncio.Event()
        task = asyncio.create_task(watch())
        await started.wait()
        feed.begin_stop()
        await task
        await watch()

        assert ends == [Reason.STOPPING, Reason.STOPPING]

    run(environment, story)


def test_there_is_a_bound_on_watchers(environment: Environment) -> None:
    """One more is refused at once; a place is free again when one goes."""

    async def story(node: Node, feed: Feed) -> None:
        feed = Feed(node, watchers_max=1)
        async with watching(feed, 1) as told:
            await anext(told)
            with pytest.raises(NotLogged) as caught:
                await anext(feed.watch(1))
            assert caught.value.reason is Reason.OVERLOADED
        async with watching(feed, 1) as told:
            await anext(told)

    run(environment, story)


def test_a_number_that_is_no_longer_kept_is_refused_with_the_oldest(
    environment: Environment,
) -> None:
    """Were the oldest events removed: an explicit error, and the oldest kept one is served."""

    async def story(node: Node, feed: Feed) -> None:
        handle = environment.state_tables[Table.EVENT]
        with environment.state.begin(write=True) as transaction:
            keys = list(transaction.cursor(handle).iternext(keys=True, values=False))
            for key in keys[:10]:
                transaction.delete(key, db=handle)
        with pytest.raises(NotLogged, match="no longer kept; begin at 11") as caught:
            await anext(feed.watch(10))
        async with watching(feed, 11) as told:
            found = await seqs(told, 602)

        assert caught.value.reason is Reason.EVENT_NOT_KEPT
        assert caught.value.kind is Kind.OUT_OF_RANGE
        assert caught.value.metadata["seq_oldest"] == "11"
        assert found == list(range(11, 603))

    run(environment, story)


def test_watchers_are_read_for_in_turn(environment: Environment) -> None:
    """However many catch up, they hold one reader thread; other reads have the others."""

    async def story(node: Node, feed: Feed) -> None:
        at_once: list[int] = []
        read = node.read

        async def counted(*given: Any, **how: Any) -> Any:  # Any: of any query
            node.open_reads += 1
            at_once.append(node.open_reads)
            try:
                await asyncio.sleep(0)
                return await read(*given, **how)
            finally:
                node.open_reads -= 1

        async def everything() -> list[int]:
            async with watching(feed, 1) as told:
                return await seqs(told, 602)

        node.read = counted  # type: ignore[method-assign] # of this test
        found = await asyncio.gather(*(everything() for _ in range(8)))

        assert found == [list(range(1, 603))] * 8
        assert len(at_once) > 8 * 602 // feed_module.PAGE_EVENTS_MAX
        assert max(at_once[2 * 8 :]) == 1  # once all have begun, each by itself

    run(environment, story)
