"""The second ledger answers as the rules say: a row per command, the answer last."""

import pytest

from jepsen.commands import (
    Cancel,
    Command,
    Fund,
    OpenAccount,
    Submit,
    Transfer,
)
from jepsen.model import AMOUNT_MAX, Answer, Model

USD = OpenAccount("a", "USD", False, "", 0)
OTHER = OpenAccount("b", "USD", False, "", 10)
LIVE = OpenAccount("live", "USD", True, "", 0)
YEN = OpenAccount("yen", "JPY", False, "", 0)


def fund(
    request: str, account: str, minor: int, ref: str, currency: str = "USD"
) -> Fund:
    return Fund(request, account, minor, currency, "bank", ref)


def submit(id_: str, minor: int, account: str = "a", **more: str) -> Submit:
    fields = {"currency": "USD", "rail": "sandbox", "reference": "r"} | more
    return Submit(id_, account, minor, destination="1", **fields)


def opened(*more: Command) -> Model:
    """Return a model with four accounts, 100 in `a`, after some more commands."""
    model = Model()
    first = [USD, OTHER, LIVE, YEN, fund("f", "a", 100, "deposit")]
    for index, command in enumerate([*first, *more]):
        model.apply((index, 0), command)
    return model


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (fund("x", "none", 1, "y"), "ACCOUNT_NOT_FOUND"),
        (fund("x", "a", 1, "deposit", "EUR"), "CURRENCY_MISMATCH"),
        (fund("x", "a", 1, "deposit"), "EXTERNAL_REF_USED"),
        (fund("x", "a", AMOUNT_MAX, "y"), "OVERFLOW"),
        (Transfer("x", "a", "none", 1, "USD", ""), "ACCOUNT_NOT_FOUND"),
        (Transfer("x", "a", "live", 1, "EUR", ""), "LIVEMODE_MISMATCH"),
        (Transfer("x", "a", "yen", 1, "USD", ""), "CURRENCY_MISMATCH"),
        (Transfer("x", "a", "b", 101, "USD", ""), "INSUFFICIENT_FUNDS"),
        (submit("x", 1, "none", rail="none"), "ACCOUNT_NOT_FOUND"),
        (submit("x", 1, rail="none"), "RAIL_NOT_FOUND"),
        (submit("x", 1, rail="us_ach"), "LIVEMODE_MISMATCH"),
        (submit("x", 1, "live"), "LIVEMODE_MISMATCH"),
        (submit("x", 1000, currency="EUR"), "CURRENCY_MISMATCH"),
        (submit("x", 1000, "live", rail="eu_sct"), "RAIL_CURRENCY"),
        (submit("x", 101), "INSUFFICIENT_FUNDS"),
        (Cancel("x", "none", ""), "PAYOUT_NOT_FOUND"),
    ],
)
def test_the_first_refusal_that_applies_is_given(
    command: Command, refusal: str
) -> None:
    """Only the first in order of precedence, and the id is spent."""
    model = opened()

    answer = model.apply((9, 0), command)

    assert answer == Answer("REFUSED", refusal, spent=True)


def test_a_submit_reserves_and_a_cancel_frees() -> None:
    """Money moves between available and reserved, and the bound is kept."""
    model = opened()

    created = model.apply((9, 0), submit("p", 60))
    refused = model.apply((9, 1), submit("q", 41))
    cancelled = model.apply((9, 2), Cancel("c", "p", ""))
    again = model.apply((9, 3), Cancel("d", "p", ""))

    assert created == Answer("CREATED", state="READY")
    assert refused.refusal == "INSUFFICIENT_FUNDS"
    assert cancelled == again == Answer("CREATED", state="CANCELLED")
    assert (model.accounts["a"].available, model.accounts["a"].reserved) == (100, 0)


def test_a_retry_gets_the_first_answer_at_its_position() -> None:
    """Same id, same fields: replayed, with the state as it is now."""
    model = opened(submit("p", 60), Cancel("c", "p", ""))

    answer = model.apply((9, 0), submit("p", 60))

    assert answer == Answer("REPLAYED", original=(5, 0), state="CANCELLED")


def test_another_body_is_a_conflict_that_names_the_fields() -> None:
    """The first call stands; the names come in the order of the public message."""
    model = opened(submit("p", 60))

    answer = model.apply((9, 0), submit("p", 61, reference="other"))

    assert answer.outcome == "CONFLICT"
    assert answer.differing == ("amount.units", "reference")
    assert model.payouts["p"].body.minor == 60


def test_a_refused_id_never_suddenly_succeeds() -> None:
    """The stored refusal is repeated even when the money is there by now."""
    model = opened(submit("p", 101), fund("g", "a", 1000, "more"))

    same = model.apply((9, 0), submit("p", 101))
    other = model.apply((9, 1), submit("p", 1))

    assert same == Answer("REFUSED", "INSUFFICIENT_FUNDS", original=(5, 0), spent=True)
    assert other.refusal == "INSUFFICIENT_FUNDS"
    assert not other.same_request


def test_a_cancel_that_came_before_its_payout_stays_about_none() -> None:
    """The answer that is repeated names no state, though the payout came since."""
    model = opened(Cancel("c", "p", ""), submit("p", 60))

    again = model.apply((9, 0), Cancel("c", "p", ""))
    late = model.apply((9, 1), Cancel("d", "p", ""))

    assert (again.refusal, again.state, again.original) == (
        "PAYOUT_NOT_FOUND",
        "",
        (5, 0),
    )
    assert late == Answer("CREATED", state="CANCELLED", fee_minor=0)


def test_the_trial_balance_balances_by_book() -> None:
    """Debits equal credits in every book, after anything."""
    model = opened(
        submit("p", 60), Transfer("t", "a", "b", 15, "USD", ""), submit("q", 1000)
    )

    books = model.trial_balance()

    assert books[False, "USD"] == {
        "cust/*/available": (0, 40),
        "cust/*/reserved": (0, 60),
        "bank/bank/cash": (100, 0),
    }
