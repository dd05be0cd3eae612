"""Raft thesis, 3.8: persisted state and server restarts.

"Raft servers must persist enough information to stable storage to survive server restarts safely.
In particular, each server persists its current term and vote; this is necessary to prevent the
server from voting twice in the same term or replacing log entries from a newer leader with those
from a deposed leader. Each server also persists new log entries before they are counted towards
the entries' commitment."
"""

from ledgerd.raft.entries import NO_NODE, EntryId, Index, NodeId, Role, Term
from ledgerd.raft.messages import AppendAccepted, RequestVote, RequestVoteReply
from tests.raft.harness import NO_RULES, SMALL, Cluster


def ask(cluster: Cluster, sender: int, term: int, *, last: int = 9) -> bool:
    """Let a candidate ask node 3 for its vote; return whether it was granted."""
    request = RequestVote(
        NodeId(sender), NodeId(3), Term(term), EntryId(Term(1), Index(last))
    )
    cluster[3].core.step(request)
    cluster[3].turn()
    reply = cluster.in_flight.pop()
    assert isinstance(reply, RequestVoteReply)
    return reply.granted


def test_a_vote_survives_a_crash() -> None:
    """Nobody votes twice in a term, whatever happens in between (T1, R1)."""
    cluster = Cluster(3, rules=NO_RULES)
    assert ask(cluster, 1, 5)
    cluster[3].restart()

    assert not ask(cluster, 2, 5)
    assert ask(cluster, 1, 5)


def test_a_term_survives_a_crash() -> None:
    """A deposed leader's entries are not taken after a restart (T2)."""
    cluster = Cluster(3, rules=NO_RULES)
    ask(cluster, 1, 7)
    cluster[3].restart()

    assert cluster[3].term == 7
    assert not ask(cluster, 2, 6)


def test_a_vote_leaves_after_its_write_only() -> None:
    """A crash in between has promised nothing, so the next vote of the term is free."""
    cluster = Cluster(3, rules=NO_RULES)
    request = RequestVote(NodeId(1), NodeId(3), Term(5), EntryId(Term(1), Index(9)))
    cluster[3].core.step(request)
    assert cluster[3].take() is not None
    assert not cluster.in_flight
    cluster[3].restart()

    assert cluster[3].core.status().vote == NO_NODE
    assert ask(cluster, 2, 5)


def test_entries_count_when_they_are_written() -> None:
    """An acknowledgement and the leader's own copy rest on the disk (T3, T5)."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(3)
    cluster.propose(1, b"x")
    cluster[1].take()
    cluster.deliver()
    cluster[2].take()
    assert not [m for m in cluster.in_flight if isinstance(m, AppendAccepted)]
    cluster[2].sync()
    cluster.deliver()
    assert (
        cluster[1].commit == 1
    )  # one follower has it, and the leader has not written it
    cluster[1].sync()

    assert cluster[1].commit == 2


def test_the_rest_is_found_again() -> None:
    """Role, leader, commit index and what is known of peers are volatile and come back."""
    cluster = Cluster(3)
    cluster.elect(1)
    for n in range(5):
        cluster.propose(1, f"{n}".encode())
    cluster.settle()
    for node in cluster.nodes.values():
        node.crash()
    for node in cluster.nodes.values():
        node.start()
    assert {node.role for node in cluster.nodes.values()} == {Role.FOLLOWER}
    cluster.tick(5 * SMALL.election_base_ticks)

    (leader,) = cluster.leaders
    assert cluster[leader].commit == 7
    assert {tuple(node.terms()) for node in cluster.nodes.values()} == {(1,) * 6 + (2,)}


def test_a_state_machine_that_fell_back_is_applied_again() -> None:
    """What a server applied may be volatile: the log replays it, in the same order."""
    cluster = Cluster(3)
    cluster.elect(1)
    for n in range(5):
        cluster.propose(1, f"{n}".encode())
    cluster.settle()
    before = list(cluster[2].applied)
    cluster[2].crash(applied_kept=2)
    cluster[2].start()
    cluster.tick(3)

    assert cluster[2].applied == before
