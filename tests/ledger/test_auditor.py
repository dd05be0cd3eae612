"""The auditor of the model test is seen to fail: each invariant is broken by one command.

The commands before it pass, and the auditor stops at that command and names the invariant.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledgerd.formats import records
from ledgerd.formats.records import journal as journal_rows
from ledgerd.ledger import journal
from ledgerd.ledger.accounts import Account, EntryPosition
from ledgerd.ledger.commands import DispatchBegin, RailAck, Return, Settle
from ledgerd.ledger.exceptions import EvidenceId, EvidenceUse
from ledgerd.ledger.payouts import PayoutState
from ledgerd.ledger.rail_keys import rail_key
from ledgerd.ledger.view import Writes
from tests.ledger.auditor import Auditor, Follower, digest_after
from tests.ledger.making import (
    ALICE,
    BOB,
    SWIFT,
    Ledger,
    cancel,
    create_hold,
    fund,
    open_account,
    set_fees,
    submit,
    transfer,
    uid,
)

KEYS = [rail_key(uid(n), rail=SWIFT, dispatch_no=0, salt=0) for n in range(6)]
EARLIER: list[list[Any]] = [
    [open_account(ALICE, min_balance_minor=500), open_account(BOB)],
    [fund(0xF00D, external_ref="opening"), set_fees(9)],
    [submit(n) for n in range(6)],
    [DispatchBegin(uid(20 + n), uid(n), 1, 10**9, "w") for n in range(4)],
    [
        RailAck(uid(30), SWIFT, KEYS[0], "a0", "w"),
        Settle(uid(31), SWIFT, KEYS[1], "s1", 20261121, 3, "w"),
    ],
]
LAST = len(EARLIER) + 1

TRANSFER = transfer(40)
SUBMIT = submit(50)
ACK = RailAck(uid(41), SWIFT, KEYS[2], "a2", "w")
SETTLE = Settle(uid(42), SWIFT, KEYS[0], "s0", 20261121, 0, "w")
RETURN = Return(uid(43), SWIFT, KEYS[1], "r1", 400, "R01", False, "w")
CANCEL = cancel(44, payout_id=uid(5))


def audited(
    last: Any,
    spoil: Callable[[Writes], None] = lambda _: None,
    bend: Callable[[Ledger], None] = lambda _: None,
) -> Auditor:
    """Audit the entries before, and one more whose second command is `last`, with a bug.

    bend: what is wrong with the ledger before it. spoil: what is wrong with what it writes.
    """
    books, auditor = Ledger(), Auditor()
    for work in EARLIER:
        books.do(work)
        auditor.entry(books.index, books.ts_us, books.rows)
    bend(books)
    writes = books.do([fund(60, external_ref="later"), last]).writes
    spoil(writes)
    auditor.entry(books.index, books.ts_us, records.encode_writes(writes))
    return auditor


def put(rows: list[Any], n: int = -1, **changes: Any) -> None:
    """Change fields of a row."""
    row = rows[n]
    if hasattr(row, "_replace"):
        rows[n] = row._replace(**changes)
    else:
        rows[n] = replace(row, **changes)


def changed(writes: Writes, **changes: Any) -> None:
    """Change fields of the last status of a payout."""
    position, status = writes.payout_statuses[-1]
    writes.payout_statuses[-1] = position, status._replace(**changes)


def legs(writes: Writes, *amounts: int) -> None:
    """Change the amounts of the last entry's legs."""
    entry = writes.journal[-1]
    put(
        writes.journal,
        legs=tuple(
            leg._replace(amount_minor=amount)
            for leg, amount in zip(entry.legs, amounts, strict=True)
        ),
    )


def touched(writes: Writes, **changes: Any) -> None:
    """Change what the last entry says of its last account."""
    *others, last = writes.journal[-1].touched
    put(writes.journal, touched=(*others, last._replace(**changes)))


def other_balance(writes: Writes) -> None:
    balances = writes.journal[-1].touched[-1].balances
    touched(writes, balances=balances._replace(blocked_minor=1))


def no_minimum(books: Ledger) -> None:
    account = books.view.account(ALICE)
    assert isinstance(account, Account)
    books.plant(replace(account, min_balance_minor=-(10**6)))


def jumped(writes: Writes) -> None:
    """The payout is CANCELLED by its event and its row, by an edge that does not exist."""
    changed(writes, state=PayoutState.REVERSED)
    put(writes.events, state_after=PayoutState.REVERSED)


def told_again(writes: Writes) -> None:
    use = EvidenceUse((LAST, 1), (3, 0), 0)
    writes.evidence.append((EvidenceId(SWIFT, 10, b"a0"), use))
    writes.evidence.sort()


