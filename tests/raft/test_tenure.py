"""Why a leader leaves or hands over: F4, F7, F8, F36 and priorities, each with its cause."""

from dataclasses import replace

import pytest

from ledgerd.errors import Reason
from ledgerd.raft.core import Refused
from ledgerd.raft.entries import EntryKind, NodeId, Role
from ledgerd.raft.facts import Capacity, LogWritten, PeerLost, PeerRefused
from ledgerd.raft.membership import Membership, NodeRecord
from ledgerd.raft.messages import AppendAccepted, AppendEntries, Message
from ledgerd.raft.ready import Cause
from tests.raft.harness import SMALL, Cluster, Node

BASE = SMALL.election_base_ticks
REST = 4 * BASE  # before a leader hands over of its own accord
OPTIONS = replace(
    SMALL,
    stall_ticks=BASE,
    recovery_ticks=10 * BASE,
    recovery_ticks_max=40 * BASE,
    priority_ticks=6 * BASE,
    free_bytes_min=1_000,
)
ALL = (1, 2, 3)


def led(priorities: dict[int, int] | None = None) -> tuple[Cluster, Node]:
    """Return a cluster at rest that node 1 leads."""
    ids = tuple(NodeId(n) for n in ALL)
    nodes = tuple(NodeRecord(n, priority=(priorities or {}).get(n, 0)) for n in ids)
    membership = Membership(ids, nodes=nodes if priorities else ())
    cluster = Cluster(3, options=OPTIONS, membership=membership)
    leader = cluster.elect(1)
    cluster.tick(BASE)
    return cluster, leader


def step_downs(cluster: Cluster, ticks: int) -> list[tuple[int, Cause | None]]:
    """Let time pass; return each node that stopped leading with its cause."""
    causes = []
    roles = {node.id: node.role for node in cluster.nodes.values()}
    for _ in range(ticks):
        cluster.tick()
        for node in cluster.nodes.values():
            if roles[node.id] is Role.LEADER and node.role is not Role.LEADER:
                causes.append((int(node.id), node.core._roles.cause))
            roles[node.id] = node.role
    return causes


def stall(node: Node) -> None:
    node.core.note(LogWritten(BASE))


class TestSlow:
    def test_a_slow_leader_hands_over_to_a_fit_voter(self) -> None:
        """F8, T49: without an election timeout, and the cause is the disk."""
        cluster, leader = led()
        stall(leader)
        stall(cluster[2])
        cluster.tick(OPTIONS.heartbeat_ticks)
        before = step_downs(cluster, REST + BASE)

        assert [node_id for node_id, _ in before] == [1]
        assert cluster.leaders == [3]
        assert "3->2 PreVote" not in "\n".join(cluster.trace)

    def test_if_all_are_slow_one_leads_all_the_same(self) -> None:
        """F8: nobody takes turns, and an election still finds a leader."""
        cluster, _ = led()
        for node in cluster.nodes.values():
            stall(node)
        assert step_downs(cluster, 8 * BASE) == []
        assert cluster.leaders == [1]

        cluster[1].crash()
        cluster.tick(5 * BASE)
        assert len(cluster.leaders) == 1

    def test_a_slow_follower_lets_others_go_first(self) -> None:
        """F8: two extra bases; whoever is fit has long been elected by then."""
        cluster, _ = led()
        stall(cluster[2])
        cluster[1].crash()
        cluster.tick(2 * BASE + 2)

        assert cluster.leaders == [3]

    def test_a_slow_follower_alone_waits_longer(self) -> None:
        """Its timer fires later by two bases, and not never."""
        cluster, _ = led()
        cluster.isolate(2)
        stall(cluster[2])
        cluster.tick(3 * BASE)
        assert cluster[2].role is Role.FOLLOWER
        cluster.tick(BASE + 1)
        assert cluster[2].role is Role.PRE_CANDIDATE

    def test_what_is_not_known_of_a_peer_is_not_taken_for_fit(self) -> None:
        """Two slow nodes would hand the leadership to each other for ever."""
        cluster, leader = led()
        for node_id in ALL:
            stall(cluster[node_id])
        leader.core.transfer(NodeId(2))
        cluster.settle()
        assert cluster.leaders == [2]

        assert step_downs(cluster, 10 * BASE) == []


class TestLag:
    def test_a_leader_that_slept_a_base_names_lag_and_is_slow(self) -> None:
        """T71, T83: it steps down, and lets others lead until it has been well for a while."""
        _, leader = led()
        leader.core.tick(1, BASE)
        leader.turn()

        assert leader.core._roles.cause is Cause.LAG
        assert leader.core.status().is_slow


