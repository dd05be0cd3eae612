"""The canonical rows of the state environment: what is stored, hashed and compared.

Keys are fixed-width and big-endian, so that the order of bytes is the order of meaning.
Every value begins with the version of its layout, one byte, and ends with a CRC32C over
all bytes before it, four bytes: rot is found when it is read, and the message names table
and key. Where no other row leads to a key (ids, requests, references of banks and rails) the
CRC32C is over the value and then the key, from layout 2 on. Numbers are big-endian; texts
are UTF-8 behind their length. Layouts stand at the functions that write them; golden bytes
of each are kept with the tests. A layout is never changed: a new one gets the next version
byte, and the decoder reads both.

    table         key                                   value
    payout        index u64, ordinal u16                PayoutHead
    payout_state  the same                              PayoutStatus
    journal       index u64, ordinal u16, n u16         JournalEntry
    event         the same                              Event
    event_seek    seq u64, every 1,024th                its EntryPosition
    account       account id                            Account
    account_mark  account id, sequence u64, every 64th  EntryPosition and Balances then
    internal      livemode u8, currency u16, kind u8,   balance
                  subject
    id            id, IdKind u8                         IdRecord
    request       request id                            RequestRecord
    evidence      1, length of bank u8, bank, reference Position of its command
                  2, rail u16, trigger u8, reference    EvidenceUse
    reversal      length of bank u8, bank, reference    how much of a Fund was reversed
    under_way     account id                            how many of its payouts are under way
    hold          index u64, ordinal u16                Hold, formats/holds
    voucher       request id of its call                Voucher, formats/vouchers
    config        1, effective from u64, version u32    FeeSchedule
    rail_key      15 characters                         Position of its payout
    exception     index u64, ordinal u16                LedgerException, formats/lifecycle
    ready         rail u16, index u64                   ordinals u16 of its payouts that a
                                                        worker may take
                  b"R", rail u16, version u32           RailRecord, formats/rail_records
                  b"C", name, 0 u8, version u32         Calendar, formats/rail_records
                  b"S", rail u16                        Suspension
                  b"L", version u32                     LimitSet, formats/risk_records
                  b"V", version u32                     RuleSet, formats/risk_records
    window        LimitKind u8, livemode u8, currency   WindowUse, formats/risk_records
                  u16, window u64, since u64, subject
                  16, account id, fingerprint           Position of the first payout that
                                                        was seen to settle there
                  17, owner reference                   how many of its accounts are frozen
    timer         due u64, index u64, ordinal u16,      none
                  TimerKind u8
    meta          b"ledger/event_seq"                   seq of the last event
                  b"cluster/membership"                 the membership, formats/memberships
    payout_past   index, ordinal and n of the change,   PayoutStatus before the change; none
                  then the key of the payout            before its first
    tree          level u8, number u64                  leaves and nodes, formats/leaves

An empty value drops the row of its key: no value is empty, for all are sealed.

Rows of accepted submits are laid out straight from columns; they are the same bytes as
the rows of the same payouts laid out one by one, which a property test compares.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from operator import add
from struct import Struct, pack
from struct import error as StructError
from sys import byteorder
from typing import Final, NamedTuple, TypeAlias, TypeVar, assert_never

from google_crc32c import value as crc32c

from ledgerd.errors import CorruptionError
from ledgerd.formats import holds, lifecycle, rail_records, risk_records, vouchers
from ledgerd.formats.rail_records import encode_calendar, encode_rail
from ledgerd.ledger.accounts import (
    Account,
    AccountKind,
    AccountStatus,
    Balances,
    Book,
    EntryPosition,
    InternalKey,
    LedgerAccount,
    Position,
    Side,
)
from ledgerd.ledger.batch import PayoutColumns
from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue import Suspension
from ledgerd.ledger.commands import FeeRule, Refund
from ledgerd.ledger.events import AccountAfter, Event, EventKind
from ledgerd.ledger.exceptions import EvidenceId, EvidenceUse, LedgerException
from ledgerd.ledger.fees import QUOTE_VALID_US_DEFAULT, FeeSchedule
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.identity import CallKind, IdKind, IdRecord, RequestRecord
from ledgerd.ledger.journal import (
    EntryReason,
    JournalEntry,
    Leg,
    Touched,
    imbalance,
)
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.ledger.payouts import PayoutHead, PayoutState, PayoutStatus
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.risk import LimitKind, LimitSet, RuleSet
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.ledger.view import AcceptedSubmits, ExternalRef, KnownKey, Writes
from ledgerd.ledger.vouchers import Voucher
from ledgerd.ledger.windows import WindowKey, WindowUse

EVENT_SEEK_EVERY: Final = 1024
ACCOUNT_MARK_EVERY: Final = 64
META_EVENT_SEQ: Final = b"ledger/event_seq"
FEES_PREFIX: Final = b"\x01"
CALENDAR_PREFIX: Final = b"C"
RAIL_PREFIX: Final = b"R"
SUSPENSION_PREFIX: Final = b"S"
LIMITS_PREFIX: Final = b"L"
RULES_PREFIX: Final = b"V"
KNOWN_PREFIX: Final = b"\x10"
FROZEN_PREFIX: Final = b"\x11"
EVIDENCE_PREFIX: Final = b"\x02"

T = TypeVar("T")
Row = tuple[bytes, bytes]
Setting: TypeAlias = (
    FeeSchedule | RailRecord | Calendar | Suspension | LimitSet | RuleSet
)


class Table(StrEnum):
    """The tables of the state environment, in the order in which rows are digested.

    But for TREE: its rows are made of those of the others, so they stand last whatever comes.
    """

    PAYOUT = "payout"
    PAYOUT_STATE = "payout_state"
    JOURNAL = "journal"
    EVENT = "event"
    EVENT_SEEK = "event_seek"
    ACCOUNT = "account"
    ACCOUNT_MARK = "account_mark"
    INTERNAL = "internal"
    ID = "id"
    REQUEST = "request"
    EVIDENCE = "evidence"
    CONFIG = "config"
    META = "meta"
    PAYOUT_PAST = "payout_past"
    TREE = "tree"
    REVERSAL = "reversal"
    HOLD = "hold"
    VOUCHER = "voucher"
    TIMER = "timer"
    RAIL_KEY = "rail_key"
    EXCEPTION = "exception"
    READY = "ready"
    UNDER_WAY = "under_way"
    WINDOW = "window"


# Tables whose new keys are above all their old ones.
APPEND_TABLES: Final = frozenset(
    {
        Table.PAYOUT,
        Table.PAYOUT_PAST,
        Table.JOURNAL,
        Table.EVENT,
        Table.EVENT_SEEK,
    }
)


DROPPED: Final = b""  # in the place of a value: the row goes


class TableRows(NamedTuple):
    """Rows for one table, sorted by key, keys unique. is_append: see APPEND_TABLES.

    A row whose value is DROPPED takes the stored one away; append tables have none.
    """

    table: Table
    rows: list[Row]
    is_append: bool


_VERSION: Final = 1  # of every layout below that has only one
# The newest layout of the others; older ones are read for ever.
_KEYED: Final = 2  # the layout from which on the checksum covers the key too, of these:
_KEYED_TABLES: Final = frozenset(
    {Table.ID, Table.REQUEST, Table.EVIDENCE, Table.RAIL_KEY}
)
_NEWEST: Final = {
    **dict.fromkeys(_KEYED_TABLES, _KEYED),
    Table.PAYOUT: 2,
    Table.ACCOUNT: 2,
    Table.CONFIG: 2,
    Table.PAYOUT_STATE: lifecycle.STATUS_LAYOUT,
    Table.PAYOUT_PAST: lifecycle.STATUS_LAYOUT,
}
_WITH_CLASS: Final = 2  # of accounts
_WITH_TERMS: Final = 2  # of fee schedules
_CRC_BYTES: Final = 4
_CRC: Final = Struct(">I")
_BYTE: Final = [bytes((byte,)) for byte in range(256)]
_POSITION: Final = Struct(">QH")
_ENTRY: Final = Struct(">QHH")
_PAST_KEY: Final = Struct(">QHHQH")
_ORDINAL: Final = Struct(">H")
_SEQ: Final = Struct(">Q")
_MARK_KEY: Final = Struct(">16sQ")
_INTERNAL_KEY: Final = Struct(">BHB")
_READY_KEY: Final = Struct(">HQ")
_EVIDENCE_KEY: Final = Struct(">BHB")
_EVIDENCE_USE: Final = Struct(">BQHQHq")
_TIMER_KEY: Final = Struct(">QQHB")
_FEES_KEY: Final = Struct(">BQI")
_RAIL_KEY: Final = Struct(">BHI")
_CALENDAR_VERSION: Final = Struct(">I")
_SUSPENSION_KEY: Final = Struct(">BH")
_SET_KEY: Final = Struct(">BI")
_WINDOW_KEY: Final = Struct(">BBHQQ")
_KNOWN_KEY: Final = Struct(">B16s16s")
_SUSPENSION: Final = Struct(">BHBQBB")

_PAYOUT: Final = Struct(">B16s16sqHHHqqBB")
_RELEASE: Final = Struct(">q")
_STATUS: Final = Struct(">BBIQHHqqqq")
_JOURNAL: Final = Struct(">BBBHBB")
_TOUCHED: Final = Struct(">16sQqqqqqQHH")
_LEG: Final = Struct(">BBBq")
_EVENT: Final = Struct(">BBQq16sBBHqqB")
_AFTER: Final = Struct(">16sqqqqq")
_SEEK: Final = Struct(">BQHH")
_ACCOUNT: Final = Struct(">BHBBqQHqqqqqqQQHHBB")
_ACCOUNT_MARK: Final = Struct(">BQHHqqqqq")
_INTERNAL: Final = Struct(">Bq")
_ID: Final = Struct(">BBQH")
_ID_REFUSED: Final = Struct(">q16s")
_REQUEST: Final = Struct(">BBQHqBQHB")
_EVIDENCE: Final = Struct(">BQH")
_REVERSAL: Final = Struct(">Bq")
_UNDER_WAY: Final = Struct(">BI")
_FEES: Final = Struct(">BIqHH")
_FEE_RULE: Final = Struct(">HHqHqq")
_FEES_TERMS: Final = Struct(">BqB")
_META_SEQ: Final = Struct(">BQ")
_RETRY: Final = Struct(">IQHqBqBB")

_NO_SUBJECT: Final = 0xFF

# The same layouts with what is constant for all rows of an account already packed.
_SUBMIT_JOURNAL: Final = Struct(">23sQqq24sQHH3sq3sq")
_SUBMIT_EVENT: Final = Struct(">2sQq16s4sqq17sqq24s")
_EVENT_STATES: Final = Struct(">BBH")
_THREE: Final = Struct(">qqq")
assert _SUBMIT_JOURNAL.size == _JOURNAL.size + _TOUCHED.size + 2 * _LEG.size
assert _SUBMIT_EVENT.size == _EVENT.size + _AFTER.size


# Keys


def position_key(position: Position) -> bytes:
    """Return the key of a payout, and of its status."""
    return _POSITION.pack(*position)


def position_of(key: bytes) -> Position:
    """Return the position in a key of `payout` or `payout_state`."""
    index, ordinal = _key(_POSITION, key, "a position")
    return index, ordinal


def payout_past_key(change: EntryPosition, payout: Position) -> bytes:
    """Return the key of what a payout was before one of its changes."""
    return _PAST_KEY.pack(*change, *payout)


def payout_past_of(key: bytes) -> tuple[EntryPosition, Position]:
    """Return the position of the change, and of the payout, in a key of `payout_past`."""
    index, ordinal, n, *payout = _key(_PAST_KEY, key, "a change of a payout")
    return (index, ordinal, n), (payout[0], payout[1])


def entry_key(position: EntryPosition) -> bytes:
    """Return the key of a journal entry or an event."""
    return _ENTRY.pack(*position)


def entry_position_of(key: bytes) -> EntryPosition:
    """Return the position in a key of `journal` or `event`."""
    index, ordinal, n = _key(_ENTRY, key, "an entry position")
    return index, ordinal, n


def seq_key(seq: int) -> bytes:
    """Return the key of `event_seek`."""
    return _SEQ.pack(seq)


def account_mark_key(account_id: bytes, sequence: int) -> bytes:
    """Return the key of `account_mark`."""
    return _MARK_KEY.pack(account_id, sequence)


def account_mark_of(key: bytes) -> tuple[bytes, int]:
    """Return the account id and the sequence in a key of `account_mark`."""
    account_id, sequence = _MARK_KEY.unpack(key)
    return account_id, sequence


def internal_key(key: InternalKey) -> bytes:
    """Return the key of an internal account's balance."""
    book, account = key
    return (
        _INTERNAL_KEY.pack(book.livemode, book.currency, account.kind) + account.subject
    )


