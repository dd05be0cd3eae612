"""The service Dispatch over TLS: a worker takes payouts and brings back what the rail told."""

import asyncio
import time
from dataclasses import replace

import grpc
import pytest

from ledgerd.api import ids, lifecycle_codec
from ledgerd.api.rails import calendar_message, rail_message
from ledgerd.api.v1 import audit_pb2 as audit
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.api.v1 import dispatch_pb2 as pb
from ledgerd.api.v1 import payouts_pb2 as payouts
from ledgerd.api.v1 import rails_pb2 as rails
from ledgerd.errors import NotLogged
from ledgerd.ledger.calendars import DAY_US, Calendar
from ledgerd.ledger.commands import Tick
from ledgerd.ledger.identity import is_uuid7
from ledgerd.ledger.rails import CutOff, Layer, WallTime, Window
from ledgerd.timetable.days import date_of
from ledgerd.timetable.rail_file import seed
from tests.api.world import START_US, Stub, World, refusal_of

CREATED, REFUSED = common.OUTCOME_CREATED, common.OUTCOME_REFUSED


async def submitted(world: World, count: int, **changes: object) -> list[str]:
    """Submit payouts by the rail sandbox in one entry; return their ids."""
    stub = world.stub("submitter")
    account = await world.account(stub, units=100_000)
    orders = [world.order(account) for _ in range(count)]
    for order in orders:
        for name, value in changes.items():
            setattr(order, name, value)
    reply = await stub.payouts.SubmitBatch(payouts.SubmitBatchRequest(orders=orders))
    assert {item.result.outcome for item in reply.results} == {CREATED}
    return [order.payout_id for order in orders]


async def claim(world: World, stub: Stub, **fields: object) -> list[pb.Claim]:
    """Claim what there is."""
    request = pb.ClaimDispatchRequest(request_id=world.new_id(ids.REQUEST), **fields)
    reply = await stub.dispatch.ClaimDispatch(request)
    return list(reply.claims)


def told(world: World, claimed: pb.Claim, **fields: object) -> dict[str, object]:
    """The fields that every piece of evidence has."""
    return {
        "request_id": world.new_id(ids.REQUEST),
        "rail": "sandbox",
        "rail_key": claimed.rail_key,
        "reference": world.new_id("ref"),
        **fields,
    }


def refused(world: World, claimed: pb.Claim) -> dict[str, object]:
    """The fields of a "no" that the rail gave under this claim."""
    token = claimed.fencing_token
    return told(world, claimed, basis=pb.REFUSED, fencing_token=token)


async def payout(stub: Stub, payout_id: str) -> payouts.Payout:
    reply = await stub.payouts.Get(payouts.GetPayoutRequest(payout_id=payout_id))
    return reply.payout


def test_a_worker_carries_payouts_through(world: World) -> None:
    """Claimed oldest first, settled with the rail's cost, returned in part and then whole."""

    async def run() -> None:
        async with world.running():
            made = await submitted(world, 3)
            worker = world.stub("dispatcher")
            claims = await claim(world, worker, rails=["sandbox"], max_payouts=2)
            assert [item.payout.order.payout_id for item in claims] == made[:2]
            first = claims[0]
            assert (first.attempt, first.ask_first) == (1, False)
            assert first.fencing_token > 0
            assert first.lease_until_us == first.claimed_at_us + 30_000_000
            assert first.payout.state == payouts.DISPATCHING
            assert first.payout.worker == "dispatcher"

            ack = await worker.dispatch.RailAck(pb.RailAckRequest(**told(world, first)))
            assert (ack.result.outcome, ack.state) == (CREATED, payouts.SENT)
            settled = await worker.dispatch.Settle(
                pb.SettleRequest(
                    **told(world, first, value_date=20261121, cost_units=3)
                )
            )
            assert settled.state == payouts.SETTLED
            for units, state in ((150, payouts.SETTLED), (100, payouts.RETURNED)):
                back = await worker.dispatch.Return(
                    pb.ReturnRequest(
                        **told(world, first, amount_units=units, code="R03")
                    )
                )
                assert back.state == state
            found = await payout(worker, made[0])
            assert found.returned_units == found.order.amount.units == 250
            assert (found.failure_code, found.value_date) == ("R03", 20261121)
            assert found.failure == payouts.PAYEE_ACCOUNT_UNKNOWN
            assert found.final_at_us > START_US

            rejected = await worker.dispatch.RailReject(
                pb.RailRejectRequest(**told(world, claims[1], code="AC04"))
            )
            assert rejected.state == payouts.FAILED
            assert [
                item.payout.order.payout_id for item in await claim(world, worker)
            ] == made[2:]
            assert await claim(world, worker) == []

    asyncio.run(run())


