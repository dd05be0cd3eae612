"""etcd's side of the macro benchmark: the same loops over puts of about a payout's size."""

import asyncio
import os

import grpc

from benchmarks.macro.etcd import EtcdClient, EtcdCluster
from benchmarks.macro.measure import Latencies, closed_loop, gap_after

VALUE_BYTES = 200  # about what one payout takes in our log


async def puts(client: EtcdClient, *, callers: int, seconds: float) -> Latencies:
    """Put distinct keys at the leader, `callers` in flight."""
    value = os.urandom(VALUE_BYTES)

    async def call(number: int) -> None:
        await client.put(b"payout/%016d" % number, value)

    return await closed_loop(
        call, callers=callers, calls_max=10_000_000, seconds_max=seconds
    )


async def failovers(
    cluster: EtcdCluster, client: EtcdClient, *, kills: int
) -> list[float]:
    """Kill the leader `kills` times under 16 callers; return the gaps, seconds, sorted.

    The callers talk to a member that stays, which forwards to whoever leads: etcd's best case.
    """
    gaps = []
    value = os.urandom(VALUE_BYTES)
    for _ in range(kills):
        leader = await client.leader()
        client.member = (leader + 1) % 3

        async def kill(member: int = leader) -> None:
            cluster.kill(member)

        async def call(number: int) -> None:
            await client.put(b"failover/%016d" % number, value, timeout_s=1.0)

        gaps.append(await gap_after(kill, call, callers=16, seconds_max=20.0))
        cluster.start(leader)
        await client.leader()
        await _all_answer(client)
    return sorted(gaps)


async def _all_answer(client: EtcdClient) -> None:
    """Wait until every member takes a put."""
    for member in range(3):
        client.member = member
        for _ in range(200):
            try:
                await client.put(b"ready", b"1", timeout_s=0.5)
                break
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)
        else:
            raise TimeoutError(f"etcd member {member} did not come back")
