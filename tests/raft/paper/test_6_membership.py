"""Raft paper, 6, and thesis, 4.1 to 4.4: cluster membership changes.

"Log entries are replicated to all servers in both configurations. Any server from either
configuration may serve as leader. Agreement (for elections and entry commitment) requires separate
majorities from both the old and new configurations."
"""

from ledgerd.errors import Reason
from ledgerd.raft.changes import Change, EnterJoint, LeaveJoint, Op, OpKind, Simple
from ledgerd.raft.core import Proposed, Refused
from ledgerd.raft.entries import EntryId, EntryKind, Index, NodeId, Role, Term
from ledgerd.raft.membership import Membership, NodeRecord
from ledgerd.raft.messages import PreVote
from ledgerd.raft.requests import AddNode, ReplaceNode
from tests.raft.harness import SMALL, Cluster, Node

KINDS = {"v": OpKind.VOTER, "l": OpKind.LEARNER, "r": OpKind.REMOVE}


def ops(text: str) -> tuple[Op, ...]:
    """Return operations, written as v4 r1."""
    return tuple(Op(KINDS[word[0]], NodeId(int(word[1:]))) for word in text.split())


def change(node: Node, change: Change) -> Proposed:
    """Propose a change, which must be accepted."""
    proposed = node.core.change(change)
    assert isinstance(proposed, Proposed), proposed
    return proposed


