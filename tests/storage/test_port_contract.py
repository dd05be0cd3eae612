"""What every LogStore must do: LMDB, a store over dicts, the simulated disk (raft.md, P4)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError, SlotCorruptError, StorageError
from ledgerd.raft.entries import GENESIS_LINK, Anchor, Entry, HardState, Index, NodeId
from ledgerd.raft.membership import Membership
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.ports import LogStore, Receipt
from tests.storage.benches import Bench, LmdbBench, MemoryBench, SimulatedBench
from tests.storage.making import chain, entry, hard_state, ready


@pytest.fixture(params=["memory", "lmdb", "simulated"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Run the test on each implementation."""
    match request.param:
        case "memory":
            yield MemoryBench()
        case "simulated":
            yield SimulatedBench()
        case _:
            lmdb_bench = LmdbBench(tmp_path / "data")
            yield lmdb_bench
            lmdb_bench.crash()


def stored(log: LogStore) -> list[Entry]:
    last = log.last_index()
    return log.entries(Index(1), last, 10**9) if last else []


# Empty.


def test_an_empty_store_ends_at_0_with_term_0_and_the_genesis_link(
    bench: Bench,
) -> None:
    log = bench.open()

    assert log.first_index() == 1
    assert log.last_index() == 0
    assert log.term(Index(0)) == 0
    assert log.link(Index(0)) == GENESIS_LINK
    assert log.term(Index(1)) is None
    assert log.link(Index(1)) is None
    assert log.hard_state() == hard_state(0)


def test_an_empty_ready_needs_no_write_and_has_its_receipt(bench: Bench) -> None:
    log = bench.open()

    receipt = log.persist(ready(1, must_sync=False))

    assert isinstance(receipt, Receipt)
    assert receipt.ticket == 1


# Appending and reading.


def test_what_was_persisted_is_read_and_survives_a_crash(bench: Bench) -> None:
    """Once there is a receipt, a crash loses nothing."""
    entries = chain([b"a", b"", b"c" * 5000])
    log = bench.open()
    log.persist(ready(1, entries=entries, state=hard_state(1)))
    assert stored(log) == entries

    log = bench.open()

    assert stored(log) == entries
    assert log.last_index() == 3
    assert [log.term(Index(i)) for i in range(5)] == [0, 1, 1, 1, None]
    assert log.link(Index(3)) == entries[2].link
    assert log.link(Index(4)) is None


def test_appends_in_many_turns_make_one_log(bench: Bench) -> None:
    """Also beyond what is kept in memory: 40 entries of 1 KB with room for 4 KB."""
    log = bench.open()
    entries = chain([bytes([i]) * 1024 for i in range(40)])
    log.persist(ready(1, state=hard_state(1)))
    for number, one in enumerate(entries):
        log.persist(ready(number + 2, entries=[one]))

    assert stored(log) == entries
    assert log.entries(Index(1), Index(1), 10**9) == entries[:1]
    assert log.entries(Index(7), Index(39), 10**9) == entries[6:39]
    assert stored(bench.open()) == entries


@pytest.mark.parametrize(
    ("bytes_max", "count"), [(0, 1), (1, 1), (200, 2), (299, 2), (300, 3), (10**9, 5)]
)
def test_a_read_stops_at_its_size_but_gives_one(
    bench: Bench, bytes_max: int, count: int
) -> None:
    """Entries of 100 bytes of size each."""
    log = bench.open()
    entries = chain([b"1234"] * 5)
    log.persist(ready(1, entries=entries, state=hard_state(1)))

    assert {one.size_bytes for one in entries} == {100}
    assert log.entries(Index(1), Index(5), bytes_max) == entries[:count]


def test_a_gap_is_refused(bench: Bench) -> None:
    log = bench.open()
    entries = chain([b"a", b"b", b"c"])
    log.persist(ready(1, entries=entries[:1], state=hard_state(1)))

    with pytest.raises(AssertionError):
        log.persist(ready(2, entries=entries[2:]))


def test_a_ready_that_was_skipped_is_noticed(bench: Bench) -> None:
    """C7: no Ready is dropped."""
    log = bench.open()
    log.persist(ready(1))

    with pytest.raises(AssertionError):
        log.persist(ready(3))


