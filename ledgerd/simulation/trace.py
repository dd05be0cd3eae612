"""What happened, as protocol events: hashed always, kept and shown when asked (raft.md 4.7).

Each event is fed into one SHA-256, cheaply; equal seeds give equal hashes. With `keep` every event
also becomes a `Line`: printed in fixed columns (faults.md 5.8) or written as one JSON object.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ledgerd.raft.describe import columns, describe
from ledgerd.raft.entries import Role
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import Message
from ledgerd.raft.status import Status

EVENTS: Final = {
    "+": ("start", "a process started over its disk"),
    "x": ("stop", "a process ended; note: how, and how many commits were lost"),
    "z": ("pause", "a process was stopped or goes on"),
    "E": ("become-candidate", "asks for votes, or whether it would get them"),
    "L": ("become-leader", "leads its term"),
    "F": ("become-follower", "follows; note: why"),
    "V": ("vote", "voted; for whom stands under vote"),
    "a": ("append", "has new entries in its log"),
    "T": ("truncate", "replaced a conflicting tail"),
    "p": ("persist", "wrote a Ready to disk, before what rests on it leaves"),
    "P": ("durable", "counts more of its log as durable"),
    "C": ("commit", "its commit index moved"),
    "A": ("apply", "applied entries; note: how many, digest prefix"),
    "q": ("propose", "took a call in as an entry, or refused it; note: which"),
    "R": ("read-confirm", "a read point is known; note: its index"),
    "S": ("snapshot-make", "made a snapshot"),
    "I": ("snapshot-install", "installed a snapshot"),
    "k": ("compact", "its log begins later"),
    "w": ("propose", "accepted entries as leader; note: the last one's index"),
    "h": ("transfer", "hands over; note: to whom, 0 when that is over"),
    "b": (
        "hold-back",
        "entries may be held back for the tick, or may not; note: which",
    ),
    "W": ("wipe", "lost its whole disk"),
    "B": ("rebuild", "put another state in the place of a bad one; note: from what"),
    "M": ("change-apply", "a membership is in force; joint as 1,2,3&1,2,4"),
    ">": ("send", "a message left"),
    "<": ("receive", "a message was taken in"),
    "~": ("drop", "a message will never arrive; note: why"),
    "f": ("fence", "does not trust its state, or cannot apply; note: why"),
    "D": ("disk-fault", "a fault of a disk; notes: what, where"),
    "N": (
        "network-fault",
        "a fault of the network, a process or a clock; notes: what, where",
    ),
    "!": ("violation", "an invariant is broken; the run ends"),
}


def legend() -> str:
    """Return the meaning of the columns and letters of a trace."""
    head = (
        "time_us node.incarnation event role term vote leader "
        "commit durable applied last membership note\n"
        "roles: f follower, p pre-candidate, c candidate, l leader, - not running\n"
    )
    lines = [f"{letter}  {name:<18} {what}" for letter, (name, what) in EVENTS.items()]
    return head + "\n".join(lines) + "\n"


_ROLES: Final = {
    Role.FOLLOWER: "f",
    Role.PRE_CANDIDATE: "p",
    Role.CANDIDATE: "c",
    Role.LEADER: "l",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One event. note: the rest in words. data: fields of this event alone, for the checker."""

    seq: int
    time_ns: int
    node: int
    incarnation: int
    letter: str
    status: Status | None
    note: str
    data: Mapping[str, object] = field(default_factory=dict)

    def short(self) -> str:
        """Return the line in fixed columns."""
        at = f"{self.time_ns // 1000:>12} {self.node}.{self.incarnation:<3} {self.letter}"
        status = self.status
        if status is None:
            return f"{at} - {'':>47} {self.note}".rstrip()
        return (
            f"{at} {_ROLES[status.role]} {status.term:>4} {status.vote:>2} "
            f"{status.leader:>2} {status.commit:>6} {status.durable:>6} "
            f"{status.applied:>6} {status.last:>6} {shown(status.membership):<9} "
            f"{self.note}"
        ).rstrip()

    def as_json(self) -> str:
        """Return the line as one JSON object."""
        fields: dict[str, object] = {
            "seq": self.seq,
            "tick": self.time_ns // 1000,
            "node": self.node,
            "incarnation": self.incarnation,
            "event": EVENTS[self.letter][0],
        }
        status = self.status
        if status is not None:
            fields |= columns(status)
        return json.dumps({**fields, "note": self.note, **self.data})


def shown(membership: Membership) -> str:
    """Return voters, and after & the outgoing ones."""
    voters = ",".join(map(str, membership.voters))
    outgoing = ",".join(map(str, membership.outgoing))
    return f"{voters}&{outgoing}" if outgoing else voters


class Trace:
    """The events of one run. sink: called with each line, if anybody wants them."""

    def __init__(self, sink: Callable[[Line], None] | None = None) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self._waiting: list[object] = []
        self.count = 0

    @property
    def is_kept(self) -> bool:
        """Whether lines are made; what is only for them need not be computed otherwise."""
        return self._sink is not None

    def event(
        self,
        time_ns: int,
        node: int,
        incarnation: int,
        letter: str,
        status: Status | None = None,
        note: str = "",
        data: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        """Add an event of a node. data: called only if lines are made; the hash is without it."""
        self.count += 1
        where = (status.term, status.commit, status.last) if status is not None else ()
        self._add((time_ns, node, incarnation, letter, where, note))
        if self._sink is not None:
            self._sink(
                Line(
                    self.count, time_ns, node, incarnation, letter, status, note, data()
                )
            )

    def message(
        self,
        time_ns: int,
        incarnation: int,
        letter: str,
        message: Message,
        why: str = "",
    ) -> None:
        """Add a message that was sent, received or dropped."""
        self.count += 1
        name = type(message).__name__
        self._add((time_ns, letter, message.sender, message.to, name, message.term))
        if self._sink is not None:
            node = message.to if letter == "<" else message.sender
            told = describe(message)
            note, data = f"{told} {why}".rstrip(), {"message": told}
            self._sink(
                Line(self.count, time_ns, node, incarnation, letter, None, note, data)
            )

    def digest(self) -> str:
        """Return the hash over everything so far."""
        self._flush()
        return self._hash.hexdigest()

    def _add(self, item: object) -> None:
        self._waiting.append(item)
        if len(self._waiting) >= 512:
            self._flush()

    def _flush(self) -> None:
        self._hash.update(repr(self._waiting).encode())
        self._waiting.clear()
