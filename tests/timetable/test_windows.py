from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.rails import (
    CutOff,
    Layer,
    RailRecord,
    WallTime,
    Window,
    is_well_formed,
)
from ledgerd.timetable.closings import calendar
from ledgerd.timetable.days import date_of, day_number
from ledgerd.timetable.windows import (
    NotCoveredError,
    cut_off_us,
    opening_us,
    slot,
    slots_of_day,
)

NEW_YORK = "America/New_York"
LONDON = "Europe/London"
FRANKFURT = "Europe/Berlin"
FED = calendar("fed", range(2025, 2031))
TARGET = calendar("target", range(2025, 2031))
UK = calendar("uk", range(2022, 2031))


def us(text: str, zone: str = "UTC") -> int:
    """Return microseconds of a wall-clock time that exists once."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int(moment.timestamp()) * 1_000_000


def at(text: str, days: int = 0) -> WallTime:
    hour, minute = map(int, text.split(":"))
    return WallTime(days, hour * 3600 + minute * 60)


def utc(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%m-%d %H:%M")


def window(
    opens: WallTime, *layers: tuple[Layer, WallTime], value_days=0, arrives="23:00"
) -> Window:
    return Window(
        opens,
        tuple(CutOff(layer, when) for layer, when in layers),
        value_days,
        at(arrives).second,
    )


def rail(zone: str, calendar_name: str, *windows: Window) -> RailRecord:
    record = RailRecord(
        number=9,
        name="test",
        version=1,
        effective_from_us=0,
        currencies=(currency_number("USD"),),
        countries=(),
        calendar=calendar_name,
        zone=zone,
        windows=windows,
        arrives_within_s=10,
        amount_minor_min=1,
        amount_minor_max=10**9,
        destination_kinds=(),
        account_number_bytes_max=17,
        reference_bytes_max=18,
        reference_charset="",
        is_irrevocable=True,
        return_days=0,
        recall_days=0,
        deduplicates=True,
        answers_queries=True,
        guarantee_s=60,
        burns_refused_keys=False,
    )
    assert is_well_formed(record)
    return record


# Opens at 21:00 of the evening before, closes for third parties at 18:45.
FEDWIRE = rail(NEW_YORK, "fed", window(at("21:00", -1), (Layer.OPERATOR, at("18:45"))))
SAME_DAY = rail(
    NEW_YORK,
    "fed",
    *(
        window(at("00:00"), (Layer.OPERATOR, at(close)), arrives=paid)
        for close, paid in (("10:30", "13:00"), ("14:45", "17:00"), ("16:45", "18:00"))
    ),
)
SCT = rail(
    FRANKFURT,
    "target",
    window(at("00:00"), (Layer.BANK, at("15:00")), value_days=1, arrives="18:00"),
)
BACS = rail(
    LONDON,
    "uk",
    window(at("07:00"), (Layer.OPERATOR, at("22:00")), value_days=2, arrives="07:00"),
)


@pytest.mark.parametrize(
    ("now", "opens", "business_day"),
    [
        ("2026-11-22 20:59", "2026-11-22 21:00", "2026-11-23"),  # Sunday, not yet open
        ("2026-11-22 21:00", "2026-11-22 21:00", "2026-11-23"),  # Sunday, open
        ("2026-11-20 18:44", "2026-11-19 21:00", "2026-11-20"),  # Friday, just in time
        ("2026-11-20 18:45", "2026-11-22 21:00", "2026-11-23"),  # Friday, too late
        ("2026-11-23 19:30", "2026-11-23 21:00", "2026-11-24"),  # between two days
        ("2026-11-25 22:00", "2026-11-26 21:00", "2026-11-27"),  # Thanksgiving's eve
        ("2026-07-02 20:00", "2026-07-02 21:00", "2026-07-03"),  # the Friday rule
        ("2027-07-04 22:00", "2027-07-05 21:00", "2027-07-06"),  # a Sunday's holiday
    ],
)
def test_fedwire_opens_at_21_eastern_of_the_day_before(now, opens, business_day):
    """A Sunday evening belongs to Monday, and a holiday's evening to the day behind it."""
    found = slot(FEDWIRE, FED, us(now, NEW_YORK))

    assert date_of(found.business_day).isoformat() == business_day
    assert found.opens_us == us(opens, NEW_YORK)
    assert found.closes_us == us(f"{business_day} 18:45", NEW_YORK)
    assert found.value_day == found.business_day


