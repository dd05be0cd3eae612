"""state/: the fold of the log, in one open write transaction at most.

Apply reads through `view` and the store writes what apply decided, with the applied index and the
digest in the same transaction (T7). `commit` makes it visible. state/ may lag log/ and may lose its
last commit in a power cut, for the log replays it; what is certain to survive is `durable`, which
only a forced sync moves, and which alone may allow cutting the log.

Owned by one thread, which every call asserts: LMDB lets a second thread put into a write
transaction without complaint (T72). A failed write ends the process and is latched (T8).
"""

import threading
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final, NoReturn, ParamSpec, TypeVar

import lmdb

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.formats import memberships, records, versions
from ledgerd.formats.records import Table, TableRows
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.accounts import Account, EntryPosition, InternalKey, Position
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.exceptions import EvidenceId, EvidenceUse, LedgerException
from ledgerd.ledger.fees import FeeSchedules
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.identity import IdKind, IdRecord, RequestRecord
from ledgerd.ledger.journal import JournalEntry
from ledgerd.ledger.payouts import PayoutHead, PayoutStatus
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.timers import Timer
from ledgerd.ledger.view import ExternalRef, KnownKey, LedgerView
from ledgerd.ledger.vouchers import Voucher
from ledgerd.ledger.windows import WindowKey, WindowUse
from ledgerd.limits import ID_BYTES
from ledgerd.raft.entries import Entry, EntryKind, Index
from ledgerd.raft.membership import Membership
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.tree import Edge
from ledgerd.storage import applied as applied_record
from ledgerd.storage import keys, swap
from ledgerd.storage.applied import Applied
from ledgerd.storage.environment import Environment
from ledgerd.storage.tables import DAMAGE, Tables

Result = TypeVar("Result")
Given = ParamSpec("Given")

_FEW: Final = 4  # rows of a table up to which a cursor costs more than it saves
_value: Final = itemgetter(1)

# An Enum looks a member up each time, and these are asked for at every entry.
_ID: Final = Table.ID
_META: Final = Table.META
_KEPT: Final = frozenset({Table.CONFIG, Table.INTERNAL})
_PAYOUT: Final = IdKind.PAYOUT
_MEMBERSHIP: Final = EntryKind.MEMBERSHIP


class StateTooNew(CorruptionError):
    """A newer release wrote it: nothing is wrong with it, and nothing may be done about it."""


