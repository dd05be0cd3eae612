"""How old the visible state of this node can be, by this node's own clock.

A read point that was asked for at time t and confirmed by a quorum covers everything that anybody
was answered before t. So once the visible state has reached it, the state is at most `now - t` old,
however long messages travelled and whatever other nodes' clocks show (T80). Nothing here is a lease
(F12, T47): a bound is kept by asking again, not by assuming that nothing happened.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from ledgerd.raft.entries import Index

_WAITING_MAX: Final = (
    64  # read points that the state has not reached; more are not noted
)


class Freshness:
    """The newest read point that the visible state has reached. Belongs to the loop."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._visible = Index(0)
        self._fresh: tuple[float, Index] | None = None
        self._waiting: deque[tuple[Index, float]] = deque()

    def confirmed(self, index: Index, *, asked_at: float) -> None:
        """Note that the read point asked for at `asked_at`, seconds of `now`, is `index`."""
        if index <= self._visible:
            self._reached(asked_at, index)
        elif len(self._waiting) < _WAITING_MAX:
            self._waiting.append((index, asked_at))

    def advance(self, visible: Index) -> None:
        """Note that readers see the state at `visible`."""
        self._visible = max(self._visible, visible)
        if not self._waiting:
            return
        reached = [(at, index) for index, at in self._waiting if index <= self._visible]
        if reached:
            self._waiting = deque(
                item for item in self._waiting if item[0] > self._visible
            )
            self._reached(*max(reached))

    def since(self) -> tuple[float, Index] | None:
        """Return from when on something may be missing, seconds of `now`, and the read point.

        A state below that point is not the one that this is said of: it was built anew since.
        None: unknown.
        """
        return self._fresh

    def age_s(self) -> float | None:
        """Return how old the visible state is at most; None before the first read point."""
        return None if self._fresh is None else self._now() - self._fresh[0]

    def _reached(self, asked_at: float, index: Index) -> None:
        if self._fresh is None or asked_at > self._fresh[0]:
            self._fresh = asked_at, index
