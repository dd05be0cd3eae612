"""Leadership handed over on purpose: F5, thesis 3.10, traps T38 and T39."""

import pytest

from ledgerd.errors import Reason
from ledgerd.raft.core import Refused
from ledgerd.raft.entries import NO_NODE, EntryKind, NodeId, Role
from ledgerd.raft.facts import PeerLost
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import AppendEntries, RequestVote, TimeoutNow
from ledgerd.raft.ready import Cause, Transferring
from tests.raft.harness import SMALL, Cluster, Node

BASE = SMALL.election_base_ticks


def led(size: int = 3) -> tuple[Cluster, Node]:
    """Return a cluster at rest that node 1 leads."""
    cluster = Cluster(size)
    leader = cluster.elect(1)
    cluster.propose(1)
    cluster.settle()
    return cluster, leader


def transfer(leader: Node, to: int = 0) -> NodeId:
    begun = leader.core.transfer(NodeId(to))
    assert isinstance(begun, Transferring), begun
    return begun.to


def refused(leader: Node) -> Reason | None:
    verdict = leader.core.propose(EntryKind.PAYOUTS, b"x", 0)
    return verdict.reason if isinstance(verdict, Refused) else None


def test_the_named_voter_leads_without_an_election_timeout() -> None:
    """F5: no time passes; the old leader follows and names the transfer as its cause."""
    cluster, leader = led()
    transfer(leader, 3)
    cause = None
    for _ in range(20):
        ready = leader.take()
        if ready is not None and ready.role_change is not None:
            cause = cause or ready.role_change.cause
        while leader.writes:
            leader.sync()
        leader.apply()
        cluster[2].turn()
        cluster[3].turn()
        cluster.deliver()

    assert cluster.leaders == [3]
    assert leader.role is Role.FOLLOWER
    assert cause is Cause.TRANSFER
    assert leader.core.status().leader == 3


def test_its_request_bypasses_stickiness() -> None:
    """T38: node 2 heard the leader a moment ago and votes all the same."""
    cluster, leader = led()
    transfer(leader, 3)
    cluster.settle()

    asked = [line for line in cluster.trace if "3->2 RequestVote " in line]
    assert len(asked) == 1
    assert asked[0].endswith("forced")
    assert not any("3->2 PreVote" in line for line in cluster.trace)
    assert cluster.leaders == [3]


def test_only_a_holder_of_the_last_entry_is_told() -> None:
    """T39: the target is brought up first, and what it holds is durable."""
    cluster, leader = led()
    cluster.isolate(3)
    cluster.propose(1)
    cluster.settle()
    assert transfer(leader, 3) == 3
    cluster.settle()
    assert not any("TimeoutNow" in line for line in cluster.trace)

    cluster.heal()
    cluster.tick(SMALL.heartbeat_ticks + 1)

    told = next(i for i, line in enumerate(cluster.trace) if "TimeoutNow" in line)
    acked = [i for i, line in enumerate(cluster.trace) if "3->1 AppendAccepted" in line]
    assert any(i < told for i in acked)
    assert cluster.leaders == [3]


def test_proposals_and_reads_are_fenced_and_never_proposed() -> None:
    """T39, R17: refused in words, with the target as the hint; the log does not grow."""
    cluster, leader = led()
    last = leader.core.status().last
    transfer(leader, 3)

    assert leader.core.propose(EntryKind.PAYOUTS, b"x", 0) == Refused(
        Reason.TRANSFERRING, NodeId(3)
    )
    assert leader.core.read() == Refused(Reason.TRANSFERRING, NodeId(3))
    assert leader.core.status().last == last
    assert leader.core.status().transferring == 3
    cluster.settle()
    assert leader.core.status().transferring == NO_NODE


def test_a_follower_s_read_meets_the_new_leader() -> None:
    """Reads under way are neither lost nor answered by the leader that leaves."""
    cluster, leader = led()
    cluster.cut = {(1, 3)}
    transfer(leader, 3)
    ticket = cluster[2].core.read()
    cluster.settle()
    assert cluster[2].reads == {}

    cluster.heal()
    leader.core.note(PeerLost(NodeId(3)))
    cluster.tick(BASE)

    assert cluster[2].failed_reads == []
    assert list(cluster[2].reads) == [ticket]


def test_it_is_given_up_after_one_base_and_the_leader_leads_on() -> None:
    """T39: a target that never answers does not stop the writes for long."""
    cluster, leader = led()
    cluster.isolate(3)
    transfer(leader, 3)
    cluster.tick(BASE - 1)
    assert refused(leader) is Reason.TRANSFERRING
    cluster.tick(1)

    assert leader.role is Role.LEADER
    assert refused(leader) is None


