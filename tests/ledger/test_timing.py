"""A payout that must go with the window open now, and settings that moved. 6, 7.4, 8.3."""

from dataclasses import replace

import pytest

from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue_commands import AmendCalendar, SetCatalogue, SuspendRail
from ledgerd.ledger.commands import DispatchBegin, SubmitTerms, WindowTerms
from ledgerd.timetable.rail_file import seed
from tests.ledger.making import (
    PACKED,
    US_ACH,
    USD,
    Ledger,
    ledger,
    names,
    submit,
    uid,
)

ACH = seed()[1]
FED = Calendar("fed", 0, 0, 20_000, 21_000, 0b110_0000, (), "test", "")
NEXT_US = 1_000  # from one entry of these ledgers to the next


def set_ach(number: int, **changes) -> SetCatalogue:
    return SetCatalogue(uid(number), (replace(ACH, **changes),), "root")


def amend(number: int, **changes) -> AmendCalendar:
    return AmendCalendar(uid(number), replace(FED, **changes), "root")


def town() -> Ledger:
    """A ledger in which version 1 of us_ach and of its calendar is in force."""
    books = ledger()
    books.do([set_ach(900), amend(901)])
    return books


def urgent(number: int, opens_us: int, closes_us: int, versions=(1, 1), **changes):
    terms = SubmitTerms(window=WindowTerms(opens_us, closes_us, *versions))
    order = {"rail": US_ACH, "currency": USD, "details": PACKED, "terms": terms}
    return submit(number, **order | changes)


@pytest.mark.parametrize(
    ("opens_us", "closes_us", "answer"),
    [
        (0, 1, "CREATED"),
        (0, 0, "CUTOFF_PASSED"),  # the first moment at which it is over
        (-5, -1, "CUTOFF_PASSED"),
        (1, 2, "CUTOFF_PASSED"),  # it opens later
        (-5, 5, "CREATED"),
    ],
)
def test_the_window_is_compared_with_the_time_of_the_entry(opens_us, closes_us, answer):
    """Times relative to the entry's; a refusal spends the id, whatever is asked then."""
    books = town()
    ts_us = books.ts_us + NEXT_US

    assert names(books.do([urgent(1, ts_us + opens_us, ts_us + closes_us)])) == [answer]
    again = "REPLAYED" if answer == "CREATED" else "CUTOFF_PASSED"
    later_us = books.ts_us + NEXT_US
    assert names(books.do([urgent(1, later_us, later_us + 9)])) == [again]


def test_a_rail_that_never_closes_is_never_missed():
    books = ledger()
    books.do([set_ach(900, windows=(), calendar="", zone="")])

    assert names(books.do([urgent(1, 0, 0, (1, 0))])) == ["CREATED"]


def test_a_rail_that_is_suspended_misses_every_window():
    """It does not wait, so it is refused; a payout that may wait is taken (7.5)."""
    books = town()
    books.do([SuspendRail(uid(902), US_ACH, True, "outage", "root")])

    found = books.do([urgent(1, 0, 2**60), submit(2, rail=US_ACH, details=PACKED)])

    assert names(found) == ["RAIL_SUSPENDED", "CREATED"]


@pytest.mark.parametrize(
    "change",
    [
        lambda at_us: set_ach(902, amount_minor_max=5, effective_from_us=at_us),
        lambda at_us: amend(902, effective_from_us=at_us),
    ],
    ids=["rail", "calendar"],
)
def test_settings_that_are_not_in_force_any_more_do_nothing(change):
    """At the time they change and not before: no row, no id spent, and then it is decided."""
    books = town()
    at_us = books.ts_us + 4 * NEXT_US
    books.do([change(at_us)])
    assert names(books.do([urgent(1, 0, 2**60)])) == ["CREATED"]

    before = {table: dict(rows) for table, rows in books.view.tables.items()}
    books.ts_us = at_us - NEXT_US
    rows = [urgent(2, 0, 2**60), urgent(3, 0, 2**60), submit(4)]
    stale = books.do(rows)
    assert names(stale) == ["STALE_SETTINGS"] * 3
    assert books.view.tables == before
    assert stale.outcomes.retries == {}

    is_of_rail = type(change(0)) is SetCatalogue
    versions = (2, 1) if is_of_rail else (1, 2)
    answer = "RAIL_AMOUNT_MAX" if is_of_rail else "CREATED"
    again = [urgent(2, 0, 2**60, versions), submit(4)]
    assert names(books.do(again)) == [answer, "CREATED"]


def test_versions_of_the_future_are_stale_too():
    """The leader's clock may run ahead of log time."""
    books = town()

    assert names(books.do([urgent(1, 0, 2**60, (2, 1))])) == ["STALE_SETTINGS"]
    assert names(books.do([urgent(1, 0, 2**60, (1, 0))])) == ["STALE_SETTINGS"]


@pytest.mark.parametrize(
    "changes",
    [
        {"release_at_us": 5},
        {"terms": SubmitTerms(window=WindowTerms(9, 8, 1, 1))},
        {"terms": SubmitTerms(window=WindowTerms(-1, 8, 1, 1))},
        {"terms": SubmitTerms(window=WindowTerms(0, 2**63, 1, 1))},
    ],
)
def test_what_no_leader_writes_is_refused(changes):
    books = town()

    assert names(books.do([urgent(1, 0, 5, **changes)])) == ["INVALID_COMMAND"]


def test_a_window_that_nobody_worked_out_is_refused():
    """No record is in force, and none is named: that is not stale, but no command either."""
    books = ledger()

    assert names(books.do([urgent(1, 0, 5, (0, 0))])) == ["INVALID_COMMAND"]


def test_what_the_rail_takes_comes_before_its_window():
    """The order of row 8; and the window before a lack of funds."""
    books = town()
    found = books.do(
        [
            urgent(1, 0, 1, details=b""),
            urgent(2, 0, 1, amount_minor=10**10),
            urgent(3, 0, 1, amount_minor=10**6),
            urgent(4, 0, 2**60, amount_minor=10**6),
        ]
    )

    assert names(found) == [
        "RAIL_DESTINATION",
        "RAIL_AMOUNT_MAX",
        "CUTOFF_PASSED",
        "INSUFFICIENT_FUNDS",
    ]


# Dispatch


def begin(number: int, versions: tuple[int, int], closes_us: int) -> DispatchBegin:
    return DispatchBegin(uid(number), uid(1), 1, 10**6, "node-1", *versions, closes_us)


def test_a_dispatch_goes_by_the_calendar_in_force_and_not_that_of_the_submit():
    """A day closed meanwhile stops it: who proposed it looks again, and proposes anew."""
    books = town()
    books.submit(submit(1, rail=US_ACH, details=PACKED))
    books.do([amend(902, closed_days=(20_500,))])

    assert names(books.do([begin(903, (1, 1), 2**60)])) == ["VERSION_MISMATCH"]
    assert names(books.do([begin(904, (1, 2), books.ts_us + NEXT_US)])) == [
        "CUTOFF_PASSED"
    ]
    assert names(books.do([begin(905, (1, 2), books.ts_us + 2 * NEXT_US)])) == [
        "CREATED"
    ]


def test_a_dispatch_that_names_nothing_is_not_held_up():
    """Of a rail without a record, and by workers of before."""
    books = town()
    books.submit(submit(1, rail=US_ACH, details=PACKED))

    assert names(books.do([begin(903, (0, 0), -1)])) == ["INVALID_COMMAND"]
    assert names(books.do([begin(904, (0, 0), 0)])) == ["CREATED"]
