"""Canonical rows: every table has golden bytes, comes back, and notices rot."""

from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google_crc32c import value as crc32c

from ledgerd.errors import CorruptionError
from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import (
    Account,
    AccountKind,
    AccountStatus,
    Balances,
    Book,
    InternalKey,
    LedgerAccount,
    Side,
)
from ledgerd.ledger.commands import FeeRule, Refund
from ledgerd.ledger.events import AccountAfter, Event, EventKind
from ledgerd.ledger.exceptions import (
    EvidenceId,
    EvidenceUse,
    ExceptionCause,
    LedgerException,
)
from ledgerd.ledger.fees import FeeSchedule
from ledgerd.ledger.holds import Hold, HoldState
from ledgerd.ledger.identity import CallKind, IdKind, IdRecord, RequestRecord
from ledgerd.ledger.journal import EntryReason, JournalEntry, Leg, Touched
from ledgerd.ledger.outcomes import Outcomes, Refusal, Retry
from ledgerd.ledger.payouts import PayoutHead, PayoutState, PayoutStatus
from ledgerd.ledger.risk import LimitKind
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.ledger.view import ExternalRef, Writes
from ledgerd.ledger.vouchers import Voucher, VoucherState
from ledgerd.ledger.windows import Slot, WindowKey, WindowUse
from tests.formats import golden
from tests.ledger.making import ALICE, BOB, MAX, PACKED, SWIFT, USD, ledger, submit, uid

