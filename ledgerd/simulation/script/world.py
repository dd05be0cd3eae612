"""The nodes of a script and the messages between them.

Messages stand in one queue in the order they were sent. Nothing moves and no time passes but by
a method. Whatever happens is shown to the `Watch`, which asserts what must hold however the script
plays.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledgerd.errors import CorruptionError
from ledgerd.raft.describe import describe
from ledgerd.raft.entries import NodeId
from ledgerd.raft.messages import Message, SnapshotOffer
from ledgerd.raft.ready import Ready
from ledgerd.simulation.script.machine import Machine, Settings
from ledgerd.simulation.script.watch import Watch

Cut: TypeAlias = tuple[NodeId, NodeId, str | None]

_ROUNDS_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """Something that one node did, or that was done to it: a headline and its lines."""

    node_id: NodeId
    verb: str
    lines: tuple[str, ...]


class World:
    """Nodes 1 .. n and one queue of messages.

    cuts: (sender, receiver, class) of messages that are lost; the class None stands for all.
    """

    def __init__(self) -> None:
        self.machines: dict[NodeId, Machine] = {}
        self.in_flight: list[Message] = []
        self.cuts: set[Cut] = set()
        self.watch = Watch()

    def add(self, count: int, settings: Settings) -> None:
        """Add nodes under the next ids."""
        for _ in range(count):
            node_id = NodeId(len(self.machines) + 1)
            self.machines[node_id] = Machine(node_id, settings, self)

    @property
    def ids(self) -> list[NodeId]:
        """All nodes, ascending."""
        return list(self.machines)

    # The network.

    def send(self, message: Message) -> None:
        """Put a message under way; one to a node that is down, or not there, is lost."""
        self.watch.sent(message, self.machines[message.sender].disk)
        machine = self.machines.get(message.to)
        if machine is not None and machine.is_up:
            self.in_flight.append(message)

    def crash(self, node_id: NodeId, *, lose_unsynced: bool) -> None:
        """End a node; what was under way to it is lost."""
        self.machines[node_id].crash(lose_unsynced=lose_unsynced)
        self.in_flight[:] = [m for m in self.in_flight if m.to != node_id]

    def deliver(
        self, to: NodeId, *, kind: str | None = None, drop: bool = False
    ) -> list[str]:
        """Deliver or drop, in order, what is under way to a node; kind: only of this class."""
        taken, self.in_flight[:] = _split(self.in_flight, to, kind)
        machine = self.machines[to]
        lines: list[str] = []
        for message in taken:
            line = describe(message)
            if drop:
                lines.append(f"dropped: {line}")
            elif self._is_cut(message) or not machine.is_up:
                lines.append(f"lost: {line}")
            else:
                lines.append(line)
                self._step(machine, message, lines)
                if isinstance(message, SnapshotOffer) and machine.is_up:
                    lines += machine.fetch(self.machines[message.sender])
        return lines

    def _is_cut(self, message: Message) -> bool:
        way = message.sender, message.to
        return not self.cuts.isdisjoint({(*way, None), (*way, type(message).__name__)})

    def _step(self, machine: Machine, message: Message, lines: list[str]) -> None:
        try:
            machine.core.step(message)
            self.looked(machine)
        except CorruptionError as error:
            self.crash(machine.id, lose_unsynced=False)
            lines.append(f"node {machine.id} stops: {error}")

    # Coming to rest.

    def stabilize(self, node_ids: Sequence[NodeId]) -> list[Step]:
        """Process, deliver, write and apply on these nodes until nothing changes. No time passes.

        Raises AssertionError if they do not come to rest (T29).
        """
        steps: list[Step] = []
        for _ in range(_ROUNDS_MAX):
            news = self._round(node_ids)
            if not news:
                return steps
            steps += news
        raise AssertionError(
            f"nodes {list(node_ids)} do not come to rest (T29): {steps[-1]}"
        )

    def _round(self, node_ids: Sequence[NodeId]) -> list[Step]:
        steps: list[Step] = []
        up = [node_id for node_id in node_ids if self.machines[node_id].is_up]

        def note(node_id: NodeId, verb: str, lines: list[str] | None) -> None:
            if lines is not None:
                steps.append(Step(node_id, verb, tuple(lines)))

        for node_id in up:
            note(node_id, "ready", self.machines[node_id].process_ready())
        for node_id in node_ids:
            note(node_id, "receives", self.deliver(node_id) or None)
        for node_id in up:
            note(node_id, "writes", self.machines[node_id].write_next())
        for node_id in up:
            note(node_id, "applies", self.machines[node_id].apply_next())
        return steps

    # What must hold.

    def check(self) -> None:
        """Assert what must hold over all nodes that are up."""
        for machine in self.machines.values():
            if machine.is_up:
                self.looked(machine)
                for state in machine.history:
                    self.watch.applied(machine.id, state.anchor)

    def started(self, machine: Machine) -> None:
        """Begin to watch a machine, or begin again."""
        self.watch.started(machine.id, machine.state.id.index)

    def wrote(self, ready: Ready) -> None:
        """Watch what a machine has written."""
        self.watch.wrote(ready)

    def looked(self, machine: Machine) -> None:
        """Watch a machine to which something has happened."""
        disks = {node_id: other.disk for node_id, other in self.machines.items()}
        self.watch.looked(disks, machine.id, machine.core)


def _split(
    messages: Sequence[Message], to: NodeId, kind: str | None
) -> tuple[list[Message], list[Message]]:
    """Return the messages to this node of this class, and the others, each in order."""
    taken: list[Message] = []
    left: list[Message] = []
    for message in messages:
        is_meant = message.to == to and is_of(message, kind)
        (taken if is_meant else left).append(message)
    return taken, left


def is_of(message: Message, kind: str | None) -> bool:
    """Return whether the message is of the class of this name; None names all."""
    return kind in (None, type(message).__name__)


def cut_between(
    groups: Sequence[Set[NodeId]], kind: str | None, *, is_one_way: bool
) -> set[Cut]:
    """Return the cuts between different groups, or only from each to those after it."""
    return {
        (sender, to, kind)
        for number, group in enumerate(groups)
        for other in (groups[number + 1 :] if is_one_way else groups)
        if other is not group
        for sender in group
        for to in other
    }
