"""Which limits and rules are in force when, and which windows count a payout. Design 2.7, 7.2."""

from ledgerd.ledger.policy import Policy
from ledgerd.ledger.risk import LimitKind, LimitSet, RuleSet
from tests.ledger.making import ALICE, BOB, DAY_US, EUR, SWIFT, US_ACH, USD, limit, rule

ACCOUNT, TOTAL = LimitKind.ACCOUNT_WINDOW, LimitKind.TOTAL_WINDOW
DESTINATION = LimitKind.DESTINATION_WINDOW


def limits(version, from_us, *rows):
    return LimitSet(version, from_us, "source", "", rows)


def rules(version, from_us, *rows):
    return RuleSet(version, from_us, "source", "", rows)


def windows(policy, ts_us, account_id=ALICE):
    return policy.windows(
        ts_us, account_id=account_id, livemode=True, currency=USD, fingerprint=b"f" * 16
    )


def since(policy, ts_us, account_id=ALICE):
    return [bounded.window.since_us for bounded in windows(policy, ts_us, account_id)]


def test_a_version_is_in_force_from_its_time_on():
    """Of several with one time, the last; an old one stays readable."""
    policy = Policy(
        [limits(1, 100), limits(2, 300), limits(3, 200), limits(4, 200)],
        [rules(1, 50, rule()), rules(2, 70)],
    )

    def version(ts_us):
        found = policy.limits_at(ts_us)
        return None if found is None else found.version

    assert [version(ts_us) for ts_us in (99, 100, 199, 200, 299, 300)] == (
        [None, 1, 1, 4, 4, 2]
    )
    assert policy.rules_at(49) == policy.rules_at(70) == ()
    assert policy.rules_at(69) == (rule(),)


def test_a_limit_that_names_the_account_stands_in_place_of_the_one_for_all():
    """Of one kind, rail and window; limits of another rail hold beside it."""
    own = limit(account_id=ALICE, amount_minor_max=9_000)
    by_ach = limit(rail=US_ACH, amount_minor_max=100)
    policy = Policy([limits(1, 0, limit(), own, by_ach)])

    def bounds(account_id, rail):
        found = policy.per_payout(0, account_id=account_id, currency=USD, rail=rail)
        return [row.amount_minor_max for row in found]

    assert bounds(ALICE, SWIFT) == [9_000]
    assert bounds(BOB, SWIFT) == [5_000]
    assert bounds(ALICE, US_ACH) == [9_000, 100]


def test_each_kind_of_window_has_its_subject():
    policy = Policy([limits(1, 7, limit(ACCOUNT), limit(DESTINATION), limit(TOTAL))])

    assert [bounded.window for bounded in windows(policy, 9)] == [
        (ACCOUNT, True, USD, DAY_US, 7, ALICE),
        (DESTINATION, True, USD, DAY_US, 7, b"f" * 16),
        (TOTAL, True, USD, DAY_US, 7, b""),
    ]


def test_a_window_goes_on_while_it_is_asked_for():
    """Another bound, or a limit of its own for the account, is the same window."""
    own = limit(ACCOUNT, account_id=ALICE)
    policy = Policy(
        [
            limits(1, 10, limit(ACCOUNT)),
            limits(2, 20, own),
            limits(3, 30, limit(ACCOUNT, amount_minor_max=1)),
        ]
    )

    assert [since(policy, ts_us) for ts_us in (10, 20, 35)] == [[10]] * 3
    assert [since(policy, ts_us, BOB) for ts_us in (10, 20, 35)] == [[10], [], [30]]


def test_a_window_that_is_asked_for_again_begins_empty():
    """What was accepted meanwhile is not known, so nothing before is counted."""
    policy = Policy(
        [limits(1, 10, limit(TOTAL)), limits(2, 20), limits(3, 30, limit(TOTAL))]
    )

    assert [since(policy, ts_us) for ts_us in (19, 20, 30)] == [[10], [], [30]]


def test_a_batch_of_other_currencies_is_not_concerned():
    """Then it takes the fast path; a rule of no currency concerns every batch."""
    policy = Policy([limits(1, 10, limit())], [rules(1, 20, rule())])
    of_all = Policy((), [rules(1, 20, rule(rule().kind.NEW_ACCOUNT, age_us=1))])

    assert policy.concerns(10, {USD, EUR})
    assert not policy.concerns(9, {USD})
    assert not policy.concerns(30, {EUR})
    assert of_all.concerns(20, {EUR})
    assert not of_all.concerns(19, {EUR})