def internal_of(key: bytes) -> InternalKey:
    """Return which internal account a key names."""
    livemode, currency, kind = _key(
        _INTERNAL_KEY, key[: _INTERNAL_KEY.size], "an internal account"
    )
    subject = bytes(key[_INTERNAL_KEY.size :])
    try:
        account = LedgerAccount(AccountKind(kind), subject)
    except ValueError as exc:
        raise CorruptionError(f"table internal, key {key.hex()}: {exc}") from exc
    return InternalKey(Book(bool(livemode), currency), account)


def id_key(kind: IdKind, id_: bytes) -> bytes:
    """Return the key of what is kept of an id. Near-append: ids rise with time."""
    return id_ + _BYTE[kind]


def external_ref_key(ref: ExternalRef) -> bytes:
    """Return the key of a bank's reference."""
    return b"\x01" + _BYTE[len(ref.bank)] + ref.bank + ref.reference


def reversal_key(ref: ExternalRef) -> bytes:
    """Return the key of what was reversed of a Fund."""
    return _BYTE[len(ref.bank)] + ref.bank + ref.reference


def reversal_of(key: bytes) -> ExternalRef:
    """Return the bank and the reference in a key of `reversal`."""
    bank_end = 1 + key[0]
    return ExternalRef(bytes(key[1:bank_end]), bytes(key[bank_end:]))


def fee_schedule_key(effective_from_us: int, version: int) -> bytes:
    """Return the key of a fee schedule; the last one with FEES_PREFIX is in force."""
    return _FEES_KEY.pack(FEES_PREFIX[0], effective_from_us, version)


def timer_key(timer: Timer) -> bytes:
    """Return the key of a timer: the first key is the first due."""
    return _TIMER_KEY.pack(timer.due_us, *timer.position, timer.kind)


