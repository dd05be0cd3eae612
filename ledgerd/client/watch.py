"""Events as they happen, from whichever node serves them; no gap, and none twice.

A `Watch` keeps one stream open to one node and knows the number of the next event it wants. When
the stream ends, the node keeps silent, or the connection is lost, it goes on at that number on
another node. Numbers are checked as they come: a gap would be an error, never a missing event.
"""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from typing import Final, Self

from grpc import aio

from ledgerd.api.v1 import events_pb2 as pb
from ledgerd.client.calls import closed, explain, is_final, is_given_up, where
from ledgerd.client.leader import Node, Nodes
from ledgerd.errors import CallError, NotLogged, Reason

SILENCE_S: Final = 5.0  # a node sends a mark a second
_PAUSE_S_MIN: Final = 0.05  # between two rounds of all nodes
_PAUSE_S_MAX: Final = 0.5
_SPREAD: Final = random.Random()  # noqa: S311  # no secret: which node is asked first

_Call = aio.UnaryStreamCall[pb.WatchRequest, pb.WatchReply]


def event_filter(
    *,
    account: str = "",
    payout: str = "",
    kinds: Sequence[str] = (),
    currency: str = "",
) -> pb.EventFilter:
    """Return the filter of a watch. Raises ValueError for a kind that is not known here.

    kinds: names such as PAYOUT_CREATED, in any case.
    """
    known = dict(pb.Event.Kind.items())
    unknown = [kind for kind in kinds if not known.get(kind.upper())]
    if unknown:
        names = ", ".join(name for name, number in known.items() if number)
        raise ValueError(f"expected kinds of {names}, found {', '.join(unknown)}")
    return pb.EventFilter(
        account_id=account,
        payout_id=payout,
        kinds=[kind.upper() for kind in kinds],
        currency=currency,
    )


