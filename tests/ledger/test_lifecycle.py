"""The ways of a payout through its states, step by step, with the money at each."""

import random
from dataclasses import replace

import pytest

from ledgerd.ledger import catalogue
from ledgerd.ledger.accounts import AccountKind
from ledgerd.ledger.commands import (
    Cancel,
    DispatchBegin,
    FeeRule,
    Refund,
    ResolveException,
)
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.exceptions import ExceptionCause, Resolution
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import (
    COUNT_MAX,
    FailureReason,
    PayoutFlag,
    PayoutState,
    Trigger,
)
from ledgerd.ledger.rail_keys import is_rail_key, rail_key
from tests.ledger.making import (
    ALICE,
    EVE,
    MAX,
    SWIFT,
    USD,
    Ledger,
    fund,
    open_account,
    set_fees,
    submit,
    transfer,
    uid,
)
from tests.ledger.stages import (
    AMOUNT,
    BOSS,
    FEE,
    LEASE_US,
    OTHER_WORKER,
    PAYOUT,
    WORKER,
    Stage,
    stage,
)

S, T = PayoutState, Trigger
OK = Outcome.CREATED


def money(made: Stage) -> tuple[int, int, int, int, int, PayoutState]:
    """Available, reserved, in transit, bank cash, fee revenue, state: a line of 3.3."""
    available, reserved, *_ = made.balances()
    return (
        available,
        reserved,
        made.internal(AccountKind.IN_TRANSIT, b"swift"),
        made.internal(AccountKind.BANK_CASH, b"first")
        + made.internal(AccountKind.BANK_CASH, b"main"),
        made.internal(AccountKind.PAYOUT_FEE),
        made.state,
    )


def test_the_worked_example_line_by_line():
    """3.3, in the amounts of these tests: the trial balance holds at every line."""
    made = stage(S.READY)
    left = 100_000 - AMOUNT - FEE
    lines = [money(made)]
    for trigger, changes in (
        (T.DISPATCH_BEGIN, {}),
        (T.RAIL_ACK, {}),
        (T.SETTLE, {}),
        (T.RETURN, {"amount_minor": AMOUNT - 40}),
    ):
        assert made.code(trigger, **changes) == OK
        made.audit()
        lines.append(money(made))

    assert lines == [
        (left, AMOUNT + FEE, 0, 100_000, 0, S.READY),
        (left, FEE, AMOUNT, 100_000, 0, S.DISPATCHING),
        (left, FEE, AMOUNT, 100_000, 0, S.SENT),
        (left, 0, 0, 100_000 - AMOUNT, FEE, S.SETTLED),
        (left + AMOUNT - 40, 0, 0, 100_000 - 40, FEE, S.SETTLED),
    ]
    assert made.status.returned_minor == AMOUNT - 40


def test_the_rails_cost_is_ours():
    """It is booked beside the fee, never mixed with it. 3.2."""
    made = stage(S.SENT)
    assert made.code(T.SETTLE, cost_minor=9) == OK

    assert made.internal(AccountKind.RAIL_COST) == 9
    assert money(made)[2:] == (0, 100_000 - AMOUNT - 9, FEE, S.SETTLED)
    made.audit()


def test_a_failed_payout_never_shows_a_fee():
    """The fee stays reserved until the settlement, so nothing has to be given back. 3.2."""
    made = stage(S.FAILED)

    assert money(made) == (100_000, 0, 0, 100_000, 0, S.FAILED)
    assert (made.status.failure, made.status.code) == (
        FailureReason.ACCOUNT_UNKNOWN,
        "R03",
    )


@pytest.fixture
def generous(monkeypatch):
    """SWIFT refunds the fee, and what it lacks when it closes is ours."""
    rail = catalogue.RAILS[SWIFT]._replace(refunds_fee=True, absorbs=True)
    monkeypatch.setitem(catalogue.RAILS, SWIFT, rail)


@pytest.mark.usefixtures("generous")
def test_the_fee_goes_back_with_the_whole_amount():
    """refund_fee is a policy on the full return, and not on a part of it. 3.2."""
    made = stage(S.SETTLED)
    made.meet(T.RETURN, amount_minor=AMOUNT - 1)
    part = money(made)
    made.meet(T.RETURN, amount_minor=1)

    assert part[4] == FEE
    assert money(made) == (100_000, 0, 0, 100_000, 0, S.RETURNED)
    assert made.status.has(PayoutFlag.FEE_REFUNDED)
    made.audit()


