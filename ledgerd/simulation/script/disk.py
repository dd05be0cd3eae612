"""What a node of a script has on disk: a log in memory, which its core reads."""

from ledgerd.errors import SlotCorruptError
from ledgerd.raft.entries import Anchor, Entry, HardState, Index, Term
from ledgerd.raft.ready import Ready


class Disk:
    """The `LogReader` of a core, and its hard state.

    base: the entry before the first one, which a compaction or a snapshot left.
    corrupt: indexes whose values fail their check.
    A hard state that need not be synced is volatile until the next write that is (C6).
    """

    def __init__(self, base: Anchor, hard_state: HardState) -> None:
        self.base = base
        self.log: list[Entry] = []
        self.hard_state = hard_state
        self.corrupt: set[Index] = set()
        self._volatile: HardState | None = None

    # Writing.

    def persist(self, ready: Ready) -> None:
        """Write one Ready in one piece (C1)."""
        for entry in ready.repairs:
            self.log[entry.index - self.first_index()] = entry
            self.corrupt.discard(entry.index)
        if ready.hard_state is not None:
            self._volatile = ready.hard_state
        if not ready.must_sync:
            return
        if ready.snapshot is not None:
            self.log.clear()
            self.corrupt.clear()
            self.base = ready.snapshot.anchor
        if ready.entries:
            kept = ready.entries[0].index - self.first_index()
            assert 0 <= kept <= len(self.log), (ready.entries[0].id, len(self.log))
            self.log[kept:] = ready.entries
            self.corrupt = {i for i in self.corrupt if i < ready.entries[0].index}
        self.sync()

    def sync(self) -> None:
        """Make durable what is volatile."""
        if self._volatile is not None:
            assert self._volatile.term >= self.hard_state.term  # T2
            self.hard_state = self._volatile
            self._volatile = None

    def lose_unsynced(self) -> None:
        """Forget what no sync has reached."""
        self._volatile = None

    def compact(self, first: Index) -> None:
        """Forget what is below `first`. Raises SlotCorruptError if the last of it is corrupt."""
        self._check(Index(first - 1))  # its term and link stay known
        gone = first - self.first_index()
        assert 0 < gone <= len(self.log), (first, self.first_index(), len(self.log))
        last = self.log[gone - 1]
        self.base = Anchor(last.id, last.link, last.ts_us)
        del self.log[:gone]
        self.corrupt = {index for index in self.corrupt if index >= first}

    # Reading: `LogReader`.

    def anchor(self) -> Anchor:
        """Return the entry before the first one."""
        return self.base

    def first_index(self) -> Index:
        """Return the smallest index that can be read."""
        return Index(self.base.at + 1)

    def last_index(self) -> Index:
        """Return the largest index."""
        return Index(self.base.at + len(self.log))

    def term(self, index: Index) -> Term | None:
        """Return the term at index; known of the one before the first, too."""
        if index == self.base.at:
            return self.base.id.term
        entry = self._at(index)
        return entry.term if entry is not None else None

    def link(self, index: Index) -> bytes | None:
        """Return the link at index; known of the one before the first, too."""
        if index == self.base.at:
            return self.base.link
        entry = self._at(index)
        return entry.link if entry is not None else None

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        """Return first .. last, cut to `bytes_max` but at least one entry."""
        base = self.first_index()
        page: list[Entry] = []
        for entry in self.log[first - base : last - base + 1]:
            if page and entry.index in self.corrupt:
                break
            self._check(entry.index)
            bytes_max -= entry.size_bytes
            if bytes_max < 0 and page:
                break
            page.append(entry)
        return page

    def _at(self, index: Index) -> Entry | None:
        offset = index - self.first_index()
        if not 0 <= offset < len(self.log):
            return None
        self._check(index)
        return self.log[offset]

    def _check(self, index: Index) -> None:
        if index in self.corrupt:
            raise SlotCorruptError(index, f"the value at {index} fails its check")
