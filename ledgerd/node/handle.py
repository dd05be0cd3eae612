"""The node as its users see it: propose, read, status. The api and the tests see nothing else."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from ledgerd.errors import NotLogged, OutcomeUnknown, Reason
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.commands import Command
from ledgerd.ledger.events import Event
from ledgerd.limits import PUT_OFF_ENTRIES_MAX
from ledgerd.node.courier import Courier, Decided, committed_at, message_of
from ledgerd.node.feed import Feed, Told
from ledgerd.node.holding import Holding
from ledgerd.node.inbox import Inbox, InboxDepth
from ledgerd.node.options import NodeOptions
from ledgerd.node.reads import ReadAt, Reads
from ledgerd.node.windows import has_windows, propose_dated
from ledgerd.observability import logs
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.core import Status
from ledgerd.raft.entries import NO_NODE, Index, NodeId, Role
from ledgerd.raft.facts import HoldingBack, SlotCorrupt
from ledgerd.raft.ready import RoleChange
from ledgerd.raft.requests import Request
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import Waiter, WriteConcern
from ledgerd.replica.outbox import HandedOver
from ledgerd.replica.versions import Standing
from ledgerd.storage.reader import StateReader

T = TypeVar("T")
DRAIN_ATTEMPTS_MAX = 5  # each ends within one election base (raft.md 5.1)
# Before the deadline of a call that waits for all voters: the answer must still travel.
_TOLD_BEFORE_S: Final = 0.05
log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What a node knows of itself.

    core: consensus, at most 30 ms old. visible: what readers see. reads_waiting: for a read
        point or an index.
    is_fenced: its state is damaged or not the majority's (F37).
    not_ready_reason: empty when the node is ready. uptime_us: microseconds since start.
    """

    core: Status
    visible: Index
    leader_address: str
    is_ready: bool
    not_ready_reason: str
    uptime_us: int
    calls_in_flight: int
    reads_waiting: int
    inbox: InboxDepth
    leader_changes: int
    is_fenced: bool = False


