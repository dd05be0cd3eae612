"""The way back to what a working set was: for chains, which fail as a whole (9.2).

Nothing is copied but what is touched. While a rollback is open, each table of the set lies under an
empty one that takes the writes; a row that is changed in place is copied when it is first read.
"""

from collections import ChainMap
from copy import copy
from typing import TypeVar

from ledgerd.ledger.accounts import Account
from ledgerd.ledger.working_set import WorkingSet

K = TypeVar("K")
V = TypeVar("V")


class Rollback:
    """What `state` is now. Either `keep` or `undo` ends it, once; they do not nest.

    It knows a working set by its attributes: dicts are tables, lists only grow, sets hold what
    changed, and all else is replaced and never changed.
    """

    def __init__(self, state: WorkingSet) -> None:
        self._state = state
        self._before = dict(vars(state))
        self._lengths: dict[str, int] = {}
        for name, value in self._before.items():
            if isinstance(value, dict):
                setattr(state, name, _Overlay({}, value))
            elif isinstance(value, set):
                setattr(state, name, set(value))
            elif isinstance(value, list):
                self._lengths[name] = len(value)

    def keep(self) -> None:
        """Let stand what was written since."""
        for name, value in self._before.items():
            if isinstance(value, dict):
                value.update(getattr(self._state, name).maps[0])
                setattr(self._state, name, value)

    def undo(self) -> None:
        """Let the working set be what it was."""
        for name, value in self._before.items():
            setattr(self._state, name, value)
        for name, length in self._lengths.items():
            del self._before[name][length:]


class _Overlay(ChainMap[K, V]):
    """A table under one that takes the writes, and the copies of rows that change in place."""

    def __getitem__(self, key: K) -> V:
        top, below = self.maps
        if key in top:
            return top[key]
        value = below[key]
        if isinstance(value, Account | set):
            top[key] = copied = copy(value)
            return copied
        return value
