"""Scheduled payouts and calendars that are amended: the leader redates what is touched. 8.3."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from ledgerd.ledger.calendars import DAY_US, Calendar
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.catalogue_commands import AmendCalendar, SetCatalogue
from ledgerd.ledger.commands import Redate, Reroute, Tick
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.payouts import PayoutState, status_of
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.rails.redating import (
    PROPOSALS_MAX,
    Dates,
    Page,
    Redater,
    Schedule,
    Scheduled,
    dates_due,
)
from ledgerd.timetable.rail_file import seed
from tests.ledger.making import SWIFT, US_ACH, Ledger, ledger, names, submit, uid
from tests.rails.virtual import run

HOUR_US = DAY_US // 24
FRIDAY = 20_735  # 2026-10-09: summer time in New York, midnight there is 04:00 UTC
MONDAY = FRIDAY + 3
NEW_YORK_US = 4 * HOUR_US
NOON_US = FRIDAY * DAY_US + 16 * HOUR_US
ACH = seed()[1]
US_WIRE = 4
FED = Calendar("fed", 0, 0, FRIDAY - 90, FRIDAY + 90, 0b110_0000, (), "test", "2026-10")


def asked(number: int) -> bytes:
    """A request id of these days; older ones are refused."""
    return uid(number, (FRIDAY - 30) * DAY_US // 1_000)


def opens_us(day: int) -> int:
    return day * DAY_US + NEW_YORK_US


class MemorySchedule:
    """The redater's port over a ledger in memory, which decides what is proposed."""

    def __init__(self, books: Ledger) -> None:
        self.books = books
        self.leads = True
        self.answers: list[str] = []
        self.in_flight = self.most_in_flight = self.looks = 0

    def term(self) -> int | None:
        return 1 if self.leads else None

    async def page(self, after: Timer | None, rows_max: int) -> Page | None:
        self.looks += 1
        await asyncio.sleep(0.001)
        timers = [
            timer
            for timer in self.books.view.timers(2**62, 10**6)
            if timer.kind is TimerKind.RELEASE and (after is None or timer > after)
        ]
        rows = {row[0].position: row for row in self.books.view.all_payouts()}
        found = [Scheduled(*rows[timer.position]) for timer in timers[:rows_max]]
        last = timers[rows_max - 1] if len(timers) >= rows_max else None
        return Page(found, last, self.books.view.catalogue(), self.books.ts_us)

    async def redate(self, payout_id: bytes, dates: Dates) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0.001)
        number = 50_000 + len(self.answers)
        command = Redate(asked(number), payout_id, *dates, principal="node-1")
        self.answers += names(self.books.do([command]))
        self.in_flight -= 1


def town(count: int = 1, release_at_us: int = NOON_US) -> Ledger:
    """Payouts of us_ach that are let go on a Friday at noon, and its first calendar."""
    books = ledger(10**9)
    books.ts_us = (FRIDAY - 30) * DAY_US
    settings = [
        SetCatalogue(asked(900), (ACH,), "root"),
        AmendCalendar(asked(901), FED, "root"),
    ]
    assert set(names(books.do(settings))) == {"CREATED"}
    rows = [
        submit(1 + n, rail=US_ACH, release_at_us=release_at_us + n)
        for n in range(count)
    ]
    assert set(names(books.submit(*rows))) == {"CREATED"}
    return books


def amend(books: Ledger, number: int, **changes) -> None:
    command = AmendCalendar(asked(number), replace(FED, **changes), "root")
    assert names(books.do([command])) == ["CREATED"]


def look(schedule: Schedule, *, until: Callable[[], bool]) -> None:
    """Let a redater work until what is waited for is so; virtual time, ten minutes at most."""

    async def body() -> None:
        task = asyncio.create_task(Redater(schedule).run())
        try:
            async with asyncio.timeout(600):
                while not until():  # noqa: ASYNC110 - time is virtual, and the port has no event
                    await asyncio.sleep(0.01)
            await asyncio.sleep(60)  # nothing comes after it
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(body())


