"""Pages of log/ for whoever exports it: each is one short read transaction, on any thread.

The replica thread owns the log and never waits for this; a page is read beside it, as by the scrub.
Every value is checked as it is read: checksum, index, and its link to the one before. A slot that
fails is told and never shown (F33).
"""

from typing import Final, NamedTuple

import lmdb

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.formats.entries import decode, link_of
from ledgerd.raft.entries import Entry, Index
from ledgerd.storage import anchor as anchors
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment
from ledgerd.storage.tables import DAMAGE

PAGE_BYTES_MAX: Final = 256 * 1024  # of payloads in one transaction, but for one entry
PAGE_ENTRIES_MAX: Final = 256


class LogPage(NamedTuple):
    """Entries of the log from one index on.

    first_kept: the first entry there is. link: of the entry before the page; empty where the page
    is. entries: without a gap; empty where the first one is cut or corrupt. corrupt: the slot at
    which the page ends, because it fails its check; None for any other end.
    """

    first_kept: Index
    link: bytes
    entries: list[Entry]
    corrupt: Index | None


def log_page(
    environment: Environment,
    first: Index,
    last: Index,
    *,
    entries_max: int = PAGE_ENTRIES_MAX,
    bytes_max: int = PAGE_BYTES_MAX,
) -> LogPage:
    """Return entries from `first` on, none behind `last`, which is stored: at least one is.

    Both are 1 or more. Errors: CorruptionError for damage that is no slot's; StorageError.
    """
    assert 1 <= first <= last, (first, last)
    try:
        with environment.log.begin() as transaction:
            return _page(environment, transaction, first, last, entries_max, bytes_max)
    except DAMAGE as error:
        raise CorruptionError(f"{environment.directory}/log: {error}") from error
    except lmdb.Error as error:
        raise StorageError(f"{environment.directory}/log: {error}") from error


def _page(
    environment: Environment,
    transaction: "lmdb.Transaction[bytes]",
    first: Index,
    last: Index,
    entries_max: int,
    bytes_max: int,
) -> LogPage:
    table = environment.log_tables[keys.ENTRIES]
    anchor = anchors.unpack(
        transaction.get(keys.ANCHOR, db=environment.log_tables[keys.META]),
        where=f"{environment.directory}/log, table meta, key anchor",
    )
    first_kept = Index(anchor.at + 1)
    if first < first_kept:
        return LogPage(first_kept, b"", [], None)

    def stored(index: Index) -> Entry | None:
        value = transaction.get(keys.index_key(index), db=table)
        return None if value is None else decode(value, index).entry

    link = anchor.link
    if first > first_kept:
        before = stored(Index(first - 1))
        if before is None:
            return LogPage(first_kept, b"", [], Index(first - 1))
        link = before.link
    entries: list[Entry] = []
    size_bytes, previous = 0, link
    for index in map(Index, range(first, last + 1)):
        entry = stored(index)
        if entry is None or link_of(previous, entry) != entry.link:
            return LogPage(first_kept, link, entries, index)
        size_bytes += len(entry.payload)
        if entries and size_bytes > bytes_max:
            break
        entries.append(entry)
        if len(entries) == entries_max:
            break
        previous = entry.link
    return LogPage(first_kept, link, entries, None)
