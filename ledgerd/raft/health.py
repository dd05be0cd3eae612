"""What a node knows of its own disk, its own pauses and its own room; nobody else can see them.

A node whose log writes stall, or that slept through an election base itself, is slow (F8, T49,
T71). It becomes fit again only after a time of good writes, which doubles with each relapse, so
that a disk that comes and goes does not make the leadership come and go with it.
"""

from collections import deque
from typing import Final

from ledgerd.raft.options import Options

_WRITES_WATCHED: Final = 20  # F8: 5 of the last 20 writes over a heartbeat
_LATE_WRITES_MAX: Final = 5


class Health:
    """The fitness and the room of this node. One owner: the core; time is ticks.

    is_slow: it should not lead while another voter is fit.
    free_bytes: the room left for the log and the state, less a reserve (F36); None: never told.
    """

    __slots__ = (
        "_is_good",
        "_late",
        "_needed_ticks",
        "_options",
        "_well_ticks",
        "free_bytes",
        "is_slow",
    )

    def __init__(self, options: Options) -> None:
        self._options = options
        self._late: deque[bool] = deque(maxlen=_WRITES_WATCHED)
        self._is_good = True  # the last write was
        self._well_ticks = 0  # since the last sign of trouble
        self._needed_ticks = 0  # to be fit again; 0: no relapse yet
        self.is_slow = False
        self.free_bytes: int | None = None

    @property
    def is_low(self) -> bool:
        """Whether there is too little room to accept commands (F36, T91)."""
        return is_low(self.free_bytes, self._options)

    def wrote(self, ticks: int) -> None:
        """Note how long a write of the log took, whole ticks."""
        is_late = ticks >= self._options.heartbeat_ticks
        self._is_good = not is_late
        self._late.append(is_late)
        if not is_late and ticks < self._options.stall_ticks:
            return  # the count of late writes has not risen
        if ticks >= self._options.stall_ticks or sum(self._late) >= _LATE_WRITES_MAX:
            self._became_slow()
        elif is_late and self.is_slow:
            self._well_ticks = 0

    def slept(self, ticks: int) -> None:
        """Note ticks that this process missed; a base of them is as bad as a stalled write."""
        if ticks >= self._options.election_base_ticks:
            self._became_slow()

    def tick(self, ticks: int) -> None:
        """Let time pass; a slow node that wrote well for long enough is fit again."""
        self._well_ticks += ticks
        if self.is_slow and self._is_good and self._well_ticks >= self._needed_ticks:
            self.is_slow = False
            self._well_ticks = 0
        elif not self.is_slow and self._well_ticks >= self._options.recovery_ticks_max:
            self._needed_ticks = 0  # so long ago that the next time is a first time

    def _became_slow(self) -> None:
        self._well_ticks = 0
        self._late.clear()
        if not self.is_slow:
            self.is_slow = True
            options = self._options
            doubled = min(2 * self._needed_ticks, options.recovery_ticks_max)
            self._needed_ticks = max(doubled, options.recovery_ticks)


def is_low(free_bytes: int | None, options: Options) -> bool:
    """Return whether a node with this much room should get no more commands (F36).

    None is a node that did not say, such as one of an older release; it is not held against it.
    """
    return free_bytes is not None and free_bytes < options.free_bytes_min
