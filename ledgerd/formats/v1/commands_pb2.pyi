from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Command(_message.Message):
    __slots__ = ("open_account", "fund", "transfer", "cancel", "set_fees")
    OPEN_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    SET_FEES_FIELD_NUMBER: _ClassVar[int]
    open_account: OpenAccount
    fund: Fund
    transfer: Transfer
    cancel: Cancel
    set_fees: SetFees
    def __init__(self, open_account: _Optional[_Union[OpenAccount, _Mapping]] = ..., fund: _Optional[_Union[Fund, _Mapping]] = ..., transfer: _Optional[_Union[Transfer, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., set_fees: _Optional[_Union[SetFees, _Mapping]] = ...) -> None: ...

class OpenAccount(_message.Message):
    __slots__ = ("account_id", "currency", "livemode", "owner_ref", "min_balance_minor", "principal")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    OWNER_REF_FIELD_NUMBER: _ClassVar[int]
    MIN_BALANCE_MINOR_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    account_id: bytes
    currency: int
    livemode: bool
    owner_ref: str
    min_balance_minor: int
    principal: str
    def __init__(self, account_id: _Optional[bytes] = ..., currency: _Optional[int] = ..., livemode: _Optional[bool] = ..., owner_ref: _Optional[str] = ..., min_balance_minor: _Optional[int] = ..., principal: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("request_id", "payout_id", "reason", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    payout_id: bytes
    reason: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., payout_id: _Optional[bytes] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class FeeRule(_message.Message):
    __slots__ = ("rail", "currency", "fixed_minor", "bps", "min_minor", "max_minor")
    RAIL_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    FIXED_MINOR_FIELD_NUMBER: _ClassVar[int]
    BPS_FIELD_NUMBER: _ClassVar[int]
    MIN_MINOR_FIELD_NUMBER: _ClassVar[int]
    MAX_MINOR_FIELD_NUMBER: _ClassVar[int]
    rail: int
    currency: int
    fixed_minor: int
    bps: int
    min_minor: int
    max_minor: int
    def __init__(self, rail: _Optional[int] = ..., currency: _Optional[int] = ..., fixed_minor: _Optional[int] = ..., bps: _Optional[int] = ..., min_minor: _Optional[int] = ..., max_minor: _Optional[int] = ...) -> None: ...

class SetFees(_message.Message):
    __slots__ = ("request_id", "rules", "source", "principal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    rules: _containers.RepeatedCompositeFieldContainer[FeeRule]
    source: str
    principal: str
    def __init__(self, request_id: _Optional[bytes] = ..., rules: _Optional[_Iterable[_Union[FeeRule, _Mapping]]] = ..., source: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...
