"""Raft thesis, 10.2.1: writing to the leader's disk in parallel; and 3.8, persisted state.

"The leader may even commit an entry before it has been written to its own disk, if a majority of
followers have written it to their disks; this is still safe."
"""

from ledgerd.raft.entries import Role
from ledgerd.raft.messages import AppendEntries
from tests.raft.harness import Cluster


def test_followers_write_while_the_leader_writes() -> None:
    """F18: the append leaves early, before the leader's own sync."""
    cluster = Cluster(3)
    leader = cluster.elect(1)
    cluster.propose(1)
    ready = leader.take()

    assert ready is not None
    assert {type(m) for m in ready.send_early} == {AppendEntries}
    assert ready.must_sync
    assert leader.disk.last_index() == 1


def test_a_leader_that_crashes_before_its_own_write_loses_nothing() -> None:
    """T5: it was committed by the others, and one of them leads next."""
    cluster = Cluster(3)
    leader = cluster.elect(1)
    proposed = cluster.propose(1, b"kept")
    leader.take()
    for _ in range(2):
        cluster.deliver()
        for node in (2, 3):
            cluster[node].turn()
    cluster.deliver()
    assert leader.commit == 2
    leader.crash()
    assert leader.disk.last_index() == 1

    cluster.tick(45)
    (new,) = cluster.leaders
    leader.start()
    cluster.tick(20)

    assert cluster[new].applied[1].payload == b"kept"
    assert cluster[new].applied[1].id == proposed.id
    assert leader.applied[1].payload == b"kept"


def test_a_candidate_that_crashes_before_its_vote_is_durable_was_never_elected() -> (
    None
):
    """T81: it cannot win one term twice with two logs, for nobody was asked."""
    cluster = Cluster(3)
    node = cluster[1]
    node.core.campaign()
    node.turn()
    cluster.deliver()
    cluster[2].turn()
    cluster.deliver()
    assert node.role is Role.CANDIDATE
    node.take()  # term 1 and the vote are being written
    node.restart()
    cluster.settle()

    assert node.term == 0
    assert not any("RequestVote" in line for line in cluster.trace)


def test_acknowledged_entries_survive_any_crash() -> None:
    """3.8, R8: what was acked is on disk, in whatever moment the node dies."""
    for moment in range(12):
        cluster = Cluster(3)
        cluster.elect(1)
        victim = cluster[2]
        acked = 0
        steps = 0
        for n in range(6):
            cluster.propose(1, b"%d" % n)
            cluster[1].turn()
            cluster.deliver(lambda m: m.to == 2)
            if steps == moment:
                break
            victim.take()
            steps += 1
            if steps == moment:
                break
            while victim.writes:
                victim.sync()
            steps += 1
            for message in cluster.in_flight:
                acked = max(acked, getattr(message, "match", 0))
        victim.restart()

        assert victim.disk.last_index() >= acked
        assert victim.term == 1
