"""The bytes of what the lifecycle of payouts keeps: bodies of rows, which `records` seals.

Big-endian. `payout_state` of layout 2: version u8, state u8, flags u16, sequence u32, last entry,
ts, returned, reversed, absorbed i64, open exceptions u16, rail u16, fee i64, release at i64,
arrival date u32, calendar version u32, dispatch number u16, attempt u32, lease until i64, claim
index u64, failure u8, value date u32, final at i64, cost i64, lengths of four texts u8; rail key,
worker, code, rail reference. A status that a release before could have written keeps layout 1.

`exception`: version u8, ts i64, cause u8, trigger u8, payout index u64 and ordinal u16, rail u16,
amount i64, value date u32, cost i64, proposed u8, changed index u64 and ordinal u16, ts of that
i64, lengths of seven texts u8; rail key, reference, code, who reported it, who proposed how it is
settled, the reason, who settled it.
"""

from struct import Struct
from typing import Final

from ledgerd.ledger.accounts import Position
from ledgerd.ledger.exceptions import ExceptionCause, LedgerException
from ledgerd.ledger.payouts import PayoutState, PayoutStatus

STATUS_LAYOUT: Final = 2
_STATUS: Final = Struct(">BBHIQHHqqqqHHqqIIHIqQBIqqBBBB")
_EXCEPTION: Final = Struct(">BqBBQHHqIqBQHqBBBBBBB")
_VERSION: Final = 1
_PLAIN_FIELDS: Final = 7  # of a status, that layout 1 has
_DEFAULTS: Final = tuple(
    PayoutStatus._field_defaults[name] for name in PayoutStatus._fields[_PLAIN_FIELDS:]
)


def is_plain(status: PayoutStatus) -> bool:
    """Return whether layout 1 holds all of it."""
    return status[_PLAIN_FIELDS:] == _DEFAULTS


def pack_status(status: PayoutStatus) -> bytes:
    """Return the body of a status in layout 2."""
    texts = [
        text.encode()
        for text in (status.rail_key, status.worker, status.code, status.rail_ref)
    ]
    fixed = _STATUS.pack(
        STATUS_LAYOUT,
        status.state,
        status.flags,
        status.sequence,
        *status.last_entry,
        status.ts_us,
        status.returned_minor,
        status.reversed_minor,
        status.absorbed_minor,
        status.open_exceptions,
        status.rail,
        status.fee_minor,
        status.release_at_us,
        status.arrival_date,
        status.calendar_version,
        status.dispatch_no,
        status.attempt,
        status.lease_until_us,
        status.claim_index,
        status.failure,
        status.value_date,
        status.final_at_us,
        status.cost_minor,
        *map(len, texts),
    )
    return fixed + b"".join(texts)


def unpack_status(body: bytes) -> PayoutStatus:
    """Return the status of a sound body. Raises ValueError or struct.error for other bytes."""
    (
        _,
        state,
        flags,
        sequence,
        index,
        ordinal,
        n,
        ts_us,
        returned_minor,
        reversed_minor,
        absorbed_minor,
        open_exceptions,
        rail,
        fee_minor,
        release_at_us,
        arrival_date,
        calendar_version,
        dispatch_no,
        attempt,
        lease_until_us,
        claim_index,
        failure,
        value_date,
        final_at_us,
        cost_minor,
        *lengths,
    ) = _STATUS.unpack_from(body)
    rail_key, worker, code, rail_ref = _texts(body, _STATUS.size, lengths)
    return PayoutStatus(
        PayoutState(state),
        sequence,
        (index, ordinal, n),
        ts_us,
        returned_minor,
        reversed_minor,
        absorbed_minor,
        open_exceptions,
        flags,
        rail,
        fee_minor,
        release_at_us,
        arrival_date,
        calendar_version,
        dispatch_no,
        attempt,
        rail_key,
        worker,
        lease_until_us,
        claim_index,
        failure,
        code,
        rail_ref,
        value_date,
        final_at_us,
        cost_minor,
    )


def pack_exception(row: LedgerException) -> bytes:
    """Return the body of an exception's row."""
    texts = [
        text.encode()
        for text in (
            row.rail_key,
            row.reference,
            row.code,
            row.reported_by,
            row.proposed_by,
            row.reason,
            row.resolved_by,
        )
    ]
    fixed = _EXCEPTION.pack(
        _VERSION,
        row.ts_us,
        row.cause,
        row.trigger,
        *row.payout,
        row.rail,
        row.amount_minor,
        row.value_date,
        row.cost_minor,
        row.proposed,
        *row.changed,
        row.changed_ts_us,
        *map(len, texts),
    )
    return fixed + b"".join(texts)


def unpack_exception(position: Position, body: bytes) -> LedgerException:
    """Return the exception of a sound body. Raises ValueError or struct.error for other bytes."""
    (
        _,
        ts_us,
        cause,
        trigger,
        payout_index,
        payout_ordinal,
        rail,
        amount_minor,
        value_date,
        cost_minor,
        proposed,
        changed_index,
        changed_ordinal,
        changed_ts_us,
        *lengths,
    ) = _EXCEPTION.unpack_from(body)
    rail_key, reference, code, reported_by, proposed_by, reason, resolved_by = _texts(
        body, _EXCEPTION.size, lengths
    )
    return LedgerException(
        position,
        ts_us,
        ExceptionCause(cause),
        (payout_index, payout_ordinal),
        trigger,
        rail,
        rail_key,
        reference,
        amount_minor,
        code,
        value_date,
        cost_minor,
        reported_by,
        proposed,
        proposed_by,
        reason,
        resolved_by,
        (changed_index, changed_ordinal),
        changed_ts_us,
    )


def _texts(body: bytes, at: int, lengths: list[int]) -> list[str]:
    texts: list[str] = []
    for length in lengths:
        texts.append(body[at : at + length].decode())
        at += length
    if at != len(body):
        raise ValueError(f"expected {at} bytes, found {len(body)}")
    return texts
