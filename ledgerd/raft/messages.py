"""What nodes say to each other, one class a message; no field has two meanings (raft.md 1.4).

Each class states whether it may leave before the disk write. `EarlyMessage` is the union of
those that may; all others rest on durable state and leave only with a receipt (C2, T3, T81).
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ledgerd.raft.entries import (
    GENESIS,
    NO_INDEX,
    Entry,
    EntryId,
    Index,
    NodeId,
    Term,
)
from ledgerd.raft.snapshots import Snapshot


class Checkpoint(NamedTuple):
    """The digest of the state after the entry at `index` (F37)."""

    index: Index  # type: ignore[assignment]  # the paper's word wins over tuple.index()
    digest: bytes


class Agreement(NamedTuple):
    """Whether a follower has the leader's digest at `index`; NO_INDEX: it cannot tell yet."""

    index: Index  # type: ignore[assignment]  # the paper's word wins over tuple.index()
    is_equal: bool


@dataclass(frozen=True, slots=True)
class PreVote:
    """Would you vote for me in `term`? Changes nothing at the receiver. 9.6. Not early.

    term is the asked term: the sender's own plus one.
    commit: the last entry that the sender knows to be committed; GENESIS: it does not tell.
    """

    sender: NodeId
    to: NodeId
    term: Term
    last: EntryId
    commit: EntryId = GENESIS


@dataclass(frozen=True, slots=True)
class PreVoteReply:
    """Answer to PreVote. Not early.

    term: the asked term when granted, the receiver's own term when refused (T35).
    commit: when refused, the last entry that the receiver knows to be committed; GENESIS: it does
        not tell.
    """

    sender: NodeId
    to: NodeId
    term: Term
    granted: bool
    asked_term: Term
    commit: EntryId = GENESIS


@dataclass(frozen=True, slots=True)
class RequestVote:
    """Vote for me in `term`. 5.2. Not early: it rests on the durable own vote (T81).

    forced: sent on behalf of a transfer; bypasses stickiness (T38).
    """

    sender: NodeId
    to: NodeId
    term: Term
    last: EntryId
    forced: bool = False


@dataclass(frozen=True, slots=True)
class RequestVoteReply:
    """Answer to RequestVote. Not early."""

    sender: NodeId
    to: NodeId
    term: Term
    granted: bool


@dataclass(frozen=True, slots=True)
class AppendEntries:
    """Entries after `prev`, or none: a probe. 5.3. Early.

    prev_link: the chain link at prev; equal (term, index) with another link breaks R4.
    stream, sequence: name the replication attempt; acks echo them (T25).
    """

    sender: NodeId
    to: NodeId
    term: Term
    prev: EntryId
    prev_link: bytes
    entries: tuple[Entry, ...]
    commit: Index
    stream: int
    sequence: int


@dataclass(frozen=True, slots=True)
class AppendAccepted:
    """The sender holds everything up to `match` durably. Not early."""

    sender: NodeId
    to: NodeId
    term: Term
    match: Index
    stream: int
    sequence: int


@dataclass(frozen=True, slots=True)
class AppendRejected:
    """The sender's log does not contain `prev` (echoed). Not early.

    hint: the largest (term, index) of the sender's log at or before prev whose term is at most
    prev's: at most one probe per conflicting term (F16).
    corrupt_from: from here on the sender holds nothing that it could vouch for, whatever it acked
        before: its disk damaged it. The one thing that lowers match (F34). NO_INDEX: no damage.
        Also sent after a heartbeat, when nothing was rejected: stream is 0 then.
    """

    sender: NodeId
    to: NodeId
    term: Term
    prev: EntryId
    hint: EntryId
    stream: int
    sequence: int
    corrupt_from: Index = NO_INDEX


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The leader lives. Early.

    commit: min(match of the receiver, commit): never an unmatched commit (T22).
    read_position: the last read position the leader made; 0 if none (F10).
    checkpoint: of the leader's state; agreed: of what a majority confirmed (F37). None: unsaid.
    """

    sender: NodeId
    to: NodeId
    term: Term
    commit: Index
    read_position: int
    checkpoint: Checkpoint | None = None
    agreed: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class HeartbeatReply:
    """Echo of a heartbeat. Early: it promises no durable state.

    applied: how far the sender has applied, for operators.
    is_slow: the sender should not lead (F8). free_bytes: its room (F36), None if it does not say.
    agreement: whether the sender's digest is the leader's (F37), None if it does not say.
    wants_state: the sender's state is bad, or stands before a slot that nobody has, and its log
        cannot make it good: it asks for a snapshot at this index or above. NO_INDEX: it does not.
    """

    sender: NodeId
    to: NodeId
    term: Term
    read_position: int
    applied: Index
    is_slow: bool = False
    free_bytes: int | None = None
    agreement: Agreement | None = None
    wants_state: Index = NO_INDEX


@dataclass(frozen=True, slots=True)
class ReadIndexRequest:
    """A follower asks the leader to confirm a read point. Thesis 6.4. Early.

    position: the requester's own counter, never reused (T45).
    """

    sender: NodeId
    to: NodeId
    term: Term
    position: int


@dataclass(frozen=True, slots=True)
class ReadIndexReply:
    """The read point: state at `index` or later is fresh enough. Early."""

    sender: NodeId
    to: NodeId
    term: Term
    position: int
    index: Index


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """Send me first .. last, which my disk has damaged. To any peer, in any term (F34). Early.

    link: the chain link at last + 1 as the sender holds it. It names the history that is wanted;
        who has another one sends what it has all the same, for the two may part there.
    """

    sender: NodeId
    to: NodeId
    term: Term
    first: Index
    last: Index
    link: bytes


@dataclass(frozen=True, slots=True)
class RepairReply:
    """Entries for corrupt slots. They prove themselves: their successor links to them. Early.

    last: of the request. entries: neighbours that end at `last`, as many as fit a message; none
        if the sender lacks them. prev_link: the chain link before the first of them; zeros if the
        sender cannot read it.
    """

    sender: NodeId
    to: NodeId
    term: Term
    last: Index
    prev_link: bytes
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class TimeoutNow:
    """The leader hands over: campaign at once, without a pre-vote. Thesis 3.10, F5. Early.

    Sent to a voter whose log reaches the leader's last entry (T39).
    """

    sender: NodeId
    to: NodeId
    term: Term


@dataclass(frozen=True, slots=True)
class SnapshotOffer:
    """The leader no longer has the entries that the receiver lacks; here is a state instead. Early.

    The receiver fetches the bytes outside the core, as often and from where it likes (F29).
    stream, sequence: as in AppendEntries; the ack echoes them (T25).
    """

    sender: NodeId
    to: NodeId
    term: Term
    snapshot: Snapshot
    stream: int
    sequence: int


@dataclass(frozen=True, slots=True)
class TermOver:
    """Answer to a leader of an older term, so that it steps down (T36). Not early."""

    sender: NodeId
    to: NodeId
    term: Term


EarlyMessage: TypeAlias = (
    AppendEntries
    | Heartbeat
    | HeartbeatReply
    | ReadIndexRequest
    | ReadIndexReply
    | RepairRequest
    | RepairReply
    | TimeoutNow
    | SnapshotOffer
)
LateMessage: TypeAlias = (
    PreVote
    | PreVoteReply
    | RequestVote
    | RequestVoteReply
    | AppendAccepted
    | AppendRejected
    | TermOver
)
Message: TypeAlias = EarlyMessage | LateMessage
