"""Bugs of storage: what is written, in how many transactions, and what is believed afterwards."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ledgerd.errors import StorageError
from ledgerd.formats.entries import Verdict, decode
from ledgerd.formats.records import Table
from ledgerd.raft.entries import NO_NODE, HardState, Index, Role
from ledgerd.raft.membership import Standing
from ledgerd.replica.compaction import LogBounds
from ledgerd.simulation.snapshots import InstallingState
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


def _cut_the_bad_tail(stored_last: Function) -> Function:
    """Take a bad record at the end for one that was never written whole (T15)."""

    def cut(self: LmdbLogStore) -> Any:
        with (
            self._lmdb.begin(write=True) as transaction,
            transaction.cursor(self._entries) as cursor,
        ):
            more = cursor.last()
            while more:
                index = keys.index_of(cursor.key())
                if decode(cursor.value(), index).verdict is Verdict.INTACT:
                    break
                cursor.delete()
                more = cursor.last()
            self._last = index if more else self._anchor.at
        return stored_last(self)

    return cut


def _let_another_store_in(standing: Function) -> Function:
    """Know a node by its id alone (T13)."""

    def by_id(self: Any, node_id: Any, store_uuid: bytes) -> Any:
        found = standing(self, node_id, store_uuid)
        return Standing.MEMBER if found is Standing.OTHER_STORE else found

    return by_id


def _believe_rows(body_of: Function) -> Function:
    """Read rows without a look at their checksum (T85)."""
    del body_of

    def unchecked(table: Any, key: bytes, value: bytes) -> bytes:
        return bytes(value[:-4])

    return unchecked


def _rot(kind: str) -> Callable[[Setup], Setup]:
    """Return what lets one kind of damage come often, beside crashes and cuts."""

    def rot(setup: Setup) -> Setup:
        return replace(
            setup,
            nodes=max(3, setup.nodes),
            old_nodes=0,
            faults=(kind, kind, "crash", "isolate_leader", "crash_all"),
        )

    return rot


def _install_without_ids(swap: Function) -> Function:
    """Put a state in place that lacks the table of used ids."""

    def without(self: InstallingState, snapshot: Any) -> None:
        swap(self, snapshot)
        tables = dict(self.disk.state.tables)
        tables[Table.ID.value] = type(tables[Table.ID.value])()
        self.disk.state.replace(tables)

    return without


def _take_what_is_known(on_offer: Function) -> Function:
    """Fetch any snapshot that is offered, even one behind the commit index (T60)."""

    def take(self: Any, message: Any) -> None:
        on_offer(self, message)
        self._roles.offer = message

    return take


def _fetch_what_is_known(drive_fetch: Function) -> Function:
    def fetch(self: Any) -> None:
        offer = self._core._roles.offer
        if offer is None:
            drive_fetch(self)
        elif not self._is_fetching and self._offer is not offer:
            self._offer, self._is_fetching = offer, True
            self._store.fetch(offer)

    return fetch


def _install_what_is_known(restore: Function) -> Function:
    """Start anew behind a snapshot at or below the commit index."""

    def back(self: Any, snapshot: Any) -> Any:
        roles = self._roles
        if roles.role is Role.LEADER or self._log.matches(snapshot.id):
            return restore(self, snapshot)
        roles.commit = min(roles.commit, Index(snapshot.index - 1))
        return restore(self, snapshot)

    return back


def _short_logs(setup: Setup) -> Setup:
    """Logs are cut at once, so that who was away a little needs a copy of the state."""
    return replace(
        setup,
        nodes=max(3, setup.nodes),
        old_nodes=0,
        bounds=LogBounds(keep_bytes=1, keep_entries=1, cap_bytes=1, patience_ticks=0),
        faults=("partition", "isolate_leader", "crash", "one_way", "clog"),
        load=replace(setup.load, retry_same=0.5),
    )


def _late_offers(setup: Setup) -> Setup:
    """Offers come again long after they were made, when the log has moved on."""
    setup = _short_logs(setup)
    wire = replace(setup.wire, replay=0.5, replay_ns=4 * setup.base_ns)
    return replace(setup, wire=wire)


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
        "M17",
        "a corrupt record at the end of the log is cut as if it were torn",
        {"ledgerd.storage.log_store:LmdbLogStore._stored_last": _cut_the_bad_tail},
        setup=_rot("damage_entry"),
    ),
    Plant(
        "M18",
        "a node with an emptied disk takes part under its old id",
        {"ledgerd.raft.membership:Membership.standing": _let_another_store_in},
        setup=_rot("wipe"),
    ),
    Plant(
        "X23",
        "the checksum of a row is not looked at when it is read",
        {"ledgerd.formats.records.rows:_body": _believe_rows},
        setup=_rot("damage_state"),
    ),
    Plant(
        "X8",
        "a copy of the state lacks the table of used ids",
        {"ledgerd.simulation.snapshots:InstallingState._swap": _install_without_ids},
        setup=_short_logs,
    ),
    Plant(
        "X17",
        "a snapshot at or below the commit index is installed",
        {
            "ledgerd.raft.dispatch:Dispatch._on_offer": _take_what_is_known,
            "ledgerd.replica.snapshots:Snapshots._drive_fetch": _fetch_what_is_known,
            "ledgerd.raft.core:RaftCore.restore": _install_what_is_known,
        },
        setup=_late_offers,
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
