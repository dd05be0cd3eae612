"""What waits to leave for each peer: one bounded queue a peer, and the `Mail` port over them.

The replica thread puts, the loop takes; there is no lock. A queue that is full or whose peer is not
connected drops what is put, which consensus permits: it costs that peer a probe, and nobody else
anything (T75, T92).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from ledgerd.limits import PEER_QUEUE_BYTES_MAX, PEER_QUEUE_MESSAGES_MAX
from ledgerd.raft.entries import NodeId
from ledgerd.raft.messages import EarlyMessage, LateMessage, Message
from ledgerd.raft.protocol import PROTOCOL_MAX, PROTOCOL_MIN, is_understood
from ledgerd.replica.ports import Receipt
from ledgerd.transport.codec import size_bytes


class PeerQueue:
    """Messages to one peer, oldest first; closed while there is no stream to it.

    Full at `messages_max` messages or `bytes_max` bytes: what is put then is dropped and counted.
    Each of the two counts of bytes has one writer, so that neither thread needs a lock.
    """

    def __init__(
        self,
        *,
        on_dropped: Callable[[int], object],
        on_withheld: Callable[[int], object] = lambda count: None,
        messages_max: int = PEER_QUEUE_MESSAGES_MAX,
        bytes_max: int = PEER_QUEUE_BYTES_MAX,
    ) -> None:
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._on_dropped = on_dropped
        self._on_withheld = on_withheld
        self._protocol = PROTOCOL_MIN
        self._items: deque[tuple[Message, int]] = deque()  # with their sizes
        self._is_open = False
        self._bytes_put = 0  # written by the replica thread
        self._bytes_taken = 0  # written by the loop
        self._wanted: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def size_bytes(self) -> int:
        """Bytes that wait."""
        return self._bytes_put - self._bytes_taken

    def put(self, message: Message) -> bool:
        """Add a message, or drop it and return False. Replica thread."""
        size = size_bytes(message)
        is_full = (
            len(self._items) >= self._messages_max
            or self.size_bytes + size > self._bytes_max
        )
        if is_full or not self._is_open:
            self._on_dropped(1)
            return False
        self._bytes_put += size
        self._items.append((message, size))
        return True

    def open(self, *, protocol: int = PROTOCOL_MAX) -> None:
        """Take messages from now on; none of an earlier stream is left. Loop.

        protocol: what the peer of this stream speaks; it is sent nothing of a newer version.
        """
        self._forget()
        self._protocol = protocol
        self._is_open = True

    def close(self) -> None:
        """Drop what waits and all that comes until `open`. Loop."""
        self._is_open = False
        self._forget()

    async def wait(self) -> None:
        """Return once something waits, or was just taken by `open` or `close`. Loop, one task."""
        if self._items:
            return
        assert self._wanted is None, "a queue has one taker"
        self._wanted = asyncio.get_running_loop().create_future()
        try:
            await self._wanted
        finally:
            self._wanted = None

    def wake(self) -> None:
        """Let the taker go on if there is something to take. Loop."""
        if self._wanted is not None and self._items and not self._wanted.done():
            self._wanted.set_result(None)

    def take(self, *, bytes_max: int) -> list[Message]:
        """Return what waits, oldest first: at most `bytes_max` bytes, but at least one. Loop.

        Withholds and counts what the peer would not understand (F26, T67): for consensus it is a
        lost message. So nothing may be left even if something waited.
        """
        taken: list[Message] = []
        items = self._items
        taken_bytes = 0
        while items:
            taken_bytes += items[0][1]
            if taken and taken_bytes > bytes_max:
                break
            message, size = items.popleft()
            self._bytes_taken += size
            if is_understood(type(message), self._protocol):
                taken.append(message)
            else:
                self._on_withheld(1)
        return taken

    def _forget(self) -> None:
        """Drop what waits. A put that runs meanwhile may survive; it is only a late message."""
        count = 0
        while self._items:
            _, size = self._items.popleft()
            self._bytes_taken += size
            count += 1
        if count:
            self._on_dropped(count)


class PeerMail:
    """Implements `replica.ports.Mail` over the queues. Called by the replica thread alone.

    Wakes the loop at most once a call, and not at all while an earlier wake-up has not run.
    """

    def __init__(self, queues: Mapping[NodeId, PeerQueue]) -> None:
        # Replaced, never changed: the replica thread reads it while the loop replaces it.
        self._queues = dict(queues)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_wake_due = False

    def open_to(self, node_id: NodeId, queue: PeerQueue) -> None:
        """Take messages to this node from now on. Loop."""
        self._queues = {**self._queues, node_id: queue}

    def close_to(self, node_id: NodeId) -> None:
        """Drop messages to this node from now on. Loop."""
        self._queues = {n: q for n, q in self._queues.items() if n != node_id}

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver on `loop` from now on; what is put before is dropped by the closed queues."""
        self._loop = loop

    def detach(self) -> None:
        """Wake nobody any more: the loop is about to end."""
        self._loop = None

    def early(self, messages: Sequence[EarlyMessage]) -> None:
        """Send messages that rest on nothing this turn writes."""
        self._post(messages)

    def after(self, messages: Sequence[LateMessage], receipt: Receipt) -> None:
        """Send messages that rest on what `receipt` proves durable."""
        assert isinstance(receipt, Receipt), receipt  # C2
        self._post(messages)

    def _post(self, messages: Sequence[Message]) -> None:
        queued = False
        for message in messages:
            # A node that was added or removed this moment has no queue yet, or none any more.
            queue = self._queues.get(message.to)
            queued |= queue is not None and queue.put(message)
        loop = self._loop
        if not queued or self._is_wake_due or loop is None:
            return
        # Set before the call: once the loop resets it, it will look at the queues again.
        self._is_wake_due = True
        try:
            loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            # The loop is closed: the node is stopping, and nobody needs these messages.
            self._loop = None

    def _wake(self) -> None:
        self._is_wake_due = False
        for queue in self._queues.values():
            queue.wake()
