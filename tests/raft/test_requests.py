"""What an operator asks for, as changes of the membership. F23, F24."""

from dataclasses import replace

import pytest

from ledgerd.raft.changes import EnterJoint, Flaw, Op, OpKind, Simple
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.membership import Membership, NodeKind, NodeRecord, Plan
from ledgerd.raft.requests import (
    AddNode,
    RemoveNode,
    ReplaceNode,
    Request,
    UpdateNode,
    change_for,
    given_up,
    promoted,
)

ONE, TWO, THREE, FOUR, FIVE = (NodeId(n) for n in range(1, 6))
VOTERS = Membership(
    (ONE, TWO, THREE),
    index=Index(7),
    nodes=tuple(NodeRecord(n, bytes([n]) * 16) for n in (ONE, TWO, THREE)),
)
LEARNING = Membership(
    VOTERS.voters,
    learners=(FOUR,),
    index=Index(8),
    nodes=(*VOTERS.nodes, NodeRecord(FOUR, b"4" * 16, version_max=2)),
    node_id_last=FIVE,
)


def adding(node_id: int = 0, kind: NodeKind = NodeKind.FULL) -> AddNode:
    return AddNode(NodeId(node_id), "p:1", "a:1", kind, priority=2, region="r")


def test_a_new_node_learns_under_the_next_number() -> None:
    """With all that is known of it, and a plan to vote."""
    record = NodeRecord(
        FOUR, peer_address="p:1", api_address="a:1", priority=2, region="r"
    )

    assert change_for(VOTERS, adding()) == Simple(
        (Op(OpKind.LEARNER, FOUR, record, Plan(FOUR)),)
    )


def test_a_standby_node_has_no_plan() -> None:
    """It learns for ever."""
    change = change_for(VOTERS, adding(kind=NodeKind.STANDBY))

    assert isinstance(change, Simple)
    assert change.ops[0].plan is None


def test_a_learner_that_was_too_slow_begins_again_with_its_store() -> None:
    """Its store and its release are not the operator's to say."""
    change = change_for(LEARNING, adding(4))

    assert isinstance(change, Simple)
    (op,) = change.ops
    assert op.plan == Plan(FOUR)
    assert op.record is not None
    assert (op.record.store_uuid, op.record.version_max) == (b"4" * 16, 2)
    assert op.record.peer_address == "p:1"


def test_a_replacement_is_a_plan_until_the_node_keeps_pace() -> None:
    """Then one change of voters swaps the two."""
    change = change_for(VOTERS, ReplaceNode(THREE, adding()))

    assert isinstance(change, Simple)
    assert change.ops[0].plan == Plan(FOUR, replaces=THREE)
    assert promoted(VOTERS, Plan(FOUR, THREE)) == EnterJoint(
        (Op(OpKind.VOTER, FOUR), Op(OpKind.REMOVE, THREE)), auto_leave=True
    )


def test_a_promotion_whose_old_node_is_gone_is_simple() -> None:
    """Somebody removed it meanwhile."""
    assert promoted(VOTERS, Plan(FOUR, FIVE)) == Simple((Op(OpKind.VOTER, FOUR),))


REPLACING = replace(LEARNING, plans=(Plan(FOUR, THREE),), node_id_last=FOUR)


def test_a_voter_is_replaced_by_one_node_at_a_time() -> None:
    """F24: two would both vote in the end, for the second would find nobody to replace."""
    assert change_for(REPLACING, ReplaceNode(THREE, adding())) is Flaw.BEING_REPLACED
    again = change_for(REPLACING, ReplaceNode(THREE, adding(4)))
    assert isinstance(again, Simple)
    assert again.ops[0].plan == Plan(FOUR, THREE)
    assert isinstance(change_for(REPLACING, ReplaceNode(TWO, adding())), Simple)


def test_who_waited_for_a_place_that_is_taken_stays_a_learner() -> None:
    """Plans that an older release took; those for other places go on."""
    six = NodeId(6)
    membership = replace(
        REPLACING,
        learners=(FOUR, FIVE, six),
        plans=(Plan(FOUR, THREE), Plan(FIVE, THREE), Plan(six, TWO)),
    )

    assert promoted(membership, Plan(FOUR, THREE)) == EnterJoint(
        (Op(OpKind.VOTER, FOUR), Op(OpKind.REMOVE, THREE), Op(OpKind.PLAN, FIVE)),
        auto_leave=True,
    )


def test_a_plan_that_is_given_up_leaves_a_learner() -> None:
    """And nothing else."""
    assert given_up(Plan(FOUR)) == Simple((Op(OpKind.PLAN, FOUR),))


def test_an_update_keeps_what_it_does_not_name() -> None:
    """L1: priority and addresses change, the store never does."""
    change = change_for(VOTERS, UpdateNode(TWO, priority=9, peer_address="q:2"))
    record = NodeRecord(TWO, bytes([2]) * 16, peer_address="q:2", priority=9)

    assert change == Simple((Op(OpKind.UPDATE, TWO, record),))


@pytest.mark.parametrize(
    ("membership", "request_", "flaw"),
    [
        (VOTERS, adding(1), Flaw.IS_VOTER),
        (LEARNING, adding(5), Flaw.ID_USED),
        (VOTERS, RemoveNode(FOUR), Flaw.NOT_A_MEMBER),
        (VOTERS, UpdateNode(FOUR, priority=1), Flaw.NOT_A_MEMBER),
        (Membership((ONE,)), RemoveNode(ONE), Flaw.NO_VOTERS_LEFT),
        (LEARNING, ReplaceNode(FOUR, adding()), Flaw.NO_VOTER),
        (
            VOTERS,
            ReplaceNode(ONE, adding(kind=NodeKind.STANDBY)),
            Flaw.STANDBY_REPLACES,
        ),
        (Membership((ONE,), (TWO,)), adding(), Flaw.IS_JOINT),
    ],
)
def test_what_cannot_be_is_a_flaw(
    membership: Membership, request_: Request, flaw: Flaw
) -> None:
    """A refusal is a value and has a name."""
    assert change_for(membership, request_) is flaw


@pytest.mark.parametrize(
    ("last", "node_id", "is_far"),
    [
        (3, 1_004, False),
        (3, 1_005, True),
        (3, 2**32 - 1, True),
        (2**32 - 3, 0, False),
        (2**32 - 2, 0, True),
        (2**32 - 2, 2**32 - 1, True),
    ],
)
def test_one_change_does_not_spend_all_numbers(
    last: int, node_id: int, is_far: bool
) -> None:
    """T13: a number below one that was given out is never given out again."""
    membership = replace(VOTERS, node_id_last=NodeId(last))

    for request in (adding(node_id), ReplaceNode(THREE, adding(node_id))):
        found = change_for(membership, request)
        assert (found is Flaw.ID_FAR) is is_far
