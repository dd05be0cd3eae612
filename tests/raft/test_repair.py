"""Corrupt slots: never cut away, never counted twice, repaired from whoever has them (F33, F34)."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import (
    NO_NODE,
    Anchor,
    Entry,
    EntryId,
    HardState,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.facts import ApplyStopped, SlotCorrupt
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    HeartbeatReply,
    PreVote,
    PreVoteReply,
    RepairReply,
    RepairRequest,
    RequestVote,
    RequestVoteReply,
    SnapshotOffer,
)
from ledgerd.raft.options import Options
from ledgerd.raft.repair import RUNS_MAX
from ledgerd.raft.snapshots import Snapshot
from tests.raft.harness import SMALL, Cluster, Node, make_entry, make_log
from tests.raft.making import snapshot_of

# Nothing durable stays in memory, so that every read goes to the disk.
FORGETFUL = Options(election_base_ticks=10, heartbeat_ticks=2, recent_bytes_max=0)


def led(count: int = 6, *, options: Options = FORGETFUL) -> Cluster:
    """Return three nodes at rest, led by node 1, with `count` payloads applied everywhere."""
    cluster = Cluster(3, options=options)
    cluster.elect(1)
    for number in range(count):
        cluster.propose(1, f"payload {number}".encode())
        cluster.settle()
    cluster.tick(4)
    return cluster


def damage(cluster: Cluster, node_id: int, *indexes: int) -> None:
    """Let values on a running node's disk rot, found by its scrub."""
    node = cluster[node_id]
    node.disk.corrupt |= set(indexes)
    for index in indexes:
        node.core.note(SlotCorrupt(Index(index)))


def restart_damaged(cluster: Cluster, node_id: int, *indexes: int) -> None:
    """Let values of a stopped node rot, and start it: its store names what it found."""
    cluster[node_id].crash()
    cluster[node_id].disk.corrupt |= set(indexes)
    cluster[node_id].start()
    damage(cluster, node_id, *indexes)


def rotten(
    *, applied: int, commit: int, corrupt: Sequence[int], cut_to: int, more: int = 0
) -> Cluster:
    """Return a cluster whose node 2 starts again with corrupt slots that the others have cut.

    more: entries of a leader that is gone, which node 2 alone has.
    """
    cluster = led(6)
    node = cluster[2]
    node.crash(applied_kept=applied)
    node.disk.hard_state = HardState(Term(1), NodeId(1), Index(commit))
    for _ in range(more):
        node.disk.log.append(make_entry(node.disk.log[-1], 1))
    for node_id in (1, 3):
        cluster[node_id].compact(cut_to)
    node.disk.corrupt |= set(corrupt)
    node.start()
    damage(cluster, 2, *corrupt)
    return cluster


def is_whole(cluster: Cluster) -> bool:
    """Return whether no node has a corrupt slot, on disk or in its own eyes."""
    return not any(
        node.disk.corrupt or node.core.status().corrupt
        for node in cluster.nodes.values()
    )


def reply_to(cluster: Cluster, before: Entry, *entries: Entry) -> RepairReply:
    """Return what node 3 might send to node 2."""
    last = entries[-1].index
    return RepairReply(NodeId(3), NodeId(2), Term(1), last, before.link, entries)


