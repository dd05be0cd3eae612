"""What payouts cost: the formula against an oracle, and which version of the schedule holds."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledgerd.ledger.commands import FeeRule, Refund, SubmitTerms
from ledgerd.ledger.fees import (
    QUOTE_VALID_US_DEFAULT,
    FeeSchedule,
    FeeSchedules,
    fee_minor,
)
from tests.ledger.making import (
    ALICE,
    BOB,
    EUR,
    MAX,
    MINUTE_US,
    SWIFT,
    US_ACH,
    USD,
    Ledger,
    columns,
    fund,
    ledger,
    names,
    open_account,
    set_fees,
    submit,
    uid,
)

SEED = 20_261_121
AMOUNTS = 100_000


def oracle(rule: FeeRule, amount: int) -> int:
    """The fee as one reads it: the exact share, rounded half up, within the bounds."""
    share = Fraction(amount * rule.bps, 10_000)
    rounded = int(share + Fraction(1, 2))
    return max(rule.min_minor, min(rule.fixed_minor + rounded, rule.max_minor))


@given(
    amount=st.integers(1, MAX),
    fixed=st.integers(0, MAX),
    bps=st.integers(0, 10_000),
    bounds=st.tuples(st.integers(0, MAX), st.integers(0, MAX)).map(sorted),
)
@example(amount=50, fixed=0, bps=100, bounds=[0, MAX])  # half a unit rounds up
@example(amount=49, fixed=0, bps=100, bounds=[0, MAX])
def test_fee_is_exact(amount, fixed, bps, bounds):
    rule = FeeRule(SWIFT, USD, fixed, bps, *bounds)

    found = fee_minor(rule, amount)

    assert found == oracle(rule, amount)
    assert 0 <= found <= MAX


@pytest.mark.parametrize(
    ("amount", "expected"), [(1, 10), (99, 10), (1_049, 10), (1_050, 11), (10**6, 40)]
)
def test_fee_at_its_bounds(amount, expected):
    """Boundaries at the minimum, at half a unit, at the maximum."""
    assert fee_minor(FeeRule(SWIFT, USD, 0, 100, 10, 40), amount) == expected


@given(
    fixed=st.integers(0, 10**6),
    bps=st.integers(1, 10_000),
    least=st.integers(0, 10**6),
    room=st.integers(0, 10**6),
)
def test_the_fee_moves_exactly_where_it_should(fixed, bps, least, room):
    """On both sides of every half unit, of the minimum and of the maximum."""
    rule = FeeRule(SWIFT, USD, fixed, bps, least, least + room)
    edges = {1}
    for fee in (least, least + room, fixed + 1, fixed + 2):
        # The smallest amount whose share rounds to at least `fee - fixed`.
        share = max(fee - fixed, 0)
        first = max((share * 10_000 - 5_000 + bps - 1) // bps, 1)
        edges |= {first - 1, first, first + 1}

    for amount in edges - {0}:
        assert fee_minor(rule, amount) == oracle(rule, amount), amount


def test_no_rule_costs_nothing():
    """A rail and currency without a rule has fee 0."""
    rule = FeeRule(SWIFT, USD, 7, 0, 0, MAX)
    schedule = FeeSchedule(1, 0, "", {(SWIFT, USD, ""): rule})

    def fee(rail: int, currency: int, own_class: str = "") -> int:
        return schedule.fee_minor(
            rail=rail, currency=currency, amount_minor=5, account_class=own_class
        )

    assert fee(SWIFT, USD) == 7
    assert fee(SWIFT, USD, "gold") == 7
    assert fee(SWIFT, USD + 1) == 0
    assert fee(2, USD) == 0


def schedule(version: int, effective_from_us: int) -> FeeSchedule:
    return FeeSchedule(version, effective_from_us, f"v{version}")


@given(st.lists(st.integers(0, 8), max_size=6), st.integers(0, 9))
def test_the_version_in_force(starts, at):
    """The latest time that has come; of two from one time, the higher version."""
    schedules = FeeSchedules()
    for version, start in enumerate(starts, 1):
        schedules = schedules.including(schedule(version, start))

    begun = [(start, n) for n, start in enumerate(starts, 1) if start <= at]
    assert schedules.at(at).version == (max(begun)[1] if begun else 0)


GOLD = FeeRule(SWIFT, USD, 5, 0, 0, MAX, "gold")
PLAIN_RULE = FeeRule(SWIFT, USD, 25, 10, 0, MAX)


def town() -> Ledger:
    """Alice has no class, Bob is gold, both have money."""
    books = Ledger()
    books.do([open_account(ALICE), open_account(BOB, account_class="gold")])
    for number, account_id in enumerate((ALICE, BOB), 1):
        books.do([fund(900 + number, account_id=account_id, amount_minor=10**12)])
    return books


def test_the_class_of_the_account_names_the_rule():
    """Gold pays 5 by the schedule, everybody else 25 and 10 basis points."""
    books = town()
    books.do([set_fees(9, PLAIN_RULE, GOLD)])

    applied = books.submit(submit(1), submit(2, account_id=BOB))

    assert list(applied.outcomes.fees_minor) == [26, 5]


def test_a_change_flips_at_its_time():
    """Not an entry sooner, on both paths; the entry at the very time has the new fee."""
    books = town()
    books.do([set_fees(9, PLAIN_RULE, GOLD)])
    at = books.ts_us + 10 * MINUTE_US
    dear = FeeRule(SWIFT, USD, 99, 0, 0, MAX)
    books.do([set_fees(10, dear, effective_from_us=at)])
    fees = []
    for number, ts_us in enumerate((at - 2_000, at - 1_001, at, at + 1), 1):
        books.ts_us = ts_us - 1_000
        applied = books.submit(submit(number), submit(100 + number, account_id=BOB))
        fees.append(tuple(applied.outcomes.fees_minor))

    assert fees == [(26, 5), (26, 5), (99, 99), (99, 99)]


def test_a_time_that_is_past_means_now():
    """No version holds before the entry that brought it."""
    books = town()
    books.do([set_fees(9, PLAIN_RULE, effective_from_us=5)])

    (only,) = books.view.fee_schedules().versions
    assert only.effective_from_us == books.ts_us
    assert only.quote_valid_us == QUOTE_VALID_US_DEFAULT


def test_a_version_says_where_it_comes_from():
    books = town()
    command = set_fees(9, GOLD, as_of="2026-11", quote_valid_us=MINUTE_US)
    books.do([command])

    (only,) = books.view.fee_schedules().versions
    assert (only.source, only.as_of, only.quote_valid_us) == (
        "tariff",
        "2026-11",
        MINUTE_US,
    )
    assert only.rules == {(SWIFT, USD, "gold"): GOLD}


def test_a_retry_is_told_what_differs():
    """Each field by its public name; those that came later, too."""
    books = town()
    books.do([set_fees(9, GOLD), set_fees(10, GOLD, as_of="2026", quote_valid_us=7)])
    cases = {
        "rules": {"rules": (PLAIN_RULE,)},
        "source": {"source": "other"},
        "effective_from_us": {"effective_from_us": 1},
        "as_of": {"as_of": "2027"},
        "quote_valid_s": {"quote_valid_us": 8},
    }

    applied = books.do(
        [set_fees(9, GOLD), set_fees(10, GOLD, as_of="2026", quote_valid_us=7)]
        + [set_fees(9, GOLD, **change) for change in cases.values()]
    )

    assert names(applied) == ["REPLAYED"] * 2 + ["CONFLICT"] * len(cases)
    retries = applied.outcomes.retries
    assert [retries[2 + row].differing for row in range(len(cases))] == [
        (name,) for name in cases
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"rules": (GOLD, GOLD)},
        {"rules": (FeeRule(SWIFT, USD, 1, 0, 0, 1, "Gold"),)},
        {"rules": (FeeRule(SWIFT, USD, 1, 0, 0, 1, "g" * 33),)},
        {"rules": (FeeRule(SWIFT, USD, 1, 0, 0, 1, "", 3),)},
        {"effective_from_us": -1},
        {"quote_valid_us": -1},
        {"quote_valid_us": 8 * 24 * 3600 * 10**6},
        {"as_of": "x" * 33},
    ],
    ids=str,
)
def test_what_is_malformed(change):
    """Nothing is set, and the request id is not spent."""
    books = town()

    assert names(books.do([set_fees(9, **change)])) == ["INVALID_COMMAND"]
    assert books.view.fee_schedules().versions == ()
    assert names(books.do([set_fees(9)])) == ["CREATED"]


@pytest.mark.parametrize(
    ("count", "answer"), [(1_000, "CREATED"), (1_001, "INVALID_COMMAND")]
)
def test_a_schedule_has_so_many_rules(count, answer):
    """The edge says so, and the log may hold more: what cannot be kept must stop no node."""
    rules = (FeeRule(SWIFT, USD, 1, 0, 0, 1, f"class-{n}") for n in range(count))

    assert names(ledger().do([set_fees(50, *rules)])) == [answer]


def test_the_class_is_a_client_field_of_an_account():
    """It is compared on retries, and has a small alphabet."""
    books = town()

    applied = books.do(
        [
            open_account(BOB, account_class="gold"),
            open_account(BOB),
            open_account(uid(77), account_class="No"),
            open_account(uid(77), account_class="g" * 33),
        ]
    )

    assert names(applied) == [
        "REPLAYED",
        "CONFLICT",
        "INVALID_COMMAND",
        "INVALID_COMMAND",
    ]
    assert applied.outcomes.retries[1].differing == ("account_class",)


# Quotes


def quoted(books: Ledger, number: int, *, at_us: int, fee_minor: int, **changes):
    terms = SubmitTerms(fee_expected_minor=fee_minor, quoted_at_us=at_us)
    return books.do([submit(number, terms=terms, **changes)])


@pytest.mark.parametrize(
    ("waited_us", "answer"),
    [
        (2_000, "CREATED"),
        (QUOTE_VALID_US_DEFAULT, "CREATED"),
        (QUOTE_VALID_US_DEFAULT + 1, "QUOTE_EXPIRED"),
    ],
)
def test_a_good_quote_keeps_its_fee(waited_us, answer):
    """The schedule of the quote's time holds until the last microsecond of its validity."""
    books = ledger()
    books.do([set_fees(9)])
    at_us = books.ts_us
    books.do([set_fees(10, FeeRule(SWIFT, USD, 99, 0, 0, MAX))])
    books.ts_us = at_us + waited_us - 1_000

    applied = quoted(books, 1, at_us=at_us, fee_minor=26)

    assert names(applied) == [answer]
    assert applied.outcomes.fees_minor[0] == (26 if answer == "CREATED" else 0)