def dates(books: Ledger) -> list[tuple[int, int, int]]:
    found = []
    for head, status in books.view.all_payouts():
        now = status_of(head, status)
        found.append((now.release_at_us, now.arrival_date, now.calendar_version))
    return found


def test_a_day_that_is_closed_after_the_submit_moves_the_payout():
    """Friday is closed: it is let go when Monday's window opens, and arrives on Tuesday."""
    books = town()
    schedule = MemorySchedule(books)
    look(schedule, until=lambda: bool(schedule.answers))
    assert dates(books) == [(NOON_US, 20_261_012, 1)]  # as submitted; arrives on Monday

    amend(books, 902, closed_days=(FRIDAY,))
    look(schedule, until=lambda: len(schedule.answers) > 1)
    assert dates(books) == [(opens_us(MONDAY), 20_261_013, 2)]

    amend(books, 903)  # it is open after all
    look(schedule, until=lambda: len(schedule.answers) > 2)
    assert dates(books) == [(NOON_US, 20_261_012, 3)]
    assert schedule.answers == ["CREATED"] * 3
    kinds = [event.kind for event in books.view.events()]
    assert kinds.count(EventKind.PAYOUT_REDATED) == 3

    books.ts_us = NOON_US
    books.do([Tick()])
    ((head, status),) = books.view.all_payouts()
    assert status_of(head, status).state is PayoutState.READY


def test_a_reroute_takes_the_dates_of_the_new_rail():
    """Its calendar may have fewer versions, and another rail may know no calendar at all."""
    books = town()
    for number in (902, 903):
        amend(books, number, closed_days=(FRIDAY,))
    wire = replace(ACH, number=US_WIRE, name="us_fedwire", calendar="wire")
    amend(books, 904, name="wire")
    books.do([SetCatalogue(asked(905), (wire,), "root")])
    schedule = MemorySchedule(books)
    look(schedule, until=lambda: bool(schedule.answers))
    assert dates(books) == [(opens_us(MONDAY), 20_261_013, 3)]

    assert names(books.do([Reroute(asked(906), uid(1), US_WIRE, "svc")])) == ["CREATED"]
    assert dates(books) == [(0, 0, 0)]
    assert books.view.timers(NOON_US, 9) == [Timer(NOON_US, (4, 0), TimerKind.RELEASE)]
    look(schedule, until=lambda: len(schedule.answers) > 1)
    assert dates(books) == [(NOON_US, 20_261_012, 1)]

    assert names(books.do([Reroute(asked(907), uid(1), SWIFT, "svc")])) == ["CREATED"]
    assert len(books.view.timers(2**62, 9)) == 1
    books.ts_us = NOON_US
    books.do([Tick()])
    ((head, status),) = books.view.all_payouts()
    assert status_of(head, status).state is PayoutState.READY


@pytest.mark.parametrize("last_day", [FRIDAY + 90, 2**31 - 1])
@pytest.mark.parametrize(
    "release_at_us", [2**63 - 1, 4 * 10**17, 253_402_300_799 * 10**6]
)
def test_a_release_in_no_year_stops_nobody(release_at_us, last_day):
    """Anybody may ask for one. It keeps the time it has, and the others are dated."""
    books = town(release_at_us=release_at_us - 1)
    amend(books, 902, last_day=last_day)
    books.submit(submit(7, rail=US_ACH, release_at_us=NOON_US))
    schedule = MemorySchedule(books)

    look(schedule, until=lambda: bool(schedule.answers))

    assert schedule.answers == ["CREATED"]
    assert dates(books)[0] == (0, 0, 0)
    assert dates(books)[1][1:] == (20_261_012, 2)


