"""A consistent copy of state/ beside the writer: the bytes of a snapshot (F28).

    DIR/snapshots/INDEX-TERM.mdb     the copy: an LMDB file, compacted, as of one transaction
    DIR/snapshots/INDEX-TERM.head    formats/snapshots: what it is of, and its SHA-256

LMDB writes the copy into a pipe; this end of it paces, hashes and stores the bytes, so that neither
the writer of state/ nor the disk of log/ is held up. Then each row of it is held against its own
checksum (`copied_rows`), for a row that rotted in state/ is copied as it is. The header is written
last, after the copy was synced: a copy without one does not exist (T90).
"""

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import Final

import lmdb

from ledgerd.errors import CorruptionError, StateRottenError, StorageError
from ledgerd.formats import snapshots as headers
from ledgerd.formats.snapshots import SnapshotHeader
from ledgerd.raft.entries import Anchor, EntryId
from ledgerd.raft.membership import Membership
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.pace import Pace
from ledgerd.storage.applied import Applied
from ledgerd.storage.copied_rows import (
    GoesOn,
    RowRotten,
    blame,
    check_copy,
    unhurried,
)
from ledgerd.storage.directories import sync_directory
from ledgerd.storage.environment import (
    LMDB_MAJOR,
    Environment,
    open_tables,
)
from ledgerd.storage.keys import META
from ledgerd.storage.tables import DAMAGE, Tables

FOLDER: Final = "snapshots"
_PIECE_BYTES: Final = 1 << 20
_SYNC_BYTES: Final = 16 << 20  # written before the next sync: many short ones
_COPY: Final = ".mdb"
_HEAD: Final = ".head"


@dataclass(frozen=True, slots=True)
class Copied:
    """A whole copy: where it is, and its header."""

    path: Path
    header: SnapshotHeader

    @property
    def snapshot(self) -> Snapshot:
        """What it stands for."""
        return self.header.snapshot


def make_copy(
    environment: Environment,
    *,
    bytes_per_s: int,
    chunk_bytes: int,
    should_stop: Callable[[], bool] = lambda: False,
    reach: Callable[[str], None] = lambda _: None,
) -> Copied:
    """Copy state/ as it is now, durably, and return the copy. Takes its time; any thread.

    should_stop: asked now and then; the copy is given up when it says so.
    reach: told each step; a test fails there. Errors: StorageError when the disk fails or is full,
    after which nothing is left behind; StateRottenError when a row of state/ fails its check, and
    CorruptionError when only the copy does; neither leaves a copy behind.
    """
    folder = environment.directory / FOLDER
    making = folder / "making"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        sha256, size_bytes = _write(environment, making, bytes_per_s, should_stop)
        reach("copy.written")
        _check_rows(environment, making, unhurried(bytes_per_s, should_stop))
        applied, membership, state_version = read_copy(making)
        anchor = Anchor(
            EntryId(applied.term, applied.index), applied.link, applied.log_time_us
        )
        snapshot = Snapshot(anchor, membership, applied.digest, size_bytes, sha256)
        header = SnapshotHeader(
            snapshot, environment.identity.cluster_id, state_version, chunk_bytes
        )
        path = folder / f"{applied.index:020d}-{applied.term:020d}{_COPY}"
        making.replace(path)
        reach("copy.renamed")
        _write_whole(path.with_suffix(_HEAD), headers.encode(header))
        sync_directory(folder)
        reach("copy.headed")
        _forget_others(folder, path)
    except OSError as error:
        making.unlink(missing_ok=True)
        raise StorageError(f"{folder}: copying state/ failed: {error}") from error
    except CorruptionError:
        making.unlink(missing_ok=True)
        raise
    return Copied(path, header)


def newest_copy(directory: Path) -> Copied | None:
    """Return the newest whole copy in a data directory, and remove what is not whole."""
    folder = directory / FOLDER
    if not folder.is_dir():
        return None
    (folder / "making").unlink(missing_ok=True)
    for path in sorted(folder.glob(f"*{_COPY}"), reverse=True):
        try:
            header = headers.decode(path.with_suffix(_HEAD).read_bytes())
        except (OSError, CorruptionError):
            continue
        if path.stat().st_size == header.snapshot.size_bytes:
            _forget_others(folder, path)
            return Copied(path, header)
    _forget_others(folder, None)
    return None


