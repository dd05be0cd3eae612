"""The clients of a run: half of them `library`, half of them `raw`.

A library client is the product's own: it follows the leader and retries with the same id;
all of them share one object, so concurrent submits travel together. A raw client makes
one attempt, at one node. Retries can both hide and cause bugs, hence both.
"""

import asyncio
from collections.abc import Callable, Mapping
from random import Random

from jepsen.history import FAIL, INFO, INVOKE, HistoryWriter
from jepsen.wire import name_of
from jepsen.workloads.calls import Call, End, invocation, perform
from jepsen.workloads.mix import Workload
from ledgerd.client import AsyncClient

CRASH_DELAY_S_MAX = 0.02  # between send and death
BACKOFF_S = 0.1  # after an op that did not succeed
LEADER_SHARE = 0.8  # of a raw client's mutations go where it believes the leader to be


class Numbers:
    """Hands out process numbers; a number is used by one client at a time, once."""

    def __init__(self) -> None:
        self._next = 0

    def take(self) -> int:
        """Return a number that was never used."""
        self._next += 1
        return self._next - 1


class Clients:
    """Everything the workers share. Owned by the event loop of the run."""

    def __init__(
        self,
        history: HistoryWriter,
        library: AsyncClient,
        raw: Mapping[int, AsyncClient],
        numbers: Numbers,
        deadline_s: float,
    ) -> None:
        self.history = history
        self.library = library
        self.raw = raw
        self.deadline_s = deadline_s
        self.numbers = numbers
        self.leader: int | None = None  # as the raw clients believe

    async def op(
        self,
        process: int,
        call: Call,
        node_id: int | None,
        deadline_s: float | None = None,
    ) -> End:
        """Do one op by one process: with the library client if node_id is None.

        Both lines are written, the first before the call leaves. A deadline of its own
        marks the op as patient: it says nothing about the load's deadlines.
        """
        f, v = invocation(call)
        if deadline_s is not None:
            v["patient"] = True
        node = None if node_id is None else name_of(node_id)
        client = self.library if node_id is None else self.raw[node_id]
        self.history.write(process, INVOKE, f, v, node=node)
        end = await perform(client, call, deadline_s or self.deadline_s)
        if end.leader is not None:
            self.leader = end.leader
        self._write_end(process, f, end, node)
        return end

    async def crash(
        self, process: int, call: Call, node_id: int | None, delay_s: float
    ) -> None:
        """Send a call and die before its answer: the op stays open for ever."""
        f, v = invocation(call)
        node = None if node_id is None else name_of(node_id)
        client = self.library if node_id is None else self.raw[node_id]
        self.history.write(process, INVOKE, f, v, node=node)
        sent = asyncio.ensure_future(perform(client, call, self.deadline_s))
        await asyncio.wait([sent], timeout=delay_s)
        sent.cancel()
        await asyncio.wait([sent])
        self.history.write(
            process, INFO, f, {"error": "client killed", "crashed": True}, node=node
        )

    def _write_end(self, process: int, f: str, end: End, node: str | None) -> None:
        self.history.write(
            process,
            end.type,
            f,
            end.v,
            node=node,
            pos=end.pos,
            server=end.server,
            attempts=end.attempts,
            read_index=end.read_index,
            applied_index=end.applied_index,
        )


class Worker:
    """One client after another: when one dies, the next takes a new number."""

    def __init__(
        self,
        clients: Clients,
        workload: Workload,
        rng: Random,
        *,
        home: int | None,
        interval_s: float,
    ) -> None:
        self._clients = clients
        self._workload = workload
        self._rng = rng
        self._home = home  # node of a raw client; None: library
        self._interval_s = interval_s
        self.process = clients.numbers.take()

    @property
    def home(self) -> int | None:
        """The node a raw client is pinned to; None for a library client."""
        return self._home

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Do ops at the worker's pace until it is over; the last one is finished."""
        while not is_over():
            await asyncio.sleep(self._rng.uniform(0.5, 1.5) * self._interval_s)
            wish = self._workload.next(self._rng)
            node_id = self._choose(wish.call)
            if wish.is_crash:
                delay_s = self._rng.uniform(0, CRASH_DELAY_S_MAX)
                await self._clients.crash(self.process, wish.call, node_id, delay_s)
                self.process = self._clients.numbers.take()
                node_id = self._another(node_id)
            end = await self._clients.op(self.process, wish.call, node_id)
            if end.type in (FAIL, INFO):
                if node_id == self._clients.leader and end.leader is None:
                    self._clients.leader = None
                await asyncio.sleep(BACKOFF_S)

    def _choose(self, call: Call) -> int | None:
        """Return the node of the next call."""
        del call
        if self._home is None:
            return None
        leader = self._clients.leader
        if leader is not None and self._rng.random() < LEADER_SHARE:
            return leader
        return self._home

    def _another(self, node_id: int | None) -> int | None:
        """Return another node than the one a client died at."""
        if node_id is None:
            return None
        others = [each for each in self._clients.raw if each != node_id]
        return self._rng.choice(others)
