"""State as the commands of one entry see it: what was read, under what was written since.

Each row of the view is read at most once and then lives here, so later commands of the
entry see what earlier ones did. `writes` hands out what changed, by table, sorted.
"""

from bisect import bisect_left
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple

from ledgerd.ledger.accounts import (
    Account,
    AccountKind,
    AccountStatus,
    Book,
    EntryPosition,
    InternalKey,
    LedgerAccount,
    Position,
    Side,
    normal_side,
)
from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue import Rail, Suspension
from ledgerd.ledger.currencies import CurrencySet
from ledgerd.ledger.details import Destination, destination_of
from ledgerd.ledger.events import AccountAfter, Event, EventKind
from ledgerd.ledger.exceptions import EvidenceId, EvidenceUse, LedgerException
from ledgerd.ledger.fees import FeeSchedule, FeeSchedules
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.identity import IdKind, IdRecord, RequestRecord
from ledgerd.ledger.journal import EntryReason, JournalEntry, Leg, Touched
from ledgerd.ledger.money import fits
from ledgerd.ledger.payouts import UNDER_WAY, PayoutHead, PayoutStatus
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.risk import LimitSet, RuleSet
from ledgerd.ledger.roles import RoleSet
from ledgerd.ledger.timers import Timer
from ledgerd.ledger.view import ExternalRef, KnownKey, LedgerView, Writes
from ledgerd.ledger.vouchers import Voucher
from ledgerd.ledger.windows import WindowKey, WindowUse


class Plan(NamedTuple):
    """The balances that a set of legs would leave, all of which fit."""

    book: Book
    legs: tuple[Leg, ...]
    customers: dict[tuple[bytes, AccountKind], int]
    internals: dict[InternalKey, int]


