"""Who waits for the end of a transfer of the leadership, and how it ended (F5)."""

from typing import assert_never

from ledgerd.errors import Reason
from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import NO_NODE, NodeId, Role
from ledgerd.raft.ready import Refused, Transferring
from ledgerd.replica.inputs import TransferAsked, Waiter
from ledgerd.replica.outbox import HandedOver, NotProposed, Outbox


class Handovers:
    """The transfers that calls wait for. One owner: the replica."""

    def __init__(self, core: RaftCore) -> None:
        self._core = core
        self._waiting: list[tuple[Waiter, NodeId]] = []  # who, and the target

    def ask(self, asked: TransferAsked, outbox: Outbox) -> None:
        """Begin a transfer, or join the one under way, or refuse."""
        verdict = self._core.transfer(asked.to)
        match verdict:
            case Transferring():
                self._waiting.append((asked.waiter, verdict.to))
            case Refused():
                outbox.not_proposed.append(
                    NotProposed(asked.waiter, verdict.reason, verdict.leader)
                )
            case _:
                assert_never(verdict)

    def abandon(self, outbox: Outbox) -> None:
        """End every call that waits: the core that would tell is given up (F37, T93).

        A fenced leader leaves office in any case, so who leads next is soon known elsewhere.
        """
        for waiter, _ in self._waiting:
            reason = Reason.APPLY_STOPPED
            outbox.not_proposed.append(NotProposed(waiter, reason, NO_NODE))
        self._waiting.clear()

    def settle(self, outbox: Outbox) -> None:
        """Answer those whose transfer has ended: once the next leader is known, or none came."""
        if not self._waiting:
            return
        status = self._core.status()
        if status.transferring != NO_NODE or status.leader == NO_NODE:
            return
        for waiter, to in self._waiting:
            if status.role is Role.LEADER and to != status.node_id:
                reason = Reason.TRANSFER_GIVEN_UP
                outbox.not_proposed.append(NotProposed(waiter, reason, status.leader))
            else:
                ended = HandedOver(waiter, status.leader, status.term)
                outbox.handed_over.append(ended)
        self._waiting.clear()
