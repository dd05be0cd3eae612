"""Offline verification of a stopped node: everything that can be recomputed is, and compared.

    log     every value's checksum, index, chain link and order; the hard state twins
    rows    every row of state/: its checksum; I2 trial balance, I4 to I7 sums over payouts, I8
            fold, I11 dense sequences of events and of each account, I13 windows
    replay  the whole log folded again into an empty state: digest and every row must be equal;
            not where the log was cut, for its beginning is gone (F27); there each row is looked
            at beside those that lead to it (`ties`)

Nothing is repaired, and the directory is not written to. Damage does not stop the check: it becomes
a `Finding` that says where and what, and the check goes on where that makes sense.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import lmdb

from ledgerd.errors import CorruptionError, LedgerdError
from ledgerd.formats import leaves, memberships, records
from ledgerd.formats.entries import decode, link_of
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import (
    CUSTOMER_KINDS,
    NO_ENTRY,
    Account,
    AccountKind,
    AccountStatus,
    Book,
    EntryPosition,
    InternalKey,
    LedgerAccount,
    normal_side,
)
from ledgerd.ledger.events import Event
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.journal import JournalEntry, Touched
from ledgerd.ledger.money import currency_code
from ledgerd.ledger.payouts import UNDER_WAY
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.sums import PayoutSums
from ledgerd.ledger.window_sums import WindowSums
from ledgerd.ledger.windows import WindowKey, WindowUse
from ledgerd.raft.entries import GENESIS_ANCHOR, Anchor, Entry, Index, NodeId
from ledgerd.replica.fold import fold
from ledgerd.storage import keys
from ledgerd.storage.applied import NOTHING, Applied
from ledgerd.storage.environment import Environment, open_directory
from ledgerd.storage.log_store import stored_anchor, stored_hard_state
from ledgerd.storage.rows import check_row, check_tree_row
from ledgerd.storage.state_store import LmdbStateStore
from ledgerd.storage.tables import Tables
from ledgerd.storage.trial import TrialBook, sums_of, trial_balance

FINDINGS_MAX: Final = 1_000  # kept; more are only counted
COMMIT_ENTRIES: Final = 256  # of the replay, in one transaction
_PROGRESS_ROWS: Final = 512  # between two reports of progress


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong where. place: environment, table, and index or key in hexadecimal."""

    place: str
    what: str


@dataclass(slots=True)
class Report:
    """The result of a check.

    findings: the first `FINDINGS_MAX`; findings_count: all of them.
    first_index, last_index: of the log. applied_index, digest: of state/.
    rows: how many each table has.
    books: the trial balance.
    is_replayed: whether the log was folded again; not where the log itself is damaged, or begins
        late.
    """

    findings: list[Finding] = field(default_factory=list)
    findings_count: int = 0
    first_index: int = 1
    last_index: int = 0
    applied_index: int = 0
    digest: bytes = b""
    rows: dict[str, int] = field(default_factory=dict)
    books: list[TrialBook] = field(default_factory=list)
    is_replayed: bool = False
    places: set[str] = field(default_factory=set)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return self.findings_count == 0

    def add(self, place: str, what: str) -> None:
        """Note something wrong; once per place, for one damage is seen from several sides."""
        if place in self.places:
            return
        self.places.add(place)
        self.findings_count += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(place, what))


# Told (stage, done, total) as the check goes on.
Progress = Callable[[str, int, int], None]


def check(environment: Environment, progress: Progress = lambda *_: None) -> Report:
    """Verify everything in an open data directory that no node uses."""
    report = Report()
    log_is_intact = _check_log(environment, report, progress)
    with environment.state.begin() as transaction:
        tables = Tables(environment, transaction)
        applied = _check_applied(environment, tables, report)
        _check_rows(tables, applied, report, progress)
        is_whole = log_is_intact and report.first_index == 1
        if is_whole and applied.index <= report.last_index:
            _check_replay(environment, tables, applied, report, progress)
            report.is_replayed = True
        else:
            _check_ties(tables, report)
    return report


# log/


