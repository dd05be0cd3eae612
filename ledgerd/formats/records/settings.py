"""What is set, by version and time: fees, rails, calendars, suspensions, limits, rules, roles."""

from collections.abc import Sequence
from dataclasses import replace
from struct import Struct
from typing import Final, TypeAlias, assert_never

from ledgerd.formats import rail_records, risk_records, setting_records
from ledgerd.formats.rail_records import encode_calendar, encode_rail
from ledgerd.formats.records.rows import (
    VERSION,
    Row,
    Table,
    corrupt,
    expect_size,
    opened,
    sealed,
    short_text,
)
from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue import Suspension
from ledgerd.ledger.commands import FeeRule, Refund
from ledgerd.ledger.currencies import CurrencySet
from ledgerd.ledger.fees import QUOTE_VALID_US_DEFAULT, FeeSchedule
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.risk import LimitSet, RuleSet
from ledgerd.ledger.roles import RoleSet

FEES_PREFIX: Final = b"\x01"
CALENDAR_PREFIX: Final = b"C"
RAIL_PREFIX: Final = b"R"
SUSPENSION_PREFIX: Final = b"S"
LIMITS_PREFIX: Final = b"L"
RULES_PREFIX: Final = b"V"
ROLES_PREFIX: Final = b"G"
CURRENCIES_PREFIX: Final = b"M"
Setting: TypeAlias = (
    FeeSchedule
    | RailRecord
    | Calendar
    | Suspension
    | LimitSet
    | RuleSet
    | RoleSet
    | CurrencySet
)
_WITH_TERMS: Final = 2  # of fee schedules
_FEES_KEY: Final = Struct(">BQI")
_RAIL_KEY: Final = Struct(">BHI")
_CALENDAR_VERSION: Final = Struct(">I")
_SUSPENSION_KEY: Final = Struct(">BH")
_SET_KEY: Final = Struct(">BI")
_SUSPENSION: Final = Struct(">BHBQBB")
_FEES: Final = Struct(">BIqHH")
_FEE_RULE: Final = Struct(">HHqHqq")
_FEES_TERMS: Final = Struct(">BqB")


def fee_schedule_key(effective_from_us: int, version: int) -> bytes:
    """Return the key of a fee schedule; the last one with FEES_PREFIX is in force."""
    return _FEES_KEY.pack(FEES_PREFIX[0], effective_from_us, version)


# config, kind 1: version, schedule version u32, effective from, number of rules u16, length
# of source u16; source; per rule, by (rail, currency): rail, currency, fixed, bps u16, min,
# max.


def fees_row(schedule: FeeSchedule) -> Row:
    """Return the row of a fee schedule."""
    source = schedule.source.encode()
    rules = [rule for _, rule in sorted(schedule.rules.items())]
    terms = _fees_terms(schedule, rules)
    parts = [
        _FEES.pack(
            _WITH_TERMS if terms else VERSION,
            schedule.version,
            schedule.effective_from_us,
            len(rules),
            len(source),
        ),
        source,
    ]
    parts += (
        _FEE_RULE.pack(
            rule.rail,
            rule.currency,
            rule.fixed_minor,
            rule.bps,
            rule.min_minor,
            rule.max_minor,
        )
        for rule in rules
    )
    key = fee_schedule_key(schedule.effective_from_us, schedule.version)
    return key, sealed(b"".join((*parts, terms)))


def _fees_terms(schedule: FeeSchedule, rules: Sequence[FeeRule]) -> bytes:
    """Return what layout 2 adds; nothing for a schedule that says nothing of it."""
    if (
        not schedule.as_of
        and schedule.quote_valid_us == QUOTE_VALID_US_DEFAULT
        and not any(rule.account_class or rule.refund for rule in rules)
    ):
        return b""
    as_of = schedule.as_of.encode()
    return b"".join(
        (
            _FEES_TERMS.pack(0, schedule.quote_valid_us, len(as_of)),
            as_of,
            bytes(rule.refund for rule in rules),
            *(short_text(rule.account_class) for rule in rules),
        )
    )


def decode_fee_schedule(key: bytes, value: bytes) -> FeeSchedule:
    """Return a fee schedule."""

    def read(body: bytes) -> FeeSchedule:
        layout, version, effective_from_us, count, source_bytes = _FEES.unpack_from(
            body
        )
        middle = _FEES.size + source_bytes
        end = middle + count * _FEE_RULE.size
        rules = [
            FeeRule(*_FEE_RULE.unpack_from(body, at))
            for at in range(middle, end, _FEE_RULE.size)
        ]
        as_of, quote_valid_us = "", QUOTE_VALID_US_DEFAULT
        if layout == _WITH_TERMS:
            _, quote_valid_us, as_of_bytes = _FEES_TERMS.unpack_from(body, end)
            end += _FEES_TERMS.size + as_of_bytes
            as_of = body[end - as_of_bytes : end].decode()
            refunds = body[end : end + count]
            end += count
            classes: list[str] = []
            for _ in range(count):
                start, end = end + 1, end + 1 + body[end]
                classes.append(body[start:end].decode())
            rules = [
                replace(rule, account_class=own, refund=Refund(refund))
                for rule, own, refund in zip(rules, classes, refunds, strict=True)
            ]
        expect_size(body, end)
        return FeeSchedule(
            version,
            effective_from_us,
            body[_FEES.size : middle].decode(),
            {(rule.rail, rule.currency, rule.account_class): rule for rule in rules},
            as_of,
            quote_valid_us,
        )

    return opened(Table.CONFIG, key, value, read)


