"""The second ledger's life of a payout: money and states, and what it holds to be impossible."""

import pytest

from jepsen.commands import (
    Cancel,
    CaptureHold,
    CreateHold,
    Fund,
    OpenAccount,
    Recall,
    ReleaseHold,
    SetFees,
    Submit,
)
from jepsen.lifecycle import EDGES, FINAL, STATES, Fact, final_states
from jepsen.model import Answer, Change, Model
from ledgerd.ledger import payouts
from ledgerd.ledger.payouts import PayoutState
from ledgerd.rails.simulated import Magic

START = 10
SHORT = "000000007"


def begun(destination: str = "1", release_at_us: int = 0) -> Model:
    """Return a model with 1,000 on one account, a fee of 7, and a payout `p` of 300."""
    model = Model()
    for index, command in enumerate(
        (
            OpenAccount("a", "USD", False, "", 0),
            Fund("f", "a", 1_000, "USD", "b", "r"),
            SetFees("s", "sandbox", "USD", 7, 0),
            Submit("p", "a", 300, "USD", "sandbox", destination, "", release_at_us),
        )
    ):
        model.apply((index, 0), command, index)
    return model


def lived(model: Model, *facts: tuple[str, str, int]) -> list[str | None]:
    """Let facts about `p` take place, an entry each; return what the model says of each."""
    return [
        model.happened(
            (START + n, 0), Fact(kind, "p", after, minor, ts_us=(START + n) * 1_000)
        )
        for n, (kind, after, minor) in enumerate(facts)
    ]


BEGUN = ("DISPATCH_BEGUN", "DISPATCHING", 300)
SENT = ("PAYOUT_SENT", "SENT", 300)
SETTLED = ("PAYOUT_SETTLED", "SETTLED", 300)
RETURNED = ("PAYOUT_RETURNED", "RETURNED", 300)


def test_both_tables_of_the_lifecycle_allow_the_same_changes() -> None:
    """Two tables, written apart from each other, name the same ten states and edges (I9).

    A return that overtakes the settlement is one command there and two changes here.
    """
    ours = {
        (before, after)
        for edges in EDGES.values()
        for before, afters in edges.items()
        for after in afters
        if before not in ("", after)
    }

    assert {state.name for state in PayoutState} == set(STATES)
    theirs = {(a.name, b.name) for a, b in payouts.EDGES}
    assert theirs == ours | {("DISPATCHING", "RETURNED"), ("SENT", "RETURNED")}


@pytest.mark.parametrize(
    "magic", [m for m in Magic if m is not Magic.ACK_AFTER_REFUSAL]
)
def test_every_number_stands_for_a_final_state(magic: Magic) -> None:
    """A payout that is not cancelled has one way to end."""
    expected = final_states(magic.value)

    assert len(expected) == 1
    assert expected <= FINAL


@pytest.mark.parametrize(
    ("facts", "available", "reserved"),
    [
        ((), 693, 307),
        ((BEGUN,), 693, 7),
        ((BEGUN, ("PAYOUT_NOT_ACCEPTED", "READY", 300)), 693, 307),
        ((BEGUN, SENT), 693, 7),
        ((BEGUN, SENT, ("PAYOUT_FAILED", "FAILED", 300)), 1_000, 0),
        ((BEGUN, SENT, SETTLED), 693, 0),
        ((BEGUN, SETTLED, RETURNED), 1_000, 0),
    ],
)
def test_money_moves_with_the_states(
    facts: tuple[tuple[str, str, int], ...], available: int, reserved: int
) -> None:
    """The fee is reserved until the settlement, and the books balance at every step."""
    model = begun()

    found = lived(model, *facts)

    assert set(found) <= {None}
    account = model.accounts["a"]
    assert (account.available, account.reserved) == (available, reserved)
    for lines in model.trial_balance().values():
        assert sum(debit - credit for debit, credit in lines.values()) == 0


