"""Real daemons on 127.0.0.1: certificates, configuration, processes by kept pid, logs.

A node is started by `python -m ledgerd run --config ...` (or by a given command line that
wraps it), has its own folder under the run's `nodes/`, and reaches its peers through one
proxy per directed link, so that links can be cut. Identity is in the certificates, not
in the addresses, so the proxies are safe with mutual TLS.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeAlias

from jepsen.journal import Journal
from jepsen.wire import name_of

Direction: TypeAlias = tuple[int, int]

CLUSTER_ID = "jepsen"
CLIENT = "jepsen"
EVENTS = "raft.ndjson"  # in a node's folder: its protocol events, if it writes any
ROLES = ("submitter", "auditor", "admin")
PKI_S_MAX = 60.0
CHECK_S_MAX = 120.0
# Below those that systems give to outgoing connections: a node that was killed comes back to its
# port, which nobody must have taken meanwhile. `ledgerd dev` chooses above them.
_PORTS = range(10_000, 20_000)


class RigError(Exception):
    """The rig itself could not do its work: never the product's verdict."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a node listens, on 127.0.0.1."""

    api: int
    peer: int
    metrics: int


@dataclass(frozen=True, slots=True)
class Exit:
    """A process that ended: its code (negative: a signal), and who asked for it."""

    node_id: int
    pid: int
    code: int
    asked: str  # "kill", "stop" or "none"


