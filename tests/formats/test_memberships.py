"""Changes of the membership, and the membership itself, as durable bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.formats.memberships import (
    decode_change,
    decode_membership,
    encode_change,
    encode_membership,
)
from ledgerd.raft.changes import (
    Change,
    EnterJoint,
    Found,
    LeaveJoint,
    Op,
    OpKind,
    Simple,
)
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.membership import Membership, NodeKind, NodeRecord, Plan

node_ids = st.integers(1, 2**32 - 1).map(NodeId)
records = st.builds(
    NodeRecord,
    node_ids,
    store_uuid=st.one_of(st.just(b""), st.binary(min_size=16, max_size=16)),
    peer_address=st.text(max_size=20),
    api_address=st.text(max_size=20),
    kind=st.sampled_from(NodeKind),
    priority=st.integers(-(2**31), 2**31 - 1),
    region=st.text(max_size=5),
    version_min=st.just(1),
    version_max=st.integers(1, 9),
)


@st.composite
def operations(draw: st.DrawFn) -> Op:
    """An operation with or without a record and a plan of its node."""
    record = draw(records)
    plan = Plan(record.node_id, draw(node_ids))
    return Op(
        draw(st.sampled_from(OpKind)),
        record.node_id,
        draw(st.sampled_from([record, None])),
        draw(st.sampled_from([plan, None])),
    )


ops = st.lists(operations(), max_size=4).map(tuple)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(Simple, ops),
    st.builds(EnterJoint, ops, st.booleans()),
    st.just(LeaveJoint()),
    st.lists(records, max_size=4).map(tuple).map(Found),
)

FOUR = NodeRecord(
    NodeId(4),
    bytes(range(16)),
    "d:7101",
    "d:7201",
    priority=-1,
    region="é",
    version_max=2,
)
MEMBERSHIP = Membership(
    (NodeId(1), NodeId(2)),
    (NodeId(1), NodeId(3)),
    (NodeId(4),),
    (NodeId(3),),
    auto_leave=True,
    index=Index(70),
    nodes=(FOUR,),
    plans=(Plan(NodeId(4), NodeId(2)),),
    node_id_last=NodeId(9),
)


@given(changes)
def test_a_change_comes_back(change: Change) -> None:
    """What is written is what is read."""
    assert change == decode_change(encode_change(change))


def test_a_membership_comes_back() -> None:
    """A joint one with records, plans and the counter of ids (T56)."""
    assert decode_membership(encode_membership(MEMBERSHIP)) == MEMBERSHIP


@pytest.mark.parametrize(
    ("change", "golden"),
    [
        (LeaveJoint(), "0103"),
        (Simple((Op(OpKind.REMOVE, NodeId(3)),)), "01010001030000000300"),
        (
            EnterJoint(
                (Op(OpKind.LEARNER, NodeId(4), FOUR, Plan(NodeId(4), NodeId(2))),),
                auto_leave=True,
            ),
            "010201000102000000040300000004011000"
            "0102030405060708090a0b0c0d0e0fffffffff00000001000000020006643a3731303100"
            "06643a373230310002c3a900000002",
        ),
    ],
)
def test_the_bytes_of_a_change_are_kept_for_ever(change: Change, golden: str) -> None:
    """Golden bytes: every later release reads them."""
    assert golden == encode_change(change).hex()


def test_the_bytes_of_a_membership_are_kept_for_ever() -> None:
    """Golden bytes of the row."""
    assert (
        encode_membership(MEMBERSHIP).hex()
        == (
            "01000000000000004601000000090002000000010000000200020000000100000003000100"
            "0000040001000000030001000000040110000102030405060708090a0b0c0d0e0fffffffff"
            "00000001000000020006643a373130310006643a373230310002c3a90001000000040000000"
            "2"
        )
        + encode_membership(MEMBERSHIP)[-4:].hex()
    )


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x01\x03\x00", b"\x01\x01\x00"])
def test_a_change_that_cannot_be_read_is_corruption(payload: bytes) -> None:
    """Never skipped: that would fork the membership."""
    with pytest.raises(CorruptionError, match="change of the membership"):
        decode_change(payload)


@pytest.mark.parametrize("payload", ["0203", "0109", "0101000109" + 5 * "00"])
def test_a_change_of_a_newer_release_is_not_understood(payload: str) -> None:
    """F26: a version, a form or an operation that this release does not know."""
    with pytest.raises(NotUnderstood):
        decode_change(bytes.fromhex(payload))


@given(st.integers(0, 8 * len(encode_membership(MEMBERSHIP)) - 1))
def test_every_flipped_bit_of_a_membership_is_found(bit: int) -> None:
    """LMDB pages have no checksum, the row has one (T74)."""
    row = bytearray(encode_membership(MEMBERSHIP))
    row[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptionError, match="membership"):
        decode_membership(bytes(row))
