import gzip
import hashlib
from pathlib import Path

import pytest

from ledgerd.client.files.findings import Findings, Stop
from ledgerd.client.files.source import FILE_BYTES_MAX, LINE_BYTES_MAX, Source

CONTENT = b"".join(b"line %d\r\n" % number for number in range(30_000))


def source(tmp_path: Path, content: bytes, bytes_max: int = FILE_BYTES_MAX) -> Source:
    path = tmp_path / "file"
    path.write_bytes(content)
    return Source(path, Findings("file"), bytes_max=bytes_max)


@pytest.mark.parametrize(
    "content",
    [
        CONTENT,
        gzip.compress(CONTENT),
        gzip.compress(CONTENT[:1000]) + gzip.compress(CONTENT[1000:]),
        gzip.compress(b"") + gzip.compress(CONTENT),
    ],
    ids=["plain", "gzip", "two members", "an empty member first"],
)
def test_bytes_and_digest(tmp_path: Path, content: bytes) -> None:
    """A file reads the same packed or not, and so has the same digest."""
    whole = source(tmp_path, content)

    assert b"".join(whole.chunks()) == CONTENT
    assert whole.digest == hashlib.sha256(CONTENT).digest()


def test_lines(tmp_path: Path) -> None:
    """Lines come without their ends, wherever the pieces are cut."""
    whole = source(tmp_path, CONTENT + b"rest")

    lines = list(whole.lines())

    assert lines == [b"line %d" % number for number in range(30_000)] + [b"rest"]
    assert not whole.ended


def test_bomb(tmp_path: Path) -> None:
    """A small archive of a large file is refused at the bound, not unpacked."""
    bomb = source(tmp_path, gzip.compress(bytes(50_000_000)), bytes_max=1_000_000)
    taken: list[int] = []

    with pytest.raises(Stop):
        taken.extend(map(len, bomb.chunks()))

    assert sum(taken) <= 1_000_000


def test_damaged_archive(tmp_path: Path) -> None:
    """An archive that is cut off anywhere, or has a flipped bit, is refused."""
    packed = gzip.compress(CONTENT[:5000])
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 1
    broken = [packed[:length] for length in range(2, len(packed))]
    for content in (*broken, bytes(damaged), packed + b"more"):
        with pytest.raises(Stop):
            list(source(tmp_path, content).chunks())


def test_long_line(tmp_path: Path) -> None:
    """A line without end is refused when it passes its bound."""
    with pytest.raises(Stop):
        list(source(tmp_path, bytes(3 * LINE_BYTES_MAX)).lines())


def test_what_stops_in_the_middle_leaves_no_file_open(tmp_path: Path) -> None:
    """The file is closed with the source, though the pass over it stands still."""
    path = tmp_path / "file"
    path.write_bytes(bytes(200_000))
    source = Source(path, Findings("file"), bytes_max=1 << 30)
    chunks = source.chunks()
    next(chunks)
    source.close()

    with pytest.raises(ValueError, match="closed file"):
        list(chunks)


def test_a_source_that_was_never_read_is_closed_too(tmp_path: Path) -> None:
    """Nothing is open before the first chunk."""
    Source(tmp_path / "none", Findings("file"), bytes_max=1).close()
