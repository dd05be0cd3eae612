"""Each row of a copied state is looked at before the copy is used. T74, T90."""

from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from ledgerd.errors import CorruptionError, StateRottenError
from ledgerd.formats.records import Table
from ledgerd.raft.entries import Entry
from ledgerd.storage import copied_rows
from ledgerd.storage.copied_rows import RowRotten, check_copy
from ledgerd.storage.environment import LMDB_MAJOR, Environment
from ledgerd.storage.state_copy import Copied, make_copy
from tests.storage.test_scrub import account_history
from tests.storage.world import make_node, open_node, usual_history

HISTORIES = (usual_history, account_history)


@pytest.fixture(params=HISTORIES)
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    entries: list[Entry] = request.param()
    make_node(tmp_path / "data", entries)
    return tmp_path / "data"


def copied(environment: Environment) -> Copied:
    return make_copy(environment, bytes_per_s=1 << 40, chunk_bytes=4096)


def rows_of(environment: Environment) -> Iterator[tuple[str, bytes, bytes]]:
    with environment.state.begin() as transaction:
        for name, handle in environment.state_tables.items():
            for key, value in transaction.cursor(handle):
                yield name, key, value


def put(environment: Environment, table: str, key: bytes, value: bytes) -> None:
    handle = environment.state_tables[table]
    with environment.state.begin(handle, write=True) as transaction:
        transaction.put(key, value)


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_all_rows_of_every_table_are_read(node: Path) -> None:
    """T74: also those of this package, and the membership: all end with their checksum."""
    with open_node(node) as environment:
        made = copied(environment)
        sizes: list[int] = []

        assert check_copy(made.path, lambda size: sizes.append(size) or True)
        assert sum(sizes) == sum(len(k) + len(v) for _, k, v in rows_of(environment))


def test_a_reading_that_is_stopped_says_so(node: Path) -> None:
    """A node that stops does not wait for millions of rows."""
    with open_node(node) as environment:
        assert not check_copy(copied(environment).path, lambda _: False)


def test_a_flipped_bit_in_any_row_makes_no_copy(node: Path) -> None:
    """F37, T90: in each row a bit of another place; the maker's own state is to blame."""
    with open_node(node) as environment:
        rows = [
            row
            for row in rows_of(environment)
            if row[0] != Table.META or row[1].startswith(b"ledger/")
        ]
        for number, (table, key, value) in enumerate(rows[:: max(1, len(rows) // 40)]):
            put(environment, table, key, flipped(value, number * 7 % (8 * len(value))))
            with pytest.raises(
                StateRottenError, match=f"table {table}, key {key.hex()}"
            ):
                copied(environment)
            assert list((node / "snapshots").iterdir()) == []
            put(environment, table, key, value)
        copied(environment)


def test_a_row_that_rotted_in_the_copy_only_blames_nobody(node: Path) -> None:
    """F37: the state is sound, so the node goes on; the copy is not used."""
    with open_node(node) as environment:

        def spoil(step: str) -> None:
            if step == "copy.written":
                _rot_first(node / "snapshots" / "making", Table.JOURNAL)

        with pytest.raises(RowRotten, match="table journal"):
            make_copy(environment, bytes_per_s=1 << 40, chunk_bytes=4096, reach=spoil)
        assert list((node / "snapshots").iterdir()) == []
        copied(environment)


def test_keys_out_of_order_are_found(tmp_path: Path) -> None:
    """T85: a flipped bit in a key is no error to LMDB; in state/ too, it is to blame."""
    make_node(tmp_path / "data", usual_history())
    with open_node(tmp_path / "data") as environment:
        made = copied(environment)
        rows = [row for row in rows_of(environment) if row[0] == Table.PAYOUT]
        _, key, value = rows[10]
        _break_key(made.path, key, value)
        with pytest.raises(RowRotten, match="out of order"):
            check_copy(made.path)
        _break_key(tmp_path / "data" / "state" / "data.mdb", key, value)
        with pytest.raises(StateRottenError, match="out of order"):
            copied(environment)


def _break_key(path: Path, key: bytes, value: bytes) -> None:
    """Set the key of a row to zeros, wherever its page lies."""
    content = path.read_bytes()
    assert key + value in content
    with path.open("r+b") as file:
        at = content.find(key + value)
        while at >= 0:
            file.seek(at)
            file.write(bytes(len(key)))
            at = content.find(key + value, at + 1)


def test_what_is_no_copy_is_said_to_be_none(tmp_path: Path) -> None:
    """T90."""
    (tmp_path / "file").write_bytes(b"nothing of the kind" * 1000)
    with pytest.raises(CorruptionError, match="it is no copy of a state"):
        check_copy(tmp_path / "file")


def test_a_row_that_went_since_the_copy_blames_nobody(node: Path) -> None:
    """F37: rows come and go while a copy is read."""
    with open_node(node) as environment:
        copied_rows.blame(environment, RowRotten(Table.READY, b"gone", "rotten"))
        copied_rows.blame(environment, RowRotten(Table.JOURNAL, b"", "rotten"))


def test_a_pace_is_kept() -> None:
    """F29: and the reading ends when it is told to."""
    stops = [False, True]
    goes_on = copied_rows.unhurried(1 << 40, lambda: stops.pop(0))
    assert [goes_on(1), goes_on(1)] == [True, False]


def _rot_first(path: Path, table: Table) -> None:
    with lmdb.open(
        str(path), subdir=False, lock=False, max_dbs=32, lib_version=LMDB_MAJOR
    ) as copy:
        handle = copy.open_db(table.encode(), create=False)
        with copy.begin(handle, write=True) as transaction:
            cursor = transaction.cursor()
            assert cursor.first()
            transaction.put(cursor.key(), flipped(cursor.value(), 40))