def _check_log(environment: Environment, report: Report, progress: Progress) -> bool:
    """Check all entries and the hard state. Return whether the entries can be replayed."""
    before = report.findings_count
    last: Entry | None = None
    total = _entry_count(environment)
    anchor = _anchor(environment, report)
    report.first_index = anchor.at + 1
    for entry in _entries(environment, report, anchor):
        last = entry
        if entry.index % _PROGRESS_ROWS == 0:
            progress("log", entry.index - anchor.at, total)
    progress("log", total, total)
    report.last_index = anchor.at if last is None else last.index
    is_intact = report.findings_count == before

    try:
        hard_state = stored_hard_state(environment)
    except CorruptionError as error:
        report.add("log/ hard state", str(error))
        return is_intact
    if hard_state.commit > report.last_index:
        report.add(
            "log/ hard state",
            f"index {hard_state.commit} was committed, but the log ends at "
            f"{report.last_index}: entries are lost (T11)",
        )
    last_term = anchor.id.term if last is None else last.term
    if last_term > hard_state.term:
        report.add(
            "log/ hard state",
            f"its term is {hard_state.term}, but the last entry is of term {last_term}: "
            "an older hard state was put back (T4)",
        )
    return is_intact


def _anchor(environment: Environment, report: Report) -> Anchor:
    """Return where the log begins; where that is damaged, at its beginning."""
    try:
        return stored_anchor(environment)
    except CorruptionError as error:
        report.add("log/ table meta key anchor", str(error))
        return GENESIS_ANCHOR


def _entry_count(environment: Environment) -> int:
    with environment.log.begin() as transaction:
        return transaction.stat(environment.log_tables[keys.ENTRIES])["entries"]


def _entries(
    environment: Environment, report: Report, anchor: Anchor
) -> Iterator[Entry]:
    """Yield the intact entries in order; note each that is missing, damaged or not linked."""
    previous: Anchor | None = anchor
    expected = anchor.at + 1
    table = environment.log_tables[keys.ENTRIES]
    try:
        with environment.log.begin() as transaction:
            for key, value in transaction.cursor(table).iternext():
                index = keys.index_of(key)
                place = f"log/ table entries index {index}"
                if index != expected:
                    report.add(
                        f"log/ table entries index {expected}",
                        f"{index - expected} entries are missing before index {index}",
                    )
                    previous = None
                expected = index + 1
                decoded = decode(value, index)
                if decoded.entry is None:
                    report.add(place, f"{decoded.verdict.value}: {decoded.reason}")
                    previous = None
                    continue
                entry = decoded.entry
                if previous is not None:
                    _check_successor(previous, entry, place, report)
                previous = Anchor(entry.id, entry.link, entry.ts_us)
                yield entry
    except lmdb.Error as error:
        report.add(f"log/ table entries index {expected}", f"unreadable: {error}")


def _check_successor(
    previous: Anchor, entry: Entry, place: str, report: Report
) -> None:
    """Check what holds between two neighbours: link, term and log time."""
    if link_of(previous.link, entry) != entry.link:
        report.add(place, "it does not link to its predecessor")
    if entry.term < previous.id.term:
        report.add(place, f"its term {entry.term} is below its predecessor's")
    if entry.ts_us <= previous.ts_us:
        report.add(place, f"its log time {entry.ts_us} us does not rise (I11)")


# state/


def _check_applied(environment: Environment, tables: Tables, report: Report) -> Applied:
    """Check that state/ is the fold of a prefix of this log."""
    place = "state/ table meta key applied"
    try:
        applied = tables.applied()
    except CorruptionError as error:
        report.add(place, str(error))
        return NOTHING
    report.applied_index = applied.index
    report.digest = applied.digest
    if applied.index > report.last_index:
        report.add(
            place,
            f"index {applied.index} was applied, but the log ends at {report.last_index}: "
            "entries are lost",
        )
        return applied

    anchor = _anchor(environment, report)
    if applied.index < anchor.at:
        report.add(
            place,
            f"index {applied.index} was applied, but the log starts at {anchor.at + 1}: what "
            "lies between is lost",
        )
        return applied
    term, link = anchor.id.term, anchor.link
    if applied.index > anchor.at:
        with environment.log.begin() as transaction:
            value = transaction.get(
                keys.index_key(applied.index), db=environment.log_tables[keys.ENTRIES]
            )
        entry = None if value is None else decode(value, applied.index).entry
        if entry is None:
            return applied
        term, link = entry.term, entry.link
    if (term, link) != (applied.term, applied.link):
        report.add(
            place,
            f"state/ is the fold of another log: at index {applied.index} links differ",
        )
    return applied


