"""Rails and fees: data that every node has alike.

Twelve rails are the seed of state version 1; a record of the catalogue puts data in the place of
the seed's policies, and may bring a rail of its own. Numbers are durable: never reused. The fee
schedule starts empty and is replaced as a whole by `SetFees`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.money import BALANCE_MINOR_MAX, currency_number
from ledgerd.ledger.rails import RailRecord, takes_destination

SANDBOX: Final = 1


class Rail(NamedTuple):
    """One external payment rail, as the ledger goes by it at a moment.

    currencies: numbers; empty where it takes any. bank: whose cash it moves. is_suspended: nothing
    is dispatched by it. is_prefunded: nothing is dispatched beyond the cash that is there.
    burns_refused_keys: a key it refused is never good again. recall_us, return_us: how long after
    the settlement (0: never) a recall may be asked for, and money may come back; of a rail with a
    record its `return_days` and `recall_days` count instead. refunds_fee: the fee goes back with
    the whole amount. absorbs: what is missing when the rail has sent all it will is ours.
    record: the version of the catalogue in force; None where none was set.
    """

    number: int
    name: str
    currencies: tuple[int, ...]
    bank: str = "main"
    is_suspended: bool = False
    is_prefunded: bool = False
    burns_refused_keys: bool = False
    recall_us: int = 0
    return_us: int = 0
    refunds_fee: bool = False
    absorbs: bool = False
    record: RailRecord | None = None

    @property
    def is_sandbox(self) -> bool:
        """Whether only accounts with livemode false may use it; all others are live."""
        return self.number == SANDBOX

    @property
    def amount_minor_min(self) -> int:
        """The least amount of one payment."""
        return 1 if self.record is None else self.record.amount_minor_min

    @property
    def amount_minor_max(self) -> int:
        """The largest amount of one payment."""
        record = self.record
        return BALANCE_MINOR_MAX if record is None else record.amount_minor_max

    def takes_currency(self, currency: int) -> bool:
        """Return whether it moves money of a currency."""
        return not self.currencies or currency in self.currencies

    def takes_destination(self, details: bytes) -> bool:
        """Return whether it can pay to where the packed details lead."""
        return self.record is None or takes_destination(self.record, details)


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
        (currency_number(code),) if code else (),
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

    def known(self, number: int, ts_us: int) -> Rail | None:
        """Return a rail as the ledger goes by it at a log time; None if there is none then."""
        rail = RAILS.get(number)
        if number in self.rails:
            record = self.rail(number, ts_us)
            if record is not None:
                rail = with_record(rail, record)
        if rail is None or number not in self.suspensions:
            return rail
        return rail._replace(is_suspended=self.suspensions[number].is_suspended)

    def window_versions(self, number: int, ts_us: int) -> tuple[int, int]:
        """Return the versions of a rail's record and of the calendar it names; 0: there is none.

        They are what windows are worked out with, and named with them (8.3).
        """
        record = self.rail(number, ts_us)
        if record is None:
            return 0, 0
        calendar = self.calendar(record.calendar, ts_us)
        return record.version, 0 if calendar is None else calendar.version

    def name(self, number: int) -> str:
        """Return the name of a rail that payouts may name; the same at every time."""
        seed = RAILS.get(number)
        return self.rails[number][0].name if seed is None else seed.name

    def names(self) -> dict[str, int]:
        """Return the number of each rail, the seed's and those that a record brought."""
        brought = {versions[0].name: n for n, versions in sorted(self.rails.items())}
        return {rail.name: rail.number for rail in RAILS.values()} | brought

    def suspension(self, number: int) -> Suspension:
        """Return whether a rail is suspended, and why."""
        return self.suspensions.get(number, Suspension(number))


def with_record(seed: Rail | None, record: RailRecord) -> Rail:
    """Return the rail whose policies are those of a record. seed: None where there is no such."""
    if seed is None:
        seed = Rail(record.number, record.name, record.currencies)
    return seed._replace(
        is_prefunded=record.is_prefunded,
        burns_refused_keys=record.burns_refused_keys,
        absorbs=record.absorbs,
        record=record,
    )


def _from(setting: RailRecord | Calendar) -> tuple[int, int]:
    return setting.effective_from_us, setting.version
