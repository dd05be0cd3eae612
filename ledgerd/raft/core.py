"""`RaftCore`: the calls. How to make them stands in `ledgerd.raft`.

The core is a synchronous state machine. What happens to it is a call; what it wants done is in
the next `Ready`; it only ever reads its own log.
"""

from collections import deque
from typing import Final, NamedTuple, assert_never

from ledgerd import limits
from ledgerd.errors import Reason, SlotCorruptError
from ledgerd.raft.agreement import Agreements
from ledgerd.raft.changes import Change
from ledgerd.raft.dispatch import Dispatch
from ledgerd.raft.entries import (
    NO_INDEX,
    NO_NODE,
    Anchor,
    Entry,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.facts import (
    ApplyStopped,
    Capacity,
    Fact,
    HoldingBack,
    LogWritten,
    PeerGreeted,
    PeerLost,
    PeerRefused,
    SlotCorrupt,
    SnapshotSent,
)
from ledgerd.raft.log import RaftLog
from ledgerd.raft.marks import NO_MARKS, Marks
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import Message, SnapshotOffer
from ledgerd.raft.options import Jitter, Linker, Options, Rules
from ledgerd.raft.protocol import Releases
from ledgerd.raft.reader import LogReader
from ledgerd.raft.ready import (
    Cause,
    Proposed,
    ReadTicket,
    Ready,
    Refused,
    Ticket,
    Transferring,
)
from ledgerd.raft.reconfiguration import ChangeEncoder, Reconfiguration, no_encoder
from ledgerd.raft.repair import Repairs
from ledgerd.raft.requests import Request
from ledgerd.raft.roles import Roles
from ledgerd.raft.snapshots import Snapshot
from ledgerd.raft.status import PeerStatus, Status
from ledgerd.raft.tenure import Tenure
from ledgerd.raft.transfer import Transfers

__all__ = [
    "Jitter",
    "Linker",
    "Options",
    "PeerStatus",
    "Proposed",
    "RaftCore",
    "Refused",
    "Rules",
    "Status",
]


# What fills disks. Membership, versions and no-ops go on when there is little room (F36).
_COMMANDS: Final = frozenset({EntryKind.PAYOUTS, EntryKind.COMMANDS})
_SLOW_BASES: Final = 2  # so much longer a slow follower waits (F8)


_CHECKPOINTS_SHOWN: Final = 8


class _Write(NamedTuple):
    """A Ready whose write is not acknowledged yet: the term and vote it carries."""

    ticket: Ticket
    term: Term
    vote: NodeId


class RaftCore:
    """One node's consensus. Not thread-safe: one owner calls it (T70)."""

    def __init__(
        self,
        node_id: NodeId,
        *,
        options: Options,
        membership: Membership,
        hard_state: HardState,
        log: LogReader,
        applied: Index,
        jitter: Jitter,
        link: Linker,
        rules: Rules = Rules.STRICT,
        marks: Marks = NO_MARKS,
        encode_change: ChangeEncoder = no_encoder,
        state_anchor: Anchor | None = None,
    ) -> None:
        """Begin with what is on disk.

        applied: the last entry that the state holds. state_anchor: what the state itself says that
            this entry was, term, link and time; it stands in for a corrupt slot there (F33).
        """
        first, last = log.first_index(), log.last_index()
        assert node_id != NO_NODE, "node ids start at 1"
        # T11, T12: a log shorter than what was known committed or applied has lost data.
        assert hard_state.commit <= last, (hard_state, last)
        assert first == log.anchor().at + 1, (first, log.anchor())
        assert first - 1 <= applied <= last, (first, applied, last)
        assert state_anchor is None or state_anchor.at == applied, (
            state_anchor,
            applied,
        )
        self.node_id = node_id
        self._options = options
        self._log = RaftLog(
            log,
            link=link,
            recent_bytes_max=options.recent_bytes_max,
            marks=marks,
            stored_term=hard_state.term,
            state_anchor=state_anchor,
        )
        # T4: no entry is durable in a term above the stored one.
        assert last < first or self._log.last_id.term <= hard_state.term, hard_state
        self._roles = Roles(
            node_id,
            options=options,
            rules=rules,
            membership=membership,
            hard_state=hard_state,
            log=self._log,
            applied=applied,
            jitter=jitter,
            marks=marks,
        )
        self._repairs = Repairs(self._roles)
        self._dispatch = Dispatch(self._roles, self._repairs)
        self._transfers = Transfers(self._roles)
        self._tenure = Tenure(self._roles, self._transfers, self._roles.health)
        self._changes = Reconfiguration(
            self._roles, self._transfers, encode=encode_change
        )
        self._log.find_changes(applied)
        self._reads = self._roles.reads
        self._out = self._roles.out
        self._apply_end = applied  # the last index handed out for applying
        self._page: list[Entry] = []  # the entries handed out for applying
        self._last_ticket = Ticket(0)
        self._writes: deque[_Write] = deque()
        self._handed_hard = hard_state
        self._handed_role = self._roles.change()
        self._restored: Snapshot | None = None  # to be written with the next Ready

    # What happens to it.

    def step(self, message: Message) -> None:
        """Take a message of a peer, addressed to this node."""
        try:
            self._dispatch.step(message)
        except SlotCorruptError as error:
            self._slot_needed(error)  # the message counts as lost
        if self._roles.agreements.diverged_at is not None:
            self._diverged()

    def tick(self, elapsed: int = 1, missed: int = 0) -> None:
        """Let `elapsed` ticks pass, after `missed` ones that this process slept through."""
        roles = self._roles
        health = roles.health
        health.tick(elapsed + missed)
        health.slept(missed)
        if roles.leadership is not None:
            self._tenure.tick(roles.leadership, elapsed + missed, missed)
            self._transfers.tick(elapsed + missed)
            self._changes.tick(elapsed + missed)
        else:
            extra = _SLOW_BASES * self._options.election_base_ticks
            if roles.timer.advance(elapsed, missed, extra if health.is_slow else 0):
                is_quick = roles.is_suspecting
                roles.campaign(Cause.PEER_REFUSED if is_quick else Cause.TIMEOUT)
        self._reads.tick(elapsed)
        self._repairs.tick(elapsed)

    def propose(
        self, kind: EntryKind, payload: bytes, ts_us: int
    ) -> Proposed | Refused:
        """Append an entry as leader, or refuse: always definite. Nobody forwards (F19).

        ts_us: the leader's clock; the entry is stamped later than its predecessor in any case.
        """
        assert len(payload) <= limits.ENTRY_BYTES_MAX, len(payload)
        roles = self._roles
        leadership = roles.leadership
        if leadership is None:
            return roles.refusal()
        if roles.transfer is not None:  # T39, R17
            return Refused(Reason.TRANSFERRING, roles.transfer.to)
        if roles.is_removed:  # T54: it only waits for another leader
            return Refused(Reason.NO_LEADER, NO_NODE)
        if kind in _COMMANDS and roles.agreements.is_disputed:  # F37
            roles.marks.covers("digest.disputed")
            return Refused(Reason.DIGEST_DISPUTED, self.node_id)
        if kind in _COMMANDS and not self._tenure.has_room:  # F36, T91
            roles.marks.covers("capacity.refused")
            return Refused(Reason.NO_SPACE, self.node_id)
        if not leadership.has_room(len(payload)):
            roles.marks.covers("quota.refused")
            return Refused(Reason.UNCOMMITTED_QUOTA, self.node_id)
        entry = roles.append(leadership, kind, payload, ts_us)
        return Proposed(entry.id, entry.ts_us)

    def send_to_all(self) -> None:
        """Send what was proposed to every peer now, as if it were needed for the quorum."""
        self._roles.send_to_all()

    def change(
        self, change: Change, expected_index: Index | None = None, ts_us: int = 0
    ) -> Proposed | Refused:
        """Append a change of the membership as leader, or refuse and say why (F21).

        expected_index: `Membership.index` that the caller decided upon; None: any.
        """
        return self._changes.change(change, expected_index, ts_us)

    def request(
        self, request: Request, expected_index: Index | None = None, ts_us: int = 0
    ) -> Proposed | Refused:
        """Append the change that an operator's request means now, or refuse and say why.

        Refuses too what would leave the cluster without a quorum of voters that are heard.
        """
        return self._changes.request(request, expected_index, ts_us)

    def permit_changes(self, is_permitted: bool) -> None:
        """Say whether the state version in force knows changes of the membership (F26, T67)."""
        self._changes.is_permitted = is_permitted

    def read(self) -> ReadTicket | Refused:
        """Register a read; a later Ready names the index that answers it, or gives up."""
        if self._roles.leader == NO_NODE:
            return Refused(Reason.NO_LEADER, NO_NODE)
        if self._roles.transfer is not None:  # T39
            return Refused(Reason.TRANSFERRING, self._roles.transfer.to)
        if self._roles.agreements.is_disputed:  # F37
            return Refused(Reason.DIGEST_DISPUTED, self.node_id)
        return self._reads.register()

    def transfer(self, to: NodeId = NO_NODE) -> Transferring | Refused:
        """Hand the leadership to a voter; NO_NODE: to the one closest to taking over (F5).

        Proposals and reads are refused meanwhile, as never proposed. It is given up after one
        election base.
        """
        return self._transfers.begin(to, Cause.TRANSFER)

    def campaign(self) -> None:
        """Ask for an election now. A leader never does, nor a node without a vote (T40)."""
        self._roles.campaign(Cause.ASKED)

    def forget_leader(self) -> None:
        """Drop the known leader; term, vote and timer stay."""
        if self._roles.role is Role.FOLLOWER:
            self._roles.set_leader(NO_NODE, Cause.ASKED)

    def note(self, fact: Fact) -> None:
        """Weigh what the shell knows and no message says; each fact's class tells its effect."""
        match fact:
            case LogWritten():  # with every write; all others are rare
                self._roles.health.wrote(fact.ticks)
            case PeerLost():
                if self._roles.leadership is not None:
                    self._roles.leadership.peer_lost(fact.node_id)
                    # What was held back may be needed for the quorum now.
                    self._roles.must_flush |= self._roles.leadership.is_holding
            case PeerGreeted():
                self._roles.releases.greeted(fact)
            case PeerRefused():
                self._roles.suspect(fact.node_id)
            case Capacity():
                self._roles.health.free_bytes = fact.free_bytes
            case ApplyStopped():
                self._roles.stop_leading(Cause.APPLY_STOPPED)
            case SnapshotSent():
                if self._roles.leadership is not None:
                    self._roles.leadership.snapshot_ended(fact.node_id, ok=fact.ok)
            case SlotCorrupt():
                self._slot_corrupt(fact.index)
            case HoldingBack():
                self._roles.may_hold_back = fact.is_on
                leadership = self._roles.leadership
                if leadership is not None and not (
                    fact.is_on or self._roles.must_flush
                ):
                    leadership.held_no_longer()
            case _:
                assert_never(fact)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What the shell said that still holds: who builds a core anew has that one note it (F37).

        It would not be said again while streams last and room does not change.
        """
        free_bytes = self._roles.health.free_bytes
        room = () if free_bytes is None else (Capacity(free_bytes),)
        holding = HoldingBack(self._roles.may_hold_back)
        return (*self._roles.releases.facts, *room, holding)

    # Snapshots. F27 to F30.

    def compacted(self, first: Index) -> None:
        """Note that the stored log now starts at `first`; everything below is applied."""
        assert first - 1 <= self._roles.applied, (first, self._roles.applied)  # R3
        self._log.compacted(first)

    def snapshot_made(self, snapshot: Snapshot | None) -> None:
        """Note what can be offered to peers from now on; None: nothing any more (T90)."""
        assert snapshot is None or snapshot.index <= self._roles.applied, snapshot
        self._roles.snapshot = snapshot
        if self._roles.leadership is not None:
            self._roles.leadership.snapshot_made(snapshot)

    @property
    def wants_snapshot(self) -> bool:
        """Whether a peer needs a snapshot, and none at hand would help it: make one."""
        leadership, applied = self._roles.leadership, self._roles.applied
        return leadership is not None and leadership.wants_snapshot(applied)

    @property
    def wants_cut(self) -> bool:
        """Whether a corrupt slot waits for nothing, and the log should begin behind it (F33)."""
        return self._log.slots.may_be_cut

    def anchor_of_cut(self, first: Index) -> Anchor | None:
        """Return the entry before `first` as the leader's snapshot names it, if that is known.

        A log that is to begin there needs it where its own slot is corrupt (F33).
        """
        known = self._log.slots.superseded_by
        return known if known.at + 1 == first else None

    @property
    def offered(self) -> SnapshotOffer | None:
        """What this node should fetch and then `restore`; None: nothing, or no longer (T95)."""
        roles, offer = self._roles, self._roles.offer
        if offer is None or (offer.term, offer.sender) != (roles.term, roles.leader):
            return None
        if self.fills_state(offer.snapshot):
            return offer
        is_behind = offer.snapshot.index > roles.commit
        is_lacking = is_behind and self._log.has(offer.snapshot.anchor) is False
        return offer if is_lacking else None

    def want_state(self, index: Index) -> None:
        """Ask for the state of a snapshot at `index` or above: the own one is bad (F37)."""
        self._roles.state_wanted = index

    def fills_state(self, snapshot: Snapshot) -> bool:
        """Return whether `snapshot` is what this node asks for, and its log goes on behind it.

        Its state then takes the place of the own one, and the log stays as it is.
        """
        wanted = self._repairs.state_wanted
        if wanted is None or not wanted <= snapshot.index <= self._log.last:
            return False
        try:
            return self._log.link(snapshot.index) == snapshot.anchor.link
        except SlotCorruptError:
            # What is committed stands here, and what a successor proves.
            is_committed = snapshot.index <= self._roles.commit
            return is_committed or self._log.has(snapshot.anchor) is True

    def state_replaced(self) -> None:
        """Note that the state is a good one again: lead and serve as before."""
        roles = self._roles
        roles.may_lead = True
        roles.state_wanted = None
        roles.agreements = Agreements(self._options.checkpoint_entries)

    def restore(self, snapshot: Snapshot) -> bool:
        """Start anew behind a snapshot whose bytes were verified and are durable (F30).

        Returns whether the next Ready carries it. False: it is not needed, for it is at or below
        the commit index, or the log holds its entry, which then only moves commit (T60).
        """
        roles, index = self._roles, snapshot.index
        if roles.role is Role.LEADER or index <= roles.commit:
            return False
        offer = self.offered
        assert snapshot.id.term <= roles.term, (snapshot, roles.term)  # T4
        is_here = self._log.has(snapshot.anchor)
        if is_here is None or (is_here and not self._log.is_sure(index, roles.commit)):
            return False  # F33: what would be dropped may be what was promised
        if is_here:
            self._log.check_link(snapshot.anchor)
            roles.commit_to(index)
        else:
            roles.lose(Index(roles.applied + 1))  # T65: whatever waits is superseded
            self._log.restore(snapshot.anchor)
            roles.commit = roles.applied = self._apply_end = index
            self._page = []
            if not snapshot.membership.is_empty:  # T56; else that of the founders
                roles.membership = snapshot.membership
            if roles.role is not Role.FOLLOWER:  # T40: a ballot of another membership
                roles.become_follower(roles.term, NO_NODE, Cause.VOTE_LOST)
            self._restored = snapshot
        if offer is not None and offer.snapshot.index <= index:
            roles.accept_offer(offer)
        return self._restored is snapshot

    # What it wants done.

    def ready(self, *, may_apply: bool = True) -> Ready | None:
        """Hand out everything new since the last call, or None.

        may_apply: False keeps what is committed back, for a later call to hand out.
        """
        roles, out, reads = self._roles, self._out, self._reads
        try:
            self._flush()
            self._repairs.ask()
        except SlotCorruptError as error:
            self._slot_needed(error)
        hard, handed = self._handed_hard, self._handed_hard
        if (
            roles.commit != hard.commit
            or roles.term != hard.term
            or roles.vote != hard.vote
        ):
            hard = HardState(roles.term, roles.vote, roles.commit)
        role = self._handed_role
        if (
            roles.role is not role.role
            or roles.term != role.term
            or roles.leader != role.leader
        ):
            role = roles.change()
        has_early = bool(out.early) and roles.may_send_early()
        apply = self._next_apply() if may_apply else None
        bad = self._log.slots.first
        if bad is not None:
            out.withdraw_acks(bad)  # F33: found since it was acked
        if not (
            has_early
            or out.late
            or hard is not handed
            or apply is not None
            or self._log.has_unwritten
            or reads.has_results
            or role is not self._handed_role
            or roles.lost_from is not None
            or self._restored is not None
        ):
            return None

        assert roles.commit <= self._log.last, (roles.commit, self._log.last)  # R3
        ticket = self._last_ticket = Ticket(self._last_ticket + 1)
        entries, repairs = self._log.hand_out(ticket), self._log.slots.hand_out(ticket)
        ready = Ready(
            ticket=ticket,
            hard_state=hard if hard is not handed else None,
            entries=entries,
            # C6: a commit index alone may wait for the next write.
            must_sync=bool(entries)
            or bool(repairs)
            or self._restored is not None
            or hard.term != handed.term
            or hard.vote != handed.vote,
            send_early=out.take_early() if has_early else (),
            send_after=out.take_late(),
            apply=apply,
            reads=tuple(reads.confirmed),
            reads_failed=tuple(reads.failed),
            lost_from=roles.lost_from,
            role_change=role if role is not self._handed_role else None,
            snapshot=self._restored,
            repairs=repairs,
        )
        self._writes.append(_Write(ticket, roles.term, roles.vote))
        self._handed_hard = hard
        self._handed_role = role
        reads.confirmed.clear()
        reads.failed.clear()
        roles.lost_from = None
        self._restored = None
        return ready

    def persisted(self, ticket: Ticket) -> None:
        """Note that this Ready and all before it are durable.

        The node's own vote and own ack count from here on (C3).
        """
        roles, writes = self._roles, self._writes
        assert writes, f"ticket {ticket} was acknowledged before"
        assert writes[0].ticket <= ticket <= self._last_ticket, (writes[0], ticket)
        while writes and writes[0].ticket <= ticket:
            write = writes.popleft()
            roles.durable_vote = (write.term, write.vote)
            self._log.stored_term = write.term
        self._log.persisted(ticket)
        if roles.leadership is not None:
            roles.leadership.persisted()
            try:
                roles.advance_commit(roles.leadership)
            except SlotCorruptError as error:
                self._slot_needed(error)
        elif roles.role is Role.CANDIDATE and roles.durable_vote == (
            roles.term,
            self.node_id,
        ):
            roles.count(self.node_id, granted=True)

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        """Return committed and durable entries, cut to `bytes_max` but at least one (C4)."""
        end = min(self._roles.commit, self._log.durable)
        assert last <= end, (first, last, end)  # T6
        page = self._page
        if page and page[0].index <= first and last <= page[-1].index:
            page = page[first - page[0].index : last - page[0].index + 1]
            return _cut(page, bytes_max)
        return self._log.entries(first, last, bytes_max)

    def apply_change(self, index: Index, change: Change) -> Membership:
        """Put the change of the entry at `index` in force, and return the new membership.

        Called for every such entry that the state machine applies, in order, before `applied`
        covers it. Membership changes here and nowhere else (T53).
        """
        assert self._roles.applied < index <= self._apply_end, (index, self._apply_end)
        try:
            self._changes.applied(index, change)
        except SlotCorruptError as error:
            self._slot_needed(error)  # it is in force, and whoever led does so no more
        return self._roles.membership

    def applied(self, index: Index) -> None:
        """Note that the state machine holds everything up to `index` of the page handed out.

        The next page comes when the whole one is applied.
        """
        roles = self._roles
        assert roles.applied <= index <= self._apply_end, (
            roles.applied,
            index,
            self._apply_end,
        )
        if self._page and self._page[0].index <= index:
            entry = self._page[index - self._page[0].index]
            self._log.applied_anchor = Anchor(entry.id, entry.link, entry.ts_us)
        roles.applied = index
        self._log.forget(index)
        if index == self._apply_end:
            self._page = []
        self._changes.drive()

    @property
    def last_ts_us(self) -> int:
        """Log time of the last entry of the log, whoever stamped it; microseconds."""
        return self._log.last_ts_us

    @property
    def membership(self) -> Membership:
        """The membership in force here."""
        return self._roles.membership

    @property
    def held_by_all_voters(self) -> Index:
        """The last index that every voter is known to hold durably; 0 unless this node leads."""
        leadership = self._roles.leadership
        return NO_INDEX if leadership is None else leadership.match_of_all()

    @property
    def has_more_to_apply(self) -> bool:
        """Whether something committed and durable is not applied yet: take another turn."""
        return self._apply_until() > self._roles.applied

    @property
    def has_change_to_apply(self) -> bool:
        """Whether what is committed and not applied changes the membership (T52)."""
        return self._log.has_change(self._roles.commit)

    @property
    def unapplied(self) -> range:
        """The indexes that are committed and not applied, durable here or not."""
        roles = self._roles
        return range(roles.applied + 1, roles.commit + 1)

    @property
    def releases(self) -> Releases:
        """What the peers said of their releases; nobody but the core changes it."""
        return self._roles.releases

    def link(self, index: Index) -> bytes | None:
        """Return the chain link at index, None if it is not in the log."""
        return self._log.link(index)

    @property
    def term(self) -> Term:
        """The current term."""
        return self._roles.term

    def status(self) -> Status:
        """Return a frozen view of everything."""
        roles = self._roles
        peers = roles.leadership.peers if roles.leadership is not None else {}
        return Status(
            node_id=self.node_id,
            role=roles.role,
            term=roles.term,
            vote=roles.vote,
            leader=roles.leader,
            commit=roles.commit,
            durable=self._log.durable,
            applied=roles.applied,
            first=self._log.first,
            last=self._log.last,
            membership=roles.membership,
            peers=tuple(
                PeerStatus(
                    peer,
                    progress.mode,
                    progress.match,
                    progress.next,
                    len(progress.window),
                    progress.window_bytes,
                    progress.is_active,
                    progress.offered,
                    progress.silent_ticks,
                    progress.is_slow,
                    progress.free_bytes,
                    roles.releases.speaks(peer, SnapshotOffer),
                    progress.is_heard,
                    self._changes.rounds(peer),
                    protocol=said.protocol if said is not None else None,
                    state_versions=roles.releases.state_versions(peer),
                )
                for peer, progress in sorted(peers.items())
                for said in (roles.releases.said(peer),)
            ),
            is_slow=roles.health.is_slow,
            free_bytes=roles.health.free_bytes,
            transferring=roles.transfer.to if roles.transfer else NO_NODE,
            corrupt=self._log.slots.corrupt,
            cut_to=Index(self._log.slots.superseded_by.at + 1)
            if self._log.slots.may_be_cut
            else NO_INDEX,
            diverged_at=roles.agreements.diverged_at,
            digest=roles.agreements.now,
            checkpoints=roles.agreements.kept(_CHECKPOINTS_SHOWN),
            agreed_at=roles.agreements.agreed.index
            if roles.agreements.agreed is not None
            else NO_INDEX,
        )

    def digested(self, index: Index, digest: bytes) -> None:
        """Note the digest of the state after the entry at `index`, for each one applied (F37)."""
        self._roles.agreements.applied(index, digest)
        if self._roles.agreements.diverged_at is not None:
            self._diverged()

    @property
    def diverged_at(self) -> Index | None:
        """Where this node's state was first seen to differ from a majority's; None: nowhere."""
        return self._roles.agreements.diverged_at

    # Helpers.

    def _diverged(self) -> None:
        """Resign, if this node leads, and do not lead again: its state is not the majority's."""
        if self._roles.may_lead:
            self._roles.marks.covers("digest.diverged")
            self._roles.stop_leading(Cause.DIVERGED)

    def _flush(self) -> None:
        """Queue what the inputs since the last Ready made necessary."""
        roles, reads = self._roles, self._reads
        leadership = roles.leadership
        if leadership is None:
            if reads.is_waiting and roles.leader != NO_NODE:
                reads.ask(roles.leader, roles.term)
            return
        # T44: before the first commit of the term the commit index may be stale.
        if reads.is_waiting and self._log.term(roles.commit) != roles.term:
            roles.marks.covers("read.waits_for_first_commit")
        elif (
            reads.is_waiting
            and roles.transfer is None  # T39
            and not roles.agreements.is_disputed  # F37
        ):
            position = reads.open_position(roles.commit)
            leadership.heartbeat(roles.commit, position, timed=False)
            if reads.confirm(roles.membership, roles.term):
                roles.send_to_all()
        if roles.must_flush and roles.may_send_early():
            roles.must_flush = False
            by_tick = self._options.is_commit_told_by_tick
            tell = roles.must_tell_commit or not by_tick
            may_hold = roles.may_hold_back and not tell
            leadership.flush(roles.commit, tell_commit=tell, may_hold=may_hold)
            roles.must_tell_commit = False
        self._transfers.push()

    def _next_apply(self) -> tuple[Index, Index] | None:
        """Return the next page: committed, durable and not handed out yet (C4, T6)."""
        applied = self._roles.applied
        if self._apply_end != applied:
            return None
        end = self._apply_until()
        if end <= applied:
            return None
        first = Index(applied + 1)
        # F20, T33: a page bounds the work, never the commit index.
        try:
            page = self._log.entries(first, end, self._options.apply_bytes_max)
        except SlotCorruptError as error:
            self._slot_corrupt(Index(error.index))
            return None
        self._page = page
        self._apply_end = self._page[-1].index
        if self._apply_end < end:
            self._roles.marks.covers("apply.paged")
        return first, self._apply_end

    def _apply_until(self) -> Index:
        """Return how far entries may be applied: committed, durable, before a corrupt slot."""
        roles, log = self._roles, self._log
        end = min(roles.commit, log.durable)
        if log.slots.is_whole:
            return end
        return min(end, log.slots.sound_until(Index(roles.applied + 1)))

    # Corrupt slots. F33.

    def _slot_corrupt(self, index: Index) -> None:
        """Note that a slot is corrupt: repair it, and do not campaign meanwhile."""
        roles = self._roles
        is_news = self._log.slot_corrupt(index)
        if self._log.slots.is_whole:
            return
        if is_news:
            roles.marks.covers("slot.corrupt")
        if is_news or self._repairs.has_unasked:
            # T29: who needs the slot in each turn must not ask in each turn.
            self._repairs.noted()
        if roles.leadership is not None:
            roles.leadership.persisted()  # its own copy counts no further
        elif roles.role is not Role.FOLLOWER and self._log.slots.first is not None:
            roles.become_follower(roles.term, NO_NODE, Cause.SLOT_CORRUPT)

    def _slot_needed(self, error: SlotCorruptError) -> None:
        """Note that this node could not do what it had to: a leader resigns."""
        roles = self._roles
        self._slot_corrupt(Index(error.index))
        if roles.leadership is not None and self._log.slots.first is not None:
            roles.marks.covers("slot.resigned")
            roles.become_follower(roles.term, NO_NODE, Cause.SLOT_CORRUPT)


def _cut(page: list[Entry], bytes_max: int) -> list[Entry]:
    """Return the entries that fit, at least one."""
    for count, entry in enumerate(page):
        bytes_max -= entry.size_bytes
        if bytes_max < 0 and count:
            return page[:count]
    return page
