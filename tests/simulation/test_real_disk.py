"""One node over real LMDB: the same checks, the same run each time."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ledgerd.cli.simulate import simulate
from ledgerd.simulation.cut import Cut
from ledgerd.simulation.real_disk import FAULTS, suited
from ledgerd.simulation.runner import run_seed
from ledgerd.simulation.swarm import FAULT_KINDS, draw
from ledgerd.simulation.verdict import Kind

SHORT = Cut(until_ms=8_000)


@pytest.mark.parametrize("seed", [3, 6, 13])
def test_a_seed_is_good_and_the_same_twice(seed: int) -> None:
    """Crashes within turns, starts over what LMDB kept, and every check of the simulator."""
    one, other = (run_seed(seed, SHORT, is_real=True) for _ in range(2))

    assert one.is_good, one.text
    assert one == other
    assert one.committed > 10


def test_some_seed_crashes_and_goes_on_over_what_is_there() -> None:
    seeds = [s for s in range(1, 40) if "crash_all" in suited(draw(s)).faults]
    results = [run_seed(seed, SHORT, is_real=True) for seed in seeds[:3]]

    assert all(result.is_good for result in results), [r.text for r in results]
    assert any(result.faults.get("crash_all") for result in results)


def test_a_real_run_has_one_node_and_no_fault_that_lmdb_does_not_allow() -> None:
    assert set(FAULT_KINDS) > FAULTS
    for seed in range(1, 30):
        setup = suited(draw(seed))
        assert (setup.nodes, setup.old_nodes) == (1, 0)
        assert set(setup.faults) <= FAULTS


def test_nothing_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    run_seed(3, SHORT, is_real=True)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seed", "1", "--store", "lmdb"],
        ["--prove", "1", "--store", "lmdb", "--nodes", "1"],
        ["--seed", "1", "--nodes", "1"],
    ],
)
def test_what_cannot_be_simulated_is_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(simulate, arguments)

    assert result.exit_code == Kind.USAGE.value
    assert "--nodes" in result.output
