"""A write that does not come back is seen from the loop (F9)."""

import asyncio

import pytest

from ledgerd.errors import ExitCode, NotLogged, OutcomeUnknown, Reason
from ledgerd.node.courier import Courier
from ledgerd.node.failstop import exit_code_of
from ledgerd.node.stall import EXIT_S, GIVE_UP_TIMES, StallWatch

LIMIT_S = 0.25  # exact in binary


class World:
    """A watch over a clock and a write of the test's own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.began_at: float | None = None
        self.ended: list[Reason] = []
        self.stops: list[BaseException] = []
        self.watch = StallWatch(
            limit_s=LIMIT_S,
            write_began_at=lambda: self.began_at,
            end_calls=self.ended.append,
            fail_stop=lambda error, where: self.stops.append(error),
            now=lambda: self.now,
        )

    def after(self, age_s: float) -> bool:
        """Check a write of that age; return whether the node counts as stalled."""
        self.began_at = self.now - age_s
        self.watch.check()
        return self.watch.is_stalled


def test_a_write_over_the_limit_makes_the_node_not_ready_until_it_is_back() -> None:
    """F9: callers go elsewhere meanwhile; nothing ends yet."""
    world = World()
    assert not world.after(LIMIT_S)
    assert world.after(LIMIT_S + 0.01)
    assert world.ended == world.stops == []
    world.began_at = None
    world.watch.check()
    assert not world.watch.is_stalled


def test_ten_times_longer_ends_the_calls_that_wait() -> None:
    """F9: as unknown, for the write may still come back."""
    world = World()
    world.after(GIVE_UP_TIMES * LIMIT_S)
    assert world.ended == []
    world.after(GIVE_UP_TIMES * LIMIT_S + 0.01)
    assert world.ended == [Reason.DISK_STALLED]


def test_after_half_a_minute_the_process_ends_with_the_storage_code() -> None:
    """F9: a node that hangs for ever helps nobody."""
    world = World()
    world.after(EXIT_S)
    assert world.stops == []
    world.after(EXIT_S + 0.01)
    (stop,) = world.stops
    assert exit_code_of(stop) is ExitCode.STORAGE


@pytest.mark.parametrize("before_s", [0.01, -0.01])
def test_what_the_process_slept_through_is_not_held_against_the_disk(
    before_s: float,
) -> None:
    """F9, T83: paused for a minute in the middle of a write, it goes on when it is back."""
    world = World()
    due_at = world.now + 0.05
    world.began_at = due_at - before_s
    world.watch.check()
    world.now = due_at + 60.0
    world.watch.check(late_s=60.0)
    assert not world.watch.is_stalled
    assert world.ended == world.stops == []
    world.now += EXIT_S + 1
    world.watch.check()

    assert len(world.stops) == 1


def test_calls_end_as_what_is_known_of_them() -> None:
    """Proposals as unknown, reads as not answered."""

    async def run() -> None:
        courier = Courier(
            loop=asyncio.get_running_loop(),
            api_addresses={},
            on_role_change=lambda _: None,
            on_visible=lambda _: None,
        )
        _, decision = courier.expect_decision()
        _, point = courier.expect_read_point()
        courier.end_all(Reason.DISK_STALLED)
        with pytest.raises(OutcomeUnknown) as unknown:
            await decision
        with pytest.raises(NotLogged) as unanswered:
            await point
        assert unknown.value.reason is Reason.DISK_STALLED
        assert unanswered.value.reason is Reason.NOT_READY

    asyncio.run(run())
