"""What makes a data directory usable, and every reason to refuse one."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ledgerd.errors import (
    ConfigError,
    CorruptionError,
    NoSpaceError,
    StorageError,
)
from ledgerd.raft.entries import NodeId
from ledgerd.storage import identity as identities
from ledgerd.storage import keys
from ledgerd.storage.environment import (
    Environment,
    Space,
    StorageOptions,
    open_directory,
    open_existing,
)

SMALL = StorageOptions(log_map_bytes=16 * 1024**2, state_map_bytes=16 * 1024**2)


def test_a_new_directory_gets_one_identity_in_both_environments(tmp_path: Path) -> None:
    """Cluster, node, a store uuid and the format version; found again when reopened."""
    with open_directory(
        tmp_path / "d", cluster_id="c", node_id=NodeId(2), options=SMALL
    ) as made:
        identity = made.identity
        for environment, tables in (
            (made.log, made.log_tables),
            (made.state, made.state_tables),
        ):
            with environment.begin(db=tables[keys.META]) as transaction:
                stored = transaction.get(keys.IDENTITY)
            assert stored is not None
            assert identities.unpack(stored, where="here") == identity

    assert (identity.cluster_id, identity.node_id) == ("c", 2)
    assert len(identity.store_uuid) == 16
    with open_existing(tmp_path / "d", options=SMALL) as again:
        assert again.identity == identity


def test_flags_are_those_that_durability_needs(tmp_path: Path) -> None:
    """T73: log/ is fully synced; state/ may relax the meta sync and nothing else."""
    with open_directory(
        tmp_path / "d", cluster_id="c", node_id=NodeId(1), options=SMALL
    ) as made:
        log, state = made.log.flags(), made.state.flags()

    assert log["sync"]
    assert log["metasync"]
    assert state["sync"]
    assert not state["metasync"]
    for flags in (log, state):
        assert not flags["writemap"]
        assert not flags["map_async"]


def test_another_clusters_directory_is_refused_and_unchanged(tmp_path: Path) -> None:
    """The message says whose it is, who asked, and what to do."""
    open_directory(
        tmp_path, cluster_id="mine", node_id=NodeId(1), options=SMALL
    ).close()
    before = _bytes_of(tmp_path)

    with pytest.raises(ConfigError) as caught:
        open_directory(tmp_path, cluster_id="yours", node_id=NodeId(1), options=SMALL)

    assert str(caught.value) == (
        f"data directory {tmp_path} belongs to cluster 'mine'; this node is configured for "
        "cluster 'yours'; name this node's own data directory, or an empty one for a new node"
    )
    assert _bytes_of(tmp_path) == before


def test_another_nodes_directory_is_refused(tmp_path: Path) -> None:
    """Two nodes never share a vote."""
    open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL).close()

    with pytest.raises(
        ConfigError, match="belongs to node 1; this node is configured as"
    ):
        open_directory(tmp_path, cluster_id="c", node_id=NodeId(2), options=SMALL)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """And the message names both versions."""
    with open_directory(
        tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL
    ) as made:
        newer = identities.Identity("c", NodeId(1), made.identity.store_uuid, 2)
        with made.log.begin(db=made.log_tables[keys.META], write=True) as transaction:
            transaction.put(keys.IDENTITY, identities.pack(newer))

    with pytest.raises(
        ConfigError, match="format version 2; this release reads up to 1"
    ):
        open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL)


def test_a_damaged_identity_is_corruption(tmp_path: Path) -> None:
    """Not a new directory: it is unknown whose votes these are."""
    with open_directory(
        tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL
    ) as made:
        stored = bytearray(identities.pack(made.identity))
        stored[9] ^= 1
        with made.log.begin(db=made.log_tables[keys.META], write=True) as transaction:
            transaction.put(keys.IDENTITY, bytes(stored))

    with pytest.raises(CorruptionError, match="checksum is wrong"):
        open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL)


def test_a_directory_in_use_is_refused_with_the_pid(tmp_path: Path) -> None:
    """By another process, for as long as that lives."""
    script = (
        "import sys; from pathlib import Path\n"
        "from ledgerd.storage.environment import DirectoryLock\n"
        "lock = DirectoryLock(Path(sys.argv[1])); print('locked', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(ConfigError, match=f"is in use by process {holder.pid};"):
            open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL)
        holder.communicate("")

    open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL).close()


def test_a_failed_opening_releases_the_lock(tmp_path: Path) -> None:
    """The next attempt meets the same refusal, not the lock."""
    open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL).close()
    for _ in range(2):
        with pytest.raises(ConfigError, match="belongs to cluster"):
            open_directory(tmp_path, cluster_id="x", node_id=NodeId(1), options=SMALL)


def test_a_directory_with_other_files_is_refused_and_unchanged(tmp_path: Path) -> None:
    """Nothing is spread into somebody's home."""
    (tmp_path / "thesis.tex").write_text("important")

    with pytest.raises(ConfigError, match=r"is not empty: found 'thesis\.tex'"):
        open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL)

    assert not (tmp_path / "log").exists()


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    """Named as what it is."""
    path = tmp_path / "data"
    path.write_text("")

    with pytest.raises(ConfigError, match="is a file; name a directory"):
        open_directory(path, cluster_id="c", node_id=NodeId(1), options=SMALL)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_directory_is_refused(tmp_path: Path) -> None:
    """With what to do about it."""
    path = tmp_path / "data"
    path.mkdir(mode=0o500)

    with pytest.raises(ConfigError, match="give this user write permission"):
        open_directory(path, cluster_id="c", node_id=NodeId(1), options=SMALL)


