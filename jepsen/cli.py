"""`python -m jepsen run | run-all | check | protocol | self-test | clean`.

Exit codes: 0 valid, 1 invalid, 2 unknown, 254 wrong usage, 255 the rig itself failed.
"""

import asyncio
import dataclasses
import platform
import signal
import sys
import traceback
from pathlib import Path

import click

from jepsen.checkers.judge import judge
from jepsen.checkers.protocol.check import check_files
from jepsen.checkers.verdict import Result, Verdict, headline, merge
from jepsen.history import HistoryError, read_history
from jepsen.journal import is_closed, remove_leftovers
from jepsen.nemesis import schedule, targets
from jepsen.options import (
    CLIENTS_MAX,
    NODES_MAX,
    OPS_A_SECOND_MAX,
    SECONDS_MAX,
    RunOptions,
    read_options,
)
from jepsen.report import EXIT_CODES, exit_code, write_report
from jepsen.run import ROOT, WORKLOADS, Run, say
from jepsen.self_test import self_test as test_checkers
from jepsen.store import RunFolder, all_runs, link, make_run
from ledgerd import __version__

USAGE = 254
RIG_FAILED = 255
SECONDS_A_ROUND = 8  # of the time limit, where none is given
OVERHEAD_S = 20  # of a run, beside its load: set-up, final reads, checks
STORE = Path("store")


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except click.Abort:
        sys.exit(RIG_FAILED)
    except Exception:
        traceback.print_exc()
        sys.exit(RIG_FAILED)
    sys.exit(code if isinstance(code, int) else 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Break a real cluster on purpose, and judge whether it held.

    Exit codes: 0 valid, 1 invalid, 2 unknown, 254 wrong usage, 255 the rig failed.
    """


def _names(
    context: click.Context, option: click.Parameter, text: str
) -> tuple[str, ...]:
    """Return the faults of a comma-separated list; BadParameter names an unknown one."""
    del context, option
    names = tuple(text.split(","))
    for name in names:
        if name not in schedule.NAMES:
            raise click.BadParameter(
                f"expected one of {', '.join(schedule.NAMES)}, found {name!r}"
            )
    return names


@cli.command()
@click.option("--workload", type=click.Choice(sorted(WORKLOADS)), default="payouts")
@click.option(
    "--nemesis",
    default="kill",
    callback=_names,
    help=f"Faults, separated by commas: {', '.join(schedule.NAMES)}.",
)
@click.option(
    "--target",
    type=click.Choice(targets.TARGETS),
    default="leader",
    help="Whom kill and pause hit.",
)
@click.option("--nodes", type=click.IntRange(1, NODES_MAX), default=3)
@click.option("--rounds", type=click.IntRange(1, 1000), default=5)
@click.option(
    "--time-limit",
    "time_limit_s",
    type=click.IntRange(1, SECONDS_MAX),
    help="Seconds of the loaded part; 8 for each round, at least 60, if not given.",
)
@click.option(
    "--rate",
    type=click.IntRange(1, OPS_A_SECOND_MAX),
    default=150,
    help="Ops a second of all clients together.",
)
@click.option("--concurrency", type=click.IntRange(2, CLIENTS_MAX), default=16)
@click.option("--seed", type=int, default=0, help="Of the schedule and the clients.")
@click.option(
    "--recovery-ms",
    type=click.IntRange(1),
    default=5_000,
    help="From a heal to the next acknowledgement, at most.",
)
@click.option("--plant", help="Start the nodes with this planted bug of tests/plants.")
@click.option(
    "--trace-raft",
    is_flag=True,
    help="Let the nodes write protocol events, and judge those too.",
)
@click.option("--store", type=click.Path(path_type=Path), default=STORE)
def run(  # one argument an option
    *,
    workload: str,
    nemesis: tuple[str, ...],
    target: str,
    nodes: int,
    rounds: int,
    time_limit_s: int | None,
    rate: int,
    concurrency: int,
    seed: int,
    recovery_ms: int,
    plant: str | None,
    trace_raft: bool,
    store: Path,
) -> int:
    """Run one test."""
    if rounds < len(nemesis):
        raise click.UsageError(
            f"expected at least {len(nemesis)} rounds, one for each fault, found"
            f" {rounds}"
        )
    without_rail = schedule.NEED_RAIL.intersection(nemesis)
    if without_rail and not WORKLOADS[workload]().has_rail:
        raise click.UsageError(
            f"expected a workload with a rail for {', '.join(without_rail)}, found"
            f" {workload}"
        )
    if plant is not None and not (ROOT / "tests" / "plants" / f"{plant}.py").exists():
        raise click.UsageError(f"expected a file tests/plants/{plant}.py, found none")
    options = RunOptions(
        workload=workload,
        nemesis=nemesis,
        target=target,
        nodes=nodes,
        rounds=rounds,
        time_limit_s=time_limit_s or max(60, rounds * SECONDS_A_ROUND),
        rate=rate,
        concurrency=concurrency,
        seed=seed,
        recovery_ms=recovery_ms,
        plant=plant,
        trace_raft=trace_raft,
    )
    return exit_code(run_one(options, store))


def run_one(options: RunOptions, store: Path) -> list[Result]:
    """Do one run, judge it, write and print its report; return the judgement."""
    store = store.resolve()
    folder = make_run(store, options.name)
    folder.test.write_text(
        options.to_json(
            python=sys.version.split()[0],
            kernel=platform.release(),
            ledgerd=__version__,
        ),
        encoding="utf-8",
    )
    folder.repro.write_text(f"#!/bin/sh\n{options.command()}\n", encoding="utf-8")
    say(f"run: {folder.path}")
    asyncio.run(_execute(Run(options, folder)))
    results = _judge(folder, options)
    if merge(results) is not Verdict.VALID:
        link(store / "latest-failed", folder.path)
    return results


async def _execute(run: Run) -> None:
    """Execute a run; Ctrl-C once ends the load, twice tears down at once."""
    task = asyncio.ensure_future(run.execute())
    pressed = 0

    def on_interrupt() -> None:
        nonlocal pressed
        pressed += 1
        if pressed == 1:
            say("stopping the load; once more tears down at once")
            run.stop()
        else:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_interrupt)
    await task


def _judge(folder: RunFolder, options: RunOptions) -> list[Result]:
    history = read_history(folder.history)
    results = judge(history, folder.nodes)
    first = write_report(folder, options, history, results)
    print(first)
    for result in results:
        numbers = ", ".join(f"{name} {value}" for name, value in result.numbers.items())
        print(f"  {result.checker:<13} {result.verdict.name.lower():<8} {numbers}")
    print(f"  report: {folder.report}", flush=True)
    return results


# Everything a change must survive before it is merged, the most telling first.
MATRIX: tuple[RunOptions, ...] = (
    RunOptions(nemesis=("kill",), target="leader"),
    RunOptions(nemesis=("partition-leader",)),
    RunOptions(nemesis=("pause",), target="leader"),
    RunOptions(nemesis=("partition-halves",)),
    RunOptions(nemesis=("partition-one-way",)),
    RunOptions(nemesis=("kill",), target="all"),
    RunOptions(workload="bank", nemesis=("kill", "partition-leader"), target="leader"),
    RunOptions(
        workload="rails",
        nemesis=("kill", "pause", "kill-rail"),
        target="leader",
        rate=60,
    ),
)


@cli.command("run-all")
@click.option("--budget", default="5m", help="Time for all runs: 90s, 5m, 1h.")
@click.option("--seed", type=int, default=0)
@click.option(
    "--rate",
    type=click.IntRange(1, OPS_A_SECOND_MAX),
    default=150,
    help="Ops a second of all clients together, at most.",
)
@click.option("--store", type=click.Path(path_type=Path), default=STORE)
def run_all(*, budget: str, seed: int, rate: int, store: Path) -> int:
    """Run the whole matrix within a budget; go on after failures; print one table."""
    share_s = _seconds(budget) // len(MATRIX)
    load_s = max(share_s - OVERHEAD_S, 6)
    lines = []
    verdicts = []
    for place, base in enumerate(MATRIX):
        options = dataclasses.replace(
            base,
            seed=seed + place,
            rate=min(rate, base.rate),
            rounds=max(load_s // 5, len(base.nemesis)),
            time_limit_s=max(load_s, 30),
        )
        results = run_one(options, store)
        verdicts.append(merge(results))
        lines.append(f"{merge(results).name:<8} {options.name}")
    print("\n".join(["", *lines]), flush=True)
    return EXIT_CODES[max(verdicts)]


def _seconds(text: str) -> int:
    """Return the seconds of `90s`, `5m` or `1h`; BadParameter otherwise."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in units or not int(number):
        raise click.BadParameter(f"expected a time like 90s, 5m or 1h, found {text!r}")
    return int(number) * units[unit]


@cli.command()
@click.argument(
    "path", type=click.Path(path_type=Path, exists=True), default=STORE / "latest"
)
def check(*, path: Path) -> int:
    """Judge a saved run again, with the checkers as they are now."""
    folder = RunFolder(path.resolve())
    try:
        return exit_code(_judge(folder, read_options(folder.test)))
    except (OSError, HistoryError) as error:
        raise click.UsageError(
            f"cannot read the run in {folder.path}: {error}"
        ) from error


@cli.command()
@click.argument(
    "paths",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    nargs=-1,
    required=True,
)
def protocol(*, paths: tuple[Path, ...]) -> int:
    """Judge protocol events of nodes or of a simulation: one or more NDJSON files.

    One file is taken as the true order of its events. Files of single nodes are merged by cause;
    what needs a common order is then not judged.
    """
    result = check_files(paths)
    for finding in result.findings:
        print(f"{finding.verdict.name} {finding.sentence}")
    for name, number in result.numbers.items():
        print(f"{name}: {number}")
    print(headline([result]))
    return exit_code([result])


@cli.command("self-test")
def self_test() -> int:
    """See every checker pass a right history and fail a wrong one."""
    problems = test_checkers(say)
    for problem in problems:
        print(f"FAILED {problem}")
    print("self-test: " + (f"{len(problems)} failures" if problems else "all as known"))
    return 1 if problems else 0


@cli.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("--store", type=click.Path(path_type=Path), default=STORE)
def clean(*, dry_run: bool, store: Path) -> int:
    """Remove the processes that a killed run left, by its journal."""
    done: list[str] = []
    for folder in all_runs(store.resolve()):
        if not is_closed(folder.made):
            done += remove_leftovers(folder.made, dry_run=dry_run)
    for line in done:
        print(("would " if dry_run else "") + line)
    if not done:
        print("nothing to remove")
    return 0
