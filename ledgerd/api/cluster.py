"""The service `Cluster`: who takes part, and who leads."""

from typing import Any

import grpc

from ledgerd.api import calls
from ledgerd.api.handle import NodeHandle
from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.api.v1 import cluster_pb2_grpc
from ledgerd.raft.entries import Role

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]


class ClusterService(cluster_pb2_grpc.ClusterServicer):
    """Answers the calls of `Cluster`."""

    def __init__(self, node: NodeHandle) -> None:
        self._node = node

    async def Transfer(  # noqa: D102 - the proto says what it does
        self, request: pb.TransferLeadershipRequest, context: Context
    ) -> pb.TransferLeadershipReply:
        core = self._node.status().core
        leader, term = core.leader, core.term
        is_done = (
            core.role is Role.LEADER
            and request.from_node_id not in (0, leader)
            and request.to_node_id in (0, leader)
        )
        if not is_done:  # else this is what a repeated request led to
            deadline = calls.current().deadline
            ended = await self._node.transfer(request.to_node_id, deadline)
            leader, term = ended.leader, ended.term
        return pb.TransferLeadershipReply(
            leader_id=leader, leader_address=self._node.api_address(leader), term=term
        )
