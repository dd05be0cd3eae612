"""Receipts: files that prove what the ledger accepted, checked with nothing but the file.

A receipt holds a signed tree head, the certificates that say whose signature it is, the leaf of the
entry that accepted a payout, the path from the leaf to the root, and the entry's payouts as they
are kept. A saved head is the first part alone. Both are JSON in one written form: bytes as
hexadecimal text, keys in their order, so that any changed byte of the file is found.

Written apart from the code that makes heads, leaves and rows, as `proofs` is: whoever holds a
receipt need not trust the server's arithmetic.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from struct import Struct
from struct import error as StructError
from typing import Any, Final, NamedTuple, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledgerd.api import ids
from ledgerd.api.v1 import audit_pb2
from ledgerd.client.proofs import (
    ProofRefused,
    check_consistency,
    check_inclusion,
    leaf_hash,
)

RECEIPT: Final = "ledgerd receipt 1"
HEAD: Final = "ledgerd tree head 1"

# Any: what JSON holds.
Document: TypeAlias = dict[str, Any]

_CLUSTER: Final = Struct(">H")
_HEAD: Final = Struct(">IQQqq32s")
_LEAF: Final = Struct(">QqI32s32s")
_POSITION: Final = Struct(">QH")
_PAYOUT: Final = Struct(">B16s16sqHHHqqBB")
_RELEASE: Final = Struct(">q")
_COUNT: Final = Struct(">I")
_CHECKSUM_BYTES: Final = 4
# What the library raises for certificates with wrong bytes.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_HEAD_FIELDS: Final = (
    "cluster_id",
    "node_id",
    "first_index",
    "size",
    "log_time_us",
    "signed_at_us",
    "root",
    "signature",
    "certificate",
    "ca",
)
_LEAF_FIELDS: Final = (
    "index",
    "ts_us",
    "state_version",
    "command",
    "before",
    "outcomes",
    "journal",
    "events",
)


class ReceiptRefused(Exception):
    """The file proves nothing; the message says what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class ProvenHead:
    """A tree head whose signature is good.

    first_index, last_index: log indexes of the first and the last leaf. Times in microseconds since
    1970-01-01 UTC. ca_sha256: fingerprint of the CA, in hexadecimal: the file brings its own CA, so
    this is what has to be known from elsewhere.
    """

    cluster_id: str
    node_id: int
    first_index: int
    last_index: int
    log_time_us: int
    signed_at_us: int
    root: bytes
    ca_sha256: str

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self.last_index - self.first_index + 1


@dataclass(frozen=True, slots=True)
class ProvenPayout:
    """A payout that the ledger accepted, as its entry left it.

    index, ordinal: its position. accepted_at_us: the log time of its entry. release_at_us: when a
    scheduled one is released, 0 for at once. amount and fee in minor units. others: how many more
    payouts the receipt shows.
    """

    head: ProvenHead
    payout_id: str
    account_id: str
    amount_minor: int
    fee_minor: int
    currency: str
    principal: str
    index: int
    ordinal: int
    accepted_at_us: int
    release_at_us: int
    others: int


class _Row(NamedTuple):
    position: tuple[int, int]
    payout_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    fee_minor: int
    ts_us: int
    release_at_us: int
    principal: str


# Making files


def receipt_text(reply: audit_pb2.InclusionProofReply, payout_id: str) -> str:
    """Return the file of a receipt. Raises ReceiptRefused when the answer proves nothing."""
    text = _text(
        {
            "format": RECEIPT,
            "payout_id": payout_id,
            "ordinal": reply.ordinal,
            "leaf": _fields(reply.leaf, _LEAF_FIELDS),
            "payouts": [[row.key.hex(), row.value.hex()] for row in reply.payouts],
            "path": [node.hex() for node in reply.path],
            "head": _head_fields(reply.head),
        }
    )
    verify_receipt(text.encode())
    return text


def head_text(head: audit_pb2.TreeHead) -> str:
    """Return the file of a tree head. Raises ReceiptRefused when its signature is not good."""
    text = _text({"format": HEAD, "head": _head_fields(head)})
    verify_head(text.encode())
    return text


# Checking them


def verify(raw: bytes, *, ca: bytes | None = None) -> ProvenPayout | ProvenHead:
    """Return what the file of a receipt or of a head proves.

    ca: the CA's certificate, PEM, known from elsewhere; None: whatever CA the file brings.
    Raises ReceiptRefused.
    """
    document = _read(raw)
    if document.get("format") == RECEIPT:
        return verify_receipt(raw, ca=ca)
    return verify_head(raw, ca=ca)


def authorities(ca: bytes) -> list[x509.Certificate]:
    """Return the certificates of a CA's file, PEM. Raises ReceiptRefused when it has none."""
    try:
        return x509.load_pem_x509_certificates(ca)
    except ValueError as error:
        raise ReceiptRefused(
            f"expected the CA's certificate in PEM, found none: {error}"
        ) from error


