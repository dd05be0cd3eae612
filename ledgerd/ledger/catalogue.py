"""Rails and fees: data that every node has alike.

The rails are the seed of state version 1. Numbers are durable: never reused. The fee
schedule starts empty and is replaced as a whole by `SetFees`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.commands import FeeRule
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.rails import RailRecord

SANDBOX: Final = 1


class Rail(NamedTuple):
    """One external payment rail. currency: 0 where it takes any.

    bank: whose cash it moves. is_suspended: nothing is dispatched by it. is_prefunded: nothing is
    dispatched beyond the cash that is there. burns_refused_keys: a key it refused is never good
    again. recall_us, return_us: how long after the settlement (0: never) a recall may be asked
    for, and money may come back. refunds_fee: the fee goes back with the whole amount.
    absorbs: what is missing when the rail has sent all it will is ours.
    """

    number: int
    name: str
    currency: int
    bank: str = "main"
    is_suspended: bool = False
    is_prefunded: bool = False
    burns_refused_keys: bool = False
    recall_us: int = 0
    return_us: int = 0
    refunds_fee: bool = False
    absorbs: bool = False

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

_DAY_US: Final = 86_400_000_000
# Days from the settlement, by number: recall, return. Seeds, longer than the banking days of
# each scheme's rule, so that no recall or return inside it is missed.
_WINDOW_DAYS: Final = {
    SANDBOX: (10, 10),
    2: (7, 4),
    3: (7, 4),
    5: (10, 0),
    6: (10, 0),
    7: (14, 5),
    8: (14, 0),
    12: (30, 60),
}


def _rail(number: int, name: str, code: str) -> Rail:
    recall_days, return_days = _WINDOW_DAYS.get(number, (0, 0))
    return Rail(
        number,
        name,
        currency_number(code) if code else 0,
        recall_us=recall_days * _DAY_US,
        return_us=return_days * _DAY_US,
        refunds_fee=number == SANDBOX,
        absorbs=number == SANDBOX,
    )


RAILS: Final[dict[int, Rail]] = {row[0]: _rail(*row) for row in _SEED}
RAILS_BY_NAME: Final[dict[str, Rail]] = {rail.name: rail for rail in RAILS.values()}
assert len(RAILS) == len(RAILS_BY_NAME) == len(_SEED)


class Suspension(NamedTuple):
    """Whether a rail may be dispatched by, since when (log time), why and by whom."""

    rail: int
    is_suspended: bool = False
    since_us: int = 0
    reason: str = ""
    principal: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All versions of rails and calendars, each sorted by version, and what is suspended.

    A version is in force from its log time on, until one with a later time or, at the same time,
    a higher version takes its place. Old ones stay readable.
    """

    rails: Mapping[int, tuple[RailRecord, ...]] = field(default_factory=dict)
    calendars: Mapping[str, tuple[Calendar, ...]] = field(default_factory=dict)
    suspensions: Mapping[int, Suspension] = field(default_factory=dict)

    def rail(self, number: int, ts_us: int) -> RailRecord | None:
        """Return the record in force at a log time; None if none was set by then."""
        versions = [
            rail
            for rail in self.rails.get(number, ())
            if rail.effective_from_us <= ts_us
        ]
        return max(versions, key=_from, default=None)

    def calendar(self, name: str, ts_us: int) -> Calendar | None:
        """Return the calendar in force at a log time; None if none was set by then."""
        versions = [
            calendar
            for calendar in self.calendars.get(name, ())
            if calendar.effective_from_us <= ts_us
        ]
        return max(versions, key=_from, default=None)

    def suspension(self, number: int) -> Suspension:
        """Return whether a rail is suspended, and why."""
        return self.suspensions.get(number, Suspension(number))


def _from(setting: RailRecord | Calendar) -> tuple[int, int]:
    return setting.effective_from_us, setting.version


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
