"""Limits on payouts as a ledger obeys them: per payout and in rolling windows. Design 7.2, I13."""

from dataclasses import replace

import pytest

from ledgerd.ledger.commands import Approve, Reroute
from ledgerd.ledger.details import pack_details
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import PayoutState, Trigger
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.risk import NO_BOUND, LimitKind, RuleKind
from ledgerd.ledger.window_sums import WindowSums
from tests.ledger.making import (
    BOB,
    DAY_US,
    DETAILS,
    EUR,
    US_ACH,
    cancel,
    fund,
    ledger,
    limit,
    names,
    open_account,
    rule,
    set_limits,
    set_rules,
    submit,
    uid,
)
from tests.ledger.stages import AMOUNT, Stage

ACCOUNT, TOTAL = LimitKind.ACCOUNT_WINDOW, LimitKind.TOTAL_WINDOW
DESTINATION, EACH = LimitKind.DESTINATION_WINDOW, LimitKind.PER_PAYOUT
SLOT_US = DAY_US // 24


def limited(*limits, funds_minor=10**9):
    """A ledger with limits in force."""
    books = ledger(funds_minor)
    books.do([fund(0xF00E, account_id=BOB, amount_minor=funds_minor)])
    books.do([set_limits(0xA0, *limits)])
    return books


def test_a_version_holds_from_the_next_entry_on():
    """Even a time in the past; and nothing else of it changes."""
    books = ledger()

    applied = books.do([set_limits(1, limit()), set_limits(2, limit(), limit(TOTAL))])

    assert names(applied) == ["CREATED", "CREATED"]
    first, second = books.view.policy().limits
    assert (first.version, second.version) == (1, 2)
    assert first.effective_from_us == second.effective_from_us == books.ts_us + 1
    assert second.limits == (limit(), limit(TOTAL))
    assert books.view.events()[-1].kind is EventKind.LIMITS_SET


def test_a_future_version_flips_at_its_log_time():
    """The same submit before and at the time; no restart, no entry of its own."""
    books = ledger()
    due_us = books.ts_us + 10**9
    books.do([set_limits(1, limit(amount_minor_max=999), effective_from_us=due_us)])

    books.ts_us = due_us - 1_001
    before = books.submit(submit(1))
    at = books.submit(submit(2))

    assert books.ts_us == due_us + 999
    assert names(before) + names(at) == ["CREATED", "LIMIT_PER_PAYOUT"]


@pytest.mark.parametrize("kind", [ACCOUNT, DESTINATION, TOTAL])
def test_submits_of_one_batch_never_exceed_a_window(kind):
    """A hundred at once: as many as fit, in order, and smaller ones behind a refused one."""
    books = limited(limit(kind, amount_minor_max=10_500))

    applied = books.submit(
        *(submit(number) for number in range(1, 100)), submit(100, amount_minor=500)
    )

    assert names(applied) == (
        ["CREATED"] * 10 + ["LIMIT_WINDOW_AMOUNT"] * 89 + ["CREATED"]
    )
    assert books.window_breaches() == []


def test_a_count_is_a_limit_too():
    books = limited(limit(ACCOUNT, amount_minor_max=NO_BOUND, count_max=2))

    applied = books.submit(*(submit(number) for number in range(1, 5)))

    assert names(applied) == ["CREATED"] * 2 + ["LIMIT_WINDOW_COUNT"] * 2


def test_windows_know_their_subjects_apart():
    """Bob, another destination and another currency have windows of their own; the total not."""
    elsewhere = pack_details(DETAILS._replace(account_number="1"))
    books = limited(limit(ACCOUNT), limit(DESTINATION))
    books.submit(submit(1, amount_minor=5_000))

    applied = books.submit(
        submit(2),
        submit(3, account_id=BOB, amount_minor=5_000),
        submit(4, account_id=BOB, amount_minor=5_000, details=elsewhere),
        submit(5, details=elsewhere),
    )

    assert names(applied) == [
        "LIMIT_WINDOW_AMOUNT",
        "LIMIT_WINDOW_AMOUNT",
        "CREATED",
        "LIMIT_WINDOW_AMOUNT",
    ]


def test_payouts_that_name_no_destination_are_one_destination():
    """Whoever leaves it out does not leave the limit."""
    books = limited(limit(DESTINATION, amount_minor_max=NO_BOUND, count_max=1))

    applied = books.submit(submit(1, details=b""), submit(2, details=b""), submit(3))

    assert names(applied) == ["CREATED", "LIMIT_WINDOW_COUNT", "CREATED"]


