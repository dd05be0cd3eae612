"""Timers and the Tick that acts on them: in order, at most so many, each once."""

from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.commands import Tick
from ledgerd.ledger.decide.sweep import begun
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import PayoutState, PayoutStatus
from ledgerd.ledger.timers import TICK_TIMERS_MAX, Timer, TimerKind
from ledgerd.ledger.view import Writes
from ledgerd.ledger.working_set import WorkingSet
from tests.ledger.making import Ledger, cancel, ledger, submit
from tests.ledger.stages import check_ready

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


def old(count: int) -> Ledger:
    """A ledger of payouts from before version 3, every tenth of them cancelled."""
    books = ledger()
    books.state_version = 2
    for start in range(0, count, 1_000):
        numbers = range(start, min(start + 1_000, count))
        books.submit(*(submit(1 + n, amount_minor=1) for n in numbers))
    books.do(
        [
            cancel(10**6 + n, payout_id=submit(1 + n).payout_id)
            for n in range(0, count, 10)
        ]
    )
    books.state_version = 3
    return books


def findable(books: Ledger) -> int:
    """How many payouts the rows for workers name."""
    return sum(
        len(records.decode_ready(key, value))
        for key, value in books.view.tables[Table.READY].items()
    )


def test_what_was_ready_before_version_3_is_made_findable_in_pages():
    """Versions before kept no rows for workers; each Tick looks at 1,000 payouts. 3.6."""
    books = old(2_500)
    books.view.write(records.encode_writes(begun(books.view, books.ts_us)))
    before = findable(books)
    pages = []
    while books.view.timers(2**63 - 1, 1):
        books.do([Tick()])
        pages.append(findable(books))
    books.submit(submit(9_000, amount_minor=1))

    assert before == 0
    assert pages == [900, 1_800, 2_250]
    assert findable(books) == 2_251
    check_ready(books.view)


def test_a_sweep_ends_where_version_3_began():
    """Younger payouts have their rows already; a new ledger needs no sweep at all."""
    books = old(3)
    since_us = books.ts_us
    books.submit(submit(500, amount_minor=1), submit(501, amount_minor=1))
    books.view.write(records.encode_writes(begun(books.view, since_us)))
    books.do([Tick()])

    assert findable(books) == 2 + 2
    assert books.view.timers(2**63 - 1, 1) == []
    assert begun(ledger().view, 5) == Writes()