def verify_head(raw: bytes, *, ca: bytes | None = None) -> ProvenHead:
    """Return what the file of a head says, its signature being good. Raises ReceiptRefused."""
    document = _read(raw)
    _expect_keys(document, ("format", "head"), "a tree head")
    _expect("format", HEAD, document["format"])
    return _proven_head(document["head"], ca)


def verify_receipt(raw: bytes, *, ca: bytes | None = None) -> ProvenPayout:
    """Return the payout that the file of a receipt proves. Raises ReceiptRefused."""
    document = _read(raw)
    keys = ("format", "payout_id", "ordinal", "leaf", "payouts", "path", "head")
    _expect_keys(document, keys, "a receipt")
    _expect("format", RECEIPT, document["format"])
    head = _proven_head(document["head"], ca)
    rows = _rows(document["payouts"])
    leaf = _leaf(document["leaf"], rows)
    number = leaf.index - head.first_index
    path = [_bytes(node, "path") for node in _list(document["path"], "path")]
    try:
        check_inclusion(
            index=number,
            size=head.size,
            leaf=leaf_hash(leaf.hashed),
            proof=path,
            root=head.root,
        )
    except ProofRefused as refused:
        raise ReceiptRefused(
            f"path: the entry at index {leaf.index} is not in the signed tree: {refused}"
        ) from refused
    return _proven_payout(document, head, leaf, rows)


def verify_growth(
    earlier: bytes, reply: audit_pb2.ConsistencyProofReply, *, ca: bytes | None = None
) -> tuple[ProvenHead, ProvenHead]:
    """Return a saved head and a later one, which holds everything that the saved one held.

    earlier: the file of a head, or of a receipt. ca: the CAs that are known from elsewhere, PEM;
    either head may be of any of them, for a cluster may have got another CA in between. None: both
    are of the one that the file brings. Raises ReceiptRefused; then the history that the cluster
    shows now is not the one that it showed when the file was made.
    """
    proven = verify(earlier, ca=ca)
    first = proven.head if isinstance(proven, ProvenPayout) else proven
    second = verify_head(
        _text({"format": HEAD, "head": _head_fields(reply.second)}).encode(), ca=ca
    )
    _expect("cluster_id", first.cluster_id, second.cluster_id)
    if ca is None and first.ca_sha256 != second.ca_sha256:
        raise ReceiptRefused(
            f"ca: expected that of the file, {first.ca_sha256}, found {second.ca_sha256}; if the "
            "cluster's CA was replaced, name both in one file, as `--ca`"
        )
    _expect("first_index", str(first.first_index), str(second.first_index))
    try:
        check_consistency(
            first_size=first.size,
            second_size=second.size,
            first_root=first.root,
            second_root=second.root,
            proof=list(reply.path),
        )
    except ProofRefused as refused:
        raise ReceiptRefused(
            f"the tree up to index {second.last_index} does not hold what the one up to "
            f"{first.last_index} held: {refused}"
        ) from refused
    return first, second


# The head


def _proven_head(fields: object, pinned: bytes | None) -> ProvenHead:
    if not isinstance(fields, dict):
        raise ReceiptRefused("head: expected its fields, found something else")
    _expect_keys(fields, _HEAD_FIELDS, "head")
    cluster_id = _text_of(fields["cluster_id"], "head.cluster_id")
    numbers = [_number(fields[name], f"head.{name}") for name in _HEAD_FIELDS[1:6]]
    node_id, first_index, size, log_time_us, signed_at_us = numbers
    root, signature, *certificates = (
        _bytes(fields[name], f"head.{name}") for name in _HEAD_FIELDS[6:]
    )
    if not signature:
        raise ReceiptRefused(
            "head.signature: expected one, found none: the node that made it has no key for tree "
            "heads; issue one with `ledgerd pki issue signer` and name it in its configuration"
        )
    try:
        signed = b"".join(
            (
                HEAD.encode() + b"\x00",
                _CLUSTER.pack(len(cluster_id.encode())),
                cluster_id.encode(),
                _HEAD.pack(node_id, first_index, size, log_time_us, signed_at_us, root),
            )
        )
    except StructError as error:
        raise ReceiptRefused(f"head: a number is out of its range: {error}") from error
    if size < 1 or len(root) != sha256().digest_size:
        raise ReceiptRefused("head: expected at least one leaf and a root of 32 bytes")
    holder, authority = (
        _certificate(der, name)
        for der, name in zip(certificates, ("certificate", "ca"), strict=True)
    )
    _check_authority(authority, cluster_id, pinned)
    _check_holder(holder, authority, cluster_id, node_id, signed_at_us)
    key = holder.public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise ReceiptRefused("head.certificate: expected an Ed25519 key, found another")
    try:
        key.verify(signature, signed)
    except InvalidSignature as error:
        raise ReceiptRefused(
            f"head.signature: node {node_id} of {cluster_id} did not sign this head"
        ) from error
    return ProvenHead(
        cluster_id=cluster_id,
        node_id=node_id,
        first_index=first_index,
        last_index=first_index + size - 1,
        log_time_us=log_time_us,
        signed_at_us=signed_at_us,
        root=root,
        ca_sha256=authority.fingerprint(hashes.SHA256()).hex(),
    )


