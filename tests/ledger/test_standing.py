"""Roles and retired currencies as a ledger keeps them: versions, times, and who is left. 2.7."""

from dataclasses import replace

import pytest

from ledgerd.ledger.commands import CaptureHold, Tick
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.money import CURRENCIES
from ledgerd.ledger.roles import Grant, RoleKind
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.limits import PRINCIPAL_BYTES_MAX, ROLE_GRANTS_MAX
from tests.ledger.making import (
    ALICE,
    BOB,
    EVE,
    SWIFT,
    USD,
    cancel,
    create_hold,
    fund,
    ledger,
    limit,
    names,
    open_account,
    rule,
    set_currencies,
    set_fees,
    set_limits,
    set_roles,
    set_rules,
    submit,
    transfer,
    uid,
)

ROOT = Grant("root", (RoleKind.ADMIN,))
ANNA = Grant("anna", (RoleKind.SUBMITTER, RoleKind.APPROVER))


def test_a_version_of_the_roles_holds_from_the_next_entry_on():
    books = ledger()

    applied = books.do([set_roles(1, ANNA, ROOT), set_roles(2, ROOT)])

    assert names(applied) == ["CREATED", "CREATED"]
    first, second = books.view.policy().roles
    assert (first.version, second.version) == (1, 2)
    assert first.grants == (ANNA, ROOT)
    assert first.effective_from_us == second.effective_from_us == books.ts_us + 1
    assert books.view.policy().roles_at(books.ts_us) is None
    assert books.view.policy().roles_at(books.ts_us + 1) == second
    assert books.view.events()[-1].kind is EventKind.ROLES_SET


@pytest.mark.parametrize("make", [lambda at: set_roles(1, ROOT, effective_from_us=at)])
def test_a_later_version_comes_into_force_without_any_other_work(make):
    """A timer brings log time there: a Tick, which the leader proposes by itself."""
    books = ledger()
    due_us = books.ts_us + 10**9
    books.do([make(due_us)])
    timer = Timer(due_us, (books.index, 0), TimerKind.SETTING)
    waiting = books.view.timers(due_us, 9)
    before = books.view.policy().roles_at(books.ts_us + 1)

    books.ts_us = due_us - 1_000
    books.do([Tick()])

    assert waiting == [timer]
    assert before is None
    assert books.ts_us == due_us
    assert books.view.policy().roles_at(books.ts_us + 1).grants == (ROOT,)
    assert books.view.timers(2**62, 9) == []


def test_nobody_takes_the_last_admin_away():
    """Who sets a version is an admin under it: named as one, or unnamed and certified as one."""
    demoted = Grant("root", (RoleKind.AUDITOR,))
    other = Grant("zoe", (RoleKind.ADMIN,))
    cases = {
        "named": set_roles(1, ROOT, is_certified_admin=False),
        "certified": set_roles(2, ANNA),
        "nobody named": set_roles(3),
        "demoted": set_roles(4, demoted, other),
        "certificate of no admin": set_roles(5, ANNA, other, is_certified_admin=False),
        "no grant": set_roles(6, is_certified_admin=False),
    }

    answers = {
        case: names(ledger().do([command]))[0] for case, command in cases.items()
    }

    assert answers == {
        "named": "CREATED",
        "certified": "CREATED",
        "nobody named": "CREATED",
        "demoted": "ADMIN_LOCKED_OUT",
        "certificate of no admin": "ADMIN_LOCKED_OUT",
        "no grant": "ADMIN_LOCKED_OUT",
    }


@pytest.mark.parametrize("make", [set_roles, set_currencies])
def test_a_version_that_was_not_seen_is_not_replaced(make):
    """Of two who read the same version only one sets the next; also within one entry."""
    books = ledger()

    answers = names(
        books.do(
            [
                make(1, expected_version=1),
                make(2, expected_version=0),
                make(3, expected_version=0),
                make(4, expected_version=1),
                make(5),
            ]
        )
    )
    repeated = names(books.do([make(2, expected_version=0)]))

    refused = "VERSION_MISMATCH"
    assert answers == [refused, "CREATED", refused, "CREATED", "CREATED"]
    assert repeated == ["REPLAYED"]


