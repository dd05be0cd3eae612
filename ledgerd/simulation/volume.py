"""One LMDB environment as a power cut sees it: tables, and the commits that were not synced.

A commit is whole or absent, as LMDB promises. A synced one stays; of those after the last sync a
power cut keeps the first few or none. Each commit is kept as what undoes it, so the tables always
show the newest state and a cut rolls back.

After a failed sync nothing written later is believed to be durable, whatever later syncs answer:
the kernel may have marked the pages clean (T8). A disk that lies answers the same way, from the
start.
"""

import errno
from bisect import bisect_left, insort
from collections.abc import Callable
from random import Random
from typing import NamedTuple

ROW_BYTES = 16  # what a row costs beside its key and value, about LMDB's node header


class SimulatedCrash(BaseException):
    """The node has stopped inside a commit. Only its driver may catch this."""


class Table:
    """Values by key, and the keys in order."""

    __slots__ = ("keys", "values")

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.keys: list[bytes] = []

    def set(self, key: bytes, value: bytes | None) -> None:
        """Put a value, or with None remove the key if it is there."""
        if value is None:
            if self.values.pop(key, None) is not None:
                del self.keys[bisect_left(self.keys, key)]
            return
        if key not in self.values:
            if not self.keys or key > self.keys[-1]:
                self.keys.append(key)
            else:
                insort(self.keys, key)
        self.values[key] = value


class Before(NamedTuple):
    """A row as it was, None where there was none; written: what should stand there instead."""

    value: bytes | None
    written: bytes | None


Undo = dict[tuple[str, bytes], Before]


