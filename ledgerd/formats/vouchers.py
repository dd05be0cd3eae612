"""The bytes of one voucher: the body of a row of the table `voucher`, which `records` seals.

Layout, big-endian, version 1: version u8, entry reason u8, livemode u8, currency u16, state u8,
index u64, ordinal u16 and n u16 of the linked entry, index u64 and ordinal u16 of the voucher,
ts i64, index u64, ordinal u16 and n u16 of its last change, ts of that i64, number of legs u8,
length of reason u8, of principal u8, of who changed it last u8; per leg kind u8, side u8, amount
i64, length of subject u8 and subject; reason; principal; who changed it last.
"""

from struct import Struct
from typing import Final

from ledgerd.ledger.accounts import AccountKind, Book, LedgerAccount, Side
from ledgerd.ledger.journal import EntryReason, Leg
from ledgerd.ledger.vouchers import Voucher, VoucherState

_VERSION: Final = 1
_VOUCHER: Final = Struct(">BBBHBQHHQHqQHHqBBBB")
_LEG: Final = Struct(">BBqB")


def pack(voucher: Voucher) -> bytes:
    """Return the body of a voucher's row."""
    texts = [
        text.encode()
        for text in (voucher.reason, voucher.principal, voucher.changed_by)
    ]
    parts = [
        _VOUCHER.pack(
            _VERSION,
            voucher.entry_reason,
            voucher.book.livemode,
            voucher.book.currency,
            voucher.state,
            *voucher.linked,
            *voucher.position,
            voucher.ts_us,
            *voucher.changed,
            voucher.changed_ts_us,
            len(voucher.legs),
            *map(len, texts),
        )
    ]
    for leg in voucher.legs:
        kind, subject = leg.account
        parts += (_LEG.pack(kind, leg.side, leg.amount_minor, len(subject)), subject)
    return b"".join([*parts, *texts])


def unpack(voucher_id: bytes, body: bytes) -> Voucher:
    """Return the voucher of a sound body. Raises ValueError or struct.error for other bytes."""
    _, reason, livemode, currency, state, *numbers = _VOUCHER.unpack_from(body)
    *numbers, leg_count, reason_bytes, principal_bytes, changer_bytes = numbers
    index, ordinal, n, made_index, made_ordinal, ts_us, *changed = numbers
    at = _VOUCHER.size
    legs: list[Leg] = []
    for _ in range(leg_count):
        kind, side, amount_minor, subject_bytes = _LEG.unpack_from(body, at)
        at += _LEG.size
        subject = body[at : at + subject_bytes]
        at += subject_bytes
        account = LedgerAccount(AccountKind(kind), subject)
        legs.append(Leg(account, Side(side), amount_minor))
    principal_at = at + reason_bytes
    changer_at = principal_at + principal_bytes
    if len(body) != changer_at + changer_bytes:
        raise ValueError(f"expected a voucher, found {len(body)} bytes")
    changed_index, changed_ordinal, changed_n, changed_ts_us = changed
    return Voucher(
        voucher_id,
        EntryReason(reason),
        Book(bool(livemode), currency),
        tuple(legs),
        body[at:principal_at].decode(),
        (index, ordinal, n),
        (made_index, made_ordinal),
        ts_us,
        body[principal_at:changer_at].decode(),
        VoucherState(state),
        (changed_index, changed_ordinal, changed_n),
        changed_ts_us,
        body[changer_at:].decode(),
    )
