"""Close, freeze, unfreeze, and what they do to every other command. Design 2.3, 2.5."""

from dataclasses import replace

import pytest

from ledgerd.formats import records
from ledgerd.ledger.accounts import AccountStatus
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.view import Writes
from tests.ledger.making import (
    ALICE,
    BOB,
    capture_hold,
    close_account,
    create_hold,
    freeze,
    fund,
    fund_reverse,
    ledger,
    names,
    release_hold,
    submit,
    transfer,
    unfreeze,
)


def status(books, account_id=ALICE):
    account = books.view.account(account_id)
    assert account is not None
    return account.status


def test_an_empty_account_closes_for_ever():
    """Closing is told once; asking again is accepted and changes nothing."""
    books = ledger()

    first = books.do([close_account(11)])
    again = books.do([close_account(12), unfreeze(13, account_id=BOB)])

    assert names(first) == ["CREATED"]
    assert names(again) == ["CREATED", "ACCOUNT_CLOSED"]
    assert status(books, BOB) == AccountStatus.CLOSED
    assert [event.kind for event in books.view.events()][-1] == EventKind.ACCOUNT_CLOSED
    assert len(books.view.events()) == 4  # opened, opened, funded, closed
    assert [event.subject for event in books.view.events()][-1] == BOB


@pytest.mark.parametrize(
    "first",
    [
        [],
        [transfer(20, amount_minor=99_999)],
        [create_hold(20, amount_minor=100_000)],
    ],
    ids=["available", "a rest", "held"],
)
def test_money_keeps_an_account_open(first):
    """Each balance counts, also those that are not available."""
    books = ledger()
    books.do(first or [fund(20, external_ref="x")])

    applied = books.do([close_account(21, account_id=ALICE)])

    assert names(applied) == ["ACCOUNT_NOT_EMPTY"]
    assert status(books) == AccountStatus.OPEN


def test_a_payout_that_is_reserved_keeps_an_account_open():
    """The money of an open payout is a balance of its account."""
    books = ledger(funds_minor=1_000)
    books.submit(submit(1))

    assert names(books.do([close_account(21, account_id=ALICE)])) == [
        "ACCOUNT_NOT_EMPTY"
    ]


def test_a_payout_under_way_keeps_an_account_open():
    """Its money is in transit and its fee was nothing: no balance of the account shows it."""
    books = ledger(funds_minor=1_000)
    books.submit(submit(1))
    alice = books.view.account(ALICE)
    books.plant(replace(alice, reserved_minor=0))
    books.view.write(records.encode_writes(Writes(under_way=[(ALICE, 1)])))

    assert books.balances() == (0, 0, 0, 0, 0)
    assert names(books.do([close_account(21, account_id=ALICE)])) == [
        "ACCOUNT_NOT_EMPTY"
    ]


def test_a_debt_keeps_an_account_open():
    """What the customer owes is a balance, too."""
    books = ledger(funds_minor=1_000)
    books.do([transfer(20, amount_minor=1_000), fund_reverse(21, amount_minor=400)])

    assert books.balances() == (0, 0, 0, 0, 400)
    assert names(books.do([close_account(22, account_id=ALICE)])) == [
        "ACCOUNT_NOT_EMPTY"
    ]


def test_frozen_money_stays_where_it_is():
    """No new work draws on a frozen account or gives to it; what it has comes back to it."""
    books = ledger()
    books.do([transfer(9, amount_minor=50_000), create_hold(1)])
    books.do([freeze(10), freeze(11)])

    assert names(books.submit(submit(2))) == ["ACCOUNT_FROZEN"]
    answers = books.do(
        [
            transfer(12),
            transfer(13, from_account_id=BOB, to_account_id=ALICE),
            create_hold(2),
            capture_hold(14),
            close_account(15, account_id=ALICE),
            release_hold(16),
        ]
    )

    assert names(answers) == [*["ACCOUNT_FROZEN"] * 5, "CREATED"]
    assert books.balances() == (50_000, 0, 0, 0, 0)
    kinds = [event.kind for event in books.view.events()]
    assert kinds.count(EventKind.ACCOUNT_FROZEN) == 1


@pytest.mark.parametrize("account_id", [ALICE, BOB])
def test_money_that_comes_to_a_frozen_or_closed_account_is_blocked(account_id):
    """It has arrived, so it is booked; nobody can use it."""
    books = ledger()
    stop = freeze(20) if account_id == ALICE else close_account(20)
    books.do([stop])

    books.do([fund(21, account_id=account_id, amount_minor=70)])

    available_minor, *_, blocked_minor, _ = books.balances(account_id)
    assert (available_minor, blocked_minor) == (
        100_000 if account_id == ALICE else 0,
        70,
    )


def test_what_was_blocked_stays_blocked():
    """Unfreeze moves no money: people decide about it with an entry of their own."""
    books = ledger()
    books.do([freeze(20), fund(21, amount_minor=70)])

    applied = books.do([unfreeze(22), unfreeze(23), transfer(24)])

    assert names(applied) == ["CREATED"] * 3
    assert books.balances() == (99_000, 0, 0, 70, 0)
    kinds = [event.kind for event in books.view.events()]
    assert kinds.count(EventKind.ACCOUNT_UNFROZEN) == 1


def test_a_status_is_a_row_of_the_account_and_no_entry():
    """No money moves, so the journal does not grow and the sequence does not rise."""
    books = ledger()
    before = books.view.account(ALICE)

    books.do([freeze(20)])

    after = books.view.account(ALICE)
    assert after.sequence == before.sequence
    assert after.last_entry == before.last_entry
    assert len(books.view.journal()) == 1
