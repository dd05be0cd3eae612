"""What a node does about corrupt slots of its log, and for the peers that have some. F33, F34, T16.

What may be committed is never cut away (T15): it is fetched. A slot whose successor is intact is
proven by the successor's link, so any peer may send it, in any term, leader or not; the slot that
was applied last is proven by the state. The last slot of a log has no successor: if it is not
applied it comes from the leader, which is told by `AppendRejected.corrupt_from` that it must send
again from there. The same is the way out when no peer can help. While nobody leads, or the leader
has cut what comes before it, peers are asked for it, too, if this node remembers what stood there.
"""

from typing import Final

from ledgerd.errors import SlotCorruptError
from ledgerd.raft.entries import (
    NO_INDEX,
    NO_NODE,
    Anchor,
    Entry,
    EntryId,
    Index,
    NodeId,
    Role,
)
from ledgerd.raft.log import RaftLog
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Heartbeat,
    RepairReply,
    RepairRequest,
)
from ledgerd.raft.replication import Merged, follow
from ledgerd.raft.roles import Roles
from ledgerd.raft.slots import Run

RUNS_MAX: Final = 16  # requests under way at a time
RUN_SLOTS_MAX: Final = 64  # slots of one request
ROUNDS_MAX: Final = 2  # how often each peer is asked before the leader must help