def timer_of(key: bytes, value: bytes) -> Timer:
    """Return the timer that a row stands for. Layout of the value: version."""

    def read(body: bytes) -> Timer:
        _expect_size(body, 1)
        due_us, index, ordinal, kind = _key(_TIMER_KEY, key, "a timer")
        return Timer(due_us, (index, ordinal), TimerKind(kind))

    return _opened(Table.TIMER, key, value, read)


def evidence_key(id_: EvidenceId) -> bytes:
    """Return the key of what a rail told."""
    head = _EVIDENCE_KEY.pack(EVIDENCE_PREFIX[0], id_.rail, id_.trigger)
    return head + id_.reference


def ready_key(rail: int, index: int) -> bytes:
    """Return the key of the payouts of one entry that a worker may take."""
    return _READY_KEY.pack(rail, index)


def ready_of(key: bytes) -> tuple[int, int]:
    """Return rail and index in a key of `ready`."""
    rail, index = _key(_READY_KEY, key, "payouts that are ready")
    return rail, index


# All rows of one entry


def encode_writes(writes: Writes, *, covers_keys: bool = False) -> list[TableRows]:
    """Return the canonical rows of one entry: only tables that have some, in order.

    covers_keys: whether checksums cover the keys that no other row leads to, which the state
    version in force decides (formats/versions).
    """
    layout = _KEYED if covers_keys else _VERSION
    tables: dict[Table, list[Row]] = {table: [] for table in Table}
    for head in writes.payouts:
        tables[Table.PAYOUT].append(_payout_row(head))
    for position, status in writes.payout_statuses:
        tables[Table.PAYOUT_STATE].append(_status_row(position, status))
    for entry in writes.journal:
        tables[Table.JOURNAL].append(_journal_row(entry))
        tables[Table.ACCOUNT_MARK] += _mark_rows(entry)
    for event in writes.events:
        tables[Table.EVENT].append(_event_row(event))
        if event.seq % EVENT_SEEK_EVERY == 0:
            tables[Table.EVENT_SEEK].append(_seek_row(event.seq, event.position))
    for kind, id_, record in writes.ids:
        tables[Table.ID].append(_id_row(kind, id_, record, layout))
    if writes.submits is not None:
        _add_submits(tables, writes.submits, layout)
        tables[Table.ID].sort()
    tables[Table.ACCOUNT] += map(_account_row, writes.accounts)
    tables[Table.ACCOUNT_MARK].sort()
    for internal, balance_minor in writes.internals:
        value = _sealed(_INTERNAL.pack(_VERSION, balance_minor))
        tables[Table.INTERNAL].append((internal_key(internal), value))
    tables[Table.INTERNAL].sort()
    for request_id, request in writes.requests:
        tables[Table.REQUEST].append(_request_row(request_id, request, layout))
    for ref, position in writes.external_refs:
        body = _EVIDENCE.pack(layout, *position)
        tables[Table.EVIDENCE].append(_sealed_row(external_ref_key(ref), body))
    tables[Table.EVIDENCE].sort()
    tables[Table.CONFIG] += map(_fees_row, writes.fee_schedules)
    tables[Table.CONFIG] += sorted(
        [
            *map(_rail_row, writes.rails),
            *map(_calendar_row, writes.calendars),
            *map(_suspension_row, writes.suspensions),
            *map(_limits_row, writes.limits),
            *map(_rules_row, writes.rules),
        ]
    )
    tables[Table.WINDOW] += sorted(
        [
            *(_window_row(key, use) for key, use in writes.windows),
            *(_known_row(key, at) for key, at in writes.known_destinations),
            *(_frozen_row(owner, count) for owner, count in writes.frozen_owners),
        ]
    )
    for ref, reversed_minor in writes.reversals:
        value = _sealed(_REVERSAL.pack(_VERSION, reversed_minor))
        tables[Table.REVERSAL].append((reversal_key(ref), value))
    tables[Table.REVERSAL].sort()
    for account_id, count in writes.under_way:
        value = _sealed(_UNDER_WAY.pack(_VERSION, count))
        tables[Table.UNDER_WAY].append((account_id, value))
    for hold in writes.holds:
        value = _sealed(holds.pack(hold))
        tables[Table.HOLD].append((position_key(hold.position), value))
    for voucher in writes.vouchers:
        value = _sealed(vouchers.pack(voucher))
        tables[Table.VOUCHER].append((voucher.voucher_id, value))
    for fact, use in writes.evidence:
        body = _EVIDENCE_USE.pack(layout, *use.command, *use.payout, use.amount_minor)
        tables[Table.EVIDENCE].append(_sealed_row(evidence_key(fact), body))
    tables[Table.EVIDENCE].sort()
    for rail_key, position in writes.rail_keys:
        body = _EVIDENCE.pack(layout, *position)
        tables[Table.RAIL_KEY].append(_sealed_row(rail_key.encode("ascii"), body))
    for exception in writes.exceptions:
        body = lifecycle.pack_exception(exception)
        key = position_key(exception.position)
        tables[Table.EXCEPTION].append((key, _sealed(body)))
    for rail, index, ready in writes.ready:
        body = pack(f">B{len(ready)}H", _VERSION, *ready)
        row = (ready_key(rail, index), _sealed(body) if ready else DROPPED)
        tables[Table.READY].append(row)
    for timer, is_kept in writes.timers:
        value = _sealed(_BYTE[_VERSION]) if is_kept else DROPPED
        tables[Table.TIMER].append((timer_key(timer), value))
    if writes.event_seq is not None:
        value = _sealed(_META_SEQ.pack(_VERSION, writes.event_seq))
        tables[Table.META].append((META_EVENT_SEQ, value))
    for change, payout, before in writes.payout_pasts:
        _, value = _status_row(payout, before)
        tables[Table.PAYOUT_PAST].append((payout_past_key(change, payout), value))
    return [
        TableRows(table, rows, table in APPEND_TABLES)
        for table, rows in tables.items()
        if rows
    ]


def encode_outcomes(outcomes: Outcomes) -> bytes:
    """Return the canonical bytes of the answers of one entry, for the digest.

    Layout: count u32; codes; fees i64 each; states; then by row, for retries, row u32,
    index u64, ordinal u16, ts i64, state u8, fee i64, same u8, names u8, and each name
    with its length u8.
    """
    fees_minor = array("q", outcomes.fees_minor)
    if byteorder == "little":
        fees_minor.byteswap()
    parts = [
        len(outcomes).to_bytes(4, "big"),
        bytes(outcomes.codes),
        fees_minor.tobytes(),
        bytes(outcomes.states),
    ]
    for row in sorted(outcomes.retries):
        retry = outcomes.retries[row]
        parts.append(
            _RETRY.pack(
                row,
                retry.index,
                retry.ordinal,
                retry.ts_us,
                retry.state,
                retry.fee_minor,
                retry.same_request,
                len(retry.differing),
            )
        )
        parts += (_short_text(name) for name in retry.differing)
    return b"".join(parts)


# payout: version, payout id, account id, amount, currency, rail, length of details u16,
# fee, ts, state, length of principal u8; in layout 2 the time of release i64; details;
# principal. Only a scheduled payout has layout 2.