def test_a_target_that_failed_is_the_last_choice() -> None:
    """A retry without a name goes to somebody else."""
    cluster, leader = led()
    cluster.cut = {(3, 1), (1, 3)}
    transfer(leader, 3)
    cluster.tick(BASE)
    cluster.heal()
    cluster.tick(BASE)

    assert transfer(leader) == 2


def test_the_most_caught_up_voter_is_chosen() -> None:
    """F5: among those that are heard, whoever needs least."""
    cluster, leader = led(5)
    cluster.isolate(2, 4)
    cluster.propose(1)
    cluster.settle()
    cluster.heal()

    assert transfer(leader) in (3, 5)


def test_nobody_is_chosen_while_nobody_is_heard() -> None:
    """A leader alone cannot hand over, and says so."""
    cluster = Cluster(1)
    leader = cluster.elect(1)

    assert leader.core.transfer() == Refused(Reason.NO_TRANSFER_TARGET, NodeId(1))


@pytest.mark.parametrize("target", [3, 9])
def test_who_is_no_voter_is_no_target(target: int) -> None:
    """A learner or a stranger is refused by the leader."""
    membership = Membership((NodeId(1), NodeId(2)), learners=(NodeId(3),))
    cluster = Cluster(3, membership=membership)
    leader = cluster.elect(1)

    assert leader.core.transfer(NodeId(target)) == Refused(
        Reason.NO_TRANSFER_TARGET, NodeId(1)
    )
    assert refused(leader) is None


def test_a_learner_that_is_told_stays_a_learner() -> None:
    """T39: the target sees itself as a voter, or does nothing."""
    membership = Membership((NodeId(1), NodeId(2)), learners=(NodeId(3),))
    cluster = Cluster(3, membership=membership)
    cluster.elect(1)
    cluster.settle()
    term = cluster[3].core.status().term
    cluster[3].core.step(TimeoutNow(NodeId(1), NodeId(3), term))

    assert cluster[3].role is Role.FOLLOWER


def test_a_follower_refuses_and_names_the_leader() -> None:
    """Only a leader hands over."""
    cluster, _ = led()

    assert cluster[2].core.transfer() == Refused(Reason.NOT_LEADER, NodeId(1))


def test_asking_again_changes_nothing_and_another_target_is_refused() -> None:
    """One transfer at a time; to itself a leader need not hand over."""
    _, leader = led()

    assert transfer(leader, 1) == 1
    assert refused(leader) is None
    assert transfer(leader, 3) == 3
    assert transfer(leader, 3) == 3
    assert transfer(leader) == 3
    assert leader.core.transfer(NodeId(2)) == Refused(Reason.TRANSFERRING, NodeId(3))


def test_a_late_order_to_take_over_is_dropped() -> None:
    """T40: one of an older term starts no election."""
    cluster, _ = led()
    stale = TimeoutNow(NodeId(1), NodeId(3), cluster[3].core.status().term)
    cluster.isolate(1)
    cluster.tick(3 * BASE)
    cluster.heal()
    cluster.tick(BASE)
    before = [node.core.status().term for node in cluster.nodes.values()]
    if cluster[3].role is not Role.LEADER:
        cluster[3].core.step(stale)
    cluster.settle()

    assert before == [before[0]] * 3
    assert before[0] > stale.term
    assert [node.core.status().term for node in cluster.nodes.values()] == before


def test_an_entry_proposed_before_the_fence_commits_and_none_is_lost() -> None:
    """What was accepted before the transfer is decided, here or by the new leader."""
    cluster, leader = led()
    proposed = cluster.propose(1)
    transfer(leader, 2)
    cluster.settle()
    cluster.tick(SMALL.heartbeat_ticks)

    assert cluster.leaders == [2]
    assert all(node.commit >= proposed.id.index for node in cluster.nodes.values())
    assert leader.lost_from == []


def test_a_leader_deaf_to_the_target_still_steps_down_for_the_transfer() -> None:
    """The cause is the transfer also when a heartbeat of the target is what it hears first."""
    cluster, leader = led()
    transfer(leader, 3)
    for _ in range(10):
        for node in cluster.nodes.values():
            node.turn()
        cluster.deliver(
            only=lambda m: (
                not (isinstance(m, RequestVote) and m.to == 1)
                and not (isinstance(m, AppendEntries) and m.to == 1)
            )
        )
    beat = next(m for m in cluster.in_flight if isinstance(m, AppendEntries))
    leader.core.step(beat)
    change = leader.core.ready()

    assert change is not None
    assert change.role_change is not None
    assert change.role_change.cause is Cause.TRANSFER
