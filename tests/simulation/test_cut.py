"""A run made smaller is written as words, and fails the same way."""

import re
from dataclasses import replace

import pytest

from ledgerd.simulation.cut import WHOLE, Cut, parse
from ledgerd.simulation.faults import schedule
from ledgerd.simulation.runner import Result, run_seed
from ledgerd.simulation.shrink import Shrinker
from ledgerd.simulation.swarm import draw
from ledgerd.simulation.verdict import Kind

GOOD = run_seed(6, Cut(until_ms=100))


@pytest.mark.parametrize(
    "cut",
    [
        WHOLE,
        Cut(until_ms=1200, clients=0, calls=3),
        Cut(keep=(), without=("loss", "skew")),
        Cut(keep=(3, 17)),
    ],
)
def test_a_cut_is_what_its_words_say(cut: Cut) -> None:
    assert parse(str(cut)) == cut


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("until", "expected name=value, found 'until'"),
        ("until=soon", "until: expected a number, 0 or more, found 'soon'"),
        ("clients=-1", "clients: expected a number, 0 or more, found '-1'"),
        ("keep=1,x", "keep: expected a number, 0 or more, found 'x'"),
        ("more=1", "no cut is called 'more'"),
        ("without=luck", "no noise is called 'luck'"),
    ],
)
def test_words_that_name_no_cut_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse(text)


def test_a_cut_may_leave_no_client_but_those_who_read() -> None:
    """It ended the shrinking of every run that has some."""
    seed = next(s for s in range(1, 50) if draw(s).load.watchers)

    assert run_seed(seed, Cut(until_ms=200, clients=0)).kind is Kind.GOOD


def test_a_cut_run_is_shorter_and_calmer() -> None:
    setup = draw(3)
    cut = Cut(until_ms=500, clients=1, keep=(2,), without=("loss", "replay", "reorder"))

    smaller, planned = cut.apply(setup)

    assert smaller.duration_ns == 500_000_000
    assert smaller.load.clients == 1
    assert [fault.number for fault in planned] == [2]
    assert (smaller.wire.loss, smaller.wire.replay, smaller.wire.reorder) == (0, 0, 0)
    assert smaller.nodes == setup.nodes


def test_shrinking_keeps_what_the_failure_needs() -> None:
    """A failure that needs two faults and one client is cut down to them."""
    seed = next(s for s in range(1, 50) if len(schedule(draw(s))) > 8)
    numbers = [fault.number for fault in schedule(draw(seed))]
    needed = {numbers[2], numbers[-2]}

    def run(seed: int, cut: Cut) -> Result:
        setup, planned = cut.apply(draw(seed))
        has_all = needed <= {fault.number for fault in planned}
        is_failing = has_all and setup.load.clients >= 1
        if not is_failing:
            return GOOD
        return replace(
            GOOD,
            kind=Kind.CORRECTNESS,
            invariant="R7",
            simulated_ns=draw(seed).duration_ns,
        )

    cut = Shrinker(seed, run=run).shrink()

    assert set(cut.keep or ()) == needed
    assert cut.clients == 1
    assert cut.without == ("loss", "replay", "reorder", "skew", "drift", "switch")


def test_a_seed_that_does_not_fail_is_left_whole() -> None:
    assert Shrinker(6, run=lambda seed, cut: GOOD).shrink() == WHOLE
