"""A refused connection is told apart from silence (F4)."""

import asyncio
import socket

from ledgerd.raft.entries import NodeId
from ledgerd.transport.probe import is_refused


def test_where_nobody_listens_is_refused() -> None:
    """The machine runs and the process is gone."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"

        assert asyncio.run(is_refused(address))


def test_where_somebody_listens_is_not_refused() -> None:
    """Whoever it is: this says nothing about the leader."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"

        assert not asyncio.run(is_refused(address))


def test_an_address_that_cannot_be_resolved_is_not_refused() -> None:
    """A name service that fails is no proof of death."""
    assert not asyncio.run(is_refused("nobody.invalid:1"))


def test_a_peer_that_died_is_told_once_and_a_peer_that_is_cut_off_is_not(peers) -> None:
    """F4: the stream broke and one reconnect was refused."""

    async def run() -> None:
        first, second = await peers.cluster(2)
        await second.transport.stop(0)
        await peers.until(lambda: first.suspected, "the refusal was told")
        await peers.until(lambda: len(first.lost) == 1, "the loss was told")
        assert first.suspected == [NodeId(2)]
        await first.transport.stop(0)

    asyncio.run(run())