def rail_row(rail: RailRecord) -> Row:
    """Return the row of a version of a rail."""
    return setting_key(rail), sealed(encode_rail(rail))


def decode_rail(key: bytes, value: bytes) -> RailRecord:
    """Return a version of a rail. Layout: `rail_records`."""
    return opened(Table.CONFIG, key, value, rail_records.decode_rail)


def calendar_row(calendar: Calendar) -> Row:
    """Return the row of a version of a calendar."""
    return setting_key(calendar), sealed(encode_calendar(calendar))


def decode_calendar(key: bytes, value: bytes) -> Calendar:
    """Return a version of a calendar. Layout: `rail_records`."""
    return opened(Table.CONFIG, key, value, rail_records.decode_calendar)


def suspension_row(suspension: Suspension) -> Row:
    """Return the row of whether a rail is suspended."""
    reason, principal = suspension.reason.encode(), suspension.principal.encode()
    head = _SUSPENSION.pack(
        VERSION,
        suspension.rail,
        suspension.is_suspended,
        suspension.since_us,
        len(reason),
        len(principal),
    )
    return setting_key(suspension), sealed(head + reason + principal)


def decode_suspension(key: bytes, value: bytes) -> Suspension:
    """Return whether a rail is suspended. Layout: version, rail, flag, since, two texts."""

    def read(body: bytes) -> Suspension:
        _, rail, is_suspended, since_us, reason_bytes, principal_bytes = (
            _SUSPENSION.unpack_from(body)
        )
        middle = _SUSPENSION.size + reason_bytes
        expect_size(body, middle + principal_bytes)
        return Suspension(
            rail,
            bool(is_suspended),
            since_us,
            body[_SUSPENSION.size : middle].decode(),
            body[middle:].decode(),
        )

    return opened(Table.CONFIG, key, value, read)


def limits_row(limits: LimitSet) -> Row:
    """Return the row of a version of the limits."""
    return setting_key(limits), sealed(risk_records.encode_limits(limits))


def rules_row(rules: RuleSet) -> Row:
    """Return the row of a version of the rules."""
    return setting_key(rules), sealed(risk_records.encode_rules(rules))


def decode_limits(key: bytes, value: bytes) -> LimitSet:
    """Return a version of the limits. Layout: `risk_records`."""
    return opened(Table.CONFIG, key, value, risk_records.decode_limits)


def decode_rules(key: bytes, value: bytes) -> RuleSet:
    """Return a version of the rules. Layout: `risk_records`."""
    return opened(Table.CONFIG, key, value, risk_records.decode_rules)


def roles_row(roles: RoleSet) -> Row:
    """Return the row of a version of the roles."""
    return setting_key(roles), sealed(setting_records.encode_roles(roles))


def currencies_row(currencies: CurrencySet) -> Row:
    """Return the row of a version of the retired currencies."""
    return setting_key(currencies), sealed(
        setting_records.encode_currencies(currencies)
    )


def decode_roles(key: bytes, value: bytes) -> RoleSet:
    """Return a version of the roles. Layout: `setting_records`."""
    return opened(Table.CONFIG, key, value, setting_records.decode_roles)


def decode_currencies(key: bytes, value: bytes) -> CurrencySet:
    """Return a version of the retired currencies. Layout: `setting_records`."""
    return opened(Table.CONFIG, key, value, setting_records.decode_currencies)


def setting_key(setting: Setting) -> bytes:
    """Return the key of a row of `config`."""
    match setting:
        case FeeSchedule():
            return fee_schedule_key(setting.effective_from_us, setting.version)
        case RailRecord():
            return _RAIL_KEY.pack(RAIL_PREFIX[0], setting.number, setting.version)
        case Calendar():
            name = setting.name.encode()
            version = _CALENDAR_VERSION.pack(setting.version)
            return CALENDAR_PREFIX + name + b"\0" + version
        case Suspension():
            return _SUSPENSION_KEY.pack(SUSPENSION_PREFIX[0], setting.rail)
        case LimitSet():
            return _SET_KEY.pack(LIMITS_PREFIX[0], setting.version)
        case RuleSet():
            return _SET_KEY.pack(RULES_PREFIX[0], setting.version)
        case RoleSet():
            return _SET_KEY.pack(ROLES_PREFIX[0], setting.version)
        case CurrencySet():
            return _SET_KEY.pack(CURRENCIES_PREFIX[0], setting.version)
        case _:
            assert_never(setting)


def decode_setting(key: bytes, value: bytes) -> Setting:
    """Return what a row of `config` holds."""
    match key[:1]:
        case b"\x01":
            return decode_fee_schedule(key, value)
        case b"R":
            return decode_rail(key, value)
        case b"C":
            return decode_calendar(key, value)
        case b"S":
            return decode_suspension(key, value)
        case b"L":
            return decode_limits(key, value)
        case b"V":
            return decode_rules(key, value)
        case b"G":
            return decode_roles(key, value)
        case b"M":
            return decode_currencies(key, value)
        case _:
            raise corrupt(Table.CONFIG, key, "a setting of an unknown kind")
