"""What a node does in consensus, as protocol events in a file (raft.md 4.7).

    trace = RaftTrace(path, node_id=..., boot=..., store_uuid=...)
    core = TracedCore(...)          # in the place of RaftCore, with its arguments
    trace.begin(core, log_store)

The pure core knows nothing of it: a `TracedCore` tells what goes through its calls. A node that is
not asked for events has a plain core, so they cost nothing. What the events hold stands in
docs/reference/protocol-events.md; `python -m jepsen protocol FILE...` judges them.
"""

import contextlib
import json
import time
from collections import deque
from pathlib import Path
from typing import Final

from ledgerd.errors import SlotCorruptError
from ledgerd.observability import logs
from ledgerd.raft.changes import Change
from ledgerd.raft.core import RaftCore
from ledgerd.raft.describe import columns, describe, halves
from ledgerd.raft.entries import NO_NODE, Entry, EntryKind, Index, NodeId
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import Message
from ledgerd.raft.ready import Proposed, ReadTicket, Ready, Refused, Ticket
from ledgerd.raft.requests import Request
from ledgerd.raft.snapshots import Snapshot
from ledgerd.raft.status import Status
from ledgerd.replica.ports import LogStore

log = logs.get(__name__)

ENTRIES_MAX: Final = (
    10_000  # of those that a start names; what is before them is its base
)
_PAGE_BYTES: Final = 1 << 20
_LINK_DIGITS: Final = 16

Named = tuple[int, int, str]


class RaftTrace:
    """One file of events, appended to by each life of a node. One owner: the replica thread."""

    def __init__(
        self, path: Path, *, node_id: NodeId, boot: int, store_uuid: bytes
    ) -> None:
        """Open the file, without the half line that a killed process may have left.

        boot: counts the starts of the node. Raises OSError when the file cannot be written.
        """
        _drop_half_line(path)
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._node_id = node_id
        self._store = store_uuid.hex()
        # A state that is bad is folded anew within one start: that is another life, too.
        self._incarnation = boot * 1_000
        self._seq = 0
        self._is_open = True

    def begin(self, core: RaftCore, log_store: LogStore) -> None:
        """Tell what a process has found on its disk; the core tells the rest by itself."""
        assert isinstance(core, TracedCore), core
        self._incarnation += 1
        found = _found(log_store)
        self.write("start", core.status(), store=self._store, **found)
        core.tell_to(self)

    def write(self, event: str, status: Status | None = None, **data: object) -> None:
        """Append one event. A file that cannot be written is given up, the node goes on."""
        if not self._is_open:
            return
        self._seq += 1
        fields: dict[str, object] = {
            "seq": self._seq,
            "tick": time.monotonic_ns() // 1_000,
            "node": self._node_id,
            "incarnation": self._incarnation,
            "event": event,
            **(columns(status) if status is not None else {}),
            **data,
        }
        try:
            self._file.write(json.dumps(fields) + "\n")
        except OSError as error:
            self._is_open = False
            log.warning("raft_trace_ended", why=str(error))

    def message(self, event: str, message: Message) -> None:
        """Append a message that was sent or received; its one-line form is its name, too."""
        told = describe(message)
        self.write(event, id=told, message=told)

    def __enter__(self) -> "RaftTrace":
        return self

    def __exit__(self, *_: object) -> None:
        self._is_open = False
        with contextlib.suppress(OSError):  # of a file that was given up
            self._file.close()


