"""Money is an integer of minor units in one currency; here are its arithmetic and table.

There is no float, decimal or text amount below the edge. Python integers do not wrap,
so every sum that is stored is compared with the bounds of a signed 64-bit integer here.

The table of currencies is the seed of state version 1: ISO 4217 List One as published on
2026-01-01. It is part of the replicated state machine: a node with another table would
decide differently, so a change of it is a change of the state version.
"""

from typing import Final, NamedTuple

from ledgerd.limits import AMOUNT_MINOR_MAX

BALANCE_MINOR_MIN: Final = -(2**63)
BALANCE_MINOR_MAX: Final = AMOUNT_MINOR_MAX


class Currency(NamedTuple):
    """One row of the table. exponent: number of decimals of the minor unit."""

    code: str
    number: int
    exponent: int
    is_retired: bool


# Codes by number of decimals. Codes of List One without a minor unit (metals, test and
# accounting units) are not money here and are left out, so they are refused as unknown.
_EXPONENT_0: Final = (
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
)
_EXPONENT_2: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB "
    "EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
    "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
    "RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
    "TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
_EXPONENT_3: Final = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENT_4: Final = "CLF UYW"
# Left the list; readable in history, refused for new work. All had two decimals.
_RETIRED_EXPONENT_2: Final = "ANG BGN CUC HRK SLL ZWL"


def currency_number(code: str) -> int:
    """Return the number of a three-letter code: the letters as digits of base 26.

    Raises ValueError unless `code` is three capital letters. Whether the table knows the
    currency is another question.
    """
    if len(code) != 3 or not (code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError(f"expected three capital letters, found {code!r}")
    first, second, third = code.encode("ascii")
    return ((first - 65) * 26 + (second - 65)) * 26 + (third - 65)


def currency_code(number: int) -> str:
    """Return the three letters of a number made by `currency_number`."""
    if not 0 <= number < 26**3:
        raise ValueError(f"expected a number below {26**3}, found {number}")
    pair, third = divmod(number, 26)
    first, second = divmod(pair, 26)
    return chr(65 + first) + chr(65 + second) + chr(65 + third)


def _table() -> dict[int, Currency]:
    rows: dict[int, Currency] = {}
    for codes, exponent, is_retired in (
        (_EXPONENT_0, 0, False),
        (_EXPONENT_2, 2, False),
        (_EXPONENT_3, 3, False),
        (_EXPONENT_4, 4, False),
        (_RETIRED_EXPONENT_2, 2, True),
    ):
        for code in codes.split():
            number = currency_number(code)
            assert number not in rows, code
            rows[number] = Currency(code, number, exponent, is_retired)
    return rows


CURRENCIES: Final[dict[int, Currency]] = _table()  # by number


def currency(number: int) -> Currency | None:
    """Return the row of a currency, retired ones included; None if it is unknown."""
    return CURRENCIES.get(number)


def fits(minor: int) -> bool:
    """Return whether a sum can be stored as a balance. Where not: `OVERFLOW`."""
    return BALANCE_MINOR_MIN <= minor <= BALANCE_MINOR_MAX


def is_amount(minor: int) -> bool:
    """Return whether this is an amount that a command may name: 1 .. 2**63 - 1."""
    return 1 <= minor <= AMOUNT_MINOR_MAX
