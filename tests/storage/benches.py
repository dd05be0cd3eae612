"""The stores under test, each with hands on its disk: memory, LMDB and the simulated disk.

A check that all of them pass says what a store must do, and that the fakes are honest.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Protocol

from ledgerd.raft.entries import HardState, NodeId
from ledgerd.replica.ports import LogStore
from ledgerd.simulation.disk import SimDisk, SimLogStore, SimStateStore
from ledgerd.simulation.volume import SimulatedCrash
from ledgerd.storage import hard_state as twins
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment, StorageOptions, open_directory
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.making import FailingLogStore, FailingStateStore
from tests.storage.memory import MemoryDisk, MemoryLogStore

OPTIONS = StorageOptions(
    log_map_bytes=64 * 1024**2, state_map_bytes=64 * 1024**2, recent_bytes=4 * 1024
)


class Bench(Protocol):
    """A store under test, with hands on its disk."""

    def open(self) -> LogStore:
        """Open the store; after a crash of the process if it was open."""
        ...

    def close(self) -> None:
        """Stop it in order."""
        ...

    def fail_commit(self, number: int) -> None:
        """Let the number-th commit from now fail, and those after it succeed."""
        ...

    def crash_in_commit(self, *, kept: bool) -> None:
        """Let the process end inside the next commit, which stands or does not."""
        ...

    def edit(self, change: Callable[[dict[int, bytes]], None]) -> None:
        """Change raw values of the stopped store."""
        ...

    def edit_twin(self, number: int, new: HardState | None) -> None:
        """Replace one record of the hard state of the stopped store."""
        ...


class MemoryBench:
    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self.store: MemoryLogStore | None = None

    def open(self) -> LogStore:
        self.store = MemoryLogStore(self.disk)
        return self.store

    def close(self) -> None:
        if self.store is not None:
            self.store.close()

    def fail_commit(self, number: int) -> None:
        self.disk.fail_in = number

    def crash_in_commit(self, *, kept: bool) -> None:
        self.disk.crash_kept = kept

    def edit(self, change: Callable[[dict[int, bytes]], None]) -> None:
        change(self.disk.entries)

    def edit_twin(self, number: int, new: HardState | None) -> None:
        self.disk.twins[number] = new


class LmdbBench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment: Environment | None = None
        self.store: FailingLogStore | None = None

    def open(self) -> LogStore:
        self.crash()
        self.store = FailingLogStore(self._open())
        return self.store

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
        self.crash()

    def crash(self) -> None:
        if self.environment is not None:
            self.environment.close()
        self.environment = None
        self.store = None

    def fail_commit(self, number: int) -> None:
        assert self.store is not None
        self.store.fail_in = number

    def crash_in_commit(self, *, kept: bool) -> None:
        assert self.store is not None
        self.store.crash_kept = kept

    def edit(self, change: Callable[[dict[int, bytes]], None]) -> None:
        self.crash()
        environment = self._open()
        table = environment.log_tables[keys.ENTRIES]
        with environment.log.begin(write=True) as transaction:
            values = {
                int.from_bytes(key, "big"): value
                for key, value in transaction.cursor(table).iternext()
            }
            change(values)
            transaction.drop(table, delete=False)
            for index, value in values.items():
                transaction.put(index.to_bytes(8, "big"), value, db=table)
        self.crash()

    def edit_twin(self, number: int, new: HardState | None) -> None:
        self.crash()
        environment = self._open()
        table = environment.log_tables[keys.HARD_STATE_TWINS[number]]
        with environment.log.begin(write=True) as transaction:
            if new is None:
                transaction.delete(keys.HARD_STATE, db=table)
            else:
                value = twins.pack(new, environment.identity)
                transaction.put(keys.HARD_STATE, value, db=table)
        self.crash()

    def _open(self) -> Environment:
        self.environment = open_directory(
            self.directory, cluster_id="test", node_id=NodeId(1), options=OPTIONS
        )
        return self.environment


class SimulatedBench:
    """A power cut stands for every end of the process that was not in order."""

    def __init__(self) -> None:
        self.disk = SimDisk(Random(1))
        self.store: SimLogStore | None = None
        self.is_power_cut = True

    def open(self) -> LogStore:
        self.disk.crash(power=self.is_power_cut)
        self.disk.open(cluster_id="test", node_id=NodeId(1), options=OPTIONS)
        self.store = SimLogStore(self.disk)
        return self.store

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
        self.disk.crash(power=True)

    def fail_commit(self, number: int) -> None:
        self.disk.fail_sync(number)

    def crash_in_commit(self, *, kept: bool) -> None:
        def deed(is_written: bool) -> None:
            if is_written == kept:
                raise SimulatedCrash("crash in a commit")

        self.disk.log.plan(1, deed)
        self.is_power_cut = not kept

    def edit(self, change: Callable[[dict[int, bytes]], None]) -> None:
        table = self.disk.log.tables[keys.ENTRIES]
        values = {
            int.from_bytes(key, "big"): value for key, value in table.values.items()
        }
        change(values)
        for key in list(table.keys):
            table.set(key, None)
        for index, value in values.items():
            table.set(index.to_bytes(8, "big"), value)

    def edit_twin(self, number: int, new: HardState | None) -> None:
        environment = self.disk.open(cluster_id="test", node_id=NodeId(1))
        packed = None if new is None else twins.pack(new, environment.identity)
        name = keys.HARD_STATE_TWINS[number]
        self.disk.log.tables[name].set(keys.HARD_STATE, packed)


class NodeBench(Protocol):
    """Both stores of a node under test."""

    def open(self) -> tuple[LmdbLogStore, LmdbStateStore]:
        """Open both; after a crash of the process if they were open."""
        ...

    def environment(self) -> Environment:
        """Return what is open, for readers."""
        ...

    def fail_state_commit(self, number: int) -> None:
        """Let the number-th commit of state/ from now fail, and those after it succeed."""
        ...

    def edit_state(
        self, table: str, change: Callable[[dict[bytes, bytes]], None]
    ) -> None:
        """Change raw rows of the stopped state store."""
        ...

    def stop(self) -> None:
        """Free what is held."""
        ...


class LmdbNode:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.opened: Environment | None = None
        self.state: FailingStateStore | None = None

    def open(self) -> tuple[LmdbLogStore, LmdbStateStore]:
        self.stop()
        self.state = FailingStateStore(self._open())
        return LmdbLogStore(self.environment()), self.state

    def environment(self) -> Environment:
        assert self.opened is not None
        return self.opened

    def fail_state_commit(self, number: int) -> None:
        assert self.state is not None
        self.state.fail_in = number

    def edit_state(
        self, table: str, change: Callable[[dict[bytes, bytes]], None]
    ) -> None:
        self.stop()
        environment = self._open()
        handle = environment.state_tables[table]
        with environment.state.begin(write=True) as transaction:
            rows = dict(transaction.cursor(handle).iternext())
            change(rows)
            transaction.drop(handle, delete=False)
            for key, value in rows.items():
                transaction.put(key, value, db=handle)
        self.stop()

    def stop(self) -> None:
        if self.opened is not None:
            self.opened.close()
        self.opened = None

    def _open(self) -> Environment:
        self.opened = open_directory(
            self.directory, cluster_id="test", node_id=NodeId(1), options=OPTIONS
        )
        return self.opened


class SimulatedNode:
    def __init__(self) -> None:
        self.disk = SimDisk(Random(1))

    def open(self) -> tuple[LmdbLogStore, LmdbStateStore]:
        self.disk.crash(power=False)
        self.disk.open(cluster_id="test", node_id=NodeId(1), options=OPTIONS)
        return SimLogStore(self.disk), SimStateStore(self.disk)

    def environment(self) -> Environment:
        return self.disk.environment

    def fail_state_commit(self, number: int) -> None:
        self.disk.fail_sync(number, volume="state")

    def edit_state(
        self, table: str, change: Callable[[dict[bytes, bytes]], None]
    ) -> None:
        stored = self.disk.state.tables[table]
        rows = dict(stored.values)
        change(rows)
        for key in list(stored.keys):
            stored.set(key, None)
        for key, value in rows.items():
            stored.set(key, value)

    def stop(self) -> None:
        self.disk.crash(power=False)
