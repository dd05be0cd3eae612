"""Random scripts keep every invariant that the watch knows, and come to rest (T29, R18)."""

import pytest

from tests.simulation.random_scripts import play


@pytest.mark.parametrize("first", range(0, 120, 10))
def test_random_commands_break_nothing(first: int) -> None:
    """Elections, crashes, cuts, late writes, snapshots; a third with changes, a third with rot."""
    for seed in range(first, first + 10):
        play(seed)