class Repairs:
    """Asks peers for what is corrupt here, and serves those that ask. One node's."""

    __slots__ = (
        "_asked",
        "_cursor",
        "_denied",
        "_has_helped",
        "_is_due",
        "_offered_in_vain_at",
        "_roles",
        "_ticks",
        "_tries",
        "_vain",
    )

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._asked: set[Index] = set()  # ends of runs whose reply is awaited
        self._tries: dict[Index, int] = {}  # by end of run: since anything came
        self._denied: set[Index] = set()  # ends of runs that a peer said it lacks
        self._cursor = 0
        self._offered_in_vain_at = NO_INDEX  # the leader's snapshot, which did not help
        self._ticks = 0
        self._is_due = True
        self._has_helped = False  # a reply of this round mended something
        self._vain = 0  # rounds in a row that mended nothing, in no time

    # Asking.

    def tick(self, elapsed: int) -> None:
        """Ask again, and somebody else, what was not answered for two heartbeats."""
        if self._roles.log.slots.first is None:
            self._forget_mended()
            return
        self._ticks += elapsed
        if self._ticks >= 2 * self._roles.options.heartbeat_ticks:
            self._vain = 0
            self._again()

    def ask(self) -> None:
        """Queue requests for what is corrupt and proven by its successor, if it is time."""
        log = self._roles.log
        if not self._is_due or log.slots.first is None:
            return
        self._is_due = False
        self._leave_behind()
        roles, peers = self._roles, self._peers()
        # A node that knows no peers yet asks in vain, and so comes to tell its leader.
        to = peers[self._cursor % len(peers)] if peers else NO_NODE
        for run in log.slots.runs()[:RUNS_MAX]:
            if run.last in self._asked:
                continue
            if self._is_provable(run):
                self._tries[run.last] = self._tries.get(run.last, 0) + 1
                self._request(to, run)
            elif log.is_end_known and (
                # A leader sends it. But this node may be to lead, or the leader has cut its first.
                roles.leader == NO_NODE or run.first <= self._offered_in_vain_at
            ):
                self._request(to, run)

    def _is_provable(self, run: Run) -> bool:
        """Return whether what a peer sends for the end of the run can be told from a lie."""
        log = self._roles.log
        return run.last < log.last or log.is_in_state(run.last)

    def _peers(self) -> list[NodeId]:
        """Return whom to ask: everybody else who understands the question."""
        roles = self._roles
        return [
            peer
            for peer in roles.membership.members
            if peer != roles.node_id and roles.releases.speaks(peer, RepairRequest)
        ]

    def noted(self) -> None:
        """Ask soon: a slot was found corrupt."""
        self._is_due = True

    @property
    def has_unasked(self) -> bool:
        """Whether a slot that can be proven was not asked for yet."""
        runs = self._roles.log.slots.runs()[:RUNS_MAX]  # the others wait for these
        return any(self._is_provable(r) and r.last not in self._tries for r in runs)

    def needs_leader(self) -> bool:
        """Return whether the first corrupt slot can only come from the leader.

        It may be uncommitted, so that its old ack must not count any longer; or nothing proves
        it; or every peer was asked in vain.
        """
        roles = self._roles
        runs = roles.log.slots.runs()
        if not runs:
            return False
        run = runs[0]
        rounds = ROUNDS_MAX * max(1, len(roles.membership.members) - 1)
        return (
            run.first > roles.commit
            or run.last == roles.log.last
            or self._tries.get(run.last, 0) >= rounds
        )

    @property
    def state_wanted(self) -> Index | None:
        """At or above which index a snapshot would help; None: none is needed.

        A slot that nobody has any more, and that is not applied yet, was compacted by all others.
        Slots at the end can only come from the leader, so it is enough that it has cut one of them.
        """
        roles = self._roles
        if roles.state_wanted is not None:
            # A snapshot must join the own log, which may have been cut since.
            return max(roles.state_wanted, roles.log.anchor.at)
        runs = [run for run in roles.log.slots.runs() if run.last > roles.applied]
        if not runs:
            return None
        rounds = ROUNDS_MAX * max(1, len(roles.membership.members) - 1)
        is_given_up = self._tries.get(runs[0].last, 0) >= 2 * rounds
        end, offered_at = runs[-1], self._offered_in_vain_at
        is_cut = max(end.first, roles.applied + 1) <= offered_at
        if is_cut and not self._is_provable(end) and (is_given_up or len(runs) == 1):
            # What is committed stands here in one way only; behind the last slot nothing is lost.
            # And with the leader's first entry of a newer term than all of these the logs part.
            if offered_at <= roles.commit:
                return offered_at
            if roles.term > roles.log.last_id.term:
                return Index(offered_at + 1)
            return end.last
        return runs[0].last if is_given_up else None

    def offered_in_vain(self, index: Index) -> None:
        """Note that the leader has a snapshot at `index`, and no entries up to it any more."""
        self._offered_in_vain_at = index

    @property
    def snapshot_wanted(self) -> Index:
        """What a reply to a heartbeat asks for: see `state_wanted`; NO_INDEX: nothing."""
        return self.state_wanted or NO_INDEX

    def tell_leader(self, message: Heartbeat) -> None:
        """Answer a heartbeat: nothing from the first corrupt slot on counts as acked."""
        roles = self._roles
        if not self.needs_leader():
            return
        roles.out.send(
            rejected(roles.log, message, prev=roles.log.last_id, stream=0, sequence=0)
        )

    def _leave_behind(self) -> None:
        """Let the log begin behind a slot that every peer was asked for in vain (F33).

        They have cut it away, and so may we: our own state holds what its entry did. Whoever still
        lacks it gets a snapshot. A follower waits for that of its leader, see `Dispatch`; where
        there is none, it may be this very slot that keeps the node from asking for votes.
        A lone node has nobody to ask, and would count its own copy of nothing that follows.
        Silence is no answer: a node that is cut off leaves nothing behind. Nor does one that may
        not lead, for its state may be what is bad, and others' slots may be in its log alone (F37).
        """
        roles = self._roles
        log = roles.log
        is_led = roles.role is not Role.LEADER and roles.leader != NO_NODE
        if is_led or not roles.may_lead:
            return
        is_alone = roles.membership.members == (roles.node_id,)
        rounds = ROUNDS_MAX * max(1, len(roles.membership.members) - 1)
        behind: Anchor | None = None
        for run in log.slots.runs():
            after = Index(run.last + 1)
            is_vain = is_alone or (
                run.last in self._denied and self._tries.get(run.last, 0) >= rounds
            )
            if not is_vain:
                break
            if after > roles.applied:
                # The slot is the last that was applied: its entry is known from that.
                if log.applied_anchor is not None and log.applied_anchor.at == run.last:
                    behind = log.applied_anchor
                break
            try:
                (entry,) = log.entries(after, after, 0)
            except SlotCorruptError as error:
                log.slot_corrupt(Index(error.index))
                break
            behind = Anchor(entry.id, entry.link, entry.ts_us)
        if behind is not None:
            log.slots.superseded_by = behind

    def _request(self, to: NodeId, run: Run) -> None:
        roles = self._roles
        first = max(run.first, Index(run.last - RUN_SLOTS_MAX + 1))
        # Behind the last entry nothing stands that has a link: the state proves the reply.
        link = roles.log.link(Index(run.last + 1)) or bytes(len(roles.log.anchor.link))
        self._asked.add(run.last)
        if to != NO_NODE:
            roles.out.send(
                RepairRequest(roles.node_id, to, roles.term, first, run.last, link)
            )

    def _again(self) -> None:
        """Begin another round, with the next peer."""
        self._forget_mended()
        self._ticks = 0
        self._asked.clear()
        self._cursor += 1
        self._is_due = True

    def _forget_mended(self) -> None:
        """Forget what was asked for slots that are whole by now: they may rot again."""
        ends = {run.last for run in self._roles.log.slots.runs()}
        self._tries = {end: n for end, n in self._tries.items() if end in ends}
        self._denied &= ends

    # Being answered.

    def answered(self, message: RepairReply) -> None:
        """Mend what the reply proves; drop the rest.

        When a round is over the next peer is asked at once, but each of them once only, before
        time has passed: a slot that nobody has would else be asked for in a loop (T29).
        """
        log = self._roles.log
        was_asked = message.last in self._asked
        self._asked.discard(message.last)
        if not self._is_chain(message):
            self._roles.marks.covers("slot.unproven")
        else:
            for entry in reversed(message.entries):
                if entry.index not in log.slots or not log.is_proven(entry):
                    break
                if not log.joins(entry) and not self._is_right(entry):
                    self._roles.marks.covers("slot.unproven")
                    break
                log.mend(entry)
                self._tries.pop(message.last, None)
                self._has_helped = True
        if message.last in log.slots:
            self._denied.add(message.last)
        if was_asked and not self._asked:
            self._vain = 0 if self._has_helped else self._vain + 1
            self._has_helped = False
            if self._vain < len(self._peers()):
                self._again()

    def _is_right(self, entry: Entry) -> bool:
        """Return whether a proven entry takes its slot though another history stands before it.

        Below the commit index there is one history, that of a state that was fetched meanwhile:
        what stands before the slot is the wrong one, and is to be mended first. None is left to
        mend where the log begins.
        """
        log, before = self._roles.log, Index(entry.index - 1)
        if entry.index >= self._roles.commit and not log.is_in_state(entry.index):
            return False
        if before < log.first:
            return True
        if log.slots.note(before):
            self._has_helped = True  # ask at once for both
        return False

    def _is_chain(self, message: RepairReply) -> bool:
        """Return whether the entries end at `last` and each links to the one before.

        The first of them, where the sender left that open, to what stands before it here. Where
        that is corrupt as well nothing shows what the first one is: whoever has both may tell.
        """
        if not message.entries or message.entries[-1].index != message.last:
            return False
        index = message.entries[0].index
        link = message.prev_link
        if not any(link):
            link = self._link_before(index)
            if not link:
                return False
        for entry in message.entries:
            if entry.index != index:
                return False
            if self._roles.log.link_after(link, entry) != entry.link:
                return False
            link, index = entry.link, Index(index + 1)
        return True

    # Serving.

    def serve(self, message: RepairRequest) -> None:
        """Send the slots asked for, the last ones if not all fit; none if they are not here.

        Whatever follows here: histories may part right behind the slot, and who asks can tell what
        is its own (F34). Where the slot before them is corrupt here, its link is left open.
        """
        roles = self._roles
        entries = self._entries(message)
        roles.marks.covers("slot.served" if entries else "slot.not_served")
        prev_link = self._link_before(entries[0].index) if entries else b""
        roles.out.send(
            RepairReply(
                roles.node_id,
                message.sender,
                roles.term,
                message.last,
                prev_link or bytes(len(message.link)),
                entries,
            )
        )

    def _entries(self, message: RepairRequest) -> tuple[Entry, ...]:
        """Return neighbours that end at the request's last, as many as fit one message."""
        log = self._roles.log
        found: list[Entry] = []
        bytes_left = self._roles.options.append_bytes_max
        try:
            index = message.last
            while max(message.first, log.first) <= index <= log.last:
                (entry,) = log.entries(index, index, 0)
                bytes_left -= entry.size_bytes
                if (found and bytes_left < 0) or len(found) >= RUN_SLOTS_MAX:
                    break
                found.append(entry)
                index = Index(index - 1)
        except SlotCorruptError as error:
            log.slot_corrupt(
                Index(error.index)
            )  # damaged here too: send what is below it
        return tuple(reversed(found))

    def _link_before(self, index: Index) -> bytes:
        try:
            return self._roles.log.link(Index(index - 1)) or b""
        except SlotCorruptError as error:
            self._roles.log.slot_corrupt(Index(error.index))
            return b""


