"""The stack alone: what one caller waits for where there is neither a ledger nor consensus.

The same processes and threads as a cluster: a caller, a leader and two followers, joined by gRPC
streams over mutual TLS on uvloop; each of the three writes what came to LMDB, synced, in a thread
of its own, and the caller is answered when two of them have. What one caller of ledgerd waits for
beyond this is our own code.

    python -m benchmarks.macro.pipeline          # beside ledgerd, in turns
"""

import asyncio
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeAlias

import click
import grpc
import lmdb
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.macro.etcd import free_ports
from benchmarks.macro.measure import Latencies, closed_loop, cpu_s
from benchmarks.macro.ours import NODES, OurCluster
from ledgerd.security import pki
from ledgerd.security.identity import Role

ID_BYTES = 16
VALUE_BYTES = 300  # about what one payout takes in our log
MAP_BYTES = 1 << 28
QUORUM = 2
_SERVICE = "ledgerd.bench.Pipeline"
_METHOD = "Pass"
_READY_S_MAX = 20.0

# What an untyped gRPC stream hands over: messages as they came.
Call: TypeAlias = "grpc.aio.StreamStreamCall[bytes, bytes]"
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


class Disk:
    """One LMDB file and the thread that writes it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._environment = lmdb.open(str(folder), map_size=MAP_BYTES, max_dbs=1)
        self._table = self._environment.open_db(b"log")
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[tuple[bytes, Callable[[], object]]] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._run, daemon=True).start()

    def write(self, value: bytes, then: Callable[[], object]) -> None:
        """Write and sync; `then` is called on the loop once it is durable."""
        self._waiting.put((value, then))

    def _run(self) -> None:
        number = 0
        while True:
            value, then = self._waiting.get()
            number += 1
            with self._environment.begin(write=True, db=self._table) as transaction:
                transaction.put(number.to_bytes(8, "big"), value, append=True)
            self._loop.call_soon_threadsafe(then)


@dataclass(slots=True)
class Quorum:
    """Values that wait for their copies. Lives on the loop."""

    _waiting: "dict[bytes, tuple[int, asyncio.Future[None]]]" = field(
        default_factory=dict
    )

    def expect(self, id_: bytes) -> "asyncio.Future[None]":
        """Return what is done when a quorum holds the value."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[id_] = (0, future)
        return future

    def hold(self, id_: bytes) -> None:
        """Count one copy."""
        copies, future = self._waiting.get(id_, (0, None))
        if future is None:
            return
        if copies + 1 < QUORUM:
            self._waiting[id_] = (copies + 1, future)
            return
        del self._waiting[id_]
        future.set_result(None)


def _read_tls(folder: Path, name: str) -> tuple[bytes, bytes, bytes]:
    """Return CA, key and certificate."""
    files = (folder / "ca.pem", folder / f"{name}.key", folder / f"{name}.pem")
    ca, key, certificate = (file.read_bytes() for file in files)
    return ca, key, certificate


def _channel(port: int, tls: tuple[bytes, bytes, bytes]) -> grpc.aio.Channel:
    return grpc.aio.secure_channel(
        f"127.0.0.1:{port}",
        grpc.ssl_channel_credentials(*tls),
        [("grpc.ssl_target_name_override", "localhost")],
    )


def _stream(channel: grpc.aio.Channel) -> Call:
    call: Call = channel.stream_stream(f"/{_SERVICE}/{_METHOD}")(wait_for_ready=True)
    return call


async def _serve(
    port: int,
    tls: tuple[bytes, bytes, bytes],
    take: Callable[[bytes, Context], Awaitable[None]],
) -> None:
    """Give each message of each stream to `take`, in order, until the process is ended."""

    async def handle(_: object, context: Context) -> None:
        while isinstance(value := await context.read(), bytes):
            await take(value, context)

    ca, key, certificate = tls
    server = grpc.aio.server()
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
        handle
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: method}),)
    )
    server.add_secure_port(
        f"127.0.0.1:{port}",
        grpc.ssl_server_credentials([(key, certificate)], ca, True),
    )
    await server.start()
    await server.wait_for_termination()


