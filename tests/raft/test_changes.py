"""Changes of the membership: the published tables of etcd-io/raft, and what they leave out."""

import itertools
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.raft.changes import (
    Change,
    EnterJoint,
    Flaw,
    Found,
    LeaveJoint,
    Op,
    OpKind,
    Simple,
    changed,
    reused_id,
)
from ledgerd.raft.entries import NO_NODE, Index, NodeId
from ledgerd.raft.membership import NOBODY, Membership, NodeRecord, Plan
from ledgerd.raft.progress import Progress, follow_members
from ledgerd.raft.quorum import Vote, joint_vote

ROOT = Path(__file__).parents[2]
TABLES = ROOT.parent / "shared" / "vectors" / "etcd-raft" / "confchange"
CASES = 58
FLAWS = {
    "can't apply simple config change in joint config": Flaw.IS_JOINT,
    "config is already joint": Flaw.IS_JOINT,
    "can't leave a non-joint config": Flaw.NOT_JOINT,
    "can't make a zero-voter config joint": Flaw.NO_VOTERS_YET,
    "removed all voters": Flaw.NO_VOTERS_LEFT,
    "more than one voter changed without entering joint config": Flaw.MANY_VOTERS,
}
KINDS = {
    "v": OpKind.VOTER,
    "l": OpKind.LEARNER,
    "r": OpKind.REMOVE,
    "u": OpKind.UPDATE,
}


class Case(NamedTuple):
    """One command of a table, and what it prints."""

    where: str
    change: Change
    expected: list[str]


def read_cases(path: Path) -> list[Case]:
    """Return the cases of one table file, in order: each goes on from the one before."""
    cases = []
    lines = iter(enumerate(path.read_text().splitlines(), 1))
    for number, line in lines:
        if not re.match(r"(simple|enter-joint|leave-joint)\b", line):
            continue
        texts = (text for _, text in lines)
        words = " ".join(itertools.takewhile(lambda text: text != "----", texts))
        ops = tuple(Op(KINDS[word[0]], NodeId(int(word[1:]))) for word in words.split())
        expected = list(itertools.takewhile(bool, texts))
        change = make_change(line, ops)
        cases.append(Case(f"{path.name}:{number}", change, expected))
    return cases


def make_change(line: str, ops: tuple[Op, ...]) -> Change:
    """Return the change that a command line stands for."""
    match line.split()[0]:
        case "simple":
            return Simple(ops)
        case "enter-joint":
            return EnterJoint(ops, auto_leave="autoleave=true" in line)
        case _:
            return LeaveJoint()


def printed(membership: Membership, peers: dict[NodeId, Progress]) -> list[str]:
    """Return what a table prints of a membership and the progress of its members."""

    def group(ids: tuple[NodeId, ...]) -> str:
        return f"({' '.join(map(str, ids))})"

    head = f"voters={group(membership.voters)}"
    if membership.is_joint:
        head += f"&&{group(membership.outgoing)}"
    if membership.learners:
        head += f" learners={group(membership.learners)}"
    if membership.learners_next:
        head += f" learners_next={group(membership.learners_next)}"
    if membership.auto_leave:
        head += " autoleave"
    return [head] + [
        f"{peer}: State{progress.mode.value.capitalize()} match={progress.match} "
        f"next={progress.next}" + (" learner" if peer in membership.learners else "")
        for peer, progress in sorted(peers.items())
    ]


def test_the_published_membership_tables() -> None:
    """All 58 cases: memberships, errors, and the progress of who comes and stays. Paper 6."""
    if not TABLES.is_dir():
        pytest.skip(f"the membership tables are not at {TABLES}")
    count = 0
    for path in sorted(TABLES.glob("*.txt")):
        membership = NOBODY
        peers: dict[NodeId, Progress] = {}
        for number, case in enumerate(read_cases(path)):
            count += 1
            outcome = changed(membership, case.change, Index(number + 1))
            if isinstance(outcome, Flaw):
                assert [FLAWS.get(line) for line in case.expected] == [outcome], case
                continue
            membership = outcome
            last = Index(max(number, 1))
            follow_members(peers, membership.members, next_=last, new_stream=lambda: 1)

            assert case.expected == printed(membership, peers), case

    assert count == CASES


# Properties.

node_ids = st.integers(1, 7).map(NodeId)
ops = st.lists(
    st.builds(Op, st.sampled_from(list(KINDS.values())), node_ids), max_size=6
).map(tuple)
changes = st.one_of(
    st.builds(Simple, ops),
    st.builds(EnterJoint, ops, st.booleans()),
    st.just(LeaveJoint()),
)


