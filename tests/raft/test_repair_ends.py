"""A corrupt slot at the end of a log, where no successor proves what stood there (F33, F34)."""

import pytest

from ledgerd.raft.entries import NO_NODE, HardState, Index, NodeId, Role, Term
from ledgerd.raft.facts import SlotCorrupt
from ledgerd.raft.messages import RepairReply
from tests.raft.harness import Cluster, make_entry, make_log
from tests.raft.rot import (
    FORGETFUL,
    cut_where_wanted,
    damage,
    is_whole,
    led,
    reply_to,
    restart_damaged,
)


def test_a_last_slot_that_is_remembered_comes_from_a_peer_without_a_leader() -> None:
    """F34: node 2 is behind, node 3 waits for a state, so node 1 alone can lead."""
    log = make_log([1, 1, 1, 1])
    cluster = Cluster(3, options=FORGETFUL, logs={1: log, 2: log[:1], 3: log})
    cluster[1].crash()
    cluster[1].applied = log[:2]
    cluster[1].disk.hard_state = HardState(Term(1), NO_NODE, Index(2))
    cluster[1].start()
    cluster[1].compact(3)
    damage(cluster, 3, 2)
    damage(cluster, 1, 3, 4)

    cluster.tick(40)

    assert cluster.leaders == [1]
    assert cluster[1].disk.log[:2] == log[2:]


def test_a_last_slot_that_is_remembered_comes_where_the_leader_has_cut_before_it() -> (
    None
):
    """F34: the leader commits nothing without node 1, so it makes no newer state either."""
    log = make_log([1] * 5)
    cluster = Cluster(3, options=FORGETFUL, logs={1: log, 2: log})
    cluster[3].crash()
    cluster.isolate(1)
    for node_id, applied in ((1, 3), (2, 4)):
        node = cluster[node_id]
        node.crash()
        node.applied = log[:applied]
        node.disk.hard_state = HardState(Term(1), NO_NODE, Index(applied))
        node.start()
        node.compact(applied + 1)
    damage(cluster, 1, 4, 5)
    cluster.settle()  # whom it asks now does not hear it
    cluster[2].make_snapshot()
    cluster.heal()
    cluster.elect(2)
    cluster.tick(60)

    offer = cluster[1].core.offered
    assert offer is not None
    assert cluster[1].core.fills_state(offer.snapshot)


def test_a_last_slot_that_nobody_remembers_waits_for_the_leader() -> None:
    """F34: what cannot be told from a lie is not asked for."""
    log = make_log([1, 1, 1])
    cluster = Cluster(3, options=FORGETFUL, logs={1: log, 3: log})
    restart_damaged(cluster, 1, 3)
    cluster.isolate(3)
    cluster.tick(40)
    cluster.heal()
    node = cluster[1]
    reply = RepairReply(NodeId(3), NodeId(1), Term(1), Index(3), log[1].link, (log[2],))
    node.core.step(reply)

    assert node.core.status().corrupt == (3,)
    assert not any("1->3 RepairRequest" in line for line in cluster.trace)


def rotten_together(*, states: tuple[int, int, int]) -> Cluster:
    """Return three nodes started with the last slot of each corrupt, at index 7.

    states: how far the state of each goes.
    """
    cluster = led(6)
    for node_id in (1, 2, 3):
        cluster[node_id].crash(applied_kept=states[node_id - 1])
        cluster[node_id].disk.corrupt.add(7)
    for node_id in (1, 2, 3):
        cluster[node_id].start()
        cluster[node_id].core.note(SlotCorrupt(Index(7)))
    return cluster


@pytest.mark.parametrize("states", [(7, 7, 7), (6, 7, 6)])
def test_the_last_slot_of_all_nodes_is_left_behind_where_a_state_holds_it(
    states: tuple[int, int, int],
) -> None:
    """F33: nobody has the entry, and nothing of it is lost. Who lacks it gets a snapshot."""
    cluster = rotten_together(states=states)
    expected = [cluster[n].core.status().last for n in (1, 2, 3)]
    cut_where_wanted(cluster, 120)
    leaders = [n for n in (1, 2, 3) if cluster[n].role is Role.LEADER]

    assert expected == [7, 7, 7]
    assert len(leaders) == 1
    assert states[leaders[0] - 1] == 7
    cluster.propose(leaders[0], b"later")
    cluster[leaders[0]].make_snapshot()
    cut_where_wanted(cluster, 60)
    for node in cluster.nodes.values():
        if node.core.offered is not None:
            node.fetch(cluster[leaders[0]])
    cut_where_wanted(cluster, 60)
    assert {node.commit for node in cluster.nodes.values()} == {9}
    assert is_whole(cluster)