@pytest.mark.parametrize(
    "facts",
    [
        (SENT,),
        (BEGUN, BEGUN),
        (BEGUN, SETTLED, SENT),
        (BEGUN, SETTLED, SETTLED),
        (BEGUN, SETTLED, ("PAYOUT_RETURNED", "RETURNED", 299)),
        (BEGUN, SETTLED, ("PAYOUT_RETURNED", "SETTLED", 300)),
        (BEGUN, ("EXCEPTION_OPENED", "DISPATCHING", 300), BEGUN),
        (BEGUN, SETTLED, ("PAYOUT_REVERSED", "REVERSED", 300)),
    ],
)
def test_what_cannot_have_happened_is_said(
    facts: tuple[tuple[str, str, int], ...],
) -> None:
    """The last of these facts is impossible after the others."""
    model = begun()

    *rest, last = lived(model, *facts)

    assert set(rest) <= {None}
    assert last is not None


def test_a_return_may_overtake_the_settlement_once() -> None:
    """Both are told at one position; the settlement comes later, and no third time."""
    model = begun(SHORT)
    late = Fact("PAYOUT_SETTLED", "p", "RETURNED", 300, 0)
    lived(model, BEGUN)

    told = [
        model.happened((20, 0), Fact("PAYOUT_SETTLED", "p", "SETTLED", 300, 0)),
        model.happened((20, 0), Fact("PAYOUT_RETURNED", "p", "RETURNED", 300, 0)),
        model.happened((21, 0), late),
    ]

    assert told == [None, None, None]
    assert model.happened((22, 0), late) == "it was settled before"
    payout = model.payouts["p"]
    assert (payout.returned, payout.absorbed, payout.refunded) == (290, 10, 7)


def test_a_cancel_that_lost_the_race_names_the_winner() -> None:
    """After the dispatch only a recall is left; a refused one says the state."""
    model = begun()
    lived(model, BEGUN)

    late = model.apply((20, 0), Cancel("c", "p", ""))
    again = model.apply((20, 1), Cancel("c", "p", ""))
    recall = model.apply((20, 2), Recall("r", "p", ""))
    other = model.apply((20, 3), Recall("q", "p", ""))

    assert late == Answer("REFUSED", "WRONG_STATE", state="DISPATCHING", spent=True)
    assert again.state == "DISPATCHING"
    assert recall == other == Answer("CREATED", state="DISPATCHING", fee_minor=7)
    assert model.changes == []  # the second recall told nothing


def test_a_scheduled_payout_waits_for_its_time() -> None:
    """It may be let go at its time, not before."""
    model = begun(release_at_us=5_000)
    early = Fact("PAYOUT_RELEASED", "p", "READY", 300, 4_999)
    due = Fact("PAYOUT_RELEASED", "p", "READY", 300, 5_000)

    assert model.payouts["p"].state == "SCHEDULED"
    assert model.happened((20, 0), early) is not None
    assert model.happened((21, 0), due) is None
    assert model.changes == [Change("PAYOUT_RELEASED", "p", "SCHEDULED", "READY")]


def test_a_hold_is_taken_once_and_in_time() -> None:
    """What is left goes back; after its time it is refused whether or not it was freed."""
    model = begun()
    hold = CreateHold("h", "a", 100, "USD", 1_000, "")
    model.apply((20, 0), hold, 5_000)
    model.apply((20, 1), CreateHold("i", "a", 50, "USD", 1_000, ""), 5_000)

    much = model.apply((21, 0), CaptureHold("x", "h", "a", 101, "USD", ""), 5_999)
    taken = model.apply((21, 1), CaptureHold("y", "h", "a", 60, "USD", ""), 5_999)
    twice = model.apply((21, 2), ReleaseHold("z", "h", ""), 5_999)
    late = model.apply((22, 0), CaptureHold("w", "i", "a", 1, "USD", ""), 6_000)
    early = model.happened((22, 0), Fact("HOLD_EXPIRED", "i", "", 50, 5_999))
    freed = model.happened((23, 0), Fact("HOLD_EXPIRED", "i", "", 50, 6_000))
    gone = model.apply((24, 0), ReleaseHold("v", "i", ""), 6_000)

    assert (much.refusal, taken.outcome) == ("HOLD_EXCEEDED", "CREATED")
    assert (twice.refusal, late.refusal) == ("WRONG_STATE", "HOLD_EXPIRED")
    assert early is not None
    assert freed is None
    assert gone.refusal == "HOLD_EXPIRED"
    assert (model.accounts["a"].available, model.accounts["a"].held) == (693, 0)
