"""LMDB's table of readers, kept in memory and not on the disk of the data (F9).

LMDB keeps in `lock.mdb`, which it maps, who reads what; to begin or end a read writes there. On a
disk that hangs such a write to a page that is just being written back does not return, and it
happens while the interpreter is held: the whole process would stand still, its watchdog too. The
table need not outlive the process, for one process at a time uses a data directory (`LOCK`).
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FILE: Final = "lock.mdb"
_DESCRIPTORS: Final = Path("/proc/self/fd")
# What says that the system, a filter of calls or the file system has no such files or links.
_REFUSED: Final = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP})


@contextlib.contextmanager
def in_memory(environment: Path) -> Iterator[str]:
    """An LMDB environment opened in this block keeps its table of readers in memory.

    environment: its folder, made if there is none; nobody else has it open. No `lock.mdb` is left
    in it, so whoever opens it with other tools must wait until this process has ended. Where the
    system has no files in memory, or refuses them, the table stays in the folder, and the block
    is given what was found; "" where all is well. Errors: OSError.
    """
    environment.mkdir(mode=0o700, exist_ok=True)
    table = environment / FILE
    if table.is_symlink():  # to nowhere: a process was killed in this block
        table.unlink()
    descriptor, found = None, ""
    try:
        descriptor = _link_to_memory(table)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        # Of the calls only this one names no file.
        found = str(error) if error.filename else f"memfd_create: {error}"
    try:
        yield found
    finally:
        if descriptor is not None:
            _give_back(table, descriptor)


def _link_to_memory(table: Path) -> int:
    """Return the descriptor of a file in memory that `table` leads to. Errors: OSError."""
    if not hasattr(os, "memfd_create"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if not _DESCRIPTORS.is_dir():
        raise OSError(errno.ENOSYS, "it is not there", str(_DESCRIPTORS))
    descriptor = os.memfd_create("ledgerd-readers", os.MFD_CLOEXEC)
    try:
        table.unlink(missing_ok=True)  # that of an older release
        table.symlink_to(_DESCRIPTORS / str(descriptor))
        os.close(os.open(table, os.O_RDWR | os.O_CLOEXEC))  # as LMDB is going to
    except OSError:
        with contextlib.suppress(OSError):  # the first one says more
            _give_back(table, descriptor)
        raise
    return descriptor


def _give_back(table: Path, descriptor: int) -> None:
    """Remove the link; what LMDB has opened stays as long as it is open."""
    try:
        if table.is_symlink():
            table.unlink()
    finally:
        os.close(descriptor)
