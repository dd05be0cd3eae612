"""A calendar: the days on which a rail is closed, as data that every node has alike.

Below the fence a day is a number, days since 1970-01-01; what a holiday is, and which zone a day
begins in, is decided at the edge (ledger.md 8.3). A calendar covers a range of days and says
nothing about any other: a day outside it is never taken for an open one.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ledgerd.limits import CALENDAR_DAYS_MAX, CALENDAR_NAME_BYTES_MAX

SATURDAY_AND_SUNDAY: Final = 0b110_0000
_WEEKDAY_OF_DAY_0: Final = 3  # 1970-01-01 was a Thursday
_WEEKDAYS: Final = 7
DAY_US: Final = 86_400_000_000
# A day is over everywhere 12 hours after it is in UTC.
_OVER_EVERYWHERE_US: Final = DAY_US + 12 * 3_600_000_000
_DAYS_APART_MAX: Final = 366
_DAYS_TO_1970: Final = 719_468  # from 0000-03-01
_NAME_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The closed days of `first_day .. last_day`, both inclusive, days since 1970-01-01.

    closed_weekdays: bit 0 is Monday; never all seven. closed_days: sorted, without doubles,
        within the range; days on a closed weekday may be among them.
    source, as_of: where the days come from, and the day of that source (ledger.md 2.7).
    effective_from_us: log time from which on it holds. version: of this name, from 1.
    """

    name: str
    version: int
    effective_from_us: int
    first_day: int
    last_day: int
    closed_weekdays: int
    closed_days: tuple[int, ...]
    source: str
    as_of: str

    def knows(self, day: int) -> bool:
        """Return whether the calendar says anything about the day."""
        return self.first_day <= day <= self.last_day

    def is_open(self, day: int) -> bool:
        """Return whether the rail works on a day that the calendar covers."""
        assert self.knows(day), (self.name, day, self.first_day, self.last_day)
        if self.closed_weekdays >> weekday(day) & 1:
            return False
        at = bisect_left(self.closed_days, day)
        return at == len(self.closed_days) or self.closed_days[at] != day

    def open_day_after(self, day: int, count: int) -> int | None:
        """Return the open day before which `count` open ones lie, counted from `day` on.

        0 gives the day itself if it is open, else the next open one; 1, of an open day, the next
        banking day. None where the calendar ends before it.
        """
        assert count >= 0, count
        while self.knows(day):
            if self.is_open(day):
                if not count:
                    return day
                count -= 1
            day += 1
        return None


def open_days_end_us(calendar: Calendar | None, day: int, count: int) -> int:
    """Return the log time at which `count` open days after `day` are over in every zone.

    calendar: None where every day is open. Days beyond its end are reckoned so that the time is
    never too early: count open days lie within 2 * count + 4 days.
    """
    assert count > 0, count
    last_day: int | None = day + count
    if calendar is not None:
        last_day = calendar.open_day_after(day, count)
    if last_day is None:
        last_day = day + 2 * count + 4
    return last_day * DAY_US + _OVER_EVERYWHERE_US


def settled_day(value_date: int, ts_us: int) -> int:
    """Return the day of a value date, yyyymmdd; the day of `ts_us` where it cannot be that.

    A date that is none, or more than a year from `ts_us`, is a mistake of whoever told it: a
    window that is counted from it would have ended long ago, or never.
    """
    told_day = ts_us // DAY_US
    year, month_and_day = divmod(value_date, 10_000)
    month, day = divmod(month_and_day, 100)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return told_day
    found = _day_number(year, month, day)
    return found if abs(found - told_day) <= _DAYS_APART_MAX else told_day


def _day_number(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01 of a day of the Gregorian calendar, year 0 or later.

    The year is taken to begin in March, so that the leap day is its last one.
    """
    year -= month <= 2
    month_from_march = (month + 9) % 12
    days_of_years = 365 * year + year // 4 - year // 100 + year // 400
    return days_of_years + (153 * month_from_march + 2) // 5 + day - 1 - _DAYS_TO_1970


def weekday(day: int) -> int:
    """Return the weekday of a day, 0 for Monday."""
    return (day + _WEEKDAY_OF_DAY_0) % _WEEKDAYS


def is_well_formed(calendar: Calendar) -> bool:
    """Return whether the bounds hold that the edge has checked before."""
    days = calendar.closed_days
    return (
        0 < len(calendar.name) <= CALENDAR_NAME_BYTES_MAX
        and _NAME_ALPHABET.issuperset(calendar.name)
        and 0 <= calendar.closed_weekdays < (1 << _WEEKDAYS) - 1
        and len(days) <= CALENDAR_DAYS_MAX
        and calendar.first_day <= calendar.last_day
        and all(earlier < later for earlier, later in pairwise(days))
        and (not days or (calendar.knows(days[0]) and calendar.knows(days[-1])))
    )