def test_the_last_slot_of_all_nodes_is_waited_for_where_no_state_holds_it() -> None:
    """T15, T89: it may have been acknowledged, so nobody leads, and nothing is cut."""
    cluster = rotten_together(states=(6, 6, 6))
    cut_where_wanted(cluster, 200)

    assert [node.role for node in cluster.nodes.values()] == [Role.FOLLOWER] * 3
    assert [node.core.status().corrupt for node in cluster.nodes.values()] == [(7,)] * 3
    assert [node.disk.first_index() for node in cluster.nodes.values()] == [1, 1, 1]


@pytest.mark.parametrize("slot", [6, 7])
def test_a_slot_at_the_applied_index_that_all_others_have_cut_is_left_behind(
    slot: int,
) -> None:
    """F33: without a leader too. What stood there is known from the own state."""
    cluster = led(6)
    for node_id in (1, 3):
        cluster[node_id].compact(8)
        cluster[node_id].crash()
    node = cluster[2]
    node.crash(applied_kept=slot)
    node.disk.corrupt.add(slot)
    node.start()
    node.core.note(SlotCorrupt(Index(slot)))
    cluster[1].start()
    cluster.cut.add((1, 2))  # it answers, and does not lead
    cluster.tick(2)
    cluster.heal()
    cut_where_wanted(cluster, 120)

    assert not node.core.status().corrupt
    assert sum(cluster[n].role is Role.LEADER for n in (1, 2)) == 1


def test_a_slot_at_the_applied_index_may_rot_while_the_node_runs() -> None:
    """F33: the other voter has cut it and has the older log, so neither could lead."""
    cluster = led(6)
    cluster[1].core.transfer(NodeId(2))
    cluster.tick(4)
    for node_id in (1, 3):
        cluster[node_id].compact(9)
        cluster[node_id].crash()
    cluster.propose(2, b"reaches nobody")
    cluster.tick(40)
    node = cluster[2]
    damage(cluster, 2, 8)
    cluster[1].start()
    before = node.core.status()
    cut_where_wanted(cluster, 120)

    assert (before.applied, before.last) == (8, 9)
    assert node.role is Role.LEADER
    assert cluster[1].commit == node.commit == 10
    assert is_whole(cluster)


@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_lone_node_leaves_its_last_slot_behind(is_restarted: bool) -> None:
    """F33: what its entry did is in the state, which says what it was."""
    cluster = Cluster(1, options=FORGETFUL)
    cluster.elect(1)
    for number in range(6):
        cluster.propose(1, f"payload {number}".encode())
        cluster.settle()
    node = cluster[1]
    if is_restarted:
        node.crash()
        node.disk.corrupt.add(7)
        node.start()
    damage(cluster, 1, 7)
    before = node.core.status().last
    cut_where_wanted(cluster, 60)
    cluster.propose(1, b"later")
    cluster.tick(4)

    assert before == 7
    assert node.role is Role.LEADER
    assert node.commit == node.core.status().last == 8 + is_restarted


def test_the_last_slot_comes_from_a_peer_without_a_leader() -> None:
    """F34: the state proves what a peer sends, as a successor would."""
    cluster = led(6)
    expected = cluster[1].disk.log[6]
    for node_id in (1, 2, 3):
        cluster[node_id].crash()
    cluster[2].disk.corrupt.add(7)
    cluster[2].start()
    cluster[3].start()
    cluster[2].core.note(SlotCorrupt(Index(7)))
    cluster.tick(8)  # no election yet

    assert cluster[2].core.status().leader == NO_NODE
    assert cluster[2].disk.corrupt == set()
    assert cluster[2].disk.log[6] == expected
    before = cluster[2].disk.log[5]
    cluster[2].disk.corrupt.add(7)
    cluster[2].core.note(SlotCorrupt(Index(7)))
    forged = make_entry(before, 1, b"another payload")
    cluster[2].core.step(reply_to(cluster, before, forged))
    assert cluster[2].core.status().corrupt == (7,)


def test_the_last_slot_of_an_idle_leader_is_mended_by_a_peer() -> None:
    """F34: what it applied last it knows, though nothing follows that would prove it. Seed 2782."""
    cluster = led(6)
    leader = cluster[1]
    expected = leader.disk.log[6]
    damage(cluster, 1, 7)
    cluster.tick(8)

    assert leader.role is Role.LEADER
    assert leader.core.status().last == 7
    assert leader.disk.corrupt == set()
    assert leader.disk.log[6] == expected
