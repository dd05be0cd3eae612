"""The room on the disks is measured while the node runs (F36)."""

import asyncio
import threading

from ledgerd.node.room import RoomWatch
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.facts import Capacity


def test_the_core_is_told_what_changed() -> None:
    """Below the reserve counts as nothing; a repeated figure is no news."""
    told: list[Capacity] = []
    watch = RoomWatch(spare_bytes=lambda: 0, note=told.append, metrics=Metrics())
    for spare in (5_000, 5_000, -3, -9, 10):
        watch.tell(spare)

    assert told == [Capacity(5_000), Capacity(0), Capacity(10)]


def test_the_figure_is_shown() -> None:
    """Below the reserve it is negative, so that an alert can say how much is missing."""
    metrics = Metrics()
    watch = RoomWatch(spare_bytes=lambda: 0, note=lambda _: None, metrics=metrics)
    watch.tell(-7)

    assert metrics.registry.get_sample_value("ledgerd_free_bytes") == -7


def test_it_measures_from_the_start() -> None:
    """The first command already meets what is known."""

    async def run() -> list[Capacity]:
        told: list[Capacity] = []
        was_told = asyncio.Event()

        def note(fact: Capacity) -> None:
            told.append(fact)
            was_told.set()

        watch = RoomWatch(spare_bytes=lambda: 1, note=note, metrics=Metrics())
        task = asyncio.create_task(watch.run())
        async with asyncio.timeout(10):
            await was_told.wait()
        task.cancel()
        return told

    assert asyncio.run(run()) == [Capacity(1)]


def test_a_disk_that_hangs_does_not_hang_the_loop() -> None:
    """F9: the loop must go on to see that the disk hangs."""

    async def run() -> None:
        hangs, may_go = threading.Event(), threading.Event()

        def measure() -> int:
            hangs.set()
            may_go.wait(10)
            return 1

        watch = RoomWatch(spare_bytes=measure, note=lambda _: None, metrics=Metrics())
        task = asyncio.create_task(watch.run())
        async with asyncio.timeout(5):
            while not hangs.is_set():  # noqa: ASYNC110 - an event of another thread
                await asyncio.sleep(0)
        may_go.set()
        task.cancel()

    asyncio.run(run())
