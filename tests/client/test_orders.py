"""Orders carry what the caller said and an id."""

import pytest

from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client import (
    bic_account,
    chain,
    iban,
    payout_order,
    uk_account,
    us_account,
)

PAYEE = us_account("021000021", "123456789", "Payee")


def test_order_has_an_id_of_its_own() -> None:
    """Without an id each order is a new payout; with one it is that payout."""
    first, second = (
        payout_order(
            account="acct", amount=1, currency="USD", rail="us_ach", destination=PAYEE
        )
        for _ in range(2)
    )
    given = payout_order(
        account="acct",
        amount=1,
        currency="USD",
        rail="us_ach",
        destination=PAYEE,
        metadata={"a": "b"},
        payout_id="payout_x",
    )

    assert first.payout_id < second.payout_id
    assert given.payout_id == "payout_x"
    assert dict(given.metadata) == {"a": "b"}


@pytest.mark.parametrize("amount", [1.5, "1", 2**63, None])
def test_amount_is_an_integer_of_64_bits(amount: int) -> None:
    """Money is never a float, and never silently cut."""
    with pytest.raises((TypeError, ValueError)):
        payout_order(
            account="acct",
            amount=amount if amount is not None else 0.0,
            currency="USD",
            rail="us_ach",
            destination=PAYEE,
        )


def test_destinations_are_filled_in() -> None:
    """What a person would not type is added, what he types for the eye is dropped."""
    assert iban("de89 3704 0044 0532 0130 00", "P").country == "DE"
    assert iban("DE89 3704 0044 0532 0130 00", "P").account_number == (
        "DE89370400440532013000"
    )
    assert PAYEE.kind == Destination.US_ACCOUNT
    assert PAYEE.account_type == "checking"
    assert uk_account("20-00-00", "55779911", "P").bank_code == "200000"
    assert bic_account("DEUTDEFF", "1", "P", country="DE").kind == (
        Destination.BIC_ACCOUNT
    )


def test_an_order_for_later_says_when() -> None:
    order = payout_order(
        account="acct",
        amount=1,
        currency="USD",
        rail="sandbox",
        destination=PAYEE,
        release_at_us=1_796_112_000_000_000,
    )

    assert order.release_at_us == 1_796_112_000_000_000


def test_a_chain_is_closed_by_its_last_order() -> None:
    """Copies with links; the orders given stay as they are."""
    orders = [
        payout_order(
            account="acct", amount=1, currency="USD", rail="us_ach", destination=PAYEE
        )
        for _ in range(3)
    ]
    linked = chain(orders)

    assert [order.is_linked for order in linked] == [True, True, False]
    assert [order.is_linked for order in orders] == [False] * 3
    assert [order.payout_id for order in linked] == [
        order.payout_id for order in orders
    ]
    assert not chain(linked[:1])[0].is_linked
    with pytest.raises(ValueError, match="found none"):
        chain([])