@pytest.mark.parametrize(
    ("refund", "goes_back"),
    [(Refund.BY_RAIL, False), (Refund.NEVER, False), (Refund.WHEN_ALL_RETURNED, True)],
)
def test_the_rule_in_force_says_what_becomes_of_the_fee(refund, goes_back):
    """The policy of the rule at the time of the return; of the rail where it says nothing. 7.1."""
    made = stage(S.SETTLED)
    made.do(set_fees(0xFEE5, FeeRule(SWIFT, USD, 1, 0, 0, MAX, "", refund)))
    made.meet(T.RETURN, amount_minor=AMOUNT)

    assert made.state is S.RETURNED
    assert money(made)[4] == (0 if goes_back else FEE)
    assert made.status.has(PayoutFlag.FEE_REFUNDED) is goes_back
    made.audit()


@pytest.mark.usefixtures("generous")
def test_a_rule_may_keep_what_the_rail_would_refund():
    """The rule is asked first."""
    made = stage(S.SETTLED)
    made.do(set_fees(0xFEE5, FeeRule(SWIFT, USD, 1, 0, 0, MAX, "", Refund.NEVER)))
    made.meet(T.RETURN, amount_minor=AMOUNT)

    assert money(made)[4] == FEE
    made.audit()


@pytest.mark.usefixtures("generous")
def test_what_a_closed_return_lacks_is_absorbed():
    """Exp returns / credit(account): the customer has all of it back. 3.2, I14."""
    made = stage(S.SENT)
    assert made.code(T.RETURN, amount_minor=AMOUNT - 40, is_closing=True) == OK

    assert money(made)[0] == 100_000
    assert made.internal(AccountKind.RETURNS) == 40
    assert (made.state, made.status.absorbed_minor) == (S.RETURNED, 40)
    made.audit()


def test_what_a_closed_return_lacks_stays_the_customers_without_the_policy():
    """The state stays SETTLED, and that no more will come is said. 3.2."""
    made = stage(S.SETTLED)
    made.meet(T.RETURN, amount_minor=400, is_closing=True)

    assert made.state is S.SETTLED
    assert made.status.has(PayoutFlag.RETURN_CLOSED)
    made.audit()


def test_the_command_that_completes_the_sum_names_the_final_state():
    """A part returned and the rest reversed ends REVERSED. 3.2."""
    made = stage(S.SETTLED)
    made.meet(T.RETURN, amount_minor=400)
    made.meet(T.REVERSAL_COMPLETE, amount_minor=600)

    assert made.state is S.REVERSED
    assert (made.status.returned_minor, made.status.reversed_minor) == (400, 600)
    made.audit()


def test_more_than_was_paid_does_not_come_back():
    """RETURN_EXCEEDS_PAYOUT, and the evidence is kept in an exception. I14, 3.5."""
    made = stage(S.SETTLED)
    made.meet(T.RETURN, amount_minor=400)
    before = made.balances()
    code = made.code(T.RETURN, amount_minor=601)

    assert code == Refusal.RETURN_EXCEEDS_PAYOUT
    assert made.balances() == before
    assert [row.cause for row in made.exceptions] == [ExceptionCause.TOO_MUCH_RETURNED]
    assert made.exceptions[0].amount_minor == 601
    made.audit()


def test_a_return_before_the_settlement_posts_two_entries():
    """Settle, then Return, as entries of one command. 3.2."""
    made = stage(S.DISPATCHING)
    applied = made.meet(T.RETURN)

    assert [entry.position[2] for entry in applied.writes.journal] == [0, 1]
    assert [event.kind for event in applied.writes.events] == [
        EventKind.PAYOUT_SETTLED,
        EventKind.PAYOUT_RETURNED,
    ]
    assert made.state is S.RETURNED
    made.audit()


# Rail keys and leases


