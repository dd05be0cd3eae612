"""What a simulated run writes about consensus is judged again, without the product's code."""

from collections.abc import Iterator

import pytest

from jepsen.checkers.protocol.check import check_protocol
from jepsen.checkers.protocol.events import parse
from jepsen.checkers.verdict import Verdict
from ledgerd.simulation import check_consensus
from ledgerd.simulation.runner import run_seed
from tests.simulation.mutations.hunt import PLANTS
from tests.simulation.mutations.plant import planted

SEEDS_MAX = 8
# Whole seeds are run; on a busy machine they take long, which says nothing about the code.
pytestmark = pytest.mark.timeout(900)


def lines_of(seed: int) -> Iterator[str]:
    found: list[str] = []
    run_seed(seed, sink=lambda line: found.append(line.as_json() + "\n"))
    yield from found


@pytest.mark.parametrize("seed", [1, 2, 3, 8])
def test_the_events_of_a_good_run_are_valid(seed: int) -> None:
    """Elections, crashes, damaged disks and changes of members among them."""
    result = check_protocol([parse(lines_of(seed), f"seed {seed}")])

    assert result.findings == []
    assert int(result.numbers["commit"]) > 20


@pytest.mark.parametrize(
    ("name", "rule", "first"),
    [("M2", "R8", 2), ("M5", "R7", 4), ("M7", "R7", 2), ("M21", "R9", 1)],
)
def test_a_planted_bug_is_seen_in_the_events_alone(
    monkeypatch: pytest.MonkeyPatch, name: str, rule: str, first: int
) -> None:
    """The simulator's own checks of consensus are off, so its events are all there is to judge."""
    monkeypatch.setattr(check_consensus, "require", lambda *_: None)
    for seed in range(first, first + SEEDS_MAX):  # the first one shows it today
        with planted(PLANTS[name]):
            lines = list(lines_of(seed))
        result = check_protocol([parse(lines, f"{name}, seed {seed}")])
        if any(f.sentence.startswith(f"{rule}:") for f in result.findings):
            break
    else:
        pytest.fail(f"{name}: no breach of {rule} in {SEEDS_MAX} seeds from {first}")

    assert result.verdict is Verdict.INVALID
