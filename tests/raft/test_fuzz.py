"""Random clusters under every fault the model allows; the checker looks after each step.

A failure prints the seed; `pytest tests/raft/test_fuzz.py -k <seed>` replays it.
"""

import random
from dataclasses import dataclass

import pytest

from ledgerd.raft.core import Options, Refused
from ledgerd.raft.entries import EntryId, EntryKind
from ledgerd.raft.messages import Message
from tests.raft.checker import Checker
from tests.raft.harness import Cluster, Node

SEEDS = range(1, 25)


@dataclass(frozen=True)
class Faults:
    """Weights of what a step may do to a cluster."""

    drop: float
    duplicate: float
    crash: float
    cut: float
    reorder: float


class Fuzz:
    """One run: a cluster, its checker, and the dice."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        dice = self.random
        size = dice.choice((3, 3, 5, 5, 2, 4, 1))
        self.faults = Faults(
            drop=dice.choice((0.0, 0.02, 0.2)),
            duplicate=dice.choice((0.0, 0.1)),
            crash=dice.choice((0.0, 0.002, 0.01)),
            cut=dice.choice((0.0, 0.005, 0.02)),
            reorder=dice.choice((0.0, 0.0, 0.3)),
        )
        options = Options(
            election_base_ticks=dice.choice((5, 10)),
            heartbeat_ticks=dice.choice((1, 2)),
            append_bytes_max=dice.choice((200, 1000, 1 << 20)),
            window_messages=dice.choice((1, 2, 16)),
            window_bytes=dice.choice((400, 8 << 20)),
            uncommitted_bytes_max=dice.choice((50, 64 << 20)),
            apply_bytes_max=dice.choice((1, 300, 1 << 20)),
            recent_bytes_max=dice.choice((0, 500, 1 << 20)),
        )
        self.cluster = Cluster(size, options=options, seed=seed)
        self.checker = Checker(self.cluster)
        self.waiting: dict[tuple[int, int], list[EntryId]] = {}
        self.proposals = 0

        send = self.cluster.send

        def checked_send(message: Message) -> None:
            self.checker.sent(message)
            send(message)

        for node in self.cluster.nodes.values():
            node.send = checked_send

    def run(self, steps: int) -> None:
        """Do random things, then heal everything and see the cluster recover."""
        for _ in range(steps):
            self.step()
        self.recover()

    def step(self) -> None:
        """Do one random thing to one random node."""
        dice, faults = self.random, self.faults
        node = dice.choice(list(self.cluster.nodes.values()))
        fate = dice.random()
        if fate < faults.crash:
            self.crash_or_start(node)
        elif fate < faults.crash + faults.cut:
            self.cut_or_heal()
        elif not node.alive:
            if dice.random() < 0.01:
                node.start()
        else:
            self.act(node)
        self.checker.node(node)

    def act(self, node: Node) -> None:
        """Let a living node do, or suffer, something ordinary."""
        dice = self.random
        match dice.randrange(16):
            case 0 | 1:
                missed = dice.choice((0, 0, 0, 0, 0, 0, 1, 20))
                node.core.tick(dice.choice((1, 1, 1, 2)), missed)
            case 2 | 3:
                self.propose(node)
            case 4:
                self.read(node)
            case 5 | 6 | 7:
                self.take(node)
            case 8 | 9 | 10:
                if node.writes:
                    node.sync()
            case 11:
                node.apply()
            case 12 if dice.random() < 0.02:
                node.core.peer_lost(dice.choice(list(self.cluster.nodes)))
            case 12 if dice.random() < 0.01:
                node.core.campaign()
            case _:
                for _ in range(dice.choice((1, 1, 4))):
                    self.deliver()

    def take(self, node: Node) -> None:
        """Take a Ready; its write stays in flight."""
        ready = node.take()
        if ready is not None:
            self.checker.taken(node, ready)
            if ready.lost_from is not None:
                mine = self.waiting.get((node.id, node.incarnation), [])
                mine[:] = [e for e in mine if e.index < ready.lost_from]

    def propose(self, node: Node) -> None:
        """Propose, and remember what was accepted."""
        self.proposals += 1
        payload = b"%d" % self.proposals + bytes(self.random.choice((0, 30, 300)))
        proposed = node.core.propose(EntryKind.PAYOUTS, payload, self.proposals)
        if not isinstance(proposed, Refused):
            key = (node.id, node.incarnation)
            self.waiting.setdefault(key, []).append(proposed.id)

    def read(self, node: Node) -> None:
        """Read, and remember how new the answer must be."""
        ticket = node.core.read()
        if not isinstance(ticket, Refused):
            self.checker.read(node, ticket)

    def deliver(self) -> None:
        """Deliver, drop or repeat one message."""
        dice, faults, in_flight = self.random, self.faults, self.cluster.in_flight
        if not in_flight:
            return
        if dice.random() < faults.reorder:
            in_flight.rotate(-dice.randrange(len(in_flight)))
        message = in_flight.popleft()
        if dice.random() < faults.drop:
            return
        if self.cluster.is_cut(message.sender, message.to):
            return
        if dice.random() < faults.duplicate:
            in_flight.append(message)
        node = self.cluster[message.to]
        node.core.step(message)
        self.checker.node(node)

    def crash_or_start(self, node: Node) -> None:
        """Crash a node, losing what it had not synced, or start it."""
        if node.alive:
            applied = len(node.applied)
            node.crash(applied_kept=self.random.randint(applied * 3 // 4, applied))
        else:
            node.start()

    def cut_or_heal(self) -> None:
        """Cut one direction, isolate a node, or heal everything."""
        dice, cluster = self.random, self.cluster
        ids = list(cluster.nodes)
        match dice.randrange(4):
            case 0:
                cluster.cut.add((dice.choice(ids), dice.choice(ids)))
            case 1:
                cluster.isolate(dice.choice(ids))
            case _:
                cluster.heal()

    def recover(self) -> None:
        """R18: all faults off; within 20 bases one leader, equal logs, all calls ended."""
        cluster = self.cluster
        cluster.heal()
        for node in cluster.nodes.values():
            if not node.alive:
                node.start()
        base = cluster[1].options.election_base_ticks
        for _ in range(20 * base):
            for node in cluster.nodes.values():
                node.core.tick()
            for _ in range(4):
                for node in cluster.nodes.values():
                    self.turn(node)
                for _ in range(len(cluster.in_flight)):
                    message = cluster.in_flight.popleft()
                    cluster[message.to].core.step(message)
                    self.checker.node(cluster[message.to])
        logs = [[entry.link for entry in n.applied] for n in cluster.nodes.values()]
        leaders = cluster.leaders
        statuses = [node.core.status() for node in cluster.nodes.values()]

        assert len(leaders) == 1, statuses
        assert all(log == logs[0] for log in logs), statuses
        assert len(logs[0]) == cluster[leaders[0]].core.status().last, statuses
        assert not any(
            cluster[node_id].incarnation == incarnation
            for node_id, incarnation, _ in self.checker.reads
            if (node_id, incarnation) not in self.gave_up
        ), self.checker.reads
        for status in statuses:
            for peer in status.peers:
                assert peer.window_messages == 0, peer  # R16
                assert peer.window_bytes == 0, peer
        self.check_waiting()

    @property
    def gave_up(self) -> set[tuple[int, int]]:
        """Nodes that told some reads that they will not be answered."""
        return {
            (n.id, n.incarnation) for n in self.cluster.nodes.values() if n.failed_reads
        }

    def turn(self, node: Node) -> None:
        """Do a whole turn under the eyes of the checker."""
        for _ in range(20):  # pages may be as small as one entry
            self.take(node)
            while node.writes:
                node.sync()
            node.apply()
        self.checker.node(node)

    def check_waiting(self) -> None:
        """T65: a proposal still waiting at its own leader was committed there."""
        for (node_id, incarnation), ids in self.waiting.items():
            node = self.cluster[node_id]
            if node.incarnation != incarnation:
                continue  # it crashed: its callers know nothing
            applied = {entry.id for entry in node.applied}
            assert set(ids) <= applied, (node_id, set(ids) - applied)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_cluster_keeps_the_invariants_and_recovers(seed: int) -> None:
    """R1 to R10, R12, R16 and R18 under drops, repeats, disorder, cuts and crashes."""
    print(f"seed {seed}")
    Fuzz(seed).run(steps=4000)


def test_the_seeds_reach_what_they_are_for() -> None:
    """The fuzz elects, commits and reads; a run that does nothing proves nothing."""
    fuzz = Fuzz(1)
    fuzz.run(steps=4000)

    assert len(fuzz.checker.committed) > 20
    assert fuzz.checker.reads_confirmed > 20
