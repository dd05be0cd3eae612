"""Copies of state/ in a run: made by one node, fetched by another, put in place (F27 to F30).

A copy is the rows of a state volume as of one commit. Its bytes travel beside the network's
messages, over the same links: a cut one holds them up, and a node that dies gives up what it was
doing. What has come whole is durable before the replica hears of it, and is put in place once the
log has started behind it, at once or at the next start.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ledgerd.formats.records import is_sealed
from ledgerd.raft.entries import Anchor, EntryId, Index, NodeId
from ledgerd.raft.facts import SnapshotSent
from ledgerd.raft.messages import SnapshotOffer
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import (
    Input,
    Noted,
    SnapshotFetched,
    SnapshotMade,
    SnapshotSpoiled,
    StateDamaged,
)
from ledgerd.simulation.clock import Agenda
from ledgerd.simulation.dice import chance
from ledgerd.simulation.disk import SimDisk, SimStateStore
from ledgerd.simulation.network import Network
from ledgerd.simulation.swarm import Setup
from ledgerd.simulation.volume import Table
from ledgerd.storage import keys
from ledgerd.storage.applied import unpack
from ledgerd.storage.tables import Tables

Rows = dict[str, dict[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Copy:
    """The rows of a state. rotten: a row among them fails its checksum, and which."""

    snapshot: Snapshot
    rows: Rows
    rotten: str


@dataclass(slots=True)
class Shelf:
    """What a node's disk holds beside log/ and state/: the newest copy, and what was fetched.

    is_rotten: the newest copy is not what it was when it was made. rots_until_ns: so long each new
        one rots at once.
    """

    made: Copy | None = None
    is_rotten: bool = False
    rots_until_ns: int = 0
    fetched: dict[bytes, Copy] = field(default_factory=dict)


class Holder(Protocol):
    """What a machine is to its copies."""

    node_id: NodeId
    disk: SimDisk
    shelf: Shelf
    incarnation: int
    own_ns: int

    @property
    def is_up(self) -> bool:
        """Whether a process runs."""
        ...

    def take(self, item: Input) -> None:
        """Queue an input."""
        ...


class SimSnapshots:
    """`replica.ports.SnapshotStore` of one incarnation."""

    def __init__(
        self,
        holder: Holder,
        *,
        agenda: Agenda,
        network: Network,
        setup: Setup,
        generator: random.Random,
        find: Callable[[NodeId], Holder | None],
        on_fetch: Callable[[], None] = lambda: None,
    ) -> None:
        """Make them. on_fetch: told when a fetch begins."""
        self._holder = holder
        self.incarnation = holder.incarnation
        self._agenda = agenda
        self._network = network
        self._setup = setup
        self._dice = generator
        self._find = find
        self._on_fetch = on_fetch
        self._fetch = 0  # the number of the fetch under way
        self._forgotten = 0  # how often the state turned out bad

    @property
    def _is_alive(self) -> bool:
        return self._holder.is_up and self._holder.incarnation == self.incarnation

    def newest(self) -> Snapshot | None:
        """Return the newest whole copy at hand."""
        made = self._holder.shelf.made
        return made.snapshot if made is not None else None

    def make(self, doublings: int) -> Index:
        """Copy what is committed now; it is whole some time later."""
        copied = copy_of(self._holder)
        self._later(self._setup.base_ns // 2, self._made, copied, self._forgotten)
        return copied.snapshot.index

    def forget(self) -> None:
        """Remove the copies of a state that turned out bad, the one being made too (F37)."""
        self._forgotten += 1
        self._holder.shelf.made = None

    def _made(self, copied: Copy, forgotten: int) -> None:
        if not self._is_alive:
            return
        if forgotten != self._forgotten or chance(self._dice, 0.05):
            self._holder.take(SnapshotMade(None, "no room"))
            return
        if copied.rotten:  # its rows were looked at, as production does (T74, T90)
            self._holder.take(StateDamaged(copied.rotten))
            self._holder.take(SnapshotMade(None, copied.rotten))
            return
        self._holder.shelf.made = copied
        shelf = self._holder.shelf
        shelf.is_rotten = self._agenda.now_ns < shelf.rots_until_ns
        self._holder.take(SnapshotMade(copied.snapshot))

    def fetch(self, offer: SnapshotOffer) -> None:
        """Begin to fetch; tried again until it is whole, refused or stopped.

        The turn that begins it takes long now and then, and what comes meanwhile comes at once.
        """
        self._fetch += 1
        if chance(self._dice, 0.4):
            self._holder.own_ns += int(self._setup.base_ns * self._dice.random())
        self._later(
            self._trip_ns(), self._go_on, self._fetch, offer, self._setup.chunks
        )
        self._on_fetch()

    def stop_fetching(self) -> None:
        """Give the fetch under way up."""
        self._fetch += 1

    def _go_on(self, number: int, offer: SnapshotOffer, chunks: int) -> None:
        """Take one more chunk, if the link and the sender let it through."""
        if not self._is_alive or number != self._fetch:
            return
        source = self._find(offer.sender)
        holder = self._holder
        is_cut = self._network.is_cut(offer.sender, holder.node_id) or (
            self._network.is_cut(holder.node_id, offer.sender)
        )
        if source is None or not source.is_up or is_cut:
            self._later(4 * self._trip_ns(), self._go_on, number, offer, chunks)
            return
        if chunks > 1:
            self._later(self._trip_ns(), self._go_on, number, offer, chunks - 1)
            return
        self._end(offer, source)

    def _end(self, offer: SnapshotOffer, source: Holder) -> None:
        shelf, sha256 = source.shelf, offer.snapshot.sha256
        made = shelf.made
        is_there = made is not None and made.snapshot.sha256 == sha256
        is_whole = is_there and not shelf.is_rotten and not chance(self._dice, 0.1)
        source.take(Noted(SnapshotSent(self._holder.node_id, is_whole)))
        if not is_whole or made is None:
            if is_there and shelf.is_rotten:
                # Its maker is told that it came damaged, looks at it and drops it (T90).
                shelf.made = None
                source.take(SnapshotSpoiled(sha256))
            # Gone at the sender, or damaged on its way: refused (T90).
            self._holder.take(SnapshotFetched(sha256, None))
            return
        self._holder.shelf.fetched = {sha256: made}
        self._holder.take(SnapshotFetched(sha256, made.snapshot))

    def _trip_ns(self) -> int:
        wire = self._network.wire
        return 2 * (wire.delay_ns + wire.jitter_ns) + self._setup.sync_ns

    def _later(self, after_ns: int, deed: Callable[..., None], *args: object) -> None:
        after_ns = int(after_ns * (0.5 + self._dice.random()))
        self._agenda.at(self._agenda.now_ns + after_ns, deed, *args)


def copy_of(holder: Holder) -> Copy:
    """Return the committed rows of a node's state, and what they stand for."""
    environment = holder.disk.environment
    with environment.state.begin() as transaction:
        tables = Tables(environment, transaction)
        applied = tables.applied()
        rows: Rows = {}
        for name, handle in sorted(environment.state_tables.items()):
            with transaction.cursor(handle) as cursor:
                rows[name] = dict(cursor.iternext())
        membership = tables.membership()
    summed = hashlib.sha256(b"%d" % holder.node_id + applied.digest)
    size_bytes = sum(
        len(k) + len(v) for table in rows.values() for k, v in table.items()
    )
    anchor = Anchor(
        EntryId(applied.term, applied.index), applied.link, applied.log_time_us
    )
    snapshot = Snapshot(
        anchor, membership, applied.digest, max(1, size_bytes), summed.digest()
    )
    # Only those that were spoiled are looked at: all others are as they were written.
    rotten = [
        f"state/, table {name}, key {key.hex()}: its checksum is wrong"
        for name, key in sorted(holder.disk.state.damaged)
        if key in rows.get(name, ()) and not is_sealed(name, key, rows[name][key])
    ]
    return Copy(snapshot, rows, rotten[0] if rotten else "")


