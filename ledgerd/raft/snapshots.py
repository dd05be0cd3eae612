"""What a snapshot stands for: the state after one committed entry, and which bytes hold it.

The bytes travel outside the core. Two snapshots of one index carry one term, one membership and one
digest (R14); their bytes may differ, for each is a copy made by another node.
"""

from dataclasses import dataclass

from ledgerd.raft.entries import Anchor, EntryId, Index
from ledgerd.raft.membership import Membership


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot, by name and by content.

    anchor: the last entry that the state holds; the log goes on behind it.
    membership: in force at that entry, a joint one included, with its own index (T56, T57).
    digest: of the state, as `replica.audit` computes it.
    size_bytes, sha256: of the bytes that travel.
    """

    anchor: Anchor
    membership: Membership
    digest: bytes
    size_bytes: int
    sha256: bytes

    @property
    def id(self) -> EntryId:
        """Term and index of the last entry the state holds."""
        return self.anchor.id

    @property
    def index(self) -> Index:
        """Index of the last entry the state holds."""
        return self.anchor.id.index
