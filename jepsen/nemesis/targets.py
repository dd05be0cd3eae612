"""Which nodes a fault hits: seven specifications, drawn from a seeded generator."""

from random import Random

from jepsen.nemesis.field import Field

TARGETS = ("leader", "one", "random", "minority-third", "minority", "majority", "all")


async def choose(field: Field, target: str, rng: Random) -> tuple[int, ...]:
    """Return the nodes of a target, at least one.

    leader: who leads now; if nobody says so, any one. one: any one. random: any number.
    minority-third: less than a third, at least one. minority: less than half, as many as
    can be. majority: more than half, as few as can be. all: all.
    """
    nodes = sorted(field.node_ids)
    count = len(nodes)
    if target == "leader":
        leader = await field.leader()
        return (rng.choice(nodes) if leader is None else leader,)
    if target == "all":
        return tuple(nodes)
    sizes = {
        "one": 1,
        "random": rng.randint(1, count),
        "minority-third": max(1, (count - 1) // 3),
        "minority": max(1, (count - 1) // 2),
        "majority": count // 2 + 1,
    }
    return tuple(sorted(rng.sample(nodes, sizes[target])))
