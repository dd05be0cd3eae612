"""The idempotency contract for every call of state version 3 about accounts. Design 6."""

from dataclasses import fields, replace

import pytest

from ledgerd.ledger.accounts import AccountKind
from ledgerd.ledger.commands import Command, EntryLeg
from tests.ledger.making import (
    ALICE,
    BOB,
    EUR,
    EVE,
    Ledger,
    adjust,
    approve_voucher,
    capture_hold,
    close_account,
    create_hold,
    freeze,
    fund_reverse,
    ledger,
    names,
    post_entry,
    reject_voucher,
    release_hold,
    uid,
    unfreeze,
)

VOUCHER = uid(0xF0)
OTHER = uid(0xF1)
CALLS: dict[str, Command] = {
    "close_account": close_account(20),
    "freeze": freeze(20),
    "unfreeze": unfreeze(20),
    "fund_reverse": fund_reverse(20),
    "create_hold": create_hold(20),
    "capture_hold": capture_hold(20),
    "release_hold": release_hold(20),
    "post_entry": post_entry(20),
    "adjust": adjust(20),
    "approve_voucher": approve_voucher(20, voucher_id=VOUCHER),
    "reject_voucher": reject_voucher(20, voucher_id=VOUCHER),
}
KEYS = {"request_id", "hold_id"}
# How the public message calls a field of a command, where it is not by the same name.
PUBLIC = {"amount_minor": "amount.units", "currency": "amount.currency"}
OTHERS: dict[str, object] = {
    "account_id": EVE,
    "to_account_id": ALICE,
    "hold_id": uid(2),
    "voucher_id": OTHER,
    "amount_minor": 7,
    "currency": EUR,
    "livemode": False,
    "ttl_us": 5,
    "reason": "another",
    "reference": "another",
    "bank": "second",
    "external_ref": "another",
    "legs": (
        EntryLeg(AccountKind.AVAILABLE, ALICE, False, 5),
        EntryLeg(AccountKind.AVAILABLE, BOB, True, 5),
    ),
    "linked": (1, 0, 0),
}


def stage() -> Ledger:
    books = ledger()
    books.do([create_hold(1), post_entry(0xF0), post_entry(0xF1), create_hold(2)])
    return books


def key_of(command: Command) -> str:
    names_ = {field.name for field in fields(command)}
    return "request_id" if "request_id" in names_ else "hold_id"


def client_fields(name: str) -> list[str]:
    command = CALLS[name]
    mine = [field.name for field in fields(command)]
    return [each for each in mine if each not in (key_of(command), "principal")]


@pytest.mark.parametrize("name", CALLS)
def test_the_same_again_is_replayed_and_does_nothing(name: str) -> None:
    """With the position of the first answer, whoever asks again."""
    books = stage()
    command = CALLS[name]
    assert names(books.do([command])) == ["CREATED"]
    before = {table: dict(rows) for table, rows in books.view.tables.items()}

    applied = books.do([replace(command, principal="another")])

    assert names(applied) == ["REPLAYED"]
    retry = applied.outcomes.retries[0]
    assert (retry.index, retry.ordinal, retry.same_request) == (4, 0, True)
    assert books.view.tables == before


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, field) for name in CALLS for field in client_fields(name)],
)
def test_each_changed_field_is_a_conflict_that_names_it(name: str, field: str) -> None:
    """By its public name and without its value; nothing changes."""
    books = stage()
    command = CALLS[name]
    books.do([command])
    before = {table: dict(rows) for table, rows in books.view.tables.items()}

    applied = books.do([replace(command, **{field: OTHERS[field]})])

    is_entry = name in ("post_entry", "adjust")
    public = field if is_entry else PUBLIC.get(field, field)
    assert names(applied) == ["CONFLICT"]
    assert applied.outcomes.retries[0].differing == (public,)
    assert books.view.tables == before


@pytest.mark.parametrize("name", CALLS)
def test_an_id_used_for_another_call_is_a_conflict(name: str) -> None:
    """One request id is one call."""
    books = stage()
    command = CALLS[name]
    books.do([command])
    other = freeze(20) if name != "freeze" else unfreeze(20)
    if name == "create_hold":  # hold ids and request ids do not share a space
        assert names(books.do([other])) == ["CREATED"]
        return

    applied = books.do([other])

    assert names(applied) == ["CONFLICT"]
    assert applied.outcomes.retries[0].differing == ("call",)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "create_hold"])
def test_a_refused_id_stays_refused(name: str) -> None:
    """The code is that of the first time, also when nothing stands in the way any more."""
    books = ledger()
    command = CALLS[name]
    if name in ("close_account", "freeze", "unfreeze"):
        command = replace(command, account_id=EVE)
    if name == "fund_reverse":
        command = replace(command, external_ref="unknown")
    if name in ("post_entry", "adjust"):
        legs = (EntryLeg(AccountKind.AVAILABLE, EVE, True, 5), command.legs[1])
        command = replace(command, legs=legs)
    (first,) = names(books.do([command]))
    assert first.endswith("_NOT_FOUND")
    books.do([create_hold(1), post_entry(0xF0)])

    applied = books.do([command, CALLS[name]])

    assert names(applied) == [first, first]
    assert applied.outcomes.retries[0].same_request
    assert applied.outcomes.retries[1].differing == ()
