"""Exports of the log: whatever is changed in the file is found, and told where it stands."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from struct import Struct

import google_crc32c
import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from ledgerd.api.v1 import audit_pb2, payouts_pb2
from ledgerd.client import log_files
from ledgerd.client.log_checks import LogRefused
from ledgerd.client.log_files import FIRST_LINE, LogFile, part_of, verify_log
from ledgerd.client.receipts import ProvenHead, authorities, head_text, verify_head
from tests.api.world import CLUSTER, Certificates, World

LENGTH = Struct(">I")
ENTRIES = 9


class Log:
    """What nodes told of a log, and the files that are made of it."""

    def __init__(self) -> None:
        self.start = audit_pb2.LogStart()
        self.middle = audit_pb2.LogStart()
        self.entries: list[audit_pb2.LogEntry] = []
        self.heads: dict[int, str] = {}
        self.ca = b""

    def write(self, path: Path, first: int = 1, last: int = ENTRIES) -> Path:
        """Export entries `first` .. `last` to `path`."""
        start = {1: self.start, 4: self.middle}[first]
        with LogFile.begun(
            path, from_index=first, start=start, head=self.heads[last]
        ) as file:
            file.add(self.entries[first - 1 : last])
            file.finish()
        return path

    def known(self, index: int) -> ProvenHead:
        return verify_head(self.heads[index].encode())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """An account, money, and seven batches; all heads of it."""
    folder = tmp_path_factory.mktemp("log")
    world = World(folder, Certificates(folder / "pki"))
    made = Log()

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await world.account(stub, units=100_000)
            for rows in range(1, ENTRIES - 1):
                orders = [world.order(account) for _ in range(rows % 3 + 1)]
                await stub.payouts.SubmitBatch(
                    payouts_pb2.SubmitBatchRequest(orders=orders)
                )
            for index in range(1, ENTRIES + 1):
                request = audit_pb2.TreeHeadRequest(index=index)
                head = (await stub.audit.GetTreeHead(request)).head
                made.heads[index] = head_text(head)
            async for reply in stub.audit.ExportLog(audit_pb2.ExportLogRequest()):
                made.start = reply.start
                made.entries += reply.entries
            request = audit_pb2.ExportLogRequest(from_index=4)
            async for reply in stub.audit.ExportLog(request):
                made.middle = reply.start

    asyncio.run(run())
    made.ca = (folder / "pki" / "ca.pem").read_bytes()
    assert [entry.index for entry in made.entries] == list(range(1, ENTRIES + 1))
    return made


def records(raw: bytes) -> list[bytes]:
    """Return the records of a file, as they stand in it."""
    found, at = [], len(FIRST_LINE)
    while at < len(raw):
        (size,) = LENGTH.unpack_from(raw, at)
        found.append(raw[at : at + size + 8])
        at += size + 8
    return found


def sealed(body: bytes) -> bytes:
    """Return the record of a body, with the right checksum."""
    framed = LENGTH.pack(len(body)) + body
    return framed + LENGTH.pack(google_crc32c.value(framed))


def refusal(path: Path, parts: Sequence[bytes]) -> str:
    """Return why a file is refused."""
    path.write_bytes(b"".join(parts))
    with pytest.raises(LogRefused) as caught:
        verify_log(path)
    return str(caught.value)


def test_what_was_exported_is_proven(log: Log, tmp_path: Path) -> None:
    """All of it, from nothing but the file; the part that was written is gone."""
    seen: list[tuple[int, int]] = []
    path = log.write(tmp_path / "log")
    proven = verify_log(
        path, ca=log.ca, progress=lambda done, count: seen.append((done, count))
    )

    assert (proven.from_index, proven.to_index, proven.entries) == (1, 9, 9)
    assert proven.head.cluster_id == CLUSTER
    assert proven.chained_only == 0
    assert proven.link == log.entries[-1].link
    assert proven.payload_bytes == sum(len(one.payload) for one in log.entries)
    assert seen == [(done, 9) for done in range(1, 10)]
    assert not part_of(path).exists()


@pytest.mark.parametrize("last", range(1, ENTRIES + 1))
def test_any_first_part_of_a_log_is_proven(log: Log, tmp_path: Path, last: int) -> None:
    """Trees of every size, also those that are no power of two."""
    assert verify_log(log.write(tmp_path / "log", last=last)).entries == last


@pytest.mark.parametrize("last", range(4, ENTRIES + 1))
def test_the_tree_is_proven_from_its_middle_on(
    log: Log, tmp_path: Path, last: int
) -> None:
    """What a log that was cut still has, with the roots of what is gone."""
    proven = verify_log(log.write(tmp_path / "log", first=4, last=last))

    assert (proven.from_index, proven.entries) == (4, last - 3)


def test_every_flipped_byte_is_found(log: Log, tmp_path: Path) -> None:
    """Of the whole file, each byte for itself, with every bit of it flipped."""
    path = tmp_path / "changed"
    raw = log.write(tmp_path / "log", last=4).read_bytes()
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 0xFF
        told = refusal(path, [changed])
        assert told, at


def test_who_changes_a_byte_and_mends_the_checksum_is_found(
    log: Log, tmp_path: Path
) -> None:
    """Then it is the chain or the tree that speaks: every byte of every entry is under one."""
    path = tmp_path / "changed"
    whole = records(log.write(tmp_path / "log", last=4).read_bytes())
    for number, record in enumerate(whole[1:], 1):
        body = record[4:-4]
        for at in range(len(body)):
            changed = bytearray(body)
            changed[at] ^= 1
            parts = [*whole[:number], sealed(bytes(changed)), *whole[number + 1 :]]
            assert refusal(path, [FIRST_LINE, *parts]), (number, at)


def test_who_changes_the_beginning_is_found(log: Log, tmp_path: Path) -> None:
    """The first index, the link, the roots, and what the head is made of."""
    path = tmp_path / "changed"
    whole = records(log.write(tmp_path / "log", first=4).read_bytes())
    body = whole[0][4:-4]
    fixed = 8 + 32 + 1 + 2 * 32
    for at in itertools.chain(range(fixed), range(fixed, len(body), 41)):
        changed = bytearray(body)
        changed[at] ^= 1
        told = refusal(path, [FIRST_LINE, sealed(bytes(changed)), *whole[1:]])
        assert told, at


def test_a_file_that_was_cut_off_is_found_at_every_byte(
    log: Log, tmp_path: Path
) -> None:
    """No beginning of an export passes for one."""
    path = tmp_path / "changed"
    raw = log.write(tmp_path / "log", last=4).read_bytes()
    for size in range(len(raw)):
        refusal(path, [raw[:size]])


def test_what_is_wrong_is_told_by_name(log: Log, tmp_path: Path) -> None:
    """A missing entry, two in another order, one twice, an end left out, one too many."""
    path = tmp_path / "changed"
    raw = log.write(tmp_path / "log").read_bytes()
    start, *entries = records(raw)
    begin = [FIRST_LINE, start]
    at = len(FIRST_LINE) + len(start) + sum(map(len, entries[:3]))

    assert (
        f"byte {at}: expected entry 4, found entry 5: entries 4 .. 4 are missing"
        in (refusal(path, [*begin, *entries[:3], *entries[4:]]))
    )
    swapped = [*entries[:3], entries[4], entries[3], *entries[5:]]
    assert f"out of order, 4 stands at byte {at + len(entries[4])}" in (
        refusal(path, [*begin, *swapped])
    )
    assert "expected entry 5, found entry 4: it stands there again" in (
        refusal(path, [*begin, *entries[:4], *entries[3:]])
    )
    assert "before entry 8; expected entries up to 9: it was cut off" in (
        refusal(path, [*begin, *entries[:7]])
    )
    assert "expected the end of the file behind entry 9" in (
        refusal(path, [*begin, *entries, entries[-1]])
    )
    flipped = bytearray(entries[3])
    flipped[60] ^= 4
    assert f"entry 4: byte {at}: checksum" in (
        refusal(path, [*begin, *entries[:3], flipped, *entries[4:]])
    )
    assert "no export of a log" in refusal(path, [b"{}\n"])
    assert "before its first record" in refusal(path, [FIRST_LINE])


def test_a_history_that_was_written_anew_is_found(log: Log, tmp_path: Path) -> None:
    """With a chain and checksums of its own: nobody signed the tree of it."""
    start, *entries = records(log.write(tmp_path / "log").read_bytes())
    result = bytearray(entries[5][4:-4])
    result[8 + 8 + 8 + 1 + 32 + 4] ^= 1  # what the entry did stands in its leaf alone
    parts = [start, *entries[:5], sealed(bytes(result)), *entries[6:]]

    told = refusal(tmp_path / "changed", [FIRST_LINE, *parts])

    assert "the entries follow from each other" in told
    assert "signed" in told


def test_a_head_that_was_kept_must_come_up_in_the_log(log: Log, tmp_path: Path) -> None:
    """The tree is the known one on the way; a head of elsewhere proves nothing."""
    path = log.write(tmp_path / "log", first=4, last=8)
    for index in range(3, 9):
        verify_log(path, known=log.known(index))
    for index in (2, 9):
        with pytest.raises(LogRefused, match="does not come up here"):
            verify_log(path, known=log.known(index))
    other = ProvenHead(
        **{
            name: getattr(log.known(5), name)
            for name in ProvenHead.__slots__
            if name != "root"
        },
        root=bytes(32),
    )
    with pytest.raises(LogRefused, match="not the one that was known"):
        verify_log(path, known=other)


def test_a_head_of_a_ca_that_was_replaced(log: Log, tmp_path: Path) -> None:
    """It is good for who knows both CAs; a file that brings its own is held against its own."""
    path = log.write(tmp_path / "log")
    old = (Certificates(tmp_path / "old").folder / "ca.pem").read_bytes()
    (authority,) = authorities(old)
    known = replace(log.known(5), ca_sha256=authority.fingerprint(SHA256()).hex())

    assert verify_log(path, known=known, ca=log.ca + old).head.last_index == ENTRIES
    for ca in (None, log.ca):  # any CA can name itself after the cluster
        with pytest.raises(LogRefused, match="if the cluster's CA was replaced"):
            verify_log(path, known=known, ca=ca)


def test_another_ca_is_refused(log: Log, tmp_path: Path) -> None:
    """With the cluster's CA named, no other one will do."""
    path = log.write(tmp_path / "log")
    stranger = (Certificates(tmp_path / "pki").folder / "ca.pem").read_bytes()

    with pytest.raises(LogRefused, match="the CA that was named"):
        verify_log(path, ca=stranger)


