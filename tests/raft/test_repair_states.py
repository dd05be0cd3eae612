"""Corrupt slots that the others have cut: a state comes, or they are left behind (F33)."""

from dataclasses import replace

import pytest

from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import NO_NODE, Anchor, HardState, Index, NodeId, Role, Term
from ledgerd.raft.facts import ApplyStopped, SlotCorrupt
from ledgerd.raft.messages import HeartbeatReply, SnapshotOffer
from ledgerd.raft.snapshots import Snapshot
from tests.raft.harness import Cluster, make_log
from tests.raft.making import snapshot_of
from tests.raft.rot import FORGETFUL, damage, is_whole, led, restart_damaged, rotten


class TestState:
    """F37: a node whose state is bad, and whose log was cut, gets the state of a peer."""

    def test_the_leader_offers_its_snapshot_to_whoever_asks(self) -> None:
        """The asker's log stays as it is; only the state is replaced."""
        cluster = led()
        leader, asker = cluster[1].core, cluster[2].core
        entry = cluster[1].disk.log[4]
        snapshot = Snapshot(
            Anchor(entry.id, entry.link, entry.ts_us),
            leader.membership,
            bytes(32),
            1,
            bytes(32),
        )
        asker.want_state(Index(3))
        cluster.tick(4)
        assert leader.wants_snapshot
        leader.snapshot_made(snapshot)
        cluster.tick(4)

        offer = asker.offered

        assert offer is not None
        assert offer.snapshot == snapshot
        assert asker.fills_state(snapshot)
        assert not leader.wants_snapshot
        asker.state_replaced()
        assert not asker.fills_state(snapshot)

    def test_it_is_offered_once_a_heartbeat(self) -> None:
        """R16: answers may come many times, for reads ask too; found by the simulator."""
        cluster = led()
        entry = cluster[1].disk.log[4]
        snapshot = snapshot_of(Anchor(entry.id, entry.link, entry.ts_us))
        cluster[1].core.snapshot_made(snapshot)
        cluster.cut |= {(1, 2), (2, 1)}
        core = cluster[1].core
        core.tick(2)
        reply = HeartbeatReply(
            NodeId(2), NodeId(1), Term(1), 0, Index(7), wants_state=Index(3)
        )
        for _ in range(5):
            core.step(reply)
        ready = core.ready()

        assert ready is not None
        sent = [m for m in ready.send_early if isinstance(m, SnapshotOffer)]
        assert len(sent) == 1

    def test_the_wish_rises_with_the_begin_of_the_own_log(self) -> None:
        """Seed 531: the log was cut behind the offer, which was made again and again."""
        cluster = led()
        leader, asker = cluster[1].core, cluster[2]
        entry = cluster[1].disk.log[4]
        leader.snapshot_made(snapshot_of(Anchor(entry.id, entry.link, entry.ts_us)))
        asker.core.want_state(Index(3))
        asker.compact(7)
        cluster.tick(4)

        assert asker.core.offered is None
        assert leader.wants_snapshot

    def test_a_snapshot_of_another_history_fills_nothing(self) -> None:
        """Its link is not that of the own log."""
        cluster = led()
        asker = cluster[2].core
        entry = cluster[1].disk.log[4]
        asker.want_state(Index(3))

        wrong = Snapshot(
            Anchor(entry.id, b"x" * 32, entry.ts_us),
            asker.membership,
            bytes(32),
            1,
            bytes(32),
        )

        assert not asker.fills_state(wrong)


