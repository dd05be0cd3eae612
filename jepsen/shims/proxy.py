"""A TCP proxy for every directed link: `python -m jepsen.shims.proxy`, one process for all.

A link (i, j) is a listener that node i dials to reach node j. Faults are set on
*directions* of bytes, not on connections: what flows from i to j, over the connection that
i dialled and over the one that j dialled, stops when direction (i, j) is blocked. Blocked
bytes stall; nothing is reset, so a cut looks like a silent network. After the heal they
flow on, in order.

The parent speaks lines of JSON on stdin and gets one line on stdout for each:

    {"links": [[1, 2, "127.0.0.1", 7002], ...]}   listen; answers {"ports": [[1, 2, p], ...]}
    {"block": [[1, 2], ...]}                      replaces the set of blocked directions
    {"delay_ms": [[1, 2, 50], ...]}               replaces the delays
    {"reset": [[1, 2], ...]}                      ends the connections of these links

The end of stdin ends the process, so it never outlives the rig. It runs apart from the
clients, so their work delays no heartbeat.
"""

import asyncio
import contextlib
import json
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Direction: TypeAlias = tuple[int, int]
HIGH_BYTES = 1 << 20  # of a delayed direction before its source is paused


class Switch:
    """Which directions are blocked or delayed, and the pipes that must obey."""

    def __init__(self) -> None:
        self._blocked: set[Direction] = set()
        self._delay_s: dict[Direction, float] = {}
        self.pipes: set[Pipe] = set()

    def is_blocked(self, direction: Direction) -> bool:
        """Whether bytes in this direction must stall now."""
        return direction in self._blocked

    def delay_s(self, direction: Direction) -> float:
        """Seconds that bytes in this direction are held back."""
        return self._delay_s.get(direction, 0.0)

    def block(self, directions: Sequence[Direction]) -> None:
        """Stall exactly these directions from now on, and let the others flow."""
        self._blocked = set(directions)
        for pipe in list(self.pipes):
            pipe.refresh()

    def delay(self, delays_ms: Mapping[Direction, int]) -> None:
        """Hold back bytes of exactly these directions from now on."""
        self._delay_s = {each: ms / 1000 for each, ms in delays_ms.items()}

    def reset(self, links: Sequence[Direction]) -> None:
        """End all connections of these links at once."""
        for pipe in list(self.pipes):
            if pipe.link in links:
                pipe.abort()


