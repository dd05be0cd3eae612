"""Errors of `errors.py` on the wire: a kind is one gRPC status, a reason one `ErrorInfo`.

This is the only place that maps them. Answers of the log, refusals included, never come here.
"""

from typing import Final, NamedTuple, assert_never

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import (  # type: ignore[import-untyped] # googleapis ships no types
    error_details_pb2,
    status_pb2,
)

from ledgerd.errors import CallError, Kind

DOMAIN: Final = "ledgerd"
DETAILS_KEY: Final = (
    "grpc-status-details-bin"  # gRPC's own name for a google.rpc.Status
)
_RETRY_AFTER_MS: Final = 50  # an inbox drains in a few turns
_NS_PER_MS: Final = 1_000_000
_MESSAGE_CHARACTERS_MAX: Final = 1_000  # headers are small


class Ended(NamedTuple):
    """How a call without an answer ends: what `ServicerContext.abort` takes."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


def status_of(kind: Kind) -> grpc.StatusCode:
    """Return the gRPC status of a kind."""
    match kind:
        case Kind.INVALID:
            return grpc.StatusCode.INVALID_ARGUMENT
        case Kind.UNAUTHENTICATED:
            return grpc.StatusCode.UNAUTHENTICATED
        case Kind.FORBIDDEN:
            return grpc.StatusCode.PERMISSION_DENIED
        case Kind.NOT_FOUND:
            return grpc.StatusCode.NOT_FOUND
        case Kind.PRECONDITION:
            return grpc.StatusCode.FAILED_PRECONDITION
        case Kind.OUT_OF_RANGE:
            return grpc.StatusCode.OUT_OF_RANGE
        case Kind.EXHAUSTED:
            return grpc.StatusCode.RESOURCE_EXHAUSTED
        case Kind.UNAVAILABLE:
            return grpc.StatusCode.UNAVAILABLE
        case Kind.DEADLINE:
            return grpc.StatusCode.DEADLINE_EXCEEDED
        case Kind.INTERNAL:
            return grpc.StatusCode.INTERNAL
        case _:
            assert_never(kind)


def info_of(error: CallError, facts: dict[str, str]) -> dict[str, str]:
    """Return the metadata of an error's `ErrorInfo`: what the caller needs to go on.

    facts: of the node, such as cluster_id; what the error itself says wins.
    """
    return {
        **facts,
        **error.metadata,
        "outcome": error.outcome.value,
        "retry_same_id": "safe",
    }


def ended(error: CallError, facts: dict[str, str]) -> Ended:
    """Return how a call ends for `error`: status, text, and the details in trailing metadata."""
    code = status_of(error.kind)
    message = error.message[:_MESSAGE_CHARACTERS_MAX]
    details: list[Message] = [
        error_details_pb2.ErrorInfo(
            reason=error.reason.value, domain=DOMAIN, metadata=info_of(error, facts)
        )
    ]
    field = error.metadata.get("field")
    if field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=field, description=message
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if error.kind is Kind.EXHAUSTED:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.nanos = _RETRY_AFTER_MS * _NS_PER_MS
        details.append(retry)
    status = status_pb2.Status(
        code=_number(code), message=message, details=[_packed(part) for part in details]
    )
    return Ended(code, message, ((DETAILS_KEY, status.SerializeToString()),))


def _number(code: grpc.StatusCode) -> int:
    # The value of a StatusCode is (number, name); the stubs say only "object".
    number: int = code.value[0]
    return number


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