def _certificate(der: bytes, name: str) -> x509.Certificate:
    try:
        found = x509.load_der_x509_certificate(der)
    except _UNREADABLE as error:
        raise ReceiptRefused(
            f"head.{name}: expected a certificate, found {len(der)} other bytes"
        ) from error
    if not der.endswith(b"\x00" + found.signature):
        # The library takes any number of unused bits in front of the signature, which it does
        # not cover: two files would prove the same.
        raise ReceiptRefused(f"head.{name}: expected a whole number of signature bytes")
    return found


def _check_authority(
    authority: x509.Certificate, cluster_id: str, pinned: bytes | None
) -> None:
    """Return if this is the CA of the cluster, and the one that the caller knows."""
    _check_issued(authority, authority, "head.ca: the CA did not sign itself")
    _expect("head.ca", f"ledgerd://{cluster_id}", ", ".join(_uris(authority)))
    if pinned is None:
        return
    if authority not in authorities(pinned):
        raise ReceiptRefused(
            "head.ca: expected the CA that was named, found another one, "
            f"{authority.fingerprint(hashes.SHA256()).hex()}"
        )


def _check_holder(
    holder: x509.Certificate,
    authority: x509.Certificate,
    cluster_id: str,
    node_id: int,
    signed_at_us: int,
) -> None:
    """Return if the CA says that the key is the node's, and said so when it was used."""
    _check_issued(holder, authority, "head.certificate: its CA did not issue it")
    name = f"ledgerd://{cluster_id}/signer/{node_id}"
    _expect("head.certificate", name, ", ".join(_uris(holder)))
    signed_at = _time(signed_at_us)
    if not holder.not_valid_before_utc <= signed_at <= holder.not_valid_after_utc:
        raise ReceiptRefused(
            f"head.signed_at_us: expected a time at which the certificate is valid, "
            f"{holder.not_valid_before_utc} .. {holder.not_valid_after_utc}, found {signed_at}"
        )


def _check_issued(
    certificate: x509.Certificate, issuer: x509.Certificate, flaw: str
) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_UNREADABLE) as error:
        raise ReceiptRefused(flaw) from error


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


# The leaf and its rows


@dataclass(frozen=True, slots=True)
class _Leaf:
    index: int
    ts_us: int
    hashed: bytes


def _leaf(fields: object, rows: Sequence[tuple[bytes, bytes]]) -> _Leaf:
    """Return the leaf with the digest of the payouts that the file shows."""
    if not isinstance(fields, dict):
        raise ReceiptRefused("leaf: expected its fields, found something else")
    _expect_keys(fields, _LEAF_FIELDS, "leaf")
    index, ts_us, state_version = (
        _number(fields[name], f"leaf.{name}") for name in _LEAF_FIELDS[:3]
    )
    command, before, outcomes, journal, events = (
        _bytes(fields[name], f"leaf.{name}") for name in _LEAF_FIELDS[3:]
    )
    laid_out = b"".join(
        (
            _CLUSTER.pack(6),
            b"payout",
            _COUNT.pack(len(rows)),
            *(_COUNT.pack(len(part)) for row in rows for part in row),
            *(part for row in rows for part in row),
        )
    )
    parts = (before, outcomes, sha256(laid_out).digest(), journal, events)
    if any(len(part) != sha256().digest_size for part in parts):
        raise ReceiptRefused("leaf: expected digests of 32 bytes, found another length")
    result = sha256(b"".join(parts)).digest()
    try:
        hashed = _LEAF.pack(index, ts_us, state_version, command, result)
    except StructError as error:
        raise ReceiptRefused(f"leaf: a number is out of its range: {error}") from error
    return _Leaf(index, ts_us, hashed)


def _rows(value: object) -> list[tuple[bytes, bytes]]:
    found = []
    for row in _list(value, "payouts"):
        parts = [_bytes(part, "payouts") for part in _list(row, "payouts")]
        if len(parts) != 2:
            raise ReceiptRefused("payouts: expected key and value of each row")
        found.append((parts[0], parts[1]))
    return found