class Node:
    """One running node. All methods belong to the loop."""

    def __init__(
        self,
        *,
        options: NodeOptions,
        inbox: Inbox,
        courier: Courier,
        reads: Reads,
        core_status: Callable[[], Status],
        standing: Callable[[], Standing],
        is_stalled: Callable[[], bool] = lambda: False,
        newest_snapshot: Callable[[], Snapshot | None] = lambda: None,
        metrics: Metrics,
    ) -> None:
        self._options = options
        self._inbox = inbox
        self._courier = courier
        self._reads = reads
        self._core_status = core_status
        self._standing = standing
        self._is_stalled = is_stalled
        self.newest_snapshot = newest_snapshot
        self._metrics = metrics
        self._holding = Holding(lambda is_on: inbox.put_fact(HoldingBack(is_on)))
        self.feed = Feed(self)
        metrics.feed_watchers.set_function(lambda: self.feed.watchers)
        metrics.held_back_ratio.set_function(lambda: self._holding.ratio)
        self._started_at = time.monotonic()
        self._role = Role.FOLLOWER
        self._leader: NodeId = NO_NODE
        self._leader_changes = 0
        self._is_caught_up = False
        self._is_draining = False
        self._expelled = ""
        self._is_stopping = False

    @property
    def node_id(self) -> int:
        """This node's number."""
        return self._options.node_id

    @property
    def cluster_id(self) -> str:
        """The name of the cluster."""
        return self._options.cluster_id

    @property
    def state_version(self) -> int:
        """The version of the state machine in force (F26)."""
        return self._standing().state_version

    async def propose_payouts(
        self,
        batch: PayoutBatch,
        deadline: float,
        concern: WriteConcern = WriteConcern.QUORUM,
    ) -> Decided:
        """Return what the log decided about `batch`, as one share of one entry.

        deadline: loop time, seconds. The batch is within the bounds of an entry.
        concern: with ALL_VOTERS the answer waits until every voter holds the entry durably.
        Raises NotLogged when it certainly has no effect, OutcomeUnknown when nobody can know yet,
        and also when it has taken effect but not every voter holds it by the deadline.

        Rows that must go with the window open now get it here. Where the settings that it comes
        from have changed by the entry's time the batch is worked out and proposed anew.
        """
        if not has_windows(batch) or self._core_status().role is not Role.LEADER:
            return await self._propose_payouts(batch, deadline, concern)

        async def look() -> tuple[Catalogue, int]:
            _, found = await self.read(
                lambda reader: (reader.catalogue(), reader.log_time_us()),
                at_least=None,
                deadline=deadline,
            )
            return found

        return await propose_dated(
            batch,
            look=look,
            propose=lambda dated: self._propose_payouts(dated, deadline, concern),
            clock_us=time.time_ns() // 1_000,
        )

    async def _propose_payouts(
        self, batch: PayoutBatch, deadline: float, concern: WriteConcern
    ) -> Decided:
        waiter, future = self._courier.expect_decision()
        if not self._inbox.put_payouts(waiter, batch, concern):
            self._courier.forget(waiter)
            raise self._no_room()
        return await self._decision(waiter, future, deadline, concern)

    async def propose_command(
        self,
        command: Command,
        deadline: float,
        concern: WriteConcern = WriteConcern.QUORUM,
    ) -> Decided:
        """Return what the log decided about `command`; as `propose_payouts`."""
        waiter, future = self._courier.expect_decision()
        if not self._inbox.put_command(waiter, command, concern):
            self._courier.forget(waiter)
            raise self._no_room()
        return await self._decision(waiter, future, deadline, concern)

    async def change_members(
        self, request: Request, expected_index: int | None, deadline: float
    ) -> Decided:
        """Return where the log put the change in force (F21).

        expected_index: index of the membership that it was decided upon; None: any.
        deadline: loop time, seconds. Raises NotLogged, which says why, or OutcomeUnknown.
        """
        waiter, future = self._courier.expect_decision()
        index = None if expected_index is None else Index(expected_index)
        if not self._inbox.put_change(waiter, request, index):
            self._courier.forget(waiter)
            raise self._no_room()
        return await self._decision(waiter, future, deadline, WriteConcern.QUORUM)

    async def make_snapshot(self, deadline: float) -> bool:
        """Make a copy of the state; return whether it was there by the deadline (F28).

        deadline: loop time, seconds; a copy that takes longer goes on. Raises NotLogged when none
        can be made, and says why.
        """
        waiter, future = self._courier.expect_snapshot()
        if not self._inbox.put_snapshot_wish(waiter):
            self._courier.forget(waiter)
            raise self._no_room()
        try:
            async with asyncio.timeout_at(deadline):
                answer = await future
        except TimeoutError:
            return False
        finally:
            self._courier.forget(waiter)
        if answer.snapshot is None:
            reason = Reason.SNAPSHOT_NOT_MADE
            raise NotLogged(reason, f"{message_of(reason)}: {answer.why}")
        return True

    async def transfer(self, to: int, deadline: float) -> HandedOver:
        """Hand the leadership to node `to`, 0: to whom can take over soonest (F5).

        Returns once the new leader is known here. deadline: loop time, seconds.
        Raises NotLogged when this node does not lead, cannot hand over, or leads on.
        """
        waiter, future = self._courier.expect_handover()
        if not self._inbox.put_transfer(waiter, NodeId(to)):
            self._courier.forget(waiter)
            raise self._no_room()
        try:
            async with asyncio.timeout_at(deadline):
                return await future
        except TimeoutError:
            reason = Reason.TRANSFER_GIVEN_UP
            raise NotLogged(reason, message_of(reason)) from None
        finally:
            self._courier.forget(waiter)

    async def drain(self, grace_s: float) -> None:
        """Stop leading, if there is another voter to lead, within `grace_s` seconds.

        The node counts as not ready from now on and serves until `begin_stop`.
        """
        self._is_draining = True
        deadline = asyncio.get_running_loop().time() + grace_s
        for _ in range(DRAIN_ATTEMPTS_MAX):
            if self._core_status().role is not Role.LEADER:
                return
            try:
                ended = await self.transfer(0, deadline)
                log.info("leadership_handed_over", to=ended.leader, term=ended.term)
            except NotLogged as refused:
                log.warning("leadership_not_handed_over", reason=refused.reason.value)
                if refused.reason is not Reason.TRANSFER_GIVEN_UP:
                    return

    async def read(
        self,
        query: Callable[[StateReader], T],
        *,
        at_least: int | None,
        max_age_s: float | None = None,
        deadline: float,
    ) -> tuple[ReadAt, T]:
        """Return where the read stands and what `query` found in one read transaction.

        at_least: None for a linearizable read, else the applied index to wait for.
        max_age_s: not None for a read of a state that is at most that old, as this node knows.
        deadline: loop time, seconds. Raises NotLogged when it cannot be answered in time.
        """
        if self._is_stopping:
            raise NotLogged(Reason.STOPPING, message_of(Reason.STOPPING))
        self._check_applies(at_least, max_age_s)
        return await self._reads.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=deadline
        )

    async def visible_after(self, index: int) -> None:
        """Return once readers see more than `index`. Raises NotLogged when too many wait."""
        await self._reads.visible_after(Index(index))

    def watch(
        self, from_seq: int | None, keep: Callable[[Event], bool] | None = None
    ) -> AsyncGenerator[Told]:
        """Return events from number `from_seq` on, None: from now on; see `Feed.watch`."""
        return self.feed.watch(from_seq, keep)

    def report_slot(self, index: int) -> None:
        """Let the core have the log value at `index`, which fails its check, from peers (F34)."""
        self._inbox.put_fact(SlotCorrupt(Index(index)))

    def state_age_s(self) -> float | None:
        """Return how old the visible state is at most, seconds; None while nobody knows."""
        return self._reads.age_s()

    def _check_applies(self, at_least: int | None, max_age_s: float | None) -> None:
        """Refuse a read that would wait for an entry that this node cannot apply (F26)."""
        halt = self._standing().halt
        if halt is None:
            return
        if max_age_s is not None:
            age_s = self._reads.age_s()
            waits = age_s is None or age_s > max_age_s
        else:
            waits = at_least is None or at_least >= halt.index
        if waits or halt.is_of_state:
            raise NotLogged(
                Reason.APPLY_STOPPED,
                f"{message_of(Reason.APPLY_STOPPED)} (at index {halt.index}: {halt.why})",
            )

    def status(self) -> NodeStatus:
        """Return what this node knows, without asking anybody."""
        core = self._core_status()
        reason = self._not_ready_reason(core)
        halt = self._standing().halt
        return NodeStatus(
            core=core,
            visible=self._reads.visible,
            leader_address=self._courier.facts(core.leader).get("leader_address", ""),
            is_ready=not reason,
            not_ready_reason=reason,
            uptime_us=int((time.monotonic() - self._started_at) * 1e6),
            calls_in_flight=self._courier.calls_in_flight(),
            reads_waiting=self._reads.waiting,
            inbox=self._inbox.depth(),
            leader_changes=self._leader_changes,
            is_fenced=halt is not None and halt.is_of_state,
        )

    def api_address(self, node_id: int) -> str:
        """Return host:port of a node's public API; empty if unknown."""
        return self._courier.facts(NodeId(node_id)).get("leader_address", "")

    def is_ready(self) -> bool:
        """Whether the node can serve: it knows a leader and has caught up with it."""
        return not self._not_ready_reason(self._core_status())

    def on_role_change(self, change: RoleChange) -> None:
        """Take note of who leads, count it and log it with its cause."""
        cause = change.cause.value if change.cause is not None else "start"
        if change.role is Role.PRE_CANDIDATE and self._role is Role.FOLLOWER:
            self._metrics.elections.labels(cause).inc()
        if self._role is Role.LEADER and change.role is not Role.LEADER:
            self._metrics.step_downs.labels(cause).inc()
        self._role = change.role
        log.info(
            "role_changed",
            role=change.role.value,
            term=change.term,
            leader=change.leader,
            cause=cause,
        )
        if change.leader != self._leader:
            self._leader = change.leader
            self._leader_changes += 1
            self._metrics.leader_changes.inc()

    def expel(self, why: str) -> None:
        """Be not ready from now on, for the cluster goes on without this node (F25)."""
        if not self._expelled:
            log.error("node_removed", why=why)
        self._expelled = why

    def begin_rebuild(self) -> None:
        """Be not ready, and let reads wait, until the state is folded again from the log (F37)."""
        self._is_caught_up = False
        self._reads.restart()

    def begin_stop(self) -> None:
        """Refuse new work as definitely not logged; what was proposed may still end."""
        self._is_stopping = True
        self.feed.begin_stop()

    def _not_ready_reason(self, core: Status) -> str:
        if self._is_stopping or self._is_draining:
            return "stopping"
        if self._expelled:
            return self._expelled
        if self._is_stalled():  # F9
            return "a write does not come back: the disk stalls"
        halt = self._standing().halt
        if halt is not None:
            remedy = "it is built anew" if halt.is_of_state else "upgrade this node"
            return f"stopped applying before index {halt.index}: {halt.why}; {remedy}"
        if core.leader == NO_NODE and core.corrupt:
            return (
                f"no leader is known, and log index {core.corrupt[0]} is corrupt here: until "
                "another node sends its entry, this one asks for no votes"
            )
        if core.leader == NO_NODE:
            return "no leader is known"
        if not self._is_caught_up:
            # Under a steady load a follower has something put off whenever one looks.
            if core.commit - core.applied > PUT_OFF_ENTRIES_MAX:
                return f"catching up: applied {core.applied} of {core.commit}"
            self._is_caught_up = True
        return ""

    def _no_room(self) -> NotLogged:
        reason = Reason.STOPPING if self._is_stopping else Reason.OVERLOADED
        return NotLogged(reason, message_of(reason))

    async def _decision(
        self,
        waiter: Waiter,
        future: asyncio.Future[Decided],
        deadline: float,
        concern: WriteConcern,
    ) -> Decided:
        started_at = time.monotonic()
        is_everywhere = concern is WriteConcern.ALL_VOTERS
        if (
            is_everywhere
        ):  # the caller must hear that it is committed before he gives up
            left_s = deadline - asyncio.get_running_loop().time()
            deadline -= min(_TOLD_BEFORE_S, left_s / 10)
        is_answered = False
        timer = asyncio.get_running_loop().call_at(deadline, _expire, future)
        try:
            decided = await future
            is_answered = True
        except TimeoutError:
            raise self._late(waiter) from None
        finally:
            timer.cancel()
            self._courier.forget(waiter)
            if is_everywhere and not is_answered:
                self._inbox.put_abandoned(waiter)
        ended_at = time.monotonic()
        self._metrics.commit_seconds.observe(ended_at - started_at)
        if not is_everywhere:
            self._holding.observe(started_at, ended_at)
        return decided

    def _late(self, waiter: Waiter) -> OutcomeUnknown:
        """Return how a call ends whose time is over: unknown, or committed without all copies."""
        index = self._courier.held_at(waiter)
        if index is None:
            reason = Reason.DEADLINE_AFTER_PROPOSAL
            return OutcomeUnknown(reason, message_of(reason))
        core = self._core_status()
        missing = [
            str(peer.node_id)
            for peer in core.peers
            if peer.match < index and peer.node_id in core.membership.all_voters
        ]
        reason = Reason.NOT_ON_ALL_VOTERS
        facts = {"voters_missing": ",".join(missing)}
        return OutcomeUnknown(reason, message_of(reason), facts | committed_at(index))


def _expire(future: asyncio.Future[Decided]) -> None:
    """End the wait for a decision. A timer of its own costs a third of `asyncio.timeout`."""
    if not future.done():
        future.set_exception(TimeoutError())