def _payout_row(head: PayoutHead) -> Row:
    principal = head.principal.encode()
    fixed = _PAYOUT.pack(
        2 if head.release_at_us else _VERSION,
        head.payout_id,
        head.account_id,
        head.amount_minor,
        head.currency,
        head.rail,
        len(head.details),
        head.fee_minor,
        head.ts_us,
        head.state,
        len(principal),
    )
    if head.release_at_us:
        fixed += _RELEASE.pack(head.release_at_us)
    return _POSITION.pack(*head.position), _sealed(fixed + head.details + principal)


def decode_payout(key: bytes, value: bytes) -> PayoutHead:
    """Return the immutable head of a payout."""

    def read(body: bytes) -> PayoutHead:
        (
            layout,
            payout_id,
            account_id,
            amount_minor,
            currency,
            rail,
            details_bytes,
            fee_minor,
            ts_us,
            state,
            principal_bytes,
        ) = _PAYOUT.unpack_from(body)
        start = _PAYOUT.size
        release_at_us = 0
        if layout > 1:
            (release_at_us,) = _RELEASE.unpack_from(body, start)
            start += _RELEASE.size
        middle = start + details_bytes
        _expect_size(body, middle + principal_bytes)
        return PayoutHead(
            payout_id,
            account_id,
            amount_minor,
            currency,
            rail,
            body[start:middle],
            position_of(key),
            ts_us,
            fee_minor,
            PayoutState(state),
            body[middle:].decode(),
            release_at_us,
        )

    return _opened(Table.PAYOUT, key, value, read)


# payout_state of layout 1: version, state, sequence u32, last entry, ts, returned, reversed,
# absorbed. Of layout 2: formats/lifecycle.


def _status_row(position: Position, status: PayoutStatus) -> Row:
    if not lifecycle.is_plain(status):
        return _POSITION.pack(*position), _sealed(lifecycle.pack_status(status))
    value = _STATUS.pack(
        _VERSION,
        status.state,
        status.sequence,
        *status.last_entry,
        status.ts_us,
        status.returned_minor,
        status.reversed_minor,
        status.absorbed_minor,
    )
    return _POSITION.pack(*position), _sealed(value)


def decode_payout_status(key: bytes, value: bytes) -> PayoutStatus:
    """Return what changed since the payout was made."""
    return _opened(Table.PAYOUT_STATE, key, value, _read_status)


def _read_status(body: bytes) -> PayoutStatus:
    if body[0] == lifecycle.STATUS_LAYOUT:
        return lifecycle.unpack_status(body)
    _, state, sequence, index, ordinal, n, ts_us, *parts = _STATUS.unpack(body)
    return PayoutStatus(
        PayoutState(state), sequence, (index, ordinal, n), ts_us, *parts
    )


# payout_past: as payout_state.


def decode_payout_past(key: bytes, value: bytes) -> PayoutStatus:
    """Return what a payout was before the change that the key names."""
    change, _ = payout_past_of(key)

    def read(body: bytes) -> PayoutStatus:
        status = _read_status(body)
        if status.last_entry >= change:
            raise ValueError(f"expected a change before it, found {status.last_entry}")
        return status

    return _opened(Table.PAYOUT_PAST, key, value, read)


# journal: version, reason, livemode, currency, number of customer accounts u8, number of
# legs u8; per customer account its id, sequence, five balances after, previous entry; per
# leg its kind, subject u8, side, amount; then the names of internal subjects, each behind
# its length u8. A leg's subject is a number of a customer account or, for internal
# accounts, of a name; 255 where the kind has no subject.


def _journal_row(entry: JournalEntry) -> Row:
    customers = {touched.account_id: n for n, touched in enumerate(entry.touched)}
    names: dict[bytes, int] = {}
    parts = [
        _JOURNAL.pack(
            _VERSION,
            entry.reason,
            entry.book.livemode,
            entry.book.currency,
            len(entry.touched),
            len(entry.legs),
        )
    ]
    parts += (
        _TOUCHED.pack(
            touched.account_id, touched.sequence, *touched.balances, *touched.previous
        )
        for touched in entry.touched
    )
    for leg in entry.legs:
        kind, subject = leg.account
        if leg.account.is_customer:
            number = customers[subject]
        elif subject:
            number = names.setdefault(subject, len(names))
        else:
            number = _NO_SUBJECT
        parts.append(_LEG.pack(kind, number, leg.side, leg.amount_minor))
    parts += (_BYTE[len(name)] + name for name in names)
    return _ENTRY.pack(*entry.position), _sealed(b"".join(parts))


def decode_journal(key: bytes, value: bytes) -> JournalEntry:
    """Return a journal entry with its legs. Its I1 is checked again here."""

    def read(body: bytes) -> JournalEntry:
        _, reason, livemode, currency, touched_count, leg_count = _JOURNAL.unpack_from(
            body
        )
        at = _JOURNAL.size
        touched: list[Touched] = []
        for _ in range(touched_count):
            account_id, sequence, *rest = _TOUCHED.unpack_from(body, at)
            at += _TOUCHED.size
            index, ordinal, n = rest[5:]
            touched.append(
                Touched(account_id, sequence, Balances(*rest[:5]), (index, ordinal, n))
            )
        raw_legs = [
            _LEG.unpack_from(body, at + leg * _LEG.size) for leg in range(leg_count)
        ]
        at += leg_count * _LEG.size
        names: list[bytes] = []
        while at < len(body):
            end = at + 1 + body[at]
            names.append(body[at + 1 : end])
            at = end
        _expect_size(body, at)

        used: set[int] = set()
        legs: list[Leg] = []
        for raw_kind, number, side, amount_minor in raw_legs:
            kind = AccountKind(raw_kind)
            if kind <= AccountKind.RECEIVABLE:
                subject = touched[number].account_id
            elif number == _NO_SUBJECT:
                subject = b""
            else:
                subject = names[number]
                used.add(number)
            legs.append(Leg(LedgerAccount(kind, subject), Side(side), amount_minor))
        if len(used) != len(names) or b"" in names:
            raise ValueError(f"expected {len(used)} names, found {names}")
        flaw = imbalance(tuple(legs))
        if flaw is not None:
            raise ValueError(flaw)
        return JournalEntry(
            entry_position_of(key),
            EntryReason(reason),
            Book(bool(livemode), currency),
            tuple(legs),
            tuple(touched),
        )

    return _opened(Table.JOURNAL, key, value, read)


# event: version, kind, seq, ts, subject, state before, state after, currency, amount, fee,
# number of accounts u8; per account its id and five balances after.


def _event_row(event: Event) -> Row:
    parts = [
        _EVENT.pack(
            _VERSION,
            event.kind,
            event.seq,
            event.ts_us,
            event.subject,
            event.state_before,
            event.state_after,
            event.currency,
            event.amount_minor,
            event.fee_minor,
            len(event.accounts),
        )
    ]
    parts += (
        _AFTER.pack(after.account_id, *after.balances) for after in event.accounts
    )
    return _ENTRY.pack(*event.position), _sealed(b"".join(parts))


