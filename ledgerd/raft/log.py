"""The log as the core sees it: a stable part read through `LogReader`, and an unstable tail."""

from typing import Protocol

from ledgerd.raft.entries import Entry, Index, Term


class LogReader(Protocol):
    """Reads the stable log: first_index .. last_index inclusive; an empty log has last = first - 1.

    In this release nothing is compacted, so first_index is 1.
    """

    def first_index(self) -> Index:
        """Return the smallest index that can be read."""
        ...

    def last_index(self) -> Index:
        """Return the largest stored index."""
        ...

    def term(self, index: Index) -> Term | None:
        """Return the term at index; 0 at first_index - 1 = 0; None if it is not stored (T24)."""
        ...

    def link(self, index: Index) -> bytes | None:
        """Return the chain link at index; GENESIS_LINK at 0; None if it is not stored."""
        ...

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        """Return first .. last inclusive, cut to `bytes_max` of size but at least one entry."""
        ...
