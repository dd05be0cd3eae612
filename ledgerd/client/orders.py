"""Payout orders and destinations, as messages ready to travel.

What is made here is the protobuf of the public API itself, so a batch of a thousand
orders costs a few microseconds each and nothing is copied into another form. Shapes and
lengths are judged by the node; this module only fills in what a person would not type.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from ledgerd.api.v1.common_pb2 import Money
from ledgerd.api.v1.payouts_pb2 import (
    THIS_WINDOW_ONLY,
    TIMING_UNSPECIFIED,
    Destination,
    PayoutOrder,
)
from ledgerd.client.ids import new_payout_id

_NO_METADATA: Final[Mapping[str, str]] = {}


def payout_order(
    *,
    account: str,
    amount: int,
    currency: str,
    rail: str,
    destination: Destination,
    reference: str = "",
    metadata: Mapping[str, str] | None = None,
    payout_id: str | None = None,
    release_at_us: int = 0,
    this_window_only: bool = False,
    fee_expected: int | None = None,
    quoted_at_us: int = 0,
) -> PayoutOrder:
    """Return an order with an id; keep it, retrying with the same id is always safe.

    Args:
        account: The account that pays, `acct_...`.
        amount: Minor units of `currency`, 1 .. 2**63 - 1.
        currency: Three capitals of ISO 4217.
        rail: A name of the rail catalogue, for example `us_ach` or `sandbox`.
        destination: Made by `iban`, `us_account`, `uk_account` or `bic_account`.
        reference: Text for the payee, at most 140 bytes.
        metadata: At most 50 keys, for the caller's own use.
        payout_id: The idempotency key, `payout_...`; a new one if None.
        release_at_us: Log time, microseconds since 1970 in UTC, before which it is not sent; amount
            and fee are reserved at once. 0 or a time that is over: it goes at once.
        this_window_only: Refused as CUTOFF_PASSED unless a window of the rail is open when it is
            accepted; otherwise it waits for the next one.
        fee_expected: Minor units; with another fee it is refused as FEE_CHANGED.
        quoted_at_us: Of the quote that the fee comes from, which keeps its fee for a while.

    Errors: TypeError or ValueError, when an amount is no integer or outside 64 bits.
    """
    return PayoutOrder(
        payout_id=new_payout_id() if payout_id is None else payout_id,
        account_id=account,
        amount=Money(units=amount, currency=currency),
        rail=rail,
        destination=destination,
        reference=reference,
        metadata=_NO_METADATA if metadata is None else metadata,
        release_at_us=release_at_us,
        timing=THIS_WINDOW_ONLY if this_window_only else TIMING_UNSPECIFIED,
        fee_expected_units=fee_expected,
        quoted_at_us=quoted_at_us,
    )


def chain(orders: Sequence[PayoutOrder]) -> list[PayoutOrder]:
    """Return copies that are accepted or refused as a whole, in one batch and in this order.

    The one that cannot be accepted gets its own code, and its id is spent; the others are told
    CHAIN_MEMBER_FAILED and may be submitted again. Chains may stand in a batch with other orders.

    Errors: ValueError without an order.
    """
    if not orders:
        raise ValueError("expected the orders of a chain, found none")
    linked: list[PayoutOrder] = []
    for order in orders:
        copied = PayoutOrder()
        copied.CopyFrom(order)
        copied.is_linked = True
        linked.append(copied)
    linked[-1].is_linked = False
    return linked


def iban(
    number: str, name: str, *, bic: str = "", country: str | None = None
) -> Destination:
    """Return an account named by its IBAN; spaces are dropped."""
    compact = number.replace(" ", "").upper()
    return Destination(
        kind=Destination.IBAN,
        country=compact[:2] if country is None else country,
        bank_code=bic,
        account_number=compact,
        name=name,
    )


def us_account(
    routing_number: str,
    account_number: str,
    name: str,
    *,
    account_type: str = "checking",
) -> Destination:
    """Return an account in the United States: nine digits of routing number."""
    return Destination(
        kind=Destination.US_ACCOUNT,
        country="US",
        bank_code=routing_number,
        account_number=account_number,
        name=name,
        account_type=account_type,
    )


def uk_account(sort_code: str, account_number: str, name: str) -> Destination:
    """Return an account in the United Kingdom; hyphens in the sort code are dropped."""
    return Destination(
        kind=Destination.UK_ACCOUNT,
        country="GB",
        bank_code=sort_code.replace("-", ""),
        account_number=account_number,
        name=name,
    )


def bic_account(
    bic: str, account_number: str, name: str, *, country: str
) -> Destination:
    """Return an account named by the BIC of its bank and the bank's own number."""
    return Destination(
        kind=Destination.BIC_ACCOUNT,
        country=country,
        bank_code=bic,
        account_number=account_number,
        name=name,
    )
