"""The replicated state version: raised when all can, refused before, and met when it is newer."""

import pytest

from ledgerd.errors import NotUnderstood, Reason
from ledgerd.formats import commands, versions
from ledgerd.formats.entries import link
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.commands import Fund, OpenAccount
from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import Entry, EntryKind, Index, NodeId, Role, Term
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.membership import Membership
from ledgerd.raft.options import Options
from ledgerd.replica.fold import decide
from ledgerd.replica.inputs import Noted, Ticked, Waiter
from ledgerd.replica.replica import Replica
from ledgerd.replica.versions import StateVersion
from tests.fakes import MemoryView
from tests.replica.machines import (
    START_US,
    Machine,
    Machines,
    NotingLog,
    fund,
    open_account,
    payouts,
)


def greet(machine: Machine, peer: int, newest: int = STATE_VERSION) -> None:
    machine.turn(Noted(PeerGreeted(NodeId(peer), 2, 1, newest)))


def greet_all(machines: Machines, newest: int = STATE_VERSION) -> None:
    for node_id, machine in machines.by_id.items():
        for peer in machines.by_id:
            if peer != node_id:
                greet(machine, peer, newest)


def in_force(machines: Machines) -> list[int]:
    return [
        machine.replica.standing.state_version for machine in machines.by_id.values()
    ]


def kinds(machine: Machine) -> list[EntryKind]:
    last = machine.replica.core.status().last
    log = NotingLog(machine.disk, [])
    return [entry.kind for entry in log.entries(Index(1), last, 10**6)]


def test_a_cluster_begins_with_the_first_version_and_raises_it_once() -> None:
    """The leader raises it when all have greeted; all have it, and it is raised once. F26, T67."""
    machines = Machines(3)
    machines.elect(1)
    machines.tick(3)
    before = in_force(machines)
    greet_all(machines)
    machines.tick(5)

    assert before == [1, 1, 1]
    assert in_force(machines) == [STATE_VERSION] * 3
    assert kinds(machines[2]).count(EntryKind.VERSION) == 1
    assert len({machine.state.digest() for machine in machines.by_id.values()}) == 1


@pytest.mark.parametrize("others", [(2,), ()])
def test_the_version_waits_for_the_last_member(others) -> None:
    """A member that was not heard, or whose release is older, keeps it down. T67."""
    machines = Machines(3)
    machines.elect(1)
    for peer in others:
        greet(machines[1], peer)
    machines.tick(5)
    unheard = in_force(machines)
    greet(machines[1], 2)
    greet(machines[1], 3, newest=1)
    machines.tick(5)

    assert unheard == in_force(machines) == [1, 1, 1]


def test_a_follower_never_raises_the_version() -> None:
    """It is a log entry, so it is the leader's to propose."""
    machines = Machines(3)
    machines.elect(1)
    for peer in (1, 3):
        greet(machines[2], peer)
    machines.tick(5)

    assert in_force(machines) == [1, 1, 1]


def test_a_new_leader_raises_it_if_the_old_one_did_not_get_through() -> None:
    """What an older leader proposed may be lost with it; the next one looks again. F26."""
    machines = Machines(3)
    machines.elect(1)
    machines.cut.add(1)
    greet_all(machines)
    machines[1].turn(Ticked(1, 0))  # proposes into the void
    machines[1].post.sent.clear()
    machines.tick(60)
    machines.cut.clear()
    machines.tick(10)

    assert machines[1].role is not Role.LEADER
    assert kinds(machines[3]).count(EntryKind.VERSION) == 1
    assert in_force(machines) == [STATE_VERSION] * 3


def test_a_leader_refuses_what_the_version_in_force_does_not_know(monkeypatch) -> None:
    """The call is certainly not logged, and the reason is stable. F26, T67."""
    monkeypatch.setitem(versions._SINCE, EntryKind.COMMANDS, 2)
    machines = Machines(3)
    machines.elect(1)
    refused = machines[1].turn(open_account(7)).not_proposed
    greet_all(machines)
    machines.tick(5)
    machines[1].turn(open_account(8))
    machines.deliver()
    answered = [
        answer.waiter for outbox in machines[1].outboxes for answer in outbox.answers
    ]

    assert [(item.waiter, item.reason) for item in refused] == [
        (Waiter(7), Reason.STATE_VERSION)
    ]
    assert Reason.STATE_VERSION.value == "STATE_VERSION"
    assert answered == [Waiter(8)]


def test_a_leader_refuses_a_command_that_the_version_in_force_does_not_know(
    monkeypatch,
) -> None:
    """The kind of its entry is old, so each command is judged; its neighbours pass. F26, T67."""
    monkeypatch.setitem(versions._COMMAND_SINCE, Fund, 2)
    machines = Machines(3)
    machines.elect(1)
    refused = machines[1].turn(open_account(6), fund(100, 7)).not_proposed
    greet_all(machines)
    machines.tick(5)
    machines[1].turn(fund(100, 8))
    machines.deliver()
    answered = [
        answer.waiter for outbox in machines[1].outboxes for answer in outbox.answers
    ]

    assert [(item.waiter, item.reason) for item in refused] == [
        (Waiter(7), Reason.STATE_VERSION)
    ]
    assert answered == [Waiter(6), Waiter(8)]


