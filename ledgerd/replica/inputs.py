"""What can happen to a replica: the inputs of one turn, in order of arrival (raft.md 1.7).

What happens to each when the inbox is full stands at the class.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NewType, TypeAlias

from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Command
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.facts import Fact
from ledgerd.raft.messages import Message
from ledgerd.raft.requests import Request
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.compaction import LogBounds

Waiter = NewType(
    "Waiter", int
)  # names one waiting call; made above the fence, never reused


class WriteConcern(Enum):
    """How many copies a write has when it is answered. Every copy is durable, on another disk."""

    QUORUM = "quorum"  # a majority of the voters, of both halves in a joint membership
    ALL_VOTERS = "all_voters"  # every voter of the membership in force


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time passed. Inbox full: neighbouring ticks merge, so one always has room.

    elapsed: ticks that passed while this process was running; missed: ticks it slept through (T83).
    """

    elapsed: int
    missed: int


@dataclass(frozen=True, slots=True)
class Received:
    """A peer's message arrived. Inbox full: dropped, which consensus permits."""

    message: Message


@dataclass(frozen=True, slots=True)
class PayoutsProposed:
    """Submit commands of one call wait for a log entry. Inbox full: refused as NOT_LOGGED."""

    waiter: Waiter
    batch: PayoutBatch
    concern: WriteConcern = WriteConcern.QUORUM


@dataclass(frozen=True, slots=True)
class CommandProposed:
    """One of the rarer commands waits for a log entry. Inbox full: refused as NOT_LOGGED."""

    waiter: Waiter
    command: Command
    concern: WriteConcern = WriteConcern.QUORUM


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Nobody waits any more for an answer with the concern ALL_VOTERS. It always has room."""

    waiter: Waiter


@dataclass(frozen=True, slots=True)
class ChangeRequested:
    """An operator asks for other members. Inbox full: refused as NOT_LOGGED.

    expected_index: index of the membership that it was decided upon; None: any.
    """

    waiter: Waiter
    request: Request
    expected_index: Index | None


@dataclass(frozen=True, slots=True)
class ReadsRequested:
    """Reads that wait together ask for a read point. Inbox full: refused as NOT_LOGGED."""

    waiter: Waiter


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """Hand the leadership to `to`, NO_NODE: to whom the core picks. Inbox full: NOT_LOGGED."""

    waiter: Waiter
    to: NodeId


@dataclass(frozen=True, slots=True)
class StateDamaged:
    """A read or the scrub found a row of the state that fails its check (T85). Always has room."""

    why: str


@dataclass(frozen=True, slots=True)
class Noted:
    """The shell knows something that the core must weigh. Rare: it always has room."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class LogBounded:
    """From now on this much of the log is kept (F27). Rare: it always has room."""

    bounds: LogBounds


@dataclass(frozen=True, slots=True)
class SnapshotAsked:
    """Somebody wants a copy of the state made now. Inbox full: NOT_LOGGED."""

    waiter: Waiter


@dataclass(frozen=True, slots=True)
class SnapshotMade:
    """The copy that `SnapshotStore.make` began has ended. Always has room.

    snapshot: whole, verified and durable; None: it failed, for the reason in `why`.
    """

    snapshot: Snapshot | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotFetched:
    """The fetch of the snapshot with this checksum has ended. Always has room.

    snapshot: verified, durable and ready for `StateStore.install`; None: it was refused.
    """

    sha256: bytes
    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True)
class SnapshotSpoiled:
    """The snapshot with this checksum, made here, turned out damaged (T90). Always has room."""

    sha256: bytes


SnapshotInput: TypeAlias = (
    SnapshotAsked | SnapshotMade | SnapshotFetched | SnapshotSpoiled
)
Input: TypeAlias = (
    Ticked
    | Received
    | PayoutsProposed
    | CommandProposed
    | ChangeRequested
    | Abandoned
    | ReadsRequested
    | TransferAsked
    | Noted
    | LogBounded
    | SnapshotInput
    | StateDamaged
)
