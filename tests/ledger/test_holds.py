"""Holds: put aside, captured once, given back, expired. Design 2.5."""

import pytest

from ledgerd.ledger.accounts import AccountKind, LedgerAccount, Side
from ledgerd.ledger.commands import Tick
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.holds import HoldState
from ledgerd.ledger.journal import EntryReason, Leg
from tests.ledger.making import (
    ALICE,
    BOB,
    EVE,
    MAX,
    MINUTE_US,
    capture_hold,
    create_hold,
    freeze,
    fund,
    ledger,
    names,
    open_account,
    release_hold,
    transfer,
    uid,
)


def held(**changes):
    """Alice with 500.00 USD, 50.00 of them held."""
    books = ledger(50_000)
    assert names(books.do([create_hold(1, **changes)])) == ["CREATED"]
    return books


def hold_of(books, number):
    """The hold with this id."""
    return next(hold for hold in books.view.all_holds() if hold.hold_id == uid(number))


def only_hold(books):
    (hold,) = books.view.all_holds()
    return hold


def test_held_money_is_not_available():
    """It moves by a posting of its own, and the row says until when."""
    books = held()

    assert books.balances() == (45_000, 0, 5_000, 0, 0)
    hold = only_hold(books)
    assert (hold.state, hold.held_minor) == (HoldState.OPEN, 5_000)
    assert hold.expires_at_us == books.ts_us + MINUTE_US
    assert books.view.journal()[-1].reason == EntryReason.HOLD
    event = books.view.events()[-1]
    assert (event.kind, event.subject) == (EventKind.HOLD_CREATED, uid(1))


def test_a_part_is_captured_and_the_rest_comes_back():
    """One entry of three legs; the hold is over."""
    books = held()

    applied = books.do([capture_hold(10)])

    assert names(applied) == ["CREATED"]
    assert books.balances() == (47_000, 0, 0, 0, 0)
    assert books.balances(BOB) == (3_000, 0, 0, 0, 0)
    assert books.view.journal()[-1].legs == (
        Leg(LedgerAccount(AccountKind.HELD, ALICE), Side.DEBIT, 5_000),
        Leg(LedgerAccount(AccountKind.AVAILABLE, BOB), Side.CREDIT, 3_000),
        Leg(LedgerAccount(AccountKind.AVAILABLE, ALICE), Side.CREDIT, 2_000),
    )
    hold = only_hold(books)
    assert (hold.state, hold.captured_minor, hold.captured_to) == (
        HoldState.CAPTURED,
        3_000,
        BOB,
    )
    assert hold.changed == (books.index, 0, 0)


def test_the_whole_is_captured_by_two_legs():
    """No leg is zero."""
    books = held()

    books.do([capture_hold(10, amount_minor=5_000)])

    assert len(books.view.journal()[-1].legs) == 2
    assert books.balances(BOB)[0] == 5_000


def test_a_hold_may_be_captured_for_its_own_account():
    """Then all of it is available again, in one entry that names one account."""
    books = held()

    books.do([capture_hold(10, to_account_id=ALICE)])

    assert books.balances() == (50_000, 0, 0, 0, 0)
    assert len(books.view.journal()[-1].touched) == 1
    assert len(books.view.events()[-1].accounts) == 1


@pytest.mark.parametrize("first", [capture_hold(10), release_hold(10)])
@pytest.mark.parametrize("second", [capture_hold(11), release_hold(11)])
def test_a_hold_ends_once(first, second):
    """Whoever is second is refused, in the same log entry too."""
    books = held()

    assert names(books.do([first, second])) == ["CREATED", "WRONG_STATE"]
    assert books.balances()[2] == 0


def test_more_than_was_held_is_refused():
    books = held()

    applied = books.do([capture_hold(10, amount_minor=5_001)])

    assert names(applied) == ["HOLD_EXCEEDED"]
    assert only_hold(books).state == HoldState.OPEN


@pytest.mark.parametrize(
    ("left_us", "answer"), [(1, "CREATED"), (0, "HOLD_EXPIRED"), (-1, "HOLD_EXPIRED")]
)
def test_time_alone_expires_a_hold(left_us, answer):
    """No Tick ran: an entry whose time is the expiry or later does not capture."""
    books = held()
    books.ts_us = only_hold(books).expires_at_us - left_us - 1_000  # `do` adds these

    assert names(books.do([capture_hold(10)])) == [answer]


def test_a_hold_past_its_time_can_be_released_by_hand():
    """The money was still held; releasing it does what the Tick would do."""
    books = held()
    books.ts_us += 10 * MINUTE_US

    assert names(books.do([release_hold(10)])) == ["CREATED"]
    assert books.balances() == (50_000, 0, 0, 0, 0)


