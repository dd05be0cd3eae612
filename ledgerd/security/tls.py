"""Mutual TLS 1.3 on every connection; plaintext only if asked for, and on loopback.

Servers and channels read their certificate files again when they change, without a
restart: a server asks at each handshake, a channel when it is opened. Connections that
stand are not cut, so that renewing a certificate never takes a quorum at once (T77); a
caller whose certificate expired meanwhile is refused by `identity.identity_of` at the
next call.

Import this module before gRPC is used, and call `ciphers.require_tls13` before gRPC is
imported at all. Which failures are seen where:
docs/decisions/0003-refused-handshakes.md.
"""

import errno
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias, final

import grpc

from ledgerd.errors import ConfigError
from ledgerd.security.identity import Identity, node_dns, rail_dns
from ledgerd.security.tlsfiles import TlsFiles, TlsMaterial, WatchedFiles, load

ChannelOptions: TypeAlias = Sequence[tuple[str, int | str]]

HANDSHAKE_MS_MAX: Final = 5_000
SERVER_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # A second process on the same port is an error, not a silent partner.
    ("grpc.so_reuseport", 0),
    # Who only connects holds a file descriptor no longer than this.
    ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS_MAX),
)


_LISTEN_ADVICE: Final = "stop the other process or choose another address"


@final
class Plaintext:
    """No TLS: the operator's `--insecure`, loopback addresses only. See `decide`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "PLAINTEXT"


PLAINTEXT: Final = Plaintext()
Security: TypeAlias = TlsFiles | Plaintext


def decide(
    *, insecure: bool, files: TlsFiles | None, addresses: Iterable[str]
) -> Security:
    """Return how a node's listeners are secured; the one place that permits plaintext.

    Args:
        insecure: Whether the operator asked for plaintext.
        files: The certificate files, if they are configured. Ignored with `insecure`.
        addresses: All addresses the node listens on, host:port.

    Raises ConfigError for plaintext off loopback, and for neither TLS nor plaintext.
    """
    if not insecure:
        if files is None:
            raise ConfigError(
                "security: expected ca, certificate and key, found none; make them "
                "with `ledgerd pki`, or use --insecure on loopback addresses"
            )
        return files
    for address in addresses:
        if not is_loopback(address):
            raise ConfigError(
                f"security.insecure: expected loopback addresses only, found "
                f"{address}; listen on 127.0.0.1, or configure ca, certificate and key"
            )
    return PLAINTEXT


def check_files(
    files: TlsFiles, *, cluster_id: str | None = None, node_id: int | None = None
) -> Identity:
    """Return whom the files certify, if they can be used now.

    Args:
        cluster_id: The cluster they must be of; None for any.
        node_id: The node they must be of; None for any node or client.

    Raises ConfigError that says expected and found.
    """
    identity = load(files, now_s=time.time()).holder.identity
    if cluster_id is not None and identity.cluster_id != cluster_id:
        raise ConfigError(
            f"{files.certificate}: expected a certificate of cluster {cluster_id}, "
            f"found one of cluster {identity.cluster_id}"
        )
    if node_id is not None and identity.node_id != node_id:
        raise ConfigError(
            f"{files.certificate}: expected the certificate of node {node_id}, found "
            f"that of {identity.name}"
        )
    return identity


class ServerTls:
    """What the listeners of one process, any number, show and demand."""

    def __init__(
        self,
        security: Security,
        *,
        on_handshake: Callable[[], None] | None = None,
        on_reload: Callable[[float], None] | None = None,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        """Load the files.

        Args:
            on_handshake: Called when a handshake begins, before its result is known.
            on_reload: Called with the new time of expiry, seconds of Unix time.
            on_problem: Called with a text when changed files cannot be used.

        All three are called in threads of gRPC and must neither block nor raise.
        Raises ConfigError when the files cannot be used.
        """
        self._on_handshake = on_handshake
        self._watched: WatchedFiles | None = None
        if isinstance(security, TlsFiles):
            self._watched = WatchedFiles(
                security,
                on_reload=_expiry_to(on_reload),
                on_problem=on_problem,
            )

    def add_port(self, server: grpc.aio.Server, address: str) -> int:
        """Make `server` listen on `address`; return the port, chosen if it was 0.

        The server must be made with SERVER_OPTIONS. Raises ConfigError when the port is
        taken or the address is none of this machine.
        """
        _try_to_bind(address)
        try:
            if self._watched is None:
                if not is_loopback(address):
                    raise ConfigError(
                        f"{address}: plaintext is for loopback addresses only"
                    )
                return server.add_insecure_port(address)
            return server.add_secure_port(address, self._credentials(self._watched))
        except RuntimeError as error:
            raise ConfigError(
                f"cannot listen on {address}: the port is in use or the address is not "
                f"of this machine; {_LISTEN_ADVICE}"
            ) from error

    def expires_at_s(self) -> float | None:
        """Return when the certificate expires, Unix time; None for plaintext."""
        if self._watched is None:
            return None
        return self._watched.current()[0].holder.not_after_s

    def _credentials(self, watched: WatchedFiles) -> grpc.ServerCredentials:
        material, shown = watched.current()

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            """Return the files' new content, None if gRPC has it. Never raises."""
            nonlocal shown
            if self._on_handshake is not None:
                self._on_handshake()
            material, generation = watched.current()
            if generation == shown:
                return None
            shown = generation
            return _configuration(material)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(material),
            fetch,  # type: ignore[arg-type]  # the stubs miss None, "nothing changed"
            require_client_authentication=True,
        )


