"""Faults of the links between peers: halves, the leader alone, one way only.

Clients still reach every node. The heal of each is to let all directions flow again;
bytes that stalled meanwhile are delivered then, in order.
"""

from itertools import permutations
from random import Random

from jepsen.nemesis.field import Direction, Field


def between(one: set[int], other: set[int]) -> list[Direction]:
    """Return both directions of every link between two groups."""
    return sorted(
        pair
        for pair in permutations(one | other, 2)
        if (pair[0] in one) != (pair[1] in one)
    )


async def _leader_or_any(field: Field, rng: Random) -> int:
    leader = await field.leader()
    return rng.choice(sorted(field.node_ids)) if leader is None else leader


class Halves:
    """A majority and a minority; the leader is in the minority every other time."""

    name = "partition-halves"

    def __init__(self, field: Field, rng: Random) -> None:
        self._field = field
        self._rng = rng
        self._leader_in_minority = rng.random() < 0.5

    async def start(self) -> dict[str, list[list[int]]]:
        """Cut all links between the groups; return the groups."""
        leader = await _leader_or_any(self._field, self._rng)
        others = [each for each in sorted(self._field.node_ids) if each != leader]
        size = (len(others)) // 2  # of the minority
        chosen = self._rng.sample(others, size)
        minority = set(chosen)
        if self._leader_in_minority:
            minority = {leader, *chosen[1:]}
        self._leader_in_minority = not self._leader_in_minority
        majority = set(self._field.node_ids) - minority
        await self._field.block(between(minority, majority))
        return {"groups": [sorted(minority), sorted(majority)]}

    async def heal(self) -> None:
        """Let all links flow."""
        await self._field.block(())


class IsolatedLeader:
    """The present leader reaches no peer, and none reaches it."""

    name = "partition-leader"

    def __init__(self, field: Field, rng: Random) -> None:
        self._field = field
        self._rng = rng

    async def start(self) -> dict[str, list[list[int]]]:
        """Cut all links of the leader; return the groups."""
        leader = await _leader_or_any(self._field, self._rng)
        others = set(self._field.node_ids) - {leader}
        await self._field.block(between({leader}, others))
        return {"groups": [[leader], sorted(others)]}

    async def heal(self) -> None:
        """Let all links flow."""
        await self._field.block(())


class OneWay:
    """The leader sends but hears nothing, or hears but sends nothing, in turns."""

    name = "partition-one-way"

    def __init__(self, field: Field, rng: Random) -> None:
        self._field = field
        self._rng = rng
        self._is_deaf = rng.random() < 0.5

    async def start(self) -> dict[str, list[list[int]]]:
        """Stall one direction of the leader's links; return the directions."""
        leader = await _leader_or_any(self._field, self._rng)
        others = sorted(set(self._field.node_ids) - {leader})
        if self._is_deaf:
            directions = [(other, leader) for other in others]
        else:
            directions = [(leader, other) for other in others]
        self._is_deaf = not self._is_deaf
        await self._field.block(directions)
        return {"directions": [list(each) for each in directions]}

    async def heal(self) -> None:
        """Let all links flow."""
        await self._field.block(())
