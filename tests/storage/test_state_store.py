"""state/ over LMDB: one transaction for rows, index and digest; visible when committed."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.formats import records, versions
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import AccountKind, Book, InternalKey, LedgerAccount
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.payouts import PayoutState
from ledgerd.ledger.risk import LimitSet
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.ledger.view import ExternalRef, Writes
from ledgerd.raft.entries import EntryKind, Index, NodeId
from ledgerd.replica.audit import GENESIS_DIGEST
from ledgerd.replica.fold import fold
from ledgerd.replica.tree import NO_TREE
from ledgerd.storage.environment import Environment, StorageOptions, open_directory
from ledgerd.storage.reader import read
from ledgerd.storage.state_store import LmdbStateStore
from tests.ledger.making import limit
from tests.storage.making import FailingStateStore
from tests.storage.world import (
    POOR,
    RICH,
    USD,
    apply_to,
    open_node,
    usual_history,
    uuid7,
)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """A new node's directory."""
    with open_node(tmp_path / "node") as opened:
        yield opened


def test_an_empty_state_has_applied_nothing(environment: Environment) -> None:
    """Index 0 and a digest of zeros."""
    state = LmdbStateStore(environment)

    assert state.applied() == 0
    assert state.digest() == GENESIS_DIGEST
    assert state.commit() == 0
    assert state.view().largest_payout_id() == b""
    assert state.view().fee_schedules().versions == ()


def test_what_is_not_committed_is_not_visible(environment: Environment) -> None:
    """Readers see state as of the last commit, and then all of it at once."""
    entries = usual_history()
    state = LmdbStateStore(environment)
    apply_to(state, entries[:4])

    assert state.applied() == 4
    assert state.visible() == 0
    assert read(environment, lambda reader: reader.applied()) == 0
    assert read(environment, lambda reader: reader.account(RICH)) is None

    assert state.commit() == 4
    assert state.commit() == 4
    assert read(environment, lambda reader: reader.applied()) == 4
    assert read(environment, lambda reader: reader.digest()) == state.digest()
    assert read(environment, lambda reader: reader.log_time_us()) == entries[3].ts_us
    assert read(environment, lambda reader: reader.account(RICH)) is not None


def test_commits_at_other_places_give_the_same_state(tmp_path: Path) -> None:
    """Whether entries share a transaction does not matter: same digest, same rows (I12)."""
    entries = usual_history()
    found = []
    for every in (1, 3, len(entries)):
        with open_node(tmp_path / str(every)) as environment:
            state = LmdbStateStore(environment)
            for start in range(0, len(entries), every):
                apply_to(state, entries[start : start + every])
                state.commit()
            found.append((state.digest(), _rows(environment)))

    assert found[0] == found[1] == found[2]


def test_a_crash_before_the_commit_is_replayed_to_the_same_digest(
    environment: Environment,
) -> None:
    """state/ may lag the log; the log gives the same outcome again (I8)."""
    entries = usual_history()
    state = FailingStateStore(environment)
    apply_to(state, entries[:4])
    state.commit()
    apply_to(state, entries[4:])
    expected = state.digest()
    state.fail_in = 1
    with pytest.raises(StorageError):
        state.commit()

    state = FailingStateStore(environment)
    assert state.applied() == 4
    apply_to(state, entries[4:])

    assert state.commit() == 8
    assert state.digest() == expected


def test_a_failed_commit_is_final(environment: Environment) -> None:
    """T8: every later call raises, though LMDB would go on."""
    entries = usual_history()
    state = FailingStateStore(environment)
    apply_to(state, entries[:2])
    state.fail_in = 1

    with pytest.raises(StorageError, match=r"committing up to index 2: .*MDB_MAP_FULL"):
        state.commit()
    for call in (state.commit, state.view, state.sync):
        with pytest.raises(StorageError, match="an earlier failure is final"):
            call()
    with pytest.raises(StorageError, match="an earlier failure is final"):
        state.write(entries[2], [], GENESIS_DIGEST, NO_TREE)
    state.close()


