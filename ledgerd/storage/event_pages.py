"""Events by number, read in pages: each page is one short read transaction.

Rows of `event` stand in the order of their numbers, and the numbers have no gap (I11), so an event
is found by counting keys from the nearest row of `event_seek`, and a page by reading on from where
the one before ended. A number that is not the one expected is damage, never an answer.
"""

from collections.abc import Callable
from typing import NamedTuple

from ledgerd.errors import CorruptionError
from ledgerd.formats import records
from ledgerd.formats.records import EVENT_SEEK_EVERY, Table
from ledgerd.ledger.accounts import EntryPosition
from ledgerd.ledger.events import Event
from ledgerd.storage.tables import Tables


class EventRange(NamedTuple):
    """The events that are kept: oldest .. newest, inclusive; newest = oldest - 1 for none."""

    oldest: int
    newest: int


class EventPoint(NamedTuple):
    """Between two events: behind the one numbered `seq`, 0 for before the first.

    position: of that event, which saves finding it; None if it is not known.
    """

    seq: int
    position: EntryPosition | None = None


class EventPage(NamedTuple):
    """The events behind a point that a filter kept, with where the page ended.

    events: in order; those of one command are in one page. scanned: how many were looked at.
    is_last: there was no further event at the index of the read.
    """

    events: list[Event]
    end: EventPoint
    scanned: int
    is_last: bool


def event_range(tables: Tables) -> EventRange:
    """Return which events are kept."""
    newest = tables.event_seq()
    for key, value in tables.scan(Table.EVENT):
        return EventRange(records.decode_event(key, value).seq, newest)
    return EventRange(newest + 1, newest)


def event(tables: Tables, seq: int) -> Event | None:
    """Return the event of this number, None if it is not kept."""
    kept = event_range(tables)
    if not kept.oldest <= seq <= kept.newest:
        return None
    page = event_page(tables, EventPoint(seq - 1), rows_max=1, scan_max=1)
    assert page.events[0].seq == seq, (seq, page)
    return page.events[0]


def event_page(
    tables: Tables,
    point: EventPoint,
    *,
    rows_max: int,
    scan_max: int,
    keep: Callable[[Event], bool] | None = None,
) -> EventPage:
    """Return events behind `point`, which is kept or the end of what is.

    At most `rows_max` are kept and `scan_max` looked at, but for those of one command, which stay
    together: a page may have a few more. Errors: CorruptionError where numbers have a gap. # I11.
    """
    start = _start_of(tables, point)
    events: list[Event] = []
    end, scanned = point, 0
    for key, value in tables.scan(Table.EVENT, start=start):
        position = records.entry_position_of(key)
        is_full = len(events) >= rows_max or scanned >= scan_max
        if is_full and end.position is not None and position[:2] != end.position[:2]:
            return EventPage(events, end, scanned, is_last=False)
        found = records.decode_event(key, value)
        if found.seq != end.seq + 1:
            raise CorruptionError(
                f"state/, table event, key {key.hex()}: expected event {end.seq + 1}, found "
                f"{found.seq}"
            )
        end = EventPoint(found.seq, position)
        scanned += 1
        if keep is None or keep(found):
            events.append(found)
    return EventPage(events, end, scanned, is_last=True)


def _start_of(tables: Tables, point: EventPoint) -> bytes:
    """Return the smallest key behind a point."""
    if point.position is not None:
        return records.entry_key(point.position) + b"\0"
    start, first = b"", event_range(tables).oldest
    if point.seq == first - 1:
        return start
    sought = point.seq - point.seq % EVENT_SEEK_EVERY
    if sought >= first and (at := tables.event_seek(sought)) is not None:
        start, first = records.entry_key(at), sought
    for number, key in enumerate(tables.scan_keys(Table.EVENT, start=start), first):
        if number == point.seq:
            return key + b"\0"
    raise CorruptionError(
        f"state/, table event: expected event {point.seq}, found fewer rows"
    )
