"""The bytes of limits, rules and windows: canonical, durable, and refused where they are cut."""

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.formats import commands, records, risk_records
from ledgerd.formats.records import Table
from ledgerd.ledger.risk import (
    NO_BOUND,
    Action,
    LimitKind,
    LimitSet,
    RuleKind,
    RuleSet,
)
from ledgerd.ledger.view import KnownKey, Writes
from ledgerd.ledger.windows import Slot, WindowKey, WindowUse
from tests.formats import golden
from tests.ledger.making import (
    ALICE,
    DAY_US,
    US_ACH,
    USD,
    limit,
    rule,
    set_limits,
    set_rules,
)

LIMITS = LimitSet(
    3,
    7,
    "policy Ü",
    "2026-11-21",
    (
        limit(rail=US_ACH, account_id=ALICE, amount_minor_max=2**63 - 1),
        limit(LimitKind.TOTAL_WINDOW, amount_minor_max=NO_BOUND, count_max=0),
    ),
)
RULES = RuleSet(
    4,
    8,
    "policy",
    "",
    (
        rule(),
        rule(RuleKind.NEW_ACCOUNT, age_us=DAY_US, action=Action.REFUSE),
        rule(RuleKind.BLOCKED_DESTINATION, destinations=(bytes(16), b"\xff" * 16)),
        rule(RuleKind.BLOCKED_BANK, banks=(("", "1"), ("US", "021000021"))),
        rule(RuleKind.FROZEN_OWNER),
    ),
)
WINDOW = WindowKey(LimitKind.ACCOUNT_WINDOW, True, USD, DAY_US, 9, ALICE)
USE = WindowUse(2**64, 5, 40, (Slot(16, 2**63, 1), Slot(40, 2, 3)))
KNOWN = KnownKey(ALICE, b"f" * 16)
WRITES = Writes(
    limits=[LIMITS],
    rules=[RULES],
    windows=[(WINDOW, USE)],
    known_destinations=[(KNOWN, (7, 3))],
    frozen_owners=[("owner Ü", 2)],
)
COMMANDS = {
    "set_limits": set_limits(1, *LIMITS.limits),
    "set_rules": set_rules(2, *RULES.rules),
}


def rows():
    return {table.table: table.rows for table in records.encode_writes(WRITES)}


def test_golden_bytes():
    """Every layout is durable: other bytes would be another format."""
    golden.check(
        "risk_records_v1",
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

    golden.check("risk_commands_v1", found)
    assert {name: commands.decode(raw) for name, raw in found.items()} == {
        name: (command,) for name, command in COMMANDS.items()
    }


def test_what_is_encoded_comes_back():
    (limits, rules), (window, known, frozen) = rows().values()

    assert records.decode_setting(*limits) == LIMITS
    assert records.decode_setting(*rules) == RULES
    assert records.window_of(window[0]) == WINDOW
    assert records.decode_window(*window) == USE
    assert records.known_of(known[0]) == KNOWN
    assert records.decode_known(*known) == (7, 3)
    assert records.frozen_of(frozen[0]) == "owner Ü"
    assert records.decode_frozen(*frozen) == 2


@pytest.mark.parametrize(
    ("body", "decode"),
    [
        (risk_records.encode_limits(LIMITS), risk_records.decode_limits),
        (risk_records.encode_rules(RULES), risk_records.decode_rules),
        (risk_records.encode_window(USE), risk_records.decode_window),
    ],
)
def test_a_body_that_is_cut_or_longer_or_of_another_layout_is_refused(body, decode):
    for size in range(len(body)):
        with pytest.raises((ValueError, ArithmeticError)):
            decode(body[:size])
    for other in (body + b"\0", b"\x02" + body[1:]):
        with pytest.raises(ValueError, match="expected"):
            decode(other)


def test_a_command_that_cannot_be_read_is_corruption():
    raw = commands.encode([COMMANDS["set_limits"]])

    with pytest.raises(CorruptionError, match="cannot be read"):
        commands.decode(raw.replace(b"policy", b"\xff" * 6))


@pytest.mark.parametrize("key", [b"\x09" + bytes(19), b"\x02"])
def test_a_key_that_is_no_window_is_corruption(key):
    with pytest.raises(CorruptionError):
        records.window_of(key)
    with pytest.raises(CorruptionError):
        records.known_of(key)


def test_a_setting_of_windows_stands_in_its_table():
    assert set(rows()) == {Table.CONFIG, Table.WINDOW}
