"""Apply is a pure function of state and entry, on every machine and in every process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledgerd.formats.versions import STATE_VERSION, STATE_VERSION_FIRST
from tests.ledger.scripted import digest

ROOT = Path(__file__).parents[2]
RECORDED = (Path(__file__).parent / "scripted_digest.txt").read_text().strip()


@pytest.mark.parametrize("state_version", range(STATE_VERSION_FIRST, STATE_VERSION + 1))
def test_the_recorded_log_gives_its_recorded_digest(state_version):
    """A log written by the first release replays to the same rows and answers for ever.

    No later version has changed what its commands do.
    """
    assert digest(state_version) == RECORDED


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "0"},
        {"PYTHONHASHSEED": "4711", "TZ": "Asia/Kolkata", "LANG": "tr_TR.UTF-8"},
    ],
)
def test_the_process_does_not_matter(environment):
    """Hash seeds, time zones and locales reach no row. Section 5 of the ledger's design."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.ledger.scripted"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert found.stdout.strip() == RECORDED
