"""Days as numbers and as dates: where the ledger's day numbers meet the calendar on the wall."""

from datetime import date
from typing import Final

_DAY_0: Final = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Return the days since 1970-01-01, negative before it."""
    return day.toordinal() - _DAY_0


def date_of(day: int) -> date:
    """Return the date of a day number."""
    return date.fromordinal(day + _DAY_0)
