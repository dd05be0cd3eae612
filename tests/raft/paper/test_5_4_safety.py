"""Raft paper, 5.4: the election restriction, the commit rule and Figure 8, leader completeness."""

import pytest

from ledgerd.raft.entries import NO_NODE, HardState, Index, NodeId, Role, Term
from ledgerd.raft.messages import AppendAccepted, Message
from tests.raft.harness import NO_RULES, Cluster, Node, make_log


@pytest.mark.parametrize(
    ("candidate", "voter", "granted"),
    [
        ([1], [1], True),
        ([1], [1, 1], False),
        ([1, 1], [1], True),
        ([1, 2], [1, 1], True),
        ([1, 1], [1, 2], False),
        ([2], [1, 1, 1], True),
        ([1, 1, 1], [2], False),
        ([1], [], True),
        ([], [1], False),
    ],
)
def test_5_4_1_the_voter_denies_its_vote_to_an_older_log(
    candidate: list[int], voter: list[int], granted: bool
) -> None:
    """By the term of the last entry, then by length. T23.

    "the voter denies its vote if its own log is more up-to-date than that of the candidate. ...
    If the logs have last entries with different terms, then the log with the later term is
    more up-to-date. If the logs end with the same term, then whichever log is longer"
    """
    logs = {1: make_log(candidate), 2: make_log(voter)}
    newest = HardState(Term(3), NO_NODE, Index(0))
    cluster = Cluster(2, logs=logs, rules=NO_RULES, hard_states={1: newest, 2: newest})
    cluster[1].core.campaign()
    cluster.settle()

    assert (cluster[1].role is Role.LEADER) is granted


class TestFigure8:
    """Paper 5.4: "a leader cannot determine commitment using log entries from older terms"."""

    def until_c(self) -> tuple[Cluster, Node]:
        """Play (a) to (c): S1 leads again and has entry 2 of term 2 on a majority.

        (a) S1 is leader and partially replicates the log entry at index 2. (b) S1 crashes; S5 is
        elected for term 3 and accepts a different entry at index 2. (c) S5 crashes; S1 restarts,
        is elected, and continues replication.
        """
        logs = {
            1: make_log([1, 2]),
            2: make_log([1, 2]),
            3: make_log([1]),
            4: make_log([1]),
            5: make_log([1, 3]),
        }
        states = {
            n: HardState(Term(3), NodeId(5) if n > 2 else NO_NODE, Index(1))
            for n in logs
        }
        cluster = Cluster(5, logs=logs, hard_states=states)
        cluster[5].crash()
        cluster.cut |= {(1, 4), (4, 1)}
        s1 = cluster[1]
        s1.core.campaign()
        for _ in range(4):
            for node in cluster.nodes.values():
                if node.alive:
                    node.turn()
            cluster.deliver()
        assert s1.role is Role.LEADER
        assert s1.term == 4
        return cluster, s1

    def hold(self, cluster: Cluster, s1: Node, match: int) -> None:
        """Let S2 and S3 acknowledge up to an index, whatever S1 sends."""
        s1.turn()
        for peer in (2, 3):
            progress = s1.core._roles.leadership
            assert progress is not None
            stream = progress.peers[NodeId(peer)].stream
            s1.core.step(
                AppendAccepted(
                    NodeId(peer), NodeId(1), Term(4), Index(match), stream, 1
                )
            )
        cluster.in_flight.clear()

    def test_d_an_old_entry_on_a_majority_is_not_committed(self) -> None:
        """T18, R10: at (c) entry 2 of term 2 is on three of five, and S5 may overwrite it."""
        cluster, s1 = self.until_c()
        self.hold(cluster, s1, 2)
        assert s1.commit == 1

        s1.crash()
        cluster[5].start()
        cluster.heal()
        for node_id in (2, 3, 4):
            cluster[node_id].tick(10)
        s5 = cluster[5]
        s5.core.campaign()
        cluster.settle()
        while s5.role is not Role.LEADER:
            s5.core.campaign()
            cluster.settle()

        assert s5.terms()[:2] == [1, 3]
        assert cluster[2].terms() == s5.terms()
        assert cluster[2].commit == len(s5.terms())

    def test_e_an_entry_of_the_own_term_commits_the_old_one(self) -> None:
        """At (e) the entry of term 4 is on a majority: S5 cannot win, and 2 is committed."""
        cluster, s1 = self.until_c()
        cluster.cut = {(1, 4), (4, 1)}
        cluster.settle()
        assert s1.commit == 3
        assert cluster[3].terms() == [1, 2, 4]

        s1.crash()
        cluster[5].start()
        cluster.heal()
        for node_id in (2, 3, 4):
            cluster[node_id].tick(10)
        for _ in range(5):
            cluster[5].core.campaign()
            cluster.settle()
        assert cluster[5].role is not Role.LEADER

        cluster.tick(60)
        (leader,) = cluster.leaders
        assert leader in (2, 3)
        assert cluster[5].terms()[:3] == [1, 2, 4]


def test_5_4_3_every_later_leader_has_what_was_committed() -> None:
    """Leader completeness, R5: whoever of five leads, by any majority that elects it."""
    for survivor in range(2, 6):
        for dead in range(2, 6):
            if dead == survivor:
                continue
            cluster = Cluster(5, seed=survivor * 10 + dead)
            cluster.elect(1)
            cluster.isolate(4, 5)
            cluster.propose(1, b"committed")
            cluster.settle()
            committed = cluster[1].applied[-1]
            assert committed.payload == b"committed"
            cluster[1].crash()
            cluster.heal()
            cluster[dead].crash()
            cluster.tick(10)
            cluster[survivor].core.campaign()
            cluster.tick(60)
            (leader,) = cluster.leaders

            assert cluster[leader].disk.log[1] == committed


def test_a_new_leader_appends_an_entry_of_its_own() -> None:
    """T34: a no-op, at once, or nothing older would ever commit. Paper, 8."""
    cluster = Cluster(3, logs={1: make_log([1, 1])})
    leader = cluster.elect(1)

    assert leader.terms() == [1, 1, 2]
    assert leader.disk.log[-1].payload == b""
    assert leader.commit == 3


def test_5_5_lost_replies_and_repeats_are_harmless() -> None:
    """Paper 5.4: "Raft RPCs are idempotent": every message twice, every second reply lost."""
    cluster = Cluster(3)
    count = 0

    def send(message: Message) -> None:
        nonlocal count
        count += 1
        cluster.in_flight.append(message)
        if count % 2:
            cluster.in_flight.append(message)

    for node in cluster.nodes.values():
        node.send = send
    cluster.elect(1)
    for _ in range(20):
        cluster.propose(1)
        cluster.settle()

    assert all(len(node.applied) == 21 for node in cluster.nodes.values())
