"""What a nemesis may do to a cluster: declared here, given by the run."""

from collections.abc import Iterable
from typing import Protocol, TypeAlias

Direction: TypeAlias = tuple[int, int]


class Field(Protocol):
    """The cluster as its breaker sees it. Nodes are named by their ids."""

    @property
    def node_ids(self) -> tuple[int, ...]:
        """All nodes."""
        ...

    async def leader(self) -> int | None:
        """Return the node that leads in the highest term, None if none says so."""
        ...

    def kill(self, node_id: int) -> None:
        """SIGKILL the node, by the pid that was kept."""
        ...

    def start(self, node_id: int) -> None:
        """Start the node if it does not run."""
        ...

    def pause(self, node_id: int) -> None:
        """SIGSTOP the node."""
        ...

    def resume(self, node_id: int) -> None:
        """SIGCONT the node."""
        ...

    async def block(self, directions: Iterable[Direction]) -> None:
        """Stall the bytes between peers in exactly these directions."""
        ...

    def kill_rail(self) -> None:
        """SIGKILL the simulated rail."""
        ...

    async def start_rail(self) -> None:
        """Start the simulated rail if it does not run; it knows what it was sent."""
        ...
