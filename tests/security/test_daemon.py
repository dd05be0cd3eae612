"""`ledgerd run`, a real node: bad certificates are refused, logged and counted."""

import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from ledgerd.errors import ExitCode
from ledgerd.security.ciphers import VARIABLE
from ledgerd.security.identity import Role, client_uri, role_uri
from ledgerd.security.tlsfiles import TlsFiles
from tests.security.authority import issue
from tests.security.conftest import CLUSTER, ROOT, Cluster, make_cluster
from tests.security.test_tls import ask_on, ask_raw

pytestmark = pytest.mark.e2e

FEES = "/ledgerd.api.v1.Admin/SetFees"
STATUS = "/ledgerd.api.v1.Admin/Status"
TIMEOUT_S = 10.0
# Below those that systems give to outgoing connections; the nodes of other tests have those above.
PORTS = range(9_000, 10_000)


def write_config(
    folder: Path,
    cluster: Cluster,
    *,
    api: str,
    peer: str,
    metrics: str,
) -> Path:
    """Write the configuration of a cluster of one."""
    config = folder / "node.toml"
    config.write_text(
        f"""
        [node]
        id = 1
        data_dir = "data"
        [cluster]
        id = "{CLUSTER}"
        [[cluster.members]]
        id = 1
        peer_address = "{peer}"
        api_address = "{api}"
        [listen]
        metrics = "{metrics}"
        [security]
        ca = "{cluster.node.ca}"
        certificate = "{cluster.node.certificate}"
        key = "{cluster.node.key}"
        [storage]
        log_map_bytes = 67108864
        state_map_bytes = 67108864
        free_bytes_min = 0
        [log]
        format = "json"
        """
    )
    return config


