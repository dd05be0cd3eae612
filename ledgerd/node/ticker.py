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


# A wake-up of an idle node costs more than all that a tick does. What only time brings, such as the
# commit index that no entry carried on, waits so long at most.
_STRIDE_S: Final = 0.03


def stride(tick_s: float, heartbeat_ticks: int) -> int:
    """Return how many ticks may come at once: heartbeats are still sent when they are due."""
    return max(
        ticks
        for ticks in range(1, heartbeat_ticks + 1)
        if heartbeat_ticks % ticks == 0 and (ticks == 1 or ticks * tick_s <= _STRIDE_S)
    )


class Ticker:
    """Calls `on_ticks(elapsed, missed)` whenever a stride of ticks is due.

    A due stride of n ticks is (n, 0), and (n, k - n) when it is late by less than another one.
    When k >= 2 n are due at once the process itself was away: (1, k - 1), so that a follower does
    not take its own absence for the leader's (T83), and a leader sees all of its own (T84).

    Before, each time it wakes, it calls `on_lag_s(late_s)` with how much later than due that is.
    """

    def __init__(
        self,
        *,
        tick_s: float,
        stride: int = 1,
        on_ticks: Callable[[int, int], None],
        on_lag_s: Callable[[float], None],
    ) -> None:
        assert tick_s > 0, tick_s
        assert stride >= 1, stride
        self._tick_s = tick_s
        self._stride = stride
        self._on_ticks = on_ticks
        self._on_lag_s = on_lag_s

    async def run(self) -> None:
        """Tick until cancelled."""
        origin, stride = time.monotonic(), self._stride
        done = 0
        while True:
            due_at = origin + (done + stride) * self._tick_s
            await asyncio.sleep(_whole_steps(due_at - time.monotonic()))
            now = time.monotonic()
            self._on_lag_s(max(0.0, now - due_at))
            due = int((now - origin) / self._tick_s)
            ticks = due - done
            if ticks >= stride:
                elapsed = stride if ticks < 2 * stride else 1
                self._on_ticks(elapsed, ticks - elapsed)
                done = due


def _whole_steps(wait_s: float) -> float:
    """Return `wait_s`, rounded up to what the loop's timers can keep; never negative."""
    steps = math.ceil(wait_s * _TIMER_STEPS_PER_S - _NOISE_STEPS)
    return max(0, steps) / _TIMER_STEPS_PER_S