def decode_event(key: bytes, value: bytes) -> Event:
    """Return one event of the feed."""

    def read(body: bytes) -> Event:
        _, kind, seq, ts_us, subject, before, after, currency, amount, fee, count = (
            _EVENT.unpack_from(body)
        )
        _expect_size(body, _EVENT.size + count * _AFTER.size)
        accounts: list[AccountAfter] = []
        for account in range(count):
            account_id, *balances = _AFTER.unpack_from(
                body, _EVENT.size + account * _AFTER.size
            )
            accounts.append(AccountAfter(account_id, Balances(*balances)))
        return Event(
            entry_position_of(key),
            seq,
            EventKind(kind),
            ts_us,
            subject,
            before,
            after,
            currency,
            amount,
            fee,
            tuple(accounts),
        )

    return _opened(Table.EVENT, key, value, read)


# event_seek: version, position.


def _seek_row(seq: int, position: EntryPosition) -> Row:
    return _SEQ.pack(seq), _sealed(_SEEK.pack(_VERSION, *position))


def decode_event_seek(key: bytes, value: bytes) -> EntryPosition:
    """Return where the event with this seq stands."""

    def read(body: bytes) -> EntryPosition:
        _, index, ordinal, n = _SEEK.unpack(body)
        return index, ordinal, n

    return _opened(Table.EVENT_SEEK, key, value, read)


# account: version, currency, livemode, status, minimum, opened index, ordinal and ts, five
# balances, sequence, last entry, length of owner reference u8, length of principal u8;
# owner reference; principal; in layout 2, which only accounts with a class have, their class.


def _account_row(account: Account) -> Row:
    owner_ref, principal = account.owner_ref.encode(), account.principal.encode()
    own_class = account.account_class.encode()
    fixed = _ACCOUNT.pack(
        _WITH_CLASS if own_class else _VERSION,
        account.currency,
        account.livemode,
        account.status,
        account.min_balance_minor,
        account.opened_index,
        account.opened_ordinal,
        account.opened_ts_us,
        account.available_minor,
        account.reserved_minor,
        account.held_minor,
        account.blocked_minor,
        account.receivable_minor,
        account.sequence,
        *account.last_entry,
        len(owner_ref),
        len(principal),
    )
    return account.account_id, _sealed(fixed + owner_ref + principal + own_class)


def decode_account(key: bytes, value: bytes) -> Account:
    """Return a fresh account, which the caller may change."""

    def read(body: bytes) -> Account:
        (
            layout,
            currency,
            livemode,
            status,
            min_balance_minor,
            opened_index,
            opened_ordinal,
            opened_ts_us,
            available_minor,
            reserved_minor,
            held_minor,
            blocked_minor,
            receivable_minor,
            sequence,
            index,
            ordinal,
            n,
            owner_bytes,
            principal_bytes,
        ) = _ACCOUNT.unpack_from(body)
        middle = _ACCOUNT.size + owner_bytes
        end = middle + principal_bytes
        if layout != _WITH_CLASS:
            _expect_size(body, end)
        elif len(body) <= end:
            raise ValueError("expected a class of the account, found none")
        return Account(
            bytes(key),
            currency,
            bool(livemode),
            body[_ACCOUNT.size : middle].decode(),
            min_balance_minor,
            AccountStatus(status),
            opened_index,
            opened_ordinal,
            opened_ts_us,
            body[middle:end].decode(),
            available_minor,
            reserved_minor,
            held_minor,
            blocked_minor,
            receivable_minor,
            sequence,
            (index, ordinal, n),
            body[end:].decode(),
        )

    return _opened(Table.ACCOUNT, key, value, read)


# account_mark: version, position of the entry, five balances after it.


def _mark_rows(entry: JournalEntry) -> Iterable[Row]:
    for touched in entry.touched:
        if touched.sequence % ACCOUNT_MARK_EVERY == 0:
            yield _mark_row(
                touched.account_id, touched.sequence, entry.position, touched.balances
            )


def _mark_row(
    account_id: bytes, sequence: int, position: EntryPosition, balances: Balances
) -> Row:
    value = _sealed(_ACCOUNT_MARK.pack(_VERSION, *position, *balances))
    return account_mark_key(account_id, sequence), value


def decode_account_mark(key: bytes, value: bytes) -> tuple[EntryPosition, Balances]:
    """Return the position of an account's entry, and the balances after it."""

    def read(body: bytes) -> tuple[EntryPosition, Balances]:
        _, index, ordinal, n, *balances = _ACCOUNT_MARK.unpack(body)
        return (index, ordinal, n), Balances(*balances)

    return _opened(Table.ACCOUNT_MARK, key, value, read)


def decode_internal(key: bytes, value: bytes) -> int:
    """Return the balance of an internal account. Layout: version, balance."""
    return _opened(
        Table.INTERNAL, key, value, lambda body: int(_INTERNAL.unpack(body)[1])
    )


# id: version, refusal (0 for accepted), index, ordinal; if refused, ts and fingerprint.


def _id_row(kind: IdKind, id_: bytes, record: IdRecord, layout: int) -> Row:
    value = _ID.pack(layout, record.refusal, record.index, record.ordinal)
    if record.refusal:
        value += _ID_REFUSED.pack(record.ts_us, record.fingerprint)
    return _sealed_row(id_key(kind, id_), value)


def decode_id(key: bytes, value: bytes) -> IdRecord:
    """Return what is kept of an id."""

    def read(body: bytes) -> IdRecord:
        _, refusal, index, ordinal = _ID.unpack_from(body)
        if not refusal:
            _expect_size(body, _ID.size)
            return IdRecord(index, ordinal)
        _expect_size(body, _ID.size + _ID_REFUSED.size)
        ts_us, fingerprint = _ID_REFUSED.unpack_from(body, _ID.size)
        return IdRecord(index, ordinal, refusal, ts_us, fingerprint)

    return _opened(Table.ID, key, value, read)


# request: version, call, index, ordinal, ts, code, index and ordinal of the payout, number
# of fields u8; a fingerprint of 16 bytes for each field.


def _request_row(request_id: bytes, record: RequestRecord, layout: int) -> Row:
    fixed = _REQUEST.pack(
        layout,
        record.call,
        record.index,
        record.ordinal,
        record.ts_us,
        record.code,
        *record.payout_position,
        len(record.fields),
    )
    return _sealed_row(request_id, fixed + b"".join(record.fields))


def decode_request(key: bytes, value: bytes) -> RequestRecord:
    """Return what is kept of a request id."""

    def read(body: bytes) -> RequestRecord:
        _, call, index, ordinal, ts_us, code, payout_index, payout_ordinal, count = (
            _REQUEST.unpack_from(body)
        )
        _expect_size(body, _REQUEST.size + 16 * count)
        fields = tuple(body[at : at + 16] for at in range(_REQUEST.size, len(body), 16))
        return RequestRecord(
            CallKind(call),
            index,
            ordinal,
            ts_us,
            code,
            (payout_index, payout_ordinal),
            fields,
        )

    return _opened(Table.REQUEST, key, value, read)


def decode_external_ref(key: bytes, value: bytes) -> Position:
    """Return which command used a reference. Layout: version, index, ordinal."""

    def read(body: bytes) -> Position:
        _, index, ordinal = _EVIDENCE.unpack(body)
        return index, ordinal

    return _opened(Table.EVIDENCE, key, value, read)


def decode_reversal(key: bytes, value: bytes) -> int:
    """Return how much of a Fund was reversed. Layout: version, amount."""
    return _opened(
        Table.REVERSAL, key, value, lambda body: int(_REVERSAL.unpack(body)[1])
    )


