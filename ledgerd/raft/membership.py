"""Who takes part: voters, outgoing voters, learners, and what is known of each node.

A membership is in force when the entry that made it is applied, and not before (F21, T53). How
one becomes the next is decided in `changes`.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, NamedTuple

from ledgerd.raft.entries import NO_INDEX, NO_NODE, Index, NodeId

STORE_UUID_BYTES: Final = 16
UNKNOWN_STORE: Final = b""  # the node has not been met since it became a member


class NodeKind(IntEnum):
    """What a node is for. Durable: values are never reused."""

    FULL = 1  # votes, or learns in order to vote
    STANDBY = 2  # learns for ever and is never promoted: a recovery site (F23, L2)
    WITNESS = 3  # reserved: would store terms and ids only (L2)


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What the cluster knows of one node, the same on all nodes (F25).

    store_uuid: 16 bytes made with the node's data directory; UNKNOWN_STORE until it was met. A
        node that shows another one has lost what it promised, so it counts for nothing.
    peer_address, api_address: host:port for the other nodes, and for callers.
    priority: among equally fit voters the larger one is the better leader (L1).
    region: where the node stands; free text, for operators.
    version_min, version_max: the replicated state versions that it applied when a leader last met
        it, for operators. The gate asks what the node itself says (`protocol.Releases`), since it
        may have been taken back to an older release since (F26).
    """

    node_id: NodeId
    store_uuid: bytes = UNKNOWN_STORE
    peer_address: str = ""
    api_address: str = ""
    kind: NodeKind = NodeKind.FULL
    priority: int = 0
    region: str = ""
    version_min: int = 1
    version_max: int = 1

    def __post_init__(self) -> None:
        """Assert the bounds."""
        assert self.node_id != NO_NODE, self
        assert len(self.store_uuid) in (0, STORE_UUID_BYTES), self
        assert 0 <= self.version_min <= self.version_max, self


class Plan(NamedTuple):
    """What a learner waits for, carried on by every later leader (F23, F24).

    replaces: the voter whose place the learner takes when it has caught up; NO_NODE: it joins the
        voters.
    """

    node_id: NodeId
    replaces: NodeId = NO_NODE


class Standing(Enum):
    """What a membership says of a node that greets."""

    MEMBER = "member"
    OTHER_STORE = "other_store"  # its id, but not its data directory (F25, T13)
    REMOVED = "removed"  # was a member once and never will be again
    UNKNOWN = "unknown"  # newer than all that is applied here


@dataclass(frozen=True, slots=True)
class Membership:
    """One configuration. A joint one has outgoing voters; both halves must agree (paper, 6).

    Empty in a node that waits to be added: it follows whoever leads and never campaigns.

    voters, outgoing, learners, learners_next: sorted, without repeats.
    index: log index that set it, 0 for the founding one; guards changes by compare-and-set (T57).
    nodes: by node id, at most one each, of members only; a cluster from before records has none.
    plans: by node id, of learners only.
    node_id_last: the counter of node ids: none at or below it is given out again (F25, T13).
    """

    voters: tuple[NodeId, ...]
    outgoing: tuple[NodeId, ...] = ()
    learners: tuple[NodeId, ...] = ()
    learners_next: tuple[NodeId, ...] = ()
    auto_leave: bool = False
    index: Index = NO_INDEX
    nodes: tuple[NodeRecord, ...] = ()
    plans: tuple[Plan, ...] = ()
    node_id_last: NodeId = NO_NODE

    def __post_init__(self) -> None:
        """Assert the shape: sorted sets, learners apart from voters, records of members."""
        for group in (self.voters, self.outgoing, self.learners, self.learners_next):
            assert tuple(sorted(set(group))) == group, group
        assert self.voters or self.is_empty, "a membership has at least one voter"
        assert not set(self.learners) & (set(self.voters) | set(self.outgoing)), self
        assert set(self.learners_next) <= set(self.outgoing), self
        assert self.is_joint or not self.auto_leave, self
        recorded = tuple(record.node_id for record in self.nodes)
        assert tuple(sorted(set(recorded))) == recorded, recorded
        assert set(recorded) <= set(self.members), self
        planned = tuple(plan.node_id for plan in self.plans)
        assert tuple(sorted(set(planned))) == planned, planned
        assert set(planned) <= set(self.learners), self
        if self.node_id_last < max(self.members, default=NO_NODE):
            object.__setattr__(self, "node_id_last", max(self.members))

    @property
    def is_empty(self) -> bool:
        """Whether nobody takes part, as far as this node knows."""
        return not (self.voters or self.outgoing or self.learners)

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

    def record(self, node_id: NodeId) -> NodeRecord | None:
        """Return what is known of a node; None if it is no member, or was never recorded."""
        for record in self.nodes:
            if record.node_id == node_id:
                return record
        return None

    def plan(self, node_id: NodeId) -> Plan | None:
        """Return what a learner waits for; None if nothing."""
        for plan in self.plans:
            if plan.node_id == node_id:
                return plan
        return None

    def was_removed(self, node_id: NodeId) -> bool:
        """Return whether the node was a member once: ids are never given out again (T13)."""
        return node_id <= self.node_id_last and node_id not in self.members

    def standing(self, node_id: NodeId, store_uuid: bytes) -> Standing:
        """Return what this membership says of a node that greets with this store (F25, T69).

        A node newer than all that is known here is let in, for this node may lag behind those
        who added it; what it may do is the core's business.
        """
        if self.was_removed(node_id):
            return Standing.REMOVED
        record = self.record(node_id)
        if record is None:
            known = node_id in self.members
            return Standing.MEMBER if known else Standing.UNKNOWN
        if record.store_uuid not in (UNKNOWN_STORE, store_uuid):
            return Standing.OTHER_STORE
        return Standing.MEMBER


NOBODY: Final = Membership(())
