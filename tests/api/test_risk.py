"""Limits and risk rules over TLS: set, obeyed, shown; and what is refused unlogged."""

import asyncio
from collections.abc import Callable

import pytest

from ledgerd.api import ids
from ledgerd.api.risk import (
    limit_message,
    limits_reply,
    rule_message,
    set_limits,
    set_rules,
)
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.api.v1 import payouts_pb2
from ledgerd.api.v1 import risk_pb2 as pb
from ledgerd.errors import NotLogged
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.risk import RuleKind
from tests.api.world import World
from tests.ledger.making import ALICE, DAY_US, US_ACH, limit, rule

REQUEST = "req_01h455vb4pex5vsknk084sn02q"
FINGERPRINT = "ab" * 16


def test_limits_and_rules_hold_from_the_next_submit_on(world: World) -> None:
    """Refused with the limit's code, reviewed by a rule; old versions stay readable."""
    world.node.state_version = 3

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            admin = world.stub("admin").admin
            request = pb.SetLimitsRequest(
                request_id=world.new_id(ids.REQUEST),
                source="board",
                limits=[
                    pb.Limit(kind="PER_PAYOUT", currency="USD", amount_units_max=50)
                ],
            )
            first = await admin.SetLimits(request)
            again = await admin.SetLimits(request)
            await admin.SetRules(
                pb.SetRulesRequest(
                    request_id=world.new_id(ids.REQUEST),
                    source="board",
                    rules=[
                        pb.RiskRule(
                            name="all",
                            kind="AMOUNT",
                            action="REVIEW",
                            currency="USD",
                            amount_units=0,
                        )
                    ],
                )
            )

            async def submit(units: int) -> payouts_pb2.SubmitReply:
                order = world.order(
                    account, amount=common.Money(units=units, currency="USD")
                )
                return await stub.payouts.Submit(payouts_pb2.SubmitRequest(order=order))

            over, within = await submit(51), await submit(50)
            limits = await world.stub("auditor").admin.GetLimits(pb.GetLimitsRequest())
            rules = await world.stub("approver").admin.GetRules(pb.GetRulesRequest())

            assert first.result.outcome == common.OUTCOME_CREATED
            assert again.result.outcome == common.OUTCOME_REPLAYED
            assert over.result.result.refusal == common.LIMIT_PER_PAYOUT
            assert within.payout.state == payouts_pb2.IN_REVIEW
            (version,) = limits.versions
            assert (version.version, version.source) == (1, "board")
            assert version.limits == request.limits
            assert [row.name for row in rules.versions[0].rules] == ["all"]

    asyncio.run(run())


def test_a_limit_comes_back_as_it_was_asked() -> None:
    """Every field of the message has its place in the ledger."""
    limits = [
        pb.Limit(
            kind="PER_PAYOUT",
            currency="USD",
            rail="us_ach",
            account_id=ids.encode(ids.ACCOUNT, ALICE),
            amount_units_max=0,
        ),
        pb.Limit(kind="TOTAL_WINDOW", currency="USD", window_s=3, count_max=0),
        pb.Limit(
            kind="ACCOUNT_WINDOW",
            currency="JPY",
            window_s=86_400,
            amount_units_max=2**63 - 1,
            count_max=2**32 - 1,
        ),
    ]
    request = pb.SetLimitsRequest(
        request_id=REQUEST, effective_from_us=7, source="s", as_of="d", limits=limits
    )

    command = set_limits(request, principal="root")

    assert [limit_message(one) for one in command.limits] == limits
    assert (command.effective_from_us, command.source, command.as_of) == (7, "s", "d")
    assert command.limits[0] == limit(rail=US_ACH, account_id=ALICE, amount_minor_max=0)
    assert limits_reply(Policy()).versions == []


def test_a_rule_comes_back_as_it_was_asked() -> None:
    """Lists are sorted, and each entry is there once."""
    other = "cd" * 16
    request = pb.SetRulesRequest(
        request_id=REQUEST,
        source="s",
        rules=[
            pb.RiskRule(
                name="blocked",
                kind="BLOCKED_DESTINATION",
                action="REFUSE",
                destination_fingerprints=[other, FINGERPRINT, other],
            ),
            pb.RiskRule(
                name="banks",
                kind="BLOCKED_BANK",
                action="REFUSE",
                banks=[
                    pb.BlockedBank(bank_code="200000"),
                    pb.BlockedBank(country="FR", bank_code="CMCIMQMX"),
                    pb.BlockedBank(country="US", bank_code="021000021"),
                ],
            ),
            pb.RiskRule(name="new", kind="NEW_ACCOUNT", action="REVIEW", age_s=86_400),
            pb.RiskRule(name="frozen", kind="FROZEN_OWNER", action="ALLOW"),
            pb.RiskRule(
                name="first",
                kind="FIRST_DESTINATION",
                action="REVIEW",
                currency="USD",
                amount_units=5,
            ),
        ],
    )

    command = set_rules(request, principal="root")

    assert command.rules[2] == rule(RuleKind.NEW_ACCOUNT, name="new", age_us=DAY_US)
    back = [rule_message(one) for one in command.rules]
    assert list(back[0].destination_fingerprints) == [FINGERPRINT, other]
    assert back[1:] == list(request.rules)[1:]


