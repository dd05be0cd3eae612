"""Limits and risk rules as messages: what `Admin` takes and shows."""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from ledgerd.api import ids, rail_names, shapes
from ledgerd.api.shapes import Malformed
from ledgerd.api.v1 import risk_pb2 as pb
from ledgerd.ledger import risk
from ledgerd.ledger.money import currency_code
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.risk import (
    NO_BOUND,
    Action,
    Limit,
    LimitKind,
    LimitSet,
    Rule,
    RuleKind,
    RuleSet,
)
from ledgerd.ledger.risk_commands import SetLimits, SetRules
from ledgerd.limits import (
    LIMIT_WINDOWS_MAX,
    LIMITS_MAX,
    RAIL_FACT_BYTES_MAX,
    RULE_BANKS_MAX,
    RULE_DESTINATIONS_MAX,
    RULE_NAME_BYTES_MAX,
    RULES_MAX,
)

T = TypeVar("T")
_SECOND_US: Final = 1_000_000
_FINGERPRINT: Final = re.compile("[0-9a-f]{32}")
_TIME_US_MAX: Final = 2**63 - 1


def set_limits(request: pb.SetLimitsRequest, *, principal: str) -> SetLimits:
    """Return the command. Raises NotLogged."""

    def read() -> SetLimits:
        _count("limits", len(request.limits), LIMITS_MAX)
        limits = tuple(
            _limit(f"limits[{row}]", limit) for row, limit in enumerate(request.limits)
        )
        if (windows := risk.windows_most(limits)) > LIMIT_WINDOWS_MAX:
            raise Malformed(
                "limits",
                f"at most {LIMIT_WINDOWS_MAX} windows of one currency, each a kind and a length",
                str(windows),
            )
        if not risk.is_limits_well_formed(limits):
            raise Malformed(
                "limits", "each bound once", "two limits for the same payouts"
            )
        return SetLimits(
            shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            *_origin(request),
            limits,
            principal,
        )

    return _checked(read)


def set_rules(request: pb.SetRulesRequest, *, principal: str) -> SetRules:
    """Return the command. Raises NotLogged."""

    def read() -> SetRules:
        _count("rules", len(request.rules), RULES_MAX)
        rules = tuple(
            _rule(f"rules[{row}]", rule) for row, rule in enumerate(request.rules)
        )
        if not risk.is_rules_well_formed(rules):
            raise Malformed(
                "rules",
                f"each name once, and at most {RULE_DESTINATIONS_MAX} destinations and "
                f"{RULE_BANKS_MAX} banks",
                ", ".join(sorted(rule.name for rule in rules))[:200],
            )
        return SetRules(
            shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            *_origin(request),
            rules,
            principal,
        )

    return _checked(read)


def limits_reply(policy: Policy) -> pb.GetLimitsReply:
    """Return all versions of the limits, without the header."""
    return pb.GetLimitsReply(versions=map(_limit_set, policy.limits))


def rules_reply(policy: Policy) -> pb.GetRulesReply:
    """Return all versions of the rules, without the header."""
    return pb.GetRulesReply(versions=map(_rule_set, policy.rules))


def _checked(read: Callable[[], T]) -> T:
    try:
        return read()
    except Malformed as bad:
        raise bad.error() from None


def _count(field: str, count: int, count_max: int) -> None:
    if count > count_max:
        raise Malformed(field, f"at most {count_max}", str(count))


def _origin(
    request: pb.SetLimitsRequest | pb.SetRulesRequest,
) -> tuple[int, str, str]:
    if request.effective_from_us < 0:
        raise Malformed(
            "effective_from_us", "0 or a log time", str(request.effective_from_us)
        )
    text_max = RAIL_FACT_BYTES_MAX - 1
    return (
        request.effective_from_us,
        shapes.plain("source", request.source, bytes_min=1, bytes_max=text_max),
        shapes.plain("as_of", request.as_of, bytes_max=text_max),
    )


def _limit(field: str, limit: pb.Limit) -> Limit:
    number, _ = shapes.currency(field + ".currency", limit.currency)
    has_amount, has_count = (
        limit.HasField("amount_units_max"),
        limit.HasField("count_max"),
    )
    if has_amount and limit.amount_units_max < 0:
        raise Malformed(
            field + ".amount_units_max", "0 or more", str(limit.amount_units_max)
        )
    made = Limit(
        LimitKind(_known(field + ".kind", limit.kind, LimitKind)),
        number,
        shapes.rail(field + ".rail", limit.rail) if limit.rail else 0,
        shapes.id_bytes(field + ".account_id", ids.ACCOUNT, limit.account_id)
        if limit.account_id
        else b"",
        limit.window_s * _SECOND_US,
        limit.amount_units_max if has_amount else NO_BOUND,
        limit.count_max if has_count else NO_BOUND,
    )
    if not risk.is_limits_well_formed((made,)):
        raise Malformed(
            field, _LIMIT_SHAPES[made.kind], f"a {made.kind.name} of {limit.window_s} s"
        )
    return made


_WINDOW: Final = (
    "a window of 3 s or more, a multiple of 3 s, 366 days at most, and amount_units_max, "
    "count_max or both; no rail"
)
_LIMIT_SHAPES: Final = {
    LimitKind.PER_PAYOUT: "amount_units_max alone, no window and no count_max",
    LimitKind.ACCOUNT_WINDOW: _WINDOW,
    LimitKind.DESTINATION_WINDOW: _WINDOW + ", no account",
    LimitKind.TOTAL_WINDOW: _WINDOW + ", no account",
}


