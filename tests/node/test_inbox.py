"""The inbox keeps order, merges ticks, and refuses at once when it is full (raft.md 1.7)."""

import threading
import time
from dataclasses import replace

import pytest

from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Cancel
from ledgerd.limits import TURN_COMMANDS_MAX
from ledgerd.node.inbox import Inbox, InboxBounds
from ledgerd.raft.entries import Index, NodeId, Term
from ledgerd.raft.facts import PeerLost
from ledgerd.raft.messages import Heartbeat
from ledgerd.replica.inputs import (
    CommandProposed,
    Input,
    Noted,
    PayoutsProposed,
    ReadsRequested,
    Received,
    Ticked,
    Waiter,
)

BOUNDS = InboxBounds(
    commands_max=10_000, bytes_max=10_000_000, messages_max=2, reads_max=2
)


def batch_of(rows: int) -> PayoutBatch:
    batch = PayoutBatch()
    for row in range(rows):
        batch.add(
            payout_id=row.to_bytes(16, "big"),
            account_id=bytes(16),
            amount_minor=1,
            currency=1,
            rail=1,
            principal="tests",
            details=b"",
        )
    return batch


def heartbeat() -> Heartbeat:
    return Heartbeat(NodeId(1), NodeId(2), Term(1), Index(0), 0)


def cancel() -> Cancel:
    return Cancel(bytes(16), bytes(16), "", "tests")


def test_inputs_come_out_in_order_of_arrival() -> None:
    """A slow turn must not turn heard heartbeats into silence: ticks keep their place."""
    inbox = Inbox(BOUNDS)
    inbox.put_ticks(1, 0)
    assert inbox.put_message(heartbeat())
    inbox.put_ticks(1, 0)
    assert inbox.put_command(Waiter(7), cancel())

    kinds = [type(item) for item in inbox.take(wait_s=0)]

    assert kinds == [Ticked, Received, Ticked, CommandProposed]


def test_what_waited_through_a_pause_meets_the_missed_ticks_first() -> None:
    """T84: the loop may look at its sockets first; the leader must know that it slept."""
    inbox = Inbox(replace(BOUNDS, pause_ticks=10))
    inbox.put_ticks(1, 9)
    assert inbox.put_message(heartbeat())
    assert inbox.put_command(Waiter(7), cancel())
    inbox.put_ticks(1, 10)

    taken = inbox.take(wait_s=0)

    assert taken[0] == Ticked(1, 10)
    assert [type(item) for item in taken[1:]] == [Ticked, Received, CommandProposed]


def test_neighbouring_ticks_merge() -> None:
    """However long a turn takes, its ticks are one input."""
    inbox = Inbox(BOUNDS)
    inbox.put_ticks(1, 0)
    inbox.put_ticks(1, 4)

    assert inbox.take(wait_s=0) == [Ticked(2, 4)]


def test_messages_above_the_bound_are_dropped() -> None:
    """Consensus permits the loss of a message; it does not permit an endless queue."""
    inbox = Inbox(BOUNDS)

    assert [inbox.put_message(heartbeat()) for _ in range(3)] == [True, True, False]
    assert inbox.depth().messages == 2


def test_a_full_queue_refuses_proposals_and_reads_at_once() -> None:
    """What is refused was never queued; what was queued stays."""
    inbox = Inbox(BOUNDS)
    assert inbox.put_payouts(Waiter(1), batch_of(8_000))
    assert not inbox.put_payouts(Waiter(2), batch_of(8_000))
    assert inbox.put_payouts(Waiter(3), batch_of(2_000))
    assert not inbox.put_command(Waiter(4), cancel())
    assert [inbox.put_read(Waiter(n)) for n in (5, 6, 7)] == [True, True, False]

    taken = inbox.take(wait_s=0) + inbox.take(wait_s=0)

    waiters = [
        item.waiter
        for item in taken
        if isinstance(item, PayoutsProposed | ReadsRequested)
    ]
    assert waiters == [1, 3, 5, 6]
    assert inbox.depth().commands == 0
    assert inbox.depth().bytes == 0


def test_a_turn_takes_no_more_than_its_budget() -> None:
    """A backlog is worked off turn by turn (T94), in order and without loss."""
    inbox = Inbox(InboxBounds(100_000, 100_000_000, 10, 10))
    half = TURN_COMMANDS_MAX // 2
    for number in range(3):
        assert inbox.put_payouts(Waiter(number), batch_of(half))

    first, second = inbox.take(wait_s=0), inbox.take(wait_s=0)

    assert [len(first), len(second)] == [2, 1]


def test_a_closed_inbox_takes_no_more_work() -> None:
    """Ticks and peers still pass while a node drains."""
    inbox = Inbox(BOUNDS)
    inbox.close()

    assert not inbox.put_payouts(Waiter(1), batch_of(1))
    assert not inbox.put_read(Waiter(2))
    assert inbox.put_message(heartbeat())


@pytest.mark.parametrize("wait_s", [0, 0.01])
def test_an_empty_inbox_gives_nothing(wait_s: float) -> None:
    """A bounded wait, then an empty turn."""
    assert Inbox(BOUNDS).take(wait_s=wait_s) == []


def test_a_taker_whose_time_runs_out_as_it_is_told_misses_nothing() -> None:
    """Its waits are so short that what comes meets each of their ends."""
    inbox = Inbox(replace(BOUNDS, reads_max=10_000))
    taken: list[Input] = []

    def take_all() -> None:
        while len(taken) < 3_000:
            taken.extend(inbox.take(wait_s=1e-6))
        taken.extend(inbox.take(wait_s=1e-6))  # it can still wait

    taker = threading.Thread(target=take_all, daemon=True)
    taker.start()
    for number in range(3_000):
        while not inbox.put_read(Waiter(number)):
            pass
    taker.join(timeout=60)

    assert not taker.is_alive()
    assert taken == [ReadsRequested(Waiter(number)) for number in range(3_000)]


def test_a_waiting_taker_is_woken_at_once() -> None:
    """Each hand-over there and back would else take the whole wait."""
    there, back = Inbox(BOUNDS), Inbox(BOUNDS)

    def answer() -> None:
        for _ in range(50):
            assert there.take(wait_s=60.0)
            back.put_abandoned(Waiter(1))

    answerer = threading.Thread(target=answer, daemon=True)
    answerer.start()
    for _ in range(50):
        there.put_abandoned(Waiter(1))
        assert back.take(wait_s=60.0)
    answerer.join(timeout=60)

    assert not answerer.is_alive()


def test_a_poke_wakes_the_taker_with_nothing() -> None:
    """Also one that comes while it is busy; and no later wait is cut short by it."""
    inbox = Inbox(BOUNDS)
    taken: list[list[Input]] = []
    taker = threading.Thread(
        target=lambda: taken.append(inbox.take(wait_s=60.0)), daemon=True
    )
    taker.start()
    while not taken:
        inbox.poke()
    taker.join(timeout=60)
    inbox.poke()

    assert taken == [[]]
    assert inbox.take(wait_s=60.0) == []
    began_at = time.monotonic()
    assert inbox.take(wait_s=0.02) == []
    assert time.monotonic() - began_at >= 0.02


def test_a_fact_always_has_room_and_keeps_its_place() -> None:
    """What the core must weigh is rare and never dropped."""
    inbox = Inbox(BOUNDS)
    for _ in range(BOUNDS.messages_max):
        assert inbox.put_message(heartbeat())
    inbox.put_fact(PeerLost(NodeId(2)))

    *_, last = inbox.take(wait_s=0)

    assert last == Noted(PeerLost(NodeId(2)))