def test_an_unwritable_place_is_refused() -> None:
    """Also for root: nothing can be created under /proc."""
    path = Path("/proc/ledgerd-test/data")

    with pytest.raises(ConfigError, match="cannot write"):
        open_directory(path, cluster_id="c", node_id=NodeId(1), options=SMALL)


def test_too_little_space_is_said_at_start(tmp_path: Path) -> None:
    """Before anything is made (exit code 72)."""
    greedy = StorageOptions(free_bytes_min=2**62)

    with pytest.raises(NoSpaceError, match=f"at least {2**62} are needed to start"):
        open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=greedy)

    assert not (tmp_path / "log").exists()


def test_an_emptied_log_beside_a_state_is_corruption(tmp_path: Path) -> None:
    """T13: the votes are gone, so this id must not come back by itself."""
    open_directory(
        tmp_path / "d", cluster_id="c", node_id=NodeId(1), options=SMALL
    ).close()
    (tmp_path / "d" / "log").rename(tmp_path / "away")

    with pytest.raises(CorruptionError, match="this node's votes are lost"):
        open_directory(tmp_path / "d", cluster_id="c", node_id=NodeId(1), options=SMALL)


def test_a_missing_state_is_made_again(tmp_path: Path) -> None:
    """A creation that was cut short, or a fold to be rebuilt: the log is there, and enough."""
    made = open_directory(
        tmp_path / "d", cluster_id="c", node_id=NodeId(1), options=SMALL
    )
    made.close()
    (tmp_path / "d" / "state").rename(tmp_path / "away")

    with open_directory(
        tmp_path / "d", cluster_id="c", node_id=NodeId(1), options=SMALL
    ) as again:
        assert again.identity == made.identity


def test_a_file_that_is_no_database_is_corruption(tmp_path: Path) -> None:
    """Not overwritten."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "data.mdb").write_bytes(b"x" * 8192)

    with pytest.raises(
        CorruptionError, match="is not a database this release can read"
    ):
        open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL)

    assert (tmp_path / "log" / "data.mdb").read_bytes() == b"x" * 8192


def test_check_refuses_what_is_no_data_directory(tmp_path: Path) -> None:
    """And makes nothing in it."""
    with pytest.raises(ConfigError, match="is not a ledgerd data directory"):
        open_existing(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_space_is_told(tmp_path: Path) -> None:
    """For admission to refuse before the map or the disk is full."""
    with open_directory(
        tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL
    ) as made:
        space = made.space()

    assert space.log_map_bytes == space.state_map_bytes == 16 * 1024**2
    assert 0 < space.log_used_bytes <= space.log_file_bytes < 1024**2
    assert 0 < space.state_used_bytes <= space.state_file_bytes < 1024**2
    assert space.disk_free_bytes > 0


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (Space(1_000, 10, 10, 8_000, 10, 10, 8_000), 900),  # the disk
        (Space(9_000, 7_500, 7_500, 8_000, 10, 10, 8_000), 400),  # the log's map
        (Space(9_000, 10, 10, 8_000, 7_990, 7_990, 8_000), -90),  # the state's map
        (Space(0, 10, 510, 8_000, 10, 310, 8_000), 200),  # pages that are free again
        (Space(9_000, 10, 10, 80, 10, 10, 8_000), 60),  # a small map keeps an eighth
    ],
)
def test_what_is_spare_is_the_least_of_disk_and_maps(
    space: Space, expected: int
) -> None:
    """F36, T91: less a reserve of 100; what a file holds no more is used again."""
    assert space.spare_bytes(100) == expected


def test_room_is_measured_without_a_transaction_while_there_is_plenty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F9: to begin one on a disk that hangs stops the process; near the reserve it is needed."""
    looked: list[bool] = []
    space = Environment.space

    def noted(self: Environment, *, counts_free_pages: bool = True) -> Space:
        looked.append(counts_free_pages)
        return space(self, counts_free_pages=counts_free_pages)

    monkeypatch.setattr(Environment, "space", noted)
    for free_bytes_min, expected in ((1, [False]), (2**50, [False, True])):
        options = replace(SMALL, free_bytes_min=0)
        looked.clear()
        with open_directory(
            tmp_path, cluster_id="c", node_id=NodeId(1), options=options
        ) as made:
            made.options = replace(options, free_bytes_min=free_bytes_min)
            made.spare_bytes()
        assert looked == expected


