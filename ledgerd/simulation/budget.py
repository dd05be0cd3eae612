"""How much may be broken at once: a recoverable copy of everything is always left.

With n voters and f = (n - 1) // 2, at most f of them are bad at once for each log entry, for each
state record, and for the hard state; n is that of the smaller half of a joint membership, for each
half must be able to decide. A voter is bad for all three while its disk is gone or its
hard state is damaged, for it does not start. Beyond counting, a copy that is destroyed must stand
intact on another voter, so that each loss a run shows is a bug (raft.md 4.5). Logs may rot on all
voters at once, each entry on few; but not beside a bad state: who is fenced for its state does not
lead, nor does who has a corrupt slot, and between them nobody would. Of last slots that are in no
state at most f are bad: who cannot say how far its log goes votes for nobody with an older term.

Nothing is kept here: what is bad is read off the disks, where writing a row mends it.
"""

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Final

from ledgerd.raft.entries import Index, NodeId
from ledgerd.simulation.disk import SimDisk
from ledgerd.simulation.volume import Volume
from ledgerd.storage import applied, keys

_TERM_AND_VOTE: Final = Struct(">xQI")  # how a hard state record begins


class FaultBudget:
    """`disk.Budget` over the disks of a cluster.

    disks: by node, those of learners and removed nodes too. voters: the voters of the membership
    now in force, those of both halves of a joint one. smallest: how many the smaller half has.
    committed: the highest index that any node has committed; entries above it may be lost for
    good. leaving: whether a voter may be about to
    leave, a sound one perhaps: a removal that is under way does not know what breaks meanwhile.
    """

    def __init__(
        self,
        disks: Mapping[NodeId, SimDisk],
        *,
        voters: Callable[[], Sequence[NodeId]],
        smallest: Callable[[], int],
        committed: Callable[[], Index],
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._disks = disks
        self._leaving = leaving
        self._voters = voters
        self._smallest = smallest
        self._committed = committed

    def allows_damage(
        self, disk: SimDisk, volume: Volume, table: str, key: bytes
    ) -> bool:
        """Return whether this row may become unreadable or wrong on this disk."""
        others = self._others(disk)
        usable = [other for other in others if is_usable(other)]
        gone = len(others) - len(usable)
        if volume.name == "state":
            bad = [other for other in usable if has_bad_state(other)]
            is_mixed = any(other.log.damaged for other in others)
            return (
                not is_mixed
                and self._is_within(disk, gone + len(bad))
                and len(bad) < len(usable)
            )
        if table != keys.ENTRIES:  # hard state or identity: the node does not start
            return self.allows_loss(disk)
        if not all(_is_steady(other) for other in (disk, *usable)):
            return False
        if any(has_bad_state(other) for other in others):
            return False
        mute = [other for other in usable if _is_mute(other)]
        if _is_end(disk, key) and not self._is_within(disk, gone + len(mute)):
            return False
        bad = [other for other in usable if (table, key) in other.log.damaged]
        return self._is_within(disk, gone + len(bad)) and any(
            holds(other, key, disk.log.tables[table].values[key]) for other in usable
        )

    def allows_loss(self, disk: SimDisk) -> bool:
        """Return whether everything on this disk may be lost."""
        others = self._others(disk)
        usable = [other for other in others if is_usable(other)]
        gone = len(others) - len(usable)
        if not usable or not self._is_within(disk, gone + _most_bad(usable)):
            return False
        if not all(_is_steady(other) for other in (disk, *usable)):
            return False
        entries = disk.log.tables.get(keys.ENTRIES)
        if entries is None:
            return True
        last = keys.index_key(self._committed())
        return all(
            any(holds(other, key, entries.values[key]) for other in usable)
            for key in entries.keys
            if key <= last and (keys.ENTRIES, key) not in disk.log.damaged
        )

    def allows_lie(self, disk: SimDisk) -> bool:
        """Return whether this disk may begin to answer syncs that it does not do."""
        bad = [other for other in self._others(disk) if not _is_honest(other)]
        has_damage = any(d.log.damaged for d in (disk, *self._others(disk)))
        return not has_damage and self._is_within(disk, len(bad))

    def allows_cut(self, disk: SimDisk) -> bool:
        """Return whether this disk may lose what it wrongly called synced.

        Term and vote must stay, and each entry that goes must stand on a quorum without this disk:
        the node has promised it, and cannot know that it broke its word (T88).
        """
        at_risk = disk.log.rows_at_risk()
        others = [other for other in self._others(disk) if is_usable(other)]
        quorum = len(self._voters()) // 2 + 1
        for (table, key), before in at_risk.items():
            now = disk.log.tables[table].values.get(key)
            if table in keys.HARD_STATE_TWINS:
                if before is None or now is None or _promise(before) != _promise(now):
                    return False
                continue
            if table != keys.ENTRIES or now is None or before is not None:
                return False
            if sum(holds(other, key, now) for other in others) < quorum:
                return False
        return True

    def allows_divergence(self, disk: SimDisk) -> bool:
        """Return whether the state on this disk may become another than that of its peers.

        A majority must be left that agrees, so there may be only one such disk, and no bad one.
        """
        others = self._others(disk)
        voters = self._voters()
        is_voter = any(self._disks.get(voter) is disk for voter in voters)
        is_alone = not any(
            not is_usable(o) or has_bad_state(o) or o.log.damaged for o in others
        )
        count = self._smallest() - self._leaving()  # of two nobody can say who is right
        return is_voter and count >= 3 and is_alone and not has_bad_state(disk)

    def _is_within(self, disk: SimDisk, others_bad: int) -> bool:
        voters = self._voters()
        is_voter = any(self._disks.get(voter) is disk for voter in voters)
        bad_max = (self._smallest() - self._leaving() - 1) // 2
        return others_bad + is_voter <= bad_max or not is_voter

    def _others(self, disk: SimDisk) -> list[SimDisk]:
        """Return the disks of the voters but this one."""
        found = [self._disks[voter] for voter in self._voters()]
        return [other for other in found if other is not disk]


def is_usable(disk: SimDisk) -> bool:
    """Return whether a node can start from this disk."""
    return not disk.is_gone and all(
        table not in keys.HARD_STATE_TWINS and table != keys.META
        for table, _ in disk.log.damaged
    )


def holds(disk: SimDisk, key: bytes, value: bytes) -> bool:
    """Return whether a disk has this entry intact and synced, or has compacted it intact."""
    entries = disk.log.tables.get(keys.ENTRIES)
    if entries is None:
        return False
    if entries.keys and key < entries.keys[0]:
        return not has_bad_state(disk)
    where = keys.ENTRIES, key
    return (
        entries.values.get(key) == value
        and where not in disk.log.damaged
        and where not in disk.log.rows_at_risk()
    )


def _most_bad(disks: Sequence[SimDisk]) -> int:
    """Return on how many of these disks the worst entry, or state/, is damaged."""
    counts: dict[bytes, int] = {}
    for disk in disks:
        for table, key in disk.log.damaged:
            if table == keys.ENTRIES:
                counts[key] = counts.get(key, 0) + 1
    states = sum(has_bad_state(disk) for disk in disks)
    return max([states, *counts.values()])


def has_bad_state(disk: SimDisk) -> bool:
    """Return whether the state on a disk is damaged, or another one than the log says, or gone."""
    return bool(disk.state.damaged) or disk.is_diverged or _lacks_state(disk)


def _lacks_state(disk: SimDisk) -> bool:
    """Return whether the state ends before the log begins: it waits for a copy, and is no help."""
    entries = disk.log.tables.get(keys.ENTRIES)
    state = disk.state.tables.get(keys.META)
    if entries is None or not entries.keys or state is None:
        return False
    end = applied.unpack(state.values.get(keys.APPLIED)).index
    return end + 1 < keys.index_of(entries.keys[0])


def _is_end(disk: SimDisk, key: bytes) -> bool:
    """Return whether this is the last slot, and its entry is not in the state, which would tell."""
    entries, state = disk.log.tables[keys.ENTRIES], disk.state.tables.get(keys.META)
    stored = None if state is None else state.values.get(keys.APPLIED)
    return key == entries.keys[-1] and applied.unpack(stored).index < keys.index_of(key)


def _is_mute(disk: SimDisk) -> bool:
    """Return whether a voter cannot say how far its log goes, and so grants few votes. T16."""
    return any(
        table == keys.ENTRIES and _is_end(disk, key) for table, key in disk.log.damaged
    )


def _is_steady(disk: SimDisk) -> bool:
    """Return whether everything in its log is there to stay."""
    return not disk.log.lies and not disk.log.unsynced


def _is_honest(disk: SimDisk) -> bool:
    return is_usable(disk) and _is_steady(disk)


def _promise(record: bytes) -> tuple[int, ...]:
    """Return term and vote of a hard state record."""
    return _TERM_AND_VOTE.unpack_from(record)