def test_an_amendment_that_touches_nothing_costs_nothing():
    """Neither an entry for the payout nor a second look in a hurry."""
    books = town()
    schedule = MemorySchedule(books)
    look(schedule, until=lambda: bool(schedule.answers))
    amend(books, 902, closed_days=(FRIDAY + 30,))
    before = schedule.looks

    look(schedule, until=lambda: schedule.looks > before + 5)

    assert schedule.answers == ["CREATED"]
    assert dates(books) == [(NOON_US, 20_261_012, 1)]


def test_many_are_redated_a_bounded_number_at_a_time():
    """Each once, page after page without a rest between them."""
    books = town(700)
    schedule = MemorySchedule(books)

    look(schedule, until=lambda: len(schedule.answers) == 700)
    assert schedule.answers == ["CREATED"] * 700
    assert 1 < schedule.most_in_flight <= PROPOSALS_MAX

    amend(books, 902, closed_days=(FRIDAY,))
    look(schedule, until=lambda: len(schedule.answers) == 1_400)
    assert set(dates(books)) == {(opens_us(MONDAY), 20_261_013, 2)}
    assert schedule.answers == ["CREATED"] * 1_400


def test_two_that_take_themselves_for_leaders_redate_once():
    """The second one names a version that the payout has already, and is refused."""
    books = town()
    found = Scheduled(*books.view.all_payouts()[0])
    due = dates_due(found, books.view.catalogue(), books.ts_us)
    assert due is not None
    twice = [Redate(asked(910 + n), uid(1), *due, principal="node-1") for n in range(2)]

    assert names(books.do(twice)) == ["CREATED", "VERSION_MISMATCH"]
    assert (
        dates_due(Scheduled(*books.view.all_payouts()[0]), books.view.catalogue(), 0)
        is None
    )


def test_who_does_not_lead_redates_nothing():
    schedule = MemorySchedule(town())
    schedule.leads = False

    async def body() -> None:
        task = asyncio.create_task(Redater(schedule).run())
        await asyncio.sleep(600)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(body())
    assert (schedule.looks, schedule.answers) == (0, [])


CALENDARS = {"fed": (replace(FED, version=1),)}


@pytest.mark.parametrize(
    ("release_at_us", "catalogue", "expected"),
    [
        (NOON_US, Catalogue({2: (ACH,)}, CALENDARS), (NOON_US, 20_261_012, 1)),
        # After the cut-off of Friday it goes with Monday's window.
        (
            NOON_US + 6 * HOUR_US,
            Catalogue({2: (ACH,)}, CALENDARS),
            (opens_us(MONDAY), 20_261_013, 1),
        ),
        (
            NOON_US + DAY_US,
            Catalogue({2: (ACH,)}, CALENDARS),
            (opens_us(MONDAY), 20_261_013, 1),
        ),
        (NOON_US, Catalogue({}, CALENDARS), None),
        (NOON_US, Catalogue({2: (ACH,)}), None),
        # A version of the future counts for what is let go after it.
        (
            NOON_US,
            Catalogue(
                {2: (ACH,)},
                {
                    "fed": (
                        replace(FED, version=1),
                        replace(
                            FED,
                            version=2,
                            closed_days=(FRIDAY,),
                            effective_from_us=NOON_US,
                        ),
                    )
                },
            ),
            (opens_us(MONDAY), 20_261_013, 2),
        ),
    ],
)
def test_the_dates_of_a_scheduled_payout(release_at_us, catalogue, expected):
    """From the client's time of release, the rail's record and the calendar in force then."""
    books = town(release_at_us=release_at_us)

    assert dates_due(Scheduled(*books.view.all_payouts()[0]), catalogue, 0) == expected


def test_a_calendar_that_ends_too_early_moves_nothing():
    """Nobody guesses; the payout keeps its dates, and the others theirs."""
    books = town()
    schedule = MemorySchedule(books)
    amend(books, 902, last_day=FRIDAY)  # the value day lies behind its end

    look(schedule, until=lambda: schedule.looks > 3)

    assert schedule.answers == []
