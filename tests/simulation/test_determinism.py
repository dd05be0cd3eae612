"""One seed, one trace: whatever the environment, and whoever looks on."""

import os
import subprocess
import sys

import pytest

from ledgerd.simulation.runner import run_seed
from ledgerd.simulation.trace import Line

# Whole seeds are run; on a busy machine they take long, which says nothing about the code.
pytestmark = pytest.mark.timeout(900)
WORLDS = (
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Kolkata", "LANG": "tr_TR.UTF-8"},
    {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "LANG": "C"},
)


def hashes_in(world: dict[str, str]) -> list[str]:
    """Return what a fresh process in this environment prints for a few seeds."""
    command = [sys.executable, "-m", "ledgerd", "simulate", "--seeds", "6", "--hashes"]
    shown = subprocess.run(
        command, env=os.environ | world, capture_output=True, text=True, check=True
    )
    return shown.stdout.splitlines()


@pytest.mark.slow
def test_a_seed_has_one_trace_in_every_environment() -> None:
    """T66, T78: hash order, zone and language make no difference."""
    one, other = (hashes_in(world) for world in WORLDS)

    assert len(one) == 6
    assert one == other


def test_a_seed_has_one_trace_whether_it_is_watched_or_not() -> None:
    """What a trace shows is the run that failed, not another one."""
    lines: list[Line] = []

    unwatched = run_seed(1)
    watched = run_seed(1, sink=lines.append)

    assert watched.trace_hash == unwatched.trace_hash
    assert len(lines) == unwatched.events


def test_seeds_differ() -> None:
    """The hash sees what happens."""
    assert run_seed(1).trace_hash != run_seed(2).trace_hash