def decode_under_way(key: bytes, value: bytes) -> int:
    """Return how many payouts of an account are under way. Layout: version, count u32."""
    return _opened(
        Table.UNDER_WAY, key, value, lambda body: int(_UNDER_WAY.unpack(body)[1])
    )


def decode_hold(key: bytes, value: bytes) -> Hold:
    """Return a hold."""
    position = position_of(key)
    return _opened(Table.HOLD, key, value, lambda body: holds.unpack(position, body))


def decode_voucher(key: bytes, value: bytes) -> Voucher:
    """Return a voucher."""
    return _opened(
        Table.VOUCHER, key, value, lambda body: vouchers.unpack(bytes(key), body)
    )


# config, kind 1: version, schedule version u32, effective from, number of rules u16, length
# of source u16; source; per rule, by (rail, currency): rail, currency, fixed, bps u16, min,
# max.


def _fees_row(schedule: FeeSchedule) -> Row:
    source = schedule.source.encode()
    rules = [rule for _, rule in sorted(schedule.rules.items())]
    terms = _fees_terms(schedule, rules)
    parts = [
        _FEES.pack(
            _WITH_TERMS if terms else _VERSION,
            schedule.version,
            schedule.effective_from_us,
            len(rules),
            len(source),
        ),
        source,
    ]
    parts += (
        _FEE_RULE.pack(
            rule.rail,
            rule.currency,
            rule.fixed_minor,
            rule.bps,
            rule.min_minor,
            rule.max_minor,
        )
        for rule in rules
    )
    key = fee_schedule_key(schedule.effective_from_us, schedule.version)
    return key, _sealed(b"".join((*parts, terms)))


def _fees_terms(schedule: FeeSchedule, rules: Sequence[FeeRule]) -> bytes:
    """Return what layout 2 adds; nothing for a schedule that says nothing of it."""
    if (
        not schedule.as_of
        and schedule.quote_valid_us == QUOTE_VALID_US_DEFAULT
        and not any(rule.account_class or rule.refund for rule in rules)
    ):
        return b""
    as_of = schedule.as_of.encode()
    return b"".join(
        (
            _FEES_TERMS.pack(0, schedule.quote_valid_us, len(as_of)),
            as_of,
            bytes(rule.refund for rule in rules),
            *(_short_text(rule.account_class) for rule in rules),
        )
    )


def decode_fee_schedule(key: bytes, value: bytes) -> FeeSchedule:
    """Return a fee schedule."""

    def read(body: bytes) -> FeeSchedule:
        layout, version, effective_from_us, count, source_bytes = _FEES.unpack_from(
            body
        )
        middle = _FEES.size + source_bytes
        end = middle + count * _FEE_RULE.size
        rules = [
            FeeRule(*_FEE_RULE.unpack_from(body, at))
            for at in range(middle, end, _FEE_RULE.size)
        ]
        as_of, quote_valid_us = "", QUOTE_VALID_US_DEFAULT
        if layout == _WITH_TERMS:
            _, quote_valid_us, as_of_bytes = _FEES_TERMS.unpack_from(body, end)
            end += _FEES_TERMS.size + as_of_bytes
            as_of = body[end - as_of_bytes : end].decode()
            refunds = body[end : end + count]
            end += count
            classes: list[str] = []
            for _ in range(count):
                start, end = end + 1, end + 1 + body[end]
                classes.append(body[start:end].decode())
            rules = [
                replace(rule, account_class=own, refund=Refund(refund))
                for rule, own, refund in zip(rules, classes, refunds, strict=True)
            ]
        _expect_size(body, end)
        return FeeSchedule(
            version,
            effective_from_us,
            body[_FEES.size : middle].decode(),
            {(rule.rail, rule.currency, rule.account_class): rule for rule in rules},
            as_of,
            quote_valid_us,
        )

    return _opened(Table.CONFIG, key, value, read)


def _rail_row(rail: RailRecord) -> Row:
    return setting_key(rail), _sealed(encode_rail(rail))


def decode_rail(key: bytes, value: bytes) -> RailRecord:
    """Return a version of a rail. Layout: `rail_records`."""
    return _opened(Table.CONFIG, key, value, rail_records.decode_rail)


def _calendar_row(calendar: Calendar) -> Row:
    return setting_key(calendar), _sealed(encode_calendar(calendar))


def decode_calendar(key: bytes, value: bytes) -> Calendar:
    """Return a version of a calendar. Layout: `rail_records`."""
    return _opened(Table.CONFIG, key, value, rail_records.decode_calendar)


def _suspension_row(suspension: Suspension) -> Row:
    reason, principal = suspension.reason.encode(), suspension.principal.encode()
    head = _SUSPENSION.pack(
        _VERSION,
        suspension.rail,
        suspension.is_suspended,
        suspension.since_us,
        len(reason),
        len(principal),
    )
    return setting_key(suspension), _sealed(head + reason + principal)


def decode_suspension(key: bytes, value: bytes) -> Suspension:
    """Return whether a rail is suspended. Layout: version, rail, flag, since, two texts."""

    def read(body: bytes) -> Suspension:
        _, rail, is_suspended, since_us, reason_bytes, principal_bytes = (
            _SUSPENSION.unpack_from(body)
        )
        middle = _SUSPENSION.size + reason_bytes
        _expect_size(body, middle + principal_bytes)
        return Suspension(
            rail,
            bool(is_suspended),
            since_us,
            body[_SUSPENSION.size : middle].decode(),
            body[middle:].decode(),
        )

    return _opened(Table.CONFIG, key, value, read)


def _limits_row(limits: LimitSet) -> Row:
    return setting_key(limits), _sealed(risk_records.encode_limits(limits))


def _rules_row(rules: RuleSet) -> Row:
    return setting_key(rules), _sealed(risk_records.encode_rules(rules))


def decode_limits(key: bytes, value: bytes) -> LimitSet:
    """Return a version of the limits. Layout: `risk_records`."""
    return _opened(Table.CONFIG, key, value, risk_records.decode_limits)


def decode_rules(key: bytes, value: bytes) -> RuleSet:
    """Return a version of the rules. Layout: `risk_records`."""
    return _opened(Table.CONFIG, key, value, risk_records.decode_rules)


def window_key(key: WindowKey) -> bytes:
    """Return the key of a window."""
    return (
        _WINDOW_KEY.pack(
            key.kind, key.livemode, key.currency, key.window_us, key.since_us
        )
        + key.subject
    )


def window_of(key: bytes) -> WindowKey:
    """Return which window a key names."""
    kind, livemode, currency, window_us, since_us = _key(
        _WINDOW_KEY, key[: _WINDOW_KEY.size], "a window"
    )
    subject = bytes(key[_WINDOW_KEY.size :])
    try:
        return WindowKey(
            LimitKind(kind), bool(livemode), currency, window_us, since_us, subject
        )
    except ValueError as exc:
        raise CorruptionError(f"table window, key {key.hex()}: {exc}") from exc


def known_key(key: KnownKey) -> bytes:
    """Return the key of a destination that an account has paid."""
    return _KNOWN_KEY.pack(KNOWN_PREFIX[0], key.account_id, key.fingerprint)


def known_of(key: bytes) -> KnownKey:
    """Return the account and the destination in a key of `window`."""
    if len(key) != _KNOWN_KEY.size:
        raise CorruptionError(f"table window, key {key.hex()}: no known destination")
    _, account_id, fingerprint = _KNOWN_KEY.unpack(key)
    return KnownKey(account_id, fingerprint)