def test_two_workers_never_hold_the_same_payout(world: World) -> None:
    """Many claims at the same moment: each payout goes to one of them. 3.6."""

    async def run() -> None:
        async with world.running():
            made = await submitted(world, 40)
            files = [world.stub("dispatcher"), world.stub("dispatcher", "submitter")]
            taken = await asyncio.gather(
                *(claim(world, files[n % 2], max_payouts=15) for n in range(8))
            )
            held = [item.payout.order.payout_id for some in taken for item in some]
            assert len(held) == len(set(held))
            assert set(held) <= set(made)
            assert held

    asyncio.run(run())


def test_a_lease_is_renewed_by_its_holder_and_refused_to_others(world: World) -> None:
    """LEASE_HELD until it lapses, in log time; the new claim has a higher token."""

    async def run() -> None:
        async with world.running():
            (made,) = await submitted(world, 1)
            worker = world.stub("dispatcher")
            other = world.stub("dispatcher", "submitter")
            (held,) = await claim(world, worker, payout_ids=[made])

            def renewal(attempt: int) -> pb.RenewClaimRequest:
                return pb.RenewClaimRequest(
                    request_id=world.new_id(ids.REQUEST),
                    payout_id=made,
                    attempt=attempt,
                    lease_ms=60_000,
                )

            refused = await other.dispatch.RenewClaim(renewal(held.attempt))
            assert refused.result.refusal == common.LEASE_HELD
            assert not refused.HasField("claim")
            renewed = await worker.dispatch.RenewClaim(renewal(held.attempt))
            assert renewed.result.outcome == CREATED
            assert renewed.claim.fencing_token > held.fencing_token
            assert renewed.claim.attempt == held.attempt + 1
            assert renewed.claim.rail_key == held.rail_key
            stale = await worker.dispatch.RenewClaim(renewal(held.attempt))
            assert stale.result.refusal == common.VERSION_MISMATCH

    asyncio.run(run())


def test_what_a_worker_gives_back_needs_attention_until_evidence_comes(
    world: World,
) -> None:
    """It is listed, its claim is nobody's, and a settlement ends the doubt. 3.6."""

    async def run() -> None:
        async with world.running():
            made, other = await submitted(world, 2)
            worker = world.stub("dispatcher")
            (held,) = await claim(world, worker, payout_ids=[made])

            async def listed(*, attention: bool) -> list[str]:
                page = await worker.payouts.List(
                    payouts.ListPayoutsRequest(attention=attention)
                )
                return [found.order.payout_id for found in page.payouts]

            def raising(attempt: int) -> pb.RaiseAttentionRequest:
                return pb.RaiseAttentionRequest(
                    request_id=world.new_id(ids.REQUEST),
                    payout_id=made,
                    attempt=attempt,
                    reason="the rail does not answer questions",
                )

            assert await listed(attention=True) == []
            stale = await worker.dispatch.RaiseAttention(raising(held.attempt + 1))
            assert stale.result.refusal == common.VERSION_MISMATCH
            raised = await worker.dispatch.RaiseAttention(raising(held.attempt))
            assert raised.result.outcome == CREATED
            assert raised.state == payouts.DISPATCHING
            found = await payout(worker, made)
            assert (found.attention, found.worker) == (True, "")
            assert await listed(attention=True) == [made]
            assert await listed(attention=False) == [other]

            def finding(**changes: object) -> payouts.TellEvidenceRequest:
                fields = {
                    "request_id": world.new_id(ids.REQUEST),
                    "payout_id": made,
                    "finding": payouts.TellEvidenceRequest.SETTLED,
                    "rail": "sandbox",
                    "reference": "case 7",
                    "note": "by phone",
                }
                return payouts.TellEvidenceRequest(**{**fields, **changes})

            approver = world.stub("approver")
            for changes, field in (
                ({"finding": 0}, "finding"),
                ({"note": ""}, "note"),
                ({"reference": "x" * 65}, "reference"),
                ({"rail": "nowhere"}, "rail"),
                ({"code": "AC04"}, "code"),
                (
                    {"finding": payouts.TellEvidenceRequest.REFUSED},
                    "expected_version",
                ),
                (
                    {"finding": payouts.TellEvidenceRequest.NOT_FOUND},
                    "expected_version",
                ),
                (
                    {"finding": payouts.TellEvidenceRequest.TAKEN, "value_date": 1},
                    "value_date",
                ),
                ({"value_date": 20261340}, "value_date"),
            ):
                refusal = await refusal_of(
                    approver.payouts.TellEvidence(finding(**changes))
                )
                assert refusal.fields == [field]
            asked = finding(value_date=20261120)
            settled = await approver.payouts.TellEvidence(asked)
            again = await approver.payouts.TellEvidence(asked)
            assert (settled.result.outcome, settled.state) == (
                CREATED,
                payouts.SETTLED,
            )
            assert again.result.outcome == common.OUTCOME_REPLAYED
            found = await payout(worker, made)
            assert (found.attention, found.value_date) == (False, 20261120)
            assert found.rail_reference == "case 7"
            assert await listed(attention=True) == []

    asyncio.run(run())


