"""The table of the lifecycle: what it says, and that apply does what every cell says."""

import itertools
from dataclasses import replace

import pytest

from ledgerd.ledger.exceptions import ExceptionCause
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import (
    EDGES,
    EVIDENCE,
    INITIAL_STATES,
    MATRIX,
    OPEN_STATES,
    PayoutState,
    Trigger,
    Verdict,
    in_transit_minor,
    reserved_minor,
)
from tests.ledger.stages import AMOUNT, Stage, stage

S, T = PayoutState, Trigger
# 3.4 as the design prints it, in the order of the states' numbers. `same` and `alert` of a dagger
# are what a payout meets that was dispatched before.
EXPECTED = """
RELEASE           Y x x x x x x x x x
REDATE            Y x x x x x x x x x
APPROVE           x Y x x x x x x x x
REJECT            x Y x x x x x x x x
REROUTE           Y Y Y x x x x x x x
CANCEL            Y Y Y x x x same x x x
DISPATCH_BEGIN    x x Y x x x x x x x
DISPATCH_CLAIM    x x x Y x x x x x x
RAISE_ATTENTION   x x x ev x x x x x x
RAIL_ACK          o o o/alert Y same same o/alert alert same same
RAIL_NOT_ACCEPTED o o o/same Y alert alert o/same same alert alert
RAIL_REJECT       o o o/alert Y Y alert o/same same alert alert
SETTLE            o o o/alert Y Y second o/alert alert second second
REQUEST_RECALL    x x x ev ev ev x x x x
RETURN            o o o/alert Y Y Y o/alert alert alert alert
REVERSAL_COMPLETE o o o/alert alert alert Y o/alert alert alert alert
"""
EDGE_NAMES = """
SCHEDULED>IN_REVIEW SCHEDULED>READY SCHEDULED>CANCELLED IN_REVIEW>READY IN_REVIEW>FAILED
IN_REVIEW>CANCELLED READY>DISPATCHING READY>CANCELLED DISPATCHING>READY DISPATCHING>SENT
DISPATCHING>SETTLED DISPATCHING>FAILED DISPATCHING>RETURNED SENT>SETTLED SENT>FAILED
SENT>RETURNED SETTLED>RETURNED SETTLED>REVERSED
"""
CELLS = [
    pytest.param(state, T[name], word, dispatched, id=f"{name}-{state.name}-{word}")
    for name, *cells in (line.split() for line in EXPECTED.strip().splitlines())
    for state, cell in zip(S, cells, strict=True)
    for word, dispatched in zip(cell.split("/"), (False, True), strict=False)
]
# Where a Y leads, for the commands of `stages`: they name the whole amount.
LEADS = {
    T.RELEASE: S.READY,
    T.APPROVE: S.READY,
    T.REJECT: S.FAILED,
    T.CANCEL: S.CANCELLED,
    T.DISPATCH_BEGIN: S.DISPATCHING,
    T.RAIL_ACK: S.SENT,
    T.RAIL_NOT_ACCEPTED: S.READY,
    T.RAIL_REJECT: S.FAILED,
    T.SETTLE: S.SETTLED,
    T.RETURN: S.RETURNED,
    T.REVERSAL_COMPLETE: S.REVERSED,
}


@pytest.mark.parametrize(("state", "trigger", "word", "dispatched"), CELLS)
def test_every_cell_of_the_matrix(state, trigger, word, dispatched, monkeypatch):
    """3.4, cell by cell, by real commands; the books balance after each. I1 to I9, I14."""
    made = stage(state, monkeypatch, dispatched=dispatched)
    before, journal = made.status, len(made.books.view.journal())

    applied = made.meet(trigger)

    code = applied.outcomes.codes[0]
    now, events = made.status, applied.writes.events
    posted = len(made.books.view.journal()) - journal
    opened = [exception for exception in made.exceptions if exception.is_open]
    if word == "x" and trigger is T.RELEASE:
        assert (now, events) == (before, [])  # a Tick finds no timer of it
    elif word == "x":
        assert (code, now, posted) == (Refusal.WRONG_STATE, before, 0)
    elif word == "Y":
        assert code == Outcome.CREATED
        assert made.state is LEADS.get(trigger, state)
        assert events
    elif word == "ev":
        assert (code, now.state, posted, len(events)) == (0, state, 0, 1)
    elif word == "same":
        assert (code, now, posted, events) == (Outcome.CREATED, before, 0, [])
    elif word == "o":
        assert (code, now, posted) == (Refusal.RAIL_KEY_UNKNOWN, before, 0)
        assert [row.cause for row in opened] == [ExceptionCause.UNKNOWN_RAIL_KEY]
        assert len(events) == 1
    else:
        cause = ExceptionCause.WRONG_STATE
        if word == "second":
            cause = ExceptionCause.SECOND_SETTLEMENT
        assert (code, now.state, posted) == (Outcome.CREATED, state, 0)
        assert now.open_exceptions == 1
        assert [row.cause for row in opened] == [cause]
        assert len(events) == 1
    made.audit()


def test_the_table_has_these_verdicts():
    """The table is the source of the docs too: it says what the design says."""
    words = {
        "x": Verdict.WRONG_STATE,
        "Y": Verdict.LEGAL,
        "ev": Verdict.EVENT,
        "same": Verdict.SAME,
        "second": Verdict.SAME,
        "o": Verdict.ALERT,
        "alert": Verdict.ALERT,
    }
    expected = {
        (state, T[name]): words[cell.split("/")[-1]]
        for name, *cells in (line.split() for line in EXPECTED.strip().splitlines())
        for state, cell in zip(S, cells, strict=True)
    }

    assert {at: cell.verdict for at, cell in MATRIX.items()} == expected
    assert {trigger for _, trigger in MATRIX} == set(T) - {T.SUBMIT}


