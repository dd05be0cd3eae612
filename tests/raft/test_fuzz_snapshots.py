"""The fuzz of `test_fuzz` with logs that are cut, and states that stand in for what is gone.

F13, F27 to F30: cuts at any applied index that survives a crash, copies of any age, fetches that
succeed, fail, come late or twice, beside every fault of the plain fuzz.
"""

from dataclasses import replace

import pytest

from ledgerd.raft.entries import Anchor
from ledgerd.raft.facts import SnapshotSent
from ledgerd.raft.membership import NOBODY
from ledgerd.raft.snapshots import Snapshot
from tests.raft.harness import Node
from tests.raft.test_fuzz import Fuzz

SEEDS = range(1, 41)


class SnapshotFuzz(Fuzz):
    """A run whose nodes cut their logs and catch each other up."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.installed = 0
        self.cuts = 0
        self.is_recovering = False
        # What a crash leaves of each node's state at least.
        self.kept: dict[int, int] = dict.fromkeys(self.cluster.nodes, 0)
        ticks = self.random.choice((2, 10, 60))
        self.faults = replace(self.faults, cut=self.random.choice((0.003, 0.01, 0.03)))
        for node in self.cluster.nodes.values():
            node.options = replace(node.options, snapshot_ticks_max=ticks)
            node.crash()
            node.start()

    def act(self, node: Node) -> None:
        dice = self.random
        fate = dice.random()
        if fate < 0.02:
            self.cut(node)
        elif fate < 0.04 and node.applied:
            self.make(node, dice.randint(1, len(node.applied)))
        elif fate < 0.06:
            self.fetch(node)
        elif fate < 0.065:
            peer = dice.choice(list(self.cluster.nodes))
            node.core.note(SnapshotSent(peer, dice.random() < 0.5))
        else:
            super().act(node)

    def cut(self, node: Node) -> None:
        """Make the state durable and cut the log somewhere below."""
        applied = min(len(node.applied), node.disk.hard_state.commit)
        first = node.disk.first_index()
        self.kept[node.id] = max(self.kept[node.id], applied)
        if applied >= first:
            low = self.random.choice((first + 1, applied + 1))
            node.compact(self.random.randint(low, applied + 1))
            self.cuts += 1

    def make(self, node: Node, index: int) -> None:
        """Offer a copy that was made when `index` was applied."""
        entry = node.applied[index - 1]
        anchor = Anchor(entry.id, entry.link, entry.ts_us)
        node.core.snapshot_made(Snapshot(anchor, NOBODY, bytes(32), 1, bytes(32)))

    def fetch(self, node: Node) -> None:
        """Bring what is offered, or what was offered to somebody once, and install it."""
        offer = node.core.offered
        if offer is None:
            return
        snapshot = offer.snapshot
        entry = self.checker.committed[snapshot.index - 1]
        assert entry.id == snapshot.id, ("R14", entry.id, snapshot)
        before = node.core.status()
        if not node.core.restore(snapshot):
            return
        self.installed += 1
        assert snapshot.index > before.commit, "T60"
        node.pages.clear()
        node.applied = self.checker.committed[: snapshot.index]
        self.kept[node.id] = snapshot.index
        self.take(node)
        while node.writes:
            node.sync()
        assert node.disk.base == snapshot.anchor

    def turn(self, node: Node) -> None:
        super().turn(node)
        if not self.is_recovering:
            return
        if node.core.wants_snapshot and node.applied:
            self.make(node, len(node.applied))
            super().turn(node)
        self.fetch(node)
        super().turn(node)

    def crash_or_start(self, node: Node) -> None:
        if node.alive:
            applied = len(node.applied)
            floor = min(applied, max(self.kept[node.id], applied * 3 // 4))
            node.crash(applied_kept=self.random.randint(floor, applied))
        else:
            node.start()

    def recover(self) -> None:
        self.is_recovering = True
        for node in self.cluster.nodes.values():
            if node.alive:
                self.cut(node)  # whoever lags now, or starts empty, needs a state
        super().recover()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_cluster_with_cut_logs_keeps_the_invariants(seed: int) -> None:
    """R1 to R10, R12, R14, R16 and R18 with compaction and snapshots."""
    print(f"seed {seed}")
    SnapshotFuzz(seed).run(steps=4000)


def test_the_seeds_cut_and_install() -> None:
    """A run that never needs a snapshot proves nothing about one."""
    cuts = installed = 0
    for seed in SEEDS[:12]:
        fuzz = SnapshotFuzz(seed)
        fuzz.run(steps=4000)
        cuts += fuzz.cuts
        installed += fuzz.installed

    assert cuts > 100
    assert installed > 1
