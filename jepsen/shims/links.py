"""The rig's end of the proxy process: listeners for links, and the faults on them."""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from jepsen.journal import Journal

Direction: TypeAlias = tuple[int, int]
ANSWER_S_MAX = 10.0


class Links:
    """Owns one proxy process. Every call returns after the proxy has obeyed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Start the process; it ends with its stdin, so never later than the rig."""
        command = [sys.executable, "-m", "jepsen.shims.proxy"]
        self._journal.will_start("proxy", command)
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._journal.started("proxy", self._process.pid)

    def pids(self) -> list[int]:
        """The pid of the process, while it runs."""
        return [] if self._process is None else [self._process.pid]

    async def listen(self, links: Mapping[Direction, int]) -> dict[Direction, int]:
        """Listen for each link (i, j) to loopback port j; return our port of each."""
        answer = await self._order(
            {"links": [[i, j, "127.0.0.1", port] for (i, j), port in links.items()]}
        )
        ports = answer["ports"]
        assert isinstance(ports, list), ports
        return {(i, j): port for i, j, port in ports}

    async def block(self, directions: Iterable[Direction]) -> None:
        """Stall exactly these directions; an empty set heals all."""
        await self._order({"block": [list(each) for each in directions]})

    async def delay(self, delays_ms: Mapping[Direction, int]) -> None:
        """Hold back bytes of exactly these directions; an empty map heals all."""
        await self._order(
            {"delay_ms": [[i, j, ms] for (i, j), ms in delays_ms.items()]}
        )

    async def reset(self, links: Iterable[Direction]) -> None:
        """End the connections of these links at once."""
        await self._order({"reset": [list(each) for each in links]})

    async def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()
        self._journal.ended("proxy", process.pid)

    async def _order(self, order: Mapping[str, object]) -> dict[str, object]:
        process = self._process
        assert process is not None, "the proxy is not running"
        assert process.stdin is not None
        assert process.stdout is not None
        async with self._turn:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), ANSWER_S_MAX)
        if not line:
            raise RuntimeError("the proxy process ended; see its error output")
        answer = json.loads(line)
        assert isinstance(answer, dict), answer
        return answer
