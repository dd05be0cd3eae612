"""The bytes of a snapshot on their way: fetched by who needs them, at the giver's pace (F29).

The receiver asks, from the last good chunk on, as often as it takes; the giver keeps no state
between two calls. Each side has a connection of its own for this, its files are read and written
beside the loop, and after each chunk the giver waits as its pace says: nothing of consensus waits.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from google_crc32c import value as crc32c

from ledgerd.errors import ConfigError
from ledgerd.observability import logs
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import NodeId
from ledgerd.replica.pace import Pace
from ledgerd.security.identity import Identity
from ledgerd.security.tls import ChannelTls
from ledgerd.transport.greeting import GreetingRefused, Greetings
from ledgerd.transport.options import FailStop, TransportOptions
from ledgerd.transport.peers import channel_options
from ledgerd.transport.service import SERVICE, Context, clock_us
from ledgerd.transport.v1 import peer_pb2 as pb

SNAPSHOT: Final = f"/{SERVICE}/Snapshot"
SILENCE_S: Final = 10.0  # without a chunk, a stream is given up and begun again

Call: TypeAlias = grpc.aio.UnaryStreamCall[bytes, bytes]
log = logs.get(__name__)


class OpenSnapshot(Protocol):
    """The bytes of one copy, open for reading."""

    @property
    def header(self) -> bytes:
        """What they are, as formats/snapshots lays it out."""
        ...

    @property
    def size_bytes(self) -> int:
        """How many there are."""
        ...

    @property
    def chunk_bytes(self) -> int:
        """How many travel in one part."""
        ...

    @property
    def doublings(self) -> int:
        """How often the pace is doubled, for copies before it came too late."""
        ...

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from `offset` on; may wait for the disk. Raises OSError."""
        ...

    def close(self) -> None:
        """Be done with them."""
        ...


class SnapshotSource(Protocol):
    """The copies that this node can give. Any thread."""

    def open(self, sha256: bytes) -> OpenSnapshot | None:
        """Open the copy with this checksum; None if it is no longer there."""
        ...

    def came_damaged(self, sha256: bytes) -> None:
        """A peer got the whole of it and found it damaged; look at it, which takes a while."""
        ...


class NoSource:
    """A node that has no copies to give."""

    def open(self, sha256: bytes) -> OpenSnapshot | None:
        """Return None."""
        return None

    def came_damaged(self, sha256: bytes) -> None:
        """Do nothing."""


class SnapshotService:
    """Serves `Peer.Snapshot`."""

    def __init__(
        self,
        options: TransportOptions,
        *,
        greetings: Greetings,
        identity: Callable[[Context], Identity | None],
        source: SnapshotSource,
        metrics: Metrics,
        on_sent: Callable[[NodeId, bool], None],
        fail_stop: FailStop,
    ) -> None:
        self._greetings = greetings
        self._identity = identity
        self._source = source
        self._metrics = metrics
        self._on_sent = on_sent
        self._fail_stop = fail_stop
        self._pace = Pace(options.snapshot_bytes_per_s, time.monotonic)

    async def snapshot(self, data: bytes, context: Context) -> None:
        """Serve one call to its end."""
        try:
            request = pb.SnapshotRequest.FromString(data)
            greeted = self._greetings.check(
                pb.Frame(hello=request.hello),
                expected=None,
                identity=self._identity(context),
            )
            await self._serve(greeted.node_id, request, context)
        except GreetingRefused as refused:
            self._metrics.calls_refused.labels(reason=refused.refusal.value).inc()
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(refused))
        except DecodeError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except OSError as error:
            log.error("snapshot_unreadable", why=str(error))
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except AssertionError as error:
            self._fail_stop(error, where="snapshot stream")
            await context.abort(grpc.StatusCode.UNAVAILABLE, "this node stops")

    async def _serve(
        self, peer: NodeId, request: pb.SnapshotRequest, context: Context
    ) -> None:
        if request.is_damaged:
            log.warning("snapshot_came_damaged", peer=peer, sha256=request.sha256.hex())
            await asyncio.to_thread(self._source.came_damaged, request.sha256)
            return
        opened = await asyncio.to_thread(self._source.open, request.sha256)
        if opened is None:
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"snapshot {request.sha256.hex()} is no longer here; the leader offers another",
            )
        log.info("snapshot_send_begun", peer=peer, offset=request.offset)
        is_sent = False
        try:
            await self._send(opened, request.offset, context)
            is_sent = True
        finally:
            opened.close()
            self._on_sent(peer, is_sent)
            log.info("snapshot_send_ended", peer=peer, whole=is_sent)

    async def _send(self, opened: OpenSnapshot, offset: int, context: Context) -> None:
        await context.write(pb.SnapshotPart(header=opened.header).SerializeToString())
        while offset < opened.size_bytes:
            data = await asyncio.to_thread(opened.read, offset, opened.chunk_bytes)
            if not data:
                raise OSError(f"the copy ends at {offset} of {opened.size_bytes} bytes")
            part = pb.SnapshotPart(offset=offset, data=data, crc32c=crc32c(data))
            await context.write(part.SerializeToString())
            self._metrics.snapshot_sent_bytes.inc(len(data))
            offset += len(data)
            await asyncio.sleep(self._pace.wait_s(len(data) >> opened.doublings))


