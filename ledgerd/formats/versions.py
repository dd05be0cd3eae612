"""Which replicated state version understands which kinds of entries and commands.

The version is advertised by every node and gated by the cluster; a behaviour that changes
is written `if version >= n`. Version 1 is the first.
"""

from typing import Final

from ledgerd.raft.entries import EntryKind

STATE_VERSION_MIN: Final = 1  # the oldest version this release applies
STATE_VERSION: Final = 1  # the newest

# The first version that understands each kind of entry.
_SINCE: Final = {
    EntryKind.NOOP: 1,
    EntryKind.PAYOUTS: 1,
    EntryKind.COMMANDS: 1,
}


def is_understood(kind: EntryKind, state_version: int = STATE_VERSION) -> bool:
    """Return whether a node at this version can apply entries of this kind.

    Where it cannot, it stops applying and keeps its log: skipping would fork the state.
    """
    since = _SINCE.get(kind)
    return since is not None and since <= state_version
