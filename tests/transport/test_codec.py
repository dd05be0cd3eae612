"""Messages of consensus and their frames."""

import typing

import pytest

from ledgerd.raft import messages as m
from ledgerd.raft.entries import Anchor, Entry, EntryId, EntryKind, Index, NodeId, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.snapshots import Snapshot
from ledgerd.transport import codec
from ledgerd.transport.v1 import peer_pb2 as pb

ONE, TWO = NodeId(1), NodeId(2)
LINK = bytes(range(32))
BIG = 2**64 - 1


def entry(index: int, term: int = 3, kind: EntryKind = EntryKind.PAYOUTS) -> Entry:
    return Entry(
        Term(term), Index(index), kind, 1_700_000_000_000_000, b"payload", LINK
    )


LAST = EntryId(Term(3), Index(9))
EXAMPLES: list[m.Message] = [
    m.PreVote(ONE, TWO, Term(4), LAST),
    m.PreVoteReply(ONE, TWO, Term(4), granted=True, asked_term=Term(4)),
    m.PreVoteReply(ONE, TWO, Term(7), granted=False, asked_term=Term(4)),
    m.PreVoteReply(
        ONE, TWO, Term(7), False, Term(4), commit=EntryId(Term(3), Index(9))
    ),
    m.RequestVote(ONE, TWO, Term(4), LAST),
    m.RequestVote(ONE, TWO, Term(4), LAST, forced=True),
    m.RequestVoteReply(ONE, TWO, Term(4), granted=True),
    m.AppendEntries(ONE, TWO, Term(3), LAST, LINK, (), Index(9), 5, 6),
    m.AppendEntries(
        ONE, TWO, Term(4), LAST, LINK, (entry(10), entry(11, 4)), Index(9), 5, 6
    ),
    m.AppendEntries(
        ONE,
        TWO,
        Term(1),
        EntryId(Term(0), Index(0)),
        bytes(32),
        (entry(1, 1, EntryKind.NOOP),),
        Index(0),
        BIG,
        BIG,
    ),
    m.AppendAccepted(ONE, TWO, Term(4), Index(11), 5, 6),
    m.AppendRejected(ONE, TWO, Term(4), LAST, EntryId(Term(2), Index(7)), 5, 6),
    m.AppendRejected(
        ONE, TWO, Term(4), LAST, EntryId(Term(2), Index(7)), 5, 6, corrupt_from=Index(8)
    ),
    m.RepairRequest(ONE, TWO, Term(4), Index(3), Index(BIG), LINK),
    m.RepairReply(ONE, TWO, Term(4), Index(5), LINK, (entry(4), entry(5))),
    m.RepairReply(ONE, TWO, Term(4), Index(5), LINK, ()),
    m.Heartbeat(ONE, TWO, Term(4), Index(11), 17),
    m.HeartbeatReply(ONE, TWO, Term(4), 17, Index(10)),
    m.Heartbeat(
        ONE,
        TWO,
        Term(4),
        Index(11),
        17,
        m.Checkpoint(Index(9), LINK),
        m.Checkpoint(Index(8), LINK),
    ),
    m.HeartbeatReply(
        ONE, TWO, Term(4), 17, Index(10), agreement=m.Agreement(Index(9), False)
    ),
    m.HeartbeatReply(ONE, TWO, Term(4), 17, Index(10), wants_state=Index(7)),
    m.ReadIndexRequest(ONE, TWO, Term(4), BIG),
    m.ReadIndexReply(ONE, TWO, Term(4), 18, Index(11)),
    m.SnapshotOffer(
        ONE,
        TWO,
        Term(4),
        Snapshot(
            Anchor(LAST, LINK, 1_700_000_000_000_000),
            Membership((ONE, TWO), (ONE,), (NodeId(7),), (), True, Index(5)),
            bytes(range(32, 64)),
            1 << 40,
            bytes(range(64, 96)),
        ),
        5,
        6,
    ),
    m.TermOver(ONE, TWO, Term(4)),
    m.TimeoutNow(ONE, TWO, Term(4)),
]