class Watch:
    """An asynchronous iterator over events. Close it, or leave its `async with`.

    next_seq: the number to resume at once the event returned last is dealt with; keep it with your
        own data. With a filter it moves on without events too. None until the first reply, if the
        watch began from now.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        cluster_id: str,
        from_seq: int | None,
        asked: pb.EventFilter,
        until_seq: int | None,
        deadline: float,
    ) -> None:
        """Open nothing yet.

        Args:
            nodes: Where to ask.
            cluster_id: The cluster that `from_seq` is of.
            from_seq: First event wanted, 1 or more; None: from now on.
            asked: Which events are wanted.
            until_seq: It ends when every event up to this number was looked at; None: never.
            deadline: Of the first reply, in seconds of the loop. Later it goes on for ever.
        """
        self.next_seq = from_seq
        self._nodes = nodes
        self._cluster_id = cluster_id
        self._asked = asked
        self._has_filter = asked.ByteSize() > 0
        self._until_seq = until_seq
        self._deadline: float | None = deadline
        self._pending: deque[pb.Event] = deque()
        self._scanned_seq = 0 if from_seq is None else from_seq - 1
        self._round: list[Node] = []
        self._node: Node | None = None
        self._call: _Call | None = None
        self._pause_s = 0.0
        self._has_begun = False  # this stream told something already
        self._last = "no node was asked"
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> pb.Event:
        """Return the next event. Raises NotLogged when there can be none.

        It may be given up, by a timeout for example, and asked for again: nothing is lost.
        """
        while not self._pending:
            if self._is_closed or self._is_over():
                self.close()
                raise StopAsyncIteration
            await self.mark()
        event = self._pending.popleft()
        behind = event.seq if self._pending else self._scanned_seq
        self.next_seq = behind + 1
        return event

    async def mark(self) -> int | None:
        """Wait for one reply of the node; return `next_seq`, which is never None then."""
        reply = await self._reply()
        self._check(reply)
        self._pending.extend(reply.events)
        self._scanned_seq = reply.scanned_seq
        if not self._pending:
            self.next_seq = self._scanned_seq + 1
        return self.next_seq

    def close(self) -> None:
        """End the stream; the iterator ends too. May be called twice."""
        self._is_closed = True
        self._drop()

    def _is_over(self) -> bool:
        """Return whether it has come to its end; a number is judged by a node before that."""
        if self._until_seq is None or self._deadline is not None:
            return False
        return self._scanned_seq >= self._until_seq

    async def _reply(self) -> pb.WatchReply:
        """Return the next reply of whichever node gives one."""
        while True:
            call, node = await self._open()
            try:
                silence_s = self._silence_s()
                async with asyncio.timeout(silence_s):
                    reply = await call.read()
            except TimeoutError:
                self._note(f"{where(node)}: silent for {silence_s:.3g} s")
            except aio.AioRpcError as caught:
                self._failed(explain(caught, node))
            except asyncio.CancelledError:
                self._drop()
                if self._nodes.is_closed and not is_given_up():
                    raise self._stopped() from None
                raise
            except BaseException:
                self._drop()  # given up in the middle: the next one begins anew
                raise
            else:
                if isinstance(reply, pb.WatchReply):
                    self._round = []
                    if self._has_begun:  # a first mark alone proves nothing
                        self._pause_s = 0.0
                    self._has_begun = True
                    self._deadline = None
                    node.answered()
                    return reply
                self._note(f"{where(node)}: the stream ended")

    def _silence_s(self) -> float:
        """Return how long the node may be silent, in seconds.

        Until the first reply it is half of the time left, while others are still to be asked: a
        node that is cut off takes the call and is silent. The last one gets all that is left.
        """
        if self._deadline is None:
            return SILENCE_S
        left_s = max(self._deadline - asyncio.get_running_loop().time(), 0.0)
        return min(SILENCE_S, left_s / 2 if self._round else left_s)

    async def _open(self) -> tuple[_Call, Node]:
        """Return the open stream, or a new one on the next node that is connected."""
        while self._call is None or self._node is None:
            node = await self._next_node()
            loop = asyncio.get_running_loop()
            if not await node.is_connected(self._deadline or loop.time() + SILENCE_S):
                self._note(f"{where(node)}: no connection")
                continue
            self._node, self._call = node, node.feed.Watch(self._request())
            self._has_begun = False
        return self._call, self._node

    async def _next_node(self) -> Node:
        """Return the node to ask now, each once a round.

        Raises NotLogged at the deadline, and when the client is closed.
        """
        if self._nodes.is_closed:
            raise self._stopped()
        loop = asyncio.get_running_loop()
        if self._deadline is not None and loop.time() >= self._deadline:
            raise NotLogged(
                Reason.READ_NOT_CONFIRMED,
                f"no node told of events by the deadline; the last one: {self._last}",
            )
        if not self._round:
            if self._pause_s:
                await asyncio.sleep(self._pause_s * _SPREAD.uniform(0.5, 1.0))
                self._nodes.reconnect()
            self._pause_s = min(max(self._pause_s * 1.5, _PAUSE_S_MIN), _PAUSE_S_MAX)
            self._round = list(self._nodes)
            _SPREAD.shuffle(self._round)
            if self._node in self._round and len(self._round) > 1:
                self._round.remove(
                    self._node
                )  # the one that has just failed comes last
                self._round.insert(0, self._node)
        return self._round.pop()

    def _request(self) -> pb.WatchRequest:
        request = pb.WatchRequest(cluster_id=self._cluster_id, filter=self._asked)
        if self.next_seq is None:
            request.from_now = True
        else:
            request.from_seq = self.next_seq
        return request

    def _failed(self, error: CallError) -> None:
        """Go on elsewhere, or raise what cannot end better there."""
        if is_final(error) and not self._nodes.reconnect():
            self.close()
            raise NotLogged(error.reason, error.message, error.metadata) from None
        self._note(error.message)

    def _stopped(self) -> NotLogged:
        """Return the end of a watch whose client was closed."""
        self.close()
        return closed()

    def _note(self, how: str) -> None:
        self._last = how
        self._drop()

    def _drop(self) -> None:
        if self._call is not None:
            self._call.cancel()
        self._call = None

    def _check(self, reply: pb.WatchReply) -> None:
        """Return if the reply follows on what came before. Raises NotLogged with INTERNAL."""
        last = self._scanned_seq
        if self.next_seq is None:
            last = reply.scanned_seq
            is_right = not reply.events
        else:
            is_right = reply.scanned_seq >= last
        for event in reply.events:
            is_right &= event.seq > last if self._has_filter else event.seq == last + 1
            last = event.seq
        is_right &= last <= reply.scanned_seq
        if not self._has_filter and self.next_seq is not None:
            is_right &= last == reply.scanned_seq
        if not is_right:
            self.close()
            found = [event.seq for event in reply.events]
            raise NotLogged(
                Reason.INTERNAL,
                f"expected events behind {self._scanned_seq} in order, found {found[:1]} .. "
                f"{found[-1:]} and a mark at {reply.scanned_seq}",
            )