class TestStuck:
    def deaf(self, message: Message) -> bool:
        """Whether the message may pass: nothing that moves a log does."""
        return not isinstance(message, AppendEntries | AppendAccepted)

    def stuck(self, ticks: int) -> Cluster:
        """Return a cluster whose leader proposed something that nobody acknowledged so long."""
        cluster, leader = led()
        cluster.propose(1)
        for _ in range(ticks):
            for node in cluster.nodes.values():
                node.tick()
            for _ in range(6):
                for node in cluster.nodes.values():
                    node.turn()
                cluster.in_flight = type(cluster.in_flight)(
                    m for m in cluster.in_flight if self.deaf(m)
                )
                cluster.deliver()
        assert leader.role is not Role.LEADER or ticks < 2 * BASE
        return cluster

    def test_a_leader_whose_commit_is_stuck_resigns_and_waits(self) -> None:
        """F7: a quorum answers heartbeats, nothing commits; somebody else shall try."""
        cluster = self.stuck(3 * BASE)

        assert cluster[1].core._roles.cause is Cause.STUCK
        timer = cluster[1].core._roles.timer
        assert timer.timeout > 2 * BASE  # one base more than it would otherwise wait

    def test_not_before_two_bases(self) -> None:
        """F7: a slow write is no reason."""
        cluster = self.stuck(2 * BASE - 2)

        assert cluster.leaders == [1]

    def test_an_idle_leader_is_not_stuck(self) -> None:
        """Nothing to commit is not the same as nothing commits."""
        cluster, _ = led()

        assert step_downs(cluster, 8 * BASE) == []

    def test_a_peer_that_is_being_brought_up_is_progress(self) -> None:
        """A long catch-up would begin anew under every new leader."""
        cluster, leader = led()
        cluster.isolate(2, 3)
        for _ in range(40):
            cluster.propose(1)
        leader.turn()
        cluster.heal()
        cluster[3].crash()
        leader.core.note(PeerLost(NodeId(2)))
        tenure = leader.core._tenure
        for match in range(1, 30):
            leader.core._roles.leadership.peers[NodeId(2)].match += 1  # type: ignore[union-attr]
            tenure._count_stuck(leader.core._roles.leadership, BASE)  # type: ignore[arg-type]
            assert tenure._stuck_ticks == 0, match


class TestSuspicion:
    def test_a_refused_reconnect_starts_an_election_within_a_heartbeat(self) -> None:
        """F4: both followers lost it the same way, so neither is bound by it any more."""
        cluster, leader = led()
        leader.crash()
        for node_id in (2, 3):
            cluster[node_id].core.note(PeerRefused(NodeId(1)))
            timer = cluster[node_id].core._roles.timer
            assert timer.timeout <= OPTIONS.heartbeat_ticks
            timer.timeout = node_id - 1  # a draw without a split vote
        cluster.tick(OPTIONS.heartbeat_ticks)

        assert len(cluster.leaders) == 1

    def test_one_suspicion_alone_deposes_nobody(self) -> None:
        """F4, F3: stickiness is waived only by a voter that lost the leader the same way."""
        cluster, leader = led()
        cluster[2].core.note(PeerRefused(NodeId(1)))
        cluster.tick(3 * BASE)

        assert cluster.leaders == [1]
        assert leader.core.status().term == 1

    def test_a_leader_that_is_heard_is_not_suspected_any_more(self) -> None:
        """It lives; the timer is a full one again."""
        cluster, _ = led()
        cluster[2].core.note(PeerRefused(NodeId(1)))
        assert cluster[2].core._roles.is_suspecting
        cluster[1].tick(OPTIONS.heartbeat_ticks)
        cluster.settle()

        assert not cluster[2].core._roles.is_suspecting
        assert cluster[2].core._roles.timer.timeout > BASE

    def test_the_next_leader_gets_a_whole_timeout(self) -> None:
        """A hurried timer that outlives the suspicion would trouble the new leader's term."""
        cluster, leader = led()
        leader.crash()
        cluster[3].core.note(PeerRefused(NodeId(1)))
        cluster[2].core.forget_leader()
        cluster.elect(2)

        assert cluster[3].core.status().leader == 2
        assert not cluster[3].core._roles.is_suspecting
        assert cluster[3].core._roles.timer.timeout > BASE

    def test_a_follower_that_nobody_listens_at_changes_nothing(self) -> None:
        """Only the leader's silence matters."""
        cluster, _ = led()
        timeout = cluster[2].core._roles.timer.timeout
        cluster[2].core.note(PeerRefused(NodeId(3)))

        assert cluster[2].core._roles.timer.timeout == timeout

    def test_it_can_be_switched_off(self) -> None:
        """The WAN profile: a refused reconnect is too cheap to be believed there."""
        cluster = Cluster(3, options=replace(OPTIONS, is_suspicion_quick=False))
        cluster.elect(1)
        cluster[2].core.note(PeerRefused(NodeId(1)))

        assert not cluster[2].core._roles.is_suspecting


