"""The leader's view of one peer: the table of modes, the window, and stepping back."""

import itertools

import pytest

from ledgerd.raft.entries import Index
from ledgerd.raft.options import Options
from ledgerd.raft.progress import TRANSITIONS, Event, Mode, Progress

OPTIONS = Options(window_messages=2, window_bytes=1000)


def probing(next_: int) -> Progress:
    """Return a peer about which nothing is known."""
    return Progress(Index(next_), stream=1)


def replicating(match: int) -> Progress:
    """Return a peer that has acknowledged up to `match`."""
    progress = probing(match + 1)
    progress.accepted(Index(match))
    assert progress.mode is Mode.REPLICATE
    return progress


def test_every_event_has_an_edge_in_every_mode() -> None:
    """F13: one transition table for each peer, without gaps."""
    assert set(TRANSITIONS) == set(itertools.product(Mode, Event))


class TestProbe:
    def test_one_append_is_in_flight(self) -> None:
        """F13: after one append a probe waits."""
        progress = probing(5)
        assert not progress.is_full(OPTIONS)
        progress.sent(Index(8), 100, Index(0))

        assert progress.is_full(OPTIONS)
        assert progress.next == 5

    def test_an_ack_starts_replication(self) -> None:
        """F13: the join is found; go on behind it, even if nothing new was matched."""
        progress = probing(5)
        progress.sent(Index(4), 0, Index(0))

        assert progress.accepted(Index(4))
        assert progress.mode is Mode.REPLICATE
        assert progress.next == 5

    def test_a_rejection_steps_back_to_the_hint(self) -> None:
        """F16, T29: the next probe is where the logs may join, and always lower."""
        progress = probing(9)

        assert progress.rejected(prev=Index(8), joins_at=Index(3), stream=2)
        assert progress.next == 4
        assert progress.stream == 2
        assert not progress.waiting

    def test_a_rejection_never_steps_to_the_match_or_below(self) -> None:
        """T28: match < next always."""
        progress = replicating(5)
        progress.lost(2)
        progress.next = Index(8)

        assert progress.rejected(prev=Index(7), joins_at=Index(1), stream=3)
        assert progress.next == 6

    def test_a_stale_rejection_changes_nothing(self) -> None:
        """T28: of another probe than the last one."""
        progress = probing(9)

        assert not progress.rejected(prev=Index(5), joins_at=Index(1), stream=2)
        assert progress.next == 9


class TestReplicate:
    def test_sending_is_optimistic(self) -> None:
        """F13: next moves before the ack."""
        progress = replicating(3)
        progress.sent(Index(5), 100, Index(3))

        assert (progress.match, progress.next) == (3, 6)

    def test_the_window_is_bounded_in_messages(self) -> None:
        """F14: two appends wait, a third is held."""
        progress = replicating(0)
        progress.sent(Index(1), 10, Index(0))
        assert not progress.is_full(OPTIONS)
        progress.sent(Index(2), 10, Index(0))
        assert progress.is_full(OPTIONS)

        progress.accepted(Index(1))
        assert not progress.is_full(OPTIONS)

    def test_the_window_is_bounded_in_bytes(self) -> None:
        """F14: bytes count too; an ack gives them back (R16)."""
        progress = replicating(0)
        progress.sent(Index(1), 1000, Index(0))
        assert progress.is_full(OPTIONS)

        progress.accepted(Index(1))
        assert progress.window_bytes == 0

    def test_an_empty_append_is_not_in_the_window(self) -> None:
        """T27: it may pass when the window is full, and takes no room."""
        progress = replicating(4)
        progress.sent(Index(4), 0, Index(4))

        assert not progress.window
        assert progress.told == 4

    def test_a_rejection_goes_back_to_probing(self) -> None:
        """F13, T27: behind what is matched, with an empty window and no bytes counted."""
        progress = replicating(3)
        progress.sent(Index(5), 500, Index(3))

        assert progress.rejected(prev=Index(5), joins_at=Index(3), stream=7)
        assert progress.mode is Mode.PROBE
        assert (progress.next, progress.window_bytes, progress.stream) == (4, 0, 7)

    def test_a_rejection_below_the_match_is_stale(self) -> None:
        """T28: the peer has acknowledged more than it now seems to lack."""
        progress = replicating(3)

        assert not progress.rejected(prev=Index(3), joins_at=Index(1), stream=7)
        assert progress.mode is Mode.REPLICATE

    def test_a_broken_connection_forgets_the_window(self) -> None:
        """T27: counter and window go together."""
        progress = replicating(3)
        progress.sent(Index(5), 500, Index(3))
        progress.lost(9)

        assert progress.mode is Mode.PROBE
        assert (progress.next, len(progress.window), progress.window_bytes) == (4, 0, 0)

    def test_an_older_ack_changes_nothing(self) -> None:
        """5.5: repeated and late acks are harmless."""
        progress = replicating(5)

        assert not progress.accepted(Index(2))
        assert progress.match == 5


@pytest.mark.parametrize("mode", list(Mode))
def test_a_timed_heartbeat_lets_one_append_through(mode: Mode) -> None:
    """F14, T27: its reply, once, and no other."""
    progress = probing(2) if mode is Mode.PROBE else replicating(1)
    assert not progress.asked()
    progress.may_nudge = True

    assert progress.asked()
    assert not progress.asked()
