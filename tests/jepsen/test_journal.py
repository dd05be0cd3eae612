"""What the rig makes is written down first, and what a killed rig left is removed."""

import subprocess
import sys
from pathlib import Path

from jepsen.journal import (
    Journal,
    is_closed,
    leftovers,
    remove_leftovers,
    start_time,
)

SLEEPER = [sys.executable, "-c", "input()"]


def test_a_process_left_behind_is_found_and_killed(tmp_path: Path) -> None:
    """`clean` ends exactly what the journal started and nobody ended."""
    path = tmp_path / "made.jsonl"
    journal = Journal(path)
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE) as process:
        journal.will_start("n1", SLEEPER)
        journal.started("n1", process.pid)

        assert leftovers(path) == [("n1", process.pid)]
        shown = remove_leftovers(path, dry_run=True)
        assert process.poll() is None
        done = remove_leftovers(path, dry_run=False)
        assert process.wait(5) == -9

    assert shown == done == [f"kill n1 (pid {process.pid})"]
    assert leftovers(path) == []
    assert is_closed(path)


def test_a_reused_pid_is_left_alone(tmp_path: Path) -> None:
    """A pid alone names nobody: the start time must be the same."""
    path = tmp_path / "made.jsonl"
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE) as process:
        path.write_text(
            f'{{"process": "n1", "pid": {process.pid}, "start": "12345"}}\n'
        )

        assert leftovers(path) == []
        assert start_time(process.pid) not in ("", "12345")
        process.kill()


def test_what_ended_is_not_left(tmp_path: Path) -> None:
    """An orderly run leaves nothing, and a torn last line does no harm."""
    path = tmp_path / "made.jsonl"
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE) as process:
        journal = Journal(path)
        journal.started("n1", process.pid)
        journal.ended("n1", process.pid)
        with path.open("a") as file:
            file.write('{"process": "n2", "pi')

        assert leftovers(path) == []
        process.kill()
