"""A frozen view of a core, for operators, metrics and tests."""

from dataclasses import dataclass

from ledgerd.raft.entries import NO_INDEX, NO_NODE, Index, NodeId, Role, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import Checkpoint
from ledgerd.raft.progress import Mode


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A leader's view of one peer. window: appends that are not acknowledged yet.

    offered: index of the snapshot that was offered to it last and is not acknowledged; else 0.
    silent_ticks: how long nothing was heard of it.
    is_slow, free_bytes: what the peer said of its disk last (F8, F36).
    protocol, state_versions: what its release speaks and applies; None before it greeted (F26).
    takes_snapshots: whether its release understands an offer.
    is_heard: not longer than an election base, about.
    catch_up_round: of a learner, from 1; 0 before it answered, and of every voter.
    """

    node_id: NodeId
    mode: Mode
    match: Index
    next: Index
    window_messages: int
    window_bytes: int
    is_active: bool
    offered: Index = NO_INDEX
    silent_ticks: int = 0
    is_slow: bool = False
    free_bytes: int | None = None
    takes_snapshots: bool = True
    is_heard: bool = True
    catch_up_round: int = 0
    protocol: int | None = None
    state_versions: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """One moment of a core.

    first - 1 <= applied <= min(commit, durable), commit <= last (R3). commit > durable is legal
    on a leader (T5). peers: of a leader, by node id; else empty. transferring: whom a leader is
    handing over to, or NO_NODE. is_slow, free_bytes: of the own disk (F8, F36). corrupt: slots
    that wait for repair, ascending (F33); those below cut_to need not wait, for the leader has no
    entries there any more, and the log may begin at cut_to (0: nowhere). diverged_at: where the
    own state was seen to differ from a majority's; agreed_at: of a leader, the newest checkpoint
    that a majority confirmed; digest, checkpoints: of the own state now, and those kept last (F37).
    """

    node_id: NodeId
    role: Role
    term: Term
    vote: NodeId
    leader: NodeId
    commit: Index
    durable: Index
    applied: Index
    first: Index
    last: Index
    membership: Membership
    peers: tuple[PeerStatus, ...]
    transferring: NodeId = NO_NODE
    is_slow: bool = False
    free_bytes: int | None = None
    corrupt: tuple[Index, ...] = ()
    cut_to: Index = NO_INDEX
    diverged_at: Index | None = None
    agreed_at: Index = NO_INDEX
    digest: Checkpoint | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
