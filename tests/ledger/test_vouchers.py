"""Entries that people write out: one makes a voucher, another one posts it. Design 2.5."""

from dataclasses import replace

import pytest

from ledgerd.ledger.accounts import AccountKind, AccountStatus, Side
from ledgerd.ledger.commands import EntryLeg
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.journal import EntryReason
from ledgerd.ledger.vouchers import VoucherState
from ledgerd.limits import ENTRY_LEGS_MAX
from tests.ledger.making import (
    ALICE,
    BOB,
    EUR,
    EVE,
    USD,
    adjust,
    approve_voucher,
    create_hold,
    freeze,
    fund,
    ledger,
    leg,
    name,
    names,
    open_account,
    post_entry,
    reject_voucher,
    submit,
    uid,
)

DEBIT, CREDIT = Side.DEBIT, Side.CREDIT
AVAILABLE, BLOCKED = AccountKind.AVAILABLE, AccountKind.BLOCKED


def voucher(books, number=1):
    found = books.view.voucher(uid(number))
    assert found is not None
    return found


def answer(books, *commands):
    return names(books.do(commands))[-1]


def test_a_voucher_moves_nothing_until_another_approves():
    """Two principals, two commands, one entry."""
    books = ledger()

    made = books.do([post_entry(1)])
    assert names(made) == ["CREATED"]
    assert books.balances()[0] == 100_000
    assert voucher(books).state == VoucherState.OPEN

    posted = books.do([approve_voucher(2)])

    assert names(posted) == ["CREATED"]
    assert books.balances()[0] == 99_300
    entry = books.view.journal()[-1]
    assert (entry.reason, entry.position) == (EntryReason.POST_ENTRY, (4, 0, 0))
    assert (voucher(books).state, voucher(books).changed_by) == (
        VoucherState.POSTED,
        "ben",
    )
    assert [event.kind for event in books.view.events()][-2:] == [
        EventKind.VOUCHER_MADE,
        EventKind.VOUCHER_POSTED,
    ]


def test_nobody_approves_their_own():
    """Whoever wrote it out may withdraw it, and that is all."""
    books = ledger()
    books.do([post_entry(1)])

    assert answer(books, approve_voucher(2, principal="anna")) == "SAME_PERSON"
    assert voucher(books).state == VoucherState.OPEN
    assert answer(books, reject_voucher(3, principal="anna")) == "CREATED"
    assert books.balances()[0] == 100_000


@pytest.mark.parametrize("first", [approve_voucher(2), reject_voucher(2)])
@pytest.mark.parametrize("second", [approve_voucher(3), reject_voucher(3)])
def test_a_voucher_ends_once(first, second):
    books = ledger()
    books.do([post_entry(1)])

    assert names(books.do([first, second])) == ["CREATED", "WRONG_STATE"]


def test_an_adjustment_names_the_entry_that_it_puts_right():
    """The link is kept with the voucher, and the entry says that it is an adjustment."""
    books = ledger()

    books.do([adjust(1)])
    books.do([approve_voucher(2)])

    assert voucher(books).linked == (2, 0, 0)
    assert books.view.journal()[-1].reason == EntryReason.ADJUST
    suspense = {
        key.account.name: balance for key, balance in books.view.all_internals()
    }
    assert suspense["suspense/first"] == 700


@pytest.mark.parametrize("linked", [(2, 1, 0), (99, 0, 0), (2, 0, 1)])
def test_a_link_to_nothing_is_refused(linked):
    assert answer(ledger(), adjust(1, linked=linked)) == "ENTRY_NOT_FOUND"


def test_a_link_stays_in_its_book():
    """An adjustment touches the book of what it puts right."""
    books = ledger()
    books.do([open_account(EVE, currency=EUR), fund(5, account_id=EVE, currency=EUR)])

    assert answer(books, adjust(1, linked=(3, 1, 0))) == "CURRENCY_MISMATCH"


@pytest.mark.parametrize(
    "kind",
    [AccountKind.RESERVED, AccountKind.HELD, AccountKind.IN_TRANSIT, 0, 13, 255],
)
def test_what_payouts_and_holds_account_for_is_out_of_reach(kind):
    """I4 and I5: these balances are sums over other things."""
    subject = b"us_ach" if kind == AccountKind.IN_TRANSIT else ALICE
    legs = (EntryLeg(kind, subject, True, 5), leg(AVAILABLE, ALICE, CREDIT, 5))

    assert answer(ledger(), post_entry(1, *legs)) == "INVALID_COMMAND"


@pytest.mark.parametrize(
    "bad",
    [
        EntryLeg(AVAILABLE, b"short", True, 5),
        EntryLeg(AVAILABLE, b"", True, 5),
        EntryLeg(AccountKind.BANK_CASH, b"", True, 5),
        EntryLeg(AccountKind.BANK_CASH, b"First", True, 5),
        EntryLeg(AccountKind.BANK_CASH, b"x" * 33, True, 5),
        EntryLeg(AccountKind.PAYOUT_FEE, b"x", True, 5),
        EntryLeg(AVAILABLE, ALICE, True, 0),
        EntryLeg(AVAILABLE, ALICE, True, -5),
        EntryLeg(AVAILABLE, ALICE, True, 2**63),
    ],
)
def test_a_leg_without_a_sound_form_is_refused(bad):
    legs = (bad, leg(AVAILABLE, ALICE, CREDIT, 5))

    assert answer(ledger(), post_entry(1, *legs)) == "INVALID_COMMAND"


