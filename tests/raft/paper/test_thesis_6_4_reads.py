"""Raft thesis, 6.4: processing read-only queries more efficiently (ReadIndex).

"1. If the leader has not yet marked an entry from its current term committed, it waits until it
has done so. 2. The leader saves its current commit index in a local variable readIndex. 3. The
leader needs to make sure it hasn't been superseded by a newer leader of which it is unaware ...
4. The leader waits for its state machine to advance at least as far as the readIndex."
"""

from ledgerd.raft.core import Refused
from ledgerd.raft.entries import Role
from ledgerd.raft.ready import ReadTicket
from tests.raft.harness import Cluster, Node


def read(node: Node) -> ReadTicket:
    """Register a read and return its ticket."""
    ticket = node.core.read()
    assert not isinstance(ticket, Refused)
    return ticket


def test_step_1_a_new_leader_waits_for_its_first_commit() -> None:
    """T44: the no-op must commit before any index is given out."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.propose(1)
    cluster.settle()
    cluster[1].crash()
    cluster.tick(12)
    leader = cluster[2]
    leader.core.campaign()
    while leader.role is not Role.LEADER:
        leader.turn()
        cluster[3].turn()
        cluster.deliver()
    ticket = read(leader)
    leader.turn()
    assert ticket not in leader.reads
    cluster.settle()

    assert leader.reads[ticket] == 3


def test_step_2_the_read_index_is_the_commit_index() -> None:
    """Every write answered before the read began is at or below it. R12."""
    cluster = Cluster(3)
    leader = cluster.elect(1)
    for n in range(5):
        cluster.propose(1)
        cluster.settle()
        ticket = read(cluster[1 + n % 3])
        cluster.settle()

        assert cluster[1 + n % 3].reads[ticket] == leader.commit


def test_step_3_a_superseded_leader_answers_nothing() -> None:
    """It asks a majority, and the majority has moved on."""
    cluster = Cluster(3)
    old = cluster.elect(1)
    cluster.cut = {(2, 1), (3, 1), (1, 2), (1, 3)}
    cluster[2].tick(12)
    cluster[3].tick(12)
    cluster[2].core.campaign()
    cluster.settle()
    assert cluster[2].role is Role.LEADER
    cluster.propose(2)
    cluster.settle()
    assert old.role is Role.LEADER  # it does not know
    ticket = read(old)
    cluster.heal()
    cluster.settle()
    stale = old.reads.get(ticket)

    assert stale is None or stale >= cluster[2].commit
    cluster.tick(6)
    assert old.reads[ticket] >= cluster[2].commit


def test_step_4_is_the_owners() -> None:
    """The index is given out; the owner waits until its visible state has reached it (C5)."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.propose(1)
    cluster.settle()
    slow = cluster[3]
    cluster.propose(1)
    cluster[1].turn()
    cluster.deliver()
    cluster[2].turn()
    cluster.deliver()
    cluster[1].turn()
    ticket = read(slow)
    for _ in range(4):
        for node in cluster.nodes.values():
            node.take()
            while node.writes:
                node.sync()
        cluster.deliver()
    for node in cluster.nodes.values():
        node.take()

    assert slow.reads[ticket] == 3
    assert len(slow.applied) == 2
    slow.apply()
    assert len(slow.applied) == 3