def test_the_validity_is_that_of_the_schedule_it_was_quoted_by():
    """A schedule of a later time shortens or prolongs no quote."""
    books = ledger()
    books.do([set_fees(9, quote_valid_us=MINUTE_US)])
    at_us = books.ts_us
    books.do([set_fees(10, quote_valid_us=60 * MINUTE_US)])
    books.ts_us = at_us + 2 * MINUTE_US

    assert names(quoted(books, 1, at_us=at_us, fee_minor=26)) == ["QUOTE_EXPIRED"]
    later_us = at_us + 1_000
    assert names(quoted(books, 2, at_us=later_us, fee_minor=26)) == ["CREATED"]


def test_an_expired_quote_comes_before_a_changed_fee():
    """The order of row 9 of 9.4."""
    books = ledger()
    books.do([set_fees(9)])
    at_us = books.ts_us
    books.ts_us += 60 * MINUTE_US

    assert names(quoted(books, 1, at_us=at_us, fee_minor=1)) == ["QUOTE_EXPIRED"]
    assert names(quoted(books, 2, at_us=books.ts_us, fee_minor=1)) == ["FEE_CHANGED"]


def test_a_quote_of_a_time_that_is_yet_to_come_is_one_of_now():
    """A clock that is ahead gets nobody the fees of tomorrow."""
    books = ledger()
    books.do([set_fees(9)])
    at_us = books.ts_us + 60 * MINUTE_US
    free = FeeRule(SWIFT, USD, 0, 0, 0, 0)
    books.do([set_fees(10, free, effective_from_us=at_us)])

    assert names(quoted(books, 1, at_us=at_us, fee_minor=0)) == ["FEE_CHANGED"]
    assert names(quoted(books, 2, at_us=at_us, fee_minor=26)) == ["CREATED"]


