"""ReadIndex between cores: positions, quorums, waiting, asking again, giving up."""

from ledgerd.errors import Reason
from ledgerd.raft.core import Refused
from ledgerd.raft.entries import NO_NODE, Index, NodeId, Role, Term
from ledgerd.raft.messages import (
    Heartbeat,
    HeartbeatReply,
    ReadIndexReply,
    ReadIndexRequest,
)
from ledgerd.raft.ready import ReadTicket
from tests.raft.harness import Cluster, Node


def read(node: Node) -> ReadTicket:
    """Register a read, which must not be refused."""
    ticket = node.core.read()
    assert not isinstance(ticket, Refused), ticket
    return ticket


class TestLeader:
    def test_reads_that_wait_together_cost_one_round(self) -> None:
        """F10: 1,000 reads, one position, one heartbeat to each peer."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.trace.clear()
        tickets = [read(leader) for _ in range(1000)]
        cluster.settle()

        assert leader.reads == dict.fromkeys(tickets, 1)
        assert len(cluster.trace) == 4

    def test_a_read_needs_a_quorum(self) -> None:
        """Thesis 6.4: a leader that was cut off cannot know that it still leads."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.isolate(1)
        ticket = read(leader)
        cluster.settle()
        assert ticket not in leader.reads

        cluster.heal()
        cluster.tick(2)
        assert leader.reads[ticket] == 1

    def test_a_read_is_not_served_before_the_first_commit_of_the_term(self) -> None:
        """T44: until then the leader's commit index may be behind what was answered."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.propose(1)
        cluster[1].turn()
        cluster.deliver()
        for node in (2, 3):
            cluster[node].turn()
        cluster.deliver()
        cluster[1].turn()  # committed, answered at node 1; nobody else knows
        cluster.in_flight.clear()
        assert (cluster[1].commit, cluster[2].commit) == (2, 1)

        cluster[1].crash()
        cluster[3].tick(10)
        cluster[2].core.campaign()
        for _ in range(4):
            for node in (2, 3):
                cluster[node].turn()
            cluster.deliver()
        leader = cluster[2]
        assert leader.role is Role.LEADER
        ticket = read(leader)
        leader.take()

        assert not any(
            isinstance(m, Heartbeat) and m.read_position for m in cluster.in_flight
        )
        cluster.tick(4)
        assert leader.reads[ticket] >= 2

    def test_positions_are_made_by_the_leader_and_never_reused(self) -> None:
        """T45: an old echo confirms no newer read, also when the read waits long."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        first = read(leader)
        leader.turn()
        cluster.in_flight.clear()
        second = read(leader)
        leader.turn()
        beats = [m for m in cluster.in_flight if isinstance(m, Heartbeat)]
        echo = HeartbeatReply(NodeId(2), NodeId(1), Term(1), 1, Index(1))
        leader.core.step(echo)
        leader.turn()

        assert {beat.read_position for beat in beats} == {2}
        assert first in leader.reads
        assert second not in leader.reads

    def test_an_echo_of_a_later_position_confirms_the_earlier(self) -> None:
        """F10: acks keep the maximum."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        first = read(leader)
        leader.turn()
        second = read(leader)
        leader.turn()
        leader.core.step(HeartbeatReply(NodeId(2), NodeId(1), Term(1), 2, Index(1)))
        leader.turn()

        assert {first, second} <= set(leader.reads)

    def test_only_voters_confirm(self) -> None:
        """T46: a stranger's echo does not count."""
        cluster = Cluster(5)
        leader = cluster.elect(1)
        ticket = read(leader)
        leader.turn()
        for stranger in (8, 9):
            leader.core.step(
                HeartbeatReply(NodeId(stranger), NodeId(1), Term(1), 1, Index(1))
            )
        leader.turn()

        assert ticket not in leader.reads

    def test_a_single_node_confirms_itself(self) -> None:
        """A quorum of one is there at once."""
        cluster = Cluster(1)
        leader = cluster.elect(1)
        ticket = read(leader)
        leader.turn()

        assert leader.reads == {ticket: 1}

    def test_a_deposed_leader_confirms_nothing(self) -> None:
        """Thesis 6.4: the round that finds a newer term confirms no read of the older."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.isolate(1)
        ticket = read(leader)
        leader.turn()
        cluster.tick(25)
        cluster.heal()
        cluster.tick(2)
        (new,) = cluster.leaders

        assert new != 1
        cluster.tick(8)
        # It was not confirmed by the old round: its index is of the new leader's making.
        assert leader.reads[ticket] == cluster[new].commit


class TestFollower:
    def test_a_follower_asks_its_leader(self) -> None:
        """F11: the leader confirms, the follower answers from its own state."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.propose(1)
        cluster.settle()
        ticket = read(cluster[3])
        cluster.settle()

        assert cluster[3].reads == {ticket: 2}

    def test_a_lost_request_is_sent_again_under_a_new_position(self) -> None:
        """F11, T45."""
        cluster = Cluster(3)
        cluster.elect(1)
        follower = cluster[3]
        ticket = read(follower)
        follower.turn()
        (lost,) = [m for m in cluster.in_flight if isinstance(m, ReadIndexRequest)]
        cluster.in_flight.clear()
        cluster.tick(3)
        assert ticket not in follower.reads
        follower.tick(1)
        follower.turn()
        (again,) = [m for m in cluster.in_flight if isinstance(m, ReadIndexRequest)]

        assert again.position == lost.position + 1
        cluster.settle()
        assert follower.reads == {ticket: 1}

    def test_a_round_trip_longer_than_a_retry_is_no_reason_to_wait_for_ever(
        self,
    ) -> None:
        """Seed 689: each answer came to a position that had been asked again meanwhile."""
        cluster = Cluster(3)
        cluster.elect(1)
        follower = cluster[3]
        ticket = read(follower)
        positions = []
        for _ in range(10):
            follower.turn()
            positions += [
                m.position for m in cluster.in_flight if isinstance(m, ReadIndexRequest)
            ]
            cluster.in_flight.clear()
            follower.tick(1)
        assert len(positions) > 1
        late = ReadIndexReply(NodeId(1), NodeId(3), Term(1), positions[0], Index(1))
        follower.core.step(late)
        follower.turn()

        assert follower.reads == {ticket: 1}

    def test_an_answer_to_the_node_before_its_crash_confirms_nothing(self) -> None:
        """T45: each incarnation numbers its requests from a place of its own."""
        cluster = Cluster(3)
        cluster.elect(1)
        follower = cluster[3]
        read(follower)
        follower.turn()
        (old,) = [m for m in cluster.in_flight if isinstance(m, ReadIndexRequest)]
        cluster.in_flight.clear()
        follower.restart()
        cluster.tick(2)
        ticket = read(follower)
        follower.turn()
        cluster.in_flight.clear()
        follower.core.step(
            ReadIndexReply(NodeId(1), NodeId(3), Term(1), old.position, Index(1))
        )
        follower.turn()

        assert ticket not in follower.reads

    def test_reads_move_to_a_new_leader(self) -> None:
        """A read that waits when its leader dies is confirmed by the next one."""
        cluster = Cluster(3)
        cluster.elect(1)
        ticket = read(cluster[3])
        cluster[3].turn()
        cluster[1].crash()
        cluster[2].tick(30)
        cluster[3].tick(12)
        cluster.settle()
        cluster.tick(4)

        assert cluster.leaders
        assert cluster[3].reads[ticket] == 2

    def test_without_a_leader_a_read_is_refused(self) -> None:
        """It is definite: nothing waits."""
        cluster = Cluster(3)

        assert cluster[1].core.read() == Refused(Reason.NO_LEADER, NO_NODE)

    def test_a_read_that_nobody_can_confirm_is_given_up(self) -> None:
        """Two bases without a leader: the caller may ask elsewhere."""
        cluster = Cluster(3)
        cluster.elect(1)
        follower = cluster[3]
        cluster.isolate(3)
        ticket = read(follower)
        cluster.tick(60)

        assert follower.failed_reads == [ticket]
        assert ticket not in follower.reads

    def test_reads_that_a_heard_leader_never_answers_do_not_pile_up(self) -> None:
        """A one-way cut: heartbeats arrive, requests do not. Each read ends in two bases."""
        cluster = Cluster(3)
        cluster.elect(1)
        follower = cluster[3]
        beat = Heartbeat(NodeId(1), NodeId(3), Term(1), Index(1), 0)
        base_ticks = 10
        for _ in range(20 * base_ticks):
            read(follower)
            follower.tick()
            follower.core.step(beat)
            follower.turn()
            cluster.in_flight.clear()

        assert follower.reads == {}
        assert len(follower.failed_reads) >= 18 * base_ticks

    def test_a_newer_request_answers_for_the_older(self) -> None:
        """The leader keeps one request a follower, so repeats cannot pile up."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        for position in (5, 7, 6):
            leader.core.step(ReadIndexRequest(NodeId(2), NodeId(1), Term(1), position))
        leader.turn()
        cluster.deliver(lambda m: isinstance(m, Heartbeat))
        cluster[3].turn()
        cluster.deliver(lambda m: m.sender == 3)
        leader.turn()
        replies = [m for m in cluster.in_flight if isinstance(m, ReadIndexReply)]

        assert [reply.position for reply in replies] == [7]