class TestRepair:
    """F34: who sends what is missing."""

    @pytest.mark.parametrize("index", range(1, 8))
    def test_every_slot_of_a_follower_comes_back(self, index: int) -> None:
        """One at a time: the last one from the leader, the others from anybody."""
        cluster = led()
        expected = list(cluster[2].disk.log)

        restart_damaged(cluster, 2, index)
        cluster.tick(12)

        assert is_whole(cluster)
        assert cluster[2].disk.log == expected
        assert cluster[1].role is Role.LEADER
        assert len(cluster[2].applied) == 7

    def test_a_last_slot_that_is_remembered_comes_from_a_peer_without_a_leader(
        self,
    ) -> None:
        """F34: node 2 is behind, node 3 waits for a state, so node 1 alone can lead."""
        log = make_log([1, 1, 1, 1])
        cluster = Cluster(3, options=FORGETFUL, logs={1: log, 2: log[:1], 3: log})
        cluster[1].crash()
        cluster[1].applied = log[:2]
        cluster[1].disk.hard_state = HardState(Term(1), NO_NODE, Index(2))
        cluster[1].start()
        cluster[1].compact(3)
        damage(cluster, 3, 2)
        damage(cluster, 1, 3, 4)

        cluster.tick(40)

        assert cluster.leaders == [1]
        assert cluster[1].disk.log[:2] == log[2:]

    def test_a_last_slot_that_is_remembered_comes_where_the_leader_has_cut_before_it(
        self,
    ) -> None:
        """F34: the leader commits nothing without node 1, so it makes no newer state either."""
        log = make_log([1] * 5)
        cluster = Cluster(3, options=FORGETFUL, logs={1: log, 2: log})
        cluster[3].crash()
        cluster.isolate(1)
        for node_id, applied in ((1, 3), (2, 4)):
            node = cluster[node_id]
            node.crash()
            node.applied = log[:applied]
            node.disk.hard_state = HardState(Term(1), NO_NODE, Index(applied))
            node.start()
            node.compact(applied + 1)
        damage(cluster, 1, 4, 5)
        cluster.settle()  # whom it asks now does not hear it
        cluster[2].make_snapshot()
        cluster.heal()
        cluster.elect(2)
        cluster.tick(60)

        offer = cluster[1].core.offered
        assert offer is not None
        assert cluster[1].core.fills_state(offer.snapshot)

    def test_a_last_slot_that_nobody_remembers_waits_for_the_leader(self) -> None:
        """F34: what cannot be told from a lie is not asked for."""
        log = make_log([1, 1, 1])
        cluster = Cluster(3, options=FORGETFUL, logs={1: log, 3: log})
        restart_damaged(cluster, 1, 3)
        cluster.isolate(3)
        cluster.tick(40)
        cluster.heal()
        node = cluster[1]
        reply = RepairReply(
            NodeId(3), NodeId(1), Term(1), Index(3), log[1].link, (log[2],)
        )
        node.core.step(reply)

        assert node.core.status().corrupt == (3,)
        assert not any("1->3 RepairRequest" in line for line in cluster.trace)

    @pytest.mark.parametrize("seed", range(12))
    def test_any_set_of_slots_comes_back(self, seed: int) -> None:
        """Also all of them: then nothing proves anything, and the leader sends its log again."""
        dice = random.Random(seed)
        cluster = led(12)
        expected = list(cluster[3].disk.log)
        count = dice.choice((2, 5, 13))

        restart_damaged(cluster, 3, *sorted(dice.sample(range(1, 14), count)))
        cluster.tick(20)

        assert is_whole(cluster)
        assert cluster[3].disk.log == expected
        assert len(cluster[3].applied) == 13

    def test_damage_spread_over_all_nodes_heals_without_a_leader(self) -> None:
        """Slot i is corrupt on node i mod n: nobody may campaign, and nothing is lost."""
        cluster = led(9)
        expected = list(cluster[1].disk.log)
        last = len(expected)
        for node in cluster.nodes.values():
            node.crash()
        for node_id in (1, 2, 3):
            bad = [i for i in range(1, last + 1) if i % 3 == node_id % 3]
            restart_damaged(cluster, node_id, *bad)

        cluster.tick(80)

        assert is_whole(cluster)
        assert len(cluster.leaders) == 1
        for node in cluster.nodes.values():
            assert node.disk.log[:last] == expected

    def test_neighbouring_slots_of_two_nodes_come_from_each_other(self) -> None:
        """Neither leads, and the third has nothing: found by the simulator, which waited for ever.

        Who is asked for slot 7 has no readable slot 8; that the slots join is seen by who asks.
        """
        cluster = led(7)
        for node_id in (1, 2):
            cluster[node_id].crash()
        cluster[3].crash()
        cluster[1].start()
        cluster[2].start()
        damage(cluster, 1, 8)
        damage(cluster, 2, 4, 5, 6, 7)

        cluster.tick(60)

        assert not cluster[1].disk.corrupt | cluster[2].disk.corrupt
        assert Role.LEADER in (cluster[1].role, cluster[2].role)

    def test_a_slot_comes_from_a_peer_that_leads_nothing(self) -> None:
        """The leader is cut off; what the successor proves needs no term and no leader."""
        cluster = led()
        cluster.isolate(1)
        restart_damaged(cluster, 2, 3)

        cluster.tick(8)

        assert cluster[2].disk.corrupt == set()

    def test_a_reply_that_the_successor_does_not_prove_is_dropped(self) -> None:
        """R4: whatever comes over the wire, a slot takes the entry that stood there."""
        cluster = led()
        cluster.isolate(2)
        restart_damaged(cluster, 2, 3)
        before = cluster[2].disk.log[1]
        forged = make_entry(before, 1, b"forged")

        cluster[2].core.step(reply_to(cluster, before, forged))

        assert cluster[2].core.status().corrupt == (3,)

    def test_an_entry_with_the_proven_link_and_another_payload_is_dropped(self) -> None:
        """The link alone proves nothing: the entry must hash to it."""
        cluster = led()
        cluster.isolate(2)
        before, right = cluster[2].disk.log[1:3]
        restart_damaged(cluster, 2, 3)
        forged = Entry(
            right.term, right.index, right.kind, right.ts_us, b"other", right.link
        )

        cluster[2].core.step(reply_to(cluster, before, forged))

        assert cluster[2].core.status().corrupt == (3,)

    def test_an_entry_behind_a_slot_that_both_lack_mends_nothing_yet(self) -> None:
        """What it links to is not known here nor there. Seed 601213."""
        cluster = led()
        node, log = cluster[2], list(cluster[1].disk.log)
        damage(cluster, 2, 3, 4)
        node.turn()
        node.core.step(
            RepairReply(NodeId(3), NodeId(2), Term(1), Index(4), bytes(32), (log[3],))
        )
        node.turn()
        assert node.core.status().corrupt == (3, 4)

        node.core.step(reply_to(cluster, log[1], log[2], log[3]))
        node.turn()
        assert node.core.status().corrupt == ()

    def test_what_a_peer_of_another_history_sends_mends_nothing(self) -> None:
        """It sends what it has, for histories may part behind the slot: here they part before."""
        cluster = led()
        others = make_log([1, 1, 2, 2, 2])
        cluster[3].disk.log = list(others)
        cluster[3].disk.hard_state = HardState(Term(2), NodeId(0), Index(0))
        cluster[3].applied.clear()
        cluster[3].crash()
        cluster[3].start()
        damage(cluster, 2, 3)
        cluster[2].turn()
        (request,) = [m for m in cluster.in_flight if isinstance(m, RepairRequest)]

        cluster[3].core.step(replace(request, to=NodeId(3)))
        ready = cluster[3].core.ready()
        assert ready is not None
        (reply,) = ready.send_early
        assert isinstance(reply, RepairReply)
        cluster[2].core.step(reply)

        assert reply.entries == (others[2],)
        assert cluster[2].core.status().corrupt == (3,)

    def test_a_repair_is_sent_in_messages_of_bounded_size(self) -> None:
        """A run of 30 slots, with room for a few entries in each message."""
        options = Options(
            election_base_ticks=10,
            heartbeat_ticks=2,
            recent_bytes_max=0,
            append_bytes_max=400,
        )
        cluster = led(40, options=options)
        cluster.isolate(1)
        restart_damaged(cluster, 2, *range(5, 35))
        sizes: list[int] = []

        for _ in range(60):
            cluster[2].tick()
            cluster[2].turn()
            cluster.deliver()
            cluster[3].turn()
            sizes += [
                sum(entry.size_bytes for entry in message.entries)
                for message in cluster.in_flight
                if isinstance(message, RepairReply)
            ]
            cluster.deliver()
        cluster[2].turn()

        assert cluster[2].disk.corrupt == set()
        assert len(sizes) > 5
        assert max(sizes) <= 400

    def test_what_is_still_in_memory_takes_its_own_place(self) -> None:
        """A scrub may find rot in what was just written: no peer is asked."""
        cluster = led(options=SMALL)
        cluster.isolate(1)
        cluster.propose(1, b"fresh")
        cluster[1].turn()

        damage(cluster, 1, cluster[1].core.status().last)
        cluster[1].turn()

        assert cluster[1].disk.corrupt == set()
        assert cluster[1].role is Role.LEADER


