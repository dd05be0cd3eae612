"""Scheduled payouts get their dates from the calendar: when they are let go, and when they arrive.

The leader proposes a `Redate` for each scheduled payout whose dates are not those that the calendar
in force at its release gives (ledger.md 8.3): once after it was submitted, and again when an
amendment touches it. It looks at a page of them at a time. A payout that the calendar does not
touch costs no entry, and one that two leaders find is redated once: the ledger refuses a version
that the payout has already.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.payouts import (
    PayoutHead,
    PayoutState,
    PayoutStatus,
    rail_now,
    status_of,
)
from ledgerd.ledger.timers import Timer
from ledgerd.observability import logs
from ledgerd.timetable.days import date_of
from ledgerd.timetable.windows import slot

log = logs.get(__name__)
PAGE_ROWS: Final = 256  # scheduled payouts looked at in one read
PROPOSALS_MAX: Final = 32  # under way at a time
REST_S: Final = (
    5.0  # after the last page, and between pages that nothing has changed for
)


class Dates(NamedTuple):
    """When a scheduled payout is let go, log time, and arrives, yyyymmdd; of which calendar."""

    release_at_us: int
    arrival_date: int
    calendar_version: int


class Scheduled(NamedTuple):
    """One scheduled payout as it stands in the state."""

    head: PayoutHead
    status: PayoutStatus | None


class Page(NamedTuple):
    """Some scheduled payouts in the order of their releases, and the catalogue beside them.

    last: where the next page goes on; None behind the last one. log_time_us: of the state.
    """

    payouts: Sequence[Scheduled]
    last: Timer | None
    catalogue: Catalogue
    log_time_us: int


class Schedule(Protocol):
    """What the redater needs of the node that leads."""

    def term(self) -> int | None:
        """Return the term in which this node leads and serves; None otherwise."""
        ...

    async def page(self, after: Timer | None, rows_max: int) -> Page | None:
        """Return scheduled payouts behind `after`; None where they cannot be read now."""
        ...

    async def redate(self, payout_id: bytes, dates: Dates) -> None:
        """Propose new dates; whatever comes of it, the next look finds what is so."""
        ...


def dates_due(
    payout: Scheduled, catalogue: Catalogue, log_time_us: int
) -> Dates | None:
    """Return the dates that a payout should have and has not; None where it has them.

    It is let go when the first window opens that is not over at the client's time of release, and
    arrives on that window's value day. A rail without a record, or that never closes, gives none.
    Raises ValueError where the calendar ends before that, or the zone is unknown.
    """
    head, status = payout.head, status_of(payout.head, payout.status)
    if status.state is not PayoutState.SCHEDULED:
        return None
    at_us = max(head.release_at_us, log_time_us)
    record = catalogue.rail(rail_now(head, payout.status), at_us)
    if record is None or record.is_always_open:
        return None
    calendar = catalogue.calendar(record.calendar, at_us)
    if calendar is None or calendar.version <= status.calendar_version:
        return None
    found = slot(record, calendar, at_us)
    day = date_of(found.value_day)
    due = Dates(
        max(head.release_at_us, found.opens_us),
        day.year * 10_000 + day.month * 100 + day.day,
        calendar.version,
    )
    before_us = status.release_at_us or head.release_at_us
    has_them = (before_us, status.arrival_date) == due[:2]
    return None if has_them else due


class Redater:
    """Keeps the dates of scheduled payouts, on the leader alone. Belongs to the loop."""

    def __init__(self, schedule: Schedule, *, rest_s: float = REST_S) -> None:
        self._schedule = schedule
        self._rest_s = rest_s
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look at page after page while this node leads. Endless."""
        after: Timer | None = None
        looked_with: Catalogue | None = None
        is_news = False
        while True:
            if self._schedule.term() is None:
                after = looked_with = None
                await asyncio.sleep(self._rest_s)
                continue
            page = await self._schedule.page(after, PAGE_ROWS)
            if page is not None:
                if after is None:
                    is_news = page.catalogue != looked_with
                    looked_with = page.catalogue
                await self._redate(page)
                after = page.last
            # An amendment touches all of them at once; otherwise there is no hurry.
            if page is None or after is None or not is_news:
                await asyncio.sleep(self._rest_s)

    async def _redate(self, page: Page) -> None:
        due: list[tuple[bytes, Dates]] = []
        for payout in page.payouts:
            try:
                dates = dates_due(payout, page.catalogue, page.log_time_us)
            except ValueError as error:
                self._tell(str(error))
                continue
            if dates is not None:
                due.append((payout.head.payout_id, dates))
        for start in range(0, len(due), PROPOSALS_MAX):
            part = due[start : start + PROPOSALS_MAX]
            await asyncio.gather(*(self._schedule.redate(*one) for one in part))

    def _tell(self, why: str) -> None:
        """Say once that a calendar ends too early: its payouts keep the dates they have."""
        if why not in self._told:
            self._told.add(why)
            log.warning("payouts_not_dated", why=why)
