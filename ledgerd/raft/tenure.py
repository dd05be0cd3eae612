"""What a leader does as time passes: heartbeats, and the reasons to leave or to hand over.

It leaves at once when it may be the trouble itself: it hears no quorum (F2), it slept through an
election base (T83, T84), or nothing commits although a quorum answers (F7). It hands over, without
a gap, when another voter would lead better: its own disk is slow (F8), its own room is low (F36),
its state has waited long for a corrupt slot (F33), or a voter of higher priority has caught up
(L1). Each step-down names its cause.
"""

from collections.abc import Callable
from typing import Final

from ledgerd.raft.entries import NO_NODE, NodeId
from ledgerd.raft.health import Health, is_low
from ledgerd.raft.progress import Mode, Progress
from ledgerd.raft.quorum import Vote, joint_vote
from ledgerd.raft.ready import Cause, Transferring
from ledgerd.raft.replication import Leadership
from ledgerd.raft.roles import Roles
from ledgerd.raft.transfer import Transfers

_STUCK_BASES: Final = 2  # F7
_REST_BASES: Final = 4  # before and between transfers that nobody asked for


class Tenure:
    """Moves the leadership of one node on. Its counters belong to one term of office."""

    __slots__ = (
        "_health",
        "_led_ticks",
        "_progress",
        "_rest_ticks",
        "_roles",
        "_stuck_ticks",
        "_term",
        "_transfers",
        "_waiting_ticks",
    )

    def __init__(self, roles: Roles, transfers: Transfers, health: Health) -> None:
        self._roles = roles
        self._transfers = transfers
        self._health = health
        self._term = 0  # the counters below are of this one
        self._led_ticks = 0
        self._rest_ticks = 0
        self._stuck_ticks = 0
        self._waiting_ticks = 0
        self._progress = 0

    @property
    def has_room(self) -> bool:
        """Whether a quorum of the voters has room for more commands (F36)."""
        roles, leadership = self._roles, self._roles.leadership
        assert leadership is not None
        low = [
            peer
            for peer, progress in leadership.peers.items()
            if is_low(progress.free_bytes, roles.options)
        ]
        if not low and not self._health.is_low:
            return True
        votes = {peer: peer not in low for peer in leadership.peers}
        votes[roles.node_id] = not self._health.is_low
        membership = roles.membership
        return joint_vote(membership.voters, membership.outgoing, votes) is Vote.WON

    def tick(self, leadership: Leadership, ticks: int, missed: int) -> None:
        """Let time pass for a leader; `missed` of `ticks` this process slept through."""
        roles = self._roles
        if roles.term != self._term:
            self._term = roles.term
            self._led_ticks = self._stuck_ticks = self._waiting_ticks = 0
            self._rest_ticks = _REST_BASES * roles.options.election_base_ticks
        leadership.tick(ticks)
        roles.quorum_ticks += ticks
        roles.heartbeat_ticks += ticks
        self._led_ticks += ticks
        self._rest_ticks = max(0, self._rest_ticks - ticks)
        self._count_stuck(leadership, ticks)
        self._count_waiting(ticks)
        base = roles.options.election_base_ticks
        if roles.quorum_ticks >= base:
            roles.quorum_ticks = 0
            leadership.race_soon()
            cause = self._cause_to_leave(leadership, has_slept=missed >= base)
            if cause is not None and roles.rules.check_quorum:
                self._leave(cause)
                return
        if roles.heartbeat_ticks >= roles.options.heartbeat_ticks:
            roles.heartbeat_ticks = 0
            agreements = roles.agreements
            agreements.ticked()
            leadership.heartbeat(
                roles.commit,
                roles.reads.position,
                timed=True,
                checkpoint=agreements.checkpoint(),
                agreed=agreements.agreed,
            )
        roles.send_to_all()
        self._offer(leadership)

    def _cause_to_leave(
        self, leadership: Leadership, *, has_slept: bool
    ) -> Cause | None:
        """Return why a leader must go, once in an election base; None: it may stay."""
        if not leadership.take_activity():
            return Cause.NO_QUORUM
        if self._roles.membership.all_voters == (self._roles.node_id,):
            return None
        if has_slept:
            return Cause.LAG
        base = self._roles.options.election_base_ticks
        return Cause.STUCK if self._stuck_ticks >= _STUCK_BASES * base else None

    def _leave(self, cause: Cause) -> None:
        roles = self._roles
        if cause is Cause.LAG:
            roles.marks.covers("leader.lag")
        elif cause is Cause.NO_QUORUM:
            roles.marks.covers("leader.no_quorum")
        roles.become_follower(roles.term, NO_NODE, cause)
        if cause is Cause.STUCK:  # F7: somebody else shall try first
            roles.timer.hold(roles.options.election_base_ticks)

    def _count_stuck(self, leadership: Leadership, ticks: int) -> None:
        """Count ticks in which nothing committed and no peer got further (F7).

        A peer that is being brought up is progress: a new leader would begin with it anew.
        """
        progress = self._roles.commit + sum(
            [peer.match for peer in leadership.peers.values()]
        )
        is_idle = self._roles.log.last == self._roles.commit
        is_sending_state = any(
            peer.mode is Mode.SNAPSHOT for peer in leadership.peers.values()
        )
        if is_idle or progress != self._progress or is_sending_state:
            self._progress = progress
            self._stuck_ticks = 0
        else:
            self._stuck_ticks += ticks

    def _count_waiting(self, ticks: int) -> None:
        """Count ticks in which the state could not go on for a corrupt slot (F33).

        Others may have cut it away. Then only a state helps, which a leader offers and nobody else.
        """
        roles = self._roles
        corrupt = roles.log.slots.corrupt
        if any(roles.applied < slot <= roles.commit for slot in corrupt):
            self._waiting_ticks += ticks
        else:
            self._waiting_ticks = 0

    # Handing over.

    def _offer(self, leadership: Leadership) -> None:
        """Hand over to a voter that would lead better, if there is one."""
        roles, health = self._roles, self._health
        if roles.transfer is not None or self._rest_ticks > 0:
            return
        # A peer mends most slots in less; the rest may be over long before a slot is found.
        if self._waiting_ticks >= _REST_BASES * roles.options.election_base_ticks:
            self._hand_over(leadership, Cause.SLOT_CORRUPT, lambda _: True)
        elif health.is_slow:
            self._hand_over(leadership, Cause.SLOW, lambda _: True)
        elif health.is_low:
            self._hand_over(leadership, Cause.LOW_SPACE, lambda _: True)
        elif self._led_ticks >= roles.options.priority_ticks and roles.membership.nodes:
            own = roles.priority(roles.node_id)
            self._hand_over(
                leadership, Cause.PRIORITY, lambda peer: roles.priority(peer) > own
            )

    def _hand_over(
        self, leadership: Leadership, cause: Cause, is_better: Callable[[NodeId], bool]
    ) -> None:
        roles = self._roles

        def is_eligible(peer: NodeId, progress: Progress) -> bool:
            is_fit = not (
                progress.is_slow or is_low(progress.free_bytes, roles.options)
            )
            return (
                is_better(peer)
                and progress.has_reported  # or two slow nodes would take turns
                # Whose state waits answers nothing, and does not come back before it has one.
                and (is_fit or cause is Cause.SLOT_CORRUPT)
                and progress.mode is Mode.REPLICATE
                and leadership.is_caught_up(progress, roles.commit)
            )

        target = self._transfers.best_target(is_eligible)
        if target != NO_NODE and isinstance(
            self._transfers.begin(target, cause), Transferring
        ):
            self._rest_ticks = _REST_BASES * roles.options.election_base_ticks
