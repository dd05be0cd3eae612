"""The network between nodes: every directed link on its own (faults.md 2.2, 5.3).

Links delay, lose, repeat and reorder all the time, as the run's `Wire` says; faults cut them,
clog them and break their connections. A message leaves its sender at a time of the sender's turn;
if the sender has died by then, it never left.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ledgerd.raft.entries import NodeId
from ledgerd.raft.messages import Message
from ledgerd.simulation.clock import Agenda
from ledgerd.simulation.dice import chance, dice
from ledgerd.simulation.swarm import Wire


@dataclass(slots=True)
class Link:
    """One direction between two nodes.

    epoch: rises when the connection breaks; what was in flight is lost then.
    """

    is_cut: bool = False
    clogged_until_ns: int = 0
    epoch: int = 0
    last_arrival_ns: int = 0


@dataclass(slots=True)
class Traffic:
    """What went over the network so far."""

    sent: int = 0
    delivered: int = 0
    lost: int = 0
    repeated: int = 0
    overtaken: int = 0


class Network:
    """Carries messages between nodes.

    deliver: takes a message that arrived. drop: told of one that will not, and why.
    has_left: whether the sender's incarnation lived when a message was to leave.
    """

    def __init__(
        self,
        agenda: Agenda,
        wire: Wire,
        seed: int,
        *,
        deliver: Callable[[Message], None],
        drop: Callable[[Message, str], None],
        has_left: Callable[[NodeId, int, int], bool],
    ) -> None:
        self.wire = wire
        self.traffic = Traffic()
        self._agenda = agenda
        self._dice = dice(seed, "network")
        self._deliver = deliver
        self._drop = drop
        self._has_left = has_left
        self._links: dict[tuple[int, int], Link] = {}

    def link(self, sender: int, to: int) -> Link:
        """Return the link from one node to another."""
        link = self._links.get((sender, to))
        if link is None:
            link = self._links[sender, to] = Link()
        return link

    def send(self, message: Message, *, leaves_ns: int, incarnation: int) -> None:
        """Take a message that leaves at `leaves_ns`, if its sender's incarnation lives then."""
        traffic, wire, generator = self.traffic, self.wire, self._dice
        traffic.sent += 1
        link = self.link(message.sender, message.to)
        if link.is_cut:
            traffic.lost += 1
            self._drop(message, "cut")
            return
        if chance(generator, wire.loss):
            traffic.lost += 1
            self._drop(message, "lost")
            return
        arrival_ns = leaves_ns + wire.delay_ns
        if wire.jitter_ns:
            arrival_ns += int(generator.expovariate(1.0) * wire.jitter_ns)
        if chance(generator, wire.reorder):
            traffic.overtaken += 1
            arrival_ns += int(
                generator.random() * 20 * (wire.delay_ns + wire.jitter_ns)
            )
        else:
            arrival_ns = max(arrival_ns, link.last_arrival_ns)
            link.last_arrival_ns = arrival_ns
        arrival_ns = max(arrival_ns, link.clogged_until_ns)
        flight = (message, link, link.epoch, leaves_ns, incarnation)
        self._agenda.at(arrival_ns, self._arrive, *flight)
        if chance(generator, wire.replay):
            traffic.repeated += 1
            later_ns = arrival_ns + int(generator.random() * wire.replay_ns)
            self._agenda.at(later_ns, self._arrive, *flight)

    def _arrive(
        self, message: Message, link: Link, epoch: int, leaves_ns: int, incarnation: int
    ) -> None:
        if not self._has_left(message.sender, incarnation, leaves_ns):
            return
        if link.is_cut or link.epoch != epoch:
            self.traffic.lost += 1
            self._drop(message, "cut" if link.is_cut else "broken")
            return
        if link.clogged_until_ns > self._agenda.now_ns:
            self._agenda.at(
                link.clogged_until_ns,
                self._arrive,
                message,
                link,
                epoch,
                leaves_ns,
                incarnation,
            )
            return
        self.traffic.delivered += 1
        self._deliver(message)

    # Faults.

    def cut(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Cut these links; what is in flight on them is lost if it arrives before they heal."""
        for sender, to in pairs:
            self.link(sender, to).is_cut = True

    def mend(self, pairs: Iterable[tuple[int, int]] | None = None) -> None:
        """Mend these links, or all."""
        for sender, to in list(self._links) if pairs is None else pairs:
            link = self.link(sender, to)
            link.is_cut = False
            link.clogged_until_ns = 0

    def clog(self, sender: int, to: int, until_ns: int) -> None:
        """Hold everything on a link until this time."""
        self.link(sender, to).clogged_until_ns = until_ns

    def break_connection(self, a: int, b: int) -> None:
        """Lose what is in flight between two nodes, both ways."""
        for sender, to in ((a, b), (b, a)):
            self.link(sender, to).epoch += 1

    def is_cut(self, sender: int, to: int) -> bool:
        """Return whether the link is cut now."""
        return self.link(sender, to).is_cut

    def calm(self, wire: Wire) -> None:
        """From now on behave as `wire` says."""
        self.wire = wire
