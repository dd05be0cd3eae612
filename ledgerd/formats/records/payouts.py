"""What is kept of payouts: head, status and its past, what waits for them, their exceptions."""

from collections.abc import Sequence
from struct import Struct, pack
from typing import Final

from ledgerd.formats import lifecycle
from ledgerd.formats.records.rows import (
    BYTE,
    DROPPED,
    VERSION,
    Row,
    Table,
    count_body,
    expect_size,
    opened,
    position_body,
    position_key,
    position_of,
    read_count,
    read_key,
    read_position,
    sealed,
    sealed_row,
)
from ledgerd.ledger.accounts import EntryPosition, Position
from ledgerd.ledger.exceptions import LedgerException
from ledgerd.ledger.payouts import PayoutHead, PayoutState, PayoutStatus
from ledgerd.ledger.timers import Timer, TimerKind

_PAST_KEY: Final = Struct(">QHHQH")
_ORDINAL: Final = Struct(">H")
_READY_KEY: Final = Struct(">HQ")
_TIMER_KEY: Final = Struct(">QQHB")
PAYOUT: Final = Struct(">B16s16sqHHHqqBB")
_RELEASE: Final = Struct(">q")
_STATUS: Final = Struct(">BBIQHHqqqq")


def payout_past_key(change: EntryPosition, payout: Position) -> bytes:
    """Return the key of what a payout was before one of its changes."""
    return _PAST_KEY.pack(*change, *payout)


def payout_past_of(key: bytes) -> tuple[EntryPosition, Position]:
    """Return the position of the change, and of the payout, in a key of `payout_past`."""
    index, ordinal, n, *payout = read_key(_PAST_KEY, key, "a change of a payout")
    return (index, ordinal, n), (payout[0], payout[1])


def timer_key(timer: Timer) -> bytes:
    """Return the key of a timer: the first key is the first due."""
    return _TIMER_KEY.pack(timer.due_us, *timer.position, timer.kind)


def timer_row(timer: Timer, *, is_kept: bool) -> Row:
    """Return the row of a timer, DROPPED when it has run out or is not needed."""
    return timer_key(timer), sealed(BYTE[VERSION]) if is_kept else DROPPED


def timer_of(key: bytes, value: bytes) -> Timer:
    """Return the timer that a row stands for. Layout of the value: version."""

    def read(body: bytes) -> Timer:
        expect_size(body, 1)
        due_us, index, ordinal, kind = read_key(_TIMER_KEY, key, "a timer")
        return Timer(due_us, (index, ordinal), TimerKind(kind))

    return opened(Table.TIMER, key, value, read)


def ready_key(rail: int, index: int) -> bytes:
    """Return the key of the payouts of one entry that a worker may take."""
    return _READY_KEY.pack(rail, index)


def ready_of(key: bytes) -> tuple[int, int]:
    """Return rail and index in a key of `ready`."""
    rail, index = read_key(_READY_KEY, key, "payouts that are ready")
    return rail, index


# payout: version, payout id, account id, amount, currency, rail, length of details u16,
# fee, ts, state, length of principal u8; in layout 2 the time of release i64; details;
# principal. Only a scheduled payout has layout 2.


def payout_row(head: PayoutHead) -> Row:
    """Return the row of the immutable head of a payout."""
    principal = head.principal.encode()
    fixed = PAYOUT.pack(
        2 if head.release_at_us else VERSION,
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
    return position_key(head.position), sealed(fixed + head.details + principal)


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
        ) = PAYOUT.unpack_from(body)
        start = PAYOUT.size
        release_at_us = 0
        if layout > 1:
            (release_at_us,) = _RELEASE.unpack_from(body, start)
            start += _RELEASE.size
        middle = start + details_bytes
        expect_size(body, middle + principal_bytes)
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

    return opened(Table.PAYOUT, key, value, read)


