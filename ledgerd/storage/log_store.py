"""log/: entries and hard state. The truth, and the durability point of the node.

`persist` is one transaction with one full sync, and makes the only `Receipt` there is. Nothing is
retried: after a failed commit LMDB would let the next one succeed, so the first failure is latched
and every later call raises (T8). Every value read is checked: checksum, index, and its link to its
predecessor; a log never reads shorter than it is (T15, T16). A value that exists and fails is a
corrupt slot, and so is one that is missing between others: it is counted, reading it raises, and
`repair` puts a peer's entry in its place (F33, F34).

Owned by one thread, which every call asserts (T72). `adopt` hands it to the calling thread.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NoReturn

import lmdb

from ledgerd.errors import CorruptionError, SlotCorruptError, StorageError
from ledgerd.formats.entries import Verdict, decode, encode, link_of
from ledgerd.raft.entries import Anchor, Entry, HardState, Index, Term
from ledgerd.raft.ready import Ready, Ticket
from ledgerd.replica.ports import Receipt, mint
from ledgerd.storage import anchor as anchors
from ledgerd.storage import hard_state as twins
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment

TAIL_BYTES: Final = 16 * 1024**2  # of entries verified at start; `check` verifies all

_DAMAGE: Final = (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError)


class LmdbLogStore:
    """`replica.ports.LogStore` over LMDB; also the core's `LogReader`.

    Opening it verifies what is there: the hard state twins, that no index is missing, and the
    checksums and links of the tail.

    Errors: SlotCorruptError on reading a corrupt slot; CorruptionError on opening or reading any
    other damage; StorageError when LMDB or the disk fails,
    now or ever before in the life of this object.
    """

    def __init__(
        self, environment: Environment, *, clock: Callable[[], float] | None = None
    ) -> None:
        """Open the log.

        clock: seconds that only rise, by which receipts say how long a write took; None: they do
            not say.
        """
        self._clock = clock
        self._environment = environment
        self._lmdb = environment.log
        self._entries = environment.log_tables[keys.ENTRIES]
        self._meta = environment.log_tables[keys.META]
        self._twins = [environment.log_tables[name] for name in keys.HARD_STATE_TWINS]
        self._page_bytes: int = self._lmdb.stat()["psize"]
        self._where = f"{environment.directory}/log"
        self._owner = threading.get_ident()
        self._failed: StorageError | None = None
        self._ticket = Ticket(0)
        self._deferred = False  # a commit hint waits for the next write (C6)
        self._recent = _Recent(environment.options.recent_bytes)
        self._damaged: set[Index] = set()
        self._hard_state = stored_hard_state(environment)
        self._anchor = stored_anchor(environment)
        self._last = self._stored_last()
        self._refuse_loss()
        self._verify_tail()

    def adopt(self) -> None:
        """Make the calling thread the owner: the replica thread calls it once, before all else."""
        self._owner = threading.get_ident()

    # The port.

    def persist(self, ready: Ready) -> Receipt:
        """Make the hard state and entries of `ready` durable; see `replica.ports.LogStore`."""
        self._enter()
        assert ready.ticket == self._ticket + 1, (ready.ticket, self._ticket)  # C7
        if ready.snapshot is not None:
            assert ready.must_sync, ready.ticket  # C6
            assert ready.hard_state is not None, ready.ticket
            assert ready.hard_state.commit >= ready.snapshot.index, ready.hard_state
        if ready.entries:
            term = (ready.hard_state or self._hard_state).term
            anchor = ready.snapshot.anchor if ready.snapshot is not None else None
            self._accept_entries(ready.entries, term, anchor)
        if ready.hard_state is not None:
            self._accept_hard_state(ready.hard_state)

        took_us: int | None = None
        if not ready.must_sync:
            assert not ready.entries, len(ready.entries)  # C6
            self._deferred = self._deferred or ready.hard_state is not None
        elif ready.hard_state is not None or ready.entries:
            anchor = ready.snapshot.anchor if ready.snapshot is not None else None
            began_at = self._clock() if self._clock is not None else 0.0
            self._write(ready.entries, anchor)
            if self._clock is not None:
                took_us = int((self._clock() - began_at) * 1e6)
        self._ticket = ready.ticket
        return Receipt(ready.ticket, mint=mint(), took_us=took_us)

    def size_bytes(self) -> int:
        """Return the room that the entries take on disk, in whole pages."""
        self._enter()
        with self._lmdb.begin() as transaction:
            used = transaction.stat(self._entries)
        pages = used["leaf_pages"] + used["branch_pages"] + used["overflow_pages"]
        return pages * self._page_bytes

    def compact(
        self, first: Index, *, state_durable: Index, anchor: Anchor | None = None
    ) -> None:
        """Forget all entries below `first`; see `replica.ports.LogStore`."""
        self._enter()
        assert self._anchor.at + 1 < first <= self._last + 1, (first, self._anchor)
        assert first - 1 <= state_durable, (first, state_durable)  # F27
        try:
            entry = self._one(Index(first - 1))
            before = Anchor(entry.id, entry.link, entry.ts_us)
        except SlotCorruptError:
            if anchor is None:
                raise
            before = anchor
        assert before.at == first - 1, (before, first)
        self._transact(lambda transaction: self._cut(transaction, before))
        self._anchor = before
        self._damaged = {index for index in self._damaged if index >= first}

    def repair(self, entries: Sequence[Entry]) -> None:
        """Rewrite single entries in place; see `replica.ports.LogStore`."""
        self._enter()
        for entry in entries:
            assert self._anchor.at < entry.index <= self._last, (entry.id, self._last)
            hard = self._hard_state
            assert entry.term <= hard.term, (entry.id, hard)  # T4

        def write(transaction: "lmdb.Transaction[bytes]") -> None:
            for entry in entries:
                key = keys.index_key(entry.index)
                transaction.put(key, encode(entry), db=self._entries)

        self._transact(write)
        # At the end of the log it may be another entry than stood there (F33).
        for entry in entries:
            self._recent.mend(entry)
        self._damaged.difference_update(entry.index for entry in entries)

    def damaged(self) -> Sequence[Index]:
        """Return the slots found corrupt since opening, ascending."""
        return sorted(self._damaged)

    def hard_state(self) -> HardState:
        """Return the hard state as of the last `persist`."""
        self._enter()
        return self._hard_state

    # The core's reader.

    def anchor(self) -> Anchor:
        """Return the entry before the first one; `GENESIS_ANCHOR` if nothing was ever cut."""
        self._enter()
        return self._anchor

    def first_index(self) -> Index:
        """Return the smallest index that can be read: one above the anchor."""
        self._enter()
        return Index(self._anchor.at + 1)

    def last_index(self) -> Index:
        """Return the largest stored index, the anchor's in an empty log."""
        self._enter()
        return self._last

    def term(self, index: Index) -> Term | None:
        """Return the term at `index`, the anchor's included; None where none is known (T24)."""
        self._enter()
        if index == self._anchor.at:
            return self._anchor.id.term
        if not self._anchor.at < index <= self._last:
            return None
        return self._one(index).term

    def link(self, index: Index) -> bytes | None:
        """Return the chain link at `index`, the anchor's included; None where none is known."""
        self._enter()
        if index == self._anchor.at:
            return self._anchor.link
        if not self._anchor.at < index <= self._last:
            return None
        return self._one(index).link

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        """Return first .. last inclusive, cut to `bytes_max` but at least one entry."""
        self._enter()
        assert self._anchor.at < first <= last <= self._last, (first, last, self._last)
        found: list[Entry] = []
        size_bytes = 0
        for entry in self._range(first, last):
            size_bytes += entry.size_bytes
            if found and size_bytes > bytes_max:
                break
            found.append(entry)
        assert found[0].index == first, (found[0].index, first)
        return found

    def close(self) -> None:
        """Write a commit hint that still waits. The environment stays open; its owner closes it."""
        if self._failed is None and self._deferred:
            self._enter()
            self._write((), None)

    # Writing.

    def _accept_hard_state(self, new: HardState) -> None:
        old = self._hard_state
        assert new.term >= old.term, (new, old)  # T2
        assert new.commit >= old.commit, (new, old)
        if new.term == old.term and old.vote:
            assert new.vote == old.vote, (new, old)  # one vote a term: Raft 5.2
        self._hard_state = new

    def _accept_entries(
        self, entries: tuple[Entry, ...], term: Term, anchor: Anchor | None
    ) -> None:
        first = entries[0].index
        if anchor is not None:
            assert first == anchor.at + 1, (first, anchor)
        else:
            assert self._anchor.at < first <= self._last + 1, (first, self._last)
        assert first > self._hard_state.commit, (first, self._hard_state)  # Raft 5.3
        assert entries[-1].index == first + len(entries) - 1, (
            "entries are not consecutive"
        )
        assert entries[-1].term <= term, (entries[-1].id, term)  # T4

    def _write(self, entries: tuple[Entry, ...], anchor: Anchor | None) -> None:
        """Commit the hard state and `entries`, which replace everything from the first on (C1).

        anchor: the log starts anew behind it, with `entries` alone (F30).
        """
        before = self._last if anchor is None else anchor.at
        last = entries[-1].index if entries else before
        assert self._hard_state.commit <= last, (self._hard_state, last)  # T11
        packed = twins.pack(self._hard_state, self._environment.identity)

        def write(transaction: "lmdb.Transaction[bytes]") -> None:
            if anchor is not None:
                transaction.drop(self._entries, delete=False)
                transaction.put(keys.ANCHOR, anchors.pack(anchor), db=self._meta)
            if entries:
                self._put(transaction, entries)
            for table in self._twins:
                transaction.put(keys.HARD_STATE, packed, db=table)

        self._transact(write)
        self._deferred = False
        if anchor is not None:
            self._anchor = anchor
            self._recent.clear(Index(anchor.at + 1))
            self._damaged.clear()
        if entries:
            self._recent.replace(entries)
            if self._damaged:
                first = entries[0].index
                self._damaged = {index for index in self._damaged if index < first}
        self._last = last

    def _transact(self, write: Callable[["lmdb.Transaction[bytes]"], None]) -> None:
        """Do `write` in one transaction with one full sync; the first failure is latched (T8)."""
        try:
            transaction = self._lmdb.begin(write=True)
            try:
                write(transaction)
                self._commit(transaction)
            except BaseException:
                transaction.abort()
                raise
        except (lmdb.Error, OSError) as error:
            self._fail("write or sync failed", error)

    def _cut(self, transaction: "lmdb.Transaction[bytes]", anchor: Anchor) -> None:
        """Delete the entries up to `anchor`, and remember it instead."""
        end = keys.index_key(anchor.at)
        with transaction.cursor(self._entries) as cursor:
            more = cursor.first()
            while more and cursor.key() <= end:
                more = cursor.delete()  # moves to the next, if there is one
        transaction.put(keys.ANCHOR, anchors.pack(anchor), db=self._meta)

    def _put(
        self, transaction: "lmdb.Transaction[bytes]", entries: tuple[Entry, ...]
    ) -> None:
        first = entries[0].index
        if first <= self._last:
            with transaction.cursor(self._entries) as cursor:
                more = cursor.set_range(keys.index_key(first))
                while more:
                    more = cursor.delete()  # moves to the next, if there is one
        for entry in entries:
            appended = transaction.put(
                keys.index_key(entry.index),
                encode(entry),
                append=True,
                db=self._entries,
            )
            assert appended, entry.id

    def _commit(self, transaction: "lmdb.Transaction[bytes]") -> None:
        """Commit with a full sync. Apart, so that tests can fail the N-th one."""
        transaction.commit()

    # Reading.

    def _one(self, index: Index) -> Entry:
        entry = self._recent.get(index)
        if entry is not None:
            return entry
        return next(self._range(index, index))

    def _range(self, first: Index, last: Index) -> Iterator[Entry]:
        """Yield first .. last from memory where it is there, else checked from LMDB."""
        index = first
        while index <= last and index not in self._recent:
            stop = min(last, Index(self._recent.first - 1)) if self._recent else last
            for entry in self._stored(index, stop):
                yield entry
                index = Index(entry.index + 1)
        while index <= last:
            entry = self._recent[index]
            yield entry
            index = Index(index + 1)

    def _stored(self, first: Index, last: Index) -> Iterator[Entry]:
        """Yield first .. last from LMDB, each with checksum, index and link checked (T87)."""
        try:
            with (
                self._lmdb.begin(self._entries, None, False, True) as transaction,
                transaction.cursor() as cursor,
            ):
                previous = self._before(cursor, first)
                for index in map(Index, range(first, last + 1)):
                    entry = self._checked(cursor.get(keys.index_key(index)), index)
                    if previous is not None and link_of(previous, entry) != entry.link:
                        self._blame(cursor, entry, first=first)
                    previous = entry.link
                    yield entry
                self._check_after(cursor, entry)
        except _DAMAGE as error:
            raise CorruptionError(
                f"{self._where}, entries {first} .. {last}: {error}"
            ) from error
        except (lmdb.Error, OSError) as error:
            self._fail(f"reading entries {first} .. {last} failed", error)

    def _checked(self, value: memoryview | None, index: Index) -> Entry:
        if value is None:
            self._damage(index, f"it is missing, and the log ends at {self._last}")
        if index in self._damaged:
            self._damage(index, "it was found corrupt before")
        decoded = decode(value, index)
        if decoded.verdict is not Verdict.INTACT or decoded.entry is None:
            self._damage(index, f"{decoded.verdict.value}: {decoded.reason}")
        return decoded.entry

    def _before(self, cursor: "lmdb.Cursor[memoryview]", first: Index) -> bytes | None:
        """Return the link before `first`; None if it cannot be read, which `first` survives."""
        before = Index(first - 1)
        if before == self._anchor.at:
            return self._anchor.link
        try:
            return self._checked(cursor.get(keys.index_key(before)), before).link
        except SlotCorruptError:
            return None

    def _check_after(self, cursor: "lmdb.Cursor[memoryview]", entry: Entry) -> None:
        """Check that the successor links to `entry`, so that no old record passes for it (T87)."""
        after = self._peek(cursor, Index(entry.index + 1))
        if after is None or link_of(entry.link, after) == after.link:
            return
        second = self._peek(cursor, Index(after.index + 1))
        if second is not None and link_of(after.link, second) == second.link:
            self._damage(entry.index, "its successor does not link to it")
        self._damaged.add(after.index)

    def _blame(
        self, cursor: "lmdb.Cursor[memoryview]", entry: Entry, *, first: Index
    ) -> None:
        """Of two intact neighbours that do not link, take the one no other neighbour vouches for.

        An entry that its own successor links to stays; else it is a record of another history,
        such as an old page put back (T87). Errors: SlotCorruptError when it is first or behind.
        """
        after = self._peek(cursor, Index(entry.index + 1))
        if after is None or link_of(entry.link, after) != after.link:
            self._damage(entry.index, "it does not link to its predecessor")
        before = Index(entry.index - 1)
        if before >= first:
            self._damage(before, "its successor does not link to it")
        self._damaged.add(before)

    def _peek(self, cursor: "lmdb.Cursor[memoryview]", index: Index) -> Entry | None:
        """Return the entry at `index` if it is there and intact by itself."""
        if index > self._last or index in self._damaged:
            return None
        value = cursor.get(keys.index_key(index))
        return None if value is None else decode(value, index).entry

    def _damage(self, index: Index, what: str) -> NoReturn:
        self._damaged.add(index)
        raise SlotCorruptError(
            index,
            f"{self._where}, table entries, index {index}: {what}; peers may still have it",
        )

    # Start-up.

    def _stored_last(self) -> Index:
        """Return the last stored index, and note what is missing below it."""
        with (
            self._lmdb.begin() as transaction,
            transaction.cursor(self._entries) as cursor,
        ):
            anchor = self._anchor.at
            count = transaction.stat(self._entries)["entries"]
            last = keys.index_of(cursor.key()) if cursor.last() else anchor
            if count != last - anchor:
                cursor.first()
                there = map(keys.index_of, cursor.iternext(keys=True, values=False))
                every = map(Index, range(anchor + 1, last + 1))
                self._damaged.update(set(every) - set(there))
        return last

    def _refuse_loss(self) -> None:
        """Refuse a log that is shorter, or of a later term, than the hard state (T11, T4)."""
        commit, term, last = self._hard_state.commit, self._hard_state.term, self._last
        if commit > last:
            raise CorruptionError(
                f"{self._where}: lost: the log ends at index {last}, but {commit} was committed; "
                "bring the node back under a new id: ledgerctl cluster replace"
            )
        if self._newest_term(last) > term:
            raise CorruptionError(
                f"{self._where}: the last entry is of a later term than the hard state's, {term}; "
                "an older hard state was put back: replace the node"
            )

    def _newest_term(self, last: Index) -> Term:
        """Return the term of the last entry that can be read; terms never fall along a log."""
        with self._lmdb.begin(self._entries, None, False, True) as transaction:
            for index in map(Index, range(last, self._anchor.at, -1)):
                value = transaction.get(keys.index_key(index))
                try:
                    return self._checked(value, index).term
                except SlotCorruptError:
                    continue
        return self._anchor.id.term

    def _verify_tail(self) -> None:
        """Check the last entries, and keep them in memory: they are what is asked for first.

        Corrupt slots are noted; memory begins behind the last of them.
        """
        first = self._last
        size_bytes = 0
        with (
            self._lmdb.begin(self._entries, None, False, True) as transaction,
            transaction.cursor() as cursor,
        ):
            more = cursor.last()
            while more and size_bytes < TAIL_BYTES:
                first = keys.index_of(cursor.key())
                size_bytes += len(cursor.value())
                more = cursor.prev()
        kept: list[Entry] = []
        first = Index(max(self._anchor.at + 1, first))
        while first <= self._last:
            try:
                for entry in self._stored(first, self._last):
                    kept.append(entry)
                    first = Index(entry.index + 1)
            except SlotCorruptError as error:
                kept.clear()
                first = Index(error.index + 1)
        if kept:
            self._recent.replace(tuple(kept))

    # Failing.

    def _enter(self) -> None:
        assert threading.get_ident() == self._owner, (
            "log/ belongs to another thread"
        )  # T72
        if self._failed is not None:
            raise StorageError(f"an earlier failure is final: {self._failed}")

    def _fail(self, what: str, error: Exception) -> NoReturn:
        self._failed = StorageError(f"{self._where}: {what}: {error}")
        raise self._failed from error


