"""A state of another node, put in the place of this one's. F29, F30, T14, T90, T95."""

import hashlib
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import google_crc32c
import pytest

from ledgerd.errors import StorageError
from ledgerd.raft.entries import Entry, Index
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.tree import NO_TREE
from ledgerd.storage.environment import Environment
from ledgerd.storage.install import Incoming, SnapshotRefused, resumed
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.recovery import recover
from ledgerd.storage.state_copy import Copied, make_copy
from ledgerd.storage.state_store import LmdbStateStore
from ledgerd.storage.tables import Tables
from tests.storage.making import hard_state, ready
from tests.storage.test_state_copy import crash_at
from tests.storage.world import make_node, open_node, usual_history

CHUNK = 8192


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def source(tmp_path: Path) -> Copied:
    """Return a copy of the state of a node that has applied everything."""
    make_node(tmp_path / "source", usual_history())
    with open_node(tmp_path / "source") as environment:
        return make_copy(environment, bytes_per_s=1 << 40, chunk_bytes=CHUNK)


@pytest.fixture
def behind(tmp_path: Path) -> Path:
    """Return the directory of a node that stands at index 3, with a tail of its own."""
    make_node(tmp_path / "behind", usual_history()[:3])
    return tmp_path / "behind"


def chunks(made: Copied, start: int = 0) -> list[tuple[int, bytes, int]]:
    content = made.path.read_bytes()
    return [
        (at, content[at : at + CHUNK], google_crc32c.value(content[at : at + CHUNK]))
        for at in range(start, len(content), CHUNK)
    ]


def fetch(environment: Environment, made: Copied, **options: object) -> Incoming:
    """Take in all chunks."""
    incoming = Incoming(
        environment.directory, made.header, environment.identity, **options
    )
    for chunk in chunks(made, incoming.offset):
        incoming.add(*chunk)
    return incoming


def write_log(environment: Environment, snapshot: Snapshot) -> LmdbLogStore:
    """Let log/ start anew behind the snapshot."""
    log = LmdbLogStore(environment)
    state = hard_state(max(2, log.hard_state().term), commit=snapshot.index)
    log.persist(replace(ready(1, state=state), snapshot=snapshot))
    return log


def install(environment: Environment, made: Copied, **options: object) -> None:
    """Fetch, verify, write log/, swap: the order of a replica."""
    state = LmdbStateStore(environment)
    snapshot = fetch(environment, made, **options).finish()
    write_log(environment, snapshot)
    state.install(snapshot)
    state.close()


def rows(environment: Environment) -> dict[str, int]:
    with environment.state.begin() as transaction:
        tables = Tables(environment, transaction)
        return {name: tables.count(name) for name in environment.state_tables}


def test_an_installed_state_is_that_of_its_source(
    source: Copied, behind: Path, tmp_path: Path
) -> None:
    """F30: rows, digest and place; the identity stays this node's own."""
    with open_node(behind) as environment:
        identity = environment.identity
        install(environment, source)
    with open_node(behind) as environment:
        log, state = LmdbLogStore(environment), LmdbStateStore(environment)
        assert recover(log, state).applied == source.snapshot.index
        assert state.digest() == source.snapshot.digest
        assert environment.identity == identity
        found = rows(environment)
        log.close()
        state.close()
    with open_node(tmp_path / "source") as environment:
        assert found == rows(environment)


def test_an_installed_node_goes_on_from_there(source: Copied, behind: Path) -> None:
    """F30: the next entry is appended and applied behind the snapshot."""
    more = usual_history()
    last = more[-1]
    with open_node(behind) as environment:
        state = LmdbStateStore(environment)
        snapshot = fetch(environment, source).finish()
        log = write_log(environment, snapshot)
        state.install(snapshot)
        entry = _next(last)
        log.persist(ready(2, entries=[entry]))
        state.write(entry, [], bytes(32), NO_TREE)
        assert state.commit() == last.index + 1
        state.close()
        log.close()


def test_a_fetch_goes_on_from_the_last_good_chunk(source: Copied, behind: Path) -> None:
    """F29: over a broken stream, and over a restart of the process."""
    whole = chunks(source)
    with open_node(behind) as environment:
        incoming = Incoming(behind, source.header, environment.identity)
        for chunk in whole[:3]:
            incoming.add(*chunk)
    with open_node(behind) as environment:
        again = Incoming(behind, source.header, environment.identity)
        assert again.offset == 3 * CHUNK
        for chunk in whole[3:]:
            again.add(*chunk)
        assert again.has_all
        assert again.finish() == source.snapshot


