"""Real transports in one process, over TLS on loopback, for the tests of this folder."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.membership import NOBODY, Membership
from ledgerd.raft.messages import Message
from ledgerd.security import pki
from ledgerd.security.tls import ChannelTls, ServerTls
from ledgerd.security.tlsfiles import TlsFiles
from ledgerd.transport.greeting import Refusal
from ledgerd.transport.options import TransportOptions
from ledgerd.transport.transport import PeerTransport

CLUSTER = "test-cluster"
PATIENCE_S = 10.0


@dataclass
class Certificates:
    """One CA and what it issued, made once a session."""

    folder: Path
    cluster_id: str = CLUSTER
    nodes: dict[int, TlsFiles] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pki.create_ca(self.folder, self.cluster_id)

    def node(self, node_id: int) -> TlsFiles:
        """Return the files of a node, issuing them the first time."""
        if node_id not in self.nodes:
            self.nodes[node_id] = pki.issue_node(self.folder, node_id)
        return self.nodes[node_id]


@dataclass
class Station:
    """One transport, and what it delivered."""

    transport: PeerTransport
    metrics: Metrics
    options: TransportOptions
    received: list[Message] = field(default_factory=list)
    clocks: list[tuple[NodeId, int]] = field(default_factory=list)
    greeted: list[PeerGreeted] = field(default_factory=list)
    lost: list[NodeId] = field(default_factory=list)
    expelled: list[tuple[Refusal, str]] = field(default_factory=list)
    suspected: list[NodeId] = field(default_factory=list)
    stops: list[BaseException] = field(default_factory=list)
    on_message: Callable[[Message], object] | None = None

    def refused(self, reason: str) -> float:
        """Return how many streams were refused for a reason."""
        return self.counted("ledgerd_calls_refused_total", reason=reason)

    @property
    def address(self) -> str:
        """Where this node listens."""
        return f"127.0.0.1:{self.transport.port}"

    def counted(self, name: str, **labels: str) -> float:
        """Return a metric of this node, 0 if it never moved."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def station(
    options: TransportOptions,
    files: TlsFiles,
    *,
    tls_cluster_id: str | None = None,
    membership: Membership = NOBODY,
    **more: Any,  # Any: what a transport takes beside, as it takes it
) -> Station:
    """Return a transport that is not started yet."""
    metrics = Metrics()
    made: Station

    def deliver(message: Message) -> None:
        if made.on_message is not None:
            made.on_message(message)
        made.received.append(message)

    def stop(error: BaseException, *, where: str) -> None:
        made.stops.append(error)

    made = Station(
        PeerTransport(
            options,
            membership=membership,
            server_tls=ServerTls(files),
            channel_tls=ChannelTls(
                files, cluster_id=tls_cluster_id or options.cluster_id
            ),
            metrics=metrics,
            on_message=deliver,
            on_clock=lambda node_id, clock_us: made.clocks.append((node_id, clock_us)),
            on_greeted=lambda greeted: made.greeted.append(greeted),
            on_peer_lost=lambda node_id: made.lost.append(node_id),
            on_expelled=lambda refusal, why: made.expelled.append((refusal, why)),
            on_peer_refused=lambda node_id: made.suspected.append(node_id),
            fail_stop=stop,
            **more,
        ),
        metrics,
        options,
    )
    return made


def options_of(
    node_id: int, peers: dict[int, str], **changes: object
) -> TransportOptions:
    """Return options of a node with short times."""
    base = TransportOptions(
        cluster_id=CLUSTER,
        node_id=NodeId(node_id),
        store_id=bytes([node_id]) * 16,
        listen="127.0.0.1:0",
        peers={NodeId(peer): address for peer, address in peers.items()},
        connect_limit_s=2.0,
    )
    # Any: `replace` types its changes by field.
    return replace(base, **changes)  # type: ignore[arg-type]


class Peers:
    """What a test builds its stations with."""

    def __init__(self, certificates: Certificates, foreign: Certificates) -> None:
        self.certificates = certificates
        self.foreign = foreign

    def station(
        self,
        node_id: int,
        peers: dict[int, str],
        *,
        files: TlsFiles | None = None,
        tls_cluster_id: str | None = None,
        membership: Membership = NOBODY,
        **changes: object,
    ) -> Station:
        """Return a transport with the node's own certificate, not started yet."""
        options = options_of(node_id, peers, **changes)
        return station(
            options,
            files or self.certificates.node(node_id),
            tls_cluster_id=tls_cluster_id,
            membership=membership,
        )

    async def cluster(self, nodes: int, **changes: object) -> list[Station]:
        """Return nodes 1 .. n, started and connected to each other."""
        addresses = {node: self.free_address() for node in range(1, nodes + 1)}
        stations = [
            self.station(
                node,
                {peer: at for peer, at in addresses.items() if peer != node},
                listen=addresses[node],
                membership=Membership(tuple(map(NodeId, addresses))),
                **changes,
            )
            for node in addresses
        ]
        for each in stations:
            await each.transport.start()
        await self.until(
            lambda: all(all(each.transport.connected().values()) for each in stations),
            "all streams stand",
        )
        return stations

    @staticmethod
    def free_address() -> str:
        """Return an address on which nobody listens now."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{probe.getsockname()[1]}"

    @staticmethod
    async def until(is_true: Callable[[], object], what: str) -> None:
        """Return once `is_true`; fail with `what` when patience ends."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not is_true():  # noqa: ASYNC110 - metrics and logs wake nobody
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"waited {PATIENCE_S} s in vain: {what}") from None


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The CA of the test cluster."""
    return Certificates(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The CA of another cluster."""
    return Certificates(tmp_path_factory.mktemp("pki-foreign"), "other-cluster")


@pytest.fixture
def peers(certificates: Certificates, foreign: Certificates) -> Peers:
    """Builds stations."""
    return Peers(certificates, foreign)
