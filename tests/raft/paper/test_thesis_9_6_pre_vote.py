"""Raft thesis, 9.6: preventing disruptions when a server rejoins; with 6.2 and 4.2.3.

"In the Pre-Vote algorithm, a candidate only increments its term if it first learns from a
majority of the cluster that they would be willing to grant the candidate their votes."
"""

from ledgerd.raft.entries import NO_NODE, EntryId, HardState, Index, NodeId, Role, Term
from ledgerd.raft.messages import PreVote, PreVoteReply, RequestVote, TermOver
from tests.raft.harness import Cluster, make_log


def test_a_node_cut_off_and_healed_disrupts_nothing() -> None:
    """F1: no term bump and no change of leader, however long it was away."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(3)
    cluster.tick(600)
    assert cluster[3].term == 1
    cluster.heal()
    cluster.tick(60)

    assert cluster.leaders == [1]
    assert [node.term for node in cluster.nodes.values()] == [1, 1, 1]
    assert cluster[3].core.status().leader == 1


def test_a_pre_vote_changes_nothing_at_the_receiver() -> None:
    """F1: no term, no vote, no timer; and nothing has to be written."""
    cluster = Cluster(3)
    node = cluster[1]
    node.tick(7)
    before = node.core.status()
    node.core.step(PreVote(NodeId(2), NodeId(1), Term(9), EntryId(Term(8), Index(5))))
    ready = node.take()

    assert node.core.status() == before
    assert node.core._roles.timer.elapsed == 7
    assert ready is not None
    assert ready.hard_state is None
    assert not ready.must_sync


def test_a_grant_names_the_asked_term_a_refusal_the_own() -> None:
    """T35, M8: else a candidate that is behind in terms could never win."""
    cluster = Cluster(3, logs={1: make_log([4, 4])})
    node = cluster[1]
    complete, short = EntryId(Term(4), Index(2)), EntryId(Term(4), Index(1))
    node.core.step(PreVote(NodeId(2), NodeId(1), Term(9), complete))
    node.core.step(PreVote(NodeId(3), NodeId(1), Term(9), short))
    node.turn()

    assert list(cluster.in_flight) == [
        PreVoteReply(NodeId(1), NodeId(2), Term(9), True, Term(9)),
        PreVoteReply(NodeId(1), NodeId(3), Term(4), False, Term(9)),
    ]


def test_a_node_far_behind_in_terms_can_win() -> None:
    """T35: with the best log it catches up in term by being refused once."""
    states = {
        2: HardState(Term(20), NO_NODE, Index(0)),
        3: HardState(Term(20), NO_NODE, Index(0)),
    }
    cluster = Cluster(3, logs={1: make_log([1, 1])}, hard_states=states)
    for _ in range(3):
        cluster[1].core.campaign()
        cluster.settle()

    assert cluster[1].role is Role.LEADER
    assert cluster[1].term == 21


def test_a_refusal_in_an_older_term_is_a_refusal() -> None:
    """A voter with a better log may be behind in terms; its no must still count."""
    states = {1: HardState(Term(5), NO_NODE, Index(0))}
    logs = {2: make_log([1, 1]), 3: make_log([1, 1])}
    cluster = Cluster(3, logs=logs, hard_states=states)
    cluster[1].core.campaign()
    cluster.settle()

    assert cluster[1].role is Role.FOLLOWER
    assert cluster[1].term == 5


def test_a_later_term_is_not_spread_by_a_pre_vote_while_a_leader_lives() -> None:
    """F1: node 5 does not hear the leader; node 4 starts again and knows less."""
    cluster = Cluster(5)
    leader = cluster.elect(1)
    for _ in range(4):
        cluster.propose(1)
        cluster.settle()
    cluster.tick(4)
    cluster.cut |= {(1, 5), (5, 1)}
    cluster.propose(1)
    cluster.tick(4)
    cluster[5].crash()
    commit = Index(len(cluster[5].applied))
    cluster[5].disk.hard_state = HardState(Term(3), NodeId(0), commit)
    cluster[5].start()
    cluster[4].crash(applied_kept=2)
    cluster[4].disk.hard_state = HardState(Term(1), NodeId(1), Index(2))
    cluster[4].start()
    assert cluster[4].core.status().commit < cluster[5].core.status().commit

    cluster[5].core.campaign()
    cluster.settle()
    cluster.tick(4)

    assert leader.role is Role.LEADER
    assert [cluster[n].core.term for n in range(1, 6)] == [1, 1, 1, 1, 3]


def test_a_voter_that_hears_a_leader_ignores_candidates() -> None:
    """F3, thesis 4.2.3.

    "if a server receives a RequestVote request within the minimum election timeout of hearing
    from a current leader, it does not update its term or grant its vote"
    """
    cluster = Cluster(3)
    cluster.elect(1)
    node = cluster[2]
    last = node.core.status().last
    for message in (
        PreVote(NodeId(3), NodeId(2), Term(9), EntryId(Term(8), Index(last + 9))),
        RequestVote(NodeId(3), NodeId(2), Term(9), EntryId(Term(8), Index(last + 9))),
    ):
        node.core.step(message)

        assert node.term == 1
        assert node.core.ready() is None


def test_a_forced_request_is_heard_all_the_same() -> None:
    """T38: the leader itself asked for this election."""
    cluster = Cluster(3)
    cluster.elect(1)
    last = EntryId(Term(1), Index(9))
    cluster[2].core.step(RequestVote(NodeId(3), NodeId(2), Term(2), last, forced=True))

    assert cluster[2].core.status().vote == 3


def test_a_silent_leader_is_replaced() -> None:
    """Stickiness ends after one base without a heartbeat."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster[1].crash()
    cluster.tick(45)

    assert len(cluster.leaders) == 1
    assert cluster[cluster.leaders[0]].term == 2


