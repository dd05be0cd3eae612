"""The rolling digest over what was applied: equal on every node at the same index (I12).

    D_0 = 32 zero bytes
    D_i = SHA-256(D_{i-1} || SHA-256(rows) || SHA-256(outcomes))

`outcomes` are the encoded outcomes of the entry, as formats/records lays them out. `rows` are the
tables that the entry wrote, in the fixed order of formats/records, laid out as

    for each table:  length of its name u16, the name in ASCII, number of rows u32,
                     for each row the lengths of its key and of its value, both u32,
                     for each row its key and its value

all numbers big-endian, so that no two different writes share one layout. An entry that writes
nothing folds in too: the digest moves with every index.
"""

from collections.abc import Sequence
from hashlib import sha256
from itertools import chain
from struct import Struct, pack
from typing import Final

from ledgerd.formats.records import Table, TableRows

DIGEST_BYTES: Final = 32
GENESIS_DIGEST: Final = bytes(DIGEST_BYTES)

_HEAD: Final = Struct(">H")
_ONE_ROW: Final = Struct(">III")
_HEADS: Final = {
    table: _HEAD.pack(len(table)) + table.encode("ascii") for table in Table
}


def laid_out(table: TableRows) -> bytes:
    """Return the rows that an entry wrote to one table, in their layout."""
    name, rows, _ = table
    if len(rows) == 1:  # most tables of most entries
        ((key, value),) = rows
        return _HEADS[name] + _ONE_ROW.pack(1, len(key), len(value)) + key + value
    fields = list(chain.from_iterable(rows))
    sizes = pack(f">{1 + len(fields)}I", len(rows), *map(len, fields))
    return b"".join((_HEADS[name], sizes, *fields))


def next_digest(previous: bytes, tables: Sequence[bytes], outcomes: bytes) -> bytes:
    """Return the digest after an entry.

    tables: what it wrote, each as `laid_out` gives it, in their order. outcomes: the SHA-256 of its
    encoded answers.
    """
    assert len(previous) == len(outcomes) == DIGEST_BYTES, (previous, outcomes)
    written = sha256()
    for table in tables:
        written.update(table)
    return sha256(previous + written.digest() + outcomes).digest()
