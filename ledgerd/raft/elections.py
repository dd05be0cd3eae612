"""Who may be elected, who may vote, and when to try: decisions only, the core acts on them.

Paper 5.2 and 5.4.1, thesis 9.6. The three protections work together against one-way cuts (T41):
a pre-vote asks before a term is spent (F1), a leader that hears no quorum leaves (F2), and a
voter that hears a leader does not vote it out (F3).
"""

from dataclasses import dataclass

from ledgerd.raft.entries import NO_NODE, EntryId, NodeId, Role, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.options import Jitter
from ledgerd.raft.quorum import Vote, joint_vote, majority_vote


class ElectionTimer:
    """Ticks without a leader. Fires base + 1 .. 2 * base ticks after it was last reset.

    Stickiness ends at `base`, before the first timer can fire, so that a vote asked for by the
    first to notice is not refused by those about to notice.
    """

    __slots__ = ("_base", "_jitter", "elapsed", "timeout")

    def __init__(self, base_ticks: int, jitter: Jitter) -> None:
        self._base = base_ticks
        self._jitter = jitter
        self.arm()

    def arm(self) -> None:
        """Start again with a newly drawn timeout. 5.2: randomised, so that votes rarely split."""
        self.elapsed = 0
        self.timeout = self._base + 1 + self._jitter(self._base)
        assert self._base < self.timeout <= 2 * self._base, self.timeout

    def hurry(self, ticks: int) -> None:
        """Fire within 1 .. `ticks` ticks (F4)."""
        self.elapsed = 0
        self.timeout = 1 + self._jitter(ticks)

    def hold(self, ticks: int) -> None:
        """Fire so much later, this time."""
        self.timeout += ticks

    def advance(self, elapsed: int, missed: int, extra: int = 0) -> bool:
        """Count the ticks; return whether the timer fired.

        extra: a node that is slow lets others go first by so many ticks (F8).
        T83: of the ticks this process slept through one is counted, for the silence may be ours.
        """
        self.elapsed += elapsed + (1 if missed else 0)
        return self.elapsed >= self.timeout + extra

    @property
    def heard_recently(self) -> bool:
        """Whether the last reset is less than one base ago."""
        return self.elapsed < self._base


@dataclass(frozen=True, slots=True)
class Voter:
    """What a node's decision about a vote rests on."""

    node_id: NodeId
    term: Term
    vote: NodeId
    role: Role
    leader: NodeId
    last: EntryId


def is_sticky(voter: Voter, timer: ElectionTimer, *, check_quorum: bool) -> bool:
    """Return whether requests for a newer term are ignored, because a leader lives (F3).

    A restarted node knows no leader and is not sticky (T37). A leader is: CheckQuorum deposes it.
    """
    if not check_quorum or voter.leader == NO_NODE:
        return False
    return voter.role is Role.LEADER or timer.heard_recently


def may_pre_vote(
    voter: Voter, sender: NodeId, asked: Term, last: EntryId, membership: Membership
) -> bool:
    """Return whether the sender could get this voter's vote in the asked term. Thesis 9.6."""
    if asked < voter.term:
        return False  # T36: refused in words, not by silence
    is_free = asked > voter.term or (
        voter.leader == NO_NODE and voter.vote in (NO_NODE, sender)
    )
    return is_free and _is_electable(voter, sender, last, membership)


def may_vote(
    voter: Voter, sender: NodeId, last: EntryId, membership: Membership
) -> bool:
    """Return whether the sender gets this voter's vote in the current term. 5.2, 5.4.1."""
    is_free = voter.vote == sender or (
        voter.vote == NO_NODE and voter.leader == NO_NODE
    )
    return is_free and _is_electable(voter, sender, last, membership)


def _is_electable(
    voter: Voter, sender: NodeId, last: EntryId, membership: Membership
) -> bool:
    # 5.4.1, T23: term first, then index. T42: who was removed is never elected. Whether somebody
    # else has a vote may be newer than what this node has applied, so that is not asked: the
    # candidate counts by a membership that it has applied, and neighbours share a quorum (R11).
    return last >= voter.last and not membership.was_removed(sender)


class Ballot:
    """Votes of one election, or of one pre-election. Replaced at every role change (T40).

    behind: who refused in an older term, and lacks what is known to be committed here.
    """

    __slots__ = ("_membership", "behind", "votes")

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.behind: list[NodeId] = []
        self.votes: dict[NodeId, bool] = {}

    def count(self, sender: NodeId, *, granted: bool) -> Vote:
        """Note a vote, once for each sender, and return where the election stands."""
        self.votes.setdefault(sender, granted)
        return joint_vote(
            self._membership.voters, self._membership.outgoing, self.votes
        )

    def has_heard_quorum(self) -> bool:
        """Whether a quorum of a half has answered, so that no leader lives: it needs both (F3)."""
        answered = dict.fromkeys(self.votes, True)
        halves = (self._membership.voters, self._membership.outgoing)
        return any(h and majority_vote(h, answered) is Vote.WON for h in halves)