def is_intact(copied: Copied, goes_on: Callable[[int], bool] = lambda _: True) -> bool:
    """Return whether the bytes still are what the header says; reads them all (T90).

    goes_on: told how many bytes were read, and may take its time; if it says no the reading ends,
    and nothing is said against the copy.
    """
    found = hashlib.sha256()
    try:
        with copied.path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                found.update(piece)
                if not goes_on(len(piece)):
                    return True
    except OSError:
        return False
    return found.digest() == copied.snapshot.sha256


def check_rows(environment: Environment, copied: Copied) -> None:
    """Return if every row of a copy is sound.

    Errors: StateRottenError when the row is bad in state/ too; CorruptionError when it is not.
    """
    _check_rows(environment, copied.path, lambda _: True)


def forget(copied: Copied) -> None:
    """Remove a copy, its header first."""
    copied.path.with_suffix(_HEAD).unlink(missing_ok=True)
    copied.path.unlink(missing_ok=True)


def read_copy(path: Path) -> tuple[Applied, Membership, int]:
    """Return how far a copied state is, its membership, and its state version.

    Errors: CorruptionError when the file is none, or its records are damaged.
    """
    try:
        copy = lmdb.open(
            str(path),
            subdir=False,
            readonly=True,
            lock=False,
            max_dbs=32,
            lib_version=LMDB_MAJOR,
        )
        try:
            # Only the table that every release writes: an older one's copy lacks the newest.
            handles = open_tables(copy, (META,), create=False)
            with copy.begin() as transaction:
                tables = Tables.of(handles, transaction)
                applied = tables.applied()
                return applied, tables.membership(), applied.state_version
        finally:
            copy.close()
    except (lmdb.Error, OSError) as error:
        raise CorruptionError(f"{path}: it is no copy of a state: {error}") from error


def _check_rows(environment: Environment, path: Path, goes_on: GoesOn) -> None:
    try:
        if not check_copy(path, goes_on):
            raise OSError("the node stops")
    except RowRotten as rotten:
        blame(environment, rotten)
        raise


def _write(
    environment: Environment,
    path: Path,
    bytes_per_s: int,
    should_stop: Callable[[], bool],
) -> tuple[bytes, int]:
    """Write the copy and sync it; return its SHA-256 and size."""
    read_end, write_end = _wide_pipe()
    failures: list[Exception] = []

    def pour() -> None:
        try:
            with environment.reading():
                environment.state.copyfd(write_end, compact=True)
        except (lmdb.Error, OSError) as error:
            failures.append(error)
        finally:
            os.close(write_end)

    pouring = threading.Thread(target=pour, name="copier-lmdb", daemon=True)
    pouring.start()
    try:
        with path.open("wb") as file, FileIO(read_end, "rb") as pipe:
            os.fchmod(file.fileno(), 0o600)
            found = _drain(pipe, file, bytes_per_s, should_stop)
    finally:
        pouring.join()
    if failures and isinstance(failures[0], DAMAGE):
        raise StateRottenError(f"state/: {failures[0]}") from failures[0]
    if failures:
        raise OSError(f"copying out of LMDB: {failures[0]}") from failures[0]
    return found


def _wide_pipe() -> tuple[int, int]:
    """Return the ends of a pipe that holds a piece, so that a piece is one turn for each side.

    With the usual 64 KiB the two threads wake one another, and the interpreter, sixteen times.
    """
    read_end, write_end = os.pipe()
    with contextlib.suppress(OSError):  # beyond what this user may have: it is narrow
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _PIECE_BYTES)
    return read_end, write_end


def _drain(
    pipe: FileIO,
    file: BufferedWriter,
    bytes_per_s: int,
    should_stop: Callable[[], bool],
) -> tuple[bytes, int]:
    pace, digest, size_bytes, unsynced = (
        Pace(bytes_per_s, time.monotonic),
        hashlib.sha256(),
        0,
        0,
    )
    while piece := pipe.read(_PIECE_BYTES):
        digest.update(piece)
        file.write(piece)
        size_bytes += len(piece)
        unsynced += len(piece)
        if unsynced >= _SYNC_BYTES:
            file.flush()
            os.fdatasync(file.fileno())
            unsynced = 0
        if should_stop():
            raise OSError("the node stops")
        time.sleep(pace.wait_s(len(piece)))
    file.flush()
    os.fsync(file.fileno())
    return digest.digest(), size_bytes


def _write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _forget_others(folder: Path, kept: Path | None) -> None:
    stems = {kept.stem} if kept is not None else set()
    for path in folder.iterdir():
        if path.suffix in (_COPY, _HEAD, ".new") and path.stem not in stems:
            path.unlink(missing_ok=True)
