"""What a Submit, or another command, would meet now, without doing it. 7.5, 9.3.

The verdict is that of `apply_readable` itself, whatever rules it has; the list beside it names
what was asked, each with its value and its bound. Nothing of it is written.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledgerd.ledger.accounts import Account
from ledgerd.ledger.catalogue import Rail
from ledgerd.ledger.commands import Command, Submit
from ledgerd.ledger.decide.common import Decision, Moment
from ledgerd.ledger.decide.one import apply_readable
from ledgerd.ledger.decide.risk import limit_checks, rule_checks
from ledgerd.ledger.decide.submit import refuse_submit, refuse_window, submit
from ledgerd.ledger.fees import FeeSchedule
from ledgerd.ledger.outcomes import Outcome, Outcomes, Refusal
from ledgerd.ledger.payouts import PayoutState
from ledgerd.ledger.risk import Action
from ledgerd.ledger.view import LedgerView
from ledgerd.ledger.working_set import WorkingSet

_OUTCOMES = frozenset(map(int, Outcome))


class Check(NamedTuple):
    """One question that a Submit is asked.

    refusal: the code if the answer is no. is_review: a second person must approve it.
    value, bound: what was compared, minor units, payouts or microseconds; 0 and 0 where nothing
    is counted.
    """

    name: str
    refusal: Refusal | None = None
    is_review: bool = False
    value: int = 0
    bound: int = 0


class DryRun(NamedTuple):
    """The answer that a Submit would get, and what it was asked. fee_minor: also of a refused one.

    valid_until_us: the last log time at which this fee is kept for who names `ts_us` as the time
    of the quote.
    """

    decision: Decision
    fee_minor: int
    valid_until_us: int
    checks: tuple[Check, ...]


def dry_runs(
    view: LedgerView, first: Moment, commands: Sequence[Submit]
) -> list[DryRun]:
    """Return what the commands would be answered as one entry, whose first is at `first`."""
    index, ordinal = first.position
    assert ordinal == 0, first
    outcomes, _ = apply_readable(
        view,
        index=index,
        ts_us=first.ts_us,
        state_version=first.state_version,
        commands=commands,
    )
    state = WorkingSet(view)
    found: list[DryRun] = []
    for row, command in enumerate(commands):
        moment = first._replace(position=(index, row))
        decision = Decision(
            outcomes.codes[row],
            outcomes.fees_minor[row],
            outcomes.states[row],
            outcomes.retries.get(row),
        )
        found.append(_explained(state, moment, command, decision))
        if decision.code == Outcome.CREATED:  # later rows see what it leaves
            submit(state, moment, command)
    return found


def dry_call(view: LedgerView, moment: Moment, command: Command) -> Outcomes:
    """Return what the command would be answered as the only one of the entry at `moment`.

    The view is the caller's own: accounts it hands out are changed.
    """
    index, ordinal = moment.position
    assert ordinal == 0, moment
    outcomes, _ = apply_readable(
        view,
        index=index,
        ts_us=moment.ts_us,
        state_version=moment.state_version,
        commands=(command,),
    )
    assert len(outcomes) == 1, len(outcomes)
    return outcomes


def _explained(
    state: WorkingSet, moment: Moment, command: Submit, decision: Decision
) -> DryRun:
    account = state.account(command.account_id)
    rail = state.rail(command.rail, moment.ts_us)
    schedule = _schedule(state, moment, command)
    fee_minor = schedule.fee_minor(
        rail=command.rail,
        currency=command.currency,
        amount_minor=command.amount_minor,
        account_class="" if account is None else account.account_class,
    )
    checks = list(_checks(state, moment, command, (account, rail, schedule, fee_minor)))
    is_refused = decision.code not in _OUTCOMES
    if is_refused and decision.code not in {check.refusal for check in checks}:
        refusal = Refusal(decision.code)
        checks.append(Check(refusal.name.lower().replace("_", " "), refusal))
    is_made = decision.code == Outcome.CREATED
    assert not is_made or all(check.refusal is None for check in checks), checks
    is_review = decision.state == PayoutState.IN_REVIEW
    assert not is_made or is_review <= any(check.is_review for check in checks), checks
    return DryRun(
        decision, fee_minor, moment.ts_us + schedule.quote_valid_us, tuple(checks)
    )


def _schedule(state: WorkingSet, moment: Moment, command: Submit) -> FeeSchedule:
    quoted_at_us = command.terms.quoted_at_us or moment.ts_us
    return state.fee_schedules().at(min(quoted_at_us, moment.ts_us))


def _checks(
    state: WorkingSet,
    moment: Moment,
    command: Submit,
    of: tuple[Account | None, Rail | None, FeeSchedule, int],
) -> Iterator[Check]:
    """Yield what is asked, in the order of 9.4; nothing behind an account that cannot pay so."""
    account, rail, schedule, fee_minor = of
    window = command.terms.window
    unfit = refuse_submit(
        account,
        rail,
        currency=command.currency,
        is_retired=state.is_retired(command.currency, moment.ts_us),
        may_wait=window is None,
    )
    yield Check("account and rail", unfit)
    if account is None or rail is None or unfit is not None:
        return
    amount_minor, terms = command.amount_minor, command.terms
    takes = rail.takes_destination(command.details)
    yield Check("destination", None if takes else Refusal.RAIL_DESTINATION)
    least_minor, most_minor = rail.amount_minor_min, rail.amount_minor_max
    yield _at_most(
        "rail minimum", Refusal.RAIL_AMOUNT_MIN, -amount_minor, -least_minor
    )._replace(value=amount_minor, bound=least_minor)
    yield _at_most("rail maximum", Refusal.RAIL_AMOUNT_MAX, amount_minor, most_minor)
    if window is not None:
        yield Check(
            "window",
            refuse_window(window, moment.ts_us),
            value=moment.ts_us,
            bound=window.closes_us,
        )
    if terms.quoted_at_us:
        age_us = moment.ts_us - terms.quoted_at_us
        valid_us = schedule.quote_valid_us
        yield _at_most("quote", Refusal.QUOTE_EXPIRED, age_us, valid_us)
    expected_minor = terms.fee_expected_minor
    is_changed = expected_minor not in (None, fee_minor)
    yield Check(
        "fee",
        Refusal.FEE_CHANGED if is_changed else None,
        value=fee_minor,
        bound=fee_minor if expected_minor is None else expected_minor,
    )
    for check in rule_checks(state, moment, command):
        is_review = check.action is Action.REVIEW
        yield Check(check.name, check.refusal, is_review, check.value, check.bound)
    for check in limit_checks(state, moment, command):
        yield Check(check.name, check.refusal, False, check.value, check.bound)
    total_minor = amount_minor + fee_minor
    free_minor = account.available_minor - account.min_balance_minor
    yield _at_most("funds", Refusal.INSUFFICIENT_FUNDS, total_minor, free_minor)


def _at_most(name: str, refusal: Refusal, value: int, bound: int) -> Check:
    return Check(name, None if value <= bound else refusal, value=value, bound=bound)
