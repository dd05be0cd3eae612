"""The simulated disk: what a crash keeps, and what each fault does to the stores over it."""

from collections.abc import Callable
from random import Random

import pytest

from ledgerd.errors import (
    CorruptionError,
    NoSpaceError,
    SlotCorruptError,
    StorageError,
)
from ledgerd.raft.entries import Entry, Index, NodeId
from ledgerd.simulation.disk import (
    SMALL,
    DiskFaults,
    SimDisk,
    SimLogStore,
    SimStateStore,
)
from ledgerd.simulation.volume import SimulatedCrash
from ledgerd.storage.recovery import Recovery, recover
from tests.storage.making import chain, hard_state, ready
from tests.storage.world import apply_to, usual_history

ENTRIES = chain([b"a", b"b", b"c", b"d"])


def opened(disk: SimDisk) -> tuple[SimLogStore, SimStateStore]:
    disk.open(cluster_id="sim", node_id=NodeId(1))
    return SimLogStore(disk), SimStateStore(disk)


def payloads(log: SimLogStore) -> bytes:
    last = log.last_index()
    found = log.entries(Index(1), last, 10**6) if last else []
    return b"".join(entry.payload for entry in found)


def test_what_has_a_receipt_survives_every_power_cut() -> None:
    """log/ syncs each commit."""
    for seed in range(20):
        disk = SimDisk(Random(seed))
        log, _ = opened(disk)
        log.persist(ready(1, entries=ENTRIES, state=hard_state(3, vote=2)))

        assert disk.crash(power=True) == (0, 0)

        log, _ = opened(disk)
        assert payloads(log) == b"abcd"
        assert log.hard_state() == hard_state(3, vote=2)


def test_state_may_fall_back_to_its_last_forced_sync_and_no_further() -> None:
    """Some seeds lose all commits since, some none, and the log replays the rest."""
    entries = usual_history()
    starts = set()
    for seed in range(40):
        disk = SimDisk(Random(seed))
        log, state = opened(disk)
        log.persist(ready(1, entries=entries, state=hard_state(2, commit=8)))
        for count, one in enumerate(entries, start=1):
            apply_to(state, [one])
            state.commit()
            if count == 3:
                assert state.sync() == 3
        digest = state.digest()

        disk.crash(power=True)

        log, state = opened(disk)
        found = recover(log, state)
        assert found._replace(state_anchor=None) == Recovery(
            applied=state.applied(), commit=8, last=8
        )
        starts.add(found.applied)
        apply_to(state, entries[found.applied :])
        assert state.digest() == digest
    assert starts == {3, 4, 5, 6, 7, 8}


def test_the_end_of_the_process_alone_loses_no_commit() -> None:
    entries = usual_history()
    disk = SimDisk(Random(1))
    log, state = opened(disk)
    log.persist(ready(1, entries=entries, state=hard_state(2)))
    apply_to(state, entries[:5])
    state.commit()
    apply_to(state, entries[5:])

    disk.crash(power=False)

    assert recover(*opened(disk)).applied == 5


def test_a_store_of_a_crashed_incarnation_is_dead() -> None:
    disk = SimDisk(Random(1))
    log, state = opened(disk)
    disk.crash(power=False)
    opened(disk)

    with pytest.raises(AssertionError, match="has crashed"):
        log.persist(ready(1, entries=ENTRIES, state=hard_state(1)))
    with pytest.raises(AssertionError, match="has crashed"):
        state.view()


def test_a_crash_in_a_commit_keeps_all_of_it_or_nothing() -> None:
    """The transaction is whole or absent; both happen, and never to a synced one."""
    found = set()
    for seed in range(30):
        disk = SimDisk(Random(seed))
        log, _ = opened(disk)
        log.persist(ready(1, entries=ENTRIES[:1], state=hard_state(1)))
        disk.crash_in_commit(1)
        with pytest.raises(SimulatedCrash):
            log.persist(ready(2, entries=ENTRIES[1:], state=hard_state(2)))
        disk.crash(power=True)
        log, _ = opened(disk)
        found.add((payloads(log), log.hard_state().term))

    assert found == {(b"a", 1), (b"abcd", 2)}


def test_after_a_failed_sync_no_later_one_is_believed() -> None:
    """A store that retried would lose what it acknowledged (T8)."""
    outcomes = set()
    for seed in range(30):
        disk = SimDisk(Random(seed))
        log, _ = opened(disk)
        disk.fail_sync(1)
        with pytest.raises(StorageError):
            log.persist(ready(1, entries=ENTRIES[:1], state=hard_state(1)))
        log._failed = None
        log.persist(ready(1, entries=ENTRIES[:2], state=hard_state(1)))
        disk.crash(power=True)
        outcomes.add(payloads(opened(disk)[0]))

    assert outcomes == {b"", b"ab"}


