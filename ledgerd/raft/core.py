"""`RaftCore`: the calls, the term rule, dispatch by role, and every change of role.

The core is a synchronous state machine. What happens to it is a call; what it wants done is in
the next `Ready`; it only ever reads its own log. How to drive it stands in `ledgerd.raft`.
Decisions live in the siblings: elections, replication, reads. The state they act on lives here.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, NoReturn, assert_never

from ledgerd import limits
from ledgerd.errors import CorruptionError, Reason
from ledgerd.raft.elections import (
    Ballot,
    ElectionTimer,
    Voter,
    is_sticky,
    may_pre_vote,
    may_vote,
)
from ledgerd.raft.entries import (
    NO_NODE,
    Entry,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.log import LogReader, RaftLog
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Heartbeat,
    HeartbeatReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndexReply,
    ReadIndexRequest,
    RequestVote,
    RequestVoteReply,
    TermOver,
)
from ledgerd.raft.options import Jitter, Linker, Options, Rules
from ledgerd.raft.outgoing import Outgoing
from ledgerd.raft.quorum import Vote
from ledgerd.raft.reads import Reads
from ledgerd.raft.ready import (
    Proposed,
    ReadTicket,
    Ready,
    Refused,
    RoleChange,
    Ticket,
)
from ledgerd.raft.replication import Leadership, follow
from ledgerd.raft.status import PeerStatus, Status

__all__ = [
    "EMPTY_PAIRS",
    "Jitter",
    "Linker",
    "Options",
    "PeerStatus",
    "Proposed",
    "RaftCore",
    "Refused",
    "Rules",
    "Status",
]

_LEADER_ANSWERS: Final = (AppendAccepted, AppendRejected, HeartbeatReply)

# Messages of the current term that change nothing in this role: answers to a role it has left.
EMPTY_PAIRS: Final = frozenset(
    {
        *(
            (role, answer)
            for role in (Role.FOLLOWER, Role.PRE_CANDIDATE, Role.CANDIDATE)
            for answer in _LEADER_ANSWERS
        ),
        *((role, PreVoteReply) for role in Role if role is not Role.PRE_CANDIDATE),
        *((role, RequestVoteReply) for role in Role if role is not Role.CANDIDATE),
        *((role, ReadIndexRequest) for role in Role if role is not Role.LEADER),
        (Role.LEADER, ReadIndexReply),
        *((role, TermOver) for role in Role),
    }
)


@dataclass(frozen=True, slots=True)
class _Write:
    """A Ready whose write is not acknowledged yet: the term and vote it carries."""

    ticket: Ticket
    term: Term
    vote: NodeId


class RaftCore:
    """One node's consensus. Not thread-safe: one owner calls it (T70)."""

    def __init__(
        self,
        node_id: NodeId,
        *,
        options: Options,
        membership: Membership,
        hard_state: HardState,
        log: LogReader,
        applied: Index,
        jitter: Jitter,
        link: Linker,
        rules: Rules = Rules.STRICT,
    ) -> None:
        first, last = log.first_index(), log.last_index()
        assert node_id != NO_NODE, "node ids start at 1"
        # T11, T12: a log shorter than what was known committed or applied has lost data.
        assert hard_state.commit <= last, (hard_state, last)
        assert first - 1 <= applied <= last, (first, applied, last)
        self.node_id = node_id
        self._options = options
        self._rules = rules
        self._membership = membership
        self._log = RaftLog(log, link=link, recent_bytes_max=options.recent_bytes_max)
        # T4: no entry is durable in a term above the stored one.
        assert last < first or self._log.last_id.term <= hard_state.term, hard_state
        self._term = hard_state.term
        self._vote = hard_state.vote
        self._role = Role.FOLLOWER
        self._leader = NO_NODE
        self._commit = max(hard_state.commit, applied)  # stored lazily (T11)
        self._applied = applied
        self._apply_end = applied  # the last index handed out for applying
        self._page: list[Entry] = []  # what was handed out, if it had to be read

        self._jitter = jitter
        self._timer = ElectionTimer(options.election_base_ticks, jitter)
        self._ballot = Ballot(membership)
        self._leadership: Leadership | None = None
        self._heartbeat_ticks = 0
        self._quorum_ticks = 0
        self._out = Outgoing(node_id)
        self._reads = Reads(
            node_id,
            self._out,
            jitter=jitter,
            retry_ticks=2 * options.heartbeat_ticks,
            give_up_ticks=2 * options.election_base_ticks,
        )

        self._last_ticket = Ticket(0)
        self._writes: deque[_Write] = deque()
        self._durable_vote = (self._term, self._vote)
        self._handed_hard = hard_state
        self._handed_role = RoleChange(self._role, self._term, self._leader)
        self._lost_from: Index | None = None
        self._must_flush = False

    # What happens to it.

    def step(self, message: Message) -> None:
        """Take a message of a peer: the term rule first, then the role's handler. 5.1."""
        assert message.to == self.node_id != message.sender, message
        if message.term > self._term:
            if not self._admit_newer_term(message):
                return
        elif message.term < self._term:
            self._answer_older_term(message)
            return
        if (self._role, type(message)) in EMPTY_PAIRS:
            return
        match message:
            case AppendEntries():
                self._on_append(message)
            case AppendAccepted():
                self._on_accepted(message)
            case Heartbeat():
                self._on_heartbeat(message)
            case HeartbeatReply():
                self._on_heartbeat_reply(message)
            case AppendRejected():
                leadership = self._heard(message.sender)
                leadership.rejected(message)
                self._must_flush = True
            case ReadIndexRequest():
                self._heard(message.sender)
                self._reads.requested(message)
            case ReadIndexReply():
                self._reads.answered(message)
            case PreVote():
                self._on_pre_vote(message)
            case PreVoteReply():
                if message.asked_term == self._term + 1:
                    self._count(message.sender, granted=message.granted)
            case RequestVote():
                self._on_request_vote(message)
            case RequestVoteReply():
                self._count(message.sender, granted=message.granted)
            case TermOver():
                pass  # its term has done its work
            case _:
                assert_never(message)

    def tick(self, elapsed: int = 1, missed: int = 0) -> None:
        """Let `elapsed` ticks pass, after `missed` ones that this process slept through."""
        if self._role is Role.LEADER:
            self._tick_leader(elapsed + missed, missed)
        elif self._timer.advance(elapsed, missed):
            self.campaign()
        self._reads.tick(elapsed, has_leader=self._leader != NO_NODE)

    def propose(
        self, kind: EntryKind, payload: bytes, ts_us: int
    ) -> Proposed | Refused:
        """Append an entry as leader, or refuse: always definite. Nobody forwards (F19)."""
        assert len(payload) <= limits.ENTRY_BYTES_MAX, len(payload)
        leadership = self._leadership
        if leadership is None:
            known = self._leader != NO_NODE
            reason = Reason.NOT_LEADER if known else Reason.NO_LEADER
            return Refused(reason, self._leader)
        if not leadership.has_room(len(payload)):
            return Refused(Reason.UNCOMMITTED_QUOTA, self.node_id)
        entry = self._append(leadership, kind, payload, ts_us)
        return Proposed(entry.id, entry.ts_us)

    def read(self) -> ReadTicket | Refused:
        """Register a read; a later Ready names the index that answers it, or gives up."""
        if self._leader == NO_NODE:
            return Refused(Reason.NO_LEADER, NO_NODE)
        return self._reads.register()

    def campaign(self) -> None:
        """Ask for an election now. A leader never does, nor a node without a vote (T40)."""
        if self._role is Role.LEADER:
            return
        if self.node_id not in self._membership.all_voters:
            self._timer.arm()
            return
        if self._rules.pre_vote:
            self._become_pre_candidate()
        else:
            self._become_candidate()

    def forget_leader(self) -> None:
        """Drop the known leader; term, vote and timer stay."""
        if self._role is Role.FOLLOWER and self._leader != NO_NODE:
            self._set_leader(NO_NODE)

    def peer_lost(self, node_id: NodeId) -> None:
        """Note that the connection to a peer broke: its window is forgotten."""
        if self._leadership is not None:
            self._leadership.peer_lost(node_id)

    # What it wants done.

    def ready(self) -> Ready | None:
        """Hand out everything new since the last call, or None."""
        self._flush()
        hard = HardState(self._term, self._vote, self._commit)
        is_new_hard = hard != self._handed_hard
        role = RoleChange(self._role, self._term, self._leader)
        is_new_role = role != self._handed_role
        has_early = bool(self._out.early) and self._may_send_early()
        apply = self._next_apply()
        if not (
            is_new_hard
            or is_new_role
            or has_early
            or apply is not None
            or self._log.has_unwritten
            or self._out.late
            or self._reads.has_results
            or self._lost_from is not None
        ):
            return None
        ticket = self._last_ticket = Ticket(self._last_ticket + 1)
        entries = self._log.hand_out(ticket)
        handed = self._handed_hard
        ready = Ready(
            ticket=ticket,
            hard_state=hard if is_new_hard else None,
            entries=entries,
            # C6: a commit index alone may wait for the next write.
            must_sync=bool(entries)
            or (hard.term, hard.vote) != (handed.term, handed.vote),
            send_early=self._out.take_early() if has_early else (),
            send_after=self._out.take_late(),
            apply=apply,
            reads=tuple(self._reads.confirmed),
            reads_failed=tuple(self._reads.failed),
            lost_from=self._lost_from,
            role_change=role if is_new_role else None,
        )
        assert self._commit <= self._log.last, (self._commit, self._log.last)  # R3
        self._writes.append(_Write(ticket, self._term, self._vote))
        self._handed_hard = hard
        self._handed_role = role
        self._reads.confirmed.clear()
        self._reads.failed.clear()
        self._lost_from = None
        return ready

    def persisted(self, ticket: Ticket) -> None:
        """Note that this Ready and all before it are durable: own vote and own ack count (C3)."""
        writes = self._writes
        assert writes, f"ticket {ticket} was acknowledged before"
        assert writes[0].ticket <= ticket <= self._last_ticket, (writes[0], ticket)
        while writes and writes[0].ticket <= ticket:
            write = writes.popleft()
            self._durable_vote = (write.term, write.vote)
        self._log.persisted(ticket)
        if self._leadership is not None:
            self._leadership.persisted()
            self._advance_commit(self._leadership)
        elif self._role is Role.CANDIDATE and self._durable_vote == (
            self._term,
            self.node_id,
        ):
            self._count(self.node_id, granted=True)

    def applied(self, index: Index) -> None:
        """Note that the state machine holds everything up to `index` of the range handed out."""
        assert self._applied <= index <= self._apply_end, (
            self._applied,
            index,
            self._apply_end,
        )
        self._applied = index
        self._log.forget(index)
        if index == self._apply_end:
            self._page = []

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        """Return committed and durable entries, cut to `bytes_max` but at least one (C4)."""
        assert last <= min(self._commit, self._log.durable), (last, self._commit)  # T6
        page = self._page
        if page and page[0].index <= first and last <= page[-1].index:
            page = page[first - page[0].index : last - page[0].index + 1]
            size_bytes = sum([entry.size_bytes for entry in page])
            if size_bytes <= bytes_max:
                return page
        return self._log.entries(first, last, bytes_max)

    def status(self) -> Status:
        """Return a frozen view of everything."""
        peers = self._leadership.peers if self._leadership is not None else {}
        return Status(
            node_id=self.node_id,
            role=self._role,
            term=self._term,
            vote=self._vote,
            leader=self._leader,
            commit=self._commit,
            durable=self._log.durable,
            applied=self._applied,
            first=self._log.first,
            last=self._log.last,
            membership=self._membership,
            peers=tuple(
                PeerStatus(
                    peer,
                    progress.mode,
                    progress.match,
                    progress.next,
                    len(progress.window),
                    progress.window_bytes,
                    progress.is_active,
                )
                for peer, progress in sorted(peers.items())
            ),
        )

    # The term rule. 5.1.

    def _admit_newer_term(self, message: Message) -> bool:
        """Take over the newer term if the message may spread it; return whether to go on."""
        match message:
            case PreVote():
                # It asks about a term nobody has entered (F1); a live leader outvotes it (F3).
                return not self._is_sticky()
            case PreVoteReply():
                if message.granted:
                    return self._is_answer_to_pre_vote(message)
                self._become_follower(message.term, NO_NODE)
            case RequestVote():
                if not message.forced and self._is_sticky():  # T38
                    return False
                self._become_follower(message.term, NO_NODE)
            case AppendEntries() | Heartbeat():
                self._become_follower(message.term, message.sender)
            case _:
                self._become_follower(message.term, NO_NODE)
        return True

    def _answer_older_term(self, message: Message) -> None:
        """Say so to whoever would go on in an older term; drop the rest. 5.1, T36."""
        out, me, sender = self._out, self.node_id, message.sender
        match message:
            case AppendEntries() | Heartbeat():
                out.send(TermOver(me, sender, self._term))
            case RequestVote():
                out.send(RequestVoteReply(me, sender, self._term, granted=False))
            case PreVote():
                self._on_pre_vote(message)
            case PreVoteReply():
                # A refusal carries the refuser's own term (T35), which may be older.
                if not message.granted and self._is_answer_to_pre_vote(message):
                    self._count(sender, granted=False)
            case _:
                pass

    def _is_answer_to_pre_vote(self, message: PreVoteReply) -> bool:
        return self._role is Role.PRE_CANDIDATE and message.asked_term == self._term + 1

    def _is_sticky(self) -> bool:
        return is_sticky(
            self._voter(), self._timer, check_quorum=self._rules.check_quorum
        )

    def _voter(self) -> Voter:
        return Voter(
            self.node_id,
            self._term,
            self._vote,
            self._role,
            self._leader,
            self._log.last_id,
        )

    # Elections. 5.2, 5.4.1.

    def _on_pre_vote(self, message: PreVote) -> None:
        granted = may_pre_vote(
            self._voter(),
            message.sender,
            message.term,
            message.last,
            self._membership,
        )
        # T35: granted in the asked term, refused in our own.
        term = message.term if granted else self._term
        self._out.send(
            PreVoteReply(self.node_id, message.sender, term, granted, message.term)
        )

    def _on_request_vote(self, message: RequestVote) -> None:
        granted = may_vote(
            self._voter(), message.sender, message.last, self._membership
        )
        if granted:
            assert self._vote in (NO_NODE, message.sender), self._vote  # R1
            self._vote = message.sender
            self._timer.elapsed = 0
        self._out.send(
            RequestVoteReply(self.node_id, message.sender, self._term, granted)
        )

    def _count(self, sender: NodeId, *, granted: bool) -> None:
        outcome = self._ballot.count(sender, granted=granted)
        if outcome is Vote.LOST:
            self._become_follower(self._term, NO_NODE)
        elif outcome is Vote.WON:
            if self._role is Role.PRE_CANDIDATE:
                self._become_candidate()
            else:
                self._become_leader()

    # Following. 5.3.

    def _on_append(self, message: AppendEntries) -> None:
        self._follow(message.sender)
        merged = follow(self._log, message, self._commit)
        if merged.replaced_from is not None:
            self._lose(merged.replaced_from)
        self._commit_to(merged.commit)
        self._out.send(merged.reply)

    def _on_heartbeat(self, message: Heartbeat) -> None:
        self._follow(message.sender)
        if message.commit > self._log.last:
            self._report_loss(message)
        self._commit_to(max(self._commit, message.commit))
        self._out.send(
            HeartbeatReply(
                self.node_id,
                message.sender,
                self._term,
                message.read_position,
                self._applied,
            )
        )

    def _report_loss(self, message: Heartbeat) -> NoReturn:
        # T12, T22: the leader only names what we acked, so what we acked is gone.
        raise CorruptionError(
            f"node {self.node_id} acknowledged entries up to {message.commit} in term "
            f"{message.term}, but its log ends at {self._log.last}: the disk lost data; "
            "replace this node"
        )

    def _follow(self, leader: NodeId) -> None:
        """Recognise the leader of the current term and give it another timeout."""
        # R1: a term has one leader.
        assert self._role is not Role.LEADER, f"{leader} leads term {self._term} too"
        assert self._leader in (NO_NODE, leader), (self._leader, leader, self._term)
        if self._role is not Role.FOLLOWER or self._leader != leader:
            self._become_follower(self._term, leader)
        self._timer.elapsed = 0

    # Leading. 5.3, 5.4.2.

    def _on_accepted(self, message: AppendAccepted) -> None:
        leadership = self._heard(message.sender)
        if leadership.accepted(message):
            self._advance_commit(leadership)
        self._must_flush = True

    def _on_heartbeat_reply(self, message: HeartbeatReply) -> None:
        leadership = self._heard(message.sender)
        self._reads.acked(message.sender, message.read_position)
        self._reads.confirm(self._membership, self._term)
        leadership.heartbeat_answered(message.sender, self._commit)
        self._must_flush = True

    def _heard(self, peer: NodeId) -> Leadership:
        leadership = self._leadership
        assert leadership is not None, self._role
        leadership.heard(peer)
        return leadership

    def _append(
        self, leadership: Leadership, kind: EntryKind, payload: bytes, ts_us: int
    ) -> Entry:
        entry = self._log.propose(self._term, kind, payload, ts_us)
        leadership.appended(entry)
        self._must_flush = True
        return entry

    def _advance_commit(self, leadership: Leadership) -> None:
        """Commit what a quorum holds, if it is of this term; older entries come with it."""
        reached = leadership.quorum_match()
        # T18, R10: entries of older terms are never committed by counting. 5.4.2.
        if reached > self._commit and self._log.term(reached) == self._term:
            self._commit_to(reached)
            leadership.committed(reached)
            self._must_flush = True

    def _tick_leader(self, ticks: int, missed: int) -> None:
        assert self._leadership is not None
        base = self._options.election_base_ticks
        self._quorum_ticks += ticks
        self._heartbeat_ticks += ticks
        if self._quorum_ticks >= base:
            self._quorum_ticks = 0
            if self._rules.check_quorum and self._has_lost_quorum(missed >= base):
                self._become_follower(self._term, NO_NODE)
                return
        if self._heartbeat_ticks >= self._options.heartbeat_ticks:
            self._heartbeat_ticks = 0
            self._leadership.heartbeat(self._commit, self._reads.position, timed=True)

    def _has_lost_quorum(self, has_slept: bool) -> bool:
        """Return whether a leader must go: it heard no quorum (F2) or slept a base (T83)."""
        assert self._leadership is not None
        is_heard = self._leadership.take_activity()
        is_alone = self._membership.all_voters == (self.node_id,)
        return not is_heard or (has_slept and not is_alone)

    def _flush(self) -> None:
        """Queue what the inputs since the last Ready made necessary."""
        reads = self._reads
        leadership = self._leadership
        if leadership is None:
            if reads.is_waiting and self._leader != NO_NODE:
                reads.ask(self._leader, self._term)
            return
        # T44: before the first commit of the term the commit index may be stale.
        if reads.is_waiting and self._log.term(self._commit) == self._term:
            position = reads.open_position(self._commit)
            leadership.heartbeat(self._commit, position, timed=False)
            reads.confirm(self._membership, self._term)
        if self._must_flush and self._may_send_early():
            self._must_flush = False
            leadership.flush(self._commit)

    def _may_send_early(self) -> bool:
        """Return whether early messages may leave before the next write.

        T82: a leader's rest on its vote for itself, so that must be durable first.
        """
        return self._role is not Role.LEADER or self._durable_vote == (
            self._term,
            self.node_id,
        )

    # Commit and apply.

    def _commit_to(self, commit: Index) -> None:
        assert self._commit <= commit <= self._log.last, (
            self._commit,
            commit,
            self._log.last,
        )  # R3, R8
        self._commit = commit

    def _next_apply(self) -> tuple[Index, Index] | None:
        """Return the next page to apply: committed and durable, and not handed out (C4, T6)."""
        end = min(self._commit, self._log.durable)
        if self._apply_end != self._applied or end <= self._applied:
            return None
        first = Index(self._applied + 1)
        # F20, T33: a page bounds the work, not the commit index.
        self._page = self._log.entries(first, end, self._options.apply_bytes_max)
        self._apply_end = self._page[-1].index
        return first, self._apply_end

    def _lose(self, index: Index) -> None:
        """Report that proposals waiting at `index` or above were superseded (T65)."""
        lost = self._lost_from
        self._lost_from = index if lost is None else min(lost, index)

    # Roles. Every change clears what belongs to the role before (T40).

    def _become_follower(self, term: Term, leader: NodeId) -> None:
        assert term >= self._term, (term, self._term)
        if term > self._term:
            self._term = term
            self._vote = NO_NODE
        if self._role is not Role.FOLLOWER:
            self._enter(Role.FOLLOWER)
        self._set_leader(leader)

    def _become_pre_candidate(self) -> None:
        self._enter(Role.PRE_CANDIDATE)
        self._set_leader(NO_NODE)
        asked = Term(self._term + 1)
        for peer in self._other_voters():
            self._out.send(PreVote(self.node_id, peer, asked, self._log.last_id))
        self._count(self.node_id, granted=True)

    def _become_candidate(self) -> None:
        self._enter(Role.CANDIDATE)
        self._set_leader(NO_NODE)
        self._term = Term(self._term + 1)
        self._vote = self.node_id  # counts when it is durable (T1, C3)
        for peer in self._other_voters():
            self._out.send(
                RequestVote(self.node_id, peer, self._term, self._log.last_id)
            )

    def _become_leader(self) -> None:
        assert self._role is Role.CANDIDATE, self._role
        self._enter(Role.LEADER)
        self._leadership = Leadership(
            self.node_id,
            self._term,
            log=self._log,
            out=self._out,
            options=self._options,
            membership=self._membership,
        )
        self._set_leader(self.node_id)
        # T34: an entry of our own term, or nothing older ever commits.
        self._append(self._leadership, EntryKind.NOOP, b"", 0)

    def _enter(self, role: Role) -> None:
        if self._leadership is not None:
            self._leadership = None
            if self._log.last > self._commit:
                self._lose(Index(self._commit + 1))
            self._out.take_early()  # of a leadership that is over
        self._role = role
        self._ballot = Ballot(self._membership)
        self._heartbeat_ticks = 0
        self._quorum_ticks = 0
        self._must_flush = False
        self._timer.arm()

    def _set_leader(self, leader: NodeId) -> None:
        if leader != self._leader:
            self._leader = leader
            self._reads.leader_changed()

    def _other_voters(self) -> list[NodeId]:
        return [v for v in self._membership.all_voters if v != self.node_id]