@st.composite
def memberships(draw: st.DrawFn) -> Membership:
    """A membership reached from a founding one by changes, records and plans included."""
    voters = draw(st.lists(node_ids, min_size=1, max_size=5, unique=True))
    membership = Membership(
        tuple(sorted(voters)),
        nodes=tuple(NodeRecord(voter) for voter in sorted(voters)),
    )
    for index, change in enumerate(draw(st.lists(changes, max_size=6)), 1):
        outcome = changed(membership, change, Index(index))
        if not isinstance(outcome, Flaw):
            membership = outcome
    return membership


def restoring(membership: Membership) -> list[Change]:
    """Return changes that lead from nobody to `membership`, voters and learners alone."""
    add_outgoing = tuple(Op(OpKind.VOTER, voter) for voter in membership.outgoing)
    wanted = (
        *(Op(OpKind.VOTER, voter) for voter in membership.voters),
        *(Op(OpKind.LEARNER, node) for node in membership.learners),
        *(Op(OpKind.LEARNER, node) for node in membership.learners_next),
    )
    if not membership.is_joint:
        return [Simple((op,)) for op in wanted]
    removed = tuple(Op(OpKind.REMOVE, voter) for voter in membership.outgoing)
    return [
        *(Simple((op,)) for op in add_outgoing),
        EnterJoint(removed + wanted, membership.auto_leave),
    ]


@given(memberships())
def test_every_change_can_be_restored(membership: Membership) -> None:
    """What a change made can be made again out of nothing, as a restart does."""
    restored = NOBODY
    for change in restoring(membership):
        outcome = changed(restored, change, Index(1))
        assert isinstance(outcome, Membership), (outcome, change)
        restored = outcome

    assert membership.voters == restored.voters
    assert membership.outgoing == restored.outgoing
    assert membership.learners == restored.learners
    assert membership.learners_next == restored.learners_next
    assert membership.auto_leave == restored.auto_leave


@given(memberships(), changes, st.data())
def test_neighbouring_memberships_share_a_quorum(
    before: Membership, change: Change, data: st.DataObject
) -> None:
    """R11: no two disjoint sets of nodes decide in a membership and in its successor. Paper 6."""
    after = changed(before, change, Index(9))
    if isinstance(after, Flaw):
        return
    everybody = sorted({*before.all_voters, *after.all_voters})
    first = data.draw(st.sets(st.sampled_from(everybody)))

    def decides(membership: Membership, nodes: set[NodeId]) -> bool:
        votes = {node: node in nodes for node in everybody}
        won = joint_vote(membership.voters, membership.outgoing, votes)
        return won is Vote.WON

    others = set(everybody) - first
    assert not (decides(before, first) and decides(after, others))


@given(memberships(), ops, st.booleans())
def test_entering_and_leaving_is_the_sum_of_the_changes(
    membership: Membership, some: tuple[Op, ...], auto_leave: bool
) -> None:
    """A joint change ends where its operations lead, and names only who takes part."""
    joint = changed(membership, EnterJoint(some, auto_leave), Index(9))
    if isinstance(joint, Flaw):
        return
    left = changed(joint, LeaveJoint(), Index(10))

    assert isinstance(left, Membership)
    assert not left.is_joint
    assert left.voters == joint.voters
    assert set(left.learners) == {*joint.learners, *joint.learners_next}
    assert left.index == 10


@given(memberships(), changes)
def test_the_counter_of_node_ids_never_falls(
    membership: Membership, change: Change
) -> None:
    """T13, F25: whoever was a member once is known to have been one."""
    after = changed(membership, change, Index(9))
    if isinstance(after, Flaw):
        return
    gone = set(membership.members) - set(after.members)

    assert after.node_id_last >= membership.node_id_last
    assert all(after.was_removed(node) for node in gone)


@given(memberships(), ops)
def test_a_joint_membership_is_entered_once(
    membership: Membership, some: tuple[Op, ...]
) -> None:
    """One change at a time: a joint membership takes nothing but its own end. T58."""
    joint = changed(membership, EnterJoint(some), Index(9))
    if isinstance(joint, Flaw):
        return

    assert changed(joint, EnterJoint(some), Index(10)) is Flaw.IS_JOINT
    assert changed(joint, Simple(some), Index(10)) is Flaw.IS_JOINT


# Records, plans, ids.


