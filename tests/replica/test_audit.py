"""The rolling digest: its layout by hand, and that nothing which differs looks the same."""

from hashlib import sha256

from ledgerd.formats.records import Table, TableRows
from ledgerd.replica.audit import GENESIS_DIGEST, laid_out, next_digest

NONE = sha256().digest()


def test_the_layout_by_hand() -> None:
    """As the module describes it, built a second time."""
    rows = [
        TableRows(Table.PAYOUT, [(b"key", b"value"), (b"k2", b"")], is_append=True),
        TableRows(Table.META, [(b"m", b"n")], is_append=False),
    ]
    written = (
        b"\x00\x06payout\x00\x00\x00\x02"
        b"\x00\x00\x00\x03\x00\x00\x00\x05\x00\x00\x00\x02\x00\x00\x00\x00"
        b"keyvaluek2"
        b"\x00\x04meta\x00\x00\x00\x01"
        b"\x00\x00\x00\x01\x00\x00\x00\x01mn"
    )
    expected = sha256(
        b"\x07" * 32 + sha256(written).digest() + sha256(b"outcomes").digest()
    ).digest()

    assert expected == next_digest(
        b"\x07" * 32, map(laid_out, rows), sha256(b"outcomes").digest()
    )


def test_an_entry_without_rows_moves_the_digest() -> None:
    """The digest is of an index: it differs from the one before."""
    first = next_digest(GENESIS_DIGEST, [], NONE)
    second = next_digest(first, [], NONE)

    assert len({GENESIS_DIGEST, first, second}) == 3


def test_what_moves_between_fields_is_seen() -> None:
    """Lengths are part of the layout: no two different writes share one."""
    digests = {
        next_digest(GENESIS_DIGEST, map(laid_out, rows), NONE)
        for rows in (
            [TableRows(Table.ID, [(b"ab", b"c")], is_append=False)],
            [TableRows(Table.ID, [(b"a", b"bc")], is_append=False)],
            [TableRows(Table.ID, [(b"abc", b"")], is_append=False)],
            [TableRows(Table.REQUEST, [(b"ab", b"c")], is_append=False)],
            [TableRows(Table.ID, [(b"a", b""), (b"b", b"c")], is_append=False)],
        )
    }

    assert len(digests) == 5
