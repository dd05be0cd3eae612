"""Raft paper, 5.2: leader election.

"Each server will vote for at most one candidate in a given term, on a first-come-first-served
basis." "Raft uses randomized election timeouts to ensure that split votes are rare."
"While waiting for votes, a candidate may receive an AppendEntries RPC from another server
claiming to be leader. If the leader's term is at least as large as the candidate's current term,
then the candidate recognizes the leader as legitimate and returns to follower state."
"""

import pytest

from ledgerd.raft.entries import (
    GENESIS,
    GENESIS_LINK,
    NO_NODE,
    HardState,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.messages import (
    AppendEntries,
    Heartbeat,
    Message,
    RequestVote,
    RequestVoteReply,
)
from tests.raft.harness import NO_RULES, Cluster


def request(sender: int, to: int, term: int) -> RequestVote:
    """Return a vote request of an empty log."""
    return RequestVote(NodeId(sender), NodeId(to), Term(term), GENESIS)


def replies(cluster: Cluster) -> list[bool]:
    """Return the votes in flight, and take them out."""
    found = [m for m in cluster.in_flight if isinstance(m, RequestVoteReply)]
    cluster.in_flight.clear()
    return [reply.granted for reply in found]


def test_servers_start_as_followers() -> None:
    """Paper 5.2: "When servers start up, they begin as followers."."""
    cluster = Cluster(3)

    assert all(node.role is Role.FOLLOWER for node in cluster.nodes.values())


def test_a_follower_that_hears_nothing_begins_an_election() -> None:
    """Paper 5.2: "If a follower receives no communication over ... the election timeout"."""
    cluster = Cluster(3, rules=NO_RULES)
    node = cluster[1]
    node.tick(10)
    assert node.role is Role.FOLLOWER
    node.tick(10)
    node.turn()

    assert (node.role, node.term) == (Role.CANDIDATE, 1)
    assert node.core.status().vote == 1
    sent = {m.to for m in cluster.in_flight if isinstance(m, RequestVote)}
    assert sent == {2, 3}


def test_heartbeats_keep_followers() -> None:
    """Paper 5.2: "Leaders send periodic heartbeats" to keep their authority."""
    cluster = Cluster(3)
    leader = cluster.elect(1)
    cluster.tick(200)

    assert cluster.leaders == [1]
    assert leader.term == 1


def test_a_leader_sends_heartbeats_every_interval() -> None:
    """Every two ticks here, to every peer."""
    cluster = Cluster(3)
    leader = cluster.elect(1)
    beats = []
    for _ in range(8):
        leader.tick()
        leader.turn()
        found = [m for m in cluster.in_flight if isinstance(m, Heartbeat)]
        cluster.in_flight.clear()
        beats.append(len(found))

    assert beats == [0, 2, 0, 2, 0, 2, 0, 2]


@pytest.mark.parametrize("rules", ["strict", "paper"])
def test_one_vote_a_term(rules: str) -> None:
    """First come, first served; the same candidate may ask again."""
    cluster = Cluster(3, rules=NO_RULES) if rules == "paper" else Cluster(3)
    for sender in (2, 3, 2):
        cluster[1].core.step(request(sender, 1, 1))
        cluster[1].turn()

    assert replies(cluster) == [True, False, True]


@pytest.mark.parametrize("is_synced", [True, False])
def test_one_vote_a_term_across_a_crash(is_synced: bool) -> None:
    """R1, T1: a vote that left is on disk; one that was not written never left."""
    cluster = Cluster(3)
    node = cluster[1]
    node.core.step(request(2, 1, 1))
    node.take()
    if is_synced:
        node.sync()
    granted_before = replies(cluster)
    node.restart()
    node.core.step(request(3, 1, 1))
    node.turn()

    assert granted_before == ([True] if is_synced else [])
    assert replies(cluster) == [not is_synced]


def test_a_candidate_with_a_majority_leads() -> None:
    """Paper 5.2: it wins "if it receives votes from a majority of the servers"."""
    cluster = Cluster(5)
    cluster.isolate(4, 5)
    leader = cluster.elect(1)

    assert leader.term == 1
    assert [cluster[n].core.status().leader for n in range(1, 6)] == [1, 1, 1, 0, 0]


def test_a_candidate_without_a_majority_does_not() -> None:
    """Paper 5.2: a majority "in the full cluster", not of those it hears."""
    cluster = Cluster(5, rules=NO_RULES)
    cluster.isolate(1, 2)
    cluster[1].core.campaign()
    cluster.settle()

    assert cluster[1].role is Role.CANDIDATE


@pytest.mark.parametrize("kind", ["append", "heartbeat"])
@pytest.mark.parametrize("ahead", [0, 1])
def test_a_candidate_returns_to_a_leader_of_its_term(kind: str, ahead: int) -> None:
    """Of its term or a newer one."""
    cluster = Cluster(3, rules=NO_RULES)
    node = cluster[1]
    node.core.campaign()
    node.turn()
    assert node.role is Role.CANDIDATE
    term = Term(node.term + ahead)
    message: Message = Heartbeat(NodeId(2), NodeId(1), term, Index(0), 0)
    if kind == "append":
        message = AppendEntries(
            NodeId(2), NodeId(1), term, GENESIS, GENESIS_LINK, (), Index(0), 1, 1
        )
    node.core.step(message)

    assert (node.role, node.core.status().leader) == (Role.FOLLOWER, 2)


def test_a_candidate_ignores_a_leader_of_an_older_term() -> None:
    """Paper 5.2: it "rejects the RPC and continues in candidate state"."""
    cluster = Cluster(3, rules=NO_RULES)
    node = cluster[1]
    node.core.campaign()
    node.turn()
    node.core.step(Heartbeat(NodeId(2), NodeId(1), Term(0), Index(0), 0))

    assert (node.role, node.term) == (Role.CANDIDATE, 1)


def test_a_split_vote_ends_in_a_new_election() -> None:
    """Paper 5.2: "each candidate will time out and start a new election"."""
    cluster = Cluster(4, rules=NO_RULES)
    for node_id in (1, 2):
        cluster[node_id].core.campaign()
        cluster[node_id].turn()
    cluster.deliver(lambda m: (m.sender, m.to) in {(1, 3), (2, 4), (1, 2), (2, 1)})
    for node_id in (1, 2, 3, 4):
        cluster[node_id].turn()
    cluster.settle()
    assert cluster.leaders == []

    cluster.tick(60)
    assert len(cluster.leaders) == 1
    assert cluster[1].term > 1


def test_timeouts_are_randomised() -> None:
    """Drawn anew at each change of role, and different on each node."""
    cluster = Cluster(5)
    timeouts = set()
    for node in cluster.nodes.values():
        for _ in range(20):
            timeouts.add(node.core._roles.timer.timeout)
            node.core.campaign()

    assert timeouts == set(range(11, 21))


def test_there_is_at_most_one_leader_in_a_term() -> None:
    """Election safety, over many elections that contend. R1."""
    leaders: dict[int, int] = {}
    for seed in range(20):
        cluster = Cluster(5, rules=NO_RULES, seed=seed)
        leaders.clear()
        for _ in range(60):
            cluster.tick()
            for node_id in cluster.leaders:
                term = cluster[node_id].term
                assert leaders.setdefault(term, node_id) == node_id

        assert leaders


def test_election_state_dies_with_the_role() -> None:
    """T40: votes of an election that is over elect nobody."""
    cluster = Cluster(5, rules=NO_RULES)
    node = cluster[1]
    node.core.campaign()
    node.turn()
    node.core.step(RequestVoteReply(NodeId(2), NodeId(1), Term(1), True))
    node.core.campaign()
    node.turn()
    node.core.step(RequestVoteReply(NodeId(3), NodeId(1), Term(2), True))
    node.core.step(RequestVoteReply(NodeId(4), NodeId(1), Term(1), True))

    assert node.core.status().role is Role.CANDIDATE
    node.core.step(RequestVoteReply(NodeId(4), NodeId(1), Term(2), True))
    assert node.role is Role.LEADER


def test_a_vote_resets_the_timer_and_a_refusal_does_not() -> None:
    """Else a candidate that cannot win keeps those from trying who could."""
    cluster = Cluster(3, hard_states={1: HardState(Term(3), NO_NODE, Index(0))})
    node = cluster[1]
    node.tick(5)
    node.core.step(request(2, 1, 4))
    assert node.core._roles.timer.elapsed == 0
    node.tick(5)
    node.core.step(request(3, 1, 4))

    assert node.core._roles.timer.elapsed == 5