def voters(node: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return both halves of the membership that is in force at a node."""
    membership = node.core.status().membership
    return membership.voters, membership.outgoing


def grown(size: int, more: int) -> Cluster:
    """Return a cluster of `size` voters led by 1, and nodes that have learned everything."""
    cluster = Cluster(size)
    cluster.elect(1)
    added = range(size + 1, size + more + 1)
    for node_id in added:
        # They start from the same founding membership, as a restored snapshot would give them.
        cluster.add(node_id, cluster.membership)
    change(cluster[1], Simple(ops(" ".join(f"l{n}" for n in added))))
    cluster.tick(3)
    assert cluster[size + 1].terms() == cluster[1].terms()
    return cluster


class TestJointConsensus:
    def test_entries_go_to_both_configurations(self) -> None:
        """From {1,2,3} to {1,4,5}: all five are sent what is proposed meanwhile."""
        cluster = grown(3, 2)
        change(cluster[1], EnterJoint(ops("r2 r3 v4 v5")))
        cluster.tick(3)
        cluster.propose(1, b"joint")
        cluster.tick(3)

        assert voters(cluster[1]) == ((1, 4, 5), (1, 2, 3))
        logs = {tuple(node.terms()) for node in cluster.nodes.values()}
        assert len(logs) == 1

    def test_agreement_needs_a_majority_of_each(self) -> None:
        """All of the new ones without the old ones commit nothing, nor the other way round."""
        for silent in ((2, 3), (4, 5)):
            cluster = grown(3, 2)
            change(cluster[1], EnterJoint(ops("r2 r3 v4 v5")))
            cluster.tick(3)
            commit = cluster[1].commit
            cluster.isolate(*silent)
            cluster.propose(1, b"half")
            cluster.settle()
            assert cluster[1].commit == commit, silent
            cluster.heal()
            cluster.tick(3)
            assert cluster[1].commit == commit + 1

    def test_any_server_of_either_half_may_lead(self) -> None:
        """Node 2, on its way out, and node 4, on its way in."""
        for leader in (2, 4):
            cluster = grown(3, 2)
            change(cluster[1], EnterJoint(ops("r2 v4")))
            cluster.tick(3)
            cluster[1].crash()
            cluster.tick(SMALL.election_base_ticks)
            cluster.elect(leader)

            assert voters(cluster[leader])[1] == (1, 2, 3)

    def test_an_election_needs_a_majority_of_each(self) -> None:
        """With two of the old voters silent, three of five are no majority of the old half."""
        cluster = grown(3, 2)
        change(cluster[1], EnterJoint(ops("r2 r3 v4 v5")))
        cluster.tick(3)
        cluster.isolate(2, 3)
        cluster[1].crash()
        cluster.tick(4 * SMALL.election_base_ticks)

        assert not [n for n in cluster.leaders if n in (4, 5)]

    def test_the_new_configuration_alone_decides_after_the_leave(self) -> None:
        """Once the leave is committed the old servers may be shut down."""
        cluster = grown(3, 2)
        change(cluster[1], EnterJoint(ops("r2 r3 v4 v5"), auto_leave=True))
        cluster.tick(4)
        assert voters(cluster[1]) == ((1, 4, 5), ())
        cluster[2].crash()
        cluster[3].crash()
        commit = cluster[1].commit
        cluster.propose(1, b"without them")
        cluster.tick(3)

        assert cluster[1].commit == commit + 1

    def test_an_interrupted_change_is_finished_by_the_next_leader(self) -> None:
        """The leader crashes between the two steps; the joint membership does not stay."""
        cluster = grown(3, 2)
        leader = cluster[1]
        change(leader, EnterJoint(ops("r3 v4"), auto_leave=True))
        for _ in range(20):
            for node in cluster.nodes.values():
                node.turn()
            if all(voters(cluster[n])[1] for n in (1, 2, 4)):
                break
            cluster.deliver()
        leader.crash()
        cluster.in_flight.clear()
        cluster.tick(4 * SMALL.election_base_ticks)

        (new,) = cluster.leaders
        assert voters(cluster[new]) == ((1, 2, 4), ())


class TestRemovedLeader:
    """The second issue: "the leader may not be part of the new configuration"."""

    def test_it_replicates_its_own_removal_and_does_not_count_itself(self) -> None:
        """Thesis 4.2.2: it commits the change that removes it, and leaves."""
        cluster = Cluster(3)
        cluster.elect(1)
        change(cluster[1], Simple(ops("r1")))
        cluster.tick(3)

        assert voters(cluster[2]) == ((2, 3), ())
        assert cluster.leaders in ([2], [3], [1, 2], [1, 3])
        cluster.tick(SMALL.election_base_ticks)
        assert 1 not in cluster.leaders
        assert len(cluster.leaders) == 1

    def test_its_own_copy_does_not_make_a_majority(self) -> None:
        """After its removal is in force, one other voter and itself commit nothing."""
        cluster = Cluster(3)
        cluster.elect(1)
        change(cluster[1], Simple(ops("r1")))
        cluster.isolate(3)
        cluster.settle()
        commit = cluster[1].commit
        assert voters(cluster[1]) == ((2, 3), ())
        outcome = cluster[1].core.propose(EntryKind.PAYOUTS, b"x", 0)
        cluster.settle()

        assert isinstance(outcome, Refused)  # it is handing over
        assert cluster[1].commit == commit


class TestDisruptiveServer:
    """The third issue: removed servers time out, start elections, and must not win or disturb."""

    def test_it_does_not_disturb_a_cluster_that_has_a_leader(self) -> None:
        """Who hears a leader neither votes nor enters a newer term."""
        cluster = Cluster(4)
        cluster.elect(1)
        cluster.isolate(4)
        change(cluster[1], Simple(ops("r4")))
        cluster.tick(3)
        cluster.heal()
        term = cluster[1].term
        for _ in range(6 * SMALL.election_base_ticks):
            cluster[4].tick()
            cluster[1].tick()
            cluster.settle()

        assert cluster.leaders == [1]
        assert {cluster[n].term for n in (1, 2, 3)} == {term}

    def test_who_was_removed_is_not_elected(self) -> None:
        """Even when nobody hears a leader any more."""
        cluster = Cluster(4)
        cluster.elect(1)
        cluster.isolate(4)
        change(cluster[1], Simple(ops("r4")))
        cluster.tick(3)
        cluster[1].crash()
        for peer in (2, 3):
            cluster[peer].tick(SMALL.election_base_ticks)
        last = EntryId(Term(9), Index(9))
        cluster[2].core.step(PreVote(NodeId(4), NodeId(2), Term(9), last))
        cluster[2].turn()

        assert "refused" in cluster.trace[-1]


class TestCatchUp:
    """Thesis 4.2.1: new servers first join as learners, and are measured in rounds."""

    def test_a_learner_does_not_delay_a_commit(self) -> None:
        """It is sent entries, and is not counted for majorities."""
        cluster = grown(3, 1)
        cluster.isolate(4)
        cluster.propose(1, b"x")
        commit = cluster[1].commit
        cluster.settle()

        assert cluster[1].commit == commit + 1

    def test_it_becomes_a_voter_when_it_keeps_pace(self) -> None:
        """The last round was shorter than an election timeout."""
        cluster = founded()
        proposed = cluster[1].core.request(AddNode(NodeId(4), "p", "a"))
        assert isinstance(proposed, Proposed), proposed
        cluster.settle()
        cluster.add(4)
        cluster[1].greet(4, b"4" * 16)
        cluster.tick(2 * SMALL.election_base_ticks)

        assert voters(cluster[1]) == ((1, 2, 3, 4), ())

    def test_a_replacement_never_has_fewer_voters_than_before(self) -> None:
        """Thesis 4.3, 4.4: the new server is ready before the old one goes."""
        cluster = founded()
        request = ReplaceNode(NodeId(2), AddNode(NodeId(4), "p", "a"))
        proposed = cluster[1].core.request(request)
        assert isinstance(proposed, Proposed), proposed
        seen = set()
        cluster.settle()
        cluster.add(4)
        cluster[1].greet(4, b"4" * 16)
        for _ in range(2 * SMALL.election_base_ticks):
            cluster.tick()
            seen.add(voters(cluster[1]))

        assert ((1, 3, 4), ()) in seen
        assert all(len(half) >= 3 for halves in seen for half in halves if half)


class TestBugOf2015:
    """The counter-example to single-server changes that take effect when appended."""

    def test_a_leader_changes_nothing_before_an_entry_of_its_own_is_committed(
        self,
    ) -> None:
        """The published correction (T50), kept although changes here are in force when applied."""
        cluster = Cluster(4)
        cluster.elect(1)
        cluster.isolate(1)
        change(cluster[1], Simple(ops("l5")))
        cluster[1].turn()
        for n in (3, 4):
            cluster[n].tick(SMALL.election_base_ticks)
        cluster[2].core.campaign()
        early = None
        for _ in range(30):
            if cluster[2].role is Role.LEADER:
                early = cluster[2].core.change(Simple(ops("r1")))
                break
            for n in (2, 3, 4):
                cluster[n].tick()
                cluster[n].turn()
            cluster.deliver()

        assert isinstance(early, Refused)
        assert early.reason is Reason.CHANGE_IN_FLIGHT
        cluster.tick(3)
        change(cluster[2], Simple(ops("r1")))
        cluster.tick(3)
        assert voters(cluster[2]) == ((2, 3, 4), ())

    def test_a_change_that_was_overwritten_was_never_in_force(self) -> None:
        """The first leader's change disappears with its entry."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.isolate(1)
        change(cluster[1], Simple(ops("r3")))
        cluster[1].turn()
        cluster.tick(4 * SMALL.election_base_ticks)
        cluster.heal()
        cluster.tick(4 * SMALL.election_base_ticks)

        assert {voters(node) for node in cluster.nodes.values()} == {((1, 2, 3), ())}


def test_a_change_can_be_left_by_hand_only_when_joint() -> None:
    """The leave is a change of its own (T58), refused when there is nothing to leave."""
    cluster = grown(3, 1)

    assert isinstance(cluster[1].core.change(LeaveJoint()), Refused)
    change(cluster[1], EnterJoint(ops("v4")))
    cluster.tick(3)
    change(cluster[1], LeaveJoint())
    cluster.tick(3)
    assert voters(cluster[4]) == ((1, 2, 3, 4), ())


def founded() -> Cluster:
    """Return a cluster of three whose members are recorded, so that requests are taken."""
    stores = {n: bytes([n]) * 16 for n in (1, 2, 3)}
    records = tuple(NodeRecord(NodeId(n), stores[n]) for n in stores)
    ids = tuple(NodeId(n) for n in stores)
    cluster = Cluster(3, membership=Membership(ids, nodes=records))
    cluster.elect(1)
    for peer in (2, 3):
        cluster[1].greet(peer, stores[peer])
    cluster.tick(3)
    assert cluster[1].core.status().membership.index > Index(0)
    return cluster
