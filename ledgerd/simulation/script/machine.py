"""One node of a script: its core, its disk, its jobs, and the text that its entries make.

A machine does nothing by itself. Each method does what one duty of the manual in `ledgerd.raft`
says, and returns what happened as lines for the reader.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ledgerd.formats.entries import link
from ledgerd.formats.memberships import decode_change, encode_change
from ledgerd.raft.core import RaftCore
from ledgerd.raft.describe import describe, describe_ready
from ledgerd.raft.entries import (
    GENESIS_LINK,
    NO_NODE,
    Entry,
    EntryId,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Term,
)
from ledgerd.raft.membership import NOBODY, Membership
from ledgerd.raft.messages import Message
from ledgerd.raft.options import Options, Rules
from ledgerd.raft.ready import Ready
from ledgerd.simulation.script.disk import Disk

_UNBOUNDED: Final = 1 << 60
_TIMER_DRAWS_MAX: Final = 100  # larger ranges are those of read positions
_POSITIONS: Final = 1000  # reads of one incarnation


@dataclass(frozen=True, slots=True)
class Settings:
    """What `add-nodes` says of each node it adds."""

    membership: Membership
    index: Index
    content: str
    options: Options
    rules: Rules
    is_async: bool


@dataclass(frozen=True, slots=True)
class Applied:
    """The state machine after one entry: all payloads, one after the other, and who takes part."""

    id: EntryId
    link: bytes
    content: str
    membership: Membership


class Machine:
    """One node. jobs: writes that wait for the append thread; pages: for the apply thread."""

    def __init__(
        self, node_id: NodeId, settings: Settings, send: Callable[[Message], None]
    ) -> None:
        self.id = node_id
        self._settings = settings
        self._send = send
        start = EntryId(Term(1 if settings.index else 0), settings.index)
        self.disk = Disk(start, HardState(Term(0), NO_NODE, settings.index))
        self.history = [
            Applied(start, GENESIS_LINK, settings.content, settings.membership)
        ]
        self.jobs: deque[Ready] = deque()
        self.pages: deque[tuple[Index, Index]] = deque()
        self._incarnation = 0
        self.start()

    # Life.

    def start(self) -> None:
        """Begin with what the disk holds."""
        self.is_up = True
        self._incarnation += 1
        self.core = RaftCore(
            self.id,
            options=self._settings.options,
            membership=self.state.membership,
            hard_state=self.disk.hard_state,
            log=self.disk,
            applied=self.state.id.index,
            jitter=self._jitter,
            link=link,
            rules=self._settings.rules,
            encode_change=encode_change,
        )

    def crash(self, *, lose_unsynced: bool) -> None:
        """Stop at once. What waited for a thread is gone; what was written stays."""
        self.is_up = False
        self.jobs.clear()
        self.pages.clear()
        if lose_unsynced:
            self.disk.lose_unsynced()
        else:
            self.disk.sync()

    def wipe(self) -> None:
        """Empty disk and state, as if the node had lost both and kept its id."""
        start = EntryId(Term(0), Index(0))
        self.disk = Disk(start, HardState(Term(0), NO_NODE, Index(0)))
        self.history = [Applied(start, GENESIS_LINK, "", NOBODY)]

    def pin_election_timeout(self, ticks: int) -> None:
        """Let the timer fire after this many ticks of silence, until it is armed again."""
        self.core._roles.timer.timeout = (
            ticks  # the one look inside: no product needs it
        )

    def _jitter(self, n: int) -> int:
        """Spread the timers of neighbours, and never repeat a read position after a restart."""
        start = 0 if n <= _TIMER_DRAWS_MAX else _POSITIONS * self._incarnation
        return (start + self.id - 1) % n

    # What the reader sees.

    @property
    def state(self) -> Applied:
        """The state machine now."""
        return self.history[-1]

    # Duties.

    def process_ready(self) -> list[str] | None:
        """Take a Ready and carry it out, or queue its jobs; None if there is none."""
        ready = self.core.ready()
        if ready is None:
            return None
        for message in ready.send_early:
            self._send(message)
        if ready.apply is not None:
            self.pages.append(ready.apply)
        self.jobs.append(ready)
        told = describe_ready(ready)
        if not self._settings.is_async:
            self.write_next()
            applied = self.apply_next() or []
            told += [line for line in applied if not line.startswith("applied ")]
        return told

    def write_next(self) -> list[str] | None:
        """Finish the oldest write and send what rests on it; None if nothing waits."""
        if not self.jobs:
            return None
        ready = self.jobs.popleft()
        self.disk.persist(ready)
        self.core.persisted(ready.ticket)
        for message in ready.send_after:
            self._send(message)
        written = [describe(entry) for entry in ready.entries]
        if ready.hard_state is not None:
            written.insert(0, describe(ready.hard_state))
        sent = [f"send {describe(message)}" for message in ready.send_after]
        return [*(f"written {thing}" for thing in written), *sent] or [
            "nothing to write"
        ]

    def apply_next(self) -> list[str] | None:
        """Apply the oldest page; None if nothing waits."""
        if not self.pages:
            return None
        first, last = self.pages.popleft()
        applied: list[str] = []
        while first <= last:
            for entry in self.core.entries(first, last, _UNBOUNDED):
                applied += self._apply(entry)
            first = Index(self.state.id.index + 1)
        self.core.applied(last)
        return applied

    def _apply(self, entry: Entry) -> list[str]:
        before = self.state
        assert entry.index == before.id.index + 1, (entry.id, before.id)
        content, membership = before.content, before.membership
        told = [f"applied {describe(entry)}"]
        if entry.kind is EntryKind.PAYOUTS:
            content += entry.payload.decode()
        elif entry.kind is EntryKind.MEMBERSHIP:
            change = decode_change(entry.payload)
            membership = self.core.apply_change(entry.index, change)
            told.append(f"membership {describe(membership)}")
        self.history.append(Applied(entry.id, entry.link, content, membership))
        return told
