"""Ledger.Validate over TLS: each call is judged as it is answered, by whoever may make it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ledgerd.api import dry_calls, ids
from ledgerd.api.dry_calls import JUDGED
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.api.v1 import admin_pb2, common_pb2, payouts_pb2
from ledgerd.client.dry_runs import _JUDGED, as_answer, judged
from ledgerd.errors import NotLogged
from ledgerd.formats.versions import STATE_VERSION
from tests.api.world import START_US, Stub, World, refusal_of

ROLES = ("submitter", "approver", "auditor", "admin")
CALL = pb.ValidateCallRequest.DESCRIPTOR.oneofs_by_name["call"]


@pytest.fixture(autouse=True)
def clock_of_the_next_entry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the node's clock show the log time that the next entry of this world has."""

    def clock_us() -> int:
        return START_US + (world.node.index + 1) * 1_000_000

    monkeypatch.setattr(dry_calls, "clock_us", clock_us)


def usd(units: int) -> common_pb2.Money:
    return common_pb2.Money(units=units, currency="USD")


class Desk:
    """Makes each call twice: judged, then for real."""

    def __init__(self, world: World, stub: Stub) -> None:
        self.world = world
        self.stub = stub
        self.judged: set[str] = set()
        self.outcomes: set[int] = set()

    def id(self, prefix: str = ids.REQUEST) -> str:
        return self.world.new_id(prefix)

    # Any: requests and stubs of nineteen kinds.
    async def __call__(self, method: Callable[[Any], Any], request: Any) -> Any:
        question = judged(request)
        name = question.WhichOneof("call")
        assert name is not None
        index = self.world.node.index
        dry = await self.stub.ledger.Validate(question)
        again = await self.stub.ledger.Validate(question)
        assert self.world.node.index == index, name
        assert again.result == dry.result, name
        assert dry.header.applied_index == index
        assert dry.judged_at_us >= dry.header.log_time_us

        real = await method(request)
        assert real.result == dry.result, (name, real, dry)
        assert getattr(real, "state", 0) == dry.state, name
        shown = as_answer(request, dry)
        assert type(shown) is type(real)
        self.judged.add(name)
        self.outcomes.add(dry.result.outcome)
        return real


async def accounts(desk: Desk) -> None:
    """Everything that can be asked about accounts, holds and vouchers, well and badly."""
    ledger, new = desk.stub.ledger, desk.id
    one, two = new(ids.ACCOUNT), new(ids.ACCOUNT)
    for account in (one, two, one):
        await desk(
            ledger.OpenAccount,
            pb.OpenAccountRequest(account_id=account, currency="USD"),
        )
    money = pb.FundRequest(
        request_id=new(), account_id=one, amount=usd(1_000), bank="b", external_ref="1"
    )
    await desk(ledger.Fund, money)
    await desk(ledger.Fund, money)
    for units in (400, 10_000):
        await desk(
            ledger.Transfer,
            pb.TransferRequest(
                request_id=new(),
                from_account_id=one,
                to_account_id=two,
                amount=usd(units),
            ),
        )
    await desk(
        ledger.FundReverse,
        pb.FundReverseRequest(
            request_id=new(), bank="b", external_ref="1", amount=usd(100)
        ),
    )
    holds = [new(ids.HOLD), new(ids.HOLD)]
    for hold in holds:
        await desk(
            ledger.CreateHold,
            pb.CreateHoldRequest(
                hold_id=hold,
                account_id=one,
                amount=usd(50),
                ttl_us=400 * 86_400 * 10**6,
            ),
        )
    await desk(
        ledger.CaptureHold,
        pb.CaptureHoldRequest(
            request_id=new(), hold_id=holds[0], to_account_id=two, amount=usd(20)
        ),
    )
    for _ in range(2):
        await desk(
            ledger.ReleaseHold,
            pb.ReleaseHoldRequest(request_id=new(), hold_id=holds[1]),
        )
    for method, kind in (
        (ledger.Freeze, pb.FreezeRequest),
        (ledger.Unfreeze, pb.UnfreezeRequest),
        (ledger.CloseAccount, pb.CloseAccountRequest),
    ):
        await desk(method, kind(request_id=new(), account_id=two))
    await vouchers(desk, one, two)


async def vouchers(desk: Desk, one: str, two: str) -> None:
    ledger, new = desk.stub.ledger, desk.id
    other = desk.world.stub("approver")
    legs = [
        pb.EntryLeg(
            kind=pb.EntryLeg.AVAILABLE, account_id=one, side=pb.EntryLeg.DEBIT, units=5
        ),
        pb.EntryLeg(
            kind=pb.EntryLeg.AVAILABLE, account_id=two, side=pb.EntryLeg.CREDIT, units=5
        ),
    ]
    made = {"currency": "USD", "legs": legs, "reason": "put right"}
    first = pb.PostEntryRequest(request_id=new(), **made)
    await desk(ledger.PostEntry, first)
    second = pb.AdjustRequest(
        request_id=new(), linked=pb.EntryPosition(index=4, ordinal=0, n=0), **made
    )
    await desk(ledger.Adjust, second)
    approve = pb.ApproveVoucherRequest(request_id=new(), voucher_id=first.request_id)
    await desk(ledger.ApproveVoucher, approve)  # one person alone: refused
    reject = pb.RejectVoucherRequest(request_id=new(), voucher_id=second.request_id)
    await desk(ledger.RejectVoucher, reject)
    desk.stub, mine = other, desk.stub
    approve.request_id = new()
    await desk(other.ledger.ApproveVoucher, approve)
    desk.stub = mine


