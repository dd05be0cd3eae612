"""Real servers and channels on loopback: who gets in, and what the others are told."""

import asyncio
import dataclasses
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from ledgerd.errors import ConfigError
from ledgerd.security import pki
from ledgerd.security.diagnosis import explain
from ledgerd.security.identity import Role, client_uri, role_uri
from ledgerd.security.tls import (
    HANDSHAKE_MS_MAX,
    PLAINTEXT,
    SERVER_OPTIONS,
    ChannelTls,
    ServerTls,
    check_files,
    decide,
    is_loopback,
    metrics_context,
    split_address,
)
from ledgerd.security.tlsfiles import TlsFiles
from tests.security.authority import issue
from tests.security.conftest import CLUSTER, Cluster, LoneServer, make_cluster

DEADLINE_S = 10.0


def ask(
    address: str,
    files: TlsFiles,
    *,
    cluster_id: str = CLUSTER,
    node_id: int | None = None,
) -> tuple[grpc.StatusCode, str]:
    """Return the status of one call, with its answer or its details."""

    async def call() -> tuple[grpc.StatusCode, str]:
        tls = ChannelTls(files, cluster_id=cluster_id)
        return await ask_on(tls.open(address, node_id=node_id))

    return asyncio.run(call())


async def ask_on(
    channel: grpc.aio.Channel, method: str = "/test/Ask"
) -> tuple[grpc.StatusCode, str]:
    """Return the status of one call, with its answer or its details."""
    async with channel:
        try:
            ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
            ask = channel.unary_unary(method)
            answer = await ask(b"", timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or ""
    return grpc.StatusCode.OK, answer.decode(errors="replace")


def ask_raw(
    address: str, ca: Path, certificate: Path | None = None, key: Path | None = None
) -> grpc.StatusCode:
    """Return the status of a call that shows what `ChannelTls` would refuse to load."""
    credentials = grpc.ssl_channel_credentials(
        ca.read_bytes(),
        key.read_bytes() if key else None,
        certificate.read_bytes() if certificate else None,
    )

    async def call() -> grpc.StatusCode:
        code, _ = await ask_on(grpc.aio.secure_channel(address, credentials))
        return code

    return asyncio.run(call())


def why(address: str, files: TlsFiles, cluster_id: str = CLUSTER) -> str:
    return asyncio.run(explain(address, files, cluster_id=cluster_id))


class TestAccepted:
    def test_a_client_with_the_role_is_answered(
        self, cluster: Cluster, server: LoneServer
    ) -> None:
        """The principal of the certificate is who the call is from."""
        code, answer = ask(server.address, cluster.submitter)

        assert (code, answer) == (grpc.StatusCode.OK, "sam")
        assert server.told("answered") == "sam"

    def test_a_client_may_ask_for_one_node(
        self, cluster: Cluster, server: LoneServer
    ) -> None:
        """A channel to node 1 works, the same address as node 2 does not. T77."""
        assert (
            ask(server.address, cluster.submitter, node_id=1)[0] is grpc.StatusCode.OK
        )

        code, details = ask(server.address, cluster.submitter, node_id=2)

        assert code is grpc.StatusCode.UNAVAILABLE
        assert "Hostname Verification Check failed" in details

    def test_tls_that_works_is_said_to_work(
        self, cluster: Cluster, server: LoneServer
    ) -> None:
        """`explain` does not blame certificates that are accepted."""
        assert "works" in why(server.address, cluster.submitter)


class TestRefusedInTheHandshake:
    """Both sides say why, and the server counts."""

    @pytest.mark.parametrize("other_id", [CLUSTER, "green"])
    def test_a_certificate_of_another_ca(
        self, cluster: Cluster, server: LoneServer, tmp_path: Path, other_id: str
    ) -> None:
        """Even equal names are no way in under another key; the client trusts us."""
        other = make_cluster(tmp_path / "other", other_id)
        mixed = tmp_path / "mixed.pem"
        mixed.write_bytes(
            (cluster.folder / "ca.pem").read_bytes()
            + (other.folder / "ca.pem").read_bytes()
        )
        files = dataclasses.replace(other.submitter, ca=mixed)

        code = ask_raw(server.address, mixed, files.certificate, files.key)

        assert code is grpc.StatusCode.UNAVAILABLE
        assert server.told("refused_handshake") == "untrusted"
        assert (
            "refused our certificate" if other_id == CLUSTER else "cluster green"
        ) in (why(server.address, files))

    def test_an_expired_certificate(
        self, cluster: Cluster, server: LoneServer, tmp_path: Path
    ) -> None:
        """The server refuses it, and our own channel would not even load it."""
        files = issue(
            cluster.folder,
            tmp_path / "late",
            [client_uri(CLUSTER, "late"), role_uri(CLUSTER, Role.SUBMITTER)],
            ends=timedelta(hours=-1),
        )

        code = ask_raw(server.address, files.ca, files.certificate, files.key)

        assert code is grpc.StatusCode.UNAVAILABLE
        assert server.told("refused_handshake") == "expired"
        with pytest.raises(
            ConfigError, match="expected a certificate valid now, found"
        ):
            ChannelTls(files, cluster_id=CLUSTER)
        assert "our own certificate cannot be used" in why(server.address, files)

    def test_no_certificate(self, cluster: Cluster, server: LoneServer) -> None:
        """TLS of the server alone is not enough."""
        code = ask_raw(server.address, cluster.node.ca)

        assert code is grpc.StatusCode.UNAVAILABLE
        assert server.told("refused_handshake") == "no_certificate"

    def test_tls_1_2(self, cluster: Cluster, server: LoneServer) -> None:
        """A client with a good certificate that speaks 1.2 at most finds no cipher."""
        context = _context(cluster.submitter)
        context.maximum_version = ssl.TLSVersion.TLSv1_2

        with (
            socket.create_connection(("127.0.0.1", server.port)) as connection,
            pytest.raises(ssl.SSLError),
        ):
            context.wrap_socket(connection, server_hostname="localhost")

        assert server.told("refused_handshake") == "tls_version"

    def test_tls_1_3_of_the_same_client(
        self, cluster: Cluster, server: LoneServer
    ) -> None:
        """The check above fails for the version and for nothing else."""
        with (
            socket.create_connection(("127.0.0.1", server.port)) as connection,
            _context(cluster.submitter).wrap_socket(
                connection, server_hostname="localhost"
            ) as stream,
        ):
            version = stream.version()

        assert version == "TLSv1.3"

    def test_no_tls_at_all(self, server: LoneServer) -> None:
        """Plain HTTP is cut off."""
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            answer = connection.recv(100)

        assert answer == b""
        assert server.told("refused_handshake") == "not_tls"

    @pytest.mark.parametrize("said", [b"", b"\x16\x03\x01"], ids=["nothing", "a start"])
    def test_who_connects_and_says_nothing_is_cut_off(
        self, server: LoneServer, said: bytes
    ) -> None:
        """Else file descriptors would run out before anybody had shown a certificate."""
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(said)
            connection.settimeout(HANDSHAKE_MS_MAX / 1000 + 10)

            assert connection.recv(100) == b""

    def test_a_server_of_another_ca(
        self, cluster: Cluster, server: LoneServer, tmp_path: Path
    ) -> None:
        """The client refuses, and says which CA it expected."""
        other = make_cluster(tmp_path / "other")

        code, _ = ask(server.address, other.submitter)

        assert code is grpc.StatusCode.UNAVAILABLE
        reason = why(server.address, other.submitter)
        assert "expected node.blue.ledgerd issued by the CA in" in reason

    def test_nobody_listens(self, cluster: Cluster) -> None:
        """The reason is not looked for in certificates."""
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{closed.getsockname()[1]}"

            assert "cannot be reached: Connection refused" in why(
                address, cluster.submitter
            )


def test_ledgerctl_says_once_that_a_server_is_of_another_ca(
    server: LoneServer, tmp_path: Path
) -> None:
    """There are many tries in three seconds, and gRPC would tell of each on standard error."""
    other = make_cluster(tmp_path / "other").submitter
    profile = tmp_path / "client.toml"
    profile.write_text(
        f"""
[cluster]
id = "{CLUSTER}"
endpoints = [{{ node_id = 1, address = "{server.address}" }}]
[tls]
ca = "{other.ca}"
certificate = "{other.certificate}"
key = "{other.key}"
"""
    )

    options = ("--config", str(profile), "--deadline", "3")

    told = subprocess.run(
        [sys.executable, "-m", "ledgerd.cli.ledgerctl", "account", "list", *options],
        env={name: os.environ[name] for name in os.environ if name != "GRPC_VERBOSITY"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 3
    [line] = told.stderr.splitlines()
    assert "is refused" in line
    assert "unable to get local issuer certificate" in line


class TestRefusedAtTheCall:
    def test_a_certificate_of_another_cluster(
        self, cluster: Cluster, server: LoneServer, tmp_path: Path
    ) -> None:
        """One CA for two clusters does not open one to the other."""
        files = issue(
            cluster.folder,
            tmp_path / "green",
            [client_uri("green", "sam"), role_uri("green", Role.SUBMITTER)],
        )

        _, details = ask(server.address, files)

        assert details.startswith(
            "WRONG_CLUSTER: this node belongs to cluster blue, the certificate to green"
        )
        assert server.told("refused_call") == "WRONG_CLUSTER"

    def test_a_missing_role(self, cluster: Cluster, server: LoneServer) -> None:
        """Both sides name the role that would do."""
        _, details = ask(server.address, cluster.auditor)

        assert details.startswith("ROLE_MISSING: Ask expects the role submitter, ")
        assert server.told("refused_call") == "ROLE_MISSING"

    def test_a_certificate_of_nobody(
        self, cluster: Cluster, server: LoneServer, tmp_path: Path
    ) -> None:
        """The right CA is not enough: a certificate must name a client or a node."""
        files = issue(cluster.folder, tmp_path / "odd", ["https://example.com/"])

        code = ask_raw(server.address, files.ca, files.certificate, files.key)

        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert server.told("refused_call") == "UNAUTHENTICATED"


class TestReload:
    def test_a_new_ca_is_in_force_without_a_restart(
        self, cluster: Cluster, server: LoneServer, tmp_path: Path
    ) -> None:
        """All three files are replaced: new clients get in, old ones no longer."""
        assert ask(server.address, cluster.submitter)[0] is grpc.StatusCode.OK
        server.told("answered")
        kept = _copy(cluster.submitter, tmp_path / "kept")
        successor = make_cluster(tmp_path / "successor")
        _replace(cluster.node, successor.node)

        code, answer = ask(server.address, successor.submitter)

        assert (code, answer) == (grpc.StatusCode.OK, "sam")
        server.told("reloaded")
        server.told("answered")
        assert ask(server.address, kept)[0] is grpc.StatusCode.UNAVAILABLE

    def test_files_that_do_not_agree_leave_the_old_ones_in_force(
        self, cluster: Cluster, server: LoneServer, tmp_path: Path
    ) -> None:
        """Between the renewal of the certificate and that of its key, calls go on."""
        renewed = pki.issue_node(cluster.folder, 1, out=tmp_path / "renewed")
        shutil.copyfile(renewed.certificate, cluster.node.certificate)

        assert ask(server.address, cluster.submitter)[0] is grpc.StatusCode.OK

        assert "expected the key of" in str(server.told("problem"))
        server.told("answered")
        shutil.copyfile(renewed.key, cluster.node.key)
        assert ask(server.address, cluster.submitter)[0] is grpc.StatusCode.OK
        server.told("reloaded")

    def test_a_channel_shows_what_is_on_disk_when_it_is_opened(
        self, cluster: Cluster, server: LoneServer, tmp_path: Path
    ) -> None:
        """A client's renewed certificate is used by its next channel."""
        mine = _copy(cluster.submitter, tmp_path / "mine")
        tls = ChannelTls(mine, cluster_id=CLUSTER)
        assert tls.generation() == 1
        renewed = pki.issue_client(cluster.folder, "sue", [Role.SUBMITTER])
        _replace(mine, renewed)

        async def call() -> tuple[grpc.StatusCode, str]:
            return await ask_on(tls.open(server.address))

        assert asyncio.run(call()) == (grpc.StatusCode.OK, "sue")
        assert tls.generation() == 2


class TestListening:
    def test_a_port_in_use_is_an_error(
        self, cluster: Cluster, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A second node on the same port does not start, and gRPC adds no words of its own."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"

            assert _listening_error(cluster.node, address) == (
                f"cannot listen on {address}: the port is in use; stop the other process or "
                "choose another address"
            )
        assert capfd.readouterr().err == ""

    def test_an_address_of_another_machine(
        self, cluster: Cluster, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """What the operating system says of it is passed on, once."""
        told = _listening_error(cluster.node, "192.0.2.1:7101")

        assert told.startswith(
            "cannot listen on 192.0.2.1:7101: Cannot assign requested address; "
        )
        assert capfd.readouterr().err == ""

    def test_two_servers_do_not_share_a_port(self, cluster: Cluster) -> None:
        """By gRPC's own default both would listen, and each get half of the callers."""

        async def listen_twice() -> str:
            first = grpc.aio.server(options=list(SERVER_OPTIONS))
            second = grpc.aio.server(options=list(SERVER_OPTIONS))
            tls = ServerTls(cluster.node)
            port = tls.add_port(first, "127.0.0.1:0")
            await first.start()
            try:
                with pytest.raises(ConfigError) as raised:
                    tls.add_port(second, f"127.0.0.1:{port}")
            finally:
                await first.stop(None)
                await second.stop(None)
            return str(raised.value)

        assert "the port is in use" in asyncio.run(listen_twice())

    def test_plaintext_off_loopback_is_refused_once_more_at_the_port(self) -> None:
        """Even a caller that skipped `decide` opens no plaintext listener."""
        assert "plaintext is for loopback" in _listening_error(PLAINTEXT, "0.0.0.0:0")
        with pytest.raises(ConfigError, match="plaintext is for loopback"):
            ChannelTls(PLAINTEXT, cluster_id=CLUSTER).open("192.0.2.1:7101")


class TestDecide:
    def test_plaintext_needs_to_be_asked_for(self) -> None:
        """Without files and without the flag there is no listener."""
        with pytest.raises(ConfigError, match="expected ca, certificate and key"):
            decide(insecure=False, files=None, addresses=["127.0.0.1:1"])

    def test_plaintext_is_for_loopback(self) -> None:
        """One address off loopback refuses all."""
        addresses = ["127.0.0.1:1", "[::1]:2", "localhost:3"]

        assert decide(insecure=True, files=None, addresses=addresses) is PLAINTEXT
        with pytest.raises(ConfigError, match=r"found 10\.0\.0\.1:4"):
            decide(insecure=True, files=None, addresses=[*addresses, "10.0.0.1:4"])

    def test_metrics_are_plain_on_loopback_only(self, cluster: Cluster) -> None:
        """Elsewhere a scraper needs a certificate, as any other caller."""
        assert metrics_context(cluster.node, "127.0.0.1:1") is None
        assert metrics_context(PLAINTEXT, "127.0.0.1:1") is None
        context = metrics_context(cluster.node, "0.0.0.0:1")

        assert context is not None
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3
        with pytest.raises(ConfigError, match="plaintext is for loopback"):
            metrics_context(PLAINTEXT, "0.0.0.0:1")

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("127.0.0.1:1", True),
            ("127.9.9.9:1", True),
            ("[::1]:1", True),
            ("localhost:1", True),
            ("0.0.0.0:1", False),
            ("[::]:1", False),
            ("localhost.example.com:1", False),
            ("10.1.2.3:1", False),
        ],
    )
    def test_loopback(self, address: str, expected: bool) -> None:
        """A name that may resolve elsewhere is not loopback."""
        assert is_loopback(address) is expected

    @pytest.mark.parametrize(
        "text",
        ["", "host", "host:", ":1", "host:65536", "host:-1", "::1:7", "a:b", "h:1x"],
    )
    def test_addresses_that_are_none(self, text: str) -> None:
        """The text says what was expected and found."""
        with pytest.raises(ValueError, match="expected host:port"):
            split_address(text)


class TestCheckFiles:
    """A node does not start with files that cannot work."""

    def test_good_files_say_whose_they_are(self, cluster: Cluster) -> None:
        """Node 1 of the cluster."""
        identity = check_files(cluster.node, cluster_id=CLUSTER, node_id=1)

        assert (identity.cluster_id, identity.node_id) == (CLUSTER, 1)

    @pytest.mark.parametrize(
        ("spoil", "text"),
        [
            (lambda f, c: f.certificate.unlink(), "expected a readable PEM file"),
            (lambda f, c: f.key.unlink(), "expected a readable PEM file"),
            (lambda f, c: f.ca.write_text("x"), "expected certificates in PEM"),
            (lambda f, c: f.key.write_text("x"), "expected a private key in PEM"),
            (lambda f, c: shutil.copyfile(c.auditor.key, f.key), "expected the key of"),
        ],
    )
    def test_spoilt_files(
        self,
        cluster: Cluster,
        tmp_path: Path,
        spoil: Callable[[TlsFiles, Cluster], object],
        text: str,
    ) -> None:
        """Each names the file, what was expected and found."""
        files = _copy(cluster.node, tmp_path / "copy")
        spoil(files, cluster)

        with pytest.raises(ConfigError, match=text):
            check_files(files)

    def test_other_names(self, cluster: Cluster, tmp_path: Path) -> None:
        """The certificate of another node, cluster or CA is not this node's."""
        other = make_cluster(tmp_path / "other", "green")
        foreign = dataclasses.replace(cluster.node, ca=other.node.ca)

        with pytest.raises(
            ConfigError, match="certificate of node 2, found that of node-1"
        ):
            check_files(cluster.node, node_id=2)
        with pytest.raises(
            ConfigError, match="of cluster green, found one of cluster blue"
        ):
            check_files(cluster.node, cluster_id="green")
        with pytest.raises(
            ConfigError, match=r"issued by the CA in .* found one issued by"
        ):
            check_files(foreign)


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(files.ca)
    context.load_cert_chain(files.certificate, files.key)
    return context


def _copy(files: TlsFiles, folder: Path) -> TlsFiles:
    folder.mkdir()
    copied = TlsFiles(folder / "ca.pem", folder / "own.pem", folder / "own.key")
    _replace(copied, files)
    return copied


def _replace(old: TlsFiles, new: TlsFiles) -> None:
    for name in ("ca", "certificate", "key"):
        shutil.copyfile(getattr(new, name), getattr(old, name))


def _listening_error(security: TlsFiles | object, address: str) -> str:
    async def listen() -> str:
        server = grpc.aio.server(options=list(SERVER_OPTIONS))
        with pytest.raises(ConfigError) as raised:
            ServerTls(security).add_port(server, address)  # type: ignore[arg-type]
        await server.stop(None)
        return str(raised.value)

    return asyncio.run(listen())
