"""Two-phase transfers as TigerBeetle documents them, told with holds: a row a command.

Its pending transfer is a hold, post a capture, void a release, a timeout the time of the hold,
debits-must-not-exceed-credits the bound of `available` with held money included. The cases are our
own; each row ends with the answer. Linked transfers are in `test_chains`.
"""

from typing import Any

import pytest

from ledgerd.ledger.commands import Tick
from tests.ledger.making import (
    ALICE,
    BOB,
    EVE,
    Ledger,
    capture_hold,
    create_hold,
    fund,
    names,
    open_account,
    release_hold,
    submit,
    transfer,
    uid,
)

WHO = {"A": ALICE, "B": BOB, "C": EVE}  # C may not go below 30
TTL_US = 10_000  # ten entries


def made(words: list[str]) -> Any:
    """The command of a row."""
    match words:
        case ["hold", id_, who, amount, *ttl]:
            return create_hold(
                int(id_),
                account_id=WHO[who],
                amount_minor=int(amount),
                ttl_us=int(ttl[0]) if ttl else TTL_US,
            )
        case ["post", id_, hold, amount, *to]:
            return capture_hold(
                int(id_),
                hold_id=uid(int(hold)),
                amount_minor=int(amount),
                to_account_id=WHO[to[0] if to else "B"],
            )
        case ["void", id_, hold]:
            return release_hold(int(id_), hold_id=uid(int(hold)))
        case ["move", id_, source, target, amount]:
            return transfer(
                int(id_),
                from_account_id=WHO[source],
                to_account_id=WHO[target],
                amount_minor=int(amount),
            )
        case ["pay", id_, who, amount]:
            return submit(int(id_), account_id=WHO[who], amount_minor=int(amount))
        case ["tick"]:
            return Tick()
        case _:
            raise AssertionError(words)


