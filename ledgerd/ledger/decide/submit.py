"""Submit: one payout, its amount and fee reserved, or an id that is spent. 3.2."""

from ledgerd.ledger import identity, money
from ledgerd.ledger.accounts import Account, AccountKind
from ledgerd.ledger.catalogue import Rail
from ledgerd.ledger.commands import Submit, WindowTerms
from ledgerd.ledger.decide.common import (
    INVALID,
    Decision,
    Moment,
    again_refused,
    credit_leg,
    debit_leg,
    is_short,
    refuse_status,
)
from ledgerd.ledger.decide.life import LIFECYCLE_SINCE
from ledgerd.ledger.decide.review import needs_review
from ledgerd.ledger.decide.risk import count, limit_checks, refusal_of, rule_checks
from ledgerd.ledger.details import bytes_max as details_bytes_max
from ledgerd.ledger.details import differing as differing_details
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.identity import IdKind, IdRecord
from ledgerd.ledger.journal import EntryReason
from ledgerd.ledger.outcomes import Outcome, Refusal, Retry
from ledgerd.ledger.payouts import PayoutHead, PayoutState, PayoutStatus
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.ledger.working_set import Plan, WorkingSet
from ledgerd.limits import ID_BYTES, PRINCIPAL_BYTES_MAX


def submit(state: WorkingSet, moment: Moment, command: Submit) -> Decision:
    """Decide one Submit: identity, form, then the rows of 9.4 in order."""
    answer = known_or_malformed(state, moment, command)
    if answer is not None:
        return answer

    plan = _plan_submit(state, moment, command)
    if isinstance(plan, Refusal):
        return spend(state, moment, command, plan)

    fee_minor = plan.legs[0].amount_minor - command.amount_minor
    made = initial_state(state, moment, command)
    state.post(moment.first, EntryReason.SUBMIT, plan)
    count(state, moment, command)
    state.add_payout(
        PayoutHead(
            command.payout_id,
            command.account_id,
            command.amount_minor,
            command.currency,
            command.rail,
            command.details,
            moment.position,
            moment.ts_us,
            fee_minor,
            made,
            command.principal,
            command.release_at_us,
        )
    )
    if made is PayoutState.SCHEDULED:
        due_us = command.release_at_us
        state.add_timer(Timer(due_us, moment.position, TimerKind.RELEASE))
    if made is PayoutState.READY and moment.state_version >= LIFECYCLE_SINCE:
        state.set_ready(command.rail, moment.position, is_ready=True)
    state.tell(
        position=moment.first,
        kind=EventKind.PAYOUT_CREATED,
        ts_us=moment.ts_us,
        subject=command.payout_id,
        state_after=made,
        currency=command.currency,
        amount_minor=command.amount_minor,
        fee_minor=fee_minor,
        accounts=(command.account_id,),
    )
    return Decision(Outcome.CREATED, fee_minor, made)


def known_or_malformed(
    state: WorkingSet, moment: Moment, command: Submit
) -> Decision | None:
    """Return the answer of rows 1 and 2: to an id used before, or to no Submit; else None."""
    if len(command.payout_id) != ID_BYTES:
        return INVALID
    known = state.id(IdKind.PAYOUT, command.payout_id)
    if known is not None:
        return _submit_again(state, known, command)
    if not is_submit_well_formed(command, moment.state_version):
        return INVALID
    return None


def spend(state: WorkingSet, moment: Moment, command: Submit, code: int) -> Decision:
    """Refuse a Submit with a code that spends its id."""
    record = IdRecord(*moment.position, code, moment.ts_us, submit_fingerprint(command))
    state.spend_id(IdKind.PAYOUT, command.payout_id, record)
    return Decision(code)


def initial_state(state: WorkingSet, moment: Moment, command: Submit) -> PayoutState:
    """Return the state that an accepted payout is made in. 3.2."""
    if command.release_at_us > moment.ts_us:
        return PayoutState.SCHEDULED
    if needs_review(state, moment, command):
        return PayoutState.IN_REVIEW
    return PayoutState.READY


