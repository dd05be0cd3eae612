"""The mutation gate in short: every plant stands, and each known seed still finds its bug.

The long form is `make sim-mutants`.
"""

import pytest

from tests.plants.loader import PlantError
from tests.simulation.mutations.hunt import PLANTS, hunt
from tests.simulation.mutations.known import SEEDS
from tests.simulation.mutations.plant import Plant, planted
from tests.simulation.test_seeds import CI_SEEDS

MORE_SEEDS = (
    60  # tried behind the known one, for a change of the product moves every run
)
LIMIT_S = 60.0  # CPU time of a hunt
# On a busy machine that much takes long, and says nothing about the code.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(20 * LIMIT_S)]


def test_every_bug_has_a_known_seed() -> None:
    assert sorted(SEEDS) == sorted(PLANTS)
    assert len(PLANTS) >= 20


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_bug_is_found(name: str) -> None:
    """By an invariant, on a seed that is clean without it, as `test_seeds` says of its own."""
    known = SEEDS[name]
    seeds = (known, *(seed for seed in range(1, MORE_SEEDS) if seed != known))

    hunted = hunt(PLANTS[name], seeds, limit_s=LIMIT_S, clean=CI_SEEDS)

    print(f"{name}: seed {hunted.seed} by {hunted.by} in {hunted.seconds:.1f} s")
    assert hunted.seed is not None, hunted.why
    assert not hunted.why, hunted.why


def test_a_plant_whose_target_is_gone_is_refused() -> None:
    gone = Plant("Z1", "nothing", {"ledgerd.raft.log:RaftLog.gone": lambda one: one})

    with pytest.raises(PlantError, match="expected"):
        hunt(gone, [1])


def test_a_plant_that_is_never_reached_is_not_found() -> None:
    """A name that nothing calls proves nothing."""
    idle = Plant(
        "Z2", "nothing", {"ledgerd.raft.describe:describe_ready": lambda one: one}
    )

    hunted = hunt(idle, [1])

    assert hunted.seed is None
    assert hunted.why.startswith("never reached")


def test_a_plant_that_does_not_fit_the_code_is_no_find() -> None:
    """A bug of an older signature would be found by its own TypeError."""

    def misfit(original: object) -> object:
        return lambda self: original

    broken = Plant("Z3", "nothing", {"ledgerd.raft.log:RaftLog.merge": misfit})  # type: ignore[dict-item]

    with pytest.raises(AssertionError, match="does not fit"):
        hunt(broken, range(1, 4))


def test_a_plant_is_taken_back() -> None:
    from ledgerd.raft.log import RaftLog

    original = RaftLog.merge
    with planted(PLANTS["M5"]):
        assert RaftLog.merge is not original
    assert RaftLog.merge is original
