"""A cluster in memory: cores, disks that lose what is not synced, a FIFO network that is cut.

Nothing moves by itself. `Node.turn` does what the manual of `ledgerd.raft` says a driver does;
`Node.take` and `Node.sync` do the same in two halves, so that a test can stand between them.
"""

import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from ledgerd.errors import SlotCorruptError
from ledgerd.formats.memberships import decode_change, encode_change
from ledgerd.raft.changes import changed
from ledgerd.raft.core import Options, Proposed, RaftCore, Refused, Rules
from ledgerd.raft.describe import describe
from ledgerd.raft.entries import (
    GENESIS_ANCHOR,
    GENESIS_LINK,
    Anchor,
    Entry,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.membership import NOBODY, Membership
from ledgerd.raft.messages import Message
from ledgerd.raft.protocol import PROTOCOL_MAX
from ledgerd.raft.ready import ReadTicket, Ready
from ledgerd.raft.snapshots import Snapshot

SMALL = Options(election_base_ticks=10, heartbeat_ticks=2)
NO_RULES = Rules(pre_vote=False, check_quorum=False, step_down_on_removal=False)


def link(
    previous: bytes, *, index: int, term: int, ts_us: int, kind: int, payload: bytes
) -> bytes:
    """Return a chain link; any collision-free function of all arguments will do.

    Like the real one it takes no link that is none.
    """
    assert len(previous) == len(GENESIS_LINK), previous
    return hashlib.sha256(
        previous + repr((index, term, ts_us, kind)).encode() + payload
    ).digest()


def make_entry(
    previous: Entry | None, term: int, payload: bytes = b"", ts_us: int = 0
) -> Entry:
    """Return an entry that follows `previous`, or the first one."""
    index = previous.index + 1 if previous is not None else 1
    ts_us = max(ts_us, previous.ts_us + 1 if previous is not None else 1)
    before = previous.link if previous is not None else GENESIS_LINK
    kind = EntryKind.PAYOUTS if payload else EntryKind.NOOP
    chained = link(
        before, index=index, term=term, ts_us=ts_us, kind=kind, payload=payload
    )
    return Entry(Term(term), Index(index), kind, ts_us, payload, chained)


def make_log(terms: Iterable[int]) -> list[Entry]:
    """Return a log whose entries have these terms, as the paper draws them.

    Entries of one term and index come out the same in every log with the same prefix.
    """
    entries: list[Entry] = []
    for term in terms:
        payload = f"{term}.{len(entries) + 1}".encode()
        entries.append(make_entry(entries[-1] if entries else None, term, payload))
    return entries


class MemoryDisk:
    """What a node has on disk: the `LogReader` of its core, and its hard state.

    A Ready without `must_sync` stays volatile until the next synced one (C6).
    """

    def __init__(
        self, entries: Sequence[Entry] = (), hard_state: HardState | None = None
    ) -> None:
        self.log = list(entries)
        self.base = GENESIS_ANCHOR
        term = self.log[-1].term if self.log else Term(0)
        self.hard_state = hard_state or HardState(term, NodeId(0), Index(0))
        self._volatile: HardState | None = None
        self.corrupt: set[int] = set()  # indexes whose values fail their check
        self.reads = 0  # entries read back, to see what is served from memory

    def persist(self, ready: Ready) -> None:
        """Write and sync one Ready (C1)."""
        if ready.hard_state is not None:
            self._volatile = ready.hard_state
        if not ready.must_sync:
            return
        if ready.snapshot is not None:
            self.log.clear()
            self.corrupt.clear()
            self.base = ready.snapshot.anchor
        for entry in ready.repairs:
            self.log[entry.index - 1 - self.base.at] = entry
            self.corrupt.discard(entry.index)
        if ready.entries:
            first = ready.entries[0].index
            assert self.base.at < first <= self.last_index() + 1, (first, self.base)
            self.log[first - 1 - self.base.at :] = ready.entries
            self.corrupt = {index for index in self.corrupt if index < first}
        if self._volatile is not None:
            assert self._volatile.term >= self.hard_state.term  # T2
            self.hard_state = self._volatile
            self._volatile = None
        assert self.hard_state.commit <= self.last_index(), self.hard_state  # T11

    def compact(self, first: int) -> None:
        """Forget what is below `first`."""
        assert self.base.at < first <= self.last_index() + 1, (first, self.base)
        gone = self.log[: first - 1 - self.base.at]
        self.base = Anchor(gone[-1].id, gone[-1].link, gone[-1].ts_us)
        del self.log[: len(gone)]

    def crash(self) -> None:
        """Lose what was not synced."""
        self._volatile = None

    def anchor(self) -> Anchor:
        """Return what is before the first entry."""
        return self.base

    def first_index(self) -> Index:
        """Return the first index that is kept."""
        return Index(self.base.at + 1)

    def last_index(self) -> Index:
        """Return the last index."""
        return Index(self.base.at + len(self.log))

    def term(self, index: Index) -> Term | None:
        """Return the term at index."""
        if index == self.base.at:
            return self.base.id.term
        self._check(index)
        offset = index - self.first_index()
        return self.log[offset].term if 0 <= offset < len(self.log) else None

    def link(self, index: Index) -> bytes | None:
        """Return the link at index."""
        if index == self.base.at:
            return self.base.link
        self._check(index)
        offset = index - self.first_index()
        return self.log[offset].link if 0 <= offset < len(self.log) else None

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        """Return a page of entries."""
        page: list[Entry] = []
        assert first > self.base.at, (first, self.base)
        for entry in self.log[first - 1 - self.base.at : last - self.base.at]:
            self._check(entry.index)
            bytes_max -= entry.size_bytes
            if bytes_max < 0 and page:
                break
            page.append(entry)
        self.reads += len(page)
        return page

    def _check(self, index: int) -> None:
        if index in self.corrupt:
            raise SlotCorruptError(index, f"index {index} fails its check")


class Node:
    """One node: a disk that survives a crash, a core that does not, and what it applied."""

    def __init__(
        self,
        node_id: int,
        membership: Membership,
        *,
        options: Options,
        rules: Rules,
        send: Callable[[Message], None],
        seed: int,
        disk: MemoryDisk | None = None,
    ) -> None:
        self.id = NodeId(node_id)
        self.founding = self.membership = membership
        self.options = options
        self.rules = rules
        self.disk = disk if disk is not None else MemoryDisk()
        self.send = send
        self.random = random.Random(f"{seed}/{node_id}")
        self.applied: list[Entry] = []
        self.incarnation = 0
        self.greeted: dict[int, bytes] = {}
        self.start()

    def start(self) -> None:
        """Build a core from the disk, as after a restart."""
        self.incarnation += 1
        self.alive = True
        self.writes: deque[Ready] = deque()
        self.reads: dict[ReadTicket, int] = {}
        self.failed_reads: list[ReadTicket] = []
        self.lost_from: list[int] = []
        self.pages: deque[tuple[Index, Index]] = deque()
        self.core = RaftCore(
            self.id,
            options=self.options,
            membership=self.membership,
            hard_state=self.disk.hard_state,
            log=self.disk,
            applied=Index(len(self.applied)),
            jitter=self.random.randrange,
            link=link,
            rules=self.rules,
            encode_change=encode_change,
            state_anchor=self._state_anchor(),
        )
        for peer, store in self.greeted.items():
            self.greet(peer, store)

    def _state_anchor(self) -> Anchor | None:
        """Return what the state machine knows of the entry that it applied last."""
        if not self.applied:
            return None
        last = self.applied[-1]
        return Anchor(last.id, last.link, last.ts_us)

    def greet(self, peer: int, store: bytes = b"") -> None:
        """Note that a peer of this release greeted, with this store."""
        self.greeted[peer] = store
        self.core.note(PeerGreeted(NodeId(peer), PROTOCOL_MAX, 1, 1, store))

    def crash(self, *, applied_kept: int | None = None) -> None:
        """Stop at once. The state machine may fall back, the log may not."""
        self.alive = False
        self.disk.crash()
        self.writes.clear()
        if applied_kept is not None:
            del self.applied[applied_kept:]
            self.membership = self.founding
            for entry in self.applied:
                if entry.kind is EntryKind.MEMBERSHIP:
                    change = decode_change(entry.payload)
                    after = changed(self.membership, change, entry.index)
                    assert isinstance(after, Membership), after
                    self.membership = after

    def restart(self) -> None:
        """Crash and start."""
        self.crash()
        self.start()

    def take(self) -> Ready | None:
        """Take a Ready and send what may leave early; its write is in flight."""
        ready = self.core.ready()
        if ready is None:
            return None
        for message in ready.send_early:
            self.send(message)
        self.writes.append(ready)
        for confirmed in ready.reads:
            self.reads[confirmed.ticket] = confirmed.index
        self.failed_reads += ready.reads_failed
        if ready.lost_from is not None:
            self.lost_from.append(ready.lost_from)
        if ready.apply is not None:
            self.pages.append(ready.apply)
        return ready

    def sync(self) -> None:
        """Finish the oldest write in flight and send what rests on it."""
        ready = self.writes.popleft()
        self.disk.persist(ready)
        self.core.persisted(ready.ticket)
        for message in ready.send_after:
            self.send(message)

    def apply(self) -> None:
        """Apply all pages handed out."""
        while self.pages:
            first, last = self.pages.popleft()
            while first <= last:
                for entry in self.core.entries(first, last, 1 << 20):
                    assert entry.index == len(self.applied) + 1
                    self.applied.append(entry)
                    if entry.kind is EntryKind.MEMBERSHIP:
                        change = decode_change(entry.payload)
                        self.membership = self.core.apply_change(entry.index, change)
                first = Index(self.applied[-1].index + 1)
            self.core.applied(last)

    def compact(self, first: int) -> None:
        """Cut the log, which holds nothing below `first` afterwards."""
        self.disk.compact(first)
        self.core.compacted(Index(first))

    def make_snapshot(self, index: int | None = None) -> Snapshot:
        """Make a snapshot of what is applied, and let the core offer it."""
        entry = self.applied[-1 if index is None else index - 1]
        anchor = Anchor(entry.id, entry.link, entry.ts_us)
        made = Snapshot(anchor, self.membership, bytes(32), 1, bytes(32))
        self.core.snapshot_made(made)
        return made

    def fetch(self, source: "Node") -> bool:
        """Fetch what was offered, from `source`, and restore it; return whether it was needed."""
        offer = self.core.offered
        assert offer is not None, "nothing is offered"
        index = offer.snapshot.index
        is_needed = self.core.restore(offer.snapshot)
        if is_needed:
            self.pages.clear()
            self.applied = source.applied[:index]
        return is_needed

    def turn(self) -> bool:
        """Do one turn of a driver; return whether there was anything to do."""
        was_busy = False
        for _ in range(2):
            if self.take() is None:
                break
            was_busy = True
            while self.writes:
                self.sync()
        self.apply()
        return was_busy

    def tick(self, count: int = 1) -> None:
        """Let ticks pass, one by one."""
        for _ in range(count):
            self.core.tick()

    @property
    def role(self) -> Role:
        """The role now."""
        return self.core.status().role

    @property
    def term(self) -> int:
        """The term now."""
        return self.core.status().term

    @property
    def commit(self) -> int:
        """The commit index now."""
        return self.core.status().commit

    def terms(self) -> list[int]:
        """Return the terms of the durable log, as the paper draws a log."""
        return [entry.term for entry in self.disk.log]


class Cluster:
    """Nodes 1 .. n and the messages between them."""

    def __init__(
        self,
        size: int = 3,
        *,
        options: Options = SMALL,
        rules: Rules = Rules.STRICT,
        seed: int = 1,
        logs: Mapping[int, Sequence[Entry]] | None = None,
        hard_states: Mapping[int, HardState] | None = None,
        membership: Membership | None = None,
    ) -> None:
        ids = tuple(NodeId(n) for n in range(1, size + 1))
        self.membership = membership or Membership(ids)
        self.in_flight: deque[Message] = deque()
        self.cut: set[tuple[int, int]] = set()
        self.dropped: list[Message] = []
        self.trace: list[str] = []
        self.options, self.rules, self.seed = options, rules, seed
        self.nodes: dict[NodeId, Node] = {}
        for node_id in ids:
            disk = MemoryDisk(
                (logs or {}).get(node_id, ()), (hard_states or {}).get(node_id)
            )
            self.add(node_id, self.membership, disk)

    def add(
        self,
        node_id: int,
        membership: Membership = NOBODY,
        disk: MemoryDisk | None = None,
    ) -> Node:
        """Start one more node; by default one that waits to be added."""
        node = Node(
            node_id,
            membership,
            options=self.options,
            rules=self.rules,
            send=self.send,
            seed=self.seed,
            disk=disk,
        )
        self.nodes[NodeId(node_id)] = node
        return node

    def __getitem__(self, node_id: int) -> Node:
        return self.nodes[NodeId(node_id)]

    def send(self, message: Message) -> None:
        """Take a message into the network."""
        self.trace.append(describe(message))
        self.in_flight.append(message)

    def is_cut(self, sender: int, to: int) -> bool:
        """Return whether messages from sender to receiver are lost."""
        is_there = NodeId(to) in self.nodes and self[to].alive
        return (sender, to) in self.cut or not is_there

    def isolate(self, *node_ids: int) -> None:
        """Cut these nodes from all others, both ways."""
        for a in node_ids:
            for b in self.nodes:
                if b not in node_ids:
                    self.cut |= {(a, b), (b, a)}

    def heal(self) -> None:
        """Mend all cuts."""
        self.cut.clear()

    def deliver(self, only: Callable[[Message], bool] | None = None) -> None:
        """Deliver what is in flight now; drop what would cross a cut."""
        for _ in range(len(self.in_flight)):
            message = self.in_flight.popleft()
            if only is not None and not only(message):
                self.in_flight.append(message)
            elif self.is_cut(message.sender, message.to):
                self.dropped.append(message)
            else:
                self[message.to].core.step(message)

    def settle(self, rounds_max: int = 200) -> None:
        """Turn and deliver until nothing moves. No time passes."""
        for _ in range(rounds_max):
            busy = [node.turn() for node in self.nodes.values() if node.alive]
            if not any(busy) and not self.in_flight:
                return
            self.deliver()
        raise AssertionError("the cluster does not come to rest (T29)")

    def tick(self, count: int = 1) -> None:
        """Let ticks pass everywhere, coming to rest after each."""
        for _ in range(count):
            for node in self.nodes.values():
                if node.alive:
                    node.tick()
            self.settle()

    def elect(self, node_id: int) -> Node:
        """Make this node the leader, by its own campaign."""
        self[node_id].core.campaign()
        self.settle()
        assert self[node_id].role is Role.LEADER, self[node_id].core.status()
        return self[node_id]

    def propose(self, node_id: int, payload: bytes = b"x") -> Proposed:
        """Propose at this node, which must accept."""
        proposed = self[node_id].core.propose(EntryKind.PAYOUTS, payload, 0)
        assert not isinstance(proposed, Refused), proposed
        return proposed

    @property
    def leaders(self) -> list[int]:
        """Who believes to lead."""
        return [
            node_id
            for node_id, node in self.nodes.items()
            if node.alive and node.role is Role.LEADER
        ]
