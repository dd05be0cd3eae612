"""What a StateStore and the start of a node must do: LMDB and the simulated disk (raft.md, P4)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.formats.records import Table
from ledgerd.raft.entries import Entry
from ledgerd.replica.audit import GENESIS_DIGEST
from ledgerd.replica.tree import NO_TREE
from ledgerd.storage import keys
from ledgerd.storage.reader import read
from ledgerd.storage.recovery import Recovery, recover
from tests.storage.benches import LmdbNode, NodeBench, SimulatedNode
from tests.storage.making import hard_state, ready
from tests.storage.world import RICH, History, apply_to, usual_history


@pytest.fixture(params=["lmdb", "simulated"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NodeBench]:
    """Run the test on each implementation."""
    bench = LmdbNode(tmp_path / "data") if request.param == "lmdb" else SimulatedNode()
    yield bench
    bench.stop()


@pytest.fixture
def entries() -> list[Entry]:
    return usual_history()


def digests(entries: list[Entry], node: NodeBench) -> list[bytes]:
    """Apply entries one by one, and return the digest after each."""
    _, state = node.open()
    found = []
    for one in entries:
        apply_to(state, [one])
        found.append(state.digest())
    state.close()
    return found


def test_a_new_state_has_applied_nothing(node: NodeBench) -> None:
    _, state = node.open()

    assert state.applied() == 0
    assert state.digest() == GENESIS_DIGEST
    assert state.commit() == 0


def test_readers_see_the_last_commit_and_then_all_of_the_next(
    node: NodeBench, entries: list[Entry]
) -> None:
    """Never a part of the open transaction."""
    _, state = node.open()
    apply_to(state, entries[:2])
    state.commit()
    apply_to(state, entries[2:5])

    def look() -> tuple[int, bytes, bool]:
        return read(
            node.environment(),
            lambda reader: (
                reader.applied(),
                reader.digest(),
                reader.account(RICH) is not None,
            ),
        )

    before = look()
    assert before[0] == 2
    assert state.applied() == 5
    assert state.commit() == 5
    assert look() == (5, state.digest(), True)
    assert before[1] != state.digest()


def test_rows_index_and_digest_survive_together(
    node: NodeBench, entries: list[Entry]
) -> None:
    """T7."""
    _, state = node.open()
    apply_to(state, entries[:4])
    state.commit()
    digest, position = state.digest(), state.position()
    apply_to(state, entries[4:])

    _, state = node.open()

    assert (state.applied(), state.digest(), state.position()) == (4, digest, position)


@pytest.mark.parametrize("applied", range(9))
def test_a_state_behind_its_log_replays_to_the_same_digest(
    node: NodeBench, entries: list[Entry], applied: int
) -> None:
    """From every place it can have stopped at."""
    log, state = node.open()
    log.persist(ready(1, entries=entries, state=hard_state(2, commit=8)))
    apply_to(state, entries[:applied])
    state.commit()

    log, state = node.open()
    found = recover(log, state)
    assert found._replace(state_anchor=None) == Recovery(
        applied=applied, commit=8, last=8
    )
    apply_to(state, entries[found.applied :])

    assert state.digest() == _digest_of(entries)


def test_a_state_ahead_of_its_log_is_lost(
    node: NodeBench, entries: list[Entry]
) -> None:
    """F32: what was durable and acknowledged is gone."""
    log, state = node.open()
    log.persist(ready(1, entries=entries[:5], state=hard_state(1)))
    apply_to(state, entries[:6])
    state.commit()

    with pytest.raises(CorruptionError, match="lost"):
        recover(*node.open())


def test_a_state_of_another_log_is_refused(node: NodeBench) -> None:
    """Same index, other link."""
    log, state = node.open()
    other = History()
    other.noop(term=2)
    log.persist(ready(1, entries=usual_history(), state=hard_state(2)))
    apply_to(state, other.entries)
    state.commit()

    with pytest.raises(CorruptionError, match="does not belong"):
        recover(*node.open())


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failed_commit_is_final(
    node: NodeBench, entries: list[Entry], number: int
) -> None:
    """T8: and a restart replays what it lost."""
    log, state = node.open()
    log.persist(ready(1, entries=entries, state=hard_state(2, commit=8)))
    node.fail_state_commit(number)
    for one in entries[: number - 1]:
        apply_to(state, [one])
        state.commit()
    apply_to(state, [entries[number - 1]])

    with pytest.raises(StorageError):
        state.commit()
    for call in (state.commit, state.view, state.sync):
        with pytest.raises(StorageError, match="earlier failure"):
            call()

    log, state = node.open()
    found = recover(log, state)
    assert found.applied <= number
    apply_to(state, entries[found.applied :])
    assert state.digest() == _digest_of(entries)


def test_entries_are_applied_once_and_in_order(
    node: NodeBench, entries: list[Entry]
) -> None:
    _, state = node.open()
    apply_to(state, entries[:2])

    for wrong in (entries[1], entries[3]):
        with pytest.raises(AssertionError):
            state.write(wrong, [], GENESIS_DIGEST, NO_TREE)


def test_a_forced_sync_moves_the_durable_index_and_a_commit_does_not(
    node: NodeBench, entries: list[Entry]
) -> None:
    """Nothing may cut the log above it."""
    _, state = node.open()
    apply_to(state, entries[:3])
    state.commit()
    assert (state.visible(), state.durable()) == (3, 0)

    assert state.sync() == 3
    apply_to(state, entries[3:5])
    state.commit()
    assert (state.visible(), state.durable()) == (5, 3)


def test_a_damaged_applied_record_refuses_to_open(
    node: NodeBench, entries: list[Entry]
) -> None:
    _, state = node.open()
    apply_to(state, entries)
    state.close()
    node.edit_state("meta", lambda rows: _flip(rows, keys.APPLIED))

    with pytest.raises(CorruptionError, match="applied"):
        node.open()


def test_a_damaged_row_is_corruption_when_it_is_read(
    node: NodeBench, entries: list[Entry]
) -> None:
    """Rows have checksums, for the pages have none (T74)."""
    _, state = node.open()
    apply_to(state, entries)
    state.close()
    node.edit_state(Table.ACCOUNT, lambda rows: _flip(rows, RICH))
    _, state = node.open()

    with pytest.raises(CorruptionError, match="account"):
        state.view().accounts([RICH])
    with pytest.raises(CorruptionError, match="account"):
        read(node.environment(), lambda reader: reader.account(RICH))


def test_both_stores_give_the_same_digest_at_every_index(
    tmp_path: Path, entries: list[Entry]
) -> None:
    lmdb_node = LmdbNode(tmp_path / "data")

    assert digests(entries, lmdb_node) == digests(entries, SimulatedNode())
    lmdb_node.stop()


def _digest_of(entries: list[Entry]) -> bytes:
    return digests(entries, SimulatedNode())[-1]


def _flip(rows: dict[bytes, bytes], key: bytes) -> None:
    value = bytearray(rows[key])
    value[len(value) // 2] ^= 1
    rows[key] = bytes(value)
