"""Serves the metrics over HTTP: GET /metrics, from a few threads of its own.

Plain HTTP on loopback. Elsewhere only with TLS: the caller brings the context, since
this package knows no certificates. Nothing else is served, and nothing can be changed
by a call.
"""

import socket
import socketserver
import ssl
import threading
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app

from ledgerd.errors import ConfigError
from ledgerd.observability.metrics import Metrics

REQUEST_TIMEOUT_S: Final = 10.0  # a scraper that stalls longer is cut off


class MetricsEndpoint:
    """A listening endpoint; serves from when it is made until `close`."""

    def __init__(
        self, metrics: Metrics, address: str, *, context: ssl.SSLContext | None = None
    ) -> None:
        """Listen on `address`, host:port; port 0 is any free one, see `port`.

        Raises ConfigError when the port is taken or the address is none of this
        machine.
        """
        host, _, port = address.rpartition(":")
        self._server = _listen(host.strip("[]"), int(port), address)
        self._server.context = context
        self._server.set_app(make_wsgi_app(metrics.registry))
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening. Scrapes under way end by themselves."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(WSGIRequestHandler):
    """Answers scrapes without a log line for each."""

    timeout = REQUEST_TIMEOUT_S

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a scrape every few seconds is no event."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_port = False  # a second process on the port is an error
    context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, peer = super().get_request()
        if self.context is not None:
            # The handshake is made by the handler's thread, when it first reads.
            connection = self.context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, peer

    def server_bind(self) -> None:
        """Bind without asking DNS for this machine's name, as the base class would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Drop what a broken or untrusted scraper causes; its own side tells it."""


class _Server6(_Server):
    address_family = socket.AF_INET6


def _listen(host: str, port: int, address: str) -> _Server:
    kind = _Server6 if ":" in host else _Server
    try:
        return kind((host, port), _Handler)
    except OSError as error:
        raise ConfigError(
            f"listen.metrics: cannot listen on {address}: {error.strerror or error}; "
            "stop "
            'the other process, choose another port, or "" for no metrics'
        ) from error