def test_what_was_given_back_is_claimed_only_if_it_is_asked_for(world: World) -> None:
    """Its worker would learn nothing more, again and again; and it hides no newer payout."""

    async def run() -> None:
        async with world.running():
            made = await submitted(world, 3)
            worker = world.stub("dispatcher")
            (held,) = await claim(world, worker, max_payouts=1, lease_ms=1_000)
            request = pb.RaiseAttentionRequest(
                request_id=world.new_id(ids.REQUEST), payout_id=made[0], attempt=1
            )
            await worker.dispatch.RaiseAttention(request)
            deadline = asyncio.get_running_loop().time() + 5.0
            await world.node.propose_command(Tick(), deadline)  # the lease is over

            (next_one,) = await claim(world, worker, max_payouts=1)
            both = await claim(world, worker, max_payouts=1, with_attention=True)
            assert held.payout.order.payout_id == made[0]
            assert next_one.payout.order.payout_id == made[1]
            assert [one.payout.order.payout_id for one in both] == [made[0]]
            assert both[0].ask_first
            named = await claim(world, worker, payout_ids=[made[0]])
            assert [one.attempt for one in named] == [both[0].attempt + 1]

    asyncio.run(run())


def test_two_processes_of_one_worker_never_hold_the_same_payout(world: World) -> None:
    """They share a certificate, and their calls an entry: one of them is given the claim. 3.6."""

    async def run() -> None:
        async with world.running():
            made = await submitted(world, 1)
            worker = world.stub("dispatcher")
            world.node.together = 2

            first, second = await asyncio.gather(
                claim(world, worker), claim(world, worker)
            )

            held = [one.payout.order.payout_id for one in (*first, *second)]
            assert held == made

    asyncio.run(run())


def test_a_renewal_that_is_repeated_does_not_give_a_later_claim(world: World) -> None:
    """Another process of the same worker has it by now, under its own token."""

    async def run() -> None:
        async with world.running():
            (made,) = await submitted(world, 1)
            worker = world.stub("dispatcher")
            (held,) = await claim(world, worker)
            renewal = pb.RenewClaimRequest(
                request_id=world.new_id(ids.REQUEST),
                payout_id=made,
                attempt=held.attempt,
            )
            renewed = await worker.dispatch.RenewClaim(renewal)
            again = await worker.dispatch.RenewClaim(renewal)
            assert again.claim == renewed.claim
            (other,) = await claim(world, worker, payout_ids=[made])

            late = await worker.dispatch.RenewClaim(renewal)

            assert other.fencing_token > renewed.claim.fencing_token
            assert late.result.outcome == common.OUTCOME_REPLAYED
            assert not late.HasField("claim")

    asyncio.run(run())


def test_a_reversal_and_what_was_not_accepted(world: World) -> None:
    """READY again after the rail refused it; reversed after it was settled."""

    async def run() -> None:
        async with world.running():
            (made,) = await submitted(world, 1)
            worker = world.stub("dispatcher")
            (held,) = await claim(world, worker)
            back = await worker.dispatch.RailNotAccepted(
                pb.RailNotAcceptedRequest(**refused(world, held))
            )
            assert back.state == payouts.READY
            (again,) = await claim(world, worker)
            assert (again.attempt, again.rail_key) == (2, held.rail_key)
            await worker.dispatch.Settle(pb.SettleRequest(**told(world, again)))
            reversed_ = await worker.dispatch.ReversalComplete(
                pb.ReversalCompleteRequest(**told(world, again, amount_units=250))
            )
            assert reversed_.state == payouts.REVERSED
            assert (await payout(worker, made)).reversed_units == 250

    asyncio.run(run())


