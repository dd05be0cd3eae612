"""A watch that resumes begins one event late."""

from collections.abc import Awaitable, Callable

from ledgerd.node.feed import Feed
from ledgerd.node.reads import ReadAt
from ledgerd.storage.event_pages import EventPoint

Start = Callable[[Feed, int | None], Awaitable[tuple[ReadAt, EventPoint]]]


def _late(original: Start) -> Start:
    async def start(self: Feed, from_seq: int | None) -> tuple[ReadAt, EventPoint]:
        at, point = await original(self, from_seq)
        if from_seq is None or from_seq == 1:
            return at, point
        _, kept = await self._read(lambda reader: reader.events_kept(), at_least=0)
        return at, EventPoint(min(point.seq + 1, kept.newest))

    return start


BUGS = {"ledgerd.node.feed:Feed._start": _late}