class TestLeader:
    """F33 on the side that sends."""

    def test_a_leader_that_needs_the_slot_resigns(self) -> None:
        """It cannot bring a follower up, so somebody else must; and it does not campaign."""
        cluster = led(1)
        cluster[3].crash()
        for _ in range(5):
            cluster.propose(1)
            cluster.settle()
        cluster[2].crash()
        damage(cluster, 1, 4)
        cluster[3].start()

        cluster.tick(8)
        assert cluster[1].role is Role.FOLLOWER
        cluster[2].start()
        cluster.tick(60)

        assert is_whole(cluster)
        assert len(cluster.leaders) == 1
        assert cluster[1].terms() == cluster[2].terms() == cluster[3].terms()

    def test_a_leader_that_does_not_need_the_slot_leads_on_and_repairs_it(self) -> None:
        """A scrub found it; nobody misses it."""
        cluster = led()

        damage(cluster, 1, 3)
        cluster.settle()

        assert cluster[1].role is Role.LEADER
        assert is_whole(cluster)

    def test_a_corrupt_tail_lowers_match(self) -> None:
        """F34: the leader no longer counts a copy that is not there; nothing else lowers match."""
        cluster = led(2)
        core = cluster[1].core
        (two, _) = core.status().peers
        assert two.match == 3
        leadership = core._roles.leadership
        assert leadership is not None
        stream = leadership.peers[NodeId(2)].stream
        here, there, term = NodeId(1), NodeId(2), core.status().term
        prev = EntryId(term, Index(3))

        core.step(AppendRejected(there, here, term, prev, prev, stream, 9))
        (two, _) = core.status().peers
        assert two.match == 3
        core.step(AppendRejected(there, here, term, prev, prev, stream, 10, Index(2)))
        (two, _) = core.status().peers
        assert (two.match, two.next) == (1, 2)
        core.step(AppendRejected(there, here, term, prev, prev, stream, 11, Index(1)))
        (two, _) = core.status().peers
        assert two.match == 1  # T25: of a superseded stream


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


class TestVotes:
    """F33: present in a vote, and no candidate."""

    def test_the_holder_does_not_campaign(self) -> None:
        """It could not send what it counts as its own."""
        cluster = led()
        cluster.isolate(2)
        restart_damaged(cluster, 2, 3)

        cluster.tick(60)

        assert cluster[2].role is Role.FOLLOWER
        assert not any(
            isinstance(message, PreVote | RequestVote) and message.sender == 2
            for message in cluster.dropped
        )

    @pytest.mark.parametrize(("last", "granted"), [(2, False), (3, True)])
    def test_a_corrupt_last_slot_counts_as_the_stored_term(
        self, last: int, granted: bool
    ) -> None:
        """Nobody with a shorter log wins the vote of a node that had more (T15, T89)."""
        cluster = led(2)
        restart_damaged(cluster, 2, 3)
        core = cluster[2].core

        core.step(PreVote(NodeId(3), NodeId(2), Term(5), EntryId(Term(1), Index(last))))
        ready = core.ready()

        assert ready is not None
        (reply,) = [m for m in ready.send_after if isinstance(m, PreVoteReply)]
        assert reply.granted is granted

    def test_an_older_tail_behind_a_mended_slot_is_no_vote_for_its_term(self) -> None:
        """5.4.1: two neighbours rotted, and the next leader of five has sent the first only."""
        ahead, behind = make_log([1, 1, 1, 1]), make_log([1, 1])
        cluster = Cluster(
            5,
            options=FORGETFUL,
            logs={1: behind, 2: ahead, 3: behind, 4: behind, 5: ahead},
            hard_states={
                n: HardState(Term(1), NodeId(0), Index(0)) for n in range(1, 6)
            },
        )
        damage(cluster, 2, 3, 4)
        cluster.isolate(5)
        cluster.elect(1)
        cluster.isolate(4)
        cluster.tick(6)
        assert cluster[1].commit == 3
        core = cluster[2].core
        core.tick(30)

        last = EntryId(Term(1), Index(4))
        core.step(RequestVote(NodeId(5), NodeId(2), Term(9), last, True))
        ready = core.ready()

        assert ready is not None
        (reply,) = [m for m in ready.send_after if isinstance(m, RequestVoteReply)]
        assert not reply.granted
        assert cluster[2].terms() == [1, 1, 2]


