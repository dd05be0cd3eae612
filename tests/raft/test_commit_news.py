"""When followers learn the commit index, if it travels by tick."""

from ledgerd.raft.messages import AppendEntries
from ledgerd.raft.options import Options
from tests.raft.harness import Cluster

BY_TICK = Options(
    election_base_ticks=10, heartbeat_ticks=2, is_commit_told_by_tick=True
)


def test_a_commit_costs_no_message_of_its_own() -> None:
    """Two appends and two acks for an entry, and nothing behind them. 5.3."""
    cluster = Cluster(3, options=BY_TICK)
    cluster.elect(1)
    cluster.tick()
    cluster.settle()
    cluster.propose(1)
    cluster.settle()

    commits = [node.commit for node in cluster.nodes.values()]
    empty = [m for m in cluster.in_flight if isinstance(m, AppendEntries)]

    assert commits == [2, 1, 1]
    assert empty == []


def test_the_next_tick_tells_the_commit_index() -> None:
    """A follower lags by a tick, not by a heartbeat and not until the next entry."""
    cluster = Cluster(3, options=BY_TICK)
    cluster.elect(1)
    cluster.propose(1)
    cluster.settle()
    cluster[1].tick()
    cluster.settle()

    assert [node.commit for node in cluster.nodes.values()] == [2, 2, 2]


def test_the_next_entry_carries_the_commit_index() -> None:
    """Under load the news is free."""
    cluster = Cluster(3, options=BY_TICK)
    cluster.elect(1)
    for _ in range(3):
        cluster.propose(1)
        cluster.settle()

    assert [node.commit for node in cluster.nodes.values()] == [4, 3, 3]


def test_a_follower_that_waits_for_a_read_is_told_at_once() -> None:
    """F11: its read point would be of no use without the commit index."""
    cluster = Cluster(3, options=BY_TICK)
    cluster.elect(1)
    cluster.propose(1)
    cluster.settle()
    cluster[2].core.read()
    cluster[2].turn()
    cluster.settle()

    assert cluster[2].commit == 2
