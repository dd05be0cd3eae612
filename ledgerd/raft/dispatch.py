"""What each message does: the term rule first, then the handler of its class. 5.1 to 5.4."""

from typing import Final, NoReturn, assert_never

from ledgerd.errors import CorruptionError, SlotCorruptError
from ledgerd.raft.elections import may_pre_vote, may_vote
from ledgerd.raft.entries import GENESIS, NO_NODE, Index, NodeId, Role
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
    RepairReply,
    RepairRequest,
    RequestVote,
    RequestVoteReply,
    SnapshotOffer,
    TermOver,
    TimeoutNow,
)
from ledgerd.raft.quorum import Vote
from ledgerd.raft.ready import Cause
from ledgerd.raft.repair import Repairs, follow_damaged
from ledgerd.raft.replication import Leadership, Merged, follow
from ledgerd.raft.roles import Roles

# Messages of the current term that change nothing in this role: most are answers to a role that
# the node has left (T25).
EMPTY_PAIRS: Final[frozenset[tuple[Role, type[Message]]]] = frozenset(
    {
        *(
            (role, answer)
            for role in (Role.FOLLOWER, Role.PRE_CANDIDATE, Role.CANDIDATE)
            for answer in (AppendAccepted, AppendRejected, HeartbeatReply)
        ),
        *((role, PreVoteReply) for role in Role if role is not Role.PRE_CANDIDATE),
        *((role, RequestVoteReply) for role in Role if role is not Role.CANDIDATE),
        *((role, ReadIndexRequest) for role in Role if role is not Role.LEADER),
        (Role.LEADER, ReadIndexReply),
        (Role.LEADER, TimeoutNow),
        *((role, TermOver) for role in Role),  # its term has done its work
    }
)


