"""What a rail tells of a payout: taken in any order, used once, never dropped. 3.4, 3.5.

The books do not depend on the order: a return that overtakes the settlement implies it, and the
settlement adds what only it knows when it comes. What contradicts the state opens an exception and
moves no money.
"""

from typing import Final, assert_never

from ledgerd.ledger import money
from ledgerd.ledger.accounts import AccountKind, LedgerAccount, Position, Side
from ledgerd.ledger.commands import (
    Evidence,
    RailAck,
    RailNotAccepted,
    RailReject,
    Return,
    ReversalComplete,
    Settle,
)
from ledgerd.ledger.decide.common import INVALID, Decision, Moment, credit, is_short
from ledgerd.ledger.decide.life import Life
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.exceptions import (
    NO_PAYOUT_AT,
    EvidenceId,
    EvidenceUse,
    ExceptionCause,
    LedgerException,
)
from ledgerd.ledger.journal import EntryReason, Leg
from ledgerd.ledger.outcomes import Refusal
from ledgerd.ledger.payouts import (
    COUNT_MAX,
    RESERVED_WHOLE,
    PayoutFlag,
    PayoutState,
    Trigger,
    Verdict,
    reason_of,
)
from ledgerd.ledger.rail_keys import is_rail_key
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.limits import (
    AMOUNT_MINOR_MAX,
    EXTERNAL_REF_BYTES_MAX,
    RAIL_CODE_BYTES_MAX,
)

_DATE_MAX: Final = 99_991_231
# Refusals of evidence that was not taken, and can be told again.
_TELL_AGAIN: Final = frozenset(
    {Refusal.OVERFLOW, Refusal.VERSION_MISMATCH, Refusal.EXCEPTION_OPEN}
)
# Here the rail of the payout need not be the one that its key was for: it may be rerouted.
_NOT_AT_A_RAIL: Final = RESERVED_WHOLE | {PayoutState.CANCELLED}
_TRIGGERS: Final[dict[type[Evidence], Trigger]] = {
    RailAck: Trigger.RAIL_ACK,
    RailNotAccepted: Trigger.RAIL_NOT_ACCEPTED,
    RailReject: Trigger.RAIL_REJECT,
    Settle: Trigger.SETTLE,
    Return: Trigger.RETURN,
    ReversalComplete: Trigger.REVERSAL_COMPLETE,
}


def evidence(state: WorkingSet, moment: Moment, command: Evidence) -> Decision:
    """Decide one piece of evidence."""
    if not _is_well_formed(command):
        return INVALID
    rail = state.rail(command.rail, moment.ts_us)
    if rail is None:
        return Decision(Refusal.RAIL_NOT_FOUND)
    trigger = _TRIGGERS[type(command)]
    id_ = EvidenceId(rail.number, trigger, command.reference.encode())
    amount_minor = _amount_minor(command)
    at = state.rail_key(command.rail_key)
    used = state.evidence(id_)
    if used is not None:
        known = (at or NO_PAYOUT_AT, amount_minor)
        if (used.payout, used.amount_minor) != known:
            return _alert(state, moment, command, ExceptionCause.EVIDENCE_REUSED, at)
        if at is None:
            return Decision(Refusal.RAIL_KEY_UNKNOWN)
        return Life(state, moment, at).done()  # same

    decision = _first_told(state, moment, command, at)
    if decision.code not in _TELL_AGAIN:
        state.use_evidence(
            id_, EvidenceUse(moment.position, at or NO_PAYOUT_AT, amount_minor)
        )
    return decision


