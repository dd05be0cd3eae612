"""Pauses of our own process are seen as such, and not as a slow network."""

import asyncio
import gc
import time

import pytest

from ledgerd.observability.metrics import Metrics
from ledgerd.observability.pauses import GcPauses, watch_loop_lag


def value(metrics: Metrics, name: str) -> float:
    found = metrics.registry.get_sample_value(name)
    assert found is not None
    return found


def test_a_collection_is_observed_while_installed() -> None:
    """And no longer afterwards."""
    metrics = Metrics()
    pauses = GcPauses(metrics)
    gc.collect()
    pauses.install()
    gc.collect()
    pauses.uninstall()
    gc.collect()

    assert value(metrics, "ledgerd_gc_pause_seconds_count") >= 1
    assert value(metrics, "ledgerd_gc_pause_seconds_sum") > 0


def test_a_blocked_loop_is_late() -> None:
    """What blocks the loop for 50 ms is seen as a lag of about that."""
    metrics = Metrics()

    async def block_while_watched() -> None:
        watcher = asyncio.create_task(watch_loop_lag(metrics, interval_s=0.001))
        await asyncio.sleep(0)
        time.sleep(0.05)  # noqa: ASYNC251  # blocking is what is tested
        while value(metrics, "ledgerd_loop_lag_seconds_count") == 0:  # noqa: ASYNC110  # nothing to wait on
            await asyncio.sleep(0)
        watcher.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watcher

    asyncio.run(block_while_watched())

    assert value(metrics, "ledgerd_loop_lag_seconds_sum") >= 0.04
