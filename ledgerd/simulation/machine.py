"""One simulated node: an inbox, a replica over simulated stores, and a time of its own.

A turn is one call, so its ports give it duration: what is sent early leaves before the write, what
is sent after leaves after it, and what arrives meanwhile waits for the next turn. A crash is an
exception raised at a named moment of a turn or at a call of its mail, so each gap between two steps
can be hit.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from ledgerd.errors import CorruptionError, NoSpaceError, Reason, StorageError
from ledgerd.raft.entries import NO_INDEX, NO_NODE, Index, NodeId
from ledgerd.raft.facts import (
    Capacity,
    HoldingBack,
    PeerLost,
    PeerRefused,
    SlotCorrupt,
)
from ledgerd.raft.messages import EarlyMessage, LateMessage, Message
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import (
    CommandProposed,
    Input,
    Noted,
    PayoutsProposed,
    ReadsRequested,
    Received,
    StateDamaged,
    Ticked,
    Waiter,
)
from ledgerd.replica.log_clock import LogClock
from ledgerd.replica.outbox import NotProposed, Outbox
from ledgerd.replica.ports import Receipt
from ledgerd.replica.replica import Replica
from ledgerd.simulation.clock import Agenda, WallClock
from ledgerd.simulation.dice import dice
from ledgerd.simulation.disk import DiskFaults, SimDisk, SimLogStore
from ledgerd.simulation.snapshots import InstallingState, Shelf, SimSnapshots
from ledgerd.simulation.swarm import Setup
from ledgerd.simulation.volume import SimulatedCrash
from ledgerd.storage.scrub import Scrub

_MESSAGES_A_TURN: Final = 256


class Crashed(Exception):  # an event of the simulation, not an error of it
    """The process ends here."""


class World(Protocol):
    """What a machine needs of the simulation around it."""

    agenda: Agenda
    setup: Setup

    def make_disk(
        self, node_id: NodeId, generator: random.Random, faults: DiskFaults
    ) -> SimDisk:
        """Return the disk of a new machine."""
        ...

    def build(self, machine: "Machine") -> Replica:
        """Open the machine's stores and put a replica over them."""
        ...

    def started(self, machine: "Machine") -> None:
        """The machine's process runs, and has heard nothing yet."""
        ...

    def send(self, machine: "Machine", message: Message) -> None:
        """Take a message that leaves the machine at its own time."""
        ...

    def rebuild(self, machine: "Machine", snapshot: Snapshot | None) -> Replica:
        """Replace the machine's state, by that of `snapshot` or an empty one, and build anew."""
        ...

    def can_replay(self, machine: "Machine") -> bool:
        """Return whether the machine's log holds everything that its state is the fold of."""
        ...

    def paused(self, machine: "Machine") -> None:
        """The machine's process was stopped, or goes on."""
        ...

    def switched(self, machine: "Machine") -> None:
        """The machine's judge said whether entries may be held back."""
        ...

    def turning(self, machine: "Machine", inputs: Sequence[Input]) -> None:
        """The machine begins a turn with these inputs."""
        ...

    def turned(self, machine: "Machine", outbox: Outbox) -> None:
        """Take the outbox of a turn that has just ended, at the machine's own time."""
        ...

    def settled(self, machine: "Machine", visible: Index) -> None:
        """The machine made everything up to `visible` visible to readers."""
        ...

    def ended(self, machine: "Machine", why: str, *, is_power_cut: bool) -> None:
        """The machine's process has ended; `life` is still what it was."""
        ...

    def lost(self, machine: "Machine", commits: int) -> None:
        """The machine's disk lost commits of log/ that it had called synced."""
        ...

    def failed(self, machine: "Machine", error: Exception) -> None:
        """The machine's process ended itself: storage, corruption or a failed assertion."""
        ...


@dataclass(slots=True)
class Post:
    """`replica.ports.Mail`: what is sent leaves at the machine's own time."""

    machine: "Machine"

    def early(self, messages: Sequence[EarlyMessage]) -> None:
        """Send what rests on nothing that this turn writes."""
        self._send(messages)

    def after(self, messages: Sequence[LateMessage], receipt: Receipt) -> None:
        """Send what rests on what `receipt` proves durable."""
        assert isinstance(receipt, Receipt)
        self._send(messages)

    def _send(self, messages: Sequence[Message]) -> None:
        machine = self.machine
        for message in messages:
            machine.world.send(machine, message)
            machine.reach("mail.sent")


@dataclass(slots=True)
class Life:
    """What belongs to one incarnation of a process and dies with it."""

    replica: Replica
    started_ns: int
    inbox: list[Input] = field(default_factory=list)
    messages: int = 0
    commands: int = 0
    reading: list[tuple[Index, Waiter]] = field(default_factory=list)
    visible: Index = NO_INDEX
    settle_due_ns: int | None = None
    settles_next: bool = False  # once the turn that comes has taken no page
    wakes_ns: int | None = None


