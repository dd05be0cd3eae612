"""Start and stop of a whole node in order, also when a part of it fails."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from ledgerd.errors import ConfigError, ExitCode
from ledgerd.node import failstop, lifecycle
from ledgerd.node.courier import Courier
from ledgerd.node.handle import Node
from ledgerd.node.inbox import Inbox, InboxBounds
from ledgerd.node.options import NodeOptions
from ledgerd.node.reads import Reads
from ledgerd.node.replica_thread import ReplicaThread
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import Index
from ledgerd.raft.options import Options
from ledgerd.replica.inputs import Input
from ledgerd.replica.log_clock import LogClock
from ledgerd.replica.outbox import Outbox
from ledgerd.replica.replica import Replica
from ledgerd.storage.reader import StateReader
from tests.replica.machines import Machine, fund, open_account

T = TypeVar("T")


class NoSnapshots:
    """Nobody reads in these tests."""

    def read(self, query: Callable[[StateReader], T]) -> T:
        """Fail."""
        raise AssertionError("read in a node that never served")


class Part:
    """A part that starts unless told to fail, and notes what happened to it."""

    def __init__(self, name: str, notes: list[str], failure: str = "") -> None:
        self._name = name
        self._notes = notes
        self._failure = failure

    async def start(self) -> None:
        """Start, or raise ConfigError."""
        if self._failure:
            raise ConfigError(self._failure)
        self._notes.append(f"{self._name} started")

    async def stop(self, grace_s: float) -> None:
        """Stop."""
        self._notes.append(f"{self._name} stopped")


class Whole:
    """A node over stores in memory, without a network."""

    def __init__(
        self,
        *,
        stamped_us: int = 0,
        settle_delay_s: float = 0.02,
        settle_delay_s_max: float = 0.1,
    ) -> None:
        """stamped_us: log time of an entry that is there already; 0: there is none."""
        self.notes: list[str] = []
        self._stamped_us = stamped_us
        loop = asyncio.get_running_loop()
        self.inbox = inbox = Inbox(
            InboxBounds(commands_max=9, bytes_max=999, messages_max=9, reads_max=9)
        )
        self.courier = Courier(
            loop=loop,
            api_addresses={},
            on_role_change=lambda change: self.node.on_role_change(change),
            on_visible=lambda visible: self.reads.advance(visible),
        )
        self.reads = Reads(inbox=inbox, courier=self.courier, snapshots=NoSnapshots())
        metrics = Metrics()
        self.clock = LogClock(
            node_id=1,
            voters=(1,),
            wall_us=lambda: time.time_ns() // 1000,
            monotonic_us=lambda: time.monotonic_ns() // 1000,
        )
        self.replica_thread = ReplicaThread(
            build=self._build,
            inbox=inbox,
            courier=self.courier,
            clock=self.clock,
            metrics=metrics,
            settle_delay_s=settle_delay_s,
            settle_delay_s_max=settle_delay_s_max,
            is_waited_for=lambda: self.reads.has_waiters,
        )
        self.node = Node(
            options=NodeOptions(
                node_id=1, cluster_id="main", api_addresses={}, tick_s=0.01
            ),
            inbox=inbox,
            courier=self.courier,
            reads=self.reads,
            core_status=lambda: self.replica_thread.status,
            standing=lambda: self.replica_thread.standing,
            metrics=metrics,
        )

    def _build(self) -> tuple[Replica, Callable[[], None]]:
        machine = Machine(1, (1,), Options())
        if self._stamped_us:
            machine.replica.core.campaign()
            machine.turn()
            machine.turn(open_account(), now_us=self._stamped_us)
        return machine.replica, lambda: self.notes.append("stores closed")

    async def serve(
        self,
        *,
        api_failure: str = "",
        background: tuple[Callable[[], Awaitable[None]], ...] = (),
    ) -> None:
        await lifecycle.serve(
            node=self.node,
            replica_thread=self.replica_thread,
            courier=self.courier,
            reads=self.reads,
            transport=Part("transport", self.notes),
            api=Part("api", self.notes, api_failure),
            background=background,
            stop_grace_s=0.1,
            drain_s=0.1,
        )


def replica_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "replica"]


def test_a_start_that_fails_leaves_nobody_who_writes() -> None:
    """The data directory is closed next; a thread inside a commit would write freed memory."""
    before = replica_threads()

    async def run() -> list[str]:
        whole = Whole()
        with pytest.raises(ConfigError, match="port in use"):
            await whole.serve(api_failure="port in use")
        return whole.notes

    notes = asyncio.run(run())

    assert replica_threads() == before
    assert notes == ["transport started", "transport stopped", "stores closed"]


def test_log_time_goes_on_from_the_last_stamp_of_the_log() -> None:
    """Another leader stamped it; this node's own clock is an hour behind that."""
    stamped_us = time.time_ns() // 1000 + 3_600_000_000

    async def run() -> int:
        whole = Whole(stamped_us=stamped_us)
        whole.replica_thread.start()
        whole.inbox.put_ticks(1, 0)
        whole.replica_thread.stop()
        return whole.clock.now_us()

    assert asyncio.run(run()) >= stamped_us


