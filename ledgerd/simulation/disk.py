"""A node's disk in the simulator: two volumes, and everything that can happen to them.

The stores over it are those of production, so checksums, index and link checks, twins and the
latched first failure are the product's own. A disk lives as long as its node's id; `open` gives the
environment of one incarnation, `crash` ends it.

    disk = SimDisk(Random("disk/1"), DiskFaults())
    environment = disk.open(cluster_id="sim", node_id=NodeId(1))
    log, state = SimLogStore(disk), SimStateStore(disk)
    ...
    disk.crash(power=True)      # every object above is dead; open again

Damage is drawn from the disk's own generator and refused by its `Budget` when too little would be
left intact. Each such call says in words what it did, None if it did nothing.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple, Protocol, cast

from ledgerd.errors import NoSpaceError
from ledgerd.formats.entries import decode
from ledgerd.formats.records import Table
from ledgerd.raft.entries import Entry, Index, NodeId
from ledgerd.simulation.kv import PAGE_BYTES, KvEnvironment
from ledgerd.simulation.volume import SimulatedCrash, Volume
from ledgerd.storage import keys
from ledgerd.storage.environment import (
    DirectoryLock,
    Environment,
    Space,
    StorageOptions,
    admit_log,
    admit_state,
)
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.state_store import LmdbStateStore

SMALL: Final = StorageOptions(
    recent_bytes=16 * 1024,  # so that entries are read back
    free_bytes_min=32 * 1024,
)
UNLIMITED_BYTES: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class DiskFaults:
    """How a disk behaves by itself. Deeds that the schedule orders are methods of `SimDisk`.

    commit_ns: shortest and longest time of a commit. slow_chance: share of commits that take
    `slow_ns` longer. Nanoseconds of the node's own time.
    """

    commit_ns: tuple[int, int] = (200_000, 3_000_000)
    slow_chance: float = 0.0
    slow_ns: int = 0


class Lost(NamedTuple):
    """How many commits a crash undid in each volume."""

    log_commits: int
    state_commits: int


class Budget(Protocol):
    """Says whether a fault leaves a recoverable copy of everything. See `budget.FaultBudget`."""

    def allows_damage(
        self, disk: "SimDisk", volume: Volume, table: str, key: bytes
    ) -> bool:
        """Return whether this row may become unreadable or wrong on this disk."""
        ...

    def allows_loss(self, disk: "SimDisk") -> bool:
        """Return whether everything on this disk may be lost."""
        ...

    def allows_lie(self, disk: "SimDisk") -> bool:
        """Return whether this disk may begin to answer syncs that it does not do."""
        ...

    def allows_cut(self, disk: "SimDisk") -> bool:
        """Return whether this disk may lose what it wrongly called synced."""
        ...

    def allows_divergence(self, disk: "SimDisk") -> bool:
        """Return whether the state on this disk may become another than that of its peers."""
        ...


class NoBudget:
    """Allows everything; for tests of one disk."""

    def allows_damage(
        self, disk: "SimDisk", volume: Volume, table: str, key: bytes
    ) -> bool:
        """Return True."""
        return True

    def allows_loss(self, disk: "SimDisk") -> bool:
        """Return True."""
        return True

    def allows_lie(self, disk: "SimDisk") -> bool:
        """Return True."""
        return True

    def allows_cut(self, disk: "SimDisk") -> bool:
        """Return True."""
        return True

    def allows_divergence(self, disk: "SimDisk") -> bool:
        """Return True."""
        return True


class SimDisk:
    """The disk of one node id, over all incarnations.

    Attributes:
        log, state: the volumes.
        is_gone: nothing on it counts as a copy: it was wiped, or the driver has given its node up.
        is_diverged: its state counts as another one than the log says; no checksum knows.
        slow_ns: what each commit takes longer, for now.
    """

    def __init__(
        self,
        rng: Random,
        faults: DiskFaults | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.faults = faults or DiskFaults()
        self.budget: Budget = budget or NoBudget()
        self.log = Volume("log", rng, is_synced_by_commit=True)
        # LMDB without meta sync may lose one commit; the model loses all since the forced sync.
        self.state = Volume("state", rng, is_synced_by_commit=False)
        self.is_gone = False
        self.is_diverged = False
        self.slow_ns = 0
        self._rng = rng
        self._elapsed_ns = 0
        self._stall_ns = 0
        self._environment: Environment | None = None
        for volume in (self.log, self.state):
            volume.on_write = self._take_time

    # For the node.

    def open(
        self,
        *,
        cluster_id: str,
        node_id: NodeId,
        options: StorageOptions = SMALL,
    ) -> Environment:
        """Return the environment of a new incarnation; a new or wiped disk becomes the node's.

        Errors: as `storage.environment.open_directory` about whose directory it is.
        """
        directory = Path(f"/sim/node{node_id}")
        log, state = KvEnvironment(self.log), KvEnvironment(self.state)
        # The stores' annotations name lmdb's classes, which are final and need no protocol else.
        log_lmdb, state_lmdb = cast(Any, log), cast(Any, state)
        identity = admit_log(
            log_lmdb,
            directory,
            (cluster_id, node_id),
            store_uuid=self._rng.randbytes(16),
        )
        admit_state(state_lmdb, directory, identity)
        environment = SimEnvironment(
            directory,
            identity,
            options,
            cast(DirectoryLock, _NoLock()),
            log=log_lmdb,
            state=state_lmdb,
        )
        environment.disk = self
        self._environment = environment
        return environment

    def admit(self, options: StorageOptions = SMALL) -> None:
        """Return if there is room to start. Errors: NoSpaceError."""
        if self.free_bytes < options.free_bytes_min:
            raise NoSpaceError(f"{self.free_bytes} bytes are left")

    @property
    def environment(self) -> Environment:
        """The environment of the incarnation that runs."""
        assert self._environment is not None, "the disk is not open"
        return self._environment

    def committed(self) -> None:
        """Note that a store has committed; the volumes have taken the time for it already."""

    @property
    def elapsed_ns(self) -> int:
        """What writes have taken since `take_elapsed_ns` was called last."""
        return self._elapsed_ns

    def take_elapsed_ns(self) -> int:
        """Return what writes have taken since the last call; the node's own time moves by it."""
        elapsed_ns, self._elapsed_ns = self._elapsed_ns, 0
        return elapsed_ns

    # What can happen to it.

    def crash(self, *, power: bool) -> Lost:
        """End the incarnation. Only a power cut loses commits, and only those not synced.

        Where the budget forbids the loss of what a lying disk called synced, log/ keeps it.
        """
        keeps_log = power and not self.budget.allows_cut(self)
        if self._environment is not None:
            # An open write transaction ends with the process that wrote it.
            cast(Any, self._environment.log).close()
            cast(Any, self._environment.state).close()
        self._environment = None
        self._elapsed_ns = self._stall_ns = 0
        return Lost(
            self.log.crash(power=power and not keeps_log),
            self.state.crash(power=power),
        )

    def crash_in_commit(self, number: int = 1, *, volume: str = "log") -> None:
        """Let the number-th commit from now raise SimulatedCrash, before or after its effect."""
        after = self._rng.random() < 0.5

        def deed(is_written: bool) -> None:
            if is_written == after:
                raise SimulatedCrash(f"in commit {number} of {volume}/")

        self._volume(volume).plan(number, deed)

    def fail_sync(self, number: int = 1, *, volume: str = "log") -> None:
        """Let the number-th commit from now fail with EIO, once: the next would succeed (T8)."""

        def deed(is_written: bool) -> None:
            if not is_written:
                raise OSError(errno.EIO, "Input/output error of the simulated disk")

        self._volume(volume).plan(number, deed)

    def lie(self, *, lies: bool) -> bool:
        """Begin or end to answer syncs of log/ without doing them (T88).

        Returns whether it now does so: the budget may forbid the beginning.
        """
        self.log.lies = lies and (self.log.lies or self.budget.allows_lie(self))
        return self.log.lies

    def calm(self) -> None:
        """Take back what is planned and not done yet: crashes, failures, stalls, lies."""
        for volume in (self.log, self.state):
            volume.forget_plans()
            volume.capacity_bytes = None
        self.log.lies = False
        self._stall_ns = self.slow_ns = 0

    def stall(self, ns: int) -> None:
        """Let the next commit take this much longer."""
        self._stall_ns += ns

    def fill(self, free_bytes: int | None) -> None:
        """Leave only so much room, None for plenty. Beyond it a commit fails with ENOSPC."""
        for volume in (self.log, self.state):
            volume.capacity_bytes = (
                None if free_bytes is None else volume.used_bytes + free_bytes
            )

    @property
    def is_limited(self) -> bool:
        """Whether `fill` left only so much room."""
        return self.log.capacity_bytes is not None

    @property
    def free_bytes(self) -> int:
        """The room that is left."""
        return min(
            UNLIMITED_BYTES
            if volume.capacity_bytes is None
            else max(0, volume.capacity_bytes - volume.used_bytes)
            for volume in (self.log, self.state)
        )

    def wipe(self) -> str | None:
        """Lose everything (T13), when the budget allows it."""
        if not self.budget.allows_loss(self):
            return None
        self._environment = None
        self.log.wipe()
        self.state.wipe()
        self.is_gone = True
        self.is_diverged = False
        return "wiped"

    def damage_entry(self, index: int | None = None) -> str | None:
        """Damage one log entry, drawn if not named: bits, another's bytes, an older one, none."""
        return self._damage(self.log, keys.ENTRIES, index)

    def damage_state(self) -> str | None:
        """Flip a bit in one row of state/, but not in those that say whose and how old it is."""
        tables = [
            name
            for name, table in sorted(self.state.tables.items())
            if table.keys and name != Table.META
        ]
        return self._damage(self.state, self._rng.choice(tables)) if tables else None

    def diverge(self) -> bool:
        """Let the state count as another one than the log says from the next entry on (F37).

        Returns whether it now does so: the budget may forbid it.
        """
        if self.budget.allows_divergence(self):
            self.is_diverged = True
        return self.is_diverged

    def damage_twin(self) -> str | None:
        """Damage one record of the hard state (T86); nothing would tell of two old ones alike."""
        if any(table in keys.HARD_STATE_TWINS for table, _ in self.log.damaged):
            return None
        return self._damage(self.log, self._rng.choice(keys.HARD_STATE_TWINS))

    # Inside.

    def _volume(self, name: str) -> Volume:
        return self.log if name == "log" else self.state

    def _take_time(self) -> None:
        shortest, longest = self.faults.commit_ns
        self._elapsed_ns += self._rng.randint(shortest, longest) + self._stall_ns
        self._elapsed_ns += self.slow_ns
        self._stall_ns = 0
        if self.faults.slow_chance and self._rng.random() < self.faults.slow_chance:
            self._elapsed_ns += self.faults.slow_ns

    def _damage(
        self, volume: Volume, name: str, index: int | None = None
    ) -> str | None:
        table = volume.tables.get(name)
        if table is None or not table.keys:
            return None
        key = (
            self._rng.choice(table.keys) if index is None else index.to_bytes(8, "big")
        )
        if key not in table.values or (name, key) in volume.damaged:
            return None
        if not self.budget.allows_damage(self, volume, name, key):
            return None
        kinds = _ROW_KINDS if volume is self.state else sorted(_KINDS)
        kind = self._rng.choice(kinds)
        if kind == "stale" and name == keys.ENTRIES and not self._is_between(key):
            kind = "flipped"
        bad = _KINDS[kind](self._rng, volume, name, key)
        if bad == table.values[key] or (bad is None and name in keys.HARD_STATE_TWINS):
            kind, bad = "flipped", _flipped(self._rng, volume, name, key)
        volume.damage(name, key, bad)
        return f"{volume.name}/{name} {key.hex()} {kind}"

    def _is_between(self, key: bytes) -> bool:
        """Return whether intact entries stand on both sides of this one, and two behind it.

        Only they can tell that an old record was put back, or that there is none any more (T87).
        """
        index = keys.index_of(key)
        around = [keys.index_key(Index(index + by)) for by in (-1, 1, 2)]
        values = self.log.tables[keys.ENTRIES].values
        return all(
            other in values and (keys.ENTRIES, other) not in self.log.damaged
            for other in around
        )

    @property
    def needs_emptying(self) -> bool:
        """Whether something is damaged without which the state cannot be opened."""
        return any(table in _READ_AT_START for table, _ in self.state.damaged)

    def forget_below(self, first: Index) -> None:
        """Count no slot below the first one as damaged: a missing row is not there to be cut."""
        end = keys.index_key(first)
        for table, key in list(self.log.damaged):
            if table == keys.ENTRIES and key < end:
                del self.log.damaged[table, key]

    def forget_above(self, last: Index) -> None:
        """Count no slot above the last one as damaged: nor is it there to be replaced."""
        end = keys.index_key(last)
        for table, key in list(self.log.damaged):
            if table == keys.ENTRIES and key > end:
                del self.log.damaged[table, key]

    def written_entries(self) -> dict[Index, Entry]:
        """Return what was last written in the slots of the log that are damaged now."""
        found: dict[Index, Entry] = {}
        for (table, key), value in self.log.damaged.items():
            if table == keys.ENTRIES:
                index = keys.index_of(key)
                entry = decode(value, index).entry
                assert entry is not None, index
                found[index] = entry
        return found


