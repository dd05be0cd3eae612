"""`RaftCore` as its owner sees it: the contract of Ready, tickets, pages, refusals, roles."""

import pytest

from ledgerd.errors import CorruptionError, Reason
from ledgerd.raft.core import Options, RaftCore, Refused
from ledgerd.raft.entries import (
    NO_NODE,
    EntryId,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.facts import ApplyStopped
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    Heartbeat,
    PreVote,
    RequestVote,
    RequestVoteReply,
)
from ledgerd.raft.ready import Cause, RoleChange, Ticket
from tests.raft.harness import SMALL, Cluster, MemoryDisk, Node, link, make_log

THREE = Membership((NodeId(1), NodeId(2), NodeId(3)))


def core_of(disk: MemoryDisk, *, applied: int = 0) -> RaftCore:
    """Return node 1 of three over a disk."""
    return RaftCore(
        NodeId(1),
        options=SMALL,
        membership=THREE,
        hard_state=disk.hard_state,
        log=disk,
        applied=Index(applied),
        jitter=lambda _: 0,
        link=link,
    )


def append_to(
    node: int, terms: list[int], start: int, *, commit: int = 0
) -> AppendEntries:
    """Return what the leader of the last term, node 3, sends: entries after `start`."""
    entries = make_log(terms)
    prev = entries[start - 1]
    return AppendEntries(
        NodeId(3),
        NodeId(node),
        entries[-1].term,
        prev.id,
        prev.link,
        tuple(entries[start:]),
        Index(commit),
        1,
        1,
    )


class TestStart:
    def test_a_commit_index_beyond_the_log_is_loss(self) -> None:
        """T11: never clamped."""
        disk = MemoryDisk(make_log([1]), HardState(Term(1), NO_NODE, Index(2)))

        with pytest.raises(AssertionError):
            core_of(disk)

    def test_a_state_beyond_the_log_is_loss(self) -> None:
        """T12: what was applied was durable once."""
        with pytest.raises(AssertionError):
            core_of(MemoryDisk(make_log([1])), applied=2)

    def test_an_entry_of_a_term_never_entered_is_refused(self) -> None:
        """T4: no entry is durable in a term above the stored one."""
        disk = MemoryDisk(make_log([1, 2]), HardState(Term(1), NO_NODE, Index(0)))

        with pytest.raises(AssertionError):
            core_of(disk)

    def test_a_restarted_node_goes_on_where_it_was(self) -> None:
        """T2: term and vote survive; what is applied is committed."""
        disk = MemoryDisk(make_log([1, 1, 2]), HardState(Term(3), NodeId(2), Index(1)))
        status = core_of(disk, applied=2).status()

        assert (status.term, status.vote, status.role) == (3, 2, Role.FOLLOWER)
        assert (status.applied, status.commit, status.durable) == (2, 2, 3)

    def test_committed_entries_are_applied_after_a_restart(self) -> None:
        """The state lags the log; the stored commit index says how far it may go."""
        disk = MemoryDisk(make_log([1, 1]), HardState(Term(1), NO_NODE, Index(2)))
        ready = core_of(disk).ready()

        assert ready is not None
        assert ready.apply == (1, 2)


