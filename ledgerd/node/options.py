"""What a node is told at start; made by the composition root out of the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass

from ledgerd.raft.entries import NodeId


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """The options of the node floor.

    cluster_id: name of the cluster.
    api_addresses: host:port of the public API of every node, by node id.
    tick_s: length of a tick, seconds.
    settle_delay_s: how long applied state may wait before readers see it, if some wait for what
        comes, or if it is much.
    settle_delay_s_max: how long, if it is little and nobody waits.
    stop_grace_s: how long calls in flight may take when the node is told to stop.
    """

    node_id: int
    cluster_id: str
    api_addresses: Mapping[NodeId, str]
    tick_s: float
    settle_delay_s: float = 0.02
    settle_delay_s_max: float = 0.1
    stop_grace_s: float = 2.0
