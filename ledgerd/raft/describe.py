"""The one-line form of every structure: shared by traces, logs and assertion messages."""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

from ledgerd.raft.entries import NO_INDEX, NO_NODE, Entry, EntryId, HardState, NodeId
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Heartbeat,
    HeartbeatReply,
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
from ledgerd.raft.ready import Proposed, Ready, Refused, RoleChange, Transferring
from ledgerd.raft.snapshots import Snapshot
from ledgerd.raft.status import PeerStatus, Status

Described: TypeAlias = (
    EntryId
    | Entry
    | HardState
    | Membership
    | Message
    | Proposed
    | Ready
    | Refused
    | RoleChange
    | Snapshot
    | Transferring
    | Status
    | PeerStatus
)


def columns(status: Status) -> dict[str, object]:
    """Return a status as protocol events show it, in what JSON takes (raft.md 4.7)."""
    return {
        "term": status.term,
        "vote": status.vote,
        "role": status.role.value,
        "leader": status.leader,
        "commit": status.commit,
        "last": status.last,
        "durable": status.durable,
        "applied": status.applied,
        "membership_index": status.membership.index,
        "membership": halves(status.membership),
    }


def halves(membership: Membership) -> dict[str, tuple[NodeId, ...]]:
    """Return who takes part in what role, as protocol events show it."""
    return {
        "voters": membership.voters,
        "outgoing": membership.outgoing,
        "learners": membership.learners,
    }


def describe(thing: Described) -> str:
    """Return one line that says everything but the payload.

    Positions are written term/index, as in 3/17; a message begins with its way, as in 1->2.
    """
    match thing:
        case EntryId():
            return f"{thing.term}/{thing.index}"
        case Entry():
            kind = thing.kind.name.lower()
            return f"{describe(thing.id)} {kind} {len(thing.payload)}B"
        case HardState():
            return f"term={thing.term} vote={thing.vote} commit={thing.commit}"
        case Membership():
            return _membership(thing)
        case Proposed():
            return f"proposed {describe(thing.id)}"
        case Refused():
            flaw = f": {thing.flaw.value}" if thing.flaw is not None else ""
            return f"refused {thing.reason.value} leader={_leader(thing.leader)}{flaw}"
        case RoleChange():
            return _role_change(thing)
        case Transferring():
            return f"transferring to {thing.to}"
        case Ready():
            return _ready(thing)
        case Snapshot():
            return f"snapshot {describe(thing.id)} {thing.size_bytes}B"
        case Status():
            return _status(thing)
        case PeerStatus():
            return (
                f"{thing.node_id} {thing.mode.value} match={thing.match} "
                f"next={thing.next} window={thing.window_messages}"
                f"{f' offered={thing.offered}' if thing.offered else ''}{_health(thing)}"
            )
        case _:
            name = type(thing).__name__
            return f"{thing.sender}->{thing.to} {name} term={thing.term}{_tail(thing)}"


def _tail(message: Message) -> str:
    match message:
        case AppendEntries():
            return (
                f" prev={describe(message.prev)} commit={message.commit} "
                f"entries=[{_range(message.entries)}] "
                f"stream={message.stream}.{message.sequence}"
            )
        case AppendAccepted():
            return f" match={message.match} stream={message.stream}.{message.sequence}"
        case AppendRejected():
            corrupt = message.corrupt_from
            return (
                f" prev={describe(message.prev)} hint={describe(message.hint)} "
                f"stream={message.stream}.{message.sequence}"
                f"{f' corrupt={corrupt}..' if corrupt else ''}"
            )
        case Heartbeat():
            named = {"checkpoint": message.checkpoint, "agreed": message.agreed}
            digests = [f" {k}={v.index}" for k, v in named.items() if v is not None]
            return (
                f" commit={message.commit} position={message.read_position}"
                f"{''.join(digests)}"
            )
        case HeartbeatReply():
            return (
                f" position={message.read_position} applied={message.applied}"
                f"{_health(message)}{_agreement(message)}"
            )
        case PreVote():
            return f" last={describe(message.last)}{_committed(message)}"
        case RequestVote():
            forced = " forced" if message.forced else ""
            return f" last={describe(message.last)}{forced}"
        case PreVoteReply():
            commit = _committed(message)
            return f" {_verdict(message.granted)} asked={message.asked_term}{commit}"
        case RequestVoteReply():
            return f" {_verdict(message.granted)}"
        case ReadIndexRequest():
            return f" position={message.position}"
        case ReadIndexReply():
            return f" position={message.position} index={message.index}"
        case SnapshotOffer():
            offered = describe(message.snapshot)
            return f" {offered} stream={message.stream}.{message.sequence}"
        case RepairRequest():
            return f" slots={message.first}..{message.last}"
        case RepairReply():
            return f" last={message.last} entries=[{_range(message.entries)}]"
        case TermOver() | TimeoutNow():
            return ""
        case _:
            assert_never(message)


def _verdict(granted: bool) -> str:
    return "granted" if granted else "refused"