class Dispatch:
    """Steps messages into the state of one node."""

    __slots__ = ("_repairs", "_roles")

    def __init__(self, roles: Roles, repairs: Repairs) -> None:
        self._roles = roles
        self._repairs = repairs

    def step(self, message: Message) -> None:
        """Take a message of a peer. Effects are in the next Ready."""
        roles = self._roles
        assert message.to == roles.node_id != message.sender, message
        # What proves itself needs no term: nodes without a leader repair each other (F34).
        if isinstance(message, RepairRequest):
            self._repairs.serve(message)
            return
        if isinstance(message, RepairReply):
            self._repairs.answered(message)
            return
        if isinstance(message, (PreVote, PreVoteReply)):
            self._learn_commit(message)
        if message.term > roles.term:
            if not self._admit_newer_term(message):
                return
            if isinstance(message, PreVoteReply):
                self._learn_commit(message)
        elif message.term < roles.term:
            self._answer_older_term(message)
            return
        if (roles.role, type(message)) in EMPTY_PAIRS:
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
            case SnapshotOffer():
                self._on_offer(message)
            case AppendRejected():
                self._heard(message.sender).rejected(message)
                roles.must_flush = True
            case ReadIndexRequest():
                self._heard(message.sender)
                roles.reads.requested(message)
            case ReadIndexReply():
                roles.reads.answered(message)
            case PreVote():
                self._on_pre_vote(message)
            case PreVoteReply():
                if self._is_answer_to_pre_vote(message):
                    self._count_pre_vote(message)
            case RequestVote():
                self._on_request_vote(message)
            case RequestVoteReply():
                roles.count(message.sender, granted=message.granted)
            case TimeoutNow():
                self._on_timeout_now(message)
            case TermOver():
                raise AssertionError(message)  # in EMPTY_PAIRS for every role
            case _:
                assert_never(message)

    # The term rule. 5.1.

    def _admit_newer_term(self, message: Message) -> bool:
        """Enter the newer term if the message may spread it; return whether to go on."""
        roles = self._roles
        match message:
            case PreVote():
                # It asks about a term nobody has entered (F1); a live leader outvotes it (F3).
                if roles.is_sticky():
                    roles.marks.covers("election.sticky")
                    return False
            case PreVoteReply() if message.granted:
                return self._is_answer_to_pre_vote(message)
            case RequestVote() if not message.forced and roles.is_sticky():  # T38
                roles.marks.covers("election.sticky")
                return False
            case AppendEntries() | Heartbeat() | SnapshotOffer() | TimeoutNow():
                cause = roles.cause_of_newer_term(message.sender)
                roles.become_follower(message.term, message.sender, cause)
            case _:
                cause = roles.cause_of_newer_term(message.sender)
                roles.become_follower(message.term, NO_NODE, cause)
        return True

    def _answer_older_term(self, message: Message) -> None:
        """Say so to whoever would go on in an older term, and drop the rest. 5.1, T36."""
        roles, sender = self._roles, message.sender
        match message:
            case AppendEntries() | Heartbeat() | SnapshotOffer():
                roles.marks.covers("election.term_over")
                roles.out.send(TermOver(roles.node_id, sender, roles.term))
            case RequestVote():
                reply = RequestVoteReply(roles.node_id, sender, roles.term, False)
                roles.out.send(reply)
            case PreVote():
                self._on_pre_vote(message)
            case PreVoteReply():
                # A refusal carries the refuser's own term (T35), which may be older.
                if not message.granted and self._is_answer_to_pre_vote(message):
                    if message.commit.index < roles.commit:
                        roles.ballot.behind.append(sender)
                    self._count_pre_vote(message)
            case _:
                pass

    def _is_answer_to_pre_vote(self, message: PreVoteReply) -> bool:
        roles = self._roles
        is_asking = roles.role is Role.PRE_CANDIDATE
        return is_asking and message.asked_term == roles.term + 1

    def _count_pre_vote(self, message: PreVoteReply) -> None:
        """Count an answer, and tell who is behind that its term is over if no leader lives.

        It learns of what is committed in our term once it has entered it. Where a leader lives its
        quorum is silent, and one that did not hear it yet must not depose it (F1). A ballot that is
        lost hears no more: half of an even half has refused then, and the rest is no quorum.
        """
        roles, ballot = self._roles, self._roles.ballot
        outcome = ballot.count(message.sender, granted=message.granted)
        if outcome is Vote.LOST or ballot.has_heard_quorum():
            for peer in ballot.behind:
                roles.out.send(TermOver(roles.node_id, peer, roles.term))
            ballot.behind.clear()
        roles.count(message.sender, granted=message.granted)

    # Votes. 5.2, 5.4.1, thesis 9.6.

    def _on_pre_vote(self, message: PreVote) -> None:
        roles = self._roles
        granted = may_pre_vote(
            roles.voter(), message.sender, message.term, message.last, roles.membership
        )
        # T35: granted in the asked term, refused in our own.
        term = message.term if granted else roles.term
        commit = GENESIS if granted else roles.committed()
        roles.out.send(
            PreVoteReply(
                roles.node_id, message.sender, term, granted, message.term, commit
            )
        )

    def _learn_commit(self, message: PreVote | PreVoteReply) -> None:
        """Commit up to an entry that a peer knows to be committed, if it is here (R3, R4).

        A removal is committed by those that stay, but the leader that left may be the only one to
        know, with a log that is longer than theirs: it leads no more and grants no vote. Told, they
        put their membership in force and elect one of themselves (raft-rs: maybe_commit_by_vote).
        The other way about, a node that is to vote may hold more than all who know that it does: it
        refuses them, and must hear from one that asks that it may ask itself.
        Whoever asks for votes asks no more until that is done (T52).
        Nobody learns of it in an older term than the sender's: a leader of that term may lack the
        entry, and followers acknowledge to it all that they know to be committed (T20, R9).
        """
        roles, commit = self._roles, message.commit
        senders = message.term - 1 if isinstance(message, PreVote) else message.term
        if senders > roles.term:
            return
        if commit.index <= roles.commit or roles.role is Role.LEADER:
            return  # a leader commits by counting alone (R10)
        try:
            if not roles.log.matches(commit):
                return
            if not roles.log.is_sure(commit.index, roles.commit):
                return
        except SlotCorruptError as error:
            roles.log.slot_corrupt(Index(error.index))
            return  # the message itself is answered all the same
        roles.commit_to(commit.index)
        if roles.role is not Role.FOLLOWER and roles.log.has_change(roles.commit):
            roles.marks.covers("member.campaign_held")
            roles.become_follower(roles.term, NO_NODE, Cause.VOTE_LOST)

    def _on_request_vote(self, message: RequestVote) -> None:
        roles = self._roles
        granted = may_vote(
            roles.voter(), message.sender, message.last, roles.membership
        )
        if granted:
            assert roles.vote in (NO_NODE, message.sender), roles.vote  # R1
            roles.vote = message.sender
            roles.timer.elapsed = 0
        elif message.last < roles.log.last_id:
            roles.marks.covers("election.vote_refused_for_log")
        roles.out.send(
            RequestVoteReply(roles.node_id, message.sender, roles.term, granted)
        )

    # Following. 5.3.

    def _on_append(self, message: AppendEntries) -> None:
        roles = self._roles
        self._recognise(message.sender)
        merged = self._follow(message)
        if isinstance(merged.reply, AppendRejected):
            is_gap = message.prev.index > roles.log.last
            roles.marks.covers("append.gap" if is_gap else "append.conflict")
        elif message.prev.index < roles.commit:
            roles.marks.covers("append.below_commit")
        if merged.replaced_from is not None:
            roles.lose(merged.replaced_from)
        roles.commit_to(merged.commit)
        if merged.reply is not None:
            roles.out.send(merged.reply)

    def _follow(self, message: AppendEntries) -> Merged:
        log, commit = self._roles.log, self._roles.commit
        if log.slots.first is None:
            return follow(log, message, commit)
        needs_leader = self._repairs.needs_leader()
        return follow_damaged(log, message, commit, needs_leader=needs_leader)

    def _on_offer(self, message: SnapshotOffer) -> None:
        """Take what the offer proves; what is missing is then fetched outside (T60, T64)."""
        roles, snapshot = self._roles, message.snapshot
        self._recognise(message.sender)
        wanted = self._repairs.state_wanted
        is_here = snapshot.index <= roles.commit or roles.log.has(snapshot.anchor)
        if is_here and not roles.log.is_sure(snapshot.index, roles.commit):
            is_here = None
        is_wanted = wanted is not None and wanted <= snapshot.index <= roles.log.last
        if is_here is None:
            self._repairs.offered_in_vain(snapshot.index)
            if not is_wanted:
                return  # F33: it is offered again; peers or a later one tell
        if is_wanted or not is_here:
            roles.offer = message
            return
        if snapshot.index > roles.commit:
            # R4: one (term, index), one link; so the prefix is here, and is committed.
            roles.log.check_link(snapshot.anchor)
            roles.marks.covers("snapshot.only_commit")
            roles.commit_to(snapshot.index)
        bad = roles.log.slots.first
        if bad is not None and bad <= snapshot.index:
            # F33: a corrupt slot is not acked, or the two would go round and round (T29). Nobody
            # who leads has its entry any more: the log is to begin behind it.
            roles.log.slots.superseded_by = snapshot.anchor
            self._repairs.offered_in_vain(snapshot.index)
            return
        roles.accept_offer(message)

    def _on_heartbeat(self, message: Heartbeat) -> None:
        roles = self._roles
        self._recognise(message.sender)
        if message.commit > roles.log.last:
            self._report_loss(message)
        roles.commit_to(max(roles.commit, message.commit))
        roles.agreements.heard(message.checkpoint, message.agreed, term=message.term)
        roles.out.send(
            HeartbeatReply(
                roles.node_id,
                message.sender,
                roles.term,
                message.read_position,
                roles.applied,
                roles.health.is_slow,
                roles.health.free_bytes,
                roles.agreements.verdict,
                self._repairs.snapshot_wanted,
            )
        )
        if not roles.log.slots.is_whole:
            self._repairs.tell_leader(message)

    def _on_timeout_now(self, message: TimeoutNow) -> None:
        """Take over: our log reaches the leader's, and it has fenced its own (F5).

        A node that is no voter in its own eyes stays what it is (T39).
        """
        self._recognise(message.sender)
        self._roles.marks.covers("transfer.taken_over")
        self._roles.campaign(Cause.TRANSFER, is_forced=True)

    def _report_loss(self, message: Heartbeat) -> NoReturn:
        # T12, T22: the leader only names what we acked, so what we acked is gone.
        raise CorruptionError(
            f"node {self._roles.node_id} acknowledged entries up to {message.commit} in "
            f"term {message.term}, but its log ends at {self._roles.log.last}: the disk "
            "lost data; bring it back under a new id: ledgerctl cluster replace"
        )

    def _recognise(self, leader: NodeId) -> None:
        """Follow the leader of the current term and give it another timeout."""
        roles = self._roles
        # R1: a term has one leader.
        assert roles.role is not Role.LEADER, f"{leader} leads term {roles.term} too"
        assert roles.leader in (NO_NODE, leader), (roles.leader, leader, roles.term)
        if roles.role is not Role.FOLLOWER or roles.leader != leader:
            roles.become_follower(roles.term, leader, Cause.LEADER_HEARD)
        roles.trust()
        roles.timer.elapsed = 0

    # Leading. 5.3.

    def _on_accepted(self, message: AppendAccepted) -> None:
        leadership = self._heard(message.sender)
        if leadership.accepted(message):
            self._roles.advance_commit(leadership)
        self._roles.must_flush = True

    def _on_heartbeat_reply(self, message: HeartbeatReply) -> None:
        roles = self._roles
        leadership = self._heard(message.sender)
        roles.reads.acked(message.sender, message.read_position)
        if roles.reads.confirm(roles.membership, roles.term):
            roles.send_to_all()
        leadership.heartbeat_answered(message, roles.commit)
        if message.agreement is not None:
            roles.agreements.answered(
                message.sender, message.agreement, roles.node_id, roles.membership
            )
        roles.must_flush = True

    def _heard(self, peer: NodeId) -> Leadership:
        leadership = self._roles.leadership
        assert leadership is not None, self._roles.role
        leadership.heard(peer)
        return leadership
