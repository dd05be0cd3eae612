"""Bugs of membership: who leaves a joint membership, who changes it when."""

from dataclasses import replace
from typing import Any, Final

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
        "T58",
        "nobody leaves a joint membership",
        {"ledgerd.raft.reconfiguration:Reconfiguration._leave": _stay_joint},
        setup=_churn,
    ),
)