# Before each: A and C have 100 each, B nothing. At the end: available and held of A, B and C.
CASES: dict[str, tuple[str, str]] = {
    "a hold takes from available": ("hold 1 A 60 CREATED", "40+60 0 100"),
    "held money counts against the bound of a transfer": (
        "hold 1 A 60 CREATED; move 2 A B 41 INSUFFICIENT_FUNDS; move 3 A B 40 CREATED",
        "0+60 40 100",
    ),
    "held money counts against the bound of a payout": (
        "hold 1 A 60 CREATED; pay 2 A 41 INSUFFICIENT_FUNDS; pay 3 A 40 CREATED",
        "0+60 0 100",
    ),
    "held money counts against the bound of another hold": (
        "hold 1 A 60 CREATED; hold 2 A 41 INSUFFICIENT_FUNDS; hold 3 A 40 CREATED",
        "0+100 0 100",
    ),
    "reserved money of a payout counts against a hold": (
        "pay 1 A 60 CREATED; hold 2 A 41 INSUFFICIENT_FUNDS; hold 3 A 40 CREATED",
        "0+40 0 100",
    ),
    "a minimum counts held money too": (
        "hold 1 C 71 INSUFFICIENT_FUNDS; hold 2 C 70 CREATED; "
        "move 3 C B 1 INSUFFICIENT_FUNDS",
        "100 0 30+70",
    ),
    "money that is only held for somebody is not theirs yet": (
        "hold 1 A 60 CREATED; move 2 B C 1 INSUFFICIENT_FUNDS",
        "40+60 0 100",
    ),
    "posting it makes it theirs": (
        "hold 1 A 60 CREATED; post 2 1 60 CREATED; move 3 B C 60 CREATED",
        "40 0 160",
    ),
    "posting less frees the rest": (
        "hold 1 A 60 CREATED; post 2 1 25 CREATED; move 3 A B 75 CREATED",
        "0 100 100",
    ),
    "posting more than was held is refused, and the hold stays": (
        "hold 1 A 60 CREATED; post 2 1 61 HOLD_EXCEEDED; post 3 1 60 CREATED",
        "40 60 100",
    ),
    "posting nothing is no posting": (
        "hold 1 A 60 CREATED; post 2 1 0 INVALID_COMMAND; void 2 1 CREATED",
        "100 0 100",
    ),
    "voiding frees all of it": (
        "hold 1 A 60 CREATED; void 2 1 CREATED; move 3 A B 100 CREATED",
        "0 100 100",
    ),
    "it resolves once: posted, posted": (
        "hold 1 A 60 CREATED; post 2 1 10 CREATED; post 3 1 10 WRONG_STATE",
        "90 10 100",
    ),
    "it resolves once: posted, voided": (
        "hold 1 A 60 CREATED; post 2 1 10 CREATED; void 3 1 WRONG_STATE",
        "90 10 100",
    ),
    "it resolves once: voided, posted": (
        "hold 1 A 60 CREATED; void 2 1 CREATED; post 3 1 10 WRONG_STATE",
        "100 0 100",
    ),
    "a post or a void of nothing": (
        "post 1 99 10 HOLD_NOT_FOUND; void 2 99 HOLD_NOT_FOUND",
        "100 0 100",
    ),
    "a hold that was refused cannot be posted": (
        "hold 1 A 101 INSUFFICIENT_FUNDS; post 2 1 10 HOLD_NOT_FOUND",
        "100 0 100",
    ),
    "the same hold again exists": (
        "hold 1 A 60 CREATED; hold 1 A 60 REPLAYED",
        "40+60 0 100",
    ),
    "exists with a different amount": (
        "hold 1 A 60 CREATED; hold 1 A 61 CONFLICT",
        "40+60 0 100",
    ),
    "exists with a different account": (
        "hold 1 A 60 CREATED; hold 1 C 60 CONFLICT",
        "40+60 0 100",
    ),
    "exists with a different timeout": (
        "hold 1 A 60 CREATED; hold 1 A 60 9999 CONFLICT",
        "40+60 0 100",
    ),
    "exists comes before what its end would say": (
        "hold 1 A 60 CREATED; post 2 1 60 CREATED; hold 1 A 60 REPLAYED",
        "40 60 100",
    ),
    "the same post again exists": (
        "hold 1 A 60 CREATED; post 2 1 25 CREATED; post 2 1 25 REPLAYED",
        "75 25 100",
    ),
    "a post exists with a different amount": (
        "hold 1 A 60 CREATED; post 2 1 25 CREATED; post 2 1 24 CONFLICT",
        "75 25 100",
    ),
    "a post exists as another call": (
        "hold 1 A 60 CREATED; post 2 1 25 CREATED; void 2 1 CONFLICT",
        "75 25 100",
    ),
    "an id that failed never succeeds": (
        "hold 1 A 101 INSUFFICIENT_FUNDS; move 2 C A 70 CREATED; "
        "hold 1 A 101 INSUFFICIENT_FUNDS; hold 3 A 101 CREATED",
        "69+101 0 30",
    ),
    "a post that failed never succeeds": (
        "hold 1 A 60 CREATED; post 2 1 61 HOLD_EXCEEDED; post 2 1 60 HOLD_EXCEEDED",
        "40+60 0 100",
    ),
    "before its time is over it can be posted": (
        "hold 1 A 60 2000 CREATED; post 2 1 60 CREATED",
        "40 60 100",
    ),
    "at its time it has expired, tick or no tick": (
        "hold 1 A 60 1000 CREATED; post 2 1 60 HOLD_EXPIRED",
        "40+60 0 100",
    ),
    "until the tick an expired hold counts against the bound": (
        "hold 1 A 60 1000 CREATED; move 2 A B 41 INSUFFICIENT_FUNDS; tick CREATED; "
        "move 3 A B 100 CREATED",
        "0 100 100",
    ),
    "after the tick it is over": (
        "hold 1 A 60 1000 CREATED; tick CREATED; post 2 1 60 HOLD_EXPIRED; "
        "void 3 1 HOLD_EXPIRED",
        "100 0 100",
    ),
    "an expired hold still exists": (
        "hold 1 A 60 1000 CREATED; tick CREATED; hold 1 A 60 1000 REPLAYED",
        "100 0 100",
    ),
    "of two faults the earlier of the list": (
        "hold 1 A 60 1000 CREATED; post 2 1 61 HOLD_EXPIRED; post 3 99 0 INVALID_COMMAND; "
        "hold 4 A 0 INVALID_COMMAND",
        "40+60 0 100",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_two_phase_transfers(case):
    """Each row is an entry of its own, a millisecond after the one before."""
    rows, after = CASES[case]
    books = Ledger()
    books.do([open_account(ALICE), open_account(BOB)])
    books.do([open_account(EVE, min_balance_minor=30)])
    books.do(
        [
            fund(0xF00 + n, account_id=who, amount_minor=100, external_ref=f"o{n}")
            for n, who in enumerate((ALICE, EVE))
        ]
    )
    for row in rows.split("; "):
        *words, answer = row.split()
        command = made(words)
        applied = books.submit(command) if words[0] == "pay" else books.do([command])
        assert names(applied) == [answer], row

    balances = [books.balances(who) for who in WHO.values()]
    found = [
        f"{available}+{held}" if held else str(available)
        for available, _, held, _, _ in balances
    ]
    assert " ".join(found) == after
