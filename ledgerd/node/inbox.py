"""Everything that happened to a node and waits for its turn, in order of arrival; bounded.

Loop side: `put_*`, never blocking. Replica side: `take`, blocking. When full: ticks merge, peers'
messages are dropped (consensus permits it), proposals and reads are refused at once, unlogged.
"""

import threading
from collections import deque
from dataclasses import dataclass

from ledgerd.formats import batches
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Command
from ledgerd.limits import TURN_BYTES_MAX, TURN_COMMANDS_MAX
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.facts import Fact
from ledgerd.raft.messages import AppendEntries, Message
from ledgerd.raft.requests import Request
from ledgerd.replica.compaction import LogBounds
from ledgerd.replica.inputs import (
    Abandoned,
    ChangeRequested,
    CommandProposed,
    Input,
    LogBounded,
    Noted,
    PayoutsProposed,
    ReadsRequested,
    Received,
    SnapshotAsked,
    SnapshotInput,
    StateDamaged,
    Ticked,
    TransferAsked,
    Waiter,
    WriteConcern,
)

_COMMAND_BYTES = 256  # what a rare command counts for


@dataclass(frozen=True, slots=True)
class InboxBounds:
    """How much may wait: commands and their bytes, peers' messages, calls that read.

    pause_ticks: who missed as many at once was away as a process, and a leader may have been
        replaced meanwhile; an election base (T84).
    """

    commands_max: int
    bytes_max: int
    messages_max: int
    reads_max: int
    pause_ticks: int = 15


@dataclass(frozen=True, slots=True)
class InboxDepth:
    """How much waits now."""

    commands: int
    bytes: int
    messages: int
    reads: int


