"""The bytes of a payout file: bounded, unpacked where gzip'ed, in chunks or in lines.

The bound counts unpacked bytes, so that a small archive cannot become a large file. An archive that
is cut off or damaged is refused, never read in part.
"""

import codecs
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ledgerd.client.files.findings import Findings, shown

FILE_BYTES_MAX: Final = 128 * 1024 * 1024  # about 1,400,000 NACHA entries
UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LINE_BYTES_MAX: Final = 64 * 1024
_CHUNK_BYTES: Final = 64 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31  # zlib's number for "a gzip header and trailer, checked"


class Source:
    """One pass over the unpacked bytes of a file; `digest` is theirs once the pass is over."""

    def __init__(self, path: Path, findings: Findings, *, bytes_max: int) -> None:
        self._path = path
        self._findings = findings
        self._bytes_max = bytes_max
        self._hash = hashlib.sha256()
        self._open: BinaryIO | None = None
        self.size_bytes = 0
        self.ended = True  # after `lines`: whether the last line had an end

    def close(self) -> None:
        """Close the file, however far it was read: what stops in the middle holds on to it."""
        if self._open is not None:
            self._open.close()

    @property
    def digest(self) -> bytes:
        """SHA-256 of the unpacked bytes read so far; 32 bytes."""
        return self._hash.digest()

    def chunks(self) -> Iterator[bytes]:
        """Yield the unpacked bytes in order, in pieces of at most 64 KiB, none empty.

        Errors: `Stop` with a finding if the archive is damaged or the bound is passed; OSError.
        """
        with self._path.open("rb") as file:
            self._open = file
            first = file.read(_CHUNK_BYTES)
            rest = iter(lambda: file.read(_CHUNK_BYTES), b"")
            packed = first.startswith(_GZIP_MAGIC)
            pieces = self._unpacked(first, rest) if packed else _joined(first, rest)
            for piece in pieces:
                self.size_bytes += len(piece)
                if self.size_bytes > self._bytes_max:
                    raise self._findings.stop(
                        0,
                        "",
                        expected=f"at most {self._bytes_max} bytes (unpacked)",
                        found="more",
                        hint="split the file",
                    )
                self._hash.update(piece)
                yield piece

    def lines(self) -> Iterator[bytes]:
        """Yield the lines without their ends (LF or CRLF), each at most `LINE_BYTES_MAX` long.

        The last one is yielded also without an end; `ended` then is false.

        Errors: as `chunks`, and `Stop` at a line that is too long or has CR in it.
        """
        number = 1
        rest = b""
        for chunk in self.chunks():
            parts = (rest + chunk).split(b"\n")
            rest = parts.pop()
            for at, part in enumerate(parts):
                line = part.removesuffix(b"\r")
                if _has_cr(line):
                    raise self._ended_by_cr(number + at)
                yield line
            number += len(parts)
            if _has_cr(rest[:-1]):  # the last one may be half of CRLF
                raise self._ended_by_cr(number)
            if len(rest) > LINE_BYTES_MAX:
                raise self._findings.stop(
                    number,
                    "",
                    expected=f"a line of at most {LINE_BYTES_MAX} bytes",
                    found="a longer one",
                )
        self.ended = not rest
        if rest.endswith(b"\r") and _has_cr(rest):
            raise self._ended_by_cr(number)
        if rest:
            yield rest

    def _ended_by_cr(self, number: int) -> Exception:
        return self._findings.stop(
            number,
            "",
            expected="lines that end with LF or CRLF",
            found="CR alone",
            hint="save the file with the line ends of Unix or Windows",
        )

    def _unpacked(self, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what a gzip archive of one or more members holds."""
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        for packed in _joined(first, rest):
            data = packed
            while data:
                if unpacker.eof:  # the next member follows
                    unpacker = zlib.decompressobj(_GZIP_WINDOW)
                try:
                    piece = unpacker.decompress(data, _CHUNK_BYTES)
                except zlib.error as error:
                    raise self._damaged(str(error)) from error
                if piece:
                    yield piece
                data = (
                    unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                )
            # Output may wait inside although all input is taken.
            while not unpacker.eof and (
                piece := unpacker.decompress(b"", _CHUNK_BYTES)
            ):
                yield piece
        if not unpacker.eof:
            raise self._damaged("it ends in the middle")

    def _damaged(self, why: str) -> Exception:
        return self._findings.stop(
            0,
            "",
            expected="a whole gzip archive",
            found=f"a damaged one ({why})",
            hint="fetch the file again",
        )


def _has_cr(line: bytes) -> bool:
    """Return whether CR is in a line, but not as in UTF-16, which has zero bytes around it."""
    return b"\r" in line and b"\0" not in line


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the first piece, if there is one, and the others."""
    if first:
        yield first
        yield from rest


def utf8(line: bytes, number: int, findings: Findings) -> str:
    """Return the text of a line, or stop with a finding if it is not UTF-8."""
    at = line.find(b"\0")
    found = "a zero byte, as UTF-16 has them"  # which is UTF-8, too, but nobody's text
    if at < 0:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            at, found = error.start, shown(line[error.start : error.end])
    if line.startswith(UTF16_MARKS):
        at, found = 0, "a byte order mark of UTF-16"
    raise findings.stop(
        number,
        f"byte {at + 1}",
        expected="UTF-8 text",
        found=found,
        hint="save the file as UTF-8",
    )
