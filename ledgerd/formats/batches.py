"""The payload of a PAYOUTS entry: a batch of submits as columns, written once, read once.

Layout, little-endian, version 1:

    version u8 | flags u8, 0 | rows u16 | accounts u16 | principals u16
      | settings version u32, 0 | length of the details u32
    accounts x 16 bytes, ascending
    principals, ascending, each u8 length and UTF-8
    then columns of `rows` values each:
      payout ids 16 bytes | amounts i64 | account numbers u16 | currencies u16 | rails u16
      | principal numbers u16 | lengths of the details u16
    the details of all rows, one behind the other

Version 2 has one more column behind the lengths, the times of release i64; it is written only
where one of them is not 0, and understood from state version 3 on.

One batch has one encoding. The leader too applies what it decodes from its own bytes, so
that it cannot differ from its followers. Bytes that do not fit the layout are corruption:
the log's checksum has passed, so it was not the disk. What rows say is judged by apply.
"""

from array import array
from struct import Struct, unpack_from
from struct import error as StructError
from sys import byteorder
from typing import Final

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.ledger.batch import PayoutBatch, PayoutColumns
from ledgerd.ledger.details import Details, pack_details, unpack_details
from ledgerd.limits import BATCH_COMMANDS_MAX, ID_BYTES, PRINCIPAL_BYTES_MAX

__all__ = [
    "Details",
    "decode",
    "encode",
    "pack_details",
    "size_bytes",
    "unpack_details",
]

_VERSION: Final = 1
_WITH_RELEASES: Final = 2
_HEADER: Final = Struct("<BBHHHII")
_ROW_BYTES: Final = ID_BYTES + 8 + 5 * 2  # of the columns, without the account id
_TERMS_BYTES: Final = (
    256  # of a row as a command, beside its ids, principal and details
)


def encode(batch: PayoutBatch) -> bytes:
    """Return the payload of a PAYOUTS entry. The edge has checked shapes and bounds."""
    count = len(batch)
    assert 1 <= count <= BATCH_COMMANDS_MAX, count
    accounts = sorted(set(batch.account_ids))
    principals = sorted(set(batch.principals))
    account_numbers = {account_id: n for n, account_id in enumerate(accounts)}
    principal_numbers = {principal: n for n, principal in enumerate(principals)}
    raw_principals = [principal.encode() for principal in principals]
    assert all(len(raw) <= PRINCIPAL_BYTES_MAX for raw in raw_principals), principals
    details = b"".join(batch.details)
    ids = b"".join(batch.ids)
    assert len(ids) == count * ID_BYTES, (len(ids), count)
    assert not batch.terms, "a batch with terms does not travel in columns"
    has_releases = any(batch.releases_us)
    assert not has_releases or len(batch.releases_us) == count, count

    return b"".join(
        (
            _HEADER.pack(
                _WITH_RELEASES if has_releases else _VERSION,
                0,
                count,
                len(accounts),
                len(principals),
                0,
                len(details),
            ),
            *accounts,
            *(len(raw).to_bytes(1, "little") + raw for raw in raw_principals),
            ids,
            _little(batch.amounts_minor),
            _little(array("H", [account_numbers[id_] for id_ in batch.account_ids])),
            _little(batch.currencies),
            _little(batch.rails),
            _little(array("H", [principal_numbers[text] for text in batch.principals])),
            _little(array("H", map(len, batch.details))),
            _little(batch.releases_us) if has_releases else b"",
            details,
        )
    )


def decode(payload: bytes | memoryview) -> PayoutColumns:
    """Return the rows of a PAYOUTS entry.

    Raises CorruptionError unless `payload` is exactly what `encode` makes of a batch.
    """
    payload = bytes(payload)
    try:
        return _decode(payload)
    except (StructError, ValueError, IndexError) as exc:
        raise CorruptionError(f"a batch of payouts cannot be read: {exc}") from exc


def size_bytes(batch: PayoutBatch) -> int:
    """Return an upper bound of the length of `encode(batch)`, or of its rows as commands.

    The bound of a merged batch is at most the sum of the bounds of its parts.
    """
    terms_bytes = 0
    if batch.terms:  # then each row has its principal and its numbers to itself
        principals = sum(len(principal.encode()) for principal in batch.principals)
        terms_bytes = len(batch) * _TERMS_BYTES + principals
    return (
        _HEADER.size
        + terms_bytes
        + len(batch) * (_ROW_BYTES + ID_BYTES + 8)
        + sum(map(len, batch.details))
        + sum(1 + len(principal.encode()) for principal in set(batch.principals))
    )


def _decode(payload: bytes) -> PayoutColumns:
    version, flags, count, account_count, principal_count, settings, details_bytes = (
        _HEADER.unpack_from(payload)
    )
    if version > _WITH_RELEASES:
        raise NotUnderstood(f"a batch of payouts of version {version}")
    if version == 0 or (flags, settings) != (0, 0):
        raise ValueError(
            f"expected version {_VERSION} or {_WITH_RELEASES} without flags and settings, "
            f"found {version}, {flags}, {settings}"
        )
    if not 1 <= count <= BATCH_COMMANDS_MAX:
        raise ValueError(f"expected 1 .. {BATCH_COMMANDS_MAX} rows, found {count}")

    at = _HEADER.size + account_count * ID_BYTES
    accounts = _ids(payload[_HEADER.size : at], account_count)
    if account_count > 1 and not all(map(bytes.__lt__, accounts, accounts[1:])):
        raise ValueError("account ids are not ascending")
    principals: list[str] = []
    for _ in range(principal_count):
        end = at + 1 + payload[at]
        principals.append(payload[at + 1 : end].decode())
        at = end
    if principal_count > 1 and not all(map(str.__lt__, principals, principals[1:])):
        raise ValueError("principals are not ascending")
    release_bytes = 8 * count if version == _WITH_RELEASES else 0
    size = at + count * _ROW_BYTES + release_bytes + details_bytes
    if len(payload) != size:
        raise ValueError(f"expected {size} bytes, found {len(payload)}")

    ids = _ids(payload[at : at + count * ID_BYTES], count)
    at += count * ID_BYTES
    columns = unpack_from(f"<{count}q{5 * count}H", payload, at)
    amounts_minor, account_refs, currencies, rails, principal_refs, lengths = [
        columns[start : start + count] for start in range(0, 6 * count, count)
    ]
    at += count * 18
    releases_us = None
    if release_bytes:
        releases_us = unpack_from(f"<{count}q", payload, at)
        at += release_bytes
        if not any(releases_us):
            raise ValueError("expected a time of release, found none")
    if max(account_refs) >= account_count or max(principal_refs) >= principal_count:
        raise ValueError("a row names an account or a principal that is not there")
    if sum(lengths) != details_bytes:
        raise ValueError(
            f"expected {sum(lengths)} bytes of details, found {details_bytes}"
        )
    details: list[bytes] = []
    for length in lengths:
        end = at + length
        details.append(payload[at:end])
        at = end
    return PayoutColumns(
        accounts,
        principals,
        ids,
        account_refs,
        amounts_minor,
        currencies,
        rails,
        principal_refs,
        details,
        releases_us,
    )


def _ids(raw: bytes, count: int) -> list[bytes]:
    if len(raw) != count * ID_BYTES:
        raise ValueError(f"expected {count} ids, found {len(raw)} bytes")
    return [raw[at : at + ID_BYTES] for at in range(0, len(raw), ID_BYTES)]


def _little(column: "array[int]") -> bytes:
    if byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


assert array("H").itemsize == 2
assert array("q").itemsize == 8
