"""The bytes of a tree head that a node signs. Durable: receipts are kept for years.

    "ledgerd tree head 1", a zero byte | u16 and cluster id in UTF-8 | node id u32 |
    first index u64 | size u64 | log time i64 | signed at i64 | root 32

Numbers are big-endian. A change is a new text at the front.
"""

from struct import Struct
from typing import Final, NamedTuple

_PURPOSE: Final = b"ledgerd tree head 1\x00"
_LENGTH: Final = Struct(">H")
_HEAD: Final = Struct(">IQQqq32s")


class TreeHead(NamedTuple):
    """A root, and what it is the root of.

    first_index: log index of leaf 0. size: leaves. log_time_us: of the last leaf's entry.
    signed_at_us: on the signing node's clock. Times in microseconds since 1970-01-01 UTC.
    """

    cluster_id: str
    node_id: int
    first_index: int
    size: int
    log_time_us: int
    signed_at_us: int
    root: bytes


def signed_bytes(head: TreeHead) -> bytes:
    """Return what is signed."""
    assert len(head.root) == 32, len(head.root)
    cluster = head.cluster_id.encode()
    return b"".join(
        (
            _PURPOSE,
            _LENGTH.pack(len(cluster)),
            cluster,
            _HEAD.pack(
                head.node_id,
                head.first_index,
                head.size,
                head.log_time_us,
                head.signed_at_us,
                head.root,
            ),
        )
    )
