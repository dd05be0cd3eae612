"""The trial balance: of now from the balances, of any index from the journal.

Entries never change, so the sums of an index are what the journal says up to it. They are added up
in pieces, each a short read transaction, from the beginning or backwards from now, whichever is
nearer; nothing of it can move meanwhile.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import (
    CUSTOMER_KINDS,
    Account,
    AccountKind,
    Book,
    EntryPosition,
    InternalKey,
    LedgerAccount,
    Side,
    normal_side,
)
from ledgerd.raft.entries import Index
from ledgerd.storage.tables import Tables


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One line of the trial balance; at most one of debit and credit is not 0.

    ledger_account: `cust/*/available` for all customers' balances of a kind together, else the
    name of the internal account. accounts: how many were summed. Minor units, unbounded.
    """

    ledger_account: str
    debit_minor: int
    credit_minor: int
    accounts: int


@dataclass(frozen=True, slots=True)
class TrialBook:
    """The trial balance of one book: sums per line, and over all lines."""

    book: Book
    lines: tuple[TrialLine, ...]

    @property
    def debit_minor(self) -> int:
        """Sum of all debit balances."""
        return sum(line.debit_minor for line in self.lines)

    @property
    def credit_minor(self) -> int:
        """Sum of all credit balances."""
        return sum(line.credit_minor for line in self.lines)

    @property
    def is_balanced(self) -> bool:
        """Whether the book balances (I2)."""
        return self.debit_minor == self.credit_minor


@dataclass(slots=True)
class Sums:
    """Balances on their normal sides, minor units: of customers by kind, of internals by name.

    counts: customers' accounts in each book.
    """

    customers: dict[Book, dict[AccountKind, int]] = field(default_factory=dict)
    internals: dict[InternalKey, int] = field(default_factory=dict)
    counts: dict[Book, int] = field(default_factory=dict)

    def open_account(self, book: Book) -> None:
        """Count one more account."""
        self.customers.setdefault(book, dict.fromkeys(CUSTOMER_KINDS, 0))
        self.counts[book] = self.counts.get(book, 0) + 1

    def add(self, book: Book, account: LedgerAccount, amount_minor: int) -> None:
        """Change one balance."""
        if account.is_customer:
            self.customers[book][account.kind] += amount_minor
        else:
            key = InternalKey(book, account)
            self.internals[key] = self.internals.get(key, 0) + amount_minor


def sums_of(accounts: Iterable[Account], internals: dict[InternalKey, int]) -> Sums:
    """Return the sums of balances as they stand."""
    sums = Sums(internals=dict(internals))
    for account in accounts:
        sums.open_account(account.book)
        for kind, balance_minor in zip(CUSTOMER_KINDS, account.balances, strict=True):
            sums.customers[account.book][kind] += balance_minor
    return sums


def opened_by(tables: Tables, index: Index) -> Sums:
    """Return the accounts that were open at `index`, with nothing in them."""
    sums = Sums()
    for key, value in tables.scan(Table.ACCOUNT):
        account = records.decode_account(key, value)
        if account.opened_index <= index:
            sums.open_account(account.book)
    return sums


def add_journal(
    tables: Tables,
    sums: Sums,
    *,
    after: EntryPosition,
    last: Index,
    sign: int,
    rows_max: int,
) -> EntryPosition | None:
    """Add entries behind `after`, at most `rows_max` and up to index `last`, `sign` times.

    Returns where to go on, None at the end. sign: 1 to add them, -1 to take them back.
    """
    assert sign in (-1, 1), sign
    start = records.entry_key(after) + b"\0"
    for row, (key, value) in enumerate(tables.scan(Table.JOURNAL, start=start), 1):
        entry = records.decode_journal(key, value)
        if entry.position[0] > last:
            return None
        for leg in entry.legs:
            is_more = leg.side is normal_side(leg.account.kind)
            amount_minor = leg.amount_minor if is_more else -leg.amount_minor
            sums.add(entry.book, leg.account, sign * amount_minor)
        if row == rows_max:
            return entry.position
    return None


def trial_balance(sums: Sums) -> list[TrialBook]:
    """Return the trial balance per book, sorted; lines without a balance are left out."""
    lines: dict[Book, list[TrialLine]] = {}
    for book, of_book in sums.customers.items():
        if not sums.counts.get(book):
            assert not any(of_book.values()), (book, of_book)
            continue
        lines[book] = [
            _line(LedgerAccount(kind, b"*"), balance_minor, sums.counts.get(book, 0))
            for kind, balance_minor in of_book.items()
        ]
    for key in sorted(sums.internals):
        if sums.internals[key] or key.book in lines:
            line = _line(key.account, sums.internals[key], 1)
            lines.setdefault(key.book, []).append(line)
    return [
        TrialBook(
            book,
            tuple(
                line for line in lines[book] if line.debit_minor or line.credit_minor
            ),
        )
        for book in sorted(lines)
    ]


def _line(account: LedgerAccount, balance_minor: int, accounts: int) -> TrialLine:
    """Return a line with a balance on its normal side, or on the other if it is negative."""
    name = (
        f"cust/*/{account.kind.name.lower()}" if account.is_customer else account.name
    )
    is_debit = (normal_side(account.kind) is Side.DEBIT) == (balance_minor >= 0)
    amount_minor = abs(balance_minor)
    return TrialLine(
        name,
        debit_minor=amount_minor if is_debit else 0,
        credit_minor=0 if is_debit else amount_minor,
        accounts=accounts,
    )
