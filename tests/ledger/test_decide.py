"""What each command does to the books, as rows of balances."""

from dataclasses import replace

import pytest

from ledgerd.ledger.accounts import AccountKind, AccountStatus, InternalKey
from ledgerd.ledger.accounts import LedgerAccount as Name
from ledgerd.ledger.commands import FeeRule
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.payouts import PayoutState
from tests.ledger.making import (
    ALICE,
    BOB,
    EVE,
    JPY,
    MAX,
    SANDBOX,
    SWIFT,
    USD,
    cancel,
    fund,
    ledger,
    names,
    open_account,
    set_fees,
    submit,
    transfer,
    uid,
)


def test_worked_example_up_to_dispatch():
    """Fund 100000, submit 25000 with a fee of 50, cancel: ledger.md 3.3, first lines."""
    books = ledger(100_000)
    books.do([set_fees(9, FeeRule(SWIFT, USD, 50, 0, 0, MAX))])
    seen = [books.balances()]

    submitted = books.submit(submit(1, amount_minor=25_000))
    seen.append(books.balances())
    books.do([cancel(2)])
    seen.append(books.balances())

    assert list(submitted.outcomes.fees_minor) == [50]
    assert seen == [
        (100_000, 0, 0, 0, 0),
        (74_950, 25_050, 0, 0, 0),
        (100_000, 0, 0, 0, 0),
    ]


def test_funds_are_decided_row_by_row():
    """A batch spends in order; what does not fit is refused and what follows may fit."""
    books = ledger(1_000)

    applied = books.submit(
        submit(1, amount_minor=600),
        submit(2, amount_minor=500),
        submit(3, amount_minor=400),
        submit(4, amount_minor=1),
    )

    assert names(applied) == [
        "CREATED",
        "INSUFFICIENT_FUNDS",
        "CREATED",
        "INSUFFICIENT_FUNDS",
    ]
    assert books.balances() == (0, 1_000, 0, 0, 0)


@pytest.mark.parametrize(
    ("minimum", "amount", "answer"),
    [
        (0, 1_000, "CREATED"),
        (0, 1_001, "INSUFFICIENT_FUNDS"),
        (200, 800, "CREATED"),
        (200, 801, "INSUFFICIENT_FUNDS"),
        (-500, 1_500, "CREATED"),
        (-500, 1_501, "INSUFFICIENT_FUNDS"),
        (5_000, 1, "INSUFFICIENT_FUNDS"),
    ],
)
def test_a_debit_keeps_the_minimum(minimum, amount, answer):
    """No payout and no transfer leaves available below the account's minimum. I3."""
    for way in ("submit", "transfer"):
        books = ledger()
        books.do([open_account(EVE, min_balance_minor=minimum)])
        books.do([fund(3, account_id=EVE, amount_minor=1_000)])
        if way == "submit":
            applied = books.submit(submit(1, account_id=EVE, amount_minor=amount))
        else:
            applied = books.do([transfer(4, from_account_id=EVE, amount_minor=amount)])

        assert names(applied) == [answer], way


@pytest.mark.parametrize(
    ("status", "receivable", "amount", "after"),
    [
        (AccountStatus.OPEN, 0, 300, (300, 0, 0, 0, 0)),
        (AccountStatus.OPEN, 100, 300, (200, 0, 0, 0, 0)),
        (AccountStatus.OPEN, 300, 300, (0, 0, 0, 0, 0)),
        (AccountStatus.OPEN, 500, 300, (0, 0, 0, 0, 200)),
        (AccountStatus.CLOSED, 100, 300, (0, 0, 0, 200, 0)),
        (AccountStatus.FROZEN, 0, 300, (0, 0, 0, 300, 0)),
        (AccountStatus.FROZEN, 500, 300, (0, 0, 0, 0, 200)),
    ],
)
def test_incoming_money_pays_what_is_owed_first(status, receivable, amount, after):
    """Receivable first, the rest to available, or to blocked if closed or frozen."""
    books = ledger()
    bob = books.view.account(BOB)
    assert bob is not None
    books.plant(replace(bob, status=status, receivable_minor=receivable))

    applied = books.do([fund(3, account_id=BOB, amount_minor=amount)])

    assert names(applied) == ["CREATED"]
    assert books.balances(BOB) == after
    assert all(leg.amount_minor for leg in books.view.journal()[-1].legs)


def test_an_external_reference_is_used_once_per_bank():
    """The bank's reference is evidence: used once, and the other bank has its own. I9."""
    books = ledger()

    applied = books.do(
        [
            fund(2, external_ref="a"),
            fund(3, external_ref="a", account_id=BOB),
            fund(4, external_ref="a", bank="second"),
        ]
    )

    assert names(applied) == ["CREATED", "EXTERNAL_REF_USED", "CREATED"]