@pytest.mark.parametrize("basis", [pb.REFUSED, pb.NOT_FOUND])
def test_what_is_not_accepted_is_told_under_the_claim_that_heard_it(
    world: World, basis: pb.NotAcceptedBasis.ValueType
) -> None:
    """Without a token the call is malformed; with that of an earlier claim it is refused."""

    async def run() -> None:
        async with world.running():
            (made,) = await submitted(world, 1)
            worker = world.stub("dispatcher")
            (held,) = await claim(world, worker)
            silent = told(world, held, basis=basis)
            with pytest.raises(grpc.aio.AioRpcError, match="fencing_token"):
                await worker.dispatch.RailNotAccepted(
                    pb.RailNotAcceptedRequest(**silent)
                )
            for token, refusal in (
                (held.fencing_token - 1, common.VERSION_MISMATCH),
                (held.fencing_token, 0),
            ):
                told_again = told(world, held, basis=basis)
                reply = await worker.dispatch.RailNotAccepted(
                    pb.RailNotAcceptedRequest(**told_again, fencing_token=token)
                )
                assert reply.result.refusal == refusal
            assert (await payout(worker, made)).state == payouts.READY

    asyncio.run(run())


def test_two_approvers_settle_an_exception(world: World) -> None:
    """Evidence nobody expected is listed, proposed by one, settled by the other. 3.5."""

    async def run() -> None:
        async with world.running():
            (made,) = await submitted(world, 1)
            worker = world.stub("dispatcher")
            (held,) = await claim(world, worker)
            await worker.dispatch.RailNotAccepted(
                pb.RailNotAcceptedRequest(**refused(world, held))
            )
            late = await worker.dispatch.RailAck(pb.RailAckRequest(**told(world, held)))
            assert (late.result.outcome, late.state) == (CREATED, payouts.READY)
            assert (await payout(worker, made)).open_exceptions == 1
            assert await claim(world, worker) == []
            unknown = await worker.dispatch.RailAck(
                pb.RailAckRequest(**told(world, held) | {"rail_key": "A" * 15})
            )
            assert unknown.result.refusal == common.RAIL_KEY_UNKNOWN

            one = world.stub("approver")
            two = world.stub("approver", "auditor")
            listed = await two.audit.ListExceptions(audit.ListExceptionsRequest())
            cause = audit.PayoutException
            assert [
                (row.cause, row.told, row.payout_id) for row in listed.exceptions
            ] == [
                (cause.WRONG_STATE, "RailAck", made),
                (cause.UNKNOWN_RAIL_KEY, "RailAck", ""),
            ]
            row = listed.exceptions[0]

            async def resolve(stub: Stub) -> audit.ResolveExceptionReply:
                return await stub.audit.ResolveException(
                    audit.ResolveExceptionRequest(
                        request_id=world.new_id(ids.REQUEST),
                        index=row.index,
                        ordinal=row.ordinal,
                        resolution=audit.ACCEPT,
                        reason="the rail shows it",
                    )
                )

            assert (await resolve(one)).state == payouts.READY
            assert (await resolve(one)).result.refusal == common.SAME_PERSON
            assert (await resolve(two)).state == payouts.SENT
            left = await two.audit.ListExceptions(audit.ListExceptionsRequest())
            assert [found.payout_id for found in left.exceptions] == [""]
            every = await two.audit.ListExceptions(
                audit.ListExceptionsRequest(with_resolved=True, page_size=1)
            )
            assert (every.has_more, every.exceptions[0].resolved_by) == (
                True,
                "approver-auditor",
            )
            behind = await two.audit.ListExceptions(
                audit.ListExceptionsRequest(
                    with_resolved=True,
                    after_index=row.index,
                    after_ordinal=row.ordinal,
                )
            )
            assert [found.index for found in behind.exceptions] == [
                listed.exceptions[1].index
            ]

    asyncio.run(run())


