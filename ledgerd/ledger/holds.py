"""A hold: available money put aside for a time, to be captured once or to come back.

The money of an open hold is in its account's `held` balance (I4), apart from `reserved`, so
that each of the two is a sum over one kind of thing. A hold ends once: captured, released,
or expired by a Tick. From its expiry on it cannot be captured, whether the Tick ran or not.
"""

from enum import IntEnum
from typing import NamedTuple

from ledgerd.ledger.accounts import EntryPosition, Position
from ledgerd.ledger.timers import Timer, TimerKind


class HoldState(IntEnum):
    """Durable and public values."""

    OPEN = 1
    CAPTURED = 2
    RELEASED = 3
    EXPIRED = 4


class Hold(NamedTuple):
    """One hold: what the client said, what the leader added, and how it ended.

    expires_at_us: log time from which it cannot be captured. position: of its CreateHold.
    ts_us: log time of that. captured_minor: what went to `captured_to`; the rest came back.
    changed: position of the entry or event that changed it last; changed_ts_us: its log
        time. Its own until it ends.
    """

    hold_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    expires_at_us: int
    reference: str
    position: Position
    ts_us: int
    principal: str
    state: HoldState
    captured_minor: int
    captured_to: bytes
    changed: EntryPosition
    changed_ts_us: int

    @property
    def ttl_us(self) -> int:
        """How long it was asked for, microseconds of log time."""
        return self.expires_at_us - self.ts_us

    @property
    def timer(self) -> Timer:
        """What falls due when its time is over."""
        return Timer(self.expires_at_us, self.position, TimerKind.HOLD)

    @property
    def held_minor(self) -> int:
        """What it keeps in its account's `held`. # I4."""
        return self.amount_minor if self.state == HoldState.OPEN else 0


def ended(
    hold: Hold,
    state: HoldState,
    *,
    position: EntryPosition,
    ts_us: int,
    captured_minor: int = 0,
    captured_to: bytes = b"",
) -> Hold:
    """Return the hold as it ends. It ends once."""
    assert hold.state == HoldState.OPEN, hold
    assert 0 <= captured_minor <= hold.amount_minor, (hold, captured_minor)
    return hold._replace(
        state=state,
        captured_minor=captured_minor,
        captured_to=captured_to,
        changed=position,
        changed_ts_us=ts_us,
    )
