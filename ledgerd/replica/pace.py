"""A pace for bulk work: so many bytes a second, so that what cannot wait does not have to (F29)."""

from collections.abc import Callable
from typing import Final

CROWDING_MAX: Final = 4.0  # beyond it a thread waits for the disk, or for a long turn


class Pace:
    """Says how long to wait after each piece. Not thread-safe: all calls from one thread.

    A piece that comes late leaves no credit beyond one second's worth, so a pause is not followed
    by a burst. Several streams may share one: then the pace is that of all together.
    """

    def __init__(self, bytes_per_s: int, clock_s: Callable[[], float]) -> None:
        assert bytes_per_s > 0, bytes_per_s
        self._bytes_per_s = bytes_per_s
        self._clock_s = clock_s
        self._due_s = clock_s()

    def wait_s(self, size_bytes: int) -> float:
        """Return how long to wait after a piece of this size; 0 if the pace allows more."""
        now_s = self._clock_s()
        self._due_s = max(self._due_s, now_s - 1.0) + size_bytes / self._bytes_per_s
        return max(0.0, self._due_s - now_s)


def rest_s(worked_s: float, used_s: float, rest_per_work: float) -> float:
    """Return how long a thread in no hurry rests after a piece of its work.

    worked_s: by the wall. used_s: of the processor. rest_per_work: how often it rests as long as
    it worked, where nobody else wants the processor.

    Work that took longer than its processor time waited for others, be it for a core or for the
    interpreter, and they for it. So the rest grows with the square of that ratio: a thread that
    got half of the time it wanted rests four times as long for each second it worked.
    """
    if worked_s <= 0:
        return 0.0
    crowding = CROWDING_MAX
    if used_s > 0:
        crowding = min(CROWDING_MAX, max(1.0, worked_s / used_s))
    return worked_s * rest_per_work * crowding**2
