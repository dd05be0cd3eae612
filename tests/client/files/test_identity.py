import uuid

from hypothesis import given
from hypothesis import strategies as st

from ledgerd.api import ids
from ledgerd.client.files.identity import payout_id

PARTS = st.lists(st.binary(max_size=20), max_size=5)
TIMES = st.integers(0, 2**48 - 1)


@given(TIMES, PARTS)
def test_form(created_ms: int, parts: list[bytes]) -> None:
    """Every id is a UUIDv7 whose time bits are the file's, and the API takes it."""
    value = payout_id(created_ms, *parts)

    assert uuid.UUID(bytes=value).version == 7
    assert uuid.UUID(bytes=value).variant == uuid.RFC_4122
    assert int.from_bytes(value[:6], "big") == created_ms
    assert ids.decode(ids.PAYOUT, ids.encode(ids.PAYOUT, value)) == value


@given(TIMES, PARTS, PARTS)
def test_other_parts_other_id(
    created_ms: int, one: list[bytes], two: list[bytes]
) -> None:
    """Two entries have one id only if every part is the same."""
    same = payout_id(created_ms, *one) == payout_id(created_ms, *two)

    assert same == (one == two)


def test_borders_count() -> None:
    """A character that moves from one field to the next makes another id."""
    assert payout_id(1, b"AB", b"C") != payout_id(1, b"A", b"BC")


def test_stays_for_ever() -> None:
    """Ids of files already submitted must never change: here is one as it was first made."""
    value = payout_id(1_778_252_700_000, b"party", b"MSG-1", b"PMT-1", b"E2E-0", b"0")

    assert value.hex() == "019e081ed9607c68a81c1d8d41903eb4"
