import gzip
import os
import threading
from pathlib import Path

import pytest

from ledgerd.client.files import FileRefused, Kind, ReadOptions, read
from ledgerd.errors import ConfigError
from tests.client.files.documents import (
    EXAMPLES,
    joined,
    nacha,
    opened,
    refused,
    texts,
)
from tests.client.files.documents import (
    pain001 as document,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("suppliers.pain.001.001.09.xml", Kind.PAIN001),
        ("salaries.pain.001.001.03.xml", Kind.PAIN001),
        ("vendors.csv", Kind.CSV),
    ],
)
def test_recognised(tmp_path: Path, name: str, kind: Kind) -> None:
    """The kind is seen in the content, not in the name, and through gzip."""
    content = (EXAMPLES / name).read_bytes()

    assert opened(tmp_path, content).kind is kind
    assert opened(tmp_path, gzip.compress(content)).kind is kind


def test_a_rail_that_nobody_knows() -> None:
    """Named by the caller, it is no fault of the file."""
    options = ReadOptions(rail="us_achh")

    with pytest.raises(ConfigError, match=r"expected a rail of .* nearest is us_ach"):
        read(EXAMPLES / "vendors.csv", options=options)


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["empty", "packed"])
@pytest.mark.parametrize("kind", [None, *Kind])
def test_empty(tmp_path: Path, content: bytes, kind: Kind | None) -> None:
    """An empty file of any kind is refused."""
    refused(tmp_path, content, kind=kind)


def test_unknown(tmp_path: Path) -> None:
    """A file of another kind is refused with what is read."""
    told = texts(refused(tmp_path, b"\x7fELF\x02\x01\x01"))

    assert "expected pain.001 XML, NACHA (101 in front) or CSV" in told


@pytest.mark.parametrize("kind", list(Kind))
def test_size(tmp_path: Path, kind: Kind) -> None:
    """A file over its bound is refused, whatever kind it is said to be."""
    content = {
        Kind.PAIN001: b" " * 200_000 + document().encode(),
        Kind.NACHA: joined(nacha(2_000)),
        Kind.CSV: (EXAMPLES / "vendors.csv").read_bytes() * 500,
    }[kind]
    options = ReadOptions(file_bytes_max=100_000)
    told = texts(refused(tmp_path, gzip.compress(content), kind=kind, options=options))

    assert "at most 100000 bytes (unpacked)" in told


def test_message_names_file_and_count(tmp_path: Path) -> None:
    """The error reads as a verdict: file, number of findings, then each with its place."""
    path = tmp_path / "payroll.ach"
    path.write_bytes(joined(nacha(3)[:-1]))

    with pytest.raises(FileRefused) as caught:
        read(path)

    assert str(caught.value) == (
        "payroll.ach is refused: 1 finding\n"
        "line 9: expected records in blocks of 10, filled with nines, found 9 records; "
        "the file may be cut off"
    )


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    """Looking at its first bytes would take them away; who says what it is has it read."""
    path = tmp_path / "payroll.ach"
    os.mkfifo(path)
    with pytest.raises(FileRefused, match="found a pipe, which can be read only once"):
        read(path)

    writer = threading.Thread(target=path.write_bytes, args=(joined(nacha(3)),))
    writer.start()
    found = read(path, kind=Kind.NACHA)
    writer.join()

    assert len(found.orders) == 3


def test_directory(tmp_path: Path) -> None:
    """A path that cannot be read is the operating system's error."""
    with pytest.raises(OSError, match="directory"):
        read(tmp_path)
