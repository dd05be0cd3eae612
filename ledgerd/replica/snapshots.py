"""When a node copies its state for others, and takes in the state of another (F28 to F30).

The work is done outside, by a `SnapshotStore`, and ends with an input. What is decided here: that
a copy is made when a peer needs one or somebody asks, one at a time; that a fetch goes on for as
long as the offer stands; that nothing is installed while a copy is made (T63).
"""

from dataclasses import dataclass
from typing import Final

from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import NO_INDEX, Index
from ledgerd.raft.marks import NO_MARKS, Marks
from ledgerd.raft.messages import SnapshotOffer
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import (
    SnapshotAsked,
    SnapshotFetched,
    SnapshotInput,
    SnapshotMade,
    SnapshotSpoiled,
    Waiter,
)
from ledgerd.replica.outbox import Outbox, SnapshotAnswer
from ledgerd.replica.ports import SnapshotStore

_UNTRUSTED: Final = "this node does not trust its state"
DOUBLINGS_MAX = 4  # of the pace, for a copy after others that the log has outrun
RETRY_TICKS = 100  # between two attempts to make a copy, after one has failed


@dataclass(slots=True)
class _Build:
    """A copy under way. at: what was visible when it began. waiters: who asked."""

    at: Index
    waiters: list[Waiter]


class NoSnapshots:
    """A store without copies: nothing is made, and nothing comes of what is offered."""

    def newest(self) -> Snapshot | None:
        """Return None."""
        return None

    def make(self, doublings: int) -> Index:
        """Begin nothing."""
        return NO_INDEX

    def fetch(self, offer: SnapshotOffer) -> None:
        """Begin nothing."""

    def stop_fetching(self) -> None:
        """Do nothing."""


class Snapshots:
    """The snapshots of one replica. One owner: the replica."""

    def __init__(
        self, core: RaftCore, store: SnapshotStore, marks: Marks = NO_MARKS
    ) -> None:
        self._core = core
        self._store = store
        self._marks = marks
        self._build: _Build | None = None
        self._askers: list[Waiter] = []
        self._wait_ticks = 0
        self._doublings = 0
        self._offer: SnapshotOffer | None = None  # being fetched, or tried in vain
        self._is_fetching = False
        self._fetched: Snapshot | None = None
        self._newest = store.newest()
        # A power cut may take the state back behind a copy of it: that one waits for its time.
        if self._newest is not None and self._newest.index > core.status().applied:
            self._newest = None
        if self._newest is not None:
            core.snapshot_made(self._newest)

    @property
    def hold(self) -> Index | None:
        """Above which index the log must stay, for a snapshot that will have to join it (F28)."""
        return self._build.at if self._build is not None else None

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot at hand."""
        return self._newest

    def take(self, item: SnapshotInput, outbox: Outbox) -> None:
        """Take the end of a work outside, or the wish for a copy."""
        match item:
            case SnapshotAsked():
                self._askers.append(item.waiter)
            case SnapshotMade():
                self._made(item, outbox)
            case SnapshotFetched():
                self._end_fetch(item)
            case SnapshotSpoiled():
                if self._newest is not None and self._newest.sha256 == item.sha256:
                    self._marks.covers("snapshot.spoiled")
                    self._newest = None
                    self._core.snapshot_made(None)  # T90

    def abandon(self, outbox: Outbox) -> None:
        """End every call that waits for a copy: one of a bad state is dropped (F37, T93)."""
        waiting = self._askers + (
            self._build.waiters if self._build is not None else []
        )
        self._askers, self._build = [], None
        for waiter in waiting:
            outbox.snapshots.append(SnapshotAnswer(waiter, None, _UNTRUSTED))

    def drive(self, ticks: int, outbox: Outbox, *, is_sound: bool) -> None:
        """Begin what is due. Once a turn, after its inputs.

        is_sound: whether the own state may be copied; a fenced node's may not (F37).
        """
        self._wait_ticks = max(0, self._wait_ticks - ticks)
        if self._build is not None or not self._is_put_in_place(outbox):
            self._drive_fetch()
        if not is_sound:
            for waiter in self._askers:
                outbox.snapshots.append(SnapshotAnswer(waiter, None, _UNTRUSTED))
            self._askers = []
            return
        is_wanted = bool(self._askers) or self._core.wants_snapshot
        if is_wanted and self._build is None and self._wait_ticks == 0:
            self._doublings = self._doublings_due()
            at = self._store.make(self._doublings)
            self._build = _Build(at, self._askers)
            self._askers = []

    def _doublings_due(self) -> int:
        """Return how often the pace of the next copy is doubled: once more than of one in vain.

        In vain was a copy whose end the log had left behind before the peer could follow it. At
        the same pace the next one would be, too.
        """
        newest, status = self._newest, self._core.status()
        if newest is None or status.first - 1 <= newest.index:
            return 0
        for peer in status.peers:
            if newest.index in (peer.offered, peer.match):
                return min(self._doublings + 1, DOUBLINGS_MAX)
        return 0

    def _is_put_in_place(self, outbox: Outbox) -> bool:
        """Hand over what was fetched; return whether its file is needed in this turn."""
        snapshot, self._fetched = self._fetched, None
        if snapshot is None:
            return False
        if self._core.fills_state(snapshot):
            self._marks.covers("snapshot.fetched_for_state")
            outbox.state_ready = snapshot  # F37
            return True
        if self._core.restore(snapshot):
            self._marks.covers("snapshot.installed")
            return True
        self._marks.covers("snapshot.not_needed")  # T60, T95
        return False

    def _drive_fetch(self) -> None:
        """Fetch what is offered now, and stop fetching what is not."""
        offer = self._core.offered
        if offer is None:
            if self._is_fetching:
                self._store.stop_fetching()
                self._is_fetching = False
            self._offer = None
            return
        if self._offer is not None:
            if self._is_fetching and self._offer.snapshot == offer.snapshot:
                return  # T95: the same again
            if not self._is_fetching and self._offer is offer:
                return  # it was tried in vain; the leader will offer again
        if self._fetched is not None:
            return  # the store keeps one: what waits for its place would be removed (F30)
        self._offer = offer
        self._is_fetching = True
        self._store.fetch(offer)

    def _made(self, item: SnapshotMade, outbox: Outbox) -> None:
        build, self._build = self._build, None
        if build is None:
            return  # begun for a replica that was given up since, over a state that was bad (F37)
        if item.snapshot is None:
            self._wait_ticks = RETRY_TICKS
        else:
            self._newest = item.snapshot
            self._core.snapshot_made(item.snapshot)
        for waiter in build.waiters:
            outbox.snapshots.append(SnapshotAnswer(waiter, item.snapshot, item.why))

    def _end_fetch(self, item: SnapshotFetched) -> None:
        if self._offer is None or item.sha256 != self._offer.snapshot.sha256:
            return  # of an attempt that was given up
        self._is_fetching = False
        if item.snapshot is None:
            self._marks.covers("snapshot.refused")
            return
        assert item.snapshot.id == self._offer.snapshot.id, (item, self._offer)
        self._fetched = item.snapshot
