"""A log store over plain dicts: the second implementation that the port contract is run on.

`MemoryDisk` is what survives a restart. It holds encoded bytes, so that damage can be done to it as
to a real disk, and it fails the commit it is told to fail, once, as disks do: the next one would
succeed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledgerd.errors import CorruptionError, SlotCorruptError, StorageError
from ledgerd.formats.entries import decode, encode, link_of
from ledgerd.raft.entries import (
    GENESIS_ANCHOR,
    Anchor,
    Entry,
    HardState,
    Index,
    NodeId,
    Term,
)
from ledgerd.raft.ready import Ready
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.ports import Receipt, mint
from tests.storage.making import CrashInCommit

INITIAL = HardState(Term(0), NodeId(0), Index(0))


@dataclass
class MemoryDisk:
    """entries: values by index, behind `anchor`. twins: the hard state, twice.

    fail_in: 1 fails the next commit. crash_kept: the next commit ends the process, with or without
    what was written.
    """

    entries: dict[int, bytes] = field(default_factory=dict)
    twins: list[HardState | None] = field(default_factory=lambda: [INITIAL, INITIAL])
    anchor: Anchor = GENESIS_ANCHOR
    fail_in: int = 0
    crash_kept: bool | None = None


class MemoryLogStore:
    """`replica.ports.LogStore` over a `MemoryDisk`."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk
        self._failed = False
        self._ticket = 0
        first, second = disk.twins
        if first is None or first != second:
            raise CorruptionError(f"hard state: {first} and {second}")
        self._hard_state = first
        self._last = Index(max(disk.entries, default=disk.anchor.at))
        if self._hard_state.commit > self._last:
            raise CorruptionError(
                f"lost: committed {self._hard_state.commit} of {self._last}"
            )
        self._damaged: set[Index] = set()
        previous: bytes | None = disk.anchor.link
        for index in range(disk.anchor.at + 1, self._last + 1):
            try:
                entry = self._read(index)
            except SlotCorruptError:
                previous = None
                continue
            if previous is not None and link_of(previous, entry) != entry.link:
                self._damaged.add(Index(index))
                previous = None
                continue
            if entry.term > self._hard_state.term:
                raise CorruptionError("an older hard state was put back")
            previous = entry.link
        if disk.anchor.id.term > self._hard_state.term:
            raise CorruptionError("an older hard state was put back")

    def persist(self, ready: Ready) -> Receipt:
        self._enter()
        assert ready.ticket == self._ticket + 1
        hard_state = ready.hard_state or self._hard_state
        self._judge(ready, hard_state)
        if ready.must_sync:
            self._write(ready.entries, hard_state, ready.snapshot)
        self._hard_state = hard_state
        self._ticket = ready.ticket
        return Receipt(ready.ticket, mint=mint())

    def repair(self, entries: Sequence[Entry]) -> None:
        self._enter()
        if self._disk.fail_in == 1:
            self._disk.fail_in = 0
            self._failed = True
            raise StorageError("told to fail")
        for entry in entries:
            assert self._disk.anchor.at < entry.index <= self._last, entry.id
            self._disk.entries[entry.index] = encode(entry)
            self._damaged.discard(entry.index)

    def damaged(self) -> Sequence[Index]:
        return sorted(self._damaged)

    def _judge(self, ready: Ready, new: HardState) -> None:
        old, entries = self._hard_state, ready.entries
        assert (new.term, new.commit) >= (old.term, old.commit)
        assert new.commit >= old.commit
        assert new.term > old.term or not old.vote or new.vote == old.vote
        last = self._last
        if ready.snapshot is not None:
            last = ready.snapshot.index
        if entries:
            indexes = [entry.index for entry in entries]
            assert indexes == list(range(indexes[0], indexes[0] + len(entries)))
            assert max(old.commit, self._disk.anchor.at) < indexes[0] <= last + 1
            assert entries[-1].term <= new.term
            last = indexes[-1]
        assert new.commit <= last

    def _write(
        self,
        entries: Sequence[Entry],
        hard_state: HardState,
        snapshot: Snapshot | None,
    ) -> None:
        disk = self._disk
        self._count_commit()
        crash, disk.crash_kept = disk.crash_kept, None
        if crash is not False:
            disk.twins = [hard_state, hard_state]
            if snapshot is not None:
                disk.entries.clear()
                disk.anchor = snapshot.anchor
                self._last = snapshot.index
            for entry in entries[:1]:
                for index in [i for i in disk.entries if i >= entry.index]:
                    del disk.entries[index]
            for entry in entries:
                disk.entries[entry.index] = encode(entry)
                self._last = entry.index
        if crash is not None:
            raise CrashInCommit("crash in a commit")

    def size_bytes(self) -> int:
        return sum(map(len, self._disk.entries.values()))

    def compact(
        self, first: Index, *, state_durable: Index, anchor: Anchor | None = None
    ) -> None:
        self._enter()
        assert self._disk.anchor.at + 1 < first <= self._last + 1
        assert first - 1 <= state_durable
        try:
            entry = self._read(first - 1)
            anchor = Anchor(entry.id, entry.link, entry.ts_us)
        except SlotCorruptError:
            if anchor is None:
                raise
        assert anchor is not None
        self._count_commit()
        self._disk.anchor = anchor
        self._damaged = {index for index in self._damaged if index >= first}
        for index in [i for i in self._disk.entries if i < first]:
            del self._disk.entries[index]

    def hard_state(self) -> HardState:
        self._enter()
        return self._hard_state

    def anchor(self) -> Anchor:
        self._enter()
        return self._disk.anchor

    def first_index(self) -> Index:
        self._enter()
        return Index(self._disk.anchor.at + 1)

    def last_index(self) -> Index:
        self._enter()
        return self._last

    def term(self, index: Index) -> Term | None:
        self._enter()
        anchor = self._disk.anchor
        if index == anchor.at:
            return anchor.id.term
        return self._read(index).term if anchor.at < index <= self._last else None

    def link(self, index: Index) -> bytes | None:
        self._enter()
        anchor = self._disk.anchor
        if index == anchor.at:
            return anchor.link
        return self._read(index).link if anchor.at < index <= self._last else None

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        self._enter()
        assert self._disk.anchor.at < first <= last <= self._last
        found: list[Entry] = []
        for index in range(first, last + 1):
            entry = self._read(index)
            if (
                found
                and sum(e.size_bytes for e in found) + entry.size_bytes > bytes_max
            ):
                break
            found.append(entry)
        return found

    def close(self) -> None:
        if not self._failed:
            self._disk.twins = [self._hard_state, self._hard_state]

    def _count_commit(self) -> None:
        if self._disk.fail_in == 1:
            self._disk.fail_in = 0
            self._failed = True
            raise StorageError("told to fail")
        self._disk.fail_in = max(0, self._disk.fail_in - 1)

    def _enter(self) -> None:
        if self._failed:
            raise StorageError("an earlier failure is final")

    def _read(self, index: int) -> Entry:
        value = self._disk.entries.get(index)
        decoded = decode(value or b"", Index(index))
        if decoded.entry is None or index in self._damaged:
            self._damaged.add(Index(index))
            raise SlotCorruptError(index, f"index {index}: {decoded.reason}")
        return decoded.entry
