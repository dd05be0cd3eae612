"""Bugs of membership: who leaves a joint membership, who changes it when."""

from dataclasses import replace
from typing import Any, Final

from ledgerd.replica.compaction import LogBounds
from ledgerd.simulation.swarm import Setup
from tests.simulation.mutations.plant import Function, Plant


def _stay_joint(leave: Function) -> Function:
    """Never propose the end of a joint membership."""
    del leave

    def stay(self: Any, membership: Any) -> None:
        return None

    return stay


def _allow_many(is_guarded: Function) -> Function:
    """Propose a change while another is not applied (T51)."""
    del is_guarded

    def free(self: Any, leadership: Any) -> bool:
        return False

    return free


def _leave_only_the_own(wanted: Function) -> Function:
    """Leave a joint membership only as the leader that proposed it (T55)."""

    def own(self: Any, leadership: Any) -> Any:
        roles = self._roles
        membership = roles.membership
        if membership.is_joint and roles.log.term(membership.index) != roles.term:
            return None
        return wanted(self, leadership)

    return own


def _see_no_change(has_change: Function) -> Function:
    """Campaign whatever is committed and not applied (T52)."""
    del has_change

    def nothing(self: Any, last: Any) -> bool:
        return False

    return nothing


def _keep_the_old_members(restore: Function) -> Function:
    """Take the state of a snapshot, and not the members that it was made with (T56)."""

    def without(self: Any, snapshot: Any) -> Any:
        before = self._roles.membership
        is_restored = restore(self, snapshot)
        self._roles.membership = before
        return is_restored

    return without


def _short_logs(setup: Setup) -> Setup:
    """Who was away comes back by a copy of the state, while members come and go."""
    return replace(
        _churn(setup),
        bounds=LogBounds(keep_bytes=1, keep_entries=1, cap_bytes=1, patience_ticks=0),
        faults=("add_node", "remove_node", "replace_node", "partition", "crash"),
    )


def _slow_apply(setup: Setup) -> Setup:
    """Members come and go, leaders hand over, and entries are applied one in a turn."""
    return replace(
        _churn(setup),
        faults=("add_node", "remove_node", "replace_node", "transfer", "crash_all"),
        options=replace(setup.options, apply_bytes_max=1),
    )


def _churn(setup: Setup) -> Setup:
    """Members come and go, and leaders with them."""
    faults = ("add_node", "remove_node", "replace_node", "isolate_leader", "crash")
    return replace(setup, nodes=3, faults=faults, old_nodes=0)


PLANTS: Final = (
    Plant(
        "T51",
        "a change is proposed while another is not applied",
        {
            "ledgerd.raft.reconfiguration:Reconfiguration._is_in_flight": _allow_many,
        },
    ),
    Plant(
        "M11",
        "nodes campaign with a committed membership that is not in force",
        {"ledgerd.raft.log:RaftLog.has_change": _see_no_change},
        setup=_slow_apply,
    ),
    Plant(
        "M12",
        "a joint membership is left only by the leader that proposed it",
        {"ledgerd.raft.reconfiguration:Reconfiguration._wanted": _leave_only_the_own},
        setup=_churn,
    ),
    Plant(
        "M19",
        "a snapshot is installed without its membership",
        {"ledgerd.raft.core:RaftCore.restore": _keep_the_old_members},
        setup=_short_logs,
    ),
    Plant(
        "T58",
        "nobody leaves a joint membership",
        {"ledgerd.raft.reconfiguration:Reconfiguration._leave": _stay_joint},
        setup=_churn,
    ),
)
