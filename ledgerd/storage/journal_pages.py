"""The journal in pages: each page is one short read transaction.

An entry's row does not repeat the log time of its log entry. It stands in the leaf of the audit
tree, or, for what is older than the tree, in the first event of the same log entry.
"""

from typing import NamedTuple

from ledgerd.errors import CorruptionError
from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import EntryPosition
from ledgerd.ledger.journal import JournalEntry
from ledgerd.raft.entries import Index
from ledgerd.storage.tables import Tables


class TimedEntry(NamedTuple):
    """A journal entry and the log time at which it was posted, microseconds."""

    entry: JournalEntry
    ts_us: int


class JournalPage(NamedTuple):
    """Journal entries in order. is_last: there is no further one up to the bound."""

    entries: list[TimedEntry]
    is_last: bool


def journal_page(
    tables: Tables, after: EntryPosition, *, bound: Index, rows_max: int
) -> JournalPage:
    """Return journal entries behind `after`, of log entries up to `bound`.

    after: (0, 0, 0) for the first page.
    """
    assert rows_max >= 1, rows_max
    times: dict[int, int] = {}
    found: list[TimedEntry] = []
    for key, value in tables.scan(
        Table.JOURNAL, start=records.entry_key(after) + b"\x00"
    ):
        entry = records.decode_journal(key, value)
        index = entry.position[0]
        if index > bound:
            break
        if len(found) == rows_max:
            return JournalPage(found, is_last=False)
        if index not in times:
            times[index] = _time_of(tables, index)
        found.append(TimedEntry(entry, times[index]))
    return JournalPage(found, is_last=True)


def _time_of(tables: Tables, index: int) -> int:
    first = tables.leaf(0)
    if first is not None and index >= first.index:
        leaf = tables.leaf(index - first.index)
        if leaf is not None:
            return leaf.ts_us
    for key, value in tables.scan(Table.EVENT, start=records.entry_key((index, 0, 0))):
        event = records.decode_event(key, value)
        if event.position[0] == index:
            return event.ts_us
        break
    raise CorruptionError(
        f"state/: log entry {index} posted to the journal and left no time anywhere"
    )