def test_a_failed_write_may_be_there_after_a_power_cut() -> None:
    """Nobody was told that it was durable, nor that it was not."""
    outcomes = set()
    for seed in range(30):
        disk = SimDisk(Random(seed))
        log, _ = opened(disk)
        disk.fail_sync(1)
        with pytest.raises(StorageError, match="Input/output error"):
            log.persist(ready(1, entries=ENTRIES[:1], state=hard_state(1)))
        disk.crash(power=True)
        outcomes.add(payloads(opened(disk)[0]))

    assert outcomes == {b"", b"a"}


def test_a_disk_that_lies_loses_what_it_called_synced() -> None:
    found = set()
    for seed in range(30):
        disk = SimDisk(Random(seed))
        log, _ = opened(disk)
        log.persist(ready(1, entries=ENTRIES[:1], state=hard_state(1)))
        disk.lie(lies=True)
        for number, entry in enumerate(ENTRIES[1:], start=2):
            log.persist(ready(number, entries=[entry]))
        disk.crash(power=True)
        found.add(payloads(opened(disk)[0]))

    assert found == {b"a", b"ab", b"abc", b"abcd"}


def test_a_full_disk_fails_the_commit_and_room_lets_a_restart_go_on() -> None:
    disk = SimDisk(Random(1))
    log, _ = opened(disk)
    log.persist(ready(1, entries=ENTRIES[:1], state=hard_state(1)))
    disk.fill(10)
    assert disk.free_bytes == 10
    with pytest.raises(StorageError, match="no space left"):
        log.persist(ready(2, entries=ENTRIES[1:], state=hard_state(1)))
    disk.crash(power=False)
    disk.fill(None)

    log, _ = opened(disk)
    assert payloads(log) == b"a"
    log.persist(ready(1, entries=ENTRIES[1:]))
    assert disk.environment.space().disk_free_bytes > 10**9


def test_a_node_does_not_start_below_the_reserve() -> None:
    """As the daemon, which ends with 72; what runs already goes on."""
    disk = SimDisk(Random(1))
    opened(disk)
    disk.fill(SMALL.free_bytes_min - 1)

    with pytest.raises(NoSpaceError):
        disk.admit()
    disk.fill(None)
    disk.admit()


def test_what_was_written_is_known_of_a_damaged_slot() -> None:
    """The checks look there, for the node itself cannot say."""
    disk = SimDisk(Random(3))
    log, _ = opened(disk)
    log.persist(ready(1, entries=ENTRIES, state=hard_state(1)))
    assert disk.damage_entry(2)

    assert disk.written_entries() == {2: ENTRIES[1]}
    disk.forget_below(Index(2))
    disk.forget_above(Index(2))
    assert disk.log.damaged
    disk.forget_below(Index(3))
    assert not disk.log.damaged


def test_a_missing_row_of_a_tail_that_was_replaced_is_not_counted() -> None:
    """It was not there to be cut with the others."""
    disk = SimDisk(Random(3))
    log, _ = opened(disk)
    log.persist(ready(1, entries=ENTRIES, state=hard_state(1)))
    assert disk.damage_entry(2)

    disk.forget_above(Index(1))
    assert not disk.log.damaged


@pytest.mark.parametrize("seed", range(30))
def test_an_old_record_is_put_back_only_where_neighbours_can_tell(seed: int) -> None:
    """T87: at the end of a log it could not be told from a log that ends so."""
    disk = SimDisk(Random(seed))
    log, _ = opened(disk)
    log.persist(ready(1, entries=ENTRIES, state=hard_state(1)))
    kinds = [disk.damage_entry(index) for index in (len(ENTRIES), 1)]

    assert all(kinds)
    assert not any("stale" in str(kind) for kind in kinds)
    assert log.last_index() == len(ENTRIES) == opened(disk)[0].last_index()


def test_commits_take_time_and_a_stall_takes_more() -> None:
    disk = SimDisk(Random(1), DiskFaults(commit_ns=(5, 5), slow_chance=1, slow_ns=100))
    log, _ = opened(disk)
    disk.take_elapsed_ns()
    log.persist(ready(1, entries=ENTRIES, state=hard_state(1)))
    assert disk.take_elapsed_ns() == 105
    assert disk.take_elapsed_ns() == 0

    disk.stall(1000)
    log.persist(ready(2, state=hard_state(2)))
    assert disk.take_elapsed_ns() == 1105