def test_bank_cash_is_kept_per_book():
    """Sandbox money and live money, dollars and yen, are never one sum."""
    books = ledger(500)
    books.do(
        [
            open_account(EVE, livemode=False),
            open_account(uid(77), currency=JPY),
            fund(2, account_id=EVE, amount_minor=30),
            fund(3, account_id=uid(77), currency=JPY, amount_minor=7),
            fund(4, account_id=BOB, amount_minor=20),
        ]
    )
    cash = Name(AccountKind.BANK_CASH, b"first")

    assert {
        (key.book.livemode, key.book.currency): balance
        for key, balance in books.view.all_internals()
    } == {(True, USD): 520, (False, USD): 30, (True, JPY): 7}
    assert all(
        key == InternalKey(key.book, cash) for key, _ in books.view.all_internals()
    )


@pytest.mark.parametrize(
    "command",
    [
        fund(3, amount_minor=MAX, external_ref="2"),
        fund(3, account_id=BOB, amount_minor=1, external_ref="2"),
    ],
    ids=["balance", "bank cash"],
)
def test_no_sum_wraps(command):
    """A sum past 2^63 - 1 is refused, in the customer's account or in the bank's."""
    books = ledger(MAX)

    applied = books.do([command])

    assert names(applied) == ["OVERFLOW"]
    assert books.balances() == (MAX, 0, 0, 0, 0)


def test_amount_and_fee_are_one_sum():
    """Amount plus fee past 2^63 - 1 overflows where funds would be enough for it."""
    books = ledger(MAX)
    books.do([set_fees(9, FeeRule(SWIFT, USD, 1, 0, 0, MAX))])
    rich = books.view.account(ALICE)
    assert rich is not None
    books.plant(replace(rich, min_balance_minor=-(2**63)))

    applied = books.submit(submit(1, amount_minor=MAX), submit(2, amount_minor=MAX - 1))

    assert names(applied) == ["OVERFLOW", "CREATED"]


def test_fees_follow_the_schedule_in_force():
    """A schedule replaces the one before, from its own entry on; no rule, no fee."""
    books = ledger()
    fees = []

    for rules in (
        (FeeRule(SWIFT, USD, 25, 10, 0, MAX),),
        (FeeRule(SWIFT, USD, 0, 0, 75, MAX),),
        (FeeRule(SWIFT, USD, 500, 0, 0, 99),),
        (FeeRule(SWIFT, JPY, 500, 0, 0, MAX),),
    ):
        books.do([set_fees(100 + len(fees), *rules)])
        applied = books.submit(submit(len(fees), amount_minor=10_000))
        fees += applied.outcomes.fees_minor

    assert fees == [35, 75, 99, 0]
    assert books.view.fee_schedules().at(books.ts_us).version == 4


def test_sandbox_and_live_do_not_mix():
    """A sandbox account uses the sandbox rail alone, in any currency it has."""
    books = ledger()
    books.do([open_account(EVE, livemode=False, currency=JPY)])
    books.do([fund(2, account_id=EVE, currency=JPY)])
    eve = {"account_id": EVE, "currency": JPY}

    applied = books.submit(
        submit(1, **eve, rail=SANDBOX), submit(2, **eve), submit(3, rail=SANDBOX)
    )

    assert names(applied) == ["CREATED", "LIVEMODE_MISMATCH", "LIVEMODE_MISMATCH"]


def test_events_are_dense_and_tell_the_change():
    """One event for each change, numbered from 1, with the balances it left. I11."""
    books = ledger(100_000)
    books.submit(submit(1), submit(2, amount_minor=10**9), submit(3))
    books.do([cancel(4), transfer(5), cancel(6), set_fees(7)])

    events = books.view.events()

    assert [event.seq for event in events] == list(range(1, 9))
    assert [event.kind.name for event in events] == [
        "ACCOUNT_OPENED",
        "ACCOUNT_OPENED",
        "ACCOUNT_FUNDED",
        "PAYOUT_CREATED",
        "PAYOUT_CREATED",
        "PAYOUT_CANCELLED",
        "TRANSFERRED",
        "FEES_SET",
    ]
    cancelled = events[5]
    assert (cancelled.state_before, cancelled.state_after) == (
        PayoutState.READY,
        PayoutState.CANCELLED,
    )
    assert cancelled.accounts[0].balances.available_minor == 99_000
    assert [len(event.accounts) for event in events if event.kind == 3] == [2]
    assert EventKind.TRANSFERRED == 3


def test_an_account_can_be_walked_back():
    """Each entry points to the account's one before: a statement needs no index."""
    books = ledger()
    books.submit(submit(1), submit(2))
    books.do([transfer(3)])
    journal = {entry.position: entry for entry in books.view.journal()}
    account = books.view.account(ALICE)
    assert account is not None

    walked = []
    position = account.last_entry
    while position != (0, 0, 0):
        (own,) = (
            touched
            for touched in journal[position].touched
            if touched.account_id == ALICE
        )
        walked.append((own.sequence, own.balances.available_minor))
        position = own.previous

    assert walked == [(4, 97_000), (3, 98_000), (2, 99_000), (1, 100_000)]


def test_the_journal_never_changes():
    """Journal bytes up to an index are the same after any later command."""
    books = ledger()
    books.submit(submit(1))
    before = dict(books.view.tables["journal"])

    books.do([cancel(2), transfer(3)])
    books.submit(submit(4))

    after = books.view.tables["journal"]
    assert {key: after[key] for key in before} == before
