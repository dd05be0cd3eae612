"""Raft paper, 7, and thesis, 5: log compaction.

"Usually the snapshot will contain new information not already in the recipient's log. In this case,
the follower discards its entire log ... If instead the follower receives a snapshot that describes
a prefix of its log ... then log entries covered by the snapshot are deleted but entries following
the snapshot are still valid and must be retained."
"""

import pytest

from ledgerd.raft.changes import EnterJoint, Op, OpKind
from ledgerd.raft.core import Proposed
from ledgerd.raft.entries import HardState, Index, NodeId, Term
from ledgerd.raft.facts import PeerLost
from ledgerd.raft.messages import AppendAccepted, SnapshotOffer
from ledgerd.raft.progress import Mode
from tests.raft.harness import Cluster, Node, make_log
from tests.raft.making import snapshot_at


def behind(entries: int = 5) -> Cluster:
    """Return a cluster whose node 3, back again, lacks what leader 1 has compacted."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(3)
    for n in range(entries):
        cluster.propose(1, f"{n}".encode())
        cluster.settle()
    cluster.tick(2)
    cluster[1].compact(cluster[1].commit)
    cluster.heal()
    cluster.tick(3)
    return cluster


def mode(node: Node, peer: int) -> Mode:
    """Return how a leader treats a peer."""
    return {p.node_id: p.mode for p in node.core.status().peers}[NodeId(peer)]


def test_the_last_included_entry_stays_known_for_the_consistency_check() -> None:
    """The first append after a snapshot names the entry that the snapshot ends with."""
    cluster = behind()
    made = cluster[1].make_snapshot()
    cluster.settle()
    cluster[3].fetch(cluster[1])
    cluster.settle()
    cluster.propose(1, b"next")
    cluster.settle()

    assert cluster[3].core.status().first == made.index + 1
    assert cluster[3].core.status().last == made.index + 1
    assert cluster[3].commit == cluster[1].commit


def test_a_follower_is_sent_a_snapshot_only_if_the_entries_are_gone() -> None:
    """A slow follower that still finds its next entry in the log is sent that."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(3)
    for n in range(4):
        cluster.propose(1, f"{n}".encode())
        cluster.settle()
    cluster[1].compact(2)
    cluster.heal()
    cluster.tick(3)

    assert cluster[3].terms() == [1] * 5
    assert not [line for line in cluster.trace if "SnapshotOffer" in line]


def test_a_snapshot_with_new_information_replaces_the_whole_log() -> None:
    """Even a longer one: what is not in the snapshot was never committed."""
    cluster = Cluster(
        3,
        logs={3: make_log([1] * 9)},
        hard_states={3: HardState(Term(2), NodeId(0), Index(0))},
    )
    assert cluster[3].core.restore(snapshot_at(6, term=2))
    cluster[3].turn()

    assert cluster[3].disk.log == []
    assert (cluster[3].core.status().first, cluster[3].core.status().last) == (7, 6)


def test_a_snapshot_of_a_prefix_keeps_what_follows() -> None:
    """The log holds the very entry: only the commit index moves, and nothing is deleted."""
    cluster = Cluster(3)
    cluster.elect(1)
    for n in range(4):
        cluster.propose(1, f"{n}".encode())
    cluster.settle()
    node = cluster[3]
    entry = node.disk.log[2]
    fresh = Cluster(3, logs={3: node.disk.log})
    snapshot = snapshot_at(3, term=1, link=entry.link)

    assert not fresh[3].core.restore(snapshot)
    fresh[3].turn()
    assert fresh[3].terms() == [1] * 5
    assert fresh[3].commit == 3


@pytest.mark.parametrize("moment", ["before it is written", "after it was written"])
def test_a_crash_while_installing_leaves_the_old_or_the_new_state(moment: str) -> None:
    """And the follower catches up in either case."""
    cluster = behind()
    cluster[1].make_snapshot()
    cluster.settle()
    node = cluster[3]
    before = (node.core.status().first, node.core.status().last)
    state = list(node.applied)
    node.fetch(cluster[1])
    node.take()
    if moment == "before it is written":
        node.applied = state
    else:
        node.sync()
    node.restart()
    after = (node.core.status().first, node.core.status().last)
    assert (after == before) == (moment == "before it is written")
    cluster[1].core.note(PeerLost(NodeId(3)))  # its connection broke with it
    for _ in range(4):
        cluster.tick(3)
        if node.core.offered is not None:
            node.fetch(cluster[1])
    assert node.core.status().last == cluster[1].core.status().last


def test_the_leader_goes_on_while_a_snapshot_travels() -> None:
    """Proposals commit with the others; no append goes to the one that fetches."""
    cluster = behind()
    cluster[1].make_snapshot()
    cluster.settle()
    assert mode(cluster[1], 3) is Mode.SNAPSHOT
    start = len(cluster.trace)
    for n in range(5):
        cluster.propose(1, f"meanwhile {n}".encode())
        cluster.settle()

    assert cluster[1].commit == cluster[2].commit
    assert not [t for t in cluster.trace[start:] if t.startswith("1->3 AppendEntries")]
    cluster[3].fetch(cluster[1])
    cluster.tick(3)
    assert cluster[3].commit == cluster[1].commit


def test_what_is_acknowledged_rests_on_what_is_written() -> None:
    """The acknowledgement of a snapshot leaves after its write, like any other (T64)."""
    cluster = behind()
    made = cluster[1].make_snapshot()
    cluster.settle()
    cluster[3].fetch(cluster[1])
    ready = cluster[3].take()

    assert ready is not None
    (ack,) = [m for m in ready.send_after if isinstance(m, AppendAccepted)]
    assert ack.match == made.index
    assert not [m for m in ready.send_early if isinstance(m, AppendAccepted)]


def test_a_snapshot_carries_the_membership_of_its_moment() -> None:
    """Thesis 5.1: the latest configuration as of the last included index; T56."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(3)
    joint = EnterJoint((Op(OpKind.LEARNER, NodeId(3)),))
    assert isinstance(cluster[1].core.change(joint), Proposed)
    cluster.settle()
    cluster.propose(1, b"later")
    cluster.settle()
    cluster.tick(2)
    cluster[1].compact(cluster[1].commit)
    made = cluster[1].make_snapshot()
    cluster.heal()
    cluster.tick(3)
    cluster[3].fetch(cluster[1])
    cluster.settle()

    assert made.membership.is_joint
    assert cluster[3].core.status().membership == made.membership
    assert made.membership.index < made.index  # its own, not the snapshot's (T57)


def test_a_leader_of_a_newer_term_offers_and_an_older_one_is_told() -> None:
    """An offer is a request like any other: an older term's is refused with the newer one."""
    cluster = behind()
    made = cluster[1].make_snapshot()
    cluster.in_flight.clear()
    old = SnapshotOffer(NodeId(2), NodeId(3), Term(0), made, 1, 1)
    cluster[3].core.step(old)
    cluster[3].turn()

    assert "TermOver" in cluster.trace[-1]
    assert cluster[3].core.offered is None or cluster[3].core.offered.sender == 1
