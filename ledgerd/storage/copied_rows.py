"""The rows of a copied state, each looked at before the copy is used by anybody (T74, T90).

LMDB copies pages and does not notice a flipped bit, so a row that rotted travels as it is. The
SHA-256 of a copy only proves that the copy is what was made. Here every value is held against its
own checksum, and every key against the one before it, on both ends: by the maker before the copy is
offered, by the receiver before it is put in place. What rows say of each other is not looked at
(`rows`): that takes ten times as long, and a node that is behind waits for this.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import lmdb

from ledgerd.errors import CorruptionError, StateRottenError
from ledgerd.formats.records import Table, is_sealed
from ledgerd.replica.pace import Pace
from ledgerd.storage.environment import LMDB_MAJOR, Environment
from ledgerd.storage.tables import DAMAGE

_PIECE_BYTES: Final = 256 << 10
_REST_PER_WORK: Final = 1  # half of a core at most: the interpreter runs one thread

GoesOn = Callable[[int], bool]


class RowRotten(CorruptionError):
    """A row of a copy fails its check. key: b"" where what holds the rows together is broken."""

    def __init__(self, table: str, key: bytes, why: str) -> None:
        super().__init__(f"state/, table {table}, key {key.hex() or 'unknown'}: {why}")
        self.table = table
        self.key = key


def check_copy(path: Path, goes_on: GoesOn = lambda _: True) -> bool:
    """Read every row of the copied state at `path`; return whether it was read to the end.

    goes_on: told the bytes of each piece that was read, and may take its time; if it says no the
    reading ends. Errors: RowRotten at the first row that fails; CorruptionError for no copy.
    """
    known = frozenset(table.value for table in Table)
    try:
        with lmdb.open(
            str(path),
            subdir=False,
            readonly=True,
            lock=False,
            max_dbs=len(known) + 8,
            lib_version=LMDB_MAJOR,
        ) as copy:
            with copy.begin() as transaction:
                names = [bytes(name).decode() for name, _ in transaction.cursor()]
            return all(
                _check_table(copy, name, goes_on) for name in names if name in known
            )
    except (lmdb.Error, OSError) as error:
        raise CorruptionError(f"{path}: it is no copy of a state: {error}") from error


def blame(environment: Environment, rotten: RowRotten) -> None:
    """Return if the row is sound in state/ itself: then only the copy of it is bad.

    Errors: StateRottenError if it is not, or what holds the rows of state/ together is broken.
    """
    try:
        with environment.reading():
            table = environment.state_tables[rotten.table]
            with (
                environment.state.begin(table) as transaction,
                transaction.cursor() as cursor,
            ):
                is_sound = _is_sound(cursor, rotten.table, rotten.key)
    except DAMAGE as error:
        raise StateRottenError(f"state/, table {rotten.table}: {error}") from error
    if not is_sound:
        raise StateRottenError(str(rotten))


def _is_sound(cursor: "lmdb.Cursor[bytes]", table: str, key: bytes) -> bool:
    """Return whether a row stands as it should; one that has gone since the copy does."""
    if key and cursor.set_range(key) and cursor.key() == key:
        if not is_sealed(table, key, cursor.value()):
            return False
        return not cursor.prev() or cursor.key() < key
    # It is gone, or not found where it stands: rare enough to look at all keys.
    before = b""
    for found in cursor.iternext(keys=True, values=False):
        if found <= before:
            return False
        before = found
    return True


def unhurried(bytes_per_s: int, should_stop: Callable[[], bool]) -> GoesOn:
    """Return what keeps the pace of a reading, and rests as long as it worked.

    should_stop: asked after each piece.
    """
    pace = Pace(bytes_per_s, time.monotonic)
    began_at = time.monotonic()

    def goes_on(size_bytes: int) -> bool:
        nonlocal began_at
        worked_s = time.monotonic() - began_at
        time.sleep(max(pace.wait_s(size_bytes), _REST_PER_WORK * worked_s))
        began_at = time.monotonic()
        return not should_stop()

    return goes_on


def _check_table(copy: lmdb.Environment, name: str, goes_on: GoesOn) -> bool:
    size_bytes, before = 0, b""
    try:
        handle = copy.open_db(name.encode(), create=False)
        with copy.begin(handle) as transaction:
            for key, value in transaction.cursor():
                if key <= before:
                    raise RowRotten(name, key, "out of order")
                if not is_sealed(name, key, value):
                    raise RowRotten(name, key, "its checksum is wrong")
                before = key
                size_bytes += len(key) + len(value)
                if size_bytes >= _PIECE_BYTES:
                    if not goes_on(size_bytes):
                        return False
                    size_bytes = 0
    except DAMAGE as error:
        raise RowRotten(name, b"", str(error)) from error
    return goes_on(size_bytes)