def _whole_append(leader: int, term: Term, log: Sequence[Entry]) -> AppendEntries:
    """Return what the leader of `term` sends to node 1: all but the first entry of its log."""
    prev, *entries = log
    return AppendEntries(
        NodeId(leader),
        NodeId(1),
        term,
        prev.id,
        prev.link,
        tuple(entries),
        Index(0),
        1,
        1,
    )


def _repaired_and_acked(node: Node) -> tuple[list[Entry], list[tuple[int, int]]]:
    """Return what the node's next Ready repairs, and the term and match of its acks."""
    ready = node.core.ready()
    assert ready is not None
    acks = [m for m in ready.send_after if isinstance(m, AppendAccepted)]
    return list(ready.repairs), [(ack.term, ack.match) for ack in acks]


class TestTwoHistories:
    """Two neighbours rotted, and a leader of another history took the place of the first only.

    What follows the second is still the old history, and whether the two join nobody can tell.
    """

    OLD = make_log([1, 2, 2, 2])
    NEW = make_log([1, 1])  # of five nodes three may have no more

    def node(self) -> Node:
        """Return node 1 with the new entry 2, slot 3 corrupt, and the old entry 4."""
        cluster = Cluster(5, logs={1: self.OLD}, options=FORGETFUL)
        damage(cluster, 1, 2, 3)
        node = cluster[1]
        node.core.step(_whole_append(2, Term(4), self.NEW))
        node.turn()
        assert [entry.term for entry in node.disk.log] == [1, 1, 2, 2]
        assert node.core.status().corrupt == (3,)
        return node

    def test_what_does_not_link_to_the_one_before_takes_no_slot(self) -> None:
        """R4, R9: it would join the two, and the next leader's last entry would be acknowledged."""
        node = self.node()
        link = self.OLD[1].link
        repaired = (self.OLD[2],)
        node.core.step(
            RepairReply(NodeId(3), NodeId(1), Term(4), Index(3), link, repaired)
        )
        node.turn()
        assert node.core.status().corrupt == (3,)

        log = [*self.OLD, make_entry(self.OLD[-1], 5)]
        last = replace(_whole_append(3, Term(5), log[-2:]), sequence=2, commit=Index(5))
        node.core.step(last)
        assert _repaired_and_acked(node) == ([], [])
        assert node.core.status().commit == 0

    @pytest.mark.parametrize("at", [3, 4])
    @pytest.mark.parametrize("cut_to", [1, 3])
    def test_a_state_that_is_fetched_tells_which_history_is_wrong(
        self, at: int, cut_to: int
    ) -> None:
        """T29: the slot's peers had cut it, and the next leader has not."""
        node = self.node()
        cluster = self.whole_beside(node)
        entry = self.OLD[at - 1]
        node.core.want_state(Index(at))
        snapshot = snapshot_of(Anchor(entry.id, entry.link, entry.ts_us))
        assert node.core.fills_state(snapshot)
        node.crash()
        node.applied = self.OLD[:at]
        node.start()
        if cut_to > 1:
            node.compact(cut_to)
        damage(cluster, 1, 3)
        cluster.elect(3)
        cluster.tick(20)

        (progress,) = [p for p in cluster[3].core.status().peers if p.node_id == 1]
        assert node.core.status().corrupt == ()
        assert progress.match == cluster[3].core.status().last
        assert node.disk.log == cluster[3].disk.log[cut_to - 1 :]

    def whole_beside(self, node: Node) -> Cluster:
        """Return a cluster with this node 1, and four that have applied the old history."""
        old = dict.fromkeys(range(2, 6), self.OLD)
        entered = HardState(Term(4), NO_NODE, Index(4))
        cluster = Cluster(
            5, logs=old, hard_states=dict.fromkeys(old, entered), options=FORGETFUL
        )
        node.send = cluster.send
        cluster.nodes[node.id] = node
        for other in range(2, 6):
            cluster[other].crash()
            cluster[other].applied = list(self.OLD)
            cluster[other].start()
        return cluster

    def test_the_leader_of_the_old_history_brings_it_back(self) -> None:
        """5.3: told of the slot it sends from there, and then from where the logs join."""
        node = self.node()
        log = [*self.OLD, make_entry(self.OLD[-1], 5)]
        node.core.step(_whole_append(3, Term(5), log))
        node.turn()

        assert node.disk.log == log
        assert node.core.status().corrupt == ()

    def test_what_a_peer_knows_to_be_committed_is_not_learned_across_the_slot(
        self,
    ) -> None:
        """R6: the entry is here, and what stands before it is not what was committed."""
        node = self.node()
        last = self.OLD[-1].id
        node.core.step(PreVote(NodeId(3), NodeId(1), Term(5), last, last))
        node.turn()

        assert node.core.status().commit == 0

    def test_an_offer_is_not_taken_for_what_stands_behind_the_slot(self) -> None:
        """R6: as above, for the last entry of a snapshot."""
        node = self.node()
        last = self.OLD[-1]
        snapshot = snapshot_of(Anchor(last.id, last.link, last.ts_us))
        node.core.step(SnapshotOffer(NodeId(3), NodeId(1), Term(5), snapshot, 1, 1))
        node.turn()
        assert node.core.status().commit == 0

        assert not node.core.restore(snapshot)
        assert node.core.status().commit == 0

    def test_an_append_behind_another_slot_does_not_commit_across_it(self) -> None:
        """R6: a slot that is known to be committed rots too, and its peers are asked for it."""
        node = self.node()
        log = [*self.OLD, make_entry(self.OLD[-1], 5)]
        first = replace(_whole_append(3, Term(5), log), entries=(), commit=Index(1))
        node.core.step(first)
        node.turn()
        assert node.core.status().commit == 1
        node.disk.corrupt.add(1)
        node.core.note(SlotCorrupt(Index(1)))
        node.core.step(replace(_whole_append(3, Term(5), log[-2:]), commit=Index(4)))
        node.turn()

        assert node.core.status().commit == 1


