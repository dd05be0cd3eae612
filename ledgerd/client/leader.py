"""The nodes of the cluster as a client sees them, and which one to ask next.

One channel a node, opened once and kept. What is believed about the leader is shared by
all calls; the order in which one call tries the nodes is its own `Route`. Nothing here
knows what is sent or whether it may be sent again: that is `calls`.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

import grpc
from grpc import aio

from ledgerd.api.v1.accounts_pb2_grpc import LedgerStub, ReportsStub
from ledgerd.api.v1.admin_pb2_grpc import AdminStub
from ledgerd.api.v1.audit_pb2_grpc import AuditStub
from ledgerd.api.v1.cluster_pb2_grpc import ClusterStub
from ledgerd.api.v1.dispatch_pb2_grpc import DispatchStub
from ledgerd.api.v1.events_pb2_grpc import FeedStub
from ledgerd.api.v1.payouts_pb2_grpc import PayoutsStub
from ledgerd.client.lane import Lane
from ledgerd.client.profile import Endpoint, Profile
from ledgerd.errors import ConfigError
from ledgerd.limits import DETAILS_BYTES_MAX, PAGE_ROWS_MAX, REQUEST_BYTES_MAX
from ledgerd.security.diagnosis import explain
from ledgerd.security.tls import PLAINTEXT, ChannelTls, Security, check_files
from ledgerd.security.tlsfiles import TlsFiles

_CHANNEL_OPTIONS: Final[tuple[tuple[str, int | str], ...]] = (
    # A node that restarts is found again within a fraction of an election.
    ("grpc.initial_reconnect_backoff_ms", 25),
    ("grpc.min_reconnect_backoff_ms", 1_000),  # also how long one attempt may take
    ("grpc.max_reconnect_backoff_ms", 500),
    # A cut network that drops silently: unacknowledged bytes end the connection.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    # A page of the largest rows there can be; what a node of our cluster sends is right.
    ("grpc.max_receive_message_length", 2 * PAGE_ROWS_MAX * DETAILS_BYTES_MAX),
    ("grpc.max_send_message_length", REQUEST_BYTES_MAX),
    # Two clients of one process do not share connections, so closing one is complete.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    # Retrying is decided here, where the difference between unsent and unknown is kept.
    ("grpc.enable_retries", 0),
)

PATIENCE_S_MIN: Final = 1.0  # an election is over by then
PATIENCE_S_MAX: Final = 8.0
_CONNECT_S_MAX: Final = 0.6
_POLL_S_MIN: Final = 0.001
_POLL_S_MAX: Final = 0.016
_NODES_MAX: Final = 32  # of the profile and learned
_DIAGNOSIS_S_MAX: Final = 0.4  # for each of its two steps


class Node:
    """One node: its channel, its services, and how patient to be with it."""

    def __init__(self, endpoint: Endpoint, profile: Profile, tls: ChannelTls) -> None:
        """Open the channel; must run inside the event loop that will use it."""
        self.trouble = ""  # why it cannot be reached, as found out last
        self.node_id = endpoint.node_id
        self.address = endpoint.address
        self.is_silent = False  # its last attempt ended without any answer
        self._patience_s = PATIENCE_S_MIN
        self._profile = profile
        self._diagnosis: asyncio.Task[None] | None = None
        self._tls = tls
        self._replaced: list[tuple[Lane, aio.Channel]] = []
        self._open()

    def _open(self) -> None:
        self._generation = self._tls.generation()
        self._channel = self._tls.open(
            self.address, node_id=self.node_id, options=_CHANNEL_OPTIONS
        )
        self.lane = Lane(self._channel)
        self.payouts = PayoutsStub(self._channel)
        self.ledger = LedgerStub(self._channel)
        self.reports = ReportsStub(self._channel)
        self.admin = AdminStub(self._channel)
        self.dispatch = DispatchStub(self._channel)
        self.cluster = ClusterStub(self._channel)
        self.feed = FeedStub(self._channel)
        self.audit = AuditStub(self._channel)

    @property
    def patience_s(self) -> float:
        """How long one attempt may take before another node is asked."""
        return self._patience_s

    def answered(self) -> None:
        """Note that the node spoke, whatever it said."""
        self.is_silent = False
        self.trouble = ""

    def answered_after(self, latency_s: float) -> None:
        """Note a success: patience returns to a few times what an answer takes."""
        self.answered()
        wanted_s = min(max(PATIENCE_S_MIN, 4 * latency_s), PATIENCE_S_MAX)
        self._patience_s += (wanted_s - self._patience_s) / 4

    def kept_silent(self) -> None:
        """Note an attempt without an answer; a node that is only slow gets more time."""
        self.is_silent = True
        self._patience_s = min(self._patience_s * 2, PATIENCE_S_MAX)

    def connect(self) -> bool:
        """Start to connect, without waiting; return whether with renewed certificates.

        A channel made with older files is kept until `close`, for calls may be under
        way.
        """
        is_renewed = self._generation != self._tls.generation()
        if is_renewed:
            self.lane.drain()
            self._replaced.append((self.lane, self._channel))
            self._open()
        self._channel.get_state(try_to_connect=True)
        return is_renewed

    async def is_connected(self, until: float) -> bool:
        """Return whether there is a connection, now or soon; `until` in loop seconds.

        False means that nothing was sent. It polls because a watch on the state of a
        channel cannot be given up without leaving it behind.
        """
        channel, loop = self._channel, asyncio.get_running_loop()
        state = channel.get_state(try_to_connect=True)
        until = min(until, loop.time() + _CONNECT_S_MAX)
        poll_s = _POLL_S_MIN
        while state is not grpc.ChannelConnectivity.READY:
            if state in _DOWN or loop.time() >= until:
                return False
            await asyncio.sleep(min(poll_s, max(until - loop.time(), 0)))
            poll_s = min(poll_s * 2, _POLL_S_MAX)
            state = channel.get_state(try_to_connect=True)
        return True

    def diagnose(self) -> None:
        """Find out in the background why there is no connection, for `trouble`.

        gRPC does not say; a second connection with Python's own TLS does.
        """
        if self._diagnosis is None or self._diagnosis.done():
            self._diagnosis = asyncio.create_task(self._diagnose())

    async def _diagnose(self) -> None:
        self.trouble = await explain(
            self.address,
            _security(self._profile),
            cluster_id=self._profile.cluster_id,
            node_id=self.node_id,
            timeout_s=_DIAGNOSIS_S_MAX,
        )

    async def close(self) -> None:
        """Close the connection; calls under way are cancelled."""
        if self._diagnosis is not None:
            self._diagnosis.cancel()
            await asyncio.gather(self._diagnosis, return_exceptions=True)
        for lane, channel in (*self._replaced, (self.lane, self._channel)):
            await lane.close()
            await channel.close(None)


_DOWN: Final = frozenset(
    {
        grpc.ChannelConnectivity.TRANSIENT_FAILURE,
        grpc.ChannelConnectivity.SHUTDOWN,
    }
)


class Nodes:
    """All nodes of the profile, and who is believed to lead them."""

    def __init__(self, profile: Profile, only: int | None = None) -> None:
        """Open a channel to each node, or to the one node `only`.

        Must run inside the event loop that will use it.
        Errors: ConfigError, when the certificate files cannot be used, or there is no
        such node.
        """
        security = _security(profile)
        if isinstance(security, TlsFiles):
            check_files(security, cluster_id=profile.cluster_id)
        tls = ChannelTls(security, cluster_id=profile.cluster_id)
        self._nodes = {
            endpoint.node_id: Node(endpoint, profile, tls)
            for endpoint in profile.endpoints
            if only is None or endpoint.node_id == only
        }
        if not self._nodes:
            raise ConfigError(
                f"expected a node of the profile, found node_id {only}; it has "
                f"{', '.join(str(e.node_id) for e in profile.endpoints)}"
            )
        self._profile, self._tls = profile, tls
        self._may_learn = only is None
        self.leader_id: int | None = None
        self.is_closed = False
        self.reconnect()

    def reconnect(self) -> bool:
        """Start to connect where there is no connection, with the files of today.

        Returns whether the certificates were renewed since the last time.
        """
        if self.is_closed:
            return False
        renewed = [node.connect() for node in self]  # each, so not one lazy any()
        return any(renewed)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, node_id: int) -> Node | None:
        """Return the node of that id, if the profile has it."""
        return self._nodes.get(node_id)

    def learn(self, node_id: int, address: str) -> None:
        """Take in a node that the profile does not have yet: it was added to the cluster since.

        Another node of the cluster named it, and its certificate must still say who it is.
        """
        is_news = node_id not in self._nodes and bool(address)
        may_learn = self._may_learn and not self.is_closed
        if is_news and may_learn and len(self._nodes) < _NODES_MAX:
            node = Node(Endpoint(node_id, address), self._profile, self._tls)
            self._nodes[node_id] = node
            node.connect()

    def leads(self, node: Node) -> None:
        """Note that `node` answered as a leader does."""
        self.leader_id = node.node_id

    def leads_not(self, node: Node) -> None:
        """Note that `node` does not lead, or cannot be asked."""
        if self.leader_id == node.node_id:
            self.leader_id = None

    async def close(self) -> None:
        """Close every channel; who looks for a node finds none any more."""
        self.is_closed = True
        for node in self:
            await node.close()


class Route:
    """The order in which one call tries the nodes: round after round, each node once.

    A node that another one names as the leader goes first. A node that kept silent is
    left out unless it is named, for waiting for it is what costs time.
    """

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._tried: set[int] = set()
        self._last: int | None = None

    def next(self, hint: int | None = None) -> Node | None:
        """Return the node to ask now; None when the round is over: pause, then go on.

        hint: the node that the last answer named as the leader.
        """
        for wanted in (hint, self._nodes.leader_id):
            named = self._nodes.get(wanted) if wanted is not None else None
            if named is not None and named.node_id not in self._tried:
                return self._take(named)
        waiting = [node for node in self._ring() if node.node_id not in self._tried]
        spoken = [node for node in waiting if not node.is_silent]
        if spoken:
            return self._take(spoken[0])
        if waiting and not self._tried:  # all are silent: ask them after all
            for node in waiting:
                node.is_silent = False
            return self._take(waiting[0])
        self._tried.clear()
        return None

    def restart(self) -> None:
        """Allow every node again."""
        self._tried.clear()

    def _ring(self) -> list[Node]:
        """Return the nodes, beginning behind the one asked last."""
        nodes = list(self._nodes)
        ids = [node.node_id for node in nodes]
        start = ids.index(self._last) + 1 if self._last in ids else 0
        return nodes[start:] + nodes[:start]

    def _take(self, node: Node) -> Node:
        self._tried.add(node.node_id)
        self._last = node.node_id
        return node


def _security(profile: Profile) -> Security:
    """Return the files of the profile, or plaintext where it names none."""
    if profile.ca is None or profile.certificate is None or profile.key is None:
        return PLAINTEXT
    return TlsFiles(ca=profile.ca, certificate=profile.certificate, key=profile.key)
