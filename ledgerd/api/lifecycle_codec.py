"""Messages about the lifecycle of payouts -> commands; malformed ones are refused, not logged."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeVar

from ledgerd.api import ids, shapes
from ledgerd.api.shapes import Malformed
from ledgerd.api.v1 import audit_pb2, dispatch_pb2, payouts_pb2
from ledgerd.ledger.commands import (
    Approve,
    Cancel,
    DispatchClaim,
    Finding,
    RailAck,
    RailNotAccepted,
    RailReject,
    RaiseAttention,
    Reject,
    RequestRecall,
    Reroute,
    ResolveException,
    Return,
    ReversalComplete,
    Settle,
    TellEvidence,
)
from ledgerd.ledger.exceptions import Resolution
from ledgerd.ledger.rail_keys import is_rail_key
from ledgerd.limits import (
    AMOUNT_MINOR_MAX,
    EXTERNAL_REF_BYTES_MAX,
    LEASE_US_MAX,
    RAIL_CODE_BYTES_MAX,
    REFERENCE_BYTES_MAX,
)
from ledgerd.security.identity import Identity, Role

T = TypeVar("T")
LEASE_MS_DEFAULT: Final = 30_000
_LEASE_MS_MIN: Final = 1_000
# A word about an earlier send would have a later one sent again: two people may ask the rail at the
# same time, and the doubt that the second ends is another one (decision 0026).
_PAYS_AGAIN: Final = frozenset({Finding.REFUSED, Finding.NOT_FOUND})
_HASH_BYTES: Final = 10  # of a UUIDv7 behind its time


def approver(identity: Identity | None) -> str:
    """Return the caller's name if it may approve, else nothing."""
    if identity is None or Role.APPROVER not in identity.roles:
        return ""
    return identity.name


def approve(request: payouts_pb2.ApprovePayoutRequest, *, principal: str) -> Approve:
    """Return the command. Raises NotLogged."""
    return _made(
        lambda: Approve(
            _request(request), _payout(request), principal, request.expected_version
        )
    )


def reject(request: payouts_pb2.RejectPayoutRequest, *, principal: str) -> Reject:
    """Return the command. Raises NotLogged."""
    return _made(
        lambda: Reject(
            _request(request),
            _payout(request),
            _reason(request),
            principal,
            request.expected_version,
        )
    )


def cancel(
    request: payouts_pb2.CancelPayoutRequest, *, principal: str, approver: str
) -> Cancel:
    """Return the command. Raises NotLogged."""
    return _made(
        lambda: Cancel(
            _request(request),
            _payout(request),
            _reason(request),
            principal,
            approver,
            request.expected_version,
        )
    )


def reroute(
    request: payouts_pb2.ReroutePayoutRequest, *, principal: str, approver: str
) -> Reroute:
    """Return the command. Raises NotLogged."""
    return _made(
        lambda: Reroute(
            _request(request),
            _payout(request),
            shapes.rail("rail", request.rail),
            principal,
            approver,
            request.expected_version,
        )
    )


def request_recall(
    request: payouts_pb2.RequestRecallRequest, *, principal: str
) -> RequestRecall:
    """Return the command. Raises NotLogged."""
    return _made(
        lambda: RequestRecall(
            _request(request),
            _payout(request),
            _reason(request),
            principal,
            request.expected_version,
        )
    )


def tell_evidence(
    request: payouts_pb2.TellEvidenceRequest, *, principal: str
) -> TellEvidence:
    """Return the command. Raises NotLogged."""

    def made() -> TellEvidence:
        finding = int(request.finding)
        if finding not in frozenset(map(int, Finding)):
            expected = "TAKEN, SETTLED, REJECTED, REFUSED or NOT_FOUND"
            raise Malformed("finding", expected, str(finding))
        if request.value_date and finding != Finding.SETTLED:
            raise Malformed("value_date", "nothing but of SETTLED", "a date")
        if request.code and finding != Finding.REJECTED:
            raise Malformed("code", "nothing but of REJECTED", "a code")
        if finding in _PAYS_AGAIN and not request.expected_version:
            raise Malformed(
                "expected_version",
                "the version of the payout that was seen before the rail was asked, for after "
                "REFUSED and NOT_FOUND it is sent again",
                "none",
            )
        return TellEvidence(
            _request(request),
            _payout(request),
            finding,
            shapes.rail("rail", request.rail),
            shapes.plain(
                "reference",
                request.reference,
                bytes_min=1,
                bytes_max=EXTERNAL_REF_BYTES_MAX,
            ),
            shapes.day("value_date", request.value_date),
            _code(request),
            shapes.plain(
                "note", request.note, bytes_min=1, bytes_max=REFERENCE_BYTES_MAX
            ),
            principal,
            request.expected_version,
        )

    return _made(made)


