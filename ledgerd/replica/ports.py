"""What the replica needs of the world; implemented by storage and transport, and by fakes.

The only inversion in ledgerd. Every port is called by the replica thread alone.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from ledgerd.formats.records import TableRows
from ledgerd.ledger.view import LedgerView
from ledgerd.raft.entries import Anchor, Entry, HardState, Index
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import EarlyMessage, LateMessage, SnapshotOffer
from ledgerd.raft.reader import LogReader
from ledgerd.raft.ready import Ready, Ticket
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.tree import Edge

_MINT: Final = object()  # held by the log stores; see `mint`


class Receipt:
    """Proof that one Ready, and all before it, is durable. Only `LogStore.persist` makes one.

    took_us: how long the synced write took, microseconds (F8); None: nothing was synced, or the
        store has no clock.
    """

    __slots__ = ("ticket", "took_us")

    def __init__(
        self, ticket: Ticket, *, mint: object, took_us: int | None = None
    ) -> None:
        assert mint is _MINT, "a Receipt is made by LogStore.persist and by nobody else"
        self.ticket = ticket
        self.took_us = took_us


def mint() -> object:
    """Return the right to make receipts. An architecture test lists who may call this."""
    return _MINT


class LogStore(LogReader, Protocol):
    """The truth and the durability point. Also the core's `LogReader`.

    A value that exists and fails its check (checksum, index, link) is a corrupt slot: reading it
    raises SlotCorruptError, it does not keep the store from opening, and it is never taken for a
    shorter log (F32, T15).
    """

    def persist(self, ready: Ready) -> Receipt:
        """Make `ready.hard_state` and `ready.entries` durable: one transaction, one full sync.

        Entries replace everything at or after entries[0].index (C1). With `ready.snapshot` the log
        first loses all it has, in the same transaction, and goes on behind `snapshot.anchor`, which
        it remembers (F30, T61). With `must_sync` False the
        write may be postponed to the next one (C6). Raises StorageError when the write or the sync
        failed; the first failure is latched, and every later call raises too (T8).
        """
        ...

    def repair(self, entries: Sequence[Entry]) -> None:
        """Put each entry in the place of the value at its index: one transaction, one full sync.

        They are what is read there from then on, also where another entry stood (F33). Nothing else
        changes; the entries need not be neighbours (F34). Raises as `persist` does.
        """
        ...

    def damaged(self) -> Sequence[Index]:
        """Return the slots that were found corrupt since the store was opened, ascending."""
        ...

    def hard_state(self) -> HardState:
        """Return the durable hard state; term 0, no vote, commit 0 in a new store."""
        ...

    def size_bytes(self) -> int:
        """Return about how much room the entries take on disk. Cheap, whatever their number."""
        ...

    def compact(
        self, first: Index, *, state_durable: Index, anchor: Anchor | None = None
    ) -> None:
        """Forget, durably, all entries below `first`; the one before it becomes the anchor.

        first: above the present one, at most `last_index() + 1`; bounded work is the caller's duty.
        state_durable: the durable applied index; asserted not to be below the new anchor, because
            what is not durable in state/ is replayed from here (F27).
        anchor: the entry before `first` as others know it; used where its slot is corrupt (F33).
        Errors: SlotCorruptError where that is so and none is given.
        """
        ...


class StateStore(Protocol):
    """The fold of the log, lagging it, replayed from it. One open write transaction at most."""

    def view(self) -> LedgerView:
        """Return what apply may read: the open write transaction, opened if there is none."""
        ...

    def write(
        self, entry: Entry, rows: Sequence[TableRows], digest: bytes, tree: Edge
    ) -> None:
        """Put the rows of one applied entry into the open transaction, with the digest after it.

        tree: the edge of the audit tree after it, as the fold made it with the rows.
        The entry's index, term, link and log time go into the same transaction (T7).
        entry.index must be the last written index plus one.
        """
        ...

    def commit(self) -> Index:
        """Commit the open transaction if there is one; return the index now visible to readers."""
        ...

    def applied(self) -> Index:
        """Return the last applied index, the open transaction included."""
        ...

    def state_version(self) -> int:
        """Return the state version in force at `applied()`; 1 at index 0.

        `write` moves it, by `formats.versions.after`, in the transaction of the entry (T7).
        """
        ...

    def membership(self) -> Membership:
        """Return the membership in force at `applied()`; NOBODY before any entry set one.

        `write` moves it, with the row that the fold makes, in the transaction of the entry (T7).
        """
        ...

    def tree(self) -> Edge:
        """Return the edge of the audit tree at `applied()`; NO_TREE before its first leaf.

        `write` moves it, with the rows that the fold makes, in the transaction of the entry (T7).
        """
        ...

    def digest(self) -> bytes:
        """Return the rolling digest at `applied()`; 32 zero bytes at index 0."""
        ...

    def durable(self) -> Index:
        """Return the applied index that certainly survives a power cut: it bounds compaction."""
        ...

    def sync(self) -> Index:
        """Commit, make everything applied durable, and return that index: now `durable()`."""
        ...

    def install(self, snapshot: Snapshot) -> None:
        """Put the fetched state of `snapshot` in the place of this one, for good (F30).

        The log has started anew behind it, durably; the open transaction is given up. Afterwards
        `applied()` and `visible` are the snapshot's index, and `digest()` is its digest. A crash
        before the end is finished at the next start. Raises StorageError, CorruptionError.
        """
        ...


class SnapshotStore(Protocol):
    """Copies of state/, made and fetched in the background; each end comes back as an input."""

    def newest(self) -> Snapshot | None:
        """Return the newest whole copy at hand; None if there is none."""
        ...

    def make(self, doublings: int) -> Index:
        """Begin a copy of what is visible now, and return that index; ends as `SnapshotMade`.

        doublings: of the pace at which it is made and sent: so many copies in a row came too late
        for a log that grows. The copy stands at that index or a later one. Never called while one
        is under way (T63).
        """
        ...

    def fetch(self, offer: SnapshotOffer) -> None:
        """Begin or go on to fetch what was offered; ends as `SnapshotFetched`.

        Takes the place of a fetch of another snapshot that is under way. It is tried again and
        again, from the last good chunk on, until it is whole, refused, or stopped (F29).
        """
        ...

    def stop_fetching(self) -> None:
        """Give the fetch under way up; what has come stays, for the same offer made again."""
        ...


class Mail(Protocol):
    """The way out to peers. Never blocks: a put into bounded queues, where drops are legal."""

    def early(self, messages: Sequence[EarlyMessage]) -> None:
        """Send messages that rest on nothing this turn writes."""
        ...

    def after(self, messages: Sequence[LateMessage], receipt: Receipt) -> None:
        """Send messages that rest on what `receipt` proves durable."""
        ...
