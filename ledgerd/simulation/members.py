"""Who takes part in a run: the membership in force, nodes that join, and the operator who asks.

`Roster` knows the newest membership that any node has in force, and checks each against its
neighbours (R11). `Operator` asks for additions, removals and replacements, as an administrator does
who sees the cluster from outside: late, and without knowing what became of the last request.
"""

import random
from typing import Final, Protocol

from ledgerd.raft.entries import NO_INDEX, Index, NodeId
from ledgerd.raft.membership import (
    NOBODY,
    UNKNOWN_STORE,
    Membership,
    NodeKind,
    NodeRecord,
    Standing,
)
from ledgerd.raft.requests import AddNode, RemoveNode, ReplaceNode, Request, UpdateNode
from ledgerd.simulation.check_answers import Call
from ledgerd.simulation.clock import Agenda
from ledgerd.simulation.machine import Machine
from ledgerd.simulation.verdict import require

NODES_MAX: Final = 12  # ever, in one run
VOTERS_MAX: Final = 7


class Roster:
    """Memberships by index, and which store each node id has shown (R11, R17)."""

    def __init__(self, founders: tuple[NodeId, ...]) -> None:
        self.newest = Membership(founders)
        self.founders = founders
        self._by_index: dict[Index, Membership] = {}
        self._stores: dict[NodeId, bytes] = {}

    def voters_ever(self) -> list[tuple[NodeId, ...]]:
        """Return the voters of each membership that was in force."""
        return [self.founders, *(each.all_voters for each in self._by_index.values())]

    def founding(self, machine: Machine, store_uuid: bytes) -> Membership:
        """Return what a node reads in its configuration before any entry says otherwise."""
        if machine.node_id not in self.founders:
            return NOBODY
        if machine.is_old:
            return Membership(self.founders)
        nodes = (
            NodeRecord(n, store_uuid if n == machine.node_id else UNKNOWN_STORE)
            for n in self.founders
        )
        return Membership(self.founders, nodes=tuple(nodes))

    def seen(self, node_id: NodeId, membership: Membership) -> bool:
        """A node has this membership in force; return whether nobody had it before."""
        if membership.index == NO_INDEX:
            return False
        known = self._by_index.get(membership.index)
        if known is not None:
            require(
                known == membership, "R11", "node", node_id, membership, "not", known
            )
            return False
        self._by_index[membership.index] = membership
        if membership.index < self.newest.index:
            return False
        self._check_neighbours(self.newest, membership)
        for record in membership.nodes:
            store = self._stores.setdefault(record.node_id, record.store_uuid)
            is_same = store in (UNKNOWN_STORE, record.store_uuid)
            require(is_same, "R17", f"node {record.node_id} appears with two stores")
            self._stores[record.node_id] = record.store_uuid
        self.newest = membership
        return True

    def check_installed(
        self, node_id: NodeId, at: Index, membership: Membership
    ) -> None:
        """R14: a state that was installed brought the membership that was in force there."""
        expected = max((index for index in self._by_index if index <= at), default=0)
        require(
            membership.index >= expected,
            "R14",
            f"node {node_id} installed the state at {at} and has {membership}, "
            f"without the change at {expected}",
        )

    def _check_neighbours(self, old: Membership, new: Membership) -> None:
        """R11: every quorum of one meets every quorum of the next."""
        if new.is_joint and not old.is_joint:
            holds = new.outgoing == old.voters
        elif new.is_joint:
            holds = (new.voters, new.outgoing) == (old.voters, old.outgoing)
        elif old.is_joint:
            holds = new.voters == old.voters
        else:
            holds = len(set(old.voters) ^ set(new.voters)) <= 1
        require(holds, "R11", f"{new} follows {old}")


def is_let_in(machine: Machine, sender: Machine) -> bool:
    """Return whether a process takes messages of another, as transport asks when it greets."""
    assert machine.life is not None
    membership = machine.life.replica.core.membership
    standing = membership.standing(sender.node_id, sender.store_uuid)
    return standing in (Standing.MEMBER, Standing.UNKNOWN)


