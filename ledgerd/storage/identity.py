"""Whose store this is: one record, the same in log/ and state/, written at creation.

version u8 | format version u16 | node id u32 | store uuid 16 | length u16, cluster id UTF-8 |
CRC32C u32 of all before; big-endian
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

import google_crc32c

from ledgerd.errors import ConfigError, CorruptionError
from ledgerd.raft.entries import NodeId

FORMAT_VERSION: Final = 1  # of the directory as a whole; a newer one is refused
_RECORD_VERSION: Final = 1
_HEAD: Final = Struct(">BHI16sH")
_CRC: Final = Struct(">I")


@dataclass(frozen=True, slots=True)
class Identity:
    """Cluster, node, and a uuid that tells two stores of the same node apart."""

    cluster_id: str
    node_id: NodeId
    store_uuid: bytes
    format_version: int

    def __str__(self) -> str:
        return f"cluster {self.cluster_id!r} node {self.node_id} store {self.store_uuid.hex()}"


def pack(identity: Identity) -> bytes:
    """Return the stored form."""
    cluster = identity.cluster_id.encode("utf-8")
    head = _HEAD.pack(
        _RECORD_VERSION,
        identity.format_version,
        identity.node_id,
        identity.store_uuid,
        len(cluster),
    )
    body = head + cluster
    return body + _CRC.pack(google_crc32c.value(body))


def unpack(stored: bytes, *, where: str) -> Identity:
    """Read the stored form. `where` names the record in messages.

    Errors: CorruptionError when the checksum is wrong; ConfigError for a newer format.
    """
    body, checksum = stored[: -_CRC.size], stored[-_CRC.size :]
    if (
        len(stored) < _HEAD.size + _CRC.size
        or _CRC.pack(google_crc32c.value(body)) != checksum
    ):
        raise CorruptionError(
            f"{where}: checksum is wrong, so it is unknown whose store this is; replace the node"
        )
    record_version, format_version, node_id, store_uuid, length = _HEAD.unpack_from(
        body
    )
    if record_version > _RECORD_VERSION or format_version > FORMAT_VERSION:
        raise ConfigError(
            f"{where}: format version {format_version}; this release reads up to {FORMAT_VERSION}; "
            "start the release that wrote it, or a newer one"
        )
    cluster_id = body[_HEAD.size : _HEAD.size + length].decode("utf-8")
    return Identity(cluster_id, NodeId(node_id), store_uuid, format_version)