def test_live_and_sandbox_are_summed_apart():
    books = limited(limit(TOTAL))
    sandbox = uid(0x5A)
    books.do(
        [open_account(sandbox, livemode=False), fund(2, account_id=sandbox, bank="b")]
    )

    applied = books.submit(
        submit(1, amount_minor=5_000),
        submit(2, account_id=sandbox, rail=1, amount_minor=5_000),
        submit(3),
    )

    assert names(applied) == ["CREATED", "CREATED", "LIMIT_WINDOW_AMOUNT"]


def test_a_lowered_limit_refuses_new_work_and_leaves_the_accepted_alone():
    """I13: each was within the limit of its own time."""
    books = limited(limit(ACCOUNT, amount_minor_max=10_000))
    books.submit(submit(1, amount_minor=9_000))
    books.do([set_limits(2, limit(ACCOUNT, amount_minor_max=4_000))])

    applied = books.submit(submit(2, amount_minor=1))

    assert names(applied) == ["LIMIT_WINDOW_AMOUNT"]
    assert books.view.all_payouts()[0][0].state is PayoutState.READY
    assert books.window_breaches() == []
    assert names(books.do([cancel(3)])) == ["CREATED"]
    assert names(books.submit(submit(4, amount_minor=4_000))) == ["CREATED"]
    assert books.window_breaches() == []


def test_what_was_accepted_before_the_limit_does_not_count_and_never_subtracts():
    """A payout is taken out of the windows that counted it, and no other."""
    books = ledger()
    books.submit(submit(1, amount_minor=5_000))
    books.do([set_limits(2, limit(ACCOUNT))])
    books.submit(submit(2, amount_minor=2_000))

    books.do([cancel(3, payout_id=uid(1))])

    ((_, use),) = books.view.all_windows().items()
    assert (use.open_minor, use.open_count) == (2_000, 1)
    assert books.window_breaches() == []


def test_a_limit_that_is_set_again_begins_anew():
    """What is taken out later is taken out of the window that counted it."""
    books = limited(limit(ACCOUNT))
    books.submit(submit(1, amount_minor=5_000))
    books.do([set_limits(2)])
    books.submit(submit(2, amount_minor=5_000))
    books.do([set_limits(3, limit(ACCOUNT))])
    books.submit(submit(3, amount_minor=3_000))

    books.do([cancel(4, payout_id=uid(1)), cancel(5, payout_id=uid(2))])

    first, second = books.view.all_windows().values()
    assert (first.open_minor, second.open_minor) == (0, 3_000)
    assert names(books.submit(submit(6, amount_minor=2_001))) == ["LIMIT_WINDOW_AMOUNT"]
    assert books.window_breaches() == []


ENDS = {
    PayoutState.CANCELLED: ((Trigger.CANCEL,), 0),
    PayoutState.FAILED: ((Trigger.DISPATCH_BEGIN, Trigger.RAIL_REJECT), 0),
    PayoutState.SETTLED: ((Trigger.DISPATCH_BEGIN, Trigger.SETTLE), AMOUNT),
    PayoutState.RETURNED: (
        (Trigger.DISPATCH_BEGIN, Trigger.SETTLE, Trigger.RETURN),
        AMOUNT,
    ),
    PayoutState.REVERSED: (
        (Trigger.DISPATCH_BEGIN, Trigger.SETTLE, Trigger.REVERSAL_COMPLETE),
        AMOUNT,
    ),
}


@pytest.mark.parametrize("state", ENDS)
def test_what_an_end_leaves_in_the_window(state):
    """Paid stays counted for a window and a slot at most, a return changes nothing; else gone."""
    stage = Stage()
    stage.do(set_limits(80, limit(ACCOUNT)))
    stage.submit()
    accepted_us = stage.books.ts_us
    way, left_minor = ENDS[state]
    for trigger in way:
        assert stage.code(trigger) == Outcome.CREATED
    assert stage.state is state
    assert stage.books.window_breaches() == []

    def room_minor(ts_us):
        """What a submit at that time may have at most; a dry run, for nothing is written."""
        stage.books.ts_us = ts_us - 1_000
        before = {table: dict(rows) for table, rows in stage.books.view.tables.items()}
        largest, index = stage.books.view.largest, stage.books.index
        room = 0
        for number, minor in ((901, 5_000 - AMOUNT + 1), (902, 5_000 - AMOUNT)):
            applied = stage.books.submit(submit(number, amount_minor=minor))
            stage.books.view.tables = {
                table: dict(rows) for table, rows in before.items()
            }
            stage.books.view.largest, stage.books.index = largest, index
            stage.books.ts_us -= 1_000
            if names(applied) == ["CREATED"]:
                room = max(room, minor)
        return room

    whole, rest = 5_000 - AMOUNT + 1, 5_000 - AMOUNT
    held = rest if left_minor else whole
    assert room_minor(accepted_us + DAY_US - 1) == held
    assert room_minor(accepted_us + DAY_US + SLOT_US) == whole


