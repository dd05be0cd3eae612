"""The composition root of one node: builds, wires, holds no logic (architecture.md 2).

Order matters here and nowhere else: configuration, certificates, data directory, recovery, then
the replica, the peers, and last the public API. What is wrong is said before anything listens.
"""

import asyncio
import contextlib
import faulthandler
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import uvloop

from ledgerd import __version__
from ledgerd.api import ids
from ledgerd.api.options import ApiOptions
from ledgerd.api.server import ApiServer
from ledgerd.config.node_config import NodeConfig, changes
from ledgerd.errors import ConfigError, CorruptionError
from ledgerd.formats.entries import link
from ledgerd.formats.memberships import encode_change
from ledgerd.formats.versions import STATE_VERSION, STATE_VERSION_MIN
from ledgerd.ledger.catalogue import SANDBOX
from ledgerd.limits import INBOX_MESSAGES_MAX
from ledgerd.node import lifecycle
from ledgerd.node.attention import AttentionCount, pages_of
from ledgerd.node.courier import Courier
from ledgerd.node.failstop import fail_stop
from ledgerd.node.handle import DRAIN_ATTEMPTS_MAX, Node
from ledgerd.node.inbox import Inbox, InboxBounds
from ledgerd.node.instruments import Gauges, StageTimer
from ledgerd.node.options import NodeOptions
from ledgerd.node.raft_trace import RaftTrace, TracedCore
from ledgerd.node.reads import Reads
from ledgerd.node.reload import Reload
from ledgerd.node.replica_thread import ReplicaThread
from ledgerd.node.room import RoomWatch
from ledgerd.node.snapshots import CopyOptions, SnapshotKeeper
from ledgerd.node.stall import StallWatch
from ledgerd.node.ticker import Ticker, stride
from ledgerd.observability import logs
from ledgerd.observability.endpoint import MetricsEndpoint
from ledgerd.observability.metrics import Metrics
from ledgerd.observability.pauses import GcPauses
from ledgerd.raft.core import Options, RaftCore
from ledgerd.raft.describe import describe
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.facts import PeerLost, PeerRefused, SlotCorrupt, SnapshotSent
from ledgerd.raft.membership import Membership, NodeRecord
from ledgerd.raft.snapshots import Snapshot
from ledgerd.rails.dispatcher import Dispatcher
from ledgerd.rails.dispatcher import Options as DispatchOptions
from ledgerd.rails.node_books import NodeBooks, NodeSchedule
from ledgerd.rails.redating import Redater
from ledgerd.rails.sandbox import SandboxRail
from ledgerd.replica.compaction import LogBounds
from ledgerd.replica.log_clock import LogClock
from ledgerd.replica.replica import Replica
from ledgerd.security import tls
from ledgerd.security.handshakes import HandshakeFailure, NativeStderr
from ledgerd.storage import founders
from ledgerd.storage.boots import count_start
from ledgerd.storage.environment import Environment, StorageOptions, open_directory
from ledgerd.storage.log_store import LmdbLogStore, stored_anchor
from ledgerd.storage.met import Met
from ledgerd.storage.reader import StateReader, read
from ledgerd.storage.rebuild import can_replay, empty_state, put_state
from ledgerd.storage.recovery import recover
from ledgerd.storage.scrub import Passed, Scrub
from ledgerd.storage.state_store import LmdbStateStore, StateTooNew
from ledgerd.storage.swap import forget_aside, keep_aside
from ledgerd.transport.greeting import Refusal
from ledgerd.transport.options import TransportOptions
from ledgerd.transport.transport import PeerTransport

T = TypeVar("T")
log = logs.get(__name__)

# F8, L1: 5.1 of the design. A longer tick is the WAN profile, where a refused reconnect is no news.
RECOVERY_S = 30
RECOVERY_S_MAX = 600
PRIORITY_S = 10
WAN_TICK_MS = 50
_PATIENCE_BASES = 20  # a peer that is silent for longer holds no log entries back
# Signs of life down a stream cost as much as heartbeats and decide nothing in consensus.
ALIVE_S_MIN = 0.1