def _check_rows(
    tables: Tables, applied: Applied, report: Report, progress: Progress
) -> None:
    """Read every row with its checksum, and compare what can be computed from other rows."""
    report.rows = {table.value: tables.count(table) for table in Table}
    books = _Books(applied.index, report, _policy(tables))
    total = sum(report.rows.values())
    done = 0
    for table in Table:
        try:
            for key, value in tables.scan(table):
                done += 1
                if done % _PROGRESS_ROWS == 0:
                    progress("rows", done, total)
                try:
                    books.take(tables, table, key, value)
                except CorruptionError as error:
                    report.add(_place(table, key), str(error))
        except CorruptionError as error:
            report.add(f"state/ table {table}", str(error))
    books.compare()
    report.books = trial_balance(sums_of(books.accounts.values(), books.internals))
    for book in report.books:
        if not book.is_balanced:
            report.add(
                f"state/ book {_book_name(book.book)}",
                f"debits {book.debit_minor} and credits {book.credit_minor} minor units "
                "differ (I2)",
            )
    progress("rows", total, total)


def _policy(tables: Tables) -> Policy:
    """Return limits and rules; none where a version is damaged, which its own row reports."""
    try:
        return tables.policy()
    except CorruptionError:
        return Policy()


class _Books:
    """What is gathered in one pass over all rows, and compared at its end."""

    def __init__(self, applied: Index, report: Report, policy: Policy) -> None:
        self.accounts: dict[bytes, Account] = {}
        self.internals: dict[InternalKey, int] = {}
        self._applied = applied
        self._report = report
        self._folded: dict[InternalKey, int] = {}
        self._touched: dict[bytes, Touched] = {}
        self._last_entries: dict[bytes, EntryPosition] = {}
        self._sums = PayoutSums()
        self._window_sums = WindowSums(policy)
        self._windows: dict[WindowKey, WindowUse] = {}
        self._frozen_stored: dict[str, int] = {}
        self._held: dict[bytes, int] = {}
        self._under_way: dict[bytes, int] = {}
        self._under_way_stored: dict[bytes, int] = {}
        self._event_seq = 0
        self._event_seq_stored = 0
        self._leaves = 0
        self._first_leaf = 0

    def take(self, tables: Tables, table: Table, key: bytes, value: bytes) -> None:
        """Decode one row, checksum included, and add it up.

        Errors: CorruptionError when it is damaged.
        """
        match table:
            case Table.PAYOUT:
                self._payout(tables, key, value)
            case Table.PAYOUT_STATE:
                status = records.decode_payout_status(key, value)
                self._within(table, key, status.last_entry[0])
            case Table.JOURNAL:
                self._journal(key, records.decode_journal(key, value))
            case Table.EVENT:
                self._event(key, records.decode_event(key, value))
            case Table.EVENT_SEEK:
                records.decode_event_seek(key, value)
            case Table.ACCOUNT:
                self.accounts[key] = records.decode_account(key, value)
            case Table.ACCOUNT_MARK:
                records.decode_account_mark(key, value)
            case Table.INTERNAL:
                internal = records.internal_of(key)
                self.internals[internal] = records.decode_internal(key, value)
            case Table.ID:
                self._within(table, key, records.decode_id(key, value).index)
            case Table.REQUEST:
                self._within(table, key, records.decode_request(key, value).index)
            case Table.EVIDENCE:
                self._evidence(key, value)
            case Table.RAIL_KEY:
                self._within(table, key, records.decode_rail_key(key, value)[0])
            case Table.EXCEPTION:
                exception = records.decode_exception(key, value)
                self._within(table, key, exception.changed[0])
            case Table.READY:
                records.decode_ready(key, value)
                self._within(table, key, records.ready_of(key)[1])
            case Table.REVERSAL:
                records.decode_reversal(key, value)
            case Table.HOLD:
                self._hold(tables, key, value)
            case Table.UNDER_WAY:
                self._under_way_stored[key] = records.decode_under_way(key, value)
            case Table.VOUCHER:
                voucher = records.decode_voucher(key, value)
                self._within(table, key, voucher.changed[0])
            case Table.CONFIG:
                setting = records.decode_setting(key, value)
                if isinstance(setting, RailRecord):
                    self._sums.rail(setting)
            case Table.WINDOW:
                self._window(key, value)
            case Table.TIMER:
                timer = records.timer_of(key, value)
                self._within(table, key, timer.position[0])
            case Table.META:
                if key == records.META_EVENT_SEQ:
                    self._event_seq_stored = records.decode_event_seq(key, value)
                elif key == memberships.META_MEMBERSHIP:
                    membership = memberships.decode_membership(value)
                    self._within(table, key, membership.index)
            case Table.PAYOUT_PAST:
                self._payout_past(tables, key, value)
            case Table.TREE:
                check_tree_row(tables, key, value)
                if leaves.tree_position(key)[0] == 0:
                    leaf = leaves.decode_leaf(key, value)
                    self._within(table, key, leaf.index)
                    self._leaves += 1
                    self._first_leaf = self._first_leaf or leaf.index

    def _payout_past(self, tables: Tables, key: bytes, value: bytes) -> None:
        """Compare what a payout was with what it is: its changes are numbered. # I9."""
        before = records.decode_payout_past(key, value)
        change, position = records.payout_past_of(key)
        self._within(Table.PAYOUT_PAST, key, change[0])
        now = tables.payout_status(position)
        if now is None or now.sequence <= before.sequence or now.last_entry < change:
            self._report.add(
                _place(Table.PAYOUT_PAST, key),
                f"expected a payout that changed after {before.sequence}, found {now}",
            )

    def _payout(self, tables: Tables, key: bytes, value: bytes) -> None:
        head = records.decode_payout(key, value)
        self._within(Table.PAYOUT, key, head.position[0])
        status = tables.payout_status(head.position)
        self._sums.payout(head, status)
        self._window_sums.payout(head, status)
        if status is not None and status.back_minor > head.amount_minor:
            self._report.add(
                _place(Table.PAYOUT_STATE, key),
                f"{status.back_minor} of {head.amount_minor} minor units came back (I14)",
            )
        state = head.state if status is None else status.state
        if state in UNDER_WAY:
            under_way = self._under_way.get(head.account_id, 0)
            self._under_way[head.account_id] = under_way + 1
        kept = tables.id(IdKind.PAYOUT, head.payout_id)
        if kept is None or kept.refusal or (kept.index, kept.ordinal) != head.position:
            self._report.add(
                _place(Table.ID, records.id_key(IdKind.PAYOUT, head.payout_id)),
                f"it does not lead to the payout at position {head.position}",
            )

    def _window(self, key: bytes, value: bytes) -> None:
        if key.startswith(records.KNOWN_PREFIX):
            records.known_of(key)
            position = records.decode_known(key, value)
            self._within(Table.WINDOW, key, position[0])
        elif key.startswith(records.FROZEN_PREFIX):
            owner = records.frozen_of(key)
            self._frozen_stored[owner] = records.decode_frozen(key, value)
        else:
            use = records.decode_window(key, value)
            self._windows[records.window_of(key)] = use

    def _hold(self, tables: Tables, key: bytes, value: bytes) -> None:
        hold = records.decode_hold(key, value)
        self._within(Table.HOLD, key, hold.changed[0])
        self._held[hold.account_id] = (
            self._held.get(hold.account_id, 0) + hold.held_minor
        )
        kept = tables.id(IdKind.HOLD, hold.hold_id)
        if kept is None or kept.refusal or (kept.index, kept.ordinal) != hold.position:
            self._report.add(
                _place(Table.ID, records.id_key(IdKind.HOLD, hold.hold_id)),
                f"it does not lead to the hold at position {hold.position}",
            )

    def _evidence(self, key: bytes, value: bytes) -> None:
        if key.startswith(records.EVIDENCE_PREFIX):
            used = records.decode_evidence(key, value).command
        else:
            used = records.decode_external_ref(key, value)
        self._within(Table.EVIDENCE, key, used[0])

    def _journal(self, key: bytes, entry: JournalEntry) -> None:
        self._within(Table.JOURNAL, key, entry.position[0])
        self._sums.entry(entry)
        for leg in entry.legs:
            sign = 1 if leg.side == normal_side(leg.account.kind) else -1
            account = InternalKey(entry.book, leg.account)
            self._folded[account] = (
                self._folded.get(account, 0) + sign * leg.amount_minor
            )
        for touched in entry.touched:
            before = self._touched.get(touched.account_id)
            sequence = 1 if before is None else before.sequence + 1
            previous = self._last_entries.get(touched.account_id, NO_ENTRY)
            if (touched.sequence, touched.previous) != (sequence, previous):
                self._report.add(
                    _place(Table.JOURNAL, key),
                    f"account {touched.account_id.hex()}: sequence {touched.sequence} after "
                    f"{touched.previous}, expected {sequence} after {previous} (I11)",
                )
            folded = tuple(
                self._folded.get(_customer_key(entry.book, touched.account_id, kind), 0)
                for kind in CUSTOMER_KINDS
            )
            if folded != tuple(touched.balances):
                self._report.add(
                    _place(Table.JOURNAL, key),
                    f"account {touched.account_id.hex()}: it states balances "
                    f"{tuple(touched.balances)}, the entries up to it give {folded} (I8)",
                )
            self._touched[touched.account_id] = touched
            self._last_entries[touched.account_id] = entry.position

    def _event(self, key: bytes, event: Event) -> None:
        self._within(Table.EVENT, key, event.position[0])
        self._event_seq += 1
        if event.seq != self._event_seq:
            self._report.add(
                _place(Table.EVENT, key),
                f"its seq is {event.seq}, expected {self._event_seq} (I11)",
            )
            self._event_seq = event.seq

    def _within(self, table: Table, key: bytes, index: int) -> None:
        if index > self._applied:
            self._report.add(
                _place(table, key),
                f"it is of index {index}, but only {self._applied} was applied",
            )

    def compare(self) -> None:
        """Compare what the rows add up to with what other rows state."""
        for account_id, account in self.accounts.items():
            self._compare_account(account_id, account)
        for key in sorted(self.internals.keys() | self._internals_folded()):
            stated, folded = self.internals.get(key, 0), self._folded.get(key, 0)
            if stated != folded:
                self._report.add(
                    f"{_place(Table.INTERNAL, records.internal_key(key))} "
                    f"({_book_name(key.book)} {key.account.name})",
                    f"balance {stated}, the journal gives {folded} minor units (I8)",
                )
        books = {id_: account.book for id_, account in self.accounts.items()}
        for difference in self._sums.differences(books, self.internals):
            self._report.add(
                f"state/ {difference.where}",
                f"the books say {difference.found_minor}, payouts "
                f"{difference.expected_minor} minor units ({difference.invariant})",
            )
        for window in self._window_sums.differences(self._windows):
            place = _place(Table.WINDOW, records.window_key(window.key))
            self._report.add(place, f"{window.what} (I13)")
        self._compare_frozen()
        if self._event_seq_stored != self._event_seq:
            self._report.add(
                _place(Table.META, records.META_EVENT_SEQ),
                f"event seq {self._event_seq_stored}, the last event has {self._event_seq}",
            )

        leaves_due = self._applied + 1 - self._first_leaf if self._first_leaf else 0
        if self._leaves != leaves_due:
            self._report.add(
                f"state/ table {Table.TREE}",
                f"{self._leaves} leaves, expected {leaves_due}: one for each applied entry from "
                f"{self._first_leaf} on",
            )

    def _compare_frozen(self) -> None:
        frozen: dict[str, int] = {}
        for account in self.accounts.values():
            if account.status is AccountStatus.FROZEN and account.owner_ref:
                frozen[account.owner_ref] = frozen.get(account.owner_ref, 0) + 1
        for owner in sorted(frozen.keys() | self._frozen_stored.keys()):
            stored, count = self._frozen_stored.get(owner, 0), frozen.get(owner, 0)
            if stored != count:
                self._report.add(
                    _place(Table.WINDOW, records.frozen_key(owner)),
                    f"{stored} accounts of the owner are said to be frozen, {count} are",
                )

    def _compare_account(self, account_id: bytes, account: Account) -> None:
        place = _place(Table.ACCOUNT, account_id)
        for kind, stated in zip(CUSTOMER_KINDS, account.balances, strict=True):
            folded = self._folded.get(_customer_key(account.book, account_id, kind), 0)
            if stated != folded:
                self._report.add(
                    place,
                    f"{kind.name.lower()} is {stated}, the journal gives {folded} minor "
                    "units (I8)",
                )
        reserved = self._sums.reserved.get(account_id, 0)
        if account.reserved_minor != reserved:
            self._report.add(
                place,
                f"reserved is {account.reserved_minor}, its open payouts add up to "
                f"{reserved} minor units (I4)",
            )
        held = self._held.get(account_id, 0)
        if account.held_minor != held:
            self._report.add(
                place,
                f"held is {account.held_minor}, its open holds add up to {held} minor "
                "units (I4)",
            )
        stored = self._under_way_stored.get(account_id, 0)
        count = self._under_way.get(account_id, 0)
        if stored != count:
            self._report.add(
                _place(Table.UNDER_WAY, account_id),
                f"{stored} payouts are said to be under way, {count} are (I5)",
            )
        touched = self._touched.get(account_id)
        sequence = 0 if touched is None else touched.sequence
        last_entry = self._last_entries.get(account_id, NO_ENTRY)
        if (account.sequence, account.last_entry) != (sequence, last_entry):
            self._report.add(
                place,
                f"sequence {account.sequence} at {account.last_entry}, its last journal "
                f"entry is {sequence} at {last_entry} (I11)",
            )

    def _internals_folded(self) -> set[InternalKey]:
        return {key for key in self._folded if not key.account.is_customer}


