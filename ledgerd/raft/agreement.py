"""Whether the replicas still have the same state: their digests compared at checkpoints (F37).

The digest is a hash over everything that was applied, so replicas that applied the same entries to
the same state have the same one at the same index. Every `Options.checkpoint_entries`, and when it
comes to rest, a leader names its digest in its heartbeats, and the followers answer whether theirs
is the same. What a majority holds is right:

    a follower that differs from what a majority confirmed     has diverged
    a leader from which a majority differs                     has diverged, and resigns first
    a leader that some differ from, while no majority agrees   takes no commands and no reads

A node that has diverged stays one: it neither leads nor serves, but its log verifies, so it still
votes and acknowledges. All of this compares states; the logs need no vote, their links tell.
"""

from typing import Final

from ledgerd.raft.entries import NO_INDEX, Index, NodeId, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import Agreement, Checkpoint
from ledgerd.raft.quorum import Vote, joint_vote

_KEPT_MAX: Final = 64  # checkpoints remembered, own and awaited
_REST_HEARTBEATS: Final = 5


class Agreements:
    """What one node knows of its own digests and of those of others. One owner: the core."""

    __slots__ = (
        "_awaited",
        "_every",
        "_in_order",
        "_kept",
        "_last",
        "_rest",
        "_rest_ticks",
        "_term",
        "_verdict",
        "_votes",
        "agreed",
        "diverged_at",
    )

    def __init__(self, every: int) -> None:
        assert every >= 1, every
        self._every = every
        self._kept: dict[Index, bytes] = {}  # own digests at checkpoints
        self._in_order: tuple[Checkpoint, ...] = ()  # the same, oldest first
        self._last: Checkpoint | None = None  # the own digest now
        self._rest = NO_INDEX  # where the state stood at the last heartbeat
        self._rest_ticks = 0  # for so many heartbeats
        self._awaited: dict[Index, bytes] = {}  # the leader's, ahead of what is applied
        self._term = Term(0)  # of the leader whose checkpoints are compared
        self._verdict = Agreement(NO_INDEX, is_equal=True)
        self._votes: dict[Index, dict[NodeId, bool]] = {}  # of a leader
        self.agreed: Checkpoint | None = None  # the newest that a majority confirmed
        self.diverged_at: Index | None = None

    # What was applied here.

    def applied(self, index: Index, digest: bytes) -> None:
        """Note the digest after the entry at `index`; they rise, or begin anew after an install."""
        self._last = Checkpoint(index, digest)
        if index % self._every == 0:
            self._keep(self._last)
        awaited = self._awaited.pop(index, None)
        if awaited is not None:
            self._compare(Checkpoint(index, awaited))

    @property
    def now(self) -> Checkpoint | None:
        """The own digest after the last applied entry."""
        return self._last

    def kept(self, count: int) -> tuple[Checkpoint, ...]:
        """Return the newest own digests that are kept for comparison, oldest first."""
        return self._in_order[-count:]

    # A leader's side.

    def elected(self) -> None:
        """Begin to count: answers to an older leader are none to this one (T40)."""
        self._votes.clear()
        self._rest = NO_INDEX

    def ticked(self) -> None:
        """Let a heartbeat pass; make a checkpoint of a state that has come to rest."""
        if self._last is None:
            return
        if self._last.index != self._rest:
            self._rest, self._rest_ticks = self._last.index, 0
        self._rest_ticks += 1
        if self._rest_ticks == _REST_HEARTBEATS:
            self._keep(self._last)

    def checkpoint(self) -> Checkpoint | None:
        """Return the newest own checkpoint, to be named in a heartbeat."""
        if not self._kept:
            return None
        index = max(self._kept)
        return Checkpoint(index, self._kept[index])

    def answered(
        self, peer: NodeId, answer: Agreement, node_id: NodeId, membership: Membership
    ) -> None:
        """Count a follower's answer; a majority against this leader means that it diverged."""
        own = self._kept.get(answer.index)
        if own is None:
            return
        votes = self._votes.setdefault(answer.index, {node_id: True})
        votes[peer] = answer.is_equal
        for_it = joint_vote(
            membership.voters,
            membership.outgoing,
            {n: e for n, e in votes.items() if e},
        )
        against = joint_vote(
            membership.voters,
            membership.outgoing,
            {n: True for n, is_equal in votes.items() if not is_equal},
        )
        if for_it is Vote.WON:
            if self.agreed is None or answer.index > self.agreed.index:
                self.agreed = Checkpoint(answer.index, own)
        elif against is Vote.WON:
            self.diverged_at = answer.index
        _trim(self._votes)

    @property
    def is_disputed(self) -> bool:
        """Whether somebody differs from this leader, and no majority has settled it yet."""
        if not self._votes:
            return False
        agreed = self.agreed.index if self.agreed is not None else NO_INDEX
        return any(
            not all(votes.values())
            for index, votes in self._votes.items()
            if index > agreed
        )

    def differs(self, peer: NodeId) -> bool:
        """Return whether the peer's last answer to this leader was another digest."""
        answers = [
            (i, votes[peer]) for i, votes in self._votes.items() if peer in votes
        ]
        return bool(answers) and not max(answers)[1]

    # A follower's side.

    def heard(
        self, checkpoint: Checkpoint | None, agreed: Checkpoint | None, *, term: Term
    ) -> None:
        """Compare what the leader of `term` named, now or once it is applied here.

        What was found of an older leader is forgotten: told to this one it would count against it,
        and a sound leader would take itself for diverged (T40).
        """
        if term != self._term:
            self._term = term
            self._verdict = Agreement(NO_INDEX, is_equal=True)
            self._awaited.clear()
        if checkpoint is not None:
            self._compare(checkpoint)
        if agreed is None:
            return
        own = self._own(agreed.index)
        if own is not None and own != agreed.digest:
            self.diverged_at = agreed.index

    @property
    def verdict(self) -> Agreement:
        """The newest comparison with the leader; index NO_INDEX: none yet."""
        return self._verdict

    def _compare(self, checkpoint: Checkpoint) -> None:
        own = self._own(checkpoint.index)
        if own is not None:
            self._keep(Checkpoint(checkpoint.index, own))
            self._verdict = Agreement(
                checkpoint.index, is_equal=own == checkpoint.digest
            )
        elif self._last is None or checkpoint.index > self._last.index:
            self._awaited[checkpoint.index] = checkpoint.digest
            _trim(self._awaited)

    def _own(self, index: Index) -> bytes | None:
        if self._last is not None and self._last.index == index:
            return self._last.digest
        return self._kept.get(index)

    def _keep(self, checkpoint: Checkpoint) -> None:
        self._kept[checkpoint.index] = checkpoint.digest
        _trim(self._kept)
        self._in_order = tuple(
            Checkpoint(index, self._kept[index]) for index in sorted(self._kept)
        )


def _trim(kept: dict[Index, bytes] | dict[Index, dict[NodeId, bool]]) -> None:
    """Forget the oldest beyond the bound."""
    while len(kept) > _KEPT_MAX:
        del kept[min(kept)]