class TestAcks:
    """F33: absent for acks and for applying."""

    def test_nothing_from_the_slot_on_is_acknowledged(self) -> None:
        """R9: new entries are stored behind it, and their ack waits for the repair."""
        cluster = led()
        restart_damaged(cluster, 2, 3)
        cluster.propose(1, b"more")
        cluster[1].turn()
        cluster.deliver(lambda message: isinstance(message, AppendEntries))
        cluster[2].turn()
        acks = [
            message.match
            for message in cluster.in_flight
            if isinstance(message, AppendAccepted) and message.sender == 2
        ]

        assert cluster[2].disk.last_index() == 8
        assert all(match < 3 for match in acks)
        cluster.tick(6)
        assert is_whole(cluster)
        (two, _) = cluster[1].core.status().peers
        assert two.match == 8

    def test_nothing_is_acknowledged_that_another_entry_may_have_replaced(self) -> None:
        """R9: slots that are acknowledged rot, and another leader mends them in the same turn."""
        for terms in ([1, 1], [1, 1, 1]):  # the last slot, and two neighbours
            old, new = make_log([1, *(2 for _ in terms[1:])]), make_log(terms)
            cluster = Cluster(3, logs={1: old}, options=FORGETFUL)
            node = cluster[1]
            node.core.step(_whole_append(3, Term(3), old))
            damage(cluster, 1, *range(2, len(old) + 1))
            node.core.step(_whole_append(2, Term(4), new[:2]))
            ready = node.core.ready()

            assert ready is not None
            assert ready.repairs == tuple(new[1:2])
            acks = [m for m in ready.send_after if isinstance(m, AppendAccepted)]
            assert [(ack.term, ack.match) for ack in acks] == [(4, 2)]

    def test_the_first_of_two_that_are_replaced_is_the_one_that_counts(self) -> None:
        """R9: a slot that nothing proves, and behind it one that conflicts with what follows."""
        old, new = make_log([1, 2, 2, 2]), make_log([1, 1, 1])
        cluster = Cluster(3, logs={1: old}, options=FORGETFUL)
        node = cluster[1]
        node.core.step(_whole_append(3, Term(3), old[:2]))
        damage(cluster, 1, 2, 3)
        node.core.step(_whole_append(2, Term(4), new))
        ready = node.core.ready()

        assert ready is not None
        assert ready.entries == (new[2],)
        acks = [m for m in ready.send_after if isinstance(m, AppendAccepted)]
        assert [(ack.term, ack.match) for ack in acks] == [(4, 3)]

    def test_a_slot_met_while_others_are_replaced_lets_no_old_ack_leave(self) -> None:
        """R9: behind two slots that are known a third one is found, in the midst of the repair."""
        old, new = make_log([1, 2, 2, 2]), make_log([1, 1, 1])
        cluster = Cluster(3, logs={1: old}, options=FORGETFUL)
        node = cluster[1]
        node.core.step(_whole_append(3, Term(3), old[:2]))
        damage(cluster, 1, 2, 3)
        node.disk.corrupt.add(4)
        node.core.step(_whole_append(2, Term(4), new))

        assert _repaired_and_acked(node) == (new[1:], [(4, 3)])

    def test_a_slot_found_after_the_ack_takes_it_back(self) -> None:
        """F33, R9: the two came in one turn, and the disk does not hold what was acknowledged."""
        log = make_log([1, 2, 2, 2])
        cluster = Cluster(3, logs={1: log}, options=FORGETFUL)
        cluster[1].core.step(_whole_append(3, Term(3), log[:2]))
        cluster[1].core.step(_whole_append(3, Term(3), log))
        damage(cluster, 1, 3)

        assert _repaired_and_acked(cluster[1]) == ([], [(3, 2)])

    def test_nothing_behind_the_slot_is_applied_before_it(self) -> None:
        """What comes before it is."""
        cluster = led()
        node = cluster[2]
        node.crash(applied_kept=1)
        node.disk.corrupt = {3}
        node.disk.hard_state = HardState(Term(1), NodeId(1), Index(7))
        cluster.isolate(2)
        node.start()
        node.core.note(SlotCorrupt(Index(3)))
        node.turn()
        assert len(node.applied) == 2
        assert not node.core.has_more_to_apply

        cluster.heal()
        cluster.tick(12)

        assert len(node.applied) == 7

    def test_rot_found_while_applying_is_repaired(self) -> None:
        """The read that fails is the first to know: nothing ends, nothing is skipped."""
        cluster = led()
        node = cluster[2]
        node.crash(applied_kept=1)
        node.disk.corrupt = {2, 5}
        node.start()

        cluster.tick(20)

        assert is_whole(cluster)
        assert [entry.index for entry in node.applied] == list(range(1, 8))

    def test_an_entry_of_a_newer_term_is_never_on_disk_before_the_term(self) -> None:
        """T4: a repair is a write before that of the term, and a power cut may part them."""
        ahead, behind = make_log([1, 1, 1]), make_log([1, 1])
        hard = HardState(Term(1), NodeId(0), Index(0))
        cluster = Cluster(3, options=FORGETFUL, logs={2: ahead}, hard_states={2: hard})
        damage(cluster, 2, 3)
        prev, entry = behind[1], make_entry(behind[1], 2)
        core = cluster[2].core
        core.step(
            AppendEntries(
                NodeId(1),
                NodeId(2),
                Term(2),
                prev.id,
                prev.link,
                (entry,),
                Index(2),
                1,
                1,
            )
        )
        ready = core.ready()

        assert ready is not None
        assert ready.repairs == ()
        assert ready.entries == (entry,)
        assert ready.hard_state == HardState(Term(2), NodeId(0), Index(2))

    def test_an_uncommitted_slot_gives_way_to_the_leader(self) -> None:
        """A conflicting entry above commit is the one thing that truncates it."""
        cluster = Cluster(
            3,
            options=FORGETFUL,
            logs={
                1: make_log([1, 1, 2]),
                2: make_log([1, 1, 1, 1]),
                3: make_log([1, 1]),
            },
            hard_states={n: HardState(Term(2), NodeId(0), Index(0)) for n in (1, 2, 3)},
        )
        damage(cluster, 2, 3)
        cluster.elect(1)
        cluster.tick(8)

        assert is_whole(cluster)
        assert cluster[2].terms() == cluster[1].terms() == [1, 1, 2, 3]


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


