"""The cluster as one node sees it: `Cluster.Status`, made of what consensus knows anyway."""

from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.formats.versions import STATE_VERSION, STATE_VERSION_MIN
from ledgerd.raft.entries import NodeId, Role
from ledgerd.raft.protocol import PROTOCOL_MAX
from ledgerd.raft.status import PeerStatus, Status


def overview(
    core: Status, *, cluster_id: str, state_version: int, addresses: dict[NodeId, str]
) -> pb.ClusterStatusReply:
    """Return what a node says of the cluster; of how far each is only if it leads.

    addresses: of the public API, by node.
    """
    membership = core.membership
    reply = pb.ClusterStatusReply(
        cluster_id=cluster_id,
        node_id=core.node_id,
        leader_id=core.leader,
        term=core.term,
        commit_index=core.commit,
        last_index=core.last,
        state_version=state_version,
        membership_index=membership.index,
        joint=membership.is_joint,
    )
    peers = {peer.node_id: peer for peer in core.peers}
    for node_id in membership.members:
        node = reply.nodes.add(
            node_id=node_id,
            voter=node_id in membership.all_voters,
            api_address=addresses.get(node_id, ""),
        )
        if core.role is not Role.LEADER:
            continue
        if node_id == core.node_id:
            node.as_heard.CopyFrom(_of_itself(core))
        elif node_id in peers:
            node.as_heard.CopyFrom(_of_peer(core, peers[node_id]))
    return reply


def _of_itself(core: Status) -> pb.NodeAsHeard:
    return pb.NodeAsHeard(
        heard=True,
        match_index=core.durable,
        lag_entries=core.last - core.durable,
        mode="leader",
        slow=core.is_slow,
        free_bytes=core.free_bytes,
        protocol=PROTOCOL_MAX,
        state_version_min=STATE_VERSION_MIN,
        state_version_max=STATE_VERSION,
    )


def _of_peer(core: Status, peer: PeerStatus) -> pb.NodeAsHeard:
    oldest, newest = peer.state_versions or (0, 0)
    return pb.NodeAsHeard(
        heard=peer.is_heard,
        match_index=peer.match,
        lag_entries=max(0, core.last - peer.match),
        mode=peer.mode.value,
        slow=peer.is_slow,
        free_bytes=peer.free_bytes,
        protocol=peer.protocol or 0,
        state_version_min=oldest,
        state_version_max=newest,
    )
