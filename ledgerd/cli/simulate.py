"""`ledgerd simulate`: whole clusters under faults, in one process, from a seed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from ledgerd import __version__
from ledgerd.simulation import runner
from ledgerd.simulation.cut import WHOLE, Cut, parse
from ledgerd.simulation.real_disk import suited
from ledgerd.simulation.runner import Result, Summary
from ledgerd.simulation.script.runner import check, is_updating
from ledgerd.simulation.script.text import ScriptError
from ledgerd.simulation.shrink import Shrinker
from ledgerd.simulation.swarm import draw
from ledgerd.simulation.trace import Line, legend
from ledgerd.simulation.verdict import Kind

# Two environments that must make no difference (faults.md 5.7).
_WORLDS: Final = (
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Kolkata", "LANG": "tr_TR.UTF-8"},
    {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "LANG": "C"},
)


# What can be asked for, one at a time; and which of it an option is about. By parameter.
_ASKED: Final = {
    "seeds": "--seeds",
    "seed": "--seed",
    "shrink": "--shrink",
    "prove": "--prove",
    "scripts": "--script",
}
_WITH: Final = {
    "first": ("--first", ("seeds", "prove")),
    "trace": ("--trace", ("seed",)),
    "events": ("--events", ("seed",)),
    "cut_text": ("--cut", ("seed",)),
    "jobs": ("--jobs", ("seeds",)),
    "marks": ("--marks", ("seeds",)),
    "hashes": ("--hashes", ("seeds",)),
}


class _WrongUsage(click.UsageError):
    """A usage error with the simulator's own exit code."""

    exit_code = Kind.USAGE.value


class _Simulate(click.Command):
    """A command whose usage errors exit with the simulator's own code."""

    # Any: click's own signature.
    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise _WrongUsage(error.format_message(), error.ctx) from error


