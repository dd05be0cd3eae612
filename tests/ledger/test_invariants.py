"""Each invariant is broken once by hand, and the audit names it."""

from dataclasses import replace

import pytest

from ledgerd.ledger.accounts import AccountKind, Book, InternalKey, LedgerAccount, Side
from ledgerd.ledger.holds import HoldState
from ledgerd.ledger.invariants import Audit, trial_balance
from ledgerd.ledger.journal import JournalEntry, Leg, imbalance
from ledgerd.ledger.payouts import PayoutState, PayoutStatus
from tests.ledger.making import (
    ALICE,
    BOB,
    USD,
    Ledger,
    cancel,
    create_hold,
    fund,
    ledger,
    set_fees,
    submit,
    transfer,
)


@pytest.fixture
def books() -> Ledger:
    books = ledger()
    books.do([set_fees(9)])
    books.submit(submit(1), submit(2), submit(3))
    books.do([cancel(4), transfer(5), fund(6, external_ref="x")])
    return books


def audit(
    books: Ledger,
    journal=None,
    accounts=None,
    internals=None,
    payouts=None,
    holds=None,
):
    view = books.view
    rows = accounts if accounts is not None else view.all_accounts()
    audited = Audit({row.account_id: row.min_balance_minor for row in rows})
    for entry in journal if journal is not None else view.journal():
        audited.entry(entry)
    audited.trial_balance()
    audited.accounts(rows)
    audited.internals(internals if internals is not None else view.all_internals())
    audited.payouts(payouts if payouts is not None else view.all_payouts())
    audited.holds(holds if holds is not None else view.all_holds())
    audited.events(view.events())
    return [breach.invariant for breach in audited.breaches]


def test_sound_books_have_no_breach(books):
    """Nothing is found where nothing is wrong."""
    assert audit(books) == []


def test_a_changed_balance_is_a_breach_of_i8(books):
    """An account row that is not the fold of the journal. I8."""
    first, *rest = books.view.all_accounts()
    first.available_minor += 1

    assert audit(books, accounts=[first, *rest]) == ["I8"]


def test_a_negative_balance_is_a_breach_of_i3(books):
    """A guarded balance below zero. I3."""
    first, *rest = books.view.all_accounts()
    first.held_minor = -1

    assert set(audit(books, accounts=[first, *rest])) == {"I3", "I8"}


def test_a_debit_below_the_minimum_is_a_breach_of_i3(books):
    """The bound holds at every entry, not only at the end. I3."""
    rows = books.view.all_accounts()
    rows = [replace(row, min_balance_minor=98_000) for row in rows]

    assert "I3" in audit(books, accounts=rows)


def test_a_missing_entry_is_seen_by_sequence_and_link(books):
    """An entry left out breaks the account's chain, and the balances. I8, I11."""
    journal = books.view.journal()
    del journal[1]

    assert {"I8", "I11"} <= set(audit(books, journal=journal))


def test_a_missing_account_is_a_breach_of_i8(books):
    """The journal names an account that has no row."""
    rows = [row for row in books.view.all_accounts() if row.account_id != ALICE]

    assert audit(books, accounts=rows) == ["I8"]


def test_a_wrong_internal_balance_is_a_breach_of_i8(books):
    """Cash that the journal does not know."""
    ((key, balance),) = books.view.all_internals()

    assert audit(books, internals=[(key, balance - 1)]) == ["I8"]
    assert audit(books, internals=[]) == ["I8"]


def test_a_lost_payout_is_a_breach_of_i4(books):
    """Reserved money without an open payout. I4."""
    assert audit(books, payouts=books.view.all_payouts()[:-1]) == ["I4"]


def test_payouts_may_be_audited_again_and_again(books):
    """The simulator does so while entries go on: nothing is counted twice. I4."""
    audited = Audit()
    for entry in books.view.journal():
        audited.entry(entry)
    audited.accounts(books.view.all_accounts())
    audited.internals(books.view.all_internals())
    for _ in range(2):
        audited.payouts(books.view.all_payouts())

    assert audited.breaches == []


