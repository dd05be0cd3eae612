"""The service Cluster over TLS."""

import asyncio
from dataclasses import replace

import grpc
import pytest

from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.membership import Membership, NodeKind, NodeRecord
from ledgerd.raft.progress import Mode
from ledgerd.raft.requests import AddNode, RemoveNode, ReplaceNode, UpdateNode
from ledgerd.raft.status import PeerStatus
from tests.api.world import World, refusal_of


def test_a_transfer_answers_with_the_next_leader(world: World) -> None:
    """Its id, its address, its term."""

    async def run() -> None:
        async with world.running():
            of_three(world)
            stub = world.stub("admin")
            reply = await stub.cluster.Transfer(
                pb.TransferLeadershipRequest(to_node_id=2)
            )

            assert (reply.leader_id, reply.term) == (2, 4)
            assert reply.from_node_id == 1
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
                assert reply.from_node_id == 3

            assert world.node.transfers == []

    asyncio.run(run())


def test_the_reply_says_which_node_handed_over(world: World) -> None:
    """Not the one that the caller took for the leader: another was elected since."""

    async def run() -> None:
        async with world.running():
            of_three(world)
            stub = world.stub("admin")
            reply = await stub.cluster.Transfer(
                pb.TransferLeadershipRequest(to_node_id=2, from_node_id=3)
            )

            assert (reply.leader_id, reply.from_node_id) == (2, 1)
            assert world.node.transfers == [2]

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


def adding(**changes: object) -> pb.AddNodeRequest:
    """Return a request for a new node."""
    fields: dict[str, object] = {
        "peer_address": "node4:7201",
        "api_address": "node4:7101",
        **changes,
    }
    return pb.AddNodeRequest(**fields)  # type: ignore[arg-type]  # a test's own fields


def test_members_are_told_with_what_the_leader_knows(world: World) -> None:
    """This node leads alone; its progress is its own log."""

    async def run() -> None:
        async with world.running():
            request = pb.MembersRequest(from_leader=True)
            reply = await world.stub("admin").cluster.Members(request)
            (member,) = reply.members

            assert (member.node_id, member.role) == (1, pb.VOTER)
            assert member.progress.heard
            assert reply.next_node_id == 2

    asyncio.run(run())


def test_changes_are_handed_on_as_they_were_asked_for(world: World) -> None:
    """With the index that they were decided upon; 0 is none."""

    async def run() -> None:
        async with world.running():
            cluster = world.stub("admin").cluster
            await cluster.AddNode(adding(node_id=4, standby=True, expected_index=9))
            await cluster.RemoveNode(pb.RemoveNodeRequest(node_id=2))
            await cluster.ReplaceNode(
                pb.ReplaceNodeRequest(old_node_id=3, new_node=adding(expected_index=7))
            )

            await cluster.UpdateNode(pb.UpdateNodeRequest(node_id=2, priority=5))

    asyncio.run(run())
    new = AddNode(NodeId(4), "node4:7201", "node4:7101", NodeKind.STANDBY)
    unnumbered = AddNode(NodeId(0), "node4:7201", "node4:7101")

    assert world.node.changes == [
        (new, 9),
        (RemoveNode(NodeId(2)), None),
        (ReplaceNode(NodeId(3), unnumbered), 7),
        (UpdateNode(NodeId(2), priority=5), None),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"peer_address": ""}, "peer_address"),
        ({"api_address": "nowhere"}, "api_address"),
        ({"peer_address": "node4:0"}, "peer_address"),
        ({"region": "r" * 256}, "region"),
    ],
)
def test_a_node_without_a_place_is_malformed(
    world: World, changes: dict[str, object], field: str
) -> None:
    """Nothing is logged, and the field is named."""

    async def run() -> None:
        async with world.running():
            refusal = await refusal_of(
                world.stub("admin").cluster.AddNode(adding(**changes))
            )

            assert refusal.reason == "MALFORMED"
            assert refusal.metadata["field"] == field
            assert world.node.changes == []

    asyncio.run(run())


def of_three(world: World, *, silent: int = 0) -> None:
    """Let the node lead three, of which one may be silent for `silent` ticks."""
    alone = world.node.status()
    records = tuple(
        NodeRecord(NodeId(n), peer_address=f"node{n}:7201", api_address=f"node{n}:7101")
        for n in (1, 2, 3)
    )
    voters = tuple(record.node_id for record in records)
    membership = Membership(voters, index=Index(3), nodes=records)
    peers = tuple(
        PeerStatus(
            NodeId(n),
            Mode.REPLICATE,
            Index(1),
            Index(2),
            0,
            0,
            is_active=True,
            silent_ticks=silent if n == 3 else 0,
        )
        for n in (2, 3)
    )
    core = replace(alone.core, membership=membership, peers=peers)
    world.node.told = replace(alone, core=core)


