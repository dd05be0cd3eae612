"""Risk rules: what each asks, the strictest wins, review and release. Design 7.3."""

from dataclasses import replace

import pytest

from ledgerd.formats import records
from ledgerd.ledger.commands import Approve, Tick
from ledgerd.ledger.details import destination_fingerprint, pack_details
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import PayoutState, Trigger
from ledgerd.ledger.risk import (
    Action,
    LimitKind,
    RuleKind,
    is_limits_well_formed,
    is_rules_well_formed,
)
from ledgerd.limits import LIMIT_WINDOWS_MAX
from tests.ledger.making import (
    ALICE,
    BOB,
    DAY_US,
    DETAILS,
    EUR,
    PACKED,
    freeze,
    fund,
    ledger,
    limit,
    name,
    names,
    open_account,
    rule,
    set_limits,
    set_rules,
    submit,
    uid,
    unfreeze,
)
from tests.ledger.stages import PAYOUT, Stage

READY, REVIEW = PayoutState.READY, PayoutState.IN_REVIEW
FINGERPRINT = destination_fingerprint(PACKED)
ELSEWHERE = pack_details(DETAILS._replace(account_number="1"))
REFUSE = {"action": Action.REFUSE}


def ruled(*rules, funds_minor=10**9):
    """A ledger with rules in force."""
    books = ledger(funds_minor)
    books.do([set_rules(0xA0, *rules)])
    return books


def met(books, number=1, **changes):
    """What one submit meets: a refusal, or the state it is made in."""
    applied = books.submit(submit(number, **changes))
    code = applied.outcomes.codes[0]
    if code == Outcome.CREATED:
        return PayoutState(applied.outcomes.states[0])
    return name(code)


def test_a_version_holds_from_the_next_entry_on():
    books = ruled(rule(), rule(RuleKind.FROZEN_OWNER))

    ((version, from_us, source, as_of, rules),) = [
        (row.version, row.effective_from_us, row.source, row.as_of, row.rules)
        for row in books.view.policy().rules
    ]

    assert (version, from_us) == (1, books.ts_us + 1)
    assert (source, as_of) == ("policy", "2026-11-21")
    assert rules == (rule(), rule(RuleKind.FROZEN_OWNER))
    assert books.view.events()[-1].kind is EventKind.RULES_SET


@pytest.mark.parametrize(
    ("amount", "expected"), [(5_000, READY), (5_001, REVIEW), (10_001, "RULE_REFUSED")]
)
def test_the_review_threshold_is_inclusive(amount, expected):
    """Above it a second person looks; above another one nobody may."""
    most = rule(name="most", amount_minor=10_000, **REFUSE)

    assert met(ruled(rule(), most), amount_minor=amount) is expected or (
        met(ruled(rule(), most), amount_minor=amount) == expected
    )


def test_a_rule_of_another_currency_is_silent():
    assert met(ruled(rule(currency=EUR, amount_minor=0)), amount_minor=9_000) is READY


@pytest.mark.parametrize(
    ("listed", "details", "expected"),
    [
        ((FINGERPRINT,), PACKED, "DESTINATION_BLOCKED"),
        ((bytes(16), FINGERPRINT), PACKED, "DESTINATION_BLOCKED"),
        ((FINGERPRINT,), ELSEWHERE, READY),
        ((FINGERPRINT,), b"", READY),
        ((FINGERPRINT,), b"rubbish", READY),
    ],
)
def test_a_blocked_destination(listed, details, expected):
    """By its fingerprint: the same kind, country, bank and account number."""
    books = ruled(rule(RuleKind.BLOCKED_DESTINATION, destinations=listed, **REFUSE))

    assert met(books, details=details) == expected


@pytest.mark.parametrize(
    ("banks", "expected"),
    [
        ((("US", "021000021"),), "DESTINATION_BLOCKED"),
        ((("", "021000021"),), "DESTINATION_BLOCKED"),
        ((("GB", "021000021"), ("US", "021000022")), READY),
    ],
)
def test_a_blocked_bank(banks, expected):
    """Of one country, or of any."""
    assert met(ruled(rule(RuleKind.BLOCKED_BANK, banks=banks, **REFUSE))) == expected