def test_what_was_deleted_counts_as_room_again(tmp_path: Path) -> None:
    """F36: the file never shrinks, so its size would say full for ever."""
    with open_directory(
        tmp_path, cluster_id="c", node_id=NodeId(1), options=SMALL
    ) as made:
        before = made.space()
        table = made.state_tables["payout"]
        with made.state.begin(write=True) as transaction:
            for number in range(2_000):
                key = number.to_bytes(8, "big")
                transaction.put(key, bytes(1_000), db=table)
        full = made.space()
        with made.state.begin(write=True) as transaction:
            transaction.drop(table, delete=False)
        after = made.space()

    assert full.state_used_bytes > before.state_used_bytes + 2_000_000
    assert after.state_used_bytes < before.state_used_bytes + 100_000
    assert after.state_file_bytes >= full.state_file_bytes
    assert after.spare_bytes(0) > full.spare_bytes(0)


def test_a_map_too_large_for_the_address_space_is_a_matter_of_configuration(
    tmp_path: Path,
) -> None:
    """Not a storage error: nothing failed but the number."""
    huge = StorageOptions(log_map_bytes=2**60)

    with pytest.raises((ConfigError, StorageError), match="map"):
        open_directory(tmp_path, cluster_id="c", node_id=NodeId(1), options=huge)


def _bytes_of(directory: Path) -> dict[str, bytes]:
    return {
        name: (directory / name / "data.mdb").read_bytes() for name in ("log", "state")
    }


@pytest.mark.parametrize("denied", ["log", "log/data.mdb", "state", "state/data.mdb"])
def test_files_of_another_user_are_refused_and_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, denied: str
) -> None:
    """A node that root started by hand leaves them; such a state is not damaged, nor dropped."""
    node = tmp_path / "node"
    open_directory(node, cluster_id="c", node_id=NodeId(1), options=SMALL).close()
    before = (node / "state" / "data.mdb").read_bytes()
    may = os.access

    def access(path: Path, mode: int, *, effective_ids: bool = False) -> bool:
        # Root, which may run this test, may all.
        return path != node / denied and may(path, mode, effective_ids=effective_ids)

    monkeypatch.setattr(os, "access", access)
    for opened in (
        lambda: open_directory(node, cluster_id="c", node_id=NodeId(1), options=SMALL),
        lambda: open_existing(node, options=SMALL),
    ):
        with pytest.raises(ConfigError, match=f"cannot open {node / denied}: expected"):
            opened()

    assert (node / "state" / "data.mdb").read_bytes() == before
    monkeypatch.undo()
    open_directory(node, cluster_id="c", node_id=NodeId(1), options=SMALL).close()


def test_what_a_capability_opens_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux answers for the real user alone as if it had none; the opening succeeds."""
    node = tmp_path / "node"
    open_directory(node, cluster_id="c", node_id=NodeId(1), options=SMALL).close()

    def access(path: Path, mode: int, *, effective_ids: bool = False) -> bool:
        return effective_ids

    monkeypatch.setattr(os, "access", access)
    open_directory(node, cluster_id="c", node_id=NodeId(1), options=SMALL).close()
    open_existing(node, options=SMALL).close()


def test_what_is_no_file_of_the_node_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was killed while it opened leaves a link to nowhere; a disk its lost+found."""
    node = tmp_path / "node"
    open_directory(node, cluster_id="c", node_id=NodeId(1), options=SMALL).close()
    found = node / "log" / "lost+found"
    found.mkdir()
    may = os.access

    def access(path: Path, mode: int, *, effective_ids: bool = False) -> bool:
        # Root, which may run this test, may all.
        return path != found and may(path, mode, effective_ids=effective_ids)

    monkeypatch.setattr(os, "access", access)
    for opened in (
        lambda: open_directory(node, cluster_id="c", node_id=NodeId(1), options=SMALL),
        lambda: open_existing(node, options=SMALL),
    ):
        for part in ("log", "state"):
            (node / part / "lock.mdb").symlink_to("/proc/self/fd/1000000")

        opened().close()

        assert not (node / "log" / "lock.mdb").is_symlink()