# (zone, day, wall clock, cut-off in UTC, opening in UTC)
CHANGES = [
    # New York, 2026-03-08, 02:00 -> 03:00
    (NEW_YORK, "2026-03-08", "01:59", "03-08 06:59", "03-08 06:59"),
    (NEW_YORK, "2026-03-08", "02:00", "03-08 07:00", "03-08 07:00"),
    (NEW_YORK, "2026-03-08", "02:30", "03-08 07:00", "03-08 07:00"),
    (NEW_YORK, "2026-03-08", "03:00", "03-08 07:00", "03-08 07:00"),
    (NEW_YORK, "2026-03-08", "17:00", "03-08 21:00", "03-08 21:00"),
    # New York, 2026-11-01, 02:00 -> 01:00
    (NEW_YORK, "2026-11-01", "00:59", "11-01 04:59", "11-01 04:59"),
    (NEW_YORK, "2026-11-01", "01:30", "11-01 05:30", "11-01 06:30"),
    (NEW_YORK, "2026-11-01", "02:00", "11-01 07:00", "11-01 07:00"),
    (NEW_YORK, "2026-11-01", "17:00", "11-01 22:00", "11-01 22:00"),
    # London, 2026-03-29, 01:00 -> 02:00
    (LONDON, "2026-03-29", "00:30", "03-29 00:30", "03-29 00:30"),
    (LONDON, "2026-03-29", "01:30", "03-29 01:00", "03-29 01:00"),
    (LONDON, "2026-03-29", "02:30", "03-29 01:30", "03-29 01:30"),
    # London, 2026-10-25, 02:00 -> 01:00
    (LONDON, "2026-10-25", "00:30", "10-24 23:30", "10-24 23:30"),
    (LONDON, "2026-10-25", "01:30", "10-25 00:30", "10-25 01:30"),
    (LONDON, "2026-10-25", "02:30", "10-25 02:30", "10-25 02:30"),
    # Frankfurt, 2026-03-29, 02:00 -> 03:00
    (FRANKFURT, "2026-03-29", "01:30", "03-29 00:30", "03-29 00:30"),
    (FRANKFURT, "2026-03-29", "02:30", "03-29 01:00", "03-29 01:00"),
    (FRANKFURT, "2026-03-29", "15:00", "03-29 13:00", "03-29 13:00"),
    # Frankfurt, 2026-10-25, 03:00 -> 02:00
    (FRANKFURT, "2026-10-25", "02:30", "10-25 00:30", "10-25 01:30"),
    (FRANKFURT, "2026-10-25", "03:00", "10-25 02:00", "10-25 02:00"),
    (FRANKFURT, "2026-10-25", "15:00", "10-25 14:00", "10-25 14:00"),
]


@pytest.mark.parametrize(("zone", "day", "clock", "cut_off", "opening"), CHANGES)
def test_clocks_that_change(zone, day, clock, cut_off, opening):
    """In the missing hour both are the jump; of the doubled hour the safe reading counts."""
    place = ZoneInfo(zone), date.fromisoformat(day), at(clock)

    assert utc(cut_off_us(*place)) == cut_off
    assert utc(opening_us(*place)) == opening


