"""Apply is a pure function of state and entry, on every machine and in every process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledgerd.formats.versions import STATE_VERSION_FIRST
from tests.ledger import scripted_accounts, scripted_doubt, scripted_lifecycle
from tests.ledger.scripted import digest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
RECORDED = (HERE / "scripted_digest.txt").read_text().strip()
RECORDED_LIFECYCLE = (HERE / "scripted_lifecycle_digest.txt").read_text().strip()
RECORDED_DOUBT = (HERE / "scripted_doubt_digest.txt").read_text().strip()
RECORDED_ACCOUNTS = (HERE / "scripted_accounts_digest.txt").read_text().strip()


@pytest.mark.parametrize("state_version", range(STATE_VERSION_FIRST, 3))
def test_the_recorded_log_gives_its_recorded_digest(state_version):
    """A log written by the first release replays to the same rows and answers for ever.

    State version 3 leads workers to what is ready, which is a row more.
    """
    assert digest(state_version) == RECORDED


def test_the_recorded_log_of_accounts_gives_its_recorded_digest():
    """Holds, status, reversals and vouchers: written by the first release that has them."""
    assert scripted_accounts.digest() == RECORDED_ACCOUNTS


def test_the_recorded_log_of_the_lifecycle_gives_its_recorded_digest():
    """Every command about payouts, behind the log of the first release."""
    assert scripted_lifecycle.digest() == RECORDED_LIFECYCLE


def test_the_recorded_log_of_payouts_in_doubt_gives_its_recorded_digest():
    """What workers give back, and what people find out about it, early and late."""
    assert scripted_doubt.digest() == RECORDED_DOUBT


@pytest.mark.parametrize(
    ("module", "recorded"),
    [
        ("tests.ledger.scripted_lifecycle", RECORDED_LIFECYCLE),
        ("tests.ledger.scripted_doubt", RECORDED_DOUBT),
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
