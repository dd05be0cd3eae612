"""The watches that no find of a whole run shows in small: loops, clocks, leaders that come late."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ledgerd.raft.entries import Entry, EntryId, EntryKind, Index, NodeId, Term
from ledgerd.raft.facts import PeerLost, PeerRefused, SnapshotSent
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    Heartbeat,
    Message,
    PreVote,
    PreVoteReply,
    RequestVoteReply,
    TimeoutNow,
)
from ledgerd.raft.ready import Ready
from ledgerd.replica.inputs import Input, Noted, Received, Ticked
from ledgerd.simulation.check_clocks import ClocksWatch
from ledgerd.simulation.check_consensus import ConsensusWatch
from ledgerd.simulation.check_exchanges import TIMES_MAX, ExchangesWatch
from ledgerd.simulation.check_timers import TimersWatch
from ledgerd.simulation.verdict import Violation
from tests.raft.checker import Checker
from tests.raft.harness import Cluster, Node

ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)
ANSWER = Received(AppendAccepted(TWO, ONE, Term(1), Index(3), 1, 1))
DAY_US = 86_400_000_000


def probe(stream: int, index: int = 3) -> AppendEntries:
    """Return an empty append of node 1 to node 2."""
    prev = EntryId(Term(1), Index(index))
    return AppendEntries(ONE, TWO, Term(1), prev, b"", (), Index(0), stream, 1)


def ask_often(cause: Input | None, *, index_step: int = 0) -> None:
    """Let node 1 ask node 2 twenty times, before each of which something happens."""
    watch = ExchangesWatch()
    for number in range(20):
        watch.turning(ONE, 1, [ANSWER] if cause is None else [ANSWER, cause])
        watch.sent(probe(stream=number, index=3 + number * index_step))


@pytest.mark.parametrize("cause", [None, Noted(SnapshotSent(TWO, ok=False))])
def test_the_same_question_again_and_again_is_a_loop(cause: Input | None) -> None:
    """R16, T29: another stream number does not make it another question."""
    with pytest.raises(Violation, match=f"R16: sent {TIMES_MAX + 1} times"):
        ask_often(cause)


@pytest.mark.parametrize("cause", [Ticked(1, 0), Noted(PeerLost(TWO))])
def test_what_the_clock_or_a_broken_connection_makes_a_node_say_is_no_loop(
    cause: Input,
) -> None:
    """A dead peer is probed for ever, tick by tick."""
    ask_often(cause)


def test_questions_that_move_on_are_no_loop() -> None:
    """A probe that goes back or forth asks something else each time."""
    ask_often(None, index_step=1)


def test_a_question_whose_answers_show_a_longer_log_is_no_loop() -> None:
    """Seed 325: windows that lose their last entry each time, and move the log by the others."""
    watch = ExchangesWatch()
    for number in range(20):
        grown = AppendAccepted(TWO, ONE, Term(1), Index(3 + number), 1, 1)
        watch.turning(ONE, 1, [Received(grown)])
        watch.sent(probe(stream=number))


def test_a_longer_log_of_one_peer_excuses_nothing_said_to_another() -> None:
    """The count is kept for each peer."""
    watch = ExchangesWatch()

    def say_and_hear(number: int) -> None:
        grown = AppendAccepted(THREE, ONE, Term(1), Index(3 + number), 1, 1)
        watch.turning(ONE, 1, [Received(grown)])
        watch.sent(probe(stream=number))

    for number in range(TIMES_MAX):
        say_and_hear(number)
    with pytest.raises(Violation, match="R16"):
        say_and_hear(TIMES_MAX)


def test_what_was_lost_may_be_said_again() -> None:
    """Seed 652: a loop needs no loss; each loss here has its own repeat."""
    watch = ExchangesWatch()
    for number in range(20):
        watch.turning(ONE, 1, [ANSWER])
        watch.sent(probe(stream=number))
        if number % 2:
            watch.dropped(probe(stream=number))


def test_several_ticks_of_one_turn_may_each_repeat_a_message() -> None:
    """A process that was paused takes them together."""
    watch = ExchangesWatch()
    watch.turning(ONE, 1, [Ticked(1, 0), ANSWER, Ticked(1, 0)])

    for number in range(2 * TIMES_MAX):
        watch.sent(probe(stream=number))


HEARTBEAT = Received(Heartbeat(TWO, ONE, Term(1), Index(0), 0))


def test_a_suspicion_of_the_same_turn_excuses_a_request_for_votes() -> None:
    """F4: a late heartbeat of the leader that is gone comes behind the tick that fired."""
    watch = TimersWatch(base_ticks=10)
    watch.turning(ONE, 1, Term(1), [Noted(PeerRefused(TWO))])
    watch.turning(ONE, 1, Term(1), [Ticked(2, 0), HEARTBEAT])
    watch.sent(1, PreVote(ONE, TWO, Term(2), EntryId(Term(1), Index(3))))


def test_who_was_told_to_campaign_hears_the_leader_of_before_no_more() -> None:
    """F5, seed 152: all in one turn, of a node that was paused; its own term is newer by then."""
    watch = TimersWatch(base_ticks=10)
    told = Received(TimeoutNow(TWO, ONE, Term(1)))
    watch.turning(ONE, 1, Term(1), [told, Ticked(8, 0), HEARTBEAT, Ticked(4, 0)])
    watch.sent(1, PreVote(ONE, TWO, Term(3), EntryId(Term(1), Index(3))))


def test_a_suspicion_that_ended_before_the_turn_excuses_nothing() -> None:
    """T83: the leader was heard since, so a whole election base of silence is needed."""
    watch = TimersWatch(base_ticks=10)
    watch.turning(ONE, 1, Term(1), [Noted(PeerRefused(TWO)), HEARTBEAT])
    watch.turning(ONE, 1, Term(1), [Ticked(2, 0)])

    with pytest.raises(Violation, match="T83"):
        watch.sent(1, PreVote(ONE, TWO, Term(2), EntryId(Term(1), Index(3))))


def entry(ts_us: int) -> Entry:
    """Return an entry with this log time."""
    return Entry(Term(1), Index(1), EntryKind.NOOP, ts_us, b"", b"")


def stamped(ts_us: int, clocks_us: tuple[int, int, int]) -> None:
    """Let a leader stamp an entry, where three clocks agreed, and then jumped to these."""
    watch = ClocksWatch()
    watch.look(0, {ONE: DAY_US, TWO: DAY_US, THREE: DAY_US})
    watch.look(1_000, dict(zip((ONE, TWO, THREE), clocks_us, strict=True)))
    watch.stamped(entry(ts_us), [(ONE, TWO, THREE)])


def test_log_time_of_one_clock_that_jumped_is_found() -> None:
    """K1: one of three clocks goes a day ahead, and log time with it."""
    with pytest.raises(Violation, match="K1"):
        stamped(2 * DAY_US, (2 * DAY_US, DAY_US, DAY_US))


def test_log_time_follows_a_quorum_that_jumped() -> None:
    """Two of three clocks are the quorum, whatever they show."""
    stamped(2 * DAY_US, (2 * DAY_US, 2 * DAY_US, DAY_US))
    stamped(DAY_US, (2 * DAY_US, DAY_US, DAY_US))


def test_log_time_may_stay_where_an_earlier_quorum_has_brought_it() -> None:
    """Of two voters both were a day ahead; the three that followed them are not."""
    watch = ClocksWatch()
    watch.look(0, {ONE: 2 * DAY_US, TWO: 2 * DAY_US, THREE: DAY_US, NodeId(4): DAY_US})

    watch.stamped(entry(2 * DAY_US), [(ONE, TWO), (ONE, THREE, NodeId(4))])


def late_votes() -> tuple[Cluster, ConsensusWatch, Checker, list[Message]]:
    """Let node 1 commit in term 2 while the votes for node 2 in term 1 are on their way."""
    cluster = Cluster(3)
    watch, checker = ConsensusWatch(cluster.nodes, cluster.options), Checker(cluster)
    for node in cluster.nodes.values():
        write = node.disk.persist

        def noted(
            ready: Ready,
            node: Node = node,
            write: Callable[[Ready], None] = write,
        ) -> None:
            write(ready)
            watch.persisted(node.id, ready)

        node.disk.persist = noted  # type: ignore[method-assign]  # of this one disk
    cluster[2].core.campaign()
    for _ in range(4):  # two rounds: whether they would vote, and their votes
        cluster.deliver()
        for node in cluster.nodes.values():
            node.turn()
    late = list(cluster.in_flight)
    assert {type(message) for message in late} == {RequestVoteReply}
    cluster.in_flight.clear()
    cluster.isolate(2)
    cluster.elect(1)
    watch.looked(1, cluster[1].core)
    checker.node(cluster[1])
    return cluster, watch, checker, late


def test_who_hears_late_that_it_was_elected_may_lack_what_came_later() -> None:
    """R5, seed 1955: it was paused with the votes on their way, and others led later terms."""
    cluster, watch, checker, late = late_votes()
    for vote in late:
        cluster[2].core.step(vote)

    assert cluster.leaders == [1, 2]
    watch.looked(2, cluster[2].core)
    checker.node(cluster[2])
    assert watch.commit == 1


def test_who_leads_a_later_term_and_lacks_what_was_committed_is_found() -> None:
    """R5: the same log, and votes that nobody gave."""
    cluster, watch, checker, _ = late_votes()
    node = cluster[2]
    node.crash()
    node.disk.hard_state = replace(node.disk.hard_state, term=Term(2))
    node.start()
    node.core.campaign()
    node.core.step(PreVoteReply(THREE, TWO, Term(3), True, Term(3)))
    node.turn()
    node.core.step(RequestVoteReply(THREE, TWO, Term(3), True))

    assert cluster.leaders == [1, 2]
    with pytest.raises(Violation, match="R5"):
        watch.looked(2, node.core)
    with pytest.raises(AssertionError, match="R5"):
        checker.node(node)
