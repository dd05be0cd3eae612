"""A local cluster of processes over real TLS, for trying things out and for tests.

`DevCluster` makes certificates, configurations and a client profile in one folder, and starts,
stops, kills and pauses the nodes, each a process of its own. Nothing is remembered outside the
folder, so any process may go on where another one left off. It only ever signals a process whose
start time and command line are those it wrote down.

    D/cluster.json      ports and cluster id, chosen once
    D/pki/              CA, nodes' and client's certificates and keys
    D/node1.toml        configuration of node 1
    D/node1/data        its data; log.jsonl, stderr.log, process.json beside it
    D/client.toml       how to reach the cluster
    D/rail/             the simulated rail: see `dev_rail`
    D/LOCK              locked by whoever prepares, starts or stops
"""

import contextlib
import json
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.dev_rail import DevRail
from ledgerd.cli.processes import (
    OwnProcess,
    alone_in,
    put,
    remember,
    remembered,
    started_ticks,
    undisturbed,
)
from ledgerd.client import Client, Endpoint, Profile
from ledgerd.errors import CallError, ConfigError
from ledgerd.security import pki
from ledgerd.security.identity import Role

HOST: Final = "127.0.0.1"
# Below the range from which systems take ports of outgoing connections: a port that was
# chosen once must still be free when its node comes back.
_PORTS: Final = range(20_000, 32_000)
_POLL_S: Final = 0.05
_STATUS_S: Final = 0.5
_CLIENT_NAME: Final = "dev"
_RUN: Final = (sys.executable, "-m", "ledgerd", "run", "--config")
READY_S_MAX: Final = 30.0
_ALONE_S_MAX: Final = 30.0  # longer than another one waits for its rail
STOP_S_MAX: Final = 10.0


class NodePorts(NamedTuple):
    """Where one node listens, on loopback."""

    api: int
    peer: int
    metrics: int


