"""Memberships as durable bytes: the payload of a MEMBERSHIP entry, and the row in state/.

All numbers big-endian, all texts UTF-8 behind their length as u16.

    change      version u8 = 1, tag u8, then by tag
        1 simple        ops
        2 enter joint   auto_leave u8, ops
        3 leave joint   nothing: an explicit, empty change (T58)
        4 found         records
    ops         count u16, then each  kind u8, node id u32, parts u8 (1 record, 2 plan), the parts
    records     count u16, then each  record
    record      node id u32, kind u8, length of store uuid u8 (0 or 16), store uuid,
                priority i32, version_min u32, version_max u32, peer address, api address, region
    plan        replaces u32, 0 for nobody
    membership  version u8 = 1, index u64, auto_leave u8, node_id_last u32,
                voters, outgoing, learners, learners_next, each count u16 and node ids u32,
                records, count u16 and for each plan node id u32 and plan, CRC32C u32 of all before

A layout is never changed: a new one gets the next version. Bytes that cannot be read are a
CorruptionError, those of a newer release are NotUnderstood: skipping a change would fork the
membership.
"""

from collections.abc import Callable, Sequence
from struct import Struct
from struct import error as StructError
from typing import Final, TypeVar, assert_never

from google_crc32c import value as crc32c

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.formats.records import Table, TableRows
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

Item = TypeVar("Item")

# The row of the membership in the table `meta` of state/.
META_MEMBERSHIP: Final = b"cluster/membership"

_VERSION: Final = 1
_SIMPLE, _ENTER_JOINT, _LEAVE_JOINT, _FOUND = 1, 2, 3, 4
_HAS_RECORD, _HAS_PLAN = 1, 2

_OP_KINDS: Final = frozenset(OpKind)

_HEAD: Final = Struct(">BB")
_FLAG: Final = Struct(">B")
_COUNT: Final = Struct(">H")
_ID: Final = Struct(">I")
_OP: Final = Struct(">BIB")
_RECORD: Final = Struct(">IBB")
_NUMBERS: Final = Struct(">iII")
_MEMBERSHIP: Final = Struct(">BQBI")
_CRC: Final = Struct(">I")


def encode_change(change: Change) -> bytes:
    """Return the payload of the entry that makes this change."""
    match change:
        case Simple():
            return _HEAD.pack(_VERSION, _SIMPLE) + _ops(change.ops)
        case EnterJoint():
            flag = _FLAG.pack(change.auto_leave)
            return _HEAD.pack(_VERSION, _ENTER_JOINT) + flag + _ops(change.ops)
        case LeaveJoint():
            return _HEAD.pack(_VERSION, _LEAVE_JOINT)
        case Found():
            return _HEAD.pack(_VERSION, _FOUND) + _records(change.nodes)
        case _:
            assert_never(change)


def decode_change(payload: bytes) -> Change:
    """Return the change of an entry.

    Errors: NotUnderstood when a newer release wrote it, CorruptionError for other bytes.
    """
    return _decoded(payload, "a change of the membership", _read_change)


def encode_membership(membership: Membership) -> bytes:
    """Return the row of a membership; equal memberships give equal bytes."""
    body = _MEMBERSHIP.pack(
        _VERSION,
        membership.index,
        membership.auto_leave,
        membership.node_id_last,
    )
    body += b"".join(
        _COUNT.pack(len(group)) + b"".join(map(_ID.pack, group))
        for group in (
            membership.voters,
            membership.outgoing,
            membership.learners,
            membership.learners_next,
        )
    )
    body += _records(membership.nodes) + _COUNT.pack(len(membership.plans))
    body += b"".join(
        _ID.pack(plan.node_id) + _ID.pack(plan.replaces) for plan in membership.plans
    )
    return body + _CRC.pack(crc32c(body))


def decode_membership(row: bytes) -> Membership:
    """Return the membership of a row. Raises CorruptionError for other bytes."""
    body, checksum = row[: -_CRC.size], row[-_CRC.size :]
    if _CRC.pack(crc32c(body)) != checksum:
        raise CorruptionError("the row of the membership: checksum is wrong")
    return _decoded(body, "the row of the membership", _read_membership)


def membership_in(rows: Sequence[TableRows]) -> Membership | None:
    """Return the membership among the rows that an entry wrote; None if it set none."""
    for table in rows:
        if table.table is Table.META:
            for key, value in table.rows:
                if key == META_MEMBERSHIP:
                    return decode_membership(value)
    return None


# Writing.


def _ops(ops: Sequence[Op]) -> bytes:
    return _COUNT.pack(len(ops)) + b"".join(map(_op, ops))


