"""Rows of accepted submits, straight from columns.

They are the same bytes as the rows of the same payouts laid out one by one, which a property test
compares.
"""

from collections.abc import Sequence
from operator import add
from struct import Struct
from typing import Final, NamedTuple, TypeVar

from ledgerd.formats.records.journal import (
    ACCOUNT_MARK_EVERY,
    AFTER,
    EVENT,
    EVENT_SEEK_EVERY,
    JOURNAL,
    LEG,
    TOUCHED,
    mark_row,
    seek_row,
)
from ledgerd.formats.records.payouts import PAYOUT
from ledgerd.formats.records.rows import (
    BYTE,
    KEYED,
    SEQ,
    VERSION,
    Row,
    Table,
    sealed_rows,
)
from ledgerd.ledger.accounts import Account, AccountKind, Side
from ledgerd.ledger.batch import PayoutColumns
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.journal import EntryReason
from ledgerd.ledger.payouts import PayoutState
from ledgerd.ledger.view import AcceptedSubmits

T = TypeVar("T")

# The same layouts with what is constant for all rows of an account already packed.
_SUBMIT_JOURNAL: Final = Struct(">23sQqq24sQHH3sq3sq")
_SUBMIT_EVENT: Final = Struct(">2sQq16s4sqq17sqq24s")
_EVENT_STATES: Final = Struct(">BBH")
_THREE: Final = Struct(">qqq")
assert _SUBMIT_JOURNAL.size == JOURNAL.size + TOUCHED.size + 2 * LEG.size
assert _SUBMIT_EVENT.size == EVENT.size + AFTER.size


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
        JOURNAL.pack(VERSION, EntryReason.SUBMIT, account.livemode, currency, 1, 2)
        + account_id,
        _EVENT_STATES.pack(0, PayoutState.READY, currency),
        b"\x01" + account_id,
        _THREE.pack(
            account.held_minor, account.blocked_minor, account.receivable_minor
        ),
    )


def add_submits(
    tables: dict[Table, list[Row]], submits: AcceptedSubmits, layout: int
) -> None:
    """Lay out the rows of accepted submits straight from their columns, table by table."""
    batch = submits.batch
    rows = submits.rows
    constants = [_constants(account) for account in submits.accounts]
    own = [constants[ref] for ref in _picked(batch.account_refs, rows, batch)]
    ids = _picked(batch.ids, rows, batch)
    amounts = _picked(batch.amounts_minor, rows, batch)
    index_key = SEQ.pack(submits.index)
    ordinals = [row.to_bytes(2, "big") for row in rows]
    keys = [index_key + ordinal for ordinal in ordinals]

    tables[Table.PAYOUT] += sealed_rows(
        keys, _payout_bodies(submits, own, ids, amounts)
    )
    entry_keys = [key + b"\0\0" for key in keys]
    bodies = _submit_journal_bodies(submits, own, amounts)
    tables[Table.JOURNAL] += sealed_rows(entry_keys, bodies)
    bodies = _submit_event_bodies(submits, own, ids, amounts)
    tables[Table.EVENT] += sealed_rows(entry_keys, bodies)
    suffix = BYTE[IdKind.PAYOUT]
    head = BYTE[layout] + BYTE[0] + index_key
    tables[Table.ID] += sealed_rows(
        [payout_id + suffix for payout_id in ids],
        [head + ordinal for ordinal in ordinals],
        covers_keys=layout >= KEYED,
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
    pack = PAYOUT.pack
    ts_us = submits.ts_us
    ready = int(PayoutState.READY)
    names = [text.encode() for text in batch.principals]
    principals = [names[ref] for ref in _picked(batch.principal_refs, rows, batch)]
    return [
        pack(
            VERSION,
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
    head = BYTE[VERSION] + BYTE[EventKind.PAYOUT_CREATED]
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
        tables[Table.EVENT_SEEK].append(seek_row(first + at, position))
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
            mark_row(account.account_id, sequence, (submits.index, row, 0), balances)
        )
