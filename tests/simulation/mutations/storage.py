"""Bugs of storage: what is written, in how many transactions, and what is believed afterwards."""

from dataclasses import replace
from typing import Any, Final

from ledgerd.errors import StorageError
from ledgerd.raft.entries import NO_NODE, HardState
from ledgerd.simulation.swarm import Setup
from ledgerd.storage import applied as applied_record
from ledgerd.storage import keys
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.state_store import LmdbStateStore
from tests.simulation.mutations.plant import Function, Plant


def _forget_the_vote(pack: Function) -> Function:
    def without(hard_state: HardState, identity: Any) -> Any:
        return pack(HardState(hard_state.term, NO_NODE, hard_state.commit), identity)

    return without


def _write_the_index_apart(finish: Function) -> Function:
    """Commit the rows, then the applied index in a transaction of its own."""

    def apart(self: LmdbStateStore) -> None:
        transaction, self._transaction = self._transaction, None
        assert transaction is not None
        self._commit(transaction)
        record = applied_record.pack(self._applied)
        second = self._lmdb.begin(write=True)
        second.put(keys.APPLIED, record, db=self._handles[keys.META])
        self._commit(second)

    return apart


def _try_again(write: Function) -> Function:
    """Write once more after a failure, and believe it."""

    def twice(self: LmdbLogStore, *args: Any, **kwargs: Any) -> None:
        try:
            write(self, *args, **kwargs)
        except StorageError:
            self._failed = None
            write(self, *args, **kwargs)

    return twice


def _failing_syncs(setup: Setup) -> Setup:
    """Syncs fail, and the power is cut soon after."""
    faults = ("fail_sync", "fail_sync", "crash", "crash_all")
    return replace(setup, faults=faults, calm_ns=0)


PLANTS: Final = (
    Plant(
        "M2",
        "the vote is not written",
        {"ledgerd.storage.hard_state:pack": _forget_the_vote},
    ),
    Plant(
        "M13",
        "the applied index has a transaction of its own",
        {"ledgerd.storage.state_store:LmdbStateStore._finish": _write_the_index_apart},
    ),
    Plant(
        "M14",
        "a failed sync is tried again and believed",
        {"ledgerd.storage.log_store:LmdbLogStore._write": _try_again},
        setup=_failing_syncs,
    ),
)
