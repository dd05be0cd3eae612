"""How far a log is cut, and when. F27."""

import itertools
from dataclasses import replace

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.raft.entries import Index, NodeId, Role, Term
from ledgerd.raft.facts import PeerGreeted, SlotCorrupt
from ledgerd.raft.membership import Membership
from ledgerd.raft.progress import Mode
from ledgerd.raft.status import PeerStatus, Status
from ledgerd.replica.compaction import LogBounds, first_to_keep
from ledgerd.replica.inputs import LogBounded, Noted, StateDamaged
from tests.replica.machines import Machines, fund, open_account, payouts

BOUNDS = LogBounds(
    keep_bytes=100_000,
    keep_entries=100,
    cap_bytes=500_000,
    slice_entries=10,
    patience_ticks=50,
)


def peer(
    match: int, *, silent: int = 0, offered: int = 0, takes: bool = True
) -> PeerStatus:
    return PeerStatus(
        NodeId(2),
        Mode.REPLICATE,
        Index(match),
        Index(match + 1),
        0,
        0,
        True,
        Index(offered),
        silent,
        takes_snapshots=takes,
    )


def status(first: int = 1, last: int = 1000, *peers: PeerStatus) -> Status:
    one = NodeId(1)
    return Status(
        node_id=one,
        role=Role.LEADER,
        term=Term(1),
        vote=one,
        leader=one,
        commit=Index(last),
        durable=Index(last),
        applied=Index(last),
        first=Index(first),
        last=Index(last),
        membership=Membership((one,)),
        peers=peers,
    )


@pytest.mark.parametrize(
    ("entry_bytes", "first"),
    [
        (10, 901),  # 100 entries are fewer bytes than may be kept
        (1_000, 901),  # exactly as many
        (10_000, 991),  # 10 entries fill the bytes
        (1_000_000, 1000),  # one entry is more than may be kept: it stays
    ],
)
def test_the_tail_is_bounded_in_entries_and_in_bytes(
    entry_bytes: int, first: int
) -> None:
    """F27: whichever is reached first."""
    assert first_to_keep(status(), 1000 * entry_bytes, BOUNDS) == first


def test_an_empty_or_short_log_stays() -> None:
    assert first_to_keep(status(1001, 1000), 0, BOUNDS) == 1001
    assert first_to_keep(status(950, 1000), 51 * 10, BOUNDS) == 950


def test_what_a_live_peer_lacks_stays_up_to_the_cap() -> None:
    """F27: beyond it the peer gets a snapshot."""
    assert first_to_keep(status(1, 1000, peer(700)), 1000 * 1000, BOUNDS) == 701
    assert first_to_keep(status(1, 1000, peer(100)), 1000 * 1000, BOUNDS) == 501


def test_a_silent_peer_holds_nothing_back() -> None:
    """F27, F39: a dead one would fill the disk."""
    silent = peer(700, silent=51)
    assert first_to_keep(status(1, 1000, silent), 1000 * 1000, BOUNDS) == 901


def test_a_peer_of_an_older_release_holds_what_it_needs_even_when_silent() -> None:
    """F26: it cannot be helped by a snapshot."""
    old = peer(700, silent=5000, takes=False)
    assert first_to_keep(status(1, 1000, old), 1000 * 1000, BOUNDS) == 701


def test_what_follows_an_offered_snapshot_stays() -> None:
    """F28: or it would not join the log when it is installed."""
    fetching = peer(3, offered=800)
    assert first_to_keep(status(10, 1000, fetching), 990 * 1000, BOUNDS) == 801


def test_what_follows_a_snapshot_in_the_making_stays() -> None:
    """F28."""
    found = first_to_keep(status(), 1000 * 1000, BOUNDS, hold=Index(640))
    assert found == 641


def test_what_follows_a_snapshot_on_its_way_stays_beyond_the_cap() -> None:
    """F28: at the cap no copy would ever be in time where the log grows fast; the bound is firm."""
    size_bytes = 3000 * 1000
    making = first_to_keep(status(1, 3000), size_bytes, BOUNDS, hold=Index(1_500))
    assert making == 1_501
    fetching = status(1_400, 3000, peer(3, offered=1_500))
    assert first_to_keep(fetching, 1_601 * 1000, BOUNDS) == 1_501
    fetching = status(2, 3000, peer(0, offered=10))
    assert first_to_keep(fetching, 2_999 * 1000, BOUNDS) == 3001 - 4 * 500