class DevCluster:
    """Three or five nodes in one folder. Not safe for use by several threads."""

    def __init__(
        self,
        directory: Path,
        nodes: int = 3,
        *,
        settings: Mapping[str, Mapping[str, object]] | None = None,
        peer_links: Mapping[tuple[int, int], str] | None = None,
        environment: Mapping[str, str] | None = None,
        priorities: Mapping[int, int] | None = None,
        has_rail: bool = False,
        rail_options: Sequence[str] = (),
    ) -> None:
        """Touch nothing yet.

        Args:
            directory: Made by `prepare`; a relative one is taken from here and now.
            nodes: Their number; ids are 1 .. nodes.
            settings: Further options by section, for every node's configuration.
            peer_links: (from, to) -> address at which node `from` reaches node `to`,
                for example that of a proxy.
            environment: Of the nodes, beside this process's own.
            priorities: Of members by node id, 0 for those not named.
            has_rail: Whether a simulated rail runs beside the nodes, which pay by it.
            rail_options: Further arguments of `ledgerd rail`.
        """
        # Without links: whichever way leads to the folder, its processes are known by one path.
        self.directory = Path(os.path.realpath(directory))
        self.node_ids: Sequence[int] = range(1, nodes + 1)
        self._settings = settings or {}
        self._peer_links = peer_links or {}
        self._environment = environment or {}
        self._priorities = priorities or {}
        self._has_rail = has_rail
        self._rail_options = tuple(rail_options)
        self._rail: DevRail | None = None
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._exit_codes: dict[int, int] = {}  # of those that have ended

    @classmethod
    def existing(cls, directory: Path) -> "DevCluster":
        """Return the cluster that was prepared in `directory`. Raises ConfigError."""
        cluster = cls(
            directory,
            len(_read_ports(directory)),
            has_rail="rail" in _read_cluster(directory),
        )
        cluster.node_ids = sorted(_read_ports(directory))
        return cluster

    @property
    def profile_path(self) -> Path:
        """The client profile."""
        return self.directory / "client.toml"

    def config_path(self, node_id: int) -> Path:
        """Return where the configuration of a node is."""
        return self.directory / f"node{node_id}.toml"

    def data_directory(self, node_id: int) -> Path:
        """Return where the data of a node is."""
        return self._home(node_id) / "data"

    def log_path(self, node_id: int) -> Path:
        """Return where a node's standard output goes."""
        return self._home(node_id) / "log.jsonl"

    def ports(self) -> Mapping[int, NodePorts]:
        """Return the ports of each node, which never change. Raises ConfigError."""
        return _read_ports(self.directory)

    @property
    def rail(self) -> DevRail | None:
        """The simulated rail, None if the cluster has none. Raises ConfigError."""
        if not self._has_rail:
            return None
        if self._rail is None:
            port = _read_cluster(self.directory).get("rail")
            if not isinstance(port, int):
                raise ConfigError(
                    f"expected the port of the rail in {_cluster_path(self.directory)}, "
                    f"found {port!r}"
                )
            self._rail = DevRail(
                self.directory, f"{HOST}:{port}", options=self._rail_options
            )
        return self._rail

    def prepare(self) -> None:
        """Certificates, configurations and profile exist; ports and data are kept.

        Errors: ConfigError, when the folder holds a cluster of another size.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with alone_in(self.directory, _ALONE_S_MAX):
            self._prepare()

    def _prepare(self) -> None:
        if not _cluster_path(self.directory).exists():
            self._found()
        ports = self.ports()
        if len(ports) != len(self.node_ids):
            raise ConfigError(
                f"expected {len(self.node_ids)} nodes in {self.directory}, found a "
                f"cluster of {len(ports)}; choose another folder or --nodes {len(ports)}"
            )
        if self._has_rail:
            self._add_rail()
        self._write_files(ports)

    def _add_rail(self) -> None:
        """The cluster, new or from before there were rails, has a port for one."""
        document = _read_cluster(self.directory)
        if "rail" not in document:
            document["rail"] = _free_ports(1)[0]
            put(_cluster_path(self.directory), json.dumps(document, indent=2) + "\n")
        assert self.rail is not None
        self.rail.prepare()

    def add(self, node_id: int) -> NodePorts:
        """One more node is prepared, to join the others; nobody has started or added it yet."""
        assert node_id not in self.node_ids, node_id
        document = _read_cluster(self.directory)
        nodes, joined = document.get("nodes"), document.setdefault("joined", [])
        assert isinstance(nodes, dict), nodes
        assert isinstance(joined, list), joined
        pki.issue_node(self.directory / "pki", node_id)
        pki.issue_signer(self.directory / "pki", node_id)
        ports = NodePorts(*_free_ports(3))
        nodes[str(node_id)] = ports._asdict()
        joined.append(node_id)
        put(_cluster_path(self.directory), json.dumps(document, indent=2) + "\n")
        self.node_ids = sorted([*self.node_ids, node_id])
        self._write_files(self.ports())
        return ports

    def wipe(self, node_id: int) -> None:
        """The node, which must not run, has lost its data."""
        assert self._running(node_id) is None, node_id
        shutil.rmtree(self.data_directory(node_id))

    def drop(self, node_id: int) -> None:
        """The node, which must not run, is nobody's concern any more; its files stay."""
        assert self._running(node_id) is None, node_id
        self.node_ids = [n for n in self.node_ids if n != node_id]

    def exit_code(self, node_id: int, timeout_s: float) -> int | None:
        """Return how a node that this object started has ended; None if it still runs then."""
        child = self._children.get(node_id)
        assert child is not None, node_id
        try:
            return child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def _write_files(self, ports: Mapping[int, NodePorts]) -> None:
        for node_id in self.node_ids:
            self._home(node_id).mkdir(exist_ok=True)
            put(self.config_path(node_id), self._config_of(node_id, ports))
        endpoints = tuple(Endpoint(n, f"{HOST}:{p.api}") for n, p in ports.items())
        folder = Path("pki")
        profile = Profile(
            _read_cluster_id(self.directory),
            endpoints,
            ca=folder / "ca.pem",
            certificate=folder / f"client-{_CLIENT_NAME}.pem",
            key=folder / f"client-{_CLIENT_NAME}.key",
        )
        put(self.profile_path, profile.to_toml())

    def start(self, *node_ids: int) -> None:
        """The nodes, all if none is named, are running; not yet ready.

        Errors: ConfigError, when one of them runs already, or another process starts some for
        longer than is waited; whatever the error, nothing runs that did not before.
        """
        with alone_in(self.directory, _ALONE_S_MAX):
            self._start_all(node_ids or self.node_ids)

    def _start_all(self, node_ids: Sequence[int]) -> None:
        for node_id in node_ids:
            if (process := self._running(node_id)) is not None:
                raise ConfigError(
                    f"node {node_id} runs already, pid {process.pid}; "
                    f"stop it: ledgerd dev stop --dir {shell_word(self.directory)}"
                )
        had_rail = self.rail is not None and self.rail.running() is not None
        try:
            if self.rail is not None:
                self.rail.start()
            for node_id in node_ids:
                self._start(node_id)
        except BaseException:  # Ctrl-C, too: nobody is told what runs by then
            self._end(node_ids, STOP_S_MAX)
            if self.rail is not None and not had_rail:
                self.rail.stop()
            raise

    def wait_ready(self, timeout_s: float = READY_S_MAX) -> int:
        """Every running node is ready and one leads; return its id.

        Errors: ConfigError with the node's last words when one has ended, or when the
        time is over.
        """
        until = time.monotonic() + timeout_s
        wanted = {n for n in self.node_ids if self._running(n) is not None}
        if not wanted:
            raise ConfigError(f"no node runs in {self.directory}")
        with Client.from_profile(self.profile_path) as client:
            while True:
                for node_id in wanted:
                    if self._running(node_id) is None:
                        raise ConfigError(self._last_words(node_id))
                statuses = client.statuses(deadline=1.0)
                ready = _ready(statuses)
                leader_id = leading(statuses)
                if wanted <= ready and leader_id is not None:
                    return leader_id
                if time.monotonic() > until:
                    raise ConfigError(
                        f"expected nodes {sorted(wanted)} ready with a leader within "
                        f"{timeout_s:g} s, found {sorted(ready)} ready, leader "
                        f"{leader_id}; see {self.log_path(min(wanted - ready or wanted))}"
                    )
                time.sleep(_POLL_S)

    def stop(self, *node_ids: int, timeout_s: float = STOP_S_MAX) -> int:
        """The nodes, all if none is named, have ended; those that will not are killed.

        Returns how many of them ran.

        With all of them, whoever watches the cluster learns it from `was_stopped`; and none is left
        that another process was about to start.

        Errors: ConfigError, when another process starts some for longer than is waited.
        """
        if node_ids or not self.directory.exists():
            return self._stop(node_ids, timeout_s)
        with alone_in(self.directory, _ALONE_S_MAX):
            return self._stop(node_ids, timeout_s)

    def _stop(self, node_ids: Sequence[int], timeout_s: float) -> int:
        count = self._end(node_ids, timeout_s)
        if not node_ids:
            if self.rail is not None:
                self.rail.stop()
            for node_id in self.node_ids:
                self._process_path(node_id).unlink(missing_ok=True)
        return count

    def _end(self, node_ids: Sequence[int], timeout_s: float) -> int:
        """Return how many of the nodes, all if none is named, ran and have ended."""
        reached = ending = self._signal(node_ids, signal.SIGCONT, signal.SIGTERM)
        until = time.monotonic() + timeout_s
        while ending and time.monotonic() < until:
            ending = [node_id for node_id in ending if self._running(node_id)]
            time.sleep(_POLL_S)
        if ending:
            self.kill(*ending)
        return len(reached)

    def was_stopped(self) -> bool:
        """Return whether the cluster was stopped as a whole, by whichever process."""
        if any(self._process_path(n).exists() for n in self.node_ids):
            return False
        # Where one of ours runs somebody has removed the files, not stopped the cluster.
        has_rail = self.rail is not None and self.rail.running() is not None
        return not has_rail and not any(self.pids().values())

    def end_of(self, node_id: int) -> str:
        """Return how a node that ran has ended, for people."""
        code = self._exit_codes.pop(node_id, None)
        if code is None:  # another process started it
            return f"node {node_id} has ended"
        if code == 0:
            return f"node {node_id} was stopped"
        if code < 0:
            return f"node {node_id} was ended by {signal.Signals(-code).name}"
        return f"{self._last_words(node_id)} (exit code {code})"

    def kill(self, *node_ids: int) -> None:
        """The nodes have ended by SIGKILL, in the middle of whatever they did."""
        ending = self._signal(node_ids, signal.SIGKILL)
        for node_id in ending:
            while self._running(node_id) is not None:
                time.sleep(0.001)

    def pause(self, node_id: int) -> None:
        """The node stands still, its connections open, until `resume`."""
        self._signal([node_id], signal.SIGSTOP)

    def resume(self, node_id: int) -> None:
        """The node goes on."""
        self._signal([node_id], signal.SIGCONT)

    def restart(self, node_id: int) -> None:
        """The node was stopped cleanly and runs again."""
        self.stop(node_id)
        self.start(node_id)

    def pids(self) -> Mapping[int, int | None]:
        """Return the pid of each node that runs, None for the others."""
        running = {node_id: self._running(node_id) for node_id in self.node_ids}
        return {n: None if p is None else p.pid for n, p in running.items()}

    def leader(self, timeout_s: float = 5.0) -> int | None:
        """Return who leads, None if nobody does by then."""
        until = time.monotonic() + timeout_s
        with Client.from_profile(self.profile_path) as client:
            while True:
                leader_id = leading(client.statuses(deadline=1.0))
                if leader_id is not None or time.monotonic() > until:
                    return leader_id
                time.sleep(_POLL_S)

    def _process_path(self, node_id: int) -> Path:
        return self._home(node_id) / "process.json"

    def _home(self, node_id: int) -> Path:
        return self.directory / f"node{node_id}"

    def _found(self) -> None:
        """Choose cluster id and ports, and issue the certificates."""
        cluster_id = f"dev-{os.urandom(4).hex()}"
        folder = self.directory / "pki"
        pki.create_ca(folder, cluster_id)
        for node_id in self.node_ids:
            pki.issue_node(folder, node_id)
            pki.issue_signer(folder, node_id)
        pki.issue_client(folder, _CLIENT_NAME, list(Role))
        free = iter(_free_ports(3 * len(self.node_ids)))
        document = {
            "cluster_id": cluster_id,
            "nodes": {
                str(n): NodePorts(next(free), next(free), next(free))._asdict()
                for n in self.node_ids
            },
        }
        # Last, so that an interrupted preparation is not taken for a whole one.
        put(_cluster_path(self.directory), json.dumps(document, indent=2) + "\n")

    def _signer(self, node_id: int) -> dict[str, str]:
        """Return the options of the key for tree heads; a folder of an older release has none."""
        files = {
            "head_certificate": f"pki/signer-{node_id}.pem",
            "head_key": f"pki/signer-{node_id}.key",
        }
        are_there = all((self.directory / path).exists() for path in files.values())
        return files if are_there else {}

    def _config_of(self, node_id: int, ports: Mapping[int, NodePorts]) -> str:
        """Return the TOML of one node; paths in it are relative to the folder."""
        own = ports[node_id]
        sections: dict[str, dict[str, object]] = {
            "node": {"id": node_id, "data_dir": f"node{node_id}/data"},
            "cluster": {"id": _read_cluster_id(self.directory)},
            "listen": {
                "peer": f"{HOST}:{own.peer}",
                "metrics": f"{HOST}:{own.metrics}",
            },
            "security": {
                "ca": "pki/ca.pem",
                "certificate": f"pki/node-{node_id}.pem",
                "key": f"pki/node-{node_id}.key",
                **self._signer(node_id),
            },
            "log": {"format": "json"},
        }
        if self.rail is not None:
            sections["rails"] = {"sandbox": self.rail.address}
        for name, options in self._settings.items():
            sections.setdefault(name, {}).update(options)
        joined = _read_joined(self.directory)
        if node_id in joined:
            sections["cluster"]["join"] = True
        lines = ["# Made by `ledgerd dev`; written anew at each start.", ""]
        for name, options in sections.items():
            lines.append(f"[{name}]")
            # JSON writes text, numbers, booleans and lists of them as TOML does.
            lines += [f"{key} = {json.dumps(v)}" for key, v in options.items()]
            lines.append("")
        for peer_id, peer in ports.items():
            if peer_id in joined and peer_id != node_id:
                continue  # those who were there first learn of it from the log
            link = self._peer_links.get((node_id, peer_id), f"{HOST}:{peer.peer}")
            lines += [
                "[[cluster.members]]",
                f"id = {peer_id}",
                f'peer_address = "{link}"',
                f'api_address = "{HOST}:{peer.api}"',
            ]
            # Only where it is asked for: an older release refuses options that it does not know.
            if peer_id in self._priorities:
                lines.append(f"priority = {self._priorities[peer_id]}")
            lines.append("")
        return "\n".join(lines)

    def _start(self, node_id: int) -> None:
        home = self._home(node_id)
        with (
            undisturbed(),
            self.log_path(node_id).open("ab") as output,
            (home / "stderr.log").open("ab") as errors,
        ):
            self._children[node_id] = child = subprocess.Popen(
                [*_RUN, str(self.config_path(node_id))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env={**os.environ, **self._environment},
                # Ctrl-C of the terminal is for us; we stop the nodes.
                start_new_session=True,
            )
            remember(self._process_path(node_id), child.pid)

    def _running(self, node_id: int) -> OwnProcess | None:
        """Return the process of a node, if it is alive and still the one we started."""
        child = self._children.get(node_id)
        if child is not None:
            if child.poll() is None:
                return OwnProcess(child.pid, started_ticks(child.pid) or 0)
            del self._children[node_id]  # and it is no zombie any more
            self._exit_codes[node_id] = child.returncode
            return None
        return remembered(self._process_path(node_id), self.config_path(node_id))

    def _signal(self, node_ids: Sequence[int], *signals: signal.Signals) -> list[int]:
        """Send signals to the named nodes, or all, that run; return which those are."""
        reached = []
        for node_id in node_ids or self.node_ids:
            if (process := self._running(node_id)) is not None:
                with contextlib.suppress(ProcessLookupError):  # it ends by itself
                    for number in signals:
                        os.kill(process.pid, number)
                reached.append(node_id)
        return reached

    def _last_words(self, node_id: int) -> str:
        """Return what an ended node said at the end."""
        path = self._home(node_id) / "stderr.log"
        try:
            words = path.read_text(errors="replace").strip().splitlines()[-5:]
        except OSError as error:  # as when somebody has removed the folder
            words = [f"{path}: {error.strerror}"]
        return f"node {node_id} has ended: {' / '.join(words) or 'without a word'}"


def shell_word(path: Path) -> str:
    """Return a path as one word of a shell's command, for commands that people copy."""
    return shlex.quote(str(path))


def _cluster_path(directory: Path) -> Path:
    return directory / "cluster.json"


def _read_cluster(directory: Path) -> dict[str, object]:
    path = _cluster_path(directory)
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        raise ConfigError(
            f"expected a local cluster in {directory}, found no {path.name}; "
            f"start one: ledgerd dev --dir {shell_word(directory)}"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"expected an object in {path}, found {document!r}")
    return document


def _read_joined(directory: Path) -> frozenset[int]:
    """Return the nodes that did not found the cluster."""
    joined = _read_cluster(directory).get("joined", [])
    assert isinstance(joined, list), joined
    return frozenset(int(node_id) for node_id in joined)


def _read_cluster_id(directory: Path) -> str:
    return str(_read_cluster(directory).get("cluster_id"))


def _read_ports(directory: Path) -> Mapping[int, NodePorts]:
    nodes = _read_cluster(directory).get("nodes")
    try:
        if not isinstance(nodes, dict):
            raise TypeError
        return {
            int(node_id): NodePorts(**{name: int(ports[name]) for name in ports})
            for node_id, ports in nodes.items()
        }
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"expected the ports api, peer and metrics of each node in "
            f"{_cluster_path(directory)}, found {nodes!r}"
        ) from error


def _free_ports(count: int) -> Sequence[int]:
    """Return ports that nobody listens on at this moment."""
    ports: list[int] = []
    with ExitStack() as held:
        for port in random.sample(_PORTS, len(_PORTS)):
            candidate = held.enter_context(socket.socket())
            try:
                candidate.bind((HOST, port))
            except OSError:
                continue
            ports.append(port)
            if len(ports) == count:
                return ports
    raise ConfigError(f"expected {count} free ports on {HOST}, found {len(ports)}")


_Statuses = Mapping[int, admin_pb2.StatusReply | CallError]


def answered(statuses: _Statuses) -> Mapping[int, admin_pb2.StatusReply]:
    """Return the states of the nodes that answered."""
    return {n: s for n, s in statuses.items() if not isinstance(s, CallError)}


def _ready(statuses: _Statuses) -> set[int]:
    return {n for n, status in answered(statuses).items() if status.ready}


def leading(statuses: _Statuses) -> int | None:
    """Return who leads in the highest term that anybody knows of."""
    leaders = [
        (status.term, node_id)
        for node_id, status in answered(statuses).items()
        if status.role == admin_pb2.LEADER
    ]
    return max(leaders)[1] if leaders else None
