"""The data directory: its lock, its identity, and the two LMDB environments log/ and state/.

    DIR/LOCK     flock of the process that uses the directory; holds its pid as text
    DIR/log/     the truth: entries and hard state, every write fully synced
    DIR/state/   the fold of the log; may lag, is replayed from it
    DIR/snapshots/, DIR/incoming/   copies of state/ for others, and from others: `state_copy`,
                 `install`; there from the first one on

Opening judges everything that makes a directory unusable before anything is written to it. Both
environments carry the same identity: cluster id, node id, a store uuid made at creation, and the
format version. What the stores keep in their tables is theirs; see `log_store`, `state_store`.
"""

import errno
import fcntl
import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, TypeAlias

import lmdb

from ledgerd.errors import ConfigError, CorruptionError, NoSpaceError, StorageError
from ledgerd.raft.entries import NodeId
from ledgerd.storage import anchor as anchors
from ledgerd.storage import hard_state, keys, reader_table, swap
from ledgerd.storage.directories import sync_directory
from ledgerd.storage.gate import Gate
from ledgerd.storage.identity import FORMAT_VERSION, Identity, pack, unpack
from ledgerd.storage.whole import can_be_opened, ended_by, is_whole

Table: TypeAlias = lmdb._Database  # the stubs give the handle's type this name only

LMDB_MAJOR: Final = (
    0  # the 0.9 file format; pinned, for an environment variable can change it
)
READERS_MAX: Final = 126  # reader slots of state/; each open read transaction takes one
_OURS: Final = frozenset(
    {"LOCK", "log", "state", "snapshots", "incoming", "lost+found"}
)


_META_PAGES: Final = 2
_MAP_RESERVE: Final = 8  # one part in so many


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """What an operator may tune about the data directory.

    log_map_bytes, state_map_bytes: address space of each environment and the bound of its file;
        not memory, and not disk until written. Reaching it ends the process (exit code 70).
    free_bytes_min: a node does not start with less free space on the file system than this.
    state_metasync: whether each commit of state/ also syncs LMDB's meta page. Off by default: the
        data of a commit is synced in any case, so state/ stays consistent and a power cut can undo
        at most its last commit, which the log replays; on, each turn pays a second disk flush for
        nothing. Only `sync` and a clean close then move the durable applied index. log/ has no such
        option: it is always fully synced (T17, T73).
    recent_bytes: entries kept in memory for replication and apply.
    """

    log_map_bytes: int = 64 * 1024**3
    state_map_bytes: int = 64 * 1024**3
    free_bytes_min: int = 64 * 1024**2
    state_metasync: bool = False
    recent_bytes: int = 64 * 1024**2


