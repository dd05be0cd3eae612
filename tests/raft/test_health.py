"""A node knows its own disk, pauses and room: F8 with its hysteresis, F36."""

from ledgerd.raft.health import Health, is_low
from ledgerd.raft.options import Options

OPTIONS = Options(
    election_base_ticks=15,
    heartbeat_ticks=3,
    stall_ticks=15,
    recovery_ticks=100,
    recovery_ticks_max=400,
    free_bytes_min=1_000,
)


def slow() -> Health:
    health = Health(OPTIONS)
    health.wrote(15)
    assert health.is_slow
    return health


def ticks_to_recover(health: Health) -> int:
    """Return after how many ticks of good writes the node is fit again."""
    for passed in range(1, 2_000):
        health.wrote(0)
        health.tick(1)
        if not health.is_slow:
            return passed
    raise AssertionError("never fit again")


def test_one_stalled_write_is_enough() -> None:
    """F8: at the stall limit, not below it."""
    health = Health(OPTIONS)
    health.wrote(14)
    assert not health.is_slow
    health.wrote(15)
    assert health.is_slow


def test_five_late_writes_of_twenty_are_enough() -> None:
    """F8: late is a heartbeat or longer; four are not, nor five in a longer time."""
    health = Health(OPTIONS)
    for _ in range(4):
        health.wrote(3)
    for _ in range(19):
        health.wrote(2)
    health.wrote(3)
    assert not health.is_slow
    for _ in range(4):
        health.wrote(3)
    assert health.is_slow


def test_a_process_that_slept_a_base_is_as_bad_as_a_stalled_write() -> None:
    """T71: whether the disk stood or the interpreter did, the peers saw a silent leader."""
    health = Health(OPTIONS)
    health.slept(14)
    assert not health.is_slow
    health.slept(15)
    assert health.is_slow


def test_it_is_fit_again_after_a_time_of_good_writes() -> None:
    """F8: a late write in between starts the time again."""
    assert ticks_to_recover(slow()) == 100

    health = slow()
    for _ in range(99):
        health.tick(1)
    health.wrote(3)
    assert ticks_to_recover(health) == 100


def test_without_a_good_write_it_stays_slow() -> None:
    """Time alone proves nothing about a disk."""
    health = slow()
    health.tick(1_000)
    assert health.is_slow
    health.wrote(0)
    health.tick(1)
    assert not health.is_slow


def test_the_time_doubles_with_each_relapse_up_to_a_bound() -> None:
    """F8: a disk that comes and goes does not make the leadership come and go with it."""
    health = Health(OPTIONS)
    needed = []
    for _ in range(5):
        health.wrote(15)
        needed.append(ticks_to_recover(health))

    assert needed == [100, 200, 400, 400, 400]


def test_a_relapse_after_a_long_time_is_a_first_time() -> None:
    """What was long ago is forgotten."""
    health = slow()
    ticks_to_recover(health)
    health.tick(400)
    health.wrote(15)

    assert ticks_to_recover(health) == 100


def test_room_is_low_below_the_bound_and_unknown_is_not_low() -> None:
    """F36: a node of an older release does not say, and is not held responsible."""
    assert is_low(999, OPTIONS)
    assert not is_low(1_000, OPTIONS)
    assert not is_low(None, OPTIONS)
    health = Health(OPTIONS)
    health.free_bytes = -1
    assert health.is_low
