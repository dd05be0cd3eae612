"""Who votes at first: the members that a data directory was first used with, kept in log/.

The founding members stand in each node's configuration, and a file can be edited. A node that is
told of fewer peers than it promised its votes to would lead by itself beside the real leader. So a
directory is used with those of its first start only, until the log says who the members are: then
the membership in state/ counts, and the configuration no more.

version u8 | count u16 | node ids u32, ascending | CRC32C u32 of all before; big-endian
"""

from collections.abc import Sequence
from struct import Struct
from struct import error as StructError
from typing import Final

import google_crc32c
import lmdb

from ledgerd.errors import (
    ConfigError,
    CorruptionError,
    SlotCorruptError,
    StorageError,
)
from ledgerd.raft.changes import Found
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.membership import NOBODY, Membership, NodeRecord
from ledgerd.replica.fold import change_of
from ledgerd.storage import keys, met
from ledgerd.storage.environment import Environment
from ledgerd.storage.log_store import LmdbLogStore, stored_anchor
from ledgerd.storage.tables import Tables

_PAGE_BYTES: Final = 4 * 1024**2
_VERSION: Final = 1
_HEAD: Final = Struct(">BH")
_ID: Final = Struct(">I")
_CRC: Final = Struct(">I")


def first_membership(
    environment: Environment, nodes: Sequence[NodeRecord], *, joins: bool
) -> Membership:
    """Return the membership that a node starts with.

    That of its state, if any was applied. Else that of the founders, all of whose records were not
    seen in the log yet. NOBODY in a node that joins, which waits until somebody adds it; in one
    whose state is to be folded again from a log that says who the founders were, for the files name
    the members of today; and in one whose state is lost behind a log that was cut, for what changed
    since the founding was there: it votes and acknowledges, and asks for no votes, until it has the
    state of a peer (F37).

    nodes: what the configuration says of the founders; the stores that they were met with are
    added (`met`). Errors: as `admit`.
    """
    try:
        with environment.state.begin() as transaction:
            tables = Tables(environment, transaction)
            membership, applied = tables.membership(), tables.applied().index
        meta = environment.log_tables[keys.META]
        with environment.log.begin(db=meta) as transaction:
            was_founded = transaction.get(keys.FOUNDERS) is not None
    except (lmdb.Error, OSError) as error:
        raise StorageError(f"{environment.directory}: {error}") from error
    if not membership.is_empty:
        return membership
    if applied < stored_anchor(environment).at:
        return NOBODY
    if joins and not was_founded:
        return NOBODY
    if was_founded and _are_founders_logged(environment, applied):
        return NOBODY
    nodes = sorted(nodes, key=lambda node: node.node_id)
    voters = tuple(node.node_id for node in nodes)
    admit(environment, voters)
    return Membership(
        voters, nodes=tuple(met.recorded(environment, node) for node in nodes)
    )


def _are_founders_logged(environment: Environment, applied: Index) -> bool:
    """Return whether the founders are recorded above `applied`, by an entry that is committed."""
    log = LmdbLogStore(environment)
    commit = min(log.hard_state().commit, log.last_index())
    first = Index(applied + 1)
    while first <= commit:
        try:
            page = log.entries(first, Index(commit), _PAGE_BYTES)
        except SlotCorruptError as error:
            first = Index(
                error.index + 1
            )  # of another entry, or it is mended before it counts
            continue
        for entry in page:
            if isinstance(change_of(entry), Found):
                return True
        first = Index(page[-1].index + 1)
    return False


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