def test_a_tick_frees_what_is_over_and_nothing_else():
    """Due at the expiry itself; the timer goes with the hold, however it ends."""
    books = held()
    books.do([create_hold(2, ttl_us=2 * MINUTE_US), create_hold(3), create_hold(4)])
    books.do([capture_hold(10, hold_id=uid(3)), release_hold(11, hold_id=uid(4))])
    assert len(books.view.timers(2**63 - 1, 9)) == 2

    books.ts_us = hold_of(books, 1).expires_at_us - 1_001
    assert books.do([Tick()]).writes.journal == []
    books.ts_us -= 1_000 - 1
    applied = books.do([Tick()])

    assert [entry.reason for entry in applied.writes.journal] == [
        EntryReason.HOLD_EXPIRY
    ]
    assert [event.kind for event in applied.writes.events] == [EventKind.HOLD_EXPIRED]
    assert [hold.state for hold in books.view.all_holds()] == [
        HoldState.EXPIRED,
        HoldState.OPEN,
        HoldState.CAPTURED,
        HoldState.RELEASED,
    ]
    assert books.balances() == (42_000, 0, 5_000, 0, 0)
    assert [timer.position for timer in books.view.timers(2**63 - 1, 9)] == [(4, 0)]
    assert names(books.do([capture_hold(12), release_hold(13)])) == [
        "HOLD_EXPIRED",
        "HOLD_EXPIRED",
    ]


def test_one_tick_frees_many_holds_each_by_an_entry_of_its_own():
    """In the order of their timers, numbered by their place."""
    books = ledger()
    books.do([create_hold(n, amount_minor=n) for n in range(1, 8)])
    books.ts_us += 2 * MINUTE_US

    applied = books.do([Tick()])

    assert [entry.position for entry in applied.writes.journal] == [
        (books.index, 0, n) for n in range(7)
    ]
    assert books.balances() == (100_000, 0, 0, 0, 0)


def test_what_cannot_be_given_back_stays_held():
    """A Tick stops nothing: the hold waits for a release by hand."""
    books = ledger(MAX)
    books.do([create_hold(1, amount_minor=10)])
    books.do([fund(9, amount_minor=10, bank="second")])
    books.ts_us += 2 * MINUTE_US

    assert books.do([Tick()]).writes.journal == []
    assert only_hold(books).state == HoldState.OPEN
    books.do([transfer(10, amount_minor=10)])
    assert names(books.do([release_hold(11)])) == ["CREATED"]


def test_a_hold_needs_funds():
    """What is held, or below the minimum, cannot be held again."""
    books = held()

    applied = books.do(
        [create_hold(2, amount_minor=45_001), create_hold(3, amount_minor=45_000)]
    )

    assert names(applied) == ["INSUFFICIENT_FUNDS", "CREATED"]
    assert books.balances() == (0, 0, 50_000, 0, 0)


def test_the_hold_id_is_the_key():
    """As an account's: replayed, in conflict with names, and spent by a refusal."""
    books = held()

    applied = books.do(
        [
            create_hold(1),
            create_hold(1, ttl_us=MINUTE_US + 1, reference="other"),
            create_hold(2, amount_minor=MAX),
            create_hold(2, amount_minor=1),
        ]
    )

    assert names(applied) == [
        "REPLAYED",
        "CONFLICT",
        "INSUFFICIENT_FUNDS",
        "INSUFFICIENT_FUNDS",
    ]
    retries = applied.outcomes.retries
    assert retries[0].index == 3
    assert retries[1].differing == ("ttl_us", "reference")
    assert not retries[3].same_request
    assert books.balances()[2] == 5_000


def test_a_refused_id_names_no_hold():
    books = ledger()
    books.do([create_hold(1, amount_minor=MAX)])

    assert names(books.do([capture_hold(10), release_hold(11)])) == [
        "HOLD_NOT_FOUND",
        "HOLD_NOT_FOUND",
    ]


def test_a_capture_stays_in_its_book():
    """No entry touches two books."""
    books = held()
    books.do([open_account(EVE, livemode=False)])

    assert names(books.do([capture_hold(10, to_account_id=EVE)])) == [
        "LIVEMODE_MISMATCH"
    ]


def test_a_hold_of_a_frozen_account_can_only_come_back():
    books = held()
    books.do([freeze(9)])

    assert names(books.do([capture_hold(10), release_hold(11)])) == [
        "ACCOUNT_FROZEN",
        "CREATED",
    ]


def test_a_release_that_would_overflow_is_refused():
    """The hold stays open, and is released once there is room."""
    books = ledger(MAX)
    books.do([create_hold(1, amount_minor=10)])
    books.do([fund(9, amount_minor=10, bank="second")])

    assert names(books.do([release_hold(10)])) == ["OVERFLOW"]
    assert only_hold(books).state == HoldState.OPEN
