"""What the commands of one script share: the world, and how the script set it up."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ledgerd.raft.entries import NodeId
from ledgerd.raft.options import Rules
from ledgerd.simulation.script.args import Args
from ledgerd.simulation.script.machine import Machine
from ledgerd.simulation.script.world import World

Lines: TypeAlias = list[str]

# The paper without its extensions: what published scenarios start from.
NO_RULES: Final = Rules(pre_vote=False, check_quorum=False, step_down_on_removal=False)


@dataclass(slots=True)
class Play:
    """One script while it plays.

    rules: of the nodes that are added next. is_silent: commands print no more than `ok`.
    """

    world: World = field(default_factory=World)
    rules: Rules = NO_RULES
    is_silent: bool = False

    def machine(self, args: Args, node_id: NodeId) -> Machine:
        """Return a node that must be up."""
        machine = self.world.machines[node_id]
        if not machine.is_up:
            raise args.fault(f"node {node_id} is down; restart it first")
        return machine