def follow_damaged(
    log: RaftLog, message: AppendEntries, commit: Index, *, needs_leader: bool
) -> Merged:
    """Do what `follow` does, with a log that has corrupt slots.

    Nothing from the first of them on is acknowledged. A message that brings it mends it. Else the
    leader is told to send from there, if only it can; and while peers may answer, new entries are
    stored and their ack waits for the repair.
    """
    bad = log.slots.first
    assert bad is not None, "the log is whole"
    message = _from_first(log, message)
    prev = message.prev
    last = Index(prev.index + len(message.entries))
    if prev.index < bad <= last and log.matches(prev):
        replaced = log.merge(prev, message.prev_link, message.entries, commit)
        reached = max(commit, min(message.commit, last))
        return Merged(_accepted(log, message, last), reached, replaced)
    if prev.index < bad:
        merged = follow(log, message, commit)
        if not isinstance(merged.reply, AppendAccepted):
            return merged
        accepted = _accepted(log, message, merged.reply.match)
        return Merged(accepted, merged.commit, merged.replaced_from)
    if needs_leader:
        reply = rejected(
            log,
            message,
            prev=prev,
            stream=message.stream,
            sequence=message.sequence,
        )
        return Merged(reply, commit, None)
    if prev.index in log.slots:
        return Merged(None, commit, None)
    merged = follow(log, message, commit)
    if isinstance(merged.reply, AppendAccepted):
        log.marks.covers("slot.ack_withheld")
        reached = merged.commit if log.is_sure(merged.commit, commit) else commit
        return Merged(None, reached, merged.replaced_from)
    return merged


