"""Limits and risk rules are set: whole versions, from a log time on. 2.7, 7.2, 7.3."""

from ledgerd.ledger import risk
from ledgerd.ledger.decide.common import INVALID, Decision, Moment
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.risk import Limit, LimitSet, Rule, RuleSet
from ledgerd.ledger.risk_commands import SetLimits, SetRules
from ledgerd.ledger.working_set import WorkingSet


def set_limits(state: WorkingSet, moment: Moment, command: SetLimits) -> Decision:
    """Decide one SetLimits. What was accepted before stays accepted. # I13."""
    if not (_is_origin(command) and risk.is_limits_well_formed(command.limits)):
        return INVALID
    refusals = [
        code
        for code in (_refuse_limit(state, moment, limit) for limit in command.limits)
        if code is not None
    ]
    if refusals:
        return Decision(min(refusals))
    state.set_limits(
        LimitSet(
            state.limits_version + 1,
            _from_us(moment, command),
            command.source,
            command.as_of,
            command.limits,
        )
    )
    return _told(state, moment, EventKind.LIMITS_SET, command.request_id)


def set_rules(state: WorkingSet, moment: Moment, command: SetRules) -> Decision:
    """Decide one SetRules."""
    if not (_is_origin(command) and risk.is_rules_well_formed(command.rules)):
        return INVALID
    refusals = [
        code
        for code in (_refuse_rule(state, moment, rule) for rule in command.rules)
        if code is not None
    ]
    if refusals:
        return Decision(min(refusals))
    state.set_rules(
        RuleSet(
            state.rules_version + 1,
            _from_us(moment, command),
            command.source,
            command.as_of,
            command.rules,
        )
    )
    return _told(state, moment, EventKind.RULES_SET, command.request_id)


def _is_origin(command: SetLimits | SetRules) -> bool:
    return risk.is_origin_well_formed(
        command.effective_from_us, command.source, command.as_of
    )


def _from_us(moment: Moment, command: SetLimits | SetRules) -> int:
    """Return the log time of the version: no entry at or before this one is under it."""
    return max(command.effective_from_us, moment.ts_us + 1)


def _refuse_limit(state: WorkingSet, moment: Moment, limit: Limit) -> Refusal | None:
    account = state.account(limit.account_id) if limit.account_id else None
    if limit.account_id and account is None:
        return Refusal.ACCOUNT_NOT_FOUND
    rail = state.rail(limit.rail, moment.ts_us)
    if limit.rail and rail is None:
        return Refusal.RAIL_NOT_FOUND
    if account is not None and account.currency != limit.currency:
        return Refusal.CURRENCY_MISMATCH
    if state.is_retired(limit.currency, moment.ts_us):
        return Refusal.CURRENCY_RETIRED
    if rail is not None and not rail.takes_currency(limit.currency):
        return Refusal.RAIL_CURRENCY
    return None


def _refuse_rule(state: WorkingSet, moment: Moment, rule: Rule) -> Refusal | None:
    if rule.currency and state.is_retired(rule.currency, moment.ts_us):
        return Refusal.CURRENCY_RETIRED
    return None


def _told(
    state: WorkingSet, moment: Moment, kind: EventKind, request_id: bytes
) -> Decision:
    state.tell(position=moment.first, kind=kind, ts_us=moment.ts_us, subject=request_id)
    return Decision(Outcome.CREATED)