@dataclass(frozen=True, slots=True)
class Part:
    """What came in one piece: the header alone, or a chunk and its checksum."""

    header: bytes
    offset: int
    data: bytes
    crc: int


class SnapshotStreamBroken(Exception):
    """A call for a snapshot failed or fell silent; what came before is good. Ask again."""


class SnapshotClient:
    """Asks peers for the bytes of their snapshots. Belongs to the loop."""

    def __init__(
        self,
        options: TransportOptions,
        *,
        address_of: Callable[[NodeId], str],
        greetings: Greetings,
        channel_tls: ChannelTls,
        metrics: Metrics,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._options = options
        self._address_of = address_of
        self._greetings = greetings
        self._channel_tls = channel_tls
        self._metrics = metrics
        self._silence_s = silence_s

    async def fetch(
        self, peer: NodeId, sha256: bytes, offset: int
    ) -> AsyncGenerator[Part]:
        """Yield the header, then the chunks from `offset` on, until the giver ends.

        Errors: SnapshotStreamBroken, also when nothing came for too long (T76).
        """
        request = pb.SnapshotRequest(
            hello=self._hello(peer), sha256=sha256, offset=offset
        )
        async with self._called(peer, request) as call:
            while (data := await self._read(call)) is not None:
                part = pb.SnapshotPart.FromString(data)
                self._metrics.snapshot_received_bytes.inc(len(part.data))
                yield Part(part.header, part.offset, part.data, part.crc32c)

    async def tell_damaged(self, peer: NodeId, sha256: bytes) -> None:
        """Tell the giver that its bytes came whole and are damaged (T90). Errors: as `fetch`."""
        request = pb.SnapshotRequest(
            hello=self._hello(peer), sha256=sha256, is_damaged=True
        )
        async with self._called(peer, request) as call:
            await self._read(call)

    @asynccontextmanager
    async def _called(
        self, peer: NodeId, request: pb.SnapshotRequest
    ) -> AsyncIterator[Call]:
        """Call the peer on a connection of its own, and turn what fails into one error."""
        channel: grpc.aio.Channel | None = None
        try:
            channel = self._open(peer)
            method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
            method = channel.unary_stream(SNAPSHOT)
            yield method(request.SerializeToString())
        except grpc.aio.AioRpcError as error:
            text = f"{error.code().name}: {error.details() or 'no details'}"
            raise SnapshotStreamBroken(text) from error
        except TimeoutError as error:
            raise SnapshotStreamBroken(f"silent for {self._silence_s} s") from error
        except (DecodeError, ConfigError, KeyError) as error:
            raise SnapshotStreamBroken(f"{type(error).__name__}: {error}") from error
        finally:
            if channel is not None:
                await channel.close()

    async def _read(self, call: Call) -> bytes | None:
        """Return the next part, None at the end."""
        async with asyncio.timeout(self._silence_s):
            data = await call.read()
        return data if isinstance(data, bytes) else None

    def _hello(self, peer: NodeId) -> pb.Hello:
        raw = self._greetings.hello(peer, clock_us=clock_us())
        return pb.Frame.FromString(raw).hello

    def _open(self, peer: NodeId) -> grpc.aio.Channel:
        return self._channel_tls.open(
            self._address_of(peer),
            node_id=peer,
            options=channel_options(self._options),
        )
