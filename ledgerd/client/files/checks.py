"""Checks of what a file says about a destination: account numbers, bank codes, names, text.

Each returns what was expected, or None when the value is right. IBAN and BIC are judged by
schwifty, which is imported when the first one comes; the others are a few lines of our own.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from ledgerd.errors import ConfigError
from ledgerd.limits import (
    METADATA_VALUE_BYTES_MAX,
    NAME_BYTES_MAX,
    REFERENCE_BYTES_MAX,
)

Check = Callable[[str], str | None]  # what was expected, or None

_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_ACCOUNT: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z ./-]{0,32}[0-9A-Za-z])?")
_ACCOUNT_TYPE: Final = re.compile(r"[a-z_]{0,32}")
_ROUTING_WEIGHTS: Final = (3, 7, 1, 3, 7, 1, 3, 7, 1)
_CACHED: Final = 65_536  # banks and payees come again and again in one file

_INSTALL: Final = "IBAN and BIC are checked by schwifty: pip install 'ledgerd[files]'"


@lru_cache(_CACHED)
def iban_expected(text: str) -> str | None:
    """Return None for a valid IBAN: country, length, structure, check digits."""
    if _IBAN.fullmatch(text) is None:
        return "an IBAN: capitals and digits without spaces"
    try:
        from schwifty import IBAN
        from schwifty.exceptions import SchwiftyException
    except ImportError as error:  # the extra is optional; NACHA files do without
        raise ConfigError(_INSTALL) from error
    try:
        IBAN(text)
    except SchwiftyException as error:
        return f"a valid IBAN ({_lowered(error)})"
    return None


@lru_cache(_CACHED)
def in_sepa(iban: str) -> bool:
    """Return whether a valid IBAN belongs to a country of the SEPA schemes."""
    from schwifty import IBAN

    return IBAN(iban).in_sepa_zone


@lru_cache(_CACHED)
def bic_expected(text: str) -> str | None:
    """Return None for a BIC of 8 or 11 characters whose country exists."""
    if _BIC.fullmatch(text) is None:
        return "a BIC: 8 or 11 capitals and digits, the country at 5 and 6"
    try:
        from schwifty import BIC
        from schwifty.exceptions import SchwiftyException
    except ImportError as error:
        raise ConfigError(_INSTALL) from error
    try:
        BIC(text)
    except SchwiftyException as error:
        return f"a valid BIC ({_lowered(error)})"
    return None


def _lowered(error: Exception) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]


def routing_check_digit(first_eight: str) -> int:
    """Return the ninth digit of a routing number: mod 10 with weights 3, 7, 1."""
    weighed = zip(_ROUTING_WEIGHTS, first_eight, strict=False)
    return -sum(weight * int(digit) for weight, digit in weighed) % 10


@lru_cache(_CACHED)
def routing_expected(text: str) -> str | None:
    """Return None for a routing number: nine digits, the last one their check digit."""
    if len(text) != 9 or not (text.isascii() and text.isdigit()):
        return "a routing number of 9 digits"
    digit = routing_check_digit(text[:8])
    if int(text[8]) != digit:
        return f"the check digit {digit} at the end of routing number {text[:8]}"
    if text == "000000000":
        return "a routing number of a bank"
    return None


def sort_code_expected(text: str) -> str | None:
    """Return None for a sort code of six digits. Which of them exist is the bank's business."""
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        return "a sort code of 6 digits without hyphens"
    return None


def uk_account_expected(text: str) -> str | None:
    """Return None for a UK account number of eight digits."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return "a UK account number of 8 digits"
    return None


def account_expected(text: str) -> str | None:
    """Return None for an account number in a bank's own form."""
    if _ACCOUNT.fullmatch(text) is None:
        return "an account number of 1 to 34 letters, digits, space or ./-"
    return None


def country_expected(text: str) -> str | None:
    """Return None for the shape of an ISO 3166 code."""
    return None if _COUNTRY.fullmatch(text) else "a country of two capitals"


def account_type_expected(text: str) -> str | None:
    """Return None for a type of account that a node takes, or none at all."""
    if _ACCOUNT_TYPE.fullmatch(text):
        return None
    return "up to 32 of a-z and _, such as checking"


def text_expected(text: str, bytes_max: int) -> str | None:
    """Return None for printable text of at most `bytes_max` bytes in UTF-8."""
    if len(text) * 4 > bytes_max:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > bytes_max:
            return f"at most {bytes_max} bytes in UTF-8 (these are {size})"
    if not text.isprintable():
        return "text without control characters"
    return None


def name_expected(text: str) -> str | None:
    """Return None for the name of a payee."""
    if not text:
        return "the name of the payee"
    return text_expected(text, NAME_BYTES_MAX)


def reference_expected(text: str) -> str | None:
    """Return None for text that fits the reference of a payout."""
    return text_expected(text, REFERENCE_BYTES_MAX)


def metadata_value_expected(text: str) -> str | None:
    """Return None for a value that fits the metadata of a payout."""
    return text_expected(text, METADATA_VALUE_BYTES_MAX)


def normal(text: str) -> str:
    """Return the text in Unicode NFC: the same file gives the same bytes however it was typed."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
