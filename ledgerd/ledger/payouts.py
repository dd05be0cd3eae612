"""A payout and its lifecycle, as one table of transitions.

The table is the source: apply asks it, the tests walk it, the diagram in the docs is drawn
from it. A payout's head never changes; what changes is its status, whose row does not exist
until the first command after the one that made the payout.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from ledgerd.ledger.accounts import EntryPosition, Position


class PayoutState(IntEnum):
    """Durable and public values. 0 is used where there is no payout."""

    SCHEDULED = 1
    IN_REVIEW = 2
    READY = 3
    DISPATCHING = 4
    SENT = 5
    SETTLED = 6
    CANCELLED = 7
    FAILED = 8
    RETURNED = 9
    REVERSED = 10


class Trigger(IntEnum):
    """What moves a payout from one state to another. `SUBMIT` makes it."""

    SUBMIT = 1
    CANCEL = 2
    RELEASE = 3


# The states a payout may be made in.
INITIAL_STATES: Final = frozenset({PayoutState.READY})

# (state before, trigger) -> state after. What is not listed is refused as WRONG_STATE.
# A row that leads to its own state is "same": accepted, no entry, no event.
TRANSITIONS: Final[dict[tuple[PayoutState, Trigger], PayoutState]] = {
    (PayoutState.SCHEDULED, Trigger.RELEASE): PayoutState.READY,
    (PayoutState.SCHEDULED, Trigger.CANCEL): PayoutState.CANCELLED,
    (PayoutState.IN_REVIEW, Trigger.CANCEL): PayoutState.CANCELLED,
    (PayoutState.READY, Trigger.CANCEL): PayoutState.CANCELLED,
    (PayoutState.CANCELLED, Trigger.CANCEL): PayoutState.CANCELLED,
}

# States in which amount and fee are reserved; in those after dispatch only the fee is (I4).
RESERVED_WHOLE: Final = frozenset(
    {PayoutState.SCHEDULED, PayoutState.IN_REVIEW, PayoutState.READY}
)
RESERVED_FEE: Final = frozenset({PayoutState.DISPATCHING, PayoutState.SENT})
OPEN_STATES: Final = RESERVED_WHOLE | RESERVED_FEE


def after(state: PayoutState, trigger: Trigger) -> PayoutState | None:
    """Return the state that `trigger` leads to, None where it is not legal. # I9."""
    return TRANSITIONS.get((state, trigger))


class PayoutHead(NamedTuple):
    """The immutable part of a payout: what the client said, then what the leader added.

    details: packed `details.Details`. principal: of the submitter's certificate.
    fee_minor: charged by the schedule in force. state: the one it was made in.
    """

    payout_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    rail: int
    details: bytes
    position: Position
    ts_us: int
    fee_minor: int
    state: PayoutState
    principal: str


class PayoutStatus(NamedTuple):
    """The changing part of a payout; absent while nothing happened after the submit.

    sequence: number of changes since the submit, from 1, dense (I9).
    last_entry: position of the command that changed it last. ts_us: its log time.
    returned, reversed, absorbed: parts of the amount that came back (I14).
    """

    state: PayoutState
    sequence: int
    last_entry: EntryPosition
    ts_us: int
    returned_minor: int = 0
    reversed_minor: int = 0
    absorbed_minor: int = 0


def reserved_minor(state: PayoutState, amount_minor: int, fee_minor: int) -> int:
    """Return what a payout in this state keeps in its account's `reserved`. # I4."""
    if state in RESERVED_WHOLE:
        return amount_minor + fee_minor
    return fee_minor if state in RESERVED_FEE else 0
