"""A fee schedule flips at its log time: on every node, at one entry, without a restart. 2.7."""

from ledgerd.ledger.commands import FeeRule, Refund, SetFees
from ledgerd.ledger.outcomes import Outcome
from ledgerd.raft.entries import Role
from ledgerd.replica.compaction import LogBounds
from ledgerd.replica.inputs import CommandProposed, Waiter
from tests.replica.machines import (
    START_US,
    USD,
    Machine,
    Machines,
    fund,
    open_account,
    payouts,
    uuid7,
)

SANDBOX = 1
AT_US = START_US + 10_000_000


def fees(number: int, fixed_minor: int, since_us: int) -> CommandProposed:
    fee_rule = FeeRule(
        SANDBOX, USD, fixed_minor, 0, 0, 1_000, "", Refund.WHEN_ALL_RETURNED
    )
    command = SetFees(uuid7(number), (fee_rule,), "board", "tests", since_us, "2026")
    return CommandProposed(Waiter(number), command)


def next_leader(machines: Machines) -> Machine:
    """Let time pass until another node leads than the first."""
    for _ in range(200):
        machines.tick()
        for node_id in (2, 3):
            if machines[node_id].role is Role.LEADER:
                return machines[node_id]
    raise AssertionError("nobody leads")


def test_a_schedule_flips_on_all_nodes_at_its_time() -> None:
    """Also on a node that was cut off while it was set, and when another one leads by then."""
    machines = Machines(bounds=LogBounds())
    leader = machines.elect(1)
    for item in (open_account(), fund(100_000)):
        leader.turn(item)
        machines.deliver()
    machines.cut.add(3)
    leader.turn(fees(800, 5, 0))
    leader.turn(fees(801, 70, AT_US))
    machines.deliver()
    machines.cut.clear()

    charged = []
    leader.turn(payouts(1, 1), now_us=AT_US - 1)
    machines.deliver()
    machines.cut.add(1)
    successor = next_leader(machines)
    successor.turn(payouts(2, 2), now_us=AT_US)
    machines.deliver()
    successor.turn(payouts(3, 3), now_us=AT_US - 5_000_000)  # log time never goes back
    machines.deliver()
    for machine in (leader, successor):
        for outbox in machine.outboxes:
            for answer in outbox.answers:
                if answer.waiter in (1, 2, 3):
                    assert answer.outcomes.codes[answer.first] == Outcome.CREATED
                    fee_minor = answer.outcomes.fees_minor[answer.first]
                    charged.append((answer.waiter, fee_minor))

    assert charged == [(1, 5), (2, 70), (3, 70)]
    machines.cut.clear()
    machines.tick(5)
    digests = [machine.state.digests for machine in machines.by_id.values()]
    assert digests[0] == digests[1] == digests[2]