# payout_state of layout 1: version, state, sequence u32, last entry, ts, returned, reversed,
# absorbed. Of layout 2: formats/lifecycle.


def status_row(position: Position, status: PayoutStatus) -> Row:
    """Return the row of what changed since a payout was made."""
    if not lifecycle.is_plain(status):
        return position_key(position), sealed(lifecycle.pack_status(status))
    value = _STATUS.pack(
        VERSION,
        status.state,
        status.sequence,
        *status.last_entry,
        status.ts_us,
        status.returned_minor,
        status.reversed_minor,
        status.absorbed_minor,
    )
    return position_key(position), sealed(value)


def decode_payout_status(key: bytes, value: bytes) -> PayoutStatus:
    """Return what changed since the payout was made."""
    return opened(Table.PAYOUT_STATE, key, value, _read_status)


def _read_status(body: bytes) -> PayoutStatus:
    if body[0] == lifecycle.STATUS_LAYOUT:
        return lifecycle.unpack_status(body)
    _, state, sequence, index, ordinal, n, ts_us, *parts = _STATUS.unpack(body)
    return PayoutStatus(
        PayoutState(state), sequence, (index, ordinal, n), ts_us, *parts
    )


# payout_past: as payout_state.


def past_row(change: EntryPosition, payout: Position, before: PayoutStatus) -> Row:
    """Return the row of what a payout was before one of its changes."""
    _, value = status_row(payout, before)
    return payout_past_key(change, payout), value


def decode_payout_past(key: bytes, value: bytes) -> PayoutStatus:
    """Return what a payout was before the change that the key names."""
    change, _ = payout_past_of(key)

    def read(body: bytes) -> PayoutStatus:
        status = _read_status(body)
        if status.last_entry >= change:
            raise ValueError(f"expected a change before it, found {status.last_entry}")
        return status

    return opened(Table.PAYOUT_PAST, key, value, read)


def under_way_row(account_id: bytes, count: int) -> Row:
    """Return the row of how many payouts of an account are under way."""
    return account_id, sealed(count_body(count))


def decode_under_way(key: bytes, value: bytes) -> int:
    """Return how many payouts of an account are under way. Layout: version, count u32."""
    return opened(Table.UNDER_WAY, key, value, read_count)


def rail_key_row(rail_key: str, position: Position, layout: int) -> Row:
    """Return the row of a rail key."""
    return sealed_row(rail_key.encode("ascii"), position_body(position, layout))


def decode_rail_key(key: bytes, value: bytes) -> Position:
    """Return whose rail key it is. Layout: version, index, ordinal."""
    return opened(Table.RAIL_KEY, key, value, read_position)


def exception_row(exception: LedgerException) -> Row:
    """Return the row of an exception."""
    body = lifecycle.pack_exception(exception)
    return position_key(exception.position), sealed(body)


def decode_exception(key: bytes, value: bytes) -> LedgerException:
    """Return an exception."""
    position = position_of(key)
    return opened(
        Table.EXCEPTION,
        key,
        value,
        lambda body: lifecycle.unpack_exception(position, body),
    )


def ready_row(rail: int, index: int, ordinals: Sequence[int]) -> Row:
    """Return the row of the payouts of one entry that a worker may take, DROPPED if none."""
    body = pack(f">B{len(ordinals)}H", VERSION, *ordinals)
    return ready_key(rail, index), sealed(body) if ordinals else DROPPED


def decode_ready(key: bytes, value: bytes) -> tuple[int, ...]:
    """Return the ordinals of payouts of one entry. Layout: version, then u16 each, rising."""

    def read(body: bytes) -> tuple[int, ...]:
        ordinals = tuple(ordinal for (ordinal,) in _ORDINAL.iter_unpack(body[1:]))
        if not ordinals or list(ordinals) != sorted(set(ordinals)):
            raise ValueError(f"expected rising ordinals, found {ordinals}")
        return ordinals

    return opened(Table.READY, key, value, read)