def resolve_exception(
    request: audit_pb2.ResolveExceptionRequest, *, principal: str
) -> ResolveException:
    """Return the command. Raises NotLogged."""

    def made() -> ResolveException:
        resolution = int(request.resolution)
        if resolution not in frozenset(map(int, Resolution)):
            expected = "ACCEPT, ADJUST or DISMISS"
            raise Malformed("resolution", expected, str(resolution))
        reason = _reason(request)
        if resolution == int(Resolution.DISMISS) and not reason:
            raise Malformed("reason", "why it is dismissed", "nothing")
        return ResolveException(
            _request(request),
            _bounded("index", request.index, 0, 2**63 - 1),
            _bounded("ordinal", request.ordinal, 0, 0xFFFF),
            resolution,
            reason,
            principal,
        )

    return _made(made)


def lease_us(lease_ms: int) -> int:
    """Return a lease in microseconds; 0 asks for the default. Raises NotLogged."""
    lease_ms = lease_ms or LEASE_MS_DEFAULT
    most = LEASE_US_MAX // 1_000
    return _made(lambda: _bounded("lease_ms", lease_ms, _LEASE_MS_MIN, most)) * 1_000


def renew_claim(
    request: dispatch_pb2.RenewClaimRequest, *, principal: str
) -> DispatchClaim:
    """Return the command. Raises NotLogged."""
    lease = lease_us(request.lease_ms)
    return _made(
        lambda: DispatchClaim(
            _request(request),
            _payout(request),
            _bounded("attempt", request.attempt, 1, 2**32 - 2) + 1,
            lease,
            principal,
        )
    )


def raise_attention(
    request: dispatch_pb2.RaiseAttentionRequest, *, principal: str
) -> RaiseAttention:
    """Return the command. Raises NotLogged."""
    return _made(
        lambda: RaiseAttention(
            _request(request),
            _payout(request),
            _bounded("attempt", request.attempt, 1, 2**32 - 1),
            _reason(request),
            principal,
        )
    )


def part_id(request_id: bytes, payout_id: bytes) -> bytes:
    """Return the request id of one command of a call that becomes many: a UUIDv7, too."""
    hashed = bytearray(sha256(request_id + payout_id).digest()[:_HASH_BYTES])
    hashed[0] = 0x70 | hashed[0] & 0x0F
    hashed[2] = 0x80 | hashed[2] & 0x3F
    return request_id[:6] + bytes(hashed)


def rail_ack(request: dispatch_pb2.RailAckRequest, *, principal: str) -> RailAck:
    """Return the command. Raises NotLogged."""
    return _made(lambda: RailAck(*_told(request), principal))


def rail_not_accepted(
    request: dispatch_pb2.RailNotAcceptedRequest, *, principal: str
) -> RailNotAccepted:
    """Return the command. Raises NotLogged."""

    def made() -> RailNotAccepted:
        if request.basis not in (dispatch_pb2.REFUSED, dispatch_pb2.NOT_FOUND):
            expected = "REFUSED or NOT_FOUND"
            raise Malformed("basis", expected, str(int(request.basis)))
        is_refused = request.basis == dispatch_pb2.REFUSED
        if not request.fencing_token:
            expected = "the token of the claim under which the rail said so"
            raise Malformed("fencing_token", expected, "nothing")
        token = _bounded("fencing_token", request.fencing_token, 0, 2**63 - 1)
        return RailNotAccepted(*_told(request), is_refused, principal, token)

    return _made(made)


