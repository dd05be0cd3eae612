"""Changes of the membership in a running cluster: F6, F21 to F25, T46, T50 to T59."""

import pytest

from ledgerd.errors import Reason
from ledgerd.raft.changes import EnterJoint, Flaw, Found, LeaveJoint, Op, OpKind, Simple
from ledgerd.raft.core import Options, Proposed, Refused, Rules
from ledgerd.raft.entries import (
    NO_NODE,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.membership import Membership, NodeKind, NodeRecord, Plan
from ledgerd.raft.messages import AppendEntries, Heartbeat, PreVote, RequestVote
from ledgerd.raft.requests import AddNode, RemoveNode, ReplaceNode
from raft.harness import NO_RULES, SMALL, Cluster, Node


def ids(*numbers: int) -> tuple[NodeId, ...]:
    """Return node ids."""
    return tuple(NodeId(n) for n in numbers)


def op(text: str) -> Op:
    """Return an operation, written as in the published tables: v4, l4, r1."""
    kinds = {"v": OpKind.VOTER, "l": OpKind.LEARNER, "r": OpKind.REMOVE}
    return Op(kinds[text[0]], NodeId(int(text[1:])))


def simple(*texts: str) -> Simple:
    """Return a simple change."""
    return Simple(tuple(map(op, texts)))


def joint(*texts: str, auto_leave: bool = True) -> EnterJoint:
    """Return a joint change."""
    return EnterJoint(tuple(map(op, texts)), auto_leave)


def store(node_id: int) -> bytes:
    """Return the store uuid of a node."""
    return bytes([node_id]) * 16


def founded(size: int = 3, options: Options = SMALL) -> Cluster:
    """Return a cluster led by node 1 whose members are recorded."""
    records = tuple(
        NodeRecord(NodeId(n), store(n) if n == 1 else b"") for n in range(1, size + 1)
    )
    membership = Membership(ids(*range(1, size + 1)), nodes=records)
    cluster = Cluster(size, options=options, membership=membership)
    leader = cluster.elect(1)
    for peer in range(2, size + 1):
        leader.greet(peer, store(peer))
    cluster.tick(2)
    return cluster


def accepted(outcome: Proposed | Refused) -> Proposed:
    """Return what must have been proposed."""
    assert isinstance(outcome, Proposed), outcome
    return outcome


def refused(outcome: Proposed | Refused) -> Refused:
    """Return what must have been refused."""
    assert isinstance(outcome, Refused), outcome
    return outcome


def adding(node_id: int = 0, **fields: object) -> AddNode:
    """Return a request for a new node."""
    return AddNode(NodeId(node_id), "p", "a", **fields)  # type: ignore[arg-type]  # test


class TestChanging:
    """One change at a time, in force when applied."""

    def test_a_change_is_in_force_when_it_is_applied(self) -> None:
        """F21, T53: not when it is appended, and not when it is committed."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        leader.core.change(simple("v4"))
        leader.take()

        assert leader.core.status().membership.voters == ids(1, 2, 3)
        cluster.add(4, cluster.membership)
        cluster.settle()
        cluster.tick(3)
        for node in cluster.nodes.values():
            assert node.core.status().membership.voters == ids(1, 2, 3, 4)
            assert node.terms() == leader.terms()

    def test_a_truncated_change_was_never_in_force(self) -> None:
        """T53: a tail that is replaced takes nothing back, for nothing had changed."""
        cluster = Cluster(3)
        old = cluster.elect(1)
        cluster.isolate(1)
        old.core.change(simple("r3"))
        cluster.settle()
        cluster.tick(4 * SMALL.election_base_ticks)
        cluster.heal()
        cluster.tick(2 * SMALL.election_base_ticks)

        assert old.terms() == cluster[2].terms()
        assert all(entry.kind is not EntryKind.MEMBERSHIP for entry in old.disk.log)
        assert old.core.status().membership.voters == ids(1, 2, 3)

    def test_one_change_is_in_flight(self) -> None:
        """T51: the next one waits until the first is applied here."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        accepted(leader.core.change(simple("l4")))

        again = refused(leader.core.change(simple("l5")))
        assert again.reason is Reason.CHANGE_IN_FLIGHT
        cluster.settle()
        accepted(leader.core.change(simple("l5")))

    def test_a_new_leader_changes_nothing_before_its_first_commit(self) -> None:
        """T50, T51: an entry of its own term is committed and applied first."""
        cluster = Cluster(3, rules=NO_RULES)
        cluster.elect(1)
        cluster[2].core.campaign()
        for _ in range(3):
            cluster[2].turn()
            cluster.deliver()
            cluster[1].turn()
            cluster[3].turn()
            if cluster[2].role is Role.LEADER:
                break
        assert cluster[2].role is Role.LEADER

        outcome = refused(cluster[2].core.change(simple("l4")))
        assert outcome.reason is Reason.CHANGE_IN_FLIGHT
        cluster.settle()
        accepted(cluster[2].core.change(simple("l4")))

    def test_a_change_names_the_membership_it_was_decided_upon(self) -> None:
        """F21, T57: compare-and-set on the membership's own index."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        first = accepted(leader.core.change(simple("l4"), Index(0)))
        cluster.settle()

        stale = refused(leader.core.change(simple("l5"), Index(0)))
        assert stale.reason is Reason.MEMBERSHIP_MOVED
        assert leader.core.status().membership.index == first.id.index
        accepted(leader.core.change(simple("l5"), first.id.index))

    def test_a_follower_changes_nothing_and_names_the_leader(self) -> None:
        """F19: nobody forwards."""
        cluster = Cluster(3)
        cluster.elect(1)

        outcome = refused(cluster[2].core.change(simple("l4")))
        assert (outcome.reason, outcome.leader) == (Reason.NOT_LEADER, 1)

    def test_a_flaw_is_named(self) -> None:
        """A refusal says why."""
        cluster = Cluster(3)
        leader = cluster.elect(1)

        assert refused(leader.core.change(LeaveJoint())).flaw is Flaw.NOT_JOINT
        assert refused(leader.core.change(simple("v4", "v5"))).flaw is Flaw.MANY_VOTERS

    def test_an_id_is_not_given_out_again(self) -> None:
        """T13, F25: a removed node never comes back under its id."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        leader.core.change(simple("r3"))
        cluster.settle()

        assert refused(leader.core.change(simple("v3"))).flaw is Flaw.ID_USED

    def test_a_restarted_node_goes_on_with_what_it_had_applied(self) -> None:
        """The membership is part of the state: applied again from where the state stands."""
        cluster = Cluster(3)
        cluster.elect(1).core.change(simple("l4"))
        cluster.tick(3)
        for kept in (None, 0):
            cluster[2].crash(applied_kept=kept)
            cluster[2].start()
            cluster.tick(3)

            assert cluster[2].core.status().membership.learners == ids(4)


class TestJoint:
    """Two majorities, and the way out."""

    def test_a_joint_membership_is_left_by_itself(self) -> None:
        """F21, T58: an explicit empty change, proposed as soon as the entry is applied."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.add(4, cluster.membership)
        cluster.add(5, cluster.membership)
        accepted(leader.core.change(joint("v4", "v5", "r2")))
        cluster.tick(3)

        assert leader.core.status().membership.voters == ids(1, 3, 4, 5)
        assert not leader.core.status().membership.is_joint

    def test_without_auto_leave_it_stays(self) -> None:
        """Until somebody asks."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        leader.core.change(joint("r2", "r3", auto_leave=False))
        cluster.tick(3)
        assert leader.core.status().membership.is_joint

        accepted(leader.core.change(LeaveJoint()))
        cluster.settle()
        assert leader.core.status().membership.voters == ids(1)

    def test_both_halves_decide(self) -> None:
        """Paper 6, R7: a majority of the new voters alone commits nothing."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.add(4, cluster.membership)
        cluster.add(5, cluster.membership)
        leader.core.change(joint("v4", "v5", "r2", "r3", auto_leave=False))
        cluster.tick(3)
        assert leader.core.status().membership.is_joint
        cluster.isolate(2)
        cluster.isolate(3)
        before = leader.commit
        cluster.propose(1)
        cluster.settle()

        assert leader.commit == before
        cluster.heal()
        cluster.tick(5)
        assert leader.commit > before

    def test_a_later_leader_leaves(self) -> None:
        """T55, F22: who leads next proposes the leave again."""
        cluster = Cluster(4)
        old = cluster.elect(1)
        old.core.change(joint("l4"))
        for _ in range(20):
            old.turn()
            if old.core.status().membership.is_joint:
                break
            cluster.deliver()
            for node_id in (2, 3, 4):
                cluster[node_id].turn()
        old.crash()
        cluster.in_flight.clear()
        cluster.tick(6 * SMALL.election_base_ticks)

        (leader,) = cluster.leaders
        assert cluster[leader].core.status().membership.voters == ids(1, 2, 3)
        assert not cluster[leader].core.status().membership.is_joint

    def test_a_smaller_quorum_decides_what_waited(self) -> None:
        """What three of four held not yet is committed once two of three are enough."""
        cluster = Cluster(4)
        leader = cluster.elect(1)
        leader.core.change(simple("r4"))
        cluster.isolate(4)
        cluster.settle()
        assert leader.core.status().membership.voters == ids(1, 2, 3)
        cluster.isolate(3)
        cluster.propose(1)
        cluster.settle()

        assert leader.commit == leader.core.status().last

    def test_learners_decide_nothing(self) -> None:
        """F23: a learner is sent everything and counts for nothing."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.add(4, cluster.membership)
        leader.core.change(simple("l4"))
        cluster.tick(3)
        cluster.isolate(2, 3)
        cluster.cut -= {(1, 4), (4, 1)}
        cluster.propose(1)
        cluster.settle()

        assert leader.commit < leader.core.status().last
        cluster[4].core.campaign()
        cluster[4].turn()
        assert cluster[4].role is Role.FOLLOWER

    def test_a_demoted_voter_learns_after_the_leave(self) -> None:
        """The progress of who stays is kept (T59)."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        match = leader.core.status().peers[1].match
        leader.core.change(joint("l3", auto_leave=False))
        cluster.settle()
        assert leader.core.status().membership.learners_next == ids(3)
        leader.core.change(LeaveJoint())
        cluster.settle()

        assert leader.core.status().membership.learners == ids(3)
        assert leader.core.status().peers[1].match > match

    def test_a_hung_peer_holds_no_change_up(self) -> None:
        """T59: a quorum of each half is enough."""
        cluster = Cluster(5)
        leader = cluster.elect(1)
        cluster.isolate(5)
        leader.core.change(joint("r4"))
        cluster.settle()

        assert leader.core.status().membership.voters == ids(1, 2, 3, 5)


class TestElections:
    """Who may campaign, and for whom one votes."""

    def committed_but_unapplied(self) -> Node:
        """Return node 2, which knows that its removal is committed and has not applied it."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        leader.core.change(simple("r2"))
        cluster.settle()
        node = cluster[2]
        assert node.membership.voters == ids(1, 3)  # the leader said farewell
        node.crash(applied_kept=1)
        node.start()
        node.core.step(
            Heartbeat(NodeId(1), NodeId(2), leader.core.status().term, Index(2), 0)
        )
        assert (node.commit, node.core.status().applied) == (2, 1)
        return node

    def test_nobody_campaigns_with_an_unapplied_membership(self) -> None:
        """T52, F22: it may have taken the vote that the campaign counts on."""
        node = self.committed_but_unapplied()
        sent: list[object] = []
        node.send = sent.append
        node.core.campaign()
        node.tick(3 * SMALL.election_base_ticks)
        node.take()

        assert node.role is Role.FOLLOWER
        assert not [item for item in sent if isinstance(item, PreVote)]

    def test_who_learns_of_a_change_while_asking_for_votes_asks_no_more(self) -> None:
        """T52: a refusal tells it (seed 1205), and the grant beside it was of a voter that left."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.propose(1)
        cluster.settle()
        accepted(leader.core.change(simple("r3")))
        leader.turn()
        cluster.deliver()
        for node_id in (2, 3):
            cluster[node_id].turn()
        cluster.cut |= {(1, 2), (1, 3)}
        cluster.propose(1)  # what only the leader has
        for _ in range(2):
            leader.turn()
            cluster.deliver()
        assert leader.core.status().membership.voters == ids(1, 2)
        for node in cluster.nodes.values():
            node.restart()
        cluster.heal()

        node = cluster[2]
        node.core.campaign()
        node.turn()
        cluster.deliver()
        for node_id in (1, 3):
            cluster[node_id].turn()
        cluster.deliver()

        assert node.commit == leader.core.status().membership.index
        assert node.core.status().applied < node.commit
        assert node.role is Role.FOLLOWER
        assert node.term == 1
        cluster.settle()
        assert node.core.status().membership.voters == ids(1, 2)

    @pytest.mark.parametrize("terms_ahead", [0, 3])
    def test_who_does_not_know_that_it_votes_hears_it_from_who_asks(
        self, terms_ahead: int
    ) -> None:
        """T52: node 4 has more than all that know that it votes, and refuses them. Seed 1597.

        Who asks may be in a later term, which node 4 enters first.
        """
        cluster = Cluster(3)
        leader = cluster.elect(1)
        accepted(leader.core.change(simple("l4")))
        cluster.add(4, cluster.membership)
        cluster.settle()
        cluster.tick(3)
        entered = accepted(leader.core.change(joint("v4", "r2"))).id.index
        leader.turn()
        cluster.deliver()
        for node_id in (2, 3, 4):
            cluster[node_id].turn()
        cluster.cut |= {(1, 2), (1, 3)}
        cluster.propose(1)  # what only node 4 gets, from who has counted no answer yet
        leader.turn()
        cluster.deliver()
        cluster[4].turn()
        cluster.cut = {(1, 2), (1, 4)}
        for _ in range(SMALL.heartbeat_ticks + 1):
            leader.tick()
            leader.turn()
            cluster.deliver(only=lambda sent: not isinstance(sent, AppendEntries))
        cluster[3].turn()
        assert (cluster[3].commit, cluster[3].core.status().last) == (entered, entered)
        assert cluster[4].commit < entered < cluster[4].core.status().last

        leader.crash()
        cluster.heal()
        cluster.in_flight.clear()
        cluster[3].crash()
        hard = cluster[3].disk.hard_state
        cluster[3].disk.hard_state = HardState(
            Term(hard.term + terms_ahead), hard.vote, Index(entered)
        )
        cluster[3].start()
        cluster.tick(8 * SMALL.election_base_ticks)

        assert cluster[4].role is Role.LEADER
        assert cluster[3].core.status().membership.voters == ids(1, 3, 4)

    def test_a_refusal_of_half_of_an_even_half_tells_as_much_as_a_quorum(self) -> None:
        """T52, F3: as above. The new voters are two, and are nearer than the old ones.

        Either of them ends a ballot, of an old voter that needs both and is neither.
        """
        cluster = Cluster(3)
        leader = cluster.elect(1)
        for learner in (4, 5):
            accepted(leader.core.change(simple(f"l{learner}")))
            cluster.add(learner, cluster.membership)
            cluster.settle()
        cluster.tick(3)
        change = joint("v4", "v5", "r1", "r2", "r3")
        entered = accepted(leader.core.change(change)).id.index
        leader.turn()
        cluster.deliver()
        for node_id in range(2, 6):
            cluster[node_id].turn()
        cluster.isolate(1, 4)
        cluster.propose(1)  # what only node 4 gets
        leader.turn()
        cluster.deliver()
        cluster[4].turn()
        leader.crash()
        for node_id in (2, 3):  # they heard that it is committed, in a later term
            cluster[node_id].crash()
            hard = HardState(Term(2), NO_NODE, Index(entered))
            cluster[node_id].disk.hard_state = hard
            cluster[node_id].start()
        cluster.heal()
        cluster.in_flight.clear()
        assert cluster[4].commit < entered < cluster[4].core.status().last

        for _ in range(8 * SMALL.election_base_ticks):
            for node_id in range(2, 6):
                cluster[node_id].tick()
            for _ in range(4):
                for node_id in range(2, 6):
                    cluster[node_id].turn()
                cluster.deliver(only=lambda sent: 4 in (sent.sender, sent.to))
            cluster.settle()

        assert cluster[4].role is Role.LEADER
        assert cluster[4].core.status().membership.voters == ids(4, 5)

    def test_a_removed_node_never_campaigns(self) -> None:
        """F6: it has no vote in its own eyes."""
        node = self.committed_but_unapplied()
        node.send = lambda _: None
        node.turn()
        node.tick(5 * SMALL.election_base_ticks)
        node.turn()

        assert node.core.status().membership.voters == ids(1, 3)
        assert node.role is Role.FOLLOWER

    def test_a_voter_that_thinks_it_learns_votes(self) -> None:
        """T52: its promotion may be committed without it knowing."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        leader.core.change(simple("l3"))
        cluster.settle()
        cluster.isolate(3)
        leader.core.change(simple("v3"))
        cluster.settle()
        leader.crash()
        cluster.heal()
        assert cluster[3].core.status().membership.learners == ids(3)
        cluster.tick(4 * SMALL.election_base_ticks)

        assert cluster[2].role is Role.LEADER
        assert cluster[3].core.status().membership.voters == ids(1, 2, 3)

    def test_a_demoted_voter_pushes_the_term(self) -> None:
        """T42: it gets no vote, and its term is not lost on the others."""
        cluster = Cluster(3, rules=NO_RULES)
        leader = cluster.elect(1)
        leader.core.change(simple("r3"))
        cluster.settle()
        term = leader.term
        request = RequestVote(
            NodeId(3), NodeId(2), leader.core.status().term + 5, (99, 99)
        )  # type: ignore[arg-type]  # a term is a number
        cluster[2].core.step(request)
        cluster[2].turn()

        assert cluster[2].term == term + 5
        assert cluster[2].core.status().vote == 0


class TestRemovedLeader:
    """F6, T54."""

    def test_it_hands_over_when_its_removal_is_applied(self) -> None:
        """It does not count itself, and somebody else leads at once."""
        cluster = Cluster(3)
        for peer in (2, 3):
            cluster[1].greet(peer)
        leader = cluster.elect(1)
        leader.core.change(simple("r1"))
        cluster.settle()
        (now,) = set(cluster.leaders) - {1}
        cluster.tick(
            SMALL.election_base_ticks
        )  # nobody tells who is no member any more

        assert leader.role is Role.FOLLOWER
        assert cluster[now].core.status().membership.voters == ids(2, 3)
        assert cluster[now].commit == cluster[now].core.status().last

    def test_it_does_not_count_itself(self) -> None:
        """T54: what it and one of the two others hold is on no majority."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        leader.core.change(simple("r1"))
        cluster.isolate(3)
        cluster.settle()

        status = leader.core.status()
        assert status.membership.voters == ids(2, 3)
        assert status.role is Role.LEADER or cluster[2].role is not Role.LEADER
        assert status.commit < status.last or status.last == status.membership.index

    def test_it_takes_no_proposals_any_more(self) -> None:
        """What is refused has certainly not been logged."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        leader.core.change(simple("r1"))
        cluster.isolate(2)
        cluster.cut.discard((2, 1))
        while leader.core.status().membership.index == 0:
            leader.turn()
            cluster.deliver()
            for node in (2, 3):
                cluster[node].turn()
        cluster.isolate(2, 3)

        assert isinstance(leader.core.propose(EntryKind.PAYOUTS, b"x", 0), Refused)

    def test_it_leaves_if_nobody_takes_over(self) -> None:
        """Within one election base."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        leader.core.change(simple("r1"))
        for _ in range(9):
            leader.turn()
            cluster.deliver(lambda m: not isinstance(m, Heartbeat))
            cluster[2].turn()
            cluster[3].turn()
            if leader.core.status().membership.index:
                break
        cluster.isolate(1)
        leader.tick(SMALL.election_base_ticks)
        leader.turn()

        assert leader.role is Role.FOLLOWER
        leader.tick(5 * SMALL.election_base_ticks)
        leader.turn()
        assert leader.role is Role.FOLLOWER

    def test_without_the_rule_it_leads_on(self) -> None:
        """Only published scenarios do without."""
        rules = Rules(pre_vote=True, check_quorum=True, step_down_on_removal=False)
        cluster = Cluster(3, rules=rules)
        leader = cluster.elect(1)
        leader.core.change(simple("r1"))
        cluster.tick(5)

        assert leader.role is Role.LEADER


class TestReads:
    """T46: only voters of the applied membership confirm."""

    def test_a_smaller_quorum_confirms_what_waited(self) -> None:
        """The read is looked at again when the voters become fewer."""
        cluster = Cluster(4)
        leader = cluster.elect(1)
        leader.core.change(simple("r4"))
        cluster.isolate(3, 4)
        leader.take()
        ticket = leader.core.read()
        for _ in range(3):
            leader.turn()
            cluster.deliver()
            cluster[2].turn()
        assert ticket not in leader.reads  # two of four have echoed it
        cluster.cut -= {(1, 3), (3, 1)}
        for _ in range(3):
            cluster.deliver()
            cluster[3].turn()
            leader.tick(2)
            leader.turn()

        assert ticket in leader.reads


class TestFounding:
    """F25: the members of the configuration become records of the log."""

    def test_the_founders_are_recorded_once_all_were_met(self) -> None:
        """With their stores, the same on every node."""
        cluster = founded()

        memberships = {node.core.status().membership for node in cluster.nodes.values()}
        (membership,) = memberships
        assert membership.index > 0
        assert [node.store_uuid for node in membership.nodes] == [
            store(1),
            store(2),
            store(3),
        ]

    def test_nothing_is_recorded_while_one_was_not_met(self) -> None:
        """Who is not known cannot be told from a stranger."""
        records = (NodeRecord(NodeId(1), store(1)), *map(NodeRecord, ids(2, 3)))
        cluster = Cluster(3, membership=Membership(ids(1, 2, 3), nodes=records))
        leader = cluster.elect(1)
        leader.greet(3, store(3))
        cluster.tick(5)

        assert leader.core.status().membership.index == 0
        outcome = refused(leader.core.request(adding()))
        assert outcome.flaw is Flaw.NOT_FOUNDED
        leader.greet(2, store(2))
        cluster.tick(2)
        assert leader.core.status().membership.index > 0

    def test_no_change_comes_before_the_founding(self) -> None:
        """Each node has its own records until then, and one's must not become those of all."""
        records = (NodeRecord(NodeId(1), store(1)), *map(NodeRecord, ids(2, 3)))
        cluster = Cluster(3, membership=Membership(ids(1, 2, 3), nodes=records))
        leader = cluster.elect(1)
        outcome = refused(leader.core.change(simple("l4")))

        assert outcome.flaw is Flaw.NOT_FOUNDED
        accepted(leader.core.change(Found(records)))

    def test_nothing_changes_before_all_releases_know_how(self) -> None:
        """F26, T67: an older release could not apply it."""
        cluster = founded()
        leader = cluster[1]
        leader.core.permit_changes(False)

        assert refused(leader.core.request(adding())).reason is Reason.STATE_VERSION
        leader.core.permit_changes(True)
        accepted(leader.core.request(adding()))

    def test_the_store_of_a_new_node_is_recorded_when_it_is_met(self) -> None:
        """From then on no other store counts under its id."""
        cluster = founded()
        leader = cluster[1]
        leader.core.request(adding())
        cluster.settle()
        assert leader.core.status().membership.nodes[3].store_uuid == b""
        cluster.add(4)
        leader.greet(4, store(4))
        cluster.tick(2)

        assert leader.core.status().membership.nodes[3].store_uuid == store(4)


class TestRequests:
    """What an operator asks for: add, remove, replace."""

    def test_a_new_node_learns_and_then_votes(self) -> None:
        """F23: promoted by itself once it keeps pace."""
        cluster = founded()
        leader = cluster[1]
        accepted(leader.core.request(adding()))
        cluster.settle()
        assert leader.core.status().membership.learners == ids(4)
        assert leader.core.status().membership.plans == (Plan(NodeId(4)),)
        cluster.add(4)
        leader.greet(4, store(4))
        cluster.tick(20)

        for node in cluster.nodes.values():
            membership = node.core.status().membership
            assert membership.voters == ids(1, 2, 3, 4)
            assert membership.plans == ()

    def test_a_standby_node_learns_for_ever(self) -> None:
        """F23, L2."""
        cluster = founded()
        cluster[1].core.request(adding(kind=NodeKind.STANDBY))
        cluster.add(4)
        cluster[1].greet(4, store(4))
        cluster.tick(50)

        membership = cluster[1].core.status().membership
        assert membership.learners == ids(4)
        assert membership.voters == ids(1, 2, 3)

    def test_a_later_leader_promotes(self) -> None:
        """F23: the plan is part of the membership."""
        cluster = founded()
        cluster[1].core.request(adding())
        cluster.settle()
        cluster[1].crash()
        cluster.tick(3 * SMALL.election_base_ticks)
        (leader,) = cluster.leaders
        cluster.add(4)
        for peer in (1, 2, 3, 4):
            if peer != leader:
                cluster[leader].greet(peer, store(peer))
        cluster.tick(30)

        assert cluster[leader].core.status().membership.voters == ids(1, 2, 3, 4)

    def test_a_learner_that_stops_stays_a_learner(self) -> None:
        """F23: too slow, and the plan ends; asked again, it begins anew."""
        options = Options(
            election_base_ticks=10, heartbeat_ticks=2, catch_up_round_ticks_max=30
        )
        cluster = founded(options=options)
        leader = cluster[1]
        leader.core.request(adding())
        cluster.add(4)
        leader.greet(4, store(4))
        cluster.tick(1)
        for _ in range(3):
            cluster.propose(1, b"x" * 10)
            cluster.settle()
        cluster.isolate(4)
        cluster.propose(1, b"x")
        cluster.tick(60)
        membership = leader.core.status().membership
        assert membership.learners == ids(4)
        assert membership.plans == ()

        cluster.heal()
        accepted(leader.core.request(adding(4)))
        cluster.tick(40)
        assert leader.core.status().membership.voters == ids(1, 2, 3, 4)

    def test_a_voter_is_replaced_in_one_change_of_voters(self) -> None:
        """F24: never fewer voters that work than before."""
        cluster = founded()
        leader = cluster[1]
        cluster[3].crash()
        accepted(leader.core.request(ReplaceNode(NodeId(3), adding())))
        cluster.settle()
        assert leader.core.status().membership.voters == ids(1, 2, 3)
        cluster.add(4)
        leader.greet(4, store(4))
        cluster.tick(30)

        membership = leader.core.status().membership
        assert membership.voters == ids(1, 2, 4)
        assert not membership.is_joint
        assert membership.was_removed(NodeId(3))

    def test_a_second_replacement_of_one_voter_is_refused(self) -> None:
        """F24: while the first is under way, and after it; three voters stay three."""
        cluster = founded()
        leader = cluster[1]
        accepted(leader.core.request(ReplaceNode(NodeId(3), adding())))
        together = leader.core.request(ReplaceNode(NodeId(3), adding()))
        assert refused(together).reason is Reason.CHANGE_IN_FLIGHT
        cluster.settle()
        second = leader.core.request(ReplaceNode(NodeId(3), adding()))
        assert refused(second).flaw is Flaw.BEING_REPLACED
        cluster.add(4)
        leader.greet(4, store(4))
        cluster.tick(30)
        third = leader.core.request(ReplaceNode(NodeId(3), adding()))
        assert refused(third).flaw is Flaw.NO_VOTER

        membership = leader.core.status().membership
        assert membership.voters == ids(1, 2, 4)
        assert membership.learners == ()

    def test_two_replacements_that_an_older_release_took_end_with_three_voters(
        self,
    ) -> None:
        """F24: whose place is taken stays a learner, and the operator removes it."""
        cluster = founded()
        leader = cluster[1]
        for node_id in (4, 5):
            plan = Plan(NodeId(node_id), NodeId(3))
            record = NodeRecord(NodeId(node_id))
            op = Op(OpKind.LEARNER, NodeId(node_id), record, plan)
            accepted(leader.core.change(Simple((op,))))
            cluster.settle()
        for node_id in (4, 5):
            cluster.add(node_id)
            leader.greet(node_id, store(node_id))
        cluster.tick(60)

        membership = leader.core.status().membership
        (learner,) = membership.learners
        assert len(membership.voters) == 3
        assert {*membership.voters, learner} == {1, 2, 4, 5}
        assert membership.plans == ()

    def test_the_leader_can_be_replaced(self) -> None:
        """F6, F24: the swap removes it, and it hands over."""
        cluster = founded()
        accepted(cluster[1].core.request(ReplaceNode(NodeId(1), adding())))
        cluster.add(4)
        cluster[1].greet(4, store(4))
        cluster.tick(60)

        (leader,) = cluster.leaders
        assert leader != 1
        assert cluster[leader].core.status().membership.voters == ids(2, 3, 4)

    def test_three_to_five_to_three(self) -> None:
        """Two are added and two others removed, one after the other, and nothing is lost."""
        cluster = founded()
        leader = cluster[1]
        for node_id in (4, 5):
            accepted(leader.core.request(adding()))
            cluster.add(node_id)
            leader.greet(node_id, store(node_id))
            cluster.propose(1, b"payload")
            cluster.tick(25)
        assert leader.core.status().membership.voters == ids(1, 2, 3, 4, 5)
        for node_id in (2, 3):
            accepted(leader.core.request(RemoveNode(NodeId(node_id))))
            cluster.propose(1, b"payload")
            cluster.tick(5)

        assert leader.core.status().membership.voters == ids(1, 4, 5)
        assert cluster[4].terms() == cluster[5].terms() == leader.terms()
        assert leader.commit == leader.core.status().last

    @pytest.mark.parametrize(
        ("request_", "flaw"),
        [
            (RemoveNode(NodeId(9)), Flaw.NOT_A_MEMBER),
            (adding(2), Flaw.IS_VOTER),
            (ReplaceNode(NodeId(9), adding()), Flaw.NO_VOTER),
            (
                ReplaceNode(NodeId(3), adding(kind=NodeKind.STANDBY)),
                Flaw.STANDBY_REPLACES,
            ),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, request_: AddNode | RemoveNode | ReplaceNode, flaw: Flaw
    ) -> None:
        """And says why."""
        assert refused(founded()[1].core.request(request_)).flaw is flaw

    def test_a_removal_that_would_stop_the_cluster_is_refused(self) -> None:
        """Two of three are heard: removing one of them would leave no quorum."""
        cluster = founded()
        cluster[3].crash()
        cluster.tick(2 * SMALL.election_base_ticks)

        outcome = refused(cluster[1].core.request(RemoveNode(NodeId(2))))
        assert outcome.flaw is Flaw.QUORUM_AT_RISK
        accepted(cluster[1].core.request(RemoveNode(NodeId(3))))

    def test_a_new_leader_gives_no_benefit_of_the_doubt_to_a_removal(self) -> None:
        """Seed 605: the other voter was gone, and the new leader had not missed it yet."""
        cluster = founded()
        cluster[3].crash()
        cluster[1].crash()
        cluster[1].start()  # and sticks to no leader
        cluster.elect(2)

        outcome = refused(cluster[2].core.request(RemoveNode(NodeId(1))))
        assert outcome.flaw is Flaw.QUORUM_AT_RISK

    def test_a_removed_leader_that_alone_knows_it_tells_who_stays(self) -> None:
        """Seed 1205: its log is longer, so it grants no vote; it leads no more, so it asks none."""
        cluster = Cluster(2)
        leader, stays = cluster.elect(1), cluster[2]
        cluster.propose(1)
        cluster.settle()
        accepted(leader.core.change(simple("r1")))
        leader.turn()
        cluster.deliver()
        stays.turn()  # its ack is on the way
        cluster.cut.add((1, 2))
        cluster.propose(1)  # what only the leader has
        leader.turn()
        cluster.deliver()
        leader.turn()
        assert leader.core.status().membership.voters == ids(2)
        leader.crash()
        stays.crash()
        leader.start()
        stays.start()
        assert leader.core.status().last > stays.core.status().last
        assert stays.core.status().membership.voters == ids(1, 2)

        cluster.heal()
        cluster.tick(4 * SMALL.election_base_ticks)

        assert stays.role is Role.LEADER
        assert stays.core.status().membership.voters == ids(2)

    def test_a_node_that_waits_follows_whoever_leads(self) -> None:
        """It knows nobody, takes what it is sent, and never campaigns."""
        cluster = founded()
        node = cluster.add(4)
        node.tick(5 * SMALL.election_base_ticks)
        node.turn()
        assert node.role is Role.FOLLOWER
        assert node.term == 0
        cluster[1].core.request(adding())
        cluster.tick(5)

        assert node.core.status().membership == cluster[1].core.status().membership

    def test_an_append_reaches_a_learner_that_was_just_added(self) -> None:
        """It is probed at once, not at the next tick."""
        cluster = founded()
        cluster[1].core.request(adding())
        for _ in range(4):
            for node in cluster.nodes.values():
                node.turn()
            cluster.deliver(lambda message: message.to != 4)

        assert [
            message
            for message in cluster.in_flight
            if isinstance(message, AppendEntries) and message.to == 4
        ]
