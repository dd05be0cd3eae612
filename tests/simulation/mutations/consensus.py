"""Bugs of consensus: promises before the disk, commit rules, elections, reads, windows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from ledgerd.raft.core import RaftCore
from ledgerd.raft.elections import ElectionTimer
from ledgerd.raft.entries import Entry, EntryId, Index
from ledgerd.raft.log import RaftLog
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    Message,
    PreVoteReply,
    RequestVote,
)
from ledgerd.raft.outgoing import Outgoing
from ledgerd.raft.progress import Event, Mode, Progress
from ledgerd.raft.quorum import EVERYTHING
from ledgerd.raft.reads import Reads
from ledgerd.raft.replication import Leadership
from ledgerd.raft.roles import Roles
from ledgerd.replica.log_clock import LogClock
from ledgerd.simulation.swarm import Setup
from tests.simulation.mutations.plant import Engine, Function, Plant


def _early(kind: type) -> Callable[[Function], Function]:
    """Return a bug that lets messages of a class leave before the write."""

    def make(send: Function) -> Function:
        def send_early(self: Outgoing, message: Message) -> None:
            if isinstance(message, kind):
                self.early.append(message)  # type: ignore[arg-type]  # that is the bug
            else:
                send(self, message)

        return send_early

    return make


def _count_itself_at_once(quorum_match: Function) -> Function:
    def eager(self: Leadership) -> Index:
        self._own_match = self._log.last
        return quorum_match(self)  # type: ignore[no-any-return]

    return eager


def _count_old_terms(advance: Function) -> Function:
    del advance

    def advance_commit(self: Roles, leadership: Leadership) -> None:
        reached = leadership.quorum_match()
        if reached > self.commit:
            self.commit_to(reached)
            leadership.committed(reached)
            self.must_flush = True

    return advance_commit


def _cut_after_prev(merge: Function) -> Function:
    def cut_and_merge(
        self: RaftLog,
        prev: EntryId,
        prev_link: bytes,
        entries: Sequence[Entry],
        commit: Index,
    ) -> Index | None:
        if entries and self.last > prev.index:
            self._truncate(Index(prev.index + 1))
        return merge(self, prev, prev_link, entries, commit)  # type: ignore[no-any-return]

    return cut_and_merge


def _half_is_a_quorum(reached: Function) -> Function:
    del reached

    def half(
        voters: Sequence[int], outgoing: Sequence[int], values: dict[int, int]
    ) -> int:
        ascending = sorted(values.get(voter, 0) for voter in voters)
        return ascending[len(ascending) // 2] if ascending else EVERYTHING

    return half


def _refuse_in_the_asked_term(send: Function) -> Function:
    def send_asked(self: Outgoing, message: Message) -> None:
        if isinstance(message, PreVoteReply):
            message = replace(message, term=message.asked_term)
        send(self, message)

    return send_asked


def _read_at_once(flush: Function) -> Function:
    """Open positions although no entry of the term is committed."""

    def eager(self: RaftCore) -> None:
        roles, reads = self._roles, self._reads
        if roles.leadership is not None and reads.is_waiting:
            position = reads.open_position(roles.commit)
            roles.leadership.heartbeat(roles.commit, position, timed=False)
            reads.confirm(roles.membership, roles.term)
        flush(self)

    return eager


def _no_quorum_for_reads(confirm: Function) -> Function:
    def at_once(self: Reads, membership: Any, term: Any) -> Any:
        for batch in self._batches:
            for voter in (*membership.voters, *membership.outgoing):
                self._acks[voter] = max(self._acks.get(voter, 0), batch.position)
        return confirm(self, membership, term)

    return at_once


def _reuse_positions(open_position: Function) -> Function:
    def reuse(self: Reads, commit: Index) -> int:
        self.position = max(0, self.position - 1)
        return open_position(self, commit)  # type: ignore[no-any-return]

    return reuse


def _vouch_for_a_replaced_tail(truncate: Function) -> Function:
    def without_clipping(self: RaftLog, index: Index) -> None:
        writes = [list(write) for write in self._writes]
        truncate(self, index)
        self._writes.clear()
        self._writes.extend(writes)

    return without_clipping


def _lower_commit_to_the_page(applied: Function) -> Function:
    def lowering(self: Any, index: Index) -> None:
        applied(self, index)
        self._roles.commit = min(self._roles.commit, index)

    return lowering


def _ask_nothing(answered: Function) -> Function:
    del answered

    def silent(self: Leadership, peer: int, commit: Index) -> None:
        """Do nothing."""

    return silent


def _count_missed_ticks(advance: Function) -> Function:
    def all_of_them(
        self: ElectionTimer, elapsed: int, missed: int, *args: Any, **kwargs: Any
    ) -> Any:
        return advance(self, elapsed + missed, 0, *args, **kwargs)

    return all_of_them


def _forget_whom_it_voted_for(may_vote: Function) -> Function:
    def again(voter: Any, sender: Any, last: Any, membership: Any) -> Any:
        free = replace(voter, vote=0, leader=0)
        return may_vote(free, sender, last, membership)

    return again


def _believe_heartbeats(heartbeat: Function) -> Function:
    """Tell every peer the leader's own commit index, matched or not (T22)."""

    def tell_all(self: Leadership, commit: Index, *args: Any, **kwargs: Any) -> None:
        matches = {peer: progress.match for peer, progress in self.peers.items()}
        for progress in self.peers.values():
            progress.match = max(progress.match, min(commit, Index(progress.next - 1)))
        heartbeat(self, commit, *args, **kwargs)
        for peer, progress in self.peers.items():
            progress.match = matches[peer]

    return tell_all


