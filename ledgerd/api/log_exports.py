"""The log as the service `Audit` exports it: in parts, read in pages, one page in memory.

What is exported is applied, so it is committed and never taken back. gRPC's flow control holds the
next page back while its receiver is slow; no read transaction is open meanwhile. Payouts go first:
all exports of a node share one pace.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, nullcontext
from typing import Any, Final, NamedTuple

import grpc

from ledgerd.api import calls, codec
from ledgerd.api.deciding import Deciding
from ledgerd.api.handle import NodeHandle
from ledgerd.api.options import ApiOptions
from ledgerd.api.v1 import audit_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from ledgerd.formats.leaves import Leaf
from ledgerd.raft.entries import Entry, Index
from ledgerd.replica.pace import Pace
from ledgerd.replica.tree import edge_of
from ledgerd.storage.log_pages import LogPage
from ledgerd.storage.reader import StateReader

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]

PART_BYTES_MAX: Final = (
    4 * 1024 * 1024
)  # of payloads in one call, but for its last page
PART_PAGES_MAX: Final = 64  # so that a call ends soon where entries are small
BYTES_PER_S: Final = 8 * 1024 * 1024  # of all exports together; payouts go first
_ENTRY_COST_BYTES: Final = 1_024  # what an entry takes of that beside its payload
EXPORTS_MAX: Final = 4  # at a time on one node; one more is refused at once


class _Page(NamedTuple):
    """A page of the log with what the state knows of its entries.

    last: of the export. leaves: of the last entries of the page, those that have one.
    """

    last: int
    log: LogPage
    tree_first: int
    roots: list[bytes]
    leaves: list[Leaf]


class LogExportCalls(Deciding):
    """Answers the call of `Audit` that exports the log."""

    def __init__(self, options: ApiOptions, node: NodeHandle) -> None:
        super().__init__(options, node)
        self._exports = 0
        self._exporting = asyncio.Semaphore(1)
        self._pace = Pace(BYTES_PER_S, time.monotonic)

    async def ExportLog(  # noqa: D102 - the proto says what it does
        self, request: pb.ExportLogRequest, context: Context
    ) -> AsyncIterator[pb.ExportLogReply]:
        if self._exports >= EXPORTS_MAX:
            raise NotLogged(
                Reason.OVERLOADED,
                f"expected at most {EXPORTS_MAX} exports of the log at a time on this node, found "
                "more; ask another node, or wait",
            )
        self._exports += 1
        try:
            async with aclosing(self._part(request)) as part:
                async for reply in part:
                    yield reply
        finally:
            self._exports -= 1

    async def _part(
        self, request: pb.ExportLogRequest
    ) -> AsyncGenerator[pb.ExportLogReply]:
        """Yield the messages of one call. Raises NotLogged."""
        call = calls.current()
        at_least, max_age_s = codec.read_wish(request.concern)
        first, last = request.from_index, request.to_index
        size_bytes = 0
        for number in range(1, PART_PAGES_MAX + 1):
            start, until, is_first = first, last, number == 1

            def query(
                reader: StateReader,
                start: int = start,
                until: int = until,
                is_first: bool = is_first,
            ) -> _Page:
                return _page(reader, start, until, with_start=is_first)

            await asyncio.sleep(self._pace.wait_s(0))
            # In turn, but for the first, which may wait for a quorum: other reads have the other
            # reader threads.
            async with nullcontext() if is_first else self._exporting:
                at, page = await self._node.read(
                    query,
                    at_least=at_least,
                    max_age_s=max_age_s,
                    deadline=call.deadline,
                )
            at_least, max_age_s, last = page.last, None, page.last
            entries = page.log.entries
            if not entries:
                raise self._unreadable(page.log)
            call.read_at(at)
            call.rows += len(entries)
            page_bytes = sum(len(entry.payload) for entry in entries)
            self._pace.wait_s(page_bytes + _ENTRY_COST_BYTES * len(entries))
            size_bytes += page_bytes
            first = entries[-1].index + 1
            is_end = number == PART_PAGES_MAX or size_bytes >= PART_BYTES_MAX
            yield pb.ExportLogReply(
                header=self._replies.read(at, state_version=self._node.state_version),
                start=_start(page) if is_first else None,
                to_index=last,
                entries=_entries(page),
                more=is_end and first <= last,
            )
            if is_end or first > last:
                return

    def _unreadable(self, page: LogPage) -> NotLogged:
        """Return why a page is empty: its first entry is corrupt here, or was cut meanwhile."""
        if page.corrupt is None:
            return _cut(page)
        self._node.report_slot(page.corrupt)
        return NotLogged(
            Reason.NOT_READY,
            f"the log value at index {page.corrupt} fails its check on this node, which fetches it "
            "from its peers; ask another node, or again",
            {"corrupt_index": str(page.corrupt)},
        )


def _page(reader: StateReader, first: int, last: int, *, with_start: bool) -> _Page:
    """Return a page of the log, of `last` 0 up to what is applied. Raises NotLogged."""
    applied, tree_first = reader.applied(), reader.tree_first_index()
    last = last or applied
    if not 1 <= last <= applied:
        raise _beyond("to_index", last, applied)
    if first > last:
        raise _beyond("from_index", first, last)
    log = reader.log_page(Index(first or 1), Index(last))
    if not log.entries and log.corrupt is None and first == 0:
        if log.first_kept > last:
            raise _cut(log)
        log = reader.log_page(log.first_kept, Index(last))
    roots: list[bytes] = []
    leaves: list[Leaf] = []
    if log.entries and tree_first:
        start = log.entries[0].index
        if with_start:
            roots = [
                reader.tree_node(*node) for node in edge_of(max(0, start - tree_first))
            ]
        leaves = [
            reader.leaf(entry.index - tree_first)
            for entry in log.entries
            if entry.index >= tree_first
        ]
    return _Page(last, log, tree_first, roots, leaves)


def _start(page: _Page) -> pb.LogStart:
    return pb.LogStart(
        first_kept_index=page.log.first_kept,
        link=page.log.link,
        tree_first_index=page.tree_first,
        tree_roots=page.roots,
    )


def _entries(page: _Page) -> list[pb.LogEntry]:
    entries = page.log.entries
    without = len(entries) - len(page.leaves)
    return [
        *(_entry(entry) for entry in entries[:without]),
        *map(_entry, entries[without:], page.leaves),
    ]


def _entry(entry: Entry, leaf: Leaf | None = None) -> pb.LogEntry:
    assert leaf is None or leaf.index == entry.index, (leaf, entry.id)
    return pb.LogEntry(
        index=entry.index,
        term=entry.term,
        ts_us=entry.ts_us,
        kind=int(entry.kind),
        payload=entry.payload,
        link=entry.link,
        state_version=0 if leaf is None else leaf.state_version,
        result=b"" if leaf is None else leaf.result,
    )


def _cut(page: LogPage) -> NotLogged:
    return NotLogged(
        Reason.LOG_CUT,
        f"expected a log entry that this node still has, {page.first_kept} or later, found an "
        "earlier one: it has cut its log there; another node may have more",
        {"index_first": str(page.first_kept)},
    )


def _beyond(field: str, found: int, newest: int) -> NotLogged:
    return NotLogged(
        Reason.INDEX_NOT_KEPT,
        f"{field}: expected a log index up to {newest}, found {found}",
        {"field": field, "newest": str(newest), "found": str(found)},
    )
