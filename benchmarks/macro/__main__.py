"""`make bench`: measures, prints a table with the ratios, and checks the floors."""

import asyncio
import json
import platform
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.macro import etcd, one_caller, rival
from benchmarks.macro.measure import Latencies
from benchmarks.macro.one_caller import Rounds
from benchmarks.macro.ours import CALLERS_BY_BATCH, OurCluster

FLOOR_BATCH_1000_PER_S = 20_000.0
FLOOR_ONE_CALLER_P50_MS = 2.5
FLOOR_FAILOVER_P50_MS = 250.0  # raft.md 5.2, the LAN profile
FLOOR_HOT_RATIO = 0.9  # of the rate over one account to that over 1,000
IN_FLIGHT = 256


@dataclass(slots=True)
class Results:
    """What was measured; times in milliseconds. etcd_* is empty where it is not installed."""

    machine: str
    batches_per_s: dict[int, float] = field(default_factory=dict)
    batches_p50_ms: dict[int, float] = field(default_factory=dict)
    hot_per_s: float = 0.0
    spread_per_s: float = 0.0
    one_caller_p50_ms: float = 0.0
    one_caller_p99_ms: float = 0.0
    one_caller_rounds_p50_ms: list[float] = field(default_factory=list)
    in_flight_per_s: float = 0.0
    in_flight_p50_ms: float = 0.0
    failover_ms: list[float] = field(default_factory=list)
    etcd_version: str = ""
    etcd_in_flight_per_s: float = 0.0
    etcd_in_flight_p50_ms: float = 0.0
    etcd_one_caller_p50_ms: float = 0.0
    etcd_one_caller_p99_ms: float = 0.0
    etcd_one_caller_rounds_p50_ms: list[float] = field(default_factory=list)
    etcd_failover_ms: list[float] = field(default_factory=list)

    def take_one_caller(self, ours: Rounds, theirs: Rounds) -> None:
        """Fill in what one caller waits for."""
        self.one_caller_rounds_p50_ms = ours.p50_ms
        self.one_caller_p50_ms = ours.median_p50_ms()
        self.one_caller_p99_ms = ours.median_p99_ms()
        self.etcd_one_caller_rounds_p50_ms = theirs.p50_ms
        self.etcd_one_caller_p50_ms = theirs.median_p50_ms()
        self.etcd_one_caller_p99_ms = theirs.median_p99_ms()

    @property
    def hot_ratio(self) -> float:
        """The rate over one account, of that over 1,000."""
        return self.hot_per_s / self.spread_per_s

    def misses(self) -> list[str]:
        """Return the floors that were missed, in words."""
        failover = statistics.median(self.failover_ms)
        floors = [
            (
                self.batches_per_s[1_000] >= FLOOR_BATCH_1000_PER_S,
                f"batches of 1,000: {self.batches_per_s[1_000]:,.0f}/s,"
                f" floor {FLOOR_BATCH_1000_PER_S:,.0f}/s",
            ),
            (
                self.hot_ratio >= FLOOR_HOT_RATIO,
                f"hot account: {self.hot_ratio:.2f} of the rate of 1,000 accounts,"
                f" floor {FLOOR_HOT_RATIO}",
            ),
            (
                self.one_caller_p50_ms <= FLOOR_ONE_CALLER_P50_MS,
                f"one caller p50: {self.one_caller_p50_ms:.2f} ms,"
                f" floor {FLOOR_ONE_CALLER_P50_MS} ms",
            ),
            (
                failover <= FLOOR_FAILOVER_P50_MS,
                f"failover p50: {failover:.0f} ms, floor {FLOOR_FAILOVER_P50_MS:.0f} ms",
            ),
        ]
        return [text for is_met, text in floors if not is_met]


async def measure_ours(
    folder: Path, results: Results, *, seconds: float, kills: int, console: Console
) -> None:
    """Fill in our half.

    What writes little comes first, here as for the rival: after the batches the disk still writes
    back, and slow syncs are what a failover would show of it (F8). One caller came before both.
    """
    ours = OurCluster(folder)
    try:
        client = await ours.start()
        try:
            console.print(f"ledgerd: {kills} kills of the leader ...", style="dim")
            gaps = await ours.failovers(client, kills=kills)
            results.failover_ms = [gap * 1000 for gap in gaps]
            console.print(f"ledgerd: {IN_FLIGHT} in flight ...", style="dim")
            many = await ours.singles(client, callers=IN_FLIGHT, seconds=seconds)
            results.in_flight_per_s = many.calls_per_s
            results.in_flight_p50_ms = many.percentile_ms(50)
            for rows in CALLERS_BY_BATCH:
                console.print(f"ledgerd: batches of {rows:,} ...", style="dim")
                rate, taken = await ours.batches(client, rows, seconds=seconds)
                results.batches_per_s[rows] = rate
                results.batches_p50_ms[rows] = taken.percentile_ms(50)
            console.print("ledgerd: one account, and 1,000 ...", style="dim")
            hot, spread = await ours.hot_and_spread(client, seconds=seconds)
            results.hot_per_s, results.spread_per_s = hot, spread
        finally:
            await client.close()
    finally:
        ours.stop()


