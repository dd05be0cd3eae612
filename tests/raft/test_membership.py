"""The shape of a configuration."""

import pytest

from ledgerd.raft.entries import NodeId
from ledgerd.raft.membership import Membership


def ids(*numbers: int) -> tuple[NodeId, ...]:
    """Return node ids."""
    return tuple(NodeId(n) for n in numbers)


def test_members_are_everybody_who_is_sent_entries() -> None:
    """Voters of both halves and learners."""
    joint = Membership(ids(1, 2, 3), ids(3, 4), ids(7))

    assert joint.members == ids(1, 2, 3, 4, 7)
    assert joint.all_voters == ids(1, 2, 3, 4)
    assert joint.is_joint
    assert not Membership(ids(1)).is_joint


@pytest.mark.parametrize(
    ("voters", "outgoing", "learners", "learners_next"),
    [
        ((), (), (), ()),
        (ids(2, 1), (), (), ()),
        (ids(1, 1), (), (), ()),
        (ids(1, 2), (), ids(2), ()),
        (ids(1), ids(2), ids(2), ()),
        (ids(1), ids(2), (), ids(3)),
    ],
)
def test_a_shape_that_cannot_be_is_refused(
    voters: tuple[NodeId, ...],
    outgoing: tuple[NodeId, ...],
    learners: tuple[NodeId, ...],
    learners_next: tuple[NodeId, ...],
) -> None:
    """Sorted sets, at least one voter, learners apart, next learners among the outgoing."""
    with pytest.raises(AssertionError):
        Membership(voters, outgoing, learners, learners_next)
