"""Who votes: the members that a data directory was first used with, kept in log/ for ever.

The members stand in each node's configuration, and a file can be edited. A node that is told of
fewer peers than it promised its votes to would lead by itself beside the real leader. In this
release the members never change, so a directory is used with those of its first start only.

version u8 | count u16 | node ids u32, ascending | CRC32C u32 of all before; big-endian
"""

from collections.abc import Sequence
from struct import Struct
from struct import error as StructError
from typing import Final

import google_crc32c
import lmdb

from ledgerd.errors import ConfigError, CorruptionError, StorageError
from ledgerd.raft.entries import NodeId
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment

_VERSION: Final = 1
_HEAD: Final = Struct(">BH")
_ID: Final = Struct(">I")
_CRC: Final = Struct(">I")


def admit(environment: Environment, voters: Sequence[NodeId]) -> None:
    """Return if these are the members the directory was first used with, or if it is new.

    Errors: ConfigError when they are others; CorruptionError when the record is damaged;
    StorageError when LMDB or the disk fails.
    """
    meta = environment.log_tables[keys.META]
    try:
        with environment.log.begin(db=meta) as transaction:
            stored = transaction.get(keys.FOUNDERS)
        if stored is None:
            with environment.log.begin(db=meta, write=True) as transaction:
                transaction.put(keys.FOUNDERS, pack(voters))
            return
    except (lmdb.Error, OSError) as error:
        raise StorageError(f"{environment.directory}/log: {error}") from error
    founders = unpack(stored, where=f"{environment.directory}/log, table meta")
    if founders != tuple(sorted(voters)):
        raise ConfigError(
            f"data directory {environment.directory} was first used with the members "
            f"{_named(founders)}; the configuration has {_named(voters)}: a majority of other "
            "members could decide twice; put the first ones back into cluster.members"
        )


def stored(environment: Environment) -> tuple[NodeId, ...]:
    """Return the members that the directory was first used with.

    Errors: ConfigError when it was never used; CorruptionError when the record is damaged.
    """
    with environment.log.begin(db=environment.log_tables[keys.META]) as transaction:
        record = transaction.get(keys.FOUNDERS)
    if record is None:
        raise ConfigError(
            f"data directory {environment.directory} was never used with any members"
        )
    return unpack(record, where=f"{environment.directory}/log, table meta")


def pack(voters: Sequence[NodeId]) -> bytes:
    """Return the stored form."""
    body = _HEAD.pack(_VERSION, len(voters))
    body += b"".join(map(_ID.pack, sorted(voters)))
    return body + _CRC.pack(google_crc32c.value(body))


def unpack(stored: bytes, *, where: str) -> tuple[NodeId, ...]:
    """Read the stored form. Errors: CorruptionError when it is damaged."""
    body, checksum = stored[: -_CRC.size], stored[-_CRC.size :]
    if _CRC.pack(google_crc32c.value(body)) != checksum:
        raise CorruptionError(f"{where}, key founders: checksum is wrong")
    try:
        version, count = _HEAD.unpack_from(body)
        ids = [NodeId(node_id) for (node_id,) in _ID.iter_unpack(body[_HEAD.size :])]
    except StructError as error:
        raise CorruptionError(f"{where}, key founders: {error}") from error
    if version != _VERSION or count != len(ids):
        raise CorruptionError(
            f"{where}, key founders: expected version {_VERSION} with {count} nodes, found "
            f"version {version} with {len(ids)}"
        )
    return tuple(ids)


def _named(voters: Sequence[NodeId]) -> str:
    return ", ".join(map(str, sorted(voters)))
