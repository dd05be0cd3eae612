"""The payload of a COMMANDS entry: a version, and the rarer commands as protobuf bytes.

Layout, little-endian, version 1: version u8, count u32, then per command u32 length and
the bytes of a `formats.v1.Command`. The bytes are durable for ever and read by every later
release; they are hashed as they are and never encoded again. Bytes that cannot be read are a
CorruptionError; a kind that this release does not know is NotUnderstood: skipping it would fork
the state.
"""

from collections.abc import Sequence
from struct import Struct
from struct import error as StructError
from typing import Final

from google.protobuf.message import DecodeError

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.formats import (
    account_commands,
    catalogue_commands,
    payout_commands,
    risk_commands,
    setting_commands,
    submit_commands,
)
from ledgerd.formats.v1 import commands_pb2 as pb
from ledgerd.ledger.catalogue_commands import (
    AmendCalendar,
    SetCatalogue,
    SuspendRail,
)
from ledgerd.ledger.commands import (
    Adjust,
    ApproveVoucher,
    Cancel,
    CaptureHold,
    CloseAccount,
    Command,
    CreateHold,
    FeeRule,
    Freeze,
    Fund,
    FundReverse,
    OpenAccount,
    PostEntry,
    RejectVoucher,
    ReleaseHold,
    SetFees,
    Submit,
    Tick,
    Transfer,
    Unfreeze,
)
from ledgerd.ledger.risk_commands import SetLimits, SetRules
from ledgerd.ledger.setting_commands import SetCurrencies, SetRoles
from ledgerd.limits import BATCH_COMMANDS_MAX

_VERSION: Final = 1
_HEADER: Final = Struct("<BI")
_LENGTH: Final = Struct("<I")
HEADER_BYTES: Final = _HEADER.size  # of a payload, beside `size_bytes` of its commands


def encode(commands: Sequence[Command | Submit]) -> bytes:
    """Return the payload of a COMMANDS entry."""
    assert 1 <= len(commands) <= BATCH_COMMANDS_MAX, len(commands)
    parts = [_HEADER.pack(_VERSION, len(commands))]
    for command in commands:
        raw = _to_message(command).SerializeToString(deterministic=True)
        parts += (_LENGTH.pack(len(raw)), raw)
    return b"".join(parts)


def decode(payload: bytes | memoryview) -> tuple[Command | Submit, ...]:
    """Return the commands of an entry.

    Errors: NotUnderstood when a newer release wrote it, CorruptionError for other bytes.
    """
    payload = bytes(payload)
    try:
        version, count = _HEADER.unpack_from(payload)
        if version > _VERSION:
            raise NotUnderstood(f"a list of commands of version {version}")
        if version != _VERSION:
            raise ValueError(f"expected version {_VERSION}, found {version}")
        if not 1 <= count <= BATCH_COMMANDS_MAX:
            raise ValueError(f"expected 1 .. {BATCH_COMMANDS_MAX} rows, found {count}")
        at = _HEADER.size
        commands: list[Command | Submit] = []
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(payload, at)
            start = at + _LENGTH.size
            at = start + length
            if at > len(payload):
                raise ValueError(f"expected {at} bytes, found {len(payload)}")
            commands.append(_from_message(pb.Command.FromString(payload[start:at])))
        if at != len(payload):
            raise ValueError(f"expected {at} bytes, found {len(payload)}")
    except (StructError, ValueError, DecodeError) as exc:
        raise CorruptionError(f"a list of commands cannot be read: {exc}") from exc
    return tuple(commands)


def size_bytes(command: Command | Submit) -> int:
    """Return what the command adds to a payload."""
    return _LENGTH.size + _to_message(command).ByteSize()


