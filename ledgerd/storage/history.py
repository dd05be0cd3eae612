"""What accounts were: balances at any index or time, and the entries between two of them.

Each entry of an account points to the one before it, and every 64th has a landmark, so any entry is
at most 63 steps back from a landmark or from the last one (ledger.md 2.6). Nothing here changes any
more once it is written, so pages of a statement are exact however many reads they take.
"""

from typing import Final, NamedTuple

from ledgerd.errors import CorruptionError
from ledgerd.formats import records
from ledgerd.formats.records import ACCOUNT_MARK_EVERY, Table
from ledgerd.ledger.accounts import (
    NO_ENTRY,
    Account,
    Balances,
    EntryPosition,
    Position,
    normal_side,
)
from ledgerd.ledger.events import Event
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.journal import EntryReason, JournalEntry, Touched
from ledgerd.ledger.payouts import PayoutStatus
from ledgerd.raft.entries import Index
from ledgerd.storage.tables import Tables

NOTHING: Final = Balances(0, 0, 0, 0, 0)


class Standing(NamedTuple):
    """What an account had at an index: after `sequence` entries, these balances.

    position: of the last of those entries; NO_ENTRY before the first.
    """

    sequence: int
    balances: Balances
    position: EntryPosition


BEFORE_ALL: Final = Standing(0, NOTHING, NO_ENTRY)


class Line(NamedTuple):
    """One entry of an account: what it did, and what it left.

    change: of each balance, minor units. event: the first of the command that posted it; its
    subject and log time are the entry's. value_date: of a settlement, as yyyymmdd, the day on
    which the rail booked it; 0 where it told none, and for all else.
    """

    position: EntryPosition
    sequence: int
    reason: str
    change: Balances
    after: Balances
    event: Event
    value_date: int


def standing_at(tables: Tables, account: Account, index: Index) -> Standing:
    """Return what the account had once every entry of the log up to `index` was applied."""
    if account.last_entry[0] <= index:
        return Standing(account.sequence, account.balances, account.last_entry)
    low, high = (
        0,
        account.sequence // ACCOUNT_MARK_EVERY,
    )  # marks at or before the index
    while low < high:
        middle = (low + high + 1) // 2
        position, _ = _mark(tables, account, middle * ACCOUNT_MARK_EVERY)
        if position[0] <= index:
            low = middle
        else:
            high = middle - 1
    position = _landmark(tables, account, (low + 1) * ACCOUNT_MARK_EVERY)
    while position != NO_ENTRY:
        touched = _touched(_entry(tables, position), account)
        if position[0] <= index:
            return Standing(touched.sequence, touched.balances, position)
        position = touched.previous
    return BEFORE_ALL


def lines(tables: Tables, account: Account, *, first: int, last: int) -> list[Line]:
    """Return the account's entries numbered `first` .. `last`, in order.

    Work is proportional to their number, and 64 more. Both exist, or `last` is `first - 1`.
    """
    assert 1 <= first <= last + 1 <= account.sequence + 1, (first, last, account)
    found: list[Line] = []
    if last < first:
        return found
    position = _landmark(tables, account, last)
    while position != NO_ENTRY:
        entry = _entry(tables, position)
        touched = _touched(entry, account)
        if touched.sequence < first:
            break
        if touched.sequence <= last:
            found.append(_line(tables, entry, touched))
        position = touched.previous
    found.reverse()
    if [line.sequence for line in found] != list(range(first, last + 1)):
        raise CorruptionError(
            f"state/, table journal: expected entries {first} .. {last} of account "
            f"{account.account_id.hex()}, found {len(found)}"
        )  # I11
    return found


def status_at(
    tables: Tables, payout: Position, index: Index
) -> tuple[PayoutStatus | None, int]:
    """Return the status of a payout at `index`, None for that of its head, and the steps back."""
    status = tables.payout_status(payout)
    steps = 0
    while status is not None and status.last_entry[0] > index:
        status = tables.payout_past(status.last_entry, payout)
        steps += 1
    return status, steps