def _first_told(
    state: WorkingSet, moment: Moment, command: Evidence, at: Position | None
) -> Decision:
    trigger = _TRIGGERS[type(command)]
    if at is None:
        return _alert(state, moment, command, ExceptionCause.UNKNOWN_RAIL_KEY, None)
    life = Life(state, moment, at)
    if command.rail_key != life.status.rail_key:
        return _alert(state, moment, command, ExceptionCause.EARLIER_RAIL_KEY, at)
    if life.state not in _NOT_AT_A_RAIL and command.rail != life.rail.number:
        return _alert(state, moment, command, ExceptionCause.OTHER_RAIL, at)
    verdict = life.verdict(trigger)
    if isinstance(command, Settle) and verdict is Verdict.SAME:
        if life.status.has(PayoutFlag.SETTLED_BY_RETURN):
            return settle_late(life, command)
        return _alert(state, moment, command, ExceptionCause.SECOND_SETTLEMENT, at)
    if verdict is Verdict.SAME:
        return life.done()
    if verdict is not Verdict.LEGAL:
        return _alert(state, moment, command, ExceptionCause.WRONG_STATE, at)
    if isinstance(command, RailNotAccepted) and (
        command.claim_index not in (0, life.status.claim_index)
    ):
        return life.refused(Refusal.VERSION_MISMATCH)  # sent again since, perhaps
    if _amount_minor(command) > life.amount_minor - life.status.back_minor:
        return _alert(state, moment, command, ExceptionCause.TOO_MUCH_RETURNED, at)
    return take(life, moment, command)


def take(life: Life, moment: Moment, command: Evidence) -> Decision:
    """Write what legal evidence does, or refuse it as OVERFLOW with nothing written."""
    match command:
        case RailAck():
            life.change(
                PayoutState.SENT, EventKind.PAYOUT_SENT, rail_ref=command.reference
            )
            return life.done()
        case RailNotAccepted():
            return _not_accepted(life, command)
        case RailReject():
            return _rejected(life, command)
        case Settle():
            return _settle(life, moment, command)
        case Return():
            return _return(life, moment, command)
        case ReversalComplete():
            return _come_back(
                life,
                command.amount_minor,
                shortfall_minor=0,
                trigger=Trigger.REVERSAL_COMPLETE,
                flags=life.status.flags,
            )
        case _:
            assert_never(command)


def _not_accepted(life: Life, command: RailNotAccepted) -> Decision:
    """in_transit a / reserved a. The key stays, unless the rail burns what it refused."""
    plan = life.plan(
        life.in_transit(Side.DEBIT),
        life.own(AccountKind.RESERVED, Side.CREDIT, life.amount_minor),
    )
    if plan is None:
        return life.refused(Refusal.OVERFLOW)
    is_burned = command.is_refused and life.rail.burns_refused_keys
    flags = life.status.flags & ~PayoutFlag.NOT_FOUND
    if not command.is_refused:
        flags |= PayoutFlag.NOT_FOUND
    life.change(
        PayoutState.READY,
        EventKind.PAYOUT_NOT_ACCEPTED,
        posting=(EntryReason.NOT_ACCEPTED, plan),
        # A worker that tries without end burns no further key: the last one is refused again.
        dispatch_no=min(life.status.dispatch_no + is_burned, COUNT_MAX),
        flags=flags,
    )
    return life.done()


def _rejected(life: Life, command: RailReject) -> Decision:
    plan = life.plan(*reject_legs(life))
    if plan is None:
        return life.refused(Refusal.OVERFLOW)
    life.change(
        PayoutState.FAILED,
        EventKind.PAYOUT_FAILED,
        posting=(EntryReason.RAIL_REJECT, plan),
        failure=reason_of(command.code),
        code=command.code,
    )
    return life.done()


def reject_legs(life: Life) -> tuple[Leg, ...]:
    """Return in_transit a, reserved f / available a+f."""
    total_minor = life.amount_minor + life.fee_minor
    return (
        life.in_transit(Side.DEBIT),
        life.own(AccountKind.RESERVED, Side.DEBIT, life.fee_minor),
        life.own(AccountKind.AVAILABLE, Side.CREDIT, total_minor),
    )


def settle_legs(life: Life, cost_minor: int) -> tuple[Leg, ...]:
    """Return in_transit a / bank cash a; reserved f / fee revenue f; rail cost k / bank cash k."""
    fee = LedgerAccount(AccountKind.PAYOUT_FEE, b"")
    return (
        life.in_transit(Side.DEBIT),
        life.cash(Side.CREDIT, life.amount_minor),
        life.own(AccountKind.RESERVED, Side.DEBIT, life.fee_minor),
        Leg(fee, Side.CREDIT, life.fee_minor),
        *_cost_legs(life, cost_minor),
    )


