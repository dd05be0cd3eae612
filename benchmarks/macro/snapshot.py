"""A follower that lost the log is caught up while the others go on: at what rate do they?

Three nodes, a state of `--payouts` payouts, and a steady load of single submits. One follower is
paused until the leader has cut what it lacks, then goes on. Measured are acknowledged payouts a
second: with all three, with two, while the third is given the state, and while it follows the log.
The floor: from the moment it is back until it has followed, the rate is at least 80 % of what the
other two had without it. Beside it stands the share of the rate of all three.

On one machine all processes and the callers share its cores, so what the third takes the others
lack; the processor time of each process by phase says how much that is.

    python -m benchmarks.macro.snapshot --payouts 1000000
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import click

from benchmarks.macro.measure import cpu_s
from benchmarks.macro.ours import OurCluster, order
from ledgerd.api.v1 import payouts_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import AsyncClient, CallError

FLOOR = 0.8
_BATCH = 8_192
_FILLERS = 3
_WAIT_S_MAX = 600.0
_POLL_S = 0.1


@dataclass(slots=True)
class Result:
    """What was measured. Rates are payouts a second.

    catching_up: from the moment the third is back until it has followed the log; of that, `giving`
    is until the state is in place, and `following` the rest. cpu_cores: by phase and process, how
    many cores it used; the callers are one process with the benchmark.
    """

    payouts: int
    callers: int
    rate_bytes: int
    fill_s: float = 0.0
    state_bytes: int = 0
    snapshot_bytes: int = 0
    with_three_per_s: float = 0.0
    with_two_per_s: float = 0.0
    catching_up_per_s: float = 0.0
    catching_up_s: float = 0.0
    giving_per_s: float = 0.0
    following_per_s: float = 0.0
    until_installed_s: float = 0.0
    longest_gap_s: float = 0.0
    failures: list[str] = field(default_factory=list)
    cpu_cores: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def kept(self) -> float:
        """The share of the rate with two that was kept while the third was caught up."""
        return self.catching_up_per_s / self.with_two_per_s

    @property
    def kept_of_three(self) -> float:
        """The same, of the rate with all three: what the callers saw before anything happened."""
        return self.catching_up_per_s / self.with_three_per_s


class Cores:
    """The processor time of some processes, from one call to the next."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._at = time.monotonic()
        self._used_s = self._look()

    def since(self) -> dict[str, float]:
        """Return how many cores each used since the last call."""
        before_at, before = self._at, self._used_s
        self._at, self._used_s = time.monotonic(), self._look()
        spent_s = self._at - before_at
        return {
            name: round((used - before[name]) / spent_s, 2)
            for name, used in self._used_s.items()
        }

    def _look(self) -> dict[str, float]:
        return {name: cpu_s([pid]) for name, pid in self._pids.items()}


class Load:
    """Single submits from `callers` callers until stopped; when each was acknowledged."""

    def __init__(self, client: AsyncClient, account: str, callers: int) -> None:
        self.acks: list[float] = []
        self.failures: list[str] = []
        self._client = client
        self._account = account
        self._should_stop = False
        self._tasks = [asyncio.create_task(self._call(n)) for n in range(callers)]

    async def _call(self, number: int) -> None:
        while not self._should_stop:
            number += 1
            try:
                await self._client.submit_order(
                    order(self._account, number), deadline=20.0
                )
            except CallError as error:
                self.failures.append(f"{error.reason.value}: {error.message}")
                continue
            self.acks.append(time.monotonic())

    async def stop(self) -> None:
        """Let each caller end its call."""
        self._should_stop = True
        await asyncio.gather(*self._tasks)

    def per_s(self, begin: float, end: float) -> float:
        """Return the rate between two moments."""
        return sum(1 for at in self.acks if begin <= at < end) / (end - begin)

    def longest_gap_s(self, begin: float, end: float) -> float:
        """Return the longest time without an acknowledgement."""
        times = [begin, *(at for at in self.acks if begin <= at < end), end]
        return max(b - a for a, b in pairwise(times))


async def fill(client: AsyncClient, account: str, payouts: int) -> None:
    """Submit so many payouts in large batches."""
    numbers = iter(range(0, payouts, _BATCH))

    async def filler() -> None:
        for first in numbers:
            count = min(_BATCH, payouts - first)
            request = payouts_pb2.SubmitBatchRequest(
                orders=[order(account, first + row) for row in range(count)]
            )
            await client.submit_request(request, deadline=60.0)

    async with asyncio.TaskGroup() as group:
        for _ in range(_FILLERS):
            group.create_task(filler())


