"""One line for everything: what people read in traces and assertion messages."""

import pytest

from ledgerd.raft.describe import Described, describe
from ledgerd.raft.entries import EntryId, HardState, Index, NodeId, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import AppendRejected, PreVoteReply, RequestVote, TermOver
from tests.raft.harness import Cluster, make_log
from tests.raft.test_dispatch import kinds, message_of

A, B = NodeId(1), NodeId(2)


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        (EntryId(Term(3), Index(17)), "3/17"),
        (make_log([1, 1])[1], "1/2 payouts 3B"),
        (HardState(Term(2), B, Index(9)), "term=2 vote=2 commit=9"),
        (
            Membership((A,), (A, B), (NodeId(3),), auto_leave=True),
            "voters=(1) outgoing=(1,2) learners=(3) autoleave index=0",
        ),
        (
            AppendRejected(
                A,
                B,
                Term(4),
                EntryId(Term(3), Index(7)),
                EntryId(Term(2), Index(5)),
                2,
                6,
            ),
            "1->2 AppendRejected term=4 prev=3/7 hint=2/5 stream=2.6",
        ),
        (
            PreVoteReply(A, B, Term(4), False, Term(6)),
            "1->2 PreVoteReply term=4 refused asked=6",
        ),
        (
            RequestVote(A, B, Term(4), EntryId(Term(3), Index(7)), forced=True),
            "1->2 RequestVote term=4 last=3/7 forced",
        ),
        (TermOver(A, B, Term(4)), "1->2 TermOver term=4"),
    ],
)
def test_the_line_of(thing: Described, line: str) -> None:
    """Term/index positions, the way of a message, and no payload."""
    assert line == describe(thing)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_message_has_a_line(kind: type) -> None:
    """It begins with its way and its class."""
    assert describe(message_of(kind, 7)).startswith(f"2->1 {kind.__name__} term=7")


def test_a_status_has_a_line() -> None:
    """With the leader's view of its peers."""
    cluster = Cluster(3)
    leader = cluster.elect(1)

    assert describe(leader.core.status()) == (
        "1 leader term=1 vote=1 leader=1 first=1 applied=1 commit=1 durable=1 last=1"
        "; 2 replicate match=1 next=2 window=0; 3 replicate match=1 next=2 window=0"
    )


def test_a_ready_has_a_line() -> None:
    """Everything it asks for, in the order it is done."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.propose(1)
    ready = cluster[1].core.ready()
    assert ready is not None

    assert describe(ready) == (
        "ticket=5 entries=[1/2] sync "
        "early(1->2 AppendEntries term=1 prev=1/1 commit=1 entries=[1/2] stream=1.3) "
        "early(1->3 AppendEntries term=1 prev=1/1 commit=1 entries=[1/2] stream=2.3)"
    )
