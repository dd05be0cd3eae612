"""Measures what looks like a slow network: collections (T71). A late loop the ticker sees."""

import gc
import time
from typing import Literal

from ledgerd.observability.metrics import Metrics


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
