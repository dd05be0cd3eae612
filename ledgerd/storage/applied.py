"""How far state/ has come: one record, written in the transaction that it describes (T7).

    version u8 | index u64 | term u64 | link 32 | log time i64 | digest 32 | state version u32 |
    CRC32C u32 of all before; big-endian

Absent in a new store: nothing was applied.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

import google_crc32c

from ledgerd.errors import CorruptionError
from ledgerd.formats.versions import STATE_VERSION_FIRST
from ledgerd.raft.entries import GENESIS_LINK, Anchor, EntryId, Index, Term
from ledgerd.replica.audit import DIGEST_BYTES, GENESIS_DIGEST

_VERSION: Final = 1
_BODY: Final = Struct(">BQQ32sq32sI")
_CRC: Final = Struct(">I")


@dataclass(slots=True)
class Applied:
    """The last applied entry and what held after it. Never changed.

    link: its chain link, which says which log this state is the fold of.
    log_time_us: its time stamp, microseconds.
    state_version: in force after it (F26).
    digest: `replica.audit.next_digest` over all entries up to it.
    """

    index: Index
    term: Term
    link: bytes
    log_time_us: int
    digest: bytes
    state_version: int

    @property
    def anchor(self) -> Anchor:
        """The last applied entry, by what the log says of it."""
        return Anchor(EntryId(self.term, self.index), self.link, self.log_time_us)


NOTHING: Final = Applied(
    Index(0), Term(0), GENESIS_LINK, 0, GENESIS_DIGEST, STATE_VERSION_FIRST
)


def pack(applied: Applied) -> bytes:
    """Return the stored form."""
    assert len(applied.digest) == DIGEST_BYTES, len(applied.digest)
    body = _BODY.pack(
        _VERSION,
        applied.index,
        applied.term,
        applied.link,
        applied.log_time_us,
        applied.digest,
        applied.state_version,
    )
    return body + _CRC.pack(google_crc32c.value(body))


def unpack(stored: bytes | memoryview | None) -> Applied:
    """Read the stored form; `NOTHING` where there is none.

    Errors: CorruptionError when it is damaged.
    """
    if stored is None:
        return NOTHING
    record = bytes(stored)
    body = record[: _BODY.size]
    if record[_BODY.size :] != _CRC.pack(google_crc32c.value(body)):
        raise CorruptionError("state/, table meta, key applied: checksum is wrong")
    version, index, term, link, log_time_us, digest, state_version = _BODY.unpack(body)
    if version != _VERSION:
        raise CorruptionError(
            f"state/, table meta, key applied: version {version}, expected {_VERSION}"
        )
    return Applied(Index(index), Term(term), link, log_time_us, digest, state_version)
