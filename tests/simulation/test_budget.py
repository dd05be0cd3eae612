"""The fault budget: at most f bad copies at once, and a good one always."""

from random import Random

import pytest

from ledgerd.raft.entries import Entry, Index, NodeId
from ledgerd.simulation.budget import FaultBudget, has_bad_state
from ledgerd.simulation.disk import SimDisk, SimLogStore, SimStateStore
from ledgerd.storage import keys
from tests.storage.making import chain, hard_state, ready
from tests.storage.world import apply_to, usual_history

ENTRIES = chain([b"a", b"b", b"c", b"d"])


class Disks:
    """The disks of a cluster whose nodes hold what they are told to hold."""

    def __init__(self, size: int) -> None:
        self.by_id: dict[NodeId, SimDisk] = {}
        self.committed = Index(4)
        self.is_leaving = False
        self.smallest = 0  # of two halves; 0: there is one
        self.budget = FaultBudget(
            self.by_id,
            voters=lambda: [node for node in self.by_id if node <= size],
            smallest=lambda: self.smallest or size,
            committed=lambda: self.committed,
            leaving=lambda: self.is_leaving,
        )
        for number in range(1, size + 1):
            self.add(number)

    def add(self, number: int) -> SimDisk:
        disk = SimDisk(Random(number), budget=self.budget)
        self.by_id[NodeId(number)] = disk
        return disk

    def __getitem__(self, number: int) -> SimDisk:
        return self.by_id[NodeId(number)]

    def store(self, number: int, entries: list[Entry], *, lies: bool = False) -> None:
        """Let a node write entries, in two commits, the second lied about if asked."""
        self[number].open(cluster_id="sim", node_id=NodeId(number))
        log = SimLogStore(self[number])
        log.persist(ready(1, entries=entries[:1], state=hard_state(1, vote=1)))
        if lies:
            self[number].log.lies = True
        if entries[1:]:
            log.persist(ready(2, entries=entries[1:]))


def full(size: int) -> Disks:
    """Return disks that all hold all."""
    disks = Disks(size)
    for number in range(1, size + 1):
        disks.store(number, ENTRIES)
    return disks


@pytest.mark.parametrize(
    ("size", "bad"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (7, 3)]
)
def test_one_entry_is_bad_on_at_most_f_nodes(size: int, bad: int) -> None:
    """The f of n nodes is (n - 1) // 2."""
    disks = full(size)

    done = [disks[n].damage_entry(2) is not None for n in range(1, size + 1)]

    assert done == [True] * bad + [False] * (size - bad)


def test_each_half_of_a_joint_membership_must_be_able_to_decide() -> None:
    """Seeds 1473 and 1477: of the three voters of two pairs none may be lost."""
    disks = full(3)
    disks.smallest = 2

    assert not disks[3].damage_entry(1)
    assert not disks.budget.allows_loss(disks[3])
    assert not disks.budget.allows_divergence(disks[3])


def test_each_entry_may_be_bad_on_another_node() -> None:
    """Entry i on node i mod n."""
    disks = full(3)

    assert disks[1].damage_entry(1)
    assert disks[2].damage_entry(2)
    assert disks[3].damage_entry(3)
    assert not disks[1].damage_entry(2)


def test_the_only_copy_is_never_damaged() -> None:
    """Even of an entry that one node alone holds."""
    disks = Disks(3)
    disks.store(1, ENTRIES)
    disks.store(2, ENTRIES[:2])
    disks.store(3, ENTRIES[:2])

    assert not disks[1].damage_entry(4)
    assert disks[1].damage_entry(2)


def test_a_mended_entry_makes_room_for_another_fault() -> None:
    disks = full(3)
    assert disks[1].damage_entry(4)
    assert not disks[2].damage_entry(4)

    disks[1].log.set({}, keys.ENTRIES, keys.index_key(Index(4)), b"mended")

    assert not disks[1].log.damaged


def test_a_node_without_hard_state_counts_for_everything() -> None:
    """It does not start, so its copies are out of reach."""
    disks = full(3)
    assert disks[1].damage_twin()

    assert not disks[2].damage_entry(1)
    assert not disks[2].damage_twin()
    assert not disks[2].wipe()


def test_of_two_records_of_the_hard_state_one_is_damaged() -> None:
    """T86, seed 1702: nothing would tell of two old ones that agree, so the node would start."""
    disks = full(3)
    assert disks[1].damage_twin()

    assert disks[1].damage_twin() is None


