"""Which slots of the own log are corrupt, and what stands in for them until it is on disk.

A corrupt slot holds a value that fails its check. It is neither "have" nor "have not" (T16): a
vote counts it as present, an ack and a send count it as absent (F33). So whatever reads one gets
`SlotCorruptError`, which the core turns into a decision, and never "nothing there".

`SlotReader` stands between the log and its store. It raises for slots known to be corrupt, notes
those that a read finds, and serves a repaired entry from memory until its write was acknowledged.
"""

from collections import deque
from typing import Final, NamedTuple

from ledgerd.errors import SlotCorruptError
from ledgerd.raft.entries import GENESIS_ANCHOR, Anchor, Entry, Index, Term
from ledgerd.raft.reader import LogReader
from ledgerd.raft.ready import Ticket

_NO_END: Final = Index(1 << 62)


class Run(NamedTuple):
    """Neighbouring corrupt slots, first .. last inclusive."""

    first: Index
    last: Index


class Slots:
    """Corrupt slots, and repaired ones whose write is not acknowledged yet.

    superseded_by: up to this entry the leader has a snapshot and no entries any more, or nobody has
        what the leader itself lacks; no slot there waits.
    """

    __slots__ = ("_corrupt", "_handed", "_mended", "_unwritten", "superseded_by")

    def __init__(self) -> None:
        self.superseded_by = GENESIS_ANCHOR
        self._corrupt: set[Index] = set()
        self._mended: dict[Index, Entry] = {}
        self._unwritten: dict[Index, Entry] = {}  # of `_mended`: not handed out
        self._handed: deque[tuple[Ticket, tuple[Index, ...]]] = deque()

    def __contains__(self, index: Index) -> bool:
        return index in self._corrupt

    @property
    def is_whole(self) -> bool:
        """Whether every slot known is intact on disk."""
        return not self._corrupt and not self._mended

    @property
    def may_be_cut(self) -> bool:
        """Whether a slot waits for nothing, so that the log may begin behind what superseded it.

        The entry there becomes the one before the first; if it is corrupt itself, what the snapshot
        says of it is enough.
        """
        return bool(self._corrupt) and min(self._corrupt) <= self.superseded_by.at

    @property
    def first(self) -> Index | None:
        """The first corrupt slot: nothing from here on may be acknowledged."""
        return min(self._corrupt) if self._corrupt else None

    @property
    def corrupt(self) -> tuple[Index, ...]:
        """All corrupt slots, ascending."""
        return tuple(sorted(self._corrupt))

    @property
    def has_unwritten(self) -> bool:
        """Whether repaired entries wait to be handed out for writing."""
        return bool(self._unwritten)

    def runs(self) -> list[Run]:
        """Return the corrupt slots as runs, ascending."""
        found: list[Run] = []
        for index in sorted(self._corrupt):
            if found and found[-1].last == index - 1:
                found[-1] = Run(found[-1].first, index)
            else:
                found.append(Run(index, index))
        return found

    def sound_until(self, index: Index) -> Index:
        """Return the largest index such that nothing in index .. it fails on disk, or index - 1."""
        bad = [slot for slot in (*self._corrupt, *self._mended) if slot >= index]
        return Index(min(bad) - 1) if bad else _NO_END

    def mended(self, index: Index) -> Entry | None:
        """Return the repaired entry that waits for its write."""
        return self._mended.get(index)

    def note(self, index: Index) -> bool:
        """Take `index` for corrupt; return whether that is news."""
        if index in self._corrupt or index in self._mended:
            return False
        self._corrupt.add(index)
        return True

    def mend(self, entry: Entry) -> None:
        """Put `entry` in the place of the corrupt one; it travels with the next Ready."""
        assert entry.index in self._corrupt, entry.id
        self._corrupt.remove(entry.index)
        self._mended[entry.index] = entry
        self._unwritten[entry.index] = entry

    def hand_out(self, ticket: Ticket) -> tuple[Entry, ...]:
        """Return what is to be rewritten under `ticket`, ascending."""
        entries = tuple(entry for _, entry in sorted(self._unwritten.items()))
        if entries:
            self._handed.append((ticket, tuple(entry.index for entry in entries)))
            self._unwritten.clear()
        return entries

    def persisted(self, ticket: Ticket) -> None:
        """Read from disk again what was rewritten under `ticket` and all before it."""
        while self._handed and self._handed[0][0] <= ticket:
            for index in self._handed.popleft()[1]:
                if index not in self._unwritten:
                    self._mended.pop(index, None)

    def truncated(self, index: Index) -> None:
        """Forget everything at or after `index`: other entries take its place."""
        self._corrupt = {slot for slot in self._corrupt if slot < index}
        self._mended = {at: e for at, e in self._mended.items() if at < index}
        self._unwritten = {at: e for at, e in self._unwritten.items() if at < index}

    def compacted(self, first: Index) -> None:
        """Forget everything before `first`: the log begins there now."""
        self._corrupt = {slot for slot in self._corrupt if slot >= first}
        self._mended = {at: e for at, e in self._mended.items() if at >= first}
        self._unwritten = {at: e for at, e in self._unwritten.items() if at >= first}


class SlotReader:
    """A `LogReader` over another one, which knows what is corrupt and what was repaired."""

    __slots__ = ("_reader", "_slots")

    def __init__(self, reader: LogReader, slots: Slots) -> None:
        self._reader = reader
        self._slots = slots

    def anchor(self) -> Anchor:
        """Return the entry before the first one."""
        return self._reader.anchor()

    def first_index(self) -> Index:
        """Return the smallest index that can be read."""
        return self._reader.first_index()

    def last_index(self) -> Index:
        """Return the largest stored index."""
        return self._reader.last_index()

    def term(self, index: Index) -> Term | None:
        """Return the term at index. Errors: SlotCorruptError."""
        mended = self._known(index)
        if mended is not None:
            return mended.term
        try:
            return self._reader.term(index)
        except SlotCorruptError as error:
            self._found(error)
            raise

    def link(self, index: Index) -> bytes | None:
        """Return the link at index. Errors: SlotCorruptError."""
        mended = self._known(index)
        if mended is not None:
            return mended.link
        try:
            return self._reader.link(index)
        except SlotCorruptError as error:
            self._found(error)
            raise

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        """Return first .. last, cut to `bytes_max` and before a corrupt slot, but one at least.

        Errors: SlotCorruptError when `first` is corrupt.
        """
        mended = self._known(first)
        if mended is not None:
            return [mended]
        last = min(last, self._slots.sound_until(first))
        while True:
            try:
                return list(self._reader.entries(first, last, bytes_max))
            except SlotCorruptError as error:
                self._found(error)
                if not first < error.index <= last:
                    raise
                last = Index(error.index - 1)

    def _known(self, index: Index) -> Entry | None:
        if index in self._slots:
            raise SlotCorruptError(index, f"log index {index} is corrupt")
        return self._slots.mended(index)

    def _found(self, error: SlotCorruptError) -> None:
        self._slots.note(Index(error.index))
