"""A run made smaller: less time, fewer faults, clients and calls, a calmer network.

A cut is written as words, so that one command repeats it: `until=12345 clients=1 keep=3,7
without=loss,replay`. The dice of what stays are the same as in the whole run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from ledgerd.simulation.clock import MS
from ledgerd.simulation.faults import Fault, schedule
from ledgerd.simulation.swarm import Setup

NOISES: Final = ("loss", "replay", "reorder", "skew", "drift", "switch")


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of a run; None: all of it.

    until_ms: end of the safety phase. clients, calls: how many, and of each how many calls.
    keep: numbers of the faults that stay. without: noises that are switched off.
    """

    until_ms: int | None = None
    clients: int | None = None
    calls: int | None = None
    keep: tuple[int, ...] | None = None
    without: tuple[str, ...] = ()

    def apply(self, setup: Setup) -> tuple[Setup, list[Fault]]:
        """Return the smaller setup, and the faults that stay."""
        planned = schedule(setup)
        if self.keep is not None:
            kept = set(self.keep)
            planned = [fault for fault in planned if fault.number in kept]
        if self.until_ms is not None:
            setup = replace(setup, duration_ns=self.until_ms * MS)
        load = setup.load
        if self.clients is not None:
            load = replace(load, clients=min(load.clients, self.clients))
        if self.calls is not None:
            load = replace(load, calls_max=self.calls)
        setup = replace(setup, load=load)
        for noise in self.without:
            setup = _without(setup, noise)
        return setup, planned

    def __str__(self) -> str:
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "keep" and value is not None:
                words.append(f"keep={','.join(map(str, value))}")
            elif field.name == "without" and value:
                words.append(f"without={','.join(value)}")
            elif isinstance(value, int):
                words.append(f"{field.name.removesuffix('_ms')}={value}")
        return " ".join(words)


WHOLE: Final = Cut()


def parse(text: str) -> Cut:
    """Return the cut that these words name. Raises ValueError for words that name none."""
    cut = WHOLE
    for word in text.split():
        name, is_given, value = word.partition("=")
        if not is_given:
            raise ValueError(f"expected name=value, found {word!r}")
        match name:
            case "until":
                cut = replace(cut, until_ms=_number(name, value))
            case "clients":
                cut = replace(cut, clients=_number(name, value))
            case "calls":
                cut = replace(cut, calls=_number(name, value))
            case "keep":
                numbers = [_number(name, v) for v in value.split(",") if v]
                cut = replace(cut, keep=tuple(numbers))
            case "without":
                cut = replace(cut, without=_noises(value.split(",")))
            case _:
                raise ValueError(f"no cut is called {name!r}")
    return cut


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{name}: expected a number, 0 or more, found {text!r}")
    return int(text)


def _noises(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in NOISES:
            raise ValueError(
                f"no noise is called {name!r}; there are {', '.join(NOISES)}"
            )
    return tuple(names)


def _without(setup: Setup, noise: str) -> Setup:
    match noise:
        case "skew":
            return replace(setup, skew_us=0)
        case "drift":
            return replace(setup, rate_spread=0.0)
        case "switch":
            return replace(setup, switch_gap_ns=0)
        case "loss":
            return replace(setup, wire=replace(setup.wire, loss=0.0))
        case "replay":
            return replace(setup, wire=replace(setup.wire, replay=0.0))
        case _:
            assert noise == "reorder", noise
            return replace(setup, wire=replace(setup.wire, reorder=0.0))
