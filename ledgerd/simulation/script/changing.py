"""Commands that change who takes part: as changes of the core, or as an operator asks."""

import re
from typing import Final

from ledgerd.raft.changes import Change, EnterJoint, LeaveJoint, Op, OpKind, Simple
from ledgerd.raft.describe import describe
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.requests import AddNode, RemoveNode, ReplaceNode, Request
from ledgerd.simulation.script.args import Args
from ledgerd.simulation.script.play import Lines, Play

_KINDS: Final = {
    "v": OpKind.VOTER,
    "l": OpKind.LEARNER,
    "r": OpKind.REMOVE,
    "u": OpKind.UPDATE,
}
_OP: Final = re.compile(r"([vlru])(\d+)")


def propose_conf_change(play: Play, args: Args) -> Lines:
    """Propose what the input says: v1 a voter, l2 a learner, r3 removed, u4 as it is.

    Without input: leave a joint membership. One change is simple, several are joint with automatic
    leave, unless transition= says explicit (joint, left by hand) or implicit (joint, left by
    itself). expect= is the index of the membership that the caller has seen.
    """
    core = play.machine(args, args.node()).core
    args.flag(
        "v1", default=False
    )  # the old form of a single change: means nothing here
    change = _change(args, args.option("transition", "auto"))
    expected = Index(args.count("expect", 0)) if args.has("expect") else None
    return [describe(core.change(change, expected))]


def request(play: Play, args: Args) -> Lines:
    """Ask for a membership as an operator does: add=4, remove=2, or replace=2 by=4."""
    core = play.machine(args, args.node()).core
    wanted: Request
    if args.has("add"):
        wanted = _new(args, "add")
    elif args.has("remove"):
        wanted = RemoveNode(NodeId(args.count("remove", 0)))
    elif not (args.has("replace") and args.has("by")):
        raise args.fault("takes add=, remove=, or replace= with by=")
    else:
        wanted = ReplaceNode(NodeId(args.count("replace", 0)), _new(args, "by"))
    return [describe(core.request(wanted))]


def _change(args: Args, transition: str) -> Change:
    ops = tuple(_op(args, word) for line in args.input() for word in line.split())
    if not ops:
        return LeaveJoint()
    if transition not in ("auto", "explicit", "implicit"):
        raise args.fault(f"transition= is auto, explicit or implicit, not {transition}")
    if transition == "auto" and len(ops) == 1:
        return Simple(ops)
    return EnterJoint(ops, auto_leave=transition != "explicit")


def _op(args: Args, word: str) -> Op:
    found = _OP.fullmatch(word)
    if found is None:
        raise args.fault(f"a change is v1, l1, r1 or u1, not {word!r}")
    return Op(_KINDS[found[1]], NodeId(int(found[2])))


def _new(args: Args, key: str) -> AddNode:
    node_id = args.count(key, 0)
    return AddNode(NodeId(node_id), f"node{node_id}:7001", f"node{node_id}:7000")
