"""log/ over LMDB: what the port contract cannot say, because only LMDB does it."""

import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.raft.entries import HardState, Index, NodeId
from ledgerd.storage import hard_state as twins
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment, StorageOptions, open_directory
from ledgerd.storage.identity import Identity
from ledgerd.storage.log_store import LmdbLogStore
from tests.storage.making import chain, hard_state, ready
from tests.storage.world import open_node


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """A new node's directory."""
    with open_node(tmp_path / "node") as opened:
        yield opened


def test_another_thread_is_stopped_by_an_assertion(environment: Environment) -> None:
    """T72: one thread per write transaction; LMDB itself would not complain."""
    log = LmdbLogStore(environment)
    caught: list[AssertionError] = []

    def intrude() -> None:
        try:
            log.last_index()
        except AssertionError as error:
            caught.append(error)

    thread = threading.Thread(target=intrude)
    thread.start()
    thread.join()

    assert "belongs to another thread" in str(caught[0])


def test_a_store_can_be_adopted(environment: Environment) -> None:
    """Opened at start by one thread, owned from then on by the replica thread."""
    log = LmdbLogStore(environment)
    receipts: list[int] = []

    def own() -> None:
        log.adopt()
        receipts.append(log.persist(ready(1, state=hard_state(1))).ticket)

    thread = threading.Thread(target=own)
    thread.start()
    thread.join()

    assert receipts == [1]
    with pytest.raises(AssertionError):
        log.hard_state()


def test_a_disk_that_takes_no_more_is_final(environment: Environment) -> None:
    """T8, with a real failing write: the limit on file size is reached, and then lifted again.

    LMDB would go on; the store does not. Nothing of the failed write is there afterwards.
    """
    log = LmdbLogStore(environment)
    entries = chain([b"small", b"large" * 400_000, b"small"])
    log.persist(ready(1, entries=entries[:1], state=hard_state(1, vote=1)))
    used_bytes = (environment.directory / "log" / "data.mdb").stat().st_size
    old = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (used_bytes + 8192, old[1]))
    try:
        with pytest.raises(StorageError, match="write or sync failed"):
            log.persist(ready(2, entries=entries[1:2]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    with pytest.raises(StorageError, match="an earlier failure is final"):
        log.persist(ready(2, entries=entries[1:2]))

    again = LmdbLogStore(environment)
    assert again.last_index() == 1
    assert again.entries(Index(1), Index(1), 1) == entries[:1]


def test_a_full_map_is_final(tmp_path: Path) -> None:
    """MDB_MAP_FULL inside a log write ends the process like any other failure (T72)."""
    options = StorageOptions(log_map_bytes=256 * 1024, state_map_bytes=1024**2)
    with open_directory(
        tmp_path, cluster_id="c", node_id=NodeId(1), options=options
    ) as small:
        log = LmdbLogStore(small)
        with pytest.raises(StorageError, match="MDB_MAP_FULL"):
            log.persist(ready(1, entries=chain([b"x" * 300_000]), state=hard_state(1)))
        with pytest.raises(StorageError, match="an earlier failure is final"):
            log.hard_state()


def test_rot_behind_the_verified_tail_is_found_when_it_is_read(
    environment: Environment,
) -> None:
    """Start-up reads the tail only; every later read checks too."""
    payload = bytes(1024**2)
    entries = chain([payload] * 20)
    log = LmdbLogStore(environment)
    log.persist(ready(1, entries=entries, state=hard_state(1)))
    table = environment.log_tables[keys.ENTRIES]
    with environment.log.begin(write=True) as transaction:
        key = keys.index_key(Index(2))
        value = bytearray(transaction.get(key, db=table) or b"")
        value[-1] ^= 1
        transaction.put(key, bytes(value), db=table)

    log = LmdbLogStore(environment)

    assert log.last_index() == 20
    assert log.entries(Index(20), Index(20), 1) == entries[19:]
    with pytest.raises(
        CorruptionError, match="table entries, index 2: corrupt: checksum"
    ):
        log.entries(Index(1), Index(3), 10**9)
    with pytest.raises(CorruptionError, match="index 2"):
        log.term(Index(2))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (hard_state(5, vote=1), hard_state(4, vote=1)),  # T2
        (hard_state(5, vote=1), hard_state(5, vote=2)),  # one vote a term, 5.2
        (hard_state(5, vote=1), hard_state(5, vote=0)),
    ],
)
def test_a_hard_state_that_may_not_follow_is_stopped(
    environment: Environment, old: HardState, new: HardState
) -> None:
    """Whatever the core says: term never falls, a vote is never changed."""
    log = LmdbLogStore(environment)
    log.persist(ready(1, state=old))

    with pytest.raises(AssertionError):
        log.persist(ready(2, state=new))


def test_an_entry_of_a_later_term_than_the_hard_state_is_stopped(
    environment: Environment,
) -> None:
    """T4."""
    log = LmdbLogStore(environment)
    log.persist(ready(1, state=hard_state(1)))

    with pytest.raises(AssertionError):
        log.persist(ready(2, entries=chain([b"x"], term=2)))


def test_a_committed_entry_is_never_replaced(environment: Environment) -> None:
    """Raft 5.3: truncation starts above the commit index."""
    entries = chain([b"a", b"b", b"c"])
    log = LmdbLogStore(environment)
    log.persist(ready(1, entries=entries, state=hard_state(1, commit=2)))

    with pytest.raises(AssertionError):
        log.persist(
            ready(
                2,
                entries=chain([b"B"], term=2, after=entries[0]),
                state=hard_state(2, commit=2),
            )
        )


def test_golden_bytes_of_the_hard_state() -> None:
    """Version 1 of a twin."""
    identity = Identity("c", NodeId(2), bytes(range(16)), 1)
    expected = bytes.fromhex(
        "01"
        "0000000000000007"
        "00000003"
        "0000000000000005"
        "00000002"
        "000102030405060708090a0b0c0d0e0f"
        "04a6682a"  # CRC32C
    )

    found = twins.pack(hard_state(7, vote=3, commit=5), identity)

    assert expected == found
    assert twins.unpack(found, identity, where="here") == hard_state(
        7, vote=3, commit=5
    )


def test_a_receipt_says_how_long_the_synced_write_took(
    environment: Environment,
) -> None:
    """F8: the core judges its disk by it; what waits for the next write was not timed."""
    times = iter([10.0, 10.25])
    log = LmdbLogStore(environment, clock=lambda: next(times))
    synced = log.persist(ready(1, state=hard_state(1)))
    deferred = log.persist(ready(2, must_sync=False))

    assert synced.took_us == 250_000
    assert deferred.took_us is None


def test_without_a_clock_a_receipt_does_not_say(environment: Environment) -> None:
    """A simulated run must not depend on the time of this machine."""
    log = LmdbLogStore(environment)

    assert log.persist(ready(1, state=hard_state(1))).took_us is None