def test_a_full_map_is_a_storage_error(tmp_path: Path) -> None:
    """The real one: capacity, not corruption, and the end of the process all the same."""
    options = StorageOptions(log_map_bytes=1024**2, state_map_bytes=256 * 1024)
    with open_directory(
        tmp_path, cluster_id="c", node_id=NodeId(1), options=options
    ) as small:
        state = LmdbStateStore(small)
        apply_to(state, usual_history()[:1])
        one = usual_history()[1]
        folded = fold(
            state.view,
            one,
            state.digest(),
            state_version=state.state_version(),
            tree=state.tree(),
        )
        huge = [folded.rows[0]._replace(rows=[(b"k" * 26, bytes(300_000))])]

        with pytest.raises(StorageError, match="MDB_MAP_FULL"):
            state.write(one, huge, folded.digest, folded.tree)
        with pytest.raises(StorageError, match="an earlier failure is final"):
            state.commit()


def test_an_index_is_applied_once_and_in_order(environment: Environment) -> None:
    """T7: the applied index moves by one, with the rows."""
    entries = usual_history()
    state = LmdbStateStore(environment)
    apply_to(state, entries[:2])

    for wrong in (entries[1], entries[3]):
        with pytest.raises(AssertionError):
            state.write(wrong, [], GENESIS_DIGEST, NO_TREE)


@pytest.mark.parametrize(
    "late", [[(bytes(10), b"1")], [(bytes((n,)), b"1") for n in range(9)], [(b"", b"")]]
)
def test_an_append_below_the_last_key_is_stopped(
    environment: Environment, late: list[tuple[bytes, bytes]]
) -> None:
    """LMDB's binding would skip such a row in silence; nor may one be dropped."""
    entries = usual_history()
    state = LmdbStateStore(environment)
    apply_to(state, entries[:4])
    folded = fold(
        state.view,
        entries[4],
        state.digest(),
        state_version=state.state_version(),
        tree=state.tree(),
    )
    rows = folded.rows[0]._replace(rows=late)

    with pytest.raises(AssertionError):
        state.write(entries[4], [rows], folded.digest, folded.tree)


def test_a_dropped_row_is_gone(environment: Environment) -> None:
    """An empty value takes the row of its key away; its neighbours stay."""
    state = LmdbStateStore(environment)
    first, second = (Timer(due, (1, 0), TimerKind.RELEASE) for due in (5, 6))
    one, two = usual_history()[:2]
    put = records.encode_writes(Writes(timers=[(first, True), (second, True)]))
    state.write(one, put, GENESIS_DIGEST, NO_TREE)
    before = state.view().timers(9, 9), state.view().timers(5, 9)
    drop = records.encode_writes(Writes(timers=[(first, False)]))
    state.write(two, drop, GENESIS_DIGEST, NO_TREE)

    assert before == ([first, second], [first])
    assert state.view().timers(9, 9) == [second]
    state.close()


def test_only_a_sync_moves_the_durable_index(environment: Environment) -> None:
    """With the meta sync relaxed a power cut may undo the last commit: nothing may cut the log."""
    state = LmdbStateStore(environment)
    apply_to(state, usual_history()[:3])
    state.commit()
    assert (state.visible(), state.durable()) == (3, 0)

    assert state.sync() == 3
    assert state.durable() == 3


def test_with_meta_sync_every_commit_is_durable(tmp_path: Path) -> None:
    """The option that pays a second flush a turn."""
    options = StorageOptions(state_metasync=True)
    with open_directory(
        tmp_path, cluster_id="c", node_id=NodeId(1), options=options
    ) as opened:
        state = LmdbStateStore(opened)
        apply_to(state, usual_history()[:3])
        state.commit()

        assert state.durable() == 3


def test_another_thread_is_stopped_by_an_assertion(environment: Environment) -> None:
    """T72: LMDB lets a second thread put into a write transaction without complaint."""
    state = LmdbStateStore(environment)
    caught: list[AssertionError] = []

    def intrude() -> None:
        try:
            state.view()
        except AssertionError as error:
            caught.append(error)

    thread = threading.Thread(target=intrude)
    thread.start()
    thread.join()

    assert "belongs to another thread" in str(caught[0])


