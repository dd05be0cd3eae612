"""Rounds of catching up: who keeps pace votes, who does not stays a learner. Thesis 4.2.1, F23."""

from ledgerd.raft.catch_up import CatchUp, Verdict
from ledgerd.raft.entries import Index


def tick(
    rounds: CatchUp, ticks: int, match: int, last: int, *, is_paused: bool = False
) -> Verdict:
    """Let time pass for a learner; short rounds are under 10 ticks, long ones over 50."""
    rounds.tick(
        ticks,
        match=Index(match),
        last=Index(last),
        is_paused=is_paused,
        short_ticks=10,
        round_ticks_max=50,
        rounds_max=3,
    )
    return rounds.verdict


def test_nothing_is_measured_before_the_first_answer() -> None:
    """A node may be added long before it is started."""
    rounds = CatchUp()

    assert tick(rounds, 10_000, 0, 100) is Verdict.GOES_ON
    assert rounds.round == 0


def test_a_short_round_keeps_pace() -> None:
    """It ends when the learner holds what the leader had when it began."""
    rounds = CatchUp()
    tick(rounds, 1, 1, 100)

    assert tick(rounds, 20, 100, 150) is Verdict.GOES_ON  # the first was long
    assert (rounds.round, rounds.target) == (2, 150)
    assert tick(rounds, 9, 150, 160) is Verdict.KEEPS_PACE


def test_a_round_of_an_election_base_is_slow() -> None:
    """Shorter than that, not as long as that."""
    rounds = CatchUp()
    tick(rounds, 1, 1, 100)

    assert tick(rounds, 10, 100, 150) is Verdict.GOES_ON


def test_too_many_slow_rounds_are_too_slow() -> None:
    """The cluster does not wait for ever."""
    rounds = CatchUp()
    tick(rounds, 1, 1, 100)
    tick(rounds, 20, 100, 200)
    tick(rounds, 20, 200, 300)

    assert tick(rounds, 20, 300, 400) is Verdict.TOO_SLOW
    assert tick(rounds, 1, 400, 400) is Verdict.TOO_SLOW  # it stays so


def test_the_first_round_may_take_long_if_it_gets_on() -> None:
    """It brings the whole log; only the time without progress is bounded."""
    rounds = CatchUp()
    tick(rounds, 1, 1, 1_000)
    for match in range(2, 22):
        assert tick(rounds, 40, match, 1_000) is Verdict.GOES_ON

    assert tick(rounds, 51, 21, 1_000) is Verdict.TOO_SLOW


def test_a_later_round_is_bounded_as_a_whole() -> None:
    """A trickle is not enough once the backlog is there."""
    rounds = CatchUp()
    tick(rounds, 1, 1, 100)
    tick(rounds, 20, 100, 1_000)
    tick(rounds, 40, 101, 1_000)

    assert tick(rounds, 20, 102, 1_000) is Verdict.TOO_SLOW


def test_a_snapshot_on_its_way_is_progress() -> None:
    """It moves match only when it has arrived."""
    rounds = CatchUp()
    tick(rounds, 1, 1, 1_000)

    assert tick(rounds, 500, 1, 1_000, is_paused=True) is Verdict.GOES_ON
    assert tick(rounds, 40, 1, 1_000) is Verdict.GOES_ON
    assert tick(rounds, 1, 900, 1_000) is Verdict.GOES_ON
