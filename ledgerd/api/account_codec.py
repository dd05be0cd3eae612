"""Requests about the status of accounts, holds and vouchers -> commands. Nothing is logged here.

As in `codec`: what is malformed stops here, and principals come from the certificate.
"""

from collections.abc import Sequence
from typing import Final

from ledgerd.api import ids, shapes
from ledgerd.api.shapes import Malformed
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.errors import NotLogged
from ledgerd.ledger import vouchers
from ledgerd.ledger.commands import (
    Adjust,
    ApproveVoucher,
    CaptureHold,
    CloseAccount,
    CreateHold,
    EntryLeg,
    Freeze,
    FundReverse,
    PostEntry,
    RejectVoucher,
    ReleaseHold,
    Unfreeze,
)
from ledgerd.limits import (
    AMOUNT_MINOR_MAX,
    ENTRY_LEGS_MAX,
    EXTERNAL_REF_BYTES_MAX,
    HOLD_TTL_US_MAX,
    ORDINAL_MAX,
    REFERENCE_BYTES_MAX,
)

# The wire's numbers are the ledger's.
_CUSTOMERS: Final = frozenset(map(int, vouchers.CUSTOMER_KINDS))
_BANKS: Final = frozenset(map(int, vouchers.BANK_KINDS))
_KINDS: Final = _CUSTOMERS | _BANKS | frozenset(map(int, vouchers.OWN_KINDS))


def close_account(request: pb.CloseAccountRequest, *, principal: str) -> CloseAccount:
    """Return the command. Raises NotLogged."""
    return CloseAccount(*_status(request), principal)


def freeze(request: pb.FreezeRequest, *, principal: str) -> Freeze:
    """Return the command. Raises NotLogged."""
    return Freeze(*_status(request), principal)


def unfreeze(request: pb.UnfreezeRequest, *, principal: str) -> Unfreeze:
    """Return the command. Raises NotLogged."""
    return Unfreeze(*_status(request), principal)


def _status(
    request: pb.CloseAccountRequest | pb.FreezeRequest | pb.UnfreezeRequest,
) -> tuple[bytes, bytes, str]:
    try:
        return (
            shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            shapes.id_bytes("account_id", ids.ACCOUNT, request.account_id),
            _reason(request.reason),
        )
    except Malformed as bad:
        raise bad.error() from None


