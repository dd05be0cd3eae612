"""From the replica thread to the loop: one wake-up a turn, and each waiting call ends once."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledgerd.errors import NotLogged, OutcomeUnknown, Reason
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.raft.entries import NO_INDEX, NO_NODE, Index, NodeId
from ledgerd.raft.membership import Membership
from ledgerd.raft.ready import RoleChange
from ledgerd.replica.inputs import Waiter
from ledgerd.replica.outbox import HandedOver, Outbox, SnapshotAnswer


@dataclass(frozen=True, slots=True)
class Decided:
    """The log's answer to one call.

    outcomes: of the whole entry; the call's rows are first .. first + count, exclusive.
    """

    term: int
    index: int
    ts_us: int
    outcomes: Outcomes
    first: int
    count: int


_MESSAGES: Mapping[Reason, str] = {
    Reason.NOT_LEADER: "this node does not lead; send the call to the leader",
    Reason.NO_LEADER: "no leader is known at the moment; try again",
    Reason.UNCOMMITTED_QUOTA: "too much waits for a quorum; wait, then try again",
    Reason.NO_SPACE: (
        "fewer than a majority of the nodes have disk space for more; reads go on, and"
        " commands are accepted again once space is freed"
    ),
    Reason.OVERLOADED: "too many calls wait on this node; wait, then try again",
    Reason.READ_NOT_CONFIRMED: "no quorum confirmed the read; try again",
    Reason.APPLY_STOPPED: (
        "this node stopped applying, for what it met it cannot go on from; ask another one"
    ),
    Reason.DIGEST_DISPUTED: (
        "the replicas' states differ and no majority has settled it; nothing is accepted until"
        " one has"
    ),
    Reason.STATE_VERSION: (
        "the state version in force does not know this yet; upgrade every member first"
    ),
    Reason.SETTINGS_MOVED: (
        "the settings of the rail changed again and again while the call was decided; nothing"
        " took effect: try again with the same id"
    ),
    Reason.NOT_READY: "this node is not ready yet; try again or ask another one",
    Reason.TRANSFERRING: "this node hands the leadership over; try again",
    Reason.SNAPSHOT_NOT_MADE: "no copy of the state could be made",
    Reason.TRANSFER_GIVEN_UP: (
        "the target did not take over within one election timeout; this node leads on"
    ),
    Reason.MEMBERSHIP_MOVED: (
        "the membership changed since it was read; read it again and decide anew"
    ),
    Reason.CHANGE_IN_FLIGHT: (
        "a change of the membership is under way; wait until it is in force"
    ),
    Reason.NO_TRANSFER_TARGET: (
        "expected another voter that is heard, found none such; see cluster status"
    ),
    Reason.STOPPING: "this node is stopping; ask another one",
    Reason.LEADERSHIP_LOST: (
        "this node lost the leadership before the call was decided; whether it took effect"
        " is not known here: try again with the same id"
    ),
    Reason.DISK_STALLED: (
        "the disk of this node does not answer and the call was not decided yet; whether it"
        " took effect is not known here: try again with the same id"
    ),
    Reason.STOPPED_AFTER_PROPOSAL: (
        "this node is stopping and the call was not decided yet; whether it took effect is"
        " not known here: try again with the same id"
    ),
    Reason.NOT_ON_ALL_VOTERS: (
        "the call is committed and has taken effect, but not every voter is known to hold"
        " it; try again with the same id to wait on, or go on"
    ),
    Reason.DEADLINE_AFTER_PROPOSAL: (
        "the deadline passed before the call was decided; whether it took effect is not"
        " known here: try again with the same id"
    ),
}


def message_of(reason: Reason) -> str:
    """Return the sentence for a reason; the reason's own name where there is none."""
    return _MESSAGES.get(reason, reason.value)


def _without_effect(reason: Reason) -> NotLogged:
    """Return how a call that changes nothing ends when all calls end for `reason`."""
    plain = Reason.NOT_READY if reason is Reason.DISK_STALLED else Reason.STOPPING
    return NotLogged(plain, message_of(plain))


def committed_at(index: Index) -> dict[str, str]:
    """Return what a caller is told about where a call is committed; nothing for NO_INDEX."""
    return {} if index == NO_INDEX else {"committed_index": str(index)}


