"""The closed days of the Federal Reserve, of TARGET and of the United Kingdom.

Made by a person who wants to put a calendar into the log, from the library `holidays`, and looked
through before it is proposed; no node asks it (ledger.md 8.3). The library is an extra of the
package: `pip install ledgerd[calendars]`.

| name | of | rule |
|---|---|---|
| `fed` | ACH, Fedwire | federal holidays; a Sunday's closes the Monday, a Saturday's nothing |
| `target` | SEPA | the closing days of TARGET |
| `uk` | Bacs, CHAPS | bank holidays of England and Wales, one-off days among them |

The library's "observed" days close the Friday before a holiday on a Saturday, as the government's
offices do. The Reserve Banks work on it, and ACH and Fedwire with them.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from importlib.metadata import version
from typing import Final

import holidays

from ledgerd.ledger.calendars import SATURDAY_AND_SUNDAY, Calendar
from ledgerd.timetable.days import day_number

_SUNDAY: Final = 6


def calendar(
    name: str,
    years: Sequence[int],
    *,
    also_closed: Iterable[date] = (),
    also_open: Iterable[date] = (),
    as_of: str = "",
) -> Calendar:
    """Return the closed days of whole years, version 0, which the log gives a number.

    years: without a gap, rising. also_closed, also_open: days that a notice has changed since
    the library was made. Raises ValueError for an unknown name, years with a gap, and days of
    other years.
    """
    rule = _RULES.get(name)
    if rule is None:
        raise ValueError(f"expected one of {', '.join(sorted(_RULES))}, found {name!r}")
    if not years or list(years) != list(range(years[0], years[-1] + 1)):
        raise ValueError(f"expected years without a gap, found {list(years)}")
    first, last = date(years[0], 1, 1), date(years[-1], 12, 31)
    also_closed, also_open = tuple(also_closed), tuple(also_open)
    strangers = [d for d in (*also_closed, *also_open) if not first <= d <= last]
    if strangers:
        raise ValueError(
            f"expected days from {first} to {last}, found {', '.join(map(str, strangers))}"
        )
    days = {day for day in rule(years) if first <= day <= last} - set(also_open)
    days.update(also_closed)
    return Calendar(
        name=name,
        version=0,
        effective_from_us=0,
        first_day=day_number(first),
        last_day=day_number(last),
        closed_weekdays=SATURDAY_AND_SUNDAY,
        closed_days=tuple(sorted(map(day_number, days))),
        source=f"holidays {version('holidays')}, {_SOURCES[name]}",
        as_of=as_of,
    )


def _fed(years: Sequence[int]) -> set[date]:
    """Return the Reserve Banks' days: a Sunday's holiday moves to Monday, a Saturday's nowhere."""
    days = set(holidays.country_holidays("US", observed=False, years=years))
    return days | {day + timedelta(1) for day in days if day.weekday() == _SUNDAY}


def _target(years: Sequence[int]) -> set[date]:
    return set(holidays.financial_holidays("XECB", years=years))


def _uk(years: Sequence[int]) -> set[date]:
    return set(holidays.country_holidays("GB", subdiv="ENG", years=years))


_RULES: Final[dict[str, Callable[[Sequence[int]], set[date]]]] = {
    "fed": _fed,
    "target": _target,
    "uk": _uk,
}
_SOURCES: Final = {
    "fed": "federal holidays, a Sunday's on Monday",
    "target": "financial holidays XECB",
    "uk": "bank holidays of England and Wales",
}
