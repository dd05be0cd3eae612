"""Who came first: the key of a call, and what a second use of it is told (ledger.md 6).

The key is checked before every other rule. A payout's key is its id, an account's the
account id, every other mutating call's its request id. The three do not share a space.
Payout and account ids are kept for ever, refused ones too. Request ids are kept at least
`REQUEST_ID_RETENTION_US` of log time; an id that is not stored and whose own time lies
below that floor may have been pruned, so it is refused instead of being executed again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Final, assert_never

from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue_commands import (
    AmendCalendar,
    CatalogueCommand,
    SetCatalogue,
    SuspendRail,
)
from ledgerd.ledger.commands import (
    AccountCommand,
    Adjust,
    Approve,
    ApproveVoucher,
    Cancel,
    CaptureHold,
    CloseAccount,
    Command,
    CreateHold,
    DispatchBegin,
    DispatchClaim,
    EntryLeg,
    FeeRule,
    Freeze,
    Fund,
    FundReverse,
    OpenAccount,
    PayoutCommand,
    PostEntry,
    RailAck,
    RailNotAccepted,
    RailReject,
    RaiseAttention,
    Redate,
    Reject,
    RejectVoucher,
    ReleaseHold,
    RequestRecall,
    Reroute,
    ResolveException,
    Return,
    ReversalComplete,
    SetFees,
    Settle,
    TellEvidence,
    Tick,
    Transfer,
    Unfreeze,
)
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.risk_commands import RiskCommand, SetLimits, SetRules
from ledgerd.ledger.setting_commands import SetCurrencies, SetRoles, SettingCommand
from ledgerd.limits import ID_BYTES, REQUEST_ID_RETENTION_US

FINGERPRINT_BYTES: Final = 16


class IdKind(IntEnum):
    """Whose id it is. Durable."""

    PAYOUT = 1
    ACCOUNT = 2
    HOLD = 3


class CallKind(IntEnum):
    """Which call a request id was used for. Durable."""

    FUND = 1
    TRANSFER = 2
    CANCEL = 3
    SET_FEES = 4
    APPROVE = 5
    REJECT = 6
    REROUTE = 7
    REDATE = 8
    DISPATCH_BEGIN = 9
    DISPATCH_CLAIM = 10
    REQUEST_RECALL = 11
    RESOLVE_EXCEPTION = 12
    RAIL_ACK = 13
    RAIL_NOT_ACCEPTED = 14
    RAIL_REJECT = 15
    SETTLE = 16
    RETURN = 17
    REVERSAL_COMPLETE = 18
    RAISE_ATTENTION = 19
    TELL_EVIDENCE = 20
    CLOSE_ACCOUNT = 32
    FREEZE = 33
    UNFREEZE = 34
    FUND_REVERSE = 35
    CAPTURE_HOLD = 36
    RELEASE_HOLD = 37
    POST_ENTRY = 38
    ADJUST = 39
    APPROVE_VOUCHER = 40
    REJECT_VOUCHER = 41
    SET_CATALOGUE = 64
    AMEND_CALENDAR = 65
    SUSPEND_RAIL = 66
    SET_LIMITS = 72
    SET_RULES = 73
    SET_ROLES = 80
    SET_CURRENCIES = 81


@dataclass(frozen=True, slots=True)
class IdRecord:
    """What is kept of a payout or hold id, or of a refused account id.

    refusal: 0 where the command was accepted; then ts_us is 0 and the fingerprint empty,
        for the object itself has them. fingerprint: of the client fields, 16 bytes.
    """

    index: int
    ordinal: int
    refusal: int = 0
    ts_us: int = 0
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What is kept of a request id: the answer, and a fingerprint for each client field.

    code: 0 for accepted, else the refusal. fields: in the order of `field_names`.
    payout_position: (index, ordinal) of the payout a Cancel named, (0, 0) elsewhere.
    """

    call: CallKind
    index: int
    ordinal: int
    ts_us: int
    code: int
    payout_position: tuple[int, int]
    fields: tuple[bytes, ...]


def is_uuid7(raw: bytes) -> bool:
    """Return whether these are the 16 bytes of a UUID of version 7."""
    return len(raw) == ID_BYTES and raw[6] >> 4 == 7 and raw[8] >> 6 == 2


def made_at_us(raw: bytes) -> int:
    """Return the time in a UUIDv7, microseconds since 1970, to the millisecond."""
    return int.from_bytes(raw[:6], "big") * 1000


def is_too_old(request_id: bytes, ts_us: int) -> bool:
    """Return whether an id that is not stored may have been pruned before `ts_us`."""
    return is_uuid7(request_id) and made_at_us(request_id) < (
        ts_us - REQUEST_ID_RETENTION_US
    )