class TestOffers:
    """F33: an offer whose own entry is a corrupt slot here. Found by the simulator."""

    LOG = make_log([1, 1, 1, 1, 1])

    def node(self, *corrupt: int) -> RaftCore:
        """Return a node that knows of no commit, with these slots corrupt."""
        hard = HardState(Term(1), NodeId(0), Index(0))
        cluster = Cluster(
            3, options=FORGETFUL, logs={2: self.LOG}, hard_states={2: hard}
        )
        damage(cluster, 2, *corrupt)
        return cluster[2].core

    def offer(self, index: int, link: bytes | None = None) -> Snapshot:
        entry = self.LOG[index - 1]
        return snapshot_of(Anchor(entry.id, link or entry.link, entry.ts_us))

    @pytest.mark.parametrize(
        ("corrupt", "index", "has"),
        [
            ((3,), 3, True),  # its successor links to what is offered
            ((5,), 5, False),  # nothing behind it can be lost
            ((3, 4), 3, None),  # nothing here can tell
            ((2,), 3, True),
        ],
    )
    def test_a_corrupt_slot_is_judged_by_its_successor(
        self, corrupt: tuple[int, ...], index: int, has: bool | None
    ) -> None:
        core = self.node(*corrupt)

        assert core._log.has(self.offer(index).anchor) is has

    def test_another_history_does_not_join_a_corrupt_slot(self) -> None:
        core = self.node(3)

        assert core._log.has(self.offer(3, bytes(32)).anchor) is False

    @pytest.mark.parametrize(
        ("corrupt", "index", "is_fetched"),
        [((5,), 5, True), ((2, 5), 5, True), ((3,), 3, False), ((3, 4), 3, False)],
    )
    def test_what_is_offered_there_stops_no_process(
        self, corrupt: tuple[int, ...], index: int, is_fetched: bool
    ) -> None:
        """R15: the corrupt slot is a decision, never an error that ends the turn."""
        core = self.node(*corrupt)
        snapshot = self.offer(index)
        message = SnapshotOffer(NodeId(1), NodeId(2), Term(1), snapshot, 1, 1)
        core.step(message)

        assert (core.offered == message) is is_fetched
        assert core.restore(snapshot) is is_fetched
        ready = core.ready()
        assert ready is not None
        assert (ready.snapshot == snapshot) is is_fetched
        assert core.status().last == 5
        assert core.status().commit == (index if is_fetched else 0)

    def test_the_state_of_a_committed_corrupt_slot_is_what_is_asked_for(self) -> None:
        """F37: what is committed stands in one way only, readable or not."""
        cluster = led()
        cluster.isolate(2)
        damage(cluster, 2, 4)
        entry = cluster[1].disk.log[3]
        cluster[2].core.want_state(Index(3))

        snapshot = snapshot_of(Anchor(entry.id, entry.link, entry.ts_us))

        assert cluster[2].core.fills_state(snapshot)


def test_a_corrupt_slot_at_the_very_entry_of_an_offer_is_left_behind() -> None:
    """F33: nobody has its entry, and nobody makes another snapshot: found by the simulator."""
    cluster = led(6)
    restart_damaged(cluster, 2, 7)
    for node_id in (1, 3):
        cluster[node_id].compact(8)
    anchor = cluster[1].disk.base
    cluster[1].core.snapshot_made(snapshot_of(anchor))
    cluster.tick(30)
    node = cluster[2]

    assert node.core.status().corrupt == (7,)
    assert node.core.wants_cut
    assert node.core.status().cut_to == 8
    assert node.core.anchor_of_cut(Index(8)) == anchor
    assert node.core.anchor_of_cut(Index(7)) is None

    node.disk.log.clear()  # as a log store cuts it, which takes the anchor for the corrupt entry
    node.disk.corrupt.clear()
    node.disk.base = anchor
    node.core.compacted(Index(8))
    cluster.tick(80)
    cluster.propose(1, b"later")
    cluster.tick(6)

    assert node.core.status().corrupt == ()
    assert node.commit == cluster[1].commit == 8
    assert node.core.link(Index(8)) == cluster[1].core.link(Index(8))


def test_a_leader_leaves_a_slot_behind_that_all_others_have_cut() -> None:
    """F33: nobody can mend it, and what its entry did is in every state. Seed 530."""
    cluster = led(6)
    for node_id in (2, 3):
        cluster[node_id].compact(6)
    damage(cluster, 1, 3, 4)
    assert not cluster[1].core.wants_cut
    cluster.tick(30)
    node = cluster[1]

    assert node.core.status().corrupt == (3, 4)
    assert node.core.wants_cut
    assert node.core.status().cut_to == 6
    node.compact(6)
    assert node.core.status().corrupt == ()
    assert not node.core.wants_cut


