"""Pages of log/ for whoever exports it: each is one short read transaction, on any thread.

The replica thread owns the log and never waits for this; a page is read beside it, as by the scrub.
Every value is checked as it is read: checksum, index, and the links to its neighbours. A slot that
fails is told and never shown (F33), also one whose record is whole and of another history (T87).
"""

from typing import Final, NamedTuple, TypeAlias

import lmdb

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.formats.entries import decode, link_of
from ledgerd.raft.entries import Entry, Index
from ledgerd.storage import anchor as anchors
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment
from ledgerd.storage.scrub import suspects
from ledgerd.storage.tables import DAMAGE

Chunk: TypeAlias = list[tuple[Index, Entry | None]]

PAGE_BYTES_MAX: Final = 256 * 1024  # of payloads in one transaction, but for one entry
PAGE_ENTRIES_MAX: Final = 256
_NEIGHBOURS: Final = 2  # behind a page: they vouch for its last entry, or do not (T87)


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

    chunk: Chunk = []
    if first > first_kept:
        chunk.append((Index(first - 1), stored(Index(first - 1))))
    size_bytes, stop = 0, Index(first)
    while stop <= last and stop < first + entries_max:
        entry = stored(stop)
        size_bytes += 0 if entry is None else len(entry.payload)
        if stop > first and size_bytes > bytes_max:
            break
        chunk.append((stop, entry))
        stop = Index(stop + 1)
    for index in map(Index, range(stop, stop + _NEIGHBOURS)):
        if transaction.get(keys.index_key(index), db=table) is None:
            break
        chunk.append((index, stored(index)))
    bad = suspects(chunk, is_last=True)
    head = chunk[0][1]
    if first == first_kept and head and link_of(anchor.link, head) != head.link:
        bad.append(first)
    end = min([stop, *bad])
    link = anchor.link
    if first > first_kept:
        link = head.link if head else b""
    entries = [entry for index, entry in chunk if entry and first <= index < end]
    corrupt = end if end < stop else None
    return LogPage(first_kept, link if entries else b"", entries, corrupt)
