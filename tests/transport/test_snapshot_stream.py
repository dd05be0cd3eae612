"""The bytes of a snapshot between two nodes, on a call of their own. F29, T76, T90."""

import asyncio
import time
from dataclasses import dataclass, field

import pytest
from google_crc32c import value as crc32c

from ledgerd.raft.entries import NodeId
from ledgerd.transport.snapshot_stream import Part, SnapshotStreamBroken
from tests.transport.conftest import CLUSTER, Certificates, Station, options_of, station

CONTENT = bytes(range(256)) * 1000
SHA256 = bytes(31) + b"\x01"
CHUNK = 10_000


@dataclass
class Shelf:
    """Copies in memory. fails_at: the read from this offset on fails, once."""

    content: bytes = CONTENT
    fails_at: int | None = None
    damaged: list[bytes] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)
    header: bytes = b"header"
    chunk_bytes: int = CHUNK
    doublings: int = 0
    is_closed: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def open(self, sha256: bytes) -> "Shelf | None":
        return self if sha256 == SHA256 else None

    def came_damaged(self, sha256: bytes) -> None:
        self.damaged.append(sha256)

    def read(self, offset: int, size_bytes: int) -> bytes:
        if offset == self.fails_at:
            self.fails_at = None
            raise OSError(5, "Input/output error")
        self.reads.append(offset)
        return self.content[offset : offset + size_bytes]

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Pair:
    giver: Station
    taker: Station
    sent: list[tuple[NodeId, bool]]

    async def fetch_until_broken(self) -> list[Part]:
        client, got = self.taker.transport.snapshot_client, []
        try:
            async for part in client.fetch(NodeId(1), SHA256, 0):
                got.append(part)  # noqa: PERF401 - kept when the stream breaks
        except SnapshotStreamBroken:
            return got
        raise AssertionError("it did not break")

    async def fetch(self, offset: int = 0, sha256: bytes = SHA256) -> list[Part]:
        client = self.taker.transport.snapshot_client
        return [part async for part in client.fetch(NodeId(1), sha256, offset)]


async def pair(certificates: Certificates, shelf: Shelf, **options: object) -> Pair:
    """Return a giver and a taker whose transports stand."""
    sent: list[tuple[NodeId, bool]] = []
    giver = station(
        options_of(1, {2: "127.0.0.1:1"}, **options),
        certificates.node(1),
        snapshots=shelf,
        on_snapshot_sent=lambda peer, is_whole: sent.append((peer, is_whole)),
    )
    await giver.transport.start()
    taker = station(options_of(2, {1: giver.address}), certificates.node(2))
    return Pair(giver, taker, sent)


async def stop(both: Pair) -> None:
    await both.giver.transport.stop(0.1)


def test_what_is_fetched_is_what_was_given(certificates: Certificates) -> None:
    """F29: the header first, then every byte in order, each chunk with its checksum."""

    async def run() -> None:
        shelf = Shelf()
        both = await pair(certificates, shelf)
        try:
            header, *chunks = await both.fetch()
        finally:
            await stop(both)

        assert header.header == b"header"
        assert b"".join(part.data for part in chunks) == CONTENT
        assert [part.offset for part in chunks] == list(range(0, len(CONTENT), CHUNK))
        assert all(part.crc == crc32c(part.data) for part in chunks)
        assert both.sent == [(NodeId(2), True)]
        assert shelf.is_closed

    asyncio.run(run())


def test_a_broken_stream_goes_on_from_the_last_good_chunk(
    certificates: Certificates,
) -> None:
    """F29: what came is not asked for again."""

    async def run() -> None:
        shelf = Shelf(fails_at=3 * CHUNK)
        both = await pair(certificates, shelf)
        try:
            got = await both.fetch_until_broken()
            _, *rest = await both.fetch(3 * CHUNK)
        finally:
            await stop(both)

        whole = b"".join(part.data for part in (*got, *rest))
        assert whole == CONTENT
        assert both.sent == [(NodeId(2), False), (NodeId(2), True)]

    asyncio.run(run())


def test_the_pace_is_kept(certificates: Certificates) -> None:
    """F29: so many bytes a second, whatever the link allows."""

    async def run() -> None:
        both = await pair(certificates, Shelf(), snapshot_bytes_per_s=512_000)
        began = time.monotonic()
        try:
            await both.fetch()
        finally:
            await stop(both)

        # One second's worth may go at once; the content is half a second's.
        assert time.monotonic() - began >= 0.45

    asyncio.run(run())


def test_a_snapshot_that_is_gone_is_said_to_be(certificates: Certificates) -> None:
    """T95: the leader will offer another."""

    async def run() -> None:
        both = await pair(certificates, Shelf())
        try:
            with pytest.raises(SnapshotStreamBroken, match="NOT_FOUND"):
                await both.fetch(sha256=bytes(32))
        finally:
            await stop(both)

        assert both.sent == []

    asyncio.run(run())


def test_a_damaged_snapshot_is_told_to_its_giver(certificates: Certificates) -> None:
    """T90."""

    async def run() -> None:
        shelf = Shelf()
        both = await pair(certificates, shelf)
        try:
            client = both.taker.transport.snapshot_client
            await client.tell_damaged(NodeId(1), SHA256)
        finally:
            await stop(both)

        assert shelf.damaged == [SHA256]
        assert shelf.reads == []

    asyncio.run(run())


def test_a_stranger_gets_nothing(certificates: Certificates) -> None:
    """T69: the greeting is checked as on every stream between nodes."""

    async def run() -> None:
        shelf = Shelf()
        both = await pair(certificates, shelf)
        stranger = station(
            options_of(3, {1: both.giver.address}, cluster_id="another"),
            certificates.node(3),
            tls_cluster_id=CLUSTER,
        )
        asking = Pair(both.giver, stranger, [])
        try:
            with pytest.raises(SnapshotStreamBroken, match="FAILED_PRECONDITION"):
                await asking.fetch()
        finally:
            await stop(both)

        assert shelf.reads == []
        assert both.giver.refused("peer_foreign_cluster") == 1

    asyncio.run(run())


def test_nobody_there_is_a_broken_stream(certificates: Certificates) -> None:
    async def run() -> None:
        taker = station(options_of(2, {1: "127.0.0.1:1"}), certificates.node(2))
        with pytest.raises(SnapshotStreamBroken):
            await Pair(taker, taker, []).fetch()

    asyncio.run(run())
