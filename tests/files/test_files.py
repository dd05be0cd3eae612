"""Files that people name, whatever the path leads to."""

import os
import threading
from pathlib import Path

import pytest

from ledgerd import files


def test_a_device_without_an_end() -> None:
    """Its first bytes say enough."""
    with pytest.raises(OSError, match="more than 100 bytes: '/dev/zero'"):
        files.read_bytes(Path("/dev/zero"), 100)


def test_as_much_as_may_be(tmp_path: Path) -> None:
    """The bound itself is no error."""
    path = tmp_path / "a"
    path.write_bytes(b"a" * 100)

    assert files.read_bytes(path, 100) == files.read_regular(path, 100) == b"a" * 100


def test_a_pipe_is_read(tmp_path: Path) -> None:
    """A shell makes one of `<(command)`, so it may be what was meant."""
    path = tmp_path / "a"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"hello",))
    writer.start()

    assert files.read_bytes(path, 100) == b"hello"
    writer.join()


def test_a_pipe_is_not_waited_for_where_it_is_read_again(tmp_path: Path) -> None:
    """Nobody writes to this one."""
    path = tmp_path / "a"
    os.mkfifo(path)

    with pytest.raises(OSError, match="a pipe or a device, which is no file"):
        files.read_regular(path, 100)


def test_a_directory_says_so(tmp_path: Path) -> None:
    """The system's own words."""
    with pytest.raises(IsADirectoryError):
        files.read_regular(tmp_path, 100)


def test_text_has_lines(tmp_path: Path) -> None:
    """Whatever the system is that wrote it."""
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")

    assert files.read_text(path, 100) == "a\nb\nc\n"
