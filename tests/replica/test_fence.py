"""A node whose state is not the majority's, or fails its checks, fences itself (F37, R15)."""

from collections.abc import Sequence

import pytest

from ledgerd.errors import CorruptionError, Reason
from ledgerd.ledger.view import LedgerView
from ledgerd.raft.entries import Role
from ledgerd.raft.options import Options
from ledgerd.replica.inputs import StateDamaged
from ledgerd.replica.versions import Flaw
from tests.replica.machines import Machine, Machines, fund, open_account, payouts

SMALL = Options(
    election_base_ticks=10, heartbeat_ticks=2, checkpoint_entries=4, recent_bytes_max=0
)


def busy(machine: Machines, leader: Machine, numbers: Sequence[int]) -> None:
    """Submit a payout for each number, one entry each, and let it be applied everywhere."""
    for number in numbers:
        leader.turn(payouts(number, number))
        machine.deliver()


@pytest.fixture
def machines() -> Machines:
    """Three nodes with an account that has money, led by node 1."""
    found = Machines(3, SMALL)
    leader = found.elect(1)
    leader.turn(open_account())
    found.deliver()
    leader.turn(fund(1_000_000))
    found.deliver()
    return found


def test_a_follower_that_differs_fences_itself(machines: Machines) -> None:
    """It says where, applies nothing more, and the others go on; it still acknowledges."""
    machines[3].state._digest = b"x" * 32
    busy(machines, machines[1], range(1, 7))
    machines.tick(10)

    halt = machines[3].replica.standing.halt

    assert halt is not None
    assert halt.flaw is Flaw.STATE_DIVERGED
    assert "its digest at index" in halt.why
    assert machines[1].replica.standing.halt is None
    assert machines[1].role is Role.LEADER
    before = machines[3].state.applied()
    busy(machines, machines[1], range(7, 12))
    assert machines[3].state.applied() == before
    peers = machines[1].replica.core.status().peers
    assert peers[1].match == machines[1].replica.core.status().last


def test_a_leader_in_the_minority_resigns_first(machines: Machines) -> None:
    """Another one leads, and the one that was wrong does not campaign again."""
    machines[1].state._digest = b"x" * 32
    busy(machines, machines[1], range(1, 7))
    machines.tick(80)

    halt = machines[1].replica.standing.halt

    assert halt is not None
    assert halt.flaw is Flaw.STATE_DIVERGED
    assert machines[1].role is Role.FOLLOWER
    assert Role.LEADER in (machines[2].role, machines[3].role)
    assert machines[2].replica.standing.halt is None
    assert machines[3].replica.standing.halt is None


def test_while_nobody_has_a_majority_nothing_is_accepted(machines: Machines) -> None:
    """One of two differs and the third is away: commands and reads are refused, unlogged."""
    machines.cut.add(3)
    machines[2].state._digest = b"x" * 32
    busy(machines, machines[1], range(1, 7))
    machines.tick(6)

    outbox = machines[1].turn(payouts(50, 50))

    (refused,) = outbox.not_proposed
    assert refused.reason is Reason.DIGEST_DISPUTED
    machines.cut.clear()
    machines.tick(30)
    leader = next(m for m in machines.by_id.values() if m.role is Role.LEADER)
    assert not leader.turn(payouts(51, 51)).not_proposed
    assert machines[2].replica.standing.halt is not None


def test_a_damaged_row_fences_the_node_that_reads_it(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T85: apply meets it; nothing wrong is written or answered, and others lead on."""

    def rotten() -> LedgerView:
        raise CorruptionError("state/, table account: checksum is wrong")

    monkeypatch.setattr(machines[1].state, "view", rotten)
    before = machines[1].state.applied()
    machines[1].turn(payouts(1, 1))
    machines.deliver()
    machines.tick(60)

    halt = machines[1].replica.standing.halt

    assert halt is not None
    assert halt.flaw is Flaw.STATE_DAMAGED
    assert halt.index == before + 1
    assert machines[1].role is Role.FOLLOWER
    assert Role.LEADER in (machines[2].role, machines[3].role)
    assert machines[2].state.applied() > before
    assert [outbox.halt for outbox in machines[1].outboxes if outbox.halt] == [halt]


def test_what_a_read_or_the_scrub_finds_fences_too(machines: Machines) -> None:
    """The input names what was found."""
    machines[2].turn(StateDamaged("table payout, key 00: checksum is wrong"))

    halt = machines[2].replica.standing.halt

    assert halt is not None
    assert halt.is_of_state
    assert "table payout" in halt.why
