"""The nodes of a script, the messages between them, and what must hold at every step.

Messages stand in one queue in the order they were sent. Nothing moves and no time passes but by
a method. `check` asserts what holds however the script plays: one leader a term (R1), one entry
an index (R4, R6), pointers in order (R3), nothing remembered goes back (R8).
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledgerd.errors import CorruptionError
from ledgerd.raft.describe import describe
from ledgerd.raft.entries import EntryId, NodeId, Role, Term
from ledgerd.raft.messages import Message, SnapshotOffer
from ledgerd.raft.status import Status
from ledgerd.simulation.script.machine import Machine, Settings

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
        self._leaders: dict[Term, NodeId] = {}
        self._applied: dict[int, tuple[EntryId, bytes]] = {}
        self._seen: dict[NodeId, Status] = {}

    def add(self, count: int, settings: Settings) -> None:
        """Add nodes under the next ids."""
        for _ in range(count):
            node_id = NodeId(len(self.machines) + 1)
            self.machines[node_id] = Machine(node_id, settings, self.send)

    @property
    def ids(self) -> list[NodeId]:
        """All nodes, ascending."""
        return list(self.machines)

    # The network.

    def send(self, message: Message) -> None:
        """Put a message under way; one to a node that is down, or not there, is lost."""
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
        """Assert R1, R3, R4, R6 and R8 over all nodes that are up."""
        for machine in self.machines.values():
            if machine.is_up:
                self._check_node(machine)
            else:
                self._seen.pop(machine.id, None)

    def _check_node(self, machine: Machine) -> None:
        status = machine.core.status()
        if status.role is Role.LEADER:
            leader = self._leaders.setdefault(status.term, machine.id)
            assert leader == machine.id, f"R1: {leader} and {machine.id} lead"
        assert status.first - 1 <= status.applied, f"R3: {describe(status)}"
        assert status.applied <= min(status.commit, status.durable), (
            f"R3: {describe(status)}"
        )
        before = self._seen.get(machine.id)
        if before is not None:
            assert status.term >= before.term, f"R8: {describe(status)}"
            assert status.commit >= before.commit, f"R8: {describe(status)}"
        self._seen[machine.id] = status
        for applied in machine.history:
            here = (applied.id, applied.anchor.link)
            known = self._applied.setdefault(applied.id.index, here)
            assert known == here, (
                f"R6: node {machine.id} applied {describe(applied.id)}, "
                f"another one {describe(known[0])}"
            )


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
