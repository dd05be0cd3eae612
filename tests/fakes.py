"""Fakes shared by the tests: a ledger state over dicts of encoded rows.

`MemoryView` is a `LedgerView` whose only memory is the canonical bytes that `records` made:
every read decodes, so a decoder that loses something is found by every ledger test. Of settings,
equal rows are decoded once.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import starmap
from operator import lt
from typing import TypeAlias, TypeVar

from ledgerd.formats import records
from ledgerd.formats.records import Table, TableRows
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.accounts import Account, EntryPosition, InternalKey, Position
from ledgerd.ledger.apply import Applied, apply
from ledgerd.ledger.batch import PayoutColumns
from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue import Catalogue, Suspension
from ledgerd.ledger.commands import Command, Submit
from ledgerd.ledger.events import Event
from ledgerd.ledger.exceptions import EvidenceId, EvidenceUse, LedgerException
from ledgerd.ledger.fees import FeeSchedules
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.identity import IdKind, IdRecord, RequestRecord
from ledgerd.ledger.journal import JournalEntry
from ledgerd.ledger.payouts import PayoutHead, PayoutStatus
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.timers import Timer
from ledgerd.ledger.view import ExternalRef, KnownKey
from ledgerd.ledger.vouchers import Voucher
from ledgerd.ledger.windows import EMPTY, WindowKey, WindowUse

T = TypeVar("T")
K = TypeVar("K", bytes, Position)
_Rows: TypeAlias = tuple[tuple[bytes, bytes], ...]


class MemoryView:
    """State over dicts: one dict of key to value for each table."""

    def __init__(self) -> None:
        self.tables: dict[Table, dict[bytes, bytes]] = {table: {} for table in Table}
        self.largest = b""

    def write(self, tables: Sequence[TableRows]) -> None:
        """Put the rows of one entry, checking what storage relies on."""
        order = list(Table)
        # The tree's rows come last, wherever their table stands: they are made of the others.
        names = [rows.table for rows in tables if rows.table != Table.TREE]
        assert names == sorted(names, key=order.index)
        for table, rows, is_append in tables:
            keys = [key for key, _ in rows]
            assert keys == sorted(set(keys)), table
            stored = self.tables[table]
            if is_append and stored:
                assert keys[0] > next(reversed(stored)), table
            stored.update(rows)
            for key, value in rows:
                if value == records.DROPPED:
                    assert not is_append, table
                    stored.pop(key)
            if table == Table.ID:
                payouts = [key[:16] for key in keys if key[16] == IdKind.PAYOUT]
                self.largest = max([self.largest, *payouts])

    def accounts(self, account_ids: Sequence[bytes]) -> list[Account | None]:
        """`LedgerView.accounts`."""
        _check_sorted(account_ids)
        return [self.account(account_id) for account_id in account_ids]

    def largest_payout_id(self) -> bytes:
        """`LedgerView.largest_payout_id`."""
        return self.largest

    def ids(self, kind: IdKind, ids: Sequence[bytes]) -> list[IdRecord | None]:
        """`LedgerView.ids`."""
        _check_sorted(ids)
        return [
            self._read(Table.ID, records.id_key(kind, id_), records.decode_id)
            for id_ in ids
        ]

    def payouts(self, positions: Sequence[Position]) -> list[PayoutHead]:
        """`LedgerView.payouts`."""
        _check_sorted(positions)
        heads = [
            self._read(
                Table.PAYOUT, records.position_key(position), records.decode_payout
            )
            for position in positions
        ]
        return [head for head in heads if head is not None]

    def payouts_after(self, position: Position, limit: int) -> list[PayoutHead]:
        """`LedgerView.payouts_after`."""
        heads = [
            records.decode_payout(key, value)
            for key, value in self.tables[Table.PAYOUT].items()
        ]
        return [head for head in heads if head.position > position][:limit]

    def payout_statuses(
        self, positions: Sequence[Position]
    ) -> list[PayoutStatus | None]:
        """`LedgerView.payout_statuses`."""
        _check_sorted(positions)
        return [
            self._read(
                Table.PAYOUT_STATE,
                records.position_key(position),
                records.decode_payout_status,
            )
            for position in positions
        ]

    def requests(self, request_ids: Sequence[bytes]) -> list[RequestRecord | None]:
        """`LedgerView.requests`."""
        _check_sorted(request_ids)
        return [
            self._read(Table.REQUEST, request_id, records.decode_request)
            for request_id in request_ids
        ]

    def external_refs(self, refs: Sequence[ExternalRef]) -> list[Position | None]:
        """`LedgerView.external_refs`."""
        return [
            self._read(
                Table.EVIDENCE,
                records.external_ref_key(ref),
                records.decode_external_ref,
            )
            for ref in refs
        ]

    def entry(self, position: EntryPosition) -> JournalEntry | None:
        """`LedgerView.entry`."""
        return self._read(
            Table.JOURNAL, records.entry_key(position), records.decode_journal
        )

    def reversed_minor(self, ref: ExternalRef) -> int:
        """`LedgerView.reversed_minor`."""
        key = records.reversal_key(ref)
        return self._read(Table.REVERSAL, key, records.decode_reversal) or 0

    def payouts_under_way(self, account_id: bytes) -> int:
        """`LedgerView.payouts_under_way`."""
        return self._read(Table.UNDER_WAY, account_id, records.decode_under_way) or 0

    def hold(self, position: Position) -> Hold | None:
        """`LedgerView.hold`."""
        key = records.position_key(position)
        return self._read(Table.HOLD, key, records.decode_hold)

    def voucher(self, voucher_id: bytes) -> Voucher | None:
        """`LedgerView.voucher`."""
        return self._read(Table.VOUCHER, voucher_id, records.decode_voucher)

    def internals(self, keys: Sequence[InternalKey]) -> list[int]:
        """`LedgerView.internals`."""
        return [
            self._read(
                Table.INTERNAL, records.internal_key(key), records.decode_internal
            )
            or 0
            for key in keys
        ]

    def fee_schedules(self) -> FeeSchedules:
        """`LedgerView.fee_schedules`."""
        return _fee_schedules_of(self._settings())

    def catalogue(self) -> Catalogue:
        """`LedgerView.catalogue`."""
        return _catalogue_of(self._settings())

    def policy(self) -> Policy:
        """`LedgerView.policy`."""
        return _policy_of(self._settings())

    def window(self, key: WindowKey) -> WindowUse:
        """`LedgerView.window`."""
        raw = records.window_key(key)
        return self._read(Table.WINDOW, raw, records.decode_window) or EMPTY

    def known_destination(self, key: KnownKey) -> Position | None:
        """`LedgerView.known_destination`."""
        raw = records.known_key(key)
        return self._read(Table.WINDOW, raw, records.decode_known)

    def frozen_accounts(self, owner_ref: str) -> int:
        """`LedgerView.frozen_accounts`."""
        raw = records.frozen_key(owner_ref)
        return self._read(Table.WINDOW, raw, records.decode_frozen) or 0

    def rail_key(self, key: str) -> Position | None:
        """`LedgerView.rail_key`."""
        return self._read(Table.RAIL_KEY, key.encode(), records.decode_rail_key)

    def evidence(self, id_: EvidenceId) -> EvidenceUse | None:
        """`LedgerView.evidence`."""
        return self._read(
            Table.EVIDENCE, records.evidence_key(id_), records.decode_evidence
        )

    def exception(self, position: Position) -> LedgerException | None:
        """`LedgerView.exception`."""
        return self._read(
            Table.EXCEPTION, records.position_key(position), records.decode_exception
        )

    def ready(self, rail: int, index: int) -> tuple[int, ...]:
        """`LedgerView.ready`."""
        key = records.ready_key(rail, index)
        return self._read(Table.READY, key, records.decode_ready) or ()

    def timers(self, due_us: int, limit: int) -> list[Timer]:
        """`LedgerView.timers`."""
        timers = [
            records.timer_of(key, value)
            for key, value in sorted(self.tables[Table.TIMER].items())
        ]
        return [timer for timer in timers if timer.due_us <= due_us][:limit]

    def event_seq(self) -> int:
        """`LedgerView.event_seq`."""
        return (
            self._read(Table.META, records.META_EVENT_SEQ, records.decode_event_seq)
            or 0
        )

    # What tests ask beside

    def account(self, account_id: bytes) -> Account | None:
        """One account."""
        return self._read(Table.ACCOUNT, account_id, records.decode_account)

    def all_accounts(self) -> list[Account]:
        """Every account, by id."""
        return [
            records.decode_account(key, value)
            for key, value in sorted(self.tables[Table.ACCOUNT].items())
        ]

    def journal(self) -> list[JournalEntry]:
        """Every journal entry, in order."""
        return [
            records.decode_journal(key, value)
            for key, value in self.tables[Table.JOURNAL].items()
        ]

    def events(self) -> list[Event]:
        """Every event, in order."""
        return [
            records.decode_event(key, value)
            for key, value in self.tables[Table.EVENT].items()
        ]

    def all_payouts(self) -> list[tuple[PayoutHead, PayoutStatus | None]]:
        """Every payout with its status, in order."""
        heads = [
            records.decode_payout(key, value)
            for key, value in self.tables[Table.PAYOUT].items()
        ]
        return [(head, self.payout_statuses([head.position])[0]) for head in heads]

    def all_holds(self) -> list[Hold]:
        """Every hold, in order."""
        return [
            records.decode_hold(key, value)
            for key, value in self.tables[Table.HOLD].items()
        ]

    def all_under_way(self) -> dict[bytes, int]:
        """How many payouts are under way, by account."""
        return {
            key: records.decode_under_way(key, value)
            for key, value in self.tables[Table.UNDER_WAY].items()
        }

    def all_windows(self) -> dict[WindowKey, WindowUse]:
        """Every window."""
        return {
            records.window_of(key): records.decode_window(key, value)
            for key, value in sorted(self.tables[Table.WINDOW].items())
            if key[:1] not in (records.KNOWN_PREFIX, records.FROZEN_PREFIX)
        }

    def all_internals(self) -> list[tuple[InternalKey, int]]:
        """Every internal account's balance."""
        return [
            (records.internal_of(key), records.decode_internal(key, value))
            for key, value in sorted(self.tables[Table.INTERNAL].items())
        ]

    def _settings(self) -> _Rows:
        return tuple(sorted(self.tables[Table.CONFIG].items()))

    def _read(
        self, table: Table, key: bytes, decode: Callable[[bytes, bytes], T]
    ) -> T | None:
        value = self.tables[table].get(key)
        return None if value is None else decode(key, value)


