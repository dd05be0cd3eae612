"""Reading state/ beside the writer: short read transactions, each one consistent at one index.

`read` opens one, hands a `StateReader` to a function, and ends it. Call it in a reader thread: a
page fault waits for the disk. Readers see what was committed, never the open write transaction.
Rows are bounded by the caller, for a long reader pins pages of the file (T72).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import lmdb

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.formats import records
from ledgerd.formats.leaves import Leaf
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import (
    Account,
    EntryPosition,
    InternalKey,
    Position,
)
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.events import Event
from ledgerd.ledger.exceptions import LedgerException
from ledgerd.ledger.fees import FeeSchedules
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.identity import IdKind, IdRecord, RequestRecord
from ledgerd.ledger.payouts import PayoutHead, PayoutState, PayoutStatus
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.ledger.view import LedgerView
from ledgerd.ledger.vouchers import Voucher
from ledgerd.limits import PAGE_ROWS_MAX
from ledgerd.raft.entries import Index
from ledgerd.raft.membership import Membership
from ledgerd.storage import (
    attention_pages,
    event_pages,
    history,
    journal_pages,
    trial,
)
from ledgerd.storage.attention_pages import AttentionPage, AttentionPoint
from ledgerd.storage.environment import Environment
from ledgerd.storage.event_pages import EventPage, EventPoint, EventRange
from ledgerd.storage.history import Line, Standing
from ledgerd.storage.journal_pages import JournalPage
from ledgerd.storage.log_pages import LogPage, log_page
from ledgerd.storage.state_store import view_of
from ledgerd.storage.tables import Tables
from ledgerd.storage.trial import Sums, TrialBook

Result = TypeVar("Result")

SCAN_ROWS_MAX: Final = 20_000  # looked at for one page, about 100 ms


@dataclass(frozen=True, slots=True)
class PayoutFound:
    """A payout: its head, and its status if anything changed since the submit."""

    head: PayoutHead
    status: PayoutStatus | None

    @property
    def state(self) -> PayoutState:
        """The state it is in."""
        return self.head.state if self.status is None else self.status.state

    @property
    def updated_index(self) -> int:
        """Index of the last entry that changed it, its own before the first change."""
        return (
            self.head.position[0] if self.status is None else self.status.last_entry[0]
        )

    @property
    def updated_ts_us(self) -> int:
        """Log time of that entry, microseconds."""
        return self.head.ts_us if self.status is None else self.status.ts_us


@dataclass(frozen=True, slots=True)
class PayoutRefused:
    """A spent id: its submit was refused. `record` has code, position and log time."""

    payout_id: bytes
    record: IdRecord


PayoutLookup: TypeAlias = PayoutFound | PayoutRefused | None


@dataclass(frozen=True, slots=True)
class PayoutPage:
    """A page of payouts in order of position.

    next_after: what to pass as `after` for the next page; None at the end.
    scanned: rows looked at.
    """

    payouts: list[PayoutFound]
    next_after: Position | None
    scanned: int


@dataclass(frozen=True, slots=True)
class TakeablePage:
    """Payouts of one rail that a worker may take, in order of position.

    next_after: as in `PayoutPage`; a page may be short and still have a next one.
    """

    payouts: list[PayoutFound]
    next_after: Position | None


@dataclass(frozen=True, slots=True)
class AccountPage:
    """A page of accounts in order of id; fields as in `PayoutPage`."""

    accounts: list[Account]
    next_after: bytes | None
    scanned: int


@dataclass(frozen=True, slots=True)
class HoldPage:
    """A page of holds in order of position, as they are now; fields as in `PayoutPage`."""

    holds: list[Hold]
    next_after: Position | None
    scanned: int


@dataclass(frozen=True, slots=True)
class VoucherPage:
    """A page of vouchers in order of id, as they are now; fields as in `PayoutPage`."""

    vouchers: list[Voucher]
    next_after: bytes | None
    scanned: int


def read(environment: Environment, query: Callable[["StateReader"], Result]) -> Result:
    """Return what `query` finds in one read transaction. Any thread that may wait for the disk.

    Errors: CorruptionError for a damaged row; StorageError when LMDB fails. The reader must not
    leave `query`.
    """
    try:
        with environment.reading(), environment.state.begin() as transaction:
            return query(StateReader(Tables(environment, transaction), environment))
    except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError) as error:
        raise CorruptionError(f"reading state/: {error}") from error
    except lmdb.Error as error:
        raise StorageError(f"reading state/: {error}") from error


class StateReader:
    """State as it is visible at one applied index. Valid inside `read` only."""

    def __init__(self, tables: Tables, environment: Environment) -> None:
        self._tables = tables
        self._environment = environment
        self._applied = tables.applied()

    def ledger(self) -> LedgerView:
        """Return the state as apply reads it. What a dry run writes is for nobody."""
        return view_of(self._tables)

    def applied(self) -> Index:
        """Return the applied index that this reader sees."""
        return self._applied.index

    def log_time_us(self) -> int:
        """Return the log time at `applied()`, microseconds; 0 before the first entry."""
        return self._applied.log_time_us

    def membership(self) -> Membership:
        """Return the membership in force; NOBODY before any entry set one."""
        return self._tables.membership()

    def digest(self) -> bytes:
        """Return the rolling digest at `applied()`."""
        return self._applied.digest

    def account(self, account_id: bytes) -> Account | None:
        """Return an account."""
        return self._tables.account(account_id)

    def accounts_page(
        self,
        *,
        after: bytes | None,
        rows_max: int,
        keep: Callable[[Account], bool] | None = None,
        scan_max: int = SCAN_ROWS_MAX,
    ) -> AccountPage:
        """Return accounts with ids above `after`, at most `rows_max` of those that `keep` keeps."""
        assert 1 <= rows_max <= PAGE_ROWS_MAX, rows_max
        start = b"" if after is None else _successor(after)
        found: list[Account] = []
        scanned = 0
        last = b""
        for key, value in self._tables.scan(Table.ACCOUNT, start=start):
            if len(found) == rows_max or scanned == scan_max:
                return AccountPage(found, last, scanned)
            last = key
            scanned += 1
            account = records.decode_account(key, value)
            if keep is None or keep(account):
                found.append(account)
        return AccountPage(found, None, scanned)

    def payout(self, payout_id: bytes) -> PayoutLookup:
        """Return the payout with this id, why it was refused, or None for an id never used."""
        record = self._tables.id(IdKind.PAYOUT, payout_id)
        if record is None:
            return None
        if record.refusal:
            return PayoutRefused(payout_id, record)
        position = record.index, record.ordinal
        head = self._tables.payout_head(position)
        if head is None or head.payout_id != payout_id:
            raise CorruptionError(
                f"state/, table id, key {payout_id.hex()}: it points to position {position}, "
                f"where {'no payout' if head is None else 'another payout'} is"
            )
        return PayoutFound(head, self._tables.payout_status(position))

    def payouts_page(
        self,
        *,
        after: Position | None,
        bound: Index,
        rows_max: int,
        keep: Callable[[PayoutFound], bool] | None = None,
        scan_max: int = SCAN_ROWS_MAX,
    ) -> PayoutPage:
        """Return payouts above position `after` that entries up to `bound` made.

        Each payout is shown as it was at `bound`, however often it changed since. Rows of payouts
        and steps back from one change to the one before are counted together: a page that has
        looked at `scan_max` of them ends after that payout. A page may be short, or empty, and
        still have a next one.
        """
        assert 1 <= rows_max <= PAGE_ROWS_MAX, rows_max
        start = b"" if after is None else _successor(records.position_key(after))
        found: list[PayoutFound] = []
        scanned = steps = 0
        last: Position = (0, 0)
        for key, value in self._tables.scan(Table.PAYOUT, start=start):
            position = records.position_of(key)
            if position[0] > bound:
                break
            if len(found) == rows_max or scanned + steps >= scan_max:
                return PayoutPage(found, last, scanned)
            last = position
            scanned += 1
            status, back = history.status_at(self._tables, position, bound)
            steps += back
            payout = PayoutFound(records.decode_payout(key, value), status)
            if keep is None or keep(payout):
                found.append(payout)
        return PayoutPage(found, None, scanned)

    def hold(self, hold_id: bytes) -> Hold | None:
        """Return the hold with this id; None for an id never used, or refused."""
        record = self._tables.id(IdKind.HOLD, hold_id)
        if record is None or record.refusal:
            return None
        return self._tables.hold((record.index, record.ordinal))

    def holds_page(
        self,
        *,
        after: Position | None,
        bound: Index,
        rows_max: int,
        keep: Callable[[Hold], bool],
        scan_max: int = SCAN_ROWS_MAX,
    ) -> HoldPage:
        """Return holds above position `after` that entries up to `bound` made, as they are."""
        assert 1 <= rows_max <= PAGE_ROWS_MAX, rows_max
        start = b"" if after is None else _successor(records.position_key(after))
        found: list[Hold] = []
        scanned = 0
        last: Position = (0, 0)
        for key, value in self._tables.scan(Table.HOLD, start=start):
            position = records.position_of(key)
            if position[0] > bound:
                break
            if len(found) == rows_max or scanned == scan_max:
                return HoldPage(found, last, scanned)
            last = position
            scanned += 1
            hold = records.decode_hold(key, value)
            if keep(hold):
                found.append(hold)
        return HoldPage(found, None, scanned)

    def voucher(self, voucher_id: bytes) -> Voucher | None:
        """Return a voucher."""
        return self._tables.voucher(voucher_id)

    def vouchers_page(
        self,
        *,
        after: bytes | None,
        rows_max: int,
        keep: Callable[[Voucher], bool],
        scan_max: int = SCAN_ROWS_MAX,
    ) -> VoucherPage:
        """Return vouchers with ids above `after`, at most `rows_max` that `keep` keeps."""
        assert 1 <= rows_max <= PAGE_ROWS_MAX, rows_max
        start = b"" if after is None else _successor(after)
        found: list[Voucher] = []
        scanned = 0
        last = b""
        for key, value in self._tables.scan(Table.VOUCHER, start=start):
            if len(found) == rows_max or scanned == scan_max:
                return VoucherPage(found, last, scanned)
            last = key
            scanned += 1
            voucher = records.decode_voucher(key, value)
            if keep(voucher):
                found.append(voucher)
        return VoucherPage(found, None, scanned)

    def payouts_of(self, payout_ids: Sequence[bytes]) -> list[PayoutFound]:
        """Return those of the payouts that exist, in the order asked."""
        found = [self.payout(payout_id) for payout_id in payout_ids]
        return [payout for payout in found if isinstance(payout, PayoutFound)]

    def takeable(
        self,
        rails: Sequence[int],
        rows_max: int,
        *,
        keep: Callable[[PayoutFound], bool] = lambda found: True,
        scan_max: int = SCAN_ROWS_MAX,
    ) -> list[PayoutFound]:
        """Return payouts that a worker may take, oldest first by rail; rails (): of all.

        keep: which of them; the others hide none.

        READY ones, and DISPATCHING ones whose lease has lapsed. None has an open exception.
        """
        found: list[PayoutFound] = []
        wanted = frozenset(rails)
        scanned = 0
        for key, value in self._tables.scan(Table.READY):
            rail, index = records.ready_of(key)
            if wanted and rail not in wanted:
                continue
            for ordinal in records.decode_ready(key, value):
                if len(found) == rows_max or scanned == scan_max:
                    return found
                scanned += 1
                payout = self._takeable(key, (index, ordinal))
                if payout is not None and keep(payout):
                    found.append(payout)
        return found

    def takeable_page(
        self,
        rail: int,
        *,
        after: Position | None,
        rows_max: int,
        scan_max: int = SCAN_ROWS_MAX,
    ) -> TakeablePage:
        """Return payouts of one rail that a worker may take, oldest first.

        after: a position behind which the page begins; None: with the oldest.
        """
        found: list[PayoutFound] = []
        last = after or (0, 0)
        scanned = 0
        start = records.ready_key(rail, last[0])
        for key, value in self._tables.scan(Table.READY, start=start):
            of, index = records.ready_of(key)
            if of != rail:
                break
            for ordinal in records.decode_ready(key, value):
                position = (index, ordinal)
                if after is not None and position <= after:
                    continue
                if len(found) == rows_max or scanned == scan_max:
                    return TakeablePage(found, last)
                scanned += 1
                last = position
                payout = self._takeable(key, position)
                if payout is not None:
                    found.append(payout)
        return TakeablePage(found, None)

    def attention_page(
        self, *, after: AttentionPoint | None, scan_max: int
    ) -> AttentionPage:
        """Return a page of what needs attention; see `attention_pages`."""
        return attention_pages.attention_page(
            self._tables, after=after, scan_max=scan_max
        )

    def _takeable(self, key: bytes, position: Position) -> PayoutFound | None:
        """Return a payout of `ready`; None while an exception of it is open."""
        head = self._tables.payout_head(position)
        if head is None:
            raise CorruptionError(
                f"state/, table ready, key {key.hex()}: no payout at ordinal {position[1]}"
            )
        payout = PayoutFound(head, self._tables.payout_status(position))
        is_stopped = payout.status is not None and payout.status.open_exceptions > 0
        return None if is_stopped else payout

    def scheduled_page(
        self, *, after: Timer | None, rows_max: int, scan_max: int = SCAN_ROWS_MAX
    ) -> tuple[list[PayoutFound], Timer | None]:
        """Return scheduled payouts behind a timer, in the order in which they are let go.

        With them the timer behind which the next page begins; None behind the last one.
        """
        found: list[PayoutFound] = []
        start = b"" if after is None else records.timer_key(after) + b"\0"
        for scanned, (key, value) in enumerate(
            self._tables.scan(Table.TIMER, start=start), 1
        ):
            timer = records.timer_of(key, value)
            if timer.kind is TimerKind.RELEASE:
                head = self._tables.payout_head(timer.position)
                if head is None:
                    raise CorruptionError(
                        f"state/, table timer, key {key.hex()}: no payout there"
                    )
                found.append(
                    PayoutFound(head, self._tables.payout_status(head.position))
                )
            if len(found) == rows_max or scanned == scan_max:
                return found, timer
        return found, None

    def exceptions_page(
        self,
        *,
        after: Position,
        rows_max: int,
        with_resolved: bool,
        scan_max: int = SCAN_ROWS_MAX,
    ) -> tuple[list[tuple[LedgerException, bytes]], bool]:
        """Return exceptions above a position with the ids of their payouts, and if there are more.

        The id is b"" where an exception has no payout.
        """
        found: list[tuple[LedgerException, bytes]] = []
        start = _successor(records.position_key(after))
        for scanned, (key, value) in enumerate(
            self._tables.scan(Table.EXCEPTION, start=start)
        ):
            if len(found) == rows_max or scanned == scan_max:
                return found, True
            row = records.decode_exception(key, value)
            if not (row.is_open or with_resolved):
                continue
            head = self._tables.payout_head(row.payout) if row.payout[0] else None
            found.append((row, b"" if head is None else head.payout_id))
        return found, False

    def request(self, request_id: bytes) -> RequestRecord | None:
        """Return what is kept of a request id."""
        return self._tables.request(request_id)

    def id(self, kind: IdKind, id_: bytes) -> IdRecord | None:
        """Return what is kept of an id."""
        return self._tables.id(kind, id_)

    def internals(self) -> dict[InternalKey, int]:
        """Return all internal balances on their normal sides, minor units."""
        return self._tables.internals()

    def catalogue(self) -> Catalogue:
        """Return all versions of rails and calendars, and what is suspended."""
        return self._tables.catalogue()

    def policy(self) -> Policy:
        """Return all versions of limits, rules, roles and retired currencies."""
        return self._tables.policy()

    def fee_schedules(self) -> FeeSchedules:
        """Return all versions of the fee schedule."""
        return self._tables.fee_schedules()

    def event_seq(self) -> int:
        """Return the seq of the last event."""
        return self._tables.event_seq()

    def events_kept(self) -> EventRange:
        """Return the numbers of the oldest and of the newest event."""
        return event_pages.event_range(self._tables)

    def event(self, seq: int) -> Event | None:
        """Return the event of this number, None if it is not kept."""
        return event_pages.event(self._tables, seq)

    def events_page(
        self,
        point: EventPoint,
        *,
        rows_max: int,
        scan_max: int,
        keep: Callable[[Event], bool] | None = None,
    ) -> EventPage:
        """Return the events behind `point`; see `event_pages`."""
        return event_pages.event_page(
            self._tables, point, rows_max=rows_max, scan_max=scan_max, keep=keep
        )

    def tree_first_index(self) -> int:
        """Return the index of the first leaf of the audit tree; 0 before there is one."""
        first = self._tables.leaf(0)
        return 0 if first is None else first.index

    def leaf(self, number: int) -> Leaf:
        """Return a leaf that exists. A missing one is a CorruptionError."""
        leaf = self._tables.leaf(number)
        if leaf is None:
            raise CorruptionError(f"state/, table {Table.TREE}: no leaf {number}")
        return leaf

    def tree_node(self, level: int, number: int) -> bytes:
        """Return the root of a complete subtree of the audit tree."""
        return self._tables.tree_node(level, number)

    def log_page(self, first: Index, last: Index) -> LogPage:
        """Return log entries from `first` on, none behind `last`, which is applied here."""
        assert last <= self.applied(), (last, self.applied())
        return log_page(self._environment, first, last)

    def payout_rows(self, index: Index) -> list[tuple[bytes, bytes]]:
        """Return the rows of all payouts that the entry at `index` made, in order."""
        start = records.position_key((index, 0))
        found: list[tuple[bytes, bytes]] = []
        for key, value in self._tables.scan(Table.PAYOUT, start=start):
            if records.position_of(key)[0] != index:
                break
            records.decode_payout(key, value)  # a receipt never shows a damaged row
            found.append((bytes(key), bytes(value)))
        return found

    def journal_page(
        self, after: EntryPosition, *, bound: Index, rows_max: int
    ) -> JournalPage:
        """Return journal entries behind `after`, of log entries up to `bound`."""
        return journal_pages.journal_page(
            self._tables, after, bound=bound, rows_max=rows_max
        )

    def standing_at(self, account: Account, index: Index) -> Standing:
        """Return what `account`, as read here, had at `index`; see `history`."""
        return history.standing_at(self._tables, account, index)

    def lines(self, account: Account, *, first: int, last: int) -> list[Line]:
        """Return the entries of `account`, as read here, numbered `first` .. `last`."""
        return history.lines(self._tables, account, first=first, last=last)

    def index_at(self, time_us: int) -> Index:
        """Return up to which index the log had come at log time `time_us`; see `history`."""
        return history.index_at(self._tables, time_us, self.applied())

    def sums(self) -> Sums:
        """Return the sums of all balances. Scans all accounts."""
        accounts = (
            records.decode_account(key, value)
            for key, value in self._tables.scan(Table.ACCOUNT)
        )
        return trial.sums_of(accounts, self._tables.internals())

    def opened_by(self, index: Index) -> Sums:
        """Return the accounts that were open at `index`, without money. Scans all of them."""
        return trial.opened_by(self._tables, index)

    def add_journal(
        self,
        sums: Sums,
        *,
        after: EntryPosition,
        last: Index,
        sign: int,
        rows_max: int,
    ) -> EntryPosition | None:
        """Add a piece of the journal to `sums`; see `trial`."""
        return trial.add_journal(
            self._tables, sums, after=after, last=last, sign=sign, rows_max=rows_max
        )

    def trial_balance(self) -> list[TrialBook]:
        """Return the trial balance of every book, sorted. Scans all accounts."""
        return trial.trial_balance(self.sums())


def _successor(key: bytes) -> bytes:
    """Return the smallest key above `key`."""
    return key + b"\x00"
