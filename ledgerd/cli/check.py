"""`ledgerd check`: verify a stopped node's data directory, offline."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from ledgerd.errors import CorruptionError, ExitCode
from ledgerd.ledger.money import currency_code
from ledgerd.storage.check import Finding, Report
from ledgerd.storage.check import check as check_directory
from ledgerd.storage.environment import open_existing
from ledgerd.storage.trial import TrialBook

_STAGES = {"log": "log entries", "rows": "rows of state", "replay": "replaying the log"}


@click.command()
@click.option(
    "--data-dir",
    required=True,
    type=click.Path(path_type=Path),
    help="The data directory of a stopped node.",
)
@click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Form of the result on standard output.",
)
def check(data_dir: Path, output: str) -> None:
    """Verify the data directory of a stopped node.

    Checks every checksum and the hash chain of the log, recomputes every balance from the
    journal, replays the whole log into an empty state and compares digest and rows. Nothing
    is repaired or written; the replay needs temporary space of the size of state/.

    Exit codes: 0 clean, 71 something is wrong, 73 not a directory that can be checked.
    """
    try:
        report = _run(data_dir)
    except CorruptionError as error:
        report = Report()
        report.add(f"{data_dir}", str(error))
    if output == "json":
        click.echo(json.dumps(_as_json(report), indent=2))
    else:
        _print(report, Console(soft_wrap=True))
    sys.exit(ExitCode.CLEAN if report.is_clean else ExitCode.CORRUPTION)


def _run(data_dir: Path) -> Report:
    """Check with a progress bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    with (
        open_existing(data_dir) as environment,
        Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        ) as bars,
    ):
        tasks: dict[str, TaskID] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_STAGES[stage], total=total)
            bars.update(tasks[stage], completed=done, total=total)

        return check_directory(environment, progress)


def _as_json(report: Report) -> dict[str, object]:
    return {
        "clean": report.is_clean,
        "findings_count": report.findings_count,
        "findings": [_finding(one) for one in report.findings],
        "first_index": report.first_index,
        "last_index": report.last_index,
        "applied_index": report.applied_index,
        "digest": report.digest.hex(),
        "replayed": report.is_replayed,
        "rows": report.rows,
        "books": [_book(one) for one in report.books],
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"place": finding.place, "what": finding.what}


def _book(book: TrialBook) -> dict[str, object]:
    return {
        "livemode": book.book.livemode,
        "currency": currency_code(book.book.currency),
        "debit_units": str(book.debit_minor),
        "credit_units": str(book.credit_minor),
        "balanced": book.is_balanced,
    }


def _print(report: Report, console: Console) -> None:
    if report.books:
        books = Table(title="trial balance, minor units")
        for column in ("book", "debit", "credit", "balanced"):
            books.add_column(column, justify="left" if column == "book" else "right")
        for one in report.books:
            mode = "live" if one.book.livemode else "sandbox"
            books.add_row(
                f"{mode} {currency_code(one.book.currency)}",
                f"{one.debit_minor:,}",
                f"{one.credit_minor:,}",
                "yes" if one.is_balanced else "NO",
            )
        console.print(books)
    for finding in report.findings:
        console.print(f"{finding.place}: {finding.what}", markup=False, highlight=False)
    if report.findings_count > len(report.findings):
        more = report.findings_count - len(report.findings)
        console.print(f"and {more} more findings of the same check", highlight=False)
    rows = sum(report.rows.values())
    findings = "1 finding" if report.findings_count == 1 else "{} findings"
    verdict = "clean" if report.is_clean else findings.format(report.findings_count)
    entries = f"entries {report.first_index} .. {report.last_index}"
    if report.last_index < report.first_index:  # cut to its end, or not readable
        entries = "no entries"
    replayed = "log replayed" if report.is_replayed else "log not replayed"
    if not report.is_replayed and report.first_index > 1:
        replayed = "log not replayed, for its beginning was cut"
    console.print(
        f"{verdict}: {entries}, "
        f"applied up to {report.applied_index}, {rows} rows, {replayed}, "
        f"digest {report.digest.hex() or 'unknown'}",
        highlight=False,
    )