def is_submit_well_formed(command: Submit, state_version: int) -> bool:
    """Return whether the cheap bounds hold that the edge has checked before."""
    expected_minor = command.terms.fee_expected_minor
    return (
        identity.is_uuid7(command.payout_id)
        and len(command.account_id) == ID_BYTES
        and money.is_amount(command.amount_minor)
        and money.currency(command.currency) is not None
        and len(command.details) <= details_bytes_max(state_version)
        and money.fits(command.release_at_us)
        and command.release_at_us >= 0
        and is_short(command.principal, PRINCIPAL_BYTES_MAX)
        and 0 <= command.terms.quoted_at_us <= money.BALANCE_MINOR_MAX
        and (expected_minor is None or 0 <= expected_minor <= money.BALANCE_MINOR_MAX)
        and (command.terms.window is None or _is_window(command))
    )


def _is_window(command: Submit) -> bool:
    """Return whether the window was worked out, and for a payout that may go at once."""
    window = command.terms.window
    assert window is not None, command
    return (
        not command.release_at_us
        and window.rail_version > 0
        and 0 <= window.opens_us <= window.closes_us
        and money.fits(window.closes_us)
    )


def names_stale_settings(state: WorkingSet, ts_us: int, command: Submit) -> bool:
    """Return whether its window was worked out with settings that are not in force. 6."""
    window = command.terms.window
    return window is not None and state.window_versions(command.rail, ts_us) != (
        window.rail_version,
        window.calendar_version,
    )


def refuse_submit(
    account: Account | None,
    rail: Rail | None,
    *,
    currency: int,
    is_retired: bool,
    may_wait: bool = True,
) -> Refusal | None:
    """Return the first refusal of rows 4 to 8: what depends on neither amount nor destination.

    is_retired: the currency is refused for new work.
    may_wait: a suspended rail refuses nothing, for payouts wait for it (7.5); only one that must
    go with the window open now is refused.
    """
    if account is None:
        return Refusal.ACCOUNT_NOT_FOUND
    if rail is None:
        return Refusal.RAIL_NOT_FOUND
    if rail.is_sandbox == account.livemode:
        return Refusal.LIVEMODE_MISMATCH
    if account.currency != currency:
        return Refusal.CURRENCY_MISMATCH
    if is_retired:
        return Refusal.CURRENCY_RETIRED
    closed = refuse_status(account)
    if closed is not None:
        return closed
    if rail.is_suspended and not may_wait:
        return Refusal.RAIL_SUSPENDED
    if not rail.takes_currency(currency):
        return Refusal.RAIL_CURRENCY
    return None


def refuse_window(window: WindowTerms, ts_us: int) -> Refusal | None:
    """Return CUTOFF_PASSED unless the window is open at a log time, or never closes. 7.4."""
    if window.closes_us and not window.opens_us <= ts_us < window.closes_us:
        return Refusal.CUTOFF_PASSED
    return None


def refuse_order(rail: Rail, amount_minor: int, details: bytes) -> Refusal | None:
    """Return why a rail in force does not take this amount to this destination. 8.1."""
    if not rail.takes_destination(details):
        return Refusal.RAIL_DESTINATION
    if amount_minor < rail.amount_minor_min:
        return Refusal.RAIL_AMOUNT_MIN
    if amount_minor > rail.amount_minor_max:
        return Refusal.RAIL_AMOUNT_MAX
    return None


