"""Events: the facts of the feed, one per change, numbered densely from 1 (I11)."""

from enum import IntEnum
from typing import NamedTuple

from ledgerd.ledger.accounts import Balances, EntryPosition


class EventKind(IntEnum):
    """Durable and public values."""

    ACCOUNT_OPENED = 1
    ACCOUNT_FUNDED = 2
    TRANSFERRED = 3
    PAYOUT_CREATED = 4
    PAYOUT_CANCELLED = 5
    FEES_SET = 6
    CATALOGUE_SET = 64
    CALENDAR_AMENDED = 65
    RAIL_SUSPENDED = 66
    RAIL_RESUMED = 67
    LIMITS_SET = 72
    RULES_SET = 73
    ROLES_SET = 80
    CURRENCIES_SET = 81
    PAYOUT_RELEASED = 7
    PAYOUT_APPROVED = 8
    PAYOUT_REJECTED = 9
    PAYOUT_REROUTED = 10
    PAYOUT_REDATED = 11
    DISPATCH_BEGUN = 12
    DISPATCH_CLAIMED = 13
    LEASE_LAPSED = 14
    PAYOUT_SENT = 15
    PAYOUT_NOT_ACCEPTED = 16
    PAYOUT_FAILED = 17
    PAYOUT_SETTLED = 18
    RECALL_REQUESTED = 19
    PAYOUT_RETURNED = 20
    PAYOUT_REVERSED = 21
    EXCEPTION_OPENED = 22
    EXCEPTION_PROPOSED = 23
    EXCEPTION_RESOLVED = 24
    ATTENTION_RAISED = 25
    ACCOUNT_CLOSED = 32
    ACCOUNT_FROZEN = 33
    ACCOUNT_UNFROZEN = 34
    FUNDING_REVERSED = 35
    HOLD_CREATED = 36
    HOLD_CAPTURED = 37
    HOLD_RELEASED = 38
    HOLD_EXPIRED = 39
    VOUCHER_MADE = 40
    VOUCHER_POSTED = 41
    VOUCHER_REJECTED = 42


class AccountAfter(NamedTuple):
    """The balances that the change left in one account."""

    account_id: bytes
    balances: Balances


class Event(NamedTuple):
    """One change, as the feed tells it.

    subject: id of the payout, account, hold or voucher, or the request id where nothing
        else has an id.
    state_before, state_after: PayoutState values, 0 where there is no payout.
    accounts: those whose balances changed (or began), in the order of the command.
    """

    position: EntryPosition
    seq: int
    kind: EventKind
    ts_us: int
    subject: bytes
    state_before: int
    state_after: int
    currency: int
    amount_minor: int
    fee_minor: int
    accounts: tuple[AccountAfter, ...]
