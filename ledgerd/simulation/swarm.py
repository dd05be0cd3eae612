"""What a seed is made of: its own subset and strength of everything (faults.md 5.4).

Small limits are drawn often, for the bugs live there. Nothing is drawn anywhere else about a run
as a whole, so the header of a run is one `Setup`.
"""

import random
from dataclasses import dataclass, replace

from ledgerd.limits import PAGE_COMMANDS_MAX
from ledgerd.raft.options import Options
from ledgerd.replica.compaction import LogBounds
from ledgerd.simulation.clock import MS, SECOND, US
from ledgerd.simulation.dice import chance, dice

FAULT_KINDS = (
    "crash",
    "crash_in_turn",
    "crash_all",
    "pause",
    "partition",
    "isolate_leader",
    "one_way",
    "bridge",
    "clog",
    "break_connection",
    "slow_disk",
    "clock_jump",
    "transfer",
    "crash_in_commit",
    "fail_sync",
    "lying_disk",
    "stall",
    "deaf_to_clients",
    "upgrade",
    "add_node",
    "remove_node",
    "replace_node",
    "damage_entry",
    "damage_state",
    "diverge",
    "spoil_copy",
    "make_copy",
    "low_space",
    "wipe",
    "damage_twin",
)


DISK_FAULTS = frozenset(
    {
        "slow_disk",
        "lying_disk",
        "stall",
        "fail_sync",
        "damage_entry",
        "damage_state",
        "damage_twin",
        "spoil_copy",
        "low_space",
        "wipe",
    }
)


_EVERYTHING = 1 << 40


@dataclass(frozen=True, slots=True)
class Wire:
    """How links behave all the time. Shares are of messages; times are for one way.

    replay: share delivered again, up to `replay_ns` later. reorder: share that may overtake.
    """

    delay_ns: int
    jitter_ns: int
    loss: float
    replay: float
    replay_ns: int
    reorder: float


