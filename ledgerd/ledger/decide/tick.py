"""Tick: what fell due is acted on, in order, each once. 7.4."""

from typing import assert_never

from ledgerd.ledger.accounts import EntryPosition
from ledgerd.ledger.decide.common import Decision, Moment
from ledgerd.ledger.decide.dispatch import lease_lapsed
from ledgerd.ledger.decide.holds import expire_hold
from ledgerd.ledger.decide.payouts import release
from ledgerd.ledger.decide.sweep import sweep
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.timers import TICK_TIMERS_MAX, Timer, TimerKind
from ledgerd.ledger.working_set import WorkingSet


def tick(state: WorkingSet, moment: Moment) -> Decision:
    """Act on the first timers that are due at the entry's time, at most 1,024.

    Each leaves at most one journal entry and one event, numbered by its place among them.
    """
    due = state.due_timers(moment.ts_us, TICK_TIMERS_MAX)
    for n, timer in enumerate(due):
        state.drop_timer(timer)
        _act(state, moment, (*moment.position, n), timer)
    return Decision(Outcome.CREATED)


def _act(state: WorkingSet, moment: Moment, at: EntryPosition, timer: Timer) -> None:
    match timer.kind:
        case TimerKind.RELEASE:
            release(state, moment, at, timer.position)
        case TimerKind.HOLD:
            expire_hold(state, moment, at, timer.position)
        case TimerKind.LEASE:
            lease_lapsed(state, moment, at, timer.position)
        case TimerKind.SWEEP:
            sweep(state, timer)
        case TimerKind.SETTING:
            pass  # that log time is there now is all it is for
        case _:
            assert_never(timer.kind)