def test_a_restarted_node_votes_at_once() -> None:
    """T37: it knows no leader, so it does not make others wait for one."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster[1].crash()
    cluster[2].restart()
    cluster[3].tick(12)
    cluster[3].core.campaign()
    cluster.settle()

    assert cluster[3].role is Role.LEADER


def test_a_leader_that_hears_no_quorum_steps_down() -> None:
    """F2; thesis 6.2: within two bases, so that its clients look elsewhere."""
    cluster = Cluster(3)
    leader = cluster.elect(1)
    cluster.isolate(1)
    leader.tick(20)

    assert leader.role is Role.FOLLOWER
    assert leader.core.status().leader == NO_NODE


def test_a_leader_that_hears_a_quorum_stays() -> None:
    """F2: one dead follower of three is not a lost quorum."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster[3].crash()
    cluster.tick(100)

    assert cluster.leaders == [1]


def test_an_older_leader_is_told_that_its_term_is_over() -> None:
    """T36: a node with a newer term would else be ignored for ever, by both sides."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.isolate(3)
    cluster[3].core.step(TermOver(NodeId(2), NodeId(3), Term(7)))  # it was ahead once
    cluster.settle()
    cluster.heal()
    cluster.tick(60)
    (leader,) = cluster.leaders

    assert "3->1 TermOver term=7" in cluster.trace
    assert cluster[leader].term == 8
    assert all(node.core.status().leader == leader for node in cluster.nodes.values())


def test_one_way_cut_from_the_leader_to_a_follower() -> None:
    """T41: the follower hears nothing, others hear the leader: nobody moves."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.cut = {(1, 3)}
    cluster.tick(200)

    assert cluster.leaders == [1]
    assert [cluster[n].term for n in (1, 2)] == [1, 1]


def test_one_way_cut_from_a_follower_to_the_leader() -> None:
    """T41: the follower hears its leader and stays; the leader has the other."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.cut = {(3, 1)}
    cluster.tick(200)

    assert cluster.leaders == [1]
    assert cluster[1].term == 1


def test_one_way_cut_towards_the_leader() -> None:
    """T41: it can speak and hears nobody. CheckQuorum ends it, and the others elect."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.cut = {(2, 1), (3, 1)}
    cluster.tick(80)
    leaders = [node_id for node_id in cluster.leaders if node_id != 1]

    assert len(leaders) == 1
    assert cluster[1].role is not Role.LEADER
    cluster.heal()
    cluster.tick(60)
    assert len(cluster.leaders) == 1


def test_one_way_cut_away_from_the_leader() -> None:
    """T41: it hears everybody and nobody hears it. The others elect and it learns of it."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.cut = {(1, 2), (1, 3)}
    cluster.tick(80)

    assert len(cluster.leaders) == 1
    assert cluster.leaders != [1]


def test_a_partial_cut_keeps_a_working_majority() -> None:
    """T41: two followers that cannot hear each other are no reason for an election."""
    cluster = Cluster(3)
    cluster.elect(1)
    cluster.cut = {(2, 3), (3, 2)}
    cluster.tick(200)

    assert cluster.leaders == [1]
    assert cluster[1].term == 1
