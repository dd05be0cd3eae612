"""Log entries as bytes: golden forms, round trips, and a verdict for every kind of damage."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.formats.entries import (
    HEADER_BYTES,
    Verdict,
    decode,
    encode,
    link,
    link_of,
)
from ledgerd.raft.entries import GENESIS_LINK, Entry, EntryKind, Index, Term


def entry_of(
    payload: bytes = b"payload", *, index: int = 7, previous: bytes = GENESIS_LINK
) -> Entry:
    this = link(
        previous,
        index=Index(index),
        term=Term(3),
        ts_us=1_700_000_000_000_001,
        kind=EntryKind.PAYOUTS,
        payload=payload,
    )
    return Entry(
        term=Term(3),
        index=Index(index),
        kind=EntryKind.PAYOUTS,
        ts_us=1_700_000_000_000_001,
        payload=payload,
        link=this,
    )


def test_golden_bytes_of_version_1() -> None:
    """What version 1 wrote stays readable for ever: these bytes never change."""
    expected = bytes.fromhex(
        "0102"  # version, kind
        "0000000000000007"  # index
        "0000000000000003"  # term
        "00060a24181e4001"  # ts_us
        "00000007"  # payload length
        "f30c17f98db26cc098adeb12ec2f49df"
        "0f4fd746f80fe5268691de7c76d0bd09"  # link
        "b757fdd0"  # CRC32C
        "7061796c6f6164"  # payload
    )

    found = encode(entry_of())

    assert expected == found
    assert decode(found, Index(7)).entry == entry_of()


def test_golden_link() -> None:
    """The chain is SHA-256 over the previous link, the fixed fields big-endian and the payload."""
    expected = sha256(
        bytes(32)
        + (7).to_bytes(8, "big")
        + (3).to_bytes(8, "big")
        + (1_700_000_000_000_001).to_bytes(8, "big")
        + b"\x02"
        + (7).to_bytes(4, "big")
        + b"payload"
    ).digest()

    found = entry_of().link

    assert expected == found
    assert link_of(GENESIS_LINK, entry_of()) == found


@given(
    payload=st.binary(max_size=300),
    index=st.integers(1, 2**63),
    term=st.integers(1, 2**63),
    ts_us=st.integers(-(2**63), 2**63 - 1),
    kind=st.sampled_from(EntryKind),
)
def test_what_was_encoded_is_decoded(
    payload: bytes, index: int, term: int, ts_us: int, kind: EntryKind
) -> None:
    """Decoding an encoded entry returns it, from bytes as from a memoryview."""
    entry = Entry(
        term=Term(term),
        index=Index(index),
        kind=kind,
        ts_us=ts_us,
        payload=payload,
        link=bytes(range(32)),
    )

    value = encode(entry)

    assert decode(value, Index(index)) == (Verdict.INTACT, entry, "")
    assert decode(memoryview(value), Index(index)).entry == entry


@given(bit=st.integers(0, (HEADER_BYTES + 7) * 8 - 1))
def test_every_flipped_bit_is_found(bit: int) -> None:
    """No single flipped bit gives an intact entry (T85)."""
    value = bytearray(encode(entry_of()))
    value[bit // 8] ^= 1 << (bit % 8)

    decoded = decode(bytes(value), Index(7))

    assert decoded.verdict is not Verdict.INTACT
    assert decoded.entry is None
    assert decoded.reason


@pytest.mark.parametrize("length", range(HEADER_BYTES + 7))
def test_every_shorter_value_is_torn(length: int) -> None:
    """A value that ends early is torn, wherever it ends."""
    assert decode(encode(entry_of())[:length], Index(7)).verdict is Verdict.TORN


def test_longer_value_is_corrupt() -> None:
    """Bytes after the stated length are not ignored."""
    assert decode(encode(entry_of()) + b"x", Index(7)).verdict is Verdict.CORRUPT


def test_entry_of_another_index_is_corrupt() -> None:
    """A misdirected write is found by the index inside the record (T87)."""
    decoded = decode(encode(entry_of(index=8)), Index(7))

    assert decoded.verdict is Verdict.CORRUPT
    assert decoded.reason == "the entry says it is index 8"


def test_swapped_entries_do_not_link() -> None:
    """An entry is bound to its predecessor: with another one its link is wrong (T87)."""
    first = entry_of(index=1)
    second = entry_of(index=2, previous=first.link)

    assert link_of(first.link, second) == second.link
    assert link_of(second.link, second) != second.link