def test_a_chunk_that_is_written_twice_is_there_once(
    source: Copied, behind: Path
) -> None:
    """T95: an attempt that was given up may still write while the next one begins."""
    first, second, *rest = chunks(source)
    with open_node(behind) as environment:
        given_up = Incoming(behind, source.header, environment.identity)
        given_up.add(*first)
        again = Incoming(behind, source.header, environment.identity)
        given_up.add(*second)
        for chunk in (second, *rest):
            again.add(*chunk)

        assert again.finish() == source.snapshot


def test_a_whole_snapshot_is_not_fetched_twice(source: Copied, behind: Path) -> None:
    """T95: offered again after a restart, it is at hand."""
    with open_node(behind) as environment:
        fetch(environment, source).finish()
    with open_node(behind) as environment:
        again = Incoming(behind, source.header, environment.identity)
        assert again.has_all
        assert again.finish() == source.snapshot


def test_a_snapshot_of_another_index_forgets_what_came_before(
    source: Copied, behind: Path
) -> None:
    """T95: only one comes in at a time."""
    other = replace(
        source.header, snapshot=replace(source.snapshot, sha256=bytes([1]) * 32)
    )
    with open_node(behind) as environment:
        fetch(environment, source)
        Incoming(behind, other, environment.identity)

    assert [path.name for path in (behind / "incoming").iterdir()] == [
        f"{(bytes([1]) * 32).hex()}.head"
    ]


def test_damage_in_transit_is_refused_chunk_by_chunk(
    source: Copied, behind: Path
) -> None:
    """F29, T90: one flipped bit; the good chunks before it stay."""
    first, second, *_ = chunks(source)
    bad = bytearray(second[1])
    bad[17] ^= 64
    with open_node(behind) as environment:
        incoming = Incoming(behind, source.header, environment.identity)
        incoming.add(*first)
        with pytest.raises(SnapshotRefused, match="checksum is wrong"):
            incoming.add(second[0], bytes(bad), second[2])
        with pytest.raises(SnapshotRefused, match="expected the chunk"):
            incoming.add(0, first[1], first[2])
        assert incoming.offset == len(first[1])


def test_damage_before_the_checksums_is_refused_as_a_whole(
    source: Copied, behind: Path
) -> None:
    """T90: a sender's disk may flip a bit under good chunk checksums; nothing of it is kept."""
    for seed in range(20):
        rng = random.Random(seed)
        content = bytearray(source.path.read_bytes())
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        with open_node(behind) as environment:
            incoming = Incoming(behind, source.header, environment.identity)
            for at in range(0, len(content), CHUNK):
                piece = bytes(content[at : at + CHUNK])
                incoming.add(at, piece, google_crc32c.value(piece))
            with pytest.raises(SnapshotRefused, match="SHA-256"):
                incoming.finish()
            assert incoming.offset == 0
        assert list((behind / "incoming").iterdir()) == []


def test_a_header_of_something_else_is_refused(source: Copied, behind: Path) -> None:
    """F25, F26: another cluster's state, or one of a newer version, never comes in."""
    with open_node(behind) as environment:
        for wrong in (
            replace(source.header, cluster_id="another"),
            replace(source.header, state_version=99),
        ):
            with pytest.raises(SnapshotRefused):
                Incoming(behind, wrong, environment.identity)


def test_a_state_that_is_not_what_its_header_says_is_refused(
    source: Copied, behind: Path
) -> None:
    """R14: index, term, link, digest and membership are compared with the rows themselves."""
    wrong = replace(
        source.header, snapshot=replace(source.snapshot, digest=bytes([7]) * 32)
    )
    with open_node(behind) as environment:
        incoming = Incoming(behind, wrong, environment.identity)
        for chunk in chunks(source):
            incoming.add(*chunk)
        with pytest.raises(SnapshotRefused, match="than its header says"):
            incoming.finish()


def damaged_at_its_maker(source: Copied) -> Copied:
    """Return the copy that a maker offers which looks at no row: one of them rotted in state/."""
    content = bytearray(source.path.read_bytes())
    at = content.index(b"Payee 123")
    content[at] ^= 1
    source.path.write_bytes(bytes(content))
    snapshot = replace(source.snapshot, sha256=hashlib.sha256(bytes(content)).digest())
    return replace(source, header=replace(source.header, snapshot=snapshot))


def test_a_row_that_rotted_at_the_maker_is_not_installed(
    source: Copied, behind: Path
) -> None:
    """T74, T90: every checksum of the bytes is right; the row's own is not."""
    rotten = damaged_at_its_maker(source)
    with open_node(behind) as environment:
        incoming = fetch(environment, rotten)
        with pytest.raises(SnapshotRefused, match=r"table payout, key .* checksum"):
            incoming.finish()
        assert incoming.offset == 0
    assert list((behind / "incoming").iterdir()) == []
    assert_is_old(behind)


