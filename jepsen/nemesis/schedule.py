"""The seeded schedule: which fault in which round, and for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from jepsen.nemesis.field import Field
from jepsen.nemesis.partition import Halves, IsolatedLeader, OneWay
from jepsen.nemesis.process import Kill, KillRail, Pause

NAMES = (
    Kill.name,
    Pause.name,
    Halves.name,
    IsolatedLeader.name,
    OneWay.name,
    KillRail.name,
)
NEED_RAIL = frozenset({KillRail.name})
HOLD_S = (0.4, 2.5)  # shorter and longer than an election, on purpose
QUIET_S = (0.8, 1.5)


class Fault(Protocol):
    """One kind of fault. `start` may be called again only after `heal`."""

    @property
    def name(self) -> str:
        """The name on the command line and in the history."""
        ...

    async def start(self) -> Mapping[str, object]:
        """Inject it once; return what was hit."""
        ...

    async def heal(self) -> None:
        """Undo it; doing so twice does no harm."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """One round: quiet, the fault, its hold, its heal."""

    fault: str
    quiet_s: float
    hold_s: float


def plan(names: Sequence[str], rounds: int, rng: Random) -> list[Round]:
    """Return the rounds: each fault as often as the others or once more, shuffled."""
    assert names, "a schedule needs a fault"
    order: list[str] = []
    while len(order) < rounds:
        deck = list(names)
        rng.shuffle(deck)
        order += deck
    return [
        Round(name, rng.uniform(*QUIET_S), rng.uniform(*HOLD_S))
        for name in order[:rounds]
    ]


def make_faults(
    names: Sequence[str], field: Field, target: str, rng: Random
) -> dict[str, Fault]:
    """Return the named faults, each with its own generator."""
    made: dict[str, Fault] = {}
    for name in names:
        own = Random(rng.getrandbits(64))  # noqa: S311 - a seeded schedule, no secret
        match name:
            case Kill.name:
                made[name] = Kill(field, target, own)
            case Pause.name:
                made[name] = Pause(field, target, own)
            case Halves.name:
                made[name] = Halves(field, own)
            case IsolatedLeader.name:
                made[name] = IsolatedLeader(field, own)
            case OneWay.name:
                made[name] = OneWay(field, own)
            case KillRail.name:
                made[name] = KillRail(field)
            case _:
                raise ValueError(f"expected one of {NAMES}, found {name!r}")
    return made