@pytest.mark.parametrize("reopened", [False, True])
def test_the_view_reads_what_was_written(
    environment: Environment, *, reopened: bool
) -> None:
    """From the open transaction, and again after a restart."""
    state = LmdbStateStore(environment)
    apply_to(state, usual_history())
    if reopened:
        state.close()
        state = LmdbStateStore(environment)

    view = state.view()

    rich, missing, poor = view.accounts([RICH, uuid7(999), POOR])
    assert missing is None
    assert rich is not None
    assert poor is not None
    assert (rich.owner_ref, poor.owner_ref) == ("rich", "poor")
    assert view.largest_payout_id() == uuid7(209)
    known, unknown = view.ids(IdKind.PAYOUT, [uuid7(103), uuid7(999)])
    assert known is not None
    assert (known.index, known.ordinal, known.refusal) == (4, 3, 0)
    assert unknown is None
    (refused,) = view.ids(IdKind.PAYOUT, [uuid7(209)])
    assert refused is not None
    assert refused.refusal
    (head,) = view.payouts([(4, 3)])
    assert head.payout_id == uuid7(103)
    assert view.payout_statuses([(4, 2)]) == [None]
    (status,) = view.payout_statuses([(4, 3)])
    assert status is not None
    assert status.state is PayoutState.CANCELLED
    assert [record is None for record in view.requests([uuid7(4), uuid7(77)])] == [
        False,
        True,
    ]
    refs = [ExternalRef(b"big_bank", b"ref-1"), ExternalRef(b"big_bank", b"ref-2")]
    assert view.external_refs(refs) == [(2, 2), None]
    assert view.fee_schedules().at(2**62).version == 1
    assert view.event_seq() == 2 + 1 + 2 + 63 + 1
    internals = read(environment, lambda reader: reader.internals())
    if reopened:
        keys = sorted(internals)
        assert view.internals(keys) == [internals[key] for key in keys]
        bank = InternalKey(
            Book(True, USD), LedgerAccount(AccountKind.BANK_CASH, b"big_bank")
        )
        assert internals[bank] == 1_000_000_000


def test_settings_that_were_read_before_are_read_again_when_they_change(
    environment: Environment,
) -> None:
    """They are decoded once; another version is seen at once, and so is a byte that rotted."""
    state = LmdbStateStore(environment)
    sets = [LimitSet(n, n, "board", "", (limit(),)) for n in (1, 2)]
    found: list[int] = []
    for entry, row in zip(usual_history(), sets, strict=False):
        rows = records.encode_writes(Writes(limits=[row]))
        state.write(entry, rows, GENESIS_DIGEST, NO_TREE)
        policy = state.view().policy()
        assert policy is state.view().policy()
        found.append(len(policy.limits))
    state.commit()
    again = read(environment, lambda reader: reader.policy())
    state.close()
    table = environment.state_tables[Table.CONFIG]
    with environment.state.begin(db=table, write=True) as transaction:
        key = records.setting_key(sets[1])
        value = transaction.get(key)
        assert value is not None
        transaction.put(key, value[:-1] + bytes([value[-1] ^ 1]))

    assert found == [1, 2]
    assert again is policy
    with pytest.raises(CorruptionError):
        read(environment, lambda reader: reader.policy())


def test_a_payout_that_must_exist_and_does_not_is_corruption(
    environment: Environment,
) -> None:
    """Never a silent gap."""
    state = LmdbStateStore(environment)

    with pytest.raises(
        CorruptionError, match=r"table payout: no row at position \(9, 9\)"
    ):
        state.view().payouts([(9, 9)])


def _rows(environment: Environment) -> dict[str, list[tuple[bytes, bytes]]]:
    with environment.state.begin() as transaction:
        return {
            table: list(transaction.cursor(environment.state_tables[table]).iternext())
            for table in Table
            if table is not Table.META
        }


def test_the_state_version_is_kept_with_the_applied_index(tmp_path: Path) -> None:
    """It is in force from the entry that raised it, in the same transaction. F26, T7."""
    entries = usual_history()
    last = entries[-1]
    raised = replace(
        last,
        index=Index(last.index + 1),
        ts_us=last.ts_us + 1,
        kind=EntryKind.VERSION,
        payload=versions.encode(2),
    )
    with open_node(tmp_path / "node") as environment:
        state = LmdbStateStore(environment)
        apply_to(state, entries)
        before = state.state_version()
        apply_to(state, [raised])
        state.commit()
    with open_node(tmp_path / "node") as environment:
        again = LmdbStateStore(environment)

        assert before == versions.STATE_VERSION_FIRST
        assert (again.applied(), again.state_version()) == (raised.index, 2)
