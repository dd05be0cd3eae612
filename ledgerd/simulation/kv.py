"""The part of LMDB's Python interface that ledgerd's stores use, over a `Volume`.

So the stores that run in production run in the simulator too, unchanged. What each call returns is
what py-lmdb returns; a test drives both with the same random calls. One writer at a time; a reader
sees the last commit even beside an open write transaction, and must end before the next commit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final, NamedTuple

from ledgerd.simulation.volume import Table, Undo, Volume

PAGE_BYTES: Final = 4096
_MAIN: Final = ""  # the unnamed table, which holds the names of the others


class Handle(NamedTuple):
    """Names a table, as LMDB's own handles do."""

    name: str


class KvEnvironment:
    """`lmdb.Environment` over a volume. Dead after the next crash of the volume."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.writer: KvTransaction | None = None
        self._incarnation = volume.incarnation

    def open_db(self, key: bytes, *, create: bool = True) -> Handle:
        """Return the handle of a named table, made if there is none."""
        self.check()
        name = key.decode("ascii")
        if name not in self.volume.tables:
            assert create, f"no table {name}"
            self.volume.tables[name] = Table()
        return Handle(name)

    def begin(
        self,
        db: Handle | None = None,
        parent: None = None,
        write: bool = False,
        buffers: bool = False,
    ) -> "KvTransaction":
        """Open a transaction."""
        self.check()
        assert parent is None, "nested transactions are not modelled"
        transaction = KvTransaction(self, db, write=write, buffers=buffers)
        if write:
            assert self.writer is None, "a second writer would wait for ever"
            self.writer = transaction
        return transaction

    def sync(self, force: bool = False) -> None:
        """Make all commits durable."""
        self.check()
        self.volume.sync()

    def stat(self) -> dict[str, int]:
        """Return the size of a page."""
        return {"psize": PAGE_BYTES}

    def info(self) -> dict[str, int]:
        """Return the pages in use and the size of the map."""
        capacity = self.volume.capacity_bytes
        return {
            "last_pgno": self.volume.used_bytes // PAGE_BYTES,
            "map_size": 1 << 40 if capacity is None else capacity,
        }

    def close(self) -> None:
        """End an open write transaction; nothing is synced by that."""
        if self.writer is not None and self._incarnation == self.volume.incarnation:
            self.writer.abort()

    def check(self) -> None:
        """Assert that the process which opened this has not crashed."""
        assert self._incarnation == self.volume.incarnation, (
            f"{self.volume.name}/ is used by a process that has crashed"
        )


def may_put(rows: Table, key: bytes, *, overwrite: bool, append: bool) -> bool:
    """Return whether LMDB would put this row."""
    if append and rows.keys and key <= rows.keys[-1]:
        return False
    return overwrite or key not in rows.values


class KvTransaction:
    """`lmdb.Transaction`."""

    def __init__(
        self,
        environment: KvEnvironment,
        db: Handle | None,
        *,
        write: bool,
        buffers: bool,
    ) -> None:
        self._environment = environment
        self._volume = environment.volume
        self._db = db
        self._undo: Undo = {}
        self._is_write = write
        self._commits = environment.volume.commits
        self._is_open = True
        self._committed: dict[str, Table] = {}
        self.buffers = buffers

    def get(
        self, key: bytes, default: bytes | None = None, db: Handle | None = None
    ) -> bytes | memoryview | None:
        """Return a value."""
        if db is None and self._db is None:
            return b"" if key.decode("ascii") in self._volume.tables else default
        return self.show(self.table(db).values.get(key), default)

    def put(
        self,
        key: bytes,
        value: bytes,
        dupdata: bool = True,
        overwrite: bool = True,
        append: bool = False,
        db: Handle | None = None,
    ) -> bool:
        """Put a row; return whether it was put."""
        rows = self.table(db)
        if not may_put(rows, key, overwrite=overwrite, append=append):
            return False
        self.change(db, key, value)
        return True

    def delete(self, key: bytes, value: bytes = b"", db: Handle | None = None) -> bool:
        """Delete a row; return whether there was one."""
        if key not in self.table(db).values:
            return False
        self.change(db, key, None)
        return True

    def drop(self, db: Handle, delete: bool = True) -> None:
        """Empty a table."""
        assert not delete, "tables are emptied, never removed"
        for key in list(self.table(db).keys):
            self.change(db, key, None)

    def stat(self, db: Handle) -> dict[str, int]:
        """Return the number of rows, and about how many pages they take."""
        values = self.table(db).values
        size_bytes = sum(len(key) + len(value) for key, value in values.items())
        return {
            "entries": len(self.table(db).keys),
            "leaf_pages": -(-size_bytes // PAGE_BYTES),
            "branch_pages": 0,
            "overflow_pages": 0,
        }

    def cursor(self, db: Handle | None = None) -> "KvCursor":
        """Return a cursor that stands nowhere."""
        return KvCursor(self, db)

    def commit(self) -> None:
        """Make the changes stay."""
        self.check()
        self._is_open = False
        if self._is_write:
            self._environment.writer = None
            self._volume.commit(self._undo)

    def abort(self) -> None:
        """Take the changes back; nothing after a commit."""
        if not self._is_open:
            return
        self._is_open = False
        if self._is_write:
            self._environment.writer = None
            self._volume.undo(self._undo)

    def __enter__(self) -> "KvTransaction":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._is_open:
            self.commit()
        else:
            self.abort()

    # For the cursor.

    def table(self, db: Handle | None) -> Table:
        """Return the rows of a table as this transaction sees them."""
        self.check()
        handle = db or self._db
        assert handle is not None, "no table was named"
        writer = self._environment.writer
        if self._is_write or writer is None:
            return self._volume.tables[handle.name]
        return self._as_committed(handle.name, writer)

    def change(self, db: Handle | None, key: bytes, value: bytes | None) -> None:
        """Change a row."""
        self.check()
        assert self._is_write, "a read transaction writes"
        handle = db or self._db
        assert handle is not None, "no table was named"
        assert key, "a key is empty"
        assert len(key) <= 511, len(key)
        self._volume.set(
            self._undo, handle.name, key, None if value is None else bytes(value)
        )

    def show(
        self, value: bytes | None, default: bytes | None = None
    ) -> bytes | memoryview | None:
        """Return a value in the form asked for."""
        if value is None:
            return default
        return memoryview(value) if self.buffers else value

    def check(self) -> None:
        """Assert that it may be used: open, not crashed, and not outlived by a commit."""
        self._environment.check()
        assert self._is_open, "a transaction is used after its end"
        assert self._is_write or self._commits == self._volume.commits, (
            "a read transaction outlived a commit, which is not modelled"
        )

    def _as_committed(self, name: str, writer: "KvTransaction") -> Table:
        """Return a table without what the open write transaction has changed."""
        touched = [key for table, key in writer._undo if table == name]
        if not touched:
            return self._volume.tables[name]
        if name not in self._committed:
            live = self._volume.tables[name]
            before = Table()
            before.values, before.keys = dict(live.values), list(live.keys)
            for key in touched:
                before.set(key, writer._undo[name, key].value)
            self._committed[name] = before
        return self._committed[name]


class KvCursor:
    """`lmdb.Cursor`: stands on a key or nowhere."""

    def __init__(self, transaction: KvTransaction, db: Handle | None) -> None:
        self._transaction = transaction
        self._db = db
        self._key: bytes | None = None
        self._was_set = False

    def key(self) -> bytes | memoryview:
        """Return the key it stands on, b"" if nowhere."""
        return self._shown(self._key)

    def value(self) -> bytes | memoryview:
        """Return the value it stands on, b"" if nowhere."""
        if self._key is None:
            return self._shown(None)
        return self._shown(self._table().values[self._key])

    def item(self) -> tuple[bytes | memoryview, bytes | memoryview]:
        """Return key and value."""
        return self.key(), self.value()

    def first(self) -> bool:
        """Go to the first row."""
        return self._stand(0)

    def last(self) -> bool:
        """Go to the last row."""
        return self._stand(len(self._table().keys) - 1)

    def next(self) -> bool:
        """Go to the next row, to the first from nowhere."""
        if self._key is None:
            return not self._was_set and self.first()
        return self._stand(bisect_right(self._table().keys, self._key))

    def prev(self) -> bool:
        """Go to the row before, to the last from nowhere."""
        if self._key is None:
            return not self._was_set and self.last()
        return self._stand(bisect_left(self._table().keys, self._key) - 1)

    def set_key(self, key: bytes) -> bool:
        """Go to this key."""
        self._was_set = True
        self._key = key if key in self._table().values else None
        return self._key is not None

    def set_range(self, key: bytes) -> bool:
        """Go to this key or the first after it."""
        return self._stand(bisect_left(self._table().keys, key))

    def get(
        self, key: bytes, default: bytes | None = None
    ) -> bytes | memoryview | None:
        """Go to this key and return its value."""
        if not self.set_key(key):
            return default
        return self.value()

    def put(
        self,
        key: bytes,
        value: bytes,
        dupdata: bool = True,
        overwrite: bool = True,
        append: bool = False,
    ) -> bool:
        """Put a row and stand on it; return whether it was put."""
        was_put = self._transaction.put(
            key, value, overwrite=overwrite, append=append, db=self._db
        )
        if was_put:
            self.set_key(key)
        return was_put

    def putmulti(
        self,
        items: Iterable[tuple[bytes, bytes]],
        dupdata: bool = True,
        overwrite: bool = True,
        append: bool = False,
    ) -> tuple[int, int]:
        """Put rows; return how many were given and how many put."""
        given = put = 0
        rows = self._table()
        for key, value in items:
            given += 1
            if may_put(rows, key, overwrite=overwrite, append=append):
                self._transaction.change(self._db, key, value)
                put += 1
        return given, put

    def delete(self) -> bool:
        """Delete the row it stands on and go to the next; return whether it stood on one."""
        if self._key is None:
            return False
        position = bisect_left(self._table().keys, self._key)
        self._transaction.change(self._db, self._key, None)
        self._stand(position)
        return True

    def iternext(self, keys: bool = True, values: bool = True) -> Iterator[object]:
        """Yield from here, or from the first row, to the last."""
        if self._key is None:
            self.first()
        while self._key is not None:
            yield self._pick(keys=keys, values=values)
            self.next()

    def iterprev(self, keys: bool = True, values: bool = True) -> Iterator[object]:
        """Yield from here, or from the last row, to the first."""
        if self._key is None:
            self.last()
        while self._key is not None:
            yield self._pick(keys=keys, values=values)
            self.prev()

    def close(self) -> None:
        """End it."""

    def __iter__(self) -> Iterator[object]:
        return self.iternext()

    def __enter__(self) -> "KvCursor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _pick(self, *, keys: bool, values: bool) -> object:
        if keys and values:
            return self.item()
        return self.key() if keys else self.value()

    def _table(self) -> Table:
        return self._transaction.table(self._db)

    def _stand(self, position: int) -> bool:
        keys = self._table().keys
        self._was_set = True
        self._key = keys[position] if 0 <= position < len(keys) else None
        return self._key is not None

    def _shown(self, found: bytes | None) -> bytes | memoryview:
        shown = self._transaction.show(found or b"")
        assert shown is not None
        return shown
