"""Quotes, routes and dry runs over the API: what is said beforehand is what happens."""

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import product

import grpc
import pytest

from ledgerd.api import ids, quotes
from ledgerd.api.rails import calendar_message, rail_message
from ledgerd.api.v1 import accounts_pb2, admin_pb2, rails_pb2
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.limits import CALL_BYTES_MAX, METADATA_VALUE_BYTES_MAX
from ledgerd.timetable.closings import calendar
from ledgerd.timetable.rail_file import seed
from tests.api.world import START_US, Stub, World

IBAN = pb.Destination(
    kind=pb.Destination.IBAN,
    country="DE",
    account_number="DE89370400440532013000",
    name="Jo",
)
US = pb.Destination(
    kind=pb.Destination.US_ACCOUNT,
    country="US",
    bank_code="021000021",
    account_number="123456789",
    name="Jo",
)
UK = pb.Destination(
    kind=pb.Destination.UK_ACCOUNT,
    country="GB",
    bank_code="200000",
    account_number="55779911",
    name="Jo",
)
BIC = pb.Destination(
    kind=pb.Destination.BIC_ACCOUNT,
    country="CH",
    bank_code="UBSWCHZH80A",
    account_number="77",
    name="Jo",
)
RATES = {"us_ach": 25, "eu_sct": 11, "uk_fps": 7, "swift": 900}


def rule(rail: str, currency: str, fixed: int) -> admin_pb2.FeeRule:
    return admin_pb2.FeeRule(
        rail=rail, currency=currency, fixed_units=fixed, bps=10, max_units=2**62
    )


async def town(world: World, *, has_catalogue: bool = True) -> dict[str, str]:
    """An account with 1,000,000.00 in each currency, fees, the catalogue that is brought."""
    admin, stub = world.stub("admin").admin, world.stub("submitter")
    if has_catalogue:
        rails = [rail_message(replace(rail, effective_from_us=0)) for rail in seed()]
        await admin.SetCatalogue(
            rails_pb2.SetCatalogueRequest(
                request_id=world.new_id(ids.REQUEST), rails=rails
            )
        )
        for name in ("fed", "target", "uk"):
            made = calendar(name, [2026, 2027])
            await admin.AmendCalendar(
                rails_pb2.AmendCalendarRequest(
                    request_id=world.new_id(ids.REQUEST),
                    calendar=calendar_message(made),
                )
            )
    await admin.SetFees(
        admin_pb2.SetFeesRequest(
            request_id=world.new_id(ids.REQUEST),
            rules=[
                rule("us_ach", "USD", 25),
                rule("eu_sct", "EUR", 11),
                rule("uk_fps", "GBP", 7),
                rule("swift", "USD", 900),
            ],
            source="tests",
        )
    )
    found = {}
    for currency in ("USD", "EUR", "GBP"):
        account_id = world.new_id(ids.ACCOUNT)
        await stub.ledger.OpenAccount(
            accounts_pb2.OpenAccountRequest(
                account_id=account_id, currency=currency, livemode=True
            )
        )
        await stub.ledger.Fund(
            accounts_pb2.FundRequest(
                request_id=world.new_id(ids.REQUEST),
                account_id=account_id,
                amount=common.Money(units=100_000_000, currency=currency),
                bank="main",
                external_ref=account_id,
            )
        )
        found[currency] = account_id
    return found


async def routes(
    stub: Stub, account: str, units: int, currency: str, to: pb.Destination
) -> dict[str, pb.Route]:
    reply = await stub.payouts.QuoteRoutes(
        pb.QuoteRoutesRequest(
            account_id=account,
            amount=common.Money(units=units, currency=currency),
            destination=to,
        )
    )
    return {route.rail: route for route in reply.routes}


