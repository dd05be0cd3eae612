"""Commands that break things and mend them: processes and the network."""

from ledgerd.raft.describe import describe
from ledgerd.raft.entries import Index
from ledgerd.simulation.script.args import Args
from ledgerd.simulation.script.play import Lines, Play
from ledgerd.simulation.script.world import cut_between, is_of


def crash(play: Play, args: Args) -> Lines:
    """End a node at once; with lose=unsynced its disk forgets what no sync has reached."""
    machine = play.machine(args, args.node())
    lose = args.option("lose", "nothing")
    if lose not in ("nothing", "unsynced"):
        raise args.fault(f"lose= is unsynced or nothing, not {lose!r}")
    play.world.crash(machine.id, lose_unsynced=lose == "unsynced")
    return []


def restart(play: Play, args: Args) -> Lines:
    """Start a node that is down from what its disk holds."""
    machine = play.world.machines[args.node()]
    if machine.is_up:
        raise args.fault(f"node {machine.id} is up; crash it first")
    machine.start()
    return []


def wipe(play: Play, args: Args) -> Lines:
    """Empty the disk and the state of a node that is down; it keeps its id."""
    machine = play.world.machines[args.node()]
    if machine.is_up:
        raise args.fault(f"node {machine.id} is up; crash it first")
    machine.wipe()
    return []


def corrupt(play: Play, args: Args) -> Lines:
    """Let the value at this index of a node's log rot; its scrub or its next start finds it."""
    machine = play.world.machines[args.node()]
    index = Index(args.number("index"))
    first, last = machine.disk.first_index(), machine.disk.last_index()
    if not first <= index <= last:
        raise args.fault(f"the log holds {first}..{last}, not {index}")
    machine.corrupt(index)
    return []


def diverge(play: Play, args: Args) -> Lines:
    """Let a node's state rot: it gets a `?` that no entry has made."""
    play.world.machines[args.node()].diverge()
    return []


def duplicate(play: Play, args: Args) -> Lines:
    """Send all that is under way to these nodes a second time, behind everything else."""
    to = frozenset(args.nodes())
    kind = args.message_class()
    again = [m for m in play.world.in_flight if m.to in to and is_of(m, kind)]
    play.world.in_flight += again
    return [f"again: {describe(message)}" for message in again] or ["no messages"]


def cut(play: Play, args: Args) -> Lines:
    """Lose messages between these groups, of one class if type= names it.

    With oneway=true only those from each group to the groups after it.
    """
    groups = [frozenset(group) for group in args.groups()]
    if len(groups) < 2:
        raise args.fault("needs two groups, such as (1) (2,3)")
    if len(frozenset().union(*groups)) < sum(map(len, groups)):
        raise args.fault("a node stands on one side of a cut only")
    kind = args.message_class()
    one_way = args.flag("oneway", default=False)
    play.world.cuts |= cut_between(groups, kind, is_one_way=one_way)
    return []


def heal(play: Play, args: Args) -> Lines:
    """Mend all cuts."""
    play.world.cuts.clear()
    return []