BOOK = Book(True, USD)
BALANCES = Balances(-5, 6, 7, 8, MAX)
HEAD = PayoutHead(
    uid(1), ALICE, 1000, USD, SWIFT, PACKED, (7, 3), 99, 25, PayoutState.READY, "svc"
)
STATUS = PayoutStatus(PayoutState.CANCELLED, 2, (8, 1, 0), 101, 1, 2, 3)
ENTRY = JournalEntry(
    (7, 3, 1),
    EntryReason.FUND,
    BOOK,
    (
        Leg(LedgerAccount(AccountKind.BANK_CASH, b"first"), Side.DEBIT, 30),
        Leg(LedgerAccount(AccountKind.RECEIVABLE, ALICE), Side.CREDIT, 10),
        Leg(LedgerAccount(AccountKind.AVAILABLE, BOB), Side.CREDIT, 14),
        Leg(LedgerAccount(AccountKind.PAYOUT_FEE, b""), Side.CREDIT, 5),
        Leg(LedgerAccount(AccountKind.SUSPENSE, b"first"), Side.CREDIT, 1),
    ),
    (
        Touched(ALICE, 64, BALANCES, (0, 0, 0)),
        Touched(BOB, 65, Balances(1, 2, 3, 4, 5), (6, 5, 4)),
    ),
)
EVENT = Event(
    (7, 3, 1),
    2048,
    EventKind.TRANSFERRED,
    99,
    uid(4),
    3,
    7,
    USD,
    1000,
    25,
    (AccountAfter(ALICE, BALANCES), AccountAfter(BOB, Balances(1, 2, 3, 4, 5))),
)
ACCOUNT = Account(
    ALICE,
    USD,
    True,
    "owner Ü",
    -100,
    AccountStatus.FROZEN,
    7,
    3,
    99,
    "svc",
    *BALANCES,
    65,
    (7, 3, 1),
)
CASH = InternalKey(BOOK, LedgerAccount(AccountKind.BANK_CASH, b"first"))
REFUSED = IdRecord(7, 3, Refusal.INSUFFICIENT_FUNDS, 99, bytes(range(16)))
REQUEST = RequestRecord(
    CallKind.CANCEL, 7, 3, 99, 0, (5, 6), (bytes(range(16)), bytes(16))
)
REF = ExternalRef(b"first", "Überweisung 1".encode())
FEES = FeeSchedule(
    3,
    99,
    "tariff",
    {
        (2, USD, ""): FeeRule(2, USD, 25, 10, 0, MAX),
        (SWIFT, USD, ""): FeeRule(SWIFT, USD, 1, 2, 3, 4),
    },
)
FEES_WITH_TERMS = FeeSchedule(
    4,
    2**40,
    "tariff",
    {
        (2, USD, ""): FeeRule(2, USD, 25, 10, 0, MAX),
        (2, USD, "gold"): FeeRule(2, USD, 0, 5, 0, 9, "gold", Refund.WHEN_ALL_RETURNED),
        (SWIFT, USD, ""): FeeRule(SWIFT, USD, 1, 2, 3, 4, "", Refund.NEVER),
    },
    "2026-11",
    60_000_000,
)
HOLD = Hold(
    uid(6),
    ALICE,
    5000,
    USD,
    99 + 60_000_000,
    "Buchung Ü",
    (7, 3),
    99,
    "svc",
    HoldState.CAPTURED,
    3000,
    BOB,
    (8, 1, 0),
    101,
)
OPEN_HOLD = HOLD._replace(
    hold_id=uid(7),
    position=(7, 4),
    state=HoldState.OPEN,
    captured_minor=0,
    captured_to=b"",
    changed=(7, 4, 0),
    changed_ts_us=99,
)
VOUCHER = Voucher(
    uid(8),
    EntryReason.ADJUST,
    BOOK,
    (
        Leg(LedgerAccount(AccountKind.AVAILABLE, ALICE), Side.DEBIT, 30),
        Leg(LedgerAccount(AccountKind.PAYOUT_FEE, b""), Side.CREDIT, 25),
        Leg(LedgerAccount(AccountKind.SUSPENSE, b"first"), Side.CREDIT, 5),
    ),
    "misread Ü",
    (5, 4, 3),
    (7, 3),
    99,
    "anna",
    VoucherState.POSTED,
    (8, 1, 0),
    101,
    "ben",
)
WRITES = Writes(
    payouts=[HEAD],
    payout_statuses=[((7, 3), STATUS)],
    journal=[ENTRY],
    events=[EVENT],
    accounts=[ACCOUNT],
    internals=[(CASH, -7)],
    ids=[(IdKind.PAYOUT, uid(1), IdRecord(7, 3)), (IdKind.ACCOUNT, uid(2), REFUSED)],
    requests=[(uid(4), REQUEST)],
    external_refs=[(REF, (7, 3))],
    fee_schedules=[FEES],
    event_seq=2048,
)
BEFORE = PayoutStatus(PayoutState.DISPATCHING, 1, (7, 9, 1), 100)
KEY = "ABCDEFGHIJKLMNO"
FACT = EvidenceId(12, 13, "Überweisung 2".encode())
USE = EvidenceUse((9, 1), (7, 3), 55)
EXCEPTION = LedgerException(
    (9, 1),
    99,
    ExceptionCause.SECOND_SETTLEMENT,
    (7, 3),
    13,
    12,
    KEY,
    "ref Ü",
    55,
    "R01",
    20261121,
    4,
    "worker",
    2,
    "first",
    "why",
    "second",
    (10, 2),
    100,
)
FULL_STATUS = PayoutStatus(
    PayoutState.SETTLED,
    9,
    (8, 1, 2),
    101,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    20261121,
    9,
    10,
    11,
    KEY,
    "worker Ü",
    12,
    13,
    14,
    "R01",
    "ref",
    20261122,
    15,
    16,
)
SCHEDULED = HEAD._replace(state=PayoutState.SCHEDULED, release_at_us=123)
TIMER = Timer(123, (7, 3), TimerKind.RELEASE)
WINDOW = WindowKey(LimitKind.TOTAL_WINDOW, True, 7, 24, 9, b"")
WINDOW_USE = WindowUse(600, 2, 9, (Slot(8, 5, 1),))
ALL_WRITES = replace(
    WRITES,
    payout_pasts=[((8, 1, 0), (7, 3), BEFORE)],
    reversals=[(REF, 600)],
    holds=[HOLD, OPEN_HOLD],
    vouchers=[VOUCHER],
    under_way=[(ALICE, 3)],
    timers=[(TIMER, True)],
    rail_keys=[(KEY, (7, 3))],
    evidence=[(FACT, USE)],
    exceptions=[EXCEPTION],
    ready=[(12, 7, (3, 4, 9))],
    windows=[(WINDOW, WINDOW_USE)],
)

