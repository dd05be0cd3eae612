"""A rail that only a record of the catalogue knows has its name everywhere. 8.2."""

import asyncio
from dataclasses import replace

import grpc
import pytest

from ledgerd.api import ids, rail_names
from ledgerd.api.rails import rail_message
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.api.v1 import dispatch_pb2
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.api.v1 import rails_pb2 as rails
from ledgerd.ledger.catalogue import RAILS
from ledgerd.timetable.rail_file import seed
from tests.api.world import World

PIX = replace(seed()[1], number=1_001, name="br_pix", windows=(), calendar="", zone="")


def test_a_new_rail_is_used_without_a_release(world: World) -> None:
    """Set, submitted by, shown, listed, suspended, claimed; malformed before it is set."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000, livemode=True)
            order = world.order(account, rail="br_pix")
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await stub.payouts.Submit(pb.SubmitRequest(order=order))
            assert unknown.value.code() is grpc.StatusCode.INVALID_ARGUMENT

            admin = world.stub("admin").admin
            asked = rails.SetCatalogueRequest(
                request_id=world.new_id(ids.REQUEST), rails=[rail_message(PIX)]
            )
            assert (await admin.SetCatalogue(asked)).result.outcome == (
                common.OUTCOME_CREATED
            )
            made = await stub.payouts.Submit(pb.SubmitRequest(order=order))
            assert made.result.result.outcome == common.OUTCOME_CREATED
            assert made.payout.order.rail == "br_pix"

            shown = await stub.payouts.Get(
                pb.GetPayoutRequest(payout_id=order.payout_id)
            )
            assert (shown.payout.order.rail, shown.payout.rail) == ("br_pix", "br_pix")
            listed = await stub.payouts.List(pb.ListPayoutsRequest(rail="br_pix"))
            assert [p.order.payout_id for p in listed.payouts] == [order.payout_id]

            for is_suspended in (True, False):
                reply = await admin.SuspendRail(
                    rails.SuspendRailRequest(
                        request_id=world.new_id(ids.REQUEST),
                        rail="br_pix",
                        suspended=is_suspended,
                    )
                )
                assert reply.result.outcome == common.OUTCOME_CREATED
            known = await admin.GetCatalogue(rails.GetCatalogueRequest())
            assert [row.rail for row in known.suspensions] == ["br_pix"]

            claimed = await world.stub("dispatcher").dispatch.ClaimDispatch(
                dispatch_pb2.ClaimDispatchRequest(
                    request_id=world.new_id(ids.REQUEST), rails=["br_pix"]
                )
            )
            assert [c.payout.rail for c in claimed.claims] == ["br_pix"]

    asyncio.run(run())


def test_outside_of_a_call_the_seed_is_known() -> None:
    """And a number that nobody has heard of still has a word for it."""
    names = rail_names.known()

    assert names.numbers == {rail.name: rail.number for rail in RAILS.values()}
    assert names.name(2) == "us_ach"
    assert names.name(1_001) == "rail-1001"
