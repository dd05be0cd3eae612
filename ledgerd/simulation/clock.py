"""Virtual time: an agenda of events, and the clocks that nodes believe in.

Time is whole nanoseconds from 0. It moves only from one event to the next.
"""

import heapq
from collections.abc import Callable
from typing import Any, Final, TypeAlias

US: Final = 1_000
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
EPOCH_US: Final = 1_790_000_000_000_000  # the true wall clock at virtual time 0

Deed: TypeAlias = Callable[..., None]


class Agenda:
    """What will happen, ordered by (time, order of entry)."""

    __slots__ = ("_count", "_events", "now_ns")

    def __init__(self) -> None:
        self.now_ns = 0
        self._events: list[tuple[int, int, Deed, tuple[Any, ...]]] = []
        self._count = 0

    def at(self, time_ns: int, deed: Deed, *args: Any) -> None:
        """Do `deed(*args)` at this time, which is never in the past."""
        assert time_ns >= self.now_ns, (time_ns, self.now_ns)
        self._count += 1
        heapq.heappush(self._events, (time_ns, self._count, deed, args))

    def step(self, end_ns: int) -> bool:
        """Do the next event, if there is one before `end_ns`; return whether there was."""
        events = self._events
        if not events or events[0][0] >= end_ns:
            self.now_ns = max(self.now_ns, end_ns)
            return False
        self.now_ns, _, deed, args = heapq.heappop(events)
        deed(*args)
        return True


class WallClock:
    """A node's wall clock: the true one plus an offset that faults change (K1, K2, K5)."""

    __slots__ = ("_agenda", "offset_us")

    def __init__(self, agenda: Agenda, offset_us: int) -> None:
        self._agenda = agenda
        self.offset_us = offset_us

    def now_us(self) -> int:
        """Return what the clock shows, microseconds since 1970."""
        return EPOCH_US + self._agenda.now_ns // US + self.offset_us
