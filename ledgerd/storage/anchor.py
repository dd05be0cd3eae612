"""The entry before the first one of a compacted log: one record, written with what it describes.

    version u8 | index u64 | term u64 | link 32 | log time i64 | CRC32C u32 of all before

All numbers are big-endian.
Absent in a log that starts at its beginning.
"""

from struct import Struct
from typing import Final

import google_crc32c

from ledgerd.errors import CorruptionError
from ledgerd.raft.entries import GENESIS_ANCHOR, Anchor, EntryId, Index, Term

_VERSION: Final = 1
_BODY: Final = Struct(">BQQ32sq")
_CRC: Final = Struct(">I")


def pack(anchor: Anchor) -> bytes:
    """Return the stored form."""
    body = _BODY.pack(
        _VERSION, anchor.id.index, anchor.id.term, anchor.link, anchor.ts_us
    )
    return body + _CRC.pack(google_crc32c.value(body))


def unpack(stored: bytes | memoryview | None, *, where: str) -> Anchor:
    """Read the stored form; `GENESIS_ANCHOR` where there is none. `where` names the record.

    Errors: CorruptionError when it is damaged.
    """
    if stored is None:
        return GENESIS_ANCHOR
    record = bytes(stored)
    body = record[: _BODY.size]
    if record[_BODY.size :] != _CRC.pack(google_crc32c.value(body)):
        raise CorruptionError(
            f"{where}: checksum is wrong, so it is unknown where the log begins; "
            "replace the node"
        )
    version, index, term, link, ts_us = _BODY.unpack(body)
    if version != _VERSION:
        raise CorruptionError(f"{where}: version {version}, expected {_VERSION}")
    return Anchor(EntryId(Term(term), Index(index)), link, ts_us)
