"""Processes that a local cluster started: remembered by a file, and never mistaken for others'."""

import json
import os
from pathlib import Path
from typing import NamedTuple


class OwnProcess(NamedTuple):
    """Which process it is: a pid alone may belong to somebody else by now."""

    pid: int
    started_ticks: int  # since boot, from /proc


def remember(path: Path, pid: int) -> OwnProcess:
    """Write down a process that was just started."""
    process = OwnProcess(pid, started_ticks(pid) or 0)
    path.write_text(json.dumps(process._asdict()))
    return process


def remembered(path: Path, argument: Path) -> OwnProcess | None:
    """Return the process written down at `path`, if it lives and has `argument` on its command."""
    try:
        process = OwnProcess(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if started_ticks(process.pid) != process.started_ticks:
        return None
    try:
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return process if os.fsencode(argument) in command else None


def started_ticks(pid: int) -> int | None:
    """Return when a process began, in ticks since boot; None if it is gone or dead."""
    try:
        # The name in parentheses may hold anything; what follows it is regular.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    is_zombie = fields[0] == "Z"
    return None if is_zombie else int(fields[19])