@pytest.fixture
def newest(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """All rules; and log time alone says what time it is, for it runs apart from the clock."""
    world.node.state_version = STATE_VERSION
    monkeypatch.setattr(quotes, "clock_us", lambda: 0)
    return world


def test_a_table_of_routes(newest: World) -> None:
    """Every case: the refusal of the route is that of the submit, and so is the fee.

    3 currencies, 4 destinations, 6 amounts, 12 rails: 864 cases in 72 calls.
    """

    async def run() -> None:
        async with newest.running():
            stub = newest.stub("submitter")
            accounts = await town(newest)
            answers: Counter[str] = Counter()
            cases = 0
            for currency, to, units in product(
                accounts, (IBAN, US, UK, BIC), (1, 250, 9_950, 100_001, 10**8, 10**11)
            ):
                account = accounts[currency]
                found = await routes(stub, account, units, currency, to)
                orders = [
                    pb.PayoutOrder(
                        payout_id=newest.new_id(ids.PAYOUT),
                        account_id=account,
                        amount=common.Money(units=units, currency=currency),
                        rail=name,
                        destination=to,
                    )
                    for name in found
                ]
                dry = {}
                for order in orders:
                    request = pb.ValidateRequest(orders=[order])
                    reply = await stub.payouts.Validate(request)
                    (dry[order.rail],) = reply.verdicts
                for name, route in found.items():
                    cases += 1
                    answers[common.RefusalCode.Name(route.refusal)] += 1
                    verdict = dry[name].result
                    case = (currency, to.country, units, name)
                    assert verdict.result.refusal == route.refusal, case
                    if not route.refusal:
                        assert verdict.fee_units == route.fee_units, case
                    is_charged = RATES.get(name) and name != "swift"
                    if is_charged and not route.refusal:
                        fixed = RATES[name]
                        expected = fixed + (units * 10 + 5_000) // 10_000
                        assert route.fee_units == expected, case
                    assert not route.times_unknown, route
                    assert route.arrives_at_us > START_US, case

            assert cases == 864
            assert answers.keys() == {
                "REFUSAL_CODE_UNSPECIFIED",
                "LIVEMODE_MISMATCH",
                "RAIL_CURRENCY",
                "RAIL_DESTINATION",
                "RAIL_AMOUNT_MAX",
                "INSUFFICIENT_FUNDS",
            }, answers

    asyncio.run(run())


def test_a_quote_is_charged(newest: World) -> None:
    """The order names fee and time of the quote; a schedule of later changes nothing of it."""

    async def run() -> None:
        async with newest.running():
            stub, admin = newest.stub("submitter"), newest.stub("admin").admin
            account = (await town(newest))["USD"]
            quote = await stub.payouts.Quote(
                pb.QuoteRequest(
                    account_id=account,
                    amount=common.Money(units=10_000, currency="USD"),
                    rail="us_ach",
                    destination=US,
                )
            )
            await admin.SetFees(
                admin_pb2.SetFeesRequest(
                    request_id=newest.new_id(ids.REQUEST),
                    rules=[rule("us_ach", "USD", 99)],
                    source="dearer",
                    quote_valid_s=60,
                )
            )
            order = pb.PayoutOrder(
                payout_id=newest.new_id(ids.PAYOUT),
                account_id=account,
                amount=common.Money(units=10_000, currency="USD"),
                rail="us_ach",
                destination=US,
                fee_expected_units=quote.route.fee_units,
                quoted_at_us=quote.quoted_at_us,
            )
            as_quoted = await stub.payouts.Submit(pb.SubmitRequest(order=order))
            order.payout_id = newest.new_id(ids.PAYOUT)
            order.quoted_at_us = 0
            without = await stub.payouts.Submit(pb.SubmitRequest(order=order))
            order.payout_id = newest.new_id(ids.PAYOUT)
            order.quoted_at_us = 5
            too_late = await stub.payouts.Submit(pb.SubmitRequest(order=order))

            assert quote.route.fee_units == 35
            assert quote.valid_until_us == quote.quoted_at_us + 900_000_000
            assert as_quoted.result.fee_units == as_quoted.payout.fee_units == 35
            assert without.result.result.refusal == common.FEE_CHANGED
            assert too_late.result.result.refusal in (
                common.QUOTE_EXPIRED,
                common.FEE_CHANGED,
            )
            fees = await stub.admin.GetFees(admin_pb2.GetFeesRequest())
            assert [schedule.version for schedule in fees.schedules] == [1, 2]
            assert fees.version_in_force == 2
            assert fees.schedules[1].quote_valid_s == 60

    asyncio.run(run())


def test_the_largest_amount_with_a_fee_is_quoted(newest: World) -> None:
    """Together they pass 64 bits, which is an answer and no failure of the call."""

    async def run() -> None:
        async with newest.running():
            stub = newest.stub("submitter")
            account = (await town(newest))["USD"]
            quote = await stub.payouts.Quote(
                pb.QuoteRequest(
                    account_id=account,
                    amount=common.Money(units=2**63 - 1, currency="USD"),
                    rail="swift",
                    destination=US,
                )
            )
            funds = next(row for row in quote.route.checks if row.name == "funds")
            assert quote.route.fee_units
            assert funds.refusal == common.INSUFFICIENT_FUNDS
            assert funds.value == 2**63 - 1

    asyncio.run(run())


def test_a_catalogue_change_flips_the_right_ones(newest: World) -> None:
    """A lower maximum of one rail changes that rail's routes, and no other's."""

    async def run() -> None:
        async with newest.running():
            stub, admin = newest.stub("submitter"), newest.stub("admin").admin
            account = (await town(newest))["USD"]
            before = await routes(stub, account, 50_000, "USD", US)
            ach = next(rail for rail in seed() if rail.name == "us_ach")
            lower = rail_message(replace(ach, amount_minor_max=49_999))
            await admin.SetCatalogue(
                rails_pb2.SetCatalogueRequest(
                    request_id=newest.new_id(ids.REQUEST), rails=[lower]
                )
            )
            after = await routes(stub, account, 50_000, "USD", US)

            changed = [
                name for name in before if before[name].refusal != after[name].refusal
            ]
            assert changed == ["us_ach"]
            assert after["us_ach"].refusal == common.RAIL_AMOUNT_MAX
            assert after["us_ach"].amount_units_max == 49_999

    asyncio.run(run())


def test_a_route_says_when_and_whether_in_time(newest: World) -> None:
    """Cut-off, value date and arrival of the catalogue; a rail that never closes has no cut-off."""

    async def run() -> None:
        async with newest.running():
            stub = newest.stub("submitter")
            account = (await town(newest))["USD"]
            request = pb.QuoteRoutesRequest(
                account_id=account,
                amount=common.Money(units=100, currency="USD"),
                destination=US,
            )
            found = {
                route.rail: route
                for route in (await stub.payouts.QuoteRoutes(request)).routes
            }
            ach, rtp = found["us_ach"], found["us_rtp"]
            assert ach.cut_off_us > ach.opens_at_us > 0
            assert ach.cut_off_of in ("operator", "bank", "ours")
            assert ach.value_date > 20_260_000
            assert (rtp.opens_at_us, rtp.cut_off_us, rtp.cut_off_of) == (0, 0, "")
            assert ach.in_time
            assert rtp.in_time

            request.needed_by_us = rtp.arrives_at_us + 3_600_000_000
            if ach.arrives_at_us > request.needed_by_us:
                reply = await stub.payouts.QuoteRoutes(request)
                late = {route.rail: route for route in reply.routes}
                assert not late["us_ach"].in_time
                assert late["us_rtp"].in_time

    asyncio.run(run())


def test_without_a_catalogue_the_times_are_unknown(newest: World) -> None:
    """And it says what to do; the fee is known all the same."""

    async def run() -> None:
        async with newest.running():
            stub = newest.stub("submitter")
            account = (await town(newest, has_catalogue=False))["USD"]
            found = await routes(stub, account, 10_000, "USD", US)

            assert "ledgerctl rail set" in found["us_ach"].times_unknown
            assert found["us_ach"].fee_units == 35
            assert not found["us_ach"].refusal
            assert found["us_ach"].arrives_at_us == 0

    asyncio.run(run())


def test_a_dry_run_changes_nothing(newest: World) -> None:
    """The verdicts come with every question; the submit that follows is a first one."""

    async def run() -> None:
        async with newest.running():
            stub = newest.stub("submitter")
            account = (await town(newest))["USD"]
            order = pb.PayoutOrder(
                payout_id=newest.new_id(ids.PAYOUT),
                account_id=account,
                amount=common.Money(units=60_000_000, currency="USD"),
                rail="us_ach",
                destination=US,
            )
            other = pb.PayoutOrder()
            other.CopyFrom(order)
            other.payout_id = newest.new_id(ids.PAYOUT)
            before = newest.node.index
            reply = await stub.payouts.Validate(
                pb.ValidateRequest(orders=[order, other, order])
            )
            after = newest.node.index
            real = await stub.payouts.Submit(pb.SubmitRequest(order=order))
            await stub.payouts.Submit(pb.SubmitRequest(order=other))
            known = await stub.payouts.Validate(
                pb.ValidateRequest(orders=[order, other])
            )

            assert before == after
            first, second, again = reply.verdicts
            assert first.result.result.outcome == common.OUTCOME_CREATED
            assert first.result.fee_units == real.result.fee_units
            assert [check.name for check in first.checks][-1] == "funds"
            assert second.result.result.refusal == common.INSUFFICIENT_FUNDS
            assert second.checks[-1].refusal == common.INSUFFICIENT_FUNDS
            assert again.result.result.outcome == common.OUTCOME_REPLAYED
            assert real.result.result.outcome == common.OUTCOME_CREATED
            replayed = [verdict.result.result.replayed for verdict in reply.verdicts]
            assert replayed == [False, False, True]
            paid, spent = (verdict.result.result for verdict in known.verdicts)
            assert (paid.outcome, paid.replayed) == (common.OUTCOME_REPLAYED, True)
            assert (spent.refusal, spent.replayed) == (common.INSUFFICIENT_FUNDS, True)

    asyncio.run(run())


@pytest.mark.parametrize("metadata_bytes", [100, 8_000])
def test_a_dry_run_of_a_full_page(newest: World, metadata_bytes: int) -> None:
    """A thousand orders are judged, also those that no call but a batch could hold."""

    async def run() -> None:
        async with newest.running():
            stub = newest.stub("submitter")
            account = (await town(newest))["USD"]
            keys, rest = divmod(metadata_bytes, METADATA_VALUE_BYTES_MAX)
            metadata = {str(n): "x" * METADATA_VALUE_BYTES_MAX for n in range(keys)}
            orders = [
                pb.PayoutOrder(
                    payout_id=newest.new_id(ids.PAYOUT),
                    account_id=account,
                    amount=common.Money(units=100, currency="USD"),
                    rail="us_ach",
                    destination=US,
                    metadata={**metadata, "rest": "x" * rest},
                )
                for _ in range(1_000)
            ]
            request = pb.ValidateRequest(orders=orders)
            assert request.ByteSize() > CALL_BYTES_MAX
            reply = await stub.payouts.Validate(request)

            results = [verdict.result.result for verdict in reply.verdicts]
            assert [result.ordinal for result in results] == list(range(1_000))
            assert {result.outcome for result in results} == {common.OUTCOME_CREATED}

    asyncio.run(run())


def test_a_dry_run_has_a_bound(newest: World) -> None:
    """More than a page of orders is refused before any of them is read."""

    async def run() -> None:
        async with newest.running():
            stub = newest.stub("submitter")
            request = pb.ValidateRequest(orders=[pb.PayoutOrder()] * 1_001)
            with pytest.raises(grpc.aio.AioRpcError, match=r"1 \.\. 1000 orders"):
                await stub.payouts.Validate(request)
            rail = pb.QuoteRequest(account_id="x", rail="no_such_rail")
            with pytest.raises(grpc.aio.AioRpcError, match="rail: expected one of"):
                await stub.payouts.Quote(rail)

    asyncio.run(run())
