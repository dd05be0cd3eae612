from ledgerd.api.v1 import common_pb2 as _common_pb2
from ledgerd.api.v1 import payouts_pb2 as _payouts_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExceptionResolution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXCEPTION_RESOLUTION_UNSPECIFIED: _ClassVar[ExceptionResolution]
    ACCEPT: _ClassVar[ExceptionResolution]
    ADJUST: _ClassVar[ExceptionResolution]
    DISMISS: _ClassVar[ExceptionResolution]
EXCEPTION_RESOLUTION_UNSPECIFIED: ExceptionResolution
ACCEPT: ExceptionResolution
ADJUST: ExceptionResolution
DISMISS: ExceptionResolution

class TreeHead(_message.Message):
    __slots__ = ("cluster_id", "node_id", "first_index", "size", "log_time_us", "signed_at_us", "root", "signature", "certificate", "ca")
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LOG_TIME_US_FIELD_NUMBER: _ClassVar[int]
    SIGNED_AT_US_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    CA_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    node_id: int
    first_index: int
    size: int
    log_time_us: int
    signed_at_us: int
    root: bytes
    signature: bytes
    certificate: bytes
    ca: bytes
    def __init__(self, cluster_id: _Optional[str] = ..., node_id: _Optional[int] = ..., first_index: _Optional[int] = ..., size: _Optional[int] = ..., log_time_us: _Optional[int] = ..., signed_at_us: _Optional[int] = ..., root: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., certificate: _Optional[bytes] = ..., ca: _Optional[bytes] = ...) -> None: ...

class TreeHeadRequest(_message.Message):
    __slots__ = ("concern", "index")
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    index: int
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., index: _Optional[int] = ...) -> None: ...

class TreeHeadReply(_message.Message):
    __slots__ = ("header", "head")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    head: TreeHead
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., head: _Optional[_Union[TreeHead, _Mapping]] = ...) -> None: ...

class InclusionProofRequest(_message.Message):
    __slots__ = ("concern", "payout_id", "head_index")
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    HEAD_INDEX_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    payout_id: str
    head_index: int
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., payout_id: _Optional[str] = ..., head_index: _Optional[int] = ...) -> None: ...

class InclusionProofReply(_message.Message):
    __slots__ = ("header", "head", "leaf", "payouts", "ordinal", "path")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    PAYOUTS_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    head: TreeHead
    leaf: TreeLeaf
    payouts: _containers.RepeatedCompositeFieldContainer[PayoutRow]
    ordinal: int
    path: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., head: _Optional[_Union[TreeHead, _Mapping]] = ..., leaf: _Optional[_Union[TreeLeaf, _Mapping]] = ..., payouts: _Optional[_Iterable[_Union[PayoutRow, _Mapping]]] = ..., ordinal: _Optional[int] = ..., path: _Optional[_Iterable[bytes]] = ...) -> None: ...

class TreeLeaf(_message.Message):
    __slots__ = ("index", "ts_us", "state_version", "command", "before", "outcomes", "journal", "events")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TS_US_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    index: int
    ts_us: int
    state_version: int
    command: bytes
    before: bytes
    outcomes: bytes
    journal: bytes
    events: bytes
    def __init__(self, index: _Optional[int] = ..., ts_us: _Optional[int] = ..., state_version: _Optional[int] = ..., command: _Optional[bytes] = ..., before: _Optional[bytes] = ..., outcomes: _Optional[bytes] = ..., journal: _Optional[bytes] = ..., events: _Optional[bytes] = ...) -> None: ...

class PayoutRow(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: bytes
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class ConsistencyProofRequest(_message.Message):
    __slots__ = ("concern", "first_index", "second_index")
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    SECOND_INDEX_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    first_index: int
    second_index: int
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., first_index: _Optional[int] = ..., second_index: _Optional[int] = ...) -> None: ...

class ConsistencyProofReply(_message.Message):
    __slots__ = ("header", "first", "second", "path")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    first: TreeHead
    second: TreeHead
    path: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., first: _Optional[_Union[TreeHead, _Mapping]] = ..., second: _Optional[_Union[TreeHead, _Mapping]] = ..., path: _Optional[_Iterable[bytes]] = ...) -> None: ...

class IndexDigestRequest(_message.Message):
    __slots__ = ("concern", "index")
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    index: int
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., index: _Optional[int] = ...) -> None: ...

class IndexDigestReply(_message.Message):
    __slots__ = ("header", "index", "digest")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    index: int
    digest: str
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., index: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class ExportLogRequest(_message.Message):
    __slots__ = ("concern", "from_index", "to_index")
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    FROM_INDEX_FIELD_NUMBER: _ClassVar[int]
    TO_INDEX_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    from_index: int
    to_index: int
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., from_index: _Optional[int] = ..., to_index: _Optional[int] = ...) -> None: ...

