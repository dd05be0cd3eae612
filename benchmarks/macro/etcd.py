"""The rival: three etcd members over mutual TLS, through the same Python gRPC stack.

etcd is Debian's package `etcd-server`; where it is absent the benchmark says so and goes on.
The two calls used are written out by hand: field numbers of `etcdserverpb` (KV.Put: key 1, value 2;
Maintenance.Status: leader 4 in the answer, header 1 with member_id 2).
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self, TypeAlias

import grpc

from ledgerd.security import pki
from ledgerd.security.identity import Role

NODES = 3
UnaryCall: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"


def find() -> str | None:
    """Return the path of the etcd binary, None if it is not installed."""
    return shutil.which("etcd")


def version(binary: str) -> str:
    """Return the version line of the binary."""
    shown = subprocess.run(
        [binary, "--version"], capture_output=True, text=True, check=True
    )
    return shown.stdout.splitlines()[0].removeprefix("etcd Version: ")


def free_ports(count: int) -> list[int]:
    """Return loopback ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def varint(value: int) -> bytes:
    """Encode an unsigned integer as protobuf does."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_request(key: bytes, value: bytes) -> bytes:
    """Encode etcdserverpb.PutRequest."""
    return b"\x0a" + varint(len(key)) + key + b"\x12" + varint(len(value)) + value


def fields_of(message: bytes) -> dict[int, int | bytes]:
    """Decode the varint and length-delimited fields of a protobuf message, last one wins."""
    found: dict[int, int | bytes] = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            found[tag >> 3] = number()
        elif tag & 7 == 2:
            size = number()
            found[tag >> 3] = message[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {tag & 7} is not used by these messages")
    return found


class EtcdCluster:
    """Three members in a folder of their own; ended by `close`, also after a failure."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        ports = free_ports(2 * NODES)
        self._clients = ports[:NODES]
        self._peers = ports[NODES:]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * NODES
        ca = folder / "pki"
        pki.create_ca(ca, "bench-etcd")
        self._server = pki.issue_node(ca, 1, hosts=("localhost", "127.0.0.1"))
        self._client = pki.issue_client(ca, "bench", [Role.SUBMITTER])

    def __enter__(self) -> Self:
        for member in range(NODES):
            self.start(member)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            if process is not None:
                process.kill()
                process.wait()

    def start(self, member: int) -> None:
        """Start one member, new or again on its data."""
        tls = self._server
        cluster = ",".join(
            f"n{i}=https://127.0.0.1:{port}" for i, port in enumerate(self._peers)
        )
        is_new = not (self._folder / f"n{member}").exists()
        client_url = f"https://127.0.0.1:{self._clients[member]}"
        peer_url = f"https://127.0.0.1:{self._peers[member]}"
        arguments = {
            "name": f"n{member}",
            "data-dir": str(self._folder / f"n{member}"),
            "listen-client-urls": client_url,
            "advertise-client-urls": client_url,
            "listen-peer-urls": peer_url,
            "initial-advertise-peer-urls": peer_url,
            "initial-cluster": cluster,
            "initial-cluster-state": "new" if is_new else "existing",
            "cert-file": str(tls.certificate),
            "key-file": str(tls.key),
            "trusted-ca-file": str(tls.ca),
            "client-cert-auth": "true",
            "peer-cert-file": str(tls.certificate),
            "peer-key-file": str(tls.key),
            "peer-trusted-ca-file": str(tls.ca),
            "peer-client-cert-auth": "true",
            "logger": "zap",
        }
        command = [
            self._binary,
            *(f"--{name}={value}" for name, value in arguments.items()),
        ]
        with (self._folder / f"n{member}.log").open("ab") as log:
            self._processes[member] = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "ETCD_UNSUPPORTED_ARCH": ""},
            )

    def kill(self, member: int) -> None:
        """SIGKILL one member and wait for its end."""
        process = self._processes[member]
        assert process is not None, member
        process.send_signal(signal.SIGKILL)
        process.wait()

    def channel(self, member: int) -> grpc.aio.Channel:
        """Open a channel to one member, with the client's certificate."""
        credentials = grpc.ssl_channel_credentials(
            self._client.ca.read_bytes(),
            self._client.key.read_bytes(),
            self._client.certificate.read_bytes(),
        )
        options = [
            ("grpc.ssl_target_name_override", "localhost"),
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.min_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 500),
        ]
        address = f"127.0.0.1:{self._clients[member]}"
        return grpc.aio.secure_channel(address, credentials, options)


class EtcdClient:
    """Puts and status over channels to all members; finds the leader by asking."""

    def __init__(self, cluster: EtcdCluster) -> None:
        self._channels = [cluster.channel(member) for member in range(NODES)]
        self._puts: list[UnaryCall] = [
            channel.unary_unary("/etcdserverpb.KV/Put") for channel in self._channels
        ]
        self._statuses: list[UnaryCall] = [
            channel.unary_unary("/etcdserverpb.Maintenance/Status")
            for channel in self._channels
        ]
        self.member = 0

    async def close(self) -> None:
        """Close all channels."""
        for channel in self._channels:
            await channel.close()

    async def put(self, key: bytes, value: bytes, *, timeout_s: float = 5.0) -> None:
        """Put at the member in use."""
        await self._puts[self.member](put_request(key, value), timeout=timeout_s)

    async def leader(self, *, seconds_max: float = 20.0) -> int:
        """Return the member that leads, waiting until one says that it does."""
        ends_at = time.monotonic() + seconds_max
        while time.monotonic() < ends_at:
            for member, status in enumerate(self._statuses):
                try:
                    answer = fields_of(await status(b"", timeout=0.5))
                except grpc.aio.AioRpcError:
                    continue
                header = answer.get(1, b"")
                assert isinstance(header, bytes), header
                if answer.get(4) and fields_of(header).get(2) == answer[4]:
                    return member
            await asyncio.sleep(0.05)
        raise TimeoutError("no etcd member leads")
