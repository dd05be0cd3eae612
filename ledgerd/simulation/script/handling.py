"""Commands that do the duties of a driver: Readys, threads, messages."""

from collections.abc import Callable

from ledgerd.errors import SlotCorruptError
from ledgerd.raft.describe import describe
from ledgerd.raft.entries import Index
from ledgerd.raft.facts import SnapshotSent
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
    kind = args.message_class()
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


def compact(play: Play, args: Args) -> Lines:
    """Let the log of a node start at this index; everything below is applied."""
    machine = play.machine(args, args.node())
    first = Index(args.number("first index"))
    low, high = machine.disk.first_index() + 1, machine.state.id.index + 1
    if low > high:
        raise args.fault("nothing is applied that the log still has")
    if not low <= first <= high:
        raise args.fault(f"the log can start at {low} .. {high}, not at {first}")
    try:
        machine.compact(first)
    except SlotCorruptError as error:
        raise args.fault(f"{error}, and its term and link must stay known") from error
    return []


def send_snapshot(play: Play, args: Args) -> Lines:
    """Put an offer of a leader's state to a peer under way, whether the peer needs it or not."""
    machine = play.machine(args, args.node())
    peer = args.node("peer")
    offer = machine.offer_to(peer)
    if offer is None:
        raise args.fault(f"node {machine.id} does not lead node {peer}")
    play.world.send(offer)
    return [describe(offer)]


def report_snapshot(play: Play, args: Args) -> Lines:
    """Tell a leader that a peer has fetched what it was offered, or with ok=false has failed."""
    core = play.machine(args, args.node()).core
    core.note(SnapshotSent(args.node("peer"), args.flag("ok", default=True)))
    return []
