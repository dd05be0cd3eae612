"""Names for rare paths, so that a search can show that it went down each of them (faults.md 5.5).

Code below the fence calls `covers("name")` where something rare has just happened. The default
forgets it. The simulator counts, and its seeds in CI fail naming each mark that none of them hit:
a path that no test takes is a path that nobody knows to work. A mark must not change what the code
does.
"""

from typing import Final, Protocol


class Marks(Protocol):
    """Told that a rare path was taken."""

    def covers(self, name: str) -> None:
        """Note that the path `name`, one of `MARKS`, was taken."""
        ...


class NoMarks:
    """Forgets every mark."""

    __slots__ = ()

    def covers(self, name: str) -> None:
        """Do nothing."""


NO_MARKS: Final[Marks] = NoMarks()

# One line each, by area; a test fails when a name is not marked in code or a marked one is missing.
MARKS: Final = (
    # Elections.
    "election.lost",  # a ballot was decided against the candidate
    "election.asked_again",  # a timeout during an election
    "election.term_over",  # a leader of an older term was told so (T36)
    "election.vote_refused_for_log",  # the candidate's log is behind (5.4.1)
    "election.sticky",  # a request was ignored because a leader lives (F3)
    "leader.no_quorum",  # stepped down: too few were heard (F2)
    "leader.lag",  # stepped down: it slept through an election base (T83)
    "leader.lost_tail",  # left office with entries that were not committed (T65)
    # Transfers (F5).
    "transfer.begun",
    "transfer.given_up",  # it did not come about within one election base (T39)
    "transfer.taken_over",  # the target was told to campaign
    # Log.
    "log.truncated",  # a conflicting tail was replaced (T19)
    "log.truncated_durable",  # and it had been on disk
    "log.repeated",  # an append brought only what is there already (T19)
    # Corrupt slots (F33, F34).
    "slot.corrupt",  # a stored value fails its check
    "slot.mended",  # an entry of a peer takes its place
    "slot.mended_from_memory",  # the entry was still in memory
    "slot.no_campaign",  # its holder does not campaign
    "slot.resigned",  # a leader needed it
    "slot.rejected",  # the leader is told to send again from there
    "slot.ack_withheld",  # what follows it is stored and not acknowledged
    "slot.served",  # a peer was sent what it asked for
    "slot.not_served",  # a peer asked for what is not here
    "slot.unproven",  # a reply does not link to the successor of the slot
    # Digests (F37).
    "digest.disputed",  # a command was refused: replicas differ, and no majority has settled it
    "digest.diverged",  # this node's state is not the majority's
    "snapshot.offered_for_state",  # to a peer whose state is bad
    "snapshot.fetched_for_state",  # by a node whose state is bad
    # Replication.
    "append.below_commit",  # prev is below commit: acked without looking (T20)
    "append.conflict",  # prev is of another term here: the hint skips the term (F16)
    "append.gap",  # prev is past the end of the log
    "append.stale_ack",  # of a superseded stream (T25)
    "append.stale_rejection",  # of an older probe, or below what matches (T28)
    "append.superseded_rejection",  # of a superseded stream (T25)
    "append.nudged_through_full_window",  # the empty append of T27
    "append.window_full",  # nothing more is sent until an ack comes (F14)
    "append.held_back",  # entries wait for the tick: the quickest quorum gets them first
    "append.held_no_longer",  # switched off while entries wait for the tick
    "append.quickest_changed",  # that quorum is another one now
    "append.peer_lost",  # what was on the way to a peer is forgotten
    "commit.older_term_waits",  # a quorum holds it, but it is of an older term (T18)
    "capacity.refused",  # too few voters have room (F36)
    "quota.refused",  # too much is uncommitted (F17)
    # Membership.
    "member.campaign_held",  # a committed membership was not in force yet (T52)
    "member.joint_left_by_later_leader",  # than the one that entered it (T55)
    "member.leader_removed",  # a leader applied its own removal (F6)
    "member.too_slow",  # a learner did not keep pace (F23)
    # Snapshots and compaction.
    "snapshot.offered",  # a peer needs what the log no longer holds (T30)
    "snapshot.joined_by_ack",  # an ack joined the log while a peer was to fetch (T62)
    "snapshot.offer_expired",  # nothing was heard of an offer (T62)
    "snapshot.attempt_failed",  # a peer's attempt to fetch has failed (T62)
    "snapshot.only_commit",  # the log held the entry, so only commit moved (T60)
    "snapshot.installed",
    "snapshot.not_needed",  # fetched, and at or below commit by then (T60, T95)
    "snapshot.refused",  # what was fetched is damaged (T90)
    "snapshot.spoiled",  # what was made here turned out damaged (T90)
    "compact.sliced",  # a cut took more than one turn (F27)
    "compact.held_for_peer",  # a live peer lacks what would have gone (F27)
    # Reads.
    "read.answer_too_late",  # nobody waits under this position any more
    "read.given_up",  # a heard leader never answered
    "read.leader_changed",  # unconfirmed reads begin again with another leader
    "read.retried",  # a follower asks again under a new position (F11, T45)
    "read.waits_for_first_commit",  # no read point before the term's first commit (T44)
    # Replica.
    "apply.paged",  # more is committed than one page holds (F20, T33)
    "apply.put_off",  # a follower keeps what is little until its state settles
    "apply.heavy",  # a large entry is decided and recorded in turns of their own
    "waiter.shared_entry",  # calls that waited together share an entry
    "waiter.unknown",  # a call ended as unknown (T65)
)
