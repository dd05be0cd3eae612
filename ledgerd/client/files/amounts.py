"""Amounts as text in a file, into integers: minor units, and sums that mix currencies.

Never a float, never a rounding: an amount with more decimals than its currency has is an error.
"""

import re
from typing import Final, NamedTuple

from ledgerd.client.files.currencies import EXPONENTS
from ledgerd.limits import AMOUNT_MINOR_MAX

# xs:decimal of ISO 20022 amounts: at most 18 digits; a point needs a digit on one side.
_DECIMAL: Final = re.compile(r"[+]?(?:(\d+)(?:\.(\d*))?|\.(\d+))", re.ASCII)
_DIGITS_MAX: Final = 18
SUM_DECIMALS: Final = 17  # what a control sum may carry


class AmountError(ValueError):
    """The text is not an amount. Carries what was expected and a hint."""

    def __init__(self, expected: str, hint: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint


class _Parts(NamedTuple):
    whole: str
    decimals: str


def _parts(text: str) -> _Parts:
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise AmountError("a decimal number with a point, such as 12.50")
    whole, after, alone = match.groups()
    parts = _Parts(whole or "0", after or alone or "")
    if len(parts.whole.lstrip("0")) + len(parts.decimals) > _DIGITS_MAX:
        raise AmountError(f"at most {_DIGITS_MAX} digits")
    return parts


def minor_units(text: str, currency: str) -> int:
    """Return the amount in minor units of `currency`, 1 .. 2**63 - 1.

    Errors: `AmountError` for an unknown currency, another form, too many decimals, zero, or too
    much. Decimals beyond the currency's are refused even if they are zeros: who writes 1.000 for
    dollars may mean a thousand.
    """
    exponent = EXPONENTS.get(currency)
    if exponent is None:
        raise AmountError("a currency of ISO 4217 with minor units")
    parts = _parts(text)
    if len(parts.decimals) > exponent:
        raise AmountError(
            f"at most {exponent} decimals for {currency}", "nothing is rounded"
        )
    units = int(parts.whole + parts.decimals.ljust(exponent, "0"))
    if not 1 <= units <= AMOUNT_MINOR_MAX:
        raise AmountError(f"an amount of 1 .. {AMOUNT_MINOR_MAX} minor units")
    return units


def scaled_sum(text: str) -> int:
    """Return a control sum as an integer in units of 10**-17.

    Errors: `AmountError` for another form.
    """
    parts = _parts(text)
    return int(parts.whole + parts.decimals.ljust(SUM_DECIMALS, "0"))


def scaled(units: int, currency: str) -> int:
    """Return minor units as an integer in units of 10**-17, to be added across currencies."""
    return int(units * 10 ** (SUM_DECIMALS - EXPONENTS[currency]))


def scaled_text(value: int) -> str:
    """Return a sum in units of 10**-17 as decimal text without needless zeros."""
    digits = str(value).rjust(SUM_DECIMALS + 1, "0")
    whole, decimals = digits[:-SUM_DECIMALS], digits[-SUM_DECIMALS:].rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole


def units_text(units: int, currency: str) -> str:
    """Return minor units as decimal text with the currency's decimals, for people."""
    exponent = EXPONENTS[currency]
    if exponent == 0:
        return f"{units:,}"
    return f"{units // 10**exponent:,}.{units % 10**exponent:0{exponent}d}"
