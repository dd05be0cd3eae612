"""Corrupt slots: never cut away, and repaired from whoever has them (F33, F34)."""

import random
from dataclasses import replace

import pytest

from ledgerd.raft.changes import Change, EnterJoint, Op, OpKind, Simple
from ledgerd.raft.core import Proposed
from ledgerd.raft.entries import Entry, EntryId, HardState, Index, NodeId, Role, Term
from ledgerd.raft.facts import PeerLost, SlotCorrupt
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import AppendRejected, RepairReply, RepairRequest
from ledgerd.raft.options import Options
from ledgerd.raft.repair import RUNS_MAX
from tests.raft.harness import SMALL, make_entry, make_log
from tests.raft.rot import damage, is_whole, led, reply_to, restart_damaged


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

    @pytest.mark.parametrize("founders", [(), (2,)])
    def test_a_slot_comes_back_to_a_node_that_knows_no_peers(
        self, founders: tuple[int, ...]
    ) -> None:
        """F34: the others are named by an entry behind the slot, so it must tell its leader.

        The node was just added; or it founded the cluster, and its state begins anew (F37).
        """
        cluster = led()
        node = cluster[2]
        node.membership = Membership(tuple(map(NodeId, founders)))
        node.crash()
        node.applied.clear()
        node.start()
        damage(cluster, 2, 3)

        cluster.tick(20)

        assert is_whole(cluster)
        assert len(node.applied) == 7

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

    @pytest.mark.parametrize(
        "change",
        [
            EnterJoint((Op(OpKind.REMOVE, NodeId(3)),), auto_leave=True),
            Simple((Op(OpKind.REMOVE, NodeId(3)),)),
        ],
    )
    def test_a_change_of_members_that_rots_before_it_is_applied_ends_nobody(
        self, change: Change
    ) -> None:
        """R15: the corrupt slot is a decision, never an error that ends the turn."""
        cluster = led()
        leader = cluster[1]
        proposed = leader.core.change(change)
        assert isinstance(proposed, Proposed)
        for _ in range(2):
            leader.take()
            while leader.writes:
                leader.sync()
            cluster.deliver()
            for node_id in (2, 3):
                cluster[node_id].turn()
            cluster.deliver()
            cluster.cut.add((1, 3))
            cluster.propose(1, b"what follows")
        leader.take()
        leader.sync()
        leader.core.note(PeerLost(NodeId(3)))  # what it is told next begins at the slot
        cluster.heal()
        assert leader.commit > proposed.id.index > len(leader.applied)
        leader.disk.corrupt.add(proposed.id.index)
        leader.apply()
        cluster.tick(60)

        assert is_whole(cluster)
        for node_id in (1, 2):
            voters = cluster[node_id].core.membership.voters
            assert voters == (1, 2)
            assert not cluster[node_id].core.membership.is_joint

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
