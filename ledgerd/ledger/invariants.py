"""What must hold of the books, checked over rows from anywhere: a store, a model, a copy.

`Audit` folds the journal from its first entry and compares every projection with the fold.
The cheap half of these is asserted in apply, command by command; this is the whole, for
`check`, for tests, and for whoever doubts. Nothing here stops at the first breach.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ledgerd.ledger.accounts import (
    CUSTOMER_KINDS,
    NO_ENTRY,
    Account,
    AccountKind,
    Balances,
    Book,
    EntryPosition,
    InternalKey,
    LedgerAccount,
    Side,
    normal_side,
)
from ledgerd.ledger.events import Event
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.journal import JournalEntry, imbalance
from ledgerd.ledger.money import fits
from ledgerd.ledger.payouts import UNDER_WAY, PayoutHead, PayoutStatus
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.sums import PayoutSums
from ledgerd.ledger.window_sums import WindowSums
from ledgerd.ledger.windows import WindowKey, WindowUse

_FREE_SIGN: Final = frozenset(
    {
        AccountKind.BANK_CASH,
        AccountKind.PAYOUT_FEE,
        AccountKind.FX_SPREAD,
        AccountKind.RAIL_COST,
        AccountKind.RETURNS,
        AccountKind.SUSPENSE,
    }
)


class Breach(NamedTuple):
    """One broken invariant. invariant: its number, `I3`. where: account, entry or book."""

    invariant: str
    where: str
    found: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.where}: {self.found}"


class TrialLine(NamedTuple):
    """One line of a trial balance; exactly one of debit and credit is not zero.

    ledger_account: `cust/*/available` for the balances of all customers together, else
        the internal account's name. accounts: how many balances it sums.
    """

    ledger_account: str
    debit_minor: int
    credit_minor: int
    accounts: int


class TrialBook(NamedTuple):
    """The trial balance of one book. Sums may pass 64 bits."""

    book: Book
    lines: tuple[TrialLine, ...]

    @property
    def debit_minor(self) -> int:
        """The sum of the debit column."""
        return sum(line.debit_minor for line in self.lines)

    @property
    def credit_minor(self) -> int:
        """The sum of the credit column."""
        return sum(line.credit_minor for line in self.lines)

    @property
    def is_balanced(self) -> bool:
        """Whether debits equal credits. # I2."""
        return self.debit_minor == self.credit_minor


def trial_balance(
    accounts: Iterable[Account], internals: Mapping[InternalKey, int]
) -> list[TrialBook]:
    """Return the trial balance of every book, sorted; lines of zero are left out."""
    sums: dict[Book, dict[LedgerAccount, tuple[int, int]]] = {}
    for account in accounts:
        of_book = sums.setdefault(account.book, {})
        for kind, balance_minor in zip(CUSTOMER_KINDS, account.balances, strict=True):
            customers = LedgerAccount(kind, b"")
            sum_minor, count = of_book.get(customers, (0, 0))
            of_book[customers] = (sum_minor + balance_minor, count + 1)
    for (book, ledger_account), balance_minor in internals.items():
        sums.setdefault(book, {})[ledger_account] = (balance_minor, 1)
    return [
        TrialBook(
            book,
            tuple(
                _line(account, *of_book[account])
                for account in sorted(of_book)
                if of_book[account][0]
            ),
        )
        for book, of_book in sorted(sums.items())
    ]


def _line(account: LedgerAccount, balance_minor: int, accounts: int) -> TrialLine:
    """Return a line on the balance's normal side, on the other if it is negative."""
    name = account.name.replace("cust//", "cust/*/")
    is_debit = (normal_side(account.kind) == Side.DEBIT) == (balance_minor > 0)
    amount_minor = abs(balance_minor)
    if is_debit:
        return TrialLine(name, amount_minor, 0, accounts)
    return TrialLine(name, 0, amount_minor, accounts)


