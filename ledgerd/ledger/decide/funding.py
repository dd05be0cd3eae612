"""Money that a bank takes back after it was booked. 2.5, from state version 3.

The bank has taken it whatever the account is worth or is allowed: what `available` cannot
give becomes a debt, `receivable`, which the next incoming money pays first.
"""

from ledgerd.ledger import money
from ledgerd.ledger.accounts import AccountKind, LedgerAccount, Side
from ledgerd.ledger.commands import FundReverse
from ledgerd.ledger.decide.common import (
    INVALID,
    Decision,
    Moment,
    debit_leg,
    is_bank,
    is_short,
)
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.journal import EntryReason, Leg
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.view import ExternalRef
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.limits import EXTERNAL_REF_BYTES_MAX, REFERENCE_BYTES_MAX


def fund_reverse(state: WorkingSet, moment: Moment, command: FundReverse) -> Decision:
    """Decide one FundReverse: available and receivable / bank cash."""
    if not (
        is_bank(command.bank)
        and command.external_ref
        and is_short(command.external_ref, EXTERNAL_REF_BYTES_MAX)
        and money.is_amount(command.amount_minor)
        and money.currency(command.currency) is not None
        and is_short(command.reason, REFERENCE_BYTES_MAX)
    ):
        return INVALID
    ref = ExternalRef(command.bank.encode(), command.external_ref.encode())
    position = state.external_ref(ref)
    original = None if position is None else state.entry((*position, 0))
    if original is None or original.reason != EntryReason.FUND:
        return Decision(Refusal.ENTRY_NOT_FOUND)
    if original.book.currency != command.currency:
        return Decision(Refusal.CURRENCY_MISMATCH)
    reversed_minor = state.reversed_minor(ref) + command.amount_minor
    if reversed_minor > original.legs[0].amount_minor:
        return Decision(Refusal.BOUND_EXCEEDED)

    (touched,) = original.touched
    account = state.account(touched.account_id)
    assert account is not None, touched
    free_minor = account.available_minor - account.min_balance_minor
    paid_minor = max(0, min(command.amount_minor, free_minor))
    owed_minor = command.amount_minor - paid_minor
    cash = LedgerAccount(AccountKind.BANK_CASH, ref.bank)
    legs = (
        debit_leg(AccountKind.AVAILABLE, account.account_id, paid_minor),
        debit_leg(AccountKind.RECEIVABLE, account.account_id, owed_minor),
        Leg(cash, Side.CREDIT, command.amount_minor),
    )
    plan = state.plan(account.book, tuple(leg for leg in legs if leg.amount_minor))
    if plan is None:
        return Decision(Refusal.OVERFLOW)

    state.post(moment.first, EntryReason.FUND_REVERSE, plan)
    state.set_reversed(ref, reversed_minor)
    state.tell(
        position=moment.first,
        kind=EventKind.FUNDING_REVERSED,
        ts_us=moment.ts_us,
        subject=command.request_id,
        currency=command.currency,
        amount_minor=command.amount_minor,
        accounts=(account.account_id,),
    )
    return Decision(Outcome.CREATED)