def _op(op: Op) -> bytes:
    has_record = _HAS_RECORD if op.record is not None else 0
    has_plan = _HAS_PLAN if op.plan is not None else 0
    parts = _OP.pack(op.kind, op.node_id, has_record | has_plan)
    if op.record is not None:
        parts += _record(op.record)
    if op.plan is not None:
        parts += _ID.pack(op.plan.replaces)
    return parts


def _records(records: Sequence[NodeRecord]) -> bytes:
    return _COUNT.pack(len(records)) + b"".join(map(_record, records))


def _record(record: NodeRecord) -> bytes:
    return b"".join(
        (
            _RECORD.pack(record.node_id, record.kind, len(record.store_uuid)),
            record.store_uuid,
            _NUMBERS.pack(record.priority, record.version_min, record.version_max),
            *map(_text, (record.peer_address, record.api_address, record.region)),
        )
    )


def _text(text: str) -> bytes:
    raw = text.encode("utf-8")
    return _COUNT.pack(len(raw)) + raw


# Reading.


class _Reader:
    """Takes fields off bytes, in order; StructError or ValueError where there are none."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def fields(self, layout: Struct) -> tuple[int, ...]:
        values = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return values

    def number(self, layout: Struct) -> int:
        return self.fields(layout)[0]

    def raw(self, length: int) -> bytes:
        raw = self._data[self._at : self._at + length]
        if len(raw) != length:
            raise ValueError(f"expected {length} bytes, found {len(raw)}")
        self._at += length
        return raw

    def text(self) -> str:
        return self.raw(self.number(_COUNT)).decode("utf-8")

    def many(self, read: Callable[["_Reader"], Item]) -> tuple[Item, ...]:
        return tuple([read(self) for _ in range(self.number(_COUNT))])

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"expected {self._at} bytes, found {len(self._data)}")


def _decoded(data: bytes, what: str, read: Callable[[_Reader], Item]) -> Item:
    reader = _Reader(bytes(data))
    try:
        item = read(reader)
        reader.end()
    except (StructError, ValueError, AssertionError) as error:
        raise CorruptionError(f"{what} cannot be read: {error}") from error
    return item


def _expect_version(version: int) -> None:
    if version > _VERSION:
        raise NotUnderstood(f"a membership of version {version}")
    if version != _VERSION:
        raise ValueError(f"expected version {_VERSION}, found {version}")


def _read_change(reader: _Reader) -> Change:
    version, tag = reader.fields(_HEAD)
    _expect_version(version)
    if tag == _SIMPLE:
        return Simple(reader.many(_read_op))
    if tag == _ENTER_JOINT:
        auto_leave = bool(reader.number(_FLAG))
        return EnterJoint(reader.many(_read_op), auto_leave)
    if tag == _LEAVE_JOINT:
        return LeaveJoint()
    if tag == _FOUND:
        return Found(reader.many(_read_record))
    raise NotUnderstood(f"a change of the membership with tag {tag}")


def _read_op(reader: _Reader) -> Op:
    kind, number, parts = reader.fields(_OP)
    node_id = NodeId(number)
    record = _read_record(reader) if parts & _HAS_RECORD else None
    plan = Plan(node_id, NodeId(reader.number(_ID))) if parts & _HAS_PLAN else None
    if kind not in _OP_KINDS:
        raise NotUnderstood(f"an operation of kind {kind} on the membership")
    return Op(OpKind(kind), node_id, record, plan)


def _read_record(reader: _Reader) -> NodeRecord:
    node_id, kind, length = reader.fields(_RECORD)
    store_uuid = reader.raw(length)
    priority, version_min, version_max = reader.fields(_NUMBERS)
    return NodeRecord(
        NodeId(node_id),
        store_uuid=store_uuid,
        kind=NodeKind(kind),
        priority=priority,
        version_min=version_min,
        version_max=version_max,
        peer_address=reader.text(),
        api_address=reader.text(),
        region=reader.text(),
    )


def _read_membership(reader: _Reader) -> Membership:
    version, index, auto_leave, node_id_last = reader.fields(_MEMBERSHIP)
    _expect_version(version)
    # In the order in which they are written, which keyword arguments are evaluated in.
    return Membership(
        voters=reader.many(_read_id),
        outgoing=reader.many(_read_id),
        learners=reader.many(_read_id),
        learners_next=reader.many(_read_id),
        nodes=reader.many(_read_record),
        plans=reader.many(_read_plan),
        auto_leave=bool(auto_leave),
        index=Index(index),
        node_id_last=NodeId(node_id_last),
    )


def _read_plan(reader: _Reader) -> Plan:
    return Plan(_read_id(reader), _read_id(reader))


def _read_id(reader: _Reader) -> NodeId:
    return NodeId(reader.number(_ID))
