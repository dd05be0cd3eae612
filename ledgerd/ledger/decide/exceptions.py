"""Settling an exception: two people name the same way, and the second one does it. 3.5."""

from dataclasses import replace
from typing import Final

from ledgerd.ledger.accounts import AccountKind, LedgerAccount, Side
from ledgerd.ledger.commands import (
    Evidence,
    RailAck,
    RailReject,
    ResolveException,
    Return,
    Settle,
)
from ledgerd.ledger.decide import dispatch
from ledgerd.ledger.decide.common import INVALID, Decision, Moment, is_short
from ledgerd.ledger.decide.evidence import (
    back_legs,
    reject_legs,
    settle_legs,
    take,
)
from ledgerd.ledger.decide.life import Life
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.exceptions import NO_PAYOUT_AT, LedgerException, Resolution
from ledgerd.ledger.journal import EntryReason, Leg
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import PayoutState, Trigger
from ledgerd.ledger.working_set import Plan, WorkingSet
from ledgerd.limits import REFERENCE_BYTES_MAX

_RESOLUTIONS: Final = frozenset(Resolution)
_MONEY_OUT: Final = frozenset({Trigger.SETTLE})
_MONEY_IN: Final = frozenset({Trigger.RETURN, Trigger.REVERSAL_COMPLETE})
# What can have followed a dispatch that was thought not to have taken place.
_ACCEPTABLE: Final = frozenset(
    {Trigger.RAIL_ACK, Trigger.RAIL_REJECT, Trigger.SETTLE, Trigger.RETURN}
)


def resolve(state: WorkingSet, moment: Moment, command: ResolveException) -> Decision:
    """Decide one ResolveException: the first is a proposal, an equal second one settles it."""
    if not (
        command.resolution in _RESOLUTIONS
        and command.principal  # an exception is open while nobody is named
        and (command.reason or command.resolution != Resolution.DISMISS)
        and is_short(command.reason, REFERENCE_BYTES_MAX)
        and command.index >= 0
        and 0 <= command.ordinal <= 0xFFFF
    ):
        return INVALID
    exception = state.exception((command.index, command.ordinal))
    if exception is None:
        return Decision(Refusal.EXCEPTION_NOT_FOUND)
    life = None
    if exception.payout != NO_PAYOUT_AT:
        life = Life(state, moment, exception.payout)
    if not exception.is_open or not _is_possible(command.resolution, exception, life):
        return (
            Decision(Refusal.WRONG_STATE)
            if life is None
            else (life.refused(Refusal.WRONG_STATE))
        )
    if exception.proposed != command.resolution:
        return _propose(state, moment, command, exception, life)
    if exception.proposed_by == command.principal:
        return (
            Decision(Refusal.SAME_PERSON)
            if life is None
            else (life.refused(Refusal.SAME_PERSON))
        )
    return _settle(state, moment, command, exception, life)


def _is_possible(
    resolution: int, exception: LedgerException, life: Life | None
) -> bool:
    match resolution:
        case Resolution.ACCEPT:
            return (
                life is not None
                and life.state is PayoutState.READY
                and exception.trigger in _ACCEPTABLE
                and exception.rail == life.rail.number
                and exception.amount_minor <= life.amount_minor - life.status.back_minor
            )
        case Resolution.ADJUST:
            return life is not None and exception.trigger in _MONEY_OUT | _MONEY_IN
        case _:
            return True


def _propose(
    state: WorkingSet,
    moment: Moment,
    command: ResolveException,
    exception: LedgerException,
    life: Life | None,
) -> Decision:
    state.set_exception(
        replace(
            exception,
            proposed=command.resolution,
            proposed_by=command.principal,
            reason=command.reason,
            changed=moment.position,
            changed_ts_us=moment.ts_us,
        )
    )
    return _told(state, moment, command, life, EventKind.EXCEPTION_PROPOSED, settled=0)


