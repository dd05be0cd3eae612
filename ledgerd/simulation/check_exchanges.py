"""Two nodes never send each other the same thing over and over (R16, T29).

What the clock makes a node send may be the same for ever: a heartbeat, a probe of a peer that is
gone. Between two ticks only messages can cause a message. Then an entry travels three times at most
while nothing moves: with its window, again when disorder made the peer reject what came behind it,
and again for the answer to the last tick's heartbeat. What is sent once more turns in a loop, as
fast as the network lets it. An ack that is higher than all before it has moved something: the count
for that peer begins again, and a log is finite. So it does where a message between the two is lost,
for a loop needs no loss. Answers are not counted, for the network may bring one question many
times; every loop has a question in it.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledgerd.raft.entries import Index, NodeId, Term
from ledgerd.raft.facts import SnapshotSent
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    Heartbeat,
    Message,
    PreVote,
    ReadIndexRequest,
    RepairRequest,
    RequestVote,
    SnapshotOffer,
    TimeoutNow,
)
from ledgerd.replica.inputs import (
    CommandProposed,
    Input,
    Noted,
    PayoutsProposed,
    ReadsRequested,
    Received,
)
from ledgerd.simulation.verdict import require

TIMES_MAX: Final = 3


@dataclass(slots=True)
class _Said:
    """What one life of a node has asked its peers since anything but them moved it.

    times_max: how often it may ask the same; more where several ticks came in one turn.
    acked: the highest ack of each peer, by term.
    """

    incarnation: int = 0
    times_max: int = TIMES_MAX
    counts: dict[NodeId, Counter[Hashable]] = field(default_factory=dict)
    acked: dict[tuple[NodeId, Term], Index] = field(default_factory=dict)

    def has_heard(self, message: Message) -> None:
        """Begin the count for a peer again if its log has grown."""
        if not isinstance(message, AppendAccepted):
            return
        peer = message.sender, message.term
        if message.match > self.acked.get(peer, 0):
            self.acked[peer] = message.match
            self.counts.pop(message.sender, None)


class ExchangesWatch:
    """What was sent since the last tick, by node."""

    def __init__(self) -> None:
        self._said: dict[NodeId, _Said] = {}

    def turning(
        self, node_id: NodeId, incarnation: int, inputs: Sequence[Input]
    ) -> None:
        """A node takes these inputs in a turn that begins now."""
        said = self._said.setdefault(node_id, _Said())
        causes = sum(map(_is_cause, inputs))
        if said.incarnation != incarnation or causes:
            said.incarnation = incarnation
            said.times_max = TIMES_MAX * max(1, causes)
            said.counts.clear()
        for item in inputs:
            if isinstance(item, Received):
                said.has_heard(item.message)

    def dropped(self, message: Message) -> None:
        """A message will never arrive: what was said between the two may be said again."""
        for one, other in (
            (message.sender, message.to),
            (message.to, message.sender),
        ):
            if one in self._said:
                self._said[one].counts.pop(other, None)

    def sent(self, message: Message) -> None:
        """A message leaves. Raises Violation if it was sent too often before."""
        asked = _asked(message)
        if asked is None:
            return
        said = self._said[message.sender]
        key = (type(message).__name__, message.term, asked)
        counts = said.counts.setdefault(message.to, Counter())
        counts[key] += 1
        require(
            counts[key] <= said.times_max,
            "R16",
            *("sent", counts[key], "times between two ticks, without effect:", message),
        )


def _is_cause(item: Input) -> bool:
    """Return whether an input may make a node say again what it has said.

    Calls make it send entries and positions that are new. That a peer has fetched a copy, or has
    not, is news about an exchange and no reason to repeat it.
    """
    match item:
        case Received() | PayoutsProposed() | CommandProposed() | ReadsRequested():
            return False
        case Noted(SnapshotSent()):
            return False
        case _:
            return True


def _asked(message: Message) -> Hashable | None:
    """Return what a message asks for, apart from the number of the attempt; None: an answer."""
    match message:
        case AppendEntries():
            return message.prev, len(message.entries), message.commit
        case Heartbeat():
            return message.commit, message.read_position
        case SnapshotOffer():
            return message.snapshot.sha256
        case RepairRequest():
            return message.first, message.last, message.link
        case ReadIndexRequest():
            return message.position
        case PreVote() | RequestVote() | TimeoutNow():
            return ""
        case _:
            return None
