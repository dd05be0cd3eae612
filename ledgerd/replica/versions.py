"""The replicated state version as one replica sees it: in force, to be raised, or beyond it.

F26, T67. A leader raises the version once every member's release applies a newer one; it proposes
nothing that the version in force does not understand. A node that meets an entry of a newer release
stops applying there: it keeps its log, votes and acknowledges, but neither leads nor serves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ledgerd.formats import versions
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Command
from ledgerd.raft.entries import NO_INDEX, Entry, EntryKind, Index, NodeId
from ledgerd.raft.protocol import Releases


class Flaw(Enum):
    """What keeps a node from applying, and with it from leading and serving."""

    NEWER_RELEASE = "newer_release"  # it met what it does not understand (F26)
    STATE_DAMAGED = "state_damaged"  # a row of its state fails its check (T85)
    STATE_DIVERGED = "state_diverged"  # its digest is not the majority's (F37)


@dataclass(frozen=True, slots=True)
class Halt:
    """Where and why this node stopped applying: `index` is the first entry that was not.

    With a state that is damaged or diverged nothing that was applied before counts either: it is
    not served, and is built anew.
    """

    index: Index
    why: str
    flaw: Flaw = Flaw.NEWER_RELEASE

    @property
    def is_of_state(self) -> bool:
        """Whether the state itself is bad."""
        return self.flaw is not Flaw.NEWER_RELEASE


@dataclass(frozen=True, slots=True)
class Standing:
    """What a replica can do, beside what consensus says of it.

    state_version: in force after the last applied entry.
    halt: None while it applies what is committed.
    """

    state_version: int
    halt: Halt | None = None


class StateVersion:
    """The version in force, and whether this leader should raise it. Owned by the replica."""

    __slots__ = ("_newest", "_raised_at", "in_force")

    def __init__(self, in_force: int, *, newest: int = STATE_VERSION) -> None:
        """Begin with what state/ says is in force; `newest`: what this node applies."""
        self.in_force = in_force
        self._newest = newest
        self._raised_at = NO_INDEX

    @property
    def is_newest(self) -> bool:
        """Whether nothing is left to raise."""
        return self.in_force >= self._newest

    def permits(self, kind: EntryKind) -> bool:
        """Return whether a leader may propose an entry of this kind now."""
        return versions.is_understood(kind, self.in_force)

    def permits_command(self, command: Command) -> bool:
        """Return whether a leader may propose this command now."""
        return not versions.not_yet_understood(command, self.in_force)

    def permits_batch(self, batch: PayoutBatch) -> bool:
        """Return whether a leader may propose these payouts now."""
        if batch.terms:
            return not any(
                versions.not_yet_understood(command, self.in_force)
                for command in batch.commands()
            )
        return not versions.batch_not_yet_understood(
            any(batch.releases_us), self.in_force
        )

    def applied(self, entry: Entry) -> None:
        """Note an applied entry: it may have put another version in force."""
        self.in_force = versions.after(entry, self.in_force)

    def due(self, others: Iterable[NodeId], releases: Releases) -> int | None:
        """Return the version that the leader should put in force; None if none.

        others: all members but this node, learners too: whoever applies must be able to (T67).
        """
        if self._raised_at != NO_INDEX or self.is_newest:
            return None
        newest = releases.state_version_max(others, self._newest)
        return newest if newest is not None and newest > self.in_force else None

    def raised(self, index: Index) -> None:
        """Note that the entry at `index` will raise it; one at a time."""
        self._raised_at = index

    def forget(self) -> None:
        """Note a change of role: what was proposed may never be committed."""
        self._raised_at = NO_INDEX
