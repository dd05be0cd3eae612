"""How much room the disks of this node have left, told to the core four times a second (F36).

Measured while the node runs, so that commands are refused before a write fails, and accepted again
without a restart once space is freed. What follows from it is decided in the core.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ledgerd.observability import logs
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.facts import Capacity

_INTERVAL_S: Final = 0.25
log = logs.get(__name__)


class RoomWatch:
    """Tells the core the bytes that are left, less the reserve, whenever they changed."""

    def __init__(
        self,
        *,
        spare_bytes: Callable[[], int],
        note: Callable[[Capacity], None],
        metrics: Metrics,
    ) -> None:
        """Make the watch.

        spare_bytes: what is left less the reserve, below 0 too. note: takes the fact to the core.
        """
        self._spare_bytes = spare_bytes
        self._note = note
        self._metrics = metrics
        self._told: int | None = None

    async def run(self) -> None:
        """Measure until cancelled.

        In a thread of its own: to look at a disk that hangs is to hang, and the loop must go on
        to see that (F9). The thread has ended when this returns.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "room") as thread:
            while True:
                self.tell(await loop.run_in_executor(thread, self._spare_bytes))
                await asyncio.sleep(_INTERVAL_S)

    def tell(self, spare: int) -> None:
        """Tell the core what was measured, if it is news."""
        self._metrics.free_bytes.set(spare)
        spare = max(0, spare)
        if spare == self._told:
            return
        was_low = self._told is not None and self._told == 0
        if (spare == 0) is not was_low:
            event = "space_low" if spare == 0 else "space_freed"
            if self._told is not None or spare == 0:
                log.warning(event, spare_bytes=spare)
        self._told = spare
        self._note(Capacity(spare))
