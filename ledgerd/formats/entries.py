"""Log entries as durable bytes, and the hash chain over them.

A value of log/ is a fixed header and the payload, big-endian:

    offset  bytes  field
         0      1  version, 1
         1      1  kind, `EntryKind`
         2      8  index
        10      8  term
        18      8  ts_us, signed: log time in microseconds
        26      4  payload length in bytes
        30     32  link
        62      4  CRC32C of bytes 0 .. 61 and the payload
        66      -  payload

Each record states its own index, term and link, so that a misdirected, stale or swapped write is
found (T87); LMDB pages have no checksum (T74). The link of an entry is

    SHA-256(link before || index u64, term u64, ts_us i64, kind u8, length u32 || payload)

and the link before index 1 is `GENESIS_LINK`. This layout is kept for ever; a change is a new
version byte.
"""

from enum import Enum
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple

import google_crc32c

from ledgerd.limits import ENTRY_BYTES_MAX
from ledgerd.raft.entries import LINK_BYTES, Entry, EntryKind, Index, Term

VERSION: Final = 1
_HEAD: Final = Struct(">BBQQqI32s")
_CRC: Final = Struct(">I")
_LINKED: Final = Struct(">QQqBI")
HEADER_BYTES: Final = _HEAD.size + _CRC.size

assert HEADER_BYTES == 66


class Verdict(Enum):
    """What a stored value turned out to be (F32).

    TORN: it ends before its own stated length. A store with atomic writes never makes one, so it
        treats torn as corrupt; one that appends to a file may drop it at the tail only (T15).
    CORRUPT: a value exists, but its checksum, index, version or kind is wrong. It is neither "have"
        nor "have not" (T16).
    """

    INTACT = "intact"
    TORN = "torn"
    CORRUPT = "corrupt"


class Decoded(NamedTuple):
    """A verdict; `entry` exactly when it is INTACT, else `reason` says expected and found."""

    verdict: Verdict
    entry: Entry | None
    reason: str


def link(
    previous_link: bytes,
    *,
    index: Index,
    term: Term,
    ts_us: int,
    kind: EntryKind,
    payload: bytes,
) -> bytes:
    """Return the chain link of an entry that follows the one with `previous_link`."""
    assert len(previous_link) == LINK_BYTES, len(previous_link)
    chain = sha256(previous_link)
    chain.update(_LINKED.pack(index, term, ts_us, kind, len(payload)))
    chain.update(payload)
    return chain.digest()


def link_of(previous_link: bytes, entry: Entry) -> bytes:
    """Return the link `entry` must carry if `previous_link` is that of its predecessor."""
    return link(
        previous_link,
        index=entry.index,
        term=entry.term,
        ts_us=entry.ts_us,
        kind=entry.kind,
        payload=entry.payload,
    )


def encode(entry: Entry) -> bytes:
    """Return the stored value of an entry: header, checksum, payload."""
    assert len(entry.link) == LINK_BYTES, len(entry.link)
    assert len(entry.payload) <= ENTRY_BYTES_MAX, len(entry.payload)
    head = _HEAD.pack(
        VERSION,
        entry.kind,
        entry.index,
        entry.term,
        entry.ts_us,
        len(entry.payload),
        entry.link,
    )
    checksum = google_crc32c.extend(google_crc32c.value(head), entry.payload)
    return b"".join((head, _CRC.pack(checksum), entry.payload))


def decode(value: bytes | memoryview, expect_index: Index) -> Decoded:
    """Read a stored value that should be the entry at `expect_index`.

    The checksum is judged before any field is believed, except version and length, which say what
    to sum. The chain is not checked here: it needs the predecessor (`link_of`).
    """
    if len(value) < HEADER_BYTES:
        return _torn(f"a value of {len(value)} bytes; a header has {HEADER_BYTES}")
    head = bytes(value[: _HEAD.size])
    version, kind, index, term, ts_us, length, entry_link = _HEAD.unpack(head)
    if version != VERSION:
        return _corrupt(f"entry version {version}; this release reads {VERSION}")
    payload = bytes(value[HEADER_BYTES:])
    if len(payload) < length:
        return _torn(f"a payload of {len(payload)} bytes; its header says {length}")
    if len(payload) > length:
        return _corrupt(f"a payload of {len(payload)} bytes; its header says {length}")

    (stored,) = _CRC.unpack(value[_HEAD.size : HEADER_BYTES])
    computed = google_crc32c.extend(google_crc32c.value(head), payload)
    if stored != computed:
        return _corrupt(f"checksum {stored:08x} stored, {computed:08x} computed")
    if index != expect_index:
        return _corrupt(f"the entry says it is index {index}")
    try:
        entry_kind = EntryKind(kind)
    except ValueError:
        return _corrupt(f"entry kind {kind} is none of any release")

    entry = Entry(
        term=Term(term),
        index=Index(index),
        kind=entry_kind,
        ts_us=ts_us,
        payload=payload,
        link=entry_link,
    )
    return Decoded(Verdict.INTACT, entry, "")


def _torn(reason: str) -> Decoded:
    return Decoded(Verdict.TORN, None, reason)


def _corrupt(reason: str) -> Decoded:
    return Decoded(Verdict.CORRUPT, None, reason)
