"""The commands that change the rail catalogue: versions of records, from a log time on. 2.7, 8.

`request_id` and `principal` are those of every keyed call. The version of a record is given by the
log, and an `effective_from_us` in the past means: from this entry on.
"""

from dataclasses import dataclass
from typing import TypeAlias

from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.rails import RailRecord


@dataclass(frozen=True, slots=True)
class SetCatalogue:
    """A new version of each of these rails. 8.1."""

    request_id: bytes
    rails: tuple[RailRecord, ...]
    principal: str


@dataclass(frozen=True, slots=True)
class AmendCalendar:
    """A new version of a calendar, as a whole. 8.3."""

    request_id: bytes
    calendar: Calendar
    principal: str


@dataclass(frozen=True, slots=True)
class SuspendRail:
    """Dispatch nothing by a rail from this entry on, or again. 7.5."""

    request_id: bytes
    rail: int
    is_suspended: bool
    reason: str
    principal: str


CatalogueCommand: TypeAlias = SetCatalogue | AmendCalendar | SuspendRail
