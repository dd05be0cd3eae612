"""Standard input, output and error of a command, also where one is closed or its file is full.

Nothing is lost without a word: what goes to a closed standard output fails as on a full disk.
"""

import atexit
import errno
import fcntl
import os
import sys
from typing import Final

# A closed output can be read only, so whoever writes there is told; a closed error leads nowhere.
_STREAMS: Final = (
    (0, "stdin", "r", os.O_RDWR),
    (1, "stdout", "w", os.O_RDONLY),
    (2, "stderr", "w", os.O_RDWR),
)
# Of what is written, be it a command's own words.
_UNWRITTEN: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


def prepare() -> None:
    """Give what is closed a place, and let the process end with the code that it was told.

    Without a place the next file that is opened, a store for example, would take the number of a
    stream, and get what a library writes there.
    """
    for number, name, mode, access in _STREAMS:
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, access)  # the lowest number that is free
            assert opened == number, (opened, number)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 # stays open
    atexit.register(_let_go)


def is_unwritten(error: OSError) -> bool:
    """Return whether words of a command could not be written, with nothing wrong in it."""
    return error.errno in _UNWRITTEN or _is_closed(error)


def why(error: OSError) -> str:
    """Return for people why words of a command could not be written."""
    if _is_closed(error):
        return "standard output is closed"
    return error.strerror or str(error)


def _is_closed(error: OSError) -> bool:
    if error.errno != errno.EBADF:
        return False
    try:
        access = fcntl.fcntl(1, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError:
        return True
    return access == os.O_RDONLY


def _let_go() -> None:
    """Drop what cannot be written: the interpreter would fail once more, and end with 120."""
    for out in (sys.stdout, sys.stderr):
        if out is None or out.closed:
            continue
        try:
            out.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
