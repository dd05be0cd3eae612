"""Parts of the log as nodes export it, and how to go on where one ends.

Every node exports the same entries, so a part may come from another node than the one before it.
Nodes cut their logs each by itself: where one has no more of the start, another may.
"""

import asyncio
from typing import NamedTuple

from grpc import aio

from ledgerd.api.v1 import audit_pb2 as pb
from ledgerd.client.calls import Calls, Method
from ledgerd.client.concerns import read_concern
from ledgerd.client.leader import Node, Nodes
from ledgerd.errors import NotLogged, Reason


class LogPart(NamedTuple):
    """Entries of the log in order, without a gap; at least one.

    start: what stands before the first of them. to_index: the last entry that was asked for.
    """

    start: pb.LogStart
    to_index: int
    entries: list[pb.LogEntry]

    @property
    def next_index(self) -> int:
        """The index behind the last entry."""
        return self.entries[-1].index + 1

    @property
    def more(self) -> bool:
        """Whether there is more to ask for."""
        return self.next_index <= self.to_index


async def log_part(
    nodes: Nodes, calls: Calls, *, from_index: int, to_index: int, deadline: float
) -> LogPart:
    """Return a part of the log from `from_index` on; 0, 0: all that there is and was applied.

    deadline: in seconds of the loop. Raises NotLogged, with LOG_CUT where no node has the start any
    more, or with the reason of a node that could not be asked and may have it; `index_first` is
    then the first entry that any of those asked has.
    """
    request = pb.ExportLogRequest(
        concern=read_concern(to_index or None, None),
        from_index=from_index,
        to_index=to_index,
    )
    try:
        return await calls.read(_whole, request, deadline=deadline)
    except NotLogged as error:
        if error.reason is not Reason.LOG_CUT:
            raise
        cut = [error]
    silent: list[NotLogged] = []
    asked = list(nodes)
    now = asyncio.get_running_loop().time
    for number, node in enumerate(asked):
        # A share of the time that is left: who is silent leaves those behind it theirs.
        until = now() + (deadline - now()) / (len(asked) - number)
        try:
            return await calls.ask(node, _whole(node), request, deadline=until)
        except NotLogged as error:
            (cut if error.reason is Reason.LOG_CUT else silent).append(error)
    earliest = min(cut, key=lambda error: int(error.metadata.get("index_first", "0")))
    if not silent:
        raise earliest
    whys = "; ".join(error.message for error in silent)
    raise NotLogged(
        silent[0].reason,
        f"{earliest.message}. Another node may still have it, and could not be asked: {whys}",
        dict(earliest.metadata),
    )


def _whole(node: Node) -> Method[pb.ExportLogRequest, LogPart]:
    """Return the call that takes one stream of entries as one answer.

    What came before a stream broke off is an answer too: who goes on behind it loses nothing.
    """

    async def whole(request: pb.ExportLogRequest, /, *, timeout: float) -> LogPart:
        entries: list[pb.LogEntry] = []
        start, to_index = pb.LogStart(), 0
        try:
            async for reply in node.audit.ExportLog(request, timeout=timeout):
                if not entries:
                    start, to_index = reply.start, reply.to_index
                entries += reply.entries
        except aio.AioRpcError:
            if not entries:
                raise
        _check(request, start, to_index, entries)
        return LogPart(start, to_index, entries)

    return whole


def _check(
    request: pb.ExportLogRequest,
    start: pb.LogStart,
    to_index: int,
    entries: list[pb.LogEntry],
) -> None:
    """Return if the answer is one to the request. Raises NotLogged with INTERNAL."""
    first = request.from_index or start.first_kept_index
    found = [entry.index for entry in entries]
    is_asked = request.to_index in (0, to_index) and bool(found)
    if not is_asked or found != list(range(first, first + len(found))):
        raise NotLogged(
            Reason.INTERNAL,
            f"expected entries {first} .. without a gap, found {found[:1]} .. {found[-1:]}",
        )
    if found[-1] > to_index:
        raise NotLogged(
            Reason.INTERNAL, f"expected entries up to {to_index}, found {found[-1]}"
        )