def test_a_node_that_stops_goes_on_with_the_rows_at_its_next_start(
    source: Copied, behind: Path
) -> None:
    """F29, F30: reading them takes its time, and what was verified is not fetched again."""
    with open_node(behind) as environment:
        with pytest.raises(StorageError, match="the node stops"):
            fetch(environment, source).finish(lambda _: False)
        again = resumed(behind, source.snapshot.sha256, environment.identity)
        assert again is not None
        assert again.has_all
        assert again.finish() == source.snapshot


FETCH_STEPS = (
    "install.verified",
    "install.checked",
    "install.owned",
    "install.renamed",
    "install.ready",
)
SWAP_STEPS = ("swap.begin", "swap.renamed", "swap.synced")


@pytest.mark.parametrize("step", FETCH_STEPS)
def test_a_crash_before_the_log_transaction_restarts_into_the_old_state(
    source: Copied, behind: Path, step: str
) -> None:
    """F30: and what has come so far is used when it is offered again."""
    with open_node(behind) as environment, pytest.raises(KeyboardInterrupt):
        fetch(environment, source, reach=crash_at(step)).finish()
    assert_is_old(behind)
    with open_node(behind) as environment:
        again = resumed(behind, source.snapshot.sha256, environment.identity)
        assert again is not None
        assert again.has_all, "what was verified is not fetched again"
        install(environment, source)
    assert_is_new(behind, source)


@pytest.mark.parametrize("step", SWAP_STEPS)
def test_a_crash_after_the_log_transaction_restarts_into_the_new_state(
    source: Copied, behind: Path, step: str
) -> None:
    """F30, T14: the start finishes the rename that was cut off."""
    with open_node(behind) as environment:
        state = LmdbStateStore(environment)
        snapshot = fetch(environment, source).finish()
        write_log(environment, snapshot)
        state.close()
        file = behind / "incoming" / f"{snapshot.sha256.hex()}.mdb"
        with pytest.raises(KeyboardInterrupt):
            environment.replace_state(file, crash_at(step))
    assert_is_new(behind, source)


def test_a_failing_disk_in_an_install_is_final(
    source: Copied, behind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T8: nothing is retried; the next start has the new state, for log/ says so."""
    with open_node(behind) as environment:
        state = LmdbStateStore(environment)
        snapshot = fetch(environment, source).finish()
        write_log(environment, snapshot)

        def fail(*_: object) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(Exception, match="Input/output error"):
            state.install(snapshot)
        monkeypatch.undo()
        with pytest.raises(Exception, match="earlier failure is final"):
            state.commit()
    assert_is_new(behind, source)


@pytest.mark.parametrize("step", [*FETCH_STEPS, *SWAP_STEPS])
def test_a_killed_process_restarts_into_one_state_or_the_other(
    source: Copied, behind: Path, step: str
) -> None:
    """F30: with SIGKILL in the middle, in a process of its own."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ledgerd.storage import swap\n"
        "from ledgerd.storage.state_copy import newest_copy\n"
        "from tests.storage import test_install as t\n"
        "def reach(step):\n"
        f"    if step == {step!r}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "behind, source = Path(sys.argv[1]), newest_copy(Path(sys.argv[2]))\n"
        "with t.open_node(behind) as environment:\n"
        "    state = t.LmdbStateStore(environment)\n"
        "    snapshot = t.fetch(environment, source, reach=reach).finish()\n"
        "    t.write_log(environment, snapshot)\n"
        "    state.close()\n"
        "    ready = swap.ready_file(behind, snapshot)\n"
        "    environment.replace_state(ready, reach)\n"
    )
    node = source.path.parent.parent
    ended = subprocess.run(
        [sys.executable, "-c", program, str(behind), str(node)],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    if step in SWAP_STEPS:
        assert_is_new(behind, source)
    else:
        assert_is_old(behind)


def assert_is_old(directory: Path) -> None:
    with open_node(directory) as environment:
        log, state = LmdbLogStore(environment), LmdbStateStore(environment)
        assert recover(log, state).applied == 3
        assert log.first_index() == 1
        log.close()
        state.close()


def assert_is_new(directory: Path, source: Copied) -> None:
    with open_node(directory) as environment:
        log, state = LmdbLogStore(environment), LmdbStateStore(environment)
        assert recover(log, state).applied == source.snapshot.index
        assert log.anchor() == source.snapshot.anchor
        assert state.digest() == source.snapshot.digest
        log.close()
        state.close()
    assert not list((directory / "incoming").glob("*.mdb"))


def _next(last: Entry) -> Entry:
    from tests.storage.making import entry

    made = entry(last, term=2)
    assert made.index == Index(last.index + 1)
    return made
