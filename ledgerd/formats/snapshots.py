"""The header of a snapshot: what its bytes hold and how they are checked. Durable, and on the wire.

    version u8 = 1 | index u64 | term u64 | link 32 | log time i64 | digest 32 |
    state version u32 | size u64 | SHA-256 32 | chunk bytes u32 |
    length u16, cluster id UTF-8 | length u32, membership as in formats/memberships, 0 for none |
    CRC32C u32 of all before; big-endian

A layout is never changed: a new one gets the next version.
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Final

from google_crc32c import value as crc32c

from ledgerd.errors import CorruptionError
from ledgerd.formats import memberships
from ledgerd.raft.entries import Anchor, EntryId, Index, Term
from ledgerd.raft.membership import NOBODY
from ledgerd.raft.snapshots import Snapshot

_VERSION: Final = 1
_BODY: Final = Struct(">BQQ32sq32sIQ32sI")
_CLUSTER: Final = Struct(">H")
_MEMBERSHIP: Final = Struct(">I")
_CRC: Final = Struct(">I")


@dataclass(frozen=True, slots=True)
class SnapshotHeader:
    """What a snapshot is of, and how its bytes are checked.

    state_version: in force in the state. chunk_bytes: what it is cut into when it travels.
    """

    snapshot: Snapshot
    cluster_id: str
    state_version: int
    chunk_bytes: int


def encode(header: SnapshotHeader) -> bytes:
    """Return the bytes of a header."""
    snapshot = header.snapshot
    anchor = snapshot.anchor
    body = _BODY.pack(
        _VERSION,
        anchor.id.index,
        anchor.id.term,
        anchor.link,
        anchor.ts_us,
        snapshot.digest,
        header.state_version,
        snapshot.size_bytes,
        snapshot.sha256,
        header.chunk_bytes,
    )
    cluster = header.cluster_id.encode("utf-8")
    members = b""
    if not snapshot.membership.is_empty:
        members = memberships.encode_membership(snapshot.membership)
    body += _CLUSTER.pack(len(cluster)) + cluster
    body += _MEMBERSHIP.pack(len(members)) + members
    return body + _CRC.pack(crc32c(body))


def decode(raw: bytes) -> SnapshotHeader:
    """Return the header. Raises CorruptionError for anything but the bytes of one."""
    body, checksum = raw[: -_CRC.size], raw[-_CRC.size :]
    if _CRC.pack(crc32c(body)) != checksum:
        raise CorruptionError("header of a snapshot: checksum is wrong")
    try:
        (
            version,
            index,
            term,
            link,
            ts_us,
            digest,
            state_version,
            size,
            sha256,
            chunk,
        ) = _BODY.unpack_from(body)
        if version != _VERSION:
            raise CorruptionError(
                f"header of a snapshot: version {version}, expected {_VERSION}"
            )
        at = _BODY.size
        (length,) = _CLUSTER.unpack_from(body, at)
        at += _CLUSTER.size
        cluster_id = body[at : at + length].decode("utf-8")
        at += length
        (length,) = _MEMBERSHIP.unpack_from(body, at)
        at += _MEMBERSHIP.size
        members = body[at : at + length]
    except (StructError, UnicodeDecodeError) as error:
        raise CorruptionError(f"header of a snapshot: {error}") from error
    if at + length != len(body):
        raise CorruptionError(
            f"header of a snapshot: {len(body)} bytes, expected {at + length}"
        )
    membership = memberships.decode_membership(members) if members else NOBODY
    anchor = Anchor(EntryId(Term(term), Index(index)), link, ts_us)
    snapshot = Snapshot(anchor, membership, digest, size, sha256)
    return SnapshotHeader(snapshot, cluster_id, state_version, chunk)
