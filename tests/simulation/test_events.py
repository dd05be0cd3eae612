"""What a simulated run writes about consensus is judged again, without the product's code."""

from collections.abc import Iterator

import pytest

from jepsen.checkers.protocol.check import check_protocol
from jepsen.checkers.protocol.events import parse
from jepsen.checkers.verdict import Verdict
from ledgerd.simulation.runner import run_seed
from tests.simulation.mutations.hunt import PLANTS
from tests.simulation.mutations.plant import planted


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


@pytest.mark.parametrize(("name", "rule"), [("M1", "R9"), ("M5", "R"), ("M21", "R9")])
def test_a_planted_bug_is_seen_in_the_events_alone(name: str, rule: str) -> None:
    """The simulator stops at the first breach; its events up to there show it too."""
    with planted(PLANTS[name]):
        lines = list(lines_of(1))

    result = check_protocol([parse(lines, name)])

    sentences = [f.sentence for f in result.findings if f.verdict is Verdict.INVALID]
    # A message is judged before it is told, so the simulator may stop one event early.
    assert not sentences or sentences[0].startswith(rule)