class Cluster(Protocol):
    """What an operator reaches."""

    agenda: Agenda
    roster: Roster
    machines: dict[NodeId, Machine]

    @property
    def has_rot(self) -> bool:
        """Whether some disk is damaged, or breaks its word: nobody removes the node beside it."""
        ...

    def leader(self) -> Machine | None:
        """Return who leads, if anybody seems to."""
        ...

    def ask(self, machine: Machine, request: Request, expected: Index | None) -> Call:
        """Send a request to a node."""
        ...

    def found(self, node_id: NodeId) -> None:
        """Start a node with an empty disk."""
        ...


class Operator:
    """Asks for other members."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._last_id = max(cluster.roster.founders)
        self.asked = 0
        self.removal_asked_ns: int | None = None

    # What the answers to its calls are: it looks at the membership instead.

    def answered(self, call: Call, node_id: NodeId) -> None:
        """The change is in force."""

    def refused(self, call: Call, hint: NodeId) -> None:
        """The change was certainly not logged."""

    def unknown(self, call: Call) -> None:
        """Nobody knows."""

    def add(self, generator: random.Random) -> str:
        """Let a node join: the one that was announced last, or a new one."""
        membership = self._cluster.roster.newest
        if len(membership.voters) + len(membership.plans) >= VOTERS_MAX:
            return ""
        kind = NodeKind.STANDBY if generator.random() < 0.15 else NodeKind.FULL
        node_id = self._joining(generator)
        if node_id is None:
            return ""
        request = AddNode(node_id, f"p{node_id}:1", f"a{node_id}:1", kind)
        return self._ask(request, generator)

    def remove(self, generator: random.Random) -> str:
        """Remove any member, the leader in some cases; not beside a voter that was just lost."""
        members = self._cluster.roster.newest.members
        leader = self._cluster.leader()
        victim = generator.choice(members)
        if leader is not None and generator.random() < 0.3:
            victim = leader.node_id
        voters = self._cluster.roster.newest.voters
        if len(voters) <= 1 or self._cluster.has_rot:
            return ""
        if any(self._is_just_lost(v, leader) for v in voters if v != victim):
            return ""
        self.removal_asked_ns = self._cluster.agenda.now_ns
        return self._ask(RemoveNode(victim), generator)

    def _is_just_lost(self, voter: NodeId, leader: Machine | None) -> bool:
        """Whether a disk is gone for good and the leader cannot know yet, so as to refuse."""
        if not self._cluster.machines[voter].disk.is_gone:
            return False
        if leader is None or leader.life is None:
            return False
        peers = leader.life.replica.core.status().peers
        return any(peer.node_id == voter and peer.is_heard for peer in peers)

    def replace(self, generator: random.Random) -> str:
        """Replace any voter, a dead one rather than a living one."""
        voters = self._cluster.roster.newest.voters
        dead = [v for v in voters if not self._cluster.machines[v].is_up]
        old = generator.choice(dead or voters)
        node_id = self._joining(generator)
        if node_id is None:
            return ""
        new = AddNode(node_id, f"p{node_id}:1", f"a{node_id}:1")
        return self._ask(ReplaceNode(old, new), generator)

    def _joining(self, generator: random.Random) -> NodeId | None:
        """Return the id of a node that runs and is no member yet."""
        membership = self._cluster.roster.newest
        if self._last_id > max(
            membership.node_id_last, max(self._cluster.roster.founders)
        ):
            return NodeId(self._last_id)  # announced, and not a member yet
        if len(self._cluster.machines) >= NODES_MAX:
            return None
        self._last_id = NodeId(max(self._last_id, membership.node_id_last) + 1)
        self._cluster.found(self._last_id)
        return self._last_id

    def _ask(self, request: Request, generator: random.Random) -> str:
        leader = self._cluster.leader()
        if leader is None or not leader.is_up:
            return ""
        index = self._cluster.roster.newest.index
        expected = index if generator.random() < 0.5 else None
        self._cluster.ask(leader, request, expected)
        self.asked += 1
        return f"{leader.node_id}: {type(request).__name__} {_names(request)}"


def _names(request: Request) -> str:
    match request:
        case AddNode():
            return str(request.node_id)
        case RemoveNode():
            return str(request.node_id)
        case ReplaceNode():
            return f"{request.old} by {request.new.node_id}"
        case UpdateNode():
            return str(request.node_id)
