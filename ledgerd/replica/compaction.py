"""How far the log is cut, and when (F27): decided here, done by `LogStore.compact`.

     first ........ cut here ........ tail ........ last
              |                |
     state-durable        what live peers lack

A log keeps a tail for peers that fall behind a little, and what live peers still lack up to a hard
cap. What follows a copy of the state is kept up to several caps while the copy is made, sent and
followed: a copy that the log no longer joins is of no use, and the next one meets the same growth.
It never loses what state/ has not made durable. Cuts come in slices, a slice a turn.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ledgerd.errors import SlotCorruptError
from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import NO_INDEX, Index
from ledgerd.raft.facts import SlotCorrupt
from ledgerd.raft.marks import NO_MARKS, Marks
from ledgerd.raft.status import PeerStatus, Status
from ledgerd.replica.ports import LogStore, StateStore

TRANSFER_CAPS = 4  # a copy under way is joined by the log up to so many caps
_CHECKS = 16  # the log is looked at after each 1/16 of a tail


@dataclass(frozen=True, slots=True)
class LogBounds:
    """How much of the log is kept.

    keep_bytes, keep_entries: the tail; whichever is reached first bounds it. Bytes are of the disk,
        taken as if all entries had the same size.
    cap_bytes: what live peers still lack is kept up to here; beyond it they get a snapshot. What
        follows a snapshot on its way is kept up to `TRANSFER_CAPS` of it.
    slice_entries, slice_bytes: deleted at most in one turn: 64 MiB take about 10 ms (T94).
    patience_ticks: a peer that was silent for longer counts as dead and holds nothing back.
    """

    keep_bytes: int = 64 << 20
    keep_entries: int = 10_000
    cap_bytes: int = 4 << 30
    slice_entries: int = 1_000
    slice_bytes: int = 64 << 20
    patience_ticks: int = 300

    def __post_init__(self) -> None:
        """Assert that something is kept, and that a cut gets somewhere."""
        assert self.keep_bytes >= 1, self
        assert self.keep_entries >= 1, self
        assert self.cap_bytes >= self.keep_bytes, self
        assert self.slice_entries >= 1, self
        assert self.slice_bytes >= 1, self
        assert self.patience_ticks >= 0, self


def first_to_keep(
    status: Status,
    size_bytes: int,
    bounds: LogBounds,
    *,
    hold: Index | None = None,
    copy: Index | None = None,
) -> Index:
    """Return the first index that the log should keep; `status.first` if nothing is to go.

    size_bytes: of the whole log on disk. hold: nothing above this index may go, for a snapshot at
        it is being made, and must still join the log when it is installed (F28).
    copy: of the newest snapshot at hand; who has installed it follows the log from there on.
    """
    count = status.last - status.first + 1
    if count <= 0:
        return status.first
    entry_bytes = max(1, size_bytes // count)
    tail = max(1, min(bounds.keep_entries, bounds.keep_bytes // entry_bytes))
    cap = max(tail, bounds.cap_bytes // entry_bytes)
    wanted = status.last + 1 - tail
    lacking = list(_lacking(status.peers, status.first, bounds))
    if status.cut_to:  # corrupt slots below wait for nothing (F33)
        wanted = max(wanted, status.cut_to)
        lacking = [index for index in lacking if index >= status.cut_to]
    lacking += [slot for slot in status.corrupt if slot >= status.cut_to][:1]
    joining = list(_joining(status.peers, status.first, bounds, copy))
    if hold is not None:
        joining.append(Index(hold + 1))
    wanted = max(min([wanted, *lacking]), status.last + 1 - cap)
    wanted = max(min([wanted, *joining]), status.last + 1 - TRANSFER_CAPS * cap)
    return Index(max(status.first, min(wanted, status.applied + 1)))


def _lacking(
    peers: Iterable[PeerStatus], first: Index, bounds: LogBounds
) -> Iterable[Index]:
    """Yield the first index that each peer still needs from this log."""
    for peer in peers:
        is_live = peer.silent_ticks <= bounds.patience_ticks
        if not is_live and peer.takes_snapshots:
            continue
        if peer.match + 1 >= first:
            yield Index(peer.match + 1)


def _joining(
    peers: Iterable[PeerStatus], first: Index, bounds: LogBounds, copy: Index | None
) -> Iterable[Index]:
    """Yield where the log must go on for each live peer that a copy brings forward."""
    for peer in peers:
        if peer.silent_ticks > bounds.patience_ticks:
            continue
        if peer.match + 1 < first:
            if peer.offered:
                yield Index(peer.offered + 1)
        elif copy is not None and peer.match >= copy >= first - 1:
            yield Index(peer.match + 1)  # it has installed the copy, and follows


class Compaction:
    """Cuts the log of one replica, in slices. One owner: the replica."""

    def __init__(
        self,
        core: RaftCore,
        log: LogStore,
        state: StateStore,
        bounds: LogBounds,
        marks: Marks = NO_MARKS,
    ) -> None:
        self._core = core
        self._log = log
        self._state = state
        self._marks = marks
        self._goal = Index(0)
        self._slice = 1
        self._checked_at = Index(0)
        self._new_bytes = 0
        self.bounds = bounds

    @property
    def is_cutting(self) -> bool:
        """Whether slices are left to delete, or a corrupt slot is to be left behind."""
        is_under_way = self._goal != NO_INDEX and self._goal > self._log.first_index()
        return is_under_way or self._core.wants_cut

    def wrote(self, size_bytes: int) -> None:
        """Count what was appended: large entries fill a log before many do."""
        self._new_bytes += size_bytes

    def bound(self, bounds: LogBounds) -> None:
        """Keep this much from now on; the next cut looks at the log anew."""
        self.bounds = bounds
        self._goal = self._checked_at = Index(0)

    def restored(self) -> None:
        """Forget the goal: the log starts anew behind a snapshot."""
        self._goal = Index(0)
        self._checked_at = self._log.last_index()
        self._new_bytes = 0

    def cut(self, hold: Index | None, copy: Index | None = None) -> None:
        """Delete a slice if one is due. Call it after `StateStore.commit`, once a turn.

        hold, copy: see `first_to_keep`; asked for again with each check.
        """
        first = self._log.first_index()
        if self._goal <= first:
            if not self._is_due():
                return
            self._set_goal(hold, copy)
        goal = min(self._goal, Index(self._state.durable() + 1))
        if goal <= first:
            self._goal = Index(0)
            return
        slice_end = self._end_of_slice(first, goal)
        if slice_end < goal:
            self._marks.covers("compact.sliced")
        try:
            self._log.compact(
                slice_end,
                state_durable=self._state.durable(),
                anchor=self._core.anchor_of_cut(slice_end),
            )
        except SlotCorruptError as error:
            self._core.note(
                SlotCorrupt(Index(error.index))
            )  # repaired first, then cut (F33)
            self._goal = Index(0)
            return
        self._core.compacted(slice_end)
        if slice_end == goal:
            self._goal = Index(0)

    def _end_of_slice(self, first: Index, goal: Index) -> Index:
        """Return where the log may begin after this slice: the entry before must be sound."""
        end = Index(min(goal, first + self._slice))
        corrupt = self._core.status().corrupt
        while end < goal and end - 1 in corrupt:
            end = Index(end + 1)
        return end

    def _is_due(self) -> bool:
        if self._core.wants_cut:
            return True
        bounds = self.bounds
        grown = self._log.last_index() - self._checked_at
        return grown >= max(
            1, bounds.keep_entries // _CHECKS
        ) or self._new_bytes >= max(1, bounds.keep_bytes // _CHECKS)

    def _set_goal(self, hold: Index | None, copy: Index | None) -> None:
        self._checked_at = self._log.last_index()
        self._new_bytes = 0
        status = self._core.status()
        size_bytes, bounds = self._log.size_bytes(), self.bounds
        goal = first_to_keep(status, size_bytes, bounds, hold=hold, copy=copy)
        if goal <= status.first:
            return
        entry_bytes = max(1, size_bytes // (status.last - status.first + 1))
        in_bytes = max(1, bounds.slice_bytes // entry_bytes)
        self._slice = min(bounds.slice_entries, in_bytes)
        if goal < status.last + 1 - bounds.keep_entries:
            self._marks.covers("compact.held_for_peer")
        # What is not durable in state/ is replayed from the log: make it so first (T14).
        if self._state.durable() + 1 < goal:
            self._state.sync()
        self._goal = goal