# Every command asks for all settings there ever were. They are made of the bytes alone and never
# changed, so equal rows are decoded once, as `storage.tables` does with policies.


@lru_cache(maxsize=64)
def _fee_schedules_of(rows: _Rows) -> FeeSchedules:
    return FeeSchedules(
        tuple(
            records.decode_fee_schedule(key, value)
            for key, value in rows
            if key.startswith(records.FEES_PREFIX)
        )
    )


@lru_cache(maxsize=64)
def _catalogue_of(rows: _Rows) -> Catalogue:
    rails: dict[int, tuple[RailRecord, ...]] = {}
    calendars: dict[str, tuple[Calendar, ...]] = {}
    suspensions: dict[int, Suspension] = {}
    for found in starmap(records.decode_setting, rows):
        if isinstance(found, RailRecord):
            rails[found.number] = (*rails.get(found.number, ()), found)
        elif isinstance(found, Calendar):
            calendars[found.name] = (*calendars.get(found.name, ()), found)
        elif isinstance(found, Suspension):
            suspensions[found.rail] = found
    return Catalogue(rails, calendars, suspensions)


@lru_cache(maxsize=64)
def _policy_of(rows: _Rows) -> Policy:
    return Policy(
        [
            records.decode_limits(key, value)
            for key, value in rows
            if key.startswith(records.LIMITS_PREFIX)
        ],
        [
            records.decode_rules(key, value)
            for key, value in rows
            if key.startswith(records.RULES_PREFIX)
        ],
        [
            records.decode_roles(key, value)
            for key, value in rows
            if key.startswith(records.ROLES_PREFIX)
        ],
        [
            records.decode_currencies(key, value)
            for key, value in rows
            if key.startswith(records.CURRENCIES_PREFIX)
        ],
    )


class MemoryLedger:
    """A ledger in memory: entries go in one by one, at index 1, 2, 3 and on.

    rows: what the last entry wrote.
    """

    def __init__(self, ts_us: int = 1_760_000_000_000_000) -> None:
        self.view = MemoryView()
        self.index = 0
        self.ts_us = ts_us
        self.state_version = STATE_VERSION
        self.rows: list[TableRows] = []

    def do(self, work: PayoutColumns | Sequence[Command | Submit]) -> Applied:
        """Apply one entry through its canonical rows; return what it did."""
        self.index += 1
        self.ts_us += 1_000
        applied = apply(
            self.view,
            index=self.index,
            ts_us=self.ts_us,
            state_version=self.state_version,
            work=work,
        )
        self.rows = records.encode_writes(applied.writes)
        self.view.write(self.rows)
        return applied


def _check_sorted(keys: Sequence[K]) -> None:
    assert all(map(lt, keys, keys[1:])), keys
