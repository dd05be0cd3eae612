"""Watching through the library: each event once and in order, whatever becomes of the nodes."""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any

import pytest

from ledgerd.api.v1 import accounts_pb2
from ledgerd.api.v1.common_pb2 import Money
from ledgerd.api.v1.events_pb2 import AccountAfter, Event
from ledgerd.client import AsyncClient, Client, NotLogged
from ledgerd.client import watch as watch_module
from ledgerd.client.watch import event_filter
from ledgerd.errors import Reason
from tests.client.fake_cluster import FakeCluster, keep_silent, refuse
from tests.client.tasks import left_behind

COUNT = 20
ONE = "acct_" + "0" * 26


def happen(cluster: FakeCluster, count: int = COUNT) -> None:
    """Let events happen; every fifth is of one account."""
    for seq in range(len(cluster.events) + 1, len(cluster.events) + count + 1):
        event = Event(
            seq=seq,
            kind=Event.PAYOUT_CREATED,
            index=seq,
            subject="payout_" + "0" * 26,
            amount=Money(units=100, currency="USD", exponent=2),
        )
        if seq % 5 == 0:
            balances = accounts_pb2.Balances(available_units=seq)
            event.accounts.append(AccountAfter(account_id=ONE, balances=balances))
        cluster.events.append(event)


def run(scenario: Coroutine[Any, Any, None]) -> None:  # Any: a coroutine's own affair
    """Run a scenario, and end it if it does not end by itself."""

    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario

    asyncio.run(bounded())


async def all_of(client: AsyncClient, **how: Any) -> list[int]:  # Any: of `watch`
    """Return the numbers that a watch tells until its end."""
    async with client.watch(**how) as watch:
        return [event.seq async for event in watch]


def test_a_stream_that_breaks_goes_on_elsewhere(cluster: FakeCluster) -> None:
    """Each stream breaks after two replies; nothing is missing and nothing comes twice."""
    happen(cluster)
    for node in cluster.nodes.values():
        node.watch_replies_max = 3

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            assert await all_of(client, from_seq=1, until_seq=COUNT) == list(
                range(1, COUNT + 1)
            )
        assert sum(cluster.calls("Watch")) == COUNT // 4
        assert sum(calls > 0 for calls in cluster.calls("Watch")) > 1

    run(scenario())


