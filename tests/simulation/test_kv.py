"""The model of LMDB answers as LMDB does: the same random calls are made on both."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import lmdb
import pytest

from ledgerd.simulation.kv import KvEnvironment
from ledgerd.simulation.volume import Volume

KEYS = [bytes([n]) * 2 for n in range(1, 30)]


class Pair:
    """One environment of each kind; every call goes to both, and must give the same."""

    def __init__(self, path: Path) -> None:
        self.volume = Volume("log", Random(0), is_synced_by_commit=True)
        self.both: list[Any] = [
            KvEnvironment(self.volume),
            lmdb.open(str(path), max_dbs=4, map_size=1 << 24, lib_version=0),
        ]
        self.tables = [
            [environment.open_db(name) for name in (b"a", b"b")]
            for environment in self.both
        ]

    def close(self) -> None:
        for environment in self.both:
            environment.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path / "real")
    yield made
    made.close()


def plain(found: object) -> object:
    """Return an answer in a form that compares."""
    if isinstance(found, memoryview):
        return bytes(found)
    if isinstance(found, tuple):
        return tuple(map(plain, found))
    return found


def same(what: str, subjects: list[Any], ask: Callable[[Any], object]) -> object:
    """Ask both, and return the answer that both gave."""
    model, real = (plain(ask(subject)) for subject in subjects)
    assert model == real, what
    return model


def walk(dice: random.Random, cursors: list[Any], *, write: bool) -> str:
    """Make one random call on a cursor of each kind."""
    key = dice.choice(KEYS)
    value = dice.randbytes(dice.choice((0, 3, 40)))
    moves: dict[str, Callable[[Any], object]] = {
        "first": lambda c: c.first(),
        "last": lambda c: c.last(),
        "next": lambda c: c.key() != b"" and c.next(),
        "prev": lambda c: c.key() != b"" and c.prev(),
        "set_key": lambda c: c.set_key(key),
        "set_range": lambda c: c.set_range(key),
        "get": lambda c: c.get(key),
        "all": lambda c: [plain(item) for item in c.iternext()],
        "keys": lambda c: [plain(item) for item in c.iternext(keys=True, values=False)],
        "back": lambda c: [plain(item) for item in c.iterprev()],
    }
    if write:
        moves |= {
            "put": lambda c: c.put(key, value),
            "append": lambda c: c.put(key, value, append=True),
            "keep": lambda c: c.put(key, value, overwrite=False),
            "delete": lambda c: c.delete(),
            "many": lambda c: c.putmulti([(key, value), (KEYS[3], b"x")]),
        }
    name = dice.choice(sorted(moves))
    same(name, cursors, moves[name])
    if name in ("append", "keep", "many", "all", "keys", "back", "get", "set_key"):
        same("set_range", cursors, lambda c: c.set_range(key))  # where both stand
    same(f"item after {name}", cursors, lambda c: c.item())
    return name


class Both:
    """A transaction of each kind on the same table."""

    def __init__(self, pair: Pair, table: int, *, write: bool, buffers: bool) -> None:
        self.transactions = [e.begin(write=write, buffers=buffers) for e in pair.both]
        self.handles = [tables[table] for tables in pair.tables]
        self.cursors = [
            transaction.cursor(handle)
            for transaction, handle in zip(self.transactions, self.handles, strict=True)
        ]

    def same(self, what: str, ask: Callable[[Any, Any], object]) -> None:
        """Ask both transactions about the table."""
        pairs = list(zip(self.transactions, self.handles, strict=True))
        same(what, pairs, lambda pair: ask(*pair))

    def end(self, *, keep: bool) -> None:
        for cursor in self.cursors:
            cursor.close()
        for transaction in self.transactions:
            transaction.commit() if keep else transaction.abort()


def step(dice: random.Random, both: Both, *, write: bool) -> str:
    """Do one random thing in both transactions."""
    key = dice.choice(KEYS)
    name = walk(dice, both.cursors, write=write)
    both.same("get", lambda t, db: t.get(key, db=db))
    both.same("stat", lambda t, db: t.stat(db)["entries"])
    if write and dice.random() < 0.1:
        both.same("delete", lambda t, db: t.delete(key, db=db))
        same("set_range", both.cursors, lambda c: c.set_range(key))
    if write and dice.random() < 0.02:
        both.same("drop", lambda t, db: t.drop(db, delete=False))
        same("first", both.cursors, lambda c: c.first())
    return name


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("buffers", [False, True])
def test_the_model_answers_as_lmdb_does(
    pair: Pair, seed: int, *, buffers: bool
) -> None:
    """Cursors, puts, deletes, commits and aborts, with and without buffers."""
    dice = random.Random(seed)
    seen: set[str] = set()
    for _ in range(15):
        write = dice.random() < 0.8
        both = Both(pair, dice.randrange(2), write=write, buffers=buffers)
        for _ in range(20):
            seen.add(step(dice, both, write=write))
        both.end(keep=dice.random() < 0.7)
    assert len(seen) > 8


def test_a_reader_beside_a_writer_sees_the_last_commit(pair: Pair) -> None:
    """And the writer sees its own."""
    for environment, (table, _) in zip(pair.both, pair.tables, strict=True):
        with environment.begin(write=True) as transaction:
            transaction.put(b"k", b"old", db=table)
            transaction.put(b"l", b"old", db=table)
        writer = environment.begin(write=True)
        writer.put(b"k", b"new", db=table)
        writer.delete(b"l", db=table)
        writer.put(b"m", b"new", db=table)
        with environment.begin() as reader:
            assert list(reader.cursor(table).iternext()) == [
                (b"k", b"old"),
                (b"l", b"old"),
            ]
        assert list(writer.cursor(table).iternext()) == [(b"k", b"new"), (b"m", b"new")]
        writer.abort()
        with environment.begin() as reader:
            assert reader.get(b"k", db=table) == b"old"


def test_an_exception_in_a_transaction_takes_it_back(pair: Pair) -> None:
    for environment, (table, _) in zip(pair.both, pair.tables, strict=True):
        with pytest.raises(ZeroDivisionError), environment.begin(write=True) as t:
            assert t.put(b"k", b"v", db=table) // 0
        with environment.begin() as reader:
            assert reader.get(b"k", db=table) is None
