"""What a leader knows of one peer: how far it matches, what is on the way to it.

Three modes and eight events (F13):

    mode       accepted    rejected  lost   asked      compacted  sent       failed     expired
    probe      replicate   probe     probe  probe      snapshot   probe      probe      probe
    replicate  replicate   probe     probe  replicate  snapshot   replicate  replicate  replicate
    snapshot   replicate*  snapshot  probe  snapshot   snapshot   probe      probe      probe

    probe      one append in flight, then wait
    replicate  optimistic, up to the window
    snapshot   no append at all: the peer lacks entries that the log no longer holds
    *          an ack that joins the log; any other leaves the mode as it is (T62)

A peer that leaves snapshot without an ack waits for its next answer to a heartbeat, so that nobody
is offered the same thing in a loop (T29). Each entry into probe or snapshot opens a new stream;
replies to an older stream are dropped (T25), so a late rejection can never move `next` backwards
twice (T28).
"""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ledgerd.raft.entries import NO_INDEX, Index, NodeId
from ledgerd.raft.options import Options


class Mode(Enum):
    """How appends are sent to a peer."""

    # That of Enum is Python, and this is asked with every message.
    __hash__ = object.__hash__

    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


class Event(Enum):
    """What happens to the progress of a peer."""

    # That of Enum is Python, and this is asked with every message.
    __hash__ = object.__hash__

    ACCEPTED = "accepted"  # an append of the current stream joined its log
    REJECTED = "rejected"  # an append of the current stream did not join
    LOST = "lost"  # the connection broke: what was on the way may be gone
    ASKED = "asked"  # a heartbeat was answered: one more append may be sent
    COMPACTED = "compacted"  # what comes next is no longer in the leader's log
    SENT = "sent"  # the peer has fetched what it was offered
    FAILED = "failed"  # the peer's attempt to fetch has failed
    EXPIRED = "expired"  # nothing was heard of the offer for too long


TRANSITIONS: Final = {
    (Mode.PROBE, Event.ACCEPTED): Mode.REPLICATE,
    (Mode.PROBE, Event.REJECTED): Mode.PROBE,
    (Mode.PROBE, Event.LOST): Mode.PROBE,
    (Mode.PROBE, Event.ASKED): Mode.PROBE,
    (Mode.REPLICATE, Event.ACCEPTED): Mode.REPLICATE,
    (Mode.REPLICATE, Event.REJECTED): Mode.PROBE,
    (Mode.REPLICATE, Event.LOST): Mode.PROBE,
    (Mode.REPLICATE, Event.ASKED): Mode.REPLICATE,
    (Mode.SNAPSHOT, Event.ACCEPTED): Mode.REPLICATE,
    (Mode.SNAPSHOT, Event.REJECTED): Mode.SNAPSHOT,
    (Mode.SNAPSHOT, Event.LOST): Mode.PROBE,
    (Mode.SNAPSHOT, Event.ASKED): Mode.SNAPSHOT,
    **{(mode, Event.COMPACTED): Mode.SNAPSHOT for mode in Mode},
    (Mode.SNAPSHOT, Event.SENT): Mode.PROBE,
    (Mode.SNAPSHOT, Event.FAILED): Mode.PROBE,
    (Mode.SNAPSHOT, Event.EXPIRED): Mode.PROBE,
    **{
        (mode, event): mode  # late news of an attempt that is over
        for mode in (Mode.PROBE, Mode.REPLICATE)
        for event in (Event.SENT, Event.FAILED, Event.EXPIRED)
    },
}


