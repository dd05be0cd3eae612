"""The past: balances, statements and trial balances at an index or a time."""

import asyncio
from itertools import pairwise

import grpc
import pytest

from ledgerd.api import ids
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.api.v1 import common_pb2, payouts_pb2
from tests.api.world import START_US, Stub, World, refusal_of

S = 1_000_000  # entries of this world are a second apart


async def a_history(world: World, stub: Stub, submits: int = 5) -> str:
    """Open (1), fund 1,000 (2), submit five payouts of 250 (3 ..), the last of them refused."""
    account = await world.account(stub, units=1_000)
    for _ in range(submits):
        await stub.payouts.Submit(payouts_pb2.SubmitRequest(order=world.order(account)))
    return account


async def balance(stub: Stub, account: str, **as_of: int) -> pb.GetBalanceReply:
    """Return the balances at a moment."""
    asked = common_pb2.AsOf(**as_of) if as_of else None
    return await stub.ledger.GetBalance(
        pb.GetBalanceRequest(account_id=account, as_of=asked)
    )


def test_a_balance_of_the_past(world: World) -> None:
    """At each index, and at the times before, at and behind it."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await a_history(world, stub)
            expected = {1: 0, 2: 1_000, 3: 750, 4: 500, 5: 250, 6: 0, 7: 0}
            for index, available in expected.items():
                at = START_US + index * S
                by_index = await balance(stub, account, index=index)
                by_time = await balance(stub, account, time_us=at)
                behind = await balance(stub, account, time_us=at + S - 1)
                assert by_index.balances.available_units == available
                assert by_index.balances == by_time.balances == behind.balances
                assert (by_index.as_of_index, by_index.final) == (index, True)
                assert by_index.sequence == max(0, min(index, 6) - 1)
                assert by_time.final
            now = await balance(stub, account)
            future = await balance(stub, account, time_us=START_US + 100 * S)

            assert now.balances.reserved_units == 1_000
            assert (now.as_of_index, now.final) == (7, True)
            assert (future.balances, future.final) == (now.balances, False)

    asyncio.run(run())


def test_a_balance_that_there_is_not(world: World) -> None:
    """An index yet to come, and an account before it was opened."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await a_history(world, stub)
            beyond = await refusal_of(balance(stub, account, index=8))
            before = await refusal_of(balance(stub, account, index=0))
            nobody = await refusal_of(balance(stub, world.new_id(ids.ACCOUNT), index=3))

            assert beyond.code == grpc.StatusCode.OUT_OF_RANGE
            assert beyond.reason == "INDEX_NOT_KEPT"
            assert beyond.metadata["index_newest"] == "7"
            assert (before.reason, nobody.reason) == ("NOT_FOUND", "NOT_FOUND")

    asyncio.run(run())


async def statement(stub: Stub, account: str, **fields: object) -> pb.StatementReply:
    """Return one page."""
    return await stub.reports.Statement(
        pb.StatementRequest(account_id=account, **fields)
    )


