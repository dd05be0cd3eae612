"""What the rig makes, written down before it is made, so that it can be removed again.

One line of JSON a thing: a process by its pid and start time (a pid alone may be reused),
a directory by its path. `clean` reads the journals of runs that never reached their end.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

CLOSED = {"closed": True}


class Journal:
    """Appends to `made.jsonl` of one run. Each line is on disk before the thing exists."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def will_start(self, name: str, command: list[str]) -> None:
        """Note that a process is about to be started."""
        self._append({"starting": name, "command": command})

    def started(self, name: str, pid: int) -> None:
        """Note its pid and what tells it from a later process of the same pid."""
        self._append({"process": name, "pid": pid, "start": start_time(pid)})

    def ended(self, name: str, pid: int) -> None:
        """Note that a process is gone."""
        self._append({"ended": name, "pid": pid})

    def close(self) -> None:
        """Note that everything the run made is gone."""
        self._append(CLOSED)

    def _append(self, line: object) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def start_time(pid: int) -> str:
    """Return the start time of a process in clock ticks since boot, "" if it is gone.

    One that has ended and waits for its parent to notice is gone.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return ""
    # The name in parentheses may hold spaces; after it come the state and, as the 20th
    # field, the start time.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def leftovers(path: Path) -> list[tuple[str, int]]:
    """Return (name, pid) of processes that a journal started and that still run."""
    alive: dict[int, tuple[str, str]] = {}
    for line in _lines(path):
        pid = line.get("pid")
        if isinstance(pid, int) and "process" in line:
            alive[pid] = (str(line["process"]), str(line.get("start")))
        elif isinstance(pid, int) and "ended" in line:
            alive.pop(pid, None)
    return [
        (name, pid)
        for pid, (name, start) in alive.items()
        if start and start_time(pid) == start
    ]


def is_closed(path: Path) -> bool:
    """Whether the run removed everything itself."""
    return any(line == CLOSED for line in _lines(path))


def remove_leftovers(path: Path, *, dry_run: bool) -> list[str]:
    """End the processes that a killed run left; return what was, or would be, done."""
    done = []
    for name, pid in leftovers(path):
        done.append(f"kill {name} (pid {pid})")
        if not dry_run:
            os.kill(pid, signal.SIGKILL)
            _wait_gone(pid)
    if not dry_run and not is_closed(path):
        Journal(path).close()
    return done


def _wait_gone(pid: int, seconds: float = 5.0) -> None:
    """Wait until a process is gone, a few seconds at most."""
    end = time.monotonic() + seconds
    while start_time(pid) and time.monotonic() < end:
        time.sleep(0.02)


def _lines(path: Path) -> Iterator[dict[str, object]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue  # cut short by the crash that made the clean-up necessary
        if isinstance(value, dict):
            yield value
