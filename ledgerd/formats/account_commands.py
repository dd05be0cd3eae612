"""Commands about accounts, holds and vouchers <-> `formats.v1.Command`, from state version 3.

`formats.commands` puts them into entries; here is only what each message holds.
"""

from typing import assert_never

from ledgerd.errors import NotUnderstood
from ledgerd.formats.v1 import commands_pb2 as pb
from ledgerd.ledger.commands import (
    AccountCommand,
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


def to_message(command: CreateHold | AccountCommand) -> pb.Command:
    """Return the message of a command."""
    match command:
        case CloseAccount():
            return pb.Command(
                close_account=pb.CloseAccount(
                    request_id=command.request_id,
                    account_id=command.account_id,
                    reason=command.reason,
                    principal=command.principal,
                )
            )
        case Freeze():
            return pb.Command(
                freeze=pb.Freeze(
                    request_id=command.request_id,
                    account_id=command.account_id,
                    reason=command.reason,
                    principal=command.principal,
                )
            )
        case Unfreeze():
            return pb.Command(
                unfreeze=pb.Unfreeze(
                    request_id=command.request_id,
                    account_id=command.account_id,
                    reason=command.reason,
                    principal=command.principal,
                )
            )
        case FundReverse():
            return pb.Command(
                fund_reverse=pb.FundReverse(
                    request_id=command.request_id,
                    bank=command.bank,
                    external_ref=command.external_ref,
                    amount_minor=command.amount_minor,
                    currency=command.currency,
                    reason=command.reason,
                    principal=command.principal,
                )
            )
        case CreateHold() | CaptureHold() | ReleaseHold():
            return _hold_message(command)
        case PostEntry() | Adjust() | ApproveVoucher() | RejectVoucher():
            return _voucher_message(command)
        case _:
            assert_never(command)


def _hold_message(command: CreateHold | CaptureHold | ReleaseHold) -> pb.Command:
    match command:
        case CreateHold():
            return pb.Command(
                create_hold=pb.CreateHold(
                    hold_id=command.hold_id,
                    account_id=command.account_id,
                    amount_minor=command.amount_minor,
                    currency=command.currency,
                    ttl_us=command.ttl_us,
                    reference=command.reference,
                    principal=command.principal,
                )
            )
        case CaptureHold():
            return pb.Command(
                capture_hold=pb.CaptureHold(
                    request_id=command.request_id,
                    hold_id=command.hold_id,
                    to_account_id=command.to_account_id,
                    amount_minor=command.amount_minor,
                    currency=command.currency,
                    reference=command.reference,
                    principal=command.principal,
                )
            )
        case ReleaseHold():
            return pb.Command(
                release_hold=pb.ReleaseHold(
                    request_id=command.request_id,
                    hold_id=command.hold_id,
                    reason=command.reason,
                    principal=command.principal,
                )
            )
        case _:
            assert_never(command)


def _voucher_message(
    command: PostEntry | Adjust | ApproveVoucher | RejectVoucher,
) -> pb.Command:
    match command:
        case PostEntry():
            return pb.Command(
                post_entry=pb.PostEntry(
                    request_id=command.request_id,
                    livemode=command.livemode,
                    currency=command.currency,
                    legs=map(_leg_message, command.legs),
                    reason=command.reason,
                    principal=command.principal,
                )
            )
        case Adjust():
            index, ordinal, n = command.linked
            return pb.Command(
                adjust=pb.Adjust(
                    request_id=command.request_id,
                    livemode=command.livemode,
                    currency=command.currency,
                    legs=map(_leg_message, command.legs),
                    reason=command.reason,
                    linked=pb.EntryPosition(index=index, ordinal=ordinal, n=n),
                    principal=command.principal,
                )
            )
        case ApproveVoucher():
            return pb.Command(
                approve_voucher=pb.ApproveVoucher(
                    request_id=command.request_id,
                    voucher_id=command.voucher_id,
                    principal=command.principal,
                )
            )
        case RejectVoucher():
            return pb.Command(
                reject_voucher=pb.RejectVoucher(
                    request_id=command.request_id,
                    voucher_id=command.voucher_id,
                    reason=command.reason,
                    principal=command.principal,
                )
            )
        case _:
            assert_never(command)


def _leg_message(leg: EntryLeg) -> pb.EntryLeg:
    return pb.EntryLeg(
        kind=leg.kind,
        subject=leg.subject,
        is_debit=leg.is_debit,
        amount_minor=leg.amount_minor,
    )


def from_message(message: pb.Command) -> CreateHold | AccountCommand:
    """Return the command of a message. Errors: NotUnderstood for a kind of a newer release."""
    match message.WhichOneof("kind"):
        case "close_account":
            closed = message.close_account
            return CloseAccount(
                closed.request_id, closed.account_id, closed.reason, closed.principal
            )
        case "freeze":
            frozen = message.freeze
            return Freeze(
                frozen.request_id, frozen.account_id, frozen.reason, frozen.principal
            )
        case "unfreeze":
            freed = message.unfreeze
            return Unfreeze(
                freed.request_id, freed.account_id, freed.reason, freed.principal
            )
        case "fund_reverse":
            taken = message.fund_reverse
            return FundReverse(
                taken.request_id,
                taken.bank,
                taken.external_ref,
                taken.amount_minor,
                taken.currency,
                taken.reason,
                taken.principal,
            )
        case "create_hold" | "capture_hold" | "release_hold":
            return _hold_command(message)
        case _:
            return _voucher_command(message)


def _hold_command(message: pb.Command) -> CreateHold | CaptureHold | ReleaseHold:
    match message.WhichOneof("kind"):
        case "create_hold":
            made = message.create_hold
            return CreateHold(
                made.hold_id,
                made.account_id,
                made.amount_minor,
                made.currency,
                made.ttl_us,
                made.reference,
                made.principal,
            )
        case "capture_hold":
            captured = message.capture_hold
            return CaptureHold(
                captured.request_id,
                captured.hold_id,
                captured.to_account_id,
                captured.amount_minor,
                captured.currency,
                captured.reference,
                captured.principal,
            )
        case _:
            released = message.release_hold
            return ReleaseHold(
                released.request_id,
                released.hold_id,
                released.reason,
                released.principal,
            )


def _voucher_command(
    message: pb.Command,
) -> PostEntry | Adjust | ApproveVoucher | RejectVoucher:
    match message.WhichOneof("kind"):
        case "post_entry":
            posted = message.post_entry
            return PostEntry(
                posted.request_id,
                posted.livemode,
                posted.currency,
                tuple(map(_leg, posted.legs)),
                posted.reason,
                posted.principal,
            )
        case "adjust":
            adjusted = message.adjust
            return Adjust(
                adjusted.request_id,
                adjusted.livemode,
                adjusted.currency,
                tuple(map(_leg, adjusted.legs)),
                adjusted.reason,
                _position(adjusted.linked),
                adjusted.principal,
            )
        case "approve_voucher":
            approved = message.approve_voucher
            return ApproveVoucher(
                approved.request_id, approved.voucher_id, approved.principal
            )
        case "reject_voucher":
            rejected = message.reject_voucher
            return RejectVoucher(
                rejected.request_id,
                rejected.voucher_id,
                rejected.reason,
                rejected.principal,
            )
        case _:
            raise NotUnderstood("the kind of a command is unknown to this release")


def _leg(leg: pb.EntryLeg) -> EntryLeg:
    return EntryLeg(leg.kind, leg.subject, leg.is_debit, leg.amount_minor)


def _position(message: pb.EntryPosition) -> tuple[int, int, int]:
    return message.index, message.ordinal, message.n
