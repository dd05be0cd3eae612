"""What a worker learned under a claim that was taken over since counts no more. Design 3.6."""

from ledgerd.ledger.commands import RailNotAccepted
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import PayoutState, Trigger
from tests.ledger.making import SWIFT, freeze, names
from tests.ledger.stages import LEASE_US, OTHER_WORKER, WORKER, Stage, stage

S, T = PayoutState, Trigger


def taken_over() -> tuple[Stage, int, int]:
    """A payout whose first worker fell asleep; the tokens of its claim and of the second."""
    made = stage(S.DISPATCHING)
    first = made.status.claim_index
    made.books.ts_us += LEASE_US
    assert made.code(T.DISPATCH_CLAIM, principal=OTHER_WORKER) == Outcome.CREATED
    assert made.status.claim_index > first
    return made, first, made.status.claim_index


def not_found(made: Stage, token: int, worker: str = WORKER) -> RailNotAccepted:
    return RailNotAccepted(
        made.next_id(), SWIFT, made.key, "asked-1", False, worker, token
    )


def test_a_silence_from_before_the_takeover_is_refused():
    """The second worker may have sent it: the payout does not leave the reach of its key."""
    made, stale, _ = taken_over()
    before = made.balances()

    applied = made.do(not_found(made, stale))

    assert names(applied) == ["VERSION_MISMATCH"]
    assert (made.state, made.balances(), made.exceptions) == (
        S.DISPATCHING,
        before,
        [],
    )
    assert applied.writes.evidence == []


def test_the_holder_of_the_claim_may_tell_the_same_fact():
    """The refused evidence id was not used."""
    made, stale, token = taken_over()
    made.do(not_found(made, stale))

    assert names(made.do(not_found(made, token, OTHER_WORKER))) == ["CREATED"]
    assert made.state is S.READY
    made.audit()


def test_a_token_that_is_told_late_contradicts_nothing():
    """Once the payout is READY again, the same fact is the same: no exception."""
    made, stale, token = taken_over()
    made.do(not_found(made, token, OTHER_WORKER))

    told = RailNotAccepted(made.next_id(), SWIFT, made.key, "x", False, WORKER, stale)
    assert names(made.do(told)) == ["CREATED"]
    assert (made.state, made.exceptions) == (S.READY, [])


def test_without_a_token_it_counts_as_before():
    """What the rail told by itself, of no claim."""
    made, _, _ = taken_over()

    assert made.code(T.RAIL_NOT_ACCEPTED) == Outcome.CREATED
    assert made.state is S.READY


def test_a_reroute_takes_nothing_more_from_a_frozen_account():
    """A rail at a higher fee would draw on available; one that costs no more does not."""
    made = stage(S.READY)
    made.do(freeze(700))
    before = made.balances()

    assert (
        made.code(T.REROUTE) == Outcome.CREATED
    )  # us_ach costs nothing: fee comes back
    assert made.balances().available_minor > before.available_minor
    assert names(made.do(made.command(T.REROUTE, rail=SWIFT))) == ["ACCOUNT_FROZEN"]
    made.audit()
