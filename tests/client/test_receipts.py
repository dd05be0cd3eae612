"""Receipts, checked with nothing but the file: every byte counts."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: the files are JSON

import pytest
from cryptography import x509

from ledgerd.api.v1 import audit_pb2, payouts_pb2
from ledgerd.client.receipts import (
    ReceiptRefused,
    _currency,
    _row,
    head_text,
    receipt_text,
    verify,
    verify_growth,
)
from ledgerd.formats.heads import TreeHead, signed_bytes
from ledgerd.formats.records import encode_writes
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.payouts import PayoutHead, PayoutState
from ledgerd.ledger.view import Writes
from tests.api.world import Certificates, World
from tests.ledger.making import PACKED, uid


@dataclass(frozen=True)
class Files:
    """What a node gave out: a receipt, a head, and the CA of its cluster; and another CA."""

    receipt: bytes
    head: bytes
    growth: audit_pb2.ConsistencyProofReply
    ca: bytes
    other_ca: bytes


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Receipt and head of a batch of two, and one entry more."""
    folder = tmp_path_factory.mktemp("receipts")
    certificates = Certificates(folder / "pki")
    other = Certificates(folder / "other")
    world = World(folder, certificates)

    async def run() -> Files:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await world.account(stub, units=100_000)
            orders = [world.order(account), world.order(account)]
            await stub.payouts.SubmitBatch(
                payouts_pb2.SubmitBatchRequest(orders=orders)
            )
            payout = orders[1].payout_id
            proof = await stub.audit.InclusionProof(
                audit_pb2.InclusionProofRequest(payout_id=payout)
            )
            head = await stub.audit.GetTreeHead(audit_pb2.TreeHeadRequest())
            await world.account(stub)
            growth = await stub.audit.ConsistencyProof(
                audit_pb2.ConsistencyProofRequest(first_index=head.head.size)
            )
            return Files(
                receipt_text(proof, payout).encode(),
                head_text(head.head).encode(),
                growth,
                (certificates.folder / "ca.pem").read_bytes(),
                (other.folder / "ca.pem").read_bytes(),
            )

    return asyncio.run(run())


