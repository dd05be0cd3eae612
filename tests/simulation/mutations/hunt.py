"""Looking for one planted bug: seed after seed, until an invariant breaks."""

import os
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.simulation import runner
from ledgerd.simulation.runner import Result, run_seed
from ledgerd.simulation.verdict import Kind
from tests.plants.loader import owner_of
from tests.simulation.mutations import consensus, ledger, membership, storage
from tests.simulation.mutations.plant import Engine, Plant, planted
from tests.simulation.mutations.slow_disks import SlowDisks

ROOT: Final = Path(__file__).parents[3]
CORE_STEPS: Final = 4000
NO_BUG: Final = "none"

_RULE: Final = re.compile(r"[RTI]\d+\b")
_MISFITS: Final = ("TypeError", "AttributeError", "NameError")

PLANTS: Final[dict[str, Plant]] = {
    plant.id: plant
    for plant in (
        *consensus.PLANTS,
        *membership.PLANTS,
        *storage.PLANTS,
        *ledger.PLANTS,
    )
}


@dataclass(frozen=True, slots=True)
class Hunted:
    """How a hunt ended. bug: the plant's id. seed: the one that found it, None if none did.

    by: the invariant or assertion that broke. seconds: CPU time of all runs. why: for people, if it
    was not found, or not by the bug.
    """

    bug: str
    seed: int | None
    by: str
    seconds: float
    runs: int
    why: str = ""


def ignore(seed: int) -> None:
    """Tell nobody."""


def hunt(
    plant: Plant,
    seeds: Iterable[int],
    *,
    limit_s: float = 300.0,
    is_checked: bool = True,
    clean: Container[int] = (),
    progress: Callable[[int], None] = ignore,
) -> Hunted:
    """Plant the bug and run seeds until one fails, or the time is up.

    is_checked: the seed that found it is run without the bug too, and must be clean. clean: seeds
    that somebody else has run without any, as they are drawn.
    progress: told each seed before it is run.
    """
    began = time.process_time()
    runs = 0
    if plant.engine is Engine.DIRECT:
        seeds = [0]  # there is nothing to draw
    reached: dict[str, int] = {}
    for seed in seeds:
        runs += 1
        progress(seed)
        with planted(plant) as reached_now:
            by = _look(plant, seed)
        for target, count in reached_now.items():
            reached[target] = reached.get(target, 0) + count
        if by:
            seconds = time.process_time() - began
            why = ""
            is_drawn = plant.engine is Engine.CLUSTER and plant.setup is None
            is_known = is_drawn and seed in clean
            if is_checked and not is_known and (without := _look(plant, seed)):
                why = f"seed {seed} fails without the bug too: {without}"
            return Hunted(plant.id, seed, by, seconds, runs, why)
        if time.process_time() - began > limit_s:
            break
    seconds = time.process_time() - began
    unreached = [target for target, count in reached.items() if not count]
    if plant.engine is not Engine.TWICE and unreached:
        why = f"never reached: {', '.join(unreached)}"
    else:
        why = f"survived {runs} seeds"
    return Hunted(plant.id, None, "", seconds, runs, why)


def first_unclean(
    seeds: Iterable[int], *, progress: Callable[[int], None] = ignore
) -> Hunted:
    """Run seeds without any bug; found: the first that is not clean, which it should not be."""
    began = time.process_time()
    runs = 0
    for seed in seeds:
        runs += 1
        progress(seed)
        result = run_seed(seed)
        if not result.is_good:
            seconds = time.process_time() - began
            why = f"the build without any bug is not clean: {result.text}"
            return Hunted(NO_BUG, seed, result.invariant, seconds, runs, why)
    return Hunted(NO_BUG, None, "", time.process_time() - began, runs)


def run(plant: Plant, seed: int) -> Result:
    """Run a seed of the plant's own fault mix, with whatever is planted now."""
    with _setup_of(plant):
        return run_seed(seed)


def _look(plant: Plant, seed: int) -> str:
    """Return what broke in a run, empty if nothing did."""
    match plant.engine:
        case Engine.CORE:
            return _core(seed)
        case Engine.TWICE:
            return _twice(plant, seed)
        case Engine.DIRECT:
            return _direct(plant)
        case _:
            result = run(plant, seed)
            _refuse_broken_plant(plant, result)
            return "" if result.is_good else result.invariant or result.text


def _refuse_broken_plant(plant: Plant, result: Result) -> None:
    """A bug that does not fit the functions around it any more finds itself."""
    is_misfit = result.invariant.startswith(_MISFITS)
    assert not is_misfit, f"{plant.id} does not fit the code: {result.text}"
    assert result.kind is not Kind.SIMULATOR, f"{plant.id}: {result.text}"


def _core(seed: int) -> str:
    try:
        SlowDisks(seed).run(CORE_STEPS)
    except (AssertionError, CorruptionError) as error:
        found = error.args[0] if error.args else ""
        rule = found[0] if isinstance(found, tuple) else found
        if isinstance(rule, str) and _RULE.match(rule):
            return rule
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(where.filename).stem}.{where.name}"
    return ""


def _twice(plant: Plant, seed: int) -> str:
    """Return S1 if two processes with other hash seeds do not do the same."""
    is_planted = any(
        getattr(_target(target), "__wrapped__", None) is not None
        for target in plant.bugs
    )
    hashes = [
        subprocess.run(
            [
                *(sys.executable, "-m", "tests.simulation.mutations"),
                *("--trace-hash", plant.id, "--seed", str(seed)),
                *(() if is_planted else ("--clean",)),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[-1]
        for hash_seed in ("1", "2")
    ]
    return "" if hashes[0] == hashes[1] else "S1"


def _direct(plant: Plant) -> str:
    """Return the name of the plant's own test if it fails."""
    owner, name = owner_of(plant.test)
    test = getattr(owner() if isinstance(owner, type) else owner, name)
    try:
        test(*plant.arguments)
    except (TypeError, AttributeError, NameError):
        raise  # the bug does not fit the code
    except (Exception, pytest.fail.Exception):
        return name
    return ""


def _target(target: str) -> object:
    owner, name = owner_of(target)
    return vars(owner)[name]


@contextmanager
def _setup_of(plant: Plant) -> Iterator[None]:
    """Let seeds draw what suits the plant."""
    draw, suit = runner.draw, plant.setup
    if suit is not None:
        runner.draw = lambda seed: suit(draw(seed))
    try:
        yield
    finally:
        runner.draw = draw
