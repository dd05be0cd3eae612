"""A checker must be seen to fail: each known bug, planted, is found.

A patch lives here and nowhere in the product. Each row names what finds its bug: the seeds of
the fuzz, or the scenario written for it where chance takes too long.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.raft import dispatch, replication
from ledgerd.raft.core import RaftCore
from ledgerd.raft.elections import ElectionTimer
from ledgerd.raft.entries import NO_NODE, Entry, EntryId, HardState, Index
from ledgerd.raft.log import RaftLog
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    LateMessage,
    Message,
    PreVoteReply,
    RequestVote,
)
from ledgerd.raft.outgoing import Outgoing
from ledgerd.raft.quorum import EVERYTHING
from ledgerd.raft.reads import Reads
from ledgerd.raft.ready import Ready
from ledgerd.raft.replication import Leadership, Merged
from ledgerd.raft.roles import Roles
from tests.raft.harness import MemoryDisk
from tests.raft.paper.test_thesis_9_6_pre_vote import (
    test_a_grant_names_the_asked_term_a_refusal_the_own as refusal_names_the_own_term,
)
from tests.raft.test_core import TestPauses as Pauses
from tests.raft.test_core import TestQueues as Queues
from tests.raft.test_core import TestReady as Readies
from tests.raft.test_fuzz import SEEDS, Fuzz
from tests.raft.test_reads import TestLeader as Leader
from tests.raft.test_replication import TestCommitNews as CommitNews
from tests.raft.test_replication import TestSending as Windows

Patch = pytest.MonkeyPatch


def early(kind: type[LateMessage]) -> Callable[[Patch], None]:
    """Return a bug that sends a late message early."""

    def plant(patch: Patch) -> None:
        send = Outgoing.send

        def send_early(self: Outgoing, message: Message) -> None:
            if isinstance(message, kind):
                self.early.append(message)  # type: ignore[arg-type]  # that is the bug
            else:
                send(self, message)

        patch.setattr(Outgoing, "send", send_early)

    return plant


def vote_not_persisted(patch: Patch) -> None:
    """M2."""
    persist = MemoryDisk.persist

    def forget_vote(self: MemoryDisk, ready: Ready) -> None:
        persist(self, ready)
        self.hard_state = HardState(
            self.hard_state.term, NO_NODE, self.hard_state.commit
        )

    patch.setattr(MemoryDisk, "persist", forget_vote)


def leader_counts_itself_on_append(patch: Patch) -> None:
    """M3."""
    reached = Leadership.quorum_match

    def eager(self: Leadership) -> Index:
        self._own_match = self._log.last
        return reached(self)

    patch.setattr(Leadership, "quorum_match", eager)


def old_terms_are_committed_by_counting(patch: Patch) -> None:
    """M4."""

    def advance(self: Roles, leadership: Leadership) -> None:
        reached = leadership.quorum_match()
        if reached > self.commit:
            self.commit_to(reached)
            leadership.committed(reached)
            self.must_flush = True

    patch.setattr(Roles, "advance_commit", advance)


def everything_after_prev_is_deleted(patch: Patch) -> None:
    """M5."""
    merge = RaftLog.merge

    def cut_and_merge(
        self: RaftLog,
        prev: EntryId,
        prev_link: bytes,
        entries: Sequence[Entry],
        commit: Index,
    ) -> Index | None:
        if entries and self.last > prev.index:
            self._truncate(Index(prev.index + 1))
        return merge(self, prev, prev_link, entries, commit)

    patch.setattr(RaftLog, "merge", cut_and_merge)


def commit_is_bounded_by_the_own_last(patch: Patch) -> None:
    """M6."""

    def follow(log: RaftLog, message: AppendEntries, commit: Index) -> Merged:
        merged = replication.follow(log, message, commit)
        if isinstance(merged.reply, AppendAccepted):
            reached = max(merged.commit, min(message.commit, log.last))
            return Merged(merged.reply, reached, merged.replaced_from)
        return merged

    patch.setattr(dispatch, "follow", follow)


def half_is_a_quorum(patch: Patch) -> None:
    """M7."""

    def reached(
        voters: Sequence[int], outgoing: Sequence[int], values: dict[int, int]
    ) -> int:
        ascending = sorted(values.get(voter, 0) for voter in voters)
        return ascending[len(ascending) // 2] if ascending else EVERYTHING

    patch.setattr(replication, "joint_reached", reached)


def reads_do_not_wait_for_the_first_commit(patch: Patch) -> None:
    """M9."""
    flush = RaftCore._flush

    def eager(self: RaftCore) -> None:
        roles, reads = self._roles, self._reads
        if roles.leadership is not None and reads.is_waiting:
            position = reads.open_position(roles.commit)
            roles.leadership.heartbeat(roles.commit, position, timed=False)
            reads.confirm(roles.membership, roles.term)
        flush(self)

    patch.setattr(RaftCore, "_flush", eager)


def read_positions_are_reused(patch: Patch) -> None:
    """M10."""
    open_position = Reads.open_position

    def reuse(self: Reads, commit: Index) -> int:
        self.position = max(0, self.position - 1)
        return open_position(self, commit)

    patch.setattr(Reads, "open_position", reuse)


def a_stale_completion_marks_the_tail_durable(patch: Patch) -> None:
    """M15."""
    truncate = RaftLog._truncate

    def truncate_without_clipping(self: RaftLog, index: Index) -> None:
        writes = [list(write) for write in self._writes]
        truncate(self, index)
        self._writes.clear()
        self._writes.extend(writes)

    patch.setattr(RaftLog, "_truncate", truncate_without_clipping)


def a_lost_append_is_never_noticed(patch: Patch) -> None:
    """M22: a full window sends nothing at all, and heartbeats do not ask.

    The fuzz alone finds it no more: a leader that is stuck resigns, and that heals it (F7).
    """

    def silent(self: Leadership, message: Message, commit: Index) -> None:
        """Do nothing."""

    patch.setattr(Leadership, "heartbeat_answered", silent)


def refusals_carry_the_asked_term(patch: Patch) -> None:
    """M8."""
    send = Outgoing.send

    def send_asked(self: Outgoing, message: Message) -> None:
        if isinstance(message, PreVoteReply):
            message = replace(message, term=message.asked_term)
        send(self, message)

    patch.setattr(Outgoing, "send", send_asked)


def missed_ticks_count_against_the_leader(patch: Patch) -> None:
    """M24."""
    advance = ElectionTimer.advance
    patch.setattr(
        ElectionTimer,
        "advance",
        lambda self, elapsed, missed, extra: advance(self, elapsed + missed, 0),
    )


def a_leader_is_early_before_its_vote_is_durable(patch: Patch) -> None:
    """T82."""
    patch.setattr(Roles, "may_send_early", lambda self: True)


def fuzz() -> None:
    """Run the seeds that are clean without a bug, one after the other."""
    for seed in SEEDS:
        Fuzz(seed).run(steps=4000)


BUGS: dict[str, tuple[Callable[[Patch], None], Callable[[], None]]] = {
    "M1 ack before the write": (early(AppendAccepted), fuzz),
    "M2 vote not persisted": (vote_not_persisted, fuzz),
    "M3 own copy before the write": (leader_counts_itself_on_append, fuzz),
    "M4 old terms by counting": (old_terms_are_committed_by_counting, fuzz),
    "M5 cut after prev": (everything_after_prev_is_deleted, fuzz),
    "M6 commit up to the own last": (
        commit_is_bounded_by_the_own_last,
        CommitNews().test_a_follower_commits_no_more_than_the_message_vouches_for,
    ),
    "M7 half is a quorum": (half_is_a_quorum, fuzz),
    "M8 refusal in the asked term": (
        refusals_carry_the_asked_term,
        refusal_names_the_own_term,
    ),
    "M9 read before the first commit": (
        reads_do_not_wait_for_the_first_commit,
        fuzz,
    ),
    "M10 read position reused": (
        read_positions_are_reused,
        Leader().test_positions_are_made_by_the_leader_and_never_reused,
    ),
    "M15 stale completion": (
        a_stale_completion_marks_the_tail_durable,
        Readies().test_a_completion_of_an_older_tail_marks_nothing_durable,
    ),
    "M21 vote request before the write": (early(RequestVote), fuzz),
    "M22 full window is silent": (
        a_lost_append_is_never_noticed,
        Windows().test_a_full_window_lets_an_empty_append_through,
    ),
    "M24 missed ticks are counted": (
        missed_ticks_count_against_the_leader,
        Pauses().test_a_follower_counts_one_missed_tick,
    ),
    "T82 early before the own vote": (
        a_leader_is_early_before_its_vote_is_durable,
        Queues().test_early_messages_of_a_leader_wait_for_its_durable_vote,
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, monkeypatch: Patch) -> None:
    """With the bug the run fails. That it passes without is a test of its own."""
    plant, find = BUGS[name]
    plant(monkeypatch)

    with pytest.raises((AssertionError, CorruptionError)):
        find()
