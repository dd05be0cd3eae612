"""What a seed draws, where another part of the simulator counts on it."""

from ledgerd.simulation.swarm import draw

CI_SEEDS = range(1, 201)


def test_hoarders_keep_their_logs_and_the_others_next_to_nothing() -> None:
    """T60, T95: who was offered a copy by one leader hears the entries from the next."""
    setups = [setup for seed in CI_SEEDS if (setup := draw(seed)).hoarders is not None]

    assert len(setups) > 20
    for setup in setups:
        assert setup.nodes >= 3
        kept = {node: setup.bounds_of(node) for node in range(1, setup.nodes + 1)}
        for node, bounds in kept.items():
            assert bounds is not None
            is_hoarder = node % 2 == setup.hoarders
            assert (bounds.keep_entries > 1 << 30) is is_hoarder
            assert bounds.cap_bytes > bounds.keep_bytes
        assert len({bounds.keep_entries for bounds in kept.values() if bounds}) == 2


def test_without_hoarders_all_keep_the_same() -> None:
    """None at all, too: then no log is cut."""
    setups = [setup for seed in CI_SEEDS if (setup := draw(seed)).hoarders is None]

    assert len(setups) > 100
    for setup in setups:
        assert {setup.bounds_of(node) for node in range(1, 10)} == {setup.bounds}
