"""Changes of the membership in one node: proposing them, and what follows from applying one.

A change is an entry like any other and is in force when it is applied, on every node at the same
index (F21, T53). One is in flight at a time, guarded by index (T51). What a membership itself asks
for is proposed by whoever leads, again and again until it is applied: leaving a joint membership
(T55), promoting a learner that keeps pace (F23, F24), recording the founders and the stores of
nodes that were met (F25).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from ledgerd.errors import Reason, SlotCorruptError
from ledgerd.raft.catch_up import CatchUp, Verdict
from ledgerd.raft.changes import (
    Change,
    Flaw,
    Found,
    LeaveJoint,
    Op,
    OpKind,
    Simple,
    changed,
    reused_id,
)
from ledgerd.raft.entries import NO_NODE, EntryKind, Index, NodeId, Role
from ledgerd.raft.membership import UNKNOWN_STORE, Membership, NodeRecord, Plan
from ledgerd.raft.progress import Mode
from ledgerd.raft.quorum import Vote, joint_vote
from ledgerd.raft.ready import Cause, Proposed, Refused
from ledgerd.raft.replication import Leadership
from ledgerd.raft.requests import Request, change_for, given_up, promoted
from ledgerd.raft.roles import Roles
from ledgerd.raft.transfer import Transfers

ChangeEncoder: TypeAlias = Callable[[Change], bytes]


def no_encoder(change: Change) -> bytes:
    """Fail: this core was made without a way to write changes down."""
    raise AssertionError(f"a core without an encoder cannot propose {change}")


class Reconfiguration:
    """Proposes changes and takes note of those applied. Shares the roles of its core.

    is_permitted: every member's release applies entries that change the membership (F26).
    """

    __slots__ = (
        "_encode",
        "_leadership",
        "_roles",
        "_rounds",
        "_transfers",
        "is_permitted",
    )

    def __init__(
        self, roles: Roles, transfers: Transfers, *, encode: ChangeEncoder
    ) -> None:
        self._roles = roles
        self._transfers = transfers
        self._encode = encode
        self.is_permitted = True
        self._rounds: dict[NodeId, CatchUp] = {}
        self._leadership: Leadership | None = None  # the one that the rounds are of

    # What an operator asks for.

    def request(
        self, request: Request, expected_index: Index | None, ts_us: int
    ) -> Proposed | Refused:
        """Propose what the request means now, or refuse it and say why."""
        roles = self._roles
        if roles.leadership is None:
            return roles.refusal()
        if roles.membership.index == 0 and self.is_permitted:
            return self._flawed(Flaw.NOT_FOUNDED)
        if expected_index is not None and expected_index != roles.membership.index:
            return Refused(Reason.MEMBERSHIP_MOVED, roles.node_id)  # T57
        change = change_for(roles.membership, request)
        if isinstance(change, Flaw):
            return self._flawed(change)
        if not self._leaves_a_quorum(change):
            return self._flawed(Flaw.QUORUM_AT_RISK)
        return self.change(change, expected_index, ts_us)

    def change(
        self, change: Change, expected_index: Index | None, ts_us: int
    ) -> Proposed | Refused:
        """Append the entry of a change, if the membership is still the expected one."""
        roles = self._roles
        if roles.leadership is None:
            return roles.refusal()
        if not self.is_permitted:
            return Refused(Reason.STATE_VERSION, roles.node_id)  # T67
        if roles.transfer is not None:  # T39, R17
            return Refused(Reason.TRANSFERRING, roles.transfer.to)
        membership = roles.membership
        is_founded = membership.index > 0 or not membership.nodes
        if not is_founded and not isinstance(change, Found):
            # Its records stand in files that differ, and would become those of all (F25).
            return self._flawed(Flaw.NOT_FOUNDED)
        if expected_index is not None and expected_index != membership.index:
            return Refused(Reason.MEMBERSHIP_MOVED, roles.node_id)  # T57
        if self._is_in_flight(roles.leadership):
            return Refused(Reason.CHANGE_IN_FLIGHT, roles.node_id)  # T51
        after = changed(membership, change, Index(roles.log.last + 1))
        if isinstance(after, Flaw):
            return self._flawed(after)
        if reused_id(membership, change) is not None:
            return self._flawed(Flaw.ID_USED)  # T13
        return self._append(roles.leadership, change, ts_us)

    def _flawed(self, flaw: Flaw) -> Refused:
        return Refused(Reason.CHANGE_REFUSED, self._roles.node_id, flaw)

    def _is_in_flight(self, leadership: Leadership) -> bool:
        """Return whether an earlier change may be unapplied (T51).

        A new leader's guard is its last index, its empty entry included, so that nothing changes
        before an entry of its own term is committed (T50).
        """
        return self._roles.applied < leadership.change_guard

    def _append(self, leadership: Leadership, change: Change, ts_us: int) -> Proposed:
        payload = self._encode(change)
        entry = self._roles.append(leadership, EntryKind.MEMBERSHIP, payload, ts_us)
        leadership.change_guard = entry.index
        # Who is removed hears of it from this leader or nobody, and only if it has the entry.
        self._roles.send_to_all()
        return Proposed(entry.id, entry.ts_us)

    def _leaves_a_quorum(self, change: Change) -> bool:
        """Return whether the voters after `change` could decide, as far as this leader hears."""
        roles = self._roles
        assert roles.leadership is not None
        after = changed(roles.membership, change, Index(roles.log.last + 1))
        if isinstance(after, Flaw) or after.all_voters == roles.membership.all_voters:
            return True  # a flaw is refused by its own name
        votes = {
            peer: p.is_heard and p.has_answered
            for peer, p in roles.leadership.peers.items()
        }
        votes[roles.node_id] = True
        return joint_vote(after.voters, after.outgoing, votes) is Vote.WON

    # What was applied.

    def applied(self, index: Index, change: Change) -> Membership:
        """Put the change of the applied entry at `index` in force, and return the membership.

        The only place where a membership changes (T53).
        """
        roles = self._roles
        before = roles.membership
        assert index > before.index, (index, before)
        after = changed(before, change, index)
        # Whoever proposed it had applied all changes before it (T51), so it is legal here too.
        assert isinstance(after, Membership), (index, change, after)
        roles.membership = after
        if roles.leadership is not None:
            self._lead(roles.leadership, after)
        elif roles.role is not Role.FOLLOWER:
            # T40, T52: votes asked for under another membership decide nothing.
            roles.become_follower(roles.term, NO_NODE, Cause.VOTE_LOST)
        return after

    def _lead(self, leadership: Leadership, membership: Membership) -> None:
        """Let the leader's view follow; a smaller quorum may have decided something already."""
        roles = self._roles
        leadership.dismiss(membership, roles.commit)
        leadership.reconfigure(membership, next_=roles.log.last)
        roles.advance_commit(leadership)
        roles.reads.confirm(membership, roles.term)  # T46
        roles.send_to_all()
        transfer = roles.transfer
        if transfer is not None and transfer.to not in membership.voters:
            roles.transfer = None
        planned = {plan.node_id for plan in membership.plans}
        for gone in self._rounds.keys() - planned:
            del self._rounds[gone]
        if roles.is_removed:
            roles.marks.covers("member.leader_removed")

    # What the membership asks for.

    def tick(self, ticks: int) -> None:
        """Let time pass for a leader: rounds end, and a removed leader leaves."""
        roles = self._roles
        leadership = roles.leadership
        if leadership is None:
            return
        if roles.is_removed:
            self._leave_office(leadership, ticks)
            return
        self._tick_rounds(leadership, ticks)
        self.drive()

    def _leave_office(self, leadership: Leadership, ticks: int) -> None:
        """Hand over, or if nobody takes over in time, leave (F6, T54)."""
        roles = self._roles
        leadership.removed_ticks += ticks
        if leadership.removed_ticks >= roles.options.election_base_ticks:
            roles.become_follower(roles.term, NO_NODE, Cause.REMOVED)

    def drive(self) -> None:
        """Propose the next thing that the membership asks for, if nothing is in flight."""
        roles = self._roles
        leadership = roles.leadership
        if leadership is None or self._is_in_flight(leadership):
            return
        if not self.is_permitted:
            return
        if roles.is_removed:
            if roles.transfer is None and leadership.removed_ticks == 0:
                self._transfers.begin(NO_NODE, Cause.REMOVED)
            return
        if roles.transfer is not None:
            return
        change = self._wanted(leadership)
        if change is not None:
            self._append(leadership, change, 0)

    def _wanted(self, leadership: Leadership) -> Change | None:
        membership = self._roles.membership
        if membership.is_joint:
            return self._leave(membership)
        if membership.index == 0:
            return self._founding(membership)
        met = [renewed for node in membership.nodes if (renewed := self._met(node))]
        if met:
            return Simple(tuple(Op(OpKind.UPDATE, n.node_id, n) for n in met))
        for plan in membership.plans:
            change = self._judged(leadership, plan)
            if change is not None:
                return change
        return None

    def _leave(self, membership: Membership) -> Change | None:
        roles = self._roles
        if not membership.auto_leave:
            return None
        try:
            if roles.log.term(membership.index) != roles.term:
                roles.marks.covers("member.joint_left_by_later_leader")
        except SlotCorruptError as error:
            roles.log.slot_corrupt(Index(error.index))  # who leaves does not need it
        return LeaveJoint()

    def _judged(self, leadership: Leadership, plan: Plan) -> Change | None:
        """Return what the rounds of a learner say is to be done, None: wait."""
        rounds = self._rounds.get(plan.node_id)
        verdict = rounds.verdict if rounds is not None else Verdict.GOES_ON
        if verdict is Verdict.TOO_SLOW:
            self._roles.marks.covers("member.too_slow")
            return given_up(plan)
        progress = leadership.peers.get(plan.node_id)
        is_heard = progress is not None and progress.is_heard
        if verdict is Verdict.KEEPS_PACE and is_heard:
            change = promoted(self._roles.membership, plan)
            return change if self._leaves_a_quorum(change) else None
        return None

    def _founding(self, membership: Membership) -> Change | None:
        """Return the change that records the founders, once all were met (F25)."""
        nodes = []
        for node in membership.nodes:
            known = self._met(node) or node
            if known.store_uuid == UNKNOWN_STORE:
                return None
            nodes.append(known)
        return Found(tuple(nodes)) if nodes else None

    def _met(self, node: NodeRecord) -> NodeRecord | None:
        """Return the record with what the node said of itself, None if that is no news."""
        said = self._roles.releases.said(node.node_id)
        if said is None or said.store_uuid == UNKNOWN_STORE:
            return None
        if (
            node.store_uuid != UNKNOWN_STORE
            and node.version_min == said.state_version_min
            and node.version_max == said.state_version_max
        ):
            return None
        return replace(
            node,
            store_uuid=node.store_uuid or said.store_uuid,
            version_min=said.state_version_min,
            version_max=said.state_version_max,
        )

    def _tick_rounds(self, leadership: Leadership, ticks: int) -> None:
        roles, options = self._roles, self._roles.options
        if leadership is not self._leadership:
            self._leadership = leadership
            self._rounds = {}
        for node_id, _ in roles.membership.plans:
            progress = leadership.peers.get(node_id)
            if progress is None:
                continue  # this node itself, where published rules let it lead on
            rounds = self._rounds.setdefault(node_id, CatchUp())
            rounds.tick(
                ticks,
                match=progress.match,
                last=roles.log.last,
                is_paused=progress.mode not in (Mode.PROBE, Mode.REPLICATE),
                short_ticks=options.election_base_ticks,
                round_ticks_max=options.catch_up_round_ticks_max,
                rounds_max=options.catch_up_rounds_max,
            )

    def rounds(self, node_id: NodeId) -> int:
        """Return the round of catching up a learner is in; 0 before it answered."""
        rounds = self._rounds.get(node_id)
        return rounds.round if rounds is not None else 0
