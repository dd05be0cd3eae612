"""`python -m tests.simulation.mutations`: plant each known bug and see it found.

Prints a line a bug: its name, the seed that found it, the invariant that broke, the time. Ends with
1 if one survives its seeds, is never reached, or is "found" by a seed that fails without it.
"""

import contextlib
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final

import click

from tests.simulation.mutations.hunt import PLANTS, Hunted, hunt, run
from tests.simulation.mutations.plant import planted

SEEDS_MAX: Final = 500
LIMIT_S: Final = 300.0


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
    """Look for the bugs named by IDS, all if none is named."""
    if trace_hash is not None:
        plant = PLANTS[trace_hash]
        with contextlib.nullcontext() if clean else planted(plant):
            print(run(plant, seed).trace_hash)
        return
    chosen = ids or tuple(PLANTS)
    print(
        f"{'bug':5} {'seed':>5} {'invariant':<40} {'time':>8}  what is broken",
        flush=True,
    )
    with ProcessPoolExecutor(jobs) as pool:
        hunts = [pool.submit(_hunt, name, first, seeds) for name in chosen]
        found = [_tell(future.result()) for future in as_completed(hunts)]
    survivors = sum(not caught for caught in found)
    print(f"{len(found) - survivors} of {len(found)} bugs found")
    sys.exit(1 if survivors else 0)


def _hunt(name: str, first: int, seeds: int) -> Hunted:
    return hunt(PLANTS[name], range(first, first + seeds), limit_s=LIMIT_S)


def _tell(hunted: Hunted) -> bool:
    seed = "-" if hunted.seed is None else hunted.seed
    by = hunted.by or "SURVIVED"
    line = f"{hunted.bug:5} {seed:>5} {by[:40]:<40} {hunted.seconds:>6.1f} s  "
    why = f"; {hunted.why}" if hunted.why else ""
    print(line + PLANTS[hunted.bug].name + why, flush=True)
    return hunted.seed is not None and not hunted.why


if __name__ == "__main__":
    main()
