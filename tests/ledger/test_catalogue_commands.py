"""SetCatalogue, AmendCalendar, SuspendRail: versions with effective times. Design 2.7, 8."""

from dataclasses import replace

import pytest

from ledgerd.ledger.calendars import SATURDAY_AND_SUNDAY, Calendar
from ledgerd.ledger.catalogue_commands import AmendCalendar, SetCatalogue, SuspendRail
from ledgerd.ledger.commands import DispatchBegin
from ledgerd.ledger.events import EventKind
from ledgerd.timetable.rail_file import seed
from tests.ledger.making import ledger, names, submit, uid

SANDBOX = seed()[0]
ACH = seed()[1]
UK = Calendar("uk", 0, 0, 20_000, 20_999, SATURDAY_AND_SUNDAY, (20_008,), "notice", "")


def set_rails(number=1, *rails, **changes):
    return SetCatalogue(uid(number), rails or (SANDBOX,), "root", **changes)


def amend(number=1, calendar=UK):
    return AmendCalendar(uid(number), calendar, "root")


def suspend(number=1, rail=1, *, is_suspended=True, reason="the bank asked for it"):
    return SuspendRail(uid(number), rail, is_suspended, reason, "root")


def now_us(books):
    return books.view.events()[-1].ts_us


def test_the_whole_seed_can_be_set():
    """Each rail gets version 1, in force from the entry on, and nothing else of it changes."""
    books = ledger()

    applied = books.do([set_rails(1, *seed())])

    assert names(applied) == ["CREATED"]
    ts_us = now_us(books)
    catalogue = books.view.catalogue()
    for rail in seed():
        found = catalogue.rail(rail.number, ts_us)
        assert found == replace(rail, version=1, effective_from_us=ts_us)
    assert books.view.events()[-1].kind is EventKind.CATALOGUE_SET


def test_a_version_of_the_future_waits_for_its_time():
    """The old one stays in force until then, and readable for ever."""
    books = ledger()
    books.do([set_rails(1)])
    ts_us = now_us(books)
    later = replace(SANDBOX, guarantee_s=7, effective_from_us=ts_us + 10**9)
    books.do([set_rails(2, later)])

    catalogue = books.view.catalogue()

    def guarantee(at_us):
        found = catalogue.rail(1, at_us)
        return None if found is None else (found.version, found.guarantee_s)

    assert guarantee(ts_us - 1) is None
    assert guarantee(ts_us) == (1, SANDBOX.guarantee_s)
    assert guarantee(ts_us + 10**9 - 1) == (1, SANDBOX.guarantee_s)
    assert guarantee(ts_us + 10**9) == (2, 7)


def test_the_newer_of_two_versions_with_one_time_is_in_force():
    """Both in one entry, or both in the past: the later one is the last word."""
    books = ledger()
    books.do([set_rails(1), set_rails(2, replace(SANDBOX, guarantee_s=9))])

    found = books.view.catalogue().rail(1, now_us(books))

    assert found is not None
    assert (found.version, found.guarantee_s) == (2, 9)


@pytest.mark.parametrize(
    ("rails", "code"),
    [
        ((replace(SANDBOX, number=99),), "RAIL_NOT_FOUND"),
        ((replace(ACH, name="br_pix"),), "RAIL_NOT_FOUND"),
        ((replace(ACH, number=99, name="Pix"),), "INVALID_COMMAND"),
        (
            (replace(ACH, number=98, name="pix"), replace(ACH, number=99, name="pix")),
            "RAIL_NOT_FOUND",
        ),
        ((replace(SANDBOX, name="other"),), "RAIL_NOT_FOUND"),
        ((replace(ACH, currencies=()),), "RAIL_CURRENCY"),
        ((replace(ACH, windows=()),), "INVALID_COMMAND"),
        ((ACH, ACH), "INVALID_COMMAND"),
        ((ACH, replace(SANDBOX, number=99)), "RAIL_NOT_FOUND"),
    ],
)
def test_what_is_durable_of_a_rail_cannot_be_changed(rails, code):
    """Number, name and currency; and of a list with a mistake nothing is set."""
    books = ledger()

    assert names(books.do([set_rails(1, *rails)])) == [code]
    assert books.view.catalogue().rails == {}


def test_a_request_is_known_by_its_fields():
    books = ledger()
    again = [
        set_rails(1),
        set_rails(1),
        set_rails(1, replace(SANDBOX, guarantee_s=2)),
        amend(2),
        amend(2),
        amend(2, replace(UK, closed_days=())),
        suspend(3),
        suspend(3),
        suspend(3, is_suspended=False),
    ]

    applied = books.do(again)

    assert names(applied) == ["CREATED", "REPLAYED", "CONFLICT"] * 3
    assert applied.outcomes.retries[2].differing == ("rails",)
    assert applied.outcomes.retries[5].differing == ("calendar",)
    assert applied.outcomes.retries[8].differing == ("is_suspended",)


def test_a_calendar_is_amended_as_a_whole():
    books = ledger()
    books.do([amend(1)])
    ts_us = now_us(books)
    books.do([amend(2, replace(UK, closed_days=(20_008, 20_010)))])

    catalogue = books.view.catalogue()

    first, second = catalogue.calendar("uk", ts_us), catalogue.calendar("uk", 2**62)
    assert first is not None
    assert second is not None
    assert (first.version, first.is_open(20_010)) == (1, True)
    assert (second.version, second.is_open(20_010)) == (2, False)
    assert catalogue.calendar("fed", 2**62) is None


@pytest.mark.parametrize(
    "changes",
    [{"source": ""}, {"closed_days": (5, 4)}, {"name": ""}, {"effective_from_us": -1}],
)
def test_a_calendar_that_is_none_is_refused(changes):
    books = ledger()

    assert names(books.do([amend(1, replace(UK, **changes))])) == ["INVALID_COMMAND"]


def begin(number, payout_id, attempt=1):
    return DispatchBegin(uid(number), payout_id, attempt, 10**6, "node-1")


def test_nothing_is_dispatched_by_a_rail_that_is_suspended():
    """7.5: READY payouts wait; once it is resumed they go."""
    books = ledger()
    payout = submit(1)
    books.submit(payout)

    answers = names(
        books.do(
            [
                suspend(10, payout.rail),
                begin(11, payout.payout_id),
                suspend(12, payout.rail),
                suspend(13, payout.rail, is_suspended=False),
                begin(14, payout.payout_id),
            ]
        )
    )

    kinds = [event.kind for event in books.view.events()]
    assert answers == ["CREATED", "RAIL_SUSPENDED", "CREATED", "CREATED", "CREATED"]
    assert kinds.count(EventKind.RAIL_SUSPENDED) == 1  # the second one changed nothing
    assert kinds.count(EventKind.RAIL_RESUMED) == 1
    found = books.view.catalogue().suspension(payout.rail)
    assert (found.is_suspended, found.principal) == (False, "root")


def test_an_unknown_rail_cannot_be_suspended():
    books = ledger()

    assert names(books.do([suspend(1, 99)])) == ["RAIL_NOT_FOUND"]