def window(**changes: object) -> pb.Limit:
    fields: dict[str, object] = {
        "kind": "TOTAL_WINDOW",
        "currency": "USD",
        "window_s": 60,
        "amount_units_max": 5,
    }
    # Any mixture of fields that a message takes.
    return pb.Limit(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name


BAD_LIMITS: dict[str, tuple[pb.Limit, str]] = {
    "kind": (window(kind=0), "limits[0].kind"),
    "currency": (window(currency="usd"), "limits[0].currency"),
    "rail": (window(kind="PER_PAYOUT", rail="nowhere"), "limits[0].rail"),
    "account": (window(account_id="acct_x"), "limits[0].account_id"),
    "negative": (window(amount_units_max=-1), "limits[0].amount_units_max"),
    "uneven": (window(window_s=4), "multiple of 3 s"),
    "no window": (window(window_s=0), "multiple of 3 s"),
    "per payout": (window(kind="PER_PAYOUT"), "no window"),
    "none": (pb.Limit(kind="PER_PAYOUT", currency="USD"), "amount_units_max alone"),
}


@pytest.mark.parametrize("what", BAD_LIMITS)
def test_a_bad_limit_is_named(what: str) -> None:
    """With its place and what was expected."""
    bad, expected = BAD_LIMITS[what]
    request = pb.SetLimitsRequest(request_id=REQUEST, source="s", limits=[bad])

    with pytest.raises(NotLogged) as caught:
        set_limits(request, principal="root")

    assert expected in caught.value.message


BAD_RULES: dict[str, tuple[pb.RiskRule, str]] = {
    "name": (pb.RiskRule(kind="FROZEN_OWNER", action="REVIEW"), "rules[0].name"),
    "kind": (pb.RiskRule(name="a", action="REVIEW"), "rules[0].kind"),
    "action": (pb.RiskRule(name="a", kind="FROZEN_OWNER"), "rules[0].action"),
    "fingerprint": (
        pb.RiskRule(
            name="a",
            kind="BLOCKED_DESTINATION",
            action="REFUSE",
            destination_fingerprints=["AB" * 16],
        ),
        "rules[0].destination_fingerprints[0]",
    ),
    "no list": (
        pb.RiskRule(name="a", kind="BLOCKED_DESTINATION", action="REFUSE"),
        "fingerprints, and nothing else",
    ),
    **{
        f"bank {country} {code}": (
            pb.RiskRule(
                name="a",
                kind="BLOCKED_BANK",
                action="REFUSE",
                banks=[pb.BlockedBank(country=country, bank_code=code)],
            ),
            f"rules[0].banks[0].{wrong}",
        )
        for country, code, wrong in (
            ("USA", "021000021", "country"),
            ("us", "021000021", "country"),
            ("GB", "021000021", "country"),
            ("de", "DEUTDEFF", "country"),
            ("DE", "deutdeff", "bank_code"),
            ("GB", "20-00-00", "bank_code"),
            ("US", "", "bank_code"),
            ("US", "21000021", "bank_code"),
        )
    },
    "amount": (
        pb.RiskRule(
            name="a", kind="AMOUNT", action="REVIEW", currency="USD", amount_units=-1
        ),
        "rules[0].amount_units",
    ),
    "age": (
        pb.RiskRule(name="a", kind="NEW_ACCOUNT", action="REVIEW", age_s=2**60),
        "rules[0].age_s",
    ),
    "too much": (
        pb.RiskRule(name="a", kind="FROZEN_OWNER", action="REVIEW", currency="USD"),
        "nothing beside its name",
    ),
}


@pytest.mark.parametrize("what", BAD_RULES)
def test_a_bad_rule_is_named(what: str) -> None:
    bad, expected = BAD_RULES[what]
    request = pb.SetRulesRequest(request_id=REQUEST, source="s", rules=[bad])

    with pytest.raises(NotLogged) as caught:
        set_rules(request, principal="root")

    assert expected in caught.value.message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda request: request.limits.extend([window()] * 2), "each bound once"),
        (lambda request: request.limits.extend([window()] * 1_001), "at most 1000"),
        (
            lambda request: request.limits.extend(
                window(window_s=hours * 3600) for hours in range(1, 18)
            ),
            "at most 16 windows",
        ),
        (lambda request: request.ClearField("source"), "source"),
        (
            lambda request: setattr(request, "effective_from_us", -1),
            "effective_from_us",
        ),
        (lambda request: setattr(request, "request_id", "x"), "request_id"),
    ],
)
def test_a_bad_set_of_limits_is_named(
    change: Callable[[pb.SetLimitsRequest], object], expected: str
) -> None:
    request = pb.SetLimitsRequest(request_id=REQUEST, source="s")
    assert set_limits(request, principal="root").limits == ()
    change(request)

    with pytest.raises(NotLogged) as caught:
        set_limits(request, principal="root")

    assert expected in caught.value.message
