"""The schedule follows its seed, every fault happens, and each hits what it says."""

import asyncio
from collections.abc import Iterable
from random import Random

import pytest

from jepsen.nemesis import targets
from jepsen.nemesis.partition import Halves, IsolatedLeader, OneWay, between
from jepsen.nemesis.process import Kill, KillRail, Pause
from jepsen.nemesis.schedule import NAMES, make_faults, plan


class FakeField:
    """A cluster that only notes what was done to it; node 2 leads."""

    def __init__(self, nodes: int = 3) -> None:
        self.node_ids = tuple(range(1, nodes + 1))
        self.done: list[tuple[str, int]] = []
        self.blocked: set[tuple[int, int]] = set()

    async def leader(self) -> int | None:
        return 2

    def kill(self, node_id: int) -> None:
        self.done.append(("kill", node_id))

    def start(self, node_id: int) -> None:
        self.done.append(("start", node_id))

    def pause(self, node_id: int) -> None:
        self.done.append(("pause", node_id))

    def resume(self, node_id: int) -> None:
        self.done.append(("resume", node_id))

    async def block(self, directions: Iterable[tuple[int, int]]) -> None:
        self.blocked = set(directions)

    def kill_rail(self) -> None:
        self.done.append(("kill rail", 0))

    async def start_rail(self) -> None:
        self.done.append(("start rail", 0))


def test_a_seed_fixes_the_schedule() -> None:
    """The same seed plans the same rounds, another one does not."""
    one, again, other = (plan(NAMES, 20, Random(seed)) for seed in (1, 1, 2))

    assert one == again
    assert one != other


def test_every_fault_comes_as_often_as_the_others() -> None:
    """In fourteen rounds of six faults each happens twice at least."""
    rounds = plan(NAMES, 14, Random(3))

    counts = [sum(each.fault == name for each in rounds) for name in NAMES]
    assert len(rounds) == 14
    assert set(counts) == {2, 3}


def test_all_faults_can_be_made() -> None:
    """Each name of the command line has its fault; another name is refused."""
    made = make_faults(NAMES, FakeField(), "leader", Random(1))

    assert [fault.name for fault in made.values()] == list(NAMES)
    with pytest.raises(ValueError, match="found 'storm'"):
        make_faults(["storm"], FakeField(), "leader", Random(1))


@pytest.mark.parametrize(
    ("target", "nodes", "sizes"),
    [
        ("leader", 5, {1}),
        ("one", 5, {1}),
        ("random", 5, {1, 2, 3, 4, 5}),
        ("minority-third", 5, {1}),
        ("minority", 5, {2}),
        ("majority", 5, {3}),
        ("all", 5, {5}),
        ("minority", 3, {1}),
        ("majority", 3, {2}),
    ],
)
def test_a_target_is_as_many_nodes_as_it_says(
    target: str, nodes: int, sizes: set[int]
) -> None:
    """Over many draws a target takes each of its sizes and no other."""
    rng = Random(7)

    async def draw() -> set[int]:
        field = FakeField(nodes)
        return {len(await targets.choose(field, target, rng)) for _ in range(200)}

    assert asyncio.run(draw()) == sizes


def test_kill_and_pause_heal_everybody() -> None:
    """The heal does not ask whom the fault had hit."""
    field = FakeField()

    async def story() -> None:
        for fault in (
            Kill(field, "leader", Random(1)),
            Pause(field, "leader", Random(1)),
        ):
            assert await fault.start() == {"nodes": [2]}
            await fault.heal()

    asyncio.run(story())

    assert field.done == [
        ("kill", 2),
        ("start", 1),
        ("start", 2),
        ("start", 3),
        ("pause", 2),
        ("resume", 1),
        ("resume", 2),
        ("resume", 3),
    ]


def test_between_names_both_directions_of_every_link() -> None:
    """Links inside a group are left alone."""
    assert between({1}, {2, 3}) == [(1, 2), (1, 3), (2, 1), (3, 1)]


def test_halves_put_the_leader_on_either_side() -> None:
    """A leader in the minority and a leader in the majority both occur."""

    async def story() -> list[bool]:
        field = FakeField(5)
        fault = Halves(field, Random(1))
        sides = []
        for _ in range(4):
            groups = (await fault.start())["groups"]
            assert [len(group) for group in groups] == [2, 3]
            assert len(field.blocked) == 12
            sides.append(2 in groups[0])
            await fault.heal()
            assert not field.blocked
        return sides

    sides = asyncio.run(story())

    assert sides[0] != sides[1]
    assert sides[0] == sides[2]


def test_the_isolated_leader_reaches_nobody() -> None:
    """All four directions of its two links are cut, the third link is not."""

    async def story() -> set[tuple[int, int]]:
        field = FakeField()
        await IsolatedLeader(field, Random(1)).start()
        return field.blocked

    assert asyncio.run(story()) == {(1, 2), (2, 1), (2, 3), (3, 2)}


def test_one_way_makes_the_leader_deaf_and_then_mute() -> None:
    """Each direction comes in turn, for the whole of the leader's links."""

    async def story() -> list[set[tuple[int, int]]]:
        field = FakeField()
        fault = OneWay(field, Random(1))
        blocked = []
        for _ in range(2):
            await fault.start()
            blocked.append(field.blocked)
        return blocked

    deaf, mute = {(1, 2), (3, 2)}, {(2, 1), (2, 3)}
    assert asyncio.run(story()) in ([deaf, mute], [mute, deaf])


def test_the_rail_is_killed_and_started() -> None:
    """The nodes are left alone."""
    field = FakeField()

    async def body() -> None:
        fault = KillRail(field)
        await fault.start()
        await fault.heal()

    asyncio.run(body())

    assert field.done == [("kill rail", 0), ("start rail", 0)]
