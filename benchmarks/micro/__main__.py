"""`make bench-micro`: what apply and its parts cost, and a table of microseconds a payout."""

import json
import platform
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.micro.parts import Figure, apply_each, apply_limited, codec

FLOOR_HOT_RATIO = 0.9  # of the rate of one account to that of 1,000
ROWS = (1, 100, 1_000)
ACCOUNTS = (1, 1_000)


def hot_ratio(figures: list[Figure]) -> float:
    """Return the rate of apply with one account over that with 1,000, in batches of 1,000."""
    rates = {
        figure.accounts: figure.per_s
        for figure in figures
        if (figure.part, figure.rows) == ("apply", 1_000)
    }
    return rates[1] / rates[1_000]


def show(figures: list[Figure], console: Console) -> None:
    """Print one line a figure."""
    table = Table(title=f"one process, {platform.machine()}, {sys.version.split()[0]}")
    for name in ("part", "rows", "accounts", "us a payout", "payouts a second"):
        table.add_column(name, justify="left" if name == "part" else "right")
    for figure in figures:
        table.add_row(
            figure.part,
            f"{figure.rows:,}",
            f"{figure.accounts:,}",
            f"{figure.us:.2f}",
            f"{figure.per_s:,.0f}",
        )
    console.print(table)


@click.command()
@click.option(
    "--payouts",
    default=20_000,
    show_default=True,
    help="Payouts in a round of a measurement; the best of five rounds counts.",
)
@click.option(
    "--result",
    type=click.Path(path_type=Path),
    help="Write the figures to this JSON file.",
)
def main(payouts: int, result: Path | None) -> None:
    """Measure apply and its parts in this process.

    Exit code 0 when one account is as fast as 1,000, or nearly; 1 when it is not.
    """
    console = Console()
    figures = codec(1_000, 1_000, payouts=payouts)
    figures += apply_each(ROWS, ACCOUNTS, payouts=payouts)
    figures += apply_limited((1_000,), ACCOUNTS, payouts=payouts)
    show(figures, console)
    ratio = hot_ratio(figures)
    console.print(
        f"hot account: {ratio:.2f} of the rate of 1,000 accounts, floor {FLOOR_HOT_RATIO}"
    )
    if result is not None:
        result.write_text(
            json.dumps(
                {
                    "figures": [figure._asdict() for figure in figures],
                    "hot_ratio": ratio,
                },
                indent=2,
            )
            + "\n"
        )
    sys.exit(0 if ratio >= FLOOR_HOT_RATIO else 1)


if __name__ == "__main__":
    main()