Decoder = Callable[[bytes, bytes], Any]


def decode_evidence(key: bytes, value: bytes) -> Any:
    if key.startswith(records.EVIDENCE_PREFIX):
        return records.decode_evidence(key, value)
    return records.decode_external_ref(key, value)


DECODED: dict[Table, tuple[Decoder, list[Any]]] = {
    Table.PAYOUT: (records.decode_payout, [HEAD]),
    Table.PAYOUT_STATE: (records.decode_payout_status, [STATUS]),
    Table.JOURNAL: (records.decode_journal, [ENTRY]),
    Table.EVENT: (records.decode_event, [EVENT]),
    Table.EVENT_SEEK: (records.decode_event_seek, [(7, 3, 1)]),
    Table.ACCOUNT: (records.decode_account, [ACCOUNT]),
    Table.ACCOUNT_MARK: (records.decode_account_mark, [((7, 3, 1), BALANCES)]),
    Table.INTERNAL: (records.decode_internal, [-7]),
    Table.ID: (records.decode_id, [IdRecord(7, 3), REFUSED]),
    Table.REQUEST: (records.decode_request, [REQUEST]),
    Table.EVIDENCE: (decode_evidence, [(7, 3), USE]),
    Table.CONFIG: (records.decode_fee_schedule, [FEES]),
    Table.META: (records.decode_event_seq, [2048]),
    Table.PAYOUT_PAST: (records.decode_payout_past, [BEFORE]),
    Table.REVERSAL: (records.decode_reversal, [600]),
    Table.HOLD: (records.decode_hold, [HOLD, OPEN_HOLD]),
    Table.VOUCHER: (records.decode_voucher, [VOUCHER]),
    Table.TIMER: (records.timer_of, [TIMER]),
    Table.RAIL_KEY: (records.decode_rail_key, [(7, 3)]),
    Table.EXCEPTION: (records.decode_exception, [EXCEPTION]),
    Table.READY: (records.decode_ready, [(3, 4, 9)]),
    Table.UNDER_WAY: (records.decode_under_way, [3]),
    Table.WINDOW: (records.decode_window, [WINDOW_USE]),
}


WRITTEN = [table for table in Table if table is not Table.TREE]  # the fold adds TREE


def rows_of(
    writes: Writes, *, covers_keys: bool = False
) -> dict[Table, list[tuple[bytes, bytes]]]:
    written = records.encode_writes(writes, covers_keys=covers_keys)
    return {rows.table: rows.rows for rows in written}


KEYED = [Table.ID, Table.REQUEST, Table.EVIDENCE, Table.RAIL_KEY]


def sealed(table: Table, key: bytes, body: bytes) -> bytes:
    """Return a body with a good checksum, whatever it holds."""
    is_keyed = table in KEYED and body[:1] >= b"\x02"
    summed = body + key if is_keyed else body
    return body + crc32c(summed).to_bytes(4, "big")


def test_tables_stand_in_their_digest_order():
    """The order of tables is part of the digest: it never changes, new ones go to the end."""
    assert [str(table) for table in Table] == [
        "payout",
        "payout_state",
        "journal",
        "event",
        "event_seek",
        "account",
        "account_mark",
        "internal",
        "id",
        "request",
        "evidence",
        "config",
        "meta",
        "payout_past",
        "tree",
        "reversal",
        "hold",
        "voucher",
        "timer",
        "rail_key",
        "exception",
        "ready",
        "under_way",
        "window",
    ]
    assert list(rows_of(ALL_WRITES)) == WRITTEN


