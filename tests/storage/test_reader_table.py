"""Who reads a data directory is noted in memory: the disk of the data has no part in it."""

import errno
import os
from pathlib import Path

import lmdb
import pytest

from ledgerd.raft.entries import NodeId
from ledgerd.storage import reader_table
from ledgerd.storage.environment import open_directory
from tests.storage.test_environment import SMALL


def opened(folder: Path) -> lmdb.Environment:
    with reader_table.in_memory(folder):
        return lmdb.open(str(folder), map_size=1 << 20, max_readers=4, lib_version=0)


def mapped_files() -> str:
    return Path("/proc/self/maps").read_text()


def test_no_file_of_the_disk_is_written_to_by_a_read(tmp_path: Path) -> None:
    """F9: the only mapping of the folder that can be written to would be that of lock.mdb."""
    with open_directory(
        tmp_path / "d", cluster_id="c", node_id=NodeId(1), options=SMALL
    ) as made:
        with made.state.begin():
            writable = [
                line
                for line in mapped_files().splitlines()
                if str(tmp_path) in line and "w" in line.split()[1]
            ]
        names = {path.name for path in (tmp_path / "d").rglob("*")}

    assert made.readers_on_disk == ""
    assert writable == []
    assert "data.mdb" in names
    assert "lock.mdb" not in names


def test_a_reader_still_keeps_its_pages_from_the_writer(tmp_path: Path) -> None:
    """The table in memory does its work: what a reader sees stays while the writer goes on."""
    with opened(tmp_path / "e") as environment:
        with environment.begin(write=True) as writing:
            writing.put(b"key", b"first" * 200)
        with environment.begin() as reading:
            for round_ in range(50):
                with environment.begin(write=True) as writing:
                    writing.put(b"key", b"%05d" % round_ * 200)
            assert reading.get(b"key") == b"first" * 200
            assert environment.info()["num_readers"] == 1
            assert str(os.getpid()) in environment.readers()


@pytest.mark.parametrize("left", ["file", "link to nowhere"])
def test_what_another_process_has_left_is_replaced(tmp_path: Path, left: str) -> None:
    """The file of an older release, or the link of a process that was killed while it opened."""
    folder = tmp_path / "e"
    with (
        lmdb.open(str(folder), map_size=1 << 20, lib_version=0) as old,
        old.begin(write=True) as writing,
    ):
        writing.put(b"key", b"value")
    if left == "link to nowhere":
        (folder / "lock.mdb").unlink()
        (folder / "lock.mdb").symlink_to("/proc/self/fd/1000000")

    with opened(folder) as environment, environment.begin() as reading:
        assert reading.get(b"key") == b"value"

    assert [path.name for path in folder.iterdir()] == ["data.mdb"]


def test_without_files_in_memory_the_table_is_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other systems than Linux."""
    monkeypatch.delattr(os, "memfd_create")
    with opened(tmp_path / "e") as environment, environment.begin() as reading:
        assert reading.get(b"key") is None

    assert (tmp_path / "e" / "lock.mdb").is_file()


@pytest.mark.parametrize("code", [errno.EPERM, errno.EACCES, errno.ENOSYS])
@pytest.mark.parametrize("call", ["memfd_create", "symlink", "open"])
def test_where_it_is_refused_the_table_is_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    """A filter of system calls, a file system without links, a profile that knows no such file."""
    opened(tmp_path / "e").close()
    before = set(os.listdir("/proc/self/fd"))

    def refuse(*_: object, **__: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as refusing:
        refusing.setattr(os, call, refuse)
        environment = opened(tmp_path / "e")
    with environment, environment.begin() as reading:
        assert reading.get(b"key") is None

    assert (tmp_path / "e" / "lock.mdb").is_file()
    assert not (tmp_path / "e" / "lock.mdb").is_symlink()
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("call", "found"),
    [("memfd_create", "memfd_create: "), ("symlink", "lock.mdb"), ("open", "lock.mdb")],
)
def test_what_was_found_instead_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, found: str
) -> None:
    """Which call was refused, on what, and why: the warning of the node passes it on."""
    real = getattr(os, call)

    def refuse(*arguments: object, **options: object) -> object:
        paths = [str(a) for a in arguments if str(a).endswith("lock.mdb")]
        if call != "memfd_create" and not paths:
            return real(*arguments, **options)
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), *paths)

    with monkeypatch.context() as refusing:
        refusing.setattr(os, call, refuse)
        made = open_directory(
            tmp_path / "d", cluster_id="c", node_id=NodeId(1), options=SMALL
        )
    with made:
        assert found in made.readers_on_disk
        assert "Permission denied" in made.readers_on_disk


@pytest.mark.parametrize("lacks", ["memfd_create", "/proc"])
def test_what_a_system_lacks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    """Another system than Linux, and a container without /proc."""
    if lacks == "memfd_create":
        monkeypatch.delattr(os, lacks)
    else:
        monkeypatch.setattr(reader_table, "_DESCRIPTORS", tmp_path / "proc")
    with open_directory(
        tmp_path / "d", cluster_id="c", node_id=NodeId(1), options=SMALL
    ) as made:
        assert lacks.strip("/") in made.readers_on_disk


def test_a_full_disk_is_told_and_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table in the folder would be a sparse file there, and a read would end the process."""

    def fill(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "symlink", fill)
    with pytest.raises(OSError, match="No space"):
        opened(tmp_path / "e")

    assert list((tmp_path / "e").iterdir()) == []


def test_a_link_to_nowhere_is_removed_also_without_files_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "e"
    folder.mkdir()
    (folder / "lock.mdb").symlink_to("/proc/self/fd/1000000")
    monkeypatch.delattr(os, "memfd_create")
    opened(folder).close()

    assert not (folder / "lock.mdb").is_symlink()


def test_no_descriptor_is_left_over(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    opened(tmp_path / "e").close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_the_link_is_gone_also_when_the_opening_fails(tmp_path: Path) -> None:
    folder = tmp_path / "e"
    folder.mkdir()
    (folder / "data.mdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(lmdb.Error):
        opened(folder)
    assert [path.name for path in folder.iterdir()] == ["data.mdb"]
