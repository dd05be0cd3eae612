"""When a replica copies its state, fetches another's, and puts it in place. F28, F30, T63, T64."""

from dataclasses import replace

import pytest

from ledgerd.raft.entries import Anchor, EntryId, Index
from ledgerd.raft.options import Options
from ledgerd.replica.compaction import LogBounds
from ledgerd.replica.inputs import (
    SnapshotAsked,
    SnapshotMade,
    SnapshotSpoiled,
    StateDamaged,
    Waiter,
)
from ledgerd.replica.outbox import Outbox
from ledgerd.replica.snapshots import RETRY_TICKS, Snapshots
from tests.replica.machines import (
    Machine,
    Machines,
    MemorySnapshots,
    fund,
    open_account,
    payouts,
)

SMALL = LogBounds(
    keep_bytes=1 << 40,
    cap_bytes=1 << 40,
    keep_entries=4,
    slice_entries=1000,
    patience_ticks=5,
)


def settled(machines: Machines) -> None:
    machines.deliver()
    machines.tick(4)


def behind(
    *, work: int = 12, bounds: LogBounds = SMALL
) -> tuple[Machines, Machine, Machine]:
    """Return machines, a leader that has cut its log, and a follower that was away and is back."""
    machines = Machines(options=Options(snapshot_ticks_max=10), bounds=bounds)
    leader = machines.elect(1)
    machines.cut.add(3)
    leader.turn(open_account(), fund(1_000_000))
    settled(machines)
    machines.tick(10)  # the leader takes the peer for dead
    for number in range(work):
        leader.turn(payouts(number, number))
        machines.deliver()
    machines.tick(10)
    machines.cut.clear()
    assert leader.replica.core.status().first > 2
    machines.tick(5)
    return machines, leader, machines[3]


def offered(machines: Machines, leader: Machine) -> None:
    """Let the leader's copy end, and offer it."""
    leader.turn(leader.snapshots.finish_making())
    machines.tick(3)


def test_a_peer_behind_the_log_gets_the_state_and_then_entries() -> None:
    """F28, F30: copied, offered, fetched, installed, and on with the log."""
    machines, leader, follower = behind()
    assert leader.snapshots.begun == ["make"]
    leader.turn(payouts(700, 700))  # load goes on while the copy is made
    machines.deliver()
    offered(machines, leader)
    assert follower.snapshots.begun == ["fetch 14"]
    outbox = follower.turn(follower.snapshots.finish_fetching())
    machines.deliver()
    leader.turn(payouts(800, 800))
    settled(machines)

    assert outbox.installed is not None
    assert follower.state.applied() == leader.state.applied()
    assert follower.state.digest() == leader.state.digest()
    assert follower.log.anchor() == outbox.installed.anchor


def grown(machines: Machines, leader: Machine, entries: int) -> None:
    """Let the log grow while a copy is made or sent, and be cut as far as it may be."""
    for number in range(entries):
        leader.turn(payouts(5_000 + number, 5_000 + number))
        machines.deliver()
    machines.tick(2)


# Of the entries of these tests about 20 fill a cap.
TIGHT = replace(SMALL, keep_bytes=1_000, cap_bytes=5_000)


def entries_a_cap(leader: Machine) -> int:
    """Return how many entries of the kind at hand fill the cap."""
    status = leader.replica.core.status()
    entry_bytes = leader.log.size_bytes() // (status.last - status.first + 1)
    return TIGHT.cap_bytes // entry_bytes


def test_a_log_that_outgrows_its_cap_while_a_copy_is_under_way_still_joins_it() -> None:
    """F28: made, sent and followed, with the growth of more than a cap in between."""
    machines, leader, follower = behind(bounds=TIGHT, work=40)
    grown(machines, leader, 2 * entries_a_cap(leader))
    offered(machines, leader)
    grown(machines, leader, entries_a_cap(leader))
    follower.turn(follower.snapshots.finish_fetching())
    settled(machines)
    settled(machines)

    assert leader.snapshots.begun == ["make"]
    assert follower.state.applied() == leader.state.applied()


