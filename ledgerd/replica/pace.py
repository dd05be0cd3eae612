"""A pace for bulk work: so many bytes a second, so that what cannot wait does not have to (F29)."""

from collections.abc import Callable


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
