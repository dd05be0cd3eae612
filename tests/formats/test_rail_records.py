from dataclasses import replace
from hashlib import sha256

import pytest

from ledgerd.formats.rail_records import (
    decode_calendar,
    decode_rail,
    encode_calendar,
    encode_rail,
)
from ledgerd.ledger.calendars import SATURDAY_AND_SUNDAY, Calendar
from tests.ledger.test_rails import RAIL

CALENDAR = Calendar(
    "uk", 3, 17, 20_000, 20_999, SATURDAY_AND_SUNDAY, (20_008, 20_300), "notice", "2026"
)


def test_a_rail_comes_back():
    assert decode_rail(encode_rail(RAIL)) == RAIL


def test_a_calendar_comes_back():
    assert decode_calendar(encode_calendar(CALENDAR)) == CALENDAR


def test_layouts_are_durable():
    """What stands in a log is read for ever: these bytes never change."""
    assert sha256(encode_rail(RAIL)).hexdigest()[:16] == "bf1b0d6b7ed3a85a"
    assert sha256(encode_calendar(CALENDAR)).hexdigest()[:16] == "c98eec6e02cf9d56"


@pytest.mark.parametrize(
    ("decode", "body"),
    [(decode_rail, encode_rail(RAIL)), (decode_calendar, encode_calendar(CALENDAR))],
)
def test_what_is_cut_off_or_too_long_is_refused(decode, body):
    for size in range(len(body)):
        with pytest.raises(ValueError, match=r"expected|layout"):
            decode(body[:size])
    with pytest.raises(ValueError, match="expected"):
        decode(body + b"\0")
    with pytest.raises(ValueError, match="expected layout 1, found 2"):
        decode(b"\2" + body[1:])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit its layout"):
        encode_rail(replace(RAIL, name="x" * 256))
    with pytest.raises(ValueError, match="does not fit its layout"):
        encode_calendar(replace(CALENDAR, version=2**32))