@pytest.mark.parametrize(
    ("listed", "code", "is_met"),
    [
        ("COBADEFF", "COBADEFF", True),
        ("COBADEFF", "COBADEFFXXX", True),
        ("COBADEFFXXX", "COBADEFF", True),
        ("COBADEFF", "COBADEFF123", True),
        ("COBADEFF123", "COBADEFF123", True),
        ("COBADEFF123", "COBADEFF", False),
        ("COBADEFF", "COBADEFG", False),
        ("COBADEFF", "", False),
    ],
)
@pytest.mark.parametrize("country", ["", "DE"])
def test_a_blocked_bank_is_met_however_it_is_written(country, listed, code, is_met):
    """With and without its branch, and whatever country is stated beside an IBAN."""
    banks = ((country, listed),)
    books = ruled(rule(RuleKind.BLOCKED_BANK, banks=banks, **REFUSE))
    details = pack_details(
        DETAILS._replace(
            destination_kind=1,
            country="FR",
            bank_code=code,
            account_number="DE89370400440532013000",
        )
    )

    found = met(books, 1, details=details)

    assert found == ("DESTINATION_BLOCKED" if is_met else READY)


def test_a_new_account():
    """Until it is as old as the rule asks, to the microsecond."""
    books = ruled(rule(RuleKind.NEW_ACCOUNT, age_us=DAY_US))
    account = books.view.account(ALICE)
    assert account is not None
    books.ts_us = account.opened_ts_us + DAY_US - 1_001

    young, old = met(books, 1), met(books, 2)

    assert (young, old) == (REVIEW, READY)


def test_a_frozen_owner():
    """Another account of the same owner is frozen, until none of them is."""
    other, third = uid(0x0F), uid(0x1F)
    books = ruled(rule(RuleKind.FROZEN_OWNER, **REFUSE))
    books.do([open_account(other), open_account(third)])

    found = [met(books, 1)]
    books.do([freeze(2, account_id=other), freeze(3, account_id=third)])
    found.append(met(books, 4))
    books.do([unfreeze(5, account_id=other)])
    found.append(met(books, 6))
    books.do(
        [
            unfreeze(7, account_id=third),
            freeze(8, account_id=BOB),
            unfreeze(9, account_id=BOB),
        ]
    )
    found.append(met(books, 10))

    assert found == [READY, "RULE_REFUSED", "RULE_REFUSED", READY]


def test_accounts_without_an_owner_have_none_in_common():
    books = ruled(rule(RuleKind.FROZEN_OWNER))
    lone, other = uid(0x0F), uid(0x1F)
    books.do([open_account(lone, owner_ref=""), open_account(other, owner_ref="")])
    books.do([fund(2, account_id=lone), freeze(3, account_id=other)])

    assert met(books, 4, account_id=lone) is READY


def settled(stage):
    for trigger in (Trigger.DISPATCH_BEGIN, Trigger.SETTLE):
        assert stage.code(trigger) == Outcome.CREATED


def test_the_first_payout_to_a_destination_is_reviewed_until_one_settled():
    """Known to the account that paid it; for smaller amounts nobody asks."""
    first = rule(RuleKind.FIRST_DESTINATION, amount_minor=1_000)
    big = {"amount_minor": 1_001}
    assert [met(ruled(first), **big), met(ruled(first))] == [REVIEW, READY]
    stage = Stage()
    books = stage.books
    stage.do(set_rules(80, first))
    stage.submit()
    settled(stage)

    books.do([open_account(BOB), fund(81, account_id=BOB)])
    assert met(books, 3, **big) is READY
    assert met(books, 4, details=ELSEWHERE, **big) is REVIEW
    assert met(books, 5, account_id=BOB, **big) is REVIEW
    assert met(books, 6, details=b"", **big) is REVIEW
    assert met(books, 7, details=ELSEWHERE, amount_minor=1_000) is READY


def test_destinations_are_learned_from_when_a_rule_asks():
    """What settled before it is not known: a person looks once more than needed."""
    stage = Stage()
    stage.submit()
    settled(stage)
    stage.do(set_rules(80, rule(RuleKind.FIRST_DESTINATION, amount_minor=1)))

    assert met(stage.books, 2) is REVIEW
    assert stage.books.view.tables["window"] == {}


def test_the_strictest_rule_wins_and_an_allowing_one_says_nothing():
    allow = rule(name="a", amount_minor=0, action=Action.ALLOW)
    review = rule(name="b", amount_minor=0)
    refuse = rule(name="c", amount_minor=0, **REFUSE)

    assert met(ruled(allow)) is READY
    assert met(ruled(review, allow)) is REVIEW
    assert met(ruled(allow, refuse, review)) == "RULE_REFUSED"


def test_four_eyes_let_it_go():
    """The submitter is not asked; the second person is, and then it is ready."""
    books = ruled(rule(amount_minor=0))
    assert met(books) is REVIEW

    own = books.do([Approve(uid(2), PAYOUT, "svc")])
    other = books.do([Approve(uid(3), PAYOUT, "boss")])

    assert names(own) + names(other) == ["SAME_PERSON", "CREATED"]
    assert PayoutState(other.outcomes.states[0]) is READY


