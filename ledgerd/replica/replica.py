"""Consensus and ledger as one deterministic machine. Read `Replica.turn` first.

Pure over its ports: the same turn runs in the daemon over LMDB and gRPC and in a simulator over
fakes. Nothing that promises durability leaves before the sync, because a late message needs the
`Receipt` that only `LogStore.persist` makes.
"""

from collections.abc import Callable, Sequence
from typing import assert_never

from ledgerd.errors import CorruptionError, NotUnderstood, Reason
from ledgerd.formats import commands, versions
from ledgerd.ledger.apply import Applied
from ledgerd.ledger.commands import Tick
from ledgerd.limits import (
    PAGE_COMMANDS_MAX,
    PUT_OFF_BYTES_MAX,
    PUT_OFF_ENTRIES_MAX,
    TURN_BYTES_MAX,
)
from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import (
    NO_NODE,
    Entry,
    EntryKind,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.facts import ApplyStopped, Fact, LogWritten, SlotCorrupt
from ledgerd.raft.marks import NO_MARKS, Marks
from ledgerd.raft.membership import Membership
from ledgerd.raft.ready import Proposed, ReadTicket, Ready, Refused
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.alarm import Alarm
from ledgerd.replica.compaction import Compaction, LogBounds
from ledgerd.replica.everywhere import HeldAnswers
from ledgerd.replica.fold import after_change, change_of, decide, recorded
from ledgerd.replica.handovers import Handovers
from ledgerd.replica.hooks import Hooks, NoHooks
from ledgerd.replica.inputs import (
    Abandoned,
    ChangeRequested,
    CommandProposed,
    Input,
    LogBounded,
    Noted,
    PayoutsProposed,
    ReadsRequested,
    Received,
    SnapshotAsked,
    SnapshotFetched,
    SnapshotMade,
    SnapshotSpoiled,
    StateDamaged,
    Ticked,
    TransferAsked,
    Waiter,
    WriteConcern,
)
from ledgerd.replica.outbox import (
    Answered,
    Held,
    NotProposed,
    Outbox,
    ReadPoint,
    Unknown,
)
from ledgerd.replica.ports import LogStore, Mail, SnapshotStore, StateStore
from ledgerd.replica.proposals import (
    EntryDraft,
    Share,
    Waiters,
    draft_commands,
    draft_payouts,
)
from ledgerd.replica.snapshots import NoSnapshots, Snapshots
from ledgerd.replica.versions import Flaw, Halt, Standing, StateVersion

_READY_ROUNDS_MAX = 2  # the second tells what persisting decided; the rest waits (1.6)


class Replica:
    """One node's consensus core and ledger over their stores. Owned by one thread."""

    def __init__(
        self,
        *,
        core: RaftCore,
        log: LogStore,
        state: StateStore,
        mail: Mail,
        hooks: Hooks | None = None,
        marks: Marks = NO_MARKS,
        state_version_max: int = versions.STATE_VERSION,
        snapshots: SnapshotStore | None = None,
        bounds: LogBounds | None = None,
        tick_us: int = 10_000,
        page_commands_max: int = PAGE_COMMANDS_MAX,
    ) -> None:
        """Join the parts.

        state_version_max: the newest that this process applies. snapshots: None: it neither makes
        nor fetches any. bounds: None: the log is never cut. tick_us: length of a tick of the core,
        microseconds. page_commands_max: applied in one turn, unless one entry has more.
        """
        self._tick_us = tick_us
        self._page_commands_max = page_commands_max
        self._snapshots = Snapshots(core, snapshots or NoSnapshots(), marks)
        self._compaction = (
            Compaction(core, log, state, bounds, marks) if bounds is not None else None
        )
        self._marks = marks
        self._core = core
        self._log = log
        self._state = state
        self._mail = mail
        self._reach = (hooks or NoHooks()).reach
        self._state_version_max = state_version_max
        self._version = StateVersion(state.state_version(), newest=state_version_max)
        self._alarm = Alarm()
        self._membership = core.membership  # as the loop was told
        self._permit_changes()
        self._applied_term = Term(0)  # of the last entry applied by this process
        self._halt: Halt | None = None
        self._halt_told: Halt | None = None
        self._waiters = Waiters()
        self._held = HeldAnswers()
        self._reads: dict[ReadTicket, list[Waiter]] = {}
        self._handovers = Handovers(core)
        self._apply_range: tuple[Index, Index] | None = None
        self._has_held_back = False  # a page, for one turn, behind an ack
        self._put_off_bytes = 0  # came since pages were last handed out
        self._read_index = Index(0)  # up to where somebody waits to read
        self._unrecorded: tuple[Entry, Applied, Membership | None] | None = None
        self._role = Role.FOLLOWER
        self._leader: NodeId = NO_NODE
        for index in log.damaged():
            core.note(SlotCorrupt(index))
        if state.applied():
            core.digested(state.applied(), state.digest())
        if state.applied() < log.anchor().at:
            why = (
                f"its state ends at index {state.applied()}, and its log begins behind index "
                f"{log.anchor().at}: the state in between is lost"
            )
            self._fence(Flaw.STATE_DAMAGED, why)

    @property
    def core(self) -> RaftCore:
        """The core, for its status; nobody but the replica calls what changes it."""
        return self._core

    @property
    def standing(self) -> Standing:
        """The state version in force, and why this node stopped applying, if it did."""
        return Standing(self._version.in_force, self._halt)

    def inform(self, facts: Sequence[Fact]) -> None:
        """Take over what a replica before this one was told in the same process (F37)."""
        for fact in facts:
            self._core.note(fact)

    def turn(
        self,
        inputs: Sequence[Input],
        log_time_us: Callable[[], int],
        *,
        is_settling: bool = True,
        takes_page: bool = True,
    ) -> Outbox:
        """Take what happened, make it durable, tell peers, apply, and return the answers.

        log_time_us: the leader's clock for new entries, microseconds; asked at most once.
        is_settling: `settle` follows this turn. Else a follower may put off what is little and what
            nobody waits for, until a turn that it follows.
        takes_page: whether entries may be applied; not between a heavy turn and its settling.

        Raises StorageError or CorruptionError, after which the process must end: nothing was
        acknowledged that is not durable, and nothing may be retried (C7).
        The caller delivers the outbox, then calls `settle`.
        """
        outbox = Outbox()
        has_acked = False
        self._reach("turn.begin")

        if inputs:
            self._step(inputs, log_time_us, outbox)  # 1 step
        self._reach("turn.stepped")
        puts_off = not is_settling and self._may_put_off()
        for _ in range(_READY_ROUNDS_MAX):
            ready = self._core.ready(may_apply=not puts_off)
            if ready is None:
                break
            if ready.send_early:
                self._mail.early(ready.send_early)  # a leader replicates meanwhile
            if ready.must_sync:
                self._reach("turn.before_log_commit")
            if ready.repairs:
                self._log.repair(ready.repairs)  # F34
            receipt = self._log.persist(ready)  # 2 persist: the durability point
            if ready.must_sync:
                self._reach("turn.after_log_commit")
            if ready.snapshot is not None:
                self._install(ready.snapshot, outbox)
            # The node's own vote and own copy count from here.
            if receipt.took_us is not None:  # F8: the core judges the disk
                self._core.note(LogWritten(receipt.took_us // self._tick_us))
            self._core.persisted(receipt.ticket)
            if ready.send_after:
                self._mail.after(ready.send_after, receipt)  # 3 send: votes and acks
                has_acked = True
            self._take_news(ready, outbox)
            if ready.entries:
                payloads = [len(entry.payload) for entry in ready.entries]
                outbox.persisted_bytes += sum(payloads)
                if self._compaction is not None:
                    self._compaction.wrote(sum([e.size_bytes for e in ready.entries]))
            if not ready.must_sync or ready.send_after:
                break  # nothing more is decided, or a leader waits for what was sent
        self._handovers.settle(outbox)
        # Of the turn before: its answers have left, and peers write too.
        recorded = self._record()
        # An ack is waited for by a leader, a page behind it by nobody: it is held back once.
        self._has_held_back = (
            has_acked and self._apply_range is not None and not self._has_held_back
        )
        is_heavy = recorded > self._page_commands_max
        may_apply = takes_page and not is_heavy and not self._has_held_back
        if self._apply_range is not None and may_apply:
            is_heavy = self._apply_page(outbox)  # 4 apply one page, not yet committed
        outbox.is_heavy = is_heavy
        if is_heavy:
            self._marks.covers("apply.heavy")
        self._judge(outbox)
        if self._held:
            self._answer_held(outbox)
        has_more = self._halt is None and self._core.has_more_to_apply
        if not puts_off:
            self._put_off_bytes = 0
        self._put_off_bytes += outbox.persisted_bytes
        if puts_off and has_more and self._may_put_off():
            has_more, outbox.needs_settle = False, True
            self._marks.covers("apply.put_off")
        outbox.again = has_more or self._unrecorded is not None
        cuts = self._cuts
        if cuts is not None and cuts.is_cutting:
            outbox.needs_settle = True
        outbox.sends_first = has_acked or self._unrecorded is not None
        membership = self._core.membership
        if membership is not self._membership:  # by an entry or a snapshot
            self._membership = outbox.membership = membership
        outbox.holds_page = self._has_held_back
        self._reach("turn.end")

        return outbox  # 5 answer

    def settle(self) -> Index:
        """Commit what was applied; return the index now visible. After the answers have left."""
        try:
            self._record()
            self._reach("turn.before_state_commit")
            visible = self._state.commit()
        except CorruptionError as error:
            self._fence(Flaw.STATE_DAMAGED, str(error))
            visible = self._state.commit()
        self._reach("turn.after_state_commit")
        cuts = self._cuts
        if cuts is not None and versions.may_cut_log(self._version.in_force):
            newest = self._snapshots.newest
            copy = newest.index if newest is not None else None
            cuts.cut(self._snapshots.hold, copy)
        return visible

    @property
    def _cuts(self) -> Compaction | None:
        """What cuts the log; None: nothing does, or the state is bad.

        What a cut takes away the state must hold; a bad one is folded again from a whole log (F37).
        """
        is_bad = self._halt is not None and self._halt.is_of_state
        return None if is_bad else self._compaction

    def _step(
        self, inputs: Sequence[Input], log_time_us: Callable[[], int], outbox: Outbox
    ) -> None:
        payouts: list[PayoutsProposed] = []
        rare: list[CommandProposed] = []
        readers: list[Waiter] = []
        changes: list[ChangeRequested] = []
        ticks = 0
        for item in inputs:
            match item:
                case Received():
                    self._core.step(item.message)
                case Ticked():
                    self._core.tick(item.elapsed, item.missed)
                    ticks += item.elapsed + item.missed
                case PayoutsProposed():
                    payouts.append(item)
                case CommandProposed():
                    rare.append(item)
                case ChangeRequested():
                    changes.append(item)
                case Abandoned():
                    self._held.abandon(item.waiter)
                case ReadsRequested():
                    readers.append(item.waiter)
                case TransferAsked():
                    self._handovers.ask(item, outbox)
                case Noted():
                    self._core.note(item.fact)
                case LogBounded():
                    if self._compaction is not None:
                        self._compaction.bound(item.bounds)
                        outbox.needs_settle = True
                case (
                    SnapshotAsked()
                    | SnapshotMade()
                    | SnapshotFetched()
                    | SnapshotSpoiled()
                ):
                    self._snapshots.take(item, outbox)
                case StateDamaged():
                    self._fence(Flaw.STATE_DAMAGED, item.why)
                case _:
                    assert_never(item)
        version = self._version_due() if ticks else None
        timer_us = self._first_timer_us(outbox) if ticks else None
        is_timed = version is not None or timer_us is not None
        is_proposing = rare or payouts or changes or is_timed
        ts_us = log_time_us() if is_proposing else 0
        if version is not None:
            self._raise_version(version, ts_us)
        if timer_us is not None and timer_us <= ts_us:
            self._propose_tick(ts_us)
        if rare or payouts:
            self._propose(payouts, rare, ts_us, outbox)
        for change in changes:
            self._request_change(change, ts_us, outbox)
        if readers:
            self._ask_read_point(readers, outbox)
        self._snapshots.drive(ticks, outbox, is_sound=self._halt is None)

    def _propose(
        self,
        payouts: Sequence[PayoutsProposed],
        rare: Sequence[CommandProposed],
        ts_us: int,
        outbox: Outbox,
    ) -> None:
        """Offer what waited together as few entries; who is refused is told so at once."""
        if (
            self._role is not Role.LEADER
        ):  # spares the encoding; the core would refuse too
            reason = Reason.NO_LEADER if self._leader == NO_NODE else Reason.NOT_LEADER
            waiters = [item.waiter for item in rare] + [item.waiter for item in payouts]
            for waiter in waiters:
                outbox.not_proposed.append(NotProposed(waiter, reason, self._leader))
            return
        known: list[CommandProposed] = []
        for item in rare:
            if self._version.permits_command(item.command):
                known.append(item)
            else:
                outbox.not_proposed.append(
                    NotProposed(item.waiter, Reason.STATE_VERSION, self._leader)
                )
        timed = [
            item for item in payouts if not self._version.permits_batch(item.batch)
        ]
        for late in timed:
            outbox.not_proposed.append(
                NotProposed(late.waiter, Reason.STATE_VERSION, self._leader)
            )
        if timed:
            payouts = [
                item for item in payouts if self._version.permits_batch(item.batch)
            ]
        for draft in (*draft_commands(known), *draft_payouts(payouts)):
            self._propose_entry(draft, ts_us, outbox)

    def _request_change(
        self, item: ChangeRequested, ts_us: int, outbox: Outbox
    ) -> None:
        """Offer a change of the membership; its caller is answered when it is in force (F21)."""
        verdict = self._core.request(item.request, item.expected_index, ts_us)
        match verdict:
            case Proposed():
                share = Share(item.waiter, 0, 0)
                self._waiters.add(verdict.id.term, verdict.id.index, (share,))
            case Refused():
                why = verdict.flaw.value if verdict.flaw is not None else ""
                outbox.not_proposed.append(
                    NotProposed(item.waiter, verdict.reason, verdict.leader, why)
                )
            case _:
                assert_never(verdict)

    def _permit_changes(self) -> None:
        """Let the core change the membership as far as the version in force knows how (T67)."""
        self._core.permit_changes(self._version.permits(EntryKind.MEMBERSHIP))

    def _version_due(self) -> int | None:
        """Return the state version to put in force now; None if not by this node or not yet.

        Only once an entry of its own term is applied: until then an older leader's raise may
        stand in the log unseen.
        """
        if self._role is not Role.LEADER or self._version.is_newest:
            return None
        if self._applied_term != self._core.term:
            return None
        status = self._core.status()
        others = [peer for peer in status.membership.members if peer != status.node_id]
        return self._version.due(others, self._core.releases)

    def _raise_version(self, state_version: int, ts_us: int) -> None:
        """Propose that `state_version` be in force: every member applies it (F26, T67)."""
        payload = versions.encode(state_version)
        verdict = self._core.propose(EntryKind.VERSION, payload, ts_us)
        if isinstance(verdict, Proposed):
            self._version.raised(verdict.id.index)

    def _first_timer_us(self, outbox: Outbox) -> int | None:
        """Return when the first timer is due, if a Tick for it is this node's to propose.

        Only once an entry of its own term is applied: what an older leader proposed is done then.
        """
        if self._role is not Role.LEADER or self._halt is not None:
            return None
        if self._applied_term != self._core.term:
            return None
        if not self._alarm.is_known and self._unrecorded is None:
            outbox.needs_settle = True
            try:
                self._alarm.look(self._state.view())
            except CorruptionError as error:
                self._fence(Flaw.STATE_DAMAGED, str(error))
        return self._alarm.first_us if self._alarm.is_known else None

    def _propose_tick(self, ts_us: int) -> None:
        """Propose that what is due be acted on (ledger.md 7.4). Nobody waits for it."""
        tick = Tick()
        assert self._version.permits_command(tick), self._version.in_force
        payload = commands.encode([tick])
        verdict = self._core.propose(EntryKind.COMMANDS, payload, ts_us)
        if isinstance(verdict, Proposed):
            self._alarm.proposed(verdict.id.index)

    def _propose_entry(self, draft: EntryDraft, ts_us: int, outbox: Outbox) -> None:
        if not self._version.permits(draft.kind):
            for share in draft.shares:
                outbox.not_proposed.append(
                    NotProposed(share.waiter, Reason.STATE_VERSION, self._leader)
                )
            return
        verdict = self._core.propose(draft.kind, draft.payload, ts_us)
        match verdict:
            case Proposed():
                if len(draft.shares) > 1:
                    self._marks.covers("waiter.shared_entry")
                self._waiters.add(verdict.id.term, verdict.id.index, draft.shares)
                if any(s.concern is WriteConcern.ALL_VOTERS for s in draft.shares):
                    self._core.send_to_all()
            case Refused():
                for share in draft.shares:
                    outbox.not_proposed.append(
                        NotProposed(share.waiter, verdict.reason, verdict.leader)
                    )
            case _:
                assert_never(verdict)

    def _ask_read_point(self, readers: list[Waiter], outbox: Outbox) -> None:
        """Register all reads of this turn under one position (F10)."""
        verdict = self._core.read()
        if isinstance(verdict, Refused):
            for waiter in readers:
                outbox.not_proposed.append(
                    NotProposed(waiter, verdict.reason, verdict.leader)
                )
        else:
            self._reads[verdict] = readers

    def _take_news(self, ready: Ready, outbox: Outbox) -> None:
        if ready.role_change is not None:
            if ready.role_change.role is not self._role:
                self._version.forget()
                self._alarm.forget()
            self._role = ready.role_change.role
            self._leader = ready.role_change.leader
            if self._role is not Role.LEADER:
                self._give_up_held(outbox)
            outbox.role_change = ready.role_change
        if ready.lost_from is not None:
            for share in self._waiters.lose_from(ready.lost_from):
                self._tell_unknown(share, outbox)
        for confirmed in ready.reads:
            for waiter in self._reads.pop(confirmed.ticket, ()):
                outbox.reads.append(ReadPoint(waiter, confirmed.index))
            self._read_index = max(self._read_index, confirmed.index)
        for ticket in ready.reads_failed:
            for waiter in self._reads.pop(ticket, ()):
                outbox.not_proposed.append(
                    NotProposed(waiter, Reason.READ_NOT_CONFIRMED, self._leader)
                )
        if ready.apply is not None:
            assert self._apply_range is None, (self._apply_range, ready.apply)
            self._apply_range = ready.apply

    def _install(self, snapshot: Snapshot, outbox: Outbox) -> None:
        """Put the state in place behind which the log now starts, durably (F30, T14).

        Nothing of this turn was sent yet that rests on it (T64), and nothing is being applied.
        """
        self._apply_range = None
        self._unrecorded = None
        self._reach("turn.before_install")
        self._state.install(snapshot)
        self._reach("turn.after_install")
        assert self._state.applied() == snapshot.index, (
            snapshot,
            self._state.applied(),
        )
        assert self._state.digest() == snapshot.digest, snapshot  # R14
        if self._halt is not None and self._halt.is_of_state:
            self._halt = self._halt_told = None
            self._core.state_replaced()
        self._core.digested(snapshot.index, snapshot.digest)
        self._version = StateVersion(
            self._state.state_version(), newest=self._state_version_max
        )
        self._alarm.forget()
        self._permit_changes()  # the version may have come with the state (T55, T67)
        if self._compaction is not None:
            self._compaction.restored()
        outbox.installed = snapshot
        outbox.needs_settle = True

    def _tell_unknown(self, share: Share, outbox: Outbox) -> None:
        self._marks.covers("waiter.unknown")
        outbox.unknown.append(
            Unknown(share.waiter, Reason.LEADERSHIP_LOST, self._leader)
        )

    def _may_put_off(self) -> bool:
        """Whether what is committed may wait until the state settles: nobody sees it before.

        A follower has nobody to answer. It puts off little, which it has applied at once when it is
        to lead, nothing that a reader waits for, and no change of the membership: until that is in
        force it could not campaign (T52).
        """
        return (
            self._role is Role.FOLLOWER
            and self._apply_range is None
            and self._put_off_bytes <= PUT_OFF_BYTES_MAX
            and len(self._core.unapplied) <= PUT_OFF_ENTRIES_MAX
            and self._read_index <= self._state.applied()
            and not self._core.has_change_to_apply
        )

    def _apply_page(self, outbox: Outbox) -> bool:
        """Apply committed entries up to the turn's budget; return whether one of them passed it.

        An entry is never split, so the budget may be passed by one entry (T94). Such a one, and one
        that somebody waits for, is recorded in a later turn, so that messages and ticks, or the
        answer, pass first.
        """
        assert self._apply_range is not None
        if self._halt is not None:
            return False
        self._reach("turn.before_apply")
        first, last = self._apply_range
        commands_left = self._page_commands_max
        for entry in self._core.entries(first, last, TURN_BYTES_MAX):
            assert entry.index == first, (entry.index, first)
            try:
                commands_left -= self._apply_entry(entry, outbox)
            except NotUnderstood as error:
                self._stop_applying(entry.index, str(error), Flaw.NEWER_RELEASE)
                break
            except CorruptionError as error:
                self._fence(Flaw.STATE_DAMAGED, str(error))
                break
            first = Index(entry.index + 1)
            if commands_left <= 0:
                break
        is_heavy = commands_left < 0
        if not outbox.answers and not is_heavy:
            self._record()
        self._core.applied(Index(first - 1))
        self._apply_range = (first, last) if first <= last else None
        outbox.needs_settle = True
        self._reach("turn.applied")
        return is_heavy

    def _stop_applying(self, index: Index, why: str, flaw: Flaw) -> None:
        """Apply nothing from `index` on, until a replica is built anew (F26).

        Skipping the entry would fork the state. The log and the vote stay in use; whoever waits for
        this entry or a later one will not be answered here.
        """
        self._halt = Halt(index, why, flaw)
        self._core.note(ApplyStopped(index))

    def _fence(self, flaw: Flaw, why: str) -> None:
        """Neither lead nor serve, and apply nothing: the state is not to be trusted (F37, R15)."""
        if self._halt is not None and self._halt.is_of_state:
            return
        self._unrecorded = None  # it stands in the log
        self._core.want_state(Index(max(1, self._log.anchor().at)))
        self._stop_applying(Index(self._state.applied() + 1), why, flaw)

    def abandon(self) -> Outbox:
        """End every call that waits here: this replica is given up, and another one built (F37).

        What was proposed may be committed yet, so it ends as unknown (T65).
        """
        outbox = Outbox()
        for share in self._waiters.lose_from(Index(0)):
            self._tell_unknown(share, outbox)
        self._give_up_held(outbox)
        for readers in self._reads.values():
            for waiter in readers:
                outbox.not_proposed.append(
                    NotProposed(waiter, Reason.READ_NOT_CONFIRMED, NO_NODE)
                )
        self._reads.clear()
        self._handovers.abandon(outbox)
        self._snapshots.abandon(outbox)
        return outbox

    def _judge(self, outbox: Outbox) -> None:
        """Fence this node if its state was seen to differ, and tell of a halt once."""
        diverged_at = self._core.diverged_at
        if diverged_at is not None:
            why = f"its digest at index {diverged_at} is not that of a majority"
            self._fence(Flaw.STATE_DIVERGED, why)
        if self._halt is None or self._halt == self._halt_told:
            return
        self._halt_told = outbox.halt = self._halt
        for share in self._waiters.lose_from(self._halt.index):
            self._tell_unknown(share, outbox)

    def _apply_entry(self, entry: Entry, outbox: Outbox) -> int:
        """Decide one entry, and answer those who wait for it. Returns how many commands it held.

        Apply is deterministic, so an answer may precede the record of what it says.
        """
        self._record()
        change = change_of(entry)
        applied = decide(self._state.view, entry, self._version.in_force)
        outcomes = applied.outcomes
        self._version.applied(entry)
        if entry.kind is EntryKind.VERSION:
            self._permit_changes()
        membership = None
        if change is not None:
            after_change(self._core.membership, change, entry.index)
            membership = self._core.apply_change(entry.index, change)
        self._unrecorded = (entry, applied, membership)
        self._applied_term = entry.term
        outbox.applied.append((entry.kind, len(outcomes)))

        shares, is_ours = self._waiters.resolve(entry.term, entry.index)
        for share in shares:
            if is_ours:
                answer = Answered(
                    waiter=share.waiter,
                    term=entry.term,
                    index=entry.index,
                    ts_us=entry.ts_us,
                    outcomes=outcomes,
                    first=share.first,
                    count=share.count,
                )
                if share.concern is WriteConcern.QUORUM:
                    outbox.answers.append(answer)
                else:
                    self._held.add(answer)
                    outbox.held.append(Held(share.waiter, entry.index))
            else:
                self._tell_unknown(share, outbox)
        return len(outcomes)

    def _answer_held(self, outbox: Outbox) -> None:
        """Answer those whose entry every voter holds, as far as this leader knows."""
        outbox.answers += self._held.release(self._core.held_by_all_voters)

    def _give_up_held(self, outbox: Outbox) -> None:
        """End all that wait for copies: a node that does not lead hears of none.

        Their entries are committed and applied, and they are told where (T65).
        """
        for lost in self._held.drain():
            outbox.unknown.append(
                Unknown(lost.waiter, Reason.NOT_ON_ALL_VOTERS, self._leader, lost.index)
            )

    def _record(self) -> int:
        """Write what was decided last: rows, index and digest in one transaction (T7).

        Returns how many commands it was.
        """
        if self._unrecorded is None:
            return 0
        entry, applied, membership = self._unrecorded
        folded = recorded(
            entry,
            applied,
            self._state.digest(),
            membership,
            state_version=self._state.state_version(),
            tree=self._state.tree(),
        )
        self._state.write(entry, folded.rows, folded.digest, folded.tree)
        self._unrecorded = None
        self._alarm.recorded(entry.index, applied)
        self._core.digested(entry.index, folded.digest)
        return len(applied.outcomes)
