"""Faults of processes: kill and pause, of nodes and of the rail. The heals: start, continue."""

from random import Random

from jepsen.nemesis import targets
from jepsen.nemesis.field import Field


class Kill:
    """SIGKILL; heal: start again."""

    name = "kill"

    def __init__(self, field: Field, target: str, rng: Random) -> None:
        self._field = field
        self._target = target
        self._rng = rng

    async def start(self) -> dict[str, list[int]]:
        """Kill the target at once; return whom."""
        nodes = await targets.choose(self._field, self._target, self._rng)
        for node_id in nodes:
            self._field.kill(node_id)
        return {"nodes": list(nodes)}

    async def heal(self) -> None:
        """Start every node that does not run."""
        for node_id in self._field.node_ids:
            self._field.start(node_id)


class Pause:
    """SIGSTOP; heal: SIGCONT."""

    name = "pause"

    def __init__(self, field: Field, target: str, rng: Random) -> None:
        self._field = field
        self._target = target
        self._rng = rng

    async def start(self) -> dict[str, list[int]]:
        """Stop the target where it stands; return whom."""
        nodes = await targets.choose(self._field, self._target, self._rng)
        for node_id in nodes:
            self._field.pause(node_id)
        return {"nodes": list(nodes)}

    async def heal(self) -> None:
        """Let every node go on."""
        for node_id in self._field.node_ids:
            self._field.resume(node_id)


class KillRail:
    """SIGKILL of the simulated rail; heal: start again. Sends meanwhile have no answer."""

    name = "kill-rail"

    def __init__(self, field: Field) -> None:
        self._field = field

    async def start(self) -> dict[str, str]:
        """Kill the rail at once."""
        self._field.kill_rail()
        return {"process": "rail"}

    async def heal(self) -> None:
        """Start the rail if it does not run."""
        await self._field.start_rail()
