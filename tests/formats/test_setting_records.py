"""The bytes of roles and retired currencies: canonical, durable, and refused where they are cut."""

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.formats import commands, records, setting_records
from ledgerd.formats.records import Table
from ledgerd.ledger.currencies import CurrencySet
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.roles import Grant, RoleKind, RoleSet
from ledgerd.ledger.view import Writes
from tests.formats import golden
from tests.ledger.making import USD, set_currencies, set_roles

ROLES = RoleSet(
    3,
    7,
    "policy Ü",
    "2026-11-21",
    (
        Grant("anna", ()),
        Grant("root", (RoleKind.SUBMITTER, RoleKind.AUDITOR, RoleKind.ADMIN)),
    ),
)
CURRENCIES = CurrencySet(
    4, 8, "list one", "", tuple(sorted((USD, currency_number("BGN"))))
)
COMMANDS = {
    "set_roles": set_roles(1, *ROLES.grants),
    "set_roles expected": set_roles(
        2, *ROLES.grants, is_certified_admin=False, expected_version=0
    ),
    "set_currencies": set_currencies(3, *CURRENCIES.retired),
    "set_currencies expected": set_currencies(4, expected_version=2**32 - 1),
}


def rows():
    writes = Writes(roles=[ROLES], currencies=[CURRENCIES])
    return {table.table: table.rows for table in records.encode_writes(writes)}


def test_golden_bytes():
    """Every layout is durable: other bytes would be another format."""
    golden.check(
        "setting_records_v1",
        {
            f"{table} {n} {part}": raw
            for table, found in rows().items()
            for n, row in enumerate(found)
            for part, raw in zip(("key", "value"), row, strict=True)
        },
    )


def test_golden_bytes_of_the_commands():
    """Those of state version 3."""
    found = {name: commands.encode([command]) for name, command in COMMANDS.items()}

    golden.check("setting_commands_v1", found)
    assert {name: commands.decode(raw) for name, raw in found.items()} == {
        name: (command,) for name, command in COMMANDS.items()
    }


def test_what_is_encoded_comes_back():
    roles, currencies = rows()[Table.CONFIG]

    assert records.decode_setting(*roles) == ROLES
    assert records.decode_setting(*currencies) == CURRENCIES


@pytest.mark.parametrize(
    ("body", "decode"),
    [
        (setting_records.encode_roles(ROLES), setting_records.decode_roles),
        (
            setting_records.encode_currencies(CURRENCIES),
            setting_records.decode_currencies,
        ),
    ],
)
def test_a_body_that_is_cut_or_longer_or_of_another_layout_is_refused(body, decode):
    for size in range(len(body)):
        with pytest.raises((ValueError, ArithmeticError)):
            decode(body[:size])
    for other in (body + b"\0", b"\x02" + body[1:]):
        with pytest.raises(ValueError, match="expected"):
            decode(other)


def test_a_role_that_nobody_knows_is_corruption():
    """A command is judged before it is proposed; a later release brings a new layout."""
    raw = commands.encode([COMMANDS["set_roles"]])
    known = bytes((RoleKind.SUBMITTER, RoleKind.AUDITOR, RoleKind.ADMIN))

    with pytest.raises(CorruptionError, match="cannot be read"):
        commands.decode(raw.replace(known, bytes((1, 4, 9))))


@pytest.mark.parametrize(
    ("encode", "row"),
    [
        (setting_records.encode_roles, RoleSet(2**32, 0, "s", "", ())),
        (setting_records.encode_currencies, CurrencySet(1, 0, "s", "", (2**16,))),
    ],
)
def test_what_does_not_fit_is_refused(encode, row):
    with pytest.raises(ValueError, match="do not fit"):
        encode(row)