def fund_reverse(request: pb.FundReverseRequest, *, principal: str) -> FundReverse:
    """Return the command. Raises NotLogged."""
    try:
        units, currency = shapes.amount(
            "amount", request.amount, has_amount=request.HasField("amount")
        )
        return FundReverse(
            request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            bank=shapes.bank("bank", request.bank),
            external_ref=shapes.plain(
                "external_ref",
                request.external_ref,
                bytes_min=1,
                bytes_max=EXTERNAL_REF_BYTES_MAX,
            ),
            amount_minor=units,
            currency=currency,
            reason=_reason(request.reason),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def create_hold(request: pb.CreateHoldRequest, *, principal: str) -> CreateHold:
    """Return the command. Raises NotLogged."""
    try:
        units, currency = shapes.amount(
            "amount", request.amount, has_amount=request.HasField("amount")
        )
        if not 1 <= request.ttl_us <= HOLD_TTL_US_MAX:
            raise Malformed(
                "ttl_us", f"1 .. {HOLD_TTL_US_MAX} microseconds", str(request.ttl_us)
            )
        return CreateHold(
            hold_id=shapes.id_bytes("hold_id", ids.HOLD, request.hold_id),
            account_id=shapes.id_bytes("account_id", ids.ACCOUNT, request.account_id),
            amount_minor=units,
            currency=currency,
            ttl_us=request.ttl_us,
            reference=shapes.plain(
                "reference", request.reference, bytes_max=REFERENCE_BYTES_MAX
            ),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def capture_hold(request: pb.CaptureHoldRequest, *, principal: str) -> CaptureHold:
    """Return the command. Raises NotLogged."""
    try:
        units, currency = shapes.amount(
            "amount", request.amount, has_amount=request.HasField("amount")
        )
        return CaptureHold(
            request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            hold_id=shapes.id_bytes("hold_id", ids.HOLD, request.hold_id),
            to_account_id=shapes.id_bytes(
                "to_account_id", ids.ACCOUNT, request.to_account_id
            ),
            amount_minor=units,
            currency=currency,
            reference=shapes.plain(
                "reference", request.reference, bytes_max=REFERENCE_BYTES_MAX
            ),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def release_hold(request: pb.ReleaseHoldRequest, *, principal: str) -> ReleaseHold:
    """Return the command. Raises NotLogged."""
    try:
        return ReleaseHold(
            request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            hold_id=shapes.id_bytes("hold_id", ids.HOLD, request.hold_id),
            reason=_reason(request.reason),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def post_entry(request: pb.PostEntryRequest, *, principal: str) -> PostEntry:
    """Return the command. Raises NotLogged."""
    try:
        return PostEntry(
            request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            livemode=request.livemode,
            currency=shapes.currency("currency", request.currency)[0],
            legs=_legs(request.legs),
            reason=_reason(request.reason, bytes_min=1),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def adjust(request: pb.AdjustRequest, *, principal: str) -> Adjust:
    """Return the command. Raises NotLogged."""
    try:
        return Adjust(
            request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            livemode=request.livemode,
            currency=shapes.currency("currency", request.currency)[0],
            legs=_legs(request.legs),
            reason=_reason(request.reason, bytes_min=1),
            linked=_linked(request.linked),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def approve_voucher(
    request: pb.ApproveVoucherRequest, *, principal: str
) -> ApproveVoucher:
    """Return the command. Raises NotLogged."""
    try:
        return ApproveVoucher(
            request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            voucher_id=shapes.id_bytes("voucher_id", ids.REQUEST, request.voucher_id),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def reject_voucher(
    request: pb.RejectVoucherRequest, *, principal: str
) -> RejectVoucher:
    """Return the command. Raises NotLogged."""
    try:
        return RejectVoucher(
            request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            voucher_id=shapes.id_bytes("voucher_id", ids.REQUEST, request.voucher_id),
            reason=_reason(request.reason),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def _reason(text: str, *, bytes_min: int = 0) -> str:
    return shapes.plain(
        "reason", text, bytes_min=bytes_min, bytes_max=REFERENCE_BYTES_MAX
    )


def _linked(position: pb.EntryPosition) -> tuple[int, int, int]:
    numbers = position.index, position.ordinal, position.n
    if position.index < 1 or max(position.ordinal, position.n) > ORDINAL_MAX:
        raise Malformed(
            "linked",
            f"an index from 1, ordinal and n of at most {ORDINAL_MAX}",
            str(numbers),
        )
    return numbers


def _legs(legs: Sequence[pb.EntryLeg]) -> tuple[EntryLeg, ...]:
    if not 2 <= len(legs) <= ENTRY_LEGS_MAX:
        raise Malformed("legs", f"2 .. {ENTRY_LEGS_MAX} legs", str(len(legs)))
    return tuple(_leg(f"legs[{row}]", leg) for row, leg in enumerate(legs))


def _leg(field: str, leg: pb.EntryLeg) -> EntryLeg:
    if int(leg.kind) not in _KINDS:
        known = ", ".join(name for name in pb.EntryLeg.Kind.keys()[1:])
        raise Malformed(f"{field}.kind", f"one of {known}", str(int(leg.kind)))
    if leg.side not in (pb.EntryLeg.DEBIT, pb.EntryLeg.CREDIT):
        raise Malformed(f"{field}.side", "DEBIT or CREDIT", str(int(leg.side)))
    if not 1 <= leg.units <= AMOUNT_MINOR_MAX:
        expected = f"1 .. {AMOUNT_MINOR_MAX} minor units"
        raise Malformed(f"{field}.units", expected, str(leg.units))
    return EntryLeg(
        int(leg.kind), _subject(field, leg), leg.side == pb.EntryLeg.DEBIT, leg.units
    )


def _subject(field: str, leg: pb.EntryLeg) -> bytes:
    """Return whose account the leg is of. Exactly what its kind asks for must be named."""
    if leg.account_id and int(leg.kind) not in _CUSTOMERS:
        raise Malformed(f"{field}.account_id", "nothing for this kind", "an id")
    if leg.bank and int(leg.kind) not in _BANKS:
        raise Malformed(f"{field}.bank", "nothing for this kind", "a bank")
    if int(leg.kind) in _CUSTOMERS:
        return shapes.id_bytes(f"{field}.account_id", ids.ACCOUNT, leg.account_id)
    if int(leg.kind) in _BANKS:
        return shapes.bank(f"{field}.bank", leg.bank).encode()
    return b""


def hold_state(state: int) -> int:
    """Return the state that a list asks for, 0 for all. Raises NotLogged."""
    if state not in pb.Hold.State.values():
        raise _unknown_state(pb.Hold.State.keys(), state)
    return state


def voucher_state(state: int) -> int:
    """Return the state that a list asks for, 0 for all. Raises NotLogged."""
    if state not in pb.Voucher.State.values():
        raise _unknown_state(pb.Voucher.State.keys(), state)
    return state


def _unknown_state(names: Sequence[str], state: int) -> NotLogged:
    return Malformed("state", f"one of {', '.join(names[1:])}", str(state)).error()
