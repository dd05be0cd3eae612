"""Nodes hold entries back, and stop it while they run, as the judge of `node.holding` has it."""

from collections import Counter
from dataclasses import replace

import pytest

from ledgerd.raft.entries import NodeId
from ledgerd.raft.facts import HoldingBack
from ledgerd.replica.inputs import Noted
from ledgerd.simulation.clock import SECOND
from ledgerd.simulation.cluster import Simulation
from ledgerd.simulation.cut import Cut, parse
from ledgerd.simulation.swarm import Setup, draw
from ledgerd.simulation.trace import Line, Trace

SEEDS = range(1, 401)
# Whole seeds are run; on a busy machine they take long, which says nothing about the code.
pytestmark = pytest.mark.timeout(900)


def switching(**others: object) -> Setup:
    """Return a calm run of three nodes that switch ten times a second."""
    setup = draw(next(s for s in SEEDS if draw(s).switch_gap_ns and draw(s).nodes == 3))
    return replace(
        setup, switch_gap_ns=SECOND // 10, duration_ns=5 * SECOND, faults=(), **others
    )


def run(setup: Setup) -> tuple[Simulation, list[Line]]:
    """Run, and return what was switched."""
    lines: list[Line] = []
    simulation = Simulation(setup, trace=Trace(lines.append))
    simulation.run()
    return simulation, [line for line in lines if line.letter == "b"]


def test_a_seed_switches_where_there_is_something_to_switch() -> None:
    """Of the others nothing changes, and seeds that were found before mean what they meant."""
    for setup in map(draw, SEEDS):
        options = setup.options
        if setup.switch_gap_ns:
            assert options.held_back_bytes_max
            assert options.is_commit_told_by_tick
    count = sum([draw(seed).switch_gap_ns > 0 for seed in SEEDS])

    assert len(SEEDS) // 4 < count < len(SEEDS) // 2


def test_every_node_switches_in_turns_and_its_core_is_told() -> None:
    simulation, switched = run(switching())
    counts = Counter(line.node for line in switched)

    assert set(counts) == {1, 2, 3}
    assert all(20 < count < 100 for count in counts.values()), counts
    for node_id, machine in simulation.machines.items():
        notes = [line.note for line in switched if line.node == node_id]
        assert notes[:4] == ["off", "on", "off", "on"]
        told = HoldingBack(notes[-1] == "on")
        assert machine.life is not None
        assert told in machine.life.replica.core.facts or (
            Noted(told) in machine.life.inbox
        )
    assert simulation.marks["append.held_no_longer"]


def test_a_process_begins_with_holding_back_as_the_judge_does() -> None:
    simulation = Simulation(switching())
    machine = simulation.machines[NodeId(1)]
    while machine.may_hold_back:
        assert simulation.agenda.step(SECOND)
    machine.crash("test", is_power_cut=False)
    machine.start()

    assert machine.may_hold_back
    assert machine.life is not None
    assert HoldingBack(True) in machine.life.replica.core.facts


def test_a_cut_may_leave_the_switch_out() -> None:
    """Where a failure does not need it, a shrunk run is easier to read without."""
    setup, _ = Cut(without=("switch",)).apply(switching())

    assert parse("without=switch") == Cut(without=("switch",))
    assert run(setup)[1] == []
