"""Events while leaders are killed: every one, once, in order, for quick and slow watchers."""

import os
import time

import pytest

from ledgerd.api.v1 import events_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client, NotLogged, Profile
from ledgerd.errors import Reason
from tests.e2e.load import load_on
from tests.e2e.watchers import Watcher

pytestmark = pytest.mark.e2e

KILLS = int(os.environ.get("LEDGERD_KILLS", "5"))  # `make watch` sets 50
KILL_S_MAX = 30.0  # until there is a leader again and the killed node is back


@pytest.mark.timeout(180 + 40 * KILLS)
def test_each_event_is_received_once_while_leaders_are_killed(
    cluster: DevCluster, client: Client
) -> None:
    """Issue acceptance 10: received is 1 .. N exactly, also by one that stalled meanwhile."""
    quick = Watcher(cluster.profile_path)
    stalled = Watcher(cluster.profile_path, stalls_at=20)
    quick.start()
    stalled.start()
    with load_on(client, callers=4, deadline_s=20.0, pause_s=0.005) as load:
        assert stalled.stalled.wait(30)
        for _ in range(KILLS):
            until = time.monotonic() + KILL_S_MAX
            killed = cluster.leader()
            assert killed is not None
            cluster.kill(killed)
            load.wait_for(20)  # there is a new leader
            cluster.start(killed)
            cluster.wait_ready(max(0.1, until - time.monotonic()))
    last = client.last_event_seq(deadline=10.0)
    everything = list(range(1, last + 1))

    print(f"{KILLS} kills, {last} events, longest gap {load.longest_gap_s():.3f} s")
    assert load.failures == []
    assert last >= len(load.acks)
    assert quick.finish(last, 60.0) == everything
    assert stalled.finish(last, 60.0) == everything


def test_any_node_tells_the_same_and_goes_on_where_another_stopped(
    cluster: DevCluster, client: Client
) -> None:
    """Resume is exact on every node, whichever told the events before; with a filter, too."""
    with load_on(client, callers=4, deadline_s=10.0) as load:
        load.wait_for(300)
    last = client.last_event_seq()
    (account,) = {after.account_id for after in client.event(last).event.accounts}
    told: dict[int, list[events_pb2.Event]] = {}
    joined: list[events_pb2.Event] = []
    filtered: list[int] = []
    next_seq = next_filtered = 1
    for node_id in cluster.node_ids:
        profile = Profile.load(cluster.profile_path)
        with Client(profile, node_id=node_id) as pinned:
            with pinned.watch(1, until_seq=last) as watch:
                told[node_id] = list(watch)
            until = last if node_id == 3 else next_seq + last // 3
            with pinned.watch(next_seq, until_seq=until) as watch:
                for event in watch:
                    joined.append(event)
                    next_seq = event.seq + 1
                    if event.seq == until:
                        break
            with pinned.watch(
                next_filtered,
                account=account,
                kinds=["PAYOUT_CREATED"],
                until_seq=until,
            ) as watch:
                for event in watch:
                    filtered.append(event.seq)
                    next_filtered = watch.next_seq or 0

    assert [event.seq for event in told[1]] == list(range(1, last + 1))
    assert told[1] == told[2] == told[3] == joined
    assert filtered == [
        event.seq for event in told[1] if event.kind == events_pb2.Event.PAYOUT_CREATED
    ]
    assert len(load.acks) == len(filtered)


def test_a_number_that_this_cluster_never_gave_is_refused(client: Client) -> None:
    """Judged by a quorum: not waited for in silence, and the error says what there is."""
    last = client.last_event_seq()
    with client.watch(last + 2) as watch, pytest.raises(NotLogged) as caught:
        next(watch)

    assert caught.value.reason is Reason.EVENT_NOT_KEPT
    assert caught.value.metadata["seq_newest"] == str(last)


def test_balances_after_the_events_are_those_of_the_books(
    cluster: DevCluster, client: Client
) -> None:
    """Whoever folds the payloads has the balances, also after a node was stopped and started."""
    with load_on(client, callers=2, deadline_s=10.0) as load:
        load.wait_for(50)
        leader = cluster.leader()
        assert leader is not None
        cluster.restart(leader)
        load.wait_for(50)
    available: dict[str, int] = {}
    with client.watch(1, until_seq=client.last_event_seq()) as watch:
        for event in watch:
            for after in event.accounts:
                available[after.account_id] = after.balances.available_units

    books = {
        found.account_id: found.balances.available_units
        for found in client.accounts().accounts
    }
    assert available == books
