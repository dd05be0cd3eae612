"""Audit.ExportLog over TLS: what comes, in which parts, and what is refused."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from ledgerd.api import log_exports
from ledgerd.api.v1 import audit_pb2 as pb
from ledgerd.api.v1 import common_pb2, payouts_pb2
from ledgerd.formats.entries import link_of
from ledgerd.raft.entries import Entry, EntryKind, Index, Term
from ledgerd.replica.pace import Pace
from ledgerd.storage import log_pages
from tests.api.world import Refusal, Stub, World


async def told(stub: Stub, **asked: int) -> list[pb.ExportLogReply]:
    """Return all messages of one call."""
    request = pb.ExportLogRequest(**asked)
    return [reply async for reply in stub.audit.ExportLog(request)]


async def refused(stub: Stub, **asked: int) -> Refusal:
    """Return how a call was refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await told(stub, **asked)
    return Refusal(caught.value)


async def fill(world: World, stub: Stub, batches: int) -> None:
    """Write two entries, and one for each batch."""
    account = await world.account(stub, units=100_000)
    for _ in range(batches):
        order = payouts_pb2.SubmitRequest(order=world.order(account))
        await stub.payouts.Submit(order)


def indexes(replies: list[pb.ExportLogReply]) -> list[int]:
    return [entry.index for reply in replies for entry in reply.entries]


def test_each_entry_is_told_as_the_log_has_it(world: World) -> None:
    """Index, term, time, kind, payload, link; and the leaf that the tree has of it."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await fill(world, stub, 4)
            replies = await told(stub)
            (reply,) = replies
            assert indexes(replies) == [1, 2, 3, 4, 5, 6]
            assert (reply.to_index, reply.more) == (6, False)
            assert reply.header.applied_index == 6
            assert reply.start.first_kept_index == 1
            assert reply.start.tree_first_index == 1
            assert reply.start.link == bytes(32)
            assert list(reply.start.tree_roots) == []
            previous = reply.start.link
            for told_entry in reply.entries:
                entry = Entry(
                    Term(told_entry.term),
                    Index(told_entry.index),
                    EntryKind(told_entry.kind),
                    told_entry.ts_us,
                    told_entry.payload,
                    told_entry.link,
                )
                assert link_of(previous, entry) == entry.link
                assert told_entry.state_version == 3
                assert len(told_entry.result) == 32
                previous = entry.link

    asyncio.run(run())


def test_a_range_is_told_with_what_stands_before_it(world: World) -> None:
    """The link before the first entry, and a root for each bit of the leaves before it."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await fill(world, stub, 8)
            (whole,) = await told(stub)
            for first in range(1, 11):
                replies = await told(stub, from_index=first, to_index=10)
                (reply,) = replies
                assert indexes(replies) == list(range(first, 11))
                assert len(reply.start.tree_roots) == (first - 1).bit_count()
                if first > 1:
                    assert reply.start.link == whole.entries[first - 2].link
            (one,) = await told(stub, from_index=4, to_index=4)
            assert indexes([one]) == [4]

    asyncio.run(run())


def test_a_call_gives_a_part_and_says_that_there_is_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded in pages and in bytes; whoever asks again from behind it gets the rest."""
    monkeypatch.setattr(
        log_pages.log_page, "__kwdefaults__", {"entries_max": 2, "bytes_max": 1 << 20}
    )
    monkeypatch.setattr(log_exports, "PART_PAGES_MAX", 3)

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await fill(world, stub, 9)
            first = await told(stub)
            assert [len(reply.entries) for reply in first] == [2, 2, 2]
            assert [reply.more for reply in first] == [False, False, True]
            assert [reply.HasField("start") for reply in first] == [True, False, False]
            rest = await told(stub, from_index=7, to_index=first[0].to_index)
            assert indexes(first) + indexes(rest) == list(range(1, 12))
            assert rest[-1].more is False
            monkeypatch.setattr(log_exports, "PART_BYTES_MAX", 1)
            small = await told(stub)
            assert [(len(one.entries), one.more) for one in small] == [(2, True)]

    asyncio.run(run())


def test_a_start_that_was_cut_says_where_the_log_begins(world: World) -> None:
    """LOG_CUT with the first index there is; from there on it is told, and without a start too."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await fill(world, stub, 8)
            (whole,) = await told(stub)
            world.node.cut(5)
            refusal = await refused(stub, from_index=4)
            assert refusal.code is grpc.StatusCode.OUT_OF_RANGE
            assert refusal.reason == "LOG_CUT"
            assert refusal.metadata["index_first"] == "5"
            for asked in ({"from_index": 5}, {}):
                (reply,) = await told(stub, **asked)
                assert indexes([reply]) == [5, 6, 7, 8, 9, 10]
                assert reply.start.link == whole.entries[3].link
                assert reply.start.first_kept_index == 5
                assert len(reply.start.tree_roots) == 1

    asyncio.run(run())