def _commit_what_it_has(on_append: Function) -> Function:
    """Commit up to the own last entry, whatever the message vouches for (T21)."""

    def believing(self: Any, message: AppendEntries) -> None:
        on_append(self, message)
        roles = self._roles
        roles.commit = max(roles.commit, min(message.commit, roles.log.last))

    return believing


def _compare_by_index(is_electable: Function) -> Function:
    """Take the longer log for the newer one (T23)."""
    del is_electable

    def longer(voter: Any, sender: Any, last: EntryId, membership: Any) -> bool:
        ours, theirs = voter.last, last
        is_newer = (theirs.index, theirs.term) >= (ours.index, ours.term)
        return is_newer and not membership.was_removed(sender)

    return longer


def _count_any_stream(accepted: Function) -> Function:
    """Take every ack for one of the stream that is open (T25)."""

    def any_stream(self: Leadership, message: AppendAccepted) -> Any:
        progress = self.peers.get(message.sender)
        if progress is not None:
            message = replace(message, stream=progress.stream)
        return accepted(self, message)

    return any_stream


def _send_at_once(may_send_early: Function) -> Function:
    del may_send_early

    def always(self: Roles) -> bool:
        return True

    return always


def _probe_again_as_before(rejected: Function) -> Function:
    """Send a rejected probe again as it was, at once (T29)."""

    def again(self: Progress, *, prev: Index, joins_at: Index, stream: int) -> Any:
        if self.mode is not Mode.PROBE or prev != self.next - 1:
            return rejected(self, prev=prev, joins_at=joins_at, stream=stream)
        self._restart(Event.REJECTED, self.next, stream)
        return True

    return again


def _trust_the_own_clock(now_us: Function) -> Function:
    """Stamp entries with the wall clock of the leader (K1)."""
    del now_us

    def own(self: LogClock) -> int:
        self._last_us = max(self._last_us, self._wall_us())
        return self._last_us

    return own


def _withdraw_nothing(withdraw: Function) -> Function:
    """Let acks of what was replaced before it was written leave all the same (R9)."""
    del withdraw

    def leave(self: Outgoing, first: Index) -> None:
        """Do nothing."""

    return leave


def _tell_only_what_was_cut(merge: Function) -> Function:
    """Take what a repair put in the place of a corrupt slot for what stood there (R9)."""

    def tell_cuts(
        self: RaftLog, prev: EntryId, *args: Any, **kwargs: Any
    ) -> Index | None:
        before = self.last
        handed = self._handed
        replaced = merge(self, prev, *args, **kwargs)
        is_cut = self._handed < handed or self.last < before
        return Index(self._handed + 1) if replaced is not None and is_cut else None

    return tell_cuts


