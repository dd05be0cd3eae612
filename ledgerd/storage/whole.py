"""Whether a database file is whole: no page that is used lies beyond its end.

LMDB maps its files into memory, so reading beyond the end of one that was cut off is no error that
a program could catch: the system ends it (SIGBUS). The length alone proves nothing, for LMDB does
not write pages at the end that were freed by the transaction that took them. So where a file is
shorter than its pages, another process looks at every page in use, and what becomes of it tells.
"""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import lmdb

_LMDB_MAJOR: Final = 0  # as in `environment`


def is_whole(environment: Path) -> bool:
    """Return whether the file of an LMDB environment that nobody uses holds all used pages.

    True also for a file that LMDB itself will refuse; whoever opens it gets that error.
    """
    try:
        with _opened(environment) as opened:
            pages = opened.info()["last_pgno"] + 1
            needed_bytes = pages * opened.stat()["psize"]
    except lmdb.Error:
        return True
    if (environment / "data.mdb").stat().st_size >= needed_bytes:
        return True
    return ended_by(environment) != "SIGBUS"


def ended_by(environment: Path) -> str:
    """Return the name of the signal that ends a process which reads everything; "" for none.

    LMDB holds page numbers against the number of pages there are, and nothing else that it finds in
    a page: a flipped bit in an offset or a size leads anywhere (T85). Takes a pass over the file.
    """
    ended = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", "ledgerd.storage.whole", str(environment)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return signal.Signals(-ended.returncode).name if ended.returncode < 0 else ""


def can_be_opened(environment: Path) -> bool:
    """Return whether LMDB opens the file and finds the names of its tables."""
    try:
        with _opened(environment) as opened, opened.begin() as transaction:
            for name, _ in transaction.cursor():
                opened.open_db(bytes(name), transaction, create=False)
    except lmdb.Error:
        return False
    return True


def _opened(environment: Path) -> lmdb.Environment:
    return lmdb.open(
        str(environment),
        max_dbs=32,
        readonly=True,
        lock=False,
        lib_version=_LMDB_MAJOR,
    )


def _look_at_every_page(environment: Path) -> None:
    """Touch the keys and the last byte of every value of every table."""
    with _opened(environment) as opened:
        with opened.begin() as transaction:
            names = [bytes(name) for name, _ in transaction.cursor()]
        for name in names:
            table = opened.open_db(name, create=False)
            with opened.begin(db=table, buffers=True) as transaction:
                for _, value in transaction.cursor():
                    bytes(value[-1:])


if __name__ == "__main__":
    _look_at_every_page(Path(sys.argv[1]))
