"""The endpoint of the metrics: on loopback in plain, elsewhere with certificates."""

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.errors import ConfigError
from ledgerd.observability.endpoint import MetricsEndpoint
from ledgerd.observability.metrics import Metrics
from ledgerd.security import pki
from ledgerd.security.identity import Role
from ledgerd.security.tls import server_context

TIMEOUT_S = 10.0


@pytest.fixture
def endpoint() -> Iterator[MetricsEndpoint]:
    metrics = Metrics()
    metrics.commit_index.set(42)
    served = MetricsEndpoint(metrics, "127.0.0.1:0")
    yield served
    served.close()


def get(
    port: int, path: str = "/metrics", *, context: ssl.SSLContext | None = None
) -> str:
    scheme = "http" if context is None else "https"
    url = f"{scheme}://127.0.0.1:{port}{path}"
    with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=context) as answer:
        text = answer.read().decode()
    assert isinstance(text, str)
    return text


def test_a_scrape(endpoint: MetricsEndpoint) -> None:
    """What was set is what is scraped."""
    assert "ledgerd_log_commit_index 42.0" in get(endpoint.port)


def test_a_port_in_use_is_an_error_with_a_clear_text(endpoint: MetricsEndpoint) -> None:
    """The option, the address and what to do are named."""
    address = f"127.0.0.1:{endpoint.port}"

    with pytest.raises(ConfigError) as raised:
        MetricsEndpoint(Metrics(), address)

    assert str(raised.value).startswith(
        f"listen.metrics: cannot listen on {address}: Address already in use; stop"
    )


def test_an_address_of_another_machine() -> None:
    """The same error, with the system's reason."""
    with pytest.raises(ConfigError, match="Cannot assign requested address"):
        MetricsEndpoint(Metrics(), "192.0.2.1:0")


def test_a_closed_endpoint_gives_its_port_back() -> None:
    """A node that restarts at once can listen again."""
    first = MetricsEndpoint(Metrics(), "127.0.0.1:0")
    get(first.port)
    first.close()

    second = MetricsEndpoint(Metrics(), f"127.0.0.1:{first.port}")
    second.close()

    assert second.port == first.port


def test_a_scraper_that_says_nothing_does_not_hold_up_the_next(
    endpoint: MetricsEndpoint,
) -> None:
    """Each connection has its thread."""
    with socket.create_connection(("127.0.0.1", endpoint.port)):
        assert "ledgerd_raft_term" in get(endpoint.port)


def test_with_certificates(tmp_path: Path) -> None:
    """Off loopback a scraper shows a certificate of the cluster, or gets nothing."""
    pki.create_ca(tmp_path, "blue")
    node = pki.issue_node(tmp_path, 1)
    client = pki.issue_client(tmp_path, "prometheus", [Role.AUDITOR])
    endpoint = MetricsEndpoint(Metrics(), "127.0.0.1:0", context=server_context(node))
    trusting = ssl.create_default_context(cafile=str(node.ca))
    known = ssl.create_default_context(cafile=str(node.ca))
    known.load_cert_chain(client.certificate, client.key)
    try:
        with socket.create_connection(("127.0.0.1", endpoint.port)):  # says nothing
            assert "ledgerd_raft_term" in get(endpoint.port, context=known)
        with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
            get(endpoint.port, context=trusting)
        with pytest.raises((urllib.error.URLError, ConnectionError, OSError)):
            get(endpoint.port)
    finally:
        endpoint.close()
