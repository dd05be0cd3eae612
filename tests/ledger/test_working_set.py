"""The assertions that keep apply honest stop it before anything is written."""

import pytest

from ledgerd.ledger.accounts import AccountKind, Book, LedgerAccount, Side
from ledgerd.ledger.fees import FeeSchedule
from ledgerd.ledger.identity import IdKind, IdRecord
from ledgerd.ledger.journal import EntryReason, Leg
from ledgerd.ledger.payouts import PayoutState, PayoutStatus
from ledgerd.ledger.view import ExternalRef
from ledgerd.ledger.working_set import WorkingSet
from tests.ledger.making import ALICE, EUR, MAX, USD, Ledger, ledger, submit, uid

BOOK = Book(True, USD)


@pytest.fixture
def books() -> Ledger:
    books = ledger()
    books.submit(submit(1))
    return books


@pytest.fixture
def state(books: Ledger) -> WorkingSet:
    return WorkingSet(books.view)


def legs(debit: AccountKind, credit: AccountKind, amount_minor: int):
    return (
        Leg(LedgerAccount(debit, ALICE), Side.DEBIT, amount_minor),
        Leg(LedgerAccount(credit, ALICE), Side.CREDIT, amount_minor),
    )


def test_available_below_its_minimum_stops(state):
    """No debit of available may be written below the bound. I3."""
    plan = state.plan(BOOK, legs(AccountKind.AVAILABLE, AccountKind.HELD, 99_001))

    with pytest.raises(AssertionError):
        state.post((9, 0, 0), EntryReason.SUBMIT, plan)


def test_a_negative_balance_stops(state):
    """More than is reserved cannot be released. I3."""
    plan = state.plan(BOOK, legs(AccountKind.RESERVED, AccountKind.AVAILABLE, 1_001))

    with pytest.raises(AssertionError):
        state.post((9, 0, 0), EntryReason.CANCEL, plan)


def test_an_entry_in_another_book_stops(state):
    """No entry touches two books. I1."""
    with pytest.raises(AssertionError):
        state.plan(
            Book(True, EUR), legs(AccountKind.AVAILABLE, AccountKind.RESERVED, 1)
        )


def test_an_entry_out_of_order_stops(state):
    """Positions of an account's entries rise. I11."""
    plan = state.plan(BOOK, legs(AccountKind.AVAILABLE, AccountKind.RESERVED, 1))

    with pytest.raises(AssertionError):
        state.post((3, 0, 0), EntryReason.SUBMIT, plan)


def test_a_sum_that_does_not_fit_has_no_plan(state):
    """A plan exists only where every balance fits 64 bits."""
    too_much = legs(AccountKind.AVAILABLE, AccountKind.RESERVED, MAX)

    assert state.plan(BOOK, too_much) is None
    assert state.plan(BOOK, legs(AccountKind.HELD, AccountKind.HELD, 2**63)) is None


def test_a_gap_in_the_changes_of_a_payout_stops(state):
    """Changes of a payout are numbered densely. I9."""
    status = PayoutStatus(PayoutState.CANCELLED, 2, (9, 0, 0), 1)

    with pytest.raises(AssertionError):
        state.set_payout_status((3, 0), status)


def test_what_is_used_once_cannot_be_used_twice(state):
    """Ids and references are spent once. I9."""
    with pytest.raises(AssertionError):
        state.spend_id(IdKind.PAYOUT, uid(1), IdRecord(9, 0))
    with pytest.raises(AssertionError):
        state.use_external_ref(ExternalRef(b"first", b"opening"), (9, 0))
    with pytest.raises(AssertionError):
        state.set_fees(FeeSchedule(version=2))


def test_what_was_written_is_read(state):
    """Later commands of an entry see what earlier ones did."""
    plan = state.plan(BOOK, legs(AccountKind.AVAILABLE, AccountKind.HELD, 5))
    state.post((9, 0, 0), EntryReason.SUBMIT, plan)
    state.spend_id(IdKind.PAYOUT, uid(7), IdRecord(9, 0))
    state.use_external_ref(ExternalRef(b"b", b"r"), (9, 0))

    assert state.account(ALICE).held_minor == 5
    assert state.id(IdKind.PAYOUT, uid(7)) == IdRecord(9, 0)
    assert state.external_ref(ExternalRef(b"b", b"r")) == (9, 0)
    writes = state.writes()
    assert [account.sequence for account in writes.accounts] == [3]
    assert writes.event_seq is None


def test_what_a_payout_was_is_kept_from_its_second_change_on(state):
    """The walk back from the last change ends at the head, which needs no row of its own."""
    dispatching = PayoutStatus(PayoutState.DISPATCHING, 1, (9, 0, 0), 1)
    sent = PayoutStatus(PayoutState.SENT, 2, (9, 0, 1), 1)
    settled = PayoutStatus(PayoutState.SETTLED, 3, (9, 4, 0), 1)

    for status in (dispatching, sent, settled):
        state.set_payout_status((3, 0), status)

    writes = state.writes()
    assert writes.payout_statuses == [((3, 0), settled)]
    assert writes.payout_pasts == [
        ((9, 0, 1), (3, 0), dispatching),
        ((9, 4, 0), (3, 0), sent),
    ]


def test_payouts_under_way_are_counted_for_each_account(state):
    """From the dispatch to its end; a change in between counts nothing. I5."""
    changes = [
        (PayoutState.DISPATCHING, 1),
        (PayoutState.READY, 0),
        (PayoutState.DISPATCHING, 1),
        (PayoutState.SENT, 1),
        (PayoutState.SETTLED, 0),
        (PayoutState.RETURNED, 0),
    ]
    for n, (payout_state, count) in enumerate(changes):
        status = PayoutStatus(payout_state, n + 1, (9, n, 0), 1)
        state.set_payout_status((3, 0), status)
        assert state.payouts_under_way(ALICE) == count

    assert state.writes().under_way == [(ALICE, 0)]


def test_two_changes_of_a_payout_at_one_position_stop(state):
    """Each change has a position of its own, or the walk back would skip one. I11."""
    state.set_payout_status((3, 0), PayoutStatus(PayoutState.SENT, 1, (9, 0, 0), 1))

    with pytest.raises(AssertionError):
        state.set_payout_status(
            (3, 0), PayoutStatus(PayoutState.SETTLED, 2, (9, 0, 0), 1)
        )
