"""One run: make a cluster, load it, break it round by round, heal it, read everything.

Nothing here judges. When this is over the history holds all that the checkers need, and
every process that was started is gone.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from random import Random

from jepsen import wire
from jepsen.commands import Fund, OpenAccount, Submit, key_of
from jepsen.history import (
    FAIL,
    INFO,
    NEMESIS,
    OK,
    RIG,
    Event,
    History,
    HistoryWriter,
    Json,
)
from jepsen.journal import Journal
from jepsen.machine import Machine
from jepsen.monitor import Monitor, leader_of
from jepsen.nemesis.field import Direction
from jepsen.nemesis.schedule import Fault, Round, make_faults, plan
from jepsen.nodes import CLIENT, CLUSTER_ID, Cluster, Exit, RigError, free_ports
from jepsen.options import RunOptions
from jepsen.rail import NAME as RAIL
from jepsen.rail import SETTINGS as RAIL_SETTINGS
from jepsen.rail import RailProcess
from jepsen.shims.links import Links
from jepsen.status_line import StatusLine
from jepsen.store import RunFolder
from jepsen.wire import name_of
from jepsen.workloads.bank import Bank
from jepsen.workloads.calls import (
    Accounts,
    Balance,
    Call,
    End,
    Get,
    ListPage,
    Mutation,
    Trial,
)
from jepsen.workloads.clients import Clients, Numbers, Worker
from jepsen.workloads.mix import Workload
from jepsen.workloads.payouts import Payouts
from jepsen.workloads.rails import Rails
from jepsen.workloads.watchers import Watchers
from ledgerd.api.v1.admin_pb2 import StatusReply
from ledgerd.client import AsyncClient, CallError, Endpoint, Profile, new_payout_id

WORKLOADS: dict[str, Callable[[], Workload]] = {
    Payouts.name: Payouts,
    Bank.name: Bank,
    Rails.name: Rails,
}
PLANT_LOADER = "tests.plants.loader"  # in the test tree: the product holds no bug code
ROOT = Path(__file__).resolve().parent.parent

READY_S_MAX = 40.0
RECOVER_S_MAX = 20.0
PATIENT_S = 5.0  # deadline of one attempt outside the loaded part
PATIENT_ATTEMPTS = 6
DRAIN_S_MAX = 15.0
REST_S_MAX = 20.0
RESOLVERS = 8
LOAD_EXTRA_S = 90.0  # beyond the time limit: set-up before it, recovery after it
FINAL_S_MAX = 90.0
SETTLE_S_MAX = 45.0  # for payouts to come to their end
# The same with a planted bug, which may let them never get there.
PLANTED_SETTLE_S_MAX = 10.0
STILL_S = 2.0  # longer than the latest return after a settlement
OPEN_STATES = ("SCHEDULED", "IN_REVIEW", "READY", "DISPATCHING", "SENT")
STATE_VERSION = 3  # the first in which payouts are dispatched
WATCH_S_MAX = 25.0  # for the watchers to take what is left


def say(line: str) -> None:
    """Tell whoever watches."""
    print(line, file=sys.stderr, flush=True)


class Run:
    """One run in one folder. `stop` may be called at any time to end the load early."""

    def __init__(self, options: RunOptions, folder: RunFolder) -> None:
        self._options = options
        self._folder = folder
        self._journal = Journal(folder.made)
        daemon = [sys.executable, "-m"]
        environment = {}
        self._reached = folder.nodes / "plant-reached"
        if options.plant is None:
            daemon.append("ledgerd")
        else:
            daemon += [PLANT_LOADER, options.plant]
            environment["LEDGERD_PLANT_REACHED"] = str(self._reached)
        self.cluster = Cluster(
            root=folder.nodes,
            node_ids=tuple(range(1, options.nodes + 1)),
            journal=self._journal,
            directory=ROOT,
            daemon=tuple(daemon),
            environment=environment,
            is_traced=options.trace_raft,
        )
        self._links = Links(self._journal)
        self._status = StatusLine()
        self._stop = asyncio.Event()
        self._events: list[Event] = []
        self._seed = Random(options.seed)  # noqa: S311 - a schedule, no secret
        self._is_loaded = False
        self._exits_noted = 0
        self._numbers = Numbers()
        self._machine = Machine()
        self._workload = WORKLOADS[options.workload]()
        self._rail: RailProcess | None = None

    # What a nemesis may do; see `nemesis.field.Field`.

    @property
    def node_ids(self) -> tuple[int, ...]:
        """All nodes."""
        return self.cluster.node_ids

    async def leader(self) -> int | None:
        """Return who leads in the highest term."""
        leader = await self._monitor.leader()
        return None if leader is None else leader.node_id

    def kill(self, node_id: int) -> None:
        """SIGKILL a node that runs."""
        if self.cluster.is_running(node_id):
            self.cluster.kill(node_id)

    def start(self, node_id: int) -> None:
        """Start a node that does not run."""
        if not self.cluster.is_running(node_id):
            self.cluster.start(node_id)

    def pause(self, node_id: int) -> None:
        """SIGSTOP a node that runs."""
        if self.cluster.is_running(node_id):
            self.cluster.pause(node_id)

    def resume(self, node_id: int) -> None:
        """SIGCONT a node."""
        self.cluster.resume(node_id)

    async def block(self, directions: Iterable[Direction]) -> None:
        """Stall exactly these directions between peers."""
        await self._links.block(directions)

    def kill_rail(self) -> None:
        """SIGKILL the simulated rail, if the workload has one."""
        if self._rail is not None:
            self._rail.kill()

    async def start_rail(self) -> None:
        """Start the simulated rail, if the workload has one and it does not run."""
        if self._rail is not None:
            await asyncio.to_thread(self._rail.start)

    # The story.

    def stop(self) -> None:
        """End the load as soon as possible; what was done is still read and judged."""
        self._stop.set()

    async def execute(self) -> None:
        """Do the whole run. Raises RigError when the rig itself cannot work."""
        options = self._options
        self._folder.nodes.mkdir(parents=True)
        with HistoryWriter(self._folder.history) as history:
            self._history = history
            history.listeners += [self._events.append, self._status.note]
            try:
                await self._make()
                async with self._watched(), self._watchers().running() as watchers:
                    # New channels for the end: what the old ones still hold in a
                    # buffer must not arrive after the barrier.
                    workers: list[Worker] = []
                    load_s = LOAD_EXTRA_S + options.time_limit_s
                    async with self._cut_after(load_s), self._connected() as clients:
                        workers = await self._load(clients)
                    async with (
                        self._cut_after(FINAL_S_MAX),
                        self._connected() as clients,
                    ):
                        await self._final(clients, workers)
                        await watchers.finish(WATCH_S_MAX)
                await self._end_quietly()
            finally:
                self._tear_down_now()
                await self._links.stop()
                self._journal.close()

    @contextlib.asynccontextmanager
    async def _cut_after(self, seconds: float) -> AsyncIterator[None]:
        """Cut a phase short that takes too long; what there is is still judged."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            self._note("cut", {"after_s": round(seconds)})
            say(f"cut short after {seconds:.0f} s; judging what there is")

    async def _make(self) -> None:
        """Make certificates, links, configurations and nodes; wait until all serve."""
        cluster = self.cluster
        say("set-up: certificates (60 s at most)")
        cluster.choose_ports()
        await asyncio.to_thread(cluster.make_certificates)
        if self._workload.has_rail:
            await self._make_rail()
        say("set-up: one proxy for each directed link (10 s at most)")
        await self._links.start()
        ports = await self._links.listen(
            {
                (source, target): cluster.ports[target].peer
                for source in self.node_ids
                for target in self.node_ids
                if source != target
            }
        )
        cluster.write_configs(ports)
        nodes = [name_of(node_id) for node_id in self.node_ids]
        self._note("cluster", {"nodes": nodes})
        self._note("faults", {"enabled": list(self._options.nemesis)})
        self._note(
            "limits",
            {
                "recovery_ms": self._options.recovery_ms,
                "deadline_ms": self._options.deadline_ms,
            },
        )
        say(f"set-up: {len(nodes)} nodes ({READY_S_MAX:.0f} s at most)")
        for node_id in self.node_ids:
            cluster.start(node_id)

    async def _make_rail(self) -> None:
        """Start the simulated rail, and tell the nodes to be where it is."""
        say("set-up: the simulated rail (20 s at most)")
        rail = self._rail = RailProcess(self.cluster, free_ports(1)[0])
        self.cluster.settings = {"rails": {RAIL: rail.address, **RAIL_SETTINGS}}
        await asyncio.to_thread(rail.start)
        self._note("rail", {"address": rail.address})

    def _note(self, f: str, v: dict[str, Json], node: str | None = None) -> None:
        self._history.write(RIG, INFO, f, v, node=node)

    def _profile(self) -> Profile:
        cluster = self.cluster
        return Profile(
            cluster_id=CLUSTER_ID,
            endpoints=tuple(
                Endpoint(node_id, f"127.0.0.1:{ports.api}")
                for node_id, ports in cluster.ports.items()
            ),
            ca=cluster.pki / "ca.pem",
            certificate=cluster.pki / f"client-{CLIENT}.pem",
            key=cluster.pki / f"client-{CLIENT}.key",
            deadline_ms=self._options.deadline_ms,
        )

    @contextlib.asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Have a monitor; close its channels whatever happens."""
        async with AsyncClient(self._profile()) as client:
            self._monitor = Monitor(client, self._history)
            yield

    def _watchers(self) -> Watchers:
        """Return the clients that watch the events from here on."""
        rng = Random(self._seed.getrandbits(64))  # noqa: S311 - no secret
        return Watchers(self._profile(), self._history, rng)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Clients]:
        """Open all clients; close them whatever happens."""
        profile = self._profile()
        async with contextlib.AsyncExitStack() as stack:
            enter = stack.enter_async_context
            library = await enter(AsyncClient(profile))
            raw = {
                node_id: await enter(AsyncClient(profile, retry=False, node_id=node_id))
                for node_id in self.node_ids
            }
            deadline_s = self._options.deadline_ms / 1000
            yield Clients(self._history, library, raw, self._numbers, deadline_s)

    async def _load(self, clients: Clients) -> list[Worker]:
        """Set up the workload, load and break the cluster, heal it; return who did."""
        if not await self._monitor.wait(self._all_ready, READY_S_MAX):
            raise RigError(
                f"expected {self._options.nodes} ready nodes in {READY_S_MAX:.0f} s,"
                f" found {self._readiness()}; see {self._folder.nodes}/n*/log"
            )
        workload = self._workload
        boss = self._numbers.take()
        empty = await self._patiently(clients, boss, Accounts(), None)
        self._note("empty_store", {"empty": empty.v.get("rows") == []})
        for call in workload.setup():
            await self._patiently(clients, boss, call, None)
        workers = self._workers(clients, workload)
        say(f"load: {len(workers)} clients, {self._options.rate} ops/s together")
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            looking = group.create_task(self._monitor.run())
            self._is_loaded = True
            for worker in workers:
                group.create_task(worker.run(lambda: not self._is_loaded))
            try:
                await self._break()
            finally:
                self._is_loaded = False
            looking.cancel()
            watching.cancel()
        return workers

    def _workers(self, clients: Clients, workload: Workload) -> list[Worker]:
        """Return the clients: half of them library, half of them raw, spread evenly."""
        interval_s = self._options.concurrency / self._options.rate
        return [
            Worker(
                clients,
                workload,
                Random(self._seed.getrandbits(64)),  # noqa: S311 - no secret
                home=None
                if place % 2 == 0
                else self.node_ids[place // 2 % len(self.node_ids)],
                interval_s=interval_s,
            )
            for place in range(self._options.concurrency)
        ]

    async def _watch(self) -> None:
        """Print a line a second, and note nodes that ended by themselves."""
        while True:
            self._note_use()
            await asyncio.sleep(1)
            for each in self.cluster.poll():
                say(f"{name_of(each.node_id)} ended on its own with {each.code}")
            leader = leader_of(self._monitor.last)
            self._status.leader = (
                ""
                if leader is None
                else f"{name_of(leader.node_id)} term {leader.term}"
            )
            say(self._status.line(time.monotonic_ns()))

    def _note_use(self) -> None:
        """Note how busy the machine is, and how much of that is this run."""
        use = self._machine.use(
            [
                os.getpid(),
                *self._links.pids(),
                *self.cluster.pids(),
                *(self._rail.pids() if self._rail is not None else ()),
            ]
        )
        self._note("cpu", {"total": use.total, "busy": use.busy, "own": use.own})

    async def _break(self) -> None:
        """Do the rounds; whatever happens, heal at the end."""
        options = self._options
        loop = asyncio.get_running_loop()
        end = loop.time() + options.time_limit_s
        faults = make_faults(options.nemesis, self, options.target, self._seed)
        rounds = plan(options.nemesis, options.rounds, self._seed)
        done = 0
        try:
            for each in rounds:
                if self._stop.is_set() or loop.time() > end:
                    break
                await self._round(each, faults[each.fault])
                done += 1
            await self._rest(1.0)
        finally:
            for fault in faults.values():
                await fault.heal()
        self._note("rounds", {"wanted": options.rounds, "done": done})

    async def _round(self, each: Round, fault: Fault) -> None:
        """Quiet, inject, hold, heal, and wait until everybody is well again."""
        self._note("quiet", {"until_ns": time.monotonic_ns() + int(each.quiet_s * 1e9)})
        await self._rest(each.quiet_s)
        hit = await fault.start()
        self._history.write(NEMESIS, INFO, f"{fault.name}.start", _plain(hit))
        await self._rest(each.hold_s)
        healing = time.monotonic_ns()
        await fault.heal()
        self._history.write(NEMESIS, INFO, f"{fault.name}.stop", {})
        await self._monitor.wait(
            lambda found: self._all_ready(found) and self._acked_since(healing),
            RECOVER_S_MAX,
        )
        for node_id in self.node_ids:
            self.start(node_id)  # one that ended on its own is noted as such

    async def _rest(self, seconds: float) -> None:
        """Wait, unless the run is told to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    def _all_ready(self, found: dict[int, StatusReply]) -> bool:
        return len(found) == len(self.node_ids) and all(
            status.ready and status.leader_id and status.state_version >= STATE_VERSION
            for status in found.values()
        )

    def _acked_since(self, t: int) -> bool:
        """Whether something that began after t was acknowledged."""
        began: dict[int, int] = {}
        for event in reversed(self._events):
            if event.t < t:
                return False
            if not isinstance(event.p, int) or event.f not in wire.MUTATIONS:
                continue
            if event.type == OK:
                began[event.p] = event.t
            elif event.p in began:
                return True
        return False

    def _readiness(self) -> str:
        last = self._monitor.last
        return ", ".join(
            f"{name_of(node_id)} "
            + (
                "silent"
                if node_id not in last
                else last[node_id].not_ready_reason or "ready"
            )
            for node_id in self.node_ids
        )

    # The end: everything is healed, so everything must be answered.

    async def _final(self, clients: Clients, workers: Sequence[Worker]) -> None:
        """Resolve what is unknown and read everything from every node."""
        boss = self._numbers.take()
        say("final: everything is healed; waiting for all nodes")
        if not await self._monitor.wait(self._all_ready, RECOVER_S_MAX):
            say(f"final: not all nodes are ready: {self._readiness()}")
        account = next(
            command.account
            for event in self._events
            if event.f == wire.FUND
            for command in wire.commands_of(event.f, event.v)
            if isinstance(command, Fund)
        )
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                last: Call = Balance(account)
                if worker.home is None:
                    last = _small_submit(account)
                group.create_task(
                    self._patiently(clients, worker.process, last, worker.home)
                )
        await self._monitor.wait(_is_drained, DRAIN_S_MAX)
        barrier = await self._patiently(clients, boss, _small_submit(account), None)
        if barrier.type == OK:
            await self._resolve(clients)
        if self._rail is not None:
            await self._settle(clients.library, self._rail)
        say("final: reading every node")
        for node_id in self.node_ids:
            await self._read_all(clients, boss, node_id)
        at_rest = await self._monitor.wait(self._is_at_rest, REST_S_MAX)
        if not at_rest:
            say("final: the nodes did not come to rest")
        await self._monitor.look(is_final=True)

    async def _settle(self, client: AsyncClient, rail: RailProcess) -> None:
        """Wait until every payout is at its end and nothing moves; note what the rail did."""
        is_sound = self._options.plant is None
        seconds_max = SETTLE_S_MAX if is_sound else PLANTED_SETTLE_S_MAX
        say(f"final: payouts come to their end ({seconds_max:.0f} s at most)")
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds_max
        still_since, last = loop.time(), 0
        while loop.time() < end:
            is_over, index = await _is_over(client)
            if not is_over or index != last:
                still_since, last = loop.time(), index
            if loop.time() - still_since > STILL_S:
                break
            await asyncio.sleep(0.2)
        else:
            say("final: some payouts did not come to their end")
        self._note("rail_counts", {"rows": await rail.counts()})

    async def _patiently(
        self, clients: Clients, process: int, call: Call, node_id: int | None
    ) -> End:
        """Do an op until it succeeds, a few times at most; return the last end."""
        for attempt in range(PATIENT_ATTEMPTS):
            end = await clients.op(process, call, node_id, PATIENT_S)
            if end.type == OK:
                return end
            await asyncio.sleep(0.2 * attempt)
        return end

    async def _resolve(self, clients: Clients) -> None:
        """Find out what became of every op of unknown fate, by its id.

        A payout is read. Any other call is repeated with its request id: the answer is
        that of the first call, or this one becomes it.
        """
        waiting: asyncio.Queue[Call] = asyncio.Queue()
        for call in _unresolved(self._events):
            waiting.put_nowait(call)
        say(f"final: resolving {waiting.qsize()} unknown outcomes")

        async def resolver() -> None:
            process = self._numbers.take()
            while not waiting.empty():
                call = waiting.get_nowait()
                await self._patiently(clients, process, call, None)

        async with asyncio.TaskGroup() as group:
            for _ in range(RESOLVERS):
                group.create_task(resolver())

    async def _read_all(self, clients: Clients, process: int, node_id: int) -> None:
        """Read accounts, trial balance and all payouts through one node."""
        await self._patiently(clients, process, Accounts(), node_id)
        await self._patiently(clients, process, Trial(), node_id)
        cursor = ""
        while True:
            page = await self._patiently(
                clients, process, ListPage(cursor, is_final=True), node_id
            )
            cursor = page.cursor
            if page.type != OK or not cursor:
                return

    def _is_at_rest(self, found: dict[int, StatusReply]) -> bool:
        indexes = {status.visible_index for status in found.values()}
        return len(found) == len(self.node_ids) and len(indexes) == 1

    # The very end: processes.

    async def _end_quietly(self) -> None:
        """Stop every node as an operator would, and check its directory offline."""
        say("final: stopping the nodes and checking their directories")
        cluster = self.cluster
        for node_id in self.node_ids:
            if cluster.is_running(node_id):
                cluster.ask_stop(node_id)
        for node_id in self.node_ids:
            if cluster.is_running(node_id):
                await asyncio.to_thread(cluster.wait_stopped, node_id)
        self._note_exits()
        if self._options.plant is not None:
            self._note("plant", {"reached": self._reached.exists()})
        for node_id in self.node_ids:
            code, output, timed_out = await asyncio.to_thread(
                cluster.check_offline, node_id
            )
            self._note(
                "offline_check",
                {"code": code, "output": output[-2000:], "timed_out": timed_out},
                name_of(node_id),
            )

    def _note_exits(self) -> None:
        for each in self.cluster.exits[self._exits_noted :]:
            self._note_exit(each)
        self._exits_noted = len(self.cluster.exits)

    def _note_exit(self, each: Exit) -> None:
        self._note(
            "exit",
            {"code": each.code, "asked": each.asked, "pid": each.pid},
            name_of(each.node_id),
        )

    def _tear_down_now(self) -> None:
        """End whatever still runs, without asking."""
        for node_id in self.node_ids:
            self.cluster.resume(node_id)
        self.cluster.poll()
        self.cluster.end_all()
        if self._rail is not None:
            self._rail.stop()
        self._note_exits()


