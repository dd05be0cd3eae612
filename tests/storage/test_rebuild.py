"""A state that cannot be read at the start: from the log, from a peer, or not at all (F37)."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.membership import NOBODY, NodeRecord
from ledgerd.storage import founders, keys, swap
from ledgerd.storage.environment import Environment, open_directory
from ledgerd.storage.log_store import LmdbLogStore, stored_anchor
from ledgerd.storage.rebuild import empty_state
from ledgerd.storage.recovery import Recovery, recover
from ledgerd.storage.state_copy import make_copy
from ledgerd.storage.state_store import LmdbStateStore, StateTooNew
from tests.storage.making import hard_state, ready
from tests.storage.world import OPTIONS, apply_to, open_node, usual_history

RECORDS = [NodeRecord(NodeId(node_id)) for node_id in (1, 2, 3)]
PAGE_BYTES = 4_096


def used_node(directory: Path, *, cut_below: int = 0) -> Path:
    """Leave a stopped node that has applied eight entries; return its state's file."""
    entries = usual_history()
    with open_node(directory) as environment:
        founders.admit(environment, [NodeId(1), NodeId(2), NodeId(3)])
        log, state = LmdbLogStore(environment), LmdbStateStore(environment)
        log.persist(ready(1, entries=entries, state=hard_state(2, commit=8)))
        apply_to(state, entries)
        durable = state.sync()
        if cut_below:
            log.compact(Index(cut_below), state_durable=durable)
        state.close()
        log.close()
    return directory / "state" / "data.mdb"


def scribble(file: Path) -> None:
    """Overwrite everything but the two meta pages."""
    data = file.read_bytes()
    file.write_bytes(data[: 2 * PAGE_BYTES] + b"\xff" * (len(data) - 2 * PAGE_BYTES))


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: 3 * PAGE_BYTES])


def flip_the_owner(file: Path) -> None:
    """Flip a bit of the record of whose state it is."""
    data = bytearray(file.read_bytes())
    at = data.find(keys.IDENTITY)
    while at >= 0:
        data[at + len(keys.IDENTITY) + 8] ^= 1
        at = data.find(keys.IDENTITY, at + 1)
    file.write_bytes(data)


DAMAGES = [scribble, cut_off, flip_the_owner]


def reopened(directory: Path, *, has_peers: bool) -> Environment:
    return open_directory(
        directory,
        cluster_id="test",
        node_id=NodeId(1),
        options=OPTIONS,
        has_peers=has_peers,
    )


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_state_that_cannot_be_opened_is_lost_where_peers_may_have_it(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Behind a cut log it is emptied, kept aside, and that of a peer is needed."""
    file = used_node(tmp_path, cut_below=5)
    damage(file)
    damaged = file.read_bytes()

    with reopened(tmp_path, has_peers=True) as environment:
        log, state = LmdbLogStore(environment), LmdbStateStore(environment)
        found = recover(log, state, has_peers=True)
        membership = founders.first_membership(environment, RECORDS, joins=False)
        with pytest.raises(CorruptionError, match="what lies between is lost"):
            recover(log, state)

    assert found == Recovery(applied=4, commit=8, last=8, lacks_state=True)
    assert membership == NOBODY
    assert file.with_name("damaged.mdb").read_bytes() == damaged
    swap.forget_aside(tmp_path)
    assert not file.with_name("damaged.mdb").exists()


def test_what_is_kept_aside_gives_way_to_no_empty_file(tmp_path: Path) -> None:
    """The power may fail as soon as the file of the empty state is there, before its first page."""
    file = used_node(tmp_path, cut_below=5)
    scribble(file)
    damaged = file.read_bytes()
    reopened(tmp_path, has_peers=True).close()
    os.truncate(file, 0)

    reopened(tmp_path, has_peers=True).close()

    assert file.with_name("damaged.mdb").read_bytes() == damaged


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_state_that_may_be_the_last_one_is_left_as_it_is(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """A node without peers does not start, and changes nothing."""
    file = used_node(tmp_path, cut_below=5)
    damage(file)
    damaged = file.read_bytes()

    with pytest.raises(CorruptionError):
        reopened(tmp_path, has_peers=False)

    assert file.read_bytes() == damaged


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_whole_log_gives_the_state_back_with_or_without_peers(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """It begins empty, with the founders, and nothing is kept of what was bad."""
    file = used_node(tmp_path)
    damage(file)

    with reopened(tmp_path, has_peers=False) as environment:
        log, state = LmdbLogStore(environment), LmdbStateStore(environment)
        found = recover(log, state)
        membership = founders.first_membership(environment, RECORDS, joins=False)

    assert found._replace(state_anchor=None) == Recovery(applied=0, commit=8, last=8)
    assert membership.voters == (1, 2, 3)
    assert not file.with_name("damaged.mdb").exists()


def test_a_lone_node_starts_from_its_own_copy(tmp_path: Path) -> None:
    """By hand, as docs/operations says: its identity is in it, and the log goes on behind it."""
    file = used_node(tmp_path, cut_below=5)
    with open_node(tmp_path) as environment:
        made = make_copy(environment, bytes_per_s=1 << 40, chunk_bytes=4096)
        identity = environment.identity
    scribble(file)
    for path in file.parent.iterdir():
        path.unlink()
    shutil.copy(made.path, file)

    with reopened(tmp_path, has_peers=False) as environment:
        log, state = LmdbLogStore(environment), LmdbStateStore(environment)
        found = recover(log, state)
        assert found._replace(state_anchor=None) == Recovery(
            applied=8, commit=8, last=8
        )
        assert environment.identity == identity


def test_an_emptied_state_behind_a_cut_log_is_still_lost_after_a_crash(
    tmp_path: Path,
) -> None:
    """Whatever ends the process before the copy is there, the next start asks again."""
    used_node(tmp_path, cut_below=5)
    with reopened(tmp_path, has_peers=True) as environment:
        empty_state(environment)
    with reopened(tmp_path, has_peers=True) as environment:
        log, state = LmdbLogStore(environment), LmdbStateStore(environment)
        found = recover(log, state, has_peers=True)

        assert stored_anchor(environment).at == 4
    assert found.lacks_state


def test_a_state_of_a_newer_release_is_told_from_a_bad_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who starts an older release by mistake loses nothing."""
    used_node(tmp_path)
    monkeypatch.setattr("ledgerd.storage.state_store.STATE_VERSION", 0)

    with (
        reopened(tmp_path, has_peers=True) as environment,
        pytest.raises(StateTooNew, match="start the release that wrote it"),
    ):
        LmdbStateStore(environment)
