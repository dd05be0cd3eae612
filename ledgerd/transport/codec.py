"""Raft messages <-> frames of `transport.v1`, exhaustively in both directions.

A frame does not name its sender: the stream does, since both ends greeted and the certificates
agreed. What comes in is checked for shape here, once; what it means is the core's business.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, assert_never

from ledgerd.errors import CorruptionError, LedgerdError
from ledgerd.formats.memberships import decode_membership, encode_membership
from ledgerd.raft.entries import (
    ENTRY_KIND_MAX,
    LINK_BYTES,
    Anchor,
    Entry,
    EntryId,
    EntryKind,
    Index,
    NodeId,
    Term,
)
from ledgerd.raft.messages import (
    Agreement,
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Checkpoint,
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
from ledgerd.raft.snapshots import Snapshot
from ledgerd.transport.v1 import peer_pb2 as pb

if TYPE_CHECKING:  # a name of the stubs only
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

FRAME_OVERHEAD_BYTES: Final = 64  # what a message counts for beside its entries
_WITH_ENTRIES: Final = (AppendEntries, RepairReply)
# A look-up costs a tenth of asking the enum, which also knows those of newer releases.
_KINDS: Final = {int(kind): kind for kind in EntryKind}


class FrameError(LedgerdError):
    """A peer sent what this release does not understand. Its stream ends; nothing is delivered."""


def size_bytes(message: Message) -> int:
    """Return what a message counts against queues; no more than a few bytes off its wire size."""
    if isinstance(message, _WITH_ENTRIES):
        return FRAME_OVERHEAD_BYTES + sum(
            [entry.size_bytes for entry in message.entries]
        )
    if isinstance(message, SnapshotOffer):
        members = message.snapshot.membership.members
        return FRAME_OVERHEAD_BYTES + 3 * LINK_BYTES + 200 * len(members)
    return FRAME_OVERHEAD_BYTES


def pack(messages: Sequence[Message], *, clock_us: int) -> pb.Frame:
    """Return one frame with all the messages, in order; a bundle if there are several."""
    assert messages, "an empty frame says nothing"
    if len(messages) == 1:
        return encode(messages[0], clock_us=clock_us)
    frame = pb.Frame(clock_us=clock_us)
    frames = frame.bundle.frames
    for message in messages:
        _encode_into(frames.add(), message)
    return frame


def unpack(frame: pb.Frame, *, sender: NodeId, to: NodeId) -> Sequence[Message]:
    """Return the messages of a frame in order. Errors: FrameError."""
    if frame.WhichOneof("kind") != "bundle":
        return (decode(frame, sender=sender, to=to),)
    return [decode(inner, sender=sender, to=to) for inner in frame.bundle.frames]


def encode(message: Message, *, clock_us: int) -> pb.Frame:
    """Return the frame of one message."""
    frame = pb.Frame(clock_us=clock_us)
    _encode_into(frame, message)
    return frame


def _encode_into(frame: pb.Frame, message: Message) -> None:
    """Fill `frame` with `message`; the most frequent classes stand first."""
    match message:
        case AppendEntries():
            append = frame.append_entries
            append.term = message.term
            prev = append.prev
            prev.term, prev.index = message.prev
            append.prev_link = message.prev_link
            append.commit = message.commit
            append.stream = message.stream
            append.sequence = message.sequence
            _add_entries(append.entries, message.entries)
        case AppendAccepted():
            accepted = frame.append_accepted
            accepted.term = message.term
            accepted.match = message.match
            accepted.stream = message.stream
            accepted.sequence = message.sequence
        case Heartbeat():
            frame.heartbeat.CopyFrom(
                pb.Heartbeat(
                    term=message.term,
                    commit=message.commit,
                    read_position=message.read_position,
                    checkpoint=_wire_checkpoint(message.checkpoint),
                    agreed=_wire_checkpoint(message.agreed),
                )
            )
        case HeartbeatReply():
            frame.heartbeat_reply.CopyFrom(
                pb.HeartbeatReply(
                    term=message.term,
                    read_position=message.read_position,
                    applied=message.applied,
                    slow=message.is_slow,
                    free_bytes=message.free_bytes,
                    agreement=_wire_agreement(message.agreement),
                    wants_state=message.wants_state,
                )
            )
        case ReadIndexRequest():
            frame.read_index_request.CopyFrom(
                pb.ReadIndexRequest(term=message.term, position=message.position)
            )
        case ReadIndexReply():
            frame.read_index_reply.CopyFrom(
                pb.ReadIndexReply(
                    term=message.term, position=message.position, index=message.index
                )
            )
        case AppendRejected():
            rejected = frame.append_rejected
            rejected.term = message.term
            rejected.prev.CopyFrom(_id(message.prev))
            rejected.hint.CopyFrom(_id(message.hint))
            rejected.stream = message.stream
            rejected.sequence = message.sequence
            rejected.corrupt_from = message.corrupt_from
        case RepairRequest():
            frame.repair_request.CopyFrom(
                pb.RepairRequest(
                    term=message.term,
                    first=message.first,
                    last=message.last,
                    link=message.link,
                )
            )
        case RepairReply():
            repair = frame.repair_reply
            repair.term = message.term
            repair.last = message.last
            repair.prev_link = message.prev_link
            _add_entries(repair.entries, message.entries)
        case PreVote():
            frame.pre_vote.CopyFrom(
                pb.PreVote(
                    term=message.term,
                    last=_id(message.last),
                    commit=_id(message.commit),
                )
            )
        case PreVoteReply():
            frame.pre_vote_reply.CopyFrom(
                pb.PreVoteReply(
                    term=message.term,
                    granted=message.granted,
                    asked_term=message.asked_term,
                    commit=_id(message.commit),
                )
            )
        case RequestVote():
            frame.request_vote.CopyFrom(
                pb.RequestVote(
                    term=message.term, last=_id(message.last), forced=message.forced
                )
            )
        case RequestVoteReply():
            frame.request_vote_reply.CopyFrom(
                pb.RequestVoteReply(term=message.term, granted=message.granted)
            )
        case SnapshotOffer():
            _encode_offer(frame.snapshot_offer, message)
        case TermOver():
            frame.term_over.CopyFrom(pb.TermOver(term=message.term))
        case TimeoutNow():
            frame.timeout_now.CopyFrom(pb.TimeoutNow(term=message.term))
        case _:
            assert_never(message)


def decode(frame: pb.Frame, *, sender: NodeId, to: NodeId) -> Message:
    """Return the message of a frame that holds exactly one.

    Errors: FrameError when the kind is none of consensus or the shape is wrong.
    """
    match frame.WhichOneof("kind"):
        case "append_entries":
            return _append_entries(frame.append_entries, sender, to)
        case "append_accepted":
            accepted = frame.append_accepted
            return AppendAccepted(
                sender,
                to,
                Term(accepted.term),
                Index(accepted.match),
                accepted.stream,
                accepted.sequence,
            )
        case "heartbeat":
            beat = frame.heartbeat
            return Heartbeat(
                sender,
                to,
                Term(beat.term),
                Index(beat.commit),
                beat.read_position,
                _checkpoint(beat.checkpoint) if beat.HasField("checkpoint") else None,
                _checkpoint(beat.agreed) if beat.HasField("agreed") else None,
            )
        case "heartbeat_reply":
            echo = frame.heartbeat_reply
            return HeartbeatReply(
                sender,
                to,
                Term(echo.term),
                echo.read_position,
                Index(echo.applied),
                echo.slow,
                echo.free_bytes if echo.HasField("free_bytes") else None,
                _agreement(echo.agreement) if echo.HasField("agreement") else None,
                Index(echo.wants_state),
            )
        case "read_index_request":
            asked = frame.read_index_request
            return ReadIndexRequest(sender, to, Term(asked.term), asked.position)
        case "read_index_reply":
            point = frame.read_index_reply
            return ReadIndexReply(
                sender, to, Term(point.term), point.position, Index(point.index)
            )
        case "append_rejected":
            rejected = frame.append_rejected
            return AppendRejected(
                sender,
                to,
                Term(rejected.term),
                _entry_id(rejected.prev),
                _entry_id(rejected.hint),
                rejected.stream,
                rejected.sequence,
                Index(rejected.corrupt_from),
            )
        case "pre_vote":
            pre_vote = frame.pre_vote
            return PreVote(
                sender,
                to,
                Term(pre_vote.term),
                _entry_id(pre_vote.last),
                _entry_id(pre_vote.commit),
            )
        case "pre_vote_reply":
            pre = frame.pre_vote_reply
            return PreVoteReply(
                sender,
                to,
                Term(pre.term),
                pre.granted,
                Term(pre.asked_term),
                _entry_id(pre.commit),
            )
        case "request_vote":
            vote = frame.request_vote
            return RequestVote(
                sender, to, Term(vote.term), _entry_id(vote.last), vote.forced
            )
        case "request_vote_reply":
            reply = frame.request_vote_reply
            return RequestVoteReply(sender, to, Term(reply.term), reply.granted)
        case "snapshot_offer":
            return _snapshot_offer(frame.snapshot_offer, sender, to)
        case "repair_request":
            return _repair_request(frame.repair_request, sender, to)
        case "repair_reply":
            return _repair_reply(frame.repair_reply, sender, to)
        case "term_over":
            return TermOver(sender, to, Term(frame.term_over.term))
        case "timeout_now":
            return TimeoutNow(sender, to, Term(frame.timeout_now.term))
        case other:
            raise FrameError(
                f"expected a message of consensus from node {sender}, found {other}: "
                "is that node of a newer release than the next one?"
            )


def _add_entries(
    to: "RepeatedCompositeFieldContainer[pb.Entry]", entries: Iterable[Entry]
) -> None:
    for entry in entries:
        to.add(
            term=entry.term,
            index=entry.index,
            kind=entry.kind,
            ts_us=entry.ts_us,
            payload=entry.payload,
            link=entry.link,
        )


def _append_entries(append: pb.AppendEntries, sender: NodeId, to: NodeId) -> Message:
    """Return the message; its entries follow prev without a gap, in terms that never fall."""
    prev = _entry_id(append.prev)
    if len(append.prev_link) != LINK_BYTES:
        raise FrameError(
            f"expected a link of {LINK_BYTES} bytes before the entries from node {sender}, "
            f"found {len(append.prev_link)}"
        )
    entries: list[Entry] = []
    last = prev
    term = Term(append.term)
    for wire in append.entries:
        entry = _entry(wire, sender)
        found = entry.id
        if found.index != last.index + 1 or not last.term <= found.term <= term:
            raise FrameError(
                f"entries from node {sender}: expected index {last.index + 1} in a term "
                f"{last.term} .. {term}, found index {found.index} in term {found.term}"
            )
        entries.append(entry)
        last = found
    return AppendEntries(
        sender,
        to,
        term,
        prev,
        append.prev_link,
        tuple(entries),
        Index(append.commit),
        append.stream,
        append.sequence,
    )


def _encode_offer(offer: pb.SnapshotOffer, message: SnapshotOffer) -> None:
    snapshot = message.snapshot
    offer.term = message.term
    offer.last.CopyFrom(_id(snapshot.id))
    offer.link = snapshot.anchor.link
    offer.ts_us = snapshot.anchor.ts_us
    offer.membership = encode_membership(snapshot.membership)
    offer.digest = snapshot.digest
    offer.size_bytes = snapshot.size_bytes
    offer.sha256 = snapshot.sha256
    offer.stream = message.stream
    offer.sequence = message.sequence


def _snapshot_offer(offer: pb.SnapshotOffer, sender: NodeId, to: NodeId) -> Message:
    """Return the message; the digests have their lengths and the membership its shape."""
    if not len(offer.link) == len(offer.digest) == len(offer.sha256) == LINK_BYTES:
        raise FrameError(
            f"snapshot offered by node {sender}: expected a link and digests of {LINK_BYTES} "
            f"bytes, found {len(offer.link)}, {len(offer.digest)} and {len(offer.sha256)}"
        )
    try:
        membership = decode_membership(offer.membership)
    except CorruptionError as error:
        raise FrameError(
            f"snapshot offered by node {sender}: expected a membership, found: {error}"
        ) from error
    anchor = Anchor(_entry_id(offer.last), offer.link, offer.ts_us)
    return SnapshotOffer(
        sender,
        to,
        Term(offer.term),
        Snapshot(anchor, membership, offer.digest, offer.size_bytes, offer.sha256),
        offer.stream,
        offer.sequence,
    )


def _entry(wire: pb.Entry, sender: NodeId) -> Entry:
    number, link = wire.kind, wire.link
    if not 1 <= number <= ENTRY_KIND_MAX or len(link) != LINK_BYTES:
        raise FrameError(
            f"entry {wire.index} from node {sender}: expected a kind 1 .. {ENTRY_KIND_MAX} "
            f"and a link of {LINK_BYTES} bytes, found kind {number} and "
            f"{len(link)} bytes"
        )
    kind = _KINDS.get(number) or EntryKind(number)  # of a newer release (F26)
    return Entry(
        Term(wire.term), Index(wire.index), kind, wire.ts_us, wire.payload, link
    )


def _repair_request(wire: pb.RepairRequest, sender: NodeId, to: NodeId) -> Message:
    if not 1 <= wire.first <= wire.last or len(wire.link) != LINK_BYTES:
        raise FrameError(
            f"repair asked by node {sender}: expected indexes that rise from 1 and a link of "
            f"{LINK_BYTES} bytes, found {wire.first} .. {wire.last} and {len(wire.link)} bytes"
        )
    first, last = Index(wire.first), Index(wire.last)
    return RepairRequest(sender, to, Term(wire.term), first, last, wire.link)


def _repair_reply(wire: pb.RepairReply, sender: NodeId, to: NodeId) -> Message:
    """Return the message; whether its entries prove themselves is the core's business."""
    if len(wire.prev_link) != LINK_BYTES:
        raise FrameError(
            f"repair from node {sender}: expected a link of {LINK_BYTES} bytes before the "
            f"entries, found {len(wire.prev_link)}"
        )
    entries = tuple(_entry(entry, sender) for entry in wire.entries)
    last = Index(wire.last)
    return RepairReply(sender, to, Term(wire.term), last, wire.prev_link, entries)


def _wire_checkpoint(checkpoint: Checkpoint | None) -> pb.Checkpoint | None:
    if checkpoint is None:
        return None
    return pb.Checkpoint(index=checkpoint.index, digest=checkpoint.digest)


def _checkpoint(wire: pb.Checkpoint) -> Checkpoint:
    return Checkpoint(Index(wire.index), wire.digest)


def _wire_agreement(agreement: Agreement | None) -> pb.Agreement | None:
    if agreement is None:
        return None
    return pb.Agreement(index=agreement.index, equal=agreement.is_equal)


def _agreement(wire: pb.Agreement) -> Agreement:
    return Agreement(Index(wire.index), wire.equal)


def _id(value: EntryId) -> pb.EntryId:
    return pb.EntryId(term=value.term, index=value.index)


def _entry_id(wire: pb.EntryId) -> EntryId:
    return EntryId(Term(wire.term), Index(wire.index))
