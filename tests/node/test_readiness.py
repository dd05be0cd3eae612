"""A node that stopped applying is alive, not ready, and says where and why."""

import asyncio

import pytest

from ledgerd.errors import NotLogged, Reason
from ledgerd.raft.entries import Index
from ledgerd.replica.versions import Halt, Standing
from tests.node.test_lifecycle import Whole


def test_a_node_that_cannot_apply_is_not_ready_and_says_why() -> None:
    """Readiness, status and reads all name the entry; older state can still be read. F26."""

    async def run() -> None:
        whole = Whole()
        whole.replica_thread.start()
        halt = Halt(Index(7), "its kind 99 is unknown to this release")
        whole.node._standing = lambda: Standing(1, halt)
        status = whole.node.status()

        assert not whole.node.is_ready()
        assert status.not_ready_reason == (
            "stopped applying before index 7: its kind 99 is unknown to this release; "
            "upgrade this node"
        )
        for at_least in (None, 7):
            with pytest.raises(NotLogged, match="at index 7: its kind 99") as caught:
                await whole.node.read(lambda reader: 0, at_least=at_least, deadline=0.0)
            assert caught.value.reason is Reason.APPLY_STOPPED
        await asyncio.to_thread(whole.replica_thread.stop)

    asyncio.run(run())