class Volume:
    """The tables of one environment, over all incarnations of its node.

    Attributes:
        tables: by name.
        damaged: rows that hold something else than was last written, and what that was; writing
            mends them.
        incarnation: rises with each crash; handles of an older one are dead.
        lies: syncs are answered and not done.
        used_bytes, capacity_bytes: of all rows; a commit beyond the capacity fails with ENOSPC.
        overwritten: what stood in a row before its last change, where something did.
        commits, syncs: how many there were.
        on_write: called once for each commit that writes and each sync.
    """

    def __init__(self, name: str, rng: Random, *, is_synced_by_commit: bool) -> None:
        self.name = name
        self.tables: dict[str, Table] = {}
        self.damaged: dict[tuple[str, bytes], bytes] = {}
        self.incarnation = 1
        self.lies = False
        self.used_bytes = 0
        self.capacity_bytes: int | None = None
        self.overwritten: dict[tuple[str, bytes], bytes] = {}
        self.commits = 0
        self.syncs = 0
        self.on_write: Callable[[], None] = _take_no_time
        self._rng = rng
        self._is_synced_by_commit = is_synced_by_commit
        self._unsynced: list[Undo] = []
        self._ghost: dict[tuple[str, bytes], bytes | None] | None = None
        self._has_failed = False
        self._plans: dict[int, Callable[[bool], None]] = {}

    @property
    def unsynced(self) -> int:
        """How many commits a power cut may undo."""
        return len(self._unsynced)

    def rows_at_risk(self) -> dict[tuple[str, bytes], bytes | None]:
        """Return the rows that a power cut may undo, as the last sync left them."""
        rows: dict[tuple[str, bytes], bytes | None] = {}
        for undo in self._unsynced:
            for where, before in undo.items():
                rows.setdefault(where, before.value)
        return rows

    # What a transaction does.

    def set(self, undo: Undo, table: str, key: bytes, value: bytes | None) -> None:
        """Change a row in place, keeping in `undo` what it was before."""
        rows = self.tables[table]
        where = table, key
        old = rows.values.get(key)
        if where not in undo:
            undo[where] = Before(old, self.damaged.get(where))
            if old is not None:
                self.overwritten[where] = old
        self.damaged.pop(where, None)
        self._count(key, old, value)
        rows.set(key, value)

    def undo(self, undo: Undo) -> None:
        """Put rows back as they were."""
        for (table, key), before in undo.items():
            rows = self.tables[table]
            self._count(key, rows.values.get(key), before.value)
            rows.set(key, before.value)
            if before.written is not None:
                self.damaged[table, key] = before.written
            else:
                self.damaged.pop((table, key), None)

    def commit(self, undo: Undo) -> None:
        """Make a transaction's changes stay, synced if this volume syncs its commits.

        Raises OSError when the disk is full or told to fail, after which nothing has changed;
        SimulatedCrash when it is told to crash here.
        """
        self.commits += 1
        self.on_write()
        plan = self._plans.pop(self.commits, None)
        try:
            if plan is not None:
                plan(False)
            if self.capacity_bytes is not None:
                self._refuse_if_full()
        except OSError as error:
            if error.errno == errno.EIO:
                self._fail(undo)
            self.undo(undo)
            raise
        except SimulatedCrash:
            self.undo(undo)
            raise
        self._ghost = None
        self._unsynced.append(undo)
        if plan is not None:
            plan(True)
        if self._is_synced_by_commit:
            self._settle()

    def sync(self) -> None:
        """Make all commits durable, if the disk is honest."""
        self.syncs += 1
        self.on_write()
        self._settle()

    # What is done to it.

    def plan(self, number: int, deed: Callable[[bool], None]) -> None:
        """Let `deed` raise in the number-th commit from now: asked before it, and before its sync.

        Its argument says which: False before anything, True with the rows written and not synced.
        """
        assert number >= 1, number
        self._plans[self.commits + number] = deed

    def replace(self, tables: dict[str, Table]) -> None:
        """Put other tables in the place of these, durably: a file renamed over another."""
        self.tables = tables
        self.damaged.clear()
        self.overwritten.clear()
        self._unsynced.clear()
        self._ghost = None
        self.used_bytes = sum(
            len(key) + len(value) + ROW_BYTES
            for table in tables.values()
            for key, value in table.values.items()
        )

    def forget_plans(self) -> None:
        """Let nothing raise that was planned."""
        self._plans.clear()

    def crash(self, *, power: bool) -> int:
        """Stop the node that uses it; a power cut undoes unsynced commits, returns how many."""
        self.incarnation += 1
        self._plans.clear()
        lost = self._rng.randint(0, len(self._unsynced)) if power else 0
        for _ in range(lost):
            self.undo(self._unsynced.pop())
        if power:
            if self._ghost is not None and not lost and self._rng.random() < 0.5:
                for (table, key), value in self._ghost.items():
                    self.set({}, table, key, value)
            self._unsynced.clear()  # what the disk shows after the cut is what it has
        self._has_failed = False
        self._ghost = None
        return lost

    def damage(self, table: str, key: bytes, value: bytes | None) -> None:
        """Put something else in the place of a row, as if it had always been there."""
        rows = self.tables[table]
        self.damaged.setdefault((table, key), rows.values[key])
        self._count(key, rows.values.get(key), value)
        rows.set(key, value)

    def wipe(self) -> None:
        """Lose everything."""
        self.crash(power=False)
        self.tables = {}
        self.damaged.clear()
        self.overwritten.clear()
        self._unsynced.clear()
        self._has_failed = False
        self.used_bytes = 0

    def _settle(self) -> None:
        if not self.lies and not self._has_failed:
            self._unsynced.clear()

    def _fail(self, undo: Undo) -> None:
        """Remember a commit whose sync failed: a cut may show it, and later syncs are void."""
        self._has_failed = True
        self._ghost = {
            (table, key): self.tables[table].values.get(key) for table, key in undo
        }

    def _refuse_if_full(self) -> None:
        assert self.capacity_bytes is not None
        if self.used_bytes > self.capacity_bytes:
            raise OSError(errno.ENOSPC, "no space left on the simulated device")

    def _count(self, key: bytes, old: bytes | None, new: bytes | None) -> None:
        if old is not None:
            self.used_bytes -= len(key) + len(old) + ROW_BYTES
        if new is not None:
            self.used_bytes += len(key) + len(new) + ROW_BYTES


def _take_no_time() -> None:
    """Let writes be instant."""
