"""Replication between cores: windows, limits, commit news, quota, back-off."""

import pytest

from ledgerd.errors import Reason
from ledgerd.raft.core import Options, Refused
from ledgerd.raft.entries import EntryKind, Index, NodeId
from ledgerd.raft.facts import PeerLost
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Heartbeat,
    HeartbeatReply,
)
from ledgerd.raft.progress import Mode
from ledgerd.raft.status import PeerStatus
from tests.raft.harness import Cluster, Node, make_log


def options(
    *,
    append_bytes_max: int = 1 << 20,
    window_messages: int = 16,
    window_bytes: int = 8 << 20,
    uncommitted_bytes_max: int = 64 << 20,
) -> Options:
    """Return small timers and the bounds given."""
    return Options(
        election_base_ticks=10,
        heartbeat_ticks=2,
        append_bytes_max=append_bytes_max,
        window_messages=window_messages,
        window_bytes=window_bytes,
        uncommitted_bytes_max=uncommitted_bytes_max,
    )


def peer_of(leader: Node, node_id: int) -> PeerStatus:
    """Return the leader's view of one peer."""
    peers = {peer.node_id: peer for peer in leader.core.status().peers}
    return peers[NodeId(node_id)]


def appends(cluster: Cluster, to: int) -> list[AppendEntries]:
    """Return the appends in flight to a node."""
    found = [m for m in cluster.in_flight if isinstance(m, AppendEntries)]
    return [message for message in found if message.to == to]


class TestSending:
    def test_proposals_of_one_turn_travel_together(self) -> None:
        """F15: fewer, larger messages beat many in flight."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        for _ in range(5):
            cluster.propose(1)
        leader.turn()

        assert [len(m.entries) for m in appends(cluster, 2)] == [5]

    def test_an_append_is_limited_in_bytes(self) -> None:
        """F15: at most `append_bytes_max`; a larger entry travels alone."""
        cluster = Cluster(3, options=options(append_bytes_max=500))
        leader = cluster.elect(1)
        for size in (100, 100, 100, 2000, 100):
            cluster.propose(1, bytes(size))
        leader.turn()

        assert [len(m.entries) for m in appends(cluster, 2)] == [2, 1, 1, 1]

    def test_appends_are_pipelined_up_to_the_window(self) -> None:
        """F14: several appends are on the way before the first ack; then it waits."""
        cluster = Cluster(3, options=options(window_messages=2, append_bytes_max=1))
        leader = cluster.elect(1)
        for _ in range(5):
            cluster.propose(1)
        leader.turn()

        assert len(appends(cluster, 2)) == 2
        assert peer_of(leader, 2).window_messages == 2
        cluster.settle()
        assert cluster[2].commit == 6

    def test_the_window_counts_bytes(self) -> None:
        """F14: one large append can fill it."""
        cluster = Cluster(3, options=options(window_bytes=400, append_bytes_max=1))
        leader = cluster.elect(1)
        for _ in range(3):
            cluster.propose(1, bytes(300))
        leader.turn()

        assert len(appends(cluster, 2)) == 2
        cluster.settle()
        assert cluster[2].commit == 4

    def test_a_full_window_lets_an_empty_append_through(self) -> None:
        """F14, T27: on the reply to a timed heartbeat, so that a lost append is noticed."""
        cluster = Cluster(3, options=options(window_messages=1))
        leader = cluster.elect(1)
        cluster.propose(1)
        leader.turn()
        cluster.in_flight.clear()  # the append is lost
        cluster.propose(1)
        leader.turn()
        assert not appends(cluster, 2)

        leader.tick(2)
        leader.turn()
        cluster.deliver()
        for node in (2, 3):
            cluster[node].turn()
        cluster.deliver()
        leader.turn()

        assert [m.entries for m in appends(cluster, 2)] == [()]
        cluster.settle()
        assert cluster[2].commit == 3

    def test_reads_do_not_cause_appends(self) -> None:
        """Only timed heartbeats do: 1,000 reads a second must not cost as many appends."""
        cluster = Cluster(3, options=options(window_messages=1))
        leader = cluster.elect(1)
        cluster.tick(2)
        cluster.propose(1)
        leader.turn()
        held = list(cluster.in_flight)
        cluster.in_flight.clear()
        leader.core.read()
        leader.turn()
        cluster.deliver()
        for node in (2, 3):
            cluster[node].turn()
        cluster.deliver()
        leader.turn()

        assert not appends(cluster, 2)
        cluster.in_flight.extend(held)
        cluster.settle()

    def test_an_idle_leader_sends_heartbeats_and_nothing_else(self) -> None:
        """A caught-up peer costs one heartbeat and one reply an interval."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.tick(4)
        cluster.trace.clear()
        cluster.tick(2)

        assert len(cluster.trace) == 4
        assert all("Heartbeat" in line for line in cluster.trace)

    def test_messages_for_one_committed_entry(self) -> None:
        """A budget: append, ack and commit news for each of two followers."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.trace.clear()
        cluster.propose(1)
        cluster.settle()

        assert len(cluster.trace) == 8

    def test_commit_news_rides_with_entries(self) -> None:
        """Under load no message carries the commit index alone."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.trace.clear()
        for _ in range(50):
            cluster.propose(1)
            for node in cluster.nodes.values():
                node.turn()
            cluster.deliver()
        count = len(cluster.trace)

        assert leader.commit > 40
        assert count <= 50 * 4