class SimEnvironment(Environment):
    """`storage.environment.Environment` whose room is that of the simulated disk."""

    disk: SimDisk

    def space(self, *, counts_free_pages: bool = True) -> Space:
        """Return how much room the simulated disk has."""
        log, state = self.log.info(), self.state.info()
        return Space(
            disk_free_bytes=self.disk.free_bytes,
            log_used_bytes=(log["last_pgno"] + 1) * PAGE_BYTES,
            log_file_bytes=(log["last_pgno"] + 1) * PAGE_BYTES,
            log_map_bytes=log["map_size"],
            state_used_bytes=(state["last_pgno"] + 1) * PAGE_BYTES,
            state_file_bytes=(state["last_pgno"] + 1) * PAGE_BYTES,
            state_map_bytes=state["map_size"],
        )


class SimLogStore(LmdbLogStore):
    """`replica.ports.LogStore` over a simulated disk that is open: the store of production.

    Its receipts say how long the simulated disk took (F8).
    """

    def __init__(self, disk: SimDisk) -> None:
        super().__init__(disk.environment, clock=lambda: disk.elapsed_ns / 1e9)
        self._disk = disk

    # Any: lmdb's own class, which only storage may name.
    def _commit(self, transaction: Any) -> None:
        super()._commit(transaction)
        self._disk.committed()


