"""Every case of the idempotency contract: what a second use of an id is told."""

from dataclasses import replace

import pytest

from ledgerd.ledger.commands import FeeRule
from ledgerd.ledger.details import pack_details
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.outcomes import Retry
from ledgerd.ledger.payouts import PayoutState
from ledgerd.limits import REQUEST_ID_RETENTION_US
from tests.ledger.making import (
    ALICE,
    BOB,
    DETAILS,
    EUR,
    EVE,
    JPY,
    MAX,
    PACKED,
    SANDBOX,
    SWIFT,
    US_ACH,
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

READY, CANCELLED = int(PayoutState.READY), int(PayoutState.CANCELLED)


def details(**changes):
    return pack_details(DETAILS._replace(**changes))


# Submit


def test_first_time_is_created():
    """The first use of an id is CREATED, and there is no retry to tell about."""
    books = ledger()

    applied = books.submit(submit(1))

    assert names(applied) == ["CREATED"]
    assert applied.outcomes.retries == {}
    assert list(applied.outcomes.states) == [READY]


def test_same_fields_are_replayed_with_the_original_answer():
    """REPLAYED carries the original position and time, the original fee, nothing moves."""
    books = ledger()
    books.do([set_fees(9)])
    books.submit(submit(5), submit(1))
    created_index, created_us = books.index, books.ts_us
    books.do([set_fees(10, FeeRule(SWIFT, USD, 999, 0, 0, MAX))])
    before = books.balances()

    applied = books.submit(submit(1, principal="other"))

    assert names(applied) == ["REPLAYED"]
    assert list(applied.outcomes.fees_minor) == [26]
    assert applied.outcomes.retries[0] == Retry(
        created_index, 1, created_us, state=READY, fee_minor=26, same_request=True
    )
    assert books.balances() == before


def test_replayed_tells_the_state_as_it_is_now():
    """A retry after a cancel is told CANCELLED, and the money stays free."""
    books = ledger()
    books.submit(submit(1))
    books.do([cancel(2)])

    applied = books.submit(submit(1))

    assert names(applied) == ["REPLAYED"]
    assert list(applied.outcomes.states) == [CANCELLED]
    assert applied.outcomes.retries[0].state == CANCELLED
    assert books.balances() == (100_000, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"account_id": BOB}, ("account_id",)),
        ({"amount_minor": 1001}, ("amount.units",)),
        ({"amount_minor": 0}, ("amount.units",)),
        ({"currency": EUR}, ("amount.currency",)),
        ({"rail": US_ACH}, ("rail",)),
        ({"details": details(destination_kind=1)}, ("destination.kind",)),
        ({"details": details(country="GB")}, ("destination.country",)),
        ({"details": details(bank_code="")}, ("destination.bank_code",)),
        ({"details": details(account_number="1")}, ("destination.account_number",)),
        ({"details": details(name="J. Doe")}, ("destination.name",)),
        ({"details": details(account_type="")}, ("destination.account_type",)),
        ({"details": details(reference="")}, ("reference",)),
        ({"details": details(metadata=())}, ("metadata",)),
        ({"details": b"rubbish"}, ("details",)),
        (
            {"rail": SANDBOX, "account_id": EVE, "details": details(name="x")},
            ("account_id", "rail", "destination.name"),
        ),
    ],
)
def test_another_field_is_a_conflict_that_names_it(changes, differing):
    """CONFLICT names the fields in the public order, never values; the first call stands."""
    books = ledger()
    books.submit(submit(1))
    at, ts_us = books.index, books.ts_us
    before = books.balances()

    applied = books.submit(submit(1, **changes))

    assert names(applied) == ["CONFLICT"]
    assert applied.outcomes.retries[0] == Retry(
        at, 0, ts_us, state=0, fee_minor=0, same_request=False, differing=differing
    )
    assert books.balances() == before


@pytest.mark.parametrize(
    ("changes", "same"), [({}, True), ({"amount_minor": 1}, False)]
)
def test_a_refused_id_is_spent(changes, same):
    """A refused id never succeeds later; it tells its code, first time, and sameness."""
    books = ledger()
    refused = books.submit(submit(7), submit(1, amount_minor=10**6))
    at, ts_us = books.index, books.ts_us
    books.do([fund(3, amount_minor=10**9)])

    applied = books.submit(submit(1, **({"amount_minor": 10**6} | changes)))

    assert names(refused) == ["CREATED", "INSUFFICIENT_FUNDS"]
    assert names(applied) == ["INSUFFICIENT_FUNDS"]
    assert applied.outcomes.retries[0] == Retry(
        at, 1, ts_us, state=0, fee_minor=0, same_request=same
    )


def test_a_malformed_row_leaves_the_id_unspent():
    """INVALID_COMMAND spends nothing: the mended call with the same id is CREATED."""
    books = ledger()

    first = books.submit(submit(1, amount_minor=0))
    second = books.submit(submit(1))

    assert (names(first), names(second)) == (["INVALID_COMMAND"], ["CREATED"])


