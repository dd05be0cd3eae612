"""Raft thesis, 3.10: leadership transfer extension.

"1. The prior leader stops accepting new client requests. 2. The prior leader fully updates the
target server's log to match its own. 3. The prior leader sends a TimeoutNow request to the target
server. ... If the transfer does not complete after about an election timeout, the prior leader
aborts the transfer and resumes accepting client requests."
"""

import pytest

from ledgerd.errors import Reason
from ledgerd.raft.core import Refused
from ledgerd.raft.entries import EntryKind, NodeId, Role
from ledgerd.raft.messages import TimeoutNow
from ledgerd.raft.ready import Transferring
from tests.raft.harness import SMALL, Cluster


def transfer(cluster: Cluster, to: int) -> None:
    """Let node 1 begin a transfer, which must be accepted."""
    outcome = cluster[1].core.transfer(NodeId(to))
    assert outcome == Transferring(NodeId(to)), outcome


def test_step_1_client_requests_are_refused_as_never_proposed() -> None:
    """Writes and reads; nothing of them is in the log (R17)."""
    cluster = Cluster(3)
    cluster.elect(1)
    last = cluster[1].core.status().last
    transfer(cluster, 2)

    for outcome in (
        cluster[1].core.propose(EntryKind.PAYOUTS, b"x", 0),
        cluster[1].core.read(),
    ):
        assert isinstance(outcome, Refused)
        assert outcome.reason is Reason.TRANSFERRING
    assert cluster[1].core.status().last == last


def test_step_2_the_target_is_brought_up_to_date_first() -> None:
    """It is told to campaign when it has acknowledged the leader's last entry, not before."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(2)
    cluster.propose(1, b"x")
    cluster.settle()
    cluster.heal()
    transfer(cluster, 2)
    cluster[1].turn()
    assert not [m for m in cluster.in_flight if isinstance(m, TimeoutNow)]
    cluster.tick(SMALL.heartbeat_ticks)

    assert cluster.leaders == [2]
    assert cluster[2].terms()[:2] == [1, 1]


def test_step_3_the_target_is_elected_at_once() -> None:
    """No timeout passes, although every voter hears its leader (T38)."""
    cluster = Cluster(5)
    cluster.elect(1)
    transfer(cluster, 4)
    cluster.settle()

    assert cluster.leaders == [4]
    assert cluster[4].term == 2


@pytest.mark.parametrize("target", [0, 2, 3])
def test_any_voter_may_be_the_target_and_without_a_name_the_fittest(
    target: int,
) -> None:
    """With NO_NODE the leader chooses the voter that is closest to taking over."""
    cluster = Cluster(3)
    cluster.elect(1)
    outcome = cluster[1].core.transfer(NodeId(target))
    assert isinstance(outcome, Transferring)
    cluster.settle()

    assert cluster.leaders == [outcome.to]
    assert target in (0, outcome.to)


def test_a_transfer_that_takes_an_election_timeout_is_given_up() -> None:
    """The leader resumes; the target's late campaign is any node's campaign."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(2)
    transfer(cluster, 2)
    cluster.tick(SMALL.election_base_ticks)

    assert cluster.leaders == [1]
    cluster.propose(1, b"taken again")
    cluster.settle()
    assert cluster[1].commit == 2


def test_a_target_that_dies_costs_no_more_than_a_dead_leader() -> None:
    """Somebody leads soon, and nothing is lost."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.propose(1, b"kept")
    cluster.settle()
    transfer(cluster, 2)
    cluster[1].turn()
    cluster.deliver()
    cluster[2].crash()
    cluster[1].crash()
    cluster[1].start()
    cluster.tick(5 * SMALL.election_base_ticks)

    (leader,) = cluster.leaders
    assert cluster[leader].role is Role.LEADER
    assert [e.payload for e in cluster[leader].applied if e.payload] == [b"kept"]


def test_who_has_no_vote_is_no_target() -> None:
    """Nor a stranger; a leader asked to hand over to itself leads on."""
    cluster = Cluster(3)
    cluster.elect(1)
    stranger = cluster[1].core.transfer(NodeId(9))

    assert isinstance(stranger, Refused)
    assert stranger.reason is Reason.NO_TRANSFER_TARGET
    assert cluster[1].core.transfer(NodeId(1)) == Transferring(NodeId(1))
    cluster.settle()
    assert cluster.leaders == [1]