def test_a_leader_whose_state_waits_for_a_slot_that_nobody_has_hands_over() -> None:
    """F33: it would answer nothing any more. Only who leads offers the state that it lacks."""
    cluster = led(6, options=replace(FORGETFUL, apply_bytes_max=1))
    node = cluster[2]
    node.crash(applied_kept=2)
    node.start()
    for node_id in (1, 3):
        cluster[node_id].compact(8)
    node.apply = lambda: None  # type: ignore[method-assign]  # it takes its time
    cluster[1].core.transfer(NodeId(2))
    cluster.tick(4)
    assert cluster.leaders == [2]
    del node.apply  # type: ignore[method-assign]
    damage(cluster, 2, 5)
    cluster.tick(80)

    assert len(node.applied) == 4
    assert cluster[2].role is Role.FOLLOWER
    (leader,) = cluster.leaders
    cluster[leader].make_snapshot()
    cluster.tick(10)
    offer = node.core.offered
    assert offer is not None
    assert node.core.restore(offer.snapshot)


def test_a_leader_whose_state_waits_for_a_slot_that_a_peer_mends_leads_on() -> None:
    """F33: also one that has led for long, and so need not rest before it hands over."""
    cluster = led()
    cluster.tick(100)
    node = cluster[1]
    apply = node.apply
    node.apply = lambda: None  # type: ignore[method-assign]  # it takes its time
    for _ in range(3):
        cluster.propose(1)
        cluster.settle()
    assert node.core.status().applied < 9 < node.commit
    damage(cluster, 1, 9)
    cluster.tick(5)
    assert is_whole(cluster)
    node.apply = apply  # type: ignore[method-assign]
    cluster.tick(5)

    assert cluster.leaders == [1]
    assert node.term == 1
    assert len(node.applied) == node.commit


def test_a_slot_that_the_leader_has_compacted_is_to_be_cut() -> None:
    """F33, T29: it is not acked, and the log is to begin behind what superseded it."""
    cluster = led(6)
    restart_damaged(cluster, 2, 3)
    for node_id in (1, 3):
        cluster[node_id].compact(6)
        cluster[node_id].make_snapshot()
    cluster.tick(30)
    node = cluster[2]
    assert node.core.status().corrupt == (3,)
    assert node.core.wants_cut
    cut_to = node.core.status().cut_to
    assert 3 < cut_to <= node.core.status().applied + 1
    node.compact(cut_to)
    cluster.tick(80)
    cluster.propose(1, b"later")
    cluster.tick(6)

    assert not node.core.wants_cut
    assert node.commit == cluster[1].commit
    (seen,) = [p for p in cluster[1].core.status().peers if p.node_id == 2]
    assert seen.match == cluster[1].core.status().last


def test_a_slot_at_the_very_entry_of_an_offer_is_cut_without_a_newer_one() -> None:
    """F33, T29: the offer names the entry, and a cluster at rest has nothing newer to offer."""
    cluster = led(6)
    restart_damaged(cluster, 2, 5)
    entry = cluster[1].disk.log[4]
    for node_id in (1, 3):
        cluster[node_id].compact(6)
    leader, node = cluster[1], cluster[2]
    at_the_slot = Anchor(entry.id, entry.link, entry.ts_us)
    leader.core.snapshot_made(snapshot_of(at_the_slot))
    cluster.tick(30)
    assert node.core.status().corrupt == (5,)
    assert node.core.offered is None  # its own state is good
    assert not leader.core.wants_snapshot
    assert node.core.wants_cut
    assert node.core.anchor_of_cut(Index(6)) == at_the_slot
    node.compact(6)
    node.disk.corrupt.clear()
    cluster.tick(80)

    (seen,) = [p for p in leader.core.status().peers if p.node_id == 2]
    assert seen.match == leader.core.status().last


