"""Watchers of a real cluster, and what each received."""

import asyncio
import threading
from pathlib import Path

from ledgerd.api.v1 import events_pb2
from ledgerd.client import AsyncClient, Watch


class Watcher(threading.Thread):
    """Watches in a thread of its own, with a client of its own.

    node_id: the node it watches; None for any. stalls_at: number of events after which it takes
    nothing until the end.
    """

    def __init__(
        self,
        profile: Path,
        *,
        node_id: int | None = None,
        stalls_at: int | None = None,
    ) -> None:
        super().__init__(name="watcher", daemon=True)
        self._profile = profile
        self._node_id = node_id
        self._stalls_at = stalls_at
        self._goes_on = threading.Event()
        self._until_seq: int | None = None
        self.seqs: list[int] = []
        self.error: BaseException | None = None
        self.stalled = threading.Event()

    def run(self) -> None:
        """Watch until the number that `finish` names."""
        try:
            asyncio.run(self._watch())
        except BaseException as error:  # told by `finish`
            self.error = error

    def finish(self, until_seq: int, timeout_s: float) -> list[int]:
        """Return the numbers received, once number `until_seq` was looked at."""
        self._until_seq = until_seq
        self._goes_on.set()
        self.join(timeout_s)
        assert self.error is None, self.error
        assert not self.is_alive(), f"{len(self.seqs)} of {until_seq} events"
        return self.seqs

    async def _watch(self) -> None:
        async with AsyncClient.from_profile(
            self._profile, node_id=self._node_id
        ) as client:
            watch = client.watch(1, deadline=30.0)
            async with watch:
                while (event := await self._next(watch)) is not None:
                    self.seqs.append(event.seq)
                    if len(self.seqs) == self._stalls_at:
                        self.stalled.set()
                        await asyncio.to_thread(self._goes_on.wait)

    async def _next(self, watch: Watch) -> events_pb2.Event | None:
        """Return the next event; None once everything asked for was received."""
        while True:
            until = self._until_seq
            if until is not None and len(self.seqs) >= until:
                return None
            try:
                async with asyncio.timeout(0.5):
                    return await anext(watch)
            except TimeoutError:
                continue
