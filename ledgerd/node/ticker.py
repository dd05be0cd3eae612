"""Ticks from a fixed monotonic origin, never re-armed from now: lag does not add up (T43)."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

# The loop's timers count whole milliseconds. Asked for a part of one they round to the nearest, and
# the wait is over before the tick is due, a dozen times a tick.
_TIMER_STEPS_PER_S: Final = 1_000
_NOISE_STEPS: Final = 1e-6  # a nanosecond: what the arithmetic of floats adds


class Ticker:
    """Calls `on_ticks(elapsed, missed)` whenever ticks are due.

    One due tick is (1, 0). When k > 1 are due at once the process itself was away: (1, k - 1),
    so that a follower does not take its own absence for the leader's (T83).
    """

    def __init__(
        self,
        *,
        tick_s: float,
        on_ticks: Callable[[int, int], None],
        on_lag_s: Callable[[float], None],
    ) -> None:
        assert tick_s > 0, tick_s
        self._tick_s = tick_s
        self._on_ticks = on_ticks
        self._on_lag_s = on_lag_s

    async def run(self) -> None:
        """Tick until cancelled."""
        origin = time.monotonic()
        done = 0
        while True:
            due_at = origin + (done + 1) * self._tick_s
            await asyncio.sleep(_whole_steps(due_at - time.monotonic()))
            now = time.monotonic()
            self._on_lag_s(max(0.0, now - due_at))
            due = int((now - origin) / self._tick_s)
            if due > done:
                self._on_ticks(1, due - done - 1)
                done = due


def _whole_steps(wait_s: float) -> float:
    """Return `wait_s`, rounded up to what the loop's timers can keep; never negative."""
    steps = math.ceil(wait_s * _TIMER_STEPS_PER_S - _NOISE_STEPS)
    return max(0, steps) / _TIMER_STEPS_PER_S
