import pytest

from ledgerd.ledger.payouts import (
    INITIAL_STATES,
    OPEN_STATES,
    TRANSITIONS,
    PayoutState,
    Trigger,
    after,
    reserved_minor,
)

S = PayoutState


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


@pytest.mark.parametrize("state", S)
def test_cancel_row_of_the_matrix(state):
    """Y Y Y x x x same x x x: ledger.md 3.4, line Cancel. I9."""
    legal = {S.SCHEDULED, S.IN_REVIEW, S.READY, S.CANCELLED}

    found = after(state, Trigger.CANCEL)

    assert found == (S.CANCELLED if state in legal else None)


def test_only_listed_edges_exist():
    """The table is the source: every row starts and ends in a state, none makes a payout."""
    assert {S.READY} == INITIAL_STATES
    assert all(trigger != Trigger.SUBMIT for _, trigger in TRANSITIONS)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (S.SCHEDULED, 105),
        (S.IN_REVIEW, 105),
        (S.READY, 105),
        (S.DISPATCHING, 5),
        (S.SENT, 5),
        (S.SETTLED, 0),
        (S.CANCELLED, 0),
        (S.FAILED, 0),
        (S.RETURNED, 0),
        (S.REVERSED, 0),
    ],
)
def test_reserved_money_by_state(state, expected):
    """R is amount and fee before dispatch, the fee until the end, then nothing. I4."""
    assert reserved_minor(state, 100, 5) == expected
    assert (state in OPEN_STATES) == (expected > 0)
