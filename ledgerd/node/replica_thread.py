"""The thread that owns the replica and both write transactions: turn, deliver, settle, announce.

One thread for disk and heartbeats is deliberate: a node whose disk hangs falls silent and is
replaced (raft.md 1.6).
"""

import gc
import threading
import time
from collections.abc import Callable

from ledgerd.node.courier import Courier
from ledgerd.node.failstop import fail_stop
from ledgerd.node.inbox import Inbox
from ledgerd.observability import logs
from ledgerd.observability.metrics import Metrics
from ledgerd.observability.tallies import Tally
from ledgerd.raft.core import Status
from ledgerd.raft.entries import EntryKind, Index
from ledgerd.raft.facts import Fact, PeerGreeted
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import Input, Noted, Ticked
from ledgerd.replica.log_clock import LogClock
from ledgerd.replica.outbox import Outbox
from ledgerd.replica.replica import Replica
from ledgerd.replica.versions import Halt, Standing

log = logs.get(__name__)

_IDLE_WAIT_S = 0.5
# How long the loop has to send what a turn made before the thread goes on with what nobody waits
# for; both need the interpreter, and the thread would keep it.
_SENDS_FIRST_S = 0.001
_UNSETTLED_COMMANDS_MAX = 64  # more than that is not little
_STATUS_S = 0.03


