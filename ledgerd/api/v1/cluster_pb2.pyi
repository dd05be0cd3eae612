from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MemberRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEMBER_ROLE_UNSPECIFIED: _ClassVar[MemberRole]
    VOTER: _ClassVar[MemberRole]
    LEARNER: _ClassVar[MemberRole]
    OUTGOING: _ClassVar[MemberRole]
MEMBER_ROLE_UNSPECIFIED: MemberRole
VOTER: MemberRole
LEARNER: MemberRole
OUTGOING: MemberRole

class DigestRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DigestReply(_message.Message):
    __slots__ = ("node_id", "now", "kept", "diverged_index", "fenced", "corrupt_log_values")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    DIVERGED_INDEX_FIELD_NUMBER: _ClassVar[int]
    FENCED_FIELD_NUMBER: _ClassVar[int]
    CORRUPT_LOG_VALUES_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    now: DigestAt
    kept: _containers.RepeatedCompositeFieldContainer[DigestAt]
    diverged_index: int
    fenced: str
    corrupt_log_values: int
    def __init__(self, node_id: _Optional[int] = ..., now: _Optional[_Union[DigestAt, _Mapping]] = ..., kept: _Optional[_Iterable[_Union[DigestAt, _Mapping]]] = ..., diverged_index: _Optional[int] = ..., fenced: _Optional[str] = ..., corrupt_log_values: _Optional[int] = ...) -> None: ...

