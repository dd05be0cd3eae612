"""R9 by links: what leaves as an ack is what the leader has, and the disk of the sender holds.

Each test is an order of messages at one follower, seen by the watch of the simulator. All acks in
them are covered by the length of the log; each is red with the bug planted that it is named for
(`mutations/consensus.py`), for these orders come once in a thousand seeds and more.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledgerd.formats.entries import link
from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import (
    GENESIS_LINK,
    NO_NODE,
    Entry,
    EntryId,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Term,
)
from ledgerd.raft.facts import SlotCorrupt
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    Heartbeat,
    Message,
    PreVote,
    RepairReply,
)
from ledgerd.raft.options import Options
from ledgerd.simulation.check_consensus import ConsensusWatch
from ledgerd.simulation.verdict import Violation
from tests.raft.harness import MemoryDisk

NODES = tuple(NodeId(number) for number in range(1, 6))
ME = NODES[0]
# Nothing durable stays in memory, so that every read goes to the disk.
OPTIONS = Options(election_base_ticks=10, heartbeat_ticks=2, recent_bytes_max=0)


def log_of(*terms: int) -> list[Entry]:
    """Return a log whose entries have these terms, with real links."""
    entries: list[Entry] = []
    for number, term in enumerate(terms, start=1):
        named = Entry(
            Term(term), Index(number), EntryKind.NOOP, number, b"", GENESIS_LINK
        )
        before = entries[-1].link if entries else GENESIS_LINK
        chained = link(
            before,
            index=number,
            term=term,
            ts_us=number,
            kind=EntryKind.NOOP,
            payload=b"",
        )
        entries.append(replace(named, link=chained))
    return entries


class Follower:
    """Node 1 of five, its disk, and the watch that sees what it and the leaders do."""

    def __init__(self, log: Sequence[Entry]) -> None:
        self.watch = ConsensusWatch(NODES, OPTIONS)
        self.disk = MemoryDisk(log)
        self.acks: list[tuple[int, int]] = []
        self.core = RaftCore(
            ME,
            options=OPTIONS,
            membership=Membership(NODES),
            hard_state=self.disk.hard_state,
            log=self.disk,
            applied=Index(0),
            jitter=lambda _: 0,
            link=link,
        )
        self._holds(ME, log, self.disk.hard_state.term)

    def _holds(self, node_id: NodeId, log: Sequence[Entry], term: Term) -> None:
        seen = self.watch.nodes[node_id]
        seen.image = [GENESIS_LINK, *(entry.link for entry in log)]
        seen.hard = HardState(term, NO_NODE, Index(0))
        self.watch.entries |= {entry.link: entry for entry in log}

    def hear(self, message: Message, log: Sequence[Entry] = ()) -> None:
        """Take a message; `log` is what its sender has on disk."""
        self._holds(message.sender, log, message.term)
        self.watch.sent(message)
        self.core.step(message)

    def hear_leader(
        self, leader: int, term: int, log: Sequence[Entry], prev: int, last: int
    ) -> None:
        """Take entries prev + 1 .. last of the leader's log."""
        before = log[prev - 1]
        append = AppendEntries(
            NodeId(leader),
            ME,
            Term(term),
            before.id,
            before.link,
            tuple(log[prev:last]),
            Index(0),
            1,
            1,
        )
        self.hear(append, log)

    def rot(self, *indexes: int, found: bool = True) -> None:
        """Let slots rot, found at once or when they are read."""
        self.disk.corrupt |= set(indexes)
        for index in indexes if found else ():
            self.core.note(SlotCorrupt(Index(index)))

    def turn(self) -> None:
        """Write what there is and send what rests on it, under the eyes of the watch."""
        ready = self.core.ready()
        assert ready is not None
        self.watch.persisting(ME, ready)
        self.disk.persist(ready)
        self.watch.repaired(ME, ready.repairs)
        self.watch.persisted(ME, ready)
        self.core.persisted(ready.ticket)
        for message in ready.send_after:
            self.watch.sent(message)
            if isinstance(message, AppendAccepted):
                self.acks.append((message.term, message.match))


