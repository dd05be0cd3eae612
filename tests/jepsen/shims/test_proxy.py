"""The proxy passes bytes, stalls what is blocked, and loses nothing at the heal."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from jepsen.journal import Journal, leftovers
from jepsen.shims.links import Links as ProxyProcess
from jepsen.shims.proxy import Links

Story = Callable[[Links, int], Awaitable[None]]
SILENCE_S = 0.15  # long enough for bytes that flow to have come


class Echo(asyncio.Protocol):
    """Returns what comes in capitals, until it ends."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data.upper())


async def listen() -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Links, int]]:
    """Yield the links and the port of link (1, 2), which leads to an echo."""
    server = await listen()
    links = Links()
    try:
        target = server.sockets[0].getsockname()[1]
        yield links, await links.listen((1, 2), "127.0.0.1", target)
    finally:
        await links.close()
        server.close()


def play(story: Story) -> None:
    """Run a story with a proxied echo, within ten seconds."""

    async def run() -> None:
        async with asyncio.timeout(10), proxied() as (links, port):
            await story(links, port)

    asyncio.run(run())


async def hears(reader: asyncio.StreamReader) -> bool:
    """Whether anything comes within a short while."""
    try:
        await asyncio.wait_for(reader.readexactly(1), SILENCE_S)
    except TimeoutError:
        return False
    return True


def test_bytes_pass_both_ways_and_the_end_too() -> None:
    """A link that nobody touched is a plain connection."""

    async def story(links: Links, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"a" * 3_000_000)
        writer.write_eof()
        assert await reader.read(-1) == b"A" * 3_000_000
        writer.close()

    play(story)


def test_a_blocked_request_stalls_and_arrives_after_the_heal() -> None:
    """Nothing is reset and nothing is lost; it is only late."""

    async def story(links: Links, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        links.switch.block([(1, 2)])
        writer.write(b"ab")
        assert not await hears(reader)
        links.switch.block([])
        assert await reader.readexactly(2) == b"AB"
        writer.close()

    play(story)


def test_one_direction_is_blocked_without_the_other() -> None:
    """The answer stalls while requests still arrive: (2, 1) is not (1, 2)."""

    async def story(links: Links, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"a")
        assert await reader.readexactly(1) == b"A"
        links.switch.block([(2, 1)])
        writer.write(b"b")
        assert not await hears(reader)
        links.switch.block([(1, 2)])  # the echo has it: only the answer was held
        assert await reader.readexactly(1) == b"B"
        writer.close()

    play(story)


def test_a_connection_made_while_blocked_stalls_too() -> None:
    """A cut looks the same to old and to new connections."""

    async def story(links: Links, port: int) -> None:
        links.switch.block([(1, 2), (2, 1)])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"a")
        assert not await hears(reader)
        links.switch.block([])
        assert await reader.readexactly(1) == b"A"
        writer.close()

    play(story)


def test_a_delay_holds_bytes_back_in_order() -> None:
    """What was sent first comes first, later."""

    async def story(links: Links, port: int) -> None:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        links.switch.delay({(1, 2): 80})
        began = loop.time()
        for part in (b"a", b"b", b"c"):
            writer.write(part)
            await writer.drain()
        assert await reader.readexactly(3) == b"ABC"
        assert loop.time() - began >= 0.08
        links.switch.delay({})
        writer.write(b"d")
        assert await reader.readexactly(1) == b"D"
        writer.close()

    play(story)


def test_a_reset_ends_the_connections_of_a_link() -> None:
    """Existing connections end at once; new ones are made."""

    async def story(links: Links, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"a")
        assert await reader.readexactly(1) == b"A"
        links.switch.reset([(1, 2)])
        try:
            rest = await reader.read(-1)
        except ConnectionError:
            rest = b""
        assert rest == b""
        writer.close()
        again, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"b")
        assert await again.readexactly(1) == b"B"
        writer.close()

    play(story)


def test_the_end_of_a_stream_whose_reader_was_reset_ends_nothing_else() -> None:
    """A half that may not read learns of the reset when it hands on the end."""

    async def story(links: Links, port: int) -> None:
        peers: list[asyncio.StreamWriter] = []
        answered = asyncio.Event()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"a")
            peers.append(writer)
            answered.set()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        target = server.sockets[0].getsockname()[1]
        through = await links.listen((1, 3), "127.0.0.1", target)
        reader, writer = await asyncio.open_connection("127.0.0.1", through)
        assert await reader.readexactly(1) == b"a"
        await answered.wait()

        links.switch.delay({(1, 3): 50})
        writer.write_eof()
        while not any(pipe.holds for pipe in links.switch.pipes):  # noqa: ASYNC110 - none tells
            await asyncio.sleep(0)
        links.switch.block([(1, 3), (3, 1)])
        lingers_never = struct.pack("ii", 1, 0)
        sock = peers[0].get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingers_never)
        peers[0].transport.abort()
        assert not await hears(reader)  # the delay is over meanwhile
        links.switch.block([(3, 1)])

        other, writer_of_other = await asyncio.open_connection("127.0.0.1", port)
        writer_of_other.write(b"b")
        assert await other.readexactly(1) == b"B"
        writer.close()
        writer_of_other.close()
        server.close()

    play(story)


def test_nobody_at_the_target_ends_the_connection() -> None:
    """A node that is down looks down through its proxy."""

    async def story(links: Links, port: int) -> None:
        dead = await links.listen((1, 3), "127.0.0.1", 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", dead)
        try:
            rest = await reader.read(-1)
        except ConnectionError:
            rest = b""
        assert rest == b""
        writer.close()

    play(story)


def test_the_process_obeys_and_ends_with_its_parent(tmp_path: Path) -> None:
    """The rig's own proxy process is journalled, and gone when it is stopped."""

    async def story() -> None:
        journal = tmp_path / "made.jsonl"
        server = await listen()
        target = server.sockets[0].getsockname()[1]
        process = ProxyProcess(Journal(journal))
        await process.start()
        ports = await process.listen({(1, 2): target})
        assert [name for name, _ in leftovers(journal)] == ["proxy"]
        reader, writer = await asyncio.open_connection("127.0.0.1", ports[1, 2])
        await process.block([(1, 2)])
        writer.write(b"a")
        assert not await hears(reader)
        await process.block([])
        assert await reader.readexactly(1) == b"A"
        writer.close()
        await process.stop()
        assert leftovers(journal) == []
        server.close()

    asyncio.run(asyncio.wait_for(story(), 20))
