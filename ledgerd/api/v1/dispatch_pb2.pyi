from ledgerd.api.v1 import common_pb2 as _common_pb2
from ledgerd.api.v1 import payouts_pb2 as _payouts_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NotAcceptedBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOT_ACCEPTED_BASIS_UNSPECIFIED: _ClassVar[NotAcceptedBasis]
    REFUSED: _ClassVar[NotAcceptedBasis]
    NOT_FOUND: _ClassVar[NotAcceptedBasis]
NOT_ACCEPTED_BASIS_UNSPECIFIED: NotAcceptedBasis
REFUSED: NotAcceptedBasis
NOT_FOUND: NotAcceptedBasis

class ClaimDispatchRequest(_message.Message):
    __slots__ = ("request_id", "rails", "max_payouts", "lease_ms", "payout_ids", "with_attention")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAILS_FIELD_NUMBER: _ClassVar[int]
    MAX_PAYOUTS_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_IDS_FIELD_NUMBER: _ClassVar[int]
    WITH_ATTENTION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rails: _containers.RepeatedScalarFieldContainer[str]
    max_payouts: int
    lease_ms: int
    payout_ids: _containers.RepeatedScalarFieldContainer[str]
    with_attention: bool
    def __init__(self, request_id: _Optional[str] = ..., rails: _Optional[_Iterable[str]] = ..., max_payouts: _Optional[int] = ..., lease_ms: _Optional[int] = ..., payout_ids: _Optional[_Iterable[str]] = ..., with_attention: _Optional[bool] = ...) -> None: ...

class ClaimDispatchReply(_message.Message):
    __slots__ = ("claims", "header")
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    claims: _containers.RepeatedCompositeFieldContainer[Claim]
    header: _common_pb2.ReadHeader
    def __init__(self, claims: _Optional[_Iterable[_Union[Claim, _Mapping]]] = ..., header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ...) -> None: ...

class Claim(_message.Message):
    __slots__ = ("payout", "rail_key", "fencing_token", "attempt", "claimed_at_us", "lease_until_us", "ask_first", "value_date")
    PAYOUT_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_AT_US_FIELD_NUMBER: _ClassVar[int]
    LEASE_UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    ASK_FIRST_FIELD_NUMBER: _ClassVar[int]
    VALUE_DATE_FIELD_NUMBER: _ClassVar[int]
    payout: _payouts_pb2.Payout
    rail_key: str
    fencing_token: int
    attempt: int
    claimed_at_us: int
    lease_until_us: int
    ask_first: bool
    value_date: int
    def __init__(self, payout: _Optional[_Union[_payouts_pb2.Payout, _Mapping]] = ..., rail_key: _Optional[str] = ..., fencing_token: _Optional[int] = ..., attempt: _Optional[int] = ..., claimed_at_us: _Optional[int] = ..., lease_until_us: _Optional[int] = ..., ask_first: _Optional[bool] = ..., value_date: _Optional[int] = ...) -> None: ...

class RenewClaimRequest(_message.Message):
    __slots__ = ("request_id", "payout_id", "attempt", "lease_ms")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payout_id: str
    attempt: int
    lease_ms: int
    def __init__(self, request_id: _Optional[str] = ..., payout_id: _Optional[str] = ..., attempt: _Optional[int] = ..., lease_ms: _Optional[int] = ...) -> None: ...

class RenewClaimReply(_message.Message):
    __slots__ = ("header", "result", "claim")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    claim: Claim
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ..., claim: _Optional[_Union[Claim, _Mapping]] = ...) -> None: ...

class RaiseAttentionRequest(_message.Message):
    __slots__ = ("request_id", "payout_id", "attempt", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payout_id: str
    attempt: int
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., payout_id: _Optional[str] = ..., attempt: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class RailAckRequest(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rail: str
    rail_key: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., rail: _Optional[str] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class RailNotAcceptedRequest(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "basis", "fencing_token")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rail: str
    rail_key: str
    reference: str
    basis: NotAcceptedBasis
    fencing_token: int
    def __init__(self, request_id: _Optional[str] = ..., rail: _Optional[str] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., basis: _Optional[_Union[NotAcceptedBasis, str]] = ..., fencing_token: _Optional[int] = ...) -> None: ...

class RailRejectRequest(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "code")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rail: str
    rail_key: str
    reference: str
    code: str
    def __init__(self, request_id: _Optional[str] = ..., rail: _Optional[str] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class SettleRequest(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "value_date", "cost_units")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    VALUE_DATE_FIELD_NUMBER: _ClassVar[int]
    COST_UNITS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rail: str
    rail_key: str
    reference: str
    value_date: int
    cost_units: int
    def __init__(self, request_id: _Optional[str] = ..., rail: _Optional[str] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., value_date: _Optional[int] = ..., cost_units: _Optional[int] = ...) -> None: ...

class ReturnRequest(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "amount_units", "code", "closing")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_UNITS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rail: str
    rail_key: str
    reference: str
    amount_units: int
    code: str
    closing: bool
    def __init__(self, request_id: _Optional[str] = ..., rail: _Optional[str] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., amount_units: _Optional[int] = ..., code: _Optional[str] = ..., closing: _Optional[bool] = ...) -> None: ...

class ReversalCompleteRequest(_message.Message):
    __slots__ = ("request_id", "rail", "rail_key", "reference", "amount_units")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_UNITS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rail: str
    rail_key: str
    reference: str
    amount_units: int
    def __init__(self, request_id: _Optional[str] = ..., rail: _Optional[str] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., amount_units: _Optional[int] = ...) -> None: ...

class EvidenceReply(_message.Message):
    __slots__ = ("header", "result", "state")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    state: _payouts_pb2.PayoutState
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ..., state: _Optional[_Union[_payouts_pb2.PayoutState, str]] = ...) -> None: ...
