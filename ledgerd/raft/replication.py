"""How entries travel: the leader's side with its commit rule, and the follower's.

Paper 5.3 and 5.4.2. A `Leadership` lives as long as one term of one leader and is dropped with
it, so nothing of an older term can linger (T25, T40).
"""

from collections import deque
from dataclasses import dataclass

from ledgerd.raft.entries import NO_INDEX, Entry, EntryId, Index, NodeId, Term
from ledgerd.raft.log import RaftLog
from ledgerd.raft.marks import NO_MARKS, Marks
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Checkpoint,
    Heartbeat,
    HeartbeatReply,
    SnapshotOffer,
)
from ledgerd.raft.options import Options
from ledgerd.raft.outgoing import Outgoing
from ledgerd.raft.progress import Event, Mode, Progress, follow_members
from ledgerd.raft.protocol import Releases
from ledgerd.raft.quorum import EVERYTHING, Vote, joint_reached, joint_vote
from ledgerd.raft.snapshots import Snapshot
from ledgerd.raft.thrift import Thrift


@dataclass(frozen=True, slots=True)
class Merged:
    """What an AppendEntries did to a follower's log.

    reply: queued after the write (T3); None: nothing can be said yet.
    commit: the commit index to be reached.
    replaced_from: the tail was replaced from here on (T65); None: it was not.
    """

    reply: AppendAccepted | AppendRejected | None
    commit: Index
    replaced_from: Index | None


def follow(log: RaftLog, message: AppendEntries, commit: Index) -> Merged:
    """Bring the log in line with the leader's message, or say where the two may join. 5.3."""
    prev = message.prev
    if prev.index < commit:
        # T20: everything up to commit is the leader's too; there is nothing to do.
        return Merged(_accept(message, commit), commit, None)
    if not log.matches(prev):
        hint = log.find_by_term(prev.index, prev.term)
        rejected = AppendRejected(
            message.to,
            message.sender,
            message.term,
            prev,
            hint,
            message.stream,
            message.sequence,
        )
        return Merged(rejected, commit, None)
    replaced_from = log.merge(prev, message.prev_link, message.entries, commit)
    match = Index(prev.index + len(message.entries))
    # T21: no further than this message vouches for.
    reached = max(commit, min(message.commit, match))
    return Merged(_accept(message, match), reached, replaced_from)


def _accept(message: AppendEntries, match: Index) -> AppendAccepted:
    return AppendAccepted(
        message.to,
        message.sender,
        message.term,
        match,
        message.stream,
        message.sequence,
    )