def stored_hard_state(environment: Environment) -> HardState:
    """Return the hard state on disk.

    Errors: CorruptionError when a twin is missing or damaged, or both disagree (T86).
    """
    where = f"{environment.directory}/log, hard state"
    with environment.log.begin() as transaction:
        both = [
            twins.unpack(
                transaction.get(keys.HARD_STATE, db=environment.log_tables[name]),
                environment.identity,
                where=f"{where}, table {name}",
            )
            for name in keys.HARD_STATE_TWINS
        ]
    return twins.agreed(*both, where=where)


def stored_anchor(environment: Environment) -> Anchor:
    """Return where the log on disk begins. Errors: CorruptionError when the record is damaged."""
    with environment.log.begin() as transaction:
        return anchors.unpack(
            transaction.get(keys.ANCHOR, db=environment.log_tables[keys.META]),
            where=f"{environment.directory}/log, table meta, key anchor",
        )


class _Recent:
    """The last entries, without a gap, up to a bound in bytes; at least one."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._by_index: dict[int, Entry] = {}
        self.first = Index(1)

    def __bool__(self) -> bool:
        return bool(self._by_index)

    def __contains__(self, index: int) -> bool:
        return index in self._by_index

    def __getitem__(self, index: int) -> Entry:
        return self._by_index[index]

    def get(self, index: int) -> Entry | None:
        """Return the entry at `index` if it is kept."""
        return self._by_index.get(index)

    def clear(self, first: Index) -> None:
        """Forget everything; the next entry is `first`."""
        self._by_index.clear()
        self._bytes = 0
        self.first = first

    def replace(self, entries: tuple[Entry, ...]) -> None:
        """Put `entries` in the place of everything from entries[0].index on."""
        first = entries[0].index
        following = self.first + len(self._by_index)
        for index in range(first, following):
            self._drop(index)
        if not self._by_index:
            self.first = first
        for entry in entries:
            self._by_index[entry.index] = entry
            self._bytes += entry.size_bytes
        self._shrink()

    def mend(self, entry: Entry) -> None:
        """Put `entry` in the place of what is kept at its index, if anything is."""
        if entry.index in self._by_index:
            self._drop(entry.index)
            self._by_index[entry.index] = entry
            self._bytes += entry.size_bytes
            self._shrink()

    def _shrink(self) -> None:
        while self._bytes > self._bytes_max and len(self._by_index) > 1:
            self._drop(self.first)
            self.first = Index(self.first + 1)

    def _drop(self, index: int) -> None:
        entry = self._by_index.pop(index, None)
        if entry is not None:
            self._bytes -= entry.size_bytes
