"""The simulated rail of a run: a process beside the nodes, and what it says that it did.

It executes every send that it takes, also of a payment that it knows, so that nothing but the
nodes keeps a payout from being paid twice. Nodes reach it directly, over mutual TLS.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final

import grpc

from jepsen.history import Json
from jepsen.nodes import CLIENT, CLUSTER_ID, Cluster, RigError
from ledgerd.rails.v1 import simulated_pb2 as pb
from ledgerd.rails.v1 import simulated_pb2_grpc as pb_grpc
from ledgerd.security.tls import ChannelTls
from ledgerd.security.tlsfiles import TlsFiles

NAME: Final = "sandbox"
READY_S_MAX: Final = 20.0
STOP_S_MAX: Final = 5.0
COUNTS_S_MAX: Final = 5.0
# A takeover is soon; what is not known a second after a send never will be.
SETTINGS: Final[Mapping[str, int]] = {"lease_ms": 1_500, "send_ms": 400}
GUARANTEE_MS: Final = 1_000


class RailProcess:
    """One simulated rail. Its port is chosen when it is made."""

    def __init__(self, cluster: Cluster, port: int) -> None:
        self._cluster = cluster
        self._home = cluster.root / "rail"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{port}"

    def start(self) -> None:
        """Wait until it listens; what it was sent before, it still knows. Once it runs, done."""
        if self._process is not None:
            return
        cluster, pki = self._cluster, self._cluster.pki
        self._home.mkdir(exist_ok=True)
        if not (pki / f"rail-{NAME}.pem").exists():
            cluster.issue("rail", "--name", NAME)
        command = [
            *(sys.executable, "-u", "-m", "ledgerd", "rail"),
            *("--listen", self.address),
            *("--journal", str(self._home / "calls.ndjson")),
            *("--ca", str(pki / "ca.pem")),
            *("--certificate", str(pki / f"rail-{NAME}.pem")),
            *("--key", str(pki / f"rail-{NAME}.key")),
            *("--executes-twice", "--guarantee-ms", str(GUARANTEE_MS)),
        ]
        cluster.journal.will_start("rail", command)
        log = self._home / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=cluster.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the rig
            )
        cluster.journal.started("rail", process.pid)
        self._process = process
        until = time.monotonic() + READY_S_MAX
        while "simulated rail on port" not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > until:
                words = log.read_text(errors="replace").strip()[-200:]
                raise RigError(f"the simulated rail does not listen: {words}")
            time.sleep(0.05)

    def pids(self) -> list[int]:
        """Its pid, while it runs."""
        return [] if self._process is None else [self._process.pid]

    def kill(self) -> None:
        """SIGKILL it; nothing happens if it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            self._cluster.journal.ended("rail", process.pid)

    def stop(self) -> None:
        """End it; nothing happens if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._cluster.journal.ended("rail", process.pid)

    async def counts(self) -> list[Json]:
        """Return how often it was sent each rail key, and how often its money left."""
        pki = self._cluster.pki
        files = TlsFiles(
            pki / "ca.pem", pki / f"client-{CLIENT}.pem", pki / f"client-{CLIENT}.key"
        )
        tls = ChannelTls(files, cluster_id=CLUSTER_ID)
        async with tls.open(self.address, rail=NAME) as channel:
            try:
                reply = await pb_grpc.SimulatedRailStub(channel).Counts(
                    pb.CountsRequest(), timeout=COUNTS_S_MAX
                )
            except grpc.aio.AioRpcError as error:
                raise RigError(
                    f"the simulated rail does not answer: {error}"
                ) from error
        return [
            {"key": each.rail_key, "sends": each.sends, "executions": each.executions}
            for each in reply.counts
        ]