def run(
    config: NodeConfig,
    *,
    trace_path: Path | None = None,
    load: Callable[[], NodeConfig] | None = None,
) -> None:
    """Run one node until it is told to stop; return after a clean stop.

    trace_path: the file to which protocol events are appended; None: nowhere. load: reads the
    configuration again, at SIGHUP; None: nothing is read again.

    Raises ConfigError, NoSpaceError, CorruptionError or StorageError when it cannot start. Once it
    serves, a fault ends the process with its documented exit code instead (fail-stop).
    """
    assert __debug__, (
        "ledgerd must not run with python -O: its assertions guard the money"
    )
    # What ends a process without an exception, such as a file cut off under its memory map,
    # says so: on a copy of standard error, for `serve` reads the original.
    if sys.stderr is not None:
        faulthandler.enable(os.dup(sys.stderr.fileno()))
    logs.configure(
        level=config.log.level, format=config.log.format, node_id=config.node.id
    )
    environment = open_directory(
        config.node.data_dir,
        cluster_id=config.cluster.id,
        node_id=NodeId(config.node.id),
        options=StorageOptions(
            log_map_bytes=config.storage.log_map_bytes,
            state_map_bytes=config.storage.state_map_bytes,
            free_bytes_min=config.storage.free_bytes_min,
        ),
        has_peers=_has_peers(config),
    )
    try:
        _warn_of_readers(environment)
        _empty_bad_state(environment, has_peers=_has_peers(config))
        membership = founders.first_membership(
            environment,
            _records(config, environment.identity.store_uuid),
            joins=config.cluster.join,
        )
        boot = count_start(environment)
        trace = _open_trace(trace_path, environment, boot)
        build = _NodeBuild(config, environment, membership, boot, trace)
        with trace or contextlib.nullcontext():
            uvloop.run(build.serve(load or (lambda: config)))
    finally:
        environment.close()


def _open_trace(
    path: Path | None, environment: Environment, boot: int
) -> RaftTrace | None:
    """Return the file of protocol events, if one is asked for. Errors: ConfigError."""
    if path is None:
        return None
    identity = environment.identity
    try:
        return RaftTrace(
            path, node_id=identity.node_id, boot=boot, store_uuid=identity.store_uuid
        )
    except OSError as error:
        raise ConfigError(
            f"--trace-raft: expected a file that can be written, found {path}: "
            f"{error.strerror}"
        ) from error


def _has_peers(config: NodeConfig) -> bool:
    """Whether another node may have what is lost here."""
    return config.cluster.join or len(config.cluster.members) > 1


def _warn_of_readers(environment: Environment) -> None:
    """Tell the operator where the table of readers lies on the disk of the data (F9).

    The node serves all the same: it is only worse off when that disk hangs.
    """
    if environment.readers_on_disk:
        log.warning(
            "readers_on_disk",
            expected="LMDB's table of readers in memory",
            found=environment.readers_on_disk,
            means="a disk that hangs can stop the whole process, its watchdog included",
        )


def _empty_bad_state(environment: Environment, *, has_peers: bool) -> None:
    """Empty a state/ that cannot be read, if the log can fold it again, or a peer has it (F37).

    Errors: CorruptionError when nobody may have it, or when only a newer release reads it.
    """
    try:
        LmdbStateStore(environment)
    except StateTooNew:
        raise  # nothing is wrong with it
    except CorruptionError as error:
        is_cut = stored_anchor(environment).at > 0
        if is_cut and not has_peers:
            raise
        source = "a copy of a peer's state" if is_cut else "the log"
        log.error("state_damaged", why=str(error), remedy=f"folded again from {source}")
        if is_cut:
            keep_aside(environment.directory)
        empty_state(environment)


