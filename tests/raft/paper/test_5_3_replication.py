"""Raft paper, 5.3: log replication, and Figure 7.

"If a follower's log is inconsistent with the leader's, the AppendEntries consistency check will
fail in the next AppendEntries RPC. After a rejection, the leader decrements nextIndex and retries
... Eventually nextIndex will reach a point where the leader and follower logs match."
"""

import pytest

from ledgerd.raft.entries import Role
from ledgerd.raft.messages import AppendEntries, AppendRejected
from tests.raft.harness import Cluster, make_log

# Figure 7: "When the leader at the top comes to power, it is possible that any of scenarios
# (a-f) could occur in follower logs."
LEADER = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
FIGURE_7 = {
    "the leader itself": LEADER,
    "a": [1, 1, 1, 4, 4, 5, 5, 6, 6],
    "b": [1, 1, 1, 4],
    "c": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    "d": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    "e": [1, 1, 1, 4, 4, 4, 4],
    "f": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
}


def lead_over(follower: list[int], leader: list[int] = LEADER) -> tuple[Cluster, int]:
    """Elect the holder of `leader` over a follower with this log; count rejections.

    A third node with an empty log gives the vote that the follower may refuse.
    """
    cluster = Cluster(3, logs={1: make_log(leader), 2: make_log(follower)})
    newest = max(node.term for node in cluster.nodes.values())
    for node in cluster.nodes.values():
        node.core._roles.term = type(node.core._roles.term)(newest)
    cluster.elect(1)
    rejections = sum("2->1 AppendRejected" in line for line in cluster.trace)
    return cluster, rejections


@pytest.mark.parametrize("name", FIGURE_7)
def test_figure_7(name: str) -> None:
    """Each of the logs ends up as the leader's, with its new entry."""
    cluster, _ = lead_over(FIGURE_7[name])

    assert cluster[1].terms()[:-1] == LEADER
    assert cluster[1].disk.log == cluster[2].disk.log == cluster[3].disk.log
    assert [node.commit for node in cluster.nodes.values()] == [11, 11, 11]


@pytest.mark.parametrize(
    ("name", "rejections_max"),
    [
        ("the leader itself", 0),
        ("a", 1),
        ("b", 1),
        ("c", 0),
        ("d", 0),
        ("e", 1),
        ("f", 1),
    ],
)
def test_figure_7_costs_at_most_one_probe_a_conflicting_term(
    name: str, rejections_max: int
) -> None:
    """F16: the rejection and the leader's own log skip whole terms."""
    _, rejections = lead_over(FIGURE_7[name])

    assert rejections <= rejections_max


@pytest.mark.parametrize(
    ("follower", "leader", "rejections_max"),
    [
        ([1] + [2] * 100 + [3] * 100, [1] + [4] * 300, 1),
        ([1] + [2, 3] * 0 + [2] * 50 + [4] * 50, [1] + [3] * 80 + [5] * 80, 3),
        ([1, 2, 2, 4, 4, 6, 6, 8, 8], [1, 3, 3, 5, 5, 7, 7, 9, 9], 5),
        ([1] * 500, [1] * 10 + [2], 1),
        ([], [1] * 500, 1),
    ],
)
def test_back_off_is_by_terms_not_by_entries(
    follower: list[int], leader: list[int], rejections_max: int
) -> None:
    """F16: long diverging tails cost as many probes as they have terms, at most."""
    cluster, rejections = lead_over(follower, leader)

    assert cluster[2].disk.log == cluster[1].disk.log
    assert rejections <= rejections_max


def test_append_match_reply() -> None:
    """A follower that matches appends, and acknowledges what it holds durably."""
    cluster = Cluster(3)
    leader = cluster.elect(1)
    cluster.propose(1)
    leader.turn()
    (append,) = [
        m for m in cluster.in_flight if isinstance(m, AppendEntries) and m.to == 2
    ]
    cluster.settle()

    assert append.prev == (1, 1)
    assert [entry.id for entry in append.entries] == [(1, 2)]
    assert "2->1 AppendAccepted term=1 match=2 stream=1.3" in cluster.trace


@pytest.mark.parametrize("follower", [[1], [1, 1], [1, 1, 1, 1], []])
def test_a_mismatch_is_rejected_with_a_hint(follower: list[int]) -> None:
    """Paper 5.3: "the follower refuses the new entries" unless it holds the preceding one."""
    cluster = Cluster(3, logs={2: make_log(follower)})
    entries = make_log([1, 1, 2, 2])
    prev = entries[2]
    message = AppendEntries(
        cluster[1].id,
        cluster[2].id,
        prev.term,
        prev.id,
        prev.link,
        (entries[3],),
        cluster[2].core.status().commit,
        1,
        1,
    )
    cluster[2].core.step(message)
    cluster[2].turn()
    (reply,) = cluster.in_flight

    assert isinstance(reply, AppendRejected)
    assert reply.prev == prev.id
    assert reply.hint.index == min(len(follower), 3)
    assert cluster[2].terms() == follower


def test_a_commit_carries_the_entries_before_it() -> None:
    """Entries of earlier leaders are committed too.

    "This also commits all preceding entries in the leader's log, including entries created by
    previous leaders."
    """
    logs = {1: make_log([1, 2, 2]), 2: make_log([1, 2]), 3: make_log([1])}
    cluster = Cluster(3, logs=logs)
    leader = cluster.elect(1)

    assert leader.terms() == [1, 2, 2, 3]
    assert all(node.commit == 4 for node in cluster.nodes.values())
    assert all(node.applied == leader.applied for node in cluster.nodes.values())


def test_a_leader_never_overwrites_its_own_log() -> None:
    """Paper 5.3: "A leader never overwrites or deletes entries in its own log". R2."""
    logs = {1: make_log([1, 2, 2]), 2: make_log([1, 1, 1])}
    cluster = Cluster(3, logs=logs)
    before = list(cluster[1].disk.log)
    cluster.elect(1)

    assert cluster[1].disk.log[: len(before)] == before


def test_a_slow_follower_is_retried_until_it_has_everything() -> None:
    """Neither a cut nor a restart ends it.

    "the leader retries AppendEntries RPCs indefinitely ... until all followers eventually store
    all log entries"
    """
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(3)
    for _ in range(50):
        cluster.propose(1)
        cluster.settle()
    assert cluster[1].commit == 51
    cluster[3].restart()
    cluster.heal()
    cluster.tick(8)

    assert cluster[3].disk.log == cluster[1].disk.log
    assert cluster[1].role is Role.LEADER


def test_log_matching() -> None:
    """If two logs hold an entry with one index and term, they agree on everything before. R4."""
    cluster = Cluster(5)
    for round_ in range(10):
        cluster.heal()
        cluster.tick(30)
        leader = cluster.leaders[0]
        cluster.isolate(leader)
        for _ in range(round_ % 3):
            cluster.propose(leader, b"lost %d" % round_)
        cluster.settle()
        cluster.tick(40)
        for other in cluster.leaders:
            if other != leader:
                cluster.propose(other, b"kept %d" % round_)
        cluster.settle()
        logs = [node.disk.log for node in cluster.nodes.values()]
        for a in logs:
            for b in logs:
                for i in reversed(range(min(len(a), len(b)))):
                    if a[i].id == b[i].id:
                        assert a[: i + 1] == b[: i + 1]
                        break
