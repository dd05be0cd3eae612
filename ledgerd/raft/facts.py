"""What the shell knows of this node and its peers, and the core must weigh: `RaftCore.note`.

A fact is no message: nobody vouches for it but this process, and it never changes term or vote by
itself. Each class says what the core does with it.
"""

from dataclasses import dataclass
from typing import TypeAlias

from ledgerd.raft.entries import NodeId


@dataclass(frozen=True, slots=True)
class PeerLost:
    """The stream to a peer broke. A leader forgets the peer's window and probes it again."""

    node_id: NodeId


Fact: TypeAlias = PeerLost
