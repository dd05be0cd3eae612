"""Majorities and joint majorities: arithmetic only, nothing about nodes or logs.

A joint quorum is a pair of majorities (paper, 6). An empty majority agrees to everything, so a
plain configuration is the joint one with an empty second half and needs no case of its own.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from ledgerd.raft.entries import NodeId

EVERYTHING: Final = 2**63 - 1  # what an empty majority has agreed to


class Vote(Enum):
    """Where a vote stands."""

    PENDING = "pending"
    WON = "won"
    LOST = "lost"


def majority_reached(voters: Sequence[NodeId], values: Mapping[NodeId, int]) -> int:
    """Return the largest value that a majority has reached; a missing one counts as 0.

    Values may be match indexes or read positions. T26: the position in the ascending order
    is (n - 1) // 2, which is right for even n too.
    """
    if not voters:
        return EVERYTHING
    ascending = sorted([values.get(voter, 0) for voter in voters])
    return ascending[(len(ascending) - 1) // 2]


def majority_vote(voters: Sequence[NodeId], votes: Mapping[NodeId, bool]) -> Vote:
    """Return whether a majority said yes, can no longer say yes, or may still do either."""
    if not voters:
        return Vote.WON
    needed = len(voters) // 2 + 1
    granted = sum(votes.get(voter, False) for voter in voters)
    open_ = sum(voter not in votes for voter in voters)
    if granted >= needed:
        return Vote.WON
    return Vote.PENDING if granted + open_ >= needed else Vote.LOST


def joint_reached(
    voters: Sequence[NodeId], outgoing: Sequence[NodeId], values: Mapping[NodeId, int]
) -> int:
    """Return the largest value that a majority of each half has reached."""
    reached = majority_reached(voters, values)
    return min(reached, majority_reached(outgoing, values)) if outgoing else reached


def joint_vote(
    voters: Sequence[NodeId], outgoing: Sequence[NodeId], votes: Mapping[NodeId, bool]
) -> Vote:
    """Return won if both halves won, lost if one lost, else pending."""
    halves = {majority_vote(voters, votes), majority_vote(outgoing, votes)}
    if Vote.LOST in halves:
        return Vote.LOST
    return Vote.PENDING if Vote.PENDING in halves else Vote.WON