@click.command(cls=_Simulate)
@click.option("--seeds", type=click.IntRange(min=1), help="Run this many seeds.")
@click.option(
    "--first",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The first of them.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Run this seed.")
@click.option(
    "--trace", is_flag=True, help="With --seed: print every event, one a line."
)
@click.option(
    "--events",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --seed: write every event to this file, one JSON object a line.",
)
@click.option("--cut", "cut_text", default="", help="With --seed: what to leave of it.")
@click.option(
    "--shrink", type=click.IntRange(min=0), help="Make this seed's run small."
)
@click.option(
    "--prove",
    type=click.IntRange(min=1),
    help="Run this many seeds in two environments and compare their traces.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1, max=64),
    default=1,
    show_default=True,
    help="Processes beside each other.",
)
@click.option(
    "--marks", is_flag=True, help="Fail if a rare path was reached by no seed."
)
@click.option(
    "--hashes", is_flag=True, help="Print only seed and trace hash, one a line."
)
@click.option(
    "--store",
    type=click.Choice(["simulated", "lmdb"]),
    default="simulated",
    show_default=True,
    help="lmdb: real LMDB directories in a temporary folder; with --nodes 1.",
)
@click.option(
    "--nodes",
    type=click.IntRange(min=1, max=1),
    help="With --store lmdb: 1; else the seed decides.",
)
@click.option(
    "--script",
    "scripts",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    help="Play this script of the core instead; UPDATE=1 in the environment rewrites it.",
)
@click.option("--legend", "wants_legend", is_flag=True, help="Explain a trace.")
def simulate(
    seeds: int | None,
    first: int,
    seed: int | None,
    trace: bool,
    events: Path | None,
    cut_text: str,
    shrink: int | None,
    prove: int | None,
    jobs: int,
    marks: bool,
    hashes: bool,
    store: str,
    nodes: int | None,
    scripts: tuple[Path, ...],
    wants_legend: bool,
) -> None:
    """Run clusters of the production code over a simulated clock, network and disk.

    A seed decides everything: sizes, timings, faults, load. The invariants of consensus and of
    the ledger are checked after every step; at the end a healed quorum must answer everything.

    Exit codes: 0 good, 127 the product crashed, 128 no progress after healing, 129 an invariant
    is broken, 254 usage, 255 the simulator itself failed or missed a mark.
    """
    if wants_legend:
        click.echo(legend(), nl=False)
        return
    _check_together()
    if scripts:
        sys.exit(_play(scripts))
    is_real = _is_real(store, nodes, is_alone=prove is None and shrink is None)
    if prove is not None:
        sys.exit(_prove(first, prove))
    if shrink is not None:
        sys.exit(_shrink(shrink))
    if seed is not None:
        cut = _cut_of(cut_text)
        sys.exit(_one(seed, cut, trace=trace, events=events, is_real=is_real))
    assert seeds is not None, "one of them was given"
    results = runner.run_seeds(range(first, first + seeds), jobs=jobs, is_real=is_real)
    sys.exit(_many(results, seeds, marks=marks, hashes=hashes, is_real=is_real))


def _check_together() -> None:
    """Return if the options say one thing; what would be left aside is refused, not passed over."""
    context = click.get_current_context()
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    what = [name for name in _ASKED if name in given]
    if not what:
        raise _WrongUsage(
            "say what to run: --seeds N, --seed N, --shrink N or --prove N"
        )
    if len(what) > 1:
        both = " and ".join(_ASKED[name] for name in what)
        raise _WrongUsage(f"expected one thing to run, found {both}")
    for name, (option, goes_with) in _WITH.items():
        if name in given and what[0] not in goes_with:
            wanted = " or ".join(_ASKED[each] for each in goes_with)
            raise _WrongUsage(
                f"{option}: expected {wanted} with it, found {_ASKED[what[0]]}"
            )


def _is_real(store: str, nodes: int | None, *, is_alone: bool) -> bool:
    """Return whether the run is over real LMDB."""
    if store == "simulated":
        if nodes is not None:
            raise _WrongUsage("--nodes: the seed decides; only --store lmdb takes it")
        return False
    if nodes != 1 or not is_alone:
        raise _WrongUsage(
            "--store lmdb runs one node, by --seed or --seeds: add --nodes 1; what several nodes "
            "do to their disks needs the simulated store"
        )
    return True


def _cut_of(text: str) -> Cut:
    try:
        return parse(text)
    except ValueError as error:
        raise _WrongUsage(f"--cut: {error}") from error


# Scripts of the core.


def _play(paths: Sequence[Path]) -> int:
    """Check each script against what it expects; the page docs/reference/scripts.md has more."""
    try:
        differences = [
            line for path in paths for line in check(path, update=is_updating())
        ]
    except ScriptError as error:
        click.echo(f"error: {error}", err=True)
        return Kind.USAGE.value
    for line in differences:
        click.echo(line)
    return Kind.CORRECTNESS.value if differences else Kind.GOOD.value


# One seed.


def _one(
    seed: int, cut: Cut, *, trace: bool, events: Path | None, is_real: bool
) -> int:
    """Run a seed; print its header first and its verdict last."""
    if trace:
        setup = draw(seed)
        click.echo(json.dumps(runner.header(suited(setup) if is_real else setup)))
    try:
        file = events.open("w") if events is not None else None
    except OSError as error:
        raise _WrongUsage(f"--events: {error.strerror}: {events}") from error

    def sink(line: Line) -> None:
        if trace:
            click.echo(line.short())
        if file is not None:
            file.write(line.as_json() + "\n")

    try:
        is_wanted = trace or file is not None
        result = runner.run_seed(
            seed, cut, sink=sink if is_wanted else None, is_real=is_real
        )
    finally:
        if file is not None:
            file.close()
    click.echo(_figures(result))
    click.echo(_verdict(result, cut, is_real=is_real))
    return result.kind.value


def _figures(result: Result) -> str:
    seconds = result.simulated_ns / 1e9
    return (
        f"{seconds:.1f} s simulated, {result.events} events, {result.committed} entries, "
        f"{result.answered} answers, {result.reads} reads, {result.elections} elections, "
        f"trace {result.trace_hash[:16]}"
    )


def _verdict(result: Result, cut: Cut = WHOLE, *, is_real: bool = False) -> str:
    text = result.text.splitlines()[0] if result.text else ""
    left = f" --cut '{cut}'" if cut != WHOLE else ""
    left += " --store lmdb --nodes 1" if is_real else ""
    replay = f"ledgerd simulate --seed {result.seed}{left} --trace"
    return (
        f"seed {result.seed} commit {_commit()}: {result.kind.name} {text}".rstrip()
        + f"; replay: {replay}"
    )


def _commit() -> str:
    """Return the commit that runs, or the version where there is no checkout."""
    git = shutil.which("git")
    if git is None:
        return __version__
    folder = Path(__file__).parent
    try:
        shown = subprocess.run(
            [git, "-C", str(folder), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return __version__
    return shown.stdout.strip()


# Many seeds.


def _many(
    results: Iterator[Result],
    count: int,
    *,
    marks: bool,
    hashes: bool,
    is_real: bool,
) -> int:
    summary = Summary()
    for result in _shown(results, count, hashes):
        summary.add(result)
        if hashes:
            click.echo(f"{result.seed} {result.trace_hash}")
        if not result.is_good:
            click.echo(_verdict(result, is_real=is_real), err=hashes)
    if hashes:
        return summary.failed[0].kind.value if summary.failed else Kind.GOOD.value
    click.echo(_totals(summary))
    if summary.failed:
        first = summary.failed[0]
        click.echo(f"{len(summary.failed)} of {summary.seeds} seeds failed; the first:")
        click.echo(_verdict(first, is_real=is_real))
        return first.kind.value
    if marks and summary.missing:
        click.echo(f"MARKS never reached: {', '.join(summary.missing)}")
        return Kind.SIMULATOR.value
    click.echo(f"GOOD: {summary.seeds} seeds, commit {_commit()}")
    return Kind.GOOD.value


def _totals(summary: Summary) -> str:
    faults = ", ".join(
        f"{name} {count}" for name, count in sorted(summary.faults.items())
    )
    hit = sum(count > 0 for count in summary.marks.values())
    return (
        f"{summary.simulated_ns / 1e9:,.0f} s simulated, {summary.committed:,} entries, "
        f"{summary.answered:,} answers, {summary.reads:,} reads, "
        f"{summary.elections:,} elections\nfaults: {faults}\n"
        f"marks: {hit} reached, {len(summary.missing)} not"
    )


def _shown(results: Iterator[Result], total: int, is_silent: bool) -> Iterator[Result]:
    """Yield results under a progress bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=is_silent or not console.is_terminal,
    ) as bars:
        task = bars.add_task("seeds", total=total)
        for result in results:
            bars.advance(task)
            yield result


# Shrinking and proving.


def _shrink(seed: int) -> int:
    shrinker = Shrinker(seed, tell=lambda text: click.echo(f"still fails: {text}"))
    cut = shrinker.shrink()
    if shrinker.result.is_good:
        click.echo(f"seed {seed} does not fail; nothing to shrink")
        return Kind.GOOD.value
    click.echo(f"{shrinker.runs} runs")
    click.echo(_verdict(shrinker.result, cut))
    return shrinker.result.kind.value


def _prove(first: int, count: int) -> int:
    """Run the seeds in two environments, each in a fresh process; compare the hashes."""
    asked = ["--first", str(first), "--seeds", str(count), "--hashes"]
    runs = [_in_world(world, asked) for world in _WORLDS]
    ones, others = (run.stdout.splitlines() for run in runs)
    if len(ones) != count or len(others) != count:
        click.echo(f"expected {count} hashes, found {len(ones)} and {len(others)}")
        return Kind.SIMULATOR.value
    for one, other in zip(ones, others, strict=True):
        if one != other:
            return _show_difference(int(one.split()[0]))
    click.echo(runs[0].stderr, nl=False)  # seeds that are red, and the same twice
    click.echo(f"PROVEN: {count} seeds from {first} have one trace in two environments")
    return runs[0].returncode


def _show_difference(seed: int) -> int:
    asked = ["--seed", str(seed), "--trace"]
    ones, others = (_in_world(world, asked).stdout.splitlines() for world in _WORLDS)
    for number, (one, other) in enumerate(zip(ones, others, strict=False), start=1):
        if one != other:
            click.echo(
                f"seed {seed}: traces differ first in line {number}:\n{one}\n{other}"
            )
            break
    click.echo(f"seed {seed} commit {_commit()}: CORRECTNESS not deterministic")
    return Kind.CORRECTNESS.value


def _in_world(
    world: dict[str, str], asked: list[str]
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ledgerd", "simulate", *asked]
    return subprocess.run(
        command, env=os.environ | world, capture_output=True, text=True, check=False
    )
