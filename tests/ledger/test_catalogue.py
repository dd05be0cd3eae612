from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledgerd.ledger.catalogue import RAILS, RAILS_BY_NAME, FeeSchedule, fee_minor
from ledgerd.ledger.commands import FeeRule
from ledgerd.ledger.money import currency_code
from tests.ledger.making import MAX, SWIFT, USD


def test_rails_have_their_durable_numbers():
    """Numbers of rails stand in the log for ever."""
    assert {
        rail.number: (rail.name, "".join(map(currency_code, rail.currencies)))
        for rail in RAILS.values()
    } == {
        1: ("sandbox", ""),
        2: ("us_ach", "USD"),
        3: ("us_ach_same_day", "USD"),
        4: ("us_fedwire", "USD"),
        5: ("us_rtp", "USD"),
        6: ("us_fednow", "USD"),
        7: ("eu_sct", "EUR"),
        8: ("eu_sct_inst", "EUR"),
        9: ("uk_fps", "GBP"),
        10: ("uk_bacs", "GBP"),
        11: ("uk_chaps", "GBP"),
        12: ("swift", ""),
    }
    assert {rail.number for rail in RAILS.values() if rail.is_sandbox} == {1}
    assert RAILS_BY_NAME["swift"].number == SWIFT


@given(
    amount=st.integers(1, MAX),
    fixed=st.integers(0, MAX),
    bps=st.integers(0, 10_000),
    bounds=st.tuples(st.integers(0, MAX), st.integers(0, MAX)).map(sorted),
)
@example(amount=50, fixed=0, bps=100, bounds=[0, MAX])  # half a unit rounds up
@example(amount=49, fixed=0, bps=100, bounds=[0, MAX])
def test_fee_is_exact(amount, fixed, bps, bounds):
    """The fee is the exact share rounded half up, plus the fixed part, within bounds."""
    least, most = bounds
    share = Fraction(amount * bps, 10_000)
    rounded = int(share + Fraction(1, 2))

    found = fee_minor(FeeRule(SWIFT, USD, fixed, bps, least, most), amount)

    assert found == max(least, min(fixed + rounded, most))
    assert 0 <= found <= MAX


@pytest.mark.parametrize(
    ("amount", "expected"), [(1, 10), (99, 10), (1_049, 10), (1_050, 11), (10**6, 40)]
)
def test_fee_at_its_bounds(amount, expected):
    """Boundaries at the minimum, at half a unit, at the maximum."""
    assert fee_minor(FeeRule(SWIFT, USD, 0, 100, 10, 40), amount) == expected


def test_no_rule_costs_nothing():
    """A pair of rail and currency without a rule has fee 0."""
    rule = FeeRule(SWIFT, USD, 7, 0, 0, MAX)
    schedule = FeeSchedule(1, 0, "", {(SWIFT, USD): rule})

    assert schedule.fee_minor(rail=SWIFT, currency=USD, amount_minor=5) == 7
    assert schedule.fee_minor(rail=SWIFT, currency=USD + 1, amount_minor=5) == 0
    assert schedule.fee_minor(rail=2, currency=USD, amount_minor=5) == 0
