"""What one turn has to say to those who wait: answers, refusals, unknowns, read points."""

from dataclasses import dataclass, field

from ledgerd.errors import Reason
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.raft.entries import NO_INDEX, EntryKind, Index, NodeId, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.ready import RoleChange
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import Waiter
from ledgerd.replica.versions import Halt


@dataclass(frozen=True, slots=True)
class Answered:
    """The committed entry that holds the waiter's commands was applied.

    outcomes: of the whole entry; the waiter's rows are first .. first + count, exclusive.
    """

    waiter: Waiter
    term: Term
    index: Index
    ts_us: int
    outcomes: Outcomes
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class NotProposed:
    """The call was certainly not logged and never will be. leader: NO_NODE if unknown.

    why: what is wrong with a refused change of the membership, else empty.
    """

    waiter: Waiter
    reason: Reason
    leader: NodeId
    why: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call was proposed and its fate cannot be known here; never reported as failed (T65).

    index: where it is committed, with the reason NOT_ON_ALL_VOTERS; else NO_INDEX.
    """

    waiter: Waiter
    reason: Reason
    leader: NodeId
    index: Index = NO_INDEX


@dataclass(frozen=True, slots=True)
class Held:
    """The waiter's entry at `index` is committed and applied; not every voter holds it yet."""

    waiter: Waiter
    index: Index


@dataclass(frozen=True, slots=True)
class ReadPoint:
    """State at `index` or later answers the read, once it is visible."""

    waiter: Waiter
    index: Index


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The transfer that the waiter asked for has ended with `leader` leading `term`."""

    waiter: Waiter
    leader: NodeId
    term: Term


@dataclass(frozen=True, slots=True)
class SnapshotAnswer:
    """The copy that the waiter asked for is made, or has failed for the reason in `why`."""

    waiter: Waiter
    snapshot: Snapshot | None
    why: str


@dataclass(slots=True)
class Outbox:
    """Everything one turn hands to the loop, in one wake-up. Owned by the receiver afterwards.

    again: committed entries are left to apply, or applied ones to record; call `turn` again even
        without inputs (T94).
    sends_first: what is left can wait until the loop has sent the answers and acks of this turn;
        the two would only fight for the interpreter.
    holds_page: a page is held back behind an ack until the next turn, never for two; a settling
        that was meant to follow waits for it.
    is_heavy: a large entry was decided or recorded. A settling that was meant to follow waits for
        a turn that takes no page, so that the inbox is asked in between (T94).
    held: waits for its last copies; answered in a later turn, or given up by its caller.
    halt: set once, in the turn in which this node stopped applying (F26).
    membership: in force from this turn on; None: as before.
    needs_settle: something was applied, so `settle` has something to make visible.
    applied: kind and number of commands of each entry applied in the turn.
    persisted_bytes: payload bytes written to the log in the turn.
    state_ready: its state, fetched and verified, is to take the place of the bad one of this node;
        the replica is then built anew over the same log.
    installed: the state was replaced by this snapshot in the turn.
    """

    answers: list[Answered] = field(default_factory=list)
    membership: Membership | None = None
    not_proposed: list[NotProposed] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    reads: list[ReadPoint] = field(default_factory=list)
    handed_over: list[HandedOver] = field(default_factory=list)
    snapshots: list[SnapshotAnswer] = field(default_factory=list)
    role_change: RoleChange | None = None
    again: bool = False
    sends_first: bool = False
    holds_page: bool = False
    is_heavy: bool = False
    halt: Halt | None = None
    needs_settle: bool = False
    applied: list[tuple[EntryKind, int]] = field(default_factory=list)
    persisted_bytes: int = 0
    installed: Snapshot | None = None
    state_ready: Snapshot | None = None
