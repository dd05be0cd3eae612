"""Payouts from before state version 3 are made findable for workers, a page at a time.

Versions 1 and 2 kept no rows by which a worker finds what is READY. When version 3 comes into
force a timer is due at once, and each Tick looks at the next page, until the payouts are younger
than the timer: no apply is long, and every node does the same.
"""

from typing import Final

from ledgerd.ledger.accounts import Position
from ledgerd.ledger.payouts import PayoutState, rail_now, status_of
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.ledger.view import LedgerView, Writes
from ledgerd.ledger.working_set import WorkingSet

SWEEP_PAYOUTS_MAX: Final = 1_000  # looked at by one Tick
_BEFORE_ALL: Final[Position] = (0, 0)


def begun(view: LedgerView, ts_us: int) -> Writes:
    """Return the rows that begin a sweep at log time `ts_us`; none if no payout exists."""
    if not view.largest_payout_id():
        return Writes()
    return Writes(timers=[(Timer(ts_us, _BEFORE_ALL, TimerKind.SWEEP), True)])


def sweep(state: WorkingSet, timer: Timer) -> None:
    """Offer the READY payouts of one page behind `timer.position`; ask for the next page."""
    heads = state.payouts_after(timer.position, SWEEP_PAYOUTS_MAX)
    older = [head for head in heads if head.ts_us <= timer.due_us]
    for head in older:
        status = state.payout_status(head.position)
        if status_of(head, status).state is PayoutState.READY:
            state.set_ready(rail_now(head, status), head.position, is_ready=True)
    if len(older) == SWEEP_PAYOUTS_MAX:
        state.add_timer(timer._replace(position=older[-1].position))
