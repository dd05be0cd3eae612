"""`check` finds planted damage, names the place, and is silent about a clean directory."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from google_crc32c import value as crc32c

from ledgerd.cli.check import check as command
from ledgerd.errors import ExitCode
from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.commands import CreateHold, Fund
from ledgerd.ledger.holds import HoldState
from ledgerd.ledger.payouts import PayoutState, PayoutStatus
from ledgerd.ledger.view import Writes
from ledgerd.raft.entries import Anchor, Index
from ledgerd.storage import anchor as anchors
from ledgerd.storage import keys
from ledgerd.storage.check import check
from ledgerd.storage.log_store import LmdbLogStore
from tests.storage.making import hard_state, ready
from tests.storage.world import (
    FUND_RICH,
    OPEN_POOR,
    OPEN_RICH,
    POOR,
    RICH,
    USD,
    History,
    limited_history,
    make_node,
    open_node,
    usual_history,
    uuid7,
)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """The directory of a node that stopped cleanly after the usual history."""
    directory = tmp_path / "node"
    make_node(directory, usual_history())
    return directory


def run(directory: Path) -> Result:
    """Run the command line with JSON output."""
    return CliRunner().invoke(
        command, ["--data-dir", str(directory), "--output", "json"]
    )


def edit_row(
    directory: Path, table: str, change: Callable[[bytes, bytes], bytes]
) -> str:
    """Replace the first row's value behind the stores' back; return its key in hexadecimal."""
    with open_node(directory) as environment:
        handle = environment.state_tables[table]
        with environment.state.begin(write=True) as transaction:
            with transaction.cursor(handle) as cursor:
                assert cursor.first()
                key, value = cursor.item()
            transaction.put(key, change(key, value), db=handle)
    return key.hex()


def flip_first_byte_after_version(_: bytes, value: bytes) -> bytes:
    """Damage a value so that its checksum is wrong."""
    return value[:1] + bytes([value[1] ^ 1]) + value[2:]


def places(result: Result) -> list[str]:
    """Return where the findings are."""
    return [one["place"] for one in json.loads(result.stdout)["findings"]]


def test_a_clean_directory_is_clean(node: Path) -> None:
    """Exit code 0, nothing found, log replayed, books balanced, and nothing written."""
    before = [(node / name / "data.mdb").read_bytes() for name in ("log", "state")]

    result = run(node)

    found = json.loads(result.stdout)
    assert (result.exit_code, found["findings"]) == (0, [])
    assert before == [
        (node / name / "data.mdb").read_bytes() for name in ("log", "state")
    ]
    assert found["clean"] is True
    assert found["replayed"] is True
    assert (found["last_index"], found["applied_index"]) == (8, 8)
    assert found["books"][0]["balanced"] is True
    assert found["rows"]["payout"] == 50 + 10 + 3


def test_books_have_the_names_that_everything_else_gives_them(tmp_path: Path) -> None:
    """A book is live or sandbox, as in `ledgerctl trial-balance` and in exports."""
    history = History()
    history.commands(OPEN_RICH, FUND_RICH)
    history.commands(replace(OPEN_RICH, account_id=POOR, livemode=False))
    history.commands(Fund(uuid7(6), POOR, 700, USD, "big_bank", "ref-2", "tests"))
    make_node(tmp_path / "node", history.entries)

    told = CliRunner().invoke(command, ["--data-dir", str(tmp_path / "node")])

    assert "live USD" in told.stdout
    assert "sandbox USD" in told.stdout


def test_a_directory_that_lags_its_log_is_clean(tmp_path: Path) -> None:
    """state/ may be behind log/: what is there must be the fold of a prefix."""
    entries = usual_history()
    make_node(tmp_path / "short", entries[:5])
    with open_node(tmp_path / "short") as environment:
        log = LmdbLogStore(environment)
        log.persist(
            ready(1, entries=entries[5:], state=hard_state(2, vote=1, commit=8))
        )

    found = json.loads(run(tmp_path / "short").stdout)

    assert found["findings"] == []
    assert (found["last_index"], found["applied_index"]) == (8, 5)


@pytest.mark.parametrize("index", [1, 4, 8])
def test_a_flipped_byte_in_a_log_value_is_found(node: Path, index: int) -> None:
    """The finding names the index; exit code 71."""
    with open_node(node) as environment:
        table = environment.log_tables[keys.ENTRIES]
        with environment.log.begin(write=True) as transaction:
            key = index.to_bytes(8, "big")
            value = bytearray(transaction.get(key, db=table) or b"")
            value[-1] ^= 0x40
            transaction.put(key, bytes(value), db=table)

    result = run(node)

    assert result.exit_code == 71
    assert f"log/ table entries index {index}" in places(result)
    assert json.loads(result.stdout)["replayed"] is False


@pytest.mark.parametrize(
    "table",
    [
        "account",
        "journal",
        "payout",
        "payout_state",
        "event",
        "internal",
        "id",
        "request",
    ],
)
def test_a_flipped_byte_in_a_row_is_found(node: Path, table: str) -> None:
    """The finding names table and key; exit code 71."""
    key = edit_row(node, table, flip_first_byte_after_version)

    result = run(node)

    assert result.exit_code == 71
    assert any(
        place.startswith(f"state/ table {table} key {key}") for place in places(result)
    )


def test_a_row_with_a_right_checksum_and_wrong_money_is_found(node: Path) -> None:
    """An account that was given money by hand: the journal and the log say otherwise."""
    with open_node(node) as environment:
        handle = environment.state_tables[Table.ACCOUNT]
        with environment.state.begin(write=True) as transaction:
            value = transaction.get(RICH, db=handle)
            assert value is not None
            account = records.decode_account(RICH, value)
            old = account.available_minor.to_bytes(8, "big", signed=True)
            new = (account.available_minor + 1).to_bytes(8, "big", signed=True)
            assert value.count(old) == 1
            body = value.replace(old, new)[:-4]
            transaction.put(RICH, body + crc32c(body).to_bytes(4, "big"), db=handle)

    result = run(node)

    assert result.exit_code == 71
    found = json.loads(result.stdout)
    assert f"state/ table account key {RICH.hex()}" in places(result)
    assert any("(I8)" in one["what"] for one in found["findings"])
    assert found["books"][0]["balanced"] is False


def test_a_hold_that_its_account_does_not_know_is_found(tmp_path: Path) -> None:
    """Held money is the sum of the open holds: one that was ended by hand leaves too much. I4."""
    history = History()
    history.version(STATE_VERSION)
    history.commands(OPEN_RICH, OPEN_POOR, FUND_RICH)
    hold = CreateHold(uuid7(5), RICH, 700, USD, 60_000_000, "", "tests")
    history.commands(hold)
    make_node(tmp_path / "node", history.entries)
    assert run(tmp_path / "node").exit_code == 0

    with open_node(tmp_path / "node") as environment:
        handle = environment.state_tables[Table.HOLD]
        with environment.state.begin(write=True) as transaction:
            key = records.position_key((3, 0))
            found = records.decode_hold(key, transaction.get(key, db=handle) or b"")
            over = found._replace(state=HoldState.RELEASED)
            ((_, rows, _),) = records.encode_writes(Writes(holds=[over]))
            transaction.put(*rows[0], db=handle)

    result = run(tmp_path / "node")

    assert result.exit_code == 71
    found = json.loads(result.stdout)["findings"]
    assert f"state/ table account key {RICH.hex()}" in places(result)
    assert any("held is 700" in one["what"] for one in found)


def test_a_wrong_count_of_payouts_under_way_is_found(node: Path) -> None:
    """The number stands beside the payouts that it counts. I5."""
    with open_node(node) as environment:
        handle = environment.state_tables[Table.UNDER_WAY]
        ((_, rows, _),) = records.encode_writes(Writes(under_way=[(RICH, 2)]))
        with environment.state.begin(write=True) as transaction:
            transaction.put(*rows[0], db=handle)

    result = run(node)

    found = json.loads(result.stdout)["findings"]
    assert result.exit_code == 71
    assert any("2 payouts are said to be under way" in one["what"] for one in found)


def test_a_window_that_its_payouts_contradict_is_found(tmp_path: Path) -> None:
    """What the window holds is the sum of the payouts that it counts. I13."""
    history = limited_history()
    make_node(tmp_path / "node", history.entries)
    assert run(tmp_path / "node").exit_code == 0

    with open_node(tmp_path / "node") as environment:
        handle = environment.state_tables[Table.WINDOW]
        with environment.state.begin(write=True) as transaction:
            key, value = next(transaction.cursor(handle).iternext())
            use = records.decode_window(key, value)._replace(open_minor=699)
            window = (records.window_of(key), use)
            ((_, rows, _),) = records.encode_writes(Writes(windows=[window]))
            transaction.put(*rows[0], db=handle)

    result = run(tmp_path / "node")

    found = json.loads(result.stdout)["findings"]
    assert result.exit_code == 71
    assert f"state/ table window key {key.hex()}" in places(result)
    assert any("I13" in one["what"] for one in found)


def test_a_wrong_count_of_frozen_accounts_is_found(tmp_path: Path) -> None:
    """It stands beside the accounts that it counts."""
    make_node(tmp_path / "node", limited_history().entries)
    with open_node(tmp_path / "node") as environment:
        handle = environment.state_tables[Table.WINDOW]
        ((_, rows, _),) = records.encode_writes(Writes(frozen_owners=[("rich", 2)]))
        with environment.state.begin(write=True) as transaction:
            transaction.put(*rows[0], db=handle)

    result = run(tmp_path / "node")

    found = json.loads(result.stdout)["findings"]
    assert result.exit_code == 71
    assert any("2 accounts of the owner are said" in one["what"] for one in found)


@pytest.mark.parametrize("table", ["payout", "journal", "event", "account", "id"])
def test_a_missing_row_is_found(node: Path, table: str) -> None:
    """The replay makes the row that is not there."""
    with open_node(node) as environment:
        handle = environment.state_tables[table]
        with environment.state.begin(write=True) as transaction:
            with transaction.cursor(handle) as cursor:
                assert cursor.first()
                key = cursor.key()
            transaction.delete(key, db=handle)

    result = run(node)

    assert result.exit_code == 71
    assert any(key.hex() in place and table in place for place in places(result))


def test_a_missing_entry_is_found(node: Path) -> None:
    """In the middle of the log."""
    with open_node(node) as environment:
        table = environment.log_tables[keys.ENTRIES]
        with environment.log.begin(write=True) as transaction:
            transaction.delete(keys.index_key(usual_history()[2].index), db=table)

    result = run(node)

    assert result.exit_code == 71
    assert "log/ table entries index 3" in places(result)


def test_a_damaged_hard_state_is_found(node: Path) -> None:
    """One twin is enough."""
    with open_node(node) as environment:
        table = environment.log_tables[keys.HARD_STATE_TWINS[1]]
        with environment.log.begin(write=True) as transaction:
            value = bytearray(transaction.get(keys.HARD_STATE, db=table) or b"")
            value[3] ^= 1
            transaction.put(keys.HARD_STATE, bytes(value), db=table)

    result = run(node)

    assert result.exit_code == 71
    assert "log/ hard state" in places(result)


def test_a_state_of_another_log_is_found(node: Path, tmp_path: Path) -> None:
    """Same node, same cluster, but another store: opening says so, and so does check."""
    other = tmp_path / "other"
    make_node(other, usual_history())
    (node / "state").rename(tmp_path / "away")
    (other / "state").rename(node / "state")

    result = run(node)

    assert result.exit_code == 71
    assert "different stores" in json.loads(result.stdout)["findings"][0]["what"]


def test_the_table_says_what_the_json_says(node: Path) -> None:
    """People get a verdict in the last line, and each finding in a line of its own."""
    clean = CliRunner().invoke(command, ["--data-dir", str(node)])
    assert clean.exit_code == 0
    assert clean.stdout.splitlines()[-1].startswith(
        "clean: entries 1 .. 8, applied up to 8"
    )

    key = edit_row(node, "account", flip_first_byte_after_version)
    damaged = CliRunner().invoke(command, ["--data-dir", str(node)])
    assert damaged.exit_code == 71
    assert f"state/ table account key {key}: " in damaged.stdout


def test_progress_is_told(node: Path) -> None:
    """Each stage ends at its total."""
    told: list[tuple[str, int, int]] = []
    with open_node(node) as environment:
        check(environment, lambda *step: told.append(step))

    assert {stage for stage, done, total in told if done == total} == {
        "log",
        "rows",
        "replay",
    }


def test_a_compacted_log_is_checked_from_its_anchor_on(node: Path) -> None:
    """F27: chain, rows and books are verified; the replay from the beginning is left out."""
    with open_node(node) as environment:
        log = LmdbLogStore(environment)
        log.compact(Index(5), state_durable=Index(8))
        log.close()
    result = run(node)
    report = json.loads(result.stdout)

    assert result.exit_code == 0, result.stdout
    assert (report["first_index"], report["last_index"]) == (5, 8)
    assert report["clean"]
    assert not report["replayed"]


def test_a_key_that_changed_is_found_without_a_replay(node: Path) -> None:
    """T85: behind a cut log rows are looked at beside those that lead to them."""
    with open_node(node) as environment:
        log = LmdbLogStore(environment)
        log.compact(Index(5), state_durable=Index(8))
        log.close()
        fees = environment.state_tables[Table.CONFIG]
        with environment.state.begin(db=fees, write=True) as transaction:
            ((key, value),) = [(bytes(k), bytes(v)) for k, v in transaction.cursor()]
            moved = key[:-1] + bytes([key[-1] ^ 2])
            transaction.delete(key)
            transaction.put(moved, value)

    assert places(run(node)) == [f"state/ table config key {moved.hex()}"]


def test_damage_behind_the_anchor_is_found(node: Path) -> None:
    """F27, T87: the first kept entry must link to the anchor."""
    with open_node(node) as environment:
        log = LmdbLogStore(environment)
        log.compact(Index(5), state_durable=Index(8))
        log.close()
        anchor = log.anchor()
        wrong = Anchor(anchor.id, bytes(32), anchor.ts_us)
        table = environment.log_tables[keys.META]
        with environment.log.begin(write=True) as transaction:
            transaction.put(keys.ANCHOR, anchors.pack(wrong), db=table)
    assert places(run(node)) == ["log/ table entries index 5"]
    with open_node(node) as environment:
        table = environment.log_tables[keys.META]
        with environment.log.begin(write=True) as transaction:
            transaction.put(keys.ANCHOR, b"damaged", db=table)

    assert run(node).exit_code == ExitCode.CORRUPTION


def test_a_state_before_the_anchor_is_found(node: Path) -> None:
    """F27: what lies between is lost."""
    entries = usual_history()
    other = node.parent / "other"
    make_node(other, entries[:3])
    with open_node(other) as environment:
        log = LmdbLogStore(environment)
        log.persist(ready(1, entries=entries[3:], state=hard_state(2, commit=8)))
        log.compact(Index(7), state_durable=Index(8))
        log.close()

    assert places(run(other)) == ["state/ table meta key applied"]


def test_a_past_that_no_payout_had_is_found(node: Path) -> None:
    """What a payout was before a change is fewer changes old than what it is. I9."""
    was = PayoutStatus(PayoutState.SENT, 1, (8, 0, 0), 1)
    later = [((8, 0, 1), (4, 3), was), ((8, 0, 2), (4, 4), was)]
    with open_node(node) as environment:
        handle = environment.state_tables[Table.PAYOUT_PAST]
        (rows,) = records.encode_writes(Writes(payout_pasts=later))
        with environment.state.begin(write=True) as transaction:
            for key, value in rows.rows:
                transaction.put(key, value, db=handle)

    found = {
        one["place"].split()[-1]: one["what"]
        for one in json.loads(run(node).stdout)["findings"]
        if "payout_past" in one["place"]
    }

    assert found.keys() == {
        records.payout_past_key(change, payout).hex() for change, payout, _ in later
    }
    for what in found.values():  # one payout changed once, the other never
        assert "expected a payout that changed after 1" in what
