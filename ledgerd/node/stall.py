"""A write that does not come back, seen from the event loop, which still runs (F9).

The replica thread waits for its disk and can say nothing. One write longer than the stall limit
makes the node not ready; ten times longer ends the calls that wait, as unknown; at last the process
ends with the storage exit code, for a node that hangs for ever helps nobody.
"""

import time
from collections.abc import Callable
from typing import Final

from ledgerd.errors import Reason, StorageError
from ledgerd.observability import logs

GIVE_UP_TIMES: Final = 10  # of the stall limit: calls that wait end
EXIT_S: Final = 30.0
log = logs.get(__name__)


class StallWatch:
    """Looks at the age of the write under way. Belongs to the loop."""

    def __init__(
        self,
        *,
        limit_s: float,
        write_began_at: Callable[[], float | None],
        end_calls: Callable[[Reason], None],
        fail_stop: Callable[..., object],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the watch.

        write_began_at: when the write under way began, by the clock `now`; None if there is none.
        end_calls: ends every waiting call, for a reason. fail_stop: ends the process.
        """
        self._limit_s = limit_s
        self._write_began_at = write_began_at
        self._end_calls = end_calls
        self._fail_stop = fail_stop
        self._now = now
        self._is_stalled = False
        self._away: list[tuple[float, float]] = []  # when this process did not run

    @property
    def is_stalled(self) -> bool:
        """Whether a write takes longer than the limit now, as of the last check."""
        return self._is_stalled

    def check(self, late_s: float = 0.0) -> None:
        """Look, `late_s` after this was due, and do what the age of the write asks for.

        Must be called several times within the limit: the ticker does. What this process slept
        through is no evidence against its disk, as with ticks (T83): a node that was paused in the
        middle of a write goes on.
        """
        if late_s > self._limit_s:
            now = self._now()
            self._away.append((now - late_s, now))
        began_at = self._write_began_at()
        age_s = 0.0 if began_at is None else self._age_s(began_at)
        was_stalled, self._is_stalled = self._is_stalled, age_s > self._limit_s
        if self._is_stalled and not was_stalled:
            log.warning("write_stalls", limit_s=self._limit_s)
        elif was_stalled and not self._is_stalled:
            log.warning("write_came_back")
        if age_s > GIVE_UP_TIMES * self._limit_s:
            self._end_calls(Reason.DISK_STALLED)
        if age_s > EXIT_S:
            error = StorageError(
                f"a write has not come back for {age_s:.0f} s: the disk hangs; look at it "
                "before this node is started again"
            )
            self._fail_stop(error, where="stall watch")

    def _age_s(self, began_at: float) -> float:
        """Return for how long the write has been under way while this process ran."""
        self._away = [(since, to) for since, to in self._away if to > began_at]
        slept_s = sum(to - max(since, began_at) for since, to in self._away)
        return self._now() - began_at - slept_s