def _records(config: NodeConfig, store_uuid: bytes) -> list[NodeRecord]:
    """Return what the configuration says of the founding members, and this node of itself."""
    records = [
        NodeRecord(
            NodeId(member.id),
            peer_address=member.peer_address,
            api_address=member.api_address,
            priority=member.priority,
        )
        for member in config.cluster.members
    ]
    return [
        replace(
            record,
            store_uuid=store_uuid,
            version_min=STATE_VERSION_MIN,
            version_max=STATE_VERSION,
        )
        if record.node_id == config.node.id
        else record
        for record in records
    ]


def _log_bounds(config: NodeConfig) -> LogBounds:
    return LogBounds(
        keep_bytes=config.storage.log_keep_bytes,
        keep_entries=config.storage.log_keep_entries,
        cap_bytes=config.storage.log_cap_bytes,
        patience_ticks=_PATIENCE_BASES * config.raft.election_base_ticks,
    )


def _ticks(seconds: int, tick_ms: int) -> int:
    return seconds * 1_000 // tick_ms


class _Snapshots:
    """Short read transactions on the data directory, for the reader threads."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def read(self, query: Callable[[StateReader], T]) -> T:
        return read(self._environment, query)


def _woke(stalls: StallWatch, metrics: Metrics, late_s: float) -> None:
    """Take the ticker's wake-up for all that looks now and then: each timer costs another one."""
    metrics.loop_lag_seconds.observe(late_s)
    stalls.check(late_s)


async def _scrub_on(scrub: Scrub) -> None:
    """Read the files again and again, in a thread, until cancelled."""
    try:
        await asyncio.to_thread(scrub.run)
    finally:
        scrub.stop()


