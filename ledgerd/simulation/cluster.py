"""One run: a cluster, its clients, its faults, and the checks after every step.

    run = Simulation(draw(17))
    run.run()          # raises Violation, or whatever the product raised

The safety phase takes `duration_ns`. Then a quorum is healed, the rest is frozen as it is, and
everything pending must be answered and the digests of the quorum be equal within 20 election
bases (R18), or after as many without a step forward where a node was far behind.
"""

import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from ledgerd.errors import CorruptionError, NoSpaceError, StorageError
from ledgerd.formats.versions import STATE_VERSION, STATE_VERSION_MIN
from ledgerd.raft.entries import (
    GENESIS_LINK,
    NO_INDEX,
    Entry,
    EntryKind,
    Index,
    NodeId,
    Role,
)
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.membership import Membership, Standing
from ledgerd.raft.messages import Message
from ledgerd.raft.protocol import PROTOCOL_MAX, is_understood
from ledgerd.raft.ready import Ready
from ledgerd.raft.requests import Request
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import (
    Input,
    Noted,
    SnapshotAsked,
    SnapshotMade,
)
from ledgerd.replica.outbox import Outbox
from ledgerd.replica.replica import Replica
from ledgerd.simulation.assembly import OLD_STATE_VERSION, Assembly
from ledgerd.simulation.budget import FaultBudget, has_bad_state
from ledgerd.simulation.calls import Calls
from ledgerd.simulation.check_answers import AnswersWatch, Call
from ledgerd.simulation.check_clocks import ClocksWatch
from ledgerd.simulation.check_consensus import ConsensusWatch
from ledgerd.simulation.check_exchanges import ExchangesWatch
from ledgerd.simulation.check_ledger import LedgerWatch
from ledgerd.simulation.check_timers import TimersWatch
from ledgerd.simulation.chronicle import Chronicle
from ledgerd.simulation.client import Client
from ledgerd.simulation.clock import Agenda
from ledgerd.simulation.dice import chance, dice
from ledgerd.simulation.disk import DiskFaults, SimDisk
from ledgerd.simulation.faults import Fault, Nemesis, schedule
from ledgerd.simulation.machine import Life, Machine
from ledgerd.simulation.members import Operator, Roster, is_let_in
from ledgerd.simulation.network import Network
from ledgerd.simulation.real_disk import RealDisk
from ledgerd.simulation.snapshots import Shelf
from ledgerd.simulation.swarm import DISK_FAULTS, Setup, Wire
from ledgerd.simulation.trace import Trace
from ledgerd.simulation.verdict import Kind, Violation
from ledgerd.simulation.workload import Work
from ledgerd.transport import codec

LIVENESS_BASES: Final = 20  # R18
PATIENCES_MAX: Final = 30  # of so many bases, while every one brings a step forward
_REMOVAL_BASES: Final = 20
OLD_PROTOCOL: Final = 1  # of the release before