class Audit:
    """A fold of the journal, and what contradicts it. Feed the journal first, in order.

    minimums_minor: the bound of `available` by account id, where it is known.
    """

    def __init__(self, minimums_minor: Mapping[bytes, int] | None = None) -> None:
        self.breaches: list[Breach] = []
        self._minimums = minimums_minor or {}
        self._balances: dict[tuple[Book, LedgerAccount], int] = {}
        self._accounts: dict[bytes, tuple[int, EntryPosition, Book]] = {}
        self._last: EntryPosition = NO_ENTRY
        self._sums = PayoutSums()

    def rails(self, records: Iterable[RailRecord]) -> None:
        """Learn the names of rails, before anything is compared. # I5."""
        for record in records:
            self._sums.rail(record)

    def entry(self, entry: JournalEntry) -> None:
        """Add one journal entry. Checks I1, I3, I8 and I11 at this entry."""
        where = "entry {}.{}.{}".format(*entry.position)
        flaw = imbalance(entry.legs)
        if flaw is not None:
            self._breach("I1", where, flaw)
        if entry.position <= self._last:
            self._breach("I11", where, f"it follows entry {self._last}")
        self._last = entry.position
        self._sums.entry(entry)
        for leg in entry.legs:
            at = (entry.book, leg.account)
            sign = 1 if leg.side == normal_side(leg.account.kind) else -1
            self._balances[at] = self._balances.get(at, 0) + sign * leg.amount_minor
        for leg in entry.legs:
            self._bound(where, entry.book, leg.account, leg.side)

        named = {leg.account.subject for leg in entry.legs if leg.account.is_customer}
        if named != {touched.account_id for touched in entry.touched}:
            self._breach("I8", where, "its legs and its accounts name different ones")
        for touched in entry.touched:
            sequence, last, book = self._accounts.get(
                touched.account_id, (0, NO_ENTRY, entry.book)
            )
            name = f"{where}, account {touched.account_id.hex()}"
            if touched.sequence != sequence + 1:
                self._breach(
                    "I11", name, f"sequence {touched.sequence} follows {sequence}"
                )
            if touched.previous != last:
                self._breach(
                    "I11", name, f"points back to {touched.previous}, last was {last}"
                )
            if book != entry.book:
                self._breach("I1", name, f"book {entry.book}, before it {book}")
            balances = self._balances_of(touched.account_id, entry.book)
            if touched.balances != balances:
                self._breach("I8", name, f"says {touched.balances}, fold {balances}")
            self._accounts[touched.account_id] = (
                touched.sequence,
                entry.position,
                entry.book,
            )

    def accounts(self, accounts: Iterable[Account]) -> None:
        """Compare all account rows with the fold. # I3, I8."""
        seen: set[bytes] = set()
        for account in accounts:
            seen.add(account.account_id)
            where = f"account {account.account_id.hex()}"
            sequence, last, book = self._accounts.get(
                account.account_id, (0, NO_ENTRY, account.book)
            )
            if account.book != book:
                self._breach("I1", where, f"book {account.book}, journal {book}")
            found = (account.balances, account.sequence, account.last_entry)
            expected = (self._balances_of(account.account_id, book), sequence, last)
            if found != expected:
                self._breach("I8", where, f"says {found}, the journal {expected}")
            if min(account.balances[1:]) < 0:
                self._breach("I3", where, f"negative among {account.balances}")
            if account.available_minor < min(0, account.min_balance_minor):
                self._breach(
                    "I3",
                    where,
                    f"available {account.available_minor} below its minimum "
                    f"{account.min_balance_minor}",
                )
        for account_id in sorted(self._accounts.keys() - seen):
            where = f"account {account_id.hex()}"
            self._breach("I8", where, "the journal has entries, the account no row")

    def internals(self, internals: Iterable[tuple[InternalKey, int]]) -> None:
        """Compare all internal balances with the fold. # I8."""
        expected = {
            InternalKey(book, account): balance_minor
            for (book, account), balance_minor in self._balances.items()
            if not account.is_customer
        }
        found = dict(internals)
        for key in sorted(expected.keys() | found.keys()):
            if found.get(key, 0) != expected.get(key, 0):
                self._breach(
                    "I8",
                    f"{key.account.name} of {key.book}",
                    f"says {found.get(key)}, the journal {expected.get(key)}",
                )

    def payouts(
        self, payouts: Iterable[tuple[PayoutHead, PayoutStatus | None]]
    ) -> None:
        """Compare the fold with what the states of all payouts say. # I4, I5, I6, I7, I14."""
        sums = self._sums.of_entries()  # an audit may look at all payouts many times
        for head, status in payouts:
            sums.payout(head, status)
            if status is not None and status.back_minor > head.amount_minor:
                self._breach("I14", f"payout {head.payout_id.hex()}", str(status))
        expected = sums.reserved
        for account_id in sorted(expected.keys() | self._accounts.keys()):
            found = 0
            if account_id in self._accounts:
                book = self._accounts[account_id][2]
                found = self._balances_of(account_id, book).reserved_minor
            if found != expected.get(account_id, 0):
                self._breach(
                    "I4",
                    f"account {account_id.hex()}",
                    f"reserved {found}, open payouts {expected.get(account_id, 0)}",
                )
        books = {account_id: row[2] for account_id, row in self._accounts.items()}
        internals = {
            InternalKey(book, account): balance_minor
            for (book, account), balance_minor in self._balances.items()
            if not account.is_customer
        }
        for difference in sums.differences(books, internals):
            self._breach(
                difference.invariant,
                difference.where,
                f"the books say {difference.found_minor}, payouts "
                f"{difference.expected_minor}",
            )

    def under_way(
        self,
        counts: Mapping[bytes, int],
        payouts: Iterable[tuple[PayoutHead, PayoutStatus | None]],
    ) -> None:
        """Compare each account's number of payouts under way with the payouts. # I5."""
        expected: dict[bytes, int] = {}
        for head, status in payouts:
            state = head.state if status is None else status.state
            if state in UNDER_WAY:
                expected[head.account_id] = expected.get(head.account_id, 0) + 1
        for account_id in sorted(expected.keys() | counts.keys()):
            if counts.get(account_id, 0) != expected.get(account_id, 0):
                self._breach(
                    "I5",
                    f"account {account_id.hex()}",
                    f"{counts.get(account_id, 0)} under way, payouts "
                    f"{expected.get(account_id, 0)}",
                )

    def windows(
        self,
        policy: Policy,
        stored: Mapping[WindowKey, WindowUse],
        payouts: Iterable[tuple[PayoutHead, PayoutStatus | None]],
    ) -> None:
        """Compare the windows with all payouts, in the order of their positions. # I13."""
        sums = WindowSums(policy)
        for head, status in payouts:
            sums.payout(head, status)
        for difference in sums.differences(stored):
            self._breach("I13", str(difference.key), difference.what)

    def holds(self, holds: Iterable[Hold]) -> None:
        """Compare `held` in the fold with the sum over open holds. # I4."""
        expected: dict[bytes, int] = {}
        for hold in holds:
            before_minor = expected.get(hold.account_id, 0)
            expected[hold.account_id] = before_minor + hold.held_minor
        for account_id in sorted(expected.keys() | self._accounts.keys()):
            found = 0
            if account_id in self._accounts:
                book = self._accounts[account_id][2]
                found = self._balances_of(account_id, book).held_minor
            if found != expected.get(account_id, 0):
                self._breach(
                    "I4",
                    f"account {account_id.hex()}",
                    f"held {found}, open holds {expected.get(account_id, 0)}",
                )

    def events(self, events: Iterable[Event]) -> int:
        """Check that the feed is dense from 1 and rises; return its last seq. # I11."""
        seq = 0
        last: EntryPosition = NO_ENTRY
        ts_us = 0
        for event in events:
            where = f"event {event.seq}"
            if event.seq != seq + 1:
                self._breach("I11", where, f"it follows event {seq}")
            if event.position <= last or event.ts_us < ts_us:
                self._breach("I11", where, f"it stands before event {seq}")
            seq, last, ts_us = event.seq, event.position, event.ts_us
        return seq

    def trial_balance(self) -> None:
        """Check that debits equal credits in every book of the fold. # I2."""
        sums: dict[Book, int] = {}
        for (book, account), balance_minor in self._balances.items():
            sign = 1 if normal_side(account.kind) == Side.DEBIT else -1
            sums[book] = sums.get(book, 0) + sign * balance_minor
        for book, sum_minor in sorted(sums.items()):
            if sum_minor:
                self._breach("I2", str(book), f"debits minus credits is {sum_minor}")

    def _bound(
        self, where: str, book: Book, account: LedgerAccount, side: Side
    ) -> None:
        balance_minor = self._balances[book, account]
        floor_minor = 0
        if account.kind in _FREE_SIGN:
            floor_minor = balance_minor
        elif account.kind == AccountKind.AVAILABLE:
            # Only a debit is bound by a positive minimum: an account starts at zero.
            minimum = self._minimums.get(account.subject, 0)
            floor_minor = minimum if side == Side.DEBIT else min(0, minimum)
        if balance_minor < floor_minor or not fits(balance_minor):
            self._breach(
                "I3", where, f"{account.name} at {balance_minor}, bound {floor_minor}"
            )

    def _balances_of(self, account_id: bytes, book: Book) -> Balances:
        return Balances(
            *(
                self._balances.get((book, LedgerAccount(kind, account_id)), 0)
                for kind in CUSTOMER_KINDS
            )
        )

    def _breach(self, invariant: str, where: str, found: str) -> None:
        self.breaches.append(Breach(invariant, where, found))