async def payouts(desk: Desk) -> None:
    """Everything that can be asked about payouts that this world has."""
    stub, new = desk.stub, desk.id
    account = await desk.world.account(stub, units=10_000)
    orders = [desk.world.order(account) for _ in range(3)]
    for order in orders:
        await stub.payouts.Submit(payouts_pb2.SubmitRequest(order=order))
    one, two, _ = (order.payout_id for order in orders)
    for version in (7, 0):
        await desk(
            stub.payouts.Cancel,
            payouts_pb2.CancelPayoutRequest(
                request_id=new(), payout_id=one, expected_version=version
            ),
        )
    for method, kind in (
        (stub.payouts.Approve, payouts_pb2.ApprovePayoutRequest),
        (stub.payouts.Reject, payouts_pb2.RejectPayoutRequest),
        (stub.payouts.RequestRecall, payouts_pb2.RequestRecallRequest),
    ):
        await desk(method, kind(request_id=new(), payout_id=two))
    await desk(
        stub.payouts.TellEvidence,
        payouts_pb2.TellEvidenceRequest(
            request_id=new(),
            payout_id=two,
            finding=payouts_pb2.TellEvidenceRequest.SETTLED,
            rail="sandbox",
            reference="case 7",
            note="by phone",
        ),
    )
    await desk(
        stub.payouts.Reroute,
        payouts_pb2.ReroutePayoutRequest(
            request_id=new(), payout_id=two, rail="sandbox"
        ),
    )


def test_every_call_is_judged_as_it_is_answered(world: World) -> None:
    """Accepted, refused and sent again; nothing is written before it is asked for."""

    async def run() -> None:
        world.node.state_version = STATE_VERSION
        async with world.running():
            desk = Desk(world, world.stub(*ROLES))
            await accounts(desk)
            await payouts(desk)
            assert desk.judged == {field.name for field in CALL.fields}
            assert desk.outcomes == {
                common_pb2.OUTCOME_CREATED,
                common_pb2.OUTCOME_REPLAYED,
                common_pb2.OUTCOME_REFUSED,
            }
            assert world.stops == []

    asyncio.run(run())


def test_both_ends_know_every_call_that_can_be_judged() -> None:
    """A field that one of them lacks would be a call that nobody judges."""
    fields = {field.name: field.message_type.name for field in CALL.fields}

    assert set(JUDGED) == set(fields)
    assert {name: kind.DESCRIPTOR.name for kind, (name, _) in _JUDGED.items()} == fields


def test_who_may_not_make_a_call_may_not_have_it_judged(world: World) -> None:
    """The role is that of the call in it, beside one that may make any of them."""

    async def run() -> None:
        world.node.state_version = STATE_VERSION
        async with world.running():
            freeze = pb.ValidateCallRequest(
                freeze=pb.FreezeRequest(
                    request_id=world.new_id(ids.REQUEST),
                    account_id=world.new_id(ids.ACCOUNT),
                )
            )
            submitter, approver = world.stub("submitter"), world.stub("approver")
            refusal = await refusal_of(submitter.ledger.Validate(freeze))
            assert refusal.reason == "ROLE_MISSING"
            reply = await approver.ledger.Validate(freeze)
            assert reply.result.refusal == common_pb2.ACCOUNT_NOT_FOUND
            auditor = await refusal_of(world.stub("auditor").ledger.Validate(freeze))
            assert auditor.reason == "ROLE_MISSING"

    asyncio.run(run())


def test_what_cannot_be_asked_is_said(world: World) -> None:
    """No call, a malformed one, and one that the state version in force does not know."""

    async def run() -> None:
        async with world.running():
            stub = world.stub(*ROLES)
            none = await refusal_of(stub.ledger.Validate(pb.ValidateCallRequest()))
            assert (none.reason, none.metadata["field"]) == ("MALFORMED", "call")
            bad = pb.ValidateCallRequest(fund=pb.FundRequest(request_id="x"))
            assert (await refusal_of(stub.ledger.Validate(bad))).reason == "MALFORMED"
            later = pb.ValidateCallRequest(
                freeze=pb.FreezeRequest(
                    request_id=world.new_id(ids.REQUEST),
                    account_id=world.new_id(ids.ACCOUNT),
                )
            )
            refusal = await refusal_of(stub.ledger.Validate(later))
            assert refusal.reason == "STATE_VERSION"
            assert "needs state version 3" in refusal.message

    asyncio.run(run())


def test_a_call_that_nobody_judges_is_refused_before_it_is_sent() -> None:
    """Settings and the cluster: a client for dry runs does not make them."""
    with pytest.raises(NotLogged, match="found SetFeesRequest: this client makes dry"):
        judged(admin_pb2.SetFeesRequest())
