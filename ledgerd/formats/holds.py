"""The bytes of one hold: the body of a row of the table `hold`, which `records` seals.

Layout, big-endian, version 1: version u8, hold id, account id, amount i64, currency u16,
expires at i64, state u8, ts i64, captured amount i64, index u64, ordinal u16 and n u16 of its
last change, ts of that i64, length of the id it was captured to u8 (0 or 16), length of
reference u8, length of principal u8; that id; reference; principal.
"""

from struct import Struct
from typing import Final

from ledgerd.ledger.accounts import Position
from ledgerd.ledger.holds import Hold, HoldState
from ledgerd.limits import ID_BYTES

_VERSION: Final = 1
_HOLD: Final = Struct(">B16s16sqHqBqqQHHqBBB")


def pack(hold: Hold) -> bytes:
    """Return the body of a hold's row."""
    reference, principal = hold.reference.encode(), hold.principal.encode()
    fixed = _HOLD.pack(
        _VERSION,
        hold.hold_id,
        hold.account_id,
        hold.amount_minor,
        hold.currency,
        hold.expires_at_us,
        hold.state,
        hold.ts_us,
        hold.captured_minor,
        *hold.changed,
        hold.changed_ts_us,
        len(hold.captured_to),
        len(reference),
        len(principal),
    )
    return fixed + hold.captured_to + reference + principal


def unpack(position: Position, body: bytes) -> Hold:
    """Return the hold of a sound body. Raises ValueError or struct.error for other bytes."""
    (
        _,
        hold_id,
        account_id,
        amount_minor,
        currency,
        expires_at_us,
        state,
        ts_us,
        captured_minor,
        index,
        ordinal,
        n,
        changed_ts_us,
        to_bytes,
        reference_bytes,
        principal_bytes,
    ) = _HOLD.unpack_from(body)
    reference_at = _HOLD.size + to_bytes
    principal_at = reference_at + reference_bytes
    if to_bytes not in (0, ID_BYTES) or len(body) != principal_at + principal_bytes:
        raise ValueError(f"expected a hold, found {len(body)} bytes")
    return Hold(
        hold_id,
        account_id,
        amount_minor,
        currency,
        expires_at_us,
        body[reference_at:principal_at].decode(),
        position,
        ts_us,
        body[principal_at:].decode(),
        HoldState(state),
        captured_minor,
        body[_HOLD.size : reference_at],
        (index, ordinal, n),
        changed_ts_us,
    )