@pytest.mark.parametrize(("zone", "day", "clock", "cut_off", "opening"), CHANGES)
def test_no_payment_leaves_while_the_clock_shows_a_time_outside(
    zone, day, clock, cut_off, opening
):
    """The clock itself, minute by minute: less before a cut-off, no less from an opening on."""
    place = ZoneInfo(zone), date.fromisoformat(day), at(clock)
    closes_us, opens_us = cut_off_us(*place), opening_us(*place)
    hours_us, minute_us = 6 * 3600 * 10**6, 60 * 10**6

    def shown(at_us: int) -> str:
        return datetime.fromtimestamp(at_us / 1e6, ZoneInfo(zone)).strftime(
            "%Y-%m-%d %H:%M"
        )

    wall = f"{day} {clock}"
    before = [shown(m) for m in range(closes_us - hours_us, closes_us, minute_us)]
    after = [shown(m) for m in range(opens_us, opens_us + hours_us, minute_us)]

    assert max(before) < wall <= shown(closes_us)
    assert min(after) >= wall
    assert shown(opens_us - minute_us) < wall


@pytest.mark.parametrize(
    ("zone", "name", "closings", "friday", "monday"),
    [
        (NEW_YORK, "fed", FED, "2026-03-06", "2026-03-09"),
        (NEW_YORK, "fed", FED, "2026-10-30", "2026-11-02"),
        (LONDON, "uk", UK, "2026-03-27", "2026-03-30"),
        (LONDON, "uk", UK, "2026-10-23", "2026-10-26"),
        (FRANKFURT, "target", TARGET, "2026-03-27", "2026-03-30"),
        (FRANKFURT, "target", TARGET, "2026-10-23", "2026-10-26"),
    ],
)
def test_a_cut_off_keeps_its_wall_clock_over_a_change(
    zone, name, closings, friday, monday
):
    """15:00 is 15:00 before and after; in UTC the two are not a multiple of 24 hours apart."""
    daily = rail(zone, name, window(at("07:00"), (Layer.BANK, at("15:00"))))

    last = slot(daily, closings, us(f"{friday} 12:00", zone))
    first = slot(daily, closings, us(f"{friday} 15:00", zone))

    assert last.closes_us == us(f"{friday} 15:00", zone)
    assert first.closes_us == us(f"{monday} 15:00", zone)
    assert (first.closes_us - last.closes_us) % (24 * 3600 * 10**6) != 0


@pytest.mark.parametrize(
    ("layers", "obeyed", "closes"),
    [
        ({Layer.OPERATOR: "17:00"}, Layer.OPERATOR, "17:00"),
        (
            {Layer.OPERATOR: "17:00", Layer.BANK: "16:30", Layer.OURS: "16:15"},
            Layer.OURS,
            "16:15",
        ),
        ({Layer.OPERATOR: "17:00", Layer.BANK: "17:30"}, Layer.OPERATOR, "17:00"),
        (
            {Layer.OPERATOR: "17:00", Layer.BANK: "16:00", Layer.OURS: "16:30"},
            Layer.BANK,
            "16:00",
        ),
    ],
)
def test_of_three_cut_offs_the_earliest_is_obeyed(layers, obeyed, closes):
    """The operator's, the bank's and ours are all kept and shown (8.1)."""
    record = rail(
        NEW_YORK,
        "fed",
        window(at("08:00"), *((layer, at(when)) for layer, when in layers.items())),
    )

    found = slot(record, FED, us("2026-11-23 09:00", NEW_YORK))

    assert found.obeyed is obeyed
    assert found.closes_us == us(f"2026-11-23 {closes}", NEW_YORK)
    assert dict(found.cut_offs_us) == {
        layer: us(f"2026-11-23 {when}", NEW_YORK) for layer, when in layers.items()
    }