class _NodeBuild:
    """The parts of one node, made in order and joined."""

    def __init__(
        self,
        config: NodeConfig,
        environment: Environment,
        membership: Membership,
        boot: int,
        trace: RaftTrace | None,
    ) -> None:
        self._config = config
        self._trace = trace
        self._membership = membership
        self._environment = environment
        self._boot = boot
        self._log_store: LmdbLogStore | None = None
        self._node_id = NodeId(config.node.id)
        self._metrics = Metrics()
        self._timer = StageTimer(self._metrics)
        self._metrics.set_info(
            version=__version__, cluster_id=config.cluster.id, node_id=config.node.id
        )

    async def serve(self, load: Callable[[], NodeConfig]) -> None:
        """Make every part, join them, and serve until the node is told to stop.

        What a part is told lives in the methods below; here is who knows whom, in the order in
        which they can be made.
        """
        config, metrics = self._config, self._metrics
        loop = asyncio.get_running_loop()
        tick_s = config.raft.tick_ms / 1000
        api_addresses = {
            NodeId(member.id): member.api_address for member in config.cluster.members
        }
        configured = frozenset(api_addresses)
        options = NodeOptions(
            node_id=self._node_id,
            cluster_id=config.cluster.id,
            api_addresses=api_addresses,
            tick_s=tick_s,
        )
        handshakes = NativeStderr(self._on_failed_handshake)
        handshakes.install()
        server_tls = self._server_tls()
        endpoint = self._metrics_endpoint()
        pauses = GcPauses(metrics)
        pauses.install()

        inbox = self._inbox()
        clock = self._log_clock()

        def on_membership(membership: Membership) -> None:
            """Take over who takes part, as it was put in force."""
            log.info("membership_changed", membership=describe(membership))
            learn_addresses(membership)
            clock.follow_voters(membership.all_voters)
            transport.follow(membership)

        def learn_addresses(membership: Membership) -> None:
            for record in membership.nodes:
                if record.node_id not in configured:
                    api_addresses[record.node_id] = record.api_address

        learn_addresses(self._membership)
        courier = Courier(
            loop=loop,
            api_addresses=api_addresses,
            on_role_change=lambda change: node.on_role_change(change),
            on_membership=on_membership,
            on_visible=lambda visible: reads.advance(visible),
        )
        keeper = self._snapshot_keeper(inbox)
        reads = Reads(
            inbox=inbox,
            courier=courier,
            snapshots=_Snapshots(self._environment),
            waiting_max=config.limits.reads_waiting_max,
        )
        transport = PeerTransport(
            self._transport_options(),
            membership=self._membership,
            server_tls=server_tls,
            channel_tls=tls.ChannelTls(config.tls, cluster_id=config.cluster.id),
            metrics=metrics,
            on_message=inbox.put_message,
            on_clock=clock.sample,
            on_greeted=inbox.put_fact,
            on_peer_lost=lambda peer: inbox.put_fact(PeerLost(peer)),
            on_expelled=lambda refusal, why: self._on_expelled(node, refusal, why),
            on_peer_refused=lambda peer: inbox.put_fact(PeerRefused(peer)),
            fail_stop=fail_stop,
            snapshots=keeper,
            on_snapshot_sent=lambda peer, is_whole: inbox.put_fact(
                SnapshotSent(peer, is_whole)
            ),
        )
        keeper.attach(loop, transport.snapshot_client)
        met = Met(self._environment, self._membership)
        replica_thread = ReplicaThread(
            build=lambda: self._build_replica(transport, clock, keeper),
            inbox=inbox,
            courier=courier,
            clock=clock,
            metrics=metrics,
            settle_delay_s=options.settle_delay_s,
            settle_delay_s_max=options.settle_delay_s_max,
            is_waited_for=lambda: reads.has_waiters,
            can_rebuild=self._can_rebuild,
            rebuild=lambda snapshot: self._rebuild(loop, node, keeper, snapshot),
            remember=met.remember,
            facts=met.facts,
        )
        stalls = StallWatch(
            limit_s=tick_s * config.raft.election_base_ticks,
            write_began_at=lambda: self._timer.write_began_at,
            end_calls=courier.end_all,
            fail_stop=fail_stop,
        )
        room = RoomWatch(
            spare_bytes=self._environment.spare_bytes,
            note=inbox.put_fact,
            metrics=metrics,
        )
        node = Node(
            options=options,
            inbox=inbox,
            courier=courier,
            reads=reads,
            core_status=lambda: replica_thread.status,
            standing=lambda: replica_thread.standing,
            newest_snapshot=keeper.newest,
            is_stalled=lambda: stalls.is_stalled,
            metrics=metrics,
        )
        api = ApiServer(
            self._api_options(),
            node=node,
            server_tls=server_tls,
            metrics=metrics,
            connected=transport.connected,
            fail_stop=fail_stop,
            signer=config.signer,
        )
        ticker = Ticker(
            tick_s=tick_s,
            stride=stride(tick_s, config.raft.heartbeat_ticks),
            on_ticks=inbox.put_ticks,
            on_lag_s=partial(_woke, stalls, metrics),
        )
        scrub = self._scrub(inbox, keeper)
        sandbox = self._sandbox()
        dispatchers = (
            [] if sandbox is None else [self._dispatcher(node, sandbox, metrics)]
        )
        reload = Reload(load, lambda new: self._take_config(new, inbox))
        gauges = Gauges(node=node, metrics=metrics, connected=transport.connected)
        try:
            await lifecycle.serve(
                node=node,
                replica_thread=replica_thread,
                courier=courier,
                reads=reads,
                transport=transport,
                api=api,
                background=(
                    ticker.run,
                    gauges.run,
                    AttentionCount(pages_of(node), metrics).run,
                    reads.keep_fresh,
                    room.run,
                    partial(_scrub_on, scrub),
                    *(dispatcher.run for dispatcher in dispatchers),
                    Redater(NodeSchedule(node)).run,
                    reload.run,
                ),
                stop_grace_s=options.stop_grace_s,
                on_hangup=reload.ask,
                # Each attempt is given up after one base.
                drain_s=(DRAIN_ATTEMPTS_MAX + 1)
                * tick_s
                * config.raft.election_base_ticks,
            )
        finally:
            if sandbox is not None:
                await sandbox.close()
            await keeper.stop()
            pauses.uninstall()
            if endpoint is not None:
                endpoint.close()
            handshakes.uninstall()

    def _server_tls(self) -> tls.ServerTls:
        """Return what peers and clients meet, whose handshakes and certificates are counted."""
        server_tls = tls.ServerTls(
            self._config.tls,
            on_handshake=self._metrics.tls_handshakes.inc,
            on_reload=self._on_reload,
            on_problem=self._on_certificate_problem,
        )
        expires_at_s = server_tls.expires_at_s()
        if expires_at_s is not None:
            self._metrics.certificate_expiry_seconds.set(expires_at_s)
        return server_tls

    def _metrics_endpoint(self) -> MetricsEndpoint | None:
        """Return the endpoint, which listens; None if none is wanted."""
        address = self._config.listen.metrics
        if not address:
            return None
        context = tls.metrics_context(self._config.tls, address)
        return MetricsEndpoint(self._metrics, address, context=context)

    def _inbox(self) -> Inbox:
        limits = self._config.limits
        return Inbox(
            InboxBounds(
                commands_max=limits.inbox_commands_max,
                bytes_max=limits.inbox_bytes_max,
                messages_max=INBOX_MESSAGES_MAX,
                reads_max=limits.reads_waiting_max,
                pause_ticks=self._config.raft.election_base_ticks,
            )
        )

    def _log_clock(self) -> LogClock:
        return LogClock(
            node_id=self._node_id,
            voters=self._membership.all_voters,
            wall_us=lambda: time.time_ns() // 1000,
            monotonic_us=lambda: time.monotonic_ns() // 1000,
        )

    def _snapshot_keeper(self, inbox: Inbox) -> SnapshotKeeper:
        storage = self._config.storage
        return SnapshotKeeper(
            self._environment,
            CopyOptions(
                bytes_per_s=storage.snapshot_rate_bytes,
                chunk_bytes=storage.snapshot_chunk_bytes,
            ),
            metrics=self._metrics,
            put=inbox.put_snapshot,
            on_damage=inbox.put_damage,
            fail_stop=partial(fail_stop, where="snapshot fetch"),
        )

    def _scrub(self, inbox: Inbox, keeper: SnapshotKeeper) -> Scrub:
        storage = self._config.storage
        return Scrub(
            self._environment,
            bytes_per_s=storage.scrub_bytes_per_s,
            rest_s=storage.scrub_rest_ms / 1000,
            on_slot=lambda index: inbox.put_fact(SlotCorrupt(index)),
            on_damage=inbox.put_damage,
            on_pass=self._on_scrubbed,
            read_copies=keeper.look_over,
        )

    def _transport_options(self) -> TransportOptions:
        config = self._config
        heartbeat_s = config.raft.tick_ms / 1000 * config.raft.heartbeat_ticks
        return TransportOptions(
            cluster_id=config.cluster.id,
            node_id=self._node_id,
            store_id=self._environment.identity.store_uuid,
            boot=self._boot,
            listen=config.listen.peer,
            peers=self._configured_peers(),
            is_plaintext=config.security.insecure,
            peer_address=config.cluster.member(self._node_id).peer_address,
            alive_interval_s=max(ALIVE_S_MIN, heartbeat_s),
            snapshot_bytes_per_s=config.storage.snapshot_rate_bytes,
        )

    def _api_options(self) -> ApiOptions:
        config, limits = self._config, self._config.limits
        keys = map(str.strip, limits.metadata_filters.split(","))
        return ApiOptions(
            listen=config.listen.api,
            cluster_id=config.cluster.id,
            node_id=self._node_id,
            peers={int(n): at for n, at in self._configured_peers().items()},
            is_plaintext=config.security.insecure,
            request_bytes_max=limits.request_bytes_max,
            deadline_s_default=limits.call_deadline_ms_default / 1000,
            deadline_s_max=limits.call_deadline_ms_max / 1000,
            metadata_filters=frozenset(filter(None, keys)),
        )

    def _configured_peers(self) -> dict[NodeId, str]:
        """Return the addresses of the other founders, as the configuration has them."""
        return {
            NodeId(member.id): member.peer_address
            for member in self._config.cluster.members
            if member.id != self._node_id
        }

    def _sandbox(self) -> SandboxRail | None:
        """Return the connection to the simulated rail, None if there is none."""
        address = self._config.rails.sandbox
        if not address:
            return None
        channel_tls = tls.ChannelTls(
            self._config.tls, cluster_id=self._config.cluster.id
        )
        return SandboxRail(address, channel_tls)

    def _dispatcher(
        self, node: Node, rail: SandboxRail, metrics: Metrics
    ) -> Dispatcher:
        """Return the worker of the rail sandbox, which works while this node leads."""
        books = NodeBooks(node)
        lease_s = self._config.rails.lease_ms / 1000
        send_s = self._config.rails.send_ms / 1000
        return Dispatcher(
            books=books,
            rail=rail,
            number=SANDBOX,
            traits=lambda: books.traits(SANDBOX),
            on_end=lambda result: metrics.dispatch_turns.labels(result).inc(),
            name_of=partial(ids.encode, ids.PAYOUT),
            options=DispatchOptions(
                lease_s=lease_s, send_s=send_s, margin_s=min(2.0, 0.2 * lease_s)
            ),
        )

    def _can_rebuild(self) -> bool:
        """Whether a bad state can be folded again from the own log. Replica thread."""
        return self._log_store is not None and can_replay(self._log_store)

    def _rebuild(
        self,
        loop: asyncio.AbstractEventLoop,
        node: Node,
        keeper: SnapshotKeeper,
        snapshot: Snapshot | None,
    ) -> None:
        """Replace state/ by that of `snapshot`, or by an empty one, once no reader counts on it.

        Replica thread, with the stores closed.
        """
        is_told = threading.Event()

        def tell() -> None:
            node.begin_rebuild()
            is_told.set()

        loop.call_soon_threadsafe(tell)
        is_told.wait(timeout=10)
        keeper.forget()
        if snapshot is None:
            empty_state(self._environment)
        else:
            put_state(self._environment, snapshot)
        self._membership = founders.first_membership(
            self._environment,
            _records(self._config, self._environment.identity.store_uuid),
            joins=self._config.cluster.join,
        )

    def _build_replica(
        self, transport: PeerTransport, clock: LogClock, keeper: SnapshotKeeper
    ) -> tuple[Replica, Callable[[], None]]:
        """Open the stores and make the replica, on the thread that will own them."""
        log_store = LmdbLogStore(self._environment, clock=time.monotonic)
        self._log_store = log_store
        state_store = LmdbStateStore(self._environment)
        plan = recover(log_store, state_store, has_peers=_has_peers(self._config))
        if not plan.lacks_state:
            forget_aside(self._environment.directory)
        last = log_store.last_index()
        anchor = log_store.anchor()
        if last in log_store.damaged():
            # What stands there comes from a peer, and log time with it, if it is not applied.
            clock.follow(state_store.position().log_time_us)
        elif last > anchor.at:
            clock.follow(log_store.entries(last, last, 1)[0].ts_us)
        else:
            clock.follow(anchor.ts_us)
        self._refuse_damage_alone(log_store, plan.applied)
        log.info(
            "node_recovered", applied=plan.applied, commit=plan.commit, last=plan.last
        )
        raft = self._config.raft
        make = RaftCore if self._trace is None else TracedCore
        core = make(
            self._node_id,
            options=Options(
                election_base_ticks=raft.election_base_ticks,
                heartbeat_ticks=raft.heartbeat_ticks,
                append_bytes_max=raft.append_bytes_max,
                window_messages=raft.window_messages,
                window_bytes=raft.window_bytes,
                uncommitted_bytes_max=raft.uncommitted_bytes_max,
                is_commit_told_by_tick=True,
                held_back_bytes_max=raft.held_back_bytes_max,
                stall_ticks=raft.election_base_ticks,
                recovery_ticks=_ticks(RECOVERY_S, raft.tick_ms),
                recovery_ticks_max=_ticks(RECOVERY_S_MAX, raft.tick_ms),
                priority_ticks=_ticks(PRIORITY_S, raft.tick_ms),
                is_suspicion_quick=raft.tick_ms < WAN_TICK_MS,
                free_bytes_min=1,  # what is told is less the reserve
            ),
            membership=self._membership,
            hard_state=log_store.hard_state(),
            log=log_store,
            applied=plan.applied,
            jitter=secrets.randbelow,
            link=link,
            encode_change=encode_change,
            state_anchor=plan.state_anchor,
        )
        if self._trace is not None:
            self._trace.begin(core, log_store)
        keeper.follow(state_store.visible)
        replica = Replica(
            core=core,
            log=log_store,
            state=state_store,
            mail=transport.mail,
            hooks=self._timer,
            tick_us=raft.tick_ms * 1_000,
            snapshots=keeper,
            bounds=_log_bounds(self._config),
        )

        def close() -> None:
            log_store.close()
            state_store.close()
            if self._trace is not None:
                self._trace.write("stop")

        return replica, close

    def _refuse_damage_alone(self, log_store: LmdbLogStore, applied: Index) -> None:
        """Return if nothing is lost, or if other nodes may have what is corrupt here (F34).

        What is applied stands in the state, and the log then begins behind it (F33).
        Errors: CorruptionError where this node is the only one, and the state lacks it.
        """
        damaged = [index for index in log_store.damaged() if index > applied]
        if not damaged:
            return
        voters = self._membership.all_voters
        if len(voters) == 1 or not (voters or _has_peers(self._config)):
            raise CorruptionError(
                f"log index {damaged[0]} is corrupt, with {len(damaged) - 1} others, and this "
                "cluster has no other node to repair it from; state/ goes up to index "
                f"{applied}: restore the data directory"
            )

    def _on_expelled(self, node: Node, refusal: Refusal, why: str) -> None:
        """End a node whose store is not its own any more; one that was removed says so (F25)."""
        if refusal in (Refusal.STORE_CHANGED, Refusal.STORE_ROLLED_BACK):
            fail_stop(CorruptionError(why), where="a peer refused this node")
        node.expel(why)

    def _on_scrubbed(self, passed: Passed) -> None:
        self._metrics.scrub_passes.inc()
        self._metrics.scrub_bytes.inc(passed.size_bytes)

    def _on_failed_handshake(self, failure: HandshakeFailure) -> None:
        self._metrics.tls_refusals.labels(failure.reason).inc()
        log.warning(
            "tls_handshake_refused", reason=failure.reason, detail=failure.detail
        )

    def _take_config(self, config: NodeConfig, inbox: Inbox) -> None:
        """Put in force what may change while the node runs, and say what waits for a restart."""
        found = changes(self._config, config)
        storage = replace(
            self._config.storage,
            log_keep_entries=config.storage.log_keep_entries,
            log_keep_bytes=config.storage.log_keep_bytes,
            log_cap_bytes=config.storage.log_cap_bytes,
        )
        self._config = replace(self._config, storage=storage)
        inbox.put_bounds(_log_bounds(self._config))
        log.info(
            "configuration_reloaded",
            changed=list(found.reloaded),
            needs_restart=list(found.restart),
        )

    def _on_reload(self, expires_at_s: float) -> None:
        self._metrics.tls_reloads.labels("ok").inc()
        self._metrics.certificate_expiry_seconds.set(expires_at_s)
        log.info("certificates_reloaded", expires_at_s=int(expires_at_s))

    def _on_certificate_problem(self, text: str) -> None:
        self._metrics.tls_reloads.labels("failed").inc()
        log.error("certificates_not_reloaded", problem=text)
