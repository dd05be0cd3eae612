"""The fee schedule as messages: what `Admin.SetFees` and `GetFees` take and show."""

from typing import Final

from ledgerd.api import ids, shapes
from ledgerd.api.shapes import Malformed
from ledgerd.api.v1 import admin_pb2 as pb
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.commands import FeeRule, Refund, SetFees
from ledgerd.ledger.fees import FeeSchedule, FeeSchedules
from ledgerd.ledger.money import currency_code
from ledgerd.limits import (
    FEE_RULES_MAX,
    FEES_AS_OF_BYTES_MAX,
    QUOTE_VALID_US_MAX,
    REFERENCE_BYTES_MAX,
)

BPS_MAX: Final = 10_000
_SECOND_US: Final = 1_000_000
_REFUNDS: Final = frozenset(map(int, Refund))


def set_fees(request: pb.SetFeesRequest, *, principal: str) -> SetFees:
    """Return the command. Raises NotLogged."""
    try:
        return _set_fees(request, principal)
    except Malformed as bad:
        raise bad.error() from None


def fees_reply(
    schedules: FeeSchedules, catalogue: Catalogue, ts_us: int
) -> pb.GetFeesReply:
    """Return all versions, without the header. ts_us: log time for what is in force."""
    return pb.GetFeesReply(
        schedules=[_schedule(schedule, catalogue) for schedule in schedules.versions],
        version_in_force=schedules.at(ts_us).version,
    )


def _set_fees(request: pb.SetFeesRequest, principal: str) -> SetFees:
    if len(request.rules) > FEE_RULES_MAX:
        raise Malformed(
            "rules", f"at most {FEE_RULES_MAX} rules", str(len(request.rules))
        )
    rules = tuple(
        _rule(f"rules[{row}]", rule) for row, rule in enumerate(request.rules)
    )
    keys: set[tuple[int, int, str]] = set()
    for row, rule in enumerate(rules):
        key = rule.rail, rule.currency, rule.account_class
        if key in keys:
            expected = "each rail, currency and account class once"
            raise Malformed(f"rules[{row}]", expected, "a second rule")
        keys.add(key)
    if request.effective_from_us < 0:
        raise Malformed(
            "effective_from_us",
            "0 or more microseconds",
            str(request.effective_from_us),
        )
    valid_s_max = QUOTE_VALID_US_MAX // _SECOND_US
    if request.quote_valid_s > valid_s_max:
        raise Malformed(
            "quote_valid_s", f"0 .. {valid_s_max} seconds", str(request.quote_valid_s)
        )
    return SetFees(
        request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
        rules=rules,
        source=shapes.plain("source", request.source, bytes_max=REFERENCE_BYTES_MAX),
        principal=principal,
        effective_from_us=request.effective_from_us,
        as_of=shapes.plain("as_of", request.as_of, bytes_max=FEES_AS_OF_BYTES_MAX),
        quote_valid_us=request.quote_valid_s * _SECOND_US,
    )


def _rule(field: str, rule: pb.FeeRule) -> FeeRule:
    for name, value in (
        ("fixed_units", rule.fixed_units),
        ("min_units", rule.min_units),
        ("max_units", rule.max_units),
    ):
        if value < 0:
            raise Malformed(f"{field}.{name}", "0 or more minor units", str(value))
    if rule.bps > BPS_MAX:
        raise Malformed(f"{field}.bps", f"0 .. {BPS_MAX}", str(rule.bps))
    if rule.max_units < rule.min_units:
        raise Malformed(
            f"{field}.max_units", f"at least {rule.min_units}", str(rule.max_units)
        )
    if rule.refund not in _REFUNDS:
        expected = "REFUND_NEVER or REFUND_WHEN_ALL_RETURNED, or nothing"
        raise Malformed(f"{field}.refund", expected, str(int(rule.refund)))
    return FeeRule(
        rail=shapes.rail(f"{field}.rail", rule.rail),
        currency=shapes.currency(f"{field}.currency", rule.currency)[0],
        fixed_minor=rule.fixed_units,
        bps=rule.bps,
        min_minor=rule.min_units,
        max_minor=rule.max_units,
        account_class=shapes.account_class(
            f"{field}.account_class", rule.account_class
        ),
        refund=int(rule.refund),
    )


def _schedule(schedule: FeeSchedule, catalogue: Catalogue) -> pb.FeeSchedule:
    return pb.FeeSchedule(
        version=schedule.version,
        effective_from_us=schedule.effective_from_us,
        source=schedule.source,
        as_of=schedule.as_of,
        quote_valid_s=schedule.quote_valid_us // _SECOND_US,
        rules=[
            pb.FeeRule(
                rail=catalogue.name(rule.rail),
                currency=currency_code(rule.currency),
                fixed_units=rule.fixed_minor,
                bps=rule.bps,
                min_units=rule.min_minor,
                max_units=rule.max_minor,
                account_class=rule.account_class,
                # The wire's numbers are the ledger's.
                refund=pb.FeeRefund.Name(rule.refund),
            )
            for _, rule in sorted(schedule.rules.items())
        ],
    )
