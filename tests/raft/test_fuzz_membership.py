"""Random clusters whose members come and go under every fault the model allows.

Like `test_fuzz`, with requests of operators and raw joint changes among the deeds, and nodes that
wait to be added. A failure prints the seed; `pytest tests/raft/test_fuzz_membership.py -k <seed>`
replays it.
"""

from dataclasses import dataclass, field, replace

import pytest

from ledgerd.raft.changes import EnterJoint, LeaveJoint, Op, OpKind
from ledgerd.raft.core import Proposed
from ledgerd.raft.entries import NodeId
from ledgerd.raft.membership import Membership, NodeRecord
from ledgerd.raft.messages import Message
from ledgerd.raft.quorum import Vote, joint_vote
from ledgerd.raft.requests import AddNode, RemoveNode, ReplaceNode, Request
from ledgerd.raft.status import Status
from tests.raft.checker import Checker
from tests.raft.harness import Cluster, Node
from tests.raft.test_fuzz import Fuzz

SEEDS = range(1, 21)
NODES_MAX = 7


def store(node_id: int) -> bytes:
    return bytes([node_id]) * 16


@dataclass
class MembershipChecker(Checker):
    """R7 and R11 by the membership of the leader that commits, before or after what it did."""

    before: dict[int, Membership] = field(default_factory=dict)
    by_index: dict[int, Membership] = field(default_factory=dict)

    def node(self, node: Node) -> None:
        super().node(node)
        if node.alive:
            membership = node.core.membership
            known = self.by_index.setdefault(membership.index, membership)
            if membership.index:
                assert known == membership, ("R6", node.id, known, membership)
            self.before[node.id] = membership

    def _check_quorum(self, node: Node, status: Status, holders: list[int]) -> None:
        votes = {n: n in holders for n in self.cluster.nodes}
        candidates = [status.membership, self.before.get(node.id, status.membership)]
        assert any(
            joint_vote(m.voters, m.outgoing, votes) is Vote.WON for m in candidates
        ), ("R7", status, holders)


class MembershipFuzz(Fuzz):
    """One run with members that change."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        dice = self.random
        options = replace(
            self.cluster.options, catch_up_round_ticks_max=dice.choice((20, 200))
        )
        founders = tuple(NodeId(n) for n in range(1, dice.choice((1, 2, 3, 3, 5)) + 1))
        self.cluster = Cluster(
            0,
            options=options,
            seed=seed,
            membership=Membership(founders, nodes=tuple(map(NodeRecord, founders))),
        )
        self.checker = MembershipChecker(self.cluster)
        self.changes = 0
        self.appetite = dice.choice((0.02, 0.1, 0.3))
        for node_id in range(1, NODES_MAX + 1):
            if node_id in founders:
                own = NodeRecord(NodeId(node_id), store(node_id))
                others = tuple(own if n == node_id else NodeRecord(n) for n in founders)
                node = self.cluster.add(node_id, Membership(founders, nodes=others))
            else:
                node = self.cluster.add(node_id)
            node.send = self.send
            for peer in range(1, NODES_MAX + 1):
                if peer != node_id:
                    node.greet(peer, store(peer))

    def send(self, message: Message) -> None:
        self.checker.sent(message)
        self.cluster.send(message)

    def step(self) -> None:
        """Now and then somebody wants other members."""
        super().step()
        if self.random.random() < self.appetite and self.cluster.leaders:
            self.change(self.cluster[self.random.choice(self.cluster.leaders)])

    def change(self, node: Node) -> None:
        """Ask for something, possible or not."""
        dice = self.random
        some = [NodeId(dice.randint(1, NODES_MAX)) for _ in range(3)]
        request: Request
        match dice.randrange(6):
            case 0 | 1:
                request = AddNode(self.next_id(node), "p:1", "a:1")
            case 2:
                request = RemoveNode(some[0])
            case 3:
                request = ReplaceNode(some[0], AddNode(self.next_id(node), "p:1", "a"))
            case 4:
                kinds = (OpKind.VOTER, OpKind.LEARNER, OpKind.REMOVE)
                members = node.core.membership.members
                ops = tuple(Op(dice.choice(kinds), n) for n in some if n in members)
                outcome = node.core.change(EnterJoint(ops, dice.random() < 0.8))
                self.changes += isinstance(outcome, Proposed)
                return
            case _:
                self.changes += isinstance(node.core.change(LeaveJoint()), Proposed)
                return
        self.changes += isinstance(node.core.request(request), Proposed)

    def next_id(self, node: Node) -> NodeId:
        return min(NodeId(node.core.membership.node_id_last + 1), NodeId(NODES_MAX))

    def recover(self) -> None:
        """R18, for whoever is a member."""
        cluster = self.cluster
        cluster.heal()
        for node in cluster.nodes.values():
            if not node.alive:
                node.start()
        for _ in range(40 * cluster.options.election_base_ticks):
            if self.has_recovered():
                break
            self.round()
        statuses = [node.core.status() for node in cluster.nodes.values()]

        assert self.has_recovered(), statuses
        self.check_waiting()

    def round(self) -> None:
        cluster = self.cluster
        for node in cluster.nodes.values():
            node.core.tick()
        for _ in range(4):
            for node in cluster.nodes.values():
                for _ in range(8):
                    self.turn(node)
            for leader in cluster.leaders:
                if cluster[leader].core.membership.is_joint:
                    cluster[leader].core.change(LeaveJoint())
            for _ in range(len(cluster.in_flight)):
                message = cluster.in_flight.popleft()
                if self.is_connected(message.sender, message.to):
                    cluster[message.to].core.step(message)
                    self.checker.node(cluster[message.to])

    def is_connected(self, one: NodeId, other: NodeId) -> bool:
        """Whether neither end knows that the other was removed: it would hang up (T69)."""
        cluster = self.cluster
        return not (
            cluster[one].core.membership.was_removed(other)
            or cluster[other].core.membership.was_removed(one)
        )

    def has_recovered(self) -> bool:
        """Whether one member leads, and all members have applied all of its log."""
        cluster = self.cluster
        newest = max(
            (node.core.membership for node in cluster.nodes.values()),
            key=lambda membership: membership.index,
        )
        leaders = [n for n in cluster.leaders if n in newest.members]
        if len(leaders) != 1 or newest.is_joint:
            return False
        last = cluster[leaders[0]].core.status().last
        links = [[entry.link for entry in cluster[n].applied] for n in newest.members]
        return all(len(log) == last and log == links[0] for log in links)

    def check_waiting(self) -> None:
        """A node that was removed is told nothing any more, and tells nobody."""


@pytest.mark.parametrize("seed", SEEDS)
def test_members_change_and_the_invariants_stay(seed: int) -> None:
    """R1 to R12 and R18 while nodes are added, removed, replaced and demoted. Paper 6."""
    print(f"seed {seed}")
    MembershipFuzz(seed).run(steps=4000)


def test_the_seeds_change_members() -> None:
    """A run that changes nothing proves nothing."""
    in_force = 0
    for seed in (1, 2, 3, 5):
        fuzz = MembershipFuzz(seed)
        fuzz.run(steps=4000)
        in_force += len(fuzz.checker.by_index)

    assert in_force > 20
