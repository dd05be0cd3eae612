"""When the next timer of the state falls due, as the replica knows it (ledger.md 7.4).

The leader proposes a Tick when its clock has passed that time, and not otherwise: an idle cluster
writes none. One Tick is under way at a time; while more is due the next one follows.
"""

from ledgerd.ledger.apply import Applied
from ledgerd.ledger.view import LedgerView
from ledgerd.raft.entries import NO_INDEX, Index

_FOR_EVER_US = 2**63 - 1


class Alarm:
    """The first timer, read again after each entry that moves one. Owned by the replica."""

    __slots__ = ("_first_us", "_is_known", "_proposed_at")

    def __init__(self) -> None:
        self._first_us: int | None = None
        self._is_known = False
        self._proposed_at = NO_INDEX

    @property
    def is_known(self) -> bool:
        """Whether the first timer was read since it may have moved."""
        return self._is_known

    @property
    def first_us(self) -> int | None:
        """Log time of the first timer, while no Tick is under way; None if there is none."""
        return self._first_us if self._proposed_at == NO_INDEX else None

    def look(self, view: LedgerView) -> None:
        """Read the first timer."""
        timers = view.timers(_FOR_EVER_US, 1)
        self._first_us = timers[0].due_us if timers else None
        self._is_known = True

    def recorded(self, index: Index, applied: Applied) -> None:
        """Note that the rows of the entry at `index` stand in the state."""
        if applied.writes.timers:
            self._is_known = False
        if index >= self._proposed_at:
            self._proposed_at = NO_INDEX

    def proposed(self, index: Index) -> None:
        """Note that the entry at `index` will be a Tick."""
        self._proposed_at = index

    def forget(self) -> None:
        """Note a change of role or of the whole state."""
        self._is_known = False
        self._proposed_at = NO_INDEX
