"""Cursors of list calls: opaque text that fits one list, one set of filters and one index.

A cursor says where the page before ended and at which index the first page was read. It carries a
keyed checksum, so that a damaged, foreign or edited one is refused instead of skipping rows. The
checksum guards against mistakes, not against attackers: a cursor grants nothing.
"""

import base64
import binascii
import hashlib
from struct import Struct
from typing import Final, NamedTuple

from ledgerd.errors import NotLogged, Reason

PAYOUTS: Final = 1
ACCOUNTS: Final = 2
STATEMENTS: Final = 3
HOLDS: Final = 32
VOUCHERS: Final = 33

_VERSION: Final = 1
_HEAD: Final = Struct(">BBQ8s")  # version, list, bound index, digest of the filters
_CHECK_BYTES: Final = 8


class Cursor(NamedTuple):
    """Where a list goes on. bound: index of the first page; after: the list's own position."""

    bound: int
    after: bytes


class Cursors:
    """Makes and reads the cursors of one list of one cluster."""

    def __init__(self, kind: int, *, cluster_id: str) -> None:
        self._kind = kind
        self._key = cluster_id.encode()[:64]

    def make(self, cursor: Cursor, *, filters: bytes) -> str:
        """Return the text of a cursor for a list with these filters."""
        body = (
            _HEAD.pack(_VERSION, self._kind, cursor.bound, self._digest(filters))
            + cursor.after
        )
        raw = body + self._digest(body)
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def read(self, text: str, *, filters: bytes, after_bytes: int) -> Cursor:
        """Return what `make` was given. Raises NotLogged with CURSOR_INVALID."""
        raw = _decoded(text)
        body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
        if len(body) != _HEAD.size + after_bytes or check != self._digest(body):
            raise _invalid("the cursor of an answer of this cluster, unchanged")
        version, kind, bound, digest = _HEAD.unpack_from(body)
        if version != _VERSION:
            raise _invalid(f"a cursor of version {_VERSION}")
        if kind != self._kind:
            raise _invalid("a cursor of the same call")
        if digest != self._digest(filters):
            raise _invalid("the filters of the page before")
        return Cursor(bound, body[_HEAD.size :])

    def _digest(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, digest_size=_CHECK_BYTES, key=self._key).digest()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4),
            altchars=b"-_",
            validate=True,
        )
    except (UnicodeEncodeError, binascii.Error):
        return b""


def _invalid(expected: str) -> NotLogged:
    return NotLogged(
        Reason.CURSOR_INVALID,
        f"cursor: expected {expected}; begin again without a cursor",
        {"field": "cursor", "expected": expected},
    )
