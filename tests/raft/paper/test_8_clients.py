"""Raft paper, 8, and thesis, 6.3: client interaction.

"If the leader crashes after committing the log entry but before responding to the client, the
client will retry the command with a new leader, causing it to be executed a second time. The
solution is for clients to assign unique serial numbers to every command."

The core leaves the serial numbers to the state machine above it (a payout's id is its key), so a
dictionary stands for it here; the whole product is tried in tests/replica and tests/jepsen.
"""

from ledgerd.errors import Reason
from ledgerd.raft.core import Refused
from ledgerd.raft.entries import EntryKind, Index, Role
from tests.raft.harness import SMALL, Cluster, Node


def effects(node: Node) -> dict[bytes, int]:
    """Apply the log of a node once an id: id -> the index that took effect."""
    done: dict[bytes, int] = {}
    for entry in node.applied:
        if entry.kind is EntryKind.PAYOUTS:
            done.setdefault(entry.payload, entry.index)
    return done


def test_a_follower_refuses_and_names_the_leader() -> None:
    """Clients go to the leader; nothing is forwarded (F19)."""
    cluster = Cluster(3)
    cluster.elect(2)
    outcome = cluster[1].core.propose(EntryKind.PAYOUTS, b"x", 0)

    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.leader) == (Reason.NOT_LEADER, 2)
    assert cluster[1].terms() == [1]


def test_without_a_leader_the_refusal_says_so() -> None:
    """And the client tries another node, or later."""
    cluster = Cluster(3)
    outcome = cluster[1].core.propose(EntryKind.PAYOUTS, b"x", 0)

    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.leader) == (Reason.NO_LEADER, 0)


def test_a_retry_after_a_lost_answer_takes_effect_once() -> None:
    """The leader commits, dies before it answers; the client asks the next one again."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.propose(1, b"payout-7")
    cluster.settle()
    cluster[1].crash()
    cluster.tick(5 * SMALL.election_base_ticks)
    (leader,) = cluster.leaders
    cluster.propose(leader, b"payout-7")
    cluster.tick(3)

    node = cluster[leader]
    twice = [e.index for e in node.applied if e.payload == b"payout-7"]
    assert len(twice) == 2
    assert effects(node) == {b"payout-7": twice[0]}


def test_a_retry_after_an_uncommitted_attempt_takes_effect_once() -> None:
    """The first attempt was overwritten: only the second is ever applied, on every node."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(1)
    cluster.propose(1, b"payout-8")
    cluster[1].turn()
    cluster.tick(5 * SMALL.election_base_ticks)
    (leader,) = [n for n in cluster.leaders if n != 1]
    cluster.propose(leader, b"payout-8")
    cluster.tick(3)
    cluster.heal()
    cluster.tick(2 * SMALL.election_base_ticks)

    assert len({tuple(effects(node).items()) for node in cluster.nodes.values()}) == 1
    assert cluster[1].lost_from  # its caller was told that nobody knows (T65)


def test_a_new_leader_commits_an_entry_of_its_own_first() -> None:
    """The no-op: only then does it know what is committed, and answers reads."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.propose(1, b"x")
    cluster.settle()
    cluster[1].crash()
    cluster.tick(5 * SMALL.election_base_ticks)
    (leader,) = cluster.leaders
    own = cluster[leader].disk.log[-1]

    assert own.kind is EntryKind.NOOP
    assert own.term == cluster[leader].term
    assert cluster[leader].commit == own.index


def test_a_read_sees_every_write_that_was_answered_before() -> None:
    """Linearizable, whichever node is asked, before and after a change of leader."""
    cluster = Cluster(3)
    cluster.elect(1)
    for asked in (1, 2, 3):
        cluster.propose(1, f"{asked}".encode())
        cluster.settle()
        answered = cluster[1].commit
        node = cluster[asked]
        ticket = node.core.read()
        assert not isinstance(ticket, Refused)
        cluster.settle()
        assert node.reads[ticket] >= answered
    cluster[1].crash()
    cluster.tick(5 * SMALL.election_base_ticks)
    (leader,) = cluster.leaders
    assert cluster[leader].role is Role.LEADER
    ticket = cluster[leader].core.read()
    assert not isinstance(ticket, Refused)
    cluster.settle()
    assert cluster[leader].reads[ticket] >= Index(4)