class WorkingSet:
    """One entry's view of the ledger, and the record of what it changed."""

    def __init__(self, view: LedgerView) -> None:
        self._view = view
        self._accounts: dict[bytes, Account | None] = {}
        self._ids: dict[tuple[IdKind, bytes], IdRecord | None] = {}
        self._heads: dict[Position, PayoutHead] = {}
        self._statuses: dict[Position, PayoutStatus | None] = {}
        self._requests: dict[bytes, RequestRecord | None] = {}
        self._refs: dict[ExternalRef, Position | None] = {}
        self._reversed: dict[ExternalRef, int] = {}
        self._under_way: dict[bytes, int] = {}
        self._holds: dict[Position, Hold | None] = {}
        self._vouchers: dict[bytes, Voucher | None] = {}
        self._internals: dict[InternalKey, int] = {}
        self._fees = view.fee_schedules()
        self._event_seq = view.event_seq()

        self._changed_accounts: set[bytes] = set()
        self._changed_internals: set[InternalKey] = set()
        self._new_heads: list[PayoutHead] = []
        self._new_statuses: dict[Position, PayoutStatus] = {}
        self._new_pasts: dict[tuple[EntryPosition, Position], PayoutStatus] = {}
        self._new_ids: dict[tuple[IdKind, bytes], IdRecord] = {}
        self._new_requests: dict[bytes, RequestRecord] = {}
        self._new_refs: dict[ExternalRef, Position] = {}
        self._new_reversals: set[ExternalRef] = set()
        self._new_under_way: dict[bytes, int] = {}
        self._new_holds: dict[Position, Hold] = {}
        self._new_vouchers: dict[bytes, Voucher] = {}
        self._new_fees: list[FeeSchedule] = []
        self._catalogue = view.catalogue()
        self._new_rails: list[RailRecord] = []
        self._new_calendars: list[Calendar] = []
        self._new_suspensions: dict[int, Suspension] = {}
        self._rail_keys: dict[str, Position | None] = {}
        self._evidence: dict[EvidenceId, EvidenceUse | None] = {}
        self._exceptions: dict[Position, LedgerException | None] = {}
        self._ready: dict[tuple[int, int], set[int]] = {}
        self._ready_before: dict[tuple[int, int], set[int]] = {}
        self._new_rail_keys: dict[str, Position] = {}
        self._new_evidence: dict[EvidenceId, EvidenceUse] = {}
        self._new_exceptions: dict[Position, LedgerException] = {}
        self._policy = view.policy()
        self._destinations: dict[bytes, Destination] = {}
        self._new_limits: list[LimitSet] = []
        self._new_rules: list[RuleSet] = []
        self._new_roles: list[RoleSet] = []
        self._new_currencies: list[CurrencySet] = []
        self._windows: dict[WindowKey, WindowUse] = {}
        self._known: dict[KnownKey, Position | None] = {}
        self._frozen: dict[str, int] = {}
        self._changed_windows: set[WindowKey] = set()
        self._new_known: dict[KnownKey, Position] = {}
        self._changed_frozen: set[str] = set()
        self._timers: dict[Timer, bool] = {}
        self._journal: list[JournalEntry] = []
        self._events: list[Event] = []

    # Reads

    def account(self, account_id: bytes) -> Account | None:
        """Return the account as it is now. The caller does not change it."""
        if account_id not in self._accounts:
            (self._accounts[account_id],) = self._view.accounts([account_id])
        return self._accounts[account_id]

    def id(self, kind: IdKind, id_: bytes) -> IdRecord | None:
        """Return what is kept of an id."""
        if (kind, id_) not in self._ids:
            (self._ids[kind, id_],) = self._view.ids(kind, [id_])
        return self._ids[kind, id_]

    def payout(self, position: Position) -> PayoutHead:
        """Return the head of a payout that exists."""
        if position not in self._heads:
            (self._heads[position],) = self._view.payouts([position])
        return self._heads[position]

    def payouts_after(self, position: Position, limit: int) -> list[PayoutHead]:
        """Return payouts behind `position` that stood there before this entry, in order."""
        return self._view.payouts_after(position, limit)

    def payout_status(self, position: Position) -> PayoutStatus | None:
        """Return what changed since the payout was made."""
        if position not in self._statuses:
            (self._statuses[position],) = self._view.payout_statuses([position])
        return self._statuses[position]

    def request(self, request_id: bytes) -> RequestRecord | None:
        """Return what is kept of a request id."""
        if request_id not in self._requests:
            (self._requests[request_id],) = self._view.requests([request_id])
        return self._requests[request_id]

    def external_ref(self, ref: ExternalRef) -> Position | None:
        """Return who used the reference."""
        if ref not in self._refs:
            (self._refs[ref],) = self._view.external_refs([ref])
        return self._refs[ref]

    def entry(self, position: EntryPosition) -> JournalEntry | None:
        """Return a journal entry, one that this log entry posted too."""
        journal = self._journal  # in the order of positions
        at = bisect_left(journal, position, key=attrgetter("position"))
        if at < len(journal) and journal[at].position == position:
            return journal[at]
        return self._view.entry(position)

    def reversed_minor(self, ref: ExternalRef) -> int:
        """Return how much of the Fund with this reference was reversed."""
        if ref not in self._reversed:
            self._reversed[ref] = self._view.reversed_minor(ref)
        return self._reversed[ref]

    def payouts_under_way(self, account_id: bytes) -> int:
        """Return how many payouts of an account are DISPATCHING or SENT."""
        if account_id not in self._under_way:
            self._under_way[account_id] = self._view.payouts_under_way(account_id)
        return self._under_way[account_id]

    def hold(self, position: Position) -> Hold:
        """Return a hold that exists."""
        if position not in self._holds:
            self._holds[position] = self._view.hold(position)
        hold = self._holds[position]
        assert hold is not None, position
        return hold

    def voucher(self, voucher_id: bytes) -> Voucher | None:
        """Return a voucher."""
        if voucher_id not in self._vouchers:
            self._vouchers[voucher_id] = self._view.voucher(voucher_id)
        return self._vouchers[voucher_id]

    def rail(self, number: int, ts_us: int) -> Rail | None:
        """Return a rail as the catalogue of a log time has it."""
        return self._catalogue.known(number, ts_us)

    def calendar(self, name: str, ts_us: int) -> Calendar | None:
        """Return the calendar in force at a log time."""
        return self._catalogue.calendar(name, ts_us)

    def window_versions(self, rail: int, ts_us: int) -> tuple[int, int]:
        """Return the versions of a rail's record and calendar in force; 0 where there is none."""
        return self._catalogue.window_versions(rail, ts_us)

    def rail_names(self) -> dict[str, int]:
        """Return the numbers of all rails by name, those of later times too."""
        return self._catalogue.names()

    def rail_versions(self, number: int) -> tuple[RailRecord, ...]:
        """Return all versions of a rail's record."""
        return self._catalogue.rails.get(number, ())

    def calendar_versions(self, name: str) -> tuple[Calendar, ...]:
        """Return all versions of a calendar."""
        return self._catalogue.calendars.get(name, ())

    def suspension(self, number: int) -> Suspension:
        """Return whether a rail is suspended."""
        return self._catalogue.suspension(number)

    @property
    def policy(self) -> Policy:
        """All versions of these settings that were set before this entry.

        None of its own takes effect within it: their log times are later than the entry's.
        """
        return self._policy

    @property
    def limits_version(self) -> int:
        """The version of the newest limits, those of this entry too."""
        return len(self._policy.limits) + len(self._new_limits)

    @property
    def rules_version(self) -> int:
        """The version of the newest rules, those of this entry too."""
        return len(self._policy.rules) + len(self._new_rules)

    @property
    def roles_version(self) -> int:
        """The version of the newest roles, those of this entry too; 0 if none were set."""
        return len(self._policy.roles) + len(self._new_roles)

    @property
    def currencies_version(self) -> int:
        """The version of the newest retired currencies, as `roles_version`."""
        return len(self._policy.currencies) + len(self._new_currencies)

    def is_retired(self, currency: int, ts_us: int) -> bool:
        """Return whether a currency is refused for new work at a log time."""
        return currency in self._policy.retired_at(ts_us)

    def destination(self, details: bytes) -> Destination:
        """Return what guards know of where packed details lead."""
        if details not in self._destinations:
            self._destinations[details] = destination_of(details)
        return self._destinations[details]

    def window(self, key: WindowKey) -> WindowUse:
        """Return what a window holds now."""
        if key not in self._windows:
            self._windows[key] = self._view.window(key)
        return self._windows[key]

    def known_destination(self, key: KnownKey) -> Position | None:
        """Return the first payout seen to settle there."""
        if key not in self._known:
            self._known[key] = self._view.known_destination(key)
        return self._known[key]

    def frozen_accounts(self, owner_ref: str) -> int:
        """Return how many accounts of an owner are frozen."""
        if owner_ref not in self._frozen:
            self._frozen[owner_ref] = self._view.frozen_accounts(owner_ref)
        return self._frozen[owner_ref]

    def rail_key(self, key: str) -> Position | None:
        """Return which payout has or had the rail key."""
        if key not in self._rail_keys:
            self._rail_keys[key] = self._view.rail_key(key)
        return self._rail_keys[key]

    def evidence(self, id_: EvidenceId) -> EvidenceUse | None:
        """Return what an evidence id was used for."""
        if id_ not in self._evidence:
            self._evidence[id_] = self._view.evidence(id_)
        return self._evidence[id_]

    def exception(self, position: Position) -> LedgerException | None:
        """Return an exception."""
        if position not in self._exceptions:
            self._exceptions[position] = self._view.exception(position)
        return self._exceptions[position]

    def internal_minor(self, key: InternalKey) -> int:
        """Return the balance of an internal account."""
        return self._internal(key)

    def due_timers(self, ts_us: int, limit: int) -> list[Timer]:
        """Return the first `limit` timers that are due at or before `ts_us`, in order."""
        gone = [timer for timer, is_kept in self._timers.items() if not is_kept]
        stored = self._view.timers(ts_us, limit + len(gone))
        due = {timer for timer in stored if self._timers.get(timer, True)}
        due |= {
            timer
            for timer, is_kept in self._timers.items()
            if is_kept and timer.due_us <= ts_us
        }
        return sorted(due)[:limit]

    def fee_schedules(self) -> FeeSchedules:
        """Return all versions of the fee schedule."""
        return self._fees

    # Postings

    def plan(self, book: Book, legs: tuple[Leg, ...]) -> Plan | None:
        """Return what the legs would leave; None if an amount or a balance overflows.

        Every customer account named must exist and belong to the book.
        """
        customers: dict[tuple[bytes, AccountKind], int] = {}
        internals: dict[InternalKey, int] = {}
        for leg in legs:
            if not fits(leg.amount_minor):
                return None
            change_minor = (
                leg.amount_minor
                if leg.side == normal_side(leg.account.kind)
                else -leg.amount_minor
            )
            if leg.account.is_customer:
                at = (leg.account.subject, leg.account.kind)
                if at not in customers:
                    customers[at] = self._balance(leg.account, book)
                customers[at] += change_minor
            else:
                key = InternalKey(book, leg.account)
                if key not in internals:
                    internals[key] = self._internal(key)
                internals[key] += change_minor
        if not all(fits(balance) for balance in customers.values()):
            return None
        if not all(fits(balance) for balance in internals.values()):
            return None
        return Plan(book, legs, customers, internals)

    def post(self, position: EntryPosition, reason: EntryReason, plan: Plan) -> None:
        """Write one journal entry and the balances it leaves. # I1, I3."""
        for leg in plan.legs:
            if leg.account.kind == AccountKind.AVAILABLE and leg.side == Side.DEBIT:
                account = self._existing(leg.account.subject)
                left_minor = plan.customers[leg.account.subject, leg.account.kind]
                assert left_minor >= account.min_balance_minor, (account, plan)  # I3
        for (account_id, kind), balance_minor in plan.customers.items():
            assert kind == AccountKind.AVAILABLE or balance_minor >= 0, plan  # I3
            account = self._existing(account_id)
            account.add(kind, balance_minor - account.balance_minor(kind))
        for key, balance_minor in plan.internals.items():
            self._internals[key] = balance_minor
            self._changed_internals.add(key)

        touched: list[Touched] = []
        for account_id in dict.fromkeys(account_id for account_id, _ in plan.customers):
            account = self._existing(account_id)
            assert account.last_entry < position, (account, position)  # I11
            account.sequence += 1
            touched.append(
                Touched(
                    account_id, account.sequence, account.balances, account.last_entry
                )
            )
            account.last_entry = position
            self._changed_accounts.add(account_id)
        self._journal.append(
            JournalEntry(position, reason, plan.book, plan.legs, tuple(touched))
        )

    # Other writes

    def open_account(self, account: Account) -> None:
        """Add an account that did not exist."""
        assert self.account(account.account_id) is None, account
        self._accounts[account.account_id] = account
        self._changed_accounts.add(account.account_id)

    def set_account_status(self, account_id: bytes, status: AccountStatus) -> None:
        """Close or freeze an account, or let it work again."""
        account = self._existing(account_id)
        change = (status is AccountStatus.FROZEN) - (
            account.status is AccountStatus.FROZEN
        )
        if change and account.owner_ref:
            count = self.frozen_accounts(account.owner_ref) + change
            assert count >= 0, (account, count)
            self._frozen[account.owner_ref] = count
            self._changed_frozen.add(account.owner_ref)
        account.status = status
        self._changed_accounts.add(account_id)

    def set_reversed(self, ref: ExternalRef, reversed_minor: int) -> None:
        """Keep how much of a Fund was reversed. It only rises."""
        assert reversed_minor > self.reversed_minor(ref), (ref, reversed_minor)
        self._reversed[ref] = reversed_minor
        self._new_reversals.add(ref)

    def add_hold(self, hold: Hold) -> None:
        """Add a hold, and spend its id."""
        self._holds[hold.position] = self._new_holds[hold.position] = hold
        self.spend_id(IdKind.HOLD, hold.hold_id, IdRecord(*hold.position))
        self.add_timer(hold.timer)

    def end_hold(self, hold: Hold) -> None:
        """Put a hold that ended in the place of the open one; no Tick acts on it any more."""
        assert self.hold(hold.position).state != hold.state, hold
        self.drop_timer(hold.timer)
        self._holds[hold.position] = self._new_holds[hold.position] = hold

    def add_voucher(self, voucher: Voucher) -> None:
        """Add a voucher that did not exist."""
        assert self.voucher(voucher.voucher_id) is None, voucher
        self.set_voucher(voucher)

    def set_voucher(self, voucher: Voucher) -> None:
        """Change a voucher."""
        id_ = voucher.voucher_id
        self._vouchers[id_] = self._new_vouchers[id_] = voucher

    def add_payout(self, head: PayoutHead) -> None:
        """Add a payout, and spend its id."""
        self._heads[head.position] = head
        self._statuses[head.position] = None
        self._new_heads.append(head)
        self.spend_id(IdKind.PAYOUT, head.payout_id, IdRecord(*head.position))

    def set_payout_status(self, position: Position, status: PayoutStatus) -> None:
        """Change a payout; keep what it was. Its changes are numbered densely. # I9.

        A list as of an earlier index walks back from `status.last_entry` (ledger.md 9.3).
        """
        before = self.payout_status(position)
        assert status.sequence == 1 + (before.sequence if before else 0), status  # I9
        if before is not None:
            assert before.last_entry < status.last_entry, (before, status)  # I11
            self._new_pasts[status.last_entry, position] = before
        state_before = self.payout(position).state if before is None else before.state
        change = (status.state in UNDER_WAY) - (state_before in UNDER_WAY)
        if change:
            account_id = self.payout(position).account_id
            count = self.payouts_under_way(account_id) + change
            assert count >= 0, (account_id, count)  # I5
            self._under_way[account_id] = self._new_under_way[account_id] = count
        self._statuses[position] = self._new_statuses[position] = status

    def spend_id(self, kind: IdKind, id_: bytes, record: IdRecord) -> None:
        """Keep an id for ever."""
        assert self.id(kind, id_) is None, (kind, id_)
        self._ids[kind, id_] = self._new_ids[kind, id_] = record

    def spend_request(self, request_id: bytes, record: RequestRecord) -> None:
        """Keep a request id with its answer."""
        assert self.request(request_id) is None, request_id
        self._requests[request_id] = self._new_requests[request_id] = record

    def use_external_ref(self, ref: ExternalRef, position: Position) -> None:
        """Use a bank's reference. # I9."""
        assert self.external_ref(ref) is None, ref  # I9
        self._refs[ref] = self._new_refs[ref] = position

    def set_fees(self, schedule: FeeSchedule) -> None:
        """Add a version of the schedule."""
        self._fees = self._fees.including(schedule)
        self._new_fees.append(schedule)

    def set_rail(self, rail: RailRecord) -> None:
        """Add a version of a rail's record."""
        versions = self.rail_versions(rail.number)
        assert rail.version == len(versions) + 1, rail
        rails = {**self._catalogue.rails, rail.number: (*versions, rail)}
        self._catalogue = replace(self._catalogue, rails=rails)
        self._new_rails.append(rail)

    def set_calendar(self, calendar: Calendar) -> None:
        """Add a version of a calendar."""
        versions = self.calendar_versions(calendar.name)
        assert calendar.version == len(versions) + 1, calendar
        calendars = {**self._catalogue.calendars, calendar.name: (*versions, calendar)}
        self._catalogue = replace(self._catalogue, calendars=calendars)
        self._new_calendars.append(calendar)

    def set_suspension(self, suspension: Suspension) -> None:
        """Suspend a rail, or resume it."""
        suspensions = {**self._catalogue.suspensions, suspension.rail: suspension}
        self._catalogue = replace(self._catalogue, suspensions=suspensions)
        self._new_suspensions[suspension.rail] = suspension

    def set_limits(self, limits: LimitSet) -> None:
        """Add a version of the limits, in force from a later entry on."""
        assert limits.version == self.limits_version + 1, limits
        self._new_limits.append(limits)

    def set_rules(self, rules: RuleSet) -> None:
        """Add a version of the rules, in force from a later entry on."""
        assert rules.version == self.rules_version + 1, rules
        self._new_rules.append(rules)

    def set_roles(self, roles: RoleSet) -> None:
        """Add a version of the roles, in force from a later entry on."""
        assert roles.version == self.roles_version + 1, roles
        self._new_roles.append(roles)

    def set_currencies(self, currencies: CurrencySet) -> None:
        """Add a version of the retired currencies, in force from a later entry on."""
        assert currencies.version == self.currencies_version + 1, currencies
        self._new_currencies.append(currencies)

    def set_window(self, key: WindowKey, use: WindowUse) -> None:
        """Change what a window holds."""
        self._windows[key] = use
        self._changed_windows.add(key)

    def know_destination(self, key: KnownKey, position: Position) -> None:
        """Keep which payout was the first seen to settle there."""
        assert self.known_destination(key) is None, key
        self._known[key] = self._new_known[key] = position

    def use_rail_key(self, key: str, position: Position) -> None:
        """Give a payout its rail key; it keeps the earlier ones."""
        assert self.rail_key(key) in (None, position), (key, position)
        self._rail_keys[key] = self._new_rail_keys[key] = position

    def use_evidence(self, id_: EvidenceId, use: EvidenceUse) -> None:
        """Use an evidence id. # I9."""
        assert self.evidence(id_) is None, id_  # I9
        self._evidence[id_] = self._new_evidence[id_] = use

    def set_exception(self, exception: LedgerException) -> None:
        """Open or change an exception."""
        at = exception.position
        self._exceptions[at] = self._new_exceptions[at] = exception

    def set_ready(self, rail: int, position: Position, *, is_ready: bool) -> None:
        """Let a worker take a payout, or no longer."""
        index, ordinal = position
        if (rail, index) not in self._ready:
            before = set(self._view.ready(rail, index))
            self._ready_before[rail, index] = before
            self._ready[rail, index] = set(before)
        if is_ready:
            self._ready[rail, index].add(ordinal)
        else:
            self._ready[rail, index].discard(ordinal)

    def add_timer(self, timer: Timer) -> None:
        """Let a Tick act on `timer` once it is due."""
        self._timers[timer] = True

    def drop_timer(self, timer: Timer) -> None:
        """Let no Tick act on `timer`. Whoever ends what it is for must call this."""
        self._timers[timer] = False

    def tell(
        self,
        *,
        position: EntryPosition,
        kind: EventKind,
        ts_us: int,
        subject: bytes,
        state_before: int = 0,
        state_after: int = 0,
        currency: int = 0,
        amount_minor: int = 0,
        fee_minor: int = 0,
        accounts: tuple[bytes, ...] = (),
    ) -> None:
        """Add one event, numbered next. # I11."""
        self._event_seq += 1
        self._events.append(
            Event(
                position,
                self._event_seq,
                kind,
                ts_us,
                subject,
                state_before,
                state_after,
                currency,
                amount_minor,
                fee_minor,
                tuple(
                    AccountAfter(account_id, self._existing(account_id).balances)
                    for account_id in accounts
                ),
            )
        )

    def writes(self) -> Writes:
        """Return everything that changed, sorted by key."""
        return Writes(
            payouts=self._new_heads,
            payout_statuses=sorted(self._new_statuses.items()),
            payout_pasts=sorted(
                (change, position, before)
                for (change, position), before in self._new_pasts.items()
            ),
            journal=self._journal,
            events=self._events,
            accounts=[self._existing(id_) for id_ in sorted(self._changed_accounts)],
            internals=[
                (key, self._internals[key]) for key in sorted(self._changed_internals)
            ],
            ids=sorted(
                ((kind, id_, record) for (kind, id_), record in self._new_ids.items()),
                key=lambda row: (row[1], row[0]),
            ),
            requests=sorted(self._new_requests.items()),
            external_refs=sorted(self._new_refs.items()),
            reversals=[
                (ref, self._reversed[ref]) for ref in sorted(self._new_reversals)
            ],
            under_way=sorted(self._new_under_way.items()),
            holds=[hold for _, hold in sorted(self._new_holds.items())],
            vouchers=[voucher for _, voucher in sorted(self._new_vouchers.items())],
            fee_schedules=sorted(self._new_fees, key=_fees_order),
            rails=self._new_rails,
            calendars=self._new_calendars,
            suspensions=[row for _, row in sorted(self._new_suspensions.items())],
            rail_keys=sorted(self._new_rail_keys.items()),
            evidence=sorted(self._new_evidence.items()),
            exceptions=[row for _, row in sorted(self._new_exceptions.items())],
            ready=[
                (rail, index, tuple(sorted(ordinals)))
                for (rail, index), ordinals in sorted(self._ready.items())
                if ordinals != self._ready_before[rail, index]
            ],
            limits=self._new_limits,
            rules=self._new_rules,
            roles=self._new_roles,
            currencies=self._new_currencies,
            windows=[
                (key, self._windows[key]) for key in sorted(self._changed_windows)
            ],
            known_destinations=sorted(self._new_known.items()),
            frozen_owners=[
                (owner, self._frozen[owner]) for owner in sorted(self._changed_frozen)
            ],
            timers=sorted(self._timers.items()),
            event_seq=self._event_seq if self._events else None,
        )

    def _existing(self, account_id: bytes) -> Account:
        account = self.account(account_id)
        assert account is not None, account_id
        return account

    def _balance(self, ledger_account: LedgerAccount, book: Book) -> int:
        account = self._existing(ledger_account.subject)
        assert account.book == book, (account, book)  # I1: one book
        return account.balance_minor(ledger_account.kind)

    def _internal(self, key: InternalKey) -> int:
        if key not in self._internals:
            (self._internals[key],) = self._view.internals([key])
        return self._internals[key]


def _fees_order(schedule: FeeSchedule) -> tuple[int, int]:
    return schedule.effective_from_us, schedule.version
