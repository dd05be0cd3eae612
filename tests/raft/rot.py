"""Nodes whose logs have corrupt slots: what the tests of their repair begin with."""

from collections.abc import Sequence

from ledgerd.raft.entries import Entry, HardState, Index, NodeId, Term
from ledgerd.raft.facts import SlotCorrupt
from ledgerd.raft.messages import RepairReply
from ledgerd.raft.options import Options
from tests.raft.harness import Cluster, make_entry

# Nothing durable stays in memory, so that every read goes to the disk.
FORGETFUL = Options(election_base_ticks=10, heartbeat_ticks=2, recent_bytes_max=0)


def led(count: int = 6, *, options: Options = FORGETFUL) -> Cluster:
    """Return three nodes at rest, led by node 1, with `count` payloads applied everywhere."""
    cluster = Cluster(3, options=options)
    cluster.elect(1)
    for number in range(count):
        cluster.propose(1, f"payload {number}".encode())
        cluster.settle()
    cluster.tick(4)
    return cluster


def damage(cluster: Cluster, node_id: int, *indexes: int) -> None:
    """Let values on a running node's disk rot, found by its scrub."""
    node = cluster[node_id]
    node.disk.corrupt |= set(indexes)
    for index in indexes:
        node.core.note(SlotCorrupt(Index(index)))


def restart_damaged(cluster: Cluster, node_id: int, *indexes: int) -> None:
    """Let values of a stopped node rot, and start it: its store names what it found."""
    cluster[node_id].crash()
    cluster[node_id].disk.corrupt |= set(indexes)
    cluster[node_id].start()
    damage(cluster, node_id, *indexes)


def rotten(
    *, applied: int, commit: int, corrupt: Sequence[int], cut_to: int, more: int = 0
) -> Cluster:
    """Return a cluster whose node 2 starts again with corrupt slots that the others have cut.

    more: entries of a leader that is gone, which node 2 alone has.
    """
    cluster = led(6)
    node = cluster[2]
    node.crash(applied_kept=applied)
    node.disk.hard_state = HardState(Term(1), NodeId(1), Index(commit))
    for _ in range(more):
        node.disk.log.append(make_entry(node.disk.log[-1], 1))
    for node_id in (1, 3):
        cluster[node_id].compact(cut_to)
    node.disk.corrupt |= set(corrupt)
    node.start()
    damage(cluster, 2, *corrupt)
    return cluster


def is_whole(cluster: Cluster) -> bool:
    """Return whether no node has a corrupt slot, on disk or in its own eyes."""
    return not any(
        node.disk.corrupt or node.core.status().corrupt
        for node in cluster.nodes.values()
    )


def reply_to(cluster: Cluster, before: Entry, *entries: Entry) -> RepairReply:
    """Return what node 3 might send to node 2."""
    last = entries[-1].index
    return RepairReply(NodeId(3), NodeId(2), Term(1), last, before.link, entries)


def cut_where_wanted(cluster: Cluster, ticks: int) -> None:
    """Let time pass, and cut each log as soon as its core wants that."""
    for _ in range(ticks):
        cluster.tick(1)
        for node in cluster.nodes.values():
            if node.core.wants_cut:
                anchor = node.core.anchor_of_cut(node.core.status().cut_to)
                assert anchor is not None
                del node.disk.log[: anchor.at - node.disk.base.at]
                node.disk.base = anchor
                node.disk.corrupt = {s for s in node.disk.corrupt if s > anchor.at}
                node.core.compacted(Index(anchor.at + 1))
