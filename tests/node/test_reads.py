"""A read waits for its point and for the state that reached it, and ends by its deadline."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from ledgerd.errors import CorruptionError, NotLogged, Reason
from ledgerd.node import reads
from ledgerd.node.courier import Courier
from ledgerd.node.inbox import Inbox, InboxBounds
from ledgerd.node.reads import ReadAt, Reads
from ledgerd.raft.entries import Index, NodeId
from ledgerd.replica.inputs import Input, ReadsRequested, StateDamaged
from ledgerd.replica.outbox import NotProposed, Outbox, ReadPoint
from ledgerd.storage.reader import StateReader

T = TypeVar("T")


class Snapshot:
    """A state that stands at an index."""

    def __init__(self) -> None:
        self.index = 0

    def applied(self) -> int:
        return self.index

    def log_time_us(self) -> int:
        return self.index * 1_000

    def read(self, query: Callable[[StateReader], T]) -> T:
        return query(self)  # type: ignore[arg-type] # stands in for the reader


class World:
    """Reads over an inbox that the test answers."""

    def __init__(self, reads_max: int = 10) -> None:
        self.inbox = Inbox(InboxBounds(10, 1_000, 10, reads_max))
        self.snapshot = Snapshot()
        self.courier = Courier(
            loop=asyncio.get_running_loop(),
            api_addresses={},
            on_role_change=lambda _: None,
            on_visible=lambda _: None,
        )
        self.reads = Reads(
            inbox=self.inbox,
            courier=self.courier,
            snapshots=self.snapshot,
            waiting_max=10,
        )

    def read(
        self,
        *,
        at_least: int | None = None,
        max_age_s: float | None = None,
        seconds: float = 5.0,
    ) -> "asyncio.Task[tuple[ReadAt, str]]":
        deadline = asyncio.get_running_loop().time() + seconds
        work = self.reads.read(
            lambda _: "found",
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=deadline,
        )
        return asyncio.create_task(work)

    async def asked(self) -> ReadsRequested:
        """Return the next question for a read point."""
        while True:
            for item in self.inbox.take(wait_s=0):
                assert isinstance(item, ReadsRequested), item
                return item
            await asyncio.sleep(0)

    def show(self, index: int) -> None:
        self.snapshot.index = index
        self.reads.advance(Index(index))


def test_a_read_waits_until_its_point_is_visible() -> None:
    """R12: confirmed at 7, answered from a state at 7 or later, and not before."""

    async def run() -> None:
        world = World()
        world.show(5)
        task = world.read()
        question = await world.asked()
        world.courier.deliver(Outbox(reads=[ReadPoint(question.waiter, Index(7))]))
        for _ in range(10):
            await asyncio.sleep(0)
        is_early = task.done()
        world.show(9)

        assert not is_early
        assert await task == (ReadAt(7, 9, 9_000), "found")
        world.reads.close()

    asyncio.run(run())


def test_a_read_asks_again_while_nobody_confirms() -> None:
    """A change of leader costs a reader time, not an error."""

    async def run() -> None:
        world = World()
        world.show(3)
        task = world.read()
        first = await world.asked()
        refused = NotProposed(first.waiter, Reason.READ_NOT_CONFIRMED, NodeId(0))
        world.courier.deliver(Outbox(not_proposed=[refused]))
        second = await world.asked()
        world.courier.deliver(Outbox(reads=[ReadPoint(second.waiter, Index(3))]))

        assert (await task)[0] == ReadAt(3, 3, 3_000)
        world.reads.close()

    asyncio.run(run())


def test_reads_that_wait_are_counted_and_watchers_are_not() -> None:
    """From the question for a read point to the state that has reached it, and no longer."""

    async def run() -> None:
        world = World()
        world.show(3)
        watcher = asyncio.create_task(world.reads.visible_after(Index(3)))
        task = world.read()
        asked = await world.asked()
        counts = [world.reads.waiting]
        world.courier.deliver(Outbox(reads=[ReadPoint(asked.waiter, Index(4))]))
        for _ in range(5):
            await asyncio.sleep(0)
        counts.append(world.reads.waiting)
        world.show(4)
        await task
        await watcher
        counts.append(world.reads.waiting)
        with pytest.raises(NotLogged):
            await world.read(seconds=0.02)
        counts.append(world.reads.waiting)

        assert counts == [1, 1, 0, 0]
        world.reads.close()

    asyncio.run(run())


def test_a_read_ends_by_its_deadline() -> None:
    """T93: nobody answers; the caller is told that nothing was changed."""

    async def run() -> None:
        world = World()
        with pytest.raises(NotLogged) as late:
            await world.read(seconds=0.02)

        assert late.value.reason is Reason.DEADLINE_BEFORE_PROPOSAL
        world.reads.close()

    asyncio.run(run())


def test_a_stale_read_asks_no_quorum_but_waits_for_its_index() -> None:
    """F12: only where the caller names the index it wants."""

    async def run() -> None:
        world = World()
        task = world.read(at_least=4)
        for _ in range(5):
            await asyncio.sleep(0)
        asked = world.inbox.take(wait_s=0)
        world.show(4)

        assert asked == []
        assert (await task)[0].applied_index == 4
        world.reads.close()

    asyncio.run(run())


def test_a_read_by_age_asks_nobody_while_the_state_is_young() -> None:
    """F12: one confirmed point serves every reader that accepts its age, and says the age."""

    async def run() -> None:
        world = World()
        world.show(5)
        first = world.read(max_age_s=60.0)
        question = await world.asked()
        world.courier.deliver(Outbox(reads=[ReadPoint(question.waiter, Index(5))]))
        at, _ = await first
        again, _ = await world.read(max_age_s=60.0)

        assert world.inbox.take(wait_s=0) == []
        assert at.applied_index == again.applied_index == 5
        assert 0 < at.age_ms <= again.age_ms <= 60_000
        world.reads.close()

    asyncio.run(run())


def test_a_read_by_age_is_refused_when_nobody_confirms_a_newer_state() -> None:
    """A node that is cut off serves what it has up to the bound, and nothing older. F12, T93."""

    async def run() -> None:
        world = World()
        world.show(5)
        long_ago = time.monotonic() - 30
        world.reads._freshness.confirmed(Index(5), asked_at=long_ago)
        at, _ = await world.read(max_age_s=60.0)
        with pytest.raises(NotLogged, match="at most 20000 ms old, found") as caught:
            await world.read(max_age_s=20.0, seconds=0.05)

        assert 30_000 <= at.age_ms < 60_000
        assert caught.value.reason is Reason.STATE_TOO_OLD
        assert int(caught.value.metadata["age_ms"]) >= 30_000
        assert f"found {caught.value.metadata['age_ms']} ms" in caught.value.message
        assert caught.value.message.endswith(
            "; accept an older state, ask another node, or set no age: a linearizable read "
            "waits for the newest"
        )
        world.reads.close()

    asyncio.run(run())


def test_a_state_that_was_built_anew_has_no_age_yet() -> None:
    """What was known of the old state says nothing of one that is behind it. F12, R12."""

    async def run() -> None:
        world = World()
        world.show(5)
        world.reads._freshness.confirmed(Index(5), asked_at=time.monotonic())
        world.snapshot.index = 3
        with pytest.raises(NotLogged) as caught:
            await world.read(max_age_s=60.0, seconds=0.05)

        assert caught.value.reason is Reason.STATE_TOO_OLD
        world.reads.close()

    asyncio.run(run())


def test_an_idle_node_keeps_its_age_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A point is taken now and then, so that a cut finds every node with a recent one."""
    monkeypatch.setattr(reads, "REFRESH_S", 0.01)

    async def run() -> None:
        world = World()
        world.show(5)
        keeper = asyncio.create_task(world.reads.keep_fresh())
        for _ in range(2):
            question = await world.asked()
            world.courier.deliver(Outbox(reads=[ReadPoint(question.waiter, Index(5))]))
        await world.asked()  # nobody confirms this one
        age_s = world.reads.age_s()
        keeper.cancel()

        assert age_s is not None
        assert age_s < 5
        world.reads.close()

    asyncio.run(run())


