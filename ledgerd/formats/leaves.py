"""The rows of table `tree`: the leaves and nodes of the audit tree (`replica.tree`).

    key     level u8, number u64
    value   level 0   version u8 = 1 | fields of `Leaf` in order: u64, i64, u32, 6 of 32 | CRC32C
            above     version u8 = 1 | root 32 | CRC32C

all numbers big-endian. A leaf says what one applied entry was and did. Its bytes in the tree, which
RFC 6962 hashes behind a zero byte, are

    index u64 | ts_us i64 | state version u32 | command digest 32 | result digest 32

    command digest = SHA-256(kind u8 || payload of the entry)
    result digest  = SHA-256(digest before || outcomes || payouts || journal || events)

`digest before` is the apply digest at the index before, so each leaf stands on all state before it.
The other four are SHA-256 digests: of the encoded outcomes, and of the rows of one table that the
entry wrote, laid out as for the apply digest (`replica.audit`), or of nothing where it wrote none.
They are apart so that a receipt can open one and keep the others closed. A layout is never changed.
"""

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Any, Final

from google_crc32c import value as crc32c

from ledgerd.errors import CorruptionError

_VERSION: Final = 1
_KEY: Final = Struct(">BQ")
_LEAF: Final = Struct(">BQqI32s32s32s32s32s32s")
_NODE: Final = Struct(">B32s")
_CRC: Final = Struct(">I")
_HASHED: Final = Struct(">QqI32s32s")
LEAF_BYTES: Final = _HASHED.size

assert LEAF_BYTES == 84


@dataclass(slots=True)
class Leaf:
    """What one applied entry was, and what it did; digests have 32 bytes. Never changed.

    state_version: in force after it. command: of its kind and payload. before: the apply digest at
    the index before. outcomes: of its answers. payouts, journal, events: of the rows of that table.
    """

    index: int
    ts_us: int
    state_version: int
    command: bytes
    before: bytes
    outcomes: bytes
    payouts: bytes
    journal: bytes
    events: bytes

    @property
    def result(self) -> bytes:
        """The result digest."""
        return sha256(
            self.before + self.outcomes + self.payouts + self.journal + self.events
        ).digest()


def command_digest(kind: int, payload: bytes) -> bytes:
    """Return the digest of what an entry asks for."""
    digest = sha256(bytes((kind,)))
    digest.update(payload)
    return digest.digest()


def leaf_bytes(leaf: Leaf) -> bytes:
    """Return the bytes of a leaf as the tree hashes them."""
    return _HASHED.pack(
        leaf.index, leaf.ts_us, leaf.state_version, leaf.command, leaf.result
    )


def tree_key(level: int, number: int) -> bytes:
    """Return the key of a leaf or a node."""
    return _KEY.pack(level, number)


def tree_position(key: bytes) -> tuple[int, int]:
    """Return level and number. Errors: CorruptionError."""
    if len(key) != _KEY.size:
        raise CorruptionError(
            f"table tree, key {key.hex()}: expected {_KEY.size} bytes"
        )
    level, number = _KEY.unpack(key)
    return level, number


def encode_leaf(leaf: Leaf) -> bytes:
    """Return the value of the row of a leaf."""
    return _sealed(
        _LEAF.pack(
            _VERSION,
            leaf.index,
            leaf.ts_us,
            leaf.state_version,
            leaf.command,
            leaf.before,
            leaf.outcomes,
            leaf.payouts,
            leaf.journal,
            leaf.events,
        )
    )


def decode_leaf(key: bytes, value: bytes) -> Leaf:
    """Return a leaf. Errors: CorruptionError, naming the key."""
    return Leaf(*_opened(_LEAF, key, value)[1:])


def encode_node(root: bytes) -> bytes:
    """Return the value of the row of a node above the leaves."""
    return _sealed(_NODE.pack(_VERSION, root))


def decode_node(key: bytes, value: bytes) -> bytes:
    """Return the root of a node above the leaves. Errors: CorruptionError, naming the key."""
    root: bytes = _opened(_NODE, key, value)[1]
    return root


def _sealed(body: bytes) -> bytes:
    return body + _CRC.pack(crc32c(body))


# Any: `struct` gives values of several types.
def _opened(layout: Struct, key: bytes, value: bytes) -> tuple[Any, ...]:
    body, checksum = bytes(value[: -_CRC.size]), bytes(value[-_CRC.size :])
    if _CRC.pack(crc32c(body)) != checksum or not body:
        raise CorruptionError(
            f"table tree, key {key.hex()}: expected checksum {crc32c(body):08x} behind "
            f"{len(body)} bytes, found {checksum.hex()}"
        )
    if body[0] != _VERSION:
        raise CorruptionError(
            f"table tree, key {key.hex()}: expected layout version {_VERSION}, found {body[0]}"
        )
    if len(body) != layout.size:
        raise CorruptionError(
            f"table tree, key {key.hex()}: expected {layout.size} bytes, found {len(body)}"
        )
    return layout.unpack(body)