def index_at(tables: Tables, time_us: int, applied: Index) -> Index:
    """Return up to which index the log had come at log time `time_us`, microseconds.

    Of the indexes up to `applied`, the last one before the first event that is later: nothing that
    anybody can see happened between it and that time.
    """
    low, high = 0, int(applied)
    while low < high:
        middle = (low + high) // 2
        later = _first_event_from(tables, Index(middle + 1))
        if later is None or later.ts_us > time_us:
            high = middle
        else:
            low = later.position[0]
    return Index(low) if _is_later_event(tables, low) else applied


def _is_later_event(tables: Tables, index: int) -> bool:
    return _first_event_from(tables, Index(index + 1)) is not None


def _first_event_from(tables: Tables, index: Index) -> Event | None:
    """Return the first event at or above a log index."""
    for key, value in tables.scan(Table.EVENT, start=records.entry_key((index, 0, 0))):
        return records.decode_event(key, value)
    return None


def _event_of(tables: Tables, position: EntryPosition) -> Event:
    """Return the first event of the command that posted an entry."""
    index, ordinal, _ = position
    start = records.entry_key((index, ordinal, 0))
    for key, value in tables.scan(Table.EVENT, start=start):
        event = records.decode_event(key, value)
        if event.position[:2] == position[:2]:
            return event
        break
    raise CorruptionError(
        f"state/, table event, key {start.hex()}: expected an event of the command that posted "
        "an entry, found none"
    )


def _mark(
    tables: Tables, account: Account, sequence: int
) -> tuple[EntryPosition, Balances]:
    """Return the landmark at one of the multiples of 64."""
    found = tables.account_mark(account.account_id, sequence)
    if found is None:
        key = records.account_mark_key(account.account_id, sequence)
        raise CorruptionError(
            f"state/, table account_mark, key {key.hex()}: expected a landmark, found none"
        )
    return found


def _landmark(tables: Tables, account: Account, sequence: int) -> EntryPosition:
    """Return the position of the nearest known entry at or after `sequence`."""
    rounded = -(-sequence // ACCOUNT_MARK_EVERY) * ACCOUNT_MARK_EVERY
    if rounded > account.sequence:
        return account.last_entry
    return _mark(tables, account, rounded)[0]


def _entry(tables: Tables, position: EntryPosition) -> JournalEntry:
    entry = tables.journal(position)
    if entry is None:
        key = records.entry_key(position)
        raise CorruptionError(
            f"state/, table journal, key {key.hex()}: another entry points to it, and it is missing"
        )
    return entry


def _touched(entry: JournalEntry, account: Account) -> Touched:
    for touched in entry.touched:
        if touched.account_id == account.account_id:
            return touched
    key = records.entry_key(entry.position)
    raise CorruptionError(
        f"state/, table journal, key {key.hex()}: an entry of account "
        f"{account.account_id.hex()} points to it, and it does not touch it"
    )


def _line(tables: Tables, entry: JournalEntry, touched: Touched) -> Line:
    change = [0] * len(NOTHING)
    for leg in entry.legs:
        if leg.account.is_customer and leg.account.subject == touched.account_id:
            is_more = leg.side is normal_side(leg.account.kind)
            change[leg.account.kind - 1] += (
                leg.amount_minor if is_more else -leg.amount_minor
            )
    event = _event_of(tables, entry.position)
    return Line(
        entry.position,
        touched.sequence,
        entry.reason.name.lower(),
        Balances(*change),
        touched.balances,
        event,
        _value_date(tables, entry, event),
    )


def _value_date(tables: Tables, entry: JournalEntry, event: Event) -> int:
    """Return the day on which a rail booked a settlement, as it said then; 0 for other entries."""
    if entry.reason is not EntryReason.SETTLE:
        return 0
    kept = tables.id(IdKind.PAYOUT, event.subject)
    if kept is None:
        raise CorruptionError(
            f"state/, table id: expected the payout {event.subject.hex()} of a settlement, found "
            "none"
        )
    position = (kept.index, kept.ordinal)
    status, _ = status_at(tables, position, Index(entry.position[0]))
    return 0 if status is None else status.value_date
