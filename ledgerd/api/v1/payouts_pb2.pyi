from ledgerd.api.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PayoutState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAYOUT_STATE_UNSPECIFIED: _ClassVar[PayoutState]
    SCHEDULED: _ClassVar[PayoutState]
    IN_REVIEW: _ClassVar[PayoutState]
    READY: _ClassVar[PayoutState]
    DISPATCHING: _ClassVar[PayoutState]
    SENT: _ClassVar[PayoutState]
    SETTLED: _ClassVar[PayoutState]
    CANCELLED: _ClassVar[PayoutState]
    FAILED: _ClassVar[PayoutState]
    RETURNED: _ClassVar[PayoutState]
    REVERSED: _ClassVar[PayoutState]

class Timing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIMING_UNSPECIFIED: _ClassVar[Timing]
    NEXT_WINDOW: _ClassVar[Timing]
    THIS_WINDOW_ONLY: _ClassVar[Timing]

class FailureReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_REASON_UNSPECIFIED: _ClassVar[FailureReason]
    REVIEW_REJECTED: _ClassVar[FailureReason]
    NO_FUNDS_AT_BANK: _ClassVar[FailureReason]
    PAYEE_ACCOUNT_CLOSED: _ClassVar[FailureReason]
    PAYEE_ACCOUNT_UNKNOWN: _ClassVar[FailureReason]
    PAYEE_ACCOUNT_BLOCKED: _ClassVar[FailureReason]
    NAME_MISMATCH: _ClassVar[FailureReason]
    REFUSED_BY_PAYEE: _ClassVar[FailureReason]
    REFUSED_BY_BANK: _ClassVar[FailureReason]
    DUPLICATE: _ClassVar[FailureReason]
    INVALID_DATA: _ClassVar[FailureReason]
    RECALLED: _ClassVar[FailureReason]
    REGULATORY: _ClassVar[FailureReason]
    OTHER: _ClassVar[FailureReason]
PAYOUT_STATE_UNSPECIFIED: PayoutState
SCHEDULED: PayoutState
IN_REVIEW: PayoutState
READY: PayoutState
DISPATCHING: PayoutState
SENT: PayoutState
SETTLED: PayoutState
CANCELLED: PayoutState
FAILED: PayoutState
RETURNED: PayoutState
REVERSED: PayoutState
TIMING_UNSPECIFIED: Timing
NEXT_WINDOW: Timing
THIS_WINDOW_ONLY: Timing
FAILURE_REASON_UNSPECIFIED: FailureReason
REVIEW_REJECTED: FailureReason
NO_FUNDS_AT_BANK: FailureReason
PAYEE_ACCOUNT_CLOSED: FailureReason
PAYEE_ACCOUNT_UNKNOWN: FailureReason
PAYEE_ACCOUNT_BLOCKED: FailureReason
NAME_MISMATCH: FailureReason
REFUSED_BY_PAYEE: FailureReason
REFUSED_BY_BANK: FailureReason
DUPLICATE: FailureReason
INVALID_DATA: FailureReason
RECALLED: FailureReason
REGULATORY: FailureReason
OTHER: FailureReason

class Destination(_message.Message):
    __slots__ = ("kind", "country", "bank_code", "account_number", "name", "account_type")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Destination.Kind]
        IBAN: _ClassVar[Destination.Kind]
        US_ACCOUNT: _ClassVar[Destination.Kind]
        UK_ACCOUNT: _ClassVar[Destination.Kind]
        BIC_ACCOUNT: _ClassVar[Destination.Kind]
    KIND_UNSPECIFIED: Destination.Kind
    IBAN: Destination.Kind
    US_ACCOUNT: Destination.Kind
    UK_ACCOUNT: Destination.Kind
    BIC_ACCOUNT: Destination.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    BANK_CODE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_TYPE_FIELD_NUMBER: _ClassVar[int]
    kind: Destination.Kind
    country: str
    bank_code: str
    account_number: str
    name: str
    account_type: str
    def __init__(self, kind: _Optional[_Union[Destination.Kind, str]] = ..., country: _Optional[str] = ..., bank_code: _Optional[str] = ..., account_number: _Optional[str] = ..., name: _Optional[str] = ..., account_type: _Optional[str] = ...) -> None: ...

