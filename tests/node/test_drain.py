"""A leader that is told to stop hands over first, and asks no more than five times (F5)."""

import asyncio
from collections.abc import Awaitable, Callable
from unittest.mock import Mock

import pytest

from ledgerd.errors import NotLogged, Reason
from ledgerd.node.courier import Courier
from ledgerd.node.handle import DRAIN_ATTEMPTS_MAX, Node
from ledgerd.node.inbox import Inbox, InboxBounds
from ledgerd.node.options import NodeOptions
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import NodeId, Role, Term
from ledgerd.replica.inputs import TransferAsked
from ledgerd.replica.outbox import HandedOver, NotProposed, Outbox
from tests.replica.machines import Machines

BOUNDS = InboxBounds(commands_max=9, bytes_max=9_000, messages_max=9, reads_max=9)


class World:
    """A node without a replica thread: the test answers what it asks."""

    def __init__(self) -> None:
        self.inbox = Inbox(BOUNDS)
        self.courier = Courier(
            loop=asyncio.get_running_loop(),
            api_addresses={NodeId(2): "127.0.0.1:7002"},
            on_role_change=lambda _: None,
            on_visible=lambda _: None,
        )
        machines = Machines()
        self.machine = machines.elect(1)
        self.machines = machines
        self.node = Node(
            options=NodeOptions(
                node_id=1, cluster_id="main", api_addresses={}, tick_s=0.01
            ),
            inbox=self.inbox,
            courier=self.courier,
            reads=Mock(),
            core_status=self.machine.replica.core.status,
            metrics=Metrics(),
            standing=lambda: self.machine.replica.standing,
        )

    async def asked(self) -> TransferAsked:
        """Return the next transfer that the node asks for."""
        for _ in range(10_000):
            for item in self.inbox.take(wait_s=0):
                assert isinstance(item, TransferAsked)
                return item
            await asyncio.sleep(0)
        raise AssertionError("no transfer was asked for")


def drain(during: Callable[[World], Awaitable[None]]) -> World:
    """Drain a leading node while `during` answers for its replica."""

    async def run() -> World:
        world = World()
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(world.node.drain(5.0))
            group.create_task(during(world))
        return world

    return asyncio.run(run())


def test_a_follower_has_nothing_to_hand_over() -> None:
    """It only counts as not ready from then on."""

    async def run() -> None:
        world = World()
        world.machine = world.machines[2]
        world.node._core_status = world.machine.replica.core.status
        await world.node.drain(5.0)

        assert world.inbox.is_empty()
        assert world.node.status().not_ready_reason == "stopping"

    asyncio.run(run())


def test_a_leader_asks_until_another_leads() -> None:
    """Given up once, taken over then."""

    async def during(world: World) -> None:
        first = await world.asked()
        given_up = NotProposed(first.waiter, Reason.TRANSFER_GIVEN_UP, NodeId(1))
        world.courier.deliver(Outbox(not_proposed=[given_up]))
        second = await world.asked()
        world.machine.replica.core.transfer(NodeId(2))
        world.machine.turn()
        world.machines.deliver()
        assert world.machine.role is Role.FOLLOWER
        done = HandedOver(second.waiter, NodeId(2), Term(2))
        world.courier.deliver(Outbox(handed_over=[done]))

    drain(during)


def test_it_gives_up_after_five_times() -> None:
    """A cluster that cannot take over does not keep a node from stopping."""
    count = 0

    async def during(world: World) -> None:
        nonlocal count
        while count < DRAIN_ATTEMPTS_MAX:
            asked = await world.asked()
            count += 1
            given_up = NotProposed(asked.waiter, Reason.TRANSFER_GIVEN_UP, NodeId(1))
            world.courier.deliver(Outbox(not_proposed=[given_up]))

    world = drain(during)

    assert count == DRAIN_ATTEMPTS_MAX
    assert world.inbox.is_empty()


def test_without_another_voter_it_stops_at_once() -> None:
    """A cluster of one, or one whose others are gone."""

    async def during(world: World) -> None:
        asked = await world.asked()
        nobody = NotProposed(asked.waiter, Reason.NO_TRANSFER_TARGET, NodeId(1))
        world.courier.deliver(Outbox(not_proposed=[nobody]))

    assert drain(during).inbox.is_empty()


def test_a_transfer_that_nobody_answers_ends_by_its_deadline() -> None:
    """T93: as not logged; there is nothing to be unknown about."""

    async def run() -> None:
        world = World()
        deadline = asyncio.get_running_loop().time() + 0.01
        with pytest.raises(NotLogged) as caught:
            await world.node.transfer(2, deadline)
        assert caught.value.reason is Reason.TRANSFER_GIVEN_UP

    asyncio.run(run())


def test_calls_that_wait_for_a_transfer_end_with_the_node() -> None:
    """Nobody hangs when the process ends."""

    async def run() -> None:
        world = World()
        _, future = world.courier.expect_handover()
        world.courier.end_all(Reason.STOPPED_AFTER_PROPOSAL)
        with pytest.raises(NotLogged) as caught:
            await future
        assert caught.value.reason is Reason.STOPPING

    asyncio.run(run())