def fingerprint(raw: bytes) -> bytes:
    """Return 16 bytes that stand for `raw` where its values are not kept."""
    return hashlib.sha256(raw).digest()[:FINGERPRINT_BYTES]


def submit_fingerprint(
    *,
    account_id: bytes,
    amount_minor: int,
    currency: int,
    rail: int,
    details: bytes,
    release_at_us: int = 0,
) -> bytes:
    """Return the fingerprint of a Submit's client fields."""
    fields = account_id + _number(amount_minor) + _number(currency) + _number(rail)
    release = b"r" + _number(release_at_us) if release_at_us else b""
    return fingerprint(fields + details + release)


def open_account_fingerprint(command: OpenAccount) -> bytes:
    """Return the fingerprint of an OpenAccount's client fields."""
    own_class = command.account_class.encode()
    return fingerprint(
        _number(command.currency)
        + _number(command.min_balance_minor)
        + bytes([command.livemode])
        + command.owner_ref.encode()
        + (b"\0class" + own_class if own_class else b"")
    )


def create_hold_fingerprint(command: CreateHold) -> bytes:
    """Return the fingerprint of a CreateHold's client fields."""
    return fingerprint(
        command.account_id
        + _number(command.amount_minor)
        + _number(command.currency)
        + _number(command.ttl_us)
        + command.reference.encode()
    )


# What is compared of each call, by the names of the public message, in its order.
FIELD_NAMES: Final = {
    CallKind.SET_CATALOGUE: ("rails",),
    CallKind.AMEND_CALENDAR: ("calendar",),
    CallKind.SUSPEND_RAIL: ("rail", "is_suspended", "reason"),
    CallKind.SET_LIMITS: ("effective_from_us", "source", "as_of", "limits"),
    CallKind.SET_RULES: ("effective_from_us", "source", "as_of", "rules"),
    CallKind.SET_ROLES: ("effective_from_us", "source", "as_of", "grants"),
    CallKind.SET_CURRENCIES: ("effective_from_us", "source", "as_of", "retired"),
    CallKind.FUND: (
        "account_id",
        "amount.units",
        "amount.currency",
        "bank",
        "external_ref",
    ),
    CallKind.TRANSFER: (
        "from_account_id",
        "to_account_id",
        "amount.units",
        "amount.currency",
        "reference",
    ),
    CallKind.CANCEL: ("payout_id", "reason"),
    CallKind.SET_FEES: (
        "rules",
        "source",
        "effective_from_us",
        "as_of",
        "quote_valid_s",
    ),
    CallKind.CLOSE_ACCOUNT: ("account_id", "reason"),
    CallKind.FREEZE: ("account_id", "reason"),
    CallKind.UNFREEZE: ("account_id", "reason"),
    CallKind.FUND_REVERSE: (
        "bank",
        "external_ref",
        "amount.units",
        "amount.currency",
        "reason",
    ),
    CallKind.CAPTURE_HOLD: (
        "hold_id",
        "to_account_id",
        "amount.units",
        "amount.currency",
        "reference",
    ),
    CallKind.RELEASE_HOLD: ("hold_id", "reason"),
    CallKind.POST_ENTRY: ("livemode", "currency", "legs", "reason"),
    CallKind.ADJUST: ("livemode", "currency", "legs", "reason", "linked"),
    CallKind.APPROVE_VOUCHER: ("voucher_id",),
    CallKind.REJECT_VOUCHER: ("voucher_id", "reason"),
    CallKind.APPROVE: ("payout_id",),
    CallKind.REJECT: ("payout_id", "reason"),
    CallKind.REROUTE: ("payout_id", "rail"),
    CallKind.REDATE: ("payout_id", "release_at_us", "arrival_date", "calendar_version"),
    CallKind.DISPATCH_BEGIN: ("payout_id", "attempt", "lease_us"),
    CallKind.DISPATCH_CLAIM: ("payout_id", "attempt", "lease_us"),
    CallKind.REQUEST_RECALL: ("payout_id", "reason"),
    CallKind.RAISE_ATTENTION: ("payout_id", "attempt", "reason"),
    CallKind.TELL_EVIDENCE: (
        "payout_id",
        "finding",
        "rail",
        "reference",
        "value_date",
        "code",
        "note",
    ),
    CallKind.RESOLVE_EXCEPTION: ("index", "ordinal", "resolution", "reason"),
    CallKind.RAIL_ACK: ("rail", "rail_key", "reference"),
    CallKind.RAIL_NOT_ACCEPTED: ("rail", "rail_key", "reference", "is_refused"),
    CallKind.RAIL_REJECT: ("rail", "rail_key", "reference", "code"),
    CallKind.SETTLE: ("rail", "rail_key", "reference", "value_date", "cost_units"),
    CallKind.RETURN: (
        "rail",
        "rail_key",
        "reference",
        "amount_units",
        "code",
        "is_closing",
    ),
    CallKind.REVERSAL_COMPLETE: ("rail", "rail_key", "reference", "amount_units"),
}


