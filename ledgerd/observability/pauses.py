"""Measures what looks like a slow network: collections and a late loop (T71)."""

import asyncio
import gc
import time
from typing import Final, Literal

from ledgerd.observability.metrics import Metrics

LAG_INTERVAL_S: Final = 0.1


class GcPauses:
    """Observes the length of every garbage collection while installed."""

    def __init__(self, metrics: Metrics) -> None:
        self._seconds = metrics.gc_pause_seconds
        self._started_s = 0.0

    def install(self) -> None:
        """Observe from now on."""
        gc.callbacks.append(self._collected)

    def uninstall(self) -> None:
        """Observe no more."""
        gc.callbacks.remove(self._collected)

    def _collected(self, phase: Literal["start", "stop"], info: dict[str, int]) -> None:
        # Collections do not nest and hold the interpreter lock, so one start is enough.
        if phase == "start":
            self._started_s = time.perf_counter()
        else:
            self._seconds.observe(time.perf_counter() - self._started_s)


async def watch_loop_lag(metrics: Metrics, interval_s: float = LAG_INTERVAL_S) -> None:
    """Observe how late the running loop runs a timer, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + interval_s
        await asyncio.sleep(interval_s)
        metrics.loop_lag_seconds.observe(max(0.0, loop.time() - due_s))
