"""When a rail takes a payment, and when the payee has it: wall-clock times into log time.

Everything here is worked out at the edge, from a rail's record, its calendar and a moment, and
carried in entries as microseconds; the versions of record and calendar go with it (ledger.md 8.3).

Clocks that change. A wall-clock time that a day lacks, or has twice, is read on the safe side:

- a cut-off is the first moment at which the clock shows it or a later time: of a doubled hour the
  first counts;
- an opening is the first moment from which on the clock shows no earlier time any more: of a
  doubled hour the second counts;
- in the missing hour both are the moment of the jump.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.rails import DAY_S, CutOff, Layer, RailRecord, WallTime, Window
from ledgerd.timetable.days import date_of, day_number

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US: Final = 1_000_000
# How far before and after a moment the business day of its window may lie.
_DAYS_BEFORE: Final = 2
_DAYS_AHEAD: Final = 366


class NotCoveredError(ValueError):
    """The calendar ends before the answer; nobody may guess beyond it."""


class Slot(NamedTuple):
    """The window that a payment of a given moment goes with. Times in log microseconds.

    business_day, value_day: days since 1970-01-01; the value day is when the money is booked.
    opens_us .. closes_us: inclusive, exclusive; the rail takes it between them. closes_us is the
        earliest of the cut-offs, and `obeyed` says whose. 0 and None on a rail that never closes.
    arrives_us: when the payee has it, at the latest.
    """

    business_day: int
    opens_us: int
    closes_us: int
    obeyed: Layer | None
    cut_offs_us: tuple[tuple[Layer, int], ...]
    value_day: int
    arrives_us: int


def slot(rail: RailRecord, calendar: Calendar | None, at_us: int) -> Slot:
    """Return the first window of the rail that is not over at `at_us`, open or yet to open.

    calendar: the one the rail names; None exactly for a rail that never closes.
    Raises NotCoveredError where the calendar ends too early, ValueError for an unknown zone and for
    times that no date has: log time goes further than the year 9999.
    """
    assert (calendar is None) == rail.is_always_open, (rail.name, calendar)
    try:
        return _slot_at(rail, calendar, at_us)
    except OverflowError as error:
        raise ValueError(
            f"expected a time before the year 10000, found {at_us} microseconds"
        ) from error


def _slot_at(rail: RailRecord, calendar: Calendar | None, at_us: int) -> Slot:
    if calendar is None:
        day = day_number(_moment(at_us).date())
        return Slot(
            business_day=day,
            opens_us=at_us,
            closes_us=0,
            obeyed=None,
            cut_offs_us=(),
            value_day=day,
            arrives_us=at_us + rail.arrives_within_s * _SECOND_US,
        )
    zone = _zone(rail.zone)
    today = day_number(_moment(at_us).astimezone(zone).date())
    for day in range(today - _DAYS_BEFORE, today + _DAYS_AHEAD):
        if day < today and not calendar.knows(day):
            continue  # the first days of a calendar have no days before them
        if not calendar.knows(day):
            raise _not_covered(calendar, day)
        if not calendar.is_open(day):
            continue
        for window in rail.windows:
            found = _slot_of(window, calendar, zone, day)
            if at_us < found.closes_us:
                return found
    raise _not_covered(calendar, today + _DAYS_AHEAD)


def slots_of_day(rail: RailRecord, calendar: Calendar, day: int) -> tuple[Slot, ...]:
    """Return all windows of one business day, none if the rail is closed on it.

    Raises NotCoveredError and ValueError as `slot`.
    """
    if not calendar.knows(day):
        raise _not_covered(calendar, day)
    if not calendar.is_open(day):
        return ()
    zone = _zone(rail.zone)
    return tuple(_slot_of(window, calendar, zone, day) for window in rail.windows)


def _slot_of(window: Window, calendar: Calendar, zone: ZoneInfo, day: int) -> Slot:
    value_day = calendar.open_day_after(day, window.value_days)
    if value_day is None:
        raise _not_covered(calendar, calendar.last_day + 1)
    cut_offs_us = tuple(
        (cut_off.layer, _cut_off_us(cut_off, zone, day)) for cut_off in window.cut_offs
    )
    obeyed, closes_us = min(cut_offs_us, key=lambda pair: pair[1])
    return Slot(
        business_day=day,
        opens_us=opening_us(zone, date_of(day), window.opens),
        closes_us=closes_us,
        obeyed=obeyed,
        cut_offs_us=cut_offs_us,
        value_day=value_day,
        arrives_us=cut_off_us(
            zone, date_of(value_day), WallTime(0, window.arrives_second)
        ),
    )


def _cut_off_us(cut_off: CutOff, zone: ZoneInfo, day: int) -> int:
    return cut_off_us(zone, date_of(day), cut_off.at)


def cut_off_us(zone: ZoneInfo, day: date, at: WallTime) -> int:
    """Return the first moment at which the clock in `zone` shows `at` of `day`, or later."""
    early_us, late_us, is_missing = _both(zone, day, at)
    return _change_us(zone, early_us, late_us) if is_missing else early_us


def opening_us(zone: ZoneInfo, day: date, at: WallTime) -> int:
    """Return the moment from which on the clock in `zone` shows `at` of `day`, or later."""
    early_us, late_us, is_missing = _both(zone, day, at)
    return _change_us(zone, early_us, late_us) if is_missing else late_us


def _both(zone: ZoneInfo, day: date, at: WallTime) -> tuple[int, int, bool]:
    """Return the earlier and the later reading of a wall-clock time, and whether it is missing."""
    assert 0 <= at.second < DAY_S, at
    midnight = datetime.combine(day + timedelta(at.days), datetime.min.time())
    naive = midnight + timedelta(seconds=at.second)
    first_us, second_us = (
        _us(naive.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)
    )
    # In a gap the reading with the later offset is the earlier moment (PEP 495).
    return min(first_us, second_us), max(first_us, second_us), second_us < first_us


def _change_us(zone: ZoneInfo, before_us: int, after_us: int) -> int:
    """Return the moment at which the offset changes, between two that differ in it."""
    before = _moment(before_us).astimezone(zone).utcoffset()
    low, high = before_us // _SECOND_US, after_us // _SECOND_US
    while high - low > 1:
        middle = (low + high) // 2
        offset = _moment(middle * _SECOND_US).astimezone(zone).utcoffset()
        low, high = (middle, high) if offset == before else (low, middle)
    return high * _SECOND_US


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    """Return a zone of tzdata. Raises ValueError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"expected the name of a time zone, for example Europe/London, found {name!r}"
        ) from error


def _moment(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _not_covered(calendar: Calendar, day: int) -> NotCoveredError:
    return NotCoveredError(
        f"calendar {calendar.name} version {calendar.version} covers "
        f"{date_of(calendar.first_day)} .. {date_of(calendar.last_day)}, and "
        f"{date_of(day)} was asked for; amend it: ledgerctl calendar amend"
    )
