"""Entries go to the quickest quorum at once and to the others with the tick. `raft/thrift.py`."""

from dataclasses import replace

from ledgerd.raft.changes import Op, OpKind, Simple
from ledgerd.raft.entries import NO_NODE, EntryKind, Index, NodeId, Role
from ledgerd.raft.facts import HoldingBack, PeerLost
from ledgerd.raft.membership import Membership, NodeRecord
from ledgerd.raft.messages import AppendEntries, HeartbeatReply, Message
from ledgerd.raft.options import Options
from ledgerd.raft.ready import Proposed, Transferring
from ledgerd.raft.thrift import Thrift
from tests.raft.harness import Cluster, Node

HELD_BYTES_MAX = 1_000
BASE, HEARTBEAT = 10, 2
THRIFTY = Options(
    election_base_ticks=BASE,
    heartbeat_ticks=HEARTBEAT,
    is_commit_told_by_tick=True,
    held_back_bytes_max=HELD_BYTES_MAX,
    priority_ticks=6 * BASE,
)


def led(size: int = 3, membership: Membership | None = None) -> tuple[Cluster, Node]:
    """Return a cluster at rest that node 1 leads; the first of its peers were the quickest."""
    cluster = Cluster(size, options=THRIFTY, membership=membership)
    leader = cluster.elect(1)
    cluster.tick()
    return cluster, leader


def preferring(node_id: int) -> Membership:
    """Return a membership of three in which this node should lead."""
    ids = (NodeId(1), NodeId(2), NodeId(3))
    records = [NodeRecord(n, priority=5 if n == node_id else 1) for n in ids]
    return Membership(ids, nodes=tuple(records))


def recipients(cluster: Cluster, payload: bytes = b"x") -> set[int]:
    """Propose, and return whom the entry is sent to before anything else happens."""
    proposed = cluster.propose(1, payload)
    cluster[1].turn()
    return {
        m.to
        for m in cluster.in_flight
        if isinstance(m, AppendEntries)
        and any(entry.index == proposed.id.index for entry in m.entries)
    }


def durable(cluster: Cluster) -> list[int]:
    """Return how far each node's log goes."""
    return [node.disk.last_index() for node in cluster.nodes.values()]