def test_an_interrupted_export_goes_on_behind_its_last_whole_entry(
    log: Log, tmp_path: Path
) -> None:
    """Cut off within any of its entries, it ends as the same file."""
    whole = log.write(tmp_path / "whole").read_bytes()
    path = tmp_path / "log"
    begin = len(FIRST_LINE) + len(records(whole)[0])
    for size in range(begin, len(whole) + 1, 23):
        part_of(path).write_bytes(whole[:size])
        with LogFile.resumed(path) as file:
            assert (file.from_index, file.to_index) == (1, ENTRIES)
            file.add(log.entries[file.next_index - 1 :])
            file.finish()
        assert path.read_bytes() == whole, size
        path.unlink()


def test_one_process_writes_at_a_time(log: Log, tmp_path: Path) -> None:
    """A second one is told, and an empty beginning is none."""
    path = tmp_path / "log"
    first = LogFile.begun(path, from_index=1, start=log.start, head=log.heads[4])
    first.add(log.entries[:2])
    with pytest.raises(BlockingIOError):
        LogFile.resumed(path)
    with pytest.raises(FileExistsError):
        LogFile.begun(path, from_index=1, start=log.start, head=log.heads[4])
    first.close()
    with LogFile.resumed(path) as again:
        assert again.next_index == 3
    part_of(path).write_bytes(b"")
    with pytest.raises(FileNotFoundError):
        LogFile.resumed(path)
    assert not part_of(path).exists()


