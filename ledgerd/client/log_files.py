"""Exports of the log as files, which are checked with nothing but the file.

    "ledgerd log 1", a line feed
    records, one behind the other:
      length u32 | body | CRC32C u32 of length and body
    body of the first record:
      from index u64 | link before it 32 | number of roots u8 | roots 32 each | a saved tree head
    body of each other one, an entry:
      index u64 | term u64 | ts i64 | kind u8 | link 32 | state version u32 | result 32 | payload

Numbers are big-endian. The head is the file of `ledgerctl audit head`; its last leaf is the last
entry of the export, so a file that ends early is known to. `log_checks` says what links and leaves
are made of. Durable: an export is kept for years; a change is a new first line.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from struct import error as StructError
from typing import BinaryIO, Final, NamedTuple, Self

import google_crc32c
from cryptography.hazmat.primitives.hashes import SHA256

from ledgerd.api.v1 import audit_pb2
from ledgerd.client.log_checks import HASH_BYTES, LogCheck, LoggedEntry, LogRefused
from ledgerd.client.receipts import (
    ProvenHead,
    ReceiptRefused,
    authorities,
    verify_head,
)
from ledgerd.limits import ENTRY_BYTES_MAX

FIRST_LINE: Final = b"ledgerd log 1\n"
_LENGTH: Final = Struct(">I")
_START: Final = Struct(">Q32sB")
_ENTRY: Final = Struct(">QQqB32sI32s")
_RECORD_BYTES_MAX: Final = ENTRY_BYTES_MAX + _ENTRY.size
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP)  # of a file system without them
_NO_RESULT: Final = bytes(HASH_BYTES)

Progress = Callable[[int, int], None]  # (entries done, entries of the file)


@dataclass(frozen=True, slots=True)
class ProvenLog:
    """A log whose chain holds, and whose tree is the one that was signed.

    from_index, to_index: of its entries, inclusive. chained_only: how many of them are from before
    the tree: of these the chain alone speaks, which nobody signed. link: of the last entry.
    """

    head: ProvenHead
    from_index: int
    to_index: int
    payload_bytes: int
    chained_only: int
    link: bytes

    @property
    def entries(self) -> int:
        """How many entries it has."""
        return self.to_index - self.from_index + 1


class _Torn(Exception):
    """A record cannot be read: the message says where and why."""


class _Record(NamedTuple):
    at: int
    body: bytes


class LogFile:
    """An export that is being written, beside the file that it becomes when it is whole.

    What is added is checked first, so that what is on disk is good as far as it goes. One process
    writes at a time. Use it in `with`, or `close` it; what was added stays for `resumed`.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._check: LogCheck
        self.head: ProvenHead
        self.from_index = 0

    @classmethod
    def begun(
        cls, path: Path, *, from_index: int, start: audit_pb2.LogStart, head: str
    ) -> Self:
        """Return a new export to `path`, of the entries from `from_index` to the head's last.

        head: the file of a tree head. Raises LogRefused, FileExistsError where one is under way.
        """
        raw = head.encode()
        body = _START.pack(from_index, start.link, len(start.tree_roots))
        body += b"".join(start.tree_roots) + raw
        _begin(body, ca=None)
        file = part_of(path).open("x+b")
        try:
            made = cls._of(path, file)
            made._started(body)
            file.write(FIRST_LINE + _record(body))
            file.flush()
        except BaseException:
            file.close()
            raise
        return made

    @classmethod
    def resumed(cls, path: Path) -> Self:
        """Return the export to `path` that was interrupted, behind its last whole entry.

        Raises FileNotFoundError where there is none, LogRefused where it is no good beginning, and
        BlockingIOError where another process writes it.
        """
        part = part_of(path)
        file = part.open("r+b")
        try:
            made = cls._of(path, file)
            if part.stat().st_size == 0:  # it was interrupted before it began
                part.unlink()
                raise FileNotFoundError(part)
            records = _records(file)
            body = next(records).body
            made._started(body)
            end = file.tell()
            try:
                for record in records:
                    made._check.take(_entry(record))
                    end = record.at + _LENGTH.size * 2 + len(record.body)
            except _Torn:
                pass  # the end of what was written; it comes again
            file.seek(end)
            file.truncate()
        except (_Torn, StopIteration) as error:
            file.close()
            raise LogRefused(f"it has no beginning: {error}") from error
        except BaseException:
            file.close()
            raise
        return made

    @classmethod
    def _of(cls, path: Path, file: BinaryIO) -> Self:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(path, file)

    def _started(self, body: bytes) -> None:
        self.head, self._check = _begin(body, ca=None)
        self.from_index = self._check.next_index

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def next_index(self) -> int:
        """The entry to add next."""
        return self._check.next_index

    @property
    def to_index(self) -> int:
        """The last entry that it will have."""
        return self.head.last_index

    def add(self, entries: Iterable[audit_pb2.LogEntry]) -> None:
        """Write entries, the first of which is `next_index`. Raises LogRefused, OSError."""
        for told in entries:
            entry = LoggedEntry(
                told.index,
                told.term,
                told.ts_us,
                told.kind,
                told.payload,
                told.link,
                told.state_version,
                told.result or _NO_RESULT,
            )
            try:
                body = _packed(entry)
            except StructError as error:
                raise LogRefused(
                    f"entry {told.index}: a number is out of range: {error}"
                ) from error
            self._check.take(entry)
            self._file.write(_record(body))

    def finish(self) -> None:
        """Give the whole export its name, durably; it never takes the place of another file.

        Raises LogRefused where the signed tree is another one, FileExistsError, OSError.
        """
        assert self.next_index == self.to_index + 1, (self.next_index, self.to_index)
        _check_root(self._check, self.head)
        self._file.flush()
        os.fsync(self._file.fileno())
        part = part_of(self._path)
        try:
            os.link(part, self._path)
        except OSError as error:
            if error.errno not in _NO_LINKS or self._path.exists():
                raise
            part.rename(self._path)
        else:
            part.unlink()
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        self._file.close()


