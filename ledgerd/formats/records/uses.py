"""What may be used once: ids, request ids, references of banks, evidence of rails."""

from struct import Struct
from typing import Final

from ledgerd.formats.records.rows import (
    BYTE,
    VERSION,
    Row,
    Table,
    expect_size,
    opened,
    position_body,
    read_position,
    sealed,
    sealed_row,
)
from ledgerd.ledger.accounts import Position
from ledgerd.ledger.exceptions import EvidenceId, EvidenceUse
from ledgerd.ledger.identity import CallKind, IdKind, IdRecord, RequestRecord
from ledgerd.ledger.view import ExternalRef

EVIDENCE_PREFIX: Final = b"\x02"
_EVIDENCE_KEY: Final = Struct(">BHB")
_EVIDENCE_USE: Final = Struct(">BQHQHq")
_ID: Final = Struct(">BBQH")
_ID_REFUSED: Final = Struct(">q16s")
_REQUEST: Final = Struct(">BBQHqBQHB")
_REVERSAL: Final = Struct(">Bq")


def id_key(kind: IdKind, id_: bytes) -> bytes:
    """Return the key of what is kept of an id. Near-append: ids rise with time."""
    return id_ + BYTE[kind]


def external_ref_key(ref: ExternalRef) -> bytes:
    """Return the key of a bank's reference."""
    return b"\x01" + BYTE[len(ref.bank)] + ref.bank + ref.reference


def reversal_key(ref: ExternalRef) -> bytes:
    """Return the key of what was reversed of a Fund."""
    return BYTE[len(ref.bank)] + ref.bank + ref.reference


def reversal_of(key: bytes) -> ExternalRef:
    """Return the bank and the reference in a key of `reversal`."""
    bank_end = 1 + key[0]
    return ExternalRef(bytes(key[1:bank_end]), bytes(key[bank_end:]))


def evidence_key(id_: EvidenceId) -> bytes:
    """Return the key of what a rail told."""
    head = _EVIDENCE_KEY.pack(EVIDENCE_PREFIX[0], id_.rail, id_.trigger)
    return head + id_.reference


# id: version, refusal (0 for accepted), index, ordinal; if refused, ts and fingerprint.


def id_row(kind: IdKind, id_: bytes, record: IdRecord, layout: int) -> Row:
    """Return the row of an id."""
    value = _ID.pack(layout, record.refusal, record.index, record.ordinal)
    if record.refusal:
        value += _ID_REFUSED.pack(record.ts_us, record.fingerprint)
    return sealed_row(id_key(kind, id_), value)


def decode_id(key: bytes, value: bytes) -> IdRecord:
    """Return what is kept of an id."""

    def read(body: bytes) -> IdRecord:
        _, refusal, index, ordinal = _ID.unpack_from(body)
        if not refusal:
            expect_size(body, _ID.size)
            return IdRecord(index, ordinal)
        expect_size(body, _ID.size + _ID_REFUSED.size)
        ts_us, fingerprint = _ID_REFUSED.unpack_from(body, _ID.size)
        return IdRecord(index, ordinal, refusal, ts_us, fingerprint)

    return opened(Table.ID, key, value, read)


# request: version, call, index, ordinal, ts, code, index and ordinal of the payout, number
# of fields u8; a fingerprint of 16 bytes for each field.


def request_row(request_id: bytes, record: RequestRecord, layout: int) -> Row:
    """Return the row of a request id."""
    fixed = _REQUEST.pack(
        layout,
        record.call,
        record.index,
        record.ordinal,
        record.ts_us,
        record.code,
        *record.payout_position,
        len(record.fields),
    )
    return sealed_row(request_id, fixed + b"".join(record.fields))


def decode_request(key: bytes, value: bytes) -> RequestRecord:
    """Return what is kept of a request id."""

    def read(body: bytes) -> RequestRecord:
        _, call, index, ordinal, ts_us, code, payout_index, payout_ordinal, count = (
            _REQUEST.unpack_from(body)
        )
        expect_size(body, _REQUEST.size + 16 * count)
        fields = tuple(body[at : at + 16] for at in range(_REQUEST.size, len(body), 16))
        return RequestRecord(
            CallKind(call),
            index,
            ordinal,
            ts_us,
            code,
            (payout_index, payout_ordinal),
            fields,
        )

    return opened(Table.REQUEST, key, value, read)


def external_ref_row(ref: ExternalRef, position: Position, layout: int) -> Row:
    """Return the row of a bank's reference."""
    return sealed_row(external_ref_key(ref), position_body(position, layout))


def decode_external_ref(key: bytes, value: bytes) -> Position:
    """Return which command used a reference. Layout: version, index, ordinal."""
    return opened(Table.EVIDENCE, key, value, read_position)


def reversal_row(ref: ExternalRef, reversed_minor: int) -> Row:
    """Return the row of what was reversed of a Fund."""
    return reversal_key(ref), sealed(_REVERSAL.pack(VERSION, reversed_minor))


def decode_reversal(key: bytes, value: bytes) -> int:
    """Return how much of a Fund was reversed. Layout: version, amount."""
    return opened(
        Table.REVERSAL, key, value, lambda body: int(_REVERSAL.unpack(body)[1])
    )


def evidence_row(fact: EvidenceId, use: EvidenceUse, layout: int) -> Row:
    """Return the row of what a rail told."""
    body = _EVIDENCE_USE.pack(layout, *use.command, *use.payout, use.amount_minor)
    return sealed_row(evidence_key(fact), body)


def decode_evidence(key: bytes, value: bytes) -> EvidenceUse:
    """Return what an evidence id was used for.

    Layout: version, index and ordinal of the command, then of the payout, amount.
    """

    def read(body: bytes) -> EvidenceUse:
        _, index, ordinal, of_index, of_ordinal, amount_minor = _EVIDENCE_USE.unpack(
            body
        )
        return EvidenceUse((index, ordinal), (of_index, of_ordinal), amount_minor)

    return opened(Table.EVIDENCE, key, value, read)
