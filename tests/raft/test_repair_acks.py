"""What a node with corrupt slots promises: its votes, its acks, and what it commits (F33)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

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
from ledgerd.raft.facts import SlotCorrupt
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    PreVote,
    PreVoteReply,
    RepairReply,
    RequestVote,
    RequestVoteReply,
    SnapshotOffer,
)
from ledgerd.raft.slots import Slots
from tests.raft.harness import Cluster, Node, make_entry, make_log
from tests.raft.making import snapshot_of
from tests.raft.rot import FORGETFUL, damage, is_whole, led, restart_damaged


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
    ready = node.take()
    assert ready is not None
    acks = [m for m in ready.send_after if isinstance(m, AppendAccepted)]
    return list(ready.repairs), [(ack.term, ack.match) for ack in acks]


class TestTwoHistories:
    """Two neighbours rotted, and a leader of another history took the place of the first only.

    What follows the second is still the old history, and whether the two join nobody can tell.
    """

    OLD = make_log([1, 2, 2, 2])
    NEW = make_log([1, 1])  # of five nodes three may have no more

    @pytest.fixture(params=["running", "restarted"])
    def node(self, request: pytest.FixtureRequest) -> Node:
        """Return node 1 with the new entry 2, slot 3 corrupt, and the old entry 4.

        Started again it reads all that is not applied, and so finds the slot by itself.
        """
        cluster = Cluster(5, logs={1: self.OLD}, options=FORGETFUL)
        damage(cluster, 1, 2, 3)
        node = cluster[1]
        node.core.step(_whole_append(2, Term(4), self.NEW))
        node.turn()
        assert [entry.term for entry in node.disk.log] == [1, 1, 2, 2]
        if request.param == "restarted":
            node.restart()
        assert node.core.status().corrupt == (3,)
        return node

    def test_what_does_not_link_to_the_one_before_takes_no_slot(
        self, node: Node
    ) -> None:
        """R4, R9: it would join the two, and the next leader's last entry would be acknowledged."""
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
        self, node: Node, at: int, cut_to: int
    ) -> None:
        """T29: the slot's peers had cut it, and the next leader has not."""
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

    def test_the_leader_of_the_old_history_brings_it_back(self, node: Node) -> None:
        """5.3: told of the slot it sends from there, and then from where the logs join."""
        log = [*self.OLD, make_entry(self.OLD[-1], 5)]
        node.core.step(_whole_append(3, Term(5), log))
        node.turn()

        assert node.disk.log == log
        assert node.core.status().corrupt == ()

    def test_what_a_peer_knows_to_be_committed_is_not_learned_across_the_slot(
        self, node: Node
    ) -> None:
        """R6: the entry is here, and what stands before it is not what was committed."""
        last = self.OLD[-1].id
        node.core.step(PreVote(NodeId(3), NodeId(1), Term(5), last, last))
        node.turn()

        assert node.core.status().commit == 0

    def test_an_offer_is_not_taken_for_what_stands_behind_the_slot(
        self, node: Node
    ) -> None:
        """R6: as above, for the last entry of a snapshot."""
        last = self.OLD[-1]
        snapshot = snapshot_of(Anchor(last.id, last.link, last.ts_us))
        node.core.step(SnapshotOffer(NodeId(3), NodeId(1), Term(5), snapshot, 1, 1))
        node.turn()
        assert node.core.status().commit == 0

        assert not node.core.restore(snapshot)
        assert node.core.status().commit == 0

    def test_an_append_behind_another_slot_does_not_commit_across_it(
        self, node: Node
    ) -> None:
        """R6: a slot that is known to be committed rots too, and its peers are asked for it."""
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


class TestThreeLeaders:
    """Two neighbours rotted, and their last leader brings what one before the log's last wrote.

    Terms 1 and 5 are in the log; that of the entry is between them.
    """

    OLD = make_log([1, 1, 1, 1, 1, 5])
    NEW = make_log([1, 1, 4])

    @pytest.mark.parametrize("is_written", [True, False])
    def test_the_entry_takes_no_slot_before_an_older_one(
        self, *, is_written: bool
    ) -> None:
        """5.3: terms never fall, so what can be read behind the slots is of another history.

        T4: nor is it on disk in a term that is not, where all came in one turn.
        """
        hard = HardState(Term(1), NO_NODE, Index(0))
        cluster = Cluster(
            5, logs={1: self.OLD[:5]}, hard_states={1: hard}, options=FORGETFUL
        )
        node = cluster[1]
        node.core.step(_whole_append(3, Term(5), self.OLD))
        if is_written:
            node.turn()
        damage(cluster, 1, 3, 4)
        node.core.step(_whole_append(2, Term(6), self.NEW))

        assert _repaired_and_acked(node) == ([], [(6, 3)])
        node.sync()
        assert node.disk.log == self.NEW

    def test_the_entry_takes_no_slot_before_one_that_is_not_written(self) -> None:
        """T4: a repair is a write before that of the term, and the last entry waits for both."""
        old = [*self.OLD[:4], make_entry(self.OLD[3], 5)]
        hard = HardState(Term(1), NO_NODE, Index(0))
        cluster = Cluster(
            5, logs={1: old[:4]}, hard_states={1: hard}, options=FORGETFUL
        )
        node = cluster[1]
        node.core.step(_whole_append(3, Term(5), old))
        damage(cluster, 1, 3, 4)
        node.core.step(_whole_append(2, Term(6), self.NEW))

        assert _repaired_and_acked(node) == ([], [(6, 3)])


def test_a_long_run_of_slots_is_looked_through_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T94: a turn is bounded. Each entry of the leader asked the whole rest of the run."""
    count = 200
    log = make_log([1] * count)
    hard = HardState(Term(1), NO_NODE, Index(0))
    cluster = Cluster(3, logs={1: log}, hard_states={1: hard}, options=FORGETFUL)
    damage(cluster, 1, *range(2, count + 1))
    looks, contains = [], Slots.__contains__

    def look(slots: Slots, index: Index) -> bool:
        looks.append(index)
        return contains(slots, index)

    monkeypatch.setattr(Slots, "__contains__", look)
    cluster[1].core.step(_whole_append(2, Term(2), log))

    assert cluster[1].core.status().corrupt == ()
    assert len(looks) < 10 * count


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