def test_a_scheduled_payout_shows_its_time_and_is_rerouted(world: World) -> None:
    """release_at_us of the order; another rail at that rail's fee; recalled only when sent."""

    async def run() -> None:
        async with world.running():
            due_us = START_US + 10**12
            (made,) = await submitted(world, 1, release_at_us=due_us)
            submitter = world.stub("submitter")
            found = await payout(submitter, made)
            assert (found.state, found.release_at_us) == (payouts.SCHEDULED, due_us)
            assert found.order.release_at_us == due_us

            def fields() -> dict[str, str]:
                return {"request_id": world.new_id(ids.REQUEST), "payout_id": made}

            same = await submitter.payouts.Reroute(
                payouts.ReroutePayoutRequest(rail="sandbox", **fields())
            )
            assert (same.result.outcome, same.state) == (CREATED, payouts.SCHEDULED)
            live = await submitter.payouts.Reroute(
                payouts.ReroutePayoutRequest(rail="swift", **fields())
            )
            assert live.result.refusal == common.LIVEMODE_MISMATCH
            recall = await submitter.payouts.RequestRecall(
                payouts.RequestRecallRequest(reason="typo", **fields())
            )
            assert recall.result.refusal == common.WRONG_STATE
            approver = world.stub("approver")
            for change in (
                await approver.payouts.Approve(
                    payouts.ApprovePayoutRequest(**fields())
                ),
                await approver.payouts.Reject(payouts.RejectPayoutRequest(**fields())),
            ):
                assert change.result.refusal == common.WRONG_STATE
            gone = await approver.payouts.Cancel(
                payouts.CancelPayoutRequest(**fields())
            )
            assert gone.state == payouts.CANCELLED

    asyncio.run(run())


def test_a_call_may_say_which_version_it_has_seen(world: World) -> None:
    """Each of the calls about a payout is refused when it moved on; reads show the version."""

    async def run() -> None:
        async with world.running():
            (made,) = await submitted(world, 1)
            submitter, approver = world.stub("submitter"), world.stub("approver")
            assert (await payout(submitter, made)).version == 1

            def fields(version: int) -> dict[str, object]:
                return {
                    "request_id": world.new_id(ids.REQUEST),
                    "payout_id": made,
                    "expected_version": version,
                }

            moved_on = [
                await submitter.payouts.Reroute(
                    payouts.ReroutePayoutRequest(rail="sandbox", **fields(2))
                ),
                await submitter.payouts.RequestRecall(
                    payouts.RequestRecallRequest(**fields(2))
                ),
                await submitter.payouts.Cancel(
                    payouts.CancelPayoutRequest(**fields(2))
                ),
                await approver.payouts.Approve(
                    payouts.ApprovePayoutRequest(**fields(2))
                ),
                await approver.payouts.Reject(payouts.RejectPayoutRequest(**fields(2))),
            ]
            assert {item.result.refusal for item in moved_on} == {
                common.VERSION_MISMATCH
            }
            again = await submitter.payouts.Reroute(
                payouts.ReroutePayoutRequest(rail="sandbox", **fields(1))
            )
            assert again.result.outcome == CREATED
            assert (await payout(submitter, made)).version == 2

    asyncio.run(run())


@pytest.mark.parametrize("value_date", [0, 19700101, 20261121, 20280229, 99991231])
def test_days_of_the_calendar_are_taken(value_date: int) -> None:
    """And 0, which says that nobody told it."""
    request = pb.SettleRequest(**GOOD, value_date=value_date)

    assert lifecycle_codec.settle(request, principal="p").value_date == value_date


REQUEST = ids.encode(ids.REQUEST, bytes(6) + b"\x70" + bytes([1, 0x80]) + bytes(7))
GOOD = {
    "request_id": REQUEST,
    "rail": "sandbox",
    "rail_key": "A" * 15,
    "reference": "r",
}


