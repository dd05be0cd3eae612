"""Lists by where the money goes and by what the client noted."""

import asyncio

import grpc
import pytest

from ledgerd.api.v1 import payouts_pb2 as pb
from tests.api.world import Refusal, Stub, World, refusal_of, us_account

ALLOWED = frozenset({"batch", "customer"})


async def submitted(world: World, stub: Stub, account: str) -> list[pb.PayoutOrder]:
    """Submit six payouts to two places, with metadata that differs."""
    orders = []
    for number in range(6):
        where = us_account(
            account_number=f"1234567{number % 2}", name=f"Payee {number}"
        )
        order = world.order(account)
        order.destination.CopyFrom(where)
        order.metadata.clear()
        order.metadata["batch"] = str(number // 3)
        if number == 4:
            order.metadata["customer"] = "Zürich"
        orders.append(order)
        await stub.payouts.Submit(pb.SubmitRequest(order=order))
    return orders


async def numbers(
    stub: Stub, orders: list[pb.PayoutOrder], **filters: object
) -> list[int]:
    """Return which of the orders a list has, page by page."""
    ids = [order.payout_id for order in orders]
    found: list[int] = []
    cursor = ""
    while True:
        page = await stub.payouts.List(
            pb.ListPayoutsRequest(page_size=2, cursor=cursor, **filters)
        )
        found += [ids.index(payout.order.payout_id) for payout in page.payouts]
        cursor = page.next_cursor
        if not cursor:
            return found


def test_payouts_of_one_destination(world: World) -> None:
    """Its fingerprint is that of bank and number, not of the name, and is told with a payout."""

    async def run() -> None:
        async with world.running(metadata_filters=ALLOWED):
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            orders = await submitted(world, stub, account)
            last = await stub.payouts.Submit(pb.SubmitRequest(order=orders[5]))
            got = await stub.payouts.Get(
                pb.GetPayoutRequest(payout_id=orders[4].payout_id)
            )
            other, one = (reply.payout.destination_fingerprint for reply in (last, got))

            assert len(one) == len(other) == 32
            assert "1234567" not in one + other
            assert await numbers(stub, orders, destination_fingerprint=one) == [0, 2, 4]
            assert await numbers(stub, orders, destination_fingerprint=other) == [
                1,
                3,
                5,
            ]
            assert await numbers(stub, orders, destination_fingerprint="0" * 32) == []

    asyncio.run(run())


def test_what_was_just_created_tells_its_fingerprint(world: World) -> None:
    """The same as it is read later; a payout without a destination has none."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            plain, bare = world.order(account), world.order(account)
            bare.ClearField("destination")
            for order in (plain, bare):
                made = await stub.payouts.Submit(pb.SubmitRequest(order=order))
                read = await stub.payouts.Get(
                    pb.GetPayoutRequest(payout_id=order.payout_id)
                )
                assert made.payout == read.payout
            assert made.payout.destination_fingerprint == ""

    asyncio.run(run())


def test_payouts_with_a_key_of_their_metadata(world: World) -> None:
    """With any value, or with one; combined with the other filters."""

    async def run() -> None:
        async with world.running(metadata_filters=ALLOWED):
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            orders = await submitted(world, stub, account)

            async def found(**filters: object) -> list[int]:
                return await numbers(stub, orders, account_id=account, **filters)

            assert await found(metadata_key="batch") == [0, 1, 2, 3, 4, 5]
            assert await found(metadata_key="batch", metadata_value="1") == [3, 4, 5]
            assert await found(metadata_key="batch", metadata_value="") == []
            assert await found(metadata_key="customer") == [4]
            assert await found(metadata_key="customer", metadata_value="Zürich") == [4]
            assert await found(metadata_key="customer", metadata_value="1") == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("filters", "field", "words"),
    [
        ({"metadata_key": "secret"}, "metadata_key", "(batch, customer)"),
        ({"metadata_value": "1"}, "metadata_key", "a key with its value"),
        ({"destination_fingerprint": "abc"}, "destination_fingerprint", "32 hex"),
        (
            {"metadata_key": "batch", "metadata_value": "e\u0301"},
            "metadata_value",
            "NFC",
        ),
    ],
)
def test_a_filter_that_may_not_be_asked_for_is_refused_by_field(
    world: World, filters: dict[str, str], field: str, words: str
) -> None:
    """Only keys on the node's list; the error names them."""

    async def run() -> None:
        async with world.running(metadata_filters=ALLOWED):
            stub = world.stub("submitter")
            refusal: Refusal = await refusal_of(
                stub.payouts.List(pb.ListPayoutsRequest(**filters))
            )

            assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
            assert refusal.fields == [field]
            assert words in refusal.message

    asyncio.run(run())


def test_a_cursor_fits_its_own_filters_only(world: World) -> None:
    """Another key or value would skip rows."""

    async def run() -> None:
        async with world.running(metadata_filters=ALLOWED):
            stub = world.stub("submitter")
            account = await world.account(stub, units=10_000)
            await submitted(world, stub, account)
            page = await stub.payouts.List(
                pb.ListPayoutsRequest(page_size=1, metadata_key="batch")
            )
            other = await refusal_of(
                stub.payouts.List(
                    pb.ListPayoutsRequest(
                        page_size=1,
                        metadata_key="batch",
                        metadata_value="1",
                        cursor=page.next_cursor,
                    )
                )
            )

            assert other.reason == "CURSOR_INVALID"

    asyncio.run(run())