@pytest.mark.parametrize(
    ("now", "closes", "arrives"),
    [
        ("2026-11-23 10:29", "2026-11-23 10:30", "2026-11-23 13:00"),
        ("2026-11-23 10:30", "2026-11-23 14:45", "2026-11-23 17:00"),
        ("2026-11-23 16:44", "2026-11-23 16:45", "2026-11-23 18:00"),
        ("2026-11-25 16:45", "2026-11-27 10:30", "2026-11-27 13:00"),
    ],
)
def test_a_day_of_three_windows(now, closes, arrives):
    """A missed window leads to the next one of the day, the last to the next banking day."""
    found = slot(SAME_DAY, FED, us(now, NEW_YORK))

    assert found.closes_us == us(closes, NEW_YORK)
    assert found.arrives_us == us(arrives, NEW_YORK)


@pytest.mark.parametrize(
    ("record", "closings", "zone", "now", "value_day", "arrives"),
    [
        # The last TARGET day before Easter: booked on the Tuesday behind it.
        (SCT, TARGET, FRANKFURT, "2026-04-02 14:59", "2026-04-07", "18:00"),
        (SCT, TARGET, FRANKFURT, "2026-04-02 15:00", "2026-04-08", "18:00"),
        # Bacs takes three working days; the state funeral was none of them.
        (BACS, UK, LONDON, "2022-09-16 12:00", "2022-09-21", "07:00"),
        (BACS, UK, LONDON, "2023-05-05 21:59", "2023-05-10", "07:00"),
        (BACS, UK, LONDON, "2023-05-05 22:00", "2023-05-11", "07:00"),
    ],
)
def test_value_days_are_open_days(record, closings, zone, now, value_day, arrives):
    found = slot(record, closings, us(now, zone))

    assert date_of(found.value_day).isoformat() == value_day
    assert found.arrives_us == us(f"{value_day} {arrives}", zone)


def test_a_rail_that_never_closes():
    """It takes a payment at any moment, and the payee has it seconds later."""
    record = rail("", "")
    now_us = us("2026-12-25 03:00")

    found = slot(record, None, now_us)

    assert (found.opens_us, found.closes_us, found.obeyed) == (now_us, 0, None)
    assert found.arrives_us == now_us + 10 * 10**6
    assert date_of(found.value_day).isoformat() == "2026-12-25"


def test_an_amended_calendar_moves_the_day():
    """One more closed day in the calendar, and the same moment has another window."""
    now_us = us("2026-11-23 09:00", LONDON)
    amended = calendar("uk", [2026], also_closed=[date(2026, 11, 23)])

    before, after = slot(BACS, UK, now_us), slot(BACS, amended, now_us)

    assert date_of(before.business_day).isoformat() == "2026-11-23"
    assert date_of(after.business_day).isoformat() == "2026-11-24"


def test_nobody_guesses_behind_the_end_of_a_calendar():
    """The last days of a calendar have answers only as long as it covers them."""
    short = calendar("fed", [2026])
    last_us = us("2026-12-31 10:00", NEW_YORK)

    assert date_of(slot(SAME_DAY, short, last_us).value_day).isoformat() == "2026-12-31"
    with pytest.raises(NotCoveredError, match=r"2027-01-01 was asked for; amend it"):
        slot(SAME_DAY, short, us("2026-12-31 16:45", NEW_YORK))
    with pytest.raises(NotCoveredError):
        slots_of_day(SAME_DAY, short, day_number(date(2027, 1, 4)))


def test_all_windows_of_a_day():
    friday, holiday = date(2026, 11, 27), date(2026, 11, 26)

    assert [s.closes_us for s in slots_of_day(SAME_DAY, FED, day_number(friday))] == [
        us(f"2026-11-27 {when}", NEW_YORK) for when in ("10:30", "14:45", "16:45")
    ]
    assert slots_of_day(SAME_DAY, FED, day_number(holiday)) == ()


def test_an_unknown_zone_is_named():
    record = rail(
        "Europe/Atlantis", "fed", window(at("07:00"), (Layer.BANK, at("15:00")))
    )
    closings: Calendar = FED

    with pytest.raises(ValueError, match="Europe/Atlantis"):
        slot(record, closings, us("2026-11-23 09:00"))
