"""Exceptions: evidence that contradicts what is known, kept until two people settle it (3.5)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from ledgerd.ledger.accounts import Position

NO_PAYOUT_AT: Final[Position] = (0, 0)


class EvidenceId(NamedTuple):
    """Names one fact that a rail told: used once (I9).

    trigger: the value of the command that carries it. reference: the rail's own, in UTF-8.
    """

    rail: int
    trigger: int
    reference: bytes


class EvidenceUse(NamedTuple):
    """Which command used an evidence id, and for what.

    payout: position of the payout; NO_PAYOUT_AT where its rail key named none.
    """

    command: Position
    payout: Position
    amount_minor: int


class ExceptionCause(IntEnum):
    """Why the evidence could not be taken. Durable and public."""

    WRONG_STATE = 1  # the state of the payout contradicts it
    UNKNOWN_RAIL_KEY = 2  # no payout ever had the rail key
    EARLIER_RAIL_KEY = 3  # the payout has another rail key now
    SECOND_SETTLEMENT = 4  # with another reference: perhaps a second execution
    TOO_MUCH_RETURNED = 5  # more came back than was paid
    EVIDENCE_REUSED = 6  # its reference stood for another fact
    OTHER_RAIL = 7  # another rail told it than the one that has the payment


class Resolution(IntEnum):
    """How an exception is settled. Durable and public."""

    ACCEPT = 1  # from READY: it was dispatched after all
    ADJUST = 2  # its money is booked against suspense
    DISMISS = 3  # nothing is booked


@dataclass(frozen=True, slots=True)
class LedgerException:
    """One exception. position: of the command that opened it.

    payout: position of the payout; NO_PAYOUT_AT for an orphan. trigger, rail, rail_key, reference,
    amount_minor, code, value_date, cost_minor: the evidence, as it came.
    proposed: a Resolution, 0 before the first person named one; by whom and why beside it.
    resolved_by: the second person; empty while it is open. changed, changed_ts_us: last change.
    """

    position: Position
    ts_us: int
    cause: ExceptionCause
    payout: Position
    trigger: int
    rail: int
    rail_key: str
    reference: str
    amount_minor: int
    code: str
    value_date: int
    cost_minor: int
    reported_by: str
    proposed: int = 0
    proposed_by: str = ""
    reason: str = ""
    resolved_by: str = ""
    changed: Position = NO_PAYOUT_AT
    changed_ts_us: int = 0

    @property
    def is_open(self) -> bool:
        """Whether nobody has settled it yet."""
        return not self.resolved_by
