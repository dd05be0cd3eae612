"""A command begins at once: it imports what it needs itself, not what the others need."""

import subprocess
import sys

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
