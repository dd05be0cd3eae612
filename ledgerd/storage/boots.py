"""How often a data directory was started: what its peers remember of it (F35).

Each start adds one before anything is promised. Peers that have seen a later start than the one
that greets them know that an older copy of the directory was put back: what it promised since is
lost, and a vote could be cast twice, though no checksum fails.

version u8 | count u64 | CRC32C u32 of all before; big-endian
"""

from struct import Struct
from typing import Final

import google_crc32c
import lmdb

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment

_VERSION: Final = 1
_BODY: Final = Struct(">BQ")
_CRC: Final = Struct(">I")


def count_start(environment: Environment) -> int:
    """Count this start, durably, and return its number; the first one is 1.

    Errors: CorruptionError when the record is damaged; StorageError when LMDB or the disk fails.
    """
    meta = environment.log_tables[keys.META]
    try:
        with environment.log.begin(db=meta, write=True) as transaction:
            count = unpack(transaction.get(keys.BOOTS)) + 1
            transaction.put(keys.BOOTS, pack(count))
    except (lmdb.Error, OSError) as error:
        raise StorageError(f"{environment.directory}/log: {error}") from error
    return count


def pack(count: int) -> bytes:
    """Return the stored form."""
    body = _BODY.pack(_VERSION, count)
    return body + _CRC.pack(google_crc32c.value(body))


def unpack(stored: bytes | None) -> int:
    """Read the stored form; 0 where there is none. Errors: CorruptionError."""
    if stored is None:
        return 0
    body = stored[: _BODY.size]
    if stored[_BODY.size :] != _CRC.pack(google_crc32c.value(body)):
        raise CorruptionError("log/, table meta, key boots: checksum is wrong")
    version, count = _BODY.unpack(body)
    if version != _VERSION:
        raise CorruptionError(
            f"log/, table meta, key boots: version {version}, expected {_VERSION}"
        )
    return int(count)