def call_of(command: Command) -> CallKind:
    """Return the kind of a call that has a request id."""
    match command:
        case Fund():
            return CallKind.FUND
        case Transfer():
            return CallKind.TRANSFER
        case Cancel():
            return CallKind.CANCEL
        case SetFees():
            return CallKind.SET_FEES
        case OpenAccount() | CreateHold() | Tick():
            raise AssertionError("it has no request id")
        case _:
            return _CALLS[type(command)]


_CALLS: Final[
    dict[
        type[
            AccountCommand
            | PayoutCommand
            | CatalogueCommand
            | RiskCommand
            | SettingCommand
        ],
        CallKind,
    ]
] = {
    SetLimits: CallKind.SET_LIMITS,
    SetRules: CallKind.SET_RULES,
    SetRoles: CallKind.SET_ROLES,
    SetCurrencies: CallKind.SET_CURRENCIES,
    SetCatalogue: CallKind.SET_CATALOGUE,
    AmendCalendar: CallKind.AMEND_CALENDAR,
    SuspendRail: CallKind.SUSPEND_RAIL,
    Approve: CallKind.APPROVE,
    Reject: CallKind.REJECT,
    Reroute: CallKind.REROUTE,
    Redate: CallKind.REDATE,
    DispatchBegin: CallKind.DISPATCH_BEGIN,
    DispatchClaim: CallKind.DISPATCH_CLAIM,
    RequestRecall: CallKind.REQUEST_RECALL,
    RaiseAttention: CallKind.RAISE_ATTENTION,
    TellEvidence: CallKind.TELL_EVIDENCE,
    ResolveException: CallKind.RESOLVE_EXCEPTION,
    RailAck: CallKind.RAIL_ACK,
    RailNotAccepted: CallKind.RAIL_NOT_ACCEPTED,
    RailReject: CallKind.RAIL_REJECT,
    Settle: CallKind.SETTLE,
    Return: CallKind.RETURN,
    ReversalComplete: CallKind.REVERSAL_COMPLETE,
    CloseAccount: CallKind.CLOSE_ACCOUNT,
    Freeze: CallKind.FREEZE,
    Unfreeze: CallKind.UNFREEZE,
    FundReverse: CallKind.FUND_REVERSE,
    CaptureHold: CallKind.CAPTURE_HOLD,
    ReleaseHold: CallKind.RELEASE_HOLD,
    PostEntry: CallKind.POST_ENTRY,
    Adjust: CallKind.ADJUST,
    ApproveVoucher: CallKind.APPROVE_VOUCHER,
    RejectVoucher: CallKind.REJECT_VOUCHER,
}


def field_fingerprints(command: Command) -> tuple[bytes, ...]:
    """Return one fingerprint for each client field, in the order of `FIELD_NAMES`."""
    return tuple(fingerprint(raw) for raw in _client_fields(command))


def differing_fields(
    command: Command, stored: RequestRecord, fields: Sequence[bytes]
) -> tuple[str, ...]:
    """Return the names of the fields that differ; "call" if it was another call."""
    call = call_of(command)
    if call != stored.call:
        return ("call",)
    return tuple(
        name
        for name, mine, first in zip(
            FIELD_NAMES[call],
            _whole(call, fields),
            _whole(call, stored.fields),
            strict=True,
        )
        if mine != first
    )


def _whole(call: CallKind, fields: Sequence[bytes]) -> Sequence[bytes]:
    """Return all fields of a call, also where it was kept before it had the later ones."""
    if call is not CallKind.SET_FEES or len(fields) == len(FIELD_NAMES[call]):
        return fields
    return (*fields, *map(fingerprint, _FEES_SAY_NOTHING))


