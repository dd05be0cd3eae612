"""A planted bug: which named functions of the product it replaces, and by what.

A plant lives here and nowhere in the product. One whose target is gone, or that was never reached
while it was in place, fails: a refactoring cannot lose it quietly.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ledgerd.simulation.swarm import Setup
from tests.plants.loader import owner_of

Function = Callable[..., Any]


class Engine(Enum):
    """What the bug is looked for with.

    CLUSTER: whole nodes over simulated clock, network and disk; a seed is one run. CORE: cores with
    several writes in flight, which the replica of today never has. TWICE: the same run under two
    hash seeds, whose traces must be equal. DIRECT: one named test, for what no run can reach.
    """

    CLUSTER = "cluster"
    CORE = "core"
    TWICE = "twice"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Plant:
    """One bug.

    id: of the design's list. name: what is broken, in words. bugs: "module:Name.attribute" to what
    makes the bug of the original function. engine: what finds it. setup: changes what a seed has
    drawn, so that the faults which show the bug come often; the unplanted build is clean under the
    same changes. test: with DIRECT, "module:Class.function" of the test that must fail, and
    arguments: what it is called with.
    """

    id: str
    name: str
    bugs: Mapping[str, Callable[[Function], Function]]
    engine: Engine = Engine.CLUSTER
    setup: Callable[[Setup], Setup] | None = None
    test: str = ""
    arguments: tuple[object, ...] = ()


@contextmanager
def planted(plant: Plant) -> Iterator[dict[str, int]]:
    """Put a bug in place for the time of the block; yields how often each target was called.

    Raises PlantError when a target does not exist.
    """
    reached = dict.fromkeys(plant.bugs, 0)
    originals: list[tuple[object, str, object]] = []
    try:
        for target, make in plant.bugs.items():
            owner, name = owner_of(target)
            original = vars(owner)[name]
            originals.append((owner, name, original))
            setattr(owner, name, _counted(target, original, make(original), reached))
        yield reached
    finally:
        for owner, name, original in reversed(originals):
            setattr(owner, name, original)


def _counted(
    target: str, original: Function, bug: Function, reached: dict[str, int]
) -> Function:
    @functools.wraps(original)
    def counted(*args: Any, **kwargs: Any) -> Any:
        reached[target] += 1
        return bug(*args, **kwargs)

    return counted
