"""Logs that begin late, and peers that need a state instead of entries. F13, F27 to F30."""

from ledgerd.raft.entries import (
    GENESIS_ANCHOR,
    Anchor,
    EntryId,
    HardState,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.facts import SnapshotSent
from ledgerd.raft.log import RaftLog
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import AppendAccepted, AppendEntries, SnapshotOffer
from ledgerd.raft.options import Options
from ledgerd.raft.progress import Mode
from ledgerd.raft.status import PeerStatus
from tests.raft.harness import SMALL, Cluster, MemoryDisk, Node, link, make_log
from tests.raft.making import snapshot_at, snapshot_of


def peer(node: Node, node_id: int) -> PeerStatus:
    """Return how a leader sees a peer."""
    (found,) = [p for p in node.core.status().peers if p.node_id == node_id]
    return found


def lagging(*, entries: int = 5, options: Options = SMALL) -> Cluster:
    """Return a cluster whose leader 1 has compacted what node 3, now back, has never seen."""
    cluster = Cluster(3, options=options)
    cluster.elect(1)
    cluster.isolate(3)
    for number in range(entries):
        cluster.propose(1, f"{number}".encode())
        cluster.settle()
    cluster.tick(2)
    cluster[1].compact(cluster[1].commit)
    cluster.heal()
    return cluster


def anchor_of(node: Node, index: int) -> Anchor:
    """Return an applied entry as an anchor."""
    entry = node.applied[index - 1]
    return Anchor(entry.id, entry.link, entry.ts_us)


class TestCompactedLog:
    def test_the_entry_before_the_first_stays_known(self) -> None:
        """T24, T30: term and link of the anchor are known, nothing below it is."""
        disk = MemoryDisk(make_log([1, 1, 2, 2]))
        disk.compact(3)
        log = RaftLog(disk, link=link, recent_bytes_max=0)

        assert log.first == 3
        assert log.term(Index(2)) == 1
        assert log.link(Index(2)) == log.anchor.link
        assert log.term(Index(1)) is None
        assert log.link(Index(1)) is None
        assert log.term(Index(0)) is None

    def test_what_is_compacted_matches_nothing(self) -> None:
        """T24: not even term 0."""
        disk = MemoryDisk(make_log([1, 1, 2]))
        disk.compact(3)
        log = RaftLog(disk, link=link, recent_bytes_max=0)

        assert not log.matches(EntryId(GENESIS_ANCHOR.id.term, Index(1)))
        assert not log.matches(GENESIS_ANCHOR.id)

    def test_a_log_without_entries_goes_on_behind_its_anchor(self) -> None:
        """I11, F27: the next entry links to the anchor and is stamped above it."""
        entries = make_log([1, 1])
        disk = MemoryDisk(entries)
        disk.compact(3)
        log = RaftLog(disk, link=link, recent_bytes_max=0)

        assert log.last_id == entries[-1].id
        entry = log.propose(entries[-1].term, entries[-1].kind, b"next", 0)
        assert entry.index == 3
        assert entry.ts_us > entries[-1].ts_us

    def test_a_search_by_term_ends_at_the_anchor(self) -> None:
        """F16: below it there is nothing to say."""
        disk = MemoryDisk(make_log([1, 1, 3, 3]))
        disk.compact(3)
        log = RaftLog(disk, link=link, recent_bytes_max=0)

        assert log.find_by_term(Index(4), log.anchor.id.term) == log.anchor.id

    def test_a_node_starts_with_a_compacted_log(self) -> None:
        """F27: whoever restarts holds what is behind the anchor, and leads with it."""
        cluster = Cluster(1)
        node = cluster.elect(1)
        for _ in range(4):
            cluster.propose(1)
            cluster.settle()
        node.compact(4)
        node.restart()
        cluster.elect(1)
        cluster.settle()

        assert node.core.status().first == 4
        assert len(node.applied) == node.commit == 6


class TestSender:
    def test_a_peer_behind_the_log_needs_a_snapshot(self) -> None:
        """T30: its prefix is gone, so no append goes to it, and one is asked for."""
        cluster = lagging()
        cluster.tick(3)

        assert peer(cluster[1], 3).mode is Mode.SNAPSHOT
        assert cluster[1].core.wants_snapshot

    def test_a_made_snapshot_is_offered_at_once(self) -> None:
        """F28: to whoever waits for one; then none is wanted any more."""
        cluster = lagging()
        cluster.tick(3)
        made = cluster[1].make_snapshot()
        cluster.settle()

        assert not cluster[1].core.wants_snapshot
        assert peer(cluster[1], 3).offered == made.index
        offer = cluster[3].core.offered
        assert offer is not None
        assert offer.snapshot == made

    def test_a_snapshot_that_does_not_join_the_log_is_not_offered(self) -> None:
        """F28: reuse while it still joins the log, and no longer."""
        cluster = lagging()
        old = cluster[1].make_snapshot(index=2)
        cluster.tick(3)

        assert old.index < cluster[1].core.status().first - 1
        assert cluster[1].core.wants_snapshot
        assert cluster[3].core.offered is None

    def test_a_peer_that_is_silent_gets_no_snapshot_made(self) -> None:
        """T92: a dead peer costs no copy."""
        cluster = lagging()
        cluster.tick(3)
        cluster.isolate(3)
        cluster.tick(SMALL.election_base_ticks)

        assert not cluster[1].core.wants_snapshot

    def test_no_append_goes_to_a_peer_that_fetches(self) -> None:
        """F13: snapshot sends none."""
        cluster = lagging()
        cluster.tick(3)
        cluster[1].make_snapshot()
        cluster.settle()
        cluster.trace.clear()
        for _ in range(3):
            cluster.propose(1)
            cluster.settle()

        assert not [line for line in cluster.trace if "1->3 AppendEntries" in line]
        assert cluster[1].commit == cluster[2].core.status().last

    def test_an_ack_that_joins_the_log_ends_it(self) -> None:
        """T62: whoever has what comes before our first entry is sent entries again."""
        cluster = lagging()
        cluster.tick(3)
        cluster[1].make_snapshot()
        cluster.settle()
        cluster.propose(1, b"meanwhile")
        cluster.settle()
        assert cluster[3].fetch(cluster[1])
        cluster.settle()
        cluster.tick(2)

        assert peer(cluster[1], 3).mode is Mode.REPLICATE
        assert peer(cluster[1], 3).offered == 0
        assert cluster[3].applied == cluster[1].applied

    def test_an_ack_of_an_older_stream_that_joins_ends_it(self) -> None:
        """T62: whatever the peer was offered since, it goes on from what it holds."""
        cluster = lagging()
        cluster.tick(3)
        made = cluster[1].make_snapshot()
        cluster.settle()
        (offer,) = [t for t in cluster.trace if "SnapshotOffer" in t]
        older = int(offer.partition("stream=")[2].partition(".")[0])
        cluster[1].core.note(SnapshotSent(NodeId(3), False))
        cluster.isolate(3)
        cluster.settle()
        leader = cluster[1].core._roles.leadership
        assert leader is not None
        leader.peers[NodeId(3)].compacted(99)
        ack = AppendAccepted(NodeId(3), NodeId(1), Term(1), made.index, older, 1)
        cluster[1].core.step(ack)

        assert peer(cluster[1], 3).mode is Mode.REPLICATE
        assert peer(cluster[1], 3).match == made.index

    def test_an_ack_from_before_a_damage_ends_nothing(self) -> None:
        """F34: what it vouched for is what the disk has lost."""
        cluster = lagging()
        cluster.tick(3)
        made = cluster[1].make_snapshot()
        cluster.settle()
        leader = cluster[1].core._roles.leadership
        assert leader is not None
        progress = leader.peers[NodeId(3)]
        older = progress.stream
        progress.corrupt(corrupt_from=Index(1), stream=99)
        ack = AppendAccepted(NodeId(3), NodeId(1), Term(1), made.index, older, 1)
        cluster[1].core.step(ack)

        assert peer(cluster[1], 3).mode is Mode.SNAPSHOT
        assert peer(cluster[1], 3).match == 0

    def test_an_ack_that_does_not_join_changes_nothing(self) -> None:
        """T62: a late ack of the same stream, of less than we still have."""
        cluster = lagging()
        cluster.tick(3)
        cluster[1].make_snapshot()
        offers = [m for m in cluster.in_flight if isinstance(m, SnapshotOffer)]
        cluster.settle()
        offer = cluster[3].core.offered or offers[0]
        cluster[1].core.step(
            AppendAccepted(
                NodeId(3), NodeId(1), offer.term, Index(1), offer.stream, offer.sequence
            )
        )

        assert peer(cluster[1], 3).mode is Mode.SNAPSHOT
        assert peer(cluster[1], 3).match == 1

    def test_a_failed_attempt_waits_for_the_peer_before_the_next(self) -> None:
        """T62, T29: probe, and an offer only after it answered a heartbeat."""
        cluster = lagging()
        cluster.tick(3)
        cluster[1].make_snapshot()
        cluster.settle()
        cluster.trace.clear()
        cluster[1].core.note(SnapshotSent(NodeId(3), ok=False))
        cluster.settle()
        assert peer(cluster[1], 3).mode is Mode.PROBE
        assert not cluster.trace
        cluster.tick(SMALL.heartbeat_ticks)

        assert peer(cluster[1], 3).mode is Mode.SNAPSHOT
        assert [line for line in cluster.trace if "SnapshotOffer" in line]

    def test_a_sent_snapshot_is_probed_behind_it(self) -> None:
        """F13: the peer is asked whether it stands there now; if not, it is offered again."""
        cluster = lagging()
        cluster.tick(3)
        made = cluster[1].make_snapshot()
        cluster.settle()
        cluster[1].core.note(SnapshotSent(NodeId(3), ok=True))

        assert peer(cluster[1], 3).mode is Mode.PROBE
        assert peer(cluster[1], 3).next == made.index + 1
        cluster.tick(SMALL.heartbeat_ticks)
        assert peer(cluster[1], 3).mode is Mode.SNAPSHOT
        assert cluster[3].fetch(cluster[1])
        cluster.settle()
        assert peer(cluster[1], 3).mode is Mode.REPLICATE

    def test_an_offer_that_nobody_answers_expires(self) -> None:
        """T62: on timeout too; the peer is offered the same again (T95)."""
        options = Options(
            election_base_ticks=10, heartbeat_ticks=2, snapshot_ticks_max=5
        )
        cluster = lagging(options=options)
        cluster.tick(3)
        made = cluster[1].make_snapshot()
        cluster.settle()
        first = cluster[3].core.offered
        cluster.tick(9)
        again = cluster[3].core.offered

        assert first is not None
        assert again is not None
        assert again.stream > first.stream
        assert again.snapshot == made

    def test_a_broken_connection_ends_it(self) -> None:
        """T62: and the peer is not offered anything before it answers."""
        cluster = lagging()
        cluster.tick(3)
        cluster[1].make_snapshot()
        cluster.settle()
        cluster[1].core.note(SnapshotSent(NodeId(3), ok=False))
        cluster[1].core.note(SnapshotSent(NodeId(3), ok=False))

        assert peer(cluster[1], 3).mode is Mode.PROBE


class TestReceiver:
    def test_a_restored_node_holds_what_the_snapshot_says(self) -> None:
        """F30, T56: log, commit, applied and membership; the ack waits for the write (T64)."""
        cluster = lagging()
        cluster.tick(3)
        made = cluster[1].make_snapshot()
        cluster.settle()
        node = cluster[3]
        assert node.fetch(cluster[1])
        ready = node.take()

        assert ready is not None
        assert ready.snapshot == made
        assert ready.must_sync
        assert ready.hard_state is not None
        assert ready.hard_state.commit == made.index
        (ack,) = [m for m in ready.send_after if isinstance(m, AppendAccepted)]
        assert ack.match == made.index
        assert not ready.send_early
        node.sync()
        status = node.core.status()
        assert (status.first, status.last) == (made.index + 1, made.index)
        assert status.commit == status.applied == status.durable == made.index

    def test_a_conflicting_tail_is_gone(self) -> None:
        """T61: whatever was not committed is deleted with the rest."""
        cluster = Cluster(
            3,
            logs={3: make_log([1] * 8)},
            hard_states={3: HardState(Term(2), NodeId(0), Index(0))},
        )
        node = cluster[3]
        assert node.core.restore(snapshot_at(6, term=2))
        node.turn()

        assert node.disk.log == []
        assert node.core.status().last == 6

    def test_nothing_at_or_below_commit_is_installed(self) -> None:
        """T60: it would take state back."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.propose(1)
        cluster.tick(2)
        node = cluster[3]
        before = node.core.status()

        assert not node.core.restore(snapshot_of(anchor_of(node, before.commit)))
        assert not node.core.restore(snapshot_of(anchor_of(node, before.commit - 1)))
        assert node.core.status() == before

    def test_a_log_that_holds_the_entry_only_moves_commit(self) -> None:
        """T60: the tail behind it stays."""
        cluster = Cluster(3)
        cluster.elect(1)
        cluster.propose(1)
        cluster[1].turn()
        cluster.deliver()
        cluster[3].turn()  # holds the entry, knows nothing of its commit
        node = cluster[3]
        cluster[2].turn()
        cluster.deliver()
        cluster[1].turn()
        entry = cluster[1].applied[-1]
        snapshot = snapshot_of(Anchor(entry.id, entry.link, entry.ts_us))
        before = node.core.status()
        assert before.commit < entry.index

        assert not node.core.restore(snapshot)
        assert node.core.status().commit == entry.index
        assert node.core.status().first == before.first

    def test_an_offer_of_what_is_here_is_answered_without_a_fetch(self) -> None:
        """T60, T95: a repeated or late offer only tells the leader how far the node is."""
        cluster = lagging()
        cluster.tick(3)
        cluster[1].make_snapshot()
        cluster.settle()
        offer = cluster[3].core.offered
        assert offer is not None
        cluster[3].fetch(cluster[1])
        cluster.settle()
        cluster[3].core.step(offer)
        ready = cluster[3].take()

        assert cluster[3].core.offered is None
        assert ready is not None
        (ack,) = ready.send_after
        assert isinstance(ack, AppendAccepted)
        assert ack.match == cluster[3].commit
        assert ready.snapshot is None

    def test_an_offer_of_a_leader_that_is_over_is_forgotten(self) -> None:
        """T95: the next leader makes its own."""
        cluster = lagging()
        cluster.tick(3)
        cluster[1].make_snapshot()
        cluster.settle()
        assert cluster[3].core.offered is not None
        cluster.isolate(1)
        cluster.tick(SMALL.election_base_ticks)
        cluster.elect(2)
        cluster.tick(2)

        assert cluster[3].core.offered is None

    def test_back_to_back_snapshots_are_harmless(self) -> None:
        """T95: the second one counts only if it is newer."""
        cluster = lagging()
        cluster.tick(3)
        older = cluster[1].make_snapshot()
        cluster.settle()
        cluster.propose(1)
        cluster.settle()
        newer = snapshot_of(anchor_of(cluster[1], cluster[1].commit))
        node = cluster[3]
        assert node.core.restore(newer)
        node.applied = list(cluster[1].applied)
        assert not node.core.restore(older)
        node.turn()

        assert node.core.status().commit == newer.index

    def test_waiting_proposals_end_as_unknown(self) -> None:
        """T65: what the snapshot covers can no longer be resolved entry by entry."""
        cluster = lagging()
        cluster.tick(3)
        cluster[1].make_snapshot()
        cluster.settle()
        applied = len(cluster[3].applied)
        cluster[3].fetch(cluster[1])
        ready = cluster[3].take()

        assert ready is not None
        assert ready.lost_from == applied + 1

    def test_a_joint_membership_comes_with_its_own_index(self) -> None:
        """T56, T57: a voter may learn from a snapshot that it is a learner."""
        cluster = lagging()
        joint = Membership(
            voters=(NodeId(1), NodeId(2)),
            outgoing=(NodeId(1),),
            learners=(NodeId(3),),
            index=Index(4),
        )
        entry = cluster[1].applied[-1]
        anchor = Anchor(entry.id, entry.link, entry.ts_us)
        assert cluster[3].core.restore(snapshot_of(anchor, joint))

        assert cluster[3].core.status().membership == joint
        cluster[3].core.campaign()
        assert cluster[3].role is Role.FOLLOWER

    def test_a_leader_restores_nothing(self) -> None:
        """It holds everything that is committed."""
        cluster = Cluster(1)
        node = cluster.elect(1)
        cluster.propose(1)
        cluster.settle()
        entry = node.applied[-1]
        ahead = Anchor(EntryId(entry.term, Index(99)), entry.link, entry.ts_us)

        assert not node.core.restore(snapshot_of(ahead))


def test_a_rejection_from_below_the_log_ends_in_a_snapshot() -> None:
    """F16, T30: the hint of an empty log is below our first entry; no probe goes there."""
    cluster = Cluster(3)
    cluster.isolate(3)
    cluster.elect(1)
    for _ in range(5):
        cluster.propose(1)
        cluster.settle()
    cluster.tick(2)
    cluster[2].compact(cluster[2].commit)
    cluster.isolate(1)
    cluster.tick(SMALL.election_base_ticks)
    cluster.heal()
    cluster.isolate(1)
    cluster.trace.clear()
    cluster.elect(2)
    cluster.tick(4)

    assert peer(cluster[2], 3).mode is Mode.SNAPSHOT
    appends = [line for line in cluster.trace if "2->3 AppendEntries" in line]
    assert len(appends) <= 2, appends


def test_a_peer_with_no_match_and_a_fully_compacted_log() -> None:
    """T30: an empty log behind its anchor is not "nothing to send"."""
    cluster = lagging()
    cluster[1].compact(cluster[1].core.status().last + 1)
    cluster.tick(3)
    cluster[1].make_snapshot()
    cluster.settle()
    assert cluster[3].fetch(cluster[1])
    cluster.settle()
    cluster.propose(1, b"after")
    cluster.settle()
    cluster.tick(2)

    assert cluster[3].applied == cluster[1].applied
    assert cluster[3].applied[-1].payload == b"after"


def test_an_empty_append_after_compaction_is_answered() -> None:
    """T24: a probe at the anchor itself joins."""
    cluster = lagging()
    node = cluster[2]
    node.compact(node.commit)
    first = node.core.status().first
    anchor = node.disk.base
    node.core.step(
        AppendEntries(
            NodeId(1),
            NodeId(2),
            cluster[1].core.status().term,
            anchor.id,
            anchor.link,
            (),
            Index(first - 1),
            9,
            1,
        )
    )
    ready = node.take()

    assert ready is not None
    (ack,) = ready.send_after
    assert isinstance(ack, AppendAccepted)
