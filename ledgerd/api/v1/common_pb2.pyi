from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WriteConcern(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WRITE_CONCERN_UNSPECIFIED: _ClassVar[WriteConcern]
    QUORUM: _ClassVar[WriteConcern]
    ALL_VOTERS: _ClassVar[WriteConcern]

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_CREATED: _ClassVar[Outcome]
    OUTCOME_REPLAYED: _ClassVar[Outcome]
    OUTCOME_CONFLICT: _ClassVar[Outcome]
    OUTCOME_REFUSED: _ClassVar[Outcome]

class RefusalCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_CODE_UNSPECIFIED: _ClassVar[RefusalCode]
    KEY_TOO_OLD: _ClassVar[RefusalCode]
    INVALID_COMMAND: _ClassVar[RefusalCode]
    CHAIN_OPEN: _ClassVar[RefusalCode]
    CHAIN_MEMBER_FAILED: _ClassVar[RefusalCode]
    ACCOUNT_NOT_FOUND: _ClassVar[RefusalCode]
    PAYOUT_NOT_FOUND: _ClassVar[RefusalCode]
    HOLD_NOT_FOUND: _ClassVar[RefusalCode]
    RAIL_NOT_FOUND: _ClassVar[RefusalCode]
    QUOTE_NOT_FOUND: _ClassVar[RefusalCode]
    RAIL_KEY_UNKNOWN: _ClassVar[RefusalCode]
    EXCEPTION_NOT_FOUND: _ClassVar[RefusalCode]
    ENTRY_NOT_FOUND: _ClassVar[RefusalCode]
    LIVEMODE_MISMATCH: _ClassVar[RefusalCode]
    CURRENCY_MISMATCH: _ClassVar[RefusalCode]
    CURRENCY_RETIRED: _ClassVar[RefusalCode]
    ENTRY_UNBALANCED: _ClassVar[RefusalCode]
    EXTERNAL_REF_USED: _ClassVar[RefusalCode]
    VERSION_MISMATCH: _ClassVar[RefusalCode]
    WRONG_STATE: _ClassVar[RefusalCode]
    EXCEPTION_OPEN: _ClassVar[RefusalCode]
    ACCOUNT_CLOSED: _ClassVar[RefusalCode]
    ACCOUNT_FROZEN: _ClassVar[RefusalCode]
    ACCOUNT_NOT_EMPTY: _ClassVar[RefusalCode]
    HOLD_EXPIRED: _ClassVar[RefusalCode]
    LEASE_HELD: _ClassVar[RefusalCode]
    SAME_PERSON: _ClassVar[RefusalCode]
    APPROVAL_MISSING: _ClassVar[RefusalCode]
    ADMIN_LOCKED_OUT: _ClassVar[RefusalCode]
    RAIL_SUSPENDED: _ClassVar[RefusalCode]
    RAIL_CURRENCY: _ClassVar[RefusalCode]
    RAIL_DESTINATION: _ClassVar[RefusalCode]
    RAIL_AMOUNT_MIN: _ClassVar[RefusalCode]
    RAIL_AMOUNT_MAX: _ClassVar[RefusalCode]
    CUTOFF_PASSED: _ClassVar[RefusalCode]
    RECALL_UNSUPPORTED: _ClassVar[RefusalCode]
    RECALL_WINDOW_CLOSED: _ClassVar[RefusalCode]
    QUOTE_EXPIRED: _ClassVar[RefusalCode]
    QUOTE_USED: _ClassVar[RefusalCode]
    FEE_CHANGED: _ClassVar[RefusalCode]
    DESTINATION_BLOCKED: _ClassVar[RefusalCode]
    RULE_REFUSED: _ClassVar[RefusalCode]
    LIMIT_PER_PAYOUT: _ClassVar[RefusalCode]
    LIMIT_WINDOW_AMOUNT: _ClassVar[RefusalCode]
    LIMIT_WINDOW_COUNT: _ClassVar[RefusalCode]
    INSUFFICIENT_FUNDS: _ClassVar[RefusalCode]
    INSUFFICIENT_PREFUNDING: _ClassVar[RefusalCode]
    HOLD_EXCEEDED: _ClassVar[RefusalCode]
    RETURN_EXCEEDS_PAYOUT: _ClassVar[RefusalCode]
    BOUND_EXCEEDED: _ClassVar[RefusalCode]
    OVERFLOW: _ClassVar[RefusalCode]
WRITE_CONCERN_UNSPECIFIED: WriteConcern
QUORUM: WriteConcern
ALL_VOTERS: WriteConcern
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_CREATED: Outcome
OUTCOME_REPLAYED: Outcome
OUTCOME_CONFLICT: Outcome
OUTCOME_REFUSED: Outcome
REFUSAL_CODE_UNSPECIFIED: RefusalCode
KEY_TOO_OLD: RefusalCode
INVALID_COMMAND: RefusalCode
CHAIN_OPEN: RefusalCode
CHAIN_MEMBER_FAILED: RefusalCode
ACCOUNT_NOT_FOUND: RefusalCode
PAYOUT_NOT_FOUND: RefusalCode
HOLD_NOT_FOUND: RefusalCode
RAIL_NOT_FOUND: RefusalCode
QUOTE_NOT_FOUND: RefusalCode
RAIL_KEY_UNKNOWN: RefusalCode
EXCEPTION_NOT_FOUND: RefusalCode
ENTRY_NOT_FOUND: RefusalCode
LIVEMODE_MISMATCH: RefusalCode
CURRENCY_MISMATCH: RefusalCode
CURRENCY_RETIRED: RefusalCode
ENTRY_UNBALANCED: RefusalCode
EXTERNAL_REF_USED: RefusalCode
VERSION_MISMATCH: RefusalCode
WRONG_STATE: RefusalCode
EXCEPTION_OPEN: RefusalCode
ACCOUNT_CLOSED: RefusalCode
ACCOUNT_FROZEN: RefusalCode
ACCOUNT_NOT_EMPTY: RefusalCode
HOLD_EXPIRED: RefusalCode
LEASE_HELD: RefusalCode
SAME_PERSON: RefusalCode
APPROVAL_MISSING: RefusalCode
ADMIN_LOCKED_OUT: RefusalCode
RAIL_SUSPENDED: RefusalCode
RAIL_CURRENCY: RefusalCode
RAIL_DESTINATION: RefusalCode
RAIL_AMOUNT_MIN: RefusalCode
RAIL_AMOUNT_MAX: RefusalCode
CUTOFF_PASSED: RefusalCode
RECALL_UNSUPPORTED: RefusalCode
RECALL_WINDOW_CLOSED: RefusalCode
QUOTE_EXPIRED: RefusalCode
QUOTE_USED: RefusalCode
FEE_CHANGED: RefusalCode
DESTINATION_BLOCKED: RefusalCode
RULE_REFUSED: RefusalCode
LIMIT_PER_PAYOUT: RefusalCode
LIMIT_WINDOW_AMOUNT: RefusalCode
LIMIT_WINDOW_COUNT: RefusalCode
INSUFFICIENT_FUNDS: RefusalCode
INSUFFICIENT_PREFUNDING: RefusalCode
HOLD_EXCEEDED: RefusalCode
RETURN_EXCEEDS_PAYOUT: RefusalCode
BOUND_EXCEEDED: RefusalCode
OVERFLOW: RefusalCode

class Money(_message.Message):
    __slots__ = ("units", "currency", "exponent")
    UNITS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    units: int
    currency: str
    exponent: int
    def __init__(self, units: _Optional[int] = ..., currency: _Optional[str] = ..., exponent: _Optional[int] = ...) -> None: ...

class MutationHeader(_message.Message):
    __slots__ = ("term", "index", "accepted_at_us", "node_id", "state_version", "concern")
    TERM_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    term: int
    index: int
    accepted_at_us: int
    node_id: int
    state_version: int
    concern: WriteConcern
    def __init__(self, term: _Optional[int] = ..., index: _Optional[int] = ..., accepted_at_us: _Optional[int] = ..., node_id: _Optional[int] = ..., state_version: _Optional[int] = ..., concern: _Optional[_Union[WriteConcern, str]] = ...) -> None: ...

class ReadHeader(_message.Message):
    __slots__ = ("read_index", "applied_index", "log_time_us", "node_id", "state_version", "age_ms")
    READ_INDEX_FIELD_NUMBER: _ClassVar[int]
    APPLIED_INDEX_FIELD_NUMBER: _ClassVar[int]
    LOG_TIME_US_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    read_index: int
    applied_index: int
    log_time_us: int
    node_id: int
    state_version: int
    age_ms: int
    def __init__(self, read_index: _Optional[int] = ..., applied_index: _Optional[int] = ..., log_time_us: _Optional[int] = ..., node_id: _Optional[int] = ..., state_version: _Optional[int] = ..., age_ms: _Optional[int] = ...) -> None: ...

class ReadConcern(_message.Message):
    __slots__ = ("linearizable", "at_least_index", "stale")
    LINEARIZABLE_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    linearizable: bool
    at_least_index: int
    stale: Stale
    def __init__(self, linearizable: _Optional[bool] = ..., at_least_index: _Optional[int] = ..., stale: _Optional[_Union[Stale, _Mapping]] = ...) -> None: ...

class Stale(_message.Message):
    __slots__ = ("max_age_ms",)
    MAX_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    max_age_ms: int
    def __init__(self, max_age_ms: _Optional[int] = ...) -> None: ...

class AsOf(_message.Message):
    __slots__ = ("index", "time_us")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    index: int
    time_us: int
    def __init__(self, index: _Optional[int] = ..., time_us: _Optional[int] = ...) -> None: ...

class CommandResult(_message.Message):
    __slots__ = ("outcome", "refusal", "ordinal", "replayed", "original_index", "original_ordinal", "original_at_us", "id_spent", "same_request", "differing_fields")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_INDEX_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_ORDINAL_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_AT_US_FIELD_NUMBER: _ClassVar[int]
    ID_SPENT_FIELD_NUMBER: _ClassVar[int]
    SAME_REQUEST_FIELD_NUMBER: _ClassVar[int]
    DIFFERING_FIELDS_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    refusal: RefusalCode
    ordinal: int
    replayed: bool
    original_index: int
    original_ordinal: int
    original_at_us: int
    id_spent: bool
    same_request: bool
    differing_fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, outcome: _Optional[_Union[Outcome, str]] = ..., refusal: _Optional[_Union[RefusalCode, str]] = ..., ordinal: _Optional[int] = ..., replayed: _Optional[bool] = ..., original_index: _Optional[int] = ..., original_ordinal: _Optional[int] = ..., original_at_us: _Optional[int] = ..., id_spent: _Optional[bool] = ..., same_request: _Optional[bool] = ..., differing_fields: _Optional[_Iterable[str]] = ...) -> None: ...
