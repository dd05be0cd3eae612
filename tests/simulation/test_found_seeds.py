"""Seeds of campaigns that were red once, each named after what it found.

A seed's run changes with the workload, so most of these no longer walk the way that found the bug;
the test that does stands beside each in docs/simulation.md. They are run all the same: whoever
wonders about a seed of a campaign finds here what it was and that it is good.
"""

import pytest

from ledgerd.simulation.runner import run_seed

FOUND = {
    325: "R16 counted entries that were lost again although the log had grown",
    530: "R18 a leader never left a slot behind that all others had cut",
    531: "R18 a state was offered for ever that no longer joined the asker's log",
    2034: "K1 took a joining node's own clock for that of a quorum of one",
}


@pytest.mark.parametrize("seed", FOUND, ids=FOUND.values())
def test_a_seed_that_was_red_is_good(seed: int) -> None:
    """What a campaign found stays found."""
    result = run_seed(seed)

    assert result.is_good, result.text
