"""Raft paper, 5.1: terms as a logical clock.

"Current terms are exchanged whenever servers communicate; if one server's current term is
smaller than the other's, then it updates its current term to the larger value. If a candidate or
leader discovers that its term is out of date, it immediately reverts to follower state. If a
server receives a request with a stale term number, it rejects the request."
"""

import pytest

from ledgerd.raft.entries import (
    GENESIS,
    GENESIS_LINK,
    EntryId,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Heartbeat,
    HeartbeatReply,
    LateMessage,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndexReply,
    ReadIndexRequest,
    RequestVote,
    RequestVoteReply,
    TermOver,
)
from tests.raft.harness import Cluster

LAST = EntryId(Term(9), Index(9))


def every_message(term: int) -> list[Message]:
    """Return one message of each class, from node 2 to node 1, in this term."""
    a, b, t = NodeId(2), NodeId(1), Term(term)
    return [
        PreVote(a, b, t, LAST),
        PreVoteReply(a, b, t, False, t),
        RequestVote(a, b, t, LAST),
        RequestVoteReply(a, b, t, False),
        AppendEntries(a, b, t, GENESIS, GENESIS_LINK, (), Index(0), 1, 1),
        AppendAccepted(a, b, t, Index(0), 1, 1),
        AppendRejected(a, b, t, GENESIS, GENESIS, 1, 1),
        Heartbeat(a, b, t, Index(0), 0),
        HeartbeatReply(a, b, t, 0, Index(0)),
        ReadIndexRequest(a, b, t, 1),
        ReadIndexReply(a, b, t, 1, Index(0)),
        TermOver(a, b, t),
    ]


def name_of(message: Message) -> str:
    """Return the name of a case."""
    return type(message).__name__


def in_role(role: Role) -> Cluster:
    """Return a cluster whose node 1 has this role in term 1."""
    cluster = Cluster(3)
    if role is Role.FOLLOWER:
        cluster.elect(2)
        cluster[1].tick(10)  # its leader was not heard for a base
    else:
        cluster.elect(1)
    if role in (Role.CANDIDATE, Role.PRE_CANDIDATE):
        cluster.isolate(1)
        cluster[1].tick(25)
        cluster.settle()
        cluster[1].core.campaign()
        cluster.settle()
    assert cluster[1].role in (role, Role.PRE_CANDIDATE), cluster[1].role
    return cluster


@pytest.mark.parametrize("message", every_message(5), ids=name_of)
@pytest.mark.parametrize("role", [Role.FOLLOWER, Role.PRE_CANDIDATE])
def test_a_newer_term_is_taken_over(role: Role, message: Message) -> None:
    """Every class spreads the term, but a pre-vote, which asks about a term of nobody (F1)."""
    cluster = in_role(role)
    node = cluster[1]
    node.core.step(message)

    if isinstance(message, PreVote):
        assert node.term == 1
    else:
        assert (node.term, node.role) == (5, Role.FOLLOWER)


@pytest.mark.parametrize(
    "message",
    [m for m in every_message(5) if not isinstance(m, PreVote | RequestVote)],
    ids=name_of,
)
def test_a_leader_of_an_older_term_reverts_to_follower(message: Message) -> None:
    """Immediately. Vote requests are the exception: a leader sticks to itself (F3)."""
    cluster = in_role(Role.LEADER)
    cluster[1].core.step(message)

    assert (cluster[1].term, cluster[1].role) == (5, Role.FOLLOWER)


@pytest.mark.parametrize("message", every_message(1), ids=name_of)
def test_a_stale_term_is_refused(message: Message) -> None:
    """Requests are answered with the newer term, T36; answers are dropped. Nothing changes."""
    cluster = in_role(Role.FOLLOWER)
    node = cluster[1]
    node.core.step(TermOver(NodeId(2), NodeId(1), Term(7)))
    node.turn()
    cluster.in_flight.clear()
    before = node.core.status()
    node.core.step(message)
    node.turn()
    (reply,) = cluster.in_flight or [None]

    assert node.core.status() == before
    match message:
        case AppendEntries() | Heartbeat():
            assert reply == TermOver(NodeId(1), NodeId(2), Term(7))
        case RequestVote():
            assert reply == RequestVoteReply(NodeId(1), NodeId(2), Term(7), False)
        case PreVote():
            known = EntryId(Term(1), Index(1))
            expected = PreVoteReply(
                NodeId(1), NodeId(2), Term(7), False, Term(1), known
            )
            assert reply == expected
        case _:
            assert reply is None


def test_terms_only_rise() -> None:
    """Over elections, partitions and restarts."""
    cluster = Cluster(3)
    seen = dict.fromkeys(cluster.nodes, 0)
    for round_ in range(12):
        cluster.heal()
        cluster.isolate(1 + round_ % 3)
        cluster[1 + round_ % 3].restart()
        cluster.tick(25)
        for node_id, node in cluster.nodes.items():
            assert node.term >= seen[node_id]
            seen[node_id] = node.term

    assert max(seen.values()) > 3


def test_a_term_survives_a_crash() -> None:
    """T2: persisted before anything that rests on it leaves."""
    cluster = Cluster(3)
    cluster[1].core.step(TermOver(NodeId(2), NodeId(1), Term(7)))
    cluster[1].turn()
    cluster[1].restart()

    assert cluster[1].term == 7


def test_what_rests_on_a_term_is_late() -> None:
    """T1: votes, acks and rejections cannot leave early, by their type."""
    late = set(LateMessage.__args__)

    assert {type(m) for m in every_message(1)} - late == {
        AppendEntries,
        Heartbeat,
        HeartbeatReply,
        ReadIndexRequest,
        ReadIndexReply,
    }
