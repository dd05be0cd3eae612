"""Reading rows of state/ in an open transaction: keys by formats/records, values checked.

Used by the write transaction's view and by the readers, so that both read the same way. Every value
read is decoded with its checksum; damage is a CorruptionError that names table and key.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar

import lmdb

from ledgerd.errors import CorruptionError
from ledgerd.formats import leaves, memberships, records, versions
from ledgerd.formats.leaves import Leaf
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import (
    Account,
    Balances,
    EntryPosition,
    InternalKey,
    Position,
)
from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue import Catalogue, Suspension
from ledgerd.ledger.currencies import CurrencySet
from ledgerd.ledger.events import Event
from ledgerd.ledger.exceptions import EvidenceId, EvidenceUse, LedgerException
from ledgerd.ledger.fees import FeeSchedule, FeeSchedules
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.identity import IdKind, IdRecord, RequestRecord
from ledgerd.ledger.journal import JournalEntry
from ledgerd.ledger.payouts import PayoutHead, PayoutStatus
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.risk import LimitSet, RuleSet
from ledgerd.ledger.roles import RoleSet
from ledgerd.ledger.timers import Timer
from ledgerd.ledger.view import ExternalRef, KnownKey
from ledgerd.ledger.vouchers import Voucher
from ledgerd.ledger.windows import EMPTY, WindowKey, WindowUse
from ledgerd.limits import ID_BYTES
from ledgerd.raft.membership import NOBODY, Membership
from ledgerd.replica.tree import NO_TREE, Edge, TreeNode, edge_of, leaf_hash
from ledgerd.storage import applied, keys
from ledgerd.storage.applied import Applied
from ledgerd.storage.environment import Environment
from ledgerd.storage.environment import Table as Handle

Row = TypeVar("Row")

DAMAGE: Final = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.BadTxnError,  # what LMDB says of everything else in the transaction from then on
)


class Tables:
    """The tables of state/ as of one transaction, which its maker opens and ends."""

    def __init__(
        self, environment: Environment, transaction: "lmdb.Transaction[bytes]"
    ) -> None:
        self._handles = environment.state_tables
        self._transaction = transaction

    @classmethod
    def of(
        cls,
        handles: "dict[str, Handle]",
        transaction: "lmdb.Transaction[bytes]",
    ) -> "Tables":
        """Return the tables of a state that is in no data directory, such as a copy."""
        tables = cls.__new__(cls)
        tables._handles = handles
        tables._transaction = transaction
        return tables

    def applied(self) -> Applied:
        """Return how far state/ has come."""
        return applied.unpack(self._get(Table.META, keys.APPLIED))

    def account(self, account_id: bytes) -> Account | None:
        """Return an account; the row is the caller's own."""
        return self._row(Table.ACCOUNT, account_id, records.decode_account)

    def accounts(self, account_ids: Sequence[bytes]) -> list[Account | None]:
        """Return accounts in the order asked."""
        return [
            self._row(Table.ACCOUNT, account_id, records.decode_account)
            for account_id in account_ids
        ]

    def id(self, kind: IdKind, id_: bytes) -> IdRecord | None:
        """Return what is kept of an id."""
        return self._row(Table.ID, records.id_key(kind, id_), records.decode_id)

    def largest_payout_id(self) -> bytes:
        """Return the largest payout id ever used, b"" if there is none."""
        with self._transaction.cursor(self._handles[Table.ID]) as cursor:
            for key in cursor.iterprev(keys=True, values=False):
                if key[ID_BYTES] == IdKind.PAYOUT:
                    return key[:ID_BYTES]
        return b""

    def payout_head(self, position: Position) -> PayoutHead | None:
        """Return the immutable part of a payout."""
        return self._row(
            Table.PAYOUT, records.position_key(position), records.decode_payout
        )

    def payouts_after(self, position: Position, limit: int) -> list[PayoutHead]:
        """Return the first `limit` heads of payouts behind `position`, in order."""
        start = records.position_key(position) + b"\0"
        found: list[PayoutHead] = []
        for key, value in self.scan(Table.PAYOUT, start=start):
            if len(found) == limit:
                break
            found.append(records.decode_payout(key, value))
        return found

    def payout_status(self, position: Position) -> PayoutStatus | None:
        """Return the changing part of a payout, None while nothing changed."""
        key = records.position_key(position)
        return self._row(Table.PAYOUT_STATE, key, records.decode_payout_status)

    def payout_past(
        self, change: EntryPosition, position: Position
    ) -> PayoutStatus | None:
        """Return what a payout was before a change; None before its first."""
        key = records.payout_past_key(change, position)
        return self._row(Table.PAYOUT_PAST, key, records.decode_payout_past)

    def request(self, request_id: bytes) -> RequestRecord | None:
        """Return what is kept of a request id."""
        return self._row(Table.REQUEST, request_id, records.decode_request)

    def external_ref(self, ref: ExternalRef) -> Position | None:
        """Return the position of the command that used a bank's reference."""
        key = records.external_ref_key(ref)
        return self._row(Table.EVIDENCE, key, records.decode_external_ref)

    def reversed_minor(self, ref: ExternalRef) -> int:
        """Return how much of a Fund was reversed, minor units."""
        key = records.reversal_key(ref)
        return self._row(Table.REVERSAL, key, records.decode_reversal) or 0

    def payouts_under_way(self, account_id: bytes) -> int:
        """Return how many payouts of an account are DISPATCHING or SENT."""
        return self._row(Table.UNDER_WAY, account_id, records.decode_under_way) or 0

    def hold(self, position: Position) -> Hold | None:
        """Return the hold that a command made."""
        return self._row(
            Table.HOLD, records.position_key(position), records.decode_hold
        )

    def voucher(self, voucher_id: bytes) -> Voucher | None:
        """Return a voucher."""
        return self._row(Table.VOUCHER, voucher_id, records.decode_voucher)

    def internals(self) -> dict[InternalKey, int]:
        """Return all internal balances; there are few."""
        return {
            records.internal_of(key): records.decode_internal(key, value)
            for key, value in self.scan(Table.INTERNAL)
        }

    def fee_schedules(self) -> FeeSchedules:
        """Return all versions of the fee schedule."""
        found: list[FeeSchedule] = []
        for key, value in self.scan(Table.CONFIG, start=records.FEES_PREFIX):
            if not key.startswith(records.FEES_PREFIX):
                break
            found.append(records.decode_fee_schedule(key, value))
        return FeeSchedules(tuple(found))

    def rail_key(self, key: str) -> Position | None:
        """Return whose rail key it is or was."""
        raw = key.encode("ascii", "replace")
        return self._row(Table.RAIL_KEY, raw, records.decode_rail_key)

    def evidence(self, id_: EvidenceId) -> EvidenceUse | None:
        """Return what an evidence id was used for."""
        key = records.evidence_key(id_)
        return self._row(Table.EVIDENCE, key, records.decode_evidence)

    def exception(self, position: Position) -> LedgerException | None:
        """Return an exception."""
        key = records.position_key(position)
        return self._row(Table.EXCEPTION, key, records.decode_exception)

    def ready(self, rail: int, index: int) -> tuple[int, ...]:
        """Return the payouts of one entry that a worker may take."""
        key = records.ready_key(rail, index)
        return self._row(Table.READY, key, records.decode_ready) or ()

    def catalogue(self) -> Catalogue:
        """Return all versions of rails and calendars, and what is suspended."""
        rails: dict[int, tuple[RailRecord, ...]] = {}
        calendars: dict[str, tuple[Calendar, ...]] = {}
        suspensions: dict[int, Suspension] = {}
        for key, value in self.scan(Table.CONFIG, start=records.CALENDAR_PREFIX):
            match records.decode_setting(key, value):
                case RailRecord() as rail:
                    rails[rail.number] = (*rails.get(rail.number, ()), rail)
                case Calendar() as calendar:
                    before = calendars.get(calendar.name, ())
                    calendars[calendar.name] = (*before, calendar)
                case Suspension() as suspension:
                    suspensions[suspension.rail] = suspension
                case FeeSchedule() | LimitSet() | RuleSet() | RoleSet() | CurrencySet():
                    pass
        return Catalogue(rails, calendars, suspensions)

    def policy(self) -> Policy:
        """Return all versions of what it holds. Others may hold the same object."""
        return _policy_of(
            tuple(self._under(Table.CONFIG, records.LIMITS_PREFIX)),
            tuple(self._under(Table.CONFIG, records.RULES_PREFIX)),
            tuple(self._under(Table.CONFIG, records.ROLES_PREFIX)),
            tuple(self._under(Table.CONFIG, records.CURRENCIES_PREFIX)),
        )

    def window(self, key: WindowKey) -> WindowUse:
        """Return what a window holds."""
        raw = records.window_key(key)
        return self._row(Table.WINDOW, raw, records.decode_window) or EMPTY

    def known_destination(self, key: KnownKey) -> Position | None:
        """Return the first payout seen to settle there."""
        raw = records.known_key(key)
        return self._row(Table.WINDOW, raw, records.decode_known)

    def frozen_accounts(self, owner_ref: str) -> int:
        """Return how many accounts of an owner are frozen."""
        raw = records.frozen_key(owner_ref)
        return self._row(Table.WINDOW, raw, records.decode_frozen) or 0

    def timers(self, due_us: int, limit: int) -> list[Timer]:
        """Return the first `limit` timers that are due at or before `due_us`, in order."""
        found: list[Timer] = []
        for key, value in self.scan(Table.TIMER):
            timer = records.timer_of(key, value)
            if timer.due_us > due_us or len(found) == limit:
                break
            found.append(timer)
        return found

    def event_seq(self) -> int:
        """Return the seq of the last event, 0 before the first."""
        key = records.META_EVENT_SEQ
        return self._row(Table.META, key, records.decode_event_seq) or 0

    def journal(self, position: EntryPosition) -> JournalEntry | None:
        """Return a journal entry."""
        return self._row(
            Table.JOURNAL, records.entry_key(position), records.decode_journal
        )

    def event(self, position: EntryPosition) -> Event | None:
        """Return the event at a position."""
        return self._row(Table.EVENT, records.entry_key(position), records.decode_event)

    def last_event(self) -> Event | None:
        """Return the event in the last place, None before the first."""
        with self._transaction.cursor(self._handles[Table.EVENT]) as cursor:
            if not cursor.last():
                return None
            return records.decode_event(cursor.key(), cursor.value())

    def has_internal(self, key: InternalKey) -> bool:
        """Return whether an internal account was ever posted to."""
        return self._get(Table.INTERNAL, records.internal_key(key)) is not None

    def account_mark(
        self, account_id: bytes, sequence: int
    ) -> tuple[EntryPosition, Balances] | None:
        """Return position and balances of an account's entry of this number, for every 64th."""
        key = records.account_mark_key(account_id, sequence)
        return self._row(Table.ACCOUNT_MARK, key, records.decode_account_mark)

    def event_seek(self, seq: int) -> EntryPosition | None:
        """Return where the event of this number stands, for every 1,024th."""
        return self._row(
            Table.EVENT_SEEK, records.seq_key(seq), records.decode_event_seek
        )

    def membership(self) -> Membership:
        """Return the membership in force; NOBODY before any entry set one."""
        row = self._get(Table.META, memberships.META_MEMBERSHIP)
        return NOBODY if row is None else memberships.decode_membership(row)

    def leaf(self, number: int) -> Leaf | None:
        """Return a leaf of the audit tree, by its number from 0."""
        return self._row(Table.TREE, leaves.tree_key(0, number), leaves.decode_leaf)

    def tree_node(self, level: int, number: int) -> bytes:
        """Return the root of a complete subtree. A missing one is a CorruptionError."""
        key = leaves.tree_key(level, number)
        if level:
            root = self._row(Table.TREE, key, leaves.decode_node)
        else:
            leaf = self.leaf(number)
            root = None if leaf is None else leaf_hash(leaves.leaf_bytes(leaf))
        if root is None:
            raise CorruptionError(
                f"state/, table {Table.TREE}, key {key.hex()}: no row"
            )
        return root

    def tree(self) -> Edge:
        """Return the edge of the audit tree: a leaf for each entry from its first to the last."""
        first, applied_last = self.leaf(0), self.applied()
        if first is None:
            if versions.has_audit_tree(applied_last.state_version):
                raise CorruptionError(
                    f"state/, table {Table.TREE}: no leaf, but state version "
                    f"{applied_last.state_version} is in force"
                )
            return NO_TREE
        size = applied_last.index - first.index + 1
        return Edge(
            first.index,
            size,
            tuple(
                TreeNode(level, number, self.tree_node(level, number))
                for level, number in edge_of(size)
            ),
        )

    def count(self, table: Table) -> int:
        """Return the number of rows of a table."""
        return self._transaction.stat(self._handles[table])["entries"]

    def scan(
        self, table: Table, *, start: bytes = b""
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows undecoded, in key order, from the first key at or above `start`."""
        try:
            with self._transaction.cursor(self._handles[table]) as cursor:
                if cursor.set_range(start) if start else cursor.first():
                    yield from cursor.iternext()
        except DAMAGE as error:
            raise CorruptionError(f"state/, table {table}: {error}") from error

    def scan_keys(self, table: Table, *, start: bytes = b"") -> Iterator[bytes]:
        """Yield keys in order, from the first at or above `start`; values are not read."""
        try:
            with self._transaction.cursor(self._handles[table]) as cursor:
                if cursor.set_range(start) if start else cursor.first():
                    yield from cursor.iternext(keys=True, values=False)
        except DAMAGE as error:
            raise CorruptionError(f"state/, table {table}: {error}") from error

    def _under(self, table: Table, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self.scan(table, start=prefix):
            if not key.startswith(prefix):
                return
            yield key, value

    def _row(
        self, table: Table, key: bytes, decode: Callable[[bytes, bytes], Row]
    ) -> Row | None:
        value = self._get(table, key)
        return None if value is None else decode(key, value)

    def _get(self, table: Table, key: bytes) -> bytes | None:
        try:
            return self._transaction.get(key, db=self._handles[table])
        except DAMAGE as error:
            raise CorruptionError(
                f"state/, table {table}, key {key.hex()}: {error}"
            ) from error


_Rows: TypeAlias = tuple[tuple[bytes, bytes], ...]


# Every quote and every row of a window asks for all versions there ever were. Equal rows with
# their checksums are the same settings, whichever transaction they were read in.
@lru_cache(maxsize=4)
def _policy_of(
    limits: _Rows,
    rules: _Rows,
    roles: _Rows,
    currencies: _Rows,
) -> Policy:
    return Policy(
        [records.decode_limits(key, value) for key, value in limits],
        [records.decode_rules(key, value) for key, value in rules],
        [records.decode_roles(key, value) for key, value in roles],
        [records.decode_currencies(key, value) for key, value in currencies],
    )
