"""The transport as the daemon sees it: a listener, a link to each peer, and the `Mail` port."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import grpc

from ledgerd.limits import PEER_MESSAGE_BYTES_MAX
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.membership import NOBODY, Membership
from ledgerd.raft.messages import Message
from ledgerd.security.tls import SERVER_OPTIONS, ChannelTls, ServerTls
from ledgerd.transport.greeting import Greetings, Refusal
from ledgerd.transport.options import FailStop, TransportOptions
from ledgerd.transport.outbound import PeerMail, PeerQueue
from ledgerd.transport.peers import PeerLink
from ledgerd.transport.service import PeerService
from ledgerd.transport.snapshot_stream import (
    NoSource,
    SnapshotClient,
    SnapshotService,
    SnapshotSource,
)

_SERVER_OPTIONS: Final = (
    *SERVER_OPTIONS,
    ("grpc.max_receive_message_length", PEER_MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", PEER_MESSAGE_BYTES_MAX),
    # A connection whose other end vanished is forgotten; its stream was replaced long before.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
)


class PeerTransport:
    """Carries messages between this node and its peers. Belongs to the loop, except `mail`.

    The peers are the members, as `follow` says; before any are known, those of the configuration,
    and whoever greets and says where it is dialled.

    on_message: a peer's message, in order within one stream; never blocks.
    on_clock: what a peer's wall clock showed just now, microseconds.
    on_greeted: a stream from or to a peer began; what the peer understands.
    snapshots: the copies that peers may fetch from this node.
    on_snapshot_sent: a peer's call for one has ended; whether all of it was sent.
    on_peer_lost: an established stream to a peer broke; its messages may be lost.
    on_expelled: a peer said that this node is removed, or came back with another store.
    on_peer_refused: and nobody listens there any more (F4).
    """

    def __init__(
        self,
        options: TransportOptions,
        *,
        membership: Membership = NOBODY,
        server_tls: ServerTls,
        channel_tls: ChannelTls,
        metrics: Metrics,
        on_message: Callable[[Message], object],
        on_clock: Callable[[NodeId, int], None],
        on_greeted: Callable[[PeerGreeted], None],
        on_peer_lost: Callable[[NodeId], None],
        on_peer_refused: Callable[[NodeId], None],
        on_expelled: Callable[[Refusal, str], None] = lambda refusal, why: None,
        fail_stop: FailStop,
        snapshots: SnapshotSource | None = None,
        on_snapshot_sent: Callable[[NodeId, bool], None] = lambda _peer, _is_whole: (
            None
        ),
    ) -> None:
        self._options = options
        self._server_tls = server_tls
        self._channel_tls = channel_tls
        self._metrics = metrics
        self._on_clock = on_clock
        self._on_greeted = on_greeted
        self._on_peer_lost = on_peer_lost
        self._on_peer_refused = on_peer_refused
        self._on_expelled = on_expelled
        self._fail_stop = fail_stop
        self._membership = membership
        self._greetings = Greetings(options, membership)
        self._links: dict[NodeId, PeerLink] = {}
        self._tasks: dict[NodeId, asyncio.Task[None]] = {}
        self._server: grpc.aio.Server | None = None
        self._is_stopping = False
        self.mail: Final = PeerMail({})
        self.port = 0
        self._service = PeerService(
            options,
            greetings=self._greetings,
            metrics=metrics,
            on_message=on_message,
            on_clock=on_clock,
            on_greeted=self._greeted,
            fail_stop=fail_stop,
        )
        self._snapshots = SnapshotService(
            options,
            greetings=self._greetings,
            identity=self._service.identity,
            source=snapshots or NoSource(),
            metrics=metrics,
            on_sent=on_snapshot_sent,
            fail_stop=fail_stop,
        )
        self.snapshot_client: Final = SnapshotClient(
            options,
            address_of=self._address_of,
            greetings=self._greetings,
            channel_tls=channel_tls,
            metrics=metrics,
        )
        for node_id, address in sorted(self._wanted().items()):
            self._open(node_id, address)

    async def start(self) -> None:
        """Listen, and dial every peer. Errors: ConfigError when the port is in use."""
        assert self._server is None, "started twice"
        self._server = grpc.aio.server(options=_SERVER_OPTIONS)
        self._server.add_generic_rpc_handlers(
            (self._service.handler(self._snapshots.snapshot),)
        )
        self.port = self._server_tls.add_port(self._server, self._options.listen)
        await self._server.start()
        self.mail.attach(asyncio.get_running_loop())
        for node_id in self._links:
            self._dial(node_id)

    async def stop(self, grace_s: float) -> None:
        """Hang up. What waits in the queues is dropped: peers treat it as a lost message."""
        self.mail.detach()
        self._is_stopping = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._server is not None:
            await self._server.stop(grace_s)

    def follow(self, membership: Membership) -> None:
        """Take the members of `membership` as peers: dial who is new, hang up on who is gone."""
        self._membership = membership
        self._greetings.follow(membership)
        wanted = self._wanted()
        for node_id in [n for n in self._links if n not in wanted]:
            # Who is newer than all that is known here may have been added by now (T69).
            if membership.was_removed(node_id):
                self._close(node_id)
        for node_id, address in sorted(wanted.items()):
            link = self._links.get(node_id)
            if link is not None and link.address != address:
                self._hang_up(node_id)
                link = None
            if link is None:
                self._open(node_id, address)
                self._dial(node_id)

    def connected(self) -> dict[NodeId, bool]:
        """Return for each peer whether this node's own stream to it stands."""
        return {node_id: link.is_connected for node_id, link in self._links.items()}

    def _wanted(self) -> dict[NodeId, str]:
        """Return where each peer is dialled; the configuration wins over the membership."""
        options, membership = self._options, self._membership
        if membership.is_empty:
            return dict(options.peers)
        wanted = {}
        for node_id in membership.members:
            record = membership.record(node_id)
            known = record.peer_address if record is not None else ""
            address = options.peers.get(node_id, known)
            if node_id != options.node_id and address:
                wanted[node_id] = address
        return wanted

    def _address_of(self, node_id: NodeId) -> str:
        """Return where a peer is dialled. Errors: KeyError when it is no peer any more."""
        return self._links[node_id].address

    def _greeted(self, greeted: PeerGreeted) -> None:
        """Dial back who greeted and is not dialled yet: it may have added this node."""
        address = self._greetings.address_of(greeted.node_id)
        if greeted.node_id not in self._links and address and not self._is_stopping:
            self._open(greeted.node_id, address)
            self._dial(greeted.node_id)
        self._on_greeted(greeted)

    def _open(self, node_id: NodeId, address: str) -> None:
        metrics, label = self._metrics, str(node_id)
        queue = PeerQueue(
            on_dropped=metrics.peer_messages_dropped.labels(peer=label).inc,
            on_withheld=metrics.peer_messages_withheld.labels(peer=label).inc,
        )
        self._links[node_id] = PeerLink(
            node_id,
            self._options,
            address=address,
            queue=queue,
            greetings=self._greetings,
            channel_tls=self._channel_tls,
            metrics=metrics,
            on_clock=self._on_clock,
            on_greeted=self._on_greeted,
            on_lost=self._on_peer_lost,
            on_refused=self._on_peer_refused,
            on_expelled=self._on_expelled,
        )
        self.mail.open_to(node_id, queue)

    def _dial(self, node_id: NodeId) -> None:
        if self._server is None:
            return  # `start` dials
        task = asyncio.create_task(self._links[node_id].run(), name=f"peer-{node_id}")
        task.add_done_callback(partial(self._ended, node_id))
        self._tasks[node_id] = task

    def _close(self, node_id: NodeId) -> None:
        self._service.forget(node_id)
        self._hang_up(node_id)

    def _hang_up(self, node_id: NodeId) -> None:
        self.mail.close_to(node_id)
        del self._links[node_id]
        task = self._tasks.pop(node_id, None)
        if task is not None:
            task.cancel()

    def _ended(self, node_id: NodeId, task: asyncio.Task[None]) -> None:
        """A link runs until it is closed; anything else stops the node (T68)."""
        error = None if task.cancelled() else task.exception()
        if error is None and (
            self._is_stopping or self._tasks.get(node_id) is not task
        ):
            return
        error = error or AssertionError(f"the link to node {node_id} ended by itself")
        self._fail_stop(error, where=f"link to node {node_id}")
