"""The side of a stream that calls: a long-lived connection to each peer, for our own messages.

Each attempt opens its own channel, so that a healed network is tried with a new TCP connection and
renewed certificates are read; gRPC's own reconnecting and its defaults play no part (raft.md 5.1).
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from ledgerd.errors import ConfigError
from ledgerd.limits import PEER_MESSAGE_BYTES_MAX
from ledgerd.observability import logs
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.security.tls import ChannelTls
from ledgerd.transport.codec import pack
from ledgerd.transport.greeting import GreetingRefused, Greetings, Refusal
from ledgerd.transport.options import TransportOptions
from ledgerd.transport.outbound import PeerQueue
from ledgerd.transport.probe import is_refused
from ledgerd.transport.service import EXCHANGE, REFUSAL_KEY, clock_us
from ledgerd.transport.v1 import peer_pb2 as pb

# What waits together travels together, up to here; one larger message travels alone.
_FRAME_BYTES_MAX: Final = 1024 * 1024
_SILENCE_CHECKS: Final = 8  # per silence limit
# What the peer says of this node for good.
_EXPELLED: Final = {
    refusal.value: refusal
    for refusal in (
        Refusal.STORE_CHANGED,
        Refusal.STORE_ROLLED_BACK,
        Refusal.REMOVED,
    )
}
_MS: Final = 1000

Call: TypeAlias = grpc.aio.StreamStreamCall[bytes, bytes]
log = logs.get(__name__)


class StreamLost(Exception):
    """The stream to a peer ended or fell silent."""


class PeerLink:
    """Keeps a stream to one peer, and sends on it what its queue holds."""

    def __init__(
        self,
        node_id: NodeId,
        options: TransportOptions,
        *,
        address: str,
        queue: PeerQueue,
        greetings: Greetings,
        channel_tls: ChannelTls,
        metrics: Metrics,
        on_clock: Callable[[NodeId, int], None],
        on_greeted: Callable[[PeerGreeted], None],
        on_lost: Callable[[NodeId], None],
        on_expelled: Callable[[Refusal, str], None],
        on_refused: Callable[[NodeId], None],
    ) -> None:
        self._node_id = node_id
        self._address = address
        self._on_expelled = on_expelled
        self._options = options
        self._queue = queue
        self._greetings = greetings
        self._channel_tls = channel_tls
        self._on_clock = on_clock
        self._on_greeted = on_greeted
        self._on_lost = on_lost
        self._on_refused = on_refused
        self._was_connected = False
        label = str(node_id)
        self._connected = metrics.peer_connected.labels(peer=label)
        self._sent_bytes = metrics.peer_sent_bytes.labels(label)
        # Looked at when they are asked for, which is rarer than a message.
        metrics.peer_queue_messages.labels(peer=label).set_function(queue.__len__)
        metrics.peer_queue_bytes.labels(peer=label).set_function(
            lambda: queue.size_bytes
        )
        self._refused = metrics.calls_refused
        self._is_connected = False
        self._heard_at = 0.0
        self._last_trouble = ""

    @property
    def address(self) -> str:
        """Where the peer is dialled."""
        return self._address

    @property
    def is_connected(self) -> bool:
        """Whether both ends have greeted and the stream stands."""
        return self._is_connected

    async def run(self) -> None:
        """Keep a stream to the peer until cancelled."""
        backoff_s = self._options.reconnect_s_min
        while True:
            self._was_connected = False
            try:
                await self._session()
            except asyncio.CancelledError:
                if _is_cancelling():
                    raise
                # grpc.aio raises this too for a call that it cancelled by itself; a link survives.
                self._report("peer_lost", "CANCELLED: gRPC gave up the call")
                backoff_s = self._options.reconnect_s_min
            except StreamLost as lost:
                self._report("peer_lost", str(lost))
                backoff_s = self._options.reconnect_s_min
            except GreetingRefused as refused:
                self._refused.labels(reason=refused.refusal.value).inc()
                self._report("peer_refused", str(refused))
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                    self._refused.labels(reason=Refusal.BY_PEER.value).inc()
                    self._report("refused_by_peer", _text_of(error))
                    self._expelled(error)
                else:
                    self._report("peer_unreachable", _text_of(error))
            except TimeoutError:
                self._report(
                    "peer_unreachable",
                    f"no greeting within {self._options.connect_limit_s} s",
                )
            except (DecodeError, ConfigError, asyncio.InvalidStateError) as error:
                self._report("peer_unreachable", f"{type(error).__name__}: {error}")
            if self._was_connected and await is_refused(self._address):  # F4
                self._on_refused(self._node_id)
            # Jitter, so that peers that lost each other do not dial in step for ever.
            await asyncio.sleep(backoff_s * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
            backoff_s = min(2 * backoff_s, self._options.reconnect_s_max)

    async def _session(self) -> None:
        """Open one stream and use it to its end. Always raises."""
        options = self._options
        channel = self._channel_tls.open(
            self._address,
            node_id=self._node_id,
            options=channel_options(options),
        )
        try:
            call: Call = channel.stream_stream(EXCHANGE)()
            async with asyncio.timeout(options.connect_limit_s):
                greeted = await self._greet(call)
            await self._exchange(call, greeted)
        finally:
            await channel.close()

    async def _greet(self, call: Call) -> PeerGreeted:
        """Return what the peer said, once both greeted. Errors: GreetingRefused, AioRpcError."""
        await call.write(self._greetings.hello(self._node_id, clock_us=clock_us()))
        data = await call.read()
        if not isinstance(data, bytes):
            raise StreamLost(f"{await call.code()}: {await call.details()}")
        frame = pb.Frame.FromString(data)
        greeted = self._greetings.check(frame, expected=self._node_id, identity=None)
        self._heard(frame)
        return greeted

    async def _exchange(self, call: Call, greeted: PeerGreeted) -> None:
        """Send and listen until one of both fails or the peer falls silent. Always raises."""
        self._is_connected = self._was_connected = True
        self._connected.set(1)
        self._on_greeted(greeted)
        self._queue.open(protocol=greeted.protocol)
        self._last_trouble = ""
        log.info("peer_connected", peer=self._node_id, protocol=greeted.protocol)
        tasks = [
            asyncio.create_task(self._send(call)),
            asyncio.create_task(self._listen(call)),
            asyncio.create_task(self._watch()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task  # raises what ended it
        except grpc.aio.AioRpcError as error:
            raise StreamLost(_text_of(error)) from error
        except asyncio.InvalidStateError as error:
            raise StreamLost(str(error)) from error
        finally:
            self._is_connected = False
            self._connected.set(0)
            self._queue.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._on_lost(self._node_id)

    async def _send(self, call: Call) -> None:
        """Send what the queue holds, for ever. While one frame is written the next gathers."""
        queue = self._queue
        while True:
            await queue.wait()
            messages = queue.take(bytes_max=_FRAME_BYTES_MAX)
            if messages:
                data = pack(messages, clock_us=clock_us()).SerializeToString()
                self._sent_bytes.inc(len(data))
                await call.write(data)

    async def _listen(self, call: Call) -> None:
        """Take note of each sign of life; raises at the end of the stream."""
        while isinstance(data := await call.read(), bytes):
            self._heard(pb.Frame.FromString(data))
        raise StreamLost(f"{await call.code()}: {await call.details()}")

    async def _watch(self) -> None:
        """Raise once the peer was silent for the limit, as far as this loop was awake to hear it.

        A check that comes late counts as one that came in time: what this process slept through
        says nothing about the peer (as T83).
        """
        period_s = self._options.silence_s / _SILENCE_CHECKS
        heard_at, silent_checks = self._heard_at, 0
        while silent_checks < _SILENCE_CHECKS:
            await asyncio.sleep(period_s)
            if self._heard_at != heard_at:
                heard_at, silent_checks = self._heard_at, 0
            else:
                silent_checks += 1
        raise StreamLost(f"silent for {self._options.silence_s} s")

    def _heard(self, frame: pb.Frame) -> None:
        self._heard_at = time.monotonic()
        self._on_clock(self._node_id, frame.clock_us)

    def _expelled(self, error: grpc.aio.AioRpcError) -> None:
        """Pass on a refusal that no other attempt will change."""
        for key, value in error.trailing_metadata() or ():
            if key == REFUSAL_KEY and value in _EXPELLED:
                self._on_expelled(_EXPELLED[str(value)], error.details() or "")

    def _report(self, event: str, why: str) -> None:
        """Log a trouble once, not once an attempt."""
        if why != self._last_trouble:
            self._last_trouble = why
            log.warning(event, peer=self._node_id, address=self._address, why=why)


def channel_options(options: TransportOptions) -> list[tuple[str, int | str]]:
    """Return the settings of a channel to a peer: never gRPC's defaults where they matter."""
    reconnect_ms_min = int(options.reconnect_s_min * _MS)
    reconnect_ms_max = int(options.reconnect_s_max * _MS)
    return [
        ("grpc.use_local_subchannel_pool", 1),  # a new channel is a new connection
        ("grpc.initial_reconnect_backoff_ms", reconnect_ms_min),
        ("grpc.max_reconnect_backoff_ms", reconnect_ms_max),
        ("grpc.min_reconnect_backoff_ms", int(options.connect_limit_s * _MS)),
        ("grpc.enable_retries", 0),
        (
            "grpc.keepalive_time_ms",
            10_000,
        ),  # last resort; Alive is the real sign of life
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_send_message_length", PEER_MESSAGE_BYTES_MAX),
        ("grpc.max_receive_message_length", PEER_MESSAGE_BYTES_MAX),
        (
            "grpc.enable_http_proxy",
            0,
        ),  # an environment variable must not reroute consensus
    ]


def _is_cancelling() -> bool:
    """Whether somebody asked the running task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _text_of(error: grpc.aio.AioRpcError) -> str:
    return f"{error.code().name}: {error.details() or 'no details'}"