def rail_reject(
    request: dispatch_pb2.RailRejectRequest, *, principal: str
) -> RailReject:
    """Return the command. Raises NotLogged."""
    return _made(lambda: RailReject(*_told(request), _code(request), principal))


def settle(request: dispatch_pb2.SettleRequest, *, principal: str) -> Settle:
    """Return the command. Raises NotLogged."""
    return _made(
        lambda: Settle(
            *_told(request),
            shapes.day("value_date", request.value_date),
            _bounded("cost_units", request.cost_units, 0, AMOUNT_MINOR_MAX),
            principal,
        )
    )


def money_return(request: dispatch_pb2.ReturnRequest, *, principal: str) -> Return:
    """Return the command. Raises NotLogged."""
    return _made(
        lambda: Return(
            *_told(request),
            _bounded("amount_units", request.amount_units, 1, AMOUNT_MINOR_MAX),
            _code(request),
            request.closing,
            principal,
        )
    )


def reversal_complete(
    request: dispatch_pb2.ReversalCompleteRequest, *, principal: str
) -> ReversalComplete:
    """Return the command. Raises NotLogged."""
    return _made(
        lambda: ReversalComplete(
            *_told(request),
            _bounded("amount_units", request.amount_units, 1, AMOUNT_MINOR_MAX),
            principal,
        )
    )


_OfPayout = (
    payouts_pb2.ApprovePayoutRequest
    | payouts_pb2.RejectPayoutRequest
    | payouts_pb2.CancelPayoutRequest
    | payouts_pb2.ReroutePayoutRequest
    | payouts_pb2.RequestRecallRequest
    | payouts_pb2.TellEvidenceRequest
    | dispatch_pb2.RenewClaimRequest
    | dispatch_pb2.RaiseAttentionRequest
)
_Evidence = (
    dispatch_pb2.RailAckRequest
    | dispatch_pb2.RailNotAcceptedRequest
    | dispatch_pb2.RailRejectRequest
    | dispatch_pb2.SettleRequest
    | dispatch_pb2.ReturnRequest
    | dispatch_pb2.ReversalCompleteRequest
)
_WithReason = (
    payouts_pb2.RejectPayoutRequest
    | payouts_pb2.CancelPayoutRequest
    | payouts_pb2.RequestRecallRequest
    | audit_pb2.ResolveExceptionRequest
    | dispatch_pb2.RaiseAttentionRequest
)


def _made(make: Callable[[], T]) -> T:
    try:
        return make()
    except Malformed as bad:
        raise bad.error() from None


def _request(
    request: _OfPayout | _Evidence | audit_pb2.ResolveExceptionRequest,
) -> bytes:
    return shapes.id_bytes("request_id", ids.REQUEST, request.request_id)


def _payout(request: _OfPayout) -> bytes:
    return shapes.id_bytes("payout_id", ids.PAYOUT, request.payout_id)


def _reason(request: _WithReason) -> str:
    return shapes.plain("reason", request.reason, bytes_max=REFERENCE_BYTES_MAX)


def _code(
    request: dispatch_pb2.RailRejectRequest
    | dispatch_pb2.ReturnRequest
    | payouts_pb2.TellEvidenceRequest,
) -> str:
    return shapes.plain("code", request.code, bytes_max=RAIL_CODE_BYTES_MAX)


def _told(request: _Evidence) -> tuple[bytes, int, str, str]:
    """Return request id, rail number, rail key and the rail's own reference."""
    if not is_rail_key(request.rail_key):
        expected = "15 characters of A-Z 2-7"
        raise Malformed("rail_key", expected, shapes.quoted(request.rail_key))
    return (
        _request(request),
        shapes.rail("rail", request.rail),
        request.rail_key,
        shapes.plain(
            "reference",
            request.reference,
            bytes_min=1,
            bytes_max=EXTERNAL_REF_BYTES_MAX,
        ),
    )


def _bounded(field: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise Malformed(field, f"{least} .. {most}", str(value))
    return value