def test_of_last_slots_that_nothing_proves_few_are_damaged() -> None:
    """T16, seed 3659: who cannot say how far its log goes votes for nobody with an older term."""
    disks = Disks(3)
    disks.store(1, ENTRIES)
    disks.store(2, ENTRIES[:3])
    disks.store(3, ENTRIES)

    assert disks[2].damage_entry(3)
    assert not disks[1].damage_entry(4)
    assert disks[1].damage_entry(2)


def test_a_state_that_waits_for_a_copy_is_a_bad_one() -> None:
    """Seed 1370: nobody who has the whole log may lead, and its one good state is behind it."""
    disks = full(3)
    assert not has_bad_state(disks[1])

    SimLogStore(disks[1]).compact(Index(4), state_durable=Index(3))

    assert has_bad_state(disks[1])
    assert not disks.budget.allows_divergence(disks[2])


def test_a_disk_is_lost_only_if_all_that_was_committed_stands_elsewhere() -> None:
    disks = Disks(3)
    disks.store(1, ENTRIES)
    disks.store(2, ENTRIES[:2])
    disks.store(3, ENTRIES[:2])
    assert not disks[1].wipe()

    disks.committed = Index(2)
    assert disks[1].wipe()
    assert disks[1].is_gone
    assert not disks[2].wipe(), "one of three is gone already"
    assert not disks[2].damage_entry(1)


def test_a_disk_is_not_lost_beside_a_damaged_copy() -> None:
    """Three nodes: one bad entry on another node uses the budget up."""
    disks = full(3)
    assert disks[1].damage_entry(1)

    assert not disks[2].wipe()


def test_state_is_bad_on_at_most_f_nodes() -> None:
    disks = Disks(3)
    for number in (1, 2, 3):
        disks[number].open(cluster_id="sim", node_id=NodeId(number))
        state = SimStateStore(disks[number])
        apply_to(state, usual_history())
        state.sync()

    assert disks[1].damage_state()
    assert disks[1].damage_state()
    assert not disks[2].damage_state()


def test_a_learner_is_beside_the_count() -> None:
    """It votes for nothing; what it alone holds is not damaged all the same."""
    disks = full(3)
    learner = disks.add(9)
    disks.store(9, ENTRIES)
    assert disks[1].damage_entry(2)

    assert learner.damage_entry(2)
    assert learner.wipe()


def test_a_minority_lies() -> None:
    disks = full(5)

    assert [disks[n].lie(lies=True) for n in (1, 2, 3)] == [True, True, False]
    assert disks[1].lie(lies=False) is False
    assert disks[3].lie(lies=True)


def test_a_lying_disk_loses_only_what_a_quorum_of_others_holds() -> None:
    """T88: its node has promised the entries and does not know that it broke its word."""
    lost = set()
    for seed in range(20):
        disks = Disks(3)
        disks.by_id[NodeId(1)] = SimDisk(Random(seed), budget=disks.budget)
        disks.store(1, ENTRIES, lies=True)
        disks.store(2, ENTRIES)
        disks.store(3, ENTRIES[:3])
        assert disks[1].log.unsynced == 1
        assert disks[1].crash(power=True).log_commits == 0, "one other node has entry 4"

        disks.store(3, ENTRIES)
        disks.by_id[NodeId(1)] = SimDisk(Random(seed), budget=disks.budget)
        disks.store(1, ENTRIES, lies=True)
        lost.add(disks[1].crash(power=True).log_commits)
    assert lost == {0, 1}


def test_a_lying_disk_never_loses_a_vote() -> None:
    disks = full(3)
    log = SimLogStore(disks[1])
    disks[1].lie(lies=True)
    log.persist(ready(1, state=hard_state(2, vote=3)))

    assert not disks.budget.allows_cut(disks[1])


def test_one_state_may_differ_while_a_majority_agrees() -> None:
    """F37: of three one, and none beside a bad one; of two nobody could say who is right."""
    disks = full(3)
    assert disks[1].diverge()

    assert not disks[2].diverge()
    assert not disks[2].wipe()
    assert not full(2)[1].diverge()


def test_a_removal_under_way_takes_a_sound_node_away() -> None:
    """What is bad beside it must be little enough without it."""
    disks = full(3)
    disks.is_leaving = True

    assert not disks[1].damage_entry(2)
    assert not disks[1].wipe()
    assert not disks[1].diverge()
    assert not disks[1].lie(lies=True)


def test_nothing_rots_beside_a_disk_that_lies() -> None:
    """What it holds may be gone tomorrow, so it is no copy to count on."""
    disks = full(5)
    disks.store(2, ENTRIES, lies=True)

    assert not disks[1].damage_entry(2)
    assert not disks[1].wipe()


def test_no_disk_lies_beside_rot() -> None:
    disks = full(5)
    assert disks[1].damage_entry(2)

    assert not disks[2].lie(lies=True)