def changed(raw: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the file with a change made to its content, written as receipts are."""
    document = json.loads(raw)
    change(document)
    return (json.dumps(document, indent=1) + "\n").encode()


def flip(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def test_what_was_not_changed_is_proven(files: Files) -> None:
    """With the file's own CA, and with the one that is known."""
    for raw in (files.receipt, files.head):
        assert verify(raw) == verify(raw, ca=files.ca)


@pytest.mark.parametrize("name", ["receipt", "head"])
def test_every_changed_byte_is_told(files: Files, name: str) -> None:
    """Each byte once in another value; cut off at every tenth byte; and with a byte too many."""
    raw = getattr(files, name)
    for at in range(len(raw)):
        other = bytearray(raw)
        other[at] ^= 1 + at % 7
        with pytest.raises(ReceiptRefused):
            verify(bytes(other))
    for size in range(0, len(raw), 10):
        with pytest.raises(ReceiptRefused):
            verify(raw[:size])
    for other in (raw + b" ", b" " + raw, raw + raw):
        with pytest.raises(ReceiptRefused, match=r"expected"):
            verify(bytes(other))


@pytest.mark.parametrize("name", ["certificate", "ca"])
def test_what_no_signature_covers_is_told_too(files: Files, name: str) -> None:
    """The byte before a certificate's signature, which says how many bits of it are unused."""
    signature = x509.load_der_x509_certificate(
        bytes.fromhex(json.loads(files.receipt)["head"][name])
    ).signature.hex()

    def spoil(document: dict[str, Any]) -> None:
        whole = document["head"][name]
        assert whole.endswith("00" + signature)
        document["head"][name] = whole.removesuffix("00" + signature) + "01" + signature

    with pytest.raises(ReceiptRefused):
        verify(changed(files.receipt, spoil))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d["head"].update(root=flip(d["head"]["root"])), "did not sign"),
        (lambda d: d["head"].update(size=d["head"]["size"] + 1), "did not sign"),
        (lambda d: d["head"].update(node_id=2), "expected ledgerd://.*signer/2"),
        (lambda d: d["head"].update(cluster_id="x"), "head.ca: expected ledgerd://x"),
        (lambda d: d["head"].update(signature=""), "has no key for tree heads"),
        (lambda d: d["head"].update(signed_at_us=0), "the certificate is valid"),
        (lambda d: d["head"].update(certificate="00"), "expected a certificate"),
        (
            lambda d: d["head"].update(certificate=d["head"]["ca"]),
            "head.certificate: expected",
        ),
        (lambda d: d["leaf"].update(ts_us=d["leaf"]["ts_us"] + 1), "not in the signed"),
        (lambda d: d["leaf"].update(command=flip(d["leaf"]["command"])), "not in the"),
        (lambda d: d["leaf"].update(before="00"), "digests of 32 bytes"),
        (lambda d: d["leaf"].update(index=-1), "number is out of its range"),
        (lambda d: d["payouts"].pop(), "not in the signed tree"),
        (lambda d: d["payouts"].reverse(), "not in the signed tree"),
        (lambda d: d["path"].pop(), "not in the signed tree"),
        (lambda d: d["path"].append(d["path"][0]), "not in the signed tree"),
        (lambda d: d.update(ordinal=0), "payout_id: expected"),
        (lambda d: d.update(ordinal=7), "expected one at position"),
        (lambda d: d.update(payout_id="payout_" + "0" * 26), "payout_id: expected"),
        (lambda d: d.update(ordinal="1"), "expected a whole number"),
        (lambda d: d.update(format="ledgerd receipt 2"), "expected format, head"),
        (lambda d: d.pop("path"), "a receipt: expected"),
        (lambda d: d["head"].update(root=d["head"]["root"].upper()), "small hex"),
    ],
)
def test_each_lie_is_told_by_its_name(
    files: Files, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    """A file that is well written and says something else."""
    with pytest.raises(ReceiptRefused, match=told):
        verify(changed(files.receipt, change))


def test_another_ca_is_refused_where_the_right_one_is_known(files: Files) -> None:
    """A file brings its own CA; who pins it is not deceived by a whole cluster made up."""
    with pytest.raises(ReceiptRefused, match="expected the CA that was named"):
        verify(files.receipt, ca=files.other_ca)
    with pytest.raises(ReceiptRefused, match="CA's certificate in PEM"):
        verify(files.receipt, ca=b"nothing")


def test_a_history_that_was_written_anew_is_told(files: Files) -> None:
    """A later head must hold the saved one: another path or another root is another history."""
    first, second = verify_growth(files.head, files.growth, ca=files.ca)
    assert (first.last_index, second.last_index) == (3, 4)

    for spoil in (
        lambda reply: reply.path.pop(),
        lambda reply: reply.path.append(reply.path[0]),
        lambda reply: reply.path.__setitem__(0, bytes(32)),
        lambda reply: setattr(reply.second, "root", bytes(32)),
    ):
        reply = audit_pb2.ConsistencyProofReply()
        reply.CopyFrom(files.growth)
        spoil(reply)
        with pytest.raises(ReceiptRefused):
            verify_growth(files.head, reply, ca=files.ca)


def test_a_history_goes_on_under_a_new_ca(files: Files, tmp_path: Path) -> None:
    """Heads of a CA that was replaced stay good for who knows both, and for nobody else."""
    heir = Certificates(tmp_path / "heir", verify(files.head).cluster_id)
    signer = heir.signer(1)
    reply = audit_pb2.ConsistencyProofReply()
    reply.CopyFrom(files.growth)
    told = reply.second
    said = TreeHead(*(getattr(told, name) for name in TreeHead._fields))
    told.signature = signer.sign(signed_bytes(said))
    told.certificate, told.ca = signer.certificate, signer.ca
    new = (heir.folder / "ca.pem").read_bytes()

    first, second = verify_growth(files.head, reply, ca=files.ca + new)

    assert (first.last_index, second.last_index) == (3, 4)
    assert first.ca_sha256 != second.ca_sha256
    for ca in (files.ca, new):
        with pytest.raises(ReceiptRefused, match="expected the CA that was named"):
            verify_growth(files.head, reply, ca=ca)
    with pytest.raises(ReceiptRefused, match="if the cluster's CA was replaced"):
        verify_growth(files.head, reply)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    """JSON of another kind, deep JSON, and no JSON at all."""
    for raw in (b"[]\n", b"{}\n", b"null\n", b"\xff", b"", b"[" * 100_000):
        with pytest.raises(ReceiptRefused):
            verify(raw)


@pytest.mark.parametrize("release_at_us", [0, 1_790_000_000_000_000])
def test_rows_are_read_as_the_ledger_writes_them(release_at_us: int) -> None:
    """Both layouts of a payout's row; the reader here was written apart from the writer."""
    head = PayoutHead(
        uid(1),
        uid(2),
        2**62,
        currency_number("KWD"),
        3,
        PACKED,
        (7, 65_535),
        99,
        25,
        PayoutState.SCHEDULED,
        "Zoë",
        release_at_us,
    )
    (table,) = encode_writes(Writes(payouts=[head]))
    ((key, value),) = table.rows

    row = _row(key, value)
    assert row.position == (7, 65_535)
    assert (row.payout_id, row.account_id) == (uid(1), uid(2))
    assert (row.amount_minor, _currency(row.currency)) == (2**62, "KWD")
    assert (row.fee_minor, row.ts_us, row.principal) == (25, 99, "Zoë")
    assert row.release_at_us == release_at_us
    with pytest.raises(ReceiptRefused, match="layout 1 or 2, found 3"):
        _row(key, b"\3" + value[1:])
    for size in range(0, len(value), 7):
        with pytest.raises(ReceiptRefused):
            _row(key, value[:size])