@pytest.mark.parametrize("error", [AssertionError("broken"), None])
def test_a_background_task_that_ends_stops_the_node_with_a_documented_code(
    error: AssertionError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T68: by an error or by itself; never as a group of exceptions with exit code 1."""

    class Stopped(BaseException):
        """Stands for the end of the process."""

    ended: list[tuple[str, ExitCode]] = []

    def stop(error: BaseException, *, where: str) -> None:
        ended.append((where, failstop.exit_code_of(error)))
        raise Stopped

    async def work() -> None:
        if error is not None:
            raise error

    async def run() -> None:
        whole = Whole()
        monkeypatch.setattr(lifecycle, "fail_stop", stop)
        with pytest.raises(BaseExceptionGroup):
            await whole.serve(background=(work,))

    asyncio.run(run())

    assert ended == [("background task", ExitCode.ASSERTION)]


def test_little_becomes_visible_late_and_soon_once_somebody_waits() -> None:
    """Decision 2: a commit of the state is spared while nobody looks; who comes is not kept."""

    async def run() -> None:
        whole = Whole(
            stamped_us=1_790_000_000_000_000, settle_delay_s=0, settle_delay_s_max=3600
        )
        whole.replica_thread.start()
        try:
            await whole.reads.visible_after(Index(0))
            before = whole.reads.visible
            async with asyncio.timeout(60):
                for _ in range(3):  # in its turn the one before would have settled
                    waiter, decided = whole.courier.expect_decision()
                    assert whole.inbox.put_command(waiter, fund(100).command)
                    await decided
                assert whole.reads.visible == before
                assert not whole.reads.has_waiters
                await whole.reads.visible_after(before)
            assert whole.reads.visible > before
            assert not whole.reads.has_waiters
        finally:
            whole.replica_thread.stop()
            whole.reads.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("commands", "is_waited_for", "delay_s"),
    [(0, False, 0.1), (64, False, 0.1), (65, False, 0.02), (1, True, 0.02)],
)
def test_what_is_much_or_waited_for_settles_soon(
    commands: int, is_waited_for: bool, delay_s: float
) -> None:
    """At 64 commands and at 65, and while somebody waits. Decision 2."""

    async def run() -> None:
        thread = Whole().replica_thread
        thread._is_waited_for = lambda: is_waited_for
        assert thread._settle_due_at(None, commands) is None
        assert thread._settle_due_at(10.0, commands) == 10.0 + delay_s

    asyncio.run(run())


def scripted_steps(monkeypatch: pytest.MonkeyPatch, *script: str) -> list[str]:
    """Return what a replica thread does with turns that end as `script` says, without delay.

    A turn that is told to take no page has "(no page)" behind its step.
    """
    replica = Machine(1, (1,), Options()).replica
    turn, settle = replica.turn, replica.settle
    notes: list[str] = []
    steps = iter(script)
    is_over = threading.Event()

    def scripted(
        inputs: list[Input],
        now_us: Callable[[], int],
        *,
        is_settling: bool,
        takes_page: bool,
    ) -> Outbox:
        outbox = turn(inputs, now_us, is_settling=is_settling, takes_page=takes_page)
        step = next(steps, "over")
        outbox.again = outbox.needs_settle = step != "over"
        outbox.holds_page = step == "held back"
        outbox.is_heavy = step == "heavy"
        notes.append(step if takes_page else f"{step} (no page)")
        if step == "over":
            is_over.set()
        return outbox

    def settled() -> Index:
        notes.append("settled")
        return settle()

    monkeypatch.setattr(replica, "turn", scripted)
    monkeypatch.setattr(replica, "settle", settled)
    monkeypatch.setattr(Whole, "_build", lambda _: (replica, lambda: None))

    async def run() -> None:
        whole = Whole(settle_delay_s=0, settle_delay_s_max=0)
        whole.replica_thread.start()
        whole.inbox.put_ticks(1, 0)
        assert is_over.wait(60)
        whole.replica_thread.stop()
        whole.reads.close()

    asyncio.run(run())

    begun, *done = notes
    assert begun == "settled"
    return done


def test_a_settling_waits_one_turn_for_a_page_that_is_held_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page is applied in the next turn, and readers see it with what was there before."""
    done = scripted_steps(monkeypatch, "applied", "held back", "applied")

    assert done[:4] == ["applied", "held back", "applied", "settled"]


def test_a_settling_waits_behind_heavy_turns_for_a_light_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T94: the inbox is asked between a large entry and its settling, and no page comes between."""
    done = scripted_steps(monkeypatch, "applied", "heavy", "heavy", "light", "heavy")

    assert done[:6] == [
        "applied",
        "heavy",
        "heavy (no page)",
        "light (no page)",
        "settled",
        "heavy",
    ]
