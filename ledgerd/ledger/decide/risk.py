"""What limits and rules say of one payout, and the windows that count it. 7.2, 7.3, 9.4 row 10.

`rule_checks` and `limit_checks` list everything that was asked, each with its value and its bound:
a Submit is refused by the strictest of them, and a dry run shows them all.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias, TypeVar, assert_never

from ledgerd.ledger import windows
from ledgerd.ledger.accounts import Account
from ledgerd.ledger.commands import Submit
from ledgerd.ledger.decide.common import Moment
from ledgerd.ledger.details import Destination
from ledgerd.ledger.outcomes import Refusal
from ledgerd.ledger.payouts import OPEN_STATES, PAID_STATES, PayoutHead, PayoutState
from ledgerd.ledger.policy import Bounded, Policy
from ledgerd.ledger.risk import NO_BOUND, Action, Limit, LimitKind, Rule, RuleKind
from ledgerd.ledger.view import KnownKey
from ledgerd.ledger.windows import WindowKey, slot_number
from ledgerd.ledger.working_set import WorkingSet

Payout: TypeAlias = Submit | PayoutHead
T = TypeVar("T", bytes, tuple[str, str])
_BIC_LENGTHS: Final = (8, 11)  # no other code of a bank has so many letters and digits
_LIMIT_NAMES = {
    LimitKind.PER_PAYOUT: "per payout",
    LimitKind.ACCOUNT_WINDOW: "account window",
    LimitKind.DESTINATION_WINDOW: "destination window",
    LimitKind.TOTAL_WINDOW: "total window",
}


class Check(NamedTuple):
    """One rule or limit that was asked about a payout.

    action: what it says. refusal: the code if that is REFUSE. value, bound: what it compared, in
    minor units, payouts or microseconds; 0 and 0 for a list. A limit lets through value <= bound.
    """

    name: str
    action: Action
    refusal: Refusal | None
    value: int
    bound: int


def refusal_of(checks: list[Check]) -> Refusal | None:
    """Return the first refusal of row 10 of 9.4; None if none of them refuses."""
    return min(
        (check.refusal for check in checks if check.refusal is not None), default=None
    )


def rule_checks(state: WorkingSet, moment: Moment, payout: Payout) -> list[Check]:
    """Return what each rule in force at the entry's time says, in their order."""
    rules = state.policy.rules_at(moment.ts_us)
    if not rules:
        return []
    account = state.account(payout.account_id)
    assert account is not None, payout
    destination = state.destination(payout.details)
    return [
        _rule_check(state, moment, rule, (payout, account, destination))
        for rule in rules
    ]


def limit_checks(state: WorkingSet, moment: Moment, payout: Payout) -> list[Check]:
    """Return what each limit in force says of one payout more, in order of precedence."""
    policy = state.policy
    if not policy.limits:
        return []
    checks = per_payout_checks(policy, moment, payout, rail=payout.rail)
    counts: list[Check] = []
    for limit, key in _windows(state, payout, moment.ts_us):
        used = windows.usage(state.window(key), _slot(key, moment.ts_us))
        name = _LIMIT_NAMES[limit.kind]
        amount_minor, count = used[0] + payout.amount_minor, used[1] + 1
        if limit.amount_minor_max != NO_BOUND:
            refusal = Refusal.LIMIT_WINDOW_AMOUNT
            checks.append(_bounded(name, refusal, amount_minor, limit.amount_minor_max))
        if limit.count_max != NO_BOUND:
            refusal = Refusal.LIMIT_WINDOW_COUNT
            counts.append(_bounded(name, refusal, count, limit.count_max))
    return checks + counts


def per_payout_checks(
    policy: Policy, moment: Moment, payout: Payout, *, rail: int
) -> list[Check]:
    """Return what the limits on one payout alone say, were it to go by `rail`."""
    limits = policy.per_payout(
        moment.ts_us,
        account_id=payout.account_id,
        currency=payout.currency,
        rail=rail,
    )
    return [
        _bounded(
            _LIMIT_NAMES[limit.kind],
            Refusal.LIMIT_PER_PAYOUT,
            payout.amount_minor,
            limit.amount_minor_max,
        )
        for limit in limits
    ]


def count(state: WorkingSet, moment: Moment, payout: Submit) -> None:
    """Count a payout that is accepted now, in every window that a limit asks for. # I13."""
    for limit, key in _windows(state, payout, moment.ts_us):
        slot = _slot(key, moment.ts_us)
        use = windows.opened(state.window(key), payout.amount_minor, slot)
        _assert_within(limit, key, windows.usage(use, slot))
        state.set_window(key, use)


