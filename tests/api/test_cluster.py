"""The service Cluster over TLS."""

import asyncio

import grpc

from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from tests.api.world import World, refusal_of


def test_a_transfer_answers_with_the_next_leader(world: World) -> None:
    """Its id, its address, its term."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("admin")
            reply = await stub.cluster.Transfer(
                pb.TransferLeadershipRequest(to_node_id=2)
            )

            assert (reply.leader_id, reply.term) == (2, 4)
            assert reply.leader_address == "127.0.0.1:7002"
            assert world.node.transfers == [2]

    asyncio.run(run())


def test_a_repeated_request_changes_nothing(world: World) -> None:
    """The node that it names as the leader is not this one: it has happened already."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("admin")
            for to in (0, 1):
                reply = await stub.cluster.Transfer(
                    pb.TransferLeadershipRequest(to_node_id=to, from_node_id=3)
                )
                assert (reply.leader_id, reply.term) == (1, 3)

            assert world.node.transfers == []

    asyncio.run(run())


def test_a_leader_that_leads_on_says_why(world: World) -> None:
    """Certainly without effect; the caller may try another node."""

    async def run() -> None:
        async with world.running():
            reason = Reason.NO_TRANSFER_TARGET
            world.node.fault = NotLogged(reason, "expected a voter", {"leader": "1"})
            refusal = await refusal_of(
                world.stub("admin").cluster.Transfer(pb.TransferLeadershipRequest())
            )

            assert refusal.code == grpc.StatusCode.FAILED_PRECONDITION
            assert refusal.reason == "NO_TRANSFER_TARGET"
            assert refusal.metadata["outcome"] == "NOT_LOGGED"

    asyncio.run(run())
