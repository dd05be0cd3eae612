"""One node of a script: its core, its disk, its jobs, and the text that its entries make.

A machine does nothing by itself. Each method does what one duty of the manual in `ledgerd.raft`
says, and returns what happened as lines for the reader.
"""

import hashlib
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, Protocol

from ledgerd.formats.entries import link
from ledgerd.formats.memberships import decode_change, encode_change
from ledgerd.raft.core import RaftCore
from ledgerd.raft.describe import describe, describe_ready
from ledgerd.raft.entries import (
    GENESIS_ANCHOR,
    GENESIS_LINK,
    NO_NODE,
    Anchor,
    Entry,
    EntryId,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Term,
)
from ledgerd.raft.facts import SlotCorrupt
from ledgerd.raft.membership import NOBODY, Membership
from ledgerd.raft.messages import Message, SnapshotOffer
from ledgerd.raft.options import Options, Rules
from ledgerd.raft.ready import Ready
from ledgerd.raft.snapshots import Snapshot
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
    is_digested: bool


@dataclass(frozen=True, slots=True)
class Applied:
    """The state machine after one entry: all payloads, one after the other, and who takes part."""

    anchor: Anchor
    content: str
    membership: Membership

    @property
    def id(self) -> EntryId:
        """The entry that was applied last."""
        return self.anchor.id

    @property
    def digest(self) -> bytes:
        """A hash over everything that was applied."""
        return hashlib.sha256(self.content.encode()).digest()

    def snapshot(self) -> Snapshot:
        """Return this state as something that can be offered."""
        size_bytes = len(self.content.encode())
        return Snapshot(
            self.anchor, self.membership, self.digest, size_bytes, self.digest
        )


class Around(Protocol):
    """What is around a machine: the network, and whoever watches."""

    def send(self, message: Message) -> None:
        """Take a message that leaves."""
        ...

    def started(self, machine: "Machine") -> None:
        """Note that a machine has begun."""
        ...

    def wrote(self, ready: Ready) -> None:
        """Note that a machine has written this."""
        ...

    def looked(self, machine: "Machine") -> None:
        """Note that something has happened to a machine."""
        ...


