"""A state that cannot be trusted is built anew: put aside, and folded again from the log (F37).

Where the log still holds every entry the state begins empty; where the log was cut, with a copy of
the state of a peer.
"""

from typing import Final

import lmdb

from ledgerd.errors import StorageError
from ledgerd.raft.snapshots import Snapshot
from ledgerd.storage import identity as identities
from ledgerd.storage import keys
from ledgerd.storage.environment import LMDB_MAJOR, Environment
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.swap import FOLDER, ready_file

_EMPTY: Final = "empty.mdb"
_EMPTY_MAP_BYTES: Final = 1 << 20


def can_replay(log: LmdbLogStore) -> bool:
    """Return whether the log holds everything that the state is the fold of."""
    return log.anchor().at == 0


def put_state(environment: Environment, snapshot: Snapshot) -> None:
    """Put the fetched and verified state of `snapshot` in the place of state/, for good.

    The log stays as it is and is applied from there on. The stores over the old state are closed,
    and are opened anew afterwards. Errors: StorageError.
    """
    try:
        environment.replace_state(ready_file(environment.directory, snapshot))
    except (lmdb.Error, OSError) as error:
        raise StorageError(f"{environment.directory}/state: {error}") from error


def empty_state(environment: Environment) -> None:
    """Put a state in which nothing was applied in the place of state/, for good.

    The stores over the old one are closed, and are opened anew afterwards. A crash before the end
    finds the old state, which then fails again, or the empty one. Errors: StorageError.
    """
    folder = environment.directory / FOLDER
    path = folder / _EMPTY
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        path.unlink(missing_ok=True)
        made = lmdb.open(
            str(path),
            subdir=False,
            lock=False,
            max_dbs=32,
            map_size=_EMPTY_MAP_BYTES,
            lib_version=LMDB_MAJOR,
        )
        try:
            meta = made.open_db(keys.META.encode("ascii"))
            with made.begin(db=meta, write=True) as transaction:
                transaction.put(keys.IDENTITY, identities.pack(environment.identity))
            made.sync(True)
        finally:
            made.close()
        environment.replace_state(path)
    except (lmdb.Error, OSError) as error:
        raise StorageError(f"{environment.directory}/state: {error}") from error
