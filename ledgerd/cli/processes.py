"""Processes that a local cluster started: remembered by a file, and never mistaken for others'.

Whoever starts some, or stops all, is alone in the folder meanwhile: of two that look at once, both
would find that nothing runs, and one that stops would miss what is about to be started.
"""

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from ledgerd.errors import ConfigError

_POLL_S: Final = 0.02
_STARTING_POLL_S: Final = 0.001


class OwnProcess(NamedTuple):
    """Which process it is: a pid alone may belong to somebody else by now."""

    pid: int
    started_ticks: int  # since boot, from /proc


@contextmanager
def alone_in(folder: Path, patience_s: float) -> Iterator[None]:
    """Nobody else is in this block for the same folder, in whichever process.

    Waits for who is; whoever is killed in it leaves nothing behind that locks out others.
    Errors: ConfigError, when the patience is over.
    """
    # Closed in what is started here, so a lock never outlives the block.
    descriptor = os.open(folder / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + patience_s
        while not _takes(descriptor):
            if time.monotonic() > until:
                raise ConfigError(
                    f"expected to be the only one that starts or stops nodes in {folder}, found "
                    f"another `ledgerd dev` at it for {patience_s:g} s; end it, or choose another "
                    "folder"
                )
            time.sleep(_POLL_S)  # flock itself waits for ever or not at all
        yield
    finally:
        os.close(descriptor)


def _takes(descriptor: int) -> bool:
    """Return whether the lock is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait for the end of this block, in which a process starts.

    Until `Popen` has returned and the process is written down, nobody could end it.
    """
    came: list[int] = []

    def wait(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    with ExitStack() as stack:
        # Other threads than the main one get no signals; what is ignored stays so in a child.
        is_main = threading.current_thread() is threading.main_thread()
        for number in (signal.SIGINT, signal.SIGTERM) if is_main else ():
            before = signal.getsignal(number)
            if before not in (None, signal.SIG_IGN):
                signal.signal(number, wait)
                stack.callback(signal.signal, number, before)
        yield
    for late in came:
        signal.raise_signal(late)


def put(path: Path, text: str) -> None:
    """The file has this text. Who reads it meanwhile finds the old one or the new, whole."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.replace(path)


def remember(path: Path, pid: int) -> OwnProcess:
    """Write down a process that was just started."""
    # A process just started has no command yet for a moment, and is nobody's for `remembered`.
    while not _command(pid) and started_ticks(pid) is not None:
        time.sleep(_STARTING_POLL_S)
    process = OwnProcess(pid, started_ticks(pid) or 0)
    put(path, json.dumps(process._asdict()))
    return process


def remembered(path: Path, argument: Path) -> OwnProcess | None:
    """Return the process written down at `path`, if it lives and has `argument` on its command."""
    try:
        process = OwnProcess(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if started_ticks(process.pid) != process.started_ticks:
        return None
    command = _command(process.pid).split(b"\0")
    return process if os.fsencode(argument) in command else None


def _command(pid: int) -> bytes:
    """Return the words of a process's command, each with a NUL behind it; b"": there are none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def started_ticks(pid: int) -> int | None:
    """Return when a process began, in ticks since boot; None if it is gone or dead."""
    try:
        # The name in parentheses may hold anything; what follows it is regular.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    is_zombie = fields[0] == "Z"
    return None if is_zombie else int(fields[19])
