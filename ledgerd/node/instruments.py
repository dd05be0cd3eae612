"""The node's figures: stages of a turn as they pass, and gauges read at an interval."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from typing import Final

from ledgerd.node.handle import Node
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import NodeId

_GAUGE_INTERVAL_S: Final = 0.25


class StageTimer:
    """Times turns that write or apply: the replica's hooks. Belongs to the replica thread.

    write_began_at: when the write under way began, monotonic seconds; None: there is none.

    Most turns only tick. They are not observed: a histogram costs microseconds, a hundred times a
    second, on the thread that everything waits for.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._turn_began_at = self._step_began_at = time.monotonic()
        self._did_work = False
        self.write_began_at: float | None = None  # read by the loop (F9)
        self._append = metrics.append_seconds
        self._fsync = metrics.fsync_seconds
        self._apply = metrics.apply_seconds
        self._settle = metrics.settle_seconds
        self._turn = metrics.turn_seconds
        self._steps: dict[str, Callable[[float], None]] = {
            "turn.begin": self._begin,
            "turn.before_log_commit": self._begin_write,
            "turn.after_log_commit": self._end_append,
            "turn.before_apply": self._begin_apply,
            "turn.applied": self._end_apply,
            "turn.end": self._end,
            "turn.before_state_commit": self._begin_write,
            "turn.after_state_commit": self._end_settle,
        }

    def reach(self, moment: str) -> None:
        """Note that the turn has come to `moment`."""
        step = self._steps.get(moment)
        if step is not None:
            step(time.monotonic())

    def _begin(self, now: float) -> None:
        self._turn_began_at = now
        self._did_work = False

    def _begin_write(self, now: float) -> None:
        self.write_began_at = self._step_began_at = now

    def _end_append(self, now: float) -> None:
        self.write_began_at = None
        self._did_work = True
        self._fsync.observe(now - self._step_began_at)
        self._append.observe(now - self._turn_began_at)

    def _begin_apply(self, now: float) -> None:
        self._step_began_at = now

    def _end_apply(self, now: float) -> None:
        self._did_work = True
        self._apply.observe(now - self._step_began_at)

    def _end(self, now: float) -> None:
        if self._did_work:
            self._turn.observe(now - self._turn_began_at)

    def _end_settle(self, now: float) -> None:
        self.write_began_at = None
        self._settle.observe(now - self._step_began_at)


class Gauges:
    """Copies what the node knows into gauges, four times a second."""

    def __init__(
        self,
        *,
        node: Node,
        metrics: Metrics,
        connected: Callable[[], Mapping[NodeId, bool]],
    ) -> None:
        self._node = node
        self._metrics = metrics
        self._connected = connected

    async def run(self) -> None:
        """Copy until cancelled."""
        while True:
            self.copy()
            await asyncio.sleep(_GAUGE_INTERVAL_S)

    def copy(self) -> None:
        """Copy once."""
        status, metrics = self._node.status(), self._metrics
        core = status.core
        metrics.set_role(core.role.value)
        metrics.ready.set(status.is_ready)
        metrics.state_version.set(self._node.state_version)
        age_s = self._node.state_age_s()
        metrics.state_age_seconds.set(math.nan if age_s is None else age_s)
        metrics.term.set(core.term)
        metrics.leader_id.set(core.leader)
        metrics.first_index.set(core.first)
        metrics.last_index.set(core.last)
        metrics.durable_index.set(core.durable)
        metrics.commit_index.set(core.commit)
        metrics.applied_index.set(core.applied)
        metrics.visible_index.set(status.visible)
        metrics.corrupt_slots.set(len(core.corrupt))
        metrics.state_fenced.set(status.is_fenced)
        metrics.slow.set(core.is_slow)
        metrics.inbox_commands.set(status.inbox.commands)
        metrics.inbox_messages.set(status.inbox.messages)
        metrics.inbox_bytes.set(status.inbox.bytes)
        metrics.reads_waiting.set(status.reads_waiting)
        for peer, is_up in self._connected().items():
            metrics.peer_connected.labels(str(peer)).set(is_up)