@pytest.mark.parametrize("verb", ["add", "replace", "update"])
def test_two_members_do_not_share_an_address(world: World, verb: str) -> None:
    """One of them could never be dialled; the refusal names whose address it is."""

    async def run() -> None:
        async with world.running():
            of_three(world)
            cluster = world.stub("admin").cluster
            taken = adding(peer_address="node3:7201")
            refusal = await refusal_of(
                {
                    "add": lambda: cluster.AddNode(taken),
                    "replace": lambda: cluster.ReplaceNode(
                        pb.ReplaceNodeRequest(old_node_id=2, new_node=taken)
                    ),
                    "update": lambda: cluster.UpdateNode(
                        pb.UpdateNodeRequest(node_id=2, peer_address="node3:7201")
                    ),
                }[verb]()
            )

            assert refusal.reason == "CHANGE_REFUSED"
            assert "found node3:7201, which is that of node 3" in refusal.message
            assert world.node.changes == []

    asyncio.run(run())


def test_who_takes_a_place_may_have_its_addresses(world: World) -> None:
    """The old machine with an empty disk; and a node that is told of its own address again."""

    async def run() -> None:
        async with world.running():
            of_three(world)
            cluster = world.stub("admin").cluster
            same = adding(peer_address="node3:7201", api_address="node3:7101")
            await cluster.ReplaceNode(
                pb.ReplaceNodeRequest(old_node_id=3, new_node=same)
            )
            await cluster.UpdateNode(
                pb.UpdateNodeRequest(node_id=3, api_address="node3:7101")
            )

    asyncio.run(run())
    assert len(world.node.changes) == 2


def test_a_refused_change_names_the_node_and_what_there_is(world: World) -> None:
    """Not only the node that answered."""

    async def run() -> None:
        async with world.running():
            of_three(world)
            fault = NotLogged(Reason.CHANGE_REFUSED, "the node is no member")
            world.node.fault = fault
            refusal = await refusal_of(
                world.stub("admin").cluster.RemoveNode(pb.RemoveNodeRequest(node_id=9))
            )

            assert refusal.reason == "CHANGE_REFUSED"
            assert refusal.message == (
                "node 9 cannot be removed: the node is no member; voters: 1, 2, 3; the next "
                "node gets number 4"
            )

    asyncio.run(run())


def test_nothing_is_handed_to_a_node_that_is_silent(world: World) -> None:
    """Each attempt would keep the callers waiting for nothing."""

    async def run() -> None:
        async with world.running():
            of_three(world, silent=1_000)
            cluster = world.stub("admin").cluster
            refusal = await refusal_of(
                cluster.Transfer(pb.TransferLeadershipRequest(to_node_id=3))
            )
            assert refusal.reason == "NO_TRANSFER_TARGET"
            assert "node 3, which is silent" in refusal.message
            assert "these are heard: 2" in refusal.message
            assert world.node.transfers == []

            stranger = await refusal_of(
                cluster.Transfer(pb.TransferLeadershipRequest(to_node_id=9))
            )
            assert stranger.reason == "NO_TRANSFER_TARGET"
            assert "node 9, which is no voter" in stranger.message

            await cluster.Transfer(pb.TransferLeadershipRequest(to_node_id=2))
            assert world.node.transfers == [2]

    asyncio.run(run())


def test_the_status_of_the_cluster_is_the_leaders_view(world: World) -> None:
    """Any role; members with what the leader knows of each, itself included."""

    async def run() -> None:
        async with world.running():
            reply = await world.stub("auditor").cluster.Status(
                pb.ClusterStatusRequest(from_leader=True)
            )
            (node,) = reply.nodes

            assert (reply.cluster_id, reply.node_id, reply.leader_id) == (
                "test-cluster",
                1,
                1,
            )
            assert reply.state_version == 1
            assert node.voter
            assert node.as_heard.mode == "leader"
            assert node.as_heard.heard

    asyncio.run(run())


def test_a_node_without_a_copy_says_so(world: World) -> None:
    async def run() -> None:
        async with world.running():
            reply = await world.stub("admin").cluster.Snapshot(pb.SnapshotRequest())

            assert not reply.HasField("newest")
            assert (reply.node_id, reply.log_first_index) == (1, 1)

    asyncio.run(run())


def test_a_copy_is_made_and_shown(world: World) -> None:
    """F28: index, size and checksums, for comparison with other nodes."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("admin")
            reply = await stub.cluster.Snapshot(pb.SnapshotRequest(make=True))

            assert not reply.under_way
            assert (reply.newest.index, reply.newest.term) == (17, 2)
            assert reply.newest.size_bytes == 1000
            assert reply.newest.digest == "01" * 32

    asyncio.run(run())


def test_a_copy_that_takes_longer_than_the_call_goes_on(world: World) -> None:
    async def run() -> None:
        async with world.running():
            world.node.copies_slowly = True
            stub = world.stub("admin")
            reply = await stub.cluster.Snapshot(pb.SnapshotRequest(make=True))

            assert reply.under_way

    asyncio.run(run())
