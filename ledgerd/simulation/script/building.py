"""Commands that set a world up: add-nodes, rules, log-level."""

from typing import Final

from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.membership import NOBODY, Membership, NodeRecord
from ledgerd.raft.options import Options, Rules
from ledgerd.simulation.script.args import Args
from ledgerd.simulation.script.machine import Settings
from ledgerd.simulation.script.play import Lines, Play

ELECTION_TICKS: Final = 3
HEARTBEAT_TICKS: Final = 1
_UNLIMITED: Final = 1 << 60


def add_nodes(play: Play, args: Args) -> Lines:
    """Add nodes under the next ids, started from a snapshot at `index` if that is given."""
    count = args.number("count")
    voters, learners = args.ids("voters"), args.ids("learners")
    index = Index(args.count("index", 0))
    if index and not voters:
        raise args.fault("index= needs voters=(): a snapshot says who takes part")
    if args.option("read-only", "safe") != "safe":
        raise args.fault("read-only= is safe; there are no lease reads (F12)")
    is_digested = args.has("checkpoint-entries")
    settings = Settings(
        membership=Membership(
            voters, learners=learners, index=index, nodes=_records(args, voters)
        )
        if voters
        else NOBODY,
        index=index,
        content=args.option("content", ""),
        options=Options(
            election_base_ticks=ELECTION_TICKS,
            heartbeat_ticks=HEARTBEAT_TICKS,
            append_bytes_max=args.count("max-append-size", _UNLIMITED),
            window_messages=args.count("inflight", _UNLIMITED),
            window_bytes=_UNLIMITED,
            uncommitted_bytes_max=args.count("max-uncommitted-size", _UNLIMITED),
            apply_bytes_max=args.count("max-committed-size-per-ready", _UNLIMITED),
            recent_bytes_max=_UNLIMITED,
            checkpoint_entries=args.count("checkpoint-entries", _UNLIMITED),
            free_bytes_min=args.count("free-bytes-min", 0),
            priority_ticks=args.count("priority-ticks", _UNLIMITED),
        ),
        rules=Rules(
            pre_vote=args.flag("prevote", default=play.rules.pre_vote),
            check_quorum=args.flag("checkquorum", default=play.rules.check_quorum),
            step_down_on_removal=args.flag(
                "step-down-on-removal", default=play.rules.step_down_on_removal
            ),
        ),
        is_async=args.flag("async-storage-writes", default=False),
        is_digested=is_digested,
    )
    args.done()
    play.world.add(count, settings)
    return []


def _records(args: Args, voters: tuple[NodeId, ...]) -> tuple[NodeRecord, ...]:
    """Return what is recorded of the voters: nothing, or a priority of each (L1)."""
    priorities = args.counts("priorities")
    if priorities and len(priorities) != len(voters):
        raise args.fault(f"priorities= needs one for each of {len(voters)} voters")
    return tuple(
        NodeRecord(voter, priority=priority)
        for voter, priority in zip(voters, priorities, strict=False)
    )


def rules(play: Play, args: Args) -> Lines:
    """Give the nodes that are added next the rules of the product."""
    if args.word("rules") != "strict":
        raise args.fault("the one set of rules that has a name is strict")
    play.rules = Rules.STRICT
    return []


def log_level(play: Play, args: Args) -> Lines:
    """Print nothing from now on (`none`), or everything again (any other level)."""
    play.is_silent = args.word("level") == "none"
    return []