class TestCommitNews:
    def test_followers_learn_the_commit_index_at_once(self) -> None:
        """5.3: the leader tells the highest committed index in its next message."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.propose(1)
        cluster.settle()

        assert [node.commit for node in cluster.nodes.values()] == [2, 2, 2]
        assert [len(node.applied) for node in cluster.nodes.values()] == [2, 2, 2]

    def test_a_heartbeat_never_names_more_than_its_receiver_acked(self) -> None:
        """T22: min(match, commit)."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.isolate(3)
        cluster.propose(1)
        cluster.settle()
        leader.tick(2)
        leader.turn()
        beats = [m for m in cluster.in_flight if isinstance(m, Heartbeat)]

        assert {m.to: m.commit for m in beats} == {2: 2, 3: 1}

    def test_a_follower_commits_no_more_than_the_message_vouches_for(self) -> None:
        """T21: the leader's commit, bounded by the last index of this message."""
        entries = make_log([1, 1, 1])
        cluster = Cluster(3, logs={2: entries})
        prev = entries[0]
        message = AppendEntries(
            NodeId(1),
            NodeId(2),
            prev.term,
            prev.id,
            prev.link,
            (entries[1],),
            Index(3),
            1,
            1,
        )
        cluster[2].core.step(message)

        assert cluster[2].commit == 2


class TestQuota:
    def test_beyond_the_quota_proposals_are_refused(self) -> None:
        """F17: as not proposed, which is definite; commits give the room back."""
        cluster = Cluster(3, options=options(uncommitted_bytes_max=100))
        leader = cluster.elect(1)
        cluster.propose(1, bytes(60))
        refused = leader.core.propose(EntryKind.PAYOUTS, bytes(60), 0)

        assert refused == Refused(Reason.UNCOMMITTED_QUOTA, NodeId(1))
        assert leader.core.status().last == 2
        cluster.settle()
        cluster.propose(1, bytes(60))

    def test_an_empty_tail_accepts_any_single_entry(self) -> None:
        """F17: else an entry above the quota could never be written."""
        cluster = Cluster(3, options=options(uncommitted_bytes_max=10))
        cluster.elect(1)

        cluster.propose(1, bytes(5000))

    def test_an_empty_entry_is_never_refused(self) -> None:
        """T32: the no-op of a new leader must always pass."""
        cluster = Cluster(3, options=options(uncommitted_bytes_max=10))
        leader = cluster.elect(1)
        cluster.propose(1, bytes(20))

        assert not isinstance(leader.core.propose(EntryKind.NOOP, b"", 0), Refused)

    def test_the_quota_does_not_leak(self) -> None:
        """T32, R16: after everything is committed nothing is counted."""
        cluster = Cluster(3, options=options(uncommitted_bytes_max=50))
        cluster.elect(1)
        for _ in range(20):
            cluster.propose(1, bytes(50))
            cluster.settle()

    def test_a_new_leader_starts_with_its_own_count(self) -> None:
        """T40: what the leader before had uncommitted is not on the new one's account."""
        cluster = Cluster(3, options=options(uncommitted_bytes_max=50))
        cluster.elect(1)
        cluster.isolate(1)
        cluster.propose(1, bytes(50))
        cluster.tick(40)
        (leader,) = [n for n in cluster.leaders if n != 1]
        cluster.propose(leader, bytes(50))


