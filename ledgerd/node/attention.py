"""How many payouts and exceptions wait for a person, counted in the background for the metrics.

Bounded pages at a slow pace: a count of a state with millions of rows takes many minutes, and the
callers hardly notice. The gauges keep the last whole count; before the first one they are NaN.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final

from ledgerd.errors import CallError
from ledgerd.ledger.accounts import Position
from ledgerd.node.handle import Node
from ledgerd.observability.metrics import Metrics
from ledgerd.storage.attention_pages import AttentionPage, AttentionPoint
from ledgerd.storage.reader import StateReader

ROWS_MAX: Final = 1_000  # of one page: a few milliseconds, which the callers wait
_PAGE_REST_S: Final = 0.5
_PASS_REST_S: Final = 5.0
_READ_S: Final = 5.0

ReadPage = Callable[[AttentionPoint | None], Awaitable[AttentionPage]]


class AttentionCount:
    """Counts again and again what waits for a person. Belongs to the loop."""

    def __init__(self, read_page: ReadPage, metrics: Metrics) -> None:
        """Do nothing yet. read_page: what is behind a point; may raise CallError."""
        self._read_page = read_page
        self._metrics = metrics
        metrics.open_exceptions.set(math.nan)
        metrics.attention_payouts.set(math.nan)

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            try:
                await self.count()
            except CallError:  # the node does not serve now; its state is asked again
                pass
            await asyncio.sleep(_PASS_REST_S)

    async def count(self) -> None:
        """Go over the whole state once, and set the gauges. Raises CallError."""
        opened = 0
        payouts: set[Position] = set()
        after: AttentionPoint | None = None
        while True:
            page = await self._read_page(after)
            opened += page.open_exceptions
            payouts.update(page.payouts)
            after = page.next_after
            if after is None:
                break
            await asyncio.sleep(_PAGE_REST_S)
        self._metrics.open_exceptions.set(opened)
        self._metrics.attention_payouts.set(len(payouts))


def pages_of(node: Node) -> ReadPage:
    """Return how the pages of a node's visible state are read."""

    async def read(after: AttentionPoint | None) -> AttentionPage:
        def query(reader: StateReader) -> AttentionPage:
            return reader.attention_page(after=after, scan_max=ROWS_MAX)

        deadline = asyncio.get_running_loop().time() + _READ_S
        _, page = await node.read(query, at_least=0, deadline=deadline)
        return page

    return read
