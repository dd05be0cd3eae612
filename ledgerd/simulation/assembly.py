"""What the process of a machine is made of: that of production, seen by the checks."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from ledgerd.errors import CorruptionError
from ledgerd.formats.entries import link
from ledgerd.formats.memberships import encode_change
from ledgerd.formats.records import TableRows
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import Anchor, Entry, Index, NodeId
from ledgerd.raft.ready import Ready
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import Ticked
from ledgerd.replica.log_clock import LogClock
from ledgerd.replica.ports import Receipt
from ledgerd.replica.replica import Replica
from ledgerd.replica.tree import Edge
from ledgerd.simulation.check_consensus import ConsensusWatch
from ledgerd.simulation.check_ledger import LedgerWatch
from ledgerd.simulation.chronicle import Chronicle
from ledgerd.simulation.clock import Agenda
from ledgerd.simulation.dice import chance
from ledgerd.simulation.disk import SMALL, SimDisk, SimLogStore
from ledgerd.simulation.machine import Machine, Post
from ledgerd.simulation.members import Roster
from ledgerd.simulation.network import Network
from ledgerd.simulation.snapshots import (
    InstallingState,
    SimSnapshots,
    finish,
    put_in_place,
)
from ledgerd.simulation.swarm import Setup
from ledgerd.storage.recovery import recover

CLUSTER_ID: Final = "simulated"
OLD_STATE_VERSION: Final = 1  # of the release before


class Site(Protocol):
    """Where machines are built."""

    agenda: Agenda
    setup: Setup
    network: Network
    machines: dict[NodeId, Machine]
    roster: Roster
    consensus: ConsensusWatch
    ledger: LedgerWatch
    chronicle: Chronicle

    def persisted(self, node_id: NodeId, ready: Ready) -> None:
        """A node has made this Ready durable; nothing that rests on it has left."""
        ...

    def applied(self, machine: Machine, entry: Entry, digest: bytes) -> None:
        """A node has applied an entry."""
        ...

    def covers(self, name: str) -> None:
        """`raft.marks.Marks`: a rare path was taken."""
        ...

    def leader(self) -> Machine | None:
        """Return who leads, if anybody seems to."""
        ...

    def ask_copy(self, machine: Machine) -> None:
        """Ask a machine for a copy of its state."""
        ...

    def read_over(self, machine: Machine) -> None:
        """Let a machine read its disk over and over until nothing is damaged."""
        ...


class _Log(SimLogStore):
    """The log store of production, seen by the checks."""

    run: Site
    node_id: NodeId

    def persist(self, ready: Ready) -> Receipt:
        if ready.must_sync:
            self.run.consensus.persisting(self.node_id, ready)
        receipt = super().persist(ready)
        if ready.must_sync:
            self.run.persisted(self.node_id, ready)
        return receipt

    def repair(self, entries: Sequence[Entry]) -> None:
        super().repair(entries)
        self.run.consensus.repaired(self.node_id, entries)

    def compact(
        self, first: Index, *, state_durable: Index, anchor: Anchor | None = None
    ) -> None:
        super().compact(first, state_durable=state_durable, anchor=anchor)
        self.run.consensus.compacted(self.node_id, first)


class _Core(RaftCore):
    """The core of production, told of another digest where the state is to have diverged.

    The state itself stays right, so that its copies do no harm before anybody could know.
    """

    disk: SimDisk | None = None

    def digested(self, index: Index, digest: bytes) -> None:
        if self.disk is not None and self.disk.is_diverged:
            digest = hashlib.sha256(digest).digest()
        super().digested(index, digest)


class _State(InstallingState):
    """The state store of production, seen by the checks."""

    run: Site
    machine: Machine

    def write(
        self, entry: Entry, rows: Sequence[TableRows], digest: bytes, tree: Edge
    ) -> None:
        super().write(entry, rows, digest, tree)
        self.run.applied(self.machine, entry, digest)


class Assembly:
    """Builds the processes of machines. stores: with which store each machine came into being."""

    def __init__(self, site: Site, generator: random.Random) -> None:
        self.stores: dict[NodeId, bytes] = {}
        self._site = site
        self._dice = generator

    def _has_peers(self, machine: Machine) -> bool:
        """Whether the machine's configuration names others: all but a lone founder's does."""
        return self._site.setup.nodes > 1 or machine.node_id > self._site.setup.nodes

    def build(self, machine: Machine) -> Replica:
        """Open the machine's stores and put a replica over them, as the daemon does."""
        disk = machine.disk
        options = replace(SMALL, recent_bytes=self._site.setup.recent_bytes)
        opened = disk.open(
            cluster_id=CLUSTER_ID, node_id=machine.node_id, options=options
        )
        machine.store_uuid = opened.identity.store_uuid
        self.stores.setdefault(machine.node_id, machine.store_uuid)
        log = _Log(disk)
        finish(disk, machine.shelf, log.anchor())
        try:
            state = _State(disk)
        except CorruptionError:  # as the daemon does, before it starts (F37)
            if log.anchor().at and not self._has_peers(machine):
                raise
            put_in_place(disk, None)
            state = _State(disk)
        log.run = state.run = self._site
        log.node_id, state.machine = machine.node_id, machine
        state.disk, state.shelf = disk, machine.shelf
        machine.stores = (log, state)
        plan = recover(log, state, has_peers=self._has_peers(machine))
        disk.take_elapsed_ns()
        membership = state.membership()
        if membership.is_empty and not plan.lacks_state:
            membership = self._site.roster.founding(machine, machine.store_uuid)
        clock = LogClock(
            node_id=machine.node_id,
            voters=membership.all_voters,
            wall_us=machine.wall.now_us,
            monotonic_us=machine.monotonic_us,
        )
        anchor = log.anchor()
        if plan.last == anchor.at:
            clock.follow(anchor.ts_us)
        elif plan.last not in log.damaged():
            clock.follow(log.entries(plan.last, plan.last, 1)[0].ts_us)
        else:
            clock.follow(state.position().log_time_us)
        machine.log_clock = clock
        disk.forget_below(log.first_index())
        damaged = disk.written_entries()
        self._site.consensus.started(machine.node_id, log, damaged)
        self._site.consensus.nodes[machine.node_id].is_damaged = bool(disk.log.damaged)
        self._site.consensus.check_kept()
        self._site.ledger.check_digest(machine.node_id, state.applied(), state.digest())
        self._site.read_over(machine)
        core = _Core(
            machine.node_id,
            options=self._site.setup.options,
            membership=membership,
            hard_state=log.hard_state(),
            log=log,
            applied=plan.applied,
            jitter=machine.jitter,
            link=link,
            marks=self._site,
            encode_change=encode_change,
            state_anchor=plan.state_anchor,
        )
        core.disk = disk
        return Replica(
            core=core,
            log=log,
            state=state,
            mail=Post(machine),
            hooks=machine,
            marks=self._site,
            tick_us=self._site.setup.tick_ns // 1_000,
            state_version_max=OLD_STATE_VERSION if machine.is_old else STATE_VERSION,
            snapshots=self._copies_of(machine),
            bounds=self._site.setup.bounds_of(machine.node_id),
            page_commands_max=self._site.setup.page_commands_max,
        )

    def _copies_of(self, machine: Machine) -> SimSnapshots:
        """Return the copies of a process, over all replicas in it."""
        copies = machine.copies
        if copies is None or copies.incarnation != machine.incarnation:
            copies = machine.copies = SimSnapshots(
                machine,
                agenda=self._site.agenda,
                network=self._site.network,
                setup=self._site.setup,
                generator=self._dice,
                find=self._site.machines.get,
                on_fetch=lambda: self._fetch_begun(machine),
            )
        return copies

    def _fetch_begun(self, machine: Machine) -> None:
        """Hold up what a machine fetches, and let the next leader tell it the entries (T60, T95).

        Only where some nodes hoard their logs, and now and then.
        """
        if self._site.setup.hoarders is None or chance(self._dice, 0.3):
            return
        self._site.agenda.at(self._site.agenda.now_ns, self._site.ask_copy, machine)
        after_ns = int(self._site.setup.base_ns * 0.1 * self._dice.random())
        self._site.agenda.at(
            self._site.agenda.now_ns + after_ns, self._let_hoarder_lead, machine
        )

    def _let_hoarder_lead(self, machine: Machine) -> None:
        """Hand over to a voter that still has all the entries that the machine lacks."""
        leader = self._site.leader()
        if leader is None or leader.paused_at_ns is not None:
            return
        status = {
            node_id: other.life.replica.core.status()
            for node_id, other in self._site.machines.items()
            if other.life is not None and node_id in self._site.roster.newest.voters
        }
        if leader.life is None or machine.life is None:
            return
        next_ = machine.life.replica.core.status().last + 1
        having = [
            node_id
            for node_id, found in sorted(status.items())
            if node_id not in (leader.node_id, machine.node_id)
            and found.first <= next_ <= found.last
        ]
        if having:
            to = max(having, key=lambda node_id: status[node_id].last)
            leader.life.replica.core.transfer(to)
            leader.take(Ticked(0, 0))

    def can_replay(self, machine: Machine) -> bool:
        """Return whether the machine's log holds everything that its state is the fold of."""
        log, _ = machine.stores
        return log.anchor().at == 0

    def rebuild(self, machine: Machine, snapshot: Snapshot | None) -> Replica:
        """Put another state in the place of a bad one, and build a replica over it (F37)."""
        log, state = machine.stores
        log.close()
        state.close()
        self._copies_of(machine).forget()
        where = "the log" if snapshot is None else f"the state at {snapshot.index}"
        self._site.chronicle.event(machine, "B", None, f"from {where}")
        fetched = machine.shelf.fetched
        put_in_place(
            machine.disk, None if snapshot is None else fetched[snapshot.sha256]
        )
        return self.build(machine)