def test_who_has_installed_a_snapshot_is_let_follow() -> None:
    """F28: or it would be outrun at the end. A copy that no longer joins the log is no reason."""
    installed = status(1_400, 3000, peer(1_600))
    size_bytes = 1_601 * 1000
    assert first_to_keep(installed, size_bytes, BOUNDS, copy=Index(1_500)) == 1_601
    assert first_to_keep(installed, size_bytes, BOUNDS, copy=Index(1_300)) == 2_501
    assert first_to_keep(installed, size_bytes, BOUNDS) == 2_501


def test_a_corrupt_slot_stays_until_it_is_repaired() -> None:
    """F33: what cannot be read cannot become the entry before the first."""
    damaged = replace(status(), corrupt=(Index(300),))
    assert first_to_keep(damaged, 1000 * 1000, BOUNDS) == 501
    damaged = replace(status(), corrupt=(Index(800),))
    assert first_to_keep(damaged, 1000 * 1000, BOUNDS) == 800


def test_a_corrupt_slot_that_nobody_has_goes() -> None:
    """F33: the leader has a snapshot there and no entries; nothing else is cut for it."""
    damaged = replace(status(), corrupt=(Index(950),), cut_to=Index(971))
    assert first_to_keep(damaged, 1000 * 1000, BOUNDS) == 971
    waiting = replace(damaged, corrupt=(Index(950), Index(980)))
    assert first_to_keep(waiting, 1000 * 1000, BOUNDS) == 971
    slow = replace(damaged, applied=Index(960))
    assert first_to_keep(slow, 1000 * 1000, BOUNDS) == 961


def test_a_peer_that_lacks_what_nobody_has_holds_nothing_back() -> None:
    """F33: it cannot be sent, so that peer needs a snapshot."""
    status_ = status(1, 1000, peer(940), peer(975))
    damaged = replace(status_, corrupt=(Index(950),), cut_to=Index(971))
    assert first_to_keep(damaged, 1000 * 1000, BOUNDS) == 971


def test_nothing_above_the_applied_index_goes() -> None:
    """R3."""
    slow = replace(status(), applied=Index(400))
    assert first_to_keep(slow, 1000 * 1000, BOUNDS) == 401


@pytest.mark.parametrize("slice_entries", [1, 7, 1000])
def test_a_cut_comes_in_slices_after_the_state_is_durable(slice_entries: int) -> None:
    """F27, T14: no turn deletes more than a slice, and none before the forced sync."""
    bounds = LogBounds(keep_bytes=1 << 30, keep_entries=8, slice_entries=slice_entries)
    machines = Machines(1, bounds=bounds)
    machine = machines.elect(1)
    machine.turn(open_account(), fund(1_000_000))
    firsts = [1]
    for number in range(60):
        machine.turn(payouts(number, number))
        machine.turn()
        firsts.append(machine.log.first_index())
        assert firsts[-1] - 1 <= machine.state.durable()
    for _ in range(70):
        machine.turn()
        firsts.append(machine.log.first_index())

    steps = [b - a for a, b in itertools.pairwise(firsts)]
    assert 0 < max(steps) <= 2 * slice_entries
    assert machine.log.last_index() - firsts[-1] + 1 <= 8 + 1
    assert machine.replica.core.status().first == firsts[-1]


def test_a_slice_does_not_end_in_a_corrupt_slot() -> None:
    """F33: the entry before the first must be sound; found by the simulator, which waited for ever.

    Nothing else happens on the node: the cut alone asks for the turns that it takes.
    """
    bounds = LogBounds(keep_bytes=1 << 30, keep_entries=100, slice_entries=2)
    machines = Machines(3, bounds=bounds)
    machines.elect(1)
    follower = machines[2]
    for number in range(12):
        machines[1].turn(open_account() if not number else fund(1_000_000 + number))
        machines.deliver()
    machines.tick(4)
    core = follower.replica.core
    for index in (2, 3):
        core._log.slots.note(Index(index))
    core._log.slots.superseded_by = follower._anchor_at(Index(8))
    assert core.wants_cut
    asked = []
    for _ in range(8):
        outbox = follower.turn()
        asked.append(outbox.needs_settle)

    assert follower.log.first_index() == 9
    assert not core.wants_cut
    assert asked[0]
    assert not asked[-1]


