from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Command(_message.Message):
    __slots__ = ("open_account", "fund", "transfer", "cancel", "set_fees", "close_account", "freeze", "unfreeze", "fund_reverse", "create_hold", "capture_hold", "release_hold", "post_entry", "adjust", "approve_voucher", "reject_voucher", "tick", "approve", "reject", "reroute", "redate", "dispatch_begin", "dispatch_claim", "request_recall", "resolve_exception", "rail_ack", "rail_not_accepted", "rail_reject", "settle", "money_return", "reversal_complete", "raise_attention", "tell_evidence", "set_catalogue", "amend_calendar", "suspend_rail", "submit", "set_limits", "set_rules", "set_roles", "set_currencies")
    OPEN_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    SET_FEES_FIELD_NUMBER: _ClassVar[int]
    CLOSE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FREEZE_FIELD_NUMBER: _ClassVar[int]
    UNFREEZE_FIELD_NUMBER: _ClassVar[int]
    FUND_REVERSE_FIELD_NUMBER: _ClassVar[int]
    CREATE_HOLD_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_HOLD_FIELD_NUMBER: _ClassVar[int]
    RELEASE_HOLD_FIELD_NUMBER: _ClassVar[int]
    POST_ENTRY_FIELD_NUMBER: _ClassVar[int]
    ADJUST_FIELD_NUMBER: _ClassVar[int]
    APPROVE_VOUCHER_FIELD_NUMBER: _ClassVar[int]
    REJECT_VOUCHER_FIELD_NUMBER: _ClassVar[int]
    TICK_FIELD_NUMBER: _ClassVar[int]
    APPROVE_FIELD_NUMBER: _ClassVar[int]
    REJECT_FIELD_NUMBER: _ClassVar[int]
    REROUTE_FIELD_NUMBER: _ClassVar[int]
    REDATE_FIELD_NUMBER: _ClassVar[int]
    DISPATCH_BEGIN_FIELD_NUMBER: _ClassVar[int]
    DISPATCH_CLAIM_FIELD_NUMBER: _ClassVar[int]
    REQUEST_RECALL_FIELD_NUMBER: _ClassVar[int]
    RESOLVE_EXCEPTION_FIELD_NUMBER: _ClassVar[int]
    RAIL_ACK_FIELD_NUMBER: _ClassVar[int]
    RAIL_NOT_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    RAIL_REJECT_FIELD_NUMBER: _ClassVar[int]
    SETTLE_FIELD_NUMBER: _ClassVar[int]
    MONEY_RETURN_FIELD_NUMBER: _ClassVar[int]
    REVERSAL_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    RAISE_ATTENTION_FIELD_NUMBER: _ClassVar[int]
    TELL_EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    SET_CATALOGUE_FIELD_NUMBER: _ClassVar[int]
    AMEND_CALENDAR_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_RAIL_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_FIELD_NUMBER: _ClassVar[int]
    SET_LIMITS_FIELD_NUMBER: _ClassVar[int]
    SET_RULES_FIELD_NUMBER: _ClassVar[int]
    SET_ROLES_FIELD_NUMBER: _ClassVar[int]
    SET_CURRENCIES_FIELD_NUMBER: _ClassVar[int]
    open_account: OpenAccount
    fund: Fund
    transfer: Transfer
    cancel: Cancel
    set_fees: SetFees
    close_account: CloseAccount
    freeze: Freeze
    unfreeze: Unfreeze
    fund_reverse: FundReverse
    create_hold: CreateHold
    capture_hold: CaptureHold
    release_hold: ReleaseHold
    post_entry: PostEntry
    adjust: Adjust
    approve_voucher: ApproveVoucher
    reject_voucher: RejectVoucher
    tick: Tick
    approve: Approve
    reject: Reject
    reroute: Reroute
    redate: Redate
    dispatch_begin: DispatchBegin
    dispatch_claim: DispatchClaim
    request_recall: RequestRecall
    resolve_exception: ResolveException
    rail_ack: RailAck
    rail_not_accepted: RailNotAccepted
    rail_reject: RailReject
    settle: Settle
    money_return: Return
    reversal_complete: ReversalComplete
    raise_attention: RaiseAttention
    tell_evidence: TellEvidence
    set_catalogue: SetCatalogue
    amend_calendar: AmendCalendar
    suspend_rail: SuspendRail
    submit: Submit
    set_limits: SetLimits
    set_rules: SetRules
    set_roles: SetRoles
    set_currencies: SetCurrencies
    def __init__(self, open_account: _Optional[_Union[OpenAccount, _Mapping]] = ..., fund: _Optional[_Union[Fund, _Mapping]] = ..., transfer: _Optional[_Union[Transfer, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., set_fees: _Optional[_Union[SetFees, _Mapping]] = ..., close_account: _Optional[_Union[CloseAccount, _Mapping]] = ..., freeze: _Optional[_Union[Freeze, _Mapping]] = ..., unfreeze: _Optional[_Union[Unfreeze, _Mapping]] = ..., fund_reverse: _Optional[_Union[FundReverse, _Mapping]] = ..., create_hold: _Optional[_Union[CreateHold, _Mapping]] = ..., capture_hold: _Optional[_Union[CaptureHold, _Mapping]] = ..., release_hold: _Optional[_Union[ReleaseHold, _Mapping]] = ..., post_entry: _Optional[_Union[PostEntry, _Mapping]] = ..., adjust: _Optional[_Union[Adjust, _Mapping]] = ..., approve_voucher: _Optional[_Union[ApproveVoucher, _Mapping]] = ..., reject_voucher: _Optional[_Union[RejectVoucher, _Mapping]] = ..., tick: _Optional[_Union[Tick, _Mapping]] = ..., approve: _Optional[_Union[Approve, _Mapping]] = ..., reject: _Optional[_Union[Reject, _Mapping]] = ..., reroute: _Optional[_Union[Reroute, _Mapping]] = ..., redate: _Optional[_Union[Redate, _Mapping]] = ..., dispatch_begin: _Optional[_Union[DispatchBegin, _Mapping]] = ..., dispatch_claim: _Optional[_Union[DispatchClaim, _Mapping]] = ..., request_recall: _Optional[_Union[RequestRecall, _Mapping]] = ..., resolve_exception: _Optional[_Union[ResolveException, _Mapping]] = ..., rail_ack: _Optional[_Union[RailAck, _Mapping]] = ..., rail_not_accepted: _Optional[_Union[RailNotAccepted, _Mapping]] = ..., rail_reject: _Optional[_Union[RailReject, _Mapping]] = ..., settle: _Optional[_Union[Settle, _Mapping]] = ..., money_return: _Optional[_Union[Return, _Mapping]] = ..., reversal_complete: _Optional[_Union[ReversalComplete, _Mapping]] = ..., raise_attention: _Optional[_Union[RaiseAttention, _Mapping]] = ..., tell_evidence: _Optional[_Union[TellEvidence, _Mapping]] = ..., set_catalogue: _Optional[_Union[SetCatalogue, _Mapping]] = ..., amend_calendar: _Optional[_Union[AmendCalendar, _Mapping]] = ..., suspend_rail: _Optional[_Union[SuspendRail, _Mapping]] = ..., submit: _Optional[_Union[Submit, _Mapping]] = ..., set_limits: _Optional[_Union[SetLimits, _Mapping]] = ..., set_rules: _Optional[_Union[SetRules, _Mapping]] = ..., set_roles: _Optional[_Union[SetRoles, _Mapping]] = ..., set_currencies: _Optional[_Union[SetCurrencies, _Mapping]] = ...) -> None: ...

class Submit(_message.Message):
    __slots__ = ("payout_id", "account_id", "amount_minor", "currency", "rail", "principal", "details", "release_at_us", "terms", "is_linked")
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    RELEASE_AT_US_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    IS_LINKED_FIELD_NUMBER: _ClassVar[int]
    payout_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    rail: int
    principal: str
    details: bytes
    release_at_us: int
    terms: SubmitTerms
    is_linked: bool
    def __init__(self, payout_id: _Optional[bytes] = ..., account_id: _Optional[bytes] = ..., amount_minor: _Optional[int] = ..., currency: _Optional[int] = ..., rail: _Optional[int] = ..., principal: _Optional[str] = ..., details: _Optional[bytes] = ..., release_at_us: _Optional[int] = ..., terms: _Optional[_Union[SubmitTerms, _Mapping]] = ..., is_linked: _Optional[bool] = ...) -> None: ...

class SubmitTerms(_message.Message):
    __slots__ = ("fee_expected_minor", "quoted_at_us", "window")
    FEE_EXPECTED_MINOR_FIELD_NUMBER: _ClassVar[int]
    QUOTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    fee_expected_minor: int
    quoted_at_us: int
    window: WindowTerms
    def __init__(self, fee_expected_minor: _Optional[int] = ..., quoted_at_us: _Optional[int] = ..., window: _Optional[_Union[WindowTerms, _Mapping]] = ...) -> None: ...

class WindowTerms(_message.Message):
    __slots__ = ("opens_us", "closes_us", "rail_version", "calendar_version")
    OPENS_US_FIELD_NUMBER: _ClassVar[int]
    CLOSES_US_FIELD_NUMBER: _ClassVar[int]
    RAIL_VERSION_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_VERSION_FIELD_NUMBER: _ClassVar[int]
    opens_us: int
    closes_us: int
    rail_version: int
    calendar_version: int
    def __init__(self, opens_us: _Optional[int] = ..., closes_us: _Optional[int] = ..., rail_version: _Optional[int] = ..., calendar_version: _Optional[int] = ...) -> None: ...

class OpenAccount(_message.Message):
    __slots__ = ("account_id", "currency", "livemode", "owner_ref", "min_balance_minor", "principal", "account_class")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    OWNER_REF_FIELD_NUMBER: _ClassVar[int]
    MIN_BALANCE_MINOR_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CLASS_FIELD_NUMBER: _ClassVar[int]
    account_id: bytes
    currency: int
    livemode: bool
    owner_ref: str
    min_balance_minor: int
    principal: str
    account_class: str
    def __init__(self, account_id: _Optional[bytes] = ..., currency: _Optional[int] = ..., livemode: _Optional[bool] = ..., owner_ref: _Optional[str] = ..., min_balance_minor: _Optional[int] = ..., principal: _Optional[str] = ..., account_class: _Optional[str] = ...) -> None: ...

class Fund(_message.Message):
    __slots__ = ("request_id", "account_id", "amount_minor", "currency", "bank", "external_ref", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_REF_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    bank: str
    external_ref: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., account_id: _Optional[bytes] = ..., amount_minor: _Optional[int] = ..., currency: _Optional[int] = ..., bank: _Optional[str] = ..., external_ref: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("request_id", "from_account_id", "to_account_id", "amount_minor", "currency", "reference", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    TO_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    from_account_id: bytes
    to_account_id: bytes
    amount_minor: int
    currency: int
    reference: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., from_account_id: _Optional[bytes] = ..., to_account_id: _Optional[bytes] = ..., amount_minor: _Optional[int] = ..., currency: _Optional[int] = ..., reference: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("request_id", "payout_id", "reason", "principal", "approver", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    APPROVER_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    reason: str
    principal: str
    approver: str
    expected_version: int
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ..., approver: _Optional[str] = ..., expected_version: _Optional[int] = ...) -> None: ...

class FeeRule(_message.Message):
    __slots__ = ("rail", "currency", "fixed_minor", "bps", "min_minor", "max_minor", "account_class", "refund")
    RAIL_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    FIXED_MINOR_FIELD_NUMBER: _ClassVar[int]
    BPS_FIELD_NUMBER: _ClassVar[int]
    MIN_MINOR_FIELD_NUMBER: _ClassVar[int]
    MAX_MINOR_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CLASS_FIELD_NUMBER: _ClassVar[int]
    REFUND_FIELD_NUMBER: _ClassVar[int]
    rail: int
    currency: int
    fixed_minor: int
    bps: int
    min_minor: int
    max_minor: int
    account_class: str
    refund: int
    def __init__(self, rail: _Optional[int] = ..., currency: _Optional[int] = ..., fixed_minor: _Optional[int] = ..., bps: _Optional[int] = ..., min_minor: _Optional[int] = ..., max_minor: _Optional[int] = ..., account_class: _Optional[str] = ..., refund: _Optional[int] = ...) -> None: ...

class SetFees(_message.Message):
    __slots__ = ("request_id", "rules", "source", "principal", "effective_from_us", "as_of", "quote_valid_us")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    QUOTE_VALID_US_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rules: _containers.RepeatedCompositeFieldContainer[FeeRule]
    source: str
    principal: str
    effective_from_us: int
    as_of: str
    quote_valid_us: int
    def __init__(self, request_id: _Optional[bytes] = ..., rules: _Optional[_Iterable[_Union[FeeRule, _Mapping]]] = ..., source: _Optional[str] = ..., principal: _Optional[str] = ..., effective_from_us: _Optional[int] = ..., as_of: _Optional[str] = ..., quote_valid_us: _Optional[int] = ...) -> None: ...

class CloseAccount(_message.Message):
    __slots__ = ("request_id", "account_id", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    account_id: bytes
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., account_id: _Optional[bytes] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class Freeze(_message.Message):
    __slots__ = ("request_id", "account_id", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    account_id: bytes
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., account_id: _Optional[bytes] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class Unfreeze(_message.Message):
    __slots__ = ("request_id", "account_id", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    account_id: bytes
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., account_id: _Optional[bytes] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class FundReverse(_message.Message):
    __slots__ = ("request_id", "bank", "external_ref", "amount_minor", "currency", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_REF_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    bank: str
    external_ref: str
    amount_minor: int
    currency: int
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., bank: _Optional[str] = ..., external_ref: _Optional[str] = ..., amount_minor: _Optional[int] = ..., currency: _Optional[int] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class CreateHold(_message.Message):
    __slots__ = ("hold_id", "account_id", "amount_minor", "currency", "ttl_us", "reference", "principal")
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TTL_US_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    hold_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    ttl_us: int
    reference: str
    principal: str
    def __init__(self, hold_id: _Optional[bytes] = ..., account_id: _Optional[bytes] = ..., amount_minor: _Optional[int] = ..., currency: _Optional[int] = ..., ttl_us: _Optional[int] = ..., reference: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class CaptureHold(_message.Message):
    __slots__ = ("request_id", "hold_id", "to_account_id", "amount_minor", "currency", "reference", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    TO_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    hold_id: bytes
    to_account_id: bytes
    amount_minor: int
    currency: int
    reference: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., hold_id: _Optional[bytes] = ..., to_account_id: _Optional[bytes] = ..., amount_minor: _Optional[int] = ..., currency: _Optional[int] = ..., reference: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class ReleaseHold(_message.Message):
    __slots__ = ("request_id", "hold_id", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    hold_id: bytes
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., hold_id: _Optional[bytes] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class EntryLeg(_message.Message):
    __slots__ = ("kind", "subject", "is_debit", "amount_minor")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    IS_DEBIT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    kind: int
    subject: bytes
    is_debit: bool
    amount_minor: int
    def __init__(self, kind: _Optional[int] = ..., subject: _Optional[bytes] = ..., is_debit: _Optional[bool] = ..., amount_minor: _Optional[int] = ...) -> None: ...

class EntryPosition(_message.Message):
    __slots__ = ("index", "ordinal", "n")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    index: int
    ordinal: int
    n: int
    def __init__(self, index: _Optional[int] = ..., ordinal: _Optional[int] = ..., n: _Optional[int] = ...) -> None: ...

class PostEntry(_message.Message):
    __slots__ = ("request_id", "livemode", "currency", "legs", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    livemode: bool
    currency: int
    legs: _containers.RepeatedCompositeFieldContainer[EntryLeg]
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., livemode: _Optional[bool] = ..., currency: _Optional[int] = ..., legs: _Optional[_Iterable[_Union[EntryLeg, _Mapping]]] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class Adjust(_message.Message):
    __slots__ = ("request_id", "livemode", "currency", "legs", "reason", "linked", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LINKED_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    livemode: bool
    currency: int
    legs: _containers.RepeatedCompositeFieldContainer[EntryLeg]
    reason: str
    linked: EntryPosition
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., livemode: _Optional[bool] = ..., currency: _Optional[int] = ..., legs: _Optional[_Iterable[_Union[EntryLeg, _Mapping]]] = ..., reason: _Optional[str] = ..., linked: _Optional[_Union[EntryPosition, _Mapping]] = ..., principal: _Optional[str] = ...) -> None: ...

class ApproveVoucher(_message.Message):
    __slots__ = ("request_id", "voucher_id", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VOUCHER_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    voucher_id: bytes
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., voucher_id: _Optional[bytes] = ..., principal: _Optional[str] = ...) -> None: ...

class RejectVoucher(_message.Message):
    __slots__ = ("request_id", "voucher_id", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VOUCHER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    voucher_id: bytes
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., voucher_id: _Optional[bytes] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class Tick(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Approve(_message.Message):
    __slots__ = ("request_id", "payout_id", "principal", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    principal: str
    expected_version: int
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., principal: _Optional[str] = ..., expected_version: _Optional[int] = ...) -> None: ...

class Reject(_message.Message):
    __slots__ = ("request_id", "payout_id", "reason", "principal", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    reason: str
    principal: str
    expected_version: int
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ..., expected_version: _Optional[int] = ...) -> None: ...

class Reroute(_message.Message):
    __slots__ = ("request_id", "payout_id", "rail", "principal", "approver", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    APPROVER_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    rail: int
    principal: str
    approver: str
    expected_version: int
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., rail: _Optional[int] = ..., principal: _Optional[str] = ..., approver: _Optional[str] = ..., expected_version: _Optional[int] = ...) -> None: ...

class Redate(_message.Message):
    __slots__ = ("request_id", "payout_id", "release_at_us", "arrival_date", "calendar_version", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    RELEASE_AT_US_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_DATE_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_VERSION_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    release_at_us: int
    arrival_date: int
    calendar_version: int
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., release_at_us: _Optional[int] = ..., arrival_date: _Optional[int] = ..., calendar_version: _Optional[int] = ..., principal: _Optional[str] = ...) -> None: ...

class DispatchBegin(_message.Message):
    __slots__ = ("request_id", "payout_id", "attempt", "lease_us", "principal", "rail_version", "calendar_version", "window_closes_us")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LEASE_US_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RAIL_VERSION_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_VERSION_FIELD_NUMBER: _ClassVar[int]
    WINDOW_CLOSES_US_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    attempt: int
    lease_us: int
    principal: str
    rail_version: int
    calendar_version: int
    window_closes_us: int
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., attempt: _Optional[int] = ..., lease_us: _Optional[int] = ..., principal: _Optional[str] = ..., rail_version: _Optional[int] = ..., calendar_version: _Optional[int] = ..., window_closes_us: _Optional[int] = ...) -> None: ...

class DispatchClaim(_message.Message):
    __slots__ = ("request_id", "payout_id", "attempt", "lease_us", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LEASE_US_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    attempt: int
    lease_us: int
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., attempt: _Optional[int] = ..., lease_us: _Optional[int] = ..., principal: _Optional[str] = ...) -> None: ...

class RaiseAttention(_message.Message):
    __slots__ = ("request_id", "payout_id", "attempt", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    attempt: int
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., attempt: _Optional[int] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class TellEvidence(_message.Message):
    __slots__ = ("request_id", "payout_id", "finding", "rail", "reference", "value_date", "code", "note", "principal", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    VALUE_DATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    finding: int
    rail: int
    reference: str
    value_date: int
    code: str
    note: str
    principal: str
    expected_version: int
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., finding: _Optional[int] = ..., rail: _Optional[int] = ..., reference: _Optional[str] = ..., value_date: _Optional[int] = ..., code: _Optional[str] = ..., note: _Optional[str] = ..., principal: _Optional[str] = ..., expected_version: _Optional[int] = ...) -> None: ...

class RequestRecall(_message.Message):
    __slots__ = ("request_id", "payout_id", "reason", "principal", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    reason: str
    principal: str
    expected_version: int
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ..., expected_version: _Optional[int] = ...) -> None: ...

class ResolveException(_message.Message):
    __slots__ = ("request_id", "index", "ordinal", "resolution", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    index: int
    ordinal: int
    resolution: int
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., index: _Optional[int] = ..., ordinal: _Optional[int] = ..., resolution: _Optional[int] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class RailAck(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., rail: _Optional[int] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class RailNotAccepted(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "is_refused", "principal", "claim_index")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    IS_REFUSED_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    CLAIM_INDEX_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    is_refused: bool
    principal: str
    claim_index: int
    def __init__(self, request_id: _Optional[bytes] = ..., rail: _Optional[int] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., is_refused: _Optional[bool] = ..., principal: _Optional[str] = ..., claim_index: _Optional[int] = ...) -> None: ...

class RailReject(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "code", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    code: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., rail: _Optional[int] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., code: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class Settle(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "value_date", "cost_minor", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    VALUE_DATE_FIELD_NUMBER: _ClassVar[int]
    COST_MINOR_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    value_date: int
    cost_minor: int
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., rail: _Optional[int] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., value_date: _Optional[int] = ..., cost_minor: _Optional[int] = ..., principal: _Optional[str] = ...) -> None: ...

class Return(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "amount_minor", "code", "is_closing", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    IS_CLOSING_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    amount_minor: int
    code: str
    is_closing: bool
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., rail: _Optional[int] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., amount_minor: _Optional[int] = ..., code: _Optional[str] = ..., is_closing: _Optional[bool] = ..., principal: _Optional[str] = ...) -> None: ...

class ReversalComplete(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "amount_minor", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    amount_minor: int
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., rail: _Optional[int] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., amount_minor: _Optional[int] = ..., principal: _Optional[str] = ...) -> None: ...

class SetCatalogue(_message.Message):
    __slots__ = ("request_id", "rails", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAILS_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rails: _containers.RepeatedScalarFieldContainer[bytes]
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., rails: _Optional[_Iterable[bytes]] = ..., principal: _Optional[str] = ...) -> None: ...

class AmendCalendar(_message.Message):
    __slots__ = ("request_id", "calendar", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    calendar: bytes
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., calendar: _Optional[bytes] = ..., principal: _Optional[str] = ...) -> None: ...

class SuspendRail(_message.Message):
    __slots__ = ("request_id", "rail", "is_suspended", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    IS_SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rail: int
    is_suspended: bool
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., rail: _Optional[int] = ..., is_suspended: _Optional[bool] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class SetLimits(_message.Message):
    __slots__ = ("request_id", "limits", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    limits: bytes
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., limits: _Optional[bytes] = ..., principal: _Optional[str] = ...) -> None: ...

class SetRules(_message.Message):
    __slots__ = ("request_id", "rules", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rules: bytes
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., rules: _Optional[bytes] = ..., principal: _Optional[str] = ...) -> None: ...

class SetRoles(_message.Message):
    __slots__ = ("request_id", "roles", "principal", "is_certified_admin", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    IS_CERTIFIED_ADMIN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    roles: bytes
    principal: str
    is_certified_admin: bool
    expected_version: int
    def __init__(self, request_id: _Optional[bytes] = ..., roles: _Optional[bytes] = ..., principal: _Optional[str] = ..., is_certified_admin: _Optional[bool] = ..., expected_version: _Optional[int] = ...) -> None: ...

class SetCurrencies(_message.Message):
    __slots__ = ("request_id", "currencies", "principal", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCIES_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    currencies: bytes
    principal: str
    expected_version: int
    def __init__(self, request_id: _Optional[bytes] = ..., currencies: _Optional[bytes] = ..., principal: _Optional[str] = ..., expected_version: _Optional[int] = ...) -> None: ...
