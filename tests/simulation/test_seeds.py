"""The seeds of CI: every invariant holds, everything recovers, every rare path is taken."""

import pytest

from ledgerd.simulation.runner import Summary, run_seeds

CI_SEEDS = range(1, 201)


@pytest.fixture(scope="module")
def summary() -> Summary:
    """All seeds of CI, run once on both cores."""
    summary = Summary()
    for result in run_seeds(CI_SEEDS, jobs=2):
        summary.add(result)
    return summary


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_seed_is_good(summary: Summary) -> None:
    """R1 to R18 and the ledger's invariants hold under everything that the seeds do."""
    assert [result.text for result in summary.failed] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_mark_is_reached(summary: Summary) -> None:
    """A rare path that no seed takes is a path that nobody knows to work."""
    assert summary.missing == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_seeds_do_something(summary: Summary) -> None:
    """A run that does nothing proves nothing."""
    assert summary.committed > 50 * len(CI_SEEDS)
    assert summary.reads > 10 * len(CI_SEEDS)
    assert summary.elections > 2 * len(CI_SEEDS)
