"""Decisions about votes, and the timer, apart from any core."""

from collections.abc import Callable

import pytest

from ledgerd.raft.elections import (
    Ballot,
    ElectionTimer,
    Voter,
    is_sticky,
    may_pre_vote,
    may_vote,
)
from ledgerd.raft.entries import NO_NODE, EntryId, Index, NodeId, Role, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.quorum import Vote

THREE = Membership((NodeId(1), NodeId(2), NodeId(3)))


def fixed(n: int) -> Callable[[int], int]:
    """Return a jitter that always draws n."""
    return lambda _: n


def eid(term: int, index: int) -> EntryId:
    """Return an entry id."""
    return EntryId(Term(term), Index(index))


def voter(
    *,
    term: int = 5,
    vote: int = 0,
    leader: int = 0,
    role: Role = Role.FOLLOWER,
    last: EntryId | None = None,
) -> Voter:
    """Return node 1 in term 5 with a log that ends at 4/7, unless said otherwise."""
    return Voter(
        NodeId(1), Term(term), NodeId(vote), role, NodeId(leader), last or eid(4, 7)
    )


class TestTimer:
    @pytest.mark.parametrize("drawn", [0, 9])
    def test_it_fires_after_the_base(self, drawn: int) -> None:
        """raft.md 5.1: base + 1 .. 2 * base ticks."""
        timer = ElectionTimer(10, fixed(drawn))
        fired = [timer.advance(1, 0) for _ in range(11 + drawn)]

        assert fired == [False] * (10 + drawn) + [True]

    def test_stickiness_ends_before_the_first_timer_can_fire(self) -> None:
        """raft.md 5.2: the first to notice is not refused by those about to notice."""
        timer = ElectionTimer(10, fixed(0))
        timer.advance(9, 0)
        assert timer.heard_recently
        assert not timer.advance(1, 0)
        assert not timer.heard_recently

    def test_missed_ticks_count_as_one(self) -> None:
        """T83: the silence may be our own."""
        timer = ElectionTimer(10, fixed(0))
        timer.advance(1, 500)

        assert timer.elapsed == 2

    def test_each_arming_draws_anew(self) -> None:
        """5.2: randomised timeouts, so that a split vote is rarely repeated."""
        draws = iter([0, 7, 3])
        timer = ElectionTimer(10, lambda _: next(draws))
        timeouts = [timer.timeout]
        for _ in range(2):
            timer.arm()
            timeouts.append(timer.timeout)

        assert timeouts == [11, 18, 14]


@pytest.mark.parametrize(
    ("last", "granted"),
    [
        (eid(4, 7), True),
        (eid(4, 8), True),
        (eid(5, 1), True),
        (eid(4, 6), False),
        (eid(3, 99), False),
    ],
)
def test_the_more_complete_log_is_electable(last: EntryId, granted: bool) -> None:
    """5.4.1, T23: later term first, then the longer log."""
    assert granted is may_vote(voter(), NodeId(2), last, THREE)
    assert granted is may_pre_vote(voter(), NodeId(2), Term(6), last, THREE)


class TestVote:
    def test_one_vote_in_a_term(self) -> None:
        """5.2: first come, first served; the same candidate may ask again."""
        assert may_vote(voter(vote=2), NodeId(2), eid(4, 7), THREE)
        assert not may_vote(voter(vote=3), NodeId(2), eid(4, 7), THREE)

    def test_nobody_votes_against_the_leader_of_the_term(self) -> None:
        """A node that was elected without our vote still leads this term."""
        assert not may_vote(voter(leader=3), NodeId(2), eid(4, 7), THREE)

    def test_a_node_without_a_vote_is_not_elected(self) -> None:
        """T42: who was removed gets no vote; who is newer than all we know may be a voter."""
        without_2 = Membership((NodeId(1), NodeId(3)))

        assert not may_vote(voter(), NodeId(2), eid(9, 9), without_2)
        assert may_vote(voter(), NodeId(9), eid(9, 9), THREE)


class TestPreVote:
    def test_an_older_term_is_refused(self) -> None:
        """T36: explicitly, so that the asker learns of the newer term."""
        assert not may_pre_vote(voter(), NodeId(2), Term(4), eid(9, 9), THREE)

    def test_a_newer_term_may_be_had_whatever_was_voted(self) -> None:
        """Thesis 9.6: the vote of this term says nothing about the next."""
        asked = Term(6)

        assert may_pre_vote(voter(vote=3), NodeId(2), asked, eid(4, 7), THREE)

    def test_this_term_may_be_had_if_it_is_free(self) -> None:
        """Asked about the term we are already in: as a vote in it."""
        asked = Term(5)

        assert may_pre_vote(voter(), NodeId(2), asked, eid(4, 7), THREE)
        assert not may_pre_vote(voter(vote=3), NodeId(2), asked, eid(4, 7), THREE)
        assert not may_pre_vote(voter(leader=3), NodeId(2), asked, eid(4, 7), THREE)


class TestStickiness:
    def test_a_live_leader_is_stuck_to(self) -> None:
        """F3: heard within one base."""
        timer = ElectionTimer(10, fixed(0))

        assert is_sticky(voter(leader=3), timer, check_quorum=True)
        timer.advance(10, 0)
        assert not is_sticky(voter(leader=3), timer, check_quorum=True)

    def test_who_knows_no_leader_is_free(self) -> None:
        """T37: a restarted node may vote at once."""
        timer = ElectionTimer(10, fixed(0))

        assert not is_sticky(voter(leader=NO_NODE), timer, check_quorum=True)

    def test_without_check_quorum_there_is_no_stickiness(self) -> None:
        """F2 and F3 go together: else a leader nobody follows would never be replaced."""
        timer = ElectionTimer(10, fixed(0))

        assert not is_sticky(voter(leader=3), timer, check_quorum=False)

    def test_a_leader_sticks_to_itself(self) -> None:
        """CheckQuorum deposes it, not a candidate that cannot hear it."""
        timer = ElectionTimer(10, fixed(0))
        timer.advance(99, 0)
        leader = voter(leader=1, role=Role.LEADER)

        assert is_sticky(leader, timer, check_quorum=True)


class TestBallot:
    def test_a_majority_wins(self) -> None:
        """5.2: votes from a majority of the servers."""
        ballot = Ballot(THREE)

        assert ballot.count(NodeId(1), granted=True) is Vote.PENDING
        assert ballot.count(NodeId(2), granted=True) is Vote.WON

    def test_a_repeated_vote_counts_once(self) -> None:
        """5.5: messages may be repeated."""
        ballot = Ballot(THREE)
        ballot.count(NodeId(2), granted=True)

        assert ballot.count(NodeId(2), granted=True) is Vote.PENDING

    def test_a_strangers_vote_does_not_count(self) -> None:
        """R11: nobody outside the membership counts."""
        ballot = Ballot(THREE)
        ballot.count(NodeId(1), granted=True)

        assert ballot.count(NodeId(9), granted=True) is Vote.PENDING

    def test_a_joint_election_needs_both_halves(self) -> None:
        """Paper, 6: separate majorities of the old and the new configuration."""
        joint = Membership(
            (NodeId(1), NodeId(2), NodeId(3)), (NodeId(3), NodeId(4), NodeId(5))
        )
        ballot = Ballot(joint)
        for node in (1, 2, 3):
            assert ballot.count(NodeId(node), granted=True) is Vote.PENDING

        assert ballot.count(NodeId(4), granted=True) is Vote.WON
