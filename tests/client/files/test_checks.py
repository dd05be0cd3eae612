import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.us import rtn

from ledgerd.client.files import checks
from ledgerd.errors import ConfigError


@given(st.text("0123456789", min_size=9, max_size=9))
def test_routing_number(text: str) -> None:
    """Our mod 10 and python-stdnum's agree on every nine digits."""
    if text == "000000000":
        return

    assert (checks.routing_expected(text) is None) == rtn.is_valid(text)


@given(st.text("0123456789", min_size=8, max_size=8))
def test_check_digit(text: str) -> None:
    """The check digit we name in a finding makes the number valid."""
    assert rtn.calc_check_digit(text) == str(checks.routing_check_digit(text))


@pytest.mark.parametrize(
    "text", ["", "12345678", "0210000210", "02100002a", "٠٢١٠٠٠٠٢١"]
)
def test_not_a_routing_number(text: str) -> None:
    """Nine digits of ASCII, nothing else."""
    assert checks.routing_expected(text) == "a routing number of 9 digits"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DE89370400440532013000", None),
        ("DE89370400440532013001", "checksum"),
        ("DE8937040044053201300", "length"),
        ("XX89370400440532013000", "country"),
        ("DE89 3704 0044 0532 0130 00", "without spaces"),
        ("de89370400440532013000", "capitals"),
        ("", "an IBAN"),
    ],
)
def test_iban(text: str, expected: str | None) -> None:
    """An IBAN is judged by country, length, structure and check digits."""
    found = checks.iban_expected(text)

    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert expected in found


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("COBADEFFXXX", True),
        ("COBADEFF", True),
        ("COBADEF", False),
        ("COBAQQFF", False),
        ("cobadeff", False),
    ],
)
def test_bic(text: str, is_right: bool) -> None:
    """A BIC has 8 or 11 characters and the country of a real place."""
    assert (checks.bic_expected(text) is None) is is_right


def test_without_schwifty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error says which package to install."""
    monkeypatch.setitem(sys.modules, "schwifty", None)
    checks.iban_expected.cache_clear()

    with pytest.raises(ConfigError, match=r"pip install 'ledgerd\[files\]'"):
        checks.iban_expected("DE89370400440532013000")


@pytest.mark.parametrize(
    ("text", "is_right"),
    [("x" * 140, True), ("x" * 141, False), ("ü" * 70, True), ("ü" * 71, False)],
)
def test_reference_is_measured_in_bytes(text: str, is_right: bool) -> None:
    """The bound of a text counts its UTF-8."""
    assert (checks.reference_expected(text) is None) is is_right


def test_control_characters() -> None:
    """A line break inside a name is refused."""
    assert checks.name_expected("a\nb") == "text without control characters"
    assert checks.name_expected("") == "the name of the payee"
