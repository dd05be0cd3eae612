"""What a node says of a call it refused: our part of the status of a gRPC error."""

from typing import Final

from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]  # no marker
    BadRequest,
    ErrorInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # no marker
from grpc import aio

ERROR_DOMAIN: Final = "ledgerd"
_DETAILS_KEY: Final = "grpc-status-details-bin"


def details_of(error: aio.AioRpcError) -> tuple[ErrorInfo | None, list[str]]:
    """Return our ErrorInfo, if the status carries one, and the fields it blames."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            break
    else:
        return None, []
    info, found, blamed = ErrorInfo(), None, BadRequest()
    for detail in Status.FromString(value).details:
        if detail.Is(ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
            found = info if info.domain == ERROR_DOMAIN else found
        elif detail.Is(BadRequest.DESCRIPTOR):
            detail.Unpack(blamed)
    return found, [
        violation.description
        if violation.description.startswith(violation.field)
        else f"{violation.field}: {violation.description}"
        for violation in blamed.field_violations
    ]
