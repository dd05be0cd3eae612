"""What the catalogue holds of one rail: a versioned record that every node has alike.

Times of a rail are times on a clock on a wall in the rail's zone; the edge turns them into
microseconds (ledger.md 8.3), and nothing below the fence reads `zone`. Each value that somebody
may question later names where it comes from (8.1).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from ledgerd.ledger import money
from ledgerd.ledger.details import routing_of
from ledgerd.limits import (
    CALENDAR_NAME_BYTES_MAX,
    RAIL_FACT_BYTES_MAX,
    RAIL_FACTS_MAX,
    RAIL_NAME_BYTES_MAX,
    RAIL_WINDOWS_MAX,
)

DAY_S: Final = 86_400
_DAYS_APART_MAX: Final = 31
_NUMBER_MAX: Final = 0xFFFF
_NAME_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


class Layer(IntEnum):
    """Whose cut-off it is; all three are kept and shown, the earliest is obeyed. 8.1."""

    OPERATOR = 1
    BANK = 2
    OURS = 3


class WallTime(NamedTuple):
    """A time on the wall in the rail's zone: `second` of the day `days` after the business day.

    days: -1 is the evening before. second: 0 .. 86,399, as the clock shows them.
    """

    days: int
    second: int


class CutOff(NamedTuple):
    """The last moment of a window as one layer sees it, exclusive."""

    layer: Layer
    at: WallTime


class Window(NamedTuple):
    """One stretch of a business day in which the rail takes payments.

    cut_offs: one or more, a layer at most once. value_days: open days from the business day to
    the day the money is booked. arrives_second: when the payee has it on that day, at the latest.
    """

    opens: WallTime
    cut_offs: tuple[CutOff, ...]
    value_days: int
    arrives_second: int


class Fact(NamedTuple):
    """Where the value of one field comes from.

    as_of: day of the source, and effective_from: day from which the value holds, both as text of
    the form 2026-11-21 or a part of it; empty where nobody says. is_unconfirmed: sources differ,
    or nobody with authority was asked.
    """

    field: str
    source: str
    as_of: str
    effective_from: str
    is_unconfirmed: bool


@dataclass(frozen=True, slots=True)
class RailRecord:
    """One version of what is known about one rail. Amounts in minor units of the payout.

    number, version: durable; a number is one rail for ever. effective_from_us: log time.
    currencies: numbers; empty: any. countries: two letters each; empty: any.
    calendar: name of a `Calendar`; empty where the rail never closes.
    windows: of a business day, in order; empty exactly where the rail never closes.
    arrives_within_s: of a rail without windows, from dispatch to the payee.
    destination_kinds: values of the public enum; empty: any. account_number_bytes_max: 0: any.
    return_days, recall_days: open days after the value date; 0 where there is no such window.
    deduplicates: a second send with the same rail key does nothing.
    answers_queries: the rail says what it knows of a rail key; guarantee_s is how long after a
        send "unknown" means that it never will know it.
    burns_refused_keys: a key that the rail refused can never be accepted.
    is_prefunded: nothing is dispatched beyond the cash that is at our bank.
    absorbs: what is missing once the rail has sent back all it will is ours.
    statuses: the rail's own words, and ours beside them.
    """

    number: int
    name: str
    version: int
    effective_from_us: int
    currencies: tuple[int, ...]
    countries: tuple[str, ...]
    calendar: str
    zone: str
    windows: tuple[Window, ...]
    arrives_within_s: int
    amount_minor_min: int
    amount_minor_max: int
    destination_kinds: tuple[int, ...]
    account_number_bytes_max: int
    reference_bytes_max: int
    reference_charset: str
    is_irrevocable: bool
    return_days: int
    recall_days: int
    deduplicates: bool
    answers_queries: bool
    guarantee_s: int
    burns_refused_keys: bool
    is_prefunded: bool = False
    absorbs: bool = False
    statuses: tuple[tuple[str, str], ...] = ()
    facts: tuple[Fact, ...] = ()

    @property
    def is_always_open(self) -> bool:
        """Whether the rail works around the clock, every day."""
        return not self.windows


FIELDS: Final = frozenset(RailRecord.__dataclass_fields__) - {"facts"}


def is_well_formed(rail: RailRecord) -> bool:
    """Return whether the bounds hold that the edge has checked before."""
    return (
        1 <= rail.number <= _NUMBER_MAX
        and 0 < len(rail.name.encode()) <= RAIL_NAME_BYTES_MAX
        and _NAME_ALPHABET.issuperset(rail.name)
        and rail.effective_from_us >= 0
        and all(money.currency(number) is not None for number in rail.currencies)
        and len(rail.calendar.encode()) <= CALENDAR_NAME_BYTES_MAX
        and bool(rail.windows) == bool(rail.calendar)
        and bool(rail.windows) == bool(rail.zone)
        and len(rail.windows) <= RAIL_WINDOWS_MAX
        and all(_is_window(window) for window in rail.windows)
        and 1 <= rail.amount_minor_min <= rail.amount_minor_max
        and money.is_amount(rail.amount_minor_max)
        and min(rail.return_days, rail.recall_days, rail.guarantee_s) >= 0
        and (rail.answers_queries or not rail.guarantee_s)
        and len(rail.facts) <= RAIL_FACTS_MAX
        and all(_is_fact(fact) for fact in rail.facts)
    )


def takes_destination(rail: RailRecord, details: bytes) -> bool:
    """Return whether the rail can pay to where the packed details of a payout lead.

    A country counts where it is known: as stated, or as the first letters of an IBAN.
    """
    if not (rail.destination_kinds or rail.countries or rail.account_number_bytes_max):
        return True
    routing = routing_of(details)
    if routing is None:
        return False
    number_bytes_max = rail.account_number_bytes_max
    country = routing.country
    return (
        (not rail.destination_kinds or routing.kind in rail.destination_kinds)
        and (not number_bytes_max or len(routing.account_number) <= number_bytes_max)
        and (not rail.countries or not country or country in rail.countries)
    )


def _is_window(window: Window) -> bool:
    layers = [cut_off.layer for cut_off in window.cut_offs]
    return (
        0 < len(layers) == len(set(layers))
        and _is_wall_time(window.opens)
        and all(
            _is_wall_time(cut_off.at) and window.opens < cut_off.at
            for cut_off in window.cut_offs
        )
        and 0 <= window.value_days <= _DAYS_APART_MAX
        and 0 <= window.arrives_second < DAY_S
    )


def _is_wall_time(at: WallTime) -> bool:
    return abs(at.days) <= _DAYS_APART_MAX and 0 <= at.second < DAY_S


def _is_fact(fact: Fact) -> bool:
    return (
        fact.field in FIELDS
        and 0 < len(fact.source.encode()) <= RAIL_FACT_BYTES_MAX
        and len(fact.as_of.encode()) + len(fact.effective_from.encode())
        <= RAIL_FACT_BYTES_MAX
    )