class TracedCore(RaftCore):
    """A core that tells what happens to it, in the order in which the replica makes it true.

    What a Ready holds is told when it is: early messages as they are handed out, the write once
    `persisted` says so, late messages behind it.
    """

    _trace: RaftTrace | None = None

    def tell_to(self, trace: RaftTrace) -> None:
        """Tell this trace from now on."""
        self._trace = trace
        self._told = self.status()
        self._given: deque[Ready] = deque()

    def step(self, message: Message) -> None:
        """Take a message of a peer."""
        if self._trace is not None:
            self._trace.message("receive", message)
        super().step(message)

    def ready(self, *, may_apply: bool = True) -> Ready | None:
        """Hand out everything new since the last call, or None."""
        self._tell()
        ready = super().ready(may_apply=may_apply)
        if ready is not None and self._trace is not None:
            for message in ready.send_early:
                self._trace.message("send", message)
            for read in ready.reads:
                self._trace.write("read-confirm", ticket=read.ticket, index=read.index)
            self._given.append(ready)
        return ready

    def persisted(self, ticket: Ticket) -> None:
        """Note that this Ready and all before it are durable."""
        written: list[Ready] = []
        while self._trace is not None and self._given:
            if self._given[0].ticket > ticket:
                break
            written.append(self._given.popleft())
            self._tell_write(self._trace, written[-1])
        super().persisted(ticket)
        self._tell()
        for ready in written:
            for message in ready.send_after:
                assert self._trace is not None
                self._trace.message("send", message)

    def propose(
        self, kind: EntryKind, payload: bytes, ts_us: int
    ) -> Proposed | Refused:
        """Append an entry as leader, or refuse."""
        return self._tell_verdict("propose", super().propose(kind, payload, ts_us))

    def request(
        self, request: Request, expected_index: Index | None = None, ts_us: int = 0
    ) -> Proposed | Refused:
        """Append the change that a request means, or refuse."""
        verdict = super().request(request, expected_index, ts_us)
        return self._tell_verdict("change-propose", verdict)

    def read(self) -> ReadTicket | Refused:
        """Register a read."""
        verdict = super().read()
        if self._trace is not None and not isinstance(verdict, Refused):
            self._trace.write("read-register", ticket=verdict)
        return verdict

    def apply_change(self, index: Index, change: Change) -> Membership:
        """Put a change in force."""
        membership = super().apply_change(index, change)
        if self._trace is not None:
            self._trace.write("change-apply", self.status(), index=index)
        return membership

    def applied(self, index: Index) -> None:
        """Note that the state machine holds everything up to index."""
        super().applied(index)
        self._tell()

    def compacted(self, first: Index) -> None:
        """Note that the stored log now starts at `first`."""
        super().compacted(first)
        if self._trace is not None:
            self._trace.write("compact", self.status(), first=first)

    def snapshot_made(self, snapshot: Snapshot | None) -> None:
        """Note what can be offered to peers from now on."""
        super().snapshot_made(snapshot)
        if self._trace is not None and snapshot is not None:
            self._trace.write("snapshot-make", None, **_snapshot(snapshot))

    # Telling.

    def _tell_verdict(
        self, event: str, verdict: Proposed | Refused
    ) -> Proposed | Refused:
        if self._trace is not None:
            self._tell()
            if isinstance(verdict, Proposed):
                self._trace.write(event, index=verdict.id.index)
            else:
                self._trace.write("refuse", reason=verdict.reason.value)
        return verdict

    def _tell_write(self, trace: RaftTrace, ready: Ready) -> None:
        if ready.snapshot is not None:
            trace.write("snapshot-install", None, **_snapshot(ready.snapshot))
        if not ready.must_sync:
            return
        hard = ready.hard_state
        data: dict[str, object] = {"entries": [_named(e) for e in ready.entries]}
        if hard is not None:
            data |= {"hard_term": hard.term, "hard_vote": hard.vote}
        trace.write("persist", None, **data)

    def _tell(self) -> None:
        """Tell what has changed in the core since the last time."""
        trace = self._trace
        if trace is None:
            return
        before, now = self._told, self.status()
        self._told = now
        if now.role is not before.role or now.term != before.term:
            trace.write(f"become-{now.role.value.replace('_', '-')}", now)
        if now.vote != before.vote and now.vote != NO_NODE:
            trace.write("vote", now)
        if now.durable < before.durable:
            trace.write("truncate", now)
        if now.transferring != before.transferring:
            trace.write("transfer", now, to=now.transferring)
        if now.commit > before.commit:
            trace.write("commit", now, **self._entry(now.commit))
        if now.applied > before.applied:
            trace.write("apply", now, **self._entry(now.applied))

    def _entry(self, index: Index) -> dict[str, object]:
        """Return the entry at index as events name it; nothing if it cannot be read."""
        try:
            term, link = self._log.term(index), self.link(index)
        except SlotCorruptError:
            return {}
        return {} if term is None or link is None else {"id": _name(term, index, link)}


def _found(log_store: LogStore) -> dict[str, object]:
    """Return the last entries that are intact in one piece, and the one before them, if any."""
    anchor, last = log_store.anchor(), log_store.last_index()
    damaged = [index for index in log_store.damaged() if index <= last]
    before = max([anchor.at, last - ENTRIES_MAX, *damaged])
    # What is at or before the base counts as there, so its link matters only where it is known.
    link = anchor.link if before == anchor.at else b""
    entries: list[Named] = []
    first = Index(before + 1)
    while first <= last:
        page = log_store.entries(first, last, _PAGE_BYTES)
        entries += map(_named, page)
        first = Index(page[-1].index + 1)
    base = {"base": _name(anchor.id.term, before, link)} if before else {}
    return {"entries": entries, **base}


def _named(entry: Entry) -> Named:
    return _name(entry.term, entry.index, entry.link)


def _name(term: int, index: int, link: bytes) -> Named:
    return term, index, link.hex()[:_LINK_DIGITS]


def _snapshot(snapshot: Snapshot) -> dict[str, object]:
    anchor = snapshot.anchor
    return {
        "id": _name(anchor.id.term, anchor.at, anchor.link),
        "digest": snapshot.digest.hex(),
        "membership": halves(snapshot.membership),
    }


def _drop_half_line(path: Path) -> None:
    """Cut what stands behind the last line end of a file, if there is one."""
    if not path.is_file():
        return
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        while size:
            begin = max(0, size - 65_536)
            file.seek(begin)
            found = file.read(size - begin).rfind(b"\n")
            if found >= 0:
                file.truncate(begin + found + 1)
                return
            size = begin
        file.truncate(0)