def _cost_legs(life: Life, cost_minor: int) -> tuple[Leg, Leg]:
    cost = LedgerAccount(AccountKind.RAIL_COST, b"")
    return Leg(cost, Side.DEBIT, cost_minor), life.cash(Side.CREDIT, cost_minor)


def _settle(life: Life, moment: Moment, command: Settle) -> Decision:
    plan = life.plan(*settle_legs(life, command.cost_minor))
    if plan is None:
        return life.refused(Refusal.OVERFLOW)
    life.change(
        PayoutState.SETTLED,
        EventKind.PAYOUT_SETTLED,
        posting=(EntryReason.SETTLE, plan),
        rail_ref=command.reference,
        value_date=command.value_date,
        cost_minor=command.cost_minor,
        final_at_us=life.final_at_us(command.value_date),
    )
    return life.done()


def settle_late(life: Life, command: Settle) -> Decision:
    """Add what only the settlement knows to a payout that a return has settled already."""
    posting = None
    if command.cost_minor:
        plan = life.plan(*_cost_legs(life, command.cost_minor))
        if plan is None:
            return life.refused(Refusal.OVERFLOW)
        posting = (EntryReason.SETTLE, plan)
    # The return knew no value date, so its window was reckoned from the day it came.
    final_at_us = life.status.final_at_us
    if command.value_date and life.has_return_days:
        final_at_us = life.final_at_us(command.value_date)
    life.change(
        life.state,
        EventKind.PAYOUT_SETTLED,
        posting=posting,
        rail_ref=command.reference,
        value_date=command.value_date,
        final_at_us=final_at_us,
        cost_minor=command.cost_minor,
        flags=life.status.flags & ~PayoutFlag.SETTLED_BY_RETURN,
    )
    return life.done()


def _return(life: Life, moment: Moment, command: Return) -> Decision:
    """Take money back; first the settlement that it implies, as an entry of its own."""
    flags = life.status.flags
    if command.is_closing:
        flags |= PayoutFlag.RETURN_CLOSED
    left_minor = life.amount_minor - life.status.back_minor - command.amount_minor
    is_absorbed = command.is_closing and life.rail.absorbs
    shortfall_minor = left_minor if is_absorbed else 0
    if life.state in (PayoutState.DISPATCHING, PayoutState.SENT):
        settled = settle_legs(life, 0)
        plan = life.plan(*settled)
        back = back_legs(life, command.amount_minor, shortfall_minor, left_minor)
        if plan is None or life.plan(*settled, *back) is None:
            return life.refused(Refusal.OVERFLOW)
        flags |= PayoutFlag.SETTLED_BY_RETURN
        life.change(
            PayoutState.SETTLED,
            EventKind.PAYOUT_SETTLED,
            posting=(EntryReason.SETTLE, plan),
            final_at_us=life.final_at_us(0),
        )
    return _come_back(
        life,
        command.amount_minor,
        shortfall_minor=shortfall_minor,
        trigger=Trigger.RETURN,
        flags=flags,
        code=command.code,
    )


def back_legs(
    life: Life, amount_minor: int, shortfall_minor: int, left_minor: int
) -> tuple[Leg, ...]:
    """Return bank cash r / credit(account, r), with what we pay ourselves and the fee refunded.

    left_minor: what is missing of the amount after this, before we pay any of it.
    """
    returns = LedgerAccount(AccountKind.RETURNS, b"")
    fee = LedgerAccount(AccountKind.PAYOUT_FEE, b"")
    fee_minor = _refund_minor(life, left_minor - shortfall_minor)
    return (
        life.cash(Side.DEBIT, amount_minor),
        Leg(returns, Side.DEBIT, shortfall_minor),
        Leg(fee, Side.DEBIT, fee_minor),
        *credit(life.account, amount_minor + shortfall_minor + fee_minor),
    )


def _refund_minor(life: Life, missing_minor: int) -> int:
    """Return the fee that goes back once the whole amount is back; 0 before, or by policy."""
    return life.fee_minor if not missing_minor and life.refunds_fee else 0


