"""How the core reads its own log; the stores implement it."""

from typing import Protocol

from ledgerd.raft.entries import Anchor, Entry, Index, Term


class LogReader(Protocol):
    """Reads the stable log, first_index .. last_index; an empty one has last = first - 1.

    Errors of `term`, `link` and `entries`: SlotCorruptError where a value that is needed fails its
    check. `entries` may stop before a corrupt slot, as long as it returns one entry.
    """

    def anchor(self) -> Anchor:
        """Return the entry before the first one; `GENESIS_ANCHOR` when nothing is compacted."""
        ...

    def first_index(self) -> Index:
        """Return the smallest index that can be read: one above the anchor."""
        ...

    def last_index(self) -> Index:
        """Return the largest stored index."""
        ...

    def term(self, index: Index) -> Term | None:
        """Return the term at index, the anchor's included; None if it is not known (T24)."""
        ...

    def link(self, index: Index) -> bytes | None:
        """Return the chain link at index, the anchor's included; None if it is not known."""
        ...

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        """Return first .. last, cut to `bytes_max` of size but at least one entry."""
        ...
