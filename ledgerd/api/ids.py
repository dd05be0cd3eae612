"""Text form of ids: a prefix that says what the thing is, and 16 bytes in base 32 (TypeID).

Inside ledgerd an id is 16 bytes, a UUIDv7 (RFC 9562) made by the client. People and programs see
`payout_01h455vb4pex5vsknk084sn02q`. This module knows the two forms and nothing about who has which
id; making new ids is the client's business.

Source: the TypeID specification 0.3, which takes Crockford's alphabet in lower case; 26 characters
hold 130 bits, so the first one is at most "7".
"""

from typing import Final

PAYOUT: Final = "payout"
ACCOUNT: Final = "acct"
HOLD: Final = "hold"
REQUEST: Final = "req"

TEXT_CHARACTERS: Final = 26
_ID_BYTES: Final = 16

# int(text, 32) counts 0-9a-v; Crockford leaves out i, l, o and u. What is not of the alphabet
# becomes a character that int() refuses; it would take underscores, signs, spaces and capitals.
_CROCKFORD: Final = b"0123456789abcdefghjkmnpqrstvwxyz"
_COUNTING: Final = b"0123456789abcdefghijklmnopqrstuv"
_TO_COUNTING: Final = bytes(
    _COUNTING[_CROCKFORD.index(byte)] if byte in _CROCKFORD else ord("!")
    for byte in range(256)
)

_CHARACTERS: Final = _CROCKFORD.decode()
# All pairs of characters: ten bits a step make the way out three times as fast.
_PAIRS: Final = tuple(a + b for a in _CHARACTERS for b in _CHARACTERS)


def encode(prefix: str, value: bytes) -> str:
    """Return the text form of 16 bytes: the prefix, "_", and 26 characters."""
    return f"{prefix}_{to_text(value)}"


def to_text(value: bytes) -> str:
    """Return the 26 characters of 16 bytes, without a prefix."""
    assert len(value) == _ID_BYTES, len(value)
    number = int.from_bytes(value, "big")
    pairs = _PAIRS
    return "".join([pairs[number >> shift & 1023] for shift in range(120, -1, -10)])


def decode(prefix: str, text: str) -> bytes:
    """Return the 16 bytes of an id of the kind `prefix` names.

    Errors: ValueError, saying what was expected and what was found, when the prefix differs, the
    text is not 26 characters of the alphabet, or the bytes are not a UUIDv7.
    """
    kind, _, body = text.partition("_")
    if kind != prefix or len(body) != TEXT_CHARACTERS:
        raise ValueError(_why(prefix, text))
    try:
        number = int(body.encode("ascii").translate(_TO_COUNTING), 32)
        value = number.to_bytes(_ID_BYTES, "big")
    except (ValueError, OverflowError):  # other characters; more than 128 bits
        raise ValueError(_why(prefix, text)) from None
    if value[6] >> 4 != 7 or value[8] >> 6 != 2:
        raise ValueError(
            f"expected a UUIDv7 (RFC 9562) in {prefix}_..., found "
            f"version {value[6] >> 4}, variant {value[8] >> 6:02b}: {text}"
        )
    return value


def _why(prefix: str, text: str) -> str:
    """Return what is wrong with the shape of `text`."""
    found = _quoted(text[:64]) if text else "nothing"
    expected = (
        f"expected {prefix}_ and {TEXT_CHARACTERS} characters of base 32 "
        f"(0-9 a-z without i l o u), found {found}"
    )
    head, underscore, body = text.rpartition("_")
    if underscore and head != prefix:
        return f"{expected}: the prefix is {_quoted(head[:32])}"
    if underscore and len(body) != TEXT_CHARACTERS:
        return f"{expected}: {len(body)} characters"
    if underscore and body[0] > "7":
        return f"{expected}: more than 128 bits"
    return expected


def _quoted(text: str) -> str:
    """Return a text in quotes, with what does not print escaped."""
    return f'"{ascii(text)[1:-1]}"'
