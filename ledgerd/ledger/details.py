"""The variable client part of a payout: where the money goes, and what the client noted.

Packed once at the edge, kept as those bytes for ever, sliced and never parsed on the way
down. Guards read the routing facts alone: kind, country, account number. It is opened again to
show a payout, and to name the fields that differ when an id is used twice.

Layout: version u8, destination kind u8, then six texts of the destination and the
reference, each u16 length and UTF-8, then u8 count and per key (in order of the key's
bytes) u8 length and key, u16 length and value. Lengths are big-endian. One Details has
one packed form, so equal bytes are equal fields.
"""

import hashlib
import re
from struct import Struct
from struct import error as StructError
from typing import Final, NamedTuple

from ledgerd.limits import DETAILS_BYTES_MAX, DETAILS_BYTES_MAX_BEFORE_3

_VERSION: Final = 1
# Of the public enum.
_IBAN: Final = 1
_US_ACCOUNT: Final = 2
_UK_ACCOUNT: Final = 3
_BIC_ACCOUNT: Final = 4
_COUNTRY_OF: Final = {_US_ACCOUNT: b"US", _UK_ACCOUNT: b"GB"}
_BIC_BYTES: Final = 11  # with a branch
_LIKE_IBAN: Final = re.compile(rb"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_HEAD: Final = Struct(">BB")
_LENGTH: Final = Struct(">H")


class Details(NamedTuple):
    """What the client says beside account, amount and rail. Text is NFC, checked above.

    destination_kind: the public enum's value. metadata: sorted by key, keys unique.
    """

    destination_kind: int
    country: str
    bank_code: str
    account_number: str
    name: str
    account_type: str
    reference: str
    metadata: tuple[tuple[str, str], ...]


# Public names of the fields, in the order of `Details`.
FIELD_NAMES: Final = (
    "destination.kind",
    "destination.country",
    "destination.bank_code",
    "destination.account_number",
    "destination.name",
    "destination.account_type",
    "reference",
    "metadata",
)


def pack_details(details: Details) -> bytes:
    """Return the one packed form. Raises ValueError where a length does not fit."""
    try:
        parts = [_HEAD.pack(_VERSION, details.destination_kind)]
        for text in details[1:7]:
            raw = text.encode()
            parts += (_LENGTH.pack(len(raw)), raw)
        parts.append(len(details.metadata).to_bytes(1, "big"))
        last = None
        for key, value in details.metadata:
            raw_key, raw = key.encode(), value.encode()
            if last is not None and raw_key <= last:
                raise ValueError(f"expected metadata sorted by key, found {key!r} late")
            last = raw_key
            parts += (
                len(raw_key).to_bytes(1, "big"),
                raw_key,
                _LENGTH.pack(len(raw)),
                raw,
            )
    except (StructError, OverflowError) as exc:
        raise ValueError(f"details do not fit their layout: {exc}") from exc
    return b"".join(parts)


def unpack_details(packed: bytes) -> Details:
    """Return the fields. Raises ValueError unless `packed` is exactly one packed form."""
    try:
        version, kind = _HEAD.unpack_from(packed)
        if version != _VERSION:
            raise ValueError(f"expected details version {_VERSION}, found {version}")
        at = _HEAD.size
        texts: list[str] = []
        for _ in range(6):
            raw, at = _sized(packed, at, 2)
            texts.append(raw.decode())
        count, at = packed[at], at + 1
        metadata: list[tuple[str, str]] = []
        last: bytes | None = None
        for _ in range(count):
            raw_key, at = _sized(packed, at, 1)
            raw, at = _sized(packed, at, 2)
            if last is not None and raw_key <= last:
                raise ValueError("metadata keys are not sorted")
            last = raw_key
            metadata.append((raw_key.decode(), raw.decode()))
    except (StructError, IndexError, UnicodeDecodeError) as exc:
        raise ValueError(f"details are cut off or not text: {exc}") from exc
    if at != len(packed):
        raise ValueError(f"expected {at} bytes of details, found {len(packed)}")
    country, bank_code, account_number, name, account_type, reference = texts
    return Details(
        kind,
        country,
        bank_code,
        account_number,
        name,
        account_type,
        reference,
        tuple(metadata),
    )


class Routing(NamedTuple):
    """What a rail must know of a destination to take it.

    kind: the public enum's value, 0 where no destination is given. country: as stated, or that of
    the IBAN; empty where neither says. account_number: in UTF-8.
    """

    kind: int
    country: str
    account_number: bytes


def routing_of(packed: bytes) -> Routing | None:
    """Return where packed details lead to; None for bytes that are no details."""
    try:
        version, kind = _HEAD.unpack_from(packed)
        country, at = _sized(packed, _HEAD.size, 2)
        _, at = _sized(packed, at, 2)
        number, _ = _sized(packed, at, 2)
        stated = country or (number[:2] if kind == _IBAN else b"")
        return Routing(kind, stated.decode(), number) if version == _VERSION else None
    except (StructError, ValueError):
        return None


def bytes_max(state_version: int) -> int:
    """Return how many bytes of packed details a payout may have under a state version."""
    return DETAILS_BYTES_MAX if state_version >= 3 else DETAILS_BYTES_MAX_BEFORE_3


class Destination(NamedTuple):
    """What guards know of where the money goes.

    fingerprint: `destination_fingerprint`. country, bank_code: as the rail reads them, whatever
    else was stated; a BIC without the XXX that stands for the head office.
    """

    fingerprint: bytes
    country: str
    bank_code: str


NOWHERE: Final = Destination(b"", "", "")


def destination_fingerprint(packed: bytes) -> bytes:
    """Return 16 bytes that name where the money goes; b"" where no destination is given.

    The same account has the same one, whatever the payee is called and whatever is stated beside
    it that no rail needs: of an IBAN nothing else counts, and of other kinds no country. So
    nobody passes a list by writing a destination in another way. Raises ValueError where `packed`
    is cut off.
    """
    if len(packed) < _HEAD.size:
        raise ValueError(f"expected {_HEAD.size} bytes of details, found {len(packed)}")
    if not packed[1]:
        return b""
    kind, country, bank_code, number = _account_of(packed)
    if kind == _IBAN:
        bank_code = b""  # optional, and part of the number
    parts = [bytes([kind])]
    for part in (country, bank_code, number):
        parts += (_LENGTH.pack(len(part)), part)
    return hashlib.sha256(b"ledgerd destination\0" + b"".join(parts)).digest()[:16]


def destination_of(packed: bytes) -> Destination:
    """Return where the money goes; NOWHERE where none is given or none can be read."""
    try:
        fingerprint = destination_fingerprint(packed)
        if not fingerprint:
            return NOWHERE
        _, country, bank_code, _ = _account_of(packed)
        return Destination(fingerprint, country.decode(), bank_code.decode())
    except ValueError:
        return NOWHERE


def _account_of(packed: bytes) -> tuple[int, bytes, bytes, bytes]:
    """Return kind, country, bank code and account number in the one form of that account."""
    kind = packed[1]
    country, at = _sized(packed, _HEAD.size, 2)
    bank_code, at = _sized(packed, at, 2)
    number, _ = _sized(packed, at, 2)
    number = number.translate(None, b" -").upper()
    if kind in (_IBAN, _BIC_ACCOUNT) and len(bank_code) == _BIC_BYTES:
        bank_code = bank_code.removesuffix(b"XXX")
    if kind == _IBAN or (kind == _BIC_ACCOUNT and _LIKE_IBAN.fullmatch(number)):
        return _IBAN, number[:2], bank_code, number
    if kind == _BIC_ACCOUNT:
        country = bank_code[4:6]
    return kind, _COUNTRY_OF.get(kind, country), bank_code, number


def differing(first: bytes, second: bytes) -> tuple[str, ...]:
    """Return the public names of the fields that differ; ("details",) if unreadable."""
    if first == second:
        return ()
    try:
        one, other = unpack_details(first), unpack_details(second)
    except ValueError:
        return ("details",)
    names = tuple(
        name
        for name, mine, theirs in zip(FIELD_NAMES, one, other, strict=True)
        if mine != theirs
    )
    assert names, (first, second)  # one Details has one packed form
    return names


def _sized(packed: bytes, at: int, width: int) -> tuple[bytes, int]:
    """Return the bytes behind a length of `width` bytes, and where they end."""
    start = at + width
    end = start + int.from_bytes(packed[at:start], "big")
    if end > len(packed):
        raise ValueError(f"expected {end} bytes of details, found {len(packed)}")
    return packed[start:end], end