def test_who_meets_the_same_corrupt_slot_in_each_turn_does_not_ask_in_each() -> None:
    """T29, seed 1882: a log that is to be cut there met it in every turn."""
    cluster = led(6)
    for node_id in (1, 3):
        cluster[node_id].compact(6)
    node = cluster[2]
    node.crash(applied_kept=1)
    node.disk.corrupt |= {3}
    node.start()
    node.core.note(SlotCorrupt(Index(3)))
    cluster.trace.clear()
    node.core.tick(1)
    for _ in range(12):
        node.core.note(SlotCorrupt(Index(3)))
        node.turn()
        for peer in (1, 3):
            reply = RepairReply(
                NodeId(peer), NodeId(2), Term(1), Index(3), bytes(32), ()
            )
            node.core.step(reply)

    asked = [line for line in cluster.trace if "RepairRequest" in line]
    assert 1 <= len(asked) <= 2


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


def test_a_slot_that_rots_again_is_asked_for_again() -> None:
    """F34: how often it was asked for before it was mended says nothing about this time."""
    cluster = led(6)
    node = cluster[2]
    damage(cluster, 2, 3)
    for _ in range(20):
        cluster[1].tick()
        node.tick()
        for each in cluster.nodes.values():
            each.turn()
        asked = [m for m in cluster.in_flight if isinstance(m, RepairRequest)]
        for message in asked:
            cluster.in_flight.remove(message)
        cluster.deliver()
    assert is_whole(cluster)  # the leader was told, in the end

    cluster.trace.clear()
    damage(cluster, 2, 3)
    cluster.tick(6)
    assert is_whole(cluster)
    assert any("RepairRequest" in line for line in cluster.trace)
    assert not any("AppendRejected" in line for line in cluster.trace)


def test_more_slots_than_are_asked_for_at_a_time_are_no_reason_to_hurry() -> None:
    """T29: those beyond the first runs wait, and make nobody ask in each turn."""
    cluster = led(60)
    node = cluster[2]
    node.crash(applied_kept=1)
    bad = range(3, 50, 2)
    node.disk.corrupt |= set(bad)
    node.start()
    for index in bad:
        node.core.note(SlotCorrupt(Index(index)))
    assert len(bad) > RUNS_MAX
    asked = 0
    for _ in range(12):
        node.core.note(SlotCorrupt(Index(3)))
        node.turn()
        requests = [m for m in cluster.in_flight if isinstance(m, RepairRequest)]
        asked += len(requests)
        cluster.in_flight.clear()
        for m in requests:
            reply = RepairReply(m.to, m.sender, Term(1), m.last, bytes(32), ())
            node.core.step(reply)

    assert RUNS_MAX <= asked <= 2 * RUNS_MAX


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


