"""A command begins at once: it imports what it needs itself, not what the others need."""

import subprocess
import sys
from pathlib import Path

import pytest

FLOORS = ("raft", "replica", "storage", "transport", "node", "simulation", "daemon")
PROGRAM = """
import sys
import {module}
print(" ".join(sys.modules))
"""


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("ledgerd.cli.main", ()),
        ("ledgerd.cli.pki", ()),
        ("ledgerd.cli.ctl.root", ()),
        ("ledgerd.cli.check", ("raft", "replica", "storage")),
        ("ledgerd.cli.run", FLOORS[:5] + FLOORS[6:]),
    ],
)
def test_a_command_imports_no_floor_that_it_does_not_use(
    module: str, allowed: tuple[str, ...]
) -> None:
    """Scripts call `ledgerctl` thousands of times, and nobody waits for a simulator."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stdout.split()
    floors = [f for f in FLOORS if f"ledgerd.{f}" in loaded]

    assert module in loaded
    assert [f for f in floors if f not in allowed] == []


INTERRUPTED = """
import os, signal, sys

def hook(event, arguments):
    if event == {event!r} and arguments[0] == {what!r}:
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(hook)
sys.argv = {arguments!r}
from {module} import main
main()
"""
LEDGERD = "ledgerd.__main__"
LEDGERCTL = "ledgerd.cli.ledgerctl"


def interrupted(
    module: str, *arguments: str, event: str, what: str
) -> subprocess.CompletedProcess[str]:
    """Return how a command ended that got SIGINT at an event of the interpreter."""
    program = INTERRUPTED.format(
        module=module, arguments=[module, *arguments], event=event, what=what
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        (LEDGERD, "ledgerd.security.ciphers"),
        (LEDGERD, "click"),
        (LEDGERD, "cryptography"),
        (LEDGERCTL, "ledgerd.security.ciphers"),
        (LEDGERCTL, "ledgerd.cli.ctl.root"),
        (LEDGERCTL, "grpc"),
    ],
)
def test_ctrl_c_before_a_command_begins_ends_it_quietly(
    module: str, imported: str
) -> None:
    """Whatever is being imported: exit code 130, no traceback, not a word."""
    done = interrupted(module, "pki", "show", event="import", what=imported)

    assert (done.returncode, done.stderr, done.stdout) == (130, "", "")


@pytest.mark.parametrize(
    ("module", "command", "option"),
    [
        (LEDGERD, ["run"], "--config"),
        (LEDGERCTL, ["cluster", "status"], "--config"),
    ],
)
def test_ctrl_c_in_a_command_is_told(
    module: str, command: list[str], option: str, tmp_path: Path
) -> None:
    """A command that has begun may have to tidy up, or to say what may have happened."""
    path = str(tmp_path / "file.toml")

    done = interrupted(module, *command, option, path, event="open", what=path)

    assert (done.returncode, done.stderr) == (130, "error: interrupted\n")