def test_entries_from_before_the_tree_are_told_without_a_leaf(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain alone speaks of them; the tree begins where it does, also within an export."""
    monkeypatch.setattr("tests.api.world.STATE_VERSION", 2)

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await world.account(stub, units=100_000)
            order = payouts_pb2.SubmitRequest(order=world.order(account))
            await stub.payouts.Submit(order)
            (early,) = await told(stub)
            assert early.start.tree_first_index == 0
            assert {entry.result for entry in early.entries} == {b""}
            monkeypatch.setattr("tests.api.world.STATE_VERSION", 3)
            for _ in range(3):
                order = payouts_pb2.SubmitRequest(order=world.order(account))
                await stub.payouts.Submit(order)
            for first, roots in ((1, 0), (3, 0), (4, 0), (5, 1), (6, 1)):
                (reply,) = await told(stub, from_index=first)
                assert indexes([reply]) == list(range(first, 7))
                assert reply.start.tree_first_index == 4
                assert len(reply.start.tree_roots) == roots
                for entry in reply.entries:
                    is_in_tree = entry.index >= 4
                    assert entry.state_version == (3 if is_in_tree else 0)
                    assert len(entry.result) == (32 if is_in_tree else 0)

    asyncio.run(run())


def test_what_is_not_applied_is_not_told(world: World) -> None:
    """An end or a start beyond it, and a start behind the end."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await fill(world, stub, 1)
            for asked in (
                {"to_index": 4},
                {"from_index": 4},
                {"from_index": 3, "to_index": 2},
                {"from_index": 2**64 - 1},
                {"to_index": 2**64 - 1},
            ):
                assert (await refused(stub, **asked)).reason == "INDEX_NOT_KEPT", asked

    asyncio.run(run())


def test_a_value_that_rots_is_never_told(world: World) -> None:
    """The entries before it are; it is reported, and another node is to be asked."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await fill(world, stub, 4)
            world.node.rot(4)
            replies = stub.audit.ExportLog(pb.ExportLogRequest()).__aiter__()
            assert indexes([await anext(replies)]) == [1, 2, 3]
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await anext(replies)
            refusal = Refusal(caught.value)
            assert refusal.reason == "NOT_READY"
            assert refusal.metadata["corrupt_index"] == "4"
            assert world.node.slots == [4]
            assert (await refused(stub, from_index=5)).metadata["corrupt_index"] == "4"
            assert indexes(await told(stub, from_index=6)) == [6]
            assert world.stops == []

    asyncio.run(run())


def test_only_so_many_export_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is refused at once; whoever gives up makes room."""
    monkeypatch.setattr(log_exports, "EXPORTS_MAX", 1)
    monkeypatch.setattr(
        log_pages.log_page, "__kwdefaults__", {"entries_max": 1, "bytes_max": 1 << 20}
    )
    monkeypatch.setattr(log_exports, "PART_PAGES_MAX", 1 << 20)

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await fill(world, stub, 3)
            released = asyncio.Event()
            plain = world.node.read

            async def held(*args: object, **kwargs: object) -> object:
                found = await plain(*args, **kwargs)  # type: ignore[arg-type]  # passed on
                if kwargs["at_least"] is not None:  # the second page of the first
                    await released.wait()
                return found

            monkeypatch.setattr(world.node, "read", held)
            call = stub.audit.ExportLog(pb.ExportLogRequest())
            replies: AsyncIterator[pb.ExportLogReply] = call.__aiter__()
            assert indexes([await anext(replies)]) == [1]
            assert (await refused(stub)).reason == "OVERLOADED"
            released.set()
            assert indexes([reply async for reply in replies]) == [2, 3, 4, 5]
            assert indexes(await told(stub)) == [1, 2, 3, 4, 5]

    asyncio.run(run())


class Spy(Pace):
    """A pace that asks for no rest, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(1, lambda: 0.0)
        self.asked: list[int] = []

    def wait_s(self, size_bytes: int) -> float:
        self.asked.append(size_bytes)
        return 0.0


def test_exports_of_a_node_share_one_pace(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked before each page, and told of each: its payloads, and something an entry."""
    monkeypatch.setattr(
        log_pages.log_page, "__kwdefaults__", {"entries_max": 2, "bytes_max": 1 << 20}
    )
    spy = Spy()
    monkeypatch.setattr(log_exports, "Pace", lambda *_: spy)

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await fill(world, stub, 1)
            for _ in range(2):
                replies = await told(stub)
            sizes = [
                sum(len(entry.payload) + 1_024 for entry in reply.entries)
                for reply in replies
            ]
            assert len(sizes) == 2
            assert spy.asked == [0, sizes[0], 0, sizes[1]] * 2

    asyncio.run(run())


def test_only_auditors_and_admins_see_the_log(world: World) -> None:
    """It shows every payout of everybody."""

    async def run() -> None:
        async with world.running():
            await fill(world, world.stub("submitter"), 1)
            assert (await refused(world.stub("submitter"))).reason == "ROLE_MISSING"
            assert indexes(await told(world.stub("admin"))) == [1, 2, 3]

    asyncio.run(run())


def test_an_age_is_accepted_as_of_any_read(world: World) -> None:
    """A state that may be old tells what it has applied."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            await fill(world, stub, 1)
            request = pb.ExportLogRequest(
                concern=common_pb2.ReadConcern(stale=common_pb2.Stale(max_age_ms=1_000))
            )
            replies = [reply async for reply in stub.audit.ExportLog(request)]
            assert indexes(replies) == [1, 2, 3]

    asyncio.run(run())
