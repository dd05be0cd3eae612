"""What goes wrong, and when: a schedule drawn before the run, and the hand that carries it out.

The schedule is data, so that it can be cut down to what a failure needs (`shrink`). Which
node a fault hits is decided when it begins, from numbers drawn with it: "the leader" is whoever
leads then.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Protocol

from ledgerd.raft.entries import NO_NODE, NodeId
from ledgerd.replica.inputs import Ticked
from ledgerd.simulation.check_consensus import ConsensusWatch
from ledgerd.simulation.clock import SECOND, Agenda, Deed
from ledgerd.simulation.dice import dice
from ledgerd.simulation.machine import Machine
from ledgerd.simulation.members import Operator, Roster
from ledgerd.simulation.network import Network
from ledgerd.simulation.swarm import Setup


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned fault. number: its place in the schedule, which names it when shrinking.

    lasts_ns: until it is taken back, where it can be. draw: decides all the rest about it.
    """

    number: int
    at_ns: int
    kind: str
    lasts_ns: int
    draw: int


def schedule(setup: Setup) -> list[Fault]:
    """Return the faults of a run, in order of time; a quarter of all periods are quiet."""
    generator = dice(setup.seed, "faults")
    planned: list[Fault] = []
    if not setup.faults:
        return planned
    at_ns = 2 * setup.base_ns  # a first leader may be elected in peace
    while True:
        at_ns += int(generator.expovariate(1.0) * setup.fault_gap_ns) + 1
        if generator.random() < 0.1:
            at_ns += 4 * setup.fault_gap_ns
        if at_ns >= setup.duration_ns:
            return planned
        planned.append(
            Fault(
                len(planned) + 1,
                at_ns,
                generator.choice(setup.faults),
                int(generator.expovariate(1.0) * setup.fault_ns) + 1,
                generator.getrandbits(48),
            )
        )


class Ground(Protocol):
    """What faults are done to."""

    agenda: Agenda
    setup: Setup
    network: Network
    machines: dict[NodeId, Machine]
    operator: Operator
    roster: Roster
    consensus: ConsensusWatch

    def leader(self) -> Machine | None:
        """Return who leads, if anybody seems to."""
        ...

    def note_fault(self, fault: Fault, what: str) -> None:
        """A fault has begun; what: in words."""
        ...

    def look_at_clocks(self) -> None:
        """Note what all clocks show: a quorum may have been asked before one of them jumps."""
        ...

    def ask_copy(self, machine: Machine) -> None:
        """Ask a machine for a copy of its state; nobody waits for it."""
        ...

    def read_over(self, machine: Machine) -> None:
        """Let a machine read its disk over and over until nothing is damaged."""
        ...

    def is_recorded(self, machine: Machine) -> bool:
        """Return whether all others know which store the machine has."""
        ...

    def wiped(self, machine: Machine) -> None:
        """A machine's disk was lost."""
        ...

    def is_left_out(self, machine: Machine) -> bool:
        """Return whether the rest was healed without this machine: it stays as it is."""
        ...