class PayoutOrder(_message.Message):
    __slots__ = ("payout_id", "account_id", "amount", "rail", "destination", "reference", "metadata", "release_at_us", "fee_expected_units", "quoted_at_us", "is_linked", "timing")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    RELEASE_AT_US_FIELD_NUMBER: _ClassVar[int]
    FEE_EXPECTED_UNITS_FIELD_NUMBER: _ClassVar[int]
    QUOTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    IS_LINKED_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    payout_id: str
    account_id: str
    amount: _common_pb2.Money
    rail: str
    destination: Destination
    reference: str
    metadata: _containers.ScalarMap[str, str]
    release_at_us: int
    fee_expected_units: int
    quoted_at_us: int
    is_linked: bool
    timing: Timing
    def __init__(self, payout_id: _Optional[str] = ..., account_id: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., rail: _Optional[str] = ..., destination: _Optional[_Union[Destination, _Mapping]] = ..., reference: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., release_at_us: _Optional[int] = ..., fee_expected_units: _Optional[int] = ..., quoted_at_us: _Optional[int] = ..., is_linked: _Optional[bool] = ..., timing: _Optional[_Union[Timing, str]] = ...) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("order", "concern")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    order: PayoutOrder
    concern: _common_pb2.WriteConcern
    def __init__(self, order: _Optional[_Union[PayoutOrder, _Mapping]] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class SubmitReply(_message.Message):
    __slots__ = ("header", "result", "payout")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: SubmitResult
    payout: Payout
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[SubmitResult, _Mapping]] = ..., payout: _Optional[_Union[Payout, _Mapping]] = ...) -> None: ...

class SubmitResult(_message.Message):
    __slots__ = ("result", "state", "fee_units")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FEE_UNITS_FIELD_NUMBER: _ClassVar[int]
    result: _common_pb2.CommandResult
    state: PayoutState
    fee_units: int
    def __init__(self, result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ..., state: _Optional[_Union[PayoutState, str]] = ..., fee_units: _Optional[int] = ...) -> None: ...

class SubmitBatchRequest(_message.Message):
    __slots__ = ("orders", "sequence", "deadline_ms", "concern")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[PayoutOrder]
    sequence: int
    deadline_ms: int
    concern: _common_pb2.WriteConcern
    def __init__(self, orders: _Optional[_Iterable[_Union[PayoutOrder, _Mapping]]] = ..., sequence: _Optional[int] = ..., deadline_ms: _Optional[int] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class SubmitBatchReply(_message.Message):
    __slots__ = ("header", "results")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    results: _containers.RepeatedCompositeFieldContainer[SubmitResult]
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., results: _Optional[_Iterable[_Union[SubmitResult, _Mapping]]] = ...) -> None: ...

class SubmitStreamReply(_message.Message):
    __slots__ = ("sequence", "accepted", "error")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    accepted: SubmitBatchReply
    error: StreamError
    def __init__(self, sequence: _Optional[int] = ..., accepted: _Optional[_Union[SubmitBatchReply, _Mapping]] = ..., error: _Optional[_Union[StreamError, _Mapping]] = ...) -> None: ...

