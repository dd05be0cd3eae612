"""Status, holds and vouchers by both faces: what was asked reaches the node as it was said."""

import asyncio

import pytest

from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.api.v1.common_pb2 import ALL_VOTERS, QUORUM, Money
from ledgerd.client import AsyncClient, Client, Outcome, OutcomeUnknown, WriteConcern
from tests.client.fake_cluster import HOLD, VOUCHER, FakeCluster

LEGS = [
    pb.EntryLeg(kind=pb.EntryLeg.RETURNS, side=pb.EntryLeg.DEBIT, units=5),
    pb.EntryLeg(kind=pb.EntryLeg.PAYOUT_FEE, side=pb.EntryLeg.CREDIT, units=5),
]
USD = Money(units=5, currency="USD")
BOOK = {"currency": "USD", "livemode": True, "reason": "why"}
MESSAGE = {"livemode": True, "currency": "USD", "legs": LEGS, "reason": "why"}
CALLS = [
    (
        "close_account",
        ("acct_x",),
        {"reason": "moved"},
        pb.CloseAccountRequest(account_id="acct_x", reason="moved"),
    ),
    ("freeze", ("acct_x",), {}, pb.FreezeRequest(account_id="acct_x")),
    ("unfreeze", ("acct_x",), {}, pb.UnfreezeRequest(account_id="acct_x")),
    (
        "fund_reverse",
        (5, "USD"),
        {"bank": "main", "external_ref": "w"},
        pb.FundReverseRequest(bank="main", external_ref="w", amount=USD),
    ),
    (
        "capture_hold",
        ("hold_x", "acct_x", 5, "USD"),
        {"reference": "r"},
        pb.CaptureHoldRequest(
            hold_id="hold_x", to_account_id="acct_x", amount=USD, reference="r"
        ),
    ),
    ("release_hold", ("hold_x",), {}, pb.ReleaseHoldRequest(hold_id="hold_x")),
    ("post_entry", (LEGS,), BOOK, pb.PostEntryRequest(**MESSAGE)),
    (
        "adjust",
        (LEGS,),
        {"linked": (7, 1, 0), **BOOK},
        pb.AdjustRequest(linked=pb.EntryPosition(index=7, ordinal=1), **MESSAGE),
    ),
    (
        "approve_voucher",
        ("req_x",),
        {},
        pb.ApproveVoucherRequest(voucher_id="req_x"),
    ),
    (
        "reject_voucher",
        ("req_x",),
        {"reason": "no"},
        pb.RejectVoucherRequest(voucher_id="req_x", reason="no"),
    ),
]


@pytest.mark.parametrize(
    ("name", "arguments", "named", "message"), CALLS, ids=[call[0] for call in CALLS]
)
def test_each_call_is_sent_as_it_was_said(
    cluster: FakeCluster, name, arguments, named, message
) -> None:
    """With a request id of its own, or the caller's, which the result names."""
    with Client(cluster.profile()) as client:
        first = getattr(client, name)(*arguments, **named)
        again = getattr(client, name)(*arguments, request_id=first.id, **named)

    asked, second = cluster.asked
    message.request_id = first.id
    message.concern = QUORUM
    assert asked == second == message
    assert first.id.startswith("req_")
    assert (first.outcome, again.id) == (Outcome.CREATED, first.id)


def test_a_hold_has_an_id_of_its_own(cluster: FakeCluster) -> None:
    """Seconds become microseconds; the result names the hold."""

    async def run() -> None:
        async with AsyncClient(cluster.profile()) as client:
            result = await client.create_hold("acct_x", 5, "USD", ttl=0.25)
            assert result.id.startswith("hold_")
            (asked,) = cluster.asked
            assert asked == pb.CreateHoldRequest(
                hold_id=result.id,
                account_id="acct_x",
                amount=USD,
                ttl_us=250_000,
                concern=QUORUM,
            )

    asyncio.run(run())


def test_holds_and_vouchers_are_read(cluster: FakeCluster) -> None:
    """States are named as the API names them, in whatever case."""
    with Client(cluster.profile()) as client:
        assert client.hold("hold_x").hold == HOLD
        assert client.voucher("req_x").voucher == VOUCHER
        assert list(client.holds(state="open", account_id="acct_x").holds) == [HOLD]
        assert list(client.vouchers(page_size=5).vouchers) == [VOUCHER]
        with pytest.raises(ValueError, match="BURNT"):
            client.vouchers(state="burnt")

    assert cluster.asked == [
        pb.ListHoldsRequest(account_id="acct_x", state=pb.Hold.OPEN),
        pb.ListVouchersRequest(page_size=5),
    ]


def test_a_concern_is_asked_for_and_checked(cluster: FakeCluster) -> None:
    """An answer of a release that knows no concerns is not taken for more than it is."""
    with (
        Client(cluster.profile()) as client,
        pytest.raises(OutcomeUnknown, match="committed at index"),
    ):
        client.freeze("acct_x", concern=WriteConcern.ALL_VOTERS)

    assert cluster.asked[0].concern == ALL_VOTERS