class Node:
    """A cluster of one in a process of its own, with the lines it logs."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.api_port, peer_port, self.metrics_port = free_ports(3)
        config = write_config(
            folder,
            cluster,
            api=self.address,
            peer=f"127.0.0.1:{peer_port}",
            metrics=f"127.0.0.1:{self.metrics_port}",
        )
        environment = {k: v for k, v in os.environ.items() if k != VARIABLE}
        self.errors = folder / "stderr"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ledgerd", "run", "--config", str(config)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.logged("node_started")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.api_port}"

    def logged(self, event: str) -> dict[str, object]:
        """Return the next line of this event, passing over others."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            fact = json.loads(line)
            assert isinstance(fact, dict)
            if fact["event"] == event:
                return fact
        raise AssertionError(f"ended without {event}: {self.errors.read_text()}")

    def counted(self, name: str) -> float:
        """Return the value of a metric, 0 if there is none."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            text = answer.read().decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def refusals(self, reason: str) -> float:
        return self.counted(f'ledgerd_tls_refusals_total{{reason="{reason}"}}')

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture(scope="module")
def blue(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return make_cluster(tmp_path_factory.mktemp("blue") / "tls")


@pytest.fixture(scope="module")
def node(blue: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    running = Node(tmp_path_factory.mktemp("node"), blue)
    yield running
    if running.process.poll() is None:
        running.stop()


def free_ports(count: int) -> list[int]:
    """Return ports that nobody takes before the node does: no outgoing connection, no other test.

    Nobody holds a port between the choice and the start of its node.
    """
    ports: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as candidate, contextlib.suppress(OSError):
            candidate.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise AssertionError(f"expected {count} free ports of {PORTS}, found {ports}")


def call(address: str, files: TlsFiles, method: str) -> tuple[grpc.StatusCode, str]:
    """Return status and details of an empty request."""
    credentials = grpc.ssl_channel_credentials(
        files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
    )

    async def ask() -> tuple[grpc.StatusCode, str]:
        return await ask_on(grpc.aio.secure_channel(address, credentials), method)

    return asyncio.run(ask())


def test_a_client_of_the_cluster_is_served(node: Node, blue: Cluster) -> None:
    """The other tests fail for what they say and for nothing else."""
    assert call(node.address, blue.auditor, STATUS)[0] is grpc.StatusCode.OK


def _untrusted(node: Node, blue: Cluster, folder: Path) -> None:
    other = make_cluster(folder / "other").submitter
    ask_raw(node.address, blue.node.ca, other.certificate, other.key)


def _expired(node: Node, blue: Cluster, folder: Path) -> None:
    late = issue(
        blue.folder, folder, [client_uri(CLUSTER, "late")], ends=timedelta(hours=-1)
    )
    ask_raw(node.address, late.ca, late.certificate, late.key)


def _no_certificate(node: Node, blue: Cluster, folder: Path) -> None:
    ask_raw(node.address, blue.node.ca)


def _tls_1_2(node: Node, blue: Cluster, folder: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(blue.submitter.ca)
    context.load_cert_chain(blue.submitter.certificate, blue.submitter.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", node.api_port)) as connection,
        pytest.raises(ssl.SSLError),
        context.wrap_socket(connection, server_hostname="localhost"),
    ):
        pass


@pytest.mark.parametrize(
    ("reason", "knock"),
    [
        ("untrusted", _untrusted),
        ("expired", _expired),
        ("no_certificate", _no_certificate),
        ("tls_version", _tls_1_2),
    ],
)
def test_a_handshake_that_is_refused_is_logged_and_counted(
    node: Node,
    blue: Cluster,
    tmp_path: Path,
    reason: str,
    knock: Callable[[Node, Cluster, Path], None],
) -> None:
    """Though gRPC itself only writes a line to standard error."""
    before = node.refusals(reason)

    knock(node, blue, tmp_path / "knock")

    assert node.logged("tls_handshake_refused")["reason"] == reason
    assert node.refusals(reason) == before + 1


def test_a_missing_role_is_refused_and_counted(node: Node, blue: Cluster) -> None:
    """An auditor sets no fees."""
    before = node.refusals("role_missing")

    code, details = call(node.address, blue.auditor, FEES)

    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "expects the role admin" in details
    assert node.refusals("role_missing") == before + 1


def test_another_cluster_of_the_same_ca_is_refused_and_counted(
    node: Node, blue: Cluster, tmp_path: Path
) -> None:
    """Even for the call that any role may make."""
    before = node.refusals("wrong_cluster")
    uris = [client_uri("green", "sam"), role_uri("green", Role.ADMIN)]

    code, details = call(
        node.address, issue(blue.folder, tmp_path / "green", uris), STATUS
    )

    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "belongs to cluster blue, the certificate to green" in details
    assert node.refusals("wrong_cluster") == before + 1


@pytest.mark.parametrize("listener", ["api", "peer", "metrics"])
def test_a_port_in_use_ends_the_start_with_a_clear_text(
    blue: Cluster, tmp_path: Path, listener: str
) -> None:
    """Exit code 73, the address, and what to do; no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        free = (f"127.0.0.1:{port}" for port in free_ports(3))
        addresses = dict(zip(("api", "peer", "metrics"), free, strict=True))
        config = write_config(tmp_path, blue, **{**addresses, listener: address})

        done = subprocess.run(
            [sys.executable, "-m", "ledgerd", "run", "--config", str(config)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == ExitCode.CONFIG
    assert f"cannot listen on {address}: " in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_z_a_new_ca_is_in_force_without_a_restart(
    node: Node, blue: Cluster, tmp_path: Path
) -> None:
    """Last, for it ends the certificates of the tests before."""
    successor = make_cluster(tmp_path / "successor")
    old = TlsFiles(tmp_path / "old-ca.pem", blue.auditor.certificate, blue.auditor.key)
    shutil.copyfile(blue.node.ca, old.ca)
    for name in ("ca", "certificate", "key"):
        shutil.copyfile(getattr(successor.node, name), getattr(blue.node, name))

    assert call(node.address, successor.auditor, STATUS)[0] is grpc.StatusCode.OK
    assert call(node.address, old, STATUS)[0] is grpc.StatusCode.UNAVAILABLE

    node.logged("certificates_reloaded")
    assert node.counted('ledgerd_tls_reloads_total{result="ok"}') >= 1
    assert node.stop() == 0