@pytest.mark.parametrize("action", [Action.REVIEW, Action.REFUSE])
def test_rules_are_asked_again_at_the_release(action):
    """What was accepted before a rule is for a person, were it refused now."""
    books = ledger()
    due_us = books.ts_us + DAY_US
    books.submit(submit(1, release_at_us=due_us))
    books.do([set_rules(2, rule(amount_minor=0, action=action))])
    books.ts_us = due_us

    books.do([Tick()])

    ((_, status),) = books.view.all_payouts()
    assert status is not None
    assert status.state is REVIEW


def test_a_scheduled_payout_is_refused_at_its_submit():
    """What may not go at all is not reserved; what needs a review waits for its release."""
    books = ruled(rule(), rule(name="most", amount_minor=10_000, **REFUSE))
    due_us = books.ts_us + DAY_US

    found = [
        met(books, number, amount_minor=amount, release_at_us=due_us)
        for number, amount in ((1, 9_000), (2, 10_001))
    ]

    assert found == [PayoutState.SCHEDULED, "RULE_REFUSED"]


MALFORMED_LIMITS = {
    "no bound": limit(amount_minor_max=-1),
    "count per payout": limit(count_max=3),
    "window per payout": limit(window_us=24),
    "no window": limit(limit().kind.TOTAL_WINDOW, window_us=0),
    "uneven window": limit(limit().kind.TOTAL_WINDOW, window_us=25),
    "long window": limit(limit().kind.TOTAL_WINDOW, window_us=24 * 10**15),
    "rail of a window": limit(limit().kind.TOTAL_WINDOW, rail=2),
    "account of a total": limit(limit().kind.TOTAL_WINDOW, account_id=ALICE),
    "short account": limit(account_id=b"short"),
    "no currency": limit(currency=26**3),
    "below no bound": limit(amount_minor_max=-2),
}
MALFORMED_RULES = {
    "no name": rule(name=""),
    "long name": rule(name="x" * 41),
    "no currency": rule(currency=0),
    "currency": rule(RuleKind.FROZEN_OWNER, currency=EUR),
    "negative": rule(amount_minor=-1),
    "age": rule(age_us=5),
    "no age": rule(RuleKind.NEW_ACCOUNT),
    "no list": rule(RuleKind.BLOCKED_DESTINATION),
    "short fingerprint": rule(RuleKind.BLOCKED_DESTINATION, destinations=(b"short",)),
    "falling": rule(
        RuleKind.BLOCKED_DESTINATION, destinations=(FINGERPRINT, bytes(16))
    ),
    "no bank code": rule(RuleKind.BLOCKED_BANK, banks=(("US", ""),)),
    "banks of another": rule(banks=(("US", "1"),)),
}


def test_few_windows_count_one_payout():
    """Each is written with every payout. Those of named accounts are not further ones."""
    windows = [
        limit(LimitKind.TOTAL_WINDOW, window_us=hours * 24_000_000)
        for hours in range(1, LIMIT_WINDOWS_MAX + 2)
    ]
    named = [
        limit(LimitKind.ACCOUNT_WINDOW, account_id=account_id)
        for account_id in (ALICE, BOB)
    ]
    few = (*windows[2:], *named, limit())
    euros = tuple(row._replace(currency=EUR) for row in windows[2:])
    books = ledger()

    assert names(books.do([set_limits(100, *few, *euros)])) == ["CREATED"]
    assert not is_limits_well_formed((*few, windows[0]))
    assert names(books.do([set_limits(101, *few, windows[0])])) == ["INVALID_COMMAND"]


@pytest.mark.parametrize("what", MALFORMED_LIMITS)
def test_a_malformed_limit_is_refused(what):
    """One thing is wrong with each; apply repeats the bounds of the edge."""
    assert is_limits_well_formed((limit(),))
    assert not is_limits_well_formed((MALFORMED_LIMITS[what],))
    if what != "short account":
        assert names(ledger().do([set_limits(1, MALFORMED_LIMITS[what])])) == [
            "INVALID_COMMAND"
        ]


@pytest.mark.parametrize("what", MALFORMED_RULES)
def test_a_malformed_rule_is_refused(what):
    assert is_rules_well_formed((rule(),))
    assert not is_rules_well_formed((MALFORMED_RULES[what],))


def test_the_same_request_is_replayed_and_another_one_is_a_conflict():
    """Field by field, as every keyed call."""
    books = ledger()
    first = set_limits(1, limit())

    applied = books.do(
        [first, first, replace(first, limits=()), replace(first, as_of="")]
    )

    assert names(applied) == ["CREATED", "REPLAYED", "CONFLICT", "CONFLICT"]
    assert [applied.outcomes.retries[row].differing for row in (2, 3)] == [
        ("limits",),
        ("as_of",),
    ]
    assert records.encode_outcomes(applied.outcomes)
