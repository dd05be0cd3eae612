"""Commands that are calls of one core: elections, time, proposals, reads."""

from ledgerd.raft.describe import describe
from ledgerd.raft.entries import EntryKind
from ledgerd.raft.facts import (
    Capacity,
    LogWritten,
    PeerGreeted,
    PeerLost,
    PeerRefused,
)
from ledgerd.raft.protocol import PROTOCOL_MAX
from ledgerd.raft.ready import Refused
from ledgerd.simulation.script.args import Args
from ledgerd.simulation.script.building import ELECTION_TICKS, HEARTBEAT_TICKS
from ledgerd.simulation.script.play import Lines, Play


def campaign(play: Play, args: Args) -> Lines:
    """Ask for an election now; through a pre-vote if the rules say so."""
    play.machine(args, args.node()).core.campaign()
    return []


def tick_heartbeat(play: Play, args: Args) -> Lines:
    """Let one heartbeat pass at one node."""
    return _tick(play, args, HEARTBEAT_TICKS)


def tick_election(play: Play, args: Args) -> Lines:
    """Let one election base pass at one node."""
    return _tick(play, args, ELECTION_TICKS)


def tick(play: Play, args: Args) -> Lines:
    """Let this many ticks pass at one node."""
    return _tick(play, args, None)


def _tick(play: Play, args: Args, count: int | None) -> Lines:
    machine = play.machine(args, args.node())
    for _ in range(args.number("ticks") if count is None else count):
        machine.core.tick()
    return []


def pause(play: Play, args: Args) -> Lines:
    """Let this many ticks be due at once: the process slept through all but the last (T83)."""
    machine = play.machine(args, args.node())
    ticks = args.number("ticks")
    if ticks < 1:
        raise args.fault("a pause is at least one tick long")
    machine.core.tick(1, ticks - 1)
    return []


def set_randomized_election_timeout(play: Play, args: Args) -> Lines:
    """Pin the election timer until the next change of role."""
    machine = play.machine(args, args.node())
    ticks = args.count("timeout", 0)
    if ticks < 1:
        raise args.fault("timeout= is missing, or less than one tick")
    machine.pin_election_timeout(ticks)
    return []


def propose(play: Play, args: Args) -> Lines:
    """Propose a text."""
    core = play.machine(args, args.node()).core
    text = args.word("text") if args.has_words else ""
    return [describe(core.propose(EntryKind.PAYOUTS, text.encode(), 0))]


def read(play: Play, args: Args) -> Lines:
    """Register a read; a later Ready says where it is answered."""
    ticket = play.machine(args, args.node()).core.read()
    if isinstance(ticket, Refused):
        return [describe(ticket)]
    return [f"read {ticket}"]


def forget_leader(play: Play, args: Args) -> Lines:
    """Drop the known leader; term, vote and timer stay."""
    play.machine(args, args.node()).core.forget_leader()
    return []


def report_unreachable(play: Play, args: Args) -> Lines:
    """Tell a node that its connection to another one broke."""
    core = play.machine(args, args.node()).core
    core.note(PeerLost(args.node("peer")))
    return []


def peer_lost(play: Play, args: Args) -> Lines:
    """Tell a node that a peer's stream ended and nobody listens there any more (F4)."""
    core = play.machine(args, args.node()).core
    core.note(PeerRefused(args.node("peer")))
    return []


def fitness(play: Play, args: Args) -> Lines:
    """Let a node's log write stall for so long that it counts as slow (F8)."""
    machine = play.machine(args, args.node())
    if args.word("level") != "slow":
        raise args.fault("the level is slow; a node becomes fit again by good writes")
    machine.core.note(LogWritten(machine.stall_ticks))
    return []


def capacity(play: Play, args: Args) -> Lines:
    """Tell a node how many bytes are left on its disk (F36)."""
    machine = play.machine(args, args.node())
    machine.core.note(Capacity(args.number("bytes")))
    return []


def greet(play: Play, args: Args) -> Lines:
    """Tell a node which version of the protocol a peer speaks (F26)."""
    machine, peer = play.machine(args, args.node()), args.node("peer")
    protocol = args.count("protocol", PROTOCOL_MAX)
    machine.core.note(PeerGreeted(peer, protocol, 1, args.count("state-version", 1)))
    return []


def transfer_leadership(play: Play, args: Args) -> Lines:
    """Ask a leader to hand over to a voter."""
    core = play.machine(args, args.peer("from")).core
    return [describe(core.transfer(args.peer("to")))]
