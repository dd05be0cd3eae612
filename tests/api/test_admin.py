"""The service Admin over TLS."""

import asyncio

from ledgerd.api import ids
from ledgerd.api.v1 import admin_pb2 as pb
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.api.v1 import payouts_pb2
from ledgerd.errors import NotLogged, Reason
from tests.api.world import START_US, World


def test_status_says_what_the_node_knows(world: World) -> None:
    """Consensus, what readers see with its digest, peers and load."""

    async def run() -> None:
        async with world.running():
            await world.account(world.stub("submitter"), units=5)
            reply = await world.stub("auditor").admin.Status(pb.StatusRequest())

            assert (reply.cluster_id, reply.node_id) == ("test-cluster", 1)
            assert (reply.role, reply.term, reply.leader_id) == (pb.LEADER, 3, 1)
            assert reply.leader_address == "127.0.0.1:7001"
            assert 2 == reply.commit_index == reply.applied_index == reply.visible_index
            assert len(bytes.fromhex(reply.digest)) * 2 == 64
            assert any(bytes.fromhex(reply.digest))
            assert reply.log_time_us == START_US + 2_000_000
            assert reply.ready
            assert list(reply.voters) == [1]
            (peer,) = reply.peers
            assert (
                peer.node_id,
                peer.address,
                peer.connected,
            ) == (2, "127.0.0.1:8002", True)
            assert reply.calls_in_flight == 1

    asyncio.run(run())


def test_status_is_answered_when_nothing_can_be_read(world: World) -> None:
    """A stopping node still says what it knows of consensus."""

    async def run() -> None:
        async with world.running():
            world.node.read_fault = NotLogged(Reason.STOPPING, "stopping")
            world.node.ready = False
            reply = await world.stub("admin").admin.Status(pb.StatusRequest())

            assert (reply.term, reply.digest) == (3, "")
            assert (reply.ready, reply.not_ready_reason) == (False, "told so")

    asyncio.run(run())


def test_a_status_waits_half_a_second_at_most_for_the_state(world: World) -> None:
    """While a disk hangs nothing is read, and that is when a status is asked for (F9)."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("admin").admin
            await stub.Status(pb.StatusRequest(), timeout=60)
            patient = world.node.deadlines[-1] - asyncio.get_running_loop().time()
            await stub.Status(pb.StatusRequest(), timeout=0.4)
            hasty = world.node.deadlines[-1] - asyncio.get_running_loop().time()

            assert patient <= 0.5
            assert hasty <= 0.2

    asyncio.run(run())


def test_fees_are_set_and_charged(world: World) -> None:
    """A schedule set by an admin is charged from the next entry on, as the reply shows."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            request = pb.SetFeesRequest(
                request_id=world.new_id(ids.REQUEST),
                rules=[
                    pb.FeeRule(
                        rail="sandbox",
                        currency="USD",
                        fixed_units=25,
                        bps=100,
                        max_units=100,
                    )
                ],
                source="board of 2 May",
            )
            admin = world.stub("admin").admin
            first = await admin.SetFees(request)
            again = await admin.SetFees(request)
            order = world.order(account)
            submit = await stub.payouts.Submit(payouts_pb2.SubmitRequest(order=order))
            batch = await stub.payouts.SubmitBatch(
                payouts_pb2.SubmitBatchRequest(orders=[world.order(account)])
            )

            assert first.result.outcome == common.OUTCOME_CREATED
            assert again.result.outcome == common.OUTCOME_REPLAYED
            # 25 + 2.5, half up.
            assert 28 == submit.result.fee_units == submit.payout.fee_units
            assert batch.results[0].fee_units == 28

    asyncio.run(run())