def test_golden_bytes():
    """Every layout is durable: other bytes would be another format."""
    golden.check(
        "records_v1",
        {
            f"{table} {n} {part}": raw
            for table, rows in rows_of(WRITES).items()
            for n, row in enumerate(rows)
            for part, raw in zip(("key", "value"), row, strict=True)
        },
    )


def test_golden_bytes_of_accounts():
    """Reversals, holds and vouchers: from state version 3."""
    golden.check(
        "account_records_v1",
        {
            f"{table} {n} {part}": raw
            for table, rows in rows_of(ALL_WRITES).items()
            if table in (Table.REVERSAL, Table.HOLD, Table.VOUCHER)
            for n, row in enumerate(rows)
            for part, raw in zip(("key", "value"), row, strict=True)
        },
    )


def test_golden_bytes_of_fees_and_accounts_with_a_class():
    """Their second layout is written only where the first one says too little."""
    classed = replace(ACCOUNT, account_class="gold")
    rows = rows_of(Writes(accounts=[classed], fee_schedules=[FEES_WITH_TERMS]))
    (account_key, account), (fees_key, fees) = (
        rows[Table.ACCOUNT][0],
        rows[Table.CONFIG][0],
    )

    golden.check("fee_classes_v2", {"account": account, "key": fees_key, "fees": fees})
    assert (account[0], fees[0]) == (2, 2)
    assert records.decode_account(account_key, account) == classed
    assert records.decode_fee_schedule(fees_key, fees) == FEES_WITH_TERMS
    for size in range(len(fees)):
        with pytest.raises(CorruptionError):
            records.decode_fee_schedule(fees_key, fees[:size])


def test_golden_bytes_of_payouts_under_way():
    """One number for each account."""
    ((key, value),) = rows_of(ALL_WRITES)[Table.UNDER_WAY]

    golden.check("under_way_v1", {"key": key, "value": value})


def test_golden_bytes_of_what_a_payout_was():
    """The same layout as what it is; the key says by which change it ended."""
    ((key, value),) = rows_of(ALL_WRITES)[Table.PAYOUT_PAST]

    assert records.payout_past_of(key) == ((8, 1, 0), (7, 3))
    golden.check("payout_past_v1", {"key": key, "value": value})


def test_golden_bytes_of_a_timer():
    """The first key is the first due; a timer that is gone leaves an empty value."""
    ((key, value),) = rows_of(ALL_WRITES)[Table.TIMER]
    dropped = rows_of(Writes(timers=[(TIMER, False)]))[Table.TIMER]
    later = Timer(256, (1, 0), TimerKind.RELEASE)

    golden.check("timer_v1", {"key": key, "value": value})
    assert dropped == [(key, records.DROPPED)]
    assert key < records.timer_key(later)


def test_golden_bytes_of_the_lifecycle():
    """What state version 3 keeps of a payout; a plain status keeps the layout it had."""
    rows = rows_of(ALL_WRITES)
    evidence = [row for row in rows[Table.EVIDENCE] if row[0][0] == 2]
    newer = Writes(payouts=[SCHEDULED], payout_statuses=[((7, 3), FULL_STATUS)])
    ((head,), (status,)) = rows_of(newer).values()
    found = {
        "payout": head,
        "status": status,
        "rail_key": rows[Table.RAIL_KEY][0],
        "evidence": evidence[0],
        "exception": rows[Table.EXCEPTION][0],
        "ready": rows[Table.READY][0],
    }

    golden.check(
        "lifecycle_v1",
        {
            f"{name} {part}": raw
            for name, row in found.items()
            for part, raw in zip(("key", "value"), row, strict=True)
        },
    )
    assert records.decode_payout(*head) == SCHEDULED
    assert records.decode_payout_status(*status) == FULL_STATUS
    assert records.decode_evidence(*evidence[0]) == USE
    assert records.ready_of(rows[Table.READY][0][0]) == (12, 7)
    assert rows_of(Writes(ready=[(12, 7, ())]))[Table.READY][0][1] == records.DROPPED


