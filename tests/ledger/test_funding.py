"""Money that a bank takes back. Design 2.3, 2.5."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.ledger.accounts import AccountKind, LedgerAccount, Side
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.journal import EntryReason, Leg
from tests.ledger.making import (
    ALICE,
    BOB,
    EUR,
    adjust,
    approve_voucher,
    freeze,
    fund,
    fund_reverse,
    ledger,
    names,
    transfer,
    uid,
)

CASH = LedgerAccount(AccountKind.BANK_CASH, b"first")


def test_what_is_there_is_taken_back():
    """Available gives it, and the entry says why."""
    books = ledger()

    applied = books.do([fund_reverse(10)])

    assert names(applied) == ["CREATED"]
    assert books.balances() == (99_000, 0, 0, 0, 0)
    entry = books.view.journal()[-1]
    assert entry.reason == EntryReason.FUND_REVERSE
    assert entry.legs == (
        Leg(LedgerAccount(AccountKind.AVAILABLE, ALICE), Side.DEBIT, 1000),
        Leg(CASH, Side.CREDIT, 1000),
    )
    event = books.view.events()[-1]
    assert (event.kind, event.amount_minor) == (EventKind.FUNDING_REVERSED, 1000)


def test_what_is_not_there_is_owed():
    """The bank has taken it all the same: the rest is a debt, down to the minimum."""
    books = ledger(funds_minor=1_000)
    books.do([transfer(10, amount_minor=700)])
    alice = books.view.account(ALICE)
    books.plant(replace(alice, min_balance_minor=100))

    books.do([fund_reverse(11)])

    assert books.balances() == (100, 0, 0, 0, 800)


def test_an_account_below_its_minimum_gives_nothing():
    """A positive minimum may never have been reached; then all of it is owed."""
    books = ledger(funds_minor=1_000)
    alice = books.view.account(ALICE)
    books.plant(replace(alice, min_balance_minor=1_001))

    books.do([fund_reverse(11)])

    assert books.balances() == (1_000, 0, 0, 0, 1_000)


def test_a_debt_is_paid_first():
    """Incoming money pays what is owed before anything becomes available."""
    books = ledger(funds_minor=1_000)
    books.do([transfer(10, amount_minor=1_000), fund_reverse(11)])
    assert books.balances() == (0, 0, 0, 0, 1_000)

    books.do([fund(12, amount_minor=400)])
    assert books.balances() == (0, 0, 0, 0, 600)
    books.do([freeze(13), fund(14, amount_minor=900)])

    assert books.balances() == (0, 0, 0, 300, 0)


def test_parts_never_exceed_the_whole():
    """Also within one log entry; one unit too much is refused and spends the request id."""
    books = ledger(funds_minor=1_000)

    applied = books.do(
        [
            fund_reverse(10, amount_minor=600),
            fund_reverse(11, amount_minor=401),
            fund_reverse(12, amount_minor=400),
            fund_reverse(13, amount_minor=1),
            fund_reverse(11, amount_minor=1),
        ]
    )

    assert names(applied) == [
        "CREATED",
        "BOUND_EXCEEDED",
        "CREATED",
        "BOUND_EXCEEDED",
        "BOUND_EXCEEDED",
    ]
    assert books.balances() == (0, 0, 0, 0, 0)
    assert dict(books.view.all_internals()).popitem()[1] == 0


def test_a_fund_of_the_same_entry_can_be_reversed():
    """Later commands of an entry see what earlier ones did."""
    books = ledger()

    applied = books.do(
        [
            fund(10, account_id=BOB, amount_minor=50),
            fund_reverse(11, external_ref="ref-10", amount_minor=20),
        ]
    )

    assert names(applied) == ["CREATED", "CREATED"]
    assert books.balances(BOB)[0] == 30


@pytest.mark.parametrize(
    "changes",
    [{"external_ref": "unknown"}, {"bank": "second"}],
    ids=["reference", "bank"],
)
def test_the_original_must_exist(changes):
    """A reference is known by its bank and its text."""
    books = ledger()

    assert names(books.do([fund_reverse(10, **changes)])) == ["ENTRY_NOT_FOUND"]


def test_the_currency_is_that_of_the_original():
    books = ledger()

    assert names(books.do([fund_reverse(10, currency=EUR)])) == ["CURRENCY_MISMATCH"]


def test_a_retry_is_told_of_the_first():
    """The request id is the key; other fields under it are a conflict."""
    books = ledger()
    books.do([fund_reverse(10)])

    applied = books.do([fund_reverse(10), fund_reverse(10, amount_minor=2, reason="")])

    assert names(applied) == ["REPLAYED", "CONFLICT"]
    assert applied.outcomes.retries[1].differing == ("amount.units", "reason")
    assert books.balances()[0] == 99_000


@given(st.lists(st.integers(1, 700), min_size=1, max_size=12), st.integers(0, 2000))
def test_what_is_reversed_is_what_the_bank_lost(parts, kept):
    """Cash falls by the accepted parts and nothing else; available never breaks its bound."""
    books = ledger(funds_minor=2_000)
    books.do([transfer(9, amount_minor=2_000 - kept)] if kept < 2_000 else [fund(9)])
    before = dict(books.view.all_internals())

    applied = books.do(
        [fund_reverse(20 + n, amount_minor=part) for n, part in enumerate(parts)]
    )

    accepted = sum(
        part
        for part, name in zip(parts, names(applied), strict=True)
        if name == "CREATED"
    )
    after = dict(books.view.all_internals())
    assert sum(before.values()) - sum(after.values()) == accepted <= 2_000
    assert books.balances()[0] >= 0
    assert books.balances()[4] >= 0


def test_an_adjustment_is_no_funding():
    """Only what a Fund booked can be reversed: an entry by hand uses no reference."""
    books = ledger()
    books.do([adjust(1), approve_voucher(2, voucher_id=uid(1))])

    assert names(books.do([fund_reverse(10, external_ref="misread")])) == [
        "ENTRY_NOT_FOUND"
    ]
