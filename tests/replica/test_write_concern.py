"""Answers that wait until every voter holds their entry: the write concern ALL_VOTERS."""

from dataclasses import replace

import pytest

from ledgerd.errors import Reason
from ledgerd.raft.entries import Role
from ledgerd.raft.options import Options
from ledgerd.replica.inputs import Abandoned, Waiter, WriteConcern
from tests.replica.machines import Machines, fund, open_account, payouts

EVERYWHERE = WriteConcern.ALL_VOTERS


def started(count: int = 3, options: Options | None = None) -> Machines:
    machines = Machines(count, options)
    machines.elect(1)
    machines[1].turn(open_account(), fund(10_000))
    machines.deliver()
    return machines


def answered(machines: Machines) -> list[Waiter]:
    return [a.waiter for box in machines[1].outboxes for a in box.answers]


def everywhere(waiter: int, number: int):
    return replace(payouts(waiter, number), concern=EVERYWHERE)


def test_the_answer_waits_for_the_last_voter() -> None:
    """Two of three commit it and it takes effect; the third one's copy lets the answer go."""
    machines = started()
    machines.cut.add(3)
    machines[1].turn(everywhere(5, 1), payouts(6, 2))
    machines.deliver()
    waiting, applied = answered(machines), machines[1].state.applied()
    held = [each for box in machines[1].outboxes for each in box.held]
    machines.cut.clear()
    machines.tick(5)

    assert Waiter(6) in waiting
    assert Waiter(5) not in waiting
    assert [(each.waiter, each.index) for each in held] == [(Waiter(5), applied)]
    assert answered(machines).count(Waiter(5)) == 1


def test_nothing_is_held_back_from_the_last_voter() -> None:
    """Entries that one peer gets first wait for a tick on their way to the other, but not these."""
    thrifty = Options(is_commit_told_by_tick=True, held_back_bytes_max=1 << 20)
    machines = started(options=thrifty)
    machines.tick()
    machines[1].turn(payouts(5, 1))
    machines.deliver()
    last = [machines[node_id].replica.core.status().last for node_id in (1, 2, 3)]
    machines[1].turn(everywhere(6, 2))
    machines.deliver()

    assert last[0] == last[1] > last[2], "it is thrifty"
    assert Waiter(6) in answered(machines), "and no time has passed"


def test_a_single_voter_answers_at_once() -> None:
    """All of one is one."""
    machines = started(1)
    machines[1].turn(everywhere(5, 1))

    assert Waiter(5) in answered(machines)


def test_a_copy_counts_when_it_is_durable() -> None:
    """A voter that got the entry and has not written it yet is still waited for. T3."""
    machines = started()
    machines[1].turn(everywhere(5, 1))
    acks = []
    for node_id in (2, 3):
        mine = [m for m in machines[1].post.sent if m.to == node_id]
        machines[node_id].turn(*machines.received(mine))
        acks += machines[node_id].post.sent
        machines[node_id].post.sent.clear()
    machines[1].post.sent.clear()
    of_two = [m for m in acks if m.sender == 2]
    machines[1].turn(*machines.received(of_two))
    before = answered(machines)
    machines[1].turn(*machines.received([m for m in acks if m.sender == 3]))

    assert Waiter(5) not in before
    assert Waiter(5) in answered(machines)


def test_a_leader_that_steps_down_says_where_it_is_committed() -> None:
    """It has taken effect; only the number of copies is open. T65."""
    machines = started()
    machines.cut.add(3)
    machines[1].turn(everywhere(5, 1))
    machines.deliver()
    index = machines[1].state.applied()
    machines.cut.update((1, 2))
    machines.tick(60)
    unknown = [lost for box in machines[1].outboxes for lost in box.unknown]

    assert machines[1].role is not Role.LEADER
    assert [(lost.waiter, lost.reason, lost.index) for lost in unknown] == [
        (Waiter(5), Reason.NOT_ON_ALL_VOTERS, index)
    ]


@pytest.mark.parametrize("is_early", [True, False])
def test_who_gave_up_is_forgotten(is_early: bool) -> None:
    """Nothing is kept for a caller that is gone, before or after its entry was applied."""
    machines = started()
    machines.cut.add(3)
    if is_early:
        machines[1].turn(everywhere(5, 1), Abandoned(Waiter(5)))
        machines.deliver()
    else:
        machines[1].turn(everywhere(5, 1))
        machines.deliver()
        machines[1].turn(Abandoned(Waiter(5)))
    kept = len(machines[1].replica._held)
    machines.cut.clear()
    machines.tick(5)

    assert kept == 0
    assert Waiter(5) not in answered(machines)


def test_a_retry_waits_too() -> None:
    """The same id again is a replay in a later entry, so all voters hold the first one as well."""
    machines = started()
    machines[1].turn(payouts(5, 1))
    machines.deliver()
    machines.cut.add(3)
    machines[1].turn(everywhere(6, 1))
    machines.deliver()
    before = answered(machines)
    machines.cut.clear()
    machines.tick(5)

    assert Waiter(6) not in before
    assert Waiter(6) in answered(machines)
