"""Status, holds and vouchers of the service Ledger, over TLS."""

import asyncio

import pytest

from ledgerd.api import account_codec, ids
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.errors import NotLogged
from ledgerd.ledger.commands import EntryLeg
from ledgerd.limits import HOLD_TTL_US_MAX
from tests.api.world import START_US, Stub, World, refusal_of, uuid7

MINUTE_US = 60_000_000


def usd(units: int) -> common.Money:
    return common.Money(units=units, currency="USD")


async def hold(world: World, stub: Stub, account_id: str, units: int = 300) -> str:
    """Create a hold of a minute."""
    hold_id = world.new_id(ids.HOLD)
    reply = await stub.ledger.CreateHold(
        pb.CreateHoldRequest(
            hold_id=hold_id,
            account_id=account_id,
            amount=usd(units),
            ttl_us=MINUTE_US,
            reference="booking",
        )
    )
    assert reply.result.outcome == common.OUTCOME_CREATED
    return hold_id


def test_an_account_is_frozen_freed_and_closed(world: World) -> None:
    """An approver freezes; a submitter closes what is empty."""

    async def run() -> None:
        async with world.running():
            stub, boss = world.stub("submitter"), world.stub("approver")
            account_id = await world.account(stub, units=100)
            name = {"account_id": account_id, "reason": "order"}

            frozen = await boss.ledger.Freeze(
                pb.FreezeRequest(request_id=world.new_id(ids.REQUEST), **name)
            )
            seen = await stub.ledger.GetAccount(
                pb.GetAccountRequest(account_id=account_id)
            )
            refused = await stub.ledger.CreateHold(
                pb.CreateHoldRequest(
                    hold_id=world.new_id(ids.HOLD),
                    account_id=account_id,
                    amount=usd(1),
                    ttl_us=1,
                )
            )
            freed = await boss.ledger.Unfreeze(
                pb.UnfreezeRequest(request_id=world.new_id(ids.REQUEST), **name)
            )
            full = await stub.ledger.CloseAccount(
                pb.CloseAccountRequest(request_id=world.new_id(ids.REQUEST), **name)
            )
            empty = await world.account(stub)
            closed = await stub.ledger.CloseAccount(
                pb.CloseAccountRequest(
                    request_id=world.new_id(ids.REQUEST), account_id=empty
                )
            )
            gone = await stub.ledger.GetAccount(pb.GetAccountRequest(account_id=empty))

            assert frozen.result.outcome == common.OUTCOME_CREATED
            assert seen.account.status == pb.FROZEN
            assert refused.result.refusal == common.ACCOUNT_FROZEN
            assert freed.result.outcome == common.OUTCOME_CREATED
            assert full.result.refusal == common.ACCOUNT_NOT_EMPTY
            assert closed.result.outcome == common.OUTCOME_CREATED
            assert gone.account.status == pb.CLOSED

    asyncio.run(run())


def test_a_funding_is_reversed_in_parts(world: World) -> None:
    """What the account cannot give is owed; a retry is replayed."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account_id = await world.account(stub)
            await stub.ledger.Fund(
                pb.FundRequest(
                    request_id=world.new_id(ids.REQUEST),
                    account_id=account_id,
                    amount=usd(500),
                    bank="main",
                    external_ref="wire-1",
                )
            )
            await hold(world, stub, account_id, 450)
            request = pb.FundReverseRequest(
                request_id=world.new_id(ids.REQUEST),
                bank="main",
                external_ref="wire-1",
                amount=usd(80),
                reason="recall",
            )
            reply = await stub.ledger.FundReverse(request)
            again = await stub.ledger.FundReverse(request)
            balance = await stub.ledger.GetBalance(
                pb.GetBalanceRequest(account_id=account_id)
            )

            assert reply.result.outcome == common.OUTCOME_CREATED
            assert again.result.outcome == common.OUTCOME_REPLAYED
            assert pb.Balances(held_units=450, receivable_units=30) == balance.balances

    asyncio.run(run())


def test_a_hold_is_seen_as_it_is(world: World) -> None:
    """Created, listed, captured; the answer has amounts with their exponent."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            first = await world.account(stub, units=1_000)
            second = await world.account(stub)
            hold_id = await hold(world, stub, first)
            created_index = world.node.index
            await stub.ledger.CaptureHold(
                pb.CaptureHoldRequest(
                    request_id=world.new_id(ids.REQUEST),
                    hold_id=hold_id,
                    to_account_id=second,
                    amount=usd(200),
                )
            )
            found = await stub.ledger.GetHold(pb.GetHoldRequest(hold_id=hold_id))

            created_us = START_US + created_index * 1_000_000
            assert found.hold == pb.Hold(
                hold_id=hold_id,
                account_id=first,
                amount=common.Money(units=300, currency="USD", exponent=2),
                expires_at_us=created_us + MINUTE_US,
                reference="booking",
                state=pb.Hold.CAPTURED,
                captured_units=200,
                captured_to=second,
                index=created_index,
                created_at_us=created_us,
                updated_index=created_index + 1,
                updated_at_us=created_us + 1_000_000,
                created_by="submitter",
            )
            missing = await refusal_of(
                stub.ledger.GetHold(pb.GetHoldRequest(hold_id=world.new_id(ids.HOLD)))
            )
            assert missing.reason == "NOT_FOUND"

    asyncio.run(run())