def test_every_message_class_has_an_example() -> None:
    """The round trip below leaves no class out."""
    assert set(typing.get_args(m.Message)) == {type(example) for example in EXAMPLES}


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda item: type(item).__name__)
def test_a_message_comes_back_equal(message: m.Message) -> None:
    """Encoded, put on the wire, and decoded, a message is the same message."""
    data = codec.encode(message, clock_us=123).SerializeToString()
    frame = pb.Frame.FromString(data)

    assert codec.decode(frame, sender=ONE, to=TWO) == message
    assert frame.clock_us == 123


def test_an_entry_of_a_newer_release_travels_as_it_is() -> None:
    """Its kind is unknown here; it is kept and passed on like any other (F26)."""
    newer = entry(10, kind=EntryKind(200))
    sent = m.AppendEntries(ONE, TWO, Term(3), LAST, LINK, (newer,), Index(9), 5, 6)
    data = codec.encode(sent, clock_us=123).SerializeToString()

    assert codec.decode(pb.Frame.FromString(data), sender=ONE, to=TWO) == sent


def test_messages_that_travel_together_keep_their_order() -> None:
    """A bundle holds many messages and gives them back in the order they were put."""
    frame = codec.pack(EXAMPLES, clock_us=1)
    again = pb.Frame.FromString(frame.SerializeToString())

    assert list(codec.unpack(again, sender=ONE, to=TWO)) == EXAMPLES


def test_every_kind_of_frame_is_understood() -> None:
    """Each field of the oneof is a message of consensus, or one of the three others."""
    kinds = {field.name for field in pb.Frame.DESCRIPTOR.oneofs_by_name["kind"].fields}
    of_examples = {
        codec.encode(example, clock_us=0).WhichOneof("kind") for example in EXAMPLES
    }

    assert kinds == of_examples | {"hello", "alive", "bundle"}


def test_the_size_of_a_message_is_close_to_its_size_on_the_wire() -> None:
    """Queues are bounded by an estimate that is not below what travels."""
    for example in EXAMPLES:
        wire = codec.encode(example, clock_us=2**50).ByteSize()

        assert wire <= codec.size_bytes(example) + 64


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (pb.Frame(), "found None"),
        (pb.Frame(alive=pb.Alive()), "found alive"),
        (pb.Frame(bundle=pb.Bundle()), "found bundle"),
        (pb.Frame(append_entries=pb.AppendEntries(prev_link=b"short")), "found 5"),
    ],
)
def test_what_is_no_message_is_refused(frame: pb.Frame, why: str) -> None:
    """A frame of another kind or shape is an error with what was expected and found."""
    with pytest.raises(codec.FrameError, match=why):
        codec.decode(frame, sender=ONE, to=TWO)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": 256}, "found kind 256"),
        ({"link": b"x"}, "1 bytes"),
        ({"index": 12}, "expected index 10 .* found index 12"),
        ({"term": 2}, "term 3 .. 4, found index 10 in term 2"),
        ({"term": 5}, "term 3 .. 4, found index 10 in term 5"),
    ],
)
def test_entries_that_do_not_follow_are_refused(
    change: dict[str, typing.Any], why: str
) -> None:
    """Entries follow prev without a gap, in terms that never fall, of kinds that exist."""
    message = m.AppendEntries(
        ONE, TWO, Term(4), LAST, LINK, (entry(10),), Index(9), 5, 6
    )
    frame = codec.encode(message, clock_us=0)
    for name, value in change.items():
        setattr(frame.append_entries.entries[0], name, value)

    with pytest.raises(codec.FrameError, match=why):
        codec.decode(frame, sender=ONE, to=TWO)


def test_bundles_do_not_nest() -> None:
    """A bundle in a bundle is refused, so a frame cannot recurse."""
    inner = codec.pack(EXAMPLES[:2], clock_us=0)
    frame = pb.Frame(bundle=pb.Bundle(frames=[inner]))

    with pytest.raises(codec.FrameError, match="found bundle"):
        list(codec.unpack(frame, sender=ONE, to=TWO))
