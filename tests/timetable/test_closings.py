from datetime import date

import holidays
import pytest

from ledgerd.ledger.calendars import Calendar, is_well_formed
from ledgerd.timetable.closings import calendar
from ledgerd.timetable.days import date_of, day_number

FED = calendar("fed", range(2020, 2036))
TARGET = calendar("target", range(2020, 2031))
UK = calendar("uk", range(2020, 2031))


def is_open(closings: Calendar, text: str) -> bool:
    return closings.is_open(day_number(date.fromisoformat(text)))


def closed_weekdays_of(closings: Calendar, year: int) -> list[str]:
    """Return the closed days of a year that are no Saturday and no Sunday."""
    return [
        date_of(day).isoformat()
        for day in closings.closed_days
        if date_of(day).year == year and date_of(day).weekday() < 5
    ]


# ledger.md 8.3: the dates that libraries close and the Reserve Banks do not.
@pytest.mark.parametrize(
    "friday",
    [
        "2026-07-03",
        "2027-06-18",
        "2027-12-24",
        "2027-12-31",
        "2028-11-10",
        "2032-06-18",
        "2032-12-24",
        "2032-12-31",
    ],
)
def test_the_fed_is_open_on_the_friday_before_a_holiday_on_a_saturday(friday):
    """And the library's observed days say otherwise, or this rule could go."""
    observed = holidays.country_holidays("US", years=[2026, 2027, 2028, 2032, 2033])

    assert date.fromisoformat(friday) in observed
    assert is_open(FED, friday)


def test_the_fed_is_closed_on_the_monday_after_a_holiday_on_a_sunday():
    """2021-07-04, 2022-06-19, 2022-12-25, 2023-01-01 and 2027-07-04 were or are Sundays."""
    for monday in (
        "2021-07-05",
        "2022-06-20",
        "2022-12-26",
        "2023-01-02",
        "2027-07-05",
    ):
        assert not is_open(FED, monday), monday


def test_the_days_of_the_fed_in_2026():
    """Eleven holidays, one of them (4 July) on a Saturday that closes nothing."""
    assert closed_weekdays_of(FED, 2026) == [
        "2026-01-01",
        "2026-01-19",
        "2026-02-16",
        "2026-05-25",
        "2026-06-19",
        "2026-09-07",
        "2026-10-12",
        "2026-11-11",
        "2026-11-26",
        "2026-12-25",
    ]


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2024, ["01-01", "03-29", "04-01", "05-01", "12-25", "12-26"]),
        (2026, ["01-01", "04-03", "04-06", "05-01", "12-25"]),
        (2027, ["01-01", "03-26", "03-29"]),
        (2028, ["04-14", "04-17", "05-01", "12-25", "12-26"]),
    ],
)
def test_target_days(year, expected):
    """1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December, and weekends."""
    assert closed_weekdays_of(TARGET, year) == [f"{year}-{day}" for day in expected]


@pytest.mark.parametrize(
    ("day", "is_open_then"),
    [
        ("2022-09-19", False),  # state funeral: Bacs did not run
        ("2023-05-08", False),  # coronation
        ("2022-06-02", False),  # the spring holiday was moved
        ("2022-05-30", True),  # from here
        ("2020-05-08", False),  # early May holiday, moved to a Friday
        ("2020-05-04", True),
        ("2026-12-28", False),  # Boxing Day on a Saturday
        ("2022-09-20", True),
    ],
)
def test_one_off_days_of_the_united_kingdom(day, is_open_then):
    """Days that came with little notice, and days that were moved."""
    assert is_open(UK, day) is is_open_then


def test_a_notice_changes_a_day():
    """What the library does not know yet is added, and what it has wrong taken out."""
    day, other = date(2026, 11, 24), date(2026, 12, 28)

    amended = calendar("uk", [2026], also_closed=[day], also_open=[other])

    assert not amended.is_open(day_number(day))
    assert amended.is_open(day_number(other))
    assert is_well_formed(amended)


def test_the_days_say_where_they_come_from():
    """A value without a source cannot be checked by anybody."""
    for closings in (FED, TARGET, UK):
        assert closings.source.startswith(f"holidays {holidays.__version__}, ")
        assert is_well_formed(closings)


def test_unknown_names_and_gaps_are_refused():
    with pytest.raises(ValueError, match="expected one of fed, target, uk"):
        calendar("moon", [2026])
    with pytest.raises(ValueError, match="without a gap"):
        calendar("fed", [2026, 2028])


@pytest.mark.parametrize("how", ["also_closed", "also_open"])
def test_days_of_other_years_are_refused(how):
    """A day that the calendar does not reach would be silently without effect, or beyond it."""
    with pytest.raises(ValueError, match="to 2026-12-31, found 2027-01-04"):
        calendar("fed", [2026], **{how: [date(2027, 1, 4)]})