class ExportLogReply(_message.Message):
    __slots__ = ("header", "start", "to_index", "entries", "more")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    TO_INDEX_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    start: LogStart
    to_index: int
    entries: _containers.RepeatedCompositeFieldContainer[LogEntry]
    more: bool
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., start: _Optional[_Union[LogStart, _Mapping]] = ..., to_index: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[LogEntry, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class LogStart(_message.Message):
    __slots__ = ("first_kept_index", "link", "tree_first_index", "tree_roots")
    FIRST_KEPT_INDEX_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    TREE_FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    TREE_ROOTS_FIELD_NUMBER: _ClassVar[int]
    first_kept_index: int
    link: bytes
    tree_first_index: int
    tree_roots: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, first_kept_index: _Optional[int] = ..., link: _Optional[bytes] = ..., tree_first_index: _Optional[int] = ..., tree_roots: _Optional[_Iterable[bytes]] = ...) -> None: ...

class LogEntry(_message.Message):
    __slots__ = ("index", "term", "ts_us", "kind", "payload", "link", "state_version", "result")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    TS_US_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    index: int
    term: int
    ts_us: int
    kind: int
    payload: bytes
    link: bytes
    state_version: int
    result: bytes
    def __init__(self, index: _Optional[int] = ..., term: _Optional[int] = ..., ts_us: _Optional[int] = ..., kind: _Optional[int] = ..., payload: _Optional[bytes] = ..., link: _Optional[bytes] = ..., state_version: _Optional[int] = ..., result: _Optional[bytes] = ...) -> None: ...

class PayoutException(_message.Message):
    __slots__ = ("index", "ordinal", "opened_at_us", "cause", "payout_id", "told", "rail", "rail_key", "reference", "amount_units", "code", "reported_by", "proposed", "proposed_by", "reason", "resolved_by", "changed_at_us")
    class Cause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CAUSE_UNSPECIFIED: _ClassVar[PayoutException.Cause]
        WRONG_STATE: _ClassVar[PayoutException.Cause]
        UNKNOWN_RAIL_KEY: _ClassVar[PayoutException.Cause]
        EARLIER_RAIL_KEY: _ClassVar[PayoutException.Cause]
        SECOND_SETTLEMENT: _ClassVar[PayoutException.Cause]
        TOO_MUCH_RETURNED: _ClassVar[PayoutException.Cause]
        EVIDENCE_REUSED: _ClassVar[PayoutException.Cause]
        OTHER_RAIL: _ClassVar[PayoutException.Cause]
    CAUSE_UNSPECIFIED: PayoutException.Cause
    WRONG_STATE: PayoutException.Cause
    UNKNOWN_RAIL_KEY: PayoutException.Cause
    EARLIER_RAIL_KEY: PayoutException.Cause
    SECOND_SETTLEMENT: PayoutException.Cause
    TOO_MUCH_RETURNED: PayoutException.Cause
    EVIDENCE_REUSED: PayoutException.Cause
    OTHER_RAIL: PayoutException.Cause
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_US_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_UNITS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REPORTED_BY_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_BY_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_US_FIELD_NUMBER: _ClassVar[int]
    index: int
    ordinal: int
    opened_at_us: int
    cause: PayoutException.Cause
    payout_id: str
    told: str
    rail: str
    rail_key: str
    reference: str
    amount_units: int
    code: str
    reported_by: str
    proposed: ExceptionResolution
    proposed_by: str
    reason: str
    resolved_by: str
    changed_at_us: int
    def __init__(self, index: _Optional[int] = ..., ordinal: _Optional[int] = ..., opened_at_us: _Optional[int] = ..., cause: _Optional[_Union[PayoutException.Cause, str]] = ..., payout_id: _Optional[str] = ..., told: _Optional[str] = ..., rail: _Optional[str] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., amount_units: _Optional[int] = ..., code: _Optional[str] = ..., reported_by: _Optional[str] = ..., proposed: _Optional[_Union[ExceptionResolution, str]] = ..., proposed_by: _Optional[str] = ..., reason: _Optional[str] = ..., resolved_by: _Optional[str] = ..., changed_at_us: _Optional[int] = ...) -> None: ...

class ListExceptionsRequest(_message.Message):
    __slots__ = ("concern", "with_resolved", "page_size", "after_index", "after_ordinal")
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    WITH_RESOLVED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    AFTER_INDEX_FIELD_NUMBER: _ClassVar[int]
    AFTER_ORDINAL_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    with_resolved: bool
    page_size: int
    after_index: int
    after_ordinal: int
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., with_resolved: _Optional[bool] = ..., page_size: _Optional[int] = ..., after_index: _Optional[int] = ..., after_ordinal: _Optional[int] = ...) -> None: ...

class ListExceptionsReply(_message.Message):
    __slots__ = ("header", "exceptions", "has_more")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    EXCEPTIONS_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    exceptions: _containers.RepeatedCompositeFieldContainer[PayoutException]
    has_more: bool
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., exceptions: _Optional[_Iterable[_Union[PayoutException, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...

class ResolveExceptionRequest(_message.Message):
    __slots__ = ("request_id", "index", "ordinal", "resolution", "reason", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    index: int
    ordinal: int
    resolution: ExceptionResolution
    reason: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., index: _Optional[int] = ..., ordinal: _Optional[int] = ..., resolution: _Optional[_Union[ExceptionResolution, str]] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class ResolveExceptionReply(_message.Message):
    __slots__ = ("header", "result", "state")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    state: _payouts_pb2.PayoutState
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ..., state: _Optional[_Union[_payouts_pb2.PayoutState, str]] = ...) -> None: ...