def test_a_slot_is_served_though_the_one_before_it_is_corrupt() -> None:
    """F34: what is intact somewhere comes back. Who asks knows the link that the other lacks.

    A random cluster with rot waited for ever: nobody else had the slot, and none could lead.
    """
    cluster = led(6)
    expected = list(cluster[2].disk.log)[2:]
    cluster[3].crash()
    cluster[2].compact(3)
    for node_id, index in ((1, 2), (2, 3)):
        cluster[node_id].crash()
        cluster[node_id].disk.corrupt.add(index)
    for node_id, index in ((1, 2), (2, 3)):
        cluster[node_id].start()
        cluster[node_id].core.note(SlotCorrupt(Index(index)))
    cluster.tick(40)

    assert cluster[2].core.status().corrupt == ()
    assert cluster[2].disk.log[: len(expected)] == expected


def test_a_slot_comes_from_the_only_other_voter_though_another_entry_follows_there() -> (
    None
):
    """F34: the successor here proves it. The other one may not lead, for its log is older.

    With the third voter gone nobody else has the slot, and the two waited for each other.
    """
    cluster = led(3)
    for node_id in (1, 2, 3):
        cluster[node_id].crash()
    history = list(cluster[2].disk.log)
    end = history[-1]
    for node_id, term in ((1, 2), (2, 3)):  # each led once, and reached nobody
        disk = cluster[node_id].disk
        disk.log.append(make_entry(end, term, f"of term {term}".encode()))
        disk.hard_state = replace(disk.hard_state, term=Term(term))
    cluster[2].disk.corrupt.add(end.index)
    for node_id in (1, 2):
        cluster[node_id].start()
    cluster[2].core.note(SlotCorrupt(end.index))
    cluster.tick(60)

    assert cluster[2].role is Role.LEADER
    assert is_whole(cluster)
    assert cluster[1].disk.log[: end.index] == history


def rotten_together(*, states: tuple[int, int, int]) -> Cluster:
    """Return three nodes started with the last slot of each corrupt, at index 7.

    states: how far the state of each goes.
    """
    cluster = led(6)
    for node_id in (1, 2, 3):
        cluster[node_id].crash(applied_kept=states[node_id - 1])
        cluster[node_id].disk.corrupt.add(7)
    for node_id in (1, 2, 3):
        cluster[node_id].start()
        cluster[node_id].core.note(SlotCorrupt(Index(7)))
    return cluster


def cut_where_wanted(cluster: Cluster, ticks: int) -> None:
    """Let time pass, and cut each log as soon as its core wants that."""
    for _ in range(ticks):
        cluster.tick(1)
        for node in cluster.nodes.values():
            if node.core.wants_cut:
                anchor = node.core.anchor_of_cut(node.core.status().cut_to)
                assert anchor is not None
                del node.disk.log[: anchor.at - node.disk.base.at]
                node.disk.base = anchor
                node.disk.corrupt = {s for s in node.disk.corrupt if s > anchor.at}
                node.core.compacted(Index(anchor.at + 1))


@pytest.mark.parametrize("states", [(7, 7, 7), (6, 7, 6)])
def test_the_last_slot_of_all_nodes_is_left_behind_where_a_state_holds_it(
    states: tuple[int, int, int],
) -> None:
    """F33: nobody has the entry, and nothing of it is lost. Who lacks it gets a snapshot."""
    cluster = rotten_together(states=states)
    expected = [cluster[n].core.status().last for n in (1, 2, 3)]
    cut_where_wanted(cluster, 120)
    leaders = [n for n in (1, 2, 3) if cluster[n].role is Role.LEADER]

    assert expected == [7, 7, 7]
    assert len(leaders) == 1
    assert states[leaders[0] - 1] == 7
    cluster.propose(leaders[0], b"later")
    cluster[leaders[0]].make_snapshot()
    cut_where_wanted(cluster, 60)
    for node in cluster.nodes.values():
        if node.core.offered is not None:
            node.fetch(cluster[leaders[0]])
    cut_where_wanted(cluster, 60)
    assert {node.commit for node in cluster.nodes.values()} == {9}
    assert is_whole(cluster)


def test_the_last_slot_of_all_nodes_is_waited_for_where_no_state_holds_it() -> None:
    """T15, T89: it may have been acknowledged, so nobody leads, and nothing is cut."""
    cluster = rotten_together(states=(6, 6, 6))
    cut_where_wanted(cluster, 200)

    assert [node.role for node in cluster.nodes.values()] == [Role.FOLLOWER] * 3
    assert [node.core.status().corrupt for node in cluster.nodes.values()] == [(7,)] * 3
    assert [node.disk.first_index() for node in cluster.nodes.values()] == [1, 1, 1]


