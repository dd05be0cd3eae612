"""A pace for bulk work: so many bytes a second, so that what cannot wait does not have to."""

import time
from collections.abc import Callable


class Pace:
    """Says how long to wait after each piece. Not thread-safe: one for each work.

    A piece that came late leaves no credit behind beyond one second's worth, so a pause is not
    followed by a burst.
    """

    def __init__(
        self, bytes_per_s: int, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        assert bytes_per_s > 0, bytes_per_s
        self._bytes_per_s = bytes_per_s
        self._clock_s = clock_s
        self._due_s = clock_s()

    def wait_s(self, size_bytes: int) -> float:
        """Return how long to wait after a piece of this size; 0 if the pace allows more."""
        now_s = self._clock_s()
        self._due_s = max(self._due_s, now_s - 1.0) + size_bytes / self._bytes_per_s
        return max(0.0, self._due_s - now_s)