@dataclass(slots=True)
class Progress:
    """One peer. 0 <= match < next always (R3, T28).

    match: the peer holds everything up to here durably. next: the first entry to send.
    stream, sequence: the replication attempt, and the last append sent in it.
    waiting: probe only: an append is in flight, nothing else is sent.
    told: the largest commit index the peer was told in this stream.
    window: last index and bytes of each append with entries that is not yet answered.
    is_active, was_active: heard since the last check of the quorum (F2), and before it; a new
        leader gives everybody the benefit of the doubt.
    has_answered: really heard by this leader.
    has_reported, is_slow, free_bytes: whether, and what, it said of itself last (F8, F36).
    failed_transfers: how often the peer was offered the leadership and did not take it (F5).
    state_wanted: the peer asks for the state of a snapshot at this index or above.
    may_nudge: a timed heartbeat is out; its reply may cause one append, even an empty one.
    offered: the snapshot offered last and not acknowledged; NO_INDEX: none was.
    is_offered: snapshot only: an offer is out; else none was at hand yet.
    offer_ticks: how long the peer has been in snapshot mode.
    silent_ticks: how long nothing was heard of the peer.
    sound_since: the stream that began when match was lowered last; acks of older ones rest on what
        the peer's disk has damaged since.
    """

    next: Index
    stream: int
    match: Index = NO_INDEX
    mode: Mode = Mode.PROBE
    sequence: int = 0
    waiting: bool = False
    told: Index = NO_INDEX
    window: deque[tuple[Index, int]] = field(default_factory=deque)
    window_bytes: int = 0
    is_active: bool = True
    was_active: bool = True
    has_answered: bool = False
    failed_transfers: int = 0
    has_reported: bool = False
    is_slow: bool = False
    free_bytes: int | None = None
    may_nudge: bool = False
    state_wanted: Index = NO_INDEX
    offered: Index = NO_INDEX
    is_offered: bool = False
    offer_ticks: int = 0
    silent_ticks: int = 0
    sound_since: int = 0

    def is_full(self, options: Options) -> bool:
        """Return whether nothing with entries may be sent now."""
        if self.mode is Mode.SNAPSHOT:
            return True
        if self.mode is Mode.PROBE:
            return self.waiting
        return (
            len(self.window) >= options.window_messages
            or self.window_bytes >= options.window_bytes
        )

    @property
    def is_heard(self) -> bool:
        """Whether the peer was heard within the last two election bases."""
        return self.is_active or self.was_active

    def sent(self, last: Index, size_bytes: int, commit: Index) -> None:
        """Note that entries next .. last were sent, or none if last = next - 1."""
        assert last >= self.next - 1, (last, self.next)
        assert self.mode is not Mode.SNAPSHOT, self
        if self.mode is Mode.PROBE:
            self.waiting = True
        elif last >= self.next:
            self.window.append((last, size_bytes))
            self.window_bytes += size_bytes
            self.next = Index(last + 1)
        self.told = max(self.told, min(commit, last))

    def accepted(self, match: Index, *, joins: bool = True) -> bool:
        """Note that the peer holds everything up to `match`; return whether that is news.

        joins: whether the leader's log holds what comes after `match`.
        """
        is_news = match > self.match
        if match < self.match:
            return False
        self.match = match
        self.next = max(self.next, Index(match + 1))
        if self.mode is Mode.SNAPSHOT and not joins:
            return is_news
        if match >= self.offered:
            self.offered = NO_INDEX
        self.waiting = False
        self.mode = TRANSITIONS[self.mode, Event.ACCEPTED]
        window = self.window
        while window and window[0][0] <= match:
            self.window_bytes -= window.popleft()[1]
        assert bool(self.window) or self.window_bytes == 0  # R16
        return is_news

    def rejected(self, *, prev: Index, joins_at: Index, stream: int) -> bool:
        """Step back to where the logs may join; return whether the rejection was current.

        prev: what was rejected. joins_at: the last entry that may be common (F16).
        """
        if prev <= self.match or self.mode is Mode.SNAPSHOT:
            return False  # T28: we know better
        if self.mode is Mode.PROBE:
            if prev != self.next - 1:
                return False  # an older probe of the same stream
            next_ = max(min(prev, Index(joins_at + 1)), Index(self.match + 1))
            assert next_ < self.next, (next_, self.next)  # T29: progress
        else:
            next_ = Index(self.match + 1)
        self._restart(Event.REJECTED, next_, stream)
        return True

    def corrupt(self, *, corrupt_from: Index, stream: int) -> None:
        """Note that the peer's disk lost what it had acked from here on (F34).

        The only thing that lowers `match`. The commit index stays: what a quorum held was
        committed, and the peer still votes for no shorter log (F33).
        """
        assert corrupt_from >= 1, corrupt_from
        self.match = min(self.match, Index(corrupt_from - 1))
        next_ = max(Index(self.match + 1), min(self.next, corrupt_from))
        self._restart(Event.REJECTED, next_, stream)
        self.sound_since = stream

    def is_joined_by(self, stream: int) -> bool:
        """Return whether an ack of an older stream, if it joins the log, ends a snapshot (T62).

        What was acked stays true, unless the peer's disk was damaged since (F34).
        """
        return self.mode is Mode.SNAPSHOT and stream >= self.sound_since

    def lost(self, stream: int) -> None:
        """Forget what was on the way; the peer is probed again."""
        was_offered = self.mode is Mode.SNAPSHOT
        self._restart(Event.LOST, Index(self.match + 1), stream)
        self.waiting = was_offered

    def compacted(self, stream: int) -> None:
        """Send no more appends: what the peer lacks is no longer in the log."""
        self._restart(Event.COMPACTED, Index(self.match + 1), stream)
        self.offer_ticks = 0
        self.is_offered = False

    def offer(self, index: Index) -> None:
        """Note that the snapshot at `index` is offered to the peer."""
        assert self.mode is Mode.SNAPSHOT, self
        self.offered = index
        self.is_offered = True
        self.sequence += 1

    def offer_ended(self, event: Event, stream: int) -> None:
        """Leave snapshot mode without an ack: the peer is probed once it answers again (T62)."""
        if self.mode is not Mode.SNAPSHOT:
            return
        next_ = self.match
        if event is Event.SENT:
            next_ = max(self.match, self.offered)
        self._restart(event, Index(next_ + 1), stream)
        self.waiting = True

    def asked(self) -> bool:
        """Note the answer to a heartbeat; return whether an append is due, even an empty one.

        This is how a lost probe, a lost append and a lost commit are noticed (F14, T27).
        """
        is_due = self.may_nudge
        self.may_nudge = False
        self.waiting = self.waiting and not is_due
        self.mode = TRANSITIONS[self.mode, Event.ASKED]
        return is_due

    def _restart(self, event: Event, next_: Index, stream: int) -> None:
        self.mode = TRANSITIONS[self.mode, event]
        self.next = next_
        self.stream = stream
        self.sequence = 0
        self.waiting = False
        self.told = NO_INDEX
        self.window.clear()
        self.window_bytes = 0  # T27: the byte counter goes with the window
        assert 0 <= self.match < self.next, (self.match, self.next)  # R3


def follow_members(
    peers: dict[NodeId, Progress],
    members: Collection[NodeId],
    *,
    next_: Index,
    new_stream: Callable[[], int],
) -> None:
    """Make `peers` those of `members`: who stays keeps its progress, who is new is probed.

    next_: the entry that a new peer is offered first; the probe finds out what it has.
    """
    for gone in [peer for peer in peers if peer not in members]:
        del peers[gone]
    for peer in members:
        if peer not in peers:
            peers[peer] = Progress(next_, new_stream())
