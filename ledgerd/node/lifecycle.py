"""Start, serve, drain, stop: the order is this file. Everything lives in one TaskGroup.

A task that dies ends the process (T68): nothing detaches silently.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ledgerd.errors import Reason
from ledgerd.node.courier import Courier
from ledgerd.node.failstop import fail_stop, install_nets
from ledgerd.node.handle import Node
from ledgerd.node.reads import Reads
from ledgerd.node.replica_thread import ReplicaThread, quieten_collector
from ledgerd.observability import logs

log = logs.get(__name__)


class Part(Protocol):
    """Something that serves: the peer transport, the api server, the metrics endpoint."""

    async def start(self) -> None:
        """Listen. Raises ConfigError when it cannot."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls at once and end those under way within `grace_s` seconds."""
        ...


async def serve(
    *,
    node: Node,
    replica_thread: ReplicaThread,
    courier: Courier,
    reads: Reads,
    transport: Part,
    api: Part,
    background: Sequence[Callable[[], Awaitable[None]]],
    stop_grace_s: float,
    drain_s: float,
    on_hangup: Callable[[], None] = lambda: None,
) -> None:
    """Run a node until SIGTERM or SIGINT, then stop it in order.

    background: endless coroutines (ticker, gauges); each runs as a task of the group.
    stop_grace_s: how long calls under way may take at the end. drain_s: how long a leader may take
        to hand over before. on_hangup: told of each SIGHUP, which ends nothing.
    """
    loop = asyncio.get_running_loop()
    install_nets(loop)
    should_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, should_stop.set)
    loop.add_signal_handler(signal.SIGHUP, on_hangup)

    replica_thread.start()
    try:
        await transport.start()
        await api.start()
        quieten_collector()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_endless(work)) for work in background]
            log.info("node_started", node_id=node.node_id, cluster_id=node.cluster_id)

            await should_stop.wait()
            log.info("node_stopping", node_id=node.node_id)
            # F5: whoever leads next does so before this one refuses calls.
            await node.drain(drain_s)
            node.begin_stop()
            # Waits for calls under way while consensus goes on.
            await api.stop(stop_grace_s)
            for task in tasks:
                task.cancel()
    finally:
        # Also when a part cannot start: the data directory is closed next, and it must
        # never be closed under a replica that writes.
        await transport.stop(stop_grace_s)
        await loop.run_in_executor(None, replica_thread.stop)
        courier.end_all(Reason.STOPPED_AFTER_PROPOSAL)
        reads.close()
    log.info("node_stopped", node_id=node.node_id)


async def _endless(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except Exception as error:
        fail_stop(error, where="background task")
    fail_stop(
        AssertionError(f"a background task ended by itself: {work}"),
        where="background task",
    )
