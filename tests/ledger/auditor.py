"""A third pair of eyes: follows the rows of every entry and checks the books after each command.

`Auditor` knows the ledger by its rows alone. It takes those of an entry apart by command, adds
each command's journal entries and changes of payouts to sums of its own, and stops at the first
command after which an invariant does not hold: I1 to I9, I11 and I14. Its tables (what each state
keeps, which edges exist, which side is normal) are written from the design, not borrowed.

`Follower` is a second node: it applies the same log entries, from their bytes, and must have the
same digest after each (I12).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from ledgerd.formats import commands, records
from ledgerd.formats.records import Table, TableRows
from ledgerd.ledger.accounts import Account, AccountKind, Side
from ledgerd.ledger.apply import apply
from ledgerd.ledger.commands import PLAIN, Submit
from ledgerd.ledger.events import Event, EventKind
from ledgerd.ledger.journal import EntryReason, JournalEntry
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.ledger.payouts import PayoutHead, PayoutStatus
from ledgerd.replica.audit import GENESIS_DIGEST, laid_out, next_digest
from tests.fakes import MemoryLedger, MemoryView
from tests.ledger.making import columns

K, R = AccountKind, EntryReason
NONE = (0, 0, 0)  # before an account's first entry
RAIL_NAMES = {1: b"sandbox", 2: b"us_ach", 7: b"eu_sct", 12: b"swift"}
OWN = (K.AVAILABLE, K.RESERVED, K.HELD, K.BLOCKED, K.RECEIVABLE)
DEBIT_NORMAL = {K.RECEIVABLE, K.BANK_CASH, K.RAIL_COST, K.RETURNS}
NEVER_NEGATIVE = {K.RESERVED, K.HELD, K.BLOCKED, K.RECEIVABLE, K.IN_TRANSIT}
OF_PAYOUTS = {
    R.SUBMIT,
    R.CANCEL,
    R.REJECT,
    R.REROUTE,
    R.DISPATCH,
    R.NOT_ACCEPTED,
    R.RAIL_REJECT,
    R.SETTLE,
    R.RETURN,
    R.REVERSAL,
}
HOLD_ENDS = {EventKind.HOLD_CAPTURED, EventKind.HOLD_RELEASED, EventKind.HOLD_EXPIRED}
(
    SCHEDULED,
    REVIEW,
    READY,
    DISPATCHING,
    SENT,
    SETTLED,
    CANCELLED,
    FAILED,
    RETURNED,
    REVERSED,
) = range(1, 11)
FEE_REFUNDED = 8
EDGES = {
    *((state, CANCELLED) for state in (SCHEDULED, REVIEW, READY)),
    *((state, FAILED) for state in (REVIEW, DISPATCHING, SENT)),
    (SCHEDULED, REVIEW),
    (SCHEDULED, READY),
    (REVIEW, READY),
    (READY, DISPATCHING),
    (DISPATCHING, READY),
    (DISPATCHING, SENT),
    (DISPATCHING, SETTLED),
    (SENT, SETTLED),
    (SETTLED, RETURNED),
    (SETTLED, REVERSED),
}
BALANCE_MAX = 2**63 - 1

Position = tuple[int, int, int]
Name = tuple[Any, int, bytes]  # book, kind, subject


class Shares(NamedTuple):
    """What one payout has in each sum, by its state."""

    reserved: int = 0  # I4
    in_transit: int = 0  # I5
    fee: int = 0  # I6
    claim: int = 0  # I7


@dataclass(slots=True)
class Payout:
    """A payout as its rows have told it so far."""

    head: PayoutHead
    state: int
    sequence: int = 0
    last: Position = NONE
    status: PayoutStatus | None = None

    def shares(self) -> Shares:
        """What it keeps in the balances: the table of 3.2, by state."""
        amount, fee = self.head.amount_minor, self.head.fee_minor
        back, flags = 0, 0
        if self.status is not None:
            back, flags = self.status.back_minor, self.status.flags
            if self.status.rail:
                fee = self.status.fee_minor
        if self.state in (SCHEDULED, REVIEW, READY):
            return Shares(reserved=amount + fee)
        if self.state in (DISPATCHING, SENT):
            return Shares(fee, amount, 0, -amount)
        if self.state in (SETTLED, RETURNED, REVERSED):
            kept = 0 if flags & FEE_REFUNDED else fee
            return Shares(0, 0, kept, back - amount - kept)
        return Shares()

    @property
    def rail(self) -> bytes:
        """The name of the rail that it goes by."""
        moved = self.status.rail if self.status is not None else 0
        return RAIL_NAMES[moved or self.head.rail]


@dataclass(slots=True)
class Command:
    """What one command of an entry left in the rows."""

    journal: list[JournalEntry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    heads: list[PayoutHead] = field(default_factory=list)
    changes: list[tuple[tuple[int, int], PayoutStatus]] = field(default_factory=list)


class Auditor:
    """The books, folded from rows. An AssertionError names invariant and command."""

    def __init__(self) -> None:
        self.index = 0
        self.ts_us = 0
        self.seq = 0
        self.balances: dict[Name, int] = defaultdict(int)
        self.books: dict[bytes, Any] = {}
        self.minimums: dict[bytes, int] = {}
        self.chains: dict[bytes, tuple[int, Position]] = {}
        self.payouts: dict[tuple[int, int], Payout] = {}
        self.by_id: dict[bytes, tuple[int, int]] = {}
        self.holds: dict[bytes, tuple[bytes, int]] = {}  # open: account, amount
        self.of_payouts: dict[tuple[str, Any], int] = defaultdict(int)
        self.stored: dict[Any, int] = defaultdict(int)  # by book, over stored rows
        self.rows: dict[tuple[Table, Any], int] = {}  # what each adds to `stored`
        self.used: set[bytes] = set()
        self.keys: dict[bytes, bytes] = {}
        self.last: Position = NONE
        self.where = "the beginning"

    def entry(self, index: int, ts_us: int, tables: Sequence[TableRows]) -> None:
        """Check the rows of the next entry, command by command, then the tables they leave."""
        self.where = f"entry {index}"
        self.check("I11", index == self.index + 1, f"it follows entry {self.index}")
        self.check("I11", ts_us > self.ts_us, f"{ts_us} follows {self.ts_us}")
        self.index, self.ts_us = index, ts_us
        rows = {table.table: table.rows for table in tables}
        accounts = [records.decode_account(*row) for row in rows.get(Table.ACCOUNT, [])]
        for account in accounts:
            self.minimums.setdefault(account.account_id, account.min_balance_minor)
            self.books.setdefault(account.account_id, account.book)
        for ordinal, command in sorted(self._by_command(rows).items()):
            self.where = f"command {index}.{ordinal}"
            self._command(command)
        self.where = f"entry {index}"
        self._stored(accounts, rows)

    def check(self, invariant: str, holds: bool, found: object = "") -> None:
        """Stop if `holds` is false."""
        if not holds:
            raise AssertionError(f"{invariant} at {self.where}: {found}")

    # The rows of an entry, by command

    def _by_command(
        self, rows: dict[Table, list[tuple[bytes, bytes]]]
    ) -> dict[int, Command]:
        found: dict[int, Command] = defaultdict(Command)
        for row in rows.get(Table.JOURNAL, []):
            entry = records.decode_journal(*row)
            found[self._ordinal(entry.position)].journal.append(entry)
        for row in rows.get(Table.EVENT, []):
            event = records.decode_event(*row)
            found[self._ordinal(event.position)].events.append(event)
        for row in rows.get(Table.PAYOUT, []):
            head = records.decode_payout(*row)
            found[self._ordinal((*head.position, 0))].heads.append(head)
        for position, status in self._changes(rows):
            found[self._ordinal(status.last_entry)].changes.append((position, status))
        for command in found.values():
            command.changes.sort(key=lambda change: change[1].last_entry)
        return found

    def _ordinal(self, position: Position) -> int:
        self.check("I11", position[0] == self.index, f"a row of {position}")
        return position[1]

    def _changes(
        self, rows: dict[Table, list[tuple[bytes, bytes]]]
    ) -> Iterable[tuple[tuple[int, int], PayoutStatus]]:
        """Every change of a payout in this entry: the rows that stayed, and those in between."""
        for key, value in rows.get(Table.PAYOUT_STATE, []):
            yield records.position_of(key), records.decode_payout_status(key, value)
        for key, value in rows.get(Table.PAYOUT_PAST, []):
            _, position = records.payout_past_of(key)
            before = records.decode_payout_past(key, value)
            if before.last_entry[0] == self.index:
                yield position, before
            else:
                known = self.payouts[position].status
                self.check("I9", before == known, f"{position} was {known}")

    # One command

    def _command(self, command: Command) -> None:
        touched: set[bytes] = set()
        internals: set[Name] = set()
        for entry in command.journal:
            self._journal(entry, touched, internals)
        for head in command.heads:
            touched.add(head.account_id)
            self._made(head, command.events)
        for position, status in command.changes:
            touched.add(self.payouts[position].head.account_id)
            self._changed(position, status, command.events)
        for event in command.events:
            self._event(event, touched)

        books = {self.books[account_id] for account_id in touched}
        books |= {book for book, _, _ in internals}
        for account_id in touched:
            self._kept(account_id)
        for book in books:
            both = self.of_payouts["trial", book]
            self.check("I2", both == 0, f"debits less credits of {book} are {both}")
            fees = self.balances[book, K.PAYOUT_FEE, b""]
            expected = self.of_payouts["fee", book] + self.of_payouts["other", book]
            self.check("I6", fees == expected, f"{fees}, of payouts {expected}")
            for rail in RAIL_NAMES.values():
                moving = self.balances[book, K.IN_TRANSIT, rail]
                expected = self.of_payouts["in_transit", (book, rail)]
                self.check("I5", moving == expected, f"{moving}, payouts {expected}")
        for account_id in touched:
            moved = self.of_payouts["moved", account_id]
            claim = self.of_payouts["claim", account_id]
            self.check("I7", moved == claim, f"moved {moved}, by the states {claim}")

    def _kept(self, account_id: bytes) -> None:
        book = self.books[account_id]
        for kind, name in ((K.RESERVED, "reserved"), (K.HELD, "held")):
            found = self.balances[book, kind, account_id]
            expected = self.of_payouts[name, account_id]
            self.check("I4", found == expected, f"{name} {found}, open {expected}")

    def _journal(
        self, entry: JournalEntry, touched: set[bytes], internals: set[Name]
    ) -> None:
        self.check("I11", entry.position > self.last, f"{entry.position} is not next")
        self.last = entry.position
        amounts = [
            -leg.amount_minor if leg.side == Side.CREDIT else leg.amount_minor
            for leg in entry.legs
        ]
        self.check("I1", len(amounts) > 1 and sum(amounts) == 0, entry.legs)
        self.check("I1", all(leg.amount_minor > 0 for leg in entry.legs), entry.legs)
        for leg in entry.legs:
            kind, subject = leg.account.kind, leg.account.subject
            name = (entry.book, int(kind), subject)
            is_debit = leg.side == Side.DEBIT
            raises = is_debit == (kind in DEBIT_NORMAL)
            self.balances[name] += leg.amount_minor if raises else -leg.amount_minor
            self.of_payouts["trial", entry.book] += (
                leg.amount_minor if is_debit else -leg.amount_minor
            )
            if kind not in OWN:
                internals.add(name)
                if kind == K.PAYOUT_FEE and entry.reason not in OF_PAYOUTS:
                    sign = -1 if is_debit else 1
                    self.of_payouts["other", entry.book] += sign * leg.amount_minor
                continue
            self.check("I1", self.books.get(subject) == entry.book, entry)
            touched.add(subject)
            if entry.reason in OF_PAYOUTS:
                sign = -1 if is_debit else 1
                self.of_payouts["moved", subject] += sign * leg.amount_minor
        for leg in entry.legs:
            kind, subject = leg.account.kind, leg.account.subject
            balance = self.balances[entry.book, int(kind), subject]
            self.check("I3", abs(balance) <= BALANCE_MAX, leg)
            if kind in NEVER_NEGATIVE:
                self.check("I3", balance >= 0, f"{balance} after {leg}")
            if kind == K.AVAILABLE and leg.side == Side.DEBIT:
                least = self.minimums[subject]
                self.check("I3", balance >= least, f"{balance}, at least {least}")
        named = {leg.account.subject for leg in entry.legs if leg.account.kind in OWN}
        self.check("I8", named == {t.account_id for t in entry.touched}, entry)
        for told in entry.touched:
            number, last = self.chains.get(told.account_id, (0, NONE))
            self.check("I11", told.sequence == number + 1, f"{told} after {number}")
            self.check("I11", told.previous == last, f"{told} after {last}")
            self.chains[told.account_id] = told.sequence, entry.position
            fold = self._own(told.account_id)
            self.check("I8", told.balances == fold, f"{told.balances}, fold {fold}")

    def _own(self, account_id: bytes) -> tuple[int, ...]:
        book = self.books[account_id]
        return tuple(self.balances[book, kind, account_id] for kind in OWN)

    # Payouts

    def _made(self, head: PayoutHead, events: list[Event]) -> None:
        self.check("I9", head.payout_id not in self.by_id, f"{head} is there twice")
        self.check("I9", head.state in (SCHEDULED, REVIEW, READY), head)
        self.by_id[head.payout_id] = head.position
        payout = Payout(head, int(head.state), last=(*head.position, 0))
        self.payouts[head.position] = payout
        self._told(payout, payout.last, 0, events)
        self._count(payout, 1)

    def _changed(
        self, position: tuple[int, int], status: PayoutStatus, events: list[Event]
    ) -> None:
        payout = self.payouts[position]
        before, after = payout.state, int(status.state)
        self.check("I9", before == after or (before, after) in EDGES, (before, after))
        self.check("I9", status.sequence == payout.sequence + 1, status)
        self.check("I11", status.last_entry > payout.last, status)
        parts = (status.returned_minor, status.reversed_minor, status.absorbed_minor)
        is_within = min(parts) >= 0 and sum(parts) <= payout.head.amount_minor
        self.check("I14", is_within, status)
        self._count(payout, -1)
        payout.state, payout.sequence = after, status.sequence
        payout.last, payout.status = status.last_entry, status
        self._count(payout, 1)
        self._told(payout, status.last_entry, before, events)

    def _told(
        self, payout: Payout, at: Position, before: int, events: list[Event]
    ) -> None:
        """The feed says the same of the change as the rows of the payout."""
        told = [
            (event.state_before, event.state_after)
            for event in events
            if event.position == at and event.subject == payout.head.payout_id
        ]
        self.check("I9", told == [(before, payout.state)], f"{payout} told as {told}")

    def _count(self, payout: Payout, sign: int) -> None:
        account_id = payout.head.account_id
        book = self.books[account_id]
        shares = payout.shares()
        sums = self.of_payouts
        sums["reserved", account_id] += sign * shares.reserved
        sums["in_transit", (book, payout.rail)] += sign * shares.in_transit
        sums["fee", book] += sign * shares.fee
        sums["claim", account_id] += sign * shares.claim

    def _event(self, event: Event, touched: set[bytes]) -> None:
        self.check("I11", event.seq == self.seq + 1, f"event {event.seq}: {self.seq}")
        self.check("I11", event.ts_us == self.ts_us, event)
        self.seq = event.seq
        if event.kind == EventKind.HOLD_CREATED:
            ((account_id, _),) = event.accounts
            self.holds[event.subject] = account_id, event.amount_minor
            self.of_payouts["held", account_id] += event.amount_minor
            touched.add(account_id)
        if event.kind in HOLD_ENDS:
            self.check("I9", event.subject in self.holds, f"{event} of no open hold")
            account_id, amount = self.holds.pop(event.subject)
            self.of_payouts["held", account_id] -= amount
            touched.add(account_id)

    # What stands in the tables after the entry

    def _stored(
        self,
        accounts: list[Account],
        rows: dict[Table, list[tuple[bytes, bytes]]],
    ) -> None:
        for account in accounts:
            claim = sum(account.balances[:4]) - account.receivable_minor
            self._store(Table.ACCOUNT, account.account_id, account.book, -claim)
        internals = [
            (records.internal_of(key), records.decode_internal(key, value))
            for key, value in rows.get(Table.INTERNAL, [])
        ]
        for key, balance in internals:
            sign = 1 if key.account.kind in DEBIT_NORMAL else -1
            self._store(Table.INTERNAL, key, key.book, sign * balance)
        for book, both in self.stored.items():
            self.check("I2", both == 0, f"debits less credits of {book} are {both}")

        for account in accounts:
            found = (
                *account.balances,
                account.sequence,
                account.last_entry,
                account.min_balance_minor,
                account.book,
            )
            expected = (
                *self._own(account.account_id),
                *self.chains.get(account.account_id, (0, NONE)),
                self.minimums[account.account_id],
                self.books[account.account_id],
            )
            self.check("I8", found == expected, f"{account}, the journal {expected}")
        for key, balance in internals:
            fold = self.balances[key.book, int(key.account.kind), key.account.subject]
            self.check("I8", balance == fold, f"{key!r} {balance}, fold {fold}")
        written = {account.account_id for account in accounts}
        moved = {
            leg.account.subject
            for row in rows.get(Table.JOURNAL, [])
            for leg in records.decode_journal(*row).legs
            if leg.account.kind in OWN
        }
        self.check("I8", moved <= written, f"no row of {moved - written}")

        for key, _ in rows.get(Table.EVIDENCE, []):
            self.check("I9", key not in self.used, f"{key!r} is used twice")
            self.used.add(key)
        for key, value in rows.get(Table.RAIL_KEY, []):
            first = self.keys.setdefault(key, value)
            self.check("I9", first == value, f"rail key {key!r} of two payouts")
        for row in rows.get(Table.HOLD, []):
            hold = records.decode_hold(*row)
            known = hold.hold_id in self.holds
            self.check("I9", known == (hold.state == 1), f"{hold}, its events {known}")

    def _store(self, table: Table, key: Any, book: Any, amount: int) -> None:
        """Put what a stored row adds to the trial balance of its book."""
        self.stored[book] += amount - self.rows.get((table, key), 0)
        self.rows[table, key] = amount


class Follower:
    """A second node, which knows the entries by their bytes. digest: after the last one."""

    def __init__(self) -> None:
        self.view = MemoryView()
        self.digest = GENESIS_DIGEST

    def take(self, work: Sequence[Any], leader: MemoryLedger) -> bytes:
        """Apply the entry that `leader` has just applied; return the digest after it."""
        is_batch = all(isinstance(c, Submit) and c.terms == PLAIN for c in work)
        applied = apply(
            self.view,
            index=leader.index,
            ts_us=leader.ts_us,
            state_version=leader.state_version,
            work=columns(work) if is_batch else commands.decode(commands.encode(work)),
        )
        rows = records.encode_writes(applied.writes)
        self.view.write(rows)
        self.digest = digest_after(self.digest, rows, applied.outcomes)
        return self.digest


def digest_after(before: bytes, rows: Sequence[TableRows], outcomes: Outcomes) -> bytes:
    """The digest after an entry that wrote `rows` and gave these answers."""
    answers = sha256(records.encode_outcomes(outcomes)).digest()
    return next_digest(before, map(laid_out, rows), answers)
