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
from ledgerd.raft.messages import Message
from ledgerd.security.tls import SERVER_OPTIONS, ChannelTls, ServerTls
from ledgerd.transport.greeting import Greetings
from ledgerd.transport.options import FailStop, TransportOptions
from ledgerd.transport.outbound import PeerMail, PeerQueue
from ledgerd.transport.peers import PeerLink
from ledgerd.transport.service import PeerService

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

    on_message: a peer's message, in order within one stream; never blocks.
    on_clock: what a peer's wall clock showed just now, microseconds.
    on_greeted: a stream from or to a peer began; what the peer understands.
    on_peer_lost: an established stream to a peer broke; its messages may be lost.
    """

    def __init__(
        self,
        options: TransportOptions,
        *,
        server_tls: ServerTls,
        channel_tls: ChannelTls,
        metrics: Metrics,
        on_message: Callable[[Message], object],
        on_clock: Callable[[NodeId, int], None],
        on_greeted: Callable[[PeerGreeted], None],
        on_peer_lost: Callable[[NodeId], None],
        fail_stop: FailStop,
    ) -> None:
        self._options = options
        self._server_tls = server_tls
        self._fail_stop = fail_stop
        greetings = Greetings(options)
        queues: dict[NodeId, PeerQueue] = {}
        self._links: dict[NodeId, PeerLink] = {}
        for node_id in sorted(options.peers):
            dropped = metrics.peer_messages_dropped.labels(peer=str(node_id))
            withheld = metrics.peer_messages_withheld.labels(peer=str(node_id))
            queues[node_id] = PeerQueue(
                on_dropped=dropped.inc, on_withheld=withheld.inc
            )
            self._links[node_id] = PeerLink(
                node_id,
                options,
                queue=queues[node_id],
                greetings=greetings,
                channel_tls=channel_tls,
                metrics=metrics,
                on_clock=on_clock,
                on_greeted=on_greeted,
                on_lost=on_peer_lost,
            )
        self._service = PeerService(
            options,
            greetings=greetings,
            metrics=metrics,
            on_message=on_message,
            on_clock=on_clock,
            on_greeted=on_greeted,
            fail_stop=fail_stop,
        )
        self._server: grpc.aio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False
        self.mail: Final = PeerMail(queues)
        self.port = 0

    async def start(self) -> None:
        """Listen, and dial every peer. Errors: ConfigError when the port is in use."""
        assert self._server is None, "started twice"
        self._server = grpc.aio.server(options=_SERVER_OPTIONS)
        self._server.add_generic_rpc_handlers((self._service.handler(),))
        self.port = self._server_tls.add_port(self._server, self._options.listen)
        await self._server.start()
        self.mail.attach(asyncio.get_running_loop())
        for node_id, link in self._links.items():
            task = asyncio.create_task(link.run(), name=f"peer-{node_id}")
            task.add_done_callback(partial(self._ended, node_id))
            self._tasks.append(task)

    async def stop(self, grace_s: float) -> None:
        """Hang up. What waits in the queues is dropped: peers treat it as a lost message."""
        self.mail.detach()
        self._is_stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.stop(grace_s)

    def connected(self) -> dict[NodeId, bool]:
        """Return for each peer whether this node's own stream to it stands."""
        return {node_id: link.is_connected for node_id, link in self._links.items()}

    def _ended(self, node_id: NodeId, task: asyncio.Task[None]) -> None:
        """A link runs until `stop` cancels it; anything else stops the node (T68)."""
        error = None if task.cancelled() else task.exception()
        if error is None and self._is_stopping:
            return
        error = error or AssertionError(f"the link to node {node_id} ended by itself")
        self._fail_stop(error, where=f"link to node {node_id}")
