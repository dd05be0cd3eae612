"""One caller, ledgerd and the rival in turns, a new cluster for each round.

A machine that others share drifts within minutes by more than what is compared (decision 17), and
one window of a few seconds would say which minute it met. The two take turns, either of them first
in every second round, so that both meet the same minutes, and the median of the rounds counts.
"""

import statistics
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.macro import etcd, rival
from benchmarks.macro.measure import Latencies
from benchmarks.macro.ours import OurCluster

ROUNDS = 5


@dataclass(slots=True)
class Rounds:
    """Latencies of one caller, milliseconds, one of each for each round, in their order."""

    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def add(self, taken: Latencies) -> None:
        """Note one round."""
        self.p50_ms.append(taken.percentile_ms(50))
        self.p99_ms.append(taken.percentile_ms(99))

    def median_p50_ms(self) -> float:
        """Return the median of the rounds' medians, 0 where there were none."""
        return statistics.median(self.p50_ms) if self.p50_ms else 0.0

    def median_p99_ms(self) -> float:
        """Return the median of the rounds' 99th percentiles, 0 where there were none."""
        return statistics.median(self.p99_ms) if self.p99_ms else 0.0


async def in_turns(
    folder: Path, binary: str | None, *, seconds: float, console: Console
) -> tuple[Rounds, Rounds]:
    """Return the rounds of ledgerd and of etcd; the latter are empty where `binary` is None.

    folder: an empty one; clusters are made in it. seconds: the length of each round.
    """
    ours, theirs = Rounds(), Rounds()
    for number in range(ROUNDS):
        console.print(f"one caller, round {number + 1} of {ROUNDS} ...", style="dim")
        turns = [True, False] if number % 2 == 0 else [False, True]
        for is_ours in turns:
            within = folder / f"{number}-{'ledgerd' if is_ours else 'etcd'}"
            if is_ours:
                ours.add(await _ours(within, seconds=seconds))
            elif binary is not None:
                within.mkdir(parents=True)
                theirs.add(await _theirs(binary, within, seconds=seconds))
    return ours, theirs


async def _ours(folder: Path, *, seconds: float) -> Latencies:
    """Measure one round of ledgerd, in a cluster of its own."""
    cluster = OurCluster(folder)
    try:
        client = await cluster.start()
        try:
            return await cluster.singles(client, callers=1, seconds=seconds)
        finally:
            await client.close()
    finally:
        cluster.stop()


async def _theirs(binary: str, folder: Path, *, seconds: float) -> Latencies:
    """Measure one round of etcd, in a cluster of its own."""
    with etcd.EtcdCluster(binary, folder) as cluster:
        client = etcd.EtcdClient(cluster)
        try:
            client.member = await client.leader()
            return await rival.puts(client, callers=1, seconds=seconds)
        finally:
            await client.close()
