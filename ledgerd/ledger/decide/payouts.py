"""Commands on a payout that exists: its way through the states of 3.1."""

from ledgerd.ledger import payouts
from ledgerd.ledger.accounts import AccountKind, EntryPosition, Position
from ledgerd.ledger.commands import Cancel
from ledgerd.ledger.decide.common import (
    INVALID,
    Decision,
    Moment,
    credit_leg,
    debit_leg,
    is_short,
)
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.journal import EntryReason
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import PayoutStatus, Trigger
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.limits import ID_BYTES, REFERENCE_BYTES_MAX


def cancel(state: WorkingSet, moment: Moment, command: Cancel) -> Decision:
    """Decide one Cancel of a payout that was not dispatched."""
    if not (
        len(command.payout_id) == ID_BYTES
        and is_short(command.reason, REFERENCE_BYTES_MAX)
    ):
        return INVALID
    known = state.id(IdKind.PAYOUT, command.payout_id)
    if known is None or known.refusal:
        return Decision(Refusal.PAYOUT_NOT_FOUND)
    at = (known.index, known.ordinal)
    head, status = state.payout(at), state.payout_status(at)
    before = head.state if status is None else status.state
    after = payouts.after(before, Trigger.CANCEL)
    if after is None:
        return Decision(Refusal.WRONG_STATE, state=before, payout_position=at)
    if after == before:  # "same": the fact is established already; no entry, no event
        return Decision(Outcome.CREATED, state=after, payout_position=at)
    account = state.account(head.account_id)
    assert account is not None, head
    total_minor = payouts.reserved_minor(before, head.amount_minor, head.fee_minor)
    plan = state.plan(
        account.book,
        (
            debit_leg(AccountKind.RESERVED, head.account_id, total_minor),
            credit_leg(AccountKind.AVAILABLE, head.account_id, total_minor),
        ),
    )
    if plan is None:
        return Decision(Refusal.OVERFLOW, state=before, payout_position=at)

    state.post(moment.first, EntryReason.CANCEL, plan)
    sequence = 1 if status is None else status.sequence + 1
    state.set_payout_status(
        at, PayoutStatus(after, sequence, moment.first, moment.ts_us)
    )
    state.tell(
        position=moment.first,
        kind=EventKind.PAYOUT_CANCELLED,
        ts_us=moment.ts_us,
        subject=command.payout_id,
        state_before=before,
        state_after=after,
        currency=head.currency,
        amount_minor=head.amount_minor,
        fee_minor=head.fee_minor,
        accounts=(head.account_id,),
    )
    return Decision(Outcome.CREATED, state=after, payout_position=at)


def release(
    state: WorkingSet, moment: Moment, at: EntryPosition, position: Position
) -> None:
    """Let a scheduled payout go, by its timer. # I9."""
    head, status = state.payout(position), state.payout_status(position)
    before = head.state if status is None else status.state
    after = payouts.after(before, Trigger.RELEASE)
    assert after is not None, (head, status)  # who leaves SCHEDULED drops the timer
    sequence = 1 if status is None else status.sequence + 1
    state.set_payout_status(position, PayoutStatus(after, sequence, at, moment.ts_us))
    state.tell(
        position=at,
        kind=EventKind.PAYOUT_RELEASED,
        ts_us=moment.ts_us,
        subject=head.payout_id,
        state_before=before,
        state_after=after,
        currency=head.currency,
        amount_minor=head.amount_minor,
        fee_minor=head.fee_minor,
    )


def state_now(state: WorkingSet, position: Position) -> int:
    """Return the state of a payout that exists, as it is now."""
    status = state.payout_status(position)
    return state.payout(position).state if status is None else status.state