class Machine:
    """A node: its disk lives for ever, its process (`life`) comes and goes.

    own_ns: the time at which the node is, inside a turn ahead of everybody else's.
    crash_in: crash at this many moments from now; None: not planned.
    excuses: errors that its process may end with, for a fault of its disk asked for them.
    store_uuid: of its data directory, since it was opened first.
    died_in_commit: its last process ended inside one, which may be lost without a lie.
    is_old: it runs the release before this one. deaf_until_ns: callers do not reach it.
    is_refused: its peers do not let it in any more, and it does not start again.
    room_told: whether its core believes that there is room. may_hold_back: what its judge says.
    stores: those of its replica, since it was started first. copies: of its process.
    """

    def __init__(self, node_id: NodeId, world: World) -> None:
        setup = world.setup
        generator = dice(setup.seed, "machine", node_id)
        self.node_id = node_id
        self.world = world
        self.disk = world.make_disk(
            node_id,
            dice(setup.seed, "disk", node_id),
            DiskFaults(commit_ns=(setup.sync_ns // 2, setup.sync_ns * 3 // 2)),
        )
        self.jitter = dice(setup.seed, "jitter", node_id).randrange
        self.wall = WallClock(
            world.agenda, generator.randint(-setup.skew_us, setup.skew_us)
        )
        spread = int(setup.rate_spread * 1_000_000)
        self.rate_ppm = generator.randint(-spread, spread)
        self.life: Life | None = None
        self.log_clock: LogClock | None = None
        self.incarnation = 0
        self.own_ns = 0
        self.free_at_ns = 0
        self.died_ns: dict[int, int] = {}
        self.crash_in: int | None = None
        self.power_cut = False
        self.paused_at_ns: int | None = None
        self.held: list[Input] = []
        self.excuses: set[str] = set()
        self.is_old = False
        self.store_uuid = b""
        self.shelf = Shelf()
        self.inbox_messages_max = setup.inbox_messages_max
        self.died_in_commit = False
        self.deaf_until_ns = 0
        self.is_refused = False
        self.room_told = True
        self.may_hold_back = True
        self._switch_dice = dice(setup.seed, "switch", node_id)
        self._await_switch()
        self.stores: tuple[SimLogStore, InstallingState]
        self.copies: SimSnapshots | None = None

    @property
    def is_up(self) -> bool:
        """Whether a process runs, paused or not."""
        return self.life is not None

    def has_left(self, incarnation: int, leaves_ns: int) -> bool:
        """Return whether that incarnation lived at `leaves_ns`."""
        return leaves_ns <= self.died_ns.get(incarnation, leaves_ns)

    # The process.

    def start(self) -> None:
        """Start a process over what is on disk."""
        assert self.life is None, self.node_id
        if self.is_refused:
            return
        now_ns = self.world.agenda.now_ns
        self.incarnation += 1
        self.room_told = self.may_hold_back = True
        self.died_in_commit = False
        self.own_ns = self.free_at_ns = now_ns
        self.crash_in = None
        self.paused_at_ns = None
        self.held = []
        try:
            self.disk.admit()
            replica = self.world.build(self)
            self.life = life = Life(replica, now_ns)
            life.visible = replica.settle()
        except (StorageError, NoSpaceError, CorruptionError) as error:
            self._end(now_ns, is_power_cut=False)
            self.world.failed(self, error)
            return
        self.world.started(self)
        self._await_tick(self.incarnation)

    def crash(self, why: str, *, is_power_cut: bool) -> None:
        """End the process at once, without a word; it loses what was not synced."""
        assert self.life is not None, self.node_id
        self.world.ended(self, why, is_power_cut=is_power_cut)
        self._end(self.world.agenda.now_ns, is_power_cut=is_power_cut)

    def _end(self, now_ns: int, *, is_power_cut: bool) -> None:
        self.life = None
        self.died_ns[self.incarnation] = now_ns
        self.crash_in = None
        lost = self.disk.crash(power=is_power_cut)
        if lost.log_commits:
            self.world.lost(self, lost.log_commits)

    def pause(self) -> None:
        """Stop the process where it stands (SIGSTOP); it may be in the middle of nothing only."""
        if self.life is not None and self.paused_at_ns is None:
            self.paused_at_ns = self.world.agenda.now_ns
            self.world.paused(self)

    def resume(self) -> None:
        """Let a paused process go on: the missed ticks come before what waited (T84)."""
        if self.life is None or self.paused_at_ns is None:
            return
        now_ns = self.world.agenda.now_ns
        missed = (now_ns - self.paused_at_ns) // self.tick_ns
        self.paused_at_ns = None
        self.world.paused(self)
        held, self.held = self.held, []
        if missed:
            self._put(Ticked(1, max(0, missed - 1)))
        for item in held:
            self._put(item)
        self._wake_at(max(now_ns, self.free_at_ns))

    @property
    def tick_ns(self) -> int:
        """One tick by the node's own monotonic clock."""
        tick_ns = self.world.setup.tick_ns
        return tick_ns - tick_ns * self.rate_ppm // 1_000_000

    def monotonic_us(self) -> int:
        """Return the node's own monotonic clock, microseconds."""
        own_us = max(self.own_ns, self.world.agenda.now_ns) // 1000
        return own_us + own_us * self.rate_ppm // 1_000_000

    # What happens to it.

    def receive(self, message: Message) -> bool:
        """Take a peer's message; False if it was dropped because too many wait."""
        life = self.life
        if life is None or life.messages >= self.inbox_messages_max:
            return False
        life.messages += 1
        self.take(Received(message))
        return True

    def propose(self, item: PayoutsProposed | CommandProposed) -> NotProposed | None:
        """Take a call; return a refusal at once if there is no room."""
        life = self.life
        assert life is not None, self.node_id
        count = len(item.batch) if isinstance(item, PayoutsProposed) else 1
        if (
            life.commands
            and life.commands + count > self.world.setup.inbox_commands_max
        ):
            return NotProposed(item.waiter, Reason.OVERLOADED, NO_NODE)
        life.commands += count
        self.take(item)
        return None

    def read(self, waiter: Waiter) -> None:
        """Take a linearizable read."""
        self.take(ReadsRequested(waiter))

    def lose_peer(self, peer: NodeId) -> None:
        """Note that the connection to a peer broke."""
        if self.life is not None:
            self.take(Noted(PeerLost(peer)))

    def find_nobody(self, peer: NodeId) -> None:
        """Note that nobody listens where a peer was (F4)."""
        if self.life is not None:
            self.take(Noted(PeerRefused(peer)))

    def measure(self) -> None:
        """Tell the core how much room there is, when that is news, as the daemon does (F36)."""
        if self.life is None:
            return
        spare_bytes = max(0, self.disk.environment.spare_bytes())
        if (spare_bytes > 0) is not self.room_told:
            self.room_told = spare_bytes > 0
            self.take(Noted(Capacity(spare_bytes)))

    def _switch(self) -> None:
        """Tell the core that entries may be held back, or no longer, as `node.holding` does."""
        if self.life is not None and self.paused_at_ns is None:
            self.may_hold_back = not self.may_hold_back
            self.world.switched(self)
            self.take(Noted(HoldingBack(self.may_hold_back)))
        self._await_switch()

    def scrub(self) -> None:
        """Read everything on disk once, and report what fails (F37)."""
        if self.life is None or self.paused_at_ns is not None:
            return
        Scrub(
            self.disk.environment,
            bytes_per_s=1 << 40,
            rest_s=0.0,
            rest_per_work=0.0,
            on_slot=lambda index: self.take(Noted(SlotCorrupt(index))),
            on_damage=lambda why: self.take(StateDamaged(why)),
        ).pass_once()

    def take(self, item: Input) -> None:
        """Queue an input and see that a turn comes."""
        if self.paused_at_ns is not None:
            self.held.append(item)
            return
        self._put(item)
        self._wake_at(max(self.world.agenda.now_ns, self.free_at_ns))

    def _put(self, item: Input) -> None:
        assert self.life is not None
        inbox = self.life.inbox
        if isinstance(item, Ticked) and inbox and isinstance(last := inbox[-1], Ticked):
            inbox[-1] = Ticked(last.elapsed + item.elapsed, last.missed + item.missed)
        else:
            inbox.append(item)

    # Time.

    def _await_tick(self, incarnation: int) -> None:
        period_ns = self.world.setup.granularity * self.tick_ns
        now_ns = self.world.agenda.now_ns
        assert self.life is not None
        due_ns = ((now_ns - self.life.started_ns) // period_ns + 1) * period_ns
        due_ns += self.life.started_ns
        self.world.agenda.at(due_ns, self._tick, incarnation)

    def _tick(self, incarnation: int) -> None:
        if self.life is None or incarnation != self.incarnation:
            return
        if self.paused_at_ns is None:
            if self.disk.is_limited or not self.room_told:
                self.measure()
            self.take(Ticked(self.world.setup.granularity, 0))
        self._await_tick(incarnation)

    def _await_switch(self) -> None:
        mean_ns = self.world.setup.switch_gap_ns
        if mean_ns:
            gap_ns = int(self._switch_dice.expovariate(1.0) * mean_ns) + 1
            self.world.agenda.at(self.world.agenda.now_ns + gap_ns, self._switch)

    def _wake_at(self, time_ns: int) -> None:
        assert self.life is not None
        wakes_ns = self.life.wakes_ns
        if wakes_ns is None or time_ns < wakes_ns:
            self.life.wakes_ns = time_ns
            self.world.agenda.at(time_ns, self._wake, self.incarnation, time_ns)

    def _wake(self, incarnation: int, time_ns: int) -> None:
        life = self.life
        if life is None or incarnation != self.incarnation or life.wakes_ns != time_ns:
            return
        life.wakes_ns = None
        if self.paused_at_ns is not None:
            return
        now_ns = self.world.agenda.now_ns
        if now_ns < self.free_at_ns:
            self._wake_at(self.free_at_ns)
            return
        self.own_ns = now_ns
        inputs, life.inbox = (
            life.inbox[:_MESSAGES_A_TURN],
            life.inbox[_MESSAGES_A_TURN:],
        )
        life.messages = life.commands = 0
        try:
            again = self._turn(life, inputs)
        except (Crashed, SimulatedCrash) as crash:
            self.died_in_commit = isinstance(crash, SimulatedCrash)
            self.world.ended(self, f"at {crash}", is_power_cut=self.power_cut)
            self._end(self.own_ns, is_power_cut=self.power_cut)
            return
        except (StorageError, CorruptionError) as error:
            self.world.failed(self, error)
            self._end(self.own_ns, is_power_cut=False)
            return
        self.free_at_ns = self.own_ns
        if again or life.inbox:
            self._wake_at(self.own_ns)
        elif life.settle_due_ns is not None:
            self._wake_at(max(self.own_ns, life.settle_due_ns))

    # The turn.

    def _turn(self, life: Life, inputs: Sequence[Input]) -> bool:
        clock = self.log_clock
        assert clock is not None
        self.own_ns += self.world.setup.turn_ns
        self.world.turning(self, inputs)
        settle_ns, due_ns = self.world.setup.settle_ns, life.settle_due_ns
        is_due = settle_ns == 0 or (due_ns is not None and due_ns <= self.own_ns)
        is_wanted = any(index > life.visible for index, _ in life.reading)
        outbox = life.replica.turn(
            inputs,
            clock.now_us,
            is_settling=is_due or is_wanted,
            takes_page=not life.settles_next,
        )
        clock.follow(life.replica.core.last_ts_us)
        life.reading += [(point.index, point.waiter) for point in outbox.reads]
        self.world.turned(self, outbox)
        if outbox.state_ready is not None or self._is_to_be_emptied(life):
            self._rebuild(life, outbox.state_ready)
            return True
        if outbox.needs_settle and life.settle_due_ns is None:
            life.settle_due_ns = self.own_ns + settle_ns
        is_wanted = any(index > life.visible for index, _ in life.reading)
        is_due = (is_due or life.settles_next) and not outbox.holds_page
        life.settles_next = False
        if life.settle_due_ns is not None and (is_due or is_wanted):
            if outbox.is_heavy:
                life.settles_next = True
                return True
            life.settle_due_ns = None
            life.visible = life.replica.settle()
            self.world.settled(self, life.visible)
        elif life.reading and not is_wanted:
            self.world.settled(self, life.visible)
        return outbox.again

    def _is_to_be_emptied(self, life: Life) -> bool:
        """Return whether the state is bad and the log can fold it again, as the daemon asks."""
        halt = life.replica.standing.halt
        return halt is not None and halt.is_of_state and self.world.can_replay(self)

    def _rebuild(self, life: Life, snapshot: Snapshot | None) -> None:
        """Give the replica up and put another one in its place, in the same process (F37)."""
        self.world.turned(self, life.replica.abandon())
        facts = life.replica.core.facts
        self.reach("rebuild.begin")
        life.replica = self.world.rebuild(self, snapshot)
        life.replica.inform(facts)
        self.reach("rebuild.end")
        self.world.started(self)
        life.settle_due_ns = None
        life.visible = life.replica.settle()

    def readable(self) -> list[Waiter]:
        """Hand over the reads that the visible state may answer."""
        life = self.life
        assert life is not None
        ready = [waiter for index, waiter in life.reading if index <= life.visible]
        life.reading = [item for item in life.reading if item[0] > life.visible]
        return ready

    def reach(self, moment: str) -> None:
        """`replica.hooks.Hooks`: time passes at some moments, and a planned crash comes at any."""
        if moment in ("turn.after_log_commit", "turn.after_state_commit"):
            self.own_ns += self.disk.take_elapsed_ns()
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                raise Crashed(moment)