def test_a_node_that_keeps_silent_is_left(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would send a mark a second if it could."""
    monkeypatch.setattr(watch_module, "SILENCE_S", 0.1)
    happen(cluster)
    for node in cluster.nodes.values():
        node.before.append(keep_silent)

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            assert await all_of(client, from_seq=18, until_seq=COUNT) == [18, 19, 20]
        assert sum(cluster.calls("Watch")) == 4

    run(scenario())


def test_a_silent_node_does_not_take_the_whole_deadline(cluster: FakeCluster) -> None:
    """One that is cut off takes the call; whichever is asked first is silent here."""
    happen(cluster)
    first = deque([keep_silent])
    for node in cluster.nodes.values():
        node.before = first

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            found = await all_of(client, from_seq=18, until_seq=COUNT, deadline=3.0)

        assert found == [18, 19, 20]
        assert sum(cluster.calls("Watch")) == 2

    run(scenario())


def test_the_only_node_has_the_whole_deadline(cluster: FakeCluster) -> None:
    """It may be slow: nobody else could be asked. The deadline is kept, too."""
    cluster.nodes[1].before.append(keep_silent)

    async def scenario() -> None:
        async with AsyncClient(cluster.profile(), node_id=1) as client:
            began = time.monotonic()
            with pytest.raises(NotLogged, match="silent for") as caught:
                await all_of(client, from_seq=1, deadline=0.5)

        assert caught.value.reason is Reason.READ_NOT_CONFIRMED
        assert cluster.calls("Watch") == [1, 0, 0]
        assert 0.4 < time.monotonic() - began < watch_module.SILENCE_S / 2

    run(scenario())


def test_after_the_first_reply_the_deadline_is_over(cluster: FakeCluster) -> None:
    """Nothing happens for longer than it: the stream stays."""

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            watch = client.watch(deadline=1.0)
            assert await watch.mark() == 1
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.2):
                    await anext(watch)

        assert sum(cluster.calls("Watch")) == 1

    run(scenario())


@pytest.mark.parametrize(
    "reason", [Reason.STATE_TOO_OLD, Reason.STOPPING, Reason.OVERLOADED]
)
def test_a_node_that_cannot_serve_is_left(cluster: FakeCluster, reason: Reason) -> None:
    """Another one may."""
    happen(cluster)
    for node in cluster.nodes.values():
        node.before.append(refuse(reason))

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            assert len(await all_of(client, from_seq=1, until_seq=COUNT)) == COUNT

    run(scenario())


@pytest.mark.parametrize(
    "reason", [Reason.EVENT_NOT_KEPT, Reason.WRONG_CLUSTER, Reason.ROLE_MISSING]
)
def test_what_no_node_would_answer_otherwise_is_raised(
    cluster: FakeCluster, reason: Reason
) -> None:
    """A number that is not kept any more ends the watch with an error, never with a gap."""
    for node in cluster.nodes.values():
        node.before.append(refuse(reason, seq_oldest="7"))

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            with pytest.raises(NotLogged) as caught:
                await all_of(client, from_seq=3)

        assert caught.value.reason is reason
        assert caught.value.metadata["seq_oldest"] == "7"

    run(scenario())


def test_a_gap_is_an_error(cluster: FakeCluster) -> None:
    """A node that left one out would be found out."""
    happen(cluster)
    del cluster.events[7]

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            with pytest.raises(NotLogged, match="behind 6 in order") as caught:
                await all_of(client, from_seq=1)

        assert caught.value.reason is Reason.INTERNAL

    run(scenario())


def test_waiting_may_be_given_up_and_taken_up_again(cluster: FakeCluster) -> None:
    """A timeout around the next event loses none."""
    happen(cluster, 3)

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            watch = client.watch(1, until_seq=6)
            found = [(await anext(watch)).seq for _ in range(3)]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await anext(watch)
            happen(cluster, 3)
            found += [event.seq async for event in watch]

        assert found == [1, 2, 3, 4, 5, 6]

    run(scenario())


def test_a_client_that_is_closed_ends_its_watches(cluster: FakeCluster) -> None:
    """Who waits is told why; it is not cancelled, and does not look for a node for ever."""
    happen(cluster)

    async def scenario() -> None:
        client = AsyncClient(cluster.profile())
        watch = client.watch(COUNT)
        assert (await anext(watch)).seq == COUNT
        waiting = asyncio.create_task(anext(watch))
        await asyncio.sleep(0)

        await client.close()

        with pytest.raises(NotLogged) as caught:
            await waiting
        assert caught.value.reason is Reason.STOPPING
        assert left_behind() == []

    run(scenario())


def test_where_to_resume_is_known_after_each_event(cluster: FakeCluster) -> None:
    """With a filter too: what was looked at in between is not looked at again."""
    happen(cluster, 14)

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            async with client.watch(1) as watch:
                at = [((await anext(watch)).seq, watch.next_seq) for _ in range(4)]
            async with client.watch(1, account=ONE, until_seq=14) as watch:
                filtered = [(event.seq, watch.next_seq) async for event in watch]

                assert filtered == [(5, 7), (10, 11)]
                assert watch.next_seq == 15
            assert at == [(1, 2), (2, 3), (3, 4), (4, 5)]

    run(scenario())


def test_from_now_begins_behind_the_last_event(cluster: FakeCluster) -> None:
    """And goes on from there if its first node fails."""
    happen(cluster, 5)

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            assert await client.last_event_seq() == 5
            async with client.watch() as watch:
                assert watch.next_seq is None
                assert await watch.mark() == 6
                happen(cluster, 2)
                for node in cluster.nodes.values():
                    node.stop()
                    node.start()
                assert [(await anext(watch)).seq for _ in range(2)] == [6, 7]

    run(scenario())


def test_without_a_node_the_first_reply_has_a_deadline(cluster: FakeCluster) -> None:
    """Later it would go on for as long as it takes."""
    for node in cluster.nodes.values():
        node.stop()

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            began = time.monotonic()
            with pytest.raises(NotLogged, match="no connection") as caught:
                await all_of(client, from_seq=1, deadline=0.4)

        assert caught.value.reason is Reason.READ_NOT_CONFIRMED
        assert time.monotonic() - began < 2.0

    run(scenario())


def test_a_blocking_program_watches_too(cluster: FakeCluster) -> None:
    """The same events, numbers and end; one event by its number."""
    happen(cluster)
    with Client(cluster.profile()) as client:
        with client.watch(17, until_seq=COUNT) as watch:
            found = [(event.seq, watch.next_seq) for event in watch]
        one = client.event(7).event
        with pytest.raises(NotLogged) as caught:
            client.event(COUNT + 1)
        last = client.last_event_seq()

    assert found == [(17, 18), (18, 19), (19, 20), (20, 21)]
    assert one == cluster.events[6]
    assert caught.value.reason is Reason.EVENT_NOT_KEPT
    assert last == COUNT


def test_a_kind_that_is_not_known_is_refused_by_name() -> None:
    """Before anything is asked."""
    assert event_filter(kinds=["payout_created"]).kinds == [Event.PAYOUT_CREATED]
    with pytest.raises(ValueError, match=r"ACCOUNT_OPENED.*found PAYOUT_LOST"):
        event_filter(kinds=["PAYOUT_LOST"])
    with pytest.raises(ValueError, match="found KIND_UNSPECIFIED"):
        event_filter(kinds=["KIND_UNSPECIFIED"])


def test_nodes_that_fail_at_once_are_not_hammered(cluster: FakeCluster) -> None:
    """A stream that breaks behind its first mark counts as a failure: rounds are paced."""
    happen(cluster)
    for node in cluster.nodes.values():
        node.watch_replies_max = 1

    async def scenario() -> None:
        async with AsyncClient(cluster.profile()) as client:
            watch = client.watch(1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await anext(watch)
            watch.close()

        assert 3 <= sum(cluster.calls("Watch")) <= 3 * 12

    run(scenario())