def test_duplicates_in_one_batch_follow_the_same_rules():
    """Rows are decided in order: each copy meets what the rows before it left."""
    books = ledger()

    applied = books.submit(
        submit(1, amount_minor=0),  # malformed: unspent
        submit(1),
        submit(1),
        submit(1, amount_minor=5),
        submit(2, amount_minor=10**9),
        submit(2, amount_minor=10**9),
        submit(2),
        submit(3),
    )

    assert names(applied) == [
        "INVALID_COMMAND",
        "CREATED",
        "REPLAYED",
        "CONFLICT",
        "INSUFFICIENT_FUNDS",
        "INSUFFICIENT_FUNDS",
        "INSUFFICIENT_FUNDS",
        "CREATED",
    ]
    retries = applied.outcomes.retries
    assert sorted(retries) == [2, 3, 5, 6]
    assert [retries[row].ordinal for row in (2, 3, 5, 6)] == [1, 1, 4, 4]
    assert [retries[row].same_request for row in (2, 3, 5, 6)] == [
        True,
        False,
        True,
        False,
    ]
    assert len(books.view.journal()) == 3  # the opening, rows 1 and 7


def test_sixty_four_copies_are_one_payout():
    """64 copies of one submit: one CREATED, the rest REPLAYED, one journal entry."""
    books = ledger()

    applied = books.submit(*[submit(1)] * 64)

    assert names(applied) == ["CREATED"] + ["REPLAYED"] * 63
    assert len(books.view.journal()) == 2


def test_ids_below_the_largest_are_looked_up():
    """An id that is older than the largest stored one is fresh unless it is stored."""
    books = ledger()
    books.submit(submit(1), submit(9))

    applied = books.submit(submit(5), submit(9), submit(0), submit(10))

    assert names(applied) == ["CREATED", "REPLAYED", "CREATED", "CREATED"]


# OpenAccount


def test_an_account_opens_once():
    """The account id is the key: the same call again is REPLAYED."""
    books = ledger()

    applied = books.do([open_account(principal="other")])

    assert names(applied) == ["REPLAYED"]
    assert applied.outcomes.retries[0] == Retry(
        1, 0, books.ts_us - 2_000, state=0, fee_minor=0, same_request=True
    )


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"currency": EUR}, ("currency",)),
        ({"livemode": False}, ("livemode",)),
        ({"owner_ref": "x"}, ("owner_ref",)),
        ({"min_balance_minor": 1}, ("min_balance_units",)),
        ({"min_balance_minor": 1, "currency": JPY}, ("currency", "min_balance_units")),
    ],
)
def test_another_account_under_the_same_id_is_a_conflict(changes, differing):
    """The account that was opened first stands."""
    books = ledger()

    applied = books.do([open_account(**changes)])

    assert names(applied) == ["CONFLICT"]
    assert applied.outcomes.retries[0].differing == differing


def test_a_refused_account_id_is_spent():
    """An account that was refused for its currency is refused for ever."""
    books = ledger()
    bgn = open_account(EVE, currency=currency_number("BGN"))

    first = books.do([bgn])
    at, ts_us = books.index, books.ts_us
    second = books.do([bgn, replace(bgn, currency=USD)])

    assert names(first) == ["CURRENCY_RETIRED"]
    assert names(second) == ["CURRENCY_RETIRED", "CURRENCY_RETIRED"]
    assert second.outcomes.retries[0] == Retry(at, 0, ts_us, 0, 0, same_request=True)
    assert second.outcomes.retries[1] == Retry(at, 0, ts_us, 0, 0, same_request=False)
    assert books.view.account(EVE) is None


def test_kinds_of_ids_do_not_share_a_space():
    """The bytes of an account id may be a payout id and a request id too."""
    books = ledger()

    paid = books.submit(submit(1, payout_id=ALICE))
    moved = books.do([transfer(1, request_id=ALICE)])
    opened = books.do([open_account(uid(1))])

    assert (names(paid), names(moved), names(opened)) == (
        ["CREATED"],
        ["CREATED"],
        ["CREATED"],
    )


# Calls with a request id


@pytest.mark.parametrize(
    "command",
    [fund(2), transfer(2), cancel(2), set_fees(2)],
    ids=lambda c: type(c).__name__,
)
def test_a_request_is_done_once(command):
    """A retry of a call with a request id is REPLAYED and moves nothing."""
    books = ledger()
    books.submit(submit(1))
    first = books.do([command])
    at, ts_us = books.index, books.ts_us
    tables = {table: dict(rows) for table, rows in books.view.tables.items()}

    again = books.do([command, replace(command, principal="other")])

    assert names(first) == ["CREATED"]
    assert names(again) == ["REPLAYED", "REPLAYED"]
    retry = again.outcomes.retries[1]
    assert (retry.index, retry.ordinal, retry.ts_us) == (at, 0, ts_us)
    assert retry.same_request
    assert books.view.tables == tables


