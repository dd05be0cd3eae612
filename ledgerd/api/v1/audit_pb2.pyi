from ledgerd.api.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

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
