from ledgerd.api.v1 import common_pb2 as _common_pb2
from ledgerd.api.v1 import rails_pb2 as _rails_pb2
from ledgerd.api.v1 import risk_pb2 as _risk_pb2
from ledgerd.api.v1 import settings_pb2 as _settings_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NodeRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_ROLE_UNSPECIFIED: _ClassVar[NodeRole]
    FOLLOWER: _ClassVar[NodeRole]
    PRE_CANDIDATE: _ClassVar[NodeRole]
    CANDIDATE: _ClassVar[NodeRole]
    LEADER: _ClassVar[NodeRole]

class FeeRefund(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEE_REFUND_UNSPECIFIED: _ClassVar[FeeRefund]
    REFUND_NEVER: _ClassVar[FeeRefund]
    REFUND_WHEN_ALL_RETURNED: _ClassVar[FeeRefund]
NODE_ROLE_UNSPECIFIED: NodeRole
FOLLOWER: NodeRole
PRE_CANDIDATE: NodeRole
CANDIDATE: NodeRole
LEADER: NodeRole
FEE_REFUND_UNSPECIFIED: FeeRefund
REFUND_NEVER: FeeRefund
REFUND_WHEN_ALL_RETURNED: FeeRefund

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusReply(_message.Message):
    __slots__ = ("cluster_id", "node_id", "version", "role", "term", "leader_id", "leader_address", "first_index", "last_index", "durable_index", "commit_index", "applied_index", "visible_index", "digest", "log_time_us", "ready", "not_ready_reason", "voters", "peers", "uptime_us", "calls_in_flight", "inbox_length", "state_version", "leader_changes")
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_ID_FIELD_NUMBER: _ClassVar[int]
    LEADER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    DURABLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    COMMIT_INDEX_FIELD_NUMBER: _ClassVar[int]
    APPLIED_INDEX_FIELD_NUMBER: _ClassVar[int]
    VISIBLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    LOG_TIME_US_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    NOT_READY_REASON_FIELD_NUMBER: _ClassVar[int]
    VOTERS_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    UPTIME_US_FIELD_NUMBER: _ClassVar[int]
    CALLS_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    INBOX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    LEADER_CHANGES_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    node_id: int
    version: str
    role: NodeRole
    term: int
    leader_id: int
    leader_address: str
    first_index: int
    last_index: int
    durable_index: int
    commit_index: int
    applied_index: int
    visible_index: int
    digest: str
    log_time_us: int
    ready: bool
    not_ready_reason: str
    voters: _containers.RepeatedScalarFieldContainer[int]
    peers: _containers.RepeatedCompositeFieldContainer[PeerStatus]
    uptime_us: int
    calls_in_flight: int
    inbox_length: int
    state_version: int
    leader_changes: int
    def __init__(self, cluster_id: _Optional[str] = ..., node_id: _Optional[int] = ..., version: _Optional[str] = ..., role: _Optional[_Union[NodeRole, str]] = ..., term: _Optional[int] = ..., leader_id: _Optional[int] = ..., leader_address: _Optional[str] = ..., first_index: _Optional[int] = ..., last_index: _Optional[int] = ..., durable_index: _Optional[int] = ..., commit_index: _Optional[int] = ..., applied_index: _Optional[int] = ..., visible_index: _Optional[int] = ..., digest: _Optional[str] = ..., log_time_us: _Optional[int] = ..., ready: _Optional[bool] = ..., not_ready_reason: _Optional[str] = ..., voters: _Optional[_Iterable[int]] = ..., peers: _Optional[_Iterable[_Union[PeerStatus, _Mapping]]] = ..., uptime_us: _Optional[int] = ..., calls_in_flight: _Optional[int] = ..., inbox_length: _Optional[int] = ..., state_version: _Optional[int] = ..., leader_changes: _Optional[int] = ...) -> None: ...

class PeerStatus(_message.Message):
    __slots__ = ("node_id", "address", "connected", "progress", "match_index", "next_index")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    MATCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    NEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    address: str
    connected: bool
    progress: str
    match_index: int
    next_index: int
    def __init__(self, node_id: _Optional[int] = ..., address: _Optional[str] = ..., connected: _Optional[bool] = ..., progress: _Optional[str] = ..., match_index: _Optional[int] = ..., next_index: _Optional[int] = ...) -> None: ...

class FeeRule(_message.Message):
    __slots__ = ("rail", "currency", "fixed_units", "bps", "min_units", "max_units", "account_class", "refund")
    RAIL_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    FIXED_UNITS_FIELD_NUMBER: _ClassVar[int]
    BPS_FIELD_NUMBER: _ClassVar[int]
    MIN_UNITS_FIELD_NUMBER: _ClassVar[int]
    MAX_UNITS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CLASS_FIELD_NUMBER: _ClassVar[int]
    REFUND_FIELD_NUMBER: _ClassVar[int]
    rail: str
    currency: str
    fixed_units: int
    bps: int
    min_units: int
    max_units: int
    account_class: str
    refund: FeeRefund
    def __init__(self, rail: _Optional[str] = ..., currency: _Optional[str] = ..., fixed_units: _Optional[int] = ..., bps: _Optional[int] = ..., min_units: _Optional[int] = ..., max_units: _Optional[int] = ..., account_class: _Optional[str] = ..., refund: _Optional[_Union[FeeRefund, str]] = ...) -> None: ...

class SetFeesRequest(_message.Message):
    __slots__ = ("request_id", "rules", "source", "concern", "effective_from_us", "as_of", "quote_valid_s")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    QUOTE_VALID_S_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rules: _containers.RepeatedCompositeFieldContainer[FeeRule]
    source: str
    concern: _common_pb2.WriteConcern
    effective_from_us: int
    as_of: str
    quote_valid_s: int
    def __init__(self, request_id: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[FeeRule, _Mapping]]] = ..., source: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., effective_from_us: _Optional[int] = ..., as_of: _Optional[str] = ..., quote_valid_s: _Optional[int] = ...) -> None: ...

class GetFeesRequest(_message.Message):
    __slots__ = ("concern",)
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetFeesReply(_message.Message):
    __slots__ = ("header", "schedules", "version_in_force")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    VERSION_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    schedules: _containers.RepeatedCompositeFieldContainer[FeeSchedule]
    version_in_force: int
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., schedules: _Optional[_Iterable[_Union[FeeSchedule, _Mapping]]] = ..., version_in_force: _Optional[int] = ...) -> None: ...

class FeeSchedule(_message.Message):
    __slots__ = ("version", "effective_from_us", "source", "as_of", "quote_valid_s", "rules")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    QUOTE_VALID_S_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    version: int
    effective_from_us: int
    source: str
    as_of: str
    quote_valid_s: int
    rules: _containers.RepeatedCompositeFieldContainer[FeeRule]
    def __init__(self, version: _Optional[int] = ..., effective_from_us: _Optional[int] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., quote_valid_s: _Optional[int] = ..., rules: _Optional[_Iterable[_Union[FeeRule, _Mapping]]] = ...) -> None: ...

class SetFeesReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...
