"""The services Ledger and Reports over TLS."""

import asyncio

import grpc

from ledgerd.api import ids
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.api.v1 import payouts_pb2
from tests.api.world import START_US, World, refusal_of


def test_an_account_is_opened_once(world: World) -> None:
    """The account id is the key: the same again is replayed, another body is a conflict."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            request = pb.OpenAccountRequest(
                account_id=world.new_id(ids.ACCOUNT),
                currency="EUR",
                livemode=True,
                owner_ref="customer 1",
                min_balance_units=5,
            )
            first = await stub.ledger.OpenAccount(request)
            again = await stub.ledger.OpenAccount(request)
            request.currency = "USD"
            other = await stub.ledger.OpenAccount(request)
            got = await stub.ledger.GetAccount(
                pb.GetAccountRequest(account_id=request.account_id)
            )

            assert first.result.outcome == common.OUTCOME_CREATED
            assert again.result.outcome == common.OUTCOME_REPLAYED
            assert first.header.index == again.result.original_index
            assert other.result.outcome == common.OUTCOME_CONFLICT
            assert list(other.result.differing_fields) == ["currency"]
            account = got.account
            assert (
                pb.Account(
                    account_id=request.account_id,
                    currency="EUR",
                    exponent=2,
                    livemode=True,
                    owner_ref="customer 1",
                    min_balance_units=5,
                    status=pb.OPEN,
                    balances=pb.Balances(),
                    opened_index=1,
                    opened_at_us=START_US + 1_000_000,
                )
                == account
            )

    asyncio.run(run())


def test_money_moves_and_is_seen(world: World) -> None:
    """Fund, transfer and a payout show in balances, and the books balance."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            first = await world.account(stub, units=1_000)
            second = await world.account(stub)
            moved = await stub.ledger.Transfer(
                pb.TransferRequest(
                    request_id=world.new_id(ids.REQUEST),
                    from_account_id=first,
                    to_account_id=second,
                    amount=common.Money(units=400, currency="USD", exponent=2),
                )
            )
            await stub.payouts.Submit(
                payouts_pb2.SubmitRequest(order=world.order(second))
            )
            balance = await stub.ledger.GetBalance(
                pb.GetBalanceRequest(account_id=second)
            )
            books = await stub.reports.TrialBalance(pb.TrialBalanceRequest())

            assert moved.result.outcome == common.OUTCOME_CREATED
            assert (
                balance.balances.available_units,
                balance.balances.reserved_units,
            ) == (150, 250)
            assert (balance.currency, balance.exponent) == ("USD", 2)
            assert balance.header.applied_index == world.node.index
            (book,) = books.books
            assert book.balanced
            assert "1000" == book.debit_units == book.credit_units
            assert {
                line.ledger_account: (
                    line.debit_units,
                    line.credit_units,
                    line.accounts,
                )
                for line in book.lines
            } == {
                "bank/test_bank/cash": ("1000", "0", 1),
                "cust/*/available": ("0", "750", 2),
                "cust/*/reserved": ("0", "250", 2),
            }

    asyncio.run(run())


def test_a_refused_transfer_is_an_answer(world: World) -> None:
    """Too little money is answered with a code and a position; a retry says the same."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            first = await world.account(stub, units=10)
            second = await world.account(stub)
            request = pb.TransferRequest(
                request_id=world.new_id(ids.REQUEST),
                from_account_id=first,
                to_account_id=second,
                amount=common.Money(units=400, currency="USD"),
            )
            reply = await stub.ledger.Transfer(request)
            again = await stub.ledger.Transfer(request)

            assert reply.result.refusal == common.INSUFFICIENT_FUNDS
            assert not reply.result.replayed
            assert again.result.refusal == common.INSUFFICIENT_FUNDS
            assert again.result.replayed
            assert reply.header.index == again.result.original_index

    asyncio.run(run())


def test_accounts_are_listed_by_pages(world: World) -> None:
    """The union of the pages is every account that the filters match, once."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            dollars = [await world.account(stub) for _ in range(7)]
            await world.account(stub, currency="EUR")
            seen: list[str] = []
            request = pb.ListAccountsRequest(currency="USD", page_size=3)
            while True:
                page = await stub.ledger.ListAccounts(request)
                seen += [account.account_id for account in page.accounts]
                request.cursor = page.next_cursor
                if not page.next_cursor:
                    break

            assert dollars == seen
            request.cursor = ""
            request.owner_ref = "nobody"
            assert not (await stub.ledger.ListAccounts(request)).accounts

    asyncio.run(run())


def test_an_unknown_account_is_not_found(world: World) -> None:
    """Reads of an account that does not exist say so, with the index looked at."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("auditor")
            account_id = world.new_id(ids.ACCOUNT)
            for call in (
                stub.ledger.GetAccount(pb.GetAccountRequest(account_id=account_id)),
                stub.ledger.GetBalance(pb.GetBalanceRequest(account_id=account_id)),
            ):
                refusal = await refusal_of(call)
                assert refusal.code == grpc.StatusCode.NOT_FOUND
                assert account_id in refusal.message

    asyncio.run(run())


def test_a_read_says_where_it_was_answered_from(world: World) -> None:
    """A read at an index shows that index and the newer one it was answered from."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account_id = await world.account(stub, units=10)
            reply = await stub.ledger.GetAccount(
                pb.GetAccountRequest(
                    account_id=account_id,
                    concern=common.ReadConcern(at_least_index=1),
                )
            )

            assert (reply.header.read_index, reply.header.applied_index) == (1, 2)
            assert reply.header.log_time_us == START_US + 2_000_000

    asyncio.run(run())