def test_a_copy_that_the_log_has_outrun_is_made_anew_at_twice_the_pace() -> None:
    """F29: beyond the bound, the next one comes sooner; one that is in time ends the hurry."""
    machines, leader, follower = behind(bounds=TIGHT, work=40)
    for _ in range(2):
        offered(machines, leader)
        grown(machines, leader, 6 * entries_a_cap(leader))
        machines.tick(15)
    assert leader.snapshots.begun == ["make", "make x2", "make x4"]
    offered(machines, leader)
    follower.turn(follower.snapshots.finish_fetching())
    settled(machines)
    assert follower.state.applied() == leader.state.applied()


def test_changes_are_permitted_by_the_version_that_comes_with_a_state() -> None:
    """Seed 87 of the simulator: who led after an install never left a joint membership (T55)."""
    machines, leader, follower = behind()
    follower.replica.core.permit_changes(False)  # as before any state version was known
    offered(machines, leader)

    outbox = follower.turn(follower.snapshots.finish_fetching())

    assert outbox.installed is not None
    assert follower.replica.core._changes.is_permitted


def test_the_ack_leaves_after_the_state_is_in_place() -> None:
    """T64, T14: log transaction, swap, and only then the word to the leader."""
    machines, leader, follower = behind()
    offered(machines, leader)
    follower.events.clear()
    follower.turn(follower.snapshots.finish_fetching())

    expected = ["persist", "install 14", "after AppendAccepted"]
    assert [event for event in follower.events if event in expected] == expected


def test_one_copy_is_made_at_a_time() -> None:
    """T63: a wish that comes meanwhile waits, and is answered by the next copy."""
    _machines, leader, _ = behind()
    leader.turn(SnapshotAsked(Waiter(71)))
    assert leader.snapshots.begun == ["make"]
    first = leader.turn(leader.snapshots.finish_making())
    assert not first.snapshots
    assert leader.snapshots.begun == ["make", "make"]
    second = leader.turn(leader.snapshots.finish_making())

    (answer,) = second.snapshots
    assert answer.waiter == 71
    assert answer.snapshot is not None


