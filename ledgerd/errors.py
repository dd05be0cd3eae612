"""Why a call ended without an answer from the log: reasons, their kinds, and the operating errors.

An answer that went through the log (accepted, refused, replayed, conflict) is a value, never an
error of this module (ledger.md 6). What is here was either certainly not logged, or nobody can
know yet.

    LedgerdError
    ├── CallError(reason, message, metadata)      a call ended without an answer from the log
    │   ├── NotLogged                             it certainly did not and will not happen
    │   └── OutcomeUnknown                        it may be committed later; retry with the same id
    ├── ConfigError                               configuration or certificate: exit code 73
    ├── StorageError                              write, sync, map or space failed: exit code 70
    ├── CorruptionError                           stored bytes contradict themselves: exit code 71
    ├── NotUnderstood                             a newer release wrote it: stop applying, stay up
    └── NoSpaceError                              no room at start: exit code 72
"""

from enum import Enum, IntEnum
from typing import Final, assert_never


class ExitCode(IntEnum):
    """Why a process ended on purpose; faults.md section 9 and architecture.md section 9."""

    CLEAN = 0
    USAGE = 2
    STORAGE = 70
    CORRUPTION = 71
    NO_SPACE = 72
    CONFIG = 73
    ASSERTION = 74


class Kind(Enum):
    """What a caller can do about it. One gRPC status each, mapped in `api/status.py`."""

    INVALID = "invalid"  # mend the request
    UNAUTHENTICATED = "unauthenticated"  # present a certificate of this cluster
    FORBIDDEN = "forbidden"  # the caller lacks the role
    NOT_FOUND = "not_found"  # a read named something that does not exist
    PRECONDITION = (
        "precondition"  # not the cluster, or not the state, that the call needs
    )
    OUT_OF_RANGE = "out_of_range"  # a position that is not kept
    EXHAUSTED = "exhausted"  # wait and retry
    UNAVAILABLE = "unavailable"  # retry at the leader
    DEADLINE = "deadline"  # the caller's time ran out
    INTERNAL = "internal"  # a defect


class Outcome(Enum):
    """What is known about the effect of a call that got no answer from the log."""

    NOT_LOGGED = "NOT_LOGGED"
    UNKNOWN = "UNKNOWN"


class Reason(Enum):
    """Stable codes of calls that got no answer from the log; the value is the wire form."""

    MALFORMED = "MALFORMED"
    TOO_LARGE = "TOO_LARGE"
    CURSOR_INVALID = "CURSOR_INVALID"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    TLS_VERSION = "TLS_VERSION"
    ROLE_MISSING = "ROLE_MISSING"
    WRONG_CLUSTER = "WRONG_CLUSTER"
    NOT_FOUND = "NOT_FOUND"
    INDEX_NOT_KEPT = "INDEX_NOT_KEPT"
    EVENT_NOT_KEPT = "EVENT_NOT_KEPT"
    LOG_CUT = "LOG_CUT"
    OVERLOADED = "OVERLOADED"
    UNCOMMITTED_QUOTA = "UNCOMMITTED_QUOTA"
    NO_SPACE = "NO_SPACE"
    NOT_LEADER = "NOT_LEADER"
    NO_LEADER = "NO_LEADER"
    NOT_READY = "NOT_READY"
    TRANSFERRING = "TRANSFERRING"
    TRANSFER_GIVEN_UP = "TRANSFER_GIVEN_UP"
    SNAPSHOT_NOT_MADE = "SNAPSHOT_NOT_MADE"
    NO_TRANSFER_TARGET = "NO_TRANSFER_TARGET"
    MEMBERSHIP_MOVED = "MEMBERSHIP_MOVED"
    CHANGE_IN_FLIGHT = "CHANGE_IN_FLIGHT"
    CHANGE_REFUSED = "CHANGE_REFUSED"
    STOPPING = "STOPPING"
    STATE_VERSION = "STATE_VERSION"
    WINDOW_UNKNOWN = "WINDOW_UNKNOWN"
    SETTINGS_MOVED = "SETTINGS_MOVED"
    APPLY_STOPPED = "APPLY_STOPPED"
    DIGEST_DISPUTED = "DIGEST_DISPUTED"
    DEADLINE_BEFORE_PROPOSAL = "DEADLINE_BEFORE_PROPOSAL"
    READ_NOT_CONFIRMED = "READ_NOT_CONFIRMED"
    LEADERSHIP_LOST = "LEADERSHIP_LOST"
    DEADLINE_AFTER_PROPOSAL = "DEADLINE_AFTER_PROPOSAL"
    NOT_ON_ALL_VOTERS = "NOT_ON_ALL_VOTERS"
    STATE_TOO_OLD = "STATE_TOO_OLD"
    STOPPED_AFTER_PROPOSAL = "STOPPED_AFTER_PROPOSAL"
    DISK_STALLED = "DISK_STALLED"
    INTERNAL = "INTERNAL"