def test_what_cannot_be_is_not_written(log: Log, tmp_path: Path) -> None:
    """What a node tells is checked before it is on disk; what was written before stays good."""
    path = tmp_path / "log"
    changed = audit_pb2.LogEntry()
    changed.CopyFrom(log.entries[2])
    changed.payload += b"x"
    with LogFile.begun(path, from_index=1, start=log.start, head=log.heads[4]) as file:
        file.add(log.entries[:2])
        with pytest.raises(LogRefused, match="does not follow"):
            file.add([changed])
        file.add(log.entries[2:4])
        file.finish()

    assert verify_log(path).entries == 4


def test_the_tree_that_was_signed_is_asked_for_at_the_end(
    log: Log, tmp_path: Path
) -> None:
    """A node that tells of another result gives no file."""
    path = tmp_path / "log"
    changed = audit_pb2.LogEntry()
    changed.CopyFrom(log.entries[3])
    changed.result = bytes(32)
    with LogFile.begun(path, from_index=1, start=log.start, head=log.heads[4]) as file:
        file.add([*log.entries[:3], changed])
        with pytest.raises(LogRefused, match="signed"):
            file.finish()

    assert not path.exists()


def test_no_file_is_overwritten(log: Log, tmp_path: Path) -> None:
    """Also one that came after the export had begun."""
    path = tmp_path / "log"
    with LogFile.begun(path, from_index=1, start=log.start, head=log.heads[4]) as file:
        file.add(log.entries[:4])
        path.write_text("mine")
        with pytest.raises(FileExistsError):
            file.finish()

    assert path.read_text() == "mine"


def test_the_layout_is_the_one_that_is_written_down() -> None:
    """Durable: numbers big-endian, in the order that the module says."""
    assert FIRST_LINE == b"ledgerd log 1\n"
    assert log_files._ENTRY.size == 8 + 8 + 8 + 1 + 32 + 4 + 32
    assert log_files._START.size == 8 + 32 + 1