MALFORMED = {
    "no name": set_roles(1, Grant("", ()), ROOT),
    "long name": set_roles(1, Grant("x" * (PRINCIPAL_BYTES_MAX + 1), ()), ROOT),
    "twice": set_roles(1, ROOT, ROOT),
    "not rising": set_roles(1, ROOT, ANNA),
    "roles not rising": set_roles(
        1, Grant("anna", (RoleKind.APPROVER, RoleKind.SUBMITTER)), ROOT
    ),
    "too many": set_roles(
        1, *(Grant(f"a{n:04}", ()) for n in range(ROLE_GRANTS_MAX + 1))
    ),
    "no source": set_roles(1, ROOT, source=""),
    "time": set_roles(1, ROOT, effective_from_us=-1),
    "unknown currency": set_currencies(1, 26**3 - 1),
    "currencies not rising": set_currencies(1, USD, USD),
    "source of currencies": set_currencies(1, source="x" * 256),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_no_version_is_invalid(what):
    assert names(ledger().do([MALFORMED[what]])) == ["INVALID_COMMAND"]


def test_as_many_grants_as_the_bound_are_taken():
    many = [Grant(f"a{n:04}", ()) for n in range(ROLE_GRANTS_MAX - 1)]

    assert names(ledger().do([set_roles(1, *many, ROOT)])) == ["CREATED"]


def test_a_retired_currency_takes_no_new_work_and_ends_the_old():
    """Every call that begins something is refused; a cancel, a capture, a release go on."""
    books = ledger()
    books.do([create_hold(1), create_hold(2)])
    books.submit(submit(1))

    books.do([set_currencies(9, USD)])
    work = [
        open_account(EVE),
        fund(3),
        transfer(4),
        create_hold(5),
        set_fees(6),
        set_limits(7, limit()),
        set_rules(8, rule()),
        submit(10),
    ]
    begun = {type(one).__name__: names(books.do([one])) for one in work}
    batch = names(books.submit(submit(11), submit(1)))
    ended = names(
        books.do(
            [cancel(12), CaptureHold(uid(13), uid(1), BOB, 100, USD, "", "svc")],
        )
    )
    books.do([set_currencies(14)])

    assert set(map(tuple, begun.values())) == {("CURRENCY_RETIRED",)}
    assert len(begun) == len(work)
    assert batch == ["CURRENCY_RETIRED", "REPLAYED"]
    assert ended == ["CREATED", "CREATED"]
    assert names(books.do([fund(15), transfer(16)])) == ["CREATED", "CREATED"]
    assert names(books.submit(submit(17), submit(10))) == [
        "CREATED",
        "CURRENCY_RETIRED",
    ]


def test_a_currency_retires_at_its_log_time_in_batches_too():
    """The same batch before and at the time; both paths of a batch are compared."""
    books = ledger()
    due_us = books.ts_us + 10**9
    books.do([set_currencies(1, USD, effective_from_us=due_us)])

    books.ts_us = due_us - 1_001
    before = books.submit(submit(1), submit(2))
    at = books.submit(submit(3), submit(4))

    assert names(before) == ["CREATED", "CREATED"]
    assert names(at) == ["CURRENCY_RETIRED", "CURRENCY_RETIRED"]


def test_the_first_list_is_the_tables_own():
    """A version stands in its place as a whole: what it leaves out is taken again."""
    books = ledger()
    gone = [row.number for row in CURRENCIES.values() if row.is_retired]
    first = open_account(EVE, currency=gone[0])

    before = names(books.do([first]))
    books.do([set_currencies(1, *sorted(gone[1:]))])
    after = names(
        books.do(
            [
                replace(first, account_id=uid(77)),
                open_account(uid(78), currency=gone[1]),
            ]
        )
    )

    assert books.view.policy().retired_at(0) == frozenset(gone)
    assert before == ["CURRENCY_RETIRED"]
    assert after == ["CREATED", "CURRENCY_RETIRED"]


def test_a_retired_currency_is_told_before_the_state_of_an_account():
    """Row 5 of the refusals, behind CURRENCY_MISMATCH. 9.4."""
    books = ledger()
    books.plant(replace(books.view.account(ALICE), status=2))
    books.do([set_currencies(9, USD)])

    assert names(books.submit(submit(1, rail=SWIFT))) == ["CURRENCY_RETIRED"]
