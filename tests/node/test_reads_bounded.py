"""Reads wait for the state, in bounded number, and leave nothing behind when they give up."""

import asyncio
import gc
from collections.abc import Callable
from typing import TypeVar

import pytest

from ledgerd.errors import NotLogged, Reason
from ledgerd.node.courier import Courier
from ledgerd.node.inbox import Inbox, InboxBounds
from ledgerd.node.reads import Reads
from ledgerd.raft.entries import Index
from ledgerd.storage.reader import StateReader

T = TypeVar("T")
NEVER = 2**64 - 1  # the largest index that a caller can name


class NoSnapshots:
    """Fails the test that reads: the reads of these tests only wait."""

    def read(self, query: Callable[[StateReader], T]) -> T:
        """Fail."""
        raise AssertionError("read before the state reached the index")


def make_reads(*, waiting_max: int) -> Reads:
    inbox = Inbox(InboxBounds(commands_max=1, bytes_max=1, messages_max=1, reads_max=1))
    courier = Courier(
        loop=asyncio.get_running_loop(),
        api_addresses={},
        on_role_change=lambda _: None,
        on_visible=lambda _: None,
    )
    return Reads(
        inbox=inbox, courier=courier, snapshots=NoSnapshots(), waiting_max=waiting_max
    )


async def wait_for_ever(reads: Reads, deadline: float) -> None:
    await reads.read(StateReader.applied, at_least=NEVER, deadline=deadline)


def test_more_reads_than_may_wait_are_refused_at_once() -> None:
    """The bound counts those that wait now: when one gives up, another one may wait."""

    async def run() -> None:
        reads = make_reads(waiting_max=2)
        far = asyncio.get_running_loop().time() + 60
        waiting = [asyncio.create_task(wait_for_ever(reads, far)) for _ in range(2)]
        await asyncio.sleep(0)

        with pytest.raises(NotLogged, match="too many calls wait on this node") as no:
            await wait_for_ever(reads, far)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        third = asyncio.create_task(wait_for_ever(reads, far))
        await asyncio.sleep(0)

        assert no.value.reason is Reason.OVERLOADED
        assert not third.done()
        for task in (waiting[1], third):
            task.cancel()
        reads.close()

    asyncio.run(run())


def test_reads_that_gave_up_leave_nothing_behind() -> None:
    """An index nobody reaches, asked for again and again, does not fill the memory."""

    async def run() -> None:
        reads = make_reads(waiting_max=8)
        now = asyncio.get_running_loop().time()

        for _ in range(1_000):
            with pytest.raises(NotLogged, match="the deadline passed before the read"):
                await wait_for_ever(reads, now - 1)

        gc.collect()
        kept = sum(isinstance(item, asyncio.Future) for item in gc.get_objects())
        assert kept < 200
        reads.advance(Index(NEVER))  # and what is left is passed over
        reads.close()

    asyncio.run(run())
