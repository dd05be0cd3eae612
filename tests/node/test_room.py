"""The room on the disks is measured while the node runs (F36)."""

import asyncio

from ledgerd.node.room import RoomWatch
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.facts import Capacity


def test_the_core_is_told_what_changed() -> None:
    """Below the reserve counts as nothing; a repeated figure is no news."""
    spare, told = [5_000, 5_000, -3, -9, 10], list[Capacity]()
    figures = iter(spare)
    watch = RoomWatch(
        spare_bytes=lambda: next(figures), note=told.append, metrics=Metrics()
    )
    for _ in spare:
        watch.measure()

    assert told == [Capacity(5_000), Capacity(0), Capacity(10)]


def test_the_figure_is_shown() -> None:
    """Below the reserve it is negative, so that an alert can say how much is missing."""
    metrics = Metrics()
    watch = RoomWatch(spare_bytes=lambda: -7, note=lambda _: None, metrics=metrics)
    watch.measure()

    assert metrics.registry.get_sample_value("ledgerd_free_bytes") == -7


def test_it_measures_from_the_start() -> None:
    """The first command already meets what is known."""

    async def run() -> list[Capacity]:
        told: list[Capacity] = []
        watch = RoomWatch(spare_bytes=lambda: 1, note=told.append, metrics=Metrics())
        task = asyncio.create_task(watch.run())
        await asyncio.sleep(0)
        task.cancel()
        return told

    assert asyncio.run(run()) == [Capacity(1)]
