"""The scrub finds what rots: every log value, every row, rows that cannot be reached."""

import re
from pathlib import Path
from random import Random

import pytest

from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.accounts import AccountKind
from ledgerd.ledger.commands import CreateHold, EntryLeg, FundReverse, PostEntry
from ledgerd.ledger.view import Writes
from ledgerd.raft.entries import Entry, Index
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment
from ledgerd.storage.scrub import Passed, Scrub
from tests.storage.world import (
    FUND_RICH,
    OPEN_POOR,
    OPEN_RICH,
    POOR,
    RICH,
    USD,
    History,
    make_node,
    open_node,
    payouts,
    usual_history,
    uuid7,
)


class Found:
    """What a pass over a directory reports."""

    def __init__(self, environment: Environment) -> None:
        self.slots: list[Index] = []
        self.damage: list[str] = []
        self.passed: Passed = Scrub(
            environment,
            bytes_per_s=1 << 30,
            rest_s=0,
            rest_per_work=0,
            on_slot=self.slots.append,
            on_damage=self.damage.append,
        ).pass_once()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A node that stored and applied a usual history, stopped."""
    path = tmp_path / "node"
    make_node(path, usual_history())
    return path


def test_a_clean_directory_is_read_whole(directory: Path) -> None:
    """All of it, and nothing is reported."""
    with open_node(directory) as environment:
        found = Found(environment)

    assert found.slots == []
    assert found.damage == []
    assert found.passed.entries == 8
    assert found.passed.rows > 100


def test_copies_are_read_at_the_same_pace(directory: Path) -> None:
    """What they take counts, and a scrub that is told to stop says so to their reader."""
    asked: list[bool] = []
    with open_node(directory) as environment:
        scrub = Scrub(
            environment,
            bytes_per_s=1 << 30,
            rest_s=0,
            rest_per_work=0,
            on_slot=lambda _: None,
            on_damage=lambda _: None,
            read_copies=lambda goes_on: asked.append(goes_on(1_000_000)),
        )
        passed = scrub.pass_once()
        scrub.stop()
        scrub.pass_once()

    assert passed.size_bytes > 1_000_000
    assert asked == [True, False]


@pytest.mark.parametrize("index", range(1, 9))
def test_a_flipped_bit_in_each_log_value_is_found(directory: Path, index: int) -> None:
    """Any bit of any value (T74)."""
    dice = Random(index)
    with open_node(directory) as environment:
        table = environment.log_tables[keys.ENTRIES]
        with environment.log.begin(write=True) as transaction:
            key = keys.index_key(Index(index))
            value = bytearray(transaction.get(key, db=table) or b"")
            value[dice.randrange(len(value))] ^= 1 << dice.randrange(8)
            transaction.put(key, bytes(value), db=table)

        found = Found(environment)

    assert found.slots == [index]
    assert found.damage == []


def test_an_old_log_value_put_back_is_found(directory: Path) -> None:
    """Intact by itself, wrong in its place (T87)."""
    other = usual_history()
    with open_node(directory) as environment:
        table = environment.log_tables[keys.ENTRIES]
        with environment.log.begin(write=True) as transaction:
            transaction.delete(keys.index_key(Index(3)), db=table)
        found = Found(environment)

    assert len(other) == 8
    assert found.slots == [3]


def test_a_flipped_bit_in_each_row_is_found(directory: Path) -> None:
    """Every table, every row, a bit of its value drawn for each (T85)."""
    dice = Random(7)
    with open_node(directory) as environment:
        rows = []
        with environment.state.begin() as transaction:
            for name, table in environment.state_tables.items():
                rows += [
                    (name, key, value)
                    for key, value in transaction.cursor(table)
                    if (name, key) != (keys.META, keys.IDENTITY)
                ]
        missed = []
        for name, key, value in rows[:: max(1, len(rows) // 120)]:
            bad = bytearray(value)
            bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
            table = environment.state_tables[name]
            with environment.state.begin(write=True) as transaction:
                transaction.put(key, bytes(bad), db=table)
            if len(Found(environment).damage) != 1:
                missed.append((name, key.hex()))
            with environment.state.begin(write=True) as transaction:
                transaction.put(key, value, db=table)

    assert missed == []


@pytest.mark.parametrize("table", [Table.PAYOUT, Table.ID])
def test_a_flipped_bit_in_a_key_of_a_payout_is_found(
    directory: Path, table: Table
) -> None:
    """Checksums do not cover keys; the payout and its id lead to each other."""
    with open_node(directory) as environment:
        handle = environment.state_tables[table]
        with environment.state.begin(write=True) as transaction:
            key, value = next(iter(transaction.cursor(handle)))
            bad = bytearray(key)
            bad[7] ^= 4
            transaction.delete(key, db=handle)
            transaction.put(bytes(bad), value, db=handle)

        found = Found(environment)

    assert len(found.damage) == 1


ACCOUNT_TABLES = (
    Table.HOLD,
    Table.VOUCHER,
    Table.REVERSAL,
    Table.UNDER_WAY,
    Table.TIMER,
)


@pytest.mark.parametrize("table", ACCOUNT_TABLES)
def test_a_flipped_bit_in_a_key_of_what_belongs_to_accounts_is_found(
    tmp_path: Path, table: Table
) -> None:
    """Every bit of the key, for another row says what it must be. T85."""
    make_node(tmp_path / "node", account_history())
    with open_node(tmp_path / "node") as environment:
        handle = environment.state_tables[table]
        if table is Table.UNDER_WAY:
            ((_, rows, _),) = records.encode_writes(Writes(under_way=[(RICH, 1)]))
            with environment.state.begin(write=True) as transaction:
                transaction.put(*rows[0], db=handle)
        assert Found(environment).damage == []
        with environment.state.begin() as transaction:
            key, value = next(transaction.cursor(handle).iternext())
        for bit in range(8 * len(key)):
            flipped = bytearray(key)
            flipped[bit // 8] ^= 1 << bit % 8
            with environment.state.begin(write=True) as transaction:
                transaction.delete(key, db=handle)
                transaction.put(bytes(flipped), value, db=handle)
            assert Found(environment).damage, (table, bit)
            with environment.state.begin(write=True) as transaction:
                transaction.delete(bytes(flipped), db=handle)
                transaction.put(key, value, db=handle)
        assert Found(environment).damage == []


def account_history() -> list[Entry]:
    """A hold, a voucher and a reversal of a part."""
    history = History()
    history.version(STATE_VERSION)
    history.commands(OPEN_RICH, OPEN_POOR, FUND_RICH)
    legs = (
        EntryLeg(AccountKind.AVAILABLE, RICH, True, 5),
        EntryLeg(AccountKind.AVAILABLE, POOR, False, 5),
    )
    history.commands(
        CreateHold(uuid7(5), RICH, 700, USD, 60_000_000, "", "tests"),
        PostEntry(uuid7(6), True, USD, legs, "why", "tests"),
        FundReverse(uuid7(7), "big_bank", "ref-1", 10, USD, "", "tests"),
    )
    return history.entries


def test_a_flipped_bit_in_a_key_that_no_row_leads_to_is_found(tmp_path: Path) -> None:
    """T85: request ids, refused ids and references, from state version 3 on."""
    history = History()
    history.version(STATE_VERSION)
    history.commands(OPEN_RICH, OPEN_POOR, FUND_RICH)
    history.payouts(payouts(200, 3, account=POOR))  # refused: it has nothing
    make_node(tmp_path / "data", history.entries)
    with open_node(tmp_path / "data") as environment:
        alone = [row for row in rows_of(environment) if row[0] in (*ALONE, Table.ID)]
        assert {table for table, _, _ in alone} == {*ALONE, Table.ID}
        assert any(is_refused(*row) for row in alone)
        for number, (table, key, value) in enumerate(alone):
            flipped = bytearray(key)
            flipped[number * 5 % len(key)] ^= 1 << number % 8
            handle = environment.state_tables[table]
            with environment.state.begin(write=True) as transaction:
                transaction.delete(key, db=handle)
                transaction.put(bytes(flipped), value, db=handle)
            assert Found(environment).damage, (table, key.hex())
            with environment.state.begin(write=True) as transaction:
                transaction.delete(bytes(flipped), db=handle)
                transaction.put(key, value, db=handle)
        assert Found(environment).damage == []


# Where no other row says what the key must be, before state version 3; see `ledgerd.storage.ties`.
ALONE = {Table.REQUEST, Table.EVIDENCE}


def rows_of(environment: Environment) -> list[tuple[Table, bytes, bytes]]:
    """Return all rows of the state."""
    rows = []
    for table in Table:
        handle = environment.state_tables[table]
        with environment.state.begin(db=handle) as transaction:
            rows += [(table, bytes(k), bytes(v)) for k, v in transaction.cursor()]
    return rows


def is_refused(table: Table, key: bytes, value: bytes) -> bool:
    return table is Table.ID and records.decode_id(key, value).refusal != 0


@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_bit_in_each_key_of_the_state_is_found(
    directory: Path, seed: int
) -> None:
    """T85: checksums cover values; a key is found by what leads to it, in its own place."""
    dice = Random(seed)
    file = directory / "state" / "data.mdb"
    missed = []
    with open_node(directory) as environment, file.open("r+b", buffering=0) as pages:
        for table, key, value in rows_of(environment):
            data = file.read_bytes()
            offset, bit = dice.randrange(len(key)), 1 << dice.randrange(8)
            places = [m.start() for m in re.finditer(re.escape(key + value), data)]
            assert places, (table, key)
            for at in places:
                pages.seek(at + offset)
                pages.write(bytes([data[at + offset] ^ bit]))
            if not Found(environment).damage:
                missed.append((table, key.hex(), offset, bit))
                assert table in ALONE or is_refused(table, key, value), (seed, missed)
            for at in places:
                pages.seek(at + offset)
                pages.write(data[at + offset : at + offset + 1])
        assert Found(environment).damage == []