def test_quoted_is_charged():
    """100,000 random amounts and rules: what a schedule says beforehand is what is taken."""
    random = Random(SEED)
    books = town()
    charged = 0
    while charged < AMOUNTS:
        rules = [
            FeeRule(
                rail,
                USD,
                random.choice((0, random.randrange(500))),
                random.choice((0, 1, 7, 25, random.randrange(10_001))),
                least := random.choice((0, random.randrange(300))),
                least + random.choice((0, random.randrange(900), 10**6)),
                own_class,
            )
            for rail in (SWIFT, US_ACH)
            for own_class in ("", "gold")
        ]
        books.do([set_fees(10**6 + charged, *rules)])
        in_force = books.view.fee_schedules().at(books.ts_us)
        rows = []
        for n in range(2_000):
            amount = random.choice(
                (random.randrange(1, 20), random.randrange(1, 9_999))
            )
            row = submit(
                charged + n + 1,
                amount_minor=amount,
                rail=random.choice((SWIFT, US_ACH)),
                account_id=random.choice((ALICE, BOB)),
            )
            rows.append(row)
        quotes = [
            in_force.fee_minor(
                rail=row.rail,
                currency=row.currency,
                amount_minor=row.amount_minor,
                account_class="gold" if row.account_id == BOB else "",
            )
            for row in rows
        ]
        expected = [
            oracle(
                in_force.rules[row.rail, USD, "gold" if row.account_id == BOB else ""],
                row.amount_minor,
            )
            for row in rows
        ]

        both_paths = charged % 20_000 == 0
        applied = books.submit(*rows) if both_paths else books.do(columns(rows))

        assert set(names(applied)) == {"CREATED"}, SEED
        assert list(applied.outcomes.fees_minor) == quotes == expected, SEED
        charged += len(rows)


@pytest.mark.parametrize("refund", [Refund.NEVER, Refund.WHEN_ALL_RETURNED])
def test_rules_of_other_currencies_and_rails_stay_apart(refund):
    books = town()
    books.do(
        [set_fees(9, FeeRule(SWIFT, EUR, 9, 0, 0, MAX, "", refund), GOLD, PLAIN_RULE)]
    )

    assert list(books.submit(submit(1)).outcomes.fees_minor) == [26]
    assert list(books.submit(submit(2, rail=US_ACH)).outcomes.fees_minor) == [0]
