"""The batch path against the readable definition: the same rows and answers, to the byte."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerd.formats.records import ACCOUNT_MARK_EVERY, EVENT_SEEK_EVERY
from ledgerd.ledger.accounts import AccountStatus
from ledgerd.ledger.commands import FeeRule, Submit
from ledgerd.limits import BATCH_COMMANDS_MAX
from tests.ledger.making import (
    ALICE,
    BOB,
    EUR,
    EVE,
    JPY,
    MAX,
    PACKED,
    SWIFT,
    USD,
    Ledger,
    cancel,
    fund,
    ledger,
    names,
    open_account,
    set_fees,
    submit,
    uid,
)

CLOSED, FROZEN, FULL, YEN, SANDBOXED = (uid(number) for number in range(900, 905))


def town() -> Ledger:
    """A ledger with an account for every refusal, and ids of every kind used before."""
    books = ledger(20_000)
    books.do(
        [
            open_account(CLOSED),
            open_account(FROZEN),
            open_account(FULL),
            open_account(YEN, currency=JPY, min_balance_minor=-(2**63)),
            open_account(SANDBOXED, livemode=False),
            fund(2, account_id=BOB, amount_minor=5_000),
            fund(3, account_id=FULL, amount_minor=10_000),
            fund(4, account_id=YEN, currency=JPY, amount_minor=MAX),
            fund(5, account_id=SANDBOXED, amount_minor=9_000),
            set_fees(
                6, FeeRule(SWIFT, USD, 5, 12, 0, 900), FeeRule(1, USD, 1, 0, 0, 1)
            ),
        ]
    )
    for account_id, changes in (
        (CLOSED, {"status": AccountStatus.CLOSED}),
        (FROZEN, {"status": AccountStatus.FROZEN}),
        (FULL, {"reserved_minor": MAX - 700}),
    ):
        account = books.view.account(account_id)
        assert account is not None
        books.plant(replace(account, **changes))
    books.submit(
        submit(20), submit(21, amount_minor=10**6), submit(22), submit(23, rail=99)
    )
    books.do([cancel(8, payout_id=uid(22))])
    return books


rows = st.builds(
    Submit,
    payout_id=st.one_of(
        st.integers(15, 30).map(uid), st.integers(0, 60).map(uid), st.just(bytes(16))
    ),
    account_id=st.sampled_from(
        [ALICE, ALICE, BOB, EVE, CLOSED, FROZEN, FULL, YEN, SANDBOXED]
    ),
    amount_minor=st.one_of(
        st.integers(1, 900), st.sampled_from([0, -(2**63), 1000, 20_000, MAX - 1, MAX])
    ),
    currency=st.sampled_from([USD, USD, USD, EUR, JPY, 65_535]),
    rail=st.sampled_from([SWIFT, SWIFT, 1, 2, 7, 65_535]),
    principal=st.sampled_from(["svc", "ops", "x" * 100]),
    details=st.sampled_from([PACKED, b"", b"rubbish", bytes(16 * 1024 + 1)]),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    entries=st.lists(st.lists(rows, min_size=1, max_size=25), min_size=1, max_size=4)
)
def test_batch_path_equals_readable_path(entries):
    """Random batches with doubles and every refusal leave the same bytes both ways."""
    books = town()

    for commands in entries:
        books.submit(*commands)  # compares


def test_every_answer_occurs_in_town():
    """The town meets every code that a Submit can: the property above is not vacuous."""
    books = town()

    applied = books.submit(
        submit(20),
        submit(20, rail=1),
        submit(21, amount_minor=10**6),
        submit(22),
        submit(30, amount_minor=0),
        submit(31, account_id=EVE),
        submit(32, rail=3000),
        submit(33, account_id=SANDBOXED),
        submit(34, currency=JPY),
        submit(35, account_id=CLOSED),
        submit(36, account_id=FROZEN),
        submit(37, rail=7),
        submit(38, amount_minor=10**6),
        submit(39, account_id=FULL),
        submit(40, account_id=YEN, currency=JPY, amount_minor=MAX),
        submit(41, account_id=YEN, currency=JPY, amount_minor=1),
    )

    assert names(applied) == [
        "REPLAYED",
        "CONFLICT",
        "INSUFFICIENT_FUNDS",
        "REPLAYED",
        "INVALID_COMMAND",
        "ACCOUNT_NOT_FOUND",
        "RAIL_NOT_FOUND",
        "LIVEMODE_MISMATCH",
        "CURRENCY_MISMATCH",
        "ACCOUNT_CLOSED",
        "ACCOUNT_FROZEN",
        "RAIL_CURRENCY",
        "INSUFFICIENT_FUNDS",
        "OVERFLOW",
        "CREATED",
        "OVERFLOW",
    ]


def test_a_full_batch_leaves_marks_and_seeks():
    """8,192 rows: every 64th entry of the account and every 1,024th event is marked."""
    books = ledger(10**9)
    commands = [submit(number, amount_minor=7) for number in range(BATCH_COMMANDS_MAX)]

    applied = books.submit(*commands)

    assert set(names(applied)) == {"CREATED"}
    tables = books.view.tables
    assert len(tables["account_mark"]) == (BATCH_COMMANDS_MAX + 1) // ACCOUNT_MARK_EVERY
    assert len(tables["event_seek"]) == (BATCH_COMMANDS_MAX + 3) // EVENT_SEEK_EVERY
    assert books.balances()[1] == 7 * BATCH_COMMANDS_MAX

    again = books.submit(*commands)
    assert set(names(again)) == {"REPLAYED"}


def test_a_refused_batch_writes_only_ids():
    """A batch in which nothing was accepted touches no account and tells no event."""
    books = ledger(1)

    applied = books.submit(submit(1), submit(2))

    assert names(applied) == ["INSUFFICIENT_FUNDS"] * 2
    assert applied.writes.submits is None
    assert not applied.writes.accounts
    assert applied.writes.event_seq is None


@pytest.mark.parametrize(
    ("state_version", "size", "expected"),
    [
        (2, 16 * 1024, "CREATED"),
        (2, 16 * 1024 + 1, "INVALID_COMMAND"),
        (3, 16 * 1024 + 1, "CREATED"),
        (3, 32 * 1024, "CREATED"),
        (3, 32 * 1024 + 1, "INVALID_COMMAND"),
    ],
)
def test_the_bound_of_details_is_that_of_the_state_version(
    state_version, size, expected
):
    """Both paths ask the version in force: a log of an older release is applied as it was."""
    books = ledger()
    books.state_version = state_version

    applied = books.submit(submit(1, details=PACKED.ljust(size, b"x")))

    assert names(applied) == [expected]