@dataclass(slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    asked: str = "none"
    is_paused: bool = False


@dataclass(slots=True)
class Cluster:
    """The nodes of one run.

    root: the run's `nodes/` folder. directory: where commands are run, the project's
    root. daemon: the command line in front of `run --config FILE`. Every process is
    journalled before it is started. is_traced: each writes protocol events.
    """

    root: Path
    node_ids: tuple[int, ...]
    journal: Journal
    directory: Path
    daemon: tuple[str, ...] = (sys.executable, "-m", "ledgerd")
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, int | str]] = field(default_factory=dict)
    is_traced: bool = False
    ports: dict[int, Ports] = field(default_factory=dict)
    exits: list[Exit] = field(default_factory=list)
    _running: dict[int, _Running] = field(default_factory=dict)

    # Making.

    def choose_ports(self) -> None:
        """Pick free ports for every node. They are free at this moment, no longer."""
        free = free_ports(3 * len(self.node_ids))
        for place, node_id in enumerate(self.node_ids):
            self.ports[node_id] = Ports(*free[3 * place : 3 * place + 3])

    def make_certificates(self) -> None:
        """Make a CA, a certificate for each node and one for the clients."""
        folder = str(self.pki)
        self._pki("init", "--dir", folder, "--cluster-id", CLUSTER_ID)
        for node_id in self.node_ids:
            self._pki("issue", "node", "--dir", folder, "--id", str(node_id))
        roles = [part for role in ROLES for part in ("--role", role)]
        self._pki("issue", "client", "--dir", folder, "--name", CLIENT, *roles)

    def issue(self, kind: str, *arguments: str) -> None:
        """Issue one more certificate by the CA of the run."""
        self._pki("issue", kind, "--dir", str(self.pki), *arguments)

    def write_configs(self, links: Mapping[Direction, int]) -> None:
        """Write each node's TOML; node i dials peer j at the proxy port links[i, j]."""
        for node_id in self.node_ids:
            folder = self.folder(node_id)
            folder.mkdir(parents=True)
            self.config_path(node_id).write_text(
                self._config(node_id, links), encoding="utf-8"
            )

    def _config(self, node_id: int, links: Mapping[Direction, int]) -> str:
        lines = [
            "[node]",
            f"id = {node_id}",
            f"data_dir = {_quoted(self.data_dir(node_id))}",
            "",
            "[cluster]",
            f'id = "{CLUSTER_ID}"',
        ]
        for other, ports in self.ports.items():
            peer = ports.peer if other == node_id else links[node_id, other]
            lines += [
                "",
                "[[cluster.members]]",
                f"id = {other}",
                f'peer_address = "127.0.0.1:{peer}"',
                f'api_address = "127.0.0.1:{ports.api}"',
            ]
        own = self.ports[node_id]
        lines += [
            "",
            "[listen]",
            f'api = "127.0.0.1:{own.api}"',
            f'peer = "127.0.0.1:{own.peer}"',
            f'metrics = "127.0.0.1:{own.metrics}"',
            "",
            "[security]",
            f"ca = {_quoted(self.pki / 'ca.pem')}",
            f"certificate = {_quoted(self.pki / f'node-{node_id}.pem')}",
            f"key = {_quoted(self.pki / f'node-{node_id}.key')}",
            "",
            "[log]",
            'format = "json"',
        ]
        for section, options in self.settings.items():
            lines += ["", f"[{section}]"]
            lines += [
                f"{name} = {json.dumps(value)}" for name, value in options.items()
            ]
        return "\n".join(lines) + "\n"

    def _pki(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "ledgerd", "pki", *arguments],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=PKI_S_MAX,
            check=False,
        )
        if done.returncode:
            raise RigError(
                f"ledgerd pki {' '.join(arguments)} ended with {done.returncode}:"
                f" {done.stderr.strip()}"
            )

    # Where things are.

    @property
    def pki(self) -> Path:
        """The folder of all certificates and keys."""
        return self.root / "pki"

    def folder(self, node_id: int) -> Path:
        """Everything of one node."""
        return self.root / name_of(node_id)

    def data_dir(self, node_id: int) -> Path:
        """The data directory of one node."""
        return self.folder(node_id) / "data"

    def config_path(self, node_id: int) -> Path:
        """The configuration of one node."""
        return self.folder(node_id) / "ledgerd.toml"

    def log_path(self, node_id: int) -> Path:
        """What one node wrote, over all its starts."""
        return self.folder(node_id) / "log"

    # Processes.

    def start(self, node_id: int) -> None:
        """Start a node that is not running."""
        assert node_id not in self._running, f"{name_of(node_id)} runs already"
        command = [*self.daemon, "run", "--config", str(self.config_path(node_id))]
        if self.is_traced:
            command += ["--trace-raft", str(self.folder(node_id) / EVENTS)]
        name = name_of(node_id)
        self.journal.will_start(name, command)
        log = self.log_path(node_id).open("ab")
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(self.environment),
            start_new_session=True,  # Ctrl-C is for the rig
        )
        self.journal.started(name, process.pid)
        self._running[node_id] = _Running(process, log)

    def is_running(self, node_id: int) -> bool:
        """Whether a process of the node is alive, paused or not."""
        return node_id in self._running

    def pids(self) -> list[int]:
        """The pids of all running nodes."""
        return [running.process.pid for running in self._running.values()]

    def kill(self, node_id: int) -> None:
        """SIGKILL a running node and wait until it is gone."""
        running = self._running[node_id]
        running.asked = "kill"
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(timeout=10)
        self._note_exit(node_id)

    def pause(self, node_id: int) -> None:
        """SIGSTOP a running node."""
        running = self._running[node_id]
        running.process.send_signal(signal.SIGSTOP)
        running.is_paused = True

    def resume(self, node_id: int) -> None:
        """SIGCONT a node; nothing happens if it runs or is gone."""
        running = self._running.get(node_id)
        if running is not None and running.is_paused:
            running.process.send_signal(signal.SIGCONT)
            running.is_paused = False

    def poll(self) -> list[Exit]:
        """Return the nodes that ended since the last call without being waited for."""
        return [
            self._note_exit(node_id)
            for node_id in list(self._running)
            if self._running[node_id].process.poll() is not None
        ]

    def ask_stop(self, node_id: int) -> None:
        """SIGTERM a running node; `wait_stopped` waits for its end."""
        running = self._running[node_id]
        running.asked = "stop"
        running.process.send_signal(signal.SIGTERM)

    def wait_stopped(self, node_id: int, seconds: float = 15.0) -> Exit:
        """Wait for a node's end; one that does not end is killed, and that is noted."""
        running = self._running[node_id]
        try:
            running.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.process.send_signal(signal.SIGKILL)
            running.process.wait(timeout=10)
        return self._note_exit(node_id)

    def end_all(self) -> None:
        """Kill whatever still runs, paused or not; for tear-down."""
        for node_id in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                self.kill(node_id)

    def _note_exit(self, node_id: int) -> Exit:
        running = self._running.pop(node_id)
        running.log.close()
        code = running.process.returncode
        noted = Exit(node_id, running.process.pid, code, running.asked)
        self.exits.append(noted)
        self.journal.ended(name_of(node_id), running.process.pid)
        self.folder(node_id).joinpath("exit.json").write_text(
            json.dumps(
                [
                    {"pid": each.pid, "code": each.code, "asked": each.asked}
                    for each in self.exits
                    if each.node_id == node_id
                ]
            ),
            encoding="utf-8",
        )
        return noted

    def check_offline(self, node_id: int) -> tuple[int, str, bool]:
        """Run `ledgerd check` on a stopped node's data directory.

        Returns its exit code, its output, and whether it was too slow and ended.
        """
        assert node_id not in self._running, f"{name_of(node_id)} still runs"
        command = [sys.executable, "-m", "ledgerd", "check"]
        command += ["--data-dir", str(self.data_dir(node_id))]
        name = f"check-{name_of(node_id)}"
        self.journal.will_start(name, command)
        with subprocess.Popen(
            command,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            self.journal.started(name, process.pid)
            timed_out = False
            try:
                output, _ = process.communicate(timeout=CHECK_S_MAX)
            except subprocess.TimeoutExpired:
                timed_out = True
                process.kill()
                output, _ = process.communicate()
        self.journal.ended(name, process.pid)
        return process.returncode, output, timed_out


def free_ports(count: int) -> Sequence[int]:
    """Return ports of 127.0.0.1 that nobody listens on now.

    Raises OSError if there are too few.
    """
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.sample(_PORTS, len(_PORTS)):
            candidate = held.enter_context(socket.socket())
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
            if len(ports) == count:
                return ports
    raise OSError(f"expected {count} free ports of {_PORTS}, found {len(ports)}")


def _quoted(path: Path) -> str:
    return json.dumps(str(path.resolve()))