class Simulation:
    """A run from its first event to its last.

    planned: the schedule of faults to carry out; None: the one of the setup. directory: where
    the nodes keep real LMDB environments (`real_disk`); None: their disks are simulated.
    marks: how often each rare path was taken. consensus, ledger, answers, timers, exchanges,
    clocks: what was seen and checked.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        planned: Sequence[Fault] | None = None,
        trace: Trace | None = None,
        directory: Path | None = None,
    ) -> None:
        self.setup = setup
        self._directory = directory
        self.agenda = Agenda()
        self.trace = trace or Trace()
        self.marks: Counter[str] = Counter()
        self.fault_counts: Counter[str] = Counter()
        self.network = Network(
            self.agenda,
            setup.wire,
            setup.seed,
            deliver=self._deliver,
            drop=self._dropped,
            has_left=self._has_left,
        )
        ids = [NodeId(number) for number in range(1, setup.nodes + 1)]
        self.roster = Roster(tuple(ids))
        self.operator = Operator(self)
        self.ledger = LedgerWatch(setup.seed)
        self.consensus = ConsensusWatch(ids, setup.options)
        self.answers = AnswersWatch(self.ledger)
        self.timers = TimersWatch(setup.options.election_base_ticks)
        self.exchanges = ExchangesWatch()
        self.clocks = ClocksWatch()
        self.chronicle = Chronicle(self.trace, self.agenda, self.consensus, self.ledger)
        self.machines: dict[NodeId, Machine] = {}
        self._calls = Calls(
            self.agenda, self.network, self.machines, self.answers, setup.seed
        )
        self._copy_dice = dice(setup.seed, "copies")
        self._assembly = Assembly(self, self._copy_dice)
        self._greeted: set[tuple[int, int, int, int]] = set()
        self._core_ids: Sequence[NodeId] = ()
        self._core: list[Machine] = []
        self._reading_over: set[NodeId] = set()
        self._emptied: set[NodeId] = set()  # disks that were lost, until the next start
        self._disks: dict[NodeId, SimDisk] = {}
        self._budget = FaultBudget(
            self._disks,
            voters=lambda: self.roster.newest.all_voters,
            smallest=self._smallest_half,
            committed=lambda: self.consensus.commit,
            leaving=self._may_lose_a_voter,
        )
        for node_id in ids:
            machine = self._make(node_id)
            machine.is_old = machine.node_id <= setup.old_nodes
        for machine in self.machines.values():
            machine.start()
        count, watchers = setup.load.clients, setup.load.watchers
        self.clients = [
            Client(self, number, is_watcher=number >= count)
            for number in range(count + watchers)
        ]
        faults = schedule(setup) if planned is None else planned
        self._nemesis = Nemesis(self, faults)

    # The two phases.

    def run(self) -> None:
        """Run both phases. Raises Violation, or what the product raised."""
        while self.agenda.step(self.setup.duration_ns):
            pass
        self.ledger.check_all()
        self._heal()
        patience_ns = LIVENESS_BASES * self.setup.base_ns
        began_ns = self.agenda.now_ns
        deadline_ns = began_ns + patience_ns
        steps = self._steps()
        while self._unfinished():
            if self.agenda.now_ns >= deadline_ns:
                raise Violation("R18", self._unfinished(), Kind.LIVENESS)
            end_ns = self.agenda.now_ns + self.setup.base_ns // 2
            while self.agenda.step(end_ns):
                pass
            # With windows of one entry, who was far behind needs a round trip for each; and who
            # builds its state anew begins at nothing, after healing too.
            before, steps = steps, self._steps()
            if any(step > before.get(node_id, 0) for node_id, step in steps.items()):
                last_ns = began_ns + PATIENCES_MAX * patience_ns
                deadline_ns = min(self.agenda.now_ns + patience_ns, last_ns)
        self.ledger.check_all()
        self.consensus.check_kept()

    def _steps(self) -> dict[NodeId, int]:
        """Return a number of each healed node that rises with each entry it stores or applies."""
        statuses = [m.life.replica.core.status() for m in self._core if m.life]
        return {status.node_id: status.applied + status.durable for status in statuses}

    def _heal(self) -> None:
        """Heal everybody, or a quorum drawn from the seed; the rest is frozen where it is."""
        self._nemesis.stop()
        setup = self.setup
        generator = dice(setup.seed, "core")
        newest = self.roster.newest
        core = [n for n, machine in self.machines.items() if not machine.is_refused]
        if chance(generator, 0.5) and self._is_agreed(newest):
            size = len(newest.voters) // 2 + 1
            core = sorted(generator.sample(newest.voters, size))
        self._core = [self.machines[node_id] for node_id in core]
        self._core_ids = core
        calm = setup.wire
        self.network.calm(Wire(calm.delay_ns, calm.jitter_ns, 0.0, 0.0, 0, 0.0))
        for machine in self.machines.values():
            if machine.node_id not in core:
                machine.pause()
        self.network.mend()
        for machine in list(self._core):
            machine.crash_in = None
            machine.disk.calm()
            # Where all peers answer at one moment, a tiny inbox would starve the last of them.
            machine.inbox_messages_max = 1 << 20
            machine.deaf_until_ns = machine.shelf.rots_until_ns = 0
            if not machine.is_up:
                machine.start()
            machine.resume()
            machine.measure()
        for client in self.clients:
            client.close()

    def _is_agreed(self, newest: Membership) -> bool:
        """Return whether any quorum will do: one plain membership in force, every disk sound."""
        lives = [m.life for m in self.machines.values() if m.life is not None]
        views = {life.replica.core.membership.index for life in lives}
        is_sound = not any(
            "CorruptionError" in machine.excuses
            or machine.disk.is_gone
            or machine.disk.log.damaged
            or has_bad_state(machine.disk)
            for machine in self.machines.values()
        )
        is_settled = not newest.is_joint and not newest.plans
        return is_sound and is_settled and views == {newest.index} == self._changes()

    def _changes(self) -> set[Index]:
        """Return where the last change of each log stands, in force or not."""
        changes: set[Index] = set()
        for seen in self.consensus.nodes.values():
            kinds = (
                self.consensus.entries[link].kind
                for link in seen.image
                if link != GENESIS_LINK
            )
            found = [
                Index(at)
                for at, kind in enumerate(kinds, start=1)
                if kind is EntryKind.MEMBERSHIP
            ]
            changes.add(max(found, default=NO_INDEX))
        return changes

    def _unfinished(self) -> str:
        """Return what is not as R18 wants it; empty when all is."""
        newest = self.roster.newest
        if any(not machine.is_up for machine in self._core):
            down = [m.node_id for m in self._core if not m.is_up]
            return f"nodes {down} of the healed quorum do not run"
        statuses = [
            m.life.replica.core.status()
            for m in self._core
            if m.life and m.node_id in newest.members
        ]
        leaders = [s.node_id for s in statuses if s.role is Role.LEADER]
        if len(leaders) != 1:
            return f"leaders {leaders}"
        waiting = [client.number for client in self.clients if client.waiting]
        if waiting:
            return f"clients {waiting} are not answered"
        lives = {(s.node_id, self.machines[s.node_id].incarnation) for s in statuses}
        for call in self._calls.waiting:
            # T65, T93: its node has lived on, and owes an end.
            if call.taken_by in lives:
                return f"node {call.taken_by[0]} has not ended call {call.tag}"
        lasts = {s.last for s in statuses} | {s.applied for s in statuses}
        if len(lasts) != 1:
            return "nodes differ: " + ", ".join(
                f"{s.last}/{s.applied}" for s in statuses
            )
        if newest.is_joint and newest.auto_leave:
            return f"the membership is still joint: {newest}"
        return next(filter(None, map(self._ailment, self._core)), "")

    def _ailment(self, machine: Machine) -> str:
        """Return what is not mended on a healed member's disk; empty when all is."""
        node_id, life = machine.node_id, machine.life
        if life is None or node_id not in self.roster.newest.members:
            return ""
        if machine.store_uuid != self._assembly.stores[node_id]:
            return f"node {node_id} was wiped and still takes part"
        if life.replica.standing.halt is not None:
            return f"node {node_id} has halted: {life.replica.standing.halt}"
        machine.disk.forget_above(life.replica.core.status().last)
        if machine.disk.log.damaged or machine.disk.state.damaged:
            log, state = machine.disk.log.damaged, machine.disk.state.damaged
            return f"node {node_id} still has damaged rows: {[*log, *state]}"
        now = life.replica.core.status().digest
        if now is not None and now.digest != self.ledger.digests[now.index]:
            return f"node {node_id} has another digest at {now.index}"
        return ""

    # What machines are made of: `machine.World`.

    def started(self, machine: Machine) -> None:
        """Tell what a process has found on its disk."""
        assert machine.life is not None
        if machine.node_id in self._emptied:
            self._emptied.discard(machine.node_id)
            self._disconnect(machine)  # what was sent to who was down is lost
        self.chronicle.started(machine)

    def persisted(self, node_id: NodeId, ready: Ready) -> None:
        """A node has made this Ready durable; nothing that rests on it has left."""
        self._check_stamps(node_id, ready.entries)
        self.consensus.persisted(node_id, ready)
        self.chronicle.persisted(self.machines[node_id], ready)

    def _check_stamps(self, node_id: NodeId, entries: Sequence[Entry]) -> None:
        """K1: log time of what a leader writes, before anybody else can have written it."""
        new = [entry for entry in entries if entry.link not in self.consensus.entries]
        life = self.machines[node_id].life
        if not new or life is None:
            return
        status = life.replica.core.status()
        if status.role is Role.LEADER:
            self.look_at_clocks()
            for entry in new:
                if entry.term == status.term:
                    self.clocks.stamped(entry, self.roster.voters_ever())

    def look_at_clocks(self) -> None:
        """`faults.Ground`: note what all clocks show, before and after one of them jumps."""
        shown = {n: machine.wall.now_us() for n, machine in self.machines.items()}
        self.clocks.look(self.agenda.now_ns // 1000, shown)

    def build(self, machine: Machine) -> Replica:
        """Open the machine's stores and put a replica over them, as the daemon does."""
        return self._assembly.build(machine)

    def can_replay(self, machine: Machine) -> bool:
        """Return whether the machine's log holds everything that its state is the fold of."""
        return self._assembly.can_replay(machine)

    def rebuild(self, machine: Machine, snapshot: Snapshot | None) -> Replica:
        """Put another state in the place of a bad one, and build a replica over it (F37)."""
        return self._assembly.rebuild(machine, snapshot)

    def covers(self, name: str) -> None:
        """`raft.marks.Marks`: count a rare path."""
        self.marks[name] += 1

    def send(self, machine: Machine, message: Message) -> None:
        """Take a message that leaves the machine at its own time."""
        self.consensus.sent(message)
        self.timers.sent(machine.incarnation, message)
        self.exchanges.sent(message)
        self.trace.message(machine.own_ns, machine.incarnation, ">", message)
        is_old = machine.is_old or self.machines[message.to].is_old
        if is_old and not is_understood(type(message), OLD_PROTOCOL):
            return  # the transport withholds it
        if self.setup.is_wired:
            wired = codec.encode(message, clock_us=machine.wall.now_us())
            again = codec.decode(wired, sender=message.sender, to=message.to)
            if again != message:
                raise Violation("R4", f"the wire changes {message} into {again}")
        self.network.send(
            message, leaves_ns=machine.own_ns, incarnation=machine.incarnation
        )

    def turning(self, machine: Machine, inputs: Sequence[Input]) -> None:
        """Note what a turn begins with."""
        assert machine.life is not None
        core = machine.life.replica.core
        self.timers.turning(machine.node_id, machine.incarnation, core.term, inputs)
        self.exchanges.turning(machine.node_id, machine.incarnation, inputs)
        self.consensus.turning(machine.node_id, core.unapplied)
        for item in inputs:
            if isinstance(item, SnapshotMade) and item.snapshot is not None:
                made = item.snapshot
                self.chronicle.event(
                    machine,
                    "S",
                    None,
                    str(made.index),
                    data=partial(self.chronicle.shown, made),
                )

    def turned(self, machine: Machine, outbox: Outbox) -> None:
        """Check what a turn has done, and send its answers to the clients."""
        assert machine.life is not None
        self._look(machine, machine.life, outbox)
        self._calls.turned(machine, outbox)
        if outbox.installed is not None:
            snapshot = outbox.installed
            digest = snapshot.digest
            self.ledger.check_digest(machine.node_id, snapshot.index, digest)  # R14
            installed = machine.life.replica.core.membership
            self.roster.check_installed(machine.node_id, snapshot.index, installed)
            self.chronicle.event(machine, "I", None, str(snapshot.index))
        if outbox.membership is not None and machine.log_clock is not None:
            machine.log_clock.follow_voters(outbox.membership.all_voters)
        for point in outbox.reads:
            self.chronicle.event(machine, "R", None, str(point.index))
        if outbox.halt is not None:
            why = f"{outbox.halt.flaw.value} before {outbox.halt.index}"
            self.chronicle.event(machine, "f", None, why)

    def settled(self, machine: Machine, visible: Index) -> None:
        """Answer the reads that what is visible now answers."""
        self._calls.settled(machine, visible)

    def ended(self, machine: Machine, why: str, *, is_power_cut: bool) -> None:
        """A process ends: look at it once more, for what it did counts."""
        assert machine.life is not None
        self._look(machine, machine.life, None)
        self.chronicle.event(machine, "x", None, why)
        for other in self.machines.values():
            # A killed process closes its connections; a power cut closes nothing.
            is_told = not is_power_cut and not self.network.is_cut(
                machine.node_id, other.node_id
            )
            if is_told and other is not machine:
                self.agenda.at(
                    max(machine.own_ns, self.agenda.now_ns) + self.setup.wire.delay_ns,
                    other.lose_peer,
                    machine.node_id,
                )
                self.agenda.at(
                    max(machine.own_ns, self.agenda.now_ns)
                    + 3 * self.setup.wire.delay_ns,
                    self._dial,
                    other,
                    machine,
                )

    def _dial(self, machine: Machine, peer: Machine) -> None:
        """A node tries once to connect to a peer whose connection broke (F4)."""
        is_cut = self.network.is_cut(machine.node_id, peer.node_id)
        if not peer.is_up and not is_cut:
            machine.find_nobody(peer.node_id)

    def lost(self, machine: Machine, commits: int) -> None:
        """A disk that lied lost commits; what its node vouched for may be gone (T88)."""
        if commits == 1 and machine.died_in_commit:
            return
        if "lie" not in machine.excuses:
            raise Violation(
                "R8", f"log/ of node {machine.node_id} lost {commits} commits"
            )
        machine.excuses.add("CorruptionError")
        self.consensus.forgive(machine.node_id)
        self.trace.event(
            self.agenda.now_ns,
            machine.node_id,
            machine.incarnation,
            "D",
            None,
            f"lost {commits} commits of log/",
            lambda: {"lost": commits},
        )

    def failed(self, machine: Machine, error: Exception) -> None:
        """A process ended itself. Without a fault of its disk it had no reason to."""
        self.chronicle.event(machine, "x", None, str(error))
        name = type(error).__name__
        is_full = machine.disk.is_limited and isinstance(
            error, (StorageError, NoSpaceError)
        )
        if is_full or name in machine.excuses:
            # Who lost what its disk had promised says so and stays down (T12).
            if isinstance(error, CorruptionError):
                self._give_up(machine)
            return
        if isinstance(error, CorruptionError) and machine.disk.needs_emptying:
            # A damaged copy was installed, or the state does not open: see the next start.
            self.agenda.at(
                self.agenda.now_ns + self.setup.base_ns, self._again, machine
            )
            return
        invariant = "R15" if isinstance(error, CorruptionError) else "T8"
        raise Violation(invariant, f"node {machine.node_id} stopped: {error}")

    def _again(self, machine: Machine) -> None:
        if not machine.is_up and not self.is_left_out(machine):
            machine.start()

    def is_left_out(self, machine: Machine) -> bool:
        """`faults.Ground`: whether the rest was healed without this machine."""
        return bool(self._core) and machine not in self._core

    def _give_up(self, machine: Machine) -> None:
        """Nothing on a machine's disk counts any more."""
        machine.disk.is_gone = True
        if machine in self._core:
            self._core.remove(machine)

    # Checks and events.

    def applied(self, machine: Machine, entry: Entry, digest: bytes) -> None:
        """A node has applied an entry: it is committed, and the reference agrees. R6."""
        if entry.index > self.consensus.commit:
            assert machine.life is not None
            core = machine.life.replica.core
            before = self.consensus.nodes[machine.node_id].status
            self.consensus.commit_to(core.status(), core, before)
        while self.ledger.index < entry.index:
            self._fold_next()
        if self.consensus.committed[entry.index] != entry.link:
            raise Violation("R6", f"node {machine.node_id} applied another {entry.id}")
        self.ledger.check_digest(machine.node_id, entry.index, digest)

    def _fold_next(self) -> None:
        index = Index(self.ledger.index + 1)
        self.ledger.fold(self.consensus.entries[self.consensus.committed[index]])
        self.answers.committed(index)

    def _look(self, machine: Machine, life: Life, outbox: Outbox | None) -> None:
        is_damaged = bool(machine.disk.log.damaged)
        if is_damaged and outbox is not None:
            machine.disk.forget_below(life.replica.core.status().first)
        self.consensus.nodes[machine.node_id].is_damaged = is_damaged
        before, now = self.consensus.looked(
            machine.node_id, life.replica.core, is_cut_off=outbox is None
        )
        if self.roster.seen(machine.node_id, now.membership):
            if now.membership.is_joint:
                self._nemesis.joined()
            index = now.membership.index
            self.chronicle.event(machine, "M", now, data=lambda: {"index": index})
        while self.ledger.index < self.consensus.commit:
            self._fold_next()
        if before is not None:
            self.chronicle.changed(machine, before, now)
            is_newer = self.ledger.state_version > OLD_STATE_VERSION
            if now.applied > before.applied and machine.is_old and is_newer:
                raise Violation("T67", f"node {now.node_id} cannot apply {now.applied}")

    # The network: between nodes, and between clients and nodes.

    def _deliver(self, message: Message) -> None:
        machine, sender = self.machines[message.to], self.machines[message.sender]
        if machine.is_up and not is_let_in(machine, sender):
            self._dropped(message, "not let in")
            self._refuse_other_store(machine, sender)
            return
        if machine.is_up and sender.is_up and self._refuse_other_store(sender, machine):
            self._dropped(message, "another store answers")
            return
        if not self._greet(machine, sender):
            self._dropped(message, "never connected")
            return
        if not machine.receive(message):
            self._dropped(message, "down" if not machine.is_up else "inbox full")
            return
        self.trace.message(self.agenda.now_ns, machine.incarnation, "<", message)
        if machine.log_clock is not None:
            machine.log_clock.sample(message.sender, sender.wall.now_us())

    def _refuse_other_store(self, machine: Machine, other: Machine) -> bool:
        """Let a node end whose store is not the recorded one, when it meets a peer (F25)."""
        assert machine.life is not None
        membership = machine.life.replica.core.membership
        standing = membership.standing(other.node_id, other.store_uuid)
        if standing is not Standing.OTHER_STORE or not other.is_up:
            return False
        other.is_refused = True
        other.crash("its peers refuse its store", is_power_cut=False)
        self._give_up(other)
        return True

    def _greet(self, machine: Machine, sender: Machine) -> bool:
        """Let two processes greet each other before the first message between them.

        Returns False if its sender ended before: there is no connection for it to come by.
        """
        ones = (machine.node_id, machine.incarnation)
        others = (sender.node_id, sender.incarnation)
        if (*ones, *others) in self._greeted or not machine.is_up:
            return True
        if not sender.is_up:
            return False
        self._greeted |= {(*ones, *others), (*others, *ones)}
        for one, other in ((machine, sender), (sender, machine)):
            is_old = one.is_old or other.is_old
            protocol = OLD_PROTOCOL if is_old else PROTOCOL_MAX
            newest = OLD_STATE_VERSION if other.is_old else STATE_VERSION
            store_uuid = b"" if other.is_old else other.store_uuid
            fact = PeerGreeted(
                other.node_id, protocol, STATE_VERSION_MIN, newest, store_uuid
            )
            one.take(Noted(fact))
        return True

    def _dropped(self, message: Message, why: str) -> None:
        self.exchanges.dropped(message)
        self.trace.message(self.agenda.now_ns, 0, "~", message, why)

    def _has_left(self, sender: NodeId, incarnation: int, leaves_ns: int) -> bool:
        return self.machines[sender].has_left(incarnation, leaves_ns)

    def targets(self) -> Sequence[NodeId]:
        """`client.Servers`: the nodes that a client knows of."""
        members = self.roster.newest.members
        return [m for m in members if m in self._core_ids] or members

    def call(self, client: Client, node_id: NodeId, work: Work) -> Call:
        """`client.Servers`: send work to a node."""
        return self._calls.send(client, node_id, work)

    # What faults see: `faults.Ground`.

    def leader(self) -> Machine | None:
        """Return the node that leads the newest term, if one runs."""
        best: tuple[int, Machine] | None = None
        for machine in self.machines.values():
            status = self.consensus.nodes[machine.node_id].status
            if status is None or status.role is not Role.LEADER:
                continue
            if machine.is_up and (best is None or status.term > best[0]):
                best = (status.term, machine)
        return best[1] if best is not None else None

    def _smallest_half(self) -> int:
        """Return how many voters the smaller half of the membership in force has."""
        newest = self.roster.newest
        return min(len(half) for half in (newest.voters, newest.outgoing) if half)

    def _may_lose_a_voter(self) -> bool:
        """Return whether a removal that was asked for lately may still come about."""
        asked_ns = self.operator.removal_asked_ns
        lately_ns = _REMOVAL_BASES * self.setup.base_ns
        return asked_ns is not None and self.agenda.now_ns - asked_ns < lately_ns

    @property
    def has_rot(self) -> bool:
        """`members.Cluster`: whether some disk is damaged, or breaks its word."""
        return any(
            disk.log.damaged or has_bad_state(disk) or disk.log.lies
            for disk in self._disks.values()
        )

    def make_disk(
        self, node_id: NodeId, generator: random.Random, faults: DiskFaults
    ) -> SimDisk:
        """`machine.World`: return the disk of a new machine."""
        if self._directory is None:
            return SimDisk(generator, faults)
        return RealDisk(generator, faults, self._directory / f"node{node_id}")

    def close(self) -> None:
        """Give up what is open."""
        for machine in self.machines.values():
            machine.disk.crash(power=False)

    def _make(self, node_id: NodeId) -> Machine:
        machine = self.machines[node_id] = Machine(node_id, self)
        self._disks[node_id] = machine.disk
        machine.disk.budget = self._budget
        return machine

    def found(self, node_id: NodeId) -> None:
        """`members.Cluster`: start a node with an empty disk; it waits to be added."""
        self.consensus.add(node_id)
        self._make(node_id).start()

    def ask(self, machine: Machine, request: Request, expected: Index | None) -> Call:
        """`members.Cluster`: send a request for other members to a node."""
        return self._calls.ask(self.operator, machine, request, expected)

    def ask_copy(self, machine: Machine) -> None:
        """Ask a machine for a copy of its state; nobody waits for it."""
        machine.take(SnapshotAsked(self._calls.waiter()))

    def read_over(self, machine: Machine) -> None:
        """Let a machine read its disk over and over until nothing is damaged (F37)."""
        disk, node_id = machine.disk, machine.node_id
        if node_id not in self._reading_over and (
            disk.log.damaged or disk.state.damaged
        ):
            self._reading_over.add(node_id)
            after_ns = int(self.setup.base_ns * (0.5 + 2 * self._copy_dice.random()))
            self.agenda.at(self.agenda.now_ns + after_ns, self._read_again, machine)

    def _read_again(self, machine: Machine) -> None:
        self._reading_over.discard(machine.node_id)
        machine.scrub()
        self.read_over(machine)

    def is_recorded(self, machine: Machine) -> bool:
        """Return whether all others know which store the machine has."""
        others = [
            self.machines[n] for n in self.roster.newest.members if n != machine.node_id
        ]
        views = [m.life.replica.core.membership for m in others if m.life is not None]
        records = [view.record(machine.node_id) for view in views]
        return len(views) == len(others) and all(
            record is not None and record.store_uuid == machine.store_uuid
            for record in records
        )

    def wiped(self, machine: Machine) -> None:
        """A machine's disk was lost; what comes back under its id has promised nothing."""
        machine.shelf = Shelf()
        self._emptied.add(machine.node_id)
        self._disconnect(machine)
        self.consensus.wiped(machine.node_id)
        self.chronicle.event(machine, "W", None)

    def _disconnect(self, machine: Machine) -> None:
        """No connection outlives its process or is older, seeds 1888 and 3366."""
        for other in self.machines:
            if other != machine.node_id:
                self.network.break_connection(machine.node_id, other)

    def paused(self, machine: Machine) -> None:
        """A machine's process was stopped, or goes on."""
        note = "goes on" if machine.paused_at_ns is None else "stopped"
        self.chronicle.event(machine, "z", None, note)

    def switched(self, machine: Machine) -> None:
        """A machine's judge said whether entries may be held back."""
        self.chronicle.event(
            machine, "b", None, "on" if machine.may_hold_back else "off"
        )

    def note_fault(self, fault: Fault, what: str) -> None:
        """A fault has begun."""
        self.fault_counts[fault.kind] += 1
        self.look_at_clocks()
        letter = "D" if fault.kind in DISK_FAULTS else "N"
        note = f"#{fault.number} {fault.kind} {what}"
        self.trace.event(self.agenda.now_ns, 0, 0, letter, None, note)