class TestRoom:
    def verdict(self, node: Node, kind: EntryKind = EntryKind.PAYOUTS) -> Reason | None:
        said = node.core.propose(kind, b"x", 0)
        return said.reason if isinstance(said, Refused) else None

    def told(self, cluster: Cluster, free: dict[int, int]) -> None:
        for node_id, free_bytes in free.items():
            cluster[node_id].core.note(Capacity(free_bytes))
        cluster.tick(OPTIONS.heartbeat_ticks)

    @pytest.mark.parametrize(
        ("free", "expected"),
        [
            ({1: 5_000, 2: 5_000, 3: 5_000}, None),
            ({1: 5_000, 2: 5_000, 3: 0}, None),
            ({1: 5_000, 2: 0, 3: 0}, Reason.NO_SPACE),
            ({1: 0, 2: 0, 3: 0}, Reason.NO_SPACE),
            ({2: 0}, None),
        ],
    )
    def test_commands_need_a_quorum_with_room(
        self, free: dict[int, int], expected: Reason | None
    ) -> None:
        """F36, T91: refused as never logged, and accepted while a quorum has room."""
        cluster, leader = led()
        self.told(cluster, free)
        last = leader.core.status().last

        assert self.verdict(leader) is expected
        assert leader.core.status().last == last + (expected is None)

    def test_everything_but_commands_goes_on(self) -> None:
        """F36: reads, changes of the membership, versions."""
        cluster, leader = led()
        self.told(cluster, {1: 0, 2: 0, 3: 0})

        assert self.verdict(leader, EntryKind.VERSION) is None
        ticket = leader.core.read()
        cluster.settle()
        assert ticket in leader.reads

    def test_it_accepts_again_once_there_is_room(self) -> None:
        """F36: without a restart, from the next report on."""
        cluster, leader = led()
        self.told(cluster, {1: 0, 2: 0, 3: 0})
        self.told(cluster, {1: 1_000, 2: 1_000})

        assert self.verdict(leader) is None

    def test_a_leader_low_on_room_hands_over(self) -> None:
        """F36: to one that has room, with its cause."""
        cluster, _ = led()
        self.told(cluster, {1: 0, 2: 999, 3: 1_000})
        causes = step_downs(cluster, REST + BASE)

        assert cluster.leaders == [3]
        assert [node_id for node_id, _ in causes] == [1]


class TestPriority:
    def test_a_voter_of_higher_priority_takes_over_when_it_has_caught_up(self) -> None:
        """L1: after the time of the options, not before."""
        cluster, _ = led({1: 1, 2: 1, 3: 5})
        cluster.tick(OPTIONS.priority_ticks - BASE - 2)
        assert cluster.leaders == [1]
        cluster.tick(BASE)

        assert cluster.leaders == [3]
        assert step_downs(cluster, 10 * BASE) == []

    def test_equal_priorities_leave_the_leader_where_it_is(self) -> None:
        """Nobody moves without a reason."""
        cluster, _ = led({1: 1, 2: 1, 3: 1})

        assert step_downs(cluster, 10 * BASE) == []

    def test_a_slow_voter_is_not_preferred(self) -> None:
        """Fitness counts more than priority."""
        cluster, _ = led({1: 1, 2: 1, 3: 5})
        stall(cluster[3])

        assert step_downs(cluster, 8 * BASE) == []

    def test_a_voter_that_lags_is_not_preferred(self) -> None:
        """It would be waited for with the writes fenced."""
        cluster, _ = led({1: 1, 2: 1, 3: 5})
        cluster.isolate(3)
        cluster.propose(1)
        cluster.settle()

        assert step_downs(cluster, 10 * BASE) == []

    def test_priority_never_refuses_a_vote(self) -> None:
        """L1: the node of lowest priority is elected if it is what is left."""
        cluster, _ = led({1: 9, 2: 9, 3: 1})
        cluster[1].crash()
        cluster[3].core.campaign()
        cluster.tick(3 * BASE)
        cluster[2].core.forget_leader()
        cluster[3].core.campaign()
        cluster.settle()

        assert 3 in cluster.leaders or 2 in cluster.leaders
        assert any(line.startswith("2->3 PreVoteReply") for line in cluster.trace)
