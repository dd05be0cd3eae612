"""Whoever asks for a transfer learns how it ended, once (F5)."""

from ledgerd.errors import Reason
from ledgerd.raft.entries import NO_NODE, NodeId, Role
from ledgerd.raft.options import Options
from ledgerd.replica.inputs import ReadsRequested, TransferAsked, Waiter
from ledgerd.replica.outbox import HandedOver, NotProposed
from tests.replica.machines import Machines, payouts

ASK = TransferAsked(Waiter(7), NodeId(3))


def ended(machines: Machines, node_id: int) -> list[HandedOver | NotProposed]:
    """Return what waiter 7 was told on a node."""
    return [
        told
        for outbox in machines[node_id].outboxes
        for told in (*outbox.handed_over, *outbox.not_proposed)
        if told.waiter == 7
    ]


def test_who_asked_learns_who_leads() -> None:
    """Once the old leader knows the new one; not when it merely stopped leading."""
    machines = Machines()
    leader = machines.elect(1)
    leader.turn(ASK)
    assert ended(machines, 1) == []
    machines.deliver()
    term = machines[3].replica.core.status().term

    assert machines[3].role is Role.LEADER
    assert ended(machines, 1) == [HandedOver(Waiter(7), NodeId(3), term)]


def test_a_target_that_does_not_come_is_told_as_given_up() -> None:
    """T39: after one base; the leader leads on and proposes again."""
    machines = Machines(options=Options(election_base_ticks=10, heartbeat_ticks=2))
    leader = machines.elect(1)
    machines.cut = {3}
    leader.turn(ASK)
    machines.tick(11)

    assert ended(machines, 1) == [
        NotProposed(Waiter(7), Reason.TRANSFER_GIVEN_UP, NodeId(1))
    ]
    assert leader.turn(payouts(8, 1)).not_proposed == []


def test_a_follower_names_the_leader() -> None:
    """Definite, at once."""
    machines = Machines()
    machines.elect(1)
    machines.tick(3)
    machines[2].turn(ASK)

    assert ended(machines, 2) == [NotProposed(Waiter(7), Reason.NOT_LEADER, NodeId(1))]


def test_the_node_that_leads_need_not_hand_over_to_itself() -> None:
    """A repeated request finds its wish fulfilled."""
    machines = Machines()
    leader = machines.elect(1)
    leader.turn(TransferAsked(Waiter(7), NodeId(1)))

    assert ended(machines, 1) == [HandedOver(Waiter(7), NodeId(1), 1)]


def test_calls_of_the_meantime_are_certainly_not_logged() -> None:
    """T39: proposals and reads; the target is the hint."""
    machines = Machines()
    leader = machines.elect(1)
    machines.cut = {3}
    leader.turn(ASK)
    last = leader.replica.core.status().last
    outbox = leader.turn(payouts(8, 1), ReadsRequested(Waiter(9)))

    assert outbox.not_proposed == [
        NotProposed(Waiter(8), Reason.TRANSFERRING, NodeId(3)),
        NotProposed(Waiter(9), Reason.TRANSFERRING, NodeId(3)),
    ]
    assert leader.replica.core.status().last == last


def test_a_leader_without_a_choice_says_so() -> None:
    """A cluster of one."""
    machines = Machines(1)
    leader = machines.elect(1)
    leader.turn(TransferAsked(Waiter(7), NO_NODE))

    assert ended(machines, 1) == [
        NotProposed(Waiter(7), Reason.NO_TRANSFER_TARGET, NodeId(1))
    ]


def test_a_replica_that_is_given_up_ends_who_waits() -> None:
    """F37, T93: nobody who asked waits for a core that is gone."""
    machines = Machines()
    leader = machines.elect(1)
    machines.cut = {3}
    leader.turn(ASK)
    told = leader.replica.abandon().not_proposed

    assert told == [NotProposed(Waiter(7), Reason.APPLY_STOPPED, NO_NODE)]
    assert leader.replica.abandon().not_proposed == []