def test_a_damaged_entry_is_found_when_the_log_is_opened() -> None:
    """Whatever the kind: bits, another entry's bytes, an older entry, none."""
    kinds = set()
    for seed in range(60):
        disk = SimDisk(Random(seed))
        log, _ = opened(disk)
        old = chain([b"old"] * 4)
        log.persist(ready(1, entries=old, state=hard_state(1)))
        new = chain([b"new"] * 3, term=2, after=old[0])
        log.persist(ready(2, entries=new, state=hard_state(2, commit=4)))
        done = disk.damage_entry()
        assert done is not None
        kinds.add(done.split()[-1])
        disk.crash(power=False)

        with pytest.raises(SlotCorruptError):
            payloads(opened(disk)[0])
    assert kinds == {"flipped", "misdirected", "stale"}


def test_a_damaged_twin_refuses_to_start() -> None:
    """T86."""
    for seed in range(20):
        disk = SimDisk(Random(seed))
        log, _ = opened(disk)
        log.persist(ready(1, state=hard_state(1, vote=1)))
        log.persist(ready(2, state=hard_state(2, vote=2)))
        assert disk.damage_twin() is not None
        disk.crash(power=False)

        with pytest.raises(CorruptionError, match="hard state"):
            opened(disk)


def test_writing_a_damaged_row_mends_it() -> None:
    disk = SimDisk(Random(3))
    log, _ = opened(disk)
    log.persist(ready(1, entries=ENTRIES, state=hard_state(1)))
    assert disk.damage_entry(4) is not None
    assert disk.damage_entry(4) is None, "a damaged row is not damaged again"
    assert len(disk.log.damaged) == 1

    log.persist(
        ready(2, entries=chain([b"x"], term=2, after=ENTRIES[2]), state=hard_state(2))
    )

    assert not disk.log.damaged


def test_a_wiped_disk_begins_anew_as_another_store() -> None:
    """T13: same id, other store uuid."""
    disk = SimDisk(Random(1))
    first = disk.open(cluster_id="sim", node_id=NodeId(1)).identity
    SimLogStore(disk).persist(ready(1, entries=ENTRIES, state=hard_state(1)))
    assert disk.open(cluster_id="sim", node_id=NodeId(1)).identity == first
    disk.wipe()
    assert disk.is_gone

    log, _ = opened(disk)

    assert log.last_index() == 0
    assert disk.environment.identity.store_uuid != first.store_uuid


def run(seed: int, deed: Callable[[SimDisk], object]) -> list[object]:
    """Return all that a disk did in a small life."""
    disk = SimDisk(Random(seed), DiskFaults(slow_chance=0.5, slow_ns=7))
    found: list[object] = []
    previous: Entry | None = None
    for number in range(5):
        log, _ = opened(disk)
        entry = chain([b"%d" % number], after=previous)[0]
        log.persist(ready(1, entries=[entry], state=hard_state(1)))
        previous = entry
        found += [disk.take_elapsed_ns(), deed(disk), disk.crash(power=True)]
    return found


def test_the_same_seed_does_the_same() -> None:
    for seed in range(5):
        assert run(seed, SimDisk.damage_state) == run(seed, SimDisk.damage_state)
    assert run(1, SimDisk.damage_state) != run(2, SimDisk.damage_state)


def test_what_a_killed_process_had_not_synced_is_synced_before_it_is_used_again() -> (
    None
):
    """Seed 29 of a campaign: killed in a commit, started over the page cache, power cut.

    The second process counts what it finds as durable and vouches for it; it has to be.
    """
    survived = set()
    for seed in range(20):
        disk = SimDisk(Random(seed))
        log, _ = opened(disk)
        disk.crash_in_commit(1)
        with pytest.raises(SimulatedCrash):
            log.persist(ready(1, entries=ENTRIES, state=hard_state(3, vote=2)))
        disk.crash(power=False)
        log, _ = opened(disk)
        found, state = payloads(log), log.hard_state()

        disk.crash(power=True)

        log, _ = opened(disk)
        assert (payloads(log), log.hard_state()) == (found, state)
        survived.add(found)
    assert survived == {b"", b"abcd"}


def test_state_that_is_found_at_a_start_is_synced_before_it_counts_as_durable() -> None:
    """F27: the log may be cut up to `durable`, so no later power cut may take it."""
    entries = usual_history()
    for seed in range(20):
        disk = SimDisk(Random(seed))
        log, state = opened(disk)
        log.persist(ready(1, entries=entries, state=hard_state(2, commit=8)))
        apply_to(state, entries)
        state.commit()
        disk.crash(power=False)
        _, state = opened(disk)
        durable = state.durable()

        disk.crash(power=True)

        assert opened(disk)[1].applied() >= durable
