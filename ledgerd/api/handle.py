"""What the API needs of a node: a narrow view of `node.handle.Node`, so that tests can be one."""

from collections.abc import AsyncGenerator, Callable
from typing import Protocol, TypeVar

from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Command
from ledgerd.ledger.events import Event
from ledgerd.node.courier import Decided
from ledgerd.node.feed import Told
from ledgerd.node.handle import NodeStatus
from ledgerd.node.reads import ReadAt
from ledgerd.raft.requests import Request
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import WriteConcern
from ledgerd.replica.outbox import HandedOver
from ledgerd.storage.reader import StateReader

T = TypeVar("T")


class NodeHandle(Protocol):
    """Propose, read, status. Deadlines are loop times in seconds."""

    @property
    def node_id(self) -> int:
        """This node's number."""
        ...

    @property
    def cluster_id(self) -> str:
        """The cluster's name."""
        ...

    @property
    def state_version(self) -> int:
        """The version of the state machine in force."""
        ...

    async def propose_payouts(
        self,
        batch: PayoutBatch,
        deadline: float,
        concern: WriteConcern = WriteConcern.QUORUM,
    ) -> Decided:
        """Return what the log decided about the rows. Raises NotLogged, OutcomeUnknown."""
        ...

    async def propose_command(
        self,
        command: Command,
        deadline: float,
        concern: WriteConcern = WriteConcern.QUORUM,
    ) -> Decided:
        """Return what the log decided about the command. Raises as `propose_payouts`."""
        ...

    async def change_members(
        self, request: Request, expected_index: int | None, deadline: float
    ) -> Decided:
        """Return where the log put the change in force. Raises as `propose_payouts`."""
        ...

    async def make_snapshot(self, deadline: float) -> bool:
        """Return whether a copy of the state was made by then. Raises NotLogged."""
        ...

    def newest_snapshot(self) -> Snapshot | None:
        """Return the newest copy of the state that the node has."""
        ...

    async def transfer(self, to: int, deadline: float) -> HandedOver:
        """Return who leads after a transfer to node `to`, 0: to anybody. Raises NotLogged."""
        ...

    async def read(
        self,
        query: Callable[[StateReader], T],
        *,
        at_least: int | None,
        max_age_s: float | None = None,
        deadline: float,
    ) -> tuple[ReadAt, T]:
        """Return where the read stands and what `query` found. Raises NotLogged."""
        ...

    def watch(
        self, from_seq: int | None, keep: Callable[[Event], bool] | None = None
    ) -> AsyncGenerator[Told]:
        """Return events from number `from_seq` on, None: from now on. Raises NotLogged."""
        ...

    def report_slot(self, index: int) -> None:
        """Let the node mend the log value at `index`, which fails its check."""
        ...

    def status(self) -> NodeStatus:
        """Return what the node knows, without asking anybody."""
        ...

    def api_address(self, node_id: int) -> str:
        """Return host:port of a node's public API; empty if unknown."""
        ...

    def is_ready(self) -> bool:
        """Whether the node can serve."""
        ...