def _check_ties(tables: Tables, report: Report) -> None:
    """Look at each row beside those that lead to it: what a replay would find otherwise."""
    for table in Table:
        try:
            for key, value in tables.scan(table):
                try:
                    check_row(tables, table, key, value)
                except CorruptionError as error:
                    report.add(_place(table, key), str(error))
        except CorruptionError as error:
            report.add(f"state/ table {table}", str(error))


# The replay.


def _check_replay(
    environment: Environment,
    tables: Tables,
    applied: Applied,
    report: Report,
    progress: Progress,
) -> None:
    """Fold the log again into an empty state, and compare digest and every row (I8, I12)."""
    with (
        tempfile.TemporaryDirectory(prefix="ledgerd-check-") as name,
        open_directory(Path(name), cluster_id="check", node_id=NodeId(1)) as scratch,
    ):
        store = LmdbStateStore(scratch)
        try:
            _replay(environment, store, applied.index, progress)
        except (LedgerdError, AssertionError) as error:
            # A node that met this entry stopped at it: say which one it is.
            failed = store.applied() + 1
            place = f"log/ table entries index {failed}"
            report.add(place, f"it cannot be applied: {error}")
            return
        store.commit()
        if store.state_version() != applied.state_version:
            report.add(
                "state/ table meta key applied",
                f"state version {applied.state_version} is in force at index {applied.index}, "
                f"the log gives {store.state_version()} (F26)",
            )
        if store.digest() != applied.digest:
            report.add(
                "state/ table meta key applied",
                f"digest {applied.digest.hex()} at index {applied.index}, the log gives "
                f"{store.digest().hex()} (I12)",
            )
        with scratch.state.begin() as transaction:
            _compare_rows(tables, Tables(scratch, transaction), report)