@pytest.mark.parametrize("count", [0, 1, ENTRY_LEGS_MAX + 1])
def test_the_number_of_legs_is_bounded(count):
    legs = tuple(leg(AVAILABLE, ALICE, CREDIT, 5) for _ in range(count))

    assert answer(ledger(), replace(post_entry(1), legs=legs)) == "INVALID_COMMAND"


def test_a_voucher_of_the_largest_size_is_posted():
    """As many legs as there may be, each of an account of its own."""
    books = ledger()
    many = [uid(1000 + n) for n in range(ENTRY_LEGS_MAX - 1)]
    books.do([open_account(account_id, owner_ref="o") for account_id in many])
    legs = [leg(AVAILABLE, account_id, CREDIT, 10) for account_id in many]
    legs.append(leg(AVAILABLE, ALICE, DEBIT, 10 * len(many)))

    books.do([post_entry(1, *legs)])
    assert answer(books, approve_voucher(2)) == "CREATED"

    assert books.balances()[0] == 100_000 - 310
    assert len(books.view.journal()[-1].touched) == ENTRY_LEGS_MAX


def test_an_unbalanced_voucher_is_refused():
    legs = (leg(AVAILABLE, ALICE, DEBIT, 5), leg(AVAILABLE, BOB, CREDIT, 6))

    assert answer(ledger(), post_entry(1, *legs)) == "ENTRY_UNBALANCED"


def test_bounds_are_those_of_the_moment_of_approval():
    """What was there when it was written out may be gone."""
    books = ledger(700)
    books.do([post_entry(1)])
    books.do([create_hold(5, amount_minor=1)])

    assert answer(books, approve_voucher(2)) == "INSUFFICIENT_FUNDS"
    assert voucher(books).state == VoucherState.OPEN


def test_no_balance_falls_below_zero():
    legs = (leg(BLOCKED, ALICE, DEBIT, 5), leg(AVAILABLE, ALICE, CREDIT, 5))
    books = ledger()
    books.do([post_entry(1, *legs)])

    assert answer(books, approve_voucher(2)) == "BOUND_EXCEEDED"


def test_blocked_money_is_freed_by_two_people():
    """The way out for money that came to a frozen account."""
    books = ledger()
    books.do([freeze(5), fund(6, amount_minor=70)])
    legs = (leg(BLOCKED, ALICE, DEBIT, 70), leg(AVAILABLE, ALICE, CREDIT, 70))
    books.do([post_entry(1, *legs)])

    assert answer(books, approve_voucher(2)) == "CREATED"
    assert books.balances() == (100_070, 0, 0, 0, 0)


def test_a_closed_account_gets_nothing_available():
    """Money on it would be out of everybody's reach."""
    books = ledger()
    books.do([post_entry(1)])
    books.plant(replace(books.view.account(ALICE), status=AccountStatus.CLOSED))

    assert answer(books, approve_voucher(2)) == "ACCOUNT_CLOSED"


def test_legs_of_one_account_count_together():
    """Only what an account is left with is compared with its bound."""
    books = ledger(100)
    legs = (
        leg(AVAILABLE, ALICE, DEBIT, 500),
        leg(AVAILABLE, ALICE, CREDIT, 450),
        leg(AccountKind.RETURNS, b"", DEBIT, 50),
        leg(AVAILABLE, BOB, CREDIT, 100),
    )
    books.do([post_entry(1, *legs)])

    assert answer(books, approve_voucher(2)) == "CREATED"
    assert (books.balances()[0], books.balances(BOB)[0]) == (50, 100)


def test_the_request_id_is_the_vouchers_id():
    """A retry is replayed; another body is a conflict that names its fields."""
    books = ledger()
    books.do([post_entry(1)])

    applied = books.do(
        [
            post_entry(1),
            post_entry(1, reason="other", livemode=False),
            adjust(1),
        ]
    )

    assert names(applied) == ["REPLAYED", "CONFLICT", "CONFLICT"]
    assert applied.outcomes.retries[1].differing == ("livemode", "reason")
    assert applied.outcomes.retries[2].differing == ("call",)


def test_reserved_money_is_not_reached_by_any_voucher():
    """I4 holds after entries by hand: what a payout reserved stays reserved."""
    books = ledger()
    books.submit(submit(9))
    books.do([post_entry(1)])
    books.do([approve_voucher(2)])

    assert books.balances()[:2] == (98_300, 1_000)
    assert name(books.do([post_entry(3, currency=USD)]).outcomes.codes[0]) == "CREATED"
