"""Sums over payouts that the books contradict are named: I5, I6, I7."""

import pytest

from ledgerd.ledger.invariants import Audit
from ledgerd.ledger.payouts import PayoutFlag, PayoutState
from tests.ledger.stages import Stage, stage


def breaches(made: Stage, **changes: object) -> set[str]:
    """Audit the rows with other values in the payout's status; return what broke."""
    view = made.books.view
    audit = Audit()
    for entry in view.journal():
        audit.entry(entry)
    ((head, status),) = view.all_payouts()
    assert status is not None
    audit.payouts([(head, status._replace(**changes))])  # type: ignore[arg-type]
    return {breach.invariant for breach in audit.breaches}


def test_an_audit_is_asked_again():
    """Every so many entries the same audit sees all payouts again, and counts each once."""
    made = stage(PayoutState.SENT)
    audit = Audit()
    for entry in made.books.view.journal():
        audit.entry(entry)
    for _ in range(3):
        audit.payouts(made.books.view.all_payouts())

    assert audit.breaches == []


def test_lost_transit_is_a_breach_of_i5():
    """A payout that is not under way leaves nothing in transit."""
    made = stage(PayoutState.DISPATCHING)

    assert breaches(made) == set()
    assert "I5" in breaches(made, state=PayoutState.READY)


def test_a_lost_fee_is_a_breach_of_i6():
    """A fee that was refunded is no revenue."""
    made = stage(PayoutState.SETTLED)

    assert breaches(made) == set()
    assert "I6" in breaches(made, flags=PayoutFlag.FEE_REFUNDED)


@pytest.mark.parametrize(
    ("state", "other"),
    [
        (PayoutState.SETTLED, PayoutState.FAILED),
        (PayoutState.SENT, PayoutState.CANCELLED),
        (PayoutState.CANCELLED, PayoutState.SETTLED),
    ],
)
def test_a_wrong_state_is_a_breach_of_i7(state, other):
    """What the customer lost does not follow from the state any more."""
    made = stage(state)

    assert breaches(made) == set()
    assert "I7" in breaches(made, state=other)


def test_more_back_than_was_paid_is_a_breach_of_i14():
    """The parts that came back never exceed the amount."""
    made = stage(PayoutState.SETTLED)

    assert "I14" in breaches(made, returned_minor=1_001)
