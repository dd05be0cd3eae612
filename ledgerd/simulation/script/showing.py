"""Commands that show: raft-state, raft-log, status."""

from dataclasses import replace

from ledgerd.raft.describe import describe, describe_role
from ledgerd.simulation.script.args import Args
from ledgerd.simulation.script.play import Lines, Play


def raft_state(play: Play, args: Args) -> Lines:
    """Show role, part, term and leader of every node."""
    return [
        describe_role(machine.core.status()) if machine.is_up else f"{node_id} down"
        for node_id, machine in play.world.machines.items()
    ]


def raft_log(play: Play, args: Args) -> Lines:
    """Show the log that a node has on disk."""
    disk = play.world.machines[args.node()].disk
    return [describe(entry) for entry in disk.log] or [
        f"empty after {describe(disk.base.id)}"
    ]


def status(play: Play, args: Args) -> Lines:
    """Show a node, and, of a leader, each peer as it sees it."""
    seen = play.machine(args, args.node()).core.status()
    peers = [describe(peer) for peer in seen.peers]
    return [describe(replace(seen, peers=())), *peers]


def state_machine(play: Play, args: Args) -> Lines:
    """Show how far a node has applied, and the text that its entries made."""
    state = play.world.machines[args.node()].state
    return [f"{describe(state.id)} {state.content!r}"]