class Space(NamedTuple):
    """Room, for admission to refuse early (T91). A map that fills up ends the process.

    used: pages that hold something. file: what the file has grown to; it never shrinks, and pages
        in it that hold nothing any more are used again.
    """

    disk_free_bytes: int
    log_used_bytes: int
    log_file_bytes: int
    log_map_bytes: int
    state_used_bytes: int
    state_file_bytes: int
    state_map_bytes: int

    def spare_bytes(self, reserve_bytes: int) -> int:
        """Return how much more may be written, less a reserve; below 0 too (F36).

        Of a map that is small beside the reserve an eighth is kept.
        """
        spare = []
        for used, file, map_ in (
            (self.log_used_bytes, self.log_file_bytes, self.log_map_bytes),
            (self.state_used_bytes, self.state_file_bytes, self.state_map_bytes),
        ):
            spare.append(self.disk_free_bytes + (file - used) - reserve_bytes)
            spare.append(map_ - used - min(reserve_bytes, map_ // _MAP_RESERVE))
        return min(spare)


class DirectoryLock:
    """The exclusive use of a data directory, held until `release` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        path = directory / "LOCK"
        try:
            self._descriptor = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = (
                os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            )
            os.close(self._descriptor)
            message = (
                f"data directory {directory} is in use by process {holder or 'unknown'}; "
                "stop that process first, or name another directory"
            )
            raise ConfigError(message) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let others use the directory. The file stays: removing it would race with them."""
        os.close(self._descriptor)


class Environment:
    """An open data directory. Made by `open_directory`; the stores and readers share it.

    Attributes:
        directory: where it is.
        identity: whose it is.
        log, state: the LMDB environments.
        log_tables, state_tables: handles of the named tables, opened once; safe in any thread.
        options: as opened.
        readers_on_disk: why LMDB's table of readers could not be kept in memory (F9); "": it is.
    """

    def __init__(
        self,
        directory: Path,
        identity: Identity,
        options: StorageOptions,
        lock: DirectoryLock,
        *,
        log: lmdb.Environment,
        state: lmdb.Environment,
        readers_on_disk: str = "",
    ) -> None:
        self.directory = directory
        self.identity = identity
        self.options = options
        self.readers_on_disk = readers_on_disk
        self.log = log
        self.state = state
        self.log_tables: dict[str, Table] = open_tables(log, keys.LOG_TABLES)
        self.state_tables: dict[str, Table] = open_tables(state, keys.STATE_TABLES)
        self._gate = Gate()
        self._lock = lock
        self._open = True

    def spare_bytes(self) -> int:
        """Return how much more may be written, less the reserve; below 0 too (F36). Any thread.

        Free pages inside the files are counted only when there is little room without them, for
        that takes read transactions.
        """
        reserve = self.options.free_bytes_min
        space = self.space(counts_free_pages=False)
        spare = space.spare_bytes(reserve)
        return spare if spare > reserve else self.space().spare_bytes(reserve)

    def space(self, *, counts_free_pages: bool = True) -> Space:
        """Return how much room there is. Any thread; about a hundred microseconds.

        counts_free_pages: whether `used` leaves out pages that hold nothing any more.
        """
        status = os.statvfs(self.directory)
        page_bytes = self.log.stat()["psize"]
        with self.reading():
            log, state = self.log.info(), self.state.info()
            log_used, state_used = log["last_pgno"] + 1, state["last_pgno"] + 1
            if counts_free_pages:
                log_used = _used_pages(self.log, self.log_tables)
                state_used = _used_pages(self.state, self.state_tables)
        return Space(
            disk_free_bytes=status.f_bavail * status.f_frsize,
            log_used_bytes=log_used * page_bytes,
            log_file_bytes=(log["last_pgno"] + 1) * page_bytes,
            log_map_bytes=log["map_size"],
            state_used_bytes=state_used * page_bytes,
            state_file_bytes=(state["last_pgno"] + 1) * page_bytes,
            state_map_bytes=state["map_size"],
        )

    def reading(self) -> AbstractContextManager[None]:
        """Be inside for the time of one read of `state`: it stays the same environment.

        Whoever replaces the state waits for all that are inside, so stay for milliseconds. The
        replica thread, which replaces it, does not need it.
        """
        return self._gate.passed()

    def replace_state(self, ready: Path, reach: swap.Reach = swap.nowhere) -> None:
        """Close state/, put the file `ready` in its place, and open it again (F30).

        `state` and `state_tables` are new ones afterwards. Errors: lmdb.Error, OSError, after which
        the process must end; the next start finishes it.
        """
        with self._gate.closed():
            self.state.close()
            swap.put_in_place(self.directory, ready, reach)
            self.state, _ = _open_lmdb(
                self.directory / "state",
                self.options.state_map_bytes,
                metasync=self.options.state_metasync,
            )
            self.state_tables = open_tables(self.state, keys.STATE_TABLES)

    def close(self) -> None:
        """Close both environments and release the lock; idempotent.

        Call it after the stores were closed and no reader is inside a read.
        """
        if not self._open:
            return
        self._open = False
        self.log.close()
        self.state.close()
        self._lock.release()

    def __enter__(self) -> "Environment":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_directory(
    directory: Path,
    *,
    cluster_id: str,
    node_id: NodeId,
    options: StorageOptions | None = None,
    has_peers: bool = False,
    store_uuid: bytes = b"",
) -> Environment:
    """Open the data directory of a node, or create it where there is none.

    A state/ that cannot be opened is replaced by an empty one where the log, or a peer, gives it
    back. has_peers: there may be one. store_uuid: of a new directory; b"": drawn, as it must be
    wherever two of them may ever meet.

    Errors: ConfigError when the directory belongs to another cluster or node, is in use, has a
    newer format, holds other files, or cannot be written; NoSpaceError below `free_bytes_min`;
    CorruptionError when its parts contradict each other; StorageError when the disk fails.
    """
    options = options or StorageOptions()
    _make(directory)
    lock = DirectoryLock(directory)
    try:
        _refuse_other_files(directory)
        _refuse_files_of_others(directory)
        _refuse_low_space(directory, options)
        _refuse_cut_off(directory / "log")
        owner = (cluster_id, node_id)
        return _open_both(
            directory,
            lock,
            options,
            owner,
            has_peers=has_peers,
            store_uuid=store_uuid,
        )
    except BaseException:
        lock.release()
        raise


def open_existing(
    directory: Path, *, options: StorageOptions | None = None
) -> Environment:
    """Open a stopped node's directory whoever it belongs to, for `check`. Nothing is created.

    Errors: as `open_directory`; also ConfigError where there is no ledgerd directory, and
    CorruptionError where a file was cut off, or the system ends whoever reads it.
    """
    if (directory / "log").is_dir():
        _refuse_denied(directory / "log", os.R_OK | os.X_OK)
    if not (directory / "log" / "data.mdb").is_file():
        message = (
            f"{directory} is not a ledgerd data directory: expected log/data.mdb in it; "
            "name the directory given as data_dir in the node's configuration"
        )
        raise ConfigError(message)
    lock = DirectoryLock(directory)
    try:
        _refuse_files_of_others(directory)
        for part in ("log", "state"):
            _refuse_cut_off(directory / part)
            _refuse_deadly(directory / part)
        return _open_both(directory, lock, options or StorageOptions(), None)
    except BaseException:
        lock.release()
        raise


def _open_both(
    directory: Path,
    lock: DirectoryLock,
    options: StorageOptions,
    owner: tuple[str, NodeId] | None,
    *,
    has_peers: bool = False,
    store_uuid: bytes = b"",
) -> Environment:
    """Open log/ and state/, create what may be created, and judge whose they are.

    A creation that was cut short has log/ and no state/; it is completed, for state/ is a fold.
    """
    log_exists = (directory / "log" / "data.mdb").exists()
    state_exists = (directory / "state" / "data.mdb").exists()
    if state_exists and not log_exists:
        message = (
            f"{directory}/state exists but {directory}/log does not: the log and this node's votes "
            "are lost; never start it under its old node id with an empty log (T13). "
            "Restore log/, or replace the node"
        )
        raise CorruptionError(message)

    if owner is None and not state_exists:
        message = (
            f"{directory}/state does not exist: its creation was cut short, or it was "
            "moved away to have it rebuilt; start the node once, then check it"
        )
        raise ConfigError(message)

    log, of_log = _open_lmdb(directory / "log", options.log_map_bytes, metasync=True)
    state: lmdb.Environment | None = None
    try:
        uuid = store_uuid or secrets.token_bytes(16)
        identity = admit_log(log, directory, owner, store_uuid=uuid)
        _finish_install(log, directory)
        if owner is not None:
            _drop_bad_state(log, directory, has_peers=has_peers)
        state, of_state = _open_lmdb(
            directory / "state",
            options.state_map_bytes,
            metasync=options.state_metasync,
        )
        before = _refounded(log, directory)
        if before is not None and _identity_of(state, directory / "state") == before:
            adopt_state(state, old=before, new=identity)  # an interruption left it
        admit_state(state, directory, identity)
        for path in (
            directory / "log",
            directory / "state",
            directory,
            directory.parent,
        ):
            sync_directory(path)
        return Environment(
            directory,
            identity,
            options,
            lock,
            log=log,
            state=state,
            readers_on_disk=of_log or of_state,
        )
    except (lmdb.Error, OSError) as error:
        _close(log, state)
        raise StorageError(f"opening {directory}: {error}") from error
    except BaseException:
        _close(log, state)
        raise


def admit_log(
    log: lmdb.Environment,
    directory: Path,
    owner: tuple[str, NodeId] | None,
    *,
    store_uuid: bytes,
) -> Identity:
    """Return whose log/ this is; a new one becomes `owner`'s, with hard state twins.

    store_uuid: 16 bytes that no other store has, used for a new one.
    Errors: ConfigError when it belongs to another owner, or is new and there is no owner.
    """
    identity = _identity_of(log, directory / "log")
    if identity is None:
        if owner is None:
            message = (
                f"{directory}/log has no identity: its creation was cut short; "
                "nothing was ever stored in it"
            )
            raise ConfigError(message)
        identity = Identity(owner[0], owner[1], store_uuid, FORMAT_VERSION)
        _create_log(log, identity)
    if owner is not None:
        _refuse_other_owner(directory, identity, *owner)
    # A process that was killed between its write and its sync leaves what is seen here, and what
    # the next power cut may take: nothing is promised again before it is durable (T1, T17).
    log.sync(True)
    return identity


def admit_state(state: lmdb.Environment, directory: Path, identity: Identity) -> None:
    """Return if state/ is of this store; a new one becomes so.

    Errors: CorruptionError when it is of another store.
    """
    of_state = _identity_of(state, directory / "state")
    if of_state is None:
        _store_identity(state, identity)
    elif of_state != identity:
        message = (
            f"{directory}/state and {directory}/log belong to different stores: "
            f"log/ is {identity}, state/ is {of_state}; one of them was copied from elsewhere. "
            "Put the right one back, or move state/ away to have it rebuilt from log/"
        )
        raise CorruptionError(message)
    state.sync(True)  # as log/: what is read from now on counts as durable (F27)


def adopt_state(state: lmdb.Environment, *, old: Identity, new: Identity) -> None:
    """Make the state/ of `old` that of `new`, the same node's in the cluster it founded (F38)."""
    assert old.node_id == new.node_id, (old, new)
    _store_identity(state, new)
    state.sync(True)


def _refounded(log: lmdb.Environment, directory: Path) -> Identity | None:
    """Return whose log/ was before it founded a new cluster, None if it founded none (F38)."""
    meta = log.open_db(keys.META.encode("ascii"), create=False)
    with log.begin(db=meta) as transaction:
        stored = transaction.get(keys.REFOUNDED)
    if stored is None:
        return None
    return unpack(stored, where=f"{directory}/log, table meta, key refounded")


def _open_lmdb(
    path: Path, map_bytes: int, *, metasync: bool
) -> tuple[lmdb.Environment, str]:
    """Open one environment with the flags that durability needs, and check that they took (T73).

    Returns also why its table of readers is not in memory, "" if it is.
    """
    try:
        with reader_table.in_memory(path) as readers_on_disk:
            environment = lmdb.open(
                str(path),
                map_size=map_bytes,
                max_dbs=32,
                max_readers=READERS_MAX,
                mode=0o600,
                sync=True,
                metasync=metasync,
                writemap=False,
                map_async=False,
                lock=True,
                lib_version=LMDB_MAJOR,
            )
    except (lmdb.InvalidError, lmdb.VersionMismatchError, lmdb.CorruptedError) as error:
        message = (
            f"{path}/data.mdb is not a database this release can read: {error}. "
            "Restore it, or replace the node"
        )
        raise CorruptionError(message) from error
    except (lmdb.Error, OSError) as error:
        raise _unopened(path, map_bytes, error) from error
    flags = environment.flags()
    assert flags["sync"], "opened without sync"  # T73
    assert flags["metasync"] or not metasync, "opened without metasync"  # T73
    assert not flags["writemap"], "opened with writemap"  # T73
    assert not flags["map_async"], "opened with map_async"  # T73
    return environment, readers_on_disk


def open_tables(
    environment: lmdb.Environment, names: Iterable[str], *, create: bool = True
) -> dict[str, Table]:
    """Return the handles of named tables, made if there are none and `create`."""
    return {
        name: environment.open_db(name.encode("ascii"), create=create) for name in names
    }


def _finish_install(log: lmdb.Environment, directory: Path) -> None:
    """Do what is left of an install that a crash has cut off after its log transaction (F30)."""
    meta = log.open_db(keys.META.encode("ascii"), create=False)
    with log.begin(db=meta) as transaction:
        stored = transaction.get(keys.ANCHOR)
    if stored is not None:
        where = f"{directory}/log, table meta, key anchor"
        swap.finish(directory, anchors.unpack(stored, where=where))


def _used_pages(environment: lmdb.Environment, tables: Mapping[str, Table]) -> int:
    """Return how many pages hold something, those of LMDB itself apart from its free list."""
    with environment.begin() as transaction:
        stats = [environment.stat(), *map(transaction.stat, tables.values())]
    return _META_PAGES + sum(
        stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
        for stat in stats
    )


def _identity_of(environment: lmdb.Environment, path: Path) -> Identity | None:
    """Return the identity stored in an environment, None if it never got one."""
    with environment.begin() as transaction:
        if transaction.get(keys.META.encode("ascii")) is None:
            return None
    meta = environment.open_db(keys.META.encode("ascii"), create=False)
    with environment.begin(db=meta) as transaction:
        stored = transaction.get(keys.IDENTITY)
    if stored is None:
        return None
    return unpack(stored, where=f"{path}, table meta, key identity")


def _create_log(log: lmdb.Environment, identity: Identity) -> None:
    """Write identity and hard state twins in one transaction: an absent twin is always damage."""
    meta = log.open_db(keys.META.encode("ascii"))
    twins = [log.open_db(name.encode("ascii")) for name in keys.HARD_STATE_TWINS]
    packed = hard_state.pack(hard_state.INITIAL, identity)
    with log.begin(write=True) as transaction:
        transaction.put(keys.IDENTITY, pack(identity), db=meta)
        for twin in twins:
            transaction.put(keys.HARD_STATE, packed, db=twin)


def _store_identity(environment: lmdb.Environment, identity: Identity) -> None:
    meta = environment.open_db(keys.META.encode("ascii"))
    with environment.begin(db=meta, write=True) as transaction:
        transaction.put(keys.IDENTITY, pack(identity))


def _refuse_other_owner(
    directory: Path, found: Identity, cluster_id: str, node_id: NodeId
) -> None:
    advice = "name this node's own data directory, or an empty one for a new node"
    if found.cluster_id != cluster_id:
        message = (
            f"data directory {directory} belongs to cluster {found.cluster_id!r}; "
            f"this node is configured for cluster {cluster_id!r}; {advice}"
        )
        raise ConfigError(message)
    if found.node_id != node_id:
        message = (
            f"data directory {directory} belongs to node {found.node_id}; "
            f"this node is configured as node {node_id}; {advice}"
        )
        raise ConfigError(message)


def _refuse_other_files(directory: Path) -> None:
    """Do not spread into a directory that holds something else and no log/ yet."""
    names = sorted(path.name for path in directory.iterdir())
    others = [name for name in names if name not in _OURS]
    if others and "log" not in names:
        message = (
            f"{directory} is not a ledgerd data directory and is not empty: found {others[0]!r}"
            f"{f' and {len(others) - 1} more' if others[1:] else ''}; name an empty directory"
        )
        raise ConfigError(message)


def _refuse_files_of_others(directory: Path) -> None:
    """Return if this user may read and write all files that are there.

    A node that was once started by hand leaves files of root, and a state that may not be read
    must not pass for one that is damaged. What is no file is none of ours: a lost+found, or the
    link to nowhere of a process that was killed while it opened (`reader_table`).
    Errors: ConfigError.
    """
    for folder in (directory / name for name in sorted(_OURS - {"lost+found"})):
        if folder.is_dir():
            _refuse_denied(folder, os.R_OK | os.W_OK | os.X_OK)
            for path in folder.iterdir():
                if path.is_file() and not path.is_symlink():
                    _refuse_denied(path, os.R_OK | os.W_OK)


def _refuse_denied(path: Path, mode: int) -> None:
    # Asked for the real user alone, Linux leaves out capabilities, by which a file may be opened.
    if not (os.access(path, mode) or os.access(path, mode, effective_ids=True)):
        message = (
            f"cannot open {path}: expected a file that this user may read and write, found one of "
            f"{_owner_of(path)}; give it to the user that runs the node (chown -R, chmod -R u+rwX)"
        )
        raise ConfigError(message)


def _owner_of(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError):  # a user that this machine does not know
        return "another user"


def _refuse_low_space(directory: Path, options: StorageOptions) -> None:
    status = os.statvfs(directory)
    free_bytes = status.f_bavail * status.f_frsize
    if free_bytes < options.free_bytes_min:
        message = (
            f"data directory {directory} has {free_bytes} bytes free; at least "
            f"{options.free_bytes_min} are needed to start; free some space"
        )
        raise NoSpaceError(message)


def _refuse_cut_off(path: Path) -> None:
    """Return unless the file ends too early; an empty one would pass for a new one with LMDB.

    Errors: CorruptionError. A log/ without a state/ beside it may be one that was just begun.
    """
    file = path / "data.mdb"
    if not file.exists():
        return
    may_be_new = (
        path.name == "log" and not (path.parent / "state" / "data.mdb").exists()
    )
    is_emptied = file.stat().st_size == 0 and not may_be_new
    if is_emptied or not is_whole(path):
        advice = (
            "Bring the node back under a new id: ledgerctl cluster replace"
            if path.name == "log"
            else "A node that starts folds its state again from log/, or fetches it"
        )
        message = (
            f"{file} is cut off: it ends before the pages that it uses, at "
            f"{file.stat().st_size} bytes. {advice}"
        )
        raise CorruptionError(message)


def _refuse_deadly(path: Path) -> None:
    if (path / "data.mdb").exists() and (name := ended_by(path)):
        message = (
            f"{path}/data.mdb is damaged: what reads it is ended by the system ({name}). "
            "Move a state/ away and start the node, which folds it again or fetches it; for a "
            "log/ bring the node back under a new id: ledgerctl cluster replace"
        )
        raise CorruptionError(message)


def _drop_bad_state(log: lmdb.Environment, directory: Path, *, has_peers: bool) -> None:
    """Remove a state/ that cannot be opened, if the log can fold it again, or a peer has it (F37).

    Behind a log that was cut it is kept aside. Errors: CorruptionError when nobody may have it.
    """
    path = directory / "state"
    try:
        _refuse_cut_off(path)
        if not (path / "data.mdb").exists():
            return
        if can_be_opened(path):
            _refuse_unknown_owner(path)
            return
        raise CorruptionError(f"{path}/data.mdb is damaged: its tables cannot be read")
    except CorruptionError as error:
        meta = log.open_db(keys.META.encode("ascii"), create=False)
        with log.begin(db=meta) as transaction:
            is_cut = transaction.get(keys.ANCHOR) is not None
        if is_cut and not has_peers:
            raise CorruptionError(
                f"{error}. This one cannot: the beginning of its log was cut, and its "
                "configuration names no other member. Name the others in cluster.members, or "
                "restore a copy of the state"
            ) from error
        source = "a copy of a peer's state" if is_cut else "log/"
        _note_dropped(directory, str(error), source)
        if is_cut:
            swap.keep_aside(directory)
        (path / "data.mdb").unlink(missing_ok=True)


def _refuse_unknown_owner(path: Path) -> None:
    """Return if the record of whose state this is can be read. Errors: CorruptionError."""
    try:
        with lmdb.open(
            str(path), max_dbs=32, readonly=True, lock=False, lib_version=LMDB_MAJOR
        ) as opened:
            _identity_of(opened, path)
    except lmdb.Error as error:
        raise CorruptionError(f"{path}, table meta: {error}") from error


def _note_dropped(directory: Path, why: str, source: str) -> None:
    """Say on standard error what becomes of state/; the log of the node is not set up here."""
    print(  # noqa: T201 - there is no logger below observability
        f"ledgerd: {directory}/state is folded again from {source}: {why}",
        file=sys.stderr,
    )


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        message = f"data directory {directory} is a file; name a directory"
        raise ConfigError(message) from error
    except OSError as error:
        raise _unwritable(directory, error) from error


def _unwritable(path: Path, error: OSError) -> Exception:
    """Say why the first file could not be made, by what the operator can do about it."""
    if error.errno == errno.ENOSPC:
        return NoSpaceError(f"no space to create {path}; free some space")
    return ConfigError(
        f"cannot write {path}: {error.strerror}; give this user write permission, "
        "or name another data directory"
    )


def _unopened(path: Path, map_bytes: int, error: lmdb.Error | OSError) -> Exception:
    code = error.code if isinstance(error, lmdb.Error) else error.errno
    if code == errno.ENOSPC:
        return NoSpaceError(f"no space to open {path}; free some space")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ConfigError(
            f"cannot open {path}: {error}; give this user read and write permission"
        )
    if code == errno.ENOMEM:
        message = (
            f"cannot map {map_bytes} bytes for {path}: {error}; "
            "lower the map size, or raise the limit on address space (ulimit -v)"
        )
        return ConfigError(message)
    return StorageError(f"opening {path}: {error}")


def _close(*environments: lmdb.Environment | None) -> None:
    for environment in environments:
        if environment is not None:
            environment.close()
