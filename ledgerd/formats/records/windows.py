"""What limits and rules look at: windows, destinations that were paid, frozen owners."""

from struct import Struct
from typing import Final

from ledgerd.errors import CorruptionError
from ledgerd.formats import risk_records
from ledgerd.formats.records.rows import (
    Row,
    Table,
    count_body,
    opened,
    position_body,
    read_count,
    read_key,
    read_position,
    sealed,
)
from ledgerd.ledger.accounts import Position
from ledgerd.ledger.risk import LimitKind
from ledgerd.ledger.view import KnownKey
from ledgerd.ledger.windows import WindowKey, WindowUse

KNOWN_PREFIX: Final = b"\x10"
FROZEN_PREFIX: Final = b"\x11"
_WINDOW_KEY: Final = Struct(">BBHQQ")
_KNOWN_KEY: Final = Struct(">B16s16s")


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
    kind, livemode, currency, window_us, since_us = read_key(
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


def window_row(key: WindowKey, use: WindowUse) -> Row:
    """Return the row of a window."""
    return window_key(key), sealed(risk_records.encode_window(use))


def decode_window(key: bytes, value: bytes) -> WindowUse:
    """Return what a window holds. Layout: `risk_records`."""
    return opened(Table.WINDOW, key, value, risk_records.decode_window)


def known_row(key: KnownKey, position: Position) -> Row:
    """Return the row of a destination that an account has paid."""
    return known_key(key), sealed(position_body(position))


def decode_known(key: bytes, value: bytes) -> Position:
    """Return the first payout seen to settle at a destination. Layout: version, position."""
    return opened(Table.WINDOW, key, value, read_position)


def frozen_row(owner_ref: str, count: int) -> Row:
    """Return the row of an owner's frozen accounts."""
    return frozen_key(owner_ref), sealed(count_body(count))


def decode_frozen(key: bytes, value: bytes) -> int:
    """Return how many accounts of an owner are frozen. Layout: version, count u32."""
    return opened(Table.WINDOW, key, value, read_count)
