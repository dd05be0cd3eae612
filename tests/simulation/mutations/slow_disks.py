"""The fuzz of the core with disks that hang: several writes are in flight when leaders change.

The replica of today has one write in flight; a core must bear many (raft.md 1.3).
"""

from dataclasses import replace

from tests.raft.harness import Node
from tests.raft.test_fuzz import DEEDS, Fuzz


class SlowDisks(Fuzz):
    """A run in which a leader's disk hangs now and then, while it goes on taking proposals."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.weights[DEEDS.index("turn")] = 1
        self.faults = replace(self.faults, crash=0.0005, cut=0.005)
        self._hung: dict[int, int] = {}  # node to the steps left

    def step(self) -> None:
        """Let a leader's disk hang, or do what every run does."""
        self._hung = {node: left - 1 for node, left in self._hung.items() if left > 1}
        leaders = self.cluster.leaders
        if leaders and self.random.random() < 0.01:
            leader = self.random.choice(leaders)
            self._hung[leader] = self.random.choice((200, 1000))
            for _ in range(self.random.randrange(4)):
                self.propose(self.cluster[leader])
                self.take(self.cluster[leader])
        super().step()

    def act(self, node: Node) -> None:
        """Do nothing that waits for a disk that hangs."""
        if node.id not in self._hung:
            super().act(node)
        elif self.random.random() < 0.5:
            self.take(node)
        else:
            self.deliver()

    def recover(self) -> None:
        """Let all disks go on first."""
        self._hung.clear()
        for node in self.cluster.nodes.values():
            while node.alive and node.writes:
                node.sync()
        super().recover()
