"""The side of a stream that is called: receives a peer's messages and says that this node lives."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from ledgerd.errors import CallError
from ledgerd.observability import logs
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.messages import Message
from ledgerd.security.identity import Identity, identity_of, refusal_label
from ledgerd.transport.codec import FrameError, unpack
from ledgerd.transport.greeting import GreetingRefused, Greetings, Refusal
from ledgerd.transport.options import FailStop, TransportOptions
from ledgerd.transport.v1 import peer_pb2 as pb

SERVICE: Final = "ledgerd.transport.v1.Peer"
EXCHANGE: Final = f"/{SERVICE}/Exchange"
REFUSAL_KEY: Final = "ledgerd-refusal"  # trailing metadata: the value of a `Refusal`

_REPORTED_MAX: Final = 16  # refusals that are not logged again

# Frames travel as bytes here: their size is counted, and a broken one is ours to refuse.
Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]
log = logs.get(__name__)


def clock_us() -> int:
    """Return this node's wall clock, for the other side's stamping of log time only (T80)."""
    return time.time_ns() // 1000


class PeerService:
    """Serves `Peer.Exchange`. One stream counts per peer: the one that greeted last."""

    def __init__(
        self,
        options: TransportOptions,
        *,
        greetings: Greetings,
        metrics: Metrics,
        on_message: Callable[[Message], object],
        on_clock: Callable[[NodeId, int], None],
        on_greeted: Callable[[PeerGreeted], None],
        fail_stop: FailStop,
    ) -> None:
        self._options = options
        self._greetings = greetings
        self._metrics = metrics
        self._on_message = on_message
        self._on_clock = on_clock
        self._on_greeted = on_greeted
        self._fail_stop = fail_stop
        self._current: dict[NodeId, object] = {}
        self._reported: deque[str] = deque(maxlen=_REPORTED_MAX)

    def handler(
        self, snapshot: Callable[[bytes, Context], Awaitable[None]]
    ) -> grpc.GenericRpcHandler:
        """Return what a gRPC server needs to serve this, with `Peer.Snapshot` beside it."""
        # The stubs type the synchronous form of a handler only; grpc.aio takes the coroutine.
        exchange = grpc.stream_stream_rpc_method_handler(self.exchange)  # type: ignore[var-annotated]
        fetch = grpc.unary_stream_rpc_method_handler(snapshot)  # type: ignore[var-annotated]
        return grpc.method_handlers_generic_handler(
            SERVICE, {"Exchange": exchange, "Snapshot": fetch}
        )

    def forget(self, node_id: NodeId) -> None:
        """Deliver nothing more of this node's stream, which ends with its next frame."""
        self._current.pop(node_id, None)

    async def exchange(self, _requests: object, context: Context) -> None:
        """Serve one stream until either end gives it up."""
        try:
            sender = await self._greeted(context)
            await self._serve(sender, context)
        except GreetingRefused as refused:
            self._metrics.calls_refused.labels(reason=refused.refusal.value).inc()
            self._report(refused)
            metadata = ((REFUSAL_KEY, refused.refusal.value),)
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION, str(refused), metadata
            )
        except (FrameError, DecodeError) as error:
            log.warning("peer_frame_refused", why=str(error))
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except AssertionError as error:
            self._fail_stop(error, where="peer stream")
            await context.abort(grpc.StatusCode.UNAVAILABLE, "this node stops")
        except Exception as error:
            log.error("peer_stream_failed", exc_info=error)
            await context.abort(grpc.StatusCode.INTERNAL, "an internal error, logged")

    async def _greeted(self, context: Context) -> NodeId:
        """Return who called, after both have greeted. Errors: GreetingRefused."""
        identity = self.identity(context)
        try:
            async with asyncio.timeout(self._options.connect_limit_s):
                frame = await _read(context)
        except TimeoutError:
            raise GreetingRefused(
                Refusal.NO_GREETING,
                f"expected a greeting within {self._options.connect_limit_s} s, found none",
            ) from None
        if frame is None:
            raise GreetingRefused(
                Refusal.NO_GREETING, "expected a greeting, found the end of the stream"
            )
        greeted = self._greetings.check(frame, expected=None, identity=identity)
        sender = greeted.node_id
        await context.write(self._greetings.hello(sender, clock_us=clock_us()))
        self._on_greeted(greeted)
        self._reported.clear()  # things have changed
        return sender

    def _report(self, refused: GreetingRefused) -> None:
        """Log a refusal once, not once an attempt: a node that was removed dials for ever."""
        why = str(refused)
        if why not in self._reported:
            self._reported.append(why)
            log.warning("peer_refused", reason=refused.refusal.value, why=why)

    def identity(self, context: Context) -> Identity | None:
        """Return who the certificate names; None without TLS. Errors: GreetingRefused."""
        if self._options.is_plaintext:
            return None
        auth_context: Mapping[str, list[bytes]] = {
            key: list(values) for key, values in context.auth_context().items()
        }
        try:
            return identity_of(
                auth_context, cluster_id=self._options.cluster_id, now_s=time.time()
            )
        except CallError as error:
            label = refusal_label(error.reason)
            if label is not None:
                self._metrics.tls_refusals.labels(reason=label).inc()
            raise GreetingRefused(Refusal.CERTIFICATE, error.message) from error

    async def _serve(self, sender: NodeId, context: Context) -> None:
        token = object()
        self._current[sender] = token
        log.info("peer_stream_opened", peer=sender)
        alive = asyncio.create_task(self._say_alive(sender, token, context))
        try:
            await self._receive(sender, token, context)
        finally:
            alive.cancel()
            if self._current.get(sender) is token:
                del self._current[sender]

    async def _receive(self, sender: NodeId, token: object, context: Context) -> None:
        """Deliver what comes, in order, until the stream ends or a newer one replaced it."""
        received_bytes = self._metrics.peer_received_bytes.labels(str(sender))
        me = self._options.node_id
        while (data := await _read_bytes(context)) is not None:
            if self._current.get(sender) is not token:
                # Late news of an older stream: order holds within one stream only (T75).
                return
            received_bytes.inc(len(data))
            frame = pb.Frame.FromString(data)
            self._on_clock(sender, frame.clock_us)
            for message in unpack(frame, sender=sender, to=me):
                self._on_message(message)

    async def _say_alive(self, sender: NodeId, token: object, context: Context) -> None:
        """Say every heartbeat that this node lives, as long as the stream is the current one."""
        while self._current.get(sender) is token:
            frame = pb.Frame(clock_us=clock_us(), alive=pb.Alive())
            try:
                await context.write(frame.SerializeToString())
            except (grpc.aio.BaseError, asyncio.InvalidStateError):
                return  # the stream ended; its reader is told too
            await asyncio.sleep(self._options.alive_interval_s)


async def _read_bytes(context: Context) -> bytes | None:
    """Return the next frame's bytes, None at the end of the stream."""
    try:
        data = await context.read()
    except grpc.aio.UsageError:
        raise
    except grpc.aio.BaseError:
        return None  # this node stops, and its server ended the stream under the reader
    return data if isinstance(data, bytes) else None


async def _read(context: Context) -> pb.Frame | None:
    """Return the next frame, None at the end. Errors: DecodeError."""
    data = await _read_bytes(context)
    return None if data is None else pb.Frame.FromString(data)