async def follow(port: int, folder: Path, tls: tuple[bytes, bytes, bytes]) -> None:
    """Write what the leader sends, and say so."""
    disk = Disk(folder)

    async def take(value: bytes, context: Context) -> None:
        is_durable = asyncio.Event()
        disk.write(value, is_durable.set)
        await is_durable.wait()
        await context.write(value[:ID_BYTES])

    await _serve(port, tls, take)


async def lead(
    port: int, folder: Path, tls: tuple[bytes, bytes, bytes], peers: list[int]
) -> None:
    """Write what a caller sends, send it on, and answer when two of three hold it."""
    disk, quorum = Disk(folder), Quorum()
    calls = [_stream(_channel(peer, tls)) for peer in peers]

    async def listen(call: Call) -> None:
        while isinstance(id_ := await call.read(), bytes):
            quorum.hold(id_)

    listeners = [asyncio.create_task(listen(call)) for call in calls]

    async def take(value: bytes, context: Context) -> None:
        id_ = value[:ID_BYTES]
        held = quorum.expect(id_)
        disk.write(value, lambda: quorum.hold(id_))
        sends = [asyncio.create_task(call.write(value)) for call in calls]
        await held
        await context.write(id_)
        await asyncio.gather(*sends)

    await _serve(port, tls, take)
    await asyncio.gather(*listeners)


class Pipeline:
    """A leader and two followers as processes, which end with the context, also after a failure."""

    def __init__(self, folder: Path) -> None:
        pki_folder = folder / "pki"
        pki.create_ca(pki_folder, "bench-pipeline")
        node = pki.issue_node(pki_folder, 1, hosts=("localhost", "127.0.0.1"))
        client = pki.issue_client(pki_folder, "bench", [Role.SUBMITTER])
        self._tls = tuple(
            file.read_bytes() for file in (client.ca, client.key, client.certificate)
        )
        self._node_name = node.certificate.stem
        self._folder = folder
        self._ports = free_ports(NODES)
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        leader, *followers = self._ports
        for port in followers:
            self._start(port)
        self._start(leader, *followers)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _start(self, port: int, *peers: int) -> None:
        command = [sys.executable, "-m", "benchmarks.macro.pipeline", "node"]
        parts = [str(port), str(self._folder), self._node_name, *map(str, peers)]
        self._processes.append(subprocess.Popen([*command, *parts]))

    @property
    def pids(self) -> list[int]:
        """The processes: two followers, then the leader."""
        return [process.pid for process in self._processes]

    async def singles(self, *, seconds: float) -> Latencies:
        """Send one value at a time, as one caller does."""
        ca, key, certificate = self._tls
        channel = _channel(self._ports[0], (ca, key, certificate))
        async with asyncio.timeout(_READY_S_MAX):
            await channel.channel_ready()
        call = _stream(channel)

        async def one(number: int) -> None:
            await call.write(number.to_bytes(ID_BYTES, "big") + bytes(VALUE_BYTES))
            answer = await call.read()
            assert answer == number.to_bytes(ID_BYTES, "big"), answer

        async with asyncio.timeout(_READY_S_MAX):
            await one(0)
        try:
            return await closed_loop(
                lambda number: one(number + 1),
                callers=1,
                calls_max=10_000_000,
                seconds_max=seconds,
            )
        finally:
            call.cancel()
            await channel.close()


@dataclass(slots=True)
class Turns:
    """Medians of the rounds, milliseconds; and processor time a call of all four processes."""

    latencies_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def add(self, taken: Latencies, used_s: float) -> None:
        """Take over one round."""
        self.latencies_ms.append(taken.percentile_ms(50))
        self.cpu_ms.append(used_s * 1000 / len(taken.sorted_s))