def test_only_these_edges_exist():
    """States move forward; the one way back is a rail's definite "not accepted". I9."""
    names = {f"{before.name}>{after.name}" for before, after in EDGES}

    assert sorted(names) == sorted(EDGE_NAMES.split())
    assert EDGES[S.DISPATCHING, S.READY] == (T.RAIL_NOT_ACCEPTED,)
    assert {S.SCHEDULED, S.IN_REVIEW, S.READY} == INITIAL_STATES


@pytest.mark.parametrize("trigger", sorted(EVIDENCE))
@pytest.mark.parametrize("state", [S.SETTLED, S.DISPATCHING])
def test_evidence_under_an_earlier_key_is_an_alert(state, trigger):
    """It names the payout by a key that it no longer has. 3.4."""
    made = stage(S.READY, dispatched=True)
    earlier = made.key
    assert made.code(T.REROUTE) == Outcome.CREATED
    made.meet(T.DISPATCH_BEGIN)
    assert made.key != earlier
    if state is S.SETTLED:
        made.meet(T.SETTLE, rail=2)
    assert made.state is state

    applied = made.meet(trigger, rail_key=earlier)

    assert applied.outcomes.codes[0] == Outcome.CREATED
    assert made.state is state
    assert [row.cause for row in made.exceptions] == [ExceptionCause.EARLIER_RAIL_KEY]
    made.audit()


@pytest.mark.parametrize("trigger", sorted(EVIDENCE))
@pytest.mark.parametrize("state", [S.DISPATCHING, S.SENT, S.SETTLED])
def test_what_another_rail_tells_is_an_alert(state, trigger):
    """A reference counts once for each rail, so no rail speaks of what another one has. I9."""
    made = stage(state)

    applied = made.meet(trigger, rail=2)

    assert applied.outcomes.codes[0] == Outcome.CREATED
    assert made.state is state
    assert [row.cause for row in made.exceptions] == [ExceptionCause.OTHER_RAIL]
    made.audit()


def test_a_return_is_not_booked_again_under_the_name_of_another_rail():
    made = stage(S.SETTLED)
    part = made.command(T.RETURN, amount_minor=400, reference="r")
    again = replace(part, request_id=made.next_id(), rail=2)  # type: ignore[call-arg]

    made.do(part)
    made.do(again)

    assert made.status.returned_minor == 400
    assert made.status.open_exceptions == 1
    made.audit()


def _told(made: Stage, trigger: Trigger, number: int) -> None:
    """Tell one fact of a fixed set; parts of a return have their own references."""
    changes: dict[str, object] = {"reference": f"{trigger.name} {number}"}
    if trigger is T.SETTLE:
        changes["cost_minor"] = 7
    if trigger is T.RETURN:
        changes["amount_minor"] = 400 if number else AMOUNT - 400
    assert made.code(trigger, **changes) == Outcome.CREATED


@pytest.mark.parametrize(
    "facts",
    [
        ((T.RAIL_ACK, 0), (T.SETTLE, 0)),
        ((T.RAIL_ACK, 0), (T.SETTLE, 0), (T.RETURN, 0), (T.RETURN, 1)),
        ((T.SETTLE, 0), (T.RETURN, 0)),
        ((T.RAIL_ACK, 0), (T.SETTLE, 0), (T.SETTLE, 0), (T.RETURN, 1)),
    ],
)
def test_the_order_of_evidence_does_not_matter(facts):
    """All orders end with equal balances, equal state and no exception. 3.5."""
    ends = set()
    for order in itertools.permutations(facts):
        made = stage(S.DISPATCHING)
        for trigger, number in order:
            _told(made, trigger, number)
            made.audit()
        internals = tuple(made.books.view.all_internals())
        status = made.status
        ends.add(
            (made.balances(), internals, status.state, status.back_minor, status.code)
        )
        assert made.exceptions == []

    assert len(ends) == 1


@pytest.mark.parametrize("trigger", sorted(EVIDENCE))
def test_the_same_evidence_twice_changes_nothing(trigger):
    """Under another request id too: its own reference names it. I9."""
    made = stage(S.SETTLED if trigger is T.REVERSAL_COMPLETE else S.DISPATCHING)
    assert made.code(trigger, reference="one") == Outcome.CREATED
    before = made.status, made.balances()

    again = made.meet(trigger, reference="one")

    assert again.outcomes.codes[0] == Outcome.CREATED
    assert again.writes.events == again.writes.journal == []
    assert (made.status, made.balances()) == before
    assert made.exceptions == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (S.SCHEDULED, (105, 0)),
        (S.IN_REVIEW, (105, 0)),
        (S.READY, (105, 0)),
        (S.DISPATCHING, (5, 100)),
        (S.SENT, (5, 100)),
        (S.SETTLED, (0, 0)),
        (S.CANCELLED, (0, 0)),
        (S.FAILED, (0, 0)),
        (S.RETURNED, (0, 0)),
        (S.REVERSED, (0, 0)),
    ],
)
def test_money_held_by_state(state, expected):
    """Amount and fee before dispatch, then the fee, then nothing; in transit between. I4, I5."""
    assert (reserved_minor(state, 100, 5), in_transit_minor(state, 100)) == expected
    assert (state in OPEN_STATES) == (expected[0] > 0)


def test_states_have_their_public_numbers():
    """Durable and public: these never change."""
    assert [(state.name, state.value) for state in S] == [
        ("SCHEDULED", 1),
        ("IN_REVIEW", 2),
        ("READY", 3),
        ("DISPATCHING", 4),
        ("SENT", 5),
        ("SETTLED", 6),
        ("CANCELLED", 7),
        ("FAILED", 8),
        ("RETURNED", 9),
        ("REVERSED", 10),
    ]
