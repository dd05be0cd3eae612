"""Nothing a run made outlives it: after Ctrl-C by itself, after SIGKILL by `clean`."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jepsen import nodes
from jepsen import run as run_limits
from jepsen.journal import is_closed, leftovers

ROOT = Path(__file__).parents[2]
# Every step of the set-up has a limit of its own; this comes after all of them.
STARTED_S_MAX = nodes.PKI_S_MAX + run_limits.READY_S_MAX + 60.0
pytestmark = pytest.mark.timeout(STARTED_S_MAX + 180)


def start(store: Path) -> subprocess.Popen[str]:
    """Start a long run and return when it puts load on its cluster."""
    command = [sys.executable, "-m", "jepsen", "run", "--store", str(store)]
    command += ["--rounds", "50", "--rate", "40"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    ends_at = time.monotonic() + STARTED_S_MAX
    for line in process.stderr:
        if line.startswith("load:"):
            return process
        if time.monotonic() > ends_at:
            process.send_signal(signal.SIGINT)  # else its nodes would outlive the test
            process.communicate(timeout=90)
            raise AssertionError(f"no load after {STARTED_S_MAX} s: {line}")
    raise AssertionError(f"the run ended before its load, with {process.wait()}")


def journal_of(store: Path) -> Path:
    return (store / "latest").resolve() / "made.jsonl"


@pytest.mark.e2e
@pytest.mark.slow
def test_ctrl_c_ends_the_load_and_still_judges(tmp_path: Path) -> None:
    """Fewer rounds than asked for is unknown, not valid; and everything is gone."""
    with start(tmp_path) as process:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=90)

    assert process.returncode == 2, told
    assert is_closed(journal_of(tmp_path))
    assert leftovers(journal_of(tmp_path)) == []


@pytest.mark.e2e
@pytest.mark.slow
def test_a_killed_run_is_cleaned_by_its_journal(tmp_path: Path) -> None:
    """The nodes outlive a killed rig until `clean` reads what it had made."""
    with start(tmp_path) as process:
        process.kill()
        process.communicate(timeout=30)
    before = leftovers(journal_of(tmp_path))

    done = subprocess.run(
        [sys.executable, "-m", "jepsen", "clean", "--store", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert {name for name, _ in before} >= {"n1", "n2", "n3"}
    assert "kill n1" in done.stdout
    assert leftovers(journal_of(tmp_path)) == []
