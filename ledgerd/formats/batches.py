"""Contracts first; the layout follows."""

from ledgerd.ledger.batch import PayoutBatch, PayoutColumns
from ledgerd.ledger.details import Details, pack_details, unpack_details

__all__ = [
    "Details",
    "decode",
    "encode",
    "pack_details",
    "size_bytes",
    "unpack_details",
]


def encode(batch: PayoutBatch) -> bytes:
    """Return the payload of a PAYOUTS entry."""
    raise NotImplementedError


def decode(payload: bytes | memoryview) -> PayoutColumns:
    """Return the rows of a PAYOUTS entry. Raises CorruptionError for other bytes."""
    raise NotImplementedError


def size_bytes(batch: PayoutBatch) -> int:
    """Return an upper bound of what `encode` makes of the batch."""
    raise NotImplementedError
