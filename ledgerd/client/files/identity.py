"""Ids of payouts made from what the file says of itself, so that a file pays once.

An id is a UUIDv7 (RFC 9562) in form: the first 48 bits are the file's own creation time, all other
free bits are SHA-256 of what names the entry. The same file gives the same ids on every machine and
in every run; the ledger then answers REPLAYED instead of paying again.
"""

import hashlib
import struct
from typing import Final

_TIME_BITS: Final = 48
_VERSION: Final = 7
_VARIANT: Final = 2


def payout_id(created_ms: int, *parts: bytes) -> bytes:
    """Return the 16 bytes of the id of the entry that `parts` name.

    Args:
        created_ms: Creation time of the file, milliseconds since 1970-01-01 UTC, 48 bits.
        parts: What names the entry; each is hashed with its length, so that neither moving a
            character across a border nor leaving a part out gives the same id.
    """
    assert 0 <= created_ms < 1 << _TIME_BITS, created_ms
    framed = b"".join([struct.pack(">I", len(part)) + part for part in parts])
    digest = hashlib.sha256(framed).digest()
    number = created_ms << 80 | int.from_bytes(digest[:10], "big")
    number = number & ~(0xF << 76) | _VERSION << 76
    number = number & ~(0x3 << 62) | _VARIANT << 62
    return number.to_bytes(16, "big")