def _client_fields(command: Command) -> tuple[bytes, ...]:
    match command:
        case Fund():
            return (
                command.account_id,
                _number(command.amount_minor),
                _number(command.currency),
                command.bank.encode(),
                command.external_ref.encode(),
            )
        case Transfer():
            return (
                command.from_account_id,
                command.to_account_id,
                _number(command.amount_minor),
                _number(command.currency),
                command.reference.encode(),
            )
        case Cancel():
            return (command.payout_id, command.reason.encode())
        case SetFees():
            return _fee_fields(command)
        case OpenAccount() | CreateHold() | Tick():
            raise AssertionError("it has no request id")
        case (
            CloseAccount()
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
            return _account_fields(command)
        case SetCatalogue():
            return (_flat(command.rails),)
        case AmendCalendar():
            return (_flat(command.calendar),)
        case SuspendRail():
            return (
                _number(command.rail),
                bytes([command.is_suspended]),
                command.reason.encode(),
            )
        case SetLimits() | SetRules() | SetRoles() | SetCurrencies():
            return (
                _number(command.effective_from_us),
                command.source.encode(),
                command.as_of.encode(),
                _flat(_whole_setting(command)),
            )
        case _:
            return _payout_fields(command)


def _whole_setting(command: RiskCommand | SettingCommand) -> tuple[object, ...]:
    match command:
        case SetLimits():
            return command.limits
        case SetRules():
            return command.rules
        case SetRoles():
            return command.grants
        case SetCurrencies():
            return command.retired
        case _:
            assert_never(command)


def _fee_fields(command: SetFees) -> tuple[bytes, ...]:
    """Return rules and source, and what came later only where it says something."""
    rules = b"".join(map(_fee_rule, command.rules))
    later = (
        _number(command.effective_from_us),
        command.as_of.encode(),
        _number(command.quote_valid_us),
    )
    own = (rules, command.source.encode())
    return own if later == _FEES_SAY_NOTHING else (*own, *later)


def _fee_rule(rule: FeeRule) -> bytes:
    numbers = (
        rule.rail,
        rule.currency,
        rule.fixed_minor,
        rule.bps,
        rule.min_minor,
        rule.max_minor,
    )
    own_class = rule.account_class.encode()
    own = b""
    if own_class or rule.refund:
        own = b"c" + _number(len(own_class)) + own_class + _number(rule.refund)
    return b"".join(map(_number, numbers)) + own


# Attributes whose public name says the unit in another way.
_ATTRIBUTES: Final = {"amount_units": "amount_minor", "cost_units": "cost_minor"}


def _payout_fields(command: PayoutCommand) -> tuple[bytes, ...]:
    values: list[bytes] = []
    for name in FIELD_NAMES[call_of(command)]:
        value: object = getattr(command, _ATTRIBUTES.get(name, name))
        match value:
            case bytes():
                values.append(value)
            case str():
                values.append(value.encode())
            case int():
                values.append(_number(value))
            case _:
                raise AssertionError((name, value))
    return tuple(values)


def _account_fields(command: AccountCommand) -> tuple[bytes, ...]:
    match command:
        case CloseAccount() | Freeze() | Unfreeze():
            return (command.account_id, command.reason.encode())
        case FundReverse():
            return (
                command.bank.encode(),
                command.external_ref.encode(),
                _number(command.amount_minor),
                _number(command.currency),
                command.reason.encode(),
            )
        case CaptureHold():
            return (
                command.hold_id,
                command.to_account_id,
                _number(command.amount_minor),
                _number(command.currency),
                command.reference.encode(),
            )
        case ReleaseHold():
            return (command.hold_id, command.reason.encode())
        case PostEntry() | Adjust():
            fields = (
                bytes([command.livemode]),
                _number(command.currency),
                b"".join(map(_leg, command.legs)),
                command.reason.encode(),
            )
            if isinstance(command, PostEntry):
                return fields
            return (*fields, b"".join(map(_number, command.linked)))
        case ApproveVoucher():
            return (command.voucher_id,)
        case RejectVoucher():
            return (command.voucher_id, command.reason.encode())
        case _:
            assert_never(command)


def _leg(leg: EntryLeg) -> bytes:
    return (
        _number(leg.kind)
        + _number(len(leg.subject))
        + leg.subject
        + bytes([leg.is_debit])
        + _number(leg.amount_minor)
    )


def _flat(value: object) -> bytes:
    """Return one form of a record: numbers, and texts and tuples behind their length."""
    match value:
        case int():
            return _number(value)
        case str():
            raw = value.encode()
            return _number(len(raw)) + raw
        case bytes():
            return _number(len(value)) + value
        case tuple():
            return _number(len(value)) + b"".join(map(_flat, value))
        case RailRecord() | Calendar():
            return _flat(tuple(getattr(value, item.name) for item in fields(value)))
        case _:
            raise AssertionError(value)


def _number(value: int) -> bytes:
    """Wider than anything a log entry can hold: a number out of bounds is compared too."""
    return value.to_bytes(16, "big", signed=True)


# The fields of SetFees that came after its first two, of a call that leaves them out.
_FEES_SAY_NOTHING: Final = (_number(0), b"", _number(0))
