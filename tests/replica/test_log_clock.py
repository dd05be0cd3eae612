"""Log time follows the quorum's clocks, slewed, and never goes back (ledger.md 5)."""

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from ledgerd.replica.log_clock import JUMP_US, LogClock, quorum_time_us

HOUR_US = 3_600_000_000
START_US = 1_800_000_000_000_000


class Clocks:
    """A wall and a monotonic clock that tests move."""

    def __init__(self) -> None:
        self.wall_us = START_US
        self.monotonic_us = 0

    def advance(self, us: int) -> None:
        self.wall_us += us
        self.monotonic_us += us

    def log_clock(self) -> LogClock:
        return LogClock(
            node_id=1,
            voters=(1, 2, 3),
            wall_us=lambda: self.wall_us,
            monotonic_us=lambda: self.monotonic_us,
        )


@pytest.mark.parametrize(
    ("clocks", "voters", "expected"),
    [
        ([5], 1, 5),
        ([5], 3, None),
        ([5, 9], 3, 5),
        ([5, 9, 7], 3, 7),
        ([1, 2, 3], 5, 1),
        ([1, 2, 3, 4, 5], 5, 3),
        ([1, 2], 2, 1),
    ],
)
def test_quorum_time_is_what_a_majority_has_reached(
    clocks: list[int], voters: int, expected: int | None
) -> None:
    """At least a majority of all voters shows this time or a later one."""
    assert expected == quorum_time_us(clocks, voters=voters)


def test_a_fresh_cluster_jumps_to_the_quorum() -> None:
    """Log time starts at 0; the first answer with a quorum known is the quorum's time."""
    clocks = Clocks()
    log_clock = clocks.log_clock()
    log_clock.sample(2, START_US)

    assert log_clock.now_us() == START_US


@pytest.mark.parametrize("wrong_us", [HOUR_US, -HOUR_US, 400 * 24 * HOUR_US])
def test_one_wrong_clock_does_not_move_log_time(wrong_us: int) -> None:
    """The leader's own clock jumps; log time stays with the other two (K1)."""
    clocks = Clocks()
    log_clock = clocks.log_clock()
    log_clock.sample(2, START_US)
    log_clock.sample(3, START_US)
    before_us = log_clock.now_us()

    clocks.wall_us += wrong_us
    clocks.advance(1_000_000)
    now_us = log_clock.now_us()

    assert before_us + 950_000 <= now_us <= before_us + 1_050_000


def test_it_never_goes_back_and_slews_at_most_five_percent() -> None:
    """A quorum that is behind slows log time down; it does not turn it round."""
    clocks = Clocks()
    log_clock = clocks.log_clock()
    log_clock.follow(START_US + HOUR_US)
    log_clock.sample(2, START_US)
    first_us = log_clock.now_us()

    clocks.advance(1_000_000)

    assert first_us == START_US + HOUR_US
    assert log_clock.now_us() == first_us + 950_000


def test_far_behind_it_jumps_near_it_slews() -> None:
    """Ten seconds behind the quorum is the bound between the two."""
    clocks = Clocks()
    log_clock = clocks.log_clock()
    log_clock.follow(START_US - JUMP_US + 1)
    log_clock.sample(2, START_US)
    slewed_us = log_clock.now_us()
    clocks.wall_us += 10
    log_clock.sample(2, START_US + 10)

    assert slewed_us == START_US - JUMP_US + 1
    assert log_clock.now_us() == START_US + 10


def test_it_goes_on_from_the_stamps_of_others() -> None:
    """Down for seven seconds, it follows a leader, and leads: log time does not stand still."""
    clocks = Clocks()
    log_clock = clocks.log_clock()
    log_clock.follow(START_US - 7_000_000)  # its own last entry
    clocks.advance(1_000_000)
    log_clock.sample(2, clocks.wall_us)

    log_clock.follow(clocks.wall_us)
    stamped_us = log_clock.now_us()
    clocks.advance(1_000_000)

    assert stamped_us == START_US + 1_000_000
    assert log_clock.now_us() == clocks.wall_us


def test_what_passed_before_a_stamp_is_not_counted_on_top_of_it() -> None:
    """A follower that nobody asked for an hour takes the stamp for what it is."""
    clocks = Clocks()
    log_clock = clocks.log_clock()
    log_clock.follow(START_US)
    clocks.advance(HOUR_US)
    log_clock.sample(2, clocks.wall_us)

    log_clock.follow(clocks.wall_us + 5)

    assert log_clock.now_us() == clocks.wall_us + 5


def test_an_old_stamp_takes_no_time_away() -> None:
    """A leader's own last entry is older than its clock."""
    clocks = Clocks()
    log_clock = clocks.log_clock()
    log_clock.follow(START_US)
    clocks.advance(1_000_000)
    log_clock.sample(2, clocks.wall_us)

    log_clock.follow(START_US + 10)

    assert log_clock.now_us() == START_US + 1_000_000


def test_foreign_clocks_are_not_looked_at() -> None:
    """A node that is no voter does not move log time."""
    clocks = Clocks()
    log_clock = clocks.log_clock()
    log_clock.sample(9, START_US)

    assert log_clock.now_us() == 0


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Let threads take turns as often as the interpreter can."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before_s)


@pytest.mark.usefixtures("eager_threads")
def test_a_first_sample_while_time_is_asked_does_not_stop_the_node() -> None:
    """Peers connect on the loop while the replica thread walks what they showed."""
    voters = range(1, 5_001)
    log_clock = LogClock(
        node_id=1,
        voters=voters,
        wall_us=lambda: START_US,
        monotonic_us=lambda: time.monotonic_ns() // 1000,
    )

    def connect() -> None:
        for peer in voters[1:]:
            log_clock.sample(peer, START_US)

    loop = threading.Thread(target=connect)
    loop.start()
    answers = [log_clock.now_us()]
    while loop.is_alive():
        answers.append(log_clock.now_us())
    loop.join()

    assert answers == sorted(answers)


def test_it_follows_the_voters_of_the_moment() -> None:
    """A voter that went is asked no more; one that came counts once it was heard."""
    clocks = Clocks()
    log_clock = clocks.log_clock()
    log_clock.sample(2, START_US)
    log_clock.sample(3, START_US + HOUR_US)
    log_clock.follow_voters((1, 2, 4))
    log_clock.sample(3, START_US + 2 * HOUR_US)

    assert log_clock.now_us() == START_US
