"""A node whose state is not the majority's, or fails its checks, fences itself (F37, R15)."""

from collections.abc import Sequence

import pytest

from ledgerd.errors import CorruptionError, Reason
from ledgerd.formats.entries import link
from ledgerd.formats.memberships import encode_change
from ledgerd.formats.versions import STATE_VERSION_FIRST
from ledgerd.ledger.view import LedgerView
from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import Index, NodeId, Role
from ledgerd.raft.facts import Capacity, PeerGreeted
from ledgerd.raft.membership import NOBODY
from ledgerd.raft.options import Options
from ledgerd.replica.inputs import Noted, StateDamaged
from ledgerd.replica.replica import Replica
from ledgerd.replica.versions import Flaw
from tests.replica.machines import (
    Machine,
    Machines,
    MemorySnapshots,
    MemoryState,
    NotingLog,
    fund,
    open_account,
    payouts,
)

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


def without_state(machine: Machine) -> None:
    """Start a node anew whose log was cut and whose state could not be read."""
    machine.log.compact(Index(3), state_durable=machine.state.applied())
    log = machine.log = NotingLog(machine.disk, machine.events)
    machine.state = MemoryState(machine.events, STATE_VERSION_FIRST)
    machine.snapshots = MemorySnapshots(machine.state, machine.snapshots._made)
    core = RaftCore(
        machine.node_id,
        options=SMALL,
        membership=NOBODY,
        hard_state=log.hard_state(),
        log=log,
        applied=log.anchor().at,
        jitter=lambda n: 0,
        link=link,
        encode_change=encode_change,
    )
    machine.replica = Replica(
        core=core,
        log=log,
        state=machine.state,
        mail=machine.post,
        snapshots=machine.snapshots,
    )


def test_a_node_whose_state_is_lost_votes_acknowledges_and_asks_for_one(
    machines: Machines,
) -> None:
    """It does not know the members any more, so it asks for no votes, however long it waits."""
    without_state(machines[3])
    busy(machines, machines[1], range(1, 4))
    machines.tick(5)
    leader = machines[1].replica.core.status()
    halt = machines[3].replica.standing.halt

    assert halt is not None
    assert halt.is_of_state
    assert "its log begins behind index 2" in halt.why
    assert leader.peers[1].match == leader.last
    assert machines[1].snapshots.begun == ["make"]
    machines[1].turn(machines[1].snapshots.finish_making())
    machines.tick(5)
    fetched = machines[3].turn(machines[3].snapshots.finish_fetching()).state_ready
    assert fetched is not None
    assert fetched.index > 2

    machines.cut = {1}
    machines.tick(60)
    assert machines[2].role is Role.LEADER  # by its own vote and that of node 3
    machines.cut = {1, 2}
    machines.tick(100)
    assert machines[3].role is Role.FOLLOWER


def test_who_is_built_anew_knows_what_the_one_before_was_told() -> None:
    """Nobody says it again: peers greet when a stream begins, and room is told when it changes.

    Else a leader built anew would never raise the state version, and one on a full disk would take
    commands.
    """
    old, new = (Machine(1, (1, 2), SMALL).replica for _ in range(2))
    old.turn(
        [
            Noted(PeerGreeted(NodeId(2), 2, 1, 2, b"s" * 16)),
            Noted(PeerGreeted(NodeId(2), 2, 1, 3, b"s" * 16)),
            Noted(Capacity(0)),
        ],
        lambda: 1,
    )
    new.inform(old.core.facts)

    assert new.core.status().free_bytes == 0
    assert new.core.releases.state_versions(NodeId(2)) == (1, 3)
    assert new.core.facts == old.core.facts