class Inbox:
    """A bounded queue of inputs between the loop and the replica thread."""

    def __init__(self, bounds: InboxBounds) -> None:
        self._bounds = bounds
        self._items: deque[tuple[Input, int, int]] = deque()  # input, commands, bytes
        self._commands = 0
        self._bytes = 0
        self._messages = 0
        self._reads = 0
        self._is_closed = False
        self._lock = threading.Lock()
        # What a Condition does, at half its price: there is one taker, which waits for this one.
        self._news = threading.Lock()
        self._news.acquire()
        self._is_awaited = False
        self._was_poked = False

    def put_ticks(self, elapsed: int, missed: int) -> None:
        """Add passed time; a tick at the end of the queue grows instead of a new one.

        Ticks that a pause missed come before all that waits. After a pause the loop may read its
        sockets before it looks at its timers, and a leader that does not know yet that it slept
        would take in calls that waited in the kernel (T84).
        """
        with self._lock:
            if missed >= self._bounds.pause_ticks:
                self._items.appendleft((Ticked(elapsed, missed), 0, 0))
                self._tell()
            elif self._items and isinstance(last := self._items[-1][0], Ticked):
                merged = Ticked(last.elapsed + elapsed, last.missed + missed)
                self._items[-1] = (merged, 0, 0)
            else:
                self._items.append((Ticked(elapsed, missed), 0, 0))
                self._tell()

    def put_message(self, message: Message) -> bool:
        """Add a peer's message; False if it was dropped because too many wait."""
        size = 0
        if isinstance(message, AppendEntries):
            size = sum(entry.size_bytes for entry in message.entries)
        with self._lock:
            if self._messages >= self._bounds.messages_max:
                return False
            self._messages += 1
            self._items.append((Received(message), 0, size))
            self._tell()
            return True

    def put_payouts(
        self,
        waiter: Waiter,
        batch: PayoutBatch,
        concern: WriteConcern = WriteConcern.QUORUM,
    ) -> bool:
        """Add a batch; False if there is no room: it was certainly not logged."""
        item = PayoutsProposed(waiter, batch, concern)
        return self._put_work(item, len(batch), batches.size_bytes(batch))

    def put_command(
        self,
        waiter: Waiter,
        command: Command,
        concern: WriteConcern = WriteConcern.QUORUM,
    ) -> bool:
        """Add a command; False if there is no room: it was certainly not logged."""
        item = CommandProposed(waiter, command, concern)
        return self._put_work(item, 1, _COMMAND_BYTES)

    def put_abandoned(self, waiter: Waiter) -> None:
        """Add the news that nobody waits any more; at most one a call, so it has no bound."""
        with self._lock:
            self._items.append((Abandoned(waiter), 0, 0))
            self._tell()

    def put_read(self, waiter: Waiter) -> bool:
        """Add a question for a read point; False if too many wait."""
        with self._lock:
            if self._reads >= self._bounds.reads_max or self._is_closed:
                return False
            self._reads += 1
            self._items.append((ReadsRequested(waiter), 0, 0))
            self._tell()
            return True

    def put_change(
        self, waiter: Waiter, request: Request, expected_index: Index | None
    ) -> bool:
        """Add a wish for other members; False if there is no room: it was not logged."""
        item = ChangeRequested(waiter, request, expected_index)
        return self._put_work(item, 1, _COMMAND_BYTES)

    def put_transfer(self, waiter: Waiter, to: NodeId) -> bool:
        """Add the wish to hand over; False if there is no room: nothing was begun."""
        return self._put_work(TransferAsked(waiter, to), 1, _COMMAND_BYTES)

    def put_fact(self, fact: Fact) -> None:
        """Add what the core must weigh; rare, so it has no bound of its own."""
        with self._lock:
            self._items.append((Noted(fact), 0, 0))
            self._tell()

    def put_bounds(self, bounds: LogBounds) -> None:
        """Add how much of the log is kept from now on; rare, so it has no bound of its own."""
        with self._lock:
            self._items.append((LogBounded(bounds), 0, 0))
            self._tell()

    def put_damage(self, why: str) -> None:
        """Add that a row of the state fails its check; rare, so it has no bound of its own."""
        with self._lock:
            self._items.append((StateDamaged(why), 0, 0))
            self._tell()

    def put_snapshot(self, item: SnapshotInput) -> None:
        """Add the end of a copy or of a fetch; rare, so it has no bound of its own."""
        with self._lock:
            self._items.append((item, 0, 0))
            self._tell()

    def put_snapshot_wish(self, waiter: Waiter) -> bool:
        """Add the wish for a copy; False if there is no room: none will be made."""
        return self._put_work(SnapshotAsked(waiter), 1, _COMMAND_BYTES)

    def close(self) -> None:
        """Take no more work, and wake the replica thread."""
        with self._lock:
            self._is_closed = True
            self._tell()

    def poke(self) -> None:
        """Have `take` return, though with nothing: what the replica thread waits for may differ."""
        with self._lock:
            if not self._is_awaited:
                self._was_poked = True
            self._tell()

    def depth(self) -> InboxDepth:
        """Return how much waits now."""
        return InboxDepth(self._commands, self._bytes, self._messages, self._reads)

    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._items

    def take(self, *, wait_s: float) -> list[Input]:
        """Return what waits, oldest first, up to the budget of one turn (T94).

        Blocks for at most `wait_s` seconds while nothing waits; empty if nothing came.
        """
        taken: list[Input] = []
        commands_left, bytes_left = TURN_COMMANDS_MAX, TURN_BYTES_MAX
        with self._lock:
            is_idle = not self._items and not self._was_poked
            is_waiting = self._is_awaited = is_idle and wait_s > 0
            self._was_poked = False
        if is_waiting:
            self._wait(wait_s)
        with self._lock:
            while self._items:
                item, commands, size = self._items[0]
                is_over = commands > commands_left or size > bytes_left
                if taken and is_over:
                    break
                self._items.popleft()
                taken.append(item)
                commands_left -= commands
                bytes_left -= size
                self._forget(item, commands, size)
        return taken

    def _tell(self) -> None:
        """Wake the taker if it waits. Under the lock."""
        if self._is_awaited:
            self._is_awaited = False
            self._news.release()

    def _wait(self, wait_s: float) -> None:
        """Return once the taker was told of something, or after `wait_s` seconds."""
        if self._news.acquire(timeout=wait_s):
            return
        with self._lock:
            was_told = not self._is_awaited  # after all: as the time ran out
            self._is_awaited = False
        if was_told:
            self._news.acquire()

    def _put_work(self, item: Input, commands: int, size: int) -> bool:
        with self._lock:
            has_room = (
                self._commands + commands <= self._bounds.commands_max
                and self._bytes + size <= self._bounds.bytes_max
            )
            if self._is_closed or not has_room:
                return False
            self._commands += commands
            self._bytes += size
            self._items.append((item, commands, size))
            self._tell()
            return True

    def _forget(self, item: Input, commands: int, size: int) -> None:
        if isinstance(item, Received):
            self._messages -= 1
        elif isinstance(item, ReadsRequested):
            self._reads -= 1
        else:
            self._commands -= commands
            self._bytes -= size
        assert self._commands >= 0, self._commands
        assert self._bytes >= 0, self._bytes