@pytest.mark.parametrize("slot", [6, 7])
def test_a_slot_at_the_applied_index_that_all_others_have_cut_is_left_behind(
    slot: int,
) -> None:
    """F33: without a leader too. What stood there is known from the own state."""
    cluster = led(6)
    for node_id in (1, 3):
        cluster[node_id].compact(8)
        cluster[node_id].crash()
    node = cluster[2]
    node.crash(applied_kept=slot)
    node.disk.corrupt.add(slot)
    node.start()
    node.core.note(SlotCorrupt(Index(slot)))
    cluster[1].start()
    cluster.cut.add((1, 2))  # it answers, and does not lead
    cluster.tick(2)
    cluster.heal()
    cut_where_wanted(cluster, 120)

    assert not node.core.status().corrupt
    assert sum(cluster[n].role is Role.LEADER for n in (1, 2)) == 1


def test_a_slot_at_the_applied_index_may_rot_while_the_node_runs() -> None:
    """F33: the other voter has cut it and has the older log, so neither could lead."""
    cluster = led(6)
    cluster[1].core.transfer(NodeId(2))
    cluster.tick(4)
    for node_id in (1, 3):
        cluster[node_id].compact(9)
        cluster[node_id].crash()
    cluster.propose(2, b"reaches nobody")
    cluster.tick(40)
    node = cluster[2]
    damage(cluster, 2, 8)
    cluster[1].start()
    before = node.core.status()
    cut_where_wanted(cluster, 120)

    assert (before.applied, before.last) == (8, 9)
    assert node.role is Role.LEADER
    assert cluster[1].commit == node.commit == 10
    assert is_whole(cluster)


@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_lone_node_leaves_its_last_slot_behind(is_restarted: bool) -> None:
    """F33: what its entry did is in the state, which says what it was."""
    cluster = Cluster(1, options=FORGETFUL)
    cluster.elect(1)
    for number in range(6):
        cluster.propose(1, f"payload {number}".encode())
        cluster.settle()
    node = cluster[1]
    if is_restarted:
        node.crash()
        node.disk.corrupt.add(7)
        node.start()
    damage(cluster, 1, 7)
    before = node.core.status().last
    cut_where_wanted(cluster, 60)
    cluster.propose(1, b"later")
    cluster.tick(4)

    assert before == 7
    assert node.role is Role.LEADER
    assert node.commit == node.core.status().last == 8 + is_restarted


def test_the_last_slot_comes_from_a_peer_without_a_leader() -> None:
    """F34: the state proves what a peer sends, as a successor would."""
    cluster = led(6)
    expected = cluster[1].disk.log[6]
    for node_id in (1, 2, 3):
        cluster[node_id].crash()
    cluster[2].disk.corrupt.add(7)
    cluster[2].start()
    cluster[3].start()
    cluster[2].core.note(SlotCorrupt(Index(7)))
    cluster.tick(8)  # no election yet

    assert cluster[2].core.status().leader == NO_NODE
    assert cluster[2].disk.corrupt == set()
    assert cluster[2].disk.log[6] == expected
    before = cluster[2].disk.log[5]
    cluster[2].disk.corrupt.add(7)
    cluster[2].core.note(SlotCorrupt(Index(7)))
    forged = make_entry(before, 1, b"another payload")
    cluster[2].core.step(reply_to(cluster, before, forged))
    assert cluster[2].core.status().corrupt == (7,)


def test_the_last_slot_of_an_idle_leader_is_mended_by_a_peer() -> None:
    """F34: what it applied last it knows, though nothing follows that would prove it. Seed 2782."""
    cluster = led(6)
    leader = cluster[1]
    expected = leader.disk.log[6]
    damage(cluster, 1, 7)
    cluster.tick(8)

    assert leader.role is Role.LEADER
    assert leader.core.status().last == 7
    assert leader.disk.corrupt == set()
    assert leader.disk.log[6] == expected


@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_leader_does_not_replace_what_was_applied_though_its_slot_is_corrupt(
    is_restarted: bool,
) -> None:
    """T20, R4: the state names the entry, so another one there ends the process.

    Only voters that lost what they acknowledged elect such a leader. With a whole slot the same
    message ends it too; in place of a corrupt one the other entry was taken without a word.
    """
    cluster = led(6)
    node = cluster[2]
    if is_restarted:
        restart_damaged(cluster, 2, 7)
    else:
        damage(cluster, 2, 7)
    before = node.disk.log[5]
    other = make_entry(before, 2, b"another payout")
    message = AppendEntries(
        NodeId(3),
        NodeId(2),
        Term(2),
        before.id,
        before.link,
        (other,),
        before.index,
        1,
        1,
    )

    with pytest.raises(AssertionError, match="for what the state holds"):
        node.core.step(message)


def test_the_term_that_a_corrupt_last_slot_counts_as_commits_nothing() -> None:
    """R3, F33: it is a bound for votes; what stands before the slot may be another history."""
    cluster = led(4)
    node = cluster[2]
    node.crash()
    for payload in (b"of a leader", b"that is gone"):
        node.disk.log.append(make_entry(node.disk.log[-1], 2, payload))
    node.disk.hard_state = HardState(Term(4), NO_NODE, Index(5))
    node.disk.corrupt.add(7)
    node.start()
    there = EntryId(Term(4), Index(7))  # as in the log of the term 4 that others had
    node.core.step(PreVote(NodeId(3), NodeId(2), Term(5), there, there))
    node.core.step(PreVoteReply(NodeId(3), NodeId(2), Term(4), False, Term(5), there))

    assert node.core.status().last == 7
    assert node.commit == 5
    assert node.core.status().corrupt == (7,)