def part_of(path: Path) -> Path:
    """Return where an export to `path` is until it is whole."""
    return path.with_name(path.name + ".part")


def verify_log(
    path: Path,
    *,
    ca: bytes | None = None,
    known: ProvenHead | None = None,
    progress: Progress = lambda _done, _all: None,
) -> ProvenLog:
    """Return what the file of an export proves: every byte of it is judged.

    ca: the CAs that are known from elsewhere, PEM; None: whatever CA the file brings. known: a head
    kept from earlier, whose tree must be the beginning of this one; it is of one of `ca`, without
    them of the CA of the file. Raises LogRefused, which says what is wrong and where, and OSError.
    """
    with path.open("rb") as file:
        records = _records(file)
        try:
            head, check = _begin(next(records).body, ca=ca)
        except StopIteration:
            raise LogRefused("the file ends before its first record") from None
        except _Torn as torn:
            raise LogRefused(f"its first record: {torn}") from torn
        from_index, to_index = check.next_index, head.last_index
        if known is not None:
            _check_comparable(known, head, from_index=from_index)
            _check_authority(known, head, ca)
        _check_known(check, known)
        payload_bytes = 0
        while check.next_index <= to_index:
            wanted = check.next_index
            try:
                record = next(records)
                entry = _entry(record)
            except StopIteration:
                raise LogRefused(
                    f"the file ends at byte {file.tell()}, before entry {wanted}; expected entries "
                    f"up to {to_index}: it was cut off, or its end was left out"
                ) from None
            except _Torn as torn:
                raise LogRefused(f"entry {wanted}: {torn}") from torn
            if entry.index != wanted:
                raise LogRefused(_out_of_place(record, entry.index, wanted, records))
            try:
                check.take(entry)
            except LogRefused as refused:
                raise LogRefused(f"byte {record.at}: {refused}") from refused
            payload_bytes += len(entry.payload)
            _check_known(check, known)
            progress(check.next_index - from_index, to_index - from_index + 1)
        if file.read(1):
            raise LogRefused(
                f"expected the end of the file behind entry {to_index}, at byte "
                f"{file.tell() - 1}, found more"
            )
    _check_root(check, head)
    return ProvenLog(
        head=head,
        from_index=from_index,
        to_index=to_index,
        payload_bytes=payload_bytes,
        chained_only=max(0, min(head.first_index, to_index + 1) - from_index),
        link=check.link,
    )


def _begin(body: bytes, *, ca: bytes | None) -> tuple[ProvenHead, LogCheck]:
    """Return the signed head of an export, and its beginning. Raises LogRefused."""
    try:
        from_index, link, count = _START.unpack_from(body)
    except StructError as error:
        raise LogRefused(f"its first record cannot be read: {error}") from error
    end = _START.size + count * HASH_BYTES
    roots = [body[at : at + HASH_BYTES] for at in range(_START.size, end, HASH_BYTES)]
    try:
        head = verify_head(body[end:], ca=ca)
    except ReceiptRefused as refused:
        raise LogRefused(f"its tree head: {refused}") from refused
    if not from_index <= head.last_index:
        raise LogRefused(
            f"expected an entry up to {head.last_index}, which its tree head is of, as the first "
            f"one, found {from_index}"
        )
    check = LogCheck(
        from_index=from_index,
        link=link,
        tree_first_index=head.first_index,
        tree_roots=roots,
    )
    return head, check


def _check_root(check: LogCheck, head: ProvenHead) -> None:
    found = check.root()
    if found != head.root:
        told = "none" if found is None else found.hex()
        raise LogRefused(
            "the entries follow from each other, but their tree up to index "
            f"{head.last_index} has the root {told}, and node {head.node_id} signed "
            f"{head.root.hex()}: what an entry did, or the whole history, was changed"
        )