def test_the_rail_key_derives_from_the_payout_id():
    """Fifteen characters that rise with time, the same on every cluster. 3.6."""
    key = rail_key(PAYOUT, rail=SWIFT, dispatch_no=0, salt=0)
    later = rail_key(uid(1, 1_760_100_000_000), rail=SWIFT, dispatch_no=0, salt=0)
    others = {
        rail_key(PAYOUT, rail=rail, dispatch_no=dispatch_no, salt=salt)
        for rail, dispatch_no, salt in ((2, 0, 0), (SWIFT, 1, 0), (SWIFT, 0, 1))
    }

    assert is_rail_key(key)
    assert len(key) == 15
    assert key[:4] < later[:4]
    assert key not in others
    assert len(others) == 3
    assert stage(S.DISPATCHING).key == key


def test_a_key_that_is_taken_gets_a_salt(monkeypatch):
    """No two payouts ever share a rail key. 3.6."""
    made = stage(S.READY)
    taken = rail_key(PAYOUT, rail=SWIFT, dispatch_no=0, salt=0)
    view = made.books.view
    real = view.rail_key
    monkeypatch.setattr(
        view, "rail_key", lambda key: (1, 1) if key == taken else real(key)
    )
    made.meet(T.DISPATCH_BEGIN)

    assert made.key == rail_key(PAYOUT, rail=SWIFT, dispatch_no=0, salt=1)


