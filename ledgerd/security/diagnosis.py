"""Says in a sentence why a node cannot be reached; gRPC only says "Socket closed".

gRPC's server ends a handshake without telling the caller why, and its client reports
the verification of a server in BoringSSL's codes. This module repeats the connection
with Python's own TLS, which says more, and looks at our own files. It is asked after a
failure, never before a call, and decides nothing.
"""

import asyncio
import socket
import ssl
from typing import Final

from ledgerd.errors import ConfigError
from ledgerd.security.identity import node_dns
from ledgerd.security.tls import Security, check_files, split_address
from ledgerd.security.tlsfiles import TlsFiles

TIMEOUT_S: Final = 2.0
_HTTP2: Final = "h2"
# The first bytes of an HTTP/2 client (RFC 9113, 3.4) and an empty SETTINGS frame: a
# server that accepted us answers with its own settings, one that did not closes.
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(
    (0, 0, 0, 4, 0, 0, 0, 0, 0)
)


async def explain(
    address: str,
    security: Security,
    *,
    cluster_id: str,
    node_id: int | None = None,
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Return why a channel to `address` may be unavailable, in one sentence.

    Args:
        address: host:port of a node.
        security: What the channel was opened with.
        node_id: The node expected there; None for any.
        timeout_s: How long to look, in seconds, for each of the two steps.

    Errors: none; what goes wrong is the answer.
    """
    return await asyncio.to_thread(
        _explain, address, security, cluster_id, node_id, timeout_s
    )


def _explain(
    address: str,
    security: Security,
    cluster_id: str,
    node_id: int | None,
    timeout_s: float,
) -> str:
    try:
        connection = socket.create_connection(split_address(address), timeout_s)
    except ValueError as error:
        return str(error)
    except TimeoutError:
        return f"{address} does not answer within {timeout_s} s"
    except OSError as error:
        return f"{address} cannot be reached: {error.strerror or error}"
    with connection:
        if not isinstance(security, TlsFiles):
            return f"{address} accepts connections; the node may expect TLS"
        return _explain_tls(
            connection, address, security, node_dns(cluster_id, node_id), cluster_id
        )


def _explain_tls(
    connection: socket.socket,
    address: str,
    files: TlsFiles,
    name: str,
    cluster_id: str,
) -> str:
    try:
        check_files(files, cluster_id=cluster_id)
    except ConfigError as error:
        return f"our own certificate cannot be used: {error}"
    try:
        stream = _context(files).wrap_socket(connection, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        return (
            f"the certificate of {address} is refused: expected {name} issued by the "
            f"CA in {files.ca}, found: {error.verify_message}"
        )
    except TimeoutError:
        return f"{address} accepts connections, but does not answer a TLS handshake"
    except (ssl.SSLError, OSError) as error:
        return f"{address} ended the TLS handshake: {error.strerror or error}"
    try:
        with stream:
            stream.sendall(_PREFACE)
            accepted = bool(stream.recv(1))
    except TimeoutError:
        return f"{address} finished the TLS handshake, but does not answer"
    except (ssl.SSLError, OSError):
        accepted = False
    if accepted:
        return f"TLS with {address} works; the node may be starting or stopping"
    return (
        f"{address} refused our certificate {files.certificate} after the handshake: "
        "it trusts another CA, or the certificate is not valid by its clock"
    )


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(files.ca)
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols([_HTTP2])
    return context
