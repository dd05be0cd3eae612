"""What a person found out at the rail is evidence like any other. Design 3.4 to 3.6."""

from dataclasses import replace

import pytest

from ledgerd.ledger.commands import Finding, TellEvidence
from ledgerd.ledger.exceptions import ExceptionCause
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import PayoutFlag, PayoutState, Trigger
from tests.ledger.making import SWIFT, names, uid
from tests.ledger.stages import AMOUNT, BOSS, FEE, LEASE_US, PAYOUT, Stage, stage

S, T, F = PayoutState, Trigger, Finding
OK = Outcome.CREATED


def tell(made: Stage, finding: int = F.SETTLED, **changes: object) -> TellEvidence:
    number = made.number + 1
    command = TellEvidence(
        made.next_id(),
        PAYOUT,
        finding,
        SWIFT,
        f"case-{number}",
        0,
        "",
        "portal, 21 Nov",
        BOSS,
    )
    return replace(command, **changes)  # type: ignore[arg-type]  # fields by name


def code(made: Stage, finding: int = F.SETTLED, **changes: object) -> int:
    return made.do(tell(made, finding, **changes)).outcomes.codes[0]


def in_doubt() -> Stage:
    made = stage(S.DISPATCHING)
    assert made.code(T.RAISE_ATTENTION) == OK
    return made


@pytest.mark.parametrize(
    ("finding", "state", "trigger"),
    [
        (F.TAKEN, S.SENT, T.RAIL_ACK),
        (F.SETTLED, S.SETTLED, T.SETTLE),
        (F.REJECTED, S.FAILED, T.RAIL_REJECT),
        (F.REFUSED, S.READY, T.RAIL_NOT_ACCEPTED),
        (F.NOT_FOUND, S.READY, T.RAIL_NOT_ACCEPTED),
    ],
)
def test_each_finding_does_what_the_worker_s_evidence_does(finding, state, trigger):
    """The same state, the same balances, and the doubt is over."""
    made, other = in_doubt(), in_doubt()
    others = {"is_refused": finding is F.REFUSED} if state is S.READY else {}

    found = made.do(tell(made, finding))
    other.meet(trigger, **others)

    assert names(found) == ["CREATED"]
    assert (made.state, other.state) == (state, state)
    assert made.balances() == other.balances()
    assert made.status.flags == other.status.flags
    assert not made.status.needs_attention
    made.audit()


def test_what_a_settlement_and_a_rejection_say_is_kept():
    """Date and code; the money follows."""
    paid, failed = in_doubt(), in_doubt()
    before = failed.balances()

    paid.do(tell(paid, value_date=20251012))
    failed.do(tell(failed, F.REJECTED, code="AC04"))

    assert paid.status.value_date == 20251012
    assert paid.status.rail_ref.startswith("case-")
    assert failed.status.code == "AC04"
    back_minor = failed.balances().available_minor - before.available_minor
    assert back_minor == AMOUNT + FEE


def test_after_a_silence_it_is_sent_again_under_the_same_key():
    """So a rail that has it after all sees a duplicate. Who cancels it instead is an approver."""
    made = in_doubt()
    key = made.key

    made.do(tell(made, F.NOT_FOUND))

    assert made.status.has(PayoutFlag.NOT_FOUND)
    assert made.code(T.CANCEL) == Refusal.APPROVAL_MISSING
    made.meet(T.DISPATCH_BEGIN)
    assert (made.state, made.key) == (S.DISPATCHING, key)


@pytest.mark.parametrize("finding", [F.REJECTED, F.REFUSED, F.NOT_FOUND])
def test_while_a_worker_holds_it_nobody_says_that_it_was_not_sent(finding):
    """It may be sending at this moment. A lease that is over, or given back, is none."""
    made = stage(S.DISPATCHING)
    made.books.ts_us = made.status.lease_until_us - LEASE_US // 2

    held = made.do(tell(made, finding))
    made.books.ts_us = made.status.lease_until_us
    lapsed = code(made, finding)

    assert (names(held), held.writes.evidence) == (["LEASE_HELD"], [])
    assert lapsed == OK


@pytest.mark.parametrize(
    ("finding", "state"), [(F.TAKEN, S.SENT), (F.SETTLED, S.SETTLED)]
)
def test_that_it_was_sent_may_be_said_at_any_time(finding, state):
    """Nothing can be sent twice by it."""
    made = stage(S.DISPATCHING)

    assert code(made, finding) == OK
    assert made.state is state