@pytest.mark.parametrize(
    ("command", "changes", "differing"),
    [
        (fund(2), {"account_id": BOB}, ("account_id",)),
        (fund(2), {"amount_minor": 1}, ("amount.units",)),
        (fund(2), {"currency": EUR}, ("amount.currency",)),
        (fund(2), {"bank": "second"}, ("bank",)),
        (fund(2), {"external_ref": "x", "bank": "b"}, ("bank", "external_ref")),
        (transfer(2), {"from_account_id": EVE}, ("from_account_id",)),
        (transfer(2), {"to_account_id": EVE}, ("to_account_id",)),
        (transfer(2), {"amount_minor": 2**63}, ("amount.units",)),
        (transfer(2), {"currency": 2**32 - 1}, ("amount.currency",)),
        (transfer(2), {"reference": "x"}, ("reference",)),
        (cancel(2), {"payout_id": uid(9)}, ("payout_id",)),
        (cancel(2), {"reason": ""}, ("reason",)),
        (set_fees(2), {"rules": ()}, ("rules",)),
        (set_fees(2), {"source": "x"}, ("source",)),
    ],
)
def test_another_request_under_the_same_id_is_a_conflict(command, changes, differing):
    """CONFLICT names each changed field of each call."""
    books = ledger()
    books.submit(submit(1))
    books.do([command])

    applied = books.do([replace(command, **changes)])

    assert names(applied) == ["CONFLICT"]
    assert applied.outcomes.retries[0].differing == differing
    assert not applied.outcomes.retries[0].same_request


def test_another_call_under_the_same_request_id_is_a_conflict():
    """A request id belongs to one call of one kind."""
    books = ledger()
    books.do([fund(2)])

    applied = books.do([transfer(2)])

    assert names(applied) == ["CONFLICT"]
    assert applied.outcomes.retries[0].differing == ("call",)


def test_a_refused_request_is_spent():
    """A transfer that was refused does not succeed when the money has come."""
    books = ledger()
    big = transfer(2, amount_minor=10**6)
    books.do([big])
    at, ts_us = books.index, books.ts_us
    books.do([fund(3, amount_minor=10**9)])

    applied = books.do([big, transfer(2)])

    assert names(applied) == ["INSUFFICIENT_FUNDS"] * 2
    assert applied.outcomes.retries[0] == Retry(at, 0, ts_us, 0, 0, same_request=True)
    assert applied.outcomes.retries[1] == Retry(at, 0, ts_us, 0, 0, same_request=False)


def test_a_malformed_request_leaves_the_id_unspent():
    """INVALID_COMMAND is not remembered."""
    books = ledger()

    applied = books.do([transfer(2, amount_minor=0), transfer(2)])

    assert names(applied) == ["INVALID_COMMAND", "CREATED"]


def test_a_cancel_replayed_tells_the_state_now():
    """The retry of a cancel says what the payout is."""
    books = ledger()
    books.submit(submit(1))

    applied = books.do([cancel(2), cancel(2), cancel(3)])

    assert names(applied) == ["CREATED", "REPLAYED", "CREATED"]
    assert list(applied.outcomes.states) == [CANCELLED] * 3
    assert len(books.view.journal()) == 3  # the opening, the submit, one cancel


def test_a_refused_payout_cannot_be_cancelled():
    """A refused submit made no payout; its spent id is not one."""
    books = ledger()
    books.submit(submit(1, amount_minor=10**9))

    applied = books.do([cancel(2)])

    assert names(applied) == ["PAYOUT_NOT_FOUND"]


@pytest.mark.parametrize(
    ("age_us", "answer"),
    [
        (-(10**15), "CREATED"),
        (0, "CREATED"),
        (REQUEST_ID_RETENTION_US - 1_000, "CREATED"),
        (REQUEST_ID_RETENTION_US, "CREATED"),
        (REQUEST_ID_RETENTION_US + 1_000, "KEY_TOO_OLD"),
    ],
)
def test_a_request_id_below_the_floor_is_too_old(age_us, answer):
    """Only an id whose own time lies more than the retention before log time is refused."""
    books = ledger()
    books.ts_us += -books.ts_us % 1_000
    made_ms = (books.ts_us + 1_000 - age_us) // 1_000

    applied = books.do([transfer(2, request_id=uid(2, made_ms))])

    assert names(applied) == [answer]


def test_a_stored_id_is_never_too_old():
    """What is remembered is answered, however old; and too old leaves the id unspent."""
    books = ledger()
    books.do([transfer(2)])
    books.ts_us += 3 * REQUEST_ID_RETENTION_US

    applied = books.do([transfer(2), transfer(3), transfer(3)])

    assert names(applied) == ["REPLAYED", "KEY_TOO_OLD", "KEY_TOO_OLD"]
    assert applied.outcomes.retries.keys() == {0}


def test_a_payout_id_is_never_too_old():
    """Payout ids are kept for ever, so an old one that is not stored is simply new."""
    books = ledger()
    books.ts_us += 100 * REQUEST_ID_RETENTION_US

    applied = books.submit(submit(1, payout_id=uid(1, 1), details=PACKED))

    assert names(applied) == ["CREATED"]