def test_a_copy_that_failed_is_made_again_later() -> None:
    """T63: re-armed, but not in a loop."""
    machines, leader, _ = behind()
    leader.turn(leader.snapshots.fail_making())
    machines.tick(RETRY_TICKS // 2)
    assert leader.snapshots.begun == ["make"]
    machines.tick(RETRY_TICKS)

    assert leader.snapshots.begun == ["make", "make"]


def test_who_asked_is_told_why_it_failed() -> None:
    machines = Machines(1)
    machine = machines.elect(1)
    machine.turn(SnapshotAsked(Waiter(5)))
    outbox = machine.turn(machine.snapshots.fail_making())

    (answer,) = outbox.snapshots
    assert (answer.snapshot, answer.why) == (None, "told to fail")


def test_nothing_is_installed_while_a_copy_is_made() -> None:
    """T63: the fetched state waits for the end of the copy."""
    machines, leader, follower = behind()
    offered(machines, leader)
    follower.turn(SnapshotAsked(Waiter(9)))
    assert follower.snapshots.begun[-1] == "make"
    waiting = follower.turn(follower.snapshots.finish_fetching())
    assert waiting.installed is None
    outbox = follower.turn(SnapshotMade(None, "enough"))

    assert outbox.installed is not None


def test_what_waits_to_be_installed_is_not_removed_for_a_newer_offer() -> None:
    """F30: a store keeps one fetched state, so another fetch would take its file away."""
    machines, leader, follower = behind()
    offered(machines, leader)
    follower.turn(SnapshotAsked(Waiter(9)))
    follower.turn(follower.snapshots.finish_fetching())  # T63: it waits for the copy
    leader.turn(payouts(700, 700))
    machines.deliver()
    leader.turn(SnapshotAsked(Waiter(8)))
    leader.turn(leader.snapshots.finish_making())
    machines.tick(40)  # the offer expires, and the newer copy is offered
    newest = leader.snapshots.newest()
    assert newest is not None
    assert newest.index > 14
    assert follower.snapshots.begun == ["fetch 14", "make"]

    outbox = follower.turn(SnapshotMade(None, "enough"))

    assert outbox.installed is not None
    assert outbox.installed.index == 14
    assert follower.snapshots.begun == ["fetch 14", "make"]


def test_the_same_offer_again_begins_nothing_new() -> None:
    """T95: the leader repeats itself, the fetch goes on."""
    machines, leader, follower = behind()
    offered(machines, leader)
    machines.tick(40)

    assert follower.snapshots.begun == ["fetch 14"]


def test_a_refused_snapshot_is_fetched_again_only_when_it_is_offered_again() -> None:
    """T90, T29: damaged once, asked for anew by the leader's next offer, not in a loop."""
    machines, leader, follower = behind()
    offered(machines, leader)
    follower.turn(follower.snapshots.finish_fetching(is_refused=True))
    follower.turn()
    follower.turn()
    assert follower.snapshots.begun == ["fetch 14"]
    machines.tick(20)

    assert follower.snapshots.begun[:2] == ["fetch 14", "fetch 14"]


def test_a_spoiled_copy_is_offered_no_more() -> None:
    """T90: its maker makes another."""
    machines, leader, _follower = behind()
    offered(machines, leader)
    bad = leader.snapshots.newest()
    assert bad is not None
    leader.turn(SnapshotSpoiled(bad.sha256))
    machines.tick(30)

    assert leader.snapshots.begun == ["make", "make"]


def test_a_fetch_ends_when_its_leader_does() -> None:
    """T95: what a former leader offered is not waited for."""
    machines, leader, follower = behind()
    offered(machines, leader)
    machines.cut.add(1)
    machines.tick(20)
    machines.elect(2)
    machines.tick(3)

    assert "stop" in follower.snapshots.begun


def test_late_ends_of_a_fetch_that_was_given_up_are_dropped() -> None:
    """T95."""
    machines, leader, follower = behind()
    offered(machines, leader)
    late = follower.snapshots.finish_fetching()
    machines.cut.add(1)
    machines.tick(20)
    machines.elect(2)
    machines.tick(3)
    outbox = follower.turn(late)

    assert outbox.installed is None


def test_a_node_that_does_not_trust_its_state_copies_nothing() -> None:
    """F37, R15: a bad state is not handed on."""
    machines = Machines(1)
    machine = machines.elect(1)
    machine.turn(StateDamaged("a row fails its check"))
    outbox = machine.turn(SnapshotAsked(Waiter(5)))

    (answer,) = outbox.snapshots
    assert answer.snapshot is None
    assert "trust" in answer.why
    assert machine.snapshots.begun == []


@pytest.mark.parametrize("index", [0, 3])
def test_a_copy_of_an_earlier_process_is_used_unless_it_is_ahead(index: int) -> None:
    """F28, T11: a power cut may take the state back behind a copy that was made of it."""
    machines = Machines(1)
    machine = machines.elect(1)
    applied = machine.state.applied()
    machine.turn(SnapshotAsked(Waiter(1)))
    made = machine.snapshots.finish_making().snapshot
    assert made is not None
    kept = replace(
        made, anchor=Anchor(EntryId(made.id.term, Index(applied + index)), bytes(32), 1)
    )
    store = MemorySnapshots(machine.state, {})
    store._newest = kept
    snapshots = Snapshots(machine.replica.core, store)

    assert snapshots.newest == (kept if index == 0 else None)


def test_a_copy_begun_for_a_replica_that_was_given_up_is_dropped() -> None:
    """F37: the state that it was made of was bad."""
    machines = Machines(1)
    machine = machines.elect(1)
    machine.turn(SnapshotAsked(Waiter(1)))
    made = machine.snapshots.finish_making()
    later = Snapshots(machine.replica.core, MemorySnapshots(machine.state, {}))
    outbox = Outbox()
    later.take(made, outbox)

    assert later.newest is None
    assert outbox.snapshots == []


def test_a_replica_that_is_given_up_ends_who_waits_for_a_copy() -> None:
    """F37, T93: the copy under way is of a state that was bad, and so is every other one."""
    machines = Machines(1)
    machine = machines.elect(1)
    machine.turn(SnapshotAsked(Waiter(1)))
    machine.turn(SnapshotAsked(Waiter(2)))  # it waits for the next one
    answers = machine.replica.abandon().snapshots

    assert [(one.waiter, one.snapshot) for one in answers] == [(2, None), (1, None)]
    assert all("does not trust its state" in one.why for one in answers)
    assert machine.replica.abandon().snapshots == []