def _fee_minor(
    state: WorkingSet, moment: Moment, command: Submit, account_class: str
) -> int | Refusal:
    """Return the fee by the schedule of now, or of a quote that is good; else row 9 of 9.4.

    A quote of a time that is yet to come binds nobody to it: the schedule of now holds.
    """
    quoted_at_us = command.terms.quoted_at_us
    schedule = state.fee_schedules().at(min(quoted_at_us or moment.ts_us, moment.ts_us))
    if quoted_at_us and moment.ts_us > quoted_at_us + schedule.quote_valid_us:
        return Refusal.QUOTE_EXPIRED
    fee_minor = schedule.fee_minor(
        rail=command.rail,
        currency=command.currency,
        amount_minor=command.amount_minor,
        account_class=account_class,
    )
    expected_minor = command.terms.fee_expected_minor
    if expected_minor is not None and fee_minor != expected_minor:
        return Refusal.FEE_CHANGED
    return fee_minor


def _plan_submit(state: WorkingSet, moment: Moment, command: Submit) -> Plan | Refusal:
    account = state.account(command.account_id)
    rail = state.rail(command.rail, moment.ts_us)
    window = command.terms.window
    refusal = refuse_submit(
        account,
        rail,
        currency=command.currency,
        is_retired=state.is_retired(command.currency, moment.ts_us),
        may_wait=window is None,
    )
    if refusal is not None:
        return refusal
    assert account is not None
    assert rail is not None
    unfit = refuse_order(rail, command.amount_minor, command.details)
    if unfit is None and window is not None:
        unfit = refuse_window(window, moment.ts_us)
    if unfit is not None:
        return unfit
    fee_minor = _fee_minor(state, moment, command, account.account_class)
    if isinstance(fee_minor, Refusal):
        return fee_minor
    refusal = refusal_of(
        rule_checks(state, moment, command) + limit_checks(state, moment, command)
    )
    if refusal is not None:
        return refusal
    total_minor = command.amount_minor + fee_minor
    if account.available_minor - total_minor < account.min_balance_minor:
        return Refusal.INSUFFICIENT_FUNDS
    plan = state.plan(
        account.book,
        (
            debit_leg(AccountKind.AVAILABLE, account.account_id, total_minor),
            credit_leg(AccountKind.RESERVED, account.account_id, total_minor),
        ),
    )
    return Refusal.OVERFLOW if plan is None else plan


def _submit_again(state: WorkingSet, known: IdRecord, command: Submit) -> Decision:
    if known.refusal:
        return again_refused(known, submit_fingerprint(command))
    position = (known.index, known.ordinal)
    return again_created(state.payout(position), state.payout_status(position), command)


def again_created(
    head: PayoutHead, status: PayoutStatus | None, command: Submit
) -> Decision:
    """Return REPLAYED with the payout as it is now, or CONFLICT with the fields' names."""
    names = differing_submit_fields(head, command)
    if names:
        return Decision(
            Outcome.CONFLICT,
            retry=Retry(
                *head.position,
                head.ts_us,
                state=0,
                fee_minor=0,
                same_request=False,
                differing=names,
            ),
        )
    now = head.state if status is None else status.state
    return Decision(
        Outcome.REPLAYED,
        head.fee_minor,
        now,
        Retry(
            *head.position,
            head.ts_us,
            state=now,
            fee_minor=head.fee_minor,
            same_request=True,
        ),
    )


def differing_submit_fields(
    first: PayoutHead | Submit, second: Submit
) -> tuple[str, ...]:
    """Return the public names of the client fields that differ, in their order."""
    names: list[str] = []
    if first.account_id != second.account_id:
        names.append("account_id")
    if first.amount_minor != second.amount_minor:
        names.append("amount.units")
    if first.currency != second.currency:
        names.append("amount.currency")
    if first.rail != second.rail:
        names.append("rail")
    if first.release_at_us != second.release_at_us:
        names.append("release_at_us")
    return (*names, *differing_details(first.details, second.details))


def submit_fingerprint(command: Submit) -> bytes:
    """Return the fingerprint kept of a refused Submit."""
    return identity.submit_fingerprint(
        account_id=command.account_id,
        amount_minor=command.amount_minor,
        currency=command.currency,
        rail=command.rail,
        details=command.details,
        release_at_us=command.release_at_us,
    )