class StreamError(_message.Message):
    __slots__ = ("reason", "message", "outcome", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    outcome: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ..., outcome: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Payout(_message.Message):
    __slots__ = ("order", "state", "fee_units", "index", "ordinal", "created_at_us", "updated_index", "updated_at_us", "submitted_by", "destination_fingerprint", "rail", "open_exceptions", "returned_units", "reversed_units", "absorbed_units", "fee_refunded_units", "rail_key", "rail_reference", "attempt", "worker", "lease_until_us", "recall_requested", "return_closed", "failure", "failure_code", "value_date", "final_at_us", "release_at_us", "arrival_date", "version", "attention")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FEE_UNITS_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_US_FIELD_NUMBER: _ClassVar[int]
    UPDATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_US_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_BY_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    OPEN_EXCEPTIONS_FIELD_NUMBER: _ClassVar[int]
    RETURNED_UNITS_FIELD_NUMBER: _ClassVar[int]
    REVERSED_UNITS_FIELD_NUMBER: _ClassVar[int]
    ABSORBED_UNITS_FIELD_NUMBER: _ClassVar[int]
    FEE_REFUNDED_UNITS_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    RAIL_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    LEASE_UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    RECALL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    RETURN_CLOSED_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_CODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_DATE_FIELD_NUMBER: _ClassVar[int]
    FINAL_AT_US_FIELD_NUMBER: _ClassVar[int]
    RELEASE_AT_US_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_DATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ATTENTION_FIELD_NUMBER: _ClassVar[int]
    order: PayoutOrder
    state: PayoutState
    fee_units: int
    index: int
    ordinal: int
    created_at_us: int
    updated_index: int
    updated_at_us: int
    submitted_by: str
    destination_fingerprint: str
    rail: str
    open_exceptions: int
    returned_units: int
    reversed_units: int
    absorbed_units: int
    fee_refunded_units: int
    rail_key: str
    rail_reference: str
    attempt: int
    worker: str
    lease_until_us: int
    recall_requested: bool
    return_closed: bool
    failure: FailureReason
    failure_code: str
    value_date: int
    final_at_us: int
    release_at_us: int
    arrival_date: int
    version: int
    attention: bool
    def __init__(self, order: _Optional[_Union[PayoutOrder, _Mapping]] = ..., state: _Optional[_Union[PayoutState, str]] = ..., fee_units: _Optional[int] = ..., index: _Optional[int] = ..., ordinal: _Optional[int] = ..., created_at_us: _Optional[int] = ..., updated_index: _Optional[int] = ..., updated_at_us: _Optional[int] = ..., submitted_by: _Optional[str] = ..., destination_fingerprint: _Optional[str] = ..., rail: _Optional[str] = ..., open_exceptions: _Optional[int] = ..., returned_units: _Optional[int] = ..., reversed_units: _Optional[int] = ..., absorbed_units: _Optional[int] = ..., fee_refunded_units: _Optional[int] = ..., rail_key: _Optional[str] = ..., rail_reference: _Optional[str] = ..., attempt: _Optional[int] = ..., worker: _Optional[str] = ..., lease_until_us: _Optional[int] = ..., recall_requested: _Optional[bool] = ..., return_closed: _Optional[bool] = ..., failure: _Optional[_Union[FailureReason, str]] = ..., failure_code: _Optional[str] = ..., value_date: _Optional[int] = ..., final_at_us: _Optional[int] = ..., release_at_us: _Optional[int] = ..., arrival_date: _Optional[int] = ..., version: _Optional[int] = ..., attention: _Optional[bool] = ...) -> None: ...

class GetPayoutRequest(_message.Message):
    __slots__ = ("payout_id", "concern")
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    payout_id: str
    concern: _common_pb2.ReadConcern
    def __init__(self, payout_id: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetPayoutReply(_message.Message):
    __slots__ = ("header", "payout", "refused")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    payout: Payout
    refused: RefusedPayout
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., payout: _Optional[_Union[Payout, _Mapping]] = ..., refused: _Optional[_Union[RefusedPayout, _Mapping]] = ...) -> None: ...

class RefusedPayout(_message.Message):
    __slots__ = ("payout_id", "refusal", "index", "ordinal", "refused_at_us")
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    REFUSED_AT_US_FIELD_NUMBER: _ClassVar[int]
    payout_id: str
    refusal: _common_pb2.RefusalCode
    index: int
    ordinal: int
    refused_at_us: int
    def __init__(self, payout_id: _Optional[str] = ..., refusal: _Optional[_Union[_common_pb2.RefusalCode, str]] = ..., index: _Optional[int] = ..., ordinal: _Optional[int] = ..., refused_at_us: _Optional[int] = ...) -> None: ...

class ListPayoutsRequest(_message.Message):
    __slots__ = ("account_id", "state", "rail", "currency", "created_from_us", "created_to_us", "page_size", "cursor", "concern", "destination_fingerprint", "metadata_key", "metadata_value", "attention")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FROM_US_FIELD_NUMBER: _ClassVar[int]
    CREATED_TO_US_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    METADATA_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_VALUE_FIELD_NUMBER: _ClassVar[int]
    ATTENTION_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    state: PayoutState
    rail: str
    currency: str
    created_from_us: int
    created_to_us: int
    page_size: int
    cursor: str
    concern: _common_pb2.ReadConcern
    destination_fingerprint: str
    metadata_key: str
    metadata_value: str
    attention: bool
    def __init__(self, account_id: _Optional[str] = ..., state: _Optional[_Union[PayoutState, str]] = ..., rail: _Optional[str] = ..., currency: _Optional[str] = ..., created_from_us: _Optional[int] = ..., created_to_us: _Optional[int] = ..., page_size: _Optional[int] = ..., cursor: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., destination_fingerprint: _Optional[str] = ..., metadata_key: _Optional[str] = ..., metadata_value: _Optional[str] = ..., attention: _Optional[bool] = ...) -> None: ...

class ListPayoutsReply(_message.Message):
    __slots__ = ("header", "payouts", "next_cursor", "scanned")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAYOUTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    SCANNED_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    payouts: _containers.RepeatedCompositeFieldContainer[Payout]
    next_cursor: str
    scanned: int
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., payouts: _Optional[_Iterable[_Union[Payout, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., scanned: _Optional[int] = ...) -> None: ...

class CancelPayoutRequest(_message.Message):
    __slots__ = ("request_id", "payout_id", "reason", "concern", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payout_id: str
    reason: str
    concern: _common_pb2.WriteConcern
    expected_version: int
    def __init__(self, request_id: _Optional[str] = ..., payout_id: _Optional[str] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., expected_version: _Optional[int] = ...) -> None: ...

class CancelPayoutReply(_message.Message):
    __slots__ = ("header", "result", "state")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    state: PayoutState
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ..., state: _Optional[_Union[PayoutState, str]] = ...) -> None: ...

class ApprovePayoutRequest(_message.Message):
    __slots__ = ("request_id", "payout_id", "concern", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payout_id: str
    concern: _common_pb2.WriteConcern
    expected_version: int
    def __init__(self, request_id: _Optional[str] = ..., payout_id: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., expected_version: _Optional[int] = ...) -> None: ...

class RejectPayoutRequest(_message.Message):
    __slots__ = ("request_id", "payout_id", "reason", "concern", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payout_id: str
    reason: str
    concern: _common_pb2.WriteConcern
    expected_version: int
    def __init__(self, request_id: _Optional[str] = ..., payout_id: _Optional[str] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., expected_version: _Optional[int] = ...) -> None: ...

class ReroutePayoutRequest(_message.Message):
    __slots__ = ("request_id", "payout_id", "rail", "concern", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payout_id: str
    rail: str
    concern: _common_pb2.WriteConcern
    expected_version: int
    def __init__(self, request_id: _Optional[str] = ..., payout_id: _Optional[str] = ..., rail: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., expected_version: _Optional[int] = ...) -> None: ...

class RequestRecallRequest(_message.Message):
    __slots__ = ("request_id", "payout_id", "reason", "concern", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payout_id: str
    reason: str
    concern: _common_pb2.WriteConcern
    expected_version: int
    def __init__(self, request_id: _Optional[str] = ..., payout_id: _Optional[str] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., expected_version: _Optional[int] = ...) -> None: ...

class TellEvidenceRequest(_message.Message):
    __slots__ = ("request_id", "payout_id", "finding", "rail", "reference", "value_date", "code", "note", "concern", "expected_version")
    class Finding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        FINDING_UNSPECIFIED: _ClassVar[TellEvidenceRequest.Finding]
        TAKEN: _ClassVar[TellEvidenceRequest.Finding]
        SETTLED: _ClassVar[TellEvidenceRequest.Finding]
        REJECTED: _ClassVar[TellEvidenceRequest.Finding]
        REFUSED: _ClassVar[TellEvidenceRequest.Finding]
        NOT_FOUND: _ClassVar[TellEvidenceRequest.Finding]
    FINDING_UNSPECIFIED: TellEvidenceRequest.Finding
    TAKEN: TellEvidenceRequest.Finding
    SETTLED: TellEvidenceRequest.Finding
    REJECTED: TellEvidenceRequest.Finding
    REFUSED: TellEvidenceRequest.Finding
    NOT_FOUND: TellEvidenceRequest.Finding
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    VALUE_DATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payout_id: str
    finding: TellEvidenceRequest.Finding
    rail: str
    reference: str
    value_date: int
    code: str
    note: str
    concern: _common_pb2.WriteConcern
    expected_version: int
    def __init__(self, request_id: _Optional[str] = ..., payout_id: _Optional[str] = ..., finding: _Optional[_Union[TellEvidenceRequest.Finding, str]] = ..., rail: _Optional[str] = ..., reference: _Optional[str] = ..., value_date: _Optional[int] = ..., code: _Optional[str] = ..., note: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., expected_version: _Optional[int] = ...) -> None: ...

class PayoutChangeReply(_message.Message):
    __slots__ = ("header", "result", "state")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    state: PayoutState
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ..., state: _Optional[_Union[PayoutState, str]] = ...) -> None: ...

class ValidateRequest(_message.Message):
    __slots__ = ("orders", "concern")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[PayoutOrder]
    concern: _common_pb2.ReadConcern
    def __init__(self, orders: _Optional[_Iterable[_Union[PayoutOrder, _Mapping]]] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class ValidateReply(_message.Message):
    __slots__ = ("header", "judged_at_us", "verdicts")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    JUDGED_AT_US_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    judged_at_us: int
    verdicts: _containers.RepeatedCompositeFieldContainer[Verdict]
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., judged_at_us: _Optional[int] = ..., verdicts: _Optional[_Iterable[_Union[Verdict, _Mapping]]] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("result", "checks")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    result: SubmitResult
    checks: _containers.RepeatedCompositeFieldContainer[Check]
    def __init__(self, result: _Optional[_Union[SubmitResult, _Mapping]] = ..., checks: _Optional[_Iterable[_Union[Check, _Mapping]]] = ...) -> None: ...

class Check(_message.Message):
    __slots__ = ("name", "refusal", "review", "value", "bound")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    name: str
    refusal: _common_pb2.RefusalCode
    review: bool
    value: int
    bound: int
    def __init__(self, name: _Optional[str] = ..., refusal: _Optional[_Union[_common_pb2.RefusalCode, str]] = ..., review: _Optional[bool] = ..., value: _Optional[int] = ..., bound: _Optional[int] = ...) -> None: ...

class QuoteRequest(_message.Message):
    __slots__ = ("account_id", "amount", "rail", "destination", "needed_by_us", "concern")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    NEEDED_BY_US_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    amount: _common_pb2.Money
    rail: str
    destination: Destination
    needed_by_us: int
    concern: _common_pb2.ReadConcern
    def __init__(self, account_id: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., rail: _Optional[str] = ..., destination: _Optional[_Union[Destination, _Mapping]] = ..., needed_by_us: _Optional[int] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class QuoteReply(_message.Message):
    __slots__ = ("header", "quoted_at_us", "valid_until_us", "route")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    QUOTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    quoted_at_us: int
    valid_until_us: int
    route: Route
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., quoted_at_us: _Optional[int] = ..., valid_until_us: _Optional[int] = ..., route: _Optional[_Union[Route, _Mapping]] = ...) -> None: ...

class QuoteRoutesRequest(_message.Message):
    __slots__ = ("account_id", "amount", "destination", "needed_by_us", "concern")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    NEEDED_BY_US_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    amount: _common_pb2.Money
    destination: Destination
    needed_by_us: int
    concern: _common_pb2.ReadConcern
    def __init__(self, account_id: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., destination: _Optional[_Union[Destination, _Mapping]] = ..., needed_by_us: _Optional[int] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class QuoteRoutesReply(_message.Message):
    __slots__ = ("header", "quoted_at_us", "valid_until_us", "routes")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    QUOTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    quoted_at_us: int
    valid_until_us: int
    routes: _containers.RepeatedCompositeFieldContainer[Route]
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., quoted_at_us: _Optional[int] = ..., valid_until_us: _Optional[int] = ..., routes: _Optional[_Iterable[_Union[Route, _Mapping]]] = ...) -> None: ...

class Route(_message.Message):
    __slots__ = ("rail", "refusal", "review", "fee_units", "suspended", "opens_at_us", "cut_off_us", "cut_off_of", "value_date", "arrives_at_us", "in_time", "amount_units_min", "amount_units_max", "times_unknown", "checks")
    RAIL_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    FEE_UNITS_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_US_FIELD_NUMBER: _ClassVar[int]
    CUT_OFF_US_FIELD_NUMBER: _ClassVar[int]
    CUT_OFF_OF_FIELD_NUMBER: _ClassVar[int]
    VALUE_DATE_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_AT_US_FIELD_NUMBER: _ClassVar[int]
    IN_TIME_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_UNITS_MIN_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_UNITS_MAX_FIELD_NUMBER: _ClassVar[int]
    TIMES_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    rail: str
    refusal: _common_pb2.RefusalCode
    review: bool
    fee_units: int
    suspended: bool
    opens_at_us: int
    cut_off_us: int
    cut_off_of: str
    value_date: int
    arrives_at_us: int
    in_time: bool
    amount_units_min: int
    amount_units_max: int
    times_unknown: str
    checks: _containers.RepeatedCompositeFieldContainer[Check]
    def __init__(self, rail: _Optional[str] = ..., refusal: _Optional[_Union[_common_pb2.RefusalCode, str]] = ..., review: _Optional[bool] = ..., fee_units: _Optional[int] = ..., suspended: _Optional[bool] = ..., opens_at_us: _Optional[int] = ..., cut_off_us: _Optional[int] = ..., cut_off_of: _Optional[str] = ..., value_date: _Optional[int] = ..., arrives_at_us: _Optional[int] = ..., in_time: _Optional[bool] = ..., amount_units_min: _Optional[int] = ..., amount_units_max: _Optional[int] = ..., times_unknown: _Optional[str] = ..., checks: _Optional[_Iterable[_Union[Check, _Mapping]]] = ...) -> None: ...