def test_a_command_below_its_version_is_not_applied(monkeypatch) -> None:
    """A release without it stops at its entry, so nobody may apply it there. F26."""
    item = open_account(7)
    payload = commands.encode([item.command])
    entry = Entry(Term(1), Index(1), EntryKind.COMMANDS, 1, payload, bytes(32))
    monkeypatch.setitem(versions._COMMAND_SINCE, OpenAccount, 3)

    with pytest.raises(NotUnderstood, match="OpenAccount needs state version 3, and 2"):
        decide(MemoryView, entry, 2)
    assert len(decide(MemoryView, entry, 3).outcomes) == 1


def plant(machine: Machine, kind: int, payload: bytes = b"") -> Index:
    """Let the leader append what only a newer release would."""
    verdict = machine.replica.core.propose(EntryKind(kind), payload, START_US)
    machine.turn()
    return verdict.id.index


@pytest.mark.parametrize(
    ("kind", "payload", "why"),
    [
        (99, b"?", "its kind 99 is unknown to this release"),
        (
            5,
            versions.encode(STATE_VERSION + 1),
            f"puts state version {STATE_VERSION + 1} in force",
        ),
        (3, b"\x02" + bytes(4), "a list of commands of version 2"),
        (2, b"\x03" + bytes(17), "a batch of payouts of version 3"),
    ],
)
def test_a_node_that_meets_a_newer_release_stops_applying(kind, payload, why) -> None:
    """It keeps the log, skips nothing, does not end, and does not lead. F26, T67."""
    machines = Machines(3)
    machines.elect(1)
    at = plant(machines[1], kind, payload)
    behind = plant(machines[1], EntryKind.NOOP)
    machines.deliver()
    machines.tick(60)

    for machine in machines.by_id.values():
        status = machine.replica.core.status()
        halt = machine.replica.standing.halt
        assert halt is not None
        assert halt.index == at
        assert why in halt.why
        assert machine.state.applied() == at - 1
        assert status.last >= behind
        assert status.role is Role.FOLLOWER
    assert [outbox.halt for outbox in machines[2].outboxes if outbox.halt] == [
        machines[2].replica.standing.halt
    ]
    assert not machines[2].outboxes[-1].again


def test_a_stopped_node_still_votes_and_stores() -> None:
    """One node of an older release does not cost the cluster its quorum. F26."""
    machines = Machines(3)
    machines.elect(1)
    at = plant(machines[1], 99)
    machines.deliver()
    # Nodes 1 and 3 are of a release that knows the entry: they apply on.
    for node_id in (1, 3):
        upgrade(machines[node_id])
    machines.cut.add(3)
    machines.tick(60)
    assert machines[1].role is Role.LEADER
    plant(machines[1], EntryKind.NOOP)
    machines.deliver()
    stopped = machines[2].replica.core.status()

    assert stopped.commit == stopped.last > at
    assert stopped.applied == at - 1


def upgrade(machine: Machine) -> None:
    """Restart a node as one whose release can lead past the entry."""
    log = NotingLog(machine.disk, machine.events)
    core = RaftCore(
        machine.node_id,
        options=Options(),
        membership=Membership(voters=(NodeId(1), NodeId(2), NodeId(3))),
        hard_state=log.hard_state(),
        log=log,
        applied=machine.state.applied(),
        jitter=lambda n: machine.node_id % n,
        link=link,
    )
    machine.replica = Replica(
        core=core, log=log, state=machine.state, mail=machine.post
    )
    machine.replica._apply_page = lambda outbox: None  # type: ignore[method-assign]


def test_a_stopped_node_stops_again_at_its_next_start() -> None:
    """The entry is still there, and so is the reason. F26."""
    machines = Machines(1)
    machine = machines.elect(1)
    at = plant(machine, 99)
    log = NotingLog(machine.disk, machine.events)
    core = RaftCore(
        machine.node_id,
        options=Options(),
        membership=Membership(voters=(NodeId(1),)),
        hard_state=log.hard_state(),
        log=log,
        applied=machine.state.applied(),
        jitter=lambda n: 0,
        link=link,
    )
    machine.replica = Replica(
        core=core, log=log, state=machine.state, mail=machine.post
    )
    machine.turn()
    machine.replica.core.campaign()
    machine.turn()
    machine.turn()

    halt = machine.replica.standing.halt
    assert halt is not None
    assert halt.index == at


def test_who_waits_behind_the_entry_is_told_unknown() -> None:
    """A leader that stops applying answers nobody with "failed". T65, F26."""
    machines = Machines(3)
    machines.elect(1)
    machines[1].turn(open_account(), fund(10_000))
    machines.deliver()
    plant(machines[1], 99)
    machines[1].turn(payouts(5, 1))
    machines.deliver()
    unknown = [
        (lost.waiter, lost.reason)
        for outbox in machines[1].outboxes
        for lost in outbox.unknown
    ]

    assert unknown == [(Waiter(5), Reason.LEADERSHIP_LOST)]


def test_no_second_raise_while_one_is_on_its_way() -> None:
    """The entry is proposed once in a term, however many ticks pass before it is applied."""
    version = StateVersion(1, newest=2)
    machines = Machines(2)
    core = machines[1].replica.core
    core.note(PeerGreeted(NodeId(2), 2, 1, 2))
    due = version.due([NodeId(2)], core.releases)
    version.raised(Index(7))

    assert due == 2
    assert version.due([NodeId(2)], core.releases) is None
    version.forget()
    assert version.due([NodeId(2)], core.releases) == 2
    raised = versions.encode(2)
    version.applied(Entry(Term(1), Index(7), EntryKind.VERSION, 1, raised, bytes(32)))
    assert version.is_newest
