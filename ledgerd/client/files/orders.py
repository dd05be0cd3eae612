"""What a payout file asks for once it was found right: its orders, totals and where each stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ledgerd.api import ids
from ledgerd.api.v1 import payouts_pb2
from ledgerd.client.files.currencies import EXPONENTS

AUTO = "auto"


class Kind(Enum):
    """The formats that are read."""

    PAIN001 = "pain.001"
    NACHA = "nacha"
    CSV = "csv"


class Target(NamedTuple):
    """Where the money goes; the fields of the API's `Destination`."""

    kind: payouts_pb2.Destination.Kind
    country: str
    bank_code: str
    account_number: str
    name: str
    account_type: str


class FileOrder(NamedTuple):
    """One payout of a file."""

    payout_id: bytes  # 16 bytes
    amount_minor: int
    currency: str
    rail: str
    target: Target
    reference: str
    metadata: tuple[tuple[str, str], ...]
    line: int
    where: str  # XPath of the transaction, for XML
    is_linked: bool = False  # the next payout of the file is of the same chain
    release_at_us: int = 0  # not sent before; 0: at once


class Total(NamedTuple):
    """Sum of a set of payouts in one currency."""

    currency: str
    entries: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PayoutFile:
    """A payout file that was read to its end and found right in every check."""

    name: str
    kind: Kind
    form: str  # exact format, for example pain.001.001.09
    identity: str  # what the ids derive from, for people
    orders: tuple[FileOrder, ...]
    notes: tuple[str, ...]  # what is in the file and is not obeyed, or was left out

    @property
    def totals(self) -> tuple[Total, ...]:
        """Count and sum per currency, by code."""
        return totals((order.currency, order.amount_minor) for order in self.orders)

    def message(
        self,
        position: int,
        *,
        account_id: str,
        rail: str | None = None,
        timing: payouts_pb2.Timing = payouts_pb2.TIMING_UNSPECIFIED,
    ) -> payouts_pb2.PayoutOrder:
        """Return the order at `position` for the API; `rail` replaces the file's."""
        order = self.orders[position]
        target = order.target
        message = payouts_pb2.PayoutOrder(
            payout_id=ids.encode(ids.PAYOUT, order.payout_id),
            account_id=account_id,
            rail=rail or order.rail,
            destination=payouts_pb2.Destination(
                kind=target.kind,
                country=target.country,
                bank_code=target.bank_code,
                account_number=target.account_number,
                name=target.name,
                account_type=target.account_type,
            ),
            reference=order.reference,
            metadata=dict(order.metadata),
            timing=timing,
            is_linked=order.is_linked,
            release_at_us=order.release_at_us,
        )
        message.amount.units = order.amount_minor
        message.amount.currency = order.currency
        message.amount.exponent = EXPONENTS[order.currency]
        return message


def totals(amounts: Iterable[tuple[str, int]]) -> tuple[Total, ...]:
    """Return count and sum per currency, by code."""
    sums: dict[str, tuple[int, int]] = {}
    for currency, units in amounts:
        count, amount = sums.get(currency, (0, 0))
        sums[currency] = (count + 1, amount + units)
    return tuple(Total(code, *sums[code]) for code in sorted(sums))
