"""Which replicated state version understands which kinds of entries and commands (F26, T67).

The state version in force is replicated: a VERSION entry sets it, and the leader proposes one only
when every member's release applies it. A behaviour that changes is written `if version >= n`, and
a leader refuses what the version in force does not understand yet.

| version | since release | what is new |
|---|---|---|
| 1 | 0.1.0 | payouts and the rarer commands; what every cluster begins with |
| 2 | 0.2.0 | VERSION and MEMBERSHIP entries; logs may be cut |
| 3 | 0.3.0 | the lifecycle of payouts, and the commands that belong to it; audit tree; key sums |

A node that meets what its release does not know keeps its log and stops applying: skipping an
entry would fork the state. `not_understood` is that judgement.

The payload of a VERSION entry: layout u8, 1 | state version u32, big-endian.
"""

from struct import Struct
from struct import error as StructError
from typing import Final, get_args

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.ledger.catalogue_commands import CatalogueCommand
from ledgerd.ledger.commands import (
    AccountCommand,
    Approve,
    Cancel,
    Command,
    CreateHold,
    DispatchBegin,
    DispatchClaim,
    Fund,
    OpenAccount,
    RailAck,
    RailNotAccepted,
    RailReject,
    RaiseAttention,
    Redate,
    Reject,
    RequestRecall,
    Reroute,
    ResolveException,
    Return,
    ReversalComplete,
    SetFees,
    Settle,
    Submit,
    TellEvidence,
    Tick,
    Transfer,
)
from ledgerd.ledger.risk_commands import RiskCommand
from ledgerd.ledger.setting_commands import SettingCommand
from ledgerd.raft.entries import Entry, EntryKind

STATE_VERSION_FIRST: Final = 1  # in force in a new cluster
STATE_VERSION_MIN: Final = 1  # the oldest version this release applies
STATE_VERSION: Final = 3  # the newest

# The first version that understands each kind of entry.
_SINCE: Final = {
    EntryKind.NOOP: 1,
    EntryKind.PAYOUTS: 1,
    EntryKind.COMMANDS: 1,
    EntryKind.MEMBERSHIP: 2,
    EntryKind.VERSION: 1,  # judged by the version that it brings
}

_RAISES: Final = EntryKind.VERSION  # an Enum looks a member up each time

# The first version that understands each command; Submit in columns came with the first.
_COMMAND_SINCE: Final[dict[type[Command | Submit], int]] = {
    Submit: 3,
    OpenAccount: 1,
    Fund: 1,
    Transfer: 1,
    Cancel: 1,
    SetFees: 1,
    CreateHold: 3,
    **dict.fromkeys(get_args(AccountCommand), 3),
    **dict.fromkeys(get_args(CatalogueCommand), 3),
    **dict.fromkeys(get_args(RiskCommand), 3),
    **dict.fromkeys(get_args(SettingCommand), 3),
    Tick: 3,
    Approve: 3,
    Reject: 3,
    Reroute: 3,
    Redate: 3,
    DispatchBegin: 3,
    DispatchClaim: 3,
    RaiseAttention: 3,
    TellEvidence: 3,
    RequestRecall: 3,
    ResolveException: 3,
    RailAck: 3,
    RailNotAccepted: 3,
    RailReject: 3,
    Settle: 3,
    Return: 3,
    ReversalComplete: 3,
}

_LOG_CUT_SINCE: Final = 2
_RELEASES_SINCE: Final = 3
_FEE_CLASSES_SINCE: Final = 3
_AUDIT_TREE_SINCE: Final = 3
_KEYS_COVERED_SINCE: Final = 3
_LAYOUT: Final = 1
_PAYLOAD: Final = Struct(">BI")


def is_understood(kind: EntryKind, state_version: int = STATE_VERSION) -> bool:
    """Return whether a cluster at this version may hold entries of this kind."""
    since = _SINCE.get(kind)
    return since is not None and since <= state_version