class Machine:
    """One node.

    jobs: writes that wait for the append thread; pages: for the apply thread.
    history: every state since the node was last started anew, the last one in force.
    """

    def __init__(self, node_id: NodeId, settings: Settings, around: Around) -> None:
        self.id = node_id
        self._settings = settings
        self._around = around
        start = Anchor(
            EntryId(Term(1 if settings.index else 0), settings.index), GENESIS_LINK, 0
        )
        self.disk = Disk(start, HardState(Term(0), NO_NODE, settings.index))
        self.history = [Applied(start, settings.content, settings.membership)]
        self.jobs: deque[Ready] = deque()
        self.pages: deque[tuple[Index, Index]] = deque()
        self._fetched: Applied | None = None
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
            state_anchor=self.state.anchor,
        )
        for index in sorted(self.disk.corrupt):  # what a store's check at start finds
            self.core.note(SlotCorrupt(index))
        self._offer()
        self._around.started(self)

    def crash(self, *, lose_unsynced: bool) -> None:
        """Stop at once. What waited for a thread is gone; what was written stays."""
        self.is_up = False
        self.jobs.clear()
        self.pages.clear()
        self._fetched = None
        if lose_unsynced:
            self.disk.lose_unsynced()
        else:
            self.disk.sync()

    def wipe(self) -> None:
        """Empty disk and state, as if the node had lost both and kept its id."""
        self.disk = Disk(GENESIS_ANCHOR, HardState(Term(0), NO_NODE, Index(0)))
        self.history = [Applied(GENESIS_ANCHOR, "", NOBODY)]

    def pin_election_timeout(self, ticks: int) -> None:
        """Let the timer fire after this many ticks of silence, until it is armed again."""
        self.core._roles.timer.timeout = ticks  # a look inside: no product needs it

    def _jitter(self, n: int) -> int:
        """Spread the timers of neighbours, and never repeat a read position after a restart."""
        start = 0 if n <= _TIMER_DRAWS_MAX else _POSITIONS * self._incarnation
        return (start + self.id - 1) % n

    @property
    def stall_ticks(self) -> int:
        """A log write this long makes the node slow."""
        return self._settings.options.stall_ticks

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
            self._around.send(message)
        if ready.apply is not None:
            self.pages.append(ready.apply)
        self.jobs.append(ready)
        told = describe_ready(ready)
        if not self._settings.is_async:
            written, applied = self.write_next() or [], self.apply_next() or []
            told += [line for line in (*written, *applied) if _is_news(line)]
        return told

    def write_next(self) -> list[str] | None:
        """Finish the oldest write and send what rests on it; None if nothing waits."""
        if not self.jobs:
            return None
        ready = self.jobs.popleft()
        self.disk.persist(ready)
        written = [describe(entry) for entry in (*ready.repairs, *ready.entries)]
        if ready.hard_state is not None:
            written.insert(0, describe(ready.hard_state))
        told = [f"written {thing}" for thing in written]
        if ready.snapshot is not None:
            told += self._install(ready.snapshot)
        self._around.wrote(ready)
        self.core.persisted(ready.ticket)
        self._around.looked(self)
        for message in ready.send_after:
            self._around.send(message)
        told += [f"send {describe(message)}" for message in ready.send_after]
        return told or ["nothing to write"]

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
        self._around.looked(self)
        self._offer()
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
        anchor = Anchor(entry.id, entry.link, entry.ts_us)
        self.history.append(Applied(anchor, content, membership))
        if self._settings.is_digested:
            self.core.digested(entry.index, self.state.digest)
        return told

    def corrupt(self, index: Index) -> None:
        """Let the value at `index` rot; a node that is up finds it by its scrub."""
        self.disk.corrupt.add(index)
        if self.is_up:
            self.core.note(SlotCorrupt(index))

    def diverge(self) -> None:
        """Let the state rot: from now on it is not what the entries made."""
        self.history[-1] = replace(self.state, content=f"{self.state.content}?")

    # Snapshots and compaction. The state after every entry is at hand as a snapshot.

    def compact(self, first: Index) -> None:
        """Forget the log below `first`, which is applied."""
        self.disk.compact(first)
        self.core.compacted(first)

    def offer_to(self, peer: NodeId) -> SnapshotOffer | None:
        """Return an offer of this node's state to a peer, as its leader; None if it leads not."""
        leadership = self.core._roles.leadership  # a look inside, for the peer's stream
        if leadership is None or peer not in leadership.peers:
            return None
        progress = leadership.peers[peer]
        return SnapshotOffer(
            self.id,
            peer,
            self.core.status().term,
            self.state.snapshot(),
            progress.stream,
            progress.sequence,
        )

    def fetch(self, source: "Machine") -> list[str]:
        """Fetch what was offered, if anything is still of use; the bytes come at once."""
        offer = self.core.offered
        if offer is None:
            return []
        [wanted] = [s for s in source.history if s.id == offer.snapshot.id]
        if self.core.restore(offer.snapshot):
            self._fetched = wanted
            self.pages.clear()
        return [f"fetched {describe(offer.snapshot)}"]

    def _install(self, snapshot: Snapshot) -> list[str]:
        fetched = self._fetched
        assert fetched is not None, snapshot
        assert fetched.id == snapshot.id, (fetched, snapshot)
        self.history = [fetched]
        self._fetched = None
        self._offer()
        return [
            f"installed {describe(snapshot)}",
            f"membership {describe(snapshot.membership)}",
        ]

    def _offer(self) -> None:
        if self.state.id.index:
            self.core.snapshot_made(self.state.snapshot())


def _is_news(line: str) -> bool:
    """Whether a line of a write or a page says more than the Ready that it carries out."""
    return line.startswith(("installed ", "membership "))