class Nemesis:
    """Carries out a schedule until it is told to stop."""

    def __init__(self, ground: Ground, planned: Sequence[Fault]) -> None:
        self._ground = ground
        self._is_over = False
        self._calm_until_ns = 0
        self._dice = dice(ground.setup.seed, "joint")
        for fault in planned:
            ground.agenda.at(fault.at_ns, self._begin, fault)

    def stop(self) -> None:
        """Begin nothing more; what has begun is taken back at its time or by the run's end."""
        self._is_over = True

    def _begin(self, fault: Fault) -> None:
        if self._is_over:
            return
        generator = random.Random(fault.draw)
        what = getattr(self, f"_{fault.kind}")(fault, generator)
        if what:
            self._ground.note_fault(fault, what)

    def _later(self, fault: Fault, deed: Deed, *args: object) -> None:
        agenda = self._ground.agenda
        agenda.at(agenda.now_ns + fault.lasts_ns, deed, *args)

    def _victim(self, generator: random.Random) -> Machine | None:
        """Return a node that runs: the leader in half of all cases."""
        leader = self._ground.leader()
        up = [m for m in self._ground.machines.values() if m.is_up]
        choice = generator.choice(up) if up else None
        return leader if leader is not None and generator.random() < 0.5 else choice

    # Processes.

    def _crash(self, fault: Fault, generator: random.Random) -> str:
        victim = self._victim(generator)
        if victim is None or not self._may_crash():
            return ""
        is_power_cut = generator.random() < 0.5
        victim.crash("fault", is_power_cut=is_power_cut)
        self._later(fault, self._restart, victim)
        return f"{'power' if is_power_cut else 'kill'} {victim.node_id}"

    def _crash_in_turn(self, fault: Fault, generator: random.Random) -> str:
        victim = self._victim(generator)
        if victim is None or not self._may_crash():
            return ""
        victim.power_cut = generator.random() < 0.5
        victim.crash_in = generator.randrange(30)
        self._later(fault, self._restart, victim)
        return f"{victim.node_id} at moment {victim.crash_in}"

    def _crash_all(self, fault: Fault, generator: random.Random) -> str:
        if not self._may_crash():
            return ""
        is_power_cut = generator.random() < 0.7
        for machine in self._ground.machines.values():
            if machine.is_up:
                machine.crash("fault", is_power_cut=is_power_cut)
                self._later(fault, self._restart, machine)
        return "all"

    def _may_crash(self) -> bool:
        now_ns = self._ground.agenda.now_ns
        if now_ns < self._calm_until_ns:
            return False
        self._calm_until_ns = now_ns + self._ground.setup.calm_ns
        return True

    def _restart(self, machine: Machine) -> None:
        if self._ground.is_left_out(machine):
            return
        machine.crash_in = None
        if not machine.is_up:
            machine.start()

    def _pause(self, fault: Fault, generator: random.Random) -> str:
        victim = self._victim(generator)
        if victim is None:
            return ""
        victim.pause()
        self._later(fault, self._resume, victim)
        return str(victim.node_id)

    def _resume(self, victim: Machine) -> None:
        if not self._ground.is_left_out(victim):
            victim.resume()

    # Network.

    def _partition(self, fault: Fault, generator: random.Random) -> str:
        ids = list(self._ground.machines)
        generator.shuffle(ids)
        size = generator.randint(1, max(1, len(ids) - 1))
        self._cut(fault, _across(ids[:size], ids[size:]))
        return f"{sorted(ids[:size])}|{sorted(ids[size:])}"

    def _isolate_leader(self, fault: Fault, generator: random.Random) -> str:
        leader = self._ground.leader()
        if leader is None:
            return ""
        others = [n for n in self._ground.machines if n != leader.node_id]
        friends = others[: generator.randrange(1 + max(0, (len(others) - 1) // 2))]
        enemies = [n for n in others if n not in friends]
        self._cut(fault, _across([leader.node_id, *friends], enemies))
        return f"{[leader.node_id, *friends]}|{enemies}"

    def _one_way(self, fault: Fault, generator: random.Random) -> str:
        victim = self._victim(generator)
        if victim is None:
            return ""
        others = [n for n in self._ground.machines if n != victim.node_id]
        is_deaf = generator.random() < 0.5
        pairs = [(n, victim.node_id) for n in others]
        if not is_deaf:
            pairs = [(to, sender) for sender, to in pairs]
        self._cut(fault, pairs)
        return f"{victim.node_id} {'hears' if is_deaf else 'reaches'} nobody"

    def _bridge(self, fault: Fault, generator: random.Random) -> str:
        """Two halves that only one node sees, or a ring in which each sees its neighbours."""
        ids = list(self._ground.machines)
        generator.shuffle(ids)
        if len(ids) >= 4 and generator.random() < 0.5:
            ring = {frozenset((ids[i - 1], ids[i])) for i in range(len(ids))}
            pairs = [p for p in permutations(ids, 2) if frozenset(p) not in ring]
            self._cut(fault, pairs)
            return f"ring {ids}"
        middle = 1 + (len(ids) - 1) // 2
        self._cut(fault, _across(ids[1:middle], ids[middle:]))
        return f"bridge {ids[0]}: {ids[1:middle]}|{ids[middle:]}"

    def _cut(self, fault: Fault, pairs: list[tuple[NodeId, NodeId]]) -> None:
        self._ground.network.cut(pairs)
        self._later(fault, self._ground.network.mend, pairs)

    def _clog(self, fault: Fault, generator: random.Random) -> str:
        network, agenda = self._ground.network, self._ground.agenda
        pairs = list(permutations(self._ground.machines, 2))
        chosen = [pair for pair in pairs if generator.random() < 0.3]
        for sender, to in chosen:
            lasts_ns = int(fault.lasts_ns * generator.random())
            network.clog(sender, to, agenda.now_ns + lasts_ns)
        return " ".join(f"{sender}>{to}" for sender, to in chosen)

    def _break_connection(self, fault: Fault, generator: random.Random) -> str:
        pairs = list(combinations(self._ground.machines, 2))
        if not pairs:
            return ""
        a, b = generator.choice(pairs)
        self._ground.network.break_connection(a, b)
        self._ground.machines[a].lose_peer(b)
        self._ground.machines[b].lose_peer(a)
        return f"{a}-{b}"

    # Disks and clocks.

    def _slow_disk(self, fault: Fault, generator: random.Random) -> str:
        victim = self._victim(generator)
        if victim is None:
            return ""
        base_ns = self._ground.setup.base_ns
        sync_ns = generator.choice((base_ns // 10, base_ns // 2, 2 * base_ns))
        victim.disk.slow_ns = sync_ns
        self._later(fault, self._quicken, victim)
        return f"{victim.node_id} {sync_ns // 1_000_000} ms a sync"

    def _quicken(self, victim: Machine) -> None:
        victim.disk.slow_ns = 0

    def _clock_jump(self, fault: Fault, generator: random.Random) -> str:
        """Set the wall clocks of a minority (K1)."""
        ids = list(self._ground.machines)
        generator.shuffle(ids)
        hit = ids[: (len(ids) - 1) // 2]
        hour_us = 3_600 * SECOND // 1000
        by_us = generator.choice((-24, -1, 1, 24 * 400)) * hour_us
        self._ground.look_at_clocks()
        for node_id in hit:
            self._ground.machines[node_id].wall.offset_us += by_us
        return f"{sorted(hit)} by {by_us // hour_us} h"

    def _crash_in_commit(self, fault: Fault, generator: random.Random) -> str:
        victim = self._victim(generator)
        if victim is None or not self._may_crash():
            return ""
        victim.power_cut = generator.random() < 0.7
        volume = generator.choice(("log", "state"))
        victim.disk.crash_in_commit(generator.randint(1, 4), volume=volume)
        self._later(fault, self._restart, victim)
        return f"{victim.node_id} {volume}/"

    def _fail_sync(self, fault: Fault, generator: random.Random) -> str:
        """Fail one commit: the process must end, and say nothing that rests on it (T8)."""
        victim = self._victim(generator)
        if victim is None or not self._may_crash():
            return ""
        volume = generator.choice(("log", "state"))
        victim.excuses.add("StorageError")
        victim.disk.fail_sync(generator.randint(1, 4), volume=volume)
        self._later(fault, self._restart, victim)
        return f"{victim.node_id} {volume}/"

    def _lying_disk(self, fault: Fault, generator: random.Random) -> str:
        """Let a disk answer syncs without doing them, and then cut its power (T88)."""
        victim = self._victim(generator)
        if victim is None or not victim.disk.lie(lies=True):
            return ""
        victim.excuses.add("lie")
        self._later(fault, self._end_of_lies, victim, generator.random() < 0.7)
        return str(victim.node_id)

    def _end_of_lies(self, victim: Machine, is_cut: bool) -> None:
        if victim.is_up and is_cut:
            victim.crash("its disk lied", is_power_cut=True)
            agenda = self._ground.agenda
            agenda.at(agenda.now_ns + self._ground.setup.base_ns, self._restart, victim)
        victim.disk.lie(lies=False)

    def _stall(self, fault: Fault, generator: random.Random) -> str:
        victim = self._victim(generator)
        if victim is None:
            return ""
        victim.disk.stall(fault.lasts_ns)
        return f"{victim.node_id} {fault.lasts_ns // 1_000_000} ms"

    # What rots, and what is lost. The fault budget may forbid each.

    def _voter(self, generator: random.Random) -> Machine | None:
        """Return a voter, running or not; None while the release before takes part.

        Learners are spared, for they may become voters and so one bad copy too many.
        """
        ground = self._ground
        if any(machine.is_old for machine in ground.machines.values()):
            return None
        voters, leader = ground.roster.newest.voters, ground.leader()
        choice = ground.machines[generator.choice(voters)] if voters else None
        is_led = leader is not None and leader.node_id in voters
        return leader if is_led and generator.random() < 0.4 else choice

    def _damage_entry(self, fault: Fault, generator: random.Random) -> str:
        """Damage entries of one log: bits, another's bytes, older ones, none (F33, T87)."""
        victim = self._voter(generator)
        if victim is None:
            return ""
        waiting = self._waiting_slots()
        if waiting and generator.random() < 0.5:
            victim, slot = generator.choice(waiting)
            done = [victim.disk.damage_entry(slot)]
            if done[0] is not None:
                victim.scrub()  # while it is in memory: it is mended with what stands there
            return self._damaged(fault, generator, victim, done)
        lacking = self._lacking_slots()
        if lacking and generator.random() < 0.5:
            victim, slot = generator.choice(lacking)
            return self._damaged(
                fault, generator, victim, [victim.disk.damage_entry(slot)]
            )
        done = [
            victim.disk.damage_entry(self._slot(generator, victim))
            for _ in range(generator.randint(1, 5))
        ]
        return self._damaged(fault, generator, victim, done)

    def _waiting_slots(self) -> list[tuple[Machine, int]]:
        """Return the entries of voters that run which are on disk, and not applied yet."""
        found: list[tuple[Machine, int]] = []
        for voter in self._ground.roster.newest.voters:
            machine = self._ground.machines[voter]
            if machine.life is None or machine.paused_at_ns is not None:
                continue
            status = machine.life.replica.core.status()
            found += [
                (machine, i) for i in range(status.applied + 1, status.durable + 1)
            ]
        return found

    def _lacking_slots(self) -> list[tuple[Machine, int]]:
        """Return the entries that the leader has yet to send to somebody it hears."""
        leader = self._ground.leader()
        if leader is None or leader.life is None:
            return []
        status = leader.life.replica.core.status()
        matches = [peer.match for peer in status.peers if peer.is_heard]
        first = max(status.first, min(matches, default=status.last) + 1)
        return [(leader, slot) for slot in range(first, status.durable + 1)]

    def _slot(self, generator: random.Random, victim: Machine) -> int | None:
        """Return one of the last slots, which are asked for, in half of all cases; None: any."""
        last = len(self._ground.consensus.nodes[victim.node_id].image) - 1
        recent = max(1, last - generator.randrange(8))
        return recent if generator.random() < 0.5 else None

    def _damage_state(self, fault: Fault, generator: random.Random) -> str:
        """Flip a bit in rows of one state (T85)."""
        victim = self._voter(generator)
        if victim is None:
            return ""
        done = [victim.disk.damage_state() for _ in range(generator.randint(1, 3))]
        return self._damaged(fault, generator, victim, done)

    def _damaged(
        self,
        fault: Fault,
        generator: random.Random,
        victim: Machine,
        done: Sequence[str | None],
    ) -> str:
        told = [what for what in done if what is not None]
        if not told:
            return ""
        self._ground.read_over(victim)
        if generator.random() < 0.4 and victim.is_up and self._may_crash():
            victim.crash("fault", is_power_cut=generator.random() < 0.5)
            self._later(fault, self._restart, victim)
        return f"{victim.node_id} {', '.join(told)}"

    def _damage_twin(self, fault: Fault, generator: random.Random) -> str:
        """Damage a copy of term and vote; the node must not start again (T86)."""
        victim = self._voter(generator)
        if victim is None:
            return ""
        done = victim.disk.damage_twin()
        if done is None:
            return ""
        victim.excuses.add("CorruptionError")
        if victim.is_up:
            victim.crash("fault", is_power_cut=False)
            self._later(fault, self._restart, victim)
        return f"{victim.node_id} {done}"

    def _diverge(self, fault: Fault, generator: random.Random) -> str:
        """Let one state differ from what the log says, though all checksums are right (F37)."""
        victim = self._voter(generator)
        if victim is None or not victim.disk.diverge():
            return ""
        return str(victim.node_id)

    def _make_copy(self, fault: Fault, generator: random.Random) -> str:
        """Ask some nodes for copies of their state, as an administrator does."""
        up = [m for m in self._ground.machines.values() if m.is_up]
        hit = [machine for machine in up if generator.random() < 0.5]
        for machine in hit:
            self._ground.ask_copy(machine)
        return " ".join(str(machine.node_id) for machine in hit)

    def _spoil_copy(self, fault: Fault, generator: random.Random) -> str:
        """Let the copies of all nodes rot, those too that are made in a while (T90)."""
        for machine in self._ground.machines.values():
            machine.shelf.is_rotten = True
            until_ns = self._ground.agenda.now_ns + fault.lasts_ns
            machine.shelf.rots_until_ns = until_ns
        return "all"

    def _wipe(self, fault: Fault, generator: random.Random) -> str:
        """Lose a whole disk; its node comes back under its id and must be refused (T13)."""
        victim = self._voter(generator)
        if victim is None or not self._ground.is_recorded(victim):
            return ""
        if not victim.disk.budget.allows_loss(victim.disk):
            return ""
        if victim.is_up:
            victim.crash("its disk is lost", is_power_cut=True)
        done = victim.disk.wipe()
        assert done is not None, victim.node_id
        self._ground.wiped(victim)
        self._later(fault, self._restart, victim)
        return str(victim.node_id)

    def _low_space(self, fault: Fault, generator: random.Random) -> str:
        """Leave some disks little room, or none, for a while (F36, T91)."""
        up = [m for m in self._ground.machines.values() if m.is_up]
        if not up:
            return ""
        hit = generator.sample(up, generator.randint(1, len(up)))
        free_bytes = generator.choice((0, 8, 24, 40, 64)) * 1024
        for machine in hit:
            machine.disk.fill(free_bytes)
        self._later(fault, self._free_space, hit)
        names = ",".join(str(machine.node_id) for machine in hit)
        return f"{names}: {free_bytes} bytes"

    def _free_space(self, hit: Sequence[Machine]) -> None:
        """Make room again: who still runs goes on, who ended is started."""
        for machine in hit:
            machine.disk.fill(None)
            self._restart(machine)

    def joined(self) -> None:
        """Two halves decide from now on: crash who leads, now and then, so that another ends it."""
        leader, ground = self._ground.leader(), self._ground
        may_crash = not {"crash", "crash_in_turn"}.isdisjoint(ground.setup.faults)
        if self._is_over or leader is None or not may_crash or not leader.is_up:
            return
        if self._dice.random() < 0.4 and self._may_crash():
            leader.power_cut = False
            leader.crash_in = self._dice.randrange(12)
            after_ns = ground.agenda.now_ns + 2 * ground.setup.base_ns
            ground.agenda.at(after_ns, self._restart, leader)

    # Callers, and what an administrator does.

    def _add_node(self, fault: Fault, generator: random.Random) -> str:
        return self._ground.operator.add(generator)

    def _remove_node(self, fault: Fault, generator: random.Random) -> str:
        return self._ground.operator.remove(generator)

    def _replace_node(self, fault: Fault, generator: random.Random) -> str:
        return self._ground.operator.replace(generator)

    def _deaf_to_clients(self, fault: Fault, generator: random.Random) -> str:
        """Cut one node, often the leader, from all callers, but from no node (N5)."""
        victim = self._victim(generator)
        if victim is None:
            return ""
        victim.deaf_until_ns = self._ground.agenda.now_ns + fault.lasts_ns
        return str(victim.node_id)

    def _upgrade(self, fault: Fault, generator: random.Random) -> str:
        """Stop a node that runs the release before, and start it with this one."""
        old = [m for m in self._ground.machines.values() if m.is_old]
        if not old:
            return ""
        victim = generator.choice(old)
        if victim.is_up:
            victim.crash("upgrade", is_power_cut=False)
        victim.is_old = False
        self._restart(victim)
        return str(victim.node_id)

    def _transfer(self, fault: Fault, generator: random.Random) -> str:
        leader = self._ground.leader()
        if leader is None or leader.life is None or leader.paused_at_ns is not None:
            return ""
        to = generator.choice([NO_NODE, *self._ground.machines])
        verdict = leader.life.replica.core.transfer(to)
        leader.take(Ticked(0, 0))
        return f"{leader.node_id} to {to or 'anybody'}: {type(verdict).__name__}"


def _across(
    ones: Sequence[NodeId], others: Sequence[NodeId]
) -> list[tuple[NodeId, NodeId]]:
    """Return all links between two groups, both ways."""
    return [pair for a in ones for b in others for pair in ((a, b), (b, a))]
