"""A node that must not go on ends with the exit code that says why (architecture.md 9)."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys, threading
from ledgerd.errors import *
from ledgerd.node.failstop import fail_stop
fail_stop({error}, where="replica thread")
"""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("StorageError('sync failed: EIO')", 70),
        ("CorruptionError('index 7')", 71),
        ("NoSpaceError('1 MiB left')", 72),
        ("ConfigError('no certificate')", 73),
        ("AssertionError((1, 2))", 74),
        ("KeyError('a defect')", 74),
    ],
)
def test_the_exit_code_says_why(error: str, code: int) -> None:
    """One line on stderr names the place and the error."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(error=error)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == code
    assert ended.stderr.startswith("ledgerd stops: replica thread: ")
    assert f"(exit {code})" in ended.stderr


def test_a_thread_that_dies_ends_the_process() -> None:
    """Nothing detaches silently (T68)."""
    script = """
import asyncio, threading, time
from ledgerd.node.failstop import install_nets
install_nets(asyncio.new_event_loop())
def die():
    raise AssertionError("R3")
threading.Thread(target=die, name="reader").start()
time.sleep(20)
"""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )

    assert ended.returncode == 74
    assert "ledgerd stops: reader: AssertionError: R3" in ended.stderr


@pytest.mark.parametrize("how", [["-O"], ["-OO"]])
def test_python_without_assertions_is_refused(how: list[str]) -> None:
    """Assertions guard the money, so a node without them does not start (T79)."""
    ended = subprocess.run(
        [sys.executable, *how, "-m", "ledgerd", "run", "--config", "none.toml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 73
    assert "refuses to run with python -O" in ended.stderr
    assert "Traceback" not in ended.stderr
