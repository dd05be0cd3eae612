"""Digests compared at checkpoints: who has diverged, and who says so (F37)."""

from ledgerd.raft.agreement import Agreements
from ledgerd.raft.entries import Index, NodeId, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import Agreement, Checkpoint

THREE = Membership((NodeId(1), NodeId(2), NodeId(3)))
FIVE = Membership(tuple(NodeId(n) for n in range(1, 6)))


def digest(index: int, *, of: str = "ours") -> bytes:
    return f"{of} {index}".encode().ljust(32, b".")


def applied(until: int, *, of: str = "ours", every: int = 4) -> Agreements:
    """Return what a node knows that applied 1 .. until."""
    found = Agreements(every)
    for index in range(1, until + 1):
        found.applied(Index(index), digest(index, of=of))
    return found


def answer(
    leader: Agreements, peer: int, index: int, equal: bool, members: Membership = THREE
) -> None:
    leader.answered(NodeId(peer), Agreement(Index(index), equal), NodeId(1), members)


class TestCheckpoints:
    """Which indexes are compared."""

    def test_every_so_many_entries(self) -> None:
        """The newest one is named."""
        assert applied(3).checkpoint() is None
        assert applied(11).checkpoint() == Checkpoint(Index(8), digest(8))

    def test_a_state_at_rest_is_compared_where_it_stands(self) -> None:
        """An idle cluster need not wait for the next 1,024 entries."""
        leader = applied(6)
        for _ in range(5):
            leader.ticked()

        assert leader.checkpoint() == Checkpoint(Index(6), digest(6))

    def test_a_follower_behind_compares_when_it_gets_there(self) -> None:
        """What a leader named is remembered until then."""
        follower = applied(6)
        follower.heard(Checkpoint(Index(8), digest(8)), None, term=Term(1))
        assert follower.verdict.index == 0

        follower.applied(Index(7), digest(7))
        follower.applied(Index(8), digest(8))

        assert follower.verdict == Agreement(Index(8), is_equal=True)

    def test_what_was_passed_unseen_is_not_judged(self) -> None:
        """A node that restarted knows the digest of its last entry only."""
        follower = Agreements(4)
        follower.applied(Index(9), digest(9))

        follower.heard(Checkpoint(Index(8), digest(8, of="theirs")), None, term=Term(1))

        assert follower.verdict.index == 0


class TestLeader:
    """Counting answers."""

    def test_a_majority_that_agrees_confirms(self) -> None:
        """The leader itself is one of them."""
        leader = applied(4)

        answer(leader, 2, 4, True)

        assert leader.agreed == Checkpoint(Index(4), digest(4))
        assert leader.diverged_at is None
        assert not leader.is_disputed

    def test_one_that_differs_while_another_is_silent_is_a_dispute(self) -> None:
        """Nobody can tell yet which of the two is right, so nothing is accepted."""
        leader = applied(4)

        answer(leader, 2, 4, False)

        assert leader.is_disputed
        assert leader.diverged_at is None
        answer(leader, 3, 4, True)
        assert not leader.is_disputed
        assert leader.agreed is not None

    def test_a_majority_that_differs_is_right(self) -> None:
        """The leader resigns first."""
        leader = applied(4)

        answer(leader, 2, 4, False)
        answer(leader, 3, 4, False)

        assert leader.diverged_at == 4

    def test_no_majority_at_all(self) -> None:
        """Two against two against one: whoever leads has a majority against it."""
        leader = applied(4)

        answer(leader, 2, 4, True, FIVE)
        for peer in (3, 4):
            answer(leader, peer, 4, False, FIVE)
        assert leader.is_disputed
        assert leader.diverged_at is None
        answer(leader, 5, 4, False, FIVE)

        assert leader.diverged_at == 4

    def test_both_halves_of_a_joint_membership_must_agree(self) -> None:
        """As everywhere."""
        joint = Membership(
            (NodeId(1), NodeId(2), NodeId(3)), (NodeId(1), NodeId(4), NodeId(5))
        )
        leader = applied(4)

        answer(leader, 2, 4, True, joint)
        assert leader.agreed is None
        answer(leader, 5, 4, True, joint)

        assert leader.agreed is not None

    def test_answers_to_an_older_term_do_not_count(self) -> None:
        """T40."""
        leader = applied(4)
        answer(leader, 2, 4, False)

        leader.elected()

        assert not leader.is_disputed


class TestFollower:
    """What a majority confirmed is right."""

    def test_what_was_found_of_an_older_leader_is_not_told_to_the_next(self) -> None:
        """T40: found by the simulator.

        A leader that had diverged resigned, and after it each sound
        one took itself for diverged.
        """
        follower = applied(4)
        follower.heard(Checkpoint(Index(4), digest(4, of="theirs")), None, term=Term(1))
        assert not follower.verdict.is_equal

        follower.heard(None, None, term=Term(2))

        assert follower.verdict.index == 0
        assert follower.verdict.is_equal
        follower.heard(Checkpoint(Index(4), digest(4)), None, term=Term(2))
        assert follower.verdict.index == 4

    def test_it_has_diverged_only_from_what_was_confirmed(self) -> None:
        """A leader alone may be the one that is wrong."""
        follower = applied(8, of="theirs")
        named = Checkpoint(Index(8), digest(8))

        follower.heard(named, None, term=Term(1))
        assert follower.verdict == Agreement(Index(8), is_equal=False)
        assert follower.diverged_at is None
        follower.heard(named, named, term=Term(1))

        assert follower.diverged_at == 8

    def test_equal_digests_are_no_divergence(self) -> None:
        follower = applied(8)
        named = Checkpoint(Index(8), digest(8))

        follower.heard(named, named, term=Term(1))

        assert follower.diverged_at is None