def frozen_key(owner_ref: str) -> bytes:
    """Return the key of how many accounts of an owner are frozen."""
    return FROZEN_PREFIX + owner_ref.encode()


def frozen_of(key: bytes) -> str:
    """Return the owner in a key of `window`."""
    return key[1:].decode()


def _window_row(key: WindowKey, use: WindowUse) -> Row:
    return window_key(key), _sealed(risk_records.encode_window(use))


def decode_window(key: bytes, value: bytes) -> WindowUse:
    """Return what a window holds. Layout: `risk_records`."""
    return _opened(Table.WINDOW, key, value, risk_records.decode_window)


def _known_row(key: KnownKey, position: Position) -> Row:
    return known_key(key), _sealed(_EVIDENCE.pack(_VERSION, *position))


def decode_known(key: bytes, value: bytes) -> Position:
    """Return the first payout seen to settle at a destination. Layout: version, position."""

    def read(body: bytes) -> Position:
        _, index, ordinal = _EVIDENCE.unpack(body)
        return index, ordinal

    return _opened(Table.WINDOW, key, value, read)


def _frozen_row(owner_ref: str, count: int) -> Row:
    return frozen_key(owner_ref), _sealed(_UNDER_WAY.pack(_VERSION, count))


def decode_frozen(key: bytes, value: bytes) -> int:
    """Return how many accounts of an owner are frozen. Layout: version, count u32."""
    return _opened(
        Table.WINDOW, key, value, lambda body: int(_UNDER_WAY.unpack(body)[1])
    )


def setting_key(setting: Setting) -> bytes:
    """Return the key of a row of `config`."""
    match setting:
        case FeeSchedule():
            return fee_schedule_key(setting.effective_from_us, setting.version)
        case RailRecord():
            return _RAIL_KEY.pack(RAIL_PREFIX[0], setting.number, setting.version)
        case Calendar():
            name = setting.name.encode()
            version = _CALENDAR_VERSION.pack(setting.version)
            return CALENDAR_PREFIX + name + b"\0" + version
        case Suspension():
            return _SUSPENSION_KEY.pack(SUSPENSION_PREFIX[0], setting.rail)
        case LimitSet():
            return _SET_KEY.pack(LIMITS_PREFIX[0], setting.version)
        case RuleSet():
            return _SET_KEY.pack(RULES_PREFIX[0], setting.version)
        case _:
            assert_never(setting)


def decode_setting(key: bytes, value: bytes) -> Setting:
    """Return what a row of `config` holds."""
    match key[:1]:
        case b"\x01":
            return decode_fee_schedule(key, value)
        case b"R":
            return decode_rail(key, value)
        case b"C":
            return decode_calendar(key, value)
        case b"S":
            return decode_suspension(key, value)
        case b"L":
            return decode_limits(key, value)
        case b"V":
            return decode_rules(key, value)
        case _:
            raise _corrupt(Table.CONFIG, key, "a setting of an unknown kind")


def decode_evidence(key: bytes, value: bytes) -> EvidenceUse:
    """Return what an evidence id was used for.

    Layout: version, index and ordinal of the command, then of the payout, amount.
    """

    def read(body: bytes) -> EvidenceUse:
        _, index, ordinal, of_index, of_ordinal, amount_minor = _EVIDENCE_USE.unpack(
            body
        )
        return EvidenceUse((index, ordinal), (of_index, of_ordinal), amount_minor)

    return _opened(Table.EVIDENCE, key, value, read)


def decode_rail_key(key: bytes, value: bytes) -> Position:
    """Return whose rail key it is. Layout: version, index, ordinal."""

    def read(body: bytes) -> Position:
        _, index, ordinal = _EVIDENCE.unpack(body)
        return index, ordinal

    return _opened(Table.RAIL_KEY, key, value, read)


def decode_exception(key: bytes, value: bytes) -> LedgerException:
    """Return an exception."""
    position = position_of(key)
    return _opened(
        Table.EXCEPTION,
        key,
        value,
        lambda body: lifecycle.unpack_exception(position, body),
    )


def decode_ready(key: bytes, value: bytes) -> tuple[int, ...]:
    """Return the ordinals of payouts of one entry. Layout: version, then u16 each, rising."""

    def read(body: bytes) -> tuple[int, ...]:
        ordinals = tuple(ordinal for (ordinal,) in _ORDINAL.iter_unpack(body[1:]))
        if not ordinals or list(ordinals) != sorted(set(ordinals)):
            raise ValueError(f"expected rising ordinals, found {ordinals}")
        return ordinals

    return _opened(Table.READY, key, value, read)


def decode_event_seq(key: bytes, value: bytes) -> int:
    """Return the seq of the last event. Layout: version, seq."""
    return _opened(Table.META, key, value, lambda body: int(_META_SEQ.unpack(body)[1]))


# Accepted submits


class _Constants(NamedTuple):
    """What is alike in all rows of one account, packed once a batch.

    still: the three balances that a submit leaves alone.
    """

    account_id: bytes
    journal_head: bytes
    event_states: bytes
    event_account: bytes
    still: bytes


def _constants(account: Account | None) -> _Constants:
    if account is None:
        return _Constants(b"", b"", b"", b"", b"")
    account_id = account.account_id
    currency = account.currency
    return _Constants(
        account_id,
        _JOURNAL.pack(_VERSION, EntryReason.SUBMIT, account.livemode, currency, 1, 2)
        + account_id,
        _EVENT_STATES.pack(0, PayoutState.READY, currency),
        b"\x01" + account_id,
        _THREE.pack(
            account.held_minor, account.blocked_minor, account.receivable_minor
        ),
    )


def _add_submits(
    tables: dict[Table, list[Row]], submits: AcceptedSubmits, layout: int
) -> None:
    """Lay out the rows of accepted submits straight from their columns, table by table."""
    batch = submits.batch
    rows = submits.rows
    constants = [_constants(account) for account in submits.accounts]
    own = [constants[ref] for ref in _picked(batch.account_refs, rows, batch)]
    ids = _picked(batch.ids, rows, batch)
    amounts = _picked(batch.amounts_minor, rows, batch)
    index_key = _SEQ.pack(submits.index)
    ordinals = [row.to_bytes(2, "big") for row in rows]
    keys = [index_key + ordinal for ordinal in ordinals]

    tables[Table.PAYOUT] += _sealed_rows(
        keys, _payout_bodies(submits, own, ids, amounts)
    )
    entry_keys = [key + b"\0\0" for key in keys]
    bodies = _submit_journal_bodies(submits, own, amounts)
    tables[Table.JOURNAL] += _sealed_rows(entry_keys, bodies)
    bodies = _submit_event_bodies(submits, own, ids, amounts)
    tables[Table.EVENT] += _sealed_rows(entry_keys, bodies)
    suffix = _BYTE[IdKind.PAYOUT]
    head = _BYTE[layout] + _BYTE[0] + index_key
    tables[Table.ID] += _sealed_rows(
        [payout_id + suffix for payout_id in ids],
        [head + ordinal for ordinal in ordinals],
        covers_keys=layout >= _KEYED,
    )
    _add_submit_marks(tables, submits)


