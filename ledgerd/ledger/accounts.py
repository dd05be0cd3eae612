"""Customer accounts with their five balances, and the names of all ledger accounts.

A customer's account is in one currency and one book for life. Its balances are sums on
their normal side: a credit raises `available`, `reserved`, `held` and `blocked`, a debit
raises `receivable`. Reserved money is a posting, not a flag, so every balance is a sum
that anybody can recompute from the journal (I8).

Bounds (I3): reserved, held, blocked and receivable are never negative. No debit leaves
`available` below the account's `min_balance`; an account with a positive minimum starts
below it, at zero, and simply cannot pay out until it holds more.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

# (log index, ordinal of the command in its entry).
Position: TypeAlias = tuple[int, int]
# (log index, ordinal, n): n numbers the journal entries or events of one command, from 0.
EntryPosition: TypeAlias = tuple[int, int, int]

NO_ENTRY: Final[EntryPosition] = (
    0,
    0,
    0,
)  # before an account's first entry; index 0 is none


class AccountStatus(IntEnum):
    """Durable and public values."""

    OPEN = 1
    FROZEN = 2
    CLOSED = 3


class Side(IntEnum):
    """The side of a leg. Durable."""

    DEBIT = 0
    CREDIT = 1


class AccountKind(IntEnum):
    """What a ledger account is, and so its type and normal side. Durable."""

    AVAILABLE = 1
    RESERVED = 2
    HELD = 3
    BLOCKED = 4
    RECEIVABLE = 5
    IN_TRANSIT = 6
    BANK_CASH = 7
    PAYOUT_FEE = 8
    FX_SPREAD = 9
    RAIL_COST = 10
    RETURNS = 11
    SUSPENSE = 12


CUSTOMER_KINDS: Final = (
    AccountKind.AVAILABLE,
    AccountKind.RESERVED,
    AccountKind.HELD,
    AccountKind.BLOCKED,
    AccountKind.RECEIVABLE,
)
DEBIT_NORMAL: Final = frozenset(
    {
        AccountKind.RECEIVABLE,
        AccountKind.BANK_CASH,
        AccountKind.RAIL_COST,
        AccountKind.RETURNS,
    }
)

# How each kind is named; {} is its subject: account id, rail or bank.
_NAMES: Final = {
    AccountKind.AVAILABLE: "cust/{}/available",
    AccountKind.RESERVED: "cust/{}/reserved",
    AccountKind.HELD: "cust/{}/held",
    AccountKind.BLOCKED: "cust/{}/blocked",
    AccountKind.RECEIVABLE: "cust/{}/receivable",
    AccountKind.IN_TRANSIT: "rail/{}/in_transit",
    AccountKind.BANK_CASH: "bank/{}/cash",
    AccountKind.PAYOUT_FEE: "rev/payout_fee",
    AccountKind.FX_SPREAD: "rev/fx_spread",
    AccountKind.RAIL_COST: "exp/rail_cost",
    AccountKind.RETURNS: "exp/returns",
    AccountKind.SUSPENSE: "suspense/{}",
}


def normal_side(kind: AccountKind) -> Side:
    """Return the side whose legs raise a balance of this kind."""
    return Side.DEBIT if kind in DEBIT_NORMAL else Side.CREDIT


class Book(NamedTuple):
    """Livemode and currency: every sum is per book, and no entry touches two (I1)."""

    livemode: bool
    currency: int


class LedgerAccount(NamedTuple):
    """One ledger account within a book.

    subject: 16 bytes of the account id for customer kinds; the rail's or the bank's name
        in ASCII where the kind has one; else empty.
    """

    kind: AccountKind
    subject: bytes

    @property
    def is_customer(self) -> bool:
        """Whether this is one of the five balances of a customer's account."""
        return self.kind <= AccountKind.RECEIVABLE

    @property
    def name(self) -> str:
        """The name in reports: `cust/<32 hexadecimal digits>/available`, `bank/x/cash`."""
        if self.is_customer:
            return _NAMES[self.kind].format(self.subject.hex())
        return _NAMES[self.kind].format(self.subject.decode("ascii", "replace"))


class InternalKey(NamedTuple):
    """Names one internal account: it exists once per book."""

    book: Book
    account: LedgerAccount


class Balances(NamedTuple):
    """The five balances of a customer's account, minor units, on their normal sides."""

    available_minor: int
    reserved_minor: int
    held_minor: int
    blocked_minor: int
    receivable_minor: int


@dataclass(slots=True)
class Account:
    """A customer's account: one row of state. A copy given to apply is changed in place.

    account_class: names the fee rules that are for it; never changes.
    sequence: number of journal entries that touched the account (I11).
    last_entry: position of the last of them; NO_ENTRY before the first.
    """

    account_id: bytes
    currency: int
    livemode: bool
    owner_ref: str
    min_balance_minor: int
    status: AccountStatus
    opened_index: int
    opened_ordinal: int
    opened_ts_us: int
    principal: str
    available_minor: int = 0
    reserved_minor: int = 0
    held_minor: int = 0
    blocked_minor: int = 0
    receivable_minor: int = 0
    sequence: int = 0
    last_entry: EntryPosition = NO_ENTRY
    account_class: str = ""

    @property
    def book(self) -> Book:
        """The book that all its entries belong to."""
        return Book(self.livemode, self.currency)

    @property
    def balances(self) -> Balances:
        """The five balances as one value."""
        return Balances(
            self.available_minor,
            self.reserved_minor,
            self.held_minor,
            self.blocked_minor,
            self.receivable_minor,
        )

    def balance_minor(self, kind: AccountKind) -> int:
        """Return one of the five balances."""
        return self.balances[kind - AccountKind.AVAILABLE]

    def add(self, kind: AccountKind, change_minor: int) -> None:
        """Change one of the five balances."""
        match kind:
            case AccountKind.AVAILABLE:
                self.available_minor += change_minor
            case AccountKind.RESERVED:
                self.reserved_minor += change_minor
            case AccountKind.HELD:
                self.held_minor += change_minor
            case AccountKind.BLOCKED:
                self.blocked_minor += change_minor
            case AccountKind.RECEIVABLE:
                self.receivable_minor += change_minor
            case _:
                raise AssertionError(f"{kind!r} is not a customer's balance")

    def copy(self) -> "Account":
        """Return an equal account that can be changed alone."""
        return replace(self)