class ReplicaThread:
    """Runs a replica until told to stop. `status` may be read from any thread."""

    def __init__(
        self,
        *,
        build: Callable[[], tuple[Replica, Callable[[], None]]],
        inbox: Inbox,
        courier: Courier,
        clock: LogClock,
        metrics: Metrics,
        settle_delay_s: float,
        settle_delay_s_max: float,
        is_waited_for: Callable[[], bool],
        can_rebuild: Callable[[], bool] = lambda: False,
        rebuild: Callable[[Snapshot | None], None] = lambda _: None,
        remember: Callable[[PeerGreeted], None] = lambda _: None,
        facts: tuple[Fact, ...] = (),
    ) -> None:
        """Make the thread; `start` begins.

        build: makes the replica, on its own thread since the stores assert their owner, and
            what closes its stores at a clean end.
        can_rebuild, rebuild: whether a state that is bad can be emptied, to be folded again from
            the log; and what empties it, or puts the fetched state of a snapshot in its place, once
            the stores are closed. The replica is built anew then.
        remember: makes durable whom this node met, before what it says counts (F25).
        facts: what the replica is told first.
        settle_delay_s: how long applied state may wait before readers see it, if some wait for what
            comes, or if it is much.
        settle_delay_s_max: how long, if it is little and nobody waits.
        is_waited_for: whether a reader waits for the state to reach an index. Who begins to wait
            pokes the inbox.
        """
        self._build = build
        self._inbox = inbox
        self._courier = courier
        self._clock = clock
        self._metrics = metrics
        self._settle_delay_s = settle_delay_s
        self._settle_delay_s_max = settle_delay_s_max
        self._is_waited_for = is_waited_for
        self._can_rebuild = can_rebuild
        self._rebuild = rebuild
        self._remember = remember
        self._facts = facts
        self._state_ready: Snapshot | None = None
        self._should_stop = False
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replica", daemon=True)
        self._status: Status | None = None
        self._standing: Standing | None = None
        self._status_at = 0.0
        self._entries: dict[EntryKind, Tally] = {}  # applied, by kind

    @property
    def status(self) -> Status:
        """The core's view of itself, at most 30 ms old while it turns. Call after `start`."""
        assert self._status is not None, "the replica thread has not started"
        return self._status

    @property
    def standing(self) -> Standing:
        """What the replica can do, as old as `status`. Call after `start`."""
        assert self._standing is not None, "the replica thread has not started"
        return self._standing

    def start(self) -> None:
        """Build the replica and begin. Returns when it is built; a failure ends the process."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Finish what waits, settle, and end; returns when the thread has ended."""
        self._should_stop = True
        self._inbox.close()
        self._thread.join()

    def _run(self) -> None:
        facts = self._facts
        try:
            while True:
                replica, close = self._build()
                replica.inform(facts)
                self._state_ready = None
                self._loop(replica)
                is_bad = self._is_bad(replica) or self._state_ready is not None
                if not is_bad or self._should_stop:
                    break
                self._courier.deliver(replica.abandon())
                facts = replica.core.facts
                close()
                self._rebuild(self._state_ready)
                self._metrics.state_rebuilds.inc()
                log.info("state_rebuild_begun")
            close()
        except BaseException as error:  # fail-stop: nothing survives a broken replica
            fail_stop(error, where="replica thread")

    def _loop(self, replica: Replica) -> None:
        self._publish(replica, time.monotonic())
        self._courier.announce(replica.settle())
        self._started.set()

        again, sends_first, settles_next = False, False, False
        unsettled_since: float | None = None
        unsettled = 0  # commands
        visible = wanted = Index(0)  # what readers see, what they wait for
        while True:
            wait_s = self._wait_s(
                again=again,
                sends_first=sends_first,
                settle_due_at=self._settle_due_at(unsettled_since, unsettled),
            )
            inputs = self._inbox.take(wait_s=wait_s)
            if self._should_stop and not inputs and not again:
                break
            for item in inputs:
                if type(item) is Noted and isinstance(item.fact, PeerGreeted):
                    self._remember(item.fact)
            due_at = self._settle_due_at(unsettled_since, unsettled)
            is_due = due_at is not None and time.monotonic() >= due_at
            outbox = replica.turn(
                inputs,
                self._clock.now_us,
                is_settling=is_due or wanted > visible,
                takes_page=not settles_next,
            )
            self._clock.follow(replica.core.last_ts_us)
            if outbox.membership is not None:
                # Who asked for the change looks at the members next.
                self._publish(replica, time.monotonic())
            self._courier.deliver(outbox)
            again, sends_first = outbox.again, outbox.sends_first

            now = time.monotonic()
            for _, commands in outbox.applied:
                unsettled += commands
            if outbox.needs_settle and unsettled_since is None:
                unsettled_since = now
            for point in outbox.reads:
                wanted = max(wanted, point.index)
            is_due = (is_due or settles_next) and not outbox.holds_page
            settles_next = False
            if unsettled_since is not None and (is_due or wanted > visible):
                if outbox.is_heavy:  # whoever waits for a heartbeat is heard first
                    again = settles_next = True
                else:
                    visible = replica.settle()
                    self._courier.announce(visible)
                    unsettled_since, unsettled = None, 0
            is_news = outbox.role_change is not None or outbox.halt is not None
            if is_news or now - self._status_at >= _STATUS_S:
                self._publish(replica, now)
            if outbox.installed is not None:
                self._metrics.snapshots.labels("installed").inc()
                log.info("snapshot_installed", index=outbox.installed.index)
            if outbox.halt is not None:
                log.error(
                    "apply_stopped",
                    index=outbox.halt.index,
                    why=outbox.halt.why,
                    flaw=outbox.halt.flaw.value,
                    remedy=self._remedy(outbox.halt),
                )
                if outbox.halt.is_of_state and self._can_rebuild():
                    return
            if outbox.state_ready is not None:
                self._state_ready = outbox.state_ready
                return
            self._count(inputs, outbox)
        self._courier.announce(replica.settle())

    def _is_bad(self, replica: Replica) -> bool:
        halt = replica.standing.halt
        return halt is not None and halt.is_of_state and self._can_rebuild()

    def _remedy(self, halt: Halt) -> str:
        if not halt.is_of_state:
            return "upgrade this node; it goes on from here"
        if self._can_rebuild():
            return "the state is folded again from the log"
        return "the log was cut: the leader is asked for its state"

    def _settle_due_at(self, since: float | None, commands: int) -> float | None:
        """Return when what is applied `since` then must be visible; None: all of it is."""
        if since is None:
            return None
        if commands > _UNSETTLED_COMMANDS_MAX or self._is_waited_for():
            return since + self._settle_delay_s
        return since + self._settle_delay_s_max

    def _wait_s(
        self, *, again: bool, sends_first: bool, settle_due_at: float | None
    ) -> float:
        if again:
            return _SENDS_FIRST_S if sends_first else 0.0
        if settle_due_at is not None:
            return max(0.0, settle_due_at - time.monotonic())
        return _IDLE_WAIT_S

    def _publish(self, replica: Replica, now: float) -> None:
        before = self._status.corrupt if self._status is not None else ()
        status = replica.core.status()
        self._status, self._standing = status, replica.standing
        if status.corrupt != before:
            _log_slots(before, status.corrupt)
        self._status_at = now

    def _count(self, inputs: list[Input], outbox: Outbox) -> None:
        for item in inputs:
            if type(item) is Ticked and item.missed:
                self._metrics.missed_ticks.inc(item.missed)
        if outbox.persisted_bytes:
            self._metrics.log_bytes.inc(outbox.persisted_bytes)
        for kind, commands in outbox.applied:
            tally = self._entries.get(kind)
            if tally is None:
                tally = self._metrics.entries.labels(kind.name.lower())
                self._entries[kind] = tally
            tally.inc()
            self._metrics.entry_commands.observe(commands)


def _log_slots(before: tuple[Index, ...], now: tuple[Index, ...]) -> None:
    """Log which slots of the log were found corrupt or were repaired (F34)."""
    if found := sorted(set(now) - set(before)):
        log.error("log_slots_corrupt", count=len(found), first=found[0], last=found[-1])
    if mended := sorted(set(before) - set(now)):
        log.info(
            "log_slots_repaired", count=len(mended), first=mended[0], last=mended[-1]
        )


def quieten_collector() -> None:
    """Keep start-up objects out of the collector, so that its pauses stay short (raft.md 5.3)."""
    gc.collect()
    gc.freeze()