def record(node_id: int, **fields: object) -> NodeRecord:
    """Return a record with a store."""
    store = bytes([node_id]) * 16
    return NodeRecord(NodeId(node_id), store, **fields)  # type: ignore[arg-type]  # test


FOUNDED = changed(
    Membership((NodeId(1), NodeId(2), NodeId(3))),
    Found((record(1), record(2), record(3))),
    Index(2),
)
assert isinstance(FOUNDED, Membership)


def apply(membership: Membership, *steps: Change) -> Membership:
    """Return the membership after the steps, which must all be legal."""
    for step in steps:
        outcome = changed(membership, step, Index(membership.index + 1))
        assert isinstance(outcome, Membership), (outcome, step)
        membership = outcome
    return membership


def test_founding_records_the_members_and_changes_no_vote() -> None:
    """The founding members are recorded once, and only if all nodes name the same ones."""
    founders = Membership((NodeId(1), NodeId(2)))

    assert FOUNDED.voters == (1, 2, 3)
    assert FOUNDED.index == 2
    assert [known.node_id for known in FOUNDED.nodes] == [1, 2, 3]
    assert changed(FOUNDED, Found(FOUNDED.nodes), Index(9)) is Flaw.FOUNDED
    assert (
        changed(founders, Found((record(1), record(3))), Index(1))
        is Flaw.OTHER_FOUNDERS
    )


def test_a_node_that_waits_to_be_added_takes_the_founding_members_from_the_log() -> (
    None
):
    """A node that joins knows nobody, and learns from the log who was there from the start."""
    after = changed(NOBODY, Found((record(1), record(2))), Index(2))

    assert isinstance(after, Membership)
    assert after.voters == (1, 2)


def test_a_learner_keeps_its_plan_until_it_votes() -> None:
    """F23, F24: what a learner waits for is part of the membership, and ends with it."""
    plan = Plan(NodeId(4), replaces=NodeId(3))
    learning = apply(FOUNDED, Simple((Op(OpKind.LEARNER, NodeId(4), record(4), plan),)))
    swapped = apply(
        learning,
        EnterJoint((Op(OpKind.VOTER, NodeId(4)), Op(OpKind.REMOVE, NodeId(3)))),
    )
    done = apply(swapped, LeaveJoint())

    assert learning.plans == (plan,)
    assert learning.record(NodeId(4)) == record(4)
    assert swapped.plans == ()
    assert swapped.record(NodeId(3)) is not None  # it still votes in the outgoing half
    assert done.record(NodeId(3)) is None
    assert done.was_removed(NodeId(3))


def test_a_plan_can_be_given_up() -> None:
    """A learner that is too slow stays one, without a plan (F23)."""
    plan = Plan(NodeId(4))
    learning = apply(FOUNDED, Simple((Op(OpKind.LEARNER, NodeId(4), None, plan),)))
    given_up = apply(learning, Simple((Op(OpKind.PLAN, NodeId(4)),)))

    assert learning.plans == (plan,)
    assert given_up.plans == ()
    assert given_up.learners == (4,)


def test_a_record_is_replaced_for_members_only() -> None:
    """An update of who takes no part changes nothing."""
    renewed = record(2, region="b")
    after = apply(
        FOUNDED,
        Simple(
            (
                Op(OpKind.UPDATE, NodeId(2), renewed),
                Op(OpKind.UPDATE, NodeId(9), record(9)),
            )
        ),
    )

    assert after.record(NodeId(2)) == renewed
    assert after.record(NodeId(9)) is None
    assert after.node_id_last == 3


def test_an_id_is_never_given_out_again() -> None:
    """T13, F25: neither the id of a removed node, nor one that was skipped."""
    without = apply(FOUNDED, Simple((Op(OpKind.REMOVE, NodeId(3)),)))
    skipped = apply(without, Simple((Op(OpKind.LEARNER, NodeId(7), record(7)),)))

    def adding(node_id: int) -> Simple:
        return Simple((Op(OpKind.LEARNER, NodeId(node_id)),))

    assert reused_id(FOUNDED, adding(4)) is None
    assert reused_id(without, adding(3)) == 3
    assert reused_id(without, adding(2)) is None  # a member that is demoted
    assert reused_id(skipped, adding(5)) == 5
    assert reused_id(skipped, adding(8)) is None
    assert reused_id(skipped, Simple((Op(OpKind.LEARNER, NO_NODE),))) is None
    assert reused_id(skipped, LeaveJoint()) is None
