"""The text form of ids."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.api import ids

SPEC_UUID = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057").bytes
SPEC_TEXT = "01h455vb4pex5vsknk084sn02q"


def test_the_published_example() -> None:
    """The example of the TypeID specification, both ways."""
    assert f"payout_{SPEC_TEXT}" == ids.encode("payout", SPEC_UUID)
    assert ids.decode("payout", f"payout_{SPEC_TEXT}") == SPEC_UUID
    assert ids.to_text(SPEC_UUID) == SPEC_TEXT


@given(st.binary(min_size=16, max_size=16))
def test_every_uuid_7_comes_back(raw: bytes) -> None:
    """Encoding and decoding are inverse, and text sorts as the bytes do."""
    value = bytearray(raw)
    value[6] = 0x70 | value[6] & 0x0F
    value[8] = 0x80 | value[8] & 0x3F

    assert bytes(value) == ids.decode("acct", ids.encode("acct", bytes(value)))


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=2, max_size=2))
def test_text_sorts_as_the_bytes_do(pair: list[bytes]) -> None:
    """Order by text is order by bytes, so ids that rise with time sort by time."""
    first, second = sorted(pair)

    assert ids.to_text(first) <= ids.to_text(second)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "found nothing"),
        (SPEC_TEXT, f'found "{SPEC_TEXT}"'),
        (f"acct_{SPEC_TEXT}", 'the prefix is "acct"'),
        (f"payout_{SPEC_TEXT}0", ": 27 characters"),
        ("payout_01h455vb4pex5vsknk084sn0il", "without i l o u"),
        ("payout_01H455VB4PEX5VSKNK084SN02Q", "expected payout_"),
        ("payout_01h455vb4pex5vsknk084sn02\u0661", "expected payout_"),
        ("payout_81h455vb4pex5vsknk084sn02q", "more than 128 bits"),
        (ids.encode("payout", uuid.UUID(int=2**127).bytes), "found version 0"),
        (
            ids.encode(
                "payout", uuid.UUID("01890a5d-ac96-474b-bcce-b302099a8057").bytes
            ),
            "expected a UUIDv7 .RFC 9562. in payout_..., found version 4, variant 10",
        ),
        (
            ids.encode(
                "payout", uuid.UUID("01890a5d-ac96-774b-3cce-b302099a8057").bytes
            ),
            "found version 7, variant 00",
        ),
    ],
)
def test_what_is_no_id_is_explained(text: str, why: str) -> None:
    """Expected and found, and which of them it is."""
    with pytest.raises(ValueError, match=why):
        ids.decode("payout", text)
