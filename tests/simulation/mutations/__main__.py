"""`python -m tests.simulation.mutations`: plant each known bug and see it found.

Prints a line a bug: its name, the seed that found it, the invariant that broke, the CPU time. Ends
with 1 if one survives its seeds or its time, is never reached, does not fit the code, or is "found"
by a seed that fails without it, and if the build without any bug is not clean.
"""

import contextlib
import multiprocessing
import sys
import time
from concurrent.futures import FIRST_COMPLETED as ONE_ENDED
from concurrent.futures import Future, ProcessPoolExecutor, wait
from queue import Empty
from typing import TYPE_CHECKING, Final

import click

from tests.simulation.mutations.hunt import (
    NO_BUG,
    PLANTS,
    Hunted,
    first_unclean,
    hunt,
    run,
)
from tests.simulation.mutations.plant import planted

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

SEEDS_MAX: Final = 300
CLEAN_SEEDS: Final = 30
LIMIT_S: Final = 300.0
LOOK_S: Final = 0.5
LINE_S: Final = 30.0  # between two progress lines where there is no terminal


@click.command()
@click.argument("ids", nargs=-1)
@click.option("--seeds", default=SEEDS_MAX, help="At most so many seeds for each bug.")
@click.option("--first", default=1, help="The first seed.")
@click.option("--jobs", default=2, help="Processes.")
@click.option(
    "--trace-hash", help="Only run one bug's seed and print the trace's hash."
)
@click.option("--seed", default=1, help="The seed for --trace-hash.")
@click.option("--clean", is_flag=True, help="The same without the bug.")
def main(
    ids: tuple[str, ...],
    *,
    seeds: int,
    first: int,
    jobs: int,
    trace_hash: str | None,
    seed: int,
    clean: bool,
) -> None:
    """Look for the bugs named by IDS; all, and the build without any, if none is named."""
    if trace_hash is not None:
        plant = PLANTS[trace_hash]
        with contextlib.nullcontext() if clean else planted(plant):
            print(run(plant, seed).trace_hash)
        return
    if unknown := [name for name in ids if name not in PLANTS]:
        raise click.UsageError(f"expected {', '.join(PLANTS)}, found {unknown[0]}")
    chosen = ids or (NO_BUG, *PLANTS)
    print(
        f"{'bug':5} {'seed':>5} {'invariant':<40} {'time':>8}  what is broken",
        flush=True,
    )
    news: Queue[tuple[str, int]] = multiprocessing.Queue()
    with ProcessPoolExecutor(jobs, initializer=_listen, initargs=(news,)) as pool:
        hunts = [pool.submit(_hunt, name, first, seeds) for name in chosen]
        bad = _watch(hunts, Progress(len(hunts), news))
    print(f"{len(chosen) - bad} of {len(chosen)} as they should be")
    sys.exit(1 if bad else 0)


_news: "Queue[tuple[str, int]] | None" = (
    None  # of a worker, to the process that watches
)


def _listen(news: "Queue[tuple[str, int]]") -> None:
    global _news
    _news = news


def _hunt(name: str, first: int, seeds: int) -> Hunted:
    def progress(seed: int) -> None:
        if _news is not None:
            _news.put((name, seed))

    if name == NO_BUG:
        return first_unclean(range(first, first + CLEAN_SEEDS), progress=progress)
    try:
        return hunt(
            PLANTS[name],
            range(first, first + seeds),
            limit_s=LIMIT_S,
            progress=progress,
        )
    except Exception as error:  # a plant that does not stand fails alone, and says why
        return Hunted(name, None, "", 0.0, 0, f"{type(error).__name__}: {error}")


class Progress:
    """One line, rewritten on a terminal: how many have ended, and which seed each runs now."""

    def __init__(self, total: int, news: "Queue[tuple[str, int]]") -> None:
        self._total = total
        self._news = news
        self._began_s = self._told_s = time.monotonic()
        self._seeds: dict[str, int] = {}
        self._ended = 0

    def tell(self) -> None:
        """Show where things stand: at once on a terminal, now and then elsewhere."""
        with contextlib.suppress(Empty):
            while True:
                name, seed = self._news.get_nowait()
                self._seeds[name] = seed
        now_s = time.monotonic()
        is_terminal = sys.stderr.isatty()
        if not is_terminal and now_s - self._told_s < LINE_S:
            return
        self._told_s = now_s
        seeds = ", ".join(f"{name} seed {seed}" for name, seed in self._seeds.items())
        line = f"{self._ended} of {self._total}, {now_s - self._began_s:.0f} s: {seeds}"
        print(f"\r\x1b[K{line[:100]}" if is_terminal else line, end="", file=sys.stderr)
        print("" if is_terminal else "\n", end="", file=sys.stderr, flush=True)

    def ended(self, name: str) -> None:
        """Take one away; the line makes room for its result."""
        self._ended += 1
        self._seeds.pop(name, None)
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _watch(hunts: list["Future[Hunted]"], progress: Progress) -> int:
    """Print each result as it comes; return how many are not as they should be."""
    waiting, bad = set(hunts), 0
    while waiting:
        ended, waiting = wait(waiting, LOOK_S, ONE_ENDED)
        progress.tell()
        for one in ended:
            hunted = one.result()
            progress.ended(hunted.bug)
            bad += not _tell(hunted)
    return bad


def _tell(hunted: Hunted) -> bool:
    """Print the line of a result; return whether it is as it should be."""
    is_clean_run = hunted.bug == NO_BUG
    seed = "-" if hunted.seed is None else hunted.seed
    by = hunted.by or ("clean" if is_clean_run else "SURVIVED")
    what = f"{hunted.runs} seeds" if is_clean_run else PLANTS[hunted.bug].name
    why = f"; {hunted.why}" if hunted.why else ""
    line = f"{hunted.bug:5} {seed:>5} {by[:40]:<40} {hunted.seconds:>6.1f} s  "
    print(line + what + why, flush=True)
    return (hunted.seed is None) == is_clean_run and not hunted.why


if __name__ == "__main__":
    main()