def _range(entries: Sequence[Entry]) -> str:
    if not entries:
        return ""
    first, last = describe(entries[0].id), describe(entries[-1].id)
    return first if len(entries) == 1 else f"{first}..{last}"


def _membership(membership: Membership) -> str:
    groups = {
        "voters": membership.voters,
        "outgoing": membership.outgoing,
        "learners": membership.learners,
        "next": membership.learners_next,
    }
    parts = [
        f"{name}=({','.join(map(str, ids))})" for name, ids in groups.items() if ids
    ]
    leave = " autoleave" if membership.auto_leave else ""
    return f"{' '.join(parts)}{leave} index={membership.index}"


def _committed(message: PreVote | PreVoteReply) -> str:
    """Return what is said to be committed, where something is."""
    return f" commit={describe(message.commit)}" if message.commit.index else ""


def _ready(ready: Ready) -> str:
    parts = [f"ticket={ready.ticket}"]
    if ready.hard_state is not None:
        parts.append(describe(ready.hard_state))
    if ready.snapshot is not None:
        parts.append(describe(ready.snapshot))
    if ready.entries:
        parts.append(f"entries=[{_range(ready.entries)}]")
    if ready.repairs:
        ids = ",".join(describe(entry.id) for entry in ready.repairs)
        parts.append(f"repairs=[{ids}]")
    if ready.must_sync:
        parts.append("sync")
    parts += [f"early({describe(message)})" for message in ready.send_early]
    parts += [f"after({describe(message)})" for message in ready.send_after]
    if ready.apply is not None:
        parts.append(f"apply={ready.apply[0]}..{ready.apply[1]}")
    parts += [f"read({read.ticket} at {read.index})" for read in ready.reads]
    parts += [f"read({ticket} failed)" for ticket in ready.reads_failed]
    if ready.lost_from is not None:
        parts.append(f"lost={ready.lost_from}..")
    if ready.role_change is not None:
        parts.append(describe(ready.role_change))
    return " ".join(parts)


def describe_ready(ready: Ready) -> list[str]:
    """Return the same as `describe` in lines, an entry or a message each, without the ticket."""
    lines: list[str] = []
    if ready.role_change is not None:
        lines.append(describe(ready.role_change))
    if ready.hard_state is not None:
        lazily = "" if ready.must_sync else " lazily"
        lines.append(f"write {describe(ready.hard_state)}{lazily}")
    if ready.snapshot is not None:
        lines.append(f"write {describe(ready.snapshot)}")
    lines += [f"repair {describe(entry)}" for entry in ready.repairs]
    lines += [f"write {describe(entry)}" for entry in ready.entries]
    lines += [f"early {describe(message)}" for message in ready.send_early]
    lines += [f"after {describe(message)}" for message in ready.send_after]
    if ready.apply is not None:
        lines.append(f"apply {ready.apply[0]}..{ready.apply[1]}")
    lines += [f"read {read.ticket} at {read.index}" for read in ready.reads]
    lines += [f"read {ticket} failed" for ticket in ready.reads_failed]
    if ready.lost_from is not None:
        lines.append(f"lost {ready.lost_from}..")
    return lines


def describe_role(status: Status) -> str:
    """Return role, part in the membership, term and leader of a node, on one line."""
    membership = status.membership
    if status.node_id in membership.all_voters:
        part = "voter"
    else:
        part = "learner" if status.node_id in membership.members else "outsider"
    return (
        f"{status.node_id} {status.role.value} {part} term={status.term} "
        f"leader={_leader(status.leader)}"
    )


def _role_change(change: RoleChange) -> str:
    cause = f" {change.cause.value}" if change.cause is not None else ""
    return (
        f"{change.role.value} term={change.term} leader={_leader(change.leader)}{cause}"
    )


def _leader(leader: NodeId) -> str:
    return "none" if leader == NO_NODE else str(leader)


def _agreement(message: HeartbeatReply) -> str:
    """Return how the sender's digest compares with the leader's; nothing if it cannot tell."""
    agreement = message.agreement
    if agreement is None or agreement.index == NO_INDEX:
        return ""
    return f" {'agrees' if agreement.is_equal else 'differs'}={agreement.index}"


def _health(thing: HeartbeatReply | PeerStatus | Status) -> str:
    """Return what stands out of a node's disk: nothing if it is well."""
    slow = " slow" if thing.is_slow else ""
    return slow if thing.free_bytes is None else f"{slow} free={thing.free_bytes}"


def _status(status: Status) -> str:
    corrupt = "".join(f" corrupt={index}" for index in status.corrupt)
    if status.diverged_at is not None:
        corrupt += f" diverged={status.diverged_at}"
    peers = "".join(f"; {describe(peer)}" for peer in status.peers)
    return (
        f"{status.node_id} {status.role.value} term={status.term} vote={status.vote} "
        f"leader={_leader(status.leader)} first={status.first} applied={status.applied} "
        f"commit={status.commit} durable={status.durable} last={status.last}"
        f"{_health(status)}{corrupt}{peers}"
    )