def test_a_ready_is_never_handled_twice(bench: Bench) -> None:
    """C7."""
    log = bench.open()
    log.persist(ready(1, entries=chain([b"a"]), state=hard_state(1)))

    with pytest.raises(AssertionError):
        log.persist(ready(1))


def test_entries_of_one_write_follow_each_other(bench: Bench) -> None:
    """A hole between them would be a hole in the log."""
    log = bench.open()
    entries = chain([b"a", b"b", b"c"])

    with pytest.raises(AssertionError):
        log.persist(ready(1, entries=entries[::2], state=hard_state(1)))


def test_an_entry_of_a_term_never_entered_is_refused(bench: Bench) -> None:
    """T4: the term is durable with the entry or before it."""
    log = bench.open()
    log.persist(ready(1, state=hard_state(1)))

    with pytest.raises(AssertionError):
        log.persist(ready(2, entries=chain([b"a"], term=2)))


def test_after_a_refused_write_what_was_there_is_there(bench: Bench) -> None:
    """A broken caller changes nothing on disk."""
    entries = chain([b"a", b"b", b"c"])
    log = bench.open()
    log.persist(ready(1, entries=entries[:1], state=hard_state(1)))
    with pytest.raises(AssertionError):
        log.persist(ready(2, entries=entries[2:], state=hard_state(9)))

    log = bench.open()

    assert stored(log) == entries[:1]
    assert log.hard_state() == hard_state(1)


# Conflicts.


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_entries_replace_everything_from_the_first_on(bench: Bench, kept: int) -> None:
    """C1: a shorter log of a later term stands in the place of a longer one, after a crash too."""
    log = bench.open()
    old = chain([b"old" * 400] * 5)
    log.persist(ready(1, entries=old, state=hard_state(1)))
    new = [entry(old[kept - 1] if kept else None, term=2, payload=b"new")]

    log.persist(ready(2, entries=new, state=hard_state(2)))

    assert stored(log) == old[:kept] + new
    assert log.last_index() == kept + 1
    assert log.term(Index(kept + 1)) == 2
    assert log.term(Index(kept + 2)) is None
    assert stored(bench.open()) == old[:kept] + new


def test_a_committed_entry_is_never_replaced(bench: Bench) -> None:
    """T20, Raft 5.3."""
    log = bench.open()
    entries = chain([b"a", b"b", b"c"])
    log.persist(ready(1, entries=entries, state=hard_state(1, commit=2)))

    with pytest.raises(AssertionError):
        log.persist(
            ready(
                2,
                entries=chain([b"x"], term=2, after=entries[0]),
                state=hard_state(2, commit=2),
            )
        )


def test_a_replaced_tail_is_gone_from_every_read(bench: Bench) -> None:
    """Also from what is kept in memory, and when the new tail grows past the old end."""
    log = bench.open()
    old = chain([b"old" * 300] * 6)
    log.persist(ready(1, entries=old, state=hard_state(1)))
    new = chain([b"new"] * 2, term=2, after=old[2])
    log.persist(ready(2, entries=new, state=hard_state(2)))
    assert log.term(Index(6)) is None
    more = chain([b"more"] * 3, term=2, after=new[-1])
    log.persist(ready(3, entries=more))

    assert stored(log) == old[:3] + new + more
    assert log.link(Index(6)) == more[0].link
    assert stored(bench.open()) == old[:3] + new + more


# Compaction, and a snapshot in the place of a log. F27, F30.


def compacted(bench: Bench, first: int) -> list[Entry]:
    """Leave a store with entries 1 .. 6, cut so that it starts at `first`; return the entries."""
    entries = chain([bytes([number]) * 1000 for number in range(6)])
    log = bench.open()
    log.persist(ready(1, entries=entries, state=hard_state(1, commit=6)))
    log.compact(Index(first), state_durable=Index(6))
    return entries


