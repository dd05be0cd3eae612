"""Who takes part: voters, outgoing voters, learners. In force when applied (F21, T53)."""

from dataclasses import dataclass

from ledgerd.raft.entries import NO_INDEX, Index, NodeId


@dataclass(frozen=True, slots=True)
class Membership:
    """One configuration. A joint one has outgoing voters; both halves must agree (paper, 6).

    voters, outgoing, learners, learners_next: sorted, without repeats.
    index: log index that set it, 0 for the founding one; guards changes by compare-and-set (T57).
    """

    voters: tuple[NodeId, ...]
    outgoing: tuple[NodeId, ...] = ()
    learners: tuple[NodeId, ...] = ()
    learners_next: tuple[NodeId, ...] = ()
    auto_leave: bool = False
    index: Index = NO_INDEX

    def __post_init__(self) -> None:
        """Assert the shape: sorted sets, learners apart from voters."""
        for group in (self.voters, self.outgoing, self.learners, self.learners_next):
            assert tuple(sorted(set(group))) == group, group
        assert self.voters, "a membership has at least one voter"
        assert not set(self.learners) & (set(self.voters) | set(self.outgoing)), self
        assert set(self.learners_next) <= set(self.outgoing), self

    @property
    def is_joint(self) -> bool:
        """Whether two majorities are needed."""
        return bool(self.outgoing)

    @property
    def all_voters(self) -> tuple[NodeId, ...]:
        """Voters of either half, sorted."""
        return tuple(sorted({*self.voters, *self.outgoing}))

    @property
    def members(self) -> tuple[NodeId, ...]:
        """Everybody who is sent entries, sorted."""
        return tuple(sorted({*self.voters, *self.outgoing, *self.learners}))
