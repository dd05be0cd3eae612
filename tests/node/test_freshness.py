"""How old the visible state can be, by the clock of one node."""

from ledgerd.node.freshness import Freshness
from ledgerd.raft.entries import Index


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_age_is_unknown_before_the_first_read_point() -> None:
    """A node that just started may be behind by any amount."""
    freshness = Freshness(Clock())
    freshness.advance(Index(9))

    assert freshness.age_s() is None


def test_the_age_counts_from_when_the_point_was_asked_for() -> None:
    """What was answered before the question is in the point; what came after may not be. T80."""
    clock = Clock()
    freshness = Freshness(clock)
    freshness.advance(Index(9))
    asked_at = clock.now
    clock.now += 3
    freshness.confirmed(Index(9), asked_at=asked_at)
    clock.now += 2

    assert freshness.age_s() == 5


def test_a_point_counts_once_the_state_has_reached_it() -> None:
    """A node that hears of everything and applies nothing is not fresh."""
    clock = Clock()
    freshness = Freshness(clock)
    freshness.advance(Index(9))
    freshness.confirmed(Index(9), asked_at=clock.now)
    clock.now += 10
    freshness.confirmed(Index(20), asked_at=clock.now)
    freshness.advance(Index(19))
    behind = freshness.age_s()
    freshness.advance(Index(20))

    assert behind == 10
    assert freshness.age_s() == 0


def test_an_older_point_never_makes_it_older() -> None:
    """Confirmations may come in any order."""
    clock = Clock()
    freshness = Freshness(clock)
    freshness.advance(Index(9))
    freshness.confirmed(Index(9), asked_at=50.0)
    freshness.confirmed(Index(8), asked_at=20.0)

    assert freshness.since() == (50.0, 9)


def test_points_that_are_never_reached_are_bounded() -> None:
    """A node that stopped applying forgets what it cannot use."""
    freshness = Freshness(Clock())
    for number in range(1, 1000):
        freshness.confirmed(Index(number), asked_at=float(number))

    assert len(freshness._waiting) <= 64
