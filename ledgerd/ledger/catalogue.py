"""Rails and fees: data that every node has alike.

The rails are the seed of state version 1. Numbers are durable: never reused. The fee
schedule starts empty and is replaced as a whole by `SetFees`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ledgerd.ledger.commands import FeeRule
from ledgerd.ledger.money import currency_number

SANDBOX: Final = 1


class Rail(NamedTuple):
    """One external payment rail. currency: 0 where it takes any."""

    number: int
    name: str
    currency: int

    @property
    def is_sandbox(self) -> bool:
        """Whether only accounts with livemode false may use it; all others are live."""
        return self.number == SANDBOX


_SEED: Final = (
    (SANDBOX, "sandbox", ""),
    (2, "us_ach", "USD"),
    (3, "us_ach_same_day", "USD"),
    (4, "us_fedwire", "USD"),
    (5, "us_rtp", "USD"),
    (6, "us_fednow", "USD"),
    (7, "eu_sct", "EUR"),
    (8, "eu_sct_inst", "EUR"),
    (9, "uk_fps", "GBP"),
    (10, "uk_bacs", "GBP"),
    (11, "uk_chaps", "GBP"),
    (12, "swift", ""),
)

RAILS: Final[dict[int, Rail]] = {
    number: Rail(number, name, currency_number(code) if code else 0)
    for number, name, code in _SEED
}
RAILS_BY_NAME: Final[dict[str, Rail]] = {rail.name: rail for rail in RAILS.values()}
assert len(RAILS) == len(RAILS_BY_NAME) == len(_SEED)


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """The fee rules in force from log time `effective_from_us` on.

    version: number of schedules before this one; 0 is the empty one of a new cluster.
    rules: by (rail, currency). A pair without a rule costs nothing.
    """

    version: int = 0
    effective_from_us: int = 0
    source: str = ""
    rules: Mapping[tuple[int, int], FeeRule] = field(default_factory=dict)

    def fee_minor(self, *, rail: int, currency: int, amount_minor: int) -> int:
        """Return the fee of one payout, 0 .. 2**63 - 1."""
        rule = self.rules.get((rail, currency))
        return 0 if rule is None else fee_minor(rule, amount_minor)


def fee_minor(rule: FeeRule, amount_minor: int) -> int:
    """Return clamp(min, fixed + amount * bps / 10,000 rounded half up, max). 5, 7.1."""
    share = (amount_minor * rule.bps + 5000) // 10_000
    return max(rule.min_minor, min(rule.fixed_minor + share, rule.max_minor))
