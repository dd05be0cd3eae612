"""Measuring: closed loops, latencies, gaps. Knows neither ledgerd nor its rivals."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

Call = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Latencies:
    """Latencies of one closed loop, seconds, sorted; and how long the loop took."""

    sorted_s: tuple[float, ...]
    took_s: float

    @property
    def calls_per_s(self) -> float:
        """Calls that ended in each second."""
        return len(self.sorted_s) / self.took_s

    def percentile_ms(self, percent: float) -> float:
        """Return the latency that `percent` of the calls did not exceed, milliseconds."""
        rank = min(len(self.sorted_s) - 1, int(len(self.sorted_s) * percent / 100))
        return self.sorted_s[rank] * 1000


async def closed_loop(
    call: Call, *, callers: int, calls_max: int, seconds_max: float
) -> Latencies:
    """Run `callers` callers, each with one call in flight, until a bound is reached.

    call: takes the number of the call. An exception ends the measurement.
    """
    taken: list[float] = []
    numbers = iter(range(calls_max))
    started_at = time.perf_counter()
    ends_at = started_at + seconds_max

    async def caller() -> None:
        for number in numbers:
            begun_at = time.perf_counter()
            if begun_at >= ends_at:
                return
            await call(number)
            taken.append(time.perf_counter() - begun_at)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    return Latencies(tuple(sorted(taken)), time.perf_counter() - started_at)


@dataclass(slots=True)
class Gap:
    """Time from a kill to the first acknowledgement of a call that began after it."""

    killed_at: float = 0.0
    acked_at: float = 0.0


async def gap_after(
    kill: Callable[[], Awaitable[None]], call: Call, *, callers: int, seconds_max: float
) -> float:
    """Kill while callers are in a closed loop; return the gap in seconds.

    call: returns when it is acknowledged and may raise; the caller then goes on with another.
    Raises TimeoutError if nothing is acknowledged within `seconds_max` seconds of the kill.
    """
    gap = Gap()
    is_over = asyncio.Event()
    numbers = iter(range(10_000_000))

    async def caller() -> None:
        while not is_over.is_set():
            begun_at = time.perf_counter()
            try:
                await call(next(numbers))
            except Exception:  # any failure is the outage that is being measured
                await asyncio.sleep(0.002)
                continue
            if gap.killed_at and begun_at > gap.killed_at:
                gap.acked_at = gap.acked_at or time.perf_counter()
                is_over.set()

    async with asyncio.timeout(seconds_max + 2), asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
        await asyncio.sleep(0.5)
        await kill()
        gap.killed_at = time.perf_counter()
    return gap.acked_at - gap.killed_at


def cpu_s(pids: Iterable[int]) -> float:
    """Return the processor time that these processes have used so far, seconds, all threads."""
    ticks = os.sysconf("SC_CLK_TCK")
    used = 0
    for pid in pids:
        # The name of the command, in parentheses, may hold anything; behind it are numbers.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / ticks
