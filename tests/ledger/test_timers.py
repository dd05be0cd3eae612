"""Timers and the Tick that acts on them: in order, at most so many, each once."""

from ledgerd.formats import records
from ledgerd.ledger.commands import Tick
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import PayoutState, PayoutStatus
from ledgerd.ledger.timers import TICK_TIMERS_MAX, Timer, TimerKind
from ledgerd.ledger.view import Writes
from ledgerd.ledger.working_set import WorkingSet
from tests.ledger.making import Ledger, ledger, submit

SCHEDULED = PayoutStatus(PayoutState.SCHEDULED, 1, (3, 0, 0), 1)


def scheduled(count: int, due_us: int) -> Ledger:
    """A ledger with so many scheduled payouts, due one microsecond after the other."""
    books = ledger()
    books.submit(*(submit(1 + n, amount_minor=1) for n in range(count)))
    index = books.index
    timers = [
        (Timer(due_us + n, (index, n), TimerKind.RELEASE), True) for n in range(count)
    ]
    statuses = [((index, n), SCHEDULED) for n in range(count)]
    writes = Writes(payout_statuses=statuses, timers=timers)
    books.view.write(records.encode_writes(writes))
    return books


def states(books: Ledger) -> list[PayoutState]:
    return [status.state for _, status in books.view.all_payouts() if status]


def test_a_tick_releases_what_is_due_and_nothing_else():
    """The entry's time decides: due at it is due. The timer goes with the state."""
    books = scheduled(3, 0)
    due_us = books.ts_us + 1_000 - 1
    books = scheduled(3, due_us)
    applied = books.do([Tick()])
    again = books.do([Tick()])

    ready, still = PayoutState.READY, PayoutState.SCHEDULED
    assert list(applied.outcomes.codes) == [Outcome.CREATED]
    assert [
        (event.kind, event.state_before, event.state_after)
        for event in applied.writes.events
    ] == [(EventKind.PAYOUT_RELEASED, still, ready)] * 2
    assert [status.state for _, status in applied.writes.payout_statuses] == [ready] * 2
    assert states(books) == [ready] * 3
    assert len(again.writes.events) == 1
    assert books.view.timers(2**63 - 1, 10) == []
    assert books.do([Tick()]).writes.events == []


def test_a_tick_takes_a_page_in_order_and_the_next_one_the_rest():
    """One Tick is bounded; each event has its own position, so the feed stays in order."""
    books = scheduled(TICK_TIMERS_MAX + 5, 1)
    first, second = books.do([Tick()]), books.do([Tick()])

    assert len(first.writes.events) == TICK_TIMERS_MAX
    assert [event.position for event in first.writes.events] == [
        (books.index - 1, 0, n) for n in range(TICK_TIMERS_MAX)
    ]
    assert len(second.writes.events) == 5
    assert set(states(books)) == {PayoutState.READY}


def test_timers_of_the_same_entry_are_seen():
    """What the entry added or dropped counts before it is written, in order with the rest."""
    books = scheduled(3, 1)
    state = WorkingSet(books.view)
    at = books.index
    state.drop_timer(Timer(1, (at, 0), TimerKind.RELEASE))
    added = Timer(2, (1, 0), TimerKind.RELEASE)
    state.add_timer(added)
    state.add_timer(Timer(9, (1, 0), TimerKind.RELEASE))

    kept = [Timer(1 + n, (at, n), TimerKind.RELEASE) for n in range(3)]
    assert state.due_timers(8, 10) == [added, *kept[1:]]
    assert state.due_timers(8, 2) == [added, kept[1]]
    assert state.due_timers(1, 10) == []