def _come_back(
    life: Life,
    amount_minor: int,
    *,
    shortfall_minor: int,
    trigger: Trigger,
    flags: int,
    code: str = "",
) -> Decision:
    status = life.status
    left_minor = life.amount_minor - status.back_minor - amount_minor
    plan = life.plan(*back_legs(life, amount_minor, shortfall_minor, left_minor))
    if plan is None:
        return life.refused(Refusal.OVERFLOW)
    missing_minor = left_minor - shortfall_minor
    if _refund_minor(life, missing_minor):
        flags |= PayoutFlag.FEE_REFUNDED
    if trigger is Trigger.RETURN:
        whole, kind = PayoutState.RETURNED, EventKind.PAYOUT_RETURNED
        returned_minor, reversed_minor = amount_minor, 0
        reason = EntryReason.RETURN
    else:
        whole, kind = PayoutState.REVERSED, EventKind.PAYOUT_REVERSED
        returned_minor, reversed_minor = 0, amount_minor
        reason = EntryReason.REVERSAL
    life.change(
        PayoutState.SETTLED if missing_minor else whole,
        kind,
        posting=(reason, plan),
        amount_minor=amount_minor + shortfall_minor,
        returned_minor=status.returned_minor + returned_minor,
        reversed_minor=status.reversed_minor + reversed_minor,
        absorbed_minor=status.absorbed_minor + shortfall_minor,
        failure=reason_of(code) if code else status.failure,
        code=code or status.code,
        flags=flags,
    )
    return life.done()


def _alert(
    state: WorkingSet,
    moment: Moment,
    command: Evidence,
    cause: ExceptionCause,
    at: Position | None,
) -> Decision:
    """Open an exception with the evidence attached. Nothing is posted. 3.5.

    Where a payout has as many of them as can be counted, people must settle some first.
    """
    life = None if at is None else Life(state, moment, at)
    if life is not None and life.status.open_exceptions == COUNT_MAX:
        return life.refused(Refusal.EXCEPTION_OPEN)
    amount_minor = _amount_minor(command)
    if life is not None and not amount_minor:
        amount_minor = life.amount_minor
    exception = LedgerException(
        moment.position,
        moment.ts_us,
        cause,
        at or NO_PAYOUT_AT,
        _TRIGGERS[type(command)],
        command.rail,
        command.rail_key,
        command.reference,
        amount_minor,
        _code(command),
        command.value_date if isinstance(command, Settle) else 0,
        command.cost_minor if isinstance(command, Settle) else 0,
        command.principal,
        changed=moment.position,
        changed_ts_us=moment.ts_us,
    )
    state.set_exception(exception)
    if life is None:
        state.tell(
            position=moment.first,
            kind=EventKind.EXCEPTION_OPENED,
            ts_us=moment.ts_us,
            subject=command.request_id,
            amount_minor=amount_minor,
        )
        return Decision(Refusal.RAIL_KEY_UNKNOWN)
    life.change(
        life.state,
        EventKind.EXCEPTION_OPENED,
        open_exceptions=life.status.open_exceptions + 1,
        amount_minor=amount_minor,
    )
    if cause is ExceptionCause.TOO_MUCH_RETURNED:
        return life.refused(Refusal.RETURN_EXCEEDS_PAYOUT)
    return life.done()


def _amount_minor(command: Evidence) -> int:
    if isinstance(command, Return | ReversalComplete):
        return command.amount_minor
    return 0


def _code(command: Evidence) -> str:
    return command.code if isinstance(command, RailReject | Return) else ""


def _is_well_formed(command: Evidence) -> bool:
    if not (
        is_rail_key(command.rail_key)
        and command.reference
        and is_short(command.reference, EXTERNAL_REF_BYTES_MAX)
        and is_short(_code(command), RAIL_CODE_BYTES_MAX)
    ):
        return False
    match command:
        case Settle():
            return (
                0 <= command.value_date <= _DATE_MAX
                and 0 <= command.cost_minor <= AMOUNT_MINOR_MAX
            )
        case Return() | ReversalComplete():
            return money.is_amount(command.amount_minor)
        case _:
            return True