class DigestAt(_message.Message):
    __slots__ = ("index", "digest")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    index: int
    digest: str
    def __init__(self, index: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class SnapshotRequest(_message.Message):
    __slots__ = ("make",)
    MAKE_FIELD_NUMBER: _ClassVar[int]
    make: bool
    def __init__(self, make: _Optional[bool] = ...) -> None: ...

class SnapshotReply(_message.Message):
    __slots__ = ("node_id", "newest", "under_way", "log_first_index", "log_last_index")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    UNDER_WAY_FIELD_NUMBER: _ClassVar[int]
    LOG_FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    LOG_LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    newest: SnapshotCopy
    under_way: bool
    log_first_index: int
    log_last_index: int
    def __init__(self, node_id: _Optional[int] = ..., newest: _Optional[_Union[SnapshotCopy, _Mapping]] = ..., under_way: _Optional[bool] = ..., log_first_index: _Optional[int] = ..., log_last_index: _Optional[int] = ...) -> None: ...

class SnapshotCopy(_message.Message):
    __slots__ = ("index", "term", "ts_us", "digest", "size_bytes", "sha256", "membership_index")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    TS_US_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    MEMBERSHIP_INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    term: int
    ts_us: int
    digest: str
    size_bytes: int
    sha256: str
    membership_index: int
    def __init__(self, index: _Optional[int] = ..., term: _Optional[int] = ..., ts_us: _Optional[int] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., membership_index: _Optional[int] = ...) -> None: ...

class ClusterStatusRequest(_message.Message):
    __slots__ = ("from_leader",)
    FROM_LEADER_FIELD_NUMBER: _ClassVar[int]
    from_leader: bool
    def __init__(self, from_leader: _Optional[bool] = ...) -> None: ...

class ClusterStatusReply(_message.Message):
    __slots__ = ("cluster_id", "node_id", "leader_id", "term", "commit_index", "last_index", "state_version", "membership_index", "joint", "nodes")
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    LEADER_ID_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    COMMIT_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    MEMBERSHIP_INDEX_FIELD_NUMBER: _ClassVar[int]
    JOINT_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    node_id: int
    leader_id: int
    term: int
    commit_index: int
    last_index: int
    state_version: int
    membership_index: int
    joint: bool
    nodes: _containers.RepeatedCompositeFieldContainer[NodeInCluster]
    def __init__(self, cluster_id: _Optional[str] = ..., node_id: _Optional[int] = ..., leader_id: _Optional[int] = ..., term: _Optional[int] = ..., commit_index: _Optional[int] = ..., last_index: _Optional[int] = ..., state_version: _Optional[int] = ..., membership_index: _Optional[int] = ..., joint: _Optional[bool] = ..., nodes: _Optional[_Iterable[_Union[NodeInCluster, _Mapping]]] = ...) -> None: ...

class NodeInCluster(_message.Message):
    __slots__ = ("node_id", "voter", "api_address", "as_heard")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    VOTER_FIELD_NUMBER: _ClassVar[int]
    API_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AS_HEARD_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    voter: bool
    api_address: str
    as_heard: NodeAsHeard
    def __init__(self, node_id: _Optional[int] = ..., voter: _Optional[bool] = ..., api_address: _Optional[str] = ..., as_heard: _Optional[_Union[NodeAsHeard, _Mapping]] = ...) -> None: ...

class NodeAsHeard(_message.Message):
    __slots__ = ("heard", "match_index", "lag_entries", "mode", "slow", "protocol", "state_version_min", "state_version_max", "free_bytes")
    HEARD_FIELD_NUMBER: _ClassVar[int]
    MATCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAG_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    SLOW_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_MIN_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_MAX_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    heard: bool
    match_index: int
    lag_entries: int
    mode: str
    slow: bool
    protocol: int
    state_version_min: int
    state_version_max: int
    free_bytes: int
    def __init__(self, heard: _Optional[bool] = ..., match_index: _Optional[int] = ..., lag_entries: _Optional[int] = ..., mode: _Optional[str] = ..., slow: _Optional[bool] = ..., protocol: _Optional[int] = ..., state_version_min: _Optional[int] = ..., state_version_max: _Optional[int] = ..., free_bytes: _Optional[int] = ...) -> None: ...

class TransferLeadershipRequest(_message.Message):
    __slots__ = ("to_node_id", "from_node_id")
    TO_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    to_node_id: int
    from_node_id: int
    def __init__(self, to_node_id: _Optional[int] = ..., from_node_id: _Optional[int] = ...) -> None: ...

class TransferLeadershipReply(_message.Message):
    __slots__ = ("leader_id", "leader_address", "term", "from_node_id")
    LEADER_ID_FIELD_NUMBER: _ClassVar[int]
    LEADER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    FROM_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    leader_id: int
    leader_address: str
    term: int
    from_node_id: int
    def __init__(self, leader_id: _Optional[int] = ..., leader_address: _Optional[str] = ..., term: _Optional[int] = ..., from_node_id: _Optional[int] = ...) -> None: ...

class MembersRequest(_message.Message):
    __slots__ = ("from_leader",)
    FROM_LEADER_FIELD_NUMBER: _ClassVar[int]
    from_leader: bool
    def __init__(self, from_leader: _Optional[bool] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("node_id", "role", "peer_address", "api_address", "store_uuid", "standby", "priority", "region", "state_version_min", "state_version_max", "catching_up", "replaces", "progress")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    PEER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    API_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STORE_UUID_FIELD_NUMBER: _ClassVar[int]
    STANDBY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_MIN_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_MAX_FIELD_NUMBER: _ClassVar[int]
    CATCHING_UP_FIELD_NUMBER: _ClassVar[int]
    REPLACES_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    role: MemberRole
    peer_address: str
    api_address: str
    store_uuid: str
    standby: bool
    priority: int
    region: str
    state_version_min: int
    state_version_max: int
    catching_up: bool
    replaces: int
    progress: MemberProgress
    def __init__(self, node_id: _Optional[int] = ..., role: _Optional[_Union[MemberRole, str]] = ..., peer_address: _Optional[str] = ..., api_address: _Optional[str] = ..., store_uuid: _Optional[str] = ..., standby: _Optional[bool] = ..., priority: _Optional[int] = ..., region: _Optional[str] = ..., state_version_min: _Optional[int] = ..., state_version_max: _Optional[int] = ..., catching_up: _Optional[bool] = ..., replaces: _Optional[int] = ..., progress: _Optional[_Union[MemberProgress, _Mapping]] = ...) -> None: ...

class MemberProgress(_message.Message):
    __slots__ = ("match_index", "lag_entries", "heard", "mode", "catch_up_round")
    MATCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAG_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    HEARD_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    CATCH_UP_ROUND_FIELD_NUMBER: _ClassVar[int]
    match_index: int
    lag_entries: int
    heard: bool
    mode: str
    catch_up_round: int
    def __init__(self, match_index: _Optional[int] = ..., lag_entries: _Optional[int] = ..., heard: _Optional[bool] = ..., mode: _Optional[str] = ..., catch_up_round: _Optional[int] = ...) -> None: ...

class MembersReply(_message.Message):
    __slots__ = ("membership_index", "joint", "members", "leader_id", "commit_index", "next_node_id")
    MEMBERSHIP_INDEX_FIELD_NUMBER: _ClassVar[int]
    JOINT_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    LEADER_ID_FIELD_NUMBER: _ClassVar[int]
    COMMIT_INDEX_FIELD_NUMBER: _ClassVar[int]
    NEXT_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    membership_index: int
    joint: bool
    members: _containers.RepeatedCompositeFieldContainer[Member]
    leader_id: int
    commit_index: int
    next_node_id: int
    def __init__(self, membership_index: _Optional[int] = ..., joint: _Optional[bool] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., leader_id: _Optional[int] = ..., commit_index: _Optional[int] = ..., next_node_id: _Optional[int] = ...) -> None: ...

class AddNodeRequest(_message.Message):
    __slots__ = ("node_id", "peer_address", "api_address", "standby", "priority", "region", "expected_index")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    API_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STANDBY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_INDEX_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    peer_address: str
    api_address: str
    standby: bool
    priority: int
    region: str
    expected_index: int
    def __init__(self, node_id: _Optional[int] = ..., peer_address: _Optional[str] = ..., api_address: _Optional[str] = ..., standby: _Optional[bool] = ..., priority: _Optional[int] = ..., region: _Optional[str] = ..., expected_index: _Optional[int] = ...) -> None: ...

class RemoveNodeRequest(_message.Message):
    __slots__ = ("node_id", "expected_index")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_INDEX_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    expected_index: int
    def __init__(self, node_id: _Optional[int] = ..., expected_index: _Optional[int] = ...) -> None: ...

class ReplaceNodeRequest(_message.Message):
    __slots__ = ("old_node_id", "new_node")
    OLD_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    NEW_NODE_FIELD_NUMBER: _ClassVar[int]
    old_node_id: int
    new_node: AddNodeRequest
    def __init__(self, old_node_id: _Optional[int] = ..., new_node: _Optional[_Union[AddNodeRequest, _Mapping]] = ...) -> None: ...

class UpdateNodeRequest(_message.Message):
    __slots__ = ("node_id", "peer_address", "api_address", "priority", "region", "expected_index")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    API_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_INDEX_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    peer_address: str
    api_address: str
    priority: int
    region: str
    expected_index: int
    def __init__(self, node_id: _Optional[int] = ..., peer_address: _Optional[str] = ..., api_address: _Optional[str] = ..., priority: _Optional[int] = ..., region: _Optional[str] = ..., expected_index: _Optional[int] = ...) -> None: ...

class MembershipReply(_message.Message):
    __slots__ = ("term", "index", "members", "node_id")
    TERM_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    term: int
    index: int
    members: MembersReply
    node_id: int
    def __init__(self, term: _Optional[int] = ..., index: _Optional[int] = ..., members: _Optional[_Union[MembersReply, _Mapping]] = ..., node_id: _Optional[int] = ...) -> None: ...