def test_of_two_leaders_in_one_turn_the_newer_is_acknowledged() -> None:
    """What the first one sent is never written."""
    follower = Follower(log_of(1))
    follower.hear_leader(2, 2, log_of(1, 2, 2), 1, 3)
    follower.hear_leader(3, 3, log_of(1, 3, 3), 1, 3)
    follower.turn()

    assert follower.acks == [(3, 3)]


@pytest.mark.parametrize("terms", [(1, 1), (1, 1, 1)])
def test_what_took_a_rotten_slot_is_what_is_acknowledged(
    terms: tuple[int, ...],
) -> None:
    """The last slot, and the first of two: the log is as long as before."""
    old, new = log_of(1, *(2 for _ in terms[1:])), log_of(*terms)
    follower = Follower(old)
    follower.hear_leader(2, 3, old, 1, len(old))
    follower.rot(*range(2, len(old) + 1))
    follower.hear_leader(3, 4, new, 1, 2)
    follower.turn()

    assert follower.acks == [(4, 2)]


def test_the_first_of_two_slots_that_are_replaced_counts() -> None:
    """The second one conflicts with what follows it."""
    old, new = log_of(1, 2, 2, 2), log_of(1, 1, 1)
    follower = Follower(old)
    follower.hear_leader(2, 3, old, 1, 2)
    follower.rot(2, 3)
    follower.hear_leader(3, 4, new, 1, 3)
    follower.turn()

    assert follower.acks == [(4, 3)]


def test_a_slot_that_is_met_in_the_midst_hides_none_that_was_replaced() -> None:
    """As above, and the third one is found to be rotten when it is read."""
    old, new = log_of(1, 2, 2, 2), log_of(1, 1, 1)
    follower = Follower(old)
    follower.hear_leader(2, 3, old, 1, 2)
    follower.rot(2, 3)
    follower.rot(4, found=False)
    follower.hear_leader(3, 4, new, 1, 3)
    follower.turn()

    assert follower.acks == [(4, 3)]


def test_what_two_leaders_left_is_not_joined_by_a_repair() -> None:
    """The next leader's last entry is here, and another one than its own among those before."""
    old = log_of(1, 2, 2, 2, 5)
    follower = Follower(old[:4])
    follower.rot(2, 3)
    follower.hear_leader(3, 4, log_of(1, 1), 1, 2)
    follower.turn()
    follower.hear(
        RepairReply(NodeId(2), ME, Term(2), Index(3), old[1].link, (old[2],)), old
    )
    follower.core.tick()
    follower.hear_leader(2, 5, old, 4, 5)
    follower.turn()
    assert follower.acks == [(4, 2)]

    follower.hear_leader(2, 5, old, 1, 5)
    follower.turn()
    assert follower.acks == [(4, 2), (5, 5)]


def test_a_leader_whose_term_is_over_is_not_told_what_a_later_one_committed() -> None:
    """Heard from a node that asks for votes, while the older leader is followed."""
    follower = Follower(log_of(1, 1, 1))
    stale = log_of(1, 2)
    follower.hear(Heartbeat(NodeId(2), ME, Term(2), Index(0), 0), stale)
    last = EntryId(Term(1), Index(3))
    follower.hear(PreVote(NodeId(3), ME, Term(4), last, last), log_of(1, 1, 1, 3))
    follower.hear_leader(2, 2, stale, 1, 2)
    follower.turn()

    assert follower.acks == [(2, 2)]


def test_an_ack_of_what_its_leader_never_had_is_found() -> None:
    """The watch itself: the log is long enough, and has another entry there."""
    follower = Follower(log_of(1, 1))
    follower.watch.nodes[ME].hard = HardState(Term(2), NO_NODE, Index(0))
    follower.hear_leader(2, 2, log_of(1, 2), 1, 1)
    ack = AppendAccepted(ME, NodeId(2), Term(2), Index(1), 1, 1)
    follower.watch.sent(ack)

    for wrong in (replace(ack, match=Index(2)), replace(ack, to=NodeId(3))):
        with pytest.raises(Violation, match="R9"):
            follower.watch.sent(wrong)
