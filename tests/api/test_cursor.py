"""Cursors of list calls."""

import base64

import pytest

from ledgerd.api.cursor import ACCOUNTS, PAYOUTS, Cursor, Cursors
from ledgerd.errors import NotLogged, Reason

CURSORS = Cursors(PAYOUTS, cluster_id="one")
CURSOR = Cursor(bound=12, after=b"0123456789")
TEXT = CURSORS.make(CURSOR, filters=b"f")


def test_a_cursor_comes_back() -> None:
    """What was put in is read, from text that fits a URL."""
    assert CURSORS.read(TEXT, filters=b"f", after_bytes=10) == CURSOR
    assert TEXT.replace("-", "").replace("_", "").isalnum()


def test_every_changed_bit_is_found() -> None:
    """A cursor with any one bit turned is refused, never read as another position."""
    raw = base64.urlsafe_b64decode(TEXT + "=" * (-len(TEXT) % 4))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        text = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        with pytest.raises(NotLogged) as caught:
            CURSORS.read(text, filters=b"f", after_bytes=10)
        assert Reason.CURSOR_INVALID is caught.value.reason


@pytest.mark.parametrize(
    ("cursors", "filters", "text", "why"),
    [
        (CURSORS, b"other", TEXT, "expected the filters of the page before"),
        (Cursors(ACCOUNTS, cluster_id="one"), b"f", TEXT, "a cursor of the same call"),
        (Cursors(PAYOUTS, cluster_id="two"), b"f", TEXT, "of this cluster, unchanged"),
        (CURSORS, b"f", TEXT[:-2], "unchanged"),
        (CURSORS, b"f", "", "unchanged"),
        (CURSORS, b"f", "!!!!", "unchanged"),
        (CURSORS, b"f", "é" * 20, "unchanged"),
        (CURSORS, b"f", "A" * 10_000, "unchanged"),
    ],
)
def test_a_cursor_fits_one_list_only(
    cursors: Cursors, filters: bytes, text: str, why: str
) -> None:
    """Other filters, lists and clusters are refused, and so is what is no cursor."""
    with pytest.raises(NotLogged, match=why) as caught:
        cursors.read(text, filters=filters, after_bytes=10)

    assert caught.value.metadata["field"] == "cursor"
    assert "begin again without a cursor" in caught.value.message
