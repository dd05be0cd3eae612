"""How one membership becomes the next: pure, `(membership, change) -> membership` or a refusal.

Paper, section 6, in the form of etcd-io/raft: confchange. A simple change touches at most one
voter. Any other set of changes goes through a joint membership, which is entered with all of them
and left by an explicit empty change (T58), so that neighbouring memberships always share a quorum
(R11).

    plain   simple      -> plain     at most one voter differs
    plain   enter joint -> joint     the old voters become the outgoing half
    joint   leave joint -> plain     the outgoing half is dropped

A voter that is demoted while it is in the outgoing half still votes there, so it becomes a learner
only when the joint membership is left. Node id 0 is ignored, and so are removals of nodes that do
not take part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import TypeAlias, assert_never

from ledgerd.raft.entries import NO_NODE, Index, NodeId
from ledgerd.raft.membership import Membership, NodeRecord, Plan


class OpKind(IntEnum):
    """What one operation does. Durable: values are never reused."""

    VOTER = 1  # the node votes; it is added if it does not take part yet
    LEARNER = 2  # the node learns; a voter is demoted
    REMOVE = 3  # the node takes no part any more
    UPDATE = 4  # only its record changes
    PLAN = 5  # only what a learner waits for changes


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of a change, on one node.

    record: replaces what is known of the node, with VOTER, LEARNER and UPDATE; None: it stays.
    plan: what the learner waits for, with LEARNER and PLAN; None: for nothing.
    """

    kind: OpKind
    node_id: NodeId
    record: NodeRecord | None = None
    plan: Plan | None = None

    def __post_init__(self) -> None:
        """Assert that record and plan are of this node."""
        assert self.record is None or self.record.node_id == self.node_id, self
        assert self.plan is None or self.plan.node_id == self.node_id, self


@dataclass(frozen=True, slots=True)
class Simple:
    """Change at most one voter, and any number of learners and records."""

    ops: tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class EnterJoint:
    """Change any number of voters: from now on the old and the new ones must both agree.

    auto_leave: whoever leads leaves the joint membership as soon as it is applied (T55).
    """

    ops: tuple[Op, ...]
    auto_leave: bool = False


@dataclass(frozen=True, slots=True)
class LeaveJoint:
    """Drop the outgoing half. Explicit, or concurrent changes would keep it for ever (T58)."""


@dataclass(frozen=True, slots=True)
class Found:
    """Record the founding members, which stood in each node's own configuration until now.

    The voters must be those of the founding membership, so nobody's vote changes.
    """

    nodes: tuple[NodeRecord, ...]


Change: TypeAlias = Simple | EnterJoint | LeaveJoint | Found


class Flaw(Enum):
    """Why a change is refused; the value is said to the operator."""

    IS_JOINT = "the membership is joint: a change of several voters is still under way"
    NOT_JOINT = "the membership is not joint, so there is nothing to leave"
    NO_VOTERS_YET = "a membership without voters cannot become joint"
    NO_VOTERS_LEFT = "no voter would be left"
    MANY_VOTERS = "more than one voter would change without a joint membership"
    FOUNDED = "the founding members are recorded already"
    OTHER_FOUNDERS = (
        "the founding members are others: compare cluster.members of all nodes"
    )
    ID_USED = "node ids are never used again; take a larger one, or leave it out"
    ID_FAR = (
        "the number is too far above the last one given out, and all below it would be "
        "spent: take the next one, or leave it out"
    )
    NOT_A_MEMBER = "the node is no member"
    IS_VOTER = "the node votes already"
    NO_VOTER = "only a voter can be replaced, and the node does not vote"
    BEING_REPLACED = (
        "another learner is to take its place already: wait until that one votes, or "
        "remove it first"
    )
    STANDBY_REPLACES = "a standby node never votes, so it cannot replace a voter"
    NOT_FOUNDED = (
        "the founding members are not recorded yet: all of them must be reached once, at a "
        "release that records them"
    )
    QUORUM_AT_RISK = (
        "too few of the voters that would be left are heard; bring them back first, or the "
        "cluster could not decide any more"
    )