@pytest.mark.parametrize(
    ("state", "finding"),
    [
        (S.SETTLED, F.REJECTED),
        (S.SETTLED, F.NOT_FOUND),
        (S.SENT, F.REFUSED),
        (S.FAILED, F.SETTLED),
        (S.RETURNED, F.REJECTED),
    ],
)
def test_what_contradicts_the_books_opens_an_exception(state, finding):
    """It names who said so, and moves no money. 3.5."""
    made = stage(state)
    before, journal = made.balances(), len(made.books.view.journal())

    assert code(made, finding) == OK

    (opened,) = made.exceptions
    assert (opened.cause, opened.reported_by) == (ExceptionCause.WRONG_STATE, BOSS)
    assert (made.state, made.balances()) == (state, before)
    assert len(made.books.view.journal()) == journal
    assert made.status.needs_attention
    made.audit()


def test_a_late_yes_of_a_person_stops_the_second_send():
    """The first answer of the support was wrong: 3.5."""
    made = in_doubt()
    made.do(tell(made, F.NOT_FOUND))

    made.do(tell(made, F.SETTLED))

    assert (made.state, made.status.open_exceptions) == (S.READY, 1)
    assert made.code(T.DISPATCH_BEGIN) == Refusal.EXCEPTION_OPEN


def test_the_worker_may_tell_the_same_fact_before_or_after():
    """By the same reference it is the same evidence; nothing happens twice."""
    made = in_doubt()
    told = tell(made)
    made.do(told)
    before = made.status

    assert made.code(T.SETTLE, reference=told.reference) == OK
    assert (made.status, made.exceptions) == (before, [])


def test_another_rail_than_the_one_that_has_it_knows_nothing():
    """OTHER_RAIL, as for a worker. I9."""
    made = in_doubt()

    assert code(made, rail=2) == OK
    assert (made.state, made.exceptions[0].cause) == (
        S.DISPATCHING,
        ExceptionCause.OTHER_RAIL,
    )


def test_a_retry_is_a_replay_and_another_finding_is_a_conflict():
    """The note counts, too: it is what the record says."""
    made = in_doubt()
    told = tell(made)
    made.do(told)

    again = made.do(told)
    other = made.do(replace(told, finding=F.TAKEN, note="by phone"))

    assert names(again) == ["REPLAYED"]
    assert names(other) == ["CONFLICT"]
    assert other.outcomes.retries[0].differing == ("finding", "note")


FAULTS = [
    ("INVALID_COMMAND", "payout", {"payout_id": b"short"}),
    ("INVALID_COMMAND", "finding", {"finding": 6}),
    ("INVALID_COMMAND", "reference", {"reference": ""}),
    ("INVALID_COMMAND", "reference", {"reference": "x" * 65}),
    ("INVALID_COMMAND", "note", {"note": ""}),
    ("INVALID_COMMAND", "note", {"note": "x" * 141}),
    ("INVALID_COMMAND", "date", {"value_date": 20251012}),
    ("INVALID_COMMAND", "code", {"finding": F.NOT_FOUND, "code": "AC04"}),
    ("PAYOUT_NOT_FOUND", "payout", {"payout_id": uid(99)}),
    ("RAIL_NOT_FOUND", "rail", {"rail": 999}),
    ("VERSION_MISMATCH", "version", {"expected_version": 99}),
    ("SAME_PERSON", "principal", {"principal": "svc"}),
]


@pytest.mark.parametrize(("expected", "field", "changes"), FAULTS)
def test_each_fault_has_its_code(expected, field, changes):
    """One thing is wrong, and nothing is written."""
    made = in_doubt()

    applied = made.do(tell(made, **{"finding": F.REJECTED, **changes}))

    assert names(applied) == [expected], field
    assert applied.writes.payout_statuses == applied.writes.journal == []


def test_of_two_faults_the_first_code_of_the_list_wins():
    """9.4, with a worker that holds the payout."""
    made = stage(S.DISPATCHING)
    faults = [
        ("PAYOUT_NOT_FOUND", {"payout_id": uid(99)}),
        ("RAIL_NOT_FOUND", {"rail": 999}),
        ("VERSION_MISMATCH", {"expected_version": 99}),
        ("LEASE_HELD", {}),
    ]
    for at, (expected, changes) in enumerate(faults):
        everything = {"principal": "svc", **changes}
        for _, later in faults[at:]:
            everything = {**later, **everything}
        assert names(made.do(tell(made, F.NOT_FOUND, **everything))) == [expected]


def test_of_a_payout_that_never_left_there_is_nothing_to_tell():
    """No rail can have it."""
    made = stage(S.READY)

    assert code(made) == Refusal.WRONG_STATE
    assert made.exceptions == []
