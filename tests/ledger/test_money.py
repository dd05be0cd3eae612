from dataclasses import replace

import iso4217
import pytest

from ledgerd.ledger.commands import FeeRule
from ledgerd.ledger.money import (
    CURRENCIES,
    currency,
    currency_code,
    currency_number,
    fits,
    is_amount,
)
from tests.ledger.making import (
    ALICE,
    EVE,
    SWIFT,
    Ledger,
    capture_hold,
    create_hold,
    fund,
    ledger,
    names,
    open_account,
    set_fees,
    uid,
)


def listed() -> dict[str, int]:
    """Exponents of List One as the iso4217 package has it; codes without one left out."""
    return {
        row.code: row.exponent for row in iso4217.Currency if row.exponent is not None
    }


def test_table_is_list_one():
    """Every code of List One with a minor unit is known, with its exponent, and no other."""
    ours = {row.code: row.exponent for row in CURRENCIES.values() if not row.is_retired}

    assert ours == listed()


def test_codes_without_a_minor_unit_are_refused():
    """Metals, test and accounting units are no money here: unknown, not of zero decimals."""
    without = [row.code for row in iso4217.Currency if row.exponent is None]
    books = Ledger()

    applied = books.do(
        [
            open_account(uid(n), currency=currency_number(code))
            for n, code in enumerate(without, start=1)
        ]
    )

    assert len(without) == 13
    assert set(names(applied)) == {"INVALID_COMMAND"}


def test_retired_currencies_are_refused_for_new_work():
    """No account, no hold and no fee; an account of one stays readable."""
    for row in CURRENCIES.values():
        if not row.is_retired:
            continue
        books = ledger()
        alice = books.view.account(ALICE)
        assert alice is not None
        books.plant(replace(alice, currency=row.number))

        applied = books.do(
            [
                open_account(EVE, currency=row.number),
                create_hold(2, currency=row.number),
                set_fees(3, FeeRule(SWIFT, row.number, 0, 0, 0, 1)),
            ]
        )

        assert names(applied) == ["CURRENCY_RETIRED"] * 3, row
        assert row.exponent == 2
        assert books.balances() == (100_000, 0, 0, 0, 0)


def test_every_currency_of_the_list_can_be_worked_in():
    """An account, money, a hold and its capture in each, retired ones apart."""
    books = Ledger()
    for n, row in enumerate(CURRENCIES.values()):
        if row.is_retired:
            continue
        own, other = uid(10_000 + n), uid(20_000 + n)
        changes = {"currency": row.number}
        applied = books.do(
            [
                open_account(own, **changes),
                open_account(other, **changes),
                fund(30_000 + n, account_id=own, external_ref=row.code, **changes),
                create_hold(40_000 + n, account_id=own, **changes),
                capture_hold(
                    50_000 + n,
                    hold_id=uid(40_000 + n),
                    to_account_id=other,
                    **changes,
                ),
            ]
        )
        assert names(applied) == ["CREATED"] * 5, row


def test_table_counts():
    """As published 2026-01-01: 178 codes, 13 of them without a minor unit."""
    live = [row for row in CURRENCIES.values() if not row.is_retired]
    by_exponent = {
        exponent: sum(row.exponent == exponent for row in live)
        for exponent in (0, 2, 3, 4)
    }

    assert len(live) == 178 - 13
    assert by_exponent == {0: 17, 2: 139, 3: 7, 4: 2}


def test_retired_codes_left_the_list():
    """A retired currency is readable here and on no current list."""
    retired = {row.code for row in CURRENCIES.values() if row.is_retired}

    assert {"ANG", "BGN", "HRK"} <= retired
    assert retired.isdisjoint(listed())


@pytest.mark.parametrize(
    ("code", "number"), [("AAA", 0), ("AAB", 1), ("USD", 13_991), ("ZZZ", 17_575)]
)
def test_numbers_are_letters_in_base_26(code, number):
    """The number of a code is durable: these never change."""
    assert currency_number(code) == number
    assert currency_code(number) == code


@pytest.mark.parametrize("code", ["", "US", "USDX", "usd", "U D", "ÄÖÜ", "US1"])
def test_other_text_has_no_number(code):
    """Only three capital letters of ASCII have a number."""
    with pytest.raises(ValueError, match="three capital letters"):
        currency_number(code)


def test_numbers_outside_have_no_code():
    """A number past ZZZ names nothing, and the table does not know it."""
    with pytest.raises(ValueError, match="17576"):
        currency_code(26**3)
    assert currency(26**3) is None
    assert currency(currency_number("XAU")) is None


@pytest.mark.parametrize(
    ("minor", "is_balance", "can_be_asked"),
    [
        (-(2**63) - 1, False, False),
        (-(2**63), True, False),
        (0, True, False),
        (1, True, True),
        (2**63 - 1, True, True),
        (2**63, False, False),
    ],
)
def test_bounds_of_sums(minor, is_balance, can_be_asked):
    """A sum past 64 bits never fits; an amount is above zero."""
    assert fits(minor) == is_balance
    assert is_amount(minor) == can_be_asked
