"""What an operator asks of the membership, as changes: add, remove, replace, update. F23, F24.

Pure: `(membership, request) -> change` or the flaw that refuses it. A new node always comes as a
learner; what it waits for is its plan, which is part of the membership, so whoever leads when it
has caught up makes it a voter (`promoted`).
"""

from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, assert_never

from ledgerd.raft.changes import Change, EnterJoint, Flaw, Op, OpKind, Simple
from ledgerd.raft.entries import NO_NODE, NodeId
from ledgerd.raft.membership import Membership, NodeKind, NodeRecord, Plan

# A number that is skipped is spent, so a slip of the hand must not spend them all (T13).
NODE_IDS_SKIPPED_MAX: Final = 1_000
NODE_ID_MAX: Final = 2**32 - 2  # u32 in all formats, and so is the next one


@dataclass(frozen=True, slots=True)
class AddNode:
    """Let a node learn, and vote when it has caught up; a standby node learns for ever (F23).

    Asked again for a learner that was too slow, it begins the catch-up anew.

    node_id: NO_NODE takes the next number; at most `NODE_IDS_SKIPPED_MAX` may be skipped. The other
        fields: as in `NodeRecord`.
    """

    node_id: NodeId
    peer_address: str
    api_address: str
    kind: NodeKind = NodeKind.FULL
    priority: int = 0
    region: str = ""


@dataclass(frozen=True, slots=True)
class RemoveNode:
    """Let a node take no part any more. Its id is never used again (F25)."""

    node_id: NodeId


@dataclass(frozen=True, slots=True)
class ReplaceNode:
    """Let a new node catch up and take the place of a voter, in one change of voters (F24).

    One at a time for each voter: the second of two would find nobody to replace, and vote beside
    the first.
    """

    old: NodeId
    new: AddNode


@dataclass(frozen=True, slots=True)
class UpdateNode:
    """Change what is known of a member; None: it stays (L1)."""

    node_id: NodeId
    peer_address: str | None = None
    api_address: str | None = None
    priority: int | None = None
    region: str | None = None


Request: TypeAlias = AddNode | RemoveNode | ReplaceNode | UpdateNode


def change_for(membership: Membership, request: Request) -> Change | Flaw:
    """Return the change that `request` means now, or why it means none."""
    if membership.is_joint:
        return Flaw.IS_JOINT
    match request:
        case AddNode():
            return _learning(membership, request, NO_NODE)
        case RemoveNode():
            return _removal(membership, request.node_id)
        case ReplaceNode():
            if request.old not in membership.voters:
                return Flaw.NO_VOTER
            return _learning(membership, request.new, request.old)
        case UpdateNode():
            return _update(membership, request)
        case _:
            assert_never(request)


def promoted(membership: Membership, plan: Plan) -> Change:
    """Return the change that ends a learner's plan: it votes, and who it replaces goes (F24)."""
    joins = Op(OpKind.VOTER, plan.node_id)
    if plan.replaces not in membership.voters:
        return Simple((joins,))
    # Two voters differ: both halves decide until the leave, so no vote is missing in between.
    # Nobody else is left to wait for a place that is taken: it stays a learner.
    others = tuple(Op(OpKind.PLAN, other) for other in _heirs(membership, plan))
    return EnterJoint(
        (joins, Op(OpKind.REMOVE, plan.replaces), *others), auto_leave=True
    )


def given_up(plan: Plan) -> Change:
    """Return the change that leaves a learner as it is, waiting for nothing (F23)."""
    return Simple((Op(OpKind.PLAN, plan.node_id),))


def _heirs(membership: Membership, plan: Plan) -> list[NodeId]:
    """Return the other learners that are to take the same voter's place."""
    return [
        other.node_id
        for other in membership.plans
        if other.replaces == plan.replaces and other.node_id != plan.node_id
    ]


def _learning(
    membership: Membership, request: AddNode, replaces: NodeId
) -> Change | Flaw:
    node_id = request.node_id or NodeId(membership.node_id_last + 1)
    if membership.was_removed(node_id):
        return Flaw.ID_USED
    if node_id in membership.voters:
        return Flaw.IS_VOTER
    if node_id > min(membership.node_id_last + NODE_IDS_SKIPPED_MAX + 1, NODE_ID_MAX):
        return Flaw.ID_FAR
    is_standby = request.kind is NodeKind.STANDBY
    if is_standby and replaces:
        return Flaw.STANDBY_REPLACES
    if replaces and _heirs(membership, Plan(node_id, replaces)):
        return Flaw.BEING_REPLACED
    record = NodeRecord(
        node_id,
        peer_address=request.peer_address,
        api_address=request.api_address,
        kind=request.kind,
        priority=request.priority,
        region=request.region,
    )
    known = membership.record(node_id)
    if known is not None:
        # The store and the release of a node that was met are not the operator's to say.
        record = replace(
            record,
            store_uuid=known.store_uuid,
            version_min=known.version_min,
            version_max=known.version_max,
        )
    plan = None if is_standby else Plan(node_id, replaces)
    return Simple((Op(OpKind.LEARNER, node_id, record, plan),))


def _update(membership: Membership, request: UpdateNode) -> Change | Flaw:
    record = membership.record(request.node_id)
    if record is None:
        return Flaw.NOT_A_MEMBER
    changes = {
        "peer_address": request.peer_address,
        "api_address": request.api_address,
        "priority": request.priority,
        "region": request.region,
    }
    # Any: the fields of a record by their names.
    known: dict[str, Any] = {k: v for k, v in changes.items() if v is not None}
    return Simple((Op(OpKind.UPDATE, record.node_id, replace(record, **known)),))


def _removal(membership: Membership, node_id: NodeId) -> Change | Flaw:
    if node_id not in membership.members:
        return Flaw.NOT_A_MEMBER
    if membership.voters == (node_id,):
        return Flaw.NO_VOTERS_LEFT
    return Simple((Op(OpKind.REMOVE, node_id),))
