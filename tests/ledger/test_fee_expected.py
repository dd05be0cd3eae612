"""A payout with the fee that its client reckons with. ledger.md 7.1."""

import pytest

from ledgerd.formats import commands
from ledgerd.ledger.commands import FeeRule, SubmitTerms
from tests.ledger.making import (
    MAX,
    SWIFT,
    USD,
    ledger,
    names,
    set_fees,
    submit,
)


def expecting(fee_minor, number=1, **changes):
    return submit(number, terms=SubmitTerms(fee_expected_minor=fee_minor), **changes)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [(26, "CREATED"), (25, "FEE_CHANGED"), (27, "FEE_CHANGED"), (0, "FEE_CHANGED")],
)
def test_the_fee_is_the_expected_one_or_nothing_is_taken(expected, answer):
    """25 cents and 10 basis points of 10.00."""
    books = ledger()
    books.do([set_fees(9)])

    applied = books.do([expecting(expected)])

    assert names(applied) == [answer]
    taken = 1_026 if answer == "CREATED" else 0
    assert books.balances() == (100_000 - taken, taken, 0, 0, 0)


def test_a_changed_fee_comes_before_a_lack_of_funds():
    """Row 9 before row 11 of the order of refusals; the id is spent."""
    books = ledger(0)
    books.do([set_fees(9)])

    applied = books.do([expecting(1), expecting(1), expecting(26, number=2)])

    assert names(applied) == ["FEE_CHANGED", "FEE_CHANGED", "INSUFFICIENT_FUNDS"]
    assert applied.outcomes.retries[1].same_request


def test_what_is_expected_is_not_compared_on_a_retry():
    """A retry asks for the same payout, whatever it reckons with by now."""
    books = ledger()
    books.do([set_fees(9)])
    books.do([expecting(26)])
    books.do([set_fees(10, FeeRule(SWIFT, USD, 99, 0, 0, MAX))])

    applied = books.do([expecting(99), submit(1), expecting(26)])

    assert names(applied) == ["REPLAYED"] * 3
    assert list(applied.outcomes.fees_minor) == [26] * 3


@pytest.mark.parametrize("fee_minor", [-1, -(2**63)])
def test_an_expected_fee_that_is_none_is_malformed(fee_minor):
    """The id is not spent."""
    books = ledger()
    some = commands.decode(commands.encode([expecting(fee_minor), submit(1)]))

    assert names(books.do(some)) == ["INVALID_COMMAND", "CREATED"]
