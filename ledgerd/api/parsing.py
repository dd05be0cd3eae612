"""Requests from their bytes, in steps that never hold the loop for long.

Parsing a message is one step of C code that lets nobody else run, the replica neither, and what it
costs depends on how many parts the message has, not on its size: twelve megabytes of empty orders
take seconds, long enough to depose a leader. So a batch is parsed in pages, with the loop let go
between them, and every other request is small.
"""

import asyncio
from collections.abc import Iterator
from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from ledgerd.api.v1 import payouts_pb2
from ledgerd.errors import NotLogged, Reason
from ledgerd.limits import BATCH_COMMANDS_MAX, ORDER_BYTES_MAX, PAGE_ROWS_MAX

_Batch = TypeVar("_Batch", payouts_pb2.SubmitBatchRequest, payouts_pb2.ValidateRequest)

_PAGE_BYTES: Final = 64 * 1024
_PAGE_FIELDS: Final = 512
_OTHER_FIELDS_MAX: Final = 64  # the sequence, and what newer clients may add

_ORDERS: Final = payouts_pb2.SubmitBatchRequest.ORDERS_FIELD_NUMBER
assert payouts_pb2.ValidateRequest.ORDERS_FIELD_NUMBER == _ORDERS
_ORDER_TAG: Final = _ORDERS << 3 | 2  # the field's number and "of a length"
_VARINT_BYTES_MAX: Final = 10


def check_size(data: bytes, bytes_max: int) -> None:
    """Return if a request is within its bound. Raises NotLogged with TOO_LARGE."""
    if len(data) > bytes_max:
        raise _too_large("a request", bytes_max, len(data))


async def batch(data: bytes) -> payouts_pb2.SubmitBatchRequest:
    """Return the request. Raises NotLogged when it is none, or has too many or too large parts."""
    return await _in_pages(data, payouts_pb2.SubmitBatchRequest(), BATCH_COMMANDS_MAX)


async def dry_batch(data: bytes) -> payouts_pb2.ValidateRequest:
    """Return the request of a dry run. Raises as `batch` does.

    It may have fewer orders than a batch, since a reader thread is for everybody (T72).
    """
    return await _in_pages(data, payouts_pb2.ValidateRequest(), PAGE_ROWS_MAX)


async def _in_pages(data: bytes, request: _Batch, orders_max: int) -> _Batch:
    try:
        for start, end in _pages(data, orders_max):
            if start:
                await asyncio.sleep(0)
            request.MergeFromString(data[start:end])
    except DecodeError as error:
        raise malformed(error) from error
    return request


def malformed(why: object) -> NotLogged:
    """Return the error of bytes that are no message of the call."""
    return NotLogged(Reason.MALFORMED, f"expected a message of this call: {why}")


def _pages(data: bytes, orders_max: int) -> Iterator[tuple[int, int]]:
    """Yield where pages of whole fields begin and end; together they are all of `data`."""
    size = len(data)
    at = page = fields = orders = others = 0
    while at < size:
        start = at
        if (
            data[at] == _ORDER_TAG
            and at + 2 < size
            and data[at + 2] < 0x80 <= data[at + 1]
        ):  # an order of 128 .. 16,383 bytes: nearly all are, so they go in line
            at += 3 + (data[at + 1] & 0x7F | data[at + 2] << 7)
            is_order = True
        else:
            is_order, at = _field(data, at)
        if at > size:
            raise malformed("it is cut off")
        if is_order:
            if at - start > ORDER_BYTES_MAX:
                raise _too_large(f"orders[{orders}]", ORDER_BYTES_MAX, at - start)
            orders += 1
            if orders > orders_max:
                raise _too_many_orders(orders_max)
        else:
            others += 1
            if others > _OTHER_FIELDS_MAX:
                raise malformed(f"more than {_OTHER_FIELDS_MAX} fields beside orders")
        fields += 1
        if at - page >= _PAGE_BYTES or fields == _PAGE_FIELDS:
            yield page, at
            page, fields = at, 0
    if page < size:
        yield page, size


def _field(data: bytes, at: int) -> tuple[bool, int]:
    """Return whether the field at `at` is an order, and where it ends. Raises NotLogged."""
    tag, at = _varint(data, at)
    match tag & 7:  # the wire type
        case 0:  # a number
            _, at = _varint(data, at)
        case 1:  # eight bytes
            at += 8
        case 2:  # as long as it says
            length, at = _varint(data, at)
            return tag >> 3 == _ORDERS, at + length
        case 5:  # four bytes
            at += 4
        case unknown:
            raise malformed(f"wire type {unknown}")
    return False, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length and where it ends. Raises NotLogged."""
    number = shift = 0
    for byte in data[at : at + _VARINT_BYTES_MAX]:
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
    raise malformed("it is cut off" if at >= len(data) else "a number is too long")


def _too_many_orders(orders_max: int) -> NotLogged:
    expected = f"1 .. {orders_max} orders"
    return NotLogged(
        Reason.MALFORMED,
        f"orders: expected {expected}, found more",
        {"field": "orders", "expected": expected, "found": "more"},
    )


def _too_large(what: str, bytes_max: int, found: int) -> NotLogged:
    return NotLogged(
        Reason.TOO_LARGE,
        f"expected {what} of at most {bytes_max} bytes, found {found}: "
        "split it into smaller ones",
        {"expected": str(bytes_max), "found": str(found)},
    )
