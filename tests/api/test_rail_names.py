"""A rail that only a record of the catalogue knows has its name everywhere. 8.2."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import grpc
import pytest

from ledgerd.api import ids, rail_names
from ledgerd.api.handle import NodeHandle
from ledgerd.api.rails import rail_message
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.api.v1 import dispatch_pb2
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.api.v1 import rails_pb2 as rails
from ledgerd.ledger.catalogue import RAILS, Catalogue
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


class OneReader:
    """A state to be read, at one index."""

    def __init__(self, index: int, *names: str) -> None:
        self._index = index
        self._rails = {
            1_000 + number: (replace(PIX, number=1_000 + number, name=name),)
            for number, name in enumerate(names)
        }

    def applied(self) -> int:
        return self._index

    def catalogue(self) -> Catalogue:
        return Catalogue(self._rails)


class LateNode:
    """Answers reads in the order in which the test lets them go."""

    def __init__(self) -> None:
        self.readers: list[asyncio.Future[OneReader]] = []

    # Any: what is asked for is what is answered.
    async def read(self, query: Any, **_: Any) -> Any:
        asked: asyncio.Future[OneReader] = asyncio.get_running_loop().create_future()
        self.readers.append(asked)
        return None, query(await asked)


def test_a_look_that_was_slow_takes_no_name_away() -> None:
    """It read the state before the rail was set, and comes back after one that read it since."""

    async def run() -> None:
        node = LateNode()
        names = rail_names.RailNames(cast(NodeHandle, node))
        early, late = (asyncio.create_task(names.look()) for _ in range(2))
        await asyncio.sleep(0)
        node.readers[1].set_result(OneReader(7, "br_pix"))
        await late
        node.readers[0].set_result(OneReader(6))
        await early

        assert names.numbers["br_pix"] == 1_000

    asyncio.run(run())


def test_outside_of_a_call_the_seed_is_known() -> None:
    """And a number that nobody has heard of still has a word for it."""
    names = rail_names.known()

    assert names.numbers == {rail.name: rail.number for rail in RAILS.values()}
    assert names.name(2) == "us_ach"
    assert names.name(1_001) == "rail-1001"