def ended(
    state: WorkingSet,
    moment: Moment,
    head: PayoutHead,
    *,
    before: PayoutState,
    after: PayoutState,
) -> None:
    """Take an open payout that ended out of what is open, in the windows that counted it.

    Those are the ones asked for when it was accepted. What was paid stays counted in the slot of
    its submit; a later return changes nothing.
    """
    if before not in OPEN_STATES or after in OPEN_STATES:
        return
    is_paid = after in PAID_STATES
    for _, key in _windows(state, head, head.ts_us):
        slot = _slot(key, moment.ts_us)
        use = state.window(key)
        if is_paid:
            use = windows.paid(
                use,
                head.amount_minor,
                submit_slot=_slot(key, head.ts_us),
                now_slot=slot,
            )
        else:
            use = windows.given_back(use, head.amount_minor, slot)
        state.set_window(key, use)
    if is_paid and _asks_for_first(state.policy, moment.ts_us):
        known = _known_key(head, state.destination(head.details))
        if known is not None and state.known_destination(known) is None:
            state.know_destination(known, head.position)


def _rule_check(
    state: WorkingSet,
    moment: Moment,
    rule: Rule,
    of: tuple[Payout, Account, Destination],
) -> Check:
    payout, account, destination = of
    speaks, value, bound = False, 0, 0
    match rule.kind:
        case RuleKind.BLOCKED_DESTINATION:
            speaks = _lists(rule.destinations, destination.fingerprint)
        case RuleKind.BLOCKED_BANK:
            speaks = any(_lists(rule.banks, bank) for bank in _banks(destination))
        case RuleKind.FIRST_DESTINATION:
            value, bound = payout.amount_minor, rule.amount_minor
            if payout.currency == rule.currency and value > bound:
                known = _known_key(payout, destination)
                speaks = known is None or state.known_destination(known) is None
        case RuleKind.AMOUNT:
            value, bound = payout.amount_minor, rule.amount_minor
            speaks = payout.currency == rule.currency and value > bound
        case RuleKind.NEW_ACCOUNT:
            value, bound = moment.ts_us - account.opened_ts_us, rule.age_us
            speaks = value < bound
        case RuleKind.FROZEN_OWNER:
            if account.owner_ref:
                value = state.frozen_accounts(account.owner_ref)
            speaks = value > 0
        case _:
            assert_never(rule.kind)
    action = rule.action if speaks else Action.ALLOW
    refusal = None
    if action is Action.REFUSE:
        is_block = rule.kind in (RuleKind.BLOCKED_DESTINATION, RuleKind.BLOCKED_BANK)
        refusal = Refusal.DESTINATION_BLOCKED if is_block else Refusal.RULE_REFUSED
    return Check(rule.name, action, refusal, value, bound)


def _bounded(name: str, refusal: Refusal, value: int, bound: int) -> Check:
    if value <= bound:
        return Check(name, Action.ALLOW, None, value, bound)
    return Check(name, Action.REFUSE, refusal, value, bound)


def _windows(state: WorkingSet, payout: Payout, accepted_us: int) -> list[Bounded]:
    policy = state.policy
    if not policy.limits:
        return []
    account = state.account(payout.account_id)
    assert account is not None, payout
    return policy.windows(
        accepted_us,
        account_id=payout.account_id,
        livemode=account.livemode,
        currency=payout.currency,
        fingerprint=state.destination(payout.details).fingerprint,
    )


def _slot(key: WindowKey, ts_us: int) -> int:
    return slot_number(key.window_us, ts_us)


def _assert_within(limit: Limit, key: WindowKey, used: tuple[int, int]) -> None:
    amount_minor, count = used
    assert limit.amount_minor_max == NO_BOUND or (
        amount_minor <= limit.amount_minor_max
    ), (key, used)  # I13
    assert limit.count_max == NO_BOUND or count <= limit.count_max, (key, used)  # I13


def _lists(ascending: Sequence[T], one: T) -> bool:
    at = bisect_left(ascending, one)
    return at < len(ascending) and ascending[at] == one


def _banks(destination: Destination) -> Iterator[tuple[str, str]]:
    """Yield every form in which a list may name the bank. Who lists a bank means its branches."""
    country, code = destination.country, destination.bank_code
    codes = [code] if code else []
    if len(code) in _BIC_LENGTHS:
        codes = sorted({code, code[:8], code[:8] + "XXX"})
    for one in codes:
        yield country, one
        yield "", one


def _asks_for_first(policy: Policy, ts_us: int) -> bool:
    return any(
        rule.kind is RuleKind.FIRST_DESTINATION for rule in policy.rules_at(ts_us)
    )


def _known_key(payout: Payout, destination: Destination) -> KnownKey | None:
    """Return what is kept of a destination; None where none is named: it is never known."""
    if not destination.fingerprint:
        return None
    return KnownKey(payout.account_id, destination.fingerprint)
