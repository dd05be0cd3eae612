"""Elections have a reason: who asks for votes has counted one election base of silence (T83).

What a node may count is the ticks of its own clock, and one for all those it slept through. Only a
leader whose address refuses connections is suspected sooner (F4). The watch counts at least as much
as the product may, so it never complains without cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledgerd.raft.entries import NodeId, Term
from ledgerd.raft.facts import PeerRefused
from ledgerd.raft.messages import (
    AppendEntries,
    Heartbeat,
    Message,
    PreVote,
    TimeoutNow,
)
from ledgerd.replica.inputs import Input, Noted, Received, Ticked
from ledgerd.simulation.verdict import require

_FROM_LEADER: Final = (AppendEntries, Heartbeat)


@dataclass(slots=True)
class Silence:
    """How long one life of a node has heard no leader.

    ticks: since the last one was heard. longest: the most of it that the turn under way has seen.
    is_told: nobody listens where the leader was, so that less is enough. was_told: so it was at
    some moment of the turn under way, though a late message of the leader came behind it.
    """

    ticks: int = 0
    longest: int = 0
    is_told: bool = False
    was_told: bool = False

    def take(self, item: Input, term: Term) -> None:
        """Count one input; what leaders of older terms say does not count."""
        match item:
            case Ticked():
                self.ticks += item.elapsed + (1 if item.missed else 0)
                self.longest = max(self.longest, self.ticks)
            case Received(message) if (
                isinstance(message, _FROM_LEADER) and message.term >= term
            ):
                self.ticks = 0
                self.is_told = False
            case Noted(PeerRefused()):
                self.is_told = self.was_told = True
            case _:
                pass


class TimersWatch:
    """The silence around each node. base_ticks: one election base."""

    def __init__(self, base_ticks: int) -> None:
        self._base_ticks = base_ticks
        self._silences: dict[tuple[NodeId, int], Silence] = {}

    def turning(
        self, node_id: NodeId, incarnation: int, term: Term, inputs: Sequence[Input]
    ) -> None:
        """A node of this term takes these inputs in a turn that begins now."""
        silence = self._silences.setdefault((node_id, incarnation), Silence())
        silence.longest, silence.was_told = silence.ticks, silence.is_told
        for item in inputs:
            silence.take(item, term)
            if isinstance(item, Received):
                # Who is told to campaign does so at once, in a term of its own.
                begins = isinstance(item.message, TimeoutNow)
                term = max(term, Term(item.message.term + begins))

    def sent(self, incarnation: int, message: Message) -> None:
        """A message leaves. Raises Violation if it asks for votes without cause."""
        if not isinstance(message, PreVote):
            return
        silence = self._silences[message.sender, incarnation]
        require(
            silence.was_told or silence.longest > self._base_ticks,
            "T83",
            f"node {message.sender} asks for votes after {silence.longest} ticks without "
            f"a leader, an election base has {self._base_ticks}",
        )
