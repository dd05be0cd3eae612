"""A payout that may have been sent and of which its worker can learn nothing more. Design 3.6."""

import pytest

from ledgerd.ledger.events import EventKind
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import PayoutFlag, PayoutState, Trigger
from tests.ledger.making import names
from tests.ledger.stages import LEASE_US, OTHER_WORKER, Stage, stage

S, T = PayoutState, Trigger
OK = Outcome.CREATED


def in_doubt() -> Stage:
    """A payout that its worker has given back."""
    made = stage(S.DISPATCHING)
    assert made.code(T.RAISE_ATTENTION) == OK
    return made


def test_the_mark_is_set_told_once_and_moves_no_money():
    """Its worker says it; a second time under another request id changes nothing."""
    made = stage(S.DISPATCHING)
    before = made.balances()

    first = made.meet(T.RAISE_ATTENTION)
    status = made.status
    again = made.meet(T.RAISE_ATTENTION)

    assert [event.kind for event in first.writes.events] == [EventKind.ATTENTION_RAISED]
    assert (names(again), again.writes.events) == (["CREATED"], [])
    assert made.status == status
    assert (status.state, status.needs_attention) == (S.DISPATCHING, True)
    assert made.balances() == before
    made.audit()


def test_only_who_holds_the_claim_may_raise_it():
    """Another worker, or the same one under an older claim, knows less than the log."""
    made = stage(S.DISPATCHING)

    other = made.code(T.RAISE_ATTENTION, principal=OTHER_WORKER)
    made.meet(T.DISPATCH_CLAIM)
    stale = made.code(T.RAISE_ATTENTION, attempt=1)

    assert (other, stale) == (Refusal.LEASE_HELD, Refusal.VERSION_MISMATCH)
    assert not made.status.needs_attention


def test_nobody_holds_it_and_its_lease_runs_on():
    """So nobody sends it; another worker, and the same one, may ask again after the lease."""
    made = in_doubt()
    until_us = made.status.lease_until_us

    own = made.code(T.DISPATCH_CLAIM)
    other = made.code(T.DISPATCH_CLAIM, principal=OTHER_WORKER)
    worker = made.status.worker
    made.books.ts_us = until_us
    made.meet(T.RELEASE)  # a Tick
    taken = made.code(T.DISPATCH_CLAIM, principal=OTHER_WORKER)

    assert (own, other, worker) == (Refusal.LEASE_HELD, Refusal.LEASE_HELD, "")
    assert taken == OK
    assert (made.status.worker, made.status.needs_attention) == (OTHER_WORKER, True)
    made.audit()


def test_who_asked_again_in_vain_gives_it_back_again():
    """The mark stands already; the claim is what goes, and an event tells it."""
    made = in_doubt()
    made.books.ts_us += LEASE_US
    made.meet(T.DISPATCH_CLAIM, principal=OTHER_WORKER)

    applied = made.meet(T.RAISE_ATTENTION, principal=OTHER_WORKER)

    kinds = [event.kind for event in applied.writes.events]
    assert kinds == [EventKind.ATTENTION_RAISED]
    assert (made.status.worker, made.status.needs_attention) == ("", True)


@pytest.mark.parametrize(
    ("trigger", "state"),
    [
        (T.RAIL_ACK, S.SENT),
        (T.RAIL_NOT_ACCEPTED, S.READY),
        (T.RAIL_REJECT, S.FAILED),
        (T.SETTLE, S.SETTLED),
        (T.RETURN, S.RETURNED),
    ],
)
def test_evidence_takes_the_mark_away(trigger, state):
    """Whatever it says, nobody is in doubt any more."""
    made = in_doubt()

    assert made.code(trigger) == OK
    assert made.state is state
    assert not made.status.flags & PayoutFlag.IN_DOUBT
    assert not made.status.needs_attention
    made.audit()


def test_a_recall_request_keeps_the_mark():
    """It changes the payout, and settles nothing."""
    made = in_doubt()

    made.meet(T.REQUEST_RECALL)

    assert made.status.has(PayoutFlag.RECALL_REQUESTED)
    assert made.status.needs_attention


def test_an_open_exception_needs_attention_until_it_is_settled():
    """3.5: contradicting evidence sets `attention` too."""
    made = stage(S.SETTLED)
    assert not made.status.needs_attention

    made.meet(T.RAIL_REJECT)

    assert (made.state, made.status.needs_attention) == (S.SETTLED, True)