class SimStateStore(LmdbStateStore):
    """`replica.ports.StateStore` over a simulated disk that is open: the store of production."""

    def __init__(self, disk: SimDisk) -> None:
        super().__init__(disk.environment)
        self._disk = disk

    # Any: lmdb's own class, which only storage may name.
    def _commit(self, transaction: Any) -> None:
        super()._commit(transaction)
        self._disk.committed()


class _NoLock:
    """A simulated directory is used by one node only."""

    def release(self) -> None:
        """Do nothing."""


# How a row can be wrong: each returns what stands in its place, None for nothing.


def _flipped(rng: Random, volume: Volume, name: str, key: bytes) -> bytes | None:
    value = bytearray(volume.tables[name].values[key])
    if not value:
        return None
    bit = rng.randrange(8 * len(value))
    value[bit // 8] ^= 1 << bit % 8
    return bytes(value)


def _misdirected(rng: Random, volume: Volume, name: str, key: bytes) -> bytes | None:
    """Return the bytes of another row of the table."""
    others: Sequence[bytes] = volume.tables[name].keys
    return volume.tables[name].values[rng.choice(others)]


def _stale(rng: Random, volume: Volume, name: str, key: bytes) -> bytes | None:
    """Return what stood there before: a lost write. None where nothing did."""
    return volume.overwritten.get((name, key))


_READ_AT_START: Final = (Table.CONFIG, Table.INTERNAL, Table.TREE)
_ROW_KINDS: Final = (
    "flipped",
)  # nothing but the digest would show an old row put back
_KINDS: Final[dict[str, Callable[[Random, Volume, str, bytes], bytes | None]]] = {
    "flipped": _flipped,
    "misdirected": _misdirected,
    "stale": _stale,
}