class TestReady:
    def test_there_is_none_when_there_is_nothing_to_do(self) -> None:
        """None, at once, and again."""
        cluster = Cluster(3)
        cluster.elect(1)

        assert all(node.core.ready() is None for node in cluster.nodes.values())

    def test_a_commit_index_alone_needs_no_sync(self) -> None:
        """C6: it may wait for the next write."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.propose(1)
        cluster[1].turn()
        cluster.deliver()
        for node in (2, 3):
            cluster[node].turn()
        cluster.deliver()
        ready = cluster[1].core.ready()

        assert ready is not None
        assert ready.hard_state is not None
        assert ready.hard_state.commit == 2
        assert not ready.must_sync

    def test_term_vote_and_entries_are_one_write(self) -> None:
        """T1, T4, C1: a newer term and its entries arrive in one Ready."""
        cluster = Cluster(3, logs={1: make_log([1])})
        node = cluster[1]
        node.core.step(append_to(1, [1, 4], 1))
        ready = node.core.ready()

        assert ready is not None
        assert ready.must_sync
        assert ready.hard_state == HardState(Term(4), NO_NODE, Index(0))
        assert [entry.id for entry in ready.entries] == [(4, 2)]

    def test_pages_follow_each_other(self) -> None:
        """C4: the next range comes after the whole last one was applied."""
        entries = make_log([1, 1, 1])
        disk = MemoryDisk(entries, HardState(Term(1), NO_NODE, Index(3)))
        core = RaftCore(
            NodeId(1),
            options=Options(apply_bytes_max=1),
            membership=THREE,
            hard_state=disk.hard_state,
            log=disk,
            applied=Index(0),
            jitter=lambda _: 0,
            link=link,
        )
        ready = core.ready()
        assert ready is not None
        assert ready.apply == (1, 1)
        assert core.entries(Index(1), Index(1), 1) == entries[:1]
        assert core.ready() is None
        core.applied(Index(1))
        ready = core.ready()

        assert ready is not None
        assert ready.apply == (2, 2)
        assert core.status().commit == 3  # T33: a page never lowers the commit index

    def test_a_page_may_be_applied_in_steps(self) -> None:
        """A turn's budget may end inside a page; nothing is handed out twice."""
        disk = MemoryDisk(make_log([1] * 4), HardState(Term(1), NO_NODE, Index(4)))
        core = core_of(disk)
        ready = core.ready()
        assert ready is not None
        assert ready.apply == (1, 4)
        core.applied(Index(2))
        assert core.ready() is None
        assert len(core.entries(Index(3), Index(4), 1 << 20)) == 2
        core.applied(Index(4))

        assert core.ready() is None
        assert core.status().applied == 4

    def test_nothing_beyond_a_page_may_be_applied(self) -> None:
        """R3: applied <= what was handed out."""
        disk = MemoryDisk(make_log([1, 1]), HardState(Term(1), NO_NODE, Index(1)))
        core = core_of(disk)
        core.ready()

        with pytest.raises(AssertionError):
            core.applied(Index(2))
        with pytest.raises(AssertionError):
            core.entries(Index(1), Index(2), 1)

    def test_tickets_are_acknowledged_once_and_in_order(self) -> None:
        """C7: a Ready is never handled twice."""
        cluster = Cluster(3)
        node = cluster[1]
        node.core.campaign()
        ready = node.core.ready()
        assert ready is not None
        assert ready.ticket == 1
        with pytest.raises(AssertionError):
            node.core.persisted(Ticket(2))
        node.core.persisted(ready.ticket)
        with pytest.raises(AssertionError):
            node.core.persisted(ready.ticket)

    def test_a_later_ticket_acknowledges_the_earlier(self) -> None:
        """T9: "this one and all before it"."""
        cluster = Cluster(1)
        node = cluster.elect(1)
        for _ in range(3):
            cluster.propose(1)
            assert node.core.ready() is not None
        last = node.core._last_ticket
        node.core.persisted(last)

        assert node.core.status().durable == 4

    def test_a_completion_of_an_older_tail_marks_nothing_durable(self) -> None:
        """T10: a write finished after its entries were replaced."""
        cluster = Cluster(3, logs={1: make_log([1])})
        node = cluster[1]
        node.core.step(append_to(1, [1, 2], 1))
        assert node.take()
        node.core.step(append_to(1, [1, 3], 1))
        assert node.take()
        node.sync()
        assert node.core.status().durable == 1

        node.sync()
        assert node.core.status().durable == 2


class TestQueues:
    def test_a_vote_request_waits_for_the_durable_vote(self) -> None:
        """T81: else the candidate could crash, come back, and win the same term again."""
        cluster = Cluster(3)
        cluster.elect(1)
        node = cluster[2]
        node.core.campaign()
        ready = node.take()
        assert ready is not None
        assert all(isinstance(m, PreVote) for m in ready.send_after)
        node.sync()
        cluster[1].crash()
        cluster[3].tick(10)
        cluster.deliver()
        cluster[3].turn()
        cluster.deliver()
        ready = node.take()

        assert ready is not None
        assert ready.must_sync
        assert ready.hard_state == HardState(Term(2), NodeId(2), Index(1))
        assert not ready.send_early
        assert {type(m) for m in ready.send_after} == {RequestVote}

    def test_the_own_vote_counts_when_it_is_durable(self) -> None:
        """T1: one grant and an unfinished write of the own vote are no majority of three."""
        _cluster, node = candidate_before_write()
        node.core.step(RequestVoteReply(NodeId(2), NodeId(1), Term(1), True))
        assert node.core.status().role is Role.CANDIDATE
        node.sync()

        assert node.role is Role.LEADER

    def test_early_messages_of_a_leader_wait_for_its_durable_vote(self) -> None:
        """T82: grants that came before the own write elect, but nothing leaves early."""
        _cluster, node = candidate_before_write()
        for voter in (2, 3):
            node.core.step(RequestVoteReply(NodeId(voter), NodeId(1), Term(1), True))
        assert node.role is Role.LEADER
        node.tick(2)  # a heartbeat is due as well
        ready = node.take()
        assert ready is not None
        assert not ready.send_early
        assert node.take() is None
        while node.writes:
            node.sync()
        ready = node.take()

        assert ready is not None
        assert {type(m) for m in ready.send_early} == {AppendEntries, Heartbeat}

    def test_what_was_replaced_before_it_was_written_is_not_acknowledged(self) -> None:
        """R9: two leaders are heard in one turn, and what the first one sent is never stored."""
        core = core_of(MemoryDisk(make_log([1])))
        core.step(append_to(1, [1, 2, 2], 1))
        core.step(append_to(1, [1, 3], 1))
        ready = core.ready()

        assert ready is not None
        assert [entry.term for entry in ready.entries] == [3]
        acks = [m for m in ready.send_after if isinstance(m, AppendAccepted)]
        assert [(ack.term, ack.match) for ack in acks] == [(3, 2)]

    def test_a_leader_whose_term_is_over_is_acknowledged_nothing_that_it_lacks(
        self,
    ) -> None:
        """R9, T20: who knows by hearsay what a later term committed follows an older leader."""
        core = core_of(MemoryDisk(make_log([1, 1, 1])))
        core.step(Heartbeat(NodeId(3), NodeId(1), Term(2), Index(0), 0))
        last = EntryId(Term(1), Index(3))
        core.step(PreVote(NodeId(2), NodeId(1), Term(4), last, last))
        assert core.status().commit == 0
        core.step(append_to(1, [1, 2], 1))
        ready = core.ready()

        assert ready is not None
        assert [entry.term for entry in ready.entries] == [2]
        acks = [m for m in ready.send_after if isinstance(m, AppendAccepted)]
        assert [(ack.term, ack.match) for ack in acks] == [(2, 2)]


