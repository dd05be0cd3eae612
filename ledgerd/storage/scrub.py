"""The background reading of everything, so that rot is found while a good copy still exists (F37).

LMDB does not notice a flipped bit, and what nobody reads rots unseen (T74, T85). The scrub reads
`log/` and `state/` again and again, in short read transactions and at a bounded rate, standing back
while others want the processor, and reports
what fails: a log value goes to the core, which repairs it from peers (F34); a row of the state
fences the node, which builds the state anew. The copies kept for peers are read too, by whoever
keeps them: one that rotted is to be dropped before it is offered (T90).

Memory is not disk: LMDB reads through the page cache, so what rotted on disk is seen once its pages
were dropped from memory, at the latest after a restart.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import lmdb

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.formats.entries import decode, link_of
from ledgerd.formats.records import Table
from ledgerd.raft.entries import Entry, Index
from ledgerd.replica.pace import Pace, rest_s
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment
from ledgerd.storage.rows import check_row
from ledgerd.storage.tables import DAMAGE, Tables

CHUNK_BYTES: Final = 1 << 20  # of one read transaction on log/
CHUNK_ROWS: Final = (
    50  # of one on state/: who waits for the interpreter waits for these
)
REST_PER_WORK: Final = 4.0  # a fifth of a core at most, less where others want it
COUNTED_ROWS_MAX: Final = (
    100_000  # of a table whose rows are counted in one transaction
)
_BY_INDEX: Final = frozenset(
    {Table.PAYOUT, Table.PAYOUT_STATE, Table.JOURNAL, Table.EVENT}
)


class Passed(NamedTuple):
    """What one pass read: log entries, rows of the state, bytes of both and of the copies."""

    entries: int
    rows: int
    size_bytes: int


class Scrub:
    """Reads a data directory over and over. Runs on a thread of its own.

    rest_per_work: how often it rests as long as it worked; 0 where nobody else is at work.
    on_slot: a log value fails its check. on_damage: a row of the state does; told once a pass.
    read_copies: reads the copies kept for peers; it calls what it is given after each piece, with
    the bytes of it, and ends when the answer is False.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        bytes_per_s: int,
        rest_s: float,
        rest_per_work: float = REST_PER_WORK,
        on_slot: Callable[[Index], None],
        on_damage: Callable[[str], None],
        on_pass: Callable[[Passed], None] = lambda _: None,
        read_copies: Callable[[Callable[[int], bool]], None] = lambda _: None,
    ) -> None:
        self._environment = environment
        self._pace = Pace(bytes_per_s, time.monotonic)
        self._rest_s = rest_s
        self._rest_per_work = rest_per_work
        self._on_slot = on_slot
        self._on_damage = on_damage
        self._on_pass = on_pass
        self._read_copies = read_copies
        self._stop = threading.Event()
        self._entries = self._rows = self._bytes = 0
        self._began()

    def run(self) -> None:
        """Read until `stop` is called. Errors: StorageError, CorruptionError beyond repair."""
        while not self._stop.is_set():
            self._on_pass(self.pass_once())
            self._stop.wait(self._rest_s)

    def stop(self) -> None:
        """Let `run` return soon. Any thread."""
        self._stop.set()

    def pass_once(self) -> Passed:
        """Read everything once, and report what fails."""
        self._entries = self._rows = self._bytes = 0
        self._began()
        try:
            self._read_copies(self._waits)
            self._read_log()
            try:
                self._read_state()
            except CorruptionError as error:
                self._on_damage(str(error))
        except (lmdb.Error, OSError) as error:
            raise StorageError(f"{self._environment.directory}: {error}") from error
        return Passed(self._entries, self._rows, self._bytes)

    def _waits(self, size_bytes: int) -> bool:
        """Keep the pace, and rest longer than it worked; return whether to go on.

        The interpreter runs one thread at a time, and this one is never in a hurry.
        """
        self._bytes += size_bytes
        rest = rest_s(
            time.monotonic() - self._began_at_s,
            time.thread_time() - self._used_s,
            self._rest_per_work,
        )
        goes_on = not self._stop.wait(max(self._pace.wait_s(size_bytes), rest))
        self._began()
        return goes_on

    def _began(self) -> None:
        """Count the work from here on."""
        self._began_at_s = time.monotonic()
        self._used_s = time.thread_time()

    # log/

    def _read_log(self) -> None:
        start = Index(0)
        while True:
            chunk, size_bytes, is_last = self._log_chunk(start)
            for index in suspects(chunk, is_last=is_last):
                self._on_slot(index)
            if not self._waits(size_bytes) or is_last:
                return
            start = max(chunk[-1][0], Index(start + 1))  # one again, for the links

    def _log_chunk(
        self, start: Index
    ) -> tuple[list[tuple[Index, Entry | None]], int, bool]:
        """Return entries from `start` on, decoded; None where the value is bad or missing."""
        environment = self._environment
        table = environment.log_tables[keys.ENTRIES]
        chunk: list[tuple[Index, Entry | None]] = []
        size_bytes = 0
        try:
            with (
                environment.log.begin(table, None, False, True) as transaction,
                transaction.cursor() as cursor,
            ):
                more = cursor.set_range(keys.index_key(start))
                while more and size_bytes < CHUNK_BYTES:
                    index, value = keys.index_of(cursor.key()), cursor.value()
                    if chunk:
                        chunk += _hole(chunk[-1][0], index)
                    chunk.append((index, decode(value, index).entry))
                    size_bytes += len(value)
                    more = cursor.next()
        except DAMAGE as error:
            # What holds the values together is broken: there is no slot to repair.
            raise CorruptionError(f"{environment.directory}/log: {error}") from error
        self._entries += len(chunk)
        return chunk, size_bytes, not more

    # state/

    def _read_state(self) -> None:
        self._check_ends()
        for table in Table:
            self._count(table)
            start: bytes | None = b""
            while start is not None:
                start, size_bytes = self._state_chunk(table, start)
                if not self._waits(size_bytes):
                    return

    def _state_chunk(self, table: Table, start: bytes) -> tuple[bytes | None, int]:
        """Check rows from `start` on; return where to go on, None at the end, and their bytes.

        The row behind the last is looked at too, and the last one again: a row out of order at the
        seam would lead the search for where to go on astray.
        """
        environment = self._environment
        size_bytes, count, before = 0, 0, b""
        try:
            with environment.reading(), environment.state.begin() as transaction:
                tables = Tables(environment, transaction)
                applied = tables.applied().index
                for key, value in tables.scan(table, start=start):
                    if key <= before and count:
                        raise CorruptionError(f"{_named(table, key)}: out of order")
                    if count == CHUNK_ROWS:
                        return before, size_bytes
                    if table in _BY_INDEX and keys.index_of(key[:8]) > applied:
                        raise CorruptionError(
                            f"{_named(table, key)}: only {applied} was applied"
                        )
                    check_row(tables, table, key, value)
                    before, count = key, count + 1
                    self._rows += key != start
                    size_bytes += len(key) + len(value)
        except DAMAGE as error:
            raise CorruptionError(f"state/, table {table}: {error}") from error
        return None, size_bytes

    def _check_ends(self) -> None:
        """Compare the last event with the number that the next one is counted from (I11)."""
        environment = self._environment
        try:
            with environment.reading(), environment.state.begin() as transaction:
                tables = Tables(environment, transaction)
                stated, last = tables.event_seq(), tables.last_event()
        except DAMAGE as error:
            raise CorruptionError(f"state/, table meta: {error}") from error
        found = 0 if last is None else last.seq
        if stated != found:
            raise CorruptionError(
                f"state/, table meta: event seq {stated}, the last event has {found}"
            )

    def _count(self, table: Table) -> None:
        """Compare how many rows can be reached with how many there should be."""
        environment = self._environment
        try:
            with environment.reading(), environment.state.begin() as transaction:
                tables = Tables(environment, transaction)
                stated = tables.count(table)
                if stated > COUNTED_ROWS_MAX:
                    return
                found = sum(1 for _ in tables.scan(table))
        except DAMAGE as error:
            raise CorruptionError(f"state/, table {table}: {error}") from error
        if found != stated:
            raise CorruptionError(
                f"state/, table {table}: {found} rows can be reached, {stated} were written"
            )


def suspects(chunk: list[tuple[Index, Entry | None]], *, is_last: bool) -> list[Index]:
    """Return the slots that are bad, or that are in the place of others (T87).

    Of two intact neighbours that do not link, the one stays that its own successor links to; at
    the end of a chunk that is not the last one, the next chunk tells.
    """
    found = [index for index, entry in chunk if entry is None]
    for offset in range(1, len(chunk)):
        before, entry = chunk[offset - 1][1], chunk[offset][1]
        if before is None or entry is None or link_of(before.link, entry) == entry.link:
            continue
        after = chunk[offset + 1][1] if offset + 1 < len(chunk) else None
        if after is not None and link_of(entry.link, after) == after.link:
            found.append(before.index)
        elif after is not None or is_last:
            found.append(entry.index)
    return sorted(set(found))


def _hole(last: Index, next_: Index) -> list[tuple[Index, Entry | None]]:
    return [(Index(index), None) for index in range(last + 1, next_)]


def _named(table: Table, key: bytes) -> str:
    return f"state/, table {table}, key {key.hex()}"
