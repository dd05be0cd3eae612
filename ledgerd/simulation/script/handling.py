"""Commands that do the duties of a driver: Readys, threads, messages."""

from collections.abc import Callable

from ledgerd.simulation.script.args import Args
from ledgerd.simulation.script.machine import Machine
from ledgerd.simulation.script.play import Lines, Play
from ledgerd.simulation.script.world import Step


def process_ready(play: Play, args: Args) -> Lines:
    """Take a Ready of each node and carry it out, or queue its jobs."""
    return _each(play, args, "ready", Machine.process_ready)


def process_append_thread(play: Play, args: Args) -> Lines:
    """Finish the oldest write of each node and send what rests on it."""
    return _each(play, args, "writes", Machine.write_next)


def process_apply_thread(play: Play, args: Args) -> Lines:
    """Finish the oldest page of each node."""
    return _each(play, args, "applies", Machine.apply_next)


def deliver_msgs(play: Play, args: Args) -> Lines:
    """Deliver what is under way to the nodes named, and drop what is under way to others."""
    drop = args.ids("drop")
    to = args.nodes() if args.has_words else []
    kind = args.option("type", "") or None
    lines: Lines = []
    for node_id in to:
        lines += play.world.deliver(node_id, kind=kind)
    for node_id in drop:
        if node_id not in play.world.machines:
            raise args.fault(f"there is no node {node_id}")
        lines += play.world.deliver(node_id, kind=kind, drop=True)
    return lines or ["no messages"]


def stabilize(play: Play, args: Args) -> Lines:
    """Process, deliver, write and apply until nothing changes."""
    return _told(play.world.stabilize(args.nodes()))


def _each(
    play: Play, args: Args, verb: str, duty: Callable[[Machine], list[str] | None]
) -> Lines:
    node_ids = args.nodes()
    steps: list[Step] = []
    for node_id in node_ids:
        done = duty(play.machine(args, node_id))
        lines = ("nothing to do",) if done is None else tuple(done)
        steps.append(Step(node_id, verb, lines))
    return list(steps[0].lines) if len(steps) == 1 else _told(steps)


def _told(steps: list[Step]) -> Lines:
    lines: Lines = []
    for step in steps:
        lines.append(f"> {step.node_id} {step.verb}")
        lines += [f"  {line}" for line in step.lines]
    return lines
