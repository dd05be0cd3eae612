"""What a trace tells of the nodes: `docs/reference/protocol-events.md` lists it."""

from collections.abc import Callable, Mapping
from typing import Final

from ledgerd.raft.entries import GENESIS_LINK, NO_NODE, Index, Role
from ledgerd.raft.ready import Ready
from ledgerd.raft.snapshots import Snapshot
from ledgerd.raft.status import Status
from ledgerd.simulation.check_consensus import ConsensusWatch
from ledgerd.simulation.check_ledger import LedgerWatch
from ledgerd.simulation.clock import Agenda
from ledgerd.simulation.machine import Machine
from ledgerd.simulation.trace import Trace

_ROLE_LETTERS: Final = {
    Role.FOLLOWER: "F",
    Role.PRE_CANDIDATE: "E",
    Role.CANDIDATE: "E",
    Role.LEADER: "L",
}


class Chronicle:
    """Tells a trace what happened to machines. elections: how many were won."""

    def __init__(
        self,
        trace: Trace,
        agenda: Agenda,
        consensus: ConsensusWatch,
        ledger: LedgerWatch,
    ) -> None:
        self.elections = 0
        self._trace = trace
        self._agenda = agenda
        self._consensus = consensus
        self._ledger = ledger

    def event(
        self,
        machine: Machine,
        letter: str,
        status: Status | None,
        note: str = "",
        data: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        """Tell one thing that happened to a machine, at its own time."""
        now_ns = max(machine.own_ns, self._agenda.now_ns)
        self._trace.event(
            now_ns, machine.node_id, machine.incarnation, letter, status, note, data
        )

    def started(self, machine: Machine) -> None:
        """Tell what a process has found on its disk."""
        assert machine.life is not None
        seen = self._consensus.nodes[machine.node_id]
        self.event(
            machine,
            "+",
            machine.life.replica.core.status(),
            data=lambda: {
                "store": machine.store_uuid.hex(),
                "entries": [
                    self.named(link) for link in seen.image if link != GENESIS_LINK
                ],
            },
        )

    def persisted(self, machine: Machine, ready: Ready) -> None:
        """Tell what a node has made durable."""
        hard, snapshot = ready.hard_state, ready.snapshot
        if snapshot is not None:
            self.event(machine, "I", None, data=lambda: self.shown(snapshot))
        self.event(
            machine,
            "p",
            None,
            data=lambda: {
                "entries": [self.named(entry.link) for entry in ready.entries],
                **(
                    {"hard_term": hard.term, "hard_vote": hard.vote}
                    if hard is not None
                    else {}
                ),
            },
        )

    def changed(self, machine: Machine, before: Status, now: Status) -> None:
        """Tell what has become different about a node."""
        if now.role is not before.role or now.term != before.term:
            self.elections += now.role is Role.LEADER
            self.event(machine, _ROLE_LETTERS[now.role], now)
        if now.vote != before.vote and now.vote != NO_NODE:
            self.event(machine, "V", now)
        if now.durable > before.durable:
            self.event(machine, "P", now)
        elif now.durable < before.durable:
            self.event(machine, "T", now)
        if now.first > before.first:
            self.event(machine, "k", now)
        self._tell_office(machine, before, now)
        if now.commit > before.commit:
            self.event(
                machine, "C", now, data=lambda: {"id": self._committed(now.commit)}
            )
        if now.applied > before.applied:
            digest = self._ledger.digests[now.applied].hex()
            count = now.applied - before.applied
            self.event(
                machine,
                "A",
                now,
                f"{count} {digest[:8]}",
                data=lambda: {"id": self._committed(now.applied), "digest": digest},
            )

    def _tell_office(self, machine: Machine, before: Status, now: Status) -> None:
        """Tell what a leader accepts, and to whom it hands over, in an order that may have been.

        A turn can end one transfer, accept entries, and begin another.
        """
        was_to, to = before.transferring, now.transferring
        if was_to != to and was_to != NO_NODE:
            self.event(machine, "h", now, "0", data=lambda: {"to": NO_NODE})
        is_same_office = (
            before.role is now.role is Role.LEADER and before.term == now.term
        )
        if is_same_office and now.last > before.last:
            last = now.last
            self.event(machine, "w", now, str(last), data=lambda: {"index": last})
        if was_to != to and to != NO_NODE:
            self.event(machine, "h", now, str(to), data=lambda: {"to": to})

    def shown(self, snapshot: Snapshot) -> dict[str, object]:
        """Return an installed snapshot as protocol events show it (R14)."""
        membership = snapshot.membership
        return {
            "id": self.named(snapshot.anchor.link),
            "digest": snapshot.digest.hex(),
            "membership": {
                "voters": membership.voters,
                "outgoing": membership.outgoing,
                "learners": membership.learners,
            },
        }

    def named(self, link_: bytes) -> tuple[int, int, str]:
        """Return an entry as protocol events name it; before the first: as 0, 0."""
        if link_ == GENESIS_LINK:
            return 0, 0, link_.hex()[:16]
        entry = self._consensus.entries[link_]
        return entry.term, entry.index, link_.hex()[:16]

    def _committed(self, index: Index) -> tuple[int, int, str]:
        return self.named(self._consensus.committed[index])
