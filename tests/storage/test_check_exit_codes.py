"""`ledgerd check` refuses what it cannot check, with the documented exit code."""

import os
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest
from click.testing import CliRunner

from ledgerd.cli.main import cli
from ledgerd.storage.environment import LMDB_MAJOR
from ledgerd.storage.whole import is_whole
from tests.storage.world import make_node, open_node, usual_history


def test_a_running_node_is_refused(tmp_path: Path) -> None:
    """Exit code 73, naming the process."""
    node = tmp_path / "node"
    make_node(node, usual_history())

    with open_node(node):
        result = CliRunner().invoke(cli, ["check", "--data-dir", str(node)])

    assert result.exit_code == 73
    assert "is in use by process" in result.stderr
    assert "stop that process first" in result.stderr


def test_what_is_no_data_directory_is_refused(tmp_path: Path) -> None:
    """Exit code 73, and nothing is made in it."""
    result = CliRunner().invoke(cli, ["check", "--data-dir", str(tmp_path)])

    assert result.exit_code == 73
    assert "is not a ledgerd data directory: expected log/data.mdb" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("log", "Bring the node back under a new id: ledgerctl cluster replace"),
        ("state", "A node that starts folds its state again from log/, or fetches it"),
    ],
)
@pytest.mark.parametrize("pages", [0, 2, 3, 8])
def test_a_file_that_was_cut_off_is_told(
    tmp_path: Path, name: str, advice: str, pages: int
) -> None:
    """Reading beyond the end of a mapped file would end the check without a word."""
    node = tmp_path / "node"
    make_node(node, usual_history())
    file = node / name / "data.mdb"
    os.truncate(file, pages * 4_096)

    result = CliRunner().invoke(cli, ["check", "--data-dir", str(node)])

    assert result.exit_code == 71
    assert (
        f"{file} is cut off: it ends before the pages that it uses, at {pages * 4_096} "
        f"bytes. {advice}"
    ) in result.stdout
    assert "\n1 finding: no entries, applied up to 0" in result.stdout
    assert file.stat().st_size == pages * 4_096


def make_a_leaf_a_branch(data: bytearray, at: int) -> None:
    """Flip two bits of the page in which the row at `at` stands: what it is."""
    data[at - at % 4_096 + 10] ^= 3


def make_a_value_long(data: bytearray, at: int) -> None:
    """Set the upper half of the size of the value."""
    data[at - 6 : at - 4] = b"\xff\x07"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (make_a_leaf_a_branch, "is damaged: what reads it is ended by the system ("),
        (make_a_value_long, "state/, table payout: mdb_"),
    ],
)
def test_damage_that_lmdb_follows_or_refuses_is_told(
    tmp_path: Path, damage: Callable[[bytearray, int], None], said: str
) -> None:
    """T85: it believes what stands in a page, and what it refuses it refuses for all that follows.

    The check must not be ended by the one, nor stumble over the other.
    """
    node = tmp_path / "node"
    make_node(node, usual_history())
    file = node / "state" / "data.mdb"
    with open_node(node) as environment, environment.state.begin() as transaction:
        cursor = transaction.cursor(environment.state_tables["payout"])
        assert cursor.last()
        row = cursor.key() + cursor.value()
    data = bytearray(file.read_bytes())
    at = data.find(row)
    assert at >= 0
    while at >= 0:
        damage(data, at)
        at = data.find(row, at + 1)
    file.write_bytes(data)

    result = CliRunner().invoke(cli, ["check", "--data-dir", str(node)])

    assert result.exit_code == 71
    assert said in result.stdout


def test_a_file_without_its_free_pages_at_the_end_is_whole(tmp_path: Path) -> None:
    """LMDB does not write a page that was freed by the transaction that took it."""
    with lmdb.open(
        str(tmp_path), max_dbs=4, map_size=64 * 1024**2, lib_version=LMDB_MAJOR
    ) as environment:
        table = environment.open_db(b"t")
        file = tmp_path / "data.mdb"
        for number in range(1_000):
            with environment.begin(db=table, write=True) as transaction:
                for key in range(40):
                    transaction.put(b"%d %d" % (number, key), bytes(500))
                for key in range(number % 40, 40):
                    transaction.delete(b"%d %d" % (number, key))
            if file.stat().st_size < (environment.info()["last_pgno"] + 1) * 4_096:
                break
        else:
            raise AssertionError(
                "LMDB writes all its pages now; is_whole may be simpler"
            )

    assert is_whole(tmp_path)
