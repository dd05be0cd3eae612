"""A client: one call at a time, to whoever it believes leads, again under the same id if need be.

It does what a careful caller does, and at times what a careless one does: it dies between sending
and hearing, and another one asks again under the same id (P11).
"""

from collections.abc import Sequence
from typing import Protocol

from ledgerd.raft.entries import NO_NODE, NodeId
from ledgerd.simulation.check_answers import Call
from ledgerd.simulation.clock import EPOCH_US, US, Agenda
from ledgerd.simulation.dice import chance, dice
from ledgerd.simulation.swarm import Setup
from ledgerd.simulation.workload import Author, ReadAccount, Work


class Servers(Protocol):
    """What a client reaches over its network."""

    agenda: Agenda
    setup: Setup

    def call(self, client: "Client", node_id: NodeId, work: Work) -> Call:
        """Send work to a node; the client hears of it, or not."""
        ...

    def targets(self) -> Sequence[NodeId]:
        """Return the nodes that a client knows of."""
        ...


class Client:
    """One caller. waiting: the work it has begun and not ended; None between two."""

    def __init__(
        self, servers: Servers, number: int, *, is_watcher: bool = False
    ) -> None:
        setup = servers.setup
        self._is_watcher = is_watcher
        self.number = number
        self.is_closing = False
        self.waiting: Work | None = None
        self.finished = 0
        self.given_up = 0
        self._servers = servers
        self._load = load = setup.load
        base_ns = setup.base_ns
        self._think_ns = base_ns // 5 if is_watcher else load.think_ns
        self._timeout_ns = base_ns // 2 if is_watcher else load.timeout_ns
        self._patience_ns = 0 if is_watcher else load.patience_ns
        self._dice = dice(setup.seed, "client", number)
        self._author = Author(setup.seed, number, setup.load)
        self._leader: NodeId = NO_NODE
        self._call: Call | None = None
        self._began_ns = 0
        self._begun = 0
        self._is_doomed = False
        self._think()

    def _think(self) -> None:
        pause_ns = int(self._dice.expovariate(1.0) * self._think_ns) + 1
        self._servers.agenda.at(self._servers.agenda.now_ns + pause_ns, self._begin)

    def _begin(self) -> None:
        if self.is_closing or self._begun >= self._load.calls_max:
            return
        self._begun += 1
        now_ns = self._servers.agenda.now_ns
        self._began_ns = now_ns
        now_us = EPOCH_US + now_ns // US
        is_watcher, author = self._is_watcher, self._author
        self.waiting = author.read() if is_watcher else author.next(now_us)
        self._is_doomed = chance(self._dice, self._load.forget)
        self._send()

    def _send(self) -> None:
        assert self.waiting is not None
        servers, now_ns = self._servers, self._servers.agenda.now_ns
        is_read = isinstance(self.waiting, ReadAccount)
        targets = servers.targets()
        target = self._leader
        if (
            target == NO_NODE
            or target not in targets
            or is_read
            or chance(self._dice, 0.1)
        ):
            target = self._dice.choice(targets)
        self._call = servers.call(self, target, self.waiting)
        if self._is_doomed and not self.is_closing:
            self._end(is_done=False)
            return
        servers.agenda.at(now_ns + self._timeout_ns, self._time_out, self._call)

    # What it hears. Each says of which attempt; those of an older one change nothing.

    def answered(self, call: Call, node_id: NodeId) -> None:
        """The log has answered, or a read was."""
        if call is self._call:
            if call.rows:
                self._leader = node_id
            self._end(is_done=True)

    def refused(self, call: Call, hint: NodeId) -> None:
        """The attempt was certainly not logged; hint: who may lead."""
        if call is self._call:
            self._leader = hint
            self._call = None
            self._retry_later()

    def declined(self, call: Call, hint: NodeId) -> None:
        """The attempt was not logged, and no other would be while an older release takes part."""
        if call is self._call:
            self._leader = hint
            self._end(is_done=False)

    def unknown(self, call: Call) -> None:
        """Nobody knows whether the attempt took effect."""
        if call is self._call:
            self._leader = NO_NODE
            self._call = None
            self._retry_later()

    def _time_out(self, call: Call) -> None:
        if call is self._call:
            self._leader = NO_NODE
            self._call = None
            self._send_or_give_up()

    def _retry_later(self) -> None:
        pause_ns = int(self._dice.expovariate(1.0) * self._timeout_ns / 4) + 1
        now_ns = self._servers.agenda.now_ns
        self._servers.agenda.at(now_ns + pause_ns, self._send_or_give_up)

    def _send_or_give_up(self) -> None:
        if self.waiting is None or self._call is not None:
            return
        spent_ns = self._servers.agenda.now_ns - self._began_ns
        if spent_ns > self._patience_ns and not self.is_closing:
            self._end(is_done=False)
        else:
            self._send()

    def _end(self, *, is_done: bool) -> None:
        self._call = None
        self.waiting = None
        self.finished += is_done
        self.given_up += not is_done
        if not self.is_closing:
            self._think()

    def close(self) -> None:
        """Begin nothing new; ask for what has begun, patiently, until it is answered."""
        self.is_closing = True
        self._timeout_ns = 4 * self._servers.setup.base_ns
