"""A leader commits what it has itself, before the quorum has it."""

from collections.abc import Callable

from ledgerd.raft.entries import Index
from ledgerd.raft.replication import Leadership

TARGET = "ledgerd.raft.replication:Leadership.quorum_match"


def replacement(
    original: Callable[[Leadership], Index],
) -> Callable[[Leadership], Index]:
    """Return a count of the quorum that asks nobody else."""
    del original

    def quorum_match(self: Leadership) -> Index:
        return self._own_match

    return quorum_match
