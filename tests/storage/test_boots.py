"""The number of each start, which an older copy of a directory repeats."""

import shutil
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.storage import boots, keys
from tests.storage.world import open_node


def started(directory: Path) -> int:
    with open_node(directory) as environment:
        return boots.count_start(environment)


def test_each_start_has_the_next_number(tmp_path: Path) -> None:
    """Durably, from 1 on."""
    assert [started(tmp_path / "node") for _ in range(3)] == [1, 2, 3]


def test_an_older_copy_put_back_repeats_a_number(tmp_path: Path) -> None:
    """F35: which its peers have seen."""
    started(tmp_path / "node")
    shutil.copytree(tmp_path / "node", tmp_path / "copy")
    newest = [started(tmp_path / "node") for _ in range(2)][-1]

    assert started(tmp_path / "copy") < newest


def test_a_damaged_record_is_told(tmp_path: Path) -> None:
    started(tmp_path / "node")
    with open_node(tmp_path / "node") as environment:
        meta = environment.log_tables[keys.META]
        with environment.log.begin(db=meta, write=True) as transaction:
            stored = bytearray(transaction.get(keys.BOOTS) or b"")
            stored[3] ^= 1
            transaction.put(keys.BOOTS, bytes(stored))
        with pytest.raises(CorruptionError, match="key boots"):
            boots.count_start(environment)