def test_a_payout_was_nothing_that_came_later():
    """What stood before a change was made by an earlier one, or the walk back has no end."""
    ((_, value),) = rows_of(ALL_WRITES)[Table.PAYOUT_PAST]
    key = records.payout_past_key(BEFORE.last_entry, (7, 3))

    with pytest.raises(CorruptionError, match=f"payout_past.*{key.hex()}.*7, 9, 1"):
        records.decode_payout_past(key, value)


@pytest.mark.parametrize("table", WRITTEN)
def test_what_is_encoded_comes_back(table):
    """Each decoder gives what its row was made of."""
    decode, expected = DECODED[table]

    found = [decode(key, value) for key, value in rows_of(ALL_WRITES)[table]]

    assert found == expected


@pytest.mark.parametrize("table", WRITTEN)
def test_rot_is_found_and_named(table):
    """Every flipped bit and every cut is a CorruptionError with table and key."""
    decode, _ = DECODED[table]
    for key, value in rows_of(ALL_WRITES)[table]:
        damaged = [value[:size] for size in range(len(value))]
        for at in range(len(value)):
            flipped = bytearray(value)
            flipped[at] ^= 1 << at % 8
            damaged.append(bytes(flipped))
        for rotten in damaged:
            with pytest.raises(CorruptionError, match=f"{table}.*{key.hex()}"):
                decode(key, rotten)


@pytest.mark.parametrize("table", WRITTEN)
def test_a_later_layout_is_not_guessed(table):
    """A value with another version byte and a good checksum is refused by name."""
    decode, _ = DECODED[table]
    ((key, value), *_) = rows_of(ALL_WRITES)[table]
    later = b"\x09" + value[1:-4]

    with pytest.raises(CorruptionError, match=r"layout version [12], found 9"):
        decode(key, sealed(table, key, later))


