"""Parts of a log from whichever node has them: what breaks off, what was cut, what is no answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest

from ledgerd.api.v1 import audit_pb2 as pb
from ledgerd.client.calls import Calls
from ledgerd.client.leader import Node, Nodes
from ledgerd.client.log_parts import LogPart, _whole, log_part
from ledgerd.errors import NotLogged, Reason

BROKEN = grpc.aio.AioRpcError(
    grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata()
)

# What a node's stream tells; an exception ends it.
Told = list[pb.ExportLogReply | grpc.aio.AioRpcError]


def reply(*indexes: int, to_index: int = 9, first: int = 0) -> pb.ExportLogReply:
    return pb.ExportLogReply(
        start=pb.LogStart(first_kept_index=first) if first else None,
        to_index=to_index,
        entries=[pb.LogEntry(index=index) for index in indexes],
    )


def node(told: Told) -> Node:
    """Return what looks like a node that tells this."""

    async def stream(
        request: pb.ExportLogRequest, *, timeout: float
    ) -> AsyncIterator[pb.ExportLogReply]:
        for one in told:
            if isinstance(one, grpc.aio.AioRpcError):
                raise one
            yield one

    return cast(Node, SimpleNamespace(audit=SimpleNamespace(ExportLog=stream)))


def part(told: Told, **asked: int) -> LogPart:
    whole = _whole(node(told))(pb.ExportLogRequest(**asked), timeout=1.0)
    # A coroutine; the protocol says awaitable.
    return asyncio.run(cast("Any", whole))


def test_what_came_before_a_stream_broke_off_is_a_part() -> None:
    """Nobody asks for it again: the next node goes on behind it."""
    found = part([reply(1, 2, first=1), reply(3), BROKEN], from_index=1)

    assert [entry.index for entry in found.entries] == [1, 2, 3]
    assert (found.next_index, found.more) == (4, True)
    with pytest.raises(grpc.aio.AioRpcError):
        part([BROKEN], from_index=1)


def test_the_last_part_has_no_more() -> None:
    """What was asked for is there."""
    found = part([reply(8, 9, first=1)], from_index=8)

    assert (found.to_index, found.more) == (9, False)


@pytest.mark.parametrize(
    "told",
    [
        [reply(2, 3, first=1)],
        [reply(1, 3, first=1)],
        [reply(1, first=1), reply(1)],
        [reply(8, 9, 10, first=8)],
        [reply(first=1)],
        [],
    ],
)
def test_entries_that_were_not_asked_for_are_a_defect(told: Told) -> None:
    """A gap, a repetition, too many, none: never a shorter log."""
    with pytest.raises(NotLogged) as caught:
        part(told, from_index=8 if len(told) and len(told[0].entries) == 3 else 1)

    assert caught.value.reason is Reason.INTERNAL


DEADLINE_S = 60.0


class Cutting:
    """Calls to nodes that have cut their logs, each at another entry.

    0: it has the start. None: nobody answers there.
    """

    def __init__(self, firsts: list[int | None]) -> None:
        self.firsts = firsts
        self.asked: list[int] = []
        self.left_s: list[float] = []

    async def read(self, *_: object, deadline: float) -> LogPart:
        return await self.ask(0, deadline=deadline)

    async def ask(self, node: int, *_: object, deadline: float) -> LogPart:
        self.asked.append(node)
        self.left_s.append(deadline - asyncio.get_running_loop().time())
        first = self.firsts[node]
        if first is None:
            raise NotLogged(
                Reason.DEADLINE_BEFORE_PROPOSAL, f"node {node}: no connection"
            )
        if first:
            facts = {"index_first": str(first)}
            raise NotLogged(Reason.LOG_CUT, f"node {node} has cut it", facts)
        return LogPart(pb.LogStart(), 1, [pb.LogEntry(index=1)])


def ask_all(calls: Cutting) -> LogPart:
    nodes = cast(Nodes, range(len(calls.firsts)))
    found: Callable[..., Any] = log_part

    async def run() -> LogPart:
        told = await _with_plain_methods(found, nodes, calls)
        assert isinstance(told, LogPart)
        return told

    return asyncio.run(run())


async def _with_plain_methods(
    found: Callable[..., Any], nodes: Nodes, calls: Cutting
) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ledgerd.client.log_parts._whole", lambda node: node)
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        return await found(
            nodes, cast(Calls, calls), from_index=1, to_index=1, deadline=deadline
        )


def test_another_node_may_have_what_one_has_cut() -> None:
    """All are asked; the first that has the start tells it."""
    calls = Cutting([7, 5, 0])

    assert ask_all(calls).next_index == 2
    assert calls.asked == [0, 0, 1, 2]


def test_where_nobody_has_the_start_the_earliest_is_named() -> None:
    """So that an auditor gets as much as there is anywhere."""
    with pytest.raises(NotLogged) as caught:
        ask_all(Cutting([7, 5, 6]))

    assert caught.value.reason is Reason.LOG_CUT
    assert caught.value.metadata["index_first"] == "5"


def test_who_cannot_be_asked_may_have_the_start() -> None:
    """An auditor is not told that it is gone for ever while a node is only down."""
    with pytest.raises(NotLogged) as caught:
        ask_all(Cutting([7, None, 5]))

    assert caught.value.reason is Reason.DEADLINE_BEFORE_PROPOSAL
    assert "node 2 has cut it. Another node may still have it" in caught.value.message
    assert "node 1: no connection" in caught.value.message
    assert caught.value.metadata["index_first"] == "5"


def test_who_is_silent_leaves_the_others_their_time() -> None:
    """Each is given its share of what is left, and the last one all of it."""
    calls = Cutting([7, 5, 0])
    ask_all(calls)

    shares = [DEADLINE_S / left_s for left_s in calls.left_s[1:]]
    assert [round(share, 1) for share in shares] == [3.0, 2.0, 1.0]