def _replay(
    environment: Environment, store: LmdbStateStore, last: Index, progress: Progress
) -> None:
    """Fold entries 1 .. last, which are known to be intact, into `store`."""
    for entry in _entries(environment, Report(), GENESIS_ANCHOR):
        if entry.index > last:
            break
        folded = fold(
            store.view,
            entry,
            store.digest(),
            store.membership(),
            state_version=store.state_version(),
            tree=store.tree(),
        )
        store.write(entry, folded.rows, folded.digest, folded.tree)
        if entry.index % COMMIT_ENTRIES == 0:
            store.commit()
            progress("replay", entry.index, last)
    progress("replay", last, last)


def _compare_rows(found: Tables, expected: Tables, report: Report) -> None:
    """Walk both states in key order and note each row that is not what the log makes of it."""
    for table in Table:
        mine = _rows(found, table)
        theirs = _rows(expected, table)
        row, wanted = next(mine, None), next(theirs, None)
        try:
            while row is not None or wanted is not None:
                if row is None or (wanted is not None and wanted[0] < row[0]):
                    assert wanted is not None
                    report.add(
                        _place(table, wanted[0]),
                        "the log makes this row; it is missing",
                    )
                    wanted = next(theirs, None)
                elif wanted is None or row[0] < wanted[0]:
                    report.add(_place(table, row[0]), "the log does not make this row")
                    row = next(mine, None)
                else:
                    if row[1] != wanted[1]:
                        report.add(
                            _place(table, row[0]), "it is not what the log makes of it"
                        )
                    row, wanted = next(mine, None), next(theirs, None)
        except CorruptionError as error:
            report.add(f"state/ table {table}", str(error))


def _rows(tables: Tables, table: Table) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows that apply wrote: all but this package's own."""
    return (
        (key, value)
        for key, value in tables.scan(table)
        if table is not Table.META or key not in (keys.IDENTITY, keys.APPLIED)
    )


def _customer_key(book: Book, account_id: bytes, kind: AccountKind) -> InternalKey:
    return InternalKey(book, LedgerAccount(kind, account_id))


def _place(table: Table, key: bytes) -> str:
    return f"state/ table {table} key {key.hex()}"


def _book_name(book: Book) -> str:
    return f"{'live' if book.livemode else 'sandbox'} {currency_code(book.currency)}"