async def compare(
    folder: Path, *, seconds: float, rounds: int, console: Console
) -> tuple[Turns, Turns]:
    """Measure ledgerd and the pipeline in turns; ours is paused while the other works."""
    ours, stack = Turns(), Turns()
    (folder / "pipeline").mkdir()
    cluster = OurCluster(folder / "ledgerd")
    try:
        client = await cluster.start()
        pids = [pid for pid in cluster.cluster.pids().values() if pid is not None]
        with Pipeline(folder / "pipeline") as pipeline:
            await cluster.singles(client, callers=1, seconds=1)
            await pipeline.singles(seconds=1)
            for number in range(rounds):
                console.print(f"round {number + 1} of {rounds} ...", style="dim")
                before_s = cpu_s(pids)
                taken = await cluster.singles(client, callers=1, seconds=seconds)
                ours.add(taken, cpu_s(pids) - before_s)
                for node_id in cluster.cluster.node_ids:
                    cluster.cluster.pause(node_id)
                try:
                    before_s = cpu_s(pipeline.pids)
                    taken = await pipeline.singles(seconds=seconds)
                    stack.add(taken, cpu_s(pipeline.pids) - before_s)
                finally:
                    for node_id in cluster.cluster.node_ids:
                        cluster.cluster.resume(node_id)
                await asyncio.to_thread(cluster.cluster.wait_ready)
        await client.close()
    finally:
        cluster.stop()
    return ours, stack


def show(ours: Turns, stack: Turns, console: Console) -> None:
    """Print the table, with the ratio of each round's median."""
    table = Table(title="one caller, three nodes, mutual TLS, every sync on")
    for name in ("round", "ledgerd p50", "stack p50", "ledgerd CPU", "stack CPU"):
        table.add_column(name, justify="right")
    for number, (mine, theirs, cpu, stack_cpu) in enumerate(
        zip(
            ours.latencies_ms,
            stack.latencies_ms,
            ours.cpu_ms,
            stack.cpu_ms,
            strict=True,
        ),
        1,
    ):
        figures = (mine, theirs, cpu, stack_cpu)
        table.add_row(str(number), *(f"{figure:.2f} ms" for figure in figures))
    console.print(table)
    ratio = statistics.median(ours.latencies_ms) / statistics.median(stack.latencies_ms)
    cpu_ratio = statistics.median(ours.cpu_ms) / statistics.median(stack.cpu_ms)
    console.print(
        f"ledgerd to the stack alone, medians: {ratio:.2f} of its latency, "
        f"{cpu_ratio:.2f} of the processor time of its nodes a call"
    )


@click.group(invoke_without_command=True)
@click.option("--seconds", default=3.0, show_default=True, help="Length of a round.")
@click.option("--rounds", default=4, show_default=True, help="Rounds of each.")
@click.pass_context
def main(context: click.Context, seconds: float, rounds: int) -> None:
    """Measure one caller of ledgerd, and the stack alone beside it, in turns."""
    if context.invoked_subcommand is not None:
        return
    console = Console()
    with tempfile.TemporaryDirectory(prefix="ledgerd-bench-") as name:
        ours, stack = asyncio.run(
            compare(Path(name), seconds=seconds, rounds=rounds, console=console)
        )
    show(ours, stack, console)


@main.command(hidden=True)
@click.argument("port", type=int)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("name")
@click.argument("peers", type=int, nargs=-1)
def node(port: int, folder: Path, name: str, peers: tuple[int, ...]) -> None:
    """One process of the pipeline: the leader, if it has peers."""
    tls = _read_tls(folder / "pki", name)
    disk = folder / f"disk-{port}"
    if peers:
        uvloop.run(lead(port, disk, tls, list(peers)))
    else:
        uvloop.run(follow(port, disk, tls))


if __name__ == "__main__":
    main()