class TestStreams:
    def test_an_ack_of_a_superseded_stream_is_dropped(self) -> None:
        """T25: an ack names its stream; after a break it vouches for nothing."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.propose(1)
        leader.turn()
        cluster.deliver()
        cluster[2].turn()
        leader.core.note(PeerLost(NodeId(2)))
        cluster.deliver()

        assert peer_of(leader, 2).match == 1
        assert peer_of(leader, 2).mode is Mode.PROBE
        cluster.tick(4)
        assert peer_of(leader, 2).match == 2
        assert peer_of(leader, 2).mode is Mode.REPLICATE

    def test_a_former_leader_ignores_progress(self) -> None:
        """T25: an ack of the current term at a node that does not lead it."""
        cluster = Cluster(3)
        cluster.elect(1)
        before = cluster[2].core.status()
        ack = AppendAccepted(NodeId(3), NodeId(2), before.term, Index(1), 1, 1)
        cluster[2].core.step(ack)

        assert cluster[2].core.status() == before
        assert cluster[2].core.ready() is None

    def test_a_stale_rejection_does_not_lower_next(self) -> None:
        """T28: of an older stream, or below what is matched."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.propose(1)
        cluster.settle()
        before = peer_of(leader, 2)
        prev = leader.disk.log[0].id
        for stream in (0, 1, 2):
            leader.core.step(
                AppendRejected(
                    NodeId(2), NodeId(1), leader.disk.log[0].term, prev, prev, stream, 1
                )
            )

        assert peer_of(leader, 2) == before

    def test_a_lost_append_is_found_and_repaired(self) -> None:
        """A gap at the follower is answered by a rejection, once."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.propose(1)
        leader.turn()
        cluster.in_flight.clear()
        cluster.propose(1)
        cluster.trace.clear()
        cluster.settle()

        assert cluster[2].commit == cluster[3].commit == leader.commit == 3
        assert sum("AppendRejected" in line for line in cluster.trace) == 2


class TestDurability:
    def test_a_leader_commits_on_the_acks_of_others(self) -> None:
        """F18, T5: two of three are a quorum without the leader's own disk."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.propose(1)
        leader.take()
        for _ in range(2):
            cluster.deliver()
            for node in (2, 3):
                cluster[node].turn()
        cluster.deliver()
        status = leader.core.status()

        assert (status.commit, status.durable) == (2, 1)
        ready = leader.take()
        assert ready is not None
        assert ready.apply is None  # T6: nothing is applied above the durable index
        while leader.writes:
            leader.sync()
        ready = leader.take()
        assert ready is not None
        assert ready.apply == (2, 2)

    def test_a_leader_counts_itself_only_when_durable(self) -> None:
        """T5, M3: one follower's ack and an unfinished write are no quorum."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.isolate(3)
        cluster.propose(1)
        leader.take()
        cluster.deliver()
        cluster[2].turn()
        cluster.deliver()

        assert leader.commit == 1
        leader.sync()
        assert leader.commit == 2

    def test_a_finished_write_vouches_for_no_later_one(self) -> None:
        """T5: of two writes in flight the first brings its own entry, and not the second's."""
        cluster = Cluster(3)
        leader = cluster.elect(1)
        cluster.isolate(3)
        for _ in range(2):
            cluster.propose(1)
            leader.take()
        cluster.deliver()
        cluster[2].turn()
        cluster.deliver()

        assert cluster[2].core.status().durable == 3
        leader.sync()
        assert leader.commit == 2
        leader.sync()
        assert leader.commit == 3

    def test_an_ack_leaves_after_the_write(self) -> None:
        """T3, T17: the ack is in `send_after`."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.propose(1)
        cluster[1].turn()
        cluster.deliver()
        ready = cluster[2].take()

        assert ready is not None
        assert not ready.send_early
        assert [type(m) for m in ready.send_after] == [AppendAccepted]


def test_a_single_node_commits_on_its_own_write() -> None:
    """T6: a cluster of one acknowledges nothing before its disk does."""
    cluster = Cluster(1)
    cluster.elect(1)
    cluster.propose(1)
    node = cluster[1]
    node.take()

    assert node.commit == 1
    node.sync()
    assert node.commit == 2


@pytest.mark.parametrize("size", [2, 4, 5])
def test_other_sizes_replicate(size: int) -> None:
    """T26: even numbers of voters too."""
    cluster = Cluster(size)
    cluster.elect(2)
    for _ in range(3):
        cluster.propose(2)
    cluster.settle()

    assert [len(node.applied) for node in cluster.nodes.values()] == [4] * size


def test_a_learner_is_sent_everything_and_counts_for_nothing() -> None:
    """F23 in part: learners are members without a vote."""
    membership = Membership((NodeId(1), NodeId(2)), learners=(NodeId(3),))
    cluster = Cluster(3, membership=membership)
    cluster.elect(1)
    cluster.isolate(2)
    cluster.propose(1)
    cluster.settle()

    assert cluster[3].core.status().last == 2
    assert cluster[1].commit == 1
    cluster[3].core.campaign()
    assert cluster[3].core.ready() is None


def test_heartbeats_are_answered_before_the_disk() -> None:
    """A heartbeat's answer promises no durable state and is early."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster[1].tick(2)
    cluster[1].turn()
    cluster.deliver()
    ready = cluster[2].take()

    assert ready is not None
    assert [type(m) for m in ready.send_early] == [HeartbeatReply]
    assert not ready.must_sync
