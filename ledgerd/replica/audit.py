"""The rolling digest over what was applied: equal on every node at the same index (I12).

    D_0 = 32 zero bytes
    D_i = SHA-256(D_{i-1} || SHA-256(rows) || SHA-256(outcomes))

`outcomes` are the encoded outcomes of the entry, as formats/records lays them out. `rows` are the
tables that the entry wrote, in the fixed order of formats/records, laid out as

    for each table:  length of its name u16, the name in ASCII, number of rows u32
    for each row:    length of the key u32, the key, length of the value u32, the value

all lengths big-endian, so that no two different writes share one layout. An entry that writes
nothing folds in too: the digest moves with every index.
"""

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import Final

from ledgerd.formats.records import TableRows

DIGEST_BYTES: Final = 32
GENESIS_DIGEST: Final = bytes(DIGEST_BYTES)

_NAME: Final = Struct(">H")
_COUNT: Final = Struct(">I")


def next_digest(previous: bytes, rows: Sequence[TableRows], outcomes: bytes) -> bytes:
    """Return the digest after an entry that wrote `rows` and was answered with `outcomes`."""
    assert len(previous) == DIGEST_BYTES, len(previous)
    written = sha256()
    pack = _COUNT.pack
    for table in rows:
        name = table.table.encode("ascii")
        parts = [_NAME.pack(len(name)), name, pack(len(table.rows))]
        for key, value in table.rows:
            parts += (pack(len(key)), key, pack(len(value)), value)
        written.update(b"".join(parts))
    return sha256(previous + written.digest() + sha256(outcomes).digest()).digest()