def _join_anything(joins: Function) -> Function:
    """Let a repair that its successor proves stand behind whatever is there (R4)."""
    del joins

    def always(self: RaftLog, entry: Entry) -> bool:
        return True

    return always


def _learn_in_any_term(learn: Function) -> Function:
    """Commit, as an older leader's follower, what a later term has committed (T20)."""

    def believing(self: Any, message: Message) -> None:
        learn(self, replace(message, term=self._roles.term))

    return believing


def _near_nodes(setup: Setup) -> Setup:
    """Many round trips fit between two ticks, so that a loop of messages turns."""
    wire = replace(setup.wire, delay_ns=200_000, jitter_ns=0)
    return replace(_old_tails(setup), wire=wire, sync_ns=200_000, turn_ns=50_000)


def _jumping_clocks(setup: Setup) -> Setup:
    """Clocks of a minority jump, and leaders change."""
    faults = ("clock_jump", "transfer", "isolate_leader")
    return replace(setup, nodes=max(3, setup.nodes), faults=faults)


def _old_tails(setup: Setup) -> Setup:
    """Leaders that nobody hears go on writing; connections break while they come back.

    Entries travel one at a time, so that an append says less than its leader has committed.
    """
    return replace(
        setup,
        nodes=max(3, setup.nodes),
        faults=("one_way", "isolate_leader", "isolate_leader", "break_connection"),
        fault_gap_ns=setup.base_ns,
        fault_ns=4 * setup.base_ns,
        bounds=None,
        old_nodes=0,
        options=replace(
            setup.options,
            append_bytes_max=200,
            window_messages=max(2, setup.options.window_messages),
            window_bytes=8 << 20,
            uncommitted_bytes_max=64 << 20,
            is_commit_told_by_tick=True,
        ),
    )


def _read_while_cut_off(setup: Setup) -> Setup:
    """Leaders are cut off or put to sleep, and callers read at every node."""
    return replace(
        setup,
        nodes=max(3, setup.nodes),
        faults=("isolate_leader", "bridge", "pause"),
        fault_ns=4 * setup.base_ns,
        load=replace(setup.load, reads=0.3, watchers=3),
    )


_SEND: Final = "ledgerd.raft.outgoing:Outgoing.send"

_ACKS: Final = "tests.simulation.test_acks"

