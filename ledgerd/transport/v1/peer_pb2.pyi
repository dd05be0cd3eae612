from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Frame(_message.Message):
    __slots__ = ("clock_us", "hello", "alive", "pre_vote", "pre_vote_reply", "request_vote", "request_vote_reply", "append_entries", "append_accepted", "append_rejected", "heartbeat", "heartbeat_reply", "read_index_request", "read_index_reply", "term_over", "bundle", "timeout_now", "snapshot_offer", "repair_request", "repair_reply")
    CLOCK_US_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    PRE_VOTE_FIELD_NUMBER: _ClassVar[int]
    PRE_VOTE_REPLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_VOTE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_VOTE_REPLY_FIELD_NUMBER: _ClassVar[int]
    APPEND_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    APPEND_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    APPEND_REJECTED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_REPLY_FIELD_NUMBER: _ClassVar[int]
    READ_INDEX_REQUEST_FIELD_NUMBER: _ClassVar[int]
    READ_INDEX_REPLY_FIELD_NUMBER: _ClassVar[int]
    TERM_OVER_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_NOW_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_OFFER_FIELD_NUMBER: _ClassVar[int]
    REPAIR_REQUEST_FIELD_NUMBER: _ClassVar[int]
    REPAIR_REPLY_FIELD_NUMBER: _ClassVar[int]
    clock_us: int
    hello: Hello
    alive: Alive
    pre_vote: PreVote
    pre_vote_reply: PreVoteReply
    request_vote: RequestVote
    request_vote_reply: RequestVoteReply
    append_entries: AppendEntries
    append_accepted: AppendAccepted
    append_rejected: AppendRejected
    heartbeat: Heartbeat
    heartbeat_reply: HeartbeatReply
    read_index_request: ReadIndexRequest
    read_index_reply: ReadIndexReply
    term_over: TermOver
    bundle: Bundle
    timeout_now: TimeoutNow
    snapshot_offer: SnapshotOffer
    repair_request: RepairRequest
    repair_reply: RepairReply
    def __init__(self, clock_us: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., alive: _Optional[_Union[Alive, _Mapping]] = ..., pre_vote: _Optional[_Union[PreVote, _Mapping]] = ..., pre_vote_reply: _Optional[_Union[PreVoteReply, _Mapping]] = ..., request_vote: _Optional[_Union[RequestVote, _Mapping]] = ..., request_vote_reply: _Optional[_Union[RequestVoteReply, _Mapping]] = ..., append_entries: _Optional[_Union[AppendEntries, _Mapping]] = ..., append_accepted: _Optional[_Union[AppendAccepted, _Mapping]] = ..., append_rejected: _Optional[_Union[AppendRejected, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., heartbeat_reply: _Optional[_Union[HeartbeatReply, _Mapping]] = ..., read_index_request: _Optional[_Union[ReadIndexRequest, _Mapping]] = ..., read_index_reply: _Optional[_Union[ReadIndexReply, _Mapping]] = ..., term_over: _Optional[_Union[TermOver, _Mapping]] = ..., bundle: _Optional[_Union[Bundle, _Mapping]] = ..., timeout_now: _Optional[_Union[TimeoutNow, _Mapping]] = ..., snapshot_offer: _Optional[_Union[SnapshotOffer, _Mapping]] = ..., repair_request: _Optional[_Union[RepairRequest, _Mapping]] = ..., repair_reply: _Optional[_Union[RepairReply, _Mapping]] = ...) -> None: ...

class Bundle(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    def __init__(self, frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("cluster_id", "node_id", "to_node_id", "protocol_min", "protocol_max", "incarnation", "store_id", "state_version_min", "state_version_max", "peer_address", "boot")
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    TO_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MIN_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MAX_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_MIN_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_MAX_FIELD_NUMBER: _ClassVar[int]
    PEER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    node_id: int
    to_node_id: int
    protocol_min: int
    protocol_max: int
    incarnation: bytes
    store_id: bytes
    state_version_min: int
    state_version_max: int
    peer_address: str
    boot: int
    def __init__(self, cluster_id: _Optional[str] = ..., node_id: _Optional[int] = ..., to_node_id: _Optional[int] = ..., protocol_min: _Optional[int] = ..., protocol_max: _Optional[int] = ..., incarnation: _Optional[bytes] = ..., store_id: _Optional[bytes] = ..., state_version_min: _Optional[int] = ..., state_version_max: _Optional[int] = ..., peer_address: _Optional[str] = ..., boot: _Optional[int] = ...) -> None: ...

class Alive(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EntryId(_message.Message):
    __slots__ = ("term", "index")
    TERM_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    term: int
    index: int
    def __init__(self, term: _Optional[int] = ..., index: _Optional[int] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("term", "index", "kind", "ts_us", "payload", "link")
    TERM_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TS_US_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    term: int
    index: int
    kind: int
    ts_us: int
    payload: bytes
    link: bytes
    def __init__(self, term: _Optional[int] = ..., index: _Optional[int] = ..., kind: _Optional[int] = ..., ts_us: _Optional[int] = ..., payload: _Optional[bytes] = ..., link: _Optional[bytes] = ...) -> None: ...

class PreVote(_message.Message):
    __slots__ = ("term", "last", "commit")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    term: int
    last: EntryId
    commit: EntryId
    def __init__(self, term: _Optional[int] = ..., last: _Optional[_Union[EntryId, _Mapping]] = ..., commit: _Optional[_Union[EntryId, _Mapping]] = ...) -> None: ...

class PreVoteReply(_message.Message):
    __slots__ = ("term", "granted", "asked_term", "commit")
    TERM_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    ASKED_TERM_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    term: int
    granted: bool
    asked_term: int
    commit: EntryId
    def __init__(self, term: _Optional[int] = ..., granted: _Optional[bool] = ..., asked_term: _Optional[int] = ..., commit: _Optional[_Union[EntryId, _Mapping]] = ...) -> None: ...

class RequestVote(_message.Message):
    __slots__ = ("term", "last", "forced")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    FORCED_FIELD_NUMBER: _ClassVar[int]
    term: int
    last: EntryId
    forced: bool
    def __init__(self, term: _Optional[int] = ..., last: _Optional[_Union[EntryId, _Mapping]] = ..., forced: _Optional[bool] = ...) -> None: ...

class RequestVoteReply(_message.Message):
    __slots__ = ("term", "granted")
    TERM_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    term: int
    granted: bool
    def __init__(self, term: _Optional[int] = ..., granted: _Optional[bool] = ...) -> None: ...

class AppendEntries(_message.Message):
    __slots__ = ("term", "prev", "prev_link", "entries", "commit", "stream", "sequence")
    TERM_FIELD_NUMBER: _ClassVar[int]
    PREV_FIELD_NUMBER: _ClassVar[int]
    PREV_LINK_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    term: int
    prev: EntryId
    prev_link: bytes
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    commit: int
    stream: int
    sequence: int
    def __init__(self, term: _Optional[int] = ..., prev: _Optional[_Union[EntryId, _Mapping]] = ..., prev_link: _Optional[bytes] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., commit: _Optional[int] = ..., stream: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class AppendAccepted(_message.Message):
    __slots__ = ("term", "match", "stream", "sequence")
    TERM_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    term: int
    match: int
    stream: int
    sequence: int
    def __init__(self, term: _Optional[int] = ..., match: _Optional[int] = ..., stream: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class AppendRejected(_message.Message):
    __slots__ = ("term", "prev", "hint", "stream", "sequence", "corrupt_from")
    TERM_FIELD_NUMBER: _ClassVar[int]
    PREV_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CORRUPT_FROM_FIELD_NUMBER: _ClassVar[int]
    term: int
    prev: EntryId
    hint: EntryId
    stream: int
    sequence: int
    corrupt_from: int
    def __init__(self, term: _Optional[int] = ..., prev: _Optional[_Union[EntryId, _Mapping]] = ..., hint: _Optional[_Union[EntryId, _Mapping]] = ..., stream: _Optional[int] = ..., sequence: _Optional[int] = ..., corrupt_from: _Optional[int] = ...) -> None: ...

class RepairRequest(_message.Message):
    __slots__ = ("term", "first", "last", "link")
    TERM_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    term: int
    first: int
    last: int
    link: bytes
    def __init__(self, term: _Optional[int] = ..., first: _Optional[int] = ..., last: _Optional[int] = ..., link: _Optional[bytes] = ...) -> None: ...

class RepairReply(_message.Message):
    __slots__ = ("term", "last", "prev_link", "entries")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    PREV_LINK_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    term: int
    last: int
    prev_link: bytes
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, term: _Optional[int] = ..., last: _Optional[int] = ..., prev_link: _Optional[bytes] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("term", "commit", "read_position", "checkpoint", "agreed")
    TERM_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    READ_POSITION_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    AGREED_FIELD_NUMBER: _ClassVar[int]
    term: int
    commit: int
    read_position: int
    checkpoint: Checkpoint
    agreed: Checkpoint
    def __init__(self, term: _Optional[int] = ..., commit: _Optional[int] = ..., read_position: _Optional[int] = ..., checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ..., agreed: _Optional[_Union[Checkpoint, _Mapping]] = ...) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ("index", "digest")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    index: int
    digest: bytes
    def __init__(self, index: _Optional[int] = ..., digest: _Optional[bytes] = ...) -> None: ...

class Agreement(_message.Message):
    __slots__ = ("index", "equal")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    EQUAL_FIELD_NUMBER: _ClassVar[int]
    index: int
    equal: bool
    def __init__(self, index: _Optional[int] = ..., equal: _Optional[bool] = ...) -> None: ...

class HeartbeatReply(_message.Message):
    __slots__ = ("term", "read_position", "applied", "slow", "free_bytes", "agreement", "wants_state")
    TERM_FIELD_NUMBER: _ClassVar[int]
    READ_POSITION_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    SLOW_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    WANTS_STATE_FIELD_NUMBER: _ClassVar[int]
    term: int
    read_position: int
    applied: int
    slow: bool
    free_bytes: int
    agreement: Agreement
    wants_state: int
    def __init__(self, term: _Optional[int] = ..., read_position: _Optional[int] = ..., applied: _Optional[int] = ..., slow: _Optional[bool] = ..., free_bytes: _Optional[int] = ..., agreement: _Optional[_Union[Agreement, _Mapping]] = ..., wants_state: _Optional[int] = ...) -> None: ...

class ReadIndexRequest(_message.Message):
    __slots__ = ("term", "position")
    TERM_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    term: int
    position: int
    def __init__(self, term: _Optional[int] = ..., position: _Optional[int] = ...) -> None: ...

class ReadIndexReply(_message.Message):
    __slots__ = ("term", "position", "index")
    TERM_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    term: int
    position: int
    index: int
    def __init__(self, term: _Optional[int] = ..., position: _Optional[int] = ..., index: _Optional[int] = ...) -> None: ...

class SnapshotOffer(_message.Message):
    __slots__ = ("term", "last", "link", "ts_us", "membership", "digest", "size_bytes", "sha256", "stream", "sequence")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    TS_US_FIELD_NUMBER: _ClassVar[int]
    MEMBERSHIP_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    term: int
    last: EntryId
    link: bytes
    ts_us: int
    membership: bytes
    digest: bytes
    size_bytes: int
    sha256: bytes
    stream: int
    sequence: int
    def __init__(self, term: _Optional[int] = ..., last: _Optional[_Union[EntryId, _Mapping]] = ..., link: _Optional[bytes] = ..., ts_us: _Optional[int] = ..., membership: _Optional[bytes] = ..., digest: _Optional[bytes] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[bytes] = ..., stream: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class SnapshotRequest(_message.Message):
    __slots__ = ("hello", "sha256", "offset", "is_damaged")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    IS_DAMAGED_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    sha256: bytes
    offset: int
    is_damaged: bool
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., sha256: _Optional[bytes] = ..., offset: _Optional[int] = ..., is_damaged: _Optional[bool] = ...) -> None: ...

class SnapshotPart(_message.Message):
    __slots__ = ("header", "offset", "data", "crc32c")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    offset: int
    data: bytes
    crc32c: int
    def __init__(self, header: _Optional[bytes] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ..., crc32c: _Optional[int] = ...) -> None: ...

class TermOver(_message.Message):
    __slots__ = ("term",)
    TERM_FIELD_NUMBER: _ClassVar[int]
    term: int
    def __init__(self, term: _Optional[int] = ...) -> None: ...

class TimeoutNow(_message.Message):
    __slots__ = ("term",)
    TERM_FIELD_NUMBER: _ClassVar[int]
    term: int
    def __init__(self, term: _Optional[int] = ...) -> None: ...