class Pipe(asyncio.Protocol):
    """One half of a proxied connection: what it reads, its twin writes.

    Invariant: while its direction is blocked it neither reads nor hands on what it holds,
    and the end of the stream stalls behind the bytes like everything else.
    """

    def __init__(self, switch: Switch, link: Direction, direction: Direction) -> None:
        self._switch = switch
        self.link = link
        self.direction = direction  # of the bytes that this half reads
        self.twin: Pipe | None = None
        self._transport: asyncio.Transport | None = None
        self._held: deque[tuple[float, bytes]] = (
            deque()
        )  # due time, bytes; b"" is the end
        self._held_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_reading = True
        self._twin_is_full = False
        self._is_ended = False

    @property
    def holds(self) -> bool:
        """Whether bytes, or the end, wait to be handed on."""
        return bool(self._held)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the switch; the state of the direction holds from the first byte on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._switch.pipes.add(self)
        self.refresh()

    def data_received(self, data: bytes) -> None:
        """Hand the bytes to the twin, now or when they may flow."""
        self._take(data)

    def eof_received(self) -> bool:
        """Hand on the end of the stream, behind the bytes before it."""
        self._take(b"")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the switch; an abrupt end is silent while the direction is blocked."""
        self._switch.pipes.discard(self)
        self._is_ended = True
        if not self._switch.is_blocked(self.direction):
            self._flush(everything=True)
        if self.twin is not None and not self._held:
            self.twin.close()

    def pause_writing(self) -> None:
        """Let the twin stop reading: our peer is slower than its."""
        if self.twin is not None:
            self.twin.set_twin_full(full=True)

    def resume_writing(self) -> None:
        """Let the twin read again."""
        if self.twin is not None:
            self.twin.set_twin_full(full=False)

    def set_twin_full(self, *, full: bool) -> None:
        """Note whether the twin takes more, and read accordingly."""
        self._twin_is_full = full
        self.refresh()

    def refresh(self) -> None:
        """Obey the switch: read and hand on, or stall."""
        blocked = self._switch.is_blocked(self.direction)
        if not blocked:
            self._flush()
        wanted = not (blocked or self._twin_is_full or self._held_bytes > HIGH_BYTES)
        transport = self._transport
        if transport is None or transport.is_closing() or wanted == self._is_reading:
            return
        self._is_reading = wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def write(self, data: bytes) -> None:
        """Write to this half's peer."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def end(self) -> None:
        """Tell this half's peer that no more bytes come."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        try:
            transport.write_eof()
        except OSError:
            # The peer has reset the connection; a half that does not read is told only here.
            transport.abort()

    def close(self) -> None:
        """Close this half's connection after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End this half's connection at once; what is held is lost."""
        self._held.clear()
        if self._transport is not None:
            self._transport.abort()

    def _take(self, data: bytes) -> None:
        delay_s = self._switch.delay_s(self.direction)
        if not delay_s and not self._held and not self._is_stalled():
            self._hand_on(data)
            return
        due = asyncio.get_running_loop().time() + delay_s
        self._held.append((due, data))
        self._held_bytes += len(data)
        self.refresh()

    def _is_stalled(self) -> bool:
        return self.twin is None or self._switch.is_blocked(self.direction)

    def _flush(self, *, everything: bool = False) -> None:
        """Hand on what is due, and come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._held and not self._is_stalled():
            due, data = self._held[0]
            if due > loop.time() and not everything:
                self._timer = loop.call_at(due, self.refresh)
                return
            self._held.popleft()
            self._held_bytes -= len(data)
            self._hand_on(data)
        if self._is_ended and not self._held and self.twin is not None:
            self.twin.close()

    def _hand_on(self, data: bytes) -> None:
        assert self.twin is not None
        if data:
            self.twin.write(data)
        else:
            self.twin.end()


class Links:
    """The listeners, and the connections made through them."""

    def __init__(self) -> None:
        self.switch = Switch()
        self._servers: list[asyncio.Server] = []
        self._dialling: set[asyncio.Task[None]] = set()

    async def listen(self, link: Direction, host: str, port: int) -> int:
        """Accept what is dialled for `link` and pass it to host:port; return our port."""
        assert host == "127.0.0.1", f"expected the loopback address, found {host}"
        loop = asyncio.get_running_loop()

        def accept() -> Pipe:
            pipe = Pipe(self.switch, link, link)
            task = loop.create_task(self._dial(pipe, host, port))
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)
            return pipe

        server = await loop.create_server(accept, "127.0.0.1", 0)
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        return found

    async def _dial(self, near: Pipe, host: str, port: int) -> None:
        """Join an accepted connection to its target, or end it if there is none."""
        source, target = near.link
        far = Pipe(self.switch, near.link, (target, source))
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, host, port)
        except OSError:
            near.abort()
            return
        near.twin, far.twin = far, near
        near.refresh()
        far.refresh()

    async def close(self) -> None:
        """Close all listeners and connections."""
        for server in self._servers:
            server.close()
        for pipe in list(self.switch.pipes):
            pipe.abort()
        for task in list(self._dialling):
            task.cancel()


async def serve(reader: asyncio.StreamReader) -> None:
    """Obey the lines of the parent until it is gone."""
    links = Links()
    try:
        while line := await reader.readline():
            answer = await _obey(links, json.loads(line))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        await links.close()


async def _obey(links: Links, order: dict[str, list[list[int]]]) -> dict[str, object]:
    if "links" in order:
        ports = []
        for source, target, host, port in order["links"]:
            bound = await links.listen((source, target), str(host), port)
            ports.append([source, target, bound])
        return {"ports": ports}
    if "block" in order:
        links.switch.block([(each[0], each[1]) for each in order["block"]])
    if "delay_ms" in order:
        links.switch.delay({(a, b): ms for a, b, ms in order["delay_ms"]})
    if "reset" in order:
        links.switch.reset([(each[0], each[1]) for each in order["reset"]])
    return {"done": sorted(order)}


async def main() -> None:
    """Read orders from stdin until it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await serve(reader)


if __name__ == "__main__":
    # Ctrl-C is for the rig, which ends this process by closing its stdin.
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
