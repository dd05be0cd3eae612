"""What the core wants done, and the contract of doing it (raft.md 1.5, C1 to C7)."""

from dataclasses import dataclass
from enum import Enum
from typing import NewType

from ledgerd.errors import Reason
from ledgerd.raft.changes import Flaw
from ledgerd.raft.entries import Entry, EntryId, HardState, Index, NodeId, Role, Term
from ledgerd.raft.messages import EarlyMessage, LateMessage
from ledgerd.raft.snapshots import Snapshot

Ticket = NewType("Ticket", int)  # numbers the Readys of one core, from 1, without gaps
ReadTicket = NewType(
    "ReadTicket", int
)  # numbers the reads of one core, never reused (T45)


@dataclass(frozen=True, slots=True)
class Proposed:
    """The leader appended the entry; whether it commits is seen when it is applied.

    ts_us: the log time that the entry was stamped with.
    """

    id: EntryId
    ts_us: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was appended or registered, and never will be. leader: a hint, or NO_NODE (F19).

    reason: NOT_LEADER, NO_LEADER, UNCOMMITTED_QUOTA, NO_SPACE, TRANSFERRING (leader: the target),
        NO_TRANSFER_TARGET; of a change of the membership also MEMBERSHIP_MOVED, CHANGE_IN_FLIGHT
        or CHANGE_REFUSED.
    flaw: what is wrong with a refused change, else None.
    """

    reason: Reason
    leader: NodeId
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class Transferring:
    """The leadership is on its way to `to`, or there already if that node leads.

    Whether it arrives is seen in later role changes; `Status.transferring` falls back to NO_NODE.
    """

    to: NodeId


@dataclass(frozen=True, slots=True)
class ReadConfirmed:
    """Reads under `ticket` may be answered once the visible state has reached `index` (C5)."""

    ticket: ReadTicket
    index: Index


class Cause(Enum):
    """Why role, term or known leader changed last; every step-down and election has one."""

    TIMEOUT = "timeout"  # an election began: no leader was heard
    ASKED = "asked"  # an election began, or the leader was forgotten, on request
    VOTE_WON = "vote_won"  # an election, or the pre-vote before it
    VOTE_LOST = "vote_lost"
    NEWER_TERM = "newer_term"  # a peer is ahead
    LEADER_HEARD = "leader_heard"
    NO_QUORUM = "no_quorum"  # a leader heard too few voters for one election base (F2)
    LAG = "lag"  # a leader slept through an election base (T83)
    REMOVED = "removed"  # a leader whose removal is applied (F6)
    STUCK = "stuck_commit"  # nothing committed although a quorum answered (F7)
    SLOW = (
        "slow_disk"  # handed over: the own log writes stall, or the process does (F8)
    )
    LOW_SPACE = (
        "low_space"  # handed over: too little room for the log or the state (F36)
    )
    PRIORITY = "priority"  # handed over to a voter of higher priority (L1)
    PEER_REFUSED = (
        "peer_refused"  # an election began: nobody listens where the leader was (F4)
    )
    SLOT_CORRUPT = (
        "slot_corrupt"  # a leader needed a log value that its disk damaged (F33)
    )
    TRANSFER = "transfer"  # the leadership was handed over on request (F5)
    DIVERGED = "diverged"  # its state is not the majority's (F37)
    APPLY_STOPPED = "apply_stopped"  # this node met what a newer release wrote (F26)


@dataclass(frozen=True, slots=True)
class RoleChange:
    """Role, term or known leader changed since the last Ready. leader is NO_NODE if unknown.

    cause: of the last change; None only before the first one.
    """

    role: Role
    term: Term
    leader: NodeId
    cause: Cause | None = None


@dataclass(slots=True)
class Ready:
    """Everything new since the last Ready. Never dropped, reordered or handled twice (C7).

    Nobody changes one. It is not frozen because one is made with every turn.

    hard_state: write it with `entries` in one transaction with one full sync (C1); None: unchanged.
    entries: replace everything at or after entries[0].index (C1).
    repairs: each takes the place of the corrupt value at its index and nothing else; write and
        sync them before C1 (F34). Empty unless a slot was corrupt.
    must_sync: False only when nothing but the commit index changed (C6).
    send_early: may leave at any time (C2).
    send_after: may leave only after C1 has returned for this ticket and all before it (C2),
        and after `persisted(ticket)` was called (C3).
    apply: (first, last), inclusive: committed and locally durable before this Ready was made;
        apply in order, once (C4, T6); None: nothing. Call `applied(last)` afterwards.
    reads: confirmed reads (C5).
    reads_failed: tickets that will never be confirmed; the caller may ask again.
    lost_from: a waiting proposal at this index or above was superseded: its caller must be told
        UNKNOWN (T65); None: nothing superseded.
    role_change: role, term or leader changed.
    snapshot: the log starts anew behind it: write that, with `hard_state` and `entries`, in the
        one transaction (C1), then put the state in its place (F30). None: the log goes on.
    """

    ticket: Ticket
    hard_state: HardState | None
    entries: tuple[Entry, ...]
    must_sync: bool
    send_early: tuple[EarlyMessage, ...]
    send_after: tuple[LateMessage, ...]
    apply: tuple[Index, Index] | None
    reads: tuple[ReadConfirmed, ...]
    reads_failed: tuple[ReadTicket, ...]
    lost_from: Index | None
    role_change: RoleChange | None
    snapshot: Snapshot | None = None
    repairs: tuple[Entry, ...] = ()
