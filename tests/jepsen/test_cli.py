"""Wrong usage is 254, and a plant or a fault that does not exist is named."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def jepsen(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jepsen", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--nemesis", "kill,storm"), "found 'storm'"),
        (("run", "--plant", "none"), "expected a file tests/plants/none.py"),
        (("run", "--rounds", "1", "--nemesis", "kill,pause"), "at least 2 rounds"),
        (("run", "--nemesis", "kill-rail"), "expected a workload with a rail"),
        (("run", "--nodes", "9"), "9 is not in the range"),
        (("run-all", "--budget", "soon"), "a time like 90s"),
        (("fly",), "No such command"),
    ],
)
def test_wrong_usage_is_said_and_starts_nothing(
    arguments: tuple[str, ...], said: str
) -> None:
    """A fault that cannot be injected stops the run before it starts."""
    done = jepsen(*arguments)

    assert done.returncode == 254
    assert said in done.stderr


def test_the_self_test_passes_on_the_command_line() -> None:
    """The tester is tested by whoever doubts it, in seconds."""
    done = jepsen("self-test")

    assert (done.returncode, done.stdout) == (0, "self-test: all as known\n")


def test_clean_of_an_empty_store_finds_nothing(tmp_path: Path) -> None:
    """There is nothing to remove where nothing was made."""
    done = jepsen("clean", "--store", str(tmp_path))

    assert (done.returncode, done.stdout) == (0, "nothing to remove\n")