@pytest.mark.parametrize(
    ("parse", "request_", "text"),
    [
        (
            lifecycle_codec.rail_ack,
            pb.RailAckRequest(**GOOD | {"rail_key": "short"}),
            'rail_key: expected 15 characters of A-Z 2-7, found "short"',
        ),
        (
            lifecycle_codec.rail_ack,
            pb.RailAckRequest(**GOOD | {"rail": "pigeon"}),
            "rail: expected one of",
        ),
        (
            lifecycle_codec.rail_ack,
            pb.RailAckRequest(**GOOD | {"reference": ""}),
            "reference: expected 1 .. 64 bytes",
        ),
        (
            lifecycle_codec.rail_not_accepted,
            pb.RailNotAcceptedRequest(**GOOD),
            "basis: expected REFUSED or NOT_FOUND, found 0",
        ),
        (
            lifecycle_codec.rail_reject,
            pb.RailRejectRequest(**GOOD, code="x" * 36),
            "code: expected 0 .. 35 bytes",
        ),
        (
            lifecycle_codec.settle,
            pb.SettleRequest(**GOOD, cost_units=-1),
            "cost_units: expected 0 .. ",
        ),
        *(
            (
                lifecycle_codec.settle,
                pb.SettleRequest(**GOOD, value_date=value_date),
                f"value_date: expected a day as yyyymmdd, from 1970 on, or 0, found {value_date}",
            )
            for value_date in (
                20261340,
                20260229,
                20261100,
                260508,
                19691231,
                2**32 - 1,
            )
        ),
        (
            lifecycle_codec.money_return,
            pb.ReturnRequest(**GOOD),
            "amount_units: expected 1 .. ",
        ),
        (
            lifecycle_codec.reversal_complete,
            pb.ReversalCompleteRequest(**GOOD, amount_units=-1),
            "amount_units: expected 1 .. ",
        ),
        (
            lifecycle_codec.renew_claim,
            pb.RenewClaimRequest(request_id=REQUEST, payout_id=REQUEST),
            "payout_id: expected payout_",
        ),
        (
            lifecycle_codec.renew_claim,
            pb.RenewClaimRequest(request_id=REQUEST, lease_ms=999),
            "lease_ms: expected 1000 .. 86400000, found 999",
        ),
        (
            lifecycle_codec.resolve_exception,
            audit.ResolveExceptionRequest(request_id=REQUEST),
            "resolution: expected ACCEPT, ADJUST or DISMISS, found 0",
        ),
        (
            lifecycle_codec.resolve_exception,
            audit.ResolveExceptionRequest(request_id=REQUEST, resolution=audit.DISMISS),
            "reason: expected why it is dismissed",
        ),
    ],
)
def test_what_is_malformed_stops_at_the_edge(parse, request_, text) -> None:
    """The message names the field, what was expected and what was found."""
    with pytest.raises(NotLogged) as caught:
        parse(request_, principal="p")
    assert text in caught.value.message


def test_the_parts_of_a_claim_have_request_ids_of_their_own() -> None:
    """UUIDs of version 7 with the call's time, one a payout, the same for the same call."""
    first, second = bytes(range(16)), bytes(range(1, 17))
    request_id = ids.decode(ids.REQUEST, REQUEST)
    part = lifecycle_codec.part_id(request_id, first)

    assert is_uuid7(part)
    assert part[:6] == request_id[:6]
    assert part == lifecycle_codec.part_id(request_id, first)
    assert part != lifecycle_codec.part_id(request_id, second)


def test_nothing_leaves_while_the_rail_is_closed_and_the_claim_says_the_value_date(
    world: World,
) -> None:
    """By the calendar in force at the claim, not by that of the submit. 8.3."""
    today = time.time_ns() // 1_000 // DAY_US
    windows = (
        Window(WallTime(-1, 0), (CutOff(Layer.OURS, WallTime(1, 86_399)),), 0, 0),
    )
    record = replace(seed()[0], calendar="days", zone="UTC", windows=windows)
    days = Calendar("days", 0, 0, today - 9, today + 90, 0, (), "test", "")

    async def run() -> None:
        async with world.running():
            admin, worker = world.stub("admin"), world.stub("dispatcher")

            async def amend(calendar: Calendar) -> None:
                message = calendar_message(calendar)
                asked = rails.AmendCalendarRequest(
                    request_id=world.new_id(ids.REQUEST), calendar=message
                )
                reply = await admin.admin.AmendCalendar(asked)
                assert reply.result.outcome == CREATED

            reply = await admin.admin.SetCatalogue(
                rails.SetCatalogueRequest(
                    request_id=world.new_id(ids.REQUEST), rails=[rail_message(record)]
                )
            )
            assert reply.result.outcome == CREATED
            await submitted(world, 2)
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await claim(world, worker)
            assert unknown.value.code() is grpc.StatusCode.FAILED_PRECONDITION

            closed = range(today - 5, today + 6)
            await amend(replace(days, closed_days=tuple(closed)))
            assert await claim(world, worker) == []

            await amend(replace(days, closed_days=(today - 1,)))
            (found, _) = await claim(world, worker)
            day = date_of(today)
            assert found.value_date == int(f"{day:%Y%m%d}")

    asyncio.run(run())