@pytest.mark.parametrize("first", [2, 4, 7])
def test_a_compacted_log_knows_the_entry_before_its_first(
    bench: Bench, first: int
) -> None:
    """T24, T30: its term, link and time; nothing of what lies below. After a crash too."""
    entries = compacted(bench, first)
    for is_again in (False, True):
        log = bench.open() if is_again else bench.store
        assert log is not None
        gone = entries[first - 2]
        assert log.anchor() == Anchor(gone.id, gone.link, gone.ts_us)
        assert log.first_index() == first
        assert log.last_index() == 6
        assert log.term(gone.index) == gone.term
        assert log.link(gone.index) == gone.link
        assert log.term(Index(first - 2)) is None
        assert log.link(Index(first - 2)) is None
        kept = entries[first - 1 :]
        if kept:
            assert log.entries(Index(first), Index(6), 10**9) == kept


def test_a_log_is_compacted_in_slices(bench: Bench) -> None:
    entries = compacted(bench, 3)
    log = bench.open()
    log.compact(Index(5), state_durable=Index(6))
    log.compact(Index(6), state_durable=Index(6))

    assert log.entries(Index(6), Index(6), 0) == entries[5:]


@pytest.mark.parametrize("first", [1, 3, 8])
def test_a_cut_below_the_first_or_above_the_last_is_refused(
    bench: Bench, first: int
) -> None:
    compacted(bench, 3)

    with pytest.raises(AssertionError):
        bench.open().compact(Index(first), state_durable=Index(9))


def test_a_cut_above_the_durable_state_is_refused(bench: Bench) -> None:
    """F27: what state/ may lose in a power cut is replayed from here."""
    compacted(bench, 2)

    with pytest.raises(AssertionError):
        bench.open().compact(Index(5), state_durable=Index(3))


def test_a_compacted_log_goes_on(bench: Bench) -> None:
    """The next entry links to the anchor, and is read with its link checked."""
    entries = compacted(bench, 7)
    log = bench.open()
    log.persist(ready(1, entries=chain([b"on"], after=entries[-1])))
    log = bench.open()

    assert log.last_index() == 7
    assert log.entries(Index(7), Index(7), 0)[0].payload == b"on"


def test_a_failed_cut_is_final(bench: Bench) -> None:
    """T8: and the log on disk is what it was, or what it should become; nothing between."""
    entries = chain([b"a", b"b", b"c"])
    log = bench.open()
    log.persist(ready(1, entries=entries, state=hard_state(1, commit=3)))
    bench.fail_commit(1)
    with pytest.raises(StorageError):
        log.compact(Index(3), state_durable=Index(3))
    with pytest.raises(StorageError):
        log.last_index()

    log = bench.open()
    first = log.first_index()
    assert first in (1, 3)
    assert log.entries(first, Index(3), 10**9) == entries[first - 1 :]


def snapshot_after(entries: list[Entry]) -> Snapshot:
    last = entries[-1]
    anchor = Anchor(last.id, last.link, last.ts_us)
    membership = Membership((NodeId(1),))
    return Snapshot(anchor, membership, bytes(32), 1, bytes(32))