def test_a_statement_leads_from_opening_to_closing(world: World) -> None:
    """Each line says what was done to what, and what it left."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await a_history(world, stub)
            whole = await statement(stub, account)
            cents = [line.change.available_units for line in whole.lines]
            left = [line.after.available_units for line in whole.lines]

            assert (whole.from_index, whole.to_index, whole.final) == (1, 8, True)
            assert (whole.currency, whole.exponent) == ("USD", 2)
            assert whole.opening == pb.StatementBalance(balances=pb.Balances())
            assert whole.closing.balances.reserved_units == 1_000
            assert [line.reason for line in whole.lines] == ["fund", *["submit"] * 4]
            assert [line.sequence for line in whole.lines] == [1, 2, 3, 4, 5]
            assert [line.index for line in whole.lines] == [2, 3, 4, 5, 6]
            assert [line.at_us for line in whole.lines] == [
                START_US + index * S for index in (2, 3, 4, 5, 6)
            ]
            assert cents == [1_000, -250, -250, -250, -250]
            assert left == [1_000, 750, 500, 250, 0]
            assert whole.lines[0].subject.startswith("req_")
            assert whole.lines[1].subject.startswith("payout_")

    asyncio.run(run())


def test_the_closing_of_one_is_the_opening_of_the_next(world: World) -> None:
    """Whether the cuts are indexes or times, and whatever the pages."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await a_history(world, stub)
            by_index = [
                await statement(stub, account, from_index=a, to_index=b)
                for a, b in pairwise((1, 1, 3, 4, 8))
            ]
            times = [START_US + n * S // 2 for n in (0, 3, 8, 9, 40)]
            by_time = [
                await statement(stub, account, from_us=a, to_us=b)
                for a, b in pairwise(times)
            ]
            for parts in (by_index, by_time):
                assert all(one.closing == two.opening for one, two in pairwise(parts))
                lines = [line.sequence for part in parts for line in part.lines]
                assert lines == [1, 2, 3, 4, 5]
            assert [part.final for part in by_time] == [True, True, True, False]

    asyncio.run(run())


def test_pages_of_a_statement_stand_while_writers_run(world: World) -> None:
    """The first page fixed where it ends; what comes later is another statement's."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await a_history(world, stub)
            page = await statement(stub, account, page_size=2)
            pages = [page]
            while page.next_cursor:
                await world.account(stub, units=5)
                await stub.ledger.Fund(
                    pb.FundRequest(
                        request_id=world.new_id(ids.REQUEST),
                        account_id=account,
                        amount=common_pb2.Money(units=1, currency="USD"),
                        bank="one",
                        external_ref=world.new_id(ids.REQUEST),
                    )
                )
                page = await statement(
                    stub, account, page_size=2, cursor=page.next_cursor
                )
                pages.append(page)
            other = await refusal_of(
                statement(stub, account, cursor=pages[0].next_cursor, to_index=3)
            )

            assert [len(page.lines) for page in pages] == [2, 2, 1]
            assert {page.to_index for page in pages} == {8}
            assert all(page.closing == pages[0].closing for page in pages)
            assert all(page.opening == pages[0].opening for page in pages)
            lines = [line.sequence for page in pages for line in page.lines]
            assert lines == [1, 2, 3, 4, 5]
            assert other.reason == "CURSOR_INVALID"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"from_index": 9}, "INDEX_NOT_KEPT"),
        ({"to_index": 9}, "INDEX_NOT_KEPT"),
        ({"from_index": 5, "to_index": 4}, "MALFORMED"),
        ({"from_us": START_US + 5 * S, "to_us": START_US}, "MALFORMED"),
        ({"page_size": 1_001}, "MALFORMED"),
    ],
)
def test_a_statement_that_there_is_not(
    world: World, fields: dict[str, int], reason: str
) -> None:
    """Ends that are not reached or in the wrong order are refused."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await a_history(world, stub)

            assert (
                await refusal_of(statement(stub, account, **fields))
            ).reason == reason

    asyncio.run(run())


def test_trial_balances_of_the_past(world: World) -> None:
    """Balanced at each index, with the accounts and the money that there were then."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await a_history(world, stub)
            await a_history(world, stub)
            for index in range(15):
                reply = await stub.reports.TrialBalance(
                    pb.TrialBalanceRequest(as_of=common_pb2.AsOf(index=index))
                )
                cash = 1_000 * ((index >= 2) + (index >= 9))
                sums = {
                    line.ledger_account: (line.debit_units, line.accounts)
                    for book in reply.books
                    for line in book.lines
                }
                assert all(book.balanced for book in reply.books)
                assert (reply.as_of_index, reply.final) == (index, True)
                assert len(reply.books) == (index > 0)
                if cash:
                    assert sums["bank/test_bank/cash"] == (str(cash), 1)
                if "cust/*/available" in sums:
                    assert sums["cust/*/available"][1] == 1 + (index >= 8)
            now = await stub.reports.TrialBalance(pb.TrialBalanceRequest())
            assert now.books == reply.books
            assert now.as_of_index == 14

    asyncio.run(run())
