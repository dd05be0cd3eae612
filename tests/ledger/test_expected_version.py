"""A call that says which version of a payout it has seen is refused if the payout moved on."""

import pytest

from ledgerd.formats import versions
from ledgerd.ledger.commands import Cancel
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import PayoutState, Trigger
from tests.ledger.making import cancel, names, uid
from tests.ledger.stages import stage

S, T = PayoutState, Trigger
CALLS = {
    T.APPROVE: S.IN_REVIEW,
    T.REJECT: S.IN_REVIEW,
    T.CANCEL: S.READY,
    T.REROUTE: S.READY,
    T.REQUEST_RECALL: S.SENT,
}


@pytest.mark.parametrize("trigger", CALLS)
def test_the_version_that_was_seen_is_accepted_and_any_other_is_not(
    trigger, monkeypatch
):
    """Older and newer ones; the refusal tells the state, and changes nothing."""
    made = stage(CALLS[trigger], monkeypatch)
    version = made.status.version

    for other in (version - 1, version + 1):
        if other:
            applied = made.meet(trigger, expected_version=other)
            assert names(applied) == ["VERSION_MISMATCH"]
            assert list(applied.outcomes.states) == [CALLS[trigger]]
            assert applied.writes.payout_statuses == applied.writes.journal == []
    assert made.code(trigger, expected_version=version) == Outcome.CREATED
    assert made.status.version == version + 1


def test_a_payout_begins_with_version_1_and_each_change_is_one_more():
    """Dispatch, acknowledgement and settlement: three changes."""
    made = stage(S.READY)
    found = [made.status.version]
    for trigger in (T.DISPATCH_BEGIN, T.RAIL_ACK, T.SETTLE):
        made.code(trigger)
        found.append(made.status.version)

    assert found == [1, 2, 3, 4]


def test_of_two_people_who_saw_the_same_version_one_is_refused():
    """Each of them meant another payout than the second would have met."""
    made = stage(S.READY)
    first = made.command(T.REROUTE, expected_version=1)
    second = made.command(T.CANCEL, expected_version=1)

    assert names(made.do(first, second)) == ["CREATED", "VERSION_MISMATCH"]
    assert made.state is S.READY


def test_a_retry_is_replayed_though_the_payout_moved_on():
    """The call itself made the next version; what it expected is not compared."""
    made = stage(S.READY)
    assert names(made.do(cancel(500, expected_version=1))) == ["CREATED"]

    for again in (1, 2, 0):
        assert names(made.do(cancel(500, expected_version=again))) == ["REPLAYED"]
    assert made.state is S.CANCELLED


def test_a_refused_retry_stays_refused():
    """The request id is spent: it never succeeds, even if the version comes."""
    made = stage(S.READY)
    call = cancel(500, expected_version=2)
    assert made.do(call).outcomes.codes[0] == Refusal.VERSION_MISMATCH
    assert made.code(T.REROUTE) == Outcome.CREATED

    assert made.status.version == 2
    assert names(made.do(call)) == ["VERSION_MISMATCH"]


def test_the_first_versions_of_the_state_do_not_know_it():
    """A release that does not know the field would cancel without asking."""
    plain = Cancel(uid(1), uid(2), "", "p")
    asks = Cancel(uid(1), uid(2), "", "p", expected_version=1)

    assert versions.not_yet_understood(plain, 2) == ""
    assert "needs state version 3" in versions.not_yet_understood(asks, 2)
    assert versions.not_yet_understood(asks, 3) == ""
