"""Reasons for a connection that fails; those of certificates are met in test_tls.py."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from ledgerd.security.diagnosis import explain
from ledgerd.security.tls import PLAINTEXT, Security, server_context
from tests.security.conftest import CLUSTER, Cluster

SHORT_S = 0.2


def why(address: str, security: Security, timeout_s: float = SHORT_S) -> str:
    return asyncio.run(
        explain(address, security, cluster_id=CLUSTER, timeout_s=timeout_s)
    )


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """Return a socket that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def address_of(listening: socket.socket) -> str:
    return f"127.0.0.1:{listening.getsockname()[1]}"


def test_what_is_no_address(cluster: Cluster) -> None:
    """A wrong configuration is named as such."""
    assert "expected host:port" in why("nowhere", cluster.submitter)


def test_a_process_that_hangs(cluster: Cluster, mute: socket.socket) -> None:
    """It accepts and does not speak: nothing is said of certificates."""
    assert "does not answer a TLS handshake" in why(address_of(mute), cluster.submitter)


def test_a_server_without_tls(cluster: Cluster, mute: socket.socket) -> None:
    """It answers, but not in TLS."""

    def answer() -> None:
        connection, _ = mute.accept()
        with connection:
            connection.recv(1)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()

    reason = why(address_of(mute), cluster.submitter, timeout_s=10)

    thread.join()
    assert "ended the TLS handshake" in reason


def test_a_server_that_hangs_after_the_handshake(
    cluster: Cluster, mute: socket.socket
) -> None:
    """It is not taken for one that refused us."""
    asked = threading.Event()

    def shake_hands() -> None:
        connection, _ = mute.accept()
        with server_context(cluster.node).wrap_socket(connection, server_side=True):
            asked.wait()

    thread = threading.Thread(target=shake_hands)
    thread.start()

    reason = why(address_of(mute), cluster.submitter)

    asked.set()
    thread.join()
    assert "finished the TLS handshake, but does not answer" in reason


def test_plaintext(mute: socket.socket) -> None:
    """A client without TLS is told what the node may expect."""
    assert "the node may expect TLS" in why(address_of(mute), PLAINTEXT)