@pytest.mark.parametrize(
    ("commit", "applied", "corrupt", "at"),
    [
        (4, 4, (5, 6, 7), 6),  # nothing here tells what the offer's own slot was
        (7, 6, (7,), 7),  # its entry is committed here, and in no state here
        (4, 1, (2, 5, 6, 7), 6),  # the first is asked of all peers before
        (7, 3, (3, 4, 5), 7),  # the first of them is in the state, the others are not
    ],
)
def test_slots_that_the_others_have_cut_come_with_a_state(
    commit: int, applied: int, corrupt: tuple[int, ...], at: int
) -> None:
    """F33: an offer does not help, and a cluster at rest makes no other: found by a fuzz."""
    cluster = rotten(applied=applied, commit=commit, corrupt=corrupt, cut_to=at + 1)
    node, leader = cluster[2], cluster[1]
    leader.restart()  # what it knew of the other log is gone
    leader.make_snapshot(at)
    cluster.elect(1)
    cluster.tick(60)

    if leader.core.wants_snapshot:
        leader.make_snapshot()
        cluster.tick(10)
    offer = node.core.offered

    assert offer is not None
    assert node.core.fills_state(offer.snapshot) or node.core.restore(offer.snapshot)


def test_a_newer_offer_may_not_help_where_the_one_before_would() -> None:
    """F33: the first is of what is committed here, and is gone before it was fetched."""
    cluster = rotten(applied=4, commit=5, corrupt=(5, 6, 7), cut_to=6)
    node, leader = cluster[2], cluster[1]
    leader.restart()
    leader.make_snapshot(5)
    cluster.elect(1)
    cluster.tick(6)
    assert node.core.offered is not None
    leader.make_snapshot(6)
    cluster.tick(60)

    if leader.core.wants_snapshot:
        leader.make_snapshot()
        cluster.tick(10)
    offer = node.core.offered

    assert offer is not None
    assert node.core.restore(offer.snapshot)


def superseded() -> Cluster:
    """Return a cluster whose node 2 ends with corrupt slots 5 to 10; its leader, with 8 of term 2.

    The others have cut all up to 7, and the snapshot at 6 is offered in vain.
    """
    cluster = rotten(applied=4, commit=4, corrupt=range(5, 11), cut_to=7, more=3)
    assert cluster[2].disk.last_index() == 10
    cluster.isolate(2)
    cluster[1].restart()
    cluster[1].make_snapshot(6)
    cluster[3].core.forget_leader()
    cluster[3].core.tick(9)
    cluster.elect(1)
    cluster.heal()
    return cluster


def test_an_end_that_the_leader_never_had_is_given_up_for_an_entry_of_its_own() -> None:
    """5.4.1, T29: its term is newer than that of the last one here; the leader is at rest."""
    cluster = superseded()
    node, leader = cluster[2], cluster[1]
    cluster.tick(60)

    assert node.core.offered is None
    assert leader.core.wants_snapshot
    assert leader.make_snapshot().id == (2, 8)
    cluster.tick(6)
    assert node.fetch(leader)
    cluster.tick(60)

    assert node.core.status().last == leader.core.status().last == 8
    (seen,) = [p for p in leader.core.status().peers if p.node_id == 2]
    assert seen.match == 8


def test_no_snapshot_is_made_while_none_can_help() -> None:
    """T29: who lacks an end that the leader's log does not reach asks in vain until it does.

    Started again in the leader's term, it cannot know that its last entry is older than that.
    """
    cluster = superseded()
    node, leader = cluster[2], cluster[1]
    cluster.tick(2)
    restart_damaged(cluster, 2, *range(5, 11))
    cluster.tick(60)

    assert node.core.status().term == leader.core.status().term == 2
    assert leader.core.status().last == 8
    assert not leader.core.wants_snapshot
    for number in range(2):
        cluster.propose(1, f"later {number}".encode())
    cluster.tick(6)
    assert leader.core.wants_snapshot
    leader.make_snapshot()
    cluster.tick(6)
    offer = node.core.offered
    assert offer is not None
    assert node.core.restore(offer.snapshot)


