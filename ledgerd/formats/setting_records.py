"""The bytes of roles and retired currencies, as they stand in commands and in rows.

Their parts are those of `bodies`. Canonical: one record has one form. A layout is never changed: a
new one gets the next number.

Roles, layout 1: head, count u16; a grant: principal, roles behind a length u8, each u8.
Currencies, layout 1: head, count u16; numbers u16.
"""

from struct import Struct
from struct import error as StructError
from typing import Final

from ledgerd.formats.bodies import SHORT, BodyReader, counted, head, short, text
from ledgerd.ledger.currencies import CurrencySet
from ledgerd.ledger.roles import Grant, RoleKind, RoleSet

_LAYOUT: Final = 1
_CURRENCY: Final = Struct(">H")


def encode_roles(row: RoleSet) -> bytes:
    """Return the one form of a version. Raises ValueError where something does not fit."""
    try:
        return _head(row) + counted(
            text(grant.principal) + short(bytes(grant.roles)) for grant in row.grants
        )
    except (StructError, OverflowError) as error:
        raise ValueError(f"roles do not fit their layout: {error}") from error


def decode_roles(body: bytes) -> RoleSet:
    """Return the version. Raises ValueError unless `body` is exactly one form of one."""
    read = BodyReader(body)
    version, effective_from_us, source, as_of = read.head(_LAYOUT)
    grants = tuple(
        Grant(read.text(), tuple(map(RoleKind, read.short())))
        for _ in range(read.one(SHORT))
    )
    read.end()
    return RoleSet(version, effective_from_us, source, as_of, grants)


def encode_currencies(row: CurrencySet) -> bytes:
    """Return the one form of a version. Raises ValueError where something does not fit."""
    try:
        return _head(row) + counted(map(_CURRENCY.pack, row.retired))
    except (StructError, OverflowError) as error:
        raise ValueError(f"currencies do not fit their layout: {error}") from error


def decode_currencies(body: bytes) -> CurrencySet:
    """Return the version. Raises ValueError unless `body` is exactly one form of one."""
    read = BodyReader(body)
    version, effective_from_us, source, as_of = read.head(_LAYOUT)
    retired = tuple(read.one(_CURRENCY) for _ in range(read.one(SHORT)))
    read.end()
    return CurrencySet(version, effective_from_us, source, as_of, retired)


def _head(row: RoleSet | CurrencySet) -> bytes:
    return head(_LAYOUT, row.version, row.effective_from_us, row.source, row.as_of)
