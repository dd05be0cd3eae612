"""The service Audit over TLS: heads, receipts and growth, judged by the client's own verifier."""

import asyncio

import grpc
import pytest

from ledgerd.api import ids
from ledgerd.api.v1 import audit_pb2 as pb
from ledgerd.api.v1 import payouts_pb2
from ledgerd.client.receipts import (
    ReceiptRefused,
    head_text,
    receipt_text,
    verify,
    verify_growth,
)
from tests.api.world import START_US, Refusal, Stub, World

MEMBERS = 3


async def submit(world: World, stub: Stub, account: str, rows: int = MEMBERS) -> str:
    """Submit a batch; return the id of its last payout."""
    orders = [world.order(account) for _ in range(rows)]
    await stub.payouts.SubmitBatch(payouts_pb2.SubmitBatchRequest(orders=orders))
    return orders[-1].payout_id


async def refused(call: grpc.aio.UnaryUnaryCall) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return Refusal(caught.value)


def test_a_receipt_proves_the_payout_of_a_batch(world: World) -> None:
    """What the verifier finds in the file is what was submitted, and where."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await world.account(stub, units=100_000)
            await submit(world, stub, account)
            payout = await submit(world, stub, account)
            await submit(world, stub, account, 1)
            reply = await stub.audit.InclusionProof(
                pb.InclusionProofRequest(payout_id=payout)
            )
            proven = verify(receipt_text(reply, payout).encode())

            assert (proven.payout_id, proven.account_id) == (payout, account)
            assert (proven.amount_minor, proven.currency) == (250, "USD")
            assert (proven.index, proven.ordinal, proven.others) == (4, 2, 2)
            assert proven.accepted_at_us == START_US + 4_000_000
            assert proven.principal == "auditor-submitter"
            assert (proven.head.first_index, proven.head.last_index) == (1, 5)
            assert (proven.head.node_id, proven.head.cluster_id) == (1, "test-cluster")

    asyncio.run(run())


def test_a_receipt_may_be_of_any_head_that_holds_it(world: World) -> None:
    """An older head than the newest, but none from before the payout."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await world.account(stub, units=100_000)
            payout = await submit(world, stub, account)
            for _ in range(5):
                await submit(world, stub, account, 1)
            for index in range(3, 9):
                reply = await stub.audit.InclusionProof(
                    pb.InclusionProofRequest(payout_id=payout, head_index=index)
                )
                proven = verify(receipt_text(reply, payout).encode())
                assert proven.head.last_index == index
            for index in (2, 9):
                request = pb.InclusionProofRequest(payout_id=payout, head_index=index)
                refusal = await refused(stub.audit.InclusionProof(request))
                assert refusal.code == grpc.StatusCode.OUT_OF_RANGE
                assert refusal.reason == "INDEX_NOT_KEPT"
                assert refusal.metadata["oldest"] == "3"

    asyncio.run(run())


def test_a_later_tree_holds_every_earlier_one(world: World) -> None:
    """Saved heads and receipts are compared with what the node shows later."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await world.account(stub, units=100_000)
            saved = []
            for _ in range(6):
                payout = await submit(world, stub, account)
                head = (await stub.audit.GetTreeHead(pb.TreeHeadRequest())).head
                saved.append(head_text(head).encode())
            proof = await stub.audit.InclusionProof(
                pb.InclusionProofRequest(payout_id=payout)
            )
            saved.append(receipt_text(proof, payout).encode())
            for number, raw in enumerate(saved):
                first = verify(raw)
                last_index = getattr(first, "head", first).last_index
                reply = await stub.audit.ConsistencyProof(
                    pb.ConsistencyProofRequest(first_index=last_index)
                )
                older, newer = verify_growth(raw, reply)
                assert (older.last_index, newer.last_index) == (last_index, 8)
                if 0 < number < len(saved) - 1:  # the last two are of one size
                    with pytest.raises(ReceiptRefused, match="does not hold"):
                        verify_growth(saved[number - 1], reply)

    asyncio.run(run())


def test_the_digest_of_every_index_is_known(world: World) -> None:
    """What the node had as digest after each entry, the last one included."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor", "admin")
            account = await world.account(stub, units=100_000)
            digests = {}
            for _ in range(4):
                await submit(world, stub, account, 1)
                reply = await stub.audit.Digest(pb.IndexDigestRequest())
                digests[reply.index] = reply.digest
            assert sorted(digests) == [3, 4, 5, 6]
            assert len(set(digests.values())) == 4
            for index, digest in digests.items():
                reply = await stub.audit.Digest(pb.IndexDigestRequest(index=index))
                assert (reply.index, reply.digest) == (index, digest)
            refusal = await refused(stub.audit.Digest(pb.IndexDigestRequest(index=7)))
            assert refusal.reason == "INDEX_NOT_KEPT"

    asyncio.run(run())


def test_what_was_never_accepted_has_no_receipt(world: World) -> None:
    """An id never used, a refused payout, and what is no id."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await world.account(stub)
            too_much = await submit(world, stub, account, 1)
            for payout, reason, words in (
                (world.new_id(ids.PAYOUT), "NOT_FOUND", "found none"),
                (too_much, "NOT_FOUND", "was refused at index 2"),
                ("payout_?", "MALFORMED", "payout_id"),
            ):
                request = pb.InclusionProofRequest(payout_id=payout)
                refusal = await refused(stub.audit.InclusionProof(request))
                assert refusal.reason == reason
                assert words in refusal.message

    asyncio.run(run())


def test_an_empty_ledger_has_no_tree(world: World) -> None:
    """Before the first leaf every question ends with what to do."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("auditor")
            refusal = await refused(stub.audit.GetTreeHead(pb.TreeHeadRequest()))
            assert refusal.reason == "INDEX_NOT_KEPT"
            assert "upgrade all members" in refusal.message

    asyncio.run(run())


def test_a_node_without_a_key_says_so(world: World) -> None:
    """Its heads are not signed, and whoever wants to save one learns the remedy."""

    async def run() -> None:
        world.signer = None
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await world.account(stub)
            head = (await stub.audit.GetTreeHead(pb.TreeHeadRequest())).head
            assert (head.size, head.signature, head.certificate) == (1, b"", b"")
            with pytest.raises(ReceiptRefused, match="ledgerd pki issue signer"):
                head_text(head)

    asyncio.run(run())
