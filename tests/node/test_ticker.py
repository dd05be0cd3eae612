"""Ticks come from a fixed origin, so lateness neither adds up nor counts as silence."""

import asyncio
from collections.abc import Iterator

import pytest
import uvloop

from ledgerd.node.ticker import Ticker, stride


class Clock:
    """A clock that moves only when something sleeps, and oversleeps as told."""

    def __init__(self, oversleeps_s: Iterator[float]) -> None:
        self.now_s = 100.0
        self._oversleeps_s = oversleeps_s

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        try:
            self.now_s += seconds + next(self._oversleeps_s)
        except StopIteration:
            raise asyncio.CancelledError from None


def ticks_of(
    oversleeps_s: list[float], monkeypatch: pytest.MonkeyPatch, *, at_once: int = 1
) -> tuple[list[tuple[int, int]], list[float], Clock]:
    """Run a ticker of 10 ms over a clock that oversleeps; return its ticks and lags."""
    clock = Clock(iter(oversleeps_s))
    monkeypatch.setattr("ledgerd.node.ticker.time.monotonic", clock.monotonic)
    monkeypatch.setattr("ledgerd.node.ticker.asyncio.sleep", clock.sleep)
    ticks: list[tuple[int, int]] = []
    lags: list[float] = []
    ticker = Ticker(
        tick_s=0.01,
        stride=at_once,
        on_ticks=lambda elapsed, missed: ticks.append((elapsed, missed)),
        on_lag_s=lags.append,
    )
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(ticker.run())
    return ticks, lags, clock


def test_small_lateness_does_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """T43: each tick is 4 ms late, and after ten ticks a tenth of a second has passed."""
    ticks, _, clock = ticks_of([0.004] * 10, monkeypatch)

    assert ticks == [(1, 0)] * 10
    assert clock.now_s == pytest.approx(100.104)


def test_a_pause_is_one_tick_and_the_rest_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T83: away for 55 ms: one tick passed, five were slept through."""
    ticks, lags, _ = ticks_of([0.001, 0.055, 0.001], monkeypatch)

    assert ticks == [(1, 0), (1, 5), (1, 0)]
    assert lags == pytest.approx([0.001, 0.055, 0.001])


def test_ticks_of_a_stride_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """T43, T83: from the fixed origin; late by a stride or more the process was away."""
    ticks, _, clock = ticks_of(
        [0.004, 0.004, 0.055, 0.001, 0.015], monkeypatch, at_once=3
    )

    assert ticks == [(3, 0), (3, 0), (1, 7), (3, 0), (3, 1)]
    assert clock.now_s == pytest.approx(100.215)


@pytest.mark.parametrize(
    ("tick_s", "heartbeat_ticks", "expected"),
    [
        (0.01, 3, 3),
        (0.01, 2, 2),
        (0.01, 4, 2),
        (0.01, 5, 1),
        (0.001, 3, 3),
        (0.05, 6, 1),
    ],
)
def test_a_stride_divides_the_heartbeat_and_lasts_30_ms_at_most(
    tick_s: float, heartbeat_ticks: int, expected: int
) -> None:
    """Heartbeats stay as even as they were, and the slow ticks of far sites come one by one."""
    assert stride(tick_s, heartbeat_ticks) == expected


def test_a_tick_costs_about_one_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the real loop: its timers count whole milliseconds, and wait no part of one."""
    sleep = asyncio.sleep
    waits: list[float] = []
    ticks: list[int] = []

    async def counted(seconds: float) -> None:
        waits.append(seconds)
        await sleep(seconds)

    async def run() -> None:
        is_enough = asyncio.Event()

        def note(elapsed: int, missed: int) -> None:
            ticks.append(elapsed + missed)
            if len(ticks) == 20:
                is_enough.set()

        ticker = Ticker(tick_s=0.01, on_ticks=note, on_lag_s=lambda _: None)
        running = asyncio.create_task(ticker.run())
        await is_enough.wait()
        running.cancel()

    monkeypatch.setattr("ledgerd.node.ticker.asyncio.sleep", counted)
    uvloop.run(run())

    # Two where the timer was early by a part of a step; a dozen where parts were asked for.
    assert len(waits) <= 2 * len(ticks) + 1
