"""Reads a payout file of any known kind: all of it is right, or it is refused whole."""

import codecs
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from ledgerd.client.files import csv_rows, nacha, pain001, rails
from ledgerd.client.files.findings import Findings, Stop
from ledgerd.client.files.options import ReadOptions
from ledgerd.client.files.orders import Kind, PayoutFile
from ledgerd.client.files.source import UTF16_MARKS, Source
from ledgerd.errors import ConfigError


def read(
    path: Path | str, *, kind: Kind | None = None, options: ReadOptions | None = None
) -> PayoutFile:
    """Return the payouts of the file at `path`; gzip is unpacked.

    Args:
        kind: The format; None recognises it by its first bytes.
        options: See `ReadOptions`.

    Errors: `FileRefused` with up to 20 findings and their count; OSError; ConfigError if IBANs are
    to be checked and schwifty is not installed, or if the options name a rail that is not among
    their rails.
    """
    path = Path(path)
    chosen = replace(options or ReadOptions(), name=path.name)
    if chosen.rail is not None and chosen.rail not in chosen.rails:
        raise ConfigError(f"expected {rails.expected(chosen.rails, chosen.rail)}")
    findings = Findings(path.name)
    try:
        kind = kind or _recognised(path, findings)
        source = Source(path, findings, bytes_max=chosen.file_bytes_max)
        with contextlib.closing(source):
            file = _reader(kind, source, findings, chosen)
    except Stop:
        raise findings.refusal() from None
    if file is None:
        raise findings.refusal()
    assert file.orders, path.name
    assert findings.count == 0, findings.count
    return file


def _reader(
    kind: Kind, source: Source, findings: Findings, options: ReadOptions
) -> PayoutFile | None:
    match kind:
        case Kind.PAIN001:
            return pain001.read(source, findings, options)
        case Kind.NACHA:
            return nacha.read(source, findings, options)
        case Kind.CSV:
            return csv_rows.read(source, findings, options)
        case _:
            assert_never(kind)


def _recognised(path: Path, findings: Findings) -> Kind:
    """Return the kind that the first bytes speak of. Errors: `Stop` if they speak of none."""
    if path.is_fifo():  # its beginning is gone once it is looked at
        raise findings.stop(
            0,
            "",
            expected="a file",
            found="a pipe, which can be read only once",
            hint="--kind says which it is, or write it to a file first",
        )
    source = Source(path, findings, bytes_max=1 << 62)  # only the first chunk is taken
    with contextlib.closing(source):
        head = next(source.chunks(), b"")
    if not head:
        raise findings.stop(0, "", expected="a payout file", found="an empty file")
    head = head.removeprefix(codecs.BOM_UTF8)
    if head.startswith(UTF16_MARKS):  # pain.001 may be; the others refuse it
        head = head[len(codecs.BOM_UTF16_LE) :].replace(b"\0", b"")
    start = head.lstrip(b" \t\r\n\0")
    if start.startswith(b"<"):
        return Kind.PAIN001
    if head.startswith(b"101") and head[3:4].isdigit() | head[3:4].isspace():
        return Kind.NACHA
    first = head.split(b"\n", 1)[0]
    if b"," in first or csv_rows.delimiter(first.decode("utf-8", "replace")):
        return Kind.CSV  # with another delimiter, too, to say so
    raise findings.stop(
        1,
        "",
        expected="pain.001 XML, NACHA (101 in front) or CSV with a header line",
        found="neither",
        hint="--kind says which it is",
    )