def test_a_node_without_a_leader_leaves_such_a_slot_behind_too() -> None:
    """F33: else nobody asks for votes: the others' last entries come from a leader. Seed 130."""
    cluster = led(6)
    for node_id in (1, 3):
        cluster[node_id].compact(6)
    for node_id, applied in ((1, 6), (2, 7), (3, 6)):  # 7 is in the state of 2 alone
        cluster[node_id].crash(applied_kept=applied)
    for node_id, slots in ((1, [7]), (2, [3, 4]), (3, [7])):
        cluster[node_id].disk.corrupt |= set(slots)
        cluster[node_id].start()
        damage(cluster, node_id, *slots)
    cluster.tick(60)
    node = cluster[2]

    assert [each.role for each in cluster.nodes.values()].count(Role.LEADER) == 0
    assert node.core.wants_cut
    node.compact(node.core.status().cut_to)
    cluster.tick(60)
    assert node.role is Role.LEADER
    assert not any(each.core.status().corrupt for each in cluster.nodes.values())


def test_a_dead_leader_is_forgotten_by_who_may_not_campaign() -> None:
    """F3, F33: it binds this node's vote no longer, and nobody waits for its snapshot."""
    cluster = led(6)
    for node_id in (1, 3):
        cluster[node_id].compact(6)
    cluster[1].crash()
    cluster[3].crash(applied_kept=6)  # nothing there says what stood in 7
    cluster[3].disk.corrupt.add(7)
    cluster[3].start()
    cluster[3].core.note(SlotCorrupt(Index(7)))
    damage(cluster, 2, 3, 4)
    cluster.tick(60)
    node = cluster[2]

    assert node.core.status().leader == NO_NODE
    assert node.core.wants_cut
    node.compact(node.core.status().cut_to)
    cluster.tick(60)
    assert node.role is Role.LEADER
    assert not cluster[3].core.status().corrupt


def test_a_node_that_is_cut_off_leaves_nothing_behind() -> None:
    """F33, F34: silence does not say that the others have cut the slot away."""
    cluster = led(6)
    cluster.isolate(2)
    damage(cluster, 2, 3, 4)
    cluster.tick(80)
    node = cluster[2]

    assert node.core.status().leader == NO_NODE
    assert not node.core.wants_cut
    cluster.heal()
    cluster.tick(40)
    assert is_whole(cluster)
    assert node.core.status().first == 1


def test_a_node_whose_state_is_bad_leaves_nothing_behind() -> None:
    """F33, F37: its log may be the last to hold a slot that another one needs."""
    cluster = led(6)
    for node_id in (1, 3):
        cluster[node_id].compact(6)
    node = cluster[2]
    node.core.note(ApplyStopped(Index(8)))
    node.core.want_state(Index(1))
    damage(cluster, 2, 3, 4)
    for node_id in (1, 3):
        cluster.cut.add((node_id, 2))
    cluster.tick(40)
    cluster.heal()
    for _ in range(30):  # answers to what it asks, and no leader
        node.tick()
        cluster.settle()

    assert node.core.status().leader == NO_NODE
    assert not node.core.wants_cut
    assert node.core.status().corrupt == (3, 4)


def test_a_lone_node_leaves_a_slot_behind_at_once() -> None:
    """F33: there is nobody to ask, and until then it counts its own copy of nothing that follows.

    One that is not applied stays: it may be the only copy of what was acknowledged.
    """
    cluster = Cluster(1, options=FORGETFUL)
    cluster.elect(1)
    for number in range(6):
        cluster.propose(1, f"payload {number}".encode())
        cluster.settle()
    node = cluster[1]
    damage(cluster, 1, 3)
    cluster.settle()
    assert node.core.status().cut_to == 5
    node.compact(5)
    cluster.propose(1, b"later")
    cluster.tick(20)

    assert node.role is Role.LEADER
    assert node.commit == node.core.status().last == 8

    node.crash(applied_kept=5)
    node.disk.corrupt.add(7)
    node.start()
    node.core.note(SlotCorrupt(Index(7)))
    cluster.tick(40)
    assert not node.core.wants_cut
