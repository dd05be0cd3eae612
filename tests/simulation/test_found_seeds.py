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
    565: "R4 held that an uncommitted slot at the end takes only what stood there",
    605: "R18 a leader of one second removed the last voter that lived",
    652: "R16 counted what was said again after a loss",
    689: "R18 a follower asked again before an answer could come, and dropped the answer",
    1205: "R18 only the leader that was removed knew that it was",
    1267: "R18 a quorum was healed that a replacement under way made too small",
    1370: "R18 a state that waits for a copy was not counted as a bad one",
    1461: "R18 a long log that travels entry by entry was taken for standing still",
    1473: "R18 a disk was lost that one half of a joint membership could not spare",
    1496: "R18 a node that was not healed came back by itself and led",
    1597: "R18 who was to vote had more than all that knew it, and refused them",
    1702: "R8 both records of one hard state were put back to the same old one",
    1882: "R16 who needed a corrupt slot in each turn asked for it in each turn",
    1888: "R15 an emptied node was sent what was meant for the process before",
    # And R5 held who was elected late to what leaders of later terms had committed.
    1955: "R8 held a node to an entry that it had replaced in the moment of its crash",
    2034: "K1 took a joining node's own clock for that of a quorum of one",
    2155: "K1 had not seen what a clock showed before it jumped",
    2782: "R18 the last slot of an idle leader waited for an entry that would prove it",
    3366: "R15 an emptied node was sent what had been sent while it was down",
    3659: "R18 of four voters two could not say how far their logs go",
    4067: "R18 four of seven could not say how far their logs go, though they had applied it all",
    4480: "R18 nobody led after a membership that few had applied",
    300094: "R18 one of three was removed in the moment in which another lost its disk",
    300836: "R18 a node that had joined a lone founder was taken for one without peers",
    300930: "R6 the entry that took a corrupt slot was read from memory as the old one",
    304279: "R18 a state that was built anew after healing was taken for standing still",
    304573: "R15 a message came by a connection that was never made, to an emptied node",
    601213: "T8 an entry behind a slot that two nodes lacked ended the one that asked for it",
    611068: "R9 what was replaced before it was written was acknowledged all the same",
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", FOUND, ids=FOUND.values())
def test_a_seed_that_was_red_is_good(seed: int) -> None:
    """What a campaign found stays found."""
    result = run_seed(seed)

    assert result.is_good, result.text
