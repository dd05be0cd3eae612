"""What tests of the core are made of, beside the cluster of `harness`."""

from ledgerd.raft.entries import Anchor, EntryId, Index, NodeId, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.snapshots import Snapshot

THREE = Membership((NodeId(1), NodeId(2), NodeId(3)))


def snapshot_at(
    index: int,
    *,
    term: int = 1,
    link: bytes = bytes(32),
    membership: Membership = THREE,
) -> Snapshot:
    """Return a snapshot of an empty state at this place."""
    anchor = Anchor(EntryId(Term(term), Index(index)), link, 1_000 + index)
    return Snapshot(anchor, membership, bytes(32), 10, bytes(32))


def snapshot_of(anchor: Anchor, membership: Membership = THREE) -> Snapshot:
    """Return a snapshot of an empty state behind this entry."""
    return Snapshot(anchor, membership, bytes(32), 10, bytes(32))