def _picked(column: Sequence[T], rows: list[int], batch: PayoutColumns) -> Sequence[T]:
    """Return the column's values at these rows; the column itself if it is all of them."""
    if len(rows) == len(batch):
        return column
    return [column[row] for row in rows]


def _payout_bodies(
    submits: AcceptedSubmits,
    own: list[_Constants],
    ids: Sequence[bytes],
    amounts: Sequence[int],
) -> list[bytes]:
    batch, rows = submits.batch, submits.rows
    pack = _PAYOUT.pack
    ts_us = submits.ts_us
    ready = int(PayoutState.READY)
    names = [text.encode() for text in batch.principals]
    principals = [names[ref] for ref in _picked(batch.principal_refs, rows, batch)]
    return [
        pack(
            _VERSION,
            payout_id,
            account.account_id,
            amount_minor,
            currency,
            rail,
            len(details),
            fee_minor,
            ts_us,
            ready,
            len(principal),
        )
        + details
        + principal
        for payout_id, account, amount_minor, currency, rail, details, fee_minor, (
            principal
        ) in zip(
            ids,
            own,
            amounts,
            _picked(batch.currencies, rows, batch),
            _picked(batch.rails, rows, batch),
            _picked(batch.details, rows, batch),
            submits.fees_minor,
            principals,
            strict=True,
        )
    ]


def _submit_journal_bodies(
    submits: AcceptedSubmits, own: list[_Constants], amounts: Sequence[int]
) -> list[bytes]:
    pack = _SUBMIT_JOURNAL.pack
    debit = bytes((AccountKind.AVAILABLE, 0, Side.DEBIT))
    credit = bytes((AccountKind.RESERVED, 0, Side.CREDIT))
    totals = list(map(add, amounts, submits.fees_minor))
    return [
        pack(
            account.journal_head,
            sequence,
            available_minor,
            reserved_minor,
            account.still,
            index,
            ordinal,
            n,
            debit,
            total_minor,
            credit,
            total_minor,
        )
        for account, sequence, available_minor, reserved_minor, total_minor, (
            index,
            ordinal,
            n,
        ) in zip(
            own,
            submits.sequences,
            submits.available_minor,
            submits.reserved_minor,
            totals,
            submits.previous,
            strict=True,
        )
    ]


def _submit_event_bodies(
    submits: AcceptedSubmits,
    own: list[_Constants],
    ids: Sequence[bytes],
    amounts: Sequence[int],
) -> list[bytes]:
    pack = _SUBMIT_EVENT.pack
    head = _BYTE[_VERSION] + _BYTE[EventKind.PAYOUT_CREATED]
    ts_us = submits.ts_us
    return [
        pack(
            head,
            seq,
            ts_us,
            payout_id,
            account.event_states,
            amount_minor,
            fee_minor,
            account.event_account,
            available_minor,
            reserved_minor,
            account.still,
        )
        for seq, payout_id, account, amount_minor, fee_minor, available_minor, (
            reserved_minor
        ) in zip(
            range(submits.event_seq_first, submits.event_seq_first + len(submits)),
            ids,
            own,
            amounts,
            submits.fees_minor,
            submits.available_minor,
            submits.reserved_minor,
            strict=True,
        )
    ]


def _add_submit_marks(tables: dict[Table, list[Row]], submits: AcceptedSubmits) -> None:
    """Add the rows of `event_seek` and `account_mark` that the submits reach."""
    first = submits.event_seq_first
    for at in range(-first % EVENT_SEEK_EVERY, len(submits), EVENT_SEEK_EVERY):
        position = (submits.index, submits.rows[at], 0)
        tables[Table.EVENT_SEEK].append(_seek_row(first + at, position))
    for at, sequence in enumerate(submits.sequences):
        if sequence % ACCOUNT_MARK_EVERY:
            continue
        row = submits.rows[at]
        account = submits.accounts[submits.batch.account_refs[row]]
        assert account is not None, row
        balances = account.balances._replace(
            available_minor=submits.available_minor[at],
            reserved_minor=submits.reserved_minor[at],
        )
        tables[Table.ACCOUNT_MARK].append(
            _mark_row(account.account_id, sequence, (submits.index, row, 0), balances)
        )


# Sealing and opening


def _sealed(body: bytes) -> bytes:
    return body + _CRC.pack(crc32c(body))


def _sealed_row(key: bytes, body: bytes) -> Row:
    """Return a row of a table in _KEYED_TABLES: its layout says what is summed."""
    summed = body + key if body[0] >= _KEYED else body
    return key, body + _CRC.pack(crc32c(summed))


def _sealed_rows(
    keys: list[bytes], bodies: list[bytes], *, covers_keys: bool = False
) -> list[Row]:
    pack, crc = _CRC.pack, crc32c
    if covers_keys:
        return [
            (key, body + pack(crc(body + key)))
            for key, body in zip(keys, bodies, strict=True)
        ]
    return [
        (key, body + pack(crc(body))) for key, body in zip(keys, bodies, strict=True)
    ]


def is_sealed(table: str, key: bytes, value: bytes) -> bool:
    """Return whether a value ends with the checksum of all that stands before it.

    True of every intact value of every table, also of those that other packages lay out.
    """
    return len(value) > _CRC_BYTES and (
        _sum(table, key, value[:-_CRC_BYTES])
        == int.from_bytes(value[-_CRC_BYTES:], "big")
    )


def _sum(table: str, key: bytes, body: bytes) -> int:
    """Return the checksum that belongs behind a body, which is not empty."""
    is_keyed = table in _KEYED_TABLES and body[0] >= _KEYED
    found: int = crc32c(body + key if is_keyed else body)
    return found


def _body(table: Table, key: bytes, value: bytes) -> bytes:
    """Return the body of a sound value of a known version, else raise CorruptionError."""
    body = bytes(value[:-_CRC_BYTES])
    found = int.from_bytes(value[-_CRC_BYTES:], "big")
    expected = _sum(table, key, body) if body else 0
    if expected != found or not body:
        raise _corrupt(
            table,
            key,
            f"expected checksum {expected:08x} behind {len(body)} bytes, "
            f"found {found:08x}",
        )
    if not 1 <= body[0] <= _NEWEST.get(table, _VERSION):
        raise _corrupt(
            table,
            key,
            f"expected layout version {_NEWEST.get(table, _VERSION)}, found {body[0]}",
        )
    return body


def _opened(table: Table, key: bytes, value: bytes, read: Callable[[bytes], T]) -> T:
    """Return what `read` makes of the body of a sound value; flaws name table and key."""
    body = _body(table, key, value)
    try:
        return read(body)
    except (StructError, IndexError, ValueError) as exc:
        raise _corrupt(table, key, str(exc)) from exc


def _corrupt(table: Table, key: bytes, flaw: str) -> CorruptionError:
    return CorruptionError(f"table {table}, key {bytes(key).hex()}: {flaw}")


def _key(layout: Struct, key: bytes, what: str) -> tuple[int, ...]:
    if len(key) != layout.size:
        raise CorruptionError(
            f"expected {layout.size} bytes of {what}, found {bytes(key).hex()}"
        )
    return layout.unpack(key)


def _expect_size(body: bytes, size_bytes: int) -> None:
    if len(body) != size_bytes:
        raise ValueError(f"expected {size_bytes} bytes, found {len(body)}")


def _short_text(text: str) -> bytes:
    raw = text.encode()
    return _BYTE[len(raw)] + raw