PLANTS: Final = (
    Plant("M1", "an ack leaves before the write", {_SEND: _early(AppendAccepted)}),
    Plant(
        "M3",
        "a leader counts its copy when it appends it",
        {
            "ledgerd.raft.replication:Leadership.quorum_match": _count_itself_at_once,
        },
        engine=Engine.CORE,
    ),
    Plant(
        "M4",
        "entries of older terms are committed by counting",
        {"ledgerd.raft.roles:Roles.advance_commit": _count_old_terms},
    ),
    Plant(
        "M5",
        "an append deletes everything after prev",
        {"ledgerd.raft.log:RaftLog.merge": _cut_after_prev},
    ),
    Plant(
        "M6",
        "a follower commits up to its own last entry",
        {"ledgerd.raft.dispatch:Dispatch._on_append": _commit_what_it_has},
        setup=_old_tails,
    ),
    Plant(
        "T23",
        "the longer log wins, whatever its last term",
        {"ledgerd.raft.elections:_is_electable": _compare_by_index},
        setup=_old_tails,
    ),
    Plant(
        "M7",
        "half of an even number of voters is a quorum",
        {"ledgerd.raft.replication:joint_reached": _half_is_a_quorum},
    ),
    Plant(
        "M8",
        "a refused pre-vote carries the asked term",
        {_SEND: _refuse_in_the_asked_term},
    ),
    Plant(
        "M9",
        "reads are answered before the first commit of the term",
        {"ledgerd.raft.core:RaftCore._flush": _read_at_once},
    ),
    Plant(
        "M10",
        "the position of a read is used again",
        {"ledgerd.raft.reads:Reads.open_position": _reuse_positions},
        setup=_read_while_cut_off,
    ),
    Plant(
        "M15",
        "a late completion vouches for a tail that was replaced",
        {"ledgerd.raft.log:RaftLog._truncate": _vouch_for_a_replaced_tail},
        engine=Engine.CORE,
    ),
    Plant(
        "M16",
        "paging of apply lowers the commit index",
        {"ledgerd.raft.core:RaftCore.applied": _lower_commit_to_the_page},
    ),
    Plant(
        "M21",
        "a vote request leaves before the own vote is durable",
        {_SEND: _early(RequestVote)},
    ),
    Plant(
        "M22",
        "a full window lets nothing through",
        {"ledgerd.raft.replication:Leadership.heartbeat_answered": _ask_nothing},
    ),
    Plant(
        "M24",
        "ticks that were slept through count against the leader",
        {"ledgerd.raft.elections:ElectionTimer.advance": _count_missed_ticks},
    ),
    Plant(
        "X1",
        "reads are answered without asking a quorum",
        {"ledgerd.raft.reads:Reads.confirm": _no_quorum_for_reads},
        setup=_read_while_cut_off,
    ),
    Plant(
        "T22",
        "a heartbeat tells a commit index that its receiver has not matched",
        {"ledgerd.raft.replication:Leadership.heartbeat": _believe_heartbeats},
    ),
    Plant(
        "T29",
        "a rejected probe is sent again as it was",
        {"ledgerd.raft.progress:Progress.rejected": _probe_again_as_before},
        setup=_near_nodes,
    ),
    Plant(
        "K1",
        "log time is the leader's own clock",
        {"ledgerd.replica.log_clock:LogClock.now_us": _trust_the_own_clock},
        setup=_jumping_clocks,
    ),
    Plant(
        "T25",
        "an ack of a superseded stream counts",
        {"ledgerd.raft.replication:Leadership.accepted": _count_any_stream},
        engine=Engine.DIRECT,
        test="tests.raft.test_replication:TestStreams"
        ".test_an_ack_of_a_superseded_stream_is_dropped",
    ),
    Plant(
        "T82",
        "a leader's messages leave before its own vote is durable",
        {"ledgerd.raft.roles:Roles.may_send_early": _send_at_once},
        engine=Engine.DIRECT,  # votes are asked for after the write (T81), so no run gets there
        test="tests.raft.test_core:TestQueues"
        ".test_early_messages_of_a_leader_wait_for_its_durable_vote",
    ),
    Plant(
        "R9",
        "an ack leaves for what was replaced before it was written",
        {"ledgerd.raft.outgoing:Outgoing.withdraw_acks": _withdraw_nothing},
        engine=Engine.DIRECT,  # a node hears two leaders in one turn once in a hundred seeds
        test=f"{_ACKS}:test_of_two_leaders_in_one_turn_the_newer_is_acknowledged",
    ),
    Plant(
        "R9b",
        "a corrupt slot that takes another entry counts as what it was",
        {"ledgerd.raft.log:RaftLog.merge": _tell_only_what_was_cut},
        engine=Engine.DIRECT,
        test=f"{_ACKS}:test_what_took_a_rotten_slot_is_what_is_acknowledged",
        arguments=((1, 1),),
    ),
    Plant(
        "R9c",
        "of two slots that are replaced the second one counts",
        {"ledgerd.raft.log:RaftLog.merge": _tell_only_what_was_cut},
        engine=Engine.DIRECT,
        test=f"{_ACKS}:test_the_first_of_two_slots_that_are_replaced_counts",
    ),
    Plant(
        "R9d",
        "a repair joins the logs of two leaders",
        {"ledgerd.raft.log:RaftLog.joins": _join_anything},
        engine=Engine.DIRECT,
        test=f"{_ACKS}:test_what_two_leaders_left_is_not_joined_by_a_repair",
    ),
    Plant(
        "R9e",
        "what a later term committed is known in an older one",
        {"ledgerd.raft.dispatch:Dispatch._learn_commit": _learn_in_any_term},
        engine=Engine.DIRECT,
        test=f"{_ACKS}"
        ":test_a_leader_whose_term_is_over_is_not_told_what_a_later_one_committed",
    ),
    Plant(
        "R1",
        "a voter forgets whom it voted for",
        {"ledgerd.raft.dispatch:may_vote": _forget_whom_it_voted_for},
    ),
)
