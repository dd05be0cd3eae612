"""Apply is a pure function of state and entry, on every machine and in every process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledgerd.formats.versions import STATE_VERSION, STATE_VERSION_FIRST
from tests.ledger import scripted_accounts
from tests.ledger.scripted import digest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
RECORDED = (HERE / "scripted_digest.txt").read_text().strip()
RECORDED_ACCOUNTS = (HERE / "scripted_accounts_digest.txt").read_text().strip()


@pytest.mark.parametrize("state_version", range(STATE_VERSION_FIRST, STATE_VERSION + 1))
def test_the_recorded_log_gives_its_recorded_digest(state_version):
    """A log written by the first release replays to the same rows and answers for ever.

    No later version has changed what its commands do.
    """
    assert digest(state_version) == RECORDED


def test_the_recorded_log_of_accounts_gives_its_recorded_digest():
    """Holds, status, reversals and vouchers: written by the first release that has them."""
    assert scripted_accounts.digest() == RECORDED_ACCOUNTS


@pytest.mark.parametrize(
    ("module", "recorded"),
    [
        ("tests.ledger.scripted", RECORDED),
        ("tests.ledger.scripted_accounts", RECORDED_ACCOUNTS),
    ],
)
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "0"},
        {"PYTHONHASHSEED": "4711", "TZ": "Asia/Kolkata", "LANG": "tr_TR.UTF-8"},
    ],
)
def test_the_process_does_not_matter(environment, module, recorded):
    """Hash seeds, time zones and locales reach no row. Section 5 of the ledger's design."""
    found = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert found.stdout.strip() == recorded
