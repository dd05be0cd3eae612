"""Timers: what falls due at a log time, and the Tick that acts on it (ledger.md 5, 7.4).

A timer is a row of state, so all nodes have the same. The leader proposes a Tick when its clock
has passed the first one; the Tick takes those that are due at its own log time, in their order,
and drops each row in the same apply that acts on it. So each acts exactly once.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from ledgerd.ledger.accounts import Position

TICK_TIMERS_MAX: Final = 1_024  # acted on by one Tick; the next one follows at once


class TimerKind(IntEnum):
    """What falls due. Durable."""

    RELEASE = 1  # a scheduled payout is let go
    HOLD = 32  # the money of a hold goes back
    LEASE = 2  # a worker's lease of a payout ends
    SETTING = 64  # a version of a setting comes into force
    SWEEP = 3  # payouts of versions before 3 are looked at, for workers to find them


class Timer(NamedTuple):
    """One timer; they are ordered by their fields.

    due_us: log time, microseconds. position: of the command that made the object it is for.
    """

    due_us: int
    position: Position
    kind: TimerKind