def _row(key: bytes, value: bytes) -> _Row:
    """Return what a row says. Layouts 1 and 2 of table `payout`; the tree vouches for the bytes."""
    try:
        (
            version,
            payout_id,
            account_id,
            amount_minor,
            currency,
            _,
            details_bytes,
            fee_minor,
            ts_us,
            _,
            principal_bytes,
        ) = _PAYOUT.unpack_from(value)
        index, ordinal = _POSITION.unpack(key)
        start = _PAYOUT.size + details_bytes
        release_at_us = 0
        if version == 2:  # a scheduled one
            (release_at_us,) = _RELEASE.unpack_from(value, _PAYOUT.size)
            start += _RELEASE.size
        principal = value[start : start + principal_bytes].decode()
    except (StructError, UnicodeDecodeError) as error:
        raise ReceiptRefused(f"payouts: a row cannot be read: {error}") from error
    if version not in (1, 2) or len(value) != start + principal_bytes + _CHECKSUM_BYTES:
        raise ReceiptRefused(
            f"payouts: expected rows of layout 1 or 2, found {version}; use a newer ledgerctl"
        )
    return _Row(
        (index, ordinal),
        payout_id,
        account_id,
        amount_minor,
        currency,
        fee_minor,
        ts_us,
        release_at_us,
        principal,
    )


def _proven_payout(
    document: Document,
    head: ProvenHead,
    leaf: _Leaf,
    rows: Sequence[tuple[bytes, bytes]],
) -> ProvenPayout:
    wanted = leaf.index, _number(document["ordinal"], "ordinal")
    for key, value in rows:
        row = _row(key, value)
        if row.position == wanted:
            break
    else:
        raise ReceiptRefused(f"payouts: expected one at position {wanted}, found none")
    payout_id = ids.encode(ids.PAYOUT, row.payout_id)
    _expect("payout_id", payout_id, document["payout_id"])
    _expect("payouts", f"log time {leaf.ts_us}", f"log time {row.ts_us}")
    return ProvenPayout(
        head=head,
        payout_id=payout_id,
        account_id=ids.encode(ids.ACCOUNT, row.account_id),
        amount_minor=row.amount_minor,
        fee_minor=row.fee_minor,
        currency=_currency(row.currency),
        principal=row.principal,
        index=leaf.index,
        ordinal=wanted[1],
        accepted_at_us=leaf.ts_us,
        release_at_us=row.release_at_us,
        others=len(rows) - 1,
    )


def _currency(number: int) -> str:
    """Return a code of three letters, kept as a number of base 26."""
    pair, third = divmod(number, 26)
    return "".join(chr(ord("A") + digit) for digit in (*divmod(pair, 26), third))


# The written form


def _text(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def _read(raw: bytes) -> Document:
    """Return the document, if the file is its one written form."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ReceiptRefused(f"expected JSON, found something else: {error}") from error
    if not isinstance(document, dict):
        raise ReceiptRefused("expected a receipt or a tree head, found other JSON")
    if _text(document).encode() != raw:
        raise ReceiptRefused(
            "expected the file as it was written, found it in another form; ask for it again"
        )
    return document


def _fields(message: audit_pb2.TreeLeaf, names: Sequence[str]) -> Document:
    values = {name: getattr(message, name) for name in names}
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in values.items()
    }


def _head_fields(head: audit_pb2.TreeHead) -> Document:
    values = {name: getattr(head, name) for name in _HEAD_FIELDS}
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in values.items()
    }


def _expect_keys(document: Document, keys: Sequence[str], what: str) -> None:
    if list(document) != list(keys):
        raise ReceiptRefused(
            f"{what}: expected {', '.join(keys)}, found {', '.join(map(str, document))}"
        )


def _expect(what: str, expected: str, found: object) -> None:
    if found != expected:
        raise ReceiptRefused(f"{what}: expected {expected}, found {found}")


def _number(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ReceiptRefused(f"{what}: expected a whole number, found {value!r:.60}")
    return value


def _text_of(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ReceiptRefused(f"{what}: expected text, found {value!r:.60}")
    return value


def _list(value: object, what: str) -> list[Any]:  # Any: what JSON holds
    if not isinstance(value, list):
        raise ReceiptRefused(f"{what}: expected a list, found {value!r:.60}")
    return value


def _bytes(value: object, what: str) -> bytes:
    """Return bytes from their one text form: hexadecimal, small letters."""
    text = _text_of(value, what)
    try:
        found = bytes.fromhex(text)
    except ValueError as error:
        raise ReceiptRefused(f"{what}: expected hexadecimal text: {error}") from error
    if found.hex() != text:
        raise ReceiptRefused(f"{what}: expected small hexadecimal digits only")
    return found


def _time(us: int) -> datetime:
    try:
        return datetime.fromtimestamp(us / 1_000_000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise ReceiptRefused(f"{us} us is no time: {error}") from error
