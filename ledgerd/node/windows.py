"""The windows of payouts that may not wait for a later one, worked out before they are proposed.

Only the leader does this, from its own state, its clock and its time zones; the entry carries the
times and the versions of the settings that they come from. Where those are not in force any more
at the entry's time apply does nothing, and they are worked out and proposed again (ledger.md 6).
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, NamedTuple

from ledgerd.errors import NotLogged, Reason
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.commands import WindowTerms
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.rails import RailRecord
from ledgerd.node.courier import Decided, message_of
from ledgerd.timetable.days import date_of
from ledgerd.timetable.windows import Slot, slot

# Each attempt is an entry later than a change of settings; more in a row are no accident.
_ATTEMPTS_MAX: Final = 8


def has_windows(batch: PayoutBatch) -> bool:
    """Return whether a row must go with one window; most batches have none."""
    return any(terms.window is not None for terms in batch.terms.values())


async def propose_dated(
    batch: PayoutBatch,
    *,
    look: Callable[[], Awaitable[tuple[Catalogue, int]]],
    propose: Callable[[PayoutBatch], Awaitable[Decided]],
    clock_us: int,
) -> Decided:
    """Return what the log decided about a batch that has windows; never STALE_SETTINGS.

    look: the catalogue and the log time of the state as it is now. clock_us: time of this node's
    clock. After a stale entry only log time counts: that is what its settings are judged by.
    Raises what the two raise, and NotLogged where settings change faster than they are read.
    """
    catalogue, log_time_us = await look()
    now_us = max(clock_us, log_time_us)
    for _ in range(_ATTEMPTS_MAX):
        decided = await propose(with_windows(batch, catalogue, now_us))
        if decided.outcomes.codes[decided.first] != Outcome.STALE_SETTINGS:
            return decided
        catalogue, log_time_us = await look()
        now_us = max(decided.ts_us, log_time_us)
    raise NotLogged(Reason.SETTINGS_MOVED, message_of(Reason.SETTINGS_MOVED))


def with_windows(batch: PayoutBatch, catalogue: Catalogue, now_us: int) -> PayoutBatch:
    """Return the batch with the windows that are open at `now_us`, log time, or come next.

    Raises NotLogged where the catalogue does not say when the rail of such a row works.
    """
    found: dict[int, WindowTerms] = {}  # by rail
    terms = dict(batch.terms)
    for row, wanted in batch.terms.items():
        if wanted.window is None:
            continue
        rail = batch.rails[row]
        if rail not in found:
            found[rail] = window_of(catalogue, rail, now_us)
        terms[row] = wanted._replace(window=found[rail])
    return replace(batch, terms=terms)


class Dispatchable(NamedTuple):
    """What a rail in force makes of a payout that is dispatched now.

    value_date: yyyymmdd. is_open: the rail takes payments now. Versions as in `WindowTerms`;
    closes_us: log time, 0: never.
    """

    is_open: bool
    value_date: int
    rail_version: int
    calendar_version: int
    closes_us: int


def dispatchable(catalogue: Catalogue, rail: int, now_us: int) -> Dispatchable | None:
    """Return what holds of a dispatch at `now_us`, log time; None for a rail without a record.

    Raises NotLogged where the catalogue does not say when the rail works.
    """
    record = catalogue.rail(rail, now_us)
    if record is None:
        return None
    found = _slot_of(catalogue, record, now_us)
    versions = catalogue.window_versions(rail, now_us)
    day = date_of(found.value_day)
    return Dispatchable(
        found.opens_us <= now_us,
        day.year * 10_000 + day.month * 100 + day.day,
        *versions,
        found.closes_us,
    )


def window_of(catalogue: Catalogue, rail: int, now_us: int) -> WindowTerms:
    """Return a rail's window that is not over at `now_us`. Raises NotLogged as `with_windows`."""
    record = catalogue.rail(rail, now_us)
    if record is None:
        raise _unknown(f"expected a record of rail {rail} in force, found none")
    versions = catalogue.window_versions(rail, now_us)
    if record.is_always_open:
        return WindowTerms(0, 0, *versions)
    found = _slot_of(catalogue, record, now_us)
    return WindowTerms(found.opens_us, found.closes_us, *versions)


def _slot_of(catalogue: Catalogue, record: RailRecord, now_us: int) -> Slot:
    calendar = None
    if not record.is_always_open:
        calendar = catalogue.calendar(record.calendar, now_us)
        if calendar is None:
            why = f"expected the calendar {record.calendar} in force, found none"
            raise _unknown(why)
    try:
        return slot(record, calendar, now_us)
    except ValueError as error:  # the calendar ends, or this host lacks the zone
        raise _unknown(str(error)) from error


def _unknown(why: str) -> NotLogged:
    return NotLogged(
        Reason.WINDOW_UNKNOWN,
        f"nobody knows when the rail takes payments: {why}; see ledgerctl rail and calendar",
    )
