"""Message classes against roles: the table of pairs that stay empty, walked."""

import itertools

import pytest

from ledgerd.raft.dispatch import EMPTY_PAIRS
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
    EarlyMessage,
    Heartbeat,
    HeartbeatReply,
    LateMessage,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndexReply,
    ReadIndexRequest,
    RepairReply,
    RepairRequest,
    RequestVote,
    RequestVoteReply,
    SnapshotOffer,
    TermOver,
    TimeoutNow,
)
from tests.raft.harness import NO_RULES, Cluster
from tests.raft.making import snapshot_at

LAST = EntryId(Term(9), Index(9))


def message_of(kind: type[Message], term: int) -> Message:
    """Return a message of the class from node 2 to node 1, as effective as it can be."""
    a, b, t = NodeId(2), NodeId(1), Term(term)
    samples: tuple[Message, ...] = (
        PreVote(a, b, t, LAST),
        PreVoteReply(a, b, t, True, Term(term + 1)),
        RequestVote(a, b, t, LAST),
        RequestVoteReply(a, b, t, True),
        AppendEntries(a, b, t, GENESIS, GENESIS_LINK, (), Index(0), 1, 1),
        AppendAccepted(a, b, t, Index(1), 1, 1),
        AppendRejected(a, b, t, GENESIS, GENESIS, 1, 1),
        Heartbeat(a, b, t, Index(0), 0),
        HeartbeatReply(a, b, t, 0, Index(0)),
        ReadIndexRequest(a, b, t, 1),
        ReadIndexReply(a, b, t, 1, Index(0)),
        SnapshotOffer(a, b, t, snapshot_at(9), 1, 1),
        RepairRequest(a, b, t, Index(1), Index(1), GENESIS_LINK),
        RepairReply(a, b, t, Index(1), GENESIS_LINK, ()),
        TermOver(a, b, t),
        TimeoutNow(a, b, t),
    )
    (found,) = [sample for sample in samples if type(sample) is kind]
    return found


def in_role(role: Role) -> Cluster:
    """Return a cluster whose node 1 has this role, at rest."""
    match role:
        case Role.LEADER:
            cluster = Cluster(3)
            cluster.elect(1)
        case Role.FOLLOWER:
            cluster = Cluster(3)
            cluster.elect(3)
        case Role.PRE_CANDIDATE:
            cluster = Cluster(3)
            cluster[1].core.campaign()
        case Role.CANDIDATE:
            cluster = Cluster(3, rules=NO_RULES)
            cluster[1].core.campaign()
    cluster[1].turn()
    cluster.in_flight.clear()
    assert cluster[1].role is role
    return cluster


def kinds() -> tuple[type[Message], ...]:
    """Return every message class."""
    return (*EarlyMessage.__args__, *LateMessage.__args__)


@pytest.mark.parametrize(
    ("role", "kind"),
    sorted(EMPTY_PAIRS, key=str),
    ids=lambda value: value.value if isinstance(value, Role) else value.__name__,
)
def test_a_pair_that_must_stay_empty_is_empty(role: Role, kind: type[Message]) -> None:
    """An answer to a role that was left changes nothing and causes nothing. T25."""
    cluster = in_role(role)
    core = cluster[1].core
    before = core.status()
    core.step(message_of(kind, before.term))

    assert core.status() == before
    assert core.ready() is None


def test_every_class_has_a_handler_or_is_in_the_table() -> None:
    """No pair of role and class falls through."""
    for role, kind in itertools.product(Role, kinds()):
        if (role, kind) in EMPTY_PAIRS:
            continue
        if role is Role.LEADER and kind in (AppendEntries, Heartbeat, SnapshotOffer):
            continue  # a second leader of one term: stops the node, R1
        cluster = in_role(role)
        core = cluster[1].core
        message = message_of(kind, core.status().term)
        early = (AppendEntries, Heartbeat, SnapshotOffer, TimeoutNow)
        if role is Role.FOLLOWER and kind in early:
            core.forget_leader()
        core.step(message)


def test_unknown_peers_change_no_progress() -> None:
    """T69: answers of a stranger find no peer to be about."""
    cluster = in_role(Role.LEADER)
    core = cluster[1].core
    before = core.status()
    term = before.term
    for message in (
        AppendAccepted(NodeId(9), NodeId(1), term, Index(1), 1, 1),
        AppendRejected(NodeId(9), NodeId(1), term, GENESIS, GENESIS, 1, 1),
        HeartbeatReply(NodeId(9), NodeId(1), term, 0, Index(0)),
    ):
        core.step(message)

    assert core.status() == before
    assert core.ready() is None
