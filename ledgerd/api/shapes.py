"""Shapes of single fields: what the edge accepts before anything reaches the log.

Each function returns the checked value in its inner form or raises `Malformed`, which names the
field, what was expected and what was found. A field that identifies a person or a bank account is
described by its length, never repeated: error texts end up in the logs of callers.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

from ledgerd.api import ids, rail_names
from ledgerd.api.v1 import common_pb2, payouts_pb2
from ledgerd.errors import NotLogged, Reason
from ledgerd.ledger.fees import is_account_class
from ledgerd.ledger.money import CURRENCIES
from ledgerd.limits import (
    ACCOUNT_CLASS_BYTES_MAX,
    AMOUNT_MINOR_MAX,
    METADATA_KEY_BYTES_MAX,
    METADATA_KEYS_MAX,
    METADATA_VALUE_BYTES_MAX,
    NAME_BYTES_MAX,
)

_FOUND_CHARACTERS_MAX: Final = 48
_YEAR_MIN: Final = 1970  # as of every other time here
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BIC: Final = r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?"
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_ACCOUNT_TYPE: Final = re.compile(r"[a-z_]{0,32}")
_BANK: Final = re.compile(r"[a-z0-9_-]{1,32}")

# code -> (number, exponent), and name -> number: one look-up a row.
_CURRENCIES: Final = {
    row.code: (row.number, row.exponent) for row in CURRENCIES.values()
}

Kind = payouts_pb2.Destination.Kind


class Malformed(Exception):
    """A field does not have its shape; becomes MALFORMED once its whole path is known."""

    def __init__(self, field: str, expected: str, found: str) -> None:
        super().__init__(field, expected, found)
        self.field = field
        self.expected = expected
        self.found = found

    def error(self, prefix: str = "") -> NotLogged:
        """Return the error of the call; `prefix` is the path of the message."""
        field = prefix + self.field
        return NotLogged(
            Reason.MALFORMED,
            f"{field}: expected {self.expected}, found {self.found}",
            {"field": field, "expected": self.expected, "found": self.found},
        )


def quoted(text: str) -> str:
    """Return a text as an error shows it: quoted, bounded, nothing for an empty one.

    What does not print is escaped: error texts end up on terminals.
    """
    if not text:
        return "nothing"
    shown = "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in text[:_FOUND_CHARACTERS_MAX]
    )
    if len(text) > _FOUND_CHARACTERS_MAX:
        return f'"{shown}..." of {len(text)} characters'
    return f'"{shown}"'


def measured(text: str) -> str:
    """Return a description of a text that is not repeated."""
    if not text:
        return "nothing"
    return f"{len(text)} characters, {len(text.encode())} bytes"


def id_bytes(field: str, prefix: str, text: str) -> bytes:
    """Return the 16 bytes of an id."""
    try:
        return ids.decode(prefix, text)
    except ValueError as error:
        expected, _, found = str(error).removeprefix("expected ").partition(", found ")
        raise Malformed(field, expected, found) from None


def plain(field: str, text: str, *, bytes_max: int, bytes_min: int = 0) -> str:
    """Return a text in Unicode NFC, without control characters, within its bound in bytes."""
    is_ascii = text.isascii()
    size = len(text) if is_ascii else len(text.encode())
    # First of all, for a long text is costly to look at.
    if not bytes_min <= size <= bytes_max:
        raise Malformed(
            field, f"{bytes_min} .. {bytes_max} bytes of UTF-8", measured(text)
        )
    if is_ascii:
        is_printable = text.isprintable()
    else:
        is_printable = _CONTROL.search(text) is None
        if not unicodedata.is_normalized("NFC", text):
            raise Malformed(field, "text in Unicode NFC", "text in another form")
    if not is_printable:
        raise Malformed(field, "text without control characters", "some")
    return text


def currency(field: str, code: str) -> tuple[int, int]:
    """Return number and exponent of a currency that the table knows, retired ones included."""
    known = _CURRENCIES.get(code)
    if known is None:
        raise Malformed(
            field,
            "an ISO 4217 code with minor units, three capital letters",
            quoted(code),
        )
    return known


def amount(field: str, money: common_pb2.Money, *, has_amount: bool) -> tuple[int, int]:
    """Return minor units and currency number of an amount that moves."""
    if not has_amount:
        raise Malformed(field, "units and currency", "nothing")
    units = money.units
    number, exponent = currency(field + ".currency", money.currency)
    if not 1 <= units <= AMOUNT_MINOR_MAX:
        raise Malformed(
            field + ".units", f"1 .. {AMOUNT_MINOR_MAX} minor units", str(units)
        )
    if money.HasField("exponent") and money.exponent != exponent:
        raise Malformed(
            field + ".exponent",
            f"{exponent}, the number of decimals of {money.currency}",
            str(money.exponent),
        )
    return units, number


def day(field: str, value: int) -> int:
    """Return a day as yyyymmdd that the calendar has, or 0 for none. Raises Malformed."""
    year, month_and_day = divmod(value, 10_000)
    try:
        is_day = year >= _YEAR_MIN and bool(date(year, *divmod(month_and_day, 100)))
    except ValueError:
        is_day = False
    if value and not is_day:
        raise Malformed(
            field, f"a day as yyyymmdd, from {_YEAR_MIN} on, or 0", str(value)
        )
    return value


def rail(field: str, name: str) -> int:
    """Return the number of a rail of the catalogue."""
    numbers = rail_names.known().numbers
    number = numbers.get(name)
    if number is None:
        raise Malformed(field, f"one of {', '.join(sorted(numbers))}", quoted(name))
    return number


def account_class(field: str, name: str) -> str:
    """Return the class of an account or of a fee rule; empty for none."""
    if not is_account_class(name, ACCOUNT_CLASS_BYTES_MAX):
        expected = f"0 .. {ACCOUNT_CLASS_BYTES_MAX} of a-z 0-9 _ -"
        raise Malformed(field, expected, quoted(name))
    return name


def bank(field: str, name: str) -> str:
    """Return the name of one of our banks."""
    if _BANK.fullmatch(name) is None:
        raise Malformed(field, "1 .. 32 of a-z 0-9 _ -", quoted(name))
    return name


class _Shape(NamedTuple):
    """How a destination of one kind looks. whole: all four codes at once, see `_whole`."""

    bank: re.Pattern[str]
    bank_text: str
    number: re.Pattern[str]
    number_text: str
    whole: re.Pattern[str]


def _shape(bank: str, bank_text: str, number: str, number_text: str) -> _Shape:
    whole = f"{bank}\0{number}\0(?:{_COUNTRY.pattern})?\0{_ACCOUNT_TYPE.pattern}"
    return _Shape(
        re.compile(bank), bank_text, re.compile(number), number_text, re.compile(whole)
    )


_SHAPES: Final[dict[int, _Shape]] = {
    Kind.IBAN: _shape(
        f"(?:{_BIC})?",
        "nothing or a BIC of 8 or 11 characters",
        r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}",
        "an IBAN: 15 .. 34 capitals and digits without spaces",
    ),
    Kind.US_ACCOUNT: _shape(
        r"[0-9]{9}",
        "a routing number of 9 digits",
        r"[A-Za-z0-9 -]{1,17}",
        "1 .. 17 letters, digits, spaces and hyphens",
    ),
    Kind.UK_ACCOUNT: _shape(
        r"[0-9]{6}", "a sort code of 6 digits", r"[0-9]{6,10}", "6 .. 10 digits"
    ),
    Kind.BIC_ACCOUNT: _shape(
        _BIC,
        "a BIC of 8 or 11 characters",
        r"[!-~](?:[ -~]{0,32}[!-~])?",
        "1 .. 34 printable ASCII characters, no space at the ends",
    ),
}


def country_of_bank(code: str) -> str | None:
    """Return the country whose banks have such codes, empty for a BIC; None for no bank's code."""
    if re.fullmatch(_BIC, code):
        return ""
    for kind, country in ((Kind.US_ACCOUNT, "US"), (Kind.UK_ACCOUNT, "GB")):
        if _SHAPES[kind].bank.fullmatch(code):
            return country
    return None


