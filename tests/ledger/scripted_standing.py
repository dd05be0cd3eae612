"""A scripted log of roles and retired currencies, and of the work that meets them.

Entries are a second apart, so that a version may come into force between two of them.
"""

from collections.abc import Sequence
from typing import TypeAlias

from ledgerd.ledger.commands import Command, Submit, Tick
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.roles import Grant, RoleKind
from tests.ledger.making import (
    ALICE,
    BOB,
    EUR,
    EVE,
    USD,
    cancel,
    create_hold,
    fund,
    open_account,
    release_hold,
    set_currencies,
    set_fees,
    set_roles,
    submit,
    transfer,
)

Work: TypeAlias = Sequence[Command] | Sequence[Submit]
BGN = currency_number("BGN")
ROOT = Grant("root", (RoleKind.ADMIN,))
ZOE = Grant("zoe", (RoleKind.SUBMITTER, RoleKind.APPROVER))


def standing(index: int, start_us: int) -> list[Work]:
    """Return entries of which the first is that of `index`.

    start_us: log time of the entry 0; each is a second later than the one before it.
    """

    def at_us(place: int) -> int:
        return start_us + 1_000_000 * (index + place)

    return [
        [open_account(), open_account(BOB), fund(1), fund(2, account_id=BOB)],
        [
            set_roles(3, ROOT, ZOE, expected_version=0),
            set_roles(4, ZOE, is_certified_admin=False),
            set_roles(5, ROOT, expected_version=0),
            set_roles(6, Grant("root", ()), ZOE),
            set_roles(3, ROOT, ZOE),
            set_roles(3, ROOT),
        ],
        [
            set_roles(7, effective_from_us=at_us(5), expected_version=1),
            set_roles(8, ROOT, ROOT),
        ],
        [submit(10 + n) for n in range(3)],
        [
            create_hold(20),
            set_currencies(21, *sorted((USD, EUR)), effective_from_us=at_us(6)),
            set_currencies(22, USD, expected_version=0),
        ],
        [Tick(), fund(23)],
        [Tick(), fund(24), transfer(25), create_hold(26), set_fees(27)],
        [submit(30), submit(10)],
        [open_account(EVE, currency=EUR), cancel(31, payout_id=submit(10).payout_id)],
        [release_hold(32, hold_id=create_hold(20).hold_id)],
        [set_currencies(33, BGN)],
        [open_account(EVE, currency=BGN), fund(34), transfer(35)],
        [submit(36), submit(37, account_id=ALICE)],
        [set_roles(38, expected_version=2), set_currencies(39, expected_version=2)],
    ]