@pytest.mark.parametrize("own", [0, 2, 9])
def test_a_snapshot_replaces_the_whole_log_in_one_transaction(
    bench: Bench, own: int
) -> None:
    """F30, T61: hard state, first index and what comes behind; nothing else is left."""
    theirs = chain([b"theirs"] * 6, term=2)
    snapshot = snapshot_after(theirs[:5])
    log = bench.open()
    log.persist(
        ready(1, entries=chain([b"own"] * own), state=hard_state(1, commit=own // 2))
    )
    log.persist(
        replace(
            ready(2, entries=theirs[5:], state=hard_state(2, commit=5)),
            snapshot=snapshot,
        )
    )
    for is_again in (False, True):
        log = bench.open() if is_again else log
        assert log.anchor() == snapshot.anchor
        assert log.hard_state() == hard_state(2, commit=5)
        assert log.last_index() == 6
        assert log.entries(Index(6), Index(6), 0) == theirs[5:]


def test_a_failed_snapshot_leaves_the_old_log_or_the_new_one(bench: Bench) -> None:
    """T8, F30: one transaction; on most disks a failed sync kept nothing, on some it did."""
    own = chain([b"own"] * 3)
    theirs = chain([b"theirs"] * 5, term=2)
    log = bench.open()
    log.persist(ready(1, entries=own, state=hard_state(1, commit=1)))
    bench.fail_commit(1)
    with pytest.raises(StorageError):
        log.persist(
            replace(
                ready(2, state=hard_state(2, commit=5)),
                snapshot=snapshot_after(theirs),
            )
        )

    log = bench.open()
    if log.first_index() == 1:
        assert stored(log) == own
        assert log.hard_state() == hard_state(1, commit=1)
    else:
        assert log.anchor() == snapshot_after(theirs).anchor
        assert log.last_index() == 5
        assert log.hard_state() == hard_state(2, commit=5)


# Hard state.


def test_hard_state_alone_survives_a_crash(bench: Bench) -> None:
    bench.open().persist(ready(1, state=hard_state(3, vote=2)))

    assert bench.open().hard_state() == hard_state(3, vote=2)


def test_hard_state_with_entries_survives_a_crash(bench: Bench) -> None:
    """Term, vote and entries are one transaction."""
    entries = chain([b"a", b"b"], term=4)
    bench.open().persist(
        ready(1, entries=entries, state=hard_state(4, vote=1, commit=2))
    )

    log = bench.open()

    assert log.hard_state() == hard_state(4, vote=1, commit=2)
    assert stored(log) == entries


def test_entries_alone_leave_the_hard_state(bench: Bench) -> None:
    log = bench.open()
    log.persist(ready(1, state=hard_state(4, vote=1)))
    log.persist(ready(2, entries=chain([b"a"], term=4)))

    assert bench.open().hard_state() == hard_state(4, vote=1)


def test_terms_and_commits_never_fall(bench: Bench) -> None:
    """T2."""
    log = bench.open()
    entries = chain([b"a", b"b"], term=3)
    log.persist(ready(1, entries=entries, state=hard_state(3, commit=2)))

    for fallen in (hard_state(2, commit=2), hard_state(3, commit=1)):
        with pytest.raises(AssertionError):
            log.persist(ready(2, state=fallen))


def test_a_term_has_one_vote(bench: Bench) -> None:
    """Raft 5.2: a second vote is refused, a first one in a later term is not."""
    log = bench.open()
    log.persist(ready(1, state=hard_state(3, vote=1)))

    with pytest.raises(AssertionError):
        log.persist(ready(2, state=hard_state(3, vote=2)))
    log = bench.open()
    log.persist(ready(1, state=hard_state(4, vote=2)))

    assert bench.open().hard_state() == hard_state(4, vote=2)


def test_a_commit_index_beyond_the_log_is_not_written(bench: Bench) -> None:
    """T11."""
    log = bench.open()

    with pytest.raises(AssertionError):
        log.persist(ready(1, entries=chain([b"a"]), state=hard_state(1, commit=2)))


def test_a_commit_hint_may_wait_and_is_never_wrong(bench: Bench) -> None:
    """C6: it is read at once, may be lost in a crash, and is written when the store is closed."""
    entries = chain([b"a", b"b"])
    log = bench.open()
    log.persist(ready(1, entries=entries, state=hard_state(1, vote=1)))
    log.persist(ready(2, state=hard_state(1, vote=1, commit=2), must_sync=False))
    assert log.hard_state().commit == 2

    after_crash = bench.open().hard_state()
    assert (after_crash.term, after_crash.vote) == (1, 1)
    assert after_crash.commit in {0, 2}

    log = bench.open()
    log.persist(ready(1, state=hard_state(1, vote=1, commit=2), must_sync=False))
    bench.close()
    assert bench.open().hard_state() == hard_state(1, vote=1, commit=2)


def test_a_waiting_commit_hint_goes_with_the_next_write(bench: Bench) -> None:
    entries = chain([b"a", b"b"])
    log = bench.open()
    log.persist(ready(1, entries=entries[:1], state=hard_state(1)))
    log.persist(ready(2, state=hard_state(1, commit=1), must_sync=False))
    log.persist(ready(3, entries=entries[1:]))

    assert bench.open().hard_state() == hard_state(1, commit=1)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("new", [None, hard_state(1, vote=3), hard_state(9, vote=1)])
def test_a_twin_that_is_missing_or_differs_refuses_to_start(
    bench: Bench, number: int, new: HardState | None
) -> None:
    """T86: resetting to 0 would permit a second vote."""
    bench.open().persist(ready(1, state=hard_state(5, vote=1)))
    bench.close()
    bench.edit_twin(number, new)

    with pytest.raises(CorruptionError):
        bench.open()


# Failing.


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failed_commit_is_final_and_nothing_after_it_succeeds(
    bench: Bench, number: int
) -> None:
    """T8: the disk would take the next write, the store does not."""
    log = bench.open()
    entries = chain([b"a", b"b", b"c", b"d"])
    bench.fail_commit(number)
    for ticket in range(1, number):
        one = entries[ticket - 1]
        log.persist(ready(ticket, entries=[one], state=hard_state(1)))

    with pytest.raises(StorageError):
        log.persist(
            ready(number, entries=[entries[number - 1]], state=hard_state(1, vote=1))
        )
    with pytest.raises(StorageError):
        log.persist(ready(number, entries=[entries[number - 1]]))
    with pytest.raises(StorageError):
        log.persist(ready(number + 1, must_sync=False))
    with pytest.raises(StorageError):
        log.last_index()
    with pytest.raises(StorageError):
        log.hard_state()

    # Nobody was told that the failed one was durable, nor that it was not.
    assert stored(bench.open()) in (entries[: number - 1], entries[:number])


@pytest.mark.parametrize("kept", [False, True])
def test_a_crash_in_a_commit_keeps_all_of_it_or_nothing(
    bench: Bench, *, kept: bool
) -> None:
    """Term, vote and entries stand or fall together (T1, D14)."""
    log = bench.open()
    old = chain([b"old"] * 3)
    log.persist(ready(1, entries=old, state=hard_state(1, vote=1)))
    new = chain([b"new"] * 2, term=2, after=old[0])
    bench.crash_in_commit(kept=kept)
    with pytest.raises(BaseException, match="crash"):
        log.persist(ready(2, entries=new, state=hard_state(2, vote=3)))

    log = bench.open()

    if kept:
        assert stored(log) == old[:1] + new
        assert log.hard_state() == hard_state(2, vote=3)
    else:
        assert stored(log) == old
        assert log.hard_state() == hard_state(1, vote=1)


# Damage: each has its verdict, none gives a shorter clean log (F32).


def _flip(values: dict[int, bytes], index: int, offset: int) -> None:
    damaged = bytearray(values[index])
    damaged[offset] ^= 1
    values[index] = bytes(damaged)


def _swap(values: dict[int, bytes]) -> None:
    values[2], values[3] = values[3], values[2]


def _copy_over(values: dict[int, bytes]) -> None:
    values[3] = values[2]


def _cut_value(values: dict[int, bytes]) -> None:
    values[4] = values[4][:-3]


def _end_missing_and_bad(values: dict[int, bytes]) -> None:
    _flip(values, 4, -1)
    del values[3]


DAMAGES: dict[str, Callable[[dict[int, bytes]], None]] = {
    "payload of the last": lambda values: _flip(values, 4, -1),
    "payload in the middle": lambda values: _flip(values, 2, -1),
    "link": lambda values: _flip(values, 3, 40),
    "term": lambda values: _flip(values, 3, 17),
    "swapped records": _swap,
    "record of another index": _copy_over,
    "value cut short": _cut_value,
    "first missing": lambda values: values.pop(1) and None,
    "middle missing": lambda values: values.pop(2) and None,
    "last bad, the one before missing": _end_missing_and_bad,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_corruption_and_never_a_shorter_log(
    bench: Bench, damage: str
) -> None:
    bench.open().persist(
        ready(1, entries=chain([b"a", b"b", b"c", b"d"]), state=hard_state(1))
    )
    bench.close()
    bench.edit(DAMAGES[damage])

    with pytest.raises(CorruptionError):
        stored(bench.open())


CORRUPT_SLOTS = {
    "payload of the last": [4],
    "payload in the middle": [2],
    "link": [3],
    "term": [3],
    "swapped records": [2, 3],
    "record of another index": [3],
    "value cut short": [4],
    "first missing": [1],
    "middle missing": [2],
    "last bad, the one before missing": [3, 4],
}


@pytest.mark.parametrize("damage", CORRUPT_SLOTS)
def test_a_corrupt_slot_is_told_and_repaired_in_place(
    bench: Bench, damage: str
) -> None:
    """F32, F34: the store opens, keeps its length, names the slots, and takes the right values."""
    entries = chain([b"a", b"b", b"c", b"d"])
    bench.open().persist(ready(1, entries=entries, state=hard_state(1)))
    bench.close()
    bench.edit(DAMAGES[damage])
    log = bench.open()
    slots = CORRUPT_SLOTS[damage]

    assert log.damaged() == slots
    assert log.last_index() == 4
    for index in range(1, 5):
        if index in slots:
            with pytest.raises(SlotCorruptError) as caught:
                log.entries(Index(index), Index(index), 1)
            assert caught.value.index == index
        else:
            found = log.entries(Index(index), Index(index), 1)
            assert found == entries[index - 1 : index]

    log.repair([entries[index - 1] for index in slots])

    assert log.damaged() == []
    assert stored(log) == entries
    assert stored(bench.open()) == entries


def test_what_takes_a_slot_is_read_from_then_on(bench: Bench) -> None:
    """F33: the last slot rotted while the log was open, and the next leader has another entry."""
    entries = chain([b"a", b"b", b"c"])
    log = bench.open()
    log.persist(ready(1, entries=entries, state=hard_state(2)))
    (other,) = chain([b"d"], term=2, after=entries[1])

    log.repair([other])

    for again in (log, bench.open()):
        assert again.term(Index(3)) == 2
        assert again.link(Index(3)) == other.link
        assert stored(again) == [*entries[:2], other]


def test_a_log_begins_behind_a_corrupt_slot_that_others_can_name(bench: Bench) -> None:
    """F33: a snapshot says what the slot was, and no peer has its entry any more."""
    entries = chain([b"a", b"b", b"c", b"d"])
    bench.open().persist(ready(1, entries=entries, state=hard_state(1, commit=4)))
    bench.close()
    bench.edit(DAMAGES["payload in the middle"])
    log = bench.open()
    gone = entries[1]
    anchor = Anchor(gone.id, gone.link, gone.ts_us)

    with pytest.raises(SlotCorruptError):
        log.compact(Index(3), state_durable=Index(4))
    log.compact(Index(3), state_durable=Index(4), anchor=anchor)

    for again in (log, bench.open()):
        assert again.anchor() == anchor
        assert again.damaged() == []
        assert again.entries(Index(3), Index(4), 10**9) == entries[2:]


def test_a_failed_repair_is_final(bench: Bench) -> None:
    """T8: as any other write."""
    entries = chain([b"a", b"b"])
    log = bench.open()
    log.persist(ready(1, entries=entries, state=hard_state(1)))
    bench.fail_commit(1)

    with pytest.raises(StorageError):
        log.repair(entries[:1])
    with pytest.raises(StorageError):
        log.last_index()


def test_an_entry_of_another_history_does_not_link(bench: Bench) -> None:
    """An older copy put back: intact by itself, wrong in its place (T87)."""
    log = bench.open()
    log.persist(ready(1, entries=chain([b"a", b"b", b"c"]), state=hard_state(1)))
    other: dict[int, bytes] = {}
    bench.close()
    bench.edit(other.update)
    log = bench.open()
    log.persist(
        ready(1, entries=chain([b"A", b"B", b"C"], term=2), state=hard_state(2))
    )
    bench.close()
    bench.edit(lambda values: values.update({2: other[2]}))

    with pytest.raises(CorruptionError):
        stored(bench.open())


def test_a_log_shorter_than_its_commit_is_lost(bench: Bench) -> None:
    """T11: not a clamp."""
    entries = chain([b"a", b"b", b"c"])
    bench.open().persist(ready(1, entries=entries, state=hard_state(1, commit=3)))
    bench.close()
    bench.edit(lambda values: values.pop(3) and None)

    with pytest.raises(CorruptionError, match="lost"):
        bench.open()


def test_an_older_hard_state_put_back_is_refused(bench: Bench) -> None:
    """T4: no entry is of a later term than the hard state's."""
    log = bench.open()
    log.persist(ready(1, entries=chain([b"a"], term=6), state=hard_state(6, vote=1)))
    bench.close()
    for number in (0, 1):
        bench.edit_twin(number, hard_state(5, vote=1))

    with pytest.raises(CorruptionError):
        bench.open()