def test_too_many_readers_are_refused_at_once() -> None:
    """A full queue says so; it does not let callers wait for nothing."""

    async def run() -> None:
        world = World(reads_max=0)
        with pytest.raises(NotLogged) as refused:
            await world.read()

        assert refused.value.reason is Reason.OVERLOADED
        world.reads.close()

    asyncio.run(run())


def test_damage_found_after_the_deadline_still_fences_the_node() -> None:
    """Nobody waits for the answer any more, and a broken row stays broken (T85)."""
    is_late = threading.Event()

    def find(_: StateReader) -> str:
        is_late.wait()
        raise CorruptionError("table account, key 00")

    async def run() -> list[Input]:
        world = World()
        # Late enough for the query to have begun, on a busy machine too.
        soon = asyncio.get_running_loop().time() + 0.5
        with pytest.raises(NotLogged, match="the deadline passed"):
            await world.reads.read(find, at_least=0, deadline=soon)
        is_late.set()
        world.reads.close()
        return world.inbox.take(wait_s=0)

    assert asyncio.run(run()) == [StateDamaged("table account, key 00")]


def test_damage_that_a_read_finds_is_told_and_refused() -> None:
    """The caller asks another node; this one fences itself."""

    def find(_: StateReader) -> str:
        raise CorruptionError("table account, key 00")

    async def run() -> list[Input]:
        world = World()
        soon = asyncio.get_running_loop().time() + 5
        with pytest.raises(NotLogged) as refused:
            await world.reads.read(find, at_least=0, deadline=soon)
        assert refused.value.reason is Reason.APPLY_STOPPED
        world.reads.close()
        return world.inbox.take(wait_s=0)

    assert asyncio.run(run()) == [StateDamaged("table account, key 00")]
