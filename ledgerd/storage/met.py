"""Which stores the founders have, as this node met them before the log says so: kept in log/ (F25).

The stores of all members stand in the log once every founder was met. Until then each node only
knows whom it met itself, and a founder whose disk was emptied would be a new one to whoever has
forgotten the old one: it would vote again, without what it acknowledged. So a store is written down
before anything that its node says is looked at, and a restart goes on with it.

version u8 | count u16 | count times (node id u32, store 16 bytes, protocol u16, state version min
u32, max u32), ascending | CRC32C u32 of all before; big-endian
"""

from collections.abc import Sequence
from dataclasses import replace
from struct import Struct
from struct import error as StructError
from typing import Final

import google_crc32c
import lmdb

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.raft.entries import NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.membership import (
    STORE_UUID_BYTES,
    UNKNOWN_STORE,
    Membership,
    NodeRecord,
)
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment

_VERSION: Final = 1
_HEAD: Final = Struct(">BH")
_PEER: Final = Struct(f">I{STORE_UUID_BYTES}sHII")
_CRC: Final = Struct(">I")


class Met:
    """The founders that this node has met. `remember` belongs to the thread that writes log/."""

    def __init__(self, environment: Environment, membership: Membership) -> None:
        """Read what was met before. membership: that the node starts with.

        Once the log says who has which store, nothing is remembered here any more, and nothing
        counts. Errors: CorruptionError when the record is damaged; StorageError.
        """
        self._environment = environment
        self._founders = frozenset(membership.members if not membership.index else ())
        peers = load(environment) if self._founders else ()
        self._peers = {
            peer.node_id: peer for peer in peers if peer.node_id in self._founders
        }

    @property
    def facts(self) -> tuple[PeerGreeted, ...]:
        """What each of them said last, for a core that is new.

        So that the founders can be recorded, and one that lost its disk replaced, without it (F26).
        """
        return tuple(self._peers.values())

    def remember(self, greeted: PeerGreeted) -> None:
        """Make durable whom this node met, before any message of it is handled.

        Errors: StorageError when LMDB or the disk fails.
        """
        if (
            greeted.node_id not in self._founders
            or greeted.store_uuid == UNKNOWN_STORE
            or self._peers.get(greeted.node_id) == greeted
        ):
            return
        before = self._peers.get(greeted.node_id, greeted)
        assert before.store_uuid == greeted.store_uuid, (before, greeted)  # F25
        self._peers[greeted.node_id] = greeted
        meta = self._environment.log_tables[keys.META]
        try:
            with self._environment.log.begin(db=meta, write=True) as transaction:
                transaction.put(keys.MET, pack(list(self._peers.values())))
        except (lmdb.Error, OSError) as error:
            raise StorageError(f"{self._environment.directory}/log: {error}") from error


def load(environment: Environment) -> tuple[PeerGreeted, ...]:
    """Return the founders that were met, with what they said.

    Errors: CorruptionError when the record is damaged; StorageError when LMDB or the disk fails.
    """
    meta = environment.log_tables[keys.META]
    try:
        with environment.log.begin(db=meta) as transaction:
            stored = transaction.get(keys.MET)
    except (lmdb.Error, OSError) as error:
        raise StorageError(f"{environment.directory}/log: {error}") from error
    if stored is None:
        return ()
    return unpack(stored, where=f"{environment.directory}/log, table meta")


def recorded(environment: Environment, node: NodeRecord) -> NodeRecord:
    """Return the record with the store that the node was met with, if it was (F25)."""
    for peer in load(environment):
        if peer.node_id == node.node_id and node.store_uuid == UNKNOWN_STORE:
            return replace(
                node,
                store_uuid=peer.store_uuid,
                version_min=peer.state_version_min,
                version_max=peer.state_version_max,
            )
    return node


def pack(peers: Sequence[PeerGreeted]) -> bytes:
    """Return the stored form."""
    body = _HEAD.pack(_VERSION, len(peers))
    for peer in sorted(peers, key=lambda peer: peer.node_id):
        assert len(peer.store_uuid) == STORE_UUID_BYTES, peer
        body += _PEER.pack(
            peer.node_id,
            peer.store_uuid,
            peer.protocol,
            peer.state_version_min,
            peer.state_version_max,
        )
    return body + _CRC.pack(google_crc32c.value(body))


def unpack(stored: bytes, *, where: str) -> tuple[PeerGreeted, ...]:
    """Read the stored form. Errors: CorruptionError when it is damaged."""
    body, checksum = stored[: -_CRC.size], stored[-_CRC.size :]
    if _CRC.pack(google_crc32c.value(body)) != checksum:
        raise CorruptionError(f"{where}, key met: checksum is wrong")
    try:
        version, count = _HEAD.unpack_from(body)
        rows = list(_PEER.iter_unpack(body[_HEAD.size :]))
    except StructError as error:
        raise CorruptionError(f"{where}, key met: {error}") from error
    if version != _VERSION or count != len(rows):
        raise CorruptionError(
            f"{where}, key met: expected version {_VERSION} with {count} nodes, found version "
            f"{version} with {len(rows)}"
        )
    return tuple(
        PeerGreeted(NodeId(node_id), protocol, version_min, version_max, store_uuid)
        for node_id, store_uuid, protocol, version_min, version_max in rows
    )
