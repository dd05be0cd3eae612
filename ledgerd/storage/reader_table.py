"""LMDB's table of readers, kept in memory and not on the disk of the data (F9).

LMDB keeps in `lock.mdb`, which it maps, who reads what; to begin or end a read writes there. On a
disk that hangs such a write to a page that is just being written back does not return, and it
happens while the interpreter is held: the whole process would stand still, its watchdog too. The
table need not outlive the process, for one process at a time uses a data directory (`LOCK`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FILE: Final = "lock.mdb"
_DESCRIPTORS: Final = Path("/proc/self/fd")


@contextmanager
def in_memory(environment: Path) -> Iterator[None]:
    """An LMDB environment opened in this block keeps its table of readers in memory.

    environment: its folder, made if there is none; nobody else has it open. No `lock.mdb` is left
    in it, so whoever opens it with other tools must wait until this process has ended. Where the
    system has no files in memory (outside Linux, or without /proc) the table stays in the folder.
    Errors: OSError.
    """
    environment.mkdir(mode=0o700, exist_ok=True)
    if not hasattr(os, "memfd_create") or not _DESCRIPTORS.is_dir():
        yield
        return
    table = environment / FILE
    descriptor = os.memfd_create("ledgerd-readers", os.MFD_CLOEXEC)
    try:
        # An older release has left its own, or one that was killed just here a link to nowhere.
        table.unlink(missing_ok=True)
        table.symlink_to(_DESCRIPTORS / str(descriptor))
        try:
            yield
        finally:
            table.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