def _rule(field: str, rule: pb.RiskRule) -> Rule:
    number = 0
    if rule.currency:
        number, _ = shapes.currency(field + ".currency", rule.currency)
    for row, text in enumerate(rule.destination_fingerprints):
        if _FINGERPRINT.fullmatch(text) is None:
            raise Malformed(
                f"{field}.destination_fingerprints[{row}]",
                "32 hexadecimal digits, as payouts show it",
                shapes.quoted(text),
            )
    if rule.age_s > _TIME_US_MAX // _SECOND_US:
        raise Malformed(
            field + ".age_s", f"at most {_TIME_US_MAX // _SECOND_US}", str(rule.age_s)
        )
    if rule.amount_units < 0:
        raise Malformed(field + ".amount_units", "0 or more", str(rule.amount_units))
    made = Rule(
        shapes.plain(
            field + ".name", rule.name, bytes_min=1, bytes_max=RULE_NAME_BYTES_MAX
        ),
        RuleKind(_known(field + ".kind", rule.kind, RuleKind)),
        Action(_known(field + ".action", rule.action, Action)),
        number,
        rule.amount_units,
        rule.age_s * _SECOND_US,
        tuple(sorted({bytes.fromhex(text) for text in rule.destination_fingerprints})),
        tuple(
            sorted(
                {
                    _bank(f"{field}.banks[{row}]", bank)
                    for row, bank in enumerate(rule.banks)
                }
            )
        ),
    )
    if not risk.is_rules_well_formed((made,)):
        raise Malformed(
            field, _RULE_SHAPES[made.kind], f"a rule {shapes.quoted(made.name)}"
        )
    return made


_AMOUNT: Final = "a currency and an amount, and nothing else"
_RULE_SHAPES: Final = {
    RuleKind.BLOCKED_DESTINATION: "1 .. 2,000 fingerprints, and nothing else",
    RuleKind.BLOCKED_BANK: "1 .. 1,000 banks, and nothing else",
    RuleKind.FIRST_DESTINATION: _AMOUNT,
    RuleKind.AMOUNT: _AMOUNT,
    RuleKind.NEW_ACCOUNT: "an age of 1 s or more, and nothing else",
    RuleKind.FROZEN_OWNER: "nothing beside its name and action",
}


def _bank(field: str, bank: pb.BlockedBank) -> tuple[str, str]:
    """Return country and code as a destination can have them: another one would block nobody."""
    country, code = bank.country, bank.bank_code
    expected = shapes.country_of_bank(code)
    if expected is None:
        raise Malformed(
            field + ".bank_code",
            "a BIC of 8 or 11 capitals and digits, a routing number of 9 digits or a sort code of "
            "6 digits",
            shapes.quoted(code),
        )
    if country and not (
        country == expected if expected else shapes.is_country(country)
    ):
        raise Malformed(
            field + ".country",
            f"{expected or 'two capital letters'}, or nothing for any",
            shapes.quoted(country),
        )
    return country, code


def _known(
    field: str, number: int, choices: type[LimitKind] | type[RuleKind] | type[Action]
) -> int:
    known: Sequence[int] = [int(choice) for choice in choices]
    if number not in known:
        names = ", ".join(choice.name for choice in choices)
        raise Malformed(field, f"one of {names}", str(number))
    return number


def _limit_set(row: LimitSet) -> pb.LimitSet:
    return pb.LimitSet(
        version=row.version,
        effective_from_us=row.effective_from_us,
        source=row.source,
        as_of=row.as_of,
        limits=map(limit_message, row.limits),
    )


def limit_message(limit: Limit) -> pb.Limit:
    """Return the message of a limit."""
    message = pb.Limit(
        kind=pb.Limit.Kind.Name(limit.kind),
        currency=currency_code(limit.currency),
        rail=rail_names.known().name(limit.rail) if limit.rail else "",
        account_id=ids.encode(ids.ACCOUNT, limit.account_id)
        if limit.account_id
        else "",
        window_s=limit.window_us // _SECOND_US,
    )
    if limit.amount_minor_max != NO_BOUND:
        message.amount_units_max = limit.amount_minor_max
    if limit.count_max != NO_BOUND:
        message.count_max = limit.count_max
    return message


def _rule_set(row: RuleSet) -> pb.RuleSet:
    return pb.RuleSet(
        version=row.version,
        effective_from_us=row.effective_from_us,
        source=row.source,
        as_of=row.as_of,
        rules=map(rule_message, row.rules),
    )


def rule_message(rule: Rule) -> pb.RiskRule:
    """Return the message of a rule."""
    return pb.RiskRule(
        name=rule.name,
        kind=pb.RiskRule.Kind.Name(rule.kind),
        action=pb.RiskRule.Action.Name(rule.action),
        currency=currency_code(rule.currency) if rule.currency else "",
        amount_units=rule.amount_minor,
        age_s=rule.age_us // _SECOND_US,
        destination_fingerprints=[one.hex() for one in rule.destinations],
        banks=[
            pb.BlockedBank(country=country, bank_code=code)
            for country, code in rule.banks
        ],
    )
