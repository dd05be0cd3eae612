"""Amounts and times as people write them."""

import pytest

from ledgerd.cli.ctl.render import amount, when


@pytest.mark.parametrize(
    ("units", "currency", "exponent", "expected"),
    [
        (0, "USD", 2, "0.00 USD"),
        (5, "USD", 2, "0.05 USD"),
        (-1_234_567, "USD", 2, "-12,345.67 USD"),
        (1_000, "JPY", 0, "1,000 JPY"),
        (1_234, "BHD", 3, "1.234 BHD"),
        (2**63 - 1, "EUR", 2, "92,233,720,368,547,758.07 EUR"),
    ],
)
def test_amount(units: int, currency: str, exponent: int, expected: str) -> None:
    """Exact at any size, with the currency's own decimals."""
    assert amount(units, currency, exponent) == expected


def test_when() -> None:
    """UTC with microseconds, and nothing for no time."""
    assert when(1_700_000_000_000_001) == "2023-11-14 22:13:20.000001Z"
    assert when(0) == ""