def _accepted(log: RaftLog, message: AppendEntries, match: Index) -> AppendAccepted:
    """Acknowledge no further than the first slot that is still corrupt (F33)."""
    bad = log.slots.first
    return AppendAccepted(
        message.to,
        message.sender,
        message.term,
        match if bad is None else min(match, Index(bad - 1)),
        message.stream,
        message.sequence,
    )


def rejected(
    log: RaftLog,
    message: AppendEntries | Heartbeat,
    *,
    prev: EntryId,
    stream: int,
    sequence: int,
) -> AppendRejected:
    """Return what tells the leader to send again from the first corrupt slot."""
    bad = log.slots.first
    assert bad is not None, "the log is whole"
    log.marks.covers("slot.rejected")
    before = Index(bad - 1)
    term = log.term(before)
    assert term is not None, before
    return AppendRejected(
        message.to,
        message.sender,
        message.term,
        prev,
        EntryId(term, before),  # for a leader that knows no `corrupt_from`
        stream,
        sequence,
        bad,
    )


def _from_first(log: RaftLog, message: AppendEntries) -> AppendEntries:
    """Leave out of a message what this log has compacted."""
    gone = log.first - 1 - message.prev.index
    if gone <= 0 or gone > len(message.entries):
        return message
    before = message.entries[gone - 1]
    return AppendEntries(
        message.sender,
        message.to,
        message.term,
        before.id,
        before.link,
        message.entries[gone:],
        message.commit,
        message.stream,
        message.sequence,
    )
