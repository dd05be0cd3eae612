"""Which node is asked next: a table of beliefs, hints and silences."""

import asyncio
from collections.abc import Callable

import pytest

from ledgerd.client import ConfigError, Endpoint, Profile
from ledgerd.client.leader import PATIENCE_S_MAX, PATIENCE_S_MIN, Nodes, Route

PROFILE = Profile("c", tuple(Endpoint(n, f"127.0.0.1:{n}") for n in (1, 2, 3)))


def with_nodes(check: Callable[[Nodes], None], only: int | None = None) -> None:
    """Run a check on nodes that are never reached; they need a loop to exist."""

    async def scenario() -> None:
        nodes = Nodes(PROFILE, only)
        try:
            check(nodes)
        finally:
            await nodes.close()

    asyncio.run(scenario())


def taken(route: Route, count: int, hint: int | None = None) -> list[int | None]:
    """Return the ids of the next nodes; the hint is for the first of them."""
    ids: list[int | None] = []
    for _ in range(count):
        node = route.next(hint)
        ids.append(None if node is None else node.node_id)
        hint = None
    return ids


def test_round_asks_each_node_once_and_then_pauses() -> None:
    """Without knowledge it goes round the ring, and each round begins further on."""

    def check(nodes: Nodes) -> None:
        route = Route(nodes)

        assert taken(route, 5) == [1, 2, 3, None, 1]

    with_nodes(check)


def test_believed_leader_goes_first() -> None:
    """What an earlier call learned is used by the next one."""

    def check(nodes: Nodes) -> None:
        nodes.leader_id = 2

        assert taken(Route(nodes), 4) == [2, 3, 1, None]

    with_nodes(check)


def test_hint_is_followed_once_a_round() -> None:
    """Two nodes that name each other do not trap a call."""

    def check(nodes: Nodes) -> None:
        route = Route(nodes)

        assert taken(route, 1) == [1]
        assert taken(route, 1, hint=3) == [3]
        assert taken(route, 2, hint=1) == [2, None]

    with_nodes(check)


def test_hint_to_a_stranger_is_ignored() -> None:
    """A node that the profile does not have cannot be asked."""

    def check(nodes: Nodes) -> None:
        assert taken(Route(nodes), 1, hint=9) == [1]

    with_nodes(check)


def test_silent_node_is_asked_only_if_it_is_named() -> None:
    """Waiting for silence is what costs time; a follower's word is worth it."""

    def check(nodes: Nodes) -> None:
        silent = nodes.get(1)
        assert silent is not None
        silent.kept_silent()

        assert taken(Route(nodes), 3) == [2, 3, None]
        assert taken(Route(nodes), 1, hint=1) == [1]

    with_nodes(check)


def test_if_all_are_silent_all_are_asked_again() -> None:
    """Silence of all is a reason to try, not to stop."""

    def check(nodes: Nodes) -> None:
        for node in nodes:
            node.kept_silent()

        assert taken(Route(nodes), 4) == [1, 2, 3, None]

    with_nodes(check)


def test_patience_grows_with_silence_and_returns_with_answers() -> None:
    """A slow leader gets more time, up to a bound; a fast one is left soon."""

    def check(nodes: Nodes) -> None:
        node = nodes.get(1)
        assert node is not None
        assert node.patience_s == PATIENCE_S_MIN
        for _ in range(9):
            node.kept_silent()
        assert node.patience_s == PATIENCE_S_MAX
        for _ in range(40):
            node.answered_after(0.001)
        assert node.patience_s == pytest.approx(PATIENCE_S_MIN, abs=0.01)
        assert not node.is_silent

    with_nodes(check)


def test_pinned_client_knows_one_node() -> None:
    """A client of one node never asks another; a wrong number is named."""

    def check(nodes: Nodes) -> None:
        assert taken(Route(nodes), 2) == [2, None]

    with_nodes(check, only=2)

    with pytest.raises(ConfigError, match="found node_id 7"):
        with_nodes(lambda nodes: None, 7)
