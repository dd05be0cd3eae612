"""The shape of a configuration."""

import pytest

from ledgerd.raft.entries import NodeId
from ledgerd.raft.membership import (
    NOBODY,
    Membership,
    NodeRecord,
    Plan,
    Standing,
)


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
        ((), ids(1), (), ()),
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
    """Sorted sets, voters unless empty, learners apart, next learners among the outgoing."""
    with pytest.raises(AssertionError):
        Membership(voters, outgoing, learners, learners_next)


def test_nobody_is_a_membership_too() -> None:
    """A node that waits to be added has no voters, and so no majority of its own."""
    assert NOBODY.is_empty
    assert NOBODY.members == ()
    assert not Membership(ids(1)).is_empty


def test_the_counter_of_ids_covers_all_members() -> None:
    """An id at or below the counter that is no member's was one's, once (T13, F25)."""
    membership = Membership(ids(1, 3), learners=ids(5))

    assert membership.node_id_last == 5
    assert membership.was_removed(NodeId(4))
    assert not membership.was_removed(NodeId(3))
    assert not membership.was_removed(NodeId(6))


def test_records_and_plans_are_of_those_who_take_part() -> None:
    """A record of a stranger, or a plan of a voter, cannot be."""
    with pytest.raises(AssertionError):
        Membership(ids(1), nodes=(NodeRecord(NodeId(2)),))
    with pytest.raises(AssertionError):
        Membership(ids(1), plans=(Plan(NodeId(1)),))


@pytest.mark.parametrize(
    ("node_id", "store", "standing"),
    [
        (1, b"a" * 16, Standing.MEMBER),
        (1, b"b" * 16, Standing.OTHER_STORE),
        (3, b"b" * 16, Standing.MEMBER),  # not met before
        (2, b"b" * 16, Standing.REMOVED),
        (4, b"b" * 16, Standing.UNKNOWN),
    ],
)
def test_a_node_is_known_by_its_id_and_its_store(
    node_id: int, store: bytes, standing: Standing
) -> None:
    """F25, T13, T69: another store under an old id counts for nothing."""
    nodes = (NodeRecord(NodeId(1), b"a" * 16), NodeRecord(NodeId(3)))
    membership = Membership(ids(1, 3), nodes=nodes)

    assert standing is membership.standing(NodeId(node_id), store)
