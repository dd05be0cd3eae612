"""Review, reroute, recall and exceptions by both faces: what was asked reaches the node."""

import asyncio

import pytest

from ledgerd.api.v1 import audit_pb2, payouts_pb2
from ledgerd.api.v1.common_pb2 import ALL_VOTERS, QUORUM
from ledgerd.client import AsyncClient, Client, Outcome, OutcomeUnknown, WriteConcern
from tests.client.fake_cluster import EXCEPTION, FakeCluster

CALLS = [
    (
        "approve",
        ("payout_x",),
        {},
        payouts_pb2.ApprovePayoutRequest(payout_id="payout_x"),
    ),
    (
        "reject",
        ("payout_x",),
        {"reason": "no"},
        payouts_pb2.RejectPayoutRequest(payout_id="payout_x", reason="no"),
    ),
    (
        "reroute",
        ("payout_x", "swift"),
        {},
        payouts_pb2.ReroutePayoutRequest(payout_id="payout_x", rail="swift"),
    ),
    (
        "request_recall",
        ("payout_x",),
        {"reason": "fraud"},
        payouts_pb2.RequestRecallRequest(payout_id="payout_x", reason="fraud"),
    ),
    (
        "tell_evidence",
        ("payout_x", "settled"),
        {"rail": "swift", "reference": "c-1", "note": "portal", "value_date": 20261121},
        payouts_pb2.TellEvidenceRequest(
            payout_id="payout_x",
            finding=payouts_pb2.TellEvidenceRequest.SETTLED,
            rail="swift",
            reference="c-1",
            note="portal",
            value_date=20261121,
        ),
    ),
    (
        "resolve_exception",
        (7, 1),
        {"resolution": "ADJUST", "reason": "seen"},
        audit_pb2.ResolveExceptionRequest(
            index=7, ordinal=1, resolution=audit_pb2.ADJUST, reason="seen"
        ),
    ),
]


@pytest.mark.parametrize(("name", "given", "options", "expected"), CALLS)
def test_a_change_reaches_the_node_by_both_faces(
    cluster: FakeCluster, name, given, options, expected
) -> None:
    """The request is as it was said, with a new id, and the answer names the state."""
    with Client(cluster.profile()) as client:
        blocking = getattr(client, name)(*given, **options)

    async def run() -> object:
        async with AsyncClient(cluster.profile()) as client:
            return await getattr(client, name)(
                *given, **options, request_id="req_mine", concern=WriteConcern.QUORUM
            )

    result = asyncio.run(run())
    first, second = cluster.asked
    assert first.request_id.startswith("req_")
    assert second.request_id == "req_mine"
    expected.concern = QUORUM
    for asked in (first, second):
        asked.ClearField("request_id")
        assert asked == expected
    assert blocking.outcome == result.outcome == Outcome.CREATED
    assert blocking.payout_state == result.payout_state != ""


def test_a_concern_that_is_not_kept_is_unknown(cluster: FakeCluster) -> None:
    """A node of an older release ignores the field: then its word says nothing."""
    with Client(cluster.profile()) as client, pytest.raises(OutcomeUnknown):
        client.approve("payout_x", concern=WriteConcern.ALL_VOTERS)
    (asked,) = cluster.asked
    assert asked.concern == ALL_VOTERS


def test_exceptions_are_listed_by_both_faces(cluster: FakeCluster) -> None:
    """Where an earlier page ended is said by position."""
    with Client(cluster.profile()) as client:
        blocking = client.exceptions(with_resolved=True, page_size=5, after=(3, 2))

    async def run() -> audit_pb2.ListExceptionsReply:
        async with AsyncClient(cluster.profile()) as client:
            return await client.exceptions()

    assert blocking == asyncio.run(run())
    assert list(blocking.exceptions) == [EXCEPTION]
    first, _ = cluster.asked
    assert (first.with_resolved, first.page_size) == (True, 5)
    assert (first.after_index, first.after_ordinal) == (3, 2)
