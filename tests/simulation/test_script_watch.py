"""The watch over scripts finds planted bugs, whatever a script expects (R1, R3 to R10)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.log import RaftLog
from ledgerd.raft.quorum import EVERYTHING
from ledgerd.raft.ready import Ready, Ticket
from ledgerd.raft.replication import Leadership
from ledgerd.raft.roles import Roles
from ledgerd.simulation.script.disk import Disk
from ledgerd.simulation.script.interpreter import play
from ledgerd.simulation.script.text import ScriptError, read

TRACES = Path(__file__).parents[1] / "raft" / "traces"
Plants = pytest.MonkeyPatch


def found(trace: str) -> str:
    """Play a trace with a bug planted and return what the watch says."""
    with pytest.raises(ScriptError) as caught:
        play(read(TRACES / f"{trace}.txt"))
    return str(caught.value)


def test_an_older_entry_committed_by_counting(monkeypatch: Plants) -> None:
    """M4: the paper's Figure 8 goes wrong."""

    def advance(self: Roles, leadership: Leadership) -> None:
        reached = leadership.quorum_match()
        if reached > self.commit:
            self.commit_to(reached)
            self.must_flush = True

    monkeypatch.setattr(Roles, "advance_commit", advance)

    assert "R10" in found("figure_8_old_entry_on_a_majority_is_overwritten")


def test_a_quorum_that_is_too_small(monkeypatch: Plants) -> None:
    """M7: n // 2 shows with an even number of voters."""

    def reached(voters: Sequence[NodeId], values: Mapping[NodeId, int]) -> int:
        ascending = sorted([values.get(voter, 0) for voter in voters])
        return ascending[len(voters) // 2] if voters else EVERYTHING

    monkeypatch.setattr("ledgerd.raft.quorum.majority_reached", reached)

    assert "R7" in found("learner_follows_and_does_not_count")


def test_a_vote_that_was_not_written(monkeypatch: Plants) -> None:
    """M2: the grant leaves and the disk knows nothing of it."""
    persist = Disk.persist

    def forgetful(self: Disk, ready: Ready) -> None:
        before = self.hard_state
        persist(self, ready)
        if not ready.entries:
            self.hard_state = before

    monkeypatch.setattr(Disk, "persist", forgetful)

    assert "R9" in found("a_campaign_makes_a_leader")


def test_a_late_write_that_vouches_for_a_newer_tail(monkeypatch: Plants) -> None:
    """M15: what the completion of an older write makes durable is not on the disk."""

    def persisted(self: RaftLog, ticket: Ticket) -> None:
        writes = self._writes
        while writes and writes[0][0] <= ticket:
            writes.popleft()
            self._durable = Index(self._handed)

    monkeypatch.setattr(RaftLog, "persisted", persisted)

    assert "T10" in found("late_write_does_not_vouch_for_a_newer_tail")


def test_a_log_that_is_behind_is_elected(monkeypatch: Plants) -> None:
    """R5: a leader without a committed entry."""
    monkeypatch.setattr("ledgerd.raft.elections._is_electable", lambda *_: True)

    assert "R5" in found("figure_8_own_entry_commits_the_old_one")