def test_a_lost_hold_is_a_breach_of_i4(books):
    """Held money without an open hold, and a hold without its money. I4."""
    books.do([create_hold(7), create_hold(8)])
    first, second = books.view.all_holds()

    assert audit(books) == []
    assert audit(books, holds=[first]) == ["I4"]
    over = second._replace(state=HoldState.RELEASED)
    assert audit(books, holds=[first, over]) == ["I4"]
    assert audit(books, holds=[first, second, second]) == ["I4"]


def test_a_wrong_count_of_payouts_under_way_is_a_breach_of_i5(books):
    """Each account's number is that of its payouts that are DISPATCHING or SENT. I5."""
    ((head, _), *rest) = books.view.all_payouts()
    sent = [(head, PayoutStatus(PayoutState.SENT, 1, (9, 0, 0), 1)), *rest]

    for counts, breaches in (
        ({ALICE: 1}, []),
        ({ALICE: 1, BOB: 0}, []),
        ({}, ["I5"]),
        ({ALICE: 2}, ["I5"]),
        ({ALICE: 1, BOB: 1}, ["I5"]),
    ):
        audited = Audit()
        audited.under_way(counts, sent)
        assert [breach.invariant for breach in audited.breaches] == breaches


def test_a_gap_in_the_feed_is_a_breach_of_i11(books):
    """Event seq is dense from 1. I11."""
    audited = Audit()
    events = books.view.events()
    del events[2]

    assert audited.events(events) == len(events) + 1
    assert [breach.invariant for breach in audited.breaches] == ["I11"]


def _leg(kind: AccountKind, side: Side, amount_minor: int) -> Leg:
    return Leg(LedgerAccount(kind, ALICE), side, amount_minor)


@pytest.mark.parametrize(
    ("legs", "flaw"),
    [
        ((), "two legs"),
        ((_leg(AccountKind.AVAILABLE, Side.DEBIT, 5),), "two legs"),
        (
            (
                _leg(AccountKind.AVAILABLE, Side.DEBIT, 5),
                _leg(AccountKind.RESERVED, Side.CREDIT, 4),
            ),
            "difference of 1",
        ),
        (
            (
                _leg(AccountKind.AVAILABLE, Side.DEBIT, 0),
                _leg(AccountKind.RESERVED, Side.CREDIT, 0),
            ),
            "above zero",
        ),
    ],
)
def test_an_unbalanced_entry_cannot_be_made(legs, flaw):
    """Debits equal credits, two legs or more, each above zero: asserted on making. I1."""
    assert flaw in (imbalance(legs) or "")
    with pytest.raises(AssertionError, match=flaw):
        JournalEntry((1, 0, 0), 1, Book(True, USD), legs, ())


def test_trial_balance_by_book(books):
    """Assets and liabilities by name, customers summed by kind; both columns equal. I2."""
    (book,) = trial_balance(books.view.all_accounts(), dict(books.view.all_internals()))

    lines = {
        line.ledger_account: (line.debit_minor, line.credit_minor)
        for line in book.lines
    }
    assert book.book == Book(True, USD)
    assert lines == {
        "cust/*/available": (0, 197_948),
        "cust/*/reserved": (0, 2_052),
        "bank/first/cash": (200_000, 0),
    }
    assert book.debit_minor == book.credit_minor == 200_000
    assert book.is_balanced


def test_trial_balance_sees_one_sided_money(books):
    """A balance without its counterpart unbalances the book."""
    key = InternalKey(Book(True, USD), LedgerAccount(AccountKind.SUSPENSE, b"first"))

    (book,) = trial_balance(
        books.view.all_accounts(), dict(books.view.all_internals()) | {key: -3}
    )

    assert not book.is_balanced
    assert book.debit_minor == 200_003