def test_what_is_open_counts_until_it_ends():
    """A payout that waits for a month is not forgotten."""
    books = limited(limit(ACCOUNT))
    books.submit(submit(1, amount_minor=5_000))
    books.ts_us += 30 * DAY_US

    assert names(books.submit(submit(2))) == ["LIMIT_WINDOW_AMOUNT"]


def test_scheduled_payouts_count_from_their_submit():
    books = limited(limit(ACCOUNT))
    due_us = books.ts_us + DAY_US
    books.submit(submit(1, amount_minor=5_000, release_at_us=due_us))

    applied = books.submit(submit(2))

    assert names(applied) == ["LIMIT_WINDOW_AMOUNT"]


def test_a_reroute_obeys_the_limit_of_the_other_rail():
    """Else a payout would go by a rail by which it may not be submitted."""
    books = limited(limit(rail=US_ACH, amount_minor_max=999))
    books.submit(submit(1), submit(2, amount_minor=999))

    applied = books.do(
        [
            Reroute(uid(3), uid(1), US_ACH, "", "svc"),
            Reroute(uid(4), uid(2), US_ACH, "", "svc"),
        ]
    )

    assert names(applied) == ["LIMIT_PER_PAYOUT", "CREATED"]


def test_a_payout_in_review_counts_for_it_is_open():
    """Before the approval and behind it; a cancel gives it back."""
    books = limited(limit(ACCOUNT))
    books.do([set_rules(0xA1, rule(RuleKind.AMOUNT, amount_minor=0))])
    books.submit(submit(1, amount_minor=5_000))
    assert names(books.submit(submit(2))) == ["LIMIT_WINDOW_AMOUNT"]

    assert names(books.do([Approve(uid(3), uid(1), "boss")])) == ["CREATED"]
    assert names(books.submit(submit(4))) == ["LIMIT_WINDOW_AMOUNT"]
    assert names(books.do([cancel(5)])) == ["CREATED"]
    assert names(books.submit(submit(6))) == ["CREATED"]
    assert books.window_breaches() == []


def test_sums_may_pass_64_bits():
    """A window that bounds only the count sums what it is given."""
    books = ledger(2**63 - 1)
    books.do([open_account(uid(7)), fund(8, account_id=uid(7), bank="second")])
    books.do([set_limits(2, limit(TOTAL, amount_minor_max=NO_BOUND, count_max=9))])

    applied = books.submit(
        submit(3, amount_minor=2**63 - 1), submit(4, account_id=uid(7), amount_minor=9)
    )

    assert names(applied) == ["CREATED", "CREATED"]
    ((_, use),) = books.view.all_windows().items()
    assert use.open_minor == 2**63 + 8


def test_an_audit_sees_a_window_that_forgets_and_one_that_is_too_full():
    """A checker must be seen to fail. I13."""
    books = limited(limit(ACCOUNT))
    books.submit(submit(1), submit(2))
    assert books.window_breaches() == []
    (key,) = books.view.all_windows()
    table = books.view.tables["window"]
    whole = dict(table)

    table.clear()
    assert ["no row" in breach for breach in books.window_breaches()] == [True]
    table.update(whole)
    lowered = books.view.policy().limits[0]
    books.view.tables["config"].clear()
    assert ["a row" in breach for breach in books.window_breaches()] == [True]

    audit_of = replace(lowered, limits=(limit(ACCOUNT, amount_minor_max=1_999),))
    sums = WindowSums(Policy([audit_of]))
    for head, status in books.view.all_payouts():
        sums.payout(head, status)
    (found,) = sums.differences(books.view.all_windows())
    assert (found.key, "passes the limit 1999" in found.what) == (key, True)


def test_limits_of_another_currency_say_nothing():
    books = limited(limit(currency=EUR, amount_minor_max=1))

    assert names(books.submit(submit(1))) == ["CREATED"]
    assert books.view.all_windows() == {}
