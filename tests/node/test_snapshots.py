"""The copies of one node: made in a thread, fetched on the loop, given to peers. F28, F29, T90."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import google_crc32c
import pytest

from ledgerd.formats import snapshots as headers
from ledgerd.formats.records import Table
from ledgerd.node.snapshots import CopyOptions, SnapshotKeeper
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import NodeId, Term
from ledgerd.raft.messages import SnapshotOffer
from ledgerd.replica.inputs import (
    SnapshotFetched,
    SnapshotInput,
    SnapshotMade,
    SnapshotSpoiled,
)
from ledgerd.storage import state_copy
from ledgerd.storage.environment import Environment
from ledgerd.storage.state_copy import Copied, make_copy
from ledgerd.transport.snapshot_stream import Part, SnapshotStreamBroken
from tests.storage.world import make_node, open_node, usual_history

CHUNK = 8192
OPTIONS = CopyOptions(bytes_per_s=1 << 40, chunk_bytes=CHUNK)


@dataclass
class Giver:
    """A peer's calls, by script.

    breaks: the chunk number that each call ends before. spoil: what its disk makes of a chunk.
    flips_at: chunks that are damaged on the way, once each, after their checksum was made.
    """

    copied: Copied
    breaks: list[int] = field(default_factory=list)
    spoil: Callable[[int, bytes], bytes] = lambda offset, data: data
    flips_at: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    damaged: list[bytes] = field(default_factory=list)
    called_again: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(
        self, peer: NodeId, sha256: bytes, offset: int
    ) -> AsyncGenerator[Part]:
        self.offsets.append(offset)
        if len(self.offsets) > 1:
            self.called_again.set()
        content = self.copied.path.read_bytes()
        yield Part(headers.encode(self.copied.header), 0, b"", 0)
        left = self.breaks.pop(0) if self.breaks else None
        for at in range(offset, len(content), CHUNK):
            if left == 0:
                raise SnapshotStreamBroken("told to break")
            left = None if left is None else left - 1
            data = self.spoil(at, content[at : at + CHUNK])
            crc = google_crc32c.value(data)
            if at in self.flips_at:
                self.flips_at.remove(at)
                data = bytes([data[0] ^ 1]) + data[1:]
            yield Part(b"", at, data, crc)

    async def tell_damaged(self, peer: NodeId, sha256: bytes) -> None:
        self.damaged.append(sha256)


@dataclass
class Desk:
    """A keeper over a node that is behind, and what it handed to its replica."""

    keeper: SnapshotKeeper
    ends: "asyncio.Queue[SnapshotInput]"
    stops: list[BaseException]
    damages: list[str]

    async def end(self) -> SnapshotInput:
        return await asyncio.wait_for(self.ends.get(), 30)


@pytest.fixture
def copied(tmp_path: Path) -> Copied:
    make_node(tmp_path / "giver", usual_history())
    with open_node(tmp_path / "giver") as environment:
        return make_copy(environment, bytes_per_s=1 << 40, chunk_bytes=CHUNK)


@pytest.fixture
def behind(tmp_path: Path) -> Path:
    make_node(tmp_path / "behind", usual_history()[:3])
    return tmp_path / "behind"


def offer_of(copied: Copied) -> SnapshotOffer:
    return SnapshotOffer(NodeId(2), NodeId(1), Term(2), copied.snapshot, 1, 1)


def at_desk(
    directory: Path, giver: Giver | None, work: Callable[[Desk], Awaitable[None]]
) -> None:
    """Run `work` with a keeper over the directory."""

    async def run(environment: Environment) -> None:
        loop = asyncio.get_running_loop()
        ends: asyncio.Queue[SnapshotInput] = asyncio.Queue()
        stops: list[BaseException] = []
        damages: list[str] = []
        keeper = SnapshotKeeper(
            environment,
            OPTIONS,
            metrics=Metrics(),
            put=lambda item: loop.call_soon_threadsafe(ends.put_nowait, item) and None,
            on_damage=damages.append,
            fail_stop=stops.append,
        )
        keeper.attach(loop, giver)  # type: ignore[arg-type]
        desk = Desk(keeper, ends, stops, damages)
        try:
            await work(desk)
        finally:
            await keeper.stop()
        assert desk.stops == []

    with open_node(directory) as environment:
        asyncio.run(run(environment))


def test_what_is_offered_is_fetched_over_broken_streams(
    copied: Copied, behind: Path
) -> None:
    """F29: each call goes on from the last good chunk."""
    giver = Giver(copied, breaks=[3, 2])

    async def work(desk: Desk) -> None:
        desk.keeper.fetch(offer_of(copied))
        assert await desk.end() == SnapshotFetched(
            copied.snapshot.sha256, copied.snapshot
        )

    at_desk(behind, giver, work)
    assert giver.offsets == [0, 3 * CHUNK, 5 * CHUNK]


def test_a_damaged_chunk_is_asked_for_again(copied: Copied, behind: Path) -> None:
    """F29, T90: one flipped bit in transit costs one more call."""
    giver = Giver(copied, flips_at=[2 * CHUNK])

    async def work(desk: Desk) -> None:
        desk.keeper.fetch(offer_of(copied))
        end = await desk.end()
        assert isinstance(end, SnapshotFetched)
        assert end.snapshot == copied.snapshot

    at_desk(behind, giver, work)
    assert giver.offsets == [0, 2 * CHUNK]
    assert giver.damaged == []


def test_a_copy_that_is_damaged_as_a_whole_is_refused_and_told(
    copied: Copied, behind: Path
) -> None:
    """T90: good chunk checksums over bad bytes; the giver hears of it."""

    def spoil(offset: int, data: bytes) -> bytes:
        return bytes([data[0] ^ 1]) + data[1:] if offset == CHUNK else data

    giver = Giver(copied, spoil=spoil)

    async def work(desk: Desk) -> None:
        desk.keeper.fetch(offer_of(copied))
        assert await desk.end() == SnapshotFetched(copied.snapshot.sha256, None)

    at_desk(behind, giver, work)
    assert giver.damaged == [copied.snapshot.sha256]


def test_an_offer_that_nobody_serves_is_given_back(
    copied: Copied, behind: Path
) -> None:
    """T62: after a few calls in vain the leader is left to offer anew."""
    giver = Giver(copied, breaks=[0] * 20)

    async def work(desk: Desk) -> None:
        desk.keeper.fetch(offer_of(copied))
        assert await desk.end() == SnapshotFetched(copied.snapshot.sha256, None)

    at_desk(behind, giver, work)
    assert set(giver.offsets) == {0}
    assert giver.damaged == []


def test_a_restart_goes_on_with_what_has_come(copied: Copied, behind: Path) -> None:
    """F29: the second process asks for the rest only."""
    first = Giver(copied, breaks=[4] + [0] * 20)

    async def stopped(desk: Desk) -> None:
        desk.keeper.fetch(offer_of(copied))
        await first.called_again.wait()  # the first call brought four chunks

    at_desk(behind, first, stopped)
    second = Giver(copied)

    async def whole(desk: Desk) -> None:
        desk.keeper.fetch(offer_of(copied))
        end = await desk.end()
        assert isinstance(end, SnapshotFetched)
        assert end.snapshot == copied.snapshot

    at_desk(behind, second, whole)
    assert second.offsets == [4 * CHUNK]


def test_copies_are_made_one_after_the_other_at_once(behind: Path) -> None:
    """T63: the next may be asked for the moment that one has handed its end over."""

    async def work(desk: Desk) -> None:
        for _ in range(5):
            await asyncio.to_thread(desk.keeper.make, 0)
            end = await desk.end()
            assert isinstance(end, SnapshotMade)
            assert end.snapshot is not None
            assert end.snapshot.index == 3
        assert desk.keeper.newest() == end.snapshot

    at_desk(behind, None, work)
    assert not [t for t in threading.enumerate() if t.name.startswith("copier")]


def test_a_copy_is_given_by_its_checksum_only(behind: Path) -> None:
    """T95: one that was replaced is no longer there."""

    async def work(desk: Desk) -> None:
        desk.keeper.make(0)
        end = await desk.end()
        assert isinstance(end, SnapshotMade)
        assert end.snapshot is not None
        opened = desk.keeper.open(end.snapshot.sha256)
        assert opened is not None
        content = opened.read(0, opened.size_bytes)
        opened.close()
        assert len(content) == end.snapshot.size_bytes
        assert desk.keeper.open(bytes(32)) is None

    at_desk(behind, None, work)


def test_a_copy_after_one_in_vain_is_made_and_sent_faster(behind: Path) -> None:
    """F29: the log has outrun the copy before it."""

    async def work(desk: Desk) -> None:
        for doublings in (0, 2):
            desk.keeper.make(doublings)
            end = await desk.end()
            assert isinstance(end, SnapshotMade)
            assert end.snapshot is not None
            opened = desk.keeper.open(end.snapshot.sha256)
            assert opened is not None
            assert opened.doublings == doublings
            assert desk.keeper.bytes_per_s == OPTIONS.bytes_per_s << doublings
            opened.close()

    at_desk(behind, None, work)


def test_a_copy_that_came_damaged_is_looked_at(behind: Path) -> None:
    """T90: kept if it is whole here, else forgotten and said to be spoiled."""

    async def work(desk: Desk) -> None:
        desk.keeper.make(0)
        end = await desk.end()
        assert isinstance(end, SnapshotMade)
        assert end.snapshot is not None
        sha256 = end.snapshot.sha256
        desk.keeper.came_damaged(sha256)
        assert desk.keeper.newest() == end.snapshot
        (path,) = (behind / "snapshots").glob("*.mdb")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
        desk.keeper.came_damaged(sha256)

        assert await desk.end() == SnapshotSpoiled(sha256)
        assert desk.keeper.newest() is None

    at_desk(behind, None, work)


def test_a_copy_that_rotted_is_found_before_it_is_offered(behind: Path) -> None:
    """T90: the scrub reads it whole; what is whole stays, what ends early says nothing."""

    async def work(desk: Desk) -> None:
        desk.keeper.make(0)
        end = await desk.end()
        assert isinstance(end, SnapshotMade)
        assert end.snapshot is not None
        read: list[int] = []
        desk.keeper.look_over(lambda size: read.append(size) or True)
        assert sum(read) == end.snapshot.size_bytes
        assert desk.keeper.newest() == end.snapshot
        (path,) = (behind / "snapshots").glob("*.mdb")
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
        desk.keeper.look_over(lambda _: False)
        assert desk.keeper.newest() == end.snapshot
        desk.keeper.look_over(lambda _: True)

        assert await desk.end() == SnapshotSpoiled(end.snapshot.sha256)
        assert desk.keeper.newest() is None
        assert list((behind / "snapshots").iterdir()) == []

    at_desk(behind, None, work)


def test_a_copy_whose_file_is_gone_is_said_to_be_spoiled(behind: Path) -> None:
    """T90: or it would be offered for ever."""

    async def work(desk: Desk) -> None:
        desk.keeper.make(0)
        end = await desk.end()
        assert isinstance(end, SnapshotMade)
        assert end.snapshot is not None
        (path,) = (behind / "snapshots").glob("*.mdb")
        path.unlink()
        assert desk.keeper.open(end.snapshot.sha256) is None

        assert await desk.end() == SnapshotSpoiled(end.snapshot.sha256)

    at_desk(behind, None, work)


def test_the_copies_of_a_bad_state_are_forgotten(behind: Path) -> None:
    """F37: the one at hand and the one being made."""

    async def work(desk: Desk) -> None:
        desk.keeper.make(0)
        await desk.end()
        desk.keeper.make(0)
        await asyncio.to_thread(desk.keeper.forget)

        assert desk.keeper.newest() is None
        assert not list((behind / "snapshots").glob("*.mdb"))

    at_desk(behind, None, work)


def test_a_row_that_rotted_in_the_state_fences_its_node(behind: Path) -> None:
    """F37, T74: no copy is made of a damaged state, and nobody is offered one."""
    rot(behind)

    async def work(desk: Desk) -> None:
        desk.keeper.make(0)
        end = await desk.end()
        assert isinstance(end, SnapshotMade)
        assert end.snapshot is None
        assert "table account" in end.why
        assert desk.damages == [end.why]
        assert desk.keeper.newest() is None

    at_desk(behind, None, work)


def test_a_copy_with_a_rotten_row_that_was_refused_fences_its_maker(
    behind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F37, T90: a copy from before rows were looked at: its bytes are whole, and a row is not."""
    rot(behind)

    async def work(desk: Desk) -> None:
        with monkeypatch.context() as blind:
            blind.setattr(state_copy, "check_copy", lambda *_: True)
            desk.keeper.make(0)
            end = await desk.end()
        assert isinstance(end, SnapshotMade)
        assert end.snapshot is not None
        await asyncio.to_thread(desk.keeper.came_damaged, end.snapshot.sha256)

        assert await desk.end() == SnapshotSpoiled(end.snapshot.sha256)
        (damage,) = desk.damages
        assert "table account" in damage
        assert desk.keeper.newest() is None

    at_desk(behind, None, work)


def rot(directory: Path) -> None:
    """Flip a bit of a balance in state/."""
    with open_node(directory) as environment:
        table = environment.state_tables[Table.ACCOUNT]
        with environment.state.begin(table, write=True) as transaction:
            cursor = transaction.cursor()
            assert cursor.first()
            key, value = cursor.key(), bytearray(cursor.value())
            value[len(value) // 2] ^= 1
            transaction.put(key, bytes(value))