def candidate_before_write() -> tuple[Cluster, Node]:
    """Return node 1 as a candidate of term 1 whose own vote is still being written."""
    cluster = Cluster(3)
    node = cluster[1]
    node.core.campaign()
    node.turn()
    cluster.deliver()
    cluster[2].turn()
    cluster.deliver()
    assert node.role is Role.CANDIDATE
    assert node.take()
    return cluster, node


class TestProposals:
    def test_a_follower_refuses_and_names_the_leader(self) -> None:
        """F19: definite, with a hint, and never forwarded."""
        cluster = Cluster(3)
        cluster.elect(1)
        refused = cluster[2].core.propose(EntryKind.PAYOUTS, b"x", 0)

        assert refused == Refused(Reason.NOT_LEADER, NodeId(1))
        assert cluster[2].core.ready() is None

    def test_without_a_leader_the_refusal_says_so(self) -> None:
        """F19: the caller knows that nothing was logged."""
        cluster = Cluster(3)
        refused = cluster[2].core.propose(EntryKind.PAYOUTS, b"x", 0)

        assert refused == Refused(Reason.NO_LEADER, NO_NODE)

    def test_a_proposal_is_named_by_term_index_and_time(self) -> None:
        """What the leader stamped is what is logged (I11)."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        first = leader.core.propose(EntryKind.PAYOUTS, b"a", 1_000)
        second = leader.core.propose(EntryKind.PAYOUTS, b"b", 1_000)

        assert not isinstance(first, Refused)
        assert not isinstance(second, Refused)
        assert (first.id, first.ts_us) == ((1, 2), 1_000)
        assert (second.id, second.ts_us) == ((1, 3), 1_001)
        cluster.settle()
        assert [entry.ts_us for entry in cluster[2].applied[1:]] == [1_000, 1_001]

    def test_a_step_down_loses_what_is_not_committed(self) -> None:
        """T65: waiting callers are told "unknown", from the first uncommitted index on."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.isolate(1)
        cluster.propose(1)
        cluster.propose(1)
        leader.tick(25)
        leader.turn()

        assert leader.role is Role.FOLLOWER
        assert leader.lost_from == [2]

    def test_a_replaced_tail_loses_what_was_there(self) -> None:
        """T65: also at a node that had already stepped down."""
        cluster = Cluster(3, logs={1: make_log([1, 1, 1])})
        cluster[1].core.step(append_to(1, [1, 1, 2], 2))
        ready = cluster[1].core.ready()

        assert ready is not None
        assert ready.lost_from == 3