class LmdbStateStore:
    """`replica.ports.StateStore` over LMDB.

    Errors: CorruptionError where a row is damaged; StorageError when LMDB or the disk fails, now or
    ever before in the life of this object.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._owner = threading.get_ident()
        self._failed: StorageError | None = None
        self._damage: CorruptionError | None = None  # latched: it is built anew
        self._transaction: lmdb.Transaction[bytes] | None = None
        self._load()

    def _load(self) -> None:
        """Take over what stands in the environment as it is now."""
        environment = self._environment
        self._lmdb = environment.state
        self._handles = environment.state_tables
        with self._lmdb.begin() as transaction:
            tables = Tables(environment, transaction)
            self._applied = tables.applied()
            self._view = _View(tables)
            self._membership = tables.membership()
            self._tree = tables.tree()
        if self._applied.state_version > STATE_VERSION:
            raise StateTooNew(
                f"state/ is of state version {self._applied.state_version}; this release applies "
                f"up to {STATE_VERSION}; start the release that wrote it, or a newer one"
            )
        self._visible = self._applied.index
        # What was read from disk after opening was durable when the last process ended cleanly,
        # and after a power cut it is what survived.
        self._durable = self._applied.index

    def adopt(self) -> None:
        """Make the calling thread the owner: the replica thread calls it once, before all else."""
        assert self._transaction is None, "a write transaction cannot change its thread"
        self._owner = threading.get_ident()

    # The port.

    def view(self) -> LedgerView:
        """Return what apply may read: state after the last `write`."""
        self._enter()
        if self._transaction is None:
            self._guard("opening a transaction", self._begin)
        return self._view

    def write(
        self, entry: Entry, rows: Sequence[TableRows], digest: bytes, tree: Edge
    ) -> None:
        """Put what one entry wrote, and how far that is, into the open transaction (T7)."""
        self._enter()
        assert entry.index == self._applied.index + 1, (
            entry.index,
            self._applied.index,
        )
        assert entry.ts_us > self._applied.log_time_us, (
            entry.ts_us,
            self._applied,
        )  # I11
        self._guard(f"writing the rows of entry {entry.index}", self._put, rows)
        if entry.kind is _MEMBERSHIP:
            self._membership = memberships.membership_in(rows) or self._membership
        self._tree = tree
        self._applied = Applied(
            entry.index,
            entry.term,
            entry.link,
            entry.ts_us,
            digest,
            versions.after(entry, self._applied.state_version),
        )

    def commit(self) -> Index:
        """Commit the open transaction if there is one; return the index now visible."""
        self._enter()
        if self._transaction is not None and self._damage is None:
            self._guard(f"committing up to index {self._applied.index}", self._finish)
            self._visible = self._applied.index
            if self._environment.options.state_metasync:
                self._durable = self._visible
        return self._visible

    def applied(self) -> Index:
        """Return the last applied index, the open transaction included."""
        return self._applied.index

    def state_version(self) -> int:
        """Return the state version in force at `applied()`."""
        return self._applied.state_version

    def membership(self) -> Membership:
        """Return the membership in force at `applied()`; NOBODY before any entry set one."""
        return self._membership

    def tree(self) -> Edge:
        """Return the edge of the audit tree at `applied()`; NO_TREE before its first leaf."""
        return self._tree

    def digest(self) -> bytes:
        """Return the rolling digest at `applied()`."""
        return self._applied.digest

    def install(self, snapshot: Snapshot) -> None:
        """Put the fetched state in the place of this one; see `replica.ports.StateStore`."""
        self._enter()
        self._damage = None
        if self._transaction is not None:
            self._transaction.abort()
            self._transaction = None
        self._guard(f"installing the state at {snapshot.index}", self._swap, snapshot)
        self._load()
        found = (self._applied.index, self._applied.digest)
        if found != (snapshot.index, snapshot.digest):
            raise CorruptionError(
                f"state/ is at index {found[0]} with digest {found[1].hex()} after the install of "
                f"the state at {snapshot.index} with digest {snapshot.digest.hex()}"
            )

    def _swap(self, snapshot: Snapshot) -> None:
        """Replace the file. Apart, so that a simulated disk can do it in its own way."""
        ready = swap.ready_file(self._environment.directory, snapshot)
        self._environment.replace_state(ready)

    # Beyond the port.

    def position(self) -> Applied:
        """Return the whole record of what was applied last, the open transaction included."""
        return self._applied

    def visible(self) -> Index:
        """Return the applied index that readers see."""
        return self._visible

    def durable(self) -> Index:
        """Return the applied index that survives a power cut for certain."""
        return self._durable

    def sync(self) -> Index:
        """Commit, flush LMDB's meta page too, and return the durable applied index."""
        self.commit()
        self._guard("syncing", self._lmdb.sync, True)
        self._durable = self._visible
        return self._durable

    def close(self) -> None:
        """Commit and sync what is open. The environment stays open; its owner closes it.

        After a failure it only gives the transaction up.
        """
        if self._failed is None and self._damage is None:
            self.sync()
        elif self._transaction is not None:
            self._transaction.abort()
            self._transaction = None

    def _begin(self) -> None:
        if self._transaction is None:
            self._transaction = self._lmdb.begin(write=True)
            self._view.tables = Tables(self._environment, self._transaction)

    def _put(self, rows: Sequence[TableRows]) -> None:
        self._begin()
        assert self._transaction is not None
        put, handles = self._transaction.put, self._handles
        for table, pairs, is_append in rows:
            handle = handles[table]
            # An append below the last key is skipped in silence, and so is not counted.
            if len(pairs) > _FEW and all(map(_value, pairs)):
                with self._transaction.cursor(handle) as cursor:
                    _, count = cursor.putmulti(pairs, append=is_append)
                assert count == len(pairs), (table, count, len(pairs))
                continue
            for key, value in pairs:
                if value:
                    is_put = put(key, value, append=is_append, db=handle)
                    assert is_put, (table, key)
                else:
                    assert not is_append, (table, key)
                    self._transaction.delete(key, db=handle)
        self._view.note(rows)

    def _finish(self) -> None:
        assert self._transaction is not None
        record = applied_record.pack(self._applied)
        self._transaction.put(keys.APPLIED, record, db=self._handles[keys.META])
        transaction, self._transaction = self._transaction, None
        self._commit(transaction)

    def _commit(self, transaction: "lmdb.Transaction[bytes]") -> None:
        """Commit. Apart, so that tests can fail the N-th one."""
        transaction.commit()

    def _enter(self) -> None:
        assert threading.get_ident() == self._owner, (
            "state/ belongs to another thread"
        )  # T72
        if self._failed is not None:
            raise StorageError(f"an earlier failure is final: {self._failed}")

    def _guard(
        self,
        what: str,
        work: Callable[Given, Result],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Result:
        """Do `work`; the first failure is latched (T8), and so is damage.

        After damage nothing is written any more: what is open is given up.
        """
        if self._damage is not None:
            raise self._damage
        try:
            return work(*args, **kwargs)
        except CorruptionError as error:
            self._give_up(error)
            raise
        except DAMAGE as error:
            damage = CorruptionError(
                f"{self._environment.directory}/state: {what}: {error}"
            )
            self._give_up(damage)
            raise damage from error
        except (lmdb.Error, OSError) as error:
            self._fail(what, error)

    def _give_up(self, damage: CorruptionError) -> None:
        self._damage = damage
        if self._transaction is not None:
            self._transaction.abort()
            self._transaction = None

    def _fail(self, what: str, error: Exception) -> NoReturn:
        self._failed = StorageError(
            f"{self._environment.directory}/state: {what}: {error}"
        )
        raise self._failed from error


def view_of(tables: Tables) -> LedgerView:
    """Return the state of these tables as apply reads it, for a dry run beside the writer."""
    return _View(tables)


class _View:
    """`LedgerView` over the open write transaction; what every batch asks for is kept in memory."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._internals = tables.internals()
        self._fee_schedules = tables.fee_schedules()
        self._catalogue = tables.catalogue()
        self._policy = tables.policy()
        self._event_seq = tables.event_seq()
        self._largest_payout_id = tables.largest_payout_id()

    def note(self, rows: Sequence[TableRows]) -> None:
        """Take over what was written, for what is kept in memory."""
        for table, pairs, _ in rows:
            if table is _ID:
                self._note_ids(pairs)
            elif table is _META:
                for row in pairs:
                    seq = records.event_seq_written(row)
                    self._event_seq = self._event_seq if seq is None else seq
            elif table in _KEPT:
                self._note_rare(table, pairs)

    def _note_rare(self, table: Table, rows: Sequence[tuple[bytes, bytes]]) -> None:
        if table is Table.CONFIG:
            self._fee_schedules = self.tables.fee_schedules()
            self._catalogue = self.tables.catalogue()
            self._policy = self.tables.policy()
            return
        for key, value in rows:
            balance_minor = records.decode_internal(key, value)
            self._internals[records.internal_of(key)] = balance_minor

    def _note_ids(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        for key, _ in reversed(rows):
            if key[ID_BYTES] == _PAYOUT:
                self._largest_payout_id = max(self._largest_payout_id, key[:ID_BYTES])
                return

    def accounts(self, account_ids: Sequence[bytes]) -> list[Account | None]:
        """Return fresh copies, which the caller may change."""
        return self.tables.accounts(account_ids)

    def largest_payout_id(self) -> bytes:
        """Return the largest payout id ever used, refused ones included; b"" if none was."""
        return self._largest_payout_id

    def ids(self, kind: IdKind, ids: Sequence[bytes]) -> list[IdRecord | None]:
        """Return what is kept of each id of this kind."""
        return [self.tables.id(kind, id_) for id_ in ids]

    def payouts(self, positions: Sequence[Position]) -> list[PayoutHead]:
        """Return the heads of payouts that exist. A missing one is a CorruptionError."""
        heads = []
        for position in positions:
            head = self.tables.payout_head(position)
            if head is None:
                raise CorruptionError(
                    f"state/, table payout: no row at position {position}"
                )
            heads.append(head)
        return heads

    def payouts_after(self, position: Position, limit: int) -> list[PayoutHead]:
        """Return the first `limit` heads of payouts behind `position`, in order."""
        return self.tables.payouts_after(position, limit)

    def payout_statuses(
        self, positions: Sequence[Position]
    ) -> list[PayoutStatus | None]:
        """Return what changed since each payout was made; None where nothing did."""
        return [self.tables.payout_status(position) for position in positions]

    def requests(self, request_ids: Sequence[bytes]) -> list[RequestRecord | None]:
        """Return what is kept of each request id."""
        return [self.tables.request(request_id) for request_id in request_ids]

    def external_refs(self, refs: Sequence[ExternalRef]) -> list[Position | None]:
        """Return the position of the command that used each reference."""
        return [self.tables.external_ref(ref) for ref in refs]

    def entry(self, position: EntryPosition) -> JournalEntry | None:
        """Return a journal entry."""
        return self.tables.journal(position)

    def reversed_minor(self, ref: ExternalRef) -> int:
        """Return how much of a Fund was reversed, minor units; 0 if nothing was."""
        return self.tables.reversed_minor(ref)

    def payouts_under_way(self, account_id: bytes) -> int:
        """Return how many payouts of an account are DISPATCHING or SENT."""
        return self.tables.payouts_under_way(account_id)

    def hold(self, position: Position) -> Hold | None:
        """Return the hold that the command at `position` made."""
        return self.tables.hold(position)

    def voucher(self, voucher_id: bytes) -> Voucher | None:
        """Return a voucher."""
        return self.tables.voucher(voucher_id)

    def internals(self, keys: Sequence[InternalKey]) -> list[int]:
        """Return balances on their normal sides, minor units; 0 if never posted to."""
        return [self._internals.get(key, 0) for key in keys]

    def fee_schedules(self) -> FeeSchedules:
        """Return all versions of the fee schedule."""
        return self._fee_schedules

    def catalogue(self) -> Catalogue:
        """Return all versions of rails and calendars."""
        return self._catalogue

    def policy(self) -> Policy:
        """Return all versions of limits, rules, roles and retired currencies."""
        return self._policy

    def window(self, key: WindowKey) -> WindowUse:
        """Return what a window holds."""
        return self.tables.window(key)

    def known_destination(self, key: KnownKey) -> Position | None:
        """Return the first payout seen to settle there."""
        return self.tables.known_destination(key)

    def frozen_accounts(self, owner_ref: str) -> int:
        """Return how many accounts of an owner are frozen."""
        return self.tables.frozen_accounts(owner_ref)

    def rail_key(self, key: str) -> Position | None:
        """Return the position of the payout that has or had this rail key."""
        return self.tables.rail_key(key)

    def evidence(self, id_: EvidenceId) -> EvidenceUse | None:
        """Return what an evidence id was used for."""
        return self.tables.evidence(id_)

    def exception(self, position: Position) -> LedgerException | None:
        """Return the exception that the command at `position` opened."""
        return self.tables.exception(position)

    def ready(self, rail: int, index: int) -> tuple[int, ...]:
        """Return the ordinals of the payouts of one entry that a worker may take, rising."""
        return self.tables.ready(rail, index)

    def timers(self, due_us: int, limit: int) -> list[Timer]:
        """Return the first `limit` timers that are due at or before `due_us`, in order."""
        return self.tables.timers(due_us, limit)

    def event_seq(self) -> int:
        """Return the seq of the last event, 0 before the first."""
        return self._event_seq
