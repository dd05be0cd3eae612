"""The watch over events sees what cannot follow; the workload asks for every command."""

from typing import get_args

import pytest

from ledgerd.ledger.commands import Asked
from ledgerd.ledger.events import Event, EventKind
from ledgerd.ledger.payouts import EDGES, PayoutState
from ledgerd.simulation.check_events import EventsWatch
from ledgerd.simulation.clock import EPOCH_US
from ledgerd.simulation.swarm import Load
from ledgerd.simulation.verdict import Violation
from ledgerd.simulation.workload import Author, ReadAccount, Submits

READY, DISPATCHING = PayoutState.READY, PayoutState.DISPATCHING
SENT, SETTLED, FAILED = PayoutState.SENT, PayoutState.SETTLED, PayoutState.FAILED
CREATED = (EventKind.PAYOUT_CREATED, 0, READY)
BEGUN = (EventKind.DISPATCH_BEGUN, READY, DISPATCHING)


def event(seq: int, kind: EventKind, before: int, after: int) -> Event:
    return Event(
        position=(seq, 0, 0),
        seq=seq,
        kind=kind,
        ts_us=seq,
        subject=b"x" * 16,
        state_before=before,
        state_after=after,
        currency=0,
        amount_minor=0,
        fee_minor=0,
        accounts=(),
    )


def tell(*told: tuple[EventKind, int, int]) -> None:
    watch = EventsWatch()
    for seq, (kind, before, after) in enumerate(told, 1):
        watch.told(event(seq, kind, before, after))


def test_a_life_that_is_right_is_passed() -> None:
    """A return that overtook the settlement, which then comes, too."""
    tell(
        CREATED,
        BEGUN,
        (EventKind.PAYOUT_SETTLED, DISPATCHING, SETTLED),
        (EventKind.PAYOUT_RETURNED, SETTLED, PayoutState.RETURNED),
        (EventKind.PAYOUT_SETTLED, PayoutState.RETURNED, PayoutState.RETURNED),
    )


@pytest.mark.parametrize(
    "told",
    [
        [BEGUN],
        [CREATED, CREATED],
        [CREATED, (EventKind.PAYOUT_SENT, READY, SENT)],
        [CREATED, BEGUN, (EventKind.PAYOUT_CANCELLED, READY, PayoutState.CANCELLED)],
        [CREATED, BEGUN, (EventKind.PAYOUT_FAILED, DISPATCHING, SETTLED)],
        [CREATED, (EventKind.PAYOUT_REJECTED, READY, FAILED)],
        [(EventKind.HOLD_EXPIRED, 0, 0)],
        [(EventKind.HOLD_CREATED, 0, 0), (EventKind.VOUCHER_POSTED, 0, 0)],
        [(EventKind.VOUCHER_MADE, 0, 0), *[(EventKind.VOUCHER_POSTED, 0, 0)] * 2],
        [(EventKind.ACCOUNT_OPENED, 0, 0), *[(EventKind.ACCOUNT_CLOSED, 0, 0)] * 2],
        [(EventKind.HOLD_CREATED, 0, 0)] * 2,
    ],
)
def test_what_cannot_follow_is_seen(told: list[tuple[EventKind, int, int]]) -> None:
    """The last of these cannot come after the others (I9)."""
    tell(*told[:-1])

    with pytest.raises(Violation, match="I9"):
        tell(*told)


def test_every_edge_of_the_ledger_may_be_told() -> None:
    """Two tables, written apart: what the ledger allows, some events tell."""
    allowed = set()
    for kind in EventKind:
        for before in PayoutState:
            for after in PayoutState:
                watch = EventsWatch()
                watch._payouts[b"x" * 16] = before
                try:
                    watch.told(event(1, kind, before, after))
                except Violation:
                    continue
                if b"x" * 16 in watch._payouts and watch._payouts[b"x" * 16] != before:
                    allowed.add((before, after))

    # A return that overtakes the settlement is told as two changes.
    at_once = {(DISPATCHING, PayoutState.RETURNED), (SENT, PayoutState.RETURNED)}
    assert allowed == set(EDGES) - at_once


def test_the_workload_asks_for_every_command() -> None:
    """Issue by issue commands were added; none is left out of the simulator."""
    load = Load(
        clients=1,
        think_ns=1,
        timeout_ns=1,
        patience_ns=1,
        batch_max=3,
        accounts=3,
        retry_same=0.1,
        other_body=0.3,
        reads=0.1,
        rare=0.3,
        forget=0.0,
        lifecycle=0.4,
        bookwork=0.3,
    )
    author = Author(1, 0, load)
    asked = {type(author.next(EPOCH_US + n * 1_000)) for n in range(5_000)}

    assert asked == {*get_args(Asked), Submits, ReadAccount}