def not_yet_understood(command: Command | Submit, state_version: int) -> str:
    """Return why a cluster at this version may not hold the command; empty if it may.

    Kinds of entries do not change with a command, so each is judged by itself, before it is
    proposed and again before it is applied: a release without it stops at such an entry.
    """
    since = max(_COMMAND_SINCE[type(command)], _since_of_fields(command))
    if since <= state_version:
        return ""
    name = type(command).__name__
    return f"{name} needs state version {since}, and {state_version} is in force"


def _since_of_fields(command: Command | Submit) -> int:
    """Return the first version that understands what a command of version 1 says."""
    match command:
        case OpenAccount():
            says_more = bool(command.account_class)
        case SetFees():
            says_more = bool(
                command.effective_from_us
                or command.as_of
                or command.quote_valid_us
                or any(rule.account_class or rule.refund for rule in command.rules)
            )
        case Cancel():
            says_more = bool(command.expected_version)
        case _:
            says_more = False
    return _FEE_CLASSES_SINCE if says_more else STATE_VERSION_FIRST


def batch_not_yet_understood(has_releases: bool, state_version: int) -> str:
    """Return why a cluster at this version may not hold a batch in columns; empty if it may."""
    if not has_releases or state_version >= _RELEASES_SINCE:
        return ""
    return f"a time of release needs version {_RELEASES_SINCE}, and {state_version} is in force"


def may_cut_log(state_version: int) -> bool:
    """Return whether a log may begin later than at index 1.

    Release 0.1.0 knows no such log: it could neither catch up by a snapshot nor open the directory
    of a node that is taken back to it.
    """
    return state_version >= _LOG_CUT_SINCE


def has_audit_tree(state_version: int) -> bool:
    """Return whether an entry after which this version is in force gets a leaf of the tree.

    So the tree of a cluster begins with the VERSION entry that brought the version.
    """
    return state_version >= _AUDIT_TREE_SINCE


def covers_keys(state_version: int) -> bool:
    """Return whether rows that an entry writes under this version have their keys summed too.

    Rows from before keep their layout until they are written again.
    """
    return state_version >= _KEYS_COVERED_SINCE


def encode(state_version: int) -> bytes:
    """Return the payload of the VERSION entry that puts `state_version` in force."""
    assert state_version > STATE_VERSION_FIRST, state_version
    return _PAYLOAD.pack(_LAYOUT, state_version)


def decode(payload: bytes) -> int:
    """Return the version that a VERSION entry puts in force.

    Errors: NotUnderstood for a layout of a newer release; CorruptionError for what is none.
    """
    if payload[:1] and payload[0] > _LAYOUT:
        raise NotUnderstood(f"a version entry of layout {payload[0]}, not {_LAYOUT}")
    try:
        layout, state_version = _PAYLOAD.unpack(payload)
    except StructError as error:
        raise CorruptionError(f"a version entry cannot be read: {error}") from error
    if layout != _LAYOUT or state_version <= STATE_VERSION_FIRST:
        raise CorruptionError(
            f"a version entry of layout {layout} with version {state_version}"
        )
    return int(state_version)


def after(entry: Entry, before: int) -> int:
    """Return the state version in force after `entry`, if `before` was before it; never lower."""
    if entry.kind is not _RAISES:
        return before
    return max(before, decode(entry.payload))


def not_understood(entry: Entry) -> str:
    """Return why this release cannot apply the entry; empty if it can."""
    if entry.kind not in _SINCE:
        return f"its kind {int(entry.kind)} is unknown to this release"
    if entry.kind is not _RAISES:
        return ""
    try:
        state_version = decode(entry.payload)
    except NotUnderstood as error:
        return str(error)
    if state_version > STATE_VERSION:
        return (
            f"it puts state version {state_version} in force, and this release applies "
            f"{STATE_VERSION_MIN} .. {STATE_VERSION}"
        )
    return ""