def test_a_slice_is_bounded_in_bytes_too() -> None:
    """T94: a thousand large entries would hold a turn up."""
    bounds = LogBounds(keep_bytes=1 << 30, keep_entries=8, slice_bytes=1)
    machines = Machines(1, bounds=bounds)
    machine = machines.elect(1)
    machine.turn(open_account(), fund(1_000_000))
    firsts = [machine.log.first_index()]
    for number in range(40):
        machine.turn(payouts(number, number))
        firsts.append(machine.log.first_index())
    steps = [b - a for a, b in itertools.pairwise(firsts)]

    assert max(steps) == 1


def test_state_is_not_synced_more_often_than_a_cut_needs() -> None:
    """F27: a sync a cut, not one a turn."""
    bounds = LogBounds(keep_bytes=1 << 30, keep_entries=64)
    machines = Machines(1, bounds=bounds)
    machine = machines.elect(1)
    machine.turn(open_account(), fund(1_000_000))
    for number in range(200):
        machine.turn(payouts(number, number))
        machine.turn()
    syncs = [event for event in machine.events if event.startswith("sync")]

    assert 1 <= len(syncs) <= 200 // 4


def test_no_log_is_cut_before_every_member_understands_it() -> None:
    """Release 0.1.0 reads logs from index 1 only, and takes no snapshot. F26, F27."""
    bounds = LogBounds(keep_bytes=1 << 30, keep_entries=8)
    machines = Machines(2, bounds=bounds)
    for machine in machines.by_id.values():
        machine.state._state_version = 1
        machine.replica._version.in_force = 1
    machine = machines.elect(1)
    machine.turn(open_account(), fund(1_000_000))

    def feed(numbers: range) -> int:
        for number in numbers:
            machine.turn(payouts(number, number))
            machines.deliver()
        return machine.log.first_index()

    before = feed(range(60))
    machine.turn(Noted(PeerGreeted(NodeId(2), 2, 1, 2)))
    machines.tick(5)

    assert before == 1
    assert feed(range(60, 120)) > 1


def test_bounds_change_while_the_node_runs() -> None:
    """F27: a log that was long enough is cut at once, and one that may grow again does."""
    machines = Machines(1, bounds=LogBounds(keep_bytes=1 << 30, keep_entries=10_000))
    machine = machines.elect(1)
    machine.turn(open_account(), fund(1_000_000))
    for number in range(40):
        machine.turn(payouts(number, number))
    assert machine.log.first_index() == 1
    outbox = machine.turn(LogBounded(LogBounds(keep_bytes=1 << 30, keep_entries=8)))
    assert outbox.needs_settle
    first, last = machine.log.first_index(), machine.log.last_index()

    assert last - first + 1 == 8
    machine.turn(LogBounded(LogBounds(keep_bytes=1 << 30, keep_entries=10_000)))
    for number in range(40, 80):
        machine.turn(payouts(number, number))
    assert machine.log.first_index() == first


@pytest.mark.parametrize("is_found_by_write", [False, True])
def test_a_log_behind_a_bad_state_is_not_cut(
    is_found_by_write: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F37: nothing but a whole log can bring back the state of a lone node."""
    machines = Machines(1, bounds=LogBounds(keep_bytes=1 << 30, keep_entries=10_000))
    machine = machines.elect(1)
    machine.turn(open_account(), fund(1_000_000))
    for number in range(40):
        machine.turn(payouts(number, number))
    bounded = LogBounded(LogBounds(keep_bytes=1 << 30, keep_entries=8))
    if is_found_by_write:

        def rotten() -> Index:
            monkeypatch.undo()
            raise CorruptionError("state/, table account: checksum is wrong")

        monkeypatch.setattr(machine.state, "commit", rotten)
        machine.turn(bounded)
    else:
        machine.turn(bounded, StateDamaged("table payout, key 00: checksum is wrong"))
    machine.turn()

    halt = machine.replica.standing.halt
    assert halt is not None
    assert halt.is_of_state
    assert machine.log.first_index() == 1


def test_a_lone_node_goes_on_behind_a_corrupt_slot() -> None:
    """F33: found by its scrub; without the cut no write would ever be answered again."""
    machines = Machines(1, bounds=LogBounds(keep_bytes=1 << 30, keep_entries=10_000))
    machine = machines.elect(1)
    machine.turn(open_account(), fund(1_000_000))
    for number in range(10):
        machine.turn(payouts(number, number))
    machine.turn(Noted(SlotCorrupt(Index(4))))
    for _ in range(3):
        machine.turn()
    assert machine.log.first_index() == 6
    outboxes = [machine.turn(payouts(50, 50)), machine.turn()]

    assert [answer.waiter for out in outboxes for answer in out.answers] == [50]
