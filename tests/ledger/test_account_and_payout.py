"""Payouts of accounts that are frozen, closed or in debt: what was accepted goes on. 2.3, 2.5."""

import pytest

from ledgerd.ledger.commands import FeeRule
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import PayoutState, Trigger
from tests.ledger.making import (
    ALICE,
    BOB,
    MAX,
    SWIFT,
    USD,
    close_account,
    freeze,
    fund_reverse,
    names,
    open_account,
    set_fees,
    submit,
    transfer,
)
from tests.ledger.stages import AMOUNT, Stage, stage

S, T = PayoutState, Trigger


def free_stage() -> Stage:
    """A payout without a fee, and an account that has nothing besides it."""
    made = Stage()
    made.do(open_account(BOB), set_fees(92, FeeRule(SWIFT, USD, 0, 0, 0, MAX)))
    made.submit()
    made.do(transfer(93, amount_minor=100_000 - AMOUNT))
    return made


def close(made: Stage) -> str:
    command = close_account(account_id=ALICE, request_id=made.next_id())
    (answer,) = names(made.do(command))
    return answer


@pytest.mark.parametrize("way", [(), (T.RAIL_ACK,)], ids=["dispatching", "sent"])
def test_an_account_closes_only_after_its_last_payout(way) -> None:
    """While the money is in transit no balance shows the payout, and yet it is open."""
    made = free_stage()
    assert close(made) == "ACCOUNT_NOT_EMPTY"
    for trigger in (T.DISPATCH_BEGIN, *way):
        assert made.code(trigger) == Outcome.CREATED
    assert not any(made.balances())

    assert close(made) == "ACCOUNT_NOT_EMPTY"
    assert made.code(T.SETTLE) == Outcome.CREATED
    assert close(made) == "CREATED"
    made.audit()


def test_a_refused_dispatch_counts_no_more() -> None:
    """Back to READY and cancelled: the count of payouts under way is zero again."""
    made = free_stage()
    for trigger in (T.DISPATCH_BEGIN, T.RAIL_NOT_ACCEPTED, T.CANCEL):
        assert made.code(trigger) == Outcome.CREATED
    made.do(transfer(94, amount_minor=AMOUNT))

    assert made.books.view.all_under_way() == {ALICE: 0}
    assert close(made) == "CREATED"


def test_a_return_to_a_closed_account_is_blocked() -> None:
    """It has arrived, so it is booked, and nobody can use it."""
    made = free_stage()
    for trigger in (T.DISPATCH_BEGIN, T.SETTLE):
        made.meet(trigger)
    assert close(made) == "CREATED"

    assert made.code(T.RETURN) == Outcome.CREATED

    assert made.state is S.RETURNED
    assert tuple(made.balances()) == (0, 0, 0, AMOUNT, 0)
    made.audit()


def test_a_return_to_an_account_in_debt_pays_it_first() -> None:
    """The rest is available; were the account frozen, it would be blocked."""
    made = free_stage()
    for trigger in (T.DISPATCH_BEGIN, T.SETTLE):
        made.meet(trigger)
    made.do(fund_reverse(95, external_ref="ref-90", amount_minor=400))
    made.do(freeze(96))

    assert made.code(T.RETURN) == Outcome.CREATED

    assert tuple(made.balances()) == (0, 0, 0, AMOUNT - 400, 0)
    made.audit()


@pytest.mark.parametrize(
    ("state", "trigger", "to"),
    [
        (S.READY, T.DISPATCH_BEGIN, S.DISPATCHING),
        (S.READY, T.CANCEL, S.CANCELLED),
        (S.DISPATCHING, T.RAIL_REJECT, S.FAILED),
        (S.SENT, T.SETTLE, S.SETTLED),
    ],
)
def test_payouts_that_were_accepted_before_a_freeze_go_on(state, trigger, to) -> None:
    """Freezing stops new work; who wants to stop a payout cancels it."""
    made = stage(state)
    made.do(freeze(96))

    assert made.code(trigger) == Outcome.CREATED
    assert made.state is to
    assert names(made.do(submit(2))) == ["ACCOUNT_FROZEN"]  # type: ignore[arg-type]
    made.audit()