def _settle(
    state: WorkingSet,
    moment: Moment,
    command: ResolveException,
    exception: LedgerException,
    life: Life | None,
) -> Decision:
    posting: tuple[EntryReason, Plan] | None = None
    if command.resolution == Resolution.ADJUST:
        assert life is not None, exception
        plan = life.plan(*_suspense_legs(life, exception))
        if plan is None:
            return life.refused(Refusal.OVERFLOW)
        posting = (EntryReason.RESOLUTION, plan)
    elif command.resolution == Resolution.ACCEPT:
        assert life is not None, exception
        begun = dispatch.plan_begin(life)
        if begun is None or not _has_room(life, exception):
            return life.refused(Refusal.OVERFLOW)
    state.set_exception(
        replace(
            exception,
            reason=command.reason or exception.reason,
            resolved_by=command.principal,
            changed=moment.position,
            changed_ts_us=moment.ts_us,
        )
    )
    decision = _told(
        state, moment, command, life, EventKind.EXCEPTION_RESOLVED, posting, settled=1
    )
    if command.resolution == Resolution.ACCEPT:
        assert life is not None, exception
        assert begun is not None, exception
        dispatch.take(state, moment, life, begun, exception.rail_key, None)
        decision = take(life, moment, _as_it_came(command, exception))
        assert decision.code == Outcome.CREATED, decision
    return decision


def _told(
    state: WorkingSet,
    moment: Moment,
    command: ResolveException,
    life: Life | None,
    kind: EventKind,
    posting: tuple[EntryReason, Plan] | None = None,
    *,
    settled: int,
) -> Decision:
    if life is None:
        state.tell(
            position=moment.first,
            kind=kind,
            ts_us=moment.ts_us,
            subject=command.request_id,
        )
        return Decision(Outcome.CREATED)
    life.change(
        life.state,
        kind,
        posting=posting,
        open_exceptions=life.status.open_exceptions - settled,
    )
    return life.done()


def _suspense_legs(life: Life, exception: LedgerException) -> tuple[Leg, Leg]:
    """Return the money that the rail moved and the books do not show, against suspense."""
    suspense = LedgerAccount(AccountKind.SUSPENSE, life.rail.bank.encode())
    amount_minor = exception.amount_minor
    if exception.trigger in _MONEY_OUT:
        return (
            Leg(suspense, Side.DEBIT, amount_minor),
            life.cash(Side.CREDIT, amount_minor),
        )
    return (
        life.cash(Side.DEBIT, amount_minor),
        Leg(suspense, Side.CREDIT, amount_minor),
    )


def _has_room(life: Life, exception: LedgerException) -> bool:
    """Return whether what follows the dispatch overflows no balance either."""
    begun = (
        life.own(AccountKind.RESERVED, Side.DEBIT, life.amount_minor),
        life.in_transit(Side.CREDIT),
    )
    if exception.trigger == Trigger.RAIL_REJECT:
        return life.plan(*begun, *reject_legs(life)) is not None
    if exception.trigger not in _MONEY_OUT | _MONEY_IN:
        return True
    settled = (*begun, *settle_legs(life, exception.cost_minor))
    if life.plan(*settled) is None:
        return False
    if exception.trigger not in _MONEY_IN:
        return True
    left_minor = life.amount_minor - life.status.back_minor - exception.amount_minor
    back = back_legs(life, exception.amount_minor, 0, left_minor)
    return life.plan(*settled, *back) is not None


def _as_it_came(command: ResolveException, exception: LedgerException) -> Evidence:
    """Return the evidence that opened the exception, as a command again."""
    request_id, by = command.request_id, exception.reported_by
    rail, key, reference = exception.rail, exception.rail_key, exception.reference
    match exception.trigger:
        case Trigger.RAIL_ACK:
            return RailAck(request_id, rail, key, reference, by)
        case Trigger.RAIL_REJECT:
            return RailReject(request_id, rail, key, reference, exception.code, by)
        case Trigger.SETTLE:
            value_date, cost_minor = exception.value_date, exception.cost_minor
            return Settle(request_id, rail, key, reference, value_date, cost_minor, by)
        case Trigger.RETURN:
            amount_minor, code = exception.amount_minor, exception.code
            return Return(
                request_id, rail, key, reference, amount_minor, code, False, by
            )
        case _:
            raise AssertionError(exception)
