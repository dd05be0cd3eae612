"""What the shell knows of this node and its peers, and the core must weigh: `RaftCore.note`.

A fact is no message: nobody vouches for it but this process, and it never changes term or vote by
itself. Each class says what the core does with it.
"""

from dataclasses import dataclass
from typing import TypeAlias

from ledgerd.raft.entries import Index, NodeId


@dataclass(frozen=True, slots=True)
class PeerLost:
    """The stream to a peer broke. A leader forgets the peer's window and probes it again."""

    node_id: NodeId


@dataclass(frozen=True, slots=True)
class PeerGreeted:
    """A stream to or from a peer began, and it said what its release understands (F26).

    The core remembers it and sends nothing that would not be understood.

    protocol: the newest version of the protocol between nodes that both ends speak.
    state_version_min, state_version_max: the replicated state versions that the peer applies.
    store_uuid: made with the peer's data directory; it becomes part of its record (F25).
    """

    node_id: NodeId
    protocol: int
    state_version_min: int
    state_version_max: int
    store_uuid: bytes = b""


@dataclass(frozen=True, slots=True)
class ApplyStopped:
    """This node cannot apply the committed entry at `index`, nor any after it (F26).

    It keeps its vote and its log, but it neither leads nor asks to: a leader steps down.
    """

    index: Index


@dataclass(frozen=True, slots=True)
class SnapshotSent:
    """A peer has fetched the snapshot that was offered to it, or its attempt has failed.

    Either way the leader probes the peer again (T62): behind the snapshot if it was sent, else
    where the peer was known to stand, which offers a snapshot anew.
    """

    node_id: NodeId
    ok: bool


@dataclass(frozen=True, slots=True)
class PeerRefused:
    """The stream to a peer broke, and one attempt to connect again was refused: nobody listens.

    A follower of that peer suspects that it is dead: it asks for an election within a heartbeat,
    and its vote is no longer bound to a leader that it lost this way (F4). Others' votes still are.
    """

    node_id: NodeId


@dataclass(frozen=True, slots=True)
class LogWritten:
    """A synced write of the own log took `ticks` whole ticks. The core judges the disk (F8)."""

    ticks: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """So many bytes are left for the log and the state, less a reserve; told now and then (F36)."""

    free_bytes: int


@dataclass(frozen=True, slots=True)
class SlotCorrupt:
    """The stored value at `index` exists and fails its check (F33).

    Until it is repaired from memory or from peers, the node neither campaigns nor acks it.
    """

    index: Index


@dataclass(frozen=True, slots=True)
class HoldingBack:
    """Whether a leader may hold entries back from who is not needed for a commit (`thrift`).

    The core does so from the start, within its bound; it knows no clock to judge by.
    """

    is_on: bool


Fact: TypeAlias = (
    PeerLost
    | PeerGreeted
    | ApplyStopped
    | SnapshotSent
    | PeerRefused
    | LogWritten
    | Capacity
    | SlotCorrupt
    | HoldingBack
)
