"""The bytes of limits, rules and windows, as they stand in commands and in rows.

Big-endian, version u8 first; texts are UTF-8 behind a length u8. Canonical: one record has one
form. A layout is never changed: a new one gets the next version.

Limits, layout 1: version, version of the set u32, effective from u64, source, as of, count u16; a
limit: kind u8, currency u16, rail u16, window u64, amount i64, count i64, account id behind a
length u8.

Rules, layout 1: the same head; a rule: kind u8, action u8, currency u16, amount i64, age u64, name,
count u16 of destinations of 16 bytes, count u16 of banks, each two texts.

Window, layout 1: version, open sum u128, open count u64, last slot u64, count u8 of slots: number
u64, sum u128, count u64.
"""

from struct import Struct
from struct import error as StructError
from typing import Final

from ledgerd.formats.bodies import SHORT, BodyReader, counted, head, short, text
from ledgerd.ledger.risk import (
    FINGERPRINT_BYTES,
    Action,
    Limit,
    LimitKind,
    LimitSet,
    Rule,
    RuleKind,
    RuleSet,
)
from ledgerd.ledger.windows import Slot, WindowUse

_LAYOUT: Final = 1
_LIMIT: Final = Struct(">BHHQqq")
_RULE: Final = Struct(">BBHqQ")
_WINDOW: Final = Struct(">B16sQQB")
_SLOT: Final = Struct(">Q16sQ")


def encode_limits(row: LimitSet) -> bytes:
    """Return the one form of a version. Raises ValueError where something does not fit."""
    try:
        return _head(row) + counted(map(_limit, row.limits))
    except (StructError, OverflowError) as error:
        raise ValueError(f"limits do not fit their layout: {error}") from error


def decode_limits(body: bytes) -> LimitSet:
    """Return the version. Raises ValueError unless `body` is exactly one form of one."""
    read = _Reader(body)
    version, effective_from_us, source, as_of = read.head(_LAYOUT)
    limits = tuple(read.limit() for _ in range(read.one(SHORT)))
    row = LimitSet(version, effective_from_us, source, as_of, limits)
    read.end()
    return row


def encode_rules(row: RuleSet) -> bytes:
    """Return the one form of a version. Raises ValueError where something does not fit."""
    try:
        return _head(row) + counted(map(_rule, row.rules))
    except (StructError, OverflowError) as error:
        raise ValueError(f"rules do not fit their layout: {error}") from error


def decode_rules(body: bytes) -> RuleSet:
    """Return the version. Raises ValueError unless `body` is exactly one form of one."""
    read = _Reader(body)
    version, effective_from_us, source, as_of = read.head(_LAYOUT)
    rules = tuple(read.rule() for _ in range(read.one(SHORT)))
    row = RuleSet(version, effective_from_us, source, as_of, rules)
    read.end()
    return row


def encode_window(use: WindowUse) -> bytes:
    """Return the one form of what a window holds."""
    whole = _WINDOW.pack(
        _LAYOUT, _wide(use.open_minor), use.open_count, use.last_slot, len(use.slots)
    )
    return whole + b"".join(
        _SLOT.pack(slot.number, _wide(slot.amount_minor), slot.payouts)
        for slot in use.slots
    )


def decode_window(body: bytes) -> WindowUse:
    """Return what a window holds. Raises ValueError unless `body` is exactly one form of it."""
    read = _Reader(body)
    layout, open_raw, open_count, last_slot, count = read.unpack(_WINDOW)
    if layout != _LAYOUT:
        raise ValueError(f"expected layout {_LAYOUT}, found {layout}")
    slots = []
    for _ in range(count):
        number, raw, payouts = read.unpack(_SLOT)
        slots.append(Slot(number, int.from_bytes(raw, "big"), payouts))
    read.end()
    return WindowUse(
        int.from_bytes(open_raw, "big"), open_count, last_slot, tuple(slots)
    )


def _head(row: LimitSet | RuleSet) -> bytes:
    return head(_LAYOUT, row.version, row.effective_from_us, row.source, row.as_of)


def _limit(limit: Limit) -> bytes:
    return _LIMIT.pack(
        limit.kind,
        limit.currency,
        limit.rail,
        limit.window_us,
        limit.amount_minor_max,
        limit.count_max,
    ) + short(limit.account_id)


def _rule(rule: Rule) -> bytes:
    return b"".join(
        (
            _RULE.pack(
                rule.kind, rule.action, rule.currency, rule.amount_minor, rule.age_us
            ),
            text(rule.name),
            counted(map(_fingerprint, rule.destinations)),
            counted(text(country) + text(code) for country, code in rule.banks),
        )
    )


def _fingerprint(fingerprint: bytes) -> bytes:
    if len(fingerprint) != FINGERPRINT_BYTES:
        raise ValueError(
            f"expected {FINGERPRINT_BYTES} bytes of a fingerprint, found {fingerprint!r}"
        )
    return fingerprint


def _wide(value: int) -> bytes:
    return value.to_bytes(16, "big")


class _Reader(BodyReader):
    """Takes bodies of limits, rules and windows apart."""

    def limit(self) -> Limit:
        kind, currency, rail, window_us, amount_minor, count = self.unpack(_LIMIT)
        account_id = self.short()
        return Limit(
            LimitKind(kind), currency, rail, account_id, window_us, amount_minor, count
        )

    def rule(self) -> Rule:
        kind, action, currency, amount_minor, age_us = self.unpack(_RULE)
        return Rule(
            kind=RuleKind(kind),
            action=Action(action),
            currency=currency,
            amount_minor=amount_minor,
            age_us=age_us,
            name=self.text(),
            destinations=tuple(
                self.take(FINGERPRINT_BYTES) for _ in range(self.one(SHORT))
            ),
            banks=tuple((self.text(), self.text()) for _ in range(self.one(SHORT))),
        )
