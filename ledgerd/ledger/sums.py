"""What the states of payouts say that balances must be: I4 to I7, over any set of rows.

Fed with journal entries, payouts and the books of their accounts, in any order; `expected` and
`found` are compared by whoever has the balances.
"""

from typing import NamedTuple

from ledgerd.ledger.accounts import AccountKind, Book, InternalKey, LedgerAccount
from ledgerd.ledger.catalogue import RAILS
from ledgerd.ledger.journal import (
    PAYOUT_REASONS,
    JournalEntry,
    claim_changes,
)
from ledgerd.ledger.payouts import (
    PayoutHead,
    PayoutStatus,
    fee_now,
    fee_revenue_minor,
    in_transit_minor,
    net_claim_minor,
    rail_now,
    reserved_minor,
    status_of,
)
from ledgerd.ledger.rails import RailRecord

_FEES = LedgerAccount(AccountKind.PAYOUT_FEE, b"")


class Difference(NamedTuple):
    """A sum over payouts that the books contradict. where: account id or internal account."""

    invariant: str
    where: str
    found_minor: int
    expected_minor: int


class PayoutSums:
    """Adds up what payouts hold, and what their entries moved."""

    def __init__(self) -> None:
        self.reserved: dict[bytes, int] = {}  # I4, by account
        self._in_transit: dict[tuple[bytes, int], int] = {}  # by account and rail
        self._rails = {number: rail.name for number, rail in RAILS.items()}
        self._fees: dict[bytes, int] = {}  # by account
        self._other_fees: dict[Book, int] = {}  # booked by people
        self._claims: dict[bytes, int] = {}
        self._moved: dict[bytes, int] = {}

    def of_entries(self) -> "PayoutSums":
        """Return the sums over the same journal entries, and over no payouts yet."""
        found = PayoutSums()
        found._other_fees = dict(self._other_fees)
        found._moved = dict(self._moved)
        found._rails = dict(self._rails)
        return found

    def rail(self, record: RailRecord) -> None:
        """Learn the name of a rail that the catalogue holds."""
        self._rails[record.number] = record.name

    def entry(self, entry: JournalEntry) -> None:
        """Add one journal entry."""
        if entry.reason in PAYOUT_REASONS:
            for account_id, change_minor in claim_changes(entry):
                self._moved[account_id] = self._moved.get(account_id, 0) + change_minor
            return
        for leg in entry.legs:
            if leg.account == _FEES:
                sign = 1 if leg.side else -1  # a credit raises revenue
                before = self._other_fees.get(entry.book, 0)
                self._other_fees[entry.book] = before + sign * leg.amount_minor

    def payout(self, head: PayoutHead, status: PayoutStatus | None) -> None:
        """Add one payout."""
        account_id = head.account_id
        state = status_of(head, status).state
        held = reserved_minor(state, head.amount_minor, fee_now(head, status))
        self.reserved[account_id] = self.reserved.get(account_id, 0) + held
        moving = in_transit_minor(state, head.amount_minor)
        if moving:
            at = (account_id, rail_now(head, status))
            self._in_transit[at] = self._in_transit.get(at, 0) + moving
        revenue = fee_revenue_minor(head, status)
        if revenue:
            self._fees[account_id] = self._fees.get(account_id, 0) + revenue
        claim = net_claim_minor(head, status)
        if claim:
            self._claims[account_id] = self._claims.get(account_id, 0) + claim

    def differences(
        self, books: dict[bytes, Book], internals: dict[InternalKey, int]
    ) -> list[Difference]:
        """Return what the balances contradict. books: of every account. # I5, I6, I7."""
        expected: dict[InternalKey, int] = {}
        for (account_id, rail), sum_minor in self._in_transit.items():
            name = self._rails.get(rail, f"rail {rail}, which nobody set")
            account = LedgerAccount(AccountKind.IN_TRANSIT, name.encode())
            if account_id in books:  # if not, its missing row is named elsewhere
                key = InternalKey(books[account_id], account)
                expected[key] = expected.get(key, 0) + sum_minor
        for account_id, sum_minor in self._fees.items():
            if account_id in books:
                key = InternalKey(books[account_id], _FEES)
                expected[key] = expected.get(key, 0) + sum_minor
        for book, sum_minor in self._other_fees.items():
            key = InternalKey(book, _FEES)
            expected[key] = expected.get(key, 0) + sum_minor
        found = {
            key: balance_minor
            for key, balance_minor in internals.items()
            if key.account.kind in (AccountKind.IN_TRANSIT, AccountKind.PAYOUT_FEE)
        }
        differences = [
            Difference(
                "I5" if key.account.kind == AccountKind.IN_TRANSIT else "I6",
                f"{key.account.name} of {key.book}",
                found.get(key, 0),
                expected.get(key, 0),
            )
            for key in sorted(expected.keys() | found.keys())
            if expected.get(key, 0) != found.get(key, 0)
        ]
        differences += [
            Difference(
                "I7",
                f"account {account_id.hex()}",
                self._moved.get(account_id, 0),
                self._claims.get(account_id, 0),
            )
            for account_id in sorted(self._claims.keys() | self._moved.keys())
            if self._moved.get(account_id, 0) != self._claims.get(account_id, 0)
        ]
        return differences