@pytest.mark.parametrize("table", KEYED)
def test_a_flipped_bit_in_a_key_that_no_row_leads_to_is_found(table):
    """T85: from state version 3 on; a row from before decodes as it always did."""
    decode, expected = DECODED[table]
    rows = rows_of(ALL_WRITES, covers_keys=True)[table]
    assert [decode(key, value) for key, value in rows] == expected
    for key, value in rows:
        assert records.is_sealed(table, key, value)
        for bit in range(8 * len(key)):
            flipped = bytearray(key)
            flipped[bit // 8] ^= 1 << bit % 8
            assert not records.is_sealed(table, bytes(flipped), value)
            with pytest.raises(CorruptionError, match=f"{table}.*checksum"):
                decode(bytes(flipped), value)
    assert [key for key, _ in rows] == [key for key, _ in rows_of(ALL_WRITES)[table]]


def test_only_the_tables_without_ties_have_two_layouts():
    """All other rows are the same bytes under every state version."""
    before, after = rows_of(ALL_WRITES), rows_of(ALL_WRITES, covers_keys=True)
    assert [table for table in before if before[table] != after[table]] == KEYED


def test_golden_bytes_of_rows_whose_keys_are_summed():
    """Layout 2 of ids, requests and references: from state version 3."""
    golden.check(
        "keyed_records_v2",
        {
            f"{table} {n} {part}": raw
            for table, rows in rows_of(ALL_WRITES, covers_keys=True).items()
            if table in KEYED
            for n, row in enumerate(rows)
            for part, raw in zip(("key", "value"), row, strict=True)
        },
    )


@pytest.mark.parametrize("table", WRITTEN)
def test_a_sound_checksum_does_not_excuse_a_bad_body(table):
    """Bodies cut or grown behind a good checksum are corruption all the same."""
    decode, _ = DECODED[table]
    ((key, value), *_) = rows_of(ALL_WRITES)[table]
    for body in (value[:-5], value[:-4] + b"\0"):
        with pytest.raises(CorruptionError):
            decode(key, sealed(table, key, body))


def test_an_unbalanced_entry_is_corruption():
    """The journal is checked again when it is read: before the write, after the read. I1."""
    ((key, value),) = rows_of(WRITES)[Table.JOURNAL]
    thirty, thirty_one = (number.to_bytes(8, "big") for number in (30, 31))
    body = value[:-4].replace(thirty, thirty_one)

    with pytest.raises(CorruptionError, match="a difference of 1"):
        records.decode_journal(key, body + crc32c(body).to_bytes(4, "big"))


def test_keys_sort_as_their_positions():
    """Fixed width, big-endian: the order of bytes is the order of meaning."""
    positions = [(0, 0), (0, 65_535), (1, 0), (255, 1), (256, 0), (2**63, 0)]
    entries = [(*position, n) for position in positions for n in (0, 256)]

    assert list(map(records.position_key, positions)) == sorted(
        map(records.position_key, positions)
    )
    assert list(map(records.entry_key, entries)) == sorted(
        map(records.entry_key, entries)
    )
    assert [records.position_of(records.position_key(p)) for p in positions] == (
        positions
    )
    assert [records.entry_position_of(records.entry_key(p)) for p in entries] == entries


@pytest.mark.parametrize("read", [records.position_of, records.entry_position_of])
def test_a_key_of_another_width_is_corruption(read):
    """A key that is not one is never read as one."""
    with pytest.raises(CorruptionError, match="expected"):
        read(bytes(11))


def test_internal_keys_come_back():
    """Every kind of internal account has its key."""
    for kind in AccountKind:
        key = InternalKey(Book(False, 17_575), LedgerAccount(kind, b"a/b"))
        assert records.internal_of(records.internal_key(key)) == key
    with pytest.raises(CorruptionError, match="internal"):
        records.internal_of(bytes(8))


def test_payout_and_account_ids_do_not_share_a_key():
    """One id of two kinds has two rows."""
    assert records.id_key(IdKind.PAYOUT, ALICE) != records.id_key(IdKind.ACCOUNT, ALICE)


def test_a_bank_and_its_reference_are_told_apart():
    """No choice of names makes two references one key."""
    keys = {
        records.external_ref_key(ExternalRef(bank, reference))
        for bank, reference in ((b"ab", b"c"), (b"a", b"bc"), (b"abc", b""))
    }

    assert len(keys) == 3


def test_outcomes_are_canonical():
    """Answers have one form: retries by row, whatever order they were noted in."""
    outcomes = Outcomes(
        bytearray((0, 1, 2, 0xB0)), array("q", (25, 25, 0, 0)), bytearray((3, 7, 0, 0))
    )
    replayed = Retry(7, 3, 99, 7, 25, same_request=True)
    conflict = Retry(7, 3, 99, 0, 0, same_request=False, differing=("rail", "x"))
    outcomes.retries = {1: replayed, 2: conflict}
    raw = records.encode_outcomes(outcomes)
    outcomes.retries = {2: conflict, 1: replayed}

    assert records.encode_outcomes(outcomes) == raw
    golden.check("outcomes_v1", {"four rows": raw})


def test_empty_writes_have_no_rows():
    """An entry that did nothing leaves nothing."""
    assert records.encode_writes(Writes()) == []


def test_rows_of_accepted_submits():
    """The fast lane's rows are durable layouts too, and each table's rows are sorted."""
    books = ledger()
    books.submit(submit(3), submit(2, amount_minor=10**9), submit(1))
    tables = books.view.tables

    cases = {
        f"{table} {key.hex()}": value
        for table in (Table.PAYOUT, Table.JOURNAL, Table.EVENT, Table.ID, Table.META)
        for key, value in tables[table].items()
        if table in (Table.META, Table.ID) or key[:8] == (3).to_bytes(8, "big")
    }

    golden.check("submit_rows_v1", cases)
