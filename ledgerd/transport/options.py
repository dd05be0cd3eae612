"""What the transport is told at start; made by the composition root out of the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ledgerd.raft.entries import NodeId

STORE_ID_BYTES = 16


class FailStop(Protocol):
    """Ends the process on purpose. Does not return, except in tests."""

    def __call__(self, error: BaseException, *, where: str) -> object:
        """End the process because of `error`."""
        ...


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """The options of the transport. Times in seconds.

    store_id: 16 bytes, written when the data directory was made.
    listen: host:port of this node's peer listener; port 0 takes any free one.
    peers: host:port to dial, by node id, without this node, as the configuration has them; where
        the membership has another address for the same node, this one is dialled.
    peer_address: where other nodes dial this one; told to them in the greeting.
    boot: how often the data directory was started; 0: unknown (F35).
    is_plaintext: no TLS, so there is no certificate to compare with a greeting; loopback only.
    alive_interval_s: how often the server of a stream says that it lives: one heartbeat.
    silence_limit_s: a stream whose server was silent for that long is given up and dialled anew, or
        a healed partition would wait for TCP's own back-off (T76). raft.md 5.1 wants one election
        base, 0.15 s. Three processes that share two cores were seen to answer up to 0.4 s late
        under load, and each needless reconnect costs a probe round, so the default is four bases.
        Nothing is lost by it: elections rest on heartbeats, never on the state of a stream. With
        slow heartbeats five of them are awaited, see `silence_s`.
    reconnect_s_min, reconnect_s_max: back-off between attempts, doubling, with jitter.
    connect_limit_s: one attempt: connection, handshake, greeting.
    snapshot_bytes_per_s: pace of all snapshots that this node gives, together (F29).
    """

    cluster_id: str
    node_id: NodeId
    store_id: bytes
    listen: str
    peers: Mapping[NodeId, str]
    is_plaintext: bool = False
    peer_address: str = ""
    boot: int = 0
    alive_interval_s: float = 0.03
    silence_limit_s: float = 0.6
    reconnect_s_min: float = 0.02
    reconnect_s_max: float = 0.5
    connect_limit_s: float = 0.5
    snapshot_bytes_per_s: int = 16 << 20

    def __post_init__(self) -> None:
        """Assert the relations between the options."""
        assert len(self.store_id) == STORE_ID_BYTES, len(self.store_id)
        assert self.node_id not in self.peers, (self.node_id, self.peers)
        assert 0 < self.reconnect_s_min <= self.reconnect_s_max, self

    @property
    def silence_s(self) -> float:
        """The silence limit in force: never less than five heartbeats."""
        return max(self.silence_limit_s, 5 * self.alive_interval_s)
