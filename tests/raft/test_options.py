"""Bounds and rules of a core."""

import pytest

from ledgerd.raft.options import Options, Rules


def test_the_defaults_are_the_lan_profile() -> None:
    """raft.md 5.1, in ticks of 10 ms."""
    options = Options()

    assert (options.heartbeat_ticks, options.election_base_ticks) == (3, 15)
    assert (options.append_bytes_max, options.window_bytes) == (1 << 20, 8 << 20)
    assert (options.window_messages, options.uncommitted_bytes_max) == (16, 64 << 20)


@pytest.mark.parametrize(("heartbeat", "base"), [(0, 10), (3, 3), (5, 4)])
def test_timers_that_cannot_work_are_refused(heartbeat: int, base: int) -> None:
    """A base that ends before a heartbeat is due would depose every leader."""
    with pytest.raises(AssertionError):
        Options(heartbeat_ticks=heartbeat, election_base_ticks=base)


@pytest.mark.parametrize(
    "name",
    [
        "append_bytes_max",
        "window_messages",
        "window_bytes",
        "uncommitted_bytes_max",
        "apply_bytes_max",
    ],
)
def test_a_bound_of_zero_is_refused(name: str) -> None:
    """Nothing could move."""
    with pytest.raises(AssertionError):
        Options(**{name: 0})  # type: ignore[arg-type]  # the name is a parameter


def test_strict_has_every_rule() -> None:
    """F1, F2, F6."""
    assert Rules(True, True, True) == Rules.STRICT