def put_in_place(disk: SimDisk, copied: Copy | None) -> None:
    """Make these rows, or none, the node's state, durably; its identity stays its own."""
    own = disk.state.tables[keys.META].values.get(keys.IDENTITY)
    tables: dict[str, Table] = {}
    if copied is None:
        rows: Rows = {name: {} for name in keys.STATE_TABLES}
        rows[keys.META][keys.IDENTITY] = b""
    else:
        rows = copied.rows
    for name, values in rows.items():
        table = tables[name] = Table()
        for key, value in sorted(values.items()):
            is_identity = (name, key) == (keys.META, keys.IDENTITY)
            table.set(key, own if is_identity else value)
    disk.state.replace(tables)
    disk.is_diverged = False


def finish(disk: SimDisk, shelf: Shelf, anchor: Anchor) -> None:
    """Put in place what a crash kept out: the log starts behind it already (T14)."""
    if not shelf.fetched:
        return
    found = unpack(disk.state.tables[keys.META].values.get(keys.APPLIED))
    for copied in shelf.fetched.values():
        if copied.snapshot.anchor == anchor and found.index < anchor.at:
            put_in_place(disk, copied)


class InstallingState(SimStateStore):
    """The state store of production, whose fetched states lie on a shelf."""

    shelf: Shelf
    disk: SimDisk

    def _swap(self, snapshot: Snapshot) -> None:
        """Put the fetched rows in the place of these."""
        put_in_place(self.disk, self.shelf.fetched[snapshot.sha256])
