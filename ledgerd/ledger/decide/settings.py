"""Versioned settings: data that every node has alike, replaced by commands. 2.7."""

from typing import Final

from ledgerd.ledger import money
from ledgerd.ledger.commands import FeeRule, Refund, SetFees
from ledgerd.ledger.decide.common import INVALID, Decision, Moment, is_short
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.fees import (
    QUOTE_VALID_US_DEFAULT,
    FeeSchedule,
    is_account_class,
)
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.limits import (
    ACCOUNT_CLASS_BYTES_MAX,
    FEE_RULES_MAX,
    FEES_AS_OF_BYTES_MAX,
    QUOTE_VALID_US_MAX,
    REFERENCE_BYTES_MAX,
)

_BPS_MAX: Final = 10_000
# Without classes there were never more rules than rails and currencies make.
_FEE_CLASSES_SINCE: Final = 3
_REFUNDS: Final = frozenset(Refund)


def set_fees(state: WorkingSet, moment: Moment, command: SetFees) -> Decision:
    """Decide one SetFees: the schedule from its time on, at the earliest from this entry."""
    keys = {
        (rule.rail, rule.currency, rule.account_class): rule for rule in command.rules
    }
    if not (
        len(keys) == len(command.rules)
        and (len(keys) <= FEE_RULES_MAX or moment.state_version < _FEE_CLASSES_SINCE)
        and all(_is_rule_well_formed(rule) for rule in command.rules)
        and is_short(command.source, REFERENCE_BYTES_MAX)
        and is_short(command.as_of, FEES_AS_OF_BYTES_MAX)
        and 0 <= command.effective_from_us <= money.BALANCE_MINOR_MAX
        and 0 <= command.quote_valid_us <= QUOTE_VALID_US_MAX
    ):
        return INVALID
    refusals = [
        refusal
        for rule in command.rules
        if (refusal := _refuse_rule(state, moment, rule)) is not None
    ]
    if refusals:
        return Decision(min(refusals))

    schedules = state.fee_schedules()
    schedule = FeeSchedule(
        len(schedules.versions) + 1,
        max(command.effective_from_us, moment.ts_us),
        command.source,
        {key: keys[key] for key in sorted(keys)},
        command.as_of,
        command.quote_valid_us or QUOTE_VALID_US_DEFAULT,
    )
    state.set_fees(schedule)
    state.tell(
        position=moment.first,
        kind=EventKind.FEES_SET,
        ts_us=moment.ts_us,
        subject=command.request_id,
    )
    return Decision(Outcome.CREATED)


def _is_rule_well_formed(rule: FeeRule) -> bool:
    return (
        money.currency(rule.currency) is not None
        and 0 <= rule.rail <= 0xFFFF
        and rule.fixed_minor >= 0
        and money.fits(rule.fixed_minor)
        and 0 <= rule.bps <= _BPS_MAX
        and 0 <= rule.min_minor <= rule.max_minor
        and money.fits(rule.max_minor)
        and is_account_class(rule.account_class, ACCOUNT_CLASS_BYTES_MAX)
        and rule.refund in _REFUNDS
    )


def _refuse_rule(state: WorkingSet, moment: Moment, rule: FeeRule) -> Refusal | None:
    rail = state.rail(rule.rail, moment.ts_us)
    if rail is None:
        return Refusal.RAIL_NOT_FOUND
    if state.is_retired(rule.currency, moment.ts_us):
        return Refusal.CURRENCY_RETIRED
    if not rail.takes_currency(rule.currency):
        return Refusal.RAIL_CURRENCY
    return None