@dataclass(frozen=True, slots=True)
class Load:
    """What clients do. think_ns: mean pause between two calls of one client.

    Shares are of calls: retry_same of finished ids used again, other_body of those with other
    fields, reads of all calls, rare of writes that are not submits, forget of calls abandoned by
    a client that died; lifecycle of writes that are about what becomes of payouts; bookwork of
    writes that are entries by hand, accounts that end, rails, limits and rules. watchers:
    clients that only read, often, at any node, and do not ask twice.
    calls_max: of one client.
    """

    clients: int
    think_ns: int
    timeout_ns: int
    patience_ns: int
    batch_max: int
    accounts: int
    retry_same: float
    other_body: float
    reads: float
    rare: float
    forget: float
    watchers: int = 0
    lifecycle: float = 0.0
    bookwork: float = 0.0
    calls_max: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that was drawn for a run.

    granularity: ticks between two looks at the clock of a node without work.
    fault_gap_ns: mean time between two faults. calm_ns: least time between two crashes.
    recent_bytes: of entries that a log keeps in memory. chunks: of one copy of a state.
    old_nodes: how many run the release before at first. is_wired: messages take their wire form.
    switch_gap_ns: mean time between two moments in which a node's judge (`node.holding`) switches
        holding entries back on or off; 0: it never does, or there is nothing to hold.
    bounds: how much of the log is kept; None: all. hoarders: whether the nodes of even numbers, 0,
        or of odd ones, 1, keep all of it in any case, so that who was offered a copy by one leader
        hears the entries from the next; None: nobody does.
    duration_ns: of the safety phase. ticks of options are of tick_ns.
    """

    seed: int
    nodes: int
    tick_ns: int
    granularity: int
    options: Options
    turn_ns: int
    sync_ns: int
    settle_ns: int
    skew_us: int
    rate_spread: float
    inbox_messages_max: int
    inbox_commands_max: int
    recent_bytes: int
    chunks: int
    old_nodes: int
    is_wired: bool
    switch_gap_ns: int
    bounds: LogBounds | None
    hoarders: int | None
    wire: Wire
    load: Load
    faults: tuple[str, ...]
    fault_gap_ns: int
    fault_ns: int
    calm_ns: int
    duration_ns: int

    @property
    def page_commands_max(self) -> int:
        """Commands applied in one turn; of every fourth seed so few that entries pass it."""
        return 2 if self.seed % 4 == 0 else PAGE_COMMANDS_MAX

    def bounds_of(self, node_id: int) -> LogBounds | None:
        """Return how much of its log a node keeps; a hoarder still cuts what it cannot read."""
        if self.bounds is None or node_id % 2 != self.hoarders:
            return self.bounds
        return replace(
            self.bounds,
            keep_bytes=_EVERYTHING,
            keep_entries=_EVERYTHING,
            cap_bytes=2 * _EVERYTHING,
        )

    @property
    def base_ns(self) -> int:
        """One election base."""
        return self.options.election_base_ticks * self.tick_ns


def draw(seed: int) -> Setup:
    """Return the setup of a seed."""
    generator = dice(seed, "setup")
    pick = generator.choice
    nodes = pick((1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 7))
    is_lan = chance(generator, 0.2)
    tick_ns = 10 * MS if is_lan else 50 * MS
    base, heartbeat = pick(((15, 3), (10, 2), (30, 6))) if is_lan else (30, 6)
    if not is_lan and chance(generator, 0.3):
        base, heartbeat = pick(((10, 2), (15, 3), (40, 4)))
    base_ns = base * tick_ns
    faults = _faults(generator)
    hoards = dice(seed, "hoarder")
    hoarders = hoards.randint(0, 1) if nodes >= 3 and chance(hoards, 0.3) else None
    granularity = pick((1, heartbeat // 2, heartbeat)) or 1
    options = replace(
        _options(generator, base, heartbeat),
        held_back_bytes_max=dice(seed, "thrift").choice((0, 400, 65_536)),
    )
    return Setup(
        seed=seed,
        nodes=nodes,
        tick_ns=tick_ns,
        granularity=granularity,
        options=options,
        turn_ns=pick((50, 200, 1000)) * US,
        sync_ns=pick((200 * US, 2 * MS, 8 * MS, base_ns // 12)),
        settle_ns=pick((0, 0, 10 * MS, base_ns // 3)),
        skew_us=pick((0, 0, 1000, 3_600_000_000)),
        rate_spread=pick((0.0, 0.0, 0.01, 0.05, 0.5)),
        inbox_messages_max=pick((4, 64, 4096, 4096)),
        inbox_commands_max=pick((8, 65_536, 65_536)),
        recent_bytes=pick((1, 2_000, 16_384)),
        chunks=pick((1, 1, 5, 20)),
        old_nodes=pick((1, nodes - 1, nodes)) if "upgrade" in faults else 0,
        is_wired=chance(generator, 0.3),
        switch_gap_ns=_switch_gap_ns(options, seed, base_ns),
        bounds=_tight(_bounds(generator, base), hoarders is not None),
        hoarders=hoarders,
        wire=_wire(generator, base_ns),
        load=_load(generator, base_ns, seed),
        faults=faults,
        fault_gap_ns=pick((1, 2, 4)) * base_ns,
        fault_ns=pick((1, 2, 4)) * base_ns,
        calm_ns=pick((0, base_ns, 4 * base_ns)),
        duration_ns=(20 if is_lan else 60) * SECOND,
    )


def _options(generator: random.Random, base: int, heartbeat: int) -> Options:
    pick = generator.choice
    return Options(
        election_base_ticks=base,
        heartbeat_ticks=heartbeat,
        append_bytes_max=pick((200, 2000, 1 << 20, 1 << 20)),
        window_messages=pick((1, 2, 16, 64)),
        window_bytes=pick((400, 8 << 20, 8 << 20)),
        uncommitted_bytes_max=pick((300, 4000, 64 << 20, 64 << 20)),
        apply_bytes_max=pick((1, 1000, 4 << 20, 4 << 20)),
        recent_bytes_max=pick((0, 1000, 16 << 20)),
        is_commit_told_by_tick=chance(generator, 0.7),
        checkpoint_entries=pick((1, 10, 1024)),
        stall_ticks=pick((heartbeat, base)),
        recovery_ticks=pick((base, 10 * base)),
        recovery_ticks_max=40 * base,
        is_suspicion_quick=chance(generator, 0.7),
        free_bytes_min=1,  # what is told is less the reserve
        snapshot_ticks_max=pick((base, 60)),
        catch_up_round_ticks_max=pick((2, base, 500)),
        catch_up_rounds_max=pick((1, 3, 10)),
    )


def _switch_gap_ns(options: Options, seed: int, base_ns: int) -> int:
    """Return how long a node's judge keeps to one way: about a tick, or much longer."""
    if not (options.held_back_bytes_max and options.is_commit_told_by_tick):
        return 0  # a switch would do nothing
    return dice(seed, "switch").choice((0, base_ns // 20, base_ns // 2, 4 * base_ns))


def _bounds(generator: random.Random, base: int) -> LogBounds | None:
    """Return how much of a log is kept; None: all of it."""
    pick = generator.choice
    if chance(generator, 0.3):
        return None
    keep_bytes = pick((1, 20_000, 1 << 20))
    return LogBounds(
        keep_bytes=keep_bytes,
        keep_entries=pick((1, 5, 40, 200)),
        cap_bytes=keep_bytes + pick((0, 20_000, 1 << 20)),
        slice_entries=pick((2, 10, 1000)),
        patience_ticks=pick((0, base, 10 * base)),
    )


def _tight(bounds: LogBounds | None, is_tight: bool) -> LogBounds | None:
    """Return bounds by which whoever lags needs a copy, but from a hoarder."""
    if not is_tight:
        return bounds
    return LogBounds(
        keep_bytes=1, keep_entries=1, cap_bytes=2000, slice_entries=10, patience_ticks=0
    )


def _wire(generator: random.Random, base_ns: int) -> Wire:
    pick = generator.choice
    is_harsh = chance(generator, 0.3)
    return Wire(
        delay_ns=pick((200 * US, base_ns // 200, base_ns // 40)),
        jitter_ns=pick((0, base_ns // 100, base_ns // (15 if is_harsh else 50))),
        loss=pick((0.05, 0.15, 0.3)) if is_harsh else pick((0.0, 0.0, 0.01)),
        replay=pick((0.0, 0.1, 0.5)) if is_harsh else pick((0.0, 0.0, 0.02)),
        replay_ns=pick((1, 10)) * base_ns,
        reorder=pick((0.0, 0.3, 0.9)) if is_harsh else pick((0.0, 0.0, 0.05)),
    )


def _load(generator: random.Random, base_ns: int, seed: int) -> Load:
    pick = generator.choice
    clients = pick((2, 3, 5, 8))
    return Load(
        clients=clients,
        think_ns=pick((1, 3)) * base_ns * clients // 20,
        timeout_ns=pick((2, 5, 20)) * base_ns // 8,
        patience_ns=pick((4, 12)) * base_ns,
        batch_max=pick((1, 3, 10)),
        accounts=pick((1, 3, 6)),
        retry_same=pick((0.0, 0.1, 0.3)),
        other_body=pick((0.0, 0.3)),
        reads=pick((0.1, 0.3, 0.6)),
        rare=pick((0.1, 0.3)),
        forget=pick((0.0, 0.05, 0.2)),
        watchers=pick((0, 1, 2)),
        lifecycle=dice(seed, "lifecycle").choice((0.0, 0.4, 0.7)),
        bookwork=dice(seed, "bookwork").choice((0.0, 0.0, 0.2)),
    )


def _faults(generator: random.Random) -> tuple[str, ...]:
    """Return which faults exist in this run; one seed in ten has none, to know calm."""
    if chance(generator, 0.1):
        return ()
    share = generator.choice((0.2, 0.5, 0.8))
    chosen = [kind for kind in FAULT_KINDS if chance(generator, share)]
    if "upgrade" in chosen and chance(generator, 0.5):
        chosen.remove("upgrade")  # while it lasts, members cannot change
    return tuple(chosen)