class Leadership:
    """One leader in one term: its peers' progress, its quota, its commit rule.

    change_guard: no membership may be proposed before this index is applied (T51).
    removed_ticks: ticks since this leader applied its own removal (F6).
    """

    __slots__ = (
        "_log",
        "_marks",
        "_membership",
        "_node_id",
        "_options",
        "_out",
        "_own",
        "_own_bytes",
        "_own_match",
        "_releases",
        "_snapshot",
        "_streams",
        "_term",
        "_thrift",
        "change_guard",
        "peers",
        "removed_ticks",
    )

    def __init__(
        self,
        node_id: NodeId,
        term: Term,
        *,
        log: RaftLog,
        out: Outgoing,
        options: Options,
        membership: Membership,
        releases: Releases,
        marks: Marks = NO_MARKS,
        snapshot: Snapshot | None = None,
    ) -> None:
        self._releases = releases
        self._marks = marks
        self._snapshot = snapshot
        self._node_id = node_id
        self._term = term
        self._log = log
        self._out = out
        self._options = options
        self._membership = membership
        self._streams = 0
        self._own_match = log.held
        self._own: deque[tuple[Index, int]] = deque()  # uncommitted: index, payload
        self._own_bytes = 0
        self._thrift = Thrift(options.held_back_bytes_max, Index(log.last + 1))
        self.change_guard = log.last
        self.removed_ticks = 0
        self.peers: dict[NodeId, Progress] = {}
        self.reconfigure(membership, next_=Index(log.last + 1))

    def reconfigure(self, membership: Membership, *, next_: Index) -> None:
        """Follow a membership that is in force; who stays keeps its progress (T59).

        next_: what a new peer is probed with.
        """
        self._membership = membership
        self._thrift.forget()
        follow_members(
            self.peers,
            [member for member in membership.members if member != self._node_id],
            next_=next_,
            new_stream=self._next_stream,
        )

    def dismiss(self, membership: Membership, commit: Index) -> None:
        """Tell who is removed that its removal is committed, for nobody will tell it later."""
        for peer, progress in self.peers.items():
            is_told = progress.match >= membership.index
            if peer not in membership.members and is_told:
                self._send(peer, progress, commit, with_entries=False)

    # Appending, and the quota.

    def has_room(self, payload_bytes: int) -> bool:
        """Return whether the quota admits the payload (F17).

        Empty entries always pass, and so does any single entry when nothing is uncommitted.
        """
        if payload_bytes == 0 or self._own_bytes == 0:
            return True
        return self._own_bytes + payload_bytes <= self._options.uncommitted_bytes_max

    def appended(self, entry: Entry) -> None:
        """Count an entry of this term against the quota by its payload (T32)."""
        assert entry.term == self._term, (entry.id, self._term)
        self._own.append((entry.index, len(entry.payload)))
        self._own_bytes += len(entry.payload)
        self._thrift.appended(entry.size_bytes)

    def committed(self, commit: Index) -> None:
        """Give back the quota of what is committed."""
        while self._own and self._own[0][0] <= commit:
            self._own_bytes -= self._own.popleft()[1]
        assert bool(self._own) or self._own_bytes == 0  # R16
        thrift = self._thrift
        if thrift.is_decided(commit):
            voters = self._membership.all_voters
            held = [(peer, p.match) for peer, p in self.peers.items() if peer in voters]
            if thrift.decide(held):
                self._marks.covers("append.quickest_changed")

    # Answers of peers.

    def heard(self, peer: NodeId) -> None:
        """Note that the peer lives (F2)."""
        progress = self.peers.get(peer)
        if progress is not None:
            progress.is_active = progress.has_answered = True
            progress.silent_ticks = 0

    def tick(self, ticks: int) -> None:
        """Count the silence of peers; probe again who says nothing about an offer (T62)."""
        for progress in self.peers.values():
            progress.silent_ticks += ticks
            if progress.mode is Mode.SNAPSHOT:
                progress.offer_ticks += ticks
                if progress.offer_ticks >= self._options.snapshot_ticks_max:
                    self._marks.covers("snapshot.offer_expired")
                    progress.offer_ended(Event.EXPIRED, self._next_stream())

    def accepted(self, message: AppendAccepted) -> bool:
        """Note an ack; return whether the commit index may have moved."""
        progress = self.peers.get(message.sender)
        joins = message.match >= self._log.anchor.at
        if progress is None or not (
            progress.stream == message.stream
            or (joins and progress.is_joined_by(message.stream))
        ):
            self._marks.covers("append.stale_ack")
            return False  # T25: superseded
        assert message.match <= self._log.last, (message, self._log.last)
        if progress.mode is Mode.SNAPSHOT and joins:
            self._marks.covers("snapshot.joined_by_ack")
        return progress.accepted(message.match, joins=joins)

    def rejected(self, message: AppendRejected) -> None:
        """Step the peer back to where its log may join ours."""
        progress = self.peers.get(message.sender)
        if progress is None:
            return
        corrupt_from = message.corrupt_from
        is_news = message.stream == 0 and corrupt_from <= progress.match
        if progress.stream != message.stream and not is_news:
            self._marks.covers("append.superseded_rejection")
            return  # T25
        if corrupt_from:
            progress.corrupt(corrupt_from=corrupt_from, stream=self._next_stream())
            return
        hint, base = message.hint, self._log.anchor.id
        if hint.index < base.index or hint.term < base.term:
            # The logs join below what ours still holds: the next attempt finds a snapshot (T30).
            joins_at = min(hint.index, Index(base.index - 1))
        else:
            # F16: skip our own entries of terms that the peer cannot have at this place.
            joins_at = self._log.find_by_term(hint.index, hint.term).index
        is_current = progress.rejected(
            prev=message.prev.index,
            joins_at=joins_at,
            stream=self._next_stream(),
        )
        if not is_current:
            self._marks.covers("append.stale_rejection")

    def heartbeat_answered(self, message: HeartbeatReply, commit: Index) -> None:
        """Send what the peer lacks, or an empty append that finds out (F14, T27).

        Remembers what the peer says of its disk (F8, F36).
        """
        peer = message.sender
        progress = self.peers.get(peer)
        if progress is None:
            return
        progress.has_reported = True
        progress.is_slow, progress.free_bytes = message.is_slow, message.free_bytes
        progress.state_wanted = message.wants_state
        if progress.state_wanted and progress.may_nudge:  # R16: once a heartbeat
            self._offer_state(peer, progress)
        if not progress.asked() or progress.mode is Mode.SNAPSHOT:
            return
        if progress.match == progress.next - 1 and self._is_held_back(peer, progress):
            return  # nothing is on the way, so nothing was lost
        if progress.match < self._log.last or progress.mode is Mode.PROBE:
            is_full = progress.is_full(self._options)
            if is_full:
                self._marks.covers("append.nudged_through_full_window")
            self._send(peer, progress, commit, with_entries=not is_full)

    def peer_lost(self, peer: NodeId) -> None:
        """Forget what was on the way to the peer and probe it again."""
        progress = self.peers.get(peer)
        if progress is not None:
            self._marks.covers("append.peer_lost")
            progress.lost(self._next_stream())
        self._thrift.forget()

    def snapshot_ended(self, peer: NodeId, *, ok: bool) -> None:
        """Note that a peer has fetched what it was offered, or has failed to."""
        progress = self.peers.get(peer)
        if progress is not None:
            event = Event.SENT if ok else Event.FAILED
            if progress.mode is Mode.SNAPSHOT and not ok:
                self._marks.covers("snapshot.attempt_failed")
            progress.offer_ended(event, self._next_stream())

    # Snapshots.

    def wants_snapshot(self, applied: Index) -> bool:
        """Whether a peer that lives needs a snapshot and none at hand would help it (F28).

        Nor is one made that would not: who asks for more than is applied waits for it (T29).
        """
        at_hand = self._snapshot.index if self._snapshot is not None else NO_INDEX
        for peer, progress in self.peers.items():  # asked with every turn
            if (
                (
                    at_hand < progress.state_wanted <= applied
                    or (progress.mode is Mode.SNAPSHOT and not progress.is_offered)
                )
                and progress.silent_ticks < self._options.election_base_ticks
                and self._releases.speaks(peer, SnapshotOffer)
            ):
                return True
        return False

    def snapshot_made(self, snapshot: Snapshot | None) -> None:
        """Offer this one from now on, first of all to those who wait for one; None: none."""
        self._snapshot = snapshot
        for peer, progress in self.peers.items():
            if progress.mode is Mode.SNAPSHOT and not progress.is_offered:
                self._offer(peer, progress)

    def _offer_state(self, peer: NodeId, progress: Progress) -> None:
        """Offer a peer whose state is bad the snapshot at hand; its log needs none (F37)."""
        snapshot, wanted = self._snapshot, progress.state_wanted
        if snapshot is None or snapshot.index < wanted:
            return  # one is made
        self._marks.covers("snapshot.offered_for_state")
        self._out.send(
            SnapshotOffer(
                self._node_id,
                peer,
                self._term,
                snapshot,
                progress.stream,
                progress.sequence,
            )
        )

    def _offer(self, peer: NodeId, progress: Progress) -> None:
        """Offer the snapshot at hand, if it joins the log and brings the peer forward."""
        snapshot = self._snapshot
        if (
            snapshot is None
            or snapshot.index < self._log.anchor.at
            or snapshot.index <= progress.match
            or not self._releases.speaks(peer, SnapshotOffer)
        ):
            return
        progress.offer(snapshot.index)
        self._marks.covers("snapshot.offered")
        self._out.send(
            SnapshotOffer(
                self._node_id,
                peer,
                self._term,
                snapshot,
                progress.stream,
                progress.sequence,
            )
        )

    def persisted(self) -> None:
        """Count the leader's own copy: only what is durable (T5) and intact (F33)."""
        self._own_match = self._log.held

    # Quorums.

    def quorum_match(self) -> Index:
        """Return what a quorum of each half holds durably (T26, R7)."""
        matches: dict[NodeId, int] = {
            peer: progress.match for peer, progress in self.peers.items()
        }
        matches[self._node_id] = self._own_match
        membership = self._membership
        reached = joint_reached(membership.voters, membership.outgoing, matches)
        assert reached < EVERYTHING, membership
        return Index(reached)

    def match_of_all(self) -> Index:
        """Return what every voter of the membership in force holds durably, outgoing ones too."""
        voters = self._membership.all_voters
        held = [
            self._own_match if voter == self._node_id else self.peers[voter].match
            for voter in voters
        ]
        return Index(min(held, default=self._own_match))

    def take_activity(self) -> bool:
        """Return whether a quorum was heard since the last call, and start anew (F2)."""
        votes = {self._node_id: True}
        for peer, progress in self.peers.items():
            votes[peer] = progress.was_active = progress.is_active
            progress.is_active = False
        membership = self._membership
        return joint_vote(membership.voters, membership.outgoing, votes) is Vote.WON

    # Sending.

    def heartbeat(
        self,
        commit: Index,
        read_position: int,
        *,
        timed: bool,
        checkpoint: Checkpoint | None = None,
        agreed: Checkpoint | None = None,
    ) -> None:
        """Send a heartbeat to everybody. Its commit is matched by its receiver (T22)."""
        for peer, progress in self.peers.items():
            told = min(progress.match, commit)
            self._out.send(
                Heartbeat(
                    self._node_id,
                    peer,
                    self._term,
                    told,
                    read_position,
                    checkpoint,
                    agreed,
                )
            )
            progress.told = max(progress.told, told)
            progress.may_nudge = progress.may_nudge or timed

    def flush(self, commit: Index, *, tell_commit: bool, may_hold: bool) -> None:
        """Send each peer what it lacks, as far as its window reaches.

        tell_commit: also send the commit index to a peer that nothing else is sent to. Without
            it the index waits for the next entries or the next tick: a commit costs no message.
        may_hold: new entries may wait as well, for peers that the quickest quorum does without.
        """
        last, thrift = self._log.last, self._thrift
        may_hold = may_hold and thrift.may_hold and self._are_quickest_ready()
        if not may_hold:
            thrift.went_to_all(last, commit, is_fair=not tell_commit)
        for peer, progress in self.peers.items():
            if may_hold and self._is_held_back(peer, progress):
                self._marks.covers("append.held_back")
                continue
            while progress.next <= last and not progress.is_full(self._options):
                self._send(peer, progress, commit, with_entries=True)
            if progress.next <= last and progress.mode is Mode.REPLICATE:
                self._marks.covers("append.window_full")
            if (
                tell_commit
                and progress.mode is Mode.REPLICATE
                and progress.told < min(commit, progress.next - 1)
                and not progress.is_full(self._options)
            ):
                # Nothing to carry the commit index: it travels alone.
                self._send(peer, progress, commit, with_entries=False)

    @property
    def is_holding(self) -> bool:
        """Whether entries went to the quickest quorum and not yet to everybody."""
        return self._thrift.held_from <= self._log.last

    def is_caught_up(self, progress: Progress, commit: Index) -> bool:
        """Whether a peer holds all that is committed, but for what is held back from it."""
        return progress.match >= min(commit, self._thrift.held_from - 1)

    def held_no_longer(self) -> None:
        """Note that nothing new is held back; what is, goes with the next entry or tick."""
        if any(self._is_held_back(peer, p) for peer, p in self.peers.items()):
            self._marks.covers("append.held_no_longer")

    def race_soon(self) -> None:
        """Find out anew who is quickest: the next entries go to everybody at once."""
        self._thrift.race_soon()

    def _are_quickest_ready(self) -> bool:
        """Whether those that entries go to at once can take them."""
        assert self._thrift.quickest is not None
        for peer in self._thrift.quickest:
            progress = self.peers[peer]
            if progress.mode is not Mode.REPLICATE or progress.is_full(self._options):
                return False
        return True

    def _is_held_back(self, peer: NodeId, progress: Progress) -> bool:
        """Whether all that was not sent to the peer is what the quickest quorum gets first."""
        thrift = self._thrift
        return (
            thrift.quickest is not None
            and peer not in thrift.quickest
            and progress.next >= thrift.held_from
            and progress.next <= self._log.last
        )

    def _send(
        self, peer: NodeId, progress: Progress, commit: Index, *, with_entries: bool
    ) -> None:
        log = self._log
        before = Index(progress.next - 1)
        if before < log.anchor.at:
            # T30: a prefix we no longer have is never "no prev": the peer needs a snapshot.
            progress.compacted(self._next_stream())
            self._offer(peer, progress)
            return
        term = log.term(before)
        link = log.link(before)
        assert term is not None, f"entry {before} is missing from the log"
        assert link is not None, f"link {before} is missing from the log"  # T31
        entries: tuple[Entry, ...] = ()
        if with_entries and progress.next <= log.last:
            limit = self._options.append_bytes_max
            entries = tuple(log.entries(progress.next, log.last, limit))
        progress.sequence += 1
        self._out.send(
            AppendEntries(
                self._node_id,
                peer,
                self._term,
                EntryId(term, before),
                link,
                entries,
                commit,
                progress.stream,
                progress.sequence,
            )
        )
        size_bytes = sum([entry.size_bytes for entry in entries])
        progress.sent(Index(before + len(entries)), size_bytes, commit)

    def _next_stream(self) -> int:
        self._streams += 1
        return self._streams
