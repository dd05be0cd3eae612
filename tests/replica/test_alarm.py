"""The leader proposes a Tick when its clock has passed the first timer, and not otherwise."""

import pytest

from ledgerd.formats import commands, records, versions
from ledgerd.ledger.commands import Tick
from ledgerd.ledger.payouts import PayoutState, PayoutStatus
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.ledger.view import Writes
from ledgerd.raft.entries import EntryKind, Index, Role
from ledgerd.replica.inputs import Ticked
from tests.replica.machines import (
    START_US,
    Machine,
    Machines,
    NotingLog,
    fund,
    open_account,
    payouts,
)
from tests.replica.test_versions import greet_all

DUE_US = START_US + 5_000_000


def scheduled() -> Machines:
    """A cluster of three in which one payout is due at DUE_US. Node 1 leads."""
    machines = Machines(3)
    machines.elect(1)
    greet_all(machines)
    machines.tick(5)
    machines[1].turn(open_account(), fund(10_000), payouts(5, 1))
    machines.deliver()
    position = (machines[1].state.applied(), 0)
    timer = Timer(DUE_US, position, TimerKind.RELEASE)
    status = PayoutStatus(PayoutState.SCHEDULED, 1, (*position, 0), START_US)
    writes = Writes(payout_statuses=[(position, status)], timers=[(timer, True)])
    for machine in machines.by_id.values():
        machine.state.ledger.write(records.encode_writes(writes))
        machine.replica._alarm.forget()
    return machines


def turn(machines: Machines, now_us: int, *, node_id: int = 1, ticks: int = 1) -> None:
    for _ in range(ticks):
        machines[node_id].turn(Ticked(1, 0), now_us=now_us)
        machines.deliver()


def ticks_in(machine: Machine) -> int:
    """How many Ticks stand in the log of a node."""
    log = NotingLog(machine.disk, [])
    last = machine.replica.core.status().last
    return sum(
        commands.decode(entry.payload) == (Tick(),)
        for entry in log.entries(Index(1), last, 10**6)
        if entry.kind is EntryKind.COMMANDS
    )


def state_of(machine: Machine) -> PayoutState:
    ((_, status),) = machine.state.ledger.all_payouts()
    assert status is not None
    return status.state


def test_it_waits_for_the_time_and_acts_once() -> None:
    """Before it is due nothing is written, however many ticks pass; afterwards one Tick."""
    machines = scheduled()
    turn(machines, DUE_US - 1, ticks=5)
    early = ticks_in(machines[1])
    turn(machines, DUE_US)
    turn(machines, DUE_US + 1_000_000, ticks=5)

    assert early == 0
    assert [ticks_in(machine) for machine in machines.by_id.values()] == [1] * 3
    assert [state_of(machine) for machine in machines.by_id.values()] == [
        PayoutState.READY
    ] * 3
    assert len({machine.state.digest() for machine in machines.by_id.values()}) == 1


def test_an_idle_cluster_writes_none() -> None:
    """No timer, no entry, and the clock is not even asked."""
    machines = Machines(3)
    machines.elect(1)
    greet_all(machines)
    machines.tick(5)
    last = machines[1].replica.core.status().last

    def never() -> int:
        raise AssertionError("the clock was asked")

    for _ in range(5):
        machines[1].replica.turn([Ticked(1, 0)], never)
        machines[1].replica.settle()

    assert machines[1].replica.core.status().last == last


@pytest.mark.parametrize("passed_us", [-1, 0, 1])
def test_a_release_happens_once_though_the_leader_dies(passed_us) -> None:
    """At due - 1, due and due + 1 the leader is lost; the next one does what is left. 7.4."""
    machines = scheduled()
    machines[1].turn(
        Ticked(1, 0), now_us=DUE_US + passed_us
    )  # what it proposes is lost
    machines.cut.add(1)
    machines.deliver()
    machines[1].post.sent.clear()
    machines.tick(60)
    leader = next(
        node_id
        for node_id, machine in machines.by_id.items()
        if machine.role is Role.LEADER and node_id != 1
    )
    turn(machines, DUE_US + 2, node_id=leader, ticks=3)
    machines.cut.clear()
    machines.tick(20)

    for machine in machines.by_id.values():
        assert state_of(machine) is PayoutState.READY
        assert ticks_in(machine) == 1
        status = machine.state.ledger.all_payouts()[0][1]
        assert status is not None
        assert status.sequence == 1 + 1


def test_payouts_of_before_are_swept_when_version_3_comes() -> None:
    """The raise asks for it, the next Tick does it, and all nodes have the same state."""
    machines = Machines(3)
    machines.elect(1)
    machines[1].turn(open_account(), fund(10_000), payouts(5, 1, 2))
    machines.deliver()
    before = [
        machine.replica.standing.state_version for machine in machines.by_id.values()
    ]
    greet_all(machines)
    machines.tick(5)
    turn(machines, START_US + 1_000_000, ticks=3)

    assert before == [1, 1, 1]
    for machine in machines.by_id.values():
        index = machine.state.ledger.all_payouts()[0][0].position[0]
        assert machine.state.ledger.ready(1, index) == (0, 1)
    assert len({machine.state.digest() for machine in machines.by_id.values()}) == 1


def test_a_tick_is_of_version_3() -> None:
    """No timer exists below it, so no leader proposes one there. F26."""
    assert versions.not_yet_understood(Tick(), 2)
    assert not versions.not_yet_understood(Tick(), 3)
