"""How bulk work keeps its pace, and stands back."""

import pytest

from ledgerd.replica.pace import CROWDING_MAX, Pace, rest_s


def test_a_pace_lets_so_many_bytes_pass_in_a_second() -> None:
    """Each piece waits for the ones before it, and a pause leaves a second's credit at most."""
    now_s = 100.0
    pace = Pace(1_000, lambda: now_s)
    assert pace.wait_s(500) == pytest.approx(0.5)
    assert pace.wait_s(500) == pytest.approx(1.0)
    now_s = 200.0
    assert pace.wait_s(1_000) == 0.0
    assert pace.wait_s(500) == pytest.approx(0.5)


def test_work_alone_rests_as_often_as_it_is_told() -> None:
    """Nobody else wanted the processor: what was worked was used."""
    assert rest_s(0.01, 0.01, 4.0) == pytest.approx(0.04)
    assert rest_s(0.01, 0.02, 4.0) == pytest.approx(0.04)  # clocks differ a little
    assert rest_s(0.01, 0.01, 0.0) == 0.0


def test_work_that_waited_for_others_rests_longer() -> None:
    """Its share falls about with the cube of what it waited: half the time, a seventh of it."""
    alone = 0.01 / (0.01 + rest_s(0.01, 0.01, 4.0))
    shared = 0.01 / (0.02 + rest_s(0.02, 0.01, 4.0))
    assert alone == pytest.approx(1 / 5)
    assert shared < alone / 6


def test_the_rest_is_bounded() -> None:
    """A wait for the disk is not taken for others without end, nor is work not measured at all."""
    longest = 0.01 * 4.0 * CROWDING_MAX**2
    assert rest_s(0.01, 0.0001, 4.0) == pytest.approx(longest)
    assert rest_s(0.01, 0.0, 4.0) == pytest.approx(longest)
    assert rest_s(0.0, 0.0, 4.0) == 0.0