@pytest.mark.parametrize(
    ("is_refused", "burns", "is_new"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_a_key_is_burned_only_by_a_refusal(monkeypatch, is_refused, burns, is_new):
    """After NOT_FOUND it stays, so that a late original is still a duplicate. 3.6."""
    rail = catalogue.RAILS[SWIFT]._replace(burns_refused_keys=burns)
    monkeypatch.setitem(catalogue.RAILS, SWIFT, rail)
    made = stage(S.DISPATCHING)
    key = made.key
    made.meet(T.RAIL_NOT_ACCEPTED, is_refused=is_refused)
    made.meet(T.DISPATCH_BEGIN)

    assert (made.key != key) == is_new
    assert made.status.attempt == 2
    made.audit()


def test_a_lease_is_held_renewed_and_taken_over():
    """By its holder at any time, by others once it lapsed, in log time. 3.6."""
    made = stage(S.DISPATCHING)
    first = made.status
    held = made.code(T.DISPATCH_CLAIM, principal=OTHER_WORKER)
    renewed = made.code(T.DISPATCH_CLAIM)
    until_us = made.status.lease_until_us
    made.books.ts_us = until_us - 1_001
    still = made.code(T.DISPATCH_CLAIM, principal=OTHER_WORKER)
    taken = made.code(T.DISPATCH_CLAIM, principal=OTHER_WORKER)

    assert first.lease_until_us < until_us
    assert (held, renewed, still, taken) == (
        Refusal.LEASE_HELD,
        OK,
        Refusal.LEASE_HELD,
        OK,
    )
    assert made.status.worker == OTHER_WORKER
    assert made.status.claim_index == made.books.index
    assert made.status.rail_key == first.rail_key


def test_a_lapsed_lease_is_offered_to_others():
    """The lease alarm is a timer; who takes over is led to the payout. 7.4."""
    made = stage(S.DISPATCHING)
    index, ordinal = made.row[0].position
    quiet = made.books.view.ready(SWIFT, index)
    made.books.ts_us = made.status.lease_until_us - 1_000
    applied = made.meet(T.RELEASE)  # a Tick
    made.meet(T.REQUEST_RECALL)  # no other change takes it away again
    offered = made.books.view.ready(SWIFT, index)
    made.meet(T.DISPATCH_CLAIM, principal=OTHER_WORKER)

    assert [event.kind for event in applied.writes.events] == [EventKind.LEASE_LAPSED]
    assert (quiet, offered) == ((), (ordinal,))
    assert made.books.view.ready(SWIFT, index) == ()
    made.audit()


def test_an_attempt_that_was_not_read_is_refused():
    """Who begins or claims has seen the attempts before. 9.4, row 6."""
    made = stage(S.READY)

    assert made.code(T.DISPATCH_BEGIN, attempt=2) == Refusal.VERSION_MISMATCH
    assert made.code(T.DISPATCH_BEGIN, attempt=1) == OK
    assert made.code(T.DISPATCH_BEGIN, attempt=1) == OK  # same attempt, same worker
    other = made.code(T.DISPATCH_BEGIN, attempt=1, principal=OTHER_WORKER)
    assert other == Refusal.VERSION_MISMATCH


def test_the_cancel_race_has_one_winner():
    """10,000 seeded races; the loser's answer names the winner's state. 3.7."""
    generator = random.Random(20251010)
    count = 10_000
    books = Ledger()
    books.do([open_account(), fund(90, amount_minor=10**9), set_fees(91)])
    winners = {S.CANCELLED: 0, S.DISPATCHING: 0}
    for start in range(0, count, 1_000):
        numbers = range(start + 1, start + 1_001)
        books.submit(*(submit(number, amount_minor=100) for number in numbers))
        commands = []
        for number in numbers:
            pair = [
                Cancel(uid(10**6 + number), uid(number), "", "svc"),
                DispatchBegin(uid(2 * 10**6 + number), uid(number), 1, 10**9, WORKER),
            ]
            generator.shuffle(pair)
            commands += pair
        outcomes = books.do(commands).outcomes
        for at in range(0, len(commands), 2):
            first, second = outcomes.codes[at : at + 2]
            assert (first, second) == (OK, Refusal.WRONG_STATE)
            assert outcomes.states[at] == outcomes.states[at + 1]
            winners[S(outcomes.states[at])] += 1

    assert sum(winners.values()) == count
    assert min(winners.values()) > count // 3


# People


def test_four_eyes(monkeypatch):
    """Who submitted it neither approves nor rejects it. 7.3."""
    made = stage(S.IN_REVIEW, monkeypatch)

    assert made.code(T.APPROVE, principal="svc") == Refusal.SAME_PERSON
    assert made.code(T.REJECT, principal="svc") == Refusal.SAME_PERSON
    assert made.code(T.APPROVE) == OK
    assert made.state is S.READY


@pytest.mark.parametrize("trigger", [T.CANCEL, T.REROUTE])
def test_after_a_silence_of_the_rail_an_approver_is_needed(trigger):
    """The money leaves the reach of the old key on the strength of a silence. 3.2."""
    made = stage(S.DISPATCHING)
    made.meet(T.RAIL_NOT_ACCEPTED, is_refused=False)

    assert made.code(trigger) == Refusal.APPROVAL_MISSING
    assert made.code(trigger, approver="svc") == Refusal.SAME_PERSON
    assert made.code(trigger, approver=BOSS) == OK
    made.audit()


def test_a_reroute_by_the_same_rail_forgets_no_burned_key(monkeypatch):
    """The rail would refuse the first key again. 3.6."""
    rail = catalogue.RAILS[SWIFT]._replace(burns_refused_keys=True)
    monkeypatch.setitem(catalogue.RAILS, SWIFT, rail)
    made = stage(S.READY, dispatched=True)
    burned = made.key

    assert made.code(T.REROUTE, rail=SWIFT) == OK
    made.meet(T.DISPATCH_BEGIN)

    assert made.key != burned
    made.audit()


def test_a_reroute_by_the_same_rail_forgets_no_silence():
    """The money is still where the rail may have it, so a cancel needs an approver. 3.2."""
    made = stage(S.DISPATCHING)
    made.meet(T.RAIL_NOT_ACCEPTED, is_refused=False)

    assert made.code(T.REROUTE, rail=SWIFT, approver=BOSS) == OK

    assert made.code(T.CANCEL) == Refusal.APPROVAL_MISSING
    assert made.code(T.REROUTE, rail=2, approver=BOSS) == OK
    assert made.code(T.CANCEL) == OK
    made.audit()


def doubtful() -> Stage:
    """READY again after "not accepted", and then the rail says that it took it."""
    made = stage(S.READY, dispatched=True)
    assert made.code(T.RAIL_ACK) == OK
    return made


def resolve(made: Stage, how: Resolution, who: str, reason: str = "seen") -> int:
    """One call of ResolveException for the last exception."""
    index, ordinal = made.exceptions[-1].position
    command = ResolveException(made.next_id(), index, ordinal, how, reason, who)
    return made.do(command).outcomes.codes[0]


@pytest.mark.parametrize("trigger", [T.DISPATCH_BEGIN, T.CANCEL, T.REROUTE])
def test_an_open_exception_stops_the_second_send(trigger):
    """And so it stops what would let the money go another way. 3.5."""
    made = doubtful()

    assert made.code(trigger) == Refusal.EXCEPTION_OPEN
    assert resolve(made, Resolution.DISMISS, "p1") == OK
    assert made.code(trigger) == Refusal.EXCEPTION_OPEN
    assert resolve(made, Resolution.DISMISS, "p2") == OK
    assert made.code(trigger) == OK
    made.audit()


def test_two_people_settle_an_exception():
    """The same way, named twice, by two; another way begins anew. 3.5."""
    made = doubtful()

    assert resolve(made, Resolution.DISMISS, "p1", "") == Refusal.INVALID_COMMAND
    assert resolve(made, Resolution.DISMISS, "p1") == OK
    assert resolve(made, Resolution.DISMISS, "p1") == Refusal.SAME_PERSON
    assert resolve(made, Resolution.ACCEPT, "p2") == OK
    assert resolve(made, Resolution.ACCEPT, "p1") == OK
    assert resolve(made, Resolution.ACCEPT, "p3") == Refusal.WRONG_STATE
    unknown = ResolveException(made.next_id(), 1, 7, Resolution.DISMISS, "x", "p1")
    assert made.do(unknown).outcomes.codes[0] == Refusal.EXCEPTION_NOT_FOUND
    assert (made.exceptions[0].proposed_by, made.exceptions[0].resolved_by) == (
        "p2",
        "p1",
    )
    assert not made.exceptions[0].is_open


def test_exceptions_beyond_counting_are_refused_and_can_be_told_again():
    """A worker that reports without end stops no node; what it tells is taken later. 3.5."""
    made = doubtful()
    position = made.row[0].position
    made.books.plant_status(position, made.status._replace(open_exceptions=COUNT_MAX))
    told = made.command(T.SETTLE)
    before = len(made.exceptions)

    assert made.do(told).outcomes.codes[0] == Refusal.EXCEPTION_OPEN
    assert len(made.exceptions) == before
    resolve(made, Resolution.DISMISS, "p1")
    assert resolve(made, Resolution.DISMISS, "p2") == OK
    assert made.do(replace(told, request_id=made.next_id())).outcomes.codes[0] == OK
    assert made.status.open_exceptions == COUNT_MAX


def test_keys_are_burned_no_further_than_they_are_counted(monkeypatch):
    """A rail that refuses a payout for days stops no node: the last key is refused again."""
    rail = catalogue.RAILS[SWIFT]._replace(burns_refused_keys=True)
    monkeypatch.setitem(catalogue.RAILS, SWIFT, rail)
    made = stage(S.READY)
    position = made.row[0].position
    assert made.code(T.DISPATCH_BEGIN) == OK
    assert made.code(T.RAIL_NOT_ACCEPTED) == OK
    made.books.plant_status(position, made.status._replace(dispatch_no=COUNT_MAX - 1))

    keys = set()
    for _ in range(3):
        assert made.code(T.DISPATCH_BEGIN) == OK
        keys.add(made.key)
        assert made.code(T.RAIL_NOT_ACCEPTED) == OK

    assert made.status.dispatch_no == COUNT_MAX
    assert len(keys) == 2
    made.audit()


def test_nobody_settles_no_exception():
    """One that names no second person would stay open, and be settled again and again."""
    made = doubtful()
    resolve(made, Resolution.DISMISS, "p1")

    assert resolve(made, Resolution.DISMISS, "") == Refusal.INVALID_COMMAND
    assert made.status.open_exceptions == 1
    assert resolve(made, Resolution.DISMISS, "p2") == OK
    assert made.status.open_exceptions == 0


def test_an_accepted_reject_must_fit_the_account():
    """Money for which there is no room is refused, with the exception open; no halt. 2.4."""
    made = stage(S.READY, dispatched=True)
    made.meet(T.RAIL_REJECT)
    room_minor = MAX - made.balances().available_minor
    made.do(fund(800, amount_minor=room_minor, bank="second", external_ref="much"))
    resolve(made, Resolution.ACCEPT, "p1")
    before = made.books.view.journal()

    assert resolve(made, Resolution.ACCEPT, "p2") == Refusal.OVERFLOW
    assert made.books.view.journal() == before
    assert made.exceptions[0].is_open
    made.do(open_account(EVE), transfer(801, to_account_id=EVE, amount_minor=10_000))
    assert resolve(made, Resolution.ACCEPT, "p2") == OK
    assert made.state is S.FAILED
    made.audit()


@pytest.mark.parametrize(
    ("trigger", "state", "entries"),
    [
        (T.RAIL_ACK, S.SENT, 1),
        (T.SETTLE, S.SETTLED, 2),
        (T.RETURN, S.RETURNED, 3),
        (T.RAIL_REJECT, S.FAILED, 2),
    ],
)
def test_accepting_is_the_dispatch_and_then_the_evidence(trigger, state, entries):
    """As entries of one command, from READY only. 3.5."""
    made = stage(S.READY, dispatched=True)
    made.meet(trigger)
    resolve(made, Resolution.ACCEPT, "p1")
    journal = len(made.books.view.journal())
    assert resolve(made, Resolution.ACCEPT, "p2") == OK

    assert made.state is state
    assert made.status.open_exceptions == 0
    assert len(made.books.view.journal()) - journal == entries
    made.audit()


@pytest.mark.parametrize(
    ("trigger", "sign"), [(T.SETTLE, -1), (T.RETURN, 1), (T.REVERSAL_COMPLETE, 1)]
)
def test_adjusting_books_the_money_against_suspense(trigger, sign):
    """Out: suspense / cash. In: cash / suspense. No customer's money moves. 3.5."""
    made = stage(S.CANCELLED, dispatched=True)
    made.meet(trigger)
    before = made.balances()
    resolve(made, Resolution.ADJUST, "p1")
    assert resolve(made, Resolution.ADJUST, "p2") == OK

    assert made.balances() == before
    assert made.internal(AccountKind.SUSPENSE, b"main") == sign * AMOUNT
    assert made.internal(AccountKind.BANK_CASH, b"main") == sign * AMOUNT
    made.audit()


# Rails and times


def test_a_suspended_rail_begins_nothing(monkeypatch):
    """READY payouts wait, or are rerouted; and nothing is rerouted to it. 7.5."""
    rail = catalogue.RAILS[SWIFT]._replace(is_suspended=True)
    monkeypatch.setitem(catalogue.RAILS, SWIFT, rail)
    made = stage(S.READY)

    assert made.code(T.DISPATCH_BEGIN) == Refusal.RAIL_SUSPENDED
    assert made.code(T.REROUTE, rail=SWIFT) == Refusal.RAIL_SUSPENDED
    assert made.code(T.REROUTE) == OK
    assert made.code(T.DISPATCH_BEGIN) == OK


def test_prefunding_counts_what_other_rails_move_from_the_same_bank(monkeypatch):
    """Cash that is on its way by one rail cannot leave by another."""
    rail = catalogue.RAILS[SWIFT]._replace(is_prefunded=True)
    monkeypatch.setitem(catalogue.RAILS, SWIFT, rail)
    made = stage(S.READY)
    made.do(fund(500, bank="main", amount_minor=AMOUNT + AMOUNT // 2))
    made.do(submit(2, rail=2))  # type: ignore[arg-type]  # as in Stage.submit

    def begin(payout_id: bytes) -> int:
        command = DispatchBegin(made.next_id(), payout_id, 1, LEASE_US, WORKER)
        return made.do(command).outcomes.codes[0]

    by_another = begin(uid(2))
    short = begin(PAYOUT)
    made.do(fund(501, bank="main", amount_minor=AMOUNT // 2))

    assert by_another == OK
    assert short == Refusal.INSUFFICIENT_PREFUNDING
    assert begin(PAYOUT) == OK


def test_prefunding_bounds_what_is_under_way(monkeypatch):
    """Bank cash less what is in transit must cover the amount. 3.2."""
    rail = catalogue.RAILS[SWIFT]._replace(is_prefunded=True)
    monkeypatch.setitem(catalogue.RAILS, SWIFT, rail)
    made = stage(S.READY)
    short = made.code(T.DISPATCH_BEGIN)
    made.do(fund(95, bank="main", amount_minor=AMOUNT))

    assert short == Refusal.INSUFFICIENT_PREFUNDING
    assert made.code(T.DISPATCH_BEGIN) == OK


def test_a_reroute_moves_the_difference_of_the_fees():
    """Up: available / reserved. Down: the reverse. Found at its new rail only. 3.2."""
    made = stage(S.READY)  # at a fee; us_ach costs nothing
    index, ordinal = made.row[0].position
    assert made.code(T.REROUTE) == OK
    cheap = made.balances()
    at_new = made.books.view.ready(2, index), made.books.view.ready(SWIFT, index)
    assert made.code(T.REROUTE, rail=SWIFT) == OK

    assert cheap[:2] == (100_000 - AMOUNT, AMOUNT)
    assert at_new == ((ordinal,), ())
    assert made.balances()[:2] == (100_000 - AMOUNT - FEE, AMOUNT + FEE)
    made.audit()


def test_a_recall_is_a_mark_inside_its_window(monkeypatch):
    """Unsupported by the rail, asked once, closed later. 3.2."""
    made = stage(S.SETTLED)
    assert made.code(T.REQUEST_RECALL) == OK
    again = made.meet(T.REQUEST_RECALL)
    assert again.writes.events == []
    assert made.status.has(PayoutFlag.RECALL_REQUESTED)
    late = stage(S.SETTLED)
    late.books.ts_us += catalogue.RAILS[SWIFT].recall_us + 1
    assert late.code(T.REQUEST_RECALL) == Refusal.RECALL_WINDOW_CLOSED
    rail = catalogue.RAILS[SWIFT]._replace(recall_us=0)
    monkeypatch.setitem(catalogue.RAILS, SWIFT, rail)
    assert stage(S.SENT).code(T.REQUEST_RECALL) == Refusal.RECALL_UNSUPPORTED


def test_a_scheduled_payout_goes_at_its_time_and_moves_with_a_redate():
    """Reserved at the submit, released by the Tick at or after its time, once. 7.4."""
    made = Stage()
    due_us = made.books.ts_us + 50_000
    made.submit(due_us)
    reserved = made.balances().reserved_minor
    moved_us = due_us + 10_000
    assert made.code(T.REDATE, release_at_us=moved_us) == OK
    assert made.code(T.REDATE) == Refusal.VERSION_MISMATCH  # not a newer calendar
    made.books.ts_us = moved_us - 1_001
    made.meet(T.RELEASE)
    early = made.state
    made.meet(T.RELEASE)

    assert reserved == AMOUNT + FEE
    assert (early, made.state) == (S.SCHEDULED, S.READY)
    assert made.books.view.timers(2**63 - 1, 9) == []
    made.audit()


def test_a_time_of_release_that_has_passed_is_at_once():
    """And the same submit again is a replay, though the payout is READY."""
    made = Stage()
    made.submit(5)
    again = made.do(submit(1, release_at_us=5))
    other = made.do(submit(1))

    assert made.state is S.READY
    assert again.outcomes.codes[0] == Outcome.REPLAYED
    assert other.outcomes.retries[0].differing == ("release_at_us",)


def test_a_closed_accounts_money_comes_back_blocked():
    """A return never fails for the state of the account: credit(account, r). 2.3."""
    made = stage(S.SETTLED)
    account = made.books.view.account(ALICE)
    assert account is not None
    account.status = type(account.status).FROZEN
    made.books.plant(account)
    assert made.code(T.RETURN) == OK

    assert made.balances().blocked_minor == AMOUNT
    made.audit()


def test_a_ready_payout_is_led_to_by_one_row_an_entry():
    """One row for each rail of a batch, whatever the path that decided it."""
    books = Ledger()
    books.do([open_account(), fund(90)])
    books.submit(submit(1), submit(2, rail=2), submit(3), submit(4, amount_minor=10**9))

    assert books.view.ready(SWIFT, books.index) == (0, 2)
    assert books.view.ready(2, books.index) == (1,)
