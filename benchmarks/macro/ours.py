"""Our side of the macro benchmark: a local cluster over mutual TLS and the client library."""

import asyncio
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.macro.measure import Latencies, closed_loop, gap_after
from ledgerd.api.v1 import payouts_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import (
    AsyncClient,
    Outcome,
    Profile,
    new_payout_id,
    payout_order,
    us_account,
)

NODES = 3
CALLERS_BY_BATCH = {1: 64, 64: 16, 1_000: 6, 8_192: 3}
FUNDS_MINOR = 10**15
SPREAD_ACCOUNTS = 1_000
_OPENING_IN_FLIGHT = 64
_ROUNDS = 5


def order(account: str, number: int) -> payouts_pb2.PayoutOrder:
    """Return one ordinary payout of one dollar and some cents, with a new id."""
    return payout_order(
        account=account,
        amount=100 + number % 97,
        currency="USD",
        rail="us_ach",
        destination=us_account("021000021", f"{number:010d}", "Some Payee"),
        reference=f"invoice {number}",
        payout_id=new_payout_id(),
    )


class OurCluster:
    """Three nodes, one funded account, and a client."""

    def __init__(self, folder: Path) -> None:
        self.cluster = DevCluster(folder, NODES)
        self.account = ""

    async def start(self) -> AsyncClient:
        """Start the nodes and return a client with a funded account."""
        self.cluster.prepare()
        self.cluster.start()
        self.cluster.wait_ready()
        client = AsyncClient(Profile.load(self.cluster.profile_path))
        await client.__aenter__()
        self.account = await client.open_account(currency="USD", livemode=True)
        await client.fund(
            self.account, FUNDS_MINOR, "USD", bank="bench", external_ref="bench-1"
        )
        return client

    def stop(self) -> None:
        """Stop the nodes."""
        self.cluster.stop()

    async def open_accounts(self, client: AsyncClient, count: int) -> list[str]:
        """Return new accounts with money."""
        gate = asyncio.Semaphore(_OPENING_IN_FLIGHT)

        async def opened(number: int) -> str:
            async with gate:
                account = await client.open_account(currency="USD", livemode=True)
                await client.fund(
                    account,
                    FUNDS_MINOR,
                    "USD",
                    bank="bench",
                    external_ref=f"more-{number}",
                )
                return account

        return list(await asyncio.gather(*map(opened, range(count))))

    async def batches(
        self,
        client: AsyncClient,
        rows: int,
        *,
        seconds: float,
        accounts: Sequence[str] = (),
    ) -> tuple[float, Latencies]:
        """Submit batches of `rows`; return payouts a second and the latencies of the calls.

        accounts: over which they are spread, one after the other; the one account if none is named.
        The orders are made inside the loop: what a client pays is in the figure.
        """
        accepted = 0
        drawn_on = accounts or (self.account,)

        async def call(number: int) -> None:
            nonlocal accepted
            request = payouts_pb2.SubmitBatchRequest(
                orders=[
                    order(drawn_on[row % len(drawn_on)], number * rows + row)
                    for row in range(rows)
                ]
            )
            reply = await client.submit_request(request, deadline=20.0)
            assert len(reply.results) == rows, (len(reply.results), rows)
            accepted += rows

        latencies = await closed_loop(
            call,
            callers=CALLERS_BY_BATCH[rows],
            calls_max=10_000_000,
            seconds_max=seconds,
        )
        return accepted / latencies.took_s, latencies

    async def hot_and_spread(
        self, client: AsyncClient, *, seconds: float
    ) -> tuple[float, float]:
        """Return payouts a second in batches of 1,000 over one account, and over 1,000.

        The two take turns, so that both meet the same neighbours; the median of their rounds.
        """
        accounts = await self.open_accounts(client, SPREAD_ACCOUNTS)
        hot: list[float] = []
        spread: list[float] = []
        for _ in range(_ROUNDS):
            for rates, over in ((hot, accounts[:1]), (spread, accounts)):
                rate, _ = await self.batches(
                    client, 1_000, seconds=seconds / _ROUNDS, accounts=over
                )
                rates.append(rate)
        return statistics.median(hot), statistics.median(spread)

    async def singles(
        self, client: AsyncClient, *, callers: int, seconds: float
    ) -> Latencies:
        """Submit one payout a call through the library, which coalesces those that wait."""

        async def call(number: int) -> None:
            result = await client.submit_order(order(self.account, number))
            assert result.outcome is Outcome.CREATED, result

        return await closed_loop(
            call, callers=callers, calls_max=10_000_000, seconds_max=seconds
        )

    async def failovers(self, client: AsyncClient, *, kills: int) -> list[float]:
        """Kill the leader `kills` times under 16 callers; return the gaps, seconds, sorted."""
        gaps = []
        for _ in range(kills):
            leader = await asyncio.to_thread(self.cluster.leader)
            assert leader is not None, "no leader before the kill"

            async def kill(node_id: int = leader) -> None:
                self.cluster.kill(node_id)

            async def call(number: int) -> None:
                await client.submit_order(order(self.account, number), deadline=10.0)

            gaps.append(await gap_after(kill, call, callers=16, seconds_max=15.0))
            self.cluster.start(leader)
            await asyncio.to_thread(self.cluster.wait_ready)
        return sorted(gaps)