async def _is_over(client: AsyncClient) -> tuple[bool, int]:
    """Return whether every payout is in a final state, and the index it was seen at."""
    index = 0
    try:
        for state in OPEN_STATES:
            page = await client.list(state=state, page_size=1, deadline=PATIENT_S)
            index = page.header.applied_index
            if page.payouts or page.next_cursor:
                return False, index
    except CallError:
        return False, index
    return True, index


def _small_submit(account: str) -> Submit:
    return Submit(new_payout_id(), account, 1, "USD", "sandbox", "1234567", "last")


def _is_drained(found: dict[int, StatusReply]) -> bool:
    """Nothing is on its way inside any node; the status call itself may be counted."""
    return all(
        status.calls_in_flight <= 1 and status.inbox_length == 0
        for status in found.values()
    )


def _unresolved(events: Sequence[Event]) -> list[Call]:
    """Return a call for each id whose fate no answer tells, in order of invocation."""
    settled: set[str] = set()
    open_: dict[str, Mutation] = {}
    for op in History(events).client_ops(*wire.MUTATIONS):
        commands = wire.commands_of(op.f, op.invoke.v)
        if op.type == OK:
            told = wire.answers_of(op.f, op.answer)
            for command, each in zip(commands, told, strict=False):
                if each.outcome != "CONFLICT":
                    settled.add(key_of(command))
                else:
                    open_.setdefault(key_of(command), command)
        elif op.type != FAIL:
            for command in commands:
                open_.setdefault(key_of(command), command)
    return [
        Get(command.payout, is_final=True) if isinstance(command, Submit) else command
        for id_, command in open_.items()
        if id_ not in settled and not isinstance(command, OpenAccount)
    ]


def _plain(hit: object) -> dict[str, Json]:
    assert isinstance(hit, dict), hit
    return dict(hit)