class ChannelTls:
    """What the channels of one process show and demand, to nodes of one cluster."""

    def __init__(self, security: Security, *, cluster_id: str) -> None:
        """Load the files. Raises ConfigError when they cannot be used."""
        self._cluster_id = cluster_id
        self._watched = (
            WatchedFiles(security) if isinstance(security, TlsFiles) else None
        )

    def open(
        self,
        address: str,
        *,
        node_id: int | None = None,
        rail: str = "",
        options: ChannelOptions = (),
    ) -> grpc.aio.Channel:
        """Return a new channel with the files as they are on disk now.

        Args:
            address: host:port of a node. The host is not what is verified.
            node_id: The node that must answer; None for any node of the cluster.
            rail: The simulated rail that must answer, instead of a node.

        Raises ConfigError for plaintext off loopback.
        """
        if self._watched is None:
            if not is_loopback(address):
                raise ConfigError(
                    f"{address}: plaintext is for loopback addresses only; configure "
                    "ca, certificate and key"
                )
            return grpc.aio.insecure_channel(address, options=list(options))
        material, _ = self._watched.current()
        credentials = grpc.ssl_channel_credentials(
            root_certificates=material.ca,
            private_key=material.key,
            certificate_chain=material.certificate,
        )
        name = (
            rail_dns(self._cluster_id, rail)
            if rail
            else node_dns(self._cluster_id, node_id)
        )
        named = [*options, ("grpc.ssl_target_name_override", name)]
        return grpc.aio.secure_channel(address, credentials, options=named)

    def generation(self) -> int:
        """Return a number that rises when the files changed and channels are stale."""
        return 0 if self._watched is None else self._watched.current()[1]


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Return a context for a server of Python's own, with the demands of our listeners.

    Raises ConfigError when the files cannot be used. They are not read again.
    """
    load(files, now_s=time.time())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files.ca)
    context.load_cert_chain(files.certificate, files.key)
    return context


def metrics_context(security: Security, address: str) -> ssl.SSLContext | None:
    """Return how metrics are served on `address`: None is plain HTTP, on loopback only.

    Raises ConfigError for plaintext off loopback, and when the files cannot be used.
    """
    if is_loopback(address):
        return None
    if isinstance(security, TlsFiles):
        return server_context(security)
    raise ConfigError(f"{address}: plaintext is for loopback addresses only")


def is_loopback(address: str) -> bool:
    """Return whether an address, host:port, can be reached from this machine only."""
    host, _ = split_address(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything


def split_address(address: str, *, port_min: int = 0) -> tuple[str, int]:
    """Return host and port of "host:port" or "[v6]:port".

    port_min: 1 of what others call; only a listener may have port 0, any free one.

    Raises ValueError that says expected and found.
    """
    host, colon, port = address.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    is_bracketed = host == f"[{bare}]"
    valid = (
        bool(colon and bare)
        and port.isascii()
        and port.isdecimal()
        and port_min <= int(port) <= 65_535
        and (is_bracketed or ":" not in bare)
    )
    if not valid:
        raise ValueError(
            f"expected host:port, port {port_min} .. 65535, found {address!r}"
        )
    return bare, int(port)


def _try_to_bind(address: str) -> None:
    """Return if some socket can be bound to the address now. Raises ConfigError.

    gRPC, which binds it anew, says why it cannot on standard error, in its own words, and to us
    only that it cannot. Like gRPC, one address of a name is enough.
    """
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        trouble: OSError | None = None
        for family, kind, protocol, _, at in found:
            try:
                with socket.socket(family, kind, protocol) as tried:
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    tried.bind(at)
                    return
            except OSError as error:
                trouble = error
        assert trouble is not None, found  # getaddrinfo returns one or raises
        raise trouble
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            why = "the port is in use"
        raise ConfigError(
            f"cannot listen on {address}: {why}; {_LISTEN_ADVICE}"
        ) from error


def _configuration(material: TlsMaterial) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(material.key, material.certificate)], root_certificates=material.ca
    )


def _expiry_to(
    on_reload: Callable[[float], None] | None,
) -> Callable[[TlsMaterial], None] | None:
    if on_reload is None:
        return None
    return lambda material: on_reload(material.holder.not_after_s)
