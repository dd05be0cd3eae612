"""A voucher: a journal entry written out by one person, posted when another approves it.

`PostEntry` and `Adjust` make a voucher and move no money. `ApproveVoucher` of another principal
posts its legs, checked against the state as it is then; `RejectVoucher` ends it. A voucher ends
once. Its id is the request id of the call that made it.

A voucher may not touch what other things account for: `reserved` and `held` are sums over
payouts and holds (I4), `in_transit` over payouts under way (I5).
"""

from enum import IntEnum
from typing import Final, NamedTuple

from ledgerd.ledger.accounts import (
    AccountKind,
    Book,
    EntryPosition,
    LedgerAccount,
    Position,
    Side,
)
from ledgerd.ledger.commands import EntryLeg
from ledgerd.ledger.journal import EntryReason, Leg
from ledgerd.ledger.money import is_amount
from ledgerd.limits import ENTRY_LEGS_MAX, ID_BYTES, RAIL_NAME_BYTES_MAX

CUSTOMER_KINDS: Final = frozenset(
    {AccountKind.AVAILABLE, AccountKind.BLOCKED, AccountKind.RECEIVABLE}
)
BANK_KINDS: Final = frozenset({AccountKind.BANK_CASH, AccountKind.SUSPENSE})
OWN_KINDS: Final = frozenset(
    {
        AccountKind.PAYOUT_FEE,
        AccountKind.FX_SPREAD,
        AccountKind.RAIL_COST,
        AccountKind.RETURNS,
    }
)
BANK_ALPHABET: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")


class VoucherState(IntEnum):
    """Durable and public values."""

    OPEN = 1
    POSTED = 2
    REJECTED = 3


class Voucher(NamedTuple):
    """One voucher: what was asked for, by whom, and how it ended.

    entry_reason: POST_ENTRY or ADJUST, of the journal entry that it becomes.
    linked: the entry that an Adjust puts right; NO_ENTRY of a PostEntry.
    position, ts_us, principal: of the call that made it.
    changed, changed_ts_us, changed_by: of the call that ended it; of its own while open.
    """

    voucher_id: bytes
    entry_reason: EntryReason
    book: Book
    legs: tuple[Leg, ...]
    reason: str
    linked: EntryPosition
    position: Position
    ts_us: int
    principal: str
    state: VoucherState
    changed: EntryPosition
    changed_ts_us: int
    changed_by: str


def legs_of(asked: tuple[EntryLeg, ...]) -> tuple[Leg, ...] | None:
    """Return the legs as the journal has them; None if one of them has no sound form.

    Whether they balance and their accounts exist are other questions.
    """
    if not 2 <= len(asked) <= ENTRY_LEGS_MAX:
        return None
    if not all(is_amount(leg.amount_minor) and _is_named(leg) for leg in asked):
        return None
    return tuple(
        Leg(
            LedgerAccount(AccountKind(leg.kind), leg.subject),
            Side.DEBIT if leg.is_debit else Side.CREDIT,
            leg.amount_minor,
        )
        for leg in asked
    )


def _is_named(leg: EntryLeg) -> bool:
    """Return whether kind and subject name an account that a voucher may touch."""
    if leg.kind in CUSTOMER_KINDS:
        return len(leg.subject) == ID_BYTES
    if leg.kind in BANK_KINDS:
        return 1 <= len(
            leg.subject
        ) <= RAIL_NAME_BYTES_MAX and BANK_ALPHABET.issuperset(leg.subject)
    return leg.kind in OWN_KINDS and not leg.subject
