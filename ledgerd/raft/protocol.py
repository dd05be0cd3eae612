"""Which version of the protocol between nodes understands which message (F26, T67).

Two neighbouring releases form one cluster. What an older release does with a message that it does
not know is in nobody's hands any more: release 0.1.0 ends the stream over it, and the sender would
dial and send it again, for ever. So it is never sent: each class states here since when it is
understood, both ends say in their greeting what they understand, and the transport withholds the
rest. A new field of a known message is different: an older release ignores it, so it may always be
sent, and whoever relies on it asks `Releases.protocol` first. docs/protocol.md: how to add either.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from ledgerd.raft.entries import NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Heartbeat,
    HeartbeatReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndexReply,
    ReadIndexRequest,
    RepairReply,
    RepairRequest,
    RequestVote,
    RequestVoteReply,
    SnapshotOffer,
    TermOver,
    TimeoutNow,
)

PROTOCOL_MIN: Final = 1  # the oldest version this release speaks: that of 0.1.0
PROTOCOL_MAX: Final = (
    2  # one more with each release that adds a class or relies on a field
)

# The first version that understands each class.
SINCE: Final[Mapping[type[Message], int]] = {
    PreVote: 1,
    PreVoteReply: 1,
    RequestVote: 1,
    RequestVoteReply: 1,
    AppendEntries: 1,
    AppendAccepted: 1,
    AppendRejected: 1,
    Heartbeat: 1,
    HeartbeatReply: 1,
    ReadIndexRequest: 1,
    ReadIndexReply: 1,
    TermOver: 1,
    TimeoutNow: 2,
    SnapshotOffer: 2,
    RepairRequest: 2,
    RepairReply: 2,
}

assert all(1 <= since <= PROTOCOL_MAX for since in SINCE.values())


def is_understood(kind: type[Message], protocol: int) -> bool:
    """Return whether a peer that speaks `protocol` knows messages of this class."""
    return SINCE[kind] <= protocol


class Releases:
    """What each peer said of its release when it greeted last. One owner: the core.

    A peer that has not greeted this process yet counts as one of this release for messages, since
    nothing reaches it before it greets; it counts as unknown for the state version, which must not
    be raised over its head.
    """

    __slots__ = ("_greeted",)

    def __init__(self) -> None:
        self._greeted: dict[NodeId, PeerGreeted] = {}

    def greeted(self, fact: PeerGreeted) -> None:
        """Remember what a peer said; a later greeting replaces an earlier one."""
        self._greeted[fact.node_id] = fact

    @property
    def facts(self) -> tuple[PeerGreeted, ...]:
        """What each peer said last."""
        return tuple(self._greeted.values())

    def said(self, peer: NodeId) -> PeerGreeted | None:
        """Return what the peer said last; None if it has not greeted this process."""
        return self._greeted.get(peer)

    def protocol(self, peer: NodeId) -> int:
        """Return the newest version that both this node and `peer` speak."""
        greeted = self._greeted.get(peer)
        return PROTOCOL_MAX if greeted is None else greeted.protocol

    def speaks(self, peer: NodeId, kind: type[Message]) -> bool:
        """Return whether messages of this class reach the peer."""
        return is_understood(kind, self.protocol(peer))

    def state_versions(self, peer: NodeId) -> tuple[int, int] | None:
        """Return the oldest and newest state version that `peer` applies; None if unknown."""
        greeted = self._greeted.get(peer)
        if greeted is None:
            return None
        return greeted.state_version_min, greeted.state_version_max

    def state_version_max(self, peers: Iterable[NodeId], own: int) -> int | None:
        """Return the newest state version that all of `peers` apply, at most `own` (T67).

        None while one of them has not greeted since this process started: it may be older.
        """
        newest = own
        for peer in peers:
            versions = self.state_versions(peer)
            if versions is None:
                return None
            newest = min(newest, versions[1])
        return newest