class Courier:
    """Hands answers to those who wait.

    `deliver` and `announce` belong to the replica thread, all else to the loop.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        api_addresses: Mapping[NodeId, str],
        on_role_change: Callable[[RoleChange], None],
        on_membership: Callable[[Membership], None] = lambda membership: None,
        on_visible: Callable[[Index], None],
    ) -> None:
        self._loop = loop
        self._api_addresses = api_addresses
        self._on_role_change = on_role_change
        self._on_membership = on_membership
        self._on_visible = on_visible
        self._numbers = itertools.count(1)
        self._decisions: dict[Waiter, asyncio.Future[Decided]] = {}
        self._held: dict[Waiter, Index] = {}  # committed, and waiting for copies
        self._read_points: dict[Waiter, asyncio.Future[Index]] = {}
        self._handovers: dict[Waiter, asyncio.Future[HandedOver]] = {}
        self._copies: dict[Waiter, asyncio.Future[SnapshotAnswer]] = {}

    def expect_decision(self) -> tuple[Waiter, asyncio.Future[Decided]]:
        """Return a new waiter and the future of its decision."""
        waiter, future = Waiter(next(self._numbers)), self._loop.create_future()
        self._decisions[waiter] = future
        return waiter, future

    def expect_read_point(self) -> tuple[Waiter, asyncio.Future[Index]]:
        """Return a new waiter and the future of its read point."""
        waiter, future = Waiter(next(self._numbers)), self._loop.create_future()
        self._read_points[waiter] = future
        return waiter, future

    def expect_handover(self) -> tuple[Waiter, asyncio.Future[HandedOver]]:
        """Return a new waiter and the future of the end of a transfer."""
        waiter, future = Waiter(next(self._numbers)), self._loop.create_future()
        self._handovers[waiter] = future
        return waiter, future

    def expect_snapshot(self) -> tuple[Waiter, asyncio.Future[SnapshotAnswer]]:
        """Return a new waiter and the future of the end of a copy."""
        waiter, future = Waiter(next(self._numbers)), self._loop.create_future()
        self._copies[waiter] = future
        return waiter, future

    def forget(self, waiter: Waiter) -> None:
        """Stop waiting; an answer that still comes is dropped."""
        self._decisions.pop(waiter, None)
        self._read_points.pop(waiter, None)
        self._handovers.pop(waiter, None)
        self._copies.pop(waiter, None)
        self._held.pop(waiter, None)

    def held_at(self, waiter: Waiter) -> Index | None:
        """Return where the call is committed that waits for its last copies; None: nowhere yet."""
        return self._held.get(waiter)

    def calls_in_flight(self) -> int:
        """Return how many calls wait."""
        return len(self._decisions) + len(self._read_points)

    def facts(self, leader: NodeId) -> dict[str, str]:
        """Return what a caller is told about the leader."""
        if leader == NO_NODE:
            return {}
        return {
            "leader": str(leader),
            "leader_address": self._api_addresses.get(leader, ""),
        }

    def end_all(self, reason: Reason) -> None:
        """End every waiting call: those proposed as unknown, reads as not confirmed."""
        for waiter, decision in self._decisions.items():
            if decision.done():
                continue
            index, why = self._held.get(waiter, NO_INDEX), reason
            if index != NO_INDEX:
                why = Reason.NOT_ON_ALL_VOTERS
            decision.set_exception(
                OutcomeUnknown(why, message_of(why), committed_at(index))
            )
        for read_point in self._read_points.values():
            if not read_point.done():
                read_point.set_exception(_without_effect(reason))
        for handover in self._handovers.values():
            if not handover.done():
                handover.set_exception(_without_effect(reason))
        self._decisions.clear()
        self._read_points.clear()
        for copy in self._copies.values():
            if not copy.done():
                copy.set_exception(_without_effect(reason))
        self._copies.clear()
        self._handovers.clear()
        self._held.clear()

    def deliver(self, outbox: Outbox) -> None:
        """Take one turn's outbox to the loop, in one wake-up; none if it is empty."""
        if (
            outbox.answers
            or outbox.not_proposed
            or outbox.unknown
            or outbox.held
            or outbox.reads
            or outbox.handed_over
            or outbox.snapshots
            or outbox.role_change is not None
            or outbox.membership is not None
        ):
            self._loop.call_soon_threadsafe(self._hand_out, outbox)

    def announce(self, visible: Index) -> None:
        """Tell the loop what readers see now."""
        self._loop.call_soon_threadsafe(self._on_visible, visible)

    def _hand_out(self, outbox: Outbox) -> None:
        if outbox.membership is not None:
            self._on_membership(outbox.membership)
        if outbox.role_change is not None:
            self._on_role_change(outbox.role_change)
        for held in outbox.held:
            if held.waiter in self._decisions:
                self._held[held.waiter] = held.index
        for answer in outbox.answers:
            decision = self._decisions.pop(answer.waiter, None)
            if decision is not None and not decision.done():
                decision.set_result(
                    Decided(
                        term=answer.term,
                        index=answer.index,
                        ts_us=answer.ts_us,
                        outcomes=answer.outcomes,
                        first=answer.first,
                        count=answer.count,
                    )
                )
        for refused in outbox.not_proposed:
            self._fail(
                refused.waiter,
                NotLogged(
                    refused.reason,
                    refused.why or message_of(refused.reason),
                    self.facts(refused.leader),
                ),
            )
        for lost in outbox.unknown:
            self._fail(
                lost.waiter,
                OutcomeUnknown(
                    lost.reason,
                    message_of(lost.reason),
                    self.facts(lost.leader) | committed_at(lost.index),
                ),
            )
        for point in outbox.reads:
            read_point = self._read_points.pop(point.waiter, None)
            if read_point is not None and not read_point.done():
                read_point.set_result(point.index)

        for answer_of_copy in outbox.snapshots:
            copy = self._copies.pop(answer_of_copy.waiter, None)
            if copy is not None and not copy.done():
                copy.set_result(answer_of_copy)
        for ended in outbox.handed_over:
            handover = self._handovers.pop(ended.waiter, None)
            if handover is not None and not handover.done():
                handover.set_result(ended)

    def _fail(self, waiter: Waiter, error: NotLogged | OutcomeUnknown) -> None:
        future: (
            asyncio.Future[Decided]
            | asyncio.Future[Index]
            | asyncio.Future[HandedOver]
            | asyncio.Future[SnapshotAnswer]
            | None
        )
        future = (
            self._decisions.pop(waiter, None)
            or self._read_points.pop(waiter, None)
            or self._handovers.pop(waiter, None)
            or self._copies.pop(waiter, None)
        )
        if future is not None and not future.done():
            future.set_exception(error)