class _Draft:
    """A membership while operations are applied to it."""

    def __init__(self, old: Membership) -> None:
        self.voters = set(old.voters)
        self.outgoing = set(old.outgoing)
        self.learners = set(old.learners)
        self.learners_next = set(old.learners_next)
        self.nodes = {record.node_id: record for record in old.nodes}
        self.plans = {plan.node_id: plan for plan in old.plans}
        self.node_id_last = old.node_id_last

    def apply(self, op: Op) -> None:
        node_id = op.node_id
        match op.kind:
            case _ if node_id == NO_NODE:
                return
            case OpKind.VOTER:
                self._forget(node_id)
                self.voters.add(node_id)
            case OpKind.LEARNER:
                if node_id not in self.learners:
                    self._forget(node_id)
                    is_outgoing = node_id in self.outgoing
                    group = self.learners_next if is_outgoing else self.learners
                    group.add(node_id)
            case OpKind.REMOVE:
                self._forget(node_id)
            case OpKind.UPDATE | OpKind.PLAN:
                pass
            case _:
                assert_never(op.kind)
        if op.record is not None:
            self.nodes[node_id] = op.record
        if op.kind is OpKind.LEARNER or op.kind is OpKind.PLAN:
            self.plans.pop(node_id, None)
            if op.plan is not None:
                self.plans[node_id] = op.plan

    def _forget(self, node_id: NodeId) -> None:
        """Take the node out of everything but the outgoing half, which still votes."""
        self.voters.discard(node_id)
        self.learners.discard(node_id)
        self.learners_next.discard(node_id)

    def leave(self) -> None:
        """Drop the outgoing half; who was to be demoted learns from now on."""
        self.learners |= self.learners_next
        self.learners_next.clear()
        self.outgoing.clear()

    def finish(self, index: Index, *, auto_leave: bool) -> Membership:
        """Return the membership; records and plans of those who take no part are dropped."""
        members = self.voters | self.outgoing | self.learners
        return Membership(
            voters=tuple(sorted(self.voters)),
            outgoing=tuple(sorted(self.outgoing)),
            learners=tuple(sorted(self.learners)),
            learners_next=tuple(sorted(self.learners_next)),
            auto_leave=auto_leave,
            index=index,
            nodes=tuple(self.nodes[n] for n in sorted(self.nodes) if n in members),
            plans=tuple(
                self.plans[n] for n in sorted(self.plans) if n in self.learners
            ),
            node_id_last=max([self.node_id_last, *members]),
        )


def changed(old: Membership, change: Change, index: Index) -> Membership | Flaw:
    """Return the membership after `change`, set by the entry at `index`, or why it cannot be.

    Invariants: R11, neighbouring memberships share a quorum. Source: paper, section 6.
    """
    draft = _Draft(old)
    match change:
        case Simple():
            return _simple(old, draft, change.ops, index)
        case EnterJoint():
            return _enter_joint(old, draft, change, index)
        case LeaveJoint():
            if not old.is_joint:
                return Flaw.NOT_JOINT
            draft.leave()
            return draft.finish(index, auto_leave=False)
        case Found():
            return _found(old, change.nodes, index)
        case _:
            assert_never(change)


def _simple(
    old: Membership, draft: _Draft, ops: Sequence[Op], index: Index
) -> Membership | Flaw:
    if old.is_joint:
        return Flaw.IS_JOINT
    for op in ops:
        draft.apply(op)
    if not draft.voters:
        return Flaw.NO_VOTERS_LEFT
    if len(draft.voters ^ set(old.voters)) > 1:
        return Flaw.MANY_VOTERS
    return draft.finish(index, auto_leave=False)


def _enter_joint(
    old: Membership, draft: _Draft, change: EnterJoint, index: Index
) -> Membership | Flaw:
    if old.is_joint:
        return Flaw.IS_JOINT
    if not old.voters:
        return Flaw.NO_VOTERS_YET
    draft.outgoing = set(old.voters)
    for op in change.ops:
        draft.apply(op)
    if not draft.voters:
        return Flaw.NO_VOTERS_LEFT
    return draft.finish(index, auto_leave=change.auto_leave)


def _found(
    old: Membership, nodes: tuple[NodeRecord, ...], index: Index
) -> Membership | Flaw:
    if old.index != 0:
        return Flaw.FOUNDED
    ids = tuple(record.node_id for record in nodes)
    if old.is_empty:
        return Membership(ids, index=index, nodes=nodes)
    if ids != old.voters:
        return Flaw.OTHER_FOUNDERS
    return replace(old, index=index, nodes=nodes)


def reused_id(old: Membership, change: Change) -> NodeId | None:
    """Return an id that `change` would give out a second time, None if there is none (T13, F25).

    Asked before a change is proposed; whoever applies one need not, for only a leader that asked
    has proposed it.
    """
    match change:
        case Simple() | EnterJoint():
            for op in change.ops:
                is_new = op.kind in (OpKind.VOTER, OpKind.LEARNER)
                if is_new and op.node_id and old.was_removed(op.node_id):
                    return op.node_id
            return None
        case LeaveJoint() | Found():
            return None
        case _:
            assert_never(change)
