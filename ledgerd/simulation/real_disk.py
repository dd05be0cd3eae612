"""Real LMDB under a simulated node: `ledgerd simulate --store lmdb --nodes 1`.

What LMDB allows: commits that are made by LMDB itself in a folder of their own, processes that end
at any moment of a turn, and starts over what they left. What it does not allow: nobody can take
back what was written and not synced, damage single rows, or fill the disk, without a file system
that does so; the simulated disk does all that, and the rigs over real processes do it to LMDB.
Time stays simulated, so a run is the same each time.
"""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

from ledgerd.raft.entries import NodeId
from ledgerd.simulation.disk import SMALL, DiskFaults, Lost, SimDisk
from ledgerd.simulation.swarm import Setup
from ledgerd.storage.environment import Environment, StorageOptions, open_directory

_MAP_BYTES: Final = 1 << 30

# What can be done to a process and its clocks without touching what is on its disk.
FAULTS: Final = frozenset(
    {
        "crash",
        "crash_in_turn",
        "crash_all",
        "pause",
        "clock_jump",
        "slow_disk",
        "stall",
        "deaf_to_clients",
        "make_copy",
    }
)


class RealDisk(SimDisk):
    """A folder with the two environments of one node, over all incarnations."""

    def __init__(self, rng: Random, faults: DiskFaults, directory: Path) -> None:
        super().__init__(rng, faults)
        self._directory = directory
        self._store_uuid = rng.randbytes(16)

    def open(
        self, *, cluster_id: str, node_id: NodeId, options: StorageOptions = SMALL
    ) -> Environment:
        """Return the environment of a new incarnation, as `open_directory` does."""
        self._environment = open_directory(
            self._directory,
            cluster_id=cluster_id,
            node_id=node_id,
            options=replace(
                options,
                log_map_bytes=_MAP_BYTES,
                state_map_bytes=_MAP_BYTES,
                free_bytes_min=0,
            ),
            store_uuid=self._store_uuid,
        )
        return self._environment

    def crash(self, *, power: bool) -> Lost:
        """End the incarnation: what LMDB has committed stays, what is open is given up."""
        if self._environment is not None:
            self._environment.close()
        self._environment = None
        self.take_elapsed_ns()
        return Lost(0, 0)

    def committed(self) -> None:
        """Let a commit take its simulated time."""
        self._take_time()


def suited(setup: Setup) -> Setup:
    """Return the setup with one node, and with what can happen to a real disk."""
    kinds = tuple(kind for kind in setup.faults if kind in FAULTS)
    return replace(setup, nodes=1, old_nodes=0, faults=kinds)