def _to_message(command: Command | Submit) -> pb.Command:
    match command:
        case OpenAccount():
            return pb.Command(
                open_account=pb.OpenAccount(
                    account_id=command.account_id,
                    currency=command.currency,
                    livemode=command.livemode,
                    owner_ref=command.owner_ref,
                    min_balance_minor=command.min_balance_minor,
                    principal=command.principal,
                    account_class=command.account_class,
                )
            )
        case Fund():
            return pb.Command(
                fund=pb.Fund(
                    request_id=command.request_id,
                    account_id=command.account_id,
                    amount_minor=command.amount_minor,
                    currency=command.currency,
                    bank=command.bank,
                    external_ref=command.external_ref,
                    principal=command.principal,
                )
            )
        case Transfer():
            return pb.Command(
                transfer=pb.Transfer(
                    request_id=command.request_id,
                    from_account_id=command.from_account_id,
                    to_account_id=command.to_account_id,
                    amount_minor=command.amount_minor,
                    currency=command.currency,
                    reference=command.reference,
                    principal=command.principal,
                )
            )
        case Cancel():
            return pb.Command(
                cancel=pb.Cancel(
                    request_id=command.request_id,
                    payout_id=command.payout_id,
                    reason=command.reason,
                    principal=command.principal,
                    approver=command.approver,
                    expected_version=command.expected_version,
                )
            )
        case SetFees():
            return pb.Command(
                set_fees=pb.SetFees(
                    request_id=command.request_id,
                    rules=[
                        pb.FeeRule(
                            rail=rule.rail,
                            currency=rule.currency,
                            fixed_minor=rule.fixed_minor,
                            bps=rule.bps,
                            min_minor=rule.min_minor,
                            max_minor=rule.max_minor,
                            account_class=rule.account_class,
                            refund=rule.refund,
                        )
                        for rule in command.rules
                    ],
                    source=command.source,
                    principal=command.principal,
                    effective_from_us=command.effective_from_us,
                    as_of=command.as_of,
                    quote_valid_us=command.quote_valid_us,
                )
            )
        case Tick():
            return pb.Command(tick=pb.Tick())
        case (
            CreateHold()
            | CloseAccount()
            | Freeze()
            | Unfreeze()
            | FundReverse()
            | CaptureHold()
            | ReleaseHold()
            | PostEntry()
            | Adjust()
            | ApproveVoucher()
            | RejectVoucher()
        ):
            return account_commands.to_message(command)
        case SetCatalogue() | AmendCalendar() | SuspendRail():
            return catalogue_commands.to_message(command)
        case Submit():
            return submit_commands.to_message(command)
        case SetLimits() | SetRules():
            return risk_commands.to_message(command)
        case SetRoles() | SetCurrencies():
            return setting_commands.to_message(command)
        case _:
            return payout_commands.to_message(command)


def _from_message(message: pb.Command) -> Command | Submit:
    kind = message.WhichOneof("kind")
    match kind:
        case "open_account":
            opened = message.open_account
            return OpenAccount(
                opened.account_id,
                opened.currency,
                opened.livemode,
                opened.owner_ref,
                opened.min_balance_minor,
                opened.principal,
                opened.account_class,
            )
        case "fund":
            fund = message.fund
            return Fund(
                fund.request_id,
                fund.account_id,
                fund.amount_minor,
                fund.currency,
                fund.bank,
                fund.external_ref,
                fund.principal,
            )
        case "transfer":
            transfer = message.transfer
            return Transfer(
                transfer.request_id,
                transfer.from_account_id,
                transfer.to_account_id,
                transfer.amount_minor,
                transfer.currency,
                transfer.reference,
                transfer.principal,
            )
        case "cancel":
            cancel = message.cancel
            return Cancel(
                cancel.request_id,
                cancel.payout_id,
                cancel.reason,
                cancel.principal,
                cancel.approver,
                cancel.expected_version,
            )
        case "set_fees":
            fees = message.set_fees
            rules = tuple(
                FeeRule(
                    rule.rail,
                    rule.currency,
                    rule.fixed_minor,
                    rule.bps,
                    rule.min_minor,
                    rule.max_minor,
                    rule.account_class,
                    rule.refund,
                )
                for rule in fees.rules
            )
            return SetFees(
                fees.request_id,
                rules,
                fees.source,
                fees.principal,
                fees.effective_from_us,
                fees.as_of,
                fees.quote_valid_us,
            )
        case "tick":
            return Tick()
        case "set_catalogue":
            return catalogue_commands.from_message(message.set_catalogue)
        case "amend_calendar":
            return catalogue_commands.from_message(message.amend_calendar)
        case "suspend_rail":
            return catalogue_commands.from_message(message.suspend_rail)
        case "submit":
            return submit_commands.from_message(message.submit)
        case "set_limits":
            return risk_commands.from_message(message.set_limits)
        case "set_rules":
            return risk_commands.from_message(message.set_rules)
        case "set_roles":
            return setting_commands.from_message(message.set_roles)
        case "set_currencies":
            return setting_commands.from_message(message.set_currencies)
        case _ if kind in payout_commands.COMMANDS:
            return payout_commands.from_message(message, kind)
        case _:
            return account_commands.from_message(message)