def is_country(text: str) -> bool:
    """Return whether it looks like a code of ISO 3166."""
    return _COUNTRY.fullmatch(text) is not None


def destination(
    field: str, to: payouts_pb2.Destination, *, is_sandbox: bool
) -> tuple[int, str, str, str, str, str]:
    """Return kind, country, bank code, account number, name and account type.

    The sandbox pays nobody, so there alone a destination may be left out.
    """
    kind = to.kind
    country, bank_code, number = to.country, to.bank_code, to.account_number
    name, account_type = to.name, to.account_type
    shape = _SHAPES.get(kind)
    if shape is None:
        if is_sandbox and not (
            kind or country or bank_code or number or name or account_type
        ):
            return 0, "", "", "", "", ""
        raise Malformed(
            field + ".kind",
            f"one of {', '.join(Kind.Name(known) for known in _SHAPES)}",
            str(kind) if kind else "nothing",
        )
    # One match for the four codes: no shape has a NUL, so none can borrow from its neighbour.
    codes = f"{bank_code}\0{number}\0{country}\0{account_type}"
    if shape.whole.fullmatch(codes) is None:
        raise _misshapen(field, shape, to)
    plain(field + ".name", name, bytes_max=NAME_BYTES_MAX)
    return kind, country, bank_code, number, name, account_type


def _misshapen(field: str, shape: _Shape, to: payouts_pb2.Destination) -> Malformed:
    """Return which of the four codes does not have its shape."""
    if shape.bank.fullmatch(to.bank_code) is None:
        return Malformed(field + ".bank_code", shape.bank_text, measured(to.bank_code))
    if shape.number.fullmatch(to.account_number) is None:
        found = measured(to.account_number)
        return Malformed(field + ".account_number", shape.number_text, found)
    if to.country and _COUNTRY.fullmatch(to.country) is None:
        found = quoted(to.country)
        return Malformed(field + ".country", "two capital letters", found)
    assert _ACCOUNT_TYPE.fullmatch(to.account_type) is None, "one of four must differ"
    found = quoted(to.account_type)
    return Malformed(field + ".account_type", "up to 32 of a-z and _", found)


def metadata(field: str, pairs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs sorted by key."""
    if len(pairs) > METADATA_KEYS_MAX:
        raise Malformed(field, f"at most {METADATA_KEYS_MAX} keys", str(len(pairs)))
    checked = sorted(pairs.items())
    for key, value in checked:
        plain(field + ".key", key, bytes_min=1, bytes_max=METADATA_KEY_BYTES_MAX)
        plain(f"{field}[{key}]", value, bytes_max=METADATA_VALUE_BYTES_MAX)
    return tuple(checked)
