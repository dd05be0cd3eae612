import pytest

from ledgerd.ledger.accounts import (
    CUSTOMER_KINDS,
    AccountKind,
    LedgerAccount,
    Side,
    normal_side,
)
from tests.ledger.making import ALICE, ledger

K = AccountKind
HEX = ALICE.hex()


@pytest.mark.parametrize(
    ("kind", "subject", "name", "side"),
    [
        (K.AVAILABLE, ALICE, f"cust/{HEX}/available", Side.CREDIT),
        (K.RESERVED, ALICE, f"cust/{HEX}/reserved", Side.CREDIT),
        (K.HELD, ALICE, f"cust/{HEX}/held", Side.CREDIT),
        (K.BLOCKED, ALICE, f"cust/{HEX}/blocked", Side.CREDIT),
        (K.RECEIVABLE, ALICE, f"cust/{HEX}/receivable", Side.DEBIT),
        (K.IN_TRANSIT, b"swift", "rail/swift/in_transit", Side.CREDIT),
        (K.BANK_CASH, b"first", "bank/first/cash", Side.DEBIT),
        (K.PAYOUT_FEE, b"", "rev/payout_fee", Side.CREDIT),
        (K.FX_SPREAD, b"", "rev/fx_spread", Side.CREDIT),
        (K.RAIL_COST, b"", "exp/rail_cost", Side.DEBIT),
        (K.RETURNS, b"", "exp/returns", Side.DEBIT),
        (K.SUSPENSE, b"first", "suspense/first", Side.CREDIT),
    ],
)
def test_names_and_normal_sides(kind, subject, name, side):
    """The chart of accounts: ledger.md 2.3, line by line."""
    account = LedgerAccount(kind, subject)

    assert account.name == name
    assert normal_side(kind) == side
    assert account.is_customer == (kind in CUSTOMER_KINDS)


def test_balances_are_found_and_changed_by_kind():
    """Each of the five kinds is its own balance; an internal kind is none of them."""
    account = ledger().view.account(ALICE)
    assert account is not None
    account.available_minor = 0

    for n, kind in enumerate(CUSTOMER_KINDS, start=1):
        account.add(kind, n)

    assert account.balances == (1, 2, 3, 4, 5)
    assert [account.balance_minor(kind) for kind in CUSTOMER_KINDS] == [1, 2, 3, 4, 5]
    with pytest.raises(AssertionError, match="not a customer"):
        account.add(AccountKind.BANK_CASH, 1)


def test_a_copy_changes_alone():
    """A copy is equal and apart."""
    account = ledger().view.account(ALICE)
    assert account is not None
    other = account.copy()

    other.available_minor += 1

    assert other.available_minor == account.available_minor + 1