def kind_of(reason: Reason) -> Kind:
    """Return the kind of a reason; decided here and nowhere else, exhaustively."""
    match reason:
        case Reason.MALFORMED | Reason.TOO_LARGE | Reason.CURSOR_INVALID:
            return Kind.INVALID
        case Reason.UNAUTHENTICATED | Reason.CERTIFICATE_EXPIRED | Reason.TLS_VERSION:
            return Kind.UNAUTHENTICATED
        case Reason.ROLE_MISSING:
            return Kind.FORBIDDEN
        case (
            Reason.WRONG_CLUSTER
            | Reason.NO_TRANSFER_TARGET
            | Reason.STATE_VERSION
            | Reason.WINDOW_UNKNOWN
            | Reason.MEMBERSHIP_MOVED
            | Reason.CHANGE_REFUSED
        ):
            return Kind.PRECONDITION
        case Reason.NOT_FOUND:
            return Kind.NOT_FOUND
        case Reason.INDEX_NOT_KEPT | Reason.EVENT_NOT_KEPT | Reason.LOG_CUT:
            return Kind.OUT_OF_RANGE
        case Reason.OVERLOADED | Reason.UNCOMMITTED_QUOTA | Reason.NO_SPACE:
            return Kind.EXHAUSTED
        case (
            Reason.NOT_LEADER
            | Reason.NO_LEADER
            | Reason.NOT_READY
            | Reason.TRANSFERRING
            | Reason.CHANGE_IN_FLIGHT
            | Reason.TRANSFER_GIVEN_UP
            | Reason.SNAPSHOT_NOT_MADE
            | Reason.STOPPING
            | Reason.APPLY_STOPPED
            | Reason.DIGEST_DISPUTED
            | Reason.READ_NOT_CONFIRMED
            | Reason.STATE_TOO_OLD
            | Reason.SETTINGS_MOVED
            | Reason.LEADERSHIP_LOST
            | Reason.STOPPED_AFTER_PROPOSAL
            | Reason.DISK_STALLED
        ):
            return Kind.UNAVAILABLE
        case (
            Reason.DEADLINE_BEFORE_PROPOSAL
            | Reason.DEADLINE_AFTER_PROPOSAL
            | Reason.NOT_ON_ALL_VOTERS
        ):
            return Kind.DEADLINE
        case Reason.INTERNAL:
            return Kind.INTERNAL
        case _:
            assert_never(reason)


_UNKNOWN_REASONS: Final = frozenset(
    {
        Reason.LEADERSHIP_LOST,
        Reason.DEADLINE_AFTER_PROPOSAL,
        Reason.NOT_ON_ALL_VOTERS,
        Reason.STOPPED_AFTER_PROPOSAL,
        Reason.DISK_STALLED,
        Reason.INTERNAL,
    }
)


def outcome_of(reason: Reason) -> Outcome:
    """Return whether a call that ended for `reason` is known to have left no effect."""
    return Outcome.UNKNOWN if reason in _UNKNOWN_REASONS else Outcome.NOT_LOGGED


class LedgerdError(Exception):
    """Root of the operating errors. Failed assertions are not among them."""


class CallError(LedgerdError):
    """A call ended without an answer from the log.

    `metadata` holds further facts as text for the caller's `ErrorInfo` (leader, leader_address,
    cluster_id, field, expected, found).
    """

    def __init__(
        self, reason: Reason, message: str, metadata: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata: dict[str, str] = metadata or {}

    @property
    def kind(self) -> Kind:
        """What the caller can do about it."""
        return kind_of(self.reason)

    @property
    def outcome(self) -> Outcome:
        """Whether the effect of the call is known."""
        return outcome_of(self.reason)


class NotLogged(CallError):
    """The call certainly had no effect and never will."""


class OutcomeUnknown(CallError):
    """The call may be committed later. Retrying with the same id is always safe."""


class ConfigError(LedgerdError):
    """Configuration or certificate is unusable. The message says expected, found, what to do."""


class StorageError(LedgerdError):
    """A write, sync or map operation failed. The process must end; nothing is retried (T8)."""


class CorruptionError(LedgerdError):
    """Stored bytes contradict themselves or their neighbours. The process must end."""


class NotUnderstood(LedgerdError):
    """Intact bytes of a newer release. The node keeps them and stops applying (F26)."""


class SlotCorruptError(CorruptionError):
    """The log value at `index` exists and fails its check. The core repairs it from peers (F34)."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


class StateRottenError(CorruptionError):
    """A row of this node's own state fails its check: the node fences itself (F37)."""


class NoSpaceError(LedgerdError):
    """There is no room to start."""


def not_utf8(error: UnicodeDecodeError) -> str:
    """Return what a file is that is not UTF-8; editors and shells write UTF-16, too."""
    marks = (b"\xff\xfe", b"\xfe\xff")
    found = f"byte {error.object[error.start]:#04x} at offset {error.start}"
    if error.object.startswith(marks):
        found = "UTF-16 (by its byte order mark)"
    return f"found {found}; save the file as UTF-8"
