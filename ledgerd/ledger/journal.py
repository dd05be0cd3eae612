"""Journal entries: balanced legs in one book, immutable, each with what it left behind.

An entry cannot be made unbalanced: its constructor asserts I1. For every customer account
it touches it carries the account's sequence, its balances afterwards, and the position of
the account's previous entry, so that a statement is a walk back and needs no index.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from ledgerd.ledger.accounts import (
    Balances,
    Book,
    EntryPosition,
    LedgerAccount,
    Side,
)


class EntryReason(IntEnum):
    """Which command posted the entry. Durable."""

    SUBMIT = 1
    CANCEL = 2
    FUND = 3
    TRANSFER = 4
    REJECT = 5
    REROUTE = 6
    DISPATCH = 7
    NOT_ACCEPTED = 8
    RAIL_REJECT = 9
    SETTLE = 10
    RETURN = 11
    REVERSAL = 12
    RESOLUTION = 13
    FUND_REVERSE = 32
    HOLD = 33
    HOLD_CAPTURE = 34
    HOLD_RELEASE = 35
    HOLD_EXPIRY = 36
    POST_ENTRY = 37
    ADJUST = 38


# Entries of commands on one payout: what they move belongs to it (I7).
PAYOUT_REASONS: Final = frozenset(
    {
        EntryReason.SUBMIT,
        EntryReason.CANCEL,
        EntryReason.REJECT,
        EntryReason.REROUTE,
        EntryReason.DISPATCH,
        EntryReason.NOT_ACCEPTED,
        EntryReason.RAIL_REJECT,
        EntryReason.SETTLE,
        EntryReason.RETURN,
        EntryReason.REVERSAL,
    }
)


class Leg(NamedTuple):
    """One posting. amount_minor: 1 .. 2**63 - 1."""

    account: LedgerAccount
    side: Side
    amount_minor: int


class Touched(NamedTuple):
    """What an entry left in one customer account. previous: the account's entry before."""

    account_id: bytes
    sequence: int
    balances: Balances
    previous: EntryPosition


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Debits equal credits, at least two legs, each above zero, one book. # I1."""

    position: EntryPosition
    reason: EntryReason
    book: Book
    legs: tuple[Leg, ...]
    touched: tuple[Touched, ...]

    def __post_init__(self) -> None:
        flaw = imbalance(self.legs)
        assert flaw is None, (flaw, self)  # I1


def imbalance(legs: tuple[Leg, ...]) -> str | None:
    """Say what keeps these legs from being an entry of one book; None if nothing. # I1."""
    if len(legs) < 2:
        return f"expected two legs or more, found {len(legs)}"
    sum_minor = 0
    for leg in legs:
        if leg.amount_minor <= 0:
            return f"expected amounts above zero, found {leg.amount_minor}"
        sum_minor += leg.amount_minor if leg.side == Side.DEBIT else -leg.amount_minor
    if sum_minor != 0:
        return f"expected debits equal to credits, found a difference of {sum_minor}"
    return None


def claim_changes(entry: JournalEntry) -> Iterator[tuple[bytes, int]]:
    """Yield customer accounts, and by how much a leg changes what each has with us."""
    for leg in entry.legs:
        if leg.account.is_customer:
            sign = 1 if leg.side == Side.CREDIT else -1
            yield leg.account.subject, sign * leg.amount_minor
