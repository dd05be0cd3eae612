"""A cluster's certificates, and a server process that uses them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledgerd.security import pki
from ledgerd.security.ciphers import SUITES, VARIABLE
from ledgerd.security.identity import Role
from ledgerd.security.tlsfiles import TlsFiles
from ledgerd.transport import polling

CLUSTER = "blue"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Cluster:
    """A CA with the certificates of node 1 and of two clients."""

    folder: Path
    node: TlsFiles
    submitter: TlsFiles
    auditor: TlsFiles


def make_cluster(folder: Path, cluster_id: str = CLUSTER) -> Cluster:
    pki.create_ca(folder, cluster_id)
    return Cluster(
        folder,
        pki.issue_node(folder, 1),
        pki.issue_client(folder, "sam", [Role.SUBMITTER]),
        pki.issue_client(folder, "ann", [Role.AUDITOR]),
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return make_cluster(tmp_path / "blue")


class LoneServer:
    """The process of `lone_server`, and what it tells."""

    def __init__(self, files: TlsFiles, cluster_id: str = CLUSTER) -> None:
        paths = (str(path) for path in (files.ca, files.certificate, files.key))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.security.lone_server", *paths, cluster_id],
            # As `ledgerd run` sets them for itself.
            env={**os.environ, VARIABLE: SUITES, polling.VARIABLE: polling.OWN_THREAD},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = int(str(self.told("port")))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def told(self, key: str) -> object:
        """Return the value of the next fact, which must be of this key."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, errors = self.process.communicate()
            raise AssertionError(f"the server ended, expected {key}: {errors}")
        fact = json.loads(line)
        assert key in fact, fact
        return fact[key]

    def stop(self) -> str:
        """End the process; return what it wrote to standard error."""
        _, errors = self.process.communicate(timeout=30)
        return errors


@pytest.fixture
def server(cluster: Cluster) -> Iterator[LoneServer]:
    lone = LoneServer(cluster.node)
    yield lone
    if lone.process.poll() is None:
        lone.stop()
    for pipe in (lone.process.stdin, lone.process.stdout, lone.process.stderr):
        if pipe is not None:
            pipe.close()
