"""Leadership handed over on purpose. Thesis 3.10, F5.

The leader fences new proposals and reads, brings the target up to its last entry, and tells it to
campaign at once; the target's requests for votes bypass stickiness (T38). What is fenced is refused
as never proposed. A transfer that has not come about within one election base is over, and the
leader leads on (T39).
"""

from collections.abc import Callable
from typing import Final

from ledgerd.errors import Reason
from ledgerd.raft.entries import NO_NODE, NodeId
from ledgerd.raft.messages import TimeoutNow
from ledgerd.raft.progress import Mode, Progress
from ledgerd.raft.ready import Cause, Refused, Transferring
from ledgerd.raft.roles import Roles, Transfer

_FAILURES_COUNTED: Final = 5  # more say nothing new about a target


class Transfers:
    """Begins, completes and gives up the transfers of one node."""

    __slots__ = ("_roles",)

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    def begin(self, to: NodeId, cause: Cause) -> Transferring | Refused:
        """Hand over to a voter, or with NO_NODE to the one that is closest to taking over.

        Handing over to the node that leads, or again to the target of a transfer under way, is
        no mistake: it goes on as it is.
        """
        roles = self._roles
        if roles.leadership is None:
            return roles.refusal()
        if roles.transfer is not None:
            if to in (NO_NODE, roles.transfer.to):
                return Transferring(roles.transfer.to)
            return Refused(Reason.TRANSFERRING, roles.transfer.to)
        if to == roles.node_id:
            return Transferring(to)
        target = self.best_target() if to == NO_NODE else to
        if not self._is_target(target):
            return Refused(Reason.NO_TRANSFER_TARGET, roles.node_id)
        roles.transfer = Transfer(target, cause)
        # What was held back from the target must not wait for a tick, for proposals wait for it.
        roles.send_to_all()
        roles.marks.covers("transfer.begun")
        return Transferring(target)

    def best_target(
        self, is_eligible: Callable[[NodeId, Progress], bool] = lambda _, __: True
    ) -> NodeId:
        """Return the voter most likely to take over soonest; NO_NODE if none is heard.

        is_eligible: who else is no choice. One that is not slow is preferred in any case.
        """
        leadership = self._roles.leadership
        assert leadership is not None
        heard = [
            (_rank(progress), -peer)
            for peer, progress in leadership.peers.items()
            if self._is_target(peer)
            and progress.is_heard
            and is_eligible(peer, progress)
        ]
        return NodeId(-max(heard)[1]) if heard else NO_NODE

    def tick(self, ticks: int) -> None:
        """Let time pass; a transfer older than one election base is given up (T39)."""
        roles = self._roles
        transfer = roles.transfer
        if transfer is None:
            return
        transfer.ticks += ticks
        if transfer.ticks >= roles.options.election_base_ticks:
            roles.marks.covers("transfer.given_up")
            roles.transfer = None
            if roles.leadership is not None:
                roles.leadership.peers[transfer.to].failed_transfers += 1

    def push(self) -> None:
        """Tell the target to campaign once it holds the last entry durably (T39)."""
        roles = self._roles
        transfer, leadership = roles.transfer, roles.leadership
        if transfer is None or leadership is None or transfer.is_told:
            return
        progress = leadership.peers.get(transfer.to)
        if progress is not None and progress.match == roles.log.last:
            transfer.is_told = True
            roles.out.send(TimeoutNow(roles.node_id, transfer.to, roles.term))

    def _is_target(self, node_id: NodeId) -> bool:
        """Whether the node is another voter that stays one, and can and would follow the order.

        One whose state differs does not lead (F37), so nothing is fenced for it.
        """
        return (
            node_id != self._roles.node_id
            and node_id in self._roles.membership.voters
            and not self._roles.agreements.differs(node_id)
            and self._roles.releases.speaks(node_id, TimeoutNow)  # F26
        )


def _rank(progress: Progress) -> tuple[int, bool, bool, int]:
    """Order targets: no transfer failed, not slow, entries flow, most of them there."""
    return (
        -min(progress.failed_transfers, _FAILURES_COUNTED),
        not progress.is_slow,
        progress.mode is Mode.REPLICATE,
        progress.match,
    )
