"""Rows of accepted submits, straight from columns.

They are the same bytes as the rows of the same payouts laid out one by one, which a property test
compares.
"""

from collections import defaultdict
from struct import Struct
from typing import Final, NamedTuple

from google_crc32c import value as crc32c

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
    CRC,
    KEYED,
    VERSION,
    Row,
    Table,
)
from ledgerd.ledger.accounts import Account, AccountKind, Side
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.journal import EntryReason
from ledgerd.ledger.payouts import PayoutState
from ledgerd.ledger.view import AcceptedSubmits

# The same layouts with what is constant for all rows of an account already packed.
_KEY: Final = Struct(">QH")
_SUBMIT_JOURNAL: Final = Struct(">23sQqq24sQHH3sq3sq")
_SUBMIT_EVENT: Final = Struct(">2sQq16s4sqq17sqq24s")
_EVENT_STATES: Final = Struct(">BBH")
_THREE: Final = Struct(">qqq")
assert _SUBMIT_JOURNAL.size == JOURNAL.size + TOUCHED.size + 2 * LEG.size
assert _SUBMIT_EVENT.size == EVENT.size + AFTER.size

# What is constant for all rows; an Enum looks a member up each time.
_PAYOUT: Final = Table.PAYOUT
_JOURNAL: Final = Table.JOURNAL
_EVENT: Final = Table.EVENT
_ID: Final = Table.ID
_READY: Final = int(PayoutState.READY)
_SUBMIT: Final = int(EntryReason.SUBMIT)
_DEBIT: Final = bytes((AccountKind.AVAILABLE, 0, Side.DEBIT))
_CREDIT: Final = bytes((AccountKind.RESERVED, 0, Side.CREDIT))
_EVENT_HEAD: Final = BYTE[VERSION] + BYTE[EventKind.PAYOUT_CREATED]
_ID_SUFFIX: Final = BYTE[IdKind.PAYOUT]


class _Constants(NamedTuple):
    """What is alike in all rows of one account, packed once a batch.

    still: the three balances that a submit leaves alone.
    """

    account_id: bytes
    journal_head: bytes
    event_states: bytes
    event_account: bytes
    still: bytes


_NOBODY: Final = _Constants(b"", b"", b"", b"", b"")


def _constants(account: Account | None) -> _Constants:
    if account is None:
        return _NOBODY
    account_id = account.account_id
    currency = account.currency
    return _Constants(
        account_id,
        JOURNAL.pack(VERSION, _SUBMIT, account.livemode, currency, 1, 2) + account_id,
        _EVENT_STATES.pack(0, _READY, currency),
        b"\x01" + account_id,
        _THREE.pack(
            account.held_minor, account.blocked_minor, account.receivable_minor
        ),
    )


def add_submits(
    tables: defaultdict[Table, list[Row]], submits: AcceptedSubmits, layout: int
) -> None:
    """Lay out the rows of accepted submits straight from their columns."""
    index, ts_us, batch = submits.index, submits.ts_us, submits.batch
    constants = list(map(_constants, submits.accounts))
    principals = list(map(str.encode, batch.principals))
    ids, refs, amounts_minor = batch.ids, batch.account_refs, batch.amounts_minor
    currencies, rails, texts = batch.currencies, batch.rails, batch.details
    principal_refs = batch.principal_refs
    add_payout, add_journal = tables[_PAYOUT].append, tables[_JOURNAL].append
    add_event, add_id = tables[_EVENT].append, tables[_ID].append
    id_head = BYTE[layout] + BYTE[0]
    covers_keys = layout >= KEYED
    crc, pack_crc, pack_key = crc32c, CRC.pack, _KEY.pack
    pack_payout, pack_journal = PAYOUT.pack, _SUBMIT_JOURNAL.pack
    pack_event = _SUBMIT_EVENT.pack

    for seq, row in enumerate(submits.rows, submits.event_seq_first):
        ordinal, fee_minor, available_minor, reserved_minor, sequence, previous = row
        ref = refs[ordinal]
        account_id, journal_head, event_states, event_account, still = constants[ref]
        payout_id, amount_minor = ids[ordinal], amounts_minor[ordinal]
        details, principal = texts[ordinal], principals[principal_refs[ordinal]]
        key = pack_key(index, ordinal)
        entry_key = key + b"\0\0"

        body = pack_payout(
            VERSION,
            payout_id,
            account_id,
            amount_minor,
            currencies[ordinal],
            rails[ordinal],
            len(details),
            fee_minor,
            ts_us,
            _READY,
            len(principal),
        )
        body += details + principal
        add_payout((key, body + pack_crc(crc(body))))

        total_minor = amount_minor + fee_minor
        body = pack_journal(
            journal_head,
            sequence,
            available_minor,
            reserved_minor,
            still,
            *previous,
            _DEBIT,
            total_minor,
            _CREDIT,
            total_minor,
        )
        add_journal((entry_key, body + pack_crc(crc(body))))

        body = pack_event(
            _EVENT_HEAD,
            seq,
            ts_us,
            payout_id,
            event_states,
            amount_minor,
            fee_minor,
            event_account,
            available_minor,
            reserved_minor,
            still,
        )
        add_event((entry_key, body + pack_crc(crc(body))))

        id_key, body = payout_id + _ID_SUFFIX, id_head + key
        summed = body + id_key if covers_keys else body
        add_id((id_key, body + pack_crc(crc(summed))))

        if seq % EVENT_SEEK_EVERY == 0:
            tables[Table.EVENT_SEEK].append(seek_row(seq, (index, ordinal, 0)))
        if sequence % ACCOUNT_MARK_EVERY == 0:
            account = submits.accounts[ref]
            assert account is not None, ordinal
            balances = account.balances._replace(
                available_minor=available_minor, reserved_minor=reserved_minor
            )
            tables[Table.ACCOUNT_MARK].append(
                mark_row(account_id, sequence, (index, ordinal, 0), balances)
            )
