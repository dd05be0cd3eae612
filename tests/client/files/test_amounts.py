import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.client.files.amounts import (
    AmountError,
    minor_units,
    scaled,
    scaled_sum,
    scaled_text,
    units_text,
)
from ledgerd.client.files.currencies import EXPONENTS
from ledgerd.limits import AMOUNT_MINOR_MAX


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("12.50", "USD", 1250),
        ("12.5", "USD", 1250),
        ("12", "USD", 1200),
        ("12.", "USD", 1200),
        (".5", "USD", 50),
        ("+1.00", "USD", 100),
        ("0001.00", "USD", 100),
        ("12", "JPY", 12),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12345),
        ("999999999999999.99", "EUR", 99999999999999999),
    ],
)
def test_amount(text: str, currency: str, units: int) -> None:
    """An amount becomes minor units by the decimals of its currency, exactly."""
    assert minor_units(text, currency) == units


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("1.001", "USD", "at most 2 decimals for USD"),
        ("1.000", "USD", "at most 2 decimals for USD"),
        ("12.0", "JPY", "at most 0 decimals for JPY"),
        ("0", "USD", "1 .. "),
        ("0.00", "USD", "1 .. "),
        ("-1.00", "USD", "decimal number"),
        ("1,00", "USD", "decimal number"),
        ("1e3", "USD", "decimal number"),
        ("NaN", "USD", "decimal number"),
        ("", "USD", "decimal number"),
        (".", "USD", "decimal number"),
        ("١٢", "USD", "decimal number"),
        ("1" * 19, "JPY", "18 digits"),
        ("999999999999999999", "CLF", "1 .. "),
        ("1.00", "XAU", "currency of ISO 4217"),
        ("1.00", "usd", "currency of ISO 4217"),
    ],
)
def test_not_an_amount(text: str, currency: str, expected: str) -> None:
    """What is not exactly an amount is refused, never rounded or guessed."""
    with pytest.raises(AmountError) as caught:
        minor_units(text, currency)

    assert expected in caught.value.expected


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(1, 10**17))
def test_round_trip(currency: str, units: int) -> None:
    """An amount written with the decimals of its currency reads back; sums agree."""
    if units > AMOUNT_MINOR_MAX:
        units = AMOUNT_MINOR_MAX
    text = units_text(units, currency).replace(",", "")

    assert minor_units(text, currency) == units
    assert scaled_sum(text) == scaled(units, currency)
    assert scaled_sum(scaled_text(scaled(units, currency))) == scaled(units, currency)