def _check_comparable(known: ProvenHead, head: ProvenHead, *, from_index: int) -> None:
    """Return if the tree of `known` is met on the way to that of `head`. Raises LogRefused."""
    if (known.cluster_id, known.first_index) != (head.cluster_id, head.first_index):
        raise LogRefused(
            f"expected the tree of cluster {known.cluster_id} from index {known.first_index} on, "
            f"found that of {head.cluster_id} from {head.first_index} on"
        )
    if not from_index - 1 <= known.last_index <= head.last_index:
        raise LogRefused(
            f"expected a known head of index {from_index - 1} .. {head.last_index}, found one of "
            f"{known.last_index}: its tree does not come up here"
        )


def _check_authority(known: ProvenHead, head: ProvenHead, ca: bytes | None) -> None:
    """Return if `known` is of a CA that is good, as that of `head` is. Raises LogRefused."""
    if ca is None:
        good = [head.ca_sha256]
    else:
        good = [named.fingerprint(SHA256()).hex() for named in authorities(ca)]
    if known.ca_sha256 not in good:
        raise LogRefused(
            f"expected a known head of the CA {' or '.join(good)}, found one of {known.ca_sha256}; "
            "if the cluster's CA was replaced, name both in one file, as `--ca`"
        )


def _check_known(check: LogCheck, known: ProvenHead | None) -> None:
    """Compare the tree with the one known from earlier, when it is as large."""
    if known is None or known.last_index != check.next_index - 1:
        return
    if check.root() != known.root:
        raise LogRefused(
            f"the tree up to index {known.last_index} is not the one that was known: the history "
            "was written anew"
        )


def _out_of_place(
    record: _Record, found: int, wanted: int, rest: Iterator[_Record]
) -> str:
    """Return what an entry at the wrong place means: others are missing, or stand elsewhere."""
    at = f"byte {record.at}: expected entry {wanted}, found entry {found}"
    if found < wanted:
        return f"{at}: it stands there again, or out of order"
    try:
        for other in rest:
            if _entry(other).index == wanted:
                return (
                    f"{at}: they are out of order, {wanted} stands at byte {other.at}"
                )
    except _Torn:
        pass
    return f"{at}: entries {wanted} .. {found - 1} are missing"


# Records


def _record(body: bytes) -> bytes:
    framed = _LENGTH.pack(len(body)) + body
    return framed + _LENGTH.pack(google_crc32c.value(framed))


def _records(file: BinaryIO) -> Iterator[_Record]:
    """Yield the records of a file from its beginning on. Raises _Torn."""
    first = file.read(len(FIRST_LINE))
    if first != FIRST_LINE:
        raise _Torn(
            f"byte 0: expected the line {FIRST_LINE.decode().strip()!r}, found "
            f"{first[:40]!r}: it is no export of a log"
        )
    at = len(FIRST_LINE)
    while length := file.read(_LENGTH.size):
        if len(length) < _LENGTH.size:
            raise _Torn(f"byte {at}: the file ends within a record: it was cut off")
        (body_bytes,) = _LENGTH.unpack(length)
        if body_bytes > _RECORD_BYTES_MAX:
            raise _Torn(
                f"byte {at}: expected a record of at most {_RECORD_BYTES_MAX} bytes, found "
                f"{body_bytes}: a byte was changed"
            )
        body, checksum = file.read(body_bytes), file.read(_LENGTH.size)
        if len(body) < body_bytes or len(checksum) < _LENGTH.size:
            raise _Torn(
                f"byte {at}: expected a record of {body_bytes} bytes, found {len(body)} before the "
                "end of the file: it was cut off, or a byte was changed"
            )
        computed = _LENGTH.pack(google_crc32c.value(length + body))
        if computed != checksum:
            raise _Torn(
                f"byte {at}: checksum {checksum.hex()} stored, {computed.hex()} computed over the "
                f"{body_bytes} bytes of a record: one of its bytes was changed"
            )
        yield _Record(at, body)
        at = file.tell()


def _packed(entry: LoggedEntry) -> bytes:
    head = _ENTRY.pack(
        entry.index,
        entry.term,
        entry.ts_us,
        entry.kind,
        entry.link,
        entry.state_version,
        entry.result,
    )
    return head + entry.payload


def _entry(record: _Record) -> LoggedEntry:
    """Return the entry of a record. Raises _Torn."""
    try:
        index, term, ts_us, kind, link, state_version, result = _ENTRY.unpack_from(
            record.body
        )
    except StructError as error:
        raise _Torn(f"byte {record.at}: it is no entry: {error}") from error
    payload = record.body[_ENTRY.size :]
    return LoggedEntry(index, term, ts_us, kind, payload, link, state_version, result)
