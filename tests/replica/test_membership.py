"""Members as a replica sees them: recorded, asked for, kept in the state, the same everywhere."""

from ledgerd.errors import Reason
from ledgerd.raft.changes import Flaw
from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.membership import NOBODY, Membership, NodeRecord
from ledgerd.raft.options import Options
from ledgerd.raft.requests import AddNode, RemoveNode
from ledgerd.replica.inputs import ChangeRequested, Noted, Waiter
from tests.replica.machines import Machine, Machines, link

THREE = tuple(NodeId(n) for n in (1, 2, 3))
FOUNDING = Membership(THREE, nodes=tuple(NodeRecord(n) for n in THREE))


def store(node_id: int) -> bytes:
    return bytes([node_id]) * 16


def founding(node_id: int) -> Membership:
    """Return what a node reads in its configuration: all members, and its own store."""
    nodes = tuple(NodeRecord(n, store(n) if n == node_id else b"") for n in THREE)
    return Membership(THREE, nodes=nodes)


def met(machines: Machines) -> None:
    """Let everybody greet everybody."""
    for node_id, machine in machines.by_id.items():
        for peer in machines.by_id:
            if peer != node_id:
                machine.turn(Noted(PeerGreeted(NodeId(peer), 2, 1, 2, store(peer))))


def founded() -> Machines:
    """Return three machines led by the first, whose founders are recorded."""
    machines = Machines(3)
    for node_id in machines.by_id:
        options = Options(election_base_ticks=10, heartbeat_ticks=2)
        machines.by_id[node_id] = Machine(node_id, (), options, founding(node_id))
    machines.elect(1)
    met(machines)
    machines.tick(6)
    return machines


def memberships(machines: Machines) -> set[Membership]:
    return {machine.replica.core.membership for machine in machines.by_id.values()}


def digests(machines: Machines) -> set[bytes]:
    return {machine.state.digest() for machine in machines.by_id.values()}


def adding(waiter: int, index: int | None = None) -> ChangeRequested:
    request = AddNode(NodeId(0), "p:1", "a:1")
    return ChangeRequested(Waiter(waiter), request, index)  # type: ignore[arg-type]  # test


def test_the_founders_are_recorded_after_the_state_version() -> None:
    """F25, F26: the same record on all nodes, in the digest, and in the state."""
    machines = founded()
    (membership,) = memberships(machines)

    assert [node.store_uuid for node in membership.nodes] == [
        store(1),
        store(2),
        store(3),
    ]
    assert [node.version_max for node in membership.nodes] == [1, 2, 2]
    assert len(digests(machines)) == 1
    for machine in machines.by_id.values():
        assert machine.state.membership() == membership


def test_who_asks_for_a_change_is_answered_when_it_is_in_force() -> None:
    """F21: answered by the entry, as a payout is."""
    machines = founded()
    (before,) = memberships(machines)
    machines[1].turn(adding(7, before.index))
    machines.deliver()
    machines.tick(3)

    (answer,) = [a for o in machines[1].outboxes for a in o.answers if a.waiter == 7]
    (after,) = memberships(machines)
    assert answer.index == after.index
    assert after.learners == (NodeId(4),)
    assert [o.membership for o in machines[2].outboxes if o.membership][-1] == after
    assert len(digests(machines)) == 1


def test_a_refused_change_says_why() -> None:
    """Never proposed, and with the reason in words."""
    machines = founded()
    (membership,) = memberships(machines)
    machines[1].turn(
        ChangeRequested(Waiter(1), RemoveNode(NodeId(9)), membership.index),
        adding(2, 1),
    )
    machines[2].turn(adding(3))

    no_member, moved = machines[1].outboxes[-1].not_proposed
    (follower,) = machines[2].outboxes[-1].not_proposed
    assert (no_member.reason, no_member.why) == (
        Reason.CHANGE_REFUSED,
        Flaw.NOT_A_MEMBER.value,
    )
    assert moved.reason is Reason.MEMBERSHIP_MOVED
    assert (follower.reason, follower.leader) == (Reason.NOT_LEADER, 1)


def test_no_change_before_the_state_version_knows_it() -> None:
    """T67: an older release among the members could not apply it."""
    machines = Machines(3)
    machines.elect(1)
    machines[1].turn(adding(1))

    (refused,) = machines[1].outboxes[-1].not_proposed
    assert refused.reason is Reason.STATE_VERSION


def test_a_restarted_node_finds_its_membership_in_the_state() -> None:
    """What was applied is applied: the entry is not needed any more (T53)."""
    machines = founded()
    machine = machines[2]
    membership = machine.state.membership()
    log = machine.replica._log
    core = RaftCore(
        NodeId(2),
        options=Options(),
        membership=membership,
        hard_state=log.hard_state(),
        log=log,
        applied=machine.state.applied(),
        jitter=lambda n: 0,
        link=link,
    )

    assert core.membership == machines[1].replica.core.membership
    assert membership != NOBODY
