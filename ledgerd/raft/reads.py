"""ReadIndex: reads that need no log entry. Thesis 6.4, F10, F11.

Reads that wait together share one position. The leader notes its commit index for the position,
sends it with its heartbeats, and has confirmed it when a quorum has echoed it or a later one:
then no newer leader existed when the reads came. A follower asks its leader for the index.

Positions are never reused (T45). A leader's are safe across restarts, because a node leads a
term at most once. A follower's start at a random place in each incarnation, so that an answer to
the node it was before a crash confirms nothing.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from ledgerd.raft.entries import Index, NodeId, Term
from ledgerd.raft.marks import NO_MARKS, Marks
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import ReadIndexReply, ReadIndexRequest
from ledgerd.raft.options import Jitter
from ledgerd.raft.outgoing import Outgoing
from ledgerd.raft.quorum import joint_reached
from ledgerd.raft.ready import ReadConfirmed, ReadTicket

_FIRST_POSITIONS: Final = 1 << 48


@dataclass(frozen=True, slots=True)
class _Batch:
    """Reads under one position of a leader. requests: the latest position of each asker."""

    position: int
    index: Index
    tickets: tuple[ReadTicket, ...]
    requests: tuple[tuple[NodeId, int], ...]


class Reads:
    """All reads of one node that are not answered yet.

    confirmed, failed: results since the last Ready.
    """

    __slots__ = (
        "_acks",
        "_asked",
        "_asked_ticks",
        "_batches",
        "_give_up_ticks",
        "_idle_ticks",
        "_is_overdue",
        "_marks",
        "_node_id",
        "_out",
        "_requests",
        "_retry_ticks",
        "_tickets",
        "_waiting",
        "confirmed",
        "failed",
        "position",
        "request_position",
    )

    def __init__(
        self,
        node_id: NodeId,
        out: Outgoing,
        *,
        jitter: Jitter,
        retry_ticks: int,
        give_up_ticks: int,
        marks: Marks = NO_MARKS,
    ) -> None:
        self._marks = marks
        self._node_id = node_id
        self._out = out
        self._retry_ticks = retry_ticks
        self._give_up_ticks = give_up_ticks
        self._tickets = 0
        self._waiting: list[ReadTicket] = []  # under no position yet
        self._requests: dict[NodeId, int] = {}  # leader: askers under no position yet
        self._batches: deque[_Batch] = deque()  # leader: waiting for a quorum
        self._acks: dict[NodeId, int] = {}
        self._asked: deque[tuple[int, list[ReadTicket]]] = deque()  # follower
        self._asked_ticks = 0
        self._is_overdue = False  # follower: nothing was answered for a while
        self._idle_ticks = 0
        self.position = 0  # the last one made as leader
        self.request_position = jitter(_FIRST_POSITIONS)  # the last one as follower
        self.confirmed: list[ReadConfirmed] = []
        self.failed: list[ReadTicket] = []

    @property
    def has_results(self) -> bool:
        """Whether a Ready is due."""
        return bool(self.confirmed or self.failed)

    @property
    def is_waiting(self) -> bool:
        """Whether reads wait for a position, or for an answer that should be here by now."""
        return bool(self._waiting or self._requests) or self._is_overdue

    def register(self) -> ReadTicket:
        """Take a read; it shares the next position."""
        self._tickets += 1
        ticket = ReadTicket(self._tickets)
        self._waiting.append(ticket)
        return ticket

    def leader_changed(self) -> None:
        """Start again with every read that is not confirmed: it needs the new leader's word."""
        again = [ticket for batch in self._batches for ticket in batch.tickets]
        again += [ticket for _, tickets in self._asked for ticket in tickets]
        if again:
            self._marks.covers("read.leader_changed")
        self._waiting = again + self._waiting
        self._batches.clear()
        self._asked.clear()
        self._requests.clear()
        self._acks.clear()
        self._asked_ticks = 0
        self._is_overdue = False

    # The leader.

    def requested(self, message: ReadIndexRequest) -> None:
        """Take a follower's request; a later one of the same follower answers for it."""
        latest = self._requests.get(message.sender, 0)
        self._requests[message.sender] = max(latest, message.position)

    def open_position(self, commit: Index) -> int:
        """Put the waiting reads under a new position; it goes out with a heartbeat."""
        assert self.is_waiting
        self.position += 1
        self._batches.append(
            _Batch(
                self.position,
                commit,
                tuple(self._waiting),
                tuple(self._requests.items()),
            )
        )
        self._waiting = []
        self._requests = {}
        return self.position

    def acked(self, sender: NodeId, position: int) -> None:
        """Note a peer's echo; a later one never falls behind an earlier (F10)."""
        assert position <= self.position, (position, self.position)
        self._acks[sender] = max(self._acks.get(sender, 0), position)

    def confirm(self, membership: Membership, term: Term) -> bool:
        """Confirm what a quorum of the applied membership has echoed (T46).

        Returns whether a follower was given a read point: it waits for that index.
        """
        has_answered = False
        if not self._batches:
            return has_answered
        self._acks[self._node_id] = self.position
        reached = joint_reached(membership.voters, membership.outgoing, self._acks)
        while self._batches and self._batches[0].position <= reached:
            batch = self._batches.popleft()
            for ticket in batch.tickets:
                self.confirmed.append(ReadConfirmed(ticket, batch.index))
            for asker, position in batch.requests:
                has_answered = True
                self._out.send(
                    ReadIndexReply(self._node_id, asker, term, position, batch.index)
                )
        return has_answered

    # The follower.

    def ask(self, leader: NodeId, term: Term) -> None:
        """Ask the leader for the waiting reads, under a new position (F11).

        Its answer confirms what was asked for before as well, and an answer to an earlier position
        is still good: where a round trip takes longer than a retry, it is the one that comes.
        """
        assert self._waiting or self._is_overdue
        self.request_position += 1
        if not self._asked:
            self._asked_ticks = 0
        self._asked.append((self.request_position, self._waiting))
        self._waiting = []
        self._is_overdue = False
        self._out.send(
            ReadIndexRequest(self._node_id, leader, term, self.request_position)
        )

    def answered(self, message: ReadIndexReply) -> None:
        """Confirm the reads asked for under this position and, as they are older, before it."""
        if not self._asked or self._asked[-1][0] < message.position:
            # Of another incarnation, or given up meanwhile.
            self._marks.covers("read.answer_too_late")
            return
        while self._asked and self._asked[0][0] <= message.position:
            for ticket in self._asked.popleft()[1]:
                self.confirmed.append(ReadConfirmed(ticket, message.index))
            self._idle_ticks = 0
        self._asked_ticks = 0
        if not self._asked:
            self._is_overdue = False

    # Both.

    def tick(self, elapsed: int) -> None:
        """Ask again for what was not answered, give up on what nobody answers.

        A leader may be heard and yet not hear this node: without an end its reads would pile up.
        """
        if self._asked:
            self._asked_ticks += elapsed
            if self._asked_ticks >= self._retry_ticks:
                self._marks.covers("read.retried")
                self._asked_ticks = 0
                self._is_overdue = True
        if not self._waiting and not self._asked:
            self._idle_ticks = 0
            return
        self._idle_ticks += elapsed
        if self._idle_ticks >= self._give_up_ticks:
            self._marks.covers("read.given_up")
            self.failed += [ticket for _, tickets in self._asked for ticket in tickets]
            self.failed += self._waiting
            self._asked.clear()
            self._waiting = []
            self._is_overdue = False
            self._idle_ticks = 0