async def measure_rival(
    binary: str,
    folder: Path,
    results: Results,
    *,
    seconds: float,
    kills: int,
    console: Console,
) -> None:
    """Fill in etcd's half."""
    results.etcd_version = etcd.version(binary)
    with etcd.EtcdCluster(binary, folder) as cluster:
        client = etcd.EtcdClient(cluster)
        try:
            client.member = await client.leader()
            console.print(f"etcd: {kills} kills of the leader ...", style="dim")
            gaps = await rival.failovers(cluster, client, kills=kills)
            results.etcd_failover_ms = [gap * 1000 for gap in gaps]
            client.member = await client.leader()
            console.print(f"etcd: {IN_FLIGHT} in flight ...", style="dim")
            many: Latencies = await rival.puts(
                client, callers=IN_FLIGHT, seconds=seconds
            )
            results.etcd_in_flight_per_s = many.calls_per_s
            results.etcd_in_flight_p50_ms = many.percentile_ms(50)
        finally:
            await client.close()


def show(results: Results, console: Console) -> None:
    """Print the table, ours beside the rival's, with the ratio."""
    table = Table(
        title="three nodes, mutual TLS, every sync on, one Python client process"
    )
    for name in (
        "measure",
        "ledgerd",
        f"etcd {results.etcd_version or '(absent)'}",
        "ratio",
    ):
        table.add_column(name, justify="left" if name == "measure" else "right")
    has_rival = bool(results.etcd_version)

    def row(name: str, ours: float, theirs: float | None, unit: str) -> None:
        shown = f"{theirs:,.1f} {unit}" if theirs is not None and has_rival else "-"
        ratio = f"{ours / theirs:.2f}" if theirs and has_rival else "-"
        table.add_row(name, f"{ours:,.1f} {unit}", shown, ratio)

    for rows, rate in results.batches_per_s.items():
        callers = CALLERS_BY_BATCH[rows]
        theirs = results.etcd_in_flight_per_s if rows == 1_000 else None
        row(f"payouts, batches of {rows:,}, {callers} in flight", rate, theirs, "/s")
    row("payouts, batches of 1,000, over one account", results.hot_per_s, None, "/s")
    row("payouts, batches of 1,000, over 1,000", results.spread_per_s, None, "/s")
    row(
        f"single submits, {IN_FLIGHT} in flight | puts",
        results.in_flight_per_s,
        results.etcd_in_flight_per_s,
        "/s",
    )
    row(
        f"latency p50, {IN_FLIGHT} in flight",
        results.in_flight_p50_ms,
        results.etcd_in_flight_p50_ms,
        "ms",
    )
    row(
        "latency p50, one caller",
        results.one_caller_p50_ms,
        results.etcd_one_caller_p50_ms,
        "ms",
    )
    row(
        "latency p99, one caller",
        results.one_caller_p99_ms,
        results.etcd_one_caller_p99_ms,
        "ms",
    )
    ours_p50 = statistics.median(results.failover_ms)
    theirs_p50 = (
        statistics.median(results.etcd_failover_ms)
        if results.etcd_failover_ms
        else None
    )
    row(f"failover p50, {len(results.failover_ms)} kills", ours_p50, theirs_p50, "ms")
    row(
        "failover worst",
        max(results.failover_ms),
        max(results.etcd_failover_ms, default=None),
        "ms",
    )
    console.print(table)
    rounds = {
        "ledgerd": results.one_caller_rounds_p50_ms,
        "etcd": results.etcd_one_caller_rounds_p50_ms,
    }
    for name, each in rounds.items():
        if each:
            shown = " ".join(f"{p50:.2f}" for p50 in each)
            console.print(f"one caller, p50 of the rounds of {name}: {shown} ms")
    console.print(
        f"hot account: {results.hot_ratio:.2f} of the rate of 1,000 accounts,"
        f" floor {FLOOR_HOT_RATIO}"
    )


@click.command()
@click.option(
    "--seconds", default=6.0, show_default=True, help="Length of each measurement."
)
@click.option("--kills", default=10, show_default=True, help="Kills of the leader.")
@click.option(
    "--result",
    type=click.Path(path_type=Path),
    help="Write the figures to this JSON file.",
)
def main(seconds: float, kills: int, result: Path | None) -> None:
    """Measure ledgerd, and etcd beside it where Debian's etcd-server is installed.

    Exit code 0 when every floor is met, 1 when one is missed.
    """
    console = Console()
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    results = Results(machine=machine)
    binary = etcd.find()
    with tempfile.TemporaryDirectory(prefix="ledgerd-bench-") as name:
        folder = Path(name)
        (folder / "etcd").mkdir()
        options = {"seconds": seconds, "kills": kills}
        one = one_caller.in_turns(
            folder / "one", binary, seconds=seconds, console=console
        )
        results.take_one_caller(*asyncio.run(one))
        asyncio.run(
            measure_ours(
                folder / "ledgerd",
                results,
                seconds=seconds,
                kills=kills,
                console=console,
            )
        )
        if binary is None:
            console.print(
                "SKIPPED: etcd is not installed (Debian: etcd-server); there is no ratio",
                style="bold yellow",
            )
        else:
            asyncio.run(
                measure_rival(
                    binary,
                    folder / "etcd",
                    results,
                    seconds=seconds,
                    kills=kills,
                    console=console,
                )
            )
    show(results, console)
    if result is not None:
        figures = {name: getattr(results, name) for name in Results.__slots__}
        result.write_text(json.dumps({**figures, "options": options}, indent=2) + "\n")
    misses = results.misses()
    for miss in misses:
        console.print(f"FLOOR MISSED: {miss}", style="bold red")
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
