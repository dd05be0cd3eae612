"""A row of the state: its table, its layout version, and the checksum behind its value."""

from collections.abc import Callable
from enum import StrEnum
from struct import Struct
from struct import error as StructError
from typing import Final, NamedTuple, TypeVar

from google_crc32c import value as crc32c

from ledgerd.errors import CorruptionError
from ledgerd.formats import lifecycle
from ledgerd.ledger.accounts import Position

T = TypeVar("T")
Row = tuple[bytes, bytes]


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


VERSION: Final = 1  # of every layout below that has only one
# The newest layout of the others; older ones are read for ever.
KEYED: Final = 2  # the layout from which on the checksum covers the key too, of these:
_KEYED_TABLES: Final = frozenset(
    {Table.ID, Table.REQUEST, Table.EVIDENCE, Table.RAIL_KEY}
)
_NEWEST: Final = {
    **dict.fromkeys(_KEYED_TABLES, KEYED),
    Table.PAYOUT: 2,
    Table.ACCOUNT: 2,
    Table.CONFIG: 2,
    Table.PAYOUT_STATE: lifecycle.STATUS_LAYOUT,
    Table.PAYOUT_PAST: lifecycle.STATUS_LAYOUT,
}
_CRC_BYTES: Final = 4
CRC: Final = Struct(">I")
BYTE: Final = [bytes((byte,)) for byte in range(256)]
_POSITION: Final = Struct(">QH")
_POSITION_BODY: Final = Struct(">BQH")
_COUNT_BODY: Final = Struct(">BI")
SEQ: Final = Struct(">Q")


def position_key(position: Position) -> bytes:
    """Return the key of a payout, and of its status."""
    return _POSITION.pack(*position)


def position_of(key: bytes) -> Position:
    """Return the position in a key of `payout` or `payout_state`."""
    index, ordinal = read_key(_POSITION, key, "a position")
    return index, ordinal


def sealed(body: bytes) -> bytes:
    """Return a value: the body, and the checksum behind it."""
    return body + CRC.pack(crc32c(body))


def position_body(position: Position, layout: int = VERSION) -> bytes:
    """Return the body of a row that says where something stands: version, index, ordinal."""
    return _POSITION_BODY.pack(layout, *position)


def read_position(body: bytes) -> Position:
    """Return what `position_body` wrote."""
    _, index, ordinal = _POSITION_BODY.unpack(body)
    return index, ordinal


def count_body(count: int) -> bytes:
    """Return the body of a row that counts: version, count u32."""
    return _COUNT_BODY.pack(VERSION, count)


def read_count(body: bytes) -> int:
    """Return what `count_body` wrote."""
    return int(_COUNT_BODY.unpack(body)[1])


def sealed_row(key: bytes, body: bytes) -> Row:
    """Return a row of a table in _KEYED_TABLES: its layout says what is summed."""
    summed = body + key if body[0] >= KEYED else body
    return key, body + CRC.pack(crc32c(summed))


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
    is_keyed = table in _KEYED_TABLES and body[0] >= KEYED
    found: int = crc32c(body + key if is_keyed else body)
    return found


def _body(table: Table, key: bytes, value: bytes) -> bytes:
    """Return the body of a sound value of a known version, else raise CorruptionError."""
    body = bytes(value[:-_CRC_BYTES])
    found = int.from_bytes(value[-_CRC_BYTES:], "big")
    expected = _sum(table, key, body) if body else 0
    if expected != found or not body:
        raise corrupt(
            table,
            key,
            f"expected checksum {expected:08x} behind {len(body)} bytes, "
            f"found {found:08x}",
        )
    if not 1 <= body[0] <= _NEWEST.get(table, VERSION):
        raise corrupt(
            table,
            key,
            f"expected layout version {_NEWEST.get(table, VERSION)}, found {body[0]}",
        )
    return body


def opened(table: Table, key: bytes, value: bytes, read: Callable[[bytes], T]) -> T:
    """Return what `read` makes of the body of a sound value; flaws name table and key."""
    body = _body(table, key, value)
    try:
        return read(body)
    except (StructError, IndexError, ValueError) as exc:
        raise corrupt(table, key, str(exc)) from exc


def corrupt(table: Table, key: bytes, flaw: str) -> CorruptionError:
    """Return the error that names a row and what is wrong with it."""
    return CorruptionError(f"table {table}, key {bytes(key).hex()}: {flaw}")


def read_key(layout: Struct, key: bytes, what: str) -> tuple[int, ...]:
    """Return the numbers in a key. Raises CorruptionError if it has another size."""
    if len(key) != layout.size:
        raise CorruptionError(
            f"expected {layout.size} bytes of {what}, found {bytes(key).hex()}"
        )
    return layout.unpack(key)


def expect_size(body: bytes, size_bytes: int) -> None:
    """Raise ValueError, which `opened` tells of, if a body has another size."""
    if len(body) != size_bytes:
        raise ValueError(f"expected {size_bytes} bytes, found {len(body)}")


def short_text(text: str) -> bytes:
    """Return a text of at most 255 bytes behind its length."""
    raw = text.encode()
    return BYTE[len(raw)] + raw