def both_sides(writes: Writes) -> None:
    """A cent more for the customer and for the bank: balanced, and in no entry."""
    put(writes.accounts, available_minor=writes.accounts[-1].available_minor + 1)
    key, balance_minor = writes.internals[-1]
    writes.internals[-1] = key, balance_minor + 1


def earlier(writes: Writes) -> None:
    at: EntryPosition = (LAST - 1, 0, 0)
    changed(writes, last_entry=at)


PLANTS: dict[str, tuple[str, Any, Any]] = {
    "a leg too large": ("I1", TRANSFER, lambda w: legs(w, 1000, 1001)),
    "a leg of nothing": ("I1", TRANSFER, lambda w: legs(w, 0, 0)),
    "a fee that is not reserved": ("I4", SUBMIT, lambda w: put(w.payouts, fee_minor=1)),
    "a hold of more than is held": (
        "I4",
        create_hold(45),
        lambda w: put(w.events, amount_minor=5001),
    ),
    "transit on another rail": (
        "I5",
        ACK,
        lambda w: changed(w, rail=2, fee_minor=26),
    ),
    "a fee that was not paid": (
        "I6",
        SETTLE,
        lambda w: changed(w, rail=SWIFT, fee_minor=27),
    ),
    "money back beside the payout": (
        "I7",
        RETURN,
        lambda w: put(w.journal, reason=journal.EntryReason.RESOLUTION),
    ),
    "balances that are not the fold": ("I8", TRANSFER, other_balance),
    "an edge that does not exist": ("I9", CANCEL, jumped),
    "a change left out": ("I9", CANCEL, lambda w: changed(w, sequence=2)),
    "an event of another state": (
        "I9",
        CANCEL,
        lambda w: put(w.events, state_before=PayoutState.IN_REVIEW),
    ),
    "a gap in the feed": (
        "I11",
        TRANSFER,
        lambda w: put(w.events, seq=w.events[-1].seq + 1),
    ),
    "a gap in an account": ("I11", TRANSFER, lambda w: touched(w, sequence=9)),
    "another time": ("I11", TRANSFER, lambda w: put(w.events, ts_us=1)),
    "more back than was paid": (
        "I14",
        RETURN,
        lambda w: changed(w, returned_minor=1001),
    ),
}


@pytest.mark.parametrize("last", [TRANSFER, SUBMIT, ACK, SETTLE, RETURN, CANCEL])
def test_sound_commands_pass(last):
    """What the plants are planted in is sound."""
    auditor = audited(last)

    assert auditor.index == LAST


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_found_at_its_command(plant, monkeypatch):
    """I1, I4 to I9, I11 and I14, each after the command that breaks it."""
    invariant, last, spoil = PLANTS[plant]
    for module in (
        journal,
        journal_rows,
    ):  # else an unbalanced entry cannot even be made
        monkeypatch.setattr(module, "imbalance", lambda _: None)

    with pytest.raises(AssertionError, match=rf"^{invariant} at command {LAST}\.1: "):
        audited(last, spoil)


def test_a_debit_below_the_minimum_is_found_at_its_command():
    """The ledger has forgotten the minimum of an account. I3."""
    last = transfer(46, amount_minor=193_500)

    with pytest.raises(AssertionError, match=rf"^I3 at command {LAST}\.1: "):
        audited(last, bend=no_minimum)


@pytest.mark.parametrize(
    ("invariant", "spoil"),
    [
        ("I2", lambda w: put(w.accounts, available_minor=1)),
        ("I8", both_sides),
        ("I2", lambda w: w.accounts.pop()),
        ("I9", told_again),
        ("I11", earlier),
    ],
)
def test_wrong_rows_are_found_at_their_entry(invariant, spoil):
    """Rows of one table for the whole entry: balances as they stand, evidence used."""
    with pytest.raises(AssertionError, match=rf"^{invariant} at entry {LAST}: "):
        audited(CANCEL, spoil)


def test_a_node_that_differs_is_found_at_its_entry():
    """A follower that lost the fee schedule has another digest after the next submit. I12."""
    books, follower = Ledger(), Follower()
    digest = follower.digest
    for work in EARLIER[:2]:
        applied = books.do(work)
        digest = digest_after(digest, books.rows, applied.outcomes)
        assert follower.take(work, books) == digest
    follower.view.tables[records.Table.CONFIG].clear()
    applied = books.do([TRANSFER])
    digest = digest_after(digest, books.rows, applied.outcomes)
    assert follower.take([TRANSFER], books) == digest

    applied = books.submit(SUBMIT)
    digest = digest_after(digest, books.rows, applied.outcomes)
    assert follower.take([SUBMIT], books) != digest
