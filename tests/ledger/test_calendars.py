from dataclasses import replace

import pytest

from ledgerd.ledger.calendars import (
    SATURDAY_AND_SUNDAY,
    Calendar,
    is_well_formed,
    weekday,
)
from ledgerd.limits import CALENDAR_DAYS_MAX, CALENDAR_NAME_BYTES_MAX

# 1970-01-01 was a Thursday; day 4 is the first Monday.
WEEK = Calendar("test", 1, 0, 0, 13, SATURDAY_AND_SUNDAY, (0, 7), "nobody", "2026")


def test_weekdays_of_day_numbers():
    """Monday is 0; days before 1970 have weekdays, too; day 20,774 is 2026-11-17."""
    assert [weekday(day) for day in (-1, 0, 3, 4, 20_774)] == [2, 3, 6, 0, 1]


def test_a_day_is_open_unless_its_weekday_or_itself_is_closed():
    found = [day for day in range(14) if WEEK.is_open(day)]

    assert found == [1, 4, 5, 6, 8, 11, 12, 13]


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (0, 0, 1),
        (1, 0, 1),
        (1, 1, 4),
        (1, 4, 8),
        (2, 0, 4),
        (2, 1, 5),
        (13, 0, 13),
        (13, 1, None),
        (14, 0, None),
    ],
)
def test_open_days_are_counted(day, count, expected):
    """Where the calendar ends there is no answer."""
    assert WEEK.open_day_after(day, count) == expected


def test_a_day_outside_is_neither_open_nor_closed():
    with pytest.raises(AssertionError):
        WEEK.is_open(14)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "a\0b"},
        {"name": "x" * (CALENDAR_NAME_BYTES_MAX + 1)},
        {"closed_weekdays": 0b111_1111},
        {"closed_days": (7, 0)},
        {"closed_days": (7, 7)},
        {"closed_days": (14,)},
        {"closed_days": (-1, 7)},
        {"first_day": 14},
        {"last_day": 5 * CALENDAR_DAYS_MAX, "closed_days": tuple(range(2_049))},
    ],
)
def test_bounds_are_checked(changes):
    assert is_well_formed(WEEK)
    assert not is_well_formed(replace(WEEK, **changes))
