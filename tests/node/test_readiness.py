"""A node that stopped applying is alive, not ready, and says where and why."""

import asyncio
from dataclasses import replace

import pytest

from ledgerd.errors import NotLogged, Reason
from ledgerd.limits import PUT_OFF_ENTRIES_MAX
from ledgerd.raft.entries import NO_NODE, Index, NodeId
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


def test_a_node_that_may_not_campaign_for_its_rot_says_so() -> None:
    """F33: where no other one can lead either, the operator sees what is waited for."""

    async def run() -> None:
        whole = Whole()
        whole.replica_thread.start()
        core = replace(whole.node._core_status(), leader=NO_NODE)
        whole.node._core_status = lambda: core
        without = whole.node.status().not_ready_reason
        core = replace(core, corrupt=(Index(7), Index(8)))
        reason = whole.node.status().not_ready_reason

        assert without == "no leader is known"
        assert reason == (
            "no leader is known, and log index 7 is corrupt here: until another node sends its "
            "entry, this one asks for no votes"
        )
        await asyncio.to_thread(whole.replica_thread.stop)

    asyncio.run(run())


def test_what_a_follower_may_put_off_is_no_catching_up() -> None:
    """Under a steady load it has something put off whenever one looks."""

    async def run() -> None:
        whole = Whole()
        whole.replica_thread.start()
        leader, little = NodeId(1), PUT_OFF_ENTRIES_MAX
        core = replace(whole.node._core_status(), leader=leader, commit=Index(99))
        whole.node._core_status = lambda: core
        core = replace(core, applied=Index(99 - little - 1))
        far = whole.node.status().not_ready_reason
        core = replace(core, applied=Index(99 - little))
        near = whole.node.status().not_ready_reason
        core = replace(core, applied=Index(0))
        later = whole.node.status().not_ready_reason

        assert far == f"catching up: applied {99 - little - 1} of 99"
        assert near == ""
        assert later == ""  # once it was near it serves, and reads wait for their point
        await asyncio.to_thread(whole.replica_thread.stop)

    asyncio.run(run())
