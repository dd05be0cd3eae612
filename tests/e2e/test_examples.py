"""The examples run, and the README shows the first of them as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledgerd.cli.dev_cluster import DevCluster

ROOT = Path(__file__).parents[2]
README_FENCE = "```python\n"


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("submit_one.py", ["payout_", "CREATED READY index"]),
        ("submit_batch.py", ["893 CREATED", "107 INSUFFICIENT_FUNDS"]),
        ("retry_safely.py", ["again:", "reserved 2500 cents"]),
        ("follow_events.py", ["has 10000 cents"]),
    ],
)
def test_example_runs(
    dev_cluster: DevCluster, tmp_path: Path, name: str, words: list[str]
) -> None:
    """Each example ends well against a real cluster and says what it promises."""
    done = subprocess.run(
        [sys.executable, f"examples/{name}"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "LEDGERCTL_CONFIG": str(dev_cluster.profile_path),
            "FOLLOWED": str(tmp_path / "followed.json"),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for word in words:
        assert word in done.stdout


def test_readme_shows_the_first_example() -> None:
    """What a reader copies is what is tested: the program without its docstring."""
    program = (ROOT / "examples" / "submit_one.py").read_text()
    readme = (ROOT / "README.md").read_text()

    shown = readme.partition(README_FENCE)[2].partition("```")[0]

    assert shown
    assert program.endswith(f'"""\n\n{shown}')
