"""Raft paper, 5.5 and 5.6: follower and candidate crashes, timing and availability.

"If a follower or candidate crashes, then future RequestVote and AppendEntries RPCs sent to it will
fail. Raft handles these failures by retrying indefinitely ... Raft RPCs are idempotent."
"broadcastTime << electionTimeout << MTBF"
"""

import pytest

from ledgerd.raft.entries import Role
from ledgerd.raft.messages import AppendAccepted, AppendEntries, RequestVoteReply
from ledgerd.raft.options import Options
from tests.raft.harness import SMALL, Cluster


def test_5_5_a_crashed_follower_is_retried_until_it_answers() -> None:
    """However long it is away, it has everything soon after it is back."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster[3].crash()
    for n in range(20):
        cluster.propose(1, f"{n}".encode())
        cluster.tick()
    assert cluster[1].commit == 21
    cluster[3].start()
    cluster.tick(3 * SMALL.heartbeat_ticks)

    assert cluster[3].terms() == cluster[1].terms()
    assert cluster[3].commit == 21


def test_5_5_a_crashed_candidate_is_forgotten() -> None:
    """Its votes bind nobody beyond its term; another is elected."""
    cluster = Cluster(3)
    cluster[1].core.campaign()
    cluster[1].turn()
    cluster.deliver()
    for node in (cluster[2], cluster[3]):
        node.turn()
    cluster[1].crash()
    cluster.deliver()
    cluster.tick(2 * SMALL.election_base_ticks + 2)

    assert len(cluster.leaders) == 1
    assert cluster.leaders != [1]


@pytest.mark.parametrize("lost", [AppendAccepted, RequestVoteReply])
def test_5_5_a_lost_reply_is_harmless(lost: type) -> None:
    """The request has been carried out; when it is repeated, the answer is the same."""
    cluster = Cluster(3)
    cluster[1].core.campaign()
    lose_next = {2, 3}
    for _ in range(40):
        for node in cluster.nodes.values():
            node.turn()
        for message in list(cluster.in_flight):
            if type(message) is lost and message.sender in lose_next:
                cluster.in_flight.remove(message)
                lose_next.discard(message.sender)
        cluster.deliver()
        cluster[1].tick()
    cluster.settle()

    assert not lose_next
    assert len(cluster.leaders) == 1
    leader = cluster[cluster.leaders[0]]
    assert all(node.commit == leader.commit >= 1 for node in cluster.nodes.values())


def test_5_5_a_repeated_request_changes_nothing() -> None:
    """An append that arrives three times leaves one copy, and the same acknowledgement."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.propose(1, b"once")
    cluster[1].turn()
    (append,) = [
        m for m in cluster.in_flight if isinstance(m, AppendEntries) and m.to == 2
    ]
    for _ in range(3):
        cluster[2].core.step(append)
    cluster[2].turn()

    acks = [m for m in cluster.in_flight if isinstance(m, AppendAccepted)]
    assert [ack.match for ack in acks] == [2, 2, 2]
    assert cluster[2].terms() == [1, 1]


def test_5_6_no_election_while_messages_arrive_within_the_timeout() -> None:
    """A steady leader needs heartbeats only, as long as they are much quicker than timeouts."""
    cluster = Cluster(5)
    cluster.elect(1)
    term = cluster[1].term
    cluster.tick(50 * SMALL.election_base_ticks)

    assert cluster.leaders == [1]
    assert {node.term for node in cluster.nodes.values()} == {term}


def test_5_6_messages_slower_than_the_timeout_elect_again_and_again() -> None:
    """The other side of the inequality: a timeout below the round trip gives no steady leader."""
    cluster = Cluster(3, options=Options(election_base_ticks=3, heartbeat_ticks=1))
    cluster.elect(1)
    first = cluster[1].term
    for _ in range(60):  # a message needs eight ticks from node to node
        for _ in range(8):
            for node in cluster.nodes.values():
                node.tick()
                node.turn()
        cluster.deliver()

    assert max(node.term for node in cluster.nodes.values()) > first


def test_5_6_a_dead_leader_is_replaced_within_a_few_timeouts() -> None:
    """Unavailability is bounded by the election timeout, not by anything larger."""
    for seed in range(20):
        cluster = Cluster(5, seed=seed)
        cluster.elect(1)
        cluster[1].crash()
        cluster.tick(5 * 2 * SMALL.election_base_ticks)

        assert len(cluster.leaders) == 1, seed
        assert cluster[cluster.leaders[0]].role is Role.LEADER
