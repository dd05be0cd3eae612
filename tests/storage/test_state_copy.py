"""A consistent copy of state/ beside the writer. F28, T90."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.formats import snapshots as headers
from ledgerd.formats.snapshots import SnapshotHeader
from ledgerd.raft.entries import Anchor
from ledgerd.raft.membership import Membership, NodeId
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.pace import Pace
from ledgerd.storage import state_copy
from ledgerd.storage.environment import Environment
from ledgerd.storage.state_copy import Copied, make_copy, newest_copy
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.world import apply_to, make_node, open_node, usual_history

FAST = 1 << 40


def copied(environment: Environment, **options: Callable[[str], None]) -> Copied:
    return make_copy(environment, bytes_per_s=FAST, chunk_bytes=4096, **options)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    make_node(tmp_path / "data", usual_history())
    return tmp_path / "data"


def test_a_copy_says_what_it_holds(node: Path) -> None:
    """F28: index, term, link and digest are those of the state that was visible."""
    last = usual_history()[-1]
    with open_node(node) as environment:
        made = copied(environment)
        position = LmdbStateStore(environment).position()

    anchor = Anchor(last.id, last.link, last.ts_us)
    assert made.snapshot.anchor == anchor
    assert made.snapshot.digest == position.digest
    assert made.snapshot.size_bytes == made.path.stat().st_size
    assert made.header.cluster_id == "test"
    assert state_copy.read_copy(made.path)[0] == position
    assert state_copy.is_intact(made)


def test_a_copy_leaves_out_what_is_not_committed(tmp_path: Path) -> None:
    """F28: one read transaction, so no half of an entry."""
    entries = usual_history()
    make_node(tmp_path / "data", entries[:5])
    with open_node(tmp_path / "data") as environment:
        store = LmdbStateStore(environment)
        apply_to(store, entries[5:])
        made = copied(environment)
        store.close()

    assert made.snapshot.index == 5


def test_the_writer_goes_on_while_a_copy_is_made(tmp_path: Path) -> None:
    """F28: commits beside the copy are neither waited for nor in it."""
    entries = usual_history()
    make_node(tmp_path / "data", entries[:5])
    with open_node(tmp_path / "data") as environment:
        store = LmdbStateStore(environment)

        def commit_more(step: str) -> None:
            if step == "copy.written":
                store.adopt()
                apply_to(store, entries[5:])
                assert store.commit() == len(entries)

        made: list[Copied] = []
        copier = threading.Thread(
            target=lambda: made.append(copied(environment, reach=commit_more))
        )
        copier.start()
        copier.join()

        assert made[0].snapshot.index == 5
        assert store.visible() == len(entries)
        store.adopt()
        store.close()


def test_the_newest_whole_copy_is_found_again(node: Path) -> None:
    """F28: it is kept for reuse; an older one is not."""
    with open_node(node) as environment:
        first = copied(environment)
        second = copied(environment)

    assert newest_copy(node) == second
    assert second.path == first.path


@pytest.mark.parametrize("step", ["copy.written", "copy.renamed", "copy.headed"])
def test_a_crash_leaves_a_whole_copy_or_none(node: Path, step: str) -> None:
    """T90: what has no header, or not all its bytes, does not exist, and is cleared away."""
    with open_node(node) as environment, pytest.raises(KeyboardInterrupt):
        copied(environment, reach=crash_at(step))
    found = newest_copy(node)

    assert (found is not None) == (step == "copy.headed")
    left = sorted(path.suffix for path in (node / "snapshots").iterdir())
    assert left == ([".head", ".mdb"] if found else [])
    with open_node(node) as environment:
        assert state_copy.is_intact(copied(environment))


def test_a_flipped_bit_in_a_copy_is_found(node: Path) -> None:
    """T90: its maker finds out that it is damaged."""
    with open_node(node) as environment:
        made = copied(environment)
    with made.path.open("r+b") as file:
        file.seek(made.snapshot.size_bytes // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))

    assert not state_copy.is_intact(made)
    state_copy.forget(made)
    assert newest_copy(node) is None


def test_a_header_comes_back_equal(node: Path) -> None:
    """T56: the membership with it, a joint one too."""
    joint = Membership(
        (NodeId(1), NodeId(2)), (NodeId(3),), (NodeId(4),), auto_leave=True
    )
    with open_node(node) as environment:
        snapshot = copied(environment).snapshot
    header = SnapshotHeader(
        Snapshot(snapshot.anchor, joint, snapshot.digest, 7, snapshot.sha256),
        "cluster",
        3,
        1 << 20,
    )

    assert headers.decode(headers.encode(header)) == header


def test_every_flipped_bit_in_a_header_is_found(node: Path) -> None:
    """T90: it names what the bytes are compared with."""
    with open_node(node) as environment:
        raw = headers.encode(copied(environment).header)
    for position in range(len(raw)):
        bad = bytearray(raw)
        bad[position] ^= 1
        with pytest.raises(CorruptionError):
            headers.decode(bytes(bad))


def test_the_pace_is_kept_and_leaves_no_burst() -> None:
    """F29: so many bytes a second; a pause gives back one second's worth, no more."""
    now = [100.0]
    pace = Pace(1000, lambda: now[0])
    waited = pace.wait_s(500)
    now[0] += waited
    assert waited == pytest.approx(0.5)
    assert pace.wait_s(250) == pytest.approx(0.25)
    now[0] += 60
    assert pace.wait_s(1000) == 0
    assert pace.wait_s(1000) == pytest.approx(1.0)


def crash_at(step: str) -> Callable[[str], None]:
    """Return a hook that ends everything at a step, as a crash does: nothing is cleaned up."""

    def reach(reached: str) -> None:
        if reached == step:
            raise KeyboardInterrupt(step)

    return reach
