"""Real nodes, really broken, for a minute: the rig's verdict is valid."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jepsen import nodes
from jepsen import run as run_limits

ROOT = Path(__file__).parents[2]
LOAD_S_MAX = 60  # of the runs here
# Every step of a run has a limit of its own and is named when it exceeds it, which says more than
# an end from outside: so that one comes after all of them.
LIMIT_S = sum(
    (
        nodes.PKI_S_MAX,
        run_limits.READY_S_MAX,
        LOAD_S_MAX,
        run_limits.LOAD_EXTRA_S,
        run_limits.FINAL_S_MAX,
        run_limits.WATCH_S_MAX,
        nodes.CHECK_S_MAX,
    )
)

pytestmark = pytest.mark.timeout(LIMIT_S + 60)


def run(store: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jepsen", "run", "--store", str(store), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize(
    ("nemesis", "rounds", "others"),
    [
        ("kill,partition-leader,pause", 3, ("--target", "leader", "--trace-raft")),
        ("pause,partition-one-way", 2, ("--workload", "bank")),
        ("kill,kill-rail", 2, ("--workload", "rails")),
    ],
    ids=["kill, cut and pause the leader", "pause the leader, one way only", "rails"],
)
def test_a_broken_cluster_loses_nothing(
    tmp_path: Path, nemesis: str, rounds: int, others: tuple[str, ...]
) -> None:
    """Acknowledged payouts stand once on every node; the books balance at every index.

    R1 to R17 hold by what the nodes wrote themselves, where they are traced.
    """
    # Other tests may share the cores, so times to recover are given room here.
    room = ("--recovery-ms", "20000")
    load = ("--rounds", str(rounds), "--rate", "80")
    done = run(tmp_path, "--nemesis", nemesis, *others, *load, *room)

    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "latest" / "results.json").read_text())
    numbers = {each["checker"]: each["numbers"] for each in results["checkers"]}
    assert results["verdict"] == "valid"
    assert numbers["positions"]["unresolved"] == 0
    assert numbers["exactly_once"]["lost"] == 0
    assert numbers["assumptions"]["rounds"] == rounds
    assert ("protocol" in numbers) == ("--trace-raft" in others)
    if "protocol" in numbers:
        assert numbers["protocol"]["commit"] > 100
        assert numbers["protocol"]["become-leader"] >= 3


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "workload", "words"),
    [
        ("double_apply", "payouts", ""),
        ("late_resume", "payouts", ""),
        ("never_asks", "rails", r"rails: payout_\w+ was executed \d+ times"),
        ("fee_kept", "rails", r"positions: at .*, the model says \d+"),
    ],
    ids=["double_apply", "late_resume", "never_asks", "fee_kept"],
)
def test_a_planted_bug_is_found(
    tmp_path: Path, plant: str, workload: str, words: str
) -> None:
    """A checker must be seen to fail.

    Missed repeats; a watch that resumes late (X21); a payment that is sent again instead of asked
    for (I10); a settlement that forgets the fee (I4).
    """
    arguments = ("--rounds", "1", "--rate", "60", "--plant", plant)
    arguments = (*arguments, "--workload", workload)

    done = run(tmp_path, *arguments)

    assert done.returncode == 1, done.stdout + done.stderr
    # That payouts did not come to their end would be no find: the rig waits less for it here.
    assert re.match(f"INVALID {words}", done.stdout)
