"""Limits and risk rules: versioned settings that say which payouts may be accepted. 7.2, 7.3.

A set of either replaces the whole one before it, from its log time on. Money in here is what is
paid out, without the fee.
"""

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from ledgerd.ledger import money
from ledgerd.limits import (
    ID_BYTES,
    LIMIT_WINDOWS_MAX,
    LIMITS_MAX,
    RAIL_FACT_BYTES_MAX,
    RULE_BANK_BYTES_MAX,
    RULE_BANKS_MAX,
    RULE_DESTINATIONS_MAX,
    RULE_NAME_BYTES_MAX,
    RULES_MAX,
    WINDOW_US_MAX,
)

WINDOW_SLOTS: Final = 24
FINGERPRINT_BYTES: Final = 16
NO_BOUND: Final = -1  # a limit says nothing about an amount, or about a count
_COUNT_MAX: Final = 2**32 - 1
_TIME_US_MAX: Final = 2**63 - 1


class LimitKind(IntEnum):
    """What a limit bounds. Durable and public values."""

    PER_PAYOUT = 1
    ACCOUNT_WINDOW = 2
    DESTINATION_WINDOW = 3
    TOTAL_WINDOW = 4


class Limit(NamedTuple):
    """One bound on payouts of one currency; live and sandbox payouts are summed apart.

    rail: only of PER_PAYOUT; 0: any. account_id: of PER_PAYOUT and ACCOUNT_WINDOW; empty: every
    account that no limit of the same kind, rail and window names.
    window_us: log time, a multiple of WINDOW_SLOTS; 0 for PER_PAYOUT.
    amount_minor_max, count_max: inclusive; NO_BOUND for none. PER_PAYOUT has no count.
    """

    kind: LimitKind
    currency: int
    rail: int = 0
    account_id: bytes = b""
    window_us: int = 0
    amount_minor_max: int = NO_BOUND
    count_max: int = NO_BOUND

    @property
    def slot(self) -> tuple[int, int, int, int]:
        """What it bounds, for whomever: of one slot, a limit that names an account wins."""
        return self.kind, self.currency, self.rail, self.window_us


class RuleKind(IntEnum):
    """What makes a rule speak. Durable and public values."""

    BLOCKED_DESTINATION = 1  # the destination is on its list
    BLOCKED_BANK = 2  # the destination's bank is on its list
    FIRST_DESTINATION = 3  # more than the amount, and none settled there before
    AMOUNT = 4  # more than the amount
    NEW_ACCOUNT = 5  # the account is younger than the age
    FROZEN_OWNER = 6  # an account of the same owner is frozen


class Action(IntEnum):
    """What a rule says that speaks; one that is silent says ALLOW. The strictest wins."""

    ALLOW = 1
    REVIEW = 2
    REFUSE = 3


class Rule(NamedTuple):
    """One rule. Which fields it has depends on its kind; the others are empty.

    currency, amount_minor: of FIRST_DESTINATION and AMOUNT, which say nothing of other currencies.
    age_us: of NEW_ACCOUNT. destinations: fingerprints, rising. banks: country and bank code,
    rising; an empty country stands for any.
    """

    name: str
    kind: RuleKind
    action: Action
    currency: int = 0
    amount_minor: int = 0
    age_us: int = 0
    destinations: tuple[bytes, ...] = ()
    banks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LimitSet:
    """One version of all limits, in force from log time `effective_from_us` on.

    source, as_of: where it comes from, and of what day that is, as text.
    """

    version: int
    effective_from_us: int
    source: str
    as_of: str
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One version of all rules, in order; otherwise as `LimitSet`."""

    version: int
    effective_from_us: int
    source: str
    as_of: str
    rules: tuple[Rule, ...]


def is_limits_well_formed(limits: tuple[Limit, ...]) -> bool:
    """Return whether the bounds hold that the edge has checked before."""
    return (
        len(limits) <= LIMITS_MAX
        and all(map(_is_limit, limits))
        and len({(*limit.slot, limit.account_id) for limit in limits}) == len(limits)
        and windows_most(limits) <= LIMIT_WINDOWS_MAX
    )


def windows_most(limits: tuple[Limit, ...]) -> int:
    """Return how many windows count a payout of the currency that has most of them."""
    of_currencies = Counter(
        currency
        for kind, currency, *_ in {limit.slot for limit in limits}
        if kind is not LimitKind.PER_PAYOUT
    )
    return max(of_currencies.values(), default=0)


def is_rules_well_formed(rules: tuple[Rule, ...]) -> bool:
    """Return whether the bounds hold that the edge has checked before."""
    return (
        len(rules) <= RULES_MAX
        and all(map(_is_rule, rules))
        and len({rule.name for rule in rules}) == len(rules)
        and sum(len(rule.destinations) for rule in rules) <= RULE_DESTINATIONS_MAX
        and sum(len(rule.banks) for rule in rules) <= RULE_BANKS_MAX
    )


def is_origin_well_formed(effective_from_us: int, source: str, as_of: str) -> bool:
    """Return whether time and texts of a version are within their bounds."""
    return (
        0 <= effective_from_us <= _TIME_US_MAX
        and 0 < len(source.encode()) < RAIL_FACT_BYTES_MAX
        and len(as_of.encode()) < RAIL_FACT_BYTES_MAX
    )


def _is_limit(limit: Limit) -> bool:
    is_window = limit.kind is not LimitKind.PER_PAYOUT
    has_account = limit.kind in (LimitKind.PER_PAYOUT, LimitKind.ACCOUNT_WINDOW)
    return (
        money.currency(limit.currency) is not None
        and 0 <= limit.rail <= 0xFFFF
        and not (is_window and limit.rail)
        and len(limit.account_id) in ((0, ID_BYTES) if has_account else (0,))
        and _is_window_us(limit.window_us) is is_window
        and (is_window or limit.window_us == 0)
        and limit.amount_minor_max >= NO_BOUND
        and money.fits(limit.amount_minor_max)
        and NO_BOUND <= limit.count_max <= _COUNT_MAX
        and (is_window or limit.count_max == NO_BOUND)
        and (limit.amount_minor_max, limit.count_max) != (NO_BOUND, NO_BOUND)
    )


def _is_window_us(window_us: int) -> bool:
    return WINDOW_SLOTS <= window_us <= WINDOW_US_MAX and window_us % WINDOW_SLOTS == 0


def _is_rule(rule: Rule) -> bool:
    has_amount = rule.kind in (RuleKind.FIRST_DESTINATION, RuleKind.AMOUNT)
    has_age = rule.kind is RuleKind.NEW_ACCOUNT
    return (
        0 < len(rule.name.encode()) <= RULE_NAME_BYTES_MAX
        and (money.currency(rule.currency) is not None) is has_amount
        and (has_amount or rule.currency == 0)
        and (rule.amount_minor >= 0 if has_amount else rule.amount_minor == 0)
        and money.fits(rule.amount_minor)
        and (0 < rule.age_us <= _TIME_US_MAX if has_age else rule.age_us == 0)
        and bool(rule.destinations) is (rule.kind is RuleKind.BLOCKED_DESTINATION)
        and all(len(one) == FINGERPRINT_BYTES for one in rule.destinations)
        and rule.destinations == tuple(sorted(set(rule.destinations)))
        and bool(rule.banks) is (rule.kind is RuleKind.BLOCKED_BANK)
        and all(
            max(len(country.encode()), len(code.encode())) <= RULE_BANK_BYTES_MAX
            and bool(code)
            for country, code in rule.banks
        )
        and rule.banks == tuple(sorted(set(rule.banks)))
    )
