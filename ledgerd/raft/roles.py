"""The state of a node in its term, and every change of role.

One mutable object, shared by `dispatch` (what messages do) and `core` (the calls). Whatever
belongs to one role dies with it here, and nowhere else (T40).
"""

from dataclasses import dataclass

from ledgerd.errors import Reason, SlotCorruptError
from ledgerd.raft.agreement import Agreements
from ledgerd.raft.elections import Ballot, ElectionTimer, Voter, is_sticky
from ledgerd.raft.entries import (
    GENESIS,
    NO_NODE,
    Entry,
    EntryId,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.health import Health
from ledgerd.raft.log import RaftLog
from ledgerd.raft.marks import Marks
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import (
    AppendAccepted,
    PreVote,
    RequestVote,
    SnapshotOffer,
)
from ledgerd.raft.options import Jitter, Options, Rules
from ledgerd.raft.outgoing import Outgoing
from ledgerd.raft.protocol import Releases
from ledgerd.raft.quorum import Vote
from ledgerd.raft.reads import Reads
from ledgerd.raft.ready import Cause, Refused, RoleChange
from ledgerd.raft.replication import Leadership
from ledgerd.raft.snapshots import Snapshot


@dataclass(slots=True)
class Transfer:
    """A transfer of the leadership under way (F5); `transfer` moves it on.

    cause: why; it becomes the cause of the step-down when the transfer comes about.
    is_told: the target was told to campaign.
    """

    to: NodeId
    cause: Cause
    ticks: int = 0
    is_told: bool = False


class Roles:
    """Term, vote, role, leader, commit, and what each role needs.

    leadership: exists exactly while this node leads.
    transfer: while this node leads and hands over; proposals and reads are fenced (T39, R17).
    durable_vote: the (term, vote) on disk; messages and votes rest on it (T81, T82).
    may_lead: False once this node can vote and store, but not serve (F26).
    is_suspecting: nobody listens where this node's leader was (F4).
    lost_from: proposals waiting here or above are superseded, since the last Ready (T65).
    offer: the last snapshot that a leader offered; it may be out of date.
    snapshot: what this node can offer to peers when it leads.
    must_flush: there may be something to send to a peer.
    must_tell_commit: peers are told the commit index even if nothing else is sent to them, and
        nothing is held back from them (`thrift`).
    may_hold_back: entries may be at other times, when this node leads.
    """

    __slots__ = (
        "agreements",
        "applied",
        "ballot",
        "cause",
        "commit",
        "durable_vote",
        "health",
        "heartbeat_ticks",
        "is_suspecting",
        "leader",
        "leadership",
        "log",
        "lost_from",
        "marks",
        "may_hold_back",
        "may_lead",
        "membership",
        "must_flush",
        "must_tell_commit",
        "node_id",
        "offer",
        "options",
        "out",
        "quorum_ticks",
        "reads",
        "releases",
        "role",
        "rules",
        "snapshot",
        "state_wanted",
        "term",
        "timer",
        "transfer",
        "vote",
    )

    def __init__(
        self,
        node_id: NodeId,
        *,
        options: Options,
        rules: Rules,
        membership: Membership,
        hard_state: HardState,
        log: RaftLog,
        applied: Index,
        jitter: Jitter,
        marks: Marks,
    ) -> None:
        self.node_id = node_id
        self.marks = marks
        self.options = options
        self.rules = rules
        self.membership = membership
        self.log = log
        self.out = Outgoing(node_id)
        self.reads = Reads(
            node_id,
            self.out,
            jitter=jitter,
            marks=marks,
            retry_ticks=2 * options.heartbeat_ticks,
            give_up_ticks=2 * options.election_base_ticks,
        )
        self.releases = Releases()
        self.agreements = Agreements(options.checkpoint_entries)
        self.health = Health(options)
        self.term = hard_state.term
        self.vote = hard_state.vote
        self.durable_vote = (hard_state.term, hard_state.vote)
        self.applied = applied
        self.commit = max(hard_state.commit, applied)  # stored lazily (T11)
        self.role = Role.FOLLOWER
        self.leader = NO_NODE  # a restarted node knows none, and may vote at once (T37)
        self.cause: Cause | None = None
        self.timer = ElectionTimer(options.election_base_ticks, jitter)
        self.ballot = Ballot(membership)
        self.leadership: Leadership | None = None
        self.transfer: Transfer | None = None
        self.is_suspecting = False
        self.heartbeat_ticks = 0
        self.quorum_ticks = 0
        self.lost_from: Index | None = None
        self.may_lead = True
        self.offer: SnapshotOffer | None = None
        self.state_wanted: Index | None = None
        self.snapshot: Snapshot | None = None
        self.may_hold_back = True
        self.must_flush = False
        self.must_tell_commit = False

    # Questions.

    def change(self) -> RoleChange:
        """Return role, term and leader as they are now."""
        return RoleChange(self.role, self.term, self.leader, self.cause)

    def voter(self) -> Voter:
        """Return what a decision about a vote rests on."""
        return Voter(
            self.node_id,
            self.term,
            self.vote,
            self.role,
            self.leader,
            self.log.last_id,
        )

    def committed(self) -> EntryId:
        """Return the last entry known to be committed; GENESIS if its slot is corrupt."""
        try:
            term = self.log.term(self.commit)
        except SlotCorruptError:
            return GENESIS
        return GENESIS if term is None else EntryId(term, self.commit)

    def is_sticky(self) -> bool:
        """Return whether a live leader is known, so that nobody else is voted for (F3)."""
        check_quorum = self.rules.check_quorum and not self.is_suspecting
        return is_sticky(self.voter(), self.timer, check_quorum=check_quorum)

    def refusal(self) -> Refused:
        """Return how a follower refuses what only a leader does: definite, with a hint (F19)."""
        is_known = self.leader != NO_NODE
        return Refused(Reason.NOT_LEADER if is_known else Reason.NO_LEADER, self.leader)

    def cause_of_newer_term(self, sender: NodeId) -> Cause:
        """Return why a newer term of `sender` ends this one: a transfer to it, if there is one."""
        transfer = self.transfer
        if transfer is not None and transfer.is_told and transfer.to == sender:
            return transfer.cause
        return Cause.NEWER_TERM

    @property
    def is_removed(self) -> bool:
        """Whether this node has no vote any more, and so must not lead (F6)."""
        membership, node_id = self.membership, self.node_id
        if node_id in membership.voters or node_id in membership.outgoing:
            return False
        return self.rules.step_down_on_removal

    def priority(self, node_id: NodeId) -> int:
        """Return the priority of a member; 0 if it was never given one (L1)."""
        record = self.membership.record(node_id)
        return 0 if record is None else record.priority

    def may_send_early(self) -> bool:
        """Return whether early messages may leave before the next write.

        T82: a leader's rest on its vote for itself, so that must be durable first.
        """
        if self.role is not Role.LEADER:
            return True
        return self.durable_vote == (self.term, self.node_id)

    # Changes of role.

    def become_follower(self, term: Term, leader: NodeId, cause: Cause) -> None:
        """Follow in this term, which is never an older one; leader may be unknown."""
        assert term >= self.term, (term, self.term)
        if term > self.term:
            self.term = term
            self.vote = NO_NODE  # R1: one vote in each term
            self.cause = cause
        if self.role is not Role.FOLLOWER:
            self._enter(Role.FOLLOWER, cause)
        self.set_leader(leader, cause)

    def campaign(self, cause: Cause, *, is_forced: bool = False) -> None:
        """Begin an election, unless this node leads, has no vote or may not lead (T40).

        With pre-vote a timeout during an election asks again and spends no term.
        is_forced: the leader handed over, so nobody need be asked before (T38).
        """
        if self.role is Role.LEADER:
            return
        if self.log.slots.first is not None:
            self.marks.covers(
                "slot.no_campaign"
            )  # F33: it could not send what it counts
            self._wait(cause)
            return
        if self.role is not Role.FOLLOWER:
            self.marks.covers("election.asked_again")
        if self.node_id not in self.membership.all_voters or not self.may_lead:
            self._wait(cause)
        elif self.log.has_change(self.commit):
            # T52: a committed membership that is not in force yet may have taken our vote.
            self.marks.covers("member.campaign_held")
            self._wait(cause)
        elif self.rules.pre_vote and not is_forced:
            self._become_pre_candidate(cause)
        else:
            self._become_candidate(cause, is_forced=is_forced)

    def suspect(self, peer: NodeId) -> None:
        """Begin an election within a heartbeat if `peer` led (F4): nobody listens there."""
        if (
            self.options.is_suspicion_quick
            and self.role is Role.FOLLOWER
            and self.leader == peer
        ):
            self.is_suspecting = True
            self.timer.hurry(self.options.heartbeat_ticks)

    def trust(self) -> None:
        """End a suspicion: whoever leads now, or asks to, gets a whole timeout."""
        if self.is_suspecting:
            self.is_suspecting = False
            self.timer.arm()

    def stop_leading(self, cause: Cause) -> None:
        """Give up leading and asking to, until the process starts again; vote and log stay."""
        self.may_lead = False
        if self.role is not Role.FOLLOWER:
            self.become_follower(self.term, NO_NODE, cause)

    def _wait(self, cause: Cause) -> None:
        """Let others campaign. A leader that fell silent binds this node's vote no longer (F3)."""
        self.timer.arm()
        if cause is Cause.TIMEOUT and self.role is Role.FOLLOWER:
            self.set_leader(NO_NODE, cause)

    def count(self, sender: NodeId, *, granted: bool) -> None:
        """Count a vote, and act when the ballot is decided. 5.2."""
        outcome = self.ballot.count(sender, granted=granted)
        if outcome is Vote.LOST:
            self.marks.covers("election.lost")
            self.become_follower(self.term, NO_NODE, Cause.VOTE_LOST)
        elif outcome is Vote.WON:
            if self.role is Role.PRE_CANDIDATE:
                self._become_candidate(Cause.VOTE_WON)
            else:
                self._become_leader()

    def set_leader(self, leader: NodeId, cause: Cause) -> None:
        """Know this leader, or none; unconfirmed reads start again with it."""
        if leader != self.leader:
            self.leader = leader
            self.cause = cause
            self.trust()
            self.reads.leader_changed()

    def _become_pre_candidate(self, cause: Cause) -> None:
        self._enter(Role.PRE_CANDIDATE, cause)
        self.set_leader(NO_NODE, cause)
        asked = Term(self.term + 1)
        last, commit = self.log.last_id, self.committed()
        for peer in self._other_voters():
            self.out.send(PreVote(self.node_id, peer, asked, last, commit))
        self.count(self.node_id, granted=True)

    def _become_candidate(self, cause: Cause, *, is_forced: bool = False) -> None:
        self._enter(Role.CANDIDATE, cause)
        self.set_leader(NO_NODE, cause)
        self.term = Term(self.term + 1)
        self.vote = self.node_id  # it counts when it is durable (T1, C3)
        for peer in self._other_voters():
            last = self.log.last_id
            self.out.send(RequestVote(self.node_id, peer, self.term, last, is_forced))

    def _become_leader(self) -> None:
        assert self.role is Role.CANDIDATE, self.role
        self._enter(Role.LEADER, Cause.VOTE_WON)
        self.agreements.elected()
        self.leadership = Leadership(
            self.node_id,
            self.term,
            log=self.log,
            out=self.out,
            options=self.options,
            membership=self.membership,
            releases=self.releases,
            marks=self.marks,
            snapshot=self.snapshot,
        )
        self.set_leader(self.node_id, Cause.VOTE_WON)
        # T34: an entry of our own term, or nothing older ever commits.
        noop = self.append(self.leadership, EntryKind.NOOP, b"", 0)
        self.leadership.change_guard = noop.index  # T51, T50

    def _enter(self, role: Role, cause: Cause) -> None:
        if self.leadership is not None:
            self.leadership = None
            if self.log.last > self.commit:
                self.marks.covers("leader.lost_tail")
                self.lose(Index(self.commit + 1))
            self.out.take_early()  # of a leadership that is over
        self.transfer = None
        self.is_suspecting = False
        self.role = role
        self.cause = cause
        self.ballot = Ballot(self.membership)
        self.heartbeat_ticks = 0
        self.quorum_ticks = 0
        self.must_flush = False
        self.must_tell_commit = False
        self.timer.arm()

    def _other_voters(self) -> list[NodeId]:
        return [v for v in self.membership.all_voters if v != self.node_id]

    # Log and commit.

    def append(
        self, leadership: Leadership, kind: EntryKind, payload: bytes, ts_us: int
    ) -> Entry:
        """Append an entry of this leader's term; it travels with the next Ready."""
        entry = self.log.propose(self.term, kind, payload, ts_us)
        leadership.appended(entry)
        self.must_flush = True
        return entry

    def advance_commit(self, leadership: Leadership) -> None:
        """Commit what a quorum holds, if it is of this term; older entries come with it."""
        reached = leadership.quorum_match()
        # T18, R10: entries of older terms are never committed by counting. 5.4.2.
        if reached <= self.commit:
            return
        if self.log.term(reached) != self.term:
            self.marks.covers("commit.older_term_waits")
            return
        self.commit_to(reached)
        leadership.committed(reached)
        self.must_flush = True

    def commit_to(self, commit: Index) -> None:
        """Move the commit index, never backwards (R8) and never past the log (R3)."""
        assert self.commit <= commit <= self.log.last, (
            self.commit,
            commit,
            self.log.last,
        )
        self.commit = commit

    def accept_offer(self, offer: SnapshotOffer) -> None:
        """Tell the leader that made this offer how far this node is; past the offer by now."""
        assert offer.snapshot.index <= self.commit, (offer, self.commit)
        self.offer = None
        self.out.send(
            AppendAccepted(
                self.node_id,
                offer.sender,
                self.term,
                min(self.commit, self.log.held),  # F33
                offer.stream,
                offer.sequence,
            )
        )

    def send_to_all(self) -> None:
        """Send every peer all that it lacks, with the commit index, in the next Ready."""
        self.must_flush = self.must_tell_commit = True

    def lose(self, index: Index) -> None:
        """Note that what stood at `index` or above is superseded.

        Proposals that wait for it are told (T65), and acks that have not left do not leave (R9).
        """
        self.out.withdraw_acks(index)
        lost = self.lost_from
        self.lost_from = index if lost is None else min(lost, index)