async def until(what: str, is_so: Callable[[], Awaitable[bool]]) -> float:
    """Return when it is so."""
    end = time.monotonic() + _WAIT_S_MAX
    while time.monotonic() < end:
        try:
            if await is_so():
                return time.monotonic()
        except CallError:
            pass
        await asyncio.sleep(_POLL_S)
    raise AssertionError(f"within {_WAIT_S_MAX} s: {what}")


def events(cluster: DevCluster, node_id: int, event: str) -> list[dict[str, object]]:
    """Return the lines of this event in a node's log."""
    lines = cluster.log_path(node_id).read_text().splitlines()
    found = [json.loads(line) for line in lines if f'"{event}"' in line]
    return [line for line in found if line["event"] == event]


async def measure(folder: Path, result: Result, *, seconds: float) -> None:
    """Run the whole and fill in the result."""
    ours = OurCluster(folder)
    ours.cluster = DevCluster(
        folder,
        3,
        settings={
            "storage": {
                "log_keep_entries": 500,
                "snapshot_rate_bytes": result.rate_bytes,
            }
        },
    )
    client = await ours.start()
    try:
        began = time.monotonic()
        await fill(client, ours.account, result.payouts)
        result.fill_s = time.monotonic() - began
        load = Load(client, ours.account, result.callers)
        try:
            await _phases(ours.cluster, client, load, result, seconds)
        finally:
            await load.stop()
        result.failures = load.failures[:10]
    finally:
        await client.close()
        ours.stop()


async def _phases(
    cluster: DevCluster,
    client: AsyncClient,
    load: Load,
    result: Result,
    seconds: float,
) -> None:
    leader = await asyncio.to_thread(cluster.leader)
    assert leader is not None
    away = next(node for node in (1, 2, 3) if node != leader)

    names = {leader: "leader", away: "caught up"}
    pids = {names.get(n, "other"): pid for n, pid in cluster.pids().items() if pid}
    cores = Cores({**pids, "callers": os.getpid()})

    await asyncio.sleep(3.0)  # the load has its pace
    begun = time.monotonic()
    cores.since()
    await asyncio.sleep(seconds)
    result.cpu_cores["with three"] = cores.since()
    result.with_three_per_s = load.per_s(begun, time.monotonic())

    at = (await client.status(away)).last_index
    cluster.pause(away)
    await asyncio.sleep(5.0)  # the leader takes it for dead
    begun = time.monotonic()
    cores.since()
    await asyncio.sleep(seconds)
    result.cpu_cores["with two"] = cores.since()
    result.with_two_per_s = load.per_s(begun, time.monotonic())

    async def is_cut() -> bool:
        return (await client.status(leader)).first_index > at + 1

    await until("the leader cuts its log", is_cut)

    cluster.resume(away)
    begun = time.monotonic()
    cores.since()

    async def is_installed() -> bool:
        return bool(events(cluster, away, "snapshot_installed"))

    installed = await until("the state is installed", is_installed)
    result.until_installed_s = installed - begun
    result.giving_per_s = load.per_s(begun, installed)
    result.cpu_cores["giving"] = cores.since()

    async def has_followed() -> bool:
        theirs = await client.status(away)
        return theirs.applied_index + 50 >= (await client.status(leader)).commit_index

    ended = await until("the log is followed", has_followed)
    result.cpu_cores["following"] = cores.since()
    result.following_per_s = load.per_s(installed, ended)
    result.catching_up_s = ended - begun
    result.catching_up_per_s = load.per_s(begun, ended)
    result.longest_gap_s = load.longest_gap_s(begun, ended)
    made = [one for n in (1, 2, 3) for one in events(cluster, n, "snapshot_made")]
    result.snapshot_bytes = int(str(made[-1]["size_bytes"])) if made else 0
    state = cluster.data_directory(leader) / "state" / "data.mdb"
    result.state_bytes = state.stat().st_size


@click.command()
@click.option("--payouts", default=1_000_000, show_default=True)
@click.option("--callers", default=64, show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="Of each phase.")
@click.option(
    "--rate-mib", default=10, show_default=True, help="storage.snapshot_rate_bytes"
)
def main(payouts: int, callers: int, seconds: float, rate_mib: int) -> None:
    """Measure, print the result as JSON, and exit with 1 if the floor is missed."""
    result = Result(payouts, callers, rate_mib << 20)
    with tempfile.TemporaryDirectory(prefix="ledgerd-bench-") as name:
        asyncio.run(measure(Path(name) / "cluster", result, seconds=seconds))
    kept = {"kept": round(result.kept, 3), "of_three": round(result.kept_of_three, 3)}
    print(json.dumps({**asdict(result), **kept}, indent=2))
    if result.kept < FLOOR or result.failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