class TestRoles:
    def test_every_change_has_a_cause(self) -> None:
        """raft.md 5.3: a step-down without a named cause is a bug."""
        cluster = Cluster(3)
        cluster[1].core.campaign()
        changes: list[RoleChange] = []
        for _ in range(8):
            for node in cluster.nodes.values():
                ready = node.take()
                if ready is not None and ready.role_change and node.id == 1:
                    changes.append(ready.role_change)
                while node.writes:
                    node.sync()
            cluster.deliver()
        cluster.isolate(1)
        cluster[1].tick(25)
        ready = cluster[1].take()
        assert ready is not None
        assert ready.role_change is not None
        changes.append(ready.role_change)

        assert changes == [
            RoleChange(Role.PRE_CANDIDATE, Term(0), NO_NODE, Cause.ASKED),
            RoleChange(Role.CANDIDATE, Term(1), NO_NODE, Cause.VOTE_WON),
            RoleChange(Role.LEADER, Term(1), NodeId(1), Cause.VOTE_WON),
            RoleChange(Role.FOLLOWER, Term(1), NO_NODE, Cause.NO_QUORUM),
        ]

    def test_forgetting_the_leader_keeps_term_and_timer(self) -> None:
        """The follower may vote at once, and nothing else changes."""
        cluster = Cluster(3)
        cluster.elect(1)
        core = cluster[2].core
        core.tick(5)
        before = core.status()
        core.forget_leader()
        after = core.status()

        assert after.leader == NO_NODE
        assert (after.term, after.vote, after.role) == (
            before.term,
            before.vote,
            before.role,
        )
        assert core._roles.timer.elapsed == 5

    def test_a_leader_does_not_campaign(self) -> None:
        """T40."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        leader.core.campaign()

        assert leader.role is Role.LEADER
        assert leader.core.ready() is None

    def test_ticks_during_an_election_spend_no_term(self) -> None:
        """T40, F1: alone, a node asks again and again in the same term."""
        cluster = Cluster(3)
        cluster.isolate(1)
        for _ in range(200):
            cluster[1].tick()
            cluster[1].turn()

        assert cluster[1].term == 0

    def test_two_leaders_in_one_term_stop_the_node(self) -> None:
        """R1: there is nothing right to do any more."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        usurper = Heartbeat(NodeId(2), NodeId(1), Term(leader.term), Index(0), 0)

        with pytest.raises(AssertionError, match="leads term"):
            leader.core.step(usurper)

    def test_a_message_to_another_node_is_a_bug(self) -> None:
        """The transport delivers to whom it is addressed."""
        cluster = Cluster(3)

        with pytest.raises(AssertionError):
            cluster[1].core.step(Heartbeat(NodeId(2), NodeId(3), Term(1), Index(0), 0))


class TestLoss:
    def test_acknowledged_entries_that_are_gone_are_loss(self) -> None:
        """T12: the leader only names what this node acked; the node stops and says so."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.propose(1)
        cluster.settle()
        victim = cluster[2]
        victim.crash(applied_kept=0)
        del victim.disk.log[1:]
        victim.disk.hard_state = HardState(Term(1), NodeId(1), Index(0))
        victim.start()
        cluster[1].tick(2)
        cluster[1].turn()

        with pytest.raises(CorruptionError, match="disk lost data"):
            cluster.deliver()


class TestPauses:
    def test_a_leader_that_slept_a_base_steps_down_first(self) -> None:
        """T83, T84: before it touches what waited; the pause may have elected another."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.settle()
        leader.core.tick(1, 10)

        assert leader.role is Role.FOLLOWER
        assert leader.core.propose(EntryKind.PAYOUTS, b"x", 0) == Refused(
            Reason.NO_LEADER, NO_NODE
        )
        ready = leader.core.ready()
        assert ready is not None
        assert ready.role_change is not None
        assert ready.role_change.cause is Cause.LAG

    def test_a_single_node_may_sleep(self) -> None:
        """Nobody else could have been elected."""
        cluster = Cluster(1)
        leader = cluster.elect(1)
        leader.core.tick(1, 500)

        assert leader.role is Role.LEADER

    def test_a_follower_counts_one_missed_tick(self) -> None:
        """T83: its own pause is no evidence against the leader."""
        cluster = Cluster(3)
        cluster.elect(1)
        for _ in range(4):
            cluster[2].core.tick(1, 500)

        assert cluster[2].role is Role.FOLLOWER
        assert cluster[2].core._roles.timer.elapsed == 8


class TestApplyStopped:
    """A node that cannot apply on may vote and store, and nothing more. F26."""

    def test_a_leader_that_cannot_apply_steps_down(self) -> None:
        """It says why, and does not ask to lead again."""
        cluster = Cluster(3)
        cluster.elect(1)
        node = cluster[1]
        node.core.note(ApplyStopped(Index(9)))
        ready = node.core.ready()
        node.core.campaign()

        assert ready is not None
        assert ready.role_change is not None
        assert ready.role_change.role is Role.FOLLOWER
        assert ready.role_change.cause is Cause.APPLY_STOPPED
        assert node.role is Role.FOLLOWER

    def test_a_follower_that_cannot_apply_does_not_campaign(self) -> None:
        """Its timer runs on and asks for nothing; it still grants votes."""
        cluster = Cluster(3)
        cluster[3].core.note(ApplyStopped(Index(9)))
        for _ in range(100):
            cluster[3].core.tick()

        assert cluster[3].role is Role.FOLLOWER
        assert cluster[3].core.ready() is None
        cluster.elect(1)
        assert cluster[3].core.status().leader == 1
