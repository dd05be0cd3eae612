"""The hard state as durable bytes: term, vote, commit hint and whose they are, kept twice (F31).

    version u8 | term u64 | vote u32 | commit u64 | node id u32 | store uuid 16 |
    CRC32C u32 of all before; big-endian

Both twins are written in one transaction, into two named tables, so they share no page but the
root. Damage or disagreement refuses to start: resetting to 0 would permit a second vote (T86).
"""

from struct import Struct
from typing import Final

import google_crc32c

from ledgerd.errors import CorruptionError
from ledgerd.raft.entries import HardState, Index, NodeId, Term
from ledgerd.storage.identity import Identity

_VERSION: Final = 1
_BODY: Final = Struct(">BQIQI16s")
_CRC: Final = Struct(">I")
INITIAL: Final = HardState(Term(0), NodeId(0), Index(0))
_ADVICE: Final = (
    "this node's vote is unknown, so it must not start: bring it back under a new "
    "id: ledgerctl cluster replace"
)


def pack(hard_state: HardState, identity: Identity) -> bytes:
    """Return the stored form of one twin."""
    body = _BODY.pack(
        _VERSION,
        hard_state.term,
        hard_state.vote,
        hard_state.commit,
        identity.node_id,
        identity.store_uuid,
    )
    return body + _CRC.pack(google_crc32c.value(body))


def unpack(stored: bytes | None, identity: Identity, *, where: str) -> HardState:
    """Read one twin.

    Errors: CorruptionError when it is absent, damaged, or of another node or store.
    """
    if stored is None:
        raise CorruptionError(f"{where}: the record is missing; {_ADVICE}")
    if len(stored) != _BODY.size + _CRC.size:
        raise CorruptionError(
            f"{where}: {len(stored)} bytes, expected {_BODY.size + _CRC.size}; {_ADVICE}"
        )
    body = stored[: _BODY.size]
    if _CRC.pack(google_crc32c.value(body)) != stored[_BODY.size :]:
        raise CorruptionError(f"{where}: checksum is wrong; {_ADVICE}")
    version, term, vote, commit, node_id, store_uuid = _BODY.unpack(body)
    if version != _VERSION:
        raise CorruptionError(
            f"{where}: version {version}, expected {_VERSION}; {_ADVICE}"
        )
    if (node_id, store_uuid) != (identity.node_id, identity.store_uuid):
        raise CorruptionError(
            f"{where}: it is of node {node_id} store {store_uuid.hex()}, expected {identity}; "
            f"{_ADVICE}"
        )
    return HardState(Term(term), NodeId(vote), Index(commit))


def agreed(first: HardState, second: HardState, *, where: str) -> HardState:
    """Return what both twins say.

    Errors: CorruptionError when they differ: one of them is stale, and nobody knows which.
    """
    if first != second:
        raise CorruptionError(
            f"{where}: the twins disagree: {first} and {second}; {_ADVICE}"
        )
    return first
