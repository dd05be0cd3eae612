"""Watches the nodes from outside: their own statuses, into the history and for the rig."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from jepsen.history import INFO, MONITOR, HistoryWriter
from jepsen.wire import name_of
from ledgerd.api.v1.admin_pb2 import NodeRole, StatusReply
from ledgerd.client import AsyncClient

PERIOD_S = 0.5
STATUS_S_MAX = 0.4


@dataclass(frozen=True, slots=True)
class Leader:
    """Who says that it leads, in the highest term anybody leads in."""

    node_id: int
    term: int


class Monitor:
    """Polls `Admin.Status`. Owned by the event loop of the run."""

    def __init__(self, client: AsyncClient, history: HistoryWriter) -> None:
        self._client = client
        self._history = history
        self.last: dict[int, StatusReply] = {}

    async def look(self, *, is_final: bool = False) -> dict[int, StatusReply]:
        """Ask all nodes at once and note what they say; silent ones are left out."""
        answers = await self._client.statuses(deadline=STATUS_S_MAX)
        found: dict[int, StatusReply] = {}
        for node_id, answer in sorted(answers.items()):
            if not isinstance(answer, StatusReply):
                continue
            found[node_id] = answer
            self._history.write(
                MONITOR,
                INFO,
                "status",
                {
                    "role": NodeRole.Name(answer.role),
                    "term": answer.term,
                    "leader": answer.leader_id,
                    "index": answer.visible_index,
                    "commit": answer.commit_index,
                    "digest": answer.digest,
                    "ready": answer.ready,
                    "calls": answer.calls_in_flight,
                    "inbox": answer.inbox_length,
                    "final": is_final,
                },
                node=name_of(node_id),
            )
        self.last = found
        return found

    async def run(self) -> None:
        """Look at a steady pace until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(PERIOD_S)

    async def leader(self) -> Leader | None:
        """Return who leads now, None if nobody says so."""
        return leader_of(await self.look())

    async def wait(
        self, holds: Callable[[dict[int, StatusReply]], bool], seconds: float
    ) -> bool:
        """Look until something holds of the answers; return whether it did in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            if holds(await self.look()):
                return True
            if loop.time() > end:
                return False
            await asyncio.sleep(0.1)


def leader_of(found: dict[int, StatusReply]) -> Leader | None:
    """Return who leads in the highest term, by what the nodes said."""
    leaders = [
        Leader(node_id, status.term)
        for node_id, status in found.items()
        if status.role == NodeRole.LEADER
    ]
    return max(leaders, key=lambda each: each.term, default=None)