class TestHolding:
    def test_an_entry_goes_to_the_quorum_that_acked_first(self) -> None:
        """It commits all the same, by the same rule. 5.3, 5.4.2."""
        cluster, leader = led()

        assert recipients(cluster) == {2}
        cluster.settle()
        assert leader.commit == leader.disk.last_index()
        assert durable(cluster) == [2, 2, 1]

    def test_the_tick_brings_what_was_held_back_in_one_append(self) -> None:
        cluster, leader = led()
        for _ in range(5):
            cluster.propose(1)
            cluster.settle()
        leader.tick()
        leader.turn()
        held = [m for m in cluster.in_flight if isinstance(m, AppendEntries)]
        cluster.settle()

        assert [(m.to, len(m.entries)) for m in held if m.entries] == [(3, 5)]
        assert durable(cluster) == [6, 6, 6]
        assert {node.commit for node in cluster.nodes.values()} == {6}

    def test_more_bytes_than_the_bound_go_to_everybody(self) -> None:
        cluster, _ = led()

        assert recipients(cluster, bytes(HELD_BYTES_MAX + 1)) == {2, 3}
        cluster.settle()
        assert recipients(cluster) == {2}, "and then it begins anew"

    def test_what_waits_counts_towards_the_bound(self) -> None:
        cluster, _ = led()
        payload = bytes(HELD_BYTES_MAX // 3)
        sent = []
        for _ in range(4):
            sent.append(recipients(cluster, payload))
            cluster.settle()

        assert sent[0] == {2}
        assert {2, 3} in sent[1:]
        assert cluster[3].disk.last_index() > 2

    def test_a_bound_of_nothing_holds_nothing_back(self) -> None:
        cluster = Cluster(3, options=replace(THRIFTY, held_back_bytes_max=0))
        cluster.elect(1)
        cluster.tick()

        assert recipients(cluster) == {2, 3}

    def test_the_shell_says_whether_it_is_worth_it(self) -> None:
        """A core built anew is told again (`RaftCore.facts`)."""
        cluster, leader = led()
        leader.core.note(HoldingBack(False))
        assert recipients(cluster) == {2, 3}
        assert HoldingBack(False) in leader.core.facts
        cluster.settle()
        leader.core.note(HoldingBack(True))

        assert recipients(cluster) == {2}

    def test_what_is_held_back_when_it_is_switched_off_goes_with_the_next_entry(
        self,
    ) -> None:
        cluster, leader = led()
        cluster.propose(1)
        cluster.settle()
        leader.core.note(HoldingBack(False))
        cluster.settle()
        assert durable(cluster) == [2, 2, 1], "a switch sends nothing by itself"

        assert recipients(cluster) == {2, 3}
        cluster.settle()
        assert durable(cluster) == [3, 3, 3]

    def test_of_five_voters_two_get_entries_at_once(self) -> None:
        cluster, leader = led(5)

        assert recipients(cluster) == {2, 3}
        cluster.settle()
        assert leader.commit == 2

    def test_a_learner_gets_them_with_the_tick(self) -> None:
        members = Membership((NodeId(1), NodeId(2), NodeId(3)), learners=(NodeId(4),))
        cluster, _ = led(4, members)

        assert recipients(cluster) == {2}
        cluster.tick()
        assert durable(cluster) == [2, 2, 2, 2]

    def test_both_halves_of_a_joint_membership_are_served(self) -> None:
        """A quorum of each is needed, so it is a quorum of each that is chosen."""
        members = Membership(
            (NodeId(1), NodeId(2), NodeId(3)),
            outgoing=(NodeId(1), NodeId(4), NodeId(5)),
        )
        cluster, leader = led(5, members)

        assert recipients(cluster) == {2, 3, 4}
        cluster.settle()
        assert leader.commit == 2

    def test_a_peer_that_catches_up_is_not_kept_waiting(self) -> None:
        """Only what is new is held back; what it missed flows from ack to ack."""
        options = replace(THRIFTY, window_messages=1, append_bytes_max=1)
        cluster = Cluster(3, options=options)
        cluster.elect(1)
        cluster.tick()
        cluster.isolate(3)
        for _ in range(8):
            cluster.propose(1)
            cluster.settle()
        cluster.tick()
        cluster.heal()
        cluster[1].core.note(PeerLost(NodeId(3)))
        cluster.tick()

        assert durable(cluster) == [9, 9, 9]

    def test_the_answer_to_a_heartbeat_fetches_nothing_that_is_held_back(self) -> None:
        """F14 is for what was lost, and what is held back was not sent."""
        cluster, leader = led()
        leader.tick(HEARTBEAT)
        leader.turn()
        cluster.propose(1)
        leader.turn()
        for _ in range(4):  # what is on the way, there and back
            cluster.deliver(lambda m: m.to == 3 or isinstance(m, HeartbeatReply))
            cluster[3].turn()
        leader.turn()

        assert leader.core.status().peers[1].is_active, "its answer came"
        assert {m.to for m in cluster.in_flight if isinstance(m, AppendEntries)} == {2}
        assert durable(cluster) == [2, 1, 1]


class TestChoosing:
    def test_when_the_chosen_falls_silent_the_tick_chooses_another(self) -> None:
        """Nothing is told of a hung peer; an entry waits for one tick."""
        cluster, leader = led()
        cluster.isolate(2)
        assert recipients(cluster) == {2}
        cluster.settle()
        assert leader.commit == 1
        leader.tick()
        cluster.settle()

        assert leader.commit == 2
        assert recipients(cluster) == {3}

    def test_when_the_chosen_is_lost_nothing_waits(self) -> None:
        """F4: a killed follower costs no tick."""
        cluster, leader = led()
        cluster.isolate(2)
        cluster.propose(1)
        cluster.settle()
        leader.core.note(PeerLost(NodeId(2)))
        cluster.settle()

        assert leader.commit == 2
        assert recipients(cluster) == {3}

    def test_a_quicker_peer_is_found_within_an_election_base(self) -> None:
        """A fair race: the next entry after it goes to everybody."""
        cluster, leader = led()
        for _ in range(BASE):
            leader.tick()
            cluster.settle()
        assert recipients(cluster) == {2, 3}

        def not_to_two(message: Message) -> bool:
            return message.to != 2

        cluster.deliver(not_to_two)
        cluster[3].turn()
        cluster.deliver(not_to_two)
        leader.turn()
        assert leader.commit == leader.disk.last_index()
        cluster.settle()

        assert recipients(cluster) == {3}

    def test_a_leader_whose_own_write_hangs_commits_with_both_others(self) -> None:
        """F18: they are the quorum then, so both get all entries at once."""
        cluster, leader = led()
        cluster.propose(1)
        leader.take()  # and no sync

        def others() -> None:
            for _ in range(4):
                cluster.deliver()
                for node in (cluster[2], cluster[3]):
                    node.turn()

        others()
        leader.tick()
        leader.take()
        others()
        assert leader.commit == 2
        cluster.propose(1)
        leader.take()
        sent = [m for m in cluster.in_flight if isinstance(m, AppendEntries)]

        assert {m.to for m in sent if m.entries} == {2, 3}

    def test_a_fair_race_takes_the_place_of_one_under_way(self) -> None:
        """Where something is under way at each tick, each fair race would be lost to another."""
        thrift = Thrift(HELD_BYTES_MAX, Index(1))
        thrift.appended(10)
        thrift.went_to_all(Index(1), Index(0), is_fair=False)
        thrift.race_soon()
        thrift.appended(10)
        assert not thrift.may_hold
        thrift.went_to_all(Index(2), Index(0), is_fair=True)
        thrift.appended(10)
        thrift.went_to_all(Index(3), Index(0), is_fair=True)

        assert not thrift.is_decided(Index(1))
        assert thrift.is_decided(Index(2)), "and nothing takes its own"

    def test_a_new_membership_begins_with_everybody(self) -> None:
        thrift = Thrift(HELD_BYTES_MAX, Index(1))
        thrift.appended(10)
        thrift.went_to_all(Index(1), Index(0), is_fair=True)
        assert thrift.is_decided(Index(1))
        thrift.decide([(NodeId(2), Index(1)), (NodeId(3), Index(0))])
        assert thrift.quickest == {2}
        assert thrift.may_hold
        thrift.forget()

        assert not thrift.may_hold
        assert not thrift.is_decided(Index(9)), "the race was one of other members"


class TestWhoWaits:
    def test_a_read_at_who_is_held_back_waits_for_no_tick(self) -> None:
        """F11: it needs what was committed when it came."""
        cluster, _ = led()
        cluster.propose(1)
        cluster.settle()
        ticket = cluster[3].core.read()
        cluster.settle()

        assert cluster[3].reads == {ticket: 2}
        assert len(cluster[3].applied) == 2

    def test_a_transfer_to_who_is_held_back_waits_for_no_tick(self) -> None:
        """F5: proposals are refused until it leads."""
        cluster, leader = led()
        cluster.propose(1)
        cluster.settle()
        assert isinstance(leader.core.transfer(NodeId(3)), Transferring)
        cluster.settle()

        assert cluster.leaders == [3]

    def test_who_is_held_back_hears_of_its_own_removal(self) -> None:
        """Held back, the entry would be committed, and the node no peer any more, before a tick."""
        cluster, leader = led()
        assert recipients(cluster) == {2}
        removal = Simple((Op(OpKind.REMOVE, NodeId(3)),))
        assert isinstance(leader.core.change(removal), Proposed)
        cluster.settle()

        assert cluster[3].membership.voters == (1, 2)
        cluster.tick(4 * BASE)
        assert cluster[3].role is Role.FOLLOWER
        assert cluster.leaders == [1]

    def test_who_is_held_back_takes_over_under_load(self) -> None:
        """L1: at each tick it lacks what was committed since the last one; that is no lag."""
        cluster, _ = led(membership=preferring(3))
        for _ in range(BASE + THRIFTY.priority_ticks):
            for _ in range(2):  # or all have the only one whenever it is a fair race
                cluster.propose(1)
                cluster.settle()
            assert cluster[3].disk.last_index() < cluster[1].disk.last_index()
            cluster.tick()
            if cluster.leaders != [1]:
                break

        assert cluster.leaders == [3]

    def test_who_is_held_back_and_silent_is_not_preferred(self) -> None:
        """It would be waited for with the writes fenced."""
        cluster, leader = led(membership=preferring(3))
        cluster.tick(THRIFTY.priority_ticks - BASE)
        cluster.isolate(3)
        for _ in range(2 * BASE):
            cluster.propose(1)
            cluster.tick()
            assert leader.core.status().transferring == NO_NODE

    def test_who_was_held_back_does_not_lead_before_it_has_all(self) -> None:
        """5.4.1: after the leader's end the other one wins, and nothing committed is lost."""
        cluster, leader = led()
        cluster.propose(1)
        cluster.settle()
        assert durable(cluster) == [2, 2, 1]
        leader.crash()
        for _ in range(6 * BASE):
            for node in (cluster[3], cluster[2]):
                node.tick()
                cluster.settle()

        assert cluster.leaders == [2]
        assert durable(cluster)[1:] == [3, 3]
        assert cluster[3].applied[1].kind is EntryKind.PAYOUTS