def test_holds_are_listed_by_pages(world: World) -> None:
    """The union of the pages is every hold that the filters match, once."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account_id = await world.account(stub, units=10_000)
            other = await world.account(stub, units=10_000)
            mine = [await hold(world, stub, account_id) for _ in range(7)]
            await hold(world, stub, other)
            await stub.ledger.ReleaseHold(
                pb.ReleaseHoldRequest(
                    request_id=world.new_id(ids.REQUEST), hold_id=mine[3]
                )
            )
            seen: list[str] = []
            request = pb.ListHoldsRequest(
                account_id=account_id, state=pb.Hold.OPEN, page_size=2
            )
            while True:
                page = await stub.ledger.ListHolds(request)
                seen += [found.hold_id for found in page.holds]
                if not page.next_cursor:
                    break
                request.cursor = page.next_cursor
                await hold(world, stub, account_id)  # later than the list
            request.state = pb.Hold.EXPIRED
            other_filter = await refusal_of(stub.ledger.ListHolds(request))

            assert seen == mine[:3] + mine[4:]
            assert other_filter.reason == "CURSOR_INVALID"

    asyncio.run(run())


def voucher_legs(account_id: str) -> list[pb.EntryLeg]:
    return [
        pb.EntryLeg(
            kind=pb.EntryLeg.AVAILABLE,
            account_id=account_id,
            side=pb.EntryLeg.DEBIT,
            units=70,
        ),
        pb.EntryLeg(kind=pb.EntryLeg.PAYOUT_FEE, side=pb.EntryLeg.CREDIT, units=60),
        pb.EntryLeg(
            kind=pb.EntryLeg.SUSPENSE, bank="main", side=pb.EntryLeg.CREDIT, units=10
        ),
    ]


def test_two_people_post_an_entry(world: World) -> None:
    """An admin writes it out, an approver with another certificate posts it."""

    async def run() -> None:
        async with world.running():
            stub, admin = world.stub("submitter"), world.stub("admin", "approver")
            boss = world.stub("approver")
            account_id = await world.account(stub, units=100)
            request = pb.PostEntryRequest(
                request_id=world.new_id(ids.REQUEST),
                currency="USD",
                legs=voucher_legs(account_id),
                reason="fee by hand",
            )
            await admin.ledger.PostEntry(request)
            listed = await boss.ledger.ListVouchers(
                pb.ListVouchersRequest(state=pb.Voucher.OPEN)
            )
            (shown,) = listed.vouchers
            approval = pb.ApproveVoucherRequest(
                request_id=world.new_id(ids.REQUEST), voucher_id=shown.voucher_id
            )
            own = await admin.ledger.ApproveVoucher(approval)
            approval.request_id = world.new_id(ids.REQUEST)
            posted = await boss.ledger.ApproveVoucher(approval)
            found = await boss.ledger.GetVoucher(
                pb.GetVoucherRequest(voucher_id=shown.voucher_id)
            )
            books = await world.stub("auditor").reports.TrialBalance(
                pb.TrialBalanceRequest()
            )

            assert shown.voucher_id == request.request_id
            assert list(shown.legs) == voucher_legs(account_id)
            assert (shown.currency, shown.exponent) == ("USD", 2)
            assert not shown.HasField("linked")
            assert own.result.refusal == common.SAME_PERSON
            assert posted.result.outcome == common.OUTCOME_CREATED
            assert found.voucher.state == pb.Voucher.POSTED
            assert (found.voucher.created_by, found.voucher.updated_by) == (
                "admin-approver",
                "approver",
            )
            lines = {
                line.ledger_account: line.credit_units for line in books.books[0].lines
            }
            assert lines["rev/payout_fee"] == "60"
            assert books.books[0].balanced

    asyncio.run(run())


def test_an_adjustment_is_rejected(world: World) -> None:
    """The voucher keeps what it would have put right, and who said no."""

    async def run() -> None:
        async with world.running():
            stub, admin = world.stub("submitter"), world.stub("admin")
            account_id = await world.account(stub, units=100)
            funded = world.node.index
            request = pb.AdjustRequest(
                request_id=world.new_id(ids.REQUEST),
                currency="USD",
                legs=voucher_legs(account_id),
                reason="misread",
                linked=pb.EntryPosition(index=funded),
            )
            await admin.ledger.Adjust(request)
            rejected = await admin.ledger.RejectVoucher(
                pb.RejectVoucherRequest(
                    request_id=world.new_id(ids.REQUEST),
                    voucher_id=request.request_id,
                    reason="mine was wrong",
                )
            )
            found = await admin.ledger.GetVoucher(
                pb.GetVoucherRequest(voucher_id=request.request_id)
            )
            missing = await refusal_of(
                admin.ledger.GetVoucher(
                    pb.GetVoucherRequest(voucher_id=world.new_id(ids.REQUEST))
                )
            )

            assert rejected.result.outcome == common.OUTCOME_CREATED
            assert found.voucher.state == pb.Voucher.REJECTED
            assert found.voucher.linked == pb.EntryPosition(index=funded)
            assert missing.reason == "NOT_FOUND"

    asyncio.run(run())


def test_vouchers_are_listed_by_pages(world: World) -> None:
    """In the order of their ids, each once."""

    async def run() -> None:
        async with world.running():
            stub, admin = world.stub("submitter"), world.stub("admin")
            account_id = await world.account(stub, units=100)
            mine = [world.new_id(ids.REQUEST) for _ in range(5)]
            for request_id in mine:
                await admin.ledger.PostEntry(
                    pb.PostEntryRequest(
                        request_id=request_id,
                        currency="USD",
                        legs=voucher_legs(account_id),
                        reason="fee by hand",
                    )
                )
            seen: list[str] = []
            request = pb.ListVouchersRequest(page_size=2)
            while True:
                page = await admin.ledger.ListVouchers(request)
                seen += [found.voucher_id for found in page.vouchers]
                request.cursor = page.next_cursor
                if not page.next_cursor:
                    break

            assert seen == mine

    asyncio.run(run())


REQUEST, ACCOUNT = (
    ids.encode(prefix, uuid7(n)) for n, prefix in ((1, "req"), (2, "acct"))
)
HOLD = ids.encode(ids.HOLD, uuid7(3))


def created(**changes: object) -> pb.CreateHoldRequest:
    fields = {
        "hold_id": HOLD,
        "account_id": ACCOUNT,
        "amount": usd(5),
        "ttl_us": 1,
        **changes,
    }
    return pb.CreateHoldRequest(**fields)


def entry(*legs: pb.EntryLeg, **changes: object) -> pb.PostEntryRequest:
    fields = {
        "request_id": REQUEST,
        "currency": "USD",
        "legs": legs or voucher_legs(ACCOUNT),
        "reason": "why",
        **changes,
    }
    return pb.PostEntryRequest(**fields)


def pair(**changes: object) -> pb.PostEntryRequest:
    """An entry whose first leg is another one."""
    return entry(pb.EntryLeg(**changes), voucher_legs(ACCOUNT)[1])


DEBIT = pb.EntryLeg.DEBIT


@pytest.mark.parametrize(
    ("parse", "request_", "text"),
    [
        (account_codec.close_account, pb.CloseAccountRequest(), "request_id: expected"),
        (
            account_codec.freeze,
            pb.FreezeRequest(request_id=REQUEST, account_id=REQUEST),
            "account_id: expected acct_ and 26 characters of base 32",
        ),
        (
            account_codec.unfreeze,
            pb.UnfreezeRequest(
                request_id=REQUEST, account_id=ACCOUNT, reason="x" * 141
            ),
            "reason: expected 0 .. 140",
        ),
        (
            account_codec.fund_reverse,
            pb.FundReverseRequest(request_id=REQUEST, bank="b", amount=usd(1)),
            "external_ref: expected 1 .. 64",
        ),
        (account_codec.create_hold, created(hold_id=ACCOUNT), "hold_id: expected hold"),
        (account_codec.create_hold, created(ttl_us=0), "ttl_us: expected 1 .."),
        (
            account_codec.create_hold,
            created(ttl_us=HOLD_TTL_US_MAX + 1),
            f"ttl_us: expected 1 .. {HOLD_TTL_US_MAX} microseconds, found",
        ),
        (account_codec.create_hold, created(amount=usd(0)), "amount.units: expected"),
        (
            account_codec.capture_hold,
            pb.CaptureHoldRequest(request_id=REQUEST, hold_id=HOLD, amount=usd(1)),
            "to_account_id: expected acct_",
        ),
        (
            account_codec.release_hold,
            pb.ReleaseHoldRequest(request_id=REQUEST),
            "hold_id: expected hold_",
        ),
        (account_codec.post_entry, entry(reason=""), "reason: expected 1 .. 140"),
        (
            account_codec.post_entry,
            entry(*voucher_legs(ACCOUNT)[:1]),
            "legs: expected 2 .. 32 legs, found 1",
        ),
        (
            account_codec.post_entry,
            pair(kind=3, account_id=ACCOUNT, side=DEBIT, units=1),
            "legs[0].kind: expected one of AVAILABLE, BLOCKED",
        ),
        (
            account_codec.post_entry,
            pair(kind="RETURNS", units=1),
            "legs[0].side: expected DEBIT or CREDIT, found 0",
        ),
        (
            account_codec.post_entry,
            pair(kind="RETURNS", side=DEBIT),
            "legs[0].units: expected 1 ..",
        ),
        (
            account_codec.post_entry,
            pair(kind="RETURNS", side=DEBIT, units=1, bank="b"),
            "legs[0].bank: expected nothing for this kind",
        ),
        (
            account_codec.post_entry,
            pair(kind="SUSPENSE", side=DEBIT, units=1, account_id=ACCOUNT),
            "legs[0].account_id: expected nothing for this kind",
        ),
        (
            account_codec.post_entry,
            pair(kind="SUSPENSE", side=DEBIT, units=1),
            "legs[0].bank: expected 1 .. 32 of a-z",
        ),
        (
            account_codec.adjust,
            pb.AdjustRequest(
                request_id=REQUEST,
                currency="USD",
                legs=voucher_legs(ACCOUNT),
                reason="why",
            ),
            "linked: expected an index from 1",
        ),
        (
            account_codec.approve_voucher,
            pb.ApproveVoucherRequest(request_id=REQUEST, voucher_id=HOLD),
            "voucher_id: expected req_",
        ),
        (
            account_codec.reject_voucher,
            pb.RejectVoucherRequest(request_id=REQUEST),
            "voucher_id: expected req_",
        ),
    ],
)
def test_what_is_malformed_stops_at_the_edge(parse, request_, text) -> None:
    """The message names the field, what was expected and what was found."""
    with pytest.raises(NotLogged) as caught:
        parse(request_, principal="p")
    assert text in caught.value.message


@pytest.mark.parametrize(
    "check", [account_codec.hold_state, account_codec.voucher_state]
)
def test_a_state_that_does_not_exist_lists_nothing(check) -> None:
    """A filter that could never match is a mistake, not an empty list."""
    with pytest.raises(NotLogged, match="state: expected one of OPEN"):
        check(99)


def test_legs_become_the_ledgers(world: World) -> None:
    """Kinds, subjects and sides have their inner form."""
    command = account_codec.post_entry(entry(), principal="p")

    assert command.legs == (
        EntryLeg(1, uuid7(2), True, 70),
        EntryLeg(8, b"", False, 60),
        EntryLeg(12, b"main", False, 10),
    )
    assert (command.principal, command.livemode) == ("p", False)
