"""What payouts cost: schedules of fee rules, each in force from a log time on. 2.7, 7.1.

A schedule is replaced as a whole. Every version stays readable, and a version may lie in the
future: all nodes pass its time at the same entry. A fee is worked out by the version in force at
the time of the entry, or at the time of a quote that is still good.
"""

from bisect import bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ledgerd.ledger.commands import FeeRule

QUOTE_VALID_US_DEFAULT: Final = 15 * 60 * 1_000_000
_CLASS_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")

# (rail, currency, account class)
RuleKey = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """The fee rules in force from log time `effective_from_us` on.

    version: number of schedules before this one; 0 is the empty one of a new cluster.
    rules: by rail, currency and account class. What has no rule costs nothing.
    source, as_of: where the figures come from, and the day of that source.
    quote_valid_us: how long after its time a quote binds, log microseconds.
    """

    version: int = 0
    effective_from_us: int = 0
    source: str = ""
    rules: Mapping[RuleKey, FeeRule] = field(default_factory=dict)
    as_of: str = ""
    quote_valid_us: int = QUOTE_VALID_US_DEFAULT

    def rule(self, *, rail: int, currency: int, account_class: str) -> FeeRule | None:
        """Return the rule of an account's class, else that of accounts without a class."""
        found = self.rules.get((rail, currency, account_class))
        return found or self.rules.get((rail, currency, ""))

    def fee_minor(
        self, *, rail: int, currency: int, amount_minor: int, account_class: str
    ) -> int:
        """Return the fee of one payout, 0 .. 2**63 - 1."""
        rule = self.rule(rail=rail, currency=currency, account_class=account_class)
        return 0 if rule is None else fee_minor(rule, amount_minor)


def fee_minor(rule: FeeRule, amount_minor: int) -> int:
    """Return clamp(min, fixed + amount * bps / 10,000 rounded half up, max). 5, 7.1."""
    share = (amount_minor * rule.bps + 5000) // 10_000
    return max(rule.min_minor, min(rule.fixed_minor + share, rule.max_minor))


NO_FEES: Final = FeeSchedule()


@dataclass(frozen=True, slots=True)
class FeeSchedules:
    """All versions, sorted by the log time from which each is in force, then by version.

    Of two from the same time the higher version is in force.
    """

    versions: tuple[FeeSchedule, ...] = ()

    def at(self, ts_us: int) -> FeeSchedule:
        """Return the schedule in force at a log time; version 0 if none was set by then."""
        if not self.versions:
            return NO_FEES
        after = bisect_right(self.versions, ts_us, key=_effective_from_us)
        return self.versions[after - 1] if after else NO_FEES

    def including(self, schedule: FeeSchedule) -> "FeeSchedules":
        """Return these versions and one more, which has the next number."""
        assert schedule.version == len(self.versions) + 1, schedule
        versions = list(self.versions)
        insort(versions, schedule, key=_order)
        return FeeSchedules(tuple(versions))


def _effective_from_us(schedule: FeeSchedule) -> int:
    return schedule.effective_from_us


def _order(schedule: FeeSchedule) -> tuple[int, int]:
    return schedule.effective_from_us, schedule.version


def is_account_class(text: str, bytes_max: int) -> bool:
    """Return whether this can be the class of an account; empty is the class of most."""
    return len(text) <= bytes_max and _CLASS_ALPHABET.issuperset(text)
